//! Rows of a reference as bytes: a third of the room that they take apart, packed once and never again, however often the chunk is written
//! while it fills.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::monitor::drift::reference::Row;
use crate::monitor::limits::CHUNK_ROWS;
use crate::time::Timestamp;

/// Up to [`CHUNK_ROWS`] rows, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    rows: u32,
    /// [`Row::at`] of the last one.
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
        let mut rest = rmp_serde::Deserializer::from_read_ref(self.packed.0.as_slice());
        (0..self.rows).map(|_| Row::deserialize(&mut rest).expect("it was packed here")).collect()
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
        assert!(stored.len() < 40 * CHUNK_ROWS, "{}", stored.len());
    }
}
