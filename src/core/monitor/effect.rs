//! Work for the outside world, committed before it is done.

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::event::{Lane, Notice};
use crate::ids::{EffectId, Name};
use crate::monitor::analysis::About;
use crate::monitor::analysis::finding::Finding;
use crate::monitor::drift::alarm::Alarm;
use crate::monitor::drift::incident::Told;
use crate::monitor::point::Point;
use crate::monitor::rejected::{OfMessage, Rejected};
use crate::monitor::retraining::news::News;
use crate::monitor::source::SeriesKey;
use crate::monitor::status::{Reason, Status};
use crate::monitor::window::Headline;
use crate::time::Timestamp;

/// Of the schemas of the facts, which each of them carries.
const SCHEMA_VERSION: u32 = 1;

/// One piece of work. Its id is minted from its cause, so a replay mints the same one and receivers can drop repeats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    pub id: EffectId,
    pub action: Action,
}

impl Effect {
    /// The fact that is to be published; `None` of any other work.
    pub const fn announced(&self) -> Option<&Announcement> {
        match &self.action {
            Action::Announce(announcement) => Some(announcement),
            Action::Order(_) => None,
        }
    }
}

// nearly all are facts, which are better not boxed one by one
#[expect(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// Publish a fact on `<root>.out.<fact>.<about>`.
    Announce(Announcement),
    /// Have a job done, or call one off.
    Order(JobOrder),
}

impl Action {
    /// The lane on which it waits to be carried out.
    pub const fn lane(&self) -> Lane {
        match self {
            Self::Announce(_) => Lane::Facts,
            Self::Order(_) => Lane::Jobs,
        }
    }
}

/// A job as whoever does it is told, on `<root>.job.<kind>.<about>`. Its name is the id of the effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobOrder {
    /// One word, such as `retrain`.
    pub kind: Name,
    /// Such as a model.
    pub about: Name,
    /// JSON.
    pub body: String,
}

/// How far each lane has been carried out, as the log says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled(BTreeMap<Lane, u64>);

impl Settled {
    /// Every effect of the lane that a message up to this sequence caused has been carried out.
    pub fn through(&self, lane: Lane) -> u64 {
        self.0.get(&lane).copied().unwrap_or(0)
    }

    pub fn has(&self, effect: &Effect) -> bool {
        effect.id.seq <= self.through(effect.action.lane())
    }

    pub(super) fn settle(&mut self, lane: Lane, through: u64) {
        let known = self.0.entry(lane).or_default();
        *known = through.max(*known);
    }
}

/// A fact before it is written out: whoever publishes it does that, not the processor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Announcement {
    /// `at`: log time of the cause.
    WindowClosed {
        model: Name,
        revision: u32,
        point: Point,
        at: Timestamp,
    },
    WindowRevised {
        model: Name,
        revision: u32,
        point: Point,
        at: Timestamp,
    },
    StatusChanged {
        model: Name,
        from: Status,
        to: Status,
        reasons: Vec<Reason>,
        at: Timestamp,
    },
    /// An incident of drift has begun, or is over; with the alarm that says so.
    Drift {
        model: Name,
        alarm: Alarm,
        incident: Told,
    },
    /// Something out of the ordinary was found, or is over.
    Anomaly {
        about: About,
        name: Name,
        /// Metric and labels; `None` of a silence.
        series: Option<SeriesKey>,
        finding: Box<Finding>,
        at: Timestamp,
    },
    /// Records of one message were not accepted.
    Rejected {
        first: Rejected,
        /// How many of the message.
        records: u32,
        /// Rejected records since the fact before that are neither listed nor announced.
        untold: u64,
    },
    /// A model is trained anew, or another version of it serves.
    Retraining {
        model: Name,
        news: Box<News>,
        at: Timestamp,
    },
}

impl Announcement {
    pub const fn fact(&self) -> Fact {
        match self {
            Self::WindowClosed { .. } => Fact::WindowClosed,
            Self::WindowRevised { .. } => Fact::WindowRevised,
            Self::StatusChanged { .. } => Fact::StatusChanged,
            Self::Drift { alarm: Alarm { detected: true, .. }, .. } => Fact::DriftDetected,
            Self::Drift { .. } => Fact::DriftCleared,
            Self::Anomaly { finding, .. } if finding.is_open() => Fact::AnomalyDetected,
            Self::Anomaly { .. } => Fact::AnomalyCleared,
            Self::Rejected { .. } => Fact::Rejected,
            Self::Retraining { news, .. } => news.fact(),
        }
    }

    /// What the fact is about: a model, a source, or a kind of input. The last token of its subject.
    pub fn about(&self) -> &str {
        match self {
            Self::WindowClosed { model, .. }
            | Self::WindowRevised { model, .. }
            | Self::StatusChanged { model, .. }
            | Self::Drift { model, .. }
            | Self::Retraining { model, .. } => model.as_str(),
            Self::Anomaly { name, .. } => name.as_str(),
            Self::Rejected { first, .. } => first.kind.as_str(),
        }
    }

