//! What a model does about rolling its panes up: at ticks, and so many a tick, it makes wide panes of narrow ones and deletes what is no longer
//! kept.

use crate::monitor::Desk;
use crate::monitor::cold::{Cold, Next};
use crate::monitor::kept::Kept;
use crate::monitor::limits::{PANE_WIDTH, PANES_ROLLED_PER_TICK, ROLLED_AFTER};
use crate::monitor::model::{Model, Models};
use crate::monitor::pane::{Pane, PaneId, Width};
use crate::monitor::rollup::{Rolled, Stretch};
use crate::monitor::turn::Turn;
use crate::time::Timestamp;

/// Panes that a tick may still read, write and delete.
struct Room(usize);

impl Room {
    /// Takes what one wide pane and the panes it is made of may cost. False if that is too much.
    fn take(&mut self, width: Width) -> bool {
        let parts = match width {
            Width::Minute => 1,
            Width::Hour => 60,
            Width::Day => 24,
        };
        let fits = parts <= self.0;
        self.0 -= if fits { parts } else { 0 };
        fits
    }
}

impl Models {
    /// Rolls up the panes of all models, as far as one tick may; the next goes on from there.
    pub(in crate::monitor) fn roll_up(&mut self, turn: &mut Turn<'_>) {
        let mut room = Room(PANES_ROLLED_PER_TICK);
        let given = self.list.given();
        let first = std::mem::take(&mut turn.desk.rolled.next);
        for id in (first..given).chain(0..first.min(given)) {
            if !self.list.find(id).is_some_and(|model| model.is_roll_due(turn.desk)) {
                continue;
            }
            let position = turn.desk.position;
            if !self.touch(id, position).roll_up(turn, &mut room) {
                turn.desk.rolled.next = id;
                return;
            }
        }
    }
}

impl Model {
    /// What time it is for this model: its newest event time, and the log time that has passed since that came. So a history that is published
    /// afterwards ages as it did, and a model that has fallen silent goes on ageing.
    pub fn clock(&self, log_time: Timestamp) -> Timestamp {
        if self.last_stored_at < log_time { self.newest + (log_time - self.last_stored_at) } else { self.newest }
    }

    /// Whether the day that `at` lies in has been deleted; what is of it is refused, and counted.
    pub(super) fn is_deleted(&self, desk: &mut Desk, at: Timestamp) -> bool {
        let is_deleted = self.rollup.width_at(at).is_none();
        desk.rolled.too_old += u64::from(is_deleted);
        is_deleted
    }

    /// Counts what has come for a pane that is sealed already: a prediction without a label is expired there.
    pub(super) fn expire(&mut self, desk: &mut Desk, at: Timestamp, predictions: i64) {
        if at.floor(PANE_WIDTH) < self.sealed_until {
            for expired in [&mut self.counters.expired, &mut desk.counts.expired] {
                *expired = expired.saturating_add_signed(predictions);
            }
        }
    }

    /// Up to where its time is to be rolled up.
    fn roll_until(&self, desk: &Desk) -> Timestamp {
        (self.clock(desk.log_time) - ROLLED_AFTER).floor(Width::Hour.span())
    }

    /// From where on panes of this width are to be kept: none are deleted that have not been merged into wider ones.
    fn keep_from(&self, width: Width, rolled: &Rolled, clock: Timestamp) -> Timestamp {
        let wider = width.wider().unwrap_or(Width::Day);
        let wanted = (clock - rolled.retention.of(width)).floor(wider.span());
        match width.wider() {
            Some(wider) => {
                let merged = self.rollup.first_stale(wider).unwrap_or(self.rollup.made_until(wider));
                let narrower =
                    if width == Width::Hour { self.rollup.kept_from(Width::Minute).floor(wider.span()) } else { merged };
                wanted.min(merged).min(narrower)
            }
            None => wanted.min(self.rollup.kept_from(Width::Hour)),
        }
    }

    /// Whether a tick would make or delete any pane.
    fn is_roll_due(&self, desk: &Desk) -> bool {
        if !self.has_predictions() || self.roll_until(desk) <= self.rollup.seen_until {
            return false;
        }
        let clock = self.clock(desk.log_time);
        let outlived = |width: &Width| {
            let kept = self.rollup.kept_from(*width);
            kept <= self.newest && kept < (clock - desk.rolled.retention.of(*width)).floor(Width::Day.span())
        };
        self.rollup.seen_until <= self.newest + Width::Day.span() + Width::Day.span()
            || self.rollup.is_stale()
            || Width::ALL.iter().any(outlived)
    }

    /// False if there was no room for all of it.
    fn roll_up(&mut self, turn: &mut Turn<'_>, room: &mut Room) -> bool {
        let until = self.roll_until(turn.desk);
        let hours = self.make_all(turn, Width::Hour, until, room);
        let days = hours && {
            let until = self.rollup.made_until(Width::Hour).floor(Width::Day.span());
            self.make_all(turn, Width::Day, until, room)
        };
        let done = days && Width::ALL.into_iter().all(|width| self.delete_outlived(turn, width, room));
        if done {
            self.rollup.seen_until = until;
        }
        done
    }

