//! Runs: immutable sorted rows in blocks. A run is cut by the leading bits of the key into parts of about 2,048 rows; each part
//! has its own piece of the filter and of the index, sized when the part is full, written beside the blocks and held in memory.

use super::block::Packer;
use super::filter::{self, LINE_BYTES, Line, Probe};
use super::{KEY_BYTES, PendingKey};
use crate::store::{Error, Order, Reader, key};

/// Rows a part is meant to hold: a filter piece of 4 KiB, for the reasons of a block.
const PART_ROWS: usize = 2048;

/// What the directory says of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub id: u64,
    /// How often its rows have been merged.
    pub level: u8,
    /// It has 2^`part_bits` parts.
    pub part_bits: u8,
    pub rows: u64,
    pub blocks: u32,
}

/// A run, its filter and index in memory: `filter_bits` bits and about 0.15 bytes a row.
#[derive(Debug)]
pub(super) struct Run {
    pub entry: Entry,
    /// Where the lines and blocks of each part begin; one more than there are parts.
    starts: Vec<Start>,
    lines: Vec<Line>,
    /// The first key of each block.
    firsts: Vec<PendingKey>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Start {
    line: u32,
    block: u32,
}

impl Run {
    /// The block that holds `key` if the run does; `None` if the filter knows better. Wrong for about 1 missing key in 1,000.
    #[inline]
    pub fn candidate(&self, probe: &Probe, key: &PendingKey) -> Option<u32> {
        let part = probe.part(u32::from(self.entry.part_bits));
        let (start, end) = (self.starts[part], self.starts[part + 1]);
        if !filter::may_hold(&self.lines[start.line as usize..end.line as usize], probe) {
            return None;
        }
        let firsts = &self.firsts[start.block as usize..end.block as usize];
        let after = firsts.partition_point(|first| first <= key) as u32;
        (0 < after).then(|| start.block + after - 1)
    }

    pub fn memory_bytes(&self) -> usize {
        self.lines.len() * LINE_BYTES + self.firsts.len() * KEY_BYTES + self.starts.len() * size_of::<Start>()
    }

    /// Reads the filter and index of the run that `entry` describes. Errors: [`Error::Damaged`] if they do not agree with it.
    pub fn load(reader: &Reader, entry: Entry) -> Result<Self, Error> {
        let damaged = |what: &str| reader.damaged(format!("pending run {} has {what}", entry.id));
        let parts = 1_usize << entry.part_bits;
        let mut run = Self { entry, starts: Vec::with_capacity(parts + 1), lines: Vec::new(), firsts: Vec::new() };
        let (mut rows, mut after) = (0, key::run_parts(entry.id));
        loop {
            let end = key::run_parts(entry.id + 1);
            let bounds = (std::ops::Bound::Excluded(&after[..]), std::ops::Bound::Excluded(&end[..]));
            let found = reader.scan(bounds.0, bounds.1, Order::Ascending, 256)?;
            let Some((last, _)) = found.last() else { break };
            after.clone_from(last);
            for (key, value) in &found {
                let number = key::fields(key, key::Tag::RunPart).and_then(|mut fields| fields.u64().and(fields.u32()));
                let number = number.map(|number| number as usize).filter(|number| *number < parts);
                let number = number.ok_or_else(|| damaged("a part that it should not"))?;
                run.skip_to(number);
                rows += run.read_part(value).ok_or_else(|| damaged("a part that cannot be read"))?;
            }
        }
        run.skip_to(parts);
        if (rows, run.firsts.len()) != (entry.rows, entry.blocks as usize) {
            return Err(damaged("lost a part"));
        }
        Ok(run)
    }

    /// Gives the parts before `part` that have no start yet an empty one.
    fn skip_to(&mut self, part: usize) {
        let here = Start { line: self.lines.len() as u32, block: self.firsts.len() as u32 };
        while self.starts.len() <= part {
            self.starts.push(here);
        }
    }

