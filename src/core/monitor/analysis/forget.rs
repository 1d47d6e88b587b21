//! Deleting what is known of a subject.

use std::sync::Arc;

use super::finding::Pattern;
use super::{About, Analysis};
use crate::ids::Name;
use crate::monitor::turn::Turn;

impl Analysis {
    /// Ends what goes on about a source or a model, and deletes all that is known of it.
    pub(in crate::monitor) fn forget(&mut self, turn: &mut Turn<'_>, about: About, name: &Name) {
        turn.desk.forgotten.subjects_given = self.subjects.given();
        let Some(id) = self.by_name.remove(&(about, name.clone())) else { return };
        let Some(mut subject) = self.subjects.remove(id) else { return };
        self.series -= subject.watched.series.len();
        let watched = Arc::make_mut(&mut subject.watched).change();
        let open: Vec<(u32, Pattern)> = watched
            .findings
            .iter()
            .filter(|finding| finding.is_open())
            .map(|finding| (finding.ordinal, finding.pattern))
            .collect();
        self.turns += u64::from(!watched.findings.is_empty());
        for (ordinal, pattern) in open {
            watched.end(turn, ordinal, pattern, turn.time(), None);
        }
        self.dirty.remove(&id);
        self.forgotten.push(id);
    }
}
