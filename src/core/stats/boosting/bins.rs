//! From values to the bins that trees see.

use serde::{Deserialize, Serialize};

use super::{Column, Kind};

/// The bin of what is missing.
pub(super) const MISSING: u8 = 0;
/// Bins of what is not.
pub const PRESENT_MAX: usize = 254;
/// Rows a bin of many values holds at least: splits leave 20, so finer bins cost time and find little.
const BIN_ROWS_MIN: usize = 12;

/// The bins of one feature, frozen when they were learnt: 0 for what is missing, then up to 254.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Bins {
    /// Ascending edges; a value equal to one belongs above it.
    Numbers(Vec<f64>),
    /// How many codes there are.
    Categories(u8),
}

impl Bins {
    /// Every value of its own, split halfway, up to 254 different ones; beyond, bins of about equally many values, 12 or more.
    pub(super) fn of(column: &Column) -> Self {
        let finite = column.values.iter().copied().filter(|value| value.is_finite());
        if column.kind == Kind::Category {
            return Self::of_codes(finite);
        }
        let mut sorted: Vec<f64> = finite.map(|value| value + 0.0).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        Self::Numbers(edges(&sorted, between))
    }

    /// The same of values in single precision, with edges that are numbers of it. Values are to be rounded by [`single`] before they are placed.
    #[inline]
    pub(super) fn of_singles(column: &Column) -> Self {
        let singles = column.values.iter().map(|value| single(*value)).filter(|value| value.is_finite());
        if column.kind == Kind::Category {
            return Self::of_codes(singles);
        }
        // whole numbers sort faster than floats, and these sort alike
        let mut keys: Vec<u32> = singles.map(|value| sortable(value as f32 + 0.0)).collect();
        keys.sort_unstable();
        let sorted: Vec<f64> = keys.into_iter().map(|key| f64::from(of_sortable(key))).collect();
        Self::Numbers(edges(&sorted, |low, high| {
            let middle = single(low / 2.0 + high / 2.0);
            if low < middle { middle } else { high }
        }))
    }

    fn of_codes(codes: impl Iterator<Item = f64>) -> Self {
        let codes = codes.map(|code| code as usize + 1).filter(|codes| *codes <= PRESENT_MAX);
        Self::Categories(codes.max().unwrap_or(0) as u8)
    }

    /// How many there are, with that of what is missing.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Numbers(edges) => edges.len() + 2,
            Self::Categories(codes) => usize::from(*codes) + 1,
        }
    }

    pub(super) const fn are_categories(&self) -> bool {
        matches!(self, Self::Categories(_))
    }

    #[inline]
    pub(super) fn place(&self, value: f64) -> u8 {
        match self {
            _ if !value.is_finite() => MISSING,
            Self::Numbers(edges) => 1 + edges.partition_point(|edge| *edge <= value) as u8,
            Self::Categories(codes) if 0.0 <= value && value < f64::from(*codes) => value as u8 + 1,
            Self::Categories(_) => MISSING,
        }
    }

    /// The bin of each of `values`.
    #[inline]
    pub(super) fn places(&self, values: impl Iterator<Item = f64>) -> Vec<u8> {
        let Self::Numbers(edges) = self else { return values.map(|value| self.place(value)).collect() };
        let mut padded = [f64::INFINITY; 256];
        padded[..edges.len()].copy_from_slice(edges);
        let place = |value: f64| {
            // a binary search of eight steps without a branch
            let mut below = 0_usize;
            for step in [128, 64, 32, 16, 8, 4, 2, 1] {
                below += step * usize::from(padded[(below + step - 1) & 255] <= value);
            }
            if value.is_finite() { 1 + below as u8 } else { MISSING }
        };
        values.map(place).collect()
    }

    /// The number below which values lie in `bin` or lower; infinite for the last.
    pub(super) fn upper_edge(&self, bin: u8) -> f64 {
        match self {
            Self::Numbers(edges) => edges.get(usize::from(bin) - 1).copied().unwrap_or(f64::INFINITY),
            Self::Categories(_) => f64::INFINITY,
        }
    }
}

/// `value` in single precision; infinite where that has none so large.
#[inline]
pub fn single(value: f64) -> f64 {
    f64::from(value as f32)
}

#[inline]
fn edges(sorted: &[f64], between: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let mut distinct = sorted.to_vec();
    distinct.dedup();
    if distinct.len() <= PRESENT_MAX {
        return distinct.windows(2).map(|pair| between(pair[0], pair[1])).collect();
    }
    let bins = (sorted.len() / BIN_ROWS_MIN).min(PRESENT_MAX);
    let mut edges: Vec<f64> = (1..bins).map(|step| sorted[step * sorted.len() / bins]).collect();
    edges.dedup();
    edges
}

/// Halfway from `low` to `high`, and above `low` in any case.
fn between(low: f64, high: f64) -> f64 {
    let middle = low / 2.0 + high / 2.0;
    if low < middle { middle } else { high }
}

/// A number that is ordered among whole numbers as the float is among floats.
#[inline]
const fn sortable(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

#[inline]
const fn of_sortable(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 { key & !(1 << 31) } else { !key })
}
