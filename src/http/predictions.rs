//! `GET /api/v1/models/{model}/predictions/{id}`: one prediction, with its original record.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::event::Role;
use crate::event::wire;
use crate::files::message::Arrow;
use crate::http::models::find;
use crate::http::problem::Problem;
use crate::http::rejected::message;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::http::step::Step;
use crate::monitor::join::{self, JoinRow, Served};
use crate::monitor::limits::PANE_WIDTH;
use crate::view::View;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().with(Role::Viewer, routes!(show))
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PredictionAnswer {
    prediction_id: String,
    model: String,
    /// Where in the log it is.
    seq: u64,
    at: String,
    labelled: bool,
    /// Start of the one-minute window it counts in.
    window_start: String,
    /// The record as it was published; null if the log no longer holds it.
    #[schema(value_type = Object)]
    record: Value,
}

/// One prediction
///
/// Found for as long as it can be labelled: 30 days.
#[utoipa::path(
    get, path = "/api/v1/models/{model}/predictions/{id}", tag = "models",
    params(
        ("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`"),
        ("id" = String, Path, description = "prediction_id, percent-encoded; `.` and `..` as `~.` and `~..`"),
    ),
    responses(
        (status = 200, description = "The prediction", body = PredictionAnswer, example = json!({
            "prediction_id": "p-1", "model": "fraud", "seq": 1024, "at": "2026-01-01T00:00:00Z", "labelled": true,
            "window_start": "2026-01-01T00:00:00Z", "record": {"prediction_id": "p-1", "model": "fraud", "prediction": "1"}})),
        (status = 404, description = "No such model or prediction", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The store or the log cannot be asked", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path((name, id)): Path<(Step, Step)>,
) -> Result<Json<PredictionAnswer>, Problem> {
    let (Step(name), Step(id)) = (name, id);
    let model = find(&view, &name)?;
    let unknown = || Problem::not_found("unknown-prediction", format!("model {name:?} has no prediction {id:?}, or no longer"));
    let Some(rows) = shared.app.predictions.clone() else {
        return Err(Problem::unavailable("no-lookup", "predictions cannot be looked up by id on this server", 60));
    };
    let key = join::key(join::seed(model.name.as_str()), &id);
    let row = shared.blocking(move || rows(&key).map_err(|error| Problem::store(&error))).await?;
    let Some(JoinRow::Served(served)) = row.and_then(|row| JoinRow::decode(&row)) else { return Err(unknown()) };
    // one of the same name may have been forgotten
    if served.model != model.id {
        return Err(unknown());
    }
    let record = record(&shared, &served).await?;
    Ok(Json(PredictionAnswer {
        prediction_id: id,
        model: name,
        seq: served.seq,
        at: served.at.to_string(),
        labelled: served.truth.is_some(),
        window_start: served.at.floor(PANE_WIDTH).to_string(),
        record,
    }))
}

/// The original record from the log; null if retention has taken it.
async fn record(shared: &Shared, served: &Served) -> Result<Value, Problem> {
    let message = match message(shared, served.seq).await {
        Ok(message) => message,
        Err(problem) if problem.is_not_found() => return Ok(Value::Null),
        Err(problem) => return Err(problem),
    };
    let index = served.index as usize;
    let read = shared.blocking(move || {
        let content_type = message.headers.get("Content-Type").map(|value| value.as_str().to_owned());
        let text = wire::record_as_json(content_type.as_deref(), &message.payload, index, Arrow);
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null))
    });
    read.await
}
