//! Keys of the one tree. Rows of the core bring theirs ([`crate::monitor::rows`]); here are those of the store and of its writer, under
//! tags of their own.

use crate::event::Lane;
use crate::monitor::rows::Key;

pub use crate::monitor::rows::{Fields, fields};

/// What a row is that is no part of the core's state; the first byte of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    Redo = b'c',
    Directory = b'd',
    RunPart = b'f',
    Head = b'h',
    Identity = b'i',
    Intent = b'j',
    PendingLog = b'l',
    Outbox = b'o',
    RunBlock = b'r',
    Sum = b'z',
}

impl Tag {
    pub const ALL: [Self; 10] = [
        Self::Redo,
        Self::Directory,
        Self::RunPart,
        Self::Head,
        Self::Identity,
        Self::Intent,
        Self::PendingLog,
        Self::Outbox,
        Self::RunBlock,
        Self::Sum,
    ];

    /// Prefix of every row of this tag.
    pub fn all(self) -> Key {
        Key::of(self as u8)
    }
}

/// The head: position, fingerprint, counters.
pub fn head() -> Key {
    Tag::Head.all()
}

/// Effects of one lane, the last of them caused by `seq`.
pub fn outbox(lane: Lane, seq: u64) -> Key {
    Tag::Outbox.all().u16(lane.number()).u64(seq)
}

/// Lane and sequence of a row of the outbox.
pub fn outbox_row(row_key: &[u8]) -> Option<(Lane, u64)> {
    let mut fields = fields(row_key, Tag::Outbox as u8)?;
    Some((Lane::numbered(fields.u16()?)?, fields.u64()?))
}

/// Which store this is and in which format.
pub(super) fn identity() -> Key {
    Tag::Identity.all()
}

/// What the last commit was about to change.
pub(super) fn intent() -> Key {
    Tag::Intent.all()
}

/// A part of what the last commit changes.
pub(super) fn redo(number: u32) -> Key {
    Tag::Redo.all().u32(number)
}

/// The sum of the hashes of all rows.
pub(super) fn sum() -> Key {
    Tag::Sum.all()
}

/// The directory of pending runs.
pub(super) fn directory() -> Key {
    Tag::Directory.all()
}

/// One block of rows of a pending run.
pub(super) fn run_block(run: u64, block: u32) -> Key {
    run_blocks(run).u32(block)
}

/// Prefix of all blocks of a pending run.
pub(super) fn run_blocks(run: u64) -> Key {
    Tag::RunBlock.all().u64(run)
}

/// Filter and index of one part of a pending run.
pub(super) fn run_part(run: u64, part: u32) -> Key {
    run_parts(run).u32(part)
}

/// Prefix of all parts of a pending run.
pub(super) fn run_parts(run: u64) -> Key {
    Tag::RunPart.all().u64(run)
}

/// One chunk of the pending rows of one commit; `commit` counts the store's own commits.
pub(super) fn pending_log(commit: u64, chunk: u32) -> Key {
    Tag::PendingLog.all().u64(commit).u32(chunk)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::rows;

    #[test]
    fn no_tag_is_one_of_the_cores() {
        let own = Tag::ALL.map(|tag| tag as u8);
        assert!(rows::Tag::ALL.iter().all(|tag| !own.contains(&(*tag as u8))));
        let rows = [outbox(Lane::Jobs, 7), head()].map(|key| outbox_row(&key));
        assert_eq!(rows, [Some((Lane::Jobs, 7)), None]);
    }
}
