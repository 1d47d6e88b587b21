//! Arrow files and streams, and the record batches that Parquet is read into.
//!
//! A cell is what the same cell of a CSV file would be, as far as the kinds of Arrow allow it, so that a table is the same table in both.

use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, DataType, Field, Schema};

use super::cell::{Cell, Rows};
use super::parallel::in_order;
use super::source::{Stream, Whole};
use super::{Ask, Batch, Error, Format, Told};

mod cells;

/// Rows that are worked on at a time.
pub const ROWS: usize = 16 << 10;

/// What pandas calls columns that number the rows.
const INDEX: &str = "__index_level_";

/// The columns that are kept of a schema. The fields of a structure are columns of their own, called `outer.inner`.
pub struct Kept {
    /// The places in the schema of what has to be read.
    pub places: Vec<usize>,
    told: Told,
    names: Arc<[String]>,
    typed: Arc<[bool]>,
    leaves: Vec<Leaf>,
}

/// Where a kept column lies.
struct Leaf {
    /// Its place, or that of the structure around it, among what is read; then its place in each structure.
    path: Vec<usize>,
    /// Whether its cells are texts as they stand.
    as_text: bool,
}

impl Kept {
    pub fn of(schema: &Schema, ask: Ask<'_>, format: Format) -> Result<Self, Error> {
        let (mut all, mut places, mut names, mut unread) = (Vec::<String>::new(), Vec::new(), Vec::new(), Vec::new());
        let mut leaves = Vec::new();
        for (place, field) in schema.fields().iter().enumerate() {
            let outer = if field.name().starts_with(INDEX) { "" } else { field.name().trim() };
            let mut found = Vec::new();
            flatten(field, outer, &mut vec![places.len()], &mut found);
            let kept_before = leaves.len();
            for (name, path, kind) in found {
                if !name.is_empty() && all.contains(&name) {
                    return Err(Error::Unreadable(format!("two columns are called {name:?}")));
                }
                all.push(name.clone());
                match cells::unread(kind) {
                    _ if name.is_empty() || !(ask.columns)(&name) => {}
                    Some(kind) => unread.push((name, kind.to_owned())),
                    None => {
                        leaves.push(Leaf { path, as_text: (ask.texts)(&name) });
                        names.push(name);
                    }
                }
            }
            if kept_before < leaves.len() {
                places.push(place);
            }
        }
        let typed = names.iter().map(|_| true).collect();
        let told = Told { format, names: all.into(), unread, blank_lines: 0 };
        Ok(Self { places, told, names: names.into(), typed, leaves })
    }

    fn rows(&self, batch: &RecordBatch, first: u64) -> Rows {
        let names = self.names.clone();
        let mut rows = Rows { names, typed: self.typed.clone(), first, count: batch.num_rows(), ..Rows::default() };
        for Leaf { path, as_text } in &self.leaves {
            let cells = cells_at(&mut rows, batch.column(path[0]).as_ref(), &path[1..], *as_text);
            rows.columns.push(cells);
        }
        rows
    }
}

/// The columns that a field is, each with its name, its path and its kind. `path` is that of the field.
fn flatten<'f>(field: &'f Field, name: &str, path: &mut Vec<usize>, found: &mut Vec<(String, Vec<usize>, &'f DataType)>) {
    let DataType::Struct(fields) = field.data_type() else {
        return found.push((name.to_owned(), path.clone(), field.data_type()));
    };
    for (place, inner) in fields.iter().enumerate() {
        path.push(place);
        flatten(inner, &format!("{name}.{}", inner.name().trim()), path, found);
        path.pop();
    }
}

fn cells_at(rows: &mut Rows, array: &dyn Array, path: &[usize], as_text: bool) -> Vec<Cell> {
    let [place, inner @ ..] = path else { return cells::of(rows, array, as_text) };
    let structure = array.as_struct();
    let mut cells = cells_at(rows, structure.column(*place).as_ref(), inner, as_text);
    if structure.null_count() != 0 {
        cells.iter_mut().enumerate().filter(|(row, _)| structure.is_null(*row)).for_each(|(_, cell)| *cell = Cell::Missing);
    }
    cells
}

