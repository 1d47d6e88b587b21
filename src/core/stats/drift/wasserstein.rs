//! How far a distribution has been carried.

use super::resolution::{Step, steps};
use super::{Comparison, Sample};

/// The Wasserstein distance of order 1 in the unit of the values: `∫ |F − G| dx`, the least mean distance by which the one sample must
/// be carried to become the other. `None` beyond the largest float.
///
/// Vallender (1974), *Theory Probab. Appl.* 18, 784–786. Cost: O(n + m).
pub fn distance(reference: &Sample, current: &Sample) -> Option<f64> {
    let (n, m) = (reference.count() as f64, current.count() as f64);
    integral(reference, current, |left, right| (left as f64 / n - right as f64 / m).abs())
}

/// [`distance`] in standard deviations of the reference (as a population). `None` for a constant reference, which has none.
pub fn normalised(reference: &Sample, current: &Sample) -> Option<f64> {
    let deviation = reference.deviation().filter(|deviation| 0.0 < *deviation)?;
    Some(distance(reference, current)? / deviation).filter(|distance| distance.is_finite())
}

/// [`distance`] of two samples of which counts over common bins and the exact means are known.
///
/// If one distribution function lies above the other at every edge the distance is the difference of the means, which it never falls below
/// (Vallender, above). Else values are taken as evenly spread within each bin: `∫ |F − G| dx` of functions that are straight between `low`,
/// the interior `edges` and `high`. Cost: O(bins).
pub fn of_bins(bins: &Comparison, edges: &[f64], (low, high): (f64, f64), means: (f64, f64)) -> f64 {
    let (n, m) = (bins.reference().iter().sum::<u64>() as f64, bins.current().iter().sum::<u64>() as f64);
    let ends = edges.iter().copied().chain([high]).map(|edge| edge.clamp(low, high));
    let (mut start, mut before, mut below, mut sum) = (low, 0.0, (0.0, 0.0), 0.0);
    let (mut above_somewhere, mut below_somewhere) = (false, false);
    for ((here, there), end) in bins.reference().iter().zip(bins.current()).zip(ends) {
        below = (below.0 + *here as f64 / n, below.1 + *there as f64 / m);
        let after: f64 = below.0 - below.1;
        (above_somewhere, below_somewhere) = (above_somewhere | (ROUNDING < after), below_somewhere | (after < -ROUNDING));
        // where the difference changes its sign the area is that of two triangles
        let height = match before * after {
            crossing if crossing < 0.0 => (before * before + after * after) / (2.0 * (after - before).abs()),
            _ => (before + after).abs() / 2.0,
        };
        sum += (end - start).max(0.0) * height;
        (start, before) = (end.max(start), after);
    }
    let between_means = (means.0 - means.1).abs();
    if above_somewhere && below_somewhere { sum.max(between_means) } else { between_means }
}

/// Differences of shares that are none.
const ROUNDING: f64 = 1e-12;

/// How spread out both samples together are, in the unit of the values: `∫ √(H(1 − H)) dx` with their common distribution function
/// `H`, the functional `J₁` of Bobkov & Ledoux (2019), *Mem. Am. Math. Soc.* 1259, §3. `None` beyond the largest float.
pub fn spread(reference: &Sample, current: &Sample) -> Option<f64> {
    let total = (reference.count() + current.count()) as f64;
    integral(reference, current, |left, right| {
        let share = (left + right) as f64 / total;
        (share * (1.0 - share)).sqrt()
    })
}

/// Integrates a function of how many values of each side lie at or below x, over all x between the least and the greatest value.
fn integral(reference: &Sample, current: &Sample, height: impl Fn(u64, u64) -> f64) -> Option<f64> {
    let mut area = Area::default();
    steps(reference, current).for_each(|step| area.take(step, &height));
    area.value()
}

/// The area below a function of how many values of each side have been passed, while both are walked along together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Area {
    at: Option<f64>,
    passed: (u64, u64),
    sum: f64,
}

impl Area {
    pub fn take(&mut self, step: Step, height: impl Fn(u64, u64) -> f64) {
        if let Some(at) = self.at {
            self.sum += height(self.passed.0, self.passed.1) * (step.value - at);
        }
        self.at = Some(step.value);
        self.passed = (self.passed.0 + step.reference, self.passed.1 + step.current);
    }

    /// `None` beyond the largest float.
    pub fn value(&self) -> Option<f64> {
        Some(self.sum).filter(|sum| sum.is_finite())
    }
}
