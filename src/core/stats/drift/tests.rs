//! The edges of the formulas: constants, ties, empty sides, tiny samples, values at edges. Published values are in `golden_drift`.

use super::kolmogorov_smirnov::{self, Distance};
use super::noise::Noise;
use super::*;

fn sample(values: &[f64]) -> Sample {
    Sample::of(values.iter().copied()).unwrap()
}

/// A stream of uniform numbers, the same on every machine (splitmix64).
fn uniform(seed: u64) -> impl Iterator<Item = f64> {
    (1..).map(move |step: u64| {
        let mut z = seed.wrapping_add(step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) >> 11) as f64 / (1_u64 << 53) as f64
    })
}

#[test]
fn a_value_at_an_edge_belongs_to_the_bin_above() {
    let edges = Edges::fixed(&sample(&[0.0, 10.0]));
    assert_eq!(edges.interior().len(), 9);
    assert_eq!(edges.counts(&sample(&[1.0, 2.0, 2.0, 9.0, 0.999])), [1, 1, 2, 0, 0, 0, 0, 0, 0, 1]);
}

#[test]
fn ties_leave_fewer_bins_and_every_value_keeps_one() {
    let reference = sample(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0]);
    let edges = Edges::deciles(&reference);
    assert!(edges.interior().len() < 9);
    assert_eq!(edges.counts(&reference).iter().sum::<u64>(), 8);
}

#[test]
fn a_constant_reference_sees_what_moves_either_way() {
    let (reference, same) = (sample(&[5.0; 40]), sample(&[5.0; 9]));
    let above = sample(&[5.0, 6.0, 7.0]);
    // By deciles there is one edge and all of it lies above: nothing seems to have moved.
    let blind = Edges::deciles(&reference);
    assert_eq!((blind.counts(&reference), blind.counts(&above)), (vec![0, 40], vec![0, 3]));
    let edges = Edges::frozen(&reference);
    assert_eq!(edges.counts(&reference), [0, 40, 0]);
    assert_eq!(edges.counts(&sample(&[4.9, 5.0, 6.0, 7.0])), [1, 1, 2]);
    let psi = |current: &Sample| Comparison::new(&edges.counts(&reference), &edges.counts(current)).unwrap().psi();
    assert_eq!(psi(&same), 0.0);
    assert!(1.0 < psi(&above));
    assert_eq!(reference.deviation(), Some(0.0));
    assert_eq!(wasserstein::normalised(&reference, &above), None);
    assert_eq!(wasserstein::distance(&reference, &above), Some(1.0));
    assert_eq!(kolmogorov_smirnov::test(&reference, &same).p_value, 1.0);
}

#[test]
fn an_empty_side_is_refused_by_name() {
    assert_eq!(Sample::of([f64::NAN, f64::INFINITY]), None);
    assert_eq!(Comparison::new(&[1], &[1, 2]), Err(Error::Unlike { reference: 1, current: 2 }));
    assert_eq!(Comparison::new(&[0, 0], &[1, 2]), Err(Error::NoReference));
    assert_eq!(Comparison::new(&[1, 2], &[0, 0]), Err(Error::NoCurrent));
    assert_eq!(Comparison::new(&[], &[]), Err(Error::NoReference));
}

#[test]
fn one_category_is_no_distance_and_no_evidence() {
    let comparison = Comparison::new(&[7, 0], &[3, 0]).unwrap();
    let test = homogeneity::chi_square(&comparison);
    assert_eq!((test.statistic, test.p_value, test.degrees, test.cramers_v), (0.0, 1.0, 0, None));
    assert_eq!((comparison.psi(), comparison.jensen_shannon(), comparison.kullback_leibler()), (0.0, 0.0, 0.0));
}

#[test]
fn no_counts_however_large_or_lopsided_give_anything_but_a_number() {
    let rows: [&[u64]; 5] =
        [&[1, 0, 0], &[0, 0, 1], &[u64::MAX, u64::MAX, 1], &[1_000_000_000_000, 3, 0], &[1, 1, u64::MAX / 3]];
    for (reference, current) in rows.iter().flat_map(|left| rows.iter().map(move |right| (left, right))) {
        let comparison = Comparison::new(reference, current).unwrap();
        let test = homogeneity::chi_square(&comparison);
        let figures = [
            comparison.psi(),
            comparison.psi_add_half(),
            comparison.jensen_shannon(),
            comparison.jensen_shannon_nats(),
            comparison.hellinger(),
            comparison.total_variation(),
            comparison.l_infinity(),
            comparison.kullback_leibler(),
            test.statistic,
            test.p_value,
            test.cramers_v.unwrap_or_default(),
        ];
        assert!(figures.iter().all(|figure| figure.is_finite() && 0.0 <= *figure), "{reference:?} {current:?}: {figures:?}");
        assert!(comparison.jensen_shannon() <= 1.0 + 1e-12);
    }
}

