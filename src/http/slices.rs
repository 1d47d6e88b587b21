//! `/versions` and `/segments` of a model: the last hour, side by side.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::models::find;
use crate::http::panes;
use crate::http::problem::Problem;
use crate::http::shared::Shared;
use crate::http::step::Step;
use crate::monitor::limits::PANE_WIDTH;
use crate::monitor::model::Model;
use crate::store::Reader;
use crate::time::Span;
use crate::view::View;
use crate::view::window::{Slice, Window};

/// How much of the model's own event time is compared.
const COMPARED: Span = Span::from_secs(3_600);

#[derive(Debug, Serialize, ToSchema)]
pub struct Versions {
    items: Vec<VersionRow>,
}

/// The last hour of one version.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionRow {
    version: String,
    #[serde(flatten)]
    window: Window,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Segments {
    items: Vec<SegmentRow>,
}

/// The last hour of one value of one segment.
#[derive(Debug, Serialize, ToSchema)]
pub struct SegmentRow {
    name: String,
    value: String,
    #[serde(flatten)]
    window: Window,
}

/// Versions of a model
///
/// Each with its totals of the last hour of the model's own event time.
#[utoipa::path(
    get, path = "/api/v1/models/{model}/versions", tag = "models",
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`")),
    responses(
        (status = 200, description = "The versions by name", body = Versions, example = json!({"items": [{"version": "1.4.0", "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z", "closed": false, "revision": 0, "predictions": 120, "errors": 1, "labelled": 90, "coverage": 0.75, "metrics": {"accuracy": {"value": 0.95, "low": 0.88, "high": 0.98, "n": 90}}, "always_valid": {"accuracy": {"value": 0.95, "low": 0.85, "high": 0.99, "n": 90}}, "estimated": {}, "latency": {"p50": 0.1, "p95": 0.2, "p99": 0.3, "mean": 0.11, "max": 0.4, "n": 120}, "confidence": 0.9, "predicted": {"0": 100, "1": 20}, "confusion": {"labels": ["0", "1"], "matrix": [[70, 2], [3, 15]]}}]})),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn versions(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(Step(name)): Path<Step>,
) -> Result<Json<Versions>, Problem> {
    let model = find(&view, &name)?;
    let reader = shared.app.reader.clone();
    let rows = shared.blocking(move || {
        let versions: BTreeSet<String> =
            model.profile.cells.iter().filter_map(|key| Some(key.version.as_ref()?.to_string())).collect();
        let slices: Vec<Slice> =
            versions.iter().map(|version| Slice { version: Some(version.clone()), ..Slice::default() }).collect();
        let windows = totals(&reader, &model, &slices)?;
        Ok(versions.into_iter().zip(windows).map(|(version, window)| VersionRow { version, window }).collect())
    });
    Ok(Json(Versions { items: rows.await? }))
}

/// Segments of a model
///
/// Each value with its totals of the last hour of the model's own event time.
#[utoipa::path(
    get, path = "/api/v1/models/{model}/segments", tag = "models",
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`")),
    responses(
        (status = 200, description = "The values by segment", body = Segments, example = json!({"items": [{"name": "region", "value": "kr", "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z", "closed": false, "revision": 0, "predictions": 120, "errors": 1, "labelled": 90, "coverage": 0.75, "metrics": {"accuracy": {"value": 0.95, "low": 0.88, "high": 0.98, "n": 90}}, "always_valid": {"accuracy": {"value": 0.95, "low": 0.85, "high": 0.99, "n": 90}}, "estimated": {}, "latency": {"p50": 0.1, "p95": 0.2, "p99": 0.3, "mean": 0.11, "max": 0.4, "n": 120}, "confidence": 0.9, "predicted": {"0": 100, "1": 20}, "confusion": {"labels": ["0", "1"], "matrix": [[70, 2], [3, 15]]}}]})),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn segments(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(Step(name)): Path<Step>,
) -> Result<Json<Segments>, Problem> {
    let model = find(&view, &name)?;
    let reader = shared.app.reader.clone();
    let rows = shared.blocking(move || {
        let named =
            model.profile.cells.iter().flat_map(|key| &key.segment).map(|(name, value)| (name.to_string(), value.to_string()));
        let values: BTreeSet<(String, String)> = named.collect();
        let slices: Vec<Slice> =
            values.iter().map(|segment| Slice { segment: Some(segment.clone()), ..Slice::default() }).collect();
        let windows = totals(&reader, &model, &slices)?;
        Ok(values.into_iter().zip(windows).map(|((name, value), window)| SegmentRow { name, value, window }).collect())
    });
    Ok(Json(Segments { items: rows.await? }))
}

/// The last hour of each slice as one window.
fn totals(reader: &Reader, model: &Model, slices: &[Slice]) -> Result<Vec<Window>, Problem> {
    let end = model.newest.floor(PANE_WIDTH) + PANE_WIDTH;
    let start = end - COMPARED;
    let totals = panes::totals(reader, model, start, end)?;
    let window = |slice: &Slice| {
        let cells = slice.cells(model);
        let total = totals.of(|index| cells.get(usize::from(index)).copied().unwrap_or(false));
        Window::of(model, start, end, totals.revision(), &total)
    };
    Ok(slices.iter().map(window).collect())
}
