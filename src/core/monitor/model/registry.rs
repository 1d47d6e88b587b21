//! Every model by name and by number, and what comes for one of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Model, Models, Verdict};
use crate::event::{Label, Prediction};
use crate::ids::{Name, Slug};
use crate::monitor::limits::{IDLE_TIMEOUT, MODELS_MAX, PANE_WIDTH};
use crate::monitor::turn::Turn;
use crate::monitor::{Place, bound_reached};
use crate::time::Timestamp;

impl Models {
    pub fn get(&self, id: u32) -> &Arc<Model> {
        self.list.get(id)
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.list.len()
    }

    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many of the models each producer was the first to name.
    pub const fn makers(&self) -> &BTreeMap<Slug, u32> {
        &self.makers
    }

    pub fn by_name(&self, name: &str) -> Option<&Arc<Model>> {
        self.by_name.get(name).map(|id| self.get(*id))
    }

    /// Newest event time of that model; `None` if it was forgotten.
    pub fn newest_of(&self, id: u32) -> Option<Timestamp> {
        self.list.find(id).map(|model| model.newest)
    }

    /// By number.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Model>> {
        self.list.iter().map(|(_, model)| model)
    }

    /// The numbers of all of them, so that each can be changed.
    pub(super) fn ids(&self) -> Vec<u32> {
        self.list.iter().map(|(id, _)| id).collect()
    }

    /// Models that the next commit writes or deletes.
    pub const fn unsaved(&self) -> usize {
        self.changed.len() + self.forgotten.len()
    }

    pub(in crate::monitor) fn on_prediction(
        &mut self,
        turn: &mut Turn<'_>,
        place: Place<'_>,
        prediction: &Prediction,
    ) -> Verdict {
        let Some(id) = self.id_of(&prediction.model, place.source) else { return too_many_models() };
        let model = self.touch(id, place.seq);
        model.expire_parked(turn.desk);
        model.on_prediction(turn, place, prediction)
    }

    pub(in crate::monitor) fn on_label(&mut self, turn: &mut Turn<'_>, place: Place<'_>, label: &Label) -> Verdict {
        let Some(id) = self.id_of(&label.model, place.source) else { return too_many_models() };
        let model = self.touch(id, place.seq);
        model.expire_parked(turn.desk);
        model.on_label(turn, label)
    }

    /// Closes the panes of idle models, announces revised windows, expires parked labels and judges staleness.
    pub(in crate::monitor) fn on_tick(&mut self, turn: &mut Turn<'_>) {
        for id in self.ids() {
            if !self.get(id).is_due(turn.desk) && !self.get(id).has_outlived(turn) {
                continue;
            }
            let model = self.touch(id, turn.desk.position);
            model.expire_parked(turn.desk);
            if IDLE_TIMEOUT <= turn.time() - model.last_stored_at {
                let newest_pane_end = model.newest.floor(PANE_WIDTH) + PANE_WIDTH;
                model.advance(turn, newest_pane_end);
            }
            model.announce_revised(turn);
            model.look_at_arrivals(turn);
            model.retire_outlived(turn);
            if model.is_judgement_due(turn.desk) {
                model.judge(turn);
            }
        }
        self.serve_waiting(turn.desk);
        self.roll_up(turn);
    }

    pub(super) fn id_of(&mut self, name: &Name, made_by: &Slug) -> Option<u32> {
        if let Some(id) = self.by_name.get(name) {
            return Some(*id);
        }
        if MODELS_MAX <= self.list.len() {
            return None;
        }
        let id = self.list.given();
        self.by_name.insert(name.clone(), id);
        self.list.push(Arc::new(Model::new(id, name.clone(), made_by.clone())));
        *self.makers.entry(made_by.clone()).or_default() += 1;
        Some(id)
    }

    /// A model, to be changed: its rows are due at the next commit.
    pub(super) fn touch(&mut self, id: u32, seq: u64) -> &mut Model {
        let model = Arc::make_mut(self.list.get_mut(id));
        model.changed_seq = seq;
        if !model.written.dirty {
            model.written.dirty = true;
            self.changed.push(id);
        }
        model
    }
}

pub(super) fn too_many_models() -> Verdict {
    bound_reached(
        "too_many_models",
        format!("{MODELS_MAX} models are known already and this record names another; forget one to make room"),
    )
}
