//! JSON in its three forms: one record, an array of records, one record a line.

use std::str::Utf8Error;

use serde::de::{DeserializeSeed, IgnoredAny};

use super::RECORDS_MAX;
use super::fault::{Problem, Reason, joined};
use super::non_finite::{self, Place};
use super::walk::{Any, Cx, Frame};
use crate::event::{Event, Fault};

/// Reads a JSON message. `lines`: it is known to be newline-delimited; otherwise it is taken for it when its first line is a
/// whole object and more follows.
pub(super) fn read(cx: &Cx<'_>, body: &[u8], lines: bool, records: &mut Vec<Result<Event, Fault>>) -> Result<(), Fault> {
    let refused = |detail: String| Problem::new(Reason::BadUtf8, detail).at("");
    if let Some(what) = not_text(body) {
        return Err(refused(what.to_owned()));
    }
    let not_utf8 = |error: Utf8Error| refused(format!("the text is not UTF-8 at byte {}", error.valid_up_to()));
    let text = std::str::from_utf8(body).map_err(not_utf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_ascii();
    if lines || is_lines(text) {
        return read_lines(cx, text, records);
    }
    read_value(cx, text, records)
}

/// What else the bytes are, where their first ones show it.
fn not_text(body: &[u8]) -> Option<&'static str> {
    match body {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, b'{' | b'[', ..] | [b'{' | b'[', 0, ..] => {
            Some("the text is UTF-16; send it as UTF-8 (`iconv -f UTF-16 -t UTF-8`)")
        }
        [0x1f, 0x8b, ..] => Some("the bytes are compressed by gzip; send them as they are"),
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] => Some(
            "the bytes are an Arrow file; send an Arrow stream, as pyarrow.ipc.new_stream and the write_ipc_stream of polars write it",
        ),
        [b'P', b'A', b'R', b'1', ..] => Some("the bytes are a Parquet file; `tidewatch publish --csv FILE` publishes its rows"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("the bytes are compressed by Zstandard; send them as they are"),
        _ => None,
    }
}

/// A message of several lines is newline-delimited if its first line is JSON by itself, or if every line starts an object (so
/// that a broken first line does not take the others with it).
pub(super) fn is_lines(text: &str) -> bool {
    if !text.starts_with('{') {
        return false;
    }
    let Some((first, rest)) = text.split_once('\n') else { return false };
    let objects = || rest.lines().map(str::trim_ascii_start).all(|line| line.is_empty() || line.starts_with('{'));
    serde_json::from_str::<IgnoredAny>(first).is_ok() || objects()
}

/// One record a line, each judged by itself, its syntax too. Empty lines are passed over.
fn read_lines(cx: &Cx<'_>, text: &str, records: &mut Vec<Result<Event, Fault>>) -> Result<(), Fault> {
    for line in lines(text) {
        if RECORDS_MAX <= records.len() {
            let detail = format!("a message holds at most {RECORDS_MAX} records");
            return Err(Problem::new(Reason::TooManyRecords, detail).at(""));
        }
        cx.index.set(Some(records.len()));
        let pointer = format!("/{}", records.len());
        if let Err(fault) = read_value(cx, line, records) {
            let pointer = if fault.pointer.is_empty() { pointer } else { fault.pointer };
            records.push(Err(Fault::new(fault.reason, fault.detail, pointer)));
        }
    }
    Ok(())
}

/// The lines that are not empty.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    // files that are put together bring a byte order mark each
    text.lines().map(|line| line.trim_start_matches('\u{feff}').trim_ascii()).filter(|line| !line.is_empty())
}

/// One value: a record or an array of them. On an error nothing is added.
fn read_value(cx: &Cx<'_>, text: &str, records: &mut Vec<Result<Event, Fault>>) -> Result<(), Fault> {
    let start = records.len();
    let Err(fault) = parse(cx, text, records) else { return Ok(()) };
    records.truncate(start);
    // Many writers put NaN and infinities into JSON, which has no such thing. That costs those records and not their neighbours.
    let Some(fixed) = non_finite::fix(text).filter(|_| fault.reason == Reason::BadJson.as_str()) else { return Err(fault) };
    if let Err(fault) = parse(cx, &fixed.text, records) {
        records.truncate(start);
        return Err(fault);
    }
    let line = if start == 0 { String::new() } else { format!("/{start}") };
    for places in fixed.places.chunk_by(|a, b| a.record == b.record) {
        let Some(record) = records.get_mut(start + places[0].record) else { continue };
        let mut found = places.iter().map(|Place { pointer, token, .. }| {
            let problem = Problem::new(Reason::NotFinite, format!("must be a finite number, not {token}"));
            problem.at(&format!("{line}{pointer}"))
        });
        let first = found.next().expect("a chunk is never empty");
        let others: Vec<Fault> = record.as_ref().err().into_iter().flat_map(Fault::all).cloned().collect();
        let others = others.into_iter().map(|fault| Fault { also: Vec::new(), ..fault });
        *record = Err(joined(first, found.chain(others)));
    }
    Ok(())
}

fn parse(cx: &Cx<'_>, text: &str, records: &mut Vec<Result<Event, Fault>>) -> Result<(), Fault> {
    let mut reader = serde_json::Deserializer::from_str(text);
    // Nesting is bounded by the walk, well below the parser's own limit of 128.
    let read = Any(Frame { cx, records }).deserialize(&mut reader).and_then(|()| reader.end());
    read.map_err(|error| cx.abort.take().unwrap_or_else(|| Problem::new(Reason::BadJson, error.to_string()).at("")))
}
