//! Work that is done a slice at a time inside commits: writing out a full memtable, and merging runs into a bigger one.

use super::block::Block;
use super::memtable::Memtable;
use super::run::{Entry, Run, Writer};
use super::{KEY_BYTES, Keep, PendingKey};
use crate::store::audit::Batch;
use crate::store::{Error, Reader, key};

/// A full memtable on its way into a run. Still searched meanwhile.
#[derive(Debug)]
pub(super) struct Frozen {
    pub rows: Memtable,
    /// The pending log up to this commit is no longer needed once the run is finished.
    pub log_end: u64,
    writer: Writer,
    places: Vec<u32>,
    bucket_ends: Vec<u32>,
    bucket: usize,
    /// Rows written, and those of the current bucket sorted.
    done: usize,
    sorted: usize,
}

impl Frozen {
    pub fn new(rows: Memtable, log_end: u64, run: u64, filter_bits: u8) -> Self {
        let (places, bucket_ends) = rows.buckets();
        let writer = Writer::new(run, 0, rows.len() as u64, filter_bits);
        Self { rows, log_end, writer, places, bucket_ends, bucket: 0, done: 0, sorted: 0 }
    }

    pub fn run_id(&self) -> u64 {
        self.writer.id()
    }

    /// Writes rows until `budget` is used up. Returns whether all are written.
    pub fn step(&mut self, budget: &mut u64, batch: &mut Batch) -> bool {
        while self.done < self.places.len() && 0 < *budget {
            if self.done == self.sorted {
                self.sort_bucket();
                continue;
            }
            let (key, row) = self.rows.entry(self.places[self.done]);
            self.writer.push(key, row, batch);
            self.done += 1;
            *budget -= 1;
        }
        self.done == self.places.len()
    }

    /// The run; `None` of no rows.
    pub fn finish(self, batch: &mut Batch) -> Option<Run> {
        self.writer.finish(batch)
    }

    fn sort_bucket(&mut self) {
        let end = self.bucket_ends[self.bucket] as usize;
        let rows = &self.rows;
        self.places[self.sorted..end].sort_unstable_by_key(|place| rows.entry(*place).0);
        self.sorted = end;
        self.bucket += 1;
    }
}

/// Runs on their way into one. They are searched until it is finished; what is written before that is nobody's.
#[derive(Debug)]
pub(super) struct Merge {
    /// Newest first, as in the list of runs.
    pub inputs: Vec<Entry>,
    writer: Writer,
    cursors: Vec<Cursor>,
}

/// Exhausted.
const END: u128 = u128::MAX;

/// The next row of one input.
#[derive(Debug)]
struct Cursor {
    input: Entry,
    next_block: u32,
    block: Option<Block>,
    index: usize,
    /// The key of the row as a number, so that heads compare in one step.
    head: u128,
}

impl Merge {
    pub fn new(inputs: Vec<Entry>, into_level: u8, run: u64, filter_bits: u8) -> Self {
        let rows_max = inputs.iter().map(|input| input.rows).sum();
        Self { inputs, writer: Writer::new(run, into_level, rows_max, filter_bits), cursors: Vec::new() }
    }

    pub fn run_id(&self) -> u64 {
        self.writer.id()
    }

    /// Merges rows until `budget` is used up. Returns whether all are merged. Of rows with one key the newest is taken, if
    /// `keep` wants it.
    pub fn step(&mut self, reader: &Reader, keep: Keep<'_>, budget: &mut u64, batch: &mut Batch) -> Result<bool, Error> {
        if self.cursors.is_empty() {
            self.cursors = self.inputs.iter().map(|input| Cursor::start(*input, reader)).collect::<Result<_, _>>()?;
        }
        while 0 < *budget {
            let Some((newest, head)) = self.least() else { return Ok(true) };
            let cursor = &self.cursors[newest];
            let block = cursor.block.as_ref().expect("a cursor with a head has a block");
            let (key, row) = (block.key(cursor.index), block.row(cursor.index));
            if keep(key, row) {
                self.writer.push(key, row, batch);
            }
            for cursor in &mut self.cursors[newest..] {
                if cursor.head == head {
                    cursor.advance(reader)?;
                    *budget = budget.saturating_sub(1);
                }
            }
        }
        Ok(false)
    }

    pub fn finish(self, batch: &mut Batch) -> Option<Run> {
        self.writer.finish(batch)
    }

    /// The newest of the cursors with the least key.
    fn least(&self) -> Option<(usize, u128)> {
        let mut least = (0, END);
        for (index, cursor) in self.cursors.iter().enumerate() {
            if cursor.head < least.1 {
                least = (index, cursor.head);
            }
        }
        (least.1 != END).then_some(least)
    }
}

impl Cursor {
    fn start(input: Entry, reader: &Reader) -> Result<Self, Error> {
        let mut cursor = Self { input, next_block: 0, block: None, index: 0, head: END };
        cursor.advance(reader)?;
        Ok(cursor)
    }

    fn advance(&mut self, reader: &Reader) -> Result<(), Error> {
        self.index += 1;
        if self.block.as_ref().is_none_or(|block| block.len() <= self.index) {
            self.index = 0;
            self.block = None;
            if self.next_block == self.input.blocks {
                self.head = END;
                return Ok(());
            }
            self.block = Some(read_block(reader, self.input.id, self.next_block)?);
            self.next_block += 1;
        }
        self.head = self.block.as_ref().map_or(END, |block| number(block.key(self.index)));
        Ok(())
    }
}

/// One block of a run. Errors: [`Error::Damaged`] if it is missing or no block.
pub(super) fn read_block(reader: &Reader, run: u64, block: u32) -> Result<Block, Error> {
    let found = reader.get(&key::run_block(run, block))?.and_then(Block::parse);
    found.ok_or_else(|| reader.damaged(format!("block {block} of pending run {run} is missing")))
}

/// The key as a number with the same order; below [`END`].
fn number(key: &PendingKey) -> u128 {
    let mut bytes = [0; 16];
    bytes[16 - KEY_BYTES..].copy_from_slice(key);
    u128::from_be_bytes(bytes)
}
