//! How good a set of labelled predictions is, all at once: the same cells, joins and metrics as the stream's, in one window. Knows no
//! file format.
//!
//! What the stream keeps in a bounded sketch is exact here up to some millions of records: ROC AUC and average precision over any number of
//! distinct scores, and the median error.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::event::{Features, Prediction, TaskChoice, Value};
use crate::ids::Name;
use crate::monitor::classes::{Classes, OTHER, Task, order};
use crate::monitor::join::{Answer, Truth};
use crate::monitor::pane::Cell;
use crate::monitor::task::{Apart, Decision, Evidence, Side, Sort, Values};
use crate::monitor::window::metrics;
use crate::stats::calibration::ReliabilityBin;
use crate::stats::estimate::{NoInterval, Z};
use crate::stats::ranking::{Tally, average_precision, roc_auc};
use crate::stats::{Estimate, MetricName};
use crate::time::Timestamp;
use crate::view::alike::alike;
use crate::view::task::remarks;
use crate::view::window::ConfusionMatrix;

mod held;

use held::{Errors, Scores};

/// One prediction with what turned out to be true, if that is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub prediction: Prediction,
    /// The probability of the positive class, where it came without the name of that class; 0 to 1.
    pub score: Option<f64>,
}

impl Record {
    /// A record that says nothing, for readers that fill in what each row says.
    pub fn empty() -> Self {
        let prediction = Prediction {
            id: None,
            model: Name::try_from("offline").expect("a plain word is a name"),
            version: None,
            at: Timestamp::default(),
            features: Features::default(),
            value: None,
            confidence: None,
            scores: Vec::new(),
            response_time: None,
            failed: false,
            actual: None,
            segment: Vec::new(),
        };
        Self { prediction, score: None }
    }
}

/// Records that can be walked through more than once, in one order.
pub trait Records {
    fn walk(&self, take: &mut dyn FnMut(&Record));
}

