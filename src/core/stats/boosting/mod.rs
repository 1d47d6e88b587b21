//! Gradient-boosted trees, forests and single trees: one engine, pure and deterministic.
//!
//! Friedman (2001), *Ann. Stat.* 29, 1189–1232; trees grow leaf by leaf over histograms as LightGBM's do (Ke et al. (2017), *NeurIPS* 30). Equal
//! rows, parameters and seed give an equal model, on every machine and however many threads the [`Workers`] have: only basic operations of
//! IEEE 754 go into it, and sums are of whole numbers, which no order changes (see [`sums`]).
//!
//! [`Model`] is what is trained and served, with edges in single precision; [`Regressor`] is the small learner of state that is kept.

pub mod bag;
mod bins;
pub mod boost;
pub mod draws;
mod histogram;
mod loss;
mod model;
mod quick;
mod regressor;
mod split;
mod sums;
mod table;
mod tree;

use serde::{Deserialize, Serialize};

pub use bins::{PRESENT_MAX, single};
pub use boost::Watch;
pub use loss::Loss;
pub use model::{Link, Model, Node, Nodes, Rows};
pub use regressor::{FEATURES_MAX as REGRESSOR_FEATURES_MAX, Regressor};

/// A model has at most so many trees for each output.
pub const TREES_MAX: usize = 2_000;
/// A boosted tree has at most so many leaves.
pub const LEAVES_MAX: usize = 255;
/// A row has at most so many features.
pub const FEATURES_MAX: usize = 1_000;
/// A model learns from at most so many rows.
pub const ROWS_MAX: usize = 1_000_000;
/// Larger targets are refused: sums of their squares would be beyond the largest float.
const TARGET_MAX: f64 = 1e150;

/// Where independent pieces of work are done.
pub trait Workers: Sync {
    /// What `work` makes of each item, in their order.
    fn map<I: Send, O: Send>(&self, items: Vec<I>, work: impl Fn(I) -> O + Sync + Send) -> Vec<O>;
}

/// On the thread that asks.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl Workers for Alone {
    fn map<I: Send, O: Send>(&self, items: Vec<I>, work: impl Fn(I) -> O + Sync + Send) -> Vec<O> {
        items.into_iter().map(work).collect()
    }
}

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
    #[error("{rows} rows are more than {ROWS_MAX}")]
    TooLong { rows: usize },
    #[error("feature {feature} has {values} values for {rows} rows")]
    Uneven { feature: usize, values: usize, rows: usize },
    #[error("{features} features are more than {most}")]
    TooWide { features: usize, most: usize },
    #[error("what is to be learnt in row {row} is not a number below {TARGET_MAX:e}, or no class that there is")]
    OutOfRange { row: usize },
    #[error("the weight of row {row} is not a number above 0")]
    Weight { row: usize },
}

#[cfg(test)]
mod tests;
