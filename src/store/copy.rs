//! A copy of all rows as they were after one commit, made while commits go on. sled has no snapshots, so commits help: what a commit is
//! about to change, and the copy has not read yet, is kept as it was until the copy has passed it (copy on write).
//!
//! Rows are read a few at a time between commits. Rows that change often are read first, so that little has to be kept; the closed
//! panes and the blocks of pending rows, which are most of a store and seldom change, come last.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use super::audit::{self, Sums};
use super::reader::{KeyValue, Value};
use super::{Error, Reader, key};

/// The order in which rows are read: ranges of the first byte of their key, the end excluded. Blocks of pending rows and closed panes last.
const WALK: [(u8, u8); 5] = [(0, b'p'), (b'p' + 1, b'r'), (b'r' + 1, u8::MAX), (b'p', b'p' + 1), (b'r', b'r' + 1)];

/// Rows, and about as many bytes of them, read at a time: a commit waits for so much at most, one or two milliseconds.
const STEP_ROWS: usize = 256;
const STEP_BYTES: usize = 1 << 20;

/// Most bytes of rows that are kept as they were. Beyond, the copy is given up: commits never wait for it.
const KEPT_BYTES_MAX: usize = 64 << 20;

/// What a kept row takes beside its key and value.
const KEPT_OVERHEAD: usize = 96;

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("another copy of the store is being made")]
    Busy,
    #[error("the store has applied nothing yet")]
    Empty,
    #[error("more than {} MiB of rows changed while the store was copied; try again when less is published", KEPT_BYTES_MAX >> 20)]
    TooMuchChanged,
    #[error(transparent)]
    Store(#[from] Error),
}

/// Begins copies of one store, from any thread.
#[derive(Clone, Debug)]
pub struct CopySource {
    reader: Reader,
    sums: Arc<Mutex<Sums>>,
}

/// One copy that is being made. Dropped, it frees what was kept for it.
#[derive(Debug)]
pub struct RowCopy {
    reader: Reader,
    sums: Arc<Mutex<Sums>>,
    /// The head row of the commit that is copied.
    head: Vec<u8>,
    sum: u128,
}

/// What commits know of the copy that is being made.
#[derive(Debug, Default)]
pub(super) struct Copying {
    /// The range of [`WALK`] that is read.
    range: usize,
    /// The last key that was read of it.
    through: Option<Vec<u8>>,
    /// Rows that were changed since the copy began and are not read yet, as they were; `None` if there was none.
    kept: BTreeMap<Vec<u8>, Option<Value>>,
    kept_bytes: usize,
    overflown: bool,
}

impl CopySource {
    pub(super) const fn new(reader: Reader, sums: Arc<Mutex<Sums>>) -> Self {
        Self { reader, sums }
    }

    /// Begins a copy of what the last commit has left.
    pub fn begin(&self) -> Result<RowCopy, CopyError> {
        let mut sums = audit::lock(&self.sums);
        if sums.copy.is_some() {
            return Err(CopyError::Busy);
        }
        let head = self.reader.get(&key::head())?.ok_or(CopyError::Empty)?.to_vec();
        sums.copy = Some(Copying::default());
        let sum = sums.committed();
        drop(sums);
        Ok(RowCopy { reader: self.reader.clone(), sums: Arc::clone(&self.sums), head, sum })
    }
}

impl RowCopy {
    /// The head row of the commit that is copied.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The sum of [`super::row_hash`] of all rows of the copy, as the commits themselves have kept it.
    pub const fn sum(&self) -> u128 {
        self.sum
    }

    /// The next rows, in an order that is the same in every copy; `None` after the last.
    pub fn step(&mut self) -> Result<Option<Vec<KeyValue>>, CopyError> {
        let mut sums = audit::lock(&self.sums);
        let copying = sums.copy.as_mut().expect("it is there until this copy is dropped");
        if copying.overflown {
            return Err(CopyError::TooMuchChanged);
        }
        if copying.range == WALK.len() {
            return Ok(None);
        }
        Ok(Some(copying.read(&self.reader)?))
    }
}

impl Drop for RowCopy {
    fn drop(&mut self) {
        audit::lock(&self.sums).copy = None;
    }
}

impl Copying {
    /// A commit is about to change the row of `key`, of which there is one or not.
    pub fn keep(&mut self, key: &[u8], exists: bool, reader: &Reader) -> Result<(), Error> {
        if self.overflown || self.has_passed(key) || self.kept.contains_key(key) {
            return Ok(());
        }
        let value = if exists { reader.get(key)? } else { None };
        self.kept_bytes += key.len() + value.as_ref().map_or(0, |value| value.len()) + KEPT_OVERHEAD;
        self.kept.insert(key.to_vec(), value);
        if KEPT_BYTES_MAX < self.kept_bytes {
            self.overflown = true;
            self.kept.clear();
        }
        Ok(())
    }

    fn has_passed(&self, key: &[u8]) -> bool {
        let tag = key.first().copied().unwrap_or_default();
        let range = WALK.iter().position(|(from, to)| (*from..*to).contains(&tag)).unwrap_or(WALK.len());
        range < self.range || range == self.range && self.through.as_deref().is_some_and(|through| key <= through)
    }

    /// Reads on, and puts rows that changed meanwhile back to what they were.
    fn read(&mut self, reader: &Reader) -> Result<Vec<KeyValue>, Error> {
        let (first, end) = WALK[self.range];
        let from = self.through.clone().map_or(Bound::Included(vec![first]), Bound::Excluded);
        let (now, is_all) = reader.scan_some(&from, &[end], STEP_ROWS, STEP_BYTES)?;
        let through = if is_all { vec![end] } else { now.last().map(|(key, _)| key.clone()).unwrap_or_default() };
        let as_it_was = self.take_kept(from, &through, is_all);
        let mut rows: BTreeMap<Vec<u8>, Option<Value>> = now.into_iter().map(|(key, value)| (key, Some(value))).collect();
        rows.extend(as_it_was);
        if is_all {
            (self.range, self.through) = (self.range + 1, None);
        } else {
            self.through = Some(through);
        }
        let counted = |(key, value): (Vec<u8>, Option<Value>)| Some((key, value?)).filter(|(key, _)| audit::is_counted(key));
        Ok(rows.into_iter().filter_map(counted).collect())
    }

    /// Takes what was kept from there on, up to and with `through`, or up to and without the end of the range.
    fn take_kept(&mut self, from: Bound<Vec<u8>>, through: &[u8], is_end: bool) -> BTreeMap<Vec<u8>, Option<Value>> {
        let to = if is_end { Bound::Excluded(through) } else { Bound::Included(through) };
        let from = from.as_ref().map(Vec::as_slice);
        let keys: Vec<Vec<u8>> = self.kept.range::<[u8], _>((from, to)).map(|(key, _)| key.clone()).collect();
        let taken = |key: Vec<u8>| self.kept.remove(&key).map(|value| (key, value));
        let taken: BTreeMap<_, _> = keys.into_iter().filter_map(taken).collect();
        for (key, value) in &taken {
            self.kept_bytes -= key.len() + value.as_ref().map_or(0, |value| value.len()) + KEPT_OVERHEAD;
        }
        taken
    }
}
