//! `tidewatch evaluate`: how good a file of labelled predictions is.

mod counts;
mod guesses;
mod reading;
mod stored;

use std::path::PathBuf;

use clap::Args;

use super::files::remark;
use super::table::{figure, shown, table};
use super::{Answer, Outcome};
use crate::event::TaskChoice;
use crate::view::evaluation::{Evaluation, evaluate};
use reading::Labelled;

/// Work out every metric of a file of labelled predictions
///
/// Records are prediction events with `actual`, as JSON Lines or a JSON array, or rows of CSV, Parquet or Arrow. All of them are taken as one
/// model and one window, whatever they say of models, versions and times.
#[derive(Args)]
#[command(after_help = "\
Columns of tables, and keys of JSON: prediction (y_pred), actual (y_true, label), confidence, response_time, latency_ms, error; the probability of the positive
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
        let task = match self.task {
            Some(AskedTask::Classification) => TaskChoice::Classification,
            Some(AskedTask::Regression) => TaskChoice::Regression,
            // who names a positive class says that these are classes
            None if self.positive.is_some() => TaskChoice::Classification,
            None => TaskChoice::Automatic,
        };
        let Labelled { records, bare_scores, remarks } = reading::read(&self.file, task)?;
        let evaluation = evaluate(&records, task, self.positive.as_deref());
        records.journal.spill().check()?;
        let mut evaluation = evaluation?;
        let of_scores = of_scores(&evaluation, bare_scores);
        let unlabelled = evaluation.records - evaluation.labelled;
        let of_labels = (0 < evaluation.labelled && 0 < unlabelled).then(|| {
            format!("{unlabelled} of {} records have no `actual`: they are in no figure that needs one", evaluation.records)
        });
        evaluation.remarks.extend(remarks.into_iter().chain(of_scores).chain(of_labels));
        if answer.json {
            evaluation.remarks.iter().for_each(|what| remark(what));
        }
        if evaluation.labelled == 0 {
            remark("no record has an `actual`: only what needs no label can be told");
        }
        answer.give(&evaluation, page)
    }
}

/// Of which class scores without a class were taken to be, and whether they look as if they were of the other.
fn of_scores(evaluation: &Evaluation, bare_scores: bool) -> Option<String> {
    let class = evaluation.positive.as_ref().filter(|_| bare_scores)?;
    let area = evaluation.metrics.get("roc_auc")?;
    let other = match (area.value, area.high) {
        (Some(value), high) if high.unwrap_or(value) < 0.5 => {
            format!(": a ROC AUC of {value:.3} says that they are of the other class; name theirs with --positive")
        }
        _ => String::new(),
    };
    Some(format!("scores are taken for probabilities of {class:?}{other}"))
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
