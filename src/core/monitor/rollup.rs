//! Panes rolled up: minutes are merged to hours and hours to days, and each is kept for as long as the retention says. Wide panes are made soon
//! after their time is over, beside the narrow ones, so that a chart of months reads hundreds of rows; what the narrow ones are kept for is to
//! be looked at closely, and to take labels that come late.
//!
//! Whatever changes a pane that has been merged into a wider one marks that as stale: it is not read until it has been made again.
//! So at every moment a figure is the same whichever panes it is read from.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::event::RetentionChange;
use crate::monitor::limits::{HORIZON, RETENTION_DAYS_MAX};
use crate::monitor::model::Verdict;
use crate::monitor::pane::Width;
use crate::time::{Span, Timestamp};

/// Before every instant that an event can have, and the start of a day.
const NEVER: Timestamp = Timestamp::from_micros(i64::MIN / 2).floor(Width::Day.span());

/// How long panes are kept, by width: days of the model's time, see `Model::clock`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    pub minute_windows_days: u32,
    pub hour_windows_days: u32,
    pub day_windows_days: u32,
}

/// What has become of panes, of all models together. Part of the desk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rolled {
    pub retention: Retention,
    /// Panes of hours and days made, those made again too.
    pub made: u64,
    /// Panes deleted, by width: of minutes and hours what they said is in wider ones.
    pub deleted: [u64; Width::ALL.len()],
    /// Counts of cells over bins for which a wide pane had no room.
    pub tallies_left_out: u64,
    /// Predictions and labels refused because their day had been deleted.
    pub too_old: u64,
    /// The model that the next tick begins with.
    pub(super) next: u32,
}

/// Which panes of a model there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollup {
    /// By width: panes from here on are kept. Aligned to the next width, of which there are panes before.
    kept_from: [Timestamp; Width::ALL.len()],
    /// By width: those that end at or before this have been made. Minutes are always there.
    made_until: [Timestamp; Width::ALL.len()],
    /// Made, and changed since.
    stale: BTreeSet<(Width, Timestamp)>,
    /// What ended at or before this has been seen to.
    pub(super) seen_until: Timestamp,
}

/// Panes of one width, one after the other: those that begin in `[from, to)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub width: Width,
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Default for Retention {
    fn default() -> Self {
        Self { minute_windows_days: 30, hour_windows_days: 90, day_windows_days: 730 }
    }
}

impl Retention {
    /// For how long panes of this width are kept.
    pub const fn of(&self, width: Width) -> Span {
        let days = match width {
            Width::Minute => self.minute_windows_days,
            Width::Hour => self.hour_windows_days,
            Width::Day => self.day_windows_days,
        };
        Span::from_secs(days as i64 * 86_400)
    }

    /// With the values that `change` names.
    ///
    /// Errors: minutes that would go while they can still be corrected, or panes that would be kept for longer than the wider ones.
    pub fn changed(self, change: &RetentionChange) -> Result<Self, String> {
        let next = Self {
            minute_windows_days: change.minute_windows_days.unwrap_or(self.minute_windows_days),
            hour_windows_days: change.hour_windows_days.unwrap_or(self.hour_windows_days),
            day_windows_days: change.day_windows_days.unwrap_or(self.day_windows_days),
        };
        let Self { minute_windows_days: minutes, hour_windows_days: hours, day_windows_days: days } = next;
        if next.of(Width::Minute) < HORIZON {
            let horizon = HORIZON.micros() / 86_400_000_000;
            return Err(format!(
                "minute_windows_days is {minutes}, at least {horizon}: for so long labels are joined to the minutes of their predictions"
            ));
        }
        if RETENTION_DAYS_MAX < days {
            return Err(format!("day_windows_days is {days}, at most {RETENTION_DAYS_MAX}"));
        }
        if hours < minutes || days < hours {
            return Err(format!(
                "wider windows are kept for at least as long as narrower ones: minute_windows_days is {minutes}, hour_windows_days {hours}, \
                 day_windows_days {days}"
            ));
        }
        Ok(next)
    }
}

impl Rolled {
    /// Obeys a command.
    pub fn change(&mut self, change: &RetentionChange) -> Verdict {
        match self.retention.changed(change) {
            Err(detail) => super::bound_reached("bad_retention", detail),
            Ok(next) if next == self.retention => Verdict::Ignored,
            Ok(next) => {
                self.retention = next;
                Verdict::Applied
            }
        }
    }
}

