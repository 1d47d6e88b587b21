//! Messages that are Arrow IPC streams: as columns for the core, which knows nothing of Arrow.
//!
//! Whoever sends is not trusted. What a stream says of itself is added up before anything is made of it ([`bounds`]), every buffer is checked by the
//! library, and what is made is counted ([`columns::Budget`]); a panic of the library at a damaged stream is an error like any other.

mod bounds;
mod columns;

#[cfg(test)]
mod tests;

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamDecoder;
use arrow_select::concat::concat_batches;
use tidewatch_core::event::columns::Columns;
use tidewatch_core::event::wire::{Reason, Tables, Unreadable};

use super::guarded;

/// Reads messages that are Arrow streams.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrow;

impl Tables for Arrow {
    fn read(&self, body: &[u8]) -> Result<Columns, Unreadable> {
        guarded(|| Ok(read(body))).unwrap_or_else(|_| Err(damaged("its parts do not fit together")))
    }
}

fn read(body: &[u8]) -> Result<Columns, Unreadable> {
    bounds::check(body)?;
    let (mut decoder, mut batches) = (StreamDecoder::new(), Vec::new());
    let mut rest = body.to_vec().into();
    while let Some(batch) = decoder.decode(&mut rest).map_err(damaged)? {
        batches.push(batch);
    }
    decoder.finish().map_err(damaged)?;
    let Some(schema) = decoder.schema() else { return Err(damaged("it ends before its schema")) };
    let batch = match batches.as_slice() {
        [] => RecordBatch::new_empty(schema),
        [only] => only.clone(),
        several => concat_batches(&schema, several).map_err(damaged)?,
    };
    columns::of(&batch)
}

/// A stream that cannot be read.
fn damaged(why: impl std::fmt::Display) -> Unreadable {
    Unreadable { reason: Reason::BadArrow, detail: format!("this is no whole Arrow stream: {why}") }
}

/// A stream that holds more than a message may.
fn too_large(detail: String) -> Unreadable {
    Unreadable { reason: Reason::TooLarge, detail }
}
