//! The one walk over a message: [`Any`] visits whatever value comes next and hands it to a [`Take`], so that a wrong type is a
//! fault of its record and never an error of the parser. Every nested value goes through [`Cx::deeper`], which bounds the stack.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;

use compact_str::{CompactString, format_compact};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

use super::fault::{Flaws, Problem, Reason};
use super::leaf::{Leaf, not_finite};
use super::{DEPTH_MAX, Headers, RECORDS_MAX, SKEW_MAX, command, label, note, outcome, prediction, sample, usable_id};
use crate::event::features::Names;
use crate::event::{Event, Fault, Kind};
use crate::ids::{Name, Slug};
use crate::time::Timestamp;

/// What every record of one message shares.
pub(super) struct Cx<'w> {
    pub kind: Kind,
    source: &'w Slug,
    stored_at: Timestamp,
    /// For a record without a time of its own.
    fallback_at: Result<Timestamp, Problem>,
    ce_id: Option<&'w str>,
    message_id: Option<&'w str>,
    /// The index of the record being read, when there may be several.
    pub index: Cell<Option<usize>>,
    /// Set before the walk is broken off: why.
    pub abort: Cell<Option<Fault>>,
    /// The feature names of the record before, of this message or of the last one.
    feature_names: &'w RefCell<Names>,
}

impl<'w> Cx<'w> {
    pub fn new(
        kind: Kind,
        source: &'w Slug,
        headers: &'w dyn Headers,
        stored_at: Timestamp,
        feature_names: &'w RefCell<Names>,
    ) -> Self {
        let fallback_at = match headers.get("ce-time") {
            None => Ok(stored_at),
            Some(text) => match Leaf::Text(Cow::Borrowed(text)).instant() {
                Ok(instant) => Ok(instant.unwrap_or(stored_at)),
                Err(problem) => Err(Problem { detail: format!("header ce-time: {}", problem.detail), ..problem }),
            },
        };
        Self {
            kind,
            source,
            stored_at,
            fallback_at,
            ce_id: headers.get("ce-id").and_then(usable_id),
            message_id: headers.get("nats-msg-id").and_then(usable_id),
            index: Cell::new(None),
            abort: Cell::new(None),
            feature_names,
        }
    }

    /// See [`Names`]: shared with the record before where they are equal.
    pub fn feature_names(&self) -> Names {
        self.feature_names.borrow().clone()
    }

    pub fn set_feature_names(&self, names: &Names) {
        self.feature_names.replace(names.clone());
    }

    /// The name of a record that gives none.
    pub fn slug(&self) -> Name {
        Name::from(self.source)
    }

    /// The id a CloudEvents header gives to the record being read.
    pub fn prediction_id(&self) -> Option<CompactString> {
        self.indexed(self.ce_id?)
    }

    /// The id the headers give to the sample or note being read.
    pub fn event_id(&self) -> Option<CompactString> {
        self.indexed(self.ce_id.or(self.message_id)?)
    }

    fn indexed(&self, id: &str) -> Option<CompactString> {
        let id = match self.index.get() {
            None => id.into(),
            Some(index) => format_compact!("{id}/{index}"),
        };
        usable_id(&id).is_some().then_some(id)
    }

    /// When the record happened: its own time or the message's, not later than the server's clock allows.
    pub fn event_time(&self, own: Option<Timestamp>) -> Result<Timestamp, Problem> {
        let at = match own {
            Some(at) => at,
            None => self.fallback_at.clone()?,
        };
        if self.stored_at + SKEW_MAX < at {
            let detail = format!("{at} is more than 5 minutes after the server's {}; is the clock right?", self.stored_at);
            return Err(Problem::new(Reason::FutureTime, detail).under("at"));
        }
        Ok(at)
    }

    /// Enters one more level of nesting, or breaks off the walk.
    pub fn deeper<E: Error>(&self, depth: u8) -> Result<u8, E> {
        if DEPTH_MAX <= depth {
            let detail = format!("a record nests at most {DEPTH_MAX} levels");
            return Err(self.break_off(Problem::new(Reason::TooDeep, detail)));
        }
        Ok(depth + 1)
    }

