//! Labelled predictions in files. JSON records are read by the decoder of the stream; in tables the columns have names that are usual for them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::anyhow;
use compact_str::{CompactString, ToCompactString};
use serde_json::{Map, Value as Json};

use crate::cli::files::each_batch;
use crate::event::fraction::rounded;
use crate::event::wire::decode_body;
use crate::event::{Event, Features, Kind, Prediction, Value};
use crate::files::cell::as_thousands;
use crate::files::{Batch, Cell, Error, Format, Rows, Told};
use crate::ids::{NAME_BYTES_MAX, Name, Slug};
use crate::time::Timestamp;
use crate::view::evaluation::Record;

/// Later than any record: when a prediction was made does not matter here.
const LAST: Timestamp = Timestamp::from_millis(253_402_214_400_000);

/// Names of the fields that columns are read as; the first is the event's own.
const FIELDS: [(Field, &[&str]); 6] = [
    (Field::Prediction, &["prediction", "y_pred", "predicted"]),
    (Field::Actual, &["actual", "y_true", "label", "actual_result"]),
    (Field::Confidence, &["confidence"]),
    (Field::ResponseTime, &["response_time"]),
    (Field::LatencyMs, &["latency_ms"]),
    (Field::Error, &["error"]),
];
/// Columns that hold the probability of the positive class.
const SCORES: [&str; 5] = ["score", "y_score", "probability", "y_proba", "proba"];
/// What columns with the probability of a class begin with, before its name.
const SCORES_OF: [&str; 4] = ["scores.", "score_", "proba_", "probability_"];

/// A whole number of more digits may be one that no double holds.
const DIGITS_SURE: usize = 15;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Field {
    Prediction,
    Actual,
    Confidence,
    ResponseTime,
    LatencyMs,
    Error,
    Score,
    ScoreOf(CompactString),
}

/// The records of a file, and what was not used of it.
pub struct Labelled {
    pub records: Vec<Record>,
    /// Whether a column holds probabilities without saying of which class.
    pub bare_scores: bool,
    pub remarks: Vec<String>,
}

/// What a prediction or a label of a table is, before all of them are known.
#[derive(Clone, Debug, PartialEq)]
enum Said {
    Number(f64),
    Truth(bool),
    Comma(f64),
    Grouped(f64),
    Either(f64),
    Word(CompactString),
    Name(CompactString),
}

/// A record of a table.
struct Draft {
    prediction: Option<Said>,
    actual: Option<Said>,
    /// The rest of it.
    record: Record,
}

/// Records of one batch: what could be read, how many could not, and why the first could not.
#[derive(Default)]
struct Part {
    records: Vec<Record>,
    drafts: Vec<Draft>,
    refused: u64,
    first: Option<Error>,
}

/// Reads every record of `path`.
///
/// Errors: what cannot be read, with the number of such records and the place of the first.
pub fn read(path: &Path) -> anyhow::Result<Labelled> {
    let source = Slug::try_from("offline")?;
    let map = |batch: Batch| {
        let mut part = Part::default();
        match batch {
            Batch::Rows(rows) => part.of_rows(&rows)?,
            Batch::Lines(lines) => lines.raw().for_each(|(place, line)| part.take(of_line(line, place, &source))),
            Batch::Records(records) => {
                records.into_iter().for_each(|(place, record)| part.take(of_object(record, place, &source)));
            }
        }
        Ok(part)
    };
    let mut all = Part::default();
    let told = each_batch(path, false, &|name| field(name).is_some(), map, |part| {
        all.records.extend(part.records);
        all.drafts.extend(part.drafts);
        all.refused += part.refused;
        all.first = all.first.take().or(part.first);
        Ok(())
    })?;
    if let Some(first) = all.first {
        let of = all.refused + (all.records.len() + all.drafts.len()) as u64;
        return Err(anyhow!("{first}").context(format!("{} of {of} records cannot be read", all.refused)));
    }
    let mut remarks = Vec::new();
    if 0 < told.blank_lines {
        remarks.push(format!("{} blank lines are no records", told.blank_lines));
    }
    let drafts = std::mem::take(&mut all.drafts);
    all.records.extend(decided(drafts, &told, &mut remarks)?);
    if all.records.is_empty() {
        let columns = told.names.join(", ");
        let shown = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
        return Err(anyhow!(
            "{shown} holds no record{}",
            if columns.is_empty() { columns } else { format!("; its columns are {columns}") }
        ));
    }
    let bare_scores = told.names.iter().any(|name| field(name) == Some(Field::Score));
    Ok(Labelled { records: all.records, bare_scores, remarks })
}

