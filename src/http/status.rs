//! `GET /api/v1/models/{model}/status/history`: what the status of a model has been.

use std::sync::Arc;

use axum::extract::{Path, Query};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::http::models::find;
use crate::http::page::Whole;
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::schema;
use crate::http::step::Step;
use crate::http::windows;
use crate::time::Span;
use crate::view::View;
use crate::view::status::{self, StatusSpell};

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().of_view(routes!(history))
}

/// The range told unless asked otherwise.
const RANGE_DEFAULT: Span = Span::from_secs(86_400);

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// RFC 3339 or an epoch number; a day before `to` if left out.
    #[param(schema_with = schema::instant)]
    from: Option<String>,
    /// RFC 3339 or an epoch number, not included; now, as the log has it, if left out.
    #[param(schema_with = schema::instant)]
    to: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({"model": "fraud", "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "items": [
    {"from": "2025-12-31T20:00:05Z", "to": "2026-01-01T10:15:05Z", "status": "healthy"},
    {"from": "2026-01-01T10:15:05Z", "to": null, "status": "critical"}], "position": 1024, "epoch": 1}))]
pub struct StatusHistory {
    model: String,
    from: String,
    to: String,
    /// Oldest first; the first begins where it began, which may be before `from`. Up to 500 changes of the last 31 days are remembered.
    items: Vec<StatusSpell>,
    /// Always null: the list is whole.
    #[schema(value_type = Option<String>)]
    next: Whole,
    position: u64,
    epoch: u64,
}

/// What a model's status has been
///
/// By log time.
#[utoipa::path(
    get, path = "/api/v1/models/{model}/status/history", tag = "models",
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`"), HistoryQuery),
    responses(
        (status = 200, description = "The times of each status, with the headers Tidewatch-Position and Tidewatch-Epoch", body = StatusHistory),
        (status = 400, description = "A range that cannot be", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn history(
    Extension(view): Extension<Arc<View>>,
    Path(Step(name)): Path<Step>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<StatusHistory>, Problem> {
    let model = find(&view, &name)?;
    let (from, to) = windows::span(query.from.as_deref(), query.to.as_deref(), view.log_time, RANGE_DEFAULT)?;
    Ok(Json(StatusHistory {
        items: status::history(&model, from, to),
        next: Whole,
        model: name,
        from: from.to_string(),
        to: to.to_string(),
        position: view.position,
        epoch: view.epoch,
    }))
}
