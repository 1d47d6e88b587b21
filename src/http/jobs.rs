//! `/api/v1/jobs` and `/api/v1/batches`: measured runs and retrainings, the batches they are part of, and jobs that are opened and closed over
//! the API.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::clock;
use crate::event::Kind;
use crate::event::Role;
use crate::event::command;
use crate::http::page;
use crate::http::problem::Problem;
use crate::http::retraining::jobs as retraining;
use crate::http::retraining::jobs::RetrainJob;
use crate::http::routes::Routes;
use crate::http::scopes::Refusal;
use crate::http::shared::Shared;
use crate::http::step::Step;
use crate::ids::Name;
use crate::machine::host;
use crate::monitor::jobs::{Batch, Job, JobKind, JobState};
use crate::monitor::kept::Kept;
use crate::view::View;
use crate::view::job::{BatchSummary, JobSummary};

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default()
        .of_view(routes!(list))
        .with(Role::Operator, routes!(begin))
        .of_view(routes!(show))
        .with(Role::Operator, routes!(finish))
        .with(command::retraining::ROLE_TO_DECIDE, routes!(cancel))
        .of_view(routes!(batch))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct JobsQuery {
    /// Only jobs whose id holds this text, whatever the case.
    q: Option<String>,
    /// Only those of this batch.
    batch: Option<String>,
    /// Only those of this host or service.
    source: Option<String>,
    /// Only those about this model.
    model: Option<String>,
    /// Only those in this state: RUNNING, COMPLETE, FAIL or ABORT.
    #[param(example = "FAIL", pattern = "^(RUNNING|COMPLETE|FAIL|ABORT)$")]
    state: Option<String>,
    /// Only those of this kind: run or retraining.
    #[param(example = "run", pattern = "^(run|retraining)$")]
    kind: Option<String>,
    /// 1 to 1,000; 100 if left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct BatchQuery {
    /// Jobs of the page: 1 to 1,000; 100 if left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct JobPage {
    position: u64,
    epoch: u64,
    /// The one that began last comes first.
    items: Vec<JobSummary>,
    next: Option<String>,
    /// Jobs that made room for newer ones and are in no list any more.
    dropped: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct JobAnswer {
    #[serde(flatten)]
    job: JobSummary,
    /// Of a retraining what it reads, how far it is and what came of it, while it is among the newest 200 that have ended; its `result` holds the
    /// lines of its log. Null of a run.
    retraining: Option<RetrainJob>,
    position: u64,
    epoch: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct BatchAnswer {
    #[serde(flatten)]
    batch: BatchSummary,
    /// Its jobs, each with what it has cost; the one that began last comes first.
    items: Vec<JobSummary>,
    next: Option<String>,
    position: u64,
    epoch: u64,
}

/// An object as what it describes; a list is none, though its values would have a field each.
fn read<T: DeserializeOwned>(body: Result<Json<Map<String, Value>>, JsonRejection>) -> Result<T, Problem> {
    let Json(body) = body.map_err(|error| Problem::unread_json(&error))?;
    serde_json::from_value(Value::Object(body)).map_err(|error| Problem::unprocessable("bad-job", error.to_string()))
}

/// A job that begins.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"job_id": "0001", "batch_id": "tonight", "model": "whisper", "pid": 4711}))]
pub struct JobBegun {
    /// Made of host, time and a counter if left out.
    job_id: Option<String>,
    batch_id: Option<String>,
    /// The process to measure, with all it starts; it runs on the host of this server. Left out: only time is measured, and whoever finishes the
    /// job may tell the figures.
    pid: Option<u32>,
    /// The host or service that the job runs on; this host if left out.
    source: Option<String>,
    model: Option<String>,
    model_version: Option<String>,
    /// What is run, for people.
    command: Option<String>,
    /// What it runs with, by name.
    #[schema(value_type = Option<Object>)]
    versions: Option<Map<String, Value>>,
}

/// A job that ends.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"result": {"words": 1207}}))]
pub struct JobFinished {
    /// COMPLETE, FAIL or ABORT; if left out FAIL where there is an error, and else COMPLETE.
    #[schema(pattern = "^(COMPLETE|FAIL|ABORT)$")]
    state: Option<String>,
    /// Why it failed.
    error: Option<String>,
    #[schema(value_type = Value)]
    result: Option<Value>,
    /// Any of the eight figures, where the caller has measured them itself.
    #[schema(value_type = Option<Object>)]
    performance: Option<Map<String, Value>>,
}

/// Jobs
///
/// Measured runs and retrainings, page by page. What has been reported last counts.
#[utoipa::path(
    get, path = "/api/v1/jobs", tag = "jobs", params(JobsQuery),
    responses(
        (status = 200, description = "A page of jobs", body = JobPage,
         example = json!({"position": 1024, "epoch": 1, "items": [{"id": "0001", "kind": "run", "state": "COMPLETE", "silent": false, "source": "gpu-01", "batch_id": "tonight", "run_id": "gpu-01-1767225600000-4711", "attempt": 1, "began_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:15.8Z", "seen_at": "2026-01-01T00:00:15.9Z", "performance": {"cpu_percent_avg": 45.3, "cpu_percent_max": 78.2, "ram_mb_avg": 2048.5, "ram_mb_peak": 3072.0, "gpu_vram_mb_current": 4096.0, "gpu_vram_mb_peak": 5120.0, "gpu_percent": 89.5, "processing_time_sec": 15.8}, "cpu_seconds": 7.16, "memory_source": "pss", "memory_peak_source": "pss", "exit_code": 0, "left_running": 0, "progress": null, "model": "whisper", "model_version": "3", "command": "python score.py 0001.wav", "error": null, "result": {"words": 1207}, "versions": {"tidewatch": "0.1.0"}}], "next": null, "dropped": 0})),
        (status = 400, description = "A bad filter, limit or cursor", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Query(query): Query<JobsQuery>,
) -> Result<Json<JobPage>, Problem> {
    let wanted = Wanted::of(&query)?;
    let (limit, before) = (page::limit(query.limit)?, query.cursor.as_deref().map(number_of).transpose()?);
    let page = shared.blocking(move || {
        let (items, next) = newest(&view, before, limit, |job| wanted.holds(job));
        Ok(JobPage { position: view.position, epoch: view.epoch, items, next, dropped: view.jobs_tally.jobs_dropped })
    });
    Ok(Json(page.await?))
}

/// One job
#[utoipa::path(
    get, path = "/api/v1/jobs/{job}", tag = "jobs",
    params(("job" = String, Path, description = "Its id, percent-encoded; `.` and `..` as `~.` and `~..`")),
    responses(
        (status = 200, description = "The job and what it has cost", body = JobAnswer,
         example = json!({"id": "0001", "kind": "run", "state": "COMPLETE", "silent": false, "source": "gpu-01", "batch_id": "tonight", "run_id": "gpu-01-1767225600000-4711", "attempt": 1, "began_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:15.8Z", "seen_at": "2026-01-01T00:00:15.9Z", "performance": {"cpu_percent_avg": 45.3, "cpu_percent_max": 78.2, "ram_mb_avg": 2048.5, "ram_mb_peak": 3072.0, "gpu_vram_mb_current": 4096.0, "gpu_vram_mb_peak": 5120.0, "gpu_percent": 89.5, "processing_time_sec": 15.8}, "cpu_seconds": 7.16, "memory_source": "pss", "memory_peak_source": "pss", "exit_code": 0, "left_running": 0, "progress": null, "model": "whisper", "model_version": "3", "command": "python score.py 0001.wav", "error": null, "result": {"words": 1207}, "versions": {"tidewatch": "0.1.0"}, "retraining": null, "position": 1024, "epoch": 1})),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(Extension(view): Extension<Arc<View>>, Path(Step(id)): Path<Step>) -> Result<Json<JobAnswer>, Problem> {
    let job = find(&view, &id)?;
    Ok(Json(JobAnswer::of(&job, &view)))
}

/// A batch
///
/// What its jobs have cost in sum, the slowest, the heaviest and the failed ones, and its jobs page by page.
#[utoipa::path(
    get, path = "/api/v1/batches/{batch}", tag = "jobs",
    params(("batch" = String, Path, description = "Its id, percent-encoded; `.` and `..` as `~.` and `~..`"), BatchQuery),
    responses(
        (status = 200, description = "The batch and a page of its jobs", body = BatchAnswer,
         example = json!({"id": "tonight", "totals": {"jobs": 1, "running": 0, "complete": 1, "failed": 0, "aborted": 0, "dropped": 0, "began_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:15.8Z", "processing_time_sec": 15.8, "processing_time_sec_avg": 15.8, "cpu_seconds": 7.16, "cpu_percent_avg": 45.3, "cpu_percent_max": 78.2, "ram_mb_avg": 2048.5, "ram_mb_peak": 3072.0, "gpu_percent": 89.5, "gpu_vram_mb_peak": 5120.0}, "slowest": [{"id": "0001", "value": 15.8}], "heaviest": [{"id": "0001", "value": 3072.0}], "failed": [], "items": [{"id": "0001", "kind": "run", "state": "COMPLETE", "silent": false, "source": "gpu-01", "batch_id": "tonight", "run_id": "gpu-01-1767225600000-4711", "attempt": 1, "began_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:15.8Z", "seen_at": "2026-01-01T00:00:15.9Z", "performance": {"cpu_percent_avg": 45.3, "cpu_percent_max": 78.2, "ram_mb_avg": 2048.5, "ram_mb_peak": 3072.0, "gpu_vram_mb_current": 4096.0, "gpu_vram_mb_peak": 5120.0, "gpu_percent": 89.5, "processing_time_sec": 15.8}, "cpu_seconds": 7.16, "memory_source": "pss", "memory_peak_source": "pss", "exit_code": 0, "left_running": 0, "progress": null, "model": "whisper", "model_version": "3", "command": "python score.py 0001.wav", "error": null, "result": {"words": 1207}, "versions": {"tidewatch": "0.1.0"}}], "next": null, "position": 1024, "epoch": 1})),
        (status = 400, description = "A bad limit or cursor", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such batch", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn batch(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(Step(id)): Path<Step>,
    Query(query): Query<BatchQuery>,
) -> Result<Json<BatchAnswer>, Problem> {
    let found: Option<Arc<Kept<Batch>>> = view.batches.get(id.as_str()).cloned();
    let batch = found.ok_or_else(|| {
        Problem::not_found(
            "unknown-batch",
            format!("there is no batch {id:?}; the jobs of GET /api/v1/jobs name those there are"),
        )
    })?;
    let (limit, before) = (page::limit(query.limit)?, query.cursor.as_deref().map(number_of).transpose()?);
    let answer = shared.blocking(move || {
        let (items, next) = newest(&view, before, limit, |job| job.batch.as_ref() == Some(&batch.id));
        Ok(BatchAnswer { batch: BatchSummary::of(&batch, &view), items, next, position: view.position, epoch: view.epoch })
    });
    Ok(Json(answer.await?))
}

/// Begin a job
///
/// A scope: from now on until it is finished the job is measured every half second, if it names a process of this host. Answers once the job is
/// shown.
#[utoipa::path(
    post, path = "/api/v1/jobs", tag = "jobs", request_body = JobBegun,
    responses(
        (status = 201, description = "It has begun", body = JobAnswer,
         example = json!({"id": "0001", "kind": "run", "state": "COMPLETE", "silent": false, "source": "gpu-01", "batch_id": "tonight", "run_id": "gpu-01-1767225600000-4711", "attempt": 1, "began_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:15.8Z", "seen_at": "2026-01-01T00:00:15.9Z", "performance": {"cpu_percent_avg": 45.3, "cpu_percent_max": 78.2, "ram_mb_avg": 2048.5, "ram_mb_peak": 3072.0, "gpu_vram_mb_current": 4096.0, "gpu_vram_mb_peak": 5120.0, "gpu_percent": 89.5, "processing_time_sec": 15.8}, "cpu_seconds": 7.16, "memory_source": "pss", "memory_peak_source": "pss", "exit_code": 0, "left_running": 0, "progress": null, "model": "whisper", "model_version": "3", "command": "python score.py 0001.wav", "error": null, "result": {"words": 1207}, "versions": {"tidewatch": "0.1.0"}, "retraining": null, "position": 1024, "epoch": 1})),
        (status = 409, description = "There is a job of this id", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "There is no such process on this host, or a field is not valid", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many jobs are measured here at once, or the log cannot be reached", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn begin(
    State(shared): State<Arc<Shared>>,
    body: Result<Json<Map<String, Value>>, JsonRejection>,
) -> Result<(StatusCode, Json<JobAnswer>), Problem> {
    let begin: JobBegun = read(body)?;
    let (now, this_host) = (clock::now(), host::name());
    let minted = format!("{}-{}-{}", host::slug(&this_host), now.millis(), shared.scopes.next_number());
    let id = begin.job_id.unwrap_or_else(|| minted.clone());
    if shared.view().job_numbers.contains_key(id.as_str()) {
        let detail = format!("there is a job {id:?} already; give each job an id of its own, or leave job_id out");
        return Err(Problem::new(StatusCode::CONFLICT, "job-id-taken", detail));
    }
    if let Some(pid) = begin.pid {
        shared.scopes.open(&id, pid).map_err(|refusal| refused(&refusal, &id))?;
    }
    let mut report = Map::new();
    for (name, value) in [
        ("job_id", json!(id)),
        ("run_id", json!(minted)),
        ("event_id", json!(format!("job-{minted}-start"))),
        ("state", json!("START")),
        ("kind", json!("run")),
        ("at", json!(now.to_string())),
        ("source", json!(begin.source.unwrap_or(this_host))),
        ("batch_id", json!(begin.batch_id)),
        ("pid", json!(begin.pid)),
        ("model", json!(begin.model)),
        ("model_version", json!(begin.model_version)),
        ("command", json!(begin.command)),
        ("versions", json!(begin.versions)),
    ] {
        if !value.is_null() {
            report.insert(name.to_owned(), value);
        }
    }
    let accepted = shared.accepted(Kind::Job, &report).await;
    if accepted.is_err() {
        shared.scopes.close(&id);
    }
    let (_, view) = accepted?;
    let job = find(&view, &id)?;
    Ok((StatusCode::CREATED, Json(JobAnswer::of(&job, &view))))
}

/// Finish a job
///
/// Closes what `POST /api/v1/jobs` has opened, and answers with what the job has cost, also where it has failed.
#[utoipa::path(
    post, path = "/api/v1/jobs/{job}/finish", tag = "jobs", request_body = JobFinished,
    params(("job" = String, Path, description = "Its id, percent-encoded; `.` and `..` as `~.` and `~..`")),
    responses(
        (status = 200, description = "What it has cost", body = JobAnswer,
         example = json!({"id": "0001", "kind": "run", "state": "COMPLETE", "silent": false, "source": "gpu-01", "batch_id": "tonight", "run_id": "gpu-01-1767225600000-4711", "attempt": 1, "began_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:15.8Z", "seen_at": "2026-01-01T00:00:15.9Z", "performance": {"cpu_percent_avg": 45.3, "cpu_percent_max": 78.2, "ram_mb_avg": 2048.5, "ram_mb_peak": 3072.0, "gpu_vram_mb_current": 4096.0, "gpu_vram_mb_peak": 5120.0, "gpu_percent": 89.5, "processing_time_sec": 15.8}, "cpu_seconds": 7.16, "memory_source": "pss", "memory_peak_source": "pss", "exit_code": 0, "left_running": 0, "progress": null, "model": "whisper", "model_version": "3", "command": "python score.py 0001.wav", "error": null, "result": {"words": 1207}, "versions": {"tidewatch": "0.1.0"}, "retraining": null, "position": 1024, "epoch": 1})),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It has ended already", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is not valid", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn finish(
    State(shared): State<Arc<Shared>>,
    Path(Step(id)): Path<Step>,
    body: Result<Json<Map<String, Value>>, JsonRejection>,
) -> Result<Json<JobAnswer>, Problem> {
    let finish: JobFinished = read(body)?;
    let state = match finish.state.as_deref().map(JobState::of) {
        None if finish.error.is_some() => JobState::Failed,
        None => JobState::Complete,
        Some(Some(state)) if state.is_over() => state,
        Some(_) => return Err(Problem::unprocessable("bad-state", "state is COMPLETE, FAIL or ABORT, or left out")),
    };
    let job = find(&shared.view(), &id)?;
    if job.has_ended() {
        let detail = format!("job {id:?} has ended already, with {}", job.state.as_str());
        return Err(Problem::new(StatusCode::CONFLICT, "job-ended", detail));
    }
    let now = clock::now();
    let closing = Arc::clone(&shared);
    let closed = id.clone();
    let measured = shared.blocking(move || Ok(closing.scopes.close(&closed))).await?;
    let elapsed = job.began_at.map(|began| (now - began).micros().max(0) as f64 / 1e6);
    let mut report = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            report.insert(name.to_owned(), value);
        }
    };
    put("processing_time_sec", json!(elapsed));
    if let Some(measured) = measured {
        measured.fields().into_iter().for_each(|(name, value)| put(&name, value));
    }
    finish.performance.unwrap_or_default().into_iter().for_each(|(name, value)| put(&name, value));
    put("job_id", json!(id));
    put("run_id", json!(job.run));
    put("event_id", json!(job.run.as_ref().map(|run| format!("job-{run}-end"))));
    put("state", json!(state.as_str()));
    put("at", json!(now.to_string()));
    put("source", json!(job.source));
    put("error", json!(finish.error));
    put("result", finish.result.unwrap_or_default());
    let (_, view) = shared.accepted(Kind::Job, &report).await?;
    let job = find(&view, &id)?;
    Ok(Json(JobAnswer::of(&job, &view)))
}

/// Cancel a job
///
/// A retraining that waits for its turn or runs: its trainer is ended. One that has ended stays as it is.
#[utoipa::path(
    post, path = "/api/v1/jobs/{job}/cancel", tag = "jobs",
    params(("job" = String, Path, description = "Its id, percent-encoded; `.` and `..` as `~.` and `~..`")),
    responses(
        (status = 200, description = "The retraining as it is now", body = RetrainJob),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is no retraining: a run is ended where it was begun", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn cancel(
    shared: State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(Step(id)): Path<Step>,
) -> Result<Json<RetrainJob>, Problem> {
    let is_run = retraining::known(&view, &id).is_none() && find(&view, &id)?.kind == JobKind::Run;
    if is_run {
        let detail =
            format!("job {id:?} is a run; end its command on its host, or close it with POST /api/v1/jobs/{{job}}/finish");
        return Err(Problem::new(StatusCode::CONFLICT, "not-a-retraining", detail));
    }
    retraining::cancel(shared, Extension(view), Path(Step(id))).await
}

impl JobAnswer {
    fn of(job: &Job, view: &View) -> Self {
        let retraining = if job.kind == JobKind::Retraining { retraining::known(view, job.id.as_str()) } else { None };
        Self { job: JobSummary::of(job, view.log_time), retraining, position: view.position, epoch: view.epoch }
    }
}

/// The filters of a list, parsed.
struct Wanted {
    text: Option<String>,
    batch: Option<String>,
    source: Option<String>,
    model: Option<String>,
    state: Option<&'static str>,
    kind: Option<JobKind>,
}

impl Wanted {
    fn of(query: &JobsQuery) -> Result<Self, Problem> {
        let state = query.state.as_deref().map(|state| {
            let known = JobState::of(state).map(JobState::as_str);
            known.ok_or_else(|| {
                Problem::bad_request("bad-state", format!("state is RUNNING, COMPLETE, FAIL or ABORT, not {state:?}"))
            })
        });
        let kind = query.kind.as_deref().map(|kind| {
            JobKind::of(kind)
                .ok_or_else(|| Problem::bad_request("bad-kind", format!("kind is run or retraining, not {kind:?}")))
        });
        Ok(Self {
            text: query.q.as_ref().map(|text| text.to_lowercase()),
            batch: query.batch.clone(),
            source: query.source.clone(),
            model: query.model.clone(),
            state: state.transpose()?,
            kind: kind.transpose()?,
        })
    }

    fn holds(&self, job: &Job) -> bool {
        let is = |wanted: &Option<String>, name: Option<&Name>| {
            wanted.as_deref().is_none_or(|wanted| name.is_some_and(|name| name.as_str() == wanted))
        };
        self.text.as_deref().is_none_or(|text| job.id.as_str().to_lowercase().contains(text))
            && is(&self.batch, job.batch.as_ref())
            && is(&self.source, Some(&job.source))
            && is(&self.model, job.model.as_ref())
            && self.state.is_none_or(|state| job.state.as_str() == state)
            && self.kind.is_none_or(|kind| job.kind == kind)
    }
}

/// Jobs before a number, newest first, and the cursor of the next page.
fn newest(view: &View, before: Option<u32>, limit: usize, wanted: impl Fn(&Job) -> bool) -> (Vec<JobSummary>, Option<String>) {
    let below = view.jobs.range(..before.unwrap_or(u32::MAX)).rev();
    let mut found = below.filter(|(_, job)| wanted(job));
    let mut last = 0;
    let items: Vec<JobSummary> = found
        .by_ref()
        .take(limit)
        .map(|(number, job)| {
            last = *number;
            JobSummary::of(job, view.log_time)
        })
        .collect();
    let next = found.next().map(|_| last.to_string());
    (items, next)
}

fn number_of(cursor: &str) -> Result<u32, Problem> {
    cursor.parse().map_err(|_| page::bad_cursor())
}

fn find(view: &View, id: &str) -> Result<Arc<Kept<Job>>, Problem> {
    let found = view.job_numbers.get(id).and_then(|number| view.jobs.get(number));
    found.cloned().ok_or_else(|| {
        Problem::not_found("unknown-job", format!("there is no job {id:?}; GET /api/v1/jobs lists those there are"))
    })
}

fn refused(refusal: &Refusal, id: &str) -> Problem {
    let detail = refusal.to_string();
    match refusal {
        Refusal::NoProcess(_) => Problem::unprocessable("no-such-process", detail),
        Refusal::Open => Problem::new(StatusCode::CONFLICT, "job-id-taken", format!("job {id:?}: {detail}")),
        Refusal::TooMany | Refusal::NoThread(_) => Problem::unavailable("too-many-scopes", detail, 30),
    }
}
