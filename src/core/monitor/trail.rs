//! The newest closed windows of a model, in a few numbers each, packed: each of thousands of models has sixty.

use serde::{Deserialize, Serialize, Serializer};

use crate::monitor::limits::TRAIL_MAX;
use crate::monitor::point::Point;
use crate::time::Timestamp;

/// At most [`TRAIL_MAX`] closed windows, by their start. Serialised as a list of [`Point`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "Vec<Point>")]
pub struct Trail {
    points: Vec<Packed>,
}

/// A point whose counts are half as wide: no log takes four billion records in a minute.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Packed {
    start: Timestamp,
    predictions: u32,
    errors: u32,
    labelled: u32,
    judged: u32,
    correct: u32,
    timed: u32,
    response_time_mean: f64,
    response_time_p95: f64,
}

impl Trail {
    pub const fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Point> + ExactSizeIterator {
        self.points.iter().map(|point| point.unpacked())
    }

    /// The window that starts then.
    pub fn get(&self, start: Timestamp) -> Option<Point> {
        self.place(start).ok().map(|at| self.points[at].unpacked())
    }

    /// Puts a closed window in its place; one that is older than all of a full trail is passed over.
    pub fn put(&mut self, point: &Point) {
        let point = Packed::of(point);
        match self.place(point.start) {
            Ok(at) => self.points[at] = point,
            Err(at) if self.points.len() < TRAIL_MAX => {
                // a list that grows by itself doubles
                self.points.reserve_exact(1);
                self.points.insert(at, point);
            }
            Err(0) => {}
            Err(at) => {
                self.points.remove(0);
                self.points.insert(at - 1, point);
            }
        }
    }

    fn place(&self, start: Timestamp) -> Result<usize, usize> {
        self.points.binary_search_by_key(&start, |point| point.start)
    }
}

impl Packed {
    fn of(point: &Point) -> Self {
        let narrow = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            start: point.start,
            predictions: narrow(point.predictions),
            errors: narrow(point.errors),
            labelled: narrow(point.labelled),
            judged: narrow(point.judged),
            correct: narrow(point.correct),
            timed: narrow(point.timed),
            response_time_mean: point.response_time_mean,
            response_time_p95: point.response_time_p95,
        }
    }

    fn unpacked(&self) -> Point {
        Point {
            start: self.start,
            closed: true,
            predictions: self.predictions.into(),
            errors: self.errors.into(),
            labelled: self.labelled.into(),
            judged: self.judged.into(),
            correct: self.correct.into(),
            timed: self.timed.into(),
            response_time_mean: self.response_time_mean,
            response_time_p95: self.response_time_p95,
        }
    }
}

impl From<Vec<Point>> for Trail {
    fn from(points: Vec<Point>) -> Self {
        Self { points: points.iter().map(Packed::of).collect() }
    }
}

impl Serialize for Trail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(minute: i64) -> Point {
        Point {
            start: Timestamp::from_micros(minute * 60_000_000),
            closed: true,
            predictions: minute as u64,
            errors: 2,
            labelled: 3,
            judged: 3,
            correct: 1,
            timed: 4,
            response_time_mean: 0.25,
            response_time_p95: 0.5,
        }
    }

    #[test]
    fn the_newest_windows_are_kept_in_their_order_and_written_as_points() {
        let mut trail = Trail::default();
        for minute in (100..150).chain(0..10).chain(150..180).chain([5, 120]) {
            trail.put(&point(minute));
        }
        let kept: Vec<Point> = trail.iter().collect();
        assert_eq!(kept, (120..180).map(point).collect::<Vec<_>>());
        assert_eq!(trail.get(point(150).start), Some(point(150)));
        assert_eq!(trail.get(point(5).start), None);
        let written = rmp_serde::to_vec(&trail).unwrap();
        assert_eq!(written, rmp_serde::to_vec(&kept).unwrap());
        assert_eq!(rmp_serde::from_slice::<Trail>(&written).unwrap(), trail);
    }
}
