//! `tidewatch drift`: has the current data moved away from the reference?

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use super::records::{self, Record, boolean, is_missing};
use super::table::{figure, shown, table};
use super::{Answer, Exit, Outcome};
use crate::view::drift::{Cell, Report, Table, Test, compare};

/// Fields of a prediction event that are compared beside its features.
const OF_PREDICTIONS: [&str; 6] = ["prediction", "y_pred", "confidence", "response_time", "latency_ms", "actual"];

/// Compare the columns of two files and say which have drifted
///
/// Both are CSV with a header, JSON Lines or a JSON array. Records with `features` are taken as prediction events: each feature is a
/// column, and so are prediction, confidence, scores, response_time and actual. Other records are taken field by field. A column
/// is numeric if the values of its reference are numbers, all but a twentieth; else it is categorical.
#[derive(Args)]
#[command(after_help = "\
Every test of a column says for itself whether it sees drift; a column has drifted when one of them does.
  ks                    Kolmogorov-Smirnov; p-value exact up to 10,000 values a side, beyond that Smirnov's limit
  chi_square            homogeneity over categories, or over the bins of a numeric column
  psi                   population stability index, empty shares as 0.0001; drift from 0.25 (custom watches from 0.1)
  psi_add_half          the same with counts raised by one half; drift from what noise alone exceeds at these sample sizes
  jensen_shannon        distance in base 2 (jensen_shannon_nats: base e), hellinger, total_variation, l_infinity,
                        kullback_leibler (nats); drift from 0.1
  wasserstein           in standard deviations of the reference; drift from 0.1
  missing               change in the share of missing values; drift from 0.01 if it is significant too
Numeric columns are binned by the deciles of the reference; a bin holds its lower edge. ks and chi_square say drift where their p-value
is below `threshold`, which is alpha divided by the number of columns. Other thresholds are raised to what noise alone exceeds with
that chance, and by what empty bins add beyond half a count. With millions of rows the tests of evidence see shifts too small to matter: lower --alpha.

Examples:
  tidewatch drift --reference train.csv --current today.csv
  tidewatch drift --reference train.csv --current - --json < today.jsonl
  tidewatch drift --reference train.csv --current today.csv --fail-on drift      for CI: ends with 1 if a column drifts

Exit codes: 0 compared, 1 failure, or drift with --fail-on drift, 2 wrong usage. Remarks on single columns go to standard error.")]
pub struct Drift {
    /// What is normal; `-` for standard input
    #[arg(long, value_name = "FILE")]
    reference: PathBuf,
    /// What is to be judged; `-` for standard input
    #[arg(long, value_name = "FILE")]
    current: PathBuf,
    /// End with 1 in this case
    #[arg(long, value_name = "WHAT")]
    fail_on: Option<FailOn>,
    /// Chance of a false alarm of each test, shared out over the columns; between 0 and 1
    #[arg(long, value_name = "CHANCE", default_value_t = 0.05, value_parser = chance)]
    alpha: f64,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum FailOn {
    /// A test of a column says drift
    Drift,
}

fn chance(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(chance) if 0.0 < chance && chance < 1.0 => Ok(chance),
        _ => Err("takes a number between 0 and 1".into()),
    }
}

impl Drift {
    pub fn run(self, answer: Answer) -> Outcome {
        if self.reference == Path::new("-") && self.current == Path::new("-") {
            return Err(Exit::Usage.because(anyhow!("only one of --reference and --current can be standard input")));
        }
        let report = compare(&read(&self.reference)?, &read(&self.current)?, self.alpha);
        answer.give(&report, page)?;
        report.notes.iter().for_each(|note| eprintln!("tidewatch: {}", shown(note)));
        if self.fail_on == Some(FailOn::Drift) && report.drifts() {
            let drifted = drifted(&report).map(shown).collect::<Vec<_>>().join(", ");
            return Err(anyhow!("drift in {drifted}").into());
        }
        Ok(())
    }
}