    /// Makes the panes of `width` that are stale, and those that end by `until` and are not there yet. False if there was no room for all.
    fn make_all(&mut self, turn: &mut Turn<'_>, width: Width, until: Timestamp, room: &mut Room) -> bool {
        while let Some(start) = self.rollup.first_stale(width) {
            if !room.take(width) {
                return false;
            }
            self.make(turn, width, start);
        }
        let narrow = if width == Width::Day { Width::Hour } else { Width::Minute };
        while self.rollup.made_until(width) < until {
            let from = self.rollup.made_until(width);
            let Some(first) = self.next_pane(turn.cold, narrow, from, until) else { break };
            if !room.take(width) {
                return false;
            }
            self.make(turn, width, first.floor(width.span()));
        }
        self.rollup.all_made(width, until);
        true
    }

    /// Makes the pane of `width` at `start` of the narrower ones, in place of the one there may be.
    fn make(&mut self, turn: &mut Turn<'_>, width: Width, start: Timestamp) {
        let id = PaneId::new(self.id, width, start);
        let narrow = if width == Width::Day { Width::Hour } else { Width::Minute };
        let mut made = Pane::default();
        let mut left_out = 0;
        self.each_pane(turn.cold, narrow, (start, id.end()), &mut |_, pane| {
            left_out += made.absorb(pane);
            Next::Shown
        });
        match turn.cold.pane(id) {
            Some(pane) => *pane = made,
            None => *turn.cold.insert_pane(id, Kept::default()) = made,
        }
        self.rollup.made(width, start);
        turn.desk.rolled.made += 1;
        turn.desk.rolled.tallies_left_out += left_out;
    }

    /// The first pane of `width` that begins in `[from, until)`, in memory or not.
    fn next_pane(&self, cold: &mut dyn Cold, width: Width, from: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let in_memory = || self.hot.range(from..until).next().map(|(start, _)| *start);
        let cold_until = if width == Width::Minute { until.min(self.hot_from) } else { until };
        cold.next_pane(self.id, width, from, cold_until).or_else(|| if width == Width::Minute { in_memory() } else { None })
    }

    /// Shows panes of one width that begin in a range, oldest first, in memory or not, until `see` has seen enough.
    pub(super) fn each_pane(
        &self,
        cold: &mut dyn Cold,
        width: Width,
        (from, until): (Timestamp, Timestamp),
        see: &mut dyn FnMut(PaneId, &Pane) -> Next,
    ) {
        if width != Width::Minute {
            cold.each_pane(self.id, width, (from, until), see);
            return;
        }
        let mut next = Next::Shown;
        cold.each_pane(self.id, width, (from, until.min(self.hot_from)), &mut |id, pane| {
            next = see(id, pane);
            next
        });
        let from = from.max(self.hot_from);
        if next == Next::Enough || until <= from {
            return;
        }
        for (start, pane) in self.hot.range(from..until) {
            if see(PaneId::minute(self.id, *start), pane) == Next::Enough {
                return;
            }
        }
    }

    /// Shows the narrowest panes there are that lie in a range whole, as [`Self::each_pane`].
    pub(super) fn each_whole_pane(
        &self,
        cold: &mut dyn Cold,
        (from, until): (Timestamp, Timestamp),
        see: &mut dyn FnMut(PaneId, &Pane) -> Next,
    ) {
        let mut next = Next::Shown;
        for Stretch { width, from: first, to } in self.rollup.plan(from, until, Width::Minute) {
            if next == Next::Enough {
                return;
            }
            self.each_pane(cold, width, (first, to), &mut |id, pane| {
                if from <= id.start && id.end() <= until {
                    next = see(id, pane);
                }
                next
            });
        }
    }

    /// Deletes the panes of `width` that are no longer kept. False if there was no room for all.
    fn delete_outlived(&mut self, turn: &mut Turn<'_>, width: Width, room: &mut Room) -> bool {
        let clock = self.clock(turn.time());
        let until = self.keep_from(width, &turn.desk.rolled, clock);
        let span = width.wider().unwrap_or(Width::Day).span();
        loop {
            let from = self.rollup.kept_from(width);
            if until <= from {
                return true;
            }
            let Some(first) = self.next_pane(turn.cold, width, from, until) else {
                self.drop_before(turn, width, until);
                return true;
            };
            if !room.take(width.wider().unwrap_or(Width::Minute)) {
                return false;
            }
            self.drop_before(turn, width, first.floor(span) + span);
        }
    }

    /// Deletes the panes of `width` that begin before `until`. Minutes that go are sealed.
    fn drop_before(&mut self, turn: &mut Turn<'_>, width: Width, until: Timestamp) {
        if width == Width::Minute {
            self.seal_until(turn, until);
        }
        // rows of panes in memory are there or not, as commits fell: they are counted by what is in memory
        let in_memory = if width == Width::Minute { self.hot_from.min(until) } else { until };
        let mut deleted = turn.cold.erase_panes(self.id, width, in_memory, usize::MAX);
        if width == Width::Minute {
            let kept = self.hot.split_off(&until);
            deleted += std::mem::replace(&mut self.hot, kept).len();
            self.hot_from = self.hot_from.max(until);
            turn.cold.erase_panes(self.id, width, until, usize::MAX);
        }
        turn.desk.rolled.deleted[width as usize] += deleted as u64;
        self.rollup.drop_before(width, until);
    }
}

#[cfg(test)]
mod tests;
