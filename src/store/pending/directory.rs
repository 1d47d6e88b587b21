//! The directory row: which runs there are, and which commits of the pending log are not yet among them.

use super::run::Entry;
use crate::store::key;

/// The layout of the directory row.
const DIRECTORY_VERSION: u8 = 1;

/// What the directory row says.
pub(super) struct Directory {
    pub next_run: u64,
    pub log_start: u64,
    pub log_end: u64,
    /// Newest first.
    pub entries: Vec<Entry>,
    /// Runs whose rows are still in sled but nobody's.
    pub dead: Vec<u64>,
}

impl Directory {
    /// `None` if `row` is not one.
    pub fn read(row: &[u8]) -> Option<Self> {
        let mut row = key::Fields::of(row);
        (row.u8()? == DIRECTORY_VERSION).then_some(())?;
        let (next_run, log_start, log_end) = (row.u64()?, row.u64()?, row.u64()?);
        let (mut entries, mut dead) = (Vec::new(), Vec::new());
        for _ in 0..row.u32()? {
            let (id, level, part_bits, filter_bits, part_lines) = (row.u64()?, row.u8()?, row.u8()?, row.u8()?, row.u32()?);
            let entry = Entry { id, level, part_bits, part_lines, filter_bits, rows: row.u64()?, blocks: row.u32()? };
            entries.push(Some(entry).filter(|entry| entry.part_bits <= 24)?);
        }
        for _ in 0..row.u32()? {
            dead.push(row.u64()?);
        }
        Some(Self { next_run, log_start, log_end, entries, dead })
    }

    /// The row, big-endian: version u8, next run u64, log start u64, log end u64, runs (count u32; each id u64, level, part bits
    /// and filter bits u8, part lines u32, rows u64, blocks u32), dead runs (count u32; each id u64).
    pub fn write(&self) -> Vec<u8> {
        let mut row = vec![DIRECTORY_VERSION];
        for number in [self.next_run, self.log_start, self.log_end] {
            row.extend_from_slice(&number.to_be_bytes());
        }
        row.extend_from_slice(&(self.entries.len() as u32).to_be_bytes());
        for entry in &self.entries {
            row.extend_from_slice(&entry.id.to_be_bytes());
            row.extend_from_slice(&[entry.level, entry.part_bits, entry.filter_bits]);
            row.extend_from_slice(&entry.part_lines.to_be_bytes());
            row.extend_from_slice(&entry.rows.to_be_bytes());
            row.extend_from_slice(&entry.blocks.to_be_bytes());
        }
        row.extend_from_slice(&(self.dead.len() as u32).to_be_bytes());
        for run in &self.dead {
            row.extend_from_slice(&run.to_be_bytes());
        }
        row
    }
}
