//! Trained versions of a model: how they compare, and which of them serves.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::event::command;
use crate::event::{Command, Kind, Measured};
use crate::http::auth::Caller;
use crate::http::models::find;
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::http::step::Step;
use crate::monitor::model::Model;
use crate::monitor::retraining::book::{Book, Decision, Standing, Version, Watch, shown};
use crate::stats::promotion::{ALPHA, RETURN_EVIDENCE, threshold};
use crate::view::View;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default()
        .of_view(routes!(comparison))
        .with(command::retraining::ROLE_TO_DECIDE, routes!(promote))
        .with(command::retraining::ROLE_TO_DECIDE, routes!(roll_back))
        .with(command::retraining::ROLE_TO_DECIDE, routes!(pin))
}

/// A figure with its interval of 95 %.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeasuredFigure {
    value: f64,
    low: Option<f64>,
    high: Option<f64>,
    n: u64,
}

/// Evidence that one model is better than another on the same inputs. It starts at 1 and is compared with the threshold after each label.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvidenceFigures {
    value: f64,
    threshold: f64,
    /// Labels that it rests on.
    labels: u64,
    /// The loss of the champion less that of the other, on the average; null without labels.
    mean_advantage: Option<f64>,
    /// A guess of the labels that are missing; null where evidence does not grow.
    labels_left: Option<u64>,
}

/// A version that was trained.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrainedVersion {
    /// As predictions of it name it: `r1`, `r2`, …
    version: String,
    /// challenger, proposed, champion, previous, retired, rejected, superseded or rolled_back.
    standing: &'static str,
    /// Log time.
    made_at: String,
    job_id: String,
    /// BLAKE3 of the artifact.
    artifact: String,
    /// Whether the artifact is kept: of versions that never served those of the last ten are.
    kept: bool,
    bytes: u64,
    algorithm: String,
    #[schema(value_type = BTreeMap<String, serde_json::Value>)]
    parameters: serde_json::Map<String, serde_json::Value>,
    rows: u64,
    holdout_rows: u64,
    from_seq: u64,
    through_seq: u64,
    seed: u64,
    /// BLAKE3 of the training rows.
    data_hash: String,
    code_version: String,
    /// The champion when it was trained; null of a model that is served elsewhere.
    parent: Option<String>,
    /// On the hold-out, by metric.
    metrics: BTreeMap<String, MeasuredFigure>,
    /// Of what the log says was answered, on the same rows.
    champion_metrics: BTreeMap<String, MeasuredFigure>,
    evidence: EvidenceFigures,
    /// Why it is not wanted.
    objections: Vec<ObjectionFigure>,
    segments: Vec<SegmentFigures>,
    /// The rise of the loss without a feature, the largest first.
    importance: Vec<ImportanceFigure>,
    warnings: Vec<String>,
    /// When it served, in log time; the last end is null while it does.
    served: Vec<Service>,
    training_seconds: f64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ObjectionFigure {
    /// calibration, segment, latency, size or worse.
    code: String,
    detail: String,
}

/// The mean losses of both on the hold-out rows of one segment value.
#[derive(Debug, Serialize, ToSchema)]
pub struct SegmentFigures {
    name: String,
    value: String,
    rows: u64,
    champion_loss: f64,
    challenger_loss: f64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ImportanceFigure {
    feature: String,
    value: f64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Service {
    from: String,
    to: Option<String>,
}

/// Something that was decided about who serves.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionFigure {
    at: String,
    /// promoted, rolled_back, rejected, proposed, confirmed, superseded, pinned or unpinned.
    decision: &'static str,
    from: Option<String>,
    to: Option<String>,
    /// Who published the command; null where evidence decided.
    by: Option<String>,
    why: String,
}

/// Who serves a model, who would like to, and who served before.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"model": "fraud", "champion": "r3", "pinned": false, "challengers": [], "watch": {"previous": "r2",
    "since": "2026-01-01T00:20:31Z", "evidence": {"value": 0.4, "threshold": 20.0, "labels": 812, "mean_advantage": -0.019,
    "labels_left": null}, "proposed": null}, "cool_until": null, "passed_over": 0, "decisions": [{"at": "2026-01-01T00:20:31Z",
    "decision": "promoted", "from": "r2", "to": "r3", "by": null, "why": "evidence 143.2 of 100 over 1840 labels"}]}))]
