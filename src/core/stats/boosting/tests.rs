//! What trees must find, and what they must not invent.

use proptest::collection::vec;
use proptest::prelude::*;

use super::tree::Node;
use super::*;

fn numbers(values: impl IntoIterator<Item = f64>) -> Column {
    Column { kind: Kind::Number, values: values.into_iter().collect() }
}

fn squared_error(model: &Regressor, columns: &[Column], targets: &[f64]) -> f64 {
    let row = |row: usize| columns.iter().map(|column| column.values[row]).collect::<Vec<f64>>();
    targets.iter().enumerate().map(|(place, target)| (model.predict(&row(place)) - target).powi(2)).sum::<f64>()
}

#[test]
fn a_step_an_interaction_and_a_set_of_categories_are_found() {
    let step = numbers((0..800).map(|row| f64::from(row % 80)));
    let side = numbers((0..800).map(|row| f64::from(row / 80 % 2)));
    let category = Column { kind: Kind::Category, values: (0..800).map(|row| f64::from(row / 160)).collect() };
    let truth = |step: f64, side: f64, category: f64| {
        let of_step = if (step < 30.0) == (side < 0.5) { 10.0 } else { 0.0 };
        // 0 and 3 against the others: no bound between codes parts them
        of_step + if category == 0.0 || category == 3.0 { 5.0 } else { 0.0 }
    };
    let targets: Vec<f64> = (0..800).map(|row| truth(step.values[row], side.values[row], category.values[row])).collect();
    let model = Regressor::fit(&[step, side, category], &targets).unwrap();
    for row in [[3.0, 0.0, 0.0], [29.0, 1.0, 1.0], [31.0, 0.0, 3.0], [79.0, 1.0, 4.0], [-1e300, 0.0, 2.0]] {
        let (got, wanted) = (model.predict(&row), truth(row[0], row[1], row[2]));
        assert!((got - wanted).abs() < 0.05, "{row:?}: {got} instead of {wanted}");
    }
}

#[test]
fn what_is_missing_goes_where_it_belongs() {
    let value = |row: i32| if row % 4 == 0 { f64::NAN } else { f64::from(row % 10) };
    let targets: Vec<f64> = (0..400).map(|row| if row % 4 == 0 { 7.0 } else { 1.0 }).collect();
    let model = Regressor::fit(&[numbers((0..400).map(value))], &targets).unwrap();
    assert!((model.predict(&[f64::NAN]) - 7.0).abs() < 0.01);
    assert!((model.predict(&[f64::INFINITY]) - 7.0).abs() < 0.01);
    assert!((model.predict(&[]) - 7.0).abs() < 0.01);
    assert!((model.predict(&[5.0]) - 1.0).abs() < 0.01);
}

#[test]
fn unknown_categories_and_those_beyond_the_bins_are_taken_as_missing() {
    let codes: Vec<f64> = (0..600).map(|row| f64::from(row % 300)).collect();
    let targets: Vec<f64> = codes.iter().map(|code| if *code < 254.0 { 0.0 } else { 9.0 }).collect();
    let model = Regressor::fit(&[Column { kind: Kind::Category, values: codes }], &targets).unwrap();
    assert_eq!(model.predict(&[299.0]), model.predict(&[f64::NAN]));
    assert_eq!(model.predict(&[-1.0]), model.predict(&[f64::NAN]));
    assert!(8.0 < model.predict(&[1e9]) && model.predict(&[253.0]) < 1.0);
}

#[test]
fn constants_and_few_rows_give_their_mean() {
    let constant = Regressor::fit(&[numbers((0..100).map(f64::from))], &[3.0; 100]).unwrap();
    assert!((constant.predict(&[50.0]) - 3.0).abs() < 1e-12);
    let one_value = Regressor::fit(&[numbers([1.0; 100])], &(0..100).map(f64::from).collect::<Vec<_>>()).unwrap();
    assert!((one_value.predict(&[1.0]) - 49.5).abs() < 1e-9);
    let few = Regressor::fit(&[numbers((0..39).map(f64::from))], &(0..39).map(f64::from).collect::<Vec<_>>()).unwrap();
    assert!((few.predict(&[0.0]) - 19.0).abs() < 1e-9);
    assert!((Regressor::fit(&[], &[1.0, 2.0]).unwrap().predict(&[]) - 1.5).abs() < 1e-12);
}

