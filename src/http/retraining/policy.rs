//! `/api/v1/retraining/policy`: when models are trained anew, from what, and what becomes of the result.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::event::command;
use crate::event::{Kind, Mode, ModelConfig};
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::monitor::retraining::policy::{Gates, Policy};
use crate::train::parameters::{Algorithm, Error};
use crate::view::View;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().of_view(routes!(show)).with(command::retraining::ROLE, routes!(change))
}

/// What is done with a model that has proved to be better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetrainMode {
    /// Nothing is trained by itself.
    Off,
    /// It is proposed, and a person promotes it.
    Propose,
    /// It is promoted.
    Auto,
}

/// Bounds that a new model has to keep before its evidence counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GateFigures {
    /// How much larger its expected calibration error may be.
    #[schema(minimum = 0, maximum = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    ece_increase_max: Option<f64>,
    /// How much larger its mean loss may be in one segment.
    #[schema(minimum = 0, maximum = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    segment_loss_max: Option<f64>,
    /// Rows from which on a segment is looked at.
    #[schema(minimum = 1, maximum = 1000000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    segment_rows_min: Option<u32>,
    /// The 0.99 quantile of the time that one answer takes, in milliseconds.
    #[schema(minimum = 0.001, maximum = 3600000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_ms_max: Option<f64>,
    /// Bytes of its artifact.
    #[schema(minimum = 1, maximum = 1073741824)]
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_max: Option<u64>,
}

/// How one model is retrained; what is left out is as for all models.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrainConfig {
    /// As `tidewatch train --algorithm` names it; `gradient_boosting` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithm: Option<String>,
    /// By name, as `tidewatch train --param` takes them.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = BTreeMap<String, Value>)]
    hyperparameters: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<RetrainMode>,
    /// Whether hyper-parameters that are not given are searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    search: Option<bool>,
    #[schema(minimum = 0, maximum = 8760)]
    #[serde(skip_serializing_if = "Option::is_none")]
    cooldown_hours: Option<f64>,
    #[schema(minimum = 1, maximum = 3653)]
    #[serde(skip_serializing_if = "Option::is_none")]
    window_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gates: Option<GateFigures>,
}

/// The policy in force.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({"auto_retrain_enabled": true, "max_concurrent_tasks": 2, "retrain_interval_hours": 24.0, "backup_models": true,
    "performance_threshold": 0.7, "drift_threshold": 0.2, "model_configs": {"sales_forecast": {"algorithm": "gradient_boosting",
    "hyperparameters": {"n_estimators": 100, "learning_rate": 0.1, "max_depth": 5}}}, "mode": "propose", "search": false,
    "cooldown_hours": 6.0, "window_days": 30, "gates": {"ece_increase_max": 0.02, "segment_loss_max": 0.05, "segment_rows_min": 100,
    "p99_ms_max": 50.0, "bytes_max": 67108864}}))]
pub struct RetrainPolicy {
    /// Whether models are trained by themselves: by drift, by worse answers and by schedule.
    auto_retrain_enabled: bool,
    /// Jobs at the same time.
    max_concurrent_tasks: u32,
    /// Hours of log time from one training to the next; 0: none by schedule.
    retrain_interval_hours: f64,
    /// Whether the champion is read back and verified before a training.
    backup_models: bool,
    /// A model whose accuracy is below is trained anew.
    performance_threshold: f64,
    /// A model whose drift score is above is trained anew.
    drift_threshold: f64,
    model_configs: BTreeMap<String, RetrainConfig>,
    mode: RetrainMode,
    /// Whether hyper-parameters that are not given are searched.
    search: bool,
    /// Hours of log time after a job in which no other begins by itself.
    cooldown_hours: f64,
    /// Days of the log that a training reads.
    window_days: u32,
    gates: GateFigures,
}

/// A new policy; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1, example = json!({"auto_retrain_enabled": true, "mode": "auto"}))]
pub struct RetrainPolicyChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_retrain_enabled: Option<bool>,
    #[schema(minimum = 1, maximum = 16)]
    #[serde(skip_serializing_if = "Option::is_none")]
    max_concurrent_tasks: Option<u32>,
    #[schema(minimum = 0, maximum = 87600)]
    #[serde(skip_serializing_if = "Option::is_none")]
    retrain_interval_hours: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_models: Option<bool>,
    #[schema(minimum = 0, maximum = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    performance_threshold: Option<f64>,
    #[schema(minimum = 0, maximum = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    drift_threshold: Option<f64>,
    /// All of them, in place of those before.
    #[serde(skip_serializing_if = "Option::is_none")]
    model_configs: Option<BTreeMap<String, RetrainConfig>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<RetrainMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    search: Option<bool>,
    #[schema(minimum = 0, maximum = 8760)]
    #[serde(skip_serializing_if = "Option::is_none")]
    cooldown_hours: Option<f64>,
    #[schema(minimum = 1, maximum = 3653)]
    #[serde(skip_serializing_if = "Option::is_none")]
    window_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gates: Option<GateFigures>,
}

