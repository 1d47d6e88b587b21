//! The store under faults: killed at any moment, damaged anywhere, opened twice. Whatever happens, what opens is the state of
//! one whole commit, or a fresh store with the damaged one put aside.

#[path = "support/workload.rs"]
mod workload;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tidewatch::event::subject::Root;
use tidewatch::event::wire::{NoTables, Raw, decode};
use tidewatch::event::{Lane, Message};
use tidewatch::ids::Slug;
use tidewatch::monitor::rows::Tag;
use tidewatch::nats::Saved;
use tidewatch::processor::{Batch, Projection};
use tidewatch::store::pending::Limits;
use tidewatch::store::{Commit, Error, Opened, Options, Order, PendingKey, Put, Store, key, landing};
use tidewatch::time::Timestamp;
use workload::{START_MS, records, with_late_data_and_commands};
use xxhash_rust::xxh3::xxh3_128;

const MODELS: u32 = 40;
const ROWS_PER_COMMIT: u64 = 10;

/// Small enough that a few commits go through every stage of the pending rows.
fn options() -> Options {
    let pending = Limits { memtable_rows: 100, memtable_bytes: 8192, direct_rows: 60, fan_out: 3, slice_rows: 40 };
    let landing = landing::Limits { whole_rows: 40, piece_rows: 10, piece_bytes: 4 << 10 };
    Options { cache_bytes: 1 << 20, pending, landing }
}

/// Commit `n` writes `n` into every model row and into its own pending rows, renews the rows of commit `n / 2`, and deletes and
/// adds an outbox row: so whatever is not of one commit shows.
fn commit(store: &mut Store, n: u64) -> Result<(), Error> {
    for (id, row) in rows_of(n) {
        store.pending().put(&id, &row)?;
    }
    let value = n.to_be_bytes().repeat(1 + n as usize % 50);
    let mut puts: Vec<_> = (0..MODELS).map(|model| Put::new(Tag::Model.all().u32(model), Some(value.clone()))).collect();
    puts.push(Put::new(key::outbox(Lane::Facts, n), Some(value)));
    puts.push(Put::new(key::outbox(Lane::Facts, n - 1), None));
    store.commit(Commit { seq: n, head: n.to_be_bytes().to_vec(), puts, keep: &|_, _| true })
}

/// Every eleventh commit is big enough to write a run at once.
fn rows_of(n: u64) -> impl Iterator<Item = (PendingKey, Vec<u8>)> {
    let count = if n.is_multiple_of(11) { 80 } else { ROWS_PER_COMMIT };
    let own = (0..count).map(move |index| (n, index));
    own.chain((0..ROWS_PER_COMMIT).map(move |index| (n / 2, index))).map(move |(commit, index)| {
        let hash = xxh3_128(&(commit << 32 | index).to_le_bytes()).to_be_bytes();
        (*hash.first_chunk().unwrap(), n.to_be_bytes().repeat(1 + index as usize % 4))
    })
}

/// The commit whose state the store holds, once every row has been compared with it. `Err` if the store says it is damaged;
/// a panic if it holds anything else and does not say so.
fn state(store: &mut Store) -> Result<u64, Error> {
    let Some(head) = store.head()? else {
        let rows = store.reader().scan_prefix(&Tag::Model.all(), Order::Ascending, 1)?;
        assert!(rows.is_empty(), "rows without a head");
        return Ok(0);
    };
    let n = u64::from_be_bytes(head[..].try_into().unwrap());
    let value = n.to_be_bytes().repeat(1 + n as usize % 50);
    let reader = store.reader();
    for model in 0..MODELS {
        let row = reader.get(&Tag::Model.all().u32(model))?;
        assert_eq!(row.as_deref(), Some(&value[..]), "model {model} at commit {n}");
    }
    let outbox = reader.scan_prefix(&key::Tag::Outbox.all(), Order::Ascending, 10)?;
    assert_eq!(outbox.iter().map(|(key, _)| key::outbox_row(key)).collect::<Vec<_>>(), [Some((Lane::Facts, n))]);
    let newest: std::collections::BTreeMap<_, _> = (1..=n).flat_map(rows_of).collect();
    for (id, row) in newest {
        let found = store.pending().get(&id)?.map(<[u8]>::to_vec);
        assert_eq!(found.as_ref(), Some(&row), "a pending row at commit {n}");
    }
    for (id, _) in rows_of(n + 1).take(ROWS_PER_COMMIT as usize) {
        assert_eq!(store.pending().get(&id)?, None, "a row of the commit after {n}");
    }
    Ok(n)
}

