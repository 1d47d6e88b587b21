//! Which of many e-detectors have found a change, so that few of those named are named falsely, although no one of them may be sure enough for
//! an alarm of its own.
//!
//! Dandapanthula & Ramdas (2025), "Multiple testing in multi-stream sequential change detection" (arXiv 2501.04130), who show that
//! no bound over all time is compatible with finding changes at all: what is promised is promised of one moment within a *patience*, a number
//! of rows chosen beforehand.

/// The places of the e-detectors that have found a change, the most evident first, with a bound on the share of false ones among them.
///
/// e-d-BH: the largest `k` such that `k` detectors have `M ≥ detectors · patience / (fdr · k)`. Dandapanthula & Ramdas (2025), §3; e-BH is
/// Wang & Ramdas (2022), *JRSS B* 84, 822–852. At any moment `τ` of choice within the patience, the expected share of detectors named
/// whose streams have not changed is at most `fdr`, whatever their dependence: one that is named has `M / patience ≥ detectors / (fdr · k)`,
/// so the share is at most `fdr / detectors · Σ M / patience` over unchanged streams, and `E M(τ) ≤ patience` (step 6 in
/// [`super::detect::e_detector`]). That is one moment, for instance the first at which anything is named; named detectors are then to be
/// started afresh, and a new patience begins.
///
/// * `evidence`: the score of each detector; 0 of those in their baseline and of those that have taken in more rows than the patience.
/// * `patience`: rows, at least 1.
pub fn discoveries(evidence: &[f64], patience: u64, fdr: f64) -> Vec<usize> {
    let mut places: Vec<usize> = (0..evidence.len()).collect();
    places.sort_by(|one, other| evidence[*other].total_cmp(&evidence[*one]));
    let needed = evidence.len() as f64 * patience.max(1) as f64;
    let enough = |(rank, place): (usize, &usize)| needed <= fdr * (rank + 1) as f64 * evidence[*place];
    let named = places.iter().enumerate().rposition(enough).map_or(0, |last| last + 1);
    places.truncate(named);
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discoveries_share_their_evidence() {
        // e-BH at 0.1 for 4: alone an e-value has to reach 40, two 20 each, three 13.4, four 10.
        assert_eq!(discoveries(&[39.0, 1.0, 0.0, 2.0], 1, 0.1), Vec::<usize>::new());
        assert_eq!(discoveries(&[1.0, 41.0, 0.0, 2.0], 1, 0.1), [1]);
        assert_eq!(discoveries(&[20.0, 0.0, 0.0, 21.0], 1, 0.1), [3, 0]);
        assert_eq!(discoveries(&[10.0, 11.0, 12.0, 13.0], 1, 0.1), [3, 2, 1, 0], "none would be alone");
        assert_eq!(discoveries(&[4_100.0, 41.0, 0.0, 2.0], 100, 0.1), [0], "a longer patience takes more");
        assert_eq!(discoveries(&[], 1, 0.1), Vec::<usize>::new());
    }
}
