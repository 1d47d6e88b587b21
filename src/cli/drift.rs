//! `tidewatch drift`: has the current data moved away from the reference?

mod page;
mod records;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::files::{each_batch, remark};
use super::table::shown;
use super::{Answer, Exit, Outcome};
use crate::files::columns::{Columns, Kind, Pair, Part, Remark};
use crate::files::parallel::each;
use crate::files::{Batch, Error, Format, Told};
use crate::view::alike::alike;
use crate::view::drift::files::{Column, Report};

/// Compare the columns of two files and say which have drifted
///
/// Files are CSV (with any usual separator), JSON Lines, a JSON array, Parquet or Arrow, also compressed by gzip or zstd. Records with
/// `features` in a JSON file are taken as prediction events: each feature is a column, and so are prediction, confidence, scores, response_time and actual. Other
/// records are taken field by field. A column is numeric on both sides if the values of its reference read as numbers, all but a twentieth; else it is
/// categorical.
#[derive(Args)]
#[command(after_help = "\
A column has drifted if its values have moved far enough (psi from 0.1) and evidently (p-value), or if the share of its missing values has
(by 0.01, and evidently). Evidence is a p-value of at most alpha divided by the number of questions asked of all columns: if nothing has changed,
any column at all is called drifted with a chance of at most alpha. Numbers are judged by Kolmogorov-Smirnov (exact up to 10,000 values a side),
categories by chi-square, and what has two values or is missing by Fisher.

With --tests every test is shown as a figure; each says for itself whether it is beyond its own threshold, and none of them decides.
  ks                    Kolmogorov-Smirnov; p-value exact up to 10,000 values a side, beyond that Smirnov's limit
  chi_square            homogeneity over categories, or over the bins of a numeric column
  psi                   population stability index, empty shares as 0.0001 (custom watches from 0.1, acts from 0.25)
  psi_add_half          the same with counts raised by one half
  jensen_shannon        distance in base 2 (jensen_shannon_nats: base e), hellinger, total_variation, l_infinity,
                        kullback_leibler (nats)
  wasserstein           in standard deviations of the reference
  missing               change in the share of missing values
Numeric columns are binned by the deciles of the reference; a bin holds its lower edge. Values that a 32-bit float cannot tell apart are one.

Examples:
  tidewatch drift --reference train.csv --current today.csv
  tidewatch drift --reference train.parquet --current - --json < today.jsonl
  tidewatch drift --reference train.csv --current today.csv.gz --fail-on drift      for CI: ends with 1 if a column drifts

Exit codes: 0 compared, 1 failure, or with --fail-on drift a drift or less than half of the columns compared, 2 wrong usage. Remarks go to
standard error.")]
pub struct Drift {
    /// What is normal; `-` for standard input
    #[arg(long, value_name = "FILE")]
    reference: PathBuf,
    /// What is to be judged; `-` for standard input
    #[arg(long, value_name = "FILE")]
    current: PathBuf,
    /// End with 1 in this case, and if less than half of the columns could be compared
    #[arg(long, value_name = "WHAT")]
    fail_on: Option<FailOn>,
    /// Chance that any column is called drifted if none is; between 0 and 1
    #[arg(long, value_name = "CHANCE", default_value_t = 0.05, value_parser = chance)]
    alpha: f64,
    /// Show every test of every column
    #[arg(long)]
    tests: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum FailOn {
    /// A column has drifted
    Drift,
}

fn chance(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(chance) if 0.0 < chance && chance < 1.0 => Ok(chance),
        _ => Err("takes a number between 0 and 1".into()),
    }
}

/// The answer: the report, and what was not used as it stood.
#[derive(Serialize)]
struct Answered {
    #[serde(flatten)]
    report: Report,
    remarks: Vec<Remark>,
}

/// One file, read.
struct Side {
    columns: Columns,
    format: Format,
}

impl Drift {
    pub fn run(self, answer: Answer) -> Outcome {
        if self.reference == Path::new("-") && self.current == Path::new("-") {
            return Err(Exit::Usage.because(anyhow!("only one of --reference and --current can be standard input")));
        }
        let mut remarks = Vec::new();
        let (reference, current) = (read(&self.reference, &mut remarks)?, read(&self.current, &mut remarks)?);
        let report = compare(reference, current, self.alpha, &mut remarks)?;
        let told = Answered { report, remarks };
        answer.give(&told, |told| page::page(&told.report, self.tests))?;
        told.remarks.iter().for_each(|told| remark(&sentence(told)));
        let report = &told.report;
        if self.fail_on == Some(FailOn::Drift) {
            if report.drift {
                return Err(anyhow!("drift in {}", report.drifted().map(shown).collect::<Vec<_>>().join(", ")).into());
            }
            if let Some(why) = report.too_little() {
                return Err(anyhow!("this is no pass: {why}").into());
            }
        }
        Ok(())
    }
}

