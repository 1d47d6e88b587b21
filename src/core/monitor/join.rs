//! Join rows: what must be remembered of a prediction until its label comes, of a label until its prediction comes, and of any
//! record that carries an id so that a repeat is known. One row a key, packed by hand because there may be tens of millions.

use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

use crate::event::{Event, Value};
use crate::monitor::task::Apart;
use crate::time::Timestamp;

/// 96 bits of XXH3-128 over the id, seeded by the model's name: among 50 million rows two keys collide with a chance of 10⁻¹⁴.
pub type JoinKey = [u8; 12];

/// Seeds the keys of one model (or of one kind and source), so that equal ids of two models differ.
pub fn seed(scope: &str) -> u64 {
    xxh3_64(scope.as_bytes())
}

pub fn key(seed: u64, id: &str) -> JoinKey {
    let hash = xxh3_128_with_seed(id.as_bytes(), seed).to_be_bytes();
    let mut key = [0; 12];
    key.copy_from_slice(&hash[..12]);
    key
}

/// The row that applying this event will ask for, so that many can be looked up together. `None` if it asks for none, or for one
/// that is not known before.
pub fn key_of(event: &Event) -> Option<JoinKey> {
    match event {
        Event::PredictionLogged(prediction) => Some(key(seed(prediction.model.as_str()), prediction.id.as_ref()?)),
        Event::LabelArrived(label) => Some(key(seed(label.model.as_str()), &label.prediction)),
        _ => None,
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum JoinRow {
    Served(Served),
    Early(EarlyLabel),
    /// A record with this id was accepted, at this log time.
    Seen {
        at: Timestamp,
    },
}

/// A prediction, as far as a later label needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Served {
    pub model: u32,
    pub cell: u16,
    /// To the millisecond.
    pub at: Timestamp,
    /// Where the whole record is in the log.
    pub seq: u64,
    pub index: u32,
    pub answer: Answer,
    pub truth: Option<Truth>,
}

/// What a model answered, with its classes as indices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    pub failed: bool,
    pub class: Option<u16>,
    pub number: Option<f64>,
    pub confidence: Option<f64>,
    /// With one or two scores, the one of the reference class; with more, all of them.
    pub scores: Vec<(u16, f64)>,
}

impl Answer {
    /// The probability that the answer is right, as the producer stated it: the confidence, or the score of the class that was predicted.
    pub fn stated_confidence(&self) -> Option<f64> {
        let of_score = || match self.scores.as_slice() {
            [(class, score)] => Some(if self.class? == *class { *score } else { 1.0 - *score }),
            many => many.iter().find(|(class, _)| Some(*class) == self.class).map(|(_, score)| *score),
        };
        self.confidence.or_else(of_score)
    }

    /// How far off the answer was, of numbers.
    pub fn loss(&self, truth: &Truth) -> Option<f64> {
        if self.failed {
            return None;
        }
        Some((self.number? - truth.number?).abs())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    pub class: Option<u16>,
    pub number: Option<f64>,
    /// When it was known, to the millisecond: of two labels the newer wins.
    pub at: Timestamp,
    /// Where it was counted, if not with the others.
    pub apart: Option<Apart>,
}

/// A label that came before its prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlyLabel {
    pub model: u32,
    /// Log time, to the millisecond.
    pub since: Timestamp,
    pub actual: Value,
    pub at: Timestamp,
}

const SERVED: u8 = 0;
const PARKED: u8 = 1;
const SEEN: u8 = 2;
/// A prediction whose label was counted apart: this and the code of where.
const SERVED_APART: u8 = 3;

const FAILED: u8 = 1;
const HAS_CLASS: u8 = 2;
const HAS_NUMBER: u8 = 4;
const HAS_CONFIDENCE: u8 = 8;
const HAS_SCORES: u8 = 16;
const HAS_TRUTH: u8 = 32;
const TRUTH_CLASS: u8 = 64;
const TRUTH_NUMBER: u8 = 128;

impl JoinRow {
    /// Packs the row: a tag, a byte of flags, then only what is there. About 24 bytes for a classifier with one score.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Served(served) => served.encode(out),
            Self::Early(parked) => {
                out.push(PARKED);
                varint(out, u64::from(parked.model));
                signed(out, parked.since.millis());
                signed(out, parked.at.millis());
                match &parked.actual {
                    Value::Number(number) => {
                        out.push(0);
                        out.extend_from_slice(&number.to_le_bytes());
                    }
                    Value::Class(name) => {
                        out.push(1);
                        out.extend_from_slice(name.as_bytes());
                    }
                }
            }
            Self::Seen { at } => {
                out.push(SEEN);
                signed(out, at.millis());
            }
        }
    }

    /// Undoes [`Self::encode`]. `None` if the bytes are no row of ours.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = Rest(bytes);
        match rest.byte()? {
            SERVED => Served::decode(rest, None).map(Self::Served),
            PARKED => {
                let model = rest.varint()? as u32;
                let since = rest.instant()?;
                let at = rest.instant()?;
                let actual = match rest.byte()? {
                    0 => Value::Number(rest.number()?),
                    _ => Value::Class(std::str::from_utf8(rest.0).ok()?.into()),
                };
                Some(Self::Early(EarlyLabel { model, since, actual, at }))
            }
            SEEN => Some(Self::Seen { at: rest.instant()? }),
            tag => Served::decode(rest, Some(Apart::from_code(tag - SERVED_APART)?)).map(Self::Served),
        }
    }
}

