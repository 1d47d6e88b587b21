//! How far off a regression probably is before its labels arrive: learnt from predictions whose labels have come, then read from features and
//! the prediction alone (see [`crate::stats::dle`]).

use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::event::{Feature, Features};
use crate::monitor::drift::encoding::Encoding;
use crate::monitor::drift::estimator::{CHUNK_ROWS, Estimator};
use crate::monitor::drift::judge::Policy;
use crate::monitor::drift::reference::{Chunks, in_order, place_in, unknown};
use crate::monitor::drift::room::Claim;
use crate::monitor::drift::{Fleet, Part, Track};
use crate::monitor::limits::{LESSON_FEATURES_MAX, LESSON_VALUES_MAX, LESSONS_MAX, LOSS_ESTIMATORS_MAX};
use crate::stats::boosting::{Column, Kind};
use crate::stats::dle;
use crate::time::Timestamp;

/// Where a record is in the log: the sequence of its message, and its place in that.
pub type InLog = (u64, u32);

/// A prediction that waits for its label, or has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lesson {
    pub at: InLog,
    prediction: f64,
    /// In the order of the names of [`Learning`], as far as they were known by then.
    features: Vec<Feature>,
    truth: Option<f64>,
}

/// The first label of a prediction of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Taught {
    pub prediction: InLog,
    pub truth: f64,
}

/// What is known of the lessons of a version while they gather. The first predictions after the version's first label are kept until all of
/// them are labelled. Some never are: once as many labels of later predictions have come, one half is enough; if there is less, those that
/// go without make room for others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Learning {
    names: Vec<CompactString>,
    /// What it has of the room for lessons: it keeps none before that is reserved.
    pub claim: Claim,
    /// Features that room is reserved for; of further ones nothing is kept.
    width: usize,
    pub labelled: u32,
    /// Labels of predictions that came after the last lesson, since there are enough lessons.
    passed: u32,
}

/// What is to be done with the lessons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Wait,
    Fit,
    /// Let those without a label go.
    Renew,
}

/// A version learns once, so its places are always the same.
const FITTED: u32 = 1;

/// What was learnt: features become numbers, and they and the prediction become losses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossEstimator {
    features: Vec<(CompactString, Encoding)>,
    pub reference: dle::Reference,
}

/// What was learnt, and where the features of a prediction go.
pub struct LossSight {
    learnt: Arc<LossEstimator>,
    places: Arc<[Option<u16>]>,
}

/// Lessons that losses are learnt from.
pub fn needed(policy: &Policy) -> usize {
    (policy.reference_rows as usize).min(LESSONS_MAX)
}

impl Lesson {
    pub const fn is_labelled(&self) -> bool {
        self.truth.is_some()
    }
}

impl Learning {
    /// How many lessons it learns from: as many as the policy wants, no more than it has reserved.
    fn wanted(&self, policy: &Policy) -> usize {
        needed(policy).min((self.claim.reserved() / (self.width as u64 + 1)) as usize)
    }

    fn ask_for_room(&mut self, fleet: &mut Fleet, log_time: Timestamp) {
        let values = (needed(&fleet.policy) * (self.width + 1)) as u64;
        let most = if fleet.loss_estimators < LOSS_ESTIMATORS_MAX { LESSON_VALUES_MAX } else { 0 };
        fleet.loss_estimators += u32::from(fleet.lessons.ask(&mut self.claim, values, most, log_time));
    }

    /// A prediction as a lesson without a label.
    pub fn lesson(&mut self, at: InLog, prediction: f64, features: &Features) -> Lesson {
        self.names.extend(unknown(&self.names, features, self.width));
        let features = in_order([], features, |index, name| place_in(&self.names, index, name));
        Lesson { at, prediction, features, truth: None }
    }

    /// Gives a lesson its label, if it is one of those that wait.
    pub fn teach(&mut self, lessons: &mut Chunks<Lesson>, taught: Taught, policy: &Policy) -> Next {
        let needed = self.wanted(policy);
        let is_full = needed <= lessons.rows();
        let Taught { prediction, truth } = taught;
        if let Some(lesson) = lessons.find_mut(|lesson| lesson.at.cmp(&prediction)) {
            lesson.truth = Some(truth);
            self.labelled += 1;
        } else if is_full && lessons.last().is_some_and(|last| last.at < prediction) {
            self.passed += 1;
        }
        let (labelled, is_overdue) = (self.labelled as usize, needed <= self.passed as usize);
        match is_full {
            true if labelled == lessons.rows() || is_overdue && needed.div_ceil(2) <= labelled => Next::Fit,
            true if is_overdue => {
                self.passed = 0;
                Next::Renew
            }
            _ => Next::Wait,
        }
    }

