//! A small learner of one number from a row of features, for state that is kept: of fixed size, over doubles, without any choice.

use serde::{Deserialize, Serialize};

use super::bins::{Bins, MISSING};
use super::boost::{Boosted, Parameters, boost};
use super::loss::Loss;
use super::quick::Forest;
use super::table::Table;
use super::{Alone, Column, Error, TARGET_MAX};

/// A model has at most so many trees.
pub const TREES_MAX: usize = 100;
/// A tree has at most so many leaves.
pub const LEAVES_MAX: usize = 31;
/// A row has at most so many features.
pub const FEATURES_MAX: usize = 64;

/// A learnt function of a row: at most 100 trees of 31 leaves over 255 bins a feature, below 150 KB serialised with ten features. Rows are taken
/// in the order given and nothing is drawn, so equal rows give an equal model, on every machine.
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
    ///   number below 10¹⁵⁰. Cost: some 30 ms for 3,000 rows of 8 features.
    pub fn fit(columns: &[Column], targets: &[f64]) -> Result<Self, Error> {
        if targets.is_empty() {
            return Err(Error::NoRows);
        }
        if FEATURES_MAX < columns.len() {
            return Err(Error::TooWide { features: columns.len(), most: FEATURES_MAX });
        }
        let table = Table::of(columns, targets.len(), false, &Alone)?;
        if let Some(row) = targets.iter().position(|target| target.is_nan() || TARGET_MAX < target.abs()) {
            return Err(Error::OutOfRange { row });
        }
        let Boosted { base, trees, .. } = Self::grow(&table, targets);
        let trees = Forest::of(&trees, table.features.len());
        Ok(Self { features: table.features, mean: base[0], trees })
    }

    pub(super) fn grow(table: &Table, targets: &[f64]) -> Boosted {
        let parameters = Parameters { n_estimators: TREES_MAX as u32, max_leaves: LEAVES_MAX as u32, ..Parameters::default() };
        boost(table, Loss::Squared, (targets, None), &parameters, false, &Alone, &mut |_, _| true)
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
