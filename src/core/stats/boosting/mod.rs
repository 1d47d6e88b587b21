//! Gradient-boosted regression trees: a small, deterministic learner of one number from a row of features.
//!
//! Friedman (2001), *Ann. Stat.* 29, 1189–1232, with squared loss; trees grow leaf by leaf over histograms as LightGBM's do (Ke et al.
//! (2017), *NeurIPS* 30) and with its customary size. Rows are taken in the order given and nothing is drawn at random, so equal rows
//! give an equal model, on every machine: only basic operations of IEEE 754 go into it.

mod bins;
mod forest;
mod tree;

use serde::{Deserialize, Serialize};

use bins::{Bins, MISSING};
use forest::Forest;
use tree::Tree;

/// A model has at most so many trees.
pub const TREES_MAX: usize = 100;
/// A tree has at most so many leaves.
pub const LEAVES_MAX: usize = 31;
/// A row has at most so many features.
pub const FEATURES_MAX: usize = 64;
/// Larger targets are refused: sums of their squares would be beyond the largest float.
const TARGET_MAX: f64 = 1e150;
/// How much of what is left to explain a tree may explain.
const RATE: f64 = 0.1;

/// What the values of a feature are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Numbers, split into below and above.
    Number,
    /// Codes 0, 1, 2 … of categories without order, split into sets. Codes from 254 on are taken as missing.
    Category,
}

/// One feature of the rows to learn from. Values that are not finite are missing, which a split may learn from.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub kind: Kind,
    pub values: Vec<f64>,
}

/// Why nothing can be learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("there is no row to learn from")]
    NoRows,
    #[error("feature {feature} has {values} values for {rows} rows")]
    Uneven { feature: usize, values: usize, rows: usize },
    #[error("{features} features are more than {FEATURES_MAX}")]
    TooWide { features: usize },
    #[error("what is to be learnt in row {row} is not a number below {TARGET_MAX:e}")]
    OutOfRange { row: usize },
}

/// A learnt function of a row: at most 100 trees of 31 leaves over 255 bins a feature, below 150 KB serialised with ten features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Regressor {
    features: Vec<Bins>,
    mean: f64,
    trees: Forest,
}

impl Regressor {
    /// Learns `targets`, in their own unit, from `columns` of as many values.
    ///
    /// * Errors: [`Error`] without rows, with columns of another length, more than [`FEATURES_MAX`] of them, or a target that is not a
    ///   number below 10¹⁵⁰. Cost: some 60 ms for 3,000 rows of 8 features.
    pub fn fit(columns: &[Column], targets: &[f64]) -> Result<Self, Error> {
        let rows = targets.len();
        if rows == 0 {
            return Err(Error::NoRows);
        }
        if FEATURES_MAX < columns.len() {
            return Err(Error::TooWide { features: columns.len() });
        }
        if let Some(feature) = columns.iter().position(|column| column.values.len() != rows) {
            return Err(Error::Uneven { feature, values: columns[feature].values.len(), rows });
        }
        if let Some(row) = targets.iter().position(|target| target.is_nan() || TARGET_MAX < target.abs()) {
            return Err(Error::OutOfRange { row });
        }
        let (features, mean, trees) = Self::grow(columns, targets);
        let trees = Forest::of(&trees, features.len());
        Ok(Self { features, mean, trees })
    }

    fn grow(columns: &[Column], targets: &[f64]) -> (Vec<Bins>, f64, Vec<Tree>) {
        let rows = targets.len();
        let features: Vec<Bins> = columns.iter().map(Bins::of).collect();
        let binned: Vec<Vec<u8>> = features
            .iter()
            .zip(columns)
            .map(|(bins, column)| column.values.iter().map(|value| bins.place(*value)).collect())
            .collect();
        let mean = targets.iter().map(|target| target / rows as f64).sum();
        let mut left: Vec<f64> = targets.iter().map(|target| target - mean).collect();
        let mut trees = Vec::new();
        while trees.len() < TREES_MAX {
            let Some(tree) = Tree::grow(&features, &binned, &mut left, RATE) else { break };
            trees.push(tree);
        }
        (features, mean, trees)
    }

    /// How many features a row has.
    pub const fn features_count(&self) -> usize {
        self.features.len()
    }

    /// What is expected for a `row` of as many features, in the order of the columns; features left out count as missing.
    pub fn predict(&self, row: &[f64]) -> f64 {
        let mut places = [MISSING; FEATURES_MAX];
        for ((place, bins), value) in places.iter_mut().zip(&self.features).zip(row) {
            *place = bins.place(*value);
        }
        self.trees.add_to(self.mean, &places[..self.features.len()])
    }
}

#[cfg(test)]
mod tests;
