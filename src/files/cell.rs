//! One cell of a table, and what its text says.

use std::sync::Arc;

use super::{Error, Format};

/// A stretch of the text of a batch, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

/// What a cell holds. A text is looked up with [`Rows::text`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// Empty, or null.
    Missing,
    Truth(bool),
    /// Finite.
    Number(f64),
    /// NaN as a number, or infinite.
    NotFinite,
    /// A whole number that no double holds exactly, such as a 64-bit id.
    Long(Span),
    /// A number with decimal comma, such as `60,5` or `1.234,5`.
    Comma(f64),
    /// A number with marks between thousands, such as `60,000.5` or `1,234,567`.
    Grouped(f64),
    /// `60,005` may be either; this is its value with a decimal comma.
    Either(f64),
    /// A word that some programs write where there is no value, such as `NA` or `None`. It may also be the name of a class.
    Word(Span),
    Text(Span),
}

/// Some rows of some columns, all as long as each other.
#[derive(Debug, Default)]
pub struct Rows {
    pub names: Arc<[String]>,
    pub columns: Vec<Vec<Cell>>,
    /// By column: whether the file says itself that its texts are texts. A CSV file does not.
    pub typed: Arc<[bool]>,
    pub(crate) text: String,
    /// The line of each row; empty where rows have none and count from `first`.
    pub(crate) lines: Vec<u32>,
    pub(crate) first: u64,
    pub(crate) count: usize,
}

impl Rows {
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The line of a row from 1, or its number in files without lines.
    pub fn place(&self, row: usize) -> u64 {
        self.first + self.lines.get(row).map_or(row as u64, |line| u64::from(*line))
    }

    /// What is wrong with a row; `what` goes on after its place.
    pub fn error(&self, row: usize, what: impl Into<String>) -> Error {
        let unit = if self.lines.is_empty() { "row" } else { "line" };
        Error::At { unit, place: self.place(row), what: what.into() }
    }

    pub fn text(&self, span: Span) -> &str {
        &self.text[span.start as usize..span.end as usize]
    }

    /// One row of one column that holds what `text` says.
    pub fn of_text(text: &str) -> Self {
        let mut rows = Self { count: 1, ..Self::default() };
        let cell = rows.cell_of(text);
        rows.columns.push(vec![cell]);
        rows
    }

    /// Reads a text as a cell.
    pub(crate) fn cell_of(&mut self, text: &str) -> Cell {
        match classify(text) {
            Plain::Cell(cell) => cell,
            Plain::Long => Cell::Long(self.keep(text)),
            Plain::Word => Cell::Word(self.keep(text)),
            Plain::Text => Cell::Text(self.keep(text)),
        }
    }

    /// Takes a text as it stands.
    pub(crate) fn verbatim(&mut self, text: &str) -> Cell {
        if text.is_empty() { Cell::Missing } else { Cell::Text(self.keep(text)) }
    }

    /// A cell as the text that says the same.
    pub(crate) fn worded(&mut self, cell: Cell) -> Cell {
        match cell {
            Cell::Number(number) => self.verbatim(&number.to_string()),
            Cell::Truth(truth) => self.verbatim(if truth { "true" } else { "false" }),
            Cell::Long(span) | Cell::Word(span) => Cell::Text(span),
            other => other,
        }
    }

    /// The text of a cell that is one.
    pub fn text_of(&self, cell: Cell) -> Option<&str> {
        match cell {
            Cell::Text(span) | Cell::Word(span) | Cell::Long(span) => Some(self.text(span)),
            _ => None,
        }
    }

    fn keep(&mut self, text: &str) -> Span {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        Span { start, end: self.text.len() as u32 }
    }
}

/// What [`classify`] finds: a cell that needs no text, or a kind of text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plain {
    Cell(Cell),
    Long,
    Word,
    Text,
}

/// Doubles hold every whole number up to this.
pub const WHOLE_MAX: u64 = 1 << 53;

/// What a text without blanks around it says.
#[inline]
pub fn classify(text: &str) -> Plain {
    let Some(first) = text.as_bytes().first() else { return Plain::Cell(Cell::Missing) };
    match first {
        b'0'..=b'9' | b'+' | b'-' | b'.' => match decimal(text.as_bytes()) {
            Some(number) => Plain::Cell(Cell::Number(number)),
            None => unusual(text),
        },
        _ => word(text),
    }
}

/// The powers of ten that a double holds exactly.
pub const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21,
    1e22,
];

/// A number of at most 15 digits without an exponent: then one division rounds once, and so correctly (Clinger (1990), *PLDI*, 92–101).
#[inline]
fn decimal(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if 16 < digits.len() || digits.is_empty() {
        return None;
    }
    let (mut whole, mut point) = (0_u64, None);
    for (at, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => whole = whole * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() && 1 < digits.len() => point = Some(at),
            _ => return None,
        }
    }
    if point.is_none() && digits.len() == 16 {
        return None;
    }
    let decimals = point.map_or(0, |point| digits.len() - point - 1);
    let number = whole as f64 / POWERS[decimals];
    Some(if negative { -number } else { number } + 0.0)
}

