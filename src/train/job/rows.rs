//! Predictions of one model and their labels, joined by id as the log has them: by the same decoder, in any order, the newer of two labels counting.

use std::collections::{HashMap, VecDeque};

use compact_str::{CompactString, format_compact};
use tidewatch_core::event::features::{Feature, Features};
use tidewatch_core::event::{Event, Label, Message, Prediction, Value};
use tidewatch_core::ids::Name;
use tidewatch_core::time::Timestamp;

use crate::table::{Builder, ROWS_MAX, Raw, Table};

/// Labels that wait for their prediction.
const EARLY_MAX: usize = 100_000;

/// What was answered, as the log has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Logged {
    pub value: Value,
    pub scores: Vec<(CompactString, f64)>,
    pub confidence: Option<f64>,
}

/// What turned out to be true.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    pub value: Value,
    pub at: Timestamp,
    /// Labels come one after the other: which this is.
    pub order: u64,
    pub seq: u64,
}

/// One prediction.
#[derive(Clone, Debug)]
pub struct Asked {
    pub id: CompactString,
    pub at: Timestamp,
    pub version: Option<Name>,
    pub features: Features,
    pub logged: Logged,
    pub segment: Vec<(Name, Name)>,
    pub truth: Option<Truth>,
}

/// What was not used, by why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    pub failed: u64,
    pub without_features: u64,
    pub repeated: u64,
    /// Older than the newest million.
    pub dropped: u64,
    /// Labels whose prediction is not among the rows.
    pub orphans: u64,
}

/// Predictions of a model, oldest first, with what is known of them.
pub struct Join {
    model: Name,
    rows: VecDeque<Asked>,
    /// Rows that were dropped in front.
    base: u64,
    by_id: HashMap<CompactString, u64, rapidhash::fast::RandomState>,
    early: HashMap<CompactString, Truth, rapidhash::fast::RandomState>,
    labels: u64,
    rows_max: usize,
    pub left: Left,
}

impl Join {
    pub fn of(model: Name) -> Self {
        Self::with_room(model, ROWS_MAX)
    }

    /// * `rows_max`: predictions that are remembered.
    pub fn with_room(model: Name, rows_max: usize) -> Self {
        Self {
            model,
            rows: VecDeque::new(),
            base: 0,
            by_id: HashMap::default(),
            early: HashMap::default(),
            labels: 0,
            rows_max,
            left: Left::default(),
        }
    }

    /// Takes what a message says of the model. Gives the labels that have met their prediction for the first time, through `joined`.
    pub fn take(&mut self, message: Message, joined: &mut dyn FnMut(&Asked)) {
        let seq = message.seq;
        for (index, record) in message.records.into_iter().enumerate() {
            match record {
                Ok(Event::PredictionLogged(prediction)) if prediction.model == self.model => {
                    self.add_prediction(prediction, seq, index, joined);
                }
                Ok(Event::LabelArrived(label)) if label.model == self.model => self.add_label(label, seq, joined),
                _ => {}
            }
        }
    }

    fn add_prediction(&mut self, prediction: Prediction, seq: u64, index: usize, joined: &mut dyn FnMut(&Asked)) {
        let Prediction { id, at, version, features, value, confidence, scores, failed, actual, segment, .. } = prediction;
        let Some(value) = value.filter(|_| !failed) else {
            self.left.failed += 1;
            return;
        };
        if features.values().is_empty() {
            self.left.without_features += 1;
            return;
        }
        // nobody can label one without an id but itself
        let id = id.unwrap_or_else(|| format_compact!("\u{0}{seq}/{index}"));
        if self.by_id.contains_key(&id) {
            self.left.repeated += 1;
            return;
        }
        let own = actual.map(|value| {
            self.labels += 1;
            Truth { value, at, order: self.labels, seq }
        });
        let early = self.early.remove(&id);
        let truth = match (own, early) {
            (Some(own), Some(early)) => Some(if own.at < early.at { early } else { own }),
            (own, early) => own.or(early),
        };
        let asked =
            Asked { id: id.clone(), at, version, features, logged: Logged { value, scores, confidence }, segment, truth };
        if asked.truth.is_some() {
            joined(&asked);
        }
        self.by_id.insert(id, self.base + self.rows.len() as u64);
        self.rows.push_back(asked);
        if self.rows_max < self.rows.len()
            && let Some(oldest) = self.rows.pop_front()
        {
            self.by_id.remove(&oldest.id);
            self.base += 1;
            self.left.dropped += 1;
        }
    }

    fn add_label(&mut self, label: Label, seq: u64, joined: &mut dyn FnMut(&Asked)) {
        let Label { prediction, actual, at, .. } = label;
        self.labels += 1;
        let truth = Truth { value: actual, at, order: self.labels, seq };
        let Some(place) = self.by_id.get(&prediction) else {
            if self.early.len() < EARLY_MAX {
                self.early.insert(prediction, truth);
            } else {
                self.left.orphans += 1;
            }
            return;
        };
        let asked = &mut self.rows[(place - self.base) as usize];
        match &mut asked.truth {
            // a correction counts for what is learnt; it is no label that comes anew
            Some(before) if before.at <= truth.at => (before.value, before.at) = (truth.value, truth.at),
            Some(_) => {}
            slot @ None => {
                *slot = Some(truth);
                joined(asked);
            }
        }
    }

    /// The labelled predictions, oldest first, and what was not used.
    pub fn finish(mut self) -> (Vec<Asked>, Left) {
        self.left.orphans += self.early.len() as u64;
        (self.rows.into_iter().filter(|asked| asked.truth.is_some()).collect(), self.left)
    }
}

/// A feature as a value of a row.
pub fn raw(feature: &Feature) -> Raw<'_> {
    match feature {
        Feature::Missing => Raw::Missing,
        Feature::Number(number) => Raw::Number(*number),
        Feature::Category(name) => Raw::Text(name),
    }
}

/// A value as one of a column.
pub fn raw_value(value: &Value) -> Raw<'_> {
    match value {
        Value::Number(number) => Raw::Number(*number),
        Value::Class(name) => Raw::Text(name),
    }
}

/// Rows as a table, with the truth in a column of its own.
pub fn table<'a>(rows: impl Iterator<Item = &'a Asked>, label: &str) -> Table {
    let mut builder = Builder::default();
    for asked in rows {
        asked.features.iter().for_each(|(name, value)| builder.put(name, raw(value)));
        if let Some(truth) = &asked.truth {
            builder.put(label, raw_value(&truth.value));
        }
        builder.end_row();
    }
    builder.finish()
}

/// A name for the column of the truth that no feature has.
pub fn label_name(rows: &[Asked]) -> String {
    let taken = |name: &str| rows.iter().any(|asked| asked.features.names().as_slice().iter().any(|known| known == name));
    let mut name = "actual".to_owned();
    while taken(&name) {
        name.push('_');
    }
    name
}
