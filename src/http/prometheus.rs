//! `GET /api/prometheus/metrics`: what Prometheus scrapes (D8). The figures of the newest five minutes of each version of each model,
//! what was counted since the log began, and the counters of the process.

mod exposition;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use utoipa_axum::routes;

use crate::event::Role;
use crate::http::problem::Problem;
use crate::http::prometheus::exposition::{Exposition, Format, Kind};
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::ids::Name;
use crate::monitor::limits::PANE_WIDTH;
use crate::monitor::model::Model;
use crate::monitor::pane::{Cell, Width};
use crate::telemetry;
use crate::time::Span;
use crate::view::{View, window};

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().with(Role::Viewer, routes!(metrics))
}

/// Versions of models told of at once; further ones are counted. Each is about twenty samples.
const ROWS_MAX: usize = 10_000;

/// How much of each model's own event time the figures are of.
const RECENT: Span = Span::from_secs(300);

const STATUSES: [&str; 5] = ["healthy", "warning", "critical", "training", "unknown"];

/// The newest minutes of one version.
struct Row<'v> {
    model: &'v Model,
    version: Option<Name>,
    recent: Cell,
}

/// What Prometheus scrapes
///
/// Text format, or OpenMetrics where `Accept` asks for it. Accuracy, error rate, response times, coverage and confidence are of the newest
/// five minutes of each version's event time; a figure that is not known has no sample. Every sample has the external labels of the
/// setting `external_labels`. At most 10,000 versions of models are told of; `tidewatch_exposition_omitted_versions` counts the others.
#[utoipa::path(
    get, path = "/api/prometheus/metrics", tag = "process",
    responses((status = 200, description = "Metric families with HELP and TYPE", content(
        (String = "text/plain"), (String = "application/openmetrics-text"),
    )))
)]
pub async fn metrics(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let accept = headers.get_all(ACCEPT).into_iter().filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join(",");
    let format = Format::asked_for(&accept);
    let lag = shared.lag(&view);
    let is_ready = shared.app.log.borrow().ready.is_ok();
    let external = shared.app.settings.external_labels.clone();
    let make = shared.blocking(move || {
        let mut page = Exposition::new(format, &external);
        process(&mut page, &view, lag, is_ready);
        models(&mut page, &view);
        Ok(page.finish())
    });
    let headers = [(CONTENT_TYPE, HeaderValue::from_static(format.content_type())), (VARY, HeaderValue::from_static("accept"))];
    Ok((headers, make.await?).into_response())
}

fn process(page: &mut Exposition, view: &View, lag: u64, is_ready: bool) {
    page.family("tidewatch_build_info", Kind::Gauge, "Always 1; the version is a label.");
    page.sample("", &[("tidewatch_version", env!("CARGO_PKG_VERSION"))], 1.0);
    for (name, help, value) in [
        (
            "tidewatch_ready",
            "Whether the log was applied as far as it went at start, and is connected.",
            f64::from(u8::from(is_ready)),
        ),
        ("tidewatch_position", "Sequence of the newest message applied.", view.position as f64),
        ("tidewatch_lag_messages", "Messages stored and not yet applied.", lag as f64),
        ("tidewatch_models", "Models that are known.", view.models.len() as f64),
        ("tidewatch_sources", "Sources that are known.", view.sources.len() as f64),
        (
            "tidewatch_log_time_timestamp_seconds",
            "Date of the newest message applied, as the log's server gave it.",
            view.log_time.micros() as f64 / 1e6,
        ),
    ] {
        page.family(name, Kind::Gauge, help);
        page.sample("", &[], value);
    }
    page.family("tidewatch_sources_outlived", Kind::Counter, "Sources forgotten because nothing had come of them for 30 days.");
    page.sample("_total", &[], view.sources_outlived as f64);
    page.family("tidewatch_windows_merged", Kind::Counter, "Windows of hours and days made of narrower ones.");
    page.sample("_total", &[], view.rolled.made as f64);
    page.family(
        "tidewatch_windows_deleted",
        Kind::Counter,
        "Windows deleted because they were kept for long enough, by width.",
    );
    for (width, deleted) in Width::ALL.into_iter().zip(view.rolled.deleted) {
        page.sample("_total", &[("width", width.as_str())], deleted as f64);
    }
    page.family("tidewatch_input_records", Kind::Counter, "Records of the log, by what became of them.");
    let counts = &view.counts;
    for (outcome, count) in [
        ("applied", counts.applied),
        ("rejected", counts.rejected),
        ("duplicate", counts.duplicates),
        ("too_late", counts.too_late),
        ("ignored", counts.ignored),
    ] {
        page.sample("_total", &[("outcome", outcome)], count as f64);
    }
    page.family("tidewatch_input_rejected", Kind::Counter, "Records of the log that were rejected, by kind and reason.");
    for (kind, reason, count) in view.rejections.counts() {
        page.sample("_total", &[("kind", kind.as_str()), ("reason", reason)], count as f64);
    }
    for counter in telemetry::COUNTERS {
        page.family(counter.name().strip_suffix("_total").unwrap_or(counter.name()), Kind::Counter, counter.help());
        page.sample("_total", &[], counter.get() as f64);
    }
}

