//! Retraining as commands and outcomes say it: the policy, what is asked for by hand, and what trainers report.

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::ids::{EffectId, Name};

/// What is done with a model that has proved to be better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing is trained by itself.
    Off,
    /// It is proposed, and a person promotes it.
    #[default]
    Propose,
    /// It is promoted.
    Auto,
}

/// Bounds that a new model has to keep before its evidence counts; fields left out keep their value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatesChange {
    /// How much larger its expected calibration error may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ece_increase_max: Option<f64>,
    /// How much worse it may be in one segment: a share of answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment_loss_max: Option<f64>,
    /// Rows from which on a segment is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment_rows_min: Option<u32>,
    /// The 0.99 quantile of the time that one answer takes, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ms_max: Option<f64>,
    /// Bytes of its artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_max: Option<u64>,
}

/// How one model is retrained. What is left out is as for all models.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// As `tidewatch train --algorithm` names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<CompactString>,
    /// As `tidewatch train --param` takes them.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub hyperparameters: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown_hours: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_days: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates: Option<GatesChange>,
}

/// The policy of retraining; fields left out keep their value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetrainingChange {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_retrain_enabled: Option<bool>,
    /// Jobs at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent_tasks: Option<u32>,
    /// Hours of log time from one training to the next; 0: none by schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrain_interval_hours: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_models: Option<bool>,
    /// A model whose accuracy is below is trained anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub performance_threshold: Option<f64>,
    /// A model whose drift score is above is trained anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_threshold: Option<f64>,
    /// All of them, in place of those before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_configs: Option<BTreeMap<Name, ModelConfig>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Whether hyper-parameters that are not given are searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<bool>,
    /// Hours of log time after a job in which no other begins by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown_hours: Option<f64>,
    /// Days of the log that a training reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_days: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates: Option<GatesChange>,
}

/// The part of a job that is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    #[default]
    Backup,
    Data,
    Features,
    Search,
    Train,
    Evaluate,
}

impl Stage {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Data => "data",
            Self::Features => "features",
            Self::Search => "search",
            Self::Train => "train",
            Self::Evaluate => "evaluate",
        }
    }
}

/// What a trainer says of a job. On the wire the value of the key `retraining` of an outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobReport {
    #[serde(with = "as_text")]
    pub job: EffectId,
    /// Counted from 1. The highest that began owns the job.
    pub attempt: u32,
    #[serde(flatten)]
    pub told: Told,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Told {
    /// The attempt has begun, and reads this part of the log.
    Started { from_seq: u64, through_seq: u64, backup: Option<Backup> },
    Running {
        stage: Stage,
        /// 0 to 100.
        progress: f64,
    },
    /// A model was trained and graded.
    Trained(Box<Trained>),
    /// It cannot be done, whoever tries again.
    Failed { code: CompactString, detail: String },
    /// The attempt has ended without an answer; another may succeed.
    Lost { detail: String },
}

/// What was secured before a training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backup {
    /// Of ours; `None` of a model that is served elsewhere.
    pub version: Option<u32>,
    /// Of the bytes, read back and verified; `None` of a model that is served elsewhere.
    pub artifact: Option<CompactString>,
}

/// A model that was trained, and how it compares on the hold-out with what the log says was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trained {
    /// BLAKE3 of the stored bytes, in hexadecimal.
    pub artifact: CompactString,
    pub bytes: u64,
    pub algorithm: CompactString,
    /// All of them, with their defaults.
    pub parameters: Map<String, Value>,
    pub rows: u64,
    pub holdout: u64,
    /// BLAKE3 of the training rows in numbers, with their targets.
    pub data_hash: CompactString,
    pub code_version: CompactString,
    /// On the hold-out, by name. Of the champion on the rows that it answered.
    pub champion: BTreeMap<CompactString, Measured>,
    pub challenger: BTreeMap<CompactString, Measured>,
    /// Loss of the champion less loss of the challenger, −1 to 1, by hold-out row that both answered, in the order in which labels came.
    pub advantages: Vec<f64>,
    pub segments: Vec<SegmentPair>,
    /// The 0.99 quantile of the seconds that one answer takes.
    pub p99_seconds: f64,
    /// Up to where errors of quantities count.
    pub error_max: Option<f64>,
    /// Rises of the loss without a feature, the largest first.
    pub importance: Vec<(CompactString, f64)>,
    pub warnings: Vec<String>,
    /// Of a search.
    pub trials: Option<u32>,
    /// Seconds of the whole attempt.
    pub seconds: f64,
}

/// A figure with its interval of 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub value: f64,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub n: u64,
}

/// The mean loss of both on the rows of one segment value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentPair {
    pub name: Name,
    pub value: Name,
    pub rows: u64,
    pub champion: f64,
    pub challenger: f64,
}

/// How a challenger, or the previous champion, compares with the champion on labels that came since. On the wire the value of the key
/// `compared` of an outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    pub model: Name,
    /// Of the one that does not serve.
    pub version: u32,
    /// The champion that it was compared with, `None` of one that is served elsewhere.
    pub champion: Option<u32>,
    /// Loss of the champion less that of the other, in the order in which labels came.
    pub advantages: Vec<f64>,
    /// Labels up to here are in it.
    pub through_seq: u64,
}

mod as_text {
    use super::{Deserialize, Deserializer, EffectId, Serializer};

    pub fn serialize<S: Serializer>(id: &EffectId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<EffectId, D::Error> {
        let text = String::deserialize(deserializer)?;
        EffectId::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no id of a job, such as 12-0")))
    }
}
