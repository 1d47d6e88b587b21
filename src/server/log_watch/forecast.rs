//! How fast the log grows, and when it will be full.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::nats::StreamStatus;
use crate::nats::growth::Growth;
use crate::nats::room::{Held, Unit};
use crate::telemetry;
use crate::telemetry::condition::Severity;

/// The growth is the mean over this time.
const WINDOW: Duration = Duration::from_secs(600);
/// Between two points that are kept.
const STEP: Duration = Duration::from_secs(10);
/// The least time that a growth is told of, and the least that a warning is given for.
const TOLD_AFTER: Duration = Duration::from_secs(5);
const WARNED_AFTER: Duration = Duration::from_secs(120);

/// Shares of the bound, and hours, at which somebody should act.
const USED_LOW: f64 = 0.80;
const USED_HIGH: f64 = 0.95;
const HOURS_LOW: f64 = 72.0;

/// How much it held in the last [`WINDOW`].
#[derive(Debug, Default)]
pub struct Forecast {
    points: VecDeque<(Instant, u64)>,
}

/// How full the log is by one of its bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fill {
    held: Held,
    /// A second; `None` until it has been watched for a while.
    rate: Option<f64>,
    hours_left: Option<f64>,
    /// The smaller growth of the two halves of the time watched, and the hours left at it: a burst, such as a backfill, is no trend.
    steady: Option<(f64, f64)>,
    watched: Duration,
}

impl Forecast {
    /// Takes one look at `now`; `disk`: bytes free on the disk of the log, where that is known.
    pub fn look(&mut self, now: Instant, held: Held, disk: Option<u64>) -> Fill {
        let Held { used, most, .. } = held;
        while self.points.front().is_some_and(|(at, _)| WINDOW < now - *at) {
            self.points.pop_front();
        }
        // the beginning of the log was cut off: growth is measured anew
        if self.points.back().is_some_and(|(_, before)| used < *before) {
            self.points.clear();
        }
        if self.points.back().is_none_or(|(at, _)| STEP <= now - *at) {
            self.points.push_back((now, used));
        }
        let (since, before) = self.points.front().copied().unwrap_or((now, used));
        let watched = now - since;
        let rate = (TOLD_AFTER <= watched).then(|| used.saturating_sub(before) as f64 / watched.as_secs_f64());
        let room = [most.map(|most| most.saturating_sub(used)), disk].into_iter().flatten().min();
        let hours = |(room, rate): (u64, f64)| (0.0 < rate).then(|| room as f64 / rate / 3_600.0);
        let steady = rate.and_then(|_| self.steady(now, used));
        let steady = steady.and_then(|rate| Some((rate, hours((room?, rate))?)));
        Fill { held, rate, hours_left: room.zip(rate).and_then(hours), steady, watched }
    }

    /// The smaller growth of the two halves of the time watched, a second; `None` before there are two.
    fn steady(&self, now: Instant, used: u64) -> Option<f64> {
        let (since, before) = *self.points.front()?;
        let half = since + (now - since) / 2;
        let (middle, between) = *self.points.iter().rev().find(|(at, _)| *at <= half)?;
        let growth = |from: Instant, to: Instant, grown: u64| (from < to).then(|| grown as f64 / (to - from).as_secs_f64());
        let first = growth(since, middle, between.saturating_sub(before))?;
        Some(first.min(growth(middle, now, used.saturating_sub(between))?))
    }
}

/// Sets the gauges; `bytes` and `messages` are the same log by both of its bounds.
pub fn show(bytes: &Fill, messages: &Fill) {
    let known = |value: Option<f64>| value.unwrap_or(f64::NAN);
    telemetry::LOG_BYTES.set(bytes.held.used as f64);
    telemetry::LOG_MAX_BYTES.set(known(bytes.held.most.map(|most| most as f64)));
    telemetry::LOG_BYTES_PER_SECOND.set(known(bytes.rate));
    let both = [bytes, messages];
    telemetry::LOG_USED_RATIO.set(known(both.iter().filter_map(|fill| fill.held.share()).reduce(f64::max)));
    let left = both.iter().filter_map(|fill| fill.hours_left).reduce(f64::min);
    telemetry::LOG_LEFT_SECONDS.set(known(left.map(|hours| hours * 3_600.0)));
}

