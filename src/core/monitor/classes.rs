//! The classes of one model: names to small indices, in the order of the log.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::event::{Value, text_of};
use crate::monitor::join::{Answer, Truth};
use crate::monitor::limits::{CLASSES_MAX, NUMBERS_AMONG_NAMES_MAX, NUMBERS_MAX};
pub use crate::monitor::task::Task;
use crate::monitor::task::{Decision, Numbers, Reading, Sort};
use crate::stats::regression;

mod known;

use known::{Class, Known};

/// The index of every class beyond [`CLASSES_MAX`]. Whether two of them are the same is not known, so they are in no figure.
pub const OTHER: u16 = u16::MAX;

/// The classes a model has predicted, scored or been labelled with, and whether its values are classes at all. Numbers are kept as classes
/// while they are few, whatever the decision: a person may still say that they are some.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Classes {
    known: Known,
    /// Numbers came that are not kept.
    many_numbers: bool,
    pub decision: Decision,
}

impl Classes {
    /// The index of `value` as a class, added if it is new; `None` of a number that is not kept as one.
    pub fn index(&mut self, value: &Value) -> Option<u16> {
        if let Some(found) = self.find(value) {
            return found;
        }
        match value {
            Value::Class(name) => Some(self.index_of_name(name)),
            Value::Number(_) if !self.takes_numbers() => {
                self.many_numbers = true;
                self.of_unkept()
            }
            Value::Number(number) => {
                // -0 and 0 are one class
                let number = *number + 0.0;
                Some(self.add(text_of(number), Some(number)))
            }
        }
    }

    pub fn index_of_name(&mut self, name: &str) -> u16 {
        self.find_name(name).unwrap_or_else(|| self.add(name.into(), spelt(name)))
    }

    /// What [`Self::index`] would answer, if it would leave the table as it is.
    pub fn find(&self, value: &Value) -> Option<Option<u16>> {
        match value {
            Value::Class(name) => self.find_name(name).map(Some),
            Value::Number(_) if self.many_numbers && self.decision.reading == Some(Reading::Quantities) => Some(None),
            Value::Number(number) => match self.known.find_number(*number) {
                None if self.many_numbers && !self.takes_numbers() => Some(self.of_unkept()),
                found => found.map(Some),
            },
        }
    }

    pub fn find_name(&self, name: &str) -> Option<u16> {
        self.known.find_name(name).or_else(|| self.known.find_number(spelt(name)?))
    }

    /// The class that a person calls so: by its name, or by another way to write its number.
    pub fn find_written(&self, name: &str) -> Option<u16> {
        self.find_name(name).or_else(|| self.known.find_number(name.trim().parse().ok()?))
    }

    pub fn name(&self, index: u16) -> &str {
        self.known.get(index).map_or("(other)", |class| &class.name)
    }

    /// What a value is by itself, given as class, number or both; `None` if it is neither.
    pub fn sort(&self, class: Option<u16>, number: Option<f64>) -> Option<Sort> {
        let of_class = |class: u16| self.known.get(class).map_or(Sort::Word, |class| class.sort);
        number.map(Sort::of_number).or_else(|| class.map(of_class))
    }

    /// The same, but that a value of a class beyond the table is nothing else.
    pub fn kept_sort(&self, class: Option<u16>, number: Option<f64>) -> Option<Sort> {
        if class == Some(OTHER) { Some(Sort::Unkept) } else { self.sort(class, number) }
    }

    pub fn len(&self) -> usize {
        self.known.list().len()
    }

    pub fn is_empty(&self) -> bool {
        self.known.list().is_empty()
    }

    pub fn task(&self) -> Task {
        self.decision.task()
    }

    /// Whether numbers came that are not kept as classes.
    pub const fn has_many_numbers(&self) -> bool {
        self.many_numbers
    }

