//! `tidewatch publish`: records into the log, each acknowledged.

use std::io::{BufRead, Read};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use async_nats::jetstream;
use clap::Args;
use futures_util::{StreamExt, TryStreamExt};
use serde_json::{Value, json};

use super::settings::Settings;
use super::{Answer, Exit, Failure, Outcome};
use crate::config::{Config, NatsServer};
use crate::event::Kind;
use crate::ids::Slug;
use crate::run_file::RunFile;

/// Messages sent and not yet acknowledged; more buys nothing and starves consumers.
const IN_FLIGHT_MAX: usize = 256;

/// The longest wait for one acknowledgement.
const ACK_TIMEOUT: Duration = Duration::from_secs(10);

/// The server's limit for one message.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

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
    settings: Box<Settings>,
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
        let (url, subject) = (server(&config)?, config.nats.root.input(self.kind, &self.source));
        let stream = jetstream::new(connect(&url, &config).await.map_err(|error| Exit::NoNats.because(error))?);
        let (messages, last) = if self.ndjson {
            publish_lines(&stream, &subject, self.frame as usize).await?
        } else {
            let payload = self.payload()?;
            (1, publish(&stream, subject.clone(), payload, self.id).await?)
        };
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

/// Sends standard input in frames of at most `frame` lines; answers the messages sent and the highest sequence.
async fn publish_lines(stream: &jetstream::Context, subject: &str, frame: usize) -> anyhow::Result<(u64, u64)> {
    let mut lines = std::io::stdin().lock().lines().map(|line| line.context("cannot read standard input"));
    let frames = std::iter::from_fn(move || {
        let mut payload = Vec::new();
        for _ in 0..frame {
            match lines.next() {
                Some(Ok(line)) => {
                    payload.extend_from_slice(line.as_bytes());
                    payload.push(b'\n');
                }
                Some(Err(error)) => return Some(Err(error)),
                None => break,
            }
        }
        (!payload.is_empty()).then_some(Ok(payload))
    });
    futures_util::stream::iter(frames)
        .map(|payload| async { publish(stream, subject.to_owned(), payload?, None).await })
        .buffered(IN_FLIGHT_MAX)
        .try_fold((0, 0), |(messages, last), seq| async move { Ok((messages + 1, last.max(seq))) })
        .await
}

/// Stores one message; answers its sequence.
async fn publish(stream: &jetstream::Context, subject: String, payload: Vec<u8>, id: Option<String>) -> anyhow::Result<u64> {
    if MESSAGE_BYTES_MAX < payload.len() {
        bail!(
            "a message holds at most {MESSAGE_BYTES_MAX} bytes, this one has {}; use --ndjson or a smaller --frame",
            payload.len()
        );
    }
    let mut headers = async_nats::HeaderMap::new();
    if let Some(id) = id {
        headers.insert("Nats-Msg-Id", id.as_str());
    }
    let stored =
        async { anyhow::Ok(stream.publish_with_headers(subject.clone(), headers, payload.into()).await?.await?.sequence) };
    let waited =
        tokio::time::timeout(ACK_TIMEOUT, stored).await.with_context(|| format!("no acknowledgement within {ACK_TIMEOUT:?}"));
    waited?.with_context(|| format!("not stored on {subject}; is there a stream for it?"))
}

/// The server to publish to: the one configured, else the one the process on the data directory uses.
pub fn server(config: &Config) -> Result<String, Failure> {
    match &config.nats.server {
        NatsServer::External { url } => Ok(url.expose().to_owned()),
        NatsServer::Managed { .. } => {
            let running = RunFile::read(&config.data);
            Ok(running
                .context("name a NATS server with --nats-url, or a process with --data")
                .map_err(|e| Exit::NoNats.because(e))?
                .nats_url)
        }
    }
}

/// A connection, or why there is none; tried once, since a person waits.
pub async fn connect(url: &str, config: &Config) -> anyhow::Result<async_nats::Client> {
    let options = async_nats::ConnectOptions::new().name("tidewatch-cli").connection_timeout(Duration::from_secs(5));
    let options = match &config.nats.creds {
        Some(file) => options.credentials_file(file).await.with_context(|| format!("cannot read {}", file.display()))?,
        None => options,
    };
    // The address may hold a password: only its host is named.
    let host = url.rsplit('@').next().unwrap_or(url).to_owned();
    options
        .connect(url.split(',').map(str::to_owned).collect::<Vec<_>>())
        .await
        .with_context(|| format!("cannot reach NATS at {host}"))
}
