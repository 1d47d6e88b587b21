//! `tidewatch backup` and `tidewatch restore`: the log and a snapshot, out and back.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use serde_json::{Value, json};

use super::api::Api;
use super::progress::Progress;
use super::settings::Replaying;
use super::up::failure;
use super::{Answer, Failure, Outcome};
use crate::config::{Config, NatsServer, Secret};
use crate::run_file::RunFile;
use crate::server;
use crate::server::Restored;
use crate::telemetry;

/// Longer than taking and reading back a snapshot of a full disk.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(600);

/// Write the log and a snapshot to a directory
#[derive(Args)]
#[command(after_help = "\
The log is read as the NATS server holds it, with all sequences and times; the snapshot is taken first, so the two belong together. The process
may run meanwhile. DIR must be empty; it is whole once there is a backup.json in it. The admin token and the facts are not in it.

Examples:
  tidewatch backup /mnt/backup/2026-01-01
  tidewatch backup /mnt/backup/2026-01-01 --data /var/lib/tidewatch --nats-url nats://nats:4222 --json")]
pub struct Backup {
    /// Empty, or not there yet
    dir: PathBuf,
    #[command(flatten)]
    settings: Replaying,
}

/// Put the log and the snapshot of a backup back
#[derive(Args)]
#[command(after_help = "\
Every file is compared with its hash before anything is changed. The stream must not be there yet, or never have been used, and the data
directory must have no store. `tidewatch up` on it begins with the snapshot then.

Examples:
  tidewatch restore /mnt/backup/2026-01-01 --data /var/lib/tidewatch
  tidewatch restore /mnt/backup/2026-01-01 --data /var/lib/tidewatch --nats-url nats://nats:4222 --json")]
pub struct Restore {
    /// What `tidewatch backup` has written
    dir: PathBuf,
    #[command(flatten)]
    settings: Replaying,
}

impl Backup {
    pub async fn run(self, answer: Answer) -> Outcome {
        let (mut config, _) = self.settings.resolve()?;
        telemetry::start(&config.log)?;
        let id = match RunFile::read(&config.data) {
            Ok(running) => {
                use_server_of(&running, &mut config);
                snapshot_of(&running, &config).await?
            }
            Err(_) => server::take_snapshot(&config).map_err(failure)?.id,
        };
        let mut progress = Progress::new("bytes");
        let written = server::backup(&config, &id, &self.dir, |done, of| progress.show(done, of)).await;
        let seconds = progress.end();
        let backup = written.map_err(failure)?;
        let (log, bytes, dir) = (&backup.log, backup.log_bytes(), self.dir.display());
        let told = json!({
            "backup": self.dir, "snapshot": backup.snapshot.id, "position": backup.snapshot.position, "digest": backup.snapshot.digest,
            "first_seq": log.first_seq, "last_seq": log.last_seq, "messages": log.messages, "log_bytes": bytes, "seconds": seconds,
        });
        answer.give(&told, |_| {
            let (first, last, position) = (log.first_seq, log.last_seq, backup.snapshot.position);
            format!(
                "wrote {dir}: the log from {first} to {last} ({bytes} bytes) and snapshot {id} at {position}, in {seconds:.1} s"
            )
        })
    }
}

impl Restore {
    pub async fn run(self, answer: Answer) -> Outcome {
        let (config, _) = self.settings.resolve()?;
        telemetry::start(&config.log)?;
        if let Ok(running) = RunFile::read(&config.data) {
            return Err(anyhow!(
                "process {} runs on {}; stop it first, or choose another --data",
                running.pid,
                config.data.display()
            )
            .into());
        }
        let mut progress = Progress::new("bytes");
        let restored = server::restore(&config, &self.dir, |done, of| progress.show(done, of)).await;
        let seconds = progress.end();
        let Restored { backup, changed } = restored.map_err(failure)?;
        let log = &backup.log;
        let differences: Vec<Value> =
            changed.iter().map(|(field, before, now)| json!({ "field": field, "before": before, "now": now })).collect();
        let told = json!({
            "restored": self.dir, "data": config.data, "snapshot": backup.snapshot.id, "position": backup.snapshot.position,
            "digest": backup.snapshot.digest, "first_seq": log.first_seq, "last_seq": log.last_seq, "messages": log.messages,
            "stream_changes": differences, "seconds": seconds,
        });
        answer.give(&told, |_| {
            let (stream, first, last) = (&log.stream, log.first_seq, log.last_seq);
            let changes = changed.iter().map(|(field, before, now)| format!("\n{stream}: {field} was {before} and is {now}"));
            format!(
                "restored stream {stream}, {first} to {last}, and snapshot {} at {}, in {seconds:.1} s{}\nnow run: tidewatch up --data {}",
                backup.snapshot.id,
                backup.snapshot.position,
                changes.collect::<String>(),
                config.data.display()
            )
        })
    }
}

/// A managed server runs already: it is the one of the process.
fn use_server_of(running: &RunFile, config: &mut Config) {
    if matches!(config.nats.server, NatsServer::Managed { .. }) {
        config.nats.server = NatsServer::External { url: Secret::new(running.nats_url.clone()) };
    }
}

/// Lets the running process take a snapshot; its id.
async fn snapshot_of(running: &RunFile, config: &Config) -> Result<String, Failure> {
    let api = match &config.token {
        Some(token) => Api::with_token(running, token.clone())?,
        None => Api::of(running)?,
    };
    let taken = api.patient(SNAPSHOT_TIMEOUT)?.post("/api/v1/snapshots", &Value::Null).await?;
    Ok(taken["id"].as_str().context("the process took a snapshot and did not say which")?.to_owned())
}
