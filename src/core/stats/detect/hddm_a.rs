//! HDDM_A: the mean before the best cut point against the mean of all, apart by more than Hoeffding's inequality allows.
//!
//! Frías-Blanco, del Campo-Ávila, Ramos-Jiménez, Morales-Bueno, Ortiz-Díaz & Caballero-Mota (2015), "Online and non-parametric
//! drift detection methods based on Hoeffding's bounds", *IEEE TKDE* 27, 810–823, §3 (A-test), as in river 0.23.

use serde::{Deserialize, Serialize};

use super::mean::Mean;
use super::{Detector, Verdict};
use crate::stats::logarithm::ln;

/// What can be set; defaults as in river 0.23.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Params {
    /// Confidence of a drift, in (0, 1).
    pub drift_confidence: f64,
    /// Confidence of a warning, in (0, 1).
    pub warning_confidence: f64,
    /// Watch for a falling rate as well.
    pub two_sided_test: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self { drift_confidence: 0.001, warning_confidence: 0.005, two_sided_test: false }
    }
}

/// The detector: takes 1 for an error and 0 for none. State: 9 numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HddmA {
    params: Params,
    all: Mean,
    /// The mean at the cut point after which it may have risen, and after which it may have fallen.
    least: Mean,
    most: Mean,
    /// `ln(1/α)` and `ln(2/α)` of the drift, `ln(2/α)` of the warning.
    doubts: (f64, f64, f64),
    drifted: bool,
}

impl HddmA {
    /// Nothing seen yet.
    pub fn new(params: Params) -> Self {
        let Params { drift_confidence, warning_confidence, .. } = params;
        let doubts = (ln(1.0 / drift_confidence), ln(2.0 / drift_confidence), ln(2.0 / warning_confidence));
        let [all, least, most] = [Mean::default(); 3];
        Self { params, all, least, most, doubts, drifted: false }
    }

    /// `√(ln(1/α) / 2n)`: how far a mean of `n` values in 0 to 1 is from its expectation. Hoeffding (1963), theorem 1.
    fn margin(&self, n: f64) -> f64 {
        (1.0 / (2.0 * n) * self.doubts.0).sqrt()
    }

    /// `√(m ln(2/α) / 2)`, `m = (n − k) / (k n)`: how far the mean of the first `k` is from the mean of all `n`. Ibid., corollary
    /// to theorem 2; the whole range where the cut point is now.
    fn apart(&self, cut: &Mean, doubt: f64) -> f64 {
        if cut.n == self.all.n {
            return f64::MAX;
        }
        let share = (self.all.count() - cut.count()) / cut.count() * (1.0 / self.all.count());
        (share / 2.0 * doubt).sqrt()
    }
}

impl Detector for HddmA {
    fn update(&mut self, value: f64) -> Verdict {
        if self.drifted {
            *self = Self::new(self.params);
        }
        self.all.add(value);
        if self.least.n == 0 {
            (self.least, self.most) = (self.all, self.all);
        }
        let margin = self.margin(self.all.count());
        if self.all.value + margin <= self.least.value + self.margin(self.least.count()) {
            self.least = self.all;
        }
        if self.most.value - self.margin(self.most.count()) <= self.all.value - margin {
            self.most = self.all;
        }
        let (_, drift, warning) = self.doubts;
        let rise = self.all.value - self.least.value;
        self.drifted = self.apart(&self.least, drift) <= rise;
        let mut warned = !self.drifted && self.apart(&self.least, warning) <= rise;
        let (mut score, mut threshold) = (rise, self.apart(&self.least, drift));
        if self.params.two_sided_test {
            let fall = self.most.value - self.all.value;
            let bound = self.apart(&self.most, drift);
            if bound <= fall {
                self.drifted = true;
            } else if self.apart(&self.most, warning) <= fall {
                warned = true;
            }
            if score - threshold < fall - bound {
                (score, threshold) = (fall, bound);
            }
        }
        Verdict::of(self.drifted, warned, score, threshold.min(1.0))
    }
}
