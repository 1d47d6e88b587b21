//! A training set as it is uploaded: any table that [`crate::files`] reads, drawn down to what a reference holds, cut into commands.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value as Json};

use crate::event::wire::{FEATURES_MAX, MESSAGE_BYTES_MAX};
use crate::event::{Feature, Features, TrainingRow, Value, fraction};
use crate::files::cell::as_thousands;
use crate::files::columns::{self, Part, Reading, Remark};
use crate::files::{self, Ask, Batch, Cell, Error, Input, Rows};
use crate::http::problem::Problem;
use crate::ids::NAME_BYTES_MAX;
use crate::monitor::drift::baseline::FEATURES;
use crate::monitor::limits::FEATURES_WATCHED_MAX;

/// The most rows and the most values of a reference; of a larger set so many are drawn.
pub const ROWS_MAX: usize = 10_000;
const VALUES_MAX: usize = 500_000;

/// Bytes of rows in one command, with room for what is around them.
const FRAME_BYTES: usize = MESSAGE_BYTES_MAX / 2;

/// Which columns are no features.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    pub prediction: Option<String>,
    pub score: Option<String>,
}

impl Columns {
    /// Whether the column `name` holds one of them.
    fn hold(&self, name: &str) -> bool {
        [&self.prediction, &self.score].into_iter().flatten().any(|column| column == name)
    }

    fn is_score(&self, name: &str) -> bool {
        self.score.as_deref() == Some(name)
    }
}

/// A training set that was read.
#[derive(Debug)]
pub struct Training {
    /// At most [`ROWS_MAX`].
    pub rows: Vec<TrainingRow>,
    /// How many there were.
    pub of: u64,
    /// What was not used as it stood, a sentence each.
    pub remarks: Vec<String>,
}

type Readings = BTreeMap<String, (Reading, Vec<Remark>)>;

/// Reads a training set: what it is follows from its bytes, since the content type that clients send by themselves says nothing.
///
/// It is read twice: what a column is can only be told from all of it.
///
/// Errors: what cannot be read, by its line; a set without a row; a column that is named and not there; a score that is no probability.
pub fn read(body: &Bytes, columns: &Columns) -> Result<Training, Problem> {
    let (readings, about) = readings(body, columns)?;
    let mut drawn = Draw::default();
    let map = |batch: Batch| {
        let mut training = Vec::new();
        match batch {
            Batch::Rows(rows) => {
                let of_column: Vec<Reading> = rows.names.iter().map(|name| reading(&readings, name)).collect();
                for row in 0..rows.count() {
                    training.push(of_table(&rows, row, &of_column, columns)?);
                }
            }
            Batch::Lines(lines) => {
                for record in lines.records() {
                    let (place, record) = record?;
                    training.push(of_record(record, place, &readings, columns)?);
                }
            }
            Batch::Records(records) => {
                for (place, record) in records {
                    training.push(of_record(record, place, &readings, columns)?);
                }
            }
        }
        Ok(training)
    };
    let fold = |rows: Vec<TrainingRow>| {
        rows.into_iter().for_each(|row| drawn.offer(row));
        Ok(())
    };
    files::read(&Input::Bytes(body.clone()), ask(&|_| true), map, fold).map_err(unreadable)?;
    if drawn.rows.is_empty() {
        return Err(Problem::unprocessable("no-rows", "the training set holds no row"));
    }
    let said = readings.values().flat_map(|(_, remarks)| remarks);
    let said = said.map(|remark| format!("column {:?} {}", remark.column.as_deref().unwrap_or_default(), remark.what));
    Ok(Training { of: drawn.seen, rows: drawn.rows, remarks: about.into_iter().chain(said).collect() })
}

fn ask(columns: &(dyn Fn(&str) -> bool + Sync)) -> Ask<'_> {
    Ask { columns, texts: &|_| false, plain: false, progress: None }
}

