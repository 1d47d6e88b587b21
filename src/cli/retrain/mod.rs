//! `tidewatch retrain`: has models trained anew, says which version serves, and tries policies.

mod simulate;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::api::{Api, Target, step};
use super::table::figure;
use super::token::shown;
use super::{Answer, Outcome};
use simulate::Simulate;

const POLICY: &str = "/api/v1/retraining/policy";

/// Between two looks at a job that is waited for.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Have a model trained anew, say which version serves, or try a policy
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
What is trained comes from the log: predictions with features, joined with their labels. The newest fifth is held out, and on it the new version is
compared with what was answered. Whether it then serves by itself says the policy.

Examples:
  tidewatch retrain fraud --wait
  tidewatch retrain compare fraud
  tidewatch retrain promote fraud r2
  tidewatch retrain policy policy.json
  tidewatch retrain simulate elec.csv --label class --first 6000 --every 3000 --window 6000

Exit codes: 0 done, 1 failure, or with --wait a job that failed, 2 wrong usage."
)]
pub struct Retrain {
    #[command(flatten)]
    target: Target,
    /// The model to train anew
    #[arg(required = true)]
    model: Option<String>,
    /// Wait until the job has ended
    #[arg(long)]
    wait: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Show what is being trained, and what was
    #[command(after_help = "\
Examples:
  tidewatch retrain status --json")]
    Status {
        #[command(flatten)]
        target: Target,
    },
    /// End a job, queued or running
    #[command(after_help = "\
Examples:
  tidewatch retrain cancel 1024-0")]
    Cancel {
        #[command(flatten)]
        target: Target,
        job: String,
    },
    /// Show who serves a model, and how versions that would like to compare
    #[command(after_help = "\
Examples:
  tidewatch retrain compare fraud --json")]
    Compare {
        #[command(flatten)]
        target: Target,
        model: String,
    },
    /// Have a version serve
    #[command(after_help = "\
Examples:
  tidewatch retrain promote fraud r2")]
    Promote {
        #[command(flatten)]
        target: Target,
        model: String,
        version: String,
    },
    /// Go back to the version before, or to one that is named
    #[command(after_help = "\
Examples:
  tidewatch retrain rollback fraud
  tidewatch retrain rollback fraud --to r1")]
    Rollback {
        #[command(flatten)]
        target: Target,
        model: String,
        #[arg(long, value_name = "VERSION")]
        to: Option<String>,
    },
    /// Keep the champion whatever evidence says, or no longer
    #[command(after_help = "\
Examples:
  tidewatch retrain pin fraud
  tidewatch retrain pin fraud --off")]
    Pin {
        #[command(flatten)]
        target: Target,
        model: String,
        /// Let evidence decide again
        #[arg(long)]
        off: bool,
    },
    /// Show the policy, or change what a JSON file names
    #[command(after_help = "\
Examples:
  tidewatch retrain policy
  tidewatch retrain policy policy.json")]
    Policy {
        #[command(flatten)]
        target: Target,
        file: Option<PathBuf>,
    },
    Simulate(Simulate),
}

impl Retrain {
    pub async fn run(self, answer: Answer) -> Outcome {
        let Self { target, model, wait, action } = self;
        let of = |model: &str, what: &str| format!("/api/v1/models/{}/{what}", step(model));
        match action {
            None => {
                let api = target.open()?;
                let asked = api.post("/api/ai/retrain/manual", &json!({ "model_name": model.unwrap_or_default() })).await?;
                if wait { waited(&api, &asked, answer).await } else { answer.give(&asked, queued) }
            }
            Some(Action::Simulate(simulate)) => simulate.run(answer),
            Some(Action::Status { target }) => answer.give(&target.open()?.get("/api/ai/retrain/status").await?, status),
            Some(Action::Cancel { target, job }) => {
                let path = format!("/api/v1/retraining/jobs/{}/cancel", step(&job));
                answer.give(&target.open()?.post(&path, &Value::Null).await?, ended)
            }
            Some(Action::Compare { target, model }) => {
                answer.give(&target.open()?.get(&of(&model, "comparison")).await?, compared)
            }
            Some(Action::Promote { target, model, version }) => {
                let told = target.open()?.post(&of(&model, "promote"), &json!({ "version": version })).await?;
                answer.give(&told, compared)
            }
            Some(Action::Rollback { target, model, to }) => {
                answer.give(&target.open()?.post(&of(&model, "rollback"), &json!({ "to": to })).await?, compared)
            }
            Some(Action::Pin { target, model, off }) => {
                answer.give(&target.open()?.post(&of(&model, "pin"), &json!({ "pinned": !off })).await?, compared)
            }
            Some(Action::Policy { target, file }) => {
                let api = target.open()?;
                let told = match file {
                    None => api.get(POLICY).await?,
                    Some(file) => {
                        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
                        let policy = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))?;
                        api.put(POLICY, &policy).await?
                    }
                };
                answer.give(&told, fields)
            }
        }
    }
}

