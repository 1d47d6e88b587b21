//! Whether segments of the rows are served alike: gaps between their rates, and the segments that are served worse than the rest.
//! Knows counts, not what a segment is.
//!
//! Choosing after looking is paid for: the interval of a gap holds for all pairs of segments at once, and the search for bad segments
//! adjusts its p-values. Segments with too few rows are left out by their size alone, which costs nothing.

use statrs::function::erf::erfc_inv;
use statrs::function::factorial::ln_binomial;

use super::Estimate;
use super::estimate::Z;

/// `hits` among `count` rows, no more than there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proportion {
    pub hits: u64,
    pub count: u64,
}

/// How the rows of a segment came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    pub true_positives: u64,
    pub false_positives: u64,
    pub false_negatives: u64,
    pub true_negatives: u64,
}

/// The widest gap of a rate between two segments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    /// The highest rate less the lowest, 0 to 1. With all 95 % such intervals cover the gaps of *all* pairs of the segments compared.
    pub difference: Estimate,
    /// Which segments they are, by place; the first of equals.
    pub highest: usize,
    pub lowest: usize,
    /// Segments with enough rows to be compared.
    pub compared: usize,
}

/// A search for segments whose rate of something bad exceeds that of the rest.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// The most suspicious first.
    pub findings: Vec<Finding>,
    /// Places of segments that were not tested, because they or the rest have too few rows.
    pub too_small: Vec<usize>,
}

/// One segment against the rest of the rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// By place.
    pub segment: usize,
    pub rate: Estimate,
    /// Its rate less that of the rest, −1 to 1, with its own 95 % interval.
    pub difference: Estimate,
    /// The chance of so many hits or more in the segment if it is like the rest.
    pub p_value: f64,
    /// The same, holding for all segments tested: if each finding at or below α is called worse, the chance that any of them is not is
    /// at most α.
    pub p_value_adjusted: f64,
}

impl Proportion {
    pub const fn new(hits: u64, count: u64) -> Self {
        Self { hits, count }
    }

    const fn without(self, part: Self) -> Self {
        Self { hits: self.hits.saturating_sub(part.hits), count: self.count.saturating_sub(part.count) }
    }

    fn share(self) -> f64 {
        self.hits as f64 / self.count as f64
    }
}

impl Outcomes {
    /// Rows predicted positive, whatever was true. Its gap is the demographic parity difference (Dwork et al. (2012), *ITCS*, 214–226).
    pub const fn selected(&self) -> Proportion {
        Proportion::new(self.true_positives + self.false_positives, self.count())
    }

    /// True positives among positives. Its gap is the equal opportunity difference (Hardt, Price & Srebro (2016), *NeurIPS* 29).
    pub const fn true_positive_rate(&self) -> Proportion {
        Proportion::new(self.true_positives, self.true_positives + self.false_negatives)
    }

    pub const fn false_positive_rate(&self) -> Proportion {
        Proportion::new(self.false_positives, self.false_positives + self.true_negatives)
    }

    pub const fn false_negative_rate(&self) -> Proportion {
        Proportion::new(self.false_negatives, self.true_positives + self.false_negatives)
    }

    /// Wrong answers.
    pub const fn errors(&self) -> Proportion {
        Proportion::new(self.false_positives + self.false_negatives, self.count())
    }

    pub const fn count(&self) -> u64 {
        self.true_positives + self.false_positives + self.false_negatives + self.true_negatives
    }
}

/// The difference `p₁ − p₂` of two independent proportions, −1 to 1, with its 95 % interval; missing if a side is empty.
///
/// `L = d − √((p₁ − l₁)² + (u₂ − p₂)²)`, `U = d + √((u₁ − p₁)² + (p₂ − l₂)²)` from the Wilson intervals `(lᵢ, uᵢ)`: the hybrid score
/// interval, method 10 of Newcombe (1998), *Stat. Med.* 17, 873–890.
pub fn difference(first: Proportion, second: Proportion) -> Estimate {
    difference_at(first, second, Z)
}

