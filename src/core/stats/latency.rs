//! How long answers took.

use serde::{Deserialize, Serialize};

use super::exact::ExactSum;
use super::sketch::Sketch;

/// Response times in seconds, not negative. Groups exactly but for the maximum, see [`Peak`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    sum: ExactSum,
    peak: Peak,
    sketch: Sketch,
}

/// What is shown of a window's response times, in seconds. Quantiles are by nearest rank and within 1 %; mean and maximum
/// are exact.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencySummary {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub mean: f64,
    pub max: f64,
    pub n: u64,
}

/// The largest value. Exact for additions and merges in any order. When the largest itself is taken out again, what was next
/// is not known: the upper bound of the sketch's top bucket (at most 2.02 % above it) stands in until a value reaches it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    highest: Option<f64>,
    /// `highest` is a bound and not a value.
    bound: bool,
}

impl Latency {
    /// Adds a response time in seconds, which must be finite and not negative.
    #[inline]
    pub fn add(&mut self, seconds: f64) {
        self.sum.add(seconds);
        self.peak.add(seconds);
        self.sketch.add(seconds);
    }

    /// Takes one out again.
    pub fn sub(&mut self, seconds: f64) {
        self.sum.sub(seconds);
        self.sketch.remove(seconds);
        self.peak.sub(seconds, &self.sketch);
    }

    pub fn merge(&mut self, other: &Self) {
        self.sum.merge(&other.sum);
        self.peak.merge(&other.peak);
        self.sketch.merge(&other.sketch);
    }

    pub fn unmerge(&mut self, other: &Self) {
        self.sum.unmerge(&other.sum);
        self.sketch.unmerge(&other.sketch);
        self.peak.unmerge(&other.peak, &self.sketch);
    }

    pub fn count(&self) -> u64 {
        self.sketch.count()
    }

    /// The mean in seconds; `None` if empty.
    pub fn mean(&self) -> Option<f64> {
        let n = self.count();
        (0 < n).then(|| self.sum.value() / n as f64)
    }

    /// The `q`-quantile in seconds, within 1 % and never above the maximum; `None` if empty.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let quantile = self.sketch.quantile(q)?;
        Some(self.peak.highest().map_or(quantile, |highest| quantile.min(highest)))
    }

    /// The value in seconds at `rank`, 1 being the least, within 1 %; `None` if empty.
    pub fn at_rank(&self, rank: u64) -> Option<f64> {
        self.sketch.at_rank(rank as f64)
    }

    /// `None` if empty.
    pub fn summary(&self) -> Option<LatencySummary> {
        Some(LatencySummary {
            p50: self.quantile(0.5)?,
            p95: self.quantile(0.95)?,
            p99: self.quantile(0.99)?,
            mean: self.mean()?,
            max: self.peak.highest()?,
            n: self.count(),
        })
    }
}

impl Peak {
    #[inline]
    pub fn add(&mut self, value: f64) {
        if self.highest.is_none_or(|highest| highest <= value) {
            *self = Self { highest: Some(value), bound: false };
        }
    }

    /// After `value` was taken out; `rest` holds what is left.
    pub fn sub(&mut self, value: f64, rest: &Sketch) {
        if self.bound || self.highest.is_none_or(|highest| highest <= value) {
            self.fall_back(rest);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        match (self.highest, other.highest) {
            (Some(own), Some(others)) if others < own => {}
            (Some(own), Some(others)) if own == others => self.bound &= other.bound,
            (_, None) => {}
            _ => *self = other.clone(),
        }
    }

    /// After everything `other` holds was taken out; `rest` holds what is left.
    pub fn unmerge(&mut self, other: &Self, rest: &Sketch) {
        if let Some(others) = other.highest {
            self.sub(others, rest);
        }
    }

    /// The largest value, or a bound on it; `None` if empty.
    pub fn highest(&self) -> Option<f64> {
        self.highest
    }

    fn fall_back(&mut self, rest: &Sketch) {
        let highest = match (self.highest, rest.upper_bound()) {
            (Some(known), Some(bound)) => Some(known.min(bound)),
            (_, bound) => bound,
        };
        *self = Self { highest, bound: highest.is_some() };
    }
}
