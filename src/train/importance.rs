//! What features are worth to a model: by shuffling each (Breiman (2001), *Mach. Learn.* 45, 5–32), and what it says on the average as one of them
//! moves (Friedman (2001), *Ann. Stat.* 29, 1189–1232).

use serde::Serialize;
use tidewatch_core::stats::boosting::draws::Draws;
use tidewatch_core::stats::boosting::{Column, Kind, Workers};

use crate::artifact::largest;
use crate::learner::{Learner, Ready};
use crate::task::Task;
use crate::workers::Pool;

/// Rows that are looked at: spread evenly over all of them.
const ROWS_MAX: usize = 2_000;
/// Times that each feature is shuffled.
const REPEATS: u64 = 3;
/// Values of a feature at which answers are averaged, and rows over which.
const GRID: usize = 20;
const GRID_ROWS_MAX: usize = 500;
/// Features whose partial dependence is told: the most important.
const DEPENDENCES_MAX: usize = 10;

/// How much worse answers become without a feature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Importance {
    pub feature: String,
    /// The rise of the loss when the feature is shuffled: of the share of wrong classes, or of the mean absolute error in the label's unit.
    pub value: f64,
}

/// What a model says on the average at values of one feature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dependence {
    pub feature: String,
    /// The value, and the mean answer there: the share of the last class of two, the share of each class, or the quantity.
    pub points: Vec<(f64, Vec<f64>)>,
}

/// Some rows of a model's features, one after the other.
pub struct Sample<'a> {
    learner: Ready<'a>,
    task: &'a Task,
    names: &'a [String],
    kinds: Vec<Kind>,
    rows: Vec<Vec<f64>>,
    targets: Vec<f64>,
}

impl<'a> Sample<'a> {
    pub fn of(learner: &'a Learner, task: &'a Task, names: &'a [String], columns: &[Column], targets: &[f64]) -> Self {
        let count = targets.len().min(ROWS_MAX);
        let chosen: Vec<usize> = (0..count).map(|place| place * targets.len() / count).collect();
        let row = |row: &usize| columns.iter().map(|column| column.values[*row]).collect();
        Self {
            learner: learner.ready(),
            task,
            names,
            kinds: columns.iter().map(|column| column.kind).collect(),
            rows: chosen.iter().map(row).collect(),
            targets: chosen.iter().map(|row| targets[*row]).collect(),
        }
    }

    /// The importance of each feature, the largest first.
    pub fn importances(&self, workers: &Pool) -> Vec<Importance> {
        if self.rows.is_empty() {
            return Vec::new();
        }
        let plain = self.loss(None);
        let features: Vec<usize> = (0..self.names.len()).collect();
        let values = workers.map(features, |feature| {
            let rises = (0..REPEATS).map(|repeat| {
                let mut draws = Draws::new(repeat, feature as u64);
                let mut places: Vec<usize> = (0..self.rows.len()).collect();
                draws.shuffle(&mut places);
                self.loss(Some((feature, &places))) - plain
            });
            rises.sum::<f64>() / REPEATS as f64
        });
        let name = |(feature, value): (&String, f64)| Importance { feature: feature.clone(), value };
        let mut importances: Vec<Importance> = self.names.iter().zip(values).map(name).collect();
        importances.sort_by(|left, right| right.value.total_cmp(&left.value));
        importances
    }

    /// The mean loss of a row, with the values of one feature taken from other rows.
    fn loss(&self, shuffled: Option<(usize, &[usize])>) -> f64 {
        let (mut sum, mut answer, mut numbers) = (0.0, Vec::new(), Vec::new());
        for (place, (row, target)) in self.rows.iter().zip(&self.targets).enumerate() {
            numbers.clone_from(row);
            if let Some((feature, places)) = shuffled {
                numbers[feature] = self.rows[places[place]][feature];
            }
            self.learner.predict(&numbers, &mut answer);
            sum += match self.task {
                Task::Regression => (answer[0] - target).abs(),
                Task::Classification(_) => f64::from(u8::from(largest(&answer) as f64 != *target)),
            };
        }
        sum / self.rows.len() as f64
    }

    /// The partial dependence of the most important features.
    pub fn dependences(&self, importances: &[Importance], workers: &Pool) -> Vec<Dependence> {
        let named = importances
            .iter()
            .take(DEPENDENCES_MAX)
            .filter_map(|importance| self.names.iter().position(|name| *name == importance.feature));
        workers.map(named.collect(), |feature: usize| Dependence {
            feature: self.names[feature].clone(),
            points: self.grid(feature).into_iter().map(|value| (value, self.mean_at(feature, value))).collect(),
        })
    }

    /// Values at which a feature is looked at: its quantiles, or all codes of categories.
    fn grid(&self, feature: usize) -> Vec<f64> {
        let mut values: Vec<f64> = self.rows.iter().map(|row| row[feature]).filter(|value| value.is_finite()).collect();
        values.sort_unstable_by(f64::total_cmp);
        if values.is_empty() {
            return values;
        }
        let last = values.len() - 1;
        let mut grid = match self.kinds[feature] {
            Kind::Category => values,
            Kind::Number => (0..GRID).map(|step| values[step * last / (GRID - 1)]).collect(),
        };
        grid.dedup();
        grid.truncate(4 * GRID);
        grid
    }

    fn mean_at(&self, feature: usize, value: f64) -> Vec<f64> {
        let (mut means, mut answer, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        let rows = self.rows.iter().take(GRID_ROWS_MAX);
        let count = rows.len() as f64;
        for row in rows {
            numbers.clone_from(row);
            numbers[feature] = value;
            self.learner.predict(&numbers, &mut answer);
            means.resize(answer.len(), 0.0);
            means.iter_mut().zip(&answer).for_each(|(mean, share)| *mean += share / count);
        }
        means
    }
}
