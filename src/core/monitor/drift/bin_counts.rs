//! How often each bin of a column was hit, in as little memory as the hits need: of thousands of models most count a few predictions a minute
//! over some seventy bins a column.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Hits that are kept one by one.
const FEW_MAX: usize = 32;

/// Fewest bins of which hits are kept one by one.
const BINS_MIN: usize = 16;

/// Counts by bin. How they are held follows from the counts, so that equal counts are equal values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BinCounts {
    bins: u32,
    held: Held,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Held {
    /// The bin of each hit, ascending.
    Few(Vec<u16>),
    Narrow(Box<[u16]>),
    Wide(Box<[u64]>),
}

impl BinCounts {
    /// Nothing yet, over so many bins: at most 65,536.
    pub fn over(bins: usize) -> Self {
        let held = if bins < BINS_MIN { Held::Narrow(vec![0; bins].into()) } else { Held::default() };
        Self { bins: bins as u32, held }
    }

    #[inline]
    pub fn add(&mut self, bin: usize) {
        match &mut self.held {
            Held::Wide(counts) => counts[bin] += 1,
            _ => self.add_many(bin, 1),
        }
    }

    /// Adds all of `other`, which is over the same bins.
    pub fn merge(&mut self, other: &Self) {
        match &other.held {
            Held::Few(hits) => hits.iter().for_each(|bin| self.add_many(usize::from(*bin), 1)),
            Held::Narrow(theirs) => self.add_each(theirs.iter().map(|count| u64::from(*count))),
            Held::Wide(theirs) => self.add_each(theirs.iter().copied()),
        }
    }

    fn add_each(&mut self, counts: impl Iterator<Item = u64>) {
        counts.enumerate().filter(|(_, count)| *count != 0).for_each(|(bin, count)| self.add_many(bin, count));
    }

    fn add_many(&mut self, bin: usize, count: u64) {
        match &mut self.held {
            Held::Few(hits) if hits.len() as u64 + count <= FEW_MAX as u64 => {
                let at = hits.partition_point(|hit| usize::from(*hit) <= bin);
                hits.splice(at..at, std::iter::repeat_n(bin as u16, count as usize));
            }
            Held::Narrow(counts) if count <= u64::from(u16::MAX - counts[bin]) => counts[bin] += count as u16,
            Held::Wide(counts) => counts[bin] += count,
            Held::Few(_) | Held::Narrow(_) => {
                self.widen();
                self.add_many(bin, count);
            }
        }
    }

    /// Makes room for larger counts.
    fn widen(&mut self) {
        self.held = match &self.held {
            Held::Few(hits) => {
                let mut counts = vec![0; self.bins as usize];
                hits.iter().for_each(|bin| counts[usize::from(*bin)] += 1);
                Held::Narrow(counts.into())
            }
            _ => Held::Wide(self.to_vec().into()),
        };
    }

    /// How many bins there are.
    pub const fn bins(&self) -> usize {
        self.bins as usize
    }

    /// Of one bin; `None` if there is none of that number.
    pub fn get(&self, bin: usize) -> Option<u64> {
        match &self.held {
            Held::Few(hits) if bin < self.bins() => Some(hits.iter().filter(|hit| usize::from(**hit) == bin).count() as u64),
            Held::Few(_) => None,
            Held::Narrow(counts) => counts.get(bin).map(|count| u64::from(*count)),
            Held::Wide(counts) => counts.get(bin).copied(),
        }
    }

    /// Of the last bin; `None` if there are no bins.
    pub fn last(&self) -> Option<u64> {
        self.get(self.bins().checked_sub(1)?)
    }

    pub fn sum(&self) -> u64 {
        match &self.held {
            Held::Few(hits) => hits.len() as u64,
            Held::Narrow(counts) => counts.iter().map(|count| u64::from(*count)).sum(),
            Held::Wide(counts) => counts.iter().sum(),
        }
    }

    /// Of each bin.
    pub fn to_vec(&self) -> Vec<u64> {
        match &self.held {
            Held::Few(hits) => {
                let mut counts = vec![0; self.bins()];
                hits.iter().for_each(|bin| counts[usize::from(*bin)] += 1);
                counts
            }
            Held::Narrow(counts) => counts.iter().map(|count| u64::from(*count)).collect(),
            Held::Wide(counts) => counts.to_vec(),
        }
    }
}

