//! `/versions`, `/segments` and `/total` of a model: a range of it as one window each, side by side.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::event::command;
use crate::event::{Command, Kind, VersionChoice};
use crate::http::models::find;
use crate::http::page::Whole;
use crate::http::panes;
use crate::http::problem::Problem;
use crate::http::retraining::versions::{TrainedVersion, trained};
use crate::http::routes::Routes;
use crate::http::schema;
use crate::http::shared::Shared;
use crate::http::step::Step;
use crate::http::windows;
use crate::monitor::drift::Track;
use crate::monitor::limits::PANE_WIDTH;
use crate::monitor::model::Model;
use crate::store::Reader;
use crate::time::{Span, Timestamp};
use crate::view::View;
use crate::view::window::{Slice, Window};

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default()
        .of_view(routes!(versions))
        .with(command::models::ROLE, routes!(set_version))
        .of_view(routes!(segments))
        .of_view(routes!(total))
}

/// How much of the model's own event time is compared unless a range is asked for.
const COMPARED: Span = Span::from_secs(3_600);

/// The longest range that is added up: its panes are read one by one.
const RANGE_MAX: Span = Span::from_secs(31 * 86_400);

/// What is added up.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RangeQuery {
    /// RFC 3339 or an epoch number; an hour before `to` if left out.
    #[param(schema_with = schema::instant)]
    from: Option<String>,
    /// The end of the model's own time if left out.
    #[param(schema_with = schema::instant)]
    to: Option<String>,
}

/// What is added up, and of what.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TotalQuery {
    /// RFC 3339 or an epoch number; an hour before `to` if left out.
    #[param(schema_with = schema::instant)]
    from: Option<String>,
    /// The end of the model's own time if left out.
    #[param(schema_with = schema::instant)]
    to: Option<String>,
    /// Of one version only.
    #[param(schema_with = schema::name)]
    version: Option<String>,
    /// Of one value of a segment only, as `name:value`.
    #[param(schema_with = schema::segment)]
    segment: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Versions {
    items: Vec<VersionRow>,
    /// Always null: the list is whole.
    #[schema(value_type = Option<String>)]
    next: Whole,
    /// Those that were trained here, newest first, whether predictions name them or not.
    trained: Vec<TrainedVersion>,
}

/// The range of one version.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionRow {
    version: String,
    /// gathering (its reference), serving, shadow (compared, and its answers not used, as people say) or retired (no prediction for 30 days of
    /// log time, or as people say); null for versions beyond the 64 of a model that are compared.
    state: Option<&'static str>,
    /// Since when it is retired, in log time.
    retired_at: Option<String>,
    #[serde(flatten)]
    window: Window,
}

/// What people say of a version.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"version": "1.4.0", "state": "retired"}))]
pub struct NewVersionState {
    /// Left out or null: predictions that name no version.
    #[schema(schema_with = schema::name)]
    version: Option<String>,
    state: NewState,
}

/// In which state a version is to be.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewState {
    Serving,
    /// Compared, and its answers not used: it counts like any other, and is not what a drift report is of by itself.
    Shadow,
    /// Nobody asks it any more: it leaves the alarm budget and keeps its windows. With its next prediction it serves again.
    Retired,
}

