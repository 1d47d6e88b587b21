//! Pending predictions: tens of millions of small rows by hashed key, for the join of late labels and for finding duplicates.
//! sled alone takes 100,000 rows a second, so rows are packed, as a log-structured merge tree inside sled:
//!
//! * A put goes to the memtable. Its commit writes the new rows as a few values of the pending log, which rebuild the memtable
//!   at open; a commit of very many rows writes a run at once instead.
//! * A full memtable becomes a run: sorted blocks with a filter and an index in memory ([`run`]). The oldest `fan_out` runs of a
//!   level are merged into one of the next level, a slice in each commit, paid by the rows put ([`merge`]).
//! * A get looks into the memtable, then through the filters of the runs, newest first, and reads about one block.
//!
//! Memory: two memtables of at most 4 MiB (and one commit) with 3 MiB of table each; 2 to 3 bytes a row for filters, 0.2 for
//! indexes: 126 MB for 50 million rows, and a merge holds its output's filter besides. What sled keeps of its pages is several times that.
//! Rows that nobody wants any more count until they are merged away, which happens at the latest when a run of them is found to be half unwanted.

mod block;
mod directory;
mod filter;
mod lookup;
mod memtable;
mod merge;
mod run;

use std::ops::Bound;

use super::audit::Batch;
use super::{Error, Order, Reader, Value, key, row_hash};
use directory::Directory;
use filter::Probe;
pub use lookup::committed_row;
use memtable::Memtable;
use merge::{Frozen, Merge, read_block};
use run::{Entry, Run};

/// Bytes of a key.
pub const KEY_BYTES: usize = 12;

/// The longest row in bytes: room for a prediction with the most scores that are accepted, 11 KB. A longer row would refuse its
/// commit, and every replay would meet it again.
pub const ROW_BYTES_MAX: usize = 16 << 10;

/// A well-mixed hash of what the row is about. Hashes, because filters and parts use the bits as they are.
pub type PendingKey = [u8; KEY_BYTES];

/// Whether a row is still wanted; see [`super::Commit::keep`].
pub(super) type Keep<'a> = &'a dyn Fn(&PendingKey, &[u8]) -> bool;

/// Where the structure turns; the defaults are measured, tests use tiny ones.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Rows, and bytes, at which a memtable is written out.
    pub memtable_rows: usize,
    pub memtable_bytes: usize,
    /// Rows of one commit at which it writes a run itself and no log.
    pub direct_rows: usize,
    /// Runs of a level that are merged into one of the next.
    pub fan_out: usize,
    /// Merge work of a commit in rows: so many, and four more for each row put.
    pub slice_rows: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memtable_rows: 65_536, memtable_bytes: 4 << 20, direct_rows: 32_768, fan_out: 8, slice_rows: 2048 }
    }
}

/// What the pending rows use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Rows in all runs and memtables; superseded and refused ones count until they are merged away.
    pub rows: u64,
    pub runs: usize,
    /// Filters, indexes and memtables.
    pub memory_bytes: usize,
}

/// Work per row put: one for writing it out and one for each level it rises, of which there are three up to 100 million rows.
const SLICE_ROWS_PER_PUT: u64 = 4;

/// Rows deleted from sled in a commit: so many, and one more for each 16 rows put, the pace at which merges leave them behind.
const DELETES_PER_COMMIT: usize = 16;

/// Bytes of one value of the pending log: sled writes 17 such values at once within its 128 KiB for inline pages.
const LOG_CHUNK_BYTES: usize = 4096;

/// Bits of a filter for each key, by level, the last for all deeper ones. A missing key costs a read in 0.017 % of looks into a
/// run at 24 bits, 0.042 % at 20, 0.13 % at 16; young runs are many and small, and get more.
const FILTER_BITS: [u8; 4] = [24, 24, 20, 16];

/// Keys that [`Pending::get_many`] looks up together: as many as keep what it knows of them in the second cache.
const GROUP: usize = 65_536;

/// Filter lines asked for before the first of them is looked at: about as many as a core can wait for at once.
const AHEAD: usize = 32;

