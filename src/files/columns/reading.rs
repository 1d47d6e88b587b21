//! The one decision for both sides about what a column is, and what follows from it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};

use super::{CATEGORIES_MAX, Column, Kind, Pair, Remark, Sides};
use crate::Format;
use crate::cell::{Spelling, as_thousands};
use crate::sorted::Numbers;
use tidewatch_core::stats::drift::resolution::Ascending;

/// A categorical column with more categories than this, and on each side more than half as many as values, names its rows.
const IDENTIFIERS_MIN: usize = 50;

impl Sides {
    /// Decides what the column is, on both sides alike.
    ///
    /// * `formats`: of both files: where a number may have a decimal comma or marks between thousands and nothing else tells, a file whose
    ///   fields are parted by semicolons has commas.
    pub fn unite(self, formats: [Format; 2]) -> Pair {
        let Self { name, is_there, columns } = self;
        let mut pair = united(&name, columns, formats);
        let about = |what: &str| Remark { column: Some(name.clone()), what: what.to_owned(), cells: 0 };
        match is_there {
            [true, false] => pair.remarks.push(about("is not in the current data: all of it counts as missing")),
            [false, true] => pair.remarks.push(about("is not in the reference: all of it counts as missing")),
            _ => {}
        }
        pair
    }
}

/// How the values of a column are read, on both sides alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Whether they are numbers; else categories.
    pub numeric: bool,
    /// Whether `1,234` is a number with a mark between thousands.
    pub thousands: bool,
    /// Whether truth values are the numbers 1 and 0.
    truths_are_numbers: bool,
    /// Whether words such as `None` are categories; else they say that there is no value.
    pub words_are_names: bool,
}

impl Reading {
    pub(super) fn of(sides: &[Column; 2], formats: [Format; 2]) -> Self {
        let has_numbers = sides.iter().any(|side| 0 < side.count());
        let truths_are_numbers = has_numbers && sides.iter().all(|side| side.is_zero_one() && side.tally.texts() == 0);
        let lead = if sides[0].is_empty() { &sides[1] } else { &sides[0] };
        let numeric = lead.is_numeric(truths_are_numbers);
        let words_are_names = !numeric && sides.iter().any(|side| side.tally.typed_words);
        Self { numeric, thousands: thousands(sides, formats), truths_are_numbers, words_are_names }
    }

    /// What is not used as it stands under this reading.
    pub(super) fn remarks(self, name: &str, sides: &[Column; 2]) -> Vec<Remark> {
        let mut remarks = Vec::new();
        let mut remark = |cells: u64, what: String| remarks.push(Remark { column: Some(name.to_owned()), what, cells });
        let sum = |of: &dyn Fn(&Column) -> u64| sides.iter().map(of).sum::<u64>();
        let not_finite = sum(&|side| side.tally.not_finite);
        if 0 < not_finite {
            remark(not_finite, format!("holds {not_finite} values that are not finite: they count as missing"));
        }
        if 0 < sum(&|side| side.comma.count() + side.grouped.count() + side.either.count()) {
            remark(0, spelling(sides, self.thousands));
        }
        let mut words: BTreeMap<&str, u64> = BTreeMap::new();
        for (word, count) in sides.iter().flat_map(|side| &side.tally.words) {
            *words.entry(word).or_default() += count;
        }
        for (word, count) in words {
            if self.words_are_names {
                let is_typed = sides.iter().any(|side| side.tally.typed_words);
                let why =
                    if is_typed { "a file gives it as a text, so it is a category" } else { "it is a class like any other" };
                remark(0, format!("holds the text {word:?} {count} times: {why}"));
            } else {
                remark(count, format!("holds {word:?} {count} times: there it has no value"));
            }
        }
        let texts = sum(&|side| side.tally.texts() + if self.truths_are_numbers { 0 } else { side.tally.truths() });
        if self.numeric && 0 < texts {
            let first = sides.iter().find_map(|side| side.tally.first_text.as_ref());
            let such_as =
                first.map_or(String::new(), |(place, text)| format!(", the first {text:?} at line or element {place}"));
            remark(texts, format!("is numeric and holds {texts} values that are no numbers{such_as}: they count as missing"));
        }
        let numbers = sum(&Column::count);
        if !self.numeric && 0 < numbers {
            remark(0, format!("holds text and {numbers} numbers: all of them count as categories"));
        }
        remarks
    }
}

fn united(name: &str, sides: [Column; 2], formats: [Format; 2]) -> Pair {
    let reading = Reading::of(&sides, formats);
    let remarks = reading.remarks(name, &sides);
    let (kind, present) = if reading.numeric {
        let numbers = sides.map(|side| side.into_numbers(reading.thousands, reading.truths_are_numbers));
        let present = [numbers[0].count(), numbers[1].count()];
        (Kind::Numbers(Box::new(numbers)), present)
    } else {
        categories(sides, reading.thousands, reading.words_are_names)
    };
    let kind = if present.contains(&0) { Kind::Empty } else { kind };
    Pair { name: name.to_owned(), kind, present, remarks }
}

