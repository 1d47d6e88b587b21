//! A window as people read it: any merge of panes and cells, with its metrics. "The last five minutes", an hour, one version, one
//! segment: all are the same merge.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::monitor::classes::{Classes, Task};
use crate::monitor::limits::PANE_WIDTH;
use crate::monitor::pane::Cell;
use crate::monitor::point::Point;
use crate::stats::{Estimate, MetricName};

/// The metrics of one cell or of any merge of cells, by name; durations in seconds, rates as fractions.
///
/// Classification: of all labels where both the answer and the truth are classes; of two classes the positive one is the last in
/// [`crate::monitor::classes::order`]. Regression: where both are numbers; `accuracy` is the share within a tenth of the truth.
pub fn metrics(total: &Cell, classes: &Classes) -> BTreeMap<String, Estimate> {
    let mut metrics = BTreeMap::new();
    let mut put = |figures: Vec<(MetricName, Estimate)>| {
        metrics.extend(figures.into_iter().map(|(name, figure)| (name.as_str().to_owned(), figure)))
    };
    put(vec![(MetricName::ErrorRate, Estimate::proportion(total.errors, total.predictions))]);
    match classes.task() {
        Task::Unknown => {}
        Task::Regression => total.regression.iter().for_each(|regression| put(regression.metrics())),
        Task::Classification => {
            put(total.confusion.metrics(classes.positive()));
            match (&total.scored, &total.multi) {
                (Some(held), _) => put(held.scored.metrics()),
                (None, Some(multi)) => put(multi.metrics()),
                (None, None) => {}
            }
            for (class, figures) in total.confusion.per_class() {
                for (metric, figure) in [("precision", figures.precision), ("recall", figures.recall), ("f1", figures.f1)] {
                    metrics.insert(format!("{metric}/{}", classes.name(class)), figure);
                }
            }
        }
    }
    metrics
}

impl Cell {
    /// How many labels accuracy is judged by, and how many of them were met.
    pub fn judged(&self, classes: &Classes) -> (u64, u64) {
        match classes.task() {
            Task::Regression => {
                self.regression.as_ref().map_or((0, 0), |regression| (regression.count(), regression.accurate()))
            }
            Task::Classification | Task::Unknown => (self.confusion.count(), self.confusion.correct()),
        }
    }
}

/// A window by its most asked-for figures, as `window_closed` and `window_revised` carry it. Fields as in the API's windows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Headline {
    pub start: String,
    pub end: String,
    pub closed: bool,
    pub revision: u32,
    pub predictions: u64,
    pub errors: u64,
    pub labelled: u64,
    pub coverage: Option<f64>,
    /// `accuracy` and `error_rate`.
    pub metrics: BTreeMap<String, Estimate>,
    pub latency: Option<HeadlineLatency>,
}

/// Response times in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadlineLatency {
    pub p95: f64,
    pub mean: f64,
    pub n: u64,
}

impl Headline {
    pub fn of(point: &Point, revision: u32) -> Self {
        let metrics = [
            (MetricName::Accuracy, Estimate::proportion(point.correct, point.judged)),
            (MetricName::ErrorRate, Estimate::proportion(point.errors, point.predictions)),
        ];
        let latency = HeadlineLatency { p95: point.response_time_p95, mean: point.response_time_mean, n: point.timed };
        Self {
            start: point.start.to_string(),
            end: (point.start + PANE_WIDTH).to_string(),
            closed: point.closed,
            revision,
            predictions: point.predictions,
            errors: point.errors,
            labelled: point.labelled,
            coverage: (point.predictions != 0).then(|| point.labelled as f64 / point.predictions as f64),
            metrics: metrics.map(|(name, estimate)| (name.as_str().to_owned(), estimate)).into(),
            latency: (point.timed != 0).then_some(latency),
        }
    }
}
