//! One model: its watermark, its panes, its labels. The watermark closes panes; labels join predictions by id in every order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::{Fault, Label, MetricThreshold, Prediction, Value};
use crate::ids::{Name, Slug};
use crate::monitor::Place;
use crate::monitor::classes::Classes;
use crate::monitor::cold::Cold;
use crate::monitor::drift::detectors::{Arrival, Chosen};
use crate::monitor::drift::incident::Incidents;
use crate::monitor::drift::{Drift, Seen};
use crate::monitor::join::{self, EarlyLabel, JoinRow, Served};
use crate::monitor::kept::{Kept, Written};
use crate::monitor::limits::{HORIZON, HORIZON_MEMORY, LATENESS, PANE_WIDTH};
use crate::monitor::numbered::Numbered;
use crate::monitor::pane::{Cell, Pane, PaneId, Width};
use crate::monitor::point::Point;
use crate::monitor::rollup::Rollup;
use crate::monitor::status::Condition;
use crate::monitor::status::history::History;
use crate::monitor::task::{Doubt, Evidence, Task, Values};
use crate::monitor::trail::Trail;
use crate::monitor::turn::Turn;
use crate::time::Timestamp;

mod ahead;
mod description;
mod early;
mod forget;
mod incidents;
mod measure;
mod queue;
mod reference;
mod registry;
mod rollup;
mod rows;
mod task;
mod verdict;
mod versions;
mod watch;
mod watermark;

pub use ahead::spans;
pub use description::Description;

use registry::too_many_models;
use watch::columns_of;

/// What became of one record.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Applied,
    /// Applied to a window that had already closed.
    AppliedLate,
    Duplicate,
    /// Beyond the horizon.
    TooLate,
    Ignored,
    Rejected(Fault),
}

/// All models, by number in the order of the log. The map is for lookups only; nothing depends on its order.
#[derive(Clone, Debug, Default)]
pub struct Models {
    list: Numbered<Arc<Model>>,
    by_name: HashMap<Name, u32, rapidhash::fast::RandomState>,
    /// How many of the models each producer was the first to name.
    makers: BTreeMap<Slug, u32>,
    /// Changed since the last commit, by number.
    changed: Vec<u32>,
    /// Forgotten since. Their rows are to be deleted; those of their panes are seen to at ticks.
    forgotten: Vec<(u32, Name)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub id: u32,
    pub name: Name,
    /// Who was the first to name it: the source token of the subject.
    pub made_by: Slug,
    /// Sequence of the last message that changed this model.
    pub changed_seq: u64,
    pub counters: Counters,
    /// Newest event time of a prediction.
    pub newest: Timestamp,
    /// No window that ends at or before this is open; monotone.
    pub watermark: Timestamp,
    /// Newest log time of a prediction.
    pub last_stored_at: Timestamp,
    pub condition: Condition,
    /// Changes seldom, so it is a row of its own.
    #[serde(skip)]
    pub profile: Arc<Kept<Profile>>,
    /// Rows of its own in the store.
    #[serde(skip)]
    pub trail: Trail,
    /// Rows of their own in the store.
    #[serde(skip)]
    pub drift: Arc<Drift>,
    /// Labels that the detectors have not seen yet: they look at every tick, or when enough have gathered.
    arrivals: Vec<Arrival>,
    /// Labels waiting for their prediction, by the minute of log time they came in.
    parked: BTreeMap<Timestamp, u64>,
    /// What the first labelled predictions say of the task.
    evidence: Evidence,
    /// Values by sort, so that those which do not fit the task are known whatever it turns out to be.
    pub values: Values,
    /// Versions, by place among the tracks, whose newest labels may be of another kind.
    doubts: BTreeMap<u16, Doubt>,
    /// Closed panes changed since they were last announced.
    revised: BTreeSet<Timestamp>,
    /// What is unlabelled in panes before this is counted as expired: they are beyond the horizon, or were rolled up.
    sealed_until: Timestamp,
    /// Which wide panes there are, and which narrow ones are kept.
    pub rollup: Rollup,
    /// Panes from here on are in memory.
    pub hot_from: Timestamp,
    /// Panes in memory by start. Closed ones are rows of their own in the store.
    #[serde(skip)]
    pub hot: BTreeMap<Timestamp, Arc<Kept<Pane>>>,
    /// Of its row, which is more than this struct: see [`rows`].
    #[serde(skip)]
    written: Written,
}

