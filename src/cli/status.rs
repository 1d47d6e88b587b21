//! `tidewatch status`: how the process is doing, or one model.

use std::collections::BTreeMap;

use anyhow::anyhow;
use clap::Args;
use serde_json::{Value, json};

use super::api::{Api, Target, step};
use super::glance::{Glance, short};
use super::progress::grouped;
use super::token::shown;
use super::{Answer, Outcome};

/// Show how the running process is doing, or one model
#[derive(Args)]
#[command(after_help = "\
Examples:
  tidewatch status                 the process: how far it has read, how many models need attention
  tidewatch status fraud           one model: why it has its status, its figures of now
  tidewatch status fraud --json")]
pub struct Status {
    /// The model; the process itself if left out
    model: Option<String>,
    #[command(flatten)]
    target: Target,
}

impl Status {
    pub async fn run(self, answer: Answer) -> Outcome {
        let api = self.target.open()?;
        match self.model {
            Some(name) => {
                let found = api.look(&format!("/api/v1/models/{}", step(&name))).await?;
                let model = found.ok_or_else(|| no_model(&name))?;
                let glance: Glance = serde_json::from_value(model.clone())?;
                answer.give(&model, |_| of_model(&glance))
            }
            None => {
                let process = process(&api).await?;
                answer.give(&process, of_process)
            }
        }
    }
}

pub fn no_model(name: &str) -> anyhow::Error {
    anyhow!("there is no model {name:?}; `tidewatch models` lists those there are")
}

/// The health of the process, what it has counted, and how many models have which status.
async fn process(api: &Api) -> anyhow::Result<Value> {
    let mut process = api.get("/api/v1/health").await?;
    let counts = api.get("/api/v1/state").await?["counts"].take();
    let mut statuses: BTreeMap<String, u64> = BTreeMap::new();
    for model in Glance::all(api, "").await? {
        *statuses.entry(model["status"].as_str().unwrap_or("unknown").to_owned()).or_default() += 1;
    }
    process["counts"] = counts;
    process["models"] = json!(statuses);
    process["url"] = json!(api.url());
    Ok(process)
}

fn of_process(process: &Value) -> String {
    let count = |value: &Value| value.as_u64().map_or_else(|| "-".to_owned(), grouped);
    let [version, status, url] = ["version", "status", "url"].map(|field| shown(&process[field]));
    let statuses = process["models"].as_object().into_iter().flatten();
    let total = statuses.clone().filter_map(|(_, count)| count.as_u64()).sum();
    let models: Vec<String> = statuses.map(|(status, models)| format!("{} {status}", count(models))).collect();
    let models = if models.is_empty() { "none".to_owned() } else { format!("{} ({})", grouped(total), models.join(", ")) };
    let counts = process["counts"].as_object().into_iter().flatten();
    let counts: Vec<String> = counts.map(|(name, records)| format!("{} {}", count(records), name.replace('_', " "))).collect();
    let uptime = process["uptime_seconds"].as_f64().map_or_else(|| "-".to_owned(), duration);
    let memory = process["memory_bytes"].as_u64().map_or_else(|| "-".to_owned(), |bytes| format!("{} MiB", bytes >> 20));
    let lines = [
        ("process", format!("tidewatch {version} at {url}: {status}, up {uptime}, {memory}")),
        ("log", format!("applied up to {}, {} behind", count(&process["position"]), count(&process["lag"]))),
        ("records", counts.join(", ")),
        ("models", models),
    ];
    laid_out(&lines)
}

fn of_model(model: &Glance) -> String {
    let with_n = |share: &super::glance::Share| match share.value {
        Some(_) => format!("{} (n {})", short(share.value), grouped(share.n)),
        None => "-".to_owned(),
    };
    let listed = |items: &[String]| match items {
        [] => "-".to_owned(),
        items => items.iter().map(|item| super::table::shown(item)).collect::<Vec<_>>().join(", "),
    };
    let mut lines = vec![("model", format!("{}: {}", super::table::shown(&model.name), model.status))];
    lines.extend(model.reasons.iter().map(|reason| ("because", super::table::shown(&reason.message))));
    let totals = [("predictions", model.predictions), ("failures", model.errors), ("labelled", model.labelled)];
    let totals = totals.map(|(name, count)| format!("{} {name}", grouped(count))).join(", ");
    lines.push(("in all", format!("{totals}, {} labels that wait for their prediction", grouped(model.pending_labels))));
    if let Some(now) = &model.current {
        lines.push(("accuracy", with_n(&model.shown_accuracy())));
        lines.push(("failures", with_n(&now.error_rate)));
        let [mean, p95] = [now.mean_response_time_seconds, now.p95_seconds].map(short);
        lines.push(("response", format!("mean {mean} s, p95 {p95} s")));
        lines.push(("traffic", format!("{} a second, {} labelled", short(now.throughput_per_second), share(now.coverage))));
    }
    lines.push(("drift", short(model.drift())));
    lines.push(("versions", listed(&model.versions)));
    if model.owner.is_some() || !model.tags.is_empty() {
        let owner = model.owner.as_deref().map_or_else(|| "-".to_owned(), super::table::shown);
        lines.push(("owner", owner));
        lines.push(("tags", listed(&model.tags)));
    }
    let last = model.last_prediction_at.as_deref().unwrap_or("-");
    lines.push(("last", format!("{last}{}", if model.stale { " (nothing since: stale)" } else { "" })));
    laid_out(&lines)
}

fn share(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{:.0} %", value * 100.0))
}

fn laid_out(lines: &[(&str, String)]) -> String {
    lines.iter().map(|(name, text)| format!("{name:<12} {text}\n")).collect()
}

/// As `3 d 4 h`, `5 min 6 s`: the two largest units.
fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3_600 => format!("{} min {} s", whole / 60, whole % 60),
        3_600..86_400 => format!("{} h {} min", whole / 3_600, whole % 3_600 / 60),
        _ => format!("{} d {} h", whole / 86_400, whole % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_its_two_largest_units() {
        let told = [59.9, 61.0, 3_661.0, 90_000.0].map(duration);
        assert_eq!(told, ["59 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]);
    }

    #[test]
    fn a_model_says_why_it_has_its_status() {
        let model = json!({"name": "fraud", "status": "critical", "predictions": 1200, "labelled": 900,
            "reasons": [{"code": "accuracy", "status": "critical", "message": "accuracy 0.5 against 0.7"}],
            "current": {"accuracy": {"value": 0.5, "n": 80}, "coverage": 0.75}, "drift": {"value": 0.08}});
        let text = of_model(&serde_json::from_value(model).unwrap());
        for part in ["fraud: critical", "because      accuracy 0.5 against 0.7", "0.5 (n 80)", "75 % labelled", "0.08", "1,200"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