/// Opens, compares, goes on for some commits, opens again: the store must be of use, not only look so. Damage that shows while
/// it is in use is put aside at the next open. Returns the first state found, and whether anything was put aside.
fn open_and_go_on(dir: &Path) -> (u64, bool) {
    let mut aside = false;
    let mut first = None;
    for _ in 0..3 {
        let Opened { mut store, quarantined } = Store::open(dir, options()).unwrap();
        aside |= quarantined.is_some();
        let went_on = state(&mut store).and_then(|n| {
            first.get_or_insert(n);
            (n + 1..n + 20).try_for_each(|n| commit(&mut store, n))?;
            state(&mut store)
        });
        match went_on {
            Ok(_) => return (first.unwrap(), aside),
            Err(Error::Damaged(_) | Error::Refused(_) | Error::Io { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the store does not recover");
}

#[test]
fn a_second_store_on_the_same_directory_is_refused_and_the_first_unharmed() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    let mut store = Store::open(&dir, options()).unwrap().store;
    commit(&mut store, 1).unwrap();
    assert!(matches!(Store::open(&dir, options()), Err(Error::InUse(held)) if held == dir));
    commit(&mut store, 2).unwrap();
    assert_eq!(state(&mut store).unwrap(), 2);
}

#[test]
fn another_process_on_the_same_directory_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    let mut writer = Writer::start(&dir);
    writer.wait_for(3);
    assert!(matches!(Store::open(&dir, options()), Err(Error::InUse(_))));
    writer.kill();
    assert!(!open_and_go_on(&dir).1);
}

#[test]
fn a_writer_killed_at_any_moment_leaves_one_whole_commit() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    for round in 0..12_u64 {
        let mut writer = Writer::start(&dir);
        writer.wait_for(1 + round * 7 % 60);
        let reached = writer.kill();
        let Opened { mut store, quarantined } = Store::open(&dir, options()).unwrap();
        assert_eq!(quarantined, None);
        let n = state(&mut store).unwrap();
        // What sled had not yet handed to the system, half a second at most, is lost with the process: the log gives it again.
        assert!(n <= reached + 2, "commit {n} is there, {reached} was the last one told");
    }
}

#[test]
fn damage_anywhere_is_put_aside_or_steps_back_to_a_whole_commit() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    let mut store = Store::open(&dir, options()).unwrap().store;
    (1..=150).for_each(|n| commit(&mut store, n).unwrap());
    store.syncer().unwrap().sync().unwrap();
    drop(store);
    let mut random = Random(0x5EED_0001);
    let (mut aside, mut back, mut whole) = (0, 0, 0);
    for trial in 0..trials() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("store");
        copy_folder(&dir, &copy);
        let what = damage(&copy, &mut random);
        eprintln!("trial {trial}: {what}");
        match open_and_go_on(&copy) {
            (_, true) => aside += 1,
            (150, false) => whole += 1,
            (_, false) => back += 1,
        }
    }
    eprintln!("{aside} put aside, {back} stepped back, {whole} unharmed");
}

/// The whole state under damage, with labels, late data and commands in it: what opens is put aside, or is the state of one position and
/// leads to the same digest with the rest of the log.
#[test]
fn a_damaged_state_is_put_aside_or_leads_to_the_same_digest() {
    let log = log(17);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    let mut projection = Projection::load(Store::open(&dir, Options::default()).unwrap().store, 1).unwrap();
    let expected = applied(&mut projection, &log);
    projection.syncer().unwrap().sync().unwrap();
    drop(projection);
    let mut random = Random(0x5EED_0002);
    let (mut aside, mut back, mut whole) = (0, 0, 0);
    for trial in 0..trials() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("store");
        copy_folder(&dir, &copy);
        let what = damage(&copy, &mut random);
        let (digest, was_put_aside, began_at) = recovered(&copy, &log);
        assert_eq!(digest, expected, "trial {trial}: {what}; put aside: {was_put_aside}, began at {began_at}");
        match (was_put_aside, began_at == log.len() as u64) {
            (true, _) => aside += 1,
            (false, true) => whole += 1,
            (false, false) => back += 1,
        }
    }
    eprintln!("{aside} put aside, {back} stepped back, {whole} unharmed");
}

