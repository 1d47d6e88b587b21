//! Why a model has its status, as it is shown.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

use crate::event::MetricThreshold;
use crate::ids::Name;
use crate::monitor::classes::Classes;
use crate::monitor::limits::SAMPLES_MIN;
use crate::monitor::model::Model;
use crate::monitor::pane::Cell;
use crate::monitor::status::history::{Change, History};
use crate::monitor::status::rule::Direction;
use crate::monitor::status::{self, Status, What, thresholds};
use crate::monitor::window::metrics;
use crate::time::{Span, Timestamp};

/// A figure compared to its threshold, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Reason {
    /// no_data, stale, or the metric.
    pub code: Cow<'static, str>,
    pub status: &'static str,
    /// A sentence in English; clients make their own from the other fields.
    pub message: String,
    /// The metric that was judged; null where the model itself was.
    pub metric: Option<Cow<'static, str>>,
    /// Seconds for times, fractions for shares; of `stale` the seconds since the newest prediction.
    pub value: Option<f64>,
    /// The interval that was compared to the threshold: it holds however often one looks. Null where none is known.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Observations behind the figure.
    pub n: u64,
    /// How many are needed, where they are too few; `of` says what: labels or predictions.
    pub needed: Option<u64>,
    #[schema(value_type = Option<String>)]
    pub of: Option<&'static str>,
    /// Critical beyond it.
    pub threshold: Option<f64>,
    /// A warning where the interval reaches this near to it, once it is no wider than that.
    pub margin: Option<f64>,
    /// below or above: the bad side of the threshold.
    #[schema(value_type = Option<String>)]
    pub direction: Option<&'static str>,
    /// Log time since when it is so.
    pub since: Option<String>,
    /// When the stretch that was judged begins: labels by their arrival, predictions by their own time.
    pub window: Option<String>,
    /// Of a figure of labels: about what share of the predictions of that time has one; null where that is not known.
    pub labelled: Option<f64>,
    /// Of a figure of labels: mean seconds between a prediction and its label.
    pub label_delay_seconds: Option<f64>,
    /// The segment that explains most of what is wrong; null where none does.
    pub mostly: Option<Segment>,
}

/// A value of a segment.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Segment {
    pub name: String,
    pub value: String,
    /// Its share of what is wrong beyond the threshold.
    pub share: f64,
}

/// From when on a status was what it was.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StatusChange {
    /// Log time.
    pub at: String,
    pub status: &'static str,
}

/// A time in which the status was the same.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StatusSpell {
    /// Log time.
    pub from: String,
    /// Null: it lasts.
    pub to: Option<String>,
    pub status: &'static str,
}

impl StatusChange {
    pub fn of(change: &Change) -> Self {
        Self { at: change.at.to_string(), status: change.status.as_str() }
    }
}

/// The accuracy that a model is judged by: of labels in the order in which they arrived, over the stretch that decides.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct JudgedAccuracy {
    pub value: f64,
    /// The interval that was compared to the threshold: it holds however often one looks. Null where none is known.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Labels behind it.
    pub n: u64,
    /// Log time at which the stretch begins.
    pub window: String,
}

impl JudgedAccuracy {
    /// `None` while there are too few labels, and of models that are judged by something else.
    pub fn of(model: &Model) -> Option<Self> {
        let findings = &model.condition.findings;
        let finding = findings.iter().find(|finding| finding.metric == status::ACCURACY && finding.lacking.is_none())?;
        let status::Reason { value, low, high, n, window, .. } =
            status::Reason::of(&model.condition, finding, model.condition.since);
        Some(Self { value: value?, low, high, n, window: window? })
    }
}

/// What the status of `model` has been between two instants, oldest first.
pub fn history(model: &Model, from: Timestamp, to: Timestamp) -> Vec<StatusSpell> {
    let shown = |spell: status::history::Spell| StatusSpell {
        from: spell.from.to_string(),
        to: spell.to.map(|to| to.to_string()),
        status: spell.status.as_str(),
    };
    model.profile.statuses.spells(from, to).map(shown).collect()
}

/// The worst status in each of `pieces` stretches of time as wide as `width`, of which the newest holds `now`: a letter each, oldest
/// first; `h` healthy, `u` unknown, `w` warning, `c` critical, `-` where nothing is known. With the number of the newest stretch since 1970.
pub fn strip(history: &History, now: Timestamp, width: Span, pieces: usize) -> (i64, String) {
    let newest = now.floor(width);
    let first = newest - Span::from_micros(width.micros() * (pieces as i64 - 1));
    let mut worst: Vec<Option<Status>> = vec![None; pieces];
    let place = |at: Timestamp| ((at.max(first) - first).micros() / width.micros()) as usize;
    for spell in history.spells(first, newest + width) {
        // a spell that ends with a stretch is not in the next
        let last = spell.to.map_or(pieces - 1, |to| place(to - Span::from_micros(1))).min(pieces - 1);
        for piece in worst.iter_mut().take(last + 1).skip(place(spell.from)) {
            *piece = (*piece).max(Some(spell.status));
        }
    }
    let letter = |status: Option<Status>| match status {
        None => '-',
        Some(Status::Healthy) => 'h',
        Some(Status::Unknown) => 'u',
        Some(Status::Warning) => 'w',
        Some(Status::Critical) => 'c',
    };
    (newest.micros() / width.micros(), worst.into_iter().map(letter).collect())
}

