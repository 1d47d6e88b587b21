//! Taking a snapshot: parts, then a manifest without its name, then everything is read back, and only then the name.

use std::fs;

use super::files::{check_space, failed, name, write_whole};
use super::manifest::{Head, Manifest, PartEntry};
use super::part::{Packed, Packer};
use super::shelf::Shelf;
use super::{Error, LAYOUT, read};
use crate::failpoint::{self, Point};
use crate::store::{FORMAT, RowCopy};

/// A snapshot that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    pub id: String,
    pub manifest: Manifest,
    /// Parts that no earlier snapshot had.
    pub parts_written: usize,
}

/// Parts between two looks at the room on the disk.
const PARTS_PER_LOOK: usize = 8;

/// Writes what `copy` gives as a snapshot, reads it back and compares it with the sum that the commits have kept. `taken_at`: now, RFC 3339.
/// `should_stop` is asked between two steps.
///
/// Errors: [`Error::Stopped`], and whatever keeps the snapshot from counting.
pub fn take(
    shelf: &Shelf,
    mut copy: RowCopy,
    head: &Head,
    logic: u32,
    taken_at: String,
    should_stop: &dyn Fn() -> bool,
) -> Result<Taken, Error> {
    let locked = shelf.lock()?;
    let (mut packer, mut parts, mut fresh) = (Packer::default(), Vec::new(), 0);
    let packing = failed("compressing a part in", shelf.dir());
    let packed = (|| -> Result<(), PackError> {
        while let Some(rows) = copy.step().map_err(Error::from)? {
            if should_stop() {
                return Err(Error::Stopped.into());
            }
            for (key, value) in rows {
                if let Some(part) = packer.put(&key, &value)? {
                    put(shelf, part, &mut parts, &mut fresh)?;
                }
            }
        }
        match packer.finish()? {
            Some(part) => put(shelf, part, &mut parts, &mut fresh).map_err(PackError::from),
            None => Ok(()),
        }
    })();
    packed.map_err(|error| match error {
        PackError::Pack(source) => packing(source),
        PackError::Other(error) => error,
    })?;
    let sum = copy.sum();
    // what was kept for the copy is free while it is read back
    drop(copy);
    let manifest = Manifest {
        layout: LAYOUT,
        position: head.position,
        digest: format!("{:032x}", head.digest),
        taken_at,
        log_time: head.log_time.to_string(),
        log: head.log.clone(),
        format: FORMAT.to_owned(),
        logic,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        rows: parts.iter().map(|part: &PartEntry| part.rows).sum(),
        rows_sum: format!("{sum:032x}"),
        bytes: parts.iter().map(|part| part.bytes).sum(),
        parts,
    };
    let (id, bytes) = manifest.written();
    let file = shelf.manifest_file(&id);
    let unread = file.with_extension("json.unread.partial");
    write_whole(&unread, &bytes)?;
    failpoint::reach(Point::SnapshotWritten);
    let go_on = |_: &[u8], _: &[u8]| if should_stop() { Err(Error::Stopped) } else { Ok(()) };
    if let Err(error) = read::read(shelf, &id, &manifest, go_on) {
        fs::remove_file(&unread).map_err(failed("deleting", &unread))?;
        return Err(error);
    }
    failpoint::reach(Point::SnapshotVerified);
    name(&unread, &file)?;
    failpoint::reach(Point::SnapshotNamed);
    drop(locked);
    Ok(Taken { id, manifest, parts_written: fresh })
}

/// Writes a part, unless it is there already as it should be.
fn put(shelf: &Shelf, part: Packed, parts: &mut Vec<PartEntry>, fresh: &mut usize) -> Result<(), Error> {
    if parts.len().is_multiple_of(PARTS_PER_LOOK) {
        check_space(shelf.dir())?;
    }
    let blake3 = blake3::hash(&part.file).to_hex().to_string();
    let path = shelf.part_file(&blake3);
    let known = fs::metadata(&path).is_ok_and(|file| file.len() == part.file.len() as u64)
        && fs::read(&path).is_ok_and(|bytes| bytes == part.file);
    if !known {
        write_whole(&path, &part.file)?;
        failpoint::reach(Point::SnapshotPart);
        *fresh += 1;
    }
    parts.push(PartEntry { blake3, stored_bytes: part.file.len() as u64, bytes: part.bytes, rows: part.rows });
    Ok(())
}

/// What ends the writing of parts.
enum PackError {
    Pack(std::io::Error),
    Other(Error),
}

impl From<std::io::Error> for PackError {
    fn from(source: std::io::Error) -> Self {
        Self::Pack(source)
    }
}

impl From<Error> for PackError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}
