//! A table as records: which column is which field, and what its cells are. A cell of a CSV file has no type, so a whole column decides: it holds
//! numbers if each of its cells is empty or one. The file is read twice, and its rows are handed over in their order as they are read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::mpsc::sync_channel;

use anyhow::{Context, anyhow};
use serde_json::{Map, Number, Value};

use super::frames::Line;
use super::place::{Mapping, Place, places};
use crate::cli::files::remark;
use crate::event::Kind;
use crate::files::cell::{self, Plain, Spelling, as_thousands, classify};
use crate::files::{self, Ask, Batch, Cell, Error, Input, Rows};

/// Batches of rows that are read and not published yet; more are not read ahead.
const BATCHES_AHEAD: usize = 4;

/// The most classes that are looked at to know what a score is of, and how many of them an error names.
const CLASSES_MAX: usize = 1_024;
const CLASSES_NAMED: usize = 3;

/// What the cells of one column are, all of them.
#[derive(Default)]
struct Tally {
    spelling: Spelling,
    /// Words such as `NA`.
    words: u64,
    word: Option<String>,
    /// Cells that are neither empty nor a word nor a number.
    others: u64,
    /// Some of the classes that are there.
    classes: BTreeSet<String>,
}

impl Tally {
    fn add(&mut self, text: &str) {
        match classify(text) {
            Plain::Cell(Cell::Missing) => return,
            Plain::Cell(Cell::Number(_)) | Plain::Long => {}
            Plain::Cell(cell) if self.spelling.add(cell) => {}
            Plain::Word => {
                self.words += 1;
                self.word.get_or_insert_with(|| text.to_owned());
            }
            Plain::Cell(_) | Plain::Text => self.others += 1,
        }
        if self.classes.len() < CLASSES_MAX && !self.classes.contains(text) {
            self.classes.insert(text.to_owned());
        }
    }

    fn merge(&mut self, other: Self) {
        self.spelling.merge(other.spelling);
        self.words += other.words;
        self.word = self.word.take().or(other.word);
        self.others += other.others;
        self.classes.extend(other.classes.into_iter().take(CLASSES_MAX));
    }

    /// Whether each cell is empty or a number, where the column goes to `place`.
    fn is_numeric(&self, place: &Place) -> bool {
        self.others == 0 && (self.words == 0 || place.is_measured()) && !place.is_name()
    }
}

/// How one column is turned into a part of each record.
struct Column {
    place: Place,
    is_numeric: bool,
    thousands: bool,
}

/// How a table is turned into records.
struct Plan {
    columns: BTreeMap<String, Column>,
    positive: Option<String>,
}

/// The rows of the file, each as a JSON record.
///
/// Errors: what cannot be read; a mapping to a column that is not there; a `score` whose class nobody can know.
pub fn records(
    path: &Path,
    kind: Kind,
    map: Option<&Mapping>,
    positive: Option<&str>,
) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Line>>> {
    let input = Input::Path(path.to_owned()).repeatable()?;
    of_input(input, kind, map, positive).with_context(|| format!("cannot publish {}", path.display()))
}

fn of_input(
    input: Input,
    kind: Kind,
    map: Option<&Mapping>,
    positive: Option<&str>,
) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Line>> + use<>> {
    let plan = Plan::of(&input, kind, map, positive)?;
    let (send, receive) = sync_channel::<anyhow::Result<Vec<Line>>>(BATCHES_AHEAD);
    std::thread::Builder::new().name("table".to_owned()).spawn(move || {
        let texts = |name: &str| plan.columns.get(name).is_none_or(|column| !column.is_numeric);
        let lines = |batch: Batch| Ok(plan.lines(&table(batch)?));
        // nobody listens once publishing has failed: then nothing more need be read
        let give = |lines| send.send(Ok(lines)).map_err(|_| Error::Unreadable("it is read no further".to_owned()));
        if let Err(error) = files::read(&input, ask(&texts), lines, give) {
            drop(send.send(Err(error.into())));
        }
    })?;
    Ok(receive.into_iter().flat_map(|batch| match batch {
        Ok(lines) => lines.into_iter().map(Ok).collect::<Vec<_>>(),
        Err(error) => vec![Err(error)],
    }))
}

