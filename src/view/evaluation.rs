//! How good a set of labelled predictions is, all at once: the same cells, joins and metrics as the stream's, in one window. Knows no
//! file format.
//!
//! What the stream keeps in a bounded sketch is exact here, since all records are at hand: ROC AUC and average precision over any
//! number of distinct scores, and the median error.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::event::{Event, Features, Kind, Message, Prediction, TaskChoice, Value};
use crate::ids::{Name, Slug};
use crate::monitor::classes::{Classes, Task, order};
use crate::monitor::cold::InMemory;
use crate::monitor::join::{Answer, JoinRow, Truth};
use crate::monitor::pane::Cell;
use crate::monitor::task::{Decision, Evidence, Values};
use crate::monitor::window::metrics;
use crate::monitor::{State, apply};
use crate::stats::calibration::ReliabilityBin;
use crate::stats::estimate::{NoInterval, Z};
use crate::stats::ranking::{average_precision, roc_auc, tallies};
use crate::stats::regression::median_absolute_error;
use crate::stats::{Estimate, MetricName};
use crate::time::Timestamp;
use crate::view::task::remarks;
use crate::view::window::ConfusionMatrix;

/// Records applied as one message.
const FRAME: usize = 1_000;

/// One prediction with what turned out to be true, if that is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub prediction: Prediction,
    /// The probability of the positive class, where it came without the name of that class; 0 to 1.
    pub score: Option<f64>,
}

/// Every figure of a set of predictions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// By name, as in the windows of the stream; with more than two scored classes `roc_auc_ovr_macro` and `roc_auc_ovr_weighted`
    /// too.
    pub metrics: BTreeMap<String, Estimate>,
    /// `None` where the values are no classes.
    pub confusion: Option<ConfusionMatrix>,
    /// The reliability diagram of the positive class, or with more classes of whatever was predicted; empty without probabilities.
    pub calibration: Vec<ReliabilityBin>,
    /// Whether values were read as classes or as quantities.
    pub task: Task,
    /// What a reader of the figures has to know, a sentence each.
    pub remarks: Vec<String>,
    /// Records, and how many of them are labelled.
    #[serde(skip)]
    pub records: u64,
    #[serde(skip)]
    pub labelled: u64,
    /// The class that precision, recall and ranking are about, in a problem of two or if it was named.
    #[serde(skip)]
    pub positive: Option<String>,
}

/// Why predictions cannot be evaluated as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("no class is called {asked:?}: there are {known}")]
    UnknownPositive { asked: String, known: String },
    #[error("{0:?} cannot be the positive class of quantities: leave out one of --positive and --task regression")]
    NoClasses(String),
    #[error("a score without a class needs two classes, or --positive: there are {0}")]
    ScoreOfWhat(String),
}

/// Joins every record to its own label in one window and reads its metrics; one model, version and segment, whatever they say.
///
/// * `task`: whether values are classes or quantities; by default what the stream would decide if it had all rows at once.
/// * `positive`: the class to call positive; by default the second of two in [`order`]. With more than two classes it is set against
///   the rest. Naming one says that values are classes.
/// * Errors: [`Error`]. Cost: O(n log n), and every record is held.
pub fn evaluate(mut records: Vec<Record>, task: TaskChoice, positive: Option<&str>) -> Result<Evaluation, Error> {
    let told = match (task, positive) {
        (TaskChoice::Regression, Some(positive)) => return Err(Error::NoClasses(positive.to_owned())),
        (TaskChoice::Regression, None) => Some(Task::Regression),
        (TaskChoice::Classification, _) | (TaskChoice::Automatic, Some(_)) => Some(Task::Classification),
        (TaskChoice::Automatic, None) => None,
    };
    let classes = classes_of(&records, told);
    let positive = Positive::choose(&classes, positive)?;
    for record in &mut records {
        positive.name_scores(record, &classes)?;
    }
    let window = Window::of(records, classes.decision.clone());
    let mut figures = metrics(&window.total, &window.classes);
    if window.classes.task() == Task::Classification {
        if let Some(class) = positive.asked.as_ref().and_then(|asked| window.classes.find_written(asked)) {
            put(&mut figures, window.total.read(&window.classes).confusion.metrics(Some(class)));
        }
        window.rank(&positive, &mut figures);
    } else if let Some(median) = window.median_error() {
        put(&mut figures, vec![(MetricName::MedianAe, median)]);
    }
    Ok(Evaluation {
        metrics: figures,
        confusion: ConfusionMatrix::of(&window.total.read(&window.classes).confusion, &window.classes),
        calibration: window.calibration(),
        task: window.classes.task(),
        remarks: remarks(&window.values, &window.classes.decision),
        records: window.total.predictions,
        labelled: window.total.labelled,
        positive: (window.classes.task() == Task::Classification).then(|| positive.name.clone()).flatten(),
    })
}

fn put(figures: &mut BTreeMap<String, Estimate>, more: Vec<(MetricName, Estimate)>) {
    figures.extend(more.into_iter().map(|(name, figure)| (name.as_str().to_owned(), figure)));
}