/// What a disk may hold after a power cut: of what was written since the last sync any pages, files and lengths, and not the others. What was
/// synced is not lost, and what opens leads to the same digest with the rest of the log.
#[test]
fn a_power_cut_at_any_moment_leads_to_the_same_digest() {
    let log = log(18);
    let folder = tempfile::tempdir().unwrap();
    let (dir, synced) = (folder.path().join("store"), folder.path().join("synced"));
    let mut projection = Projection::load(Store::open(&dir, Options::default()).unwrap().store, 1).unwrap();
    let mut random = Random(0x5EED_0003);
    let cut_at = log.len() / 2 + random.below(log.len() / 4);
    applied(&mut projection, &log[..cut_at]);
    projection.syncer().unwrap().sync().unwrap();
    copy_folder(&dir, &synced);
    let expected = applied(&mut projection, &log[cut_at..]);
    // dropped, sled has handed everything to the system: what a cut takes back of it is drawn below
    drop(projection);
    let (mut aside, mut back, mut whole) = (0, 0, 0);
    for trial in 0..trials() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("store");
        let kept = cut_power(&synced, &dir, &copy, &mut random);
        let (digest, was_put_aside, began_at) = recovered(&copy, &log);
        assert_eq!(digest, expected, "trial {trial}: {kept} of 8 pages kept; put aside: {was_put_aside}, began at {began_at}");
        match (was_put_aside, began_at == log.len() as u64) {
            (true, _) => aside += 1,
            (false, true) => whole += 1,
            (false, false) => back += 1,
        }
    }
    eprintln!("{aside} put aside, {back} stepped back, {whole} with everything");
}

/// Makes `copy` of what was synced and any part of what was written since; gives how much of 8 of that was kept.
fn cut_power(synced: &Path, written: &Path, copy: &Path, random: &mut Random) -> usize {
    const PAGE: usize = 4096;
    let kept = random.below(9);
    let (mut before, mut after) = (Vec::new(), Vec::new());
    list_files(synced, &mut before);
    list_files(written, &mut after);
    let of = |root: &Path, files: &[PathBuf]| -> BTreeSet<PathBuf> {
        files.iter().map(|file| file.strip_prefix(root).unwrap().to_owned()).collect()
    };
    let (before, after) = (of(synced, &before), of(written, &after));
    for file in before.union(&after) {
        // of a file that was made or removed since, the directory may know or not
        if before.contains(file) != after.contains(file) && kept <= random.below(8) {
            continue;
        }
        let old = std::fs::read(synced.join(file)).unwrap_or_default();
        let new = std::fs::read(written.join(file)).unwrap_or_default();
        let mut bytes = old.clone();
        if random.below(8) < kept {
            bytes.resize(new.len(), 0);
        }
        for start in (0..bytes.len()).step_by(PAGE) {
            let end = bytes.len().min(new.len()).min(start + PAGE);
            if start < end && random.below(8) < kept {
                bytes[start..end].copy_from_slice(&new[start..end]);
            }
        }
        std::fs::create_dir_all(copy.join(file).parent().unwrap()).unwrap();
        std::fs::write(copy.join(file), bytes).unwrap();
    }
    kept
}

/// Opens the store as the process does, again where damage shows, and applies the rest of the log. Gives the digest, whether anything was
/// put aside, and the position it began at.
fn recovered(dir: &Path, log: &[Message]) -> (String, bool, u64) {
    let mut aside = false;
    for _ in 0..3 {
        let Opened { store, quarantined } = Store::open(dir, Options::default()).unwrap();
        aside |= quarantined.is_some();
        let (reader, auditor) = (store.reader(), store.auditor());
        let mut projection = match Projection::load(store, 1) {
            Ok(projection) => projection,
            Err(error) => {
                reader.damaged(error.to_string());
                continue;
            }
        };
        let began_at = projection.view().position;
        projection.apply(&Batch::new(log[began_at as usize..].to_vec(), Saved::default()));
        let audited = auditor.advance(std::time::Duration::from_secs(60));
        if projection.commit().is_ok() && audited.is_ok_and(|done| done) {
            return (projection.view().digest_hex(), aside, began_at);
        }
    }
    panic!("the store does not recover");
}

fn applied(projection: &mut Projection, log: &[Message]) -> String {
    for messages in log.chunks(40) {
        projection.apply(&Batch::new(messages.to_vec(), Saved::default()));
        projection.commit().unwrap();
    }
    projection.view().digest_hex()
}

/// Some thousand records, a message each, with ticks between them.
fn log(seed: u64) -> Vec<Message> {
    let root = Root::new(Slug::try_from("tw").unwrap());
    let history = with_late_data_and_commands(seed, records(seed, 1_500));
    let mut log = Vec::new();
    let mut put = |kind: &str, body: String| {
        let seq = log.len() as u64 + 1;
        let (subject, stored_at) = (format!("tw.in.{kind}.tests"), Timestamp::from_millis(START_MS + 200 * seq as i64));
        log.push(decode(Raw { seq, stored_at, subject: &subject, headers: &(), payload: body.as_bytes() }, &root, NoTables));
    };
    for (number, record) in history.into_iter().enumerate() {
        put(record.kind, record.body.to_string());
        if number % 25 == 0 {
            put("tick", "{}".to_owned());
        }
    }
    log
}

