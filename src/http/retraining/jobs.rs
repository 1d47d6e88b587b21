//! `/api/v1/retraining/jobs`: the jobs of retraining, one of them, and its end.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ai::minutes_left;
use utoipa_axum::routes;

use crate::event::command;
use crate::event::{Command, Kind, Trained};
use crate::http::page;
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::http::step::Step;
use crate::ids::EffectId;
use crate::monitor::retraining::book::shown;
use crate::monitor::retraining::job::{Job, State as JobState};
use crate::view::View;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().of_view(routes!(list)).of_view(routes!(show)).with(command::retraining::ROLE_TO_DECIDE, routes!(cancel))
}

/// A job of retraining. Instants are log time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"job_id": "1024-0", "model": "fraud", "state": "running", "reasons": ["model_drift"], "asked_by": null,
    "algorithm": "gradient_boosting", "stage": "train", "progress": 65.0, "estimated_time": 8, "attempt": 1,
    "queued_at": "2026-01-01T00:20:00Z", "started_at": "2026-01-01T00:20:01Z", "finished_at": null, "from_seq": 1, "through_seq": 1023,
    "backup": "r2", "version": null, "data": null, "trials": null, "error": null}))]
pub struct RetrainJob {
    job_id: String,
    model: String,
    /// queued, running, completed, failed, rejected or cancelled.
    state: &'static str,
    /// What asked for it first, and what has since: manual, performance, model_drift, scheduled.
    reasons: Vec<&'static str>,
    /// Who published the command; null where the policy asked.
    asked_by: Option<String>,
    algorithm: String,
    /// backup, data, features, search, train or evaluate.
    stage: &'static str,
    /// 0 to 100.
    progress: f64,
    /// Whole minutes left; null before there is a guess.
    estimated_time: Option<u64>,
    /// The newest attempt; 0 before the first.
    attempt: u32,
    queued_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
    /// First and last sequence of the log that is read.
    from_seq: Option<u64>,
    through_seq: Option<u64>,
    /// The champion that was secured; null if none was asked for, or of a model that is served elsewhere.
    backup: Option<String>,
    /// The version that was made.
    version: Option<String>,
    /// What that was trained from; null before there is one, and once its model is forgotten.
    data: Option<RetrainData>,
    /// Candidates that were tried; null without a search.
    trials: Option<u32>,
    /// Why it failed, or why its model is not wanted.
    error: Option<RetrainError>,
}

