//! What figures are compared to.

use serde::{Deserialize, Serialize};

use super::rule::{Direction, Line};
use super::{DRIFT, RESPONSE_TIME};
use crate::event::{Command, MetricThreshold};
use crate::monitor::limits::OWN_THRESHOLDS_MAX;
use crate::monitor::model::Verdict;
use crate::stats::MetricName;

/// How near to a floor or a ceiling of a share is a warning, where the share has so much room.
const SHARE_MARGIN: f64 = 0.02;

/// How near to other ceilings, as a share of them.
const RELATIVE_MARGIN: f64 = 0.1;

/// A regression is critical where its mean absolute error is by this much larger than that of its first labels, and a warning from the second on.
const LOSS_WORSE: f64 = 1.25;
const LOSS_NEAR: f64 = 1.2;

/// Alert thresholds of all models; the defaults are those of the model-monitoring requirement (B8).
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
    pub(in crate::monitor) fn set(&mut self, command: &Command) -> Verdict {
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

    pub(super) fn accuracy(&self) -> Line {
        share_line(Direction::Below, self.accuracy_threshold)
    }

    pub(super) fn error_rate(&self) -> Line {
        share_line(Direction::Above, self.error_rate_threshold)
    }

    pub(super) fn response_time(&self) -> Line {
        relative_line(Direction::Above, self.response_time_threshold)
    }

    pub(super) fn drift(&self) -> Line {
        relative_line(Direction::Above, self.drift_threshold)
    }
}

/// A share with the usual margin: 2 percentage points, or half of what is left of the share if that is less.
pub fn share_line(direction: Direction, threshold: f64) -> Line {
    let room = match direction {
        Direction::Below => 1.0 - threshold,
        Direction::Above => threshold,
    };
    Line { direction, threshold, margin: SHARE_MARGIN.min(room.max(0.0) / 2.0) }
}

/// A quantity with the usual margin: a tenth of the threshold.
pub fn relative_line(direction: Direction, threshold: f64) -> Line {
    Line { direction, threshold, margin: threshold.abs() * RELATIVE_MARGIN }
}

/// What the mean absolute error of a regression is compared to, if it was `usual` at first.
pub(super) fn loss_line(usual: f64) -> Line {
    Line { direction: Direction::Above, threshold: usual * LOSS_WORSE, margin: usual * (LOSS_WORSE - LOSS_NEAR) }
}

/// The share of predictions that have labels, of those long enough ago to have them.
pub const COVERAGE: &str = "coverage";

/// Quantiles of the response time.
pub const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];

/// What a sample's metric begins with.
pub const SAMPLE: &str = "sample/";

/// Metrics of a class are called `<metric>/<class>`.
const OF_CLASSES: [&str; 3] = ["precision/", "recall/", "f1/"];

/// Metrics that say how far off a regression is: with a threshold for one of them it is not judged by its first labels.
const OF_REGRESSION: [&str; 10] = ["accuracy", "mae", "mse", "rmse", "mape", "smape", "bias", "max_error", "median_ae", "r2"];

/// Figures where less is better.
const BETTER_LOW: [&str; 18] = [
    "error_rate",
    "fpr",
    "fnr",
    "log_loss",
    "brier",
    "ece",
    "mce",
    "mae",
    "mse",
    "rmse",
    "mape",
    "smape",
    "bias",
    "max_error",
    "median_ae",
    RESPONSE_TIME,
    DRIFT,
    "p50",
];

/// Figures between 0 and 1 whose differences are percentage points.
pub fn is_share(metric: &str) -> bool {
    let quantities = [
        "log_loss",
        "mae",
        "mse",
        "rmse",
        "smape",
        "r2",
        "bias",
        "max_error",
        "median_ae",
        RESPONSE_TIME,
        DRIFT,
        "p50",
        "p95",
        "p99",
    ];
    !quantities.contains(&metric) && !metric.starts_with(SAMPLE)
}

/// Which side of a threshold of `metric` is usually the bad one.
pub fn usual_direction(metric: &str) -> Direction {
    let better_low = BETTER_LOW.contains(&metric) || ["p95", "p99"].contains(&metric) || metric.starts_with(SAMPLE);
    if better_low { Direction::Above } else { Direction::Below }
}

/// Whether there is such a metric.
pub fn is_metric(metric: &str) -> bool {
    let named = |beginning: &str| metric.strip_prefix(beginning).is_some_and(|rest| !rest.is_empty());
    MetricName::from_name(metric).is_some()
        || [RESPONSE_TIME, DRIFT, COVERAGE].contains(&metric)
        || QUANTILES.iter().any(|(name, _)| *name == metric)
        || OF_CLASSES.into_iter().any(named)
        || named(SAMPLE)
}

/// The line of a model's own threshold.
pub fn line_of(own: &MetricThreshold) -> Line {
    let direction = own.direction.unwrap_or_else(|| usual_direction(&own.metric));
    let usual = if is_share(&own.metric) { share_line(direction, own.value) } else { relative_line(direction, own.value) };
    Line { margin: own.margin.unwrap_or(usual.margin), ..usual }
}

/// Whether one of `own` says how far off a regression may be.
pub(super) fn are_of_regression(own: &[MetricThreshold]) -> bool {
    own.iter().any(|own| OF_REGRESSION.contains(&own.metric.as_str()))
}

/// Sets thresholds of one model. Errors: a metric that does not exist, or too many thresholds.
pub(in crate::monitor) fn set_own(
    known: &mut Vec<MetricThreshold>,
    news: &[MetricThreshold],
    replace: bool,
) -> Result<(), String> {
    if let Some(unknown) = news.iter().find(|new| !is_metric(&new.metric)) {
        return Err(format!(
            "there is no metric {:?}; metrics are those of the windows (accuracy, f1, roc_auc, mae, ...), response_time, p50, p95, p99, coverage, drift and sample/<name>",
            unknown.metric
        ));
    }
    let mut wanted = if replace { Vec::new() } else { known.clone() };
    for new in news {
        let new = MetricThreshold { direction: Some(line_of(new).direction), ..new.clone() };
        wanted.retain(|old| (&old.metric, old.direction, &old.source) != (&new.metric, new.direction, &new.source));
        wanted.push(new);
    }
    if OWN_THRESHOLDS_MAX < wanted.len() {
        return Err(format!("a model has at most {OWN_THRESHOLDS_MAX} thresholds of its own"));
    }
    wanted.sort_by(|a, b| (&a.metric, a.direction, &a.source).cmp(&(&b.metric, b.direction, &b.source)));
    *known = wanted;
    Ok(())
}
