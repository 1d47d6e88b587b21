//! The edges of the method and what calibration promises. NannyML's values are in `golden_estimates`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::stats::MetricName;
use crate::stats::ranking::{Tally, tallies};

/// Numbers spread evenly over 0 to 1, the same on every machine (the golden ratio's multiples).
fn spread(count: u32) -> impl Iterator<Item = f64> {
    (1..=count).map(|step| f64::from(step) * 0.618_033_988_749_895 % 1.0)
}

/// Rows whose truth is positive with the chance that `truth` makes of the score.
fn rows(count: u32, truth: fn(f64) -> f64) -> Vec<Labelled> {
    let draw = |step: u32| f64::from(step) * 0.754_877_666_246_693 % 1.0;
    let row =
        |(step, score): (u32, f64)| Labelled { score, predicted_positive: 0.5 <= score, positive: draw(step) < truth(score) };
    (1..).zip(spread(count)).map(row).collect()
}

fn figure(sums: &Sums, metric: MetricName) -> f64 {
    sums.figures().into_iter().find(|(name, _)| *name == metric).unwrap().1
}

#[test]
fn scores_that_are_probabilities_are_left_alone_and_overconfident_ones_are_not() {
    assert_eq!(Calibrator::fit(&rows(4000, |score| score)).isotonic(), None);
    let overconfident = Calibrator::fit(&rows(4000, |score| 0.3 + 0.4 * score));
    for score in [0.1, 0.3, 0.5, 0.7, 0.9] {
        let calibrated = overconfident.calibrate(score);
        assert!((calibrated - (0.3 + 0.4 * score)).abs() < 0.06, "{score}: {calibrated}");
    }
}

#[test]
fn one_class_a_perfect_score_and_a_handful_of_rows_are_left_alone() {
    assert_eq!(Calibrator::fit(&rows(500, |_| 0.0)).isotonic(), None);
    assert_eq!(Calibrator::fit(&rows(500, |score| if score < 0.5 { 0.0 } else { 1.0 })).isotonic(), None);
    assert_eq!(Calibrator::fit(&rows(3, |score| 1.0 - score)).isotonic(), None);
    assert_eq!(Calibrator::default().calibrate(1.25), 1.0);
}

#[test]
fn a_reference_without_rows_or_with_a_score_that_is_no_number_is_refused() {
    assert_eq!(Reference::fit(&[], 100), Err(NoReference::NoRows));
    let mut broken = rows(10, |score| score);
    broken[7].score = f64::NAN;
    assert_eq!(Reference::fit(&broken, 5), Err(NoReference::NotFinite { row: 7 }));
}

#[test]
fn what_the_reference_never_saw_has_no_band() {
    let negatives = rows(100, |_| 0.0);
    let reference = Reference::fit(&negatives, 100).unwrap();
    let recall = reference.expect(MetricName::Recall, 0.0, 50);
    assert_eq!((recall.low, recall.high, recall.sampling_error, recall.alert), (None, None, None, None));
    assert_eq!(reference.expect(MetricName::RocAuc, 0.5, 50).sampling_error, None);
    assert_eq!(reference.expect(MetricName::Accuracy, 0.5, 0).low, None);
}

#[test]
fn accuracy_over_any_number_of_classes_is_the_mean_calibrated_confidence() {
    // Confidence says 0.5 to 1, and is right 0.2 less often than it says.
    let of_confidence: Vec<Labelled> = rows(6000, |score| 0.3 + score / 2.0)
        .iter()
        .map(|row| Labelled::top_label(0.5 + row.score / 2.0, row.positive))
        .collect();
    let reference = Reference::fit(&of_confidence[..3000], 500).unwrap();
    let mut sums = Sums::default();
    let later = &of_confidence[3000..];
    later.iter().for_each(|row| sums.add_confidence(reference.calibrator().calibrate(row.score)));
    let realised = later.iter().filter(|row| row.positive).count() as f64 / 3000.0;
    let estimate = figure(&sums, MetricName::Accuracy);
    assert!((estimate - realised).abs() < 0.02, "{estimate} against {realised}");
    assert_eq!(reference.expect(MetricName::Accuracy, estimate, 3000).alert, Some(false));
    assert_eq!(reference.expect(MetricName::Accuracy, estimate - 0.2, 3000).alert, Some(true));
}

#[test]
fn no_predictions_give_no_figures_and_nothing_over_nothing_is_zero() {
    assert_eq!(Sums::default().figures(), []);
    let mut negative = Sums::default();
    negative.add(0.0, false);
    assert_eq!(figure(&negative, MetricName::Precision), 0.0);
    assert_eq!(figure(&negative, MetricName::Recall), 0.0);
    assert_eq!(figure(&negative, MetricName::Specificity), 1.0);
    assert_eq!((roc_auc(vec![]), average_precision(vec![(0.5, 0.0)]), Ranks::default().roc_auc()), (None, None, None));
}

