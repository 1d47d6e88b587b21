//! Labelled predictions in files. JSON records are read by the decoder of the stream; in tables the columns have names that are usual for them.

use std::collections::HashSet;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::anyhow;
use compact_str::{CompactString, ToCompactString};
use memchr::memmem::Finder;
use serde_json::{Map, Value as Json};

use super::counts::Counts;
use super::guesses::spelt;
use super::stored::{self, Stored};
use crate::cli::files::{Scored, each_batch};
use crate::event::fraction::rounded;
use crate::event::wire::{NoTables, decode_body};
use crate::event::{Event, Kind, Prediction, TaskChoice, Value};
use crate::files::cell::{Plain, classify};
use crate::files::journal::Journal;
use crate::files::{Batch, Cell, Error, Rows};
use crate::ids::{NAME_BYTES_MAX, Slug};
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

/// A whole number of more digits may be one that no double holds.
const DIGITS_SURE: usize = 15;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Field {
    Prediction,
    Actual,
    Confidence,
    ResponseTime,
    LatencyMs,
    Error,
    Score,
    ScoreOf(CompactString),
    /// The same, if there is such a class: `score_fico` is none of a class.
    MayBeScoreOf(CompactString),
}

/// The records of a file, and what was not used of it.
pub struct Labelled {
    pub records: Stored,
    /// Whether a column holds probabilities without saying of which class.
    pub bare_scores: bool,
    pub remarks: Vec<String>,
}

/// What a prediction or a label of a table is, before all of them are known.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    Number(f64),
    Truth(bool),
    Comma(f64),
    Grouped(f64),
    Either(f64),
    Word(CompactString),
    Name(CompactString),
    /// A text of JSON that spells a number.
    Quoted(CompactString),
}

/// A record before it is known how its values are to be read.
pub struct Draft {
    pub prediction: Option<Said>,
    pub actual: Option<Said>,
    /// The rest of it.
    pub record: Record,
    /// Numbers of it, other than those two, that stood in quotes.
    pub unquoted: u64,
    /// What may be probabilities of these classes, and why one cannot be. Those that can are among the scores of the record.
    pub guessed: Vec<(CompactString, Option<String>)>,
}

impl Draft {
    fn empty() -> Self {
        Self { prediction: None, actual: None, record: Record::empty(), unquoted: 0, guessed: Vec::new() }
    }

    fn guess(&mut self, class: &CompactString, score: Result<Option<f64>, String>) {
        match score {
            Ok(score) => {
                self.record.prediction.scores.extend(score.map(|score| (class.clone(), score)));
                self.guessed.push((class.clone(), None));
            }
            Err(problem) => self.guessed.push((class.clone(), Some(problem))),
        }
    }
}

/// Records of one batch: what could be read, how many could not, and why the first could not.
#[derive(Default)]
struct Part {
    /// As [`stored::encode`] writes them.
    bytes: Vec<u8>,
    rows: u64,
    counts: Counts,
    refused: u64,
    first: Option<Error>,
}