fn models(page: &mut Exposition, view: &View) {
    let (rows, omitted) = rows(view);
    page.family("tidewatch_exposition_omitted_versions", Kind::Gauge, "Versions of models that this page has no room for.");
    page.sample("", &[], omitted as f64);
    counters(page, view);
    states(page, view);
    figures(page, &rows);
    drift(page, view);
}

/// The versions of the models by name, as many as there is room for, and how many are left out.
fn rows(view: &View) -> (Vec<Row<'_>>, usize) {
    let (mut rows, mut omitted) = (Vec::new(), 0);
    for model in view.models.values().filter(|model| model.has_predictions()) {
        let versions: BTreeSet<Option<&Name>> = model.profile.cells.iter().map(|key| key.version.as_ref()).collect();
        for version in versions {
            if rows.len() == ROWS_MAX {
                omitted += 1;
                continue;
            }
            rows.push(Row { model, version: version.cloned(), recent: recent(model, version) });
        }
    }
    (rows, omitted)
}

fn recent(model: &Model, version: Option<&Name>) -> Cell {
    let end = model.newest.floor(PANE_WIDTH) + PANE_WIDTH;
    let is_of = |cell: u16| model.profile.cells.get(usize::from(cell)).is_some_and(|key| key.version.as_ref() == version);
    let mut total = Cell::default();
    model.hot.range(end - RECENT..end).for_each(|(_, pane)| pane.merge_into(&mut total, is_of));
    total
}

/// What was counted of each model since the log began.
fn counters(page: &mut Exposition, view: &View) {
    type Count = fn(&crate::monitor::model::Counters) -> u64;
    let families: [(&str, &str, Count); 8] = [
        ("tidewatch_model_predictions", "Predictions applied.", |counters| counters.predictions),
        ("tidewatch_model_errors", "Predictions that failed.", |counters| counters.errors),
        ("tidewatch_model_labelled", "Predictions that got their label.", |counters| counters.labelled),
        ("tidewatch_model_duplicates", "Predictions and labels that had come before.", |counters| counters.duplicates),
        ("tidewatch_model_conflicts", "Labels that said another truth than the first.", |counters| counters.conflicts),
        ("tidewatch_model_orphans", "Labels whose prediction never came.", |counters| counters.orphans),
        ("tidewatch_model_late", "Predictions that came after their window had closed.", |counters| counters.late),
        ("tidewatch_model_too_late", "Predictions that came too late to count.", |counters| counters.too_late),
    ];
    for (name, help, count) in families {
        page.family(name, Kind::Counter, help);
        for model in view.models.values().take(ROWS_MAX) {
            page.sample("_total", &[("model", model.name.as_str())], count(&model.counters) as f64);
        }
    }
}

fn states(page: &mut Exposition, view: &View) {
    page.family("tidewatch_model_status", Kind::Gauge, "1 for the status that the model has, 0 for the others.");
    for model in view.models.values().take(ROWS_MAX) {
        let now = model.condition.status.as_str();
        for known in STATUSES {
            let labels = [("model", model.name.as_str()), ("status", known)];
            page.sample("", &labels, f64::from(u8::from(known == now)));
        }
    }
    page.family("tidewatch_model_stale", Kind::Gauge, "1 if no prediction has come for five minutes of log time.");
    for model in view.models.values().take(ROWS_MAX) {
        let stale = model.condition.stale;
        page.sample("", &[("model", model.name.as_str())], f64::from(u8::from(stale)));
    }
    page.family("tidewatch_model_last_prediction_timestamp_seconds", Kind::Gauge, "Event time of the newest prediction.");
    for model in view.models.values().filter(|model| model.has_predictions()).take(ROWS_MAX) {
        page.sample("", &[("model", model.name.as_str())], model.newest.micros() as f64 / 1e6);
    }
}

