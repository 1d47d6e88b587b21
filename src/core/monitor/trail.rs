//! The newest closed windows of a model, in a few numbers each, packed: each of thousands of models has sixty. They are rows of a few windows
//! each, so that a minute that closes rewrites a part of them and not all.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::monitor::kept::Kept;
use crate::monitor::limits::TRAIL_MAX;
use crate::monitor::point::Point;
use crate::monitor::rows::{Key, Reader, Tag, Writer};
use crate::time::Timestamp;

/// Windows of a part that the next one is not added to any more.
const PART: usize = 10;

/// At most [`TRAIL_MAX`] closed windows, by their start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trail {
    /// Oldest first, each with its number; none is empty. The oldest stays until all of its windows are beyond the bound.
    parts: VecDeque<(u32, Arc<Kept<Part>>)>,
    /// Numbers and row hashes of parts that are gone and may still have a row.
    gone: Vec<(u32, u128)>,
}

/// Windows that follow each other, by their start. Serialised as a list of [`Point`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "Vec<Point>")]
struct Part {
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
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Point> {
        let beyond = self.beyond();
        let (first, rest) = (self.parts.iter().take(1), self.parts.iter().skip(1));
        let first = first.flat_map(move |(_, part)| &part.points[beyond..]);
        first.chain(rest.flat_map(|(_, part)| &part.points)).map(Packed::unpacked)
    }

    /// The window that starts then.
    pub fn get(&self, start: Timestamp) -> Option<Point> {
        self.iter().rev().take_while(|point| start <= point.start).find(|point| point.start == start)
    }

    /// Puts a closed window in its place; one that is older than all of a full trail is passed over.
    pub fn put(&mut self, point: &Point) {
        let is_full = TRAIL_MAX <= self.len();
        let oldest = self.parts.front().and_then(|(_, part)| part.points.get(self.beyond()));
        if is_full && oldest.is_some_and(|oldest| point.start < oldest.start) {
            return;
        }
        let is_newest = self.parts.back().is_none_or(|(_, part)| part.end() < point.start);
        let last = self.parts.back().map(|(number, part)| (*number, part.points.len()));
        match last {
            Some((number, PART..)) if is_newest => self.begin(number + 1),
            None => self.begin(0),
            Some(_) => {}
        }
        let at = self.parts.partition_point(|(_, part)| part.start() <= Some(point.start)).saturating_sub(1);
        Arc::make_mut(&mut self.parts[at].1).change().put(Packed::of(point));
        while TRAIL_MAX <= self.len() - self.parts[0].1.points.len() {
            let (number, part) = self.parts.pop_front().expect("it was looked at just now");
            self.gone.push((number, part.row_hash()));
        }
    }

    /// Writes the parts that have changed, and deletes those that are gone.
    pub fn save(&mut self, model: u32, to: &mut dyn Writer) {
        for (number, hash) in self.gone.drain(..).filter(|(_, hash)| *hash != 0) {
            to.delete(Self::keys_of(model).u32(number), hash);
        }
        for (number, part) in &mut self.parts {
            Kept::save_shared(part, || Self::keys_of(model).u32(*number), to);
        }
    }

    /// Reads it back.
    ///
    /// Errors: those of the reader, and a row that cannot be read.
    pub fn restore<R: Reader>(model: u32, rows: &R) -> Result<Self, R::Error> {
        let mut trail = Self::default();
        rows.each(&Self::keys_of(model), &Self::keys_of(model), &mut |row| {
            let number = row.named(Tag::Trail, |fields| fields.u32().and_then(|_| fields.u32()))?;
            trail.parts.push_back((number, Arc::new(Kept::restore(row)?)));
            Ok(())
        })?;
        Ok(trail)
    }

    /// Prefix of its rows.
    pub fn keys_of(model: u32) -> Key {
        Tag::Trail.all().u32(model)
    }

    /// Begins a part, for a window that is put at once.
    fn begin(&mut self, number: u32) {
        self.parts.push_back((number, Arc::default()));
    }

    fn len(&self) -> usize {
        self.parts.iter().map(|(_, part)| part.points.len()).sum()
    }

    /// Windows of the oldest part that are beyond the bound.
    fn beyond(&self) -> usize {
        self.len().saturating_sub(TRAIL_MAX)
    }
}

impl Part {
    fn start(&self) -> Option<Timestamp> {
        self.points.first().map(|point| point.start)
    }

    fn end(&self) -> Timestamp {
        self.points.last().map_or(Timestamp::default(), |point| point.start)
    }

    fn put(&mut self, point: Packed) {
        match self.points.binary_search_by_key(&point.start, |known| known.start) {
            Ok(at) => self.points[at] = point,
            Err(at) => {
                // a list that grows by itself doubles
                self.points.reserve_exact(1);
                self.points.insert(at, point);
            }
        }
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

impl From<Vec<Point>> for Part {
    fn from(points: Vec<Point>) -> Self {
        Self { points: points.iter().map(Packed::of).collect() }
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.points.iter().map(Packed::unpacked))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::monitor::rows::memory::InMemory;

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
    fn the_newest_windows_are_kept_in_their_order() {
        let mut trail = Trail::default();
        for minute in (100..150).chain(0..10).chain(150..180).chain([5, 120]) {
            trail.put(&point(minute));
        }
        let kept: Vec<Point> = trail.iter().collect();
        assert_eq!(kept, (120..180).map(point).collect::<Vec<_>>());
        assert_eq!(trail.get(point(150).start), Some(point(150)));
        assert_eq!(trail.get(point(5).start), None);
        let changed = Point { errors: 7, ..point(150) };
        trail.put(&changed);
        assert_eq!((trail.get(point(150).start), trail.iter().count()), (Some(changed), TRAIL_MAX));
    }

    #[test]
    fn a_minute_rewrites_a_part_of_the_rows_and_what_is_read_back_is_the_same() {
        let (mut trail, mut rows) = (Trail::default(), InMemory::default());
        for minute in 0..200 {
            trail.put(&point(minute));
            trail.save(3, &mut rows);
            let parts = trail.parts.len();
            assert!(parts <= TRAIL_MAX / PART + 1 && parts == rows.rows.len(), "{parts} parts, {} rows", rows.rows.len());
            assert_eq!(Trail::restore(3, &rows).unwrap(), trail, "after minute {minute}");
        }
        trail.put(&point(200));
        assert_eq!(trail.parts.iter().filter(|(_, part)| part.is_dirty()).count(), 1);
    }

    proptest! {
        #[test]
        fn whatever_the_order_the_newest_that_were_put_are_shown(minutes in proptest::collection::vec(0..300_i64, 0..400)) {
            let (mut trail, mut plain) = (Trail::default(), BTreeSet::new());
            for minute in minutes {
                trail.put(&point(minute));
                if plain.len() < TRAIL_MAX || plain.first() < Some(&minute) {
                    plain.insert(minute);
                }
                while TRAIL_MAX < plain.len() {
                    plain.pop_first();
                }
                let shown: Vec<Point> = trail.iter().collect();
                prop_assert_eq!(shown, plain.iter().map(|minute| point(*minute)).collect::<Vec<_>>());
            }
        }
    }
}
