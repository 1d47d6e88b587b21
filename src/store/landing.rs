//! Landing what a commit changes. A small commit is one sled batch. sled keeps each page that a batch replaces until the whole batch has
//! landed, some ten times what the batch writes, and nobody can read meanwhile. So as little as can be is in it: most of a commit are new rows that
//! nobody reads before a row of the batch names them, and old ones that nobody reads after it (blocks of pending rows). These are written before the
//! batch and deleted after it, row by row, and readers pass in between.
//!
//! A large commit lands in pieces. All that it changes is written before, as rows of its own, the redo rows; then the intent says that they
//! are whole. What a crash cuts off is done again from them at the next open.

use std::sync::Arc;

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::intent::{self, Announced};
use super::key::{self, Tag};
use super::reader::Health;
use super::{Error, Order, Reader};
use crate::failpoint::{self, Point};

/// A row that is put, or deleted where the value is `None`.
pub(super) type Change = (Vec<u8>, Option<sled::IVec>);

/// What a commit changes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// New rows that nobody reads before a row of `rows` names them.
    pub unseen: Vec<(Vec<u8>, sled::IVec)>,
    /// What readers see change, whole or not at all. Of two changes of one row the later counts.
    pub rows: Vec<Change>,
    /// Keys of rows that nobody reads any more once `rows` have changed.
    pub left: Vec<Vec<u8>>,
}

/// Bytes of a redo row, far below what sled would keep in a file of its own.
const REDO_ROW_BYTES: usize = 32 << 10;

/// The length of a value that stands for a deleted row.
const DELETED: u32 = u32::MAX;

/// Rows of a batch for which what it replaced is freed once: crossbeam frees some 500 objects at a time.
const ROWS_PER_RELEASE: usize = 16;

/// How commits land.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Rows up to which a commit is one batch.
    pub whole_rows: usize,
    /// Rows, and about as many bytes, of one piece of a larger commit.
    pub piece_rows: usize,
    pub piece_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { whole_rows: 4_096, piece_rows: 1_024, piece_bytes: 1 << 20 }
    }
}

/// Lands changes, whole or not at all as every later open sees it.
#[derive(Debug)]
pub(super) struct Landing<'a> {
    pub tree: &'a sled::Tree,
    pub health: &'a Arc<Health>,
    pub limits: Limits,
}

