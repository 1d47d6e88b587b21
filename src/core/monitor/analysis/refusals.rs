//! Producers whose records are refused: how many of each, what was wrong with the last, and whether nearly all of them are.
//!
//! A producer is watched from its first refused record on, so that an honest one costs nothing. What it sends is judged in stretches of half
//! a minute, so whoever sends nothing that is accepted is told of within a minute.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::event::Fault;
use crate::monitor::analysis::finding::Figures;
use crate::time::{Span, Timestamp};

/// The least time between the first record of a stretch and its judgement.
const STRETCH: Span = Span::from_secs(30);

/// From this share of refused records on it is a finding.
const SHARE_MIN: f64 = 0.5;

/// A finding about a producer that sends nothing any more is over after this.
const FORGOTTEN_AFTER: Span = Span::from_secs(3_600);

/// The longest text of the last fault that is kept, in bytes: each commit that counts a refusal writes it.
const DETAIL_BYTES_MAX: usize = 200;

/// What is known of one producer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Refusals {
    /// Records since the first refused one, that among them, and the refused ones.
    pub records: u64,
    pub refused: u64,
    /// When the last one was refused, in log time.
    pub last_at: Timestamp,
    /// What was wrong with it.
    pub reason: CompactString,
    pub pointer: CompactString,
    pub detail: CompactString,
    stretch: Stretch,
    /// Ordinal of the finding that goes on.
    pub(super) finding: Option<u32>,
    /// The share that it was last judged by.
    pub share: f64,
}

/// Records since the last judgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Stretch {
    since: Timestamp,
    records: u64,
    refused: u64,
}

/// What a judgement says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Too little has come, or nothing new.
    Nothing,
    Begins(Figures),
    GoesOn(Figures),
    IsOver,
}

impl Refusals {
    /// Counts the records of one message. `last`: the last of those that were refused.
    pub(super) fn count(&mut self, records: u64, refused: u64, last: Option<&Fault>, log_time: Timestamp) {
        if self.stretch.records == 0 {
            self.stretch.since = log_time;
        }
        self.records += records;
        self.refused += refused;
        self.stretch.records += records;
        self.stretch.refused += refused;
        if let Some(fault) = last {
            self.last_at = log_time;
            self.reason = fault.reason.clone();
            self.pointer = clipped(&fault.pointer);
            self.detail = clipped(&fault.detail);
        }
    }

    /// Judges the stretch, if it has lasted long enough, and begins the next.
    pub(super) fn judge(&mut self, log_time: Timestamp) -> Verdict {
        let Stretch { since, records, refused } = self.stretch;
        if records == 0 {
            let is_over = self.finding.is_some() && FORGOTTEN_AFTER <= log_time - self.last_at;
            return if is_over { Verdict::IsOver } else { Verdict::Nothing };
        }
        if log_time - since < STRETCH {
            return Verdict::Nothing;
        }
        self.stretch = Stretch::default();
        self.share = refused as f64 / records as f64;
        let figures = Figures { value: Some(self.share), high: Some(SHARE_MIN), expected: Some(0.0), ..Figures::default() };
        match (self.finding, SHARE_MIN <= self.share) {
            (None, true) => Verdict::Begins(figures),
            (Some(_), true) => Verdict::GoesOn(figures),
            (Some(_), false) => Verdict::IsOver,
            (None, false) => Verdict::Nothing,
        }
    }
}

fn clipped(text: &str) -> CompactString {
    text[..text.floor_char_boundary(DETAIL_BYTES_MAX)].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn fault() -> Fault {
        Fault::new("out_of_range", "must be in 0 to 1, not 93".to_owned(), "/confidence".to_owned())
    }

    #[test]
    fn one_that_sends_only_what_is_refused_is_found_out_within_a_minute_and_let_off_when_it_sends_better() {
        let mut refusals = Refusals::default();
        refusals.count(1, 1, Some(&fault()), at(0));
        assert_eq!(refusals.judge(at(25)), Verdict::Nothing);
        let Verdict::Begins(figures) = refusals.judge(at(30)) else { panic!("{refusals:?}") };
        assert_eq!((figures.value, refusals.reason.as_str()), (Some(1.0), "out_of_range"));
        refusals.finding = Some(0);
        assert_eq!(refusals.judge(at(60)), Verdict::Nothing, "nothing came since");
        refusals.count(10, 0, None, at(61));
        assert_eq!(refusals.judge(at(95)), Verdict::IsOver);
        assert_eq!((refusals.records, refusals.refused), (11, 1));
    }

    #[test]
    fn one_bad_record_among_many_is_no_finding() {
        let mut refusals = Refusals::default();
        refusals.count(1, 1, Some(&fault()), at(0));
        refusals.count(100, 0, None, at(10));
        assert_eq!(refusals.judge(at(31)), Verdict::Nothing);
    }

    #[test]
    fn a_finding_about_one_that_fell_silent_is_over_after_an_hour() {
        let mut refusals = Refusals { finding: Some(3), last_at: at(0), ..Refusals::default() };
        assert_eq!(refusals.judge(at(3_599)), Verdict::Nothing);
        assert_eq!(refusals.judge(at(3_600)), Verdict::IsOver);
    }
}
