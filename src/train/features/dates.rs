//! Texts that are dates or instants, as numbers that a model can split by.

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::table::Raw;

const FIRST: Date = jiff::civil::date(1970, 1, 1);

/// Which numbers become of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dates {
    /// Whether it has a time of day.
    times: bool,
}

/// Whether a text is a date, and whether it has a time of day other than midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    Other,
    Day,
    Time,
}

impl Dates {
    pub const fn new(times: bool) -> Self {
        Self { times }
    }

    pub fn outputs(self, name: &str) -> Vec<String> {
        let mut outputs: Vec<String> = ["days", "month", "weekday"].map(|part| format!("{part} of {name}")).into();
        if self.times {
            outputs.push(format!("hour of {name}"));
        }
        outputs
    }

    /// Days since 1970, month from 1, day of the week from 1 for Monday, hour with its fraction.
    pub fn encode(self, value: Raw<'_>, numbers: &mut Vec<f64>) {
        let at = if let Raw::Text(text) = value { parsed(text) } else { None };
        let Some(at) = at else {
            numbers.extend(std::iter::repeat_n(f64::NAN, 3 + usize::from(self.times)));
            return;
        };
        let hour = f64::from(at.hour()) + f64::from(at.minute()) / 60.0 + f64::from(at.second()) / 3600.0;
        let days = days_since_1970(at.date()) + if self.times { hour / 24.0 } else { 0.0 };
        numbers.extend([days, f64::from(at.month()), f64::from(at.weekday().to_monday_one_offset())]);
        if self.times {
            numbers.push(hour);
        }
    }
}

/// What a text looks like.
pub fn looks(text: &str) -> Looks {
    match parsed(text) {
        None => Looks::Other,
        Some(at) if at.time() == jiff::civil::Time::midnight() => Looks::Day,
        Some(_) => Looks::Time,
    }
}

fn days_since_1970(date: Date) -> f64 {
    f64::from((date - FIRST).get_days())
}

/// A date, a date with a time, or an instant, which is read in UTC.
fn parsed(text: &str) -> Option<DateTime> {
    let text = text.trim();
    // a year of four digits comes first: numbers and names are no dates
    let starts =
        text.len() >= 8 && text.as_bytes()[..4].iter().all(u8::is_ascii_digit) && matches!(text.as_bytes()[4], b'-' | b'/');
    if !starts {
        return None;
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        let since = SignedDuration::from_secs(instant.as_second());
        return FIRST.at(0, 0, 0, 0).checked_add(since).ok();
    }
    text.parse::<DateTime>().or_else(|_| text.replace('/', "-").parse::<DateTime>()).ok()
}
