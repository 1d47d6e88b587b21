//! Room that all versions share while they gather. Each reserves all it will need before its first row, first come first served, so that who
//! has begun can finish; who finds no room waits with a ticket. Without that, many versions fill the room together and none becomes whole.
//!
//! Turns come at ticks, in the order of the tickets ([`crate::monitor::model::Models`] looks for them there): the log says when, so a replay
//! serves the same versions at the same place. A version that has reserved and falls silent loses its place to those that wait: see
//! [`Claim::is_silent`].

use serde::{Deserialize, Serialize};

use crate::monitor::limits::{RESERVATION_PATIENCE, RESERVATIONS_LOOKED_AT};
use crate::time::Timestamp;

/// What is reserved of something, and who waits for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Values reserved by those that gather.
    pub reserved: u64,
    /// Versions that wait.
    pub waiting: u32,
    /// Reservations that were taken from versions that had fallen silent.
    pub lapsed: u64,
    next_ticket: u64,
    /// When it was last looked for silent ones, in log time.
    looked_at: Timestamp,
}

/// What one version has of a [`Room`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    #[default]
    None,
    Waiting {
        /// Lower ones are served first.
        ticket: u64,
        /// How much it will reserve.
        values: u64,
    },
    Reserved {
        values: u64,
        /// Rows it had when that was last looked at, and the log time since when it has had as many.
        rows: u32,
        heard: Timestamp,
    },
}

impl Claim {
    pub const fn is_reserved(&self) -> bool {
        matches!(self, Self::Reserved { .. })
    }

    /// The ticket and the size of one that waits.
    pub const fn waits(&self) -> Option<(u64, u64)> {
        match self {
            Self::Waiting { ticket, values } => Some((*ticket, *values)),
            Self::None | Self::Reserved { .. } => None,
        }
    }

    /// How much is reserved.
    pub const fn reserved(&self) -> u64 {
        match self {
            Self::Reserved { values, .. } => *values,
            Self::None | Self::Waiting { .. } => 0,
        }
    }

    /// Since when a reservation has had no new row, if that is longer than anyone waits for; notes the rows it has.
    pub fn is_silent(&mut self, rows_now: u32, log_time: Timestamp) -> Option<Timestamp> {
        let Self::Reserved { rows, heard, .. } = self else { return None };
        if *rows != rows_now {
            (*rows, *heard) = (rows_now, log_time);
        }
        (RESERVATION_PATIENCE < log_time - *heard).then_some(*heard)
    }
}

impl Room {
    /// Reserves `values` for `claim`, or has it wait. True if it is reserved, now or before.
    ///
    /// * `most`: how much may be reserved in all.
    pub fn ask(&mut self, claim: &mut Claim, values: u64, most: u64, log_time: Timestamp) -> bool {
        match claim {
            Claim::Reserved { .. } => true,
            Claim::Waiting { .. } => false,
            Claim::None if self.waiting == 0 && self.has(values, most) => {
                self.reserve(claim, values, log_time);
                true
            }
            Claim::None => {
                *claim = Claim::Waiting { ticket: self.next_ticket, values };
                self.next_ticket += 1;
                self.waiting += 1;
                false
            }
        }
    }

    /// Reserves for one whose turn has come, if there is room.
    pub fn serve(&mut self, claim: &mut Claim, most: u64, log_time: Timestamp) -> bool {
        let Some((_, values)) = claim.waits().filter(|(_, values)| self.has(*values, most)) else { return false };
        self.release(claim);
        self.reserve(claim, values, log_time);
        true
    }

    /// Reserves as much as `values` in all for one that has reserved less. False, and nothing changed, if there is no room for that.
    pub fn widen(&mut self, claim: &mut Claim, values: u64, most: u64) -> bool {
        let Claim::Reserved { values: held, .. } = claim else { return false };
        let more = values.saturating_sub(*held);
        let fits = self.has(more, most);
        if fits {
            self.reserved += more;
            *held += more;
        }
        fits
    }

    /// Takes back what `claim` has, be it a reservation or a place.
    pub fn release(&mut self, claim: &mut Claim) {
        match std::mem::take(claim) {
            Claim::None => {}
            Claim::Waiting { .. } => self.waiting -= 1,
            Claim::Reserved { values, .. } => self.reserved -= values,
        }
    }

    /// Whether it is time to look for silent ones again.
    pub fn is_due(&mut self, log_time: Timestamp) -> bool {
        let due = RESERVATIONS_LOOKED_AT <= log_time - self.looked_at;
        if due {
            self.looked_at = log_time;
        }
        due
    }

    /// Reserves without waiting.
    pub const fn reserve(&mut self, claim: &mut Claim, values: u64, log_time: Timestamp) {
        self.reserved += values;
        *claim = Claim::Reserved { values, rows: 0, heard: log_time };
    }

    pub const fn has(&self, values: u64, most: u64) -> bool {
        self.reserved + values <= most
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    #[test]
    fn who_comes_first_is_served_first_and_a_small_one_does_not_pass_a_large_one() {
        let (mut room, now) = (Room::default(), Timestamp::default());
        let mut claims = [Claim::None; 4];
        let asked: Vec<bool> =
            claims.iter_mut().zip([60, 50, 10, 30]).map(|(claim, values)| room.ask(claim, values, 100, now)).collect();
        assert_eq!(asked, [true, false, false, false], "the third would fit, but the second came before it");
        assert_eq!((room.reserved, room.waiting), (60, 3));
        assert!(!room.serve(&mut claims[1], 100, now), "there is no room yet");
        room.release(&mut claims[0]);
        assert!(
            room.serve(&mut claims[1], 100, now)
                && room.serve(&mut claims[2], 100, now)
                && room.serve(&mut claims[3], 100, now)
        );
        assert_eq!((room.reserved, room.waiting), (90, 0));
        assert!(room.widen(&mut claims[3], 40, 100) && !room.widen(&mut claims[3], 41, 100));
        claims.iter_mut().for_each(|claim| room.release(claim));
        assert_eq!((room.reserved, room.waiting), (0, 0));
    }

    #[test]
    fn a_reservation_is_silent_once_no_row_has_come_for_longer_than_anyone_waits() {
        let mut claim = Claim::Reserved { values: 10, rows: 0, heard: Timestamp::default() };
        let after = |times: i64| Timestamp::default() + Span::from_micros(RESERVATION_PATIENCE.micros() * times);
        assert_eq!(claim.is_silent(3, after(2)), None, "rows have come since it was last looked at");
        assert_eq!(claim.is_silent(3, after(3)), None);
        assert_eq!(claim.is_silent(3, after(4)), Some(after(2)));
    }
}
