//! Whether one model is better than another on the same inputs, decided while labels come in: evidence for a promotion, and for the way back.
//!
//! Each labelled input gives an advantage `D = loss(champion) − loss(challenger)` in [−1, 1]. With a margin `m`, `0 ≤ m < 1`, and
//! `X = (D − m) / (1 + m)`, which is at least −1, the evidence is
//!
//! > `E(n) = Σ w(λ) E(n, λ)`, `E(n, λ) = Π (1 + λ X)` over the first `n` inputs,
//!
//! with bets `λ` that are *constant* and weights `w` that add up to 1. The challenger is promoted when `E ≥ 1 / α`.
//!
//! # What is promised, and why
//!
//! Write `F(n)` for all that was known before input `n`, `μ(n) = E[X(n) | F(n)]` for the expected advantage beyond the margin, which may depend on
//! the input, the hour and the past in any way, and `A(n) = (μ(1) + … + μ(n)) / n` for its running mean.
//!
//! **The chance that `E(n) ≥ 1 / α` at any `n` with `A(n) ≤ 0` is at most `α`.** So a challenger that has not been better on the average up to the
//! moment of its promotion is promoted with a chance of at most `α`, whether its advantage is constant, comes and goes, or turns (the *weak* null
//! of Choe & Ramdas (2023), *Oper. Res.* 72(4), §3).
//!
//! 1. For each `λ` in (0, 1), `M(n, λ) = Π (1 + λ X(i)) / (1 + λ μ(i))` is a martingale of mean 1 and not negative: `X ≥ −1` keeps numerator and
//!    denominator above 0, and given `F(i)` the numerator's mean is the denominator.
//! 2. `Π (1 + λ μ(i)) ≤ (1 + λ A(n))ⁿ` by the inequality of arithmetic and geometric means, *because `λ` is one number for all inputs*. Where
//!    `A(n) ≤ 0` this is at most 1, so there `E(n, λ) = M(n, λ) Π (1 + λ μ(i)) ≤ M(n, λ)`. Bets that change with what was seen would not allow this
//!    step: they protect only where every single `μ(i) ≤ 0`.
//! 3. `Σ w(λ) M(n, λ)` is again a martingale of mean 1 and not negative, so by Ville's inequality the chance that it ever reaches `1 / α` is at
//!    most `α`. By step 2 it is at least `E(n)` wherever `A(n) ≤ 0`.
//!
//! Several challengers of one champion share `α`: each of `k` is promoted at `k / α` (union bound). Evidence belongs to one artifact and starts at 1.
//!
//! *Not promised.* Where labels come only for inputs on which the champion said yes, or where predictions change what becomes true, `D` is not
//! what it would have been: no rule on `D` helps there.
//!
//! # The way back
//!
//! After a promotion the roles change: `D` is the advantage of the *previous* champion. It comes back when its own evidence reaches
//! [`RETURN_EVIDENCE`], or when the e-detector [`Setback`] alarms: `R ← (R + 1)(1 + λ X)` for each bet, an alarm at `Σ w R ≥ run_length`. While every
//! `μ ≤ 0`, `R(n, λ) − n` is a supermartingale, so the mean number of labels up to a false alarm is at least `run_length` (Shin, Ramdas & Rinaldo
//! (2024), *New England J. Stat. Data Sci.* 2, 229–260, §2). It forgets the labels on which the new champion was better, which evidence does not.

use serde::{Deserialize, Serialize};

use super::logarithm::{exp, ln};

/// The constant bets, from 0.03 to 0.75, each larger than the one before by the same factor. All have the same weight. With it a challenger of
/// 0.92 against 0.90 is promoted after 1,570, 2,490 and 4,720 labels (medians) where 0.06, 0.1 and 0.2 of the answers differ in being right.
const BETS: [f64; 8] = [0.03, 0.047_508, 0.075_234, 0.119_141, 0.188_674, 0.298_785, 0.473_158, 0.75];

/// The chance of a wrong promotion that is customary here.
pub const ALPHA: f64 = 0.01;
/// Evidence for the previous champion that brings it back.
pub const RETURN_EVIDENCE: f64 = 20.0;
/// Labels between two false alarms of a [`Setback`].
pub const RUN_LENGTH: f64 = 10_000.0;
/// Requests after which the guards of serving are asked.
pub const GUARD_REQUESTS_MIN: u64 = 200;
/// A guard breaks where the champion has more than so many times the errors, or the time, of the previous one.
const GUARD_FACTOR: f64 = 2.0;

/// Evidence that one model is better than another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    margin: f64,
    labels: u64,
    sum: f64,
    /// By bet, ln `E(n, λ)`.
    logarithms: [f64; BETS.len()],
}

/// Whether a new champion has become worse than the previous one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setback {
    evidence: Evidence,
    /// By bet, `R`.
    sums: [f64; BETS.len()],
    run_length: f64,
}

