//! Making commits survive a power cut. sled's `flush` hands its bytes to the operating system and no further: the files, the
//! directories and once their parent are synced here, on a timer by a thread of the caller's.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Error;
use super::reader::Health;
use crate::failpoint::{self, Point};

/// Syncs what has been committed. One per store, for one thread.
#[derive(Debug)]
pub struct Syncer {
    tree: sled::Tree,
    health: Arc<Health>,
    dir: PathBuf,
    /// Held open since before the first write: an error in writing back is reported to descriptors that were open then.
    data: File,
    /// Files beside the data file that hold large values; each is written once, so each is synced once. By sled's number.
    blobs_synced: Option<i64>,
    parent_synced: bool,
}

impl Syncer {
    pub(super) fn new(tree: sled::Tree, health: Arc<Health>, dir: &Path) -> Result<Self, Error> {
        let data = File::open(dir.join("db")).map_err(|source| Error::io("opening the data file to sync it", source))?;
        Ok(Self { tree, health, dir: dir.to_owned(), data, blobs_synced: None, parent_synced: false })
    }

    /// Returns once everything committed before the call is on the disk. Errors are final: what the disk holds after a failed
    /// sync is unknown, so later commits and syncs are [`Error::Refused`] until the store is opened again by a new process.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.health.check()?;
        let flushed = self.health.caught("flushing", || self.tree.flush()).map(|_bytes| ());
        // Of the buffers that a thread has written, half a MiB each, sled lets go when there are 64. At one a second that is a minute
        // and 32 MiB; this lets go of them now.
        crossbeam_epoch::pin().flush();
        let synced = flushed.and_then(|()| {
            failpoint::reach(Point::StoreFlushed);
            self.sync_files().map_err(|source| Error::io("syncing to disk", source))?;
            failpoint::reach(Point::StoreSynced);
            Ok(())
        });
        synced.inspect_err(|error| self.health.fail(error))
    }

    fn sync_files(&mut self) -> io::Result<()> {
        // `return` makes the sync fail as a broken disk would.
        fail::fail_point!("store::after_flush", |_| Err(io::Error::other("injected")));
        self.data.sync_all()?;
        self.sync_blobs()?;
        File::open(&self.dir)?.sync_all()?;
        if !self.parent_synced {
            File::open(self.dir.join("conf"))?.sync_all()?;
            if let Some(parent) = self.dir.parent().filter(|parent| *parent != Path::new("")) {
                File::open(parent)?.sync_all()?;
            }
            self.parent_synced = true;
        }
        Ok(())
    }

    fn sync_blobs(&mut self) -> io::Result<()> {
        let folder = self.dir.join("blobs");
        let mut newest = self.blobs_synced;
        let mut fresh = false;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let Some(number) = entry.file_name().to_str().and_then(|name| name.parse::<i64>().ok()) else { continue };
            if Some(number) <= self.blobs_synced {
                continue;
            }
            match File::open(entry.path()) {
                Ok(file) => file.sync_all()?,
                // Replaced meanwhile by a newer one, which has its own file.
                Err(gone) if gone.kind() == io::ErrorKind::NotFound => continue,
                Err(other) => return Err(other),
            }
            newest = newest.max(Some(number));
            fresh = true;
        }
        if fresh {
            File::open(&folder)?.sync_all()?;
        }
        self.blobs_synced = newest;
        Ok(())
    }
}
