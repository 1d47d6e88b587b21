//! Records that come as a table. What reads the bytes is given from outside, so that the core knows no format of tables.

use serde::de::DeserializeSeed;

use super::fault::{Problem, Reason};
use super::walk::{Any, Cx, Frame};
use super::{label, prediction};
use crate::event::columns::{Columns, Rows};
use crate::event::{Event, Fault, Kind};

/// The most cells that are read of a table: about as many as JSON of the same size could hold.
const CELLS_MAX: usize = 256 << 10;

/// Reads the bytes of a table.
pub trait Tables {
    /// Reads a whole Arrow stream of at most [`super::MESSAGE_BYTES_MAX`] bytes and at most [`super::RECORDS_MAX`] rows, in memory bounded by a small
    /// multiple of that.
    ///
    /// Errors: what is wrong with it, in words for whoever sent it.
    fn read(&self, body: &[u8]) -> Result<Columns, Unreadable>;
}

/// Why a table is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub reason: Reason,
    pub detail: String,
}

/// Reads no tables: for whoever knows that none come.
#[derive(Clone, Copy, Debug)]
pub struct NoTables;

impl Tables for NoTables {
    fn read(&self, _body: &[u8]) -> Result<Columns, Unreadable> {
        Err(Unreadable { reason: Reason::BadArrow, detail: "Arrow is not read here".to_owned() })
    }
}

/// Reads the rows of a table, each as the same record in JSON. Errors: a fault of the table as a whole.
pub(super) fn read(
    cx: &Cx<'_>,
    body: &[u8],
    tables: &impl Tables,
    records: &mut Vec<Result<Event, Fault>>,
) -> Result<(), Fault> {
    let refused = |reason, detail| Problem::new(reason, detail).at("");
    let shape: fn(&mut Columns) = match cx.kind {
        Kind::Prediction => prediction::shape,
        Kind::Label => label::shape,
        other => {
            let detail = format!("Arrow holds predictions or labels; send each {} as JSON or MessagePack", other.as_str());
            return Err(refused(Reason::BadArrow, detail));
        }
    };
    let mut table = tables.read(body).map_err(|Unreadable { reason, detail }| refused(reason, detail))?;
    shape(&mut table);
    if let Some((name, kind)) = table.unread() {
        let detail = format!("column {name:?} is of the kind {kind}, which is not read; leave it out or cast it");
        return Err(refused(Reason::BadArrow, detail));
    }
    if CELLS_MAX < table.cells() {
        let detail =
            format!("a message holds at most {CELLS_MAX} cells, this one has {}; send fewer rows at once", table.cells());
        return Err(refused(Reason::TooLarge, detail));
    }
    let read = Any(Frame { cx, records }).deserialize(Rows(&table));
    read.map_err(|error| cx.abort.take().unwrap_or_else(|| refused(Reason::BadArrow, error.to_string())))
}
