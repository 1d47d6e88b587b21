//! `tidewatch evaluate`: how good a file of labelled predictions is.

use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde_json::{Map, Number, Value};

use super::records::{self, Record, Row, boolean, is_missing};
use super::table::{figure, shown, table};
use super::{Answer, Outcome};
use crate::event::wire::decode_body;
use crate::event::{Event, Kind, TaskChoice};
use crate::ids::Slug;
use crate::time::Timestamp;
use crate::view::evaluation::{self, Evaluation, evaluate};

/// Later than any record: when a prediction was made does not matter here.
const LAST: Timestamp = Timestamp::from_millis(253_402_214_400_000);

/// Names of the fields that CSV columns are read as; the first is the event's own.
const FIELDS: [&[&str]; 6] = [
    &["prediction", "y_pred", "predicted"],
    &["actual", "y_true", "label", "actual_result"],
    &["confidence"],
    &["response_time"],
    &["latency_ms"],
    &["error"],
];
/// Columns that hold the probability of the positive class.
const SCORES: [&str; 5] = ["score", "y_score", "probability", "y_proba", "proba"];
/// What columns with the probability of a class begin with, before its name.
const SCORES_OF: [&str; 4] = ["scores.", "score_", "proba_", "probability_"];

/// Work out every metric of a file of labelled predictions
///
/// Records are prediction events with `actual`, as JSON Lines or a JSON array, or CSV with a header. All of them are taken as one model
/// and one window, whatever they say of models, versions and times.
#[derive(Args)]
#[command(after_help = "\
CSV columns: prediction (y_pred), actual (y_true, label), confidence, response_time, latency_ms, error; the probability of the positive
class as score (y_score, probability, y_proba), those of single classes as scores.CLASS (score_CLASS, proba_CLASS). Others are
left alone. Of two classes the second is positive: 1 of 0 and 1, true of false and true, yes of no and yes.

Every metric comes with its 95 % interval where an honest one is known, and with the records behind it. A record whose prediction
failed counts in error_rate and not in accuracy. Rates are fractions; smape is in percent; times are in seconds.

Examples:
  tidewatch evaluate predictions.jsonl
  tidewatch evaluate predictions.csv --positive fraud
  tidewatch evaluate ratings.csv --task regression
  tidewatch evaluate - --json < predictions.jsonl

Exit codes: 0 evaluated, 1 failure, 2 wrong usage.")]
pub struct Evaluate {
    /// Records with `prediction` and `actual`; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The class to call positive; of more than two it is set against the rest
    #[arg(long, value_name = "CLASS")]
    positive: Option<String>,
    /// What the values are: classes or quantities; by default what most rows say
    #[arg(long, value_enum, value_name = "TASK")]
    task: Option<AskedTask>,
}

/// What the values of a file are said to be.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum AskedTask {
    /// Values are classes
    Classification,
    /// Values are quantities
    Regression,
}

impl Evaluate {
    pub fn run(self, answer: Answer) -> Outcome {
        let source = Slug::try_from("offline")?;
        let mut refused = 0_usize;
        let mut first = None;
        let mut records = Vec::new();
        for row in records::read(&self.file)? {
            let place = row.place;
            match decoded(row, &source) {
                Ok(record) => records.push(record),
                Err(error) => {
                    refused += 1;
                    first.get_or_insert((place, error));
                }
            }
        }
        if let Some((place, error)) = first {
            let of = refused + records.len();
            return Err(error
                .context(format!("{refused} of {of} records cannot be read, the first at line or element {place}"))
                .into());
        }
        let task = match self.task {
            Some(AskedTask::Classification) => TaskChoice::Classification,
            Some(AskedTask::Regression) => TaskChoice::Regression,
            None => TaskChoice::Automatic,
        };
        let evaluation = evaluate(records, task, self.positive.as_deref())?;
        if evaluation.labelled == 0 {
            eprintln!("tidewatch: no record has an `actual`: only what needs no label can be told");
        }
        answer.give(&evaluation, page)
    }
}

