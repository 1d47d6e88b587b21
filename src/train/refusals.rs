//! What makes data unfit to learn from, by name, and what is worth a warning.

use std::collections::HashSet;
use std::fmt;

use serde::Serialize;
use tidewatch_core::stats::boosting::{Column, Kind};

use crate::parameters::Algorithm;
use crate::task::Task;

/// Labelled rows that a model takes at least.
pub const ROWS_MIN: usize = 500;
/// Rows of each class at least: to learn from, and in the hold-out.
pub const CLASS_ROWS_MIN: [usize; 2] = [20, 10];
/// A feature that alone tells the label so well was made of it.
const LEAK_AUC: f64 = 0.995;
const LEAK_R2: f64 = 0.999;
/// The share of hold-out rows that also are among the training rows, from which on the hold-out proves nothing.
const DUPLICATES: f64 = 0.05;

/// Why a model is not trained on these rows.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    #[error("too_few_rows: there are {rows} labelled rows, and {ROWS_MIN} are needed")]
    TooFewRows { rows: usize },
    #[error("one_class: every label is {class:?}, so there is nothing to tell apart")]
    OneClass { class: String },
    #[error("class_too_small: class {class:?} has {rows} rows {place}, and {needed} are needed")]
    ClassTooSmall { class: String, rows: usize, needed: usize, place: &'static str },
    #[error("no_features: no column is left to learn from")]
    NoFeatures,
    #[error("target_among_features: column {column:?} says the same as the label in every row")]
    TargetAmongFeatures { column: String },
    #[error("leaking_feature: column {column:?} alone tells the label ({measure} {value:.4}): was it known before the label?")]
    LeakingFeature { column: String, measure: &'static str, value: f64 },
    #[error("duplicates_across_split: {rows} of {of} hold-out rows are also among the training rows")]
    DuplicatesAcrossSplit { rows: usize, of: usize },
}

/// Something about a column that whoever trains should know.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Warning {
    Constant {
        column: String,
    },
    Missing {
        column: String,
        share: f64,
    },
    Identifier {
        column: String,
    },
    NotNumbers {
        column: String,
        cells: usize,
    },
    /// The oldest, because the algorithm takes no more.
    RowsLeftOut {
        algorithm: Algorithm,
        rows: usize,
        of: usize,
    },
}

impl Refusal {
    pub const CODES: [&'static str; 7] = [
        "too_few_rows",
        "one_class",
        "class_too_small",
        "no_features",
        "target_among_features",
        "leaking_feature",
        "duplicates_across_split",
    ];

    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooFewRows { .. } => "too_few_rows",
            Self::OneClass { .. } => "one_class",
            Self::ClassTooSmall { .. } => "class_too_small",
            Self::NoFeatures => "no_features",
            Self::TargetAmongFeatures { .. } => "target_among_features",
            Self::LeakingFeature { .. } => "leaking_feature",
            Self::DuplicatesAcrossSplit { .. } => "duplicates_across_split",
        }
    }

    /// Whether somebody who knows the data may have it trained all the same. Without two classes or without a feature nothing can be learnt.
    pub const fn can_be_allowed(&self) -> bool {
        !matches!(self, Self::OneClass { .. } | Self::NoFeatures)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant { column } => write!(f, "column {column:?} says the same in every row: it is left out"),
            Self::Missing { column, share } => write!(f, "column {column:?} is empty in {:.0} % of the rows", 100.0 * share),
            Self::Identifier { column } => write!(f, "column {column:?} names or numbers its rows: it is left out"),
            Self::NotNumbers { column, cells } => {
                write!(f, "column {column:?} is numeric and holds {cells} texts: they count as missing")
            }
            Self::RowsLeftOut { algorithm, rows, of } => {
                write!(f, "{} takes the newest rows only: the oldest {rows} of {of} are left out", algorithm.as_str())
            }
        }
    }
}

/// What is unfit about labels.
pub fn of_labels(task: &Task, training: &[f64], holdout: Option<&[f64]>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let all = training.len() + holdout.map_or(0, <[f64]>::len);
    if let Task::Classification(classes) = task {
        if classes.len() < 2 {
            return vec![Refusal::OneClass { class: classes.first().cloned().unwrap_or_default() }];
        }
        let sides = [(Some(training), "to learn from"), (holdout, "in the hold-out")];
        for ((side, place), needed) in sides.into_iter().zip(CLASS_ROWS_MIN) {
            let Some(targets) = side else { continue };
            for (number, class) in classes.iter().enumerate() {
                let rows = targets.iter().filter(|target| **target == number as f64).count();
                if rows < needed {
                    refusals.push(Refusal::ClassTooSmall { class: class.clone(), rows, needed, place });
                }
            }
        }
    }
    if all < ROWS_MIN {
        refusals.insert(0, Refusal::TooFewRows { rows: all });
    }
    refusals
}

