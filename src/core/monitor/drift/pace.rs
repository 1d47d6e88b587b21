//! How wide the drift windows of a version are: as wide as its traffic needs, from ten minutes to seven days.
//!
//! A window of twenty rows says nothing, and one of a million is late. [`rows_needed`] tells how many rows a window needs so that a change as
//! large as the policy asks for is evident, and a version takes the narrowest of [`WIDTHS`] that holds as many at its rate. It is wider as soon
//! as two windows in a row were too short, and narrower only once a whole day would have been served by narrower ones: so a version
//! whose nights are quiet has the windows that its nights need, and widths change rarely. A policy may pin the width instead.
//!
//! Why the alarm budget holds whatever width is taken. A window of width `w` asks its questions at the level `α(w) = budget · w / (month ·
//! questions of the fleet)` ([`Policy::needed`]). The width follows from *how many* rows came and when, never from their values: given all times
//! of arrival every window of a version is fixed before a value is looked at, so each question is still answered wrongly with a chance of
//! at most its level, as if the widths had been laid down in advance. Windows of one version do not overlap: one that is aligned to its width
//! begins no earlier than the last one ended ([`Pace::start_of`]), and its level is that of what is left of its width. So the widths of the
//! windows of a month add up to no more than a month (and the one window that reaches beyond it), and the levels of a version's questions
//! to its share of the budget: `Σ α(w) = budget / questions · Σ w / month`. This takes arrivals that do not depend on the values; where they
//! do, rows depend on each other, of which nothing is promised anyway (see [`super::judge`]).

use serde::{Deserialize, Serialize};

use crate::monitor::drift::baseline::Baseline;
use crate::monitor::drift::judge::Policy;
use crate::monitor::limits::COMPARED_MIN;
use crate::time::{Span, Timestamp};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// The widths that are taken, narrowest first. Each parts a week evenly.
pub const WIDTHS: [Span; 9] = [
    Span::from_secs(600),
    Span::from_secs(1_800),
    Span::from_secs(HOUR),
    Span::from_secs(3 * HOUR),
    Span::from_secs(6 * HOUR),
    Span::from_secs(12 * HOUR),
    Span::from_secs(DAY),
    // half a week
    Span::from_secs(84 * HOUR),
    Span::from_secs(7 * DAY),
];

/// How long narrower windows must have sufficed before they are taken.
const SPARE: Span = Span::from_secs(DAY);
/// Windows in a row that were too short before wider ones are taken.
const SHORT_WINDOWS: u8 = 2;
/// By how much a narrower window must exceed what it needs.
const MARGIN: f64 = 1.5;
/// A window is too short below this share of what it needs.
const SHORT: f64 = 0.8;
/// The least effect that windows are made for: smaller ones would want more rows than any have.
const PSI_MIN: f64 = 0.02;

/// The width of the windows of one version, and what it follows from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    width: Span,
    /// Rows a minute in the last window, or while the reference was gathered; `None` while that is not known.
    rate: Option<f64>,
    /// Windows in a row that held too few rows.
    short: u8,
    /// Since when narrower windows would have sufficed, and the widest of those.
    spare: Option<(Timestamp, Span)>,
    /// Where the last window ended.
    until: Timestamp,
}

impl Default for Pace {
    fn default() -> Self {
        Self { width: WIDTHS[0], rate: None, short: 0, spare: None, until: Timestamp::from_micros(i64::MIN / 2) }
    }
}

