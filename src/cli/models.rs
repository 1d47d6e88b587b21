//! `tidewatch models`: every model with its status and its figures of now.

use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::api::{Target, encoded};
use super::glance::{Glance, short};
use super::progress::grouped;
use super::table::{shown, table};
use super::{Answer, Outcome};

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
    /// What comes first
    #[arg(long, value_enum, default_value = "name")]
    sort: Sort,
    /// At most so many, after sorting
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// By name
    Name,
    /// What needs attention first, then by name
    Status,
    /// The least accurate first
    Accuracy,
    /// The most failures first
    Errors,
    /// The slowest first
    Latency,
    /// What drifted farthest first
    Drift,
    /// The busiest first
    Throughput,
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
        models.sort_by(|(a, _), (b, _)| self.sort.compare(a, b));
        let total = models.len();
        models.truncate(self.limit.map_or(total, |limit| limit as usize));
        let (glances, items): (Vec<Glance>, Vec<_>) = models.into_iter().unzip();
        answer.give(&serde_json::json!({ "items": items, "total": total }), |_| text(&glances, total))
    }
}

fn read(item: &serde_json::Value) -> anyhow::Result<Glance> {
    Ok(Glance::deserialize(item)?)
}

impl Sort {
    /// What is not known comes last; equals are by name.
    pub fn compare(self, a: &Glance, b: &Glance) -> std::cmp::Ordering {
        let rising = |of: fn(&Glance) -> Option<f64>| {
            let key = |model| of(model).unwrap_or(f64::INFINITY);
            key(a).total_cmp(&key(b))
        };
        let falling = |of: fn(&Glance) -> Option<f64>| {
            let key = |model| of(model).unwrap_or(f64::NEG_INFINITY);
            key(b).total_cmp(&key(a))
        };
        let first = match self {
            Self::Name => std::cmp::Ordering::Equal,
            Self::Status => urgency(b).cmp(&urgency(a)),
            Self::Accuracy => rising(Glance::accuracy),
            Self::Errors => falling(Glance::error_rate),
            Self::Latency => falling(Glance::p95),
            Self::Drift => falling(Glance::drift),
            Self::Throughput => falling(Glance::throughput),
        };
        first.then_with(|| a.name.cmp(&b.name))
    }
}

/// Higher is more urgent: what is known to be wrong before what is not known.
fn urgency(model: &Glance) -> u8 {
    use super::glance::Verdict;
    match model.verdict() {
        Verdict::Critical => 3,
        Verdict::Warning => 2,
        Verdict::Unknown => 1,
        Verdict::Ok => 0,
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
        let mut names = |sort: Sort| {
            models.sort_by(|a, b| sort.compare(a, b));
            models.iter().map(|model| model.name.clone()).collect::<String>()
        };
        assert_eq!(names(Sort::Status), "bcda");
        assert_eq!(names(Sort::Accuracy), "cdba");
        assert_eq!(names(Sort::Name), "abcd");
    }
}
