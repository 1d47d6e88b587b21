//! A reference window while it is gathered: raw rows, until there are enough to freeze a baseline. Rows gather in packed chunks; a whole chunk
//! is left to the store once it is written there, and read again when the reference is frozen.

use std::cmp::Ordering;
use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::event::{Feature, Features};
use crate::monitor::drift::baseline::{Baseline, Origin};
use crate::monitor::drift::chunk::Chunk;
use crate::monitor::kept::Kept;
use crate::monitor::limits::CHUNK_ROWS;
use crate::monitor::rows::{Key, Writer};
use crate::time::Timestamp;

/// One prediction of a reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub at: Timestamp,
    pub cell: u16,
    /// Stated probability that the answer is right.
    pub confidence: Option<f64>,
    /// The prediction, the score, then the features in the order of the reference's names, as far as they were known by then.
    pub values: Arc<[Feature]>,
}

/// Rows gathered so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunks<T> {
    pub chunks: Vec<Arc<Kept<Vec<T>>>>,
}

/// The rows of a reference.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reference {
    /// Hashes of the whole chunks that lie in the store only. They come first.
    stored: Vec<u128>,
    /// Those that are written to, or that no commit has landed yet.
    held: Vec<Arc<Kept<Chunk>>>,
    /// [`Row::at`] of the last one.
    last_at: Option<Timestamp>,
}

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
    /// One of a single chunk, which has no row of its own.
    pub fn young(chunk: Arc<Kept<Chunk>>) -> Self {
        let last_at = chunk.last_at();
        // as it is while nothing was gathered: without any
        let held = if chunk.rows() == 0 { Vec::new() } else { vec![chunk] };
        Self { stored: Vec::new(), held, last_at }
    }

    /// Takes back the next chunk from the store.
    pub fn restore(&mut self, chunk: Arc<Kept<Chunk>>) {
        self.last_at = chunk.last_at();
        self.held.push(chunk);
        self.leave_whole();
    }

    pub fn rows(&self) -> usize {
        self.stored.len() * CHUNK_ROWS + self.held.iter().map(|chunk| chunk.rows()).sum::<usize>()
    }

    pub fn push(&mut self, row: &Row) {
        self.last_at = Some(row.at);
        if self.held.last().is_none_or(|chunk| chunk.is_whole()) {
            self.held.push(Arc::default());
        }
        let last = self.held.last_mut().expect("one was pushed if there was none");
        Arc::make_mut(last).change().push(row);
    }

    pub const fn last_at(&self) -> Option<Timestamp> {
        self.last_at
    }

    /// The chunk that is being filled.
    pub fn open_chunk(&self) -> Option<&Arc<Kept<Chunk>>> {
        self.held.last()
    }

    /// Whether it fits into one chunk that has not been left to the store.
    pub fn is_one_chunk(&self) -> bool {
        self.stored.is_empty() && self.held.len() <= 1
    }

    /// Numbers and hashes of all chunks.
    pub fn chunk_hashes(&self) -> impl Iterator<Item = (u32, u128)> {
        let held = self.held.iter().map(|chunk| chunk.row_hash());
        (0..).zip(self.stored.iter().copied().chain(held))
    }

    /// Writes every chunk that is not up to date, and leaves whole ones to the store.
    pub fn save(&mut self, key_of: impl Fn(u32) -> Key, to: &mut dyn Writer) {
        for (number, chunk) in (self.stored.len() as u32..).zip(&mut self.held) {
            Kept::save_shared(chunk, || key_of(number), to);
        }
        self.leave_whole();
    }

    fn leave_whole(&mut self) {
        let whole = self.held.iter().take_while(|chunk| chunk.is_whole() && !chunk.is_dirty()).count();
        self.stored.extend(self.held.drain(..whole).map(|chunk| chunk.row_hash()));
    }

    /// * `read`: reads a chunk from the store by its number.
    pub fn freeze(
        &self,
        number: u32,
        origin: Origin,
        names: &[CompactString],
        classifies: bool,
        read: &mut dyn FnMut(u32) -> Option<Chunk>,
    ) -> Baseline {
        let mut rows = Vec::with_capacity(self.rows());
        (0..self.stored.len() as u32).filter_map(read).for_each(|chunk| rows.extend(chunk.unpack()));
        self.held.iter().for_each(|chunk| rows.extend(chunk.unpack()));
        Baseline::freeze(number, origin, names, &rows.iter().collect::<Vec<&Row>>(), classifies)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::rows::memory::InMemory;
    use crate::monitor::rows::{Reader, Tag};

    #[test]
    fn whole_chunks_are_left_to_the_store_and_read_back_when_the_reference_is_frozen() {
        let row = |n: usize| Row {
            at: Timestamp::from_micros(n as i64),
            cell: 0,
            confidence: None,
            values: [Feature::Missing, Feature::Missing, Feature::Number(n as f64)].into(),
        };
        let (mut kept, mut spilled, mut store) = (Reference::default(), Reference::default(), InMemory::default());
        let key_of = |number| Tag::Track.all().u32(number);
        for n in 0..2 * CHUNK_ROWS + 5 {
            kept.push(&row(n));
            spilled.push(&row(n));
            spilled.save(key_of, &mut store);
        }
        assert_eq!((spilled.rows(), spilled.held[0].rows(), spilled.stored.len()), (kept.rows(), 5, 2));
        assert_eq!(spilled.last_at(), kept.last_at());
        let names = ["a".into()];
        let of = |reference: &Reference, read: &mut dyn FnMut(u32) -> Option<Chunk>| {
            reference.freeze(1, Origin::FirstRows, &names, false, read)
        };
        let mut stored = |number| {
            let mut rows = None;
            let read = store.one(&key_of(number), &mut |row| row.read().map(|read| rows = Some(read)));
            read.ok().and(rows)
        };
        assert_eq!(of(&spilled, &mut stored), of(&kept, &mut |_| None));
        spilled.chunk_hashes().for_each(|(number, hash)| store.delete(key_of(number), hash));
        assert!(store.rows.is_empty(), "each chunk knows the row it is");
    }
}
