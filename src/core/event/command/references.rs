//! What a version is compared to: predictions to come, a range of the past, or rows of a training set.

use serde::{Deserialize, Serialize};

use super::Role;
use crate::event::features::Features;
use crate::event::wire::FEATURES_MAX;
use crate::event::wire::fault::{Flaws, Problem, Reason};
use crate::event::wire::leaf::Leaf;
use crate::event::{Value, instant};
use crate::ids::{NAME_BYTES_MAX, Name};
use crate::time::Timestamp;

/// Who may give a version another reference.
pub const ROLE: Role = Role::Operator;

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

/// Looks for what is wrong with a range.
pub(super) fn check_range(range: &PastRange, flaws: &mut Flaws) {
    for (key, instant) in [("from", range.from), ("until", range.until)] {
        flaws.take(Leaf::Instant(instant).instant().map_err(|problem| problem.under(key)));
    }
    if range.until <= range.from {
        let detail = format!("must lie after `from`, {}", range.from);
        flaws.add(Problem::new(Reason::OutOfRange, detail).under("until"));
    }
}

/// Looks for what is wrong with rows; of a score that is one, makes a fraction.
pub(super) fn check_rows(training: &mut TrainingRows, flaws: &mut Flaws) {
    for (index, row) in training.rows.iter_mut().enumerate() {
        let at = |problem: Problem, key: &str| problem.under(key).under(&index.to_string()).under("rows");
        if row.features.values().len() > FEATURES_MAX {
            let detail = format!("a row holds at most {FEATURES_MAX} features");
            flaws.add(at(Problem::new(Reason::TooManyFeatures, detail), "features"));
        }
        if let Some((name, _)) = row.features.iter().find(|(name, _)| !(1..=NAME_BYTES_MAX).contains(&name.len())) {
            let detail = format!("the name of a feature holds 1 to {NAME_BYTES_MAX} bytes, not {}", name.len());
            flaws.add(at(Problem::new(Reason::BadName, detail), "features"));
        }
        let score = row.score.map_or(Leaf::Null, Leaf::Real).fraction();
        row.score = flaws.take(score.map_err(|problem| at(problem, "score"))).flatten();
    }
}