/// Looks at a job until it has ended.
async fn waited(api: &Api, asked: &Value, answer: Answer) -> Outcome {
    let path = format!("/api/v1/retraining/jobs/{}", step(asked["job_id"].as_str().unwrap_or_default()));
    loop {
        let job = api.get(&path).await?;
        match job["state"].as_str().unwrap_or_default() {
            "queued" | "running" => tokio::time::sleep(LOOK_INTERVAL).await,
            state => {
                answer.give(&job, ended)?;
                let is_good = ["completed", "rejected"].contains(&state);
                return if is_good { Ok(()) } else { Err(anyhow!("the job is {state}").into()) };
            }
        }
    }
}

fn queued(asked: &Value) -> String {
    format!("job {} of {}: {}", shown(&asked["job_id"]), shown(&asked["model_name"]), shown(&asked["state"]))
}

fn ended(job: &Value) -> String {
    let mut text = format!("job {} of {}: {}", shown(&job["job_id"]), shown(&job["model"]), shown(&job["state"]));
    if !job["version"].is_null() {
        text.push_str(&format!(", version {}", shown(&job["version"])));
    }
    if !job["error"].is_null() {
        text.push_str(&format!("\n{}: {}", shown(&job["error"]["code"]), shown(&job["error"]["detail"])));
    }
    text
}

fn status(told: &Value) -> String {
    let mut text = String::new();
    for task in told["active_tasks_detail"].as_array().into_iter().flatten() {
        let minutes = task["estimated_time"].as_u64().map_or_else(String::new, |minutes| format!(", some {minutes} min left"));
        let progress = task["progress"].as_f64().unwrap_or_default();
        text.push_str(&format!("{}: {progress:.0} %, {}{minutes}\n", shown(&task["model_name"]), shown(&task["reason"])));
    }
    for task in told["recent_completed"].as_array().into_iter().flatten() {
        let (name, state, at) = (shown(&task["model_name"]), shown(&task["status"]), shown(&task["completed_at"]));
        text.push_str(&format!("{name}: {state} at {at}, accuracy {}\n", figure(task["result"]["accuracy"].as_f64())));
    }
    if text.is_empty() { "nothing is being trained, and nothing was".to_owned() } else { text }
}

fn compared(told: &Value) -> String {
    let champion = if told["champion"].is_null() { "served elsewhere".to_owned() } else { shown(&told["champion"]) };
    let pinned = if told["pinned"] == true { ", pinned" } else { "" };
    let mut text = format!("{}: {champion}{pinned}\n", shown(&told["model"]));
    let evidence = |of: &Value| {
        let number = |key: &str| figure(of[key].as_f64());
        format!(
            "evidence {} of {} over {} labels, mean advantage {}",
            number("value"),
            number("threshold"),
            shown(&of["labels"]),
            number("mean_advantage")
        )
    };
    for version in told["challengers"].as_array().into_iter().flatten() {
        text.push_str(&format!(
            "{} ({}): {}\n",
            shown(&version["version"]),
            shown(&version["standing"]),
            evidence(&version["evidence"])
        ));
    }
    if let Some(watch) = told["watch"].as_object() {
        text.push_str(&format!("the one before, {}: {}\n", shown(&watch["previous"]), evidence(&watch["evidence"])));
    }
    for decision in told["decisions"].as_array().into_iter().flatten().take(10) {
        let (from, to) = (shown(&decision["from"]), shown(&decision["to"]));
        text.push_str(&format!(
            "{} {} {from} -> {to}: {}\n",
            shown(&decision["at"]),
            shown(&decision["decision"]),
            shown(&decision["why"])
        ));
    }
    text
}

fn fields(told: &Value) -> String {
    let fields = told.as_object().into_iter().flatten();
    fields.map(|(name, value)| format!("{name:<24} {}\n", shown(value))).collect()
}
