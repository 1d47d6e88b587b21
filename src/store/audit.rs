//! Do all rows add up? Damage to sled's files can bring an older row back without a word. So each commit carries the sum of the hashes of
//! all rows there are, and the rows are added up again: at open, behind it, and from time to time.
//!
//! The rows are read a few at a time between commits. What a commit changes among those that were read already is changed in the sum, so
//! that at the end it is the sum of the rows as they are then.

use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::copy::Copying;
use super::key::{self, Tag};
use super::landing::Changes;
use super::{Error, Order, Reader, row_hash};

/// Rows read at a time: a commit waits for so many at most, about a millisecond.
const STEP_ROWS: usize = 512;

/// What is added up, and how far.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// Of all rows, as commits have changed it.
    committed: u128,
    /// The adding up that is going on.
    scan: Option<Scan>,
    /// The copy that is being made.
    pub copy: Option<Copying>,
}

#[derive(Debug, Default)]
struct Scan {
    /// All rows up to this key are added; `None` before the first.
    through: Option<Vec<u8>>,
    sum: u128,
}

/// By key, what is added to the sum.
type SumChanges = Vec<(Vec<u8>, u128)>;

/// What a commit changes, and what that does to the sum.
#[derive(Debug, Default)]
pub(super) struct Batch {
    changes: Changes,
    sum_change: u128,
    /// The change of the sum by key, while rows are added up.
    sum_changes: Option<SumChanges>,
    /// The keys, each with whether there was a row before, while a copy is being made.
    touched: Option<Vec<(Vec<u8>, bool)>>,
}

/// Adds the rows up; for one thread.
#[derive(Clone, Debug)]
pub struct Auditor {
    reader: Reader,
    sums: Arc<Mutex<Sums>>,
}

impl Sums {
    /// Of a store that was just opened. `None` if its sum cannot be read.
    pub fn read(row: Option<&[u8]>) -> Option<Self> {
        let committed = match row {
            Some(row) => u128::from_be_bytes(row.try_into().ok()?),
            None => 0,
        };
        Some(Self { committed, scan: None, copy: None })
    }

    pub fn batch(&self) -> Batch {
        let (sum_changes, touched) = (self.scan.is_some().then(Vec::new), self.copy.is_some().then(Vec::new));
        Batch { sum_changes, touched, ..Batch::default() }
    }

    /// Of all rows, as commits have changed it.
    pub const fn committed(&self) -> u128 {
        self.committed
    }

    /// Lets the copy that is being made keep what `batch` is about to change.
    pub fn keep_for_copy(&mut self, batch: &Batch, reader: &Reader) -> Result<(), Error> {
        let Some(copy) = &mut self.copy else { return Ok(()) };
        batch.touched.iter().flatten().try_for_each(|(key, exists)| copy.keep(key, *exists, reader))
    }

    /// The row of the sum as it will be once `batch` has landed.
    pub fn after(&self, batch: &Batch) -> Vec<u8> {
        self.committed.wrapping_add(batch.sum_change).to_be_bytes().to_vec()
    }

    /// The batch with that change has landed.
    pub fn landed(&mut self, change: u128, changes: Option<SumChanges>) {
        self.committed = self.committed.wrapping_add(change);
        let Some(Scan { through: Some(through), sum }) = &mut self.scan else { return };
        for (row_key, change) in changes.into_iter().flatten() {
            if row_key <= *through {
                *sum = sum.wrapping_add(change);
            }
        }
    }
}

impl Batch {
    /// Puts a row; `before`: the hash of the one it replaces, 0 if there is none.
    pub fn put(&mut self, key: Vec<u8>, value: sled::IVec, before: u128) {
        self.note(&key, row_hash(&key, &value).wrapping_sub(before), before != 0);
        // `return` loses a row without a word, as damage to sled's files can: one of the notes, as others are soon written again.
        fail::fail_point!("store::lost_row", key.first() == Some(&(crate::monitor::rows::Tag::Note as u8)), |_| ());
        self.changes.rows.push((key, Some(value)));
    }

    /// Deletes a row; `before`: its hash.
    pub fn remove(&mut self, key: Vec<u8>, before: u128) {
        self.note(&key, 0_u128.wrapping_sub(before), true);
        self.changes.rows.push((key, None));
    }

