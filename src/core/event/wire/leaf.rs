//! One value of a field, and what a field may ask of it.

use std::borrow::Cow;

use compact_str::{CompactString, ToCompactString, format_compact};

use super::clip;
use super::fault::{Problem, Reason};
use crate::event::{Value, fraction};
use crate::ids::Name;
use crate::time::Timestamp;

/// A scalar as it was written, or the fact that it was a list or a map.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::event) enum Leaf<'de> {
    Null,
    Bool(bool),
    Whole(i64),
    /// A whole number above `i64::MAX`.
    Big(u64),
    Real(f64),
    Text(Cow<'de, str>),
    /// A timestamp of MessagePack or of a table.
    Instant(Timestamp),
    /// Bytes that are no UTF-8, or an extension we do not know.
    Binary,
    List,
    Map,
}

const A_NUMBER: &str = "a number";

/// Whole numbers below this are exact as floats; a larger one that comes as a float may have been another.
const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;

/// The first and last instants that RFC 3339 can write, leaving out the year 0.
const TIME_MIN: Timestamp = Timestamp::from_micros(-62_135_596_800_000_000);
const TIME_MAX: Timestamp = Timestamp::from_micros(253_402_300_799_999_999);

impl<'de> Leaf<'de> {
    /// A finite number; `None` for `null`.
    pub fn number(self) -> Result<Option<f64>, Problem> {
        match self {
            Self::Null => Ok(None),
            Self::Whole(number) => Ok(Some(number as f64)),
            Self::Big(number) => Ok(Some(number as f64)),
            Self::Real(number) if number.is_finite() => Ok(Some(number)),
            Self::Real(number) => Err(not_finite(number)),
            other => Err(other.not(A_NUMBER)),
        }
    }

    /// A probability or another measured share: a number in 0 to 1. One that lies outside by rounding counts as the bound.
    pub fn fraction(self) -> Result<Option<f64>, Problem> {
        let Some(number) = self.number()? else { return Ok(None) };
        fraction::rounded(number).map(Some).ok_or_else(|| {
            let hint = if (1.0..=100.0).contains(&number) { "; divide a percentage by 100" } else { "" };
            Problem::new(Reason::OutOfRange, format!("must be in 0 to 1, not {number}{hint}"))
        })
    }

    /// A share that somebody chose: a number in 0 to 1, exactly.
    pub fn chosen_share(self) -> Result<Option<f64>, Problem> {
        self.number_within(0.0, 1.0, "in 0 to 1")
    }

    /// A number that is not negative.
    pub fn not_negative(self) -> Result<Option<f64>, Problem> {
        self.number_within(0.0, f64::MAX, "not negative")
    }

    fn number_within(self, low: f64, high: f64, range: &str) -> Result<Option<f64>, Problem> {
        match self.number()? {
            Some(number) if !(low..=high).contains(&number) => {
                Err(Problem::new(Reason::OutOfRange, format!("must be {range}, not {number}")))
            }
            number => Ok(number),
        }
    }

    /// The version of the record's schema, if it is one that is read here.
    pub fn schema_version(self) -> Result<Option<()>, Problem> {
        match &self {
            Self::Null => Ok(None),
            Self::Whole(1) => Ok(Some(())),
            Self::Real(1.0) => Ok(Some(())),
            Self::Text(text) if matches!(text.as_ref(), "1" | "1.0") => Ok(Some(())),
            other => {
                let detail = format!("this release reads records of version 1, not {}; update it to read these", other.shown());
                Err(Problem::new(Reason::UnknownVersion, detail))
            }
        }
    }

