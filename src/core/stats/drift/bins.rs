//! Bins frozen on the reference.

use serde::{Deserialize, Serialize};

use super::Sample;
use super::resolution::reach;

/// Interior edges, ascending and unique. Bins are `[eᵢ, eᵢ₊₁)`: a value equal to an edge belongs to the bin above; the outermost
/// ones are open to ±∞.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Edges(Vec<f64>);

/// Edges from one that [`Edges::place`] looks at first to the next: about the root of how many there are.
const STRIDE: usize = 8;

/// Shares of a reference that fine bins part off at both of its ends: long tails hold much of a distance.
const TAILS: [f64; 3] = [0.002, 0.004, 0.008];

/// How many standard deviations beyond the least and the greatest value of a reference fine bins go on.
const BEYOND: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];

impl Edges {
    /// Ten bins of about equal counts: the unique values of the deciles `q₀.₁ … q₀.₉` of `reference` by [`Sample::quantile`]. Ties
    /// leave fewer; a constant reference leaves one edge, below which nothing of it lies (see [`Self::frozen`]).
    pub fn deciles(reference: &Sample) -> Self {
        Self::unique((1..10).map(|decile| reference.quantile(f64::from(decile) / 10.0)))
    }

    /// Ten bins of equal width between the least and the greatest of `reference`: the unique values of the nine edges between.
    pub fn fixed(reference: &Sample) -> Self {
        let (low, high) = (reference.least(), reference.greatest());
        let step = (high - low) / 10.0;
        let edge = |place: i32| {
            let share = f64::from(place) / 10.0;
            if step.is_finite() { low + f64::from(place) * step } else { low * (1.0 - share) + high * share }
        };
        Self::unique((1..10).map(edge))
    }

    /// What to freeze for later comparisons: [`Self::deciles`]; for a constant reference `c` the bins `< c`, `{c}` and `> c`, since
    /// deciles would put all larger values into the bin of `c` and see no drift in them.
    pub fn frozen(reference: &Sample) -> Self {
        if reference.is_constant() { Self::around(reference.least()) } else { Self::deciles(reference) }
    }

    /// The bins `< only`, `{only}` and `> only`.
    pub(super) fn around(only: f64) -> Self {
        Self::unique([only, only.next_up()])
    }

    /// The same bins of `reference`, with edges as far from its values as a 32-bit float may move them, so that a value of it that was rounded to
    /// such a float is in the bin it came from. Where values of the reference lie closer than that, edges stay.
    pub fn apart(self, reference: &Sample) -> Self {
        let values = reference.values();
        let is_finer_at = |value: f64| {
            let (start, end) =
                (values.partition_point(|other| *other < value), values.partition_point(|other| *other <= value));
            let below = start.checked_sub(1).map(|at| value - values[at]);
            let above = values.get(end).map(|above| above - value);
            below.into_iter().chain(above).any(|gap| gap < reach(value))
        };
        let moved = |edge: f64| {
            let at = values.partition_point(|value| *value < edge);
            let below = at.checked_sub(1).map(|below| values[below]);
            let above = values.get(at).copied();
            if below.into_iter().chain(above).any(is_finer_at) {
                return edge;
            }
            let low = below.map_or(f64::NEG_INFINITY, |below| below + reach(below));
            let high = above.map_or(f64::INFINITY, |above| above - reach(above));
            if low <= high { edge.min(high).max(low) } else { edge }
        };
        Self::unique(self.0.into_iter().map(moved))
    }