/// Rows that a window of `width` needs so that a change as large as the policy asks for is evident, if the reference has
/// `reference_rows` and the fleet judges so many `columns`.
///
/// A normal law that moves by `δ` deviations has an index of about `δ²` and moves its distribution function by `D = δ/√(2π)`; evidence of order
/// is `2 D² nm/(n+m) − 1` ([`crate::stats::drift::evidence::of_order`]). Solved for `m` with the evidence that is needed:
/// `nm/(n+m) = K = (needed + 1) π/ψ`, so `m = K n/(n − K)`. A reference that is too short for any window gets three times its rows.
pub fn rows_needed(policy: &Policy, columns: u64, reference_rows: u64, width: Span) -> u64 {
    let n = reference_rows as f64;
    let k = (policy.needed(columns, width) + 1.0) * std::f64::consts::PI / policy.psi_threshold.max(PSI_MIN);
    let rows = if k < 0.75 * n { k * n / (n - k) } else { 3.0 * n };
    (rows.ceil() as u64).max(COMPARED_MIN)
}

impl Pace {
    /// Begins with a new baseline, at the rate at which its rows came; those of a training set came at none.
    pub fn begin(&mut self, baseline: &Baseline, policy: &Policy, columns: u64) {
        let minutes = minutes(baseline.to - baseline.from);
        let rate = if 0.0 < minutes { Some(baseline.rows as f64 / minutes) } else { self.rate };
        let width = rate.map_or(self.width, |rate| fitting(rate, policy, columns, baseline.rows));
        *self = Self { width, rate, short: 0, spare: None, until: self.until };
    }

    /// How wide the next window is.
    pub fn width(&self, policy: &Policy) -> Span {
        policy.window.unwrap_or(self.width)
    }

    /// Rows a minute, as far as that is known.
    pub const fn rate(&self) -> Option<f64> {
        self.rate
    }

    /// Where the drift window that holds `pane` begins, and how wide it is from there: aligned to its width, and not before the end
    /// of the last one.
    pub fn start_of(&self, pane: Timestamp, policy: &Policy) -> (Timestamp, Span) {
        let width = self.width(policy);
        let aligned = pane.floor(width);
        let start = aligned.max(self.until.min(pane));
        (start, aligned + width - start)
    }

    /// A window is over: chooses how wide the next one is.
    pub fn see(&mut self, (start, width): (Timestamp, Span), rows: u64, needed: &dyn Fn(Span) -> u64) {
        let end = start + width;
        self.until = end;
        let rate = rows as f64 / minutes(width);
        self.rate = Some(rate);
        let wanted = narrowest(rate, needed);
        if self.width < wanted && rate * minutes(self.width) < SHORT * needed(self.width) as f64 {
            self.spare = None;
            self.short += 1;
            if SHORT_WINDOWS <= self.short {
                (self.width, self.short) = (wanted, 0);
            }
            return;
        }
        self.short = 0;
        let ample = narrowest(rate / MARGIN, needed);
        if self.width <= ample {
            self.spare = None;
            return;
        }
        let (since, widest) = self.spare.map_or((start, ample), |(since, widest)| (since, widest.max(ample)));
        self.spare = Some((since, widest));
        if SPARE <= end - since {
            (self.width, self.spare) = (widest, None);
        }
    }
}

fn fitting(rate: f64, policy: &Policy, columns: u64, reference_rows: u64) -> Span {
    narrowest(rate, &|width| rows_needed(policy, columns, reference_rows, width))
}

/// The narrowest width that holds as many rows as it needs at `rate`, the widest if none does.
fn narrowest(rate: f64, needed: &dyn Fn(Span) -> u64) -> Span {
    let suffices = |width: &&Span| needed(**width) as f64 <= rate * minutes(**width);
    WIDTHS.iter().find(suffices).copied().unwrap_or(WIDTHS[WIDTHS.len() - 1])
}

