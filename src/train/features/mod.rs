//! From the columns of a table to numbers that learners take: fitted on training rows only, part of the artifact, and the same code when a model
//! answers.
//!
//! Trees get numbers as they are and categories as codes; learners of one matrix get categories as columns of 0 and 1, no gaps, and columns of mean 0
//! and deviation 1. Categories with too few rows share one place. Where categories are too many for either, each becomes the smoothed mean of
//! its targets (Micci-Barreca (2001), *SIGKDD Explor.* 3, 27–32), for training rows from the other folds only.

mod dates;
mod fit;
mod names;

use serde::{Deserialize, Serialize};
use tidewatch_core::event::Feature;
use tidewatch_core::stats::boosting::{Column, Kind};

use crate::table::{Raw, Table};
use dates::Dates;
use names::Names;

pub use fit::{Fitted, Form, Options, fit};

/// How the columns of a table become columns of numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Features {
    inputs: Vec<Input>,
    /// Of the outputs of all inputs, by place: how they are filled and scaled; empty for trees.
    scales: Vec<Scale>,
    /// Pairs of outputs whose products are outputs too.
    interactions: Vec<(u32, u32)>,
    /// The outputs that are kept, ascending; all if `None`.
    kept: Option<Vec<u32>>,
}

/// One column of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Input {
    name: String,
    encoding: Encoding,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Encoding {
    /// As it is; with a second output that says where it is missing, if asked.
    Number {
        indicator: bool,
    },
    /// The code of a category.
    Codes(Names),
    /// An output for each category.
    OneHot(Names),
    /// By category the mean of each target; the means of all for those that are not known.
    Target {
        names: Names,
        means: Vec<Vec<f64>>,
        all: Vec<f64>,
    },
    Dates(Dates),
}

/// How an output is filled and scaled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// What stands where nothing is known.
    pub fill: f64,
    pub mean: f64,
    pub deviation: f64,
}

impl Features {
    /// The columns that are read, in the order in which [`Self::encode`] takes them.
    pub fn inputs(&self) -> impl ExactSizeIterator<Item = &str> {
        self.inputs.iter().map(|input| input.name.as_str())
    }

    /// The names of the numbers before they are filled, scaled, multiplied and selected.
    pub fn numbers(&self) -> Vec<String> {
        self.inputs.iter().flat_map(Input::outputs).collect()
    }

    /// Whether a column was learnt as numbers.
    pub fn takes_number(&self, name: &str) -> bool {
        self.inputs.iter().any(|input| input.name == name && matches!(input.encoding, Encoding::Number { .. }))
    }

    /// How each of [`Self::numbers`] is filled and scaled; empty where it stays as it is.
    pub fn scales(&self) -> &[Scale] {
        &self.scales
    }

    /// Pairs of [`Self::numbers`] whose products follow them.
    pub fn interactions(&self) -> &[(u32, u32)] {
        &self.interactions
    }

    /// Which of them, products included, the learner takes; all if `None`.
    pub fn kept(&self) -> Option<&[u32]> {
        self.kept.as_deref()
    }

    /// The names of the numbers that the learner takes, in their order.
    pub fn outputs(&self) -> Vec<String> {
        let plain = self.numbers();
        let product = |(left, right): &(u32, u32)| format!("{} × {}", plain[*left as usize], plain[*right as usize]);
        let products: Vec<String> = self.interactions.iter().map(product).collect();
        let all: Vec<String> = plain.into_iter().chain(products).collect();
        self.keep(all)
    }

