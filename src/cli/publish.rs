//! `tidewatch publish`: records into the log, each checked as the stream will check it, and each acknowledged.

mod frames;
mod place;
mod refused;
mod table;

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use futures_util::{StreamExt, TryStreamExt};
use serde::Serialize;
use serde_json::Value;

use self::frames::{Frame, Frames, Line};
use self::place::Mapping;
use self::refused::Refused;
use super::settings::Publishing;
use super::{Answer, Exit, Failure, Outcome};
use crate::clock;
use crate::config::{Config, NatsServer};
use crate::event::wire::{MESSAGE_BYTES_MAX, decode_body};
use crate::event::{Fault, Kind};
use crate::files::message::Arrow;
use crate::ids::Slug;
use crate::nats::{self, ConnectConfig, Door, Headers, Nats, Stored};
use crate::run_file::RunFile;

/// Messages sent and not yet acknowledged; more buys nothing and starves consumers.
const IN_FLIGHT_MAX: usize = 256;

/// How long to try to connect.
const PATIENCE: Duration = Duration::from_secs(2);

/// Faults that are told one by one; the rest is counted.
const FAULTS_SHOWN: usize = 100;

/// Publish records and wait until they are stored
///
/// Each record is read as the stream will read it, before anything is sent. A faulty one is told with the place and the reason of each of
/// its faults, and ends the command with exit code 1: a message that holds one is not sent, and of lines and rows the others are. What the
/// process on --data refuses after all, such as a name that it has no room for, is told and fails too.
#[derive(Args)]
#[command(after_help = "\
Examples:
  tidewatch publish prediction fraud '{\"prediction_id\":\"a1\",\"prediction\":\"yes\",\"confidence\":0.93}'
  tidewatch publish label fraud '{\"prediction_id\":\"a1\",\"actual\":\"no\"}'
  tidewatch publish sample web-01 --file sample.json
  tidewatch publish prediction fraud --ndjson --frame 200 < predictions.ndjson
  tidewatch publish prediction fraud --csv scored.csv --map prediction=label,score=p --positive yes --frame 200")]
pub struct Publish {
    /// What it is: prediction, label, sample, log, event, snapshot, job or command
    #[arg(value_parser = kind)]
    kind: Kind,
    /// Who says so: a subject token, A-Z a-z 0-9 _ -
    #[arg(value_parser = slug)]
    source: Slug,
    /// The record as JSON
    #[arg(conflicts_with_all = ["file", "ndjson", "csv"])]
    record: Option<String>,
    /// Read one message from this file, as it is: JSON, an array of records, MessagePack, or an Arrow stream
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ndjson", "csv"])]
    file: Option<PathBuf>,
    /// Read one record a line from standard input
    #[arg(long, conflicts_with = "csv")]
    ndjson: bool,
    /// Read one record a row from this table: CSV with a header, Parquet or Arrow, also compressed; `-` is standard input
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Which field is which column, as prediction=label,score=p; other columns keep their names, and of a prediction those that are no field
    /// are its features
    #[arg(long, value_name = "FIELD=COLUMN,…", requires = "csv", value_parser = Mapping::parse)]
    map: Option<Mapping>,
    /// The class whose probability the column `score` holds [default: 1 or true, where these are the classes]
    #[arg(long, value_name = "CLASS", requires = "csv")]
    positive: Option<String>,
    /// Lines of --ndjson or rows of --csv in one message; frames are the fast way
    #[arg(long, value_name = "RECORDS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    frame: u32,
    /// `Nats-Msg-Id` of the message, so that a repeat is stored once
    #[arg(long, value_name = "ID", conflicts_with_all = ["ndjson", "csv"])]
    id: Option<String>,
    /// Send without a check; what is faulty is rejected when it is applied
    #[arg(long)]
    unchecked: bool,
    #[command(flatten)]
    settings: Publishing,
}

pub fn kind(text: &str) -> Result<Kind, String> {
    match Kind::from_token(text) {
        kind if kind == Kind::Unknown || kind.is_internal() => {
            Err("takes prediction, label, sample, log, event, snapshot, job or command".into())
        }
        kind => Ok(kind),
    }
}

pub fn slug(text: &str) -> Result<Slug, crate::ids::BadName> {
    Slug::try_from(text)
}

/// What became of everything that was given.
#[derive(Debug, Default, Serialize)]
struct Report {
    subject: String,
    /// Messages that are stored, and the highest of their sequences.
    messages: u64,
    seq: u64,
    /// Of the messages, those that the stream had already under the same id.
    duplicates: u64,
    /// Records that were given, and of them the faulty ones, which were not sent.
    records: u64,
    faulty: u64,
    /// Whether the process on the data directory has applied all of it; null where none could be asked.
    applied: Option<bool>,
    /// Stored records that it has refused, as far as it lists them: of a flood it only counts most.
    refused: u64,
    /// At most 100.
    faults: Vec<Told>,
}

