//! Records of a file in few bytes each, so that many of them can be walked through twice.

use compact_str::{CompactString, ToCompactString};

use super::reading::{Draft, Said};
use crate::event::Value;
use crate::files::cell::as_thousands;
use crate::files::journal::Journal;
use crate::view::evaluation::{Record, Records};

const HAS_CONFIDENCE: u8 = 1;
const HAS_SCORE: u8 = 2;
const HAS_TIME: u8 = 4;
const FAILED: u8 = 8;
const HAS_SCORES: u8 = 16;

const NOTHING: u8 = 0;
const NUMBER: u8 = 1;
const TRUE: u8 = 2;
const FALSE: u8 = 9;
const COMMA: u8 = 3;
const GROUPED: u8 = 4;
const EITHER: u8 = 5;
const WORD: u8 = 6;
const NAME: u8 = 7;
const QUOTED: u8 = 8;

/// All records of a file, and how their values are to be read.
pub struct Stored {
    pub journal: Journal,
    pub reading: Reading,
    /// Scores are kept of these, which are no classes.
    pub no_classes: Vec<CompactString>,
}

/// How predictions and labels are read, from all of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// Whether words such as `None` are classes; else they say that there is nothing.
    pub words_are_classes: bool,
    /// Whether truth values are the numbers 1 and 0.
    pub truths_are_numbers: bool,
    /// Whether `1,234` has a mark between thousands.
    pub thousands: bool,
    /// Whether texts of JSON that spell numbers are numbers.
    pub quoted_are_numbers: bool,
}

impl Reading {
    fn value(self, said: Said) -> Option<Value> {
        Some(match said {
            Said::Number(number) | Said::Comma(number) | Said::Grouped(number) => Value::Number(number),
            Said::Either(number) => Value::Number(if self.thousands { as_thousands(number) } else { number }),
            Said::Truth(truth) if self.truths_are_numbers => Value::Number(f64::from(u8::from(truth))),
            Said::Truth(truth) => Value::Class(truth.to_compact_string()),
            Said::Word(_) if !self.words_are_classes => return None,
            Said::Quoted(text) if self.quoted_are_numbers => Value::Number(text.parse().ok()?),
            Said::Word(name) | Said::Name(name) | Said::Quoted(name) => Value::Class(name),
        })
    }
}

impl Records for Stored {
    /// Records without a prediction, and without an error that says why, are passed over.
    fn walk(&self, take: &mut dyn FnMut(&Record)) {
        let mut record = Record::empty();
        self.journal.walk(|piece| {
            let mut rest = piece;
            while !rest.is_empty() {
                decode(&mut rest, &mut record, self.reading);
                record.prediction.scores.retain(|(class, _)| !self.no_classes.contains(class));
                if record.prediction.value.is_some() || record.prediction.failed {
                    take(&record);
                }
            }
        });
    }
}

/// Appends a record.
pub fn encode(draft: &Draft, out: &mut Vec<u8>) {
    let Draft { prediction: said, actual, record, .. } = draft;
    let prediction = &record.prediction;
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    out.push(
        flag(prediction.confidence.is_some(), HAS_CONFIDENCE)
            | flag(record.score.is_some(), HAS_SCORE)
            | flag(prediction.response_time.is_some(), HAS_TIME)
            | flag(prediction.failed, FAILED)
            | flag(!prediction.scores.is_empty(), HAS_SCORES),
    );
    for number in [prediction.confidence, record.score, prediction.response_time].into_iter().flatten() {
        out.extend_from_slice(&number.to_le_bytes());
    }
    encode_said(said.as_ref(), out);
    encode_said(actual.as_ref(), out);
    if !prediction.scores.is_empty() {
        out.extend_from_slice(&(prediction.scores.len() as u16).to_le_bytes());
        for (class, score) in &prediction.scores {
            encode_text(class, out);
            out.extend_from_slice(&score.to_le_bytes());
        }
    }
}

fn encode_said(said: Option<&Said>, out: &mut Vec<u8>) {
    let (tag, number, text) = match said {
        None => (NOTHING, None, None),
        Some(Said::Number(value)) => (NUMBER, Some(*value), None),
        Some(Said::Comma(value)) => (COMMA, Some(*value), None),
        Some(Said::Grouped(value)) => (GROUPED, Some(*value), None),
        Some(Said::Either(value)) => (EITHER, Some(*value), None),
        Some(Said::Truth(truth)) => (if *truth { TRUE } else { FALSE }, None, None),
        Some(Said::Word(text)) => (WORD, None, Some(text)),
        Some(Said::Name(text)) => (NAME, None, Some(text)),
        Some(Said::Quoted(text)) => (QUOTED, None, Some(text)),
    };
    out.push(tag);
    number.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
    text.iter().for_each(|text| encode_text(text, out));
}

fn encode_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u16).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Reads the first record of `rest`, which [`encode`] wrote, into `record`.
fn decode(rest: &mut &[u8], record: &mut Record, reading: Reading) {
    let flags = take::<1>(rest)[0];
    let mut number = |flag: u8| (flags & flag != 0).then(|| f64::from_le_bytes(take(rest)));
    let prediction = &mut record.prediction;
    (prediction.confidence, record.score, prediction.response_time) =
        (number(HAS_CONFIDENCE), number(HAS_SCORE), number(HAS_TIME));
    prediction.failed = flags & FAILED != 0;
    prediction.value = decode_said(rest).and_then(|said| reading.value(said));
    prediction.actual = decode_said(rest).and_then(|said| reading.value(said));
    prediction.scores.clear();
    if flags & HAS_SCORES != 0 {
        for _ in 0..u16::from_le_bytes(take(rest)) {
            let class = decode_text(rest);
            prediction.scores.push((class, f64::from_le_bytes(take(rest))));
        }
    }
}

fn decode_said(rest: &mut &[u8]) -> Option<Said> {
    let tag = take::<1>(rest)[0];
    Some(match tag {
        NUMBER => Said::Number(f64::from_le_bytes(take(rest))),
        COMMA => Said::Comma(f64::from_le_bytes(take(rest))),
        GROUPED => Said::Grouped(f64::from_le_bytes(take(rest))),
        EITHER => Said::Either(f64::from_le_bytes(take(rest))),
        TRUE | FALSE => Said::Truth(tag == TRUE),
        WORD => Said::Word(decode_text(rest)),
        NAME => Said::Name(decode_text(rest)),
        QUOTED => Said::Quoted(decode_text(rest)),
        _ => return None,
    })
}

fn decode_text(rest: &mut &[u8]) -> CompactString {
    let bytes = usize::from(u16::from_le_bytes(take(rest)));
    let whole: &[u8] = rest;
    let (text, after) = whole.split_at(bytes);
    *rest = after;
    CompactString::from_utf8_lossy(text)
}

fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let whole: &[u8] = rest;
    let (first, after) = whole.split_first_chunk::<N>().expect("a record is whole");
    *rest = after;
    *first
}
