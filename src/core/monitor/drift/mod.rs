//! Whether what a model is asked, what it answers and how often it is right are still as they were.
//!
//! Each version of a model has a [`Track`]: it gathers a reference window, freezes it into a [`Baseline`], has the predictions that follow
//! counted over its bins, pane by pane, and judges every drift window once, when it closes. Labels go to change detectors in the order in
//! which they arrive. All of it is state, so a restart resets no alarm's clock and a replay raises the same alarms.

pub mod alarm;
pub mod baseline;
pub mod bin_counts;
pub mod binned;
pub mod chunk;
pub mod detectors;
pub mod encoding;
pub mod estimator;
pub mod incident;
pub mod judge;
pub mod labels;
pub mod life;
pub mod losses;
pub mod marks;
pub mod multivariate;
pub mod pace;
pub mod past;
pub mod reference;
mod release;
pub mod room;
mod rows;
pub mod season;
pub mod segments;
pub mod sight;
pub mod sighting;
pub mod tally;
#[cfg(test)]
mod tests;
pub mod window;

use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::event::{Feature, Features};
use crate::ids::Name;
use crate::monitor::drift::alarm::Alarm;
use crate::monitor::drift::baseline::{Baseline, FEATURES, Origin};
use crate::monitor::drift::chunk::Chunk;
use crate::monitor::drift::detectors::{Arrival, Chosen, Watching};
use crate::monitor::drift::estimator::Estimator;
use crate::monitor::drift::judge::{Policy, Score, Standing};
use crate::monitor::drift::labels::{Labels, Outcomes};
use crate::monitor::drift::life::Life;
use crate::monitor::drift::losses::Lesson;
use crate::monitor::drift::marks::Marks;
use crate::monitor::drift::pace::Pace;
use crate::monitor::drift::reference::{Chunks, Reference};
use crate::monitor::drift::room::{Claim, Room};
use crate::monitor::drift::segments::Segment;
use crate::monitor::drift::sight::Route;
use crate::monitor::drift::window::DriftWindow;
use crate::monitor::kept::Kept;
use crate::monitor::limits::{
    BASELINES_MAX, FEATURES_WATCHED_MAX, GATHERED_VALUES_MAX, RESERVED_ROWS_MIN, TRACKS_KNOWN_MAX, TRACKS_MAX, UPLOAD_PATIENCE,
};
use crate::time::Timestamp;

pub use crate::monitor::drift::rows::Part;
pub use crate::monitor::drift::sight::Sight;

/// What the fleet as a whole decides and shares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fleet {
    pub policy: Policy,
    /// Of the values of references that are being gathered.
    pub references: Room,
    /// Columns that are judged, those of all baselines in use and those of each segment that is judged apart: the alarm budget is shared
    /// out over them.
    pub columns: u64,
    /// Versions whose losses are learnt or known.
    pub loss_estimators: u32,
    /// Of the values of the lessons that losses are learnt from.
    pub lessons: Room,
}

/// The versions of one model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drift {
    pub tracks: Vec<Track>,
}

/// One version. Its parts are rows of their own in the store: each changes at its own pace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track {
    pub watch: Arc<Kept<Watch>>,
    /// Empty once the baseline is frozen.
    pub reference: Reference,
    pub baseline: Option<Arc<Kept<Baseline>>>,
    pub window: Arc<Kept<DriftWindow>>,
    pub estimator: Arc<Kept<Estimator>>,
    /// Empty unless the estimator learns losses.
    pub lessons: Chunks<Lesson>,
    /// Baselines no longer in use that are not in the store yet: the panes counted over them will ask for them.
    retired: Vec<Arc<Kept<Baseline>>>,
    /// Rows to be deleted, with their hashes.
    dropped: Vec<(Part, u128)>,
    route: Route,
    loss_route: Route,
    /// Something here may have changed since the last commit.
    pub dirty: bool,
}

/// What changes with each judgement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    pub version: Option<Name>,
    /// Whether it serves.
    pub life: Life,
    /// The features of the reference that is being gathered, or of the baseline.
    names: Vec<CompactString>,
    /// How the reference that is being gathered, or the baseline, came about.
    pub origin: Origin,
    /// What it has of the room for references, while it has no baseline.
    pub claim: Claim,
    /// Number of the baseline in use; `None` while its reference is gathered.
    pub in_use: Option<u32>,
    /// How many baselines there have been.
    pub baselines: u32,
    /// Place among the tracks of the model.
    index: u16,
    /// By column of the baseline.
    pub standings: Vec<Standing>,
    /// Those that are judged apart.
    pub segments: Vec<Segment>,
    /// The number of the baseline they were chosen from; `None` while none are judged.
    segments_of: Option<u32>,
    pub score: Option<Score>,
    /// How wide its drift windows are.
    pub pace: Pace,
    pub labels: Labels,
    /// Where the labels lie in event time, in the order of their arrival.
    label_marks: Marks,
    /// The two that every version has, then those chosen for the model. Empty before the first label.
    pub detectors: Vec<Watching>,
}

