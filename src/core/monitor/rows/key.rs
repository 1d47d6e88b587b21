//! Keys of rows: a tag byte, then big-endian fields, so that byte order is the order of the fields. Each room puts its own keys together.

use std::ops::Deref;

use crate::time::Timestamp;

/// What a row of the core is; the first byte of its key. Whoever keeps the rows has tags of its own beside these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    Analysis = b'a',
    Batch = b'b',
    Job = b'k',
    Model = b'm',
    Note = b'n',
    Pane = b'p',
    Source = b's',
    Profile = b't',
    Retraining = b'q',
    Trail = b'u',
    Track = b'w',
    Rejected = b'x',
}

impl Tag {
    pub const ALL: [Self; 12] = [
        Self::Analysis,
        Self::Batch,
        Self::Job,
        Self::Model,
        Self::Note,
        Self::Pane,
        Self::Retraining,
        Self::Source,
        Self::Profile,
        Self::Trail,
        Self::Track,
        Self::Rejected,
    ];

    /// Prefix of every row of this tag.
    pub fn all(self) -> Key {
        Key::of(self as u8)
    }
}

/// A key, or the beginning of some.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    bytes: Vec<u8>,
}

impl Key {
    /// Begins a key.
    pub fn of(tag: u8) -> Self {
        let mut bytes = Vec::with_capacity(18);
        bytes.push(tag);
        Self { bytes }
    }

    #[must_use]
    pub fn u8(mut self, field: u8) -> Self {
        self.bytes.push(field);
        self
    }

    #[must_use]
    pub fn u16(mut self, field: u16) -> Self {
        self.bytes.extend_from_slice(&field.to_be_bytes());
        self
    }

    #[must_use]
    pub fn u32(mut self, field: u32) -> Self {
        self.bytes.extend_from_slice(&field.to_be_bytes());
        self
    }

    #[must_use]
    pub fn u64(mut self, field: u64) -> Self {
        self.bytes.extend_from_slice(&field.to_be_bytes());
        self
    }

    #[must_use]
    pub fn instant(self, field: Timestamp) -> Self {
        self.u64(field.micros() as u64 ^ SIGN)
    }
}

impl From<Key> for Vec<u8> {
    fn from(key: Key) -> Self {
        key.bytes
    }
}

impl Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads the fields of a key in order, as they were written. Each reader gives `None` if the key is too short.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

/// The fields of `key` if it carries `tag`.
pub fn fields(key: &[u8], tag: u8) -> Option<Fields<'_>> {
    let (first, rest) = key.split_first()?;
    (*first == tag).then_some(Fields { rest })
}

impl<'a> Fields<'a> {
    pub const fn of(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.take().map(u8::from_be_bytes)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_sort_as_their_fields_do(a in any::<(u32, i64)>(), b in any::<(u32, i64)>()) {
            let key = |(id, at): (u32, i64)| Tag::Profile.all().u32(id).instant(Timestamp::from_micros(at));
            prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
        }

        #[test]
        fn a_key_gives_its_fields_back(kind: u8, source: u32, ordinal: u64, at: i64) {
            let at = Timestamp::from_micros(at);
            let key = Tag::Note.all().u8(kind).u32(source).u64(ordinal).instant(at);
            let mut read = fields(&key, Tag::Note as u8).unwrap();
            prop_assert_eq!((read.u8(), read.u32()), (Some(kind), Some(source)));
            prop_assert_eq!((read.u64(), read.instant(), read.u8()), (Some(ordinal), Some(at), None));
            prop_assert!(fields(&key, Tag::Pane as u8).is_none());
        }
    }

    #[test]
    fn no_two_tags_are_the_same() {
        let tags: std::collections::BTreeSet<u8> = Tag::ALL.iter().map(|tag| *tag as u8).collect();
        assert_eq!(tags.len(), Tag::ALL.len());
    }
}
