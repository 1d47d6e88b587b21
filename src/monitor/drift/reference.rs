//! A reference window while it is gathered: raw rows, until there are enough to freeze a baseline.

use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::event::{Feature, Features};
use crate::monitor::drift::baseline::{Baseline, FEATURES, Origin};
use crate::monitor::drift::kept::Kept;
use crate::monitor::limits::FEATURES_WATCHED_MAX;
use crate::time::Timestamp;

/// Rows of one chunk: a commit writes the last chunk anew, and not all rows.
pub const CHUNK_ROWS: usize = 64;

/// One prediction of a reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub at: Timestamp,
    pub cell: u16,
    /// Stated probability that the answer is right.
    pub confidence: Option<f64>,
    /// The prediction, the score, then the features in the order of the reference's names, as far as they were known by then.
    pub values: Vec<Feature>,
}

/// The rows gathered so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reference {
    pub chunks: Vec<Arc<Kept<Vec<Row>>>>,
}

impl Reference {
    pub fn rows(&self) -> usize {
        match self.chunks.split_last() {
            None => 0,
            Some((last, whole)) => whole.len() * CHUNK_ROWS + last.len(),
        }
    }

    pub fn push(&mut self, row: Row) {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK_ROWS) {
            self.chunks.push(Arc::default());
        }
        let last = self.chunks.last_mut().expect("one was pushed if there was none");
        Arc::make_mut(last).change().push(row);
    }

    /// Values held.
    pub fn values(&self) -> u64 {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).map(|row| row.values.len() as u64).sum()
    }

    pub fn freeze(&self, number: u32, origin: Origin, names: &[CompactString], classifies: bool) -> Baseline {
        let rows: Vec<&Row> = self.chunks.iter().flat_map(|chunk| chunk.iter()).collect();
        Baseline::freeze(number, origin, names, &rows, classifies)
    }
}

impl Row {
    /// Puts the values of a prediction in the order of `names`, which learns names that it does not know yet. True if it did.
    pub fn of(
        at: Timestamp,
        cell: u16,
        confidence: Option<f64>,
        answer: [Feature; FEATURES],
        features: &Features,
        names: &mut Vec<CompactString>,
    ) -> (Self, bool) {
        let known = names.len();
        let mut values = Vec::with_capacity(FEATURES + known.max(features.values().len().min(FEATURES_WATCHED_MAX)));
        values.extend(answer);
        for (index, (name, value)) in features.iter().enumerate() {
            // most records name the same features in the same order
            let place = match names.get(index).is_some_and(|known| known == name) {
                true => index,
                false => match names.iter().position(|known| known == name) {
                    Some(place) => place,
                    None if names.len() < FEATURES_WATCHED_MAX => {
                        names.push(name.into());
                        names.len() - 1
                    }
                    None => continue,
                },
            };
            if values.len() <= FEATURES + place {
                values.resize(FEATURES + place + 1, Feature::Missing);
            }
            values[FEATURES + place] = value.clone();
        }
        (Self { at, cell, confidence, values }, known < names.len())
    }
}
