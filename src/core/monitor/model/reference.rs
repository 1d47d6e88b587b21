//! What a model does about references: it has them gathered anew, taken from a training set, or made of its past.

use std::sync::Arc;

use super::watch::value_of;
use super::{Model, Models, Verdict, too_many_models};
use crate::event::{Feature, PastRange, TrainingRow, TrainingRows};
use crate::ids::Name;
use crate::monitor::classes::Task;
use crate::monitor::cold::Cold;
use crate::monitor::drift::baseline::{Baseline, FEATURES, Origin};
use crate::monitor::drift::incident::Ending;
use crate::monitor::drift::past::{Counted, Past};
use crate::monitor::drift::{Seen, Track};
use crate::monitor::limits::{
    BASELINES_MAX, COMPARED_MIN, FEATURES_WATCHED_MAX, GATHERED_VALUES_MAX, PANE_WIDTH, PAST_COLUMNS_MAX, PAST_MAX, TRACKS_MAX,
    UPLOAD_VALUES_MAX,
};
use crate::monitor::turn::Turn;
use crate::monitor::{Place, bound_reached};

impl Models {
    /// Has a version of a model, or all of them, gather a reference anew.
    pub(in crate::monitor) fn on_gather_reference(
        &mut self,
        turn: &mut Turn<'_>,
        place: Place<'_>,
        model: &Name,
        version: Option<&Name>,
    ) -> Verdict {
        let Some(id) = self.by_name.get(model).copied() else { return Verdict::Ignored };
        let model = self.touch(id, place.seq);
        model.gather_reference(turn, version)
    }

    /// Takes rows of a training set. The model may be one that has not served yet.
    pub(in crate::monitor) fn on_training_rows(
        &mut self,
        turn: &mut Turn<'_>,
        place: Place<'_>,
        training: &TrainingRows,
    ) -> Verdict {
        let Some(id) = self.id_of(&training.model, place.source) else { return too_many_models() };
        let model = self.touch(id, place.seq);
        model.take_training_rows(turn, training)
    }

    /// Has a version of a model, or all of them, compared to a range of its past.
    pub(in crate::monitor) fn on_past_range(&mut self, turn: &mut Turn<'_>, place: Place<'_>, range: &PastRange) -> Verdict {
        let Some(id) = self.by_name.get(&range.model).copied() else { return Verdict::Ignored };
        let model = self.touch(id, place.seq);
        model.refer_to_past(turn, range)
    }
}

impl Model {
    /// Forgets the reference of one version or of all and gathers the predictions to come: what is new is accepted as what is normal, of
    /// labels too.
    fn gather_reference(&mut self, turn: &mut Turn<'_>, version: Option<&Name>) -> Verdict {
        let wanted = |track: &Track| version.is_none() || track.watch.version.as_ref() == version;
        let tracks = (0_u16..).zip(&self.drift.tracks);
        let indices: Vec<u16> = tracks.filter(|(_, track)| wanted(track)).map(|(index, _)| index).collect();
        if indices.is_empty() {
            return Verdict::Ignored;
        }
        if indices.iter().any(|index| self.drift.tracks[usize::from(*index)].has_had_all_baselines()) {
            return too_many_baselines();
        }
        for index in indices {
            let track = self.track_mut(index);
            track.gather_anew(Origin::Collected, &mut turn.desk.drift);
            track.forget_labels();
        }
        self.end_parts(turn, |_, part| version.is_none() || part.version.as_ref() == version, Ending::Accepted);
        Verdict::Applied
    }

