//! Reading a snapshot back: each part by its hash, and all rows by their sum.

use std::fs;

use super::manifest::{Manifest, PartEntry};
use super::part::unpack;
use super::{Error, Shelf};
use crate::store::row_hash;

/// What reading has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    pub rows: u64,
    pub bytes: u64,
}

/// Reads a whole snapshot and compares it with what its manifest says.
///
/// Errors: [`Error::Part`], [`Error::Sum`], [`Error::Io`].
pub fn verify(shelf: &Shelf, id: &str, manifest: &Manifest) -> Result<Verified, Error> {
    read(shelf, id, manifest, |_, _| Ok(()))
}

/// As [`verify`], showing every row. What `see` was shown counts only if no error came.
pub fn read<E: From<Error>>(
    shelf: &Shelf,
    id: &str,
    manifest: &Manifest,
    mut see: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
) -> Result<Verified, E> {
    let (mut sum, mut rows, mut bytes) = (0_u128, 0, 0);
    for (index, part) in manifest.parts.iter().enumerate() {
        let damaged = |what: String| Error::Part {
            id: id.to_owned(),
            number: index + 1,
            of: manifest.parts.len(),
            what,
            file: shelf.part_file(&part.blake3),
        };
        let file = load(shelf, part).map_err(damaged)?;
        let seen = unpack(&file, part.bytes, |key, value| {
            sum = sum.wrapping_add(row_hash(key, value));
            see(key, value)
        });
        let seen = seen.map_err(damaged)??;
        if seen != part.rows {
            return Err(damaged(format!("{seen} rows long instead of {}", part.rows)).into());
        }
        (rows, bytes) = (rows + seen, bytes + part.bytes);
    }
    let sums = (format!("{sum:032x}"), rows, bytes);
    if sums != (manifest.rows_sum.clone(), manifest.rows, manifest.bytes) {
        let what = format!("{} over {rows} rows, where its commits had {} over {}", sums.0, manifest.rows_sum, manifest.rows);
        return Err(Error::Sum { id: id.to_owned(), what }.into());
    }
    Ok(Verified { rows, bytes })
}

/// The file of a part. Errors: what is wrong with it, in words.
pub(super) fn load(shelf: &Shelf, part: &PartEntry) -> Result<Vec<u8>, String> {
    let is_hash = part.blake3.len() == 64 && part.blake3.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hash {
        return Err("named by what is no BLAKE3".to_owned());
    }
    let path = shelf.part_file(&part.blake3);
    let length = fs::metadata(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "missing".to_owned(),
        _ => format!("not readable: {error}"),
    })?;
    if length.len() != part.stored_bytes {
        return Err(format!("{} bytes long instead of {}", length.len(), part.stored_bytes));
    }
    let file = fs::read(&path).map_err(|error| format!("not readable: {error}"))?;
    if blake3::hash(&file).to_hex().as_str() != part.blake3 {
        return Err("damaged: its bytes are not those that were written".to_owned());
    }
    Ok(file)
}
