//! What a model does about drift: it shows predictions to the track of their version, labels to the detectors, closed panes to the drift
//! windows, and obeys commands about references and detectors. What drift *is*, [`crate::monitor::drift`] knows.

use std::sync::Arc;

use super::{CellKey, Dirty, Model, Models, Verdict, too_many_models};
use crate::event::{DetectorChoice, Feature, Features, Prediction, TrainingRow, TrainingRows, Value};
use crate::ids::Name;
use crate::monitor::classes::Task;
use crate::monitor::drift::baseline::{FEATURES, Origin};
use crate::monitor::drift::detectors::{self, Arrival, Chosen};
use crate::monitor::drift::estimator::{Estimator, Rated};
use crate::monitor::drift::losses::{LossSight, Taught};
use crate::monitor::drift::tally::Tally;
use crate::monitor::drift::{DriftWindow, Fleet, Part, Row, Seen, Sight, Track};
use crate::monitor::effect::{Announcement, Effects};
use crate::monitor::join::{Answer, Served};
use crate::monitor::limits::{ARRIVALS_MAX, BASELINES_MAX, CELLS_MAX, DETECTORS_MAX, TRACKS_MAX};
use crate::monitor::pane::Pane;
use crate::monitor::{Desk, Place, bound_reached};
use crate::time::Timestamp;

impl Models {
    /// Has a version of a model, or all of them, gather a reference anew.
    pub(in crate::monitor) fn on_gather_reference(
        &mut self,
        place: Place<'_>,
        model: &Name,
        version: Option<&Name>,
        desk: &mut Desk,
    ) -> Verdict {
        let Some(id) = self.by_name.get(model).copied() else { return Verdict::Ignored };
        let (model, dirty) = self.touch(id, place.seq);
        model.gather_reference(version, desk, dirty)
    }

    /// Takes rows of a training set. The model may be one that has not served yet.
    pub(in crate::monitor) fn on_training_rows(
        &mut self,
        place: Place<'_>,
        training: &TrainingRows,
        desk: &mut Desk,
    ) -> Verdict {
        let Some(id) = self.id_of(&training.model) else { return too_many_models() };
        let (model, dirty) = self.touch(id, place.seq);
        model.take_training_rows(training, desk, dirty)
    }

    /// Has every version of a model watched by these detectors beside those that every version has; they begin anew.
    pub(in crate::monitor) fn on_detectors(&mut self, place: Place<'_>, model: &Name, choices: &[DetectorChoice]) -> Verdict {
        let chosen: Result<Vec<Chosen>, String> = choices.iter().map(Chosen::of).collect();
        let chosen = match chosen {
            Ok(chosen) if chosen.len() <= DETECTORS_MAX => chosen,
            Ok(_) => return bound_reached("bad_detector", format!("a model has at most {DETECTORS_MAX} detectors of its own")),
            Err(detail) => return bound_reached("bad_detector", detail),
        };
        let Some(id) = self.by_name.get(model).copied() else { return Verdict::Ignored };
        let (model, dirty) = self.touch(id, place.seq);
        model.profile_mut().detectors = chosen;
        // what has arrived for those before is for nobody now
        model.arrivals.retain(|arrival| matches!(arrival, Arrival::Label { .. }));
        for index in 0..model.drift.tracks.len() {
            detectors::forget_chosen(&mut model.track_mut(index as u16, dirty).watch_mut().detectors);
        }
        Verdict::Applied
    }
}

impl Model {
    /// The cell of a prediction, and the track of its version. A prediction beyond the bound of cells counts in the first and has no track.
    pub(super) fn cell_of(&mut self, prediction: &Prediction) -> (u16, Option<u16>) {
        let same = |key: &CellKey| key.version == prediction.version && key.segment == prediction.segment;
        match self.profile.cells.iter().position(same) {
            // the first cell is there from the start and waits for its track
            Some(0) if self.profile.cells[0].track.is_none() => {
                let track = Arc::make_mut(&mut self.drift).track_of(None);
                if track.is_some() {
                    self.profile_mut().cells[0].track = track;
                }
                (0, track)
            }
            Some(at) => (at as u16, self.profile.cells[at].track),
            None if CELLS_MAX <= self.profile.cells.len() => {
                self.counters.cells_refused += 1;
                (0, None)
            }
            None => {
                let track = Arc::make_mut(&mut self.drift).track_of(prediction.version.as_ref());
                let key = CellKey { version: prediction.version.clone(), segment: prediction.segment.clone(), track };
                let cells = &mut self.profile_mut().cells;
                cells.push(key);
                ((cells.len() - 1) as u16, track)
            }
        }
    }

    /// Shows a prediction to the track of its version, which says where to count it.
    pub(super) fn see(
        &mut self,
        track: u16,
        served: &Served,
        [value, score]: [&Feature; FEATURES],
        prediction: &Prediction,
        desk: &mut Desk,
        dirty: &mut Dirty,
    ) -> Option<Sight> {
        if !desk.drift.policy.watch {
            return None;
        }
        let classifies = self.profile.classes.task() == Task::Classification;
        let track = self.track_mut(track, dirty);
        if track.baseline.is_some() {
            return track.sight(&prediction.features);
        }
        let stated = served.answer.stated_confidence();
        let seen = Seen {
            at: served.at,
            cell: served.cell,
            answer: [value.clone(), score.clone()],
            confidence: stated,
            features: &prediction.features,
            classifies,
        };
        track.gather(seen, &mut desk.drift);
        None
    }

