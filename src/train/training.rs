//! From a table to an artifact and what is known of it.

use std::time::Instant;

use compact_str::CompactString;
use serde::Serialize;
use tidewatch_core::event::Value;
use tidewatch_core::stats::boosting::{Column, Watch, Workers};

use crate::artifact::{Answer, Artifact, Lineage};
use crate::evaluate::{Answered, Graded, grade, truth_of};
use crate::features::{self, Fitted, Form, Options};
use crate::importance::{Dependence, Importance, Sample};
use crate::learner::{self, Learner};
use crate::parameters::{self, Algorithm, Given, Learns, Read};
use crate::refusals::{self, Refusal, Warning};
use crate::search::{self, Budget, Lessons, Search};
use crate::table::{Raw, Table};
use crate::task::{self, Asked, Labels, Task, labels, labels_of, name_of};
use crate::workers::Pool;

/// What is to be trained.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    pub label: &'a str,
    pub task: Option<Asked>,
    pub algorithm: Algorithm,
    pub parameters: &'a Given,
    /// Codes of refusals that are passed over.
    pub allowed: &'a [String],
    /// Searches the parameters that are not given.
    pub search: Option<Budget>,
}

/// A model, and how good it is.
#[derive(Debug)]
pub struct Trained {
    pub artifact: Artifact,
    pub report: Report,
}

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub algorithm: Algorithm,
    pub parameters: Given,
    pub task: &'static str,
    /// In the order of scores; of two the second is positive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
    /// Labelled rows that were learnt from.
    pub rows: usize,
    pub features: Vec<String>,
    pub train: Graded,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<Graded>,
    /// Of the test rows if there are any, else of the training rows; the largest first.
    pub importance: Vec<Importance>,
    pub partial_dependence: Vec<Dependence>,
    pub warnings: Vec<Warning>,
    /// Refusals that were passed over because it was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<Refusal>,
    /// What was tried before, if parameters were searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// Fitting features and learner, without the search.
    pub seconds: f64,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Parameters(#[from] parameters::Error),
    #[error(transparent)]
    Task(#[from] task::Error),
    #[error("{}", refusals_shown(.0))]
    Refused(Vec<Refusal>),
    #[error("{0} learns classes, and the label is a quantity")]
    Quantities(&'static str),
    #[error("{0} learns quantities, and the label is a class")]
    Classes(&'static str),
    #[error("{rows} labelled rows are no more than the {first} that the first model learns from: name fewer with --first")]
    TooShort { rows: usize, first: usize },
    #[error("the first {rows} rows have only one class: name more with --first")]
    FirstRows { rows: usize },
    #[error("the learner refuses the rows: {0}")]
    Learner(#[from] learner::Error),
}

fn refusals_shown(refusals: &[Refusal]) -> String {
    refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Trains a model on `table`, grades it there and on `test`.
pub fn train(
    table: &Table,
    test: Option<&Table>,
    order: &Order<'_>,
    workers: &Pool,
    watch: Watch<'_>,
) -> Result<Trained, Error> {
    let mut parameters = order.algorithm.complete(order.parameters)?;
    let labelled = labels(table, order.label, order.task)?;
    let Labels { task, targets, rows, unlabelled } = labelled;
    let some = (0 < unlabelled).then(|| table.rows(&rows));
    let table = some.as_ref().unwrap_or(table);
    let mut found = None;
    if let Some(budget) = order.search.filter(|_| 1 < task.classes().map_or(2, <[String]>::len)) {
        let lessons = Lessons { table, label: order.label, task: &task, targets: &targets, times: None };
        let told = search::search(order.algorithm, order.parameters, None, &lessons, budget, workers, watch)?;
        parameters.clone_from(&told.parameters);
        found = Some(told);
    }
    let of_test = test.map(|test| labels_of(test, order.label, &task)).transpose()?;

    let mut began = Instant::now();
    let fitted = features::fit(table, order.label, &task, &targets, options(order.algorithm, &parameters));
    let mut seconds = began.elapsed().as_secs_f64();
    let names = fitted.features.outputs();
    let holdout = match (test, &of_test) {
        (Some(test), Some(labels)) => Some((fitted.features.columns(&test.rows(&labels.rows)), labels.targets.as_slice())),
        _ => None,
    };
    let holdout = holdout.as_ref().map(|(columns, targets)| (columns.as_slice(), *targets));
    let allowed = judge(order, &task, &names, (&fitted.columns, &targets), holdout)?;
    began = Instant::now();
    let learner = learn(order.algorithm, &parameters, &fitted.columns, &names, (&targets, &task), workers, watch)?;
    seconds += began.elapsed().as_secs_f64();
    let left_out = targets.len().saturating_sub(order.algorithm.rows_max());

    let lineage = lineage(&fitted.columns, &targets, Read(&parameters).whole("seed"));
    let Fitted { features, columns, mut warnings } = fitted;
    if 0 < left_out {
        warnings.push(Warning::RowsLeftOut { algorithm: order.algorithm, rows: left_out, of: targets.len() });
    }
    let (importance, partial_dependence) = {
        let sample = match holdout {
            Some((columns, targets)) if !targets.is_empty() => Sample::of(&learner, &task, &names, columns, targets),
            _ => Sample::of(&learner, &task, &names, &columns, &targets),
        };
        let importance = sample.importances(workers);
        let dependences = sample.dependences(&importance, workers);
        (importance, dependences)
    };
    let train = graded(&learner, &task, &columns, targets.iter().map(|target| Some(truth_of(&task, *target))), workers);
    let test = test.map(|test| {
        let columns = features.columns(test);
        graded(&learner, &task, &columns, truths(test, order.label, &task).into_iter(), workers)
    });
    let report = Report {
        algorithm: order.algorithm,
        parameters: parameters.clone(),
        task: if task == Task::Regression { "regression" } else { "classification" },
        classes: task.classes().map(<[String]>::to_vec),
        rows: targets.len(),
        features: names,
        train,
        test,
        importance,
        partial_dependence,
        warnings,
        allowed,
        search: found,
        seconds,
    };
    let label = order.label.to_owned();
    let artifact = Artifact { task, label, algorithm: order.algorithm, parameters, features, learner, lineage };
    Ok(Trained { artifact, report })
}

/// The refusals that are passed over; an error if there are others.
fn judge(
    order: &Order<'_>,
    task: &Task,
    names: &[String],
    training: (&[Column], &[f64]),
    holdout: Option<(&[Column], &[f64])>,
) -> Result<Vec<Refusal>, Error> {
    let mut refused = refusals::of_labels(task, training.1, holdout.map(|(_, targets)| targets));
    refused.extend(refusals::of_features(training.0, names, task, training.1));
    refused.extend(holdout.and_then(|holdout| refusals::of_duplicates(training, holdout)));
    let is_allowed = |refusal: &Refusal| refusal.can_be_allowed() && order.allowed.iter().any(|code| code == refusal.code());
    let (allowed, refused): (Vec<Refusal>, Vec<Refusal>) = refused.into_iter().partition(is_allowed);
    if refused.is_empty() { Ok(allowed) } else { Err(Error::Refused(refused)) }
}

/// The learner of an algorithm, once it fits the task.
pub fn learn(
    algorithm: Algorithm,
    parameters: &Given,
    columns: &[Column],
    names: &[String],
    (targets, task): (&[f64], &Task),
    workers: &Pool,
    watch: Watch<'_>,
) -> Result<Learner, Error> {
    match (algorithm.learns(), task) {
        (Learns::Classes, Task::Regression) => return Err(Error::Quantities(algorithm.as_str())),
        (Learns::Quantities, Task::Classification(_)) => return Err(Error::Classes(algorithm.as_str())),
        _ => {}
    }
    Ok(Learner::fit(algorithm, parameters, (columns, names), (targets, task), workers, watch)?)
}

/// How features are fitted for an algorithm.
pub fn options(algorithm: Algorithm, parameters: &Given) -> Options {
    let read = Read(parameters);
    Options {
        form: algorithm.form(),
        one_hot: algorithm.form() == Form::Matrix || read.text("encoding") == "one_hot",
        rare_rows: read.whole("rare_rows") as usize,
        interactions: read.whole("interactions") as usize,
        select: read.bound("select_features").map(|features| features as usize),
        seed: read.whole("seed"),
    }
}

/// What a table says is true, by row.
pub fn truths(table: &Table, label: &str, task: &Task) -> Vec<Option<Value>> {
    let Some(column) = table.column(label) else { return vec![None; table.rows] };
    let truth = |value: Raw<'_>| match (value, task) {
        (Raw::Missing, _) | (Raw::Text(_), Task::Regression) => None,
        (Raw::Number(number), Task::Regression) => Some(Value::Number(number)),
        (value, Task::Classification(_)) => Some(Value::Class(CompactString::from(name_of(value)))),
    };
    table.values(column).map(truth).collect()
}

/// Rows that one thread answers at a time.
const PIECE: usize = 2_048;

/// What a learner says of each row.
pub fn answers(learner: &Learner, task: &Task, columns: &[Column], rows: usize, workers: &Pool) -> Vec<Answer> {
    let ready = learner.ready();
    let pieces: Vec<_> = (0..rows).step_by(PIECE).map(|first| first..rows.min(first + PIECE)).collect();
    let told = workers.map(pieces, |piece| {
        let (mut numbers, mut answer) = (Vec::new(), Vec::new());
        piece
            .map(|row| {
                numbers.clear();
                numbers.extend(columns.iter().map(|column| column.values[row]));
                ready.predict(&numbers, &mut answer);
                Answer::of(task, &answer)
            })
            .collect::<Vec<Answer>>()
    });
    told.into_iter().flatten().collect()
}

fn graded(
    learner: &Learner,
    task: &Task,
    columns: &[Column],
    truths: impl Iterator<Item = Option<Value>>,
    workers: &Pool,
) -> Graded {
    let truths: Vec<Option<Value>> = truths.collect();
    let answers = answers(learner, task, columns, truths.len(), workers);
    grade(&Answered { task, answers: &answers, truths: &truths })
}

fn lineage(columns: &[Column], targets: &[f64], seed: u64) -> Lineage {
    let mut hasher = blake3::Hasher::new();
    for values in columns.iter().map(|column| &column.values[..]).chain([targets]) {
        for piece in values.chunks(4_096) {
            let bytes: Vec<u8> = piece.iter().flat_map(|value| value.to_le_bytes()).collect();
            hasher.update(&bytes);
        }
    }
    Lineage {
        code_version: env!("CARGO_PKG_VERSION").to_owned(),
        rows: targets.len() as u64,
        data_hash: hasher.finalize().to_hex().to_string(),
        seed,
        ..Lineage::default()
    }
}
