//! Numbers of one column, ready for every test.

use super::profile::between;
use super::resolution::{Ascending, is_single};

/// Finite numbers in ascending order, at least one; there is one zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// Sorts the finite ones of `values`; NaN and infinities are left out, so count them before. `None` if nothing is left.
    /// Cost: O(n log n).
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).map(|value| value + 0.0).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        (!sorted.is_empty()).then_some(Self(sorted))
    }

    /// Ascending.
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    pub fn least(&self) -> f64 {
        self.0[0]
    }

    pub fn greatest(&self) -> f64 {
        self.0[self.0.len() - 1]
    }

    /// Whether all values are one value: then neither deciles nor a spread say anything.
    pub fn is_constant(&self) -> bool {
        self.least() == self.greatest()
    }

    /// The quantile at `q`, 0 to 1, by linear interpolation: type 7 of Hyndman & Fan (1996), *Am. Stat.* 50, 361–365, numpy's
    /// default.
    pub fn quantile(&self, q: f64) -> f64 {
        let place = q.clamp(0.0, 1.0) * (self.0.len() - 1) as f64;
        let (below, part) = (place as usize, place.fract());
        let (low, high) = (self.0[below], self.0[(below + 1).min(self.0.len() - 1)]);
        between(low, high, part)
    }

    /// The standard deviation of these values as a population (divided by n), in their unit; `None` beyond the largest float.
    pub fn deviation(&self) -> Option<f64> {
        let count = self.0.len() as f64;
        let mean = self.0.iter().sum::<f64>() / count;
        let variance = self.0.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        // Rounding of the mean must not give a constant a spread.
        if self.is_constant() { Some(0.0) } else { Some(variance.sqrt()).filter(|deviation| deviation.is_finite()) }
    }
}

impl Ascending for Sample {
    fn count(&self) -> u64 {
        self.0.len() as u64
    }

    fn is_single(&self) -> bool {
        self.0.iter().all(|value| is_single(*value))
    }

    fn ascending(&self) -> impl Iterator<Item = f64> {
        self.0.iter().copied()
    }
}
