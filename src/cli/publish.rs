//! `tidewatch publish`: records into the log, each acknowledged.

use std::io::{BufRead, Read};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use futures_util::{StreamExt, TryStreamExt};
use serde_json::{Value, json};

use super::settings::Publishing;
use super::{Answer, Exit, Failure, Outcome};
use crate::config::{Config, NatsServer};
use crate::event::Kind;
use crate::event::wire::MESSAGE_BYTES_MAX;
use crate::ids::Slug;
use crate::nats::{self, ConnectConfig, Door, Headers, Nats};
use crate::run_file::RunFile;

/// Messages sent and not yet acknowledged; more buys nothing and starves consumers.
const IN_FLIGHT_MAX: usize = 256;

/// How long to try to connect.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the records go.
struct Address<'a> {
    door: Door,
    kind: Kind,
    source: &'a Slug,
}

/// Publish records and wait until they are stored
#[derive(Args)]
#[command(after_help = "\
Examples:
  tidewatch publish prediction fraud '{\"prediction_id\":\"a1\",\"prediction\":\"yes\",\"confidence\":0.93}'
  tidewatch publish label fraud '{\"prediction_id\":\"a1\",\"actual\":\"no\"}'
  tidewatch publish sample web-01 --file sample.json
  tidewatch publish prediction fraud --ndjson --frame 200 < predictions.ndjson")]
pub struct Publish {
    /// What it is: prediction, label, sample, log, event, snapshot, job or command
    #[arg(value_parser = kind)]
    kind: Kind,
    /// Who says so: a subject token, A-Z a-z 0-9 _ -
    #[arg(value_parser = slug)]
    source: Slug,
    /// The record as JSON
    #[arg(conflicts_with_all = ["file", "ndjson"])]
    record: Option<String>,
    /// Read one message from this file, as it is: JSON, an array of records, or MessagePack
    #[arg(long, value_name = "FILE", conflicts_with = "ndjson")]
    file: Option<PathBuf>,
    /// Read one record a line from standard input
    #[arg(long)]
    ndjson: bool,
    /// Lines of --ndjson in one message; frames are the fast way
    #[arg(long, value_name = "RECORDS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    frame: u32,
    /// `Nats-Msg-Id` of the message, so that a repeat is stored once
    #[arg(long, value_name = "ID", conflicts_with = "ndjson")]
    id: Option<String>,
    #[command(flatten)]
    settings: Publishing,
}

fn kind(text: &str) -> Result<Kind, String> {
    match Kind::from_token(text) {
        kind if kind == Kind::Unknown || kind.is_internal() => {
            Err("takes prediction, label, sample, log, event, snapshot, job or command".into())
        }
        kind => Ok(kind),
    }
}

fn slug(text: &str) -> Result<Slug, crate::ids::BadName> {
    Slug::try_from(text)
}

impl Publish {
    pub async fn run(self, answer: Answer) -> Outcome {
        let (config, _) = self.settings.resolve()?;
        let nats = connect(&config).await?;
        let subject = nats.root().input(self.kind, &self.source);
        let to = Address { door: Door::new(&nats), kind: self.kind, source: &self.source };
        let (messages, last) = if self.ndjson {
            to.publish_lines(self.frame as usize).await?
        } else {
            let headers = match &self.id {
                Some(id) => Headers::new().with("Nats-Msg-Id", id)?,
                None => Headers::new(),
            };
            (1, to.publish(headers, self.payload()?).await?)
        };
        nats.close().await;
        let stored = json!({ "subject": subject, "messages": messages, "seq": last });
        answer.give(&stored, |_| format!("stored {messages} message(s) on {subject}, the last as {last}"))
    }

    fn payload(&self) -> anyhow::Result<Vec<u8>> {
        match (&self.record, &self.file) {
            (Some(record), _) => {
                serde_json::from_str::<Value>(record).context("the record is not JSON")?;
                Ok(record.clone().into_bytes())
            }
            (None, Some(file)) => std::fs::read(file).with_context(|| format!("cannot read {}", file.display())),
            (None, None) => {
                let mut payload = Vec::new();
                std::io::stdin().read_to_end(&mut payload)?;
                if payload.is_empty() {
                    bail!("nothing to publish: give a record, --file, --ndjson, or standard input")
                }
                Ok(payload)
            }
        }
    }
}

impl Address<'_> {
    /// Sends standard input in frames of at most `frame` lines; answers the messages sent and the highest sequence.
    async fn publish_lines(&self, frame: usize) -> anyhow::Result<(u64, u64)> {
        let mut lines = std::io::stdin().lock().lines().map(|line| line.context("cannot read standard input"));
        let frames = std::iter::from_fn(move || {
            let mut payload = Vec::new();
            for line in lines.by_ref().take(frame) {
                match line {
                    Ok(line) => {
                        payload.extend_from_slice(line.as_bytes());
                        payload.push(b'\n');
                    }
                    Err(error) => return Some(Err(error)),
                }
            }
            (!payload.is_empty()).then_some(Ok(payload))
        });
        futures_util::stream::iter(frames)
            .map(|payload| async { self.publish(Headers::new(), payload?).await })
            .buffered(IN_FLIGHT_MAX)
            .try_fold((0, 0), |(messages, last), seq| async move { Ok((messages + 1, last.max(seq))) })
            .await
    }

    /// Stores one message; answers its sequence.
    async fn publish(&self, headers: Headers, payload: Vec<u8>) -> anyhow::Result<u64> {
        let bytes = payload.len();
        if MESSAGE_BYTES_MAX < bytes {
            bail!("a message holds at most {MESSAGE_BYTES_MAX} bytes, this one has {bytes}; use --ndjson or a smaller --frame");
        }
        Ok(self.door.publish(self.kind, self.source, headers, payload.into()).await?)
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
