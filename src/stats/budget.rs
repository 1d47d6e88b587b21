//! The alarm budget: "at most so many false alarms in this time, for the whole fleet", turned into levels and run lengths.
//!
//! Models, features, segments and detectors share one budget; the more there are, the more each has to be sure. The budget bounds
//! the *expected number* of false alarms within a patience, a stretch of time chosen beforehand: "error over patience" of
//! Dandapanthula & Ramdas (2025), "Multiple testing in multi-stream sequential change detection" (arXiv 2501.04130), who show that
//! no bound over all time is compatible with finding changes at all.
//!
//! Promised, whatever the dependence among streams, tests and windows: expectations add up. Not promised: how the false alarms fall (one
//! cause may raise many at once), anything about true alarms or how late they come, and anything where the tests' own assumptions
//! fail: p-values of autocorrelated windows, e-detectors on seasonal rates. Changes to the fleet take effect from the next patience.

/// False alarms, in the mean, that a patience may have: above 0.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Budget(f64);

/// A budget that allows nothing, or everything.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("a budget is a number of false alarms above 0, not {0}")]
pub struct BadBudget(pub f64);

/// How an e-detector knows the rate before the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    Known,
    Estimated,
}

impl Budget {
    pub fn new(false_alarms: f64) -> Result<Self, BadBudget> {
        if 0.0 < false_alarms && false_alarms.is_finite() { Ok(Self(false_alarms)) } else { Err(BadBudget(false_alarms)) }
    }

    /// False alarms allowed.
    pub fn false_alarms(self) -> f64 {
        self.0
    }

    /// Parts of it in proportion to `weights`, which are above 0: for kinds of alarms that share the budget.
    pub fn split<const PARTS: usize>(self, weights: [f64; PARTS]) -> [Self; PARTS] {
        let all: f64 = weights.iter().sum();
        weights.map(|weight| Self(self.0 * (weight / all)))
    }

    /// The level of each test when every window of the patience runs `tests` of them: alarm if `p ≤ level`.
    ///
    /// `budget / (windows · tests)`, at most 1: the Bonferroni correction over patience. Each test alarms falsely with a chance of at
    /// most its level, and expectations add up (Dandapanthula & Ramdas (2025), §3, on the error per family). Counts are at least 1.
    pub fn level(self, windows: u64, tests: u64) -> f64 {
        (self.0 / (windows.max(1) as f64 * tests.max(1) as f64)).min(1.0)
    }

    /// The `run_length` of each of so many e-detectors that take in at most `rows` each within the patience.
    ///
    /// A detector alarms within `n` rows of its start, or of the end of its baseline after an alarm, with a chance of at most `n / θ`,
    /// `θ` its threshold (step 6 in [`super::detect::e_detector`]). So the waits are no shorter, in distribution, than independent
    /// ones uniform in 0 to `θ`, of which `e^(rows/θ) − 1` have ended within `rows ≤ θ` in the mean (Feller (1971), *An Introduction
    /// to Probability Theory and Its Applications* II, §XI.1). Hence `θ = rows / ln(1 + budget / detectors)`, close to `rows · detectors /
    /// budget`; but at least `rows`. `θ` is the run length where the rate is known and twice the run length where it is estimated.
    pub fn run_length(self, rows: u64, detectors: u64, baseline: Baseline) -> f64 {
        let rows = rows.max(1) as f64;
        let threshold = (rows / (self.0 / detectors.max(1) as f64).ln_1p()).max(rows);
        match baseline {
            Baseline::Known => threshold,
            Baseline::Estimated => threshold / 2.0,
        }
    }
}

