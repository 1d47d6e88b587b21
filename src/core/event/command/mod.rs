//! What people and policies decide. A file for each room that obeys: what its commands hold, what their types do not check, and which role may
//! give them.

pub mod drift;
pub mod models;
pub mod references;
pub mod retraining;
pub mod thresholds;
pub mod tokens;
pub mod windows;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::event::RetrainingChange;
use crate::event::wire::fault::Flaws;
use crate::ids::Name;
use crate::time::Timestamp;

pub use drift::{DetectorChoice, PolicyChange, Season};
pub use models::{DescriptionChange, TaskChoice, VersionChoice};
pub use references::{PastRange, TrainingRow, TrainingRows};
pub use thresholds::{Direction, MetricThreshold};
pub use tokens::Role;
pub use windows::RetentionChange;

/// What people and policies decide. On the wire an object tagged by `command`, such as `{"command":"set_thresholds", …}`. A key that
/// a command does not have is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Fields left out keep their value.
    SetThresholds {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accuracy_threshold: Option<f64>,
        /// Seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        response_time_threshold: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error_rate_threshold: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        drift_threshold: Option<f64>,
    },
    /// Compare metrics of one model to thresholds of its own. One for the same metric and direction replaces the one before.
    SetModelThresholds {
        model: Name,
        thresholds: Vec<MetricThreshold>,
        /// Those that are not named are forgotten.
        #[serde(default)]
        replace: bool,
    },
    /// Forget thresholds of one model: of the metrics named, or all of them.
    UnsetModelThresholds {
        model: Name,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        metrics: Vec<CompactString>,
    },
    /// Fields left out keep their value.
    SetDriftPolicy(PolicyChange),
    /// Forget a version's reference (or all of a model's) and gather the predictions to come.
    GatherReference {
        model: Name,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<Name>,
    },
    /// Watch every version of a model by these detectors beside those that every version has.
    SetDetectors {
        model: Name,
        detectors: Vec<DetectorChoice>,
    },
    /// Read the values of a model as classes or as quantities, whatever they look like.
    SetTask {
        model: Name,
        task: TaskChoice,
    },
    /// Have a version serve, compare it without its answers being used, or retire it.
    SetVersionState {
        model: Name,
        /// Absent: predictions that name no version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<Name>,
        state: VersionChoice,
    },
    /// Compare a version (or all of a model's that have enough of it) to what it was asked and what it answered in the past.
    ReferenceFromRange(PastRange),
    /// Compare a version to a training set. Several commands may give its rows, one after the other.
    UseReference(TrainingRows),
    /// Whose a model is, and by which words to find it.
    DescribeModel(DescriptionChange),
    /// How long windows are kept, as minutes, hours and days.
    SetWindowRetention(RetentionChange),
    /// When models are trained anew, from what, and what becomes of the result.
    SetRetraining(Box<RetrainingChange>),
    /// Train a model anew.
    Retrain {
        model: Name,
    },
    /// End a job of retraining, queued or running.
    CancelRetraining {
        /// As the job shows it, such as `12-0`.
        job: CompactString,
    },
    /// Have a trained version take the place of the champion.
    PromoteVersion {
        model: Name,
        version: u32,
    },
    /// Go back to the champion before, or to a version that served once.
    RollBackModel {
        model: Name,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<u32>,
    },
    /// Keep the champion whatever evidence says, or no longer.
    PinModel {
        model: Name,
        pinned: bool,
    },
    /// Delete a model and all that is known of it, so that there is room for another name.
    ForgetModel {
        model: Name,
    },
    /// Delete a source, its series and its records.
    ForgetSource {
        source: Name,
    },
    CreateToken {
        id: CompactString,
        name: Name,
        role: Role,
        /// BLAKE3 of the whole token, in hexadecimal. The token itself is never in the log.
        hash: CompactString,
        /// When it stops being valid; absent: when it is revoked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
    },
    RevokeToken {
        id: CompactString,
    },
}

impl Command {
    /// The least role that may give it.
    pub const fn role(&self) -> Role {
        match self {
            Self::SetThresholds { .. } | Self::SetModelThresholds { .. } | Self::UnsetModelThresholds { .. } => {
                thresholds::ROLE
            }
            Self::CreateToken { .. } | Self::RevokeToken { .. } => tokens::ROLE,
            Self::SetDriftPolicy(_) | Self::SetDetectors { .. } => drift::ROLE,
            Self::GatherReference { .. } | Self::ReferenceFromRange(_) | Self::UseReference(_) => references::ROLE,
            Self::SetTask { .. } | Self::SetVersionState { .. } | Self::DescribeModel(_) => models::ROLE,
            Self::ForgetModel { .. } | Self::ForgetSource { .. } => models::ROLE_TO_FORGET,
            Self::SetWindowRetention(_) => windows::ROLE,
            Self::SetRetraining(_) => retraining::ROLE,
            Self::Retrain { .. }
            | Self::CancelRetraining { .. }
            | Self::PromoteVersion { .. }
            | Self::RollBackModel { .. }
            | Self::PinModel { .. } => retraining::ROLE_TO_DECIDE,
        }
    }

    /// Looks for what its types do not say.
    pub(super) fn check(&mut self, flaws: &mut Flaws) {
        match self {
            Self::SetThresholds { accuracy_threshold, response_time_threshold, error_rate_threshold, drift_threshold } => {
                let shares = [
                    ("accuracy_threshold", *accuracy_threshold),
                    ("error_rate_threshold", *error_rate_threshold),
                    ("drift_threshold", *drift_threshold),
                ];
                thresholds::check_all(shares, *response_time_threshold, flaws);
            }
            Self::SetModelThresholds { thresholds, .. } => thresholds::check(thresholds, flaws),
            Self::CreateToken { id, hash, .. } => {
                tokens::check_id(id, flaws);
                tokens::check_hash(hash, flaws);
            }
            Self::RevokeToken { id } => tokens::check_id(id, flaws),
            Self::DescribeModel(change) => models::check(change, flaws),
            Self::SetDriftPolicy(change) => drift::check(change, flaws),
            Self::SetRetraining(change) => retraining::check(change, flaws),
            Self::SetWindowRetention(change) => windows::check(change, flaws),
            Self::ReferenceFromRange(range) => references::check_range(range, flaws),
            Self::UseReference(training) => references::check_rows(training, flaws),
            Self::CancelRetraining { .. }
            | Self::ForgetModel { .. }
            | Self::ForgetSource { .. }
            | Self::GatherReference { .. }
            | Self::PinModel { .. }
            | Self::PromoteVersion { .. }
            | Self::Retrain { .. }
            | Self::RollBackModel { .. }
            | Self::SetDetectors { .. }
            | Self::SetTask { .. }
            | Self::SetVersionState { .. }
            | Self::UnsetModelThresholds { .. } => {}
        }
    }
}
