//! Takes snapshots: once in an interval by itself, and when asked. Tells how old the newest is and whether taking them works.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::foundation::{open_store, prepare, refused, store_in};
use super::retention::Retention;
use super::{Error as ServerError, failed};
use crate::clock;
use crate::config::{Config, Snapshots as Settings};
use crate::http::SnapshotRequest;
use crate::processor::{self, LOGIC};
use crate::snapshot::{self, Error, Head, Log, Shelf, Taken};
use crate::store::CopySource;
use crate::telemetry::condition::{self, Severity};
use crate::telemetry::{self, chain};
use crate::time::Timestamp;
use crate::view::View;

/// Between two looks at what is due.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// After the start of a process whose data directory has no snapshot, or after one that failed, at most.
const RETRY_MAX: Duration = Duration::from_secs(600);

/// The condition of snapshots that fail.
const FAILED: &str = "snapshot_failed";

/// What taking them needs.
pub struct Snapshots {
    pub shelf: Shelf,
    pub copies: CopySource,
    pub settings: Settings,
    pub view: watch::Receiver<Arc<View>>,
    /// What was in the log at start is applied first.
    pub start_at: u64,
    pub requests: mpsc::Receiver<SnapshotRequest>,
    pub retention: Retention,
}

/// A copy of the figures in words.
fn head_of(row: &[u8]) -> Result<Head, Error> {
    let processor::HeadFigures { position, digest, log_time, log } = processor::head_figures(row)?;
    let log = Log {
        created_at: log.created.to_string(),
        fingerprint: format!("{:016x}", log.last.fingerprint),
        anchor_seq: log.anchor.seq,
        anchor_fingerprint: format!("{:016x}", log.anchor.fingerprint),
    };
    Ok(Head { position, digest, log_time, log })
}

/// Takes one now and deletes those that are too many.
fn take(shelf: &Shelf, copies: &CopySource, kept: usize, should_stop: &dyn Fn() -> bool) -> Result<Taken, Error> {
    let copy = copies.begin()?;
    let head = head_of(copy.head())?;
    let taken = snapshot::take(shelf, copy, &head, LOGIC, clock::now().to_string(), should_stop)?;
    shelf.keep(kept)?;
    Ok(taken)
}

/// Takes a snapshot of the store in a data directory that no process uses.
///
/// Errors: [`ServerError::InUse`]; the store is damaged or has applied nothing; whatever keeps the snapshot from counting.
pub fn take_snapshot(config: &Config) -> Result<Taken, ServerError> {
    let store = store_in(&config.data);
    if !store.join("db").exists() {
        return Err(ServerError::Nothing(store));
    }
    let data = prepare(&config.data)?;
    let opened = open_store(config, &data).map_err(refused)?;
    if let Some(quarantined) = opened.quarantined {
        let path = quarantined.path.display();
        return Err(failed(format!(
            "the store was damaged ({}) and is {path} now; `tidewatch up` rebuilds it",
            quarantined.reason
        )));
    }
    take(&Shelf::in_data(&data), &opened.store.copies(), config.snapshots.kept, &|| false).map_err(failed)
}

impl Snapshots {
    /// Runs until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut view = self.view.clone();
        // both branches are cancel-safe: a token and a watch
        tokio::select! {
            () = stop.cancelled() => return,
            caught_up = view.wait_for(|view| self.start_at <= view.position) => if caught_up.is_err() { return },
        }
        let mut newest = self.newest().await;
        let mut not_before = Instant::now() + self.settings.interval.map_or(RETRY_MAX, |interval| interval.min(RETRY_MAX));
        if newest.is_some() {
            not_before = Instant::now();
        }
        let mut interval = tokio::time::interval(LOOK_INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            // all branches are cancel-safe: a token, a channel and a timer
            let request = tokio::select! {
                () = stop.cancelled() => return,
                Some(request) = self.requests.recv() => Some(request),
                _ = interval.tick() => None,
            };
            let age = newest.map(|taken_at| (clock::now() - taken_at).secs_f64());
            telemetry::SNAPSHOT_AGE_SECONDS.set(age.map_or(f64::NAN, |age| age.max(0.0)));
            let is_due = self.settings.interval.is_some_and(|interval| {
                not_before <= Instant::now() && age.is_none_or(|age| interval.as_secs_f64() <= age || age < 0.0)
            });
            if request.is_none() && !is_due {
                continue;
            }
            let taken = self.take(&stop).await;
            let is_taken = taken.is_ok();
            if let Ok(taken) = &taken {
                newest = Timestamp::parse_rfc3339(&taken.manifest.taken_at);
                not_before = Instant::now();
            } else {
                not_before = Instant::now() + self.settings.interval.map_or(RETRY_MAX, |interval| interval.min(RETRY_MAX));
            }
            if let Some(request) = request {
                // whoever asked may have gone
                let _ = request.send(taken);
            }
            if is_taken {
                self.retention.after_snapshot().await;
            }
        }
    }

    /// Takes one off the runtime, and says how it went.
    async fn take(&self, stop: &CancellationToken) -> Result<Taken, String> {
        let (shelf, copies, kept, stop) = (self.shelf.clone(), self.copies.clone(), self.settings.kept, stop.clone());
        let started = Instant::now();
        let work = move || take(&shelf, &copies, kept, &|| stop.is_cancelled());
        let taken = match tokio::task::spawn_blocking(work).await {
            Ok(Ok(taken)) => taken,
            Ok(Err(Error::Stopped)) => return Err(Error::Stopped.to_string()),
            Ok(Err(error)) => return Err(told(chain(&error).to_string())),
            Err(error) => return Err(told(chain(&error).to_string())),
        };
        condition::clear(FAILED);
        telemetry::SNAPSHOTS_TAKEN.add(1);
        telemetry::SNAPSHOT_POSITION.set(taken.manifest.position as f64);
        telemetry::SNAPSHOT_BYTES.set(taken.manifest.stored_bytes() as f64);
        let (id, manifest, written) = (&taken.id, &taken.manifest, taken.parts_written);
        let (parts, bytes, seconds) = (manifest.parts.len(), manifest.stored_bytes(), started.elapsed().as_secs_f64());
        info!(id, position = manifest.position, parts, written, bytes, seconds, "took a snapshot and read it back");
        Ok(taken)
    }

    /// When the newest snapshot was taken whose manifest can be read.
    async fn newest(&self) -> Option<Timestamp> {
        let shelf = self.shelf.clone();
        let list = tokio::task::spawn_blocking(move || shelf.list()).await.ok()?.ok()?;
        let manifest = list.into_iter().find_map(|found| found.manifest.ok())?;
        telemetry::SNAPSHOT_POSITION.set(manifest.position as f64);
        telemetry::SNAPSHOT_BYTES.set(manifest.stored_bytes() as f64);
        Timestamp::parse_rfc3339(&manifest.taken_at)
    }
}

/// Counts a failure and says it.
fn told(reason: String) -> String {
    telemetry::SNAPSHOT_FAILURES.add(1);
    warn!(reason, "no snapshot was taken");
    let detail = format!(
        "the last snapshot failed: {reason}; until one succeeds a rebuild begins with an older one or with the whole log, and the log is \
         not cut. `tidewatch snapshot create` tries again"
    );
    condition::raise(FAILED, Severity::Warning, false, detail);
    reason
}
