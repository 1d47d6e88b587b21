//! The core's [`Cold`] state in the store: join rows in the pending store, panes as rows, lists as rings of rows. Holds what one
//! commit changes until it lands, and the digest over all rows.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, Range};

use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_128;

use super::{Auditor, Commit, CopySource, Error, Order, PendingKey, Put, Reader, Store, Syncer, reader, row_hash};
use crate::monitor::cold::{Cold, List, Next};
use crate::monitor::drift::baseline::Baseline;
use crate::monitor::drift::chunk::Chunk;
use crate::monitor::drift::{Part, Track};
use crate::monitor::join::{JoinKey, JoinRow};
use crate::monitor::kept::Kept;
use crate::monitor::pane::{Pane, PaneId, Width};
use crate::monitor::rows::{Key, Reader as _, Writer};
use crate::time::Timestamp;

/// The write side of the store as the core sees it.
#[derive(Debug)]
pub struct ColdStore {
    store: Store,
    reader: Reader,
    panes: BTreeMap<PaneId, Kept<Pane>>,
    puts: Vec<Put>,
    /// By model: no minute that was ever written or put here begins between these two. `None` if that is not known.
    first_panes: Vec<Option<(Timestamp, Timestamp)>>,
    /// By model and width: panes that begin before this are deleted among `puts`.
    erased_before: BTreeMap<(u32, Width), Timestamp>,
    /// Of the list entries among `puts`.
    bytes_held: usize,
    ahead: Ahead,
    /// Sum of the hashes of all rows ever put, less those replaced: equal for equal states, however they were reached.
    digest: u128,
    /// The first failed read. The commit gives it back: what was computed after it is not to be kept.
    failure: Option<Error>,
    scratch: Vec<u8>,
}

/// Join rows looked up together before they are asked for, in the order in which they will be.
#[derive(Debug, Default)]
struct Ahead {
    keys: Vec<JoinKey>,
    /// Where in `rows` the row of a key lies; `None` if it has none.
    found: Vec<Option<(u32, u32)>>,
    rows: Vec<u8>,
    next: usize,
}

/// How far ahead a key is looked for when some before it were not asked for.
const SKIPPED_MAX: usize = 16;

/// Panes read at a time where a stretch of them is asked for.
const PANES_READ: usize = 256;

impl ColdStore {
    pub fn new(store: Store, digest: u128) -> Self {
        let reader = store.reader();
        Self {
            store,
            reader,
            panes: BTreeMap::new(),
            puts: Vec::new(),
            first_panes: Vec::new(),
            erased_before: BTreeMap::new(),
            bytes_held: 0,
            ahead: Ahead::default(),
            digest,
            failure: None,
            scratch: Vec::new(),
        }
    }

    /// See [`Store::reader`].
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// See [`Store::syncer`].
    pub fn syncer(&self) -> Result<Syncer, Error> {
        self.store.syncer()
    }

    /// See [`Store::auditor`].
    pub fn auditor(&self) -> Auditor {
        self.store.auditor()
    }

    /// See [`Store::copies`].
    pub fn copies(&self) -> CopySource {
        self.store.copies()
    }

    pub const fn digest(&self) -> u128 {
        self.digest
    }

    /// Cold panes held for the next commit.
    pub fn panes_held(&self) -> usize {
        self.panes.len()
    }

    /// Looks up the join rows that the next records will ask for, in that order: several times cheaper together than one by one.
    /// Keys that are not asked for, and rows that are asked for without, do no harm.
    pub fn look_ahead(&mut self, keys: &[JoinKey]) {
        let ahead = &mut self.ahead;
        ahead.keys.clear();
        ahead.keys.extend_from_slice(keys);
        ahead.found.clear();
        ahead.found.resize(keys.len(), None);
        ahead.rows.clear();
        ahead.next = 0;
        let (found, rows) = (&mut ahead.found, &mut ahead.rows);
        let looked = self.store.pending().get_many(keys, |index, row| {
            found[index] = Some((rows.len() as u32, row.len() as u32));
            rows.extend_from_slice(row);
        });
        if looked.is_err() {
            // asked for one by one, the failure shows again
            ahead.keys.clear();
        }
    }

