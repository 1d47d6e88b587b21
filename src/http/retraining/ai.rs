//! `/api/ai/retrain/…`: the endpoints of the model-monitoring requirement (B7), with its names and fields.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::event::command;
use crate::event::{Command, Kind};
use crate::http::models::find;
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::schema;
use crate::http::shared::Shared;
use crate::monitor::retraining::Retraining;
use crate::monitor::retraining::job::{Job, State as JobState};
use crate::view::View;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().of_view(routes!(status)).with(command::retraining::ROLE_TO_DECIDE, routes!(manual))
}

/// Jobs that have ended and are listed, newest first.
const RECENT: usize = 20;

#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true, "active_tasks": 1, "completed_tasks": 15, "config": {"auto_retrain_enabled": true,
    "drift_threshold": 0.2, "performance_threshold": 0.7, "max_concurrent_tasks": 2, "retrain_interval_hours": 24.0, "backup_models": true},
    "active_tasks_detail": [{"model_name": "sales_forecast", "progress": 65.0, "estimated_time": 8, "reason": "model_drift"}],
    "recent_completed": [{"model_name": "inventory_prediction", "status": "completed", "completed_at": "2026-01-14T16:30:00Z",
    "result": {"success": true, "accuracy": 0.88, "training_samples": 500, "training_time": 420.5}}]}))]
pub struct RetrainStatus {
    success: bool,
    /// Jobs that run or wait.
    active_tasks: usize,
    /// Jobs that have ended, whatever came of them.
    completed_tasks: u64,
    config: RetrainSettings,
    active_tasks_detail: Vec<ActiveTask>,
    /// The 20 most recent, newest first.
    recent_completed: Vec<EndedTask>,
}

/// The part of the policy that the requirement names here.
#[derive(Debug, Serialize, ToSchema)]
pub struct RetrainSettings {
    auto_retrain_enabled: bool,
    drift_threshold: f64,
    performance_threshold: f64,
    max_concurrent_tasks: u32,
    retrain_interval_hours: f64,
    backup_models: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ActiveTask {
    model_name: String,
    /// 0 to 100.
    progress: f64,
    /// Whole minutes left; null before there is a guess.
    estimated_time: Option<u64>,
    /// manual, performance, model_drift or scheduled.
    reason: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct EndedTask {
    model_name: String,
    /// completed, failed, rejected (a model was trained and is not wanted) or cancelled.
    status: &'static str,
    completed_at: Option<String>,
    result: EndedResult,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct EndedResult {
    success: bool,
    /// Of the new model on the hold-out; null if none was trained.
    accuracy: Option<f64>,
    training_samples: Option<u64>,
    /// Seconds.
    training_time: Option<f64>,
}

/// A model to train anew.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"model_name": "sales_forecast"}))]
pub struct ManualRetrain {
    #[schema(schema_with = schema::model_name)]
    model_name: Value,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true, "model_name": "sales_forecast", "job_id": "1024-0", "state": "running"}))]
pub struct ManualAnswer {
    success: bool,
    model_name: String,
    job_id: String,
    /// queued, running, or already_queued if the model had a job before.
    state: &'static str,
}

/// Retraining status
#[utoipa::path(
    get, path = "/api/ai/retrain/status", tag = "ai monitoring",
    responses((status = 200, description = "What is being trained, and what was", body = RetrainStatus))
)]
pub async fn status(Extension(view): Extension<Arc<View>>) -> Json<RetrainStatus> {
    Json(RetrainStatus::of(&view))
}

/// Retrain a model
///
/// Queues a job, which runs at once if there is room. A model has one job at a time.
#[utoipa::path(
    post, path = "/api/ai/retrain/manual", tag = "ai monitoring", request_body = ManualRetrain,
    responses(
        (status = 200, description = "The job of the model", body = ManualAnswer),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "No model named, or too many jobs wait", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn manual(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Json(ManualRetrain { model_name }): Json<ManualRetrain>,
) -> Result<Json<ManualAnswer>, Problem> {
    let named = match &model_name {
        Value::String(name) if !name.is_empty() => name.clone(),
        _ => {
            let detail = "model_name is a text that is not empty";
            return Err(Problem::unprocessable("bad-name", detail).with("pointer", "/model_name"));
        }
    };
    let model = find(&view, &named)?;
    let before = view.retraining.open_of(model.id).map(|job| job.id);
    let (_, view) = shared.accepted(Kind::Command, &Command::Retrain { model: model.name.clone() }).await?;
    // it may have ended already, or its model may be gone
    let newest = view.retraining.jobs.values().rev().find(|job| job.model_id == model.id);
    let job = view.retraining.open_of(model.id).or_else(|| newest.map(|job| &***job));
    let job = job.ok_or_else(|| Problem::unknown_model(&named))?;
    let state = if before == Some(job.id) { "already_queued" } else { job.state.as_str() };
    Ok(Json(ManualAnswer { success: true, model_name: named, job_id: job.id.to_string(), state }))
}

impl RetrainStatus {
    fn of(view: &View) -> Self {
        let Retraining { ledger, jobs, .. } = &view.retraining;
        let open = view.retraining.open();
        let mut ended: Vec<&Job> = jobs.values().map(|job| &***job).filter(|job| !job.state.is_open()).collect();
        ended.sort_by_key(|job| std::cmp::Reverse((job.finished_at, job.id)));
        let policy = &ledger.policy;
        Self {
            success: true,
            active_tasks: open.len(),
            completed_tasks: ledger.completed + ledger.rejected + ledger.failed + ledger.cancelled,
            config: RetrainSettings {
                auto_retrain_enabled: policy.auto_retrain_enabled,
                drift_threshold: policy.drift_threshold,
                performance_threshold: policy.performance_threshold,
                max_concurrent_tasks: policy.max_concurrent_tasks,
                retrain_interval_hours: policy.retrain_interval_hours,
                backup_models: policy.backup_models,
            },
            active_tasks_detail: open.into_iter().map(|job| ActiveTask::of(view, job)).collect(),
            recent_completed: ended.into_iter().take(RECENT).map(EndedTask::of).collect(),
        }
    }
}

/// A guess of the whole minutes left.
pub fn minutes_left(view: &View, job: &Job) -> Option<u64> {
    let before = view.retraining.book(job.model_id).and_then(|book| book.seconds);
    job.seconds_left(view.log_time, before).map(|seconds| (seconds / 60.0).ceil() as u64)
}

impl ActiveTask {
    fn of(view: &View, job: &Job) -> Self {
        Self {
            model_name: job.model.to_string(),
            progress: job.progress,
            estimated_time: minutes_left(view, job),
            reason: job.causes[0].as_str(),
        }
    }
}

impl EndedTask {
    fn of(job: &Job) -> Self {
        Self {
            model_name: job.model.to_string(),
            status: job.state.as_str(),
            completed_at: job.finished_at.map(|at| at.to_string()),
            result: EndedResult {
                success: job.state == JobState::Completed,
                accuracy: job.outcome.and_then(|outcome| outcome.accuracy),
                training_samples: job.outcome.map(|outcome| outcome.rows),
                training_time: job.outcome.map(|outcome| outcome.seconds),
            },
        }
    }
}
