//! What a model does about drift: it shows predictions to the track of their version, labels to the detectors, closed panes to the drift
//! windows, and obeys commands about detectors. What drift *is*, [`crate::monitor::drift`] knows.

use std::sync::Arc;

use super::{CellKey, Model, Models, Verdict};
use crate::event::{DetectorChoice, Feature, Features, Prediction, Season, Value};
use crate::ids::Name;
use crate::monitor::classes::Task;
use crate::monitor::cold::Cold;
use crate::monitor::drift::detectors::{self, Arrival, Chosen};
use crate::monitor::drift::estimator::{Estimator, Rated};
use crate::monitor::drift::incident::Ending;
use crate::monitor::drift::losses::{LossSight, Taught};
use crate::monitor::drift::season::SameHours;
use crate::monitor::drift::window::{DriftWindow, Judgement};
use crate::monitor::drift::{Fleet, Seen, Sight, Track};
use crate::monitor::join::{Answer, Served, Truth};
use crate::monitor::limits::{ARRIVALS_MAX, DETECTORS_MAX, SEASON_WEEKS, WEEK};
use crate::monitor::task::Reading;
use crate::monitor::turn::Turn;
use crate::monitor::{Desk, Place, bound_reached};
use crate::time::{Span, Timestamp};

impl Models {
    /// Has every version of a model watched by these detectors beside those that every version has; they begin anew.
    pub(in crate::monitor) fn on_detectors(
        &mut self,
        turn: &mut Turn<'_>,
        place: Place<'_>,
        model: &Name,
        choices: &[DetectorChoice],
    ) -> Verdict {
        let chosen: Result<Vec<Chosen>, String> = choices.iter().map(Chosen::of).collect();
        let chosen = match chosen {
            Ok(chosen) if chosen.len() <= DETECTORS_MAX => chosen,
            Ok(_) => return bound_reached("bad_detector", format!("a model has at most {DETECTORS_MAX} detectors of its own")),
            Err(detail) => return bound_reached("bad_detector", detail),
        };
        let Some(id) = self.by_name.get(model).copied() else { return Verdict::Ignored };
        let model = self.touch(id, place.seq);
        model.profile_mut().detectors = chosen;
        // what has arrived for those before is for nobody now
        model.arrivals.retain(|arrival| matches!(arrival, Arrival::Label { .. }));
        for index in 0..model.drift.tracks.len() {
            detectors::forget_chosen(&mut model.track_mut(index as u16).watch_mut().detectors);
        }
        model.end_parts(turn, |incident, part| part.is_chosen(&incident.subject), Ending::Unwatched);
        Verdict::Applied
    }
}