/// The classes that records name, and how all of them together are to be read.
fn classes_of(records: &[Record], told: Option<Task>) -> Classes {
    let mut classes = Classes::default();
    classes.decision.tell(told);
    let (mut evidence, mut values) = (Evidence::default(), Values::default());
    for Record { prediction, .. } in records {
        let mut sort_of = |value: &Value| {
            let class = classes.index(value);
            let number = if let Value::Number(number) = value { Some(*number) } else { None };
            classes.sort(class, number)
        };
        let answer = prediction.value.as_ref().and_then(&mut sort_of);
        let label = prediction.actual.as_ref().and_then(&mut sort_of);
        if let Some(answer) = answer.filter(|_| !prediction.failed) {
            values.predictions.add(answer);
            if let Some(label) = label {
                values.labels.add(label);
                evidence.add(answer, label, !prediction.scores.is_empty());
            }
        }
        prediction.scores.iter().for_each(|(name, _)| {
            classes.index_of_name(name);
        });
    }
    let (reading, _) = classes.decision.due(&evidence, &values, classes.numbers());
    classes.decision = Decision::settled(told, reading);
    classes
}

fn names_of(classes: &Classes) -> String {
    let mut names: Vec<&str> = classes.fitting().map(|index| classes.name(index)).collect();
    names.sort_unstable_by(|a, b| order(a, b));
    let more = names.len().saturating_sub(10);
    names.truncate(10);
    let named = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    if more == 0 { named } else { format!("{named} and {more} more") }
}

/// The class that counts as positive.
struct Positive {
    name: Option<String>,
    /// Its name, where it was asked for.
    asked: Option<String>,
}

impl Positive {
    fn choose(classes: &Classes, asked: Option<&str>) -> Result<Self, Error> {
        let by_order = || classes.positive().map(|class| classes.name(class).to_owned());
        let Some(asked) = asked else { return Ok(Self { name: by_order(), asked: None }) };
        let name = classes.find_written(asked).map(|class| classes.name(class).to_owned());
        match name {
            Some(name) => Ok(Self { name: Some(name.clone()), asked: Some(name) }),
            // a class that is never predicted and never true may still be the positive one
            None if classes.fitting().count() < 2 => Ok(Self { name: Some(asked.to_owned()), asked: Some(asked.to_owned()) }),
            None => Err(Error::UnknownPositive { asked: asked.to_owned(), known: names_of(classes) }),
        }
    }

    /// Gives a bare score to the positive class; in a problem of two, where the positive class was asked for, turns the scores of the
    /// other one round.
    fn name_scores(&self, record: &mut Record, classes: &Classes) -> Result<(), Error> {
        let scores = &mut record.prediction.scores;
        if let Some(score) = record.score {
            let Some(name) = &self.name else { return Err(Error::ScoreOfWhat(names_of(classes))) };
            *scores = vec![(name.as_str().into(), score)];
        } else if let Some(asked) = self.asked.as_ref().filter(|_| classes.fitting().count() <= 2) {
            let own = scores.iter().find(|(name, _)| name == asked).map(|(_, score)| *score);
            if let Some(score) = own.or_else(|| scores.first().map(|(_, other)| 1.0 - other)) {
                *scores = vec![(asked.as_str().into(), score)];
            }
        }
        Ok(())
    }
}

/// All records as the stream would see them in one window.
struct Window {
    total: Cell,
    classes: Classes,
    values: Values,
    /// Labelled answers that did not fail, of values that fit.
    joined: Vec<(Answer, Truth)>,
}

impl Window {
    fn of(records: Vec<Record>, decision: Decision) -> Self {
        let (mut state, mut cold) = (State::default(), InMemory::default());
        let source = Slug::try_from("offline").expect("a plain word is a slug");
        state.models.prepare(&Name::from(&source), decision);
        let at = Timestamp::default();
        let mut rest = records.into_iter();
        let mut seq = 0;
        loop {
            let frame: Vec<_> =
                rest.by_ref().take(FRAME).map(|record| Ok(one_window(record.prediction, &source, at))).collect();
            if frame.is_empty() {
                break;
            }
            seq += 1;
            let message = Message { seq, stored_at: at, kind: Kind::Prediction, source: source.clone(), records: frame };
            apply(&mut state, &mut cold, &message);
        }
        let (mut total, mut classes, mut values) = (Cell::default(), Classes::default(), Values::default());
        for model in state.models.iter() {
            classes = model.profile.classes.clone();
            values = model.values.clone();
            model.hot.values().for_each(|pane| pane.merge_into(&mut total, |_| true));
        }
        cold.panes.values().for_each(|pane| pane.merge_into(&mut total, |_| true));
        let joined = cold.rows.into_values().filter_map(|row| match row {
            JoinRow::Served(served) if !served.answer.failed => served.truth.map(|truth| (served.answer, truth)),
            _ => None,
        });
        let joined = joined.filter(|(_, truth)| truth.apart.is_none()).collect();
        Self { total, classes, values, joined }
    }

