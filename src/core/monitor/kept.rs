//! A value that is a row of the store, and whether that row is up to date.

use std::ops::Deref;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::monitor::rows::{Key, Row, Unreadable, Writer, value_of};

/// A value and how it was last written. Read freely; changed through [`Self::change`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept<T> {
    value: T,
    written: Written,
}

/// How something was last written as a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Changed since.
    pub dirty: bool,
    /// Hash of the row; 0 before the first.
    pub hash: u128,
}

impl<T> Kept<T> {
    /// A value that is not in the store yet.
    pub const fn new(value: T) -> Self {
        Self { value, written: Written { dirty: true, hash: 0 } }
    }

    /// A value that is to be written once it has been changed.
    pub const fn clean(value: T) -> Self {
        Self { value, written: Written { dirty: false, hash: 0 } }
    }

    /// The value, to be changed: its row is due at the next commit.
    pub const fn change(&mut self) -> &mut T {
        self.written.dirty = true;
        &mut self.value
    }

    /// Has the value held in another way that is equal to it: its row stays up to date.
    pub fn repack(&mut self, pack: impl FnOnce(&mut T)) {
        pack(&mut self.value);
    }

    pub fn into_value(self) -> T {
        self.value
    }

    pub const fn is_dirty(&self) -> bool {
        self.written.dirty
    }

    pub const fn row_hash(&self) -> u128 {
        self.written.hash
    }
}

impl<T: Serialize> Kept<T> {
    /// Writes the row, if it is not up to date.
    pub fn save(&mut self, key: impl FnOnce() -> Key, to: &mut dyn Writer) {
        self.written.save(key, &self.value, to);
    }

    /// As [`Self::save`], of one that may be shared: what is up to date is not copied.
    pub fn save_shared(shared: &mut Arc<Self>, key: impl FnOnce() -> Key, to: &mut dyn Writer)
    where
        T: Clone,
    {
        if shared.is_dirty() {
            Arc::make_mut(shared).save(key, to);
        }
    }
}

impl<T: DeserializeOwned> Kept<T> {
    /// Reads a row back.
    ///
    /// Errors: [`Unreadable`].
    pub fn restore(row: Row<'_>) -> Result<Self, Unreadable> {
        row.read().map(|value| Self { value, written: Written::as_row(row) })
    }
}

impl Written {
    /// As a row that has been read says.
    pub const fn as_row(row: Row<'_>) -> Self {
        Self { dirty: false, hash: row.hash }
    }

    /// Writes a row, if it is not up to date.
    pub fn save(&mut self, key: impl FnOnce() -> Key, value: &impl Serialize, to: &mut dyn Writer) {
        if self.dirty {
            *self = Self { dirty: false, hash: to.put(key(), value_of(value), self.hash) };
        }
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
