//! The e-detector: alarms when an error rate has risen, with a mean time between false alarms that the user sets.
//!
//! Shin, Ramdas & Rinaldo (2024), "E-detectors: a nonparametric framework for sequential change detection", *New England J. of
//! Statistics in Data Science* 2, 229–260 (arXiv 2203.03532): sums (Shiryaev–Roberts form) or maxima (CUSUM form) of e-processes
//! begun at every moment, and mixtures of these over bets. Betting on a bounded mean: Waudby-Smith & Ramdas (2024), *JRSS B* 86,
//! 1–27, §4.
//!
//! The paper takes the rate before the change as known. Here it is *estimated*: [0, 1] is parted into cells, every cell `(a, b]`
//! has an e-detector of its own that is valid for every rate in it, and the alarm waits for the least of them. A process that
//! begins after row `j` has, as its stake, the evidence that rows up to `j` give against the cell, so that cells far from the
//! baseline never hold an alarm up.
//!
//! The promise: let the chance of an error, given all rows before, be one constant, whatever it is, and `M` the detector of its
//! cell. `Mₙ` less the stakes paid in is a supermartingale and no stake has a mean above 1, so an alarm comes within `n` rows of
//! the baseline with a chance of at most `n / threshold` (optional stopping at `min(τ, n)`, as in the paper's §2). Summed over
//! `n`, `E τ ≥ threshold / 2`: the half is the price of stakes that depend on the rows, and the threshold is twice the run
//! length. Streams with seasons, or with rates that fall and come back, are not covered: give those a reference of the same hour.

use serde::{Deserialize, Serialize};

use super::{Detector, Verdict};

/// The bets' alternatives: so many times `√(p̂ (1 − p̂))` above a cell, each with the same share of the stake.
const ALTERNATIVES: [f64; 5] = [0.05, 0.1, 0.2, 0.4, 0.8];

/// Edges of the cells, in eighths of the estimate's standard error from it: finer than the error even when rows have come in
/// for long, out to where the baseline alone has ruled a rate out.
const EIGHTHS: std::ops::RangeInclusive<i32> = -8..=48;

/// Evidence beyond this many times the run length is not kept. Less evidence is always valid.
const SURPLUS: f64 = 1e6;

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Params {
    /// Rows between two false alarms, in the mean and at least, not counting those of the baseline.
    pub run_length: f64,
    /// Rows the first estimate is made of.
    pub baseline: u32,
    /// A rise of the rate by so much is no alarm.
    pub tolerance: f64,
    /// Maxima in place of sums: the CUSUM form.
    pub cusum: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self { run_length: 100_000.0, baseline: 1_000, tolerance: 0.0, cusum: false }
    }
}

/// The detector: takes 1 for an error and 0 for none. State: 14 numbers for each of at most 58 cells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EDetector {
    params: Params,
    rows: u64,
    errors: u64,
    /// Empty until the baseline is there.
    cells: Vec<Cell>,
    drifted: bool,
}

/// The rates from `low` (not included) to `high`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Cell {
    low: f64,
    high: f64,
    /// What a process that begins now is given: evidence that the rate so far is above the cell, and that it is below.
    above: f64,
    below: f64,
    /// The bet `λ` of each alternative, and its e-detector.
    bets: [(f64, f64); ALTERNATIVES.len()],
}

impl EDetector {
    /// Nothing seen yet.
    pub fn new(params: Params) -> Self {
        Self { params, rows: 0, errors: 0, cells: Vec::new(), drifted: false }
    }

    /// The Krichevsky–Trofimov estimate `(s + ½) / (n + 1)` of the rate; never 0 or 1. *IEEE Trans. Inf. Theory* 27 (1981), 199–207.
    fn rate(&self) -> f64 {
        (self.errors as f64 + 0.5) / (self.rows as f64 + 1.0)
    }

