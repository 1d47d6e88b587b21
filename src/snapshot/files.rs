//! Files that are there whole or not at all, also after a power cut.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::statvfs;

use super::Error;

/// Bytes that must be free on a disk before more is written to it: the store and a managed nats-server live there too.
pub const DISK_FREE_MIN: u64 = 64 << 20;

/// What unfinished files end with.
pub(super) const PARTIAL: &str = "partial";

/// How long another process is waited for.
const LOCK_TIME_MAX: Duration = Duration::from_secs(10);

/// Writes a file: beside its place, synced, renamed, and its directory synced.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let partial = partial(path);
    let written = File::create(&partial).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(failed("writing", &partial))?;
    name(&partial, path)
}

/// Gives a synced file its name for good.
pub(super) fn name(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(failed("renaming to", to))?;
    let dir = to.parent().unwrap_or(Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("syncing", dir))
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(PARTIAL);
    path.with_file_name(name)
}

/// Errors: [`Error::Full`].
pub(super) fn check_space(dir: &Path) -> Result<(), Error> {
    let Ok(disk) = statvfs(dir) else { return Ok(()) };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < DISK_FREE_MIN { Err(Error::Full { path: dir.to_owned(), free, needed: DISK_FREE_MIN }) } else { Ok(()) }
}

/// The lock of a directory of snapshots: whoever writes into it holds it.
pub(super) fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed("opening", &path))?;
    let deadline = Instant::now() + LOCK_TIME_MAX;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(50)),
            Err(TryLockError::WouldBlock) => return Err(Error::InUse(dir.to_owned())),
            Err(TryLockError::Error(source)) => return Err(failed("locking", &path)(source)),
        }
    }
}

/// For `map_err`.
pub(super) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { doing, path, source }
}
