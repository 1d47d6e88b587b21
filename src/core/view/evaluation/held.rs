//! Scores and errors of very many records, in bounded memory: each of them up to some millions, beyond that counts over narrow bins.

use std::collections::BTreeMap;

use crate::stats::ranking::{Tally, tallies};

/// Scores or errors that are held one by one.
const HELD_MAX: usize = 2_500_000;

/// Bins of scores beyond that, between 0 and 1.
const BINS: usize = 1 << 21;

/// Bits of an error that its bin goes by: its size to 2 parts in 100,000.
const ERROR_BITS: u32 = 27;

/// What is to be said where bins took the place of values.
pub const COARSE: &str = "of so many records ROC AUC, average precision and the median error are worked out over narrow bins: \
                          scores to 5 in 10,000,000, errors to 2 in 100,000";

/// Scores of one class with what turned out to be true. 0 to 1.
#[derive(Debug)]
pub struct Scores {
    held: Vec<(f64, bool)>,
    most: usize,
    /// Negatives and positives by bin; empty while all are held.
    bins: Vec<[u32; 2]>,
}

impl Scores {
    /// * `many`: how many of these there are, which share the memory.
    pub fn shared_by(many: usize) -> Self {
        Self { held: Vec::new(), most: HELD_MAX / many.max(1), bins: Vec::new() }
    }

    pub fn add(&mut self, score: f64, is_true: bool) {
        if self.bins.is_empty() && self.held.len() < self.most {
            self.held.push((score, is_true));
            return;
        }
        if self.bins.is_empty() {
            self.bins = vec![[0; 2]; BINS + 1];
            let held = std::mem::take(&mut self.held);
            held.into_iter().for_each(|(score, is_true)| self.count(score, is_true));
        }
        self.count(score, is_true);
    }

    fn count(&mut self, score: f64, is_true: bool) {
        let count = &mut self.bins[(score * BINS as f64).round() as usize][usize::from(is_true)];
        *count = count.saturating_add(1);
    }

    pub fn is_coarse(&self) -> bool {
        !self.bins.is_empty()
    }

    pub fn tallies(&self) -> Vec<Tally> {
        if !self.is_coarse() {
            return tallies(self.held.clone());
        }
        let of_bin = |(bin, [negatives, positives]): (usize, &[u32; 2])| Tally {
            score: bin as f64 / BINS as f64,
            positives: i64::from(*positives),
            negatives: i64::from(*negatives),
        };
        self.bins.iter().enumerate().filter(|(_, counts)| **counts != [0, 0]).map(of_bin).collect()
    }
}

/// Absolute errors.
#[derive(Debug, Default)]
pub struct Errors {
    held: Vec<f64>,
    /// By the leading bits of the error.
    bins: BTreeMap<u32, u64>,
    count: u64,
}

impl Errors {
    pub fn add(&mut self, error: f64) {
        self.count += 1;
        if self.bins.is_empty() && self.held.len() < HELD_MAX {
            self.held.push(error);
            return;
        }
        for error in self.held.drain(..).chain([error]) {
            *self.bins.entry((error.to_bits() >> (64 - ERROR_BITS)) as u32).or_default() += 1;
        }
    }

    pub const fn count(&self) -> u64 {
        self.count
    }

    pub fn is_coarse(&self) -> bool {
        !self.bins.is_empty()
    }

    /// The errors of these ranks from 1, ascending; `None` of one that there is not.
    pub fn at_ranks(&self, ranks: [u64; 4]) -> [Option<f64>; 4] {
        if !self.is_coarse() {
            let mut sorted = self.held.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            return ranks.map(|rank| sorted.get((rank as usize).checked_sub(1)?).copied());
        }
        let at = |rank: u64| {
            let mut below = 0;
            let bin = self.bins.iter().find(|(_, count)| {
                below += **count;
                rank <= below
            });
            // the middle of the bin
            bin.filter(|_| rank != 0)
                .map(|(bin, _)| f64::from_bits((u64::from(*bin) << (64 - ERROR_BITS)) + (1 << (63 - ERROR_BITS))))
        };
        ranks.map(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::ranking::roc_auc;

    #[test]
    fn bins_say_nearly_what_all_scores_say() {
        let (mut exact, mut coarse) = (Scores::shared_by(1), Scores::shared_by(HELD_MAX));
        for step in 0..20_000_u32 {
            let score = f64::from(step.wrapping_mul(2_654_435_761) % 1_000_003) / 1_000_003.0;
            let is_true = step % 3 == 0 && 0.2 < score;
            exact.add(score, is_true);
            coarse.add(score, is_true);
        }
        assert!(coarse.is_coarse() && !exact.is_coarse());
        let area = |held: &Scores| roc_auc(&held.tallies()).value.unwrap();
        assert!((area(&exact) - area(&coarse)).abs() < 1e-6);
    }

    #[test]
    fn the_median_of_binned_errors_is_near() {
        let mut errors = Errors::default();
        errors.bins.insert(0, 0);
        (1..=10_001_u32).for_each(|step| errors.add(f64::from(step)));
        let [median, none, ..] = errors.at_ranks([5_001, 0, 1, 2]);
        assert!((median.unwrap() / 5_001.0 - 1.0).abs() < 4e-5 && none.is_none(), "{median:?}");
    }
}
