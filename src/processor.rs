//! The one writer: a plain thread that owns the state and the store's write side. Messages in, commits out; after each commit the
//! finished read model is published.

mod outbox;
mod pulse;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use outbox::Outbox;
pub use pulse::Pulse;

use crate::clock;
use crate::event::Message;
use crate::failpoint::{self, Point};
use crate::monitor::join::{self, JoinKey, JoinRow};
use crate::monitor::limits::{HORIZON, HORIZON_MEMORY, PANE_WIDTH, PARKED_MAX};
use crate::monitor::model::spans;
use crate::monitor::rooms::Changed;
use crate::monitor::{self, Desk, State};
use crate::nats::Saved;
use crate::store::cold::{ColdStore, value_hash};
use crate::store::{self, Auditor, CopySource, PendingKey, Reader, Store, Syncer};
use crate::telemetry::condition::{self, Severity};
use crate::telemetry::{self, chain};
use crate::time::Timestamp;
use crate::view::View;

/// Records applied before a commit is due although more wait: bounds what one sled batch holds in memory, about a kilobyte a record with its pages and what
/// merging adds, and for how long nobody can read the store.
const COMMIT_RECORDS_MAX: usize = 8_192;

/// Time after which a commit is due although more wait: bounds how far readers lag behind in a catch-up.
const COMMIT_INTERVAL_MAX: Duration = Duration::from_millis(250);

/// A commit costs some 20 µs and more for each model that changed, however much did. In a catch-up over many models each may be waited for
/// with so many more records, and so much longer, that this stays a small part of the whole.
const COMMIT_RECORDS_PER_MODEL: usize = 64;
const COMMIT_INTERVAL_PER_MODEL: Duration = Duration::from_micros(250);

/// Models that are waited for: at most 794,624 records or 3.3 s come together.
const COMMIT_MODELS_MAX: usize = 12_288;

/// Least time between two commits: a commit costs about as much as applying a hundred records.
const COMMIT_INTERVAL_MIN: Duration = Duration::from_millis(2);

/// Cold panes held in memory before a commit is due: labels that come late at random touch one pane each.
const COLD_PANES_MAX: usize = 16_384;

/// Effects held in memory before a commit is due: thousands of models may close a window each.
const EFFECTS_MAX: usize = 16_384;

/// Bytes of kept records held in memory before a commit is due.
const LIST_BYTES_MAX: usize = 2 << 20;

/// The number of what [`monitor::apply`] makes of a log. Raise it when the same log gives other figures: snapshots that an earlier logic
/// has made are then not used where the whole log can be read instead.
pub const LOGIC: u32 = 3;

/// Between two looks for room on a full disk.
const ROOM_INTERVAL: Duration = Duration::from_millis(200);

/// The condition of a full disk.
const DISK_FULL: &str = "disk_full";

/// Messages decoded together, in stream order.
#[derive(Debug, Default)]
pub struct Batch {
    pub messages: Vec<Message>,
    /// What to remember of the log once they are applied.
    pub saved: Saved,
    /// The join rows that applying the messages will ask for, in that order.
    join_keys: Vec<JoinKey>,
}

impl Batch {
    /// `saved`: what to remember of the log once the messages are applied.
    pub fn new(messages: Vec<Message>, saved: Saved) -> Self {
        let records = messages.iter().flat_map(|message| &message.records);
        let join_keys = records.filter_map(|record| join::key_of(record.as_ref().ok()?)).collect();
        Self { messages, saved, join_keys }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("failed to read the state back from the store")]
    Load(#[source] store::Error),
    #[error("failed to commit the batch that ends at sequence {seq}")]
    Commit {
        seq: u64,
        #[source]
        source: store::Error,
    },
}

/// The row that says where the store stands begins with the desk; this comes after it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Standing {
    rows_digest: u128,
    epoch: u64,
    log: Saved,
}

