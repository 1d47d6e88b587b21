//! Keeps a stream that would drop acknowledged messages from being filled to its bound by others: see [`crate::nats::Nats::restrict_input`].

use std::time::Duration;

use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::nats::room::{self, Unit};
use crate::nats::{Nats, StreamStatus};
use crate::telemetry::chain;

/// The fastest that others fill a stream, in bytes a second: so often it is looked at.
const FILL_RATE_MAX: f64 = 200e6;
const LOOK_INTERVAL_MIN: Duration = Duration::from_millis(50);
const LOOK_INTERVAL_MAX: Duration = Duration::from_secs(1);

/// What comes in so many intervals must find room before the stream is restricted.
const INTERVALS_AHEAD: f64 = 3.0;

/// Between two tries to change a stream that must not be changed.
const RETRY_INTERVAL: Duration = Duration::from_secs(60);

/// How full the stream is by what others publish, and whether they still may.
#[derive(Debug, Default)]
pub struct Intake {
    /// When it was looked at, the bytes it held, and those of us among them.
    last: Option<(Instant, u64, u64)>,
    /// Free bytes when it was restricted by this process.
    restricted_at: Option<u64>,
    /// After a failure.
    not_before: Option<Instant>,
    next_look: Option<Duration>,
}

impl Intake {
    /// Takes one look, and restricts the stream or opens it.
    pub async fn look(&mut self, nats: &Nats, status: &StreamStatus) {
        let ours = nats.room().published();
        let ahead = self.filled_ahead(Instant::now(), status.bytes, ours);
        let bound = status.max_bytes.filter(|_| nats.drops_when_full());
        let restrict = bound.is_some_and(|most| {
            let (free, reserve) = (most.saturating_sub(status.bytes), room::reserve(Unit::Bytes, most));
            self.next_look = (!status.restricted).then(|| look_interval(free));
            is_to_be_restricted(free, reserve, ahead, status.restricted.then_some(self.restricted_at))
        });
        if bound.is_none() {
            self.next_look = None;
        }
        let may_try = self.not_before.is_none_or(|at| at <= Instant::now());
        if restrict != status.restricted && may_try {
            self.change(nats, restrict).await;
        }
        if restrict == status.restricted {
            nats.room().set_restricted(status.restricted);
        }
    }

    /// When the stream should be looked at again, if that is soon.
    pub fn next_look(&self) -> Duration {
        self.next_look.unwrap_or(LOOK_INTERVAL_MAX)
    }

    /// Bytes that others are expected to publish until the stream could be restricted.
    fn filled_ahead(&mut self, now: Instant, bytes: u64, ours: u64) -> u64 {
        let last = self.last.replace((now, bytes, ours));
        let Some((at, bytes_then, ours_then)) = last.filter(|(at, ..)| *at < now) else { return 0 };
        let others = bytes.saturating_sub(bytes_then).saturating_sub(ours.saturating_sub(ours_then));
        let rate = others as f64 / (now - at).as_secs_f64();
        (rate * INTERVALS_AHEAD * self.next_look.unwrap_or(LOOK_INTERVAL_MIN).as_secs_f64()) as u64
    }

    async fn change(&mut self, nats: &Nats, restrict: bool) {
        match nats.restrict_input(restrict).await {
            Ok(status) => {
                self.not_before = None;
                self.restricted_at = None;
                if status.restricted {
                    let free = status.max_bytes.map_or(0, |most| most.saturating_sub(status.bytes));
                    self.restricted_at = Some(free);
                    error!(
                        free,
                        "the input stream takes commands, outcomes and ticks only: full, this server would drop the oldest messages"
                    );
                } else if !restrict {
                    info!("the input stream takes everything again");
                } else {
                    // its subjects are somebody's choice
                    self.not_before = Some(Instant::now() + RETRY_INTERVAL);
                }
                nats.room().set_restricted(status.restricted);
            }
            Err(error) => {
                self.not_before = Some(Instant::now() + RETRY_INTERVAL);
                warn!(error = %chain(&error), restrict, "the subjects of the input stream could not be changed");
            }
        }
    }
}

fn look_interval(free: u64) -> Duration {
    Duration::from_secs_f64(free as f64 / FILL_RATE_MAX).clamp(LOOK_INTERVAL_MIN, LOOK_INTERVAL_MAX)
}

/// `ahead`: bytes that others will have published before it can be restricted. `restricted`: whether it is, and how much was free when this process
/// did it: it is opened when somebody has made room, and not because those who were refused have stopped.
fn is_to_be_restricted(free: u64, reserve: u64, ahead: u64, restricted: Option<Option<u64>>) -> bool {
    match restricted {
        None => free <= reserve.saturating_add(ahead),
        Some(free_then) => free <= (2 * reserve).max(free_then.unwrap_or(0).saturating_add(reserve)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_restricted_before_others_reach_its_bound_and_opened_once_somebody_made_room() {
        assert!(!is_to_be_restricted(101, 100, 0, None));
        assert!(is_to_be_restricted(100, 100, 0, None));
        assert!(is_to_be_restricted(600, 100, 500, None));
        assert!(is_to_be_restricted(600, 100, 0, Some(Some(600))), "nobody made room");
        assert!(!is_to_be_restricted(701, 100, 0, Some(Some(600))));
        assert!(is_to_be_restricted(200, 100, 0, Some(None)), "restricted by an earlier process");
        assert!(!is_to_be_restricted(201, 100, 0, Some(None)));
    }

    #[test]
    fn what_is_published_by_us_is_refused_by_us_and_counts_for_nothing() {
        let (mut intake, start) = (Intake::default(), Instant::now());
        assert_eq!(intake.filled_ahead(start, 1_000_000, 0), 0);
        assert_eq!(intake.filled_ahead(start + Duration::from_millis(500), 2_000_000, 1_000_000), 0);
        // two million a second, fifty milliseconds three times
        assert_eq!(intake.filled_ahead(start + Duration::from_millis(1_000), 3_000_000, 1_000_000), 300_000);
    }

    #[test]
    fn a_stream_is_looked_at_the_more_often_the_less_is_free() {
        assert_eq!(look_interval(64 << 30), LOOK_INTERVAL_MAX);
        assert_eq!(look_interval(20_000_000), Duration::from_millis(100));
        assert_eq!(look_interval(0), LOOK_INTERVAL_MIN);
    }
}
