//! A snapshot from one directory to another: export and import.

use std::fs;

use super::files::{check_space, failed, write_whole};
use super::read::{load, verify};
use super::{Error, Manifest, Shelf};

/// Copies a snapshot to another shelf, each part compared with its hash, and reads it back there. Gives how many parts were copied.
pub fn carry(from: &Shelf, to: &Shelf, id: &str) -> Result<(Manifest, usize), Error> {
    let manifest = from.manifest(id)?;
    let _locked = to.lock()?;
    let mut copied = 0;
    for (index, part) in manifest.parts.iter().enumerate() {
        let file = load(from, part).map_err(|what| Error::Part {
            id: id.to_owned(),
            number: index + 1,
            of: manifest.parts.len(),
            what,
            file: from.part_file(&part.blake3),
        })?;
        let path = to.part_file(&part.blake3);
        if fs::read(&path).is_ok_and(|known| known == file) {
            continue;
        }
        check_space(to.dir())?;
        write_whole(&path, &file)?;
        copied += 1;
    }
    verify(to, id, &manifest)?;
    let (source, target) = (from.manifest_file(id), to.manifest_file(id));
    let bytes = fs::read(&source).map_err(failed("reading", &source))?;
    write_whole(&target, &bytes)?;
    Ok((manifest, copied))
}
