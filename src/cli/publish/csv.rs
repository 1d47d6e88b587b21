//! A CSV file as records: which column is which field, and what its cells are. A cell has no type, so a whole column decides: it holds
//! numbers if each of its cells is empty or one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, bail};
use csv::StringRecord;
use serde_json::{Map, Number, Value};

use super::frames::Line;
use crate::event::Kind;
use crate::files::cell;

/// Which column holds a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping(Vec<(String, String)>);

impl Mapping {
    /// Reads `field=column,field=column`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let pair = |part: &str| match part.split_once('=') {
            Some((field, column)) if !field.trim().is_empty() && !column.trim().is_empty() => {
                Ok((field.trim().to_owned(), column.trim().to_owned()))
            }
            _ => Err(format!("takes field=column pairs such as prediction=label,score=p, not {part:?}")),
        };
        text.split(',').map(pair).collect::<Result<Vec<_>, _>>().map(Self)
    }
}

/// Fields of a kind that a column of the same name fills.
const fn fields(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Prediction => &[
            "prediction_id",
            "model",
            "model_name",
            "model_version",
            "version",
            "at",
            "timestamp",
            "ts",
            "prediction",
            "y_pred",
            "confidence",
            "response_time",
            "latency_ms",
            "error",
            "actual",
            "actual_result",
            "y_true",
            "schema_version",
        ],
        Kind::Sample => &["source", "plugin_id", "at", "timestamp", "ts", "event_id", "schema_version"],
        _ => &[],
    }
}

/// Fields that are names: text, whatever their cells look like.
const NAMES: [&str; 12] = [
    "prediction_id",
    "model",
    "model_name",
    "model_version",
    "version",
    "source",
    "plugin_id",
    "event_id",
    "job_id",
    "batch_id",
    "at",
    "error",
];

/// Where the cells of a column go.
#[derive(Clone, Debug, PartialEq)]
enum Place {
    Field(String),
    /// The probability of the positive class.
    Score,
    /// The probability of a class.
    ScoreOf(String),
    Feature(String),
    Segment(String),
    Metric(String),
    Label(String),
}

impl Place {
    /// As `name` says, of a column or on the left of a mapping.
    fn of(name: &str, kind: Kind) -> Self {
        let prefixed = |prefix: &str| name.strip_prefix(prefix).filter(|rest| !rest.is_empty()).map(str::to_owned);
        if fields(kind).contains(&name) {
            return Self::Field(name.to_owned());
        }
        match kind {
            Kind::Prediction if name == "score" => Self::Score,
            Kind::Prediction => prefixed("scores.")
                .map(Self::ScoreOf)
                .or_else(|| prefixed("segment.").map(Self::Segment))
                .or_else(|| prefixed("features.").map(Self::Feature))
                .unwrap_or_else(|| Self::Feature(name.to_owned())),
            Kind::Sample => prefixed("labels.")
                .map(Self::Label)
                .or_else(|| prefixed("metrics.").map(Self::Metric))
                .unwrap_or_else(|| Self::Metric(name.to_owned())),
            _ => Self::Field(name.to_owned()),
        }
    }

    fn is_name(&self) -> bool {
        match self {
            Self::Field(name) => NAMES.contains(&name.as_str()),
            Self::Segment(_) | Self::Label(_) => true,
            _ => false,
        }
    }
}

struct Column {
    place: Place,
    is_numeric: bool,
}

/// The rows of the file, each as a JSON record.
///
/// Errors: what cannot be read; a mapping to a column that is not there; a `score` whose class nobody can know.
pub fn records(
    path: &Path,
    kind: Kind,
    map: Option<&Mapping>,
    positive: Option<&str>,
) -> anyhow::Result<Box<dyn Iterator<Item = anyhow::Result<Line>>>> {
    let shown = path.display();
    if path == Path::new("-") {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text)?;
        return read(std::io::Cursor::new(text), kind, map, positive);
    }
    let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
    read(std::io::BufReader::new(file), kind, map, positive).with_context(|| format!("cannot publish {shown}"))
}

