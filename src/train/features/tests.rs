//! What columns become, and that training and serving agree about it.

use tidewatch_core::stats::boosting::Kind;
use tidewatch_core::stats::boosting::draws::Draws;

use super::*;
use crate::refusals::Warning;
use crate::table::read_table;
use crate::task::{Labels, labels};

fn table(text: &str) -> Table {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    std::fs::write(&path, text).unwrap();
    read_table(path, None).unwrap()
}

fn options(form: Form) -> Options {
    Options { form, one_hot: form == Form::Matrix, rare_rows: 5, interactions: 0, select: None, seed: 3 }
}

fn fitted(table: &Table, options: Options) -> Fitted {
    let Labels { task, targets, .. } = labels(table, "label", None).unwrap();
    fit(table, "label", &task, &targets, options)
}

/// 120 rows: a number with gaps, categories of which one is rare, a date, an id, a counter and a constant.
fn mixed() -> Table {
    let mut text = "amount,colour,seen,id,row,same,label\n".to_owned();
    for row in 0..120_u32 {
        let amount = if row % 6 == 0 { String::new() } else { (row % 17).to_string() };
        let colour = if row < 3 { "violet" } else { ["red", "green", "blue"][(row % 3) as usize] };
        let label = if row % 17 < 8 { "no" } else { "yes" };
        text += &format!("{amount},{colour},2026-02-{:02} 1{}:30,u-{row},{row},7,{label}\n", 1 + row % 28, row % 10);
    }
    table(&text)
}

#[test]
fn trees_get_numbers_codes_and_parts_of_dates_and_useless_columns_are_told() {
    let Fitted { features, columns, warnings } = fitted(&mixed(), options(Form::Trees));
    let wanted = ["amount", "colour", "days of seen", "month of seen", "weekday of seen", "hour of seen"];
    assert_eq!(features.outputs(), wanted);
    assert_eq!(columns[1].kind, Kind::Category);
    assert!(columns[0].values[0].is_nan() && columns[0].values[1] == 1.0);
    // blue, green and red stand for 39 rows each; violet is rare
    assert_eq!((columns[1].values[0], columns[1].values[5]), (3.0, 0.0));
    let named = |column: &str| column.to_owned();
    assert_eq!(
        warnings,
        [
            Warning::Identifier { column: named("id") },
            Warning::Identifier { column: named("row") },
            Warning::Constant { column: named("same") },
        ]
    );
}

#[test]
fn a_matrix_has_no_gaps_a_mean_of_nothing_and_columns_for_categories() {
    let Fitted { features, columns, .. } = fitted(&mixed(), options(Form::Matrix));
    let outputs = features.outputs();
    assert_eq!(
        &outputs[..6],
        ["amount", "amount is missing", "colour = blue", "colour = green", "colour = red", "colour = (others)"]
    );
    for (column, name) in columns.iter().zip(&outputs) {
        let mean = column.values.iter().sum::<f64>() / 120.0;
        assert!(mean.abs() < 1e-9, "{name}: {mean}");
        assert!(column.values.iter().all(|value| value.is_finite()), "{name}");
    }
}

#[test]
fn a_row_at_a_time_and_all_at_once_are_the_same_numbers() {
    let table = mixed();
    for form in [Form::Trees, Form::Matrix] {
        let options = Options { interactions: 3, select: Some(6), ..options(form) };
        let Fitted { features, columns, .. } = fitted(&table, options);
        assert_eq!((columns.len(), features.outputs().len()), (6, 6));
        let again = features.columns(&table);
        let mut numbers = Vec::new();
        for row in 0..table.rows {
            let values = features.inputs().map(|name| table.value(table.column(name).unwrap(), row));
            features.encode(values, &mut numbers);
            for (place, number) in numbers.iter().enumerate() {
                assert_eq!(number.to_bits(), columns[place].values[row].to_bits(), "{form:?}, row {row}, {place}");
                assert_eq!(number.to_bits(), again[place].values[row].to_bits());
            }
        }
    }
}

#[test]
fn many_categories_become_means_of_targets_that_a_row_has_no_part_in() {
    let mut text = "shop,other,label\n".to_owned();
    // labels are of chance: what tells them apart is only in the row itself
    let mut draws = Draws::new(8, 8);
    for row in 0..4_000 {
        text += &format!("shop-{},{},{}\n", row % 400, draws.below(7), draws.below(2));
    }
    let table = table(&text);
    let Fitted { features, columns, .. } = fitted(&table, options(Form::Trees));
    assert_eq!(features.outputs()[0], "target mean of shop");
    let Labels { targets, .. } = labels(&table, "label", None).unwrap();
    let correlation = |values: &[f64]| {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / 4_000.0;
        let (a, b) = (mean(values), mean(&targets));
        let product = |left: &dyn Fn(usize) -> f64, right: &dyn Fn(usize) -> f64| {
            (0..4_000).map(|row| left(row) * right(row)).sum::<f64>()
        };
        let (of_a, of_b) = (|row: usize| values[row] - a, |row: usize| targets[row] - b);
        product(&of_a, &of_b) / (product(&of_a, &of_a) * product(&of_b, &of_b)).sqrt()
    };
    let out_of_fold = correlation(&columns[0].values);
    let with_own = correlation(&features.columns(&table)[0].values);
    assert!(out_of_fold.abs() < 0.15 && 0.2 < with_own, "{out_of_fold} out of fold, {with_own} with the row itself");
}

#[test]
fn what_was_never_seen_is_rare_or_missing() {
    let table = mixed();
    let Fitted { features, .. } = fitted(&table, options(Form::Trees));
    let mut numbers = Vec::new();
    let row = [Raw::Text("12"), Raw::Text("pink"), Raw::Text("not a date")];
    features.encode(row.into_iter(), &mut numbers);
    assert_eq!(&numbers[..2], [12.0, 3.0]);
    assert!(numbers[2..].iter().all(|number| number.is_nan()));
}