/// What the head row of a store says.
#[derive(Clone, Debug)]
pub struct HeadFigures {
    pub position: u64,
    /// Of the state at that position.
    pub digest: u128,
    pub log_time: Timestamp,
    pub log: Saved,
}

/// Reads the head row of a store.
///
/// Errors: [`store::Error::Damaged`].
pub fn head_figures(row: &[u8]) -> Result<HeadFigures, store::Error> {
    let (desk, Standing { rows_digest, log, .. }) = read_head(row)?;
    let digest = digest_of(rows_digest, &desk_bytes(&desk));
    Ok(HeadFigures { position: desk.position, digest, log_time: desk.log_time, log })
}

/// The head row of a store that was taken from elsewhere: with `epoch`, on a log that begins at `first_seq` now.
///
/// Errors: [`store::Error::Damaged`].
pub fn head_moved(row: &[u8], epoch: u64, first_seq: u64) -> Result<Vec<u8>, store::Error> {
    let (desk, standing) = read_head(row)?;
    let mut head = desk_bytes(&desk);
    let standing = Standing { epoch, log: Saved { first_seq, ..standing.log }, ..standing };
    rmp_serde::encode::write(&mut head, &standing).expect("the head is plain data");
    Ok(head)
}

/// The state, its store, and where both stand.
pub struct Projection {
    state: State,
    cold: ColdStore,
    view: View,
    epoch: u64,
    log: Saved,
    outbox: Outbox,
    records_uncommitted: usize,
    pulse: Arc<Pulse>,
}

impl Projection {
    /// Reads the state of `store` back, or begins anew with `epoch` if it is fresh.
    pub fn load(store: Store, epoch_if_fresh: u64) -> Result<Self, Error> {
        Self::load_rows(store, epoch_if_fresh).map_err(Error::Load)
    }

    fn load_rows(store: Store, epoch_if_fresh: u64) -> Result<Self, store::Error> {
        let reader = store.reader();
        let (desk, standing) = match store.head()? {
            Some(value) => read_head(&value)?,
            None => (Desk::default(), Standing { rows_digest: 0, epoch: epoch_if_fresh, log: Saved::default() }),
        };
        let Standing { rows_digest, epoch, log } = standing;
        let state = State::restore(desk, &reader)?;
        let outbox = Outbox::load(&reader)?;
        let digest = digest_of(rows_digest, &desk_bytes(&state.desk));
        let view = View::of(epoch, &state, digest);
        let cold = ColdStore::new(store, rows_digest);
        let pulse = Arc::default();
        Ok(Self { state, cold, view, epoch, log, outbox, records_uncommitted: 0, pulse })
    }

    pub const fn view(&self) -> &View {
        &self.view
    }

    /// Reads the committed rows from any thread.
    pub fn reader(&self) -> Reader {
        self.cold.reader()
    }

    /// Syncs the store from another thread.
    pub fn syncer(&self) -> Result<Syncer, store::Error> {
        self.cold.syncer()
    }

    /// Copies the rows of the store from another thread.
    pub fn copies(&self) -> CopySource {
        self.cold.copies()
    }

    /// Adds up the rows of the store from another thread.
    pub fn auditor(&self) -> Auditor {
        self.cold.auditor()
    }

    /// How it gets on, for whoever watches it.
    pub const fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    /// What the store remembers of the log; `None` if nothing was applied.
    pub fn saved(&self) -> Option<Saved> {
        (self.log.last.seq != 0).then_some(self.log)
    }

    /// What a store remembers of the log, without reading its state.
    pub fn saved_in(store: &Store) -> Result<Option<Saved>, store::Error> {
        let Some(head) = store.head()? else { return Ok(None) };
        let (_, Standing { log, .. }) = read_head(&head)?;
        Ok((log.last.seq != 0).then_some(log))
    }

    /// Remembers which stream this is built from, and where that begins.
    pub const fn bind(&mut self, created: Timestamp, first_seq: u64) {
        (self.log.created, self.log.first_seq) = (created, first_seq);
    }

