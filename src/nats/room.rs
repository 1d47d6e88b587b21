//! How much room is left in the log, and who may still use it. The last part is kept: ordinary producers are refused first, then our own
//! ticks and outcomes, and commands last, so that a token can be revoked however full the log is. Over plain NATS nobody can be refused
//! here; there the server's own bound is what is left.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::event::Kind;

/// The most that is kept: 256 MiB, some 100 days of ticks and outcomes.
const RESERVE_MAX: u64 = 256 << 20;

/// What a stored message takes beyond its subject, headers and payload, with something to spare: 30 bytes of framing and 4 a header.
const FRAMING: u64 = 64;

/// Who wants to publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Predictions, labels, samples and whatever else producers send.
    Ordinary,
    /// Our own ticks and outcomes.
    Clock,
    /// What people decide.
    Command,
}

/// What is known of the room, shared by all doors of a connection.
#[derive(Debug)]
pub struct Room {
    /// As the server last said, and what was published through us since.
    bytes: AtomicU64,
    /// 0: no bound, or not known yet.
    max_bytes: AtomicU64,
    /// The smallest ordinary message that was refused since there was room for it; the largest number if none was.
    refused: AtomicU64,
    /// The disk that the server and the store write to is nearly full.
    disk_low: AtomicBool,
}

/// Why there is no room for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// What is left is kept for others.
    Kept { bytes: u64, max_bytes: u64, reserve: u64 },
    /// The disk has no room.
    Disk,
}

impl Class {
    pub const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Command => Self::Command,
            Kind::Tick | Kind::Outcome => Self::Clock,
            _ => Self::Ordinary,
        }
    }
}

/// Bytes at the end of a stream of `max_bytes` that ordinary producers may not use: a thirty-second of it, at most 256 MiB.
pub const fn reserve(max_bytes: u64) -> u64 {
    let share = max_bytes / 32;
    if share < RESERVE_MAX { share } else { RESERVE_MAX }
}

impl Default for Room {
    fn default() -> Self {
        Self {
            bytes: AtomicU64::new(0),
            max_bytes: AtomicU64::new(0),
            refused: AtomicU64::new(u64::MAX),
            disk_low: AtomicBool::new(false),
        }
    }
}

impl Room {
    /// What the server says now.
    pub fn set(&self, bytes: u64, max_bytes: Option<u64>) {
        self.bytes.store(bytes, Ordering::Relaxed);
        self.max_bytes.store(max_bytes.unwrap_or(0), Ordering::Relaxed);
        let refused = self.refused.load(Ordering::Relaxed);
        if refused != u64::MAX && self.kept_from(Class::Ordinary, refused).is_none() {
            self.refused.store(u64::MAX, Ordering::Relaxed);
        }
    }

    /// Whether producers are refused: how the room stands.
    pub fn full(&self) -> Option<NoRoom> {
        let refused = self.refused.load(Ordering::Relaxed);
        self.kept_from(Class::Ordinary, if refused == u64::MAX { 0 } else { refused })
    }

    pub fn set_disk_low(&self, low: bool) {
        self.disk_low.store(low, Ordering::Relaxed);
    }

    /// Whether a message of `size` bytes (subject, headers and payload) may be published by that class.
    ///
    /// A server before 2.10 counts payloads when it refuses and whole messages when it then drops the oldest, so even the last of the
    /// room is never used up: a sixteenth of the reserve stays free.
    pub fn admit(&self, class: Class, size: usize) -> Result<(), NoRoom> {
        if class != Class::Command && self.disk_low.load(Ordering::Relaxed) {
            return Err(NoRoom::Disk);
        }
        let Some(refusal) = self.kept_from(class, size as u64) else { return Ok(()) };
        if class == Class::Ordinary {
            self.refused.fetch_min(size as u64, Ordering::Relaxed);
        }
        Err(refusal)
    }

    fn kept_from(&self, class: Class, size: u64) -> Option<NoRoom> {
        let (bytes, max_bytes) = (self.bytes.load(Ordering::Relaxed), self.max_bytes.load(Ordering::Relaxed));
        let reserve = reserve(max_bytes);
        let kept = match class {
            Class::Ordinary => reserve,
            Class::Clock => reserve / 2,
            Class::Command => reserve / 16,
        };
        let fits = max_bytes == 0 || bytes + size + FRAMING + kept <= max_bytes;
        (!fits).then_some(NoRoom::Kept { bytes, max_bytes, reserve: kept })
    }

    /// A message of `size` bytes is on its way: counted until the server says more.
    pub fn use_up(&self, size: usize) {
        self.bytes.fetch_add(size as u64 + FRAMING, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_the_log_is_kept_for_the_clock_and_the_very_last_for_commands() {
        let room = Room::default();
        let max = 64 << 20;
        assert_eq!(reserve(max), 2 << 20);
        let admitted = |bytes: u64| {
            room.set(bytes, Some(max));
            [Class::Ordinary, Class::Clock, Class::Command].map(|class| room.admit(class, 100).is_ok())
        };
        assert_eq!(admitted(0), [true, true, true]);
        assert_eq!(admitted(max - (2 << 20)), [false, true, true]);
        assert_eq!(admitted(max - (1 << 20)), [false, false, true]);
        assert_eq!(admitted(max - (64 << 10)), [false, false, false]);
    }

    #[test]
    fn what_is_on_its_way_counts_before_the_server_says_so() {
        let room = Room::default();
        room.set(0, Some(3_200));
        assert_eq!(room.admit(Class::Ordinary, 2_900), Ok(()));
        room.use_up(2_900);
        assert_eq!(room.admit(Class::Ordinary, 30), Ok(()));
        room.use_up(30);
        assert_eq!(room.admit(Class::Ordinary, 0), Err(NoRoom::Kept { bytes: 3_058, max_bytes: 3_200, reserve: 100 }));
    }

    #[test]
    fn the_log_is_full_from_the_first_refusal_until_there_is_room_for_what_was_refused() {
        let room = Room::default();
        room.set(3_000, Some(32_000));
        assert!(room.admit(Class::Ordinary, 28_000).is_err() && room.full().is_some());
        room.set(3_000, Some(32_000));
        assert!(room.full().is_some());
        room.set(2_000, Some(32_000));
        assert_eq!(room.full(), None);
    }

    #[test]
    fn a_full_disk_stops_everybody_but_commands_and_a_stream_without_bound_nobody() {
        let room = Room::default();
        assert_eq!(room.admit(Class::Ordinary, 1 << 30), Ok(()));
        room.set_disk_low(true);
        assert_eq!(room.admit(Class::Clock, 1), Err(NoRoom::Disk));
        assert_eq!(room.admit(Class::Command, 1), Ok(()));
    }
}
