//! How a room of the core lies in a store: as rows of its own, which it alone knows how to write and to read back. Whoever keeps the rows
//! knows keys and bytes only; a commit, the digest of the state and a copy of it are walks over the same rows.
//!
//! What is written to row by row is a [`Kept`](crate::monitor::kept::Kept) value: it knows the hash of its row and whether that is up to date.
//! Two kinds of rows are not, for speed: join rows are packed (tens of millions of them wait for labels), and entries of lists are
//! written once and never read by the core; both go through [`Cold`](crate::monitor::cold::Cold). A model is not either, because its row is more
//! than itself (`monitor/model/rows.rs`).

mod key;
pub mod memory;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use key::{Fields, Key, Tag, fields};

/// A room whose rows are part of the state.
pub trait Rows: Sized {
    /// What became of the room since the last time, for those who show it.
    type Changed;

    /// Writes what has changed since this was last called, and deletes the rows of what is gone.
    fn save(&mut self, to: &mut dyn Writer) -> Self::Changed;

    /// Reads everything back, and derives again what is derived.
    ///
    /// * `given`: how many numbers had been given at least; the last ones may have no row any more.
    ///
    /// Errors: those of the reader, and a row that cannot be read.
    fn restore<R: Reader>(rows: &R, given: u32) -> Result<Self, R::Error>;
}

/// What a commit changed of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed<Gone> {
    /// Numbers of what is new or other than before.
    pub changed: Vec<u32>,
    /// What is no longer there. Something of the same name may have come since, and then it is among the changed.
    pub gone: Vec<Gone>,
}

/// The rows of one commit.
pub trait Writer {
    /// Puts a row, and gives its hash. `before`: the hash of the row that it replaces, 0 if there is none.
    fn put(&mut self, key: Key, value: Vec<u8>, before: u128) -> u128;

    /// Deletes a row. `hash`: the hash it was last written with, 0 if it never was.
    fn delete(&mut self, key: Key, hash: u128);

    /// Deletes every committed row whose key begins with `prefix`. None of them may have been put since.
    fn delete_all(&mut self, prefix: &Key);
}

/// The rows as they were last committed.
pub trait Reader {
    type Error: From<Unreadable>;

    /// Shows the rows whose keys begin with `prefix`, in the order of the keys, from `from` on (the prefix itself: all of them).
    fn each(
        &self,
        prefix: &Key,
        from: &Key,
        see: &mut dyn FnMut(Row<'_>) -> Result<(), Self::Error>,
    ) -> Result<(), Self::Error>;

    /// Shows one row, if it is there.
    fn one(&self, key: &Key, see: &mut dyn FnMut(Row<'_>) -> Result<(), Self::Error>) -> Result<(), Self::Error>;
}

/// A row as it lies in the store.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    pub key: &'a [u8],
    pub value: &'a [u8],
    /// Over key and value.
    pub hash: u128,
}

/// A row that is not what its key says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row of tag {tag:?} cannot be read: {why}")]
pub struct Unreadable {
    pub tag: char,
    pub why: String,
}

impl Row<'_> {
    /// The value.
    ///
    /// Errors: [`Unreadable`] if it is of another layout, or damaged.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Unreadable> {
        rmp_serde::from_slice(self.value).map_err(|error| self.unreadable(error.to_string()))
    }

    /// The fields of the key.
    ///
    /// * `read`: reads them; `None` if there are not as many, or one says nothing.
    ///
    /// Errors: [`Unreadable`] where `fields` gives `None`.
    pub fn named<T>(&self, tag: Tag, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Result<T, Unreadable> {
        let named = fields(self.key, tag as u8).and_then(|mut fields| read(&mut fields));
        named.ok_or_else(|| self.unreadable("its key says nothing"))
    }

    /// That this row is not what it should be.
    pub fn unreadable(&self, why: impl Into<String>) -> Unreadable {
        Unreadable { tag: self.key.first().map_or('-', |tag| char::from(*tag)), why: why.into() }
    }
}

/// The value of a row.
pub fn value_of(value: &impl Serialize) -> Vec<u8> {
    rmp_serde::to_vec(value).expect("state is plain data")
}
