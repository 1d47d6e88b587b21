//! Change detectors: each is told one value after the other and says after each whether the stream has changed.
//!
//! Arithmetic, defaults and self-reset are those of river 0.23 where it has the detector, so that a notebook and the stream
//! raise the same alarms at the same places. A detector is plain serialisable data of bounded size: written out and read back
//! it goes on as if nothing had happened. Only IEEE 754 basic operations and square roots go into it, and logarithms from
//! [`super::logarithm`], so verdicts are equal on every platform. Knows no model, clock or label; what a value means is the
//! caller's business.

pub mod adwin;
pub mod choice;
pub mod cusum;
pub mod ddm;
pub mod e_detector;
pub mod eddm;
pub mod fhddm;
pub mod hddm_a;
pub mod hddm_w;
pub mod kswin;
pub mod page_hinkley;

mod mean;

pub use choice::{AnyDetector, BadChoice, BadValue};

use serde::{Deserialize, Serialize};

/// Watches a stream of numbers and says whether it has moved. Same values, same verdicts.
///
/// A detector that has reported a drift starts afresh with the next value (ADWIN in its paper's form keeps the recent part).
pub trait Detector {
    /// Takes in the next `value`: finite and of magnitude at most [`MAGNITUDE_MAX`]; 0 or 1 where the detector watches errors.
    /// [`AnyDetector::offer`] checks that.
    fn update(&mut self, value: f64) -> Verdict;
}

/// A change as the detector has it that reported it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Means of the values before it and since, in their unit.
    pub before: f64,
    pub after: f64,
    /// Values since it began, at least 1. An estimate, without an interval.
    pub values: u64,
}

/// The largest magnitude of a value: squares of it, summed over any stream, stay finite.
pub const MAGNITUDE_MAX: f64 = 1e100;

/// What a detector says after a value. `score` is its statistic, larger where the change is more evident, and `threshold` is
/// what it has to pass for a drift; both finite. Detectors that look now and then repeat those of their last look.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Cannot judge yet: so many values `seen` of those it `needs`.
    Warming { seen: u64, needs: u64 },
    /// No change.
    Stable { score: f64, threshold: f64 },
    /// Perhaps a change: watch.
    Warning { score: f64, threshold: f64 },
    /// A change. `warning`: the warning flag is up as well, as some references leave it.
    Drift { score: f64, threshold: f64, warning: bool },
}

impl Verdict {
    /// Whether it is a drift.
    pub fn is_drift(&self) -> bool {
        matches!(self, Self::Drift { .. })
    }

    /// Whether the warning flag is up.
    pub fn is_warning(&self) -> bool {
        matches!(self, Self::Warning { .. } | Self::Drift { warning: true, .. })
    }

    fn of(drift: bool, warning: bool, score: f64, threshold: f64) -> Self {
        match (drift, warning) {
            (true, warning) => Self::Drift { score, threshold, warning },
            (false, true) => Self::Warning { score, threshold },
            (false, false) => Self::Stable { score, threshold },
        }
    }
}

/// Which way a change has to go to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Up,
    Down,
    #[default]
    Both,
}

impl Direction {
    fn up(self) -> bool {
        self != Self::Down
    }

    fn down(self) -> bool {
        self != Self::Up
    }
}

#[cfg(test)]
mod tests;