    /// Puts a new row that nobody reads before a row of this batch names it.
    pub fn put_unseen(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.note(&key, row_hash(&key, &value), false);
        self.changes.unseen.push((key, value.into()));
    }

    /// Deletes a row that nobody reads any more once this batch has landed; `before`: its hash.
    pub fn remove_unseen(&mut self, key: Vec<u8>, before: u128) {
        self.note(&key, 0_u128.wrapping_sub(before), true);
        self.changes.left.push(key);
    }

    /// What is to land.
    pub const fn changes(&self) -> &Changes {
        &self.changes
    }

    /// What is to land, and what [`Sums::landed`] is told then.
    pub fn into_parts(self) -> (Changes, u128, Option<SumChanges>) {
        (self.changes, self.sum_change, self.sum_changes)
    }

    fn note(&mut self, key: &[u8], change: u128, existed: bool) {
        if !is_counted(key) {
            return;
        }
        self.sum_change = self.sum_change.wrapping_add(change);
        if let Some(changes) = &mut self.sum_changes {
            changes.push((key.to_vec(), change));
        }
        if let Some(touched) = &mut self.touched {
            touched.push((key.to_vec(), existed));
        }
    }
}

/// The rows that say which store this is, what the last commit was about to do and would do again, and the sum itself are not part of the sum.
pub(super) fn is_counted(row_key: &[u8]) -> bool {
    let uncounted = [Tag::Identity, Tag::Intent, Tag::Redo, Tag::Sum].map(|tag| tag as u8);
    row_key.first().is_some_and(|tag| !uncounted.contains(tag))
}

impl Auditor {
    pub(super) fn new(reader: Reader, sums: Arc<Mutex<Sums>>) -> Self {
        Self { reader, sums }
    }

    /// Goes on adding up, for `time` at most, and begins where no adding up is going on. True once all rows are added and agree.
    ///
    /// Errors: [`Error::Damaged`] if they do not; the store is marked then, and the next open puts it aside.
    pub fn advance(&self, time: Duration) -> Result<bool, Error> {
        // `return` finds damage that is not there.
        fail::fail_point!("store::audit", |_| Err(self.reader.damaged("injected".to_owned())));
        self.add_up(time)
    }

    pub(super) fn add_up(&self, time: Duration) -> Result<bool, Error> {
        let until = Instant::now() + time;
        loop {
            if self.step()? {
                return Ok(true);
            }
            if until <= Instant::now() {
                return Ok(false);
            }
        }
    }

    fn step(&self) -> Result<bool, Error> {
        let mut sums = lock(&self.sums);
        let committed = sums.committed;
        let scan = sums.scan.get_or_insert_default();
        let from = scan.through.as_ref().map_or(Bound::Unbounded, |through| Bound::Excluded(&through[..]));
        let rows = self.reader.scan(from, Bound::Unbounded, Order::Ascending, STEP_ROWS)?;
        for (row_key, value) in rows.iter().filter(|(row_key, _)| is_counted(row_key)) {
            scan.sum = scan.sum.wrapping_add(row_hash(row_key, value));
        }
        if let Some((last, _)) = rows.last() {
            scan.through = Some(last.clone());
        }
        if rows.len() == STEP_ROWS {
            return Ok(false);
        }
        let agrees = scan.sum == committed;
        sums.scan = None;
        if agrees { Ok(true) } else { Err(self.reader.damaged("its rows do not add up to the sum of its commits".to_owned())) }
    }
}

pub(super) fn lock(sums: &Mutex<Sums>) -> MutexGuard<'_, Sums> {
    sums.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the sum of a store. Errors: [`Error::Damaged`] if commits have landed and there is none.
pub(super) fn read(reader: &Reader) -> Result<Sums, Error> {
    let row = reader.get(&key::sum())?;
    if row.is_none() && reader.get(&key::head())?.is_some() {
        return Err(reader.damaged("it has no sum of its rows".to_owned()));
    }
    Sums::read(row.as_deref()).ok_or_else(|| reader.damaged("the sum of its rows".to_owned()))
}