    /// Learns from the lessons that are labelled. `None` if nothing can be learnt from them.
    pub fn fit<'a>(&self, lessons: impl Iterator<Item = &'a Lesson>) -> Option<LossEstimator> {
        let lessons: Vec<(&Lesson, f64)> = lessons.filter_map(|lesson| Some((lesson, lesson.truth?))).collect();
        let values =
            |slot: usize| lessons.iter().map(move |(lesson, _)| lesson.features.get(slot).unwrap_or(&Feature::Missing));
        let encodings: Vec<Encoding> = (0..self.names.len()).map(|slot| Encoding::codes(values(slot))).collect();
        let column = |(slot, encoding): (usize, &Encoding)| Column {
            kind: if encoding.is_category() { Kind::Category } else { Kind::Number },
            values: values(slot).map(|value| encoding.encode(value)).collect(),
        };
        let columns: Vec<Column> = encodings.iter().enumerate().map(column).collect();
        let (predictions, truths): (Vec<f64>, Vec<f64>) =
            lessons.iter().map(|(lesson, truth)| (lesson.prediction, *truth)).unzip();
        let reference = dle::Reference::fit(&columns, &predictions, &truths, CHUNK_ROWS).ok()?;
        Some(LossEstimator { features: self.names.iter().cloned().zip(encodings).collect(), reference })
    }
}

impl Track {
    /// Keeps a prediction as a lesson while the estimator learns and there is room.
    pub fn note_lesson(&mut self, at: InLog, prediction: f64, features: &Features, fleet: &mut Fleet) {
        let Estimator::Learning(learning) = &**self.estimator else { return };
        if learning.wanted(&fleet.policy) <= self.lessons.rows() {
            return;
        }
        let mut grown = learning.clone();
        let lesson = grown.lesson(at, prediction, features);
        if grown != *learning {
            *Arc::make_mut(&mut self.estimator).change() = Estimator::Learning(grown);
        }
        self.lessons.push(lesson);
    }

    /// The first label of a prediction of numbers has come. The first of a version has it learn: room for all lessons is reserved, or it waits
    /// for its turn.
    pub(super) fn teach(&mut self, taught: Taught, fleet: &mut Fleet, log_time: Timestamp) {
        if matches!(**self.estimator, Estimator::Gathering(_)) {
            let width = self.watch.names.len().min(LESSON_FEATURES_MAX);
            let mut learning = Learning { width, ..Learning::default() };
            learning.ask_for_room(fleet, log_time);
            *Arc::make_mut(&mut self.estimator).change() = Estimator::Learning(learning);
        }
        if !matches!(&**self.estimator, Estimator::Learning(learning) if learning.claim.is_reserved()) {
            return;
        }
        let estimator = Arc::make_mut(&mut self.estimator).change();
        let Estimator::Learning(learning) = estimator else { return };
        match learning.teach(&mut self.lessons, taught, &fleet.policy) {
            Next::Wait => {}
            Next::Renew => self.keep_lessons(Lesson::is_labelled),
            Next::Fit => {
                let learnt = learning.fit(self.lessons.iter());
                fleet.lessons.release(&mut learning.claim);
                fleet.loss_estimators -= u32::from(learnt.is_none());
                *estimator = learnt.map_or(Estimator::Unfit, |learnt| Estimator::OfLosses(Arc::new(learnt)));
                self.keep_lessons(|_| false);
            }
        }
    }

    /// What it has of the room for lessons.
    pub fn lessons_claim(&self) -> Claim {
        if let Estimator::Learning(learning) = &**self.estimator { learning.claim } else { Claim::None }
    }

    pub fn lessons_claim_mut(&mut self) -> Option<&mut Claim> {
        match Arc::make_mut(&mut self.estimator).change() {
            Estimator::Learning(learning) => Some(&mut learning.claim),
            _ => None,
        }
    }

