//! A job of retraining: who asked for it, how far it is, and what came of it.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::event::{Backup, Stage};
use crate::ids::{EffectId, Name, Slug};
use crate::time::Timestamp;

/// Why a model is trained anew; of queued jobs the first of these begins first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    Manual,
    /// Its answers have become worse.
    Performance,
    /// What it is asked, or what it answers, has drifted.
    ModelDrift,
    /// Its time has come.
    Scheduled,
}

impl Cause {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Performance => "performance",
            Self::ModelDrift => "model_drift",
            Self::Scheduled => "scheduled",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Queued,
    /// It is its turn: a trainer has it, or is to take it.
    Running,
    /// A model was trained; what became of that says its version.
    Completed,
    Failed,
    /// A model was trained and is not wanted.
    Rejected,
    Cancelled,
}

impl State {
    pub const ALL: [Self; 6] = [Self::Queued, Self::Running, Self::Completed, Self::Failed, Self::Rejected, Self::Cancelled];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
        }
    }

    pub const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

/// A job. All instants are log time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub id: EffectId,
    pub model: Name,
    /// Number of the model.
    pub model_id: u32,
    /// The first asked for it; others have come since.
    pub causes: Vec<Cause>,
    /// Who published the command; `None` where the policy asked.
    pub asked_by: Option<Slug>,
    pub algorithm: CompactString,
    #[serde(with = "super::as_json")]
    pub hyperparameters: Map<String, Value>,
    pub search: bool,
    pub window_days: u32,
    pub backup_asked: bool,
    pub state: State,
    pub queued_at: Timestamp,
    /// When its turn came.
    pub due_at: Option<Timestamp>,
    /// When the first attempt began.
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// The newest that began; 0 before the first.
    pub attempt: u32,
    /// Attempts that ended without an answer.
    pub lost: u32,
    pub stage: Stage,
    /// 0 to 100.
    pub progress: f64,
    /// First and last sequence that it is trained from: the same for every attempt.
    pub range: Option<(u64, u64)>,
    pub backup: Option<Backup>,
    /// The champion when its turn came, `None` of one that is served elsewhere.
    pub parent: Option<u32>,
    /// Why it failed, or why its model is not wanted.
    pub error: Option<(CompactString, String)>,
    /// The version that was made.
    pub version: Option<u32>,
    pub outcome: Option<Outcome>,
}

/// What the model that was made is like.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// On the hold-out; of a regression the share within 10 % of the truth.
    pub accuracy: Option<f64>,
    pub rows: u64,
    /// Of the attempt that succeeded.
    pub seconds: f64,
}

impl Job {
    /// The seed of all that is drawn by lot: the same for every attempt.
    pub const fn seed(&self) -> u64 {
        self.id.seq.wrapping_mul(1 << 16).wrapping_add(self.id.index as u64)
    }

    /// A guess of the seconds left.
    ///
    /// * `before`: seconds that the last training of the model took.
    pub fn seconds_left(&self, log_time: Timestamp, before: Option<f64>) -> Option<f64> {
        if self.state == State::Queued {
            return before;
        }
        let elapsed = (log_time - self.started_at?).secs_f64().max(0.0);
        match before {
            Some(before) => Some((before - elapsed).max(0.0)),
            None if 10.0 <= self.progress => Some(elapsed * (100.0 - self.progress) / self.progress),
            None => None,
        }
    }
}