/// What the stream said of all messages.
#[derive(Clone, Copy, Default)]
struct Sum {
    messages: u64,
    duplicates: u64,
    /// The least and the highest sequence.
    first: u64,
    last: u64,
}

/// One fault, and where it is.
#[derive(Debug, Serialize)]
struct Told {
    /// Line of the input; absent for a single message.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// Sequence of the message that is stored and was refused; absent for what was not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    pointer: String,
    reason: String,
    detail: String,
}

/// Where the records go, and whether they are checked first.
struct Address<'a> {
    kind: Kind,
    source: &'a Slug,
    checked: bool,
}

impl Publish {
    pub async fn run(self, answer: Answer) -> Outcome {
        let (config, _) = self.settings.resolve()?;
        let nats = connect(&config).await?;
        let address = Address { kind: self.kind, source: &self.source, checked: !self.unchecked };
        let mut report = Report::default();
        let frames: Box<dyn Iterator<Item = anyhow::Result<Frame>> + '_> = match &self.csv {
            Some(path) => {
                let rows = table::records(path, self.kind, self.map.as_ref(), self.positive.as_deref())?;
                Box::new(Frames::new(rows, self.frame as usize))
            }
            None if self.ndjson => Box::new(Frames::new(frames::lines(std::io::stdin().lock()), self.frame as usize)),
            None => Box::new(std::iter::once(Ok(Frame::Whole(self.payload()?)))),
        };
        let headers = match &self.id {
            Some(id) => Headers::new().with("Nats-Msg-Id", id)?,
            None => Headers::new(),
        };
        // checked as they are read, so that a large input needs no memory; nothing is sent of what is refused
        let messages = frames.filter_map(|frame| frame.and_then(|frame| address.check(frame, &mut report)).transpose());
        let door = Door::new(&nats);
        let stored = futures_util::stream::iter(messages)
            .map(|payload| async { Ok(door.publish_once(self.kind, &self.source, headers.clone(), payload?.into()).await?) })
            .buffered(IN_FLIGHT_MAX)
            .try_fold(Sum::default(), |sum, stored: Stored| async move { Ok::<_, anyhow::Error>(sum.and(stored)) })
            .await;
        let Sum { messages, duplicates, first, last } = match stored {
            Ok(sum) => sum,
            Err(error) => {
                nats.close().await;
                return Err(error.into());
            }
        };
        (report.messages, report.duplicates, report.seq) = (messages, duplicates, last);
        if messages != 0 {
            report.hear(refused::of(&config, &nats, self.kind, &self.source, first..=last).await);
        }
        nats.close().await;
        report.subject = nats.root().input(self.kind, &self.source);
        report.give(answer)
    }

    fn payload(&self) -> anyhow::Result<Vec<u8>> {
        match (&self.record, &self.file) {
            (Some(record), _) if self.unchecked => Ok(record.clone().into_bytes()),
            (Some(record), _) => {
                serde_json::from_str::<Value>(record).context("the record is not JSON")?;
                Ok(record.clone().into_bytes())
            }
            (None, Some(file)) => std::fs::read(file).with_context(|| format!("cannot read {}", file.display())),
            (None, None) => {
                let mut payload = Vec::new();
                std::io::stdin().read_to_end(&mut payload)?;
                if payload.is_empty() {
                    bail!("nothing to publish: give a record, --file, --ndjson, --csv, or standard input")
                }
                Ok(payload)
            }
        }
    }
}

impl Address<'_> {
    /// The payload to send, without the lines that are faulty; `None` if nothing is left.
    ///
    /// Errors: a message that is too large for the stream.
    fn check(&self, frame: Frame, report: &mut Report) -> anyhow::Result<Option<Vec<u8>>> {
        let payload = match frame {
            Frame::Whole(payload) => {
                let (records, faults) = self.judge(&payload);
                report.records += records;
                report.faulty += faults.len() as u64;
                report.tell(None, &faults);
                if faults.is_empty() { payload } else { Vec::new() }
            }
            Frame::Lines(lines) => {
                let mut payload = Vec::new();
                for Line { number, text } in lines {
                    let (records, faults) = self.judge(&text);
                    report.records += records;
                    if faults.is_empty() {
                        payload.extend_from_slice(&text);
                        payload.push(b'\n');
                    } else {
                        report.faulty += records;
                        report.tell(Some(number), &faults);
                    }
                }
                payload
            }
        };
        let bytes = payload.len();
        if MESSAGE_BYTES_MAX < bytes {
            bail!("a message holds at most {MESSAGE_BYTES_MAX} bytes, this one has {bytes}; use --ndjson or a smaller --frame");
        }
        Ok((!payload.is_empty()).then_some(payload))
    }

    /// How many records the stream would find, and what it would refuse of them.
    fn judge(&self, payload: &[u8]) -> (u64, Vec<Fault>) {
        if !self.checked {
            return (1, Vec::new());
        }
        let records = decode_body(self.kind, self.source, None, &(), payload, clock::now(), Arrow);
        (records.len() as u64, records.into_iter().filter_map(Result::err).collect())
    }
}

