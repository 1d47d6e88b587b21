//! The record of metric samples: a map of numbers, a list of metrics, or the single `metric_type` and `value` of requirement
//! document E.

use compact_str::CompactString;
use serde::de::{MapAccess, SeqAccess};

use super::METRICS_MAX;
use super::fault::{Flaws, Problem, Reason};
use super::leaf::Leaf;
use super::prediction::Entries;
use super::walk::{Any, Cx, Key, One, Skip, Take};
use crate::event::{Event, Metric, Sample};
use crate::ids::Name;

type Labels = Vec<(Name, CompactString)>;

/// Reads one sample to its end.
pub(super) fn read<'de, A: MapAccess<'de>>(cx: &Cx<'_>, mut entries: A) -> Result<Result<Event, Problem>, A::Error> {
    let mut flaws = Flaws::default();
    let (mut schema_version, mut source, mut at, mut id) = (None, None, None, None);
    let (mut labels, mut metadata, mut metrics) = (None, None, None);
    let (mut name, mut value, mut unit) = (None, None, None);
    while let Some(key) = entries.next_key_seed(Any(Key(cx)))? {
        let key = key.as_ref();
        match key {
            "schema_version" => {
                flaws.set(&mut schema_version, entries.next_value_seed(Any(One(cx, 1)))?.schema_version(), "", key);
            }
            "source" | "plugin_id" => flaws.set(&mut source, entries.next_value_seed(Any(One(cx, 1)))?.name(), "", key),
            "at" | "timestamp" | "ts" => flaws.set(&mut at, entries.next_value_seed(Any(One(cx, 1)))?.instant(), "", key),
            "event_id" => flaws.set(&mut id, entries.next_value_seed(Any(One(cx, 1)))?.checked_id(), "", key),
            "labels" => {
                let read = entries.next_value_seed(Any(Entries(cx, 1, Leaf::label_value)))?;
                flaws.set(&mut labels, read, "", key);
            }
            "metadata" => {
                let read = entries.next_value_seed(Any(Entries(cx, 1, metadata_value)))?;
                flaws.set(&mut metadata, read, "", key);
            }
            "metrics" => flaws.set(&mut metrics, entries.next_value_seed(Any(Metrics(cx)))?, "", key),
            "metric_type" => flaws.set(&mut name, entries.next_value_seed(Any(One(cx, 1)))?.name(), "", key),
            "value" => flaws.set(&mut value, entries.next_value_seed(Any(One(cx, 1)))?.number(), "", key),
            "unit" => flaws.set(&mut unit, entries.next_value_seed(Any(One(cx, 1)))?.checked_id(), "", key),
            _ => entries.next_value_seed(Any(Skip(cx, 1)))?,
        }
    }
    if name.is_some() || flaws.tells_of("metric_type") {
        flaws.require(&value, &["value"]);
    } else {
        flaws.require(&metrics, &["metrics"]);
    }
    let at = flaws.take(cx.event_time(at));
    Ok(flaws.pass().map(|()| {
        let why = "its absence did not pass";
        let single = name.map(|name| Metric { name, value: value.expect(why), unit, labels: metadata.unwrap_or_default() });
        let mut metrics: Vec<Metric> = metrics.unwrap_or_default().into_iter().chain(single).collect();
        for metric in &mut metrics {
            settle(&mut metric.labels, labels.as_deref().unwrap_or_default());
        }
        let source = source.unwrap_or_else(|| cx.slug());
        let event_id = id.or_else(|| cx.event_id());
        Event::SamplesTaken(Sample { source, at: at.expect(why), event_id, metrics })
    }))
}

/// Adds the sample's labels where the metric has none of that name, drops empty ones (an empty label is no label), sorts.
fn settle(labels: &mut Labels, common: &[(Name, CompactString)]) {
    for label in common {
        if !labels.iter().any(|(known, _)| *known == label.0) {
            labels.push(label.clone());
        }
    }
    labels.retain(|(_, value)| !value.is_empty());
    labels.sort_unstable();
}

/// Metadata is free: only what can be a series label becomes one.
fn metadata_value(leaf: Leaf<'_>) -> Result<Option<CompactString>, Problem> {
    Ok(leaf.label_value().unwrap_or(None))
}