/// The widest gap between the rates of segments with at least `rows_min` rows in the denominator; `None` if fewer than two have.
///
/// Fairlearn's `MetricFrame.difference(method="between_groups")`. The interval is Newcombe's ([`difference`]) at the level
/// `1 − 0.05/pairs` (Bonferroni over the K(K − 1)/2 pairs), since the pair was chosen for being the widest: with two segments it is
/// the plain one. Cost: O(segments).
pub fn gap(segments: &[Proportion], rows_min: u64) -> Option<Gap> {
    let large: Vec<(usize, Proportion)> =
        segments.iter().copied().enumerate().filter(|(_, segment)| rows_min.max(1) <= segment.count).collect();
    let (mut highest, mut lowest) = (*large.first()?, *large.first()?);
    if large.len() < 2 {
        return None;
    }
    for candidate in &large {
        if is_above(candidate.1, highest.1) {
            highest = *candidate;
        }
        if is_above(lowest.1, candidate.1) {
            lowest = *candidate;
        }
    }
    if highest.0 == lowest.0 {
        lowest = large[1];
    }
    let pairs = large.len() as f64 * (large.len() - 1) as f64 / 2.0;
    let difference = difference_at(highest.1, lowest.1, quantile(0.05 / pairs));
    Some(Gap { difference, highest: highest.0, lowest: lowest.0, compared: large.len() })
}

/// Which segments have a higher rate of something bad than the rest of the rows.
///
/// Each segment is compared with all other rows by Fisher's exact test (1935, *J. R. Stat. Soc.* 98, 39–82), one-sided, which is valid
/// at any size. P-values are adjusted after Holm (1979), *Scand. J. Stat.* 6, 65–70: it bounds the chance of *any* false finding
/// whatever the dependence, and segments do depend on each other, since each is part of the others' rest and since they may overlap.
/// (Benjamini & Yekutieli (2001), *Ann. Stat.* 29, 1165–1188, only bounds the expected share of false findings, which does not answer
/// "is this one bad?", and with few segments finds no more.)
///
/// * `segments`: of `overall`'s rows; disjoint or not.
/// * `rows_min`: a segment is tested if it and the rest have at least so many rows, and at least 1.
///
/// Cost: O(segments √rows).
pub fn search(segments: &[Proportion], overall: Proportion, rows_min: u64) -> Search {
    let rows_min = rows_min.max(1);
    let (mut findings, mut too_small) = (Vec::new(), Vec::new());
    for (segment, inside) in segments.iter().copied().enumerate() {
        let rest = overall.without(inside);
        if inside.count < rows_min || rest.count < rows_min {
            too_small.push(segment);
            continue;
        }
        let p_value = fisher_p_value(inside, rest);
        findings.push(Finding {
            segment,
            rate: Estimate::proportion(inside.hits, inside.count),
            difference: difference(inside, rest),
            p_value,
            p_value_adjusted: p_value,
        });
    }
    let difference = |finding: &Finding| finding.difference.value.unwrap_or(0.0);
    findings.sort_by(|left, right| left.p_value.total_cmp(&right.p_value).then(difference(right).total_cmp(&difference(left))));
    let adjusted = holm(findings.iter().map(|finding| finding.p_value).collect());
    findings.iter_mut().zip(adjusted).for_each(|(finding, adjusted)| finding.p_value_adjusted = adjusted);
    Search { findings, too_small }
}

/// The chance of at least as many hits inside as there are, if hits fall on rows inside and outside alike: the upper tail of the
/// hypergeometric distribution with both margins given. To some 10⁻⁹ of itself for a million rows, 10⁻⁵ for 10⁹.
pub fn fisher_p_value(inside: Proportion, rest: Proportion) -> f64 {
    let (hits, misses) = (inside.hits + rest.hits, inside.count + rest.count - inside.hits - rest.hits);
    let least = inside.count.saturating_sub(misses);
    let most = inside.count.min(hits);
    let chance = |x: u64| {
        (ln_binomial(hits, x) + ln_binomial(misses, inside.count - x) - ln_binomial(hits + misses, inside.count)).exp()
    };
    // From one number of hits to the next: p(x + 1) / p(x).
    let ratio =
        |x: u64| (hits - x) as f64 / (x + 1) as f64 * ((inside.count - x) as f64 / (misses + x + 1 - inside.count) as f64);
    let is_above_mean = (hits as f64 / (hits + misses) as f64) < inside.share();
    let (mut sum, mut term) = (0.0, 0.0);
    if is_above_mean {
        for x in inside.hits..=most {
            term = if x == inside.hits { chance(x) } else { term * ratio(x - 1) };
            sum += term;
            if term < sum * f64::EPSILON / 4.0 {
                break;
            }
        }
        sum.min(1.0)
    } else {
        for x in (least..inside.hits).rev() {
            term = if x + 1 == inside.hits { chance(x) } else { term / ratio(x) };
            sum += term;
            if term < sum * f64::EPSILON / 4.0 {
                break;
            }
        }
        (1.0 - sum).clamp(0.0, 1.0)
    }
}

