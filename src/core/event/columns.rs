//! Records by the column: the form in which tables come. Whoever knows a format of tables fills it; [`super::wire`] reads its rows, each as the
//! same record in JSON would be read. Knows no format.

use std::fmt;

use compact_str::CompactString;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::time::Timestamp;

/// A table of records: every column has [`Self::rows`] cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    pub rows: usize,
    pub columns: Vec<(CompactString, Column)>,
}

/// The cells of one column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub cells: Cells,
    /// For each row whether it has a value; `None`: every row has one.
    pub present: Option<Vec<bool>>,
}

/// What a column holds. Where a row has no value, whatever stands there is not read.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    /// No row has a value.
    Missing,
    Flags(Vec<bool>),
    Whole(Vec<i64>),
    /// Whole numbers that may lie above `i64::MAX`.
    Big(Vec<u64>),
    Real(Vec<f64>),
    Texts(Texts),
    Instants(Vec<Timestamp>),
    /// Each row names a row of another column: few values that come often.
    Chosen {
        rows: Vec<u32>,
        of: Box<Column>,
    },
    /// Row n holds the rows `ends[n-1]..ends[n]` of another column.
    Lists {
        ends: Vec<u32>,
        of: Box<Column>,
    },
    /// Row n is an object of the rows `ends[n-1]..ends[n]` of two other columns.
    Maps {
        ends: Vec<u32>,
        names: Box<Column>,
        values: Box<Column>,
    },
    /// Each row is an object, of the same entries.
    Objects(Vec<(CompactString, Column)>),
    /// Of a kind that is not read, which is named.
    Unread(String),
}

/// Texts one behind the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Texts {
    text: String,
    ends: Vec<u32>,
}

impl Texts {
    /// # Panics
    ///
    /// If all texts together hold more than 4 GiB.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(u32::try_from(self.text.len()).expect("a message is much smaller"));
    }

    pub fn get(&self, row: usize) -> &str {
        let start = if row == 0 { 0 } else { self.ends[row - 1] as usize };
        &self.text[start..self.ends[row] as usize]
    }
}

impl<'t> FromIterator<&'t str> for Texts {
    fn from_iter<I: IntoIterator<Item = &'t str>>(texts: I) -> Self {
        let mut all = Self::default();
        texts.into_iter().for_each(|text| all.push(text));
        all
    }
}

impl From<Cells> for Column {
    fn from(cells: Cells) -> Self {
        Self { cells, present: None }
    }
}

impl Columns {
    /// Puts columns called `outer.inner` together as one column of objects, for each `outer` given, behind what a column of that name holds
    /// already.
    pub fn gather(&mut self, outer: &str) {
        let inner = |name: &str| Some(CompactString::from(name.strip_prefix(outer)?.strip_prefix('.')?));
        let (flat, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.columns).into_iter().partition(|(name, _)| inner(name).is_some());
        self.columns = others;
        self.add(outer, flat.into_iter().map(|(name, column)| (inner(&name).expect("it was found by this"), column)).collect());
    }

    /// Makes the columns for which `is_entry` one column of objects called `outer`, behind what a column of that name holds already.
    pub fn gather_where(&mut self, outer: &str, is_entry: impl Fn(&str) -> bool) {
        let (entries, others) = std::mem::take(&mut self.columns).into_iter().partition(|(name, _)| is_entry(name));
        self.columns = others;
        self.add(outer, entries);
    }

    fn add(&mut self, outer: &str, entries: Vec<(CompactString, Column)>) {
        if entries.is_empty() {
            return;
        }
        match self.columns.iter_mut().find(|(name, _)| name == outer) {
            Some((_, Column { cells: Cells::Objects(known), present: None })) => known.extend(entries),
            _ => self.columns.push((outer.into(), Cells::Objects(entries).into())),
        }
    }

    /// The first column whose kind is not read, as `outer.inner`, and its kind.
    pub fn unread(&self) -> Option<(CompactString, &str)> {
        first_unread(&self.columns)
    }

    /// Cells of all columns, each value of a list counted.
    pub fn cells(&self) -> usize {
        self.columns.iter().map(|(_, column)| column.cells.count(self.rows)).sum()
    }
}

fn first_unread(columns: &[(CompactString, Column)]) -> Option<(CompactString, &str)> {
    columns.iter().find_map(|(name, column)| {
        let (inner, kind) = column.cells.unread()?;
        let separator = if inner.is_empty() { "" } else { "." };
        Some((compact_str::format_compact!("{name}{separator}{inner}"), kind))
    })
}

impl Cells {
    fn unread(&self) -> Option<(CompactString, &str)> {
        match self {
            Self::Unread(kind) => Some((CompactString::default(), kind)),
            Self::Chosen { of, .. } | Self::Lists { of, .. } => of.cells.unread(),
            Self::Maps { names, values, .. } => names.cells.unread().or_else(|| values.cells.unread()),
            Self::Objects(columns) => first_unread(columns),
            _ => None,
        }
    }