/// What is known of a model beyond its figures of the moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub classes: Classes,
    pub cells: Vec<CellKey>,
    /// Thresholds of its own, by metric.
    pub thresholds: Vec<MetricThreshold>,
    /// What its status has been.
    pub statuses: History,
    /// Detectors that a command has chosen for every version.
    pub detectors: Vec<Chosen>,
    pub description: Description,
    /// What has drifted.
    pub incidents: Arc<Incidents>,
}

/// A version and the values of its segments. The first of every model is empty: predictions without either, and those beyond the bound.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CellKey {
    pub version: Option<Name>,
    pub segment: Vec<(Name, Name)>,
    /// Its version's place among the tracks; `None` beyond the bound, and for predictions that share the first cell for want of room.
    pub track: Option<u16>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    pub predictions: u64,
    pub errors: u64,
    pub labelled: u64,
    /// Labels waiting for their prediction now.
    pub pending_labels: u64,
    /// Predictions seen before, and labels that say the same again.
    pub duplicates: u64,
    /// Labels that contradict an earlier one.
    pub conflicts: u64,
    /// Labels whose prediction never came.
    pub orphans: u64,
    pub late: u64,
    pub too_late: u64,
    /// Predictions that no label joined within the horizon.
    pub expired: u64,
    /// Predictions whose version or segment is beyond the bound: they count in the totals only.
    pub cells_refused: u64,
}

impl Model {
    fn new(id: u32, name: Name, made_by: Slug) -> Self {
        let unseen = Timestamp::from_micros(i64::MIN / 2);
        Self {
            id,
            name,
            made_by,
            changed_seq: 0,
            counters: Counters::default(),
            newest: unseen,
            watermark: unseen,
            last_stored_at: unseen,
            condition: Condition::default(),
            profile: Arc::new(Kept::new(Profile { cells: vec![CellKey::default()], ..Profile::default() })),
            trail: Trail::default(),
            drift: Arc::default(),
            arrivals: Vec::new(),
            parked: BTreeMap::new(),
            evidence: Evidence::default(),
            values: Values::default(),
            doubts: BTreeMap::new(),
            revised: BTreeSet::new(),
            sealed_until: unseen,
            rollup: Rollup::default(),
            hot_from: unseen,
            hot: BTreeMap::new(),
            written: Written::default(),
        }
    }

    /// Whether any prediction has come.
    pub const fn has_predictions(&self) -> bool {
        self.counters.predictions != 0
    }

    pub fn is_closed(&self, start: Timestamp) -> bool {
        start + PANE_WIDTH <= self.watermark
    }

