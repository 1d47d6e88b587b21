//! Exponential smoothing that outliers cannot pull along: where a series is, and how widely it usually scatters about that.
//!
//! Gelper, Fried & Croux, "Robust forecasting with exponential and Holt–Winters smoothing", Journal of Forecasting 29 (2010), §3: each
//! value is drawn in to at most two deviations from what was expected before it moves the level (equation 8), and the scale follows a bounded
//! loss of the errors (equations 10 and 11). Only basic operations and square roots, so the same values give the same state everywhere.

use serde::{Deserialize, Serialize};

/// `k` of the paper: deviations beyond which a value counts as no farther.
const BOUND: f64 = 2.0;
/// `c_k` of the paper: makes the mean loss of normal errors 1.
const CONSISTENCY: f64 = 2.52;
/// Makes the median absolute deviation of normal errors their standard deviation: 1 / Φ⁻¹(3/4).
const MAD_TO_DEVIATION: f64 = 1.482_602_218_505_602;
/// The same for the distance that nine in ten are within: 1 / Φ⁻¹(0.95).
const FAR_TO_DEVIATION: f64 = 0.607_956_841_5;

/// A level and a scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Smoother {
    pub level: f64,
    /// In the unit of the values; at normal errors their standard deviation.
    pub scale: f64,
}

/// How quickly a [`Smoother`] follows: shares of the newest value, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    pub level: f64,
    pub scale: f64,
}

impl Smoother {
    /// Begins at the median of `values`. The scale is their median absolute deviation, as in the paper (§3.3), or what the ninth tenth
    /// of the distances says if that is more: of values of which most are the same the first is 0. `None` without values.
    pub fn start(values: &[f64]) -> Option<Self> {
        let level = median(values)?;
        let mut distances: Vec<f64> = values.iter().map(|value| (value - level).abs()).collect();
        distances.sort_unstable_by(f64::total_cmp);
        let far = distances[(distances.len() * 9 / 10).min(distances.len() - 1)];
        Some(Self { level, scale: (MAD_TO_DEVIATION * median(&distances)?).max(FAR_TO_DEVIATION * far) })
    }

    /// Follows `value`, drawn in to two deviations of the level.
    ///
    /// * `floor`: the least scale, above 0; without it a series that was constant could never widen again.
    pub fn follow(&mut self, value: f64, pace: Pace, floor: f64) {
        let before = self.scale.max(floor);
        let error = value - self.level;
        self.scale = before * (pace.scale * loss(error / before) + (1.0 - pace.scale)).sqrt();
        let reach = BOUND * self.scale.max(floor);
        self.level += pace.level * error.clamp(-reach, reach);
    }
}

/// Tukey's biweight loss, which grows no further beyond [`BOUND`] (equation 11).
fn loss(error: f64) -> f64 {
    let inside = 1.0 - (error / BOUND) * (error / BOUND);
    if 0.0 < inside { CONSISTENCY * (1.0 - inside * inside * inside) } else { CONSISTENCY }
}

/// The middle value, or the mean of the two in the middle; `None` without values. They are finite.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[middle - 1], upper) } else { upper })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PACE: Pace = Pace { level: 0.1, scale: 0.1 };

    #[test]
    fn the_loss_of_normal_errors_is_one_in_the_mean() {
        // the trapezium rule over ±8 deviations
        let step = 1e-3;
        let density = |x: f64| (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
        let mean: f64 = (-8_000..=8_000).map(|i| f64::from(i) * step).map(|x| loss(x) * density(x) * step).sum();
        assert!((mean - 1.0).abs() < 2e-3, "{mean}");
    }

    #[test]
    fn it_starts_at_the_middle_whatever_the_outliers() {
        let mut values: Vec<f64> = (1..=20).map(f64::from).collect();
        values[19] = 1e9;
        let start = Smoother::start(&values).unwrap();
        assert_eq!((start.level, start.scale), (10.5, MAD_TO_DEVIATION * 5.0));
        assert_eq!(Smoother::start(&[0.0, 0.0, 0.0, 1.0, 1.0]).unwrap().scale, FAR_TO_DEVIATION);
        assert_eq!(Smoother::start(&[]), None);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn an_ordinary_value_moves_the_level_as_plain_smoothing_does() {
        let mut smoother = Smoother { level: 10.0, scale: 1.0 };
        smoother.follow(11.0, PACE, 1e-9);
        assert!((smoother.level - 10.1).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn one_value_however_large_moves_little(value in -1e300..1e300_f64) {
            let mut smoother = Smoother { level: 10.0, scale: 1.0 };
            smoother.follow(value, PACE, 1e-9);
            // √(1 + 0.1 · 1.52) scales, of which a tenth of two
            prop_assert!((smoother.level - 10.0).abs() <= 0.1 * 2.0 * 1.08);
            prop_assert!(smoother.scale <= 1.08);
        }

        #[test]
        fn a_new_level_is_reached_in_the_end(level in -100.0..100.0_f64) {
            let mut smoother = Smoother { level: 0.0, scale: 0.0 };
            for _ in 0..2_000 {
                smoother.follow(level, PACE, 0.01);
            }
            prop_assert!((smoother.level - level).abs() < 0.1);
        }
    }
}