/// Reads a chunk of the reference that was left to the store, by its number.
pub type StoredChunks<'a> = &'a mut dyn FnMut(u32) -> Option<Chunk>;

/// What the columns that are no features are made of.
pub struct Seen<'a> {
    pub at: Timestamp,
    pub cell: u16,
    /// The class or the number that was predicted (missing if the prediction failed), and the probability of the positive class or else the
    /// stated confidence.
    pub answer: [&'a Feature; FEATURES],
    /// Stated probability that the answer is right.
    pub confidence: Option<f64>,
    pub features: &'a Features,
    /// Numbers that are predicted are classes.
    pub classifies: bool,
}

impl Drift {
    /// The score of the version that has moved farthest, among those of which no further drift window should have been judged since.
    pub fn worst_score(&self) -> Option<&Score> {
        let scores = || self.tracks.iter().filter_map(|track| track.watch.score.as_ref());
        let newest = scores().map(Score::end).max()?;
        scores().filter(|score| newest < score.end() + score.width).max_by(|a, b| a.value().total_cmp(&b.value()))
    }

    /// Versions that are not retired.
    fn serving(&self) -> usize {
        self.tracks.iter().filter(|track| !track.is_retired()).count()
    }

    /// The track of a version, made if there is room; `None` if not.
    pub fn track_of(&mut self, version: Option<&Name>) -> Option<u16> {
        let known = self.tracks.iter().position(|track| track.watch.version.as_ref() == version);
        if known.is_none() && (TRACKS_MAX <= self.serving() || TRACKS_KNOWN_MAX <= self.tracks.len()) {
            return None;
        }
        Some(known.unwrap_or_else(|| {
            let watch = Watch { version: version.cloned(), index: self.tracks.len() as u16, ..Watch::default() };
            self.tracks.push(Track { watch: Arc::new(Kept::new(watch)), ..Track::default() });
            self.tracks.len() - 1
        }) as u16)
    }
}

impl Track {
    /// Where to count a prediction; `None` while the reference is gathered.
    pub fn sight(&mut self, features: &Features) -> Option<Sight> {
        let baseline = Arc::clone(self.baseline.as_ref()?);
        let columns = self.route.to(baseline.number, |name| baseline.place_of(name), features);
        Some(Sight::new(baseline, columns))
    }

    pub fn watch_mut(&mut self) -> &mut Watch {
        Arc::make_mut(&mut self.watch).change()
    }

    pub fn window_mut(&mut self) -> &mut DriftWindow {
        Arc::make_mut(&mut self.window).change()
    }

    /// Rows gathered so far for the next baseline.
    pub fn gathered(&self) -> usize {
        self.reference.rows()
    }

    /// Makes a prediction a row of the reference if its version has room for one, and freezes that when it is whole. Not while a training set
    /// is uploaded.
    pub fn gather(&mut self, seen: Seen<'_>, fleet: &mut Fleet, log_time: Timestamp, stored: StoredChunks<'_>) {
        if self.is_uploading() || !self.has_room(seen.features, fleet, log_time) {
            return;
        }
        let classifies = seen.classifies;
        self.gather_row(seen);
        if fleet.policy.reference_rows as usize <= self.reference.rows() {
            self.freeze(classifies, fleet, stored);
        }
    }

    /// Whether room is reserved for the whole reference, asked for with the first row. A version that turns out to need more than it has
    /// reserved, because further features appear or the policy asks for more rows, and finds no room for that, begins anew behind those that
    /// wait.
    fn has_room(&mut self, features: &Features, fleet: &mut Fleet, log_time: Timestamp) -> bool {
        let rows = u64::from(fleet.policy.reference_rows).max(RESERVED_ROWS_MIN);
        let named = features.values().len().min(FEATURES_WATCHED_MAX).max(self.watch.names.len());
        let values = (FEATURES + named) as u64 * rows;
        match self.watch.claim {
            Claim::Waiting { .. } => false,
            Claim::Reserved { values: held, .. } if values <= held => true,
            Claim::Reserved { .. } => {
                let mut claim = self.watch.claim;
                let fits = fleet.references.widen(&mut claim, values, GATHERED_VALUES_MAX);
                if fits {
                    self.watch_mut().claim = claim;
                } else {
                    self.drop_reference(fleet);
                    self.watch_mut().names.clear();
                    self.route = Route::default();
                    self.ask_for_room(values, fleet, log_time);
                }
                fits
            }
            Claim::None => self.ask_for_room(values, fleet, log_time),
        }
    }

