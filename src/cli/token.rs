//! `tidewatch token`: who may read, publish and change.

use std::fmt::Write;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::api::{Target, encoded};
use super::{Answer, Outcome};

/// Create, list and revoke access tokens of a running process
#[derive(Args)]
#[command(after_help = "\
Examples:
  tidewatch token create --name grafana --role viewer
  tidewatch token create --name audit --role viewer --expires-in 7d
  tidewatch token list
  tidewatch token revoke 7KQ2")]
pub struct Token {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Create a token; it is shown this once
    #[command(after_help = "\
Examples:
  tidewatch token create --name grafana --role viewer
  tidewatch token create --name audit --role viewer --expires-in 7d
  tidewatch token create --name ci --role operator --json")]
    Create {
        /// Whose it is
        #[arg(long)]
        name: String,
        /// What it may do
        #[arg(long, value_enum, default_value = "viewer")]
        role: RoleName,
        /// How long it is valid, as 30m, 24h or 7d [default: until it is revoked]
        #[arg(long, value_name = "SPAN")]
        expires_in: Option<String>,
    },
    /// List the tokens, without their text
    #[command(after_help = "\
Examples:
  tidewatch token list
  tidewatch token list --url https://tidewatch.example --token-file admin.token")]
    List,
    /// Revoke a token by its id
    #[command(after_help = "\
Examples:
  tidewatch token revoke 7KQ2")]
    Revoke { id: String },
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    /// Reads
    Viewer,
    /// Reads and publishes
    Operator,
    /// Reads, publishes and changes settings and tokens
    Admin,
}

impl Token {
    pub async fn run(self, answer: Answer) -> Outcome {
        let api = self.target.open()?;
        match self.action {
            Action::Create { name, role, expires_in } => {
                let role = role.to_possible_value().map(|value| value.get_name().to_owned());
                let created =
                    api.post("/api/v1/tokens", &json!({ "name": name, "role": role, "expires_in": expires_in })).await?;
                answer.give(&created, |created| format!("{}\n{}", shown(&created["token"]), note(created)))
            }
            Action::List => {
                let list = api.get("/api/v1/tokens").await?;
                answer.give(&list, table)
            }
            Action::Revoke { id } => {
                api.delete(&format!("/api/v1/tokens/{}", encoded(&id))).await?;
                answer.give(&json!({ "revoked": id }), |_| format!("revoked {id}"))
            }
        }
    }
}

fn note(created: &Value) -> String {
    format!("(id {}, role {}; keep it now, it is not shown again)", shown(&created["id"]), shown(&created["role"]))
}

fn table(list: &Value) -> String {
    let mut page =
        format!("{:<10} {:<9} {:<28} {:<28} {:<28} NAME\n", "ID", "ROLE", "CREATED", "EXPIRES", "LAST USED (SINCE START)");
    let items = list["items"].as_array().or_else(|| list.as_array());
    for token in items.into_iter().flatten() {
        let fields = ["id", "role", "created_at", "expires_at", "last_used_at", "name"];
        let [id, role, created, expires, used, name] = fields.map(|field| shown(&token[field]));
        writeln!(page, "{id:<10} {role:<9} {created:<28} {expires:<28} {used:<28} {name}")
            .expect("writing to a String cannot fail");
    }
    page
}

/// A field for a person: text bare, control characters escaped, a missing one as a dash.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => {
            text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
        }
        Value::Null => "-".into(),
        other => other.to_string(),
    }
}
