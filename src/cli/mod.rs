//! The command line: reads arguments, calls the room that knows, prints what it answers. `--json` gives every answer to machines.

mod api;
mod banner;
mod config;
mod demo;
mod detect;
mod doctor;
mod drift;
mod evaluate;
mod failpoints;
mod publish;
mod rebuild;
mod records;
mod settings;
mod streams;
mod table;
mod token;
mod up;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde::Serialize;

/// Watches machine-learning models live.
#[derive(Parser)]
#[command(name = "tidewatch", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    /// Answer as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  tidewatch up                                   start everything, with a simulator to look at
  tidewatch up --no-demo --data /var/lib/tidewatch --listen 0.0.0.0:8080
  tidewatch publish prediction fraud '{\"prediction\":\"yes\",\"confidence\":0.93}'
  tidewatch detect --detector adwin losses.csv   where a stream of numbers or errors changes
  tidewatch evaluate predictions.csv             every metric of a file of labelled predictions
  tidewatch drift --reference train.csv --current today.csv --fail-on drift
  tidewatch doctor                               what is missing on this machine, and how to mend it

Exit codes: 0 clean stop, 1 failure, 2 wrong usage, 3 bad configuration, 4 cannot reach NATS,
5 the stream is not the one the store was built from, 6 the data directory is in use.";

#[derive(Subcommand)]
enum Command {
    Up(up::Up),
    Demo(demo::Demo),
    Doctor(doctor::Doctor),
    Rebuild(rebuild::Rebuild),
    Token(token::Token),
    Publish(publish::Publish),
    Detect(detect::Detect),
    Evaluate(evaluate::Evaluate),
    Drift(drift::Drift),
    Streams(streams::Streams),
    Config(config::Config),
    Failpoints(failpoints::Failpoints),
    /// Show the version and how it was built
    Version,
}

/// What the process says when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Clean = 0,
    Failed = 1,
    /// As `clap` has it.
    Usage = 2,
    Configuration = 3,
    NoNats = 4,
    Diverged = 5,
    InUse = 6,
}

/// Why a command did not end well. Any error is [`Exit::Failed`] unless said otherwise.
struct Failure {
    exit: Exit,
    error: anyhow::Error,
}

type Outcome = Result<(), Failure>;

/// Answers to a person as text or to a machine as JSON.
#[derive(Clone, Copy)]
struct Answer {
    json: bool,
}

impl Exit {
    fn because(self, error: impl Into<anyhow::Error>) -> Failure {
        Failure { exit: self, error: error.into() }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Exit::Failed.because(error)
    }
}

impl Answer {
    /// Prints `value` as JSON, or else `text` of it.
    fn give<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) -> Outcome {
        let shown = if self.json { serde_json::to_string_pretty(value)? } else { text(value) };
        let mut out = std::io::stdout().lock();
        match writeln!(out, "{}", shown.trim_end()).and_then(|()| out.flush()) {
            // Whoever reads us has seen enough, as `head` does.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        }
    }
}

/// Runs the command of the arguments and says how it ended.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = arm_crash_points().and_then(|()| run(cli.command, Answer { json: cli.json }));
    let Err(failure) = outcome else { return ExitCode::from(Exit::Clean as u8) };
    eprintln!("tidewatch: {:#}", failure.error);
    ExitCode::from(failure.exit as u8)
}

/// Arms the crash points of `FAILPOINTS`; refuses to go on without them in a build that has none.
fn arm_crash_points() -> Outcome {
    match std::env::var("FAILPOINTS") {
        Ok(spec) if crate::failpoint::built_in() => crate::failpoint::arm(&spec).map_err(|error| Exit::Usage.because(error)),
        _ => Ok(()),
    }
}

fn run(command: Command, answer: Answer) -> Outcome {
    match command {
        Command::Up(up) => block_on(up.run()),
        Command::Demo(demo) => block_on(demo.run(answer)),
        Command::Doctor(doctor) => block_on(doctor.run(answer)),
        Command::Rebuild(rebuild) => block_on(rebuild.run(answer)),
        Command::Token(token) => block_on(token.run(answer)),
        Command::Publish(publish) => block_on(publish.run(answer)),
        Command::Detect(detect) => detect.run(answer),
        Command::Evaluate(evaluate) => evaluate.run(answer),
        Command::Drift(drift) => drift.run(answer),
        Command::Streams(streams) => block_on(streams.run(answer)),
        Command::Config(config) => config.run(answer),
        Command::Failpoints(failpoints) => failpoints.run(answer),
        Command::Version => version(answer),
    }
}

fn block_on(command: impl Future<Output = Outcome>) -> Outcome {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(command)
}

fn version(answer: Answer) -> Outcome {
    let version = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "failpoints": crate::failpoint::built_in(),
        "profile": if cfg!(debug_assertions) { "debug" } else { "release" },
    });
    answer.give(&version, |_| format!("tidewatch {}", env!("CARGO_PKG_VERSION")))
}