/// Which of several e-detectors have found a change, with a bound on the share of false ones among them: their places, the most
/// evident first.
///
/// e-d-BH: the largest `k` such that `k` detectors have `M ≥ detectors · patience / (fdr · k)`. Dandapanthula & Ramdas (2025), §3; e-BH is
/// Wang & Ramdas (2022), *JRSS B* 84, 822–852. At any moment `τ` of choice within the patience, the expected share of detectors named
/// whose streams have not changed is at most `fdr`, whatever their dependence: one that is named has `M / rows ≥ detectors / (fdr · k)`,
/// so the share is at most `fdr / detectors · Σ M / rows` over unchanged streams, and `E M(τ) ≤ rows`. That is one moment, for instance
/// the first at which anything is named; named detectors are then to be started afresh, and a new patience begins.
///
/// * `evidence`: of each detector its score and the rows it takes in at most within the patience. No score counts twice; scores of
///   detectors in their baseline are 0.
pub fn discoveries(evidence: &[(f64, u64)], fdr: f64) -> Vec<usize> {
    let detectors = evidence.len() as f64;
    let e_value = |place: &usize| evidence[*place].0 / evidence[*place].1.max(1) as f64;
    let mut places: Vec<usize> = (0..evidence.len()).collect();
    places.sort_by(|one, other| e_value(other).total_cmp(&e_value(one)));
    let enough = |(rank, place): (usize, &usize)| detectors <= fdr * (rank + 1) as f64 * e_value(place);
    let named = places.iter().enumerate().rposition(enough).map_or(0, |last| last + 1);
    places.truncate(named);
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_all_tests_add_up_to_the_budget() {
        let budget = Budget::new(1.0).unwrap();
        assert_eq!(budget.level(43_200, 50) * 43_200.0 * 50.0, 1.0);
        assert_eq!(Budget::new(10.0).unwrap().level(2, 1), 1.0, "no level is above 1");
        let parts = budget.split([3.0, 1.0]);
        assert_eq!((parts[0].false_alarms(), parts[1].false_alarms()), (0.75, 0.25));
        for nothing in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Budget::new(nothing).is_err());
        }
    }

    #[test]
    fn the_waits_of_the_worst_detectors_there_could_be_keep_the_budget() {
        // waits uniform in 0 to the threshold are the shortest that the guarantee admits; SplitMix64, seed 7
        let mut state = 7_u64;
        let mut uniform = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        };
        for (allowed, detectors) in [(0.5, 3_u64), (2.0, 3), (1.0, 40)] {
            let threshold = Budget::new(allowed).unwrap().run_length(1_000, detectors, Baseline::Known);
            let mut alarms = 0;
            for _ in 0..20_000 * detectors {
                let mut waited = uniform() * threshold;
                while waited <= 1_000.0 {
                    alarms += 1;
                    waited += uniform() * threshold;
                }
            }
            let mean = alarms as f64 / 20_000.0;
            println!("{detectors} detectors: {mean} false alarms in the patience, {allowed} allowed");
            assert!((mean - allowed).abs() < 0.05 * allowed, "{mean} of {allowed}");
        }
    }

    #[test]
    fn an_estimated_baseline_needs_half_the_run_length_for_the_same_chance() {
        let budget = Budget::new(1.0).unwrap();
        let (known, estimated) =
            (budget.run_length(10_000, 100, Baseline::Known), budget.run_length(10_000, 100, Baseline::Estimated));
        assert_eq!(known, 2.0 * estimated);
        assert!((known - 1_005_000.0).abs() < 100.0, "close to 10,000 · 100: {known}");
        assert_eq!(Budget::new(1e9).unwrap().run_length(10, 1, Baseline::Known), 10.0, "a chance is never above 1");
    }

    #[test]
    fn discoveries_share_their_evidence() {
        // e-BH at 0.1 for 4: alone an e-value has to reach 40, two 20 each, three 13.4, four 10.
        assert_eq!(discoveries(&[(39.0, 1), (1.0, 1), (0.0, 1), (2.0, 1)], 0.1), Vec::<usize>::new());
        assert_eq!(discoveries(&[(1.0, 1), (41.0, 1), (0.0, 1), (2.0, 1)], 0.1), [1]);
        assert_eq!(discoveries(&[(20.0, 1), (0.0, 1), (0.0, 1), (21.0, 1)], 0.1), [3, 0]);
        assert_eq!(discoveries(&[(10.0, 1), (11.0, 1), (12.0, 1), (13.0, 1)], 0.1), [3, 2, 1, 0], "none would be alone");
        assert_eq!(discoveries(&[(4_100.0, 100), (4_100.0, 1_000)], 0.05), [0], "a longer patience takes more");
        assert_eq!(discoveries(&[], 0.1), Vec::<usize>::new());
    }
}
