//! How evident it is that a figure lies on one side of a line, and the interval that says the same.
//!
//! The status of a model is looked at again and again, over stretches of every length, so evidence must be much stronger than for one look. Of all that
//! is known [`needed`] is enough. Newer parts of it are so many that one always happens to be bad, so they must also be evidently another thing than what came
//! before: [`Looks::needed_of_change`].

use serde::{Deserialize, Serialize};

use crate::stats::logarithm::{exp, ln};

/// Nats that decide over many observations, and the observations' worth of nats that few need on top. Thirty failures in a row decide against any
/// ceiling up to three quarters. Tuned with `ops/bench status`, like the other figures here.
const NATS_LONG: f64 = 4.8;
const NATS_SHORT: f64 = 100.0;

/// Nats that tell a newest part of [`CHANGE_LENGTH`] observations from what came before it. That many find a fall from 0.73 to 0.6, and no method
/// needs much fewer at the same rate of false alarms (Lorden (1971), *Ann. Math. Stat.* 42, 1897–1908).
const NATS_OF_CHANGE: f64 = 11.0;
const CHANGE_LENGTH: f64 = 270.0;

/// Nats that a part of a length needs more for each time that it is `e` times shorter, since there are so many more of them (Dümbgen & Spokoiny
/// (2001), *Ann. Stat.* 29, 124–152), and the least and the most that any needs. Thirty failures in a row after a long time of few are more.
const NATS_OF_LENGTH: f64 = 1.5;
const NATS_OF_CHANGE_MIN: f64 = 7.0;
const NATS_OF_CHANGE_MAX: f64 = 19.0;

/// Nats of change on top for each time that the pace is `e` times one observation a second. Looks are so many more that some are needed; that it is
/// more than one costs no time, since the observations come so much sooner.
const NATS_OF_PACE: f64 = 3.0;

/// What one look at the 95 % level needs: 1.96² / 2 nats.
pub const NATS_OF_ONE_LOOK: f64 = 1.920_729_410_347_062;

/// A figure and what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Basis {
    /// `hits` of `n`.
    Share { n: u64, hits: u64 },
    /// A mean of `n` values with its squared standard error.
    Mean { n: u64, mean: f64, error_squared: f64 },
    /// A figure that comes with a 95 % interval of its own.
    Estimate { n: u64, value: f64, low: f64, high: f64 },
    /// A figure of `n` observations without an interval.
    Bare { n: u64, value: f64 },
    /// A figure of too few observations for an interval: it decides nothing.
    Unsure { n: u64, value: f64 },
}

/// Nats that decide over `n` observations.
pub fn needed(n: u64) -> f64 {
    NATS_LONG + NATS_SHORT / n.max(1) as f64
}

/// How often a figure is looked at, and whether its past is compared with its present.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Looks {
    /// Nats of change for the pace of the observations.
    of_pace: f64,
    /// What came before a newest part tells whether that is news.
    pub compare: bool,
}

impl Looks {
    /// * `gap`: seconds between two observations; `None`: that is not known.
    pub fn every(gap: Option<f64>) -> Self {
        let pace = gap.map_or(1.0, |gap| 1.0 / gap.max(1e-6));
        Self { of_pace: if pace <= 1.0 { 0.0 } else { NATS_OF_PACE * ln(pace) }, compare: true }
    }

    /// Of observations so much alike that the error of all of them says nothing of a change: each part is only compared with the line.
    pub const fn alike() -> Self {
        Self { of_pace: 0.0, compare: false }
    }

    /// Nats that tell the newest `n` observations from what came before.
    pub fn needed_of_change(&self, n: u64) -> f64 {
        let nats = NATS_OF_CHANGE + self.of_pace + NATS_OF_LENGTH * ln(CHANGE_LENGTH / n.max(1) as f64);
        nats.clamp(NATS_OF_CHANGE_MIN, NATS_OF_CHANGE_MAX)
    }
}

impl Basis {
    pub const fn n(&self) -> u64 {
        match self {
            Self::Share { n, .. }
            | Self::Mean { n, .. }
            | Self::Estimate { n, .. }
            | Self::Bare { n, .. }
            | Self::Unsure { n, .. } => *n,
        }
    }

    pub fn value(&self) -> f64 {
        match *self {
            Self::Share { n, hits } => hits as f64 / n.max(1) as f64,
            Self::Mean { mean, .. } => mean,
            Self::Estimate { value, .. } | Self::Bare { value, .. } | Self::Unsure { value, .. } => value,
        }
    }

