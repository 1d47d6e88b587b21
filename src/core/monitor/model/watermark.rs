//! The watermark of a model: it closes panes, moves those that most labels have come for out of memory, and seals those beyond the horizon.

use super::early::is_past;
use super::{Model, forget};
use crate::monitor::Desk;
use crate::monitor::cold::Cold;
use crate::monitor::effect::Announcement;
use crate::monitor::limits::{HORIZON, HOT, IDLE_TIMEOUT, PANE_WIDTH};
use crate::monitor::pane::{PaneId, Width};
use crate::monitor::turn::Turn;
use crate::time::Timestamp;

impl Model {
    /// Moves the watermark to `to` if that is forward: closes the panes it passes, moves those no longer hot out of memory, and
    /// seals those beyond the horizon.
    pub(super) fn advance(&mut self, turn: &mut Turn<'_>, to: Timestamp) {
        if to <= self.watermark {
            return;
        }
        let first_open = self.watermark.floor(PANE_WIDTH);
        self.watermark = to;
        if first_open == to.floor(PANE_WIDTH) {
            return;
        }
        let closing: Vec<Timestamp> =
            self.hot.range(first_open..).map(|(start, _)| *start).take_while(|start| self.is_closed(*start)).collect();
        for start in &closing {
            self.watch_closed(turn, *start);
            let pane = &self.hot[start];
            let point = self.point_of(*start, pane);
            let (model, revision) = (self.name.clone(), pane.revision);
            turn.effects.announce(Announcement::WindowClosed { model, revision, point: point.clone(), at: turn.time() });
            self.trail.put(&point);
        }
        if !closing.is_empty() {
            self.announce_revised(turn);
            self.judge(turn);
        }
        self.judge_over(turn);
        self.move_out(turn.cold);
        self.seal(turn);
    }

    /// Takes panes out of memory that most labels have come for. They are handed to [`Cold`] if not yet written as they are.
    fn move_out(&mut self, cold: &mut dyn Cold) {
        let hot_from = (self.watermark - HOT).floor(PANE_WIDTH);
        if hot_from <= self.hot_from {
            return;
        }
        self.hot_from = hot_from;
        let kept = self.hot.split_off(&hot_from);
        for (start, pane) in std::mem::replace(&mut self.hot, kept) {
            forget::hand_over(cold, self.id, start, pane);
        }
    }

    /// Counts the predictions of panes that passed the horizon unlabelled as expired.
    fn seal(&mut self, turn: &mut Turn<'_>) {
        self.seal_until(turn, (self.newest - HORIZON).floor(PANE_WIDTH));
    }

    /// Seals the minutes that begin before `until`.
    pub(super) fn seal_until(&mut self, turn: &mut Turn<'_>, until: Timestamp) {
        let from = self.sealed_until;
        if until <= from {
            return;
        }
        let mut next = from;
        let mut unlabelled = 0;
        while let Some(start) = turn.cold.next_pane(self.id, Width::Minute, next, until.min(self.hot_from)) {
            unlabelled += turn.cold.unlabelled(PaneId::minute(self.id, start));
            next = start + PANE_WIDTH;
        }
        if self.hot_from < until {
            unlabelled += self.hot.range(from..until).map(|(_, pane)| pane.unlabelled()).sum::<u64>();
        }
        self.counters.expired += unlabelled;
        turn.desk.counts.expired += unlabelled;
        self.sealed_until = until;
    }

    /// Whether a tick at this log time would change anything.
    pub(super) fn is_due(&self, desk: &Desk) -> bool {
        let silent = desk.log_time - self.last_stored_at;
        let idle =
            IDLE_TIMEOUT <= silent && self.has_predictions() && self.watermark < self.newest.floor(PANE_WIDTH) + PANE_WIDTH;
        let parked_due = self.parked.keys().next().is_some_and(|minute| is_past(*minute, desk));
        let status_due = self.is_judgement_due(desk);
        idle || parked_due || !self.revised.is_empty() || !self.arrivals.is_empty() || status_due
    }

    pub(super) fn announce_revised(&mut self, turn: &mut Turn<'_>) {
        for start in std::mem::take(&mut self.revised) {
            self.pane(turn.cold, start).revision += 1;
            // asking for the pane marked it as revised once more
            self.revised.remove(&start);
            let pane = match self.hot.get(&start) {
                Some(pane) => pane,
                None => turn.cold.pane(PaneId::minute(self.id, start)).map(|pane| &*pane).expect("it was just changed"),
            };
            let point = self.point_of(start, pane);
            let (model, revision) = (self.name.clone(), pane.revision);
            turn.effects.announce(Announcement::WindowRevised { model, revision, point: point.clone(), at: turn.time() });
            self.trail.put(&point);
        }
    }
}
