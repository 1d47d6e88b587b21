//! Windows as the interfaces show them: any range, resolution, version and segment, all by merging panes.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::monitor::classes::{Classes, order};
use crate::monitor::drift::baseline::Baseline;
use crate::monitor::drift::estimator::{Estimator, Scale};
use crate::monitor::drift::tally::Tally;
use crate::monitor::limits::{CLASSES_SHOWN_MAX, PANE_WIDTH};
use crate::monitor::model::{CellKey, Model};
use crate::monitor::pane::{Cell, Pane, PaneId};
use crate::monitor::window::metrics;
use crate::stats::classes::Confusion;
use crate::stats::confidence_sequence::ConfidenceSequence;
use crate::stats::expected::Expected;
use crate::stats::{Estimate, MetricName};
use crate::time::{Span, Timestamp};

/// Width of the windows asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    Minute,
    FiveMinutes,
    Hour,
    Day,
}

/// Which cells count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slice {
    pub version: Option<String>,
    /// Segment name and value.
    pub segment: Option<(String, String)>,
    /// Place of the version among the tracks of the model, where that is what is asked for.
    pub track: Option<u16>,
}

impl Slice {
    /// What the slice is compared to: all of the version's reference or, of a segment, what lies in the cells that `takes` lets through. The
    /// rows of a training set lie in the first cell, whatever version they are for.
    pub fn reference(&self, baseline: &Baseline, takes: impl Fn(u16) -> bool) -> Tally {
        baseline.tally(|cell| self.segment.is_none() || takes(cell))
    }
}

/// One window of one model.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Window {
    /// RFC 3339; the window holds events from here, up to and without `end`.
    pub start: String,
    pub end: String,
    /// Whether the watermark has passed its end. A closed window may still be revised.
    pub closed: bool,
    /// How often it was published anew after it had closed; the largest of the panes it is made of.
    pub revision: u32,
    pub predictions: u64,
    pub errors: u64,
    pub labelled: u64,
    /// Labelled share of the predictions; null without predictions.
    pub coverage: Option<f64>,
    pub metrics: BTreeMap<String, Estimate>,
    /// Accuracy and error rate (and p50, p95 and p99 of the response time, in seconds) with intervals that hold at every moment at once,
    /// however often one looks: confidence sequences at 95 %.
    pub always_valid: BTreeMap<String, Estimate>,
    /// The figures as the scores alone (of a regression features and predictions alone) let expect them, with a band of three sampling errors
    /// in which the realised ones should fall; `n` is the predictions they stand on (beyond 256 a minute of a regression what every eighth is
    /// worth). Empty until a version has had enough labels to learn from.
    pub estimated: BTreeMap<String, Estimate>,
    pub latency: Option<Latency>,
    /// Mean confidence; null if none was given.
    pub confidence: Option<f64>,
    /// Predictions by class.
    pub predicted: BTreeMap<String, u64>,
    pub confusion: Option<ConfusionMatrix>,
}

/// Response times in seconds; quantiles are within 1 % of a value at that rank.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Latency {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub mean: f64,
    pub max: f64,
    pub n: u64,
}

/// Counts by true class (rows) and predicted class (columns), in the order of `labels`: of the 256 classes seen most.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ConfusionMatrix {
    pub labels: Vec<String>,
    pub matrix: Vec<Vec<u64>>,
    /// Classes beyond the 256 seen most: in the totals, and not listed here.
    #[serde(skip_serializing_if = "is_none_left_out")]
    #[schema(required = false)]
    pub left_out: usize,
}

const fn is_none_left_out(left_out: &usize) -> bool {
    *left_out == 0
}

impl Resolution {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "1m" => Some(Self::Minute),
            "5m" => Some(Self::FiveMinutes),
            "1h" => Some(Self::Hour),
            "1d" => Some(Self::Day),
            _ => None,
        }
    }

    pub const fn width(self) -> Span {
        match self {
            Self::Minute => PANE_WIDTH,
            Self::FiveMinutes => Span::from_secs(300),
            Self::Hour => Span::from_secs(3_600),
            Self::Day => Span::from_secs(86_400),
        }
    }
}

impl Slice {
    /// The cells of `model` that this slice takes, by index.
    pub fn cells(&self, model: &Model) -> Vec<bool> {
        let takes = |key: &CellKey| {
            let version = self.version.as_ref().is_none_or(|wanted| key.version.as_ref().is_some_and(|v| v.as_str() == wanted));
            let segment = self
                .segment
                .as_ref()
                .is_none_or(|(name, value)| key.segment.iter().any(|(n, v)| n.as_str() == name && v.as_str() == value));
            version && segment && (self.track.is_none() || self.track == key.track)
        };
        model.profile.cells.iter().map(takes).collect()
    }
}

/// Windows of one resolution while panes are merged into them.
pub struct Windows<'a> {
    model: &'a Model,
    resolution: Resolution,
    cells: Vec<bool>,
    list: Vec<Window>,
    open: Option<Merge>,
}

struct Merge {
    start: Timestamp,
    end: Timestamp,
    revision: u32,
    total: Cell,
}

impl<'a> Windows<'a> {
    pub fn new(model: &'a Model, resolution: Resolution, slice: &Slice) -> Self {
        Self { model, resolution, cells: slice.cells(model), list: Vec::new(), open: None }
    }