impl Records for Vec<Record> {
    fn walk(&self, take: &mut dyn FnMut(&Record)) {
        self.iter().for_each(take);
    }
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

/// Compares every record with its own label and reads the metrics of all of them; one model, version and segment, whatever they say.
///
/// * `task`: whether values are classes or quantities; by default what the stream would decide if it had all rows at once.
/// * `positive`: the class to call positive; by default the second of two in [`order`]. With more than two classes it is set against
///   the rest. Naming one says that values are classes.
/// * Errors: [`Error`]. Cost: two walks, and memory for some millions of scores or errors at most.
pub fn evaluate(records: &impl Records, task: TaskChoice, positive: Option<&str>) -> Result<Evaluation, Error> {
    let told = match (task, positive) {
        (TaskChoice::Regression, Some(positive)) => return Err(Error::NoClasses(positive.to_owned())),
        (TaskChoice::Regression, None) => Some(Task::Regression),
        (TaskChoice::Classification, _) | (TaskChoice::Automatic, Some(_)) => Some(Task::Classification),
        (TaskChoice::Automatic, None) => None,
    };
    let classes = classes_of(records, told);
    let positive = Positive::choose(&classes, positive)?;
    let mut window = Window::new(classes, positive);
    let mut failure = None;
    records.walk(&mut |record| {
        if failure.is_none() {
            failure = window.add(record).err();
        }
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    Ok(window.evaluation())
}

fn put(figures: &mut BTreeMap<String, Estimate>, more: Vec<(MetricName, Estimate)>) {
    figures.extend(more.into_iter().map(|(name, figure)| (name.as_str().to_owned(), figure)));
}

/// The classes that records name, and how all of them together are to be read.
fn classes_of(records: &impl Records, told: Option<Task>) -> Classes {
    let mut classes = Classes::default();
    classes.decision.tell(told);
    let (mut evidence, mut values) = (Evidence::default(), Values::default());
    records.walk(&mut |Record { prediction, .. }| {
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
    });
    let (reading, _) = classes.decision.due(&evidence, &values, classes.numbers());
    classes.decision = Decision::settled(told, reading);
    if classes.has_many_numbers() && classes.task() == Task::Classification {
        // more numbers are kept now that it is known that they are classes
        records.walk(&mut |Record { prediction, .. }| {
            prediction.value.iter().chain(&prediction.actual).for_each(|value| {
                classes.index(value);
            });
        });
    }
    classes
}

fn names_of(classes: &Classes) -> String {
    let mut names: Vec<&str> = classes.fitting().map(|index| classes.name(index)).collect();
    names.sort_unstable_by(|a, b| order(a, b));
    let more = names.len().saturating_sub(10);
    names.truncate(10);
    let named = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let named = if more == 0 { named } else { format!("{named} and {more} more") };
    match alike(classes.fitting().map(|index| classes.name(index))) {
        Some(what) => format!("{named} ({what})"),
        None => named,
    }
}

/// The class that counts as positive.
struct Positive {
    name: Option<String>,
    /// Its name, where it was asked for.
    asked: Option<String>,
    /// Whether there are no more than two classes.
    of_two: bool,
}

impl Positive {
    fn choose(classes: &Classes, asked: Option<&str>) -> Result<Self, Error> {
        let by_order = || classes.positive().map(|class| classes.name(class).to_owned());
        let of_two = classes.fitting().count() <= 2;
        let Some(asked) = asked else { return Ok(Self { name: by_order(), asked: None, of_two }) };
        let name = match classes.find_written(asked) {
            Some(class) => classes.name(class),
            // a class that is never predicted and never true may still be the positive one
            None if classes.fitting().count() < 2 => asked,
            None => return Err(Error::UnknownPositive { asked: asked.to_owned(), known: names_of(classes) }),
        };
        Ok(Self { name: Some(name.to_owned()), asked: Some(name.to_owned()), of_two })
    }

    /// The scores of an answer by class, as the stream keeps them: a bare score is of the positive class; of two scores the one of the class that
    /// comes second in [`order`] is kept; in a problem of two, where the positive class was asked for, scores of the other one are turned round.
    fn scores(&self, record: &Record, classes: &Classes, scores: &mut Vec<(u16, f64)>) -> Result<(), Error> {
        scores.clear();
        let index = |name: &str| classes.find_name(name).unwrap_or(OTHER);
        let given = &record.prediction.scores;
        if let Some(score) = record.score {
            let Some(name) = &self.name else { return Err(Error::ScoreOfWhat(names_of(classes))) };
            scores.push((index(name), score));
            return Ok(());
        }
        if let Some(asked) = self.asked.as_ref().filter(|_| self.of_two) {
            let own = given.iter().find(|(name, _)| name == asked).map(|(_, score)| *score);
            if let Some(score) = own.or_else(|| given.first().map(|(_, other)| 1.0 - other)) {
                scores.push((index(asked), score));
            }
            return Ok(());
        }
        match given.as_slice() {
            [(a, p), (b, q)] => scores.push(if order(a, b).is_lt() { (index(b), *q) } else { (index(a), *p) }),
            many => scores.extend(many.iter().map(|(name, score)| (index(name), *score))),
        }
        Ok(())
    }
}

/// What all records say together.
struct Window {
    total: Cell,
    classes: Classes,
    positive: Positive,
    values: Values,
    /// Scores of one class, where answers have one.
    ranked: Option<(u16, Scores)>,
    /// The same of each class, where answers have more.
    each: Vec<(u16, Scores)>,
    /// Answers with more than two scores and a label; whether each of them has a score for each class.
    many: u64,
    whole: bool,
    /// How often each class was true among those.
    support: Vec<u64>,
    errors: Errors,
    answer: Answer,
}

impl Window {
    fn new(classes: Classes, positive: Positive) -> Self {
        let fitting = classes.fitting().count();
        Self {
            total: Cell::default(),
            positive,
            values: Values::default(),
            ranked: None,
            each: classes.fitting().map(|class| (class, Scores::shared_by(fitting))).collect(),
            many: 0,
            whole: true,
            support: vec![0; classes.len()],
            errors: Errors::default(),
            answer: Answer::default(),
            classes,
        }
    }

    fn add(&mut self, record: &Record) -> Result<(), Error> {
        let prediction = &record.prediction;
        let mut answer = std::mem::take(&mut self.answer);
        self.positive.scores(record, &self.classes, &mut answer.scores)?;
        (answer.class, answer.number) = self.value_of(prediction.value.as_ref());
        (answer.failed, answer.confidence) = (prediction.failed, prediction.confidence);
        self.total.add_prediction(&answer, prediction.response_time);
        let sort = self.classes.kept_sort(answer.class, answer.number).filter(|_| !answer.failed);
        if let (Some(sort), Some(value)) = (sort, &prediction.value) {
            note(&mut self.values.predictions, &self.classes.decision, sort, value);
        }
        if let Some(actual) = &prediction.actual {
            self.label(&answer, sort, actual);
        }
        self.answer = answer;
        Ok(())
    }

    fn label(&mut self, answer: &Answer, sort: Option<Sort>, actual: &Value) {
        let (class, number) = self.value_of(Some(actual));
        let label = self.classes.kept_sort(class, number);
        let mut apart = None;
        if let (Some(sort), Some(label)) = (sort, label) {
            note(&mut self.values.labels, &self.classes.decision, label, actual);
            apart = self.classes.decision.reading.and_then(|reading| Apart::of(reading, sort, label));
        }
        let truth = Truth { class, number, at: Timestamp::default(), apart };
        self.total.add_label(answer, &truth);
        if !answer.failed && apart.is_none() {
            match self.classes.task() {
                Task::Classification => self.rank(answer, class),
                Task::Regression => {
                    if let Some((truth, answer)) = number.zip(answer.number) {
                        self.errors.add((answer - truth).abs());
                    }
                }
                Task::Unknown => {}
            }
        }
    }

    fn rank(&mut self, answer: &Answer, truth: Option<u16>) {
        let Some(truth) = truth else { return };
        match answer.scores.as_slice() {
            [(class, score)] => {
                let (ranked, held) = self.ranked.get_or_insert_with(|| (*class, Scores::shared_by(1)));
                if ranked == class {
                    held.add(*score, truth == *class);
                }
            }
            scores if 2 < scores.len() => {
                self.many += 1;
                if let Some(support) = self.support.get_mut(usize::from(truth)) {
                    *support += 1;
                }
                let asked = self.positive.asked.as_ref().and_then(|asked| self.classes.find_written(asked));
                for (class, held) in &mut self.each {
                    let share = share_of(answer, *class);
                    self.whole &= share.is_some();
                    if share.is_some() || Some(*class) == asked {
                        held.add(share.unwrap_or(0.0), truth == *class);
                    }
                }
            }
            _ => {}
        }
    }

    /// `value` as a class, a number or both.
    fn value_of(&self, value: Option<&Value>) -> (Option<u16>, Option<f64>) {
        let Some(value) = value else { return (None, None) };
        match value {
            Value::Number(number) => (self.classes.find(value).flatten(), Some(*number)),
            Value::Class(name) => (Some(self.classes.find_name(name).unwrap_or(OTHER)), None),
        }
    }

    fn evaluation(self) -> Evaluation {
        let mut figures = metrics(&self.total, &self.classes);
        if self.classes.task() == Task::Classification {
            let asked = self.positive.asked.as_ref().and_then(|asked| self.classes.find_written(asked));
            if let Some(class) = asked {
                put(&mut figures, self.total.read(&self.classes).confusion.metrics(Some(class)));
            }
            self.put_ranking(asked, &mut figures);
        } else if let Some(median) = self.median_error() {
            put(&mut figures, vec![(MetricName::MedianAe, median)]);
        }
        let mut remarks = remarks(&self.values, &self.classes);
        if self.ranked.iter().chain(&self.each).any(|(_, held)| held.is_coarse()) || self.errors.is_coarse() {
            remarks.push(held::COARSE.to_owned());
        }
        Evaluation {
            confusion: ConfusionMatrix::of(&self.total.read(&self.classes).confusion, &self.classes),
            calibration: self.calibration(),
            task: self.classes.task(),
            records: self.total.predictions,
            labelled: self.total.labelled,
            positive: (self.classes.task() == Task::Classification).then_some(self.positive.name).flatten(),
            metrics: figures,
            remarks,
        }
    }

    /// Ranking figures from the scores themselves.
    fn put_ranking(&self, asked: Option<u16>, figures: &mut BTreeMap<String, Estimate>) {
        let mut put_of = |held: &Scores| {
            let ranked: Vec<Tally> = held.tallies();
            put(figures, vec![(MetricName::RocAuc, roc_auc(&ranked)), (MetricName::PrAuc, average_precision(&ranked))]);
        };
        if let Some((_, held)) = &self.ranked {
            return put_of(held);
        }
        if self.many == 0 {
            return;
        }
        if let Some((_, held)) = self.each.iter().find(|(class, _)| Some(*class) == asked) {
            put_of(held);
        }
        if let Some((plain, weighted)) = self.one_against_rest() {
            figures.insert("roc_auc_ovr_macro".to_owned(), plain);
            figures.insert("roc_auc_ovr_weighted".to_owned(), weighted);
        }
    }

    /// Each class's ROC AUC against the rest, over scores made to add up to 1 in each record: their mean, and their mean weighted by
    /// how often each class was true (scikit-learn's `multi_class="ovr"`; Provost & Domingos (2000), NYU Stern IS-00-04). `None`
    /// unless every class was true at least once and every record scores every class; no intervals, since the areas depend on each other.
    fn one_against_rest(&self) -> Option<(Estimate, Estimate)> {
        if !self.whole {
            return None;
        }
        let (mut plain, mut weighted) = (0.0, 0.0);
        for (class, held) in &self.each {
            let support = self.support.get(usize::from(*class)).copied().unwrap_or_default();
            let area = roc_auc(&held.tallies()).value?;
            plain += area / self.each.len() as f64;
            weighted += area * (support as f64 / self.many as f64);
        }
        let bare = |value| Estimate::bare(value, self.many, NoInterval::NoneKnown);
        Some((bare(plain), bare(weighted)))
    }

    /// The median absolute error with the order statistics `⌈n/2 ∓ z √n/2⌉` as its bounds (Conover (1999), *Practical Nonparametric
    /// Statistics*, §3.2).
    fn median_error(&self) -> Option<Estimate> {
        let n = self.errors.count();
        let count = n as f64;
        let margin = Z * count.sqrt() / 2.0;
        let (low, high) = ((count / 2.0 - margin).ceil(), (count / 2.0 + margin).ceil());
        let ranks = [low as u64, n.div_ceil(2), n / 2 + 1, high as u64];
        let [low, below, above, high] = self.errors.at_ranks(ranks);
        let figure = Estimate::bare((below? + above?) / 2.0, n, NoInterval::TooFewRows);
        Some(low.zip(high).map_or(figure, |(low, high)| figure.between(low, high)))
    }

    fn calibration(&self) -> Vec<ReliabilityBin> {
        match (self.classes.task(), &self.total.scored, &self.total.multi) {
            (Task::Classification, Some(held), _) => held.scored.calibration().reliability(),
            (Task::Classification, None, Some(multi)) => multi.calibration().reliability(),
            _ => Vec::new(),
        }
    }
}

/// Counts a value, and keeps it as an example where it does not fit.
fn note(side: &mut Side, decision: &Decision, sort: Sort, value: &Value) {
    side.add(sort);
    if decision.reading.is_some_and(|reading| !reading.takes(sort)) && side.wants(sort) {
        match value {
            Value::Number(number) => side.show(sort, &number.to_string()),
            Value::Class(name) => side.show(sort, name),
        }
    }
}

/// The share of `class` in the scores of `answer`; `None` if they add up to nothing.
fn share_of(answer: &Answer, class: u16) -> Option<f64> {
    let total: f64 = answer.scores.iter().map(|(_, score)| score).sum();
    let own: f64 = answer.scores.iter().filter(|(other, _)| *other == class).map(|(_, score)| score).sum();
    (0.0 < total).then(|| own / total)
}
