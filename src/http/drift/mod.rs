//! Drift of a model: reports, windows, the reference and the policy.

pub mod discoveries;
pub mod policy;
pub mod reference;
mod training;

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
use crate::http::windows::{self, WINDOWS_MAX, windows_in};
use crate::monitor::drift::baseline::Baseline;
use crate::monitor::drift::tally::Tally;
use crate::monitor::drift::{Part, Track};
use crate::monitor::limits::{PANE_WIDTH, PAST_MAX, SEASON_WEEKS, WEEK};
use crate::monitor::model::Model;
use crate::monitor::pane::{Pane, PaneId, Width};
use crate::store::Reader;
use crate::time::{Span, Timestamp};
use crate::view::View;
use crate::view::compared::{Queues, Reference, SegmentReport};
use crate::view::incident::{self, IncidentFigures};
use crate::view::watch::{
    self, DriftReport, DriftWindowReport, EstimatorFigures, LabelFigures, PaceFigures, PolicyFigures, ScoreFigures,
};
use crate::view::window::Slice;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().of_view(routes!(report)).of_view(routes!(windows))
}

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DriftQuery {
    /// RFC 3339 or an epoch number; a drift window before `to` if left out, and if both are, the window that was judged last. Moved back to the start of its minute.
    #[param(schema_with = schema::instant)]
    from: Option<String>,
    /// RFC 3339 or an epoch number, not included; the end of the newest minute if left out.
    #[param(schema_with = schema::instant)]
    to: Option<String>,
    /// 1m, 5m, 1h or 1d: the width of the windows; if left out, that of the version's drift windows. The report has one window in any case.
    #[param(pattern = "^(1m|5m|1h|1d)$")]
    resolution: Option<String>,
    /// The version; if left out, the one that serves most.
    #[param(schema_with = schema::name)]
    version: Option<String>,
    /// Only predictions of this segment, as `name:value`, against those of the reference.
    #[param(schema_with = schema::segment)]
    segment: Option<String>,
    /// `same_hour_of_week`: compare to the same hours of up to four weeks before, as far as they were counted over the baseline that is in
    /// use. Only for the report.
    #[param(pattern = "^same_hour_of_week$")]
    against: Option<String>,
}