/// Ascending p-values, adjusted: the k-th of m times `m − k + 1`, but no less than the one before and no more than 1.
fn holm(ascending: Vec<f64>) -> Vec<f64> {
    let (tested, mut before) = (ascending.len(), 0.0_f64);
    let adjusted = |(place, p_value): (usize, f64)| {
        before = before.max(p_value * (tested - place) as f64).min(1.0);
        before
    };
    ascending.into_iter().enumerate().map(adjusted).collect()
}

fn difference_at(first: Proportion, second: Proportion, z: f64) -> Estimate {
    let known = |of: Proportion| {
        let estimate = Estimate::proportion_at(of.hits, of.count, z);
        Some((estimate.low?, estimate.value?, estimate.high?))
    };
    let n = first.count + second.count;
    let (Some((low, share, high)), Some((other_low, other_share, other_high))) = (known(first), known(second)) else {
        return Estimate::missing(n);
    };
    let reach = |one: f64, other: f64| (one * one + other * other).sqrt();
    let difference = share - other_share;
    let below = difference - reach(share - low, other_high - other_share);
    let above = difference + reach(high - share, other_share - other_low);
    Estimate { value: Some(difference), low: Some(below.max(-1.0)), high: Some(above.min(1.0)), n, why: None }
}

/// Whether one rate is truly higher, in integers.
const fn is_above(one: Proportion, other: Proportion) -> bool {
    (other.hits as u128) * (one.count as u128) < (one.hits as u128) * (other.count as u128)
}

