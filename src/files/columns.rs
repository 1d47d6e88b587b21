//! The columns of a table with all their values, in bounded memory, and the one decision for both sides about what a column is.
//!
//! A cell of a CSV file has no type, and a text of a JSON file may be a number in quotes. So what a column is follows from all of its values on
//! both sides: numbers if those of the reference read as numbers, all but a twentieth; else categories, in which numbers go by their value.

mod reading;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub use self::reading::Reading;
use super::cell::{Cell, Plain, Rows, classify};
use super::parallel::each;
use super::sorted::Numbers;
use super::spill::Spill;
use super::{Error, Format};
use tidewatch_core::stats::drift::resolution::Ascending;

/// Memory for the numbers of one table, in bytes; beyond it they are put aside on disk.
const NUMBERS_BYTES_MAX: usize = 64 << 20;

/// Memory for the texts of one table, in bytes; beyond it further texts are only counted.
const NAMES_BYTES_MAX: usize = 32 << 20;

/// The most categories that are compared, and kept of a column.
const CATEGORIES_MAX: usize = 50_000;

/// What a name costs beside its bytes.
const NAME_BYTES: usize = 64;

/// The columns of some rows.
#[derive(Debug, Default)]
pub struct Part {
    columns: HashMap<String, Values>,
    rows: u64,
}

/// The values of one column as they come.
#[derive(Debug, Default)]
struct Values {
    numbers: Vec<f64>,
    comma: Vec<f64>,
    grouped: Vec<f64>,
    either: Vec<f64>,
    tally: Tally,
}

/// The values of a column that are no numbers.
#[derive(Clone, Debug, Default)]
struct Tally {
    truths: [u64; 2],
    texts: HashMap<String, u64>,
    /// Values whose text was not kept.
    more_texts: u64,
    first_text: Option<(u64, String)>,
    words: BTreeMap<String, u64>,
    /// Whether a word stood in a file that says itself what is a text.
    typed_words: bool,
    not_finite: u64,
}

/// All values of one column.
#[derive(Clone, Debug)]
struct Column {
    numbers: Numbers,
    comma: Numbers,
    grouped: Numbers,
    either: Numbers,
    tally: Tally,
}

/// All values of all columns.
#[derive(Debug)]
pub struct Columns {
    columns: BTreeMap<String, Column>,
    pub rows: u64,
    spill: Arc<Spill>,
    names_bytes: usize,
}

/// One column of two tables.
#[derive(Debug)]
pub struct Sides {
    pub name: String,
    is_there: [bool; 2],
    columns: [Column; 2],
}

/// What both sides hold of one column.
#[derive(Debug)]
pub struct Pair {
    pub name: String,
    pub kind: Kind,
    /// Rows with a value, of the reference and of the current side.
    pub present: [u64; 2],
    /// What was not used as it stood, and other things worth knowing.
    pub remarks: Vec<Remark>,
}

#[derive(Debug)]
pub enum Kind {
    Numbers(Box<[Numbers; 2]>),
    /// Counts of both sides by category.
    Categories(BTreeMap<String, [u64; 2]>),
    /// Every value names its row.
    Identifiers,
    /// More categories than are compared.
    TooMany,
    /// A side has no value.
    Empty,
}

/// Something about a column that a reader should know.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Remark {
    /// None where it is about the whole file.
    pub column: Option<String>,
    /// A sentence without its subject.
    pub what: String,
    /// Cells that were not used as they stood; 0 where it is about none.
    pub cells: u64,
}

impl Part {
    /// Adds all of `rows`.
    pub fn add_rows(&mut self, rows: &Rows) {
        self.rows += rows.count() as u64;
        for ((name, cells), typed) in rows.names.iter().zip(&rows.columns).zip(rows.typed.iter()) {
            let values = self.values(name);
            for (row, cell) in cells.iter().enumerate() {
                values.add(rows, *cell, *typed, row);
            }
        }
    }

    pub fn add_row(&mut self) {
        self.rows += 1;
    }

    pub fn missing(&mut self, column: &str) {
        self.values(column);
    }

    pub fn truth(&mut self, column: &str, truth: bool) {
        self.values(column).tally.truths[usize::from(truth)] += 1;
    }

    pub fn number(&mut self, column: &str, number: f64) {
        self.values(column).number(number);
    }

