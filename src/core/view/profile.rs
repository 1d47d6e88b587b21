//! One column of some predictions: how much of it is there and in order, and how its values are distributed.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::monitor::drift::baseline::{Bins, Column};
use crate::monitor::drift::tally::ColumnTally;
use crate::stats::drift::Edges;

/// Categories told by name.
const TOP: usize = 20;

/// One side of a column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Profile {
    pub rows: u64,
    /// Values that are of the column's type.
    pub present: u64,
    pub missing: u64,
    /// Text where numbers are expected.
    pub mismatched: u64,
    /// Numbers beyond the least and the greatest of the reference.
    pub out_of_range: u64,
    /// Values of categories that the reference does not have.
    pub new_category: u64,
    /// Distinct categories, about; null for numbers.
    pub cardinality: Option<u64>,
    pub mean: Option<f64>,
    pub deviation: Option<f64>,
    pub least: Option<f64>,
    pub greatest: Option<f64>,
    /// By name (p01, p05, p25, p50, p75, p95, p99), read from bins of a sixtieth of the reference each. Empty for categories.
    pub quantiles: BTreeMap<&'static str, f64>,
    /// The most frequent categories.
    pub top: Vec<TopCategory>,
    /// Categories that the reference does not have, some of them.
    pub newcomers: Vec<TopCategory>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TopCategory {
    pub name: String,
    pub count: u64,
}

/// One bin or category, both sides.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Bin {
    /// The category; null for a bin of numbers, `(other)` and `(new)` for the last two of categories.
    pub name: Option<String>,
    /// The bin of numbers is `[low, high)`; null where it is open.
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub reference: u64,
    pub current: u64,
}

const QUANTILES: [(&str, f64); 7] =
    [("p01", 0.01), ("p05", 0.05), ("p25", 0.25), ("p50", 0.5), ("p75", 0.75), ("p95", 0.95), ("p99", 0.99)];

impl Profile {
    pub fn of(column: &Column, tally: &ColumnTally, rows: u64) -> Self {
        let present = tally.present();
        let missing = (rows - present.min(rows)).saturating_sub(tally.mismatched);
        let (mismatched, out_of_range) = (tally.mismatched, tally.out_of_range);
        let plain = Self { rows, present, missing, mismatched, out_of_range, ..Self::default() };
        match &column.bins {
            Bins::Identifier => plain,
            Bins::Numeric { edges, .. } => {
                let Some(moments) = tally.moments.as_ref().filter(|_| present != 0) else { return plain };
                let (mean, deviation) = moments.mean_and_deviation(present);
                let counts = tally.counts.to_vec();
                let at = |q| quantile(edges, &counts, (moments.least, moments.greatest), q);
                Self {
                    mean: Some(mean),
                    deviation: Some(deviation),
                    least: Some(moments.least),
                    greatest: Some(moments.greatest),
                    quantiles: QUANTILES.map(|(name, q)| (name, at(q))).into(),
                    ..plain
                }
            }
            Bins::Categorical { names, .. } => {
                let counted = |name: &str, count: u64| TopCategory { name: name.to_owned(), count };
                let known = names.iter().zip(tally.counts.to_vec()).filter(|(_, count)| *count != 0);
                let mut top: Vec<TopCategory> = known.map(|(name, count)| counted(name, count)).collect();
                let newcomers = tally.newcomers.as_ref();
                let others = u64::from(tally.counts.get(names.len()).is_some_and(|count| count != 0));
                let cardinality = top.len() as u64 + others + newcomers.map_or(0, |new| new.distinct());
                top.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
                top.truncate(TOP);
                Self {
                    new_category: tally.counts.last().unwrap_or(0),
                    cardinality: Some(cardinality),
                    top,
                    newcomers: newcomers
                        .map(|new| new.examples().into_iter().map(|(name, count)| counted(name, count)).collect())
                        .unwrap_or_default(),
                    ..plain
                }
            }
        }
    }
}

/// The quantile at `q` of values counted over `edges`, taken as evenly spread within each bin.
fn quantile(edges: &Edges, counts: &[u64], (least, greatest): (f64, f64), q: f64) -> f64 {
    let n: u64 = counts.iter().sum();
    let rank = q * n as f64;
    let mut below = 0.0;
    for (bin, count) in counts.iter().enumerate().filter(|(_, count)| **count != 0) {
        let after = below + *count as f64;
        if rank <= after {
            let (low, high) = bounds(edges, bin);
            let (low, high) = (low.unwrap_or(least).max(least), high.unwrap_or(greatest).min(greatest));
            let share = ((rank - below) / *count as f64).clamp(0.0, 1.0);
            return low + (high - low).max(0.0) * share;
        }
        below = after;
    }
    greatest
}

/// Where a bin begins and ends; `None` where it is open.
fn bounds(edges: &Edges, bin: usize) -> (Option<f64>, Option<f64>) {
    let edges = edges.interior();
    (bin.checked_sub(1).and_then(|before| edges.get(before)).copied(), edges.get(bin).copied())
}

/// The coarse bins or the categories of a column, both sides. Categories that neither side has are left out.
pub fn histogram(column: &Column, reference: &ColumnTally, current: &ColumnTally) -> Vec<Bin> {
    let (before, now) = (column.bins.coarse(&reference.counts), column.bins.coarse(&current.counts));
    let pairs = before.iter().zip(&now).enumerate();
    match &column.bins {
        Bins::Identifier => Vec::new(),
        Bins::Numeric { edges, coarse, .. } => {
            // a coarse bin begins where its first fine bin does
            let first = |bin: usize| coarse.iter().position(|of| usize::from(*of) == bin);
            let begin = |bin: usize| first(bin).and_then(|fine| bounds(edges, fine).0);
            pairs
                .map(|(bin, (reference, current))| Bin {
                    name: None,
                    low: begin(bin),
                    high: begin(bin + 1),
                    reference: *reference,
                    current: *current,
                })
                .collect()
        }
        Bins::Categorical { names, .. } => pairs
            .filter(|(_, (reference, current))| **reference + **current != 0)
            .map(|(place, (reference, current))| {
                let special = if place == names.len() { "(other)" } else { "(new)" };
                let name = names.get(place).map_or(special, |name| name.as_str());
                Bin { name: Some(name.to_owned()), low: None, high: None, reference: *reference, current: *current }
            })
            .collect(),
    }
}
