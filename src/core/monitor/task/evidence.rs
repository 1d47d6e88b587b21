//! What labelled rows say of the task.

use serde::{Deserialize, Serialize};

use super::{Reading, Sort};

/// More small numbers than this are quantities.
pub(super) const SMALL_CLASSES_MAX: usize = 32;

/// The numbers among the classes of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// There were more than are kept.
    pub many: bool,
    pub distinct: usize,
    pub small: usize,
    /// The small ones are 0 and 1, or -1 and 1.
    pub binary: bool,
}

/// What labelled answers say of what they are. Counts of rows only, so that their order leaves no trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub rows: u32,
    /// Answer and label are numbers.
    comparable: u32,
    /// Of those: one is not a small whole number, one is not whole, one is text.
    not_small: u32,
    not_whole: u32,
    digits: u32,
    /// Answer or label is a word, or neither is a number.
    named: u32,
    label_words: u32,
    blank_labels: u32,
    blank_answers: u32,
    /// The answer came with the probabilities of classes.
    scored: u32,
}

impl Evidence {
    /// Adds one labelled answer.
    pub fn add(&mut self, answer: Sort, label: Sort, scored: bool) {
        let either = |is: fn(Sort) -> bool| u32::from(is(answer) || is(label));
        self.rows += 1;
        self.scored += u32::from(scored);
        self.blank_labels += u32::from(label == Sort::Blank);
        self.blank_answers += u32::from(answer == Sort::Blank);
        self.label_words += u32::from(label == Sort::Word);
        if answer.is_number() && label.is_number() {
            self.comparable += 1;
            self.not_small += either(|sort| !sort.is_small());
            self.not_whole += either(|sort| sort == Sort::Fraction);
            self.digits += either(|sort| sort == Sort::Digits);
        } else if either(|sort| sort == Sort::Word) == 1 || label == Sort::Flag || !(answer.is_number() || label.is_number()) {
            self.named += 1;
        }
    }

    /// What the rows are by majority. A word among the labels makes names of codes: of few numbers that come again and again, and of any
    /// numbers if it is one label in twenty. `None` if no row says anything.
    pub fn reading(&self, numbers: Numbers) -> Option<Reading> {
        if self.comparable + self.named == 0 {
            return None;
        }
        let enough = |rows: u32| self.rows <= 20 * rows;
        let are_codes = !numbers.many && numbers.distinct <= SMALL_CLASSES_MAX && numbers.distinct <= self.comparable as usize;
        let are_classes = self.comparable < self.named
            || self.rows < 2 * self.scored
            || self.comparable < 2 * self.digits
            || (0 < self.label_words && (are_codes || enough(self.label_words)))
            || (are_codes && self.has_blank_class())
            || (numbers.small <= SMALL_CLASSES_MAX && self.are_small(numbers));
        Some(if are_classes { self.classes(numbers) } else { Reading::Quantities })
    }

    /// Which values are classes, where it is known that some are.
    fn classes(&self, numbers: Numbers) -> Reading {
        if 0 < self.label_words || self.comparable <= self.named || self.has_blank_class() {
            Reading::Names
        } else if self.are_small(numbers) {
            Reading::SmallNumbers
        } else {
            self.whole_or_any()
        }
    }

    /// The same where a person said that these are classes: a new number is a new class then.
    pub(super) fn told_classes(&self) -> Reading {
        if 0 < self.label_words || self.comparable <= self.named || self.has_blank_class() {
            Reading::Names
        } else {
            self.whole_or_any()
        }
    }

    fn whole_or_any(&self) -> Reading {
        if few(self.not_whole.into(), self.comparable.into()) { Reading::WholeNumbers } else { Reading::Names }
    }

    /// A word for "nothing" is a class where it is both answered and true.
    const fn has_blank_class(&self) -> bool {
        let (labels, answers) = (self.blank_labels, self.blank_answers);
        0 < labels && 0 < answers && self.rows <= 20 * labels && self.rows <= 20 * answers
    }

    fn are_small(&self, numbers: Numbers) -> bool {
        if numbers.binary && !numbers.many {
            2 * self.not_small < self.comparable
        } else {
            0 < self.comparable && few(self.not_small.into(), self.comparable.into())
        }
    }
}

/// Whether so many of `all` are strays.
pub(super) const fn few(strays: u64, all: u64) -> bool {
    100 * strays <= all || (strays == 1 && 10 <= all)
}
