//! How far predicted quantities are from what they turned out to be.

use serde::{Deserialize, Serialize};

use super::estimate::{Moments, NoInterval, Tails, Z};
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
    /// Pairs whose error, or relative error, is beyond the largest float: no mean of them is known.
    beyond: i64,
    relative_beyond: i64,
    errors: ExactSum,
    error_cubes: ExactSum,
    absolute: ExactSum,
    absolute_cubes: ExactSum,
    squares: ExactSum,
    fourths: ExactSum,
    sixths: ExactSum,
    /// |e| / |truth|, a fraction.
    relative: ExactSum,
    relative_squares: ExactSum,
    relative_cubes: ExactSum,
    /// 2|e| / (|truth| + |prediction|), a fraction.
    symmetric: ExactSum,
    symmetric_squares: ExactSum,
    symmetric_cubes: ExactSum,
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
    beyond: bool,
    relative_beyond: bool,
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
        self.beyond += other.beyond;
        self.relative_beyond += other.relative_beyond;
        self.sums_mut().into_iter().zip(other.sums()).for_each(|(sum, other)| sum.merge(other));
        self.magnitudes.merge(&other.magnitudes);
        self.peak.merge(&other.peak);
    }

    pub fn unmerge(&mut self, other: &Self) {
        self.accurate -= other.accurate;
        self.beyond -= other.beyond;
        self.relative_beyond -= other.relative_beyond;
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
    /// Intervals: [`Estimate::mean`] for means (MAE, MSE, MAPE, sMAPE, bias), its square root for RMSE, Wilson for the share within
    /// tolerance, order statistics for the median. None for R² and the largest error. A figure beyond the largest float is not known.
    pub fn metrics(&self) -> Vec<(MetricName, Estimate)> {
        let n = self.count();
        if n == 0 {
            return Vec::new();
        }
        let mean = |[sum, squares, cubes]: [&ExactSum; 3], tails| Estimate::mean(Moments { sum, squares, cubes, n }, tails);
        let known = |beyond: i64, figure: Estimate| if beyond == 0 { figure } else { Estimate::missing(n) };
        let positive = |figure: Estimate| figure.within(0.0, f64::INFINITY);
        let mse = known(self.beyond, positive(mean([&self.squares, &self.fourths, &self.sixths], Tails::Heavy)));
        let mae = positive(mean([&self.absolute, &self.squares, &self.absolute_cubes], Tails::Long));
        let mape = positive(mean([&self.relative, &self.relative_squares, &self.relative_cubes], Tails::Long));
        let smape = mean([&self.symmetric, &self.symmetric_squares, &self.symmetric_cubes], Tails::Long).within(0.0, 2.0);
        let bias = mean([&self.errors, &self.squares, &self.error_cubes], Tails::Both);
        let highest =
            self.peak.highest().map_or(Estimate::MISSING, |highest| Estimate::bare(highest, n, NoInterval::NoneKnown));
        vec![
            (MetricName::Accuracy, Estimate::proportion((self.accurate.max(0) as u64).min(n), n)),
            (MetricName::Mae, known(self.beyond, mae)),
            (MetricName::Mse, mse),
            (MetricName::Rmse, mse.map(f64::sqrt)),
            (MetricName::Mape, known(self.relative_beyond, mape)),
            (MetricName::Smape, smape.map(|share| 100.0 * share)),
            (MetricName::R2, known(self.beyond, self.determination())),
            (MetricName::Bias, known(self.beyond, bias)),
            (MetricName::MaxError, known(self.beyond, highest)),
            (MetricName::MedianAe, self.median_error()),
        ]
    }

    /// The squared standard error of the mean squared error, however long its tails are. `None` below two pairs, and beyond the largest float.
    pub fn mse_error_squared(&self) -> Option<f64> {
        let n = self.count();
        let deviations = ExactSum::squared_deviations(&self.squares, &self.fourths, n);
        (2 <= n && self.fourths.value() < f64::MAX).then(|| deviations / (n as f64 - 1.0) / n as f64)
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
        let spread = ExactSum::squared_deviations(&self.truths, &self.truth_squares, n);
        if n < 2 || f64::MAX <= missed || f64::MAX <= self.truth_squares.value() {
            return Estimate::missing(n);
        }
        let share = match (missed == 0.0, spread == 0.0) {
            (true, true) => 1.0,
            (false, true) => 0.0,
            _ => 1.0 - missed / spread,
        };
        Estimate::bare(share, n, NoInterval::NoneKnown)
    }

    /// The median absolute error within 1 %, by nearest rank; bounds are the order statistics `⌈n/2 ∓ z √n/2⌉` (Conover (1999),
    /// *Practical Nonparametric Statistics*, §3.2).
    fn median_error(&self) -> Estimate {
        let n = self.count();
        let half = n as f64 / 2.0;
        let margin = Z * (n as f64).sqrt() / 2.0;
        let (low, high) = ((half - margin).ceil(), (half + margin).ceil());
        let bounds = (1.0 <= low && high <= n as f64).then(|| self.magnitudes.at_rank(low).zip(self.magnitudes.at_rank(high)));
        let value = self.magnitudes.quantile(0.5);
        let figure = value.map_or(Estimate::missing(n), |value| Estimate::bare(value, n, NoInterval::TooFewRows));
        bounds.flatten().map_or(figure, |(low, high)| figure.between(low, high))
    }

    fn put(&mut self, truth: f64, prediction: f64, out: bool) {
        let terms = terms(truth, prediction);
        let magnitude = terms.error.abs();
        let times = if out { -1 } else { 1 };
        self.accurate += i64::from(terms.accurate) * times;
        self.beyond += i64::from(terms.beyond) * times;
        self.relative_beyond += i64::from(terms.relative_beyond) * times;
        if out {
            self.magnitudes.remove(magnitude)
        } else {
            self.magnitudes.add(magnitude)
        }
        let linear: fn(&mut ExactSum, f64) = if out { ExactSum::sub } else { ExactSum::add };
        let square: fn(&mut ExactSum, f64) = if out { ExactSum::sub_square } else { ExactSum::add_square };
        linear(&mut self.errors, terms.error);
        linear(&mut self.error_cubes, cube(terms.error));
        linear(&mut self.absolute, magnitude);
        linear(&mut self.absolute_cubes, cube(magnitude));
        square(&mut self.squares, terms.error);
        square(&mut self.fourths, terms.square);
        linear(&mut self.sixths, cube(terms.square));
        linear(&mut self.relative, terms.relative);
        square(&mut self.relative_squares, terms.relative);
        linear(&mut self.relative_cubes, cube(terms.relative));
        linear(&mut self.symmetric, terms.symmetric);
        square(&mut self.symmetric_squares, terms.symmetric);
        linear(&mut self.symmetric_cubes, cube(terms.symmetric));
        linear(&mut self.truths, truth);
        square(&mut self.truth_squares, truth);
    }

    fn sums(&self) -> [&ExactSum; 15] {
        [
            &self.errors,
            &self.error_cubes,
            &self.absolute,
            &self.absolute_cubes,
            &self.squares,
            &self.fourths,
            &self.sixths,
            &self.relative,
            &self.relative_squares,
            &self.relative_cubes,
            &self.symmetric,
            &self.symmetric_squares,
            &self.symmetric_cubes,
            &self.truths,
            &self.truth_squares,
        ]
    }

    fn sums_mut(&mut self) -> [&mut ExactSum; 15] {
        [
            &mut self.errors,
            &mut self.error_cubes,
            &mut self.absolute,
            &mut self.absolute_cubes,
            &mut self.squares,
            &mut self.fourths,
            &mut self.sixths,
            &mut self.relative,
            &mut self.relative_squares,
            &mut self.relative_cubes,
            &mut self.symmetric,
            &mut self.symmetric_squares,
            &mut self.symmetric_cubes,
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
    // The difference of two finite floats, or its square, can be beyond the largest float; it stays at that, and is told.
    let error = finite(prediction - truth);
    let sum = finite(truth.abs() + prediction.abs());
    Terms {
        error,
        square: finite(error * error),
        relative: finite(error.abs() / truth.abs().max(EPSILON)),
        symmetric: if sum == 0.0 { 0.0 } else { finite(2.0 * (error.abs() / sum)) },
        accurate: is_accurate(truth, prediction),
        beyond: (prediction - truth).is_infinite(),
        relative_beyond: (error.abs() / truth.abs().max(EPSILON)).is_infinite(),
    }
}

const fn finite(value: f64) -> f64 {
    value.clamp(-f64::MAX, f64::MAX)
}

fn cube(value: f64) -> f64 {
    finite(value * value * value)
}
