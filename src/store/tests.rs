//! The store against a plain map: random puts, commits, merges and reopenings.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::path::PathBuf;

use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_128;

use super::pending::{Limits, ROW_BYTES_MAX};
use super::{Commit, CopyError, Error, Options, Order, PendingKey, Put, Store, key, landing, row_hash};
use crate::event::wire::ENTRIES_MAX;
use crate::monitor::classes::OTHER;
use crate::monitor::join::{Answer, JoinRow, Served, Truth};
use crate::monitor::rows::{Key, Tag};
use crate::time::Timestamp;

/// So small that a few dozen rows freeze memtables and merge over three levels.
fn tiny() -> Options {
    let pending = Limits { memtable_rows: 24, memtable_bytes: 4096, direct_rows: 16, fan_out: 2, slice_rows: 2 };
    let landing = landing::Limits { whole_rows: 30, piece_rows: 7, piece_bytes: 1 << 10 };
    Options { cache_bytes: 1 << 20, pending, landing }
}

/// A store and what it must hold.
struct World {
    folder: tempfile::TempDir,
    store: Option<Store>,
    seq: u64,
    committed: BTreeMap<PendingKey, Vec<u8>>,
    now: BTreeMap<PendingKey, Vec<u8>>,
    expired: BTreeSet<PendingKey>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Some(Store::open(&folder.path().join("store"), tiny()).unwrap().store);
        let (committed, now) = (BTreeMap::new(), BTreeMap::new());
        Self { folder, store, seq: 0, committed, now, expired: BTreeSet::new() }
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().unwrap()
    }

    fn put(&mut self, key: PendingKey, row: Vec<u8>) {
        if self.expired.contains(&key) {
            return;
        }
        self.store().pending().put(&key, &row).unwrap();
        self.now.insert(key, row);
    }

    fn commit(&mut self) {
        self.seq += 1;
        let (seq, expired) = (self.seq, self.expired.clone());
        let puts = vec![Put::new(model_key(seq as u32 % 8), Some(seq.to_be_bytes().to_vec()))];
        let keep = |key: &PendingKey, _: &[u8]| !expired.contains(key);
        self.store().commit(Commit { seq, head: seq.to_be_bytes().to_vec(), puts, keep: &keep }).unwrap();
        self.committed.clone_from(&self.now);
    }

    /// A few rows more are added up; a sum that does not agree is an error.
    fn audit(&mut self) -> bool {
        self.store().auditor().advance(std::time::Duration::ZERO).unwrap()
    }

    /// What was not committed is gone.
    fn reopen(&mut self) {
        self.store = None;
        let opened = Store::open(&self.dir(), tiny()).unwrap();
        assert_eq!(opened.quarantined, None);
        self.store = Some(opened.store);
        self.now.clone_from(&self.committed);
    }

    fn check(&mut self) {
        self.audit();
        let seq = self.seq.to_be_bytes();
        let head = self.store().head().unwrap();
        assert_eq!(head.as_deref(), (0 < self.seq).then_some(&seq[..]));
        let expected: Vec<_> = self.now.clone().into_iter().collect();
        for (key, row) in expected {
            let expired = self.expired.contains(&key);
            let got = self.store().pending().get(&key).unwrap().map(<[u8]>::to_vec);
            assert!(got.as_ref() == Some(&row) || expired, "{key:?}: {got:?} instead of {row:?}");
        }
        let reader = self.store().reader();
        for (key, row) in &self.committed {
            let got = super::pending::committed_row(&reader, key).unwrap();
            assert!(got.as_ref() == Some(row) || self.expired.contains(key), "{key:?}: {got:?} committed instead of {row:?}");
        }
        for id in 0..50 {
            assert_eq!(self.store().pending().get(&hashed(1 << 32 | id)).unwrap(), None);
        }
    }
}

/// All rows that the sum of a store counts.
fn counted(store: &Store) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let all = store.reader().scan(Bound::Unbounded, Bound::Unbounded, Order::Ascending, usize::MAX).unwrap();
    all.into_iter().filter(|(key, _)| super::audit::is_counted(key)).map(|(key, value)| (key, value.to_vec())).collect()
}