/// A number that takes more than a glance, or a text that begins like one.
fn unusual(text: &str) -> Plain {
    if let Ok(number) = text.parse::<f64>() {
        let digits = text.trim_start_matches(['+', '-']);
        let whole = digits.bytes().all(|byte| byte.is_ascii_digit());
        return match (whole && digits.parse::<u64>().map_or(true, |whole| WHOLE_MAX < whole), number.is_finite()) {
            (true, true) if number.abs() as u128 != digits.parse().unwrap_or(u128::MAX) => Plain::Long,
            (_, true) => Plain::Cell(Cell::Number(number + 0.0)),
            (_, false) if text.to_ascii_lowercase().contains("nan") => Plain::Word,
            (_, false) => Plain::Cell(Cell::NotFinite),
        };
    }
    marked(text).map_or_else(|| word(text), Plain::Cell)
}

fn word(text: &str) -> Plain {
    match text {
        "true" | "True" | "TRUE" => Plain::Cell(Cell::Truth(true)),
        "false" | "False" | "FALSE" => Plain::Cell(Cell::Truth(false)),
        _ if says_nothing(text) => Plain::Word,
        _ if matches!(text.as_bytes()[0], b'i' | b'I' | b'n' | b'N') && text.parse::<f64>().is_ok() => {
            Plain::Cell(Cell::NotFinite)
        }
        _ => Plain::Text,
    }
}

/// Whether a text is what some program writes where there is no value: pandas, R, SQL, spreadsheets, Python.
pub fn says_nothing(text: &str) -> bool {
    matches!(
        text,
        "NA" | "N/A"
            | "n/a"
            | "NaN"
            | "nan"
            | "-NaN"
            | "-nan"
            | "NAN"
            | "NULL"
            | "Null"
            | "null"
            | "None"
            | "none"
            | "NONE"
            | "NaT"
            | "<NA>"
            | "<NaN>"
            | "#N/A"
            | "#NA"
            | "#NULL!"
            | "\\N"
    )
}

/// A number with a decimal comma or marks between thousands.
fn marked(text: &str) -> Option<Cell> {
    let (sign, digits) = match text.as_bytes()[0] {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    let marks: Vec<(usize, char)> = digits.char_indices().filter(|(_, c)| !c.is_ascii_digit()).collect();
    let (last_at, last) = *marks.last()?;
    if 15 < marks.len() || marks.iter().any(|(_, mark)| !matches!(mark, ',' | '.' | '\'' | '’' | ' ' | '\u{a0}' | '\u{202f}'))
    {
        return None;
    }
    let head = &digits[..last_at];
    let tail = &digits[last_at + last.len_utf8()..];
    let other = marks.iter().map(|(_, mark)| *mark).find(|mark| *mark != last);
    let joined = |digits: &str| digits.chars().filter(char::is_ascii_digit).collect::<String>();
    let value = |text: String| text.parse::<f64>().ok().map(|value| sign * value + 0.0);
    let with_decimals = || value(format!("{}.{tail}", joined(head)));
    match (other, last) {
        // the last mark is of another kind than those before it: it stands before the decimals
        (Some(other), ',' | '.') if !tail.is_empty() && in_thousands(head, other) => {
            with_decimals().map(if last == ',' { Cell::Comma } else { Cell::Grouped })
        }
        (Some(_), _) => None,
        (None, ',') if marks.len() == 1 && !head.is_empty() && !tail.is_empty() => {
            let may_be_thousands = tail.len() == 3 && head.len() <= 3 && !head.starts_with('0');
            with_decimals().map(if may_be_thousands { Cell::Either } else { Cell::Comma })
        }
        // `1,234,567` and `1'234` have a decimal point if any, `1.234.567` and `1 234` a decimal comma
        (None, ',' | '\'' | '’') if in_thousands(digits, last) => value(joined(digits)).map(Cell::Grouped),
        (None, _) if in_thousands(digits, last) => value(joined(digits)).map(Cell::Comma),
        _ => None,
    }
}

/// Whether `mark` parts these digits into groups of three, but for the first.
fn in_thousands(digits: &str, mark: char) -> bool {
    let mut groups = digits.split(mark);
    let first = groups.next().unwrap_or_default();
    let is_group = |group: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_digit())
    };
    is_group(first, 1..=3) && groups.all(|group| is_group(group, 3..=3))
}

/// How many numbers of a column are written with a decimal comma, with marks between thousands, or so that it may be either.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spelling {
    pub comma: u64,
    pub grouped: u64,
    pub either: u64,
}

impl Spelling {
    /// Counts a cell; false if it is no number that is written so.
    pub const fn add(&mut self, cell: Cell) -> bool {
        match cell {
            Cell::Comma(_) => self.comma += 1,
            Cell::Grouped(_) => self.grouped += 1,
            Cell::Either(_) => self.either += 1,
            _ => return false,
        }
        true
    }

    pub const fn merge(&mut self, other: Self) {
        self.comma += other.comma;
        self.grouped += other.grouped;
        self.either += other.either;
    }

    pub const fn count(self) -> u64 {
        self.comma + self.grouped + self.either
    }

    /// Whether `1,234` has a mark between thousands: as the others of the column, or else as it is usual in a file of this format.
    pub fn thousands(self, format: Format) -> bool {
        match (self.comma, self.grouped) {
            (0, 0) | (1.., 1..) => format != Format::Delimited(b';'),
            (0, _) => true,
            (_, 0) => false,
        }
    }
}

/// What a number that [may be either](Cell::Either) is with a mark between thousands.
pub fn as_thousands(with_comma: f64) -> f64 {
    (with_comma * 1_000.0).round()
}
