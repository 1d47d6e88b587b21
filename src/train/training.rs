//! From a table to an artifact and what is known of it.

use std::time::Instant;

use compact_str::CompactString;
use serde::Serialize;
use tidewatch_core::event::Value;
use tidewatch_core::stats::boosting::{Column, Watch, Workers};

use crate::artifact::{Answer, Artifact, Lineage};
use crate::evaluate::{Answered, Graded, grade, truth_of};
use crate::features::{self, Fitted, Options};
use crate::importance::{Dependence, Importance, Sample};
use crate::learner::Learner;
use crate::parameters::{self, Algorithm, Given, Read};
use crate::refusals::{self, Refusal, Warning};
use crate::table::{Raw, Table};
use crate::task::{self, Asked, Labels, Task, labels, labels_of, name_of};

/// What is to be trained.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    pub label: &'a str,
    pub task: Option<Asked>,
    pub algorithm: Algorithm,
    pub parameters: &'a Given,
    /// Codes of refusals that are passed over.
    pub allowed: &'a [String],
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
    /// Fitting features and learner.
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
    #[error("{0} learns classes, and {1:?} is a quantity")]
    Quantities(&'static str, String),
    #[error("{0} learns quantities, and {1:?} is a class")]
    Classes(&'static str, String),
    #[error("{rows} labelled rows are no more than the {first} that the first model learns from: name fewer with --first")]
    TooShort { rows: usize, first: usize },
    #[error("the first {rows} rows have only one class: name more with --first")]
    FirstRows { rows: usize },
    #[error("the learner refuses the rows: {0}")]
    Learner(#[from] tidewatch_core::stats::boosting::Error),
}

fn refusals_shown(refusals: &[Refusal]) -> String {
    refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Trains a model on `table`, grades it there and on `test`.
pub fn train(
    table: &Table,
    test: Option<&Table>,
    order: &Order<'_>,
    workers: &impl Workers,
    watch: Watch<'_>,
) -> Result<Trained, Error> {
    let parameters = order.algorithm.complete(order.parameters)?;
    let labelled = labels(table, order.label, order.task)?;
    let Labels { task, targets, rows, unlabelled } = labelled;
    let some = (0 < unlabelled).then(|| table.rows(&rows));
    let table = some.as_ref().unwrap_or(table);
    let of_test = test.map(|test| labels_of(test, order.label, &task)).transpose()?;

    let began = Instant::now();
    let fitted = features::fit(table, order.label, &task, &targets, options(order.algorithm, &parameters));
    let names = fitted.features.outputs();
    let holdout = of_test.as_ref().map(|labels| labels.targets.as_slice());
    let mut refused = refusals::of_labels(&task, &targets, holdout);
    refused.extend(refusals::of_features(&fitted.columns, &names, &task, &targets));
    let test_columns = match (test, &of_test) {
        (Some(test), Some(labels)) => fitted.features.columns(&test.rows(&labels.rows)),
        _ => Vec::new(),
    };
    if let Some(holdout) = holdout {
        refused.extend(refusals::of_duplicates((&fitted.columns, &targets), (&test_columns, holdout)));
    }
    let is_allowed = |refusal: &Refusal| refusal.can_be_allowed() && order.allowed.iter().any(|code| code == refusal.code());
    let (allowed, refused): (Vec<Refusal>, Vec<Refusal>) = refused.into_iter().partition(is_allowed);
    if !refused.is_empty() {
        return Err(Error::Refused(refused));
    }
    let learner = learn(order.algorithm, &parameters, &fitted.columns, &names, (&targets, &task), workers, watch)?;
    let seconds = began.elapsed().as_secs_f64();

    let lineage = lineage(&fitted.columns, &targets, Read(&parameters).whole("seed"));
    let Fitted { features, columns, warnings } = fitted;
    let sample = match holdout {
        Some(holdout) if !holdout.is_empty() => Sample::of(&learner, &task, &names, &test_columns, holdout),
        _ => Sample::of(&learner, &task, &names, &columns, &targets),
    };
    let importance = sample.importances(workers);
    let partial_dependence = sample.dependences(&importance, workers);
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
        seconds,
    };
    let label = order.label.to_owned();
    let artifact = Artifact { task, label, algorithm: order.algorithm, parameters, features, learner, lineage };
    Ok(Trained { artifact, report })
}

/// The learner of an algorithm, once it fits the task.
pub fn learn(
    algorithm: Algorithm,
    parameters: &Given,
    columns: &[Column],
    names: &[String],
    (targets, task): (&[f64], &Task),
    workers: &impl Workers,
    watch: Watch<'_>,
) -> Result<Learner, Error> {
    Ok(Learner::fit(algorithm, parameters, (columns, names), (targets, task), workers, watch)?)
}

/// How features are fitted for an algorithm.
pub fn options(algorithm: Algorithm, parameters: &Given) -> Options {
    let read = Read(parameters);
    Options {
        form: algorithm.form(),
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
pub fn answers(learner: &Learner, task: &Task, columns: &[Column], rows: usize, workers: &impl Workers) -> Vec<Answer> {
    let pieces: Vec<_> = (0..rows).step_by(PIECE).map(|first| first..rows.min(first + PIECE)).collect();
    let told = workers.map(pieces, |piece| {
        let (mut numbers, mut answer) = (Vec::new(), Vec::new());
        piece
            .map(|row| {
                numbers.clear();
                numbers.extend(columns.iter().map(|column| column.values[row]));
                learner.predict(&numbers, &mut answer);
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
    workers: &impl Workers,
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