#[test]
fn a_copy_is_what_the_store_held_when_it_began_whatever_is_committed_meanwhile() {
    let mut world = World::new();
    let mut number = 0;
    // rows of every range that is walked, more of them than one step reads
    let mut work = |world: &mut World, puts: u64| {
        for _ in 0..puts {
            number += 1;
            world.put(hashed(number * 7 % 900), vec![number as u8; 20]);
        }
        world.seq += 1;
        let seq = world.seq;
        let put = |id: u64| {
            let key = [[b'a', b'm', b'p', b'w'][id as usize % 4]]
                .into_iter()
                .chain((id * seq % 1_500).to_be_bytes())
                .collect::<Vec<u8>>();
            Put::new(key, (!id.is_multiple_of(5)).then(|| vec![seq as u8; 40]))
        };
        let puts = (0..200).map(put).collect();
        world.store().commit(Commit { seq, head: seq.to_be_bytes().to_vec(), puts, keep: &|_, _| true }).unwrap();
    };
    for _ in 0..60 {
        work(&mut world, 30);
    }
    for meanwhile in [0, 1, 3] {
        let expected = counted(world.store());
        let mut copy = world.store().copies().begin().unwrap();
        assert!(matches!(world.store().copies().begin(), Err(CopyError::Busy)));
        let (mut copied, mut sum, mut steps) = (BTreeMap::new(), 0_u128, 0);
        while let Some(rows) = copy.step().unwrap() {
            for (key, value) in rows {
                sum = sum.wrapping_add(row_hash(&key, &value));
                assert_eq!(copied.insert(key, value.to_vec()), None, "a row comes once");
            }
            (0..meanwhile).for_each(|_| work(&mut world, 40));
            steps += 1;
        }
        assert!(
            copied == expected && sum == copy.sum() && 5 < steps,
            "{} of {} rows, {steps} steps",
            copied.len(),
            expected.len()
        );
        drop(copy);
        assert!(meanwhile == 0 || counted(world.store()) != expected, "much was committed meanwhile");
    }
}

#[test]
fn a_store_that_is_filled_opens_with_the_same_rows() {
    let mut world = World::new();
    for id in 0..300 {
        world.put(hashed(id), id.to_be_bytes().to_vec());
        world.commit();
    }
    let rows = counted(world.store());
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("other");
    let failed = Store::fill(&dir, tiny(), |filling| {
        filling.put(b"m1", b"half")?;
        Err::<(), Error>(Error::Damaged("the source".into()))
    });
    assert!(failed.is_err() && !dir.exists() && !folder.path().join("other.partial").exists());
    let put_all = |filling: &mut super::Filling| rows.iter().try_for_each(|(key, value)| filling.put(key, value));
    Store::fill(&dir, tiny(), put_all).unwrap();
    let opened = Store::open(&dir, tiny()).unwrap();
    assert_eq!(opened.quarantined, None);
    assert_eq!(counted(&opened.store), rows);
    world.store = Some(opened.store);
    world.check();
}

#[derive(Clone, Debug)]
enum Step {
    Put(PendingKey, Vec<u8>),
    Expire(PendingKey),
    Commit(u8),
    Reopen,
}

/// Some row of the core.
fn model_key(number: u32) -> Key {
    Tag::Model.all().u32(number)
}

fn hashed(id: u64) -> PendingKey {
    *xxh3_128(&id.to_le_bytes()).to_be_bytes().first_chunk().unwrap()
}

/// Mostly hashes; some keys that are no hashes at all must work too.
fn any_key() -> impl Strategy<Value = PendingKey> {
    prop_oneof![
        8 => (0..400_u64).prop_map(hashed),
        1 => (0..20_u8).prop_map(|end| { let mut key = [0; 12]; key[11] = end; key }),
        1 => (0..20_u8).prop_map(|end| { let mut key = [255; 12]; key[0] = 235 + end; key }),
    ]
}

