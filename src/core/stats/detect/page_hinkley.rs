//! Page–Hinkley: how far the sum of deviations from the running mean has come from its extreme.
//!
//! Page (1954), "Continuous inspection schemes", *Biometrika* 41, 100–115, §4; the forgetting form of Gama, Sebastião & Rodrigues
//! (2013), "On evaluating stream learning algorithms", *Machine Learning* 90, 317–346, §5.2, as in river 0.23.

use serde::{Deserialize, Serialize};

use super::mean::Mean;
use super::{Detector, Direction, Verdict};

/// What can be set; defaults as in river 0.23.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Params {
    /// Values before the first verdict.
    pub min_instances: u32,
    /// Deviation that is tolerated, in units of the values.
    pub delta: f64,
    /// How far the sum may come from its extreme, in units of the values.
    pub threshold: f64,
    /// Share of the sum that is kept from one value to the next, in (0, 1].
    pub alpha: f64,
    pub mode: Direction,
}

impl Default for Params {
    fn default() -> Self {
        Self { min_instances: 30, delta: 0.005, threshold: 50.0, alpha: 0.9999, mode: Direction::Both }
    }
}

/// The detector. State: 6 numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageHinkley {
    params: Params,
    mean: Mean,
    sum_up: f64,
    sum_down: f64,
    least_up: f64,
    most_down: f64,
    drifted: bool,
}

impl PageHinkley {
    /// Nothing seen yet.
    pub fn new(params: Params) -> Self {
        // The reference starts the largest falling sum at −1, not at −∞.
        Self { params, mean: Mean::default(), sum_up: 0.0, sum_down: 0.0, least_up: f64::MAX, most_down: -1.0, drifted: false }
    }
}

impl Detector for PageHinkley {
    /// `U = α U + (x − x̄) − δ`, `D = α D + (x − x̄) + δ`, x̄ with `x` in it; drift where `U − min U` or `max D − D` passes the
    /// threshold.
    fn update(&mut self, value: f64) -> Verdict {
        if self.drifted {
            *self = Self::new(self.params);
        }
        let Params { min_instances, delta, threshold, alpha, mode } = self.params;
        self.mean.add(value);
        let off = value - self.mean.value;
        self.sum_up = alpha * self.sum_up + off - delta;
        self.sum_down = alpha * self.sum_down + off + delta;
        self.least_up = self.least_up.min(self.sum_up);
        self.most_down = self.most_down.max(self.sum_down);
        let needs = u64::from(min_instances);
        if self.mean.n < needs {
            return Verdict::Warming { seen: self.mean.n, needs };
        }
        let up = if mode.up() { self.sum_up - self.least_up } else { 0.0 };
        let down = if mode.down() { self.most_down - self.sum_down } else { 0.0 };
        let score = up.max(down);
        self.drifted = threshold < score;
        Verdict::of(self.drifted, false, score, threshold)
    }
}
