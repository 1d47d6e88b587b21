//! A value that is a row of the store, and whether that row is up to date.

use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value with the hash of the row it was last written as; 0 before that. Read freely; changed through [`Self::change`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept<T> {
    value: T,
    dirty: bool,
    row_hash: u128,
}

impl<T> Kept<T> {
    /// A value that is not in the store yet.
    pub const fn new(value: T) -> Self {
        Self { value, dirty: true, row_hash: 0 }
    }

    /// A value as the store has it.
    pub const fn stored(value: T, row_hash: u128) -> Self {
        Self { value, dirty: false, row_hash }
    }

    /// The value, to be changed: its row is due at the next commit.
    pub fn change(&mut self) -> &mut T {
        self.dirty = true;
        &mut self.value
    }

    pub const fn is_dirty(&self) -> bool {
        self.dirty
    }

    pub const fn row_hash(&self) -> u128 {
        self.row_hash
    }

    /// Its row was written, with this hash.
    pub const fn written(&mut self, row_hash: u128) {
        (self.dirty, self.row_hash) = (false, row_hash);
    }
}

impl<T: Serialize> Serialize for Kept<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

/// Read back as part of another row, it has none of its own yet.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Kept<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::new)
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