    /// Evidence in nats that the truth is not `line` but on the side of the figure.
    ///
    /// Of a share the log likelihood ratio `n KL(p̂ ‖ line)`: by Chernoff's bound so large a deviation has a chance of at most `e^−nats` (Hoeffding (1963),
    /// *J. Am. Stat. Assoc.* 58, 13–30, theorem 1). Of a mean whose variance is known from its values only `n/2 · ln(1 + z²/n)`, the log likelihood
    /// ratio of Student's test: of few values it is much less than `z² / 2`.
    pub fn nats(&self, line: f64) -> f64 {
        match *self {
            Self::Share { n: 0, .. } | Self::Mean { n: 0, .. } | Self::Unsure { .. } => 0.0,
            // no share lies there
            Self::Share { .. } if !(0.0..=1.0).contains(&line) => f64::INFINITY,
            Self::Share { n, hits } => share_nats(hits, n, line),
            Self::Mean { n, mean, error_squared } => mean_nats(mean - line, error_squared, n),
            Self::Estimate { n, value, low, high } => {
                let reach = if line < value { value - low } else { high - value };
                mean_nats(value - line, reach * reach / (2.0 * NATS_OF_ONE_LOOK), n)
            }
            // all that is known of it is the figure itself
            Self::Bare { value, .. } => {
                if value == line {
                    0.0
                } else {
                    f64::INFINITY
                }
            }
        }
    }

    /// What the observations of `whole` before this stretch, its newest part, were like, and the nats that say that the two differ: the log likelihood
    /// ratio of two figures to one (Siegmund (1985), *Sequential Analysis*, §II.6). `None` if it is the whole, or if that cannot be told.
    pub fn change_within(&self, whole: &Self) -> Option<(f64, f64)> {
        match (*self, *whole) {
            (Self::Share { n, hits }, Self::Share { n: all, hits: all_hits }) if n < all => {
                let (rest, rest_hits) = (all - n, all_hits - hits);
                let both = all_hits as f64 / all as f64;
                Some((rest_hits as f64 / rest as f64, share_nats(hits, n, both) + share_nats(rest_hits, rest, both)))
            }
            (Self::Mean { n, mean, error_squared }, Self::Mean { n: all, mean: of_all, error_squared: of_whole })
                if n < all =>
            {
                let (of_stretch, rest) = (n as f64, (all - n) as f64);
                let older = (of_all * all as f64 - mean * of_stretch) / rest;
                Some((older, mean_nats(mean - older, error_squared + of_whole * all as f64 / rest, n)))
            }
            (Self::Estimate { n, value, .. }, Self::Estimate { n: all, value: of_all, .. }) if n < all => {
                // a figure is to first order a mean of what each observation adds to it (van der Vaart (1998), *Asymptotic Statistics*, §20.2)
                let mean = |n, mean, of: &Self| Self::Mean { n, mean, error_squared: of.error_squared() };
                mean(n, value, self).change_within(&mean(all, of_all, whole))
            }
            _ => None,
        }
    }

    /// The squared standard error of a mean, or of an estimate by the width of its interval; 0 where there is none.
    fn error_squared(&self) -> f64 {
        match *self {
            Self::Mean { error_squared, .. } => error_squared,
            Self::Estimate { low, high, .. } => (high - low).powi(2) / (8.0 * NATS_OF_ONE_LOOK),
            Self::Share { .. } | Self::Bare { .. } | Self::Unsure { .. } => 0.0,
        }
    }

    /// The mean of equal values says nothing of how much they vary: then it has the variance of `whole`, of which it is the newest part, and without
    /// any it has no interval.
    pub fn with_variance_of(self, whole: &Self) -> Self {
        match (self, *whole) {
            (Self::Mean { n, mean, error_squared: 0.0 }, Self::Mean { n: all, error_squared, .. }) if 0.0 < error_squared => {
                Self::Mean { n, mean, error_squared: error_squared * all as f64 / n.max(1) as f64 }
            }
            (Self::Mean { n, mean, error_squared: 0.0 }, _) => Self::Bare { n, value: mean },
            (other, _) => other,
        }
    }

