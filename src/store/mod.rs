//! The store: one sled tree of opaque values, written by one thread, whole commits only. Knows the key layout, how to open a
//! directory that may be damaged, and how to keep tens of millions of pending predictions ([`pending`]). Deliberately knows
//! nothing of what the values mean, and holds nothing that the log could not rebuild.

mod audit;
pub mod cold;
mod copy;
mod error;
mod fill;
mod intent;
pub mod key;
pub mod landing;
mod open;
pub mod pending;
mod reader;
mod space;
mod sync;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub use audit::Auditor;
pub use copy::{CopyError, CopySource, RowCopy};
pub use error::Error;
pub use fill::Filling;
pub use open::{Opened, Quarantined};
pub use pending::PendingKey;
pub use reader::{Order, Reader, Value, expects_panics};
pub use sync::Syncer;

use audit::Sums;
use landing::Landing;
use pending::Pending;
use reader::Health;
use space::{BLOB_BYTES, Space};

/// What the rows of a store look like. One of another format is put aside and rebuilt from the log, so raise the number whenever the layout of a
/// row changes.
pub const FORMAT: &str = "tidewatch store 16";

/// What sled writes for each byte of a commit, and for each that it writes to redo it, and besides for each row: pages are written whole when enough
/// of them has changed.
const PAGES_PER_BYTE: u64 = 2;
const PAGE_OVERHEAD: u64 = 512;

/// What a store may use.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes that sled aims to cache. It keeps at least one page in each of 256 shards, so some 20 MiB more is the real floor.
    pub cache_bytes: u64,
    /// Bounds of the pending rows.
    pub pending: pending::Limits,
    /// From which size on commits land in pieces.
    pub landing: landing::Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: 16 << 20, pending: pending::Limits::default(), landing: landing::Limits::default() }
    }
}

/// What one commit changes. The pending rows put since the last commit go with it.
pub struct Commit<'a> {
    /// The sequence that the commit ends at; named in errors only.
    pub seq: u64,
    /// The new head row: position, fingerprint, counters.
    pub head: Vec<u8>,
    /// Of two puts of one key the last counts.
    pub puts: Vec<Put>,
    /// Whether a pending row is still wanted; asked when runs are merged, at times that depend on how commits were cut. A key
    /// once refused must stay refused with any of its rows, and whoever calls [`Pending::get`] must treat a refused row like a
    /// missing one, or a replay could differ.
    pub keep: &'a dyn Fn(&PendingKey, &[u8]) -> bool,
}

/// A row that a commit changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// See [`key`].
    pub key: Vec<u8>,
    /// `None` deletes the row. As sled takes it, so that a commit of thousands of rows holds each once.
    pub value: Option<sled::IVec>,
    /// [`row_hash`] of the row it replaces, 0 if there is none; `None` if the caller does not know, which costs a read.
    pub before: Option<u128>,
}

/// The write side. Owned by one thread; the directory is locked to this process while it lives.
#[derive(Debug)]
pub struct Store {
    // Dropped in this order: sled flushes before the lock is given up.
    tree: sled::Tree,
    db: sled::Db,
    pending: Pending,
    landing: landing::Limits,
    health: Arc<Health>,
    space: Space,
    sums: Arc<Mutex<Sums>>,
    dir: PathBuf,
    _lock: File,
}

impl Store {
    /// Opens the store in `dir`, or a fresh one: if the directory is damaged, of another format, or not ours, it is renamed to
    /// `<dir>.quarantine-<n>` (the last two are kept) and [`Opened::quarantined`] says so. The lock file is `<dir>.lock`.
    ///
    /// Errors: [`Error::InUse`] if another `Store` holds it; [`Error::Io`] and [`Error::Full`] leave the directory as it is.
    pub fn open(dir: &Path, options: Options) -> Result<Opened, Error> {
        open::open(dir, options)
    }

    /// Puts the store in `dir` aside as `<dir>.replaced-<n>`, of which the last two are kept, if nobody holds it; gives its new place, or
    /// `None` if there is none.
    ///
    /// Errors: [`Error::InUse`], [`Error::Io`].
    pub fn put_aside(dir: &Path) -> Result<Option<PathBuf>, Error> {
        let _lock = open::lock(dir)?;
        if !dir.exists() {
            return Ok(None);
        }
        open::put_aside(dir, "replaced").map(Some)
    }

    /// Undoes [`Self::put_aside`]: a store that was begun in `dir` meanwhile goes.
    pub fn take_back(dir: &Path, aside: &Path) -> Result<(), Error> {
        let doing = "taking the old store back";
        let _lock = open::lock(dir)?;
        if dir.exists() {
            std::fs::remove_dir_all(dir).map_err(|source| Error::io(doing, source))?;
        }
        std::fs::rename(aside, dir).map_err(|source| Error::io(doing, source))
    }

    fn of(checked: open::Checked, lock: File, dir: &Path) -> Result<Self, Error> {
        let open::Checked { db, tree, health, pending, landing, sums } = checked;
        let space = Space::of(dir)?;
        Ok(Self { tree, db, pending, landing, health, space, sums, dir: dir.to_owned(), _lock: lock })
    }

