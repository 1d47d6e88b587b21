//! What does not fit in memory, as the core sees it: join rows, panes that are no longer hot, and lists for the read side.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::monitor::drift::baseline::Baseline;
use crate::monitor::drift::chunk::Chunk;
use crate::monitor::join::{JoinKey, JoinRow};
use crate::monitor::kept::Kept;
use crate::monitor::pane::{Pane, PaneId, Width};
use crate::monitor::rows::{Key, Tag};
use crate::time::Timestamp;

/// The part of the state that is read and written row by row. To the core it is a map like any other: what was put is what is
/// got. An implementation that fails keeps the failure to itself until the commit, which it then refuses.
pub trait Cold {
    fn row(&mut self, key: &JoinKey) -> Option<JoinRow>;

    /// `replaced` is the row that [`Self::row`] gave for this key, when the core goes on from it.
    fn put_row(&mut self, key: JoinKey, row: &JoinRow, replaced: Option<&JoinRow>);

    /// A pane, to be changed; `None` if there is none.
    fn pane(&mut self, id: PaneId) -> Option<&mut Pane>;

    fn insert_pane(&mut self, id: PaneId, pane: Kept<Pane>) -> &mut Pane;

    /// Predictions of a pane that no label has joined; leaves the pane as it is.
    fn unlabelled(&mut self, id: PaneId) -> u64;

    /// The start of the first pane of `model`, so wide, in `[from, before)`.
    fn next_pane(&mut self, model: u32, width: Width, from: Timestamp, before: Timestamp) -> Option<Timestamp>;

    /// Shows the panes of `model`, so wide, that begin in a range, oldest first, until `see` says that it has seen enough; leaves them as they
    /// are.
    fn each_pane(
        &mut self,
        model: u32,
        width: Width,
        range: (Timestamp, Timestamp),
        see: &mut dyn FnMut(PaneId, &Pane) -> Next,
    );

    /// A baseline that is no longer in use and has been written.
    fn baseline(&mut self, model: u32, number: u32) -> Option<Baseline>;

    /// A whole chunk of a reference that is being gathered and has been written.
    fn reference_chunk(&mut self, model: u32, track: u16, number: u32) -> Option<Chunk>;

    /// Deletes the oldest panes of `model`, so wide, that begin before `before`: `most` at most. Gives how many. They are not asked for again.
    fn erase_panes(&mut self, model: u32, width: Width, before: Timestamp, most: usize) -> usize;

    /// Deletes the entries of a list with these ordinals.
    fn erase_entries(&mut self, list: List, ordinals: Range<u64>);

    /// Appends to a list that keeps its newest `keep` entries; `ordinal` counts up from 0.
    fn append(&mut self, list: List, ordinal: u64, keep: u64, entry: Vec<u8>);
}

/// Whether the next pane is to be shown as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Shown,
    Enough,
}

/// A bounded list of entries for the read side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    Rejected,
    /// By kind (as its number in [`crate::event::Kind::ALL`]) and source.
    Notes {
        kind: u8,
        source: u32,
    },
}

impl List {
    /// Prefix of all entries.
    pub fn all(self) -> Key {
        match self {
            Self::Rejected => Tag::Rejected.all(),
            Self::Notes { kind, source } => Tag::Note.all().u8(kind).u32(source),
        }
    }

    /// One entry.
    pub fn key(self, ordinal: u64) -> Key {
        self.all().u64(ordinal)
    }
}

/// A [`Cold`] in memory: for tests, and for recomputing a stream offline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InMemory {
    pub rows: BTreeMap<JoinKey, JoinRow>,
    pub panes: BTreeMap<PaneId, Pane>,
    pub lists: BTreeMap<(List, u64), Vec<u8>>,
}

impl Cold for InMemory {
    fn row(&mut self, key: &JoinKey) -> Option<JoinRow> {
        self.rows.get(key).cloned()
    }

    fn put_row(&mut self, key: JoinKey, row: &JoinRow, _replaced: Option<&JoinRow>) {
        self.rows.insert(key, row.clone());
    }

    fn pane(&mut self, id: PaneId) -> Option<&mut Pane> {
        self.panes.get_mut(&id)
    }

    fn insert_pane(&mut self, id: PaneId, mut pane: Kept<Pane>) -> &mut Pane {
        let pane = std::mem::take(pane.change());
        self.panes.entry(id).insert_entry(pane).into_mut()
    }

    fn unlabelled(&mut self, id: PaneId) -> u64 {
        self.panes.get(&id).map_or(0, Pane::unlabelled)
    }

    fn next_pane(&mut self, model: u32, width: Width, from: Timestamp, before: Timestamp) -> Option<Timestamp> {
        if before <= from {
            return None;
        }
        let range = PaneId::new(model, width, from)..PaneId::new(model, width, before);
        self.panes.range(range).next().map(|(id, _)| id.start)
    }

    fn each_pane(
        &mut self,
        model: u32,
        width: Width,
        (from, before): (Timestamp, Timestamp),
        see: &mut dyn FnMut(PaneId, &Pane) -> Next,
    ) {
        if before <= from {
            return;
        }
        for (id, pane) in self.panes.range(PaneId::new(model, width, from)..PaneId::new(model, width, before)) {
            if see(*id, pane) == Next::Enough {
                return;
            }
        }
    }

    /// None: rows of tracks are never taken to this.
    fn baseline(&mut self, _model: u32, _number: u32) -> Option<Baseline> {
        None
    }

    /// None, likewise.
    fn reference_chunk(&mut self, _model: u32, _track: u16, _number: u32) -> Option<Chunk> {
        None
    }

    fn erase_panes(&mut self, model: u32, width: Width, before: Timestamp, most: usize) -> usize {
        let panes = PaneId::new(model, width, Timestamp::from_micros(i64::MIN))..PaneId::new(model, width, before);
        let oldest: Vec<PaneId> = self.panes.range(panes).map(|(id, _)| *id).take(most).collect();
        oldest.iter().for_each(|id| drop(self.panes.remove(id)));
        oldest.len()
    }

    fn erase_entries(&mut self, list: List, ordinals: Range<u64>) {
        ordinals.for_each(|ordinal| drop(self.lists.remove(&(list, ordinal))));
    }

    fn append(&mut self, list: List, ordinal: u64, keep: u64, entry: Vec<u8>) {
        self.lists.insert((list, ordinal), entry);
        if let Some(oldest) = ordinal.checked_sub(keep) {
            self.lists.remove(&(list, oldest));
        }
    }
}
