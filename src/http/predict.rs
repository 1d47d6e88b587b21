//! `POST /api/v1/models/{model}/predict`: answers of a model that is served here, each logged like those of any other service.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Json;
use axum::extract::{Path, Query, State};
use bytes::Bytes;
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::artifacts::Artifacts;
use crate::clock;
use crate::event::Kind;
use crate::event::Role;
use crate::event::features::{Feature, Features};
use crate::http::applied::{own_source, refusal};
use crate::http::models::find;
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::schema;
use crate::http::shared::Shared;
use crate::http::step::Step;
use crate::monitor::retraining::book::shown;
use crate::nats::Headers;
use crate::telemetry::{self, chain};
use crate::train::artifact::{Answer, Artifact, Room};
use crate::train::job::pairs::answer;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().with(Role::Operator, routes!(predict))
}

/// Rows of one request.
const ROWS_MAX: usize = 1_000;

/// Requests whose answers are on their way into the log. Full: further ones are answered and not logged, and that is counted.
const LOGGING_MAX: usize = 10_000;

/// Models that are kept in memory.
const LOADED_MAX: usize = 16;

/// Models that answer here.
pub struct Serving {
    artifacts: Artifacts,
    /// By hash; the newest use counts.
    loaded: Mutex<BTreeMap<String, (u64, Arc<Artifact>)>>,
    logging: Arc<Semaphore>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PredictQuery {
    /// `stored`: answer once the log has it.
    #[param(inline)]
    wait: Option<Wait>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    Stored,
}

/// One row, or some.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"features": {"amount": 129.9, "device": "web"}, "segment": {"region": "kr"}}))]
pub struct Question {
    /// Numbers, texts, booleans and null by name.
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    features: Option<Map<String, Value>>,
    /// Minted here if left out.
    #[schema(schema_with = schema::name)]
    prediction_id: Option<String>,
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    segment: Option<Map<String, Value>>,
    /// Up to 1,000 rows, in place of the three above.
    rows: Option<Vec<QuestionRow>>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuestionRow {
    /// Numbers, texts, booleans and null by name.
    #[schema(value_type = BTreeMap<String, Value>)]
    features: Map<String, Value>,
    #[schema(schema_with = schema::name)]
    prediction_id: Option<String>,
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    segment: Option<Map<String, Value>>,
}

/// What a model says.
#[derive(Debug, Serialize, ToSchema)]
pub struct PredictAnswer {
    model: String,
    /// As its predictions name it, such as `r3`.
    model_version: String,
    /// Of the only row; absent where rows were asked.
    #[serde(flatten)]
    only: Option<PredictRow>,
    /// In the order of the rows that were asked; absent for a single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<PredictRow>>,
    /// Seconds that the model took.
    response_time: f64,
    /// Whether the answers are in the log, or on their way there.
    logged: bool,
    /// Features that the model does not know, which were left alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown_features: Vec<String>,
    /// Features of the model that were absent, which count as missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing_features: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PredictRow {
    prediction_id: String,
    /// A class, or a quantity.
    prediction: Value,
    /// Of the class; null for a quantity.
    confidence: Option<f64>,
    /// By class; empty for a quantity.
    scores: BTreeMap<String, f64>,
}

/// Predict
///
/// Asks the version that serves, and logs what it says. Without the log, or where too much is on its way there, it answers all the same, with
/// `logged` false.
#[utoipa::path(
    post, path = "/api/v1/models/{model}/predict", tag = "serving", request_body = Question,
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`"), PredictQuery),
    responses(
        (status = 200, description = "What the model says", body = PredictAnswer, example = json!({"model": "fraud", "model_version": "r3",
            "prediction_id": "fraud_170531220000000000000000000000001", "prediction": "fraud", "confidence": 0.93,
            "scores": {"fraud": 0.93, "ok": 0.07}, "response_time": 0.0002, "logged": true})),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The model is served elsewhere: no version that was trained here serves", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A feature of the wrong type, by its pointer, no row, or more than 1,000", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The artifact cannot be read, or with `wait=stored` the log cannot take it", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn predict(
    State(shared): State<Arc<Shared>>,
    Path(Step(name)): Path<Step>,
    Query(PredictQuery { wait }): Query<PredictQuery>,
    Json(question): Json<Question>,
) -> Result<Json<PredictAnswer>, Problem> {
    let view = shared.view();
    let model = find(&view, &name)?;
    let version = view.retraining.book(model.id).and_then(|book| book.version(book.champion?));
    let version = version.ok_or_else(|| not_served_here(&name))?;
    let artifact = shared.serving.get(&shared, &version.trained.artifact).await?;
    let number = shown(version.number);
    let (rows, is_single) = question.rows()?;
    let features: Vec<Features> =
        rows.iter().enumerate().map(|(place, row)| read(&artifact, row, place, is_single)).collect::<Result<_, _>>()?;

    let began = Instant::now();
    let answers = if rows.len() <= 16 {
        said(&artifact, &features)
    } else {
        let (artifact, features) = (Arc::clone(&artifact), features.clone());
        shared.making(move || said(&artifact, &features)).await?
    };
    let response_time = began.elapsed().as_secs_f64();
    let each = response_time / rows.len() as f64;
    let at = clock::now();
    let told: Vec<PredictRow> = rows
        .iter()
        .zip(answers)
        .map(|(row, answer)| {
            let id = row.prediction_id.clone().unwrap_or_else(|| shared.mint.id(&name, at.millis()));
            PredictRow::of(id, answer, artifact.task.classes().unwrap_or_default())
        })
        .collect();
    let records: Vec<Value> =
        rows.iter().zip(&told).map(|(row, told)| record(&name, &number, row, told, each, &at.to_string())).collect();
    let logged = log(&shared, records, wait.is_some()).await?;
    let (unknown_features, missing_features) = strangers(&artifact, &rows);
    let (only, rows) = if is_single { (told.into_iter().next(), None) } else { (None, Some(told)) };
    let model = name.clone();
    Ok(Json(PredictAnswer {
        model,
        model_version: number,
        only,
        rows,
        response_time,
        logged,
        unknown_features,
        missing_features,
    }))
}

fn not_served_here(name: &str) -> Problem {
    let detail = format!("{name:?} is served elsewhere: no version that was trained here has been promoted");
    Problem::new(axum::http::StatusCode::CONFLICT, "not-served-here", detail)
}

/// Logs answers: in the background, or with `wait` before it returns. False if they are not.
async fn log(shared: &Arc<Shared>, records: Vec<Value>, wait: bool) -> Result<bool, Problem> {
    let body = Bytes::from(Value::Array(records).to_string());
    let headers = Headers::new().with("Content-Type", "application/json").map_err(refusal)?;
    let door = shared.app.door.clone();
    if wait {
        door.publish(Kind::Prediction, &own_source(), headers, body).await.map_err(refusal)?;
        return Ok(true);
    }
    let place = Arc::clone(&shared.serving.logging).try_acquire_owned();
    let (Ok(place), true) = (place, shared.app.log.borrow().connected) else {
        telemetry::PREDICTIONS_NOT_LOGGED.add(1);
        return Ok(false);
    };
    tokio::spawn(async move {
        let _place = place;
        if let Err(error) = door.publish(Kind::Prediction, &own_source(), headers, body).await {
            telemetry::PREDICTIONS_NOT_LOGGED.add(1);
            tracing::warn!(target: "retraining", error = %chain(&error), "an answer was given and is not in the log");
        }
    });
    Ok(true)
}

/// What a row becomes in the log.
fn record(model: &str, version: &str, row: &QuestionRow, told: &PredictRow, seconds: f64, at: &str) -> Value {
    let mut record = json!({
        "prediction_id": told.prediction_id, "model": model, "model_version": version, "at": at, "features": row.features,
        "prediction": told.prediction, "response_time": seconds,
    });
    if let Some(confidence) = told.confidence {
        record["confidence"] = confidence.into();
        record["scores"] = json!(told.scores);
    }
    if let Some(segment) = &row.segment {
        record["segment"] = json!(segment);
    }
    record
}

fn said(artifact: &Artifact, features: &[Features]) -> Vec<Answer> {
    let (ready, mut room) = (artifact.learner.ready(), Room::default());
    features.iter().map(|features| answer(artifact, &ready, features, &mut room)).collect()
}

/// The features of a row as the model takes them.
fn read(artifact: &Artifact, row: &QuestionRow, place: usize, is_single: bool) -> Result<Features, Problem> {
    let bad = |name: &str, what: &str| {
        let escaped = name.replace('~', "~0").replace('/', "~1");
        let pointer = if is_single { format!("/features/{escaped}") } else { format!("/rows/{place}/features/{escaped}") };
        Problem::unprocessable("bad-feature", format!("feature {name:?} is {what}")).with("pointer", pointer)
    };
    row.features
        .iter()
        .map(|(name, value)| {
            let feature = match value {
                Value::Null => Feature::Missing,
                Value::Bool(flag) => Feature::flag(*flag),
                Value::Number(number) => match number.as_f64().filter(|number| number.is_finite()) {
                    Some(number) => Feature::Number(number),
                    None => return Err(bad(name, "no finite number")),
                },
                Value::String(text) => Feature::text(text),
                Value::Array(_) | Value::Object(_) => return Err(bad(name, "no number, text, boolean or null")),
            };
            if artifact.features.takes_number(name) && matches!(feature, Feature::Category(_)) {
                return Err(bad(name, "a text, and the model has learnt numbers"));
            }
            Ok((CompactString::from(name.as_str()), feature))
        })
        .collect()
}

/// Features that the model does not know, and those of the model that no row has.
fn strangers(artifact: &Artifact, rows: &[QuestionRow]) -> (Vec<String>, Vec<String>) {
    let known: Vec<&str> = artifact.features.inputs().collect();
    let mut unknown: Vec<String> = rows.iter().flat_map(|row| row.features.keys()).cloned().collect();
    unknown.sort_unstable();
    unknown.dedup();
    unknown.retain(|name| !known.contains(&name.as_str()));
    let is_absent = |name: &&str| rows.iter().any(|row| !row.features.contains_key(*name));
    let missing = known.iter().copied().filter(|name| is_absent(name)).map(str::to_owned).collect();
    (unknown, missing)
}

impl Question {
    /// The rows that are asked, and whether it is a single one.
    fn rows(self) -> Result<(Vec<QuestionRow>, bool), Problem> {
        match self {
            Self { features: Some(features), prediction_id, segment, rows: None } => {
                Ok((vec![QuestionRow { features, prediction_id, segment }], true))
            }
            Self { features: None, prediction_id: None, segment: None, rows: Some(rows) } => match rows.len() {
                1..=ROWS_MAX => Ok((rows, false)),
                count => {
                    let detail = format!("1 to {ROWS_MAX} rows are asked at once, not {count}");
                    Err(Problem::unprocessable("bad-rows", detail).with("pointer", "/rows"))
                }
            },
            _ => Err(Problem::unprocessable("bad-question", "give features, or rows of them, and not both")),
        }
    }
}

impl PredictRow {
    fn of(prediction_id: String, answer: Answer, classes: &[String]) -> Self {
        match answer {
            Answer::Quantity(quantity) => {
                Self { prediction_id, prediction: quantity.into(), confidence: None, scores: BTreeMap::new() }
            }
            Answer::Class(class, shares) => Self {
                prediction_id,
                prediction: classes[class].as_str().into(),
                confidence: Some(shares[class].clamp(0.0, 1.0)),
                scores: classes.iter().cloned().zip(shares.into_iter().map(|share| share.clamp(0.0, 1.0))).collect(),
            },
        }
    }
}

impl Serving {
    pub fn new(artifacts: Artifacts) -> Self {
        Self { artifacts, loaded: Mutex::default(), logging: Arc::new(Semaphore::new(LOGGING_MAX)) }
    }

    /// The model of that hash, read and verified once.
    async fn get(&self, shared: &Shared, hash: &str) -> Result<Arc<Artifact>, Problem> {
        if let Some(found) = self.find(hash) {
            return Ok(found);
        }
        let (artifacts, wanted) = (self.artifacts.clone(), hash.to_owned());
        let read = shared.blocking(move || {
            let bytes = artifacts.get(&wanted).map_err(|error| unreadable(&chain(&error).to_string()))?;
            Artifact::from_bytes(&bytes).map_err(|error| unreadable(&error.to_string()))
        });
        let artifact = Arc::new(read.await?);
        let mut loaded = self.loaded.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let newest = loaded.values().map(|(used, _)| *used).max().unwrap_or_default();
        if LOADED_MAX <= loaded.len()
            && let Some(oldest) = loaded.iter().min_by_key(|(_, (used, _))| *used).map(|(hash, _)| hash.clone())
        {
            loaded.remove(&oldest);
        }
        loaded.insert(hash.to_owned(), (newest + 1, Arc::clone(&artifact)));
        Ok(artifact)
    }

    fn find(&self, hash: &str) -> Option<Arc<Artifact>> {
        let loaded = self.loaded.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        loaded.get(hash).map(|(_, artifact)| Arc::clone(artifact))
    }
}

fn unreadable(detail: &str) -> Problem {
    Problem::unavailable("artifact-unreadable", format!("the model that serves cannot be read: {detail}"), 30)
}
