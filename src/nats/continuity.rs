//! Is the log still the one our state was built from? The log can rewind (a power cut, a restored backup, a re-created stream);
//! a store that went on quietly would be wrong for ever.

use serde::{Deserialize, Serialize};

use crate::nats::connect::Nats;
use crate::nats::provision::Role;
use crate::nats::stream::{StreamError, StreamStatus};
use crate::time::Timestamp;

/// Messages that are read again to compare fingerprints, at most: each costs a round trip.
pub(super) const COMPARED_MAX: usize = 16;

/// A place in the log and the fingerprint of everything up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// 0: the beginning.
    pub seq: u64,
    /// [`crate::nats::fingerprint`], chained over all messages up to `seq`; 0 at the beginning.
    pub fingerprint: u64,
}

/// What the store remembers of the log, written in the same batch as the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The stream's creation time.
    pub created: Timestamp,
    /// The oldest sequence that the log held when it was last looked at; 0 if it held none.
    pub first_seq: u64,
    /// The last applied message; its sequence is 0 if there is none.
    pub last: Mark,
    /// A place a few messages before it, from which its fingerprint can be made again.
    pub anchor: Mark,
}

/// The log is not the one the store was built from. Never guess: each says both positions and the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogChanged {
    #[error(
        "the store has applied sequence {applied} but the stream ends at {last}: the log lost its tail (a power cut?); \
         run `tidewatch rebuild` to replay what is left, or restore the stream"
    )]
    AheadOfStream { applied: u64, last: u64 },
    #[error(
        "the store has applied sequence {applied} but the stream begins at {first}: what lies between was deleted before it was \
         applied; restore the stream, or run `tidewatch rebuild` to start from what is left"
    )]
    Gap { first: u64, applied: u64 },
    #[error(
        "the stream was created at {created} but the store (at sequence {applied}) was built from one created at {expected}; the \
         stream now ends at {last}; run `tidewatch rebuild`, or point it at the right server"
    )]
    Recreated { expected: Timestamp, created: Timestamp, applied: u64, last: u64 },
    #[error(
        "the log lost its oldest messages: it began at sequence {expected} and now begins at {first} ({} messages are gone), although \
         its settings drop none (nats-server 2.9 does it when the stream is full); the store has applied sequence {applied}; \
         run `tidewatch rebuild --accept-loss` to keep the store as it is and go on, or `tidewatch rebuild` to replay what is left, \
         or restore the stream", first - expected
    )]
    LostFront { expected: u64, first: u64, applied: u64 },
    #[error(
        "the log begins at sequence {first}: sequences 1 to {} are gone, and there is no store that has applied them; thresholds, \
         tokens and windows of that time would be missing. {snapshots}. Put a copy of the store back, `tidewatch snapshot import` a \
         snapshot that was exported, restore the stream, or run `tidewatch rebuild --partial` to start from what is left", first - 1
    )]
    NoBeginning {
        first: u64,
        /// Which snapshots there are, and why none of them can be used.
        snapshots: String,
    },
    #[error(
        "the input stream is gone, but the store has applied its messages up to sequence {applied}; restore the stream, point to the \
         right server, or run `tidewatch rebuild` to begin with an empty log"
    )]
    StreamMissing { applied: u64 },
    #[error(
        "message {seq} is not the one the store has applied: the stream was restored or rewritten; run `tidewatch rebuild`, or \
         point it at the right server"
    )]
    Differs { seq: u64 },
}

/// Compares what the store remembers with the stream. `found` is the fingerprint of the stream's message at `saved.last`, made from
/// the anchor on; `None` if the stream no longer holds what is needed, which is no fault when its settings let it drop messages.
pub fn check(saved: Option<&Saved>, status: &StreamStatus, found: Option<u64>) -> Result<(), LogChanged> {
    let Some(saved) = saved.filter(|saved| saved.last.seq != 0) else {
        return Ok(());
    };
    let (expected, applied) = (saved.created, saved.last.seq);
    let &StreamStatus { created, first_seq: first, last_seq: last, .. } = status;
    if created != expected {
        return Err(LogChanged::Recreated { expected, created, applied, last });
    }
    if last < applied {
        return Err(LogChanged::AheadOfStream { applied, last });
    }
    if applied + 1 < first {
        return Err(LogChanged::Gap { first, applied });
    }
    front(saved.first_seq, status, applied)?;
    match found {
        Some(found) if found != saved.last.fingerprint => Err(LogChanged::Differs { seq: applied }),
        _ => Ok(()),
    }
}