/// The prediction of one row, read by the decoder of the stream.
fn decoded(row: Row, source: &Slug) -> anyhow::Result<evaluation::Record> {
    let (mut object, score) = match row.record {
        Record::Object(object) => (object, None),
        Record::Fields(fields) => event_of(fields)?,
    };
    // a time that cannot be read must not cost a record that needs none
    ["at", "timestamp", "ts"].into_iter().for_each(|time| {
        object.remove(time);
    });
    let body = Value::Object(object).to_string();
    let mut events = decode_body(Kind::Prediction, source, Some("application/json"), &(), body.as_bytes(), LAST);
    match events.pop() {
        Some(Ok(Event::PredictionLogged(prediction))) => Ok(evaluation::Record { prediction, score }),
        Some(Err(fault)) => bail!("{} ({}{})", fault.detail, fault.reason, fault.pointer),
        other => Err(anyhow!("not a prediction: {other:?}")),
    }
}

/// A CSV record as an event, and the probability of the positive class if it has one.
fn event_of(fields: Vec<(String, String)>) -> anyhow::Result<(Map<String, Value>, Option<f64>)> {
    let (mut object, mut scores, mut score) = (Map::new(), Map::new(), None);
    for (name, text) in fields.into_iter().filter(|(_, text)| !is_missing(text)) {
        if let Some(field) = FIELDS.iter().find(|names| names.contains(&name.as_str())) {
            object.entry(field[0]).or_insert_with(|| value(text));
        } else if SCORES.contains(&name.as_str()) {
            score = Some(fraction(&text).with_context(|| format!("column {name:?}"))?);
        } else if let Some(class) = SCORES_OF.iter().find_map(|prefix| name.strip_prefix(prefix)) {
            scores.insert(class.to_owned(), value(text));
        }
    }
    if !scores.is_empty() {
        object.insert("scores".to_owned(), Value::Object(scores));
    }
    Ok((object, score))
}

/// A field of a CSV file as JSON would have it.
fn value(text: String) -> Value {
    let whole = text.parse::<i64>().ok().map(Number::from);
    let number = whole.or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64));
    match (number, boolean(&text)) {
        (Some(number), _) => Value::Number(number),
        (None, Some(truth)) => Value::Bool(truth),
        (None, None) => Value::String(text),
    }
}

fn fraction(text: &str) -> anyhow::Result<f64> {
    match text.parse() {
        Ok(score) if (0.0..=1.0).contains(&score) => Ok(score),
        _ => bail!("{text:?} is no probability between 0 and 1"),
    }
}

fn page(evaluation: &Evaluation) -> String {
    let positive = evaluation.positive.as_ref().map_or(String::new(), |class| format!(", positive class {}", shown(class)));
    let mut text = format!("{} records, {} labelled{positive}\n\n", evaluation.records, evaluation.labelled);
    let metrics: Vec<_> = evaluation
        .metrics
        .iter()
        .map(|(name, estimate)| {
            [shown(name), figure(estimate.value), figure(estimate.low), figure(estimate.high), estimate.n.to_string()]
        })
        .collect();
    text.push_str(&table(["metric", "value", "low", "high", "n"], 1, &metrics));
    if !evaluation.remarks.is_empty() {
        text.push('\n');
        evaluation.remarks.iter().for_each(|remark| text.push_str(&format!("note: {remark}\n")));
    }
    if let Some(confusion) = &evaluation.confusion {
        text.push_str("\nconfusion\n");
        let cells = confusion.labels.iter().zip(&confusion.matrix).flat_map(|(truth, row)| {
            confusion
                .labels
                .iter()
                .zip(row)
                .filter(|(_, count)| 0 < **count)
                .map(move |(predicted, count)| [shown(truth), shown(predicted), count.to_string()])
        });
        text.push_str(&table(["actual", "predicted", "count"], 2, &cells.collect::<Vec<_>>()));
    }
    if !evaluation.calibration.is_empty() {
        text.push_str("\ncalibration\n");
        let bins = evaluation.calibration.iter().map(|bin| {
            let range = format!("({:.1}, {:.1}]", bin.low, bin.high);
            [range, figure(Some(bin.stated)), figure(bin.observed.value), bin.count.to_string()]
        });
        text.push_str(&table(["stated", "mean", "came true", "n"], 1, &bins.collect::<Vec<_>>()));
    }
    text
}
