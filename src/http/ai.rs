//! `/api/ai/monitoring/…`: the endpoints of the model-monitoring requirement (B7), with its names and fields.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::clock;
use crate::event::Role;
use crate::event::command;
use crate::event::wire::{NoTables, decode_body};
use crate::event::{Event, Kind, Label};
use crate::http::applied::own_source;
use crate::http::models::find;
use crate::http::problem::Problem;
use crate::http::publish::faulty;
use crate::http::routes::Routes;
use crate::http::schema;
use crate::http::shared::Shared;
use crate::http::thresholds::{self, ThresholdChange, ThresholdFigures};
use crate::http::windows::{self, Range};
use crate::monitor::drift::judge::Score;
use crate::monitor::limits::{PANE_WIDTH, TRAIL_MAX};
use crate::monitor::model::Model;
use crate::monitor::status::Status;
use crate::time::Timestamp;
use crate::view::View;
use crate::view::model::status_distribution;
use crate::view::watch::ScoreFigures;
use crate::view::window::{Resolution, Slice, Window};

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default()
        .of_view(routes!(performance))
        .with(Role::Viewer, routes!(summary))
        .with(command::thresholds::ROLE, routes!(set_thresholds))
        .with(Role::Operator, routes!(log_prediction))
        .with(Role::Operator, routes!(update_result))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PerformanceQuery {
    #[param(example = "sales_forecast", required = true, min_length = 1)]
    model_name: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true, "performance": {"model_name": "sales_forecast", "accuracy": 0.85, "prediction_count": 1250,
    "error_count": 25, "avg_response_time": 0.15, "last_prediction": "2026-01-15T10:30:00Z", "last_training": null, "drift_score": 0.08, "drift_components": {"value": 0.08, "prediction": 0.08, "features": 0.0, "multivariate": 0.0, "performance": 0.0,
    "window": "2026-01-15T10:20:00Z", "predictions": 210},
    "status": "healthy"}, "history": [{"timestamp": "2026-01-15T10:00:00Z", "accuracy": 0.85, "response_time": 0.15, "confidence": 0.92,
    "error_rate": 0.02}]}))]
pub struct PerformanceAnswer {
    success: bool,
    performance: Performance,
    /// The last 60 one-minute windows, oldest first.
    history: Vec<HistoryPoint>,
}

/// Counts are of all time; accuracy and response time of the windows in `history`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Performance {
    model_name: String,
    /// Of a regression model, the share of predictions within 10 % of the truth; null without labels.
    accuracy: Option<f64>,
    prediction_count: u64,
    error_count: u64,
    /// Seconds.
    avg_response_time: Option<f64>,
    last_prediction: Option<String>,
    last_training: Option<String>,
    /// 0 to 1; null until a drift window could be judged. `drift_components` says what it is made of.
    drift_score: Option<f64>,
    drift_components: Option<ScoreFigures>,
    /// healthy, warning, critical or training; a model of which too little is known is a warning here.
    status: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryPoint {
    /// Start of the window.
    timestamp: String,
    accuracy: Option<f64>,
    response_time: Option<f64>,
    confidence: Option<f64>,
    error_rate: Option<f64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true, "summary": {"total_models": 4, "total_predictions": 5000, "avg_accuracy": 0.82,
    "avg_response_time": 0.18, "status_distribution": {"healthy": 3, "warning": 1, "critical": 0, "training": 0},
    "monitoring_active": true, "auto_retrain_enabled": false}}))]
pub struct SummaryAnswer {
    success: bool,
    summary: Summary,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Summary {
    total_models: usize,
    total_predictions: u64,
    /// Mean over the models that have labels in their last 60 windows.
    avg_accuracy: Option<f64>,
    /// Seconds; mean over the models that have response times in their last 60 windows.
    avg_response_time: Option<f64>,
    status_distribution: BTreeMap<&'static str, u64>,
    /// Connected to the log and caught up with it.
    monitoring_active: bool,
    auto_retrain_enabled: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true, "thresholds": {"accuracy_threshold": 0.75, "response_time_threshold": 1.5,
    "error_rate_threshold": 0.08, "drift_threshold": 0.15}}))]
pub struct ThresholdsAnswer {
    success: bool,
    thresholds: ThresholdFigures,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true, "prediction_id": "sales_forecast_1705312200000", "seq": 1024}))]
pub struct LoggedPrediction {
    success: bool,
    /// The one given, or one minted here: `<model>_<milliseconds>` and 20 digits more.
    prediction_id: String,
    /// Stream sequence.
    seq: u64,
}

/// Ground truth for one prediction.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"prediction_id": "sales_forecast_1705312200000", "actual_result": {"actual_sales": 1280000}}))]
pub struct ResultUpdate {
    /// Text, or a whole number.
    #[schema(schema_with = schema::id)]
    prediction_id: Value,
    /// Needed unless the id was minted here, which makes it begin with the model's name.
    #[schema(schema_with = schema::model_name)]
    model_name: Option<Value>,
    /// A number, text or boolean, or an object with one of these as its only field.
    #[schema(schema_with = schema::result)]
    actual_result: Value,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true, "prediction_id": "sales_forecast_1705312200000", "model_name": "sales_forecast", "seq": 1025}))]
