//! Cells of many panes added up: what any slice of a range is a merge of.

use std::collections::BTreeMap;

use crate::monitor::pane::{Cell, Pane};

/// The cells of the panes added so far, by index.
#[derive(Debug, Default)]
pub struct Totals {
    cells: BTreeMap<u16, Cell>,
    revision: u32,
}

impl Totals {
    pub fn add(&mut self, pane: &Pane) {
        self.revision = self.revision.max(pane.revision);
        for (index, cell) in pane.cells() {
            self.cells.entry(index).or_default().merge(cell);
        }
    }

    pub fn cells(&self) -> impl Iterator<Item = (u16, &Cell)> {
        self.cells.iter().map(|(index, cell)| (*index, cell))
    }

    /// The cells that `takes` lets through as one.
    pub fn of(&self, takes: impl Fn(u16) -> bool) -> Cell {
        let mut total = Cell::default();
        self.cells().filter(|(index, _)| takes(*index)).for_each(|(_, cell)| total.merge(cell));
        total
    }

    /// The largest of any pane.
    pub const fn revision(&self) -> u32 {
        self.revision
    }
}
