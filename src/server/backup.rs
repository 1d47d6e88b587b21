//! The log and a snapshot in one directory, and back. The log is carried in the server's own form, so that every message keeps its
//! sequence and its time: a store of before and one that is built from it are the same.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::info;

use super::foundation::{connect_to, prepare, store_in};
use super::{Error, failed};
use crate::clock;
use crate::config::Config;
use crate::nats::provision::Role;
use crate::nats::{CarryError, Managed, Nats, StreamError, StreamForm};
use crate::snapshot::{self, Shelf, write_whole};
use crate::telemetry::chain;

/// The layout of a backup.
const LAYOUT: u32 = 1;

const FILE: &str = "backup.json";
const LOG: &str = "log";

/// Bytes of one file of the log.
const PART_BYTES: usize = 16 << 20;

/// What a backup says of itself; written last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backup {
    pub layout: u32,
    /// RFC 3339.
    pub taken_at: String,
    pub version: String,
    pub snapshot: SnapshotName,
    pub log: LogPart,
}

/// The snapshot of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotName {
    pub id: String,
    pub position: u64,
    /// Of the state at that position.
    pub digest: String,
}

/// The log of a backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogPart {
    pub stream: String,
    /// RFC 3339.
    pub created_at: String,
    pub first_seq: u64,
    pub last_seq: u64,
    pub messages: u64,
    pub form: StreamForm,
    /// In order.
    pub files: Vec<LogFile>,
}

/// One file of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFile {
    pub name: String,
    pub bytes: u64,
    pub blake3: String,
}

/// What a restore did.
#[derive(Clone, Debug, PartialEq)]
pub struct Restored {
    pub backup: Backup,
    /// Settings of the stream that are not as they were: name, before, now.
    pub changed: Vec<(String, Value, Value)>,
}

impl Backup {
    /// Bytes of the files of the log.
    pub fn log_bytes(&self) -> u64 {
        self.log.files.iter().map(|file| file.bytes).sum()
    }
}

/// Writes the input stream and the snapshot `id` of the data directory to `dir`. The snapshot was taken before this, so that all that it has
/// applied and the log still held is in the log.
///
/// Errors: `dir` holds a backup, or something else; NATS cannot be reached or refuses; the disk.
pub async fn backup(config: &Config, id: &str, dir: &Path, progress: impl FnMut(u64, u64)) -> Result<Backup, Error> {
    let log_dir = empty_log(dir)?;
    let data = prepare(&config.data)?;
    let (manifest, _) = snapshot::carry(&Shelf::in_data(&data), &Shelf::in_data(dir), id).map_err(failed)?;
    let (nats, managed) = connect_to(config, &data).await?;
    let read = read_log(&nats, &log_dir, progress).await;
    leave(nats, managed).await;
    let log = read?;
    if log.last_seq < manifest.position {
        let (position, last) = (manifest.position, log.last_seq);
        return Err(failed(format!("the snapshot has applied sequence {position} and the log that was read ends at {last}")));
    }
    let snapshot = SnapshotName { id: id.to_owned(), position: manifest.position, digest: manifest.digest };
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let backup = Backup { layout: LAYOUT, taken_at: clock::now().to_string(), version, snapshot, log };
    let content = serde_json::to_value(&backup).map_err(failed)?;
    let whole = json!({ "blake3": hash_of(&content), "backup": content });
    write_whole(&dir.join(FILE), &serde_json::to_vec_pretty(&whole).map_err(failed)?).map_err(failed)?;
    info!(dir = %dir.display(), snapshot = id, first = backup.log.first_seq, last = backup.log.last_seq, "backup written");
    Ok(backup)
}

