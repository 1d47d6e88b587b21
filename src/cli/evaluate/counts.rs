//! What the predictions and labels of a file are, all of them: so one value never decides how the others are read.

use std::collections::BTreeMap;

use compact_str::CompactString;

use super::guesses::Guesses;
use super::reading::{Draft, Said};
use super::stored::Reading;
use crate::event::TaskChoice;
use crate::files::Told;
use crate::files::cell::Spelling;

/// What predictions and labels are, all of them.
#[derive(Default)]
pub struct Counts {
    numbers: u64,
    truths: u64,
    names: u64,
    /// Texts of JSON that spell numbers.
    quoted: u64,
    /// Numbers that are not whole, in quotes or not.
    fractions: u64,
    /// Numbers in quotes in other places.
    unquoted: u64,
    /// Records with a probability that names no class.
    pub bare_scores: u64,
    pub guesses: Guesses,
    spelling: Spelling,
    /// Numbers that are neither 0 nor 1.
    others: u64,
    words: BTreeMap<(&'static str, CompactString), u64>,
    /// Records without a prediction and an error.
    silent: u64,
}

impl Counts {
    pub fn add(&mut self, draft: &Draft) {
        self.unquoted += draft.unquoted;
        self.bare_scores += u64::from(draft.record.score.is_some());
        for (column, said) in [("prediction", &draft.prediction), ("actual", &draft.actual)] {
            match said {
                None => {}
                Some(Said::Number(number)) => {
                    self.numbers += 1;
                    self.others += u64::from(*number != 0.0 && *number != 1.0);
                    self.fractions += u64::from(number.fract() != 0.0);
                }
                Some(Said::Quoted(text)) => {
                    self.quoted += 1;
                    self.fractions += u64::from(text.parse::<f64>().is_ok_and(|number| number.fract() != 0.0));
                }
                Some(Said::Truth(_)) => self.truths += 1,
                Some(Said::Comma(_)) => self.spelling.comma += 1,
                Some(Said::Grouped(_)) => self.spelling.grouped += 1,
                Some(Said::Either(_)) => self.spelling.either += 1,
                Some(Said::Name(_)) => self.names += 1,
                Some(Said::Word(word)) => *self.words.entry((column, word.clone())).or_default() += 1,
            }
        }
        self.silent += u64::from(draft.prediction.is_none() && !draft.record.prediction.failed);
    }

    pub fn merge(&mut self, other: Self) {
        self.numbers += other.numbers;
        self.truths += other.truths;
        self.names += other.names;
        self.quoted += other.quoted;
        self.fractions += other.fractions;
        self.unquoted += other.unquoted;
        self.bare_scores += other.bare_scores;
        self.guesses.merge(other.guesses);
        self.spelling.merge(other.spelling);
        self.others += other.others;
        self.silent += other.silent;
        for (word, count) in other.words {
            *self.words.entry(word).or_default() += count;
        }
    }

    /// Records that say nothing under this reading.
    pub fn unanswered(&self, reading: Reading) -> u64 {
        let words = self.words.iter().filter(|((column, _), _)| *column == "prediction").map(|(_, count)| count);
        self.silent + if reading.words_are_classes { 0 } else { words.sum() }
    }

    /// Whether numbers in quotes are numbers. Quotes make a name of a whole number, which may be a code; a fraction is none.
    fn quoted_are_numbers(&self, task: TaskChoice) -> bool {
        let are_numbers = match task {
            TaskChoice::Regression => true,
            TaskChoice::Classification => false,
            TaskChoice::Automatic => 0 < self.fractions,
        };
        0 < self.quoted && self.names + self.truths == 0 && are_numbers
    }

    /// How all of them are to be read: words such as `None` are classes among classes, and nothing among numbers.
    pub fn reading(&self, told: &Told, task: TaskChoice, remarks: &mut Vec<String>) -> Reading {
        let quoted_are_numbers = self.quoted_are_numbers(task);
        let names = self.names + if quoted_are_numbers { 0 } else { self.quoted };
        let thousands = self.spelling.thousands(told.format);
        let reading = Reading {
            words_are_classes: 0 < names + self.truths,
            truths_are_numbers: names == 0 && self.others == 0 && 0 < self.numbers && self.spelling.count() == 0,
            thousands,
            quoted_are_numbers,
        };
        if quoted_are_numbers {
            remarks.push(format!("{} predictions and labels are numbers in quotes: they are read as numbers", self.quoted));
        }
        if 0 < self.unquoted {
            remarks.push(format!("{} probabilities and times are numbers in quotes: they are read as numbers", self.unquoted));
        }
        for ((column, word), rows) in &self.words {
            let what = if reading.words_are_classes { "is a class like any other" } else { "is taken for no value" };
            remarks
                .push(format!("column {column}: {word:?} in {rows} rows {what}; an empty cell always says that there is none"));
        }
        if 0 < self.spelling.count() {
            let what = if thousands { "marks between thousands: 1,234 is 1234" } else { "decimal commas: 1,234 is 1.234" };
            remarks.push(format!("{} predictions and labels are written with {what}", self.spelling.count()));
        }
        reading
    }
}
