//! Samples between two points: a round of a series is half a minute of its time. A gauge is as high in it as its samples on average; of
//! a counter it is what it grew by, per second.

use serde::{Deserialize, Serialize};

use super::Reading;
use crate::monitor::limits::ROUND;
use crate::time::Timestamp;

/// The round of a series that is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gathering {
    start: Timestamp,
    count: u32,
    /// Of the values of a gauge.
    sum: f64,
    /// The newest value of a counter, and the last of the round before.
    newest: Option<(Timestamp, f64)>,
    before: Option<(Timestamp, f64)>,
    pub place: Place,
}

/// Where a series is among those that are watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// No point of it has come yet.
    #[default]
    New,
    At(u16),
    /// There are too many.
    Refused,
}

impl Gathering {
    /// Takes a sample. Gives the round before, if that is over now. A sample of a round that is over says nothing any more.
    pub fn take(&mut self, at: Timestamp, value: f64, is_counter: bool) -> Option<Reading> {
        let start = at.floor(ROUND);
        if self.count != 0 && start < self.start {
            return None;
        }
        let over = if self.count != 0 && self.start < start { self.end(is_counter) } else { None };
        if self.count == 0 {
            self.start = start;
        }
        self.count += 1;
        if is_counter {
            self.newest = Some((at, value));
        } else {
            self.sum += value;
        }
        over
    }

    /// Ends the round.
    fn end(&mut self, is_counter: bool) -> Option<Reading> {
        let value = if is_counter { self.growth() } else { Some(self.sum / f64::from(self.count)) };
        let reading = value.map(|value| Reading { at: self.start, value });
        *self = Self { before: self.newest, place: self.place, ..Self::default() };
        reading
    }

    /// What the counter grew by, a second. `None` in the first round, and where it began anew.
    fn growth(&self) -> Option<f64> {
        let ((at, value), (before, from)) = (self.newest?, self.before?);
        (from <= value && before < at).then(|| (value - from) / (at - before).secs_f64())
    }
}

/// Whether a series counts up, by the suffix that Prometheus asks of counters.
pub fn is_counter(name: &str) -> bool {
    name.ends_with("_total")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn readings(samples: &[(i64, f64)], is_counter: bool) -> Vec<(i64, f64)> {
        let mut open = Gathering::default();
        let taken = samples.iter().filter_map(|(seconds, value)| open.take(at(*seconds), *value, is_counter));
        taken.map(|reading| (reading.at.millis() / 1_000, reading.value)).collect()
    }

    #[test]
    fn a_gauge_is_the_mean_of_its_round_and_old_samples_change_nothing() {
        assert_eq!(readings(&[(0, 1.0), (15, 3.0), (30, 9.0), (29, 100.0), (100, 5.0)], false), [(0, 2.0), (30, 9.0)]);
    }

    #[test]
    fn a_counter_is_its_growth_a_second_and_may_begin_anew() {
        let samples = [(0, 0.0), (20, 10.0), (40, 30.0), (65, 55.0), (95, 5.0), (125, 35.0), (155, 35.0)];
        assert_eq!(readings(&samples, true), [(30, 1.0), (60, 1.0), (120, 1.0)]);
    }
}
