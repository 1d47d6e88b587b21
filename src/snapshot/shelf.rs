//! The directory of snapshots: `manifests/<position>-<hash>.json` and `parts/<hash>.zst`. A manifest gets its name only after the snapshot
//! was read back, so one that is there was whole once.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::files::{self, failed};
use super::{Error, Manifest};

const MANIFESTS: &str = "manifests";
const PARTS: &str = "parts";
const MANIFEST_END: &str = ".json";
const PART_END: &str = ".zst";

/// A directory of snapshots, which need not exist yet.
#[derive(Clone, Debug)]
pub struct Shelf {
    dir: PathBuf,
}

/// One snapshot that lies there.
#[derive(Debug)]
pub struct Found {
    /// Its position and some of the BLAKE3 of its manifest, such as `81920-9f3a1c2b4d5e6f70`.
    pub id: String,
    /// Of its name: the manifest itself may not be readable.
    pub position: u64,
    /// Errors: [`Error::Manifest`].
    pub manifest: Result<Manifest, Error>,
}

/// The right to write; the directories are there.
#[derive(Debug)]
pub(super) struct Locked {
    _lock: File,
}

impl Shelf {
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Within a data directory.
    pub fn in_data(data: &Path) -> Self {
        Self::new(data.join("snapshots"))
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Every snapshot, the newest position first; of one position the one that was taken last.
    pub fn list(&self) -> Result<Vec<Found>, Error> {
        let mut found = Vec::new();
        for name in names(&self.dir.join(MANIFESTS))? {
            let Some(id) = name.strip_suffix(MANIFEST_END) else { continue };
            let Some(position) = id.split_once('-').and_then(|(position, _)| position.parse().ok()) else { continue };
            found.push(Found { id: id.to_owned(), position, manifest: self.manifest(id) });
        }
        let taken = |found: &Found| found.manifest.as_ref().map(|manifest| manifest.taken_at.clone()).unwrap_or_default();
        found.sort_by_cached_key(|found| (found.position, taken(found)));
        found.reverse();
        Ok(found)
    }

    /// The snapshot of that id.
    ///
    /// Errors: [`Error::Unknown`], [`Error::Manifest`].
    pub fn manifest(&self, id: &str) -> Result<Manifest, Error> {
        // it comes from a command line
        let is_plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let path = self.manifest_file(id);
        let bytes = match if is_plain { fs::read(&path) } else { Err(std::io::ErrorKind::NotFound.into()) } {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::Unknown { id: id.to_owned(), dir: self.dir.clone() });
            }
            read => read.map_err(failed("reading", &path))?,
        };
        Manifest::read(id, &bytes).map_err(|what| Error::Manifest { id: id.to_owned(), what })
    }

    /// Deletes all but the newest `count` snapshots, and the parts that no snapshot names any more. Gives how many were deleted.
    pub fn keep(&self, count: usize) -> Result<usize, Error> {
        let locked = self.lock()?;
        let mut deleted = 0;
        let mut whole = 0;
        for found in self.list()? {
            whole += usize::from(found.manifest.is_ok());
            if count < whole || count <= whole && found.manifest.is_err() {
                let path = self.manifest_file(&found.id);
                fs::remove_file(&path).map_err(failed("deleting", &path))?;
                deleted += 1;
            }
        }
        self.sweep(&locked)?;
        Ok(deleted)
    }

    /// Deletes what no snapshot names: parts of deleted ones, and what a kill has left unfinished.
    pub(super) fn sweep(&self, _: &Locked) -> Result<(), Error> {
        let list = self.list()?;
        // what a damaged manifest names is not known, and its parts may be whole
        let is_certain = list.iter().all(|found| found.manifest.is_ok());
        let named: BTreeSet<&str> = list
            .iter()
            .filter_map(|found| found.manifest.as_ref().ok())
            .flat_map(|manifest| &manifest.parts)
            .map(|part| part.blake3.as_str())
            .collect();
        for name in names(&self.dir.join(PARTS))? {
            let is_named = name.strip_suffix(PART_END).is_some_and(|hash| named.contains(hash));
            if is_partial(&name) || is_certain && !is_named {
                let path = self.dir.join(PARTS).join(&name);
                fs::remove_file(&path).map_err(failed("deleting", &path))?;
            }
        }
        for name in names(&self.dir.join(MANIFESTS))?.into_iter().filter(|name| is_partial(name)) {
            let path = self.dir.join(MANIFESTS).join(name);
            fs::remove_file(&path).map_err(failed("deleting", &path))?;
        }
        Ok(())
    }

    /// Makes the directories and takes the right to write.
    pub(super) fn lock(&self) -> Result<Locked, Error> {
        for dir in [MANIFESTS, PARTS].map(|name| self.dir.join(name)) {
            fs::create_dir_all(&dir).map_err(failed("creating", &dir))?;
        }
        Ok(Locked { _lock: files::lock(&self.dir)? })
    }

    pub(super) fn manifest_file(&self, id: &str) -> PathBuf {
        self.dir.join(MANIFESTS).join(format!("{id}{MANIFEST_END}"))
    }

    pub(super) fn part_file(&self, blake3: &str) -> PathBuf {
        self.dir.join(PARTS).join(format!("{blake3}{PART_END}"))
    }
}

fn is_partial(name: &str) -> bool {
    name.ends_with(files::PARTIAL)
}

/// The names in a directory, which need not be there.
fn names(dir: &Path) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed("reading", dir))?,
    };
    let name = |entry: std::io::Result<fs::DirEntry>| entry.map(|entry| entry.file_name().to_string_lossy().into_owned());
    entries.map(name).collect::<Result<_, _>>().map_err(failed("reading", dir))
}
