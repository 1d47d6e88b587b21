//! `/api/v1/sources`: hosts, services and plugins, and what they sent.

use std::ops::Bound;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::event::Kind;
use crate::http::page;
use crate::http::problem::Problem;
use crate::http::rejected::newest;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::http::step::Step;
use crate::ids::Name;
use crate::monitor::cold::List;
use crate::monitor::kept::Kept;
use crate::monitor::source::{KeptNote, Source};
use crate::view::View;
use crate::view::source::SourceSummary;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().of_view(routes!(list)).of_view(routes!(show)).of_view(routes!(records))
}

/// The kinds whose records are kept.
const KEPT: [Kind; 4] = [Kind::Log, Kind::Event, Kind::Snapshot, Kind::Job];

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SourcesQuery {
    /// Only sources whose name holds this text, whatever the case.
    q: Option<String>,
    /// 1 to 1,000; 100 if left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RecordsQuery {
    /// log, event, snapshot or job.
    #[param(example = "log", pattern = "^(log|event|snapshot|job)$")]
    kind: String,
    /// 1 to 1,000; 100 if left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SourcePage {
    position: u64,
    epoch: u64,
    /// By name.
    items: Vec<SourceSummary>,
    next: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SourceAnswer {
    #[serde(flatten)]
    source: SourceSummary,
    position: u64,
    epoch: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RecordPage {
    /// Newest first; the newest 1,000 of each kind are kept.
    items: Vec<RecordRow>,
    next: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RecordRow {
    seq: u64,
    at: String,
    /// Every field of the record, unknown ones too.
    #[schema(value_type = Object)]
    record: serde_json::Value,
}

/// Sources
///
/// By name, page by page.
#[utoipa::path(
    get, path = "/api/v1/sources", tag = "sources", params(SourcesQuery),
    responses(
        (status = 200, description = "A page of sources", body = SourcePage,
         example = json!({"position": 1024, "epoch": 1, "items": [{"name": "web-01", "made_by": "agent", "kinds": {"sample": {"records": 40, "last_at": "2026-01-01T00:10:00Z"}}, "metrics": [{"name": "tidewatch_cpu_usage_percent", "labels": {}, "value": 42.0, "unit": "percent", "at": "2026-01-01T00:10:00Z"}]}], "next": null})),
        (status = 400, description = "A bad limit or cursor", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Query(query): Query<SourcesQuery>,
) -> Result<Json<SourcePage>, Problem> {
    let limit = page::limit(query.limit)?;
    let after = query.cursor.as_deref().map(page::name_of).transpose()?;
    let first = match after.as_deref().map(Name::try_from) {
        None => Bound::Unbounded,
        Some(Ok(name)) => Bound::Excluded(name),
        Some(Err(_)) => return Err(Problem::bad_request("bad-cursor", "no such cursor")),
    };
    let wanted = query.q.map(|text| text.to_lowercase());
    let page = shared.blocking(move || {
        let named = |name: &Name| wanted.as_ref().is_none_or(|text| name.as_str().to_lowercase().contains(text.as_str()));
        let mut found = view.sources.range((first, Bound::Unbounded)).filter(|(name, _)| named(name));
        let items: Vec<SourceSummary> = found.by_ref().take(limit).map(|(_, (_, source))| SourceSummary::of(source)).collect();
        let next = found.next().and_then(|_| items.last()).map(|last| page::after_name(&last.name));
        Ok(SourcePage { position: view.position, epoch: view.epoch, items, next })
    });
    Ok(Json(page.await?))
}

/// One source
#[utoipa::path(
    get, path = "/api/v1/sources/{source}", tag = "sources",
    params(("source" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`")),
    responses(
        (status = 200, description = "The source at a glance", body = SourceAnswer, example = json!({"name": "web-01", "made_by": "agent", "kinds": {"sample": {"records": 40, "last_at": "2026-01-01T00:10:00Z"}}, "metrics": [{"name": "tidewatch_cpu_usage_percent", "labels": {}, "value": 42.0, "unit": "percent", "at": "2026-01-01T00:10:00Z"}], "position": 1024, "epoch": 1})),
        (status = 404, description = "No such source", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(Extension(view): Extension<Arc<View>>, Path(Step(name)): Path<Step>) -> Result<Json<SourceAnswer>, Problem> {
    let (_, source) = find(&view, &name)?;
    Ok(Json(SourceAnswer { source: SourceSummary::of(&source), position: view.position, epoch: view.epoch }))
}

/// Records of a source
///
/// Its logs, events, snapshots or jobs as they came, newest first.
#[utoipa::path(
    get, path = "/api/v1/sources/{source}/records", tag = "sources",
    params(("source" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`"), RecordsQuery),
    responses(
        (status = 200, description = "A page of records", body = RecordPage, example = json!({"items": [
            {"seq": 9, "at": "2026-01-01T00:00:00Z", "record": {"level": "error", "message": "disk full"}}], "next": null})),
        (status = 400, description = "A bad kind, limit or cursor", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such source", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn records(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(Step(name)): Path<Step>,
    Query(query): Query<RecordsQuery>,
) -> Result<Json<RecordPage>, Problem> {
    let limit = page::limit(query.limit)?;
    let (id, _) = find(&view, &name)?;
    let kind = Kind::from_token(&query.kind);
    if !KEPT.contains(&kind) {
        let detail = format!("kind is one of {}, not {:?}", KEPT.map(Kind::as_str).join(", "), query.kind);
        return Err(Problem::bad_request("bad-kind", detail));
    }
    let reader = shared.app.reader.clone();
    let page = shared.blocking(move || {
        let prefix = List::Notes { kind: kind as u8, source: id }.all();
        let read = |value: &crate::store::Value| -> Result<Option<RecordRow>, Problem> {
            let kept: KeptNote = rmp_serde::from_slice(value).map_err(|_| Problem::damaged("a record of a source"))?;
            let record = serde_json::from_str(&kept.body).map_err(|_| Problem::damaged("a record of a source"))?;
            Ok(Some(RecordRow { seq: kept.seq, at: kept.at.to_string(), record }))
        };
        newest(&reader, &prefix, query.cursor.as_deref(), limit, read)
    });
    let (items, next) = page.await?;
    Ok(Json(RecordPage { items, next }))
}

pub fn find(view: &View, name: &str) -> Result<(u32, Arc<Kept<Source>>), Problem> {
    view.sources.get(name).cloned().ok_or_else(|| {
        Problem::not_found("unknown-source", format!("there is no source {name:?}; GET /api/v1/sources lists those there are"))
    })
}