impl Sum {
    fn and(self, stored: Stored) -> Self {
        let first = if self.messages == 0 { stored.seq } else { self.first.min(stored.seq) };
        let duplicates = self.duplicates + u64::from(stored.is_repeat);
        Self { messages: self.messages + 1, duplicates, first, last: self.last.max(stored.seq) }
    }
}

impl Told {
    /// Of a row of `/api/v1/rejected`.
    fn of_row(row: &Value) -> Self {
        let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
        Self { line: None, seq: row["seq"].as_u64(), pointer: text("pointer"), reason: text("reason"), detail: text("detail") }
    }
}

impl Report {
    /// Takes in what the process has refused of what is stored.
    fn hear(&mut self, refused: Option<Refused>) {
        let Some(Refused { applied, records, told }) = refused else { return };
        (self.applied, self.refused) = (Some(applied), records);
        self.faults.extend(told.into_iter().take(FAULTS_SHOWN.saturating_sub(self.faults.len())));
    }

    fn tell(&mut self, line: Option<u64>, faults: &[Fault]) {
        for fault in faults.iter().flat_map(Fault::all) {
            if self.faults.len() == FAULTS_SHOWN {
                return;
            }
            let told = Told {
                line,
                seq: None,
                pointer: fault.pointer.clone(),
                reason: fault.reason.to_string(),
                detail: fault.detail.clone(),
            };
            self.faults.push(told);
        }
    }

    /// Answers, and fails if a record was faulty.
    fn give(&self, answer: Answer) -> Outcome {
        if !answer.json {
            for Told { line, seq, pointer, reason, detail } in &self.faults {
                let of_line = line.map(|line| format!("line {line}: "));
                let line = of_line.or(seq.map(|seq| format!("message {seq}: "))).unwrap_or_default();
                let pointer = if pointer.is_empty() { "the whole record" } else { pointer };
                eprintln!("{line}{pointer}: {detail} ({reason})");
            }
        }
        if self.messages != 0 || answer.json {
            answer.give(self, |report| {
                let known = match report.duplicates {
                    0 => String::new(),
                    known => format!(", {known} of them known already"),
                };
                format!("stored {} message(s) on {}{known}, the last as {}", report.messages, report.subject, report.seq)
            })?;
        }
        if self.refused != 0 {
            let (refused, subject) = (self.refused, &self.subject);
            return Err(anyhow!("{refused} stored records on {subject} were refused when they were applied").into());
        }
        match (self.faulty, self.records) {
            (0, 0) => Err(anyhow!("nothing to publish: the input holds no record").into()),
            (0, _) => Ok(()),
            (faulty, records) => {
                let verb = if faulty == 1 { "is" } else { "are" };
                let detail = "the stream would reject what is faulty, so it was not sent (--unchecked sends it anyway)";
                Err(anyhow!("{faulty} of {records} records {verb} faulty; {detail}").into())
            }
        }
    }
}

/// A connection to the server that is configured, or else to the one the process on the data directory uses. Tried for a short
/// while, since a person waits.
pub async fn connect(config: &Config) -> Result<Nats, Failure> {
    let running = match &config.nats.server {
        NatsServer::Managed { .. } => {
            let running =
                RunFile::read(&config.data).context("name a server with --nats-url, or a running process with --data");
            running.map_err(|error| Exit::NoNats.because(error))?.nats_url
        }
        NatsServer::External { .. } | NatsServer::Context { .. } => String::new(),
    };
    let connection = ConnectConfig::configured(&config.nats, &running).map_err(|error| Exit::Configuration.because(error))?;
    let connection = ConnectConfig { name: "tidewatch-cli".into(), patience: PATIENCE, ..connection };
    nats::connect(connection).await.map_err(|error| Exit::NoNats.because(error))
}
