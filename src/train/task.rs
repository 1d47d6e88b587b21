//! What is to be learnt: the classes or quantities of the label column.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::table::{Raw, Table};

/// Whole numbers are classes if there are no more different ones, and each stands for at least [`ROWS_PER_CLASS`] rows on the average.
const NUMBERED_CLASSES_MAX: usize = 20;
const ROWS_PER_CLASS: usize = 5;
/// More classes are refused: each has a tree of its own in each round.
pub const CLASSES_MAX: usize = 100;

/// Whether labels are classes or quantities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Of these classes, in the order in which answers list them; of two the second is positive.
    Classification(Vec<String>),
    Regression,
}

/// What a task is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    Classification,
    Regression,
}

/// The labels of the rows that have one.
#[derive(Clone, Debug)]
pub struct Labels {
    pub task: Task,
    /// By labelled row: a quantity, or the number of a class.
    pub targets: Vec<f64>,
    /// The rows of the table that they are of.
    pub rows: Vec<usize>,
    /// Rows without a label.
    pub unlabelled: usize,
}

/// Why labels cannot be learnt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("no column is called {label:?}: there are {names}")]
    NoColumn { label: String, names: String },
    #[error("column {0:?} has no value: there is nothing to learn")]
    NoLabel(String),
    #[error("column {label:?} has {classes} classes, more than {CLASSES_MAX}: is it a quantity, or does it name rows?")]
    TooManyClasses { label: String, classes: usize },
    #[error("column {label:?} holds {value:?}, which is no number, and quantities are asked for")]
    NoQuantity { label: String, value: String },
}

impl Task {
    pub fn classes(&self) -> Option<&[String]> {
        if let Self::Classification(classes) = self { Some(classes) } else { None }
    }
}

/// The labels of a table. Texts are classes, and so are a few different whole numbers; other numbers are quantities.
pub fn labels(table: &Table, label: &str, asked: Option<Asked>) -> Result<Labels, Error> {
    let column = table.column(label).ok_or_else(|| no_column(table, label))?;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let (mut numeric, mut whole) = (true, true);
    let mut labelled = 0_usize;
    for value in table.values(column) {
        match value {
            Raw::Missing => continue,
            Raw::Number(number) => whole &= number.fract() == 0.0 && number.abs() < 1e15,
            Raw::Text(_) => numeric = false,
        }
        labelled += 1;
        if counts.len() <= CLASSES_MAX.max(NUMBERED_CLASSES_MAX) {
            *counts.entry(name_of(value)).or_default() += 1;
        }
    }
    if labelled == 0 {
        return Err(Error::NoLabel(label.to_owned()));
    }
    let few = counts.len() <= NUMBERED_CLASSES_MAX && counts.len() * ROWS_PER_CLASS <= labelled;
    let classes = match asked {
        Some(asked) => asked == Asked::Classification,
        None => !numeric || whole && few,
    };
    if !classes {
        return quantities(table, label);
    }
    if CLASSES_MAX < counts.len() {
        return Err(Error::TooManyClasses { label: label.to_owned(), classes: counts.len() });
    }
    let mut names: Vec<String> = counts.into_keys().collect();
    names.sort_by(|left, right| tidewatch_core::monitor::classes::order(left, right));
    labels_of(table, label, &Task::Classification(names))
}

/// The labels of a table for a task that is known. Rows of a class that is not known are left out.
pub fn labels_of(table: &Table, label: &str, task: &Task) -> Result<Labels, Error> {
    let Task::Classification(classes) = task else { return quantities(table, label) };
    let column = table.column(label).ok_or_else(|| no_column(table, label))?;
    let places: BTreeMap<&str, usize> = classes.iter().map(String::as_str).zip(0..).collect();
    let (mut targets, mut rows) = (Vec::new(), Vec::new());
    for (row, value) in table.values(column).enumerate() {
        if value == Raw::Missing {
            continue;
        }
        let name = name_of(value);
        if let Some(place) = places.get(name.as_str()) {
            targets.push(*place as f64);
            rows.push(row);
        }
    }
    let unlabelled = table.rows - rows.len();
    Ok(Labels { task: task.clone(), targets, rows, unlabelled })
}

fn quantities(table: &Table, label: &str) -> Result<Labels, Error> {
    let column = table.column(label).ok_or_else(|| no_column(table, label))?;
    let (mut targets, mut rows) = (Vec::new(), Vec::new());
    for (row, value) in table.values(column).enumerate() {
        match value {
            Raw::Missing => {}
            Raw::Number(number) => {
                targets.push(number);
                rows.push(row);
            }
            Raw::Text(text) => return Err(Error::NoQuantity { label: label.to_owned(), value: text.to_owned() }),
        }
    }
    if rows.is_empty() {
        return Err(Error::NoLabel(label.to_owned()));
    }
    let unlabelled = table.rows - rows.len();
    Ok(Labels { task: Task::Regression, targets, rows, unlabelled })
}

fn no_column(table: &Table, label: &str) -> Error {
    let mut names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).take(20).collect();
    if 20 < table.columns.len() {
        names.push("…");
    }
    Error::NoColumn { label: label.to_owned(), names: names.join(", ") }
}

/// A value as the name of a class: a number without needless decimals.
pub fn name_of(value: Raw<'_>) -> String {
    match value {
        Raw::Missing => String::new(),
        Raw::Number(number) => number.to_string(),
        Raw::Text(text) => text.to_owned(),
    }
}