#[test]
fn what_cannot_be_learnt_is_refused_by_name() {
    assert_eq!(Regressor::fit(&[], &[]), Err(Error::NoRows));
    assert_eq!(Regressor::fit(&[numbers([1.0])], &[1.0, 2.0]), Err(Error::Uneven { feature: 0, values: 1, rows: 2 }));
    assert_eq!(Regressor::fit(&vec![numbers([1.0]); 65], &[1.0]), Err(Error::TooWide { features: 65 }));
    assert_eq!(Regressor::fit(&[], &[1.0, f64::INFINITY]), Err(Error::OutOfRange { row: 1 }));
}

#[test]
fn a_model_is_read_back_as_it_was_and_stays_within_its_size() {
    // 2,000 rows of ten features of pseudo-random numbers: as many splits as there can be.
    let noise =
        |seed: u64| (0..2000_u64).map(move |row| (row * 6_364_136_223 + seed * 1_442_695_041) as f64 * 0.618_033_988_7 % 1.0);
    let columns: Vec<Column> = (1..=10).map(|seed| numbers(noise(seed))).collect();
    let targets: Vec<f64> = noise(11).collect();
    let model = Regressor::fit(&columns, &targets).unwrap();
    let bytes = rmp_serde::to_vec(&model).unwrap();
    assert_eq!(Regressor::grow(&columns, &targets).2.len(), TREES_MAX);
    assert_eq!(rmp_serde::from_slice::<Regressor>(&bytes).unwrap(), model);
    assert!(bytes.len() < 150_000, "{}", bytes.len());
    assert_eq!(Regressor::fit(&columns, &targets).unwrap(), model);
}

/// What a walk from the root of every tree says.
fn walked(columns: &[Column], targets: &[f64], row: &[f64]) -> f64 {
    let (features, mean, trees) = Regressor::grow(columns, targets);
    let places: Vec<u8> = features.iter().zip(row).map(|(bins, value)| bins.place(*value)).collect();
    trees.iter().fold(mean, |sum, Tree(nodes)| {
        let mut at = 0;
        loop {
            match &nodes[at] {
                Node::Leaf(value) => return sum + value,
                Node::Split { feature, rule, left, right } => {
                    at = usize::from(if rule.takes(places[usize::from(*feature)]) { *left } else { *right });
                }
            }
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn reading_all_trees_at_once_is_walking_each(
        rows in vec((0..30i32, proptest::option::of(-1e3..1e3f64), -1e3..1e3f64), 50..200),
        asked in vec((-1..40i32, proptest::option::of(-2e3..2e3f64)), 1..10),
    ) {
        let columns = [
            Column { kind: Kind::Category, values: rows.iter().map(|row| f64::from(row.0)).collect() },
            numbers(rows.iter().map(|row| row.1.unwrap_or(f64::NAN))),
        ];
        let targets: Vec<f64> = rows.iter().map(|row| row.2).collect();
        let model = Regressor::fit(&columns, &targets).unwrap();
        for (category, number) in asked {
            let row = [f64::from(category), number.unwrap_or(f64::NAN)];
            prop_assert_eq!(model.predict(&row), walked(&columns, &targets, &row));
        }
    }

    #[test]
    fn learning_never_makes_the_rows_learnt_from_worse_than_their_mean(
        rows in vec((0..30i32, proptest::option::of(-1e3..1e3f64), -1e3..1e3f64), 1..200),
    ) {
        let columns = [
            Column { kind: Kind::Category, values: rows.iter().map(|row| f64::from(row.0)).collect() },
            numbers(rows.iter().map(|row| row.1.unwrap_or(f64::NAN))),
        ];
        let targets: Vec<f64> = rows.iter().map(|row| row.2).collect();
        let (learnt, mean) = (Regressor::fit(&columns, &targets).unwrap(), Regressor::fit(&[], &targets).unwrap());
        let (ours, theirs) = (squared_error(&learnt, &columns, &targets), squared_error(&mean, &[], &targets));
        prop_assert!(ours <= theirs * (1.0 + 1e-12) + 1e-9, "{} against {}", ours, theirs);
    }
}
