//! When a model is said to have drifted, and by what that is watched.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Role;
use crate::event::wire::fault::{Flaws, Problem, Reason};

/// Who may change the policy, which is that of the whole fleet, and detectors.
pub const ROLE: Role = Role::Admin;

/// A change detector and what it is to watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectorChoice {
    /// `error`, `loss`, `response_time`, `failure`, `score` or `feature/<name>`.
    pub input: String,
    /// As `tidewatch detect` names it.
    pub detector: String,
    /// As `tidewatch detect --param` takes them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
}

/// What a stream repeats: windows are compared with the same part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Season {
    /// Nothing that is known of.
    #[default]
    None,
    SameHourOfWeek,
}

/// When a window is said to have drifted; see the alarm budget in `monitor::drift::judge`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyChange {
    /// Whether predictions are compared with a reference at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<bool>,
    /// Predictions that a reference window gathers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_rows: Option<u32>,
    /// Width of the windows that are judged, in seconds: whole minutes. 0: as wide as the traffic of each version needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_seconds: Option<u32>,
    /// The least population stability index that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psi_threshold: Option<f64>,
    /// Expected false alarms of the fleet in 30 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_alarms_per_month: Option<f64>,
    /// Labels of one version between two false alarms of its error detector, at least and on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_run_length: Option<f64>,
    /// Whether windows are compared with the same minutes of the weeks before, where there is enough of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<Season>,
    /// Whether the largest segments of a version are judged apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<bool>,
}

/// Looks for values of a policy that are out of their ranges.
pub(super) fn check(change: &PolicyChange, flaws: &mut Flaws) {
    let PolicyChange { reference_rows, window_seconds, psi_threshold, false_alarms_per_month, error_run_length, .. } = change;
    let whole = |value: &Option<u32>| value.map(f64::from);
    for (key, value, low, high) in [
        ("reference_rows", whole(reference_rows), 100.0, 10_000.0),
        ("window_seconds", whole(window_seconds), 0.0, 604_800.0),
        ("psi_threshold", *psi_threshold, 0.0, 10.0),
        ("false_alarms_per_month", *false_alarms_per_month, 1e-6, 1e6),
        ("error_run_length", *error_run_length, 100.0, 1e12),
    ] {
        if value.is_some_and(|value| !(low..=high).contains(&value)) {
            flaws.add(Problem::new(Reason::OutOfRange, format!("must be in {low} to {high}")).under(key));
        }
    }
    // 0: as wide as the traffic of each version needs
    if let Some(seconds) = window_seconds.filter(|seconds| *seconds != 0)
        && !flaws.tells_of("window_seconds")
        && (604_800 % seconds != 0 || seconds % 60 != 0 || (seconds < 86_400 && 86_400 % seconds != 0))
    {
        let detail = "must be whole minutes that part a day evenly, such as 600, or whole days that part a week; 0: as the traffic needs";
        flaws.add(Problem::new(Reason::OutOfRange, detail.to_owned()).under("window_seconds"));
    }
}
