//! What can go wrong with the store, by what the caller can do about it.

use std::io;
use std::path::PathBuf;

use crate::monitor::rows::Unreadable;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process (or another `Store` of this one) holds the directory. Never waited for: two writers would be a mistake.
    #[error("the store {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The disk is full. Nothing of the commit has landed for certain; reopen when there is space again.
    #[error("the disk of the store is full while {doing}")]
    Full {
        doing: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("input or output failed while {doing}")]
    Io {
        doing: &'static str,
        #[source]
        source: io::Error,
    },
    /// What was read is not what was written. The next `open` puts the directory aside and starts afresh.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// An earlier write or sync failed, so nothing more is written by this process: what the disk holds is unknown until reopened.
    #[error("the store refuses to write after an earlier failure: {0}")]
    Refused(String),
    /// A pending row above [`super::pending::ROW_BYTES_MAX`].
    #[error("a pending row holds at most {max} bytes, this one has {bytes}", max = super::pending::ROW_BYTES_MAX)]
    RowTooLong { bytes: usize },
}

/// A row that the core cannot read is damage.
impl From<Unreadable> for Error {
    fn from(unreadable: Unreadable) -> Self {
        Self::Damaged(unreadable.to_string())
    }
}

impl Error {
    pub(super) fn io(doing: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { doing, source },
            _ => Self::Io { doing, source },
        }
    }

    pub(super) fn sled(doing: &'static str, source: sled::Error) -> Self {
        match source {
            sled::Error::Io(source) => Self::io(doing, source),
            damage => Self::Damaged(format!("{damage} while {doing}")),
        }
    }
}