    /// Appends the lines and first keys of a part as [`Writer::close_part`] wrote it; returns its rows.
    fn read_part(&mut self, part: &[u8]) -> Option<u64> {
        let (rows, rest) = part.split_first_chunk()?;
        let (blocks, rest) = rest.split_first_chunk()?;
        let (firsts, lines) = rest.split_at_checked(u32::from_le_bytes(*blocks) as usize * KEY_BYTES)?;
        self.firsts.extend_from_slice(firsts.as_chunks().0);
        self.lines.extend(filter::read(lines));
        (lines.len() % LINE_BYTES == 0).then(|| u64::from(u32::from_le_bytes(*rows)))
    }
}

/// Writes a run, row by row in the order of keys, over as many commits as it takes. Not seen by anyone before it is finished.
#[derive(Debug)]
pub(super) struct Writer {
    run: Run,
    filter_bits: usize,
    packer: Packer,
    probes: Vec<Probe>,
    part: usize,
    part_first_block: usize,
}

impl Writer {
    /// `rows_max`: an upper bound of the rows to come; the memory for their filter is reserved, and used as it fills.
    pub fn new(id: u64, level: u8, rows_max: u64, filter_bits: usize) -> Self {
        let part_bits = rows_max.div_ceil(PART_ROWS as u64).next_power_of_two().ilog2().min(24) as u8;
        let entry = Entry { id, level, part_bits, rows: 0, blocks: 0 };
        let lines = Vec::with_capacity(filter::lines_for(rows_max as usize, filter_bits) + (1 << part_bits));
        let run = Run { entry, starts: vec![Start::default()], lines, firsts: Vec::new() };
        Self { run, filter_bits, packer: Packer::default(), probes: Vec::new(), part: 0, part_first_block: 0 }
    }

    pub fn id(&self) -> u64 {
        self.run.entry.id
    }

    pub fn push(&mut self, key: &PendingKey, row: &[u8], batch: &mut sled::Batch) {
        let probe = Probe::of(key);
        let part = probe.part(u32::from(self.run.entry.part_bits));
        if part != self.part {
            self.close_part(batch);
            self.part = part;
        }
        self.probes.push(probe);
        if self.packer.is_empty() {
            self.run.firsts.push(*key);
        }
        self.packer.push(key, row);
        if self.packer.is_full() {
            self.close_block(batch);
        }
    }

    /// The whole run; `None` if no row was pushed.
    pub fn finish(mut self, batch: &mut sled::Batch) -> Option<Run> {
        self.close_part(batch);
        self.run.skip_to(1 << self.run.entry.part_bits);
        (0 < self.run.entry.rows).then_some(self.run)
    }

    fn close_block(&mut self, batch: &mut sled::Batch) {
        batch.insert(key::run_block(self.id(), self.run.entry.blocks), self.packer.finish());
        self.run.entry.blocks += 1;
    }

    fn close_part(&mut self, batch: &mut sled::Batch) {
        if self.probes.is_empty() {
            return;
        }
        if !self.packer.is_empty() {
            self.close_block(batch);
        }
        // The part begins where its lines and blocks do, whatever parts before it were empty.
        let line = self.run.lines.len();
        let start = Start { line: line as u32, block: self.part_first_block as u32 };
        while self.run.starts.len() <= self.part {
            self.run.starts.push(start);
        }
        self.run.lines.resize(line + filter::lines_for(self.probes.len(), self.filter_bits), Line::default());
        for probe in &self.probes {
            filter::insert(&mut self.run.lines[line..], probe);
        }
        let firsts = &self.run.firsts[self.part_first_block..];
        let mut value = Vec::with_capacity(8 + firsts.len() * KEY_BYTES + (self.run.lines.len() - line) * LINE_BYTES);
        value.extend_from_slice(&(self.probes.len() as u32).to_le_bytes());
        value.extend_from_slice(&(firsts.len() as u32).to_le_bytes());
        value.extend_from_slice(firsts.as_flattened());
        filter::write(&self.run.lines[line..], &mut value);
        batch.insert(key::run_part(self.id(), self.part as u32), value);
        self.run.entry.rows += self.probes.len() as u64;
        self.probes.clear();
        self.part_first_block = self.run.firsts.len();
    }
}
