//! When a challenger takes the place of the champion, and when the previous one comes back.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidewatch_core::stats::promotion::{ALPHA, RUN_LENGTH};

use crate::artifact::Answer;
use crate::parameters::{self, Algorithm, Given};

/// Challengers at the same time at most.
const CHALLENGERS_MAX: usize = 4;
const FORMER_MAX: usize = 8;

/// What a challenger has to be better in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossKind {
    /// The Brier score of classes: half the squared distance of the shares from what was true. It tells of two models that are both right which knew
    /// better, and so needs fewer labels.
    #[default]
    Brier,
    /// 1 for a wrong class.
    ZeroOne,
}

/// A policy of retraining, as far as a file without times can show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// The chance of promoting a challenger that is no better.
    pub alpha: f64,
    /// How much smaller its mean loss has to be.
    pub margin: f64,
    /// New challengers at the same time; the oldest makes room. All challengers share `alpha`.
    pub challengers: usize,
    /// Models that served before and challenge again, with evidence that begins anew. What was rolled back is not among them.
    pub former: usize,
    pub loss: LossKind,
    /// Labels between two false alarms of the way back, on the average and at least.
    pub run_length: f64,
    /// Labels for which the previous champion goes on as a shadow.
    pub watch: u64,
    /// Of quantities: errors count up to this; by default up to the 0.99 quantile of the first model's.
    pub error_max: Option<f64>,
    pub algorithm: Algorithm,
    pub hyperparameters: Given,
}

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the policy cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the policy's {key} is {value}, and has to be {wanted}")]
    OutOfRange { key: &'static str, value: String, wanted: String },
    #[error(transparent)]
    Parameters(#[from] parameters::Error),
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            alpha: ALPHA,
            margin: 0.0,
            challengers: 1,
            former: 2,
            loss: LossKind::default(),
            run_length: RUN_LENGTH,
            watch: 10_000,
            error_max: None,
            algorithm: Algorithm::GradientBoosting,
            hyperparameters: Map::new(),
        }
    }
}

impl Policy {
    /// The policy of a JSON document; what it does not name is as by default.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let policy: Self = serde_json::from_value(serde_json::from_str::<Value>(text)?)?;
        let refuse = |key, value: String, wanted: String| Err(Error::OutOfRange { key, value, wanted });
        if !(0.0 < policy.alpha && policy.alpha < 1.0) {
            return refuse("alpha", policy.alpha.to_string(), "above 0 and below 1".to_owned());
        }
        if !(0.0..1.0).contains(&policy.margin) {
            return refuse("margin", policy.margin.to_string(), "from 0 to below 1".to_owned());
        }
        if !(1..=CHALLENGERS_MAX).contains(&policy.challengers) {
            return refuse("challengers", policy.challengers.to_string(), format!("from 1 to {CHALLENGERS_MAX}"));
        }
        if FORMER_MAX < policy.former {
            return refuse("former", policy.former.to_string(), format!("from 0 to {FORMER_MAX}"));
        }
        if !(1.0..=1e15).contains(&policy.run_length) {
            return refuse("run_length", policy.run_length.to_string(), "1 or more".to_owned());
        }
        if policy.error_max.is_some_and(|most| !(0.0 < most && most.is_finite())) {
            return refuse("error_max", format!("{:?}", policy.error_max), "above 0".to_owned());
        }
        policy.algorithm.complete(&policy.hyperparameters)?;
        Ok(policy)
    }

    /// The loss of an answer, 0 to 1.
    pub fn loss(&self, answer: &Answer, target: f64) -> f64 {
        match (answer, self.loss) {
            (Answer::Quantity(quantity), _) => ((quantity - target).abs() / self.error_max.unwrap_or(1.0)).min(1.0),
            (Answer::Class(class, _), LossKind::ZeroOne) => f64::from(u8::from(*class as f64 != target)),
            (Answer::Class(_, shares), LossKind::Brier) => {
                let distance = |(class, share): (usize, &f64)| {
                    let truth = f64::from(u8::from(class as f64 == target));
                    (share - truth) * (share - truth)
                };
                shares.iter().enumerate().map(distance).sum::<f64>() / 2.0
            }
        }
    }
}