    /// How to tell what a prediction of numbers will lose. While that is not known its version learns from it, once it has had a label.
    pub(super) fn loss_sight(
        &mut self,
        track: u16,
        served: &Served,
        features: &Features,
        desk: &mut Desk,
        dirty: &mut Dirty,
    ) -> Option<LossSight> {
        let number = served.answer.number.filter(|_| !served.answer.failed && desk.drift.policy.watch)?;
        match **self.drift.tracks[usize::from(track)].estimator {
            Estimator::Learning(_) => {
                self.track_mut(track, dirty).note_lesson((served.seq, served.index), number, features, &mut desk.drift);
                None
            }
            Estimator::OfLosses(_) => self.track_mut(track, dirty).loss_sight(features),
            Estimator::Gathering(_) | Estimator::Fitted { .. } | Estimator::Unfit => None,
        }
    }

    /// The first label of a prediction has come.
    pub(super) fn arrived(&mut self, served: &Served, desk: &mut Desk, dirty: &mut Dirty, effects: &mut Effects) {
        let truth = served.truth.as_ref();
        let track = self.profile.cells.get(usize::from(served.cell)).and_then(|key| key.track);
        let (Some(truth), Some(track)) = (truth, track) else { return };
        let task = self.profile.classes.task();
        if let Some(met) = served.answer.is_met(truth, task) {
            let (rated, taught) = match (&**self.drift.tracks[usize::from(track)].estimator, task, truth.number) {
                (Estimator::Gathering(_) | Estimator::Learning(_), Task::Regression, Some(truth)) => {
                    (None, Some(Taught { prediction: (served.seq, served.index), truth }))
                }
                (Estimator::Gathering(_), Task::Classification | Task::Unknown, _) => {
                    (Rated::with_truth(&served.answer, truth), None)
                }
                _ => (None, None),
            };
            self.arrivals.push(Arrival::Label { track, met, rated, taught });
            let values = self.profile.detectors.iter().enumerate();
            let values = values.filter_map(|(nth, chosen)| Some((nth, chosen.input.of_label(&served.answer, truth, met)?)));
            self.arrivals.extend(values.map(|(nth, value)| Arrival::Value { track, place: Chosen::place(nth), value }));
            self.look_if_many(desk, dirty, effects);
        }
    }

    fn look_if_many(&mut self, desk: &mut Desk, dirty: &mut Dirty, effects: &mut Effects) {
        if ARRIVALS_MAX <= self.arrivals.len() {
            self.look_at_arrivals(desk, dirty, effects);
        }
    }

    /// Has the detectors that a command chose see what the prediction has to show.
    pub(super) fn show_detectors(
        &mut self,
        track: u16,
        prediction: &Prediction,
        score: &Feature,
        desk: &mut Desk,
        dirty: &mut Dirty,
        effects: &mut Effects,
    ) {
        let values = self.profile.detectors.iter().enumerate();
        let values = values.filter_map(|(nth, chosen)| Some((nth, chosen.input.of_prediction(prediction, score)?)));
        self.arrivals.extend(values.map(|(nth, value)| Arrival::Value { track, place: Chosen::place(nth), value }));
        self.look_if_many(desk, dirty, effects);
    }

    /// Shows the detectors what has arrived since they last looked.
    pub(super) fn look_at_arrivals(&mut self, desk: &mut Desk, dirty: &mut Dirty, effects: &mut Effects) {
        let model = self.name.clone();
        let profile = Arc::clone(&self.profile);
        for arrival in std::mem::take(&mut self.arrivals) {
            let (Arrival::Label { track: index, .. } | Arrival::Value { track: index, .. }) = arrival;
            let track = self.track_mut(index, dirty);
            for alarm in track.take(arrival, &profile.detectors, &mut desk.drift, desk.log_time) {
                let version = track.watch.version.clone();
                effects.announce(Announcement::Drift { model: model.clone(), version, alarm });
            }
        }
    }

    /// Adds a pane that has closed to the drift window of each of its versions.
    pub(super) fn watch_closed(&mut self, start: Timestamp, desk: &mut Desk, dirty: &mut Dirty, effects: &mut Effects) {
        let pane = Arc::clone(&self.hot[&start]);
        let window = DriftWindow::start_of(start, &desk.drift.policy);
        for (cell, of_cell) in pane.cells() {
            let track = self.profile.cells.get(usize::from(cell)).and_then(|key| key.track);
            let (Some(index), Some(counted)) = (track, &of_cell.tally) else { continue };
            let open = &self.drift.tracks[usize::from(index)].window;
            if open.tally.is_some() && open.start != window {
                self.judge_window(index, desk, dirty, effects);
            }
            let track = self.track_mut(index, dirty);
            if track.baseline.as_ref().is_some_and(|baseline| baseline.number == counted.baseline) {
                let open = track.window_mut();
                open.start = window;
                match &mut open.tally {
                    Some(total) => total.merge(counted),
                    None => open.tally = Some(Tally::clone(counted)),
                }
            }
        }
    }

