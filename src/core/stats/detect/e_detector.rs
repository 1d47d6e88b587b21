//! The e-detector: alarms when an error rate or a mean loss has risen, with a mean time between false alarms that the user sets.
//!
//! Shin, Ramdas & Rinaldo (2024), "E-detectors: a nonparametric framework for sequential change detection", *New England J. of
//! Statistics in Data Science* 2, 229–260 (arXiv 2203.03532), §2: sums (Shiryaev–Roberts form) or maxima (CUSUM form) of
//! e-processes begun at every row, and mixtures of these over bets. Betting on a bounded mean: Waudby-Smith & Ramdas (2024),
//! *JRSS B* 86, 1–27, §4. A row `x` is in [0, 1]: 1 for an error and 0 for none, or a loss of that range.
//!
//! The paper takes the rate before the change as known. Given `rate`, so does this detector. Otherwise the rate is *estimated*:
//! [0, 1] is parted into cells, each cell `(low, high]` has a detector of its own that is valid for every rate in it, and the
//! alarm waits for the least of them. A process that begins now has, as its stake, the evidence of all rows so far that the rate is
//! *below* the cell, so that rates the baseline speaks against do not hold an alarm up.
//!
//! # What is promised, and why
//!
//! Write `F(n)` for all that was seen up to row `n`, `N` for the rows of the baseline, `τ` for the rows from there to the alarm,
//! `t` for the tolerance.
//! **Known rate** `p`: if the mean of each row given those before is at most `p + t`, `E τ ≥ run_length`.
//! **Estimated**: if that mean is one constant `p` in the baseline and at least `p` and at most `p + t` after it, whatever `p` is,
//! the chance of an alarm within `n` rows of the baseline is at most `n / (2 run_length)`, for every `n`, and `E τ ≥ run_length`.
//! Both hold again after each alarm, with the rows that follow it. Nothing is promised for streams with seasons, or with rates that
//! fall and come back: those need a reference of the same hour.
//!
//! 1. *Stakes.* For `ε > 0`, `E(n, ε) = Π e^(−ε x) / (1 − p + p e^(−ε))` over all rows up to `n` has a mean of at most 1: by convexity
//!    `e^(−ε x) ≤ 1 − x (1 − e^(−ε))`, and the mean of `x` is at least `p`. `ε` is a function of `p` and `n` alone: `c / √(n q (1 − q))`
//!    with `q = min(p, ½)`. The stake `S(n, p)` is a mean of 1 and of such terms, weights adding up to 1, so `E S(n, p) ≤ 1`. How
//!    cells are cut does not enter.
//! 2. *A cell's stake is at most that of each rate in it.* `ln E = −ε Σx − n ln(1 − p (1 − e^(−ε)))` rises with `p` while `ε` is held and is
//!    concave in `ε` while `p` is held, and `ε` falls from `ε(low)` to `ε(high)` as `p` crosses the cell. So it is nowhere in the
//!    cell below its lesser value at `p = low` and those two `ε`. Stakes are computed when cells are cut and then held:
//!    `S` of an earlier row is as good.
//! 3. *Bets.* The detector of a cell and a bet `λ` is `M ← (M + w S) (1 + λ (x − high − t))`, with `w` the bet's share, `Σ w = 1`. Cells,
//!    stakes and bets are known before the row. `0 ≤ λ ≤ 1 / (2 (high + t))` keeps the factor above 0, and for `p` in the cell
//!    its mean is at most `1 + λ (p − high) ≤ 1`. So with `M(n)` the sum over the bets in *the cell that holds `p`*,
//!    `E[M(n) | F(n − 1)] ≤ M(n − 1) + S(n − 1, p)`.
//! 4. *Cutting anew.* A new cell takes, bet by bet, the least of the old cells it meets: one of them held `p`, so `M` for `p` has not
//!    grown. The cells may therefore follow the estimate, which also has changed after a change.
//! 5. *What only lowers.* Evidence and stakes above a bound are cut off. The CUSUM form, `max(M, w S)` for the sum, is at most the sum, row
//!    by row. Where `high + t ≥ 1` there is nothing to bet on; `λ = 0` and the maximum is kept, which again is less.
//! 6. *Alarm.* `M(n) − Σ S(k, p)` over `k < n` is a supermartingale, so (optional stopping at `min(τ, n)`, stakes not negative)
//!    `threshold · P(τ ≤ n) ≤ E M(min(τ, n)) ≤ Σ E S(k, p) ≤ n`. The alarm waits for the least cell, hence for `p`'s. Sum
//!    `P(τ > n) ≥ 1 − n / threshold` over `n` from 0 up to the threshold: `E τ ≥ threshold / 2`. The half is the price of stakes that
//!    depend on the rows, and the threshold is twice the run length. With a known rate the stake is 1 throughout, `E M(min(τ, n)) ≤
//!    E min(τ, n)` gives `E τ ≥ threshold`, and the threshold is the run length.
//! 7. *A threshold that is moved.* Whoever moves it may have looked at the evidence. For any fixed level `θ`, an alarm under a threshold of at
//!    least `θ` comes no earlier than `M` first reaches `θ`, which no threshold has a part in; so step 6 bounds the chance of such an alarm
//!    within `n` rows of the baseline by `n / θ`. What is promised of a detector is what the lowest of its thresholds since its start, or since
//!    its last alarm, promises; and of the alarms under a higher one, what that promises.

