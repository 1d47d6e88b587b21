//! Columns that look like the probability of a class, such as `score_yes`: they are, if there is such a class. `score_fico` is something else.

use std::collections::{BTreeMap, BTreeSet};

use compact_str::{CompactString, ToCompactString};

use super::reading::{Draft, Said};
use crate::files::cell::{Plain, classify};
use crate::files::{Cell, Error};

/// Values that are remembered to know which classes there are; of more the columns are taken at their word.
const VALUES_MAX: usize = 4_096;

/// What is known of such columns from all records.
#[derive(Default)]
pub struct Guesses {
    /// By class: why the first value that is no probability is none.
    columns: BTreeMap<CompactString, Option<Error>>,
    /// What is predicted or true in the records that have such columns, as text.
    values: BTreeSet<CompactString>,
}

impl Guesses {
    /// Notes what a record says of them.
    pub fn add(&mut self, draft: &mut Draft, at: impl Fn(String) -> Error) {
        if draft.guessed.is_empty() {
            return;
        }
        for (class, problem) in draft.guessed.drain(..) {
            let known = self.columns.entry(class).or_default();
            *known = known.take().or_else(|| problem.map(&at));
        }
        let values = [&draft.prediction, &draft.actual].into_iter().flatten().map(text_of);
        let room = VALUES_MAX.saturating_sub(self.values.len());
        self.values.extend(values.take(room));
    }

    pub fn merge(&mut self, other: Self) {
        for (class, problem) in other.columns {
            let known = self.columns.entry(class).or_default();
            *known = known.take().or(problem);
        }
        self.values.extend(other.values);
    }

    /// The classes of these columns that are none, each with a remark.
    ///
    /// Errors: a value of a column of a class that is no probability.
    pub fn without_class(self, remarks: &mut Vec<String>) -> anyhow::Result<Vec<CompactString>> {
        let mut none = Vec::new();
        for (class, problem) in self.columns {
            let is_class = VALUES_MAX <= self.values.len() || self.values.contains(&class);
            match problem {
                Some(problem) if is_class => return Err(problem.into()),
                _ if is_class => {}
                _ => {
                    remarks.push(format!(
                        "a column is of {class:?}, which is neither predicted nor true: it is no probability, and left alone"
                    ));
                    none.push(class);
                }
            }
        }
        Ok(none)
    }
}

fn text_of(said: &Said) -> CompactString {
    match said {
        Said::Number(number) | Said::Comma(number) | Said::Grouped(number) | Said::Either(number) => number.to_compact_string(),
        Said::Truth(truth) => truth.to_compact_string(),
        Said::Word(text) | Said::Name(text) | Said::Quoted(text) => spelt(text),
    }
}

/// One text for each way to write a truth value or a number.
pub fn spelt(text: &str) -> CompactString {
    match classify(text) {
        Plain::Cell(Cell::Truth(truth)) => truth.to_compact_string(),
        Plain::Cell(Cell::Number(number)) => number.to_compact_string(),
        _ => text.into(),
    }
}
