//! What has arrived lately, newest last, in parts that grow with their age. Any stretch that ends now can be read, its length to within a
//! quarter, from a few dozen sums: the exponential histogram of Datar, Gionis, Indyk & Motwani (2002), *SIAM J. Comput.* 31, 1794–1813.

use serde::{Deserialize, Serialize};

use crate::monitor::limits::EVIDENCE_KEPT;
use crate::time::Timestamp;

/// Observations of a part of the lowest level: fewer cannot be told apart.
const SMALLEST: u64 = 4;

/// Parts of one level; of one more the two oldest become a part of the next.
const PER_LEVEL: usize = 4;

/// Levels; what would go beyond is forgotten. Some 400,000 observations fit in.
const LEVELS: u8 = 16;

/// Sums that can be merged, with the number of what was summed.
pub trait Tally: Copy + Default {
    fn n(&self) -> u64;
    /// * `other`: what was observed right after.
    fn merge(&mut self, other: &Self);
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ladder<T> {
    /// Oldest first; levels fall.
    parts: Vec<Part<T>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Part<T> {
    level: u8,
    /// Seconds since the Unix epoch of the first and the newest observation.
    first: u32,
    newest: u32,
    tally: T,
}

/// The newest observations from some moment on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch<T> {
    pub from: Timestamp,
    pub tally: T,
}

impl<T: Tally> Ladder<T> {
    /// Adds what was observed at `at`, as the newest.
    pub fn add(&mut self, at: Timestamp, tally: &T) {
        let second = second_of(at);
        match self.parts.last_mut() {
            Some(part) if part.level == 0 && part.tally.n() < SMALLEST => {
                part.tally.merge(tally);
                part.newest = part.newest.max(second);
            }
            _ => {
                self.parts.push(Part { level: 0, first: second, newest: second, tally: *tally });
                self.fold();
            }
        }
    }

    /// Forgets what is older than [`EVIDENCE_KEPT`] at `now`.
    pub fn forget(&mut self, now: Timestamp) {
        let kept_from = second_of(now - EVIDENCE_KEPT);
        let old = self.parts.iter().take_while(|part| part.newest < kept_from).count();
        self.parts.drain(..old);
    }

    /// Forgets what was before `from`.
    pub fn forget_before(&mut self, from: Timestamp) {
        let kept_from = second_of(from);
        let old = self.parts.iter().take_while(|part| part.first < kept_from).count();
        self.parts.drain(..old);
    }

    /// Whether [`Self::forget`] would change anything.
    pub fn has_old(&self, now: Timestamp) -> bool {
        self.parts.first().is_some_and(|part| part.newest < second_of(now - EVIDENCE_KEPT))
    }

    /// Every stretch that ends with the newest observation, shortest first.
    pub fn stretches(&self) -> impl Iterator<Item = Stretch<T>> + Clone {
        let mut tally = T::default();
        self.parts.iter().rev().map(move |part| {
            let newer = std::mem::replace(&mut tally, part.tally);
            tally.merge(&newer);
            Stretch { from: Timestamp::from_micros(i64::from(part.first) * 1_000_000), tally }
        })
    }

    /// All that is remembered.
    pub fn total(&self) -> T {
        let mut tally = T::default();
        self.parts.iter().for_each(|part| tally.merge(&part.tally));
        tally
    }

    /// When the newest was observed.
    pub fn newest(&self) -> Option<Timestamp> {
        self.parts.last().map(|part| Timestamp::from_micros(i64::from(part.newest) * 1_000_000))
    }

    /// How many were observed after `moment`, to the part.
    pub fn since(&self, moment: Timestamp) -> u64 {
        let after = self.parts.iter().rev().take_while(|part| second_of(moment) < part.first);
        after.map(|part| part.tally.n()).sum()
    }

    /// About how many were observed at `moment` or later: of a part that began before, by its share of the time. `None` if it began before all that is
    /// remembered.
    pub fn about_since(&self, moment: Timestamp) -> Option<f64> {
        let moment = f64::from(second_of(moment));
        self.parts.first().filter(|oldest| f64::from(oldest.first) <= moment)?;
        let later = self.parts.iter().map(|part| {
            let (first, end) = (f64::from(part.first), f64::from(part.newest) + 1.0);
            part.tally.n() as f64 * ((end - moment) / (end - first)).clamp(0.0, 1.0)
        });
        Some(later.sum())
    }

