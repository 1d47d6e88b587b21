//! Cutting the beginning of the log off: what is older than it has to be kept, and what two snapshots no longer need.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tracing::info;

use crate::clock;
use crate::config::LogRetention;
use crate::failpoint::{self, Point};
use crate::nats::provision::{Provisioned, Role};
use crate::nats::{Cut, Nats, StreamStatus};
use crate::snapshot::{self, Manifest, Shelf, write_whole};
use crate::store::FORMAT;
use crate::telemetry::condition::{self, Severity};
use crate::telemetry::{self, chain};
use crate::time::{Span, Timestamp};

/// Remembers, beside the store, up to where the log was cut.
const FILE: &str = "log-cut.json";

/// The condition of a log that should be cut and is not.
const NOT_CUT: &str = "log_not_cut";

/// Snapshots that must be whole, so that one may turn out damaged later.
const SNAPSHOTS_NEEDED: usize = 2;

/// Who cuts the log.
pub struct Retention {
    pub nats: Nats,
    pub shelf: Shelf,
    pub settings: LogRetention,
    pub data: PathBuf,
    /// The input stream as it was found at start, with what is not as declared.
    pub stream: Option<Provisioned>,
}

/// The content of [`FILE`].
#[derive(Serialize, Deserialize)]
struct Mark {
    /// When the stream was made.
    log_created_at: String,
    /// Everything before this sequence was, or is about to be, cut off.
    first_seq: u64,
}

/// Tells the connection what was cut of the log before this start. A file that is not there, or not readable, says nothing: then a log that was
/// cut is taken for one that has lost messages, and a person decides.
pub fn remember(data: &Path, nats: &Nats) {
    let read = std::fs::read(data.join(FILE)).ok().and_then(|bytes| serde_json::from_slice::<Mark>(&bytes).ok());
    let cut =
        read.and_then(|mark| Some(Cut { created: Timestamp::parse_rfc3339(&mark.log_created_at)?, first_seq: mark.first_seq }));
    cut.into_iter().for_each(|cut| nats.expect_cut(cut));
}

impl Retention {
    /// Cuts what may go, after a snapshot was taken, and says what keeps it from that.
    pub async fn after_snapshot(&self) {
        let Some(keep) = self.settings.keep else { return };
        let denied =
            self.stream.iter().flat_map(|stream| &stream.differences).any(|difference| difference.field == "deny_purge");
        if denied {
            return told(
                "the input stream was made to refuse it (deny_purge), and a server never takes that back: stop the process, \
                 `tidewatch backup DIR`, delete the stream, and `tidewatch restore DIR` into a fresh data directory brings it over",
            );
        }
        match self.cut(keep.max(self.settings.training_history)).await {
            Ok(cut) => {
                condition::clear(NOT_CUT);
                if let Some((seq, messages)) = cut {
                    telemetry::LOG_CUT_MESSAGES.add(messages);
                    info!(first_seq = seq, messages, "the beginning of the log was cut off");
                }
            }
            Err(reason) => told(&reason),
        }
    }

    /// Gives where the log begins now and how many messages were cut off; `None` if nothing may go.
    async fn cut(&self, keep: std::time::Duration) -> Result<Option<(u64, u64)>, String> {
        let words = |error: &dyn std::error::Error| chain(error).to_string();
        let log = self.nats.status(Role::Input).await.map_err(|error| words(&error))?;
        let Some(needed) = self.needed_from(&log).await? else { return Ok(None) };
        let keep = Span::from_micros(i64::try_from(keep.as_micros()).unwrap_or(i64::MAX));
        let since = clock::now() - keep;
        let seq = self.nats.first_since(since, log.first_seq.max(1), needed).await.map_err(|error| words(&error))?;
        if seq <= log.first_seq {
            return Ok(None);
        }
        self.announce(&log, seq).map_err(|error| words(&error))?;
        failpoint::reach(Point::TrimAnnounced);
        let messages = self.nats.cut_before(seq).await.map_err(|error| words(&error))?;
        failpoint::reach(Point::TrimDone);
        Ok(Some((seq, messages)))
    }

    /// Writes down what will be cut, before it is: a start in between must not take it for a loss.
    fn announce(&self, log: &StreamStatus, seq: u64) -> Result<(), snapshot::Error> {
        let mark = Mark { log_created_at: log.created.to_string(), first_seq: seq };
        write_whole(&self.data.join(FILE), &serde_json::to_vec_pretty(&mark).expect("a mark is plain data"))?;
        self.nats.expect_cut(Cut { created: log.created, first_seq: seq });
        Ok(())
    }

    /// The first sequence that the older of the two newest whole snapshots still needs; `None` while there are not two.
    ///
    /// Errors: one of them is damaged.
    async fn needed_from(&self, log: &StreamStatus) -> Result<Option<u64>, String> {
        let (shelf, created) = (self.shelf.clone(), log.created);
        let read = move || needed_from(&shelf, created);
        tokio::task::spawn_blocking(read).await.map_err(|error| chain(&error).to_string())?
    }
}

fn needed_from(shelf: &Shelf, log_created: Timestamp) -> Result<Option<u64>, String> {
    let belongs = |manifest: &Manifest| {
        manifest.format == FORMAT && Timestamp::parse_rfc3339(&manifest.log.created_at) == Some(log_created)
    };
    let mut needed = Vec::new();
    for found in shelf.list().map_err(|error| chain(&error).to_string())? {
        let verified = found.manifest.and_then(|manifest| {
            if belongs(&manifest) {
                snapshot::verify(shelf, &found.id, &manifest)?;
                needed.push(manifest.log.needed_from());
            }
            Ok(())
        });
        verified.map_err(|error| format!("{}; delete it, or take others until it is no longer kept", chain(&error)))?;
        if needed.len() == SNAPSHOTS_NEEDED {
            return Ok(needed.into_iter().min());
        }
    }
    Ok(None)
}

fn told(reason: &str) {
    let detail = format!("log_retention is set and the log is not cut: {reason}");
    if condition::raise(NOT_CUT, Severity::Warning, false, detail.clone()) {
        tracing::warn!(detail, "the log is not cut");
    }
}
