//! Whether the one writer is alive: since when it has had a batch in hand, how far it is with that, and when it last committed. Read by whoever
//! watches it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;

/// Shared between the processor and its watchdog.
#[derive(Debug)]
pub struct Pulse {
    beat: Mutex<Beat>,
    /// Parts of batches that are done: a large batch on a slow machine takes long and does not hang.
    steps: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
struct Beat {
    /// Since when a batch is in hand and not committed.
    busy_since: Option<Instant>,
    committed_at: Instant,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { beat: Mutex::new(Beat { busy_since: None, committed_at: clock::monotonic() }), steps: AtomicU64::new(0) }
    }
}

impl Pulse {
    /// A batch is in hand, or its commit begins: waiting for room on the disk in between is not counted.
    pub fn begin(&self) {
        self.step();
        self.change(|beat| beat.busy_since = Some(clock::monotonic()));
    }

    /// A part of what is in hand is done, such as one message.
    pub fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// How many parts were done so far.
    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// What was in hand is committed.
    pub fn end(&self) {
        self.change(|beat| *beat = Beat { busy_since: None, committed_at: clock::monotonic() });
    }

    /// How long the batch in hand has been there; `None` if there is none.
    pub fn busy(&self) -> Option<Duration> {
        self.read().busy_since.map(|since| since.elapsed())
    }

    /// Since the last commit, or since the start.
    pub fn commit_age(&self) -> Duration {
        self.read().committed_at.elapsed()
    }

    fn change(&self, change: impl FnOnce(&mut Beat)) {
        change(&mut self.beat.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn read(&self) -> Beat {
        *self.beat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_in_hand_shows_until_it_is_committed() {
        let pulse = Pulse::default();
        assert_eq!(pulse.busy(), None);
        pulse.begin();
        assert!(pulse.busy().is_some());
        pulse.end();
        assert_eq!(pulse.busy(), None);
        assert!(pulse.commit_age() < Duration::from_secs(60));
    }
}