    /// The numbers of a row.
    ///
    /// * `values`: of the [inputs](Self::inputs), in their order.
    pub fn encode<'a>(&self, values: impl Iterator<Item = Raw<'a>>, numbers: &mut Vec<f64>) {
        numbers.clear();
        for (input, value) in self.inputs.iter().zip(values) {
            input.encode(value, numbers);
        }
        self.finish(numbers);
    }

    /// Fills, scales, multiplies and selects.
    fn finish(&self, numbers: &mut Vec<f64>) {
        for (number, scale) in numbers.iter_mut().zip(&self.scales) {
            *number = scale.apply(*number);
        }
        for (left, right) in &self.interactions {
            numbers.push(numbers[*left as usize] * numbers[*right as usize]);
        }
        if let Some(kept) = &self.kept {
            for (to, from) in kept.iter().enumerate() {
                numbers[to] = numbers[*from as usize];
            }
            numbers.truncate(kept.len());
        }
    }

    /// The numbers of all rows of a table, by output. Columns that the table lacks count as missing.
    pub fn columns(&self, table: &Table) -> Vec<Column> {
        let mut columns: Vec<Vec<f64>> = Vec::new();
        let mut numbers = Vec::new();
        for input in &self.inputs {
            let first = columns.len();
            columns.resize_with(first + input.outputs().len(), || Vec::with_capacity(table.rows));
            let column = table.column(&input.name);
            for row in 0..table.rows {
                numbers.clear();
                input.encode(column.map_or(Raw::Missing, |column| table.value(column, row)), &mut numbers);
                columns[first..].iter_mut().zip(&numbers).for_each(|(column, number)| column.push(*number));
            }
        }
        self.finish_columns(columns)
    }

    /// As [`Self::finish`], column by column.
    fn finish_columns(&self, mut columns: Vec<Vec<f64>>) -> Vec<Column> {
        for (column, scale) in columns.iter_mut().zip(&self.scales) {
            column.iter_mut().for_each(|number| *number = scale.apply(*number));
        }
        for (left, right) in &self.interactions {
            let pairs = columns[*left as usize].iter().zip(&columns[*right as usize]);
            let product = pairs.map(|(left, right)| left * right).collect();
            columns.push(product);
        }
        let columns = columns.into_iter().zip(self.kinds()).map(|(values, kind)| Column { kind, values });
        self.keep(columns.collect())
    }

    /// What each output is, before any is left out.
    fn kinds(&self) -> impl Iterator<Item = Kind> + '_ {
        let kind = |input: &Input| {
            let kind = if matches!(input.encoding, Encoding::Codes(_)) { Kind::Category } else { Kind::Number };
            vec![kind; input.outputs().len()]
        };
        self.inputs.iter().flat_map(kind).chain(self.interactions.iter().map(|_| Kind::Number))
    }

    fn keep<T>(&self, all: Vec<T>) -> Vec<T> {
        let Some(kept) = &self.kept else { return all };
        let is_kept = |place: usize| kept.binary_search(&(place as u32)).is_ok();
        all.into_iter().enumerate().filter(|(place, _)| is_kept(*place)).map(|(_, item)| item).collect()
    }
}

impl Input {
    /// The names of its outputs.
    fn outputs(&self) -> Vec<String> {
        let name = &self.name;
        match &self.encoding {
            Encoding::Number { indicator: false } | Encoding::Codes(_) => vec![name.clone()],
            Encoding::Number { indicator: true } => vec![name.clone(), format!("{name} is missing")],
            Encoding::OneHot(names) => names.shown().map(|category| format!("{name} = {category}")).collect(),
            Encoding::Target { all, .. } if all.len() == 1 => vec![format!("target mean of {name}")],
            Encoding::Target { all, .. } => (0..all.len()).map(|class| format!("share of class {class} by {name}")).collect(),
            Encoding::Dates(dates) => dates.outputs(name),
        }
    }

    fn encode(&self, value: Raw<'_>, numbers: &mut Vec<f64>) {
        match &self.encoding {
            Encoding::Number { indicator } => {
                let number = number_of(value);
                numbers.push(number);
                if *indicator {
                    numbers.push(f64::from(u8::from(number.is_nan())));
                }
            }
            Encoding::Codes(names) => numbers.push(names.code(value).map_or(f64::NAN, |code| code as f64)),
            Encoding::OneHot(names) => {
                let code = names.code(value);
                numbers.extend((0..names.codes()).map(|other| f64::from(u8::from(Some(other) == code))));
            }
            Encoding::Target { names, means, all } => {
                numbers.extend(names.code(value).map_or(all, |code| &means[code]));
            }
            Encoding::Dates(dates) => dates.encode(value, numbers),
        }
    }
}

impl Scale {
    fn apply(self, number: f64) -> f64 {
        let number = if number.is_finite() { number } else { self.fill };
        (number - self.mean) / self.deviation
    }
}

/// A value as a number; NaN where it is none.
fn number_of(value: Raw<'_>) -> f64 {
    match value {
        Raw::Number(number) => number,
        Raw::Missing => f64::NAN,
        Raw::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()).unwrap_or(f64::NAN),
    }
}

/// The feature of an event as a value of a row.
pub fn of_event(feature: &Feature) -> Raw<'_> {
    match feature {
        Feature::Missing => Raw::Missing,
        Feature::Number(number) => Raw::Number(*number),
        Feature::Category(text) => Raw::Text(text),
    }
}

#[cfg(test)]
mod tests;