    /// Bytes of list entries held for the next commit.
    pub const fn bytes_held(&self) -> usize {
        self.bytes_held
    }

    /// Puts or deletes a row that is no part of the state, such as one of the outbox.
    pub fn put_aside(&mut self, key: Key, value: Option<Vec<u8>>) {
        self.puts.push(Put::new(key, value));
    }

    /// Writes the cold panes that changed; [`Self::digest`] is up to date after this.
    pub fn fold_panes(&mut self) {
        for (id, mut pane) in std::mem::take(&mut self.panes) {
            pane.save(|| id.key(), self);
        }
    }

    fn delete_row(&mut self, key: Vec<u8>, hash: u128) {
        self.digest = self.digest.wrapping_sub(hash);
        self.puts.push(Put { key, value: None, before: Some(hash) });
    }

    /// See [`Store::make_room`], for everything put since the last commit.
    pub fn make_room(&mut self) -> Result<(), Error> {
        self.store.make_room(&self.puts)
    }

    /// Lands everything put since the last commit. `keep` says whether a join row is still wanted.
    pub fn commit(&mut self, seq: u64, head: Vec<u8>, keep: &dyn Fn(&PendingKey, &[u8]) -> bool) -> Result<(), Error> {
        match self.failure.take() {
            None => {}
            // a row that cannot be read is damage, whoever finds it
            Some(Error::Damaged(what)) => return Err(self.reader.damaged(what)),
            Some(failure) => return Err(failure),
        }
        self.bytes_held = 0;
        self.erased_before.clear();
        self.store.commit(Commit { seq, head, puts: std::mem::take(&mut self.puts), keep })
    }

    fn ask<T: Default>(&mut self, answer: Result<T, Error>) -> T {
        answer.unwrap_or_else(|error| {
            self.failure.get_or_insert(error);
            T::default()
        })
    }

    fn note_pane(&mut self, id: PaneId) {
        if let (Width::Minute, Some(Some((from, first)))) = (id.width, self.first_panes.get_mut(id.model as usize)) {
            *first = if id.start < *from { *first } else { id.start.min(*first) };
        }
    }

    /// The committed pane; `None` if there is none, or it cannot be read.
    fn read(&mut self, id: PaneId) -> Option<Kept<Pane>> {
        self.value(&id.key())
    }

    /// A committed row; `None` if there is none, or it cannot be read.
    fn value<T: DeserializeOwned>(&mut self, key: &Key) -> Option<Kept<T>> {
        let mut value = None;
        let read = self.reader.one(key, &mut |row| {
            value = Some(Kept::restore(row)?);
            Ok(())
        });
        self.ask(read);
        value
    }
}

impl Writer for ColdStore {
    fn put(&mut self, key: Key, value: Vec<u8>, before: u128) -> u128 {
        let hash = row_hash(&key, &value);
        self.digest = self.digest.wrapping_sub(before).wrapping_add(hash);
        self.puts.push(Put { key: key.into(), value: Some(value.into()), before: Some(before) });
        hash
    }

    fn delete(&mut self, key: Key, hash: u128) {
        self.delete_row(key.into(), hash);
    }

    fn delete_all(&mut self, prefix: &Key) {
        let rows = self.reader.scan_prefix(prefix, Order::Ascending, usize::MAX);
        for (row_key, value) in self.ask(rows) {
            let hash = row_hash(&row_key, &value);
            self.delete_row(row_key, hash);
        }
    }
}

