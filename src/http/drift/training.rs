//! A training set as it is uploaded: CSV with a header or JSON Lines, drawn down to what a reference holds, cut into commands.

use serde_json::{Map, Value as Json};

use crate::event::wire::{FEATURES_MAX, MESSAGE_BYTES_MAX};
use crate::event::{Feature, Features, TrainingRow, Value, fraction};
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
}

/// The rows of a training set, at most [`ROWS_MAX`], and how many there were. What begins with `{` is JSON Lines, anything else CSV: the
/// content type that clients send by themselves says nothing.
///
/// Errors: what cannot be read, by its line; a set without a row; a column that is named and not there.
pub fn read(body: &[u8], columns: &Columns) -> Result<(Vec<TrainingRow>, u64), Problem> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut drawn = Draw::default();
    if body.trim_ascii_start().first() == Some(&b'{') {
        for (line, text) in (1..).zip(body.split(|byte| *byte == b'\n')).filter(|(_, text)| !text.trim_ascii().is_empty()) {
            let unreadable = |why: String| unreadable(line, &why);
            let record: Map<String, Json> = serde_json::from_slice(text).map_err(|error| unreadable(error.to_string()))?;
            let fields = record.into_iter().map(|(name, value)| Ok((name, feature(&value)?)));
            let row = row(fields.collect::<Result<_, String>>().map_err(unreadable)?, columns).map_err(unreadable)?;
            check(row.features.names().as_slice()).map_err(unreadable)?;
            drawn.offer(row);
        }
    } else {
        let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(body);
        let names = reader.headers().map_err(|error| unreadable(1, &error.to_string()))?.clone();
        for (name, given) in [("prediction", &columns.prediction), ("score", &columns.score)] {
            if let Some(missing) = given.as_ref().filter(|column| !names.iter().any(|known| known == *column)) {
                return Err(Problem::unprocessable(
                    "no-such-column",
                    format!("{name}={missing:?} names no column of the file"),
                ));
            }
        }
        let features: Vec<&str> = names.iter().filter(|name| !columns.hold(name)).collect();
        check(&features).map_err(|why| unreadable(1, &why))?;
        for record in reader.records() {
            let record = record.map_err(|error| unreadable(error.position().map_or(0, |at| at.line()), &error.to_string()))?;
            let fields = names.iter().map(str::to_owned).zip(record.iter().map(of_text)).collect();
            let line = || record.position().map_or(0, |at| at.line());
            drawn.offer(row(fields, columns).map_err(|why| unreadable(line(), &why))?);
        }
    }
    if drawn.rows.is_empty() {
        return Err(Problem::unprocessable("no-rows", "the training set holds no row"));
    }
    let seen = drawn.seen;
    Ok((drawn.rows, seen))
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

fn unreadable(line: u64, why: &str) -> Problem {
    Problem::unprocessable("unreadable-training-set", format!("line {line}: {why}")).with("line", line)
}

fn row(fields: Vec<(String, Feature)>, columns: &Columns) -> Result<TrainingRow, String> {
    let (mut prediction, mut score, mut features) = (None, None, Vec::with_capacity(fields.len()));
    for (name, value) in fields {
        match value {
            value if columns.prediction.as_ref() == Some(&name) => prediction = answer(value),
            value if columns.score.as_ref() == Some(&name) => {
                score = score_of(value).map_err(|why| format!("{name}: {why}"))?
            }
            value => features.push((name.into(), value)),
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
    match names.iter().map(AsRef::as_ref).find(|name| !(1..=NAME_BYTES_MAX).contains(&name.len())) {
        Some(name) => Err(format!("the name of a feature holds 1 to {NAME_BYTES_MAX} bytes, not {}", name.len())),
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

/// A cell of a CSV file: a number where it reads as one, missing where it is empty.
fn of_text(text: &str) -> Feature {
    match text.trim() {
        "" | "NA" | "NaN" | "nan" | "null" => Feature::Missing,
        text => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Feature::Number(number),
            _ => Feature::text(text),
        },
    }
}

fn feature(value: &Json) -> Result<Feature, String> {
    match value {
        Json::Null => Ok(Feature::Missing),
        Json::Bool(flag) => Ok(Feature::flag(*flag)),
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

    #[test]
    fn csv_and_json_lines_say_the_same() {
        let csv = b"a,b,y,p\n1.5,x,yes,0.9\n,z,no,0.2\n";
        let json = b"{\"a\":1.5,\"b\":\"x\",\"y\":\"yes\",\"p\":0.9}\n\n{\"a\":null,\"b\":\"z\",\"y\":\"no\",\"p\":0.2}";
        let (rows, of) = read(csv, &columns()).unwrap();
        assert_eq!((rows.len(), of), (2, 2));
        assert_eq!(read(json, &columns()).unwrap().0, rows);
        assert_eq!(rows[0].prediction, Some(Value::Class("yes".into())));
        assert_eq!(rows[1].features.values(), [Feature::Missing, Feature::Category("z".into())]);
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
        let (rows, _) = read(b"a,y,p\n1,yes,1.0000054\n2,no,-5.4e-6\n3,no,\n", &columns()).unwrap();
        assert_eq!(rows.iter().map(|row| row.score).collect::<Vec<_>>(), [Some(1.0), Some(0.0), None]);
        for (body, told) in [
            (&b"a,y,p\n1,yes,0.9\n2,no,87\n"[..], ["line 3", "87", "percentages"]),
            (b"{\"a\":1,\"p\":1.00002}\n", ["line 1", "1.00002", "0 to 1"]),
            (b"a,y,p\n1,yes,high\n", ["line 2", "high", "number"]),
        ] {
            let problem = format!("{:?}", read(body, &columns()).unwrap_err());
            assert!(told.iter().all(|word| problem.contains(word)), "{problem}");
        }
    }

    #[test]
    fn of_a_large_set_every_row_has_the_same_chance() {
        let body: String = std::iter::once("a\n".to_owned()).chain((0..50_000).map(|n| format!("{n}\n"))).collect();
        let (rows, of) = read(body.as_bytes(), &Columns::default()).unwrap();
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