    /// The mean time in seconds between two observations; `None` below two.
    pub fn gap(&self) -> Option<f64> {
        let (first, last) = (self.parts.first()?, self.parts.last()?);
        let n = self.total().n();
        (1 < n).then(|| f64::from(last.newest.saturating_sub(first.first)) / (n - 1) as f64)
    }

    fn fold(&mut self) {
        for level in 0..LEVELS {
            // parts of a level lie side by side
            let of_level = |part: &Part<T>| part.level == level;
            let Some(oldest) = self.parts.iter().position(of_level) else { return };
            if self.parts[oldest..].iter().take_while(|part| of_level(part)).count() <= PER_LEVEL {
                return;
            }
            let next = self.parts.remove(oldest + 1);
            let grown = &mut self.parts[oldest];
            grown.tally.merge(&next.tally);
            grown.newest = grown.newest.max(next.newest);
            grown.level += 1;
            if grown.level == LEVELS {
                self.parts.remove(oldest);
            }
        }
    }
}

/// Whole seconds since the Unix epoch, as far as they fit.
fn second_of(at: Timestamp) -> u32 {
    at.micros().div_euclid(1_000_000).clamp(0, u32::MAX.into()) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::status::tally::Outcomes;
    use crate::time::Span;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(1_767_225_600_000_000) + Span::from_secs(second)
    }

    fn outcome(met: bool) -> Outcomes {
        Outcomes { n: 1, met: u64::from(met), delay: 0 }
    }

    #[test]
    fn every_observation_is_in_it_once_and_every_length_is_near() {
        let mut ladder = Ladder::default();
        for i in 0..100_000 {
            ladder.add(at(i), &outcome(i % 3 == 0));
        }
        assert_eq!((ladder.total().n, ladder.total().met), (100_000, 33_334));
        let lengths: Vec<u64> = ladder.stretches().map(|stretch| stretch.tally.n).collect();
        assert!(lengths.len() < 70, "{}", lengths.len());
        for wanted in [8, 30, 100, 1_000, 30_000] {
            let next = lengths.iter().find(|n| wanted <= **n).unwrap();
            assert!(*next <= wanted * 8 / 5, "{wanted}: {next}");
        }
    }

    #[test]
    fn a_stretch_holds_the_newest_and_nothing_else() {
        let mut ladder = Ladder::default();
        (0..1_000).for_each(|i| ladder.add(at(i), &outcome(i < 900)));
        for stretch in ladder.stretches().filter(|stretch| stretch.tally.n <= 100) {
            assert_eq!(stretch.tally.met, 0);
            assert_eq!(stretch.from, at(1_000 - stretch.tally.n as i64));
        }
    }

    #[test]
    fn how_many_came_since_a_moment_is_known_to_a_few_in_a_hundred() {
        let mut ladder = Ladder::default();
        (0..10_000).for_each(|i| ladder.add(at(i), &outcome(true)));
        for since in [1, 777, 5_000, 9_990] {
            let about = ladder.about_since(at(since)).unwrap();
            assert!((about - (10_000 - since) as f64).abs() < 1e-6, "{since}: {about}");
        }
        assert_eq!((ladder.about_since(at(-5)), ladder.about_since(at(20_000))), (None, Some(0.0)));
    }

    #[test]
    fn what_is_older_than_a_week_is_forgotten() {
        let mut ladder = Ladder::default();
        (0..100).for_each(|_| ladder.add(at(0), &outcome(true)));
        let later = at(7 * 86_400 + 2);
        ladder.add(at(86_400), &outcome(true));
        assert!(ladder.has_old(later) && !ladder.has_old(at(7 * 86_400 - 1)));
        ladder.forget(later);
        assert!(ladder.total().n <= 4 && !ladder.has_old(later));
    }

    #[test]
    fn memory_has_a_bound() {
        let mut ladder = Ladder::default();
        (0..3_000_000).for_each(|i| ladder.add(at(i / 100), &outcome(true)));
        assert!(ladder.parts.len() <= usize::from(LEVELS) * PER_LEVEL, "{}", ladder.parts.len());
        assert!(200_000 < ladder.total().n);
    }
}
