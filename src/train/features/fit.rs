//! What is learnt of the columns of training rows before a learner sees them.

use std::collections::HashMap;

use tidewatch_core::stats::boosting::draws::Draws;
use tidewatch_core::stats::boosting::{Alone, Column, Kind, Loss, Model, PRESENT_MAX, Rows, boost};

use super::dates::{Dates, Looks, looks};
use super::names::Names;
use super::{Encoding, Features, Input, Scale};
use crate::refusals::Warning;
use crate::table::{self, Raw, Table};
use crate::task::{Task, name_of};

/// Columns of 0 and 1 of one column of categories at most.
const ONE_HOT_MAX: usize = 30;
/// Texts are numbers, or dates, if all but a twentieth are.
const EXCEPTIONS: usize = 20;
/// A column of texts of which more than half are different, and more than this, names rows.
const IDENTIFIERS_MIN: usize = 50;
/// Folds in which the means of training rows are those of the other folds.
const FOLDS: u64 = 5;
/// Rows of the mean of all that the mean of a category is mixed with.
const SMOOTHING: f64 = 20.0;
/// Rows that the small boosting sees that ranks outputs.
const RANKED_ROWS_MAX: usize = 20_000;

/// What a learner takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Numbers with gaps, and codes of categories.
    Trees,
    /// Numbers without gaps, of mean 0 and deviation 1.
    Matrix,
}

#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub form: Form,
    /// Whether categories become columns of 0 and 1.
    pub one_hot: bool,
    /// Rows of a category of its own.
    pub rare_rows: usize,
    /// Products of pairs of outputs, of those that explain most.
    pub interactions: usize,
    /// How many outputs are kept; all if `None`.
    pub select: Option<usize>,
    pub seed: u64,
}

/// What was fitted.
pub struct Fitted {
    pub features: Features,
    /// The training rows in numbers. They differ from [`Features::columns`] only where means of targets stand.
    pub columns: Vec<Column>,
    pub warnings: Vec<Warning>,
}

/// Fits the encoding of the columns of `table` but for the label's.
///
/// * `targets`: of its rows: quantities, or numbers of classes.
pub fn fit(table: &Table, label: &str, task: &Task, targets: &[f64], options: Options) -> Fitted {
    let mut warnings = Vec::new();
    let (mut inputs, mut columns) = (Vec::new(), Vec::new());
    for column in table.others(label) {
        let Some(input) = input_of(table, column, options, &mut warnings) else { continue };
        let (input, of_input) = with_targets(input, table, column, task, targets, options.seed);
        inputs.push(input);
        columns.extend(of_input);
    }
    let scales = match options.form {
        Form::Trees => Vec::new(),
        Form::Matrix => columns.iter().map(|column| scale_of(column)).collect(),
    };
    let mut features = Features { inputs, scales, interactions: Vec::new(), kept: None };
    if 0 < options.interactions || options.select.is_some() {
        choose(&mut features, &columns, task, targets, options);
    }
    Fitted { columns: features.finish_columns(columns), features, warnings }
}

