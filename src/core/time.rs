//! Instants and durations of the log, in whole microseconds. Knows no clock: an instant comes from an event or from the
//! stream, never from here.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// An instant: microseconds since the Unix epoch, UTC. Serialised as that number; shown as RFC 3339.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(i64);

/// A length of time in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span(i64);

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The start of the `width`-wide interval that holds this instant; intervals are aligned to the Unix epoch.
    ///
    /// `width` must be positive.
    pub const fn floor(self, width: Span) -> Self {
        Self(self.0 - self.0.rem_euclid(width.0))
    }

    /// Reads an RFC 3339 instant, such as `2026-01-01T00:00:00.5Z` or `2026-01-01T09:00:00+09:00`. `None` if it is not one.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let instant: jiff::Timestamp = text.parse().ok()?;
        Some(Self(instant.as_microsecond()))
    }

    /// Reads an epoch number by its magnitude: below 10¹¹ seconds, below 10¹⁴ milliseconds, below 10¹⁷ microseconds, else
    /// nanoseconds. Fractions are kept down to the microsecond. `None` if the instant does not fit or is not finite.
    pub fn from_epoch_number(number: f64) -> Option<Self> {
        let magnitude = number.abs();
        let scale = match magnitude {
            m if m < 1e11 => 1e6,
            m if m < 1e14 => 1e3,
            m if m < 1e17 => 1.0,
            _ => 1e-3,
        };
        let micros = (number * scale).round();
        (micros.abs() < 9.0e18).then_some(Self(micros as i64))
    }

    /// As [`Self::from_epoch_number`], exactly, for whole numbers.
    pub const fn from_epoch_integer(number: i64) -> Option<Self> {
        match number.unsigned_abs() {
            0..=99_999_999_999 => Some(Self(number * 1_000_000)),
            100_000_000_000..=99_999_999_999_999 => Some(Self(number * 1_000)),
            100_000_000_000_000..=99_999_999_999_999_999 => Some(Self(number)),
            _ => Some(Self(number.div_euclid(1_000))),
        }
    }

    /// Reads an instant as text writes it: RFC 3339, or an epoch number in quotes, as the JSON mapping of protocol buffers has 64-bit
    /// integers. `None` if it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_rfc3339(text).or_else(|| Self::parse_epoch(text.trim()))
    }

    /// Reads an epoch number in decimal digits, as [`Self::from_epoch_number`]; whole ones exactly.
    fn parse_epoch(text: &str) -> Option<Self> {
        // the parser of floating-point numbers takes words such as "inf" too
        let is_numeral = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        if !is_numeral {
            return None;
        }
        match text.parse::<i64>() {
            Ok(number) => Self::from_epoch_integer(number),
            Err(_) => Self::from_epoch_number(text.parse().ok()?),
        }
    }

    /// `2026-11-27 16:06 UTC`, for a sentence; outside the years -9999 to 9999 as by `Display`.
    pub fn to_minute_text(self) -> String {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => instant.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            Err(_) => self.to_string(),
        }
    }
}

/// RFC 3339 in UTC with as many fractional digits as needed. An instant outside the years -9999 to 9999 is shown as its number.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => write!(f, "{instant}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Sub for Timestamp {
    type Output = Span;
    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * 1_000_000)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Seconds, as the interfaces show durations.
    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_tells_the_minute() {
        let at = Timestamp::parse_rfc3339("2026-11-27T16:06:02.854761Z").unwrap();
        assert_eq!(at.to_minute_text(), "2026-11-27 16:06 UTC");
        assert_eq!(Timestamp::from_micros(i64::MAX).to_minute_text(), format!("{}us", i64::MAX));
    }

    #[test]
    fn an_epoch_number_is_read_by_its_magnitude() {
        let instant = Timestamp::from_micros(1_767_225_600_004_000);
        assert_eq!(Timestamp::from_epoch_number(1_767_225_600.004), Some(instant));
        assert_eq!(Timestamp::from_epoch_integer(1_767_225_600_004), Some(instant));
        assert_eq!(Timestamp::from_epoch_integer(1_767_225_600_004_000), Some(instant));
        assert_eq!(Timestamp::from_epoch_integer(1_767_225_600_004_000_000), Some(instant));
        assert_eq!(Timestamp::from_epoch_number(f64::NAN), None);
    }

    #[test]
    fn an_epoch_number_in_quotes_is_read_as_one_without() {
        let instant = Timestamp::from_micros(1_772_335_815_500_000);
        for text in [
            "1772335815.5",
            " 1772335815500 ",
            "1772335815500000",
            "1772335815500000000",
            "1.7723358155e9",
            "2026-03-01T03:30:15.5Z",
        ] {
            assert_eq!(Timestamp::parse(text), Some(instant), "{text}");
        }
        assert_eq!(Timestamp::parse("-1.5"), Some(Timestamp::from_micros(-1_500_000)));
        for text in ["", " ", "inf", "nan", "-", ".", "1e999", "0x10", "1_000", "yesterday", "17723358\u{661}"] {
            assert_eq!(Timestamp::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn rfc_3339_is_read_with_any_offset_and_shown_in_utc() {
        let read = Timestamp::parse_rfc3339("2026-01-01T09:00:00.5+09:00").unwrap();
        assert_eq!(read.to_string(), "2026-01-01T00:00:00.5Z");
        assert_eq!(Timestamp::parse_rfc3339("yesterday"), None);
    }

    #[test]
    fn floor_is_aligned_to_the_epoch_on_both_sides_of_it() {
        let minute = Span::from_secs(60);
        assert_eq!(Timestamp::from_micros(61_000_000).floor(minute), Timestamp::from_micros(60_000_000));
        assert_eq!(Timestamp::from_micros(-1).floor(minute), Timestamp::from_micros(-60_000_000));
    }
}
