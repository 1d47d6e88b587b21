//! What a stream says that it holds, before anything of it is made.

use arrow_ipc::{DictionaryBatch, MessageHeader, RecordBatch, root_as_message};
use tidewatch_core::event::wire::{MESSAGE_BYTES_MAX, RECORDS_MAX, Reason, Unreadable};

use super::{damaged, too_large};

/// Bytes of all buffers once they are decompressed.
const BYTES_MAX: usize = 4 * MESSAGE_BYTES_MAX;

/// Values of all columns and dictionaries, the parts of lists and structures counted too.
pub const VALUES_MAX: usize = 1 << 20;

/// How a message begins: this, then the length of its metadata as i32; a length of 0 ends the stream.
const CONTINUES: [u8; 4] = [0xff; 4];

/// What has been found so far.
#[derive(Default)]
struct Sum {
    rows: usize,
    values: usize,
    bytes: usize,
}

/// Refuses a stream that says it holds more than a message may.
pub fn check(body: &[u8]) -> Result<(), Unreadable> {
    let (mut rest, mut sum) = (body, Sum::default());
    while let Some(after) = rest.strip_prefix(&CONTINUES) {
        let cut = || damaged("it is cut off");
        let (length, after) = after.split_first_chunk().ok_or_else(cut)?;
        let length = usize::try_from(i32::from_le_bytes(*length)).map_err(|_| cut())?;
        if length == 0 {
            return Ok(());
        }
        let (metadata, after) = after.split_at_checked(length).ok_or_else(cut)?;
        let message = root_as_message(metadata).map_err(damaged)?;
        let length = usize::try_from(message.bodyLength()).map_err(|_| cut())?;
        let (buffers, after) = after.split_at_checked(length).ok_or_else(cut)?;
        match message.header_type() {
            MessageHeader::RecordBatch => {
                let batch = message.header_as_record_batch().ok_or_else(cut)?;
                sum.rows = sum.rows.saturating_add(count(batch.length())?);
                sum.add(batch, buffers)?;
            }
            MessageHeader::DictionaryBatch => {
                if let Some(batch) = message.header_as_dictionary_batch().as_ref().and_then(DictionaryBatch::data) {
                    sum.add(batch, buffers)?;
                }
            }
            _ => {}
        }
        rest = after;
    }
    if rest.is_empty() { Ok(()) } else { Err(damaged("what follows is no message of it")) }
}

impl Sum {
    fn add(&mut self, batch: RecordBatch<'_>, body: &[u8]) -> Result<(), Unreadable> {
        for node in batch.nodes().iter().flatten() {
            self.values = self.values.saturating_add(count(node.length())?);
        }
        for buffer in batch.buffers().iter().flatten() {
            let (start, length) = (count(buffer.offset())?, count(buffer.length())?);
            let bytes =
                body.get(start..).and_then(|from| from.get(..length)).ok_or_else(|| damaged("a buffer lies outside of it"))?;
            let whole = if batch.compression().is_some() { decompressed(bytes)? } else { length };
            self.bytes = self.bytes.saturating_add(whole);
        }
        if RECORDS_MAX < self.rows {
            let detail = format!("a message holds at most {RECORDS_MAX} records");
            return Err(Unreadable { reason: Reason::TooManyRecords, detail });
        }
        if VALUES_MAX < self.values {
            return Err(too_large(format!("the stream holds more than {VALUES_MAX} values; send fewer rows at once")));
        }
        if BYTES_MAX < self.bytes {
            return Err(too_large(format!(
                "the stream holds more than {BYTES_MAX} bytes once it is decompressed; send fewer rows at once"
            )));
        }
        Ok(())
    }
}

/// How long a compressed buffer says that it is: an i64 before it, -1 where it was left as it is.
fn decompressed(buffer: &[u8]) -> Result<usize, Unreadable> {
    match buffer.split_first_chunk() {
        None if buffer.is_empty() => Ok(0),
        None => Err(damaged("a compressed buffer has no length")),
        Some((length, rest)) => match i64::from_le_bytes(*length) {
            -1 => Ok(rest.len()),
            length => count(length),
        },
    }
}

fn count(number: i64) -> Result<usize, Unreadable> {
    usize::try_from(number).map_err(|_| damaged("a length in it is negative"))
}