/// A column without a name numbers the rows.
fn ask<'a>(texts: &'a (dyn Fn(&str) -> bool + Sync)) -> Ask<'a> {
    Ask { columns: &|name| !name.is_empty(), texts, plain: false, progress: None }
}

fn table(batch: Batch) -> Result<Rows, Error> {
    match batch {
        Batch::Rows(rows) => Ok(rows),
        Batch::Lines(_) => Err(Error::Unreadable("it holds JSON, not a table: give it to --ndjson".to_owned())),
        Batch::Records(_) => Err(Error::Unreadable("it holds JSON, not a table: give it to --file".to_owned())),
    }
}

impl Plan {
    /// Reads the whole table to know what its columns are.
    fn of(input: &Input, kind: Kind, map: Option<&Mapping>, positive: Option<&str>) -> anyhow::Result<Self> {
        let tallied = |batch: Batch| {
            let rows = table(batch)?;
            let tally = |cells: &Vec<Cell>| {
                let mut tally = Tally::default();
                cells.iter().filter_map(|cell| rows.text_of(*cell)).for_each(|text| tally.add(text));
                tally
            };
            Ok(rows.names.iter().cloned().zip(rows.columns.iter().map(tally)).collect::<Vec<_>>())
        };
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        let told = files::read(input, ask(&|_| true), tallied, |part| {
            part.into_iter().for_each(|(name, tally)| tallies.entry(name).or_default().merge(tally));
            Ok(())
        })?;
        for (name, kind) in &told.unread {
            remark(&format!("column {name:?} holds {kind} and is not published"));
        }
        let places = places(&told, kind, map)?;
        let classes_of = |wanted: fn(&Place) -> bool| {
            let found = places.iter().filter(|(_, place)| wanted(place)).filter_map(|(name, _)| tallies.get(name));
            found.flat_map(|tally| tally.classes.iter().cloned()).collect::<BTreeSet<String>>()
        };
        let (classes, truths) = (classes_of(Place::is_answer), classes_of(Place::is_truth));
        let mut columns = BTreeMap::new();
        let mut has_score = false;
        for (name, place) in places {
            let place = place.decided(|class| classes.contains(class) || truths.contains(class));
            let tally = tallies.remove(&name).unwrap_or_default();
            if let Some(word) = tally.word.as_ref().filter(|_| place.is_measured()) {
                remark(&format!("column {name:?}: {} cells such as {word:?} are taken for no value", tally.words));
            }
            has_score |= place == Place::Score;
            let (is_numeric, thousands) = (tally.is_numeric(&place), tally.spelling.thousands(told.format));
            columns.insert(name, Column { place, is_numeric, thousands });
        }
        let positive = if has_score { Some(positive_class(positive, &classes)?) } else { None };
        Ok(Self { columns, positive })
    }

    fn lines(&self, rows: &Rows) -> Vec<Line> {
        let columns: Vec<&Column> = rows.names.iter().filter_map(|name| self.columns.get(name)).collect();
        let line = |row: usize| {
            let mut record = Map::new();
            for (column, cells) in columns.iter().zip(&rows.columns) {
                if let Some(value) = column.value(rows, cells[row]) {
                    self.put(&mut record, &column.place, value);
                }
            }
            Line { number: rows.place(row), text: Value::Object(record).to_string().into_bytes() }
        };
        (0..rows.count()).map(line).collect()
    }

    fn put(&self, record: &mut Map<String, Value>, place: &Place, value: Value) {
        let (object, key) = match place {
            Place::Field(name) => {
                record.insert(name.clone(), value);
                return;
            }
            Place::Score => ("scores", self.positive.as_deref().unwrap_or_default()),
            Place::ScoreOf(class) | Place::MayBeScoreOf(class, _) => ("scores", class.as_str()),
            Place::Feature(name) => ("features", name.as_str()),
            Place::Segment(name) => ("segment", name.as_str()),
            Place::Metric(name) => ("metrics", name.as_str()),
            Place::Label(name) => ("labels", name.as_str()),
        };
        let inner = record.entry(object).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(inner) = inner {
            inner.insert(key.to_owned(), value);
        }
    }
}

