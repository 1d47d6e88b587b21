//! Features as numbers, for formulas that know nothing else.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::event::Feature;
use crate::monitor::drift::baseline::{Bins, are_numbers};

/// How the values of one feature are numbers. Learnt from some rows, then frozen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// As they are; text among them is missing.
    Number,
    /// The most frequent categories by name, each with its number, and the number of all others; `None`: those are missing.
    Category { known: Vec<(CompactString, f64)>, other: Option<f64> },
    /// Nearly every row has a value of its own.
    LeftOut,
}

impl Encoding {
    /// Of a category its share of `values`; of rare and new ones 0 (count encoding).
    pub fn shares<'a>(values: impl Iterator<Item = &'a Feature> + Clone) -> Self {
        let mut encoding = Self::codes(values.clone());
        if let Self::Category { known, other } = &mut encoding {
            let mut counts = vec![0_u64; known.len()];
            let mut rows = 0_u64;
            for value in values {
                rows += 1;
                let place = place_of(known, value);
                place.into_iter().for_each(|place| counts[place] += 1);
            }
            known.iter_mut().zip(counts).for_each(|((_, share), count)| *share = count as f64 / rows as f64);
            *other = Some(0.0);
        }
        encoding
    }

    /// Of a category a code of its own: 0, 1, 2 …; rare and new ones are missing.
    pub fn codes<'a>(values: impl Iterator<Item = &'a Feature> + Clone) -> Self {
        if are_numbers(values.clone()) {
            return Self::Number;
        }
        match Bins::categorical(values) {
            Bins::Categorical { names, .. } => {
                let codes = (0_u32..).map(f64::from);
                Self::Category { known: names.into_iter().zip(codes).collect(), other: None }
            }
            Bins::Identifier | Bins::Numeric { .. } => Self::LeftOut,
        }
    }

    pub const fn is_category(&self) -> bool {
        matches!(self, Self::Category { .. })
    }

    /// NaN where nothing is known.
    #[inline]
    pub fn encode(&self, value: &Feature) -> f64 {
        match (self, value) {
            (Self::Number, Feature::Number(number)) => *number,
            (Self::Category { known, other }, Feature::Category(_) | Feature::Number(_)) => {
                place_of(known, value).map(|place| known[place].1).or(*other).unwrap_or(f64::NAN)
            }
            (Self::LeftOut, _) | (_, Feature::Missing) | (Self::Number, Feature::Category(_)) => f64::NAN,
        }
    }
}

/// The place of a category among those `known`, which are sorted by name.
fn place_of(known: &[(CompactString, f64)], value: &Feature) -> Option<usize> {
    let place = |wanted: &str| known.binary_search_by(|(name, _)| name.as_str().cmp(wanted)).ok();
    match value {
        Feature::Missing => None,
        Feature::Category(name) => place(name),
        Feature::Number(number) => place(&Bins::name_of(*number)),
    }
}