    /// Judges the drift windows that the watermark has passed.
    pub(super) fn judge_over(&mut self, desk: &mut Desk, dirty: &mut Dirty, effects: &mut Effects) {
        for index in 0..self.drift.tracks.len() {
            if self.drift.tracks[index].window.is_over(self.watermark, &desk.drift.policy) {
                self.judge_window(index as u16, desk, dirty, effects);
            }
        }
    }

    fn judge_window(&mut self, index: u16, desk: &mut Desk, dirty: &mut Dirty, effects: &mut Effects) {
        let Fleet { policy, columns, .. } = desk.drift;
        let model = self.name.clone();
        let track = self.track_mut(index, dirty);
        for alarm in track.judge_window(&policy, policy.needed(columns), desk.log_time) {
            let version = track.watch.version.clone();
            effects.announce(Announcement::Drift { model: model.clone(), version, alarm });
        }
    }

    /// Forgets the reference of one version or of all and gathers the predictions to come.
    fn gather_reference(&mut self, version: Option<&Name>, desk: &mut Desk, dirty: &mut Dirty) -> Verdict {
        let wanted = |track: &Track| version.is_none() || track.watch.version.as_ref() == version;
        let tracks = (0_u16..).zip(&self.drift.tracks);
        let indices: Vec<u16> = tracks.filter(|(_, track)| wanted(track)).map(|(index, _)| index).collect();
        if indices.is_empty() {
            return Verdict::Ignored;
        }
        let mut begun = true;
        for index in indices {
            begun &= self.track_mut(index, dirty).gather_anew(Origin::Collected, &mut desk.drift);
        }
        if begun { Verdict::Applied } else { too_many_baselines() }
    }

    fn take_training_rows(&mut self, training: &TrainingRows, desk: &mut Desk, dirty: &mut Dirty) -> Verdict {
        let TrainingRows { model: _, version, first, last, rows } = training;
        let Some(index) = Arc::make_mut(&mut self.drift).track_of(version.as_ref()) else {
            return bound_reached("too_many_versions", format!("a model has at most {TRACKS_MAX} versions with a reference"));
        };
        let classifies = self.profile.classes.task() != Task::Regression;
        let at = desk.log_time;
        let track = self.track_mut(index, dirty);
        if *first && !track.gather_anew(Origin::Uploaded, &mut desk.drift) {
            return too_many_baselines();
        }
        if !track.is_uploading() {
            let detail = "no training set is being uploaded for this version: give its first rows with `first`".to_owned();
            return bound_reached("no_upload", detail);
        }
        for TrainingRow { features, prediction, score } in rows {
            let answer = [value_of(prediction.as_ref()), score.map_or(Feature::Missing, Feature::Number)];
            track.gather_row(Seen { at, cell: 0, answer, confidence: None, features, classifies }, &mut desk.drift);
        }
        if *last {
            track.freeze(classifies, &mut desk.drift);
        }
        Verdict::Applied
    }

    /// A track, to be changed.
    fn track_mut(&mut self, index: u16, dirty: &mut Dirty) -> &mut Track {
        let track = &mut Arc::make_mut(&mut self.drift).tracks[usize::from(index)];
        if track.touch() {
            dirty.tracks.push((self.id, index));
        }
        track
    }

    /// Hands over every row of a track that is not up to date.
    pub fn take_dirty_parts(&mut self, track: u16, take: &mut impl FnMut(Part, Row<'_>)) {
        Arc::make_mut(&mut self.drift).tracks[usize::from(track)].take_dirty_parts(take);
    }

    /// The track of the version that has the newest of the panes in memory; the last one if none has.
    pub fn newest_track(&self) -> Option<&Track> {
        let of_pane =
            |pane: &Arc<Pane>| pane.cells().filter_map(|(cell, _)| self.profile.cells.get(usize::from(cell))?.track).max();
        let newest = self.hot.values().rev().find_map(of_pane).map(usize::from);
        newest.and_then(|place| self.drift.tracks.get(place)).or(self.drift.tracks.last())
    }
}

/// What a prediction is watched by beside its features: what was predicted, and the probability of the positive class or else the stated
/// confidence.
pub(super) fn columns_of(prediction: &Prediction, answer: &Answer) -> (Feature, Feature) {
    let value = value_of(prediction.value.as_ref().filter(|_| !answer.failed));
    let score = match answer.scores.as_slice() {
        [(_, score)] => Some(*score),
        _ => answer.confidence,
    };
    (value, score.map_or(Feature::Missing, Feature::Number))
}

fn value_of(value: Option<&Value>) -> Feature {
    match value {
        None => Feature::Missing,
        Some(Value::Number(number)) => Feature::Number(*number),
        Some(Value::Class(name)) => Feature::text(name),
    }
}

fn too_many_baselines() -> Verdict {
    bound_reached("too_many_baselines", format!("a version has had {BASELINES_MAX} baselines already"))
}
