//! How a model is doing: its last closed windows held against the thresholds.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::event::Command;
use crate::monitor::limits::{SAMPLES_MIN, STALE_AFTER};
use crate::monitor::model::{Model, Verdict};
use crate::monitor::point::Point;
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
    /// `no_data`, `stale`, `accuracy`, `error_rate`, `response_time` or `drift`.
    pub code: Cow<'static, str>,
    pub status: Status,
    /// In English; the dashboard makes its own from the other fields.
    pub message: String,
    pub value: Option<f64>,
    pub threshold: Option<f64>,
    /// Start of the window that was judged.
    pub window: Option<String>,
}

/// What was found wrong with a model, before it is put into words.
#[derive(Clone, Copy, Debug)]
struct Finding {
    code: &'static str,
    status: Status,
    value: f64,
    threshold: f64,
    /// What was judged: samples and start of the window; `None` if the model itself was.
    window: Option<(u64, Timestamp)>,
}

/// Judges the newest closed windows of `model` that have enough samples for each threshold. Nothing to judge is a warning.
pub fn judge(model: &Model, thresholds: &Thresholds, log_time: Timestamp) -> (Status, Vec<Reason>) {
    let reasons: Vec<Reason> = findings(model, thresholds, log_time).map(Finding::in_words).collect();
    (reasons.iter().map(|reason| reason.status).max().unwrap_or(Status::Healthy), reasons)
}

/// The status that [`judge`] gives, without its words: asked for every model at every tick.
pub(super) fn status_of(model: &Model, thresholds: &Thresholds, log_time: Timestamp) -> Status {
    findings(model, thresholds, log_time).map(|finding| finding.status).max().unwrap_or(Status::Healthy)
}

fn findings(model: &Model, thresholds: &Thresholds, log_time: Timestamp) -> impl Iterator<Item = Finding> {
    let trail = &model.profile.trail;
    let silent = log_time - model.last_stored_at;
    let itself = if !trail.iter().any(|point| point.closed) {
        Some(Finding { code: "no_data", status: Status::Warning, value: 0.0, threshold: 0.0, window: None })
    } else if STALE_AFTER < silent {
        let (value, threshold) = (silent.secs_f64(), STALE_AFTER.secs_f64());
        Some(Finding { code: "stale", status: Status::Warning, value, threshold, window: None })
    } else {
        None
    };
    let newest = |n: fn(&Point) -> u64| trail.iter().rev().find(|point| point.closed && SAMPLES_MIN <= n(point));
    let found = |code, status, value, threshold, n, point: &Point| {
        (status != Status::Healthy).then_some(Finding { code, status, value, threshold, window: Some((n, point.start)) })
    };
    let accuracy = newest(|point| point.judged).and_then(|point| {
        let (value, threshold) = (point.correct as f64 / point.judged as f64, thresholds.accuracy_threshold);
        found("accuracy", floor_status(value, threshold), value, threshold, point.judged, point)
    });
    let error_rate = newest(|point| point.predictions).and_then(|point| {
        let (value, threshold) = (point.errors as f64 / point.predictions as f64, thresholds.error_rate_threshold);
        found("error_rate", ceiling_status(value, threshold), value, threshold, point.predictions, point)
    });
    let response_time = newest(|point| point.timed).and_then(|point| {
        let (value, threshold) = (point.response_time_mean, thresholds.response_time_threshold);
        found("response_time", ceiling_status(value, threshold), value, threshold, point.timed, point)
    });
    let drift = model.drift.worst_score().and_then(|score| {
        let (value, threshold) = (score.value(), thresholds.drift_threshold);
        let status = ceiling_status(value, threshold);
        (status != Status::Healthy).then_some(Finding {
            code: "drift",
            status,
            value,
            threshold,
            window: Some((score.predictions, score.window)),
        })
    });
    [itself, accuracy, error_rate, response_time, drift].into_iter().flatten()
}

impl Finding {
    fn in_words(self) -> Reason {
        let Self { code, status, value, threshold, window } = self;
        let n = window.map_or(0, |(n, _)| n);
        let message = match code {
            "no_data" => "no window has closed yet".to_owned(),
            "stale" => format!("no event for {value:.0} s"),
            "accuracy" => format!("accuracy {value:.4} against a threshold of {threshold} (n = {n})"),
            "drift" => format!("drift score {value:.4} against a threshold of {threshold} (n = {n})"),
            "error_rate" => format!("error rate {value:.4} against a threshold of {threshold} (n = {n})"),
            _ => format!("mean response time {value:.4} s against a threshold of {threshold} s (n = {n})"),
        };
        let has_value = code != "no_data";
        Reason {
            code: Cow::Borrowed(code),
            status,
            message,
            value: has_value.then_some(value),
            threshold: has_value.then_some(threshold),
            window: window.map(|(_, start)| start.to_string()),
        }
    }
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