/// Retraining policy
#[utoipa::path(
    get, path = "/api/v1/retraining/policy", tag = "retraining",
    responses((status = 200, description = "The policy in force", body = RetrainPolicy))
)]
pub async fn show(Extension(view): Extension<Arc<View>>) -> Json<RetrainPolicy> {
    Json(RetrainPolicy::of(view.retraining.policy()))
}

/// Set the retraining policy
///
/// Answers with all of it once it is in force. It is an event in the log, so a replay sets it again.
#[utoipa::path(
    put, path = "/api/v1/retraining/policy", tag = "retraining", request_body = RetrainPolicyChange,
    responses(
        (status = 200, description = "The policy now in force", body = RetrainPolicy),
        (status = 422, description = "A key that is not known or out of its range, an algorithm or a hyper-parameter that there is not, or nothing at all; nothing was changed", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn change(
    State(shared): State<Arc<Shared>>,
    Json(change): Json<RetrainPolicyChange>,
) -> Result<Json<RetrainPolicy>, Problem> {
    if change == RetrainPolicyChange::default() {
        return Err(Problem::unprocessable("nothing-to-change", "give at least one key of the policy"));
    }
    for (model, config) in change.model_configs.iter().flatten() {
        config.check(model)?;
    }
    let mut command = json!(change);
    command["command"] = "set_retraining".into();
    let (_, view) = shared.accepted(Kind::Command, &command).await?;
    Ok(Json(RetrainPolicy::of(view.retraining.policy())))
}

impl RetrainConfig {
    /// Whether there is such a learner with such parameters.
    fn check(&self, model: &str) -> Result<(), Problem> {
        let under = |keys: &str| format!("/model_configs/{}/{keys}", model.replace('~', "~0").replace('/', "~1"));
        let name = self.algorithm.as_deref().unwrap_or(Algorithm::GradientBoosting.as_str());
        let bad = |error: &Error, keys: &str| {
            Problem::unprocessable("bad-policy", format!("model_configs.{model}.{}: {error}", keys.replace('/', ".")))
                .with("pointer", under(keys))
        };
        let algorithm = Algorithm::from_name(name).map_err(|error| bad(&error, "algorithm"))?;
        algorithm.complete(&self.hyperparameters).map(|_| ()).map_err(|error| match &error {
            Error::UnknownParameter { asked: name, .. } | Error::OutOfRange { name, .. } => {
                bad(&error, &format!("hyperparameters/{name}"))
            }
            Error::UnknownAlgorithm { .. } => bad(&error, "algorithm"),
        })
    }

    fn of(config: &ModelConfig) -> Self {
        // the same keys with the same meaning: one is the event, the other its description
        serde_json::to_value(config).and_then(serde_json::from_value).expect("both have the same keys")
    }
}

impl From<Mode> for RetrainMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Off => Self::Off,
            Mode::Propose => Self::Propose,
            Mode::Auto => Self::Auto,
        }
    }
}

impl RetrainPolicy {
    fn of(policy: &Policy) -> Self {
        let Gates { ece_increase_max, segment_loss_max, segment_rows_min, p99_ms_max, bytes_max } = policy.rules.gates;
        Self {
            auto_retrain_enabled: policy.auto_retrain_enabled,
            max_concurrent_tasks: policy.max_concurrent_tasks,
            retrain_interval_hours: policy.retrain_interval_hours,
            backup_models: policy.backup_models,
            performance_threshold: policy.performance_threshold,
            drift_threshold: policy.drift_threshold,
            model_configs: policy.models.iter().map(|(name, own)| (name.to_string(), RetrainConfig::of(own))).collect(),
            mode: policy.rules.mode.into(),
            search: policy.rules.search,
            cooldown_hours: policy.rules.cooldown_hours,
            window_days: policy.rules.window_days,
            gates: GateFigures {
                ece_increase_max: Some(ece_increase_max),
                segment_loss_max: Some(segment_loss_max),
                segment_rows_min: Some(segment_rows_min),
                p99_ms_max: Some(p99_ms_max),
                bytes_max: Some(bytes_max),
            },
        }
    }
}