/// Why the previous champion comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Return {
    /// It is better on all inputs since the promotion.
    Evidence,
    /// The new champion has become worse than it.
    Alarm,
    /// The new champion fails too often.
    Errors,
    /// The new champion answers too slowly.
    Latency,
}

/// How a model has served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Served {
    pub requests: u64,
    pub errors: u64,
    /// The 0.99 quantile of the response times in seconds, if it is known.
    pub p99: Option<f64>,
}

/// The advantage of a challenger on one input, cut to [−1, 1].
///
/// * Losses: 0 and 1 for wrong classes, the Brier score of the row, or absolute errors over the largest that counts.
pub fn advantage(champion_loss: f64, challenger_loss: f64) -> f64 {
    let advantage = champion_loss - challenger_loss;
    if advantage.is_nan() { 0.0 } else { advantage.clamp(-1.0, 1.0) }
}

/// What evidence has to reach with `challengers` of one champion at the same time.
pub fn threshold(alpha: f64, challengers: usize) -> f64 {
    challengers.max(1) as f64 / alpha
}

impl Evidence {
    /// None yet: 1.
    ///
    /// * `margin`: how much better a challenger has to be on the average, 0 or more and below 1.
    pub const fn new(margin: f64) -> Self {
        Self { margin, labels: 0, sum: 0.0, logarithms: [0.0; BETS.len()] }
    }

    /// Adds the [`advantage`] on one input.
    pub fn add(&mut self, advantage: f64) {
        self.labels += 1;
        self.sum += advantage;
        let beyond = (advantage - self.margin) / (1.0 + self.margin);
        if beyond != 0.0 {
            self.logarithms.iter_mut().zip(BETS).for_each(|(logarithm, bet)| *logarithm += ln(1.0 + bet * beyond));
        }
    }

    /// `E`; the largest float where it is beyond.
    pub fn value(&self) -> f64 {
        exp(self.logarithm()).min(f64::MAX)
    }

    /// ln `E`.
    pub fn logarithm(&self) -> f64 {
        let most = self.logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = self.logarithms.iter().map(|logarithm| exp(logarithm - most)).sum();
        most + ln(sum / BETS.len() as f64)
    }

    pub const fn labels(&self) -> u64 {
        self.labels
    }

    /// The mean advantage; `None` without labels.
    pub fn mean(&self) -> Option<f64> {
        (self.labels != 0).then(|| self.sum / self.labels as f64)
    }

    /// A guess of the labels until evidence reaches `threshold`, if the best bet goes on growing as it has; `None` where it does not grow.
    pub fn labels_left(&self, threshold: f64) -> Option<u64> {
        let most = self.logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let rate = most / self.labels.max(1) as f64;
        let missing = ln(threshold) - self.logarithm();
        (0.0 < rate).then(|| (missing.max(0.0) / rate).ceil() as u64)
    }
}

impl Setback {
    /// A watch over a champion that was just promoted.
    pub const fn new(run_length: f64) -> Self {
        Self { evidence: Evidence::new(0.0), sums: [0.0; BETS.len()], run_length }
    }

    /// Adds the advantage of the *previous* champion on one input. Says whether it has to come back.
    pub fn add(&mut self, advantage: f64) -> Option<Return> {
        self.evidence.add(advantage);
        for (sum, bet) in self.sums.iter_mut().zip(BETS) {
            *sum = (*sum + 1.0) * (1.0 + bet * advantage);
        }
        if RETURN_EVIDENCE <= self.evidence.value() {
            return Some(Return::Evidence);
        }
        let alarm = self.sums.iter().sum::<f64>() / BETS.len() as f64;
        (self.run_length <= alarm).then_some(Return::Alarm)
    }

    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }
}

