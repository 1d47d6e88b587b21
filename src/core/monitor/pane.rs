//! One minute of one model (later an hour or a day, merged from minutes): what was predicted in it, and how good it turned out to be. A pane
//! is made of cells, one for each combination of version and segment values, so that an event touches one cell and every other figure is a
//! merge of cells.

mod id;
mod merge;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::event::{Feature, Features};
use crate::monitor::drift::Sight;
use crate::monitor::drift::binned::Binned;
use crate::monitor::drift::losses::LossSight;
use crate::monitor::drift::tally::Tally;
use crate::monitor::join::{Answer, Truth};
use crate::monitor::limits::{LOSSES_EACH, LOSSES_EVERY, PANE_COLUMNS_MAX};
use crate::monitor::task::Apart;
use crate::stats::cbpe::Sums;
use crate::stats::classes::Confusion;
use crate::stats::dle;
use crate::stats::exact::ExactSum;
use crate::stats::latency::Latency;
use crate::stats::regression::Regression;
use crate::stats::scores::{MultiLogLoss, Scored};

pub use id::{PaneId, Width};

/// `[start, start + width)` of event time of one model. Which pane it is, whoever holds it knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pane {
    /// How often it was published anew after it had closed.
    pub revision: u32,
    /// Sorted by index.
    cells: Vec<(u16, Cell)>,
    /// Counts of its cells over bins of other baselines than the newest: panes merged into it were counted over those. Sorted by index, then by
    /// baseline.
    older: Option<Box<Older>>,
}

/// Counts by cell.
type Older = Vec<(u16, Binned)>;

/// The aggregates of the predictions of one version and one combination of segment values. Each is a commutative group: what was
/// added can be taken back, and neither order nor grouping leaves a trace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    pub predictions: u64,
    pub errors: u64,
    /// Joined labels, those of failed predictions too.
    pub labelled: u64,
    pub latency: Latency,
    pub confidence: Mean,
    /// Predictions by class, sorted by class.
    pub predicted: Vec<(u16, u64)>,
    /// Labels against answers, where both are classes.
    pub confusion: Confusion,
    /// Probability of the reference class against the labels, where an answer came with one or two scores.
    pub scored: Option<Box<ReferenceScored>>,
    /// Log loss and calibration, where an answer came with more scores, or with a confidence only.
    pub multi: Option<Box<MultiLogLoss>>,
    /// Labels against answers, where both are numbers.
    pub regression: Option<Box<Regression>>,
    /// Labels of rows that do not fit how the model is read, in cells of their own; sorted by where they are counted.
    pub apart: Vec<(Apart, Cell)>,
    /// What the scores say of answers whose labels may never come, once the version has an estimator.
    pub expected: Option<Box<Sums>>,
    /// What features say of how far off answers are, once the version has learnt that.
    pub losses: Option<Box<dle::Sums>>,
    /// Every column over the bins of a baseline, once there is one. Shared, so that a pane is cheap to copy.
    pub tally: Option<Binned>,
}

/// Scores of one class, which the first scored label of the cell names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReferenceScored {
    pub class: u16,
    pub scored: Scored,
    /// Labels whose answer was scored for another class: not in `scored`.
    pub foreign: u64,
}

/// An exact mean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    pub n: u64,
    pub sum: ExactSum,
}

impl Mean {
    pub fn add(&mut self, value: f64) {
        self.n += 1;
        self.sum.add(value);
    }

    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.sum.merge(&other.sum);
    }

    pub fn value(&self) -> Option<f64> {
        (self.n != 0).then(|| self.sum.value() / self.n as f64)
    }
}

impl Pane {
    pub fn cell(&mut self, index: u16) -> &mut Cell {
        let at = match self.cells.binary_search_by_key(&index, |(i, _)| *i) {
            Ok(at) => at,
            Err(at) => {
                // most panes have one cell or few, and a list that grows by itself begins with room for four
                if self.cells.len() == self.cells.capacity() {
                    self.cells.reserve_exact((self.cells.len() / 2).max(1));
                }
                self.cells.insert(at, (index, Cell::default()));
                at
            }
        };
        &mut self.cells[at].1
    }

