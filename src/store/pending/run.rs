//! Runs: immutable sorted rows in blocks. A run is cut by the leading bits of the key into parts of about 2,048 rows; each part
//! has its own piece of the filter and of the index, written beside the blocks when the part is full, and held in memory.

use super::block::Packer;
use super::filter::{Filter, Probe, lines_for};
use super::{KEY_BYTES, PendingKey};
use crate::store::audit::Batch;
use crate::store::{Error, Order, Reader, key};

/// Rows a part is meant to hold: a filter piece of 4 KiB, for the reasons of a block.
const PART_ROWS: u64 = 2048;

/// What the directory says of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub id: u64,
    /// How often its rows have been merged.
    pub level: u8,
    /// It has 2^`part_bits` parts.
    pub part_bits: u8,
    /// The filter as it was written has so many lines in a part, for `filter_bits` bits a row.
    pub part_lines: u32,
    pub filter_bits: u8,
    pub rows: u64,
    pub blocks: u32,
}

/// A run, its filter and index in memory: `filter_bits` bits and about 0.15 bytes a row.
#[derive(Debug)]
pub(super) struct Run {
    filter: Filter,
    pub entry: Entry,
    /// Where the blocks of each part begin; one more than there are parts.
    starts: Vec<u32>,
    /// The first key of each block.
    firsts: Vec<PendingKey>,
}

impl Run {
    fn new(entry: Entry) -> Self {
        let filter = Filter::new(u32::from(entry.part_bits), entry.part_lines);
        Self { filter, entry, starts: Vec::new(), firsts: Vec::new() }
    }

    /// Whether the filter lets `probe` through; wrongly for 1 missing key in 800 to 6,000.
    #[inline]
    pub fn may_hold(&self, probe: &Probe) -> bool {
        self.filter.may_hold(probe)
    }

    /// Has the filter lines of `probes` brought into the cache, all at once: nothing here waits for any of them.
    #[inline]
    pub fn touch<'a>(&self, probes: impl Iterator<Item = &'a Probe>) {
        std::hint::black_box(probes.fold(0, |sum, probe| sum ^ self.filter.touch(probe)));
    }

    /// The block that holds `key` if the run does.
    pub fn block_of(&self, probe: &Probe, key: &PendingKey) -> Option<u32> {
        let part = probe.part(u32::from(self.entry.part_bits));
        let (start, end) = (self.starts[part], self.starts[part + 1]);
        let firsts = &self.firsts[start as usize..end as usize];
        let after = firsts.partition_point(|first| first <= key) as u32;
        (0 < after).then(|| start + after - 1)
    }

    pub fn memory_bytes(&self) -> usize {
        self.filter.bytes() + self.firsts.len() * KEY_BYTES + self.starts.len() * size_of::<u32>()
    }

    /// Reads the filter and index of the run that `entry` describes. Errors: [`Error::Damaged`] if they do not agree with it.
    pub fn load(reader: &Reader, entry: Entry) -> Result<Self, Error> {
        let damaged = |what: &str| reader.damaged(format!("pending run {} has {what}", entry.id));
        let parts = 1_usize << entry.part_bits;
        let mut run = Self::new(entry);
        let (mut rows, mut after) = (0, Vec::from(key::run_parts(entry.id)));
        loop {
            let end = key::run_parts(entry.id + 1);
            let bounds = (std::ops::Bound::Excluded(&after[..]), std::ops::Bound::Excluded(&end[..]));
            let found = reader.scan(bounds.0, bounds.1, Order::Ascending, 256)?;
            let Some((last, _)) = found.last() else { break };
            after.clone_from(last);
            for (key, value) in &found {
                let number = key::fields(key, key::Tag::RunPart as u8).and_then(|mut fields| fields.u64().and(fields.u32()));
                let number = number.map(|number| number as usize).filter(|number| *number < parts);
                let number = number.ok_or_else(|| damaged("a part that it should not"))?;
                run.skip_to(number);
                rows += run.read_part(number, value).ok_or_else(|| damaged("a part that cannot be read"))?;
            }
        }
        run.skip_to(parts);
        run.filter.open_part(parts - 1);
        if (rows, run.firsts.len()) != (entry.rows, entry.blocks as usize) {
            return Err(damaged("lost a part"));
        }
        run.fold();
        Ok(run)
    }

    /// Lets all parts up to `part` that have no start yet begin here.
    fn skip_to(&mut self, part: usize) {
        self.starts.resize((part + 1).max(self.starts.len()), self.firsts.len() as u32);
    }

    /// Appends the filter and first keys of a part as [`Writer::close_part`] wrote it; returns its rows.
    fn read_part(&mut self, number: usize, part: &[u8]) -> Option<u64> {
        let (rows, rest) = part.split_first_chunk()?;
        let (blocks, rest) = rest.split_first_chunk()?;
        let (firsts, lines) = rest.split_at_checked(u32::from_le_bytes(*blocks) as usize * KEY_BYTES)?;
        self.firsts.extend_from_slice(firsts.as_chunks().0);
        self.filter.read_part(number, lines)?;
        Some(u64::from(u32::from_le_bytes(*rows)))
    }

    /// A merge may have dropped most of the rows that the filter was made for.
    fn fold(&mut self) {
        self.filter.fold(self.entry.rows, u64::from(self.entry.filter_bits));
    }
}

