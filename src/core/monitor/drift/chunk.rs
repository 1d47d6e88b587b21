//! Rows of a reference as bytes: packed once and never again, however often the chunk is written while it fills.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::monitor::drift::reference::Row;
use crate::monitor::limits::CHUNK_ROWS;
use crate::time::Timestamp;

/// Up to [`CHUNK_ROWS`] rows, oldest first. What is read back is checked: a damaged one is no chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Chunk {
    rows: u32,
    /// [`Row::at`] of the last one.
    last_at: Option<Timestamp>,
    packed: Packed,
}

/// A chunk as it was read: its bytes may say anything.
#[derive(Deserialize)]
struct Unchecked {
    rows: u32,
    last_at: Option<Timestamp>,
    packed: Packed,
}

/// Rows in MessagePack, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Packed(Vec<u8>);

impl Chunk {
    pub fn push(&mut self, row: &Row) {
        rmp_serde::encode::write(&mut self.packed.0, row).expect("a row is plain data");
        self.rows += 1;
        self.last_at = Some(row.at);
    }

    pub const fn rows(&self) -> usize {
        self.rows as usize
    }

    pub const fn is_whole(&self) -> bool {
        CHUNK_ROWS <= self.rows()
    }

    pub const fn last_at(&self) -> Option<Timestamp> {
        self.last_at
    }

    /// What a further row will be written behind, for those who have it fetched ahead.
    pub fn bytes(&self) -> &[u8] {
        &self.packed.0
    }

    pub fn unpack(&self) -> Vec<Row> {
        self.packed.rows(self.rows).expect("it was packed here, or checked when it was read")
    }
}

impl TryFrom<Unchecked> for Chunk {
    type Error = String;

    fn try_from(Unchecked { rows, last_at, packed }: Unchecked) -> Result<Self, String> {
        let unpacked = packed.rows(rows).ok_or_else(|| format!("a chunk does not hold its {rows} rows"))?;
        if CHUNK_ROWS < unpacked.len() || unpacked.last().map(|row| row.at) != last_at {
            return Err(format!("a chunk says other things of itself than its {rows} rows do"));
        }
        Ok(Self { rows, last_at, packed })
    }
}

impl Packed {
    /// Exactly so many rows; `None` if these are others.
    fn rows(&self, count: u32) -> Option<Vec<Row>> {
        let mut rest = rmp_serde::Deserializer::new(self.0.as_slice());
        let rows = (0..count).map(|_| Row::deserialize(&mut rest).ok()).collect::<Option<Vec<Row>>>()?;
        rest.into_inner().is_empty().then_some(rows)
    }
}

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Packed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Packed;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the bytes of packed rows")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Packed, E> {
                Ok(Packed(bytes.to_vec()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Packed, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = seq.next_element()? {
                    bytes.push(byte);
                }
                Ok(Packed(bytes))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Feature;

    #[test]
    fn rows_come_back_as_they_went_in_from_memory_and_from_a_row_of_the_store() {
        let row = |n: i64| Row {
            at: Timestamp::from_micros(n),
            cell: n as u16,
            confidence: (n % 2 == 0).then_some(0.1 * n as f64),
            values: [Feature::Missing, Feature::Category("app".into()), Feature::Number(0.1 + n as f64)].into(),
        };
        let rows: Vec<Row> = (0..CHUNK_ROWS as i64).map(row).collect();
        let mut chunk = Chunk::default();
        for (n, row) in rows.iter().enumerate() {
            assert_eq!((chunk.rows(), chunk.is_whole()), (n, false));
            chunk.push(row);
        }
        assert_eq!((chunk.unpack(), chunk.is_whole(), chunk.last_at()), (rows.clone(), true, rows.last().map(|row| row.at)));
        let stored = rmp_serde::to_vec(&chunk).unwrap();
        assert_eq!(rmp_serde::from_slice::<Chunk>(&stored).unwrap(), chunk);
        let (mut short, mut foreign) = (chunk.clone(), chunk.clone());
        short.packed.0.pop();
        foreign.rows -= 1;
        for damaged in [short, foreign] {
            assert!(rmp_serde::from_slice::<Chunk>(&rmp_serde::to_vec(&damaged).unwrap()).is_err());
        }
        assert!(stored.len() < 40 * CHUNK_ROWS, "{}", stored.len());
    }
}