/// How many damages are tried: `DAMAGE_TRIALS`, a few by default.
fn trials() -> u32 {
    std::env::var("DAMAGE_TRIALS").map_or(24, |trials| trials.parse().unwrap())
}

#[test]
fn a_store_of_another_format_is_put_aside_and_only_the_last_two_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    for round in 1..=4 {
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("conf"), "not ours").unwrap();
        std::fs::write(dir.join("db"), vec![round; 100_000]).unwrap();
        let Opened { mut store, quarantined } = Store::open(&dir, options()).unwrap();
        assert_eq!(quarantined.unwrap().path, folder.path().join(format!("store.quarantine-{round}")));
        commit(&mut store, 1).unwrap();
        drop(store);
        std::fs::remove_dir_all(&dir).unwrap();
    }
    let mut kept: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    kept.sort();
    assert_eq!(kept, ["store.lock", "store.quarantine-3", "store.quarantine-4"]);
}

#[cfg(feature = "failpoints")]
#[test]
fn after_a_failed_sync_nothing_more_is_written_until_the_store_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("store");
    let mut store = Store::open(&dir, options()).unwrap().store;
    let mut syncer = store.syncer().unwrap();
    commit(&mut store, 1).unwrap();
    let scenario = fail::FailScenario::setup();
    fail::cfg("store::after_flush", "return").unwrap();
    assert!(matches!(syncer.sync(), Err(Error::Io { .. })));
    scenario.teardown();
    assert!(matches!(syncer.sync(), Err(Error::Refused(_))));
    assert!(matches!(commit(&mut store, 2), Err(Error::Refused(_))));
    drop((store, syncer));
    assert_eq!(state(&mut Store::open(&dir, options()).unwrap().store).unwrap(), 1);
}

/// Not a test of its own: what the killed process runs. Commits without end, telling each one.
#[test]
fn child_commits_until_killed() {
    let Some(dir) = std::env::var_os("STORE_FAULTS_DIR") else { return };
    let mut store = Store::open(Path::new(&dir), options()).unwrap().store;
    let done = state(&mut store).unwrap();
    for n in done + 1.. {
        commit(&mut store, n).unwrap();
        println!("\ncommitted {n}");
    }
}

struct Writer {
    child: std::process::Child,
    told: std::io::Lines<BufReader<std::process::ChildStdout>>,
    reached: u64,
}

impl Writer {
    fn start(dir: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child_commits_until_killed", "--nocapture"]).env("STORE_FAULTS_DIR", dir);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let told = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, told, reached: 0 }
    }

    /// Returns when it has told `commits` more commits.
    fn wait_for(&mut self, commits: u64) {
        let mut seen = 0;
        while seen < commits {
            let line = self.told.next().expect("the writer ended by itself").unwrap();
            if let Some(n) = line.strip_prefix("committed ") {
                self.reached = n.parse().unwrap();
                seen += 1;
            }
        }
    }

    /// Kills it and returns the last commit it told.
    fn kill(mut self) -> u64 {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        for line in self.told.by_ref().map_while(Result::ok) {
            if let Some(Ok(n)) = line.strip_prefix("committed ").map(str::parse) {
                self.reached = n;
            }
        }
        self.reached
    }
}

/// Flips, zeroes, cuts or deletes something, anywhere in any file; returns what.
fn damage(dir: &Path, random: &mut Random) -> String {
    let mut files = Vec::new();
    list_files(dir, &mut files);
    files.sort();
    let file = &files[random.below(files.len())];
    let mut bytes = std::fs::read(file).unwrap();
    let name = file.strip_prefix(dir).unwrap().display();
    let (place, len) = (random.below(bytes.len().max(1)), bytes.len());
    let what = match random.below(6) {
        _ if bytes.is_empty() => format!("{name} is empty"),
        0 => {
            std::fs::remove_file(file).unwrap();
            return format!("{name} deleted");
        }
        1 => {
            bytes.truncate(place);
            format!("{name} cut at {place} of {len}")
        }
        2 => {
            let end = len.min(place + 4096);
            bytes[place..end].fill(0);
            format!("{name} zeroed from {place} to {end} of {len}")
        }
        _ => {
            bytes[place] ^= 1 << random.below(8);
            format!("{name} flipped at {place} of {len}")
        }
    };
    std::fs::write(file, bytes).unwrap();
    what
}

fn list_files(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { list_files(&path, files) } else { files.push(path) }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// xorshift64, so that a trial can be run again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}
