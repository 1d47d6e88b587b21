//! Finding one committed row without the writer: for people who ask for a prediction by its id. Needs no filter and no index, so
//! it costs some milliseconds where the writer needs microseconds, and no memory.

use super::PendingKey;
use super::block::Block;
use super::directory::Directory;
use super::memtable::Memtable;
use super::run::Entry;
use crate::store::{Error, Order, Reader, key};

/// A merge may take away what was about to be read; then the directory has changed and the search begins again, this often.
const ATTEMPTS_MAX: usize = 5;

/// Chunks of the pending log read at once.
const CHUNKS_AT_ONCE: usize = 64;

/// The committed row of `key`, from any thread. Cost: reads the pending log whole (at most the rows of two memtables), then about
/// log₂ of its blocks in each run.
///
/// Errors: as [`Reader::get`]; [`Error::Damaged`] if runs keep vanishing.
pub fn committed_row(reader: &Reader, key: &PendingKey) -> Result<Option<Vec<u8>>, Error> {
    for _ in 0..ATTEMPTS_MAX {
        let Some(row) = reader.get(&key::directory())? else { return Ok(None) };
        let directory = Directory::read(&row).ok_or_else(|| reader.damaged("the directory of pending runs".into()))?;
        if let Some(row) = in_log(reader, &directory, key)? {
            return Ok(Some(row));
        }
        match in_runs(reader, &directory.entries, key)? {
            Search::Found(row) => return Ok(Some(row)),
            Search::Missing => return Ok(None),
            Search::Vanished => {}
        }
    }
    Err(reader.damaged("the directory of pending runs names runs that are not there".into()))
}

enum Search {
    Found(Vec<u8>),
    Missing,
    /// A run was merged away meanwhile.
    Vanished,
}

fn in_log(reader: &Reader, directory: &Directory, key: &PendingKey) -> Result<Option<Vec<u8>>, Error> {
    use std::ops::Bound::{Excluded, Included};
    let (mut from, end) = (Vec::from(key::pending_log(directory.log_start, 0)), key::pending_log(u64::MAX, u32::MAX));
    let mut newest = None;
    loop {
        let chunks = reader.scan(Included(&from), Excluded(&end), Order::Ascending, CHUNKS_AT_ONCE)?;
        let Some((last, _)) = chunks.last() else { return Ok(newest) };
        from.clone_from(last);
        // the first key after this one
        from.push(0);
        let mut rows = Memtable::default();
        for (_, chunk) in &chunks {
            rows.replay(chunk).ok_or_else(|| reader.damaged("a chunk of the pending log".into()))?;
        }
        newest = rows.get(key).map(<[u8]>::to_vec).or(newest);
    }
}

fn in_runs(reader: &Reader, newest_first: &[Entry], key: &PendingKey) -> Result<Search, Error> {
    for run in newest_first {
        let (mut low, mut high) = (0, run.blocks);
        while low < high {
            let middle = low + (high - low) / 2;
            let Some(value) = reader.get(&key::run_block(run.id, middle))? else { return Ok(Search::Vanished) };
            let block = Block::parse(value).ok_or_else(|| reader.damaged("a block of pending rows".into()))?;
            if key < block.key(0) {
                high = middle;
            } else if block.key(block.len() - 1) < key {
                low = middle + 1;
            } else {
                match block.find(key) {
                    Some(row) => return Ok(Search::Found(row.to_vec())),
                    None => break,
                }
            }
        }
    }
    Ok(Search::Missing)
}