    /// The cells by index.
    pub fn cells(&self) -> impl Iterator<Item = (u16, &Cell)> {
        self.cells.iter().map(|(index, cell)| (*index, cell))
    }

    /// Adds the cells that `of` lets through to `total`.
    pub fn merge_into(&self, total: &mut Cell, of: impl Fn(u16) -> bool) {
        self.cells.iter().filter(|(index, _)| of(*index)).for_each(|(_, cell)| total.merge(cell));
    }

    /// What cells were counted over bins of baselines; of one cell perhaps over several.
    pub fn tallies(&self) -> impl Iterator<Item = (u16, &Binned)> {
        let newest = self.cells.iter().filter_map(|(index, cell)| Some((*index, cell.tally.as_ref()?)));
        newest.chain(self.older.iter().flat_map(|older| older.iter()).map(|(index, tally)| (*index, tally)))
    }

    /// Adds what the cells that `of` lets through counted over the bins of `total`'s baseline.
    pub fn tally_into(&self, total: &mut Tally, of: impl Fn(u16) -> bool) {
        for (_, tally) in self.tallies().filter(|(index, _)| of(*index)) {
            if tally.baseline() == total.baseline {
                total.merge(&tally.read());
            }
        }
    }

    /// The bins over which the cells that `of` lets through were counted, oldest first.
    pub fn bins_of(&self, of: impl Fn(u16) -> bool) -> BTreeSet<u32> {
        self.tallies().filter(|(index, _)| of(*index)).map(|(_, tally)| tally.baseline()).collect()
    }

    /// Whether the columns of a cell are counted, or there is room for it.
    pub fn may_watch(&self, index: u16) -> bool {
        let held = self.cells.binary_search_by_key(&index, |(i, _)| *i).is_ok_and(|at| self.cells[at].1.tally.is_some());
        held || self.tallies().map(|(_, tally)| tally.columns()).sum::<usize>() < PANE_COLUMNS_MAX
    }

    /// Packs its counts over bins, which are the most of it: for one to which little will be added.
    pub fn pack(&mut self) {
        let newest = self.cells.iter_mut().filter_map(|(_, cell)| cell.tally.as_mut());
        newest.chain(self.older.iter_mut().flat_map(|older| older.iter_mut()).map(|(_, tally)| tally)).for_each(Binned::pack);
    }

    /// Predictions that no label has joined.
    pub fn unlabelled(&self) -> u64 {
        self.cells.iter().map(|(_, cell)| cell.predictions - cell.labelled).sum()
    }
}

impl Cell {
    /// Counts a prediction over the bins of its baseline. A cell that was begun with other bins stays with those.
    pub fn watch(&mut self, sight: &Sight, prediction: &Feature, score: &Feature, features: &Features) {
        let tally = self.tally.get_or_insert_with(|| Binned::new(Tally::of(&sight.baseline)));
        if tally.baseline() == sight.baseline.bins {
            sight.count(tally.change(), prediction, score, features);
        }
    }

    /// Adds what the newest prediction, of `number`, is expected to lose. That costs more than counting it, so of many each of the later
    /// ones that is looked at stands for some that are not.
    pub fn expect_losses(&mut self, sight: &LossSight, number: f64, features: &Features) {
        let times = match self.predictions {
            ..=LOSSES_EACH => 1,
            further if further.is_multiple_of(LOSSES_EVERY) => LOSSES_EVERY as u32,
            _ => return,
        };
        self.losses.get_or_insert_default().add_for(&sight.losses(number, features), times);
    }

    pub fn add_prediction(&mut self, answer: &Answer, response_time: Option<f64>) {
        self.predictions += 1;
        self.errors += u64::from(answer.failed);
        if let Some(seconds) = response_time {
            self.latency.add(seconds);
        }
        if let Some(confidence) = answer.confidence {
            self.confidence.add(confidence);
        }
        if let Some(class) = answer.class.filter(|_| !answer.failed) {
            match self.predicted.binary_search_by_key(&class, |(class, _)| *class) {
                Ok(at) => self.predicted[at].1 += 1,
                Err(at) => self.predicted.insert(at, (class, 1)),
            }
        }
    }