pub fn file<T: Send>(
    whole: Whole,
    ask: Ask<'_>,
    map: &(impl Fn(Batch) -> Result<T, Error> + Sync),
    fold: &mut impl FnMut(T) -> Result<(), Error>,
) -> Result<Told, Error> {
    match whole {
        Whole::File(file) => of_file(|| Ok(BufReader::new(file.try_clone()?)), ask, map, fold),
        Whole::Bytes(bytes) => of_file(|| Ok(Cursor::new(bytes.clone())), ask, map, fold),
    }
}

fn of_file<T: Send, R: Read + Seek + Send>(
    open: impl Fn() -> Result<R, Error>,
    ask: Ask<'_>,
    map: &(impl Fn(Batch) -> Result<T, Error> + Sync),
    fold: &mut impl FnMut(T) -> Result<(), Error>,
) -> Result<Told, Error> {
    let bytes = open()?.seek(SeekFrom::End(0))?;
    let schema = FileReader::try_new(open()?, None).map_err(broken)?.schema();
    let kept = Kept::of(&schema, ask, Format::Arrow)?;
    let reader = FileReader::try_new(open()?, Some(kept.places.clone())).map_err(broken)?;
    let count = reader.num_batches().max(1) as u64;
    let parts = (1..).zip(reader).map(|(done, batch)| (batch, Some((bytes * done / count, bytes))));
    batches(parts, kept, ask, map, fold)
}

pub fn stream<T: Send>(
    stream: Stream<'_>,
    ask: Ask<'_>,
    map: &(impl Fn(Batch) -> Result<T, Error> + Sync),
    fold: &mut impl FnMut(T) -> Result<(), Error>,
) -> Result<Told, Error> {
    let reader = StreamReader::try_new(BufReader::new(stream), None).map_err(broken)?;
    let kept = Kept::of(&reader.schema(), ask, Format::Arrow)?;
    let places = kept.places.clone();
    // how far it is the stream tells itself
    let parts = reader.map(move |batch| (batch.and_then(|batch| batch.project(&places)), None));
    batches(parts, kept, ask, map, fold)
}

/// A record batch of the kept columns; and how many bytes of how many have been read with it, if that is known.
pub type Part = (Result<RecordBatch, ArrowError>, Option<(u64, u64)>);

/// Hands over the rows of all `parts`.
pub fn batches<T: Send>(
    parts: impl Iterator<Item = Part> + Send,
    kept: Kept,
    ask: Ask<'_>,
    map: &(impl Fn(Batch) -> Result<T, Error> + Sync),
    fold: &mut impl FnMut(T) -> Result<(), Error>,
) -> Result<Told, Error> {
    let work = |(batch, first): (RecordBatch, u64)| map(Batch::Rows(kept.rows(&batch, first)));
    let pieces = Pieces { parts, ask, rest: None, row: 0 };
    let pieces = in_order(pieces, Pieces::next, work, fold)?;
    if pieces.row == 0 { Err(Error::Empty) } else { Ok(kept.told) }
}

/// Record batches that are handed out in pieces of at most [`ROWS`].
struct Pieces<'a, I> {
    parts: I,
    ask: Ask<'a>,
    rest: Option<RecordBatch>,
    row: u64,
}

impl<I: Iterator<Item = Part>> Pieces<'_, I> {
    /// The next piece, and the number of its first row.
    fn next(&mut self) -> Result<Option<(RecordBatch, u64)>, Error> {
        let batch = match self.rest.take() {
            Some(rest) => rest,
            None => match self.parts.next() {
                Some((batch, read)) => {
                    if let (Some(tell), Some((read, of))) = (self.ask.progress, read) {
                        tell(read, Some(of));
                    }
                    batch.map_err(broken)?
                }
                None => return Ok(None),
            },
        };
        let count = batch.num_rows().min(ROWS);
        if count < batch.num_rows() {
            self.rest = Some(batch.slice(count, batch.num_rows() - count));
        }
        let first = self.row + 1;
        self.row += count as u64;
        Ok(Some((batch.slice(0, count), first)))
    }
}

pub fn broken(error: impl std::fmt::Display) -> Error {
    Error::Unreadable(error.to_string())
}
