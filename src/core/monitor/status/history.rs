//! What the status of a model has been.

use serde::{Deserialize, Serialize};

use super::Status;
use crate::monitor::limits::{HISTORY_KEPT, HISTORY_MAX};
use crate::time::Timestamp;

/// Changes of the status, oldest first: at most [`HISTORY_MAX`], and of those older than [`HISTORY_KEPT`] only the last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    changes: Vec<Change>,
}

/// From this log time on the status was this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub at: Timestamp,
    pub status: Status,
}

/// A time in which the status was the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spell {
    pub from: Timestamp,
    /// `None`: it lasts.
    pub to: Option<Timestamp>,
    pub status: Status,
}

impl History {
    pub fn add(&mut self, change: Change) {
        self.changes.push(change);
        let kept_from = change.at - HISTORY_KEPT;
        let old = self.changes.iter().take_while(|known| known.at <= kept_from).count();
        let surplus = self.changes.len().saturating_sub(HISTORY_MAX);
        self.changes.drain(..old.saturating_sub(1).max(surplus));
    }

    /// The newest `n` changes, oldest first.
    pub fn newest(&self, n: usize) -> &[Change] {
        &self.changes[self.changes.len().saturating_sub(n)..]
    }

    /// The spells that are not over before `from` and begin before `to`, oldest first; the first one begins where it began.
    pub fn spells(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Spell> {
        let ends = self.changes.iter().skip(1).map(|next| Some(next.at)).chain([None]);
        let spells =
            self.changes.iter().zip(ends).map(|(change, end)| Spell { from: change.at, to: end, status: change.status });
        spells.filter(move |spell| spell.from < to && spell.to.is_none_or(|end| from < end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_micros(1_767_225_600_000_000) + Span::from_secs(3_600 * hours)
    }

    #[test]
    fn a_range_has_the_spell_it_begins_in_and_what_lasts() {
        let mut history = History::default();
        for (hours, status) in [(0, Status::Unknown), (1, Status::Healthy), (5, Status::Critical)] {
            history.add(Change { at: at(hours), status });
        }
        let spells = |from, to| history.spells(at(from), at(to)).map(|spell| (spell.status, spell.to)).collect::<Vec<_>>();
        assert_eq!(spells(2, 6), [(Status::Healthy, Some(at(5))), (Status::Critical, None)]);
        assert_eq!(spells(2, 5), [(Status::Healthy, Some(at(5)))]);
        assert_eq!(spells(9, 10), [(Status::Critical, None)]);
    }

    #[test]
    fn it_is_bounded_in_number_and_in_time() {
        let mut history = History::default();
        let status = |i: i64| if i % 2 == 0 { Status::Healthy } else { Status::Warning };
        (0..2 * HISTORY_MAX as i64).for_each(|i| history.add(Change { at: at(0) + Span::from_secs(i), status: status(i) }));
        assert_eq!(history.newest(usize::MAX).len(), HISTORY_MAX);
        history.add(Change { at: at(40 * 24), status: Status::Critical });
        assert_eq!(history.newest(usize::MAX).len(), 2, "the last one before the month is what the month began with");
    }
}
