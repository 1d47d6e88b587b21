//! One column of numbers from a file or standard input, read as it comes: a long stream never stands in memory whole.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;

use anyhow::{Context, anyhow};
use serde_json::{Map, Value};

use crate::cli::{Exit, Failure};

/// The longest line of JSON Lines or of plain numbers in bytes: what is longer is not a record.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// A value, or none where the record has none, and the line it stands on.
pub struct Cell {
    pub place: u64,
    pub value: Option<f64>,
}

/// The cells of a column.
pub struct Column {
    cells: Box<dyn Iterator<Item = anyhow::Result<Cell>>>,
}

impl Column {
    /// The column `name` of `path`, `-` being standard input; the only one if there is no name. A first line that begins with
    /// `{` makes it JSON Lines, one that is a value makes it plain numbers, and any other is the header of CSV.
    ///
    /// Errors: wrong usage where the column is not in the first record or header.
    pub fn open(path: &Path, name: Option<&str>) -> Result<Self, Failure> {
        let mut source: Box<dyn BufRead> = if path == Path::new("-") {
            Box::new(BufReader::new(std::io::stdin()))
        } else {
            Box::new(BufReader::new(File::open(path)?))
        };
        let mut first = String::new();
        let mut blank = 0;
        while source.by_ref().take(LINE_BYTES_MAX).read_line(&mut first)? != 0 && plain(&first).is_empty() {
            first.clear();
            blank += 1;
        }
        let start = plain(&first).to_owned();
        if start.is_empty() {
            return Err(anyhow!("it holds no value").into());
        }
        if start.starts_with('{') {
            let record: Map<String, Value> =
                serde_json::from_str(&start).with_context(|| format!("line {} is not a JSON object", blank + 1))?;
            let name = chosen(name, record.keys().map(String::as_str))?.to_owned();
            let lines = Lines { source: Cursor::new(first).chain(source), place: blank };
            return Ok(Self { cells: Box::new(lines.map(move |line| of_json(line?, &name))) });
        }
        if parsed(&start).is_ok() {
            if let Some(name) = name {
                return Err(Exit::Usage.because(anyhow!("there is no column `{name}`: the lines are plain values")));
            }
            let lines = Lines { source: Cursor::new(first).chain(source), place: blank };
            return Ok(Self { cells: Box::new(lines.map(|line| line.and_then(|(place, text)| of_text(place, &text)))) });
        }
        let first = first.trim_start_matches('\u{feff}').to_owned();
        Self::of_csv(Cursor::new(first).chain(source), blank, name)
    }

    fn of_csv(source: impl Read + 'static, blank: u64, name: Option<&str>) -> Result<Self, Failure> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(source);
        let header = reader.headers()?.clone();
        let name = chosen(name, header.iter())?;
        let at = header.iter().position(|other| other == name).expect("it was chosen among them");
        let cells = reader.into_records().map(move |record| {
            let record = record?;
            let place = blank + record.position().map_or(0, csv::Position::line);
            of_text(place, record.get(at).unwrap_or_default())
        });
        Ok(Self { cells: Box::new(cells) })
    }
}

impl Iterator for Column {
    type Item = anyhow::Result<Cell>;

    fn next(&mut self) -> Option<Self::Item> {
        self.cells.next()
    }
}

/// Lines that are not blank, with their numbers from 1.
struct Lines<R> {
    source: R,
    place: u64,
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = anyhow::Result<(u64, String)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut line = String::new();
            let read = self.source.by_ref().take(LINE_BYTES_MAX).read_line(&mut line);
            self.place += 1;
            match read {
                Ok(0) => return None,
                Ok(_) if plain(&line).is_empty() => {}
                Ok(_) => return Some(Ok((self.place, plain(&line).to_owned()))),
                Err(error) => return Some(Err(error).with_context(|| format!("line {}", self.place))),
            }
        }
    }
}

/// Without blanks around it and the mark some programs begin a file with.
fn plain(line: &str) -> &str {
    line.trim_start_matches('\u{feff}').trim()
}

fn chosen<'a>(wanted: Option<&'a str>, names: impl Iterator<Item = &'a str>) -> Result<&'a str, Failure> {
    let names: Vec<&str> = names.collect();
    let there_are = || names.join(", ");
    match wanted {
        Some(wanted) if names.contains(&wanted) => Ok(wanted),
        Some(wanted) => Err(Exit::Usage.because(anyhow!("there is no column `{wanted}`; there are {}", there_are()))),
        None if names.len() == 1 => Ok(names[0]),
        None => Err(Exit::Usage.because(anyhow!("choose one with --column: there are {}", there_are()))),
    }
}

fn of_json((place, line): (u64, String), name: &str) -> anyhow::Result<Cell> {
    let record: Map<String, Value> =
        serde_json::from_str(&line).with_context(|| format!("line {place} is not a JSON object"))?;
    match record.get(name) {
        None | Some(Value::Null) => Ok(Cell { place, value: None }),
        Some(Value::Bool(truth)) => Ok(Cell { place, value: Some(f64::from(u8::from(*truth))) }),
        Some(Value::String(text)) => of_text(place, text.trim()),
        Some(other) => match other.as_f64() {
            Some(value) => Ok(Cell { place, value: Some(value) }),
            None => Err(anyhow!("line {place}: {other} is not a number")),
        },
    }
}

fn of_text(place: u64, text: &str) -> anyhow::Result<Cell> {
    let value = parsed(text).map_err(|text| anyhow!("line {place}: `{text}` is not a number"))?;
    Ok(Cell { place, value })
}

/// A number, a truth value as 0 or 1, or nothing where the text says that there is no value.
fn parsed(text: &str) -> Result<Option<f64>, &str> {
    match text {
        "" | "NA" | "N/A" | "n/a" | "NaN" | "nan" | "NULL" | "null" | "None" | "<NA>" | "#N/A" => Ok(None),
        "true" | "True" | "TRUE" => Ok(Some(1.0)),
        "false" | "False" | "FALSE" => Ok(Some(0.0)),
        _ => text.parse::<f64>().map(|value| Some(value).filter(|value| !value.is_nan())).map_err(|_| text),
    }
}
