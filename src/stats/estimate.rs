//! A figure with its uncertainty.

use serde::{Deserialize, Serialize};

use super::exact::ExactSum;

/// The standard normal quantile at 0.975: all intervals here are 95 % and two-sided.
pub const Z: f64 = 1.959_963_984_540_054;

/// A figure, its 95 % confidence interval and how many observations stand behind it. `None` is "not known", never 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Estimate {
    pub value: Option<f64>,
    /// Both bounds or neither: where no honest interval is known there is none.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Observations in the denominator.
    pub n: u64,
}

impl Estimate {
    /// Nothing is known: no observations.
    pub const MISSING: Self = Self { value: None, low: None, high: None, n: 0 };

    /// A figure without an interval. A value that is not finite is not known.
    pub fn bare(value: f64, n: u64) -> Self {
        Self { value: Some(value).filter(|value| value.is_finite()), low: None, high: None, n }
    }

    /// The proportion `hits / n` with its Wilson score interval; missing if `n` is 0.
    ///
    /// `(p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n)`: Wilson (1927), *J. Am. Stat. Assoc.* 22, 209–212.
    pub fn proportion(hits: u64, n: u64) -> Self {
        Self::proportion_at(hits, n, Z)
    }

    /// The same, its interval reaching to the normal quantile `z`.
    pub(super) fn proportion_at(hits: u64, n: u64, z: f64) -> Self {
        if n == 0 {
            return Self::MISSING;
        }
        let (count, share) = (n as f64, hits as f64 / n as f64);
        let centre = share + z * z / (2.0 * count);
        let margin = z * (share * (1.0 - share) / count + z * z / (4.0 * count * count)).sqrt();
        let scale = 1.0 + z * z / count;
        let low = if hits == 0 { 0.0 } else { (centre - margin) / scale };
        let high = if hits == n { 1.0 } else { (centre + margin) / scale };
        Self { value: Some(share), low: Some(low.max(0.0)), high: Some(high.min(1.0)), n }
    }

    /// The mean of `n` values given `Σ x` and `Σ x²`, with the normal-approximation interval `x̄ ± z √(s²/n)`, `s²` the
    /// unbiased variance (for example Wasserman (2004), *All of Statistics*, §6.3). No interval below 2 values.
    pub fn mean(sum: &ExactSum, squares: &ExactSum, n: u64) -> Self {
        if n == 0 {
            return Self::MISSING;
        }
        let count = n as f64;
        let mean = Self::bare(sum.value() / count, n);
        if n < 2 {
            return mean;
        }
        let variance = ExactSum::squared_deviations(sum, squares, n) / (count - 1.0);
        mean.give_or_take(Z * (variance / count).sqrt())
    }

    /// The unweighted mean of independent proportions. Its interval combines their Wilson intervals by the method of variance
    /// estimates recovery: `L = θ̂ − √Σ(p̂ₖ − lₖ)² / K`, `U = θ̂ + √Σ(uₖ − p̂ₖ)² / K`: Zou & Donner (2008), *Stat. Med.* 27,
    /// 1693–1702. A part without an interval (0/0 read as 0) leaves the mean without one.
    pub fn mean_of_proportions(parts: &[Self]) -> Self {
        let values: Option<Vec<f64>> = parts.iter().map(|part| part.value).collect();
        let Some(values) = values.filter(|values| !values.is_empty()) else { return Self::MISSING };
        let count = parts.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let distance = |bound: fn(&Self) -> Option<f64>| -> Option<f64> {
            let squares: Option<f64> =
                parts.iter().zip(&values).map(|(part, value)| Some((bound(part)? - value).powi(2))).sum();
            Some(squares?.sqrt() / count)
        };
        let n = parts.iter().map(|part| part.n).sum();
        let (below, above) = (distance(|part| part.low), distance(|part| part.high));
        match (below, above) {
            (Some(below), Some(above)) => {
                Self { value: Some(mean), low: Some((mean - below).max(0.0)), high: Some((mean + above).min(1.0)), n }
            }
            _ => Self::bare(mean, n),
        }
    }

    /// The same figure seen through a monotone function: bounds go the same way, and change places where it falls.
    pub fn map(self, function: impl Fn(f64) -> f64) -> Self {
        let (first, second) = (self.low.map(&function), self.high.map(&function));
        let (low, high) = if second < first { (second, first) } else { (first, second) };
        Self { value: self.value.map(&function), low, high, n: self.n }
    }

    /// With bounds at `margin` on both sides; without any if they are not finite.
    pub(super) fn give_or_take(self, margin: f64) -> Self {
        let Some(value) = self.value.filter(|_| margin.is_finite()) else { return self };
        Self { low: Some(value - margin), high: Some(value + margin), ..self }
    }

    /// With bounds no lower than `least` and no higher than `most`, where the figure itself cannot be.
    pub(super) fn within(self, least: f64, most: f64) -> Self {
        Self { low: self.low.map(|low| low.max(least)), high: self.high.map(|high| high.min(most)), ..self }
    }

    /// `value`, or 0 over 0 observations where the convention (scikit-learn's `zero_division=0`) says so.
    pub(super) fn or_zero(self) -> Self {
        Self { value: self.value.or(Some(0.0)), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wilson_interval_is_the_published_one() {
        // Newcombe (1998), Stat. Med. 17, 857-872, table I, method 3: 81/263, 15/148, 0/20, 1/29.
        for (hits, n, low, high) in
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
        {
            let estimate = Estimate::proportion(hits, n);
            assert!((estimate.low.unwrap() - low).abs() < 5e-5, "{hits}/{n}: {estimate:?}");
            assert!((estimate.high.unwrap() - high).abs() < 5e-5, "{hits}/{n}: {estimate:?}");
        }
        assert_eq!(Estimate::proportion(0, 0), Estimate::MISSING);
    }

    #[test]
    fn the_interval_of_a_mean_is_its_standard_error_either_way() {
        let (mut sum, mut squares) = (ExactSum::default(), ExactSum::default());
        for value in [1.0, 2.0, 3.0, 4.0] {
            sum.add(value);
            squares.add_square(value);
        }
        let mean = Estimate::mean(&sum, &squares, 4);
        let margin = Z * (5.0_f64 / 3.0 / 4.0).sqrt();
        assert_eq!(mean.value, Some(2.5));
        assert!((mean.high.unwrap() - 2.5 - margin).abs() < 1e-12 && (2.5 - mean.low.unwrap() - margin).abs() < 1e-12);
    }

    #[test]
    fn a_falling_function_swaps_the_bounds() {
        let estimate = Estimate::proportion(3, 10).map(|share| 1.0 - share);
        assert!(estimate.low < estimate.value && estimate.value < estimate.high);
    }
}