/// What a column is, by all of its values; `None` if nothing can be learnt from it.
fn input_of(table: &Table, column: &table::Column, options: Options, warnings: &mut Vec<Warning>) -> Option<Input> {
    let (mut counts, mut numbers, mut missing) = (HashMap::<String, usize>::new(), 0_usize, 0_usize);
    let (mut first, mut differs, mut step, mut is_counter) = (None, false, None, true);
    let mut days = [0_usize; 2];
    let mut last = f64::NAN;
    for value in table.values(column) {
        match value {
            Raw::Missing => {
                missing += 1;
                is_counter = false;
                continue;
            }
            Raw::Number(number) => {
                numbers += 1;
                is_counter &= number.fract() == 0.0 && (last.is_nan() || *step.get_or_insert(number - last) == number - last);
                last = number;
            }
            Raw::Text(text) => {
                match looks(text) {
                    Looks::Other => {}
                    Looks::Day => days[0] += 1,
                    Looks::Time => days[1] += 1,
                }
                *counts.entry(text.to_owned()).or_default() += 1;
            }
        }
        differs |= *first.get_or_insert(value) != value;
    }
    let name = column.name.clone();
    let present = table.rows - missing;
    if !differs {
        warnings.push(Warning::Constant { column: name });
        return None;
    }
    if missing * 2 > table.rows {
        warnings.push(Warning::Missing { column: name.clone(), share: missing as f64 / table.rows as f64 });
    }
    let texts = present - numbers;
    if texts * EXCEPTIONS <= present {
        if is_counter && texts == 0 && step.is_some_and(|step| step != 0.0) && IDENTIFIERS_MIN < present {
            warnings.push(Warning::Identifier { column: name });
            return None;
        }
        if 0 < texts {
            warnings.push(Warning::NotNumbers { column: name.clone(), cells: texts });
        }
        let indicator = options.form == Form::Matrix && 0 < missing + texts;
        return Some(Input { name, encoding: Encoding::Number { indicator } });
    }
    if (present - days[0] - days[1]) * EXCEPTIONS <= present {
        return Some(Input { name, encoding: Encoding::Dates(Dates::new(0 < days[1])) });
    }
    if numbers != 0 {
        for value in table.values(column).filter(|value| matches!(value, Raw::Number(_))) {
            *counts.entry(name_of(value)).or_default() += 1;
        }
    }
    if IDENTIFIERS_MIN < counts.len() && present < 2 * counts.len() {
        warnings.push(Warning::Identifier { column: name });
        return None;
    }
    let frequent = counts.values().filter(|count| options.rare_rows <= **count).count();
    let most = if options.one_hot { ONE_HOT_MAX } else { PRESENT_MAX - 1 };
    let encoding = if most < frequent {
        let names = Names::of(&counts, options.rare_rows, usize::MAX);
        Encoding::Target { names, means: Vec::new(), all: Vec::new() }
    } else {
        let names = Names::of(&counts, options.rare_rows, most);
        if options.one_hot { Encoding::OneHot(names) } else { Encoding::Codes(names) }
    };
    Some(Input { name, encoding })
}

/// The input with its means of targets, if it has such, and the training rows in numbers.
fn with_targets(
    mut input: Input,
    table: &Table,
    column: &table::Column,
    task: &Task,
    targets: &[f64],
    seed: u64,
) -> (Input, Vec<Vec<f64>>) {
    if let Encoding::Target { names, .. } = &input.encoding {
        let names = names.clone();
        let codes: Vec<Option<usize>> = table.values(column).map(|value| names.code(value)).collect();
        let outputs = task.classes().map_or(1, |classes| if classes.len() == 2 { 1 } else { classes.len() });
        let target = |row: usize, output: usize| match task.classes().map(<[String]>::len) {
            None => targets[row],
            Some(2) => targets[row],
            Some(_) => f64::from(u8::from(targets[row] == output as f64)),
        };
        let means = Means { codes: &codes, known: names.codes(), outputs, target: &target };
        let (of_all, all) = means.without(&|_| false);
        let mut columns = vec![vec![0.0; table.rows]; outputs];
        let mut draws = Draws::new(seed, u64::MAX - 1);
        let folds: Vec<u64> = (0..table.rows).map(|_| draws.below(FOLDS)).collect();
        for fold in 0..FOLDS {
            let (of_others, all_others) = means.without(&|row| folds[row] == fold);
            for row in (0..table.rows).filter(|row| folds[*row] == fold) {
                let means = codes[row].map_or(&all_others, |code| &of_others[code]);
                columns.iter_mut().zip(means).for_each(|(column, mean)| column[row] = *mean);
            }
        }
        input.encoding = Encoding::Target { names, means: of_all, all };
        return (input, columns);
    }
    let mut columns = vec![Vec::with_capacity(table.rows); input.outputs().len()];
    let mut numbers = Vec::new();
    for value in table.values(column) {
        numbers.clear();
        input.encode(value, &mut numbers);
        columns.iter_mut().zip(&numbers).for_each(|(column, number)| column.push(*number));
    }
    (input, columns)
}

/// Means of targets by category.
struct Means<'a> {
    codes: &'a [Option<usize>],
    known: usize,
    outputs: usize,
    target: &'a dyn Fn(usize, usize) -> f64,
}

