//! One column of numbers from a file or standard input, read as it comes: a long stream never stands in memory whole.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::anyhow;
use serde_json::{Map, Value};

use crate::cli::files::each_batch;
use crate::cli::{Exit, Failure};
use crate::files::{Batch, Cell, Error, Rows};

/// The most names that a complaint lists.
const NAMES_SHOWN: usize = 20;

/// Rows of one column, and which columns there are.
#[derive(Default)]
struct Part {
    /// Where each row is, and its value if it has one.
    values: Vec<(u64, Option<f64>)>,
    names: BTreeSet<String>,
    /// Whether any row has the column.
    found: bool,
}

/// Gives each row of the column `name` of `path` to `take`, in their order, with its line; of the only column if there is no name. A row without a
/// value is `None`. Lines may be plain numbers.
///
/// Errors: wrong usage where no record has the column, or where there are several and none was named; what is no number, by its line.
pub fn read(
    path: &Path,
    name: Option<&str>,
    mut take: impl FnMut(u64, Option<f64>) -> Result<(), Error>,
) -> Result<(), Failure> {
    let (mut names, mut found, mut several) = (BTreeSet::new(), false, false);
    let map = |batch: Batch| match batch {
        Batch::Rows(rows) => of_rows(&rows),
        Batch::Lines(lines) => of_records(lines.records(), name),
        Batch::Records(records) => of_records(records.into_iter().map(Ok), name),
    };
    let fold = |part: Part| {
        found |= part.found;
        names.extend(part.names);
        several = name.is_none() && 1 < names.len();
        if several {
            return Err(Error::Unreadable("several columns".to_owned()));
        }
        part.values.into_iter().try_for_each(|(place, value)| take(place, value))
    };
    let told = each_batch(path, true, &|column| name.is_none_or(|name| name == column), map, fold);
    let shown = |names: &BTreeSet<String>| names.iter().take(NAMES_SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if several {
        return Err(Exit::Usage.because(anyhow!("choose one with --column: there are {}", shown(&names))));
    }
    let told = told.map_err(|error| match error.downcast_ref() {
        Some(Error::Empty) => error.context("it holds no value"),
        _ => error,
    })?;
    names.extend(told.names.iter().filter(|name| !name.is_empty()).cloned());
    let unread = told.unread.iter().find(|(column, _)| name.is_none_or(|name| name == column));
    match name {
        _ if !found && let Some((column, kind)) = unread => {
            Err(Exit::Usage.because(anyhow!("column `{column}` holds {kind}, and a detector takes numbers")))
        }
        Some(name) if told.format == crate::files::Format::Plain => {
            Err(Exit::Usage.because(anyhow!("there is no column `{name}`: the lines are plain values")))
        }
        Some(name) if !found && !told.names.iter().any(|column| column == name) => {
            Err(Exit::Usage.because(anyhow!("there is no column `{name}`; there are {}", shown(&names))))
        }
        _ => Ok(()),
    }
}

fn of_rows(rows: &Rows) -> Result<Part, Error> {
    let mut part = Part { names: rows.names.iter().cloned().collect(), ..Part::default() };
    if let [cells] = rows.columns.as_slice() {
        part.found = true;
        for (row, cell) in cells.iter().enumerate() {
            let value = of_cell(rows, *cell).map_err(|what| rows.error(row, format!(": {what}")))?;
            part.values.push((rows.place(row), value));
        }
    }
    Ok(part)
}

/// The number of a cell, if it has one.
///
/// Errors: what is wrong with it.
fn of_cell(rows: &Rows, cell: Cell) -> Result<Option<f64>, String> {
    Ok(match cell {
        Cell::Missing | Cell::Word(_) => None,
        Cell::Truth(truth) => Some(f64::from(u8::from(truth))),
        Cell::Number(number) | Cell::Comma(number) | Cell::Grouped(number) => Some(number),
        Cell::NotFinite => return Err("a value is not finite".to_owned()),
        Cell::Long(span) => rows.text(span).parse().ok(),
        Cell::Either(number) => {
            let (comma, thousands) = (number, crate::files::cell::as_thousands(number));
            return Err(format!("a value may be {comma} or {thousands}: write it without a comma"));
        }
        Cell::Text(span) => return Err(no_number(&format!("`{}`", rows.text(span)))),
    })
}

fn of_records(
    records: impl Iterator<Item = Result<(u64, Map<String, Value>), Error>>,
    name: Option<&str>,
) -> Result<Part, Error> {
    let mut part = Part::default();
    for record in records {
        let (place, record) = record?;
        let value = match name {
            Some(name) => within(&record, name),
            None => record.values().next(),
        };
        part.found |= value.is_some();
        let at = |what: String| Error::at_line(place, format!(": {what}"));
        part.values.push((place, value.map_or(Ok(None), of_json).map_err(at)?));
        for name in record.keys() {
            if !part.names.contains(name) {
                part.names.insert(name.clone());
            }
        }
    }
    Ok(part)
}

/// A field of a record, or as `outer.inner` one of an object in it.
fn within<'r>(record: &'r Map<String, Value>, name: &str) -> Option<&'r Value> {
    record.get(name).or_else(|| {
        let (outer, inner) = name.split_once('.')?;
        within(record.get(outer)?.as_object()?, inner)
    })
}

fn of_json(value: &Value) -> Result<Option<f64>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(truth) => Ok(Some(f64::from(u8::from(*truth)))),
        Value::String(text) => {
            let rows = Rows::of_text(text.trim());
            of_cell(&rows, rows.columns[0][0])
        }
        Value::Number(number) => number.as_f64().map(Some).ok_or_else(|| no_number(&number.to_string())),
        Value::Array(_) | Value::Object(_) => Err(no_number(&value.to_string())),
    }
}

fn no_number(shown: &str) -> String {
    format!("{shown} is not a number")
}
