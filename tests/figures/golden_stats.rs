//! Figures against scikit-learn, numpy and river: `tests/data/golden/README.md` says what was computed and how.

use crate::golden;
use serde_json::Value;
use tidewatch::stats::calibration::Calibration;
use tidewatch::stats::classes::Confusion;
use tidewatch::stats::ranking;
use tidewatch::stats::regression::{Regression, median_absolute_error};
use tidewatch::stats::scores::{MultiLogLoss, Scored};
use tidewatch::stats::sketch::Sketch;
use tidewatch::stats::{Estimate, MetricName};

fn items(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn floats(value: &Value) -> Vec<f64> {
    items(value).iter().map(|item| item.as_f64().unwrap()).collect()
}

fn digits(value: &Value) -> Vec<u16> {
    value.as_str().unwrap().bytes().map(|digit| u16::from(digit - b'0')).collect()
}

/// 10⁻⁹ relative plus 10⁻¹² absolute, the tolerance of the golden values; `null` is `None`.
#[track_caller]
fn assert_close(name: &str, got: Option<f64>, wanted: &Value) {
    match (got, wanted.as_f64()) {
        (Some(got), Some(wanted)) => {
            assert!((got - wanted).abs() <= 1e-9 * wanted.abs() + 1e-12, "{name}: {got} instead of {wanted}");
        }
        (got, wanted) => assert_eq!(got, wanted, "{name}"),
    }
}

#[track_caller]
fn figure(metrics: &[(MetricName, Estimate)], name: MetricName) -> Option<f64> {
    metrics.iter().find(|(other, _)| *other == name).unwrap_or_else(|| panic!("no {name:?}")).1.value
}

#[track_caller]
fn assert_figures(metrics: &[(MetricName, Estimate)], wanted: &[(MetricName, &Value)]) {
    for (metric, wanted) in wanted {
        assert_close(metric.as_str(), figure(metrics, *metric), wanted);
    }
    for (name, estimate) in metrics {
        if let (Some(low), Some(value), Some(high)) = (estimate.low, estimate.value, estimate.high) {
            assert!(low <= value && value <= high, "{name:?}: {estimate:?}");
        }
    }
}

fn assert_calibration<const BINS: usize>(scored: &[(f64, bool)], wanted: &Value) {
    let mut calibration = Calibration::<BINS>::default();
    scored.iter().for_each(|(score, positive)| calibration.add(*score, *positive));
    assert_close("ece", calibration.expected_error().value, &wanted["ece"]);
    assert_close("mce", calibration.maximum_error().value, &wanted["mce"]);
    let mut counts = vec![0; BINS];
    for (place, bin) in calibration.reliability().iter().enumerate() {
        counts[(bin.low * BINS as f64).round() as usize] = bin.count;
        assert_close("prob_true", bin.observed.value, &wanted["prob_true_nonempty"][place]);
        assert_close("prob_pred", Some(bin.stated), &wanted["prob_pred_nonempty"][place]);
    }
    assert_eq!(serde_json::to_value(counts).unwrap(), wanted["counts"]);
}

#[test]
fn binary_figures_are_those_of_scikit_learn() {
    for case in items(&golden::values("classification_binary.json")["cases"]) {
        println!("{}", case["name"]);
        let (truths, scores) = (digits(&case["y_true"]), floats(&case["y_proba"]));
        let threshold = case["threshold"].as_f64().unwrap();
        let (mut confusion, mut scored) = (Confusion::default(), Scored::default());
        let pairs: Vec<(f64, bool)> = scores.iter().zip(&truths).map(|(score, truth)| (*score, *truth == 1)).collect();
        for (score, positive) in &pairs {
            confusion.add(u16::from(*positive), u16::from(threshold <= *score));
            scored.add(*score, *positive);
        }
        let matrix = serde_json::json!([[case["tn"], case["fp"]], [case["fn"], case["tp"]]]);
        assert_eq!(serde_json::to_value(confusion.matrix(&[0, 1])).unwrap(), matrix);
        assert!(scored.is_exact());
        let metrics: Vec<_> = confusion.metrics(Some(1)).into_iter().chain(scored.metrics()).collect();
        let wanted = [
            (MetricName::Accuracy, &case["accuracy"]),
            (MetricName::BalancedAccuracy, &case["balanced_accuracy"]),
            (MetricName::Fpr, &case["fpr"]),
            (MetricName::Fnr, &case["fnr"]),
            (MetricName::Specificity, &case["tnr"]),
            (MetricName::Recall, &case["tpr"]),
            (MetricName::Mcc, &case["mcc"]),
            (MetricName::CohenKappa, &case["cohen_kappa"]),
            (MetricName::RocAuc, &case["roc_auc"]),
            (MetricName::PrAuc, &case["average_precision"]),
            (MetricName::LogLoss, &case["log_loss"]),
            (MetricName::Brier, &case["brier"]),
            (MetricName::Precision, &case["binary"]["precision"]),
            (MetricName::Recall, &case["binary"]["recall"]),
            (MetricName::F1, &case["binary"]["f1"]),
            (MetricName::PrecisionMacro, &case["macro"]["precision"]),
            (MetricName::RecallMacro, &case["macro"]["recall"]),
            (MetricName::F1Macro, &case["macro"]["f1"]),
            (MetricName::PrecisionWeighted, &case["weighted"]["precision"]),
            (MetricName::RecallWeighted, &case["weighted"]["recall"]),
            (MetricName::F1Weighted, &case["weighted"]["f1"]),
            (MetricName::Ece, &case["calibration_10_uniform"]["ece"]),
            (MetricName::Mce, &case["calibration_10_uniform"]["mce"]),
        ];
        assert_figures(&metrics, &wanted);
        let share = |count: u64| Some(count as f64 / truths.len() as f64);
        let cells = |chosen: fn(&(u16, u16, u64)) -> bool| confusion.iter().filter(chosen).map(|cell| cell.2).sum();
        assert_close("prevalence", share(cells(|cell| cell.0 == 1)), &case["prevalence"]);
        assert_close("predicted positives", share(cells(|cell| cell.1 == 1)), &case["predicted_positive_rate"]);
        assert_calibration::<10>(&pairs, &case["calibration_10_uniform"]);
        assert_calibration::<15>(&pairs, &case["calibration_15_uniform"]);
        let raw = ranking::tallies(pairs);
        assert_close("raw roc_auc", ranking::roc_auc(&raw).value, &case["roc_auc"]);
        assert_close("raw average_precision", ranking::average_precision(&raw).value, &case["average_precision"]);
    }
}

#[test]
fn multiclass_figures_are_those_of_scikit_learn() {
    for case in items(&golden::values("classification_multiclass.json")["cases"]) {
        let truths = digits(&case["y_true"]);
        let rows: Vec<Vec<f64>> = items(&case["proba"]).iter().map(floats).collect();
        let (mut confusion, mut losses) = (Confusion::default(), MultiLogLoss::default());
        for (truth, row) in truths.iter().zip(&rows) {
            let predicted = (0..row.len()).fold(0, |best, class| if row[best] < row[class] { class } else { best });
            confusion.add(*truth, predicted as u16);
            losses.add(Some(row[usize::from(*truth)]), Some(row[predicted]), usize::from(*truth) == predicted);
        }
        let classes = confusion.classes();
        assert_eq!(serde_json::to_value(confusion.matrix(&classes)).unwrap(), case["confusion_matrix_rows_true"]);
        let metrics: Vec<_> = confusion.metrics(None).into_iter().chain(losses.metrics()).collect();
        let wanted = [
            (MetricName::Accuracy, &case["accuracy"]),
            (MetricName::BalancedAccuracy, &case["balanced_accuracy"]),
            (MetricName::Mcc, &case["mcc"]),
            (MetricName::CohenKappa, &case["cohen_kappa"]),
            (MetricName::LogLoss, &case["log_loss"]),
            (MetricName::Precision, &case["macro"]["precision"]),
            (MetricName::Recall, &case["macro"]["recall"]),
            (MetricName::F1, &case["macro"]["f1"]),
            (MetricName::PrecisionMacro, &case["macro"]["precision"]),
            (MetricName::RecallMacro, &case["macro"]["recall"]),
            (MetricName::F1Macro, &case["macro"]["f1"]),
            (MetricName::PrecisionWeighted, &case["weighted"]["precision"]),
            (MetricName::RecallWeighted, &case["weighted"]["recall"]),
            (MetricName::F1Weighted, &case["weighted"]["f1"]),
            (MetricName::PrecisionMicro, &case["micro"]["precision"]),
            (MetricName::RecallMicro, &case["micro"]["recall"]),
            (MetricName::F1Micro, &case["micro"]["f1"]),
        ];
        assert_figures(&metrics, &wanted);
        let (mut plain, mut weighted) = (0.0, 0.0);
        for (class, figures) in confusion.per_class() {
            let place = usize::from(class);
            assert_close("precision", figures.precision.value, &case["per_class"]["precision"][place]);
            assert_close("recall", figures.recall.value, &case["per_class"]["recall"][place]);
            assert_close("f1", figures.f1.value, &case["per_class"]["f1"][place]);
            let share = |row: &[f64]| row[place] / row.iter().sum::<f64>();
            let against_rest = rows.iter().zip(&truths).map(|(row, truth)| (share(row), *truth == class)).collect();
            let area = ranking::roc_auc(&ranking::tallies(against_rest)).value.unwrap();
            plain += area / classes.len() as f64;
            weighted += area * figures.support as f64 / truths.len() as f64;
        }
        assert_close("roc_auc_ovr_macro", Some(plain), &case["roc_auc_ovr_macro"]);
        assert_close("roc_auc_ovr_weighted", Some(weighted), &case["roc_auc_ovr_weighted"]);
    }
}

#[test]
fn regression_figures_are_those_of_scikit_learn_and_river() {
    for case in items(&golden::values("regression.json")["cases"]) {
        println!("{}", case["name"]);
        let pairs: Vec<(f64, f64)> = floats(&case["y_true"]).into_iter().zip(floats(&case["y_pred"])).collect();
        let mut regression = Regression::default();
        pairs.iter().for_each(|(truth, prediction)| regression.add(*truth, *prediction));
        let metrics = regression.metrics();
        let wanted = [
            (MetricName::Mae, &case["mae"]),
            (MetricName::Mse, &case["mse"]),
            (MetricName::Rmse, &case["rmse"]),
            (MetricName::Mape, &case["mape_fraction"]),
            (MetricName::Smape, &case["smape_percent_0_200"]),
            (MetricName::R2, &case["r2"]),
            (MetricName::Bias, &case["bias_mean_pred_minus_true"]),
            (MetricName::MaxError, &case["max_error"]),
        ];
        assert_figures(&metrics, &wanted);
        assert_close("explained_variance", regression.explained_variance(), &case["explained_variance"]);
        assert_close("median_ae", median_absolute_error(pairs.iter().copied()), &case["median_ae"]);
        // The sketch takes the lower of the two in the middle, within 1 %.
        let mut errors: Vec<f64> = pairs.iter().map(|(truth, prediction)| (prediction - truth).abs()).collect();
        errors.sort_by(f64::total_cmp);
        let lower = errors[(errors.len() - 1) / 2];
        let median = figure(&metrics, MetricName::MedianAe).unwrap();
        assert!((median - lower).abs() <= 0.010_000_1 * lower, "{median} instead of {lower}");
        let near = pairs.iter().filter(|(truth, prediction)| (prediction - truth).abs() <= 0.1 * truth.abs()).count();
        assert_eq!(figure(&metrics, MetricName::Accuracy), Some(near as f64 / pairs.len() as f64));
    }
}

#[test]
fn sketched_quantiles_are_within_one_percent_of_those_of_numpy() {
    let golden = golden::values("quantiles.json");
    for case in items(&golden["cases"]) {
        assert_quantiles(case, &floats(&case["values"]));
    }
    for recipe in items(&golden["recipes"]) {
        let values = samples(recipe);
        let agrees = |got: f64, wanted: f64| (got - wanted).abs() <= 1e-12 * wanted;
        assert!(floats(&recipe["first_values"]).iter().zip(&values).all(|(wanted, got)| agrees(*got, *wanted)));
        assert!(agrees(values[values.len() - 1], recipe["last_value"].as_f64().unwrap()));
        assert_quantiles(recipe, &values);
    }
}

fn assert_quantiles(case: &Value, values: &[f64]) {
    let mut sketch = Sketch::default();
    values.iter().for_each(|value| sketch.add(*value));
    assert_eq!(sketch.count(), case["n"].as_u64().unwrap());
    for (q, wanted) in case["quantiles"]["inverted_cdf"].as_object().unwrap() {
        let (got, wanted) = (sketch.quantile(q.parse().unwrap()).unwrap(), wanted.as_f64().unwrap());
        assert!((got - wanted).abs() <= 0.010_000_1 * wanted, "{} at {q}: {got} instead of {wanted}", case["name"]);
    }
}

/// The generated samples, by the recipe of the golden file.
fn samples(recipe: &Value) -> Vec<f64> {
    let mut state = recipe["splitmix64_seed"].as_u64().unwrap();
    let mut uniform = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    };
    let draw = |_| {
        let (a, b) = (uniform(), uniform());
        match recipe["name"].as_str().unwrap() {
            "lognormal" => (3.0 + 0.5 * (-2.0 * (1.0 - a).ln()).sqrt() * (2.0 * std::f64::consts::PI * b).cos()).exp(),
            "bimodal" if b < 0.9 => 10.0 * (-(1.0 - a).ln()).powf(1.0 / 3.0),
            "bimodal" => 200.0 + 50.0 * a,
            "pareto_1.5" => 2.0 * (1.0 - a).powf(-1.0 / 1.5),
            other => panic!("no recipe for {other}"),
        }
    };
    (0..recipe["n"].as_u64().unwrap()).map(draw).collect()
}
