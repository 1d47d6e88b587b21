//! `GET /api/v1/models/{model}/windows`: any range, at any resolution, of any slice.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use crate::http::models::find;
use crate::http::panes;
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::schema;
use crate::http::shared::Shared;
use crate::http::step::Step;
use crate::monitor::limits::PANE_WIDTH;
use crate::monitor::model::Model;
use crate::monitor::pane::Width;
use crate::store::Reader;
use crate::time::{Span, Timestamp};
use crate::view::View;
use crate::view::window::{Resolution, Slice, Window, Windows, metric_names};

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().of_view(routes!(list))
}

/// The most windows of one answer.
pub const WINDOWS_MAX: i64 = 11_000;

/// The range shown unless asked otherwise: the last of the model's own event time.
const RANGE_DEFAULT: Span = Span::from_secs(3_600);

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WindowsQuery {
    /// RFC 3339 or an epoch number; an hour before `to` if left out. Moved back to the start of its window.
    #[param(schema_with = schema::instant)]
    from: Option<String>,
    /// RFC 3339 or an epoch number, not included; the end of the newest window if left out. Moved on to the end of its window.
    #[param(schema_with = schema::instant)]
    to: Option<String>,
    /// 1m, 5m, 1h or 1d; if left out, the finest that keeps the range within 500 windows.
    #[param(example = "5m", pattern = "^(1m|5m|1h|1d)$")]
    resolution: Option<String>,
    /// Only predictions of this version.
    #[param(schema_with = schema::name)]
    version: Option<String>,
    /// Only predictions of this segment, as `name:value`.
    #[param(schema_with = schema::segment)]
    segment: Option<String>,
    /// Only these metrics, separated by commas.
    #[param(example = "accuracy,f1_macro")]
    metrics: Option<String>,
}

/// What was asked for, parsed.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    pub from: Timestamp,
    pub to: Timestamp,
    pub resolution: Resolution,
}