impl Landing<'_> {
    /// `intent` announces `changes` if they land as one batch.
    pub fn land(&self, changes: Changes, intent: Vec<u8>) -> Result<(), Error> {
        if changes.rows.len() <= self.limits().whole_rows {
            return self.land_whole(changes, intent);
        }
        self.announce(intent::announce(&changes, &[]))?;
        self.put_unseen(changes.unseen)?;
        let mut seen = changes.rows;
        seen.extend(changes.left.into_iter().map(|key| (key, None)));
        let mut redo = RedoRows::of(&seen);
        self.apply_in_pieces(redo.by_ref())?;
        let (rows, hash) = (redo.rows, redo.hash.digest128());
        self.announce(intent::announce_pieces(rows, hash))?;
        failpoint::reach(Point::StoreAnnounced);
        self.apply_in_pieces(seen)?;
        self.clear(rows)
    }

    fn land_whole(&self, changes: Changes, intent: Vec<u8>) -> Result<(), Error> {
        self.announce(intent)?;
        self.put_unseen(changes.unseen)?;
        self.apply(changes.rows)?;
        failpoint::reach(Point::StoreLanded);
        self.remove_each(&changes.left)
    }

    /// At open: does again what was cut off, if anything was.
    ///
    /// Errors: [`Error::Damaged`] if the last commit is there in part and the rest is not known.
    pub fn finish(&self, reader: &Reader) -> Result<(), Error> {
        let announced = reader.get(&key::intent())?;
        match Announced::read(announced.as_deref().unwrap_or_default()) {
            Some(Announced::Whole(rows)) if rows.landed(reader)? => self.remove_each(&rows.left)?,
            Some(Announced::Whole(rows)) => self.remove_each(&rows.unseen)?,
            Some(Announced::Pieces { rows, hash }) => {
                self.apply_in_pieces(read_redo(reader, rows, hash)?)?;
                return self.clear(rows);
            }
            None => return Err(reader.damaged("the intent of a commit".to_owned())),
        }
        // those of a commit that was not announced yet
        let left = reader.scan_prefix(&Tag::Redo.all(), Order::Ascending, usize::MAX)?;
        self.apply_in_pieces(left.into_iter().map(|(key, _)| (key, None)))
    }

    /// The commit has landed: first that is said, then its redo rows go.
    fn clear(&self, redo_rows: u32) -> Result<(), Error> {
        self.announce(Vec::new())?;
        self.apply_in_pieces((0..redo_rows).map(|number| (key::redo(number).into(), None)))
    }

    fn put_unseen(&self, rows: Vec<(Vec<u8>, sled::IVec)>) -> Result<(), Error> {
        self.one_by_one("writing pending rows", rows, |(key, value)| self.tree.insert(key, value))?;
        failpoint::reach(Point::StoreUnseen);
        Ok(())
    }

    fn remove_each(&self, keys: &[impl AsRef<[u8]>]) -> Result<(), Error> {
        self.one_by_one("deleting pending rows", keys, |key| self.tree.remove(key))
    }

    fn one_by_one<R>(
        &self,
        doing: &'static str,
        rows: impl IntoIterator<Item = R>,
        change: impl Fn(R) -> sled::Result<Option<sled::IVec>>,
    ) -> Result<(), Error> {
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            self.health.caught(doing, || rows.by_ref().take(ROWS_PER_RELEASE).try_for_each(|row| change(row).map(drop)))?;
            crossbeam_epoch::pin().flush();
        }
        Ok(())
    }

    fn announce(&self, intent: Vec<u8>) -> Result<(), Error> {
        self.health.caught("announcing a commit", || self.tree.insert(&*key::intent(), intent)).map(|_| ())
    }

    fn apply_in_pieces(&self, changes: impl IntoIterator<Item = Change>) -> Result<(), Error> {
        let Limits { piece_rows, piece_bytes, .. } = self.limits();
        let mut rest = changes.into_iter().peekable();
        while rest.peek().is_some() {
            let (mut piece, mut bytes) = (Vec::new(), 0);
            while let Some((key, value)) = rest.next_if(|_| piece.len() < piece_rows && bytes < piece_bytes) {
                bytes += key.len() + value.as_ref().map_or(0, |value| value.len());
                piece.push((key, value));
            }
            self.apply(piece)?;
            failpoint::reach(Point::StorePiece);
        }
        Ok(())
    }

    fn apply(&self, changes: Vec<Change>) -> Result<(), Error> {
        let rows = changes.len();
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.health.caught("committing", || self.tree.apply_batch(batch))?;
        (0..=rows / ROWS_PER_RELEASE).for_each(|_| crossbeam_epoch::pin().flush());
        Ok(())
    }

    fn limits(&self) -> Limits {
        // `return` has commits of a few rows land in pieces, so that a test need not write thousands.
        fail::fail_point!("store::small_pieces", |_| Limits { whole_rows: 4, piece_rows: 3, ..self.limits });
        self.limits
    }
}

/// The redo rows of changes, in their order: all of them as bytes, of which each row holds a part. Big-endian: for each change the length of its
/// key u16, the key, the length of its value u32, the value.
struct RedoRows<'a> {
    changes: std::slice::Iter<'a, Change>,
    /// Bytes that are in no row yet.
    bytes: Vec<u8>,
    rows: u32,
    hash: Xxh3,
}

impl<'a> RedoRows<'a> {
    fn of(changes: &'a [Change]) -> Self {
        Self { changes: changes.iter(), bytes: Vec::new(), rows: 0, hash: Xxh3::new() }
    }
}

