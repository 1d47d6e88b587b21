//! How far predicted quantities are from what they turned out to be.

use serde::{Deserialize, Serialize};

use super::estimate::Z;
use super::exact::ExactSum;
use super::latency::Peak;
use super::sketch::Sketch;
use super::{Estimate, MetricName};

/// A prediction within this share of the truth counts as accurate.
pub const TOLERANCE: f64 = 0.1;
/// scikit-learn's `numpy.finfo(float64).eps`: stands in for a truth of 0 in MAPE.
const EPSILON: f64 = f64::EPSILON;

/// Sums over (truth, prediction) pairs, both finite. Groups exactly but for the largest error, see [`Peak`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Regression {
    /// Within [`TOLERANCE`].
    accurate: i64,
    errors: ExactSum,
    absolute: ExactSum,
    squares: ExactSum,
    fourths: ExactSum,
    /// |e| / |truth|, a fraction.
    relative: ExactSum,
    relative_squares: ExactSum,
    /// 2|e| / (|truth| + |prediction|), a fraction.
    symmetric: ExactSum,
    symmetric_squares: ExactSum,
    truths: ExactSum,
    truth_squares: ExactSum,
    peak: Peak,
    magnitudes: Sketch,
}

/// What one pair contributes; every figure finite.
struct Terms {
    error: f64,
    square: f64,
    relative: f64,
    symmetric: f64,
    accurate: bool,
}

/// Whether `prediction` is within [`TOLERANCE`] of `truth`.
pub fn is_accurate(truth: f64, prediction: f64) -> bool {
    (prediction - truth).abs() <= TOLERANCE * truth.abs()
}

impl Regression {
    pub fn add(&mut self, truth: f64, prediction: f64) {
        self.peak.add(terms(truth, prediction).error.abs());
        self.put(truth, prediction, false);
    }

    /// Takes a pair out again.
    pub fn sub(&mut self, truth: f64, prediction: f64) {
        self.put(truth, prediction, true);
        self.peak.sub(terms(truth, prediction).error.abs(), &self.magnitudes);
    }

    pub fn merge(&mut self, other: &Self) {
        self.accurate += other.accurate;
        self.sums_mut().into_iter().zip(other.sums()).for_each(|(sum, other)| sum.merge(other));
        self.magnitudes.merge(&other.magnitudes);
        self.peak.merge(&other.peak);
    }

    pub fn unmerge(&mut self, other: &Self) {
        self.accurate -= other.accurate;
        self.sums_mut().into_iter().zip(other.sums()).for_each(|(sum, other)| sum.unmerge(other));
        self.magnitudes.unmerge(&other.magnitudes);
        self.peak.unmerge(&other.peak, &self.magnitudes);
    }

    pub fn count(&self) -> u64 {
        self.magnitudes.count()
    }

    /// Pairs within [`TOLERANCE`].
    pub fn accurate(&self) -> u64 {
        self.accurate.max(0) as u64
    }

    /// Every regression figure; empty if there are no pairs. Definitions are scikit-learn's; sMAPE is in percent, 0 to 200,
    /// with 0/0 as 0 (Makridakis (1993), *Int. J. Forecast.* 9, 527–529, as river has it).
    ///
    /// Intervals: normal approximation for means (MAE, MSE, MAPE, sMAPE, bias), its square root for RMSE, Wilson for the share
    /// within tolerance, order statistics for the median. None for R² and the largest error.
    pub fn metrics(&self) -> Vec<(MetricName, Estimate)> {
        let n = self.count();
        if n == 0 {
            return Vec::new();
        }
        let positive = |sum: &ExactSum, squares: &ExactSum| Estimate::mean(sum, squares, n).within(0.0, f64::INFINITY);
        let mse = positive(&self.squares, &self.fourths);
        vec![
            (MetricName::Accuracy, Estimate::proportion((self.accurate.max(0) as u64).min(n), n)),
            (MetricName::Mae, positive(&self.absolute, &self.squares)),
            (MetricName::Mse, mse),
            (MetricName::Rmse, mse.map(f64::sqrt)),
            (MetricName::Mape, positive(&self.relative, &self.relative_squares)),
            (MetricName::Smape, positive(&self.symmetric, &self.symmetric_squares).within(0.0, 2.0).map(|share| 100.0 * share)),
            (MetricName::R2, self.determination()),
            (MetricName::Bias, Estimate::mean(&self.errors, &self.squares, n)),
            (MetricName::MaxError, self.peak.highest().map_or(Estimate::MISSING, |highest| Estimate::bare(highest, n))),
            (MetricName::MedianAe, self.median_error()),
        ]
    }