#[test]
fn the_largest_floats_leave_a_distance_unknown_rather_than_wrong() {
    let (reference, current) = (sample(&[-1.7e308, 1.7e308, 0.0]), sample(&[1.7e308, 1.0]));
    assert!(Edges::deciles(&reference).interior().iter().all(|edge| edge.is_finite()));
    assert!(Edges::fixed(&reference).interior().iter().all(|edge| edge.is_finite()));
    assert_eq!(reference.deviation(), None);
    assert_eq!(wasserstein::normalised(&reference, &current), None);
    let test = kolmogorov_smirnov::test(&reference, &current);
    assert!((test.statistic - 2.0 / 3.0).abs() < 1e-15 && 0.0 < test.p_value && test.p_value <= 1.0);
}

#[test]
fn the_exact_p_value_is_the_share_of_interleavings_at_least_as_far_apart() {
    // Counted by hand, one interleaving after the other.
    for (n, m) in [(1_u64, 1_u64), (1, 3), (2, 5), (4, 4), (3, 6), (5, 4)] {
        let interleavings: Vec<u32> = (0..1_u32 << (n + m)).filter(|bits| u64::from(bits.count_ones()) == n).collect();
        let distance = |bits: u32| {
            let of =
                |wanted: bool| (0..n + m).filter(move |place| (bits >> place & 1 == 1) == wanted).map(|place| place as f64);
            Distance::between(&Sample::of(of(true)).unwrap(), &Sample::of(of(false)).unwrap())
        };
        for bits in &interleavings {
            let seen = distance(*bits);
            let as_far = interleavings.iter().filter(|other| seen.value() - 1e-12 <= distance(**other).value()).count();
            let share = as_far as f64 / interleavings.len() as f64;
            assert!((kolmogorov_smirnov::exact_p_value(&seen) - share).abs() < 1e-12, "{n} {m} {bits:b}");
        }
    }
}

#[test]
fn both_series_of_the_limit_meet_and_run_from_one_to_zero() {
    // Smirnov (1948), Ann. Math. Stat. 19, 279-281: 1 - L(z) at z = 0.5, 1.0, 1.36, 2.0.
    for (z, tail) in [(0.5, 0.963_945), (1.0, 0.270_000), (1.36, 0.049_486), (2.0, 0.000_671)] {
        // n = m = 2 makes the effective size 1
        assert!((kolmogorov_smirnov::limit_p_value(z, 2, 2) - tail).abs() < 1e-6, "{z}");
    }
    let near = |z: f64| kolmogorov_smirnov::limit_p_value(z, 2, 2);
    assert!((near(1.18 - 1e-12) - near(1.18 + 1e-12)).abs() < 1e-10);
    assert_eq!((near(0.0), near(1e-6), near(50.0)), (1.0, 1.0, 0.0));
}

#[test]
fn chi_square_quantiles_are_the_published_ones() {
    // Abramowitz & Stegun (1964), table 26.8.
    for (tail, degrees, wanted) in [(0.05, 1, 3.841_46), (0.05, 9, 16.919_0), (0.01, 4, 13.276_7), (0.001, 30, 59.703)] {
        let quantile = homogeneity::chi_square_quantile(tail, degrees);
        assert!((quantile - wanted).abs() < 1e-5 * wanted, "{tail} {degrees}: {quantile}");
        assert!((homogeneity::chi_square_tail(quantile, degrees) - tail).abs() < 1e-12);
    }
    assert_eq!(homogeneity::chi_square_quantile(0.05, 0), 0.0);
}

#[test]
fn noise_alone_passes_its_own_threshold_about_as_often_as_it_says() {
    let (n, m, rounds) = (400, 300, 1_000_u64);
    let noise = Noise::new(n, m, 10, 0.05);
    let mut passes = [0_u64; 7];
    for round in 0..rounds {
        let mut values = uniform(round * 10_007);
        let mut draw = |count: u64| Sample::of(values.by_ref().take(count as usize)).unwrap();
        let (reference, current) = (draw(n), draw(m));
        let edges = Edges::deciles(&reference);
        let comparison = Comparison::new(&edges.counts(&reference), &edges.counts(&current)).unwrap();
        let moved = wasserstein::distance(&reference, &current).unwrap();
        let spread = wasserstein::spread(&reference, &current).unwrap();
        let beyond = [
            noise.psi() <= comparison.psi_add_half(),
            noise.kullback_leibler() <= comparison.kullback_leibler(),
            noise.jensen_shannon() <= comparison.jensen_shannon(),
            noise.hellinger() <= comparison.hellinger(),
            noise.total_variation() <= comparison.total_variation(),
            noise.wasserstein(spread) <= moved,
            noise.psi_tail(comparison.psi_add_half()) <= 0.05,
        ];
        passes.iter_mut().zip(beyond).for_each(|(passes, beyond)| *passes += u64::from(beyond));
    }
    println!("of {rounds}: {passes:?}");
    // 5 % of 1,000, give or take four standard deviations; bounds from above may pass less often.
    assert!(passes.iter().all(|passes| *passes <= 78), "{passes:?}");
    assert!([passes[0], passes[2], passes[3]].iter().all(|passes| 22 <= *passes), "{passes:?}");
}