    /// Parts [0, 1] around the baseline. The cells may depend on it: the stake of each holds for every rate there is.
    fn lay_cells(&mut self) {
        let rate = self.rate();
        let spread = (rate * (1.0 - rate)).sqrt();
        let eighth = spread / (self.rows as f64).sqrt() / 8.0;
        let inner = EIGHTHS.map(|eighths| rate + f64::from(eighths) * eighth).filter(|edge| 0.0 < *edge && *edge < 1.0);
        let mut low = 0.0;
        for high in inner.chain([1.0]) {
            // the mean of two e-values, one of them 1: what the baseline does not speak against keeps most of its stake
            let stake = (1.0 + self.evidence_against(low, high)) / 4.0;
            let least = high + self.params.tolerance;
            let bet = |times: f64| {
                if 1.0 <= least {
                    return 0.0;
                }
                // the likelihood ratio of `alternative` to `least` is 1 + λ (x − least)
                let alternative = (least + times * spread).min((1.0 + least) / 2.0);
                (alternative - least) / (least * (1.0 - least))
            };
            let bets = ALTERNATIVES.map(|times| (bet(times), 0.0));
            self.cells.push(Cell { low, high, above: stake, below: stake, bets });
            low = high;
        }
    }

    /// An e-value of the baseline against every rate in the cell: the likelihood under the mixture of Krichevsky and Trofimov
    /// over the largest likelihood in the cell, which has its only peak at `s / n`. Both depend on the counts alone, so the
    /// errors are taken as evenly spread: that keeps every partial product in range.
    fn evidence_against(&self, low: f64, high: f64) -> f64 {
        let likeliest = (self.errors as f64 / self.rows as f64).clamp(low, high);
        let (mut errors, mut evidence) = (0, 1.0);
        for row in 0..self.rows {
            let rate = (errors as f64 + 0.5) / (row as f64 + 1.0);
            if errors < (row + 1) * self.errors / self.rows {
                evidence *= rate / likeliest;
                errors += 1;
            } else {
                evidence *= (1.0 - rate) / (1.0 - likeliest);
            }
        }
        evidence
    }
}

impl Cell {
    /// Takes in a row. `rate` is the estimate before it.
    ///
    /// e-SR: `M ← (1 + λ (x − b)) (M + stake)`, e-CUSUM: `M ← (1 + λ (x − b)) max(M, stake)`; §2 of the paper, where the stake is 1.
    /// The factor has a mean of at most 1 wherever the rate is at most `b`.
    fn update(&mut self, value: f64, rate: f64, params: &Params) {
        let stake = (self.above + self.below) / ALTERNATIVES.len() as f64;
        let least = self.high + params.tolerance;
        let most = SURPLUS * params.run_length;
        for (bet, evidence) in &mut self.bets {
            // no rate is above 1: there is nothing to bet on, and sums of stakes alone would pass any threshold in time
            let begun = if params.cusum || 1.0 <= least { evidence.max(stake) } else { *evidence + stake };
            *evidence = (begun * (1.0 + *bet * (value - least))).min(most);
        }
        let likelihood = |rate: f64| if value == 1.0 { rate } else { 1.0 - rate };
        // nothing is bet while the estimate is on the wrong side of the edge or within the cell
        if self.high < rate {
            self.above = (self.above * likelihood(rate) / likelihood(self.high)).min(most);
        }
        if rate < self.low {
            self.below = (self.below * likelihood(rate) / likelihood(self.low)).min(most);
        }
    }

    fn evidence(&self) -> f64 {
        self.bets.iter().map(|(_, evidence)| evidence).sum()
    }
}

impl Detector for EDetector {
    /// The score is the least evidence of any cell, the threshold twice the run length.
    fn update(&mut self, value: f64) -> Verdict {
        if self.drifted {
            *self = Self::new(self.params);
        }
        let needs = u64::from(self.params.baseline);
        let rate = self.rate();
        for cell in &mut self.cells {
            cell.update(value, rate, &self.params);
        }
        self.rows += 1;
        self.errors += u64::from(value == 1.0);
        if self.cells.is_empty() {
            if self.rows == needs {
                self.lay_cells();
            }
            return Verdict::Warming { seen: self.rows, needs: needs + 1 };
        }
        let score = self.cells.iter().map(Cell::evidence).fold(f64::MAX, f64::min);
        let threshold = 2.0 * self.params.run_length;
        self.drifted = threshold <= score;
        Verdict::of(self.drifted, false, score, threshold)
    }
}
