//! Confidence sequences: intervals that hold at every moment at once, so that a chart may be looked at as often as one likes.
//!
//! Of all the intervals of a stream that will ever be drawn, every one holds the truth with a chance of at least `1 − α`. An
//! ordinary 95 % interval promises that for one moment chosen beforehand; over a long stream it is wrong sooner or later.
//! They are read from counts alone, nothing is kept. A window that begins anew begins a new sequence with its own `α`: over many
//! windows some are missed. Nothing is promised where the rate itself moves, for an interval of one truth.

use statrs::function::gamma::ln_gamma;

use super::Estimate;

/// How sure, and for which size of sample the intervals are made narrow.
///
/// With `q` the rate in question, `s` hits among `n` and `m` the prior's weight, the evidence against `q` is
/// `E = B(s + m q, n − s + m (1 − q)) / B(m q, m (1 − q)) / (q^s (1 − q)^(n − s))`: a mixture of likelihoods over that of `q`, a
/// martingale that starts at 1 wherever each hit has the chance `q` given all before. By Ville's inequality `E ≥ 1 / α` ever
/// happens with a chance of at most `α`; the interval is what has less. Robbins (1970), *Ann. Math. Stat.* 41, 1397–1409; in this form
/// Howard, Ramdas, McAuliffe & Sekhon (2021), *Ann. Stat.* 49, 1055–1080, §3.1 and proposition 7. For hits it is the best of
/// betting: each bet on a 0 or 1 is a likelihood ratio (Waudby-Smith & Ramdas (2024), *JRSS B* 86, 1–27, §4).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConfidenceSequence {
    evidence_max: f64,
    prior: f64,
}

/// The sequence cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "a confidence sequence takes a chance of error above 0 and below 1 and a sample of at least 1, not {alpha} and {narrow_at}"
)]
pub struct BadSequence {
    alpha: f64,
    narrow_at: f64,
}

impl ConfidenceSequence {
    /// * `alpha`: the chance that any interval of the sequence misses, in (0, 1).
    /// * `narrow_at`: the number of observations at which intervals are as narrow as they can be, at least 1. At a tenth of it
    ///   they are a quarter wider than they could be, at ten times as many 7 %. `m = narrow_at / (2 ln 1/α + ln(1 + 2 ln 1/α)) − 1`, but at least 0.001.
    pub fn new(alpha: f64, narrow_at: f64) -> Result<Self, BadSequence> {
        if !(0.0 < alpha && alpha < 1.0 && 1.0 <= narrow_at && narrow_at.is_finite()) {
            return Err(BadSequence { alpha, narrow_at });
        }
        let doubt = -2.0 * alpha.ln();
        Ok(Self { evidence_max: -alpha.ln(), prior: (narrow_at / (doubt + doubt.ln_1p()) - 1.0).max(1e-3) })
    }

    /// The proportion `hits / n` with the interval of the sequence at `n`; missing if `n` is 0. `hits` is at most `n`.
    ///
    /// `ln E` is a sum of terms `ln(m + i/q)` and `ln(m + j/(1 − q))`, each convex in `q`, so what has too little evidence against it
    /// is an interval, found by bisection from both sides. Good to 10⁻⁹ up to 10¹¹ observations.
    pub fn proportion(self, hits: u64, n: u64) -> Estimate {
        if n == 0 {
            return Estimate::MISSING;
        }
        let share = hits as f64 / n as f64;
        let outside = |rate: f64| self.evidence_max <= self.ln_evidence(hits as f64, n as f64, rate);
        let low = if hits == 0 { 0.0 } else { edge(0.0, share, outside) };
        let high = if hits == n { 1.0 } else { edge(1.0, share, outside) };
        Estimate { value: Some(share), low: Some(low), high: Some(high), n, why: None }
    }

    /// The mean of `n` values between 0 and 1 with the given sum, and the interval of the sequence; missing if `n` is 0.
    ///
    /// A power `(r/q)^x ((1 − r)/(1 − q))^(1 − x)` is at most `x r/q + (1 − x)(1 − r)/(1 − q)` (Hoeffding (1963), *J. Am. Stat.
    /// Assoc.* 58, 13–30, lemma 1), whose mean is 1 if that of `x` is `q`: likelihood ratios of errors hold for losses, only wider than
    /// need be where these vary little. The prior is Jeffreys's, `B(½, ½)`, whatever `narrow_at`: with it `ln E` is convex in `q` for
    /// every sum.
    pub fn mean(self, sum: f64, n: u64) -> Estimate {
        if n == 0 {
            return Estimate::MISSING;
        }
        let (count, share) = (n as f64, (sum / n as f64).clamp(0.0, 1.0));
        let mixed = ln_beta(sum + 0.5, count - sum + 0.5) - ln_beta(0.5, 0.5);
        let outside = |rate: f64| self.evidence_max <= mixed - ln_likelihood(sum, count, rate);
        let (low, high) = (edge(0.0, share, outside), edge(1.0, share, outside));
        Estimate { value: Some(share), low: Some(low), high: Some(high), n, why: None }
    }

