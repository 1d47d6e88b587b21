//! The laws every aggregate keeps, over random inputs.

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::calibration::Calibration;
use super::cbpe;
use super::classes::Confusion;
use super::counts::Counts;
use super::dle;
use super::exact::ExactSum;
use super::latency::Latency;
use super::reconstruction;
use super::regression::Regression;
use super::scores::{EXACT_MAX, MultiLogLoss, Scored};
use super::sketch::Sketch;

/// The four operations of an aggregate over inputs `I`.
struct Group<A, I> {
    add: fn(&mut A, &I),
    sub: fn(&mut A, &I),
    merge: fn(&mut A, &A),
    unmerge: fn(&mut A, &A),
}

fn bytes<A: Serialize>(aggregate: &A) -> Vec<u8> {
    rmp_serde::to_vec(aggregate).unwrap()
}

impl<A: Default + Clone + PartialEq + Debug + Serialize + DeserializeOwned, I: Clone> Group<A, I> {
    fn fold(&self, inputs: &[I]) -> A {
        let mut aggregate = A::default();
        inputs.iter().for_each(|input| (self.add)(&mut aggregate, input));
        aggregate
    }

    fn assert_same(left: &A, right: &A) {
        assert_eq!(left, right);
        assert_eq!(bytes(left), bytes(right));
    }

    /// Order and grouping do not show, and what is written is read back.
    fn assert_merges(&self, inputs: &[I], shuffled: &[I], cut: usize) {
        let whole = self.fold(inputs);
        Self::assert_same(&self.fold(shuffled), &whole);
        let (left, right) = shuffled.split_at(cut.min(shuffled.len()));
        let (left, right) = (self.fold(left), self.fold(right));
        for (one, other) in [(&left, &right), (&right, &left)] {
            let mut merged = one.clone();
            (self.merge)(&mut merged, other);
            Self::assert_same(&merged, &whole);
        }
        let read: A = rmp_serde::from_slice(&bytes(&whole)).unwrap();
        Self::assert_same(&read, &whole);
    }

    /// What was put in and taken out again leaves no trace, one by one or at once, even if taken out first.
    fn assert_retracts(&self, inputs: &[I], others: &[I]) {
        let whole = self.fold(inputs);
        let mut changed = whole.clone();
        others.iter().for_each(|other| (self.add)(&mut changed, other));
        let both = changed.clone();
        others.iter().for_each(|other| (self.sub)(&mut changed, other));
        Self::assert_same(&changed, &whole);
        let mut unmerged = both;
        (self.unmerge)(&mut unmerged, &self.fold(others));
        Self::assert_same(&unmerged, &whole);
        (self.unmerge)(&mut unmerged, &whole);
        Self::assert_same(&unmerged, &A::default());
    }

    fn assert_takes_debts(&self, inputs: &[I], others: &[I]) {
        let mut changed = A::default();
        others.iter().for_each(|other| (self.sub)(&mut changed, other));
        inputs.iter().for_each(|input| (self.add)(&mut changed, input));
        others.iter().for_each(|other| (self.add)(&mut changed, other));
        Self::assert_same(&changed, &self.fold(inputs));
    }
}

/// Inputs, the same shuffled, where to cut them, and others to put in and take out.
fn inputs<I: Clone + Debug>(
    one: impl Strategy<Value = I> + Clone,
    most: usize,
) -> impl Strategy<Value = (Vec<I>, Vec<I>, usize, Vec<I>)> {
    let all = vec(one.clone(), 0..most);
    let shuffled = all.prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()));
    (shuffled, 0..most, vec(one, 0..40)).prop_map(|((all, shuffled), cut, others)| (all, shuffled, cut, others))
}

fn any_float() -> impl Strategy<Value = f64> + Clone {
    let special = prop_oneof![Just(0.0), Just(-0.0), Just(f64::MAX), Just(f64::MIN), Just(5e-324), Just(f64::MIN_POSITIVE)];
    let wild = any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |value| value.is_finite());
    prop_oneof![6 => -1e3..1e3, 2 => 0.0..1e-6, 1 => wild, 1 => special]
}

fn score() -> impl Strategy<Value = f64> + Clone {
    prop_oneof![(0..=10u32).prop_map(|tenth| f64::from(tenth) / 10.0), 0.0..=1.0]
}