/// The pending rows; part of a [`super::Store`].
#[derive(Debug)]
pub struct Pending {
    reader: Reader,
    limits: Limits,
    active: Memtable,
    frozen: Option<Frozen>,
    /// Newest rows first: levels ascend, and within a level age does.
    runs: Vec<Run>,
    /// At most one for each level it takes its inputs from.
    merges: Vec<Merge>,
    /// Runs whose rows are still in sled but nobody's.
    dead: Vec<u64>,
    next_run: u64,
    /// The pending log holds the commits from `log_start` up to `log_end`; what lies below is deleted in slices.
    log_start: u64,
    log_end: u64,
    log_deleted: bool,
    /// Counts up to look at one old run after the other for rows that nobody wants.
    refresh_turn: usize,
    refresh_due: bool,
    scratch: Vec<u8>,
}

impl Pending {
    /// The row last put under `key`, in this commit or any before. Errors: as [`Reader::get`].
    pub fn get(&mut self, key: &PendingKey) -> Result<Option<&[u8]>, Error> {
        if self.recent(key).is_some() {
            return Ok(self.recent(key));
        }
        let probe = Probe::of(key);
        for run in &self.runs {
            if run.may_hold(&probe) && read_row(&self.reader, run, &probe, key, &mut self.scratch)? {
                return Ok(Some(&self.scratch));
            }
        }
        Ok(None)
    }

    /// The row of `key` if it is still in memory: all that was put since a [`Self::get_many`] is.
    pub fn recent(&self, key: &PendingKey) -> Option<&[u8]> {
        self.active.get(key).or_else(|| self.frozen.as_ref()?.rows.get(key))
    }

    /// As [`Self::get`] for many keys: `found` gets the place in `keys` and the row of each one that has a row, in no
    /// particular order. Goes through one run after the other and through each in the order of keys, so that reads of memory
    /// overlap and stay near each other, and rows of one block are read from it while sled has it at hand.
    pub fn get_many(&mut self, keys: &[PendingKey], mut found: impl FnMut(usize, &[u8])) -> Result<(), Error> {
        for (number, group) in keys.chunks(GROUP).enumerate() {
            self.get_group(group, |index, row| found(number * GROUP + index, row))?;
        }
        Ok(())
    }

    fn get_group(&mut self, keys: &[PendingKey], mut found: impl FnMut(usize, &[u8])) -> Result<(), Error> {
        const FOUND: usize = usize::MAX;
        let mut sought = Vec::with_capacity(keys.len());
        for index in by_leading_bits(keys) {
            let key = &keys[index];
            match self.recent(key) {
                Some(row) => found(index, row),
                None => sought.push((index, Probe::of(key))),
            }
        }
        let mut let_through: Vec<usize> = Vec::new();
        for run in &self.runs {
            let_through.clear();
            for (number, near) in sought.chunks(AHEAD).enumerate() {
                run.touch(near.iter().map(|(_, probe)| probe));
                let passed = near.iter().enumerate().filter(|(_, (_, probe))| run.may_hold(probe));
                let_through.extend(passed.map(|(place, _)| number * AHEAD + place));
            }
            for place in &let_through {
                let (index, probe) = &mut sought[*place];
                if read_row(&self.reader, run, probe, &keys[*index], &mut self.scratch)? {
                    found(*index, &self.scratch);
                    *index = FOUND;
                }
            }
            sought.retain(|(index, _)| *index != FOUND);
        }
        Ok(())
    }

    /// Replaces the row of `key`. Errors: [`Error::RowTooLong`].
    pub fn put(&mut self, key: &PendingKey, row: &[u8]) -> Result<(), Error> {
        if ROW_BYTES_MAX < row.len() {
            return Err(Error::RowTooLong { bytes: row.len() });
        }
        self.active.put(key, row);
        Ok(())
    }

    pub fn figures(&self) -> Figures {
        let tables = [Some(&self.active), self.frozen.as_ref().map(|frozen| &frozen.rows)];
        let tables = tables.into_iter().flatten();
        Figures {
            rows: self.runs.iter().map(|run| run.entry.rows).sum::<u64>()
                + tables.clone().map(|table| table.len() as u64).sum::<u64>(),
            runs: self.runs.len(),
            memory_bytes: self.runs.iter().map(Run::memory_bytes).sum::<usize>()
                + tables.map(|table| table.bytes() + table.len() * 22).sum::<usize>(),
        }
    }

