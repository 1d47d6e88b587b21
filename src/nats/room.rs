//! How much room is left in the log, and who may still use it. The last part is kept: ordinary producers are refused first, then our own
//! ticks and outcomes, and commands last, so that a token can be revoked however full the log is. Over plain NATS nobody can be refused
//! here; there the server's own bound is what is left.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::event::Kind;

/// The most that is kept: 256 MiB, or as many messages, some 100 days of ticks and outcomes.
const RESERVE_BYTES_MAX: u64 = 256 << 20;
const RESERVE_MESSAGES_MAX: u64 = 2 << 20;

/// What a stored message takes beyond its subject, headers and payload, with something to spare: 30 bytes of framing and 4 a header.
const FRAMING: u64 = 64;

/// How long what the server said is taken as it is.
const ESTIMATED_AFTER: Duration = Duration::from_millis(100);

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

/// What a stream may be bounded in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Bytes,
    Messages,
}

/// How much a stream holds, and may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub unit: Unit,
    pub used: u64,
    /// `None`: its settings set no bound.
    pub most: Option<u64>,
}

/// What is known of the room, shared by all doors of a connection.
#[derive(Debug)]
pub struct Room {
    bytes: Measure,
    messages: Measure,
    /// The smallest ordinary message that was refused since there was room for it; the largest number if none was.
    refused: AtomicU64,
    /// The disk that the server and the store write to is nearly full.
    disk_low: AtomicBool,
    /// The stream takes commands, outcomes and ticks only.
    restricted: AtomicBool,
    /// Bytes that were published through us.
    published: AtomicU64,
    /// What the server said when it found no room though its settings leave some, such as a limit of the account; until it stores again.
    turned_away: Mutex<Option<String>>,
    /// Whether there is something in it, so that a message that is stored costs no lock.
    is_turned_away: AtomicBool,
    /// When the server was last asked.
    asked_at: Mutex<Option<Instant>>,
}

/// As the server last said, and what was published through us since.
#[derive(Debug, Default)]
struct Measure {
    used: AtomicU64,
    /// 0: no bound, or not known yet.
    most: AtomicU64,
}

/// Why there is no room for a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRoom {
    /// What is left is kept for others.
    Kept { unit: Unit, used: u64, most: u64, reserve: u64 },
    /// The disk has no room.
    Disk,
    /// The server has none, and says so.
    Server(String),
}

impl Unit {
    /// As a sentence calls it.
    pub const fn shown(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Messages => "messages",
        }
    }

    /// The setting of a stream that bounds it.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Bytes => "max_bytes",
            Self::Messages => "max_msgs",
        }
    }

    const fn reserve_max(self) -> u64 {
        match self {
            Self::Bytes => RESERVE_BYTES_MAX,
            Self::Messages => RESERVE_MESSAGES_MAX,
        }
    }
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

/// What of a stream that may hold `most` ordinary producers may not use: the last thirty-second, at most 256 MiB or two million messages.
pub const fn reserve(unit: Unit, most: u64) -> u64 {
    let share = most / 32;
    if share < unit.reserve_max() { share } else { unit.reserve_max() }
}

impl Held {
    /// Share of its bound, 0 to 1; `None` without one.
    pub fn share(&self) -> Option<f64> {
        self.most.map(|most| self.used as f64 / most as f64)
    }
}

impl Measure {
    fn set(&self, held: Held) {
        self.used.store(held.used, Ordering::Relaxed);
        self.most.store(held.most.unwrap_or(0), Ordering::Relaxed);
    }

    /// What is not for that class.
    fn kept(&self, unit: Unit, class: Class) -> NoRoom {
        let (used, most) = (self.used.load(Ordering::Relaxed), self.most.load(Ordering::Relaxed));
        let reserve = reserve(unit, most);
        let reserve = match class {
            Class::Ordinary => reserve,
            Class::Clock => reserve / 2,
            Class::Command => reserve / 16,
        };
        NoRoom::Kept { unit, used, most, reserve }
    }

    /// Why `size` more do not fit for that class.
    fn kept_from(&self, unit: Unit, class: Class, size: u64) -> Option<NoRoom> {
        let kept = self.kept(unit, class);
        let NoRoom::Kept { used, most, reserve, .. } = kept else { return None };
        (most != 0 && most < used + size + reserve).then_some(kept)
    }
}

impl Default for Room {
    fn default() -> Self {
        Self {
            bytes: Measure::default(),
            messages: Measure::default(),
            refused: AtomicU64::new(u64::MAX),
            disk_low: AtomicBool::new(false),
            restricted: AtomicBool::new(false),
            published: AtomicU64::new(0),
            turned_away: Mutex::default(),
            is_turned_away: AtomicBool::new(false),
            asked_at: Mutex::default(),
        }
    }
}

impl Room {
    /// What the server says now.
    pub fn set(&self, held: [Held; 2]) {
        *self.asked_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        for held in held {
            match held.unit {
                Unit::Bytes => self.bytes.set(held),
                Unit::Messages => self.messages.set(held),
            }
        }
        let refused = self.refused.load(Ordering::Relaxed);
        if refused != u64::MAX && self.kept_from(Class::Ordinary, refused).is_none() {
            self.refused.store(u64::MAX, Ordering::Relaxed);
        }
    }

