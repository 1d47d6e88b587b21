//! Labels that come before their prediction wait for it, and what waits too long is an orphan.

use crate::monitor::Desk;
use crate::monitor::join::{EarlyLabel, Served};
use crate::monitor::limits::{PANE_WIDTH, PARKED_MAX};
use crate::monitor::model::Model;
use crate::time::Timestamp;

impl Model {
    pub(super) fn expire_parked(&mut self, desk: &mut Desk) {
        while let Some((minute, waiting)) = self.parked.first_key_value().map(|(minute, waiting)| (*minute, *waiting)) {
            if !is_past(minute, desk) {
                return;
            }
            self.parked.remove(&minute);
            self.counters.pending_labels -= waiting;
            self.counters.orphans += waiting;
        }
    }

    /// Whether the prediction is one of this model, and not of one of the same name that was forgotten.
    pub(super) const fn knows(&self, served: &Served) -> bool {
        served.model == self.id
    }

    /// Whether a parked label still waits: its minute has not expired.
    pub(super) fn is_parked(&self, parked: &EarlyLabel) -> bool {
        parked.model == self.id && self.parked.contains_key(&parked.since.floor(PANE_WIDTH))
    }

    /// Takes a parked label back for its prediction. False if it has expired.
    pub(super) fn unpark(&mut self, parked: &EarlyLabel) -> bool {
        if parked.model != self.id {
            return false;
        }
        let minute = parked.since.floor(PANE_WIDTH);
        let Some(waiting) = self.parked.get_mut(&minute) else { return false };
        *waiting -= 1;
        if *waiting == 0 {
            self.parked.remove(&minute);
        }
        self.counters.pending_labels -= 1;
        true
    }
}

/// Whether labels parked in this minute of log time have waited long enough.
pub(super) fn is_past(minute: Timestamp, desk: &Desk) -> bool {
    minute + PANE_WIDTH + PARKED_MAX <= desk.log_time
}
