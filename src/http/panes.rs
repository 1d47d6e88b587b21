//! The panes of a model wherever they are: those in memory with the view, older ones in the store.

use std::ops::Bound;
use std::sync::Arc;

use crate::http::problem::Problem;
use crate::monitor::limits::PANE_WIDTH;
use crate::monitor::model::Model;
use crate::monitor::pane::Pane;
use crate::store::{Order, Reader, key};
use crate::time::Timestamp;
use xxhash_rust::xxh3::Xxh3;

/// Rows read from the store at a time.
const BATCH: usize = 2_048;

/// Panes by start.
pub type Panes = Vec<(Timestamp, Arc<Pane>)>;

/// Hands over the panes of `[from, to)` in batches, oldest first. Reads the disk if `from` lies before the panes in memory.
pub fn each(
    reader: &Reader,
    model: &Model,
    from: Timestamp,
    to: Timestamp,
    mut take: impl FnMut(Panes) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let cold_end = to.min(model.hot_from);
    let mut next = from;
    while next < cold_end {
        let (first, end) = (key::pane(model.id, next), key::pane(model.id, cold_end));
        let rows = reader
            .scan(Bound::Included(&first), Bound::Excluded(&end), Order::Ascending, BATCH)
            .map_err(|error| Problem::store(&error))?;
        let is_last = rows.len() < BATCH;
        let batch = rows.iter().map(|(row_key, value)| decode(row_key, value)).collect::<Result<Panes, Problem>>()?;
        next = batch.last().map_or(cold_end, |(start, _)| *start + PANE_WIDTH);
        if !batch.is_empty() {
            take(batch)?;
        }
        if is_last {
            break;
        }
    }
    let hot_start = from.max(model.hot_from);
    if hot_start < to {
        take(model.hot.range(hot_start..to).map(|(start, pane)| (*start, Arc::clone(pane))).collect())?;
    }
    Ok(())
}

/// Adds the rows of a model that are no longer in memory to `hash`, as they are.
pub fn fingerprint(reader: &Reader, model: &Model, hash: &mut Xxh3) -> Result<(), Problem> {
    let end = key::pane(model.id, model.hot_from);
    let mut after: Option<Vec<u8>> = None;
    loop {
        let first = after.take().map_or(Bound::Included(key::panes(model.id)), Bound::Excluded);
        let rows = reader
            .scan(first.as_ref().map(Vec::as_slice), Bound::Excluded(&end), Order::Ascending, BATCH)
            .map_err(|error| Problem::store(&error))?;
        for (row_key, value) in &rows {
            hash.update(row_key);
            hash.update(value);
        }
        match rows.into_iter().nth(BATCH - 1) {
            Some((row_key, _)) => after = Some(row_key),
            None => return Ok(()),
        }
    }
}

/// All panes of `[from, to)`; for ranges known to be short.
pub fn all(reader: &Reader, model: &Model, from: Timestamp, to: Timestamp) -> Result<Panes, Problem> {
    let mut panes = Panes::new();
    each(reader, model, from, to, |batch| {
        panes.extend(batch);
        Ok(())
    })?;
    Ok(panes)
}

/// The start of the oldest pane; `None` without one.
pub fn first_start(reader: &Reader, model: &Model) -> Result<Option<Timestamp>, Problem> {
    let rows = reader.scan_prefix(&key::panes(model.id), Order::Ascending, 1).map_err(|error| Problem::store(&error))?;
    let cold = rows.first().and_then(|(row_key, _)| key::pane_start(row_key));
    Ok(cold.into_iter().chain(model.hot.keys().next().copied()).min())
}

fn decode(row_key: &[u8], value: &[u8]) -> Result<(Timestamp, Arc<Pane>), Problem> {
    let start = key::pane_start(row_key).ok_or_else(|| Problem::damaged("the key of a window"))?;
    let pane = rmp_serde::from_slice(value).map_err(|_| Problem::damaged("a window"))?;
    Ok((start, Arc::new(pane)))
}
