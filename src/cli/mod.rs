//! The command line: reads arguments, calls the room that knows, prints what it answers. `--json` gives every answer to machines.

mod agent;
mod api;
mod backup;
mod banner;
mod check;
mod completions;
mod config;
mod demo;
mod describe;
mod detect;
mod doctor;
mod drift;
mod evaluate;
mod export;
mod failpoints;
mod files;
mod forget;
mod glance;
mod login;
mod man;
mod models;
mod predict;
mod progress;
mod publish;
mod rebuild;
mod retention;
mod retrain;
mod run;
mod settings;
mod snapshot;
mod status;
mod streams;
mod table;
mod tap;
mod thresholds;
mod token;
mod top;
mod train;
mod trainer;
mod up;
mod version;
mod versions;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args as _, CommandFactory, FromArgMatches, Parser, Subcommand};
use serde::Serialize;

/// Watches machine-learning models live.
#[derive(Parser)]
#[command(name = "tidewatch", version = version::LONG, arg_required_else_help = true, after_help = EXAMPLES)]
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
  tidewatch models                               every model with its status and its figures of now
  tidewatch check fraud                          one line and an exit code, for Nagios and pipelines
  tidewatch publish prediction fraud '{\"prediction\":\"yes\",\"confidence\":0.93}'
  tidewatch detect --detector adwin losses.csv   where a stream of numbers or errors changes
  tidewatch evaluate predictions.csv             every metric of a file of labelled predictions
  tidewatch drift --reference train.csv --current today.csv --fail-on drift
  tidewatch train train.csv --label churned --test test.csv
  tidewatch run --batch tonight -- python score.py   what a command costs: processor, memory, GPU, time
  tidewatch doctor                               what is missing on this machine, and how to fix it

Exit codes: 0 clean stop, 1 failure, 2 wrong usage, 3 bad configuration, 4 cannot reach NATS,
5 the stream is not the one the store was built from, 6 the data directory is in use. `check` has its own: see its help, and
`run` ends with the exit code of what it runs.";

#[derive(Subcommand)]
enum Command {
    Up(Box<up::Up>),
    Agent(agent::Agent),
    Status(status::Status),
    Models(models::Models),
    Check(check::Check),
    Top(top::Top),
    Versions(versions::Versions),
    Describe(describe::Describe),
    Forget(forget::Forget),
    Demo(demo::Demo),
    Doctor(doctor::Doctor),
    Login(login::Login),
    Rebuild(rebuild::Rebuild),
    Snapshot(snapshot::Snapshot),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Token(token::Token),
    Thresholds(thresholds::Thresholds),
    Retention(retention::Retention),
    Publish(publish::Publish),
    Tap(tap::Tap),
    Detect(detect::Detect),
    Evaluate(evaluate::Evaluate),
    Drift(drift::Drift),
    Train(train::Train),
    #[command(hide = true)]
    Trainer(trainer::Trainer),
    Predict(predict::Predict),
    Export(export::Export),
    Retrain(retrain::Retrain),
    Run(run::Run),
    Streams(streams::Streams),
    Config(config::Config),
    Failpoints(failpoints::Failpoints),
    Completions(completions::Completions),
    Man(man::Man),
    Version(version::Version),
}

/// Commands that have no answer which `--json` could shape, so that their help does not offer it.
const WITHOUT_JSON: [&str; 6] = ["agent", "up", "top", "trainer", "completions", "man"];

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

/// How long work in the background is waited for once a command has ended.
const LEFT_BEHIND_AFTER: Duration = Duration::from_secs(1);

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
        print(&if self.json { serde_json::to_string_pretty(value)? } else { text(value) })
    }
}

