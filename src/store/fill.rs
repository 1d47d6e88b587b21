//! A store made of rows that are given, such as those of a snapshot: built beside its place and put there once it is whole.

use std::fs;
use std::path::Path;

use super::{Error, Options, Store, key, open, row_hash};

/// Rows, and about as many bytes of them, written at a time.
const BATCH_ROWS: usize = 2_048;
const BATCH_BYTES: usize = 4 << 20;

/// A store that is being filled.
#[derive(Debug)]
pub struct Filling {
    tree: sled::Tree,
    db: sled::Db,
    batch: sled::Batch,
    batch_rows: usize,
    batch_bytes: usize,
    sum: u128,
}

impl Store {
    /// Makes a store at `dir`, where none may be that has applied anything, of the rows that `fill` puts. If that fails, `dir` stays as it was.
    ///
    /// Errors: those of `fill`; [`Error::InUse`], [`Error::Io`], [`Error::Full`].
    pub fn fill<T, E: From<Error>>(
        dir: &Path,
        options: Options,
        fill: impl FnOnce(&mut Filling) -> Result<T, E>,
    ) -> Result<T, E> {
        let _lock = open::lock(dir)?;
        let partial = open::beside(dir, "partial");
        remove(&partial)?;
        let filled = Filling::begin(&partial, options).map_err(E::from).and_then(|mut filling| {
            let given = fill(&mut filling)?;
            filling.finish(&partial)?;
            Ok(given)
        });
        let placed = filled.and_then(|given| {
            remove(dir)?;
            let renamed = fs::rename(&partial, dir).map_err(|source| Error::io("putting a filled store in its place", source));
            renamed.and_then(|()| sync_parent(dir))?;
            Ok(given)
        });
        if placed.is_err() {
            // what is left of it goes before the next one is filled
            remove(&partial).ok();
        }
        placed
    }
}

impl Filling {
    fn begin(dir: &Path, options: Options) -> Result<Self, Error> {
        let config = open::configured(dir, options);
        let db = config.open().map_err(|source| Error::sled("beginning to fill a store", source))?;
        let tree: sled::Tree = sled::Tree::clone(&db);
        let filling = Self { tree, db, batch: sled::Batch::default(), batch_rows: 0, batch_bytes: 0, sum: 0 };
        filling.insert(&key::identity(), open::IDENTITY)?;
        Ok(filling)
    }

    /// Puts a row whose key was not put before.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.sum = self.sum.wrapping_add(row_hash(key, value));
        self.batch.insert(key, value);
        self.batch_rows += 1;
        self.batch_bytes += key.len() + value.len();
        if BATCH_ROWS <= self.batch_rows || BATCH_BYTES <= self.batch_bytes { self.write() } else { Ok(()) }
    }

    fn insert(&self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let inserted = self.tree.insert(key, value);
        inserted.map(|_| ()).map_err(|source| Error::sled("filling a store", source))
    }

    fn write(&mut self) -> Result<(), Error> {
        (self.batch_rows, self.batch_bytes) = (0, 0);
        let batch = std::mem::take(&mut self.batch);
        self.tree.apply_batch(batch).map_err(|source| Error::sled("filling a store", source))
    }

    fn finish(mut self, dir: &Path) -> Result<(), Error> {
        self.write()?;
        self.insert(&key::sum(), &self.sum.to_be_bytes())?;
        self.tree.flush().map_err(|source| Error::sled("flushing a filled store", source))?;
        let Self { tree, db, .. } = self;
        drop((tree, db));
        sync_all(dir).map_err(|source| Error::io("syncing a filled store", source))
    }
}

fn remove(dir: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("removing an unfinished store", error)),
        _ => Ok(()),
    }
}

fn sync_all(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            sync_all(&entry?.path())?;
        }
    }
    fs::File::open(path)?.sync_all()
}

fn sync_parent(dir: &Path) -> Result<(), Error> {
    let Some(parent) = dir.parent().filter(|parent| *parent != Path::new("")) else { return Ok(()) };
    let synced = fs::File::open(parent).and_then(|parent| parent.sync_all());
    synced.map_err(|source| Error::io("syncing the directory of a store", source))
}
