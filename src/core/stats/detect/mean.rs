//! Running means in the order of operations of the reference.

use serde::{Deserialize, Serialize};

/// The mean of all values so far: `m += (x − m) / n`, Welford (1962), *Technometrics* 4, 419–420.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    pub n: u64,
    pub value: f64,
}

impl Mean {
    pub fn add(&mut self, value: f64) {
        self.n += 1;
        self.value += 1.0 / self.count() * (value - self.value);
    }

    pub fn count(&self) -> f64 {
        self.n as f64
    }
}

/// Mean and sum of squared deviations from it, by the same recurrence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    pub mean: Mean,
    squares: f64,
}

impl Moments {
    pub fn add(&mut self, value: f64) {
        let before = self.mean.value;
        self.mean.add(value);
        self.squares += (value - before) * (value - self.mean.value);
    }

    /// Unbiased; 0 below two values.
    pub fn variance(&self) -> f64 {
        if self.mean.n < 2 { 0.0 } else { self.squares / (self.mean.count() - 1.0) }
    }
}
