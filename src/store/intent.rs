//! Finding a torn commit. sled promises that a batch lands whole, and after damage to its files it does not: it then opens the
//! log up to some point inside a batch. So each commit is announced by a row of its own, written before it. If it is one batch: what its rows
//! were and what they will be; at open they must all be the one or all be the other. If it lands in pieces: how many redo rows it has, and
//! their hash.
//!
//! The blocks and log chunks of pending rows are not listed: the directory row, which is, counts them.

use super::{Error, Put, Reader, row_hash};

/// The hash of a row that is not there; that a row which is there has it too is as likely as any other accident of hashes.
const ABSENT: u64 = 0;

/// The intent row for `puts`, each with the hash of the row it replaces. Big-endian: for each the length of its key u16, the key, the hashes
/// before and after, u64 each.
pub(super) fn announce(puts: &[(Put, u128)]) -> Vec<u8> {
    let mut row = Vec::with_capacity(puts.len() * 36);
    for (Put { key, value, .. }, before) in puts {
        row.extend_from_slice(&(key.len() as u16).to_be_bytes());
        row.extend_from_slice(key);
        row.extend_from_slice(&short(*before).to_be_bytes());
        row.extend_from_slice(&hash(key, value.as_deref()).to_be_bytes());
    }
    row
}

/// In the place of the length of a first key: the commit lands in pieces.
const PIECES: [u8; 2] = u16::MAX.to_be_bytes();

/// The intent row of a commit that lands in pieces. Big-endian: the mark, its redo rows u32, their hash u128.
pub(super) fn announce_pieces(redo_rows: u32, hash: u128) -> Vec<u8> {
    [&PIECES[..], &redo_rows.to_be_bytes(), &hash.to_be_bytes()].concat()
}

/// What an intent row says.
pub(super) enum Announced<'a> {
    /// Of one batch, or of none.
    Whole(Rows<'a>),
    /// Of one that lands in pieces and may not have landed all.
    Pieces { rows: u32, hash: u128 },
}

/// The rows of a commit of one batch.
pub(super) struct Rows<'a>(&'a [u8]);

impl<'a> Announced<'a> {
    /// `None` if it is no intent.
    pub fn read(row: &'a [u8]) -> Option<Self> {
        let Some(pieces) = row.strip_prefix(&PIECES) else { return Some(Self::Whole(Rows(row))) };
        let (rows, hash) = pieces.split_first_chunk()?;
        Some(Self::Pieces { rows: u32::from_be_bytes(*rows), hash: u128::from_be_bytes(hash.try_into().ok()?) })
    }
}

impl Rows<'_> {
    /// Errors: [`Error::Damaged`] if the last commit is there in part.
    pub fn check(&self, reader: &Reader) -> Result<(), Error> {
        let (mut landed, mut missing, mut rest) = (false, false, self.0);
        while !rest.is_empty() {
            let Some((key, before, after, next)) = entry(rest) else {
                return Err(reader.damaged("the intent of a commit".into()));
            };
            let now = hash(key, reader.get(key)?.as_deref());
            landed |= before != after && now == after;
            missing |= before != after && now == before;
            if now != before && now != after || landed && missing {
                return Err(reader.damaged("its last commit is there only in part".into()));
            }
            rest = next;
        }
        Ok(())
    }
}

fn entry(row: &[u8]) -> Option<(&[u8], u64, u64, &[u8])> {
    let (len, rest) = row.split_first_chunk()?;
    let (key, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
    let (before, rest) = rest.split_first_chunk()?;
    let (after, rest) = rest.split_first_chunk()?;
    Some((key, u64::from_be_bytes(*before), u64::from_be_bytes(*after), rest))
}

fn hash(key: &[u8], value: Option<&[u8]>) -> u64 {
    value.map_or(ABSENT, |value| short(row_hash(key, value)))
}

/// The half of a row's hash that an intent holds.
const fn short(hash: u128) -> u64 {
    hash as u64
}