impl Column {
    /// The value of a cell; `None` where it says nothing.
    fn value(&self, rows: &Rows, cell: Cell) -> Option<Value> {
        let number = |number: f64| whole(number).or_else(|| Number::from_f64(number)).map(Value::Number);
        match cell {
            Cell::Number(value) | Cell::Comma(value) | Cell::Grouped(value) => number(value),
            Cell::Either(value) => number(if self.thousands { as_thousands(value) } else { value }),
            Cell::Long(span) if self.is_numeric => long(rows.text(span)).map(Value::Number),
            Cell::Text(span) | Cell::Long(span) => {
                let text = rows.text(span);
                let says_nothing = self.place.is_measured() && cell::says_nothing(text)
                    || self.place == Place::Field("error".to_owned()) && is_no_error(text);
                (!says_nothing).then(|| Value::String(text.to_owned()))
            }
            Cell::Missing | Cell::NotFinite | Cell::Truth(_) | Cell::Word(_) => None,
        }
    }
}

/// A column of errors may say in words that there is none.
fn is_no_error(text: &str) -> bool {
    matches!(classify(text), Plain::Word | Plain::Cell(Cell::Truth(false))) || classify(text) == Plain::Cell(Cell::Number(0.0))
}

fn whole(number: f64) -> Option<Number> {
    const EXACT_MAX: f64 = (1_u64 << 53) as f64;
    (number.fract() == 0.0 && number.abs() <= EXACT_MAX).then(|| Number::from(number as i64))
}

fn long(text: &str) -> Option<Number> {
    let whole = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
    whole.ok().or_else(|| Number::from_f64(text.parse().ok()?))
}

