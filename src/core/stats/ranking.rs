//! How well a score puts positives above negatives.

use serde::{Deserialize, Serialize};

use super::Estimate;
use super::estimate::{MEMBERS_MIN, NoInterval, logit, of_logit, t_quantile, unskewed};

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

/// Fewest members of each class behind the interval of an area that is so near to 0 or 1 that hardly one of them is misplaced: how far the misplaced
/// ones lie is then known from none.
const MEMBERS_OF_EXTREMES_MIN: i64 = 30;

/// Fewest members of each class behind the interval of an average precision. It rises with the share of positives, so that a smaller bound would
/// pass just those samples of few that have too many of them.
const PRECISION_MEMBERS_MIN: i64 = 15;

/// The area under the ROC curve: the chance that a positive scores above a negative, ties counting ½. 0 to 1; missing with
/// one class only.
///
/// Mann–Whitney's U over `P N` (Hanley & McNeil (1982), *Radiology* 143, 29–36). Its variance is DeLong's (DeLong, DeLong &
/// Clarke-Pearson (1988), *Biometrics* 44, 837–845), its quantile Student's with the degrees of freedom of Satterthwaite (1946, *Biometrics
/// Bull.* 2, 110–114) for the two classes. The interval reaches over two: that on the logit scale (Qin & Hotilovac (2008), *Stat. Methods Med. Res.* 17, 207–221), good where a class has few
/// members, and Hall's (see [`Estimate::mean`]), good where few members make the difference. None with fewer than 12 members of a class, with fewer
/// than 30 of which hardly one is misplaced, and where all pairs are alike. Cost: O(tallies).
pub fn roc_auc(tallies: &[Tally]) -> Estimate {
    let (positives, negatives) = totals(tallies);
    let n = (positives + negatives) as u64;
    if positives == 0 || negatives == 0 {
        return Estimate::missing(n);
    }
    let (area, [of_positives, of_negatives]) = placements(tallies);
    let estimate = Estimate::bare(area, n, NoInterval::NoSpread);
    let fewer = positives.min(negatives);
    let misplaced = fewer as f64 * area.min(1.0 - area);
    if fewer < MEMBERS_MIN as i64 || (fewer < MEMBERS_OF_EXTREMES_MIN && misplaced < 1.0) {
        return estimate.without(NoInterval::TooFewRows);
    }
    let variance = of_positives.variance + of_negatives.variance;
    if variance < f64::EPSILON * f64::EPSILON || area <= 0.0 || 1.0 <= area {
        return estimate;
    }
    let squared = |of: &Placements| of.variance.powi(2) / (of.members - 1.0);
    let quantile = t_quantile(variance.powi(2) / (squared(&of_positives) + squared(&of_negatives)));
    let error = variance.sqrt();
    let on_logits = |side: f64| of_logit(logit(area) + side * quantile * error / (area * (1.0 - area)));
    let slant = (of_positives.third + of_negatives.third) / variance / error;
    let by_skewness = |side: f64| area - error * unskewed(-side * quantile, slant);
    estimate.between(on_logits(-1.0).min(by_skewness(-1.0)), on_logits(1.0).max(by_skewness(1.0))).within(0.0, 1.0)
}

/// How the members of one class are placed among those of the other.
struct Placements {
    members: f64,
    /// Variance and third central moment of the mean placement.
    variance: f64,
    third: f64,
}

/// The area, and the placements of positives and of negatives. Each class has a member.
fn placements(tallies: &[Tally]) -> (f64, [Placements; 2]) {
    let (positives, negatives) = totals(tallies);
    // Twice the number of (positive, negative) pairs in the right order, in integers so that no order can show.
    let mut doubled: i128 = 0;
    each_place(tallies, |[(here_positive, beaten), _]| doubled += i128::from(here_positive) * i128::from(beaten));
    let members = [positives as f64, negatives as f64];
    let area = doubled as f64 / 2.0 / members[0] / members[1];
    let mut sums = [[0.0; 2]; 2];
    each_place(tallies, |places| {
        for (class, (here, doubled)) in places.into_iter().enumerate() {
            let distance = doubled as f64 / (2.0 * members[1 - class]) - area;
            sums[class][0] += here as f64 * distance.powi(2);
            sums[class][1] += here as f64 * distance.powi(3);
        }
    });
    let of = |class: usize| {
        let ([squares, cubes], members) = (sums[class], members[class]);
        Placements { members, variance: squares / (members - 1.0) / members, third: cubes / members / members.powi(2) }
    };
    (area, [of(0), of(1)])
}

/// Shows the members at each score, positives first: how many, and twice how many of the other class they are right about.
fn each_place(tallies: &[Tally], mut show: impl FnMut([(i64, i64); 2])) {
    let (positives, _) = totals(tallies);
    let (mut negatives_below, mut positives_below) = (0, 0);
    for tally in tallies {
        let (here_positive, here_negative) = (tally.positives.max(0), tally.negatives.max(0));
        let beaten = 2 * negatives_below + here_negative;
        let lost_to = 2 * (positives - positives_below) - here_positive;
        show([(here_positive, beaten), (here_negative, lost_to)]);
        negatives_below += here_negative;
        positives_below += here_positive;
    }
}