    fn take_training_rows(&mut self, turn: &mut Turn<'_>, training: &TrainingRows) -> Verdict {
        let TrainingRows { model: _, version, first, last, rows } = training;
        let Some(index) = Arc::make_mut(&mut self.drift).track_of(version.as_ref()) else {
            return bound_reached("too_many_versions", format!("a model has at most {TRACKS_MAX} versions with a reference"));
        };
        let classifies = self.profile.classes.task() != Task::Regression;
        let (at, id) = (turn.time(), self.id);
        self.note_served(turn, index);
        let track = self.track_mut(index);
        let width = rows.iter().map(|row| FEATURES + row.features.values().len().min(FEATURES_WATCHED_MAX)).max().unwrap_or(0);
        if *first {
            let values = if *last { (rows.len() * width) as u64 } else { UPLOAD_VALUES_MAX };
            // whoever uploads waits for the answer, so there is no place in the queue for them
            let others = turn.desk.drift.references.reserved - track.watch.claim.reserved();
            if GATHERED_VALUES_MAX < others + values {
                return too_many_gathered();
            }
            if !track.gather_anew(Origin::Uploaded, &mut turn.desk.drift) {
                return too_many_baselines();
            }
            turn.desk.drift.references.reserve(&mut track.watch_mut().claim, values, at);
        }
        if !track.is_uploading() {
            let detail = "no training set is being uploaded for this version: give its first rows with `first`".to_owned();
            return bound_reached("no_upload", detail);
        }
        for TrainingRow { features, prediction, score } in rows {
            let (prediction, score) = (value_of(prediction.as_ref()), score.map_or(Feature::Missing, Feature::Number));
            let seen = Seen { at, cell: 0, answer: [&prediction, &score], confidence: None, features, classifies };
            track.gather_row(seen);
            if track.watch.claim.reserved().max(UPLOAD_VALUES_MAX) < track.values_gathered() {
                // half of a training set is no reference, and the version is not to stay without one
                track.gather_anew(Origin::Collected, &mut turn.desk.drift);
                return bound_reached("too_many_gathered", format!("a training set holds {UPLOAD_VALUES_MAX} values at most"));
            }
        }
        if *last {
            track.freeze(classifies, &mut turn.desk.drift, &mut |number| turn.cold.reference_chunk(id, index, number));
        }
        if *first {
            self.end_windows(turn, version.as_ref(), Ending::Accepted);
        }
        Verdict::Applied
    }

    /// Compares to what the closed panes of a range have counted. All of it happens, or nothing does.
    fn refer_to_past(&mut self, turn: &mut Turn<'_>, range: &PastRange) -> Verdict {
        let (from, until) = (range.from.floor(PANE_WIDTH), range.until.floor(PANE_WIDTH));
        if PAST_MAX < until - from {
            let days = PAST_MAX.micros() / 86_400_000_000;
            return bound_reached(
                "range_too_long",
                format!("a reference is made of at most {days} days of the past: move `from` or `until`"),
            );
        }
        let past = self.past_of(turn.cold, range);
        if past.is_too_much() {
            let detail =
                format!("the minutes of this range hold more than {PAST_COLUMNS_MAX} columns in all: move `from` or `until`");
            return bound_reached("range_too_long", detail);
        }
        let most = past.versions.values().map(Counted::rows).max().unwrap_or(0);
        let counted = past.versions.into_iter().filter(|(_, counted)| counted.is_enough());
        let baselines: Vec<(u16, Baseline)> = counted
            .filter_map(|(index, counted)| {
                let track = &self.drift.tracks[usize::from(index)];
                let like =
                    track.baseline_of_bins(counted.bins).or_else(|| turn.cold.baseline(self.id, counted.bins).map(Arc::new))?;
                Some((index, counted.freeze(track.next_number(), Origin::Range { from, until }, &like)))
            })
            .collect();
        if baselines.is_empty() {
            let detail = format!(
                "no version that is asked for has {COMPARED_MIN} predictions between {from} and {until} that were counted over one \
                 reference; the most are {most}: widen the range, or let the predictions to come be gathered"
            );
            return bound_reached("too_few_rows", detail);
        }
        if baselines.iter().any(|(index, _)| self.drift.tracks[usize::from(*index)].has_had_all_baselines()) {
            return too_many_baselines();
        }
        for (index, baseline) in baselines {
            self.note_served(turn, index);
            let track = self.track_mut(index);
            track.refer_to(baseline, &mut turn.desk.drift);
            let version = track.watch.version.clone();
            self.end_windows(turn, version.as_ref(), Ending::Accepted);
        }
        Verdict::Applied
    }

    /// What the closed panes of a range hold of the versions that are asked for.
    fn past_of(&self, cold: &mut dyn Cold, range: &PastRange) -> Past {
        let from = range.from.floor(PANE_WIDTH);
        let until = range.until.min(self.watermark).floor(PANE_WIDTH);
        let track_of = |cell: u16| {
            let key = self.profile.cells.get(usize::from(cell))?;
            key.track.filter(|_| range.version.is_none() || range.version == key.version)
        };
        let mut past = Past::default();
        // where minutes are no longer kept, whole hours and days of the range
        self.each_whole_pane(cold, (from, until), &mut |id, pane| past.add(id, pane, track_of));
        past
    }
}

fn too_many_gathered() -> Verdict {
    let detail = format!(
        "all references that are being gathered reserve {GATHERED_VALUES_MAX} values at most: give fewer rows, or wait"
    );
    bound_reached("too_many_gathered", detail)
}

fn too_many_baselines() -> Verdict {
    bound_reached("too_many_baselines", format!("a version has had {BASELINES_MAX} baselines already"))
}