    fn ask_for_room(&mut self, values: u64, fleet: &mut Fleet, log_time: Timestamp) -> bool {
        fleet.references.ask(&mut self.watch_mut().claim, values, GATHERED_VALUES_MAX, log_time)
    }

    /// Adds a row to the reference. Room for it is reserved.
    pub fn gather_row(&mut self, seen: Seen<'_>) {
        let Seen { at, cell, answer, confidence, features, classifies: _ } = seen;
        let number = self.next_number();
        if !self.route.is_to(number, features) {
            let unknown = reference::unknown(&self.watch.names, features, FEATURES_WATCHED_MAX);
            if !unknown.is_empty() {
                self.watch_mut().names.extend(unknown);
            }
        }
        let names = &self.watch.names;
        let places = self.route.to(number, |name| names.iter().position(|known| known == name), features);
        let values = reference::in_order(answer.map(Clone::clone), features, |index, _| places[index].map(usize::from)).into();
        self.reference.push(&reference::Row { at, cell, confidence, values });
    }

    /// Values that the rows of the reference have, or would have if each named all features.
    pub fn values_gathered(&self) -> u64 {
        self.reference.rows() as u64 * (FEATURES + self.watch.names.len()) as u64
    }

    /// Gathers predictions where the rest of a training set has not come for [`UPLOAD_PATIENCE`]: whoever sent the beginning is gone.
    pub fn give_up_upload(&mut self, log_time: Timestamp, fleet: &mut Fleet) {
        let is_waited_for = || self.reference.last_at().is_some_and(|last| log_time - last <= UPLOAD_PATIENCE);
        if self.is_uploading() && !is_waited_for() {
            self.gather_anew(Origin::Collected, fleet);
        }
    }

    /// Freezes the rows gathered so far, if there are any.
    ///
    /// * `classifies`: predictions that are numbers are classes.
    /// * `stored`: where chunks lie that were left to the store.
    pub fn freeze(&mut self, classifies: bool, fleet: &mut Fleet, stored: StoredChunks<'_>) {
        if self.reference.rows() != 0 {
            let Watch { origin, names, .. } = &**self.watch;
            let baseline = self.reference.freeze(self.next_number(), *origin, names, classifies, stored);
            self.drop_reference(fleet);
            self.adopt(baseline, fleet);
        }
    }

    /// The number of the baseline to come.
    pub fn next_number(&self) -> u32 {
        Baseline::number_of(self.watch.index, self.watch.baselines + 1)
    }

    pub fn has_had_all_baselines(&self) -> bool {
        BASELINES_MAX <= self.watch.baselines
    }

    /// A baseline that has these bins, if one is in memory.
    pub fn baseline_of_bins(&self, bins: u32) -> Option<Arc<Baseline>> {
        // of those that go out of use only the one that cut the bins, as the store has it: the others may or may not have gone already
        let retired = self.retired.iter().filter(|baseline| baseline.number == bins);
        let mut held = self.baseline.iter().chain(retired);
        held.find(|baseline| baseline.bins == bins).map(|baseline| Arc::new(Baseline::clone(baseline)))
    }

    /// Compares to a baseline made of the past from here on. False if there were too many baselines already.
    pub fn refer_to(&mut self, baseline: Baseline, fleet: &mut Fleet) -> bool {
        let begun = self.gather_anew(baseline.origin, fleet);
        if begun {
            self.watch_mut().names = baseline.columns[FEATURES..].iter().map(|column| column.name.clone()).collect();
            self.adopt(baseline, fleet);
        }
        begun
    }

    /// Whether the baseline in use has this number.
    pub fn uses(&self, number: u32) -> bool {
        self.watch.in_use == Some(number)
    }

    /// Whether only the rows of a training set are gathered.
    pub fn is_uploading(&self) -> bool {
        self.baseline.is_none() && self.watch.origin == Origin::Uploaded
    }

