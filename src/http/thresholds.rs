//! `/api/v1/thresholds`: what a model is compared with.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::event::Command;
use crate::event::command;
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::monitor::status::Thresholds;
use crate::view::View;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().of_view(routes!(show)).with(command::thresholds::ROLE, routes!(change))
}

/// The thresholds in force.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({"accuracy_threshold": 0.7, "response_time_threshold": 2.0, "error_rate_threshold": 0.1, "drift_threshold": 0.2}))]
pub struct ThresholdFigures {
    /// Critical below this share.
    accuracy_threshold: f64,
    /// Critical above this many seconds.
    response_time_threshold: f64,
    /// Critical above this share.
    error_rate_threshold: f64,
    /// Critical above this score.
    drift_threshold: f64,
}

/// New thresholds; what is left out stays as it is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1, example = json!({"accuracy_threshold": 0.75, "response_time_threshold": 1.5}))]
pub struct ThresholdChange {
    /// 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    accuracy_threshold: Option<f64>,
    /// Seconds, not negative.
    #[schema(minimum = 0)]
    response_time_threshold: Option<f64>,
    /// 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    error_rate_threshold: Option<f64>,
    /// 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    drift_threshold: Option<f64>,
    /// Refused with the way to set thresholds of one model.
    #[schema(ignore)]
    #[serde(default, alias = "model_name")]
    model: Option<serde_json::Value>,
}

/// Thresholds
#[utoipa::path(
    get, path = "/api/v1/thresholds", tag = "settings",
    responses((status = 200, description = "The thresholds in force", body = ThresholdFigures))
)]
pub async fn show(Extension(view): Extension<Arc<View>>) -> Json<ThresholdFigures> {
    Json(ThresholdFigures::of(&view.thresholds))
}

/// Set thresholds
///
/// Answers with all of them once the new ones are in force. They are an event in the log, so a replay sets them again.
#[utoipa::path(
    put, path = "/api/v1/thresholds", tag = "settings", request_body = ThresholdChange,
    responses(
        (status = 200, description = "The thresholds now in force", body = ThresholdFigures),
        (status = 422, description = "A threshold out of its range, or none at all", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn change(
    State(shared): State<Arc<Shared>>,
    Json(change): Json<ThresholdChange>,
) -> Result<Json<ThresholdFigures>, Problem> {
    apply(&shared, change).await.map(Json)
}

/// Puts new thresholds in force.
pub async fn apply(shared: &Shared, change: ThresholdChange) -> Result<ThresholdFigures, Problem> {
    let (_, view) = shared.command(&change.command()?).await?;
    Ok(ThresholdFigures::of(&view.thresholds))
}

impl ThresholdFigures {
    pub fn of(thresholds: &Thresholds) -> Self {
        Self {
            accuracy_threshold: thresholds.accuracy_threshold,
            response_time_threshold: thresholds.response_time_threshold,
            error_rate_threshold: thresholds.error_rate_threshold,
            drift_threshold: thresholds.drift_threshold,
        }
    }
}

impl ThresholdChange {
    fn command(self) -> Result<Command, Problem> {
        let Self { accuracy_threshold, response_time_threshold, error_rate_threshold, drift_threshold, model } = self;
        if let Some(model) = model {
            let name = model.as_str().map_or_else(|| model.to_string(), str::to_owned);
            let detail = format!(
                "these are the thresholds of all models; set those of {name:?} by PUT /api/v1/models/{{model}}/thresholds with \
                 {{\"thresholds\": [{{\"metric\": \"accuracy\", \"value\": 0.8}}]}}, or `tidewatch thresholds set`"
            );
            return Err(Problem::unprocessable("thresholds-of-all-models", detail).with("pointer", "/model"));
        }
        let all = [
            ("accuracy_threshold", accuracy_threshold, 1.0),
            ("response_time_threshold", response_time_threshold, f64::MAX),
            ("error_rate_threshold", error_rate_threshold, 1.0),
            ("drift_threshold", drift_threshold, 1.0),
        ];
        if all.iter().all(|(_, value, _)| value.is_none()) {
            return Err(Problem::unprocessable("nothing-to-change", "give at least one threshold"));
        }
        for (field, value, most) in all {
            if value.is_some_and(|value| !(0.0..=most).contains(&value)) {
                let range = if most == 1.0 { "0 to 1" } else { "0 or more" };
                let problem = Problem::unprocessable("out-of-range", format!("{field} is {range}"));
                return Err(problem.with("pointer", format!("/{field}")));
            }
        }
        Ok(Command::SetThresholds { accuracy_threshold, response_time_threshold, error_rate_threshold, drift_threshold })
    }
}