/// Sets the gauges of the last day, and says how many hours are left at its growth.
///
/// * `disk`: bytes free on the disk of the log, where that is known.
pub fn show_day(growth: Option<Growth>, status: &StreamStatus, disk: Option<u64>) -> Option<f64> {
    let hours = growth.and_then(|growth| growth.hours_left(status, disk));
    telemetry::LOG_DAY_BYTES_PER_SECOND.set(growth.map_or(f64::NAN, |growth| growth.bytes_per_second));
    telemetry::LOG_DAY_LEFT_SECONDS.set(hours.map_or(f64::NAN, |hours| hours * 3_600.0));
    hours
}

impl Fill {
    /// What somebody should know; `None` if there is room for long.
    ///
    /// * `day_hours`: what is left at the growth of the last day.
    pub fn warning(&self, day_hours: Option<f64>) -> Option<(Severity, String)> {
        let used = self.held.share().unwrap_or(0.0);
        let soon = self.steady.filter(|(_, hours)| *hours < HOURS_LOW && WARNED_AFTER <= self.watched);
        if used < USED_LOW && soon.is_none() && day_hours.is_none_or(|hours| HOURS_LOW <= hours) {
            return None;
        }
        let severity = if USED_HIGH <= used { Severity::Critical } else { Severity::Warning };
        let (unit, setting) = (self.held.unit.shown(), self.held.unit.setting());
        let bound = self.held.most.map_or_else(|| "no bound".to_owned(), |most| format!("{most} {unit}"));
        let share = self.held.share().map_or_else(String::new, |used| format!(" ({:.0} %)", used * 100.0));
        let end = self
            .steady
            .map_or_else(String::new, |(rate, hours)| format!("; at {rate:.0} {unit}/s it is full in {}", shown(hours)));
        let day = day_hours.map_or_else(String::new, |hours| format!("; at the rate of the last day in {hours:.0} h"));
        let disk = match self.held.unit {
            Unit::Bytes => " or give its disk more space",
            Unit::Messages => "",
        };
        let way = format!("raise {setting} of the input stream (`nats stream edit`){disk}");
        Some((severity, format!("the log holds {} {unit} of {bound}{share}{end}{day}; {way}", self.held.used)))
    }
}