    /// Whether [`Self::nats`] reaches `needed`, most often without a logarithm.
    pub fn decides(&self, line: f64, needed: f64) -> bool {
        if let Self::Share { n, hits } = *self
            && 0.0 < line
            && line < 1.0
        {
            // KL(p ‖ q) ≤ (p − q)² / (q (1 − q))
            let away = hits as f64 / n.max(1) as f64 - line;
            if n as f64 * away * away < needed * line * (1.0 - line) {
                return false;
            }
        }
        needed <= self.nats(line)
    }

    /// All lines against which there is less evidence than `nats`. `None` if no interval is known.
    pub fn interval(&self, nats: f64) -> Option<(f64, f64)> {
        match *self {
            Self::Bare { .. } | Self::Unsure { .. } => None,
            Self::Share { n, hits } => {
                let share = hits as f64 / n.max(1) as f64;
                Some((edge(0.0, share, |line| nats <= self.nats(line)), edge(1.0, share, |line| nats <= self.nats(line))))
            }
            Self::Mean { n, mean, error_squared } => {
                let reach = (deviations_squared(nats, n) * error_squared).sqrt();
                Some((mean - reach, mean + reach))
            }
            Self::Estimate { n, value, low, high } => {
                let widened = (deviations_squared(nats, n) / (2.0 * NATS_OF_ONE_LOOK)).sqrt();
                Some((value - (value - low) * widened, value + (high - value) * widened))
            }
        }
    }
}

fn share_nats(hits: u64, n: u64, line: f64) -> f64 {
    let (hits, n) = (hits as f64, n as f64);
    let term = |count: f64, expected: f64| match count {
        0.0 => 0.0,
        _ if expected <= 0.0 => f64::INFINITY,
        _ => count * ln(count / n / expected),
    };
    (term(hits, line) + term(n - hits, 1.0 - line)).max(0.0)
}

fn mean_nats(away: f64, error_squared: f64, n: u64) -> f64 {
    if away == 0.0 {
        return 0.0;
    }
    let deviations_squared = away * away / error_squared;
    let n = n.max(1) as f64;
    if deviations_squared.is_finite() { n / 2.0 * ln(1.0 + deviations_squared / n) } else { f64::INFINITY }
}

/// The `z²` at which [`mean_nats`] are `nats`.
fn deviations_squared(nats: f64, n: u64) -> f64 {
    let n = n.max(1) as f64;
    n * (exp(2.0 * nats / n) - 1.0)
}