    /// A text of a file that says itself that it is one.
    pub fn text(&mut self, column: &str, text: &str, place: u64) {
        let values = self.values(column);
        let text = text.trim();
        match classify(text) {
            Plain::Cell(cell) => values.plain(cell),
            Plain::Long => values.number(text.parse().unwrap_or(f64::NAN)),
            Plain::Word => values.tally.word(text, true),
            Plain::Text => values.tally.text(text, place),
        }
    }

    fn values(&mut self, column: &str) -> &mut Values {
        if !self.columns.contains_key(column) {
            self.columns.insert(column.to_owned(), Values::default());
        }
        self.columns.get_mut(column).expect("it was put there just now")
    }
}

impl Values {
    fn add(&mut self, rows: &Rows, cell: Cell, typed: bool, row: usize) {
        match cell {
            Cell::Number(number) => self.numbers.push(number),
            Cell::Long(span) => self.number(rows.text(span).parse().unwrap_or(f64::NAN)),
            Cell::Word(span) => self.tally.word(rows.text(span), typed),
            Cell::Text(span) => self.tally.text(rows.text(span), rows.place(row)),
            plain => self.plain(plain),
        }
    }

    fn plain(&mut self, cell: Cell) {
        match cell {
            Cell::Missing | Cell::Long(_) | Cell::Word(_) | Cell::Text(_) => {}
            Cell::Truth(truth) => self.tally.truths[usize::from(truth)] += 1,
            Cell::Number(number) => self.numbers.push(number),
            Cell::NotFinite => self.tally.not_finite += 1,
            Cell::Comma(number) => self.comma.push(number),
            Cell::Grouped(number) => self.grouped.push(number),
            Cell::Either(number) => self.either.push(number),
        }
    }

    fn number(&mut self, number: f64) {
        if number.is_finite() { self.numbers.push(number + 0.0) } else { self.tally.not_finite += 1 }
    }
}

impl Tally {
    fn text(&mut self, text: &str, place: u64) {
        match self.texts.get_mut(text) {
            Some(count) => *count += 1,
            None => {
                self.first_text.get_or_insert_with(|| (place, text.to_owned()));
                self.texts.insert(text.to_owned(), 1);
            }
        }
    }

    fn word(&mut self, word: &str, typed: bool) {
        self.typed_words |= typed;
        match self.words.get_mut(word) {
            Some(count) => *count += 1,
            None => drop(self.words.insert(word.to_owned(), 1)),
        }
    }

    fn texts(&self) -> u64 {
        self.texts.values().sum::<u64>() + self.more_texts
    }

    fn truths(&self) -> u64 {
        self.truths.iter().sum()
    }

    /// Adds all of `other`; `room` is the memory that is left for names.
    fn merge(&mut self, other: Self, room: &mut usize) {
        self.truths = [self.truths[0] + other.truths[0], self.truths[1] + other.truths[1]];
        self.not_finite += other.not_finite;
        self.typed_words |= other.typed_words;
        self.first_text = self.first_text.take().or(other.first_text);
        self.more_texts += other.more_texts;
        for (word, count) in other.words {
            *self.words.entry(word).or_default() += count;
        }
        for (text, count) in other.texts {
            let bytes = text.len() + NAME_BYTES;
            let has_room = bytes <= *room && self.texts.len() < CATEGORIES_MAX;
            match self.texts.get_mut(&text) {
                Some(known) => *known += count,
                None if has_room => {
                    *room -= bytes;
                    self.texts.insert(text, count);
                }
                None => self.more_texts += count,
            }
        }
    }
}

impl Default for Columns {
    fn default() -> Self {
        Self { columns: BTreeMap::new(), rows: 0, spill: Arc::default(), names_bytes: NAMES_BYTES_MAX }
    }
}

impl Columns {
    /// Adds the rows that come next.
    pub fn add(&mut self, part: Part) -> Result<(), Error> {
        self.rows += part.rows;
        for (name, values) in part.columns {
            let column = self.columns.entry(name).or_insert_with(|| Column::new(&self.spill));
            column.numbers.extend(&values.numbers);
            column.comma.extend(&values.comma);
            column.grouped.extend(&values.grouped);
            column.either.extend(&values.either);
            column.tally.merge(values.tally, &mut self.names_bytes);
        }
        if NUMBERS_BYTES_MAX < self.columns.values().map(Column::held_bytes).sum() {
            self.put_aside()?;
        }
        Ok(())
    }