/// Puts the log of the backup in `dir` back as the input stream, which must not be there or be unused, and its snapshot into the data
/// directory, which must have no store. All files are compared with their hashes before anything is changed.
pub async fn restore(config: &Config, dir: &Path, progress: impl FnMut(u64, u64)) -> Result<Restored, Error> {
    let backup = read_backup(dir)?;
    for file in &backup.log.files {
        load(dir, file)?;
    }
    let shelf = Shelf::in_data(dir);
    let manifest = shelf.manifest(&backup.snapshot.id).map_err(failed)?;
    snapshot::verify(&shelf, &backup.snapshot.id, &manifest).map_err(failed)?;
    let store = store_in(&config.data);
    if store.join("db").exists() {
        let problem = format!("there is a store in {}; restore into another --data, or move it away first", store.display());
        return Err(failed(problem));
    }
    let data = prepare(&config.data)?;
    let (nats, managed) = connect_to(config, &data).await?;
    let written = write_log(&nats, dir, &backup, progress).await;
    leave(nats, managed).await;
    let changed = written?;
    snapshot::carry(&shelf, &Shelf::in_data(&data), &backup.snapshot.id).map_err(failed)?;
    Ok(Restored { backup, changed })
}

/// Makes the directory of the log in `dir`, in which nothing but an unfinished backup may be.
fn empty_log(dir: &Path) -> Result<PathBuf, Error> {
    fs::create_dir_all(dir).map_err(failed)?;
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    let place = dir.display();
    if names.iter().any(|name| name == FILE) {
        return Err(failed(format!("{place} holds a backup already; choose another directory")));
    }
    if let Some(other) = names.iter().find(|name| ![LOG, "snapshots"].contains(&name.as_str())) {
        return Err(failed(format!("{place} is not empty: there is {other:?} in it; choose another directory")));
    }
    let log = dir.join(LOG);
    if log.exists() {
        fs::remove_dir_all(&log).map_err(failed)?;
    }
    fs::create_dir(&log).map_err(failed)?;
    Ok(log)
}

async fn read_log(nats: &Nats, log_dir: &Path, mut progress: impl FnMut(u64, u64)) -> Result<LogPart, Error> {
    let status = nats.status(Role::Input).await.map_err(|error| Error::Nats(error.into()))?;
    let (mut files, mut gathered, mut read) = (Vec::new(), Vec::new(), 0);
    let keep = |files: &mut Vec<LogFile>, bytes: &[u8]| -> Result<(), snapshot::Error> {
        let name = format!("{:06}.part", files.len() + 1);
        write_whole(&log_dir.join(&name), bytes)?;
        let blake3 = blake3::hash(bytes).to_hex().to_string();
        files.push(LogFile { name, bytes: bytes.len() as u64, blake3 });
        Ok(())
    };
    let form = nats.read_stream(Role::Input, |chunk| -> Result<(), snapshot::Error> {
        gathered.extend_from_slice(chunk);
        read += chunk.len() as u64;
        // it is compressed on its way, so this is a bound and no forecast
        progress(read, status.bytes.max(read));
        if PART_BYTES <= gathered.len() {
            keep(&mut files, &gathered)?;
            gathered.clear();
        }
        Ok(())
    });
    let form = form.await.map_err(carried)?;
    if !gathered.is_empty() {
        keep(&mut files, &gathered).map_err(failed)?;
    }
    let count = |field: &str| form.state[field].as_u64().unwrap_or_default();
    Ok(LogPart {
        stream: Role::Input.stream_name(nats.root()),
        created_at: status.created.to_string(),
        first_seq: count("first_seq"),
        last_seq: count("last_seq"),
        messages: count("messages"),
        form,
        files,
    })
}