    /// Ranking figures from the scores themselves.
    fn rank(&self, positive: &Positive, figures: &mut BTreeMap<String, Estimate>) {
        let mut put_ranking = |scored: Vec<(f64, bool)>| {
            let ranked = tallies(scored);
            put(figures, vec![(MetricName::RocAuc, roc_auc(&ranked)), (MetricName::PrAuc, average_precision(&ranked))]);
        };
        if let Some(held) = &self.total.scored {
            let of_class = |(answer, truth): &(Answer, Truth)| match (answer.scores.as_slice(), truth.class) {
                ([(class, score)], Some(truth)) if *class == held.class => Some((*score, truth == held.class)),
                _ => None,
            };
            return put_ranking(self.joined.iter().filter_map(of_class).collect());
        }
        let many: Vec<(&Answer, u16)> = self
            .joined
            .iter()
            .filter(|(answer, _)| 2 < answer.scores.len())
            .filter_map(|(answer, truth)| Some((answer, truth.class?)))
            .collect();
        if many.is_empty() {
            return;
        }
        if let Some(class) = positive.asked.as_ref().and_then(|asked| self.classes.find_written(asked)) {
            put_ranking(many.iter().map(|(answer, truth)| (share_of(answer, class).unwrap_or(0.0), *truth == class)).collect());
        }
        if let Some((plain, weighted)) = self.one_against_rest(&many) {
            figures.insert("roc_auc_ovr_macro".to_owned(), plain);
            figures.insert("roc_auc_ovr_weighted".to_owned(), weighted);
        }
    }

    /// Each class's ROC AUC against the rest, over scores made to add up to 1 in each record: their mean, and their mean weighted by
    /// how often each class was true (scikit-learn's `multi_class="ovr"`; Provost & Domingos (2000), NYU Stern IS-00-04). `None`
    /// unless every class was true at least once; no intervals, since the areas depend on each other.
    fn one_against_rest(&self, many: &[(&Answer, u16)]) -> Option<(Estimate, Estimate)> {
        let n = many.len() as u64;
        let (mut plain, mut weighted) = (0.0, 0.0);
        let classes: Vec<u16> = self.classes.fitting().collect();
        for class in &classes {
            let class = *class;
            let support = many.iter().filter(|(_, truth)| *truth == class).count();
            let scored: Option<Vec<(f64, bool)>> =
                many.iter().map(|(answer, truth)| Some((share_of(answer, class)?, *truth == class))).collect();
            let area = roc_auc(&tallies(scored?)).value?;
            plain += area / classes.len() as f64;
            weighted += area * (support as f64 / n as f64);
        }
        let bare = |value| Estimate::bare(value, n, NoInterval::NoneKnown);
        Some((bare(plain), bare(weighted)))
    }

    /// The median absolute error with the order statistics `⌈n/2 ∓ z √n/2⌉` as its bounds (Conover (1999), *Practical Nonparametric
    /// Statistics*, §3.2).
    fn median_error(&self) -> Option<Estimate> {
        let pairs = self.joined.iter().filter_map(|(answer, truth)| truth.number.zip(answer.number));
        let value = median_absolute_error(pairs.clone())?;
        let mut errors: Vec<f64> = pairs.map(|(truth, predicted)| (predicted - truth).abs()).collect();
        errors.sort_unstable_by(f64::total_cmp);
        let count = errors.len() as f64;
        let margin = Z * count.sqrt() / 2.0;
        let at = |rank: f64| if rank < 1.0 || count < rank { None } else { errors.get(rank as usize - 1).copied() };
        let bounds = at((count / 2.0 - margin).ceil()).zip(at((count / 2.0 + margin).ceil()));
        let figure = Estimate::bare(value, errors.len() as u64, NoInterval::TooFewRows);
        Some(bounds.map_or(figure, |(low, high)| figure.between(low, high)))
    }

    fn calibration(&self) -> Vec<ReliabilityBin> {
        match (self.classes.task(), &self.total.scored, &self.total.multi) {
            (Task::Classification, Some(held), _) => held.scored.calibration().reliability(),
            (Task::Classification, None, Some(multi)) => multi.calibration().reliability(),
            _ => Vec::new(),
        }
    }
}

/// The record as an event of one model, version, segment and instant, without an id, so that no record is a repeat of another.
fn one_window(prediction: Prediction, source: &Slug, at: Timestamp) -> Event {
    Event::PredictionLogged(Prediction {
        id: None,
        model: Name::from(source),
        version: None,
        at,
        features: Features::default(),
        segment: Vec::new(),
        ..prediction
    })
}

/// The share of `class` in the scores of `answer`; `None` if they add up to nothing.
fn share_of(answer: &Answer, class: u16) -> Option<f64> {
    let total: f64 = answer.scores.iter().map(|(_, score)| score).sum();
    let own: f64 = answer.scores.iter().filter(|(other, _)| *other == class).map(|(_, score)| score).sum();
    (0.0 < total).then(|| own / total)
}
