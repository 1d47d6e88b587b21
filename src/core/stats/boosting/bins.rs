//! From values to the bins that trees see.

use serde::{Deserialize, Serialize};

use super::{Column, Kind};

/// The bin of what is missing.
pub(super) const MISSING: u8 = 0;
/// Bins of what is not.
const PRESENT_MAX: usize = 254;
/// Rows a bin of many values holds at least: splits leave 20, so finer bins cost time and find little.
const BIN_ROWS_MIN: usize = 12;

/// The bins of one feature, frozen when they were learnt: 0 for what is missing, then up to 254.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Bins {
    /// Ascending edges; a value equal to one belongs above it.
    Numbers(Vec<f64>),
    /// How many codes there are.
    Categories(u8),
}

impl Bins {
    /// Every value of its own, split halfway, up to 254 different ones; beyond, bins of about equally many values, 12 or more.
    pub(super) fn of(column: &Column) -> Self {
        let finite = column.values.iter().copied().filter(|value| value.is_finite());
        if column.kind == Kind::Category {
            let codes = finite.map(|code| code as usize + 1).filter(|codes| *codes <= PRESENT_MAX);
            return Self::Categories(codes.max().unwrap_or(0) as u8);
        }
        let mut sorted: Vec<f64> = finite.map(|value| value + 0.0).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut distinct = sorted.clone();
        distinct.dedup();
        if distinct.len() <= PRESENT_MAX {
            return Self::Numbers(distinct.windows(2).map(|pair| between(pair[0], pair[1])).collect());
        }
        let bins = (sorted.len() / BIN_ROWS_MIN).min(PRESENT_MAX);
        let mut edges: Vec<f64> = (1..bins).map(|step| sorted[step * sorted.len() / bins]).collect();
        edges.dedup();
        Self::Numbers(edges)
    }

    /// How many there are, with that of what is missing.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Numbers(edges) => edges.len() + 2,
            Self::Categories(codes) => usize::from(*codes) + 1,
        }
    }

    pub(super) const fn are_categories(&self) -> bool {
        matches!(self, Self::Categories(_))
    }

    #[inline]
    pub(super) fn place(&self, value: f64) -> u8 {
        match self {
            _ if !value.is_finite() => MISSING,
            Self::Numbers(edges) => 1 + edges.partition_point(|edge| *edge <= value) as u8,
            Self::Categories(codes) if 0.0 <= value && value < f64::from(*codes) => value as u8 + 1,
            Self::Categories(_) => MISSING,
        }
    }
}

/// Halfway from `low` to `high`, and above `low` in any case.
fn between(low: f64, high: f64) -> f64 {
    let middle = low / 2.0 + high / 2.0;
    if low < middle { middle } else { high }
}
