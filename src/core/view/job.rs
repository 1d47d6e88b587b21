//! Jobs and batches as they are shown.

use serde::Serialize;
use serde_json::Value;

use crate::monitor::jobs::{Batch, Figures, Job, Sum};
use crate::time::{Span, Timestamp};
use crate::view::View;

/// A job that runs and of which nothing has come for longer than this may be gone: `tidewatch run` reports every five seconds.
const SILENT: Span = Span::from_secs(60);

/// Jobs that a summary names as the slowest, the heaviest and as failed.
const NAMED_MAX: usize = 10;

/// The eight figures of requirement C1: percent of one core or GPU, MiB, seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct JobPerformance {
    pub cpu_percent_avg: f64,
    pub cpu_percent_max: f64,
    pub ram_mb_avg: f64,
    pub ram_mb_peak: f64,
    pub gpu_vram_mb_current: f64,
    pub gpu_vram_mb_peak: f64,
    pub gpu_percent: f64,
    pub processing_time_sec: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct JobSummary {
    pub id: String,
    /// `run` or `retraining`.
    pub kind: &'static str,
    /// RUNNING, COMPLETE, FAIL or ABORT.
    pub state: &'static str,
    /// It runs, and nothing has come of it for a minute.
    pub silent: bool,
    /// The host or service that reports it.
    pub source: String,
    pub batch_id: Option<String>,
    /// Names this run among those of the same id.
    pub run_id: Option<String>,
    /// How often a job of this id has begun.
    pub attempt: u32,
    pub began_at: Option<String>,
    pub ended_at: Option<String>,
    /// When the newest report came, by the log.
    pub seen_at: String,
    /// What it has cost, so far or at its end; null until it says.
    pub performance: Option<JobPerformance>,
    pub cpu_seconds: Option<f64>,
    /// What `ram_mb_avg` is the sum of: `rss` or `pss`.
    pub memory_source: Option<String>,
    /// What `ram_mb_peak` is: `rss`, `pss` or `high_water_mark`.
    pub memory_peak_source: Option<String>,
    pub exit_code: Option<i64>,
    /// Processes it has left behind.
    pub left_running: u64,
    /// 0 to 1, where it says.
    pub progress: Option<f64>,
    pub model: Option<String>,
    pub model_version: Option<String>,
    pub command: Option<String>,
    pub error: Option<String>,
    #[schema(value_type = Value)]
    pub result: Option<Value>,
    /// What it ran with, by name.
    #[schema(value_type = Option<Object>)]
    pub versions: Option<Value>,
}

/// A batch in sum; see the list of its jobs for each.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct BatchSummary {
    pub id: String,
    pub totals: BatchTotals,
    /// Longest first, ten at most.
    pub slowest: Vec<JobFigure>,
    /// By peak memory, largest first, ten at most.
    pub heaviest: Vec<JobFigure>,
    /// The newest first, ten at most; `totals` counts them all.
    pub failed: Vec<JobFailure>,
}