    /// Between which ranks of `n` values, from 1, the quantile `q` of their distribution lies, `q` in (0, 1). `None`: no value seen
    /// bounds it on that side.
    ///
    /// Let each value count if it is below the quantile, and by chance if it is at it, so that it counts with a chance of exactly `q`: of
    /// the counts with too little evidence against `q` the least, `l`, and the most, `u`, say that the values of rank `l` and `u + 1` are
    /// on both sides of the quantile. Ties do no harm. Howard & Ramdas (2022), *Bernoulli* 28, 1704–1728, theorem 1, with the
    /// beta-binomial boundary of its §3.
    pub fn quantile_ranks(self, q: f64, n: u64) -> (Option<u64>, Option<u64>) {
        let inside = |count: u64| self.ln_evidence(count as f64, n as f64, q) < self.evidence_max;
        // ln E is convex in the count, and least near q n
        let middle = ((q * n as f64).round() as u64).min(n);
        let below = first(0, middle, inside);
        let beyond = first(middle, n, |count| !inside(count) && middle < count);
        (below.filter(|rank| 0 < *rank), beyond)
    }

    fn ln_evidence(self, hits: f64, n: f64, rate: f64) -> f64 {
        let (here, there) = (self.prior * rate, self.prior * (1.0 - rate));
        ln_beta(hits + here, n - hits + there) - ln_beta(here, there) - ln_likelihood(hits, n, rate)
    }
}

/// `s ln q + (n − s) ln(1 − q)`, with 0 ln 0 = 0.
fn ln_likelihood(hits: f64, n: f64, rate: f64) -> f64 {
    let weighted = |count: f64, ln: f64| if count == 0.0 { 0.0 } else { count * ln };
    weighted(hits, rate.ln()) + weighted(n - hits, (-rate).ln_1p())
}

fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

/// The end of the interval around `inside` in the direction of `far`; `far` itself if that is not outside.
fn edge(far: f64, inside: f64, outside: impl Fn(f64) -> bool) -> f64 {
    let (mut far, mut inside) = (far, inside);
    for _ in 0..60 {
        let middle = f64::midpoint(far, inside);
        if outside(middle) { far = middle } else { inside = middle }
    }
    far
}