pub struct ComparisonAnswer {
    model: String,
    /// The version that serves; null of a model that is served elsewhere.
    champion: Option<String>,
    pinned: bool,
    /// Versions that are compared with the champion now.
    challengers: Vec<TrainedVersion>,
    /// The champion before, while the new one is watched.
    watch: Option<WatchFigures>,
    /// Nothing begins by itself before this log time.
    cool_until: Option<String>,
    /// Causes of a training that were passed over while the model cooled down.
    passed_over: u64,
    /// Newest first.
    decisions: Vec<DecisionFigure>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct WatchFigures {
    /// Null of one that is served elsewhere: it cannot be asked, so nothing goes back by itself.
    previous: Option<String>,
    since: String,
    /// That the one before is better; at the threshold it comes back.
    evidence: EvidenceFigures,
    /// Why the way back is proposed, where a person decided for the champion.
    proposed: Option<String>,
}

/// A version to serve.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"version": "r2"}))]
pub struct Promotion {
    version: String,
}

/// Where to go back to.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": "r1"}))]
pub struct Rollback {
    /// The one before the champion if left out.
    to: Option<String>,
}

/// Whether the champion stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"pinned": true}))]
pub struct Pin {
    pinned: bool,
}

/// Comparison of trained versions
///
/// Who serves, and how those that would like to compare on the same inputs. A model of which nothing was trained has no challengers.
#[utoipa::path(
    get, path = "/api/v1/models/{model}/comparison", tag = "retraining",
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`")),
    responses(
        (status = 200, description = "The comparison", body = ComparisonAnswer),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn comparison(
    Extension(view): Extension<Arc<View>>,
    Path(Step(name)): Path<Step>,
) -> Result<Json<ComparisonAnswer>, Problem> {
    let model = find(&view, &name)?;
    Ok(Json(ComparisonAnswer::of(&view, &model)))
}

/// Promote a version
///
/// It takes the champion's place, and the one before goes on as its shadow. Without evidence that it is better only an admin may.
#[utoipa::path(
    post, path = "/api/v1/models/{model}/promote", tag = "retraining", request_body = Promotion,
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`")),
    responses(
        (status = 200, description = "Who serves now", body = ComparisonAnswer),
        (status = 403, description = "The version is not proposed, and the token is no admin's", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "No such version, or its artifact is not kept", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn promote(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Extension(caller): Extension<Caller>,
    Path(Step(name)): Path<Step>,
    Json(Promotion { version }): Json<Promotion>,
) -> Result<Json<ComparisonAnswer>, Problem> {
    let model = find(&view, &name)?;
    let number = number_of(&version, "/version")?;
    let standing = view.retraining.book(model.id).and_then(|book| book.version(number)).map(|version| version.standing);
    let is_proved = standing.is_none_or(|standing| standing == Standing::Proposed);
    if !is_proved && caller.role < crate::event::Role::Admin {
        let detail = format!("{version} is not proposed: nothing proves that it is better, so only an admin may promote it");
        return Err(Problem::forbidden(detail));
    }
    decided(&shared, &model, Command::PromoteVersion { model: model.name.clone(), version: number }).await
}

/// Roll back
///
/// The version before, or the one that is named, takes the champion's place at once. That pair is not armed again, and the model cools down.
#[utoipa::path(
    post, path = "/api/v1/models/{model}/rollback", tag = "retraining", request_body = Rollback,
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`")),
    responses(
        (status = 200, description = "Who serves now", body = ComparisonAnswer),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Nothing served before, no such version, or its artifact is not kept", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn roll_back(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(Step(name)): Path<Step>,
    Json(Rollback { to }): Json<Rollback>,
) -> Result<Json<ComparisonAnswer>, Problem> {
    let model = find(&view, &name)?;
    let to = to.map(|to| number_of(&to, "/to")).transpose()?;
    decided(&shared, &model, Command::RollBackModel { model: model.name.clone(), to }).await
}

/// Pin the champion
///
/// While it is pinned nothing takes its place by itself; what would is proposed.
#[utoipa::path(
    post, path = "/api/v1/models/{model}/pin", tag = "retraining", request_body = Pin,
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`")),
    responses(
        (status = 200, description = "Who serves", body = ComparisonAnswer),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn pin(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(Step(name)): Path<Step>,
    Json(Pin { pinned }): Json<Pin>,
) -> Result<Json<ComparisonAnswer>, Problem> {
    let model = find(&view, &name)?;
    decided(&shared, &model, Command::PinModel { model: model.name.clone(), pinned }).await
}

async fn decided(shared: &Shared, model: &Model, command: Command) -> Result<Json<ComparisonAnswer>, Problem> {
    let (_, view) = shared.accepted(Kind::Command, &command).await?;
    Ok(Json(ComparisonAnswer::of(&view, model)))
}

/// The number of a version as it is shown.
pub fn number_of(version: &str, pointer: &str) -> Result<u32, Problem> {
    let number = version.strip_prefix('r').and_then(|number| number.parse().ok()).filter(|number| shown(*number) == version);
    number.ok_or_else(|| {
        Problem::unprocessable("bad-version", format!("{version:?} is no trained version, such as r2")).with("pointer", pointer)
    })
}

/// The versions of a model, newest first.
pub fn trained(view: &View, model: u32) -> Vec<TrainedVersion> {
    let Some(book) = view.retraining.book(model) else { return Vec::new() };
    book.versions.iter().rev().map(|version| TrainedVersion::of(book, version)).collect()
}

impl ComparisonAnswer {
    fn of(view: &View, model: &Model) -> Self {
        let book = view.retraining.book(model.id);
        let cools = book.map(|book| book.cool_until).filter(|until| view.log_time < *until);
        Self {
            model: model.name.to_string(),
            champion: book.and_then(|book| book.champion).map(shown),
            pinned: book.is_some_and(|book| book.pinned),
            challengers: book
                .map(|book| book.challengers().map(|version| TrainedVersion::of(book, version)).collect())
                .unwrap_or_default(),
            watch: book.and_then(|book| book.watch.as_ref()).map(WatchFigures::of),
            cool_until: cools.map(|until| until.to_string()),
            passed_over: book.map_or(0, |book| book.passed_over),
            decisions: book.map(|book| book.decisions.iter().rev().map(DecisionFigure::of).collect()).unwrap_or_default(),
        }
    }
}

impl WatchFigures {
    fn of(watch: &Watch) -> Self {
        let proposed = watch.proposed.map(|why| format!("{why:?}").to_lowercase());
        Self {
            previous: watch.previous.map(shown),
            since: watch.since.to_string(),
            evidence: EvidenceFigures::of(watch.setback.evidence(), RETURN_EVIDENCE),
            proposed,
        }
    }
}

impl EvidenceFigures {
    fn of(evidence: &crate::stats::promotion::Evidence, threshold: f64) -> Self {
        Self {
            value: evidence.value(),
            threshold,
            labels: evidence.labels(),
            mean_advantage: evidence.mean(),
            labels_left: evidence.labels_left(threshold),
        }
    }
}

impl TrainedVersion {
    fn of(book: &Book, version: &Version) -> Self {
        let made = &version.trained;
        let metrics = |of: &BTreeMap<compact_str::CompactString, Measured>| {
            of.iter().map(|(name, measured)| (name.to_string(), MeasuredFigure::of(measured))).collect()
        };
        let segments = made.segments.iter().map(|segment| SegmentFigures {
            name: segment.name.to_string(),
            value: segment.value.to_string(),
            rows: segment.rows,
            champion_loss: segment.champion,
            challenger_loss: segment.challenger,
        });
        let objections = version.objections.iter();
        Self {
            version: shown(version.number),
            standing: version.standing.as_str(),
            made_at: version.made_at.to_string(),
            job_id: version.job.to_string(),
            artifact: made.artifact.to_string(),
            kept: version.kept,
            bytes: made.bytes,
            algorithm: made.algorithm.to_string(),
            parameters: made.parameters.clone(),
            rows: made.rows,
            holdout_rows: made.holdout,
            from_seq: version.range.0,
            through_seq: version.range.1,
            seed: version.seed,
            data_hash: made.data_hash.to_string(),
            code_version: made.code_version.to_string(),
            parent: version.parent.map(shown),
            metrics: metrics(&made.challenger),
            champion_metrics: metrics(&made.champion),
            evidence: EvidenceFigures::of(&version.evidence, threshold(ALPHA, book.challengers().count())),
            objections: objections
                .map(|objection| ObjectionFigure { code: objection.code.to_string(), detail: objection.detail.clone() })
                .collect(),
            segments: segments.collect(),
            importance: made
                .importance
                .iter()
                .map(|(feature, value)| ImportanceFigure { feature: feature.to_string(), value: *value })
                .collect(),
            warnings: made.warnings.clone(),
            served: version
                .served
                .iter()
                .map(|(from, to)| Service { from: from.to_string(), to: to.map(|to| to.to_string()) })
                .collect(),
            training_seconds: made.seconds,
        }
    }
}

impl MeasuredFigure {
    const fn of(measured: &Measured) -> Self {
        Self { value: measured.value, low: measured.low, high: measured.high, n: measured.n }
    }
}

impl DecisionFigure {
    fn of(decision: &Decision) -> Self {
        Self {
            at: decision.at.to_string(),
            decision: decision.what.as_str(),
            from: decision.from.map(shown),
            to: decision.to.map(shown),
            by: decision.by.as_ref().map(ToString::to_string),
            why: decision.why.clone(),
        }
    }
}