/// The rows that a version was trained from and compared on.
#[derive(Debug, Serialize, ToSchema)]
pub struct RetrainData {
    rows: u64,
    holdout_rows: u64,
    /// BLAKE3 of the training rows.
    hash: String,
    /// What is odd about them, such as columns that are constant or name each row.
    warnings: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RetrainError {
    /// Such as too_few_rows, one_class, class_too_small, leaking_feature, bad_parameters, worker_lost, worse or calibration.
    code: String,
    detail: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RetrainJobsQuery {
    /// Only those of this model.
    #[param(example = "fraud")]
    model: Option<String>,
    /// Only those in this state; `open` is queued or running, `ended` all others.
    #[param(example = "open", pattern = "^(open|ended|queued|running|completed|failed|rejected|cancelled)$")]
    state: Option<String>,
    /// 1 to 1,000; 100 if left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RetrainJobPage {
    position: u64,
    epoch: u64,
    /// The one that was asked for last comes first.
    items: Vec<RetrainJob>,
    next: Option<String>,
}

/// Jobs of retraining
///
/// Those that wait or run, and the newest 200 that have ended.
#[utoipa::path(
    get, path = "/api/v1/retraining/jobs", tag = "retraining", params(RetrainJobsQuery),
    responses(
        (status = 200, description = "A page of jobs", body = RetrainJobPage,
         example = json!({"position": 1030, "epoch": 1, "items": [{"job_id": "1024-0", "model": "fraud", "state": "completed", "reasons": ["model_drift"], "asked_by": null,
            "algorithm": "gradient_boosting", "stage": "evaluate", "progress": 100.0, "estimated_time": null, "attempt": 1, "queued_at": "2026-01-01T00:20:00Z",
            "started_at": "2026-01-01T00:20:01Z", "finished_at": "2026-01-01T00:20:31Z", "from_seq": 1, "through_seq": 1023, "backup": "r2", "version": "r3",
            "data": {"rows": 2400, "holdout_rows": 600, "hash": "5f8a1c0e9d7b42c6a3e1f0d9c8b7a6958473625140fedcba9876543210abcdef", "warnings": []}, "trials": null, "error": null}], "next": null})),
        (status = 400, description = "A bad state, limit or cursor", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    Extension(view): Extension<Arc<View>>,
    Query(query): Query<RetrainJobsQuery>,
) -> Result<Json<RetrainJobPage>, Problem> {
    let wanted = Wanted::of(&query)?;
    let limit = page::limit(query.limit)?;
    let before = query.cursor.as_deref().map(|cursor| EffectId::parse(cursor).ok_or_else(page::bad_cursor)).transpose()?;
    let jobs = view.retraining.jobs.values().rev().map(|job| &***job);
    let mut found = jobs.filter(|job| before.is_none_or(|before| job.id < before) && wanted.holds(job));
    let items: Vec<&Job> = found.by_ref().take(limit).collect();
    let next = items.last().filter(|_| found.next().is_some()).map(|last| last.id.to_string());
    let items = items.into_iter().map(|job| RetrainJob::of(&view, job)).collect();
    Ok(Json(RetrainJobPage { position: view.position, epoch: view.epoch, items, next }))
}

/// What a list is asked for.
struct Wanted<'q> {
    model: Option<&'q str>,
    state: Option<&'q str>,
}

impl<'q> Wanted<'q> {
    fn of(query: &'q RetrainJobsQuery) -> Result<Self, Problem> {
        let RetrainJobsQuery { model, state, .. } = query;
        if let Some(state) = state
            && !["open", "ended"].contains(&state.as_str())
            && !JobState::ALL.iter().any(|known| known.as_str() == state)
        {
            let known = JobState::ALL.map(JobState::as_str).join(", ");
            return Err(Problem::bad_request("bad-state", format!("state is open, ended, {known}, not {state:?}")));
        }
        Ok(Self { model: model.as_deref(), state: state.as_deref() })
    }

    fn holds(&self, job: &Job) -> bool {
        let is_state = match self.state {
            None => true,
            Some("open") => job.state.is_open(),
            Some("ended") => !job.state.is_open(),
            Some(state) => job.state.as_str() == state,
        };
        is_state && self.model.is_none_or(|model| job.model.as_str() == model)
    }
}

/// A job of retraining
#[utoipa::path(
    get, path = "/api/v1/retraining/jobs/{job}", tag = "retraining",
    params(("job" = String, Path, description = "As it was given, such as `1024-0`")),
    responses(
        (status = 200, description = "The job", body = RetrainJob),
        (status = 404, description = "No such job, or not any more: the newest 200 that have ended are kept", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(Extension(view): Extension<Arc<View>>, Path(Step(id)): Path<Step>) -> Result<Json<RetrainJob>, Problem> {
    find(&view, &id).map(|job| Json(RetrainJob::of(&view, job)))
}

/// Cancel a job of retraining
///
/// A trainer that has it is ended. One that has ended stays as it is.
#[utoipa::path(
    post, path = "/api/v1/retraining/jobs/{job}/cancel", tag = "retraining",
    params(("job" = String, Path, description = "As it was given, such as `1024-0`")),
    responses(
        (status = 200, description = "The job as it is now", body = RetrainJob),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn cancel(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(Step(id)): Path<Step>,
) -> Result<Json<RetrainJob>, Problem> {
    let job = find(&view, &id)?.id;
    let (_, view) = shared.accepted(Kind::Command, &Command::CancelRetraining { job: job.to_string().into() }).await?;
    find(&view, &id).map(|job| Json(RetrainJob::of(&view, job)))
}

fn find<'a>(view: &'a View, id: &str) -> Result<&'a Job, Problem> {
    EffectId::parse(id)
        .and_then(|id| view.retraining.job(id))
        .ok_or_else(|| Problem::not_found("unknown-job", format!("there is no job {id:?} of retraining")))
}

/// A job of retraining as it is now; `None`: none has this id, or not any more.
pub(in crate::http) fn known(view: &View, id: &str) -> Option<RetrainJob> {
    find(view, id).ok().map(|job| RetrainJob::of(view, job))
}

impl RetrainData {
    fn of(trained: &Trained) -> Self {
        Self {
            rows: trained.rows,
            holdout_rows: trained.holdout,
            hash: trained.data_hash.to_string(),
            warnings: trained.warnings.clone(),
        }
    }
}

impl RetrainJob {
    fn of(view: &View, job: &Job) -> Self {
        let version = job.version.and_then(|number| view.retraining.book(job.model_id)?.version(number));
        let trained = version.map(|version| &version.trained);
        Self {
            job_id: job.id.to_string(),
            model: job.model.to_string(),
            state: job.state.as_str(),
            reasons: job.causes.iter().map(|cause| cause.as_str()).collect(),
            asked_by: job.asked_by.as_ref().map(ToString::to_string),
            algorithm: job.algorithm.to_string(),
            stage: job.stage.as_str(),
            progress: job.progress,
            estimated_time: if job.state.is_open() { minutes_left(view, job) } else { None },
            attempt: job.attempt,
            queued_at: job.queued_at.to_string(),
            started_at: job.started_at.map(|at| at.to_string()),
            finished_at: job.finished_at.map(|at| at.to_string()),
            from_seq: job.range.map(|(from, _)| from),
            through_seq: job.range.map(|(_, through)| through),
            backup: job.backup.as_ref().and_then(|backup| backup.version).map(shown),
            version: job.version.map(shown),
            data: trained.map(RetrainData::of),
            trials: trained.and_then(|trained| trained.trials),
            error: job.error.as_ref().map(|(code, detail)| RetrainError { code: code.to_string(), detail: detail.clone() }),
        }
    }
}