/// Whether a new champion fails, or is slow, more than twice as much as the previous one; asked once it has answered 200 requests.
pub fn broken_guard(champion: Served, previous: Served) -> Option<Return> {
    if champion.requests < GUARD_REQUESTS_MIN || previous.requests < GUARD_REQUESTS_MIN {
        return None;
    }
    let rate = |served: Served| served.errors as f64 / served.requests as f64;
    // one error more than none is no breach
    if 1 < champion.errors && GUARD_FACTOR * rate(previous) < rate(champion) {
        return Some(Return::Errors);
    }
    let slow = champion.p99.zip(previous.p99).is_some_and(|(champion, previous)| GUARD_FACTOR * previous < champion);
    slow.then_some(Return::Latency)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::boosting::draws::Draws;

    /// Advantages of −1, 0 and 1: answers differ in being right on the share `apart`, and on the average by `mean`.
    fn drawn(draws: &mut Draws, apart: f64, mean: f64) -> f64 {
        let chance = draws.share();
        match () {
            () if chance < f64::midpoint(apart, mean) => 1.0,
            () if chance < apart => -1.0,
            () => 0.0,
        }
    }

    /// Whether evidence ever reaches 100 within so many labels, and after how many.
    fn promoted(draws: &mut Draws, labels: u32, apart: f64, mean: impl Fn(u32) -> f64) -> Option<u32> {
        let mut evidence = Evidence::new(0.0);
        let threshold = ln(threshold(ALPHA, 1));
        (1..=labels).find(|label| {
            let advantage = drawn(draws, apart, mean(*label));
            evidence.add(advantage);
            // evidence only grows on a win
            0.0 < advantage && threshold <= evidence.logarithm()
        })
    }

    #[test]
    fn an_equal_model_is_promoted_at_most_once_in_a_hundred_campaigns() {
        // 300 campaigns of each kind here; `ops/bench promotion` runs 10,000
        for apart in [0.05, 0.2] {
            let wrong = (0..300).filter(|seed| promoted(&mut Draws::new(*seed, 1), 5_000, apart, |_| 0.0).is_some()).count();
            assert!(wrong <= 8, "{wrong} of 300 at {apart}");
        }
        // an advantage that comes and goes, and is none on the average at any time
        let swings = |label: u32| if (label / 250).is_multiple_of(2) { -0.04 } else { 0.04 };
        let wrong = (0..300).filter(|seed| promoted(&mut Draws::new(*seed, 2), 5_000, 0.1, swings).is_some()).count();
        assert!(wrong <= 8, "{wrong} of 300 where it comes and goes");
    }

    #[test]
    fn a_better_model_is_promoted_in_time() {
        for (apart, most) in [(0.06, 1_920), (0.1, 2_760), (0.2, 5_600)] {
            let mut labels: Vec<u32> =
                (0..401).map(|seed| promoted(&mut Draws::new(seed, 3), 20_000, apart, |_| 0.02).unwrap_or(u32::MAX)).collect();
            labels.sort_unstable();
            assert!(labels[200] <= most, "{apart}: a median of {} labels", labels[200]);
        }
    }

    #[test]
    fn a_champion_that_turns_goes_back_in_time() {
        for (worse, apart, most) in [(0.20, 0.25, 85), (0.10, 0.15, 175), (0.05, 0.12, 450), (0.02, 0.10, 1_450)] {
            let mut labels: Vec<u32> = (0..101)
                .map(|seed| {
                    let mut draws = Draws::new(seed, 4);
                    let mut setback = Setback::new(RUN_LENGTH);
                    let early = (0..3_000).any(|_| setback.add(drawn(&mut draws, apart, -0.02)).is_some());
                    let late = (1..20_000).find(|_| setback.add(drawn(&mut draws, apart, worse)).is_some());
                    if early { u32::MAX } else { late.unwrap_or(u32::MAX) }
                })
                .collect();
            labels.sort_unstable();
            assert!(labels[50] <= most, "{worse}: a median of {} labels", labels[50]);
        }
    }

    #[test]
    fn evidence_starts_at_one_grows_with_wins_and_needs_a_margin_to_be_beaten() {
        let mut evidence = Evidence::new(0.0);
        assert_eq!((evidence.value(), evidence.mean(), evidence.labels_left(100.0)), (1.0, None, None));
        (0..50).for_each(|_| evidence.add(0.0));
        assert_eq!(evidence.value(), 1.0);
        (0..20).for_each(|_| evidence.add(1.0));
        assert!(100.0 < evidence.value() && evidence.labels_left(1e9).is_some_and(|left| 0 < left));
        let mut with_margin = Evidence::new(0.5);
        (0..200).for_each(|label| with_margin.add(if label % 10 < 7 { 1.0 } else { 0.0 }));
        let (plain, beyond) = (with_margin.mean().unwrap(), with_margin.value());
        assert!((plain - 0.7).abs() < 1e-12 && 1.0 < beyond);
        (0..20_000).for_each(|_| evidence.add(1.0));
        assert_eq!(evidence.value(), f64::MAX);
        assert_eq!((advantage(1.0, f64::NAN), advantage(3.0, 0.0)), (0.0, 1.0));
    }

    #[test]
    fn guards_break_at_twice_the_errors_or_the_time() {
        let served = |requests, errors, p99| Served { requests, errors, p99: Some(p99) };
        let good = served(1_000, 10, 0.02);
        assert_eq!(broken_guard(served(199, 199, 9.0), good), None);
        assert_eq!(broken_guard(served(200, 4, 0.03), good), None);
        assert_eq!(broken_guard(served(200, 5, 0.03), good), Some(Return::Errors));
        assert_eq!(broken_guard(served(200, 0, 0.041), good), Some(Return::Latency));
        assert_eq!(broken_guard(served(200, 1, 0.01), served(500, 0, 0.01)), None);
    }
}