/// Average precision `Σ (Rₖ − Rₖ₋₁) Pₖ` over thresholds from high to low, without interpolation; 0 without positives.
///
/// scikit-learn's `average_precision_score`. Interval: on the logit scale, with Student's quantile of `P − 1` degrees of freedom and the
/// variance of the influence function, in which the precision at a score depends on how many of each class lie at or above it and
/// on the share of positives (delta method: van der Vaart (1998), *Asymptotic Statistics*, §20). An answer counts itself in its own
/// precision, which is too much by up to `(1 − Pₖ)/(answers at or above)` on average: the lower bound starts from what is left without half of that, which
/// held best (`ops/bench coverage`). None with fewer than 15 members of a class, and at 0 and 1. Cost: O(tallies).
pub fn average_precision(tallies: &[Tally]) -> Estimate {
    let (positives, negatives) = totals(tallies);
    let n = (positives + negatives) as u64;
    if n == 0 {
        return Estimate::MISSING;
    }
    let (mut hits, mut named, mut area, mut excess) = (0, 0, 0.0, 0.0);
    for tally in tallies.iter().rev() {
        hits += tally.positives.max(0);
        named += tally.positives.max(0) + tally.negatives.max(0);
        if 0 < tally.positives {
            let precision = hits as f64 / named as f64;
            area += tally.positives as f64 * precision;
            excess += tally.positives as f64 * (1.0 - precision) / named as f64;
        }
    }
    let area = if positives == 0 { 0.0 } else { area / positives as f64 };
    let estimate = Estimate::bare(area, n, NoInterval::NoSpread);
    if positives.min(negatives) < PRECISION_MEMBERS_MIN {
        return estimate.without(NoInterval::TooFewRows);
    }
    if area <= 0.0 || 1.0 <= area {
        return estimate;
    }
    let margin = t_quantile(positives as f64 - 1.0) * precision_variance(tallies, positives, negatives).sqrt();
    let bound = |centre: f64, side: f64| of_logit(logit(centre) + side * margin / (centre * (1.0 - centre)));
    let lowered = area - excess / positives as f64 / 2.0;
    estimate.between(bound(lowered, -1.0), bound(area, 1.0))
}

/// The variance of an average precision by its influence function.
fn precision_variance(tallies: &[Tally], positives: i64, negatives: i64) -> f64 {
    let (all_positives, all_negatives) = (positives as f64, negatives as f64);
    let share = all_positives / (all_positives + all_negatives);
    let (mut above_positive, mut above_negative) = (positives, negatives);
    // what a positive and a negative at this score add; of a member, by how many of its class reach its score
    let (mut by_positives, mut by_negatives, mut by_share) = (0.0, 0.0, 0.0);
    let mut influences: Vec<[(f64, f64); 2]> = Vec::with_capacity(tallies.len());
    for tally in tallies {
        let (here_positive, here_negative) = (tally.positives.max(0), tally.negatives.max(0));
        let precision = above_positive as f64 / (above_positive + above_negative).max(1) as f64;
        if 0 < here_positive {
            let change = here_positive as f64 / all_positives * precision * (1.0 - precision);
            by_positives += change / (above_positive as f64 / all_positives);
            by_share += change / (share * (1.0 - share));
            if 0 < above_negative {
                by_negatives -= change / (above_negative as f64 / all_negatives);
            }
        }
        influences.push([(here_positive as f64, precision + by_positives), (here_negative as f64, by_negatives)]);
        above_positive -= here_positive;
        above_negative -= here_negative;
    }
    let variance_of = |class: usize, members: f64| {
        let of_class = || influences.iter().map(move |both| both[class]);
        let mean = of_class().map(|(here, influence)| here * influence).sum::<f64>() / members;
        of_class().map(|(here, influence)| here * (influence - mean).powi(2)).sum::<f64>() / (members - 1.0) / members
    };
    let of_share = share * (1.0 - share) / (all_positives + all_negatives) * by_share.powi(2);
    variance_of(0, all_positives) + variance_of(1, all_negatives) + of_share
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
        let (found, [of_positives, of_negatives]) = placements(&tallies(scored));
        assert!((found - area).abs() < 1e-12);
        assert!(((of_positives.variance + of_negatives.variance).sqrt() - error).abs() < 1e-12);
    }

    #[test]
    fn few_members_of_a_class_give_no_interval_and_the_reason() {
        let scored =
            |positives: usize| tallies((0..100).map(|i| (f64::from(i * 37 % 100), (i as usize) < positives)).collect());
        assert_eq!(roc_auc(&scored(11)).why, Some(NoInterval::TooFewRows));
        assert!(roc_auc(&scored(12)).low.is_some());
        assert_eq!(average_precision(&scored(14)).why, Some(NoInterval::TooFewRows));
        assert!(average_precision(&scored(15)).low.is_some());
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

    /// In 0 to 1: SplitMix64.
    fn uniform(state: &mut u64) -> f64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    #[test]
    fn intervals_of_few_positives_hold_the_true_area() {
        // negatives score u, positives √u: the area is E √u = 2/3
        let (mut state, mut given, mut held) = (7, 0, 0);
        for _ in 0..2_000 {
            let scored = (0..100).map(|_| {
                let positive = uniform(&mut state) < 0.15;
                let score = uniform(&mut state);
                (if positive { score.sqrt() } else { score }, positive)
            });
            let estimate = roc_auc(&tallies(scored.collect()));
            if let (Some(low), Some(high)) = (estimate.low, estimate.high) {
                given += 1;
                held += usize::from((low..=high).contains(&(2.0 / 3.0)));
            }
        }
        let share = held as f64 / given as f64;
        assert!(1_000 < given && (0.935..=0.975).contains(&share), "{held} of {given}: {share}");
    }
}