/// Writes a run, row by row in the order of keys, over as many commits as it takes. Not seen by anyone before it is finished.
#[derive(Debug)]
pub(super) struct Writer {
    run: Run,
    packer: Packer,
    part: usize,
    part_rows: u32,
    part_first_block: usize,
}

impl Writer {
    /// `rows_max`: an upper bound of the rows to come, which the filter is made for.
    pub fn new(id: u64, level: u8, rows_max: u64, filter_bits: u8) -> Self {
        let part_bits = rows_max.div_ceil(PART_ROWS).next_power_of_two().ilog2().min(24) as u8;
        let part_lines = lines_for(rows_max.div_ceil(1 << part_bits), u64::from(filter_bits));
        let entry = Entry { id, level, part_bits, part_lines, filter_bits, rows: 0, blocks: 0 };
        Self { run: Run::new(entry), packer: Packer::default(), part: 0, part_rows: 0, part_first_block: 0 }
    }

    pub fn id(&self) -> u64 {
        self.run.entry.id
    }

    pub fn push(&mut self, key: &PendingKey, row: &[u8], batch: &mut Batch) {
        let probe = Probe::of(key);
        let part = probe.part(u32::from(self.run.entry.part_bits));
        if part != self.part {
            self.close_part(batch);
            self.part = part;
        }
        if self.part_rows == 0 {
            self.run.skip_to(part);
            self.run.filter.open_part(part);
        }
        self.part_rows += 1;
        self.run.filter.insert(&probe);
        if self.packer.is_empty() {
            self.run.firsts.push(*key);
        }
        self.packer.push(key, row);
        if self.packer.is_full() {
            self.close_block(batch);
        }
    }

    /// The whole run; `None` if no row was pushed.
    pub fn finish(mut self, batch: &mut Batch) -> Option<Run> {
        self.close_part(batch);
        let parts = 1 << self.run.entry.part_bits;
        self.run.skip_to(parts);
        self.run.filter.open_part(parts - 1);
        self.run.fold();
        (0 < self.run.entry.rows).then_some(self.run)
    }

    fn close_block(&mut self, batch: &mut Batch) {
        batch.put_unseen(key::run_block(self.id(), self.run.entry.blocks).into(), self.packer.finish());
        self.run.entry.blocks += 1;
    }

    fn close_part(&mut self, batch: &mut Batch) {
        if self.part_rows == 0 {
            return;
        }
        if !self.packer.is_empty() {
            self.close_block(batch);
        }
        let firsts = &self.run.firsts[self.part_first_block..];
        let mut value = Vec::new();
        value.extend_from_slice(&self.part_rows.to_le_bytes());
        value.extend_from_slice(&(firsts.len() as u32).to_le_bytes());
        value.extend_from_slice(firsts.as_flattened());
        self.run.filter.write_part(&mut value);
        batch.put_unseen(key::run_part(self.id(), self.part as u32).into(), value);
        self.run.entry.rows += u64::from(self.part_rows);
        self.part_rows = 0;
        self.part_first_block = self.run.firsts.len();
    }
}
