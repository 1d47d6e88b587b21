//! Reading from any thread, and the one place where a panic of sled becomes an error.

use std::cell::Cell;
use std::fs::File;
use std::ops::{Bound, Deref};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::{Error, row_hash};
use crate::monitor::rows::{self, Key, Row};

/// The file beside sled's own that says: found damaged while in use, do not trust at the next open.
pub(super) const DAMAGE_MARK: &str = "damaged";

/// A value as it was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value(pub(super) sled::IVec);

impl Deref for Value {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// A row as it was put.
pub type KeyValue = (Vec<u8>, Value);

/// In which direction a scan goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Ascending,
    Descending,
}

/// Reads the committed rows; cheap to clone, usable from any thread. A row is as one commit left it; a scan, and two gets in a row, may see
/// rows of a commit that landed between two of their steps, or of a large one that is landing.
#[derive(Clone, Debug)]
pub struct Reader {
    tree: sled::Tree,
    health: Arc<Health>,
}

/// Whether the store may still be written, shared by writer, readers and syncer.
#[derive(Debug)]
pub(super) struct Health {
    dir: PathBuf,
    failure: Mutex<Option<Failure>>,
}

/// The first thing that failed.
#[derive(Clone, Debug)]
struct Failure {
    reason: String,
    is_damage: bool,
}

impl Reader {
    pub(super) fn new(tree: sled::Tree, health: Arc<Health>) -> Self {
        Self { tree, health }
    }

    /// The value of `key`. Errors: [`Error::Damaged`], [`Error::Io`]. Cost: about 0.4 µs hot, 15 µs from the page cache.
    pub fn get(&self, key: &[u8]) -> Result<Option<Value>, Error> {
        self.health.caught("reading a row", || self.tree.get(key)).map(|found| found.map(Value))
    }

    /// At most `limit` rows whose keys begin with `prefix`.
    pub fn scan_prefix(&self, prefix: &[u8], order: Order, limit: usize) -> Result<Vec<(Vec<u8>, Value)>, Error> {
        self.collect(|| self.tree.scan_prefix(prefix), order, limit)
    }

    /// At most `limit` rows whose keys lie between `from` and `to`.
    pub fn scan(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Value)>, Error> {
        if is_empty(from, to) {
            return Ok(Vec::new());
        }
        self.collect(|| self.tree.range::<&[u8], _>((from, to)), order, limit)
    }

    /// The next rows from `from` up to `to`, which is excluded: at most `rows` of them, and none after `bytes` are full. The second is true if
    /// those are all there are.
    pub(super) fn scan_some(
        &self,
        from: &Bound<Vec<u8>>,
        to: &[u8],
        rows: usize,
        bytes: usize,
    ) -> Result<(Vec<KeyValue>, bool), Error> {
        let bounds = (from.as_ref().map(Vec::as_slice), Bound::Excluded(to));
        self.health.caught("scanning rows", || {
            let (mut found, mut read) = (Vec::new(), 0);
            for row in self.tree.range::<&[u8], _>(bounds) {
                let (key, value) = row?;
                read += key.len() + value.len();
                found.push((key.to_vec(), Value(value)));
                if found.len() == rows || bytes <= read {
                    return Ok((found, false));
                }
            }
            Ok((found, true))
        })
    }

    /// What was read is not what was written: marks the store for the next open. Not if an earlier failure explains it.
    pub fn damaged(&self, what: String) -> Error {
        if let Err(refused) = self.health.check() {
            return refused;
        }
        let error = Error::Damaged(what);
        self.health.fail(&error);
        error
    }

    /// What is damaged, once damage was found by anybody.
    pub fn damage(&self) -> Option<String> {
        self.health.damage()
    }

    fn collect(&self, rows: impl FnOnce() -> sled::Iter, order: Order, limit: usize) -> Result<Vec<(Vec<u8>, Value)>, Error> {
        let owned = |row: sled::Result<(sled::IVec, sled::IVec)>| row.map(|(key, value)| (key.to_vec(), Value(value)));
        self.health.caught("scanning rows", || match order {
            Order::Ascending => rows().take(limit).map(owned).collect(),
            Order::Descending => rows().rev().take(limit).map(owned).collect(),
        })
    }
}

/// Rows shown at a time: what restoring a state holds beside it.
const ROWS_SHOWN: usize = 256;

