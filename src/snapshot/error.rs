//! Why a snapshot was not made, or is not used.

use std::path::PathBuf;

use crate::store::{self, CopyError};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{doing} {}", path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{} bytes are free on the disk of {}, and {needed} are wanted before a snapshot is written; free some space", .free, path.display())]
    Full { path: PathBuf, free: u64, needed: u64 },
    #[error("another process works on the snapshots in {}", .0.display())]
    InUse(PathBuf),
    #[error("there is no snapshot {id:?} in {}; `tidewatch snapshot list` shows those there are", dir.display())]
    Unknown { id: String, dir: PathBuf },
    #[error("there is no snapshot in {}", .0.display())]
    None(PathBuf),
    #[error("the manifest of snapshot {id} is damaged: {what}")]
    Manifest { id: String, what: String },
    #[error("part {number} of {of} of snapshot {id} is {what}; its file is {}", file.display())]
    Part { id: String, number: usize, of: usize, what: String, file: PathBuf },
    #[error("the rows of snapshot {id} do not add up: {what}")]
    Sum { id: String, what: String },
    #[error("the process stops; the snapshot is not finished")]
    Stopped,
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// What a snapshot holds is not what was written.
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Manifest { .. } | Self::Part { .. } | Self::Sum { .. })
    }
}