/// The first count from `low` to `high` that meets `condition`, which holds from somewhere on.
fn first(low: u64, high: u64, condition: impl Fn(u64) -> bool) -> Option<u64> {
    let (mut low, mut end) = (low, high + 1);
    while low < end {
        let middle = low + (end - low) / 2;
        if condition(middle) { end = middle } else { low = middle + 1 }
    }
    (low <= high).then_some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uniform in 0 to 1: SplitMix64.
    fn chance(state: &mut u64) -> f64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    #[test]
    fn the_mixture_is_that_of_the_confseq_package() {
        // confseq, test/uniform_boundaries_unittest.cpp, from its authors' implementation in R: BetaBinomialMixture(100, 0.05, 0.2,
        // 0.8, two-sided), log_superMG(10, 100) and bound(100, ln 20). Its v = n g h is 625 values at g = 0.2, its s = hits - n g.
        let sequence = ConfidenceSequence::new(0.05, 625.0).unwrap();
        assert!((sequence.ln_evidence(135.0, 625.0, 0.2) - -0.694_101_2).abs() < 1e-5);
        assert!((sequence.ln_evidence(125.0 + 31.4308, 625.0, 0.2) - 20_f64.ln()).abs() < 1e-5);
        assert_eq!(sequence.quantile_ranks(0.2, 625).1, Some(157), "the first count beyond 156.43");
    }

    #[test]
    fn bounds_are_where_the_evidence_is_one_over_alpha() {
        let sequence = ConfidenceSequence::new(0.05, 1_000.0).unwrap();
        for (hits, n) in [(81, 263), (1_000, 10_000), (990, 1_000), (123_456_789, 10_000_000_000)] {
            let estimate = sequence.proportion(hits, n);
            for bound in [estimate.low.unwrap(), estimate.high.unwrap()] {
                let evidence = sequence.ln_evidence(hits as f64, n as f64, bound);
                assert!((evidence - 20_f64.ln()).abs() < 1e-3, "{hits} of {n} at {bound}: {evidence}");
            }
        }
        assert_eq!(sequence.proportion(0, 0), Estimate::MISSING);
        let (none, all) = (sequence.proportion(0, 50), sequence.proportion(50, 50));
        assert_eq!((none.low, all.high), (Some(0.0), Some(1.0)));
        assert!((none.high.unwrap() - (1.0 - all.low.unwrap())).abs() < 1e-12 && none.high.unwrap() < 0.3, "{none:?}");
        assert!(sequence.quantile_ranks(0.99, 100).1.is_none() && sequence.quantile_ranks(0.5, 0) == (None, None));
        assert!(ConfidenceSequence::new(0.0, 10.0).is_err() && ConfidenceSequence::new(0.1, 0.0).is_err());
    }

    #[test]
    fn a_mixture_with_jeffreys_prior_is_the_product_of_its_predictions() {
        // Krichevsky & Trofimov (1981): the next is a hit with chance (s + 1/2) / (n + 1)
        let hits = [1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0];
        let (mut product, mut sum) = (1.0, 0.0);
        for (n, hit) in hits.iter().enumerate() {
            let predicted = (sum + 0.5) / (n as f64 + 1.0);
            product *= if *hit == 1 { predicted } else { 1.0 - predicted };
            sum += f64::from(*hit);
        }
        let alpha = 0.2;
        let high = ConfidenceSequence::new(alpha, 1.0).unwrap().mean(sum, 12).high.unwrap();
        assert!((product / (high.powi(3) * (1.0 - high).powi(9)) - 1.0 / alpha).abs() < 1e-9);
    }

    #[test]
    fn no_interval_of_a_stream_misses_more_often_than_promised() {
        const STREAMS: u64 = 300;
        let sequence = ConfidenceSequence::new(0.1, 500.0).unwrap();
        for rate in [0.02, 0.3] {
            let (mut misses, mut losses_missed, mut single) = (0, 0, 0);
            for seed in 0..STREAMS {
                let mut state = seed << 32;
                let (mut hits, mut losses) = (0, 0.0);
                let (mut missed, mut loss_missed, mut wilson_missed) = (false, false, false);
                for n in 1..=3_000 {
                    hits += u64::from(chance(&mut state) < rate);
                    losses += 2.0 * rate * chance(&mut state);
                    missed |= sequence.evidence_max <= sequence.ln_evidence(hits as f64, n as f64, rate);
                    if n % 50 == 0 {
                        let holds = |estimate: Estimate| estimate.low.unwrap() <= rate && rate <= estimate.high.unwrap();
                        loss_missed |= !holds(sequence.mean(losses, n));
                        wilson_missed |= !holds(Estimate::proportion(hits, n));
                        assert!(missed || holds(sequence.proportion(hits, n)));
                    }
                }
                misses += u64::from(missed);
                losses_missed += u64::from(loss_missed);
                single += u64::from(wilson_missed);
            }
            println!(
                "rate {rate}: {misses} of {STREAMS} streams missed, {losses_missed} of losses; 95 % intervals of one moment {single}"
            );
            assert!(misses <= STREAMS / 10 && losses_missed <= STREAMS / 10, "{misses} {losses_missed}");
            assert!(STREAMS / 10 < single, "the streams are long enough to tell the two apart: {single}");
        }
    }

    #[test]
    fn ranks_hold_the_quantile_at_every_moment_whether_or_not_values_tie() {
        const STREAMS: u64 = 200;
        let sequence = ConfidenceSequence::new(0.1, 500.0).unwrap();
        let ranks: Vec<_> = (0..=1_500).map(|n| [0.5, 0.95].map(|q| sequence.quantile_ranks(q, n))).collect();
        // values 0 to 19, each as likely: 9 and 18 are quantiles of 0.5 and 0.95, and so is whatever lies up to the next
        for values in [20.0, 1e9_f64] {
            let mut misses = [0, 0];
            for seed in 0..STREAMS {
                let mut state = seed << 20;
                let (mut missed, mut at_most, mut below) = ([false; 2], [0; 2], [0; 2]);
                for ranks in &ranks[1..] {
                    let value = (chance(&mut state) * values).floor();
                    for (place, q) in [0.5, 0.95].into_iter().enumerate() {
                        let quantile = (q * values).ceil() - 1.0;
                        at_most[place] += u64::from(value <= quantile);
                        below[place] += u64::from(value < quantile);
                        let (low, high) = ranks[place];
                        missed[place] |=
                            low.is_some_and(|low| at_most[place] < low) || high.is_some_and(|high| high <= below[place]);
                    }
                }
                (0..2).for_each(|place| misses[place] += u64::from(missed[place]));
            }
            println!("{values} values: {misses:?} of {STREAMS} streams missed the median and the 0.95-quantile");
            assert!(misses.iter().all(|misses| *misses <= STREAMS / 10), "{misses:?}");
        }
        let (low, high) = sequence.quantile_ranks(0.95, 1_000);
        assert!(900 < low.unwrap() && high.unwrap() < 985, "{low:?} {high:?}");
    }
}