fn drifted(report: &Report) -> impl Iterator<Item = &str> {
    let drifts = |tests: &&std::collections::BTreeMap<&str, Test>| tests.values().any(|verdict| verdict.drift);
    report.columns.iter().filter(move |(_, tests)| drifts(tests)).map(|(name, _)| name.as_str())
}

fn read(path: &Path) -> anyhow::Result<Table> {
    let mut table = Table::default();
    for row in records::read(path)? {
        match row.record {
            Record::Fields(fields) => table.add(fields.into_iter().map(|(name, text)| (name, cell(text)))),
            Record::Object(object) => table.add(flattened(object)),
        }
    }
    Ok(table)
}

/// A field of a CSV file.
fn cell(text: String) -> Cell {
    if is_missing(&text) {
        return Cell::Missing;
    }
    match (text.parse::<f64>(), boolean(&text)) {
        (Ok(number), _) => Cell::Number(number),
        (_, Some(truth)) => Cell::Category(truth.to_string()),
        _ => Cell::Category(text),
    }
}

/// The columns of a JSON record: of a prediction event its features by their own names, then what else of it can drift.
fn flattened(mut record: Map<String, Value>) -> Vec<(String, Cell)> {
    let mut columns = Vec::new();
    let nested = |record: &mut Map<String, Value>, outer: &str| match record.get_mut(outer) {
        Some(Value::Object(inner)) => std::mem::take(inner),
        _ => Map::new(),
    };
    let (mut data, result) = (nested(&mut record, "prediction_data"), nested(&mut record, "result"));
    let features = ["features", "input_features"].into_iter().find_map(|name| {
        let held = data.remove(name).or_else(|| record.remove(name));
        if let Some(Value::Object(features)) = held { Some(features) } else { None }
    });
    let Some(features) = features else {
        // not a prediction: what was taken out goes back in
        for (name, inner) in [("prediction_data", data), ("result", result)] {
            if !inner.is_empty() {
                record.insert(name.to_owned(), Value::Object(inner));
            }
        }
        record.into_iter().for_each(|(name, value)| flatten(name, value, &mut columns));
        return columns;
    };
    let taken = |name: &str| features.contains_key(name);
    for (name, value) in record.into_iter().chain(result) {
        if name == "scores" || OF_PREDICTIONS.contains(&name.as_str()) {
            let name = if taken(&name) { format!("record.{name}") } else { name };
            flatten(name, value, &mut columns);
        }
    }
    features.into_iter().for_each(|(name, value)| flatten(name, value, &mut columns));
    columns
}

/// A value as columns: `outer.inner` for the fields of an object, `outer[0]` for the items of a list.
fn flatten(name: String, value: Value, columns: &mut Vec<(String, Cell)>) {
    match value {
        Value::Null => columns.push((name, Cell::Missing)),
        Value::Bool(truth) => columns.push((name, Cell::Category(truth.to_string()))),
        Value::Number(number) => columns.push((name, number.as_f64().map_or(Cell::Missing, Cell::Number))),
        Value::String(text) => columns.push((name, Cell::Category(text))),
        Value::Array(items) => {
            items.into_iter().enumerate().for_each(|(at, item)| flatten(format!("{name}[{at}]"), item, columns));
        }
        Value::Object(fields) => {
            fields.into_iter().for_each(|(inner, value)| flatten(format!("{name}.{inner}"), value, columns));
        }
    }
}

fn page(report: &Report) -> String {
    let mut rows = Vec::new();
    for (name, tests) in &report.columns {
        for (at, (test, verdict)) in tests.iter().enumerate() {
            let decided = if Test::EVIDENCE.contains(test) { "p <" } else { ">=" };
            rows.push([
                if at == 0 { shown(name) } else { String::new() },
                (*test).to_owned(),
                if verdict.drift { "drift" } else { "" }.to_owned(),
                figure(verdict.statistic),
                figure(verdict.p_value),
                format!("{decided} {}", figure(Some(verdict.threshold))),
            ]);
        }
    }
    let count = drifted(report).count();
    let lines = table(["column", "test", "", "statistic", "p-value", "drift if"], 3, &rows);
    format!("{lines}\n{count} of {} columns drifted", report.columns.len())
}