/// How each column is read; and what there is to say of the file, where it is not read as usual.
fn readings(body: &Bytes, columns: &Columns) -> Result<(Readings, Vec<String>), Problem> {
    let mut all = columns::Columns::default();
    let map = |batch: Batch| {
        let mut part = Part::default();
        match batch {
            Batch::Rows(rows) => part.add_rows(&rows),
            Batch::Lines(lines) => {
                for record in lines.records() {
                    let (place, record) = record?;
                    add(&mut part, &record, place)?;
                }
            }
            Batch::Records(records) => records.iter().try_for_each(|(place, record)| add(&mut part, record, *place))?,
        }
        Ok(part)
    };
    let told = files::read(&Input::Bytes(body.clone()), ask(&|_| true), map, |part| all.add(part)).map_err(unreadable)?;
    all.rename(|name| Some(feature_name(name).to_owned()));
    let is_empty = all.rows == 0;
    let mut readings = all.readings(told.format, |name| columns.prediction.as_deref() == Some(name));
    if is_empty {
        readings.extend(told.names.iter().map(|name| (feature_name(name).to_owned(), Default::default())));
    }
    for (name, given) in [("prediction", &columns.prediction), ("score", &columns.score)] {
        if let Some(missing) = given.as_ref().filter(|column| !readings.contains_key(*column)) {
            let there_are = readings.keys().take(20).map(String::as_str).collect::<Vec<_>>().join(", ");
            let detail =
                format!("{name}={missing:?} names no column of the file ({}); there are {there_are}", told.format.shown());
            return Err(Problem::unprocessable("no-such-column", detail));
        }
    }
    let features: Vec<&String> = readings.keys().filter(|name| !columns.hold(name)).collect();
    check(&features).map_err(|why| unreadable(Error::at_line(1, format!(": {why}"))))?;
    let usual = [files::Format::Delimited(b','), files::Format::JsonLines];
    let format = (!usual.contains(&told.format)).then(|| format!("read as {}", told.format.shown()));
    let unread = told.unread.iter().map(|(name, kind)| format!("column {name:?} holds {kind} and is left out"));
    Ok((readings, format.into_iter().chain(unread).collect()))
}