    /// Compares to `baseline` from here on.
    fn adopt(&mut self, baseline: Baseline, fleet: &mut Fleet) {
        fleet.columns += baseline.columns.len() as u64;
        let watch = self.watch_mut();
        watch.pace.begin(&baseline, &fleet.policy, fleet.columns);
        watch.baselines += 1;
        watch.in_use = Some(baseline.number);
        watch.origin = baseline.origin;
        watch.standings = vec![Standing::default(); baseline.columns.len()];
        watch.score = None;
        self.baseline = Some(Arc::new(Kept::new(baseline)));
        // a column's place is not that of the reference's value
        self.route = Route::default();
        *self.window_mut() = DriftWindow::default();
    }

    /// Forgets the rows gathered so far and gives back the room for them, or the place among those that wait.
    fn drop_reference(&mut self, fleet: &mut Fleet) {
        if self.watch.claim != Claim::None {
            fleet.references.release(&mut self.watch_mut().claim);
        }
        let reference = std::mem::take(&mut self.reference);
        self.dropped.extend(reference.chunk_hashes().map(|(number, row_hash)| (Part::Chunk(number), row_hash)));
    }

    /// Has a version gather whose turn has come. False if there is no room yet.
    pub fn serve_reference(&mut self, fleet: &mut Fleet, log_time: Timestamp) -> bool {
        fleet.references.serve(&mut self.watch_mut().claim, GATHERED_VALUES_MAX, log_time)
    }

    /// Takes the reservation of a version that has fallen silent. It asks again with its next row.
    pub fn lapse(&mut self, fleet: &mut Fleet) {
        fleet.references.lapsed += 1;
        self.drop_reference(fleet);
        self.watch_mut().names.clear();
        self.route = Route::default();
    }

    /// Forgets the baseline, or the rows gathered so far, and gathers anew. False if there were too many baselines already.
    pub fn gather_anew(&mut self, origin: Origin, fleet: &mut Fleet) -> bool {
        if self.has_had_all_baselines() {
            return false;
        }
        self.drop_reference(fleet);
        self.forget_segments(fleet);
        if let Some(baseline) = self.baseline.take() {
            fleet.columns -= baseline.columns.len() as u64;
            if baseline.is_dirty() {
                self.retired.push(baseline);
            }
        }
        let watch = self.watch_mut();
        (watch.origin, watch.score, watch.in_use) = (origin, None, None);
        watch.names.clear();
        watch.standings.clear();
        self.route = Route::default();
        *self.window_mut() = DriftWindow::default();
        true
    }

    /// Shows the detectors something that has arrived. Gives the alarms they raise.
    pub fn take(&mut self, arrival: Arrival, chosen: &[Chosen], fleet: &mut Fleet, at: Timestamp) -> Vec<Alarm> {
        let policy = &fleet.policy;
        let watch = self.watch_mut();
        detectors::start(&mut watch.detectors, chosen, policy);
        let mut alarms = Vec::new();
        match arrival {
            Arrival::Label { at: seen_at, met, rated, taught, .. } => {
                watch.labels.add(met, policy);
                watch.label_marks.add(seen_at);
                let error = f64::from(u8::from(!met));
                let standard = watch.detectors.iter_mut().enumerate().filter(|(place, _)| Watching::sees_labels(*place));
                let marks = Some(&watch.label_marks);
                alarms.extend(standard.filter_map(|(_, watching)| watching.take(error, &watch.labels, marks, (seen_at, at))));
                if let Some(rated) = rated {
                    Arc::make_mut(&mut self.estimator).change().gather(rated, policy.reference_rows as usize);
                }
                if let Some(taught) = taught {
                    self.teach(taught, fleet, at);
                }
            }
            Arrival::Value { at: seen_at, place, value, .. } => {
                let watching = watch.detectors.get_mut(usize::from(place));
                alarms.extend(watching.and_then(|watching| watching.take(value, &watch.labels, None, (seen_at, at))));
            }
        }
        alarms
    }

    /// Takes the labels to come for what is usual, and has the detectors that every version has begin anew.
    pub fn forget_labels(&mut self) {
        let watch = self.watch_mut();
        (watch.labels.first, watch.labels.recent) = (Outcomes::default(), Outcomes::default());
        watch.label_marks = Marks::default();
        watch.detectors.clear();
    }

    /// Says of no column any more that it drifts: who looks again begins anew.
    pub fn calm_down(&mut self) {
        let watch = self.watch_mut();
        let of_segments = watch.segments.iter_mut().flat_map(|segment| &mut segment.standings);
        for standing in watch.standings.iter_mut().chain(of_segments) {
            *standing = Standing { figures: standing.figures, ..Standing::default() };
        }
    }
}
