//! Whether two samples come from the same distribution, and how far apart they are: for a reference and what came after it.
//! Knows no column, window or verdict of a person; those who call decide what to do about a distance.
//!
//! Inputs are parsed once, into a [`Sample`] (sorted finite numbers), [`Edges`] (bins frozen on the reference) or a
//! [`Comparison`] (two rows of counts); after that no formula fails, and none answers NaN: what is not defined is `None`.
//!
//! [`noise`] says how large each distance gets when nothing has changed at all, so that small samples do not cry wolf.

pub mod bins;
pub mod decision;
pub mod divergence;
pub mod evidence;
pub mod homogeneity;
pub mod kolmogorov_smirnov;
pub mod noise;
pub mod profile;
pub mod resolution;
pub mod sample;
pub mod walk;
pub mod wasserstein;

pub use bins::Edges;
pub use divergence::Comparison;
pub use profile::Profile;
pub use resolution::Ascending;
pub use sample::Sample;
pub use walk::Walk;

#[cfg(test)]
mod tests;

/// Why two rows of counts cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the two sides are counted over {reference} and {current} bins")]
    Unlike { reference: usize, current: usize },
    #[error("the reference holds no observation")]
    NoReference,
    #[error("the current sample holds no observation")]
    NoCurrent,
}