impl Model {
    /// The cell of a prediction, and the track of its version. A prediction beyond the bound of cells counts in the first and has no track.
    pub(super) fn cell_of(&mut self, prediction: &Prediction) -> (u16, Option<u16>) {
        let same = |key: &CellKey| key.version == prediction.version && key.segment == prediction.segment;
        // new ones stand at the end
        match self.profile.cells.iter().rposition(same) {
            // the first cell is there from the start and waits for its track
            Some(0) if self.profile.cells[0].track.is_none() => {
                let track = Arc::make_mut(&mut self.drift).track_of(None);
                if track.is_some() {
                    self.profile_mut().cells[0].track = track;
                }
                (0, track)
            }
            Some(at) => (at as u16, self.profile.cells[at].track),
            None if !self.has_room_for_a_cell() => {
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
    pub(super) fn see(&mut self, turn: &mut Turn<'_>, index: u16, seen: Seen<'_>) -> Option<Sight> {
        if !turn.desk.drift.policy.watch {
            return None;
        }
        let id = self.id;
        let track = self.track_mut(index);
        if track.baseline.is_some() {
            return track.sight(seen.features);
        }
        track.give_up_upload(turn.time(), &mut turn.desk.drift);
        let now = turn.desk.log_time;
        track.gather(seen, &mut turn.desk.drift, now, &mut |number| turn.cold.reference_chunk(id, index, number));
        None
    }

    /// How to tell what a prediction of numbers will lose. While that is not known its version learns from it, once it has had a label.
    pub(super) fn loss_sight(
        &mut self,
        track: u16,
        served: &Served,
        features: &Features,
        desk: &mut Desk,
    ) -> Option<LossSight> {
        let number = served.answer.number.filter(|_| !served.answer.failed && desk.drift.policy.watch)?;
        match **self.drift.tracks[usize::from(track)].estimator {
            Estimator::Learning(_) => {
                self.track_mut(track).note_lesson((served.seq, served.index), number, features, &mut desk.drift);
                None
            }
            Estimator::OfLosses(_) => self.track_mut(track).loss_sight(features),
            Estimator::Gathering(_) | Estimator::Fitted { .. } | Estimator::Unfit => None,
        }
    }

    /// The first label of a prediction has come.
    pub(super) fn arrived(&mut self, turn: &mut Turn<'_>, served: &Served) {
        let truth = served.truth.as_ref();
        if let Some(truth) = truth {
            let met = self.is_right(served, truth);
            self.condition.on_label(turn.time(), met, served.answer.loss(truth), turn.time() - served.at);
        }
        let track = self.profile.cells.get(usize::from(served.cell)).and_then(|key| key.track);
        let (Some(truth), Some(track)) = (truth, track) else { return };
        if self.drift.tracks[usize::from(track)].is_retired() {
            return;
        }
        let reading = self.profile.classes.decision.reading_of(Some(track));
        let task = reading.map_or(Task::Unknown, Reading::task);
        if let Some(met) = self.profile.classes.is_met(&served.answer, truth, reading) {
            let (rated, taught) = match (&**self.drift.tracks[usize::from(track)].estimator, task, truth.number) {
                (Estimator::Gathering(_) | Estimator::Learning(_), Task::Regression, Some(truth)) => {
                    (None, Some(Taught { prediction: (served.seq, served.index), truth }))
                }
                (Estimator::Gathering(_), Task::Classification | Task::Unknown, _) => {
                    (Rated::with_truth(&served.answer, truth), None)
                }
                _ => (None, None),
            };
            self.arrivals.push(Arrival::Label { track, at: served.at, met, rated, taught });
            let values = self.profile.detectors.iter().enumerate();
            let values = values.filter_map(|(nth, chosen)| Some((nth, chosen.input.of_label(&served.answer, truth, met)?)));
            let at = served.at;
            self.arrivals.extend(values.map(|(nth, value)| Arrival::Value { track, at, place: Chosen::place(nth), value }));
            self.look_if_many(turn);
        }
    }

    /// Whether `truth` is what was answered. While the task of the model is not decided two classes are compared as they came.
    fn is_right(&self, served: &Served, truth: &Truth) -> Option<bool> {
        let track = self.profile.cells.get(usize::from(served.cell)).and_then(|key| key.track);
        match self.profile.classes.decision.reading_of(track) {
            None if served.answer.failed => None,
            None => Some(truth.class? == served.answer.class?),
            reading => self.profile.classes.is_met(&served.answer, truth, reading),
        }
    }

    fn look_if_many(&mut self, turn: &mut Turn<'_>) {
        if ARRIVALS_MAX <= self.arrivals.len() {
            self.look_at_arrivals(turn);
        }
    }

    /// Has the detectors that a command chose see what the prediction has to show.
    pub(super) fn show_detectors(&mut self, turn: &mut Turn<'_>, track: u16, prediction: &Prediction, score: &Feature) {
        let values = self.profile.detectors.iter().enumerate();
        let values = values.filter_map(|(nth, chosen)| Some((nth, chosen.input.of_prediction(prediction, score)?)));
        let at = prediction.at;
        self.arrivals.extend(values.map(|(nth, value)| Arrival::Value { track, at, place: Chosen::place(nth), value }));
        self.look_if_many(turn);
    }

    /// Shows the detectors what has arrived since they last looked.
    pub(super) fn look_at_arrivals(&mut self, turn: &mut Turn<'_>) {
        let profile = Arc::clone(&self.profile);
        for arrival in std::mem::take(&mut self.arrivals) {
            let (Arrival::Label { track: index, .. } | Arrival::Value { track: index, .. }) = arrival;
            let track = self.track_mut(index);
            let now = turn.time();
            let alarms = track.take(arrival, &profile.detectors, &mut turn.desk.drift, now);
            self.raise(index, alarms, turn.effects);
        }
    }

    /// Adds a pane that has closed to the drift window of each of its versions.
    pub(super) fn watch_closed(&mut self, turn: &mut Turn<'_>, start: Timestamp) {
        let (pane, profile) = (Arc::clone(&self.hot[&start]), Arc::clone(&self.profile));
        for (cell, of_cell) in pane.cells() {
            let Some(key) = profile.cells.get(usize::from(cell)) else { continue };
            let (Some(index), Some(counted)) = (key.track, &of_cell.tally) else { continue };
            let open = &self.drift.tracks[usize::from(index)].window;
            if open.is_over(start) {
                self.judge_windows(turn, &[index]);
            }
            let track = self.track_mut(index);
            if track.window.tally.is_none() {
                track.settle_segments(&profile.cells, &mut turn.desk.drift);
            }
            track.add_closed(start, &turn.desk.drift.policy, key, &counted.read());
        }
    }

    /// Judges the drift windows that the watermark has passed.
    pub(super) fn judge_over(&mut self, turn: &mut Turn<'_>) {
        let tracks = (0_u16..).zip(&self.drift.tracks);
        let over = tracks.filter(|(_, track)| track.window.is_over(self.watermark));
        let over: Vec<u16> = over.map(|(index, _)| index).collect();
        self.judge_windows(turn, &over);
    }

    /// Judges the open drift windows of these tracks. What the weeks before hold is read once for all that begin together.
    fn judge_windows(&mut self, turn: &mut Turn<'_>, tracks: &[u16]) {
        let Fleet { policy, columns, .. } = turn.desk.drift;
        let profile = Arc::clone(&self.profile);
        let mut read: Option<(Timestamp, SameHours)> = None;
        for index in tracks {
            let DriftWindow { start, width, .. } = **self.drift.tracks[usize::from(*index)].window;
            if policy.season == Season::SameHourOfWeek && read.as_ref().is_none_or(|(known, _)| *known != start) {
                read = Some((start, self.same_hours(turn.cold, start, width)));
            }
            let hours = read.as_ref().map(|(_, hours)| hours);
            let version = self.drift.tracks[usize::from(*index)].watch.version.as_ref();
            let alarmed = self.profile.incidents.is_on("error", version);
            let track = self.track_mut(*index);
            let judged = track.judge_window(&policy, columns, hours, &profile.cells, alarmed, turn.time());
            let Some(Judgement { alarms, window, lately }) = judged else { continue };
            self.raise(*index, alarms, turn.effects);
            self.settle_incidents(turn, *index, (window, &lately));
        }
    }

    /// What the same minutes of the weeks before hold: of a week whose minutes are no longer kept, the whole hours. Reads as many panes a week
    /// as the window has, none of them in memory.
    fn same_hours(&self, cold: &mut dyn Cold, start: Timestamp, width: Span) -> SameHours {
        let bins_of = |cell: u16| {
            let track = self.profile.cells.get(usize::from(cell))?.track?;
            self.drift.tracks[usize::from(track)].baseline.as_ref().map(|baseline| baseline.bins)
        };
        let mut hours = SameHours::default();
        for week in 1..=SEASON_WEEKS {
            let from = start - Span::from_micros(WEEK.micros() * i64::from(week));
            self.each_whole_pane(cold, (from, from + width), &mut |_, pane| hours.add(week, pane, bins_of));
        }
        hours
    }

    /// A track, to be changed.
    pub(super) fn track_mut(&mut self, index: u16) -> &mut Track {
        let track = &mut Arc::make_mut(&mut self.drift).tracks[usize::from(index)];
        track.dirty = true;
        track
    }

    /// The track of the version that serves most, by the panes in memory; of those within a tenth of the most the newest, so that versions that
    /// share the traffic evenly do not take turns. Not one whose answers are not used. The last one if there are no panes.
    pub fn busiest_track(&self) -> Option<&Track> {
        let mut served: Vec<u64> = vec![0; self.drift.tracks.len()];
        for (cell, of_cell) in self.hot.values().flat_map(|pane| pane.cells()) {
            let track = self.profile.cells.get(usize::from(cell)).and_then(|key| key.track);
            let track = track.filter(|track| !self.drift.tracks[usize::from(*track)].watch.life.is_shadow);
            if let Some(served) = track.and_then(|track| served.get_mut(usize::from(track))) {
                *served += of_cell.predictions;
            }
        }
        let most = served.iter().copied().max()?;
        let place = served.iter().rposition(|served| most * 9 <= served * 10);
        place.and_then(|place| self.drift.tracks.get(place))
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

pub(super) fn value_of(value: Option<&Value>) -> Feature {
    match value {
        None => Feature::Missing,
        Some(Value::Number(number)) => Feature::Number(*number),
        Some(Value::Class(name)) => Feature::text(name),
    }
}
