//! The record of a prediction.

use compact_str::CompactString;
use serde::de::{MapAccess, SeqAccess};

use super::fault::{Flaws, Problem, Reason};
use super::leaf::{Leaf, checked, class_named, not_finite};
use super::walk::{Any, Cx, Key, One, Skip, Take, Tree};
use super::{ENTRIES_MAX, FEATURES_MAX, SEGMENTS_MAX};
use crate::event::columns::Columns;
use crate::event::features::{Feature, Features, Names, last_of_each};
use crate::event::{Event, Prediction, Value};
use crate::ids::{NAME_BYTES_MAX, Name};
use crate::time::Timestamp;

/// Every name that a field of the record has.
const FIELDS: [&str; 25] = [
    "schema_version",
    "prediction_id",
    "model",
    "model_name",
    "model_version",
    "version",
    "at",
    "timestamp",
    "ts",
    "features",
    "input_features",
    "prediction",
    "y_pred",
    "confidence",
    "scores",
    "response_time",
    "latency_ms",
    "error",
    "actual",
    "actual_result",
    "y_true",
    "segment",
    "tags",
    "prediction_data",
    "result",
];

/// Brings a table into the form of records: columns `features.NAME`, `scores.CLASS` and `segment.NAME` are entries of those objects; without features
/// of either form every column that is no field is a feature.
pub(super) fn shape(table: &mut Columns) {
    ["features", "scores", "segment"].into_iter().for_each(|field| table.gather(field));
    let has_features =
        table.columns.iter().any(|(name, _)| ["features", "input_features", "prediction_data"].contains(&name.as_str()));
    if !has_features {
        table.gather_where("features", |name| !FIELDS.contains(&name));
    }
    table.columns.retain(|(name, _)| FIELDS.contains(&name.as_str()));
}

#[derive(Default)]
struct Draft {
    flaws: Flaws,
    schema_version: Option<()>,
    id: Option<CompactString>,
    model: Option<Name>,
    version: Option<Name>,
    at: Option<Timestamp>,
    features: Option<Features>,
    value: Option<Value>,
    confidence: Option<f64>,
    scores: Option<Vec<(CompactString, f64)>>,
    response_time: Option<f64>,
    failed: Option<bool>,
    actual: Option<Value>,
    segment: Option<Vec<(Name, Name)>>,
}

/// Reads one prediction to its end.
pub(super) fn read<'de, A: MapAccess<'de>>(cx: &Cx<'_>, mut entries: A) -> Result<Result<Event, Problem>, A::Error> {
    let mut draft = Draft::default();
    while let Some(key) = entries.next_key_seed(Any(Key(cx)))? {
        match key.as_ref() {
            "prediction_data" | "result" => {
                let nested = Nested { cx, draft: &mut draft, within: &key };
                entries.next_value_seed(Any(nested))?;
            }
            _ => draft.field(cx, "", &key, &mut entries)?,
        }
    }
    Ok(draft.finish(cx))
}

impl Draft {
    /// Reads the value of one field of the record, or of the object `within` it.
    fn field<'de, A: MapAccess<'de>>(&mut self, cx: &Cx<'_>, within: &str, key: &str, entries: &mut A) -> Result<(), A::Error> {
        let depth = if within.is_empty() { 1 } else { 2 };
        let flaws = &mut self.flaws;
        macro_rules! one {
            () => {
                entries.next_value_seed(Any(One(cx, depth)))?
            };
        }
        match key {
            "schema_version" => flaws.set(&mut self.schema_version, one!().schema_version(), within, key),
            "prediction_id" => flaws.set(&mut self.id, one!().checked_id(), within, key),
            "model" | "model_name" => flaws.set(&mut self.model, one!().name(), within, key),
            "model_version" | "version" => flaws.set(&mut self.version, one!().name(), within, key),
            "at" | "timestamp" | "ts" => flaws.set(&mut self.at, one!().instant(), within, key),
            "features" | "input_features" => {
                let read = entries.next_value_seed(Any(Named(cx, depth)))?;
                flaws.set(&mut self.features, read, within, key);
            }
            "prediction" | "y_pred" => {
                let read = entries.next_value_seed(Any(Outcome(cx, depth)))?;
                flaws.set(&mut self.value, read, within, key);
            }
            "actual" | "actual_result" | "y_true" => {
                let read = entries.next_value_seed(Any(Outcome(cx, depth)))?;
                flaws.set(&mut self.actual, read, within, key);
            }
            "confidence" => flaws.set(&mut self.confidence, one!().fraction(), within, key),
            "scores" => {
                let read = entries.next_value_seed(Any(Entries(cx, depth, Leaf::fraction)))?;
                flaws.set(&mut self.scores, read.map(|scores| scores.map(with_classes)), within, key);
            }
            "response_time" => flaws.set(&mut self.response_time, one!().not_negative(), within, key),
            "latency_ms" => {
                let read = one!().not_negative().map(|ms| ms.map(|ms| ms / 1e3));
                flaws.set(&mut self.response_time, read, within, key);
            }
            "error" => flaws.set(&mut self.failed, is_failure(one!()), within, key),
            "segment" => {
                let read = entries.next_value_seed(Any(Entries(cx, depth, Leaf::name)))?;
                flaws.set(&mut self.segment, read.and_then(|segment| segment.map(sorted).transpose()), within, key);
            }
            _ => entries.next_value_seed(Any(Skip(cx, depth)))?,
        }
        Ok(())
    }

