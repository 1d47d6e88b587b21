//! What a snapshot says of itself.

use serde::{Deserialize, Serialize};

use super::LAYOUT;
use crate::time::Timestamp;

/// The log that a store was built from, as its head row has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// When the stream was created, RFC 3339.
    pub created_at: String,
    /// The fingerprint of everything up to the position, 16 hexadecimal digits.
    pub fingerprint: String,
    /// A sequence a few messages before the position, from which its fingerprint can be made again.
    pub anchor_seq: u64,
    /// The fingerprint of everything up to that.
    pub anchor_fingerprint: String,
}

impl Log {
    /// The first sequence that must still be in the log, so that its fingerprint can be compared.
    pub const fn needed_from(&self) -> u64 {
        self.anchor_seq + 1
    }
}

/// What the head row of a store says, for whoever does not read rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last sequence that is applied.
    pub position: u64,
    /// Of the state at that position, as `/api/v1/state` shows it.
    pub digest: u128,
    /// The time of the log at that position.
    pub log_time: Timestamp,
    pub log: Log,
}

/// One snapshot. Its file is called by its position and the BLAKE3 of its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`LAYOUT`].
    pub layout: u32,
    pub position: u64,
    /// Of the state, 32 hexadecimal digits.
    pub digest: String,
    /// RFC 3339, by the clock of the machine that took it.
    pub taken_at: String,
    /// The time of the log at the position, RFC 3339.
    pub log_time: String,
    pub log: Log,
    /// The layout of the rows, [`crate::store::FORMAT`].
    pub format: String,
    /// The number of the logic that made them.
    pub logic: u32,
    /// The release that took it.
    pub version: String,
    pub rows: u64,
    /// The sum of the hashes of all rows, as the commits had kept it, 32 hexadecimal digits.
    pub rows_sum: String,
    /// Of the rows, before they were compressed.
    pub bytes: u64,
    /// In the order in which they are read.
    pub parts: Vec<PartEntry>,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartEntry {
    /// Of the bytes of its file, 64 hexadecimal digits; the file is called by it.
    pub blake3: String,
    /// Of the file.
    pub stored_bytes: u64,
    /// Decompressed.
    pub bytes: u64,
    pub rows: u64,
}

impl Manifest {
    /// Bytes of all files of its parts.
    pub fn stored_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.stored_bytes).sum()
    }

    /// The bytes of its file, and the name that follows from them.
    pub(super) fn written(&self) -> (String, Vec<u8>) {
        let bytes = serde_json::to_vec_pretty(self).expect("a manifest is plain data");
        (format!("{}-{}", self.position, hash_of(&bytes)), bytes)
    }

    /// Errors: what is wrong, in words.
    pub(super) fn read(id: &str, bytes: &[u8]) -> Result<Self, String> {
        if id.rsplit_once('-').is_none_or(|(_, hash)| hash != hash_of(bytes)) {
            return Err("its bytes are not those that were written".to_owned());
        }
        let layout = serde_json::from_slice::<serde_json::Value>(bytes).map(|manifest| manifest["layout"].clone());
        if let Ok(layout) = layout
            && layout != LAYOUT
        {
            return Err(format!("its layout is {layout}, and this release reads {LAYOUT}"));
        }
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    }
}

/// As much of a BLAKE3 as a name holds.
fn hash_of(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..16].to_owned()
}
