//! Any metric of a model over stretches of its windows, for thresholds of its own. A stretch is read again when a twentieth of its length has
//! passed, so that a week of windows is not merged every minute.

use crate::event::MetricThreshold;
use crate::monitor::classes::Classes;
use crate::monitor::limits::PANE_WIDTH;
use crate::monitor::pane::{Cell, Pane};
use crate::monitor::source::Sources;
use crate::monitor::status::evidence::Basis;
use crate::monitor::status::rule;
use crate::monitor::status::samples::Newest;
use crate::monitor::status::thresholds::{COVERAGE, QUANTILES, SAMPLE};
use crate::monitor::status::{Condition, DRIFT, RESPONSE_TIME};
use crate::monitor::window::metrics;
use crate::stats::Estimate;
use crate::stats::estimate::{NoInterval, Z};
use crate::stats::latency::Latency;
use crate::stats::regression::Regression;
use crate::time::{Span, Timestamp};

/// Lengths of the stretches, shortest first.
const LENGTHS: [Span; 5] = [
    Span::from_secs(300),
    Span::from_secs(3_600),
    Span::from_secs(6 * 3_600),
    Span::from_secs(86_400),
    Span::from_secs(7 * 86_400),
];

/// A stretch is read again when so much of it has passed, and no sooner than after [`PANE_WIDTH`].
const PARTS: i64 = 20;

/// Windows up to an end, merged.
pub struct Stretch {
    pub from: Timestamp,
    /// Windows from here on do not count for the coverage: their labels may still come.
    young: Timestamp,
    total: Cell,
    old: (u64, u64),
}

/// Whether any of a model's own thresholds needs windows merged.
fn asks_for_windows(own: &[MetricThreshold]) -> bool {
    own.iter().any(|own| own.source.is_none() && own.metric != DRIFT)
}

pub fn is_due(condition: &Condition, own: &[MetricThreshold], log_time: Timestamp) -> bool {
    asks_for_windows(own) && condition.is_unmeasured() && due(condition, own, log_time).next().is_some()
}

/// The stretches that are to be read again, by their place.
pub fn due(condition: &Condition, own: &[MetricThreshold], log_time: Timestamp) -> impl Iterator<Item = usize> + use<> {
    let asked = asks_for_windows(own);
    let last = condition.measured_at();
    LENGTHS.into_iter().enumerate().filter_map(move |(place, length)| {
        let pause = Span::from_micros((length.micros() / PARTS).max(PANE_WIDTH.micros()));
        let at = last.get(place).copied();
        (asked && at.is_none_or(|at| pause <= log_time - at)).then_some(place)
    })
}

impl Stretch {
    /// The stretch of that place up to `end`; labels come `delay` after their predictions.
    pub fn begin(place: usize, end: Timestamp, delay: Span) -> Self {
        Self { from: (end - LENGTHS[place]).floor(PANE_WIDTH), young: end - delay, total: Cell::default(), old: (0, 0) }
    }

    pub fn add(&mut self, start: Timestamp, pane: &Pane) {
        pane.merge_into(&mut self.total, |_| true);
        if start + PANE_WIDTH <= self.young {
            let cells = pane.cells().map(|(_, cell)| (cell.predictions, cell.labelled));
            self.old = cells.fold(self.old, |sum, of| (sum.0 + of.0, sum.1 + of.1));
        }
    }

    /// The figure of each metric that a threshold of `own` is about, if there is one.
    pub fn figures(&self, own: &[MetricThreshold], classes: &Classes) -> Vec<(usize, rule::Span)> {
        let all = metrics(&self.total, classes);
        let of = |(place, own): (usize, &MetricThreshold)| {
            let basis = match own.metric.as_str() {
                COVERAGE => Some(Basis::Share { n: self.old.0, hits: self.old.1 }),
                RESPONSE_TIME => Some(Basis::Bare { n: self.total.latency.count(), value: self.total.latency.mean()? }),
                metric => match QUANTILES.iter().find(|(name, _)| *name == metric) {
                    Some((_, q)) => quantile(&self.total.latency, *q),
                    None => all.get(metric).and_then(|estimate| self.of_estimate(metric, estimate, classes)),
                },
            };
            Some((place, rule::Span { from: self.from, basis: basis? }))
        };
        own.iter().enumerate().filter_map(of).collect()
    }

    /// Squared errors have a standard error where they have no 95 % interval, and that is enough for evidence that is much stronger.
    fn of_estimate(&self, metric: &str, estimate: &Estimate, classes: &Classes) -> Option<Basis> {
        let (n, value) = (estimate.n, estimate.value?);
        let of_squares = || self.total.read(classes).cell.regression.as_deref().and_then(Regression::mse_error_squared);
        Some(match (estimate.low.zip(estimate.high), estimate.why, metric) {
            (Some((low, high)), ..) => Basis::Estimate { n, value, low, high },
            (None, _, "mse") => Basis::Mean { n, mean: value, error_squared: of_squares()? },
            // to first order the square root of a mean (the delta method)
            (None, _, "rmse") if value != 0.0 => {
                Basis::Mean { n, mean: value, error_squared: of_squares()? / (4.0 * value * value) }
            }
            (None, Some(NoInterval::TooFewRows), _) => Basis::Unsure { n, value },
            (None, ..) => Basis::Bare { n, value },
        })
    }
}

/// A quantile with the order statistics around it: ranks `n q ± z √(n q (1 − q))` (Conover (1999), *Practical Nonparametric Statistics*, §3.2).
fn quantile(latency: &Latency, q: f64) -> Option<Basis> {
    let n = latency.count();
    let (middle, reach) = (n as f64 * q, Z * (n as f64 * q * (1.0 - q)).sqrt());
    let rank = |rank: f64| latency.at_rank((rank.ceil() as u64).clamp(1, n.max(1)));
    let value = latency.quantile(q)?;
    let (low, high) = (rank(middle - reach)?, rank(middle + reach)?);
    Some(Basis::Estimate { n, value, low: low.min(value), high: high.max(value) })
}

/// The newest samples that thresholds of `own` are about, each once; of several series of one name the first.
pub fn of_samples(own: &[MetricThreshold], sources: &Sources) -> Vec<Newest> {
    let of = |own: &MetricThreshold| {
        let source = own.source.as_ref()?;
        let name = own.metric.strip_prefix(SAMPLE)?;
        let held = sources.by_name(source)?;
        let latest = held.series.iter().find(|((metric, _), _)| metric.as_str() == name).map(|(_, latest)| latest)?;
        Some(Newest { metric: own.metric.clone(), source: source.clone(), at: latest.at, value: latest.value })
    };
    let mut newest: Vec<Newest> = Vec::new();
    for found in own.iter().filter_map(of) {
        if !newest.iter().any(|known| known.metric == found.metric && known.source == found.source) {
            newest.push(found);
        }
    }
    newest
}
