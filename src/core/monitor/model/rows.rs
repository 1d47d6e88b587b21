//! The rows of models. What nearly every commit changes is one row: the model with its open panes, with its profile until its first window
//! closes, and with the versions that have hardly been seen. Closed panes, the trail, a profile that goes on growing, and the parts of the other
//! versions are rows of their own. Which is which follows from the model alone, so the same state is the same rows, however it was
//! reached.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Model, Models, Profile};
use crate::ids::Name;
use crate::monitor::drift::chunk::Chunk;
use crate::monitor::drift::{Drift, Track, Watch};
use crate::monitor::kept::{Kept, Written};
use crate::monitor::limits::PANE_WIDTH;
use crate::monitor::numbered::Numbered;
use crate::monitor::pane::{Pane, PaneId, Width};
use crate::monitor::rows::{Changed, Key, Reader, Rows, Tag, Writer, value_of};
use crate::monitor::trail::Trail;
use crate::time::Timestamp;

/// A model as it is written (`M` is borrowed) or read (owned).
#[derive(Debug, Serialize, Deserialize)]
struct ModelRow<M> {
    model: M,
    open: Vec<(Timestamp, Arc<Kept<Pane>>)>,
    profile: Option<Arc<Kept<Profile>>>,
    /// Versions without rows of their own, see [`Track::is_young`].
    young: Vec<NewVersion>,
}

/// A version that has hardly been seen: its place, what is known of it, and the rows of its reference.
type NewVersion = (u16, Arc<Kept<Watch>>, Arc<Kept<Chunk>>);

impl Rows for Models {
    type Changed = Changed<Name>;

    fn save(&mut self, to: &mut dyn Writer) -> Changed<Name> {
        let forgotten = std::mem::take(&mut self.forgotten);
        for (id, _) in &forgotten {
            [model_key(*id), profile_key(*id), Trail::keys_of(*id), Track::keys_of(*id)]
                .iter()
                .for_each(|prefix| to.delete_all(prefix));
        }
        let changed = std::mem::take(&mut self.changed);
        changed.iter().for_each(|id| Arc::make_mut(self.list.get_mut(*id)).save(to));
        Changed { changed, gone: forgotten.into_iter().map(|(_, name)| name).collect() }
    }

    fn restore<R: Reader>(rows: &R, given: u32) -> Result<Self, R::Error> {
        let mut models = Vec::new();
        rows.each(&Tag::Model.all(), &Tag::Model.all(), &mut |row| {
            let read: ModelRow<Model> = row.read()?;
            models.push(Model::restore(read, Written::as_row(row), rows)?);
            Ok(())
        })?;
        let by_name = models.iter().map(|model| (model.name.clone(), model.id)).collect();
        let mut makers = BTreeMap::new();
        models.iter().for_each(|model| *makers.entry(model.made_by.clone()).or_default() += 1);
        let list = Numbered::restore(models.into_iter().map(|model| (model.id, Arc::new(model))), given);
        Ok(Self { list, by_name, makers, ..Self::default() })
    }
}

impl Model {
    fn save(&mut self, to: &mut dyn Writer) {
        let (id, watermark) = (self.id, self.watermark);
        let is_closed = |start: Timestamp| start + PANE_WIDTH <= watermark;
        for (start, pane) in self.hot.iter_mut().filter(|(start, _)| is_closed(**start)) {
            if pane.is_dirty() {
                let pane = Arc::make_mut(pane);
                pane.save(|| PaneId::minute(id, *start).key(), to);
                pane.repack(Pane::pack);
            }
        }
        let has_grown = self.has_grown();
        if has_grown {
            Kept::save_shared(&mut self.profile, || profile_key(id), to);
            self.trail.save(id, to);
        }
        if self.drift.tracks.iter().any(|track| track.dirty) {
            let tracks = Arc::make_mut(&mut self.drift).tracks.iter_mut();
            tracks.filter(|track| track.dirty).for_each(|track| track.save(id, to));
        }
        let open = self.hot.iter().filter(|(start, _)| !is_closed(**start));
        let young = (0..).zip(&self.drift.tracks).filter(|(_, track)| track.is_young());
        let row = ModelRow {
            model: &*self,
            open: open.map(|(start, pane)| (*start, Arc::clone(pane))).collect(),
            profile: (!has_grown).then(|| Arc::clone(&self.profile)),
            young: young.map(|(place, track)| (place, Arc::clone(&track.watch), track.first_chunk())).collect(),
        };
        let hash = to.put(model_key(id), value_of(&row), self.written.hash);
        self.written = Written { dirty: false, hash };
    }

    fn restore<R: Reader>(row: ModelRow<Self>, written: Written, rows: &R) -> Result<Self, R::Error> {
        let ModelRow { mut model, open, profile, young } = row;
        let id = model.id;
        model.written = written;
        match profile {
            Some(profile) => model.profile = profile,
            None => rows.one(&profile_key(id), &mut |row| {
                model.profile = Arc::new(Kept::restore(row)?);
                Ok(())
            })?,
        }
        model.trail = Trail::restore(id, rows)?;
        let mut tracks = Track::restore_all(id, rows)?;
        for (place, watch, chunk) in young {
            tracks.resize_with(tracks.len().max(usize::from(place) + 1), Track::default);
            tracks[usize::from(place)] = Track::young(watch, chunk);
        }
        model.drift = Arc::new(Drift { tracks });
        model.hot.extend(open);
        rows.each(&PaneId::keys_of(id, Width::Minute), &PaneId::minute(id, model.hot_from).key(), &mut |row| {
            let mut pane = Kept::<Pane>::restore(row)?;
            pane.repack(Pane::pack);
            model.hot.insert(PaneId::in_row(row)?.start, Arc::new(pane));
            Ok(())
        })?;
        Ok(model)
    }

    /// Whether its profile is a row of its own.
    fn has_grown(&self) -> bool {
        !self.trail.is_empty()
    }
}

fn model_key(model: u32) -> Key {
    Tag::Model.all().u32(model)
}

/// Classes and cells of a model, and what people have set.
fn profile_key(model: u32) -> Key {
    Tag::Profile.all().u32(model)
}