    fn count(&self, rows: usize) -> usize {
        match self {
            Self::Objects(columns) => columns.iter().map(|(_, column)| column.cells.count(rows)).sum(),
            Self::Lists { ends, .. } | Self::Maps { ends, .. } => rows + ends.last().map_or(0, |end| *end as usize),
            _ => rows,
        }
    }
}

/// The records of a table in their order, as a list of objects.
#[derive(Clone, Copy)]
pub(super) struct Rows<'de>(pub &'de Columns);

/// Why rows cannot be read on: the walk broke off, and knows why.
#[derive(Debug)]
pub(super) struct BrokenOff(String);

impl fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BrokenOff {}

impl Error for BrokenOff {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self(why.to_string())
    }
}

/// Every way of asking is asking for whatever comes.
macro_rules! as_whatever_comes {
    () => {
        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
            tuple_struct map struct enum identifier ignored_any
        }
    };
}

impl<'de> Deserializer<'de> for Rows<'de> {
    type Error = BrokenOff;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BrokenOff> {
        visitor.visit_seq(Each { rows: 0..self.0.rows, at: |row| Row { columns: &self.0.columns, row } })
    }

    as_whatever_comes!();
}

/// Some rows, one after the other.
struct Each<F> {
    rows: std::ops::Range<usize>,
    at: F,
}

impl<'de, D: Deserializer<'de, Error = BrokenOff>, F: Fn(usize) -> D> SeqAccess<'de> for Each<F> {
    type Error = BrokenOff;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, BrokenOff> {
        self.rows.next().map(|row| seed.deserialize((self.at)(row))).transpose()
    }
}

/// The rows of a list or map: `ends` as in [`Cells::Lists`].
fn part(ends: &[u32], row: usize) -> std::ops::Range<usize> {
    let start = if row == 0 { 0 } else { ends[row - 1] as usize };
    start..ends[row] as usize
}

/// Some rows of two columns, as an object.
struct Pairs<'de> {
    names: &'de Column,
    values: &'de Column,
    rows: std::ops::Range<usize>,
    value: usize,
}

impl<'de> MapAccess<'de> for Pairs<'de> {
    type Error = BrokenOff;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, BrokenOff> {
        let Some(row) = self.rows.next() else { return Ok(None) };
        self.value = row;
        seed.deserialize(Cell { column: self.names, row }).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, BrokenOff> {
        seed.deserialize(Cell { column: self.values, row: self.value })
    }
}

/// One row of some columns, as an object.
struct Row<'de> {
    columns: &'de [(CompactString, Column)],
    row: usize,
}

impl<'de> Deserializer<'de> for Row<'de> {
    type Error = BrokenOff;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BrokenOff> {
        visitor.visit_map(Entries { columns: self.columns.iter(), row: self.row, value: None })
    }

    as_whatever_comes!();
}

struct Entries<'de> {
    columns: std::slice::Iter<'de, (CompactString, Column)>,
    row: usize,
    value: Option<&'de Column>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = BrokenOff;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, BrokenOff> {
        let Some((name, column)) = self.columns.next() else { return Ok(None) };
        self.value = Some(column);
        seed.deserialize(serde::de::value::BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, BrokenOff> {
        let column = self.value.take().expect("a key comes before its value");
        seed.deserialize(Cell { column, row: self.row })
    }
}

/// One cell.
struct Cell<'de> {
    column: &'de Column,
    row: usize,
}

impl<'de> Deserializer<'de> for Cell<'de> {
    type Error = BrokenOff;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BrokenOff> {
        let Self { column, row } = self;
        if column.present.as_ref().is_some_and(|present| !present[row]) {
            return visitor.visit_unit();
        }
        match &column.cells {
            // a column of a kind that is not read is refused before its rows are
            Cells::Missing | Cells::Unread(_) => visitor.visit_unit(),
            Cells::Flags(flags) => visitor.visit_bool(flags[row]),
            Cells::Whole(numbers) => visitor.visit_i64(numbers[row]),
            Cells::Big(numbers) => visitor.visit_u64(numbers[row]),
            Cells::Real(numbers) => visitor.visit_f64(numbers[row]),
            Cells::Texts(texts) => visitor.visit_borrowed_str(texts.get(row)),
            Cells::Instants(instants) => visitor.visit_newtype_struct(Instant(instants[row])),
            Cells::Chosen { rows, of } => Cell { column: of, row: rows[row] as usize }.deserialize_any(visitor),
            Cells::Lists { ends, of } => visitor.visit_seq(Each { rows: part(ends, row), at: |row| Cell { column: of, row } }),
            Cells::Maps { ends, names, values } => visitor.visit_map(Pairs { names, values, rows: part(ends, row), value: 0 }),
            Cells::Objects(columns) => Row { columns, row }.deserialize_any(visitor),
        }
    }

    as_whatever_comes!();
}

/// An instant, as the walk over a message takes it: its microseconds since 1970.
struct Instant(Timestamp);

impl<'de> Deserializer<'de> for Instant {
    type Error = BrokenOff;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BrokenOff> {
        visitor.visit_i64(self.0.micros())
    }

    as_whatever_comes!();
}