    /// What the next commit will write at most, in bytes: its own rows, and a slice of the merging.
    pub(super) fn bytes_due(&self) -> u64 {
        const ROW_BYTES: u64 = 64;
        (self.limits.slice_rows + (1 + SLICE_ROWS_PER_PUT) * self.active.fresh_rows() as u64) * ROW_BYTES
    }

    /// Adds to `batch` what this commit owes: its rows and a slice of the merging. Returns the new directory row if it changed,
    /// for the same batch. The batch must land; if it does not, this is ahead of the disk and must not be used again.
    pub(super) fn prepare(&mut self, batch: &mut Batch, keep: Keep<'_>) -> Result<Option<Vec<u8>>, Error> {
        let fresh = self.active.fresh_rows();
        let mut budget = self.limits.slice_rows + SLICE_ROWS_PER_PUT * fresh as u64;
        // Merges are begun before anything is installed: what this batch writes cannot be read back before it has landed.
        let mut changed = self.begin_merges(keep)?;
        changed |= self.delete_dead(batch, DELETES_PER_COMMIT + fresh / 16)?;
        changed |= self.write_fresh(batch, fresh);
        changed |= self.step_frozen(&mut budget, batch);
        changed |= self.step_merges(keep, &mut budget, batch)?;
        Ok(changed.then(|| self.directory().write()))
    }

    fn write_fresh(&mut self, batch: &mut Batch, fresh: usize) -> bool {
        if fresh == 0 {
            return false;
        }
        if self.limits.direct_rows <= fresh {
            // Run ids and levels must keep their order, so an older memtable goes first.
            self.step_frozen(&mut { u64::MAX }, batch);
            self.freeze();
            self.step_frozen(&mut { u64::MAX }, batch);
            return true;
        }
        for (chunk, rows) in self.active.fresh_chunks(LOG_CHUNK_BYTES).into_iter().enumerate() {
            batch.put_unseen(key::pending_log(self.log_end, chunk as u32).into(), rows.to_vec());
        }
        self.log_end += 1;
        self.active.mark_committed();
        if self.limits.memtable_rows <= self.active.len() || self.limits.memtable_bytes <= self.active.bytes() {
            self.step_frozen(&mut { u64::MAX }, batch);
            self.freeze();
        }
        true
    }

    /// Only if nothing is frozen.
    fn freeze(&mut self) {
        let rows = std::mem::replace(&mut self.active, Memtable::for_rows(self.limits));
        let run = self.new_run();
        self.frozen = Some(Frozen::new(rows, self.log_end, run, filter_bits(0)));
    }

    fn step_frozen(&mut self, budget: &mut u64, batch: &mut Batch) -> bool {
        let Some(mut frozen) = self.frozen.take() else { return false };
        if !frozen.step(budget, batch) {
            self.frozen = Some(frozen);
            return false;
        }
        self.log_start = frozen.log_end;
        self.log_deleted = false;
        self.runs.splice(0..0, frozen.finish(batch));
        true
    }

    /// Begins a merge on each level that has enough runs and none going on.
    fn begin_merges(&mut self, keep: Keep<'_>) -> Result<bool, Error> {
        let mut begun = false;
        let deepest = self.runs.last().map_or(0, |run| run.entry.level);
        for level in 0..=deepest {
            if self.merges.iter().any(|merge| merge.inputs[0].level == level) {
                continue;
            }
            let of_level: Vec<Entry> = self.runs.iter().map(|run| run.entry).filter(|entry| entry.level == level).collect();
            if self.limits.fan_out <= of_level.len() {
                let oldest = of_level[of_level.len() - self.limits.fan_out..].to_vec();
                self.begin_merge(oldest, level + 1);
                begun = true;
            }
        }
        if std::mem::take(&mut self.refresh_due) {
            begun |= self.begin_refresh(keep)?;
        }
        Ok(begun)
    }

