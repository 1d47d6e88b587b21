//! What can happen. [`wire`] turns the bytes of one stream message into a [`Message`]; inside, nothing is checked again.
//! Knows nothing of what an event means.

pub mod columns;
pub mod command;
pub mod features;
pub mod fraction;
mod instant;
mod kind;
mod lane;
mod retraining;
pub mod subject;
pub mod wire;

use compact_str::{CompactString, ToCompactString, format_compact};
use serde::{Deserialize, Serialize};

pub use self::features::{Feature, Features};
use crate::ids::{Name, Slug};
use crate::time::Timestamp;
pub use command::{
    Command, DescriptionChange, DetectorChoice, Direction, MetricThreshold, PastRange, PolicyChange, RetentionChange, Role,
    Season, TaskChoice, TrainingRow, TrainingRows, VersionChoice,
};
pub use kind::Kind;
pub use lane::Lane;
pub use retraining::{
    Backup, Comparison, GatesChange, JobReport, Measured, Mode, ModelConfig, RetrainingChange, SegmentPair, Stage, Told,
    Trained,
};

/// One message of the input stream, decoded: a single record or a frame of records, applied in order and atomically.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Stream sequence: the total order, and the commit position.
    pub seq: u64,
    /// By the server; equal on every replay, so the core may use it.
    pub stored_at: Timestamp,
    pub kind: Kind,
    pub source: Slug,
    /// Each record on its own: a bad one is rejected, its neighbours are not.
    pub records: Vec<Result<Event, Fault>>,
}

/// Everything that can happen. A variant's meaning never changes; a new meaning is a new variant.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    PredictionLogged(Prediction),
    LabelArrived(Label),
    SamplesTaken(Sample),
    /// A log record, an event, a snapshot or a measured job: kept as it came for the read side.
    RecordNoted(Note),
    CommandGiven(Command),
    /// Every effect of the lane that a message up to and including `settled_through` caused has been carried out.
    EffectsSettled {
        lane: Lane,
        settled_through: u64,
    },
    /// All that is wrong with the process that says so; empty if nothing is.
    ConditionsSeen {
        conditions: Vec<Notice>,
    },
    /// What a trainer says of a job of retraining.
    JobReported(JobReport),
    /// How a model that does not serve compares with the one that does.
    ModelsCompared(Comparison),
    ClockTicked,
}

/// One prediction as it was served.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// `None` if the producer gave none; the core then mints one from the model, the time and the sequence.
    pub id: Option<CompactString>,
    pub model: Name,
    pub version: Option<Name>,
    pub at: Timestamp,
    pub features: Features,
    /// `None` only if the prediction failed.
    pub value: Option<Value>,
    /// In 0 to 1: the probability of the predicted class, as the producer states it.
    pub confidence: Option<f64>,
    /// Probability per class, in the producer's order; empty if absent. Each in 0 to 1.
    pub scores: Vec<(CompactString, f64)>,
    /// Seconds, not negative.
    pub response_time: Option<f64>,
    /// The producer reported an error: counted in the error rate and not in accuracy.
    pub failed: bool,
    /// Ground truth, when already known.
    pub actual: Option<Value>,
    /// Sorted by name, names unique.
    pub segment: Vec<(Name, Name)>,
}

/// What a model says, or what turned out to be true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Finite. A whole number may be a class or a quantity; the model's other values decide.
    Number(f64),
    /// A class by name; booleans are `true` and `false`.
    Class(CompactString),
}

/// The name of a number as a class: the shortest text that is read as that number.
pub fn text_of(number: f64) -> CompactString {
    let whole = number as i64;
    if whole as f64 == number { whole.to_compact_string() } else { format_compact!("{number:?}") }
}

/// Ground truth for one prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    pub prediction: CompactString,
    pub model: Name,
    pub actual: Value,
    pub at: Timestamp,
}

/// Metric samples of a host, service or plugin, taken at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub source: Name,
    pub at: Timestamp,
    pub event_id: Option<CompactString>,
    pub metrics: Vec<Metric>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    pub name: Name,
    /// Finite.
    pub value: f64,
    pub unit: Option<CompactString>,
    /// Series labels, the sample's own and the metric's together; sorted by name, names unique.
    pub labels: Vec<(Name, CompactString)>,
}

/// Something that a process of Tidewatch says is wrong with itself or with what it stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Stable, such as `log_filling`.
    pub code: CompactString,
    /// Something does not work now, or data was lost; else somebody should act in time.
    pub is_critical: bool,
    /// What was found, with its numbers, and the way out.
    pub detail: CompactString,
}

/// A record kept for the read side in its simplest form.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    pub kind: Kind,
    pub source: Name,
    pub at: Timestamp,
    pub event_id: Option<CompactString>,
    /// One JSON object, compact, with every field of the record, unknown ones too.
    pub body: String,
}

/// Why a record was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// A stable code, such as `missing_field`; [`wire`] lists them all.
    pub reason: CompactString,
    /// What is wrong and how to fix it, in a sentence.
    pub detail: String,
    /// JSON Pointer to the fault within the message; empty for the whole message.
    pub pointer: String,
    /// What else is wrong with the record, in the order of its fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Fault>,
}

impl Fault {
    /// A fault that stands alone.
    pub fn new(reason: impl Into<CompactString>, detail: String, pointer: String) -> Self {
        Self { reason: reason.into(), detail, pointer, also: Vec::new() }
    }

    /// This fault and the others of its record.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.also)
    }
}