/// Drift of a model
///
/// One version against its reference: every test of every column with effect and evidence, the score with its components, the detectors
/// and the newest alarms. `columns` is empty until the reference is whole.
#[utoipa::path(
    get, path = "/api/v1/models/{model}/drift", tag = "drift",
    params(("model" = String, Path, description = "Its name, percent-encoded"), DriftQuery),
    responses(
        (status = 200, description = "The report, with the headers Tidewatch-Position and Tidewatch-Epoch", body = DriftReport,
         example = json!({"model": "fraud", "version": "1.4.0", "versions": ["1.4.0"], "reference": {"state": "ready", "place": null, "origin": "first_rows", "range": null, "rows": 1000, "needed": 1000, "from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:09:12Z", "number": 1}, "policy": {"watch": true, "reference_rows": 1000, "window_seconds": null, "psi_threshold": 0.1, "false_alarms_per_month": 1.0, "error_run_length": 1000000.0, "season": "none", "segments": true, "columns": 44, "evidence_needed": 12.85, "references": {"reserved": 12000, "most": 160000000, "waiting": 0, "lapsed": 0}, "lessons": {"reserved": 0, "most": 2000000, "waiting": 0, "lapsed": 0}}, "window": {"seconds": 600, "pinned": false, "rows_per_minute": 127.2, "rows_needed": 640, "evidence_needed": 12.85}, "score": {"value": 0.18, "prediction": 0.06, "features": 0.18, "multivariate": 0.0, "performance": 0.0, "window": "2026-01-01T00:40:00Z", "end": "2026-01-01T00:50:00Z", "predictions": 1272, "accuracy": {"before": 0.9, "now": 0.89, "n": 900, "evident": false}}, "start": "2026-01-01T00:40:00Z", "end": "2026-01-01T00:50:00Z", "predictions": 1272, "columns": [{"name": "amount", "subject": "feature/amount", "group": "feature", "type": "numeric", "status": "drift", "since": "2026-01-01T00:40:00Z", "clean_windows": 0, "clean_windows_needed": 2, "judged": {"psi": 0.41, "jensen_shannon": 0.23, "evidence": 61.4, "needed": 12.85, "missing_change": 0.0, "drift": true, "against": "reference"}, "tests": {"psi": {"statistic": 0.43, "p_value": null, "threshold": 0.25, "drift": true}, "ks": {"statistic": 0.21, "p_value": 1e-24, "threshold": 2.6e-6, "drift": true}}, "attribution": -0.021, "reference": {"rows": 1000, "present": 990, "missing": 10, "mismatched": 0, "out_of_range": 0, "new_category": 0, "cardinality": null, "mean": 42.1, "deviation": 38.0, "least": 0.3, "greatest": 412.0, "quantiles": {"p50": 31.0}, "top": [], "newcomers": []}, "current": {"rows": 1000, "present": 990, "missing": 10, "mismatched": 0, "out_of_range": 0, "new_category": 0, "cardinality": null, "mean": 42.1, "deviation": 38.0, "least": 0.3, "greatest": 412.0, "quantiles": {"p50": 31.0}, "top": [], "newcomers": []}, "histogram": [{"name": null, "low": null, "high": 9.5, "reference": 100, "current": 41}]}], "labels": {"arrived": 2100, "baseline": {"value": 0.1, "low": 0.083, "high": 0.12, "n": 1000}, "recent": {"value": 0.11, "low": 0.09, "high": 0.13, "n": 900}, "detectors": [{"detector": "e_detector", "input": "error", "state": "stable", "score": 12.0, "threshold": 2000000.0, "seen": 2100, "alarms": 0}]}, "estimator": {"state": "fitted", "place": null, "rows": 1000, "needed": 1000, "calibrated": true, "scale": "positive", "ordinary": {"accuracy": [0.86, 0.97]}}, "segments": [{"segment": {"region": "kr"}, "columns": {"feature/amount": {"status": "drift", "since": "2026-01-01T00:40:00Z", "judged": {"psi": 0.44, "jensen_shannon": 0.25, "evidence": 22.3, "needed": 12.85, "missing_change": 0.0, "drift": true, "against": "reference"}}}}], "alarms": [{"incident": 1, "version": "1.4.0", "onset": "2026-01-01T00:40:00Z", "at": "2026-01-01T00:50:31Z", "subject": "feature/amount", "segment": null, "detector": "window", "detected": true, "start": "2026-01-01T00:40:00Z", "end": "2026-01-01T00:50:00Z", "against": "reference", "effect": {"psi": 0.41}, "evidence": 61.4, "threshold": 12.85}], "incidents": []})),
        (status = 400, description = "A range or slice that cannot be", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model or version", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn report(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(name): Path<String>,
    Query(query): Query<DriftQuery>,
) -> Result<Json<DriftReport>, Problem> {
    let model = find(&view, &name)?;
    let (track, slice) = query.slice(&model)?;
    let width = track.watch.pace.width(&view.drift.policy);
    // the report has one window in any case: a width that there is none of is refused all the same
    query.width(width)?;
    let (from, to) = match track.watch.score.filter(|_| query.from.is_none() && query.to.is_none()) {
        Some(judged) => (judged.window, judged.end()),
        None => query.range(windows::newest(&model, &view), width)?,
    };
    let from = from.floor(PANE_WIDTH);
    let seasonal = query.is_seasonal()?;
    let reader = shared.app.reader.clone();
    let report = shared.blocking(move || {
        let cells = slice.cells(&model);
        let takes = |cell: u16| cells.get(usize::from(cell)).copied().unwrap_or(false);
        let mut columns = Vec::new();
        let mut predictions = 0;
        if let Some(baseline) = &track.baseline {
            let counted = |from: Timestamp, to: Timestamp, total: &mut Tally| {
                panes::each(&reader, &model, (from, to), Width::Day, |_, pane| {
                    pane.tally_into(total, takes);
                    Ok(())
                })
            };
            let mut current = Tally::of(baseline);
            counted(from, to, &mut current)?;
            let reference = if seasonal {
                let mut hours = Tally::of(baseline);
                for weeks in 1..=SEASON_WEEKS {
                    let back = Span::from_micros(WEEK.micros() * i64::from(weeks));
                    counted(from - back, to - back, &mut hours)?;
                }
                hours
            } else {
                slice.reference(baseline, takes)
            };
            predictions = current.rows;
            columns = watch::columns(&track, slice.segment.as_ref(), &reference, &current, &view.drift, to - from);
        }
        let version = |track: &Track| track.watch.version.as_ref().map(|version| version.to_string());
        let queues = Queues::of(&view);
        Ok(DriftReport {
            model: model.name.to_string(),
            version: version(&track),
            versions: model.drift.tracks.iter().map(version).collect(),
            reference: Reference::of(&track, &view.drift, &queues),
            policy: PolicyFigures::of(&view.drift),
            window: PaceFigures::of(&track, &view.drift),
            score: track.watch.score.as_ref().map(ScoreFigures::of),
            start: from.to_string(),
            end: to.to_string(),
            predictions,
            columns,
            labels: LabelFigures::of(&track.watch),
            estimator: EstimatorFigures::of(&track, &view.drift, &queues),
            segments: SegmentReport::all(&track),
            alarms: incident::alarms(&model.profile.incidents, |_| true),
            incidents: IncidentFigures::all(&model.profile.incidents, &model.drift.tracks),
        })
    });
    Ok(Json(report.await?))
}

/// Drift over time
///
/// One version against its reference (whatever season the policy knows of), window by window, oldest first: how far each column has moved, how evidently, and in what order its
/// values were. Windows of before the reference are left out; a window that was counted over an earlier reference is compared to that.
#[utoipa::path(
    get, path = "/api/v1/models/{model}/drift/windows", tag = "drift",
    params(("model" = String, Path, description = "Its name, percent-encoded"), DriftQuery),
    responses(
        (status = 200, description = "The windows, with the headers Tidewatch-Position and Tidewatch-Epoch", body = [DriftWindowReport],
         example = json!([{"start": "2026-01-01T00:40:00Z", "end": "2026-01-01T00:50:00Z", "closed": true, "predictions": 1272, "evidence_needed": 12.85, "unexpected": 0, "columns": {"feature/amount": {"psi": 0.41, "jensen_shannon": 0.23, "evidence": 61.4, "drift": true, "present": 1260, "missing": 12, "mismatched": 0, "out_of_range": 3, "new_category": 0, "mean": 61.2}}}])),
        (status = 400, description = "A range, resolution or slice that cannot be", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model or version", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn windows(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(name): Path<String>,
    Query(query): Query<DriftQuery>,
) -> Result<Json<Vec<DriftWindowReport>>, Problem> {
    let model = find(&view, &name)?;
    let (track, slice) = query.slice(&model)?;
    if query.is_seasonal()? {
        let detail = "windows over time are compared with the reference: leave `against` out";
        return Err(Problem::bad_request("bad-reference", detail));
    }
    let width = query.width(track.watch.pace.width(&view.drift.policy))?;
    let (from, to) = query.range(windows::newest(&model, &view), Span::from_micros(width.micros() * 24).min(PAST_MAX))?;
    let (from, to) = (from.floor(width), (to - Span::from_micros(1)).floor(width) + width);
    let count = windows_in(from, to, width);
    if WINDOWS_MAX < count {
        let detail = format!("the range holds {count} windows, at most {WINDOWS_MAX} are given");
        return Err(Problem::bad_request("too-many-windows", detail));
    }
    let reader = shared.app.reader.clone();
    let list = shared.blocking(move || {
        let cells = slice.cells(&model);
        let takes = |cell: u16| cells.get(usize::from(cell)).copied().unwrap_or(false);
        let mut merged = Merged {
            reader: &reader,
            model: &model,
            track: &track,
            view: &view,
            slice: &slice,
            width,
            list: Vec::new(),
            open: None,
        };
        panes::each(&reader, &model, (from, to), Width::within(width), |id, pane| merged.add(id, pane, takes))?;
        merged.finish(takes)?;
        Ok(merged.list)
    });
    Ok(Json(list.await?))
}

/// Windows while panes are merged into them.
struct Merged<'a> {
    reader: &'a Reader,
    model: &'a Model,
    track: &'a Track,
    view: &'a View,
    slice: &'a Slice,
    width: Span,
    list: Vec<DriftWindowReport>,
    open: Option<Open>,
}

/// A window that panes are merged into.
struct Open {
    start: Timestamp,
    end: Timestamp,
    baseline: Arc<Baseline>,
    total: Tally,
}

impl Merged<'_> {
    fn add(&mut self, id: PaneId, pane: &Pane, takes: impl Fn(u16) -> bool + Copy) -> Result<(), Problem> {
        let width = self.width.max(id.width.span());
        let start = id.start.floor(width);
        // a pane of an hour or a day may have been counted over several
        for bins in pane.bins_of(takes) {
            if self.open.as_ref().is_some_and(|open| open.start != start || open.baseline.bins != bins) {
                self.finish(takes)?;
            }
            if self.open.is_none() {
                let Some(baseline) = self.baseline(bins)? else { continue };
                let total = Tally::of(&baseline);
                self.open = Some(Open { start, end: start + width, baseline, total });
            }
            if let Some(open) = &mut self.open {
                pane.tally_into(&mut open.total, takes);
            }
        }
        Ok(())
    }

    fn finish(&mut self, takes: impl Fn(u16) -> bool) -> Result<(), Problem> {
        let Some(Open { start, end, baseline, total }) = self.open.take() else { return Ok(()) };
        self.list.push(watch::window(
            &baseline,
            &self.slice.reference(&baseline, takes),
            &total,
            &self.view.drift,
            (start, end),
            end <= self.model.watermark,
        ));
        Ok(())
    }

    /// The baseline of these bins: the one in use, or the first that had them from the store.
    fn baseline(&self, number: u32) -> Result<Option<Arc<Baseline>>, Problem> {
        if let Some(in_use) = self.track.baseline.as_deref().filter(|baseline| baseline.bins == number) {
            return Ok(Some(Arc::new(Baseline::clone(in_use))));
        }
        let row_key = Track::key(self.model.id, Baseline::track_of(number), Part::Baseline(number));
        let row = self.reader.get(&row_key).map_err(|error| Problem::store(&error))?;
        let read = |value: crate::store::Value| rmp_serde::from_slice(&value).map_err(|_| Problem::damaged("a baseline"));
        Ok(row.map(read).transpose()?.map(Arc::new))
    }
}

