//! One job: what it is, how far it is, and what it has cost.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::report::Report;
use crate::event::Note;
use crate::ids::Name;
use crate::monitor::limits::JOB_TEXT_BYTES_MAX;
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub id: Name,
    pub kind: JobKind,
    /// The host or service that reports it.
    pub source: Name,
    pub batch: Option<Name>,
    /// Names this run among those of the same id.
    pub run: Option<CompactString>,
    /// How often a job of this id has begun.
    pub attempt: u32,
    pub state: JobState,
    pub began_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Log time of the newest report.
    pub seen_at: Timestamp,
    pub figures: Option<Figures>,
    pub cpu_seconds: Option<f64>,
    pub memory_source: Option<CompactString>,
    pub memory_peak_source: Option<CompactString>,
    pub exit_code: Option<i64>,
    /// Processes it has left behind.
    pub left_running: u64,
    pub progress: Option<f64>,
    pub model: Option<Name>,
    pub model_version: Option<Name>,
    pub command: Option<CompactString>,
    pub error: Option<CompactString>,
    /// JSON.
    pub result: Option<CompactString>,
    /// JSON: an object of versions by what they are of.
    pub versions: Option<CompactString>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    Run,
    Retraining,
}

/// As OpenLineage has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum JobState {
    Started,
    Running,
    Complete,
    Aborted,
    Failed,
}

/// The eight figures of requirement C1: percent of one core or GPU, and MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    pub cpu_percent_avg: f64,
    pub cpu_percent_max: f64,
    pub ram_mb_avg: f64,
    pub ram_mb_peak: f64,
    pub gpu_vram_mb_current: f64,
    pub gpu_vram_mb_peak: f64,
    pub gpu_percent: f64,
    pub processing_time_sec: f64,
}

impl Figures {
    /// `None` if none of them is there; one that is missing is 0, as without a GPU.
    pub fn of(number: impl Fn(&str) -> Option<f64>) -> Option<Self> {
        let names = [
            "cpu_percent_avg",
            "cpu_percent_max",
            "ram_mb_avg",
            "ram_mb_peak",
            "gpu_vram_mb_current",
            "gpu_vram_mb_peak",
            "gpu_percent",
            "processing_time_sec",
        ];
        let figures = names.map(number);
        figures.iter().any(Option::is_some).then(|| {
            let [
                cpu_percent_avg,
                cpu_percent_max,
                ram_mb_avg,
                ram_mb_peak,
                gpu_vram_mb_current,
                gpu_vram_mb_peak,
                gpu_percent,
                processing_time_sec,
            ] = figures.map(Option::unwrap_or_default);
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
        })
    }
}

impl JobKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Retraining => "retraining",
        }
    }

    /// `None`: no kind that is known.
    pub fn of(text: &str) -> Option<Self> {
        [Self::Run, Self::Retraining].into_iter().find(|kind| kind.as_str() == text)
    }
}

impl JobState {
    /// As it is shown: a job that has started runs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started | Self::Running => "RUNNING",
            Self::Complete => "COMPLETE",
            Self::Aborted => "ABORT",
            Self::Failed => "FAIL",
        }
    }

    /// In any case; `None`: no state that is known.
    pub fn of(text: &str) -> Option<Self> {
        Some(match text.to_ascii_uppercase().as_str() {
            "START" | "STARTED" => Self::Started,
            "RUNNING" => Self::Running,
            "COMPLETE" | "COMPLETED" | "SUCCESS" => Self::Complete,
            "ABORT" | "ABORTED" | "CANCELLED" => Self::Aborted,
            "FAIL" | "FAILED" | "ERROR" => Self::Failed,
            _ => return None,
        })
    }

    pub const fn is_over(self) -> bool {
        matches!(self, Self::Complete | Self::Aborted | Self::Failed)
    }
}

impl Job {
    /// One of which nothing is known but that it is.
    pub fn new(report: &Report, note: &Note, now: Timestamp) -> Self {
        Self {
            id: report.job.clone(),
            kind: report.kind.unwrap_or(JobKind::Run),
            source: note.source.clone(),
            batch: None,
            run: None,
            attempt: 0,
            state: JobState::Started,
            began_at: None,
            ended_at: None,
            seen_at: now,
            figures: None,
            cpu_seconds: None,
            memory_source: None,
            memory_peak_source: None,
            exit_code: None,
            left_running: 0,
            progress: None,
            model: None,
            model_version: None,
            command: None,
            error: None,
            result: None,
            versions: None,
        }
    }

    pub const fn has_ended(&self) -> bool {
        self.state.is_over()
    }

    /// Takes a report in. A start begins an attempt anew; of a job that has ended a late report of its course changes nothing but what was not
    /// known yet.
    pub fn take(&mut self, report: Report, note: &Note, now: Timestamp) {
        let Some(state) = report.state else { return };
        let begins = state == JobState::Started && (self.attempt == 0 || self.run != report.run || self.has_ended());
        let is_late = self.has_ended() && !state.is_over() && !begins;
        if begins && 0 < self.attempt {
            *self = Self { attempt: self.attempt, batch: self.batch.clone(), ..Self::new(&report, note, now) };
        }
        if begins || self.attempt == 0 {
            self.attempt += 1;
        }
        self.seen_at = now;
        if state == JobState::Started {
            self.began_at = Some(note.at);
        }
        if is_late {
            return;
        }
        self.state = self.state.max(state);
        if state.is_over() {
            (self.state, self.ended_at) = (state, Some(note.at));
            let seconds = report.figures.map(|figures| figures.processing_time_sec);
            let began = seconds.map(|seconds| Timestamp::from_micros(note.at.micros() - (seconds * 1e6) as i64));
            self.began_at = self.began_at.or(began);
        }
        self.source = note.source.clone();
        self.describe(report);
    }

    /// What the report says replaces what was known.
    fn describe(&mut self, report: Report) {
        let text = |name: &str| report.text(name, JOB_TEXT_BYTES_MAX);
        self.memory_source = text("memory_source").or(self.memory_source.take());
        self.memory_peak_source = text("memory_peak_source").or(self.memory_peak_source.take());
        self.command = text("command").or(self.command.take());
        self.error = text("error").or(self.error.take());
        self.result = report.json("result", JOB_TEXT_BYTES_MAX).or(self.result.take());
        self.versions = report.json("versions", JOB_TEXT_BYTES_MAX).or(self.versions.take());
        self.kind = report.kind.unwrap_or(self.kind);
        self.run = report.run.or(self.run.take());
        self.batch = report.batch.or(self.batch.take());
        self.model = report.model.or(self.model.take());
        self.model_version = report.model_version.or(self.model_version.take());
        self.figures = report.figures.or(self.figures);
        self.cpu_seconds = report.cpu_seconds.or(self.cpu_seconds);
        self.exit_code = report.exit_code.or(self.exit_code);
        self.left_running = report.left_running.unwrap_or(self.left_running);
        self.progress = report.progress.or(self.progress);
    }
}