    fn finish(mut self, cx: &Cx<'_>) -> Result<Event, Problem> {
        let failed = self.failed.unwrap_or(false);
        let why = || "`prediction` is required unless `error` says why there is none".to_owned();
        self.flaws.require_or(self.value.is_some() || failed, &["prediction", "y_pred"], why);
        let at = self.flaws.take(cx.event_time(self.at));
        self.flaws.pass()?;
        Ok(Event::PredictionLogged(Prediction {
            id: self.id.or_else(|| cx.prediction_id()),
            model: self.model.unwrap_or_else(|| cx.slug()),
            version: self.version,
            at: at.expect("its absence did not pass"),
            features: self.features.unwrap_or_default(),
            value: self.value,
            confidence: self.confidence,
            scores: self.scores.unwrap_or_default(),
            response_time: self.response_time,
            failed,
            actual: self.actual,
            segment: self.segment.unwrap_or_default(),
        }))
    }
}

/// The objects that requirement document B puts around the fields of a prediction.
struct Nested<'r, 'w> {
    cx: &'r Cx<'w>,
    draft: &'r mut Draft,
    within: &'r str,
}

impl<'de> Take<'de> for Nested<'_, '_> {
    type Out = ();

    fn leaf(self, _leaf: Leaf<'de>) {}

    fn list<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        Skip(self.cx, 1).list(items)
    }

    fn map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(key) = entries.next_key_seed(Any(Key(self.cx)))? {
            match (self.within, key.as_ref()) {
                ("prediction_data", "features" | "input_features")
                | ("result", "prediction" | "confidence" | "response_time" | "latency_ms" | "scores" | "error") => {
                    self.draft.field(self.cx, self.within, &key, &mut entries)?;
                }
                _ => entries.next_value_seed(Any(Skip(self.cx, 2)))?,
            }
        }
        Ok(())
    }
}

/// Whether `error` says that the prediction failed.
fn is_failure(error: Leaf<'_>) -> Result<Option<bool>, Problem> {
    match error {
        Leaf::Null => Ok(None),
        Leaf::Bool(failed) => Ok(Some(failed)),
        Leaf::Text(text) => Ok(Some(!text.is_empty())),
        Leaf::Map => Ok(Some(true)),
        other => Err(other.not("text or a boolean")),
    }
}

fn with_classes(scores: Vec<(Name, f64)>) -> Vec<(CompactString, f64)> {
    scores.into_iter().map(|(class, score)| (class_named(class.as_str().into()), score)).collect()
}

fn sorted(mut segment: Vec<(Name, Name)>) -> Result<Vec<(Name, Name)>, Problem> {
    if SEGMENTS_MAX < segment.len() {
        let detail = format!("a prediction has at most {SEGMENTS_MAX} segments, this one has {}", segment.len());
        return Err(Problem::new(Reason::TooManyEntries, detail));
    }
    segment.sort_unstable();
    Ok(segment)
}

