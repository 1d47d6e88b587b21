//! Merging panes. A pane of an hour or a day says of its time what the panes it was merged from said, to the last bit: counts, exact sums,
//! sketches and counts over bins do not know how they were grouped. Two figures do: the AUC of a cell whose single scores name different
//! classes (the first class seen decides), and a largest value that was taken back (see [`crate::stats::latency::Peak`]).

use super::{Cell, Pane};
use crate::monitor::drift::binned::Binned;
use crate::monitor::limits::WIDE_PANE_COLUMNS_MAX;

impl Pane {
    /// Adds all of `other`, a pane of a part of this one's time. Gives how many counts over bins were left out for want of room, see
    /// [`WIDE_PANE_COLUMNS_MAX`].
    pub fn absorb(&mut self, other: &Self) -> u64 {
        self.revision = self.revision.max(other.revision);
        for (index, cell) in &other.cells {
            self.cell(*index).merge(cell);
        }
        let mut columns = self.tallies().map(|(_, tally)| tally.columns()).sum();
        other.tallies().map(|(index, tally)| u64::from(!self.absorb_tally(index, tally, &mut columns))).sum()
    }

    /// Adds the counts of a cell to those over the same bins. False if there are none and no room for more.
    fn absorb_tally(&mut self, index: u16, tally: &Binned, columns: &mut usize) -> bool {
        if self.merge_tally(index, tally) {
            return true;
        }
        *columns += tally.columns();
        if WIDE_PANE_COLUMNS_MAX < *columns {
            *columns -= tally.columns();
            return false;
        }
        let cell = self.cell(index);
        // a cell has its newest counts with it, however it came by them
        let older = match &cell.tally {
            Some(held) if tally.baseline() < held.baseline() => Some(tally.clone()),
            _ => cell.tally.replace(tally.clone()),
        };
        if let Some(older) = older {
            let list = self.older.get_or_insert_default();
            let at = list.partition_point(|(cell, held)| (*cell, held.baseline()) < (index, older.baseline()));
            list.insert(at, (index, older));
        }
        true
    }

    /// Adds the counts of a cell to those over the same bins; false if there are none.
    fn merge_tally(&mut self, index: u16, tally: &Binned) -> bool {
        let held = match &mut self.cell(index).tally {
            Some(held) if held.baseline() == tally.baseline() => Some(held),
            _ => {
                let older = self.older.iter_mut().flat_map(|older| older.iter_mut());
                older
                    .map(|(cell, held)| (*cell, held))
                    .find(|(cell, held)| *cell == index && held.baseline() == tally.baseline())
                    .map(|(_, held)| held)
            }
        };
        held.map(|held| held.change().merge(&tally.read())).is_some()
    }
}

impl Cell {
    /// Adds all of `other` but its tally: those are of different baselines and have [`Pane::tally_into`].
    pub fn merge(&mut self, other: &Self) {
        self.predictions += other.predictions;
        self.errors += other.errors;
        self.labelled += other.labelled;
        self.latency.merge(&other.latency);
        self.confidence.merge(&other.confidence);
        for (apart, part) in &other.apart {
            self.part(*apart).merge(part);
        }
        for (class, count) in &other.predicted {
            match self.predicted.binary_search_by_key(class, |(class, _)| *class) {
                Ok(at) => self.predicted[at].1 += count,
                Err(at) => self.predicted.insert(at, (*class, *count)),
            }
        }
        self.confusion.merge(&other.confusion);
        if let Some(theirs) = &other.scored {
            match &mut self.scored {
                None => self.scored = Some(theirs.clone()),
                Some(ours) if ours.class == theirs.class => {
                    ours.scored.merge(&theirs.scored);
                    ours.foreign += theirs.foreign;
                }
                Some(ours) => ours.foreign += theirs.scored.count() + theirs.foreign,
            }
        }
        if let Some(theirs) = &other.multi {
            self.multi.get_or_insert_default().merge(theirs);
        }
        if let Some(theirs) = &other.regression {
            self.regression.get_or_insert_default().merge(theirs);
        }
        if let Some(theirs) = &other.expected {
            self.expected.get_or_insert_default().merge(theirs);
        }
        if let Some(theirs) = &other.losses {
            self.losses.get_or_insert_default().merge(theirs);
        }
    }
}