impl Cold for ColdStore {
    fn row(&mut self, key: &JoinKey) -> Option<JoinRow> {
        let decoded = |row: &[u8]| JoinRow::decode(row).ok_or_else(|| Error::Damaged("a join row cannot be read".to_owned()));
        let pending = self.store.pending();
        let row = match (pending.recent(key).map(decoded), self.ahead.take(key)) {
            (Some(row), _) => row.map(Some),
            (None, Some(row)) => row.map(decoded).transpose(),
            (None, None) => pending.get(key).and_then(|row| row.map(decoded).transpose()),
        };
        self.ask(row)
    }

    fn put_row(&mut self, key: JoinKey, row: &JoinRow, replaced: Option<&JoinRow>) {
        if let Some(replaced) = replaced {
            self.scratch.clear();
            replaced.encode(&mut self.scratch);
            self.digest = self.digest.wrapping_sub(row_hash(&key, &self.scratch));
        }
        self.scratch.clear();
        row.encode(&mut self.scratch);
        self.digest = self.digest.wrapping_add(row_hash(&key, &self.scratch));
        let put = self.store.pending().put(&key, &self.scratch);
        self.ask(put);
    }

    fn pane(&mut self, id: PaneId) -> Option<&mut Pane> {
        if !self.panes.contains_key(&id) {
            let pane = self.read(id)?;
            self.panes.insert(id, pane);
        }
        self.panes.get_mut(&id).map(Kept::change)
    }

    fn insert_pane(&mut self, id: PaneId, pane: Kept<Pane>) -> &mut Pane {
        self.note_pane(id);
        self.panes.entry(id).insert_entry(pane).into_mut().change()
    }

    fn unlabelled(&mut self, id: PaneId) -> u64 {
        match self.panes.get(&id) {
            Some(pane) => pane.unlabelled(),
            None => self.read(id).map_or(0, |pane| pane.unlabelled()),
        }
    }

    fn next_pane(&mut self, model: u32, width: Width, from: Timestamp, before: Timestamp) -> Option<Timestamp> {
        if before <= from {
            return None;
        }
        // every minute of every model asks whether a pane has passed the horizon; nearly always its first one is far from it
        let known = self.first_panes.get(model as usize).copied().flatten().filter(|_| width == Width::Minute);
        if known.is_some_and(|(known_from, first)| known_from <= from && before <= first) {
            return None;
        }
        let end = PaneId::new(model, width, Timestamp::from_micros(i64::MAX));
        let low = PaneId::new(model, width, from);
        let held = self.panes.range(low..end).next().map(|(id, _)| id.start);
        let rows = self.reader.scan(Bound::Included(&low.key()), Bound::Excluded(&end.key()), Order::Ascending, 1);
        let stored = self.ask(rows).first().and_then(|(row_key, _)| Some(PaneId::of_key(row_key)?.start));
        let first = held.into_iter().chain(stored).min().unwrap_or(end.start);
        if width == Width::Minute {
            let model = model as usize;
            self.first_panes.resize(self.first_panes.len().max(model + 1), None);
            self.first_panes[model] = Some((from, first));
        }
        (first < before).then_some(first)
    }

    fn each_pane(
        &mut self,
        model: u32,
        width: Width,
        (from, before): (Timestamp, Timestamp),
        see: &mut dyn FnMut(PaneId, &Pane) -> Next,
    ) {
        let id = |start| PaneId::new(model, width, start);
        let end = id(before).key();
        let mut from = from;
        while from < before {
            let rows = self.reader.scan(Bound::Included(&id(from).key()), Bound::Excluded(&end), Order::Ascending, PANES_READ);
            let rows = self.ask(rows);
            let mut stored = BTreeMap::new();
            for (row_key, value) in &rows {
                stored.extend(PaneId::of_key(row_key).map(|id| (id, (row_key, value))));
            }
            // a pane that is held is newer than its row
            let until =
                if rows.len() < PANES_READ { before } else { stored.keys().next_back().map_or(before, |last| last.end()) };
            let held = self.panes.range(id(from)..id(until)).map(|(id, _)| *id);
            let ids: BTreeSet<PaneId> = held.chain(stored.keys().copied()).collect();
            for id in ids {
                let next = match (self.panes.get(&id), stored.get(&id)) {
                    (Some(pane), _) => see(id, pane),
                    (None, Some((row_key, value))) => {
                        let read = reader::row_of(row_key, value).read::<Pane>().map(Some);
                        self.ask(read.map_err(Error::from)).map_or(Next::Shown, |pane| see(id, &pane))
                    }
                    (None, None) => Next::Shown,
                };
                if next == Next::Enough {
                    return;
                }
            }
            from = until;
        }
    }