    /// Looks at one of the merged runs, another each time, and begins to rewrite it if most of it is no longer wanted: the
    /// deepest runs would otherwise wait long for their merge.
    fn begin_refresh(&mut self, keep: Keep<'_>) -> Result<bool, Error> {
        const BLOCKS_SAMPLED: u32 = 4;
        let merged: Vec<Entry> = self.runs.iter().map(|run| run.entry).filter(|entry| 0 < entry.level).collect();
        self.refresh_turn += 1;
        let Some(&entry) = merged.get(self.refresh_turn % merged.len().max(1)) else { return Ok(false) };
        if self.merges.iter().any(|merge| merge.inputs[0].level == entry.level) {
            return Ok(false);
        }
        let (mut wanted, mut seen) = (0, 0);
        for sample in 0..BLOCKS_SAMPLED.min(entry.blocks) {
            let block = read_block(&self.reader, entry.id, sample * (entry.blocks / BLOCKS_SAMPLED).max(1))?;
            seen += block.len();
            wanted += (0..block.len()).filter(|index| keep(block.key(*index), block.row(*index))).count();
        }
        if seen < 2 * wanted {
            return Ok(false);
        }
        self.begin_merge(vec![entry], entry.level);
        Ok(true)
    }

    fn begin_merge(&mut self, inputs: Vec<Entry>, into_level: u8) {
        let run = self.new_run();
        self.merges.push(Merge::new(inputs, into_level, run, filter_bits(into_level)));
        self.merges.sort_by_key(|merge| merge.inputs[0].level);
    }

    /// Lower levels first: they are small, and what waits there is searched by every get.
    fn step_merges(&mut self, keep: Keep<'_>, budget: &mut u64, batch: &mut Batch) -> Result<bool, Error> {
        let mut changed = false;
        let mut going = Vec::with_capacity(self.merges.len());
        for mut merge in std::mem::take(&mut self.merges) {
            if merge.step(&self.reader, keep, budget, batch)? {
                self.install(merge, batch);
                changed = true;
            } else {
                going.push(merge);
            }
        }
        self.merges = going;
        Ok(changed)
    }

    /// Puts the finished run in the place of its inputs, which keeps the list in the order of age.
    fn install(&mut self, merge: Merge, batch: &mut Batch) {
        let inputs: Vec<u64> = merge.inputs.iter().map(|input| input.id).collect();
        let place = self.runs.iter().position(|run| run.entry.id == inputs[0]).expect("inputs stay listed until merged");
        self.runs.retain(|run| !inputs.contains(&run.entry.id));
        self.runs.splice(place..place, merge.finish(batch));
        self.dead.extend(inputs);
        self.refresh_due = true;
    }

    /// Deletes at most `limit` rows that are nobody's.
    fn delete_dead(&mut self, batch: &mut Batch, limit: usize) -> Result<bool, Error> {
        let mut left = limit;
        if !self.log_deleted {
            let (from, to) = (key::Tag::PendingLog.all(), key::pending_log(self.log_start, 0));
            let found = self.reader.scan(Bound::Included(&from), Bound::Excluded(&to), Order::Ascending, left)?;
            self.log_deleted = found.len() < left;
            left -= found.len();
            remove_all(found, batch);
        }
        let mut changed = false;
        while let Some(run) = self.dead.first().copied() {
            for prefix in [key::run_blocks(run), key::run_parts(run)] {
                let found = self.reader.scan_prefix(&prefix, Order::Ascending, left)?;
                left -= found.len();
                remove_all(found, batch);
            }
            if left == 0 {
                break;
            }
            self.dead.remove(0);
            changed = true;
        }
        Ok(changed)
    }

    fn new_run(&mut self) -> u64 {
        self.next_run += 1;
        self.next_run - 1
    }

    /// Unfinished runs count as dead: nobody goes on with them after a restart.
    fn directory(&self) -> Directory {
        let unfinished = self.merges.iter().map(Merge::run_id).chain(self.frozen.as_ref().map(Frozen::run_id));
        Directory {
            next_run: self.next_run,
            log_start: self.log_start,
            log_end: self.log_end,
            entries: self.runs.iter().map(|run| run.entry).collect(),
            dead: self.dead.iter().copied().chain(unfinished).collect(),
        }
    }