    /// Has a version learn whose turn has come. False if there is no room yet.
    pub fn serve_lessons(&mut self, fleet: &mut Fleet, log_time: Timestamp) -> bool {
        if LOSS_ESTIMATORS_MAX <= fleet.loss_estimators {
            return false;
        }
        let Estimator::Learning(learning) = Arc::make_mut(&mut self.estimator).change() else { return false };
        let served = fleet.lessons.serve(&mut learning.claim, LESSON_VALUES_MAX, log_time);
        fleet.loss_estimators += u32::from(served);
        served
    }

    /// Gives back what it has of the room for lessons, and its place among the versions whose losses are learnt or known.
    pub(super) fn release_lessons(&mut self, fleet: &mut Fleet) {
        match &**self.estimator {
            Estimator::Learning(learning) => {
                let mut claim = learning.claim;
                fleet.loss_estimators -= u32::from(claim.is_reserved());
                fleet.lessons.release(&mut claim);
            }
            Estimator::OfLosses(_) => fleet.loss_estimators -= 1,
            _ => {}
        }
    }

    /// Takes the room of a version whose labels have stopped coming. It asks again with its next label.
    pub fn lapse_lessons(&mut self, fleet: &mut Fleet) {
        if let Estimator::Learning(learning) = Arc::make_mut(&mut self.estimator).change() {
            fleet.lessons.release(&mut learning.claim);
            fleet.lessons.lapsed += 1;
            fleet.loss_estimators -= 1;
            self.forget_lessons();
        }
    }

    /// How to tell what a prediction with such features will lose; `None` while nothing is learnt.
    pub fn loss_sight(&mut self, features: &Features) -> Option<LossSight> {
        let Estimator::OfLosses(learnt) = &**self.estimator else { return None };
        let places = self.loss_route.to(FITTED, |name| learnt.place_of(name), features);
        Some(LossSight { learnt: Arc::clone(learnt), places })
    }

    /// Forgets what losses were to be learnt from, and what was learnt.
    pub(super) fn forget_lessons(&mut self) {
        *Arc::make_mut(&mut self.estimator).change() = Estimator::default();
        self.keep_lessons(|_| false);
    }

    fn keep_lessons(&mut self, wanted: impl Fn(&Lesson) -> bool) {
        for (number, chunk) in std::mem::take(&mut self.lessons).chunks.iter().enumerate() {
            self.dropped.push((Part::Lesson(number as u32), chunk.row_hash()));
            for lesson in chunk.iter() {
                if wanted(lesson) {
                    self.lessons.push(lesson.clone());
                }
            }
        }
    }
}

impl LossSight {
    /// What `prediction` is expected to lose, made from `features`.
    pub fn losses(&self, prediction: f64, features: &Features) -> dle::Losses {
        let mut row = [f64::NAN; LESSON_FEATURES_MAX];
        for (place, value) in self.places.iter().zip(features.values()) {
            if let Some(place) = place.map(usize::from) {
                row[place] = self.learnt.features[place].1.encode(value);
            }
        }
        self.learnt.reference.losses(&row[..self.learnt.features.len()], prediction)
    }
}