fn read(
    mut input: impl Read + Seek + 'static,
    kind: Kind,
    map: Option<&Mapping>,
    positive: Option<&str>,
) -> anyhow::Result<Box<dyn Iterator<Item = anyhow::Result<Line>>>> {
    let mut head = Vec::new();
    input.by_ref().take(64 << 10).read_to_end(&mut head)?;
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) || head.contains(&0) {
        bail!("the file is no UTF-8 text (UTF-16?); write it as UTF-8, such as by `iconv -f UTF-16 -t UTF-8`");
    }
    let start = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let separator = separator(&head[start..]);
    let reader = |input| csv::ReaderBuilder::new().trim(csv::Trim::All).delimiter(separator).from_reader(input);

    input.seek(SeekFrom::Start(start as u64))?;
    let mut first = reader(input);
    let names = first.headers()?.clone();
    let places = places(&names, kind, map)?;
    let mut numeric = vec![true; places.len()];
    let mut classes = BTreeMap::new();
    let answer =
        places.iter().position(|place| matches!(place, Place::Field(name) if name == "prediction" || name == "y_pred"));
    for row in first.records() {
        let row = row?;
        for ((is_numeric, cell), place) in numeric.iter_mut().zip(&row).zip(&places) {
            *is_numeric = *is_numeric && (says_nothing(cell, place) || number(cell).is_some());
        }
        if let Some(class) = answer.and_then(|answer| row.get(answer)).filter(|class| !class.is_empty())
            && classes.len() <= 2
        {
            *classes.entry(class.to_owned()).or_insert(0_u64) += 1;
        }
    }
    let positive = match places.contains(&Place::Score) {
        true => Some(positive_class(positive, &classes)?),
        false => None,
    };
    let columns: Vec<Column> = places
        .into_iter()
        .zip(numeric)
        .map(|(place, is_numeric)| Column { is_numeric: is_numeric && !place.is_name(), place })
        .collect();

    let mut input = first.into_inner();
    input.seek(SeekFrom::Start(start as u64))?;
    let rows = reader(input).into_records();
    Ok(Box::new(rows.map(move |row| {
        let row = row?;
        let number = row.position().map_or(0, csv::Position::line);
        let record = record(&row, &columns, positive.as_deref());
        Ok(Line { number, text: Value::Object(record).to_string().into_bytes() })
    })))
}

/// The separator that cuts the first line into the most columns.
fn separator(head: &[u8]) -> u8 {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |separator: &u8| line.iter().filter(|byte| *byte == separator).count();
    let mut best = b',';
    for candidate in [b';', b'\t', b'|'] {
        if count(&best) < count(&candidate) {
            best = candidate;
        }
    }
    best
}

fn places(names: &StringRecord, kind: Kind, map: Option<&Mapping>) -> anyhow::Result<Vec<Place>> {
    let mapped = map.map_or(&[][..], |map| &map.0);
    if let Some((field, column)) = mapped.iter().find(|(_, column)| !names.iter().any(|name| name == column)) {
        let there: Vec<&str> = names.iter().collect();
        bail!("--map {field}={column} names no column; there are {}", there.join(", "));
    }
    let place = |name: &str| {
        let field = mapped.iter().find(|(_, column)| column == name).map_or(name, |(field, _)| field);
        Place::of(field, kind)
    };
    let places: Vec<Place> = names.iter().map(place).collect();
    match (1..places.len()).find(|at| places[..*at].contains(&places[*at])) {
        Some(twice) => bail!("column {:?} fills what another column fills already: {:?}", &names[twice], places[twice]),
        None => Ok(places),
    }
}

/// The class whose probability a lone score is.
fn positive_class(given: Option<&str>, classes: &BTreeMap<String, u64>) -> anyhow::Result<String> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let known = ["1", "1.0", "true", "True", "TRUE"].into_iter().find(|class| classes.contains_key(*class));
    let zero = ["0", "0.0", "false", "False", "FALSE"].into_iter().any(|class| classes.contains_key(class));
    match known {
        Some(class) => Ok(if class.starts_with('1') { "1".to_owned() } else { class.to_owned() }),
        None if zero && classes.len() == 1 => Ok("1".to_owned()),
        None => {
            let some: Vec<&str> = classes.keys().map(String::as_str).collect();
            bail!("the score is of which class? The predictions hold {}; say it with --positive CLASS", some.join(", "))
        }
    }
}

