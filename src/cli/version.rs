//! `tidewatch version`: what was built, of which commit, and how.

use clap::Args;

use super::{Answer, Outcome};

/// As `0.1.0 (1a2b3c4d5e6f)`; a build outside of git knows no commit.
pub const LONG: &str = env!("TIDEWATCH_VERSION");

/// Show the version, its commit and how it was built
#[derive(Args)]
#[command(after_help = "\
Examples:
  tidewatch version
  tidewatch version --json | jq -r .commit")]
pub struct Version {}

impl Version {
    pub fn run(self, answer: Answer) -> Outcome {
        let commit = option_env!("TIDEWATCH_COMMIT");
        let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
        let version = serde_json::json!({
            "version": env!("CARGO_PKG_VERSION"),
            "commit": commit,
            // changes that no commit held; null where that is not known
            "modified": option_env!("TIDEWATCH_MODIFIED").map(|modified| modified == "true"),
            "failpoints": crate::failpoint::built_in(),
            "profile": profile,
        });
        answer.give(&version, |_| format!("tidewatch {LONG}, {profile} build"))
    }
}
