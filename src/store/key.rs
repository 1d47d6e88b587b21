//! Keys of the one tree: a tag byte, then big-endian fields, so that byte order is the order of the fields. The only place that
//! knows the layout; a new kind of row is a new tag.

use crate::monitor::analysis;
use crate::monitor::cold::List;
use crate::monitor::drift::Part;
use crate::time::Timestamp;

/// What a row is; the first byte of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    Analysis = b'a',
    Directory = b'd',
    RunPart = b'f',
    Head = b'h',
    Identity = b'i',
    Intent = b'j',
    PendingLog = b'l',
    Model = b'm',
    Note = b'n',
    Outbox = b'o',
    Pane = b'p',
    RunBlock = b'r',
    Source = b's',
    Profile = b't',
    Track = b'w',
    Rejected = b'x',
    Sum = b'z',
}

/// The head: position, fingerprint, counters.
pub fn head() -> Vec<u8> {
    Key::of(Tag::Head).bytes
}

/// One model.
pub fn model(model: u32) -> Vec<u8> {
    Key::of(Tag::Model).u32(model).bytes
}

/// One pane of a model, by its start.
pub fn pane(model: u32, start: Timestamp) -> Vec<u8> {
    Key::of(Tag::Pane).u32(model).instant(start).bytes
}

/// Prefix of all panes of a model.
pub fn panes(model: u32) -> Vec<u8> {
    Key::of(Tag::Pane).u32(model).bytes
}

/// Classes, cells and trail of a model.
pub fn profile(model: u32) -> Vec<u8> {
    Key::of(Tag::Profile).u32(model).bytes
}

/// One part of a track: the watch of the model's version, its drift window, its estimator, one of its baselines or a chunk of its
/// reference or its lessons.
pub fn track_part(model: u32, track: u16, part: Part) -> Vec<u8> {
    let (kind, number) = match part {
        Part::Watch => (0, 0),
        Part::Window => (1, 0),
        Part::Estimator => (2, 0),
        Part::Baseline(number) => (3, number),
        Part::Chunk(number) => (4, number),
        Part::Lesson(number) => (5, number),
    };
    Key::of(Tag::Track).u32(model).u32(track.into()).u8(kind).u32(number).bytes
}

/// Prefix of all parts of all tracks of a model.
pub fn tracks(model: u32) -> Vec<u8> {
    Key::of(Tag::Track).u32(model).bytes
}

/// The track and the part that a row of this key is.
pub fn track_and_part(row_key: &[u8]) -> Option<(u16, Part)> {
    let mut fields = fields(row_key, Tag::Track)?;
    fields.u32()?;
    let track = fields.u32()? as u16;
    let (kind, number) = (fields.u8()?, fields.u32()?);
    let part = match kind {
        0 => Part::Watch,
        1 => Part::Window,
        2 => Part::Estimator,
        3 => Part::Baseline(number),
        4 => Part::Chunk(number),
        5 => Part::Lesson(number),
        _ => return None,
    };
    Some((track, part))
}

/// The start of the pane whose row has this key.
pub fn pane_start(row_key: &[u8]) -> Option<Timestamp> {
    let mut fields = fields(row_key, Tag::Pane)?;
    fields.u32()?;
    fields.instant()
}

/// One source.
pub fn source(source: u32) -> Vec<u8> {
    Key::of(Tag::Source).u32(source).bytes
}

/// One part of what is analysed about a source or a model, by the number of that subject.
pub fn analysis_part(subject: u32, part: analysis::Part) -> Vec<u8> {
    let part = match part {
        analysis::Part::Watched => 0,
        analysis::Part::Seasons => 1,
    };
    Key::of(Tag::Analysis).u32(subject).u8(part).bytes
}

/// Prefix of all parts of one subject of the analysis.
pub fn analysis(subject: u32) -> Vec<u8> {
    Key::of(Tag::Analysis).u32(subject).bytes
}

/// The part of a subject that a row of this key is.
pub fn part_of_analysis(row_key: &[u8]) -> Option<analysis::Part> {
    let mut fields = fields(row_key, Tag::Analysis)?;
    fields.u32()?;
    match fields.u8()? {
        0 => Some(analysis::Part::Watched),
        1 => Some(analysis::Part::Seasons),
        _ => None,
    }
}

/// One entry of a list, by its ordinal.
pub fn entry(list: List, ordinal: u64) -> Vec<u8> {
    match list {
        List::Rejected => Key::of(Tag::Rejected).u64(ordinal).bytes,
        List::Notes { kind, source } => Key::of(Tag::Note).u8(kind).u32(source).u64(ordinal).bytes,
    }
}

