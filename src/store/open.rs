//! Opening: one process per directory, and a directory that cannot be believed is put aside. The log rebuilds what it held.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::audit::{self, Auditor, Sums};
use super::landing::{self, Landing};
use super::pending::Pending;
use super::reader::{DAMAGE_MARK, Health, guarded, panic_text};
use super::{Error, Options, Reader, Store, key, space};

/// Directories put aside for one reason that are kept for inspection; older ones are deleted.
const ASIDE_MAX: usize = 2;

/// How long an open may take before it counts as damage. Fifty million pending rows open in a few seconds.
const OPEN_TIME_MAX: Duration = Duration::from_secs(180);

/// How long an open adds up the rows: some hundred thousand of them.
const AUDIT_TIME_AT_OPEN: Duration = Duration::from_secs(1);

/// How long the remains of an earlier `Store` of this process are waited for.
const RELEASE_TIME_MAX: Duration = Duration::from_secs(5);

/// How long the lock is tried for: a process that its last holder was just starting holds a copy until it runs its program.
const LOCK_TIME_MAX: Duration = Duration::from_millis(500);

/// Says that this is our store and which layout its rows have.
pub(super) const IDENTITY: &[u8] = super::FORMAT.as_bytes();

/// A store, and what was found instead of it if its directory could not be believed.
#[derive(Debug)]
pub struct Opened {
    pub store: Store,
    pub quarantined: Option<Quarantined>,
}

/// A directory put aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Where it is now: `<dir>.quarantine-<n>`.
    pub path: PathBuf,
    /// What was wrong with it.
    pub reason: String,
}

/// Everything in the store, checked.
pub(super) struct Checked {
    pub db: sled::Db,
    pub tree: sled::Tree,
    pub health: Arc<Health>,
    pub pending: Pending,
    pub landing: landing::Limits,
    pub sums: Arc<Mutex<Sums>>,
}

pub(super) fn open(dir: &Path, options: Options) -> Result<Opened, Error> {
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent).map_err(|source| Error::io("creating the directory of the store", source))?;
    }
    space::check_open(dir)?;
    let lock = lock(dir)?;
    let (checked, quarantined) = match checked_in_time(dir, options) {
        Ok(checked) => (checked, None),
        Err(Error::Damaged(reason)) => {
            let path = put_aside(dir, "quarantine")?;
            (checked_in_time(dir, options)?, Some(Quarantined { path, reason }))
        }
        Err(other) => return Err(other),
    };
    Ok(Opened { store: Store::of(checked, lock, dir)?, quarantined })
}

/// The lock lies beside the directory and not in it, so that it holds while the directory is put aside.
pub(super) fn lock(dir: &Path) -> Result<File, Error> {
    let opened = File::options().create(true).truncate(false).write(true).open(beside(dir, "lock"));
    let file = opened.map_err(|source| Error::io("creating the lock of the store", source))?;
    let deadline = Instant::now() + LOCK_TIME_MAX;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            Err(TryLockError::WouldBlock) => return Err(Error::InUse(dir.to_owned())),
            Err(TryLockError::Error(source)) => return Err(Error::io("locking the store", source)),
        }
    }
}

/// sled may panic or, on a file that was cut or overwritten, never come back; either is damage. A thread that hangs is left
/// behind with the directory that it hangs on.
fn checked_in_time(dir: &Path, options: Options) -> Result<Checked, Error> {
    let (done, result) = mpsc::sync_channel(1);
    let owned = dir.to_owned();
    let spawned = std::thread::Builder::new().name("store-open".into()).spawn(move || {
        let outcome = guarded(|| checked(&owned, options));
        let outcome = outcome.unwrap_or_else(|panic| Err(Error::Damaged(format!("panic at open: {}", panic_text(&*panic)))));
        // The receiver is gone only if we were given up as hanging.
        let _ = done.send(outcome);
    });
    spawned.map_err(|source| Error::io("starting a thread to open the store", source))?;
    match result.recv_timeout(OPEN_TIME_MAX) {
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Timeout) => Err(Error::Damaged(format!("not open after {OPEN_TIME_MAX:?}"))),
        Err(RecvTimeoutError::Disconnected) => Err(Error::Damaged("the opening thread died".into())),
    }
}