use serde::{Deserialize, Serialize};

use super::{Change, Detector, Verdict};
use crate::stats::logarithm::{exp, ln};

/// The bets' alternatives: so many times `√(p̂ (1 − p̂))` above a cell. No more than a half apart, which costs a bet in between
/// less than a tenth of its growth.
const ALTERNATIVES: [f64; 8] = [0.04, 0.06, 0.09, 0.13, 0.19, 0.28, 0.42, 0.7];

/// Their shares `w`. Small changes get more: there evidence is dear in rows.
const SHARES: [f64; 8] = [0.26, 0.17, 0.13, 0.10, 0.10, 0.10, 0.09, 0.05];

/// The part of a stake that speaks against no rate.
const PLAIN_STAKE: f64 = 0.15;

/// The rest of it: `c` of step 1 and its weight. A rate `z` standard errors above the estimate has a stake of about
/// `e^(c z − c²/2)` from each.
const TILTS: [(f64, f64); 4] = [(1.0, 0.4), (2.0, 0.2), (3.0, 0.15), (6.0, 0.1)];

/// Edges lie on multiples of a power of two that is at most this many standard errors of the estimate: the edges of finer
/// cells are those of coarser ones and some between, so that evidence is handed down and not worn away when cells are cut anew.
const FINEST: f64 = 0.25;

/// From where, in standard errors below the estimate, there are cells, and up to where they are 1, 2 and 4 such multiples wide.
const BELOW: f64 = 0.5;
const WIDTHS: [(f64, f64); 3] = [(1.0, 4.0), (2.0, 7.0), (4.0, 14.0)];

/// Cells are cut anew when the rows have grown by one in so many.
const RECUT: u64 = 8;

/// Evidence beyond this many times the run length is not kept.
const SURPLUS: f64 = 1e6;

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Params {
    /// Rows between two false alarms, on average and at least, not counting those of the baseline; above 0.
    pub run_length: f64,
    /// Rows the first estimate is made of, at least 1. Later rows are learnt from as well.
    pub baseline: u32,
    /// The rate where it is known, in (0, 1): nothing is estimated then, and lower rates are no alarm.
    pub rate: Option<f64>,
    /// A rise by so much is no alarm; together with the rate below 1.
    pub tolerance: f64,
    /// Maxima in place of sums: the CUSUM form.
    pub cusum: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self { run_length: 100_000.0, baseline: 1_000, rate: None, tolerance: 0.0, cusum: false }
    }
}

/// The detector. State: 12 numbers for each of at most 67 cells, and a few more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EDetector {
    params: Params,
    rows: u64,
    sum: f64,
    /// Cells are cut after so many rows.
    cut_at: u64,
    /// In order of their rates. Empty until the baseline is there.
    cells: Vec<Cell>,
    /// When the change began, as each bet would have it.
    starts: [Start; ALTERNATIVES.len()],
    /// The rate that change is from, known or of the last cut, and the bets on more.
    rate: f64,
    origin: Bets,
    drifted: bool,
}

