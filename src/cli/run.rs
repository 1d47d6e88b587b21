//! `tidewatch run`: a command, measured. Prints what it has cost, writes it beside the result, and reports it as a job.

mod courier;
mod files;
mod job;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::Args;

use self::courier::{Courier, Route};
use self::files::Figured;
use self::job::Job;
use super::settings::Posting;
use super::{Answer, Exit, Failure};
use crate::clock;
use crate::ids::Name;
use crate::machine::command::{self, Ending, Error, Running, Signals};
use crate::machine::meter::Measured;
use crate::memory;
use crate::time::Span;

/// Between two reports of a job that goes on.
const TOLD_EVERY: Span = Span::from_secs(5);

/// Run a command and measure what it costs: processor, memory, GPU, time
///
/// The command, the terminal and the shell notice nothing: same terminal, signals, descriptors and exit code (126 and 127 where it cannot be run
/// or found, 128 and the number of the signal that killed it). What it has cost is one line on standard error, a job on the page and, with
/// --result, a file beside the result. Without a NATS server it waits on disk until the next `run` or `agent` finds one.
///
/// Processor time is that of the command and all it has started, in percent of one core. Memory is the resident set of one process, and of
/// several the sum of their proportional sets.
#[derive(Args)]
#[command(after_help = "\
Examples:
  tidewatch run -- python score.py
  tidewatch run --batch tonight --job 0001 --result out/0001.json -- python score.py 0001.wav
  for file in *.wav; do tidewatch run --batch tonight --job \"$file\" -- python score.py \"$file\"; done
  tidewatch run --model fraud --model-version 3 -- ./train.sh
  tidewatch run --pid 4711                               a process that runs already, until it ends or Ctrl-C

Signals that only tidewatch gets are passed on to the command; those of the terminal reach both anyway.")]
pub struct Run {
    /// The batch that the job is part of
    #[arg(long, value_name = "ID", value_parser = name)]
    batch: Option<Name>,
    /// The job's own id [default: the name of the result without its ending, or one made of host, time and process]
    #[arg(long, value_name = "ID", value_parser = name)]
    job: Option<Name>,
    /// The file that the command writes: what the job has cost is written beside it as ID.performance.json, and a small result is reported with
    /// the job
    #[arg(long, value_name = "FILE")]
    result: Option<PathBuf>,
    /// The model that the job is about
    #[arg(long, value_name = "NAME", value_parser = name)]
    model: Option<Name>,
    /// Its version
    #[arg(long, value_name = "VERSION", value_parser = name, requires = "model")]
    model_version: Option<Name>,
    /// What the command has started and left behind belongs to the job: wait for it too
    #[arg(long, conflicts_with = "pid")]
    wait_for_all: bool,
    /// Measure this process, which runs already, and what it starts
    #[arg(long, value_name = "PID", conflicts_with = "command")]
    pid: Option<u32>,
    /// The command and its arguments, after `--`
    #[arg(last = true, value_name = "CMD", required_unless_present = "pid")]
    command: Vec<OsString>,
    #[command(flatten)]
    settings: Posting,
}

/// What is measured: a process of somebody else's, or our command.
enum Measuring {
    Attached(u32),
    Started(Result<Box<Running>, Error>),
}

fn name(text: &str) -> Result<Name, crate::ids::BadName> {
    Name::try_from(text)
}

impl Run {
    pub fn run(self, answer: Answer) -> Result<ExitCode, Failure> {
        let (config, _) = self.settings.resolve()?;
        if let Some(result) = &self.result {
            files::check(result).map_err(|error| Exit::Usage.because(error))?;
        }
        if let Some(pid) = self.pid {
            check_pid(pid).map_err(|error| Exit::Failed.because(error))?;
        }
        let signals = Signals::take().map_err(failure)?;
        let job = Job::of(&self);

        let route = Route::of(&config)?;
        // the command comes first, so that what measures and reports it is made ready beside it
        let around = |spawn: &mut dyn FnMut()| memory::with_core_dumps_of_the_caller(spawn);
        let measuring = match self.pid {
            Some(pid) => Measuring::Attached(pid),
            None => Measuring::Started(command::start(&signals, &self.command, around).map(Box::new)),
        };
        let courier = Courier::start(route);
        courier.send(job.started());
        let mut told = clock::now();
        let looked = |measured: &Measured| {
            let now = clock::now();
            if TOLD_EVERY <= now - told {
                told = now;
                courier.send(job.going_on(measured));
            }
        };
        let ran = match measuring {
            Measuring::Attached(pid) => command::attach(&signals, pid, looked),
            Measuring::Started(started) => started.and_then(|running| running.to_end(&signals, self.wait_for_all, looked)),
        };
        let ran = match ran {
            Ok(ran) => ran,
            Err(error) => {
                courier.send(job.failed(&error.to_string()));
                courier.finish();
                return Err(failure(error));
            }
        };
        courier.send(job.ended(&ran, self.result.as_deref()));
        let figured = Figured { id: job.id(), measured: &ran.measured };
        let written = self.result.as_deref().map(|result| files::write(result, &figured));
        let sent = courier.finish();
        tell(&job, &ran, answer, &sent);
        if let Some(Err(error)) = written {
            eprintln!("tidewatch: {error:#}");
        }
        Ok(ExitCode::from(ran.ending.exit_code()))
    }
}

/// One line of what it has cost.
fn tell(job: &Job, ran: &command::Run, answer: Answer, sent: &courier::Sent) {
    let line = if answer.json { job.told_as_json(ran, sent).to_string() } else { job.told(ran, sent) };
    eprintln!("{line}");
    if let Ending::NotStarted(_, why) = &ran.ending {
        eprintln!("tidewatch: {why}");
    }
}

/// A process that is not there is told before anything is reported.
fn check_pid(pid: u32) -> anyhow::Result<()> {
    match crate::machine::tree::Stat::of(pid) {
        Some(stat) if !stat.has_ended() => Ok(()),
        Some(_) => bail!("process {pid} has ended already; nothing of it can be measured"),
        None => Err(anyhow!("there is no process {pid}; `ps` lists those there are")),
    }
}

fn failure(error: Error) -> Failure {
    match error {
        Error::NoProcess(_) | Error::Itself(_) => Exit::Failed.because(error),
        Error::Refused { .. } => Exit::Failed.because(anyhow::Error::from(error).context("the command was not run")),
    }
}