pub struct UpdatedResult {
    success: bool,
    prediction_id: String,
    model_name: String,
    /// Stream sequence.
    seq: u64,
}

/// Performance of a model
#[utoipa::path(
    get, path = "/api/ai/monitoring/performance", tag = "ai monitoring", params(PerformanceQuery),
    responses(
        (status = 200, description = "Its figures and history", body = PerformanceAnswer),
        (status = 400, description = "No model named", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn performance(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Query(query): Query<PerformanceQuery>,
) -> Result<Json<PerformanceAnswer>, Problem> {
    let name = query.model_name.ok_or_else(|| Problem::bad_request("missing-parameter", "model_name is required"))?;
    let model = find(&view, &name)?;
    let reader = shared.app.reader.clone();
    let is_training = view.retraining.is_training(model.id);
    let answer = shared.blocking(move || {
        let windows = if model.has_predictions() {
            windows::read(&reader, &model, &recent(&model), &Slice::default())?
        } else {
            Vec::new()
        };
        let windows = &windows[windows.len().saturating_sub(TRAIL_MAX)..];
        Ok(PerformanceAnswer {
            success: true,
            performance: Performance {
                model_name: model.name.to_string(),
                accuracy: mean(windows.iter().filter_map(|window| weighed(window, "accuracy"))),
                prediction_count: model.counters.predictions,
                error_count: model.counters.errors,
                avg_response_time: mean(windows.iter().filter_map(|window| window.latency.as_ref().map(|l| (l.mean, l.n)))),
                last_prediction: model.has_predictions().then(|| model.newest.to_string()),
                last_training: view.retraining.book(model.id).and_then(|book| book.trained_at).map(|at| at.to_string()),
                drift_score: model.drift.worst_score().map(Score::value),
                drift_components: model.drift.worst_score().map(ScoreFigures::of),
                status: if is_training { "training" } else { status_of(model.condition.status) },
            },
            history: windows.iter().map(HistoryPoint::of).collect(),
        })
    });
    Ok(Json(answer.await?))
}

/// Summary of all models
#[utoipa::path(
    get, path = "/api/ai/monitoring/summary", tag = "ai monitoring",
    responses((status = 200, description = "Figures over all models", body = SummaryAnswer))
)]
pub async fn summary(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
) -> Result<Json<SummaryAnswer>, Problem> {
    let monitoring_active = {
        let log = shared.app.log.borrow();
        log.connected && log.ready.is_ok()
    };
    let training = view.retraining.training();
    let summary = shared.blocking(move || {
        let mut by_status = BTreeMap::from([("training", 0)]);
        for (status, models) in status_distribution(&view) {
            *by_status.entry(status_of(status)).or_default() += models;
        }
        for model in view.models.values().filter(|model| training.contains(&model.id)) {
            *by_status.entry(status_of(model.condition.status)).or_default() -= 1;
            *by_status.entry("training").or_default() += 1;
        }
        let models = || view.models.values();
        let accuracies =
            models().filter_map(|model| mean(model.trail.iter().map(|p| (p.correct as f64 / p.judged as f64, p.judged))));
        let times = models().filter_map(|model| mean(model.trail.iter().map(|point| (point.response_time_mean, point.timed))));
        Ok(Summary {
            total_models: view.models.len(),
            total_predictions: models().map(|model| model.counters.predictions).sum(),
            avg_accuracy: mean(accuracies.map(|accuracy| (accuracy, 1))),
            avg_response_time: mean(times.map(|time| (time, 1))),
            status_distribution: by_status,
            monitoring_active,
            auto_retrain_enabled: view.retraining.policy().auto_retrain_enabled,
        })
    });
    Ok(Json(SummaryAnswer { success: true, summary: summary.await? }))
}

