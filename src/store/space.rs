//! Room on the disk before it is needed. sled never recovers from a failed write, and threads wait inside it for ever, so it must not see
//! a full disk: what a commit will write is reserved first, beyond the end of the data file, where others cannot take it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;

use super::Error;

/// Reserved in any case: sled writes buffers of 512 KiB, moves pages to reuse segments, and cuts and grows its file a segment at a time.
const RESERVE_MIN: u64 = 8 << 20;

/// Free beside the reserve: for values that sled keeps in files of their own, snapshots of its page table, and our own small files.
const BESIDE_MIN: u64 = 1 << 20;

/// Values from here on become files of their own: sled's rule is a quarter of a segment, 128 KiB.
pub(super) const BLOB_BYTES: usize = 100 << 10;

/// What the commits to come may use.
#[derive(Debug)]
pub(super) struct Space {
    dir: PathBuf,
    data: File,
    /// The file system cannot reserve: then only what is free is looked at.
    reserves: bool,
}

impl Space {
    pub fn of(dir: &Path) -> Result<Self, Error> {
        let opened = File::options().write(true).open(dir.join("db"));
        let data = opened.map_err(|source| Error::io("opening the data file to reserve room", source))?;
        Ok(Self { dir: dir.to_owned(), data, reserves: true })
    }

    /// Makes sure that `bytes` can be written to the data file, and `beside` bytes to other files.
    ///
    /// Errors: [`Error::Full`]; nothing was written, and it can be asked again.
    pub fn ensure(&mut self, bytes: u64, beside: u64) -> Result<(), Error> {
        let doing = "making room for a commit";
        let failed = |source: io::Error| Error::io(doing, source);
        let full = || Error::Full { doing, source: io::Error::from(io::ErrorKind::StorageFull) };
        // `return` makes the disk look full.
        fail::fail_point!("store::full", |_| Err(full()));
        let wanted = RESERVE_MIN + bytes;
        let disk = statvfs(&self.dir).map_err(|errno| failed(errno.into()))?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let length = self.data.metadata().map_err(failed)?.len();
        if self.reserves {
            // asked for each time: sled cuts its file when segments at its end are free, and with it what was reserved
            match fallocate(&self.data, FallocateFlags::KEEP_SIZE, length, wanted) {
                Ok(()) => {}
                Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => self.reserves = false,
                Err(errno) => return Err(failed(errno.into())),
            }
        }
        let needed = BESIDE_MIN + beside + if self.reserves { 0 } else { wanted };
        if free < needed { Err(full()) } else { Ok(()) }
    }
}

/// Whether there is room to open a store in `dir`, which may write a little. `dir` need not exist yet.
pub(super) fn check_open(dir: &Path) -> Result<(), Error> {
    let existing = dir.ancestors().find(|path| path.is_dir()).unwrap_or(dir);
    let Ok(disk) = statvfs(existing) else { return Ok(()) };
    match disk.f_bavail.saturating_mul(disk.f_frsize) {
        0..BESIDE_MIN => {
            Err(Error::Full { doing: "looking for room to open it", source: io::Error::from(io::ErrorKind::StorageFull) })
        }
        _ => Ok(()),
    }
}