    /// `1 − Var(e)/Var(y)`: R² as it would be without the bias (scikit-learn's `explained_variance_score`). 1 or 0 for a constant
    /// truth as with R²; `None` below two pairs.
    pub fn explained_variance(&self) -> Option<f64> {
        self.share_explained(ExactSum::squared_deviations(&self.errors, &self.squares, self.count())).value
    }

    /// `1 − Σ e² / Σ (y − ȳ)²`, at most 1. For a constant truth 1 if met exactly, else 0; missing for one pair.
    fn determination(&self) -> Estimate {
        self.share_explained(self.squares.value())
    }

    fn share_explained(&self, missed: f64) -> Estimate {
        let n = self.count();
        if n < 2 {
            return Estimate { n, ..Estimate::MISSING };
        }
        let spread = ExactSum::squared_deviations(&self.truths, &self.truth_squares, n);
        let share = match (missed == 0.0, spread == 0.0) {
            (true, true) => 1.0,
            (false, true) => 0.0,
            _ => 1.0 - missed / spread,
        };
        Estimate::bare(share, n)
    }

    /// The median absolute error within 1 %, by nearest rank; bounds are the order statistics `⌈n/2 ∓ z √n/2⌉` (Conover (1999),
    /// *Practical Nonparametric Statistics*, §3.2).
    fn median_error(&self) -> Estimate {
        let n = self.count();
        let half = n as f64 / 2.0;
        let margin = Z * (n as f64).sqrt() / 2.0;
        let (low, high) = ((half - margin).ceil(), (half + margin).ceil());
        let bounds = (1.0 <= low && high <= n as f64).then(|| self.magnitudes.at_rank(low).zip(self.magnitudes.at_rank(high)));
        let (low, high) = bounds.flatten().unzip();
        Estimate { value: self.magnitudes.quantile(0.5), low, high, n }
    }

    fn put(&mut self, truth: f64, prediction: f64, out: bool) {
        let terms = terms(truth, prediction);
        let magnitude = terms.error.abs();
        self.accurate += i64::from(terms.accurate) * if out { -1 } else { 1 };
        if out {
            self.magnitudes.remove(magnitude)
        } else {
            self.magnitudes.add(magnitude)
        }
        let linear: fn(&mut ExactSum, f64) = if out { ExactSum::sub } else { ExactSum::add };
        let square: fn(&mut ExactSum, f64) = if out { ExactSum::sub_square } else { ExactSum::add_square };
        linear(&mut self.errors, terms.error);
        linear(&mut self.absolute, magnitude);
        square(&mut self.squares, terms.error);
        square(&mut self.fourths, terms.square);
        linear(&mut self.relative, terms.relative);
        square(&mut self.relative_squares, terms.relative);
        linear(&mut self.symmetric, terms.symmetric);
        square(&mut self.symmetric_squares, terms.symmetric);
        linear(&mut self.truths, truth);
        square(&mut self.truth_squares, truth);
    }

    fn sums(&self) -> [&ExactSum; 10] {
        [
            &self.errors,
            &self.absolute,
            &self.squares,
            &self.fourths,
            &self.relative,
            &self.relative_squares,
            &self.symmetric,
            &self.symmetric_squares,
            &self.truths,
            &self.truth_squares,
        ]
    }

    fn sums_mut(&mut self) -> [&mut ExactSum; 10] {
        [
            &mut self.errors,
            &mut self.absolute,
            &mut self.squares,
            &mut self.fourths,
            &mut self.relative,
            &mut self.relative_squares,
            &mut self.symmetric,
            &mut self.symmetric_squares,
            &mut self.truths,
            &mut self.truth_squares,
        ]
    }
}

/// The median of the absolute errors, exactly: for an even number the mean of the two in the middle. `None` if empty.
pub fn median_absolute_error(pairs: impl IntoIterator<Item = (f64, f64)>) -> Option<f64> {
    let mut errors: Vec<f64> = pairs.into_iter().map(|(truth, prediction)| (prediction - truth).abs()).collect();
    errors.sort_unstable_by(f64::total_cmp);
    let (below, above) = (errors.get(errors.len().checked_sub(1)? / 2)?, errors.get(errors.len() / 2)?);
    Some((below + above) / 2.0)
}

fn terms(truth: f64, prediction: f64) -> Terms {
    // The difference of two finite floats, or its square, can be beyond the largest float; it stays at that.
    let finite = |value: f64| value.clamp(-f64::MAX, f64::MAX);
    let error = finite(prediction - truth);
    let sum = finite(truth.abs() + prediction.abs());
    Terms {
        error,
        square: finite(error * error),
        relative: finite(error.abs() / truth.abs().max(EPSILON)),
        symmetric: if sum == 0.0 { 0.0 } else { finite(2.0 * (error.abs() / sum)) },
        accurate: is_accurate(truth, prediction),
    }
}
