//! Formulas: what a handful of numbers says about a window of predictions. Knows no model, window, label or clock.
//!
//! An aggregate is a commutative group over the multiset of its inputs: `add` and `merge` put in, `sub` (or `remove`) and
//! `unmerge` take out, in any order and however the input is split. Equal multisets give equal values *and equal serialised
//! bytes*: floats are summed exactly, counts are integers, and storage is kept in one canonical form. The two exceptions say
//! so where they stand: [`latency::Peak`] when the largest value is taken out, and [`scores::Scored`] when more than
//! [`scores::EXACT_MAX`] distinct scores have been and gone. A count may pass below zero on the way (a removal that comes before its addition);
//! figures are read as if it were zero.
//!
//! What is watched without end has figures of its own: intervals that hold at every moment ([`confidence_sequence`]) and what
//! many detectors have found together ([`discoveries`]).
//!
//! Change detectors ([`detect`]) are the other kind: they depend on the order of their values and take nothing back.
//!
//! State never depends on the platform's mathematical library: only IEEE 754 basic operations go into it.

pub mod attribution;
pub mod boosting;
pub mod calibration;
pub mod cbpe;
pub mod classes;
pub mod confidence_sequence;
pub mod counts;
pub mod detect;
pub mod discoveries;
pub mod dle;
pub mod drift;
pub mod eigen;
pub mod estimate;
pub mod exact;
pub mod expected;
pub mod fairness;
pub mod latency;
pub mod logarithm;
pub mod metric;
mod multinomial;
pub mod promotion;
pub mod ranking;
pub mod reconstruction;
pub mod regression;
pub mod scores;
pub mod sketch;
pub mod smoothing;
pub mod trend;

pub use estimate::Estimate;
pub use metric::MetricName;

#[cfg(test)]
mod tests;
