//! DDM: the error rate and its standard deviation against the best they have been.
//!
//! Gama, Medas, Castillo & Rodrigues (2004), "Learning with drift detection", *SBIA*, 286–295, §3, as in river 0.23.

use serde::{Deserialize, Serialize};

use super::mean::Mean;
use super::{Detector, Verdict};

/// What can be set; defaults as in river 0.23.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Params {
    /// No verdict within the first so many values.
    pub warm_start: u32,
    /// Standard deviations above the best rate that raise a warning.
    pub warning_threshold: f64,
    /// Standard deviations above the best rate that are a drift.
    pub drift_threshold: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { warm_start: 30, warning_threshold: 2.0, drift_threshold: 3.0 }
    }
}

/// The detector: takes 1 for an error and 0 for none. State: 4 numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ddm {
    params: Params,
    rate: Mean,
    /// Rate and standard deviation where their sum was least.
    best: Option<(f64, f64)>,
    drifted: bool,
}

impl Ddm {
    /// Nothing seen yet.
    pub fn new(params: Params) -> Self {
        Self { params, rate: Mean::default(), best: None, drifted: false }
    }
}

impl Detector for Ddm {
    /// Drift where `p + s` passes `p_min + 3 s_min`, a warning where it passes `p_min + 2 s_min`; `s = √(p (1 − p) / n)`.
    fn update(&mut self, value: f64) -> Verdict {
        if self.drifted {
            *self = Self::new(self.params);
        }
        let Params { warm_start, warning_threshold, drift_threshold } = self.params;
        self.rate.add(value);
        let needs = u64::from(warm_start) + 1;
        if self.rate.n < needs {
            return Verdict::Warming { seen: self.rate.n, needs };
        }
        let rate = self.rate.value;
        let deviation = (rate * (1.0 - rate) / self.rate.count()).max(0.0).sqrt();
        let level = rate + deviation;
        let (best_rate, best_deviation) = match self.best {
            Some(best) if best.0 + best.1 < level => best,
            _ => (rate, deviation),
        };
        self.best = Some((best_rate, best_deviation));
        let threshold = best_rate + drift_threshold * best_deviation;
        self.drifted = threshold < level;
        let warning = !self.drifted && best_rate + warning_threshold * best_deviation < level;
        Verdict::of(self.drifted, warning, level, threshold)
    }
}