/// The rates up to `high` that no cell before has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Cell {
    high: f64,
    /// What a process that begins now is given, all bets together.
    stake: f64,
    bets: Bets,
    /// The e-detector of each bet.
    evidence: [f64; ALTERNATIVES.len()],
}

/// How much is bet on a mean above some rate: `λ = min(scale · alternative, most)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Bets {
    scale: f64,
    most: f64,
}

/// Page's cumulative sum, as a product; the row it last rose from 1, and the sum of the rows before that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Start {
    evidence: f64,
    row: u64,
    sum_before: f64,
}

impl EDetector {
    /// Nothing seen yet.
    pub fn new(params: Params) -> Self {
        let mut detector = Self {
            params,
            rows: 0,
            sum: 0.0,
            cut_at: u64::from(params.baseline),
            cells: Vec::new(),
            starts: Default::default(),
            origin: Bets::default(),
            rate: 0.0,
            drifted: false,
        };
        if let Some(rate) = params.rate {
            detector.cut_at = u64::MAX;
            detector.aim(rate);
            let bets = Bets::above(rate + params.tolerance, detector.spread());
            detector.cells = vec![Cell { high: rate, stake: 1.0, bets, evidence: Default::default() }];
        }
        detector
    }

    /// Holds the evidence against this run length from the next row on: step 7 of the proof.
    pub const fn set_run_length(&mut self, run_length: f64) {
        self.params.run_length = run_length;
    }

    /// The change that the last verdict has reported.
    ///
    /// The bet that has come farthest is asked where its cumulative sum against the rate of the last cut last rose from nothing:
    /// Page (1954), *Biometrika* 41, 100–115; Hinkley (1971), *Biometrika* 58, 509–523.
    pub fn change(&self) -> Option<Change> {
        let start = self.starts.iter().max_by(|one, other| one.evidence.total_cmp(&other.evidence)).filter(|_| self.drifted)?;
        let earlier = start.row - 1;
        let values = self.rows - earlier;
        let before = if earlier == 0 { self.rate } else { start.sum_before / earlier as f64 };
        Some(Change { before, after: (self.sum - start.sum_before) / values as f64, values })
    }

    /// What the evidence has to reach.
    fn threshold(&self) -> f64 {
        if self.params.rate.is_some() { self.params.run_length } else { 2.0 * self.params.run_length }
    }

    fn spread(&self) -> f64 {
        (self.rate * (1.0 - self.rate)).sqrt()
    }

    fn aim(&mut self, rate: f64) {
        self.rate = rate;
        self.origin = Bets::above(rate, self.spread());
    }

    /// Parts [0, 1] around the Krichevsky–Trofimov estimate `(s + ½) / (n + 1)`, never 0 or 1: *IEEE Trans. Inf. Theory* 27 (1981),
    /// 199–207.
    fn cut(&mut self) {
        let rows = self.rows as f64;
        self.aim((self.sum + 0.5) / (rows + 1.0));
        let old = std::mem::take(&mut self.cells);
        let (mut low, mut meets) = (0.0, 0);
        for high in edges(self.rate, self.spread() / rows.sqrt()) {
            while meets < old.len() && old[meets].high <= low {
                meets += 1;
            }
            let met = old[meets..].iter().scan(low, |below, cell| {
                let meets = *below < high;
                *below = cell.high;
                meets.then_some(cell)
            });
            let least = met.map(|cell| cell.evidence).reduce(|one, other| std::array::from_fn(|bet| one[bet].min(other[bet])));
            let bets = Bets::above(high + self.params.tolerance, self.spread());
            self.cells.push(Cell { high, stake: self.stake(low, high), bets, evidence: least.unwrap_or_default() });
            low = high;
        }
        self.cut_at = self.rows + (self.rows / RECUT).max(1);
    }

