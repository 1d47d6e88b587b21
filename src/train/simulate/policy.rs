//! When a challenger takes the place of the champion, and when the previous one comes back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidewatch_core::stats::promotion::{ALPHA, RUN_LENGTH};

use crate::artifact::Answer;
use crate::parameters::{self, Algorithm, Given};

/// Challengers at the same time at most.
const CHALLENGERS_MAX: usize = 4;
const FORMER_MAX: usize = 8;

/// What the policy of a server says beside, of which a file without times, requests and segments shows nothing.
const NOT_SIMULATED: [&str; 13] = [
    "auto_retrain_enabled",
    "max_concurrent_tasks",
    "retrain_interval_hours",
    "backup_models",
    "performance_threshold",
    "drift_threshold",
    "mode",
    "search",
    "budget",
    "gates",
    "cooldown_hours",
    "window",
    "canary_share",
];

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
    /// What else the document says, which the simulation does not show.
    #[serde(skip_deserializing)]
    pub not_simulated: Vec<&'static str>,
}

/// What the policy of a server says of one model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelConfig {
    algorithm: Option<Value>,
    hyperparameters: Option<Value>,
}

impl ModelConfig {
    /// What is said, by the keys of a [`Policy`].
    fn named(self) -> impl Iterator<Item = (&'static str, Value)> {
        let pairs = [("algorithm", self.algorithm), ("hyperparameters", self.hyperparameters)];
        pairs.into_iter().filter_map(|(key, value)| Some((key, value?)))
    }
}

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the policy cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the policy's model_configs names {0} models, and a file is of one: keep its entry")]
    Models(usize),
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
            not_simulated: Vec::new(),
        }
    }
}

impl Policy {
    /// The policy of a JSON document; what it does not name is as by default. The document may be the policy of a server: of `model_configs` the
    /// only entry counts, and what a file cannot show is listed in `not_simulated`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut document: Map<String, Value> = serde_json::from_str(text)?;
        let not_simulated = NOT_SIMULATED.into_iter().filter(|key| document.remove(*key).is_some()).collect();
        if let Some(configs) = document.remove("model_configs") {
            let configs: BTreeMap<String, ModelConfig> = serde_json::from_value(configs)?;
            if 1 < configs.len() {
                return Err(Error::Models(configs.len()));
            }
            for (key, value) in configs.into_values().flat_map(ModelConfig::named) {
                document.insert(key.to_owned(), value);
            }
        }
        let mut policy: Self = serde_json::from_value(document.into())?;
        policy.not_simulated = not_simulated;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_of_a_server_is_tried_as_it_stands_and_what_a_file_cannot_show_is_named() {
        let policy = Policy::parse(
            r#"{"auto_retrain_enabled": true, "max_concurrent_tasks": 2, "retrain_interval_hours": 24, "backup_models": true,
                "performance_threshold": 0.8, "drift_threshold": 0.25, "alpha": 0.02,
                "model_configs": {"fraud": {"algorithm": "random_forest", "hyperparameters": {"n_estimators": 30}}}}"#,
        )
        .unwrap();
        assert_eq!((policy.algorithm, policy.alpha), (Algorithm::RandomForest, 0.02));
        assert_eq!(policy.hyperparameters["n_estimators"], 30);
        assert_eq!(policy.not_simulated, NOT_SIMULATED[..6]);
        let told = serde_json::to_value(&policy).unwrap();
        assert_eq!(told["not_simulated"][0], "auto_retrain_enabled");
    }

    #[test]
    fn two_models_an_unknown_key_and_an_unknown_parameter_are_refused_by_name() {
        let refused = |text: &str| Policy::parse(text).unwrap_err().to_string();
        assert!(refused(r#"{"model_configs": {"a": {}, "b": {}}}"#).contains("names 2 models"));
        assert!(refused(r#"{"model_configs": {"a": {"algoritm": "knn"}}}"#).contains("algoritm"));
        assert!(refused(r#"{"alfa": 0.1}"#).contains("alfa"));
        assert!(refused(r#"{"hyperparameters": {"trees": 3}}"#).contains("there are n_estimators"));
    }
}
