//! What a model was asked: the features of one prediction.

use std::fmt;
use std::sync::Arc;

use compact_str::{CompactString, format_compact};
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// The longest text kept of a feature, in bytes; see [`Feature::text`].
const TEXT_BYTES_MAX: usize = 64;

/// How much of a longer text stays readable, in bytes.
const TEXT_BYTES_SHOWN: usize = 44;

/// The features of a prediction, names unique, in the producer's order.
///
/// Most records of a producer name the same features in the same order, so names are shared: equal [`Self::names`] are then one
/// allocation, which makes "as before" a comparison of two pointers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {
    names: Names,
    values: Vec<Feature>,
}

/// The names of features, shared.
#[derive(Clone, Debug, Default)]
pub struct Names(Option<Arc<[CompactString]>>);

/// One feature's value. Written as what it is: nothing, a number or a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Feature {
    /// `null`: named, and not known.
    Missing,
    /// Finite. An array of numbers is its Euclidean norm.
    Number(f64),
    /// Text or a boolean.
    Category(CompactString),
}

impl Features {
    /// `names` are as many as `values`; of a name that comes twice the last value counts.
    pub(super) fn new(names: Names, values: Vec<Feature>) -> Self {
        debug_assert_eq!(names.as_slice().len(), values.len());
        Self { names, values }
    }

    pub const fn names(&self) -> &Names {
        &self.names
    }

    pub fn values(&self) -> &[Feature] {
        &self.values
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Feature)> {
        self.names.as_slice().iter().map(CompactString::as_str).zip(&self.values)
    }
}

impl FromIterator<(CompactString, Feature)> for Features {
    fn from_iter<I: IntoIterator<Item = (CompactString, Feature)>>(features: I) -> Self {
        let (names, values): (Vec<_>, Vec<_>) = features.into_iter().unzip();
        let (names, values) = last_of_each(names, values);
        Self::new(Names::from(names), values)
    }
}

impl Serialize for Features {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Features {
    /// Of a map of names to numbers, texts, booleans and `null`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Features;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of features")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Features, A::Error> {
                let mut read = Vec::new();
                while let Some(name) = entries.next_key::<CompactString>()? {
                    let named = |error| A::Error::custom(format!("feature {name:?}: {error}"));
                    let value = entries.next_value().map_err(named)?;
                    read.push((name, value));
                }
                Ok(read.into_iter().collect())
            }
        }
        deserializer.deserialize_map(Map)
    }
}

impl Serialize for Feature {
    /// A number takes half the room where that says the same; text for people knows one kind only.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Missing => serializer.serialize_unit(),
            Self::Number(number) if !serializer.is_human_readable() && f64::from(*number as f32) == *number => {
                serializer.serialize_f32(*number as f32)
            }
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Category(name) => serializer.serialize_str(name),
        }
    }
}

impl<'de> Deserialize<'de> for Feature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Feature;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a text, a boolean or null")
            }

            fn visit_unit<E>(self) -> Result<Feature, E> {
                Ok(Feature::Missing)
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Feature, E> {
                Ok(Feature::flag(flag))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Feature, E> {
                Ok(Feature::Number(number as f64))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Feature, E> {
                Ok(Feature::Number(number as f64))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Feature, E> {
                Ok(Feature::Number(number))
            }

            fn visit_str<E>(self, text: &str) -> Result<Feature, E> {
                Ok(Feature::text(text))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl Names {
    pub fn as_slice(&self) -> &[CompactString] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether both are one allocation, and so equal. False says nothing.
    pub fn is_shared_with(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        }
    }
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        self.is_shared_with(other) || self.as_slice() == other.as_slice()
    }
}

impl From<Vec<CompactString>> for Names {
    fn from(names: Vec<CompactString>) -> Self {
        Self((!names.is_empty()).then(|| names.into()))
    }
}

impl Feature {
    /// A text as a category. Long ones are told apart by their hash and not kept whole: a prompt is no category that anyone reads.
    pub fn text(text: &str) -> Self {
        if text.len() <= TEXT_BYTES_MAX {
            return Self::Category(text.into());
        }
        let shown = text.floor_char_boundary(TEXT_BYTES_SHOWN);
        Self::Category(format_compact!("{}…{:016x}", &text[..shown], xxh3_64(text.as_bytes())))
    }

    pub fn flag(flag: bool) -> Self {
        Self::Category(CompactString::const_new(if flag { "true" } else { "false" }))
    }

    /// The Euclidean norm of an array. Not beyond the largest float.
    pub fn norm(squares: f64) -> Self {
        Self::Number(squares.sqrt().min(f64::MAX))
    }
}

/// Keeps the last value of each name, in the place of the first. Cost: O(n log n).
pub(super) fn last_of_each(mut names: Vec<CompactString>, mut values: Vec<Feature>) -> (Vec<CompactString>, Vec<Feature>) {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by(|a, b| names[*a].cmp(&names[*b]));
    let mut repeated = Vec::new();
    for same in order.chunk_by(|a, b| names[*a] == names[*b]).filter(|same| 1 < same.len()) {
        values.swap(same[0], same[same.len() - 1]);
        repeated.extend_from_slice(&same[1..]);
    }
    repeated.sort_unstable();
    for at in repeated.into_iter().rev() {
        names.remove(at);
        values.remove(at);
    }
    (names, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_name_that_comes_twice_the_last_value_counts() {
        let number = |n: f64| Feature::Number(n);
        let features: Features = [("b", 1.0), ("a", 2.0), ("b", 3.0), ("c", 4.0), ("a", 5.0)]
            .map(|(name, n)| (name.into(), number(n)))
            .into_iter()
            .collect();
        let read: Vec<_> = features.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
        assert_eq!(read, [("b".to_owned(), number(3.0)), ("a".to_owned(), number(5.0)), ("c".to_owned(), number(4.0))]);
    }

    #[test]
    fn long_texts_stay_short_and_apart() {
        let long = |end: &str| Feature::text(&format!("{}{end}", "가".repeat(100)));
        assert_ne!(long("a"), long("b"));
        assert_eq!(long("a"), long("a"));
        let Feature::Category(kept) = long("a") else { panic!("a text is a category") };
        assert!(kept.len() <= TEXT_BYTES_MAX);
        assert_eq!(Feature::text("plain"), Feature::Category("plain".into()));
    }
}