/// Whether what may be either is written with marks between thousands, on both sides alike.
fn thousands(sides: &[Column; 2], formats: [Format; 2]) -> bool {
    let count = |of: fn(&Column) -> &Numbers| sides.iter().map(|side| of(side).count()).sum();
    let spelling =
        Spelling { comma: count(|side| &side.comma), grouped: count(|side| &side.grouped), either: count(|side| &side.either) };
    formats.into_iter().all(|format| spelling.thousands(format))
}

fn spelling(sides: &[Column; 2], thousands: bool) -> String {
    let example = |of: fn(&Column) -> &Numbers| sides.iter().find_map(|side| of(side).ascending().next());
    let with_comma = |value: f64, digits: usize| format!("{value:.digits$}").replace('.', ",");
    if let Some(value) = example(|side| &side.comma) {
        let shown = value.to_string().replace('.', ",");
        return format!("is written with decimal commas: {shown} is read as {value}");
    }
    let (shown, value) = match (example(|side| &side.either), example(|side| &side.grouped)) {
        (Some(value), _) if thousands => (with_comma(value, 3), as_thousands(value)),
        (Some(value), _) => return format!("is written with decimal commas: {} is read as {value}", with_comma(value, 3)),
        (None, Some(value)) => return format!("is written with marks between thousands: they are left out, as in {value}"),
        (None, None) => return String::new(),
    };
    format!("is written with marks between thousands: {shown} is read as {value}")
}

/// An instant, a date or a time of day in one spelling, whatever program wrote it: `2026-03-01 03:30:15.500000+00:00` and
/// `2026-03-01T03:30:15.5Z` are one. Without an offset it stays without, and midnight is the date, as pandas writes it. `None` of all other
/// text.
fn instant(text: &str) -> Option<String> {
    let at = |place: usize| text.as_bytes().get(place);
    if at(2) == Some(&b':') && at(5) == Some(&b':') && at(8) == Some(&b'.') {
        return text.parse::<Time>().ok().map(|time| time.to_string());
    }
    if at(4) != Some(&b'-') || at(7) != Some(&b'-') || !matches!(at(10), Some(b'T' | b't' | b' ')) {
        return None;
    }
    let in_utc = text.strip_suffix(" UTC").map(|text| format!("{text}Z"));
    if let Ok(at) = in_utc.as_deref().unwrap_or(text).parse::<Timestamp>() {
        return Some(at.to_string());
    }
    let at = text.parse::<DateTime>().ok()?;
    Some(if at.time() == Time::midnight() { at.date().to_string() } else { at.to_string() })
}

/// The counts by category, and how many values each side has.
fn categories(sides: [Column; 2], thousands: bool, words_are_names: bool) -> (Kind, [u64; 2]) {
    let (mut counts, mut present, mut distinct) = (BTreeMap::<String, [u64; 2]>::new(), [0; 2], [0; 2]);
    let mut too_many = false;
    for (place, side) in sides.into_iter().enumerate() {
        let tally = side.tally.clone();
        let mut put = |name: String, count: u64| {
            present[place] += count;
            if count == 0 {
                return;
            }
            distinct[place] += 1;
            if counts.len() < CATEGORIES_MAX || counts.contains_key(&name) {
                counts.entry(name).or_default()[place] += count;
            } else {
                too_many = true;
            }
        };
        tally.texts.into_iter().for_each(|(name, count)| put(instant(&name).unwrap_or(name), count));
        ["false", "true"].into_iter().zip(tally.truths).for_each(|(name, count)| put(name.to_owned(), count));
        if words_are_names {
            tally.words.into_iter().for_each(|(name, count)| put(name, count));
        }
        let numbers = side.into_numbers(thousands, false);
        let mut run: Option<(f64, u64)> = None;
        for number in numbers.ascending() {
            match &mut run {
                Some((value, count)) if *value == number => *count += 1,
                _ => {
                    if let Some((value, count)) = run.replace((number, 1)) {
                        put(value.to_string(), count);
                    }
                }
            }
        }
        if let Some((value, count)) = run {
            put(value.to_string(), count);
        }
        present[place] += tally.more_texts;
        distinct[place] += tally.more_texts;
        too_many |= 0 < tally.more_texts;
    }
    let names_rows = |side: usize| present[side] < 2 * distinct[side];
    let kind = match () {
        () if IDENTIFIERS_MIN < counts.len() && names_rows(0) && names_rows(1) => Kind::Identifiers,
        () if too_many => Kind::TooMany,
        () => Kind::Categories(counts),
    };
    (kind, present)
}
