//! Whose turn it is to gather: versions that wait for room are served at ticks, in the order in which they came.

use super::Models;
use crate::monitor::Desk;
use crate::monitor::drift::estimator::Estimator;
use crate::monitor::drift::room::{Claim, Room};
use crate::monitor::drift::{Fleet, Track};
use crate::time::Timestamp;

/// A model, and a place among its tracks.
type Which = (u32, u16);

/// What versions wait for, and how that is given and taken.
struct Queue {
    claim: fn(&mut Track) -> Option<&mut Claim>,
    claim_of: fn(&Track) -> Claim,
    rows: fn(&Track) -> usize,
    room: fn(&mut Fleet) -> &mut Room,
    serve: fn(&mut Track, &mut Fleet, Timestamp) -> bool,
    lapse: fn(&mut Track, &mut Fleet),
}

const REFERENCES: Queue = Queue {
    claim: |track| Some(&mut track.watch_mut().claim),
    claim_of: |track| track.watch.claim,
    rows: Track::gathered,
    room: |fleet| &mut fleet.references,
    serve: Track::serve_reference,
    lapse: Track::lapse,
};

const LESSONS: Queue = Queue {
    claim: Track::lessons_claim_mut,
    claim_of: Track::lessons_claim,
    rows: |track| if let Estimator::Learning(learning) = &**track.estimator { learning.labelled as usize } else { 0 },
    room: |fleet| &mut fleet.lessons,
    serve: Track::serve_lessons,
    lapse: Track::lapse_lessons,
};

impl Models {
    /// Serves who waits for room, as far as there is any.
    pub(super) fn serve_waiting(&mut self, desk: &mut Desk) {
        if desk.drift.references.waiting != 0 {
            self.serve(&REFERENCES, desk);
        }
        if desk.drift.lessons.waiting != 0 {
            self.serve(&LESSONS, desk);
        }
    }

    /// The first that finds no room ends it: nobody is passed by a smaller one. The room of those that have been silent for too long is for
    /// them then, the longest silent first, and no more of it than is asked for.
    fn serve(&mut self, queue: &Queue, desk: &mut Desk) {
        let mut waiting: Vec<(u64, Which)> =
            self.tracks_with(queue, |claim| Some(claim.waits()?.0)).map(|(which, ticket)| (ticket, which)).collect();
        waiting.sort_unstable();
        let mut silent: Option<Vec<(Timestamp, Which)>> = None;
        for (_, which) in waiting {
            while !self.change(which, desk, |track, desk| (queue.serve)(track, &mut desk.drift, desk.log_time)) {
                let silent = silent.get_or_insert_with(|| self.silent(queue, desk));
                let Some((_, longest)) = silent.pop() else { return };
                self.change(longest, desk, |track, desk| (queue.lapse)(track, &mut desk.drift));
            }
        }
    }

    /// Those that have reserved and are silent, the longest silent last. Notes of all others how many rows they have.
    fn silent(&mut self, queue: &Queue, desk: &mut Desk) -> Vec<(Timestamp, Which)> {
        if !(queue.room)(&mut desk.drift).is_due(desk.log_time) {
            return Vec::new();
        }
        let is_news = |track: &Track, desk: &Desk| {
            let mut claim = (queue.claim_of)(track);
            let silent = claim.is_silent((queue.rows)(track) as u32, desk.log_time);
            (claim != (queue.claim_of)(track) || silent.is_some()).then_some(silent)
        };
        let reserved: Vec<Which> =
            self.tracks_with(queue, |claim| claim.is_reserved().then_some(())).map(|(which, ())| which).collect();
        let mut silent = Vec::new();
        for which @ (id, index) in reserved {
            let Some(since) = is_news(&self.get(id).drift.tracks[usize::from(index)], desk) else { continue };
            silent.extend(since.map(|since| (since, which)));
            self.change(which, desk, |track, desk| {
                let rows = (queue.rows)(track) as u32;
                (queue.claim)(track).is_some_and(|claim| claim.is_silent(rows, desk.log_time).is_some())
            });
        }
        silent.sort_unstable_by(|a, b| b.cmp(a));
        silent
    }

    fn tracks_with<T>(&self, queue: &Queue, wanted: impl Fn(Claim) -> Option<T>) -> impl Iterator<Item = (Which, T)> {
        let tracks =
            self.iter().flat_map(|model| (0..).zip(&model.drift.tracks).map(|(index, track)| ((model.id, index), track)));
        tracks.filter_map(move |(which, track)| Some((which, wanted((queue.claim_of)(track))?)))
    }

    fn change<T>(&mut self, (id, index): Which, desk: &mut Desk, change: impl FnOnce(&mut Track, &mut Desk) -> T) -> T {
        let position = desk.position;
        let model = self.touch(id, position);
        change(model.track_mut(index), desk)
    }
}