/// The end of the interval around `inside` in the direction of `far`; `far` itself if that is not outside.
fn edge(far: f64, inside: f64, outside: impl Fn(f64) -> bool) -> f64 {
    if far == inside || !outside(far) {
        return far;
    }
    let (mut far, mut inside) = (far, inside);
    for _ in 0..40 {
        let middle = f64::midpoint(far, inside);
        if outside(middle) { far = middle } else { inside = middle }
    }
    far
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_what_has_too_little_evidence_against_it() {
        let basis = Basis::Share { n: 400, hits: 252 };
        let (low, high) = basis.interval(5.0).unwrap();
        assert!(low < 0.63 && 0.63 < high);
        assert!((basis.nats(low) - 5.0).abs() < 1e-6 && (basis.nats(high) - 5.0).abs() < 1e-6);
        assert!(basis.decides(high + 1e-6, 5.0) && !basis.decides(high - 1e-6, 5.0));
    }

    #[test]
    fn one_look_of_a_share_is_about_wilsons_interval() {
        // Newcombe (1998), Stat. Med. 17, 857-872, table I: 81/263 is 0.2553 to 0.3662
        let (low, high) = Basis::Share { n: 263, hits: 81 }.interval(NATS_OF_ONE_LOOK).unwrap();
        assert!((low - 0.2553).abs() < 0.003 && (high - 0.3662).abs() < 0.003, "{low} {high}");
    }

    #[test]
    fn the_ends_of_a_share_are_no_traps() {
        let (never, always) = (Basis::Share { n: 30, hits: 0 }, Basis::Share { n: 30, hits: 30 });
        assert_eq!(never.interval(5.0).unwrap().0, 0.0);
        assert_eq!(always.interval(5.0).unwrap().1, 1.0);
        assert_eq!((never.nats(0.0), always.nats(1.0)), (0.0, 0.0));
        assert_eq!((never.nats(1.0), Basis::Share { n: 30, hits: 1 }.nats(0.0)), (f64::INFINITY, f64::INFINITY));
        assert!(never.decides(0.7, needed(30)), "thirty wrong answers decide against a floor of 0.7");
    }

    #[test]
    fn a_change_is_told_from_what_came_before() {
        let (newest, whole) = (Basis::Share { n: 400, hits: 240 }, Basis::Share { n: 10_400, hits: 7_540 });
        let (older, nats) = newest.change_within(&whole).unwrap();
        // 400 times the divergence of 0.6 from 0.725, and 10,000 times that of 0.73
        assert!((older - 0.73).abs() < 1e-12 && (14.5..16.0).contains(&nats), "{nats}");
        assert_eq!(whole.change_within(&whole), None);
        let mean = |n: u64, mean: f64| Basis::Mean { n, mean, error_squared: 4.0 / n as f64 };
        let (older, nats) = mean(100, 11.0).change_within(&mean(10_100, 10.01)).unwrap();
        assert!((older - 10.0001).abs() < 1e-3 && (nats - 11.06).abs() < 0.1, "{older} {nats}");
    }

    #[test]
    fn a_change_of_an_estimate_is_told_as_that_of_a_mean() {
        let of = |n: u64, value: f64| {
            let reach = 1.959_963_984_540_054 * (4.0 / n as f64).sqrt();
            Basis::Estimate { n, value, low: value - reach, high: value + reach }
        };
        let (older, nats) = of(100, 11.0).change_within(&of(10_100, 10.01)).unwrap();
        assert!((older - 10.0001).abs() < 1e-3 && (nats - 11.06).abs() < 0.1, "{older} {nats}");
        assert_eq!(of(100, 11.0).change_within(&of(100, 11.0)), None);
    }

    #[test]
    fn a_short_part_and_a_higher_pace_need_more_evidence_of_a_change() {
        let (steady, churn) = (Looks::every(None), Looks::every(Some(1.0 / 7.0)));
        assert_eq!([Some(30.0), Some(1.0)].map(Looks::every), [steady; 2]);
        assert_eq!((steady.needed_of_change(270), steady.needed_of_change(1_000_000)), (NATS_OF_CHANGE, NATS_OF_CHANGE_MIN));
        assert!((steady.needed_of_change(100) - 12.49).abs() < 0.01 && (churn.needed_of_change(270) - 16.84).abs() < 0.01);
        assert_eq!(Looks::every(Some(0.0)).needed_of_change(30), NATS_OF_CHANGE_MAX);
        let (failing, whole) = (Basis::Share { n: 37, hits: 7 }, Basis::Share { n: 1_037, hits: 707 });
        assert!(NATS_OF_CHANGE_MAX < failing.change_within(&whole).unwrap().1, "thirty in a row are a change at any pace");
    }

    #[test]
    fn longer_stretches_need_less() {
        assert!(needed(1_000) < needed(100) && needed(u64::MAX) - NATS_LONG < 1e-9);
        assert_eq!(needed(100), NATS_LONG + NATS_SHORT / 100.0);
        assert!(Basis::Share { n: 30, hits: 30 }.decides(0.75, needed(30)));
    }

    #[test]
    fn a_mean_and_an_estimate_are_judged_by_their_standard_error() {
        let mean = Basis::Mean { n: 100, mean: 10.0, error_squared: 0.25 };
        // Student's likelihood ratio of four standard errors: 50 ln 1.16
        assert!((mean.nats(8.0) - 7.421).abs() < 0.001);
        let (low, high) = mean.interval(mean.nats(8.0)).unwrap();
        assert!((low - 8.0).abs() < 1e-9 && (high - 12.0).abs() < 1e-9);
        let same = Basis::Estimate { n: 100, value: 10.0, low: 10.0 - 1.96 * 0.5, high: 10.0 + 1.96 * 0.5 };
        assert!((same.nats(8.0) - mean.nats(8.0)).abs() < 1e-3);
    }

    #[test]
    fn equal_values_have_the_variance_of_all_or_no_interval() {
        let equal = Basis::Mean { n: 30, mean: 3.0, error_squared: 0.0 };
        let whole = Basis::Mean { n: 300, mean: 2.0, error_squared: 0.01 };
        assert_eq!(equal.with_variance_of(&whole), Basis::Mean { n: 30, mean: 3.0, error_squared: 0.1 });
        assert_eq!(equal.with_variance_of(&equal), Basis::Bare { n: 30, value: 3.0 });
        assert_eq!(whole.with_variance_of(&whole), whole);
    }
}
