//! Tables whose rows are learnt from or answered for, read from files of any usual form.
//!
//! A column of numbers is kept as numbers; one that also holds texts keeps each value as it is, and the texts once. What a column means is the
//! matter of `features`.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::{Map, Value};
use tidewatch_files::cell::{Plain, Spelling, as_thousands, classify};
use tidewatch_files::{Ask, Batch, Cell, Error, Format, Input, Rows, Told, read};

/// Rows that are kept: the newest, which stand last.
pub const ROWS_MAX: usize = 1_000_000;
/// Bytes of different texts in one table.
const TEXT_BYTES_MAX: usize = 256 << 20;

/// Rows in the order of their file.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub rows: usize,
    pub columns: Vec<Column>,
    texts: Vec<String>,
    /// What was not used as it stood, a sentence each.
    pub remarks: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    values: Values,
}

#[derive(Clone, Debug)]
enum Values {
    /// NaN where there is none.
    Numbers(Vec<f64>),
    Mixed(Vec<Held>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Held {
    Missing,
    Number(f64),
    /// By its number among the texts of the table.
    Text(u32),
}

/// One value of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Raw<'a> {
    Missing,
    /// Finite.
    Number(f64),
    Text(&'a str),
}

/// The columns of some rows while they are read.
#[derive(Default)]
struct Part {
    rows: usize,
    columns: Vec<Draft>,
    by_name: HashMap<String, usize>,
    texts: Texts,
}

struct Draft {
    name: String,
    values: Values,
    spelling: Spelling,
    /// Numbers that may have a decimal comma or a mark between thousands, by row.
    either: Vec<(usize, f64)>,
    not_finite: u64,
}

#[derive(Default)]
struct Texts {
    names: Vec<String>,
    by_name: HashMap<String, u32, rapidhash::fast::RandomState>,
    bytes: usize,
}

/// Reads all rows of a file, or the newest million of it; `-` is standard input.
///
/// * `progress`: told how many bytes of how many have been read.
/// * Errors: what cannot be read, by its place; a file without rows; more than 256 MiB of different texts.
pub fn read_table(path: PathBuf, progress: Option<&(dyn Fn(u64, Option<u64>) + Sync)>) -> Result<Table, Error> {
    let ask = Ask { columns: &|_| true, texts: &|_| false, plain: false, progress };
    let mut whole = Part::default();
    let told = read(&Input::Path(path), ask, Part::of, |part| whole.append(part))?;
    if whole.rows == 0 {
        return Err(Error::Empty);
    }
    Ok(whole.finish(&told))
}

impl Table {
    /// A table of numbers, as tests and benches make it.
    pub fn of_numbers(columns: Vec<(String, Vec<f64>)>) -> Self {
        let rows = columns.first().map_or(0, |(_, values)| values.len());
        let columns = columns.into_iter().map(|(name, values)| Column { name, values: Values::Numbers(values) }).collect();
        Self { rows, columns, ..Self::default() }
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub fn value<'a>(&'a self, column: &Column, row: usize) -> Raw<'a> {
        match &column.values {
            Values::Numbers(numbers) if numbers[row].is_nan() => Raw::Missing,
            Values::Numbers(numbers) => Raw::Number(numbers[row]),
            Values::Mixed(held) => match held[row] {
                Held::Missing => Raw::Missing,
                Held::Number(number) => Raw::Number(number),
                Held::Text(text) => Raw::Text(&self.texts[text as usize]),
            },
        }
    }

    /// All values of a column.
    pub fn values<'a>(&'a self, column: &'a Column) -> impl Iterator<Item = Raw<'a>> + 'a {
        (0..self.rows).map(|row| self.value(column, row))
    }

    /// The columns without that called `name`.
    pub fn others<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Column> + 'a {
        self.columns.iter().filter(move |column| column.name != name)
    }

    /// Some of the rows, in the order of `rows`.
    pub fn rows(&self, rows: &[usize]) -> Self {
        let column = |column: &Column| Column {
            name: column.name.clone(),
            values: match &column.values {
                Values::Numbers(numbers) => Values::Numbers(rows.iter().map(|row| numbers[*row]).collect()),
                Values::Mixed(held) => Values::Mixed(rows.iter().map(|row| held[*row]).collect()),
            },
        };
        Self {
            rows: rows.len(),
            columns: self.columns.iter().map(column).collect(),
            texts: self.texts.clone(),
            remarks: Vec::new(),
        }
    }
}

/// Gathers a table row by row.
#[derive(Default)]
pub struct Builder(Part);

impl Builder {
    /// A value of the row at hand.
    pub fn put(&mut self, column: &str, value: Raw<'_>) {
        let held = match value {
            Raw::Missing => Held::Missing,
            Raw::Number(number) => Held::Number(number),
            Raw::Text(text) => Held::Text(self.0.texts.number(text)),
        };
        self.0.put(column, held);
    }

