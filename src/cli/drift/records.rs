//! The columns of a JSON record.

use serde_json::{Map, Value};

use crate::files::columns::Part;

/// Fields of a prediction event that are compared beside its features.
const OF_PREDICTIONS: [&str; 8] =
    ["prediction", "y_pred", "confidence", "response_time", "latency_ms", "actual", "actual_result", "y_true"];

/// What the names of features begin with in a table whose columns are parts of predictions.
const FEATURES: [&str; 2] = ["features.", "input_features."];

/// Begins the name of a column of a record without features: whether the record is a prediction that failed, or no prediction, only the whole
/// file can tell.
const UNDECIDED: char = '\0';

/// Adds a record: of a prediction event its features by their own names, then what else of it can drift; of another all of its fields. Says whether
/// it had features.
pub fn add(part: &mut Part, mut record: Map<String, Value>, place: u64) -> bool {
    part.add_row();
    let nested = |record: &mut Map<String, Value>, outer: &str| match record.get_mut(outer) {
        Some(Value::Object(inner)) => std::mem::take(inner),
        _ => Map::new(),
    };
    let (mut data, result) = (nested(&mut record, "prediction_data"), nested(&mut record, "result"));
    let features = ["features", "input_features"].into_iter().find_map(|name| {
        let held = data.remove(name).or_else(|| record.remove(name));
        if let Some(Value::Object(features)) = held { Some(features) } else { None }
    });
    let is_of_prediction = |name: &str| name == "scores" || OF_PREDICTIONS.contains(&name);
    let Some(features) = features else {
        // perhaps not a prediction: what was taken out goes back in
        for (name, inner) in [("prediction_data", data), ("result", result)] {
            if !inner.is_empty() {
                record.insert(name.to_owned(), Value::Object(inner));
            }
        }
        for (name, value) in record {
            let name = if is_of_prediction(&name) { name } else { format!("{UNDECIDED}{name}") };
            flatten(part, &name, &value, place);
        }
        return false;
    };
    for (name, value) in record.into_iter().chain(result).filter(|(name, _)| is_of_prediction(name)) {
        let name = if features.contains_key(&name) { format!("record.{name}") } else { name };
        flatten(part, &name, &value, place);
    }
    features.iter().for_each(|(name, value)| flatten(part, name, value, place));
    true
}

/// The name of a column of a table, whose structures are columns such as `features.amount`: where there are any, the rows are predictions, and of those
/// the same is compared as of JSON records.
pub fn of_table(column: &str, columns: &[String]) -> Option<String> {
    let is_feature = |name: &str| FEATURES.iter().find_map(|prefix| name.strip_prefix(prefix).map(str::to_owned));
    if !columns.iter().any(|name| is_feature(name).is_some()) {
        return Some(column.to_owned());
    }
    let is_of_prediction = OF_PREDICTIONS.contains(&column) || column.starts_with("scores.");
    let is_taken = || columns.iter().any(|name| is_feature(name).as_deref() == Some(column));
    is_feature(column)
        .or_else(|| is_of_prediction.then(|| if is_taken() { format!("record.{column}") } else { column.to_owned() }))
}

/// The name of a column once the whole file is known: where any record had features, records without are predictions too, and what is no feature of
/// them is no column.
pub fn name_of(column: &str, are_predictions: bool) -> Option<&str> {
    match column.strip_prefix(UNDECIDED) {
        Some(_) if are_predictions => None,
        Some(name) => Some(name),
        None => Some(column),
    }
}

/// A value as columns: `outer.inner` for the fields of an object, `outer[0]` for the items of a list.
fn flatten(part: &mut Part, name: &str, value: &Value, place: u64) {
    match value {
        Value::Null => part.missing(name),
        Value::Bool(truth) => part.truth(name, *truth),
        Value::Number(number) => part.number(name, number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => part.text(name, text, place),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| flatten(part, &format!("{name}[{at}]"), item, place));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(inner, value)| flatten(part, &format!("{name}.{inner}"), value, place));
        }
    }
}
