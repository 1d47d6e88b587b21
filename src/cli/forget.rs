//! `tidewatch forget`: models and sources that nobody needs any more, and their names.

use std::io::{IsTerminal, Write};

use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use super::api::{Api, Target, step};
use super::progress::grouped;
use super::table::table;
use super::token::shown;
use super::{Answer, Outcome};

/// Names of one page.
const PAGE: usize = 1_000;

/// Names that are being deleted at a time: each is waited for until it is.
const IN_FLIGHT_MAX: usize = 32;

/// Names shown one by one before it is asked; the rest is counted.
const SHOWN_MAX: usize = 20;

/// Delete models or sources and all that is known of them, so that there is room for other names
#[derive(Args)]
#[command(after_help = "\
There is room for 20,000 models and for 20,000 sources. It is said first what will be deleted, and asked on a terminal. The records themselves
stay in the log, and the command is an event in it: a replay forgets again. A record that comes later makes a new model or source.

Examples:
  tidewatch forget model old-fraud --dry-run     only say what would be deleted
  tidewatch forget model old-fraud
  tidewatch forget source --made-by cron --yes   all that one producer has named
  tidewatch forget source --query pod- --yes")]
pub struct Forget {
    #[command(subcommand)]
    sort: Sort,
}

#[derive(Subcommand)]
enum Sort {
    /// Delete models: windows, versions, references, thresholds, findings
    #[command(after_help = "\
Examples:
  tidewatch forget model run-17 run-18")]
    Model(Which),
    /// Delete sources: series, records, findings
    #[command(after_help = "\
Examples:
  tidewatch forget source web-server-01")]
    Source(Which),
}

#[derive(Args)]
struct Which {
    /// Their names
    #[arg(required_unless_present_any = ["made_by", "query"])]
    names: Vec<String>,
    /// All that this producer was the first to name: the source token of its subjects
    #[arg(long, value_name = "PRODUCER", conflicts_with = "names")]
    made_by: Option<String>,
    /// All whose name holds this text, whatever the case
    #[arg(long, value_name = "TEXT", conflicts_with = "names")]
    query: Option<String>,
    /// Only say what would be deleted
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    target: Target,
}

impl Forget {
    pub async fn run(self, answer: Answer) -> Outcome {
        let (path, sort, which) = match self.sort {
            Sort::Model(which) => ("/api/v1/models", "model", which),
            Sort::Source(which) => ("/api/v1/sources", "source", which),
        };
        let api = which.target.open()?;
        let names = which.names(&api, path).await?;
        let first = names.iter().take(SHOWN_MAX);
        let mut seen = Vec::new();
        for name in first {
            seen.push(api.delete(&format!("{path}/{}?dry_run=true", step(name))).await?);
        }
        if which.dry_run || names.is_empty() {
            return answer
                .give(&json!({ "forgotten": [], "would_be": names, "first": seen }), |_| text(sort, &seen, names.len()));
        }
        eprint!("{}", text(sort, &seen, names.len()));
        which.agree()?;
        let paths = names.iter().map(|name| format!("{path}/{}", step(name)));
        let asked = stream::iter(paths).map(|path| async {
            let path = path;
            api.delete(&path).await
        });
        let told: Vec<Value> = asked.buffered(IN_FLIGHT_MAX).try_collect().await?;
        let forgotten: Vec<&Value> = told.iter().map(|each| &each["name"]).collect();
        answer.give(
            &json!({ "forgotten": forgotten, "position": told.iter().filter_map(|each| each["position"].as_u64()).max() }),
            |_| format!("forgot {}", counted(sort, told.len())),
        )
    }
}

impl Which {
    async fn names(&self, api: &Api, path: &str) -> anyhow::Result<Vec<String>> {
        if !self.names.is_empty() {
            return Ok(self.names.clone());
        }
        let query = self.query.as_ref().map_or_else(String::new, |text| format!("&q={}", super::api::encoded(text)));
        let mut names = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = api.get(&format!("{path}?limit={PAGE}{query}{cursor}")).await?;
            let items = page["items"].as_array().into_iter().flatten();
            let wanted = items.filter(|item| self.made_by.as_ref().is_none_or(|maker| item["made_by"] == maker.as_str()));
            names.extend(wanted.filter_map(|item| Some(item["name"].as_str()?.to_owned())));
            let Some(next) = page["next"].as_str() else { return Ok(names) };
            cursor = format!("&cursor={}", super::api::encoded(next));
        }
    }

    /// Errors: whoever sits at the terminal does not agree, or there is nobody to ask.
    fn agree(&self) -> anyhow::Result<()> {
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            bail!("nothing was deleted: there is no terminal to ask on; --yes deletes without asking");
        }
        eprint!("Delete? [y/N] ");
        let mut line = String::new();
        std::io::stderr().flush()?;
        std::io::stdin().read_line(&mut line)?;
        let agreed = ["y", "yes"].contains(&line.trim().to_ascii_lowercase().as_str());
        if agreed { Ok(()) } else { Err(anyhow!("nothing was deleted")) }
    }
}

/// What will be deleted.
fn text(sort: &str, seen: &[Value], total: usize) -> String {
    if total == 0 {
        return format!("no {sort} of that name\n");
    }
    let number = |value: &Value| value.as_u64().map_or_else(|| "-".to_owned(), grouped);
    let page = if sort == "model" {
        let row = |told: &Value| {
            [
                shown(&told["name"]),
                shown(&told["made_by"]),
                number(&told["predictions"]),
                number(&told["versions"]),
                number(&told["thresholds"]),
                shown(&told["last_prediction_at"]),
            ]
        };
        let rows: Vec<_> = seen.iter().map(row).collect();
        table(["MODEL", "MADE BY", "PREDICTIONS", "VERSIONS", "THRESHOLDS", "NEWEST"], 2, &rows)
    } else {
        let row =
            |told: &Value| [shown(&told["name"]), shown(&told["made_by"]), number(&told["records"]), number(&told["series"])];
        let rows: Vec<_> = seen.iter().map(row).collect();
        table(["SOURCE", "MADE BY", "RECORDS", "SERIES"], 2, &rows)
    };
    let rest = match total - seen.len() {
        0 => String::new(),
        rest => format!("and {} more\n", grouped(rest as u64)),
    };
    format!("{page}{rest}{} to delete\n", counted(sort, total))
}

fn counted(sort: &str, count: usize) -> String {
    format!("{} {sort}{}", grouped(count as u64), if count == 1 { "" } else { "s" })
}
