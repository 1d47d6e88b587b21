//! How well a score puts positives above negatives.

use serde::{Deserialize, Serialize};

use super::Estimate;
use super::estimate::Z;

/// How many positives and negatives have one score. Slices of them are sorted by score, scores unique.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    pub score: f64,
    pub positives: i64,
    pub negatives: i64,
}

/// Sorts and counts raw (score, is positive) pairs for the functions below. Cost: O(n log n).
pub fn tallies(mut scored: Vec<(f64, bool)>) -> Vec<Tally> {
    scored.sort_unstable_by(|left, right| left.0.total_cmp(&right.0));
    let mut tallies: Vec<Tally> = Vec::new();
    for (score, positive) in scored {
        let (positives, negatives) = (i64::from(positive), i64::from(!positive));
        match tallies.last_mut() {
            Some(last) if last.score == score => {
                last.positives += positives;
                last.negatives += negatives;
            }
            _ => tallies.push(Tally { score, positives, negatives }),
        }
    }
    tallies
}

/// The area under the ROC curve: the chance that a positive scores above a negative, ties counting ½. 0 to 1; missing with
/// one class only.
///
/// Mann–Whitney's U over `P N` (Hanley & McNeil (1982), *Radiology* 143, 29–36). Interval: `± z √var` with DeLong's variance
/// (DeLong, DeLong & Clarke-Pearson (1988), *Biometrics* 44, 837–845), cut to 0–1; none where that variance is 0 or a class
/// has fewer than 2 members. Cost: O(tallies).
pub fn roc_auc(tallies: &[Tally]) -> Estimate {
    let (positives, negatives) = totals(tallies);
    let n = (positives + negatives) as u64;
    if positives == 0 || negatives == 0 {
        return Estimate { n, ..Estimate::MISSING };
    }
    let (all_positives, all_negatives) = (positives as f64, negatives as f64);
    // Twice the number of (positive, negative) pairs in the right order, in integers so that no order can show.
    let (mut doubled, mut negatives_below, mut positives_below): (i128, i64, i64) = (0, 0, 0);
    let (mut positive_squares, mut negative_squares) = (0.0, 0.0);
    for tally in tallies {
        let (here_positive, here_negative) = (tally.positives.max(0), tally.negatives.max(0));
        let beaten = 2 * negatives_below + here_negative;
        let lost_to = 2 * (positives - positives_below) - here_positive;
        doubled += i128::from(here_positive) * i128::from(beaten);
        positive_squares += here_positive as f64 * (beaten as f64 / (2.0 * all_negatives)).powi(2);
        negative_squares += here_negative as f64 * (lost_to as f64 / (2.0 * all_positives)).powi(2);
        negatives_below += here_negative;
        positives_below += here_positive;
    }
    let area = doubled as f64 / 2.0 / all_positives / all_negatives;
    let estimate = Estimate::bare(area, n);
    if positives < 2 || negatives < 2 {
        return estimate;
    }
    let spread = |squares: f64, count: f64| ((squares - count * area * area) / (count - 1.0)).max(0.0) / count;
    let variance = spread(positive_squares, all_positives) + spread(negative_squares, all_negatives);
    if variance < f64::EPSILON * f64::EPSILON { estimate } else { estimate.give_or_take(Z * variance.sqrt()).within(0.0, 1.0) }
}

/// Average precision `Σ (Rₖ − Rₖ₋₁) Pₖ` over thresholds from high to low, without interpolation; 0 without positives.
///
/// scikit-learn's `average_precision_score`. Interval: the logit one of Boyd, Eng & Page (2013), *ECML PKDD*, 451–466:
/// `logit⁻¹(η̂ ± z τ̂)`, `τ̂ = (P θ̂ (1 − θ̂))^−½` with `P` positives; none at 0 and 1. Cost: O(tallies).
pub fn average_precision(tallies: &[Tally]) -> Estimate {
    let (positives, negatives) = totals(tallies);
    let n = (positives + negatives) as u64;
    if n == 0 {
        return Estimate::MISSING;
    }
    let (mut hits, mut named, mut area) = (0, 0, 0.0);
    for tally in tallies.iter().rev() {
        hits += tally.positives.max(0);
        named += tally.positives.max(0) + tally.negatives.max(0);
        if 0 < tally.positives {
            area += tally.positives as f64 * (hits as f64 / named as f64);
        }
    }
    let area = if positives == 0 { 0.0 } else { area / positives as f64 };
    let estimate = Estimate::bare(area, n);
    if area <= 0.0 || 1.0 <= area {
        return estimate;
    }
    let logit = (area / (1.0 - area)).ln();
    let margin = Z / (positives as f64 * area * (1.0 - area)).sqrt();
    let back = |logit: f64| 1.0 / (1.0 + (-logit).exp());
    Estimate { low: Some(back(logit - margin)), high: Some(back(logit + margin)), ..estimate }
}

fn totals(tallies: &[Tally]) -> (i64, i64) {
    let positives = tallies.iter().map(|tally| tally.positives.max(0)).sum();
    let negatives = tallies.iter().map(|tally| tally.negatives.max(0)).sum();
    (positives, negatives)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variance_of_the_area_is_that_of_the_structural_components() {
        let scored: Vec<(f64, bool)> =
            (0..60).map(|i| (f64::from(i * 37 % 19) / 20.0 + f64::from(i % 3) / 10.0, i % 3 == 2)).collect();
        // DeLong's definition, pair by pair.
        let of = |class: bool| scored.iter().filter(move |(_, positive)| *positive == class).map(|(score, _)| *score);
        let order = |positive: f64, negative: f64| match positive.total_cmp(&negative) {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        };
        let (positives, negatives) = (of(true).count() as f64, of(false).count() as f64);
        let of_positives: Vec<f64> =
            of(true).map(|one| of(false).map(|other| order(one, other)).sum::<f64>() / negatives).collect();
        let of_negatives: Vec<f64> =
            of(false).map(|other| of(true).map(|one| order(one, other)).sum::<f64>() / positives).collect();
        let area = of_positives.iter().sum::<f64>() / positives;
        let variance = |parts: &[f64]| parts.iter().map(|part| (part - area).powi(2)).sum::<f64>() / (parts.len() as f64 - 1.0);
        let error = (variance(&of_positives) / positives + variance(&of_negatives) / negatives).sqrt();
        let estimate = roc_auc(&tallies(scored));
        assert!((estimate.value.unwrap() - area).abs() < 1e-12);
        assert!((estimate.low.unwrap() - (area - Z * error)).abs() < 1e-12);
        assert!((estimate.high.unwrap() - (area + Z * error).min(1.0)).abs() < 1e-12);
    }

    #[test]
    fn one_class_alone_has_no_area_and_no_precision_without_positives() {
        let negatives = tallies(vec![(0.2, false), (0.4, false)]);
        assert_eq!(roc_auc(&negatives).value, None);
        assert_eq!(average_precision(&negatives).value, Some(0.0));
        assert_eq!(average_precision(&[]).value, None);
        let perfect = roc_auc(&tallies(vec![(0.2, false), (0.4, true), (0.1, false), (0.9, true)]));
        assert_eq!((perfect.value, perfect.low), (Some(1.0), None));
    }
}