impl Default for Rollup {
    fn default() -> Self {
        let all = [NEVER; Width::ALL.len()];
        Self { kept_from: all, made_until: all, stale: BTreeSet::new(), seen_until: NEVER }
    }
}

impl Rollup {
    /// Where the kept panes of this width begin.
    pub const fn kept_from(&self, width: Width) -> Timestamp {
        self.kept_from[width as usize]
    }

    /// Up to where panes of this width have been made.
    pub const fn made_until(&self, width: Width) -> Timestamp {
        self.made_until[width as usize]
    }

    /// The width of the pane that holds what happened at `at`; `None` if that has been deleted.
    pub fn width_at(&self, at: Timestamp) -> Option<Width> {
        Width::ALL.into_iter().find(|width| self.kept_from(*width) <= at)
    }

    /// Notes that the pane of `width` at `at` has changed: one merged from it is stale. Those above that are once it is made again.
    pub fn changed(&mut self, width: Width, at: Timestamp) {
        if let Some(wider) = width.wider() {
            let start = at.floor(wider.span());
            if start + wider.span() <= self.made_until(wider) {
                self.stale.insert((wider, start));
            }
        }
    }

    /// The first pane of this width that has to be made again.
    pub(super) fn first_stale(&self, width: Width) -> Option<Timestamp> {
        self.stale.range((width, NEVER)..).next().filter(|(of, _)| *of == width).map(|(_, start)| *start)
    }

    pub fn is_stale(&self) -> bool {
        !self.stale.is_empty()
    }

    /// The pane of `width` at `start` has been made, as the newest of them or again.
    pub(super) fn made(&mut self, width: Width, start: Timestamp) {
        self.stale.remove(&(width, start));
        self.all_made(width, start + width.span());
        self.changed(width, start);
    }

    /// All panes of `width` up to `until` have been made where there is anything.
    pub(super) fn all_made(&mut self, width: Width, until: Timestamp) {
        self.made_until[width as usize] = self.made_until(width).max(until);
    }

    /// Panes of `width` that begin before `until` are no longer kept.
    pub(super) fn drop_before(&mut self, width: Width, until: Timestamp) {
        self.kept_from[width as usize] = self.kept_from(width).max(until);
        if width == Width::Day {
            self.stale.retain(|(_, start)| until <= *start);
        }
    }

    /// Which panes tell of `[from, to)`, oldest first, each part of the time once: the widest that lie in it whole and are up to date. Where
    /// only wider ones are kept the range is widened to them.
    ///
    /// * `widest`: none wider than this, where narrower ones are kept.
    pub fn plan(&self, from: Timestamp, to: Timestamp, widest: Width) -> Vec<Stretch> {
        let mut plan = Vec::new();
        let [minutes, hours, days] = self.kept_from;
        for (width, begin, end) in [
            (Width::Day, days, hours),
            (Width::Hour, hours, minutes),
            (Width::Minute, minutes, Timestamp::from_micros(i64::MAX)),
        ] {
            let (from, to) = (from.floor(width.span()).max(begin), to.min(end));
            self.part(Stretch { width, from, to }, widest, &mut plan);
        }
        plan
    }

