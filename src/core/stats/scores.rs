//! What probabilities say beyond the classes they lead to.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::calibration::Calibration;
use super::counts::Counts;
use super::estimate::{Moments, Tails};
use super::exact::ExactSum;
use super::logarithm::ln;
use super::ranking::{self, Tally};
use super::{Estimate, MetricName};

/// Up to this many distinct scores all figures are exact.
pub const EXACT_MAX: usize = 512;
/// Beyond that, ranking figures see scores in bins of width 1/1024.
const BINS: f64 = 1024.0;
/// Probabilities are kept this far from 0 and 1 before their logarithm is taken (scikit-learn: the float's epsilon).
const CLIP: f64 = 2.220_446_049_250_313e-16;

/// Scores of the positive class, 0 to 1, with what turned out to be true.
///
/// Up to [`EXACT_MAX`] distinct scores each is kept with its counts and everything is exact. Beyond, scores share bins of width 2⁻¹⁰:
/// Brier score, log loss and calibration stay exact, and ROC AUC is off by at most `½ Σ_b P_b N_b / (P N)`, half the share of
/// (positive, negative) pairs that meet in a bin (0.0005 for scores spread evenly); average precision takes members of a bin as tied. Which form is
/// in use depends on the distinct scores alone, whatever their order or grouping, as long as no score vanishes again; a
/// relabelling takes out and puts back the same score. The binned form ends when nothing is left in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// Sorted by score; none has two counts of 0. Empty once there is a binned form.
    tallies: Vec<Tally>,
    binned: Option<Box<Binned>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Binned {
    /// By twice the bin, and one more for positives.
    counts: Counts,
    losses: Losses,
    calibration: Calibration,
}

/// Sums behind the mean squared and the mean logarithmic error of a probability, and their variances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Losses {
    squared: PowerSums,
    logarithmic: PowerSums,
}

/// Sums of values, of their squares and of their cubes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct PowerSums {
    sum: ExactSum,
    squares: ExactSum,
    cubes: ExactSum,
}

/// Log loss and top-label calibration of problems with more than two classes, or of those that give a confidence only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MultiLogLoss {
    count: i64,
    loss: PowerSums,
    calibration: Calibration,
}

impl Scored {
    /// Adds a score of the positive class, 0 to 1, of something that `is_positive` or not.
    pub fn add(&mut self, score: f64, is_positive: bool) {
        self.put(score, i64::from(is_positive), i64::from(!is_positive));
    }

    /// Takes it out again.
    pub fn sub(&mut self, score: f64, is_positive: bool) {
        self.put(score, -i64::from(is_positive), -i64::from(!is_positive));
    }

    pub fn merge(&mut self, other: &Self) {
        self.combine(other, 1);
    }

    pub fn unmerge(&mut self, other: &Self) {
        self.combine(other, -1);
    }

    pub fn count(&self) -> u64 {
        let total = match &self.binned {
            Some(binned) => binned.counts.total(),
            None => self.tallies.iter().map(|tally| tally.positives + tally.negatives).sum(),
        };
        total.max(0) as u64
    }

    /// Whether ranking figures are exact, see the type.
    pub const fn is_exact(&self) -> bool {
        self.binned.is_none()
    }

    /// ROC AUC, PR AUC, log loss, Brier score, ECE and MCE; empty if there are no scores.
    pub fn metrics(&self) -> Vec<(MetricName, Estimate)> {
        if self.count() == 0 {
            return Vec::new();
        }
        let (losses, calibration) = self.summed();
        let n = self.count();
        vec![
            (MetricName::RocAuc, self.roc_auc()),
            (MetricName::PrAuc, self.average_precision()),
            (MetricName::LogLoss, losses.logarithmic.mean(n).within(0.0, f64::INFINITY)),
            (MetricName::Brier, losses.squared.mean(n).within(0.0, 1.0)),
            (MetricName::Ece, calibration.expected_error()),
            (MetricName::Mce, calibration.maximum_error()),
        ]
    }