    /// Reads what the last commit left. Errors: [`Error::Damaged`] if any of it is missing.
    pub(super) fn load(reader: Reader, limits: Limits) -> Result<Self, Error> {
        let active = Memtable::for_rows(limits);
        let mut pending = Self {
            reader,
            limits,
            active,
            frozen: None,
            runs: Vec::new(),
            merges: Vec::new(),
            dead: Vec::new(),
            next_run: 0,
            log_start: 0,
            log_end: 0,
            log_deleted: false,
            refresh_turn: 0,
            refresh_due: true,
            scratch: Vec::new(),
        };
        if let Some(row) = pending.reader.get(&key::directory())? {
            let directory =
                Directory::read(&row).ok_or_else(|| pending.reader.damaged("the directory of pending runs".into()))?;
            (pending.next_run, pending.log_start, pending.log_end) =
                (directory.next_run, directory.log_start, directory.log_end);
            pending.dead = directory.dead;
            for entry in directory.entries {
                pending.runs.push(Run::load(&pending.reader, entry)?);
            }
        }
        pending.replay_log()?;
        Ok(pending)
    }

    /// Rebuilds the memtable. Each commit from `log_start` up to `log_end` wrote at least one chunk.
    fn replay_log(&mut self) -> Result<(), Error> {
        let mut after = Vec::from(key::pending_log(self.log_start, 0));
        let mut bound = Bound::Included(&after[..]);
        let mut due = (self.log_start, 0);
        loop {
            let end = key::pending_log(u64::MAX, u32::MAX);
            let found = self.reader.scan(bound, Bound::Excluded(&end), Order::Ascending, 256)?;
            let Some((last, _)) = found.last() else { break };
            after.clone_from(last);
            bound = Bound::Excluded(&after);
            for (key, chunk) in &found {
                let place =
                    key::fields(key, key::Tag::PendingLog as u8).and_then(|mut fields| Some((fields.u64()?, fields.u32()?)));
                let follows = place.is_some_and(|place| place == due || place == (due.0 + 1, 0) && 0 < due.1);
                let (Some(place), true, Some(())) = (place, follows, self.active.replay(chunk)) else {
                    return Err(self.reader.damaged("a gap in the pending log".into()));
                };
                due = (place.0, place.1 + 1);
            }
        }
        let end = if 0 < due.1 { due.0 + 1 } else { due.0 };
        if end != self.log_end {
            return Err(self.reader.damaged(format!("the pending log ends at {end} instead of {}", self.log_end)));
        }
        self.active.mark_committed();
        Ok(())
    }
}

fn remove_all(rows: Vec<(Vec<u8>, Value)>, batch: &mut Batch) {
    for (row_key, value) in rows {
        let before = row_hash(&row_key, &value);
        batch.remove_unseen(row_key, before);
    }
}

fn filter_bits(level: u8) -> u8 {
    FILTER_BITS[usize::from(level).min(FILTER_BITS.len() - 1)]
}

/// The places of `keys` in the order of their leading 11 bits: near enough to sorted that neighbours meet in a filter.
fn by_leading_bits(keys: &[PendingKey]) -> Vec<usize> {
    let leading = |key: &PendingKey| usize::from(u16::from_be_bytes([key[0], key[1]]) >> 5);
    let mut starts = [0; 1 << 11];
    keys.iter().for_each(|key| starts[leading(key)] += 1);
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum - *start;
    }
    let mut order = vec![0; keys.len()];
    for (index, key) in keys.iter().enumerate() {
        let next = &mut starts[leading(key)];
        order[*next] = index;
        *next += 1;
    }
    order
}

/// Reads the row of `key` from `run` into `out`, if it is there.
fn read_row(reader: &Reader, run: &Run, probe: &Probe, key: &PendingKey, out: &mut Vec<u8>) -> Result<bool, Error> {
    let Some(block) = run.block_of(probe, key) else { return Ok(false) };
    let block = read_block(reader, run.entry.id, block)?;
    let Some(row) = block.find(key) else { return Ok(false) };
    out.clear();
    out.extend_from_slice(row);
    Ok(true)
}