fn minutes(span: Span) -> f64 {
    span.micros() as f64 / 60e6
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: u64 = 12;

    fn needed(width: Span) -> u64 {
        rows_needed(&Policy::default(), COLUMNS, 1_000, width)
    }

    fn hours(hours: i64) -> Span {
        Span::from_secs(hours * HOUR)
    }

    /// Windows one after the other at these rates a minute; the widths that were taken.
    fn run(pace: &mut Pace, rates: &[f64]) -> Vec<Span> {
        let mut taken = Vec::new();
        for rate in rates {
            let pane = pace.until.max(Timestamp::default());
            let (start, width) = pace.start_of(pane, &Policy::default());
            taken.push(width);
            pace.see((start, width), (rate * minutes(width)).round() as u64, &needed);
        }
        taken
    }

    #[test]
    fn a_version_of_two_rows_a_minute_has_windows_of_six_hours() {
        assert_eq!(fitting(2.0, &Policy::default(), COLUMNS, 1_000), hours(6));
        assert_eq!(fitting(1_000.0, &Policy::default(), COLUMNS, 1_000), Span::from_secs(600));
        assert_eq!(fitting(0.001, &Policy::default(), COLUMNS, 1_000), hours(7 * 24));
        assert!(
            WIDTHS.iter().all(|width| hours(7 * 24).micros() % width.micros() == 0),
            "windows of all widths end at the week's end"
        );
    }

    #[test]
    fn a_window_needs_more_rows_for_smaller_effects_and_for_larger_fleets() {
        let width = Span::from_secs(600);
        let of = |psi: f64, columns: u64, rows: u64| {
            rows_needed(&Policy { psi_threshold: psi, ..Policy::default() }, columns, rows, width)
        };
        assert!(of(0.25, 12, 1_000) < of(0.1, 12, 1_000) && of(0.1, 12, 1_000) < of(0.1, 100_000, 1_000));
        assert_eq!((of(10.0, 12, 1_000), of(0.0, 12, 1_000)), (COMPARED_MIN, 3_000));
        // as many rows as are said to be needed, moved by as much as is asked for, are as evident as is needed
        let (n, m) = (1_000.0, of(0.1, 12, 1_000) as f64);
        let moved = (0.1_f64).sqrt() / std::f64::consts::TAU.sqrt();
        assert!((2.0 * moved * moved * n * m / (n + m) - 1.0 - Policy::default().needed(12, width)).abs() < 0.05);
    }

    #[test]
    fn traffic_that_slows_down_has_wider_windows_after_two_and_narrower_ones_only_after_a_day() {
        let mut pace = Pace::default();
        assert_eq!(run(&mut pace, &[200.0; 3]), [Span::from_secs(600); 3]);
        run(&mut pace, &[2.0]);
        assert_eq!(pace.width, Span::from_secs(600), "one short window is none");
        run(&mut pace, &[2.0]);
        assert_eq!(pace.width, hours(6));
        let taken = run(&mut pace, &[200.0; 5]);
        assert!(
            taken[0] < hours(6) && taken[1..].iter().all(|width| *width == hours(6)),
            "aligned, and never twice over a minute: {taken:?}"
        );
        assert_eq!(pace.width, Span::from_secs(600));
    }

    #[test]
    fn a_quiet_night_does_not_turn_the_width_to_and_fro() {
        let mut pace = Pace::default();
        let mut widths = Vec::new();
        for _ in 0..14 * 24 {
            let hour = pace.until.max(Timestamp::default()).micros() / 1_000_000 / HOUR % 24;
            run(&mut pace, &[if (8..20).contains(&hour) { 300.0 } else { 12.0 }]);
            widths.push(pace.width);
        }
        widths.dedup();
        assert!(widths.len() <= 3, "{widths:?}");
    }

    #[test]
    fn the_widths_of_a_month_add_up_to_no_more_than_that() {
        let mut pace = Pace::default();
        let mut spent = Span::default();
        let rates = [400.0, 1.0, 30.0, 0.2, 900.0, 2.0, 8.0];
        for nth in 0..2_000 {
            let pane = pace.until.max(Timestamp::default());
            if hours(30 * 24) <= pane - Timestamp::default() {
                break;
            }
            let taken = run(&mut pace, &[rates[nth / 40 % rates.len()]]);
            spent = Span::from_micros(spent.micros() + taken[0].micros());
        }
        assert_eq!(spent, pace.until - Timestamp::default());
    }
}
