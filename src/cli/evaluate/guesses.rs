//! Columns that look like the probability of a class, such as `score_yes`: they are, if there is such a class. `score_fico` is something else.

use std::collections::BTreeMap;

use compact_str::{CompactString, ToCompactString};

use super::reading::{Draft, Said};
use crate::event;
use crate::files::cell::{Plain, classify};
use crate::files::{Cell, Error};

/// What is known of such columns from all records, by class.
#[derive(Default)]
pub struct Guesses(BTreeMap<CompactString, Guess>);

#[derive(Default)]
struct Guess {
    /// Whether it is predicted or true in a record that has such a column.
    is_class: bool,
    /// Why the first value that is no probability is none.
    problem: Option<Error>,
}

impl Guesses {
    /// Notes what a record says of them.
    pub fn add(&mut self, draft: &mut Draft, at: impl Fn(String) -> Error) {
        if draft.guessed.is_empty() {
            return;
        }
        for (class, problem) in draft.guessed.drain(..) {
            let known = self.0.entry(class).or_default();
            known.problem = known.problem.take().or_else(|| problem.map(&at));
        }
        for said in [&draft.prediction, &draft.actual].into_iter().flatten() {
            if let Some(guess) = self.0.get_mut(&text_of(said)) {
                guess.is_class = true;
            }
        }
    }

    pub fn merge(&mut self, other: Self) {
        for (class, Guess { is_class, problem }) in other.0 {
            let known = self.0.entry(class).or_default();
            known.is_class |= is_class;
            known.problem = known.problem.take().or(problem);
        }
    }

    /// The classes of these columns that are none, each with a remark.
    ///
    /// Errors: a value of a column of a class that is no probability.
    pub fn without_class(self, remarks: &mut Vec<String>) -> anyhow::Result<Vec<CompactString>> {
        let mut none = Vec::new();
        for (class, Guess { is_class, problem }) in self.0 {
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
        Said::Number(number) | Said::Comma(number) | Said::Grouped(number) | Said::Either(number) => event::text_of(*number),
        Said::Truth(truth) => truth.to_compact_string(),
        Said::Word(text) | Said::Name(text) | Said::Quoted(text) => spelt(text),
    }
}

/// One text for each way to write a truth value or a number.
pub fn spelt(text: &str) -> CompactString {
    match classify(text) {
        Plain::Cell(Cell::Truth(truth)) => truth.to_compact_string(),
        Plain::Cell(Cell::Number(number)) => event::text_of(number),
        _ => text.into(),
    }
}
