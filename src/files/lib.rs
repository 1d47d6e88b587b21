//! Tables in files: opens them, finds out what they are, and hands over their rows in blocks, read on all cores.
//!
//! Read are CSV with any usual separator, JSON Lines, JSON arrays and lines of plain numbers, each in UTF-8 or UTF-16 and also compressed by
//! gzip or Zstandard; Parquet; Arrow files (Feather) and streams. What a file is follows from its bytes, never from its name. Memory does not
//! grow with the file: at most a few blocks for each core are held, and of Arrow one record batch.
//!
//! And tables in messages: a whole Arrow stream at once, as columns for the decoder of the core ([`message`]).
//!
//! Knows no command and no column: what a name means, and what is made of a value, whoever reads decides.

#![forbid(unsafe_code)]

mod arrow;
mod blocks;
pub mod cell;
pub mod columns;
mod delimited;
pub mod journal;
mod lines;
pub mod message;
pub mod parallel;
mod parquet;
pub mod sorted;
mod source;
pub mod spill;

#[cfg(test)]
mod tests;

use std::cell::Cell as Slot;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

pub use self::cell::{Cell, Rows};
pub use self::lines::Lines;

/// Where a table comes from.
#[derive(Clone, Debug)]
pub enum Input {
    /// A file; `-` is standard input.
    Path(PathBuf),
    /// What was standard input.
    Aside(Arc<tempfile::NamedTempFile>),
    Bytes(bytes::Bytes),
}

/// What a reader wants of a table.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// The columns to keep, by name. Others are passed over and cost no memory. Not asked of JSON, where a record is the unit.
    pub columns: &'a (dyn Fn(&str) -> bool + Sync),
    /// Of the kept columns those whose cells are texts as they stand, whatever they say.
    pub texts: &'a (dyn Fn(&str) -> bool + Sync),
    /// Whether lines may be plain values without a header. They are the column [`PLAIN`].
    pub plain: bool,
    /// Told how many bytes of the file have been read, and how many it has, as far as that is known.
    pub progress: Option<&'a (dyn Fn(u64, Option<u64>) + Sync)>,
}

/// The name of the column of a file that holds one value a line and no header.
pub const PLAIN: &str = "";

/// Some rows of a table, in the order of the file.
#[derive(Debug)]
pub enum Batch {
    Rows(Rows),
    /// JSON Lines, not parsed yet.
    Lines(Lines),
    /// Elements of a JSON array, with their numbers from 1.
    Records(Vec<(u64, Map<String, Value>)>),
}

/// What a file turned out to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    pub format: Format,
    /// The names of all columns, also of those that were not asked for; empty for JSON, whose records have each their own. A column that
    /// numbers the rows is called "".
    pub names: Arc<[String]>,
    /// Columns that were asked for and are of a kind that is not read, with the kind as in "lists".
    pub unread: Vec<(String, String)>,
    /// Empty lines that were passed over.
    pub blank_lines: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// With its separator.
    Delimited(u8),
    #[default]
    JsonLines,
    JsonArray,
    Plain,
    Parquet,
    Arrow,
}

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("it holds no record")]
    Empty,
    /// What is wrong with the file as a whole.
    #[error("{0}")]
    Unreadable(String),
    /// What is wrong at a line, or at an element of a JSON array.
    #[error("{unit} {place}{what}")]
    At { unit: &'static str, place: u64, what: String },
}

impl Error {
    /// An error at a line; `what` goes on after the number.
    pub fn at_line(place: u64, what: impl Into<String>) -> Self {
        Self::At { unit: "line", place, what: what.into() }
    }

    /// The line or element that is meant, if it is one.
    pub const fn place(&self) -> Option<u64> {
        match self {
            Self::At { place, .. } => Some(*place),
            Self::Io(_) | Self::Empty | Self::Unreadable(_) => None,
        }
    }
}

impl Input {
    /// The same table so that it can be read more than once: standard input is put aside in a temporary file.
    pub fn repeatable(self) -> Result<Self, Error> {
        match self {
            Self::Path(path) if path.as_os_str() == "-" => {
                let mut aside = tempfile::NamedTempFile::new().map_err(|error| spill::no_room(&error))?;
                std::io::copy(&mut std::io::stdin(), &mut aside)?;
                Ok(Self::Aside(Arc::new(aside)))
            }
            again => Ok(again),
        }
    }

    /// How messages call it.
    pub fn shown(&self) -> String {
        match self {
            Self::Aside(_) => "standard input".to_owned(),
            Self::Path(path) if path.as_os_str() == "-" => "standard input".to_owned(),
            Self::Path(path) => path.display().to_string(),
            Self::Bytes(_) => "the body".to_owned(),
        }
    }
}

/// Reads all of `input`: `map` sees each batch on one of many threads, `fold` what it made of them in the order of the file, on this one.
///
/// Errors: what cannot be read, by its line or element; the first that `map` or `fold` returns.
pub fn read<T: Send>(
    input: &Input,
    ask: Ask<'_>,
    map: impl Fn(Batch) -> Result<T, Error> + Sync,
    mut fold: impl FnMut(T) -> Result<(), Error>,
) -> Result<Told, Error> {
    match source::open(input, ask.progress)? {
        source::Content::Text(text) => blocks::read(text, ask, &map, &mut fold),
        source::Content::Parquet(whole) => guarded(|| parquet::read(whole, ask, &map, &mut fold)),
        source::Content::ArrowFile(whole) => guarded(|| arrow::file(whole, ask, &map, &mut fold)),
        source::Content::ArrowStream(stream) => guarded(|| arrow::stream(stream, ask, &map, &mut fold)),
    }
}

/// The crates that read Parquet and Arrow panic at some damages, such as a part that reaches beyond its buffer: an error like any other.
fn guarded<T>(read: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let damaged = || Error::Unreadable("it is damaged: its parts do not fit together".to_owned());
    let before = GUARDED.replace(true);
    let read = catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(before);
    read.unwrap_or_else(|_| Err(damaged()))
}

thread_local! {
    /// A panic on this thread becomes an error of the file that is read.
    static GUARDED: Slot<bool> = const { Slot::new(false) };
}

/// Whether a panic on this thread would be a damaged file and no fault of the program: for a panic hook that counts faults.
pub fn expects_panics() -> bool {
    GUARDED.get()
}

impl Format {
    /// As a sentence calls it.
    pub fn shown(self) -> String {
        match self {
            Self::Delimited(b'\t') => "separated by tabs".to_owned(),
            Self::Delimited(separator) => format!("separated by `{}`", char::from(separator)),
            Self::JsonLines => "JSON Lines".to_owned(),
            Self::JsonArray => "a JSON array".to_owned(),
            Self::Plain => "a value a line".to_owned(),
            Self::Parquet => "Parquet".to_owned(),
            Self::Arrow => "Arrow".to_owned(),
        }
    }
}