/// Windows of one model
///
/// Oldest first, at most 11,000. Windows without a prediction in the slice are left out. Windows are whole: the range is widened
/// to the borders of the resolution. Of times for which only hours or days are kept (see `/api/v1/windows/retention`) windows are as wide as
/// that, as their `end` says.
#[utoipa::path(
    get, path = "/api/v1/models/{model}/windows", tag = "models",
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`"), WindowsQuery),
    responses(
        (status = 200, description = "The windows, with the headers Tidewatch-Position and Tidewatch-Epoch", body = [Window],
         example = json!([{"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:01:00Z", "closed": true, "revision": 0,
            "predictions": 120, "errors": 1, "labelled": 90, "coverage": 0.75,
            "metrics": {"accuracy": {"value": 0.95, "low": 0.88, "high": 0.98, "n": 90}},
            "always_valid": {"accuracy": {"value": 0.95, "low": 0.85, "high": 0.99, "n": 90}},
            "estimated": {"accuracy": {"value": 0.94, "low": 0.88, "high": 1.0, "n": 120}},
            "latency": {"p50": 0.1, "p95": 0.2, "p99": 0.3, "mean": 0.11, "max": 0.4, "n": 120},
            "confidence": 0.9, "predicted": {"0": 100, "1": 20}, "confusion": {"labels": ["0", "1"], "matrix": [[70, 2], [3, 15]]}}])),
        (status = 400, description = "A range or resolution that cannot be; a metric or version there is none of", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(Step(name)): Path<Step>,
    Query(query): Query<WindowsQuery>,
) -> Result<Json<Vec<Window>>, Problem> {
    let model = find(&view, &name)?;
    let slice = query.slice(&model)?;
    let metrics = query.metrics(&model)?;
    if !model.has_predictions() {
        query.check()?;
        return Ok(Json(Vec::new()));
    }
    let asked = query.range(&model)?;
    let reader = shared.app.reader.clone();
    let mut list = shared
        .blocking(move || {
            let range = asked.narrowed(&reader, &model)?;
            read(&reader, &model, &range, &slice)
        })
        .await?;
    if let Some(wanted) = metrics {
        list.iter_mut().for_each(|window| window.metrics.retain(|name, _| wanted.contains(name)));
    }
    Ok(Json(list))
}

/// The windows of a range, oldest first, merged from panes one by one.
pub fn read(reader: &Reader, model: &Model, range: &Range, slice: &Slice) -> Result<Vec<Window>, Problem> {
    let mut windows = Windows::new(model, range.resolution, slice);
    panes::each(reader, model, (range.from, range.to), Width::within(range.resolution.width()), |id, pane| {
        windows.add(id, pane);
        Ok(())
    })?;
    Ok(windows.finish())
}

impl WindowsQuery {
    /// Checks what does not depend on the model's data.
    fn check(&self) -> Result<(), Problem> {
        self.from.as_deref().map(|text| instant("from", text)).transpose()?;
        self.to.as_deref().map(|text| instant("to", text)).transpose()?;
        self.resolution.as_deref().map(resolution).transpose().map(drop)
    }

    fn range(&self, model: &Model) -> Result<Range, Problem> {
        let (from, to) = span(self.from.as_deref(), self.to.as_deref(), model.newest, RANGE_DEFAULT)?;
        let resolution = match &self.resolution {
            Some(text) => resolution(text)?,
            None => fitting(to - from),
        };
        Ok(Range::whole(from, to, resolution))
    }

    fn slice(&self, model: &Model) -> Result<Slice, Problem> {
        check_version(model, self.version.as_deref())?;
        Ok(Slice { version: self.version.clone(), segment: segment(self.segment.as_deref())?, track: None })
    }

    /// The metrics that are asked for; `None`: all.
    fn metrics(&self, model: &Model) -> Result<Option<Vec<String>>, Problem> {
        let Some(list) = &self.metrics else { return Ok(None) };
        let classes = &model.profile.classes;
        let of_class = |name: &str| {
            let (metric, class) = name.split_once('/')?;
            let has_class = (0..classes.len()).any(|index| classes.name(index as u16) == class);
            (["precision", "recall", "f1"].contains(&metric) && has_class).then_some(())
        };
        let names: Vec<String> = list.split(',').map(|name| name.trim().to_owned()).collect();
        match names.iter().find(|name| !metric_names().contains(&name.as_str()) && of_class(name).is_none()) {
            None => Ok(Some(names)),
            Some(unknown) => {
                let known = metric_names();
                let detail = format!(
                    "there is no metric {unknown:?}; known are {}, and precision, recall and f1 of a class, as f1/yes",
                    known.join(", ")
                );
                Err(Problem::bad_request("unknown-metric", detail).with("known", known.as_slice()))
            }
        }
    }
}

/// The versions of a model by name, each once.
pub fn versions(model: &Model) -> BTreeSet<&str> {
    model.profile.cells.iter().filter_map(|key| key.version.as_ref()).map(|version| version.as_str()).collect()
}

/// Refuses a version that `model` does not have.
pub fn check_version(model: &Model, version: Option<&str>) -> Result<(), Problem> {
    match version {
        Some(version) if !versions(model).contains(&version) => Err(unknown_version(model, version)),
        _ => Ok(()),
    }
}

/// Versions that a refusal lists.
const VERSIONS_TOLD: usize = 100;

/// The refusal of a version that `model` does not have.
pub fn unknown_version(model: &Model, version: &str) -> Problem {
    let known: Vec<&str> = versions(model).into_iter().take(VERSIONS_TOLD).collect();
    let told = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
    let detail = format!("{} has no version {version:?}; {told}", model.name);
    Problem::bad_request("unknown-version", detail).with("known", known)
}

impl Range {
    /// Widened to whole windows.
    pub fn whole(from: Timestamp, to: Timestamp, resolution: Resolution) -> Self {
        let width = resolution.width();
        let last = to - Span::from_micros(1);
        Self { from: from.floor(width), to: last.floor(width) + width, resolution }
    }

    /// Without the parts before the first and after the newest window, so that a range from the beginning of time costs nothing.
    ///
    /// Errors: too many windows even so.
    fn narrowed(self, reader: &Reader, model: &Model) -> Result<Self, Problem> {
        let newest_end = model.newest.floor(PANE_WIDTH) + PANE_WIDTH;
        let Self { mut from, mut to, resolution } = self;
        if windows_in(from, to, resolution.width()) > WINDOWS_MAX {
            let oldest = panes::first_start(reader, model)?.unwrap_or(newest_end);
            from = from.max(oldest.floor(resolution.width()));
            to = to.min(Self::whole(from, newest_end.max(from + PANE_WIDTH), resolution).to);
        }
        let count = windows_in(from, to, resolution.width());
        if WINDOWS_MAX < count {
            let detail = format!(
                "the range holds {count} windows, at most {WINDOWS_MAX} are given; ask for a shorter range or a coarser resolution"
            );
            return Err(Problem::bad_request("too-many-windows", detail).with("windows", count).with("limit", WINDOWS_MAX));
        }
        Ok(Self { from, to, resolution })
    }
}

/// The newest minute of a model: that of its newest prediction or, before the first, of the log.
pub fn newest(model: &Model, view: &View) -> Timestamp {
    if model.has_predictions() { model.newest } else { view.log_time }
}

/// What lies between `from` and `to`: up to the end of the `newest` minute, and `width` long, unless said otherwise.
pub fn span(from: Option<&str>, to: Option<&str>, newest: Timestamp, width: Span) -> Result<(Timestamp, Timestamp), Problem> {
    let newest_end = newest.floor(PANE_WIDTH) + PANE_WIDTH;
    let to = to.map_or(Ok(newest_end), |text| instant("to", text))?;
    let from = from.map_or(Ok(to - width), |text| instant("from", text))?;
    if to <= from {
        return Err(Problem::bad_request("bad-range", format!("from ({from}) must lie before to ({to})")));
    }
    Ok((from, to))
}

/// A segment as it is asked for, `name:value`.
pub fn segment(text: Option<&str>) -> Result<Option<(String, String)>, Problem> {
    let Some(text) = text else { return Ok(None) };
    match text.split_once(':') {
        Some((name, value)) => Ok(Some((name.to_owned(), value.to_owned()))),
        None => Err(Problem::bad_request("bad-segment", format!("a segment is asked for as name:value, not {text:?}"))),
    }
}

pub fn windows_in(from: Timestamp, to: Timestamp, width: Span) -> i64 {
    (to - from).micros() / width.micros()
}

/// The finest resolution that shows `range` in at most about 500 windows.
fn fitting(range: Span) -> Resolution {
    const SHOWN: i64 = 500;
    let fits = |resolution: &Resolution| range.micros() / resolution.width().micros() <= SHOWN;
    [Resolution::Minute, Resolution::FiveMinutes, Resolution::Hour].into_iter().find(fits).unwrap_or(Resolution::Day)
}

pub fn resolution(text: &str) -> Result<Resolution, Problem> {
    Resolution::parse(text)
        .ok_or_else(|| Problem::bad_request("bad-resolution", format!("resolution is 1m, 5m, 1h or 1d, not {text:?}")))
}

/// An instant of a query. A `+` that was not percent-encoded arrives as a space.
pub fn instant(parameter: &str, text: &str) -> Result<Timestamp, Problem> {
    let read = Timestamp::parse(text).or_else(|| Timestamp::parse_rfc3339(&text.replace(' ', "+")));
    let in_range = |at: &Timestamp| at.micros().unsigned_abs() <= INSTANT_MAX;
    read.filter(in_range).ok_or_else(|| {
        let detail = format!("{parameter} is RFC 3339, such as 2026-01-01T00:00:00Z, or an epoch number, not {text:?}");
        Problem::bad_request("bad-time", detail)
    })
}

/// Some 9999 years either side of the epoch, in microseconds: arithmetic on it stays far from overflow.
const INSTANT_MAX: u64 = 315_500_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_in_every_usual_form() {
        let expected = Timestamp::from_micros(1_767_225_600_000_000);
        for text in [
            "2026-01-01T00:00:00Z",
            "2026-01-01T09:00:00+09:00",
            "2026-01-01T09:00:00 09:00",
            "1767225600",
            "1767225600000",
            "1767225600.0",
        ] {
            assert_eq!(instant("from", text).unwrap(), expected, "{text}");
        }
        for bad in ["", "yesterday", "NaN", "inf", "9223372036854775807e9"] {
            assert!(instant("from", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_range_is_widened_to_whole_windows() {
        let at = Timestamp::from_millis;
        let range = Range::whole(at(61_000), at(120_000), Resolution::Minute);
        assert_eq!((range.from, range.to), (at(60_000), at(120_000)));
        let range = Range::whole(at(61_000), at(120_001), Resolution::FiveMinutes);
        assert_eq!((range.from, range.to), (at(0), at(300_000)));
    }

    #[test]
    fn the_resolution_fits_the_range() {
        assert_eq!(fitting(Span::from_secs(3_600)), Resolution::Minute);
        assert_eq!(fitting(Span::from_secs(86_400)), Resolution::FiveMinutes);
        assert_eq!(fitting(Span::from_secs(20 * 86_400)), Resolution::Hour);
        assert_eq!(fitting(Span::from_secs(400 * 86_400)), Resolution::Day);
    }
}