impl Default for Held {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

/// The number of bins, then either each count, or bin and count of those that are not 0, whichever is shorter.
#[derive(Serialize, Deserialize)]
struct Row {
    bins: u32,
    is_sparse: bool,
    counts: Vec<u64>,
}

impl Serialize for BinCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let all = self.to_vec();
        let used = all.iter().filter(|count| **count != 0).count();
        let is_sparse = 2 * used < all.len();
        let sparse =
            |all: Vec<u64>| (0..).zip(all).filter(|(_, count)| *count != 0).flat_map(|(bin, count)| [bin, count]).collect();
        Row { bins: self.bins, is_sparse, counts: if is_sparse { sparse(all) } else { all } }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for BinCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Row { bins, is_sparse, counts } = Row::deserialize(deserializer)?;
        let bad = || D::Error::custom("counts of bins that are not there");
        if 1 << 16 < bins || !is_sparse && counts.len() != bins as usize {
            return Err(bad());
        }
        let mut read = Self::over(bins as usize);
        if is_sparse {
            for pair in counts.chunks(2) {
                let [bin, count] = pair else { return Err(bad()) };
                if u64::from(bins) <= *bin {
                    return Err(bad());
                }
                read.add_many(*bin as usize, *count);
            }
        } else {
            read.add_each(counts.into_iter());
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(bins: usize, hits: &[(usize, u64)]) -> BinCounts {
        let mut counts = BinCounts::over(bins);
        hits.iter().for_each(|(bin, times)| counts.add_many(bin % bins, *times));
        counts
    }

    fn hits() -> impl Strategy<Value = Vec<(usize, u64)>> {
        let times = prop_oneof![6 => 1_u64..4, 2 => 20_u64..2_000, 1 => 60_000_u64..5_000_000_000];
        prop::collection::vec((0_usize..100, times), 0..40)
    }

    proptest! {
        #[test]
        fn counts_are_those_of_a_plain_list_however_they_are_split_and_merged(
            bins in 1_usize..100, hits in hits(), at in 0_usize..40,
        ) {
            let mut plain = vec![0; bins];
            hits.iter().for_each(|(bin, times)| plain[bin % bins] += times);
            let whole = counts(bins, &hits);
            prop_assert_eq!(whole.to_vec(), plain.clone());
            prop_assert_eq!((whole.sum(), whole.last()), (plain.iter().sum(), plain.last().copied()));
            prop_assert!((0..bins + 2).all(|bin| whole.get(bin) == plain.get(bin).copied()));

            let (one, other) = hits.split_at(at.min(hits.len()));
            let (one, other) = (counts(bins, one), counts(bins, other));
            let (mut forth, mut back) = (one.clone(), other.clone());
            forth.merge(&other);
            back.merge(&one);
            prop_assert_eq!(&forth, &whole);
            prop_assert_eq!(&back, &whole);
            let row = rmp_serde::to_vec(&whole).unwrap();
            prop_assert_eq!(rmp_serde::from_slice::<BinCounts>(&row).unwrap(), whole);
        }
    }

    #[test]
    fn a_few_hits_take_a_few_bytes_also_in_a_row() {
        let few = counts(70, &[(3, 2), (41, 1), (69, 1)]);
        assert!(matches!(&few.held, Held::Few(hits) if hits == &[3, 3, 41, 69]));
        assert!(rmp_serde::to_vec(&few).unwrap().len() < 12);
    }

    #[test]
    fn a_row_that_counts_bins_that_are_not_there_is_refused() {
        let row = |bins: u32, is_sparse: bool, counts: &[u64]| {
            rmp_serde::to_vec(&Row { bins, is_sparse, counts: counts.into() }).unwrap()
        };
        for bad in [row(3, false, &[1]), row(3, true, &[3, 1]), row(3, true, &[1]), row(100_000, true, &[])] {
            assert!(rmp_serde::from_slice::<BinCounts>(&bad).is_err());
        }
    }
}
