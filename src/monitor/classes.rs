//! The classes of one model: names to small indices, in the order of the log.

use compact_str::{CompactString, ToCompactString};
use serde::{Deserialize, Serialize};

use crate::event::Value;
use crate::monitor::limits::CLASSES_MAX;

/// The index of every class beyond [`CLASSES_MAX`].
pub const OTHER: u16 = u16::MAX;

/// Whole numbers up to this magnitude can be class names; larger ones are quantities.
const CLASS_NUMBER_MAX: f64 = 255.0;

/// A model with more numeric classes than this predicts a quantity.
const NUMERIC_CLASSES_MAX: usize = 32;

/// What kind of answer a model gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    Classification,
    Regression,
    /// No value seen yet.
    Unknown,
}

/// The classes a model has predicted, scored or been labelled with, and whether its values are classes at all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Classes {
    known: Vec<Class>,
    /// A number that cannot be a class has been seen.
    continuous: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Class {
    name: CompactString,
    /// Set if the class was written as a number, so that a number is found without formatting it.
    number: Option<f64>,
}

impl Classes {
    /// The index of `value` as a class, added if it is new; `None` if it can only be a quantity.
    pub fn index(&mut self, value: &Value) -> Option<u16> {
        if let Some(found) = self.find(value) {
            return found;
        }
        match value {
            Value::Class(name) => Some(self.index_of_name(name)),
            Value::Number(number) if is_class_number(*number) => {
                // -0 and 0 are one class
                let number = *number + 0.0;
                Some(self.add((number as i64).to_compact_string(), Some(number)))
            }
            Value::Number(_) => {
                self.continuous = true;
                None
            }
        }
    }

    pub fn index_of_name(&mut self, name: &str) -> u16 {
        self.find_name(name).unwrap_or_else(|| {
            let number = name.parse::<i64>().ok().map(|n| n as f64);
            let canonical = number.filter(|n| is_class_number(*n) && (*n as i64).to_compact_string() == name);
            self.add(name.into(), canonical)
        })
    }

    /// What [`Self::index`] would answer, if it would leave the table as it is.
    pub fn find(&self, value: &Value) -> Option<Option<u16>> {
        match value {
            Value::Class(name) => self.find_name(name).map(Some),
            Value::Number(number) if is_class_number(*number) => {
                let number = *number + 0.0;
                self.known.iter().position(|class| class.number == Some(number)).map(|at| Some(at as u16))
            }
            Value::Number(_) => self.continuous.then_some(None),
        }
    }

    pub fn find_name(&self, name: &str) -> Option<u16> {
        self.known.iter().position(|class| class.name == name).map(|at| at as u16)
    }

    pub fn name(&self, index: u16) -> &str {
        self.known.get(usize::from(index)).map_or("(other)", |class| &class.name)
    }

    pub fn len(&self) -> usize {
        self.known.len()
    }

    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    pub fn task(&self) -> Task {
        let numeric = self.known.iter().filter(|class| class.number.is_some()).count();
        match (self.continuous, self.known.len()) {
            (true, known) if known == numeric => Task::Regression,
            (false, 0) => Task::Unknown,
            (_, known) if known == numeric && NUMERIC_CLASSES_MAX < numeric => Task::Regression,
            _ => Task::Classification,
        }
    }

    /// The class that counts as positive in a problem of two: the last by [`order`]. `None` unless there are one or two classes.
    pub fn positive(&self) -> Option<u16> {
        if self.known.is_empty() || 2 < self.known.len() {
            return None;
        }
        (0..self.known.len() as u16).max_by(|a, b| order(self.name(*a), self.name(*b)))
    }

    fn add(&mut self, name: CompactString, number: Option<f64>) -> u16 {
        if CLASSES_MAX <= self.known.len() {
            return OTHER;
        }
        self.known.push(Class { name, number });
        (self.known.len() - 1) as u16
    }
}

/// Class names that say that nothing was found, in lower case.
const NEGATIVE_WORDS: [&str; 10] = ["benign", "false", "ham", "legit", "legitimate", "negative", "no", "none", "normal", "ok"];

/// Class names in the order people expect: numbers by value, then words that say that nothing was found, then all others by their
/// bytes. So of `0` and `1`, `false` and `true`, `no` and `yes`, `ok` and `fraud` the second is the positive one.
pub fn order(a: &str, b: &str) -> std::cmp::Ordering {
    let rank = |name: &str| match name.parse::<f64>() {
        Ok(number) => (0, number),
        Err(_) if NEGATIVE_WORDS.iter().any(|word| word.eq_ignore_ascii_case(name)) => (1, 0.0),
        Err(_) => (2, 0.0),
    };
    let ((rank_a, number_a), (rank_b, number_b)) = (rank(a), rank(b));
    rank_a.cmp(&rank_b).then(number_a.total_cmp(&number_b)).then_with(|| a.cmp(b))
}

fn is_class_number(number: f64) -> bool {
    number.fract() == 0.0 && number.abs() <= CLASS_NUMBER_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_its_text_are_one_class() {
        let mut classes = Classes::default();
        assert_eq!(classes.index(&Value::Number(1.0)), Some(0));
        assert_eq!(classes.index(&Value::Class("1".into())), Some(0));
        assert_eq!(classes.index(&Value::Class("0".into())), Some(1));
        assert_eq!(classes.index(&Value::Number(-0.0)), Some(1));
        assert_eq!(classes.positive(), Some(0));
        assert_eq!(classes.task(), Task::Classification);
    }

    #[test]
    fn the_class_that_says_something_was_found_is_the_positive_one() {
        for (negative, positive) in [("0", "1"), ("false", "true"), ("no", "yes"), ("ok", "fraud"), ("Negative", "Anything")] {
            let mut classes = Classes::default();
            let found = classes.index_of_name(positive);
            classes.index_of_name(negative);
            assert_eq!(classes.positive(), Some(found), "{negative} and {positive}");
        }
    }

    #[test]
    fn one_fraction_makes_the_model_a_regression() {
        let mut classes = Classes::default();
        classes.index(&Value::Number(3.0));
        assert_eq!(classes.index(&Value::Number(3.5)), None);
        assert_eq!(classes.task(), Task::Regression);
    }

    #[test]
    fn classes_beyond_the_bound_are_folded() {
        let mut classes = Classes::default();
        for i in 0..CLASSES_MAX {
            classes.index_of_name(&format!("class {i}"));
        }
        assert_eq!(classes.index_of_name("one more"), OTHER);
        assert_eq!(classes.len(), CLASSES_MAX);
        assert_eq!(classes.name(OTHER), "(other)");
    }
}
