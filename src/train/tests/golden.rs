//! Whole trainings against scikit-learn's scores on the same splits, and policies of retraining over real streams (`tests/data/boosting`,
//! `tests/data/streams`).

use std::path::{Path, PathBuf};

use serde_json::Value;

use tidewatch_train::parameters::{Algorithm, Given, parsed};
use tidewatch_train::simulate::{Plan, Policy, Simulation, simulate};
use tidewatch_train::table::{Table, read_table};
use tidewatch_train::training::{Order, Trained, train};
use tidewatch_train::workers::Pool;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(name)
}

fn table(name: &str) -> Table {
    read_table(data(name), None).unwrap()
}

fn given(pairs: &[(&str, &str)]) -> Given {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), parsed(value))).collect()
}

fn trained(set: &str, algorithm: Algorithm, parameters: &[(&str, &str)]) -> Trained {
    let (train_rows, test_rows) =
        (table(&format!("boosting/{set}.train.csv.zst")), table(&format!("boosting/{set}.test.csv.zst")));
    let parameters = given(parameters);
    let order = Order { label: "target", task: None, algorithm, parameters: &parameters, allowed: &[], search: None };
    train(&train_rows, Some(&test_rows), &order, &Pool::new(0), &mut |_, _| true).unwrap()
}

/// What scikit-learn's learners score on the test rows, and their parameters as ours.
fn assert_scores_as(learner: &str, algorithm: Algorithm, parameters: &[(&str, &str)]) {
    let wanted: Value = serde_json::from_str(&std::fs::read_to_string(data("boosting/boosting.json")).unwrap()).unwrap();
    let mut missed = Vec::new();
    for set in ["binary", "rare", "four", "regression", "missing", "categories"] {
        let trained = trained(set, algorithm, parameters);
        assert_eq!(trained.report.rows, 6_000);
        let metrics = &trained.report.test.as_ref().unwrap().evaluation.metrics;
        let area = if set == "four" { "roc_auc_ovr_macro" } else { "roc_auc" };
        for (theirs, ours) in [("auc", area), ("accuracy", "accuracy"), ("r2", "r2")] {
            let Some(theirs) = wanted["sets"][set][learner][theirs].as_f64() else { continue };
            let ours = metrics[ours].value.unwrap_or_else(|| panic!("{set}: no {ours}"));
            println!("{learner} {set}: {ours:.4} where scikit-learn has {theirs:.4}, in {:.3} s", trained.report.seconds);
            if ours < theirs - 0.01 {
                missed.push(format!("{set}: {ours} where scikit-learn has {theirs}"));
            }
        }
    }
    assert!(missed.is_empty(), "{learner}: {missed:#?}");
}

#[test]
fn boosting_scores_as_scikit_learns_histograms_do() {
    let parameters = [
        ("n_estimators", "100"),
        ("learning_rate", "0.1"),
        ("max_depth", "5"),
        ("max_leaves", "31"),
        ("min_samples_leaf", "20"),
    ];
    assert_scores_as("hist_depth5_100", Algorithm::GradientBoosting, &parameters);
}

#[test]
fn boosting_that_stops_early_scores_as_scikit_learns_does() {
    let parameters = [("n_estimators", "300"), ("early_stopping_rounds", "10")];
    assert_scores_as("hist_leaves31_300_early", Algorithm::GradientBoosting, &parameters);
}

#[test]
fn forests_score_as_scikit_learns_do() {
    assert_scores_as("forest_200", Algorithm::RandomForest, &[("n_estimators", "200"), ("min_samples_leaf", "2")]);
}

fn simulated(stream: &str, label: &str, [first, every, window]: [usize; 3]) -> Simulation {
    let rows = table(&format!("streams/{stream}.csv.zst"));
    let told =
        simulate(&rows, label, Plan { first, every, window }, &Policy::default(), &Pool::new(0), &mut |_, _| {}).unwrap();
    println!(
        "{stream}: static {:.4}, scheduled {:.4}, policy {:.4}, {} promotions, {} rollbacks, worst block {:.4}",
        told.unchanged.accuracy,
        told.scheduled.accuracy,
        told.policy.figures.accuracy,
        told.policy.promotions,
        told.policy.rollbacks,
        told.blocks.iter().map(|block| block.policy - block.unchanged).fold(f64::INFINITY, f64::min),
    );
    told
}

#[test]
fn a_policy_of_evidence_beats_blind_retraining_on_streams_that_drift() {
    let streams = [("elec", "class", [6_000, 3_000, 6_000], 0.003), ("weather", "target", [2_000, 2_000, 4_000], 0.0)];
    for (stream, label, plan, more) in streams {
        let told = simulated(stream, label, plan);
        assert!(told.scheduled.accuracy + more <= told.policy.figures.accuracy, "{stream}");
        assert!(told.policy.promotions + told.policy.rollbacks <= 20, "{stream}: {:?}", told.decisions);
        for block in &told.blocks {
            assert!(block.unchanged - block.policy <= 0.06, "{stream}: {block:?}");
        }
    }
}
