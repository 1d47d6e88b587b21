//! One record of a message as it was published, as JSON: for showing what the log holds.

use std::cell::RefCell;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess};

use super::fault::Flaws;
use super::leaf::Leaf;
use super::note::Write;
use super::walk::{Any, Cx, Skip, Take};
use super::{Encoding, Tables, encoding, json, non_finite};
use crate::event::Kind;
use crate::event::columns::Rows;
use crate::ids::Slug;
use crate::time::Timestamp;

/// The record at `index` of a message, as compact JSON with every field it came with. `None` if there is no such record or the
/// message cannot be read. Counts records as [`super::decode`] does, for a message of which it has accepted that record.
pub fn record_as_json(content_type: Option<&str>, body: &[u8], index: usize, tables: impl Tables) -> Option<String> {
    let source = Slug::try_from("unknown").expect("a plain word is a slug");
    let names = RefCell::default();
    let cx = Cx::new(Kind::Unknown, &source, &(), Timestamp::default(), &names);
    let mut out = Vec::new();
    let found = match encoding(content_type, body) {
        Encoding::MessagePack => {
            let mut reader = rmp_serde::Deserializer::from_read_ref(body);
            Any(Nth { cx: &cx, index, out: &mut out }).deserialize(&mut reader).ok()?
        }
        Encoding::Arrow => {
            let table = tables.read(body).ok()?;
            Any(Nth { cx: &cx, index, out: &mut out }).deserialize(Rows(&table)).ok()?
        }
        declared => {
            let text = std::str::from_utf8(body).ok()?;
            let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_ascii();
            let lines = matches!(declared, Encoding::JsonLines) || json::is_lines(text);
            let (text, index) = if lines { (json::lines(text).nth(index)?, 0) } else { (text, index) };
            let fixed = non_finite::fix(text).map(|fixed| fixed.text);
            let mut reader = serde_json::Deserializer::from_str(fixed.as_deref().unwrap_or(text));
            Any(Nth { cx: &cx, index, out: &mut out }).deserialize(&mut reader).ok()?
        }
    };
    if found { String::from_utf8(out).ok() } else { None }
}

/// Writes the record at `index` and tells whether there is one.
struct Nth<'r, 'w> {
    cx: &'r Cx<'w>,
    index: usize,
    out: &'r mut Vec<u8>,
}

impl<'de> Take<'de> for Nth<'_, '_> {
    type Out = bool;

    fn leaf(self, _leaf: Leaf<'de>) -> bool {
        false
    }

    fn list<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
        for _ in 0..self.index {
            if items.next_element_seed(Any(Skip(self.cx, 0)))?.is_none() {
                return Ok(false);
            }
        }
        let write = Write { cx: self.cx, depth: 0, body: self.out, flaws: &mut Flaws::default() };
        let found = items.next_element_seed(Any(write))?;
        while items.next_element_seed(Any(Skip(self.cx, 0)))?.is_some() {}
        Ok(found == Some(Leaf::Map))
    }

    fn map<A: MapAccess<'de>>(self, entries: A) -> Result<bool, A::Error> {
        let write = Write { cx: self.cx, depth: 0, body: self.out, flaws: &mut Flaws::default() };
        write.map(entries)?;
        Ok(self.index == 0)
    }
}
