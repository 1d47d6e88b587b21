//! `tidewatch thresholds`: what models are compared to.

use std::fmt::Write;
use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::api::{Target, encoded, step};
use super::token::shown;
use super::{Answer, Exit, Outcome};

/// Show and set what models are compared to
#[derive(Args)]
#[command(after_help = "\
Examples:
  tidewatch thresholds show fraud
  tidewatch thresholds set fraud f1 0.8
  tidewatch thresholds set forecast mae 12.5 --margin 1
  tidewatch thresholds set camera sample/fps 25 --source cam-1 --direction below --unit fps --target 30
  tidewatch thresholds unset fraud f1
  tidewatch thresholds export fraud > fraud.json
  tidewatch thresholds import fraud fraud.json

Metrics: those of the windows (accuracy, f1, roc_auc, mae, rmse, mape, bias, precision/CLASS, ...), error_rate, response_time,
p50, p95, p99 (seconds), coverage, drift, and sample/NAME of a source.")]
pub struct Thresholds {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show the thresholds of a model, or those of all models
    #[command(after_help = "\
Examples:
  tidewatch thresholds show               what is usual where nobody said otherwise
  tidewatch thresholds show fraud --json")]
    Show { model: Option<String> },
    /// Compare a metric of a model to a threshold
    #[command(after_help = "\
Examples:
  tidewatch thresholds set fraud f1 0.8
  tidewatch thresholds set forecast mae 12.5 --margin 1
  tidewatch thresholds set camera sample/fps 25 --source cam-1 --direction below --unit fps --target 30")]
    Set {
        model: String,
        metric: String,
        #[arg(allow_negative_numbers = true)]
        value: f64,
        /// The bad side [default: as is usual for the metric]
        #[arg(long, value_enum)]
        direction: Option<Side>,
        /// A warning where the interval reaches this near to it [default: 2 percentage points of shares, a tenth of other thresholds]
        #[arg(long)]
        margin: Option<f64>,
        /// Whose sample it is, of sample/NAME
        #[arg(long)]
        source: Option<String>,
        /// For people
        #[arg(long)]
        unit: Option<String>,
        /// What is aimed at, for people
        #[arg(long, allow_negative_numbers = true)]
        target: Option<f64>,
    },
    /// Forget thresholds of a model: of these metrics, or all
    #[command(after_help = "\
Examples:
  tidewatch thresholds unset fraud f1
  tidewatch thresholds unset fraud        all of them")]
    Unset { model: String, metrics: Vec<String> },
    /// Write the thresholds of a model as JSON
    #[command(after_help = "\
Examples:
  tidewatch thresholds export fraud > fraud.json")]
    Export { model: String },
    /// Replace the thresholds of a model by those of a JSON file; `-` is standard input
    #[command(after_help = "\
Examples:
  tidewatch thresholds import fraud fraud.json
  tidewatch thresholds export fraud | tidewatch thresholds import fraud-eu -")]
    Import { model: String, file: PathBuf },
}

#[derive(Clone, Copy, ValueEnum)]
enum Side {
    Below,
    Above,
}

impl Thresholds {
    pub async fn run(self, answer: Answer) -> Outcome {
        let api = self.target.open()?;
        let of = |model: &str| format!("/api/v1/models/{}/thresholds", step(model));
        match self.action {
            Action::Show { model: None } => answer.give(&api.get("/api/v1/thresholds").await?, of_all),
            Action::Show { model: Some(model) } => answer.give(&api.get(&of(&model)).await?, table),
            Action::Set { model, metric, value, direction, margin, source, unit, target } => {
                let direction = direction.and_then(|side| side.to_possible_value()).map(|side| side.get_name().to_owned());
                let threshold = json!({
                    "metric": metric, "value": value, "direction": direction, "margin": margin, "source": source, "unit": unit,
                    "target": target,
                });
                answer.give(&api.put(&of(&model), &json!({ "thresholds": [threshold] })).await?, table)
            }
            Action::Unset { model, metrics } => {
                let list: Vec<String> = metrics.iter().map(|metric| encoded(metric)).collect();
                let query = if list.is_empty() { String::new() } else { format!("?metric={}", list.join(",")) };
                answer.give(&api.delete(&format!("{}{query}", of(&model))).await?, table)
            }
            Action::Export { model } => {
                let known = api.get(&of(&model)).await?;
                let exported = json!({ "thresholds": known["thresholds"] });
                Answer { json: true }.give(&exported, |_| String::new())
            }
            Action::Import { model, file } => {
                let given = read(&file).map_err(|error| Exit::Usage.because(error))?;
                // a bare list is as good as what `export` writes
                let list = if given.is_array() { &given } else { &given["thresholds"] };
                if !list.is_array() {
                    let error = anyhow::anyhow!(
                        "{} holds no list `thresholds`; `tidewatch thresholds export` writes one",
                        file.display()
                    );
                    return Err(Exit::Usage.because(error));
                }
                answer.give(&api.put(&of(&model), &json!({ "thresholds": list, "replace": true })).await?, table)
            }
        }
    }
}

fn read(file: &std::path::Path) -> anyhow::Result<Value> {
    let mut text = String::new();
    if file.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
    } else {
        text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    }
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))
}

fn of_all(known: &Value) -> String {
    let fields = known.as_object().into_iter().flatten();
    fields.map(|(name, value)| format!("{name:<26} {}\n", shown(value))).collect()
}

fn table(known: &Value) -> String {
    let mut page =
        format!("{:<26} {:<10} {:>12} {:>10}  {:<16} TARGET\n", "METRIC", "CRITICAL", "THRESHOLD", "MARGIN", "SOURCE");
    for threshold in known["thresholds"].as_array().into_iter().flatten() {
        let [metric, direction, value, margin, source, target, unit] =
            ["metric", "direction", "value", "margin", "source", "target", "unit"].map(|field| shown(&threshold[field]));
        let unit = if unit == "-" { String::new() } else { format!(" {unit}") };
        writeln!(page, "{metric:<26} {direction:<10} {value:>12} {margin:>10}  {source:<16} {target}{unit}")
            .expect("writing to a String cannot fail");
    }
    if known["thresholds"].as_array().is_none_or(Vec::is_empty) {
        page = format!("{} has no thresholds of its own; it is compared to those of all models\n", shown(&known["model"]));
    }
    for suggestion in known["suggested"].as_array().into_iter().flatten() {
        let [metric, direction, value, reference] =
            ["metric", "direction", "value", "reference"].map(|field| shown(&suggestion[field]));
        writeln!(page, "its reference suggests {metric} {direction} {value} (it was {reference})")
            .expect("writing to a String cannot fail");
    }
    page
}