    /// Joins `truth` to a prediction of this cell.
    pub fn add_label(&mut self, answer: &Answer, truth: &Truth) {
        self.labelled += 1;
        if answer.failed {
            return;
        }
        match truth.apart {
            None => self.compare(answer, truth),
            Some(apart) => {
                let part = self.part(apart);
                part.labelled += 1;
                part.compare(answer, truth);
            }
        }
    }

    /// The cell of rows that are counted apart.
    fn part(&mut self, apart: Apart) -> &mut Self {
        let at = match self.apart.binary_search_by_key(&apart, |(held, _)| *held) {
            Ok(at) => at,
            Err(at) => {
                self.apart.insert(at, (apart, Self::default()));
                at
            }
        };
        &mut self.apart[at].1
    }

    fn compare(&mut self, answer: &Answer, truth: &Truth) {
        if let (Some(truth), Some(predicted)) = (truth.class, answer.class) {
            self.confusion.add(truth, predicted);
        }
        if let (Some(truth), Some(predicted)) = (truth.number, answer.number) {
            self.regression.get_or_insert_default().add(truth, predicted);
        }
        match (answer.scores.as_slice(), truth.class) {
            (_, None) => {}
            ([(class, score)], Some(truth)) => {
                let fresh = || Box::new(ReferenceScored { class: *class, scored: Scored::default(), foreign: 0 });
                let held = self.scored.get_or_insert_with(fresh);
                if held.class == *class {
                    held.scored.add(*score, truth == *class);
                } else {
                    held.foreign += 1;
                }
            }
            (_, Some(truth)) => {
                if let Some((of_truth, of_predicted)) = probabilities(answer, truth) {
                    self.multi.get_or_insert_default().add(of_truth, of_predicted, answer.class == Some(truth));
                }
            }
        }
    }

    /// Undoes [`Self::add_label`].
    pub fn take_label(&mut self, answer: &Answer, truth: &Truth) {
        self.labelled -= 1;
        if answer.failed {
            return;
        }
        match truth.apart {
            None => self.take_compared(answer, truth),
            Some(apart) => {
                let part = self.part(apart);
                part.labelled -= 1;
                part.take_compared(answer, truth);
                self.apart.retain(|(_, part)| part.labelled != 0);
            }
        }
    }

    fn take_compared(&mut self, answer: &Answer, truth: &Truth) {
        if let (Some(truth), Some(predicted)) = (truth.class, answer.class) {
            self.confusion.sub(truth, predicted);
        }
        if let (Some(held), Some(truth), Some(predicted)) = (&mut self.regression, truth.number, answer.number) {
            held.sub(truth, predicted);
        }
        self.regression.take_if(|held| held.count() == 0);
        match (answer.scores.as_slice(), truth.class) {
            (_, None) => {}
            ([(class, score)], Some(truth)) => {
                if let Some(held) = &mut self.scored {
                    if held.class == *class {
                        held.scored.sub(*score, truth == *class);
                    } else {
                        held.foreign -= 1;
                    }
                }
                self.scored.take_if(|held| held.scored.count() == 0 && held.foreign == 0);
            }
            (_, Some(truth)) => {
                if let (Some(held), Some((of_truth, of_predicted))) = (&mut self.multi, probabilities(answer, truth)) {
                    held.sub(of_truth, of_predicted, answer.class == Some(truth));
                }
                self.multi.take_if(|held| **held == MultiLogLoss::default());
            }
        }
    }
}

/// The probabilities an answer gave to the true class and to its own: `None` if it came with neither scores nor a confidence. A
/// class that was not scored among others has probability 0.
fn probabilities(answer: &Answer, truth: u16) -> Option<(Option<f64>, Option<f64>)> {
    if answer.scores.is_empty() {
        return answer.confidence.filter(|_| answer.class.is_some()).map(|confidence| (None, Some(confidence)));
    }
    let of = |wanted: u16| answer.scores.iter().find(|(class, _)| *class == wanted).map(|(_, score)| *score);
    Some((Some(of(truth).unwrap_or(0.0)), answer.class.and_then(of)))
}