fn field(name: &str) -> Option<Field> {
    let plain = FIELDS.iter().find(|(_, names)| names.contains(&name)).map(|(field, _)| field.clone());
    let score = || SCORES.contains(&name).then_some(Field::Score);
    let of_class = || SCORES_OF.iter().find_map(|prefix| name.strip_prefix(prefix)).map(|class| Field::ScoreOf(class.into()));
    plain.or_else(score).or_else(of_class)
}

impl Part {
    fn take(&mut self, read: Result<Record, Error>) {
        match read {
            Ok(record) => self.records.push(record),
            Err(error) => {
                self.refused += 1;
                self.first.get_or_insert(error);
            }
        }
    }

    fn of_rows(&mut self, rows: &Rows) -> Result<(), Error> {
        let fields: Vec<Field> = rows.names.iter().filter_map(|name| field(name)).collect();
        for row in 0..rows.count() {
            let cells = fields.iter().zip(rows.columns.iter().map(|cells| cells[row]));
            match draft(rows, cells).map_err(|what| Error::at_line(rows.place(row), format!(": {what}"))) {
                Ok(draft) => self.drafts.push(draft),
                Err(error) => {
                    self.refused += 1;
                    self.first.get_or_insert(error);
                }
            }
        }
        Ok(())
    }
}

fn draft<'f>(rows: &Rows, cells: impl Iterator<Item = (&'f Field, Cell)>) -> Result<Draft, String> {
    let mut draft = Draft { prediction: None, actual: None, record: nothing() };
    let prediction = &mut draft.record.prediction;
    for (field, cell) in cells {
        match field {
            Field::Prediction => draft.prediction = draft.prediction.or(said(rows, cell)?),
            Field::Actual => draft.actual = draft.actual.or(said(rows, cell)?),
            Field::Confidence => prediction.confidence = fraction(rows, cell, "confidence")?,
            Field::Score => draft.record.score = fraction(rows, cell, "score")?,
            Field::ScoreOf(class) => {
                prediction.scores.extend(fraction(rows, cell, class)?.map(|score| (class.clone(), score)));
            }
            Field::ResponseTime => prediction.response_time = duration(rows, cell)?.or(prediction.response_time),
            Field::LatencyMs => {
                prediction.response_time =
                    prediction.response_time.or(duration(rows, cell)?.map(|milliseconds| milliseconds / 1e3));
            }
            Field::Error => prediction.failed = is_failure(cell),
        }
    }
    Ok(draft)
}

fn nothing() -> Record {
    let prediction = Prediction {
        id: None,
        model: Name::try_from("offline").expect("a plain word is a name"),
        version: None,
        at: LAST,
        features: Features::default(),
        value: None,
        confidence: None,
        scores: Vec::new(),
        response_time: None,
        failed: false,
        actual: None,
        segment: Vec::new(),
    };
    Record { prediction, score: None }
}

fn said(rows: &Rows, cell: Cell) -> Result<Option<Said>, String> {
    let name = |span| {
        let text = rows.text(span);
        let fits = text.len() <= NAME_BYTES_MAX && !text.contains('\0');
        if fits { Ok(text.into()) } else { Err(format!("a class has at most {NAME_BYTES_MAX} bytes and no NUL")) }
    };
    Ok(Some(match cell {
        Cell::Missing => return Ok(None),
        Cell::Number(number) => Said::Number(number),
        Cell::Truth(truth) => Said::Truth(truth),
        Cell::Comma(number) => Said::Comma(number),
        Cell::Grouped(number) => Said::Grouped(number),
        Cell::Either(number) => Said::Either(number),
        Cell::Word(span) => Said::Word(name(span)?),
        Cell::Long(span) | Cell::Text(span) => Said::Name(name(span)?),
        Cell::NotFinite => return Err("a value is not finite".to_owned()),
    }))
}