/// The state of a version.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"model": "fraud", "version": "1.4.0", "state": "retired", "retired_at": "2026-01-01T00:00:00Z", "position": 1024}))]
pub struct VersionLife {
    model: String,
    version: Option<String>,
    /// gathering, serving, shadow or retired.
    state: Option<&'static str>,
    /// Since when it is retired, in log time.
    retired_at: Option<String>,
    /// Sequence of the command.
    position: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Segments {
    items: Vec<SegmentRow>,
    /// Always null: the list is whole.
    #[schema(value_type = Option<String>)]
    next: Whole,
}

/// The range of one value of one segment.
#[derive(Debug, Serialize, ToSchema)]
pub struct SegmentRow {
    name: String,
    value: String,
    #[serde(flatten)]
    window: Window,
}

/// Versions of a model
///
/// Each with its totals of a range, whole minutes of it: the last hour of the model's own event time unless told otherwise.
#[utoipa::path(
    get, path = "/api/v1/models/{model}/versions", tag = "models",
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`"), RangeQuery),
    responses(
        (status = 200, description = "The versions by name", body = Versions, example = json!({"items": [{"version": "1.4.0", "state": "serving", "retired_at": null, "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z", "closed": false, "revision": 0, "predictions": 120, "errors": 1, "labelled": 90, "coverage": 0.75, "metrics": {"accuracy": {"value": 0.95, "low": 0.88, "high": 0.98, "n": 90}}, "always_valid": {"accuracy": {"value": 0.95, "low": 0.85, "high": 0.99, "n": 90}}, "estimated": {}, "latency": {"p50": 0.1, "p95": 0.2, "p99": 0.3, "mean": 0.11, "max": 0.4, "n": 120}, "confidence": 0.9, "predicted": {"0": 100, "1": 20}, "confusion": {"labels": ["0", "1"], "matrix": [[70, 2], [3, 15]]}}], "trained": []})),
        (status = 400, description = "A range that is none, or longer than 31 days", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn versions(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(Step(name)): Path<Step>,
    Query(query): Query<RangeQuery>,
) -> Result<Json<Versions>, Problem> {
    let model = find(&view, &name)?;
    let range = range_of(&model, query.from.as_deref(), query.to.as_deref())?;
    let trained = trained(&view, model.id);
    let reader = shared.app.reader.clone();
    let rows = shared.blocking(move || {
        let versions: BTreeSet<String> =
            model.profile.cells.iter().filter_map(|key| Some(key.version.as_ref()?.to_string())).collect();
        let slices: Vec<Slice> =
            versions.iter().map(|version| Slice { version: Some(version.clone()), ..Slice::default() }).collect();
        let windows = totals(&reader, &model, range, &slices)?;
        let row = |(version, window): (String, Window)| {
            let (state, retired_at) = life_of(&model, Some(&version));
            VersionRow { version, state, retired_at, window }
        };
        Ok(versions.into_iter().zip(windows).map(row).collect())
    });
    Ok(Json(Versions { items: rows.await?, next: Whole, trained }))
}

/// Set the state of a version
///
/// Retires a version that nobody asks any more, or has one serve in view or in the shadow. It is an event in the log, so a replay sets it again.
#[utoipa::path(
    put, path = "/api/v1/models/{model}/versions", tag = "models", request_body = NewVersionState,
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`")),
    responses(
        (status = 200, description = "The state it is in now", body = VersionLife),
        (status = 400, description = "A version that there is none of", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A state that there is none of", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn set_version(
    State(shared): State<Arc<Shared>>,
    Path(Step(name)): Path<Step>,
    Json(wanted): Json<NewVersionState>,
) -> Result<Json<VersionLife>, Problem> {
    let model = find(&shared.view(), &name)?;
    let known = |track: &&Track| track.watch.version.as_ref().map(|version| version.as_str()) == wanted.version.as_deref();
    let Some(version) = model.drift.tracks.iter().find(known).map(|track| track.watch.version.clone()) else {
        return Err(windows::unknown_version(&model, wanted.version.as_deref().unwrap_or_default()));
    };
    let state = match wanted.state {
        NewState::Serving => VersionChoice::Serving,
        NewState::Shadow => VersionChoice::Shadow,
        NewState::Retired => VersionChoice::Retired,
    };
    let command = Command::SetVersionState { model: model.name.clone(), version, state };
    let (position, view) = shared.accepted(Kind::Command, &command).await?;
    let (state, retired_at) = life_of(&*find(&view, &name)?, wanted.version.as_deref());
    Ok(Json(VersionLife { model: name, version: wanted.version, state, retired_at, position }))
}

/// The state of a version and since when it is retired.
fn life_of(model: &Model, version: Option<&str>) -> (Option<&'static str>, Option<String>) {
    let track = model.drift.tracks.iter().find(|track| track.watch.version.as_ref().map(|version| version.as_str()) == version);
    let retired_at = track.and_then(|track| track.watch.life.retired_at).map(|at| at.to_string());
    (track.map(|track| track.state().as_str()), retired_at)
}

/// Segments of a model
///
/// Each value with its totals of a range, whole minutes of it: the last hour of the model's own event time unless told otherwise.
#[utoipa::path(
    get, path = "/api/v1/models/{model}/segments", tag = "models",
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`"), RangeQuery),
    responses(
        (status = 200, description = "The values by segment", body = Segments, example = json!({"items": [{"name": "region", "value": "kr", "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z", "closed": false, "revision": 0, "predictions": 120, "errors": 1, "labelled": 90, "coverage": 0.75, "metrics": {"accuracy": {"value": 0.95, "low": 0.88, "high": 0.98, "n": 90}}, "always_valid": {"accuracy": {"value": 0.95, "low": 0.85, "high": 0.99, "n": 90}}, "estimated": {}, "latency": {"p50": 0.1, "p95": 0.2, "p99": 0.3, "mean": 0.11, "max": 0.4, "n": 120}, "confidence": 0.9, "predicted": {"0": 100, "1": 20}, "confusion": {"labels": ["0", "1"], "matrix": [[70, 2], [3, 15]]}}]})),
        (status = 400, description = "A range that is none, or longer than 31 days", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn segments(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(Step(name)): Path<Step>,
    Query(query): Query<RangeQuery>,
) -> Result<Json<Segments>, Problem> {
    let model = find(&view, &name)?;
    let range = range_of(&model, query.from.as_deref(), query.to.as_deref())?;
    let reader = shared.app.reader.clone();
    let rows = shared.blocking(move || {
        let named =
            model.profile.cells.iter().flat_map(|key| &key.segment).map(|(name, value)| (name.to_string(), value.to_string()));
        let values: BTreeSet<(String, String)> = named.collect();
        let slices: Vec<Slice> =
            values.iter().map(|segment| Slice { segment: Some(segment.clone()), ..Slice::default() }).collect();
        let windows = totals(&reader, &model, range, &slices)?;
        Ok(values.into_iter().zip(windows).map(|((name, value), window)| SegmentRow { name, value, window }).collect())
    });
    Ok(Json(Segments { items: rows.await?, next: Whole }))
}

/// A range of a model
///
/// All of it as one window, as `/windows` gives them: the last hour of the model's own event time unless told otherwise.
#[utoipa::path(
    get, path = "/api/v1/models/{model}/total", tag = "models",
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`"), TotalQuery),
    responses(
        (status = 200, description = "The range as one window", body = Window,
         example = json!({"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z", "closed": true, "revision": 0,
            "predictions": 7200, "errors": 60, "labelled": 5400, "coverage": 0.75,
            "metrics": {"accuracy": {"value": 0.95, "low": 0.944, "high": 0.956, "n": 5400}}, "always_valid": {}, "estimated": {},
            "latency": {"p50": 0.1, "p95": 0.2, "p99": 0.3, "mean": 0.11, "max": 0.4, "n": 7200},
            "confidence": 0.9, "predicted": {"0": 6000, "1": 1200}, "confusion": {"labels": ["0", "1"], "matrix": [[4200, 120], [150, 930]]}})),
        (status = 400, description = "A range that is none or longer than 31 days, or a bad segment", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn total(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(Step(name)): Path<Step>,
    Query(query): Query<TotalQuery>,
) -> Result<Json<Window>, Problem> {
    let model = find(&view, &name)?;
    let range = range_of(&model, query.from.as_deref(), query.to.as_deref())?;
    windows::check_version(&model, query.version.as_deref())?;
    let slice = Slice { version: query.version, segment: windows::segment(query.segment.as_deref())?, track: None };
    let reader = shared.app.reader.clone();
    let window = shared.blocking(move || {
        let windows = totals(&reader, &model, range, std::slice::from_ref(&slice))?;
        windows.into_iter().next().ok_or_else(|| Problem::damaged("a window"))
    });
    Ok(Json(window.await?))
}

/// `[from, to)` as it was asked for, widened to whole minutes; else the last hour of the model.
fn range_of(model: &Model, from: Option<&str>, to: Option<&str>) -> Result<(Timestamp, Timestamp), Problem> {
    let newest = model.newest.floor(PANE_WIDTH) + PANE_WIDTH;
    let to = to.map(|text| windows::instant("to", text)).transpose()?.unwrap_or(newest);
    let from = from.map(|text| windows::instant("from", text)).transpose()?.unwrap_or(to - COMPARED);
    if to <= from {
        return Err(Problem::bad_request("bad-range", "from must lie before to"));
    }
    if RANGE_MAX < to - from {
        return Err(Problem::bad_request("bad-range", "a range of at most 31 days is added up"));
    }
    let last = to - Span::from_micros(1);
    Ok((from.floor(PANE_WIDTH), last.floor(PANE_WIDTH) + PANE_WIDTH))
}

/// `[from, to)` of each slice as one window.
fn totals(
    reader: &Reader,
    model: &Model,
    (start, end): (Timestamp, Timestamp),
    slices: &[Slice],
) -> Result<Vec<Window>, Problem> {
    let totals = panes::totals(reader, model, start, end)?;
    let window = |slice: &Slice| {
        let cells = slice.cells(model);
        let total = totals.of(|index| cells.get(usize::from(index)).copied().unwrap_or(false));
        Window::of(model, start, end, totals.revision(), &total)
    };
    Ok(slices.iter().map(window).collect())
}