    /// See [`ranking::roc_auc`].
    pub fn roc_auc(&self) -> Estimate {
        ranking::roc_auc(&self.tallied())
    }

    /// See [`ranking::average_precision`].
    pub fn average_precision(&self) -> Estimate {
        ranking::average_precision(&self.tallied())
    }

    /// Stated probability against outcome, in ten bins.
    pub fn calibration(&self) -> Calibration {
        self.summed().1
    }

    fn put(&mut self, score: f64, positives: i64, negatives: i64) {
        let score = score + 0.0; // so that there is one zero
        if let Some(binned) = &mut self.binned {
            binned.put(score, positives, negatives);
            self.end_if_empty();
        } else {
            put_tally(&mut self.tallies, Tally { score, positives, negatives });
            if EXACT_MAX < self.tallies.len() {
                self.collapse();
            }
        }
    }

    fn combine(&mut self, other: &Self, sign: i64) {
        let Some(others) = &other.binned else {
            for tally in &other.tallies {
                self.put(tally.score, sign * tally.positives, sign * tally.negatives);
            }
            return;
        };
        let binned = self.collapse();
        if sign < 0 {
            binned.unmerge(others)
        } else {
            binned.merge(others)
        }
        self.end_if_empty();
    }

    /// Goes over to the binned form, if it is not yet in use.
    fn collapse(&mut self) -> &mut Binned {
        let tallies = std::mem::take(&mut self.tallies);
        let binned = self.binned.get_or_insert_default();
        for tally in tallies {
            binned.put(tally.score, tally.positives, tally.negatives);
        }
        binned
    }

    fn end_if_empty(&mut self) {
        if self.binned.as_ref().is_some_and(|binned| binned.counts == Counts::default()) {
            self.binned = None;
        }
    }

    fn tallied(&self) -> Cow<'_, [Tally]> {
        match &self.binned {
            Some(binned) => Cow::Owned(binned.tallies()),
            None => Cow::Borrowed(&self.tallies),
        }
    }

    fn summed(&self) -> (Losses, Calibration) {
        if let Some(binned) = &self.binned {
            return (binned.losses.clone(), binned.calibration.clone());
        }
        let (mut losses, mut calibration) = (Losses::default(), Calibration::default());
        for tally in &self.tallies {
            losses.put(tally.score, tally.positives, tally.negatives);
            calibration.put(tally.score, tally.positives, tally.negatives);
        }
        (losses, calibration)
    }
}

impl Binned {
    fn put(&mut self, score: f64, positives: i64, negatives: i64) {
        let bin = (score * BINS) as i32;
        for (key, times) in [(2 * bin, negatives), (2 * bin + 1, positives)] {
            if times != 0 {
                self.counts.add(key, times);
            }
        }
        self.losses.put(score, positives, negatives);
        self.calibration.put(score, positives, negatives);
    }

    fn merge(&mut self, other: &Self) {
        self.counts.merge(&other.counts);
        self.losses.merge(&other.losses);
        self.calibration.merge(&other.calibration);
    }

    fn unmerge(&mut self, other: &Self) {
        self.counts.unmerge(&other.counts);
        self.losses.unmerge(&other.losses);
        self.calibration.unmerge(&other.calibration);
    }

    /// A tally per bin in use, at the bin's lower edge.
    fn tallies(&self) -> Vec<Tally> {
        let mut tallies: Vec<Tally> = Vec::new();
        for (key, count) in self.counts.iter() {
            let score = f64::from(key / 2) / BINS;
            let (positives, negatives) = if key % 2 == 1 { (count, 0) } else { (0, count) };
            match tallies.last_mut() {
                Some(last) if last.score == score => last.positives += positives,
                _ => tallies.push(Tally { score, positives, negatives }),
            }
        }
        tallies
    }
}