/// What is unfit about features, which are `columns` of the training rows by `names`.
pub fn of_features(columns: &[Column], names: &[String], task: &Task, targets: &[f64]) -> Vec<Refusal> {
    if columns.is_empty() {
        return vec![Refusal::NoFeatures];
    }
    let mut refusals = Vec::new();
    for (column, name) in columns.iter().zip(names) {
        let column_name = name.clone();
        if column.kind == Kind::Number && column.values == targets {
            refusals.push(Refusal::TargetAmongFeatures { column: column_name });
            continue;
        }
        let leak = match task.classes() {
            Some(classes) => (0..classes.len())
                .filter(|class| 2 < classes.len() || *class == 1)
                .map(|class| ("AUC", area(column, |row| targets[row] == class as f64)))
                .find(|(_, area)| LEAK_AUC <= *area),
            None => Some(("R²", determination(column, targets))).filter(|(_, value)| LEAK_R2 <= *value),
        };
        if let Some((measure, value)) = leak {
            refusals.push(Refusal::LeakingFeature { column: column_name, measure, value });
        }
    }
    refusals
}

/// How well a column alone tells positive rows from the others, whichever way it goes: the area under its ROC curve, missing values being lowest.
/// Categories are ordered by their share of positive rows.
fn area(column: &Column, positive: impl Fn(usize) -> bool) -> f64 {
    let keys: Vec<f64> = match column.kind {
        Kind::Number => column.values.iter().map(|value| if value.is_nan() { f64::NEG_INFINITY } else { *value }).collect(),
        Kind::Category => {
            let mut counts = vec![[0.0_f64; 2]; 257];
            let place = |value: f64| if value.is_nan() { 256 } else { (value as usize).min(255) };
            for (row, value) in column.values.iter().enumerate() {
                counts[place(*value)][usize::from(positive(row))] += 1.0;
            }
            let share = |[negative, positive]: [f64; 2]| positive / (negative + positive);
            column.values.iter().map(|value| share(counts[place(*value)])).collect()
        }
    };
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_unstable_by(|left, right| keys[*left].total_cmp(&keys[*right]));
    // pairs of a positive above a negative, ties by half
    let (mut pairs, mut negatives, mut positives, mut at) = (0.0, 0.0, 0.0, 0);
    while at < order.len() {
        let (mut more_negatives, mut more_positives, key) = (0.0, 0.0, keys[order[at]]);
        while at < order.len() && keys[order[at]] == key {
            if positive(order[at]) {
                more_positives += 1.0
            } else {
                more_negatives += 1.0
            }
            at += 1;
        }
        pairs += more_positives * (negatives + more_negatives / 2.0);
        negatives += more_negatives;
        positives += more_positives;
    }
    if negatives == 0.0 || positives == 0.0 {
        return 0.0;
    }
    let area: f64 = pairs / (negatives * positives);
    area.max(1.0 - area)
}

/// The share of the label's variance that a straight line over the column explains.
fn determination(column: &Column, targets: &[f64]) -> f64 {
    if column.kind == Kind::Category {
        return 0.0;
    }
    let pairs: Vec<(f64, f64)> =
        column.values.iter().copied().zip(targets.iter().copied()).filter(|(value, _)| value.is_finite()).collect();
    if pairs.len() * 2 < targets.len() {
        return 0.0;
    }
    let count = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(|pair| of(pair) / count).sum::<f64>();
    let (mean_x, mean_y) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in &pairs {
        xx += (x - mean_x) * (x - mean_x);
        yy += (y - mean_y) * (y - mean_y);
        xy += (x - mean_x) * (y - mean_y);
    }
    if 0.0 < xx * yy { xy * xy / (xx * yy) } else { 0.0 }
}

/// Whether too many rows of the hold-out, with their label, are among the training rows.
pub fn of_duplicates(training: (&[Column], &[f64]), holdout: (&[Column], &[f64])) -> Option<Refusal> {
    let key = |(columns, targets): (&[Column], &[f64]), row: usize| -> Vec<u64> {
        columns.iter().map(|column| column.values[row].to_bits()).chain([targets[row].to_bits()]).collect()
    };
    let known: HashSet<Vec<u64>> = (0..training.1.len()).map(|row| key(training, row)).collect();
    let of = holdout.1.len();
    let rows = (0..of).filter(|row| known.contains(&key(holdout, *row))).count();
    (0 < of && DUPLICATES * of as f64 <= rows as f64).then_some(Refusal::DuplicatesAcrossSplit { rows, of })
}