    /// Adds what tells of a stretch to `plan`: wider panes where there are some.
    fn part(&self, of: Stretch, widest: Width, plan: &mut Vec<Stretch>) {
        let Stretch { width, from, to } = of;
        if to <= from {
            return;
        }
        let Some(wider) = width.wider().filter(|wider| *wider <= widest) else {
            plan.push(of);
            return;
        };
        let span = wider.span();
        let first = (from + span - Span::from_micros(1)).floor(span).max(self.kept_from(wider));
        let last = to.min(self.made_until(wider)).floor(span);
        if last <= first {
            plan.push(of);
            return;
        }
        let mut add = |from: Timestamp, to: Timestamp| {
            if from < to {
                plan.push(Stretch { width, from, to });
            }
        };
        add(from, first);
        let mut at = first;
        for (_, hole) in self.stale.range((wider, first)..(wider, last)) {
            self.part(Stretch { width: wider, from: at, to: *hole }, widest, plan);
            plan.push(Stretch { width, from: *hole, to: *hole + span });
            at = *hole + span;
        }
        self.part(Stretch { width: wider, from: at, to: last }, widest, plan);
        if last < to {
            plan.push(Stretch { width, from: last, to });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    fn hour(nth: i64) -> Timestamp {
        START + Span::from_secs(3_600 * nth)
    }

    fn after(days: i64, hours: i64) -> Rollup {
        let mut rollup = Rollup::default();
        (0..hours).for_each(|nth| rollup.made(Width::Hour, hour(nth)));
        (0..days).for_each(|nth| rollup.made(Width::Day, hour(24 * nth)));
        rollup
    }

    #[test]
    fn ninety_days_are_read_from_some_hundred_panes() {
        let rollup = after(90, 90 * 24 + 7);
        let plan = rollup.plan(START, hour(90 * 24 + 8), Width::Day);
        let counts = plan.iter().map(|part| (part.width, (part.to - part.from).micros() / part.width.span().micros()));
        assert_eq!(counts.collect::<Vec<_>>(), [(Width::Day, 90), (Width::Hour, 7), (Width::Minute, 60)]);
    }

    #[test]
    fn what_is_stale_is_read_from_what_it_is_made_of() {
        let mut rollup = after(2, 48);
        rollup.changed(Width::Minute, hour(3) + Span::from_secs(60));
        let plan = rollup.plan(START, hour(48), Width::Day);
        let told: Vec<_> = plan.iter().map(|part| (part.width, (part.from - START).micros() / 3_600_000_000)).collect();
        assert_eq!(told, [(Width::Hour, 0), (Width::Minute, 3), (Width::Hour, 4), (Width::Day, 24)]);
        rollup.made(Width::Hour, hour(3));
        assert_eq!(rollup.plan(START, hour(48), Width::Day)[0], Stretch { width: Width::Hour, from: START, to: hour(24) });
        rollup.made(Width::Day, START);
        assert_eq!(rollup.plan(START, hour(48), Width::Day).len(), 1);
    }

    #[test]
    fn a_retention_keeps_minutes_for_the_horizon_and_wider_panes_for_longer() {
        let change = |minutes, hours, days| RetentionChange {
            minute_windows_days: minutes,
            hour_windows_days: hours,
            day_windows_days: days,
        };
        let usual = Retention::default();
        assert_eq!(usual.changed(&change(None, Some(120), None)).unwrap().hour_windows_days, 120);
        for bad in [
            change(Some(29), None, None),
            change(Some(91), None, None),
            change(None, Some(731), None),
            change(None, None, Some(4_000)),
        ] {
            assert!(usual.changed(&bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn every_minute_of_a_range_is_told_of_once(
            hours in 0..200_i64, days in 0..9_i64, stale in proptest::collection::vec(0..200_i64, 0..6), gone in 0..200_i64, no_hours in 0..9_i64,
            from in 0..12_000_i64, length in 1..12_000_i64, widest in 0..3_usize,
        ) {
            let mut rollup = after(days.min(hours / 24), hours);
            stale.iter().for_each(|nth| rollup.changed(Width::Minute, hour(*nth)));
            let narrow = rollup.first_stale(Width::Hour).unwrap_or(hour(hours));
            rollup.drop_before(Width::Minute, hour(gone).min(narrow));
            rollup.drop_before(Width::Hour, hour(24 * no_hours).min(rollup.made_until(Width::Day)).min(rollup.kept_from(Width::Minute)).floor(Width::Day.span()));
            let minute = |nth: i64| START + Span::from_secs(60 * nth);
            let (from, to, widest) = (minute(from), minute(from + length), Width::ALL[widest]);
            let plan = rollup.plan(from, to, widest);
            let mut at = plan[0].from;
            prop_assert!(at <= from);
            for part in &plan {
                prop_assert!(part.from == at && part.from < part.to, "{:?}", plan);
                prop_assert_eq!(part.from, part.from.floor(part.width.span()));
                prop_assert!(part.width <= widest || part.to <= rollup.kept_from(Width::Minute));
                prop_assert!(rollup.kept_from(part.width) <= part.from);
                prop_assert!(part.width == Width::Minute || part.to <= rollup.made_until(part.width) + part.width.span());
                let stale = rollup.stale.range((part.width, part.from)..(part.width, part.to));
                prop_assert_eq!(stale.filter(|_| part.width <= widest).count(), 0);
                at = part.to;
            }
            prop_assert!(to <= at + Width::Day.span());
        }
    }
}
