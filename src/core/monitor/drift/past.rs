//! A reference made of the past: what panes have counted, merged, and a baseline of it. Its fine bins are those that the panes were counted
//! over, so counts before and after it go on being counts over the same bins; its coarse bins are deciles of the range itself, as far
//! as the fine ones allow: beyond what the first reference held they are few and wide.

use std::collections::BTreeMap;

use crate::monitor::cold::Next;
use crate::monitor::drift::baseline::{Baseline, Bins, Column, Origin};
use crate::monitor::drift::binned::Binned;
use crate::monitor::drift::tally::{ColumnTally, Tally};
use crate::monitor::limits::{COMPARED_MIN, PAST_COLUMNS_MAX};
use crate::monitor::pane::{Pane, PaneId};
use crate::time::Timestamp;

/// Coarse bins of a numeric column.
const DECILES: u64 = 10;

/// What the panes of a range hold, by the place of a version among the tracks.
#[derive(Clone, Debug, Default)]
pub struct Past {
    pub versions: BTreeMap<u16, Counted>,
    /// Cells looked at and columns of theirs.
    work: usize,
}

/// What one version was counted as, over the newest bins of the range.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The baseline that first had these bins.
    pub bins: u32,
    from: Timestamp,
    until: Timestamp,
    cells: BTreeMap<u16, Tally>,
}

impl Past {
    /// Adds a pane. `track_of` tells the version of a cell, if it is wanted.
    pub fn add(&mut self, id: PaneId, pane: &Pane, track_of: impl Fn(u16) -> Option<u16>) -> Next {
        self.work += pane.cells().count();
        for (cell, tally) in pane.tallies() {
            self.work += tally.columns();
            if let Some(track) = track_of(cell) {
                let counted = self.versions.entry(track).or_insert_with(|| Counted::over(tally.baseline(), id));
                counted.add(id, cell, &tally.read());
            }
        }
        if self.is_too_much() { Next::Enough } else { Next::Shown }
    }

    /// Whether there is more than is read for one command.
    pub const fn is_too_much(&self) -> bool {
        PAST_COLUMNS_MAX < self.work
    }
}

impl Counted {
    /// Nothing yet, over these bins, from that pane on.
    const fn over(bins: u32, id: PaneId) -> Self {
        Self { bins, from: id.start, until: id.start, cells: BTreeMap::new() }
    }

    fn add(&mut self, id: PaneId, cell: u16, tally: &Tally) {
        if tally.baseline < self.bins {
            return;
        }
        if self.bins < tally.baseline {
            *self = Self::over(tally.baseline, id);
        }
        self.until = id.end();
        match self.cells.get_mut(&cell) {
            Some(total) => total.merge(tally),
            None => drop(self.cells.insert(cell, tally.clone())),
        }
    }

    pub fn rows(&self) -> u64 {
        self.cells.values().map(|tally| tally.rows).sum()
    }

    /// Whether it can be compared to.
    pub fn is_enough(&self) -> bool {
        COMPARED_MIN <= self.rows()
    }

    /// Freezes it over the bins of `like`, which has those that it was counted over.
    pub fn freeze(self, number: u32, origin: Origin, like: &Baseline) -> Baseline {
        let mut total = Tally::of(like);
        self.cells.values().for_each(|tally| total.merge(tally));
        let columns = like.columns.iter().zip(&total.columns).map(|(column, counted)| column.recut(counted)).collect();
        let packed = |(cell, mut tally): (u16, Tally)| {
            // least and greatest are its own now
            tally.columns.iter_mut().for_each(|column| column.out_of_range = 0);
            (cell, Binned::packed(tally))
        };
        let cells = self.cells.into_iter().map(packed).collect();
        Baseline {
            number,
            bins: like.bins,
            origin,
            rows: total.rows,
            from: self.from,
            to: self.until,
            columns,
            multivariate: like.multivariate.clone(),
            cells,
        }
    }
}

impl Column {
    /// The same fine bins; coarse ones, least and greatest by `counted`. What was stated of confidence is not known by bin.
    fn recut(&self, counted: &ColumnTally) -> Self {
        let bins = match &self.bins {
            Bins::Numeric { edges, coarse, low, high } => {
                let (low, high) = counted.moments.as_ref().map_or((*low, *high), |moments| (moments.least, moments.greatest));
                // a bin for each of few values stays one
                let each_its_own = (0..).zip(coarse).all(|(place, bin)| place == usize::from(*bin));
                let coarse =
                    if each_its_own || counted.present() == 0 { coarse.clone() } else { deciles(&counted.counts.to_vec()) };
                Bins::Numeric { edges: edges.clone(), coarse, low, high }
            }
            other => other.clone(),
        };
        Self { name: self.name.clone(), group: self.group, bins, confidence: Vec::new() }
    }
}

/// For each fine bin the coarse one it lies in: cut where the counts up to an edge come nearest to a tenth, two tenths and so on. Ties
/// leave fewer bins. A single value has a bin of its own between what is below and what is above it, as [`crate::stats::drift::Edges::frozen`]
/// has it.
fn deciles(counts: &[u64]) -> Vec<u8> {
    let total: u64 = counts.iter().sum();
    let mut below = vec![0_u64];
    for count in counts {
        below.push(below[below.len() - 1] + count);
    }
    let mut cuts: Vec<usize> = (1..DECILES)
        .map(|tenth| {
            let wanted = tenth * total;
            let above = below.partition_point(|sum| sum * DECILES < wanted);
            let (short, over) = (wanted - below[above - 1] * DECILES, below[above] * DECILES - wanted);
            if short < over { above - 1 } else { above }
        })
        .collect();
    cuts.dedup();
    (0..counts.len()).map(|bin| cuts.iter().filter(|cut| (1..=bin).contains(*cut)).count() as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deciles_of_counts_are_cut_at_the_nearest_edges() {
        assert_eq!(deciles(&[10; 10]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(deciles(&[5; 20]), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9]);
        assert_eq!(deciles(&[0, 0, 7, 0, 0]), [0, 0, 1, 2, 2], "a constant stands between what is below and above it");
        assert_eq!(deciles(&[1, 98, 1]), [0, 1, 2]);
        assert_eq!(deciles(&[100, 0]), [0, 1]);
        assert_eq!(deciles(&[50, 0, 0, 50]), [0, 1, 1, 2]);
    }
}