    /// The numbers among the classes.
    pub fn numbers(&self) -> Numbers {
        let numbers = || self.known.list().iter().filter(|class| class.sort != Sort::Flag).filter_map(|class| class.number);
        let small = || numbers().filter(|number| Sort::of_number(*number) == Sort::Small);
        let has = |wanted: f64| small().any(|number| number == wanted);
        let count = small().count();
        Numbers {
            many: self.many_numbers,
            distinct: numbers().count(),
            small: count,
            binary: count == 2 && has(1.0) && (has(0.0) || has(-1.0)),
        }
    }

    /// Whether a class is one of those that a model read like this gives.
    pub fn fits(&self, class: u16, reading: Reading) -> bool {
        match reading {
            Reading::Names => class != OTHER,
            Reading::Quantities => false,
            Reading::SmallNumbers | Reading::WholeNumbers => {
                let number = self.known.get(class).and_then(|class| class.number);
                number.is_some_and(|number| reading.takes(Sort::of_number(number)))
            }
        }
    }

    /// The classes that fit the decision, by index.
    pub fn fitting(&self) -> impl Iterator<Item = u16> + '_ {
        let reading = self.decision.reading;
        (0..self.len() as u16).filter(move |class| reading.is_some_and(|reading| self.fits(*class, reading)))
    }

    /// The class that counts as positive in a problem of two: the last by [`order`]. `None` unless there are one or two classes.
    pub fn positive(&self) -> Option<u16> {
        let mut classes = self.fitting();
        let (first, second) = (classes.next()?, classes.next());
        if classes.next().is_some() {
            return None;
        }
        second.filter(|second| order(self.name(first), self.name(*second)).is_lt()).or(Some(first))
    }

    /// Whether `truth` is what was answered: the same class or, for quantities, within a tenth. `None` if the two cannot be compared.
    pub fn is_met(&self, answer: &Answer, truth: &Truth, reading: Option<Reading>) -> Option<bool> {
        if answer.failed {
            return None;
        }
        match reading? {
            Reading::Quantities => Some(regression::is_accurate(truth.number?, answer.number?)),
            reading => {
                let fit = |class: Option<u16>| class.filter(|class| self.fits(*class, reading));
                Some(fit(truth.class)? == fit(answer.class)?)
            }
        }
    }

    /// Whether a further number is kept as a class.
    fn takes_numbers(&self) -> bool {
        let most = match self.decision.reading {
            Some(Reading::WholeNumbers) => CLASSES_MAX,
            Some(Reading::Names) => NUMBERS_AMONG_NAMES_MAX,
            _ => NUMBERS_MAX,
        };
        let kept = self.known.list().iter().filter(|class| class.number.is_some() && class.sort != Sort::Flag);
        self.len() < CLASSES_MAX && kept.count() < most
    }

    /// The class of a number that is not kept.
    fn of_unkept(&self) -> Option<u16> {
        matches!(self.decision.reading, Some(Reading::Names | Reading::WholeNumbers)).then_some(OTHER)
    }

    fn add(&mut self, name: CompactString, number: Option<f64>) -> u16 {
        if CLASSES_MAX <= self.len() {
            return OTHER;
        }
        let sort = Sort::of_name(&name, number);
        self.known.push(Class { name, number, sort })
    }
}