/// Hours as a person says them.
fn shown(hours: f64) -> String {
    let seconds = hours * 3_600.0;
    match seconds {
        ..120.0 => format!("{seconds:.0} s"),
        ..7_200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{hours:.1} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(used: u64, most: impl Into<Option<u64>>) -> Held {
        Held { unit: Unit::Bytes, used, most: most.into() }
    }

    #[test]
    fn the_log_is_told_of_at_80_and_95_percent_and_at_three_days() {
        let start = Instant::now();
        let warning = |used| Forecast::default().look(start, bytes(used, 1_000), None).warning(None);
        assert_eq!(warning(799), None);
        assert_eq!(warning(800).unwrap().0, Severity::Warning);
        assert_eq!(warning(950).unwrap().0, Severity::Critical);
        let mut forecast = Forecast::default();
        let mut last = None;
        for second in 0..=200 {
            last = Some(forecast.look(start + Duration::from_secs(second), bytes(second * 1_000, 100_000_000), None));
        }
        let fill = last.unwrap();
        assert_eq!(fill.rate, Some(1_000.0));
        assert!((fill.hours_left.unwrap() - 27.72).abs() < 0.01, "{fill:?}");
        let (severity, detail) = fill.warning(None).unwrap();
        assert!(severity == Severity::Warning && detail.contains("full in 27.7 h"), "{detail}");
    }

    #[test]
    fn a_log_that_the_last_day_would_fill_in_three_days_is_told_of_though_it_grows_little_now() {
        let fill = Forecast::default().look(Instant::now(), bytes(500, 1_000), None);
        assert_eq!(fill.warning(Some(72.0)), None);
        let (severity, detail) = fill.warning(Some(30.0)).unwrap();
        assert!(severity == Severity::Warning && detail.contains("at the rate of the last day in 30 h"), "{detail}");
    }

    #[test]
    fn a_log_that_is_full_within_the_hour_says_in_how_many_minutes_or_seconds() {
        assert_eq!([0.0007, 0.5, 1.99, 27.72].map(shown), ["3 s", "30 min", "119 min", "27.7 h"]);
    }

    #[test]
    fn a_disk_that_is_smaller_than_the_bound_decides_and_a_burst_is_no_trend() {
        let start = Instant::now();
        let mut forecast = Forecast::default();
        forecast.look(start, bytes(0, 1 << 40), Some(1 << 40));
        let fill = forecast.look(start + Duration::from_secs(10), bytes(36_000, 1 << 40), Some(36_000_000));
        assert_eq!((fill.rate, fill.hours_left), (Some(3_600.0), Some(36_000_000.0 / 3_600.0 / 3_600.0)));
        assert_eq!(fill.warning(None), None, "watched for ten seconds only");
    }

    #[test]
    fn a_backfill_is_told_as_growth_and_is_no_reason_for_a_warning() {
        let start = Instant::now();
        let mut forecast = Forecast::default();
        for second in 0..=1_200_u64 {
            // an hour of a demo in the first seconds, and little after it; later once more
            let bursts = u64::from(5 < second) + u64::from(800 < second);
            let held = bytes(bursts * 70_000_000 + second * 30_000, 17 << 30);
            let fill = forecast.look(start + Duration::from_secs(second), held, None);
            assert_eq!(fill.warning(None), None, "after {second} s: {fill:?}");
        }
        let fill = forecast.look(start + Duration::from_secs(1_201), bytes(176_030_000, 17 << 30), None);
        assert!(100_000.0 < fill.rate.unwrap() && fill.steady.unwrap().0 < 31_000.0, "{fill:?}");
    }

    #[test]
    fn a_log_that_was_cut_grows_as_before() {
        let start = Instant::now();
        let mut forecast = Forecast::default();
        let rate = |second: u64, used: u64, forecast: &mut Forecast| {
            forecast.look(start + Duration::from_secs(second), bytes(used, None), None).rate
        };
        for second in 0..100 {
            rate(second, 1_000_000 + second * 100, &mut forecast);
        }
        for second in 100..200 {
            rate(second, second * 100, &mut forecast);
        }
        assert_eq!(rate(200, 20_000, &mut forecast), Some(100.0));
    }

    #[test]
    fn growth_is_forgotten_after_ten_minutes() {
        let start = Instant::now();
        let mut forecast = Forecast::default();
        for second in 0..2_000_u64 {
            let held = bytes(second.min(1_000) * 100, None);
            let fill = forecast.look(start + Duration::from_secs(second), held, None);
            assert!(forecast.points.len() <= 62);
            if 1_700 < second {
                assert_eq!(fill.rate, Some(0.0));
            }
        }
    }

    #[test]
    fn a_log_that_is_bounded_in_messages_is_told_of_too() {
        let held = Held { unit: Unit::Messages, used: 97, most: Some(100) };
        let (severity, detail) = Forecast::default().look(Instant::now(), held, None).warning(None).unwrap();
        assert_eq!(severity, Severity::Critical);
        assert_eq!(
            detail,
            "the log holds 97 messages of 100 messages (97 %); raise max_msgs of the input stream (`nats stream edit`)"
        );
    }
}