fn checked(dir: &Path, options: Options) -> Result<Checked, Error> {
    if dir.join(DAMAGE_MARK).exists() {
        return Err(Error::Damaged("found damaged while it was in use".into()));
    }
    let config = configured(dir, options);
    let written = fs::metadata(dir.join("db")).is_ok_and(|file| 0 < file.len());
    let db = unlocked(dir, &config)?;
    let tree: sled::Tree = sled::Tree::clone(&db);
    let health = Health::new(dir.to_owned());
    check_identity(&tree, written)?;
    let reader = Reader::new(tree.clone(), Arc::clone(&health));
    Landing { tree: &tree, health: &health, limits: options.landing }.finish(&reader)?;
    let sums = Arc::new(Mutex::new(audit::read(&reader)?));
    // most stores are added up before anything is read from them; what is left of a large one follows in the background
    Auditor::new(reader.clone(), Arc::clone(&sums)).add_up(AUDIT_TIME_AT_OPEN)?;
    let pending = Pending::load(reader, options.pending)?;
    Ok(Checked { db, tree, health, pending, landing: options.landing, sums })
}

pub(super) fn configured(dir: &Path, options: Options) -> sled::Config {
    sled::Config::new()
        .path(dir)
        .cache_capacity(options.cache_bytes)
        .mode(sled::Mode::HighThroughput)
        .use_compression(false)
        .flush_every_ms(Some(500))
}

/// Opens what our own lock says is free. sled locks its file too, and lets go of it only when its last background task ends, a
/// little after the `Store` of this process that held it: waited for until [`RELEASE_TIME_MAX`].
fn unlocked(dir: &Path, config: &sled::Config) -> Result<sled::Db, Error> {
    let deadline = Instant::now() + RELEASE_TIME_MAX;
    loop {
        match config.open() {
            Ok(db) => return Ok(db),
            Err(sled::Error::Io(held)) if held.to_string().contains("could not acquire lock") => {
                if deadline <= Instant::now() {
                    return Err(Error::InUse(dir.to_owned()));
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(other) => return Err(Error::sled("opening", other)),
        }
    }
}

/// `written`: the data file held something before sled opened it, so it must hold our identity. sled takes a file that it does
/// not understand at all for a new one.
fn check_identity(tree: &sled::Tree, written: bool) -> Result<(), Error> {
    let doing = "reading the identity";
    match tree.get(&*key::identity()).map_err(|source| Error::sled(doing, source))? {
        Some(found) if found == IDENTITY => Ok(()),
        Some(found) => Err(Error::Damaged(format!("its identity is {:?}", String::from_utf8_lossy(&found)))),
        None if written => Err(Error::Damaged("it has no identity".into())),
        None => {
            let inserted = tree.insert(&*key::identity(), IDENTITY).and_then(|_| tree.flush());
            inserted.map(|_| ()).map_err(|source| Error::sled("writing the identity", source))
        }
    }
}

/// Renames the directory to `<dir>.<why>-<n>` and deletes all but the last [`ASIDE_MAX`] of that kind.
pub(super) fn put_aside(dir: &Path, why: &str) -> Result<PathBuf, Error> {
    let doing = "putting the store aside";
    let mut aside = put_aside_before(dir, why).map_err(|source| Error::io(doing, source))?;
    let number = aside.last().map_or(1, |(number, _)| number + 1);
    let path = beside(dir, &format!("{why}-{number}"));
    fs::rename(dir, &path).map_err(|source| Error::io(doing, source))?;
    aside.push((number, path.clone()));
    let surplus = aside.len().saturating_sub(ASIDE_MAX);
    for (_, old) in &aside[..surplus] {
        fs::remove_dir_all(old).map_err(|source| Error::io("deleting a store put aside earlier", source))?;
    }
    Ok(path)
}

/// The directories of `dir` put aside for that reason, oldest first.
fn put_aside_before(dir: &Path, why: &str) -> std::io::Result<Vec<(u64, PathBuf)>> {
    let prefix = beside(dir, &format!("{why}-"));
    let parent = match dir.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(parent)? {
        let name = entry?.file_name();
        let number = prefix.file_name().and_then(|prefix| name.to_str()?.strip_prefix(prefix.to_str()?)?.parse().ok());
        found.extend(number.map(|number: u64| (number, dir.with_file_name(&name))));
    }
    found.sort();
    Ok(found)
}

/// `<dir>.<suffix>`.
pub(super) fn beside(dir: &Path, suffix: &str) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    dir.with_file_name(name)
}