impl Iterator for RedoRows<'_> {
    type Item = Change;

    fn next(&mut self) -> Option<Change> {
        while self.bytes.len() < REDO_ROW_BYTES {
            let Some((key, value)) = self.changes.next() else { break };
            self.bytes.extend_from_slice(&(key.len() as u16).to_be_bytes());
            self.bytes.extend_from_slice(key);
            self.bytes.extend_from_slice(&value.as_ref().map_or(DELETED, |value| value.len() as u32).to_be_bytes());
            self.bytes.extend_from_slice(value.as_deref().unwrap_or_default());
        }
        let rest = self.bytes.split_off(self.bytes.len().min(REDO_ROW_BYTES));
        let row = std::mem::replace(&mut self.bytes, rest);
        if row.is_empty() {
            return None;
        }
        self.hash.update(&row);
        self.rows += 1;
        Some((key::redo(self.rows - 1).into(), Some(row.into())))
    }
}

/// Reads redo rows back. Errors: [`Error::Damaged`] if they are not those that were written.
fn read_redo(reader: &Reader, rows: u32, hash: u128) -> Result<Vec<Change>, Error> {
    let mut bytes = Vec::new();
    for number in 0..rows {
        bytes.extend_from_slice(reader.get(&key::redo(number))?.as_deref().unwrap_or_default());
    }
    let changes = if xxh3_128(&bytes) == hash { parse(&bytes) } else { None };
    changes.ok_or_else(|| reader.damaged("its last commit is there only in part".to_owned()))
}

