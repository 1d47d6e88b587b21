//! How good a version probably is before its labels arrive: calibrated on its first labelled predictions, then read from scores alone or, of
//! regressions, from features.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::monitor::drift::losses::{Learning, LossEstimator};
use crate::monitor::join::{Answer, Truth};
use crate::stats::cbpe::{Labelled, Reference};

/// Rows of one chunk of a reference: figures of chunks say what is ordinary.
pub const CHUNK_ROWS: usize = 100;

/// Gathers labelled predictions, then estimates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    Gathering(Vec<Rated>),
    Fitted {
        scale: Scale,
        reference: Reference,
    },
    /// Of a regression, while it gathers. The lessons are rows of their own.
    Learning(Learning),
    /// Of a regression.
    OfLosses(Arc<LossEstimator>),
    /// Nothing can be fitted to the labels that came.
    Unfit,
}

/// What a score is the probability of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Of the positive of two classes.
    Positive,
    /// Of being right: all that can be estimated is accuracy.
    Right,
}

/// A prediction with a score. Both flags are about the positive class or, on [`Scale::Right`], about being right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rated {
    pub scale: Scale,
    pub score: f64,
    pub predicted: bool,
    /// Whether it was so; false while that is not known.
    pub was: bool,
}

impl Default for Estimator {
    fn default() -> Self {
        Self::Gathering(Vec::new())
    }
}

impl Rated {
    /// `None` of a prediction that failed or came without a score.
    pub fn of(answer: &Answer) -> Option<Self> {
        if answer.failed {
            return None;
        }
        match answer.scores.as_slice() {
            [(class, score)] => {
                let predicted = answer.class? == *class;
                Some(Self { scale: Scale::Positive, score: *score, predicted, was: false })
            }
            _ => {
                let score = answer.stated_confidence()?;
                answer.class.map(|_| Self { scale: Scale::Right, score, predicted: true, was: false })
            }
        }
    }

    /// The same with what turned out to be true.
    pub fn with_truth(answer: &Answer, truth: &Truth) -> Option<Self> {
        let rated = Self::of(answer)?;
        let was = match (rated.scale, answer.scores.as_slice()) {
            (Scale::Positive, [(class, _)]) => truth.class? == *class,
            _ => truth.class? == answer.class?,
        };
        Some(Self { was, ..rated })
    }
}

impl Estimator {
    /// Takes in a labelled prediction while it gathers; of two scales the first counts. Fits at `needed`.
    pub fn gather(&mut self, rated: Rated, needed: usize) {
        let Self::Gathering(rows) = self else { return };
        if rows.first().is_none_or(|first| first.scale == rated.scale) {
            // a list that grows by itself doubles, and every version has one
            if rows.len() == rows.capacity() {
                rows.reserve_exact((rows.len() / 8).max(8));
            }
            rows.push(rated);
        }
        if needed <= rows.len() {
            let scale = rows[0].scale;
            let labelled = |rated: &Rated| match scale {
                Scale::Positive => Labelled { score: rated.score, predicted_positive: rated.predicted, positive: rated.was },
                Scale::Right => Labelled::top_label(rated.score, rated.was),
            };
            let labelled: Vec<Labelled> = rows.iter().map(labelled).collect();
            *self = Reference::fit(&labelled, CHUNK_ROWS).map_or(Self::Unfit, |reference| Self::Fitted { scale, reference });
        }
    }

    /// The chance that the class is positive, or the answer right, and whether that was predicted; `None` while nothing is fitted.
    pub fn calibrated(&self, answer: &Answer) -> Option<(f64, bool)> {
        let Self::Fitted { scale, reference } = self else { return None };
        let rated = Rated::of(answer).filter(|rated| rated.scale == *scale)?;
        Some((reference.calibrator().calibrate(rated.score), rated.predicted))
    }
}