/// What was predicted, or what turned out to be true: a scalar, or an object that holds one.
pub(super) struct Outcome<'r, 'w>(pub &'r Cx<'w>, pub u8);

impl<'de> Take<'de> for Outcome<'_, '_> {
    type Out = Result<Option<Value>, Problem>;

    fn leaf(self, leaf: Leaf<'de>) -> Self::Out {
        leaf.value()
    }

    fn list<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Out, A::Error> {
        Skip(self.0, self.1).list(items)?;
        Ok(Leaf::List.value())
    }

    fn map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Out, A::Error> {
        Ok(Tree(self.0, self.1).map(entries)?.and_then(|tree| value_in(&tree)))
    }
}

/// One field: its value. Else the field `value`, `class`, `label` or `prediction`. Else the whole object, as compact JSON with
/// sorted keys, is the class.
fn value_in(tree: &serde_json::Value) -> Result<Option<Value>, Problem> {
    use serde_json::Value as Json;
    let leaf = match tree {
        Json::Object(fields) => {
            let only = if fields.len() == 1 { fields.iter().next() } else { None };
            let named = || ["value", "class", "label", "prediction"].into_iter().find_map(|key| fields.get_key_value(key));
            return match only.or_else(named) {
                Some((key, inner)) => value_in(inner).map_err(|problem| problem.under(key)),
                None if fields.is_empty() => Ok(None),
                None => {
                    let mut sorted = tree.clone();
                    sorted.sort_all_objects();
                    checked(sorted.to_string().into()).map(|class| Some(Value::Class(class)))
                }
            };
        }
        Json::Array(_) => Leaf::List,
        Json::Null => Leaf::Null,
        Json::Bool(bool) => Leaf::Bool(*bool),
        Json::String(text) => Leaf::Text(text.into()),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Leaf::Whole(whole),
            (None, Some(big)) => Leaf::Big(big),
            (None, None) => number.as_f64().map_or(Leaf::Null, Leaf::Real),
        },
    };
    leaf.value()
}

/// A map of names to values that `.2` reads; a `null` value is no entry, of two entries with one name the last one wins.
pub(super) struct Entries<'r, 'w, F>(pub &'r Cx<'w>, pub u8, pub F);

