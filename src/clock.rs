//! The only place that reads a clock. The core is never told what it says: its time comes with the events.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::time::Timestamp;

/// The wall clock, to the microsecond. It may jump, both ways; for lengths of time take [`monotonic`].
pub fn now() -> Timestamp {
    let micros = |elapsed: Duration| i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => micros(since),
        Err(before) => -micros(before.duration()),
    })
}

/// An instant that never goes back: for timeouts, rates and uptimes.
pub fn monotonic() -> Instant {
    Instant::now()
}