    pub fn end_row(&mut self) {
        self.0.rows += 1;
    }

    pub fn finish(mut self) -> Table {
        self.0.level();
        let column = |draft: Draft| Column { name: draft.name, values: draft.values };
        Table {
            rows: self.0.rows,
            columns: self.0.columns.into_iter().map(column).collect(),
            texts: self.0.texts.names,
            remarks: Vec::new(),
        }
    }
}

impl Texts {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.by_name.get(text) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.bytes += text.len();
        self.names.push(text.to_owned());
        self.by_name.insert(text.to_owned(), number);
        number
    }
}

impl Part {
    fn of(batch: Batch) -> Result<Self, Error> {
        let mut part = Self::default();
        match batch {
            Batch::Rows(rows) => part.add_rows(&rows),
            Batch::Lines(lines) => {
                for record in lines.records() {
                    part.add_record(&record?.1);
                }
            }
            Batch::Records(records) => records.iter().for_each(|(_, record)| part.add_record(record)),
        }
        Ok(part)
    }

    fn add_rows(&mut self, rows: &Rows) {
        for ((name, cells), typed) in rows.names.iter().zip(&rows.columns).zip(rows.typed.iter()) {
            let at = self.place(name);
            for cell in cells {
                self.put_cell(at, rows, *cell, *typed);
            }
        }
        self.rows += rows.count();
        self.level();
    }

    fn add_record(&mut self, record: &Map<String, Value>) {
        for (name, value) in record {
            self.put_value(name.clone(), value);
        }
        self.rows += 1;
        self.level();
    }

    fn put_value(&mut self, name: String, value: &Value) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(field, value)| self.put_value(format!("{name}.{field}"), value)),
            Value::Null => drop(self.place(&name)),
            Value::Bool(truth) => {
                let text = self.texts.number(if *truth { "true" } else { "false" });
                self.put(&name, Held::Text(text));
            }
            Value::Number(number) => {
                let number = number.as_f64().filter(|number| number.is_finite());
                self.put(&name, number.map_or(Held::Missing, |number| Held::Number(number + 0.0)));
            }
            Value::String(text) => {
                let held = match classify(text.trim()) {
                    Plain::Cell(Cell::Number(number)) => Held::Number(number),
                    Plain::Cell(Cell::Missing) | Plain::Word => Held::Missing,
                    _ => Held::Text(self.texts.number(text.trim())),
                };
                self.put(&name, held);
            }
            // a list says nothing that a row can be split by but its text
            Value::Array(_) => {
                let text = self.texts.number(&value.to_string());
                self.put(&name, Held::Text(text));
            }
        }
    }

    fn put(&mut self, name: &str, held: Held) {
        let (at, row) = (self.place(name), self.rows);
        let column = &mut self.columns[at].values;
        column.fill(row);
        // of a name that comes twice the last value counts
        column.truncate(row);
        column.push(held);
    }

    fn put_cell(&mut self, at: usize, rows: &Rows, cell: Cell, typed: bool) {
        let row = self.columns[at].values.len();
        let held = match cell {
            Cell::Number(number) => Held::Number(number),
            Cell::Missing => Held::Missing,
            Cell::Truth(truth) => Held::Text(self.texts.number(if truth { "true" } else { "false" })),
            Cell::NotFinite => {
                self.columns[at].not_finite += 1;
                Held::Missing
            }
            Cell::Comma(number) | Cell::Grouped(number) => {
                self.columns[at].spelling.add(cell);
                Held::Number(number)
            }
            Cell::Either(number) => {
                let column = &mut self.columns[at];
                column.spelling.add(cell);
                column.either.push((row, number));
                Held::Number(number)
            }
            Cell::Word(span) if typed => Held::Text(self.texts.number(rows.text(span))),
            Cell::Word(_) => Held::Missing,
            Cell::Long(span) | Cell::Text(span) => Held::Text(self.texts.number(rows.text(span))),
        };
        self.columns[at].values.push(held);
    }

    fn place(&mut self, name: &str) -> usize {
        if let Some(at) = self.by_name.get(name) {
            return *at;
        }
        let at = self.columns.len();
        self.by_name.insert(name.to_owned(), at);
        self.columns.push(Draft {
            name: name.to_owned(),
            values: Values::Numbers(vec![f64::NAN; self.rows]),
            spelling: Spelling::default(),
            either: Vec::new(),
            not_finite: 0,
        });
        at
    }

    /// Makes all columns as long as there are rows.
    fn level(&mut self) {
        let rows = self.rows;
        self.columns.iter_mut().for_each(|column| column.values.fill(rows));
    }

    fn append(&mut self, part: Self) -> Result<(), Error> {
        let texts: Vec<u32> = part.texts.names.iter().map(|text| self.texts.number(text)).collect();
        if TEXT_BYTES_MAX < self.texts.bytes {
            return Err(Error::Unreadable(format!(
                "its different texts take more than {} MiB: leave out the columns that name rows",
                TEXT_BYTES_MAX >> 20
            )));
        }
        for draft in part.columns {
            let at = self.place(&draft.name);
            let column = &mut self.columns[at];
            column.values.extend(draft.values, &texts);
            column.spelling.merge(draft.spelling);
            column.not_finite += draft.not_finite;
            column.either.extend(draft.either.into_iter().map(|(row, number)| (self.rows + row, number)));
        }
        self.rows += part.rows;
        self.level();
        Ok(())
    }

    fn finish(mut self, told: &Told) -> Table {
        let mut remarks = Vec::new();
        for (name, kind) in &told.unread {
            remarks.push(format!("column {name:?} holds {kind}, which are not read: it is left out"));
        }
        for column in &mut self.columns {
            column.read_marks(told.format, &mut remarks);
        }
        let dropped = self.rows.saturating_sub(ROWS_MAX);
        if 0 < dropped {
            remarks.push(format!("of {} rows the last {ROWS_MAX} are used", self.rows));
        }
        let column = |draft: Draft| Column { name: draft.name, values: draft.values.without_first(dropped) };
        Table {
            rows: self.rows - dropped,
            columns: self.columns.into_iter().map(column).collect(),
            texts: self.texts.names,
            remarks,
        }
    }
}