/// Prints `text` and a line's end.
fn print(text: &str) -> Outcome {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        // Whoever reads us has seen enough, as `head` does.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// The command line as a whole: for parsing it, and for what is made of it.
fn command() -> clap::Command {
    let without_json = |command: clap::Command| {
        // an argument of its own under the same name takes the place of the one that is everywhere
        command.arg(clap::Arg::new("json").long("json").hide(true).action(clap::ArgAction::SetTrue))
    };
    WITHOUT_JSON.into_iter().fold(Cli::command(), |command, name| command.mut_subcommand(name, without_json))
}

/// Reads arguments that name a command which is started a thousand times, or has to stay small, without building all the others: that costs some
/// milliseconds, and memory for good. `None`: another command, or arguments that the whole command line has something to say about.
fn at_once() -> Option<Cli> {
    let named = std::env::args_os().nth(1)?;
    let command = match named.to_str()? {
        "run" => run::Run::augment_args(clap::Command::new("run")),
        "agent" => agent::Agent::augment_args(clap::Command::new("agent")),
        _ => return None,
    };
    let json = clap::Arg::new("json").long("json").global(true).action(clap::ArgAction::SetTrue);
    let matches = clap::Command::new("tidewatch").arg(json).subcommand(command).try_get_matches().ok()?;
    Cli::from_arg_matches(&matches).ok()
}

/// Runs the command of the arguments and says how it ended.
pub fn main() -> ExitCode {
    let whole = || command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match at_once().map_or_else(whole, Ok) {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    let answer = Answer { json: cli.json };
    let outcome = arm_crash_points().and_then(|()| run(cli.command, answer));
    outcome.unwrap_or_else(|failure| {
        eprintln!("tidewatch: {:#}", failure.error);
        ExitCode::from(failure.exit as u8)
    })
}

/// Prints what `clap` has to say. To those who read the exit code of `check`, 2 would be a critical model: it ends with 3.
fn misused(error: &clap::Error) -> ExitCode {
    // a terminal that is gone cannot be told
    let _ = error.print();
    let is_check = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).is_some_and(|name| name == "check");
    match error.exit_code() {
        0 => ExitCode::SUCCESS,
        _ if is_check => ExitCode::from(glance::Verdict::Unknown as u8),
        code => ExitCode::from(u8::try_from(code).unwrap_or(Exit::Usage as u8)),
    }
}

/// Arms the crash points of `FAILPOINTS`; refuses to go on without them in a build that has none.
fn arm_crash_points() -> Outcome {
    match std::env::var("FAILPOINTS") {
        Ok(spec) if crate::failpoint::built_in() => crate::failpoint::arm(&spec).map_err(|error| Exit::Usage.because(error)),
        _ => Ok(()),
    }
}

fn run(command: Command, answer: Answer) -> Result<ExitCode, Failure> {
    // what it runs has the limits of whoever called
    if !matches!(command, Command::Run(_)) {
        crate::memory::forbid_core_dumps_for_good();
    }
    let outcome = match command {
        Command::Check(check) => return within(check.run(answer)),
        Command::Run(run) => return run.run(answer),
        Command::Up(up) => up.run(),
        Command::Agent(agent) => agent.run(),
        Command::Status(status) => block_on(status.run(answer)),
        Command::Models(models) => block_on(models.run(answer)),
        Command::Top(top) => block_on(top.run()),
        Command::Describe(describe) => block_on(describe.run(answer)),
        Command::Forget(forget) => block_on(forget.run(answer)),
        Command::Demo(demo) => block_on(demo.run(answer)),
        Command::Doctor(doctor) => block_on(doctor.run(answer)),
        Command::Login(login) => block_on(login.run(answer)),
        Command::Rebuild(rebuild) => block_on(rebuild.run(answer)),
        Command::Snapshot(snapshot) => block_on(snapshot.run(answer)),
        Command::Backup(backup) => block_on(backup.run(answer)),
        Command::Restore(restore) => block_on(restore.run(answer)),
        Command::Token(token) => block_on(token.run(answer)),
        Command::Versions(versions) => block_on(versions.run(answer)),
        Command::Thresholds(thresholds) => block_on(thresholds.run(answer)),
        Command::Retention(retention) => block_on(retention.run(answer)),
        Command::Publish(publish) => block_on(publish.run(answer)),
        Command::Tap(tap) => block_on(tap.run(answer)),
        Command::Detect(detect) => detect.run(answer),
        Command::Evaluate(evaluate) => evaluate.run(answer),
        Command::Drift(drift) => drift.run(answer),
        Command::Train(train) => train.run(answer),
        Command::Trainer(trainer) => trainer.run(),
        Command::Predict(predict) => predict.run(answer),
        Command::Export(export) => export.run(answer),
        Command::Retrain(retrain) => block_on(retrain.run(answer)),
        Command::Streams(streams) => block_on(streams.run(answer)),
        Command::Config(config) => config.run(answer),
        Command::Failpoints(failpoints) => failpoints.run(answer),
        Command::Completions(completions) => completions.run(),
        Command::Man(man) => man.run(),
        Command::Version(version) => version.run(answer),
    };
    outcome.map(|()| ExitCode::from(Exit::Clean as u8))
}

fn block_on(command: impl Future<Output = Outcome>) -> Outcome {
    within(command)?
}

/// As [`within`], for what has hardly anything to do: threads for each core would only take memory.
fn within_one_thread<T>(command: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(command);
    runtime.shutdown_timeout(LEFT_BEHIND_AFTER);
    Ok(outcome)
}

/// Runs `command` on a runtime of its own.
fn within<T>(command: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(command);
    // a thread that waits for a disk for ever must not keep the process
    runtime.shutdown_timeout(LEFT_BEHIND_AFTER);
    Ok(outcome)
}
