//! ADWIN: a window that grows while its mean holds and is cut where two parts of it differ.
//!
//! Bifet & Gavaldà (2007), "Learning from time-changing data with adaptive windowing", *SIAM Data Mining*, 443–448: the cut of
//! §3 (theorem 3.2's bound in its variance form) over the exponential histogram of §4 (ADWIN2), with river 0.23's constants.

use serde::{Deserialize, Serialize};

use super::{Change, Detector, Verdict};
use crate::stats::logarithm::ln;

/// What can be set; defaults as in river 0.23.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Params {
    /// Confidence of a cut, in (0, 1).
    pub delta: f64,
    /// Look for cuts every so many values, at least 1.
    pub clock: u32,
    /// Buckets of one size before two are merged, at least 2.
    pub max_buckets: u32,
    /// Values on each side of a cut at least, at least 1.
    pub min_window_length: u32,
    /// No cuts in a window of at most so many values.
    pub grace_period: u32,
    /// Throw the whole window away after a drift, as river does; the paper keeps the recent part, and may then report one
    /// change several times in a row.
    pub reset: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self { delta: 0.002, clock: 32, max_buckets: 5, min_window_length: 5, grace_period: 10, reset: true }
    }
}

/// The detector. State: at most `max_buckets + 1` buckets of 16 bytes per power of two of the window's width.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adwin {
    params: Params,
    /// Row `r` holds buckets of `2^r` values, the oldest first. Never empty rows at the end.
    rows: Vec<Vec<Bucket>>,
    width: u64,
    total: f64,
    /// Sum of squared deviations from the mean. Cancellation may take it slightly below 0.
    squares: f64,
    ticks: u64,
    /// What the last value has brought to light.
    change: Option<Change>,
    /// Of the cut that came nearest in the last look: difference of the means, and what it had to pass.
    nearest: (f64, f64),
}

/// A run of neighbouring values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Bucket {
    total: f64,
    squares: f64,
}

impl Adwin {
    /// An empty window.
    pub fn new(params: Params) -> Self {
        let rows = vec![Vec::with_capacity(params.max_buckets as usize + 1)];
        Self { params, rows, width: 0, total: 0.0, squares: 0.0, ticks: 0, change: None, nearest: (0.0, 0.0) }
    }

    /// Values in the window.
    pub fn width(&self) -> u64 {
        self.width
    }

    /// Sum of the window.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// Mean of the window; 0 when empty.
    pub fn mean(&self) -> f64 {
        if self.width == 0 { 0.0 } else { self.total / self.width as f64 }
    }

    /// Sum of squared deviations from the mean of the window.
    pub fn squares(&self) -> f64 {
        self.squares
    }

    /// The change that the last verdict has reported: between what was dropped from the window and what is left of it.
    pub fn change(&self) -> Option<Change> {
        self.change
    }

    fn insert(&mut self, value: f64) {
        self.rows[0].push(Bucket { total: value, squares: 0.0 });
        self.width += 1;
        if 1 < self.width {
            let (before, after) = ((self.width - 1) as f64, self.width as f64);
            let off = value - self.total / before;
            self.squares += before * off * off / after;
        }
        self.total += value;
        self.compress();
    }

    /// Merges the two oldest buckets of each row that has too many into one of the next row.
    fn compress(&mut self) {
        let full = self.params.max_buckets as usize;
        let mut row = 0;
        while full < self.rows[row].len() {
            let (one, two) = (self.rows[row][0], self.rows[row][1]);
            self.rows[row].drain(..2);
            let length = length(row);
            let apart = one.total / length - two.total / length;
            let squares = one.squares + two.squares + length * length * apart * apart / (length + length);
            if row + 1 == self.rows.len() {
                self.rows.push(Vec::with_capacity(full + 1));
            }
            row += 1;
            self.rows[row].push(Bucket { total: one.total + two.total, squares });
        }
    }

    /// Drops the oldest bucket. Only called when another one remains.
    fn drop_oldest(&mut self) {
        let row = self.rows.len() - 1;
        let length = length(row);
        let oldest = self.rows[row].remove(0);
        self.width -= 1 << row;
        self.total -= oldest.total;
        let left = self.width as f64;
        let apart = oldest.total / length - self.total / left;
        self.squares -= oldest.squares + length * left * apart * apart / (length + left);
        while 1 < self.rows.len() && self.rows.last().is_some_and(Vec::is_empty) {
            self.rows.pop();
        }
    }

