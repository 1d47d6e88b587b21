//! A store from a snapshot: the newest one that belongs to this log and was read whole.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use tracing::info;

use super::{Error, failed};
use crate::failpoint::{self, Point};
use crate::nats::{Mark, Nats, Saved, StreamStatus};
use crate::processor::{self, LOGIC};
use crate::snapshot::{self, Found, Manifest, Shelf};
use crate::store::{self, FORMAT, Options, Store, key};
use crate::telemetry::chain;
use crate::time::Timestamp;

/// How long the remains of the store that gives way are waited for.
const RELEASE_TIME_MAX: Duration = Duration::from_secs(5);

/// Which snapshot a store begins with, and which were passed over.
#[derive(Debug, Default)]
pub struct Choice {
    pub chosen: Option<Chosen>,
    /// Newer than the one that was chosen; all of them if none was.
    pub passed: Vec<Passed>,
}

/// A snapshot that was read whole and belongs to the log.
#[derive(Clone, Debug)]
pub struct Chosen {
    pub shelf: Shelf,
    pub id: String,
    pub manifest: Manifest,
}

/// A snapshot that is not used.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Passed {
    pub id: String,
    pub reason: String,
}

impl Choice {
    /// Why there is no other way, in a sentence without its full stop.
    pub fn text(&self) -> String {
        let reasons: Vec<String> = self.passed.iter().map(|passed| format!("{}: {}", passed.id, passed.reason)).collect();
        match &reasons[..] {
            [] => "There is no snapshot to begin with".to_owned(),
            reasons => format!("None of the snapshots can be used ({})", reasons.join("; ")),
        }
    }
}

/// Looks for the newest snapshot in the data directory that a store on this log can begin with.
pub async fn choose(data: &Path, nats: &Nats, log: &StreamStatus) -> Result<Choice, Error> {
    let shelf = Shelf::in_data(data);
    let mut choice = Choice::default();
    for Found { id, manifest, .. } in shelf.list().map_err(failed)? {
        let judged = match &manifest {
            Err(error) => Err(error.to_string()),
            Ok(manifest) => judge(nats, log, &shelf, &id, manifest).await?,
        };
        match (judged, manifest) {
            (Ok(()), Ok(manifest)) => {
                choice.chosen = Some(Chosen { shelf, id, manifest });
                break;
            }
            (Err(reason), _) => choice.passed.push(Passed { id, reason }),
            (Ok(()), Err(_)) => unreachable!("a manifest that cannot be read is not judged well"),
        }
    }
    Ok(choice)
}

/// The inner error: why it cannot be used.
async fn judge(
    nats: &Nats,
    log: &StreamStatus,
    shelf: &Shelf,
    id: &str,
    manifest: &Manifest,
) -> Result<Result<(), String>, Error> {
    let Manifest { position, format, logic, version, .. } = manifest;
    if format != FORMAT {
        return Ok(Err(format!(
            "its rows are of the layout {format:?} and this release reads {FORMAT:?}; release {version} wrote it"
        )));
    }
    let Some(saved) = saved_of(manifest) else {
        return Ok(Err("its manifest names its log in words that are no figures".to_owned()));
    };
    if saved.created != log.created {
        return Ok(Err(format!(
            "it belongs to a log created at {}, and this one was created at {}",
            saved.created, log.created
        )));
    }
    if log.last_seq < *position {
        return Ok(Err(format!("it has applied sequence {position} and the log ends at {}", log.last_seq)));
    }
    if *position + 1 < log.first_seq {
        return Ok(Err(format!("it has applied sequence {position} and the log begins at {}", log.first_seq)));
    }
    if *logic != LOGIC && log.first_seq <= 1 {
        return Ok(Err(format!("release {version} made its figures by an earlier logic, and the log is whole")));
    }
    let saved = Saved { first_seq: log.first_seq, ..saved };
    if let Err(changed) = nats.check_log(Some(&saved)).await.map_err(|error| Error::Nats(error.into()))? {
        return Ok(Err(format!("the log is not the one it was taken from: {changed}")));
    }
    match snapshot::verify(shelf, id, manifest) {
        Ok(_) => Ok(Ok(())),
        Err(error) => Ok(Err(chain(&error).to_string())),
    }
}

/// What a store made of it will remember of the log. `None`: its figures cannot be read.
fn saved_of(manifest: &Manifest) -> Option<Saved> {
    let log = &manifest.log;
    let fingerprint = |text: &str| u64::from_str_radix(text, 16).ok();
    Some(Saved {
        created: Timestamp::parse_rfc3339(&log.created_at)?,
        first_seq: 0,
        last: Mark { seq: manifest.position, fingerprint: fingerprint(&log.fingerprint)? },
        anchor: Mark { seq: log.anchor_seq, fingerprint: fingerprint(&log.anchor_fingerprint)? },
    })
}

/// Makes the store at `dir`, where none is that has applied anything, of a snapshot.
pub fn fill(dir: &Path, options: Options, chosen: &Chosen, epoch: u64, first_seq: u64) -> Result<(), Error> {
    let Chosen { shelf, id, manifest } = chosen;
    wait_for_release(dir);
    let head = key::head();
    let filled = Store::fill(dir, options, |filling| {
        snapshot::read(shelf, id, manifest, |row_key, value| -> Result<(), snapshot::Error> {
            if row_key == &*head {
                let moved = processor::head_moved(value, epoch, first_seq)?;
                return Ok(filling.put(row_key, &moved)?);
            }
            Ok(filling.put(row_key, value)?)
        })
    });
    let verified = filled.map_err(|error| match error {
        snapshot::Error::Store(store @ store::Error::InUse(_)) => Error::InUse(store.into()),
        other => failed(other),
    })?;
    failpoint::reach(Point::SnapshotRestored);
    info!(snapshot = id, position = manifest.position, rows = verified.rows, "the store begins with a snapshot");
    Ok(())
}

/// sled lets go of the lock of a store that was just dropped when its last background task ends.
fn wait_for_release(dir: &Path) {
    let deadline = Instant::now() + RELEASE_TIME_MAX;
    let is_held = || File::open(dir.join("db")).is_ok_and(|file| file.try_lock().is_err());
    while is_held() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
}