const SUMS: Group<ExactSum, f64> = Group {
    add: |sum, value| sum.add(*value),
    sub: |sum, value| sum.sub(*value),
    merge: ExactSum::merge,
    unmerge: ExactSum::unmerge,
};
const SQUARES: Group<ExactSum, f64> = Group {
    add: |sum, value| sum.add_square(*value),
    sub: |sum, value| sum.add_square_times(*value, -1),
    merge: ExactSum::merge,
    unmerge: ExactSum::unmerge,
};
const REPEATED: Group<ExactSum, (f64, i64)> = Group {
    add: |sum, (value, times)| {
        sum.add_times(*value, *times);
        sum.add_square_times(*value, *times);
    },
    sub: |sum, (value, times)| {
        sum.add_times(-value, *times);
        sum.add_square_times(*value, -times);
    },
    merge: ExactSum::merge,
    unmerge: ExactSum::unmerge,
};
const COUNTS: Group<Counts, (i32, i64)> = Group {
    add: |counts, (key, times)| counts.add(*key, *times),
    sub: |counts, (key, times)| counts.add(*key, -times),
    merge: Counts::merge,
    unmerge: Counts::unmerge,
};
const SKETCHES: Group<Sketch, f64> = Group {
    add: |sketch, value| sketch.add(*value),
    sub: |sketch, value| sketch.remove(*value),
    merge: Sketch::merge,
    unmerge: Sketch::unmerge,
};
const CONFUSIONS: Group<Confusion, (u16, u16)> = Group {
    add: |confusion, (truth, predicted)| confusion.add(*truth, *predicted),
    sub: |confusion, (truth, predicted)| confusion.sub(*truth, *predicted),
    merge: Confusion::merge,
    unmerge: Confusion::unmerge,
};
const CALIBRATIONS: Group<Calibration, (f64, bool)> = Group {
    add: |calibration, (probability, hit)| calibration.add(*probability, *hit),
    sub: |calibration, (probability, hit)| calibration.sub(*probability, *hit),
    merge: Calibration::merge,
    unmerge: Calibration::unmerge,
};
const SCORES: Group<Scored, (f64, bool)> = Group {
    add: |scored, (score, positive)| scored.add(*score, *positive),
    sub: |scored, (score, positive)| scored.sub(*score, *positive),
    merge: Scored::merge,
    unmerge: Scored::unmerge,
};
type Stated = (Option<f64>, Option<f64>, bool);
const LOSSES: Group<MultiLogLoss, Stated> = Group {
    add: |losses, (of_truth, of_predicted, correct)| losses.add(*of_truth, *of_predicted, *correct),
    sub: |losses, (of_truth, of_predicted, correct)| losses.sub(*of_truth, *of_predicted, *correct),
    merge: MultiLogLoss::merge,
    unmerge: MultiLogLoss::unmerge,
};
const LATENCIES: Group<Latency, f64> = Group {
    add: |latency, seconds| latency.add(*seconds),
    sub: |latency, seconds| latency.sub(*seconds),
    merge: Latency::merge,
    unmerge: Latency::unmerge,
};
const REGRESSIONS: Group<Regression, (f64, f64)> = Group {
    add: |regression, (truth, prediction)| regression.add(*truth, *prediction),
    sub: |regression, (truth, prediction)| regression.sub(*truth, *prediction),
    merge: Regression::merge,
    unmerge: Regression::unmerge,
};
const EXPECTED_OUTCOMES: Group<cbpe::Sums, (f64, bool)> = Group {
    add: |sums, (calibrated, predicted)| sums.add(*calibrated, *predicted),
    sub: |sums, (calibrated, predicted)| sums.sub(*calibrated, *predicted),
    merge: cbpe::Sums::merge,
    unmerge: cbpe::Sums::unmerge,
};
const EXPECTED_LOSSES: Group<dle::Sums, (f64, f64)> = Group {
    add: |sums, (absolute, squared)| sums.add(&dle::Losses { absolute: *absolute, squared: *squared }),
    sub: |sums, (absolute, squared)| sums.sub(&dle::Losses { absolute: *absolute, squared: *squared }),
    merge: dle::Sums::merge,
    unmerge: dle::Sums::unmerge,
};
const RECONSTRUCTIONS: Group<reconstruction::Sums, f64> = Group {
    add: |sums, error| sums.add(*error),
    sub: |sums, error| sums.sub(*error),
    merge: reconstruction::Sums::merge,
    unmerge: reconstruction::Sums::unmerge,
};
const EXPECTED_RANKS: Group<cbpe::Ranks, (f64, f64)> = Group {
    add: |ranks, (score, calibrated)| ranks.add(*score, *calibrated),
    sub: |ranks, (score, calibrated)| ranks.sub(*score, *calibrated),
    merge: cbpe::Ranks::merge,
    unmerge: cbpe::Ranks::unmerge,
};

