//! Records from a file or standard input: CSV with a header, JSON Lines, or a JSON array. Knows no column.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Map, Value};

/// One record and where it begins: the line of the file, or in a JSON array the number of the element.
pub struct Row {
    pub place: u64,
    pub record: Record,
}

pub enum Record {
    Object(Map<String, Value>),
    /// Column and text, in the order of the file.
    Fields(Vec<(String, String)>),
}

/// Every record of `path`, `-` being standard input. A file that begins with `{` or `[` is JSON, any other is CSV.
///
/// Errors: what cannot be read, by its line; a file without a record.
pub fn read(path: &Path) -> anyhow::Result<Vec<Row>> {
    let shown = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot read {shown}"))?)
    };
    let rows = read_from(BufReader::new(source)).with_context(|| format!("cannot read {shown}"))?;
    if rows.is_empty() {
        bail!("{shown} holds no record");
    }
    Ok(rows)
}

fn read_from(mut source: impl BufRead) -> anyhow::Result<Vec<Row>> {
    // A byte order mark, if any, goes with the first bytes.
    let start = source.fill_buf()?;
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => lines(source),
        Some(b'[') => array(source),
        _ => csv(source),
    }
}

fn lines(source: impl BufRead) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (index, line) in source.lines().enumerate() {
        let place = index as u64 + 1;
        let line = line.with_context(|| format!("line {place}"))?;
        let line = line.trim_start_matches('\u{feff}').trim();
        if !line.is_empty() {
            let record = serde_json::from_str(line).with_context(|| format!("line {place} is not a JSON object"))?;
            rows.push(Row { place, record: Record::Object(record) });
        }
    }
    Ok(rows)
}

fn array(mut source: impl Read) -> anyhow::Result<Vec<Row>> {
    let mut text = String::new();
    source.read_to_string(&mut text)?;
    let records: Vec<Map<String, Value>> =
        serde_json::from_str(text.trim_start_matches('\u{feff}')).context("not an array of JSON objects")?;
    let row = |(index, record)| Row { place: index as u64 + 1, record: Record::Object(record) };
    Ok(records.into_iter().enumerate().map(row).collect())
}

fn csv(source: impl Read) -> anyhow::Result<Vec<Row>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(source);
    let names: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
    if let Some(twice) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)).map(|(_, name)| name) {
        bail!("two columns are called {twice:?}");
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        let place = record.position().map_or(0, csv::Position::line);
        let fields = names.iter().cloned().zip(record.iter().map(str::to_owned)).collect();
        rows.push(Row { place, record: Record::Fields(fields) });
    }
    Ok(rows)
}

/// Whether the text of a CSV field says that there is no value, as pandas reads and writes it.
pub fn is_missing(text: &str) -> bool {
    matches!(text, "" | "NA" | "N/A" | "n/a" | "NaN" | "nan" | "NULL" | "null" | "None" | "<NA>" | "#N/A")
}

/// A CSV field as a truth value, if it is written as one.
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}
