//! A reference window while it is gathered: raw rows, until there are enough to freeze a baseline.

use std::cmp::Ordering;
use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::event::{Feature, Features};
use crate::monitor::drift::baseline::{Baseline, Origin};
use crate::monitor::kept::Kept;
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
    /// The prediction, the score, then the features in the order of the reference's names, as far as they were known by then. Shared: a
    /// chunk is copied whenever it is written to after a commit.
    pub values: Arc<[Feature]>,
}

/// Rows gathered so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunks<T> {
    pub chunks: Vec<Arc<Kept<Vec<T>>>>,
}

/// The rows of a reference.
pub type Reference = Chunks<Row>;

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T: Clone> Chunks<T> {
    pub fn rows(&self) -> usize {
        match self.chunks.split_last() {
            None => 0,
            Some((last, whole)) => whole.len() * CHUNK_ROWS + last.len(),
        }
    }

    pub fn push(&mut self, row: T) {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK_ROWS) {
            self.chunks.push(Arc::default());
        }
        let last = self.chunks.last_mut().expect("one was pushed if there was none");
        Arc::make_mut(last).change().push(row);
    }

    /// Oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    pub fn last(&self) -> Option<&T> {
        self.chunks.last()?.last()
    }

    /// The row that is `Equal`, to be changed; rows ascend by `order`. Cost: O(log rows).
    pub fn find_mut(&mut self, order: impl Fn(&T) -> Ordering) -> Option<&mut T> {
        let after = self.chunks.partition_point(|chunk| chunk.first().is_some_and(|first| order(first).is_le()));
        let chunk = self.chunks.get_mut(after.checked_sub(1)?)?;
        let at = chunk.binary_search_by(order).ok()?;
        Arc::make_mut(chunk).change().get_mut(at)
    }
}

impl Reference {
    /// Values held.
    pub fn values(&self) -> u64 {
        self.iter().map(|row| row.values.len() as u64).sum()
    }

    pub fn freeze(&self, number: u32, origin: Origin, names: &[CompactString], classifies: bool) -> Baseline {
        let rows: Vec<&Row> = self.iter().collect();
        Baseline::freeze(number, origin, names, &rows, classifies)
    }
}

/// The names of features that are not among `names`, so many that there are `most` with them.
pub fn unknown(names: &[CompactString], features: &Features, most: usize) -> Vec<CompactString> {
    let unknown = features.iter().enumerate().filter(|(index, (name, _))| place_in(names, *index, name).is_none());
    unknown.map(|(_, (name, _))| name.into()).take(most - names.len()).collect()
}

/// `first`, then each feature at its place, which `place_of` knows by its own place and name; those without one are left out.
pub fn in_order<const N: usize>(
    first: [Feature; N],
    features: &Features,
    place_of: impl Fn(usize, &str) -> Option<usize>,
) -> Vec<Feature> {
    let mut values = Vec::with_capacity(N + features.values().len());
    values.extend(first);
    for (index, (name, value)) in features.iter().enumerate() {
        let Some(place) = place_of(index, name) else { continue };
        if values.len() <= N + place {
            values.resize(N + place + 1, Feature::Missing);
        }
        values[N + place] = value.clone();
    }
    values
}

/// Where `name` is among `names`: most records name the same features in the same order, so at `index` first.
pub fn place_in(names: &[CompactString], index: usize, name: &str) -> Option<usize> {
    if names.get(index).is_some_and(|known| known == name) { Some(index) } else { names.iter().position(|known| known == name) }
}
