//! What each learner must find, and the faults of linfa that must not come through.

use linfa::Dataset;
use linfa::traits::{Fit, FitWith};
use linfa_ftrl::Ftrl;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};
use tidewatch_core::stats::boosting::draws::Draws;
use tidewatch_core::stats::boosting::{Column, Kind};

use super::*;
use crate::artifact::largest;
use crate::learner::Learner;
use crate::parameters::{Algorithm, Given, Learns, Read, parsed};
use crate::task::Task;
use crate::workers::Pool;

/// Rows of two numbers of mean 0 and deviation 1, and one of chance.
fn columns(rows: usize) -> Vec<Column> {
    let mut draws = Draws::new(1, 1);
    let mut column = || {
        // the sum of twelve is near to normal
        let values = (0..rows).map(|_| (0..12).map(|_| draws.share()).sum::<f64>() - 6.0).collect();
        Column { kind: Kind::Number, values }
    };
    vec![column(), column(), column()]
}

fn given(pairs: &[(&str, &str)], algorithm: Algorithm) -> Given {
    let given: Given = pairs.iter().map(|(name, value)| ((*name).to_owned(), parsed(value))).collect();
    algorithm.complete(&given).unwrap()
}

fn learnt(algorithm: Algorithm, columns: &[Column], targets: &[f64], task: &Task) -> Learner {
    let names: Vec<String> = (0..columns.len()).map(|place| format!("x{place}")).collect();
    let parameters = given(&[], algorithm);
    Learner::fit(algorithm, &parameters, (columns, &names), (targets, task), &Pool::new(1), &mut |_, _| true).unwrap()
}

fn answers(learner: &Learner, columns: &[Column]) -> Vec<Vec<f64>> {
    let ready = learner.ready();
    let answer = |row: usize| {
        let numbers: Vec<f64> = columns.iter().map(|column| column.values[row]).collect();
        let mut answer = Vec::new();
        ready.predict(&numbers, &mut answer);
        answer
    };
    (0..columns[0].values.len()).map(answer).collect()
}

fn classes(count: usize) -> Task {
    Task::Classification((0..count).map(|class| class.to_string()).collect())
}

#[test]
fn every_algorithm_learns_what_it_is_for_and_is_read_back_from_its_bytes() {
    let columns = columns(800);
    let signal = |row: usize| 2.0 * columns[0].values[row] - columns[1].values[row];
    let quantities: Vec<f64> = (0..800).map(|row| 100.0 + 10.0 * signal(row)).collect();
    let two: Vec<f64> = (0..800).map(|row| f64::from(u8::from(0.5 < signal(row)))).collect();
    let three: Vec<f64> = (0..800).map(|row| f64::from(u8::from(-1.0 < signal(row)) + u8::from(1.0 < signal(row)))).collect();
    for algorithm in Algorithm::ALL {
        if algorithm.learns() != Learns::Classes {
            let learner = learnt(algorithm, &columns, &quantities, &Task::Regression);
            let error: f64 =
                answers(&learner, &columns).iter().zip(&quantities).map(|(said, truth)| (said[0] - truth).abs()).sum();
            assert!(error / 800.0 < 8.0, "{algorithm:?}: a mean error of {}", error / 800.0);
        }
        if algorithm.learns() != Learns::Quantities {
            for (targets, count) in [(&two, 2), (&three, 3)] {
                let learner = learnt(algorithm, &columns, targets, &classes(count));
                let told = answers(&learner, &columns);
                let right = told.iter().zip(targets.iter()).filter(|(said, truth)| largest(said) as f64 == **truth).count();
                assert!(560 < right, "{algorithm:?}: {right} of 800 of {count} classes");
                assert!(told.iter().all(|said| said.len() == count && (said.iter().sum::<f64>() - 1.0).abs() < 1e-6));
                let bytes = rmp_serde::to_vec_named(&learner).unwrap();
                let back: Learner = rmp_serde::from_slice(&bytes).unwrap();
                assert_eq!(answers(&back, &columns), told, "{algorithm:?}");
                let again = learnt(algorithm, &columns, targets, &classes(count));
                assert_eq!(rmp_serde::to_vec_named(&again).unwrap(), bytes, "{algorithm:?} differs from run to run");
            }
        }
    }
}

