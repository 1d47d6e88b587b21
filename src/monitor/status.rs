//! How a model is doing: its last closed windows held against the thresholds.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::event::Command;
use crate::monitor::limits::{SAMPLES_MIN, STALE_AFTER};
use crate::monitor::model::{Model, Point, Verdict};
use crate::time::Timestamp;

/// Alert thresholds; the defaults are those of the model-monitoring requirement (B8).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Critical below this.
    pub accuracy_threshold: f64,
    /// Seconds of mean response time; critical above this.
    pub response_time_threshold: f64,
    /// Critical above this.
    pub error_rate_threshold: f64,
    /// Critical above this.
    pub drift_threshold: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { accuracy_threshold: 0.7, response_time_threshold: 2.0, error_rate_threshold: 0.1, drift_threshold: 0.2 }
    }
}

impl Thresholds {
    pub(super) fn set(&mut self, command: &Command) -> Verdict {
        let Command::SetThresholds { accuracy_threshold, response_time_threshold, error_rate_threshold, drift_threshold } =
            command
        else {
            return Verdict::Ignored;
        };
        let before = *self;
        self.accuracy_threshold = accuracy_threshold.unwrap_or(self.accuracy_threshold);
        self.response_time_threshold = response_time_threshold.unwrap_or(self.response_time_threshold);
        self.error_rate_threshold = error_rate_threshold.unwrap_or(self.error_rate_threshold);
        self.drift_threshold = drift_threshold.unwrap_or(self.drift_threshold);
        if *self == before { Verdict::Ignored } else { Verdict::Applied }
    }
}

/// Worst last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Healthy,
    /// Near a threshold, or there is no data to judge by.
    #[default]
    Warning,
    /// A threshold is violated on a closed window of enough samples.
    Critical,
}

impl Status {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Why a status is not healthy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// `no_data`, `stale`, `accuracy`, `error_rate` or `response_time`.
    pub code: Cow<'static, str>,
    pub status: Status,
    /// In English; the dashboard makes its own from the other fields.
    pub message: String,
    pub value: Option<f64>,
    pub threshold: Option<f64>,
    /// Start of the window that was judged.
    pub window: Option<String>,
}

/// Judges the newest closed windows of `model` that have enough samples for each threshold. Nothing to judge is a warning.
pub fn judge(model: &Model, thresholds: &Thresholds, log_time: Timestamp) -> (Status, Vec<Reason>) {
    let mut reasons = Vec::new();
    let mut say = |code, status, message: String, value, threshold, window: Option<Timestamp>| {
        reasons.push(Reason {
            code: Cow::Borrowed(code),
            status,
            message,
            value,
            threshold,
            window: window.map(|start| start.to_string()),
        });
    };
    let trail = &model.profile.trail;
    if !trail.iter().any(|point| point.closed) {
        say("no_data", Status::Warning, "no window has closed yet".to_owned(), None, None, None);
    } else if STALE_AFTER < log_time - model.last_stored_at {
        let silent = (log_time - model.last_stored_at).secs_f64();
        say("stale", Status::Warning, format!("no event for {silent:.0} s"), Some(silent), Some(STALE_AFTER.secs_f64()), None);
    }
    let newest = |enough: &dyn Fn(&Point) -> bool| trail.iter().rev().find(|point| point.closed && enough(point));
    if let Some(point) = newest(&|point| SAMPLES_MIN <= point.judged) {
        let (value, threshold) = (point.correct as f64 / point.judged as f64, thresholds.accuracy_threshold);
        let status = floor_status(value, threshold);
        if status != Status::Healthy {
            let message = format!("accuracy {value:.4} against a threshold of {threshold} (n = {})", point.judged);
            say("accuracy", status, message, Some(value), Some(threshold), Some(point.start));
        }
    }
    if let Some(point) = newest(&|point| SAMPLES_MIN <= point.predictions) {
        let (value, threshold) = (point.errors as f64 / point.predictions as f64, thresholds.error_rate_threshold);
        let status = ceiling_status(value, threshold);
        if status != Status::Healthy {
            let message = format!("error rate {value:.4} against a threshold of {threshold} (n = {})", point.predictions);
            say("error_rate", status, message, Some(value), Some(threshold), Some(point.start));
        }
    }
    if let Some(point) = newest(&|point| SAMPLES_MIN <= point.timed) {
        let (value, threshold) = (point.response_time_mean, thresholds.response_time_threshold);
        let status = ceiling_status(value, threshold);
        if status != Status::Healthy {
            let message = format!("mean response time {value:.4} s against a threshold of {threshold} s (n = {})", point.timed);
            say("response_time", status, message, Some(value), Some(threshold), Some(point.start));
        }
    }
    (reasons.iter().map(|reason| reason.status).max().unwrap_or(Status::Healthy), reasons)
}

/// A value that must not fall below `threshold`; a warning within a tenth of it.
fn floor_status(value: f64, threshold: f64) -> Status {
    match value {
        v if v < threshold => Status::Critical,
        v if v < threshold * 1.1 => Status::Warning,
        _ => Status::Healthy,
    }
}

/// A value that must not rise above `threshold`; a warning within a tenth of it.
fn ceiling_status(value: f64, threshold: f64) -> Status {
    match value {
        v if threshold < v => Status::Critical,
        v if threshold * 0.9 < v => Status::Warning,
        _ => Status::Healthy,
    }
}