    fn on_prediction(&mut self, turn: &mut Turn<'_>, place: Place<'_>, prediction: &Prediction) -> Verdict {
        // panes and join rows know whole milliseconds
        let at = Timestamp::from_millis(prediction.at.millis());
        if HORIZON < self.newest - at || self.is_deleted(turn.desk, at) {
            self.counters.too_late += 1;
            return Verdict::TooLate;
        }
        let seed = join::seed(self.name.as_str());
        let key = match &prediction.id {
            Some(id) => join::key(seed, id),
            None => join::key(seed, &self.mint_id(at, place)),
        };
        let parked = match turn.cold.row(&key) {
            Some(JoinRow::Served(served)) if self.knows(&served) && self.newest - served.at <= HORIZON => {
                self.counters.duplicates += 1;
                return Verdict::Duplicate;
            }
            Some(JoinRow::Early(parked)) if self.unpark(&parked) => Some(parked),
            _ => None,
        };
        let (cell, track) = self.cell_of(prediction);
        if let Some(track) = track {
            self.note_served(turn, track);
        }
        let answer = self.answer_of(prediction);
        self.weigh_answer(&answer, prediction);
        let mut served = Served { model: self.id, cell, at, seq: place.seq, index: place.index, answer, truth: None };
        let start = at.floor(PANE_WIDTH);
        let late = self.is_closed(start);
        self.counters.predictions += 1;
        let failed = served.answer.failed;
        self.counters.errors += u64::from(failed);
        self.counters.late += u64::from(late);
        let (value, score) = columns_of(prediction, &served.answer);
        let seen = Seen {
            at,
            cell,
            answer: [&value, &score],
            confidence: served.answer.stated_confidence(),
            features: &prediction.features,
            classifies: self.profile.classes.task() == Task::Classification,
        };
        let sight = track.and_then(|track| self.see(turn, track, seen));
        let expected = track.and_then(|track| self.drift.tracks[usize::from(track)].estimator.calibrated(&served.answer));
        let loss_sight = track.and_then(|track| self.loss_sight(track, &served, &prediction.features, turn.desk));
        let pane = self.pane(turn.cold, at);
        let sight = sight.filter(|_| pane.may_watch(cell));
        let of_cell = pane.cell(cell);
        of_cell.add_prediction(&served.answer, prediction.response_time);
        if let Some((chance, predicted)) = expected {
            of_cell.expected.get_or_insert_default().add(chance, predicted);
        }
        if let (Some(sight), Some(number)) = (loss_sight, served.answer.number) {
            of_cell.expect_losses(&sight, number, &prediction.features);
        }
        if let Some(sight) = sight {
            of_cell.watch(&sight, &value, &score, &prediction.features);
        }
        if let Some(track) = track {
            self.show_detectors(turn, track, prediction, &score);
        }

        let from_the_start = prediction.actual.as_ref().map(|actual| (actual, at));
        let from_before = parked.as_ref().map(|parked| (&parked.actual, parked.at));
        let known = match (from_before, from_the_start) {
            // as in `on_label_of`, where the prediction comes first
            (Some(before), Some(own)) if before.0 != own.0 => {
                self.counters.conflicts += 1;
                Some(if own.1 < before.1 { before } else { own })
            }
            (before, own) => before.or(own),
        };
        self.expire(turn.desk, at, 1);
        if let Some((actual, known_at)) = known {
            self.expire(turn.desk, at, -1);
            self.join(turn, &mut served, actual, known_at);
            self.arrived(turn, &served);
        }
        let replaced = parked.map(JoinRow::Early);
        turn.cold.put_row(key, &JoinRow::Served(served), replaced.as_ref());

        self.newest = self.newest.max(at);
        self.last_stored_at = self.last_stored_at.max(place.stored_at);
        self.condition.on_prediction(self.newest, turn.time(), failed, prediction.response_time);
        self.advance(turn, self.newest - LATENESS);
        if late { Verdict::AppliedLate } else { Verdict::Applied }
    }

    fn on_label(&mut self, turn: &mut Turn<'_>, label: &Label) -> Verdict {
        let at = Timestamp::from_millis(label.at.millis());
        let key = join::key(join::seed(self.name.as_str()), &label.prediction);
        match turn.cold.row(&key) {
            Some(JoinRow::Served(served))
                if self.knows(&served) && self.newest - served.at <= HORIZON && !self.is_deleted(turn.desk, served.at) =>
            {
                let is_first = served.truth.is_none();
                let (verdict, served) = self.on_label_of(turn, key, served, (&label.actual, at));
                if is_first {
                    self.arrived(turn, &served);
                }
                verdict
            }
            Some(JoinRow::Served(served)) if self.knows(&served) && self.newest - served.at <= HORIZON_MEMORY => {
                self.counters.too_late += 1;
                Verdict::TooLate
            }
            Some(JoinRow::Early(parked)) if self.is_parked(&parked) => {
                let same = parked.actual == label.actual;
                if parked.at < at || (parked.at == at && !same) {
                    let newer = EarlyLabel { actual: label.actual.clone(), at, ..parked };
                    turn.cold.put_row(key, &JoinRow::Early(newer), Some(&JoinRow::Early(parked)));
                }
                if same {
                    self.counters.duplicates += 1;
                    return Verdict::Duplicate;
                }
                self.counters.conflicts += 1;
                Verdict::Applied
            }
            _ => {
                let since = Timestamp::from_millis(turn.time().millis());
                let parked = EarlyLabel { model: self.id, since, actual: label.actual.clone(), at };
                turn.cold.put_row(key, &JoinRow::Early(parked), None);
                *self.parked.entry(since.floor(PANE_WIDTH)).or_default() += 1;
                self.counters.pending_labels += 1;
                Verdict::Applied
            }
        }
    }

