//! `tidewatch versions`: the versions of a model, and which of them serve.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::api::{Target, step};
use super::progress::grouped;
use super::table::table;
use super::token::shown;
use super::{Answer, Outcome};

/// Show the versions of a model, and say which of them serve
#[derive(Args)]
#[command(after_help = "\
A version gathers its reference and then serves. After 30 days without a prediction it is retired: it keeps its windows, and leaves the alarm
budget. With its next prediction it serves again.

Examples:
  tidewatch versions list fraud
  tidewatch versions set fraud 1.4.0 retired
  tidewatch versions set fraud 2.0.0 shadow")]
pub struct Versions {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show the versions of a model with their state and their last hour
    #[command(after_help = "\
Examples:
  tidewatch versions list fraud --json")]
    List { model: String },
    /// Say in which state a version is: an event in the log
    #[command(after_help = "\
Examples:
  tidewatch versions set fraud 1.4.0 retired")]
    Set {
        model: String,
        version: String,
        #[arg(value_enum)]
        state: State,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum State {
    /// Its answers are used
    Serving,
    /// Its answers are compared and not used
    Shadow,
    /// Nobody asks it any more
    Retired,
}

impl Versions {
    pub async fn run(self, answer: Answer) -> Outcome {
        let api = self.target.open()?;
        let of = |model: &str| format!("/api/v1/models/{}/versions", step(model));
        match self.action {
            Action::List { model } => answer.give(&api.get(&of(&model)).await?, list),
            Action::Set { model, version, state } => {
                let state = state.to_possible_value().map(|state| state.get_name().to_owned());
                let told = api.put(&of(&model), &json!({ "version": version, "state": state })).await?;
                answer.give(&told, |told| {
                    format!("{} {}: {}", shown(&told["model"]), shown(&told["version"]), shown(&told["state"]))
                })
            }
        }
    }
}

fn list(told: &Value) -> String {
    let rows: Vec<_> = told["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| {
            let predictions = row["predictions"].as_u64().map_or_else(|| "-".to_owned(), grouped);
            [shown(&row["version"]), shown(&row["state"]), shown(&row["retired_at"]), predictions]
        })
        .collect();
    table(["VERSION", "STATE", "RETIRED", "PREDICTIONS"], 3, &rows)
}
