//! `tidewatch predict`: what a trained model says of the rows of a table.

use std::path::{Path, PathBuf};

use crate::train::artifact::{Answer as Said, Artifact};
use crate::train::task::Task;
use anyhow::Context;
use clap::Args;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::files::{read_rows, remark};
use super::{Answer, Outcome};

/// Ask a trained model about the rows of a table
///
/// Answers stand in the order of the rows, as CSV, or with --json as a JSON array. Columns that the model does not know are left alone; those that
/// are absent count as missing.
#[derive(Args)]
#[command(after_help = "\
Examples:
  tidewatch train train.csv --label churned --out churn.model
  tidewatch predict --artifact churn.model new.csv > answers.csv

Exit codes: 0 answered, 1 failure, 2 wrong usage.")]
pub struct Predict {
    /// The model, as `tidewatch train --out` wrote it
    #[arg(long, value_name = "FILE")]
    artifact: PathBuf,
    /// The rows; `-` for standard input
    #[arg(value_name = "ROWS")]
    file: PathBuf,
}

/// What a model says of a row.
#[derive(Serialize)]
struct Row {
    prediction: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
    /// By class, in the model's order.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_map")]
    scores: Vec<(String, f64)>,
}

impl Predict {
    pub fn run(self, answer: Answer) -> Outcome {
        let artifact = read_artifact(&self.artifact)?;
        let rows = read_rows(&self.file)?;
        let absent: Vec<&str> = artifact.features.inputs().filter(|name| rows.column(name).is_none()).collect();
        if absent.len() == artifact.features.inputs().len() {
            return Err(anyhow::anyhow!("the rows have none of the columns of the model: {}", absent.join(", ")).into());
        }
        if !absent.is_empty() {
            remark(&format!("the rows lack {}: there they count as missing", absent.join(", ")));
        }
        let classes = artifact.task.classes().unwrap_or_default().to_vec();
        let answers: Vec<Row> = artifact.answers(&rows).into_iter().map(|said| Row::of(said, &classes)).collect();
        answer.give(&answers, |answers| csv(answers, &artifact.task))
    }
}

/// Reads a model that `tidewatch train` wrote.
pub fn read_artifact(path: &Path) -> anyhow::Result<Artifact> {
    let shown = path.display();
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    Artifact::from_bytes(&bytes).with_context(|| format!("cannot use {shown}"))
}

impl Row {
    fn of(said: Said, classes: &[String]) -> Self {
        match said {
            Said::Quantity(quantity) => Self { prediction: quantity.into(), confidence: None, scores: Vec::new() },
            Said::Class(class, shares) => Self {
                prediction: classes[class].clone().into(),
                confidence: Some(shares[class]),
                scores: classes.iter().cloned().zip(shares).collect(),
            },
        }
    }
}

fn as_map<S: Serializer>(scores: &[(String, f64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(scores.iter().map(|(class, share)| (class, share)))
}

/// Answers as CSV, with the columns that `tidewatch evaluate` reads.
fn csv(answers: &[Row], task: &Task) -> String {
    let classes = task.classes().unwrap_or_default();
    let mut header = vec!["prediction".to_owned()];
    if !classes.is_empty() {
        header.push("confidence".to_owned());
        header.extend(classes.iter().map(|class| quoted(&format!("scores.{class}"))));
    }
    let mut text = header.join(",");
    for row in answers {
        text.push('\n');
        match &row.prediction {
            Value::String(class) => text.push_str(&quoted(class)),
            number => text.push_str(&number.to_string()),
        }
        row.confidence.iter().for_each(|confidence| text.push_str(&format!(",{confidence}")));
        row.scores.iter().for_each(|(_, share)| text.push_str(&format!(",{share}")));
    }
    text
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
