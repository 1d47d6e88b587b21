//! How far a distribution has been carried.

use super::Sample;

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
fn integral(reference: &Sample, current: &Sample, height: impl Fn(usize, usize) -> f64) -> Option<f64> {
    let (left, right) = (reference.values(), current.values());
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    let mut previous = reference.least().min(current.least());
    while i < left.len() || j < right.len() {
        let next = match (left.get(i), right.get(j)) {
            (Some(here), Some(there)) => here.min(*there),
            (Some(only), None) | (None, Some(only)) => *only,
            (None, None) => previous,
        };
        sum += height(i, j) * (next - previous);
        i += left[i..].iter().take_while(|value| **value == next).count();
        j += right[j..].iter().take_while(|value| **value == next).count();
        previous = next;
    }
    Some(sum).filter(|sum: &f64| sum.is_finite())
}