    /// Waits for room on the disk for what is to be committed. False if `stop` was cancelled before: then there must be no commit.
    fn wait_for_room(&mut self, stop: &CancellationToken) -> bool {
        let mut waited = false;
        while let Err(error) = self.cold.make_room() {
            if !waited {
                telemetry::STORE_WAITS.add(1);
                warn!(error = %chain(&error), position = self.view.position, "the store waits for room on its disk");
                let detail =
                    format!("the data disk is full: {}; free some space, and reading goes on by itself", chain(&error));
                condition::raise(DISK_FULL, Severity::Critical, true, detail);
            }
            waited = true;
            if stop.is_cancelled() {
                return false;
            }
            std::thread::sleep(ROOM_INTERVAL);
            // waiting is no standstill
            self.pulse.begin();
        }
        if waited {
            info!("there is room on the disk again; the store goes on");
            condition::clear(DISK_FULL);
        }
        true
    }

    /// Applies messages; those already applied are passed over.
    pub fn apply(&mut self, batch: &Batch) {
        self.cold.look_ahead(&batch.join_keys);
        for messages in spans(&batch.messages) {
            self.state.models.look_ahead(messages);
            for message in messages {
                if message.seq <= self.state.desk.position {
                    continue;
                }
                self.outbox.add(monitor::apply(&mut self.state, &mut self.cold, message));
                self.records_uncommitted += message.records.len();
                self.pulse.step();
            }
        }
        if self.log.last.seq <= batch.saved.last.seq {
            self.log =
                Saved { created: self.log.created, first_seq: self.log.first_seq.max(batch.saved.first_seq), ..batch.saved };
        }
        failpoint::reach(Point::ProcessorApplied);
    }

    /// Whether enough has been applied, `since_first` after the first of it, that a commit should not wait for more.
    pub fn is_full(&self, since_first: Duration) -> bool {
        let models = self.state.models.unsaved().min(COMMIT_MODELS_MAX);
        COMMIT_RECORDS_MAX + models * COMMIT_RECORDS_PER_MODEL <= self.records_uncommitted
            || COMMIT_INTERVAL_MAX + COMMIT_INTERVAL_PER_MODEL * models as u32 <= since_first
            || COLD_PANES_MAX <= self.cold.panes_held()
            || EFFECTS_MAX <= self.outbox.gathered()
            || LIST_BYTES_MAX <= self.cold.bytes_held()
    }

    /// Lands everything applied since the last commit, whole or not at all, and gives the view of it.
    pub fn commit(&mut self) -> Result<Arc<View>, Error> {
        let changed = self.gather();
        self.land(&changed)
    }

    /// Puts what the commit will land.
    fn gather(&mut self) -> Changed {
        let changed = self.state.save(&mut self.cold);
        self.pulse.step();
        self.cold.fold_panes();
        self.outbox.put(&self.state.desk.settled, &mut self.cold);
        self.pulse.step();
        changed
    }

    fn land(&mut self, changed: &Changed) -> Result<Arc<View>, Error> {
        let seq = self.state.desk.position;
        let rows_digest = self.cold.digest();
        let mut head = desk_bytes(&self.state.desk);
        let digest = digest_of(rows_digest, &head);
        let standing = Standing { rows_digest, epoch: self.epoch, log: self.log };
        rmp_serde::encode::write(&mut head, &standing).expect("the head is plain data");
        let (models_known, log_time) = (&self.state.models, self.state.desk.log_time);
        let keep = |_: &PendingKey, row: &[u8]| is_wanted(row, |model| models_known.newest_of(model), log_time);
        self.cold.commit(seq, head, &keep).map_err(|source| Error::Commit { seq, source })?;
        failpoint::reach(Point::StoreCommitted);
        telemetry::COMMITS.add(1);
        telemetry::COMMIT_RECORDS.add(self.records_uncommitted as u64);
        telemetry::REJECTED_RECORDS.add(self.state.desk.counts.rejected - self.view.counts.rejected);
        telemetry::REJECTIONS_UNTOLD.add(self.state.desk.rejections.untold() - self.view.rejections.untold());
        self.records_uncommitted = 0;
        self.view = self.view.advanced(&self.state, digest, changed);
        Ok(Arc::new(self.view.clone()))
    }
}