impl Reason {
    pub fn of(reason: status::Reason) -> Self {
        let of = reason.of.map(|what| match what {
            What::Labels => "labels",
            What::RecentLabels => "recent_labels",
            What::Predictions => "predictions",
            What::Samples => "samples",
        });
        let direction = reason.direction.map(direction_name);
        Self {
            code: reason.code,
            status: reason.status.as_str(),
            message: reason.message,
            metric: reason.metric,
            value: reason.value,
            low: reason.low,
            high: reason.high,
            n: reason.n,
            needed: reason.needed,
            of,
            threshold: reason.threshold,
            margin: reason.margin,
            direction,
            since: reason.since,
            window: reason.window,
            labelled: reason.labelled,
            label_delay_seconds: reason.label_delay_seconds,
            mostly: reason.mostly.map(|of| Segment { name: of.name, value: of.value, share: of.share }),
        }
    }
}

/// A threshold of one model.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ThresholdFigure {
    pub metric: String,
    /// below or above: the bad side.
    pub direction: &'static str,
    /// Critical beyond it.
    pub value: f64,
    /// A warning where the interval reaches this near to it, once it is no wider than that.
    pub margin: f64,
    /// Whose sample it is.
    pub source: Option<String>,
    pub unit: Option<String>,
    pub target: Option<f64>,
}

/// A threshold that the reference suggests.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Suggestion {
    pub metric: String,
    pub direction: &'static str,
    pub value: f64,
    /// The figure of the reference.
    pub reference: f64,
    /// Observations behind it.
    pub n: u64,
}

/// How much worse than its reference a model may be, as a suggestion.
const WORSE: f64 = 0.25;

/// Metrics for which the reference suggests a threshold.
const SUGGESTED: [&str; 9] =
    ["accuracy", "balanced_accuracy", "f1", "f1_macro", "roc_auc", "mae", "rmse", "mape", "error_rate"];

impl ThresholdFigure {
    pub fn of(own: &MetricThreshold) -> Self {
        let line = thresholds::line_of(own);
        Self {
            metric: own.metric.to_string(),
            direction: direction_name(line.direction),
            value: line.threshold,
            margin: line.margin,
            source: own.source.as_ref().map(Name::to_string),
            unit: own.unit.as_ref().map(|unit| unit.to_string()),
            target: own.target,
        }
    }
}

/// What the predictions of a reference suggest: a quarter more of what is wrong. Figures of fewer than 30 observations suggest nothing.
pub fn suggestions(total: &Cell, classes: &Classes) -> Vec<Suggestion> {
    let figures = metrics(total, classes);
    let named = SUGGESTED.iter().filter_map(|name| Some((*name, figures.get(*name)?.value?, figures[*name].n)));
    let times =
        thresholds::QUANTILES.iter().filter_map(|(name, q)| Some((*name, total.latency.quantile(*q)?, total.latency.count())));
    let suggested = |(metric, reference, n): (&str, f64, u64)| {
        let direction = thresholds::usual_direction(metric);
        let value = match direction {
            Direction::Below => 1.0 - (1.0 - reference) * (1.0 + WORSE),
            Direction::Above => reference * (1.0 + WORSE),
        };
        Suggestion { metric: metric.to_owned(), direction: direction_name(direction), value, reference, n }
    };
    named.chain(times).filter(|(_, reference, n)| SAMPLES_MIN <= *n && *reference != 0.0).map(suggested).collect()
}

const fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Below => "below",
        Direction::Above => "above",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strip_has_the_worst_status_of_each_hour_and_says_where_nothing_is_known() {
        let hour = Span::from_secs(3_600);
        let midnight = Timestamp::from_micros(1_767_225_600_000_000);
        let minutes = |minutes: i64| midnight + Span::from_secs(60 * minutes);
        let mut history = History::default();
        for (at, status) in [(30, Status::Unknown), (60, Status::Healthy), (130, Status::Critical), (135, Status::Healthy)] {
            history.add(Change { at: minutes(at), status });
        }
        let (number, letters) = strip(&history, minutes(4 * 60 + 5), hour, 6);
        assert_eq!((number, letters.as_str()), (minutes(4 * 60).micros() / hour.micros(), "-uhchh"));
        assert_eq!(strip(&history, minutes(90), hour, 6).1, "----uh", "hours to come are not in it");
        assert_eq!(strip(&history, minutes(48 * 60), hour, 3).1, "hhh");
    }
}
