//! Confidence-based performance estimation: how good a classifier probably is, before its labels arrive.
//!
//! A score that is calibrated on labelled reference rows *is* the chance that the truth is positive. Over predictions of the positive
//! class it sums to the expected true positives, over the others to the expected false negatives, and every figure of the confusion
//! matrix follows. The method and its conventions are NannyML's (0.13: *Estimation of performance of the monitored model*).
//!
//! It holds while the scores move and their meaning stays (covariate shift). It cannot see that the truth no longer follows the score
//! (concept drift): then the realised figure leaves the band of the estimate, which is the reason to show both.
//!
//! Problems with more than two classes, and models that give only a confidence, are estimated by their top label: the score is the
//! confidence in what was predicted, "positive" is "right", and accuracy is the mean calibrated confidence
//! ([`Labelled::top_label`], [`Sums::add_confidence`]). The other figures say nothing there.

mod calibrator;
mod isotonic;
mod ranks;
mod reference;
mod sums;

pub use calibrator::Calibrator;
pub use isotonic::{Disordered, Isotonic, POINTS_MAX};
pub use ranks::{Ranks, average_precision, roc_auc};
pub use reference::{NoReference, Reference};
pub use sums::Sums;

/// One reference row: the score of the positive class (finite, meant to be 0 to 1), what was predicted, and what was true.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Labelled {
    pub score: f64,
    pub predicted_positive: bool,
    pub positive: bool,
}

impl Labelled {
    /// A row of a problem with any number of classes: the confidence in the predicted class, and whether it was right.
    pub const fn top_label(confidence: f64, correct: bool) -> Self {
        Self { score: confidence, predicted_positive: true, positive: correct }
    }
}

#[cfg(test)]
mod tests;