fn parse(mut rest: &[u8]) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    while !rest.is_empty() {
        let (key_len, after) = rest.split_first_chunk()?;
        let (key, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*key_len)))?;
        let (value_len, after) = after.split_first_chunk()?;
        let value_len = u32::from_be_bytes(*value_len);
        let (value, after) = match value_len {
            DELETED => (None, after),
            bytes => after.split_at_checked(bytes as usize).map(|(value, after)| (Some(value.into()), after))?,
        };
        changes.push((key.to_vec(), value));
        rest = after;
    }
    Some(changes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ops::Bound;

    use super::*;
    use crate::store::{Put, row_hash};

    type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

    const LIMITS: Limits = Limits { whole_rows: 5, piece_rows: 3, piece_bytes: 50_000 };

    struct World {
        tree: sled::Tree,
        health: Arc<Health>,
        _folder: tempfile::TempDir,
    }

    impl World {
        /// With rows 0 to 29, each of which says "old".
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let db = sled::Config::new().path(folder.path().join("db")).open().unwrap();
            let world = Self { tree: sled::Tree::clone(&db), health: Health::new(folder.path().to_owned()), _folder: folder };
            (0..30_u8).for_each(|number| drop(world.tree.insert([b'm', number], "old").unwrap()));
            world
        }

        fn landing(&self) -> Landing<'_> {
            Landing { tree: &self.tree, health: &self.health, limits: LIMITS }
        }

        fn reader(&self) -> Reader {
            Reader::new(self.tree.clone(), Arc::clone(&self.health))
        }

        /// All rows but the intent.
        fn rows(&self) -> Rows {
            let all = self.reader().scan(Bound::Unbounded, Bound::Unbounded, Order::Ascending, usize::MAX).unwrap();
            let rows = all.into_iter().filter(|(row_key, _)| row_key[0] != Tag::Intent as u8);
            rows.map(|(row_key, value)| (row_key, value.to_vec())).collect()
        }

        /// Writes that there are changes, and the first `landed` of them.
        fn land_in_part(&self, changes: &[Change], landed: usize) -> u32 {
            let mut redo = RedoRows::of(changes);
            self.landing().apply_in_pieces(redo.by_ref()).unwrap();
            self.landing().announce(intent::announce_pieces(redo.rows, redo.hash.digest128())).unwrap();
            self.landing().apply_in_pieces(changes[..landed].iter().cloned()).unwrap();
            redo.rows
        }
    }

    /// Half of the old rows go, half are replaced, some are new; one is longer than two redo rows.
    fn changes() -> Vec<Change> {
        let value = |number: u8| match number {
            7 => Some(vec![7; 2 * REDO_ROW_BYTES + 11].into()),
            _ if number.is_multiple_of(2) => None,
            _ => Some(vec![number; usize::from(number) * 400].into()),
        };
        (0..40).map(|number| (vec![b'm', number], value(number))).collect()
    }

    fn after(changes: &[Change]) -> Rows {
        changes.iter().filter_map(|(row_key, value)| Some((row_key.clone(), value.as_ref()?.to_vec()))).collect()
    }

    #[test]
    fn a_large_commit_leaves_its_rows_and_nothing_to_redo() {
        let (world, changes) = (World::new(), changes());
        world.landing().land(Changes { rows: changes.clone(), ..Changes::default() }, b"unused".to_vec()).unwrap();
        assert_eq!(world.rows(), after(&changes));
        world.landing().finish(&world.reader()).unwrap();
        assert_eq!(world.rows(), after(&changes));
    }

    #[test]
    fn what_is_cut_off_after_any_piece_is_done_again_at_open() {
        let changes = changes();
        for landed in (0..=changes.len()).step_by(3) {
            let world = World::new();
            assert!(3 < world.land_in_part(&changes, landed), "several redo rows");
            world.landing().finish(&world.reader()).unwrap();
            assert_eq!(world.rows(), after(&changes), "cut off after {landed} rows");
        }
    }

    #[test]
    fn a_commit_that_was_not_announced_leaves_no_trace() {
        let (world, changes) = (World::new(), changes());
        let before = world.rows();
        let rows = RedoRows::of(&changes).count();
        for written in 1..=rows {
            world.landing().apply_in_pieces(RedoRows::of(&changes).take(written)).unwrap();
            assert_ne!(world.rows(), before);
            world.landing().finish(&world.reader()).unwrap();
            assert_eq!(world.rows(), before);
        }
    }

    /// A commit of `rows` rows of `changes`, which names what lies outside of its batch: row 100 comes and row 29, of before, goes.
    fn commit_with_rows_outside(rows: usize) -> (Changes, Vec<u8>) {
        let changes = Changes {
            unseen: vec![(vec![b'm', 100], "new".into())],
            rows: changes().into_iter().take(rows).collect(),
            left: vec![vec![b'm', 29]],
        };
        let hash_before = |key: &[u8]| row_hash(key, b"old");
        let put = |(key, value): &Change| {
            let before = hash_before(key);
            (Put { key: key.clone(), value: value.clone(), before: None }, before)
        };
        let puts: Vec<_> = changes.rows.iter().map(put).collect();
        let intent = intent::announce(&changes, &puts);
        (changes, intent)
    }

    #[test]
    fn rows_outside_of_a_batch_come_and_go_with_it_wherever_it_is_cut_off() {
        for rows in [5, 28] {
            let before = World::new().rows();
            let landed = {
                let (world, (changes, intent)) = (World::new(), commit_with_rows_outside(rows));
                world.landing().land(changes, intent).unwrap();
                world.rows()
            };
            assert!(landed.contains_key(&vec![b'm', 100][..]) && !landed.contains_key(&vec![b'm', 29][..]));
            for stage in 0..4 {
                let (world, (changes, intent)) = (World::new(), commit_with_rows_outside(rows));
                let landing = world.landing();
                if stage == 0 {
                    landing.announce(intent).unwrap();
                } else if stage < 3 {
                    landing.announce(intent).unwrap();
                    landing.put_unseen(changes.unseen).unwrap();
                    if stage == 2 {
                        landing.apply(changes.rows).unwrap();
                    }
                } else {
                    landing.announce(intent::announce(&changes, &[])).unwrap();
                    landing.put_unseen(changes.unseen).unwrap();
                    landing.apply_in_pieces(RedoRows::of(&changes.rows).take(1)).unwrap();
                }
                landing.finish(&world.reader()).unwrap();
                assert_eq!(
                    world.rows(),
                    if stage == 2 { landed.clone() } else { before.clone() },
                    "{rows} rows, stage {stage}"
                );
            }
        }
    }

    #[test]
    fn redo_rows_that_are_not_whole_are_damage() {
        let changes = changes();
        for damaged in [None, Some("something else")] {
            let world = World::new();
            world.land_in_part(&changes, 9);
            match damaged {
                Some(value) => drop(world.tree.insert(&*key::redo(2), value).unwrap()),
                None => drop(world.tree.remove(&*key::redo(2)).unwrap()),
            }
            let found = world.landing().finish(&world.reader());
            assert!(matches!(found, Err(Error::Damaged(what)) if what.contains("only in part")));
        }
    }
}
