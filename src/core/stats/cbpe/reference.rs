//! What labelled reference rows say about estimates: how scores are calibrated, how far figures scatter, and what is ordinary.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Calibrator, Labelled};
use crate::stats::MetricName;
use crate::stats::expected::{Expected, Thresholds};
use crate::stats::ranking::{self, Tally};

const SHARE: (f64, f64) = (0.0, 1.0);

/// A fitted reference: at most 9 KB serialised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    calibrator: Calibrator,
    terms: BTreeMap<MetricName, Term>,
}

/// What one figure does on the reference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Term {
    sampling: Option<Sampling>,
    thresholds: Option<Thresholds>,
}

/// The sampling error of a figure over n rows: `deviation / √(n share)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Sampling {
    /// Standard deviation (as a population) of what single rows contribute.
    deviation: f64,
    /// Share of rows that contribute.
    share: f64,
}

/// Nothing can be fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReference {
    #[error("the reference holds no labelled row")]
    NoRows,
    #[error("row {row} of the reference has a score that is not a number")]
    NotFinite { row: usize },
}

/// Counts of outcomes.
#[derive(Clone, Copy, Default)]
struct Outcomes {
    true_positives: u64,
    false_positives: u64,
    false_negatives: u64,
    true_negatives: u64,
}

impl Reference {
    /// Fits a calibrator ([`Calibrator::fit`]), sampling errors over all rows, and alert thresholds over consecutive chunks of
    /// `chunk_rows` rows each (the last may be short): mean ± 3 deviations of the figures *realised* with the raw scores.
    ///
    /// * Errors: [`NoReference`] without rows, or with a score that is not finite. Cost: O(n log n).
    pub fn fit(rows: &[Labelled], chunk_rows: usize) -> Result<Self, NoReference> {
        if rows.is_empty() {
            return Err(NoReference::NoRows);
        }
        if let Some(row) = rows.iter().position(|row| !row.score.is_finite()) {
            return Err(NoReference::NotFinite { row });
        }
        let mut of_chunks: BTreeMap<MetricName, Vec<f64>> = BTreeMap::new();
        for chunk in rows.chunks(chunk_rows.max(1)) {
            for (metric, figure) in realised(chunk) {
                of_chunks.entry(metric).or_default().push(figure);
            }
        }
        let sampling = |(metric, sampling): (MetricName, Option<Sampling>)| {
            let figures = of_chunks.get(&metric).map_or(&[][..], Vec::as_slice);
            (metric, Term { sampling, thresholds: Thresholds::of_chunks(figures, SHARE) })
        };
        Ok(Self { calibrator: Calibrator::fit(rows), terms: sampling_terms(rows).into_iter().map(sampling).collect() })
    }

    pub const fn calibrator(&self) -> &Calibrator {
        &self.calibrator
    }

    /// What is ordinary for `metric` in a chunk of the reference; `None` if it was not fitted or there were fewer than two chunks.
    pub fn thresholds(&self, metric: MetricName) -> Option<Thresholds> {
        self.terms.get(&metric).and_then(|term| term.thresholds)
    }

    /// The figure `metric`, estimated as `value` over `rows` rows, with its band and whether it is out of the ordinary.
    pub fn expect(&self, metric: MetricName, value: f64, rows: u64) -> Expected {
        let term = self.terms.get(&metric);
        let sampling = term.and_then(|term| term.sampling).filter(|_| 0 < rows);
        let error = sampling.map(|sampling| sampling.deviation / (rows as f64 * sampling.share).sqrt());
        Expected::new(value, error, rows, SHARE, term.and_then(|term| term.thresholds))
    }
}

impl Outcomes {
    fn of(rows: &[Labelled]) -> Self {
        let mut outcomes = Self::default();
        for row in rows {
            *match (row.predicted_positive, row.positive) {
                (true, true) => &mut outcomes.true_positives,
                (true, false) => &mut outcomes.false_positives,
                (false, true) => &mut outcomes.false_negatives,
                (false, false) => &mut outcomes.true_negatives,
            } += 1;
        }
        outcomes
    }
}

fn tallies(rows: &[Labelled]) -> Vec<Tally> {
    ranking::tallies(rows.iter().map(|row| (row.score, row.positive)).collect())
}

