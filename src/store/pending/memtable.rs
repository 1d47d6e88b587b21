//! The newest pending rows, in memory. The arena they lie in is, byte for byte, what their commits write to the pending log.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::{KEY_BYTES, Limits, PendingKey};

/// Bytes before a row in the arena: its key and its length (u16, little-endian).
const HEADER_BYTES: usize = KEY_BYTES + 2;

/// Rows by key, newest wins. Memory: the arena and about 22 bytes a row.
#[derive(Debug, Default)]
pub(super) struct Memtable {
    newest: HashMap<PendingKey, u32, BuildHasherDefault<KeyHasher>>,
    arena: Vec<u8>,
    /// Where the rows put since the last commit begin.
    committed: usize,
    fresh_rows: usize,
}

impl Memtable {
    /// With room for as many as `limits` let in. What is not used of it takes no memory.
    pub fn for_rows(limits: Limits) -> Self {
        Self {
            newest: HashMap::with_capacity_and_hasher(limits.memtable_rows, BuildHasherDefault::default()),
            arena: Vec::with_capacity(limits.memtable_bytes),
            ..Self::default()
        }
    }

    pub fn put(&mut self, key: &PendingKey, row: &[u8]) {
        let offset = u32::try_from(self.arena.len()).expect("a memtable is frozen long before 4 GiB");
        self.arena.extend_from_slice(key);
        self.arena.extend_from_slice(&(row.len() as u16).to_le_bytes());
        self.arena.extend_from_slice(row);
        self.newest.insert(*key, offset);
        self.fresh_rows += 1;
    }

    pub fn get(&self, key: &PendingKey) -> Option<&[u8]> {
        self.newest.get(key).map(|offset| self.entry(*offset).1)
    }

    /// Different keys.
    pub fn len(&self) -> usize {
        self.newest.len()
    }

    pub fn bytes(&self) -> usize {
        self.arena.len()
    }

    /// Rows put since the last commit.
    pub fn fresh_rows(&self) -> usize {
        self.fresh_rows
    }

    pub fn mark_committed(&mut self) {
        self.committed = self.arena.len();
        self.fresh_rows = 0;
    }

    /// The rows put since the last commit as the chunks of the pending log, each of about `bytes` and of whole rows.
    pub fn fresh_chunks(&self, bytes: usize) -> Vec<&[u8]> {
        let mut chunks = Vec::new();
        let (mut start, mut end) = (self.committed, self.committed);
        while end < self.arena.len() {
            end += HEADER_BYTES + self.entry(end as u32).1.len();
            if bytes <= end - start || end == self.arena.len() {
                chunks.push(&self.arena[start..end]);
                start = end;
            }
        }
        chunks
    }

    /// Puts the rows of one chunk of the pending log. `None` if it is not one.
    pub fn replay(&mut self, mut chunk: &[u8]) -> Option<()> {
        while !chunk.is_empty() {
            let (key, rest) = chunk.split_first_chunk::<KEY_BYTES>()?;
            let (len, rest) = rest.split_first_chunk()?;
            let (row, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
            self.put(key, row);
            chunk = rest;
        }
        Some(())
    }

    /// Where the newest row of each key lies, cut into 256 buckets by the first byte of the key, so that they can be sorted a
    /// bucket at a time. Returns the places and where each bucket ends.
    pub fn buckets(&self) -> (Vec<u32>, Vec<u32>) {
        let mut ends = vec![0_u32; 256];
        for key in self.newest.keys() {
            ends[usize::from(key[0])] += 1;
        }
        let mut sum = 0;
        for end in &mut ends {
            sum += *end;
            *end = sum - *end;
        }
        let mut places = vec![0; self.newest.len()];
        for (key, offset) in &self.newest {
            let next = &mut ends[usize::from(key[0])];
            places[*next as usize] = *offset;
            *next += 1;
        }
        (places, ends)
    }

    /// Key and row at a place that [`Self::buckets`] gave.
    pub fn entry(&self, offset: u32) -> (&PendingKey, &[u8]) {
        let (key, rest) = self.arena[offset as usize..].split_first_chunk::<KEY_BYTES>().expect("rows are whole");
        let (len, rest) = rest.split_first_chunk().expect("rows are whole");
        (key, &rest[..usize::from(u16::from_le_bytes(*len))])
    }
}

/// The keys are hashes already; their two halves are folded so that keys that differ only in one half still spread.
#[derive(Debug, Default)]
pub(super) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, key: &[u8]) {
        for part in key.chunks(8) {
            let mut bytes = [0; 8];
            bytes[..part.len()].copy_from_slice(part);
            self.0 = (self.0.rotate_left(29) ^ u64::from_le_bytes(bytes)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