/// Applies and commits batches until the inbox closes. A commit is due when nothing waits, or enough has gathered. While the disk is full
/// nothing is committed and nothing taken; `stop` ends that too, and the log gives again what was not committed.
pub fn run(
    mut projection: Projection,
    inbox: &Receiver<Batch>,
    view: &watch::Sender<Arc<View>>,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let mut committed = clock::monotonic();
    while let Ok(batch) = inbox.recv() {
        let started = clock::monotonic();
        projection.pulse.begin();
        projection.apply(&batch);
        let mut open = true;
        while open && !projection.is_full(started.elapsed()) {
            match inbox.try_recv() {
                Ok(batch) => projection.apply(&batch),
                Err(TryRecvError::Disconnected) => open = false,
                Err(TryRecvError::Empty) => {
                    let rest = COMMIT_INTERVAL_MIN.saturating_sub(committed.elapsed());
                    if rest.is_zero() {
                        break;
                    }
                    match inbox.recv_timeout(rest) {
                        Ok(batch) => projection.apply(&batch),
                        Err(RecvTimeoutError::Timeout) => break,
                        Err(RecvTimeoutError::Disconnected) => open = false,
                    }
                }
            }
        }
        let changed = projection.gather();
        if !projection.wait_for_room(stop) {
            return Ok(());
        }
        let next = projection.land(&changed)?;
        projection.pulse.end();
        committed = clock::monotonic();
        view.send_replace(next);
    }
    Ok(())
}

fn desk_bytes(desk: &Desk) -> Vec<u8> {
    rmp_serde::to_vec(desk).expect("the desk is plain data")
}

fn read_head(value: &[u8]) -> Result<(Desk, Standing), store::Error> {
    let mut rest = rmp_serde::Deserializer::from_read_ref(value);
    let read = Desk::deserialize(&mut rest).and_then(|desk| Ok((desk, Standing::deserialize(&mut rest)?)));
    read.map_err(|error| store::Error::Damaged(format!("the head cannot be read: {error}")))
}

/// The digest of the whole state: all rows and the desk.
fn digest_of(rows_digest: u128, desk: &[u8]) -> u128 {
    rows_digest.wrapping_add(value_hash(desk))
}

/// Whether a join row can still matter; what is refused here is treated as missing by the core already.
fn is_wanted(row: &[u8], newest: impl Fn(u32) -> Option<Timestamp>, log_time: Timestamp) -> bool {
    match JoinRow::decode(row) {
        // of a model that was forgotten nothing is wanted
        Some(JoinRow::Served(served)) => newest(served.model).is_some_and(|newest| newest - served.at <= HORIZON_MEMORY),
        // its minute of log time has expired once this has passed, see `Model::expire_parked`
        Some(JoinRow::Early(parked)) => log_time <= parked.since + PANE_WIDTH + PARKED_MAX,
        Some(JoinRow::Seen { at }) => log_time - at <= HORIZON,
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Value;
    use crate::monitor::join::EarlyLabel;
    use crate::time::Span;

    #[test]
    fn a_parked_label_is_kept_as_long_as_the_core_may_ask_for_it_and_not_a_month() {
        let since = Timestamp::from_millis(1_767_225_659_999);
        let mut row = Vec::new();
        JoinRow::Early(EarlyLabel { model: 0, since, actual: Value::Number(1.0), at: since }).encode(&mut row);
        let expired = since.floor(PANE_WIDTH) + PANE_WIDTH + PARKED_MAX;
        assert!(is_wanted(&row, |_| None, expired));
        assert!(!is_wanted(&row, |_| None, expired + Span::from_secs(61)));
    }
}