/// Gives the settings that are not as they were.
async fn write_log(
    nats: &Nats,
    dir: &Path,
    backup: &Backup,
    mut progress: impl FnMut(u64, u64),
) -> Result<Vec<(String, Value, Value)>, Error> {
    let log = &backup.log;
    let name = Role::Input.stream_name(nats.root());
    if name != log.stream {
        return Err(failed(format!(
            "the backup is of stream {}, and --root {} means {name}",
            log.stream,
            nats.root().as_str()
        )));
    }
    match nats.status(Role::Input).await {
        Err(StreamError::Missing { .. }) => {}
        Err(error) => return Err(Error::Nats(error.into())),
        Ok(status) if nats.delete_unused(Role::Input).await.map_err(|error| Error::Nats(error.into()))? => {
            info!(stream = name, created = %status.created, "an unused stream gives way to the one of the backup");
        }
        Ok(status) => {
            let (first, last) = (status.first_seq, status.last_seq);
            return Err(failed(format!(
                "stream {name} exists and was used: it holds sequences {first} to {last}; restore into an empty NATS server, or delete \
                 it first (`nats stream rm {name}`) if nobody needs it"
            )));
        }
    }
    let (form, changed) = brought_over(&log.form);
    let (total, mut sent, mut files) = (backup.log_bytes(), 0, log.files.iter());
    let give = || -> Result<Option<Vec<u8>>, Error> {
        let Some(file) = files.next() else { return Ok(None) };
        let bytes = load(dir, file)?;
        sent += file.bytes;
        progress(sent, total);
        Ok(Some(bytes))
    };
    nats.write_stream(Role::Input, &form, give).await.map_err(carried)?;
    let status = nats.status(Role::Input).await.map_err(|error| Error::Nats(error.into()))?;
    let found = (status.created.to_string(), status.first_seq, status.last_seq, status.messages);
    let wanted = (log.created_at.clone(), log.first_seq, log.last_seq, log.messages);
    if found != wanted {
        return Err(failed(format!(
            "the stream that the server made is not the one of the backup: created, first, last and messages are {found:?} instead of {wanted:?}"
        )));
    }
    Ok(changed)
}

/// The stream as it is declared today where that is needed to cut its beginning; all else is as it was.
fn brought_over(form: &StreamForm) -> (StreamForm, Vec<(String, Value, Value)>) {
    let mut form = form.clone();
    let mut changed = Vec::new();
    if form.config["deny_purge"] == true {
        form.config["deny_purge"] = json!(false);
        changed.push(("deny_purge".to_owned(), json!(true), json!(false)));
    }
    (form, changed)
}

fn read_backup(dir: &Path) -> Result<Backup, Error> {
    let path = dir.join(FILE);
    let damaged = |what: &str| failed(format!("{} is damaged: {what}", path.display()));
    let bytes = fs::read(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => failed(format!("there is no finished backup in {}: no {FILE}", dir.display())),
        _ => failed(error),
    })?;
    let mut whole: Value = serde_json::from_slice(&bytes).map_err(|error| damaged(&error.to_string()))?;
    let content = whole["backup"].take();
    if whole["blake3"] != hash_of(&content) {
        return Err(damaged("it is not what was written"));
    }
    if content["layout"] != LAYOUT {
        return Err(failed(format!(
            "{} has the layout {}, and this release reads {LAYOUT}",
            path.display(),
            content["layout"]
        )));
    }
    serde_json::from_value(content).map_err(|error| damaged(&error.to_string()))
}

/// The bytes of a file of the log.
fn load(dir: &Path, file: &LogFile) -> Result<Vec<u8>, Error> {
    let path = dir.join(LOG).join(&file.name);
    let bytes = fs::read(&path).map_err(|error| failed(format!("{} cannot be read: {error}", path.display())))?;
    if bytes.len() as u64 != file.bytes || blake3::hash(&bytes).to_hex().as_str() != file.blake3 {
        return Err(failed(format!("{} is damaged: it is not what was written; nothing more was changed", path.display())));
    }
    Ok(bytes)
}

/// Of JSON as it is written without blanks; names are in the order of the alphabet.
fn hash_of(content: &Value) -> String {
    blake3::hash(content.to_string().as_bytes()).to_hex().to_string()
}

fn carried<E: std::error::Error + Send + Sync + 'static>(error: CarryError<E>) -> Error {
    match error {
        CarryError::Other(error) => failed(error),
        other => Error::Nats(chain(&other).to_string().into()),
    }
}

async fn leave(nats: Nats, managed: Option<Managed>) {
    nats.close().await;
    if let Some(managed) = managed {
        managed.stop().await;
    }
}
