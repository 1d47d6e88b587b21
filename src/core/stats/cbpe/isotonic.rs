//! The best rising function through outcomes: isotonic regression.

use serde::{Deserialize, Serialize};

use crate::stats::ranking::Tally;

/// A fit keeps no more points than that.
pub const POINTS_MAX: usize = 512;
/// Beyond [`POINTS_MAX`], points are dropped while the function moves by no more than this: two kept points in a row rise by more, so
/// that at most `2 / STEP + 2` stay.
const STEP: f64 = 1.0 / 255.0;

/// A function from score to probability that never falls: linear between its points, constant beyond the first and the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(f64, f64)>", into = "Vec<(f64, f64)>")]
pub struct Isotonic {
    /// (score, probability); scores rise, probabilities do not fall; at least one.
    points: Vec<(f64, f64)>,
}

/// The points of a rising function are not finite, not in order, outside 0 to 1, none or too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the points of the calibration do not rise from score to score within 0 to 1, or are not 1 to 512")]
pub struct Disordered;

/// Neighbouring scores that share a probability.
struct Block {
    first: f64,
    last: f64,
    positives: u64,
    count: u64,
}

impl Isotonic {
    /// The rising step function with the least squared error over the outcomes, joined linearly between steps. `None` without rows.
    ///
    /// Pool adjacent violators: Ayer, Brunk, Ewing, Reid & Silverman (1955), *Ann. Math. Stat.* 26, 641–647; joined as scikit-learn's
    /// `IsotonicRegression(out_of_bounds="clip")` does. Pooling compares counts, so nothing is rounded before the last division.
    ///
    /// * `tallies`: outcomes by score, ascending, scores unique, as [`ranking::tallies`](crate::stats::ranking::tallies) gives them.
    ///
    /// Where more than [`POINTS_MAX`] points would be left, some are dropped such that the function moves nowhere by more than 1/255.
    /// Cost: O(tallies).
    pub fn fit(tallies: &[Tally]) -> Option<Self> {
        let mut blocks: Vec<Block> = Vec::new();
        for tally in tallies {
            let (positives, negatives) = (tally.positives.max(0) as u64, tally.negatives.max(0) as u64);
            if positives + negatives == 0 {
                continue;
            }
            let mut block = Block { first: tally.score, last: tally.score, positives, count: positives + negatives };
            while let Some(below) = blocks.pop_if(|below| !below.is_below(&block)) {
                block.first = below.first;
                block.positives += below.positives;
                block.count += below.count;
            }
            blocks.push(block);
        }
        let ends = |block: &Block| {
            let share = block.positives as f64 / block.count as f64;
            let last = (block.first < block.last).then_some((block.last, share));
            std::iter::once((block.first, share)).chain(last)
        };
        let points: Vec<(f64, f64)> = blocks.iter().flat_map(ends).collect();
        let points = if POINTS_MAX < points.len() { thinned(&points) } else { points };
        (!points.is_empty()).then_some(Self { points })
    }

    /// (score, probability), ascending.
    pub fn points(&self) -> &[(f64, f64)] {
        &self.points
    }

    /// The probability at `score`, 0 to 1.
    pub fn at(&self, score: f64) -> f64 {
        let above = self.points.partition_point(|point| point.0 < score);
        if above == 0 {
            return self.points[0].1;
        }
        let (low, Some(high)) = (self.points[above - 1], self.points.get(above)) else { return self.points[above - 1].1 };
        (low.1 + (high.1 - low.1) * ((score - low.0) / (high.0 - low.0))).min(high.1)
    }
}

impl TryFrom<Vec<(f64, f64)>> for Isotonic {
    type Error = Disordered;

    fn try_from(points: Vec<(f64, f64)>) -> Result<Self, Disordered> {
        let within = points.iter().all(|point| point.0.is_finite() && (0.0..=1.0).contains(&point.1));
        let rises = points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        if within && rises && (1..=POINTS_MAX).contains(&points.len()) { Ok(Self { points }) } else { Err(Disordered) }
    }
}

impl From<Isotonic> for Vec<(f64, f64)> {
    fn from(isotonic: Isotonic) -> Self {
        isotonic.points
    }
}

impl Block {
    /// Whether its share of positives is truly smaller, in integers.
    fn is_below(&self, other: &Self) -> bool {
        u128::from(self.positives) * u128::from(other.count) < u128::from(other.positives) * u128::from(self.count)
    }
}

/// The first point, then always the furthest that the function reaches within a step, or the next where it rises by more at once.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut kept = vec![points[0]];
    let mut at = 0;
    while at + 1 < points.len() {
        let reach = points[at].1 + STEP;
        let furthest = at + points[at..].partition_point(|point| point.1 <= reach) - 1;
        at = furthest.max(at + 1);
        kept.push(points[at]);
    }
    kept
}