impl rows::Reader for Reader {
    type Error = Error;

    fn each(&self, prefix: &Key, from: &Key, see: &mut dyn FnMut(Row<'_>) -> Result<(), Error>) -> Result<(), Error> {
        let end = end_of(prefix);
        let end = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut from = Bound::Included(from.to_vec());
        loop {
            let read = self.scan(from.as_ref().map(Vec::as_slice), end, Order::Ascending, ROWS_SHOWN)?;
            read.iter().try_for_each(|(key, value)| see(row_of(key, value)))?;
            match read.into_iter().nth(ROWS_SHOWN - 1) {
                Some((last, _)) => from = Bound::Excluded(last),
                None => return Ok(()),
            }
        }
    }

    fn one(&self, key: &Key, see: &mut dyn FnMut(Row<'_>) -> Result<(), Error>) -> Result<(), Error> {
        self.get(key)?.map_or(Ok(()), |value| see(row_of(key, &value)))
    }
}

/// What comes right after all keys that begin with `prefix`; `None` if nothing does.
fn end_of(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// A row with its hash.
pub(super) fn row_of<'a>(key: &'a [u8], value: &'a [u8]) -> Row<'a> {
    Row { key, value, hash: row_hash(key, value) }
}

impl Health {
    pub(super) fn new(dir: PathBuf) -> Arc<Self> {
        Arc::new(Self { dir, failure: Mutex::new(None) })
    }

    /// `Err(Refused)` once anything has failed.
    pub(super) fn check(&self) -> Result<(), Error> {
        match &*self.failure.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(Failure { reason, .. }) => Err(Error::Refused(reason.clone())),
            None => Ok(()),
        }
    }

    /// Remembers the first failure for good; damage is also marked on disk for the next open.
    pub(super) fn fail(&self, error: &Error) {
        let is_damage = matches!(error, Error::Damaged(_));
        if is_damage {
            self.mark();
        }
        let failure = || Failure { reason: error.to_string(), is_damage };
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(failure);
    }

    fn damage(&self) -> Option<String> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.as_ref().filter(|failure| failure.is_damage).map(|failure| failure.reason.clone())
    }

    /// Runs one operation of sled; a panic in it is damage, for sled panics on pages that it cannot believe.
    pub(super) fn caught<T>(&self, doing: &'static str, operation: impl FnOnce() -> sled::Result<T>) -> Result<T, Error> {
        let error = match guarded(operation) {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(source)) => Error::sled(doing, source),
            Err(panic) => Error::Damaged(format!("sled panicked while {doing}: {}", panic_text(&*panic))),
        };
        if matches!(error, Error::Damaged(_)) {
            self.fail(&error);
        }
        Err(error)
    }

    fn mark(&self) {
        // Best effort: if even this fails, the next open finds the damage by itself.
        if let Ok(mark) = File::create(self.dir.join(DAMAGE_MARK)) {
            let _ = mark.sync_all();
        }
    }
}

thread_local! {
    /// A panic on this thread is caught and becomes damage of the store.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread would be a damaged store and no fault of the program: for a panic hook that counts faults.
pub fn expects_panics() -> bool {
    GUARDED.get()
}

/// Runs what may meet damage; the error is the panic.
pub(super) fn guarded<T>(operation: impl FnOnce() -> T) -> thread::Result<T> {
    let before = GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(operation));
    GUARDED.set(before);
    outcome
}

pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").to_owned()
}

/// sled panics on a range that ends before it begins.
fn is_empty(from: Bound<&[u8]>, to: Bound<&[u8]>) -> bool {
    match (from, to) {
        (Bound::Included(a), Bound::Included(b)) => b < a,
        (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => b <= a,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_sled_is_expected_and_becomes_damage() {
        let folder = tempfile::tempdir().unwrap();
        let health = Health::new(folder.path().to_owned());
        let expected = Cell::new(false);
        let error = health.caught::<()>("reading a row", || {
            expected.set(expects_panics());
            panic!("a page nobody can believe");
        });
        assert!(expected.get() && !expects_panics());
        assert!(matches!(error, Err(Error::Damaged(what)) if what.contains("a page nobody can believe")));
        assert!(folder.path().join(DAMAGE_MARK).exists(), "the next open puts it aside");
    }
}