/// Reads every record of `path`.
///
/// * `task`: what a person says that the values are.
/// * Errors: what cannot be read, with the number of such records and the place of the first.
pub fn read(path: &Path, task: TaskChoice) -> anyhow::Result<Labelled> {
    let source = Slug::try_from("offline")?;
    let map = |batch: Batch| {
        let mut part = Part::default();
        match batch {
            Batch::Rows(rows) => part.of_rows(&rows),
            Batch::Lines(lines) => {
                lines.raw().for_each(|(place, line)| part.take(of_line(line, place, &source), |what| at_record(place, what)));
            }
            Batch::Records(records) => {
                let take = |(place, record)| part.take(of_object(record, place, &source), |what| at_record(place, what));
                records.into_iter().for_each(take);
            }
        }
        Ok(part)
    };
    let (mut all, mut journal) = (Part::default(), Journal::default());
    let told = each_batch(path, false, &|name| field(name).is_some(), map, |part| {
        all.rows += part.rows;
        all.refused += part.refused;
        all.first = all.first.take().or(part.first);
        all.counts.merge(part.counts);
        journal.add(part.bytes)
    })?;
    if let Some(first) = all.first {
        let of = all.refused + all.rows;
        return Err(anyhow!("{first}").context(format!("{} of {of} records cannot be read", all.refused)));
    }
    let is_table = !told.names.is_empty();
    if is_table && told.names.iter().all(|name| !matches!(field(name), Some(Field::Prediction | Field::Error))) {
        return Err(anyhow!("no column is called prediction or y_pred: there are {}", told.names.join(", ")));
    }
    let mut remarks = Vec::new();
    if is_table && told.names.iter().all(|name| field(name) != Some(Field::Actual)) {
        let names = FIELDS[1].1.join(", ");
        remarks.push(format!("no column holds labels, which are called {names}: there are {}", told.names.join(", ")));
    }
    remarks.extend(second_columns(&told.names));
    if let Some((name, kind)) = told.unread.first() {
        return Err(anyhow!("column {name:?} holds {kind}, which are not read: write plain values, or leave the column out"));
    }
    if all.rows == 0 {
        let shown = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
        return Err(anyhow!("{shown} holds no record"));
    }
    if 0 < told.blank_lines {
        remarks.push(format!("{} blank lines are no records", told.blank_lines));
    }
    let reading = all.counts.reading(&told, task, &mut remarks);
    let unanswered = all.counts.unanswered(reading);
    if 0 < unanswered {
        let what = format!("{unanswered} of {} records have no prediction and no error that says why", all.rows);
        if all.rows < 2 * unanswered {
            return Err(anyhow!(what));
        }
        remarks.push(format!("{what}: they are left out"));
    }
    let bare_scores = 0 < all.counts.bare_scores;
    let no_classes = all.counts.guesses.without_class(&mut remarks)?;
    Ok(Labelled { records: Stored { journal, reading, no_classes }, bare_scores, remarks })
}

/// What a column holds by its name, in whatever case that is written.
fn field(name: &str) -> Option<Field> {
    let is = |known: &&str| known.eq_ignore_ascii_case(name);
    let plain = FIELDS.iter().find(|(_, names)| names.iter().any(&is)).map(|(field, _)| field.clone());
    plain.or_else(|| match Scored::of(name)? {
        Scored::Positive => Some(Field::Score),
        Scored::Class(class) => Some(Field::ScoreOf(spelt(class))),
        Scored::MayBeClass(class) => Some(Field::MayBeScoreOf(spelt(class))),
    })
}

/// What each column is read as. Of several for one field that is the one whose name comes first in [`FIELDS`], and the others are nothing.
fn fields(names: &[String]) -> Vec<Option<Field>> {
    let rank =
        |name: &str| FIELDS.iter().find_map(|(_, known)| known.iter().position(|known| known.eq_ignore_ascii_case(name)));
    let mut fields: Vec<Option<Field>> = names.iter().map(|name| field(name)).collect();
    let mut places: Vec<usize> = (0..names.len()).collect();
    places.sort_by_key(|place| rank(&names[*place]));
    let mut read = HashSet::new();
    for place in places {
        fields[place] = fields[place].take().filter(|field| read.insert(field.clone()));
    }
    fields
}

/// Columns that are left alone because another holds the same field, each as a remark.
fn second_columns(names: &[String]) -> Vec<String> {
    let read_as = fields(names);
    let left_alone = names.iter().zip(&read_as).filter(|(_, read_as)| read_as.is_none());
    let remark = |(name, _): (&String, &Option<Field>)| {
        let used = &names[read_as.iter().position(|read_as| read_as.is_some() && *read_as == field(name))?];
        Some(format!("columns {used:?} and {name:?} hold the same: {used:?} is read, {name:?} is left alone"))
    };
    left_alone.filter_map(remark).collect()
}