fn record(row: &StringRecord, columns: &[Column], positive: Option<&str>) -> Map<String, Value> {
    let mut record = Map::new();
    for (Column { place, is_numeric }, cell) in columns.iter().zip(row) {
        if says_nothing(cell, place) {
            continue;
        }
        let value = match number(cell).filter(|_| *is_numeric) {
            Some(number) => Value::Number(number),
            None => Value::String(cell.to_owned()),
        };
        let (object, key) = match place {
            Place::Field(name) => {
                record.insert(name.clone(), value);
                continue;
            }
            Place::Score => ("scores", positive.unwrap_or_default()),
            Place::ScoreOf(class) => ("scores", class.as_str()),
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
    record
}

/// An empty cell is no value. A word such as `NA` is none among features and metrics; elsewhere it may be a name or a class.
fn says_nothing(text: &str, place: &Place) -> bool {
    let is_measured = matches!(place, Place::Feature(_) | Place::Metric(_) | Place::Score | Place::ScoreOf(_));
    text.is_empty() || is_measured && cell::says_nothing(text)
}

/// The cell as a JSON number that is the same number, if it is one.
fn number(cell: &str) -> Option<Number> {
    let whole = cell.parse::<i64>().ok().map(Number::from);
    whole.or_else(|| cell.parse::<f64>().ok().and_then(Number::from_f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(text: &str, kind: Kind, map: &str, positive: Option<&str>) -> anyhow::Result<Vec<Value>> {
        let map = if map.is_empty() { None } else { Some(Mapping::parse(map).unwrap()) };
        let rows = read(std::io::Cursor::new(text.as_bytes().to_vec()), kind, map.as_ref(), positive)?;
        rows.map(|line| Ok(serde_json::from_slice(&line?.text)?)).collect()
    }

    #[test]
    fn columns_become_fields_scores_and_features_and_a_whole_column_decides_what_its_cells_are() {
        let csv = "id,label,p,amount,country\n007,yes,0.9,12.50,KR\n008,no,0.2,,NA\n";
        let records = published(csv, Kind::Prediction, "prediction_id=id,prediction=label,score=p", Some("yes")).unwrap();
        assert_eq!(
            records,
            [
                serde_json::json!({"prediction_id": "007", "prediction": "yes", "scores": {"yes": 0.9}, "features": {"amount": 12.5, "country": "KR"}}),
                serde_json::json!({"prediction_id": "008", "prediction": "no", "scores": {"yes": 0.2}}),
            ]
        );
        let mixed = published("prediction,x\n404,1\ntimeout,2\n", Kind::Prediction, "", None).unwrap();
        assert_eq!(
            mixed[0],
            serde_json::json!({"prediction": "404", "features": {"x": 1}}),
            "one word makes all of them names"
        );
    }

    #[test]
    fn the_class_of_a_lone_score_is_known_or_asked_for() {
        let zeros = published("prediction;score\n0;0.1\n1;0.8\n", Kind::Prediction, "", None).unwrap();
        assert_eq!(zeros[0], serde_json::json!({"prediction": 0, "scores": {"1": 0.1}}), "separated by semicolons");
        let error = published("prediction,score\nyes,0.1\nno,0.8\n", Kind::Prediction, "", None).unwrap_err();
        assert!(error.to_string().contains("--positive"), "{error}");
    }

    #[test]
    fn other_kinds_take_their_columns_as_they_are() {
        let labels = published("prediction_id,actual\n9007199254740993,None\n", Kind::Label, "", None).unwrap();
        assert_eq!(labels[0], serde_json::json!({"prediction_id": "9007199254740993", "actual": "None"}));
        let sample = published("source,cpu,labels.core\nweb-01,12.5,0\n", Kind::Sample, "", None).unwrap();
        assert_eq!(sample[0], serde_json::json!({"source": "web-01", "metrics": {"cpu": 12.5}, "labels": {"core": "0"}}));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let error = published("a,b\n1,2\n", Kind::Prediction, "prediction=c", None).unwrap_err();
        assert!(error.to_string().contains("there are a, b"), "{error}");
        let error = published("prediction,label\n1,2\n", Kind::Prediction, "prediction=label", None).unwrap_err();
        assert!(error.to_string().contains("already"), "{error}");
        assert!(Mapping::parse("prediction").is_err() && Mapping::parse("a=").is_err());
        let utf16: Vec<u8> = "a,b\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let Err(error) = read(std::io::Cursor::new(utf16), Kind::Label, None, None) else { panic!("UTF-16 is read") };
        assert!(error.to_string().contains("UTF-16"), "{error}");
    }
}
