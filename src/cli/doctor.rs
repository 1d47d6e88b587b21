//! `tidewatch doctor`: one line for each thing that must be right on this machine, and how to fix it.

mod checks;
mod nats;
mod process;

use std::fmt::Write;

use clap::Args;
use serde::Serialize;

use super::settings::Examining;
use super::{Answer, Exit, Failure, Outcome};
use crate::config::Origin;

/// Check this machine and say how to fix what is wrong
#[derive(Args)]
#[command(after_help = "\
Ends with 1 if a check failed; warnings are for you to judge.

Examples:
  tidewatch doctor
  tidewatch doctor --nats-url nats://nats:4222 --creds tidewatch.creds --json")]
pub struct Doctor {
    #[command(flatten)]
    settings: Examining,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub verdict: Verdict,
    pub found: String,
    /// How to fix it, if there is something to fix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Ok,
    Warn,
    Fail,
}

#[derive(Serialize)]
struct Report {
    verdict: Verdict,
    checks: Vec<Check>,
}

impl Check {
    pub fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, found: found.into(), fix: None }
    }

    pub fn warn(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warn, found: found.into(), fix: Some(fix.into()) }
    }

    pub fn fail(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Fail, found: found.into(), fix: Some(fix.into()) }
    }
}

impl Doctor {
    pub async fn run(self, answer: Answer) -> Outcome {
        let (config, layers) = self.settings.resolve()?;
        let running = crate::run_file::RunFile::read(&config.data).ok();
        // where the process listens, unless another address is asked about
        let listen = match &running {
            Some(running) if layers.get("listen").origin == Origin::Default => running.listen.parse().unwrap_or(config.listen),
            _ => config.listen,
        };
        let mut checks = vec![
            checks::configuration(&layers),
            checks::data(&config.data),
            checks::space(&config.data),
            checks::snapshots(&config.data, &config.snapshots),
            checks::port("http port", listen, running.as_ref().map(|running| running.listen.as_str())),
            checks::open_files(),
        ];
        checks.extend(nats::checks(&config, running.as_ref()).await);
        if let Some(running) = &running {
            checks.push(process::streams(running).await);
            checks.extend(process::conditions(running).await);
        }
        let verdict = checks.iter().map(|check| check.verdict).max().unwrap_or(Verdict::Ok);
        answer.give(&Report { verdict, checks }, text)?;
        if verdict < Verdict::Fail { Ok(()) } else { Err(failed()) }
    }
}

fn failed() -> Failure {
    Exit::Failed.because(anyhow::anyhow!("something must be fixed first"))
}

fn text(report: &Report) -> String {
    let mut page = String::new();
    for Check { name, verdict, found, fix } in &report.checks {
        let verdict = match verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        let fix = fix.as_ref().map(|fix| format!(" -> {fix}")).unwrap_or_default();
        writeln!(page, "{verdict}  {name:<16} {found}{fix}").expect("writing to a String cannot fail");
    }
    page
}