fn add(part: &mut Part, record: &Map<String, Json>, place: u64) -> Result<(), Error> {
    check_names(record.keys()).map_err(|why| Error::at_line(place, format!(": {why}")))?;
    part.add_row();
    for (name, value) in record {
        match value {
            Json::Bool(truth) => part.truth(name, *truth),
            Json::Number(number) => part.number(name, number.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => part.text(name, text, place),
            Json::Null | Json::Array(_) | Json::Object(_) => part.missing(name),
        }
    }
    Ok(())
}

/// A table may hold its features in a structure of that name, whose fields are columns such as `features.amount`.
fn feature_name(column: &str) -> &str {
    column.strip_prefix("features.").unwrap_or(column)
}

fn reading(readings: &Readings, column: &str) -> Reading {
    readings.get(feature_name(column)).map(|(reading, _)| *reading).unwrap_or_default()
}

fn unreadable(error: Error) -> Problem {
    match error.place() {
        Some(place) => Problem::unprocessable("unreadable-training-set", error.to_string()).with("line", place),
        None if matches!(error, Error::Empty) => Problem::unprocessable("no-rows", "the training set holds no row"),
        None => Problem::unprocessable("unreadable-training-set", error.to_string()),
    }
}

fn of_table(rows: &Rows, row: usize, readings: &[Reading], columns: &Columns) -> Result<TrainingRow, Error> {
    let cells = rows.names.iter().zip(&rows.columns).zip(readings);
    let fields = cells.map(|((name, cells), reading)| (feature_name(name).to_owned(), of_cell(rows, cells[row], *reading)));
    training_row(fields.collect(), rows.place(row), columns)
}

fn of_record(record: Map<String, Json>, place: u64, readings: &Readings, columns: &Columns) -> Result<TrainingRow, Error> {
    let field = |(name, value): (String, Json)| {
        let feature = feature(&value, reading(readings, &name)).map_err(|what| Error::at_line(place, format!(": {what}")))?;
        Ok((name, feature))
    };
    training_row(record.into_iter().map(field).collect::<Result<_, Error>>()?, place, columns)
}

/// Rows in groups that each fit into one command, in their order; at least one.
pub fn frames(rows: Vec<TrainingRow>) -> Vec<Vec<TrainingRow>> {
    let mut frames = vec![Vec::new()];
    let mut bytes = 0;
    for row in rows {
        let size = serde_json::to_vec(&row).map_or(0, |row| row.len()) + 1;
        if FRAME_BYTES < bytes + size && bytes != 0 {
            frames.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        frames.last_mut().expect("there is at least one").push(row);
    }
    frames
}

fn training_row(fields: Vec<(String, Feature)>, place: u64, columns: &Columns) -> Result<TrainingRow, Error> {
    let (mut prediction, mut score, mut features) = (None, None, Vec::with_capacity(fields.len()));
    for (name, value) in fields {
        if columns.prediction.as_ref() == Some(&name) {
            prediction = answer(value);
        } else if columns.is_score(&name) {
            score = score_of(value).map_err(|why| Error::at_line(place, format!(": {name}: {why}")))?;
        } else {
            features.push((name.into(), value));
        }
    }
    Ok(TrainingRow { features: features.into_iter().collect::<Features>(), prediction, score })
}

/// A probability as predictions have it; `None` where the cell is empty.
fn score_of(value: Feature) -> Result<Option<f64>, String> {
    match value {
        Feature::Missing => Ok(None),
        Feature::Number(number) => fraction::rounded(number).map(Some).ok_or_else(|| {
            let hint = if (1.0..=100.0).contains(&number) { "; divide percentages by 100" } else { "" };
            format!("a score lies in 0 to 1, unlike {number}{hint}")
        }),
        Feature::Category(text) => Err(format!("a score is a number, unlike {text:?}")),
    }
}

/// What the decoder would refuse: found here, before the first part of the set has taken the place of a reference.
fn check(names: &[impl AsRef<str>]) -> Result<(), String> {
    if FEATURES_MAX < names.len() {
        return Err(format!("at most {FEATURES_MAX} features, not {}", names.len()));
    }
    check_names(names.iter())
}

fn check_names<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Result<(), String> {
    match names.into_iter().find(|name| !(1..=NAME_BYTES_MAX).contains(&name.as_ref().len())) {
        Some(name) => Err(format!("the name of a feature holds 1 to {NAME_BYTES_MAX} bytes, not {}", name.as_ref().len())),
        None => Ok(()),
    }
}

fn answer(value: Feature) -> Option<Value> {
    match value {
        Feature::Missing => None,
        Feature::Number(number) => Some(Value::Number(number)),
        Feature::Category(name) => Some(Value::Class(name)),
    }
}

fn of_cell(rows: &Rows, cell: Cell, reading: Reading) -> Feature {
    match cell {
        Cell::Missing | Cell::NotFinite => Feature::Missing,
        Cell::Number(number) | Cell::Comma(number) | Cell::Grouped(number) => Feature::Number(number),
        Cell::Either(number) => Feature::Number(if reading.thousands { as_thousands(number) } else { number }),
        Cell::Truth(truth) => Feature::flag(truth),
        Cell::Long(span) => rows.text(span).parse().map_or(Feature::Missing, Feature::Number),
        Cell::Word(span) if reading.words_are_names => Feature::text(rows.text(span)),
        Cell::Word(_) => Feature::Missing,
        Cell::Text(span) => Feature::text(rows.text(span)),
    }
}

fn feature(value: &Json, reading: Reading) -> Result<Feature, String> {
    match value {
        Json::Null => Ok(Feature::Missing),
        Json::Bool(flag) => Ok(Feature::flag(*flag)),
        // a number in quotes is a number if the column is one
        Json::String(text) if reading.numeric => {
            let rows = Rows::of_text(text.trim());
            Ok(of_cell(&rows, rows.columns[0][0], reading))
        }
        Json::String(text) => Ok(Feature::text(text)),
        Json::Number(number) => Ok(number.as_f64().map_or(Feature::Missing, Feature::Number)),
        Json::Array(items) => {
            let numbers: Option<Vec<f64>> = items.iter().map(Json::as_f64).collect();
            let numbers = numbers.ok_or("an array holds something that is no number")?;
            Ok(if numbers.is_empty() { Feature::Missing } else { Feature::norm(numbers.iter().map(|n| n * n).sum()) })
        }
        Json::Object(_) => Err("a value is an object; a training set is flat".to_owned()),
    }
}

/// Draws [`ROWS_MAX`] rows, each with the same chance: algorithm R of Vitter (1985), *ACM TOMS* 11, 37–57, with a fixed seed, so that the
/// same file gives the same reference.
#[derive(Default)]
struct Draw {
    rows: Vec<TrainingRow>,
    /// The most that are drawn, by what the first row holds.
    most: usize,
    seen: u64,
    state: u64,
}

impl Draw {
    fn offer(&mut self, row: TrainingRow) {
        self.seen += 1;
        if self.rows.is_empty() {
            let values = FEATURES + row.features.values().len().min(FEATURES_WATCHED_MAX);
            self.most = ROWS_MAX.min(VALUES_MAX / values);
        }
        if self.rows.len() < self.most {
            self.rows.push(row);
            return;
        }
        let place = ((u128::from(self.next()) * u128::from(self.seen)) >> 64) as usize;
        if let Some(held) = self.rows.get_mut(place) {
            *held = row;
        }
    }

    /// SplitMix64: Steele, Lea & Flood (2014), *OOPSLA*, 453–472.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Columns {
        Columns { prediction: Some("y".to_owned()), score: Some("p".to_owned()) }
    }

    fn read(body: &[u8], columns: &Columns) -> Result<Training, Problem> {
        super::read(&Bytes::copy_from_slice(body), columns)
    }

    #[test]
    fn csv_and_json_lines_say_the_same() {
        let csv = b"a,b,y,p\n1.5,x,yes,0.9\n,z,no,0.2\n";
        let json =
            b"{\"a\":\"1.50\",\"b\":\"x\",\"y\":\"yes\",\"p\":0.9}\n\n{\"a\":null,\"b\":\"z\",\"y\":\"no\",\"p\":\"0.2\"}";
        let training = read(csv, &columns()).unwrap();
        assert_eq!((training.rows.len(), training.of), (2, 2));
        assert_eq!(read(json, &columns()).unwrap().rows, training.rows);
        assert_eq!(read(b"a;b;y;p\n1,5;x;yes;0,9\n;z;no;0,2\n", &columns()).unwrap().rows, training.rows);
        assert_eq!(training.rows[0].prediction, Some(Value::Class("yes".into())));
        assert_eq!(training.rows[1].features.values(), [Feature::Missing, Feature::Category("z".into())]);
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_line() {
        let problem = read(b"a,b\n1,2\n3\n", &Columns::default()).unwrap_err();
        assert!(format!("{problem:?}").contains("line 3"), "{problem:?}");
        let problem = read(b"{\"a\":1}\n{\"a\":{}}\n", &Columns::default()).unwrap_err();
        assert!(format!("{problem:?}").contains("line 2"), "{problem:?}");
        assert!(read(b"a,b\n", &Columns::default()).is_err());
        assert!(read(b"a,b\n1,2\n", &columns()).is_err());
    }

    #[test]
    fn a_score_that_is_no_probability_is_named_by_its_line_and_rounding_is_none() {
        let rows = read(b"a,y,p\n1,yes,1.0000054\n2,no,-5.4e-6\n3,no,\n", &columns()).unwrap().rows;
        assert_eq!(rows.iter().map(|row| row.score).collect::<Vec<_>>(), [Some(1.0), Some(0.0), None]);
        let columns = Columns { score: Some("p".to_owned()), prediction: None };
        for (body, told) in [
            (&b"a,y,p\n1,yes,0.9\n2,no,87\n"[..], ["line 3", "87", "percentages"]),
            (b"{\"a\":1,\"p\":1.00002}\n", ["line 1", "1.00002", "0 to 1"]),
            (b"a,y,p\n1,yes,high\n", ["line 2", "high", "number"]),
        ] {
            let problem = format!("{:?}", read(body, &columns).unwrap_err());
            assert!(told.iter().all(|word| problem.contains(word)), "{problem}");
        }
    }

    #[test]
    fn words_for_nothing_are_counted() {
        let training = read(b"a,b\n1,x\nNA,y\n3,None\n", &Columns::default()).unwrap();
        assert_eq!(training.remarks.len(), 2, "{:?}", training.remarks);
        assert!(training.remarks[0].contains("\"NA\" 1 times"), "{:?}", training.remarks);
    }

    #[test]
    fn a_class_may_be_called_none_and_a_feature_has_no_value_then() {
        let columns = Columns { prediction: Some("y".to_owned()), score: None };
        let table = b"a,y\n1,None\nNone,b\n3,\n";
        let json = b"{\"a\":1,\"y\":\"None\"}\n{\"a\":null,\"y\":\"b\"}\n{\"a\":3,\"y\":null}\n";
        let training = read(table, &columns).unwrap();
        assert_eq!(training.rows, read(json, &columns).unwrap().rows);
        assert_eq!(training.rows[0].prediction, Some(Value::Class("None".into())));
        assert!(training.remarks[1].contains("a class like any other"), "{:?}", training.remarks);
    }

    #[test]
    fn features_of_a_structure_have_their_own_names() {
        let columns = Columns { prediction: Some("y".to_owned()), score: None };
        let rows = read(b"features.a,features.b,y\n1,x,yes\n", &columns).unwrap().rows;
        assert_eq!(rows, read(b"a,b,y\n1,x,yes\n", &columns).unwrap().rows);
    }

    #[test]
    fn of_a_large_set_every_row_has_the_same_chance() {
        let body: String = std::iter::once("a\n".to_owned()).chain((0..50_000).map(|n| format!("{n}\n"))).collect();
        let Training { rows, of, .. } = read(body.as_bytes(), &Columns::default()).unwrap();
        assert_eq!((rows.len(), of), (ROWS_MAX, 50_000));
        let mean: f64 =
            rows.iter().map(|row| if let Feature::Number(n) = row.features.values()[0] { n } else { 0.0 }).sum::<f64>()
                / rows.len() as f64;
        // five standard errors of the mean of 10,000 uniform numbers up to 50,000
        assert!((mean - 25_000.0).abs() < 722.0, "{mean}");
    }

    #[test]
    fn frames_hold_every_row_once_and_fit() {
        let row = |n: f64| TrainingRow {
            features: [("a".into(), Feature::Number(n)), ("b".into(), Feature::text(&"x".repeat(60)))].into_iter().collect(),
            prediction: None,
            score: None,
        };
        let rows: Vec<TrainingRow> = (0..9_000).map(|n| row(f64::from(n))).collect();
        let frames = frames(rows.clone());
        assert!(1 < frames.len());
        assert!(frames.iter().all(|frame| serde_json::to_vec(frame).unwrap().len() <= MESSAGE_BYTES_MAX - 1_024));
        assert_eq!(frames.concat(), rows);
    }
}