    /// Steps 1 and 2 of the proof.
    fn stake(&self, low: f64, high: f64) -> f64 {
        let rows = self.rows as f64;
        let tilt = |c: f64, rate: f64| c / (rows * rate.min(0.5) * (1.0 - rate.min(0.5))).sqrt();
        let evidence = |tilt: f64| exp(-tilt * self.sum - rows * ln(1.0 - low * (1.0 - exp(-tilt))));
        let against = |c: f64| evidence(tilt(c, low)).min(evidence(tilt(c, high)));
        // no rate is below 0
        let tilted = if low == 0.0 { 0.0 } else { TILTS.iter().map(|(c, weight)| weight * against(*c)).sum() };
        (PLAIN_STAKE + tilted).min(SURPLUS * self.params.run_length)
    }
}

/// The cells' edges from the lowest to 1, for an estimate and its standard error.
fn edges(rate: f64, error: f64) -> Vec<f64> {
    let mut step = 0.5;
    while FINEST * error < step {
        step /= 2.0;
    }
    let mut edges = Vec::new();
    let mut edge = ((rate - BELOW * error) / step).floor() * step;
    for (width, far) in WIDTHS {
        let width = width * step;
        edge = (edge / width).ceil() * width;
        while edge < (rate + far * error).min(1.0) {
            edges.extend((0.0 < edge).then_some(edge));
            edge += width;
        }
    }
    edges.push(1.0);
    edges
}

impl Bets {
    /// On a mean above `least`. The likelihood ratio of an alternative to it is `1 + λ (x − least)` with
    /// `λ = (alternative − least) / (least (1 − least))`; no alternative is beyond the middle between it and 1.
    fn above(least: f64, spread: f64) -> Self {
        if 1.0 <= least {
            return Self::default();
        }
        Self { scale: spread / (least * (1.0 - least)), most: 0.5 / least }
    }

    fn factor(self, alternative: f64, beyond: f64) -> f64 {
        1.0 + (self.scale * alternative).min(self.most) * beyond
    }
}

impl Cell {
    /// Takes in a row: step 3 of the proof, §2 of the paper.
    fn update(&mut self, value: f64, params: &Params) {
        let beyond = value - (self.high + params.tolerance);
        let most = SURPLUS * params.run_length;
        let keeps_most = params.cusum || self.bets.scale == 0.0;
        for bet in 0..ALTERNATIVES.len() {
            let (evidence, stake) = (self.evidence[bet], self.stake * SHARES[bet]);
            let begun = if keeps_most { evidence.max(stake) } else { evidence + stake };
            self.evidence[bet] = (begun * self.bets.factor(ALTERNATIVES[bet], beyond)).min(most);
        }
    }
}