/// Whether the log still begins where it began, unless its settings drop messages. `known`: its first sequence so far.
pub fn front(known: u64, status: &StreamStatus, applied: u64) -> Result<(), LogChanged> {
    let (expected, first) = (known.max(1), status.first_seq);
    if expected < first && status.drops.is_none() {
        return Err(LogChanged::LostFront { expected, first, applied });
    }
    Ok(())
}

impl Nats {
    /// Asks the input stream and runs [`check`]. The outer error: no answer; the inner: the log changed.
    pub async fn check_log(&self, saved: Option<&Saved>) -> Result<Result<StreamStatus, LogChanged>, StreamError> {
        let status = self.status(Role::Input).await?;
        // what was cut here is no loss
        let cut = self.expected_first_seq(&status);
        let saved = saved.map(|saved| Saved { first_seq: saved.first_seq.max(cut), ..*saved });
        let saved = saved.as_ref();
        let found = match saved {
            Some(saved) if saved.last.seq <= status.last_seq => self.fingerprint_of(saved, &status).await?,
            _ => None,
        };
        Ok(check(saved, &status, found).map(|()| status))
    }

    /// The fingerprint of the message at `saved.last`, made of the stream's messages after the anchor. `None` if the stream begins
    /// after the anchor.
    async fn fingerprint_of(&self, saved: &Saved, status: &StreamStatus) -> Result<Option<u64>, StreamError> {
        let from = saved.anchor.seq + 1;
        if from < status.first_seq {
            return Ok(None);
        }
        let mut chain = saved.anchor.fingerprint;
        for seq in from..=saved.last.seq {
            // one that was deleted is in neither of the two
            if let Some(message) = self.get_message(Role::Input, seq).await? {
                chain = message.fingerprint(chain);
            }
        }
        Ok(Some(chain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: Timestamp = Timestamp::from_micros(1_000_000);

    fn stream(first_seq: u64, last_seq: u64) -> StreamStatus {
        let messages = last_seq + 1 - first_seq;
        StreamStatus {
            created: CREATED,
            first_seq,
            last_seq,
            messages,
            bytes: 0,
            max_bytes: None,
            max_messages: None,
            restricted: false,
            drops: None,
        }
    }

    fn saved(seq: u64) -> Saved {
        Saved { created: CREATED, first_seq: 1, last: Mark { seq, fingerprint: 7 }, anchor: Mark::default() }
    }

    #[test]
    fn a_log_that_goes_on_from_our_position_is_accepted() {
        assert_eq!(check(None, &stream(5, 9), None), Ok(()));
        assert_eq!(check(Some(&saved(7)), &stream(1, 9), Some(7)), Ok(()));
        assert_eq!(check(Some(&saved(9)), &stream(1, 9), Some(7)), Ok(()));
        let drops = StreamStatus { drops: Some("max_age".into()), ..stream(10, 9) };
        assert_eq!(check(Some(&saved(9)), &drops, None), Ok(()), "all applied, then removed by retention");
    }

    #[test]
    fn a_log_that_is_shorter_than_our_position_is_refused() {
        assert_eq!(check(Some(&saved(7)), &stream(1, 6), None), Err(LogChanged::AheadOfStream { applied: 7, last: 6 }));
    }

    #[test]
    fn a_log_whose_beginning_overtook_us_is_refused() {
        assert_eq!(check(Some(&saved(7)), &stream(9, 20), None), Err(LogChanged::Gap { first: 9, applied: 7 }));
    }

    #[test]
    fn a_log_that_lost_its_beginning_is_refused_unless_its_settings_drop_messages() {
        let lost = LogChanged::LostFront { expected: 1, first: 4, applied: 7 };
        assert_eq!(check(Some(&saved(7)), &stream(4, 9), Some(7)), Err(lost));
        let known = Saved { first_seq: 4, ..saved(7) };
        assert_eq!(check(Some(&known), &stream(4, 9), Some(7)), Ok(()), "known before, and accepted");
    }

    #[test]
    fn a_stream_that_was_created_again_is_refused_however_long_it_is() {
        let again = StreamStatus { created: Timestamp::from_micros(2_000_000), ..stream(1, 50) };
        let changed = check(Some(&saved(7)), &again, Some(7)).unwrap_err();
        assert!(matches!(changed, LogChanged::Recreated { applied: 7, last: 50, .. }), "{changed}");
    }

    #[test]
    fn another_message_at_our_position_is_refused() {
        assert_eq!(check(Some(&saved(7)), &stream(1, 9), Some(8)), Err(LogChanged::Differs { seq: 7 }));
    }

    #[test]
    fn a_store_that_has_applied_nothing_accepts_any_log() {
        let again = StreamStatus { created: Timestamp::from_micros(2_000_000), ..stream(4, 50) };
        assert_eq!(check(Some(&saved(0)), &again, None), Ok(()));
    }
}
