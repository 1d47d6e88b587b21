//! What a version is compared to, as commands say it: a range of the past, or rows of a training set.

use serde::{Deserialize, Serialize};

use crate::event::features::Features;
use crate::event::{Value, instant};
use crate::ids::Name;
use crate::time::Timestamp;

/// The minutes of a model that begin in `[from, until)`. On the wire instants are RFC 3339 or epoch numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastRange {
    pub model: Name,
    /// Absent: every version that has enough predictions in the range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Name>,
    #[serde(with = "instant")]
    pub from: Timestamp,
    #[serde(with = "instant")]
    pub until: Timestamp,
}

/// Rows of a training set for one version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRows {
    pub model: Name,
    /// Absent: predictions that name no version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Name>,
    /// These are the first rows: what was given before is forgotten.
    pub first: bool,
    /// These are the last rows: the reference is whole.
    pub last: bool,
    pub rows: Vec<TrainingRow>,
}

/// One row of a training set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRow {
    pub features: Features,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prediction: Option<Value>,
    /// Probability of the positive class, or the stated confidence, as predictions of the version have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
}
