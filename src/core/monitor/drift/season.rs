//! The same hours of the weeks before a drift window: what it is compared with where the policy says that the stream has a season.
//!
//! What is promised, and what is not. A window asks the same questions at the same level as against a frozen reference, so the budget is
//! kept as it is there: if the rows of the window and those of the same hours are independent draws of one distribution, a question is answered
//! wrongly with a chance of at most its level. That takes weeks that are alike. Where they differ by chance (a holiday, a campaign, a trend)
//! their rows depend on each other, and there are more false alarms than promised: two to four weeks say nothing of how much weeks differ. And what
//! stays changed becomes what is usual: after one week it is part of what a window is compared with, after four all of it, and an alarm that
//! has not been seen to by then is cleared.

use std::collections::BTreeMap;

use crate::monitor::cold::Next;
use crate::monitor::drift::baseline::Baseline;
use crate::monitor::drift::tally::Tally;
use crate::monitor::limits::{COMPARED_MIN, SEASON_COLUMNS_MAX, SEASON_WEEKS_MIN};
use crate::monitor::pane::Pane;

/// What the panes of the same hours hold, by cell.
#[derive(Clone, Debug, Default)]
pub struct SameHours {
    cells: BTreeMap<u16, Hours>,
    /// Cells looked at and columns of theirs.
    work: usize,
}

#[derive(Clone, Debug)]
struct Hours {
    /// The weeks that have rows, as bits.
    weeks: u8,
    tally: Tally,
}

impl SameHours {
    /// Adds a pane of so many weeks before. `bins_of` tells the bins that the version of a cell is counted over now.
    pub fn add(&mut self, week: u8, pane: &Pane, bins_of: impl Fn(u16) -> Option<u32>) -> Next {
        self.work += pane.cells().count();
        for (cell, tally) in pane.tallies() {
            self.work += tally.columns();
            if bins_of(cell) != Some(tally.baseline()) {
                continue;
            }
            match self.cells.get_mut(&cell) {
                Some(hours) => {
                    hours.weeks |= 1 << week;
                    hours.tally.merge(&tally.read());
                }
                None => drop(self.cells.insert(cell, Hours { weeks: 1 << week, tally: Tally::clone(&tally.read()) })),
            }
        }
        if self.is_too_much() { Next::Enough } else { Next::Shown }
    }

    const fn is_too_much(&self) -> bool {
        SEASON_COLUMNS_MAX < self.work
    }

    /// What the cells that `of` lets through hold over the bins of `baseline`. `None` if that is too few rows or weeks to be compared to, or
    /// more than is read.
    pub fn tally(&self, baseline: &Baseline, of: impl Fn(u16) -> bool) -> Option<Tally> {
        let mut total = Tally::of(baseline);
        let mut weeks = 0;
        for (_, hours) in self.cells.iter().filter(|(cell, hours)| hours.tally.baseline == baseline.bins && of(**cell)) {
            total.merge(&hours.tally);
            weeks |= hours.weeks;
        }
        let enough = COMPARED_MIN <= total.rows && SEASON_WEEKS_MIN <= weeks.count_ones();
        (enough && !self.is_too_much()).then_some(total)
    }
}
