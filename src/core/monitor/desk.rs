//! The small part of the state that changes with every message, and what became of all records.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::monitor::drift::Fleet;
use crate::monitor::effect::Settled;
use crate::monitor::forgotten::Forgotten;
use crate::monitor::jobs::Tally;
use crate::monitor::rejected::Rejections;
use crate::monitor::rollup::Rolled;
use crate::monitor::status::Thresholds;
use crate::monitor::tokens::Tokens;
use crate::time::Timestamp;

/// The small part of the state that changes with every message and is written whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Desk {
    /// Sequence of the last message applied.
    pub position: u64,
    /// Newest `stored_at`: what time it is, as far as the log says.
    pub log_time: Timestamp,
    pub counts: Counts,
    pub rejections: Rejections,
    pub thresholds: Thresholds,
    pub drift: Fleet,
    pub tokens: Arc<Tokens>,
    pub settled: Settled,
    pub forgotten: Forgotten,
    pub rolled: Rolled,
    pub jobs: Tally,
}

/// Every record of the world is counted in exactly one of applied, rejected, duplicates, too late and ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub applied: u64,
    pub rejected: u64,
    pub duplicates: u64,
    /// Applied, but to a window that had already closed.
    pub late: u64,
    pub too_late: u64,
    /// Predictions that no label joined within the horizon.
    pub expired: u64,
    /// Valid records that change nothing, such as revoking an unknown token.
    pub ignored: u64,
}
