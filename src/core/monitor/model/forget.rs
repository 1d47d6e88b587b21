//! Deleting a model: what it shares is given back, and what lies in the store is left to be deleted at ticks.

use std::sync::Arc;

use crate::ids::Name;
use crate::monitor::cold::Cold;
use crate::monitor::drift::incident::Ending;
use crate::monitor::forgotten::{Left, one_less};
use crate::monitor::kept::Kept;
use crate::monitor::limits::PANE_WIDTH;
use crate::monitor::model::{Model, Models, Verdict};
use crate::monitor::pane::{Pane, PaneId};
use crate::monitor::turn::Turn;
use crate::time::Timestamp;

impl Models {
    /// Deletes a model and everything known of it. A name that is not known is ignored. What lies in the store goes at ticks, see [`Left`].
    pub(in crate::monitor) fn forget(&mut self, turn: &mut Turn<'_>, name: &Name) -> Verdict {
        let Some(id) = self.by_name.get(name).copied() else { return Verdict::Ignored };
        if !turn.desk.forgotten.has_room_for(1) {
            return Verdict::Rejected(turn.desk.forgotten.is_full());
        }
        turn.desk.forgotten.add(Left::Panes { model: id });
        self.by_name.remove(name);
        let mut model = Arc::unwrap_or_clone(self.list.remove(id).expect("its name has just been found"));
        model.end_parts(turn, |_, _| true, Ending::Unwatched);
        model.release(turn);
        one_less(&mut self.makers, &model.made_by);
        self.changed.retain(|changed| *changed != id);
        self.forgotten.push((id, model.name));
        turn.desk.forgotten.models_given = self.list.given();
        Verdict::Applied
    }
}

impl Model {
    /// Gives back what it has of the room that all models share. Its panes are left as rows, so that which rows there are does not depend on
    /// when commits were.
    fn release(&mut self, turn: &mut Turn<'_>) {
        for track in &mut Arc::make_mut(&mut self.drift).tracks {
            track.release(&mut turn.desk.drift);
        }
        let watermark = self.watermark;
        self.hot.retain(|start, _| *start + PANE_WIDTH <= watermark);
        for (start, pane) in std::mem::take(&mut self.hot) {
            hand_over(turn.cold, self.id, start, pane);
        }
    }
}

/// Hands a closed pane that leaves memory to [`Cold`], if it is not yet written as it is.
pub(super) fn hand_over(cold: &mut dyn Cold, model: u32, start: Timestamp, pane: Arc<Kept<Pane>>) {
    if pane.is_dirty() {
        cold.insert_pane(PaneId::minute(model, start), Arc::unwrap_or_clone(pane));
    }
}