fn any_row() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => prop::collection::vec(any::<u8>(), 0..40),
        1 => Just(vec![7; ROW_BYTES_MAX]),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        200 => (any_key(), any_row()).prop_map(|(key, row)| Step::Put(key, row)),
        4 => any_key().prop_map(Step::Expire),
        20 => (1..4_u8).prop_map(Step::Commit),
        2 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn pending_rows_are_what_was_put_last_through_merges_and_reopenings(steps in prop::collection::vec(any_step(), 1..1500)) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Put(key, row) => world.put(key, row),
                Step::Expire(key) => { world.expired.insert(key); }
                Step::Commit(times) => (0..times).for_each(|_| world.commit()),
                Step::Reopen => { world.reopen(); world.check(); }
            }
        }
        world.check();
        world.commit();
        world.reopen();
        world.check();
    }
}

#[test]
fn merging_leaves_few_runs_and_no_rows_behind() {
    let mut world = World::new();
    for id in 0..2000 {
        world.put(hashed(id), vec![1; 20]);
        if id % 7 == 0 {
            world.commit();
        }
    }
    for _ in 0..3000 {
        world.commit();
    }
    world.check();
    let figures = world.store().pending().figures();
    assert!(figures.runs <= 10 && figures.rows == 2000, "{figures:?}");
    let rows =
        |tag: key::Tag| world.store.as_ref().unwrap().reader().scan_prefix(&tag.all(), Order::Ascending, 10_000).unwrap();
    let blocks = rows(key::Tag::RunBlock).len();
    assert!(blocks <= 2000 * 34 / 4096 + 2 * figures.runs, "{blocks} blocks of {} runs", figures.runs);
    let logged: usize = rows(key::Tag::PendingLog).iter().map(|(_, chunk)| chunk.len() / 34).sum();
    assert!(logged <= 24, "{logged} rows are still logged");
}

#[test]
fn a_run_that_nobody_wants_is_rewritten_before_its_turn_to_merge() {
    let mut world = World::new();
    for id in 0..2000 {
        world.put(hashed(id), vec![1; 20]);
        if id % 7 == 0 {
            world.commit();
        }
    }
    world.expired = (0..1900).map(hashed).collect();
    for id in 5000..5300 {
        world.put(hashed(id), vec![1; 20]);
        if id % 7 == 0 {
            (0..20).for_each(|_| world.commit());
        }
    }
    world.check();
    let rows = world.store().pending().figures().rows;
    assert!(rows < 900, "{rows} rows are held of 400 wanted ones");
}

#[test]
fn a_row_that_is_too_long_is_refused() {
    let mut world = World::new();
    let refused = world.store().pending().put(&hashed(1), &[0; ROW_BYTES_MAX + 1]);
    assert!(matches!(refused, Err(Error::RowTooLong { .. })));
}

#[test]
fn the_longest_prediction_that_is_accepted_fits_into_a_row() {
    let scores = (0..ENTRIES_MAX).map(|_| (OTHER, f64::MAX)).collect();
    let answer = Answer { failed: true, class: Some(OTHER), number: Some(1.0), confidence: Some(1.0), scores };
    let at = Timestamp::from_micros(i64::MIN);
    let truth = Some(Truth { class: Some(OTHER), number: Some(1.0), at, apart: None });
    let (model, seq, index) = (u32::MAX, u64::MAX, u32::MAX);
    let mut row = Vec::new();
    JoinRow::Served(Served { model, cell: u16::MAX, at, seq, index, answer, truth }).encode(&mut row);
    let mut world = World::new();
    world.put(hashed(1), row);
    world.commit();
    world.reopen();
    world.check();
}

