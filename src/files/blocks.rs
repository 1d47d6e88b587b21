//! Text in blocks of whole records, and which form of text it is.

use std::io::{Cursor, Read};
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::cell::{Cell, Plain, classify};
use super::delimited::{self, Layout};
use super::lines::Lines;
use super::parallel::in_order;
use super::source::Stream;
use super::{Ask, Batch, Error, Format, PLAIN, Rows, Told};

/// How much is read at a time, in bytes.
const BLOCK: usize = 1 << 20;

/// The longest record in bytes: what is longer is not one.
const RECORD_BYTES_MAX: usize = 16 << 20;

/// Elements of a JSON array that make a batch.
const ELEMENTS: usize = 1_000;

/// Said of a file that would else be one line.
const RETURNS: &str = "its lines end with carriage returns alone, as programs of old Macintosh computers write them: save it with usual ends of \
     lines, such as by `tr '\\r' '\\n'`";

/// Text that is handed out in blocks that end where a record ends.
struct Blocks<'a> {
    source: Stream<'a>,
    /// What was read and not handed out yet.
    rest: Vec<u8>,
    /// The number of the line that `rest` begins with.
    line: u64,
    over: bool,
    separator: Option<u8>,
}

struct Block {
    text: Vec<u8>,
    line: u64,
}

pub fn read<T: Send>(
    source: Stream<'_>,
    ask: Ask<'_>,
    map: &(impl Fn(Batch) -> Result<T, Error> + Sync),
    fold: &mut impl FnMut(T) -> Result<(), Error>,
) -> Result<Told, Error> {
    let mut blocks = Blocks { source, rest: Vec::new(), line: 1, over: false, separator: None };
    blocks.fill(BLOCK)?;
    blocks.pass_blank_lines();
    if memchr::memchr(b'\n', &blocks.rest).is_none() && blocks.rest.trim_ascii_end().contains(&b'\r') {
        return Err(Error::Unreadable(RETURNS.to_owned()));
    }
    let first = blocks.rest.first().copied();
    match first {
        None => Err(Error::Empty),
        Some(b'{') => {
            let lines = |block: Block| map(Batch::Lines(Lines { text: block.text, first: block.line }));
            in_order(blocks, Blocks::next, lines, fold)?;
            Ok(Told { format: Format::JsonLines, ..Told::default() })
        }
        Some(b'[') => {
            array(Cursor::new(std::mem::take(&mut blocks.rest)).chain(blocks.source), map, fold)?;
            Ok(Told { format: Format::JsonArray, ..Told::default() })
        }
        Some(_) if ask.plain && holds_values(&blocks.rest) => {
            let passed = blocks.line - 1;
            in_order(blocks, Blocks::next, |block| map(Batch::Rows(plain(block)?)), fold)?;
            Ok(Told { format: Format::Plain, blank_lines: passed, ..Told::default() })
        }
        Some(_) => table(blocks, ask, map, fold),
    }
}

fn table<T: Send>(
    mut blocks: Blocks<'_>,
    ask: Ask<'_>,
    map: &(impl Fn(Batch) -> Result<T, Error> + Sync),
    fold: &mut impl FnMut(T) -> Result<(), Error>,
) -> Result<Told, Error> {
    let mut layout = Layout::sniff(&blocks.rest, blocks.over)?;
    blocks.separator = Some(layout.separator);
    blocks.take_header(&layout);
    layout.choose(ask);
    let blank = std::sync::atomic::AtomicU64::new(0);
    let parse = |block: Block| {
        let (rows, passed) = delimited::parse(&block.text, block.line, &layout)?;
        blank.fetch_add(passed, std::sync::atomic::Ordering::Relaxed);
        map(Batch::Rows(rows))
    };
    in_order(blocks, Blocks::next, parse, fold)?;
    let blank_lines = blank.into_inner();
    Ok(Told { format: Format::Delimited(layout.separator), names: layout.names, blank_lines, ..Told::default() })
}

