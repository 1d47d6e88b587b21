//! A window in a few numbers, for trails and facts.

use serde::{Deserialize, Serialize};

use crate::monitor::classes::Classes;
use crate::monitor::pane::Cell;
use crate::time::Timestamp;

/// One window in a few numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub start: Timestamp,
    pub closed: bool,
    pub predictions: u64,
    pub errors: u64,
    pub labelled: u64,
    /// Labels that accuracy is judged by, and how many of them were met.
    pub judged: u64,
    pub correct: u64,
    /// Predictions with a response time, its mean and 95th percentile in seconds.
    pub timed: u64,
    pub response_time_mean: f64,
    pub response_time_p95: f64,
}

impl Point {
    pub fn of(start: Timestamp, closed: bool, total: &Cell, classes: &Classes) -> Self {
        let (judged, correct) = total.judged(classes);
        let latency = &total.latency;
        Self {
            start,
            closed,
            predictions: total.predictions,
            errors: total.errors,
            labelled: total.labelled,
            judged,
            correct,
            timed: latency.count(),
            response_time_mean: latency.mean().unwrap_or_default(),
            response_time_p95: latency.quantile(0.95).unwrap_or_default(),
        }
    }
}