/// Jobs in sum: counts, sums of time, means over those that were measured, and the largest of any.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct BatchTotals {
    pub jobs: u64,
    pub running: u64,
    pub complete: u64,
    pub failed: u64,
    pub aborted: u64,
    /// Jobs that are no longer listed one by one; they are in all these figures.
    pub dropped: u64,
    /// From the first beginning to the last end.
    pub began_at: Option<String>,
    pub ended_at: Option<String>,
    pub processing_time_sec: f64,
    pub processing_time_sec_avg: Option<f64>,
    pub cpu_seconds: f64,
    pub cpu_percent_avg: Option<f64>,
    pub cpu_percent_max: Option<f64>,
    pub ram_mb_avg: Option<f64>,
    pub ram_mb_peak: Option<f64>,
    pub gpu_percent: Option<f64>,
    pub gpu_vram_mb_peak: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct JobFigure {
    pub id: String,
    /// Seconds or MiB.
    pub value: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct JobFailure {
    pub id: String,
    pub error: Option<String>,
}

impl JobPerformance {
    const fn of(figures: Figures) -> Self {
        let Figures {
            cpu_percent_avg,
            cpu_percent_max,
            ram_mb_avg,
            ram_mb_peak,
            gpu_vram_mb_current,
            gpu_vram_mb_peak,
            gpu_percent,
            processing_time_sec,
        } = figures;
        Self {
            cpu_percent_avg,
            cpu_percent_max,
            ram_mb_avg,
            ram_mb_peak,
            gpu_vram_mb_current,
            gpu_vram_mb_peak,
            gpu_percent,
            processing_time_sec,
        }
    }
}

impl JobSummary {
    /// * `log_time`: what time it is, by the log.
    pub fn of(job: &Job, log_time: Timestamp) -> Self {
        let text = |text: &Option<compact_str::CompactString>| text.as_ref().map(ToString::to_string);
        let json = |text: &Option<compact_str::CompactString>| text.as_ref().and_then(|text| serde_json::from_str(text).ok());
        let name = |name: &Option<crate::ids::Name>| name.as_ref().map(ToString::to_string);
        Self {
            id: job.id.to_string(),
            kind: job.kind.as_str(),
            state: job.state.as_str(),
            silent: !job.has_ended() && SILENT < log_time - job.seen_at,
            source: job.source.to_string(),
            batch_id: name(&job.batch),
            run_id: text(&job.run),
            attempt: job.attempt,
            began_at: job.began_at.map(|at| at.to_string()),
            ended_at: job.ended_at.map(|at| at.to_string()),
            seen_at: job.seen_at.to_string(),
            performance: job.figures.map(JobPerformance::of),
            cpu_seconds: job.cpu_seconds,
            memory_source: text(&job.memory_source),
            memory_peak_source: text(&job.memory_peak_source),
            exit_code: job.exit_code,
            left_running: job.left_running,
            progress: job.progress,
            model: name(&job.model),
            model_version: name(&job.model_version),
            command: text(&job.command),
            error: text(&job.error),
            result: json(&job.result),
            versions: json(&job.versions),
        }
    }
}

impl BatchTotals {
    fn of(sum: &Sum, dropped: u64) -> Self {
        let mean = |of: f64| (0 < sum.measured).then(|| of / sum.measured as f64);
        let largest = |of: f64| (0 < sum.measured).then_some(of);
        Self {
            jobs: sum.jobs,
            running: sum.running,
            complete: sum.complete,
            failed: sum.failed,
            aborted: sum.aborted,
            dropped,
            began_at: sum.began_at.map(|at| at.to_string()),
            ended_at: sum.ended_at.map(|at| at.to_string()),
            processing_time_sec: sum.processing_time_sec,
            processing_time_sec_avg: mean(sum.processing_time_sec),
            cpu_seconds: sum.cpu_seconds,
            cpu_percent_avg: mean(sum.cpu_percent_avg),
            cpu_percent_max: largest(sum.cpu_percent_max),
            ram_mb_avg: mean(sum.ram_mb_avg),
            ram_mb_peak: largest(sum.ram_mb_peak),
            gpu_percent: mean(sum.gpu_percent),
            gpu_vram_mb_peak: largest(sum.gpu_vram_mb_peak),
        }
    }
}

impl BatchSummary {
    /// Walks through all jobs once.
    pub fn of(batch: &Batch, view: &View) -> Self {
        let mut sum = batch.dropped.clone();
        let mut measured: Vec<(&Job, Figures)> = Vec::new();
        let mut failed = Vec::new();
        for job in view.jobs.values().filter(|job| job.batch.as_ref() == Some(&batch.id)) {
            sum.add(job);
            measured.extend(job.figures.map(|figures| (&***job, figures)));
            if job.state == crate::monitor::jobs::JobState::Failed {
                failed.push(JobFailure { id: job.id.to_string(), error: job.error.as_ref().map(ToString::to_string) });
            }
        }
        let mut largest = |figure: fn(&Figures) -> f64| {
            measured.sort_by(|(_, one), (_, other)| figure(other).total_cmp(&figure(one)));
            let named =
                measured.iter().take(NAMED_MAX).map(|(job, of)| JobFigure { id: job.id.to_string(), value: figure(of) });
            named.collect::<Vec<_>>()
        };
        let (slowest, heaviest) = (largest(|of| of.processing_time_sec), largest(|of| of.ram_mb_peak));
        failed.reverse();
        failed.truncate(NAMED_MAX);
        Self { id: batch.id.to_string(), totals: BatchTotals::of(&sum, batch.dropped.jobs), slowest, heaviest, failed }
    }
}
