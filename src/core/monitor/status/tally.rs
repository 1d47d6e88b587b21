//! What is summed of the labels and of the predictions of a model.

use serde::{Deserialize, Serialize};

use super::evidence::Basis;
use super::ladder::Tally;

/// Labels in the order in which they arrive, the first of each prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    pub n: u64,
    /// Those that say what was predicted.
    pub met: u64,
    /// Seconds between prediction and arrival, summed.
    pub delay: u64,
}

/// Predictions as they were served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Service {
    pub n: u64,
    pub failed: u64,
    /// Response times in seconds.
    pub times: Moments,
}

/// Values by their number, sum and sum of squares, added in the order of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    pub n: u64,
    pub sum: f64,
    pub squares: f64,
}

impl Tally for Outcomes {
    fn n(&self) -> u64 {
        self.n
    }

    fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.met += other.met;
        self.delay += other.delay;
    }
}

impl Tally for Service {
    fn n(&self) -> u64 {
        self.n
    }

    fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.failed += other.failed;
        self.times.merge(&other.times);
    }
}

impl Tally for Moments {
    fn n(&self) -> u64 {
        self.n
    }

    fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.sum += other.sum;
        self.squares += other.squares;
    }
}

impl Moments {
    /// One value; nothing if it is so large that its square has no end.
    pub fn of(value: f64) -> Self {
        let square = value * value;
        if square.is_finite() { Self { n: 1, sum: value, squares: square } } else { Self::default() }
    }

    pub fn mean(&self) -> Option<f64> {
        (self.n != 0).then(|| self.sum / self.n as f64)
    }

    /// The squared standard error of the mean; 0 below two values.
    pub fn error_squared(&self) -> f64 {
        if self.n < 2 {
            return 0.0;
        }
        let n = self.n as f64;
        let mean = self.sum / n;
        (self.squares / n - mean * mean).max(0.0) / (n - 1.0)
    }

    pub fn basis(&self) -> Basis {
        Basis::Mean { n: self.n, mean: self.mean().unwrap_or_default(), error_squared: self.error_squared() }
    }
}
