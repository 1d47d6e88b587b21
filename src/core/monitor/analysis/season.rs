//! Between what a series usually is at this hour: of the week, once a week has been seen; of the day, once a day has; unknown before that.

use serde::{Deserialize, Serialize};

use crate::time::{Span, Timestamp};

const HOUR: Span = Span::from_secs(3_600);
const DAY: usize = 24;
const WEEK: usize = 7 * DAY;
/// Share of the newest hour in what is usual for it.
const PACE: f64 = 0.5;
/// So close to an hour what is usual in it is usual: jobs do not begin on the second.
const MARGIN: Span = Span::from_secs(900);

/// Lowest and highest points of whole hours, in UTC. At most 2 KB.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Season {
    day: Profile,
    week: Profile,
}

/// The lowest and the highest value that are usual.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    pub low: f64,
    pub high: f64,
}

/// The hour that is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hour {
    start: Timestamp,
    range: Option<Range>,
}

/// By hour; empty before the first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Profile {
    hours: Vec<Option<[f32; 2]>>,
    /// Hours that were never seen.
    unseen: u32,
}

impl Hour {
    /// Adds a point of `at`. Gives the start and the range of the hour before, if that is over now.
    pub fn add(&mut self, at: Timestamp, value: f64) -> Option<(Timestamp, Range)> {
        let start = at.floor(HOUR);
        let over = self.range.filter(|_| self.start != start).map(|range| (self.start, range));
        let point = Range { low: value, high: value };
        let range = if over.is_some() { point } else { self.range.map_or(point, |range| range.with(point)) };
        *self = Self { start, range: Some(range) };
        over
    }
}

impl Range {
    fn with(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

impl Season {
    /// What is usual at `at`; `None` while nothing is known.
    pub fn usual(&self, at: Timestamp) -> Option<Range> {
        let profile = if self.week.is_whole() { &self.week } else { &self.day };
        let nearby = [Timestamp::from_micros(at.micros() - MARGIN.micros()), at, at + MARGIN];
        nearby.into_iter().map(|at| profile.at(at)).reduce(|one, other| Some(one?.with(other?))).flatten()
    }

    /// How long the rhythm is that is known, in hours: 0, 24 or 168.
    pub const fn period_hours(&self) -> usize {
        match (self.week.is_whole(), self.day.is_whole()) {
            (true, _) => WEEK,
            (false, true) => DAY,
            (false, false) => 0,
        }
    }

    /// Learns what the hour was like that began at `start`.
    pub fn learn(&mut self, start: Timestamp, range: Range) {
        let hour = start.micros().div_euclid(HOUR.micros());
        self.day.learn(hour, DAY, range);
        self.week.learn(hour, WEEK, range);
    }
}

impl Profile {
    const fn is_whole(&self) -> bool {
        self.unseen == 0 && !self.hours.is_empty()
    }

    fn learn(&mut self, hour: i64, length: usize, range: Range) {
        if self.hours.is_empty() {
            self.hours = vec![None; length];
            self.unseen = length as u32;
        }
        let known = &mut self.hours[hour.rem_euclid(length as i64) as usize];
        let follow = |known: f32, new: f64| (f64::from(known) + PACE * (new - f64::from(known))) as f32;
        match known {
            Some([low, high]) => {
                // rounded to 32 bits, two that are close may change places
                let (lower, upper) = (follow(*low, range.low), follow(*high, range.high));
                (*low, *high) = (lower.min(upper), lower.max(upper));
            }
            None => {
                *known = Some([range.low as f32, range.high as f32]);
                self.unseen -= 1;
            }
        }
    }

    fn at(&self, at: Timestamp) -> Option<Range> {
        if !self.is_whole() {
            return None;
        }
        let hour = at.micros().div_euclid(HOUR.micros()).rem_euclid(self.hours.len() as i64);
        self.hours[hour as usize].map(|[low, high]| Range { low: low.into(), high: high.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(number: i64) -> Timestamp {
        Timestamp::from_micros(number * HOUR.micros())
    }

    fn range(low: f64, high: f64) -> Range {
        Range { low, high }
    }

    #[test]
    fn a_day_is_known_after_a_day_and_a_week_after_a_week() {
        let mut season = Season::default();
        let mut known = Vec::new();
        for number in 0..200 {
            let value = f64::from((number % 24) as i32);
            season.learn(hour(number), range(value, value + 0.5));
            known.push(season.period_hours());
        }
        assert_eq!((known[22], known[23], known[166], known[167]), (0, 24, 24, 168));
        let middle = |number: i64| season.usual(hour(number) + Span::from_secs(1_800));
        assert_eq!((middle(24 * 9 + 5), middle(24)), (Some(range(5.0, 5.5)), Some(range(0.0, 0.5))));
        // close to an hour both count
        assert_eq!(season.usual(hour(6) + Span::from_secs(60)), Some(range(5.0, 6.5)));
    }

    #[test]
    fn what_was_once_unusual_is_forgotten() {
        let mut season = Season::default();
        (0..24).for_each(|number| season.learn(hour(number), range(1.0, 2.0)));
        season.learn(hour(24 + 3), range(1.0, 18.0));
        let noon = |day: i64| hour(24 * day + 3) + Span::from_secs(1_800);
        assert_eq!(season.usual(noon(2)), Some(range(1.0, 10.0)));
        (2..8).for_each(|day| season.learn(hour(24 * day + 3), range(1.0, 2.0)));
        assert!(season.usual(noon(9)).unwrap().high < 2.2);
    }

    #[test]
    fn an_hour_is_over_when_the_next_has_begun() {
        let mut open = Hour::default();
        assert_eq!(open.add(hour(3), 1.0), None);
        assert_eq!(open.add(hour(3) + Span::from_secs(60), 3.0), None);
        assert_eq!(open.add(hour(5), 7.0), Some((hour(3), range(1.0, 3.0))));
        assert_eq!(open.add(hour(6), 7.0), Some((hour(5), range(7.0, 7.0))));
    }
}
