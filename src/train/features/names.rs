//! The categories of a column, by their codes.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::table::Raw;
use crate::task::name_of;

/// Categories with a code each, the most frequent first. All that are rarer share one code, if there were any.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Names {
    names: Vec<String>,
    rare: bool,
    codes: HashMap<String, usize>,
}

/// As it is stored: in an order of its own.
#[derive(Clone, Serialize, Deserialize)]
struct Written {
    names: Vec<String>,
    rare: bool,
}

impl Names {
    /// Takes the categories with at least `rows_min` of `counts`, at most `most`.
    pub fn of(counts: &HashMap<String, usize>, rows_min: usize, most: usize) -> Self {
        let mut ordered: Vec<(&String, usize)> = counts.iter().map(|(name, count)| (name, *count)).collect();
        ordered.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(right.0)));
        let frequent = ordered.iter().take_while(|(_, count)| rows_min <= *count).count().min(most);
        let names = ordered[..frequent].iter().map(|(name, _)| (*name).clone()).collect();
        Written { names, rare: frequent < ordered.len() }.into()
    }

    /// How many codes there are.
    pub fn codes(&self) -> usize {
        self.names.len() + usize::from(self.rare)
    }

    /// The code of a value; `None` if it is missing, or not known where no category is rare.
    pub fn code(&self, value: Raw<'_>) -> Option<usize> {
        let known = match value {
            Raw::Missing => return None,
            Raw::Text(text) => self.codes.get(text).copied(),
            Raw::Number(_) => self.codes.get(&name_of(value)).copied(),
        };
        known.or_else(|| self.rare.then_some(self.names.len()))
    }

    /// The categories as people read them, by code.
    pub fn shown(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str).chain(self.rare.then_some("(others)"))
    }
}

impl From<Written> for Names {
    fn from(Written { names, rare }: Written) -> Self {
        let codes = names.iter().cloned().zip(0..).collect();
        Self { names, rare, codes }
    }
}

impl From<Names> for Written {
    fn from(Names { names, rare, .. }: Names) -> Self {
        Self { names, rare }
    }
}