    /// The head row of the last commit; `None` in a fresh store.
    pub fn head(&self) -> Result<Option<Value>, Error> {
        self.reader().get(&key::head())
    }

    /// The pending rows: what is put is seen at once and lands with the next commit.
    pub fn pending(&mut self) -> &mut Pending {
        &mut self.pending
    }

    /// Lands `commit`; after a crash it is there whole or not at all. Not synced here: the log rebuilds what a power cut takes back, to the same bytes, so
    /// a [`Syncer`] runs on a timer.
    ///
    /// Errors are final for this process: the state in memory is ahead of the disk then, and later commits are
    /// [`Error::Refused`].
    pub fn commit(&mut self, commit: Commit<'_>) -> Result<(), Error> {
        self.health.check()?;
        self.land(commit).inspect_err(|error| self.health.fail(error))
    }

    /// Makes sure that a commit of `puts` finds room on the disk, before sled could meet a full one: it would never recover.
    ///
    /// Errors: [`Error::Full`], and nothing has changed: ask again when there is space.
    pub fn make_room(&mut self, puts: &[Put]) -> Result<(), Error> {
        let sizes = puts.iter().map(|put| put.key.len() + put.value.as_ref().map_or(0, |value| value.len()));
        let (blobs, inline): (Vec<usize>, Vec<usize>) = sizes.partition(|size| BLOB_BYTES <= *size);
        let inline = inline.into_iter().sum::<usize>() as u64 + self.pending.bytes_due();
        let beside = blobs.into_iter().sum::<usize>() as u64;
        let redo = inline + beside;
        self.space.ensure(PAGES_PER_BYTE * (inline + redo) + PAGE_OVERHEAD * puts.len() as u64, beside)
    }

    /// Reads from any thread.
    pub fn reader(&self) -> Reader {
        Reader::new(self.tree.clone(), Arc::clone(&self.health))
    }

    /// Adds the rows up from another thread, to find damage that sled does not tell of.
    pub fn auditor(&self) -> Auditor {
        Auditor::new(self.reader(), Arc::clone(&self.sums))
    }

    /// Copies the rows from another thread, while commits go on.
    pub fn copies(&self) -> CopySource {
        CopySource::new(self.reader(), Arc::clone(&self.sums))
    }

    /// Syncs from another thread. Make one, before the first commit.
    pub fn syncer(&self) -> Result<Syncer, Error> {
        Syncer::new(self.tree.clone(), Arc::clone(&self.health), &self.dir)
    }

    /// Bytes on the disk, as sled counts its data file.
    pub fn disk_bytes(&self) -> Result<u64, Error> {
        self.health.caught("measuring the store", || self.db.size_on_disk())
    }

    fn land(&mut self, commit: Commit<'_>) -> Result<(), Error> {
        // held until it has landed, so that nobody adds up rows of half a commit
        let mut sums = audit::lock(&self.sums);
        let mut batch = sums.batch();
        let mut puts = commit.puts;
        puts.push(Put::new(key::head(), Some(commit.head)));
        if let Some(directory) = self.pending.prepare(&mut batch, commit.keep)? {
            puts.push(Put::new(key::directory(), Some(directory)));
        }
        let reader = Reader::new(self.tree.clone(), Arc::clone(&self.health));
        let puts = replacing(&reader, last_of_each(puts))?;
        let intent = intent::announce(batch.changes(), &puts);
        for (Put { key, value, .. }, before) in puts {
            match value {
                Some(value) => batch.put(key, value, before),
                None => batch.remove(key, before),
            }
        }
        batch.put(key::sum().into(), sums.after(&batch).into(), 0);
        sums.keep_for_copy(&batch, &reader)?;
        let (changes, sum_change, sum_changes) = batch.into_parts();
        Landing { tree: &self.tree, health: &self.health, limits: self.landing }.land(changes, intent)?;
        sums.landed(sum_change, sum_changes);
        Ok(())
    }
}

/// Each put with the hash of the row it replaces, 0 if there is none.
fn replacing(reader: &Reader, puts: Vec<Put>) -> Result<Vec<(Put, u128)>, Error> {
    let before = |put: &Put| match put.before {
        Some(hash) => Ok(hash),
        None => Ok(reader.get(&put.key)?.map_or(0, |value| row_hash(&put.key, &value))),
    };
    puts.into_iter().map(|put| before(&put).map(|hash| (put, hash))).collect()
}

impl Put {
    /// Of a row whose value so far the caller does not know.
    pub fn new(key: impl Into<Vec<u8>>, value: Option<Vec<u8>>) -> Self {
        Self { key: key.into(), value: value.map(sled::IVec::from), before: None }
    }
}

/// XXH3-128 over key and value; what a row adds to the digest of a state.
pub fn row_hash(key: &[u8], value: &[u8]) -> u128 {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(key);
    hash.update(value);
    hash.digest128()
}

/// In the order of keys. What the first put of a key found there is what the last one replaces.
fn last_of_each(mut puts: Vec<Put>) -> Vec<Put> {
    puts.sort_by(|a, b| a.key.cmp(&b.key));
    puts.dedup_by(|later, kept| {
        let same = later.key == kept.key;
        if same {
            std::mem::swap(&mut later.value, &mut kept.value);
        }
        same
    });
    puts
}
