//! `tidewatch models`: every model with its status and its figures of now.

use clap::Args;
use serde::Deserialize;

use super::api::{Target, encoded};
use super::glance::{Glance, short};
use super::progress::grouped;
use super::table::{shown, table};
use super::{Answer, Outcome};
use crate::time::Timestamp;
use crate::view::order::{Figure, Order, rank};

/// List the models with their status and figures of now
#[derive(Args)]
#[command(after_help = "\
Figures are of the last five minutes of each model's own time; `-` is not known.

Examples:
  tidewatch models
  tidewatch models --status critical --sort accuracy
  tidewatch models --tag card --owner risk
  tidewatch models --query fraud --json | jq -r '.items[].name'
  tidewatch models --url http://tidewatch:8080 --token-file token")]
pub struct Models {
    /// Only models of this status: healthy, warning, critical, training or unknown
    #[arg(long)]
    status: Option<String>,
    /// Only models whose name holds this text, whatever the case
    #[arg(long, value_name = "TEXT")]
    query: Option<String>,
    /// Only models that have this tag
    #[arg(long)]
    tag: Option<String>,
    /// Only models of this owner
    #[arg(long)]
    owner: Option<String>,
    /// Those that are archived too
    #[arg(long)]
    all: bool,
    /// What comes first: name, status (what needs attention first), predictions, accuracy, error_rate, p95_seconds,
    /// throughput_per_second, coverage, drift or last_prediction_at; with - before it the largest first
    #[arg(long, value_name = "ORDER", default_value = "name", allow_hyphen_values = true)]
    sort: Order,
    /// At most so many, after sorting
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    #[command(flatten)]
    target: Target,
}

impl Models {
    pub async fn run(self, answer: Answer) -> Outcome {
        let api = self.target.open()?;
        let parameter = |name: &str, text: &Option<String>| match text {
            Some(text) => format!("{name}={}&", encoded(text)),
            None => String::new(),
        };
        let named = [("status", &self.status), ("q", &self.query), ("tag", &self.tag), ("owner", &self.owner)];
        let filter: String = named.map(|(name, text)| parameter(name, text)).concat();
        let filter = filter + if self.all { "" } else { "archived=false&" };
        let found = Glance::all(&api, &filter).await?;
        let mut models = found.into_iter().map(|item| Ok((read(&item)?, item))).collect::<anyhow::Result<Vec<_>>>()?;
        models.sort_by(|(a, _), (b, _)| compare(a, b, self.sort));
        let total = models.len();
        models.truncate(self.limit.map_or(total, |limit| limit as usize));
        let (glances, items): (Vec<Glance>, Vec<_>) = models.into_iter().unzip();
        answer.give(&serde_json::json!({ "items": items, "total": total }), |_| text(&glances, total))
    }
}

fn read(item: &serde_json::Value) -> anyhow::Result<Glance> {
    Ok(Glance::deserialize(item)?)
}

/// Compares two models; equals are by name.
pub fn compare(a: &Glance, b: &Glance, order: Order) -> std::cmp::Ordering {
    let by_name = a.name.cmp(&b.name);
    let by_name = if order == Order::falling(Figure::Name) { by_name.reverse() } else { by_name };
    order.compare(figure(a, order.by), figure(b, order.by)).then(by_name)
}

/// `None` for the name, and where it is not known.
fn figure(model: &Glance, by: Figure) -> Option<f64> {
    match by {
        Figure::Name => None,
        Figure::Status => Some(f64::from(rank(&model.status))),
        Figure::Predictions => Some(model.predictions as f64),
        Figure::Accuracy => model.accuracy(),
        Figure::ErrorRate => model.error_rate(),
        Figure::P95Seconds => model.p95(),
        Figure::ThroughputPerSecond => model.throughput(),
        Figure::Coverage => model.current.as_ref().and_then(|current| current.coverage),
        Figure::Drift => model.drift(),
        Figure::LastPredictionAt => {
            let at: Option<Timestamp> = model.last_prediction_at.as_deref().and_then(Timestamp::parse_rfc3339);
            at.map(|at| at.micros() as f64)
        }
    }
}

pub const HEADER: [&str; 8] = ["MODEL", "STATUS", "PREDICTIONS", "PER S", "ACCURACY", "FAILURES", "P95 S", "DRIFT"];

/// One model as a row below [`HEADER`].
pub fn row(model: &Glance) -> [String; 8] {
    [
        shown(&model.name),
        shown(&model.status),
        grouped(model.predictions),
        short(model.throughput()),
        short(model.accuracy()),
        short(model.error_rate()),
        short(model.p95()),
        short(model.drift()),
    ]
}

fn text(models: &[Glance], total: usize) -> String {
    if total == 0 {
        return "no models".to_owned();
    }
    let rows: Vec<_> = models.iter().map(row).collect();
    let mut page = table(HEADER, 2, &rows);
    if models.len() < total {
        page += &format!("{} of {total} models\n", models.len());
    }
    page
}

#[cfg(test)]
mod tests {
    use super::super::glance::{Current, Share};
    use super::*;

    fn model(name: &str, status: &str, accuracy: Option<f64>) -> Glance {
        let current = Current { accuracy: Share { value: accuracy, n: 1 }, ..Current::default() };
        Glance { name: name.into(), status: status.into(), current: Some(current), ..Glance::default() }
    }

    #[test]
    fn what_needs_attention_comes_first_and_what_is_not_known_last() {
        let mut models = [
            model("a", "healthy", None),
            model("b", "critical", Some(0.9)),
            model("c", "warning", Some(0.5)),
            model("d", "unknown", Some(0.7)),
        ];
        let mut names = |order: Order| {
            models.sort_by(|a, b| compare(a, b, order));
            models.iter().map(|model| model.name.clone()).collect::<String>()
        };
        assert_eq!(names(Order::rising(Figure::Status)), "bcda");
        assert_eq!(names(Order::rising(Figure::Accuracy)), "cdba");
        assert_eq!(names(Order::falling(Figure::Accuracy)), "bdca");
        assert_eq!(names(Order::rising(Figure::Name)), "abcd");
        assert_eq!(names(Order::falling(Figure::Name)), "dcba");
    }
}