impl<'de, F, T> Take<'de> for Entries<'_, '_, F>
where
    F: Fn(Leaf<'de>) -> Result<Option<T>, Problem>,
{
    type Out = Result<Option<Vec<(Name, T)>>, Problem>;

    fn leaf(self, leaf: Leaf<'de>) -> Self::Out {
        match leaf {
            Leaf::Null => Ok(None),
            other => Err(other.not("an object")),
        }
    }

    fn list<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Out, A::Error> {
        Skip(self.0, self.1).list(items)?;
        Ok(self.leaf(Leaf::List))
    }

    fn map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Out, A::Error> {
        let mut flaws = Flaws::default();
        let mut read: Vec<(Name, T)> = Vec::new();
        while let Some(key) = entries.next_key_seed(Any(Key(self.0)))? {
            let leaf = entries.next_value_seed(Any(One(self.0, self.1 + 1)))?;
            let entry = Leaf::Text(key.as_ref().into()).name().and_then(|name| Ok(name.zip((self.2)(leaf)?)));
            match entry {
                Err(problem) => flaws.field(problem, "", &key),
                Ok(None) => {}
                Ok(Some((name, value))) => match read.iter().position(|(known, _)| *known == name) {
                    Some(known) => read[known].1 = value,
                    None if read.len() == ENTRIES_MAX => {
                        flaws.add(Problem::new(Reason::TooManyEntries, format!("at most {ENTRIES_MAX} entries")));
                    }
                    None => read.push((name, value)),
                },
            }
        }
        Ok(flaws.pass().map(|()| Some(read)))
    }
}

/// The features by name.
struct Named<'r, 'w>(&'r Cx<'w>, u8);

impl<'de> Take<'de> for Named<'_, '_> {
    type Out = Result<Option<Features>, Problem>;

    fn leaf(self, leaf: Leaf<'de>) -> Self::Out {
        match leaf {
            Leaf::Null => Ok(None),
            other => Err(other.not("an object")),
        }
    }

    fn list<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Out, A::Error> {
        Skip(self.0, self.1).list(items)?;
        Ok(self.leaf(Leaf::List))
    }

    fn map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Out, A::Error> {
        let cx = self.0;
        // names are written down anew only from the first that differs from those of the record before
        let before = cx.feature_names();
        let known = before.as_slice();
        let mut renamed: Option<Vec<CompactString>> = None;
        let mut flaws = Flaws::default();
        let mut values = Vec::with_capacity(known.len());
        let mut count = 0_usize;
        while let Some(key) = entries.next_key_seed(Any(Key(cx)))? {
            if !(1..=NAME_BYTES_MAX).contains(&key.len()) {
                let detail = format!("the name of a feature holds 1 to {NAME_BYTES_MAX} bytes, not {}", key.len());
                flaws.add(Problem::new(Reason::BadName, detail));
            }
            let value = match entries.next_value_seed(Any(OneFeature(cx, self.1 + 1)))? {
                Ok(value) => value,
                Err(problem) => {
                    flaws.field(problem, "", &key);
                    Feature::Missing
                }
            };
            count += 1;
            if FEATURES_MAX < count {
                continue;
            }
            match &mut renamed {
                None if known.get(values.len()).is_some_and(|name| *name == key.as_ref()) => {}
                Some(names) => names.push(key.as_ref().into()),
                None => {
                    let mut names = known[..values.len()].to_vec();
                    names.push(key.as_ref().into());
                    renamed = Some(names);
                }
            }
            values.push(value);
        }
        if FEATURES_MAX < count {
            let detail = format!("a prediction holds at most {FEATURES_MAX} features, this one has {count}");
            flaws.add(Problem::new(Reason::TooManyFeatures, detail));
        }
        if values.len() < known.len() {
            renamed.get_or_insert_with(|| known[..values.len()].to_vec());
        }
        let names = match renamed {
            None => before,
            Some(names) => {
                let (names, last_values) = last_of_each(names, values);
                values = last_values;
                let names = Names::from(names);
                cx.set_feature_names(&names);
                names
            }
        };
        Ok(flaws.pass().map(|()| Some(Features::new(names, values))))
    }
}

/// One feature: a number, text, boolean, `null` or an array of numbers.
struct OneFeature<'r, 'w>(&'r Cx<'w>, u8);

impl<'de> Take<'de> for OneFeature<'_, '_> {
    type Out = Result<Feature, Problem>;

    #[inline(always)]
    fn leaf(self, leaf: Leaf<'de>) -> Self::Out {
        match leaf {
            Leaf::Real(number) if number.is_finite() => Ok(Feature::Number(number)),
            Leaf::Whole(number) => Ok(Feature::Number(number as f64)),
            Leaf::Big(number) => Ok(Feature::Number(number as f64)),
            Leaf::Text(text) => Ok(Feature::text(&text)),
            Leaf::Bool(flag) => Ok(Feature::flag(flag)),
            Leaf::Null => Ok(Feature::Missing),
            Leaf::Instant(instant) => Ok(Feature::Number(instant.micros() as f64 / 1e6)),
            other => Err(no_feature(&other)),
        }
    }

    fn list<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Out, A::Error> {
        let mut flaws = Flaws::default();
        let mut index = 0_usize;
        let mut squares = 0.0;
        while let Some(item) = items.next_element_seed(Any(One(self.0, self.1 + 1)))? {
            match item {
                Leaf::Whole(number) => squares += (number as f64) * (number as f64),
                Leaf::Big(number) => squares += (number as f64) * (number as f64),
                Leaf::Real(number) if number.is_finite() => squares += number * number,
                Leaf::Real(number) => flaws.add(not_finite(number).under(&index.to_string())),
                other => flaws.add(other.not("a number").under(&index.to_string())),
            }
            index += 1;
        }
        let norm = if index == 0 { Feature::Missing } else { Feature::norm(squares) };
        Ok(flaws.pass().map(|()| norm))
    }

    fn map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Out, A::Error> {
        Skip(self.0, self.1).map(entries)?;
        Ok(self.leaf(Leaf::Map))
    }
}

#[cold]
fn no_feature(leaf: &Leaf<'_>) -> Problem {
    match leaf {
        Leaf::Real(number) => not_finite(*number),
        other => other.not("a number, text, boolean, null or an array of numbers"),
    }
}