#[test]
fn the_second_class_is_positive_whichever_has_more_rows() {
    let columns = columns(600);
    for bound in [-1.0, 1.0] {
        let targets: Vec<f64> = columns[0].values.iter().map(|x| f64::from(u8::from(bound < *x))).collect();
        let matrix = Matrix::newest(&columns, &targets, 600);
        let numbers: Array1<usize> = matrix.targets.mapv(|target| target as usize);
        let plain = LogisticRegression::default().fit(&Dataset::new(matrix.rows.clone(), numbers)).unwrap();
        let more = usize::from(bound < 0.0);
        assert_eq!(plain.labels().pos.class, more, "linfa calls the class with more rows positive");
        let ours = Linear::logistic(matrix, 2, 1.0).unwrap();
        assert!(0.0 < ours.weights[0][0], "the share of class 1 grows with x: {ours:?}");
        let mut answer = Vec::new();
        ours.predict(&[3.0, 0.0, 0.0], &mut answer);
        assert!(0.9 < answer[1], "{answer:?}");
    }
}

#[test]
fn ftrl_takes_a_step_for_each_row_and_has_an_intercept() {
    let columns = columns(2_000);
    let targets: Vec<f64> = (0..2_000).map(|row| f64::from(u8::from(row % 10 != 0))).collect();
    let matrix = Matrix::newest(&columns, &targets, 2_000);
    let is_positive: Array1<bool> = matrix.targets.mapv(|target| target == 1.0);
    let plain = Ftrl::params().fit_with(None, &Dataset::new(matrix.rows.clone(), is_positive)).unwrap();
    assert_eq!(plain.n().len(), 3, "linfa's has no intercept");
    let parameters = given(&[], Algorithm::Ftrl);
    let ours = Linear::ftrl(&matrix, 2, &Read(&parameters)).unwrap();
    let mut answer = Vec::new();
    ours.predict(&[0.0, 0.0, 0.0], &mut answer);
    assert!((answer[1] - 0.9).abs() < 0.05, "nine of ten are positive whatever the numbers say: {answer:?}");
}

#[test]
fn naive_bayes_is_the_same_bytes_each_time() {
    let columns = columns(900);
    let targets: Vec<f64> = (0..900).map(|row| f64::from(row % 9)).collect();
    let bytes = || rmp_serde::to_vec(&Bayes::fit(Matrix::newest(&columns, &targets, 900), 9, 1e-9).unwrap()).unwrap();
    let first = bytes();
    assert!((0..10).all(|_| bytes() == first));
}

#[test]
fn a_number_that_is_none_breaks_linfa_and_never_gets_there() {
    let rows = Array2::from_shape_fn((50, 1), |(row, _)| if row == 7 { f64::NAN } else { row as f64 });
    let targets = Array1::from_shape_fn(50, |row| row as f64);
    let plain = linfa_linear::LinearRegression::new().fit(&Dataset::new(rows, targets.clone()));
    assert!(plain.is_err() || plain.unwrap().intercept().is_nan());
    let gaps: Vec<f64> = (0..50).map(|row| if row % 7 == 0 { f64::NAN } else { f64::from(row) }).collect();
    let table = crate::table::Table::of_numbers(vec![("x".to_owned(), gaps), ("y".to_owned(), targets.to_vec())]);
    let options = crate::training::options(Algorithm::Ridge, &given(&[], Algorithm::Ridge));
    let fitted = crate::features::fit(&table, "y", &Task::Regression, &targets.to_vec(), options);
    assert_eq!(fitted.features.outputs(), ["x", "x is missing"]);
    assert!(fitted.columns.iter().flat_map(|column| &column.values).all(|value| value.is_finite()));
}

#[test]
fn numbers_that_depend_on_each_other_have_least_squares_too() {
    let mut columns = columns(300);
    let targets: Vec<f64> = columns[0].values.iter().map(|x| 5.0 + 3.0 * x).collect();
    columns.push(columns[0].clone());
    columns.push(Column { kind: Kind::Number, values: vec![0.0; 300] });
    let learner = learnt(Algorithm::LinearRegression, &columns, &targets, &Task::Regression);
    for (said, truth) in answers(&learner, &columns).iter().zip(&targets) {
        assert!((said[0] - truth).abs() < 0.2, "{} instead of {truth}", said[0]);
    }
}

#[test]
fn only_the_newest_rows_are_known_to_those_that_keep_them() {
    let columns = columns(100);
    let matrix = Matrix::newest(&columns, &(0..100).map(f64::from).collect::<Vec<f64>>(), 10);
    assert_eq!((matrix.rows.nrows(), matrix.targets[0]), (10, 90.0));
    assert_eq!(matrix.rows[[0, 1]], columns[1].values[90]);
}
