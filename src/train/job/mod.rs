//! A job of retraining from the trainer's side: the order, the rows that the log holds, the model, and how it compares with what was answered.
//!
//! The trainer is a process of its own. Orders and messages of the log come by its input, what it says and the model go by its output, both in
//! pieces with their length before them; see [`piece`].

pub mod pairs;
pub mod piece;
pub mod rows;
pub mod work;

use serde::{Deserialize, Serialize};
use tidewatch_core::event::{Stage, Trained};

use crate::parameters::Given;

/// What is to be trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub model: String,
    pub algorithm: String,
    pub hyperparameters: Given,
    /// Whether hyper-parameters that are not given are searched.
    pub search: bool,
    /// Of all that is drawn by lot.
    pub seed: u64,
    pub threads: usize,
    /// Bytes of memory that may be taken.
    pub memory: u64,
    /// Root of the subjects.
    pub root: String,
    /// First and last sequence of the messages that come.
    pub range: (u64, u64),
    /// The version that serves now, as predictions of it name it: of others' answers nothing follows for it. `None` of a model that is served elsewhere.
    pub champion: Option<String>,
    /// The hash of the artifact that serves now; `None` of a model that is served elsewhere.
    pub parent: Option<String>,
}

/// What the trainer says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum Say {
    Progress {
        stage: Stage,
        /// 0 to 100.
        progress: f64,
    },
    /// It is done; the artifact is the next piece.
    Trained(Box<Trained>),
    /// It cannot be done.
    Failed { code: String, detail: String },
}
