//! The beginning of the log that this installation has cut off itself, so that it is not taken for a loss.

use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use serde_json::json;

use crate::nats::connect::Nats;
use crate::nats::provision::Role;
use crate::nats::stream::{StreamError, StreamStatus, api};
use crate::time::Timestamp;

/// Sequences that are looked at where one was deleted.
const DELETED_MAX: u64 = 16;

/// Up to where a stream may have been cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// When the stream was made.
    pub created: Timestamp,
    /// Everything before this sequence was, or is about to be, cut off.
    pub first_seq: u64,
}

/// What is known of it, shared by all clones of a connection.
#[derive(Debug, Default)]
pub(super) struct KnownCut(Mutex<Option<Cut>>);

#[derive(Deserialize)]
struct Purged {
    purged: u64,
}

impl KnownCut {
    /// The first sequence that a stream made at that time may begin with without having lost anything; 0 if nothing was cut.
    pub fn first_seq(&self, created: Timestamp) -> u64 {
        let cut = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cut.filter(|cut| cut.created == created).map_or(0, |cut| cut.first_seq)
    }

    fn set(&self, cut: Cut) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
    }
}

impl Nats {
    /// From now on a log that begins up to there has lost nothing.
    pub fn expect_cut(&self, cut: Cut) {
        self.cut().set(cut);
    }

    /// The first sequence that the stream may begin with without having lost anything, as far as it was cut here; 0 if it never was.
    pub fn expected_first_seq(&self, status: &StreamStatus) -> u64 {
        self.cut().first_seq(status.created)
    }

    /// Deletes the messages of the input stream before `seq`. Gives how many there were.
    ///
    /// Errors: the stream denies it, or the server does not answer.
    pub async fn cut_before(&self, seq: u64) -> Result<u64, StreamError> {
        let name = Role::Input.stream_name(self.root());
        let Purged { purged } = api(self, &name, "STREAM.PURGE", &json!({ "seq": seq })).await?;
        Ok(purged)
    }

    /// The first sequence from `from` to before `end` that was stored at `time` or later; `end` if all are older. Looks at some twenty
    /// messages. Where sequences were deleted the answer may be too small.
    pub async fn first_since(&self, time: Timestamp, from: u64, end: u64) -> Result<u64, StreamError> {
        let (mut from, mut end) = (from, end);
        while from < end {
            let middle = from + (end - from) / 2;
            let mut found = None;
            for seq in middle..end.min(middle + DELETED_MAX) {
                found = self.get_message(Role::Input, seq).await?;
                if found.is_some() {
                    break;
                }
            }
            match found {
                Some(message) if message.stored_at < time => from = message.seq + 1,
                _ => end = middle,
            }
        }
        Ok(from)
    }
}
