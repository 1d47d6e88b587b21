//! The panes of a model wherever they are: those in memory with the view, older ones in the store.

use std::ops::Bound;

use crate::http::problem::Problem;
use crate::monitor::model::Model;
use crate::monitor::pane::{Pane, PaneId, Width};
use crate::monitor::rollup::Stretch;
use crate::store::{Order, Reader};
use crate::time::Timestamp;
use crate::view::totals::Totals;
use xxhash_rust::xxh3::Xxh3;

/// Rows read from the store at a time: a pane of many columns takes a hundred kilobytes.
const BATCH: usize = 64;

/// Hands over the panes of `[from, to)`, oldest first, one at a time: what a long range takes is one of them. Reads the disk if `from` lies
/// before the panes in memory. Where only wider panes are kept the range is widened to them.
///
/// * `widest`: none wider than this, where narrower ones are kept.
pub fn each(
    reader: &Reader,
    model: &Model,
    (from, to): (Timestamp, Timestamp),
    widest: Width,
    mut take: impl FnMut(PaneId, &Pane) -> Result<(), Problem>,
) -> Result<(), Problem> {
    for Stretch { width, from, to } in model.rollup.plan(from, to, widest) {
        let cold_end = if width == Width::Minute { to.min(model.hot_from) } else { to };
        each_row(reader, (PaneId::new(model.id, width, from), cold_end), &mut take)?;
        let hot_start = from.max(model.hot_from);
        if width == Width::Minute && hot_start < to {
            model.hot.range(hot_start..to).try_for_each(|(start, pane)| take(PaneId::minute(model.id, *start), pane))?;
        }
    }
    Ok(())
}

/// Hands over the panes of one width in the store, from `first` up to those that begin at `end`.
fn each_row(
    reader: &Reader,
    (first, end): (PaneId, Timestamp),
    take: &mut impl FnMut(PaneId, &Pane) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let (mut next, end) = (first, PaneId { start: end, ..first });
    while next < end {
        let rows = reader
            .scan(Bound::Included(&next.key()), Bound::Excluded(&end.key()), Order::Ascending, BATCH)
            .map_err(|error| Problem::store(&error))?;
        for (row_key, value) in &rows {
            let id = PaneId::of_key(row_key).ok_or_else(|| Problem::damaged("the key of a window"))?;
            let pane = rmp_serde::from_slice(value).map_err(|_| Problem::damaged("a window"))?;
            take(id, &pane)?;
            next.start = id.end();
        }
        if rows.len() < BATCH {
            break;
        }
    }
    Ok(())
}

/// Adds the rows of a model that are no longer in memory to `hash`, as they are.
pub fn fingerprint(reader: &Reader, model: &Model, hash: &mut Xxh3) -> Result<(), Problem> {
    for width in Width::ALL {
        let until = if width == Width::Minute { model.hot_from } else { Timestamp::from_micros(i64::MAX) };
        let end = PaneId::new(model.id, width, until).key();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let first = after.take().map_or(Bound::Included(PaneId::keys_of(model.id, width).into()), Bound::Excluded);
            let rows = reader
                .scan(first.as_ref().map(Vec::as_slice), Bound::Excluded(&end), Order::Ascending, BATCH)
                .map_err(|error| Problem::store(&error))?;
            for (row_key, value) in &rows {
                hash.update(row_key);
                hash.update(value);
            }
            match rows.into_iter().nth(BATCH - 1) {
                Some((row_key, _)) => after = Some(row_key),
                None => break,
            }
        }
    }
    Ok(())
}

/// All panes of `[from, to)` added up.
pub fn totals(reader: &Reader, model: &Model, from: Timestamp, to: Timestamp) -> Result<Totals, Problem> {
    let mut totals = Totals::default();
    if model.has_predictions() {
        each(reader, model, (from, to), Width::Day, |_, pane| {
            totals.add(pane);
            Ok(())
        })?;
    }
    Ok(totals)
}

/// The start of the oldest pane, however wide; `None` without one.
pub fn first_start(reader: &Reader, model: &Model) -> Result<Option<Timestamp>, Problem> {
    let mut first = model.hot.keys().next().copied();
    for width in Width::ALL {
        let rows = reader.scan_prefix(&PaneId::keys_of(model.id, width), Order::Ascending, 1);
        let rows = rows.map_err(|error| Problem::store(&error))?;
        let stored = rows.first().and_then(|(row_key, _)| Some(PaneId::of_key(row_key)?.start));
        first = first.into_iter().chain(stored).min();
    }
    Ok(first)
}