impl Served {
    fn encode(&self, out: &mut Vec<u8>) {
        let answer = &self.answer;
        let mut flags = 0;
        for (set, flag) in [
            (answer.failed, FAILED),
            (answer.class.is_some(), HAS_CLASS),
            (answer.number.is_some(), HAS_NUMBER),
            (answer.confidence.is_some(), HAS_CONFIDENCE),
            (!answer.scores.is_empty(), HAS_SCORES),
            (self.truth.is_some(), HAS_TRUTH),
            (self.truth.as_ref().is_some_and(|truth| truth.class.is_some()), TRUTH_CLASS),
            (self.truth.as_ref().is_some_and(|truth| truth.number.is_some()), TRUTH_NUMBER),
        ] {
            if set {
                flags |= flag;
            }
        }
        let apart = self.truth.as_ref().and_then(|truth| truth.apart);
        out.extend_from_slice(&[apart.map_or(SERVED, |apart| SERVED_APART + apart.code()), flags]);
        varint(out, u64::from(self.model));
        varint(out, u64::from(self.cell));
        signed(out, self.at.millis());
        varint(out, self.seq);
        varint(out, u64::from(self.index));
        optional_class(out, answer.class);
        optional_number(out, answer.number);
        optional_number(out, answer.confidence);
        if !answer.scores.is_empty() {
            varint(out, answer.scores.len() as u64);
            for (class, score) in &answer.scores {
                varint(out, u64::from(*class));
                out.extend_from_slice(&score.to_le_bytes());
            }
        }
        if let Some(truth) = &self.truth {
            signed(out, truth.at.millis());
            optional_class(out, truth.class);
            optional_number(out, truth.number);
        }
    }

    fn decode(mut rest: Rest<'_>, apart: Option<Apart>) -> Option<Self> {
        let flags = rest.byte()?;
        let has = |flag: u8| flags & flag != 0;
        let model = rest.varint()? as u32;
        let cell = rest.varint()? as u16;
        let at = rest.instant()?;
        let seq = rest.varint()?;
        let index = rest.varint()? as u32;
        let class = if has(HAS_CLASS) { Some(rest.varint()? as u16) } else { None };
        let number = if has(HAS_NUMBER) { Some(rest.number()?) } else { None };
        let confidence = if has(HAS_CONFIDENCE) { Some(rest.number()?) } else { None };
        let mut scores = Vec::new();
        if has(HAS_SCORES) {
            for _ in 0..rest.varint()? {
                scores.push((rest.varint()? as u16, rest.number()?));
            }
        }
        let truth = if has(HAS_TRUTH) {
            let at = rest.instant()?;
            let class = if has(TRUTH_CLASS) { Some(rest.varint()? as u16) } else { None };
            let number = if has(TRUTH_NUMBER) { Some(rest.number()?) } else { None };
            Some(Truth { class, number, at, apart })
        } else {
            None
        };
        let answer = Answer { failed: has(FAILED), class, number, confidence, scores };
        Some(Self { model, cell, at, seq, index, answer, truth })
    }
}

/// What is left to read of a row.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn instant(&mut self) -> Option<Timestamp> {
        let raw = self.varint()?;
        Some(Timestamp::from_millis((raw >> 1) as i64 ^ -((raw & 1) as i64)))
    }

    fn number(&mut self) -> Option<f64> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(f64::from_le_bytes(*bytes))
    }
}

/// LEB128.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while 0x80 <= value {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// LEB128 of the zigzag form, so that small negative numbers stay small.
fn signed(out: &mut Vec<u8>, value: i64) {
    varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

fn optional_class(out: &mut Vec<u8>, class: Option<u16>) {
    if let Some(class) = class {
        varint(out, u64::from(class));
    }
}

fn optional_number(out: &mut Vec<u8>, number: Option<f64>) {
    if let Some(number) = number {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn instants() -> impl Strategy<Value = Timestamp> {
        (-4_000_000_000_000_i64..4_000_000_000_000).prop_map(Timestamp::from_millis)
    }

    fn rows() -> impl Strategy<Value = JoinRow> {
        let number = || proptest::option::of(-1e300..1e300_f64);
        let answer = (
            any::<bool>(),
            any::<Option<u16>>(),
            number(),
            number(),
            proptest::collection::vec((any::<u16>(), 0.0..1.0), 0..5),
        )
            .prop_map(|(failed, class, number, confidence, scores)| Answer {
                failed,
                class,
                number,
                confidence,
                scores,
            });
        let apart = || proptest::option::of((0_u8..8).prop_map(|code| Apart::from_code(code).unwrap()));
        let truth = proptest::option::of(
            (any::<Option<u16>>(), number(), instants(), apart()).prop_map(|(class, number, at, apart)| Truth {
                class,
                number,
                at,
                apart,
            }),
        );
        let served = (any::<u32>(), any::<u16>(), instants(), any::<u64>(), any::<u32>(), answer, truth).prop_map(
            |(model, cell, at, seq, index, answer, truth)| {
                JoinRow::Served(Served { model, cell, at, seq, index, answer, truth })
            },
        );
        let value = prop_oneof![
            any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(Value::Number),
            ".*".prop_map(|s| Value::Class(s.into()))
        ];
        let parked = (any::<u32>(), instants(), value, instants())
            .prop_map(|(model, since, actual, at)| JoinRow::Early(EarlyLabel { model, since, actual, at }));
        prop_oneof![served, parked, instants().prop_map(|at| JoinRow::Seen { at })]
    }

    proptest! {
        #[test]
        fn a_row_reads_back_as_it_was_packed(row in rows()) {
            let mut bytes = Vec::new();
            row.encode(&mut bytes);
            prop_assert_eq!(JoinRow::decode(&bytes), Some(row));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = JoinRow::decode(&bytes);
        }
    }

    #[test]
    fn equal_ids_of_two_models_have_two_keys() {
        assert_ne!(key(seed("a"), "p1"), key(seed("b"), "p1"));
    }
}
