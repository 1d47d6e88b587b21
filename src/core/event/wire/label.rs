//! The record of a label: what turned out to be true for one prediction.

use serde::de::MapAccess;

use super::fault::{Flaws, Problem};
use super::prediction::Outcome;
use super::walk::{Any, Cx, Key, One, Skip};
use crate::event::columns::Columns;
use crate::event::{Event, Label};

/// Every name that a field of the record has.
const FIELDS: [&str; 10] =
    ["schema_version", "prediction_id", "model", "model_name", "actual", "actual_result", "y_true", "at", "timestamp", "ts"];

/// Brings a table into the form of records: only the columns that are fields stay.
pub(super) fn shape(table: &mut Columns) {
    table.columns.retain(|(name, _)| FIELDS.contains(&name.as_str()));
}

/// Reads one label to its end.
pub(super) fn read<'de, A: MapAccess<'de>>(cx: &Cx<'_>, mut entries: A) -> Result<Result<Event, Problem>, A::Error> {
    let mut flaws = Flaws::default();
    let (mut schema_version, mut prediction, mut model, mut actual, mut at) = (None, None, None, None, None);
    while let Some(key) = entries.next_key_seed(Any(Key(cx)))? {
        let key = key.as_ref();
        match key {
            "schema_version" => {
                flaws.set(&mut schema_version, entries.next_value_seed(Any(One(cx, 1)))?.schema_version(), "", key);
            }
            "prediction_id" => flaws.set(&mut prediction, entries.next_value_seed(Any(One(cx, 1)))?.checked_id(), "", key),
            "model" | "model_name" => flaws.set(&mut model, entries.next_value_seed(Any(One(cx, 1)))?.name(), "", key),
            "at" | "timestamp" | "ts" => flaws.set(&mut at, entries.next_value_seed(Any(One(cx, 1)))?.instant(), "", key),
            "actual" | "actual_result" | "y_true" => {
                let read = entries.next_value_seed(Any(Outcome(cx, 1)))?;
                flaws.set(&mut actual, read, "", key);
            }
            _ => entries.next_value_seed(Any(Skip(cx, 1)))?,
        }
    }
    flaws.require(&prediction, &["prediction_id"]);
    flaws.require(&actual, &["actual", "actual_result", "y_true"]);
    let at = flaws.take(cx.event_time(at));
    Ok(flaws.pass().map(|()| {
        let why = "its absence did not pass";
        let model = model.unwrap_or_else(|| cx.slug());
        Event::LabelArrived(Label { prediction: prediction.expect(why), model, actual: actual.expect(why), at: at.expect(why) })
    }))
}