impl Losses {
    fn put(&mut self, score: f64, positives: i64, negatives: i64) {
        for (miss, likelihood, times) in [(1.0 - score, score, positives), (score, 1.0 - score, negatives)] {
            if times == 0 {
                continue;
            }
            let (square, loss) = (miss * miss, -ln(likelihood.clamp(CLIP, 1.0 - CLIP)));
            self.squared.add(square, times);
            self.logarithmic.add(loss, times);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.squared.merge(&other.squared);
        self.logarithmic.merge(&other.logarithmic);
    }

    fn unmerge(&mut self, other: &Self) {
        self.squared.unmerge(&other.squared);
        self.logarithmic.unmerge(&other.logarithmic);
    }
}

impl MultiLogLoss {
    /// Adds one answer: the probability given to what turned out to be true (`None` if not stated), the probability given to
    /// what was predicted (`None` if not stated), and whether the two are the same class.
    pub fn add(&mut self, of_truth: Option<f64>, of_predicted: Option<f64>, correct: bool) {
        self.put(of_truth, of_predicted, correct, 1);
    }

    /// Takes it out again.
    pub fn sub(&mut self, of_truth: Option<f64>, of_predicted: Option<f64>, correct: bool) {
        self.put(of_truth, of_predicted, correct, -1);
    }

    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.loss.merge(&other.loss);
        self.calibration.merge(&other.calibration);
    }

    pub fn unmerge(&mut self, other: &Self) {
        self.count -= other.count;
        self.loss.unmerge(&other.loss);
        self.calibration.unmerge(&other.calibration);
    }

    /// Log loss (natural, clipped) over answers that state it, ECE and MCE of the predicted class over those that state that;
    /// each only where there are any.
    pub fn metrics(&self) -> Vec<(MetricName, Estimate)> {
        let mut metrics = Vec::new();
        if 0 < self.count {
            let loss = self.loss.mean(self.count as u64);
            metrics.push((MetricName::LogLoss, loss.within(0.0, f64::INFINITY)));
        }
        if 0 < self.calibration.count() {
            metrics.push((MetricName::Ece, self.calibration.expected_error()));
            metrics.push((MetricName::Mce, self.calibration.maximum_error()));
        }
        metrics
    }

    /// Stated confidence against being right, in ten bins.
    pub const fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    fn put(&mut self, of_truth: Option<f64>, of_predicted: Option<f64>, correct: bool, times: i64) {
        if let Some(likelihood) = of_truth {
            self.count += times;
            self.loss.add(-ln(likelihood.clamp(CLIP, 1.0 - CLIP)), times);
        }
        if let Some(confidence) = of_predicted {
            self.calibration.put(confidence, i64::from(correct) * times, i64::from(!correct) * times);
        }
    }
}

impl PowerSums {
    /// Adds `value`, its square (of the rounded value, exactly) and its cube (rounded) `times` times.
    fn add(&mut self, value: f64, times: i64) {
        let cube = value * value * value;
        if times == 1 {
            self.sum.add(value);
            self.squares.add_square(value);
            self.cubes.add(cube);
        } else {
            self.sum.add_times(value, times);
            self.squares.add_square_times(value, times);
            self.cubes.add_times(cube, times);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.sum.merge(&other.sum);
        self.squares.merge(&other.squares);
        self.cubes.merge(&other.cubes);
    }

    fn unmerge(&mut self, other: &Self) {
        self.sum.unmerge(&other.sum);
        self.squares.unmerge(&other.squares);
        self.cubes.unmerge(&other.cubes);
    }

    fn mean(&self, n: u64) -> Estimate {
        let Self { sum, squares, cubes } = self;
        Estimate::mean(Moments { sum, squares, cubes, n }, Tails::Short)
    }
}

fn put_tally(tallies: &mut Vec<Tally>, new: Tally) {
    match tallies.binary_search_by(|tally| tally.score.total_cmp(&new.score)) {
        Ok(at) => {
            let tally = &mut tallies[at];
            tally.positives += new.positives;
            tally.negatives += new.negatives;
            if tally.positives == 0 && tally.negatives == 0 {
                tallies.remove(at);
            }
        }
        Err(_) if new.positives == 0 && new.negatives == 0 => {}
        Err(at) => tallies.insert(at, new),
    }
}