/// The figures of labelled rows, 0 over 0 being 0; no areas where they are not defined.
fn realised(rows: &[Labelled]) -> Vec<(MetricName, f64)> {
    let of = Outcomes::of(rows);
    let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let tallies = tallies(rows);
    let areas = [
        (MetricName::RocAuc, ranking::roc_auc(&tallies).value),
        (MetricName::PrAuc, ranking::average_precision(&tallies).value),
    ];
    let mut figures = vec![
        (MetricName::Accuracy, share(of.true_positives + of.true_negatives, rows.len() as u64)),
        (MetricName::Precision, share(of.true_positives, of.true_positives + of.false_positives)),
        (MetricName::Recall, share(of.true_positives, of.true_positives + of.false_negatives)),
        (MetricName::Specificity, share(of.true_negatives, of.true_negatives + of.false_positives)),
        (MetricName::F1, share(2 * of.true_positives, 2 * of.true_positives + of.false_positives + of.false_negatives)),
    ];
    figures.extend(areas.into_iter().filter_map(|(metric, figure)| Some((metric, figure?))));
    figures
}

/// Sampling errors after NannyML (0.13, `sampling_error.binary_classification`): a figure is a mean of what rows contribute, 0 or 1
/// among those that matter for it, and F1 such a mean times a constant. Average precision, which NannyML draws samples for, is given
/// the binomial error `√(θ(1 − θ)/P)` over `P` positives of Boyd, Eng & Page (2013), *ECML PKDD*, 451–466.
fn sampling_terms(rows: &[Labelled]) -> [(MetricName, Option<Sampling>); 7] {
    let of = Outcomes::of(rows);
    let all = rows.len() as f64;
    let proportion = |hits: u64, count: u64| {
        let (hits, relevant) = (hits as f64, count as f64);
        let rate = hits / relevant;
        (0 < count).then(|| Sampling { deviation: (rate * (1.0 - rate)).sqrt(), share: relevant / all })
    };
    let of_f1 = of.true_positives + of.false_positives + of.false_negatives;
    let scale = 2.0 * of_f1 as f64 / (of_f1 + of.true_positives) as f64;
    let f1 = proportion(of.true_positives, of_f1);
    let tallies = tallies(rows);
    let positives = of.true_positives + of.false_negatives;
    let precision = ranking::average_precision(&tallies).value.filter(|_| 0 < positives);
    let of_precision = |area: f64| Sampling { deviation: (area * (1.0 - area)).sqrt(), share: positives as f64 / all };
    [
        (MetricName::Accuracy, proportion(of.true_positives + of.true_negatives, rows.len() as u64)),
        (MetricName::Precision, proportion(of.true_positives, of.true_positives + of.false_positives)),
        (MetricName::Recall, proportion(of.true_positives, positives)),
        (MetricName::Specificity, proportion(of.true_negatives, of.true_negatives + of.false_positives)),
        (MetricName::F1, f1.map(|f1| Sampling { deviation: scale * f1.deviation, ..f1 })),
        (MetricName::RocAuc, area_sampling(&tallies)),
        (MetricName::PrAuc, precision.map(of_precision)),
    ]
}

/// The spread, over members of the rarer class, of the share of the other class that each outranks (ties ½). NannyML breaks ties by
/// the order that its sort happens to leave, which moves the error by some percent where many scores are equal.
fn area_sampling(tallies: &[Tally]) -> Option<Sampling> {
    let total = |of: fn(&Tally) -> i64| tallies.iter().map(of).sum::<i64>();
    let (positives, negatives) = (total(|tally| tally.positives), total(|tally| tally.negatives));
    if positives == 0 || negatives == 0 {
        return None;
    }
    let rarer_first = |tally: &Tally| {
        if positives <= negatives { (tally.positives, tally.negatives) } else { (tally.negatives, tally.positives) }
    };
    let (rare, others) = (positives.min(negatives) as f64, positives.max(negatives) as f64);
    let (mut below, mut sum, mut squares) = (0, 0.0, 0.0);
    for (rarer, other) in tallies.iter().map(rarer_first) {
        let outranked = (2 * below + other) as f64 / (2.0 * others);
        sum += rarer as f64 * outranked;
        squares += rarer as f64 * outranked * outranked;
        below += other;
    }
    let mean = sum / rare;
    let deviation = (squares / rare - mean * mean).max(0.0).sqrt();
    Some(Sampling { deviation, share: rare / (rare + others) })
}