/// Checks every law on generated inputs.
macro_rules! assert_group {
    ($group:expr, $generated:expr) => {
        let (all, shuffled, cut, others) = $generated;
        $group.assert_merges(&all, &shuffled, cut);
        $group.assert_retracts(&all, &others);
        $group.assert_takes_debts(&all, &others);
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn exact_sums_group(values in inputs(any_float(), 60)) {
        assert_group!(SUMS, values);
    }

    #[test]
    fn exact_sums_of_squares_group(values in inputs(any_float(), 60)) {
        assert_group!(SQUARES, values);
    }

    #[test]
    fn exact_sums_of_repeated_values_group(values in inputs((any_float(), any::<i64>()), 40)) {
        assert_group!(REPEATED, values);
    }

    #[test]
    fn counts_group_in_either_form(entries in inputs((prop_oneof![-60..60i32, -2000..2000i32, any::<i32>()], -3..50i64), 300)) {
        assert_group!(COUNTS, entries);
    }

    #[test]
    fn sketches_group(values in inputs(any_float(), 300)) {
        assert_group!(SKETCHES, values);
    }

    #[test]
    fn confusions_group(answers in inputs((0..9u16, 0..9u16), 100)) {
        assert_group!(CONFUSIONS, answers);
    }

    #[test]
    fn calibrations_group(stated in inputs((score(), any::<bool>()), 100)) {
        assert_group!(CALIBRATIONS, stated);
    }

    #[test]
    fn scores_group_while_they_are_exact(stated in inputs((score(), any::<bool>()), 200)) {
        assert_group!(SCORES, stated);
    }

    #[test]
    fn losses_group(stated in inputs((proptest::option::of(score()), proptest::option::of(score()), any::<bool>()), 60)) {
        assert_group!(LOSSES, stated);
    }

    #[test]
    fn expected_outcomes_group(stated in inputs((score(), any::<bool>()), 100)) {
        assert_group!(EXPECTED_OUTCOMES, stated);
    }

    #[test]
    fn expected_losses_group(losses in inputs((any_float(), any_float()), 60)) {
        assert_group!(EXPECTED_LOSSES, losses);
    }

    #[test]
    fn errors_of_reconstruction_group(errors in inputs(any_float(), 60)) {
        assert_group!(RECONSTRUCTIONS, errors);
    }

    #[test]
    fn expected_ranks_group(stated in inputs((score(), score()), 200)) {
        assert_group!(EXPECTED_RANKS, stated);
    }

    #[test]
    fn latencies_merge_in_any_order_and_forget_all_but_the_highest(generated in inputs(0.0..30.0, 100)) {
        let (mut all, shuffled, cut, others) = generated;
        LATENCIES.assert_merges(&all, &shuffled, cut);
        all.push(1e6);
        let mut changed = LATENCIES.fold(&all);
        others.iter().for_each(|other| changed.add(*other));
        others.iter().for_each(|other| changed.sub(*other));
        Group::<Latency, f64>::assert_same(&changed, &LATENCIES.fold(&all));
    }

    #[test]
    fn regressions_merge_in_any_order_and_forget_all_but_the_highest(generated in inputs((any_float(), -1e3..1e3), 60)) {
        let (mut all, shuffled, cut, others) = generated;
        REGRESSIONS.assert_merges(&all, &shuffled, cut);
        all.push((f64::MAX, f64::MIN));
        all.push((f64::MAX, f64::MIN));
        let mut changed = REGRESSIONS.fold(&all);
        let others: Vec<_> = others.into_iter().filter(|(truth, _)| truth.abs() < 1e300).collect();
        others.iter().for_each(|(truth, prediction)| changed.add(*truth, *prediction));
        others.iter().for_each(|(truth, prediction)| changed.sub(*truth, *prediction));
        Group::<Regression, (f64, f64)>::assert_same(&changed, &REGRESSIONS.fold(&all));
    }

    #[test]
    fn an_exact_sum_of_one_value_is_that_value(value in any_float()) {
        prop_assert_eq!(SUMS.fold(&[value]).value(), value);
    }

    #[test]
    fn an_exact_sum_is_rounded_once(numerators in vec(-(1i64 << 53)..(1i64 << 53), 0..50)) {
        let sum = SUMS.fold(&numerators.iter().map(|numerator| *numerator as f64 / 1024.0).collect::<Vec<_>>());
        let exact: i128 = numerators.iter().map(|numerator| i128::from(*numerator)).sum();
        prop_assert_eq!(sum.value(), exact as f64 / 1024.0);
    }

    #[test]
    fn a_sketch_is_within_one_percent_at_every_rank(values in vec(1e-9..1e9, 1..200)) {
        let sketch = SKETCHES.fold(&values);
        let mut sorted = values;
        sorted.sort_by(f64::total_cmp);
        for (place, value) in sorted.iter().enumerate() {
            let answer = sketch.at_rank((place + 1) as f64).unwrap();
            prop_assert!((answer - value).abs() <= 0.010_000_1 * value, "{} for {}", answer, value);
        }
        prop_assert!(sorted[sorted.len() - 1] <= sketch.upper_bound().unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn scores_merge_in_any_order_across_the_collapse(
        stated in vec((0.0..=1.0f64, any::<bool>()), EXACT_MAX - 100..3 * EXACT_MAX),
        relabelled in 0usize..400,
        cut in 0usize..1500,
    ) {
        let mut shuffled = stated.clone();
        let last_digits = |score: f64| score * 1e6 % 1.0;
        shuffled.sort_by(|left, right| last_digits(left.0).total_cmp(&last_digits(right.0)));
        SCORES.assert_merges(&stated, &shuffled, cut);
        let mut corrected = SCORES.fold(&stated);
        let mut wanted = stated.clone();
        for (score, positive) in &mut wanted[..relabelled] {
            corrected.sub(*score, *positive);
            *positive = !*positive;
            corrected.add(*score, *positive);
        }
        Group::<Scored, (f64, bool)>::assert_same(&corrected, &SCORES.fold(&wanted));
    }
}

#[test]
fn a_lost_highest_value_is_bounded_by_its_sketch_until_one_reaches_it() {
    let mut latency = LATENCIES.fold(&[1.0, 5.0, 9.0]);
    latency.sub(9.0);
    let max = latency.summary().unwrap().max;
    assert!((5.0..5.0 * 1.0203).contains(&max), "{max}");
    latency.add(7.0);
    assert_eq!(latency.summary().unwrap().max, 7.0);
    latency.unmerge(&LATENCIES.fold(&[1.0, 5.0, 7.0]));
    assert_eq!(latency, Latency::default());
}

#[test]
fn binned_scores_keep_losses_exact_and_the_area_within_its_bound() {
    let stated: Vec<(f64, bool)> = (0..20_000).map(|i| (f64::from(i * 7919 % 20_011) / 20_011.0, i % 3 == 0)).collect();
    let binned = SCORES.fold(&stated);
    assert!(!binned.is_exact());
    let exact = super::ranking::roc_auc(&super::ranking::tallies(stated.clone())).value.unwrap();
    assert!((binned.roc_auc().value.unwrap() - exact).abs() < 5e-4);
    let squares: f64 = stated.iter().map(|(score, positive)| (score - f64::from(u8::from(*positive))).powi(2)).sum();
    let brier = binned.metrics().into_iter().find(|(name, _)| *name == super::MetricName::Brier).unwrap().1;
    assert!((brier.value.unwrap() - squares / 20_000.0).abs() < 1e-12);
    assert!(bytes(&binned).len() < 8192, "{}", bytes(&binned).len());
    let mut emptied = binned.clone();
    emptied.unmerge(&binned);
    assert_eq!(emptied, Scored::default());
}

#[test]
fn squared_deviations_survive_a_large_offset() {
    let (mut sum, mut squares) = (ExactSum::default(), ExactSum::default());
    for step in 0..1000 {
        let value = 1e9 + f64::from(step % 2);
        sum.add(value);
        squares.add_square(value);
    }
    assert_eq!(ExactSum::squared_deviations(&sum, &squares, 1000), 250.0);
}

#[test]
fn a_small_pane_costs_tens_of_bytes() {
    let timings = [0.0053, 0.0125, 0.0081, 0.0999, 0.0064, 0.0222];
    assert!(bytes(&SKETCHES.fold(&timings)).len() <= 20, "{}", bytes(&SKETCHES.fold(&timings)).len());
    assert!(bytes(&LATENCIES.fold(&timings)).len() <= 50, "{}", bytes(&LATENCIES.fold(&timings)).len());
    let pairs = timings.map(|seconds| (100.0 * seconds, 101.0 * seconds));
    assert!(bytes(&REGRESSIONS.fold(&pairs)).len() <= 250, "{}", bytes(&REGRESSIONS.fold(&pairs)).len());
    assert!(bytes(&SCORES.fold(&timings.map(|score| (score, true)))).len() <= 80);
    assert!(size_of::<ExactSum>() <= 72);
}

#[test]
fn torn_bytes_are_refused() {
    let whole = bytes(&COUNTS.fold(&[(3, 1), (9, 2)]));
    assert!(rmp_serde::from_slice::<Counts>(&whole[..whole.len() - 1]).is_err());
    assert!(rmp_serde::from_slice::<Counts>(&rmp_serde::to_vec(&[3, 1, 0, 2]).unwrap()).is_err());
    let nowhere = serde_json::to_string(&[255u8, 255, 1]).unwrap();
    assert!(serde_json::from_str::<ExactSum>(&nowhere).is_err());
}
