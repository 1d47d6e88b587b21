//! Counts by small integer key, sparse or dense as the keys lie.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Up to this many keys are always kept sparse.
const SPARSE_MAX: usize = 24;
/// Beyond that a dense window is used where it has at most this many places per key in use.
const PLACES_PER_KEY: usize = 8;

/// How often each key was seen. Its form, in memory too, is a function of the counts alone.
///
/// Serialised flat: for each key in use, ascending, the distance to the key before (the first: the key itself) and its count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    total: i64,
    form: Form,
}

#[derive(Clone, Debug, PartialEq)]
enum Form {
    /// Sorted by key; no count is 0.
    Sparse(Vec<(i32, i64)>),
    /// Places for consecutive keys; the first and the last are not 0.
    Dense { first: i32, in_use: usize, places: Vec<i64> },
}

impl Default for Form {
    fn default() -> Self {
        Self::Sparse(Vec::new())
    }
}

impl Counts {
    /// Counts `key` `times` more often; a negative number takes it back.
    #[inline]
    pub fn add(&mut self, key: i32, times: i64) {
        self.total += times;
        if let Form::Dense { first, places, .. } = &mut self.form
            && let Some(place) = places.get_mut(key.wrapping_sub(*first) as u32 as usize)
            && *place != 0
            && *place + times != 0
        {
            *place += times;
        } else {
            self.add_and_settle(key, times);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (key, count) in other.iter() {
            self.add(key, count);
        }
    }

    pub fn unmerge(&mut self, other: &Self) {
        for (key, count) in other.iter() {
            self.add(key, -count);
        }
    }

    /// The sum of all counts.
    pub const fn total(&self) -> i64 {
        self.total
    }

    /// Keys whose count is not 0, with it, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i32, i64)> + '_ {
        let (sparse, dense, first): (&[(i32, i64)], &[i64], i32) = match &self.form {
            Form::Sparse(entries) => (entries, &[], 0),
            Form::Dense { first, places, .. } => (&[], places, *first),
        };
        let dense = dense.iter().enumerate().filter(|(_, count)| **count != 0);
        sparse.iter().copied().chain(dense.map(move |(place, count)| (first + place as i32, *count)))
    }

    /// The slow way: a key comes into use, goes out of use, or the form is sparse.
    fn add_and_settle(&mut self, key: i32, times: i64) {
        if times == 0 {
            return;
        }
        match &mut self.form {
            Form::Sparse(entries) => {
                match entries.binary_search_by_key(&key, |entry| entry.0) {
                    Ok(at) if entries[at].1 + times == 0 => {
                        entries.remove(at);
                    }
                    Ok(at) => {
                        entries[at].1 += times;
                        return;
                    }
                    Err(at) => entries.insert(at, (key, times)),
                }
                self.densify();
            }
            Form::Dense { first, in_use, places } => {
                let last = *first + places.len() as i32 - 1;
                let span = (i64::from(last.max(key)) - i64::from(key.min(*first)) + 1) as usize;
                if span > PLACES_PER_KEY * (*in_use + 1) {
                    self.sparsify();
                    return self.add_and_settle(key, times);
                }
                if key < *first {
                    places.splice(0..0, std::iter::repeat_n(0, (*first - key) as usize));
                    *first = key;
                } else if last < key {
                    places.resize(span, 0);
                }
                let place = &mut places[(key - *first) as usize];
                *in_use += usize::from(*place == 0);
                *place += times;
                *in_use -= usize::from(*place == 0);
                let kept = places.iter().rposition(|count| *count != 0).map_or(0, |last| last + 1);
                places.truncate(kept);
                let zeros = places.iter().take_while(|count| **count == 0).count();
                places.drain(..zeros);
                *first += zeros as i32;
                if !is_dense(*in_use, places.len()) {
                    self.sparsify();
                }
            }
        }
    }

    fn densify(&mut self) {
        let Form::Sparse(entries) = &self.form else { return };
        let (Some((first, _)), Some((last, _))) = (entries.first(), entries.last()) else { return };
        let span = (i64::from(*last) - i64::from(*first) + 1) as usize;
        if is_dense(entries.len(), span) {
            let mut places = vec![0; span];
            for (key, count) in entries {
                places[(key - first) as usize] = *count;
            }
            self.form = Form::Dense { first: *first, in_use: entries.len(), places };
        }
    }

    fn sparsify(&mut self) {
        self.form = Form::Sparse(self.iter().collect());
    }
}

const fn is_dense(in_use: usize, span: usize) -> bool {
    SPARSE_MAX < in_use && span <= PLACES_PER_KEY * in_use
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(2 * self.iter().count()))?;
        let mut before = 0;
        for (key, count) in self.iter() {
            seq.serialize_element(&(i64::from(key) - before))?;
            seq.serialize_element(&count)?;
            before = i64::from(key);
        }
        seq.end()
    }
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Flat;
        impl<'de> Visitor<'de> for Flat {
            type Value = Counts;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("distances of ascending keys and their counts, in turn")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Counts, A::Error> {
                let broken = || de::Error::custom("counts by key are not in their canonical form");
                let mut entries: Vec<(i32, i64)> = Vec::new();
                let mut total: i64 = 0;
                while let Some(distance) = seq.next_element::<i64>()? {
                    let count: i64 = seq.next_element()?.ok_or_else(broken)?;
                    let before = entries.last().map_or(0, |entry| i64::from(entry.0));
                    let key = before.checked_add(distance).and_then(|key| i32::try_from(key).ok()).ok_or_else(broken)?;
                    if count == 0 || (!entries.is_empty() && distance < 1) {
                        return Err(broken());
                    }
                    entries.push((key, count));
                    total = total.checked_add(count).ok_or_else(broken)?;
                }
                let mut counts = Counts { total, form: Form::Sparse(entries) };
                counts.densify();
                Ok(counts)
            }
        }
        deserializer.deserialize_seq(Flat)
    }
}