    fn break_off<E: Error>(&self, problem: Problem) -> E {
        let pointer = self.index.get().map(|index| format!("/{index}")).unwrap_or_default();
        self.abort.set(Some(problem.at(&pointer)));
        E::custom("broken off")
    }
}

/// What is done with the value that comes next.
pub(super) trait Take<'de>: Sized {
    type Out;
    /// Takes a scalar; [`Leaf::List`] and [`Leaf::Map`] never come this way.
    fn leaf(self, leaf: Leaf<'de>) -> Self::Out;
    /// Takes an array, to its end.
    fn list<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Out, A::Error>;
    /// Takes an object, to its end.
    fn map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Out, A::Error>;
}

/// Visits any value for a [`Take`]. Inlined by force: a [`Leaf`] that is passed through memory costs more than reading it.
pub(super) struct Any<T>(pub T);

impl<'de, T: Take<'de>> DeserializeSeed<'de> for Any<T> {
    type Value = T::Out;

    #[inline(always)]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T::Out, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Take<'de>> Visitor<'de> for Any<T> {
    type Value = T::Out;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    #[inline(always)]
    fn visit_unit<E>(self) -> Result<T::Out, E> {
        Ok(self.0.leaf(Leaf::Null))
    }

    fn visit_none<E>(self) -> Result<T::Out, E> {
        Ok(self.0.leaf(Leaf::Null))
    }

    #[inline(always)]
    fn visit_bool<E>(self, value: bool) -> Result<T::Out, E> {
        Ok(self.0.leaf(Leaf::Bool(value)))
    }

    #[inline(always)]
    fn visit_i64<E>(self, value: i64) -> Result<T::Out, E> {
        Ok(self.0.leaf(Leaf::Whole(value)))
    }

    #[inline(always)]
    fn visit_u64<E>(self, value: u64) -> Result<T::Out, E> {
        Ok(self.0.leaf(i64::try_from(value).map_or(Leaf::Big(value), Leaf::Whole)))
    }

    #[inline(always)]
    fn visit_f64<E>(self, value: f64) -> Result<T::Out, E> {
        Ok(self.0.leaf(Leaf::Real(value)))
    }

    #[inline(always)]
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<T::Out, E> {
        Ok(self.0.leaf(Leaf::Text(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<T::Out, E> {
        Ok(self.0.leaf(Leaf::Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<T::Out, E> {
        Ok(self.0.leaf(std::str::from_utf8(bytes).map_or(Leaf::Binary, |text| Leaf::Text(Cow::Borrowed(text)))))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<T::Out, E> {
        Ok(self.0.leaf(std::str::from_utf8(bytes).map_or(Leaf::Binary, |text| Leaf::Text(Cow::Owned(text.to_owned())))))
    }

    #[inline(always)]
    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<T::Out, A::Error> {
        self.0.list(items)
    }

    #[inline(always)]
    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<T::Out, A::Error> {
        self.0.map(entries)
    }

    /// Only MessagePack's extensions and the instants of tables come this way.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, extension: D) -> Result<T::Out, D::Error> {
        Ok(self.0.leaf(extension.deserialize_any(Extension)?))
    }
}

/// Reads an extension: a type, then its bytes. Type -1 is the timestamp of the MessagePack specification. Or an instant: microseconds since 1970.
struct Extension;

impl<'de> Visitor<'de> for Extension {
    type Value = Leaf<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an extension")
    }

    fn visit_i64<E>(self, micros: i64) -> Result<Leaf<'de>, E> {
        Ok(Leaf::Instant(Timestamp::from_micros(micros)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Leaf<'de>, A::Error> {
        let tag: Option<i8> = parts.next_element()?;
        let bytes: Option<&'de [u8]> = parts.next_element()?;
        let (seconds, nanos) = match (tag, bytes) {
            (Some(-1), Some([a, b, c, d])) => (i64::from(u32::from_be_bytes([*a, *b, *c, *d])), 0),
            (Some(-1), Some(bytes)) if bytes.len() == 8 => {
                let packed = bytes.iter().fold(0_u64, |packed, byte| packed << 8 | u64::from(*byte));
                ((packed & 0x3_ffff_ffff) as i64, (packed >> 34) as i64)
            }
            (Some(-1), Some([a, b, c, d, seconds @ ..])) if seconds.len() == 8 => {
                let seconds = seconds.iter().fold(0_u64, |packed, byte| packed << 8 | u64::from(*byte));
                (seconds as i64, i64::from(u32::from_be_bytes([*a, *b, *c, *d])))
            }
            _ => return Ok(Leaf::Binary),
        };
        let micros = seconds.saturating_mul(1_000_000).saturating_add(nanos / 1_000);
        Ok(Leaf::Instant(Timestamp::from_micros(micros)))
    }
}

/// The message: one record, or an array of them.
pub(super) struct Frame<'r, 'w> {
    pub cx: &'r Cx<'w>,
    pub records: &'r mut Vec<Result<Event, Fault>>,
}

impl<'de> Take<'de> for Frame<'_, '_> {
    type Out = ();

    fn leaf(self, leaf: Leaf<'de>) {
        self.records.push(Record(self.cx).leaf(leaf));
    }

    fn list<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        loop {
            self.cx.index.set(Some(self.records.len()));
            if self.records.len() == RECORDS_MAX {
                if items.next_element_seed(Any(Skip(self.cx, 0)))?.is_none() {
                    return Ok(());
                }
                let detail = format!("a message holds at most {RECORDS_MAX} records");
                return Err(self.cx.break_off(Problem::new(Reason::TooManyRecords, detail)));
            }
            if self.records.len() == self.records.capacity() {
                // Doubling, but not past the limit: a full frame of small records is the largest thing a message becomes.
                let more = self.records.len().max(4).min(RECORDS_MAX - self.records.len());
                self.records.reserve_exact(more);
            }
            match items.next_element_seed(Any(Record(self.cx)))? {
                Some(record) => self.records.push(record),
                None => return Ok(()),
            }
        }
    }

    fn map<A: MapAccess<'de>>(self, entries: A) -> Result<(), A::Error> {
        if self.records.is_empty() {
            // most messages hold one record: a push would make room for four
            self.records.reserve_exact(1);
        }
        self.records.push(Record(self.cx).map(entries)?);
        Ok(())
    }
}

/// One record of the message's kind.
struct Record<'r, 'w>(&'r Cx<'w>);

impl Record<'_, '_> {
    #[inline(always)]
    fn judged(&self, read: Result<Event, Problem>) -> Result<Event, Fault> {
        read.map_err(|problem| match self.0.index.get() {
            None => problem.at(""),
            Some(index) => problem.at(&format!("/{index}")),
        })
    }
}

impl<'de> Take<'de> for Record<'_, '_> {
    type Out = Result<Event, Fault>;

    fn leaf(self, leaf: Leaf<'de>) -> Self::Out {
        self.judged(Err(leaf.not("an object: one record")))
    }

    fn list<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Out, A::Error> {
        Skip(self.0, 0).list(items)?;
        Ok(self.leaf(Leaf::List))
    }

    fn map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Out, A::Error> {
        let cx = self.0;
        let read = match cx.kind {
            Kind::Prediction => prediction::read(cx, entries)?,
            Kind::Label => label::read(cx, entries)?,
            Kind::Sample => sample::read(cx, entries)?,
            Kind::Log | Kind::Event | Kind::Snapshot | Kind::Job => note::read(cx, entries)?,
            Kind::Command => command::read(cx, entries)?,
            Kind::Outcome => outcome::read(cx, entries)?,
            Kind::Tick => command::read_tick(cx, entries)?,
            Kind::Unknown => {
                Skip(cx, 0).map(entries)?;
                Err(Problem::new(Reason::UnknownKind, "a record of an unknown kind".to_owned()))
            }
        };
        Ok(self.judged(read))
    }
}

/// The key of an entry. A key that is no text counts as its text if it is a number or boolean, else as empty.
pub(super) struct Key<'r, 'w>(pub &'r Cx<'w>);

impl<'de> Take<'de> for Key<'_, '_> {
    type Out = Cow<'de, str>;

    #[inline(always)]
    fn leaf(self, leaf: Leaf<'de>) -> Self::Out {
        match leaf {
            Leaf::Text(text) => text,
            other => unusual_key(other),
        }
    }

    fn list<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Out, A::Error> {
        Skip(self.0, 0).list(items)?;
        Ok(Cow::Borrowed(""))
    }

    fn map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Out, A::Error> {
        Skip(self.0, 0).map(entries)?;
        Ok(Cow::Borrowed(""))
    }
}

#[cold]
fn unusual_key<'de>(leaf: Leaf<'de>) -> Cow<'de, str> {
    match leaf {
        Leaf::Bool(bool) => Cow::Owned(bool.to_string()),
        Leaf::Whole(number) => Cow::Owned(number.to_string()),
        Leaf::Big(number) => Cow::Owned(number.to_string()),
        _ => Cow::Borrowed(""),
    }
}

/// Passes over one value that stands `.1` levels deep.
pub(super) struct Skip<'r, 'w>(pub &'r Cx<'w>, pub u8);

impl<'de> Take<'de> for Skip<'_, '_> {
    type Out = ();

    #[inline(always)]
    fn leaf(self, _leaf: Leaf<'de>) {}

    fn list<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let depth = self.0.deeper(self.1)?;
        while items.next_element_seed(Any(Skip(self.0, depth)))?.is_some() {}
        Ok(())
    }

    fn map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let depth = self.0.deeper(self.1)?;
        while entries.next_key_seed(Any(Skip(self.0, depth)))?.is_some() {
            entries.next_value_seed(Any(Skip(self.0, depth)))?;
        }
        Ok(())
    }
}

/// One value as a [`Leaf`]; what is inside a list or a map is passed over. Stands `.1` levels deep.
pub(super) struct One<'r, 'w>(pub &'r Cx<'w>, pub u8);

impl<'de> Take<'de> for One<'_, '_> {
    type Out = Leaf<'de>;

    #[inline(always)]
    fn leaf(self, leaf: Leaf<'de>) -> Leaf<'de> {
        leaf
    }

    fn list<A: SeqAccess<'de>>(self, items: A) -> Result<Leaf<'de>, A::Error> {
        Skip(self.0, self.1).list(items)?;
        Ok(Leaf::List)
    }

    fn map<A: MapAccess<'de>>(self, entries: A) -> Result<Leaf<'de>, A::Error> {
        Skip(self.0, self.1).map(entries)?;
        Ok(Leaf::Map)
    }
}

/// One value as a JSON tree: only where the value is small or kept. Stands `.1` levels deep.
pub(super) struct Tree<'r, 'w>(pub &'r Cx<'w>, pub u8);

impl<'de> Take<'de> for Tree<'_, '_> {
    type Out = Result<Json, Problem>;

    fn leaf(self, leaf: Leaf<'de>) -> Self::Out {
        Ok(match leaf {
            Leaf::Null => Json::Null,
            Leaf::Bool(bool) => bool.into(),
            Leaf::Whole(number) => number.into(),
            Leaf::Big(number) => number.into(),
            Leaf::Real(number) if number.is_finite() => number.into(),
            Leaf::Real(number) => return Err(not_finite(number)),
            Leaf::Text(text) => text.into(),
            Leaf::Instant(instant) => instant.to_string().into(),
            other => return Err(other.not("a value JSON can hold")),
        })
    }

    fn list<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Out, A::Error> {
        let depth = self.0.deeper(self.1)?;
        let (mut list, mut flaws) = (Vec::new(), Flaws::default());
        let mut index = 0_usize;
        while let Some(item) = items.next_element_seed(Any(Tree(self.0, depth)))? {
            list.extend(flaws.take(item.map_err(|problem| problem.under(&index.to_string()))));
            index += 1;
        }
        Ok(flaws.pass().map(|()| Json::Array(list)))
    }

    fn map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Out, A::Error> {
        let depth = self.0.deeper(self.1)?;
        let (mut map, mut flaws) = (serde_json::Map::new(), Flaws::default());
        while let Some(key) = entries.next_key_seed(Any(Key(self.0)))? {
            let value = entries.next_value_seed(Any(Tree(self.0, depth)))?;
            if let Some(value) = flaws.take(value.map_err(|problem| problem.under(&key))) {
                map.insert(key.into_owned(), value);
            }
        }
        Ok(flaws.pass().map(|()| Json::Object(map)))
    }
}