/// The class whose probability a lone score is.
fn positive_class(given: Option<&str>, classes: &BTreeSet<String>) -> anyhow::Result<String> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let known = ["1", "1.0", "true", "True", "TRUE"].into_iter().find(|class| classes.contains(*class));
    let zero = ["0", "0.0", "false", "False", "FALSE"].into_iter().any(|class| classes.contains(class));
    match known {
        Some(class) => Ok(if class.starts_with('1') { "1".to_owned() } else { class.to_owned() }),
        None if zero && classes.len() == 1 => Ok("1".to_owned()),
        None => {
            let some: Vec<&str> = classes.iter().map(String::as_str).take(CLASSES_NAMED).collect();
            Err(anyhow!("the score is of which class? The predictions hold {}; say it with --positive CLASS", some.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn published(text: impl AsRef<[u8]>, kind: Kind, map: &str, positive: Option<&str>) -> anyhow::Result<Vec<Value>> {
        let map = if map.is_empty() { None } else { Some(Mapping::parse(map).unwrap()) };
        let input = Input::Bytes(text.as_ref().to_vec().into());
        let rows = of_input(input, kind, map.as_ref(), positive)?;
        rows.map(|line| Ok(serde_json::from_slice(&line?.text)?)).collect()
    }

    #[test]
    fn columns_become_fields_scores_and_features_and_a_whole_column_decides_what_its_cells_are() {
        let csv = "id,label,p,amount,country\n007,yes,0.9,12.50,KR\n008,no,0.2,,NA\n";
        let records = published(csv, Kind::Prediction, "prediction_id=id,prediction=label,score=p", Some("yes")).unwrap();
        assert_eq!(
            records,
            [
                json!({"prediction_id": "007", "prediction": "yes", "scores": {"yes": 0.9}, "features": {"amount": 12.5, "country": "KR"}}),
                json!({"prediction_id": "008", "prediction": "no", "scores": {"yes": 0.2}}),
            ]
        );
        let mixed = published("prediction,x\n404,1\ntimeout,2\n", Kind::Prediction, "", None).unwrap();
        assert_eq!(mixed[0], json!({"prediction": "404", "features": {"x": 1}}), "one word makes all of them names");
    }

    #[test]
    fn scores_have_the_names_that_evaluate_knows_and_only_of_classes() {
        let csv = "Y_PRED,label,proba_yes,Proba_no,score_fico,features.score_band\nyes,no,0.9,0.1,700,3\nno,no,0.2,0.8,650,4\n";
        let records = published(csv, Kind::Prediction, "", None).unwrap();
        assert_eq!(
            records[0],
            json!({"y_pred": "yes", "actual": "no", "scores": {"yes": 0.9, "no": 0.1}, "features": {"score_fico": 700, "score_band": 3}})
        );
        let lone = published("prediction,y_proba\n1,0.9\n0,0.2\n", Kind::Prediction, "", None).unwrap();
        assert_eq!(lone[1], json!({"prediction": 0, "scores": {"1": 0.2}}));
    }

    #[test]
    fn what_the_other_commands_read_is_published_too() {
        let commas = published("prediction;score\n0;0,1\n1;0,8\n", Kind::Prediction, "", None).unwrap();
        assert_eq!(commas[0], json!({"prediction": 0, "scores": {"1": 0.1}}), "decimal commas between semicolons");
        let utf16: Vec<u8> =
            "\u{feff}prediction,error\nyes,False\nno,timeout\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let records = published(utf16, Kind::Prediction, "", None).unwrap();
        assert_eq!(records, [json!({"prediction": "yes"}), json!({"prediction": "no", "error": "timeout"})]);
    }

    #[test]
    fn rows_keep_their_order_and_their_lines() {
        let csv: String =
            std::iter::once("prediction_id,x\n".to_owned()).chain((0..200_000).map(|row| format!("p{row},{row}\n"))).collect();
        let lines = of_input(Input::Bytes(csv.into_bytes().into()), Kind::Prediction, None, None).unwrap();
        let mut count = 0;
        for (row, line) in lines.enumerate() {
            let Line { number, text } = line.unwrap();
            assert_eq!(number, row as u64 + 2);
            assert_eq!(
                String::from_utf8(text).unwrap(),
                format!("{{\"features\":{{\"x\":{row}}},\"prediction_id\":\"p{row}\"}}")
            );
            count += 1;
        }
        assert_eq!(count, 200_000);
    }

    #[test]
    fn the_class_of_a_lone_score_is_known_or_asked_for() {
        let zeros = published("prediction;score\n0;0.1\n1;0.8\n", Kind::Prediction, "", None).unwrap();
        assert_eq!(zeros[0], json!({"prediction": 0, "scores": {"1": 0.1}}), "separated by semicolons");
        let error = published("prediction,score\nyes,0.1\nno,0.8\n", Kind::Prediction, "", None).unwrap_err();
        assert!(error.to_string().contains("--positive"), "{error}");
    }

    #[test]
    fn other_kinds_take_their_columns_as_they_are() {
        let labels = published("prediction_id,actual\n9007199254740993,None\n", Kind::Label, "", None).unwrap();
        assert_eq!(labels[0], json!({"prediction_id": "9007199254740993", "actual": "None"}));
        let sample = published("source,cpu,labels.core\nweb-01,12.5,0\n", Kind::Sample, "", None).unwrap();
        assert_eq!(sample[0], json!({"source": "web-01", "metrics": {"cpu": 12.5}, "labels": {"core": "0"}}));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let error = published("a,b\n1,2\n", Kind::Prediction, "prediction=c", None).unwrap_err();
        assert!(error.to_string().contains("there are a, b"), "{error}");
        let error = published("prediction,label\n1,2\n", Kind::Prediction, "prediction=label", None).unwrap_err();
        assert!(error.to_string().contains("both hold"), "{error}");
        let error = published("{\"prediction\":1}\n", Kind::Prediction, "", None).unwrap_err();
        assert!(error.to_string().contains("--ndjson"), "{error}");
        assert!(Mapping::parse("prediction").is_err() && Mapping::parse("a=").is_err());
    }
}
