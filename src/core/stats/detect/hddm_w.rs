//! HDDM_W: as HDDM_A, with exponentially weighted means and McDiarmid's inequality; quicker on gradual changes.
//!
//! Frías-Blanco et al. (2015), *IEEE TKDE* 27, 810–823, §4 (W-test), as in river 0.23.

use serde::{Deserialize, Serialize};

use super::{Detector, Verdict};
use crate::stats::logarithm::ln;

/// What can be set; defaults as in river 0.23.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Params {
    /// Confidence of a drift, in (0, 1).
    pub drift_confidence: f64,
    /// Confidence of a warning, in (0, 1).
    pub warning_confidence: f64,
    /// Weight of the newest value, in (0, 1].
    pub lambda_val: f64,
    /// Watch for a falling rate as well.
    pub two_sided_test: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self { drift_confidence: 0.001, warning_confidence: 0.005, lambda_val: 0.05, two_sided_test: false }
    }
}

/// The detector: takes 1 for an error and 0 for none. State: 14 numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HddmW {
    params: Params,
    all: Weighted,
    rise: Cut,
    fall: Cut,
    /// `ln(1/α)` of drift and warning.
    doubts: (f64, f64),
    drifted: bool,
}

/// A cut point: where it is best, and the means before and after it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Cut {
    bound: f64,
    before: Option<Weighted>,
    after: Option<Weighted>,
}

/// An exponentially weighted mean and the sum of its squared weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Weighted {
    mean: f64,
    weights: f64,
}

impl Weighted {
    const NONE: Self = Self { mean: 0.0, weights: 1.0 };

    /// The reference takes a mean of 0 as "not started": the first value other than 0 becomes the mean as it is.
    fn add(&mut self, value: f64, weight: f64) {
        self.mean = if self.mean == 0.0 { value } else { weight * value + (1.0 - weight) * self.mean };
        self.weights = weight * weight + (1.0 - weight) * (1.0 - weight) * self.weights;
    }
}

impl Cut {
    const NONE: Self = Self { bound: f64::MAX, before: None, after: None };

    /// Moves the cut point here if `bound` is lower than where it is, or else adds `value` to what comes after it.
    fn advance(&mut self, bound: f64, value: f64, all: Weighted, weight: f64) {
        if bound < self.bound {
            *self = Self { bound, before: Some(all), after: None };
        } else {
            self.after.get_or_insert(Weighted::NONE).add(value, weight);
        }
    }

    /// How far the mean rose at the cut point, and the sum of squared weights; nothing right after the cut.
    fn apart(&self) -> Option<(f64, f64)> {
        let (before, after) = (self.before?, self.after?);
        Some((after.mean - before.mean, before.weights + after.weights))
    }
}

impl HddmW {
    /// Nothing seen yet.
    pub fn new(params: Params) -> Self {
        let doubts = (ln(1.0 / params.drift_confidence), ln(1.0 / params.warning_confidence));
        Self { params, all: Weighted::NONE, rise: Cut::NONE, fall: Cut::NONE, doubts, drifted: false }
    }
}

/// `√(Σw² ln(1/α) / 2)`: how far a weighted mean of values in 0 to 1 is from its expectation. McDiarmid (1989), lemma 1.2.
fn margin(weights: f64, doubt: f64) -> f64 {
    (weights * doubt / 2.0).sqrt()
}

impl Detector for HddmW {
    fn update(&mut self, value: f64) -> Verdict {
        if self.drifted {
            *self = Self::new(self.params);
        }
        let (weight, (drift, warning)) = (self.params.lambda_val, self.doubts);
        self.all.add(value, weight);
        let around = margin(self.all.weights, drift);
        self.rise.advance(self.all.mean + around, value, self.all, weight);
        self.fall.advance(-(self.all.mean - around), value, self.all, weight);
        // (drift, warning, score, threshold); the largest margin there is where nothing can be compared
        let judge = |apart: Option<(f64, f64)>| {
            let (score, weights) = apart.unwrap_or((0.0, 2.0));
            let bound = margin(weights, drift);
            (bound < score, margin(weights, warning) < score, score, bound)
        };
        let (drifted, warned, mut score, mut threshold) = judge(self.rise.apart());
        self.drifted = drifted;
        let mut warned = warned && !drifted;
        if self.params.two_sided_test {
            let (fell, falling, fall, bound) = judge(self.fall.apart().map(|(rise, weights)| (-rise, weights)));
            self.drifted |= fell;
            warned |= falling && !fell;
            if score - threshold < fall - bound {
                (score, threshold) = (fall, bound);
            }
        }
        Verdict::of(self.drifted, warned, score, threshold)
    }
}
