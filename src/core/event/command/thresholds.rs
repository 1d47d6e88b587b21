//! What figures are compared to: of all models, and of one.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::Role;
use crate::event::wire::fault::{Flaws, Problem, Reason};
use crate::event::wire::leaf::Leaf;
use crate::ids::Name;

/// Who may change thresholds.
pub const ROLE: Role = Role::Admin;

/// Which side of a threshold is the bad one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Too low is bad: the threshold is a floor.
    Below,
    /// Too high is bad: the threshold is a ceiling.
    Above,
}

/// What a metric of one model is compared to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricThreshold {
    /// A metric of the windows (`f1`, `mae`, `precision/<class>`, …), `response_time` (its mean), `p50`, `p95`, `p99`, `coverage`, `drift`, or
    /// `sample/<name>`: the newest value that `source` sent of that name.
    pub metric: CompactString,
    /// Absent: as is usual for the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Critical beyond it. Finite.
    pub value: f64,
    /// A warning where the interval reaches this near to it; absent: as is usual for the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// Whose sample it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Name>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<CompactString>,
    /// What is aimed at, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
}

/// Looks for thresholds of all models that are out of their ranges.
///
/// * `shares`: those that are shares, with their names.
pub(super) fn check_all(shares: [(&str, Option<f64>); 3], response_time_threshold: Option<f64>, flaws: &mut Flaws) {
    for (key, share) in shares {
        flaws.take(share.map_or(Leaf::Null, Leaf::Real).chosen_share().map_err(|problem| problem.under(key)));
    }
    let seconds = response_time_threshold.map_or(Leaf::Null, Leaf::Real);
    flaws.take(seconds.not_negative().map_err(|problem| problem.under("response_time_threshold")));
}

/// Looks for what is wrong with thresholds of one model.
pub(super) fn check(thresholds: &[MetricThreshold], flaws: &mut Flaws) {
    for (index, threshold) in thresholds.iter().enumerate() {
        let mut flaw = |key: &str, detail: &str| {
            let problem = Problem::new(Reason::OutOfRange, detail.to_owned());
            flaws.add(problem.under(key).under(&index.to_string()).under("thresholds"));
        };
        if !threshold.value.is_finite() {
            flaw("value", "must be a finite number");
        }
        if threshold.margin.is_some_and(|margin| !(0.0..f64::INFINITY).contains(&margin)) {
            flaw("margin", "must not be negative");
        }
        if threshold.metric.starts_with("sample/") != threshold.source.is_some() {
            flaw("source", "a metric of the form sample/<name> needs the source that sends it, and no other has one");
        }
    }
}