impl Draft {
    /// Decides what numbers are that may have a decimal comma or a mark between thousands.
    fn read_marks(&mut self, format: Format, remarks: &mut Vec<String>) {
        let thousands = self.spelling.thousands(format);
        if thousands {
            for (row, number) in &self.either {
                self.values.set(*row, as_thousands(*number));
            }
        }
        if 0 < self.spelling.count() {
            let what = if thousands { "marks between thousands: 1,234 is 1234" } else { "decimal commas: 1,234 is 1.234" };
            remarks.push(format!("column {:?} is written with {what}", self.name));
        }
        if 0 < self.not_finite {
            let what = "values that are not finite: they count as missing";
            remarks.push(format!("column {:?} holds {} {what}", self.name, self.not_finite));
        }
    }
}

impl Values {
    const fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Mixed(held) => held.len(),
        }
    }

    fn push(&mut self, value: Held) {
        match (&mut *self, value) {
            (Self::Numbers(numbers), Held::Number(number)) => numbers.push(number),
            (Self::Numbers(numbers), Held::Missing) => numbers.push(f64::NAN),
            (Self::Numbers(numbers), Held::Text(_)) => {
                let mut held: Vec<Held> = numbers.iter().map(|number| Held::of(*number)).collect();
                held.push(value);
                *self = Self::Mixed(held);
            }
            (Self::Mixed(held), value) => held.push(value),
        }
    }

    fn set(&mut self, row: usize, number: f64) {
        match self {
            Self::Numbers(numbers) => numbers[row] = number,
            Self::Mixed(held) => held[row] = Held::Number(number),
        }
    }

    fn fill(&mut self, rows: usize) {
        match self {
            Self::Numbers(numbers) if numbers.len() < rows => numbers.resize(rows, f64::NAN),
            Self::Mixed(held) if held.len() < rows => held.resize(rows, Held::Missing),
            _ => {}
        }
    }

    fn truncate(&mut self, rows: usize) {
        match self {
            Self::Numbers(numbers) => numbers.truncate(rows),
            Self::Mixed(held) => held.truncate(rows),
        }
    }

    /// Appends values whose texts have other numbers there.
    fn extend(&mut self, other: Self, texts: &[u32]) {
        match (&mut *self, other) {
            (Self::Numbers(numbers), Self::Numbers(more)) => numbers.extend(more),
            (_, Self::Numbers(more)) => more.into_iter().for_each(|number| self.push(Held::of(number))),
            (_, Self::Mixed(more)) => {
                let renumbered = |held| if let Held::Text(text) = held { Held::Text(texts[text as usize]) } else { held };
                more.into_iter().for_each(|held| self.push(renumbered(held)));
            }
        }
    }

    fn without_first(self, rows: usize) -> Self {
        if rows == 0 {
            return self;
        }
        match self {
            Self::Numbers(mut numbers) => Self::Numbers(numbers.split_off(rows)),
            Self::Mixed(mut held) => Self::Mixed(held.split_off(rows)),
        }
    }
}

impl Held {
    const fn of(number: f64) -> Self {
        if number.is_nan() { Self::Missing } else { Self::Number(number) }
    }
}