fn number(rows: &Rows, cell: Cell) -> Result<Option<f64>, String> {
    match cell {
        Cell::Missing | Cell::Word(_) => Ok(None),
        Cell::Number(number) | Cell::Comma(number) | Cell::Either(number) | Cell::Grouped(number) => Ok(Some(number)),
        Cell::Long(span) => Ok(rows.text(span).parse().ok()),
        Cell::Truth(truth) => Ok(Some(f64::from(u8::from(truth)))),
        Cell::NotFinite => Err("a value is not finite".to_owned()),
        Cell::Text(span) => Err(format!("{:?} is no number", rows.text(span))),
    }
}

fn fraction(rows: &Rows, cell: Cell, name: &str) -> Result<Option<f64>, String> {
    let no_probability = |shown: String| format!("{name}: {shown} is no probability between 0 and 1");
    match number(rows, cell).map_err(no_probability)? {
        Some(number) => rounded(number).map(Some).ok_or_else(|| no_probability(number.to_string())),
        None => Ok(None),
    }
}

fn duration(rows: &Rows, cell: Cell) -> Result<Option<f64>, String> {
    match number(rows, cell)? {
        Some(number) if number < 0.0 => Err(format!("a time must not be negative, {number} is")),
        number => Ok(number),
    }
}

fn is_failure(cell: Cell) -> bool {
    match cell {
        Cell::Missing | Cell::Word(_) => false,
        Cell::Truth(failed) => failed,
        Cell::Number(number) => number != 0.0,
        _ => true,
    }
}

/// The record of a line of JSON, by the decoder of the stream.
fn of_line(line: &[u8], place: u64, source: &Slug) -> Result<Record, Error> {
    let is_plain = line.split(|byte| !byte.is_ascii_digit()).all(|digits| digits.len() <= DIGITS_SURE);
    if is_plain && let Some(Ok(Event::PredictionLogged(prediction))) = decoded(line, source) {
        return Ok(Record { prediction, score: None });
    }
    of_object(crate::files::Lines::record(place, line)?, place, source)
}

fn of_object(mut object: Map<String, Json>, place: u64, source: &Slug) -> Result<Record, Error> {
    // a time that cannot be read must not cost a record that needs none
    ["at", "timestamp", "ts"].into_iter().for_each(|time| {
        object.remove(time);
    });
    // two whole numbers that no double tells apart are two classes
    for (_, value) in object.iter_mut().filter(|(name, _)| matches!(field(name), Some(Field::Prediction | Field::Actual))) {
        let is_long = value.as_i64().is_some_and(|whole| whole as f64 as i64 != whole || (1 << 53) < whole.unsigned_abs());
        let is_big = value.as_u64().is_some_and(|whole| (1 << 53) < whole);
        if is_long || is_big {
            *value = Json::String(value.to_string());
        }
    }
    let body = Json::Object(object).to_string();
    match decoded(body.as_bytes(), source) {
        Some(Ok(Event::PredictionLogged(prediction))) => Ok(Record { prediction, score: None }),
        Some(Err(fault)) => {
            let what = format!(": {} ({}{})", fault.detail, fault.reason, fault.pointer);
            Err(Error::At { unit: "line or element", place, what })
        }
        _ => Err(Error::At { unit: "line or element", place, what: " is not a prediction".to_owned() }),
    }
}

fn decoded(body: &[u8], source: &Slug) -> Option<Result<Event, crate::event::Fault>> {
    decode_body(Kind::Prediction, source, Some("application/json"), &(), body, LAST).pop()
}