/// The figures of the newest minutes. Each interval is at 95 %.
fn figures(page: &mut Exposition, rows: &[Row<'_>]) {
    let accuracy = |row: &Row<'_>| window::accuracy(&row.recent, &row.model.profile.classes);
    let error_rate = |row: &Row<'_>| window::error_rate(&row.recent);
    let share = |part: u64, whole: u64| (whole != 0).then(|| part as f64 / whole as f64);
    let mut family = |name: &str, help: &str, figure: &dyn Fn(&Row<'_>) -> Option<f64>| {
        page.family(name, Kind::Gauge, help);
        for row in rows {
            if let Some(value) = figure(row) {
                page.sample("", &row.labels(), value);
            }
        }
    };
    family("tidewatch_model_recent_predictions", "Predictions of the newest five minutes.", &|row| {
        Some(row.recent.predictions as f64)
    });
    family("tidewatch_model_accuracy_ratio", "Right answers among those with a label.", &|row| accuracy(row).value);
    family("tidewatch_model_accuracy_lower_ratio", "Where the interval of the accuracy begins.", &|row| accuracy(row).low);
    family("tidewatch_model_accuracy_upper_ratio", "Where the interval of the accuracy ends.", &|row| accuracy(row).high);
    family("tidewatch_model_error_ratio", "Failed predictions among all.", &|row| error_rate(row).value);
    family("tidewatch_model_error_lower_ratio", "Where the interval of the error rate begins.", &|row| error_rate(row).low);
    family("tidewatch_model_error_upper_ratio", "Where the interval of the error rate ends.", &|row| error_rate(row).high);
    family("tidewatch_model_coverage_ratio", "Predictions with a label among all.", &|row| {
        share(row.recent.labelled, row.recent.predictions)
    });
    family("tidewatch_model_confidence_ratio", "Mean confidence.", &|row| row.recent.confidence.value());
    family("tidewatch_model_response_time_mean_seconds", "Mean response time.", &|row| row.recent.latency.mean());
    page.family("tidewatch_model_response_time_seconds", Kind::Summary, "Quantiles of the response time, within 1 %.");
    for row in rows {
        for (name, q) in [("0.5", 0.5), ("0.95", 0.95), ("0.99", 0.99)] {
            if let Some(value) = row.recent.latency.quantile(q) {
                let [model, version] = row.labels();
                page.sample("", &[model, version, ("quantile", name)], value);
            }
        }
    }
}

fn drift(page: &mut Exposition, view: &View) {
    let scores = || {
        let tracks = view.models.values().flat_map(|model| model.drift.tracks.iter().map(move |track| (model, track)));
        let scored = tracks.filter_map(|(model, track)| Some((model, &track.watch.version, track.watch.score.as_ref()?)));
        scored.take(ROWS_MAX)
    };
    let labels = |model: &'_ str, version: &'_ Option<Name>| -> [(&'static str, String); 2] {
        [("model", model.to_owned()), ("model_version", version.as_ref().map_or(String::new(), Name::to_string))]
    };
    page.family(
        "tidewatch_model_drift_score",
        Kind::Gauge,
        "How far the version is from its reference, 0 to 1, in its newest drift window: the largest of the components.",
    );
    for (model, version, score) in scores() {
        let [(model_label, model), (version_label, version)] = labels(model.name.as_str(), version);
        page.sample("", &[(model_label, &model), (version_label, &version)], score.value());
    }
    page.family("tidewatch_model_drift_component", Kind::Gauge, "What the drift score is made of.");
    for (model, version, score) in scores() {
        let [(model_label, model), (version_label, version)] = labels(model.name.as_str(), version);
        for (component, value) in [
            ("prediction", score.prediction),
            ("features", score.features),
            ("multivariate", score.multivariate),
            ("performance", score.performance),
        ] {
            page.sample("", &[(model_label, &model), (version_label, &version), ("component", component)], value);
        }
    }
}

impl Row<'_> {
    fn labels(&self) -> [(&'static str, &str); 2] {
        [("model", self.model.name.as_str()), ("model_version", self.version.as_ref().map_or("", |version| version.as_str()))]
    }
}
