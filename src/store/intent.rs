//! Finding a torn commit. sled promises that a batch lands whole, and after damage to its files it does not: it then opens the
//! log up to some point inside a batch. So each commit is announced by a row of its own, written before it. If it is one batch: what its rows
//! were and what they will be; at open they must all be the one or all be the other. If it lands in pieces: how many redo rows it has, and
//! their hash.
//!
//! The rows that nobody reads before the batch has landed, and those that nobody reads after it, are written and deleted outside of it. The
//! intent names their keys: a commit that has not landed leaves none of the first behind, and one that has leaves none of the second.

use super::landing::Changes;
use super::{Error, Put, Reader, row_hash};

/// The hash of a row that is not there; that a row which is there has it too is as likely as any other accident of hashes.
const ABSENT: u64 = 0;

/// In the place of the length of a first key: the keys of rows outside of the batch come first.
const OUTSIDE: [u8; 2] = (u16::MAX - 1).to_be_bytes();

/// The intent row for `puts`, each with the hash of the row it replaces, and for what `changes` writes and deletes outside of their batch.
/// Big-endian: the mark; for what is written and then for what is deleted: how many u32, for each the length of its key u16 and the key; for each put
/// the length of its key u16, the key, the hashes before and after, u64 each.
pub(super) fn announce(changes: &Changes, puts: &[(Put, u128)]) -> Vec<u8> {
    let mut row = OUTSIDE.to_vec();
    push_keys(&mut row, changes.unseen.len(), changes.unseen.iter().map(|(key, _)| key));
    push_keys(&mut row, changes.left.len(), changes.left.iter());
    for (Put { key, value, .. }, before) in puts {
        push_key(&mut row, key);
        row.extend_from_slice(&short(*before).to_be_bytes());
        row.extend_from_slice(&hash(key, value.as_deref()).to_be_bytes());
    }
    row
}

fn push_keys<'k>(row: &mut Vec<u8>, count: usize, keys: impl Iterator<Item = &'k Vec<u8>>) {
    row.extend_from_slice(&(count as u32).to_be_bytes());
    keys.for_each(|key| push_key(row, key));
}

fn push_key(row: &mut Vec<u8>, key: &[u8]) {
    row.extend_from_slice(&(key.len() as u16).to_be_bytes());
    row.extend_from_slice(key);
}

/// In the place of the length of a first key: the commit lands in pieces.
const PIECES: [u8; 2] = u16::MAX.to_be_bytes();

/// The intent row of a commit that lands in pieces. Big-endian: the mark, its redo rows u32, their hash u128.
pub(super) fn announce_pieces(redo_rows: u32, hash: u128) -> Vec<u8> {
    [&PIECES[..], &redo_rows.to_be_bytes(), &hash.to_be_bytes()].concat()
}

/// What an intent row says.
pub(super) enum Announced<'a> {
    /// Of one batch, of what is written before a larger commit is announced, or of none.
    Whole(Rows<'a>),
    /// Of one that lands in pieces and may not have landed all.
    Pieces { rows: u32, hash: u128 },
}

/// The rows of a commit of one batch.
pub(super) struct Rows<'a> {
    /// Keys of what was written outside of the batch before it.
    pub unseen: Vec<&'a [u8]>,
    /// Keys of what is to be deleted after it.
    pub left: Vec<&'a [u8]>,
    batch: &'a [u8],
}

impl<'a> Announced<'a> {
    /// `None` if it is no intent.
    pub fn read(row: &'a [u8]) -> Option<Self> {
        if let Some(pieces) = row.strip_prefix(&PIECES) {
            let (rows, hash) = pieces.split_first_chunk()?;
            return Some(Self::Pieces { rows: u32::from_be_bytes(*rows), hash: u128::from_be_bytes(hash.try_into().ok()?) });
        }
        // one of before there were rows outside of a batch names none
        let Some(mut rest) = row.strip_prefix(&OUTSIDE) else {
            return Some(Self::Whole(Rows { unseen: Vec::new(), left: Vec::new(), batch: row }));
        };
        let (unseen, left) = (take_keys(&mut rest)?, take_keys(&mut rest)?);
        Some(Self::Whole(Rows { unseen, left, batch: rest }))
    }
}

impl Rows<'_> {
    /// Whether the batch has landed; one of no rows has not.
    ///
    /// Errors: [`Error::Damaged`] if it is there in part.
    pub fn landed(&self, reader: &Reader) -> Result<bool, Error> {
        let (mut landed, mut missing, mut rest) = (false, false, self.batch);
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
        Ok(landed)
    }
}

fn take_keys<'a>(rest: &mut &'a [u8]) -> Option<Vec<&'a [u8]>> {
    let (count, mut after) = rest.split_first_chunk()?;
    let mut keys = Vec::new();
    for _ in 0..u32::from_be_bytes(*count) {
        let (key, next) = take_key(after)?;
        keys.push(key);
        after = next;
    }
    *rest = after;
    Some(keys)
}

fn take_key(row: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = row.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
}

fn entry(row: &[u8]) -> Option<(&[u8], u64, u64, &[u8])> {
    let (key, rest) = take_key(row)?;
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
