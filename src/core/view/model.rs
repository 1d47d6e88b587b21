//! A model at a glance.

use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;
use serde::Serialize;

use crate::monitor::limits::PANE_WIDTH;
use crate::monitor::model::{Counters, Model};
use crate::monitor::pane::Cell;
use crate::monitor::status::{self, Status};
use crate::stats::Estimate;
use crate::time::{Span, Timestamp};
use crate::view::View;
use crate::view::incident::OpenIncident;
use crate::view::status::{JudgedAccuracy, Reason, StatusChange};
use crate::view::task::TaskFigures;
use crate::view::watch::ScoreFigures;

/// Changes of the status that are told with every summary.
const RECENT_CHANGES: usize = 24;

/// Open incidents that are told with every summary.
const INCIDENTS_TOLD: usize = 10;

/// What "now" shows of a model: this much of its own event time, up to its newest event.
const CURRENT: Span = Span::from_secs(300);

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ModelSummary {
    pub name: String,
    /// A person or a team; null if nobody was named.
    pub owner: Option<String>,
    /// Ascending.
    pub tags: Vec<String>,
    /// Out of sight in lists unless they are asked for it.
    pub archived: bool,
    /// Who was the first to name it: the source token of the subject.
    pub made_by: String,
    /// healthy, warning, critical or unknown.
    pub status: &'static str,
    /// Log time since when; null before the first judgement.
    pub status_since: Option<String>,
    /// The newest changes of the status, up to 24, oldest first; `/status/history` has those of a month.
    pub status_history: Vec<StatusChange>,
    /// Why it is not healthy, the gravest first.
    pub reasons: Vec<Reason>,
    /// All that is compared to a threshold, healthy or not.
    pub judged: Vec<Reason>,
    /// classification, regression or unknown: of the version that serves most.
    pub task: &'static str,
    /// How that was decided, and which values do not fit it.
    pub task_decision: TaskFigures,
    #[serde(flatten)]
    pub counters: CounterFigures,
    pub versions: Vec<String>,
    /// Values by segment name.
    pub segments: BTreeMap<String, Vec<String>>,
    /// Newest event time; null before the first prediction.
    pub last_prediction_at: Option<String>,
    pub watermark: Option<String>,
    /// The newest prediction is of more than five minutes ago by its own time, and of more than twenty of the usual gaps.
    pub stale: bool,
    pub changed_seq: u64,
    /// How far the version that moved farthest is from its reference; null until a drift window could be judged.
    pub drift: Option<ScoreFigures>,
    /// Incidents that go on in any version: the newest of them, up to 10, oldest first. `/drift` has all, with what is over.
    pub incidents: Vec<OpenIncident>,
    /// The last five minutes of the model's own event time; null before the first prediction.
    pub current: Option<Current>,
    /// The newest one-minute windows, up to 60, oldest first.
    pub trail: Vec<TrailPoint>,
}

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct CounterFigures {
    pub predictions: u64,
    pub errors: u64,
    pub labelled: u64,
    /// Labels waiting for their prediction.
    pub pending_labels: u64,
    pub duplicates: u64,
    pub conflicts: u64,
    /// Labels whose prediction never came.
    pub orphans: u64,
    pub late: u64,
    pub too_late: u64,
    pub expired: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Current {
    pub start: String,
    pub end: String,
    pub predictions: u64,
    pub errors: u64,
    pub labelled: u64,
    pub accuracy: Estimate,
    pub error_rate: Estimate,
    /// Seconds.
    pub p95_seconds: Option<f64>,
    /// Seconds.
    pub mean_response_time_seconds: Option<f64>,
    /// Predictions per second of event time.
    pub throughput_per_second: Option<f64>,
    pub coverage: Option<f64>,
    pub confidence: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TrailPoint {
    pub start: String,
    pub predictions: u64,
    pub errors: u64,
    pub labelled: u64,
    /// Null without a label.
    pub accuracy: Option<f64>,
    /// Seconds; null without a response time.
    pub p95_seconds: Option<f64>,
}

impl ModelSummary {
    pub fn of(view: &View, model: &Model) -> Self {
        let trail = model.trail.iter().map(|point| TrailPoint::of(&point)).collect();
        Self { trail, ..Self::without_trail(view, model) }
    }

    /// With an empty trail, which is most of what a summary takes.
    pub fn without_trail(view: &View, model: &Model) -> Self {
        let condition = &model.condition;
        let mut segments: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, value) in model.profile.cells.iter().flat_map(|key| &key.segment) {
            segments.entry(name.to_string()).or_default().insert(value.to_string());
        }
        let versions: BTreeSet<&str> =
            model.profile.cells.iter().filter_map(|key| key.version.as_ref()).map(|v| v.as_str()).collect();
        let seen = model.has_predictions();
        let description = &model.profile.description;
        Self {
            name: model.name.to_string(),
            owner: description.owner.as_ref().map(ToString::to_string),
            tags: description.tags.iter().map(ToString::to_string).collect(),
            archived: description.archived,
            made_by: model.made_by.to_string(),
            status: condition.status.as_str(),
            status_since: condition.is_judged().then(|| condition.since.to_string()),
            status_history: model.profile.statuses.newest(RECENT_CHANGES).iter().map(StatusChange::of).collect(),
            reasons: model.reasons(view.log_time).into_iter().map(Reason::of).collect(),
            judged: condition
                .findings
                .iter()
                .map(|finding| Reason::of(status::Reason::of(condition, finding, view.log_time)))
                .collect(),
            task: model.busiest_task().as_str(),
            task_decision: TaskFigures::of(model),
            counters: CounterFigures::of(&model.counters),
            versions: versions.into_iter().map(str::to_owned).collect(),
            segments: segments.into_iter().map(|(name, values)| (name, values.into_iter().collect())).collect(),
            last_prediction_at: seen.then(|| model.newest.to_string()),
            watermark: seen.then(|| model.watermark.to_string()),
            stale: condition.stale,
            changed_seq: model.changed_seq,
            drift: model.drift.worst_score().map(ScoreFigures::of),
            incidents: OpenIncident::newest(&model.profile.incidents, INCIDENTS_TOLD),
            current: seen.then(|| Current::of(model)),
            trail: Vec::new(),
        }
    }
}

/// The few figures of a model that lists are ordered, filtered and counted by.
#[derive(Clone, Debug, Default)]
pub struct Glance {
    pub status: &'static str,
    pub stale: bool,
    pub archived: bool,
    pub owner: Option<CompactString>,
    pub tags: Vec<CompactString>,
    /// In all; `None` before the first.
    pub predictions: Option<f64>,
    /// Of the last five minutes; where no label of theirs has come yet, the one that the model is judged by.
    pub accuracy: Option<f64>,
    pub error_rate: Option<f64>,
    /// Seconds.
    pub p95: Option<f64>,
    /// Predictions a second.
    pub throughput: Option<f64>,
    pub coverage: Option<f64>,
    pub drift: Option<f64>,
    /// Newest event time; `None` before the first prediction.
    pub newest: Option<Timestamp>,
}

impl Glance {
    pub fn of(model: &Model) -> Self {
        let current = model.has_predictions().then(|| Current::of(model));
        let current = current.as_ref();
        let description = &model.profile.description;
        let figures = Self {
            archived: description.archived,
            owner: description.owner.clone(),
            tags: description.tags.clone(),
            predictions: model.has_predictions().then_some(model.counters.predictions as f64),
            accuracy: current.and_then(|current| current.shown_accuracy(model)),
            error_rate: current.and_then(|current| current.error_rate.value),
            p95: current.and_then(|current| current.p95_seconds),
            throughput: current.and_then(|current| current.throughput_per_second),
            coverage: current.and_then(|current| current.coverage),
            drift: model.drift.worst_score().map(|score| score.value()),
            newest: current.map(|_| model.newest),
            ..Self::default()
        };
        figures.later(model)
    }

    /// The same figures of a model that has not changed since, with the status that it has now.
    pub fn later(&self, model: &Model) -> Self {
        Self { status: model.condition.status.as_str(), stale: model.condition.stale, ..self.clone() }
    }
}

impl CounterFigures {
    pub const fn of(counters: &Counters) -> Self {
        Self {
            predictions: counters.predictions,
            errors: counters.errors,
            labelled: counters.labelled,
            pending_labels: counters.pending_labels,
            duplicates: counters.duplicates,
            conflicts: counters.conflicts,
            orphans: counters.orphans,
            late: counters.late,
            too_late: counters.too_late,
            expired: counters.expired,
        }
    }
}

impl Current {
    pub fn of(model: &Model) -> Self {
        let end = model.newest.floor(PANE_WIDTH) + PANE_WIDTH;
        let start = end - CURRENT;
        let mut total = Cell::default();
        model.hot.range(start..end).for_each(|(_, pane)| pane.merge_into(&mut total, |_| true));
        let (judged, correct) = total.judged(&model.profile.classes);
        let first = model.hot.range(start..end).next().map_or(start, |(start, _)| *start);
        // up to the newest event: the rest of its minute has not happened yet
        let seconds = (model.newest - first).secs_f64();
        Self {
            start: start.to_string(),
            end: end.to_string(),
            predictions: total.predictions,
            errors: total.errors,
            labelled: total.labelled,
            accuracy: Estimate::proportion(correct, judged),
            error_rate: Estimate::proportion(total.errors, total.predictions),
            p95_seconds: total.latency.quantile(0.95),
            mean_response_time_seconds: total.latency.mean(),
            throughput_per_second: (1.0 <= seconds).then(|| total.predictions as f64 / seconds),
            coverage: (total.predictions != 0).then(|| total.labelled as f64 / total.predictions as f64),
            confidence: total.confidence.value(),
        }
    }

    /// The accuracy that lists show and order by: where no label of the last five minutes has come yet, the one that the model is judged by.
    pub fn shown_accuracy(&self, model: &Model) -> Option<f64> {
        self.accuracy.value.or_else(|| JudgedAccuracy::of(model).map(|judged| judged.value))
    }
}

impl TrailPoint {
    fn of(point: &crate::monitor::point::Point) -> Self {
        Self {
            start: point.start.to_string(),
            predictions: point.predictions,
            errors: point.errors,
            labelled: point.labelled,
            accuracy: (point.judged != 0).then(|| point.correct as f64 / point.judged as f64),
            p95_seconds: (point.timed != 0).then_some(point.response_time_p95),
        }
    }
}

/// How many models have each status.
pub fn status_distribution(view: &View) -> BTreeMap<Status, u64> {
    let mut distribution = Status::ALL.map(|status| (status, 0)).into_iter().collect::<BTreeMap<_, _>>();
    for model in view.models.values() {
        *distribution.entry(model.condition.status).or_default() += 1;
    }
    distribution
}