    /// Bins for reading a distribution back: the edges of [`Self::frozen`] and between them those that part `reference` into `parts` bins of
    /// about equal counts, with finer ones at both ends and a few wide ones beyond. A reference of at most `parts` distinct values has a bin for each of them and one above.
    pub fn fine(reference: &Sample, parts: u32) -> Self {
        let mut distinct = reference.values().to_vec();
        distinct.dedup();
        let frozen = Self::frozen(reference);
        if distinct.len() <= parts as usize {
            let above = reference.greatest().next_up();
            return Self::unique(distinct.into_iter().chain([above]).chain(frozen.0));
        }
        let between = (1..parts).map(|part| reference.quantile(f64::from(part) / f64::from(parts)));
        let tails = TAILS.iter().flat_map(|tail| [reference.quantile(*tail), reference.quantile(1.0 - tail)]);
        // where the reference has nothing, a sample that has spread is still told apart
        let deviation = reference.deviation().unwrap_or_default();
        let (least, greatest) = (reference.least(), reference.greatest());
        let beyond = BEYOND.iter().flat_map(|times| [least - times * deviation, greatest + times * deviation]);
        Self::unique(between.chain(tails).chain(frozen.0).chain([least, greatest.next_up()]).chain(beyond))
    }

    /// The bin of `value`: how many edges it has reached. Cost: O(bins / [`STRIDE`]) comparisons that do not wait for each other, where each
    /// step of a binary search waits for the one before.
    #[inline]
    pub fn place(&self, value: f64) -> usize {
        let reached = |edge: &&f64| **edge <= value;
        let whole = self.0.iter().skip(STRIDE - 1).step_by(STRIDE).filter(reached).count() * STRIDE;
        let rest = &self.0[whole..];
        whole + rest[..rest.len().min(STRIDE - 1)].iter().filter(reached).count()
    }

    /// For each bin of `self` the bin of `coarse` that it lies in; `coarse` has no edge that `self` lacks.
    pub fn within(&self, coarse: &Self) -> Vec<u8> {
        let below = std::iter::once(f64::NEG_INFINITY).chain(self.0.iter().copied());
        below.map(|edge| coarse.place(edge) as u8).collect()
    }

    pub fn interior(&self) -> &[f64] {
        &self.0
    }

    /// How many values of `sample` lie in each bin; one more than there are edges. Cost: O(bins · log n).
    pub fn counts(&self, sample: &Sample) -> Vec<u64> {
        let below = self.0.iter().map(|edge| sample.values().partition_point(|value| value < edge));
        let ends: Vec<usize> = below.chain([sample.values().len()]).collect();
        let starts = std::iter::once(0).chain(ends.iter().copied());
        ends.iter().zip(starts).map(|(end, start)| (end - start) as u64).collect()
    }

    pub(super) fn unique(edges: impl IntoIterator<Item = f64>) -> Self {
        let mut edges: Vec<f64> = edges.into_iter().filter(|edge| edge.is_finite()).collect();
        edges.sort_unstable_by(f64::total_cmp);
        edges.dedup();
        Self(edges)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_that_went_through_a_32_bit_float_is_in_the_bin_it_came_from() {
        for values in
            [&[0.1, 0.3, 0.7, 0.9][..], &[0.1], &[16_777_217.0, 33_554_433.0, 100_000_001.0], &[-0.7, -0.1, 0.0, 1e-9]]
        {
            let sample = Sample::of(values.iter().copied()).unwrap();
            for edges in [Edges::fine(&sample, 60).apart(&sample), Edges::frozen(&sample).apart(&sample)] {
                for value in values {
                    assert_eq!(edges.place(*value), edges.place(f64::from(*value as f32)), "{value} in {edges:?}");
                }
            }
        }
        // hundredths of seconds since 1970 lie closer than a 32-bit float resolves: their edges stay
        let times = Sample::of((0..100).map(|step| 1e9 + f64::from(step) / 100.0)).unwrap();
        let inner = |edges: Edges| edges.interior().iter().filter(|edge| (1e9..1e9 + 0.99).contains(*edge)).count();
        assert_eq!(inner(Edges::fine(&times, 60).apart(&times)), inner(Edges::fine(&times, 60)));
    }

    proptest! {
        #[test]
        fn a_value_is_in_the_bin_that_a_binary_search_finds(edges in prop::collection::vec(-50_i32..50, 0..120), value in -60_i32..60) {
            let edges = Edges::unique(edges.into_iter().map(f64::from));
            for value in [f64::from(value), f64::from(value) + 0.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
                prop_assert_eq!(edges.place(value), edges.0.partition_point(|edge| *edge <= value));
            }
        }
    }
}