    /// The JSON of the fact under its effect's id.
    pub fn body(&self, id: EffectId) -> String {
        let fact = self.fact().as_str();
        let mut body = match self {
            Self::WindowClosed { model, revision, point, at } | Self::WindowRevised { model, revision, point, at } => {
                serde_json::json!({
                    "id": id.to_string(), "type": fact, "model": model, "window": Headline::of(point, *revision), "stored_at": at.to_string(),
                })
            }
            Self::StatusChanged { model, from, to, reasons, at } => serde_json::json!({
                "id": id.to_string(), "type": fact, "model": model, "from": from, "to": to, "reasons": reasons, "stored_at": at.to_string(),
            }),
            Self::Drift { model, alarm, incident } => {
                let window =
                    alarm.window.map(|(start, end)| serde_json::json!({"start": start.to_string(), "end": end.to_string()}));
                let effect: BTreeMap<&str, f64> = alarm.effect.iter().map(|(name, value)| (name.as_ref(), *value)).collect();
                let named = |(name, value): &(Name, Name)| BTreeMap::from([(name.to_string(), value.to_string())]);
                let segment = alarm.segment.as_ref().map(named);
                let segments: Vec<BTreeMap<String, String>> = incident.segments.iter().map(named).collect();
                serde_json::json!({
                    "id": id.to_string(), "type": fact, "model": model, "version": incident.version, "versions": incident.versions, "segments": segments, "subject": alarm.subject,
                    "segment": segment, "detector": alarm.detector, "window": window, "against": alarm.against, "effect": effect, "evidence": alarm.evidence,
                    "threshold": alarm.threshold, "incident": incident.number, "onset": incident.onset.to_string(),
                    "end": incident.end.map(|end| end.at.to_string()), "ended_by": incident.end.map(|end| end.by), "updates": incident.updates,
                    "stored_at": alarm.at.to_string(),
                })
            }
            Self::Anomaly { about, name, series, finding, at } => {
                let labels = |labels: &[(Name, CompactString)]| -> BTreeMap<String, String> {
                    labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
                };
                let series = series.as_ref().map(|(name, of)| serde_json::json!({"name": name, "labels": labels(of)}));
                let Finding { ordinal, pattern, since, until, severity, figures, notice, .. } = &**finding;
                let mut body = serde_json::json!({
                    "id": id.to_string(), "type": fact, "about": about, about.as_str(): name, "finding": ordinal, "pattern": pattern,
                    "series": series, "severity": severity, "since": since.to_string(), "until": until.map(|until| until.to_string()),
                    "value": figures.value, "expected": figures.expected, "low": figures.low, "high": figures.high,
                    "score": figures.score, "now": finding.now, "change_per_hour": figures.per_hour,
                    "limit_at": figures.limit_at.map(|limit| limit.to_string()), "stored_at": at.to_string(),
                });
                if let Some(Notice { code, detail, .. }) = notice {
                    (body["code"], body["detail"]) = (code.as_str().into(), detail.as_str().into());
                }
                body
            }
            Self::Rejected { first: Rejected { seq, index, kind, source, stored_at, fault }, records, untold } => {
                serde_json::json!({
                    "id": id.to_string(), "type": fact, "seq": seq, "index": index, "kind": kind, "source": source,
                    "stored_at": stored_at.to_string(), "reason": fault.reason, "detail": fault.detail, "pointer": fault.pointer,
                    "also": fault.also, "records": records, "untold": untold,
                })
            }
            Self::Retraining { model, news, at } => {
                let mut body = news.members();
                (body["id"], body["type"]) = (id.to_string().into(), fact.into());
                (body["model"], body["stored_at"]) = (model.as_str().into(), at.to_string().into());
                body
            }
        };
        body["schema_version"] = SCHEMA_VERSION.into();
        body.to_string()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    WindowClosed,
    WindowRevised,
    StatusChanged,
    DriftDetected,
    DriftCleared,
    AnomalyDetected,
    AnomalyCleared,
    Rejected,
    RetrainStarted,
    RetrainFinished,
    ModelPromoted,
    ModelRejected,
    ModelRolledBack,
}

impl Fact {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WindowClosed => "window_closed",
            Self::WindowRevised => "window_revised",
            Self::StatusChanged => "status_changed",
            Self::DriftDetected => "drift_detected",
            Self::DriftCleared => "drift_cleared",
            Self::AnomalyDetected => "anomaly_detected",
            Self::AnomalyCleared => "anomaly_cleared",
            Self::Rejected => "rejected",
            Self::RetrainStarted => "retrain_started",
            Self::RetrainFinished => "retrain_finished",
            Self::ModelPromoted => "model_promoted",
            Self::ModelRejected => "model_rejected",
            Self::ModelRolledBack => "model_rolled_back",
        }
    }
}

/// Collects the effects of one message and numbers them.
#[derive(Debug)]
pub struct Effects {
    seq: u64,
    next: u32,
    list: Vec<Effect>,
    /// What was rejected of the message so far.
    pub(super) rejected: OfMessage,
}

impl Effects {
    pub fn caused_by(seq: u64) -> Self {
        Self { seq, next: 0, list: Vec::new(), rejected: OfMessage::default() }
    }

    pub fn announce(&mut self, announcement: Announcement) {
        self.push(Action::Announce(announcement));
    }

    /// Has a job done, and gives its name.
    pub fn order(&mut self, order: JobOrder) -> EffectId {
        self.push(Action::Order(order))
    }

    fn push(&mut self, action: Action) -> EffectId {
        let id = EffectId { seq: self.seq, index: self.next };
        self.next += 1;
        self.list.push(Effect { id, action });
        id
    }

    /// What the message has had told so far.
    pub(super) fn told(&self) -> &[Effect] {
        &self.list
    }

    /// Collects what is told by those who hear of these effects; its numbers go on from here.
    pub(super) fn answers(&self) -> Self {
        Self { next: self.next, ..Self::caused_by(self.seq) }
    }

    pub(super) fn append(&mut self, answers: Self) {
        self.next = answers.next;
        self.list.extend(answers.list);
    }

    pub fn into_vec(self) -> Vec<Effect> {
        self.list
    }
}
