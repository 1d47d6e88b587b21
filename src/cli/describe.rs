//! `tidewatch describe`: whose a model is, and by which words to find it.

use clap::Args;
use serde_json::{Map, Value, json};

use super::api::{Target, step};
use super::token::shown;
use super::{Answer, Outcome};

/// Give a model an owner and tags, or put it out of sight
#[derive(Args)]
#[command(after_help = "\
It is an event in the log: who looks sees it at once, and a replay says it again.

Examples:
  tidewatch describe fraud --owner risk --tag card --tag kr
  tidewatch describe fraud --untag kr
  tidewatch describe old-fraud --archive         out of sight in lists, watched like any other
  tidewatch describe old-fraud --unarchive --owner ''")]
pub struct Describe {
    /// The model
    model: String,
    /// A person or a team; empty takes it away
    #[arg(long)]
    owner: Option<String>,
    /// Add this tag; may be given several times
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Take this tag away; may be given several times
    #[arg(long, value_name = "TAG")]
    untag: Vec<String>,
    /// Out of sight in lists unless they are asked for it
    #[arg(long, conflicts_with = "unarchive")]
    archive: bool,
    /// In sight again
    #[arg(long)]
    unarchive: bool,
    #[command(flatten)]
    target: Target,
}

impl Describe {
    pub async fn run(self, answer: Answer) -> Outcome {
        let api = self.target.open()?;
        let mut change = Map::new();
        if let Some(owner) = self.owner {
            change.insert("owner".into(), json!(owner));
        }
        if self.archive || self.unarchive {
            change.insert("archived".into(), json!(self.archive));
        }
        change.insert("add_tags".into(), json!(self.tag));
        change.insert("remove_tags".into(), json!(self.untag));
        let path = format!("/api/v1/models/{}/description", step(&self.model));
        let told = api.put(&path, &Value::Object(change)).await?;
        answer.give(&told, text)
    }
}

fn text(told: &Value) -> String {
    let tags: Vec<String> = told["tags"].as_array().into_iter().flatten().map(shown).collect();
    let tags = if tags.is_empty() { "no tags".to_owned() } else { format!("tags {}", tags.join(", ")) };
    let archived = if told["archived"] == true { ", archived" } else { "" };
    format!("{}: owner {}, {tags}{archived}", shown(&told["model"]), shown(&told["owner"]))
}