impl Detector for EDetector {
    /// The score is the least evidence of any cell.
    fn update(&mut self, value: f64) -> Verdict {
        if self.drifted {
            *self = Self::new(self.params);
        }
        let mut score = f64::MAX;
        for cell in &mut self.cells {
            cell.update(value, &self.params);
            score = score.min(cell.evidence.iter().sum());
        }
        for (start, alternative) in self.starts.iter_mut().zip(ALTERNATIVES) {
            if start.evidence <= 1.0 {
                *start = Start { evidence: 1.0, row: self.rows + 1, sum_before: self.sum };
            }
            start.evidence = (start.evidence * self.origin.factor(alternative, value - self.rate)).min(f64::MAX);
        }
        self.rows += 1;
        self.sum += value;
        let (warming, threshold) = (self.cells.is_empty(), self.threshold());
        if self.rows == self.cut_at {
            self.cut();
        }
        if warming {
            return Verdict::Warming { seen: self.rows, needs: u64::from(self.params.baseline) + 1 };
        }
        self.drifted = threshold <= score;
        Verdict::of(self.drifted, false, score, threshold)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(rows: u64, sum: f64) -> EDetector {
        EDetector { rows, sum, ..EDetector::new(Params::default()) }
    }

    /// The chance of `errors` in `rows`, by the recursion of the binomial weights.
    fn binomial(rows: u64, rate: f64) -> Vec<f64> {
        let first = (1.0 - rate).powi(rows as i32);
        let ratio = |errors: u64| (rows - errors) as f64 / (errors + 1) as f64 * rate / (1.0 - rate);
        (0..=rows).scan(first, |chance, errors| Some(std::mem::replace(chance, *chance * ratio(errors)))).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_mean_stake_of_a_cell_is_at_most_one_wherever_it_lies(rows in 1_u64..400, rate in 0.01..0.9, more in 0.0..0.1, below in 0.0..1.0, above in 0.0..1.0) {
            // exactly, over all counts; the rows may be worse than the rate the cell holds
            let (low, high) = (rate * below, rate + (1.0 - rate) * above);
            let mean: f64 = binomial(rows, rate + more).iter().enumerate().map(|(errors, chance)| chance * after(rows, errors as f64).stake(low, high)).sum();
            prop_assert!(mean <= 1.0 + 1e-9, "{mean}");
        }

        #[test]
        fn a_smaller_cell_has_a_larger_stake(rows in 1_u64..100_000, share in 0.0..1.0_f64, mut cuts in prop::array::uniform4(0.0..1.0_f64)) {
            cuts.sort_unstable_by(f64::total_cmp);
            let [outer_low, low, high, outer_high] = cuts;
            let detector = after(rows, (rows as f64 * share).floor());
            let (inner, outer) = (detector.stake(low, high), detector.stake(outer_low, outer_high));
            prop_assert!(outer <= inner * (1.0 + 1e-9) || 1e9 < outer, "{outer} {inner}");
        }

        #[test]
        fn cells_part_the_rates_and_finer_ones_keep_the_edges(rows in 1_u64..1_000_000_000, share in 0.0..1.0_f64) {
            let rate = ((rows as f64 * share).floor() + 0.5) / (rows as f64 + 1.0);
            let error = |rows: u64| (rate * (1.0 - rate) / rows as f64).sqrt();
            let (coarse, fine) = (edges(rate, error(rows)), edges(rate, error(4 * rows)));
            prop_assert!(coarse.is_sorted_by(|one, next| one < next) && 0.0 < coarse[0] && coarse.last() == Some(&1.0));
            prop_assert!(coarse.len() <= 67, "{}", coarse.len());
            let near = |edge: &&f64| rate <= **edge && **edge < (rate + 3.9 * error(4 * rows)).min(1.0);
            prop_assert!(coarse.iter().filter(near).all(|edge| fine.contains(edge)));
        }

        #[test]
        fn cutting_anew_never_adds_evidence(errors in prop::collection::vec(any::<bool>(), 30..400), rate in 0.0..1.0) {
            let mut detector = EDetector::new(Params { baseline: 10, ..Params::default() });
            for error in errors {
                detector.update(f64::from(u8::from(error)));
            }
            let held = |detector: &EDetector| detector.cells.iter().find(|cell| rate <= cell.high).unwrap().evidence;
            let before = held(&detector);
            detector.cut();
            prop_assert!(held(&detector).iter().zip(before).all(|(after, before)| *after <= before));
        }
    }

    #[test]
    fn a_run_length_that_is_changed_moves_the_threshold_and_not_the_evidence() {
        let (mut moved, mut still) = (EDetector::new(Params { baseline: 100, ..Params::default() }), None);
        let errors = |row: u32| f64::from(u8::from(row.is_multiple_of(if row < 2_000 { 10 } else { 6 })));
        for row in 0..2_400 {
            let verdict = moved.update(errors(row));
            assert!(!verdict.is_drift(), "row {row}");
            still = Some(verdict);
        }
        let Some(Verdict::Stable { score, .. }) = still else { panic!("{still:?}") };
        moved.set_run_length(score / 4.0);
        let next = moved.update(0.0);
        assert!(matches!(next, Verdict::Drift { threshold, .. } if threshold == score / 2.0), "{next:?}");
    }

    #[test]
    fn the_state_stays_below_eight_kilobytes() {
        let mut detector = EDetector::new(Params { baseline: 100, ..Params::default() });
        let mut most = 0;
        for row in 0..200_000_u32 {
            detector.update(f64::from(u8::from(row % 7 == 0)));
            if u64::from(row).is_multiple_of(1_000) {
                most = rmp_serde::to_vec(&detector).unwrap().len().max(most);
            }
        }
        assert!(most < 8_192, "{most} bytes");
    }
}
