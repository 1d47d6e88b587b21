//! `tidewatch config`: what is in effect, and who said so.

use std::fmt::Write;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::settings::Settings;
use super::{Answer, Outcome};

/// Show the configuration in effect
#[derive(Args)]
#[command(after_help = "\
Examples:
  tidewatch config show
  tidewatch config show --config /etc/tidewatch.toml --json")]
pub struct Config {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Print every setting, where it comes from and why its default is what it is
    #[command(after_help = "\
Examples:
  tidewatch config show
  tidewatch config show --config /etc/tidewatch.toml --json
  TIDEWATCH_LISTEN=0.0.0.0:80 tidewatch config show")]
    Show {
        #[command(flatten)]
        settings: Box<Settings>,
    },
}

#[derive(Serialize)]
struct Shown {
    settings: Vec<Row>,
    ignored_environment: Vec<String>,
}

#[derive(Serialize)]
struct Row {
    key: &'static str,
    /// `None` when unset.
    value: Option<String>,
    origin: String,
    why: &'static str,
}

/// Shown in the place of a secret.
const REDACTED: &str = "(secret)";

impl Config {
    pub fn run(self, answer: Answer) -> Outcome {
        let Action::Show { settings } = self.action;
        let (_, layers) = settings.resolve()?;
        let rows = layers.iter().map(|(key, setting)| Row {
            key: key.name,
            value: setting.is_set().then(|| if key.secret { REDACTED.into() } else { setting.text.clone() }),
            origin: setting.origin.to_string(),
            why: key.why,
        });
        answer.give(&Shown { settings: rows.collect(), ignored_environment: layers.ignored_env.clone() }, text)
    }
}

fn text(shown: &Shown) -> String {
    let mut page = String::new();
    for Row { key, value, origin, why } in &shown.settings {
        let value = value.as_ref().map_or_else(|| format!("# {key} is unset"), |value| format!("{key} = {value:?}"));
        writeln!(page, "{value:<44} # {origin}: {why}").expect("writing to a String cannot fail");
    }
    for variable in &shown.ignored_environment {
        let meant = crate::config::meant_env(variable).map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        writeln!(page, "# ignored: {variable} in the environment is no setting{meant}")
            .expect("writing to a String cannot fail");
    }
    page
}