/// How predictions and labels of a table are to be read, from all of them.
#[derive(Default)]
struct Counts {
    numbers: u64,
    truths: u64,
    zero_one: bool,
    comma: u64,
    grouped: u64,
    either: u64,
    names: u64,
    words: BTreeMap<(&'static str, CompactString), u64>,
}

impl Counts {
    fn of(drafts: &[Draft]) -> Self {
        let mut counts = Self { zero_one: true, ..Self::default() };
        for draft in drafts {
            for (column, said) in [("prediction", &draft.prediction), ("actual", &draft.actual)] {
                match said {
                    None => {}
                    Some(Said::Number(number)) => {
                        counts.numbers += 1;
                        counts.zero_one &= *number == 0.0 || *number == 1.0;
                    }
                    Some(Said::Truth(_)) => counts.truths += 1,
                    Some(Said::Comma(_)) => counts.comma += 1,
                    Some(Said::Grouped(_)) => counts.grouped += 1,
                    Some(Said::Either(_)) => counts.either += 1,
                    Some(Said::Name(_)) => counts.names += 1,
                    Some(Said::Word(word)) => *counts.words.entry((column, word.clone())).or_default() += 1,
                }
            }
        }
        counts
    }

    const fn marked(&self) -> u64 {
        self.comma + self.grouped + self.either
    }
}

/// The records of drafts, once it is known what their values are: words such as `None` are classes among classes, and nothing among numbers.
fn decided(drafts: Vec<Draft>, told: &Told, remarks: &mut Vec<String>) -> Result<Vec<Record>, Error> {
    let counts = Counts::of(&drafts);
    let words_are_classes = 0 < counts.names + counts.truths;
    for ((column, word), rows) in &counts.words {
        let what = if words_are_classes { "is a class like any other" } else { "is taken for no value" };
        remarks.push(format!("column {column}: {word:?} in {rows} rows {what}; an empty cell always says that there is none"));
    }
    let truths_are_numbers = counts.names == 0 && counts.zero_one && 0 < counts.numbers && counts.marked() == 0;
    let thousands = match (counts.comma, counts.grouped) {
        (0, 0) | (1.., 1..) => told.format != Format::Delimited(b';'),
        (0, _) => true,
        (_, 0) => false,
    };
    if 0 < counts.marked() {
        let what = if thousands { "marks between thousands: 1,234 is 1234" } else { "decimal commas: 1,234 is 1.234" };
        remarks.push(format!("{} predictions and labels are written with {what}", counts.marked()));
    }
    let value = |said: Option<Said>| {
        Some(match said? {
            Said::Number(number) | Said::Comma(number) | Said::Grouped(number) => Value::Number(number),
            Said::Either(number) => Value::Number(if thousands { as_thousands(number) } else { number }),
            Said::Truth(truth) if truths_are_numbers => Value::Number(f64::from(u8::from(truth))),
            Said::Truth(truth) => Value::Class(truth.to_compact_string()),
            Said::Word(_) if !words_are_classes => return None,
            Said::Word(name) | Said::Name(name) => Value::Class(name),
        })
    };
    let (mut unanswered, mut records) = (0_u64, Vec::with_capacity(drafts.len()));
    for draft in drafts {
        let mut record = draft.record;
        (record.prediction.value, record.prediction.actual) = (value(draft.prediction), value(draft.actual));
        if record.prediction.value.is_none() && !record.prediction.failed {
            unanswered += 1;
            continue;
        }
        records.push(record);
    }
    if 0 < unanswered {
        let of = unanswered + records.len() as u64;
        let what = format!("{unanswered} of {of} records have no prediction and no error that says why");
        if told.names.iter().all(|name| field(name) != Some(Field::Prediction)) {
            return Err(Error::Unreadable(format!(
                "no column is called prediction or y_pred: there are {}",
                told.names.join(", ")
            )));
        }
        if records.len() < unanswered as usize {
            return Err(Error::Unreadable(what));
        }
        remarks.push(format!("{what}: they are left out"));
    }
    Ok(records)
}
