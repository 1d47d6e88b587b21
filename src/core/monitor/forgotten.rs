//! Names that were forgotten, by command or because nothing came any more: what of theirs still lies in the store, and how many numbers had been given.
//!
//! A model that has served for a year has half a million minutes in the store. So its name is free at once and nothing of it is shown any
//! more, but the rows of its past are deleted at ticks, so many at a time. Which rows a tick deletes follows from the log alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::Fault;
use crate::ids::Slug;
use crate::monitor::cold::{Cold, List};
use crate::monitor::limits::{FORGOTTEN_MAX, FORGOTTEN_ROWS_PER_TICK};
use crate::monitor::pane::Width;
use crate::time::Timestamp;

/// Part of the desk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Forgotten {
    /// Models and sources forgotten so far.
    pub models: u64,
    pub sources: u64,
    /// Of those sources: forgotten because nothing had come of them for long.
    pub sources_outlived: u64,
    /// Sequence of the last command that had a model forgotten; 0 before the first.
    pub models_forgotten_at: u64,
    /// Numbers given when one of them was last forgotten: the last ones may have no row any more.
    pub models_given: u32,
    pub sources_given: u32,
    pub subjects_given: u32,
    /// What is still to be deleted, first come first served.
    left: Vec<Left>,
}

/// Rows of something that was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Left {
    /// The panes of a model.
    Panes { model: u32 },
    /// Kept records of one kind of a source: those with these ordinals.
    Notes { kind: u8, source: u32, from: u64, until: u64 },
}

impl Forgotten {
    /// Has rows deleted at the next ticks. There must be room for it.
    pub(super) fn add(&mut self, left: Left) {
        self.left.push(left);
    }

    /// Whether so many more may be added.
    pub(super) const fn has_room_for(&self, more: usize) -> bool {
        self.left.len() + more <= FORGOTTEN_MAX
    }

    /// Models, and kinds of records of sources, whose rows are still being deleted.
    pub const fn waiting(&self) -> usize {
        self.left.len()
    }

    /// The refusal of a command for which there is no room.
    pub(super) fn is_full(&self) -> Fault {
        let detail = format!("the rows of {} forgotten names are still being deleted; try again in a minute", self.left.len());
        Fault::new("too_many_forgotten", detail, String::new())
    }

    /// Deletes rows of what was forgotten, as many as one tick may.
    pub(super) fn erase(&mut self, cold: &mut dyn Cold) {
        let mut rows = FORGOTTEN_ROWS_PER_TICK;
        let mut done = 0;
        for left in &mut self.left {
            let asked = rows;
            match left {
                Left::Panes { model } => {
                    for width in Width::ALL {
                        rows -= cold.erase_panes(*model, width, Timestamp::from_micros(i64::MAX), rows);
                    }
                }
                Left::Notes { kind, source, from, until } => {
                    let end = (*until).min(*from + rows as u64);
                    cold.erase_entries(List::Notes { kind: *kind, source: *source }, *from..end);
                    rows -= (end - *from) as usize;
                    *from = end;
                }
            }
            // it may be that nothing is left of this one; that is seen with the next tick
            if rows == 0 {
                break;
            }
            done += 1;
            // a name costs something even if it has no row
            if asked == rows {
                rows -= 1;
            }
            if rows == 0 {
                break;
            }
        }
        self.left.drain(..done);
    }
}

/// Counts one name less of a producer.
pub(super) fn one_less(makers: &mut BTreeMap<Slug, u32>, made_by: &Slug) {
    if let Some(names) = makers.get_mut(made_by) {
        *names -= 1;
        if *names == 0 {
            makers.remove(made_by);
        }
    }
}