#[test]
fn points_that_do_not_rise_are_not_read() {
    for points in ["[]", "[[0.5,0.1],[0.5,0.2]]", "[[0.1,0.2],[0.2,0.1]]", "[[0.1,1.5]]"] {
        assert!(serde_json::from_str::<Isotonic>(points).is_err(), "{points}");
    }
    let isotonic: Isotonic = serde_json::from_str("[[0.25,0.125],[0.75,0.625]]").unwrap();
    assert_eq!([0.0, 0.25, 0.5, 0.75, 1.0].map(|score| isotonic.at(score)), [0.125, 0.125, 0.375, 0.625, 0.625]);
}

#[test]
fn a_fit_of_many_steps_is_bounded_and_moves_nowhere_by_more_than_a_step() {
    // Rising shares in twenty thousand distinct scores, so that hardly any pool.
    let rising: Vec<Tally> = (0..20_000)
        .map(|step| Tally { score: f64::from(step) / 20_000.0, positives: step.into(), negatives: 20_000 - i64::from(step) })
        .collect();
    let isotonic = Isotonic::fit(&rising).unwrap();
    assert!(isotonic.points().len() <= POINTS_MAX, "{}", isotonic.points().len());
    for tally in &rising {
        assert!((isotonic.at(tally.score) - tally.score).abs() <= 1.0 / 255.0, "{}", tally.score);
    }
    let read: Isotonic = rmp_serde::from_slice(&rmp_serde::to_vec(&isotonic).unwrap()).unwrap();
    assert_eq!(read, isotonic);
}

/// The fitted values by the min-max formula: `max over i ≤ k of min over j ≥ k of mean(i..=j)` (Robertson, Wright & Dykstra (1988),
/// *Order Restricted Statistical Inference*, theorem 1.4.4).
fn by_min_max(tallies: &[Tally]) -> Vec<f64> {
    let mean = |from: usize, to: usize| {
        let (hits, all) = tallies[from..=to]
            .iter()
            .fold((0, 0), |(hits, all), tally| (hits + tally.positives, all + tally.positives + tally.negatives));
        hits as f64 / all as f64
    };
    let least = |from: usize, at: usize| (at..tallies.len()).map(|to| mean(from, to)).fold(f64::INFINITY, f64::min);
    (0..tallies.len()).map(|at| (0..=at).map(|from| least(from, at)).fold(0.0, f64::max)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn pooling_adjacent_violators_solves_the_regression(scored in vec(((0..20u32).prop_map(f64::from), any::<bool>()), 1..60)) {
        let tallies = tallies(scored);
        let isotonic = Isotonic::fit(&tallies).unwrap();
        for (tally, wanted) in tallies.iter().zip(by_min_max(&tallies)) {
            prop_assert!((isotonic.at(tally.score) - wanted).abs() < 1e-12);
        }
    }

    #[test]
    fn calibration_never_turns_two_scores_round(scored in vec((0.0..=1.0f64, any::<bool>()), 1..200), a in 0.0..=1.0f64, b in 0.0..=1.0f64) {
        let isotonic = Isotonic::fit(&tallies(scored)).unwrap();
        let (low, high) = (isotonic.at(a.min(b)), isotonic.at(a.max(b)));
        prop_assert!(0.0 <= low && low <= high && high <= 1.0);
    }

    #[test]
    fn areas_of_certain_truths_are_the_realised_ones(scored in vec(((0..=1000u32).prop_map(|step| f64::from(step) / 1000.0), any::<bool>()), 2..200)) {
        let mut ranks = Ranks::default();
        scored.iter().for_each(|(score, positive)| ranks.add(*score, f64::from(u8::from(*positive))));
        let wanted = crate::stats::ranking::roc_auc(&tallies(scored.clone())).value;
        let binned = ranks.roc_auc();
        prop_assert_eq!(binned.is_some(), wanted.is_some());
        let pairs = |positive: bool| scored.iter().filter(|row| row.1 == positive).count() as f64;
        // Two of a thousand steps share a bin only now and then; a pair that does is off by ½.
        let shared = scored.iter().filter(|row| row.1).map(|row| {
            scored.iter().filter(|other| !other.1 && other.0 != row.0 && (other.0 * 1024.0) as i32 == (row.0 * 1024.0) as i32).count()
        }).sum::<usize>() as f64;
        if let (Some(binned), Some(wanted)) = (binned, wanted) {
            prop_assert!((binned - wanted).abs() <= shared / 2.0 / pairs(true) / pairs(false) + 1e-9);
        }
    }
}