/// The standard normal deviate with chance `tail` beyond it and its negative together.
fn quantile(tail: f64) -> f64 {
    std::f64::consts::SQRT_2 * erfc_inv(tail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 45 of 60 positives found and 10 of 140 negatives named, and so on.
    const SEGMENTS: [Outcomes; 3] = [
        Outcomes { true_positives: 45, false_positives: 10, false_negatives: 15, true_negatives: 130 },
        Outcomes { true_positives: 20, false_positives: 12, false_negatives: 20, true_negatives: 48 },
        Outcomes { true_positives: 70, false_positives: 8, false_negatives: 10, true_negatives: 112 },
    ];

    fn widest(rate: fn(&Outcomes) -> Proportion) -> Gap {
        gap(&SEGMENTS.each_ref().map(rate), 30).unwrap()
    }

    #[track_caller]
    fn assert_close(got: f64, wanted: f64, tolerance: f64) {
        assert!((got - wanted).abs() <= tolerance * wanted.abs(), "{got} instead of {wanted}");
    }

    #[test]
    fn the_interval_of_a_difference_is_newcombes() {
        // Newcombe (1998), Stat. Med. 17, 873-890, table II, method 10; further digits from statsmodels 0.15.0,
        // confint_proportions_2indep(method="newcomb", compare="diff").
        for (first, second, low, high) in [
            ((56, 70), (48, 80), 0.052_431_472_402_364_98, 0.333_872_654_036_906_14),
            ((9, 10), (3, 10), 0.170_522_723_934_502_9, 0.809_017_973_535_488),
            ((6, 7), (2, 7), 0.058_227_927_482_312_09, 0.806_249_637_524_227_8),
            ((5, 56), (0, 29), -0.038_137_147_903_536_936, 0.192_560_013_855_111_65),
            ((0, 10), (0, 20), -0.161_125_158_052_819_4, 0.277_532_799_862_889_26),
            ((0, 10), (0, 10), -0.277_532_799_862_889_26, 0.277_532_799_862_889_26),
            ((10, 10), (0, 20), 0.679_086_037_141_914_5, 1.0),
            ((10, 10), (0, 10), 0.607_509_350_430_524_1, 1.0),
        ] {
            let proportion = |(hits, count): (u64, u64)| Proportion::new(hits, count);
            let estimate = difference(proportion(first), proportion(second));
            assert_close(estimate.low.unwrap(), low, 1e-9);
            assert_close(estimate.high.unwrap(), high, 1e-9);
        }
        assert_eq!(difference(Proportion::new(0, 0), Proportion::new(1, 2)).value, None);
    }

    #[test]
    fn gaps_are_those_of_fairlearn() {
        // fairlearn 0.15.0: demographic_parity_difference, equal_opportunity_difference, MetricFrame(...).difference().
        let gaps = [
            (widest(Outcomes::selected), 0.115, 2, 0),
            (widest(Outcomes::true_positive_rate), 0.375, 2, 1),
            (widest(Outcomes::false_positive_rate), 0.133_333_333_333_333_36, 1, 2),
            (widest(Outcomes::false_negative_rate), 0.375, 1, 2),
        ];
        for (gap, wanted, highest, lowest) in gaps {
            assert_close(gap.difference.value.unwrap(), wanted, 1e-12);
            assert_eq!((gap.highest, gap.lowest, gap.compared), (highest, lowest, 3));
        }
    }

    #[test]
    fn the_interval_of_a_gap_pays_for_the_choice_of_the_pair() {
        let [first, second, _] = SEGMENTS.each_ref().map(Outcomes::true_positive_rate);
        let (of_two, plain) = (gap(&[first, second], 1).unwrap().difference, difference(first, second));
        assert_close(of_two.low.unwrap(), plain.low.unwrap(), 1e-12);
        assert_close(of_two.high.unwrap(), plain.high.unwrap(), 1e-12);
        let widest = widest(Outcomes::true_positive_rate);
        let [_, low, high] = SEGMENTS.each_ref().map(Outcomes::true_positive_rate);
        let plain = difference(high, low);
        assert!(widest.difference.low < plain.low && plain.high < widest.difference.high);
        // scipy 1.17.1: norm.ppf(1 - 0.025 / pairs)
        for (pairs, wanted) in [(1.0, Z), (3.0, 2.393_979_799_818_510_4), (1225.0, 4.102_809_524_742_919)] {
            assert_close(quantile(0.05 / pairs), wanted, 1e-9);
        }
    }

    #[test]
    fn small_segments_are_left_out_and_one_alone_has_no_gap() {
        let segments = [Proportion::new(9, 9), Proportion::new(30, 100), Proportion::new(0, 0), Proportion::new(50, 100)];
        let gap_of = |rows_min| gap(&segments, rows_min).map(|gap| (gap.highest, gap.lowest, gap.compared));
        assert_eq!((gap_of(0), gap_of(10), gap_of(101)), (Some((0, 1, 3)), Some((3, 1, 2)), None));
        assert_eq!(gap(&[Proportion::new(1, 5); 2], 1).unwrap().difference.value, Some(0.0));
        let overall = Proportion::new(89, 209);
        assert_eq!(search(&segments, overall, 10).too_small, [0, 2]);
        assert_eq!(search(&[overall], overall, 10).too_small, [0]);
    }

    #[test]
    fn the_exact_test_is_that_of_scipy() {
        // scipy 1.17.1, fisher_exact(alternative="greater"); the first is Fisher's tea (1935, The Design of Experiments, ch. II).
        for ((hits, misses), (other_hits, other_misses), wanted, tolerance) in [
            ((3, 1), (1, 3), 0.242_857_142_857_142_83, 1e-12),
            ((10, 90), (50, 850), 0.066_896_770_719_008_74, 1e-10),
            ((1500, 8500), (10_000, 80_000), 3.494_944_388_463_561_4e-29, 1e-7),
            ((0, 10), (5, 85), 1.0, 1e-12),
            ((30, 0), (5, 5), 0.000_382_974_067_184_593_5, 1e-10),
        ] {
            let (inside, rest) = (Proportion::new(hits, hits + misses), Proportion::new(other_hits, other_hits + other_misses));
            assert_close(fisher_p_value(inside, rest), wanted, tolerance);
        }
    }

    #[test]
    fn p_values_are_adjusted_after_holm() {
        // statsmodels 0.15.0, multipletests(method="holm").
        let wanted = [0.025, 0.04, 0.09, 0.09, 0.9];
        holm(vec![0.005, 0.01, 0.03, 0.04, 0.9]).iter().zip(wanted).for_each(|(got, wanted)| assert_close(*got, wanted, 1e-12));
        let segments: Vec<Proportion> = [30, 22, 12, 10, 9].map(|hits| Proportion::new(hits, 100)).to_vec();
        let found = search(&segments, sum(&segments), 30).findings;
        assert_eq!(found[0].segment, 0);
        assert!(found[0].p_value_adjusted < 0.01 && 0.05 < found[1].p_value_adjusted);
        assert!(found[1].p_value < found[1].p_value_adjusted);
    }

    /// Hits of `count` rows, each with the given chance, the same on every machine (splitmix64).
    fn drawn(seed: u64, count: u64, chance: f64) -> Proportion {
        let hit = |row: u64| {
            let mut z = (seed << 32 | row).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            (((z ^ z >> 31) >> 11) as f64 / (1_u64 << 53) as f64) < chance
        };
        Proportion::new((0..count).filter(|row| hit(*row)).count() as u64, count)
    }

    fn sum(segments: &[Proportion]) -> Proportion {
        segments.iter().fold(Proportion::default(), |sum, part| Proportion::new(sum.hits + part.hits, sum.count + part.count))
    }

    #[test]
    fn among_like_segments_a_search_seldom_finds_any_and_among_unlike_ones_it_finds_the_worst() {
        let searched = |seed: u64, worst: f64| {
            let mut segments: Vec<Proportion> = (0..20).map(|segment| drawn(20 * seed + segment + 1, 200, 0.1)).collect();
            segments[7] = drawn(1_000_000 + seed, 200, worst);
            search(&segments, sum(&segments), 30).findings[0]
        };
        let false_alarms = (0..400).filter(|seed| searched(*seed, 0.1).p_value_adjusted <= 0.05).count();
        // 20 are allowed on average; 33 would be three deviations more.
        assert!((1..33).contains(&false_alarms), "{false_alarms} of 400");
        let found =
            (0..100).map(|seed| searched(seed, 0.25)).filter(|worst| worst.segment == 7 && worst.p_value_adjusted <= 0.05);
        assert!(95 <= found.count());
    }

    proptest! {
        #[test]
        fn a_tail_is_the_sum_of_its_chances(a in 0..15u64, b in 0..15u64, c in 0..15u64, d in 0..15u64) {
            prop_assume!(0 < a + b && 0 < c + d);
            // Pascal's triangle, in exact integers.
            let product = |n: u64, k: u64| (0..k).fold(1_u128, |sum, i| sum * u128::from(n - i) / u128::from(i + 1));
            let choose = |n: u64, k: u64| if n < k { 0 } else { product(n, k) };
            let ways = |x: u64| choose(a + c, x) * if x <= a + b { choose(b + d, a + b - x) } else { 0 };
            let wanted = (a..=a + b).map(ways).sum::<u128>() as f64 / choose(a + b + c + d, a + b) as f64;
            let got = fisher_p_value(Proportion::new(a, a + b), Proportion::new(c, c + d));
            prop_assert!((got - wanted).abs() < 1e-11, "{} instead of {}", got, wanted);
        }

        #[test]
        fn the_order_of_segments_does_not_change_what_is_found(
            counts in proptest::collection::vec((0..50u64, 0..50u64), 2..12).prop_shuffle(),
        ) {
            let segments: Vec<Proportion> = counts.iter().map(|(hits, misses)| Proportion::new(*hits, hits + misses)).collect();
            let reversed: Vec<Proportion> = segments.iter().rev().copied().collect();
            let (one, other) = (gap(&segments, 5), gap(&reversed, 5));
            prop_assert_eq!(one.map(|gap| gap.difference.value), other.map(|gap| gap.difference.value));
            let adjusted = |segments: &[Proportion]| {
                search(segments, sum(segments), 5).findings.iter().map(|finding| finding.p_value_adjusted).collect::<Vec<f64>>()
            };
            prop_assert_eq!(adjusted(&segments), adjusted(&reversed));
            if let Some(Gap { difference: Estimate { value: Some(value), low: Some(low), high: Some(high), .. }, .. }) = one {
                prop_assert!(0.0 <= value && low <= value && value <= high && high <= 1.0);
            }
        }
    }
}
