//! `/api/v1/analysis`: what is out of the ordinary, and what is usual for each series.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::http::page::{self, Whole};
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::http::step::Step;
use crate::monitor::analysis::About;
use crate::view::View;
use crate::view::analysis::{AnalysisReport, SeriesFigures, Wanted, subject_of};

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().of_view(routes!(report)).of_view(routes!(of_source)).of_view(routes!(of_model))
}

const KINDS: [&str; 11] =
    ["anomaly", "shift", "leak", "trend", "silence", "refused", "model_names", "source_names", "unfit", "process", "drift"];

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AnalysisQuery {
    /// anomaly, shift, leak, trend, silence, refused, model_names, source_names, unfit, process or drift.
    #[param(pattern = "^(anomaly|shift|leak|trend|silence|refused|model_names|source_names|unfit|process|drift)$")]
    kind: Option<String>,
    /// Only about the source, model, producer or process of this name.
    name: Option<String>,
    /// open or closed.
    #[param(pattern = "^(open|closed)$")]
    state: Option<String>,
    /// Only about sources and models whose name holds this text, whatever the case.
    q: Option<String>,
    /// 1 to 1,000 findings; 100 if left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// The series of a source or a model, and what is usual for them.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeriesAnswer {
    position: u64,
    epoch: u64,
    items: Vec<SeriesFigures>,
    /// Always null: the list is whole.
    #[schema(value_type = Option<String>)]
    next: Whole,
}

/// What is out of the ordinary
///
/// Anomalies, shifts, leaks, filling disks and silences of sources and models, producers whose records are refused or who use up the names there is room for, what is wrong
/// with the process itself, and the drifts of models; what began together is grouped.
/// The summary and the groups are of all, whatever is asked for. The channel `ai-analysis` of `/ws` tells the same.
#[utoipa::path(
    get, path = "/api/v1/analysis", tag = "analysis", params(AnalysisQuery),
    responses(
        (status = 200, description = "What is found", body = AnalysisReport, example = json!({"position": 1024, "epoch": 1,
            "at": "2026-01-01T00:10:00Z", "summary": {"watched_series": 640, "learning_series": 0, "unwatched_series": 0, "open": 1,
                "critical": 1, "by_kind": {"anomaly": 1}},
            "items": [{"id": "source/web-01/0", "kind": "anomaly", "about": "source", "name": "web-01",
                "series": {"name": "tidewatch_cpu_usage_percent", "labels": {"core": "0"}, "unit": "percent"}, "state": "open",
                "severity": "critical", "started_at": "2026-01-01T00:08:00Z", "ended_at": null, "last_at": "2026-01-01T00:09:30Z", "now": 94.2, "value": 94.2,
                "expected": 31.5, "low": 20.1, "high": 42.9, "score": 27.5, "change_per_hour": null, "limit_at": null,
                "text": "tidewatch_cpu_usage_percent (core=0) of web-01 is 94.2 where 31.5 is usual (20.1 to 42.9).", "trail": null}], "next": null, "together": []})),
        (status = 400, description = "A bad kind, state, limit or cursor", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn report(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Query(AnalysisQuery { kind, name, state, q, limit, cursor }): Query<AnalysisQuery>,
) -> Result<Json<AnalysisReport>, Problem> {
    let limit = page::limit(limit)?;
    if let Some(kind) = &kind
        && !KINDS.contains(&kind.as_str())
    {
        return Err(Problem::bad_request("bad-kind", format!("kind is one of {}, not {kind:?}", KINDS.join(", "))));
    }
    let is_open = match state.as_deref() {
        None => None,
        Some("open") => Some(true),
        Some("closed") => Some(false),
        Some(other) => return Err(Problem::bad_request("bad-state", format!("state is open or closed, not {other:?}"))),
    };
    let after = cursor.as_deref().map(page::name_of).transpose()?;
    let wanted = Wanted { kind, name, text: q.map(|text| text.to_lowercase()), is_open, limit, after };
    Ok(Json(shared.blocking(move || Ok(AnalysisReport::of(&view, &wanted))).await?))
}

/// What is usual for a source
///
/// Every series that is watched, with what is expected of it now. Empty before the first round of half a minute is over.
#[utoipa::path(
    get, path = "/api/v1/sources/{source}/analysis", tag = "analysis",
    params(("source" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`")),
    responses(
        (status = 200, description = "The series", body = SeriesAnswer, example = json!({"position": 1024, "epoch": 1, "items": [
            {"name": "tidewatch_memory_usage_percent", "labels": {}, "unit": "percent", "state": "watched", "rhythm_hours": 24,
             "at": "2026-01-01T00:09:30Z", "value": 40.5, "expected": 40.1, "low": 36.2, "high": 44.0, "score": 0.5, "is_unusual": false, "trails": [{"end": "2026-01-01T00:10:00Z", "step_seconds": 60.0, "values": [40.1, 40.5]}]}]})),
        (status = 404, description = "No such source", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn of_source(
    Extension(view): Extension<Arc<View>>,
    Path(Step(name)): Path<Step>,
) -> Result<Json<SeriesAnswer>, Problem> {
    crate::http::sources::find(&view, &name)?;
    Ok(Json(SeriesAnswer::of(&view, About::Source, &name)))
}

/// What is usual for a model
///
/// Its predictions a minute, error rate and 95th percentile of the response time, with what is expected of them now.
#[utoipa::path(
    get, path = "/api/v1/models/{model}/analysis", tag = "analysis",
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`")),
    responses(
        (status = 200, description = "The series", body = SeriesAnswer, example = json!({"position": 1024, "epoch": 1, "items": [
            {"name": "error_rate", "labels": {}, "unit": "ratio", "state": "watched", "rhythm_hours": 24, "at": "2026-01-01T00:09:00Z",
             "value": 0.01, "expected": 0.012, "low": 0.0, "high": 0.05, "score": -0.4, "is_unusual": false, "trails": [{"end": "2026-01-01T00:10:00Z", "step_seconds": 60.0, "values": [40.1, 40.5]}]}]})),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn of_model(
    Extension(view): Extension<Arc<View>>,
    Path(Step(name)): Path<Step>,
) -> Result<Json<SeriesAnswer>, Problem> {
    crate::http::models::find(&view, &name)?;
    Ok(Json(SeriesAnswer::of(&view, About::Model, &name)))
}

impl SeriesAnswer {
    fn of(view: &View, about: About, name: &str) -> Self {
        let items = subject_of(view, about, name).map(SeriesFigures::of).unwrap_or_default();
        Self { position: view.position, epoch: view.epoch, items, next: Whole }
    }
}