/// Set alert thresholds
#[utoipa::path(
    put, path = "/api/ai/monitoring/thresholds", tag = "ai monitoring", request_body = ThresholdChange,
    responses(
        (status = 200, description = "All thresholds now in force", body = ThresholdsAnswer),
        (status = 422, description = "A threshold out of its range, or none at all", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn set_thresholds(
    State(shared): State<Arc<Shared>>,
    Json(change): Json<ThresholdChange>,
) -> Result<Json<ThresholdsAnswer>, Problem> {
    Ok(Json(ThresholdsAnswer { success: true, thresholds: thresholds::apply(&shared, change).await? }))
}

/// Log a prediction
///
/// Answers once the prediction counts.
#[utoipa::path(
    post, path = "/api/ai/monitoring/log-prediction", tag = "ai monitoring",
    request_body(content = inline(schema::LoggedRecord), description = "A prediction; `model_name` is required", example = json!({
        "model_name": "sales_forecast", "prediction_data": {"input_features": {"store": 7, "weekday": "mon"}},
        "result": {"prediction": 1250000, "confidence": 0.85, "response_time": 0.12}})),
    responses(
        (status = 200, description = "Logged", body = LoggedPrediction),
        (status = 422, description = "A faulty prediction; nothing was logged", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn log_prediction(
    State(shared): State<Arc<Shared>>,
    Json(mut record): Json<Map<String, Value>>,
) -> Result<Json<LoggedPrediction>, Problem> {
    if !["model_name", "model"].iter().any(|name| record.get(*name).is_some_and(|name| !name.is_null())) {
        return Err(Problem::unprocessable("missing-field", "model_name is required").with("pointer", "/model_name"));
    }
    let Event::PredictionLogged(prediction) = read(Kind::Prediction, &record, shared.log_clock.now())? else {
        unreachable!("a prediction is read as one")
    };
    let prediction_id = match prediction.id {
        Some(given) => given.into_string(),
        None => {
            let minted = shared.mint.id(prediction.model.as_str(), clock::now().millis());
            record.insert("prediction_id".to_owned(), Value::from(minted.as_str()));
            minted
        }
    };
    let seq = shared.accepted(Kind::Prediction, &Value::Object(record)).await?.0;
    Ok(Json(LoggedPrediction { success: true, prediction_id, seq }))
}

/// Report an actual result
///
/// Answers once the label is joined to its prediction, or waits for it.
#[utoipa::path(
    post, path = "/api/ai/monitoring/update-result", tag = "ai monitoring", request_body = ResultUpdate,
    responses(
        (status = 200, description = "Taken", body = UpdatedResult),
        (status = 422, description = "A faulty label, or a prediction whose model is not known", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn update_result(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Json(update): Json<ResultUpdate>,
) -> Result<Json<UpdatedResult>, Problem> {
    let ResultUpdate { prediction_id, model_name, actual_result } = update;
    let mut record = Map::new();
    record.insert("prediction_id".to_owned(), prediction_id);
    record.insert("actual".to_owned(), actual_result);
    if let Some(name) = model_name {
        record.insert("model".to_owned(), name);
    }
    let Event::LabelArrived(Label { prediction, model, .. }) = read(Kind::Label, &record, shared.log_clock.now())? else {
        unreachable!("a label is read as one")
    };
    let model_name = match record.get("model") {
        Some(name) if !name.is_null() => model.to_string(),
        _ => model_of(&view, &prediction)?,
    };
    record.insert("model".to_owned(), Value::from(model_name.as_str()));
    let seq = shared.accepted(Kind::Label, &Value::Object(record)).await?.0;
    Ok(Json(UpdatedResult { success: true, prediction_id: prediction.into_string(), model_name, seq }))
}

/// The record as the stream would read it: its id may be a number, and its names have aliases.
fn read(kind: Kind, record: &Map<String, Value>, now: Timestamp) -> Result<Event, Problem> {
    let body = serde_json::to_vec(record).expect("plain data");
    match decode_body(kind, &own_source(), None, &(), &body, now, NoTables).pop() {
        Some(Ok(event)) => Ok(event),
        Some(Err(fault)) => Err(faulty(1, &[fault])),
        None => unreachable!("a message has at least one record"),
    }
}

/// The model of an id of the form `<model>_<digits>`, as those that are minted here have it.
fn model_of(view: &View, prediction_id: &str) -> Result<String, Problem> {
    let named =
        prediction_id.rsplit_once('_').filter(|(_, digits)| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
    match named {
        Some((name, _)) if view.models.contains_key(name) => Ok(name.to_owned()),
        _ => {
            let detail =
                format!("the model of prediction {prediction_id:?} is not known; give model_name, as the prediction had it");
            Err(Problem::unprocessable("unknown-model", detail).with("pointer", "/model_name"))
        }
    }
}

/// The range of the last 60 windows that have data.
fn recent(model: &Model) -> Range {
    let newest_end = model.newest.floor(PANE_WIDTH) + PANE_WIDTH;
    let trail = model.trail.iter().next().map(|point| point.start);
    let first = trail.into_iter().chain(model.hot.keys().next().copied()).min().unwrap_or(newest_end - PANE_WIDTH);
    Range::whole(first, newest_end, Resolution::Minute)
}

impl HistoryPoint {
    fn of(window: &Window) -> Self {
        let value = |name: &str| window.metrics.get(name).and_then(|estimate| estimate.value);
        Self {
            timestamp: window.start.clone(),
            accuracy: value("accuracy"),
            response_time: window.latency.as_ref().map(|latency| latency.mean),
            confidence: window.confidence,
            error_rate: value("error_rate"),
        }
    }
}

/// A status in the words of the requirement, which has none for what is not known.
const fn status_of(status: Status) -> &'static str {
    match status {
        Status::Unknown => Status::Warning.as_str(),
        known => known.as_str(),
    }
}

fn weighed(window: &Window, metric: &str) -> Option<(f64, u64)> {
    let estimate = window.metrics.get(metric)?;
    Some((estimate.value?, estimate.n))
}

/// The mean of values by weight; `None` without any weight. A value without weight may be anything.
fn mean(values: impl Iterator<Item = (f64, u64)>) -> Option<f64> {
    let (mut sum, mut weight) = (0.0, 0);
    for (value, n) in values.filter(|(_, n)| *n != 0) {
        sum += value * n as f64;
        weight += n;
    }
    (weight != 0).then(|| sum / weight as f64)
}