impl DriftQuery {
    /// The track that is asked about, and its slice.
    fn slice(&self, model: &Model) -> Result<(Track, Slice), Problem> {
        let tracks = &model.drift.tracks;
        let track = match &self.version {
            Some(version) => tracks.iter().find(|track| track.watch.version.as_ref().is_some_and(|v| v.as_str() == version)),
            None => model.busiest_track(),
        };
        let Some(track) = track else {
            return Err(match &self.version {
                Some(version) => windows::unknown_version(model, version),
                None => Problem::not_found("no-predictions", format!("{} has no predictions yet", model.name)),
            });
        };
        let segment = windows::segment(self.segment.as_deref())?;
        let place = tracks.iter().position(|other| std::ptr::eq(other, track)).map(|at| at as u16);
        Ok((track.clone(), Slice { segment, track: place, ..Slice::default() }))
    }

    /// What is asked for in whole minutes; `width` before the end if no beginning is given.
    fn range(&self, newest: Timestamp, width: Span) -> Result<(Timestamp, Timestamp), Problem> {
        windows::span(self.from.as_deref(), self.to.as_deref(), newest, width)
    }

    fn is_seasonal(&self) -> Result<bool, Problem> {
        match self.against.as_deref() {
            None | Some("reference") => Ok(false),
            Some("same_hour_of_week") => Ok(true),
            Some(other) => {
                let detail = format!("against is reference or same_hour_of_week, not {other:?}");
                Err(Problem::bad_request("bad-reference", detail))
            }
        }
    }

    fn width(&self, of_policy: Span) -> Result<Span, Problem> {
        self.resolution.as_deref().map_or(Ok(of_policy), |text| windows::resolution(text).map(|resolution| resolution.width()))
    }
}