/// The number whose canonical text this is. One side may write 1 where the other writes `true`: they are one class.
fn spelt(name: &str) -> Option<f64> {
    match name {
        "true" => Some(1.0),
        "false" => Some(0.0),
        _ => name.parse::<f64>().ok().filter(|number| number.is_finite() && text_of(*number) == name),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(reading: Reading) -> Classes {
        Classes { decision: Decision::settled(None, Some(reading)), ..Classes::default() }
    }

    #[test]
    fn a_number_and_its_text_are_one_class() {
        let mut classes = read_as(Reading::SmallNumbers);
        assert_eq!(classes.index(&Value::Number(1.0)), Some(0));
        assert_eq!(classes.index(&Value::Class("1".into())), Some(0));
        assert_eq!(classes.index(&Value::Class("0".into())), Some(1));
        assert_eq!(classes.index(&Value::Number(-0.0)), Some(1));
        assert_eq!(classes.positive(), Some(0));
        for (number, name) in [(404.0, "404"), (1.5, "1.5"), (-3.25, "-3.25"), (1e300, "1e300")] {
            assert_eq!(text_of(number), name);
            assert_eq!(classes.index(&Value::Number(number)), Some(classes.index_of_name(name)));
        }
        assert_ne!(classes.index_of_name("1.50"), classes.index_of_name("1.5"), "another text is another name");
        assert_eq!(classes.find_written("404.0"), classes.find_name("404"));
    }

    #[test]
    fn a_truth_value_and_its_number_are_one_class_whichever_comes_first() {
        let (flags, numbers) = ([Value::Class("true".into()), Value::Class("false".into())], [1.0, 0.0].map(Value::Number));
        for (first, second) in [(&flags, &numbers), (&numbers, &flags)] {
            let mut classes = read_as(Reading::Names);
            let indices = first.each_ref().map(|value| classes.index(value));
            assert_eq!(second.each_ref().map(|value| classes.index(value)), indices);
            assert_eq!((classes.find_name("1"), classes.find_name("false")), (indices[0], indices[1]));
            assert_eq!((classes.len(), classes.positive()), (2, indices[0]));
        }
        let mut classes = Classes::default();
        for value in &flags {
            classes.index(value);
        }
        assert_eq!(classes.numbers(), Numbers::default(), "truth values alone are no numbers");
    }

    #[test]
    fn the_class_that_says_something_was_found_is_the_positive_one() {
        for (negative, positive) in [("0", "1"), ("false", "true"), ("no", "yes"), ("ok", "fraud"), ("Negative", "Anything")] {
            let mut classes = read_as(Reading::Names);
            let found = classes.index_of_name(positive);
            classes.index_of_name(negative);
            assert_eq!(classes.positive(), Some(found), "{negative} and {positive}");
        }
    }

    #[test]
    fn a_stray_number_leaves_the_positive_class_as_it_is() {
        let mut classes = read_as(Reading::SmallNumbers);
        for number in [0.0, 1.0, 0.73, 300.0] {
            classes.index(&Value::Number(number));
        }
        classes.index_of_name("n/a");
        assert_eq!(classes.positive().map(|class| classes.name(class)), Some("1"));
    }

    #[test]
    fn quantities_fill_no_table() {
        let mut classes = Classes::default();
        for i in 0..10_000 {
            classes.index(&Value::Number(f64::from(i) + 0.5));
        }
        assert_eq!(classes.len(), NUMBERS_MAX);
        assert!(classes.numbers().many);
    }

    #[test]
    fn classes_beyond_the_bound_are_folded() {
        let mut classes = Classes::default();
        for i in 0..CLASSES_MAX {
            classes.index_of_name(&format!("class {i}"));
        }
        assert_eq!(classes.index_of_name("one more"), OTHER);
        assert_eq!(classes.kept_sort(Some(OTHER), None), Some(Sort::Unkept));
        assert_eq!(classes.len(), CLASSES_MAX);
        assert_eq!(classes.name(OTHER), "(other)");
    }

    #[test]
    fn many_classes_are_found_as_few_are_also_after_they_were_stored() {
        let mut classes = read_as(Reading::Names);
        for i in 0..40 {
            let index = i as u16 * 2;
            assert_eq!(classes.index(&Value::Number(f64::from(i))), Some(index));
            assert_eq!(classes.index_of_name(&format!("class {i}")), index + 1);
            let stored: Classes = rmp_serde::from_slice(&rmp_serde::to_vec(&classes).unwrap()).unwrap();
            assert_eq!(stored, classes);
            for known in [&classes, &stored] {
                for j in 0..=i {
                    assert_eq!(known.find_name(&format!("class {j}")), Some(j as u16 * 2 + 1));
                    assert_eq!(known.find_name(&j.to_string()), Some(j as u16 * 2));
                    assert_eq!(known.find(&Value::Number(f64::from(j))), Some(Some(j as u16 * 2)));
                }
                assert_eq!(known.find_name("-0"), None);
                assert_eq!(known.find(&Value::Number(-0.0)), Some(Some(0)));
            }
        }
    }
}
