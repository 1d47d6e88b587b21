//! Snapshots: what the store holds at one position of the log, in files. A snapshot is a manifest that names its parts; a part is some
//! rows, compressed, in a file that is called by the BLAKE3 of its bytes. Parts that two snapshots have in common are there once.
//!
//! Knows files and rows as bytes; knows nothing of what a row means, nor when a snapshot is due.

mod carry;
mod error;
mod files;
mod manifest;
mod part;
mod read;
mod shelf;
mod summary;
mod take;
#[cfg(test)]
mod tests;

pub use carry::carry;
pub use error::Error;
pub use files::{DISK_FREE_MIN, write_whole};
pub use manifest::{Head, Log, Manifest, PartEntry};
pub use read::{Verified, read, verify};
pub use shelf::{Found, Shelf};
pub use summary::SnapshotSummary;
pub use take::{Taken, take};

/// The layout of manifest and parts.
pub const LAYOUT: u32 = 1;
