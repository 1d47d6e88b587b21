//! Whether a series that should not rises steadily: memory that leaks, a disk that fills.

use serde::{Deserialize, Serialize};

use crate::stats::smoothing::median;
use crate::stats::trend;
use crate::time::{Span, Timestamp};

/// Points of a ring, and the fewer of them that a quick rise shows in.
const POINTS: usize = 30;
const POINTS_QUICK: usize = 12;

/// Of the largest concordance there is, the share that is a steady rise: of twelve points and of thirty. By chance (points in random
/// order) the first happens once in 10⁷ times and the second once in 10⁸; see the test.
const STEADY_QUICK: f64 = 0.9;
const STEADY: f64 = 0.75;
/// Below this share, of twelve points, the rise is over.
const OVER: f64 = 0.3;

/// A rise that matters is at least this share of what it began from, and so many usual deviations.
const EFFECT_MIN: f64 = 0.1;
const DEVIATIONS_MIN: f64 = 5.0;

/// Means of intervals of one width, the newest last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ring {
    /// The interval that is open.
    start: Timestamp,
    count: u32,
    sum: f64,
    points: Vec<f32>,
}

/// A steady rise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rise {
    /// Standard deviations of Mann and Kendall's statistic above chance.
    pub score: f64,
    /// In the unit of the series.
    pub per_hour: f64,
    /// What the points say it went from, and to.
    pub from: f64,
    pub to: f64,
}

impl Ring {
    /// Adds a value of `at`. True if an interval is over, so that there is a new point.
    pub fn add(&mut self, at: Timestamp, value: f64, width: Span) -> bool {
        let start = at.floor(width);
        let over = self.count != 0 && self.start != start;
        if over {
            if self.points.len() == POINTS {
                self.points.remove(0);
            }
            self.points.push((self.sum / f64::from(self.count)) as f32);
        }
        // after a hole the points would no longer be equally far apart
        if over && 2 * width.micros() < (start - self.start).micros() {
            self.points.clear();
        }
        if over || self.count == 0 {
            *self = Self { start, points: std::mem::take(&mut self.points), ..Self::default() };
        }
        self.count += 1;
        self.sum += value;
        over
    }

    /// Where the newest point ends.
    pub const fn end(&self) -> Timestamp {
        self.start
    }

    /// The points, oldest first.
    pub fn points(&self) -> Vec<f64> {
        self.points.iter().copied().map(f64::from).collect()
    }
}

/// The steady rise that `points`, `width` apart, end with, if it matters beside `deviation`, the usual one.
pub fn rise(points: &[f64], width: Span, deviation: f64) -> Option<Rise> {
    [(POINTS_QUICK, STEADY_QUICK), (POINTS, STEADY)].into_iter().find_map(|(n, needed)| {
        let last = &points[points.len().checked_sub(n)?..];
        let concordance = trend::concordance(last);
        if (concordance as f64) < needed * trend::concordance_max(n) as f64 {
            return None;
        }
        let slope = trend::slope(last)?;
        let change = slope * (n - 1) as f64;
        let from = median(last)? - change / 2.0;
        let matters = EFFECT_MIN * from.abs() <= change && DEVIATIONS_MIN * deviation <= change;
        let per_hour = slope * 3_600.0 / width.secs_f64();
        matters.then(|| Rise { score: trend::concordance_score(concordance, n), per_hour, from, to: from + change })
    })
}

/// Whether `points` no longer end with a rise.
pub fn is_over(points: &[f64]) -> bool {
    let last = &points[points.len().saturating_sub(POINTS_QUICK)..];
    (trend::concordance(last) as f64) < OVER * trend::concordance_max(POINTS_QUICK) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Span = Span::from_secs(60);

    fn filled(values: impl IntoIterator<Item = f64>) -> Ring {
        let mut ring = Ring::default();
        for (minute, value) in (0..).zip(values) {
            ring.add(Timestamp::from_micros(minute * MINUTE.micros()), value, MINUTE);
        }
        ring
    }

    /// Permutations of twelve points by their number of inversions: the chance of a quick rise. The recurrence is that of Mann 1945.
    #[test]
    fn chance_seldom_rises_steadily() {
        let chance = |n: usize, needed: f64| {
            let mut ways = vec![1.0];
            for size in 2..=n {
                let mut next = vec![0.0; ways.len() + size - 1];
                for (inversions, count) in ways.iter().enumerate() {
                    (0..size).for_each(|more| next[inversions + more] += count / size as f64);
                }
                ways = next;
            }
            let pairs = trend::concordance_max(n) as f64;
            let is_rise = |inversions: usize| needed * pairs <= pairs - 2.0 * inversions as f64;
            ways.iter().enumerate().filter(|(inversions, _)| is_rise(*inversions)).map(|(_, share)| share).sum::<f64>()
        };
        assert!(chance(POINTS_QUICK, STEADY_QUICK) < 1e-6, "{}", chance(POINTS_QUICK, STEADY_QUICK));
        assert!(chance(POINTS, STEADY) < 1e-8, "{}", chance(POINTS, STEADY));
    }

    #[test]
    fn a_steady_rise_is_found_with_its_slope_and_its_beginning() {
        let ring = filled((0..40).map(|minute| 50.0 + f64::from(minute)));
        let found = rise(&ring.points(), MINUTE, 1.0).unwrap();
        assert!((found.per_hour - 60.0).abs() < 1e-6 && (found.from - 77.0).abs() < 1e-6, "{found:?}");
        assert!(!is_over(&ring.points()));
    }

    #[test]
    fn a_small_rise_is_none() {
        let small = filled((0..40).map(|minute| 50.0 + 0.1 * f64::from(minute)));
        assert_eq!(rise(&small.points(), MINUTE, 0.1), None);
        let noisy = filled((0..40).map(|minute| 50.0 + f64::from(minute)));
        assert_eq!(rise(&noisy.points(), MINUTE, 10.0), None);
    }

    #[test]
    fn a_hole_begins_anew() {
        let mut ring = filled((0..20).map(f64::from));
        ring.add(Timestamp::from_micros(60 * MINUTE.micros()), 1.0, MINUTE);
        assert_eq!(ring.points(), Vec::<f64>::new());
    }

    proptest! {
        #[test]
        fn a_ring_is_bounded(values in proptest::collection::vec(-1e9..1e9_f64, 0..200)) {
            prop_assert!(filled(values).points().len() <= POINTS);
        }
    }
}
