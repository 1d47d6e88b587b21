//! The panes of a model wherever they are: those in memory with the view, older ones in the store.

use std::ops::Bound;

use crate::http::problem::Problem;
use crate::monitor::limits::PANE_WIDTH;
use crate::monitor::model::Model;
use crate::monitor::pane::Pane;
use crate::store::{Order, Reader};
use crate::time::Timestamp;
use crate::view::totals::Totals;
use xxhash_rust::xxh3::Xxh3;

/// Rows read from the store at a time: a pane of many columns takes a hundred kilobytes.
const BATCH: usize = 64;

/// Hands over the panes of `[from, to)`, oldest first, one at a time: what a long range takes is one of them. Reads the disk if `from` lies
/// before the panes in memory.
pub fn each(
    reader: &Reader,
    model: &Model,
    from: Timestamp,
    to: Timestamp,
    mut take: impl FnMut(Timestamp, &Pane) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let cold_end = to.min(model.hot_from);
    let mut next = from;
    while next < cold_end {
        let (first, end) = (Pane::key(model.id, next), Pane::key(model.id, cold_end));
        let rows = reader
            .scan(Bound::Included(&first), Bound::Excluded(&end), Order::Ascending, BATCH)
            .map_err(|error| Problem::store(&error))?;
        for (row_key, value) in &rows {
            let start = Pane::start_of(row_key).ok_or_else(|| Problem::damaged("the key of a window"))?;
            let pane = rmp_serde::from_slice(value).map_err(|_| Problem::damaged("a window"))?;
            take(start, &pane)?;
            next = start + PANE_WIDTH;
        }
        if rows.len() < BATCH {
            break;
        }
    }
    let hot_start = from.max(model.hot_from);
    if hot_start < to {
        model.hot.range(hot_start..to).try_for_each(|(start, pane)| take(*start, pane))?;
    }
    Ok(())
}

/// Adds the rows of a model that are no longer in memory to `hash`, as they are.
pub fn fingerprint(reader: &Reader, model: &Model, hash: &mut Xxh3) -> Result<(), Problem> {
    let end = Pane::key(model.id, model.hot_from);
    let mut after: Option<Vec<u8>> = None;
    loop {
        let first = after.take().map_or(Bound::Included(Pane::keys_of(model.id).into()), Bound::Excluded);
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

/// All panes of `[from, to)` added up.
pub fn totals(reader: &Reader, model: &Model, from: Timestamp, to: Timestamp) -> Result<Totals, Problem> {
    let mut totals = Totals::default();
    if model.has_predictions() {
        each(reader, model, from, to, |_, pane| {
            totals.add(pane);
            Ok(())
        })?;
    }
    Ok(totals)
}

/// The start of the oldest pane; `None` without one.
pub fn first_start(reader: &Reader, model: &Model) -> Result<Option<Timestamp>, Problem> {
    let rows = reader.scan_prefix(&Pane::keys_of(model.id), Order::Ascending, 1).map_err(|error| Problem::store(&error))?;
    let cold = rows.first().and_then(|(row_key, _)| Pane::start_of(row_key));
    Ok(cold.into_iter().chain(model.hot.keys().next().copied()).min())
}
