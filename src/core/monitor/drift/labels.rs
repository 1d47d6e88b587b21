//! How often a version was right at first and lately, in the order in which its labels arrive.

use serde::{Deserialize, Serialize};

use crate::monitor::drift::judge::{Accuracy, Policy};
use crate::stats::drift::{Comparison, evidence};

/// What the labels of one version say so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    pub arrived: u64,
    /// The first ones, as many as a reference has rows.
    pub first: Outcomes,
    /// Those since the last drift window was judged.
    pub recent: Outcomes,
}

/// Labels, and how many of them were met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    pub n: u64,
    pub met: u64,
}

impl Outcomes {
    pub fn add(&mut self, met: bool) {
        self.n += 1;
        self.met += u64::from(met);
    }

    pub fn error_rate(&self) -> Option<f64> {
        (self.n != 0).then(|| (self.n - self.met) as f64 / self.n as f64)
    }
}

impl Labels {
    pub fn add(&mut self, met: bool, policy: &Policy) {
        self.arrived += 1;
        self.recent.add(met);
        if self.first.n < u64::from(policy.reference_rows) {
            self.first.add(met);
        }
    }

    /// How often the version was right at first and since the last judged window, and whether `needed` nats of evidence say that it is right
    /// more rarely now. `None` without a label on one side, or if it never was right at first.
    pub fn accuracy(&self, needed: f64) -> Option<Accuracy> {
        let (first, recent) = (self.first, self.recent);
        if first.met == 0 || recent.n == 0 {
            return None;
        }
        let (before, now) = (first.met as f64 / first.n as f64, recent.met as f64 / recent.n as f64);
        let table = Comparison::new(&[first.met, first.n - first.met], &[recent.met, recent.n - recent.met]);
        let evident = now < before && table.is_ok_and(|table| needed <= evidence::of_categories(&table));
        Some(Accuracy { before, now, n: recent.n, evident })
    }
}