    /// Any text.
    pub fn text(self) -> Result<Option<Cow<'de, str>>, Problem> {
        match self {
            Self::Null => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            other => Err(other.not("text")),
        }
    }

    /// A name: text, or a number or boolean as its text.
    pub fn name(self) -> Result<Option<Name>, Problem> {
        let name = match &self {
            Self::Text(text) => Name::try_from(text.as_ref()),
            _ => match self.id()? {
                Some(text) => Name::try_from(text),
                None => return Ok(None),
            },
        };
        name.map(Some).map_err(|bad| Problem::new(Reason::BadName, bad.to_string()))
    }

    /// An id under the rules of a name.
    pub fn checked_id(self) -> Result<Option<CompactString>, Problem> {
        match self.id()? {
            Some(id) => checked(id).map(Some),
            None => Ok(None),
        }
    }

    /// The text of a label value, which may be empty.
    pub fn label_value(self) -> Result<Option<CompactString>, Problem> {
        match self.id()? {
            Some(id) if id.is_empty() => Ok(Some(id)),
            Some(id) => checked(id).map(Some),
            None => Ok(None),
        }
    }

    #[inline]
    fn id(self) -> Result<Option<CompactString>, Problem> {
        Ok(Some(match self {
            Self::Null => return Ok(None),
            Self::Text(text) => text.as_ref().into(),
            Self::Bool(bool) => bool.to_compact_string(),
            Self::Whole(number) => number.to_compact_string(),
            Self::Big(number) => number.to_compact_string(),
            Self::Real(number) if !number.is_finite() => return Err(not_finite(number)),
            Self::Real(number) if EXACT_BELOW <= number.abs() => {
                let detail = format!("{number} may have lost digits on the way, as a number this large does; give it as text");
                return Err(Problem::new(Reason::OutOfRange, detail));
            }
            Self::Real(number) => format_compact!("{number}"),
            other => return Err(other.not("text")),
        }))
    }

    /// An instant: RFC 3339, an epoch number, in quotes or not, or MessagePack's own timestamp.
    pub fn instant(self) -> Result<Option<Timestamp>, Problem> {
        let read = match &self {
            Self::Null => return Ok(None),
            // The last day of the year 9999 is a common way to write "never". The parser ends a day early, so that any offset fits.
            Self::Text(text) if text.starts_with("9999-12-3") => Timestamp::parse(text).or(Some(TIME_MAX)),
            Self::Text(text) => Timestamp::parse(text),
            Self::Whole(number) => Timestamp::from_epoch_integer(*number),
            Self::Big(number) => Timestamp::from_epoch_number(*number as f64),
            Self::Real(number) if !number.is_finite() => return Err(not_finite(*number)),
            Self::Real(number) => Timestamp::from_epoch_number(*number),
            Self::Instant(instant) => Some(*instant),
            _ => return Err(self.not("an instant: RFC 3339 text or an epoch number")),
        };
        match read {
            Some(instant) if (TIME_MIN..=TIME_MAX).contains(&instant) => Ok(Some(instant)),
            _ => Err(Problem::new(
                Reason::BadTime,
                format!("{} is neither RFC 3339 with an offset nor an epoch number in the years 1 to 9999", self.shown()),
            )),
        }
    }

    /// What a model says: a number, or a class by its name. A whole number that no double holds, such as a 64-bit id, is a class.
    pub fn value(self) -> Result<Option<Value>, Problem> {
        let is_long = match self {
            Self::Whole(number) => (EXACT_BELOW as u64) < number.unsigned_abs(),
            Self::Big(_) => true,
            _ => false,
        };
        Ok(Some(match self {
            Self::Null => return Ok(None),
            Self::Whole(_) | Self::Big(_) if is_long => match self.checked_id()? {
                Some(class) => Value::Class(class),
                None => return Ok(None),
            },
            Self::Text(_) | Self::Bool(_) => match self.checked_id()? {
                Some(class) => Value::Class(class_named(class)),
                None => return Ok(None),
            },
            Self::Whole(_) | Self::Big(_) | Self::Real(_) => match self.number()? {
                Some(number) => Value::Number(number),
                None => return Ok(None),
            },
            other => return Err(other.not("a number, text, boolean or object")),
        }))
    }

    /// The problem of being something other than `wanted`.
    #[cold]
    pub fn not(&self, wanted: &str) -> Problem {
        match self {
            Self::Binary => Problem::new(Reason::BadUtf8, format!("expected {wanted}, not bytes that are no UTF-8")),
            Self::Text(text) if wanted == A_NUMBER && text.trim().parse::<f64>().is_ok() => {
                let detail = format!("expected {wanted}, not the text {}; leave the quotes out", self.shown());
                Problem::new(Reason::WrongType, detail)
            }
            other => Problem::new(Reason::WrongType, format!("expected {wanted}, not {}", other.shown())),
        }
    }

    fn shown(&self) -> CompactString {
        match self {
            Self::Null => "null".into(),
            Self::Bool(bool) => bool.to_compact_string(),
            Self::Whole(number) => number.to_compact_string(),
            Self::Big(number) => number.to_compact_string(),
            Self::Real(number) => format_compact!("{number}"),
            Self::Text(text) => format_compact!("{:?}", clip(text)),
            Self::Instant(instant) => instant.to_compact_string(),
            Self::Binary => "bytes".into(),
            Self::List => "an array".into(),
            Self::Map => "an object".into(),
        }
    }
}

/// A class in one spelling, where programs have several: `True` and `TRUE` are `true`, and `404.0` is `404`.
pub(super) fn class_named(name: CompactString) -> CompactString {
    match name.as_str() {
        "True" | "TRUE" => "true".into(),
        "False" | "FALSE" => "false".into(),
        text => match text.split_once('.') {
            Some((whole, zeros)) if is_whole(whole) && !zeros.is_empty() && zeros.bytes().all(|digit| digit == b'0') => {
                if whole == "-0" { "0".into() } else { whole.into() }
            }
            _ => name,
        },
    }
}

/// Whether a text is a whole number as one writes it: no zeros before it.
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits == "0"
        || (digits.bytes().all(|digit| digit.is_ascii_digit()) && matches!(digits.as_bytes().first(), Some(b'1'..=b'9')))
}

/// An id or class under the rules of a name: 1 to 256 bytes, no NUL.
pub(in crate::event) fn checked(id: CompactString) -> Result<CompactString, Problem> {
    match super::usable_id(&id) {
        Some(_) => Ok(id),
        None => Err(bad_name(&id)),
    }
}

/// Why `id` is no name.
fn bad_name(id: &str) -> Problem {
    let detail = match Name::try_from(id) {
        Err(bad) => bad.to_string(),
        Ok(_) => "not a name".to_owned(),
    };
    Problem::new(Reason::BadName, detail)
}

#[cold]
pub(super) fn not_finite(number: f64) -> Problem {
    Problem::new(Reason::NotFinite, format!("must be a finite number, not {number}"))
}
