//! Two samples of a column side by side: every test, for files as for windows. [`files`] decides about columns of files.

pub mod files;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::monitor::drift::baseline::Bins;
use crate::monitor::drift::tally::ColumnTally;
use crate::monitor::limits::COMPARED_MIN;
use crate::stats::drift::homogeneity::{Homogeneity, chi_square};
use crate::stats::drift::noise::Noise;
use crate::stats::drift::{Comparison, evidence, kolmogorov_smirnov, wasserstein};

/// PSI from which custom acts (Siddiqi (2006), *Credit Risk Scorecards*); it watches from 0.1.
pub const PSI_ACT: f64 = 0.25;
/// What the other distances count as drift from, where noise alone does not reach that far: Evidently's and NannyML's default.
pub const DISTANCE: f64 = 0.1;
/// By how much the share of missing values must have changed, if the change is evident too.
pub const MISSING: f64 = 0.01;

/// One test of one column.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Test {
    /// `None` where it is not defined, such as a distance in standard deviations of a constant.
    pub statistic: Option<f64>,
    /// `None` for a distance that has none.
    pub p_value: Option<f64>,
    /// What `drift` was decided by: for [`Self::EVIDENCE`] the level that the p-value is below, else the distance that the statistic
    /// reaches.
    pub threshold: f64,
    pub drift: bool,
}

impl Test {
    /// Tests that are decided by their p-value.
    pub const EVIDENCE: [&str; 2] = ["ks", "chi_square"];

    fn evidence(statistic: f64, p_value: f64, level: f64) -> Self {
        Self { statistic: Some(statistic), p_value: Some(p_value), threshold: level, drift: p_value < level }
    }

    fn distance(statistic: Option<f64>, customary: f64, noise: f64) -> Self {
        let threshold = customary.max(noise);
        Self { statistic, p_value: None, threshold, drift: statistic.is_some_and(|statistic| threshold <= statistic) }
    }
}

/// The tests over bins or categories.
fn over_bins(bins: &Comparison, test: &Homogeneity, (n, m): (u64, u64), level: f64) -> [(&'static str, Test); 9] {
    let noise = Noise::new(n, m, test.degrees + 1, level);
    let smooth = bins.add_half();
    // What empty bins add beyond half a count is no evidence: with few values most bins are empty by chance.
    let distance = |customary: f64, of: fn(&Comparison) -> f64, noise: f64| {
        let beyond_half = (of(bins) - of(&smooth)).max(0.0);
        Test::distance(Some(of(bins)), customary, noise + beyond_half)
    };
    let plain = |of: fn(&Comparison) -> f64, noise: f64| Test::distance(Some(of(bins)), DISTANCE, noise);
    let by_size = match test.degrees {
        // with one bin there is no noise, and what half a count in the others adds is no distance
        0 => Test { p_value: Some(1.0), ..Test::distance(Some(smooth.psi()), PSI_ACT, 0.0) },
        _ => Test { p_value: Some(noise.psi_tail(smooth.psi())), ..Test::distance(Some(smooth.psi()), 0.0, noise.psi()) },
    };
    [
        ("chi_square", Test::evidence(test.statistic, test.p_value, level)),
        ("psi", distance(PSI_ACT, Comparison::psi, noise.psi())),
        ("psi_add_half", by_size),
        ("jensen_shannon", distance(DISTANCE, Comparison::jensen_shannon, noise.jensen_shannon())),
        ("jensen_shannon_nats", distance(DISTANCE, Comparison::jensen_shannon_nats, noise.jensen_shannon_nats())),
        ("hellinger", distance(DISTANCE, Comparison::hellinger, noise.hellinger())),
        ("kullback_leibler", distance(DISTANCE, Comparison::kullback_leibler, noise.kullback_leibler())),
        // bounds from above, whatever the bins hold
        ("total_variation", plain(Comparison::total_variation, noise.total_variation())),
        ("l_infinity", plain(Comparison::l_infinity, noise.total_variation())),
    ]
}

/// Every test of one column of the stream, of which counts over frozen bins are known and no values. Each side with its rows. Empty where
/// a side has fewer values than are compared.
///
/// * `level`: the chance of a false alarm of each test.
pub fn of_bins(bins: &Bins, reference: (&ColumnTally, u64), current: (&ColumnTally, u64), level: f64) -> Tests {
    let mut tests = Tests::new();
    let ((before, rows_before), (now, rows_now)) = (reference, current);
    let (n, m) = (before.present(), now.present());
    if rows_before == 0 || rows_now == 0 || before.present() + before.mismatched == 0 {
        return tests;
    }
    missing(&mut tests, (n.min(rows_before), rows_before), (m.min(rows_now), rows_now), level);
    if n < COMPARED_MIN || m < COMPARED_MIN {
        return tests;
    }
    let coarse = Comparison::new(&bins.coarse(&before.counts), &bins.coarse(&now.counts)).expect("both sides hold values");
    tests.extend(over_bins(&coarse, &chi_square(&coarse), (n, m), level));
    if let Bins::Numeric { edges, .. } = bins {
        let fine = Comparison::new(&before.counts.to_vec(), &now.counts.to_vec()).expect("both sides hold values");
        let distance = evidence::binned_distance(&fine);
        tests.insert("ks", Test::evidence(distance, kolmogorov_smirnov::limit_p_value(distance, n, m), level));
        let side = |tally: &ColumnTally, n: u64| {
            let moments = tally.moments.as_ref()?;
            let (mean, deviation) = moments.mean_and_deviation(n);
            Some((mean, deviation, moments.least, moments.greatest))
        };
        let moved = side(before, n).zip(side(now, m)).and_then(|(before, now)| {
            let ends = (before.2.min(now.2), before.3.max(now.3));
            let moved = wasserstein::of_bins(&fine, edges.interior(), ends, (before.0, now.0)) / before.1;
            moved.is_finite().then_some(moved)
        });
        // the distance of two samples of one normal law is about 1.2 √(1/n + 1/m) deviations; its noise is taken from above
        let noise = Noise::new(n, m, 2, level).wasserstein(1.26);
        tests.insert("wasserstein", Test::distance(moved, DISTANCE, noise));
    }
    tests
}

pub type Tests = BTreeMap<&'static str, Test>;

/// How the share of missing values has changed; left out if nothing is missing on either side. Each side as (present, rows).
fn missing(tests: &mut Tests, reference: (u64, u64), current: (u64, u64), level: f64) {
    let counts = |(present, rows): (u64, u64)| [present, rows - present];
    let Ok(comparison) = Comparison::new(&counts(reference), &counts(current)) else { return };
    if comparison.reference()[1] == 0 && comparison.current()[1] == 0 {
        return;
    }
    let p_value = chi_square(&comparison).p_value;
    let by_size = Test::distance(Some(comparison.total_variation()), MISSING, 0.0);
    tests.insert("missing", Test { p_value: Some(p_value), drift: by_size.drift && p_value < level, ..by_size });
}