    /// A label for a prediction we know: the first joins it; the same again is a duplicate; of two that differ the newer by its own
    /// time wins, and at the same time the one later in the log.
    fn on_label_of(
        &mut self,
        turn: &mut Turn<'_>,
        key: join::JoinKey,
        mut served: Served,
        (actual, at): (&Value, Timestamp),
    ) -> (Verdict, Served) {
        let before = JoinRow::Served(served.clone());
        let is_first = served.truth.is_none();
        if let Some(known) = served.truth.take() {
            let truth = self.truth_of(actual, at);
            if (known.class, known.number) == (truth.class, truth.number) {
                self.counters.duplicates += 1;
                if known.at < at {
                    // said again later, it outweighs what was said in between and comes in last
                    served.truth = Some(truth);
                    turn.cold.put_row(key, &JoinRow::Served(served.clone()), Some(&before));
                }
                return (Verdict::Duplicate, served);
            }
            self.counters.conflicts += 1;
            if at < known.at {
                return (Verdict::Applied, served);
            }
            self.counters.labelled -= 1;
            self.unweigh_label(&served, &known);
            self.pane(turn.cold, served.at).cell(served.cell).take_label(&served.answer, &known);
        }
        if is_first {
            self.expire(turn.desk, served.at, -1);
        }
        self.join(turn, &mut served, actual, at);
        let row = JoinRow::Served(served);
        turn.cold.put_row(key, &row, Some(&before));
        let JoinRow::Served(served) = row else { unreachable!("it was made two lines ago") };
        (Verdict::Applied, served)
    }

    fn join(&mut self, turn: &mut Turn<'_>, served: &mut Served, actual: &Value, at: Timestamp) {
        let mut truth = self.truth_of(actual, at);
        truth.apart = self.weigh_label(served, &truth, actual, turn.time());
        self.counters.labelled += 1;
        self.pane(turn.cold, served.at).cell(served.cell).add_label(&served.answer, &truth);
        served.truth = Some(truth);
    }

    /// The pane that holds what happened at `at`, in memory or not, to be changed; a closed minute is announced again at the next tick, and
    /// wider panes made of it are made again.
    fn pane<'a>(&'a mut self, cold: &'a mut dyn Cold, at: Timestamp) -> &'a mut Pane {
        let width = self.rollup.width_at(at).unwrap_or(Width::Day);
        let id = PaneId::new(self.id, width, at.floor(width.span()));
        self.rollup.changed(width, at);
        if width == Width::Minute {
            if self.is_closed(id.start) {
                self.revised.insert(id.start);
            }
            if self.hot_from <= id.start {
                return Arc::make_mut(self.hot.entry(id.start).or_default()).change();
            }
        }
        // asked twice because the borrow of a first answer would outlive the branch
        if cold.pane(id).is_some() {
            return cold.pane(id).expect("it was there a line ago");
        }
        cold.insert_pane(id, Kept::default())
    }

    fn profile_mut(&mut self) -> &mut Profile {
        Arc::make_mut(&mut self.profile).change()
    }

    pub fn point_of(&self, start: Timestamp, pane: &Pane) -> Point {
        let mut total = Cell::default();
        pane.merge_into(&mut total, |_| true);
        Point::of(start, self.is_closed(start), &total, &self.profile.classes)
    }

    /// An id for a prediction that came without: `<model>_<milliseconds>`, made unique by its place in the log.
    fn mint_id(&self, at: Timestamp, place: Place<'_>) -> String {
        format!("{}_{}-{}.{}", self.name, at.millis(), place.seq, place.index)
    }
}