impl Blocks<'_> {
    /// Reads on until `rest` has `wanted` bytes or the source ends.
    fn fill(&mut self, wanted: usize) -> Result<(), Error> {
        while self.rest.len() < wanted && !self.over {
            let room = (wanted - self.rest.len()) as u64;
            let read = self.source.by_ref().take(room).read_to_end(&mut self.rest)?;
            self.over = read == 0;
        }
        Ok(())
    }

    fn pass_blank_lines(&mut self) {
        let blank = self.rest.iter().take_while(|byte| byte.is_ascii_whitespace() && **byte != b'\t').count();
        self.line += newlines(&self.rest[..blank]);
        self.rest.drain(..blank);
    }

    fn take_header(&mut self, layout: &Layout) {
        self.line += newlines(&self.rest[..layout.header_bytes]);
        self.rest.drain(..layout.header_bytes);
    }

    fn next(&mut self) -> Result<Option<Block>, Error> {
        let mut wanted = BLOCK;
        loop {
            self.fill(wanted)?;
            if self.rest.is_empty() {
                return Ok(None);
            }
            let end = match self.separator {
                _ if self.over => Some(self.rest.len()),
                None => memchr::memrchr(b'\n', &self.rest).map(|at| at + 1),
                Some(separator) => delimited::last_end(&self.rest, separator),
            };
            let Some(end) = end else {
                if RECORD_BYTES_MAX <= wanted {
                    let what = format!(" begins a record of more than {} MiB: is a quote left open?", RECORD_BYTES_MAX >> 20);
                    return Err(Error::at_line(self.line, what));
                }
                wanted *= 2;
                continue;
            };
            let mut rest = Vec::with_capacity(BLOCK);
            rest.extend_from_slice(&self.rest[end..]);
            let mut text = std::mem::replace(&mut self.rest, rest);
            text.truncate(end);
            let line = self.line;
            self.line += newlines(&text);
            return Ok(Some(Block { text, line }));
        }
    }
}

fn newlines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// Whether lines are plain values: the first that says anything is a number or a truth value.
fn holds_values(text: &[u8]) -> bool {
    let is_value = |line: &[u8]| match std::str::from_utf8(line).map(|line| classify(line.trim())) {
        Ok(Plain::Cell(Cell::Missing) | Plain::Word) => None,
        Ok(Plain::Cell(_) | Plain::Long) => Some(true),
        Ok(Plain::Text) | Err(_) => Some(false),
    };
    text.split(|byte| *byte == b'\n').find_map(is_value).unwrap_or(true)
}

fn plain(block: Block) -> Result<Rows, Error> {
    let mut rows =
        Rows { names: Arc::from([PLAIN.to_owned()]), typed: Arc::from([false]), first: block.line, ..Rows::default() };
    let mut cells = Vec::new();
    for (at, line) in block.text.split(|byte| *byte == b'\n').enumerate() {
        let line = delimited::utf8(line, block.line + at as u64)?.trim();
        if !line.is_empty() {
            rows.lines.push(at as u32);
            cells.push(rows.cell_of(line));
        }
    }
    rows.count = cells.len();
    rows.columns.push(cells);
    Ok(rows)
}

/// A JSON array, an element at a time.
fn array<T>(
    source: impl Read,
    map: &impl Fn(Batch) -> Result<T, Error>,
    fold: &mut impl FnMut(T) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut failure = None;
    let mut give = |records: Vec<(u64, Map<String, Value>)>| match map(Batch::Records(records)).and_then(&mut *fold) {
        Ok(()) => true,
        Err(error) => {
            failure = Some(error);
            false
        }
    };
    let mut reader = serde_json::Deserializer::from_reader(std::io::BufReader::new(source));
    let read = Elements(&mut give).deserialize(&mut reader).and_then(|()| reader.end());
    match (failure, read) {
        (Some(failure), _) => Err(failure),
        (None, Err(error)) => Err(Error::Unreadable(format!("not an array of JSON objects: {error}"))),
        (None, Ok(())) => Ok(()),
    }
}

/// Takes records, each with its number in the file; false once no more are wanted.
type Give<'f> = dyn FnMut(Vec<(u64, Map<String, Value>)>) -> bool + 'f;

struct Elements<'f>(&'f mut Give<'f>);

impl<'de> DeserializeSeed<'de> for Elements<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut batch = Vec::new();
        let mut place = 0;
        while let Some(record) = elements.next_element()? {
            place += 1;
            batch.push((place, record));
            if ELEMENTS <= batch.len() && !(self.0)(std::mem::take(&mut batch)) {
                return Err(serde::de::Error::custom("stopped"));
            }
        }
        if batch.is_empty() || (self.0)(batch) { Ok(()) } else { Err(serde::de::Error::custom("stopped")) }
    }
}
