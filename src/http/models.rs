//! `/api/v1/models`: models at a glance.

mod listing;
mod shown;

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::http::models::listing::Listing;
use crate::http::models::shown::{PartialModelSummary, Row, Shown};
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::http::step::Step;
use crate::monitor::model::Model;
use crate::view::View;
use crate::view::model::ModelSummary;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().of_view(routes!(list)).of_view(routes!(show))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ModelsQuery {
    /// 1 to 1,000; 100 if left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
    /// Only models of this status: healthy, warning, critical, training or unknown.
    #[param(pattern = "^(healthy|warning|critical|training|unknown)$")]
    status: Option<String>,
    /// `true`: only models without a prediction for five minutes; `false`: only the others.
    stale: Option<bool>,
    /// Only models whose name holds this text, whatever the case.
    q: Option<String>,
    /// Only models that have this tag.
    tag: Option<String>,
    /// Only models of this owner.
    owner: Option<String>,
    /// `true`: only models that are archived; `false`: only the others.
    archived: Option<bool>,
    /// name (as if left out), status (what needs attention first), predictions, accuracy, error_rate, p95_seconds, throughput_per_second,
    /// coverage, drift or last_prediction_at; with `-` before it the largest first. What is not known comes last.
    #[param(
        example = "-error_rate",
        pattern = "^-?(status|name|predictions|accuracy|error_rate|p95_seconds|throughput_per_second|coverage|drift|last_prediction_at)$"
    )]
    sort: Option<String>,
    /// Only these fields of each model, separated by commas.
    #[param(example = "name,status,current")]
    fields: Option<String>,
    /// `false`: without the trail, which is most of an answer.
    trail: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ModelPage {
    /// Sequence of the last message the page reflects.
    position: u64,
    epoch: u64,
    /// Each with the fields that were asked for.
    #[schema(value_type = Vec<PartialModelSummary>)]
    items: Vec<Row>,
    /// Null on the last page.
    next: Option<String>,
}

/// One model, and where in the log it was read.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelAnswer {
    #[serde(flatten)]
    model: ModelSummary,
    position: u64,
    epoch: u64,
}

/// Models
///
/// Page by page, by name or a figure. The larger the fleet, the more `fields` and `trail=false` save.
#[utoipa::path(
    get, path = "/api/v1/models", tag = "models", params(ModelsQuery),
    responses(
        (status = 200, description = "A page of models", body = ModelPage,
         example = json!({"position": 1024, "epoch": 1, "items": [{"name": "fraud", "owner": "risk", "tags": ["card"], "archived": false, "made_by": "checkout", "status": "healthy", "status_since": "2026-01-01T00:02:05Z", "status_history": [{"at": "2026-01-01T00:02:05Z", "status": "healthy"}], "reasons": [], "judged": [], "task": "classification", "predictions": 1250, "errors": 25, "labelled": 900, "pending_labels": 3, "duplicates": 0, "conflicts": 0, "orphans": 0, "late": 2, "too_late": 0, "expired": 0, "versions": ["1.4.0"], "segments": {"region": ["kr", "us"]}, "last_prediction_at": "2026-01-01T00:59:59Z", "watermark": "2026-01-01T00:59:29Z", "stale": false, "changed_seq": 1024, "drift": {"value": 0.08, "prediction": 0.08, "features": 0.0, "multivariate": 0.0, "performance": 0.0, "window": "2026-01-01T00:40:00Z", "predictions": 210}, "current": {"start": "2026-01-01T00:55:00Z", "end": "2026-01-01T01:00:00Z", "predictions": 100, "errors": 1, "labelled": 80, "accuracy": {"value": 0.95, "low": 0.88, "high": 0.98, "n": 80}, "error_rate": {"value": 0.01, "low": 0.002, "high": 0.054, "n": 100}, "p95_seconds": 0.2, "mean_response_time_seconds": 0.11, "throughput_per_second": 0.33, "coverage": 0.8, "confidence": 0.9}, "trail": [{"start": "2026-01-01T00:58:00Z", "predictions": 20, "errors": 0, "labelled": 16, "accuracy": 0.94, "p95_seconds": 0.2}]}], "next": null})),
        (status = 400, description = "A bad limit, cursor, status, order or field", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Query(query): Query<ModelsQuery>,
) -> Result<Json<ModelPage>, Problem> {
    let listing = Listing::parse(&query)?;
    let shown = Shown::parse(&query)?;
    // a thousand summaries are more work than the runtime should do between two polls
    let page = shared.blocking(move || {
        let (models, next) = listing.page(&view);
        let items = models.iter().map(|model| shown.row(&view, model)).collect();
        Ok(ModelPage { position: view.position, epoch: view.epoch, items, next })
    });
    Ok(Json(page.await?))
}

/// One model
#[utoipa::path(
    get, path = "/api/v1/models/{model}", tag = "models",
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`")),
    responses(
        (status = 200, description = "The model at a glance", body = ModelAnswer, example = json!({"name": "fraud", "owner": "risk", "tags": ["card"], "archived": false, "made_by": "checkout", "status": "healthy", "status_since": "2026-01-01T00:02:05Z", "status_history": [{"at": "2026-01-01T00:02:05Z", "status": "healthy"}], "reasons": [], "judged": [], "task": "classification", "predictions": 1250, "errors": 25, "labelled": 900, "pending_labels": 3, "duplicates": 0, "conflicts": 0, "orphans": 0, "late": 2, "too_late": 0, "expired": 0, "versions": ["1.4.0"], "segments": {"region": ["kr", "us"]}, "last_prediction_at": "2026-01-01T00:59:59Z", "watermark": "2026-01-01T00:59:29Z", "stale": false, "changed_seq": 1024, "drift": null, "current": {"start": "2026-01-01T00:55:00Z", "end": "2026-01-01T01:00:00Z", "predictions": 100, "errors": 1, "labelled": 80, "accuracy": {"value": 0.95, "low": 0.88, "high": 0.98, "n": 80}, "error_rate": {"value": 0.01, "low": 0.002, "high": 0.054, "n": 100}, "p95_seconds": 0.2, "mean_response_time_seconds": 0.11, "throughput_per_second": 0.33, "coverage": 0.8, "confidence": 0.9}, "trail": [{"start": "2026-01-01T00:58:00Z", "predictions": 20, "errors": 0, "labelled": 16, "accuracy": 0.94, "p95_seconds": 0.2}], "position": 1024, "epoch": 1})),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(Extension(view): Extension<Arc<View>>, Path(Step(name)): Path<Step>) -> Result<Json<ModelAnswer>, Problem> {
    let model = find(&view, &name)?;
    Ok(Json(ModelAnswer { model: ModelSummary::of(&view, &model), position: view.position, epoch: view.epoch }))
}

/// The model of that name.
pub fn find(view: &View, name: &str) -> Result<Arc<Model>, Problem> {
    view.models.get(name).cloned().ok_or_else(|| Problem::unknown_model(name))
}