fn sentence(remark: &Remark) -> String {
    match &remark.column {
        Some(column) => format!("column {column:?} {}", remark.what),
        None => remark.what.clone(),
    }
}

fn read(path: &Path, remarks: &mut Vec<Remark>) -> anyhow::Result<Side> {
    let mut columns = Columns::default();
    let predictions = AtomicBool::new(false);
    let map = |batch: Batch| {
        let mut part = Part::default();
        let mut have_features = false;
        match batch {
            Batch::Rows(rows) => part.add_rows(&rows),
            Batch::Lines(lines) => {
                for record in lines.records() {
                    let (place, record) = record?;
                    have_features |= records::add(&mut part, record, place);
                }
            }
            Batch::Records(all) => {
                all.into_iter().for_each(|(place, record)| have_features |= records::add(&mut part, record, place));
            }
        }
        predictions.fetch_or(have_features, Ordering::Relaxed);
        Ok(part)
    };
    // a column without a name numbers the rows: pandas writes one
    let told = each_batch(path, false, &|name| !name.is_empty(), map, |part| columns.add(part))?;
    columns.add(unread(&told))?;
    if told.names.is_empty() {
        columns.rename(|name| records::name_of(name, predictions.load(Ordering::Relaxed)).map(str::to_owned));
    } else {
        columns.rename(|name| records::of_table(name, &told.names));
    }
    let shown = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    if columns.rows == 0 {
        return Err(anyhow!("{shown} holds no record"));
    }
    let mut about = |cells: u64, what: String| remarks.push(Remark { column: None, what: format!("{shown}: {what}"), cells });
    if told.names.iter().any(String::is_empty) {
        about(0, "a column without a name numbers the rows and is not compared".to_owned());
    }
    if 0 < told.blank_lines {
        about(told.blank_lines, format!("{} blank lines are no records", told.blank_lines));
    }
    if !told.names.is_empty() && told.names.iter().all(|name| name.parse::<f64>().is_ok()) {
        about(0, "its first line holds numbers and was taken for the names of columns: is the header missing?".to_owned());
    }
    for (name, kind) in told.unread {
        remarks.push(Remark { column: Some(name), what: format!("of {shown} holds {kind} and is not compared"), cells: 0 });
    }
    Ok(Side { columns, format: told.format })
}

/// Columns that are there and cannot be read: they were given, and are not compared.
fn unread(told: &Told) -> Part {
    let mut part = Part::default();
    told.unread.iter().for_each(|(name, _)| part.missing(name));
    part
}

fn compare(reference: Side, current: Side, alpha: f64, remarks: &mut Vec<Remark>) -> Result<Report, Error> {
    let rows = [reference.columns.rows, current.columns.rows];
    let formats = [reference.format, current.format];
    let spills = [reference.columns.spill(), current.columns.spill()];
    let sides = Columns::beside(reference.columns, current.columns);
    let compared = each(sides, |sides| judged(sides.unite(formats), rows));
    spills.iter().try_for_each(|spill| spill.check())?;
    let (columns, more): (Vec<Column>, Vec<Vec<Remark>>) = compared.into_iter().unzip();
    remarks.extend(more.into_iter().flatten());
    Ok(Report::of(&columns, rows, alpha))
}

fn judged(pair: Pair, rows: [u64; 2]) -> (Column, Vec<Remark>) {
    let Pair { name, kind, present, mut remarks } = pair;
    let mut not = |why: &'static str, cells: u64, what: String| {
        remarks.push(Remark { column: Some(name.clone()), what, cells });
        Column::not_compared(name.clone(), why, present, rows)
    };
    let all = present[0] + present[1];
    let column = match kind {
        Kind::Numbers(sides) => Column::numbers(name.clone(), [&sides[0], &sides[1]], rows),
        Kind::Categories(counts) => {
            let of_names = alike(counts.keys().map(String::as_str));
            remarks.extend(of_names.map(|what| Remark { column: Some(name.clone()), what: format!("holds {what}"), cells: 0 }));
            Column::categories(name.clone(), &counts, rows)
        }
        Kind::Identifiers => {
            not("identifier", all, "has as many values as rows, or nearly: it names rows and is not compared".into())
        }
        Kind::TooMany => not("too_many", all, "has more categories than are compared".into()),
        Kind::Empty => not("empty", all, "has no value on one side at least: there is nothing to compare".into()),
    };
    if let Some(what) = column.remark() {
        remarks.push(Remark { column: Some(name), what: what.to_owned(), cells: 0 });
    }
    (column, remarks)
}
