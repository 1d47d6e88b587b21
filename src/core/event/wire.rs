//! From the bytes of one message to its records, and nowhere else. Knows the encodings (JSON, newline-delimited JSON,
//! MessagePack, and that there are tables), the field names with their aliases, and the limits. Does not know what a record means.
//!
//! The bytes are walked once and fields are borrowed from them; no tree is built of what is not kept. Decoding is total: what
//! cannot be read becomes an `Err` with a [`Fault`] whose reason is one of [`Reason::ALL`].
//!
//! Two kinds of fault. One *in a record* (a wrong type, a name too long) rejects that record alone, its neighbours in the frame
//! are good. One *in the structure* (broken syntax, too deep, too many records) leaves nothing to trust and rejects the message
//! as one fault; in newline-delimited JSON each line is a structure of its own.
//!
//! When a field is given twice, also by an alias, the last one that is not `null` wins. A field that is `null` is absent.

mod command;
pub(in crate::event) mod fault;
mod json;
mod label;
pub(in crate::event) mod leaf;
mod non_finite;
mod note;
mod original;
mod outcome;
mod prediction;
mod retraining;
mod sample;
mod table;
mod walk;

#[cfg(test)]
mod tests;

use std::cell::RefCell;

use compact_str::CompactString;
use serde::Deserialize;
use serde::de::DeserializeSeed;

use self::fault::Problem;
pub use self::fault::Reason;
pub use self::original::record_as_json;
pub use self::table::{NoTables, Tables, Unreadable};
use self::walk::{Any, Cx, Frame};
use crate::event::features::Names;
use crate::event::subject::Root;
use crate::event::{Event, Fault, Kind, Message};
use crate::ids::{NAME_BYTES_MAX, Slug};
use crate::time::{Span, Timestamp};

/// The largest message in bytes.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// The most records of one message.
pub const RECORDS_MAX: usize = 10_000;
/// The deepest nesting of a record, itself counted as one.
pub const DEPTH_MAX: u8 = 32;
/// The most features of one prediction.
pub const FEATURES_MAX: usize = 1_000;
/// The most segments of one prediction: each combination of their values is counted on its own.
pub const SEGMENTS_MAX: usize = 16;
/// The most classes in `scores` and series labels of one metric or sample.
pub const ENTRIES_MAX: usize = 1_000;
/// The most metrics of one sample.
pub const METRICS_MAX: usize = 10_000;
/// The longest `message` of a log record in bytes.
pub const LOG_BYTES_MAX: usize = 64 << 10;
/// How far an event's time may lie after the server's.
pub const SKEW_MAX: Span = Span::from_secs(300);

/// One message as the stream gave it.
#[derive(Clone, Copy)]
pub struct Raw<'a> {
    pub seq: u64,
    pub stored_at: Timestamp,
    pub subject: &'a str,
    pub headers: &'a dyn Headers,
    pub payload: &'a [u8],
}

/// The headers of a message or a request.
pub trait Headers {
    /// The first value of a header, whatever the case of its name. Asked for in lower case.
    fn get(&self, name: &str) -> Option<&str>;
}

/// No headers at all.
impl Headers for () {
    fn get(&self, _name: &str) -> Option<&str> {
        None
    }
}

impl<const N: usize> Headers for [(&str, &str); N] {
    fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

/// Decodes messages of one log in their order. Remembers only what the next record can share with the last: the result of
/// [`Self::decode`] does not depend on what came before.
#[derive(Debug)]
pub struct Decoder<T> {
    tables: T,
    feature_names: RefCell<Names>,
}

impl<T: Tables> Decoder<T> {
    /// `tables` reads those messages that are tables.
    pub fn new(tables: T) -> Self {
        Self { tables, feature_names: RefCell::default() }
    }

