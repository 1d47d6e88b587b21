//! CUSUM: sums of what is beyond an allowance, in standard deviations from a target.
//!
//! Page (1954), "Continuous inspection schemes", *Biometrika* 41, 100–115; the tabular form of Montgomery, *Introduction to
//! Statistical Quality Control*, §9.1.2. Target and standard deviation are given or estimated from the first values; an
//! estimate carries its own error into every later sum, so its false alarms are more frequent than the tables say.

use serde::{Deserialize, Serialize};

use super::mean::Moments;
use super::{Detector, Direction, Verdict};

/// What can be set; allowance and decision interval as Montgomery recommends against a step of one standard deviation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Params {
    /// The allowance `k`, in standard deviations.
    pub allowance: f64,
    /// The decision interval `h`, in standard deviations.
    pub threshold: f64,
    /// Values the estimates are made of, at least 2.
    pub warm_start: u32,
    /// The mean under control; estimated if absent.
    pub target: Option<f64>,
    /// The standard deviation under control; estimated if absent.
    pub sigma: Option<f64>,
    pub mode: Direction,
}

impl Default for Params {
    fn default() -> Self {
        Self { allowance: 0.5, threshold: 5.0, warm_start: 100, target: None, sigma: None, mode: Direction::Both }
    }
}

/// The detector. State: 6 numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cusum {
    params: Params,
    /// Of the first values.
    baseline: Moments,
    up: f64,
    down: f64,
    drifted: bool,
}

impl Cusum {
    /// Nothing seen yet.
    pub fn new(params: Params) -> Self {
        Self { params, baseline: Moments::default(), up: 0.0, down: 0.0, drifted: false }
    }
}

impl Detector for Cusum {
    /// `C⁺ = max(0, C⁺ + z − k)`, `C⁻ = max(0, C⁻ − z − k)` with `z = (x − μ) / σ`; drift where one passes `h`. On a baseline of
    /// equal values σ is 10⁻⁹ of their magnitude: the first value that differs is a drift.
    fn update(&mut self, value: f64) -> Verdict {
        if self.drifted {
            *self = Self::new(self.params);
        }
        let Params { allowance, threshold, warm_start, target, sigma, mode } = self.params;
        let is_given = target.is_some() && sigma.is_some();
        if !is_given && self.baseline.mean.n < u64::from(warm_start) {
            self.baseline.add(value);
            return Verdict::Warming { seen: self.baseline.mean.n, needs: u64::from(warm_start) + 1 };
        }
        let mean = target.unwrap_or(self.baseline.mean.value);
        let least = 1e-9 * mean.abs().max(1e-9);
        let off = (value - mean) / sigma.unwrap_or_else(|| self.baseline.variance().max(0.0).sqrt().max(least));
        self.up = if mode.up() { (self.up + off - allowance).max(0.0) } else { 0.0 };
        self.down = if mode.down() { (self.down - off - allowance).max(0.0) } else { 0.0 };
        let score = self.up.max(self.down);
        self.drifted = threshold < score;
        Verdict::of(self.drifted, false, score, threshold)
    }
}
