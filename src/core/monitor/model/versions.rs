//! What a model does about the lives of its versions: it notes who serves, and retires at ticks who does not any more.

use super::{Model, Models, Verdict};
use crate::event::VersionChoice;
use crate::ids::Name;
use crate::monitor::Place;
use crate::monitor::drift::Track;
use crate::monitor::drift::incident::Ending;
use crate::monitor::drift::life::VersionState;
use crate::monitor::limits::{CELLS_KNOWN_MAX, CELLS_MAX};
use crate::monitor::turn::Turn;

impl Models {
    /// Has a version of a model serve, in view or in the shadow, or retires it. A name that is not known is ignored.
    pub(in crate::monitor) fn on_version_state(
        &mut self,
        turn: &mut Turn<'_>,
        place: Place<'_>,
        (model, version): (&Name, Option<&Name>),
        state: VersionChoice,
    ) -> Verdict {
        let Some(id) = self.by_name.get(model).copied() else { return Verdict::Ignored };
        let Some(index) = self.get(id).place_of(version) else { return Verdict::Ignored };
        let track = &self.get(id).drift.tracks[usize::from(index)];
        let is_so = match state {
            VersionChoice::Retired => track.is_retired(),
            VersionChoice::Serving | VersionChoice::Shadow => {
                !track.is_retired() && track.watch.life.is_shadow == (state == VersionChoice::Shadow)
            }
        };
        if is_so {
            return Verdict::Ignored;
        }
        let model = self.touch(id, place.seq);
        if state == VersionChoice::Retired {
            model.retire(turn, index);
        } else {
            model.serve(turn, index);
            model.track_mut(index).watch_mut().life.is_shadow = state == VersionChoice::Shadow;
        }
        Verdict::Applied
    }
}

impl Model {
    /// The state of a version; `None` if it is not known, or beyond the bound of versions that are compared.
    pub fn version_state(&self, version: Option<&Name>) -> Option<VersionState> {
        self.place_of(version).map(|place| self.drift.tracks[usize::from(place)].state())
    }

    /// The place of a version among the tracks.
    fn place_of(&self, version: Option<&Name>) -> Option<u16> {
        let place = self.drift.tracks.iter().rposition(|track| track.watch.version.as_ref() == version);
        place.map(|place| place as u16)
    }

    /// Notes that a version serves, once a day and when it had been retired.
    pub(super) fn note_served(&mut self, turn: &mut Turn<'_>, index: u16) {
        if !self.drift.tracks[usize::from(index)].watch.life.is_up_to_date(turn.time()) {
            self.serve(turn, index);
        }
    }

    pub(super) fn serve(&mut self, turn: &mut Turn<'_>, index: u16) {
        let (id, now) = (self.id, turn.time());
        self.track_mut(index).serve(&mut turn.desk.drift, now, |number| turn.cold.baseline(id, number));
    }

    /// Whether a version has been silent for long, of those that are not retired.
    pub(super) fn has_outlived(&self, turn: &Turn<'_>) -> bool {
        self.drift.tracks.iter().any(|track| track.watch.life.is_outlived(turn.time()))
    }

    /// Retires the versions that have been silent for long.
    pub(super) fn retire_outlived(&mut self, turn: &mut Turn<'_>) {
        for index in 0..self.drift.tracks.len() as u16 {
            if self.drift.tracks[usize::from(index)].watch.life.is_outlived(turn.time()) {
                self.retire(turn, index);
            }
        }
    }

    fn retire(&mut self, turn: &mut Turn<'_>, index: u16) {
        // what has arrived for its detectors is for nobody now
        self.look_at_arrivals(turn);
        self.doubts.remove(&index);
        let now = turn.time();
        let track = self.track_mut(index);
        track.retire(&mut turn.desk.drift, now);
        let version = track.watch.version.clone();
        self.end_parts(turn, |_, part| part.version == version, Ending::Unwatched);
    }

    /// Whether there is room for one more combination of version and segment values.
    pub(super) fn has_room_for_a_cell(&self) -> bool {
        let cells = &self.profile.cells;
        if cells.len() < CELLS_MAX {
            return true;
        }
        let is_retired =
            |track: Option<u16>| track.is_some_and(|track| Track::is_retired(&self.drift.tracks[usize::from(track)]));
        cells.len() < CELLS_KNOWN_MAX && cells.iter().filter(|key| !is_retired(key.track)).count() < CELLS_MAX
    }
}

#[cfg(test)]
mod tests;