    /// Whether it is some time since the server was asked.
    pub fn is_estimate(&self) -> bool {
        let asked_at = *self.asked_at.lock().unwrap_or_else(PoisonError::into_inner);
        asked_at.is_none_or(|at| ESTIMATED_AFTER <= at.elapsed())
    }

    /// Whether producers are refused: how the room stands.
    pub fn full(&self) -> Option<NoRoom> {
        let refused = self.refused.load(Ordering::Relaxed);
        let kept = self.kept_from(Class::Ordinary, if refused == u64::MAX { 0 } else { refused });
        kept.or_else(|| self.turned_away().clone().map(NoRoom::Server))
    }

    /// The server refused a message for want of room.
    pub fn turn_away(&self, detail: String) {
        *self.turned_away() = Some(detail);
        self.is_turned_away.store(true, Ordering::Release);
    }

    /// The server has stored a message: it has room again.
    pub fn stored(&self) {
        if self.is_turned_away.swap(false, Ordering::AcqRel) {
            self.turned_away().take();
        }
    }

    fn turned_away(&self) -> MutexGuard<'_, Option<String>> {
        self.turned_away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_disk_low(&self, low: bool) {
        self.disk_low.store(low, Ordering::Relaxed);
    }

    /// Whether the stream takes commands, outcomes and ticks only: ordinary producers are refused then.
    pub fn set_restricted(&self, restricted: bool) {
        self.restricted.store(restricted, Ordering::Relaxed);
    }

    pub fn is_restricted(&self) -> bool {
        self.restricted.load(Ordering::Relaxed)
    }

    /// Bytes that were published through us so far, a little more than the stream takes for them.
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
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
        if class == Class::Ordinary && self.is_restricted() {
            return Some(self.bytes.kept(Unit::Bytes, class));
        }
        let bytes = self.bytes.kept_from(Unit::Bytes, class, size + FRAMING);
        bytes.or_else(|| self.messages.kept_from(Unit::Messages, class, 1))
    }

    /// A message of `size` bytes is on its way: counted until the server says more.
    pub fn use_up(&self, size: usize) {
        self.bytes.used.fetch_add(size as u64 + FRAMING, Ordering::Relaxed);
        self.messages.used.fetch_add(1, Ordering::Relaxed);
        self.published.fetch_add(size as u64 + FRAMING, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(used: u64, most: impl Into<Option<u64>>) -> [Held; 2] {
        [Held { unit: Unit::Bytes, used, most: most.into() }, Held { unit: Unit::Messages, used: 0, most: None }]
    }

    #[test]
    fn the_last_part_of_the_log_is_kept_for_the_clock_and_the_very_last_for_commands() {
        let room = Room::default();
        let max = 64 << 20;
        assert_eq!(reserve(Unit::Bytes, max), 2 << 20);
        let admitted = |used: u64| {
            room.set(bytes(used, max));
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
        room.set(bytes(0, 3_200));
        assert_eq!(room.admit(Class::Ordinary, 2_900), Ok(()));
        room.use_up(2_900);
        assert_eq!(room.admit(Class::Ordinary, 30), Ok(()));
        room.use_up(30);
        assert_eq!(
            room.admit(Class::Ordinary, 0),
            Err(NoRoom::Kept { unit: Unit::Bytes, used: 3_058, most: 3_200, reserve: 100 })
        );
    }

    #[test]
    fn the_log_is_full_from_the_first_refusal_until_there_is_room_for_what_was_refused() {
        let room = Room::default();
        room.set(bytes(3_000, 32_000));
        assert!(room.admit(Class::Ordinary, 28_000).is_err() && room.full().is_some());
        room.set(bytes(3_000, 32_000));
        assert!(room.full().is_some());
        room.set(bytes(2_000, 32_000));
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

    #[test]
    fn a_stream_that_is_bounded_in_messages_keeps_its_last_messages_in_the_same_way() {
        let room = Room::default();
        let admitted = |used| {
            room.set([Held { unit: Unit::Bytes, used: 0, most: None }, Held { unit: Unit::Messages, used, most: Some(3_200) }]);
            [Class::Ordinary, Class::Clock, Class::Command].map(|class| room.admit(class, 1_000).is_ok())
        };
        assert_eq!(admitted(3_099), [true, true, true]);
        assert_eq!(admitted(3_100), [false, true, true]);
        assert_eq!(admitted(3_150), [false, false, true]);
        assert_eq!(admitted(3_194), [false, false, false]);
        assert!(matches!(room.full(), Some(NoRoom::Kept { unit: Unit::Messages, used: 3_194, most: 3_200, reserve: 100 })));
    }

    #[test]
    fn a_server_without_room_is_full_until_it_stores_again() {
        let room = Room::default();
        room.turn_away("insufficient resources".to_owned());
        assert_eq!(room.full(), Some(NoRoom::Server("insufficient resources".to_owned())));
        assert_eq!(room.admit(Class::Ordinary, 1), Ok(()), "whether there is room again is found out by asking");
        room.stored();
        assert_eq!(room.full(), None);
    }
}
