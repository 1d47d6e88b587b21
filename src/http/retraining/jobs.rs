//! `/api/v1/retraining/jobs/…`: one job of retraining, and its end.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::ai::minutes_left;
use crate::event::{Command, Kind};
use crate::http::problem::Problem;
use crate::http::shared::Shared;
use crate::http::step::Step;
use crate::ids::EffectId;
use crate::monitor::retraining::book::shown;
use crate::monitor::retraining::job::Job;
use crate::view::View;

/// A job of retraining. Instants are log time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"job_id": "1024-0", "model": "fraud", "state": "running", "reasons": ["model_drift"], "asked_by": null,
    "algorithm": "gradient_boosting", "stage": "train", "progress": 65.0, "estimated_time": 8, "attempt": 1,
    "queued_at": "2026-01-01T00:20:00Z", "started_at": "2026-01-01T00:20:01Z", "finished_at": null, "from_seq": 1, "through_seq": 1023,
    "backup": "r2", "version": null, "error": null}))]
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
    /// Why it failed, or why its model is not wanted.
    error: Option<RetrainError>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RetrainError {
    /// Such as too_few_rows, one_class, class_too_small, leaking_feature, bad_parameters, worker_lost, worse or calibration.
    code: String,
    detail: String,
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

impl RetrainJob {
    fn of(view: &View, job: &Job) -> Self {
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
            error: job.error.as_ref().map(|(code, detail)| RetrainError { code: code.to_string(), detail: detail.clone() }),
        }
    }
}
