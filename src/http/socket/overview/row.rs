//! A row of the overview, field by field, and what of it a subscriber has not been told. Of each field only a hash is remembered: a
//! thousand subscribers cost a few kilobytes each.

use std::hash::{Hash, Hasher};

use serde_json::{Map, Value, json};

use crate::monitor::model::Model;
use crate::monitor::point::Point;
use crate::time::Span;
use crate::view::View;
use crate::view::model::{Current, ModelSummary};
use crate::view::status::{self, JudgedAccuracy};

/// Digits of a figure: what a row has room for. More would only change more often.
const DIGITS: i32 = 4;

/// Hours and days of the strip of status: 85 bytes a row, told again with each hour.
const STRIP_HOURS: usize = 24;
const STRIP_DAYS: usize = 30;

/// What a subscriber has been told of one row.
#[derive(Debug, Default)]
pub struct Told {
    /// By the place of the field; 0 before the first time.
    fields: Vec<u64>,
    /// Of the sparkline: minute and hash of each point.
    trail: Vec<(i64, u64)>,
}

/// The changed fields of the row, with its name. `None` if nothing changed.
pub fn changes(view: &View, model: &Model, told: &mut Told) -> Option<Value> {
    let summary = ModelSummary::without_trail(view, model);
    let is_new = told.fields.is_empty();
    let mut row = Map::new();
    let fields = fields(&summary, [("strip", strip(view, model)), ("judged_accuracy", judged_accuracy(&summary, model))]);
    told.fields.resize(fields.len(), 0);
    for ((name, value), known) in fields.into_iter().zip(&mut told.fields) {
        let hash = hash_of(&value);
        if *known != hash {
            *known = hash;
            row.insert(name.to_owned(), value);
        }
    }
    let points = trail(model);
    let next: Vec<(i64, u64)> = points.iter().map(|(minute, point)| (*minute, hash_of(point))).collect();
    if is_new || next != told.trail {
        // what fell out at the old end the subscriber drops by itself: the sparkline shows an hour
        let is_known = |point: &(i64, u64)| told.trail.binary_search(point).is_ok();
        let new: Vec<Value> = points
            .into_iter()
            .zip(&next)
            .filter(|(_, hashed)| is_new || !is_known(hashed))
            .map(|((_, point), _)| point)
            .collect();
        if is_new || !new.is_empty() {
            row.insert(if is_new { "trail" } else { "trail_add" }.to_owned(), Value::Array(new));
        }
        told.trail = next;
    }
    if row.is_empty() {
        return None;
    }
    row.insert("name".to_owned(), Value::from(summary.name));
    Some(Value::Object(row))
}

/// What a row shows, without its sparkline. Figures of now stand beside the rest, so that each is told when it changes and not before.
fn fields(summary: &ModelSummary, [strip, judged]: [(&'static str, Value); 2]) -> [(&'static str, Value); 19] {
    let ModelSummary {
        status, reasons, task, versions, last_prediction_at, stale, drift, current, owner, tags, archived, ..
    } = summary;
    let of_now = |read: fn(&Current) -> Value| current.as_ref().map_or(Value::Null, read);
    let fields = [
        ("status", json!(status)),
        strip,
        ("reasons", json!(reasons)),
        ("task", json!(task)),
        ("versions", json!(versions.len())),
        ("last_prediction_at", json!(last_prediction_at)),
        ("stale", json!(stale)),
        ("owner", json!(owner)),
        ("tags", json!(tags)),
        ("archived", json!(archived)),
        ("drift", json!(drift)),
        ("end", of_now(|now| json!(now.end))),
        ("predictions", of_now(|now| json!(now.predictions))),
        ("labelled", of_now(|now| json!(now.labelled))),
        ("accuracy", of_now(|now| json!(now.accuracy))),
        judged,
        ("error_rate", of_now(|now| json!(now.error_rate))),
        ("p95_seconds", of_now(|now| json!(now.p95_seconds))),
        ("throughput_per_second", of_now(|now| json!(now.throughput_per_second))),
    ];
    fields.map(|(name, value)| (name, rounded(value)))
}

/// The accuracy that the model is judged by, where no label of the last five minutes has come yet: else null.
fn judged_accuracy(summary: &ModelSummary, model: &Model) -> Value {
    let unlabelled = summary.current.as_ref().is_some_and(|current| current.accuracy.value.is_none());
    json!(unlabelled.then(|| JudgedAccuracy::of(model)).flatten())
}

/// What the status has been: the number of the newest hour and a letter for each of a day, the same of the days of a month.
fn strip(view: &View, model: &Model) -> Value {
    let of =
        |seconds: i64, pieces: usize| status::strip(&model.profile.statuses, view.log_time, Span::from_secs(seconds), pieces);
    let ((hour, hours), (day, days)) = (of(3_600, STRIP_HOURS), of(86_400, STRIP_DAYS));
    json!([hour, hours, day, days])
}

/// The sparkline: of each minute its number since 1970, the accuracy and how many labels it rests on.
fn trail(model: &Model) -> Vec<(i64, Value)> {
    let point = |point: Point| {
        let minute = point.start.micros().div_euclid(60_000_000);
        let accuracy = (point.judged != 0).then(|| point.correct as f64 / point.judged as f64);
        (minute, rounded(json!([minute, accuracy, point.labelled])))
    };
    model.trail.iter().map(point).collect()
}

/// `value` with every fraction in it cut to [`DIGITS`] digits.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => number.as_f64().map_or(Value::Null, |number| json!(significant(number))),
        Value::Array(items) => items.into_iter().map(rounded).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, rounded(value))).collect(),
        other => other,
    }
}

fn significant(number: f64) -> f64 {
    if number == 0.0 || !number.is_finite() {
        return number;
    }
    let scale = 10_f64.powi(DIGITS - 1 - number.abs().log10().floor() as i32);
    let cut = (number * scale).round() / scale;
    // of a number too small or too large to be scaled
    if cut.is_finite() { cut } else { number }
}

/// Never 0: that is a field which was not told yet.
fn hash_of(value: &Value) -> u64 {
    let mut hasher = rapidhash::fast::RapidHasher::default();
    value.to_string().hash(&mut hasher);
    hasher.finish().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_four_digits_wherever_they_stand() {
        let value = json!({"a": 0.123_456, "b": [1234.567, 7, "x"], "c": {"d": 1e-9, "e": null, "f": 0.0}});
        assert_eq!(rounded(value), json!({"a": 0.1235, "b": [1235.0, 7, "x"], "c": {"d": 1e-9, "e": null, "f": 0.0}}));
    }
}