impl Means<'_> {
    /// By category and of all, without the rows that are `left_out`.
    fn without(&self, left_out: &dyn Fn(usize) -> bool) -> (Vec<Vec<f64>>, Vec<f64>) {
        let mut sums = vec![vec![0.0; self.outputs]; self.known];
        let mut counts = vec![0.0; self.known];
        let (mut all, mut count) = (vec![0.0; self.outputs], 0.0);
        for (row, code) in self.codes.iter().enumerate().filter(|(row, _)| !left_out(*row)) {
            count += 1.0;
            for (output, sum) in all.iter_mut().enumerate() {
                *sum += (self.target)(row, output);
            }
            if let Some(code) = code {
                counts[*code] += 1.0;
                sums[*code].iter_mut().enumerate().for_each(|(output, sum)| *sum += (self.target)(row, output));
            }
        }
        all.iter_mut().for_each(|sum| *sum /= f64::max(count, 1.0));
        for (sums, count) in sums.iter_mut().zip(&counts) {
            sums.iter_mut().zip(&all).for_each(|(sum, all)| *sum = (*sum + SMOOTHING * all) / (count + SMOOTHING));
        }
        (sums, all)
    }
}

/// A deviation that is a smaller part of the mean than this is one of rounding.
const CONSTANT: f64 = 1e-12;

/// The median for gaps, then mean and deviation of what is filled.
fn scale_of(column: &[f64]) -> Scale {
    let mut present: Vec<f64> = column.iter().copied().filter(|number| number.is_finite()).collect();
    present.sort_unstable_by(f64::total_cmp);
    let fill = present.get(present.len() / 2).copied().unwrap_or(0.0);
    let filled = || column.iter().map(|number| if number.is_finite() { *number } else { fill });
    let count = column.len() as f64;
    let mean = filled().map(|number| number / count).sum::<f64>();
    let deviation = filled().map(|number| (number - mean) * (number - mean) / count).sum::<f64>().sqrt();
    // of a column that never changes, what rounding leaves of its deviation is not one
    let varies = deviation.is_finite() && CONSTANT * mean.abs() < deviation;
    Scale { fill, mean, deviation: if varies { deviation } else { 1.0 } }
}

/// Chooses products and outputs by what they explain in a small boosting.
fn choose(features: &mut Features, columns: &[Vec<f64>], task: &Task, targets: &[f64], options: Options) {
    let ranked = |features: &Features, columns: &[Vec<f64>]| {
        let columns = Features { kept: None, ..features.clone() }.finish_columns(columns.to_vec());
        let gains = gains(&columns, task, targets);
        let mut places: Vec<usize> = (0..gains.len()).collect();
        places.sort_by(|left, right| gains[*right].total_cmp(&gains[*left]));
        (places, columns.iter().map(|column| column.kind).collect::<Vec<Kind>>())
    };
    if 0 < options.interactions {
        let (places, kinds) = ranked(features, columns);
        let numbers: Vec<u32> =
            places.into_iter().filter(|place| kinds[*place] == Kind::Number).map(|place| place as u32).collect();
        let pairs = (1..numbers.len()).flat_map(|right| (0..right).map(move |left| (left, right)));
        features.interactions = pairs.take(options.interactions).map(|(left, right)| (numbers[left], numbers[right])).collect();
    }
    if let Some(select) = options.select {
        let (mut places, _) = ranked(features, columns);
        places.truncate(select);
        places.sort_unstable();
        features.kept = Some(places.into_iter().map(|place| place as u32).collect());
    }
}

/// What each column explains in a small boosting over the newest rows.
fn gains(columns: &[Column], task: &Task, targets: &[f64]) -> Vec<f64> {
    let first = targets.len().saturating_sub(RANKED_ROWS_MAX);
    let newest: Vec<Column> =
        columns.iter().map(|column| Column { kind: column.kind, values: column.values[first..].to_vec() }).collect();
    let loss = match task.classes().map(<[String]>::len) {
        None => Loss::Squared,
        Some(0..=2) => Loss::Logistic,
        Some(classes) => Loss::Softmax(classes),
    };
    let parameters = boost::Parameters { n_estimators: 20, max_depth: Some(4), ..boost::Parameters::default() };
    let rows = Rows { columns: &newest, targets: &targets[first..], weights: None };
    let model = Model::boosted(rows, loss, &parameters, &Alone, &mut |_, _| true);
    model.map_or_else(|_| vec![0.0; columns.len()], |model| model.gains().to_vec())
}