    fn put_aside(&mut self) -> Result<(), Error> {
        let put = |column: &mut Column| column.all_numbers().into_iter().try_for_each(Numbers::put_aside);
        each(self.columns.values_mut().collect(), put).into_iter().collect()
    }

    /// Gives every column the name that `name` says, or drops it.
    pub fn rename(&mut self, name: impl Fn(&str) -> Option<String>) {
        let columns = std::mem::take(&mut self.columns).into_iter();
        self.columns = columns.filter_map(|(old, column)| Some((name(&old)?, column))).collect();
    }

    /// The columns of both sides, each beside its like. A column that a side does not have is empty there.
    pub fn beside(reference: Self, current: Self) -> Vec<Sides> {
        let none = Column::new(&reference.spill);
        let mut current_columns = current.columns;
        let mut sides: Vec<Sides> = Vec::new();
        for (name, column) in reference.columns {
            let other = current_columns.remove(&name);
            sides.push(Sides {
                name,
                is_there: [true, other.is_some()],
                columns: [column, other.unwrap_or_else(|| none.clone())],
            });
        }
        let only_current = current_columns.into_iter();
        sides.extend(only_current.map(|(name, column)| Sides {
            name,
            is_there: [false, true],
            columns: [none.clone(), column],
        }));
        sides.sort_by(|a, b| a.name.cmp(&b.name));
        sides
    }

    /// How each column of this table is read, by its name, and what is not used of it as it stands.
    ///
    /// * `is_class`: whether a column, by its name, holds classes, which may be called `None`.
    pub fn readings(self, format: Format, is_class: impl Fn(&str) -> bool) -> BTreeMap<String, (Reading, Vec<Remark>)> {
        let none = Column::new(&self.spill);
        let read = |(name, column): (String, Column)| {
            let sides = [column, none.clone()];
            let mut reading = Reading::of(&sides, [format; 2]);
            reading.words_are_names |= !reading.numeric && is_class(&name);
            let remarks = reading.remarks(&name, &sides);
            (name, (reading, remarks))
        };
        self.columns.into_iter().map(read).collect()
    }

    /// Where numbers are put aside: to be asked whether all could be read back.
    pub fn spill(&self) -> Arc<Spill> {
        self.spill.clone()
    }
}

impl Column {
    fn new(spill: &Arc<Spill>) -> Self {
        let none = || Numbers::new(spill);
        Self { numbers: none(), comma: none(), grouped: none(), either: none(), tally: Tally::default() }
    }

    fn all_numbers(&mut self) -> [&mut Numbers; 4] {
        [&mut self.numbers, &mut self.comma, &mut self.grouped, &mut self.either]
    }

    fn held_bytes(&self) -> usize {
        [&self.numbers, &self.comma, &self.grouped, &self.either].into_iter().map(Numbers::held_bytes).sum()
    }

    fn count(&self) -> u64 {
        [&self.numbers, &self.comma, &self.grouped, &self.either].into_iter().map(Ascending::count).sum()
    }

    fn is_zero_one(&self) -> bool {
        self.count() == self.numbers.count() && self.numbers.is_zero_one()
    }

    fn is_empty(&self) -> bool {
        self.count() + self.tally.texts() + self.tally.truths() == 0
    }

    /// Whether its values are numbers, all but a twentieth.
    fn is_numeric(&self, truths_are_numbers: bool) -> bool {
        let (numbers, others) = if truths_are_numbers { (self.tally.truths(), 0) } else { (0, self.tally.truths()) };
        19 * (self.tally.texts() + others) <= self.count() + numbers
    }

    /// Every number, and truth values as 0 and 1 if they are to count.
    fn into_numbers(self, thousands: bool, truths: bool) -> Numbers {
        let mut numbers = self.numbers;
        let either = if thousands { self.either.into_thousands() } else { self.either };
        for more in [self.comma, self.grouped, either] {
            if !more.is_empty() {
                numbers.absorb(more);
            }
        }
        if truths {
            for (value, count) in [0.0, 1.0].into_iter().zip(self.tally.truths) {
                numbers.extend(&vec![value; count as usize]);
            }
        }
        numbers.sort();
        numbers
    }
}