/// `{name: number}` or `[{name, value, unit, type, labels}]`.
struct Metrics<'r, 'w>(&'r Cx<'w>);

impl<'de> Take<'de> for Metrics<'_, '_> {
    type Out = Result<Option<Vec<Metric>>, Problem>;

    fn leaf(self, leaf: Leaf<'de>) -> Self::Out {
        match leaf {
            Leaf::Null => Ok(None),
            other => Err(other.not("an object of numbers or an array of metrics")),
        }
    }

    fn list<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Out, A::Error> {
        let mut flaws = Flaws::default();
        let mut metrics = Vec::new();
        let mut index = 0_usize;
        while let Some(item) = items.next_element_seed(Any(OneMetric(self.0)))? {
            match item {
                Ok(_) if metrics.len() == METRICS_MAX => flaws.add(too_many()),
                Ok(Some(metric)) => metrics.push(metric),
                Ok(None) => {}
                Err(problem) => flaws.add(problem.under(&index.to_string())),
            }
            index += 1;
        }
        Ok(flaws.pass().map(|()| Some(metrics)))
    }

    fn map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Out, A::Error> {
        let mut flaws = Flaws::default();
        let mut metrics = Vec::new();
        while let Some(key) = entries.next_key_seed(Any(Key(self.0)))? {
            let number = entries.next_value_seed(Any(One(self.0, 2)))?.number();
            let name = Leaf::Text(key.as_ref().into()).name();
            match name.and_then(|name| Ok(name.zip(number?))) {
                Ok(_) if metrics.len() == METRICS_MAX => flaws.add(too_many()),
                Ok(Some((name, value))) => metrics.push(Metric { name, value, unit: None, labels: Labels::new() }),
                Ok(None) => {}
                Err(problem) => flaws.field(problem, "", &key),
            }
        }
        Ok(flaws.pass().map(|()| Some(metrics)))
    }
}

fn too_many() -> Problem {
    Problem::new(Reason::TooManyEntries, format!("a sample holds at most {METRICS_MAX} metrics"))
}

/// One metric of a list. A metric whose value is `null` was not measured and is left out.
struct OneMetric<'r, 'w>(&'r Cx<'w>);

impl<'de> Take<'de> for OneMetric<'_, '_> {
    type Out = Result<Option<Metric>, Problem>;

    fn leaf(self, leaf: Leaf<'de>) -> Self::Out {
        Err(leaf.not("an object: one metric"))
    }

    fn list<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Out, A::Error> {
        Skip(self.0, 2).list(items)?;
        Ok(self.leaf(Leaf::List))
    }

    fn map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Out, A::Error> {
        let cx = self.0;
        let mut flaws = Flaws::default();
        let (mut name, mut value, mut unit, mut labels, mut unmeasured) = (None, None, None, None, false);
        while let Some(key) = entries.next_key_seed(Any(Key(cx)))? {
            let key = key.as_ref();
            match key {
                "name" | "metric_type" => flaws.set(&mut name, entries.next_value_seed(Any(One(cx, 3)))?.name(), "", key),
                "value" => {
                    let leaf = entries.next_value_seed(Any(One(cx, 3)))?;
                    unmeasured = leaf == Leaf::Null;
                    flaws.set(&mut value, leaf.number(), "", key);
                }
                "unit" => flaws.set(&mut unit, entries.next_value_seed(Any(One(cx, 3)))?.checked_id(), "", key),
                "labels" => {
                    let read = entries.next_value_seed(Any(Entries(cx, 3, Leaf::label_value)))?;
                    flaws.set(&mut labels, read, "", key);
                }
                _ => entries.next_value_seed(Any(Skip(cx, 3)))?,
            }
        }
        flaws.require(&name, &["name", "metric_type"]);
        if !unmeasured {
            flaws.require(&value, &["value"]);
        }
        Ok(flaws.pass().map(|()| {
            let name = name.expect("its absence did not pass");
            value.map(|value| Metric { name, value, unit, labels: labels.unwrap_or_default() })
        }))
    }
}