    /// Decodes one message. Never fails: what cannot be read is a [`Fault`] among the records, of which there is always at least
    /// one and at most [`RECORDS_MAX`].
    ///
    /// A subject that is not ours gives [`Kind::Unknown`] from the source `unknown`.
    pub fn decode(&self, raw: Raw<'_>, root: &Root) -> Message {
        let Raw { seq, stored_at, subject, headers, payload } = raw;
        let Some((kind, source)) = root.parse_input(subject) else {
            let source = Slug::try_from("unknown").expect("a plain word is a slug");
            let detail = format!("{:?} is not {}.in.<kind>.<source>", clip(subject), root.as_str());
            let records = vec![Err(Problem::new(Reason::BadSubject, detail).at(""))];
            return Message { seq, stored_at, kind: Kind::Unknown, source, records };
        };
        let content_type = headers.get("content-type");
        let cx = Cx::new(kind, &source, headers, stored_at, &self.feature_names);
        let records = read_body(&cx, content_type, payload, &self.tables);
        Message { seq, stored_at, kind, source, records }
    }
}

/// Decodes one message on its own, as [`Decoder::decode`] does.
pub fn decode(raw: Raw<'_>, root: &Root, tables: impl Tables) -> Message {
    Decoder::new(tables).decode(raw, root)
}

/// Decodes the body of a message whose subject is known, as [`decode`] does: for a publisher's check before it is stored.
///
/// * `content_type`: says the encoding; sniffed from the first byte when absent or general.
/// * `headers`: `ce-time` stands in for an absent `at`, `ce-id` for an absent id, `nats-msg-id` for an absent event id of a
///   sample or note. Within a frame the id is followed by `/` and the index of the record.
pub fn decode_body(
    kind: Kind,
    source: &Slug,
    content_type: Option<&str>,
    headers: &dyn Headers,
    body: &[u8],
    stored_at: Timestamp,
    tables: impl Tables,
) -> Vec<Result<Event, Fault>> {
    read_body(&Cx::new(kind, source, headers, stored_at, &RefCell::default()), content_type, body, &tables)
}

fn read_body(cx: &Cx<'_>, content_type: Option<&str>, body: &[u8], tables: &impl Tables) -> Vec<Result<Event, Fault>> {
    if cx.kind == Kind::Unknown {
        let known = Kind::ALL.map(Kind::as_str).join(", ");
        return vec![Err(Problem::new(Reason::UnknownKind, format!("the kind of the subject is none of {known}")).at(""))];
    }
    if MESSAGE_BYTES_MAX < body.len() {
        let detail = format!("a message holds at most {MESSAGE_BYTES_MAX} bytes, this one has {}", body.len());
        return vec![Err(Problem::new(Reason::TooLarge, detail).at(""))];
    }
    let mut records = Vec::new();
    let read = match encoding(content_type, body) {
        _ if body.iter().all(u8::is_ascii_whitespace) => Ok(()),
        Encoding::MessagePack => read_msgpack(cx, body, &mut records),
        Encoding::Json => json::read(cx, body, false, &mut records),
        Encoding::JsonLines => json::read(cx, body, true, &mut records),
        Encoding::Arrow => table::read(cx, body, tables, &mut records),
    };
    match read {
        Err(fault) => vec![Err(fault)],
        Ok(()) if records.is_empty() && cx.kind == Kind::Tick => vec![Ok(Event::ClockTicked)],
        Ok(()) if records.is_empty() => vec![Err(Problem::new(Reason::Empty, "the message holds no record".to_owned()).at(""))],
        Ok(()) => records,
    }
}

enum Encoding {
    Json,
    JsonLines,
    MessagePack,
    Arrow,
}

/// How every message of an Arrow stream begins.
const ARROW_CONTINUES: [u8; 4] = [0xff; 4];

/// What the content type says; if that is silent, what the first bytes show: an Arrow stream, a map or an array of MessagePack, else JSON.
fn encoding(content_type: Option<&str>, body: &[u8]) -> Encoding {
    let declared = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase();
    match declared.as_str() {
        "application/msgpack" | "application/x-msgpack" | "application/vnd.msgpack" => return Encoding::MessagePack,
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
            return Encoding::JsonLines;
        }
        "application/vnd.apache.arrow.stream" => return Encoding::Arrow,
        json if json.ends_with("/json") || json.ends_with("+json") => return Encoding::Json,
        _ => {}
    }
    match body.first() {
        Some(0x80..=0x9f | 0xdc..=0xdf) => Encoding::MessagePack,
        _ if body.starts_with(&ARROW_CONTINUES) => Encoding::Arrow,
        _ => Encoding::Json,
    }
}

/// One MessagePack value: a record or an array of records.
fn read_msgpack(cx: &Cx<'_>, body: &[u8], records: &mut Vec<Result<Event, Fault>>) -> Result<(), Fault> {
    use rmp_serde::decode::Error;
    let mut reader = rmp_serde::Deserializer::from_read_ref(body);
    let detail = match Any(Frame { cx, records }).deserialize(&mut reader) {
        Err(error) => error.to_string(),
        // The reader does not tell how far it came, but at the end there is no marker of a further value.
        Ok(()) => match bool::deserialize(&mut reader) {
            Err(Error::InvalidMarkerRead(_)) => return Ok(()),
            _ => "more bytes follow the value; put several records in an array".to_owned(),
        },
    };
    Err(cx.abort.take().unwrap_or_else(|| Problem::new(Reason::BadMsgpack, detail).at("")))
}

/// An id from a header, if it can be one.
fn usable_id(id: &str) -> Option<&str> {
    ((1..=NAME_BYTES_MAX).contains(&id.len()) && !id.contains('\0')).then_some(id)
}

/// The beginning of a text, for a fault's detail.
fn clip(text: &str) -> CompactString {
    fault::clip(text, 60)
}