    /// Panes are given oldest first. A window is as wide as its panes, at least.
    pub fn add(&mut self, id: PaneId, pane: &Pane) {
        let width = self.resolution.width().max(id.width.span());
        let start = id.start.floor(width);
        if self.open.as_ref().is_some_and(|merge| merge.start != start) {
            self.close();
        }
        let merge = self.open.get_or_insert_with(|| Merge { start, end: start + width, revision: 0, total: Cell::default() });
        merge.revision = merge.revision.max(pane.revision);
        pane.merge_into(&mut merge.total, |index| self.cells.get(usize::from(index)).copied().unwrap_or(false));
    }

    /// Oldest first. Windows without a prediction in the slice are left out.
    pub fn finish(mut self) -> Vec<Window> {
        self.close();
        self.list
    }

    fn close(&mut self) {
        if let Some(Merge { start, end, revision, total }) = self.open.take().filter(|merge| merge.total.predictions != 0) {
            self.list.push(Window::of(self.model, start, end, revision, &total));
        }
    }
}

impl Window {
    pub fn of(model: &Model, start: Timestamp, end: Timestamp, revision: u32, total: &Cell) -> Self {
        let classes = &model.profile.classes;
        let latency =
            total.latency.summary().map(|s| Latency { p50: s.p50, p95: s.p95, p99: s.p99, mean: s.mean, max: s.max, n: s.n });
        Self {
            start: start.to_string(),
            end: end.to_string(),
            closed: end <= model.watermark,
            revision,
            predictions: total.predictions,
            errors: total.errors,
            labelled: total.labelled,
            coverage: (total.predictions != 0).then(|| total.labelled as f64 / total.predictions as f64),
            metrics: metrics(total, classes),
            always_valid: always_valid(total, classes),
            estimated: estimated(model, total),
            latency,
            confidence: total.confidence.value(),
            predicted: predicted(total, classes),
            confusion: ConfusionMatrix::of(&total.read(classes).confusion, classes),
        }
    }
}

/// The names of all metrics that a window may have, but for those of single classes.
pub fn metric_names() -> [&'static str; MetricName::ALL.len()] {
    MetricName::ALL.map(MetricName::as_str)
}

/// The share of labels that were met, with its 95 % interval.
pub fn accuracy(total: &Cell, classes: &Classes) -> Estimate {
    let (judged, correct) = total.judged(classes);
    Estimate::proportion(correct, judged)
}

/// The share of predictions that failed, with its 95 % interval.
pub fn error_rate(total: &Cell) -> Estimate {
    Estimate::proportion(total.errors, total.predictions)
}

/// Intervals are narrowest near this many rows.
const NARROW_AT: f64 = 1_000.0;

fn always_valid(total: &Cell, classes: &Classes) -> BTreeMap<String, Estimate> {
    let sequence = ConfidenceSequence::new(0.05, NARROW_AT).expect("a level and a size that can be");
    let (judged, correct) = total.judged(classes);
    let mut figures = BTreeMap::from([("error_rate".to_owned(), sequence.proportion(total.errors, total.predictions))]);
    if judged != 0 {
        figures.insert("accuracy".to_owned(), sequence.proportion(correct, judged));
    }
    let n = total.latency.count();
    for (name, q) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)].into_iter().filter(|_| n != 0) {
        let (low, high) = sequence.quantile_ranks(q, n);
        let at = |rank: Option<u64>| rank.and_then(|rank| total.latency.at_rank(rank));
        figures
            .insert(name.to_owned(), Estimate { value: total.latency.quantile(q), low: at(low), high: at(high), n, why: None });
    }
    figures
}

/// The band is that of the version with the newest predictions.
fn estimated(model: &Model, total: &Cell) -> BTreeMap<String, Estimate> {
    let told = |(name, expected): (MetricName, Expected)| {
        let Expected { value, low, high, rows, .. } = expected;
        (name.as_str().to_owned(), Estimate { value: Some(value), low, high, n: rows, why: None })
    };
    let estimator = model.busiest_track().map(|track| &**track.estimator);
    match (estimator, &total.expected, &total.losses) {
        (Some(Estimator::Fitted { scale, reference }), Some(sums), _) => {
            let figures = sums.figures().into_iter();
            let figures = figures.filter(|(name, _)| *scale == Scale::Positive || *name == MetricName::Accuracy);
            figures.map(|(name, value)| told((name, reference.expect(name, value, sums.count())))).collect()
        }
        (Some(Estimator::OfLosses(learnt)), _, Some(sums)) => {
            let figures = sums.figures().into_iter();
            let rows = sums.effective_rows();
            figures.map(|(name, value)| told((name, learnt.reference.expect(name, value, rows)))).collect()
        }
        _ => BTreeMap::new(),
    }
}

/// Predictions by class, of those classes that fit how the model is read.
fn predicted(total: &Cell, classes: &Classes) -> BTreeMap<String, u64> {
    let Some(reading) = total.read(classes).reading else { return BTreeMap::new() };
    let fitting = total.predicted.iter().filter(|(class, _)| classes.fits(*class, reading));
    fitting.map(|(class, count)| (classes.name(*class).to_owned(), *count)).collect()
}

impl ConfusionMatrix {
    /// In the order people expect; `None` without a pair.
    pub fn of(confusion: &Confusion, classes: &Classes) -> Option<Self> {
        if confusion.count() == 0 {
            return None;
        }
        let mut seen = confusion.most_seen(CLASSES_SHOWN_MAX);
        let left_out = confusion.classes().len() - seen.len();
        seen.sort_by(|a, b| order(classes.name(*a), classes.name(*b)));
        let labels = seen.iter().map(|class| classes.name(*class).to_owned()).collect();
        Some(Self { labels, matrix: confusion.matrix(&seen), left_out })
    }
}