impl Part {
    fn take(&mut self, read: Result<Draft, Error>, at: impl Fn(String) -> Error) {
        match read {
            Ok(mut draft) => {
                self.rows += 1;
                self.counts.add(&draft);
                self.counts.guesses.add(&mut draft, at);
                stored::encode(&draft, &mut self.bytes);
            }
            Err(error) => {
                self.refused += 1;
                self.first.get_or_insert(error);
            }
        }
    }

    fn of_rows(&mut self, rows: &Rows) {
        let columns = fields(&rows.names).into_iter().zip(&rows.columns);
        let columns: Vec<_> = columns.filter_map(|(field, cells)| Some((field?, cells))).collect();
        for row in 0..rows.count() {
            let cells = columns.iter().map(|(field, cells)| (field, cells[row]));
            let at = |what: String| rows.error(row, format!(": {what}"));
            self.take(draft(rows, cells).map_err(at), at);
        }
    }
}

fn draft<'f>(rows: &Rows, cells: impl Iterator<Item = (&'f Field, Cell)>) -> Result<Draft, String> {
    let mut draft = Draft::empty();
    for (field, cell) in cells {
        let prediction = &mut draft.record.prediction;
        match field {
            Field::Prediction => draft.prediction = draft.prediction.or(said(rows, cell)?),
            Field::Actual => draft.actual = draft.actual.or(said(rows, cell)?),
            Field::Confidence => prediction.confidence = fraction(rows, cell, "confidence")?,
            Field::Score => draft.record.score = fraction(rows, cell, "score")?,
            Field::ScoreOf(class) => {
                prediction.scores.extend(fraction(rows, cell, class)?.map(|score| (class.clone(), score)));
            }
            Field::MayBeScoreOf(class) => draft.guess(class, fraction(rows, cell, class)),
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
    let number = number(rows, cell).map_err(|what| format!("{name}: {what}, and so no probability"))?;
    number.map(|number| as_probability(number, name)).transpose()
}

fn as_probability(number: f64, name: &str) -> Result<f64, String> {
    rounded(number).ok_or_else(|| format!("{name}: {number} is no probability between 0 and 1: divide a percentage by 100"))
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
fn of_line(line: &[u8], place: u64, source: &Slug) -> Result<Draft, Error> {
    let is_plain = line.split(|byte| !byte.is_ascii_digit()).all(|digits| digits.len() <= DIGITS_SURE);
    if is_plain
        && let Some(Ok(Event::PredictionLogged(prediction))) = decoded(line, source)
        && (!prediction.scores.is_empty() || !may_name_score(line))
    {
        return Ok(of_event(prediction));
    }
    of_object(crate::files::Lines::record(place, line)?, place, source)
}

/// Whether a key of the line may be one of [`Scored`], which the stream does not know.
fn may_name_score(line: &[u8]) -> bool {
    static PARTS: LazyLock<[Finder; 4]> = LazyLock::new(|| ["core", "CORE", "rob", "ROB"].map(Finder::new));
    PARTS.iter().any(|part| part.find(line).is_some())
}

fn of_object(mut object: Map<String, Json>, place: u64, source: &Slug) -> Result<Draft, Error> {
    // a time that cannot be read must not cost a record that needs none
    ["at", "timestamp", "ts"].into_iter().for_each(|time| {
        object.remove(time);
    });
    let mut draft = Draft::empty();
    for (name, value) in &mut object {
        match field(name) {
            Some(Field::Prediction | Field::Actual) => keep_long(value),
            Some(Field::Confidence | Field::ResponseTime | Field::LatencyMs) => draft.unquoted += unquote(value),
            Some(Field::Score) => {
                draft.unquoted += unquote(value);
                draft.record.score = probability(value, name).map_err(|what| at_record(place, what))?.or(draft.record.score);
            }
            Some(Field::ScoreOf(class)) => {
                draft.unquoted += unquote(value);
                let score = probability(value, name).map_err(|what| at_record(place, what))?;
                draft.record.prediction.scores.extend(score.map(|score| (class, score)));
            }
            Some(Field::MayBeScoreOf(class)) => {
                let is_quoted = unquote(value);
                let score = probability(value, name);
                draft.unquoted += if score.is_ok() { is_quoted } else { 0 };
                draft.guess(&class, score);
            }
            Some(Field::Error) => {}
            None if name == "scores" => {
                draft.unquoted += value.as_object_mut().into_iter().flat_map(Map::values_mut).map(unquote).sum::<u64>();
            }
            None => {}
        }
    }
    let body = Json::Object(object).to_string();
    match decoded(body.as_bytes(), source) {
        Some(Ok(Event::PredictionLogged(mut prediction))) => {
            if prediction.scores.is_empty() {
                prediction.scores = draft.record.prediction.scores;
            }
            let read = of_event(prediction);
            let record = Record { score: draft.record.score, ..read.record };
            Ok(Draft { prediction: read.prediction, actual: read.actual, record, ..draft })
        }
        Some(Err(fault)) => Err(at_record(place, format!("{} ({}{})", fault.detail, fault.reason, fault.pointer))),
        _ => Err(Error::At { unit: RECORD, place, what: " is not a prediction".to_owned() }),
    }
}

/// What a place of JSON is counted in.
const RECORD: &str = "line or element";

fn at_record(place: u64, what: String) -> Error {
    Error::At { unit: RECORD, place, what: format!(": {what}") }
}

/// Two whole numbers that no double tells apart are two classes.
fn keep_long(value: &mut Json) {
    let is_long = value.as_i64().is_some_and(|whole| whole as f64 as i64 != whole || (1 << 53) < whole.unsigned_abs());
    let is_big = value.as_u64().is_some_and(|whole| (1 << 53) < whole);
    if is_long || is_big {
        *value = Json::String(value.to_string());
    }
}

/// Makes a number of a text that spells one, and nothing of an empty one; gives how many were made.
fn unquote(value: &mut Json) -> u64 {
    let Json::String(text) = value else { return 0 };
    match classify(text.trim()) {
        Plain::Cell(Cell::Number(number)) => {
            *value = number.into();
            1
        }
        Plain::Cell(Cell::Missing) => {
            *value = Json::Null;
            0
        }
        _ => 0,
    }
}

fn probability(value: &Json, name: &str) -> Result<Option<f64>, String> {
    match (value, value.as_f64()) {
        (Json::Null, _) => Ok(None),
        (_, Some(number)) => as_probability(number, name).map(Some),
        (other, None) => Err(format!("{name}: {other} is no number, and so no probability")),
    }
}

fn decoded(body: &[u8], source: &Slug) -> Option<Result<Event, crate::event::Fault>> {
    decode_body(Kind::Prediction, source, Some("application/json"), &(), body, LAST, NoTables).pop()
}

/// The decoder of the stream says what is a class.
fn of_event(mut prediction: Prediction) -> Draft {
    let said = |value: Value| match value {
        Value::Number(number) => Said::Number(number),
        // some write `True` where others write `true`, and `1.0` where others write `1`
        Value::Class(name) => match classify(&name) {
            Plain::Cell(Cell::Truth(truth)) => Said::Truth(truth),
            Plain::Cell(Cell::Number(number)) if number.fract() == 0.0 && name.contains('.') => {
                Said::Quoted(number.to_compact_string())
            }
            Plain::Cell(Cell::Number(_)) => Said::Quoted(name),
            _ => Said::Name(name),
        },
    };
    let (answer, actual) = (prediction.value.take().map(said), prediction.actual.take().map(said));
    Draft { prediction: answer, actual, record: Record { prediction, score: None }, unquoted: 0, guessed: Vec::new() }
}