#[test]
fn scans_go_both_ways_and_stop_at_their_limit() {
    let mut world = World::new();
    let puts = (0..100_u32).map(|model| Put::new(model_key(model), Some(vec![model as u8]))).collect();
    world.store().commit(Commit { seq: 1, head: Vec::new(), puts, keep: &|_, _| true }).unwrap();
    let reader = world.store().reader();
    let models = |rows: Vec<(Vec<u8>, super::Value)>| rows.iter().map(|(_, value)| value[0]).collect::<Vec<_>>();
    let prefix = Tag::Model.all();
    assert_eq!(models(reader.scan_prefix(&prefix, Order::Ascending, 3).unwrap()), [0, 1, 2]);
    assert_eq!(models(reader.scan_prefix(&prefix, Order::Descending, 3).unwrap()), [99, 98, 97]);
    let (from, to) = (model_key(10), model_key(12));
    let scan = |from, to| models(reader.scan(from, to, Order::Descending, 9).unwrap());
    assert_eq!(scan(std::ops::Bound::Excluded(&from[..]), std::ops::Bound::Included(&to[..])), [12, 11]);
    assert!(scan(std::ops::Bound::Excluded(&to[..]), std::ops::Bound::Included(&from[..])).is_empty());
}

#[test]
fn after_a_failure_nothing_more_is_written_and_reads_go_on() {
    let mut world = World::new();
    world.put(hashed(1), vec![1]);
    world.commit();
    let mut syncer = world.store().syncer().unwrap();
    syncer.sync().unwrap();
    let failure = std::io::Error::from_raw_os_error(5);
    world.store().health.fail(&Error::io("syncing to disk", failure));
    let commit = Commit { seq: 2, head: vec![2], puts: Vec::new(), keep: &|_, _| true };
    assert!(matches!(world.store().commit(commit), Err(Error::Refused(_))));
    assert!(matches!(syncer.sync(), Err(Error::Refused(_))));
    assert_eq!(world.store().head().unwrap().as_deref(), Some(&1_u64.to_be_bytes()[..]));
    drop(syncer);
    world.reopen();
    world.check();
    world.commit();
}

#[test]
fn rows_that_changed_behind_our_back_are_found_at_open_and_while_the_store_is_in_use() {
    let mut world = World::new();
    for n in 0_u64..40 {
        world.put(*xxh3_128(&n.to_le_bytes()).to_be_bytes().first_chunk().unwrap(), vec![n as u8; 20]);
        world.commit();
    }
    assert!(world.audit());
    let store = world.store();
    let old = store.tree.get(&*model_key(3)).unwrap().unwrap();
    world.commit();
    let store = world.store();
    // as a page that came back from the past
    store.tree.insert(&*model_key(3), 999_u64.to_be_bytes().to_vec()).unwrap();
    assert!(matches!(store.auditor().advance(std::time::Duration::from_secs(9)), Err(Error::Damaged(_))));
    assert!(store.reader().damage().unwrap().contains("do not add up"));
    world.store = None;
    assert!(Store::open(&world.dir(), tiny()).unwrap().quarantined.is_some());

    let mut store = Store::open(&world.dir(), tiny()).unwrap().store;
    let puts = vec![Put::new(model_key(3), Some(b"new".to_vec()))];
    store.commit(Commit { seq: 1, head: vec![1], puts, keep: &|_, _| true }).unwrap();
    store.tree.insert(&*model_key(3), old).unwrap();
    store.tree.flush().unwrap();
    drop(store);
    let quarantined = Store::open(&world.dir(), tiny()).unwrap().quarantined.unwrap();
    assert!(quarantined.reason.contains("in part") || quarantined.reason.contains("add up"), "{}", quarantined.reason);
}

#[test]
fn rows_add_up_while_commits_change_them_at_every_step() {
    let mut world = World::new();
    let mut done = 0;
    for n in 0_u64..3_000 {
        for i in 0..20 {
            let id = xxh3_128(&(n * 20 + i).to_le_bytes()).to_be_bytes();
            world.put(*id.first_chunk().unwrap(), vec![i as u8; 30]);
        }
        world.commit();
        done += u64::from(world.audit());
    }
    assert!(10 < done && done < 2_900, "{done}");
}
