//! A window as people read it: any merge of panes and cells, with its metrics. "The last five minutes", an hour, one version, one
//! segment: all are the same merge.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::monitor::classes::{Classes, Task};
use crate::monitor::limits::{CLASSES_SHOWN_MAX, PANE_WIDTH};
use crate::monitor::pane::Cell;
use crate::monitor::point::Point;
use crate::monitor::task::{Apart, Reading};
use crate::stats::classes::Confusion;
use crate::stats::{Estimate, MetricName};

/// The metrics of one cell or of any merge of cells, by name; durations in seconds, rates as fractions.
///
/// Classification: of all labels where both the answer and the truth are classes; of two classes the positive one is the last in
/// [`crate::monitor::classes::order`]. Regression: where both are numbers; `accuracy` is the share within a tenth of the truth. Values that
/// do not fit the task of the model are in none of them.
pub fn metrics(total: &Cell, classes: &Classes) -> BTreeMap<String, Estimate> {
    let mut metrics = BTreeMap::new();
    let mut put = |figures: Vec<(MetricName, Estimate)>| {
        metrics.extend(figures.into_iter().map(|(name, figure)| (name.as_str().to_owned(), figure)))
    };
    put(vec![(MetricName::ErrorRate, Estimate::proportion(total.errors, total.predictions))]);
    let read = total.read(classes);
    match read.reading.map_or(Task::Unknown, Reading::task) {
        Task::Unknown => {}
        Task::Regression => read.cell.regression.iter().for_each(|regression| put(regression.metrics())),
        Task::Classification => {
            put(read.confusion.metrics(classes.positive()));
            match (&read.cell.scored, &read.cell.multi) {
                (Some(held), _) => put(held.scored.metrics()),
                (None, Some(multi)) => put(multi.metrics()),
                (None, None) => {}
            }
            let shown = read.confusion.most_seen(CLASSES_SHOWN_MAX);
            let per_class = read.confusion.per_class().into_iter();
            for (class, figures) in per_class.filter(|(class, _)| shown.binary_search(class).is_ok()) {
                for (metric, figure) in [("precision", figures.precision), ("recall", figures.recall), ("f1", figures.f1)] {
                    metrics.insert(format!("{metric}/{}", classes.name(class)), figure);
                }
            }
        }
    }
    metrics
}

/// The labels of a cell as its model, or the version that most of them are of, is read.
pub struct Read<'c> {
    pub reading: Option<Reading>,
    pub cell: Cow<'c, Cell>,
    /// Of the classes that fit; empty of quantities.
    pub confusion: Cow<'c, Confusion>,
}

impl Cell {
    /// Labels of rows that fit. Of versions that are read in several ways those with the most labels are shown, and the others left out.
    pub fn read<'c>(&'c self, classes: &Classes) -> Read<'c> {
        let (reading, cell) = self.parts_read(classes);
        let fits = |class: u16| reading.is_none_or(|reading| classes.fits(class, reading));
        let confusion = match reading {
            Some(Reading::Quantities) => Cow::Owned(Confusion::default()),
            _ if cell.confusion.is_of(fits) => match &cell {
                Cow::Borrowed(cell) => Cow::Borrowed(&cell.confusion),
                Cow::Owned(cell) => Cow::Owned(cell.confusion.clone()),
            },
            _ => Cow::Owned(cell.confusion.only(fits)),
        };
        Read { reading, cell, confusion }
    }

    fn parts_read(&self, classes: &Classes) -> (Option<Reading>, Cow<'_, Self>) {
        let decision = &classes.decision;
        let Some(reading) = decision.reading.filter(|_| !self.apart.is_empty()) else {
            return (decision.reading, Cow::Borrowed(self));
        };
        let is_own = |apart: Apart| matches!(apart, Apart::Of(_)) && decision.told.is_none();
        let own = self.apart.iter().filter(|(apart, _)| is_own(*apart)).max_by_key(|(_, part)| part.labelled);
        let main =
            self.labelled - self.apart.iter().filter(|(apart, _)| is_own(*apart)).map(|(_, part)| part.labelled).sum::<u64>();
        if let Some((Apart::Of(other), part)) = own.filter(|(_, part)| main < part.labelled) {
            return (Some(*other), Cow::Borrowed(part));
        }
        let belongs = |apart: Apart| reading.takes_apart(apart) || (decision.told.is_some() && matches!(apart, Apart::Of(_)));
        if !self.apart.iter().any(|(apart, _)| belongs(*apart)) {
            return (Some(reading), Cow::Borrowed(self));
        }
        let mut whole = Self { apart: Vec::new(), ..self.clone() };
        self.apart.iter().filter(|(apart, _)| belongs(*apart)).for_each(|(_, part)| whole.merge(part));
        (Some(reading), Cow::Owned(whole))
    }

    /// How many labels accuracy is judged by, and how many of them were met.
    pub fn judged(&self, classes: &Classes) -> (u64, u64) {
        let read = self.read(classes);
        match read.reading {
            Some(Reading::Quantities) => {
                read.cell.regression.as_ref().map_or((0, 0), |regression| (regression.count(), regression.accurate()))
            }
            _ => (read.confusion.count(), read.confusion.correct()),
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
