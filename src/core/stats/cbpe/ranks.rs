//! How well scores would rank truths that are not known yet: expected areas under curves.

use serde::{Deserialize, Serialize};
use statrs::function::gamma::digamma;

use crate::stats::counts::Counts;

/// Scores of a window share bins of width 2⁻¹⁰.
const BINS: f64 = 1024.0;
/// Probabilities are summed in integer units of 2⁻³⁰, so that order cannot show: room for 2³³ rows in a bin.
const UNITS: f64 = (1_u64 << 30) as f64;

/// Scores of a window in bins, with their summed chances of a positive truth: a commutative group of at most 1,025 bins (12 KB
/// serialised if all are in use).
///
/// Exact (to 10⁻⁹) while no two different scores share a bin, as with scores of two decimals. Beyond, members of a bin count as tied:
/// ROC AUC is off by at most half the share of (positive, negative) pairs that meet in one bin, 0.0005 for scores spread evenly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ranks {
    /// Rows by bin of their score.
    rows: Counts,
    /// Their summed probabilities, in units.
    calibrated: Counts,
}

impl Ranks {
    /// Adds a prediction with `score`, 0 to 1, whose truth is positive with chance `calibrated`, 0 to 1.
    pub fn add(&mut self, score: f64, calibrated: f64) {
        self.put(score, calibrated, 1);
    }

    /// Takes it out again.
    pub fn sub(&mut self, score: f64, calibrated: f64) {
        self.put(score, calibrated, -1);
    }

    pub fn merge(&mut self, other: &Self) {
        self.rows.merge(&other.rows);
        self.calibrated.merge(&other.calibrated);
    }

    pub fn unmerge(&mut self, other: &Self) {
        self.rows.unmerge(&other.rows);
        self.calibrated.unmerge(&other.calibrated);
    }

    pub fn count(&self) -> u64 {
        self.rows.total().max(0) as u64
    }

    /// The expected area under the ROC curve, 0 to 1, ties counting ½; `None` where one class is not expected at all.
    pub fn roc_auc(&self) -> Option<f64> {
        let (mut positives, mut negatives, mut area) = (0.0, 0.0, 0.0);
        for (rows, positive) in self.bins() {
            area += (rows - positive) * (positives + positive / 2.0);
            positives += positive;
            negatives += rows - positive;
        }
        (0.0 < positives && 0.0 < negatives).then(|| (area / positives / negatives).clamp(0.0, 1.0))
    }

    /// The expected average precision, 0 to 1; `None` where no positive is expected. Rows of a bin come one after the other, each
    /// with the bin's mean chance, as in [`average_precision`].
    pub fn average_precision(&self) -> Option<f64> {
        let (mut positives, mut named, mut area) = (0.0, 0.0, 0.0);
        for (rows, positive) in self.bins() {
            // Σ c (T + jc)/(N + j) for j = 1 … m, with c = P/m: cP + c (T − cN) (H(N + m) − H(N))
            let chance = positive / rows;
            area += chance * (positive + (positives - chance * named) * (digamma(named + rows + 1.0) - digamma(named + 1.0)));
            positives += positive;
            named += rows;
        }
        (0.0 < positives).then(|| (area / positives).clamp(0.0, 1.0))
    }

    fn put(&mut self, score: f64, calibrated: f64, times: i64) {
        let bin = (score.clamp(0.0, 1.0) * BINS) as i32;
        self.rows.add(bin, times);
        self.calibrated.add(bin, times * (calibrated * UNITS).round_ties_even() as i64);
    }

    /// Rows and expected positives of each bin in use, from the highest score down.
    fn bins(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let mut calibrated = self.calibrated.iter().rev().peekable();
        self.rows.iter().rev().filter(|(_, rows)| 0 < *rows).map(move |(bin, rows)| {
            while calibrated.next_if(|(of, _)| bin < *of).is_some() {}
            let units = calibrated.next_if(|(of, _)| *of == bin).map_or(0, |(_, units)| units);
            (rows as f64, (units as f64 / UNITS).clamp(0.0, rows as f64))
        })
    }
}

/// The expected area under the ROC curve of (score, calibrated) rows, 0 to 1; `None` where one class is not expected at all.
///
/// By falling score, cumulated chances of either class are the axes, trapezoids between rows. Cumulated chances are rounded to five
/// decimals, as NannyML (0.13, `estimate_roc_auc`) does, which moves the area by some 10⁻⁸. Cost: O(n log n).
pub fn roc_auc(rows: Vec<(f64, f64)>) -> Option<f64> {
    let curve: Vec<(f64, f64)> = cumulated(rows);
    let (all_positives, all_negatives) = *curve.last()?;
    let (mut area, mut before) = (0.0, (0.0, 0.0));
    for here in curve {
        area += (here.1 - before.1) / all_negatives * ((here.0 + before.0) / all_positives) / 2.0;
        before = here;
    }
    (0.0 < all_positives && 0.0 < all_negatives).then_some(area)
}

/// The expected average precision `Σ (Rₖ − Rₖ₋₁) Pₖ` of (score, calibrated) rows, 0 to 1; `None` where no positive is expected.
///
/// Each row is a threshold of its own, also among equal scores, and chances are rounded as in [`roc_auc`]: NannyML (0.13,
/// `estimate_ap`). Cost: O(n log n).
pub fn average_precision(rows: Vec<(f64, f64)>) -> Option<f64> {
    let curve: Vec<(f64, f64)> = cumulated(rows);
    let (all_positives, _) = *curve.last()?;
    let (mut area, mut before) = (0.0, 0.0);
    for (place, (positives, _)) in curve.into_iter().enumerate() {
        area += (positives - before) / all_positives * (positives / (place + 1) as f64);
        before = positives;
    }
    (0.0 < all_positives).then_some(area)
}

/// Expected positives and negatives down to each row, from the highest score.
fn cumulated(mut rows: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    rows.sort_by(|left, right| right.0.total_cmp(&left.0));
    let mut positives = 0.0;
    let rounded = |chance: f64| (chance * 1e5).round_ties_even() / 1e5;
    let down_to = |(place, (_, calibrated)): (usize, (f64, f64))| {
        positives += calibrated;
        (rounded(positives), rounded((place + 1) as f64 - positives))
    };
    rows.into_iter().enumerate().map(down_to).collect()
}
