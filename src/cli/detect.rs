//! `tidewatch detect`: a change detector over a file, as the stream runs it.

mod column;

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{Answer, Exit, Outcome};
use crate::files::Error;
use crate::stats::detect::AnyDetector;
use crate::stats::detect::choice::{ENTRIES, Input};

/// Find the places where a stream of numbers or errors changes
#[derive(Args)]
#[command(after_help = after_help())]
pub struct Detect {
    /// The detector, see below
    #[arg(long, value_name = "NAME")]
    detector: String,
    /// A parameter of the detector, see below; as often as needed
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = assignment)]
    params: Vec<(String, String)>,
    /// The column that holds the values; not needed if there is only one
    #[arg(long, value_name = "COLUMN")]
    column: Option<String>,
    /// End with 1 if there is one, and if less than half of the records have a value
    #[arg(long, value_name = "WHAT")]
    fail_on: Option<FailOn>,
    /// CSV with a header, JSON Lines, Parquet, Arrow, or one number a line, also compressed by gzip or zstd; `-` is standard input
    file: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum FailOn {
    Drift,
}

/// Where a detector spoke up. Indices count the records of the file from 0.
#[derive(Debug, Default, Serialize)]
struct Detection {
    detector: &'static str,
    /// Records read.
    values: u64,
    /// Records of these without a value: the detector was not told.
    missing: u64,
    drift: Vec<u64>,
    /// First and last index of each run of warnings.
    warning: Vec<(u64, u64)>,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("takes NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn after_help() -> String {
    let mut help = String::from(
        "\
Values are taken in the order of the file; a record without one is left out and still counts. Indices begin with 0. A detector
starts afresh after a drift. Truth values are 1 and 0; 1 is an error.

Examples:
  tidewatch detect --detector adwin losses.txt
  tidewatch detect --detector ddm --param warm_start=100 --column error predictions.csv --json
  tidewatch detect --detector page_hinkley --column response_time --fail-on drift - < predictions.ndjson

Detectors, their parameters and defaults:",
    );
    for entry in ENTRIES {
        let takes = match entry.input {
            Input::Numbers => "",
            Input::Errors => "; takes 0 and 1",
            Input::Losses => "; takes 0 to 1",
        };
        write!(help, "\n  {}  {}{takes}\n     ", entry.name, entry.about).expect("writing to a String cannot fail");
        for param in entry.params {
            write!(help, " {}={}", param.name, param.default.unwrap_or("<off>")).expect("writing to a String cannot fail");
        }
    }
    help
}

impl Detect {
    pub fn run(self, answer: Answer) -> Outcome {
        let params = self.params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let detector = AnyDetector::choose(&self.detector, params).map_err(|error| Exit::Usage.because(error))?;
        let shown = if self.file.as_os_str() == "-" { "standard input".into() } else { self.file.display().to_string() };
        let mut detection = Detection { detector: detector.name(), ..Detection::default() };
        let mut watch = Watch { detector, is_warning: false };
        column::read(&self.file, self.column.as_deref(), |place, value| detection.take(&mut watch, place, value))?;
        if detection.values == 0 {
            return Err(anyhow!("{shown} holds no value").into());
        }
        answer.give(&detection, text)?;
        if self.fail_on.is_none() {
            return Ok(());
        }
        let told = detection.values - detection.missing;
        match (detection.drift.len(), told) {
            (0, told) if 2 * told < detection.values => {
                Err(anyhow!("this is no pass: {told} of {} records of {shown} have a value, less than half", detection.values)
                    .into())
            }
            (0, _) => Ok(()),
            (times, _) => Err(anyhow!("{shown} drifts {times} time(s)").into()),
        }
    }
}

/// A detector at work.
struct Watch {
    detector: AnyDetector,
    is_warning: bool,
}

impl Detection {
    /// Takes the next record, at the line `place`.
    fn take(&mut self, watch: &mut Watch, place: u64, value: Option<f64>) -> Result<(), Error> {
        let index = self.values;
        self.values += 1;
        let Some(value) = value else {
            self.missing += 1;
            return Ok(());
        };
        let verdict = watch.detector.offer(value).map_err(|error| Error::at_line(place, format!(": {error}")))?;
        if verdict.is_drift() {
            self.drift.push(index);
        }
        match self.warning.last_mut() {
            Some((_, last)) if watch.is_warning && verdict.is_warning() => *last = index,
            _ if verdict.is_warning() => self.warning.push((index, index)),
            _ => {}
        }
        watch.is_warning = verdict.is_warning();
        Ok(())
    }
}

fn text(detection: &Detection) -> String {
    let Detection { detector, values, missing, drift, warning } = detection;
    let mut page = format!("{detector}: {} drift(s) in {values} values, {missing} missing\n", drift.len());
    let mut rows: Vec<(u64, u64, &str)> = drift.iter().map(|at| (*at, *at, "drift")).collect();
    rows.extend(warning.iter().map(|(from, to)| (*from, *to, "warning")));
    rows.sort_unstable();
    if !rows.is_empty() {
        page.push_str("      from         to  what\n");
    }
    for (from, to, what) in rows {
        writeln!(page, "{from:>10} {to:>10}  {what}").expect("writing to a String cannot fail");
    }
    page
}
