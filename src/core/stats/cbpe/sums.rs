//! What is left of a window of calibrated predictions: expected outcomes.

use serde::{Deserialize, Serialize};

use crate::stats::MetricName;
use crate::stats::exact::ExactSum;

/// Predictions of either class with their summed chance of a positive truth: a commutative group, some 100 bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    predicted_positive: Side,
    predicted_negative: Side,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Side {
    count: i64,
    calibrated: ExactSum,
}

impl Sums {
    /// Adds a prediction whose truth is positive with chance `calibrated`, 0 to 1.
    #[inline]
    pub fn add(&mut self, calibrated: f64, predicted_positive: bool) {
        let side = self.side(predicted_positive);
        side.count += 1;
        side.calibrated.add(calibrated);
    }

    /// Takes it out again.
    #[inline]
    pub fn sub(&mut self, calibrated: f64, predicted_positive: bool) {
        let side = self.side(predicted_positive);
        side.count -= 1;
        side.calibrated.sub(calibrated);
    }

    /// Adds a prediction of any class that is right with chance `calibrated`: only accuracy is then an estimate of anything.
    #[inline]
    pub fn add_confidence(&mut self, calibrated: f64) {
        self.add(calibrated, true);
    }

    pub fn merge(&mut self, other: &Self) {
        for (side, other) in self.sides().into_iter().zip([&other.predicted_positive, &other.predicted_negative]) {
            side.count += other.count;
            side.calibrated.merge(&other.calibrated);
        }
    }

    pub fn unmerge(&mut self, other: &Self) {
        for (side, other) in self.sides().into_iter().zip([&other.predicted_positive, &other.predicted_negative]) {
            side.count -= other.count;
            side.calibrated.unmerge(&other.calibrated);
        }
    }

    pub fn count(&self) -> u64 {
        (self.predicted_positive.count + self.predicted_negative.count).max(0) as u64
    }

    /// Expected accuracy, precision, recall, specificity and F1, each 0 to 1; 0 over 0 is 0. Empty without predictions.
    ///
    /// With `c` the chance of a positive truth: `TP = Σ c` and `FP = Σ (1 − c)` over predictions of the positive class, `FN = Σ c` and
    /// `TN = Σ (1 − c)` over the others.
    pub fn figures(&self) -> Vec<(MetricName, f64)> {
        if self.count() == 0 {
            return Vec::new();
        }
        let (positive, negative) = (&self.predicted_positive, &self.predicted_negative);
        let (true_positives, false_negatives) = (positive.calibrated.value(), negative.calibrated.value());
        let false_positives = positive.count as f64 - true_positives;
        let true_negatives = negative.count as f64 - false_negatives;
        let share = |part: f64, whole: f64| if 0.0 < whole { (part / whole).clamp(0.0, 1.0) } else { 0.0 };
        vec![
            (MetricName::Accuracy, share(true_positives + true_negatives, self.count() as f64)),
            (MetricName::Precision, share(true_positives, positive.count as f64)),
            (MetricName::Recall, share(true_positives, true_positives + false_negatives)),
            (MetricName::Specificity, share(true_negatives, true_negatives + false_positives)),
            (MetricName::F1, share(true_positives, true_positives + (false_positives + false_negatives) / 2.0)),
        ]
    }

    const fn side(&mut self, predicted_positive: bool) -> &mut Side {
        if predicted_positive { &mut self.predicted_positive } else { &mut self.predicted_negative }
    }

    const fn sides(&mut self) -> [&mut Side; 2] {
        [&mut self.predicted_positive, &mut self.predicted_negative]
    }
}
