//! Values by sort, and what they look like.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::evidence::{Numbers, SMALL_CLASSES_MAX, few};
use super::{Reading, SORTS, Sort};

/// Examples kept of each sort, and bytes of each.
const EXAMPLES_MAX: usize = 5;
const EXAMPLE_BYTES_MAX: usize = 64;

/// How many values of each sort were seen, and what those look like that are not small whole numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Values {
    pub predictions: Side,
    pub labels: Side,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// By [`Sort`], in its order.
    counts: [u64; SORTS.len()],
    /// Numbers that there was no room for among the classes when they came, by [`Sort`]: of a small whole number, of a larger one, and of one
    /// that is not whole. They are in no figure if numbers turn out to be classes.
    without_class: [u64; 3],
    /// The first texts of each sort, in the order of the log.
    examples: Vec<(Sort, CompactString)>,
}

impl Values {
    /// What single values say where no labelled row says anything: labels first.
    pub(super) fn reading(&self, numbers: Numbers) -> Option<Reading> {
        self.labels.reading(numbers).or_else(|| self.predictions.reading(numbers))
    }
}

impl Side {
    pub fn add(&mut self, sort: Sort) {
        self.counts[sort as usize] += 1;
    }

    pub fn take(&mut self, sort: Sort) {
        self.counts[sort as usize] = self.counts[sort as usize].saturating_sub(1);
    }

    /// As [`Self::add`], of a number that there is no room for among the classes.
    pub fn add_without_class(&mut self, sort: Sort, text: impl FnOnce() -> CompactString) {
        if let Some(count) = self.without_class.get_mut(sort as usize) {
            *count += 1;
            // the first ones are looked at only: this is every number of a regression
            if *count <= EXAMPLES_MAX as u64 {
                self.show(Sort::Unkept, &text());
            }
        }
    }

    /// Undoes [`Self::add_without_class`].
    pub fn take_without_class(&mut self, sort: Sort) {
        if let Some(count) = self.without_class.get_mut(sort as usize) {
            *count = count.saturating_sub(1);
        }
    }

    /// Keeps `text` as an example of its sort, if few are kept and it is new.
    pub fn show(&mut self, sort: Sort, text: &str) {
        if self.wants(sort) {
            let text = clipped(text);
            if !self.examples.iter().any(|(known, example)| *known == sort && example == text) {
                self.examples.push((sort, text.into()));
            }
        }
    }

    /// Whether further examples of this sort are kept.
    pub fn wants(&self, sort: Sort) -> bool {
        self.examples.iter().filter(|(known, _)| *known == sort).count() < EXAMPLES_MAX
    }

    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many values `reading` does not take.
    pub fn unfit_count(&self, reading: Reading) -> u64 {
        let refused = SORTS.iter().filter(|sort| !reading.takes(**sort)).map(|sort| self.counts[*sort as usize]);
        refused.sum::<u64>() + self.without_class(reading)
    }

    /// Numbers that `reading` takes for classes and that had no room among them when they came.
    fn without_class(&self, reading: Reading) -> u64 {
        let are_classes = reading != Reading::Quantities;
        let taken = SORTS.iter().zip(&self.without_class).filter(|(sort, _)| are_classes && reading.takes(**sort));
        taken.map(|(_, count)| count).sum()
    }

    /// Values that `reading` does not take: how many, and the first of them.
    pub fn unfit(&self, reading: Reading) -> (u64, Vec<&str>) {
        let count = self.unfit_count(reading);
        let without_class = self.without_class(reading);
        let examples = self.examples.iter().filter(|(sort, _)| match sort {
            Sort::Unkept => 0 < self.counts[*sort as usize] + without_class,
            sort => !reading.takes(*sort) && 0 < self.counts[*sort as usize],
        });
        (count, examples.map(|(_, text)| text.as_str()).take(EXAMPLES_MAX).collect())
    }

    fn reading(&self, numbers: Numbers) -> Option<Reading> {
        let [small, whole, fraction, digits, flag, blank, word, unkept] = self.counts;
        let (as_numbers, named) = (small + whole + fraction + digits, flag + word + unkept);
        match (as_numbers, named) {
            (0, 0) => (0 < blank).then_some(Reading::Names),
            (numbers, named) if numbers <= named => Some(Reading::Names),
            (all, _) => {
                let are_small = numbers.small <= SMALL_CLASSES_MAX && few(whole + fraction, all);
                Some(if are_small || all < 2 * digits { Reading::SmallNumbers } else { Reading::Quantities })
            }
        }
    }
}

fn clipped(text: &str) -> &str {
    let end = (0..=EXAMPLE_BYTES_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}
