//! Learners from linfa over one matrix of numbers without gaps, of mean 0 and deviation 1 (see `features`). What they learn is kept in structs of
//! our own where linfa's would not be the same bytes each time.
//!
//! Faults of linfa 0.8.1 that are worked around here, each with a test: binary logistic regression calls the class with more rows positive; one
//! `fit_with` of FTRL is one step for all of its rows together, without intercept, from weights of chance; naive Bayes keeps its classes in an order
//! of chance; a NaN breaks most of them, and `features` leaves none. Its trees and forests are not used: they differ from run to run and merge
//! values nearer than 10⁻⁵.

mod bayes;
mod linear;
mod neighbours;
mod vectors;

use linfa::ParamGuard;
use linfa::traits::Fit;
use ndarray::{Array1, Array2};
use tidewatch_core::stats::boosting::Column;

pub use bayes::Bayes;
pub use linear::{Linear, Link};
pub use neighbours::{Index, Neighbours, ROWS_MAX as NEIGHBOURS_ROWS_MAX};
pub use vectors::{ROWS_MAX as VECTORS_ROWS_MAX, Vectors};

/// Rows in numbers, one after the other, and what is to be learnt of them.
pub struct Matrix {
    pub rows: Array2<f64>,
    pub targets: Array1<f64>,
}

/// Why linfa learnt nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{algorithm} cannot be fitted: {why}")]
pub struct Error {
    pub algorithm: &'static str,
    pub why: String,
}

impl Matrix {
    /// The newest `most` rows.
    pub fn newest(columns: &[Column], targets: &[f64], most: usize) -> Self {
        let first = targets.len().saturating_sub(most);
        let rows =
            Array2::from_shape_fn((targets.len() - first, columns.len()), |(row, column)| columns[column].values[first + row]);
        Self { rows, targets: Array1::from(targets[first..].to_vec()) }
    }

    pub fn width(&self) -> usize {
        self.rows.ncols()
    }
}

/// Names what failed.
fn named<T>(algorithm: &'static str, fitted: Result<T, impl std::fmt::Display>) -> Result<T, Error> {
    fitted.map_err(|error| Error { algorithm, why: error.to_string() })
}

/// Checks parameters and fits: what linfa's own blanket `fit` does, with one kind of error.
fn fit<P, R, T, O, E>(algorithm: &'static str, parameters: P, data: &linfa::DatasetBase<R, T>) -> Result<O, Error>
where
    P: ParamGuard,
    P::Checked: Fit<R, T, E, Object = O>,
    P::Error: std::fmt::Display,
    R: linfa::dataset::Records,
    E: std::error::Error + From<linfa::error::Error>,
{
    let checked = named(algorithm, parameters.check())?;
    named(algorithm, checked.fit(data))
}

#[cfg(test)]
mod tests;
