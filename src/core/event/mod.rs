//! What can happen. [`wire`] turns the bytes of one stream message into a [`Message`]; inside, nothing is checked again.
//! Knows nothing of what an event means.

pub mod columns;
pub mod features;
pub mod fraction;
mod instant;
mod kind;
mod lane;
mod lives;
mod references;
mod retraining;
pub mod subject;
pub mod wire;

use std::collections::BTreeMap;

use compact_str::{CompactString, ToCompactString, format_compact};
use serde::{Deserialize, Serialize};

pub use self::features::{Feature, Features};
use crate::ids::{Name, Slug};
use crate::time::Timestamp;
pub use kind::Kind;
pub use lane::Lane;
pub use lives::{RetentionChange, VersionChoice};
pub use references::{PastRange, TrainingRow, TrainingRows};
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

/// What people and policies decide. On the wire an object tagged by `command`, such as `{"command":"set_thresholds", …}`. A key that
/// a command does not have is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Fields left out keep their value.
    SetThresholds {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accuracy_threshold: Option<f64>,
        /// Seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        response_time_threshold: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error_rate_threshold: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        drift_threshold: Option<f64>,
    },
    /// Compare metrics of one model to thresholds of its own. One for the same metric and direction replaces the one before.
    SetModelThresholds {
        model: Name,
        thresholds: Vec<MetricThreshold>,
        /// Those that are not named are forgotten.
        #[serde(default)]
        replace: bool,
    },
    /// Forget thresholds of one model: of the metrics named, or all of them.
    UnsetModelThresholds {
        model: Name,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        metrics: Vec<CompactString>,
    },
    /// Fields left out keep their value.
    SetDriftPolicy(PolicyChange),
    /// Forget a version's reference (or all of a model's) and gather the predictions to come.
    GatherReference {
        model: Name,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<Name>,
    },
    /// Watch every version of a model by these detectors beside those that every version has.
    SetDetectors {
        model: Name,
        detectors: Vec<DetectorChoice>,
    },
    /// Read the values of a model as classes or as quantities, whatever they look like.
    SetTask {
        model: Name,
        task: TaskChoice,
    },
    /// Have a version serve, compare it without its answers being used, or retire it.
    SetVersionState {
        model: Name,
        /// Absent: predictions that name no version.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<Name>,
        state: VersionChoice,
    },
    /// Compare a version (or all of a model's that have enough of it) to what it was asked and what it answered in the past.
    ReferenceFromRange(PastRange),
    /// Compare a version to a training set. Several commands may give its rows, one after the other.
    UseReference(TrainingRows),
    /// Whose a model is, and by which words to find it.
    DescribeModel(DescriptionChange),
    /// How long windows are kept, as minutes, hours and days.
    SetWindowRetention(RetentionChange),
    /// When models are trained anew, from what, and what becomes of the result.
    SetRetraining(Box<RetrainingChange>),
    /// Train a model anew.
    Retrain {
        model: Name,
    },
    /// End a job of retraining, queued or running.
    CancelRetraining {
        /// As the job shows it, such as `12-0`.
        job: CompactString,
    },
    /// Have a trained version take the place of the champion.
    PromoteVersion {
        model: Name,
        version: u32,
    },
    /// Go back to the champion before, or to a version that served once.
    RollBackModel {
        model: Name,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<u32>,
    },
    /// Keep the champion whatever evidence says, or no longer.
    PinModel {
        model: Name,
        pinned: bool,
    },
    /// Delete a model and all that is known of it, so that there is room for another name.
    ForgetModel {
        model: Name,
    },
    /// Delete a source, its series and its records.
    ForgetSource {
        source: Name,
    },
    CreateToken {
        id: CompactString,
        name: Name,
        role: Role,
        /// BLAKE3 of the whole token, in hexadecimal. The token itself is never in the log.
        hash: CompactString,
        /// When it stops being valid; absent: when it is revoked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
    },
    RevokeToken {
        id: CompactString,
    },
}

/// What a person says the values of a model are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskChoice {
    /// Values are classes.
    Classification,
    /// Values are quantities.
    Regression,
    /// Decided from the first labelled predictions.
    Automatic,
}

/// Which side of a threshold is the bad one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Too low is bad: the threshold is a floor.
    Below,
    /// Too high is bad: the threshold is a ceiling.
    Above,
}

/// What a metric of one model is compared to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricThreshold {
    /// A metric of the windows (`f1`, `mae`, `precision/<class>`, …), `response_time` (its mean), `p50`, `p95`, `p99`, `coverage`, `drift`, or
    /// `sample/<name>`: the newest value that `source` sent of that name.
    pub metric: CompactString,
    /// Absent: as is usual for the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Critical beyond it. Finite.
    pub value: f64,
    /// A warning where the interval reaches this near to it; absent: as is usual for the metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// Whose sample it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Name>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<CompactString>,
    /// What is aimed at, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
}

/// A change detector and what it is to watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectorChoice {
    /// `error`, `loss`, `response_time`, `failure`, `score` or `feature/<name>`.
    pub input: String,
    /// As `tidewatch detect` names it.
    pub detector: String,
    /// As `tidewatch detect --param` takes them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
}

/// What is to be said of a model; fields left out keep their value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DescriptionChange {
    pub model: Name,
    /// A person or a team; empty takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<CompactString>,
    /// All of them, in place of those before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<CompactString>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_tags: Vec<CompactString>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_tags: Vec<CompactString>,
    /// Out of sight in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
}

impl DescriptionChange {
    /// A change of that model which says nothing yet.
    pub fn of(model: Name) -> Self {
        Self { model, owner: None, tags: None, add_tags: Vec::new(), remove_tags: Vec::new(), archived: None }
    }
}

/// What a stream repeats: windows are compared with the same part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Season {
    /// Nothing that is known of.
    #[default]
    None,
    SameHourOfWeek,
}

/// When a window is said to have drifted; see the alarm budget in `monitor::drift::judge`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyChange {
    /// Whether predictions are compared with a reference at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<bool>,
    /// Predictions that a reference window gathers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_rows: Option<u32>,
    /// Width of the windows that are judged, in seconds: whole minutes. 0: as wide as the traffic of each version needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_seconds: Option<u32>,
    /// The least population stability index that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psi_threshold: Option<f64>,
    /// Expected false alarms of the fleet in 30 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_alarms_per_month: Option<f64>,
    /// Labels of one version between two false alarms of its error detector, at least and on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_run_length: Option<f64>,
    /// Whether windows are compared with the same minutes of the weeks before, where there is enough of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<Season>,
    /// Whether the largest segments of a version are judged apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<bool>,
}

/// What the bearer of a token may do; each role may do what the one before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Publishes and gives commands.
    Operator,
    /// Changes settings and tokens.
    Admin,
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