    /// How far apart two equal means of the window may seem, since sums are rounded: `k ε Σ|x| (1/n₀ + 1/n₁)` with `k` additions,
    /// Higham (2002), *Accuracy and Stability of Numerical Algorithms*, (4.4), and `Σ|x| ≤ |Σx| + √(n Σ(x − x̄)²)`. The second term
    /// of the cut's bound is in units of a range of 1: beside huge values it is less than this, and river then cuts a constant
    /// stream.
    fn rounding(&self, old: f64, new: f64) -> f64 {
        let additions: usize = self.rows.iter().map(Vec::len).sum();
        let magnitude = self.total.abs() + (self.width as f64 * self.squares.max(0.0)).sqrt();
        additions as f64 * f64::EPSILON * magnitude * (1.0 / old + 1.0 / new)
    }

    /// Whether some cut of the window parts means further from each other than chance does.
    ///
    /// `ε = √(2 m σ² δ′) + ⅔ δ′ m` with `m = 1/(n₀ − l + 1) + 1/(n₁ − l + 1)`, `l` the least length of a side,
    /// `δ′ = ln(2 ln n / δ)`, `n` the width: §3.1 of the paper, with river's `l`. Where cancellation has taken the sum of squares
    /// below 0, it counts as 0 (river: no cut).
    fn has_cut(&mut self) -> bool {
        let width = self.width as f64;
        let doubt = ln(2.0 * ln(width) / self.params.delta);
        let spread = 2.0 * (self.squares.max(0.0) / width);
        let least = f64::from(self.params.min_window_length);
        let (mut old, mut old_total) = (0.0, 0.0);
        // afresh: the running total has rounded once for every value there ever was
        let (mut new, mut new_total) = (width, self.rows.iter().rev().flatten().map(|bucket| bucket.total).sum::<f64>());
        let mut nearest = (0.0, f64::MAX);
        'cuts: for (row, buckets) in self.rows.iter().enumerate().rev() {
            let length = length(row);
            for bucket in buckets {
                old += length;
                new -= length;
                old_total += bucket.total;
                new_total -= bucket.total;
                if old < least {
                    continue;
                }
                if new < least {
                    break 'cuts;
                }
                let apart = (old_total / old - new_total / new).abs();
                let reciprocal = 1.0 / (old - least + 1.0) + 1.0 / (new - least + 1.0);
                let bound = (spread * reciprocal * doubt).sqrt() + 2.0 / 3.0 * doubt * reciprocal;
                if bound - apart < nearest.1 - nearest.0 {
                    nearest = (apart, bound);
                }
                if bound < apart && self.rounding(old, new) < apart {
                    self.nearest = nearest;
                    return true;
                }
            }
        }
        if nearest.1 < f64::MAX {
            self.nearest = nearest;
        }
        false
    }
}

impl Detector for Adwin {
    fn update(&mut self, value: f64) -> Verdict {
        if self.change.is_some() && self.params.reset {
            *self = Self::new(self.params);
        }
        self.change = None;
        self.insert(value);
        self.ticks += 1;
        let (clock, grace) = (u64::from(self.params.clock), u64::from(self.params.grace_period));
        if self.ticks.is_multiple_of(clock) && grace < self.width {
            let (width, total) = (self.width, self.total);
            let mut first_cut = None;
            while self.has_cut() {
                first_cut.get_or_insert(self.nearest);
                self.drop_oldest();
            }
            if let Some(cut) = first_cut {
                self.nearest = cut;
                let before = (total - self.total) / (width - self.width) as f64;
                self.change = Some(Change { before, after: self.mean(), values: self.width });
            }
        }
        let needs = (grace + 1).max(2 * u64::from(self.params.min_window_length)).next_multiple_of(clock);
        if self.ticks < needs {
            return Verdict::Warming { seen: self.ticks, needs };
        }
        let (score, threshold) = self.nearest;
        Verdict::of(self.change.is_some(), false, score, threshold)
    }
}

/// Values in a bucket of a row.
fn length(row: usize) -> f64 {
    (1_u64 << row) as f64
}
