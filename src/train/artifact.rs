//! A trained model as bytes: everything that answers need, and where it came from.
//!
//! `TWMODEL1`, then Zstandard of MessagePack with names. The first bytes say the version of the format; a reader knows all versions up to its own.

use std::io::Read as _;

use serde::{Deserialize, Serialize};

use crate::features::Features;
use crate::learner::{Learner, Ready};
use crate::parameters::{Algorithm, Given};
use crate::table::{Raw, Table};
use crate::task::Task;

/// What an artifact begins with; the last byte is the version of the format.
const MAGIC: &[u8; 8] = b"TWMODEL1";
/// An artifact is at most so long once it is decompressed.
const BYTES_MAX: u64 = 1 << 30;
const LEVEL: i32 = 6;

/// A trained model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Artifact {
    pub task: Task,
    pub label: String,
    pub algorithm: Algorithm,
    /// All of them, with their defaults.
    pub parameters: Given,
    pub features: Features,
    pub learner: Learner,
    pub lineage: Lineage,
}

/// Where a model came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lineage {
    /// Of Tidewatch, which trained it.
    pub code_version: String,
    pub rows: u64,
    /// BLAKE3 of the training rows in numbers, with their targets.
    pub data_hash: String,
    pub seed: u64,
    /// The first and the last sequence of the log, where the rows come from there.
    pub sequences: Option<(u64, u64)>,
    /// The hash of the artifact that this one is to replace.
    pub parent: Option<String>,
}

/// What a model says of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The class by its number, and the share of each class.
    Class(usize, Vec<f64>),
    Quantity(f64),
}

/// Why bytes are no artifact that can be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("this is no model of Tidewatch: it does not begin with {:?}", String::from_utf8_lossy(MAGIC))]
    Foreign,
    #[error("this model is of format {found}, which a newer Tidewatch wrote; this one reads format 1")]
    Newer { found: char },
    #[error("this model is damaged: {0}")]
    Damaged(String),
    #[error("a model of more than {} MiB cannot be read", BYTES_MAX >> 20)]
    TooLarge,
}

impl Answer {
    /// * `answer`: as a learner gives it.
    pub fn of(task: &Task, answer: &[f64]) -> Self {
        match task {
            Task::Regression => Self::Quantity(answer[0]),
            Task::Classification(_) => Self::Class(largest(answer), answer.to_vec()),
        }
    }
}

impl Artifact {
    /// The artifact as bytes; the same for equal models.
    pub fn to_bytes(&self) -> Vec<u8> {
        let packed = rmp_serde::to_vec_named(self).expect("a model has only maps with texts as keys");
        let checked = [packed.as_slice(), blake3::hash(&packed).as_bytes()].concat();
        let compressed = zstd::bulk::compress(&checked, LEVEL).expect("compressing into memory cannot fail");
        [MAGIC.as_slice(), &compressed].concat()
    }

    /// The artifact that [`Self::to_bytes`] wrote. Bytes that were changed or cut are refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (magic, compressed) = bytes.split_first_chunk::<8>().ok_or(Error::Foreign)?;
        match magic {
            _ if magic == MAGIC => {}
            [b'T', b'W', b'M', b'O', b'D', b'E', b'L', found] => return Err(Error::Newer { found: char::from(*found) }),
            _ => return Err(Error::Foreign),
        }
        let damaged = |error: &dyn std::fmt::Display| Error::Damaged(error.to_string());
        let decoder = zstd::stream::Decoder::with_buffer(compressed).map_err(|error| damaged(&error))?;
        let mut whole = Vec::new();
        decoder.take(BYTES_MAX + 1).read_to_end(&mut whole).map_err(|error| damaged(&error))?;
        if BYTES_MAX < whole.len() as u64 {
            return Err(Error::TooLarge);
        }
        let (packed, hash) = whole.split_last_chunk::<32>().ok_or_else(|| damaged(&"it is cut off"))?;
        if blake3::hash(packed).as_bytes() != hash {
            return Err(damaged(&"its bytes are not those that were written"));
        }
        rmp_serde::from_slice(packed).map_err(|error| damaged(&error))
    }

    /// The name of an artifact among others: BLAKE3 of its bytes, in hexadecimal.
    pub fn hash_of(bytes: &[u8]) -> String {
        blake3::hash(bytes).to_hex().to_string()
    }

    /// What the model says of a row.
    ///
    /// * `ready`: its learner. `values`: of the inputs of [`Features::inputs`], in their order.
    pub fn answer<'a>(&self, ready: &Ready<'_>, values: impl Iterator<Item = Raw<'a>>, room: &mut Room) -> Answer {
        self.features.encode(values, &mut room.numbers);
        ready.predict(&room.numbers, &mut room.answer);
        Answer::of(&self.task, &room.answer)
    }

    /// What the model says of each row of a table.
    pub fn answers(&self, table: &Table) -> Vec<Answer> {
        let columns: Vec<_> = self.features.inputs().map(|name| table.column(name)).collect();
        let (mut room, ready) = (Room::default(), self.learner.ready());
        (0..table.rows)
            .map(|row| {
                let values = columns.iter().map(|column| column.map_or(Raw::Missing, |column| table.value(column, row)));
                self.answer(&ready, values, &mut room)
            })
            .collect()
    }
}

/// Memory that is used again from row to row.
#[derive(Debug, Default)]
pub struct Room {
    numbers: Vec<f64>,
    answer: Vec<f64>,
}

/// Shares are compared in so many steps: those that differ by rounding alone are equal. A power of two, which the votes of up to 2,000 trees never
/// bring halfway between two steps.
pub const SHARE_STEPS: f64 = 131_072.0;

/// The first of the largest shares.
pub fn largest(shares: &[f64]) -> usize {
    let steps = shares.iter().map(|share| (share * SHARE_STEPS).round_ties_even()).enumerate();
    steps.fold((0, f64::NEG_INFINITY), |best, (place, share)| if best.1 < share { (place, share) } else { best }).0
}
