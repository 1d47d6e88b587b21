//! Is the log still the one our state was built from? The log can rewind (a power cut, a restored backup, a re-created stream);
//! a store that went on quietly would be wrong for ever.

use crate::nats::connect::Nats;
use crate::nats::provision::Role;
use crate::nats::stream::{StreamError, StreamStatus};
use crate::time::Timestamp;

/// What the store remembers of the log, written in the same batch as the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The stream's creation time.
    pub created: Timestamp,
    /// The last applied sequence; 0 if none.
    pub seq: u64,
    /// [`crate::nats::fingerprint`] of that message.
    pub fingerprint: u64,
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
        "message {seq} is not the one the store has applied: the stream was restored or rewritten; run `tidewatch rebuild`, or \
         point it at the right server"
    )]
    Differs { seq: u64 },
}

/// Compares what the store remembers with the stream. `found` is the fingerprint of the stream's message at `saved.seq`; `None` if
/// the stream no longer holds it, which is no fault when retention or an operator took it.
pub fn check(saved: Option<&Saved>, status: &StreamStatus, found: Option<u64>) -> Result<(), LogChanged> {
    let Some(&Saved { created: expected, seq: applied, fingerprint }) = saved.filter(|saved| saved.seq != 0) else {
        return Ok(());
    };
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
    match found {
        Some(found) if found != fingerprint => Err(LogChanged::Differs { seq: applied }),
        _ => Ok(()),
    }
}

impl Nats {
    /// Asks the input stream and runs [`check`]. The outer error: no answer; the inner: the log changed.
    pub async fn check_log(&self, saved: Option<&Saved>) -> Result<Result<StreamStatus, LogChanged>, StreamError> {
        let status = self.status(Role::Input).await?;
        let found = match saved {
            Some(saved) if status.first_seq <= saved.seq && saved.seq <= status.last_seq => {
                self.get_message(Role::Input, saved.seq).await?.map(|message| message.fingerprint())
            }
            _ => None,
        };
        Ok(check(saved, &status, found).map(|()| status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: Timestamp = Timestamp::from_micros(1_000_000);

    fn stream(first_seq: u64, last_seq: u64) -> StreamStatus {
        StreamStatus { created: CREATED, first_seq, last_seq, messages: last_seq + 1 - first_seq, bytes: 0 }
    }

    fn saved(seq: u64) -> Saved {
        Saved { created: CREATED, seq, fingerprint: 7 }
    }

    #[test]
    fn a_log_that_goes_on_from_our_position_is_accepted() {
        assert_eq!(check(None, &stream(5, 9), None), Ok(()));
        assert_eq!(check(Some(&saved(7)), &stream(1, 9), Some(7)), Ok(()));
        assert_eq!(check(Some(&saved(9)), &stream(1, 9), Some(7)), Ok(()));
        assert_eq!(check(Some(&saved(9)), &stream(10, 9), None), Ok(()), "all applied, then removed by retention");
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
