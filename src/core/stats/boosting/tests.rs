//! What trees must find, and what they must not invent.

use proptest::collection::vec;
use proptest::prelude::*;

use super::regressor::TREES_MAX as REGRESSOR_TREES_MAX;
use super::table::Table;
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
    assert_eq!(Regressor::fit(&vec![numbers([1.0]); 65], &[1.0]), Err(Error::TooWide { features: 65, most: 64 }));
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
    let table = Table::of(&columns, targets.len(), false, &Alone).unwrap();
    assert_eq!(Regressor::grow(&table, &targets).trees.len(), REGRESSOR_TREES_MAX);
    assert_eq!(rmp_serde::from_slice::<Regressor>(&bytes).unwrap(), model);
    assert!(bytes.len() < 150_000, "{}", bytes.len());
    assert_eq!(Regressor::fit(&columns, &targets).unwrap(), model);
}

/// What a walk from the root of every tree says.
fn walked(columns: &[Column], targets: &[f64], row: &[f64]) -> f64 {
    let table = Table::of(columns, targets.len(), false, &Alone).unwrap();
    let grown = Regressor::grow(&table, targets);
    let place = |feature: usize| table.features[feature].place(row[feature]);
    grown.trees.iter().fold(grown.base[0], |sum, tree| sum + tree.value(place))
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

/// Work handed out to threads of its own, a piece each.
struct Threads;

impl Workers for Threads {
    fn map<I: Send, O: Send>(&self, items: Vec<I>, work: impl Fn(I) -> O + Sync + Send) -> Vec<O> {
        let work = &work;
        std::thread::scope(|scope| {
            let running: Vec<_> = items.into_iter().map(|item| scope.spawn(move || work(item))).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }
}

/// Numbers from 0 to 1 that look like chance.
fn noise(seed: u64, rows: usize) -> Vec<f64> {
    let mut draws = draws::Draws::new(seed, 7);
    (0..rows).map(|_| draws.share()).collect()
}

fn classes_of(rows: usize, classes: usize) -> (Vec<Column>, Vec<f64>) {
    let columns: Vec<Column> = (1..=5).map(|seed| numbers(noise(seed, rows))).collect();
    let chance = noise(99, rows);
    let class = |row: usize| {
        let signal = columns[0].values[row] + if columns[1].values[row] < 0.5 { columns[2].values[row] } else { 0.0 };
        ((signal + 0.4 * chance[row]) / 2.4 * classes as f64) as usize as f64
    };
    let targets = (0..rows).map(class).collect();
    (columns, targets)
}

fn boosted(columns: &[Column], targets: &[f64], loss: Loss, parameters: &boost::Parameters) -> Model {
    let rows = Rows { columns, targets, weights: None };
    Model::boosted(rows, loss, parameters, &Alone, &mut |_, _| true).unwrap()
}

fn answers(model: &Model, columns: &[Column]) -> Vec<Vec<f64>> {
    let mut answer = Vec::new();
    let rows = 0..columns[0].values.len();
    let of_row = |row: usize| columns.iter().map(|column| column.values[row]).collect::<Vec<f64>>();
    rows.map(|row| {
        model.predict(&of_row(row), &mut answer);
        answer.clone()
    })
    .collect()
}

fn share_right(model: &Model, columns: &[Column], targets: &[f64]) -> f64 {
    let largest =
        |shares: &Vec<f64>| (0..shares.len()).reduce(|best, other| if shares[best] < shares[other] { other } else { best });
    let right = answers(model, columns)
        .iter()
        .zip(targets)
        .filter(|(shares, target)| largest(shares) == Some(**target as usize))
        .count();
    right as f64 / targets.len() as f64
}

#[test]
fn one_thread_and_many_learn_the_same_bytes() {
    let (columns, targets) = classes_of(20_000, 3);
    let rows = Rows { columns: &columns, targets: &targets, weights: None };
    let parameters = boost::Parameters { n_estimators: 4, subsample: 0.8, colsample: 0.7, ..Default::default() };
    let forest = bag::Parameters { n_estimators: 2, max_leaves: Some(60), ..Default::default() };
    let bytes = |model: Result<Model, Error>| rmp_serde::to_vec(&model.unwrap()).unwrap();
    let goes_on = &mut |_, _| true;
    assert_eq!(
        bytes(Model::boosted(rows, Loss::Softmax(3), &parameters, &Alone, goes_on)),
        bytes(Model::boosted(rows, Loss::Softmax(3), &parameters, &Threads, goes_on)),
    );
    assert_eq!(
        bytes(Model::bagged(rows, Some(3), &forest, &Alone, goes_on)),
        bytes(Model::bagged(rows, Some(3), &forest, &Threads, goes_on)),
    );
}

#[test]
fn classes_are_learnt_by_boosting_by_forests_and_by_a_single_tree() {
    for classes in [2, 3] {
        let (columns, targets) = classes_of(1_500, classes);
        let loss = if classes == 2 { Loss::Logistic } else { Loss::Softmax(classes) };
        let parameters = boost::Parameters { n_estimators: 30, ..Default::default() };
        let right = share_right(&boosted(&columns, &targets, loss, &parameters), &columns, &targets);
        assert!(0.9 < right, "boosting, {classes} classes: {right}");
        let rows = Rows { columns: &columns, targets: &targets, weights: None };
        let goes_on = &mut |_, _| true;
        let forest = bag::Parameters { n_estimators: 20, min_samples_leaf: 2, ..Default::default() };
        let right = share_right(&Model::bagged(rows, Some(classes), &forest, &Alone, goes_on).unwrap(), &columns, &targets);
        assert!(0.9 < right, "forest, {classes} classes: {right}");
        let tree = bag::Parameters { n_estimators: 1, bootstrap: false, max_features: Some(1.0), ..Default::default() };
        let right = share_right(&Model::bagged(rows, Some(classes), &tree, &Alone, goes_on).unwrap(), &columns, &targets);
        assert!(0.99 < right, "tree, {classes} classes: {right}");
    }
}

#[test]
fn each_loss_of_quantities_learns_what_it_is_for() {
    // y = x + an error that is 9 in one of five rows and 0 else: mean x + 1.8, median x, 0.9-quantile x + 9
    let x: Vec<f64> = (0..2_000).map(|row| f64::from(row % 10)).collect();
    let chance = noise(5, 2_000);
    let targets: Vec<f64> = x.iter().zip(&chance).map(|(x, chance)| x + if *chance < 0.2 { 9.0 } else { 0.0 }).collect();
    let parameters = boost::Parameters { n_estimators: 200, ..Default::default() };
    for (loss, beside, tolerance) in [
        (Loss::Squared, 1.8, 0.8),
        (Loss::Absolute, 0.0, 0.05),
        (Loss::Huber(0.7), 0.1, 0.4),
        (Loss::Quantile(0.9), 9.0, 0.2),
        (Loss::Quantile(0.5), 0.0, 0.05),
    ] {
        let model = boosted(&[numbers(x.clone())], &targets, loss, &parameters);
        for x in [1.0, 5.0, 8.0] {
            let mut answer = Vec::new();
            model.predict(&[x], &mut answer);
            assert!((answer[0] - x - beside).abs() < tolerance, "{loss:?} at {x}: {answer:?}");
        }
    }
}

#[test]
fn what_must_not_fall_does_not_fall() {
    let x = noise(1, 3_000);
    let chance = noise(2, 3_000);
    let targets: Vec<f64> = x.iter().zip(&chance).map(|(x, chance)| (9.0 * x).sin() + x + chance).collect();
    for (direction, loss) in [(1_i8, Loss::Squared), (-1, Loss::Squared), (1, Loss::Absolute)] {
        let parameters = boost::Parameters { monotone: vec![direction], ..Default::default() };
        let model = boosted(&[numbers(x.clone())], &targets, loss, &parameters);
        let mut answer = Vec::new();
        let said: Vec<f64> = (0..=500)
            .map(|step| {
                model.predict(&[f64::from(step) / 500.0], &mut answer);
                answer[0] * f64::from(direction)
            })
            .collect();
        assert!(said.windows(2).all(|pair| pair[0] <= pair[1]), "{direction} {loss:?}");
    }
    let free = boosted(&[numbers(x)], &targets, Loss::Squared, &boost::Parameters::default());
    let at = |x: f64| {
        let mut answer = Vec::new();
        free.predict(&[x], &mut answer);
        answer[0]
    };
    assert!(at(0.5) < at(0.18) && at(0.5) < at(0.9), "without the bound it falls");
}

#[test]
fn a_row_of_weight_two_counts_as_two_rows() {
    let (columns, targets) = classes_of(400, 2);
    let weights: Vec<f64> = (0..400).map(|row| if row % 3 == 0 { 2.0 } else { 1.0 }).collect();
    let twice: Vec<usize> = (0..400).flat_map(|row| vec![row; weights[row] as usize]).collect();
    let repeated: Vec<Column> = columns.iter().map(|column| numbers(twice.iter().map(|row| column.values[*row]))).collect();
    let repeated_targets: Vec<f64> = twice.iter().map(|row| targets[*row]).collect();
    let parameters = boost::Parameters { n_estimators: 1, max_leaves: 2, learning_rate: 1.0, ..Default::default() };
    let weighted = Model::boosted(
        Rows { columns: &columns, targets: &targets, weights: Some(&weights) },
        Loss::Logistic,
        &parameters,
        &Alone,
        &mut |_, _| true,
    );
    let (weighted, repeated) = (weighted.unwrap(), boosted(&repeated, &repeated_targets, Loss::Logistic, &parameters));
    assert!((weighted.base()[0] - repeated.base()[0]).abs() < 1e-12);
    let leaves = |model: &Model| {
        let leaf = |node: &Node| if let Node::Leaf(value) = node { Some(*value) } else { None };
        model.trees()[0].0.iter().filter_map(leaf).collect::<Vec<f32>>()
    };
    for (weighted, repeated) in leaves(&weighted).into_iter().zip(leaves(&repeated)) {
        assert!((weighted - repeated).abs() < 0.05, "{weighted} against {repeated}");
    }
}

#[test]
fn stopping_early_goes_back_to_the_best_round() {
    let x = noise(3, 2_000);
    let targets = noise(4, 2_000).into_iter().map(|chance| f64::from(u8::from(chance < 0.5))).collect::<Vec<f64>>();
    let parameters = boost::Parameters { n_estimators: 200, early_stopping_rounds: Some(5), ..Default::default() };
    let model = boosted(&[numbers(x)], &targets, Loss::Logistic, &parameters);
    assert!(model.trees().len() < 20, "{} trees of nothing but chance", model.trees().len());
}

#[test]
fn edges_are_numbers_of_single_precision_and_values_next_to_each_other_are_told_apart() {
    let next = f64::from(f32::from_bits(1.0_f32.to_bits() + 1));
    let x: Vec<f64> = (0..200).map(|row| if row % 2 == 0 { 1.0 } else { next }).collect();
    let targets: Vec<f64> = (0..200).map(|row| f64::from(row % 2)).collect();
    let parameters = boost::Parameters { n_estimators: 100, learning_rate: 0.5, ..Default::default() };
    let model = boosted(&[numbers(x)], &targets, Loss::Squared, &parameters);
    let mut answer = Vec::new();
    model.predict(&[1.0], &mut answer);
    assert!(answer[0] < 1e-6);
    model.predict(&[next], &mut answer);
    assert!(1.0 - answer[0] < 1e-6);
}

#[test]
fn the_exponential_without_branches_agrees_with_the_platforms() {
    for step in -69_000..=69_000 {
        let x = f64::from(step) * 0.01;
        let (ours, theirs) = (loss::exp(x), x.exp());
        assert!((ours - theirs).abs() <= 8e-16 * theirs, "e^{x}: {ours} against {theirs}");
    }
    assert_eq!((loss::logistic(0.0), loss::logistic(1e300)), (0.5, 1.0));
    assert!(loss::logistic(-1e300) < 1e-300);
}

#[test]
fn rows_that_no_class_or_weight_fits_are_refused_by_their_place() {
    let columns = [numbers([1.0, 2.0])];
    let fit = |targets: &[f64], weights: Option<&[f64]>, loss| {
        let rows = Rows { columns: &columns, targets, weights };
        Model::boosted(rows, loss, &boost::Parameters::default(), &Alone, &mut |_, _| true).unwrap_err()
    };
    assert_eq!(fit(&[0.0, 2.0], None, Loss::Logistic), Error::OutOfRange { row: 1 });
    assert_eq!(fit(&[0.5, 1.0], None, Loss::Softmax(3)), Error::OutOfRange { row: 0 });
    assert_eq!(fit(&[0.0, 1.0], Some(&[1.0, 0.0]), Loss::Logistic), Error::Weight { row: 1 });
    assert_eq!(fit(&[f64::NAN, 1.0], None, Loss::Squared), Error::OutOfRange { row: 0 });
    assert_eq!(fit(&[], None, Loss::Squared), Error::NoRows);
}