impl LossEstimator {
    /// The place of a feature among those that were learnt from.
    pub fn place_of(&self, feature: &str) -> Option<usize> {
        self.features.iter().position(|(name, _)| name == feature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Value};
    use crate::monitor::drift::tests::Chance;
    use crate::monitor::pane::Cell;
    use crate::monitor::tests::{START, World, label, prediction};
    use crate::stats::MetricName;
    use crate::time::Span;

    /// A second apart: predictions that are off by up to 2 where it is calm and by up to 20 where it is wild, labelled a hundred seconds later
    /// with a chance of `labelled`.
    struct Demand {
        world: World,
        chance: Chance,
        labelled: f64,
    }

    impl Demand {
        fn new(labelled: f64, reference_rows: u32) -> Self {
            let mut world = World::default();
            world.state.desk.drift.policy.reference_rows = reference_rows;
            Self { world, chance: Chance(21), labelled }
        }

        fn run(&mut self, seconds: std::ops::Range<u64>, wild: f64) {
            for second in seconds {
                let when = START + Span::from_secs(second as i64);
                let is_wild = self.chance.next() < wild;
                let size = self.chance.next();
                let mut input = prediction(&format!("p{second}"), "", when);
                let Event::PredictionLogged(logged) = &mut input.event else { unreachable!("it is a prediction") };
                logged.value = Some(Value::Number(100.5 + size));
                let weather = Feature::text(if is_wild { "wild" } else { "calm" });
                logged.features = [("size".into(), Feature::Number(size)), ("weather".into(), weather)].into_iter().collect();
                self.world.when(input);
                if self.chance.next() < self.labelled {
                    let miss = (2.0 * self.chance.next() - 1.0) * if is_wild { 20.0 } else { 2.0 };
                    let mut input = label(&format!("p{second}"), "", when + Span::from_secs(100));
                    let Event::LabelArrived(arrived) = &mut input.event else { unreachable!("it is a label") };
                    arrived.actual = Value::Number(100.5 + size + miss);
                    self.world.when(input);
                }
            }
        }

        fn estimator(&self) -> &Estimator {
            &self.world.model().drift.tracks[0].estimator
        }

        /// Of the panes in memory from `second` on: MAE and RMSE as estimated and as realised.
        fn figures(&self, second: i64) -> [[f64; 2]; 2] {
            let mut total = Cell::default();
            let from: Timestamp = START + Span::from_secs(second);
            self.world.model().hot.range(from..).for_each(|(_, pane)| pane.merge_into(&mut total, |_| true));
            let estimated = total.losses.unwrap_or_default().figures();
            let realised = total.regression.unwrap_or_default().metrics();
            [MetricName::Mae, MetricName::Rmse].map(|wanted| {
                let estimated = estimated.iter().find(|(name, _)| *name == wanted).map_or(f64::NAN, |(_, value)| *value);
                let of = realised.iter().find(|(name, _)| *name == wanted).and_then(|(_, figure)| figure.value);
                [estimated, of.unwrap_or(f64::NAN)]
            })
        }
    }

    #[test]
    fn losses_are_expected_where_they_will_be_large() {
        let mut demand = Demand::new(1.0, 1_000);
        demand.run(0..1_100, 0.2);
        assert!(matches!(demand.estimator(), Estimator::OfLosses(_)), "{:?}", demand.estimator());
        let fleet = &demand.world.state.desk.drift;
        assert_eq!((fleet.loss_estimators, fleet.lessons.reserved), (1, 0));
        for (from, wild) in [(1_200, 0.2), (2_400, 0.9)] {
            demand.run(from..from + 900, wild);
            // E|e| of the calm is 1, that of the wild 10
            let [[mae, realised_mae], [rmse, realised_rmse]] = demand.figures(from as i64 + 600);
            let mean = 1.0 + 9.0 * wild;
            assert!((mae - mean).abs() < 0.2 * mean && (mae - realised_mae).abs() < 0.25 * mean, "{mae} {realised_mae} {mean}");
            assert!((rmse - realised_rmse).abs() < 0.25 * realised_rmse, "{rmse} {realised_rmse}");
        }
        // of what comes without a label as well
        demand.labelled = 0.0;
        demand.run(4_000..4_600, 0.2);
        let [[mae, realised], _] = demand.figures(4_300);
        assert!((mae - 2.8).abs() < 0.6 && realised.is_nan(), "{mae} {realised}");
    }

    #[test]
    fn what_never_gets_a_label_makes_room_for_what_does() {
        let mut demand = Demand::new(0.2, 200);
        demand.run(0..1_000, 0.2);
        assert!(matches!(demand.estimator(), Estimator::Learning(_)));
        // of 200 forty are labelled, of the next 160 thirty-two: one half is enough once as many later labels have come
        demand.run(1_000..7_000, 0.2);
        let fleet = &demand.world.state.desk.drift;
        assert!(matches!(demand.estimator(), Estimator::OfLosses(_)));
        assert_eq!(fleet.lessons.reserved, 0);
    }

    #[test]
    fn what_was_learnt_is_read_back_as_it_was_and_learnt_again_from_the_same_log() {
        let run = || {
            let mut demand = Demand::new(0.9, 200);
            demand.run(0..1_000, 0.3);
            demand
        };
        let (demand, again) = (run(), run());
        assert!(demand.world.model() == again.world.model() && demand.world.effects == again.world.effects);
        let bytes = rmp_serde::to_vec(demand.estimator()).unwrap();
        assert_eq!(rmp_serde::from_slice::<Estimator>(&bytes).unwrap(), *demand.estimator());
        assert!(matches!(demand.estimator(), Estimator::OfLosses(_)) && bytes.len() < 150_000, "{}", bytes.len());
    }
}