/// Prefix of all notes of one kind of one source.
pub fn notes(kind: u8, source: u32) -> Vec<u8> {
    Key::of(Tag::Note).u8(kind).u32(source).bytes
}

/// All effects of the commit that ended at `seq`.
pub fn outbox(seq: u64) -> Vec<u8> {
    Key::of(Tag::Outbox).u64(seq).bytes
}

/// Prefix of every row of one tag.
pub fn all(tag: Tag) -> Vec<u8> {
    Key::of(tag).bytes
}

/// Which store this is and in which format.
pub(super) fn identity() -> Vec<u8> {
    Key::of(Tag::Identity).bytes
}

/// What the last commit was about to change.
pub(super) fn intent() -> Vec<u8> {
    Key::of(Tag::Intent).bytes
}

/// The sum of the hashes of all rows.
pub(super) fn sum() -> Vec<u8> {
    Key::of(Tag::Sum).bytes
}

/// The directory of pending runs.
pub(super) fn directory() -> Vec<u8> {
    Key::of(Tag::Directory).bytes
}

/// One block of rows of a pending run.
pub(super) fn run_block(run: u64, block: u32) -> Vec<u8> {
    Key::of(Tag::RunBlock).u64(run).u32(block).bytes
}

/// Prefix of all blocks of a pending run.
pub(super) fn run_blocks(run: u64) -> Vec<u8> {
    Key::of(Tag::RunBlock).u64(run).bytes
}

/// Filter and index of one part of a pending run.
pub(super) fn run_part(run: u64, part: u32) -> Vec<u8> {
    Key::of(Tag::RunPart).u64(run).u32(part).bytes
}

/// Prefix of all parts of a pending run.
pub(super) fn run_parts(run: u64) -> Vec<u8> {
    Key::of(Tag::RunPart).u64(run).bytes
}

/// One chunk of the pending rows of one commit; `commit` counts the store's own commits.
pub(super) fn pending_log(commit: u64, chunk: u32) -> Vec<u8> {
    Key::of(Tag::PendingLog).u64(commit).u32(chunk).bytes
}

/// Reads the fields of a key in order, as they were written. Each reader gives `None` if the key is too short.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

/// The fields of `key` if it carries `tag`.
pub fn fields(key: &[u8], tag: Tag) -> Option<Fields<'_>> {
    let (first, rest) = key.split_first()?;
    (*first == tag as u8).then_some(Fields { rest })
}

impl<'a> Fields<'a> {
    pub(super) fn of(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.take().map(u8::from_be_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    pub fn instant(&mut self) -> Option<Timestamp> {
        self.u64().map(|raw| Timestamp::from_micros((raw ^ SIGN) as i64))
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*field)
    }
}

/// Flipping the sign bit makes unsigned byte order the order of signed numbers.
const SIGN: u64 = 1 << 63;

struct Key {
    bytes: Vec<u8>,
}

impl Key {
    fn of(tag: Tag) -> Self {
        let mut bytes = Vec::with_capacity(18);
        bytes.push(tag as u8);
        Self { bytes }
    }

    fn u8(mut self, field: u8) -> Self {
        self.bytes.push(field);
        self
    }

    fn u32(mut self, field: u32) -> Self {
        self.bytes.extend_from_slice(&field.to_be_bytes());
        self
    }

    fn u64(mut self, field: u64) -> Self {
        self.bytes.extend_from_slice(&field.to_be_bytes());
        self
    }

    fn instant(self, field: Timestamp) -> Self {
        self.u64(field.micros() as u64 ^ SIGN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_sort_as_their_fields_do(a in any::<(u32, i64)>(), b in any::<(u32, i64)>()) {
            let key = |(id, at): (u32, i64)| pane(id, Timestamp::from_micros(at));
            prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
        }

        #[test]
        fn a_key_gives_its_fields_back(kind: u8, source: u32, ordinal: u64, at: i64) {
            let note = entry(List::Notes { kind, source }, ordinal);
            let mut read = fields(&note, Tag::Note).unwrap();
            prop_assert_eq!((read.u8(), read.u32()), (Some(kind), Some(source)));
            prop_assert_eq!((read.u64(), read.u8()), (Some(ordinal), None));
            let pane = pane(source, Timestamp::from_micros(at));
            let mut read = fields(&pane, Tag::Pane).unwrap();
            prop_assert_eq!((read.u32(), read.instant()), (Some(source), Some(Timestamp::from_micros(at))));
            prop_assert!(fields(&pane, Tag::Note).is_none());
        }
    }
}