    fn baseline(&mut self, model: u32, number: u32) -> Option<Baseline> {
        self.value(&Track::key(model, Baseline::track_of(number), Part::Baseline(number))).map(Kept::into_value)
    }

    fn reference_chunk(&mut self, model: u32, track: u16, number: u32) -> Option<Chunk> {
        let kept = self.value(&Track::key(model, track, Part::Chunk(number)));
        // it was written before it was left to the store
        let missing = || Error::Damaged(format!("chunk {number} of a reference of model {model} is missing"));
        let kept = kept.ok_or_else(missing).map(Some);
        self.ask(kept).map(Kept::into_value)
    }

    fn erase_panes(&mut self, model: u32, width: Width, before: Timestamp, most: usize) -> usize {
        // what was deleted since the last commit is still there
        let from = self.erased_before.get(&(model, width)).copied().unwrap_or(Timestamp::from_micros(i64::MIN));
        if before <= from {
            return 0;
        }
        let (low, high) = (PaneId::new(model, width, from), PaneId::new(model, width, before));
        let rows = self.reader.scan(Bound::Included(&low.key()), Bound::Excluded(&high.key()), Order::Ascending, most);
        let stored: BTreeMap<PaneId, u128> = self
            .ask(rows)
            .iter()
            .filter_map(|(row_key, value)| Some((PaneId::of_key(row_key)?, row_hash(row_key, value))))
            .collect();
        let held = self.panes.range(low..high).map(|(id, _)| *id);
        let oldest: BTreeSet<PaneId> = held.chain(stored.keys().copied()).collect();
        let oldest: Vec<PaneId> = oldest.into_iter().take(most).collect();
        for id in &oldest {
            self.panes.remove(id);
            if let Some(row_hash) = stored.get(id) {
                self.delete(id.key(), *row_hash);
            }
        }
        let erased = if oldest.len() < most { Some(before) } else { oldest.last().map(|last| last.end()) };
        self.erased_before.extend(erased.map(|erased| ((model, width), erased)));
        oldest.len()
    }

    fn erase_entries(&mut self, list: List, ordinals: Range<u64>) {
        // what a list has dropped stays in the digest, as everywhere
        self.puts.extend(ordinals.map(|ordinal| Put::new(list.key(ordinal), None)));
    }

    fn append(&mut self, list: List, ordinal: u64, keep: u64, entry: Vec<u8>) {
        let row_key = list.key(ordinal);
        self.digest = self.digest.wrapping_add(row_hash(&row_key, &entry));
        self.bytes_held += entry.len();
        self.puts.push(Put::new(row_key, Some(entry)));
        if let Some(oldest) = ordinal.checked_sub(keep) {
            self.puts.push(Put::new(list.key(oldest), None));
        }
    }
}

impl Ahead {
    /// What was found for `key`, if it was looked up.
    fn take(&mut self, key: &JoinKey) -> Option<Option<&[u8]>> {
        let near = self.keys[self.next..].iter().take(SKIPPED_MAX).position(|ahead| ahead == key)?;
        let at = self.next + near;
        self.next = at + 1;
        Some(self.found[at].map(|(start, length)| &self.rows[start as usize..][..length as usize]))
    }
}

/// The hash of a value on its own.
pub fn value_hash(value: &[u8]) -> u128 {
    xxh3_128(value)
}
