//! What a model does about incidents: it hands them what its detectors say, ends those that nobody can see the end of, and announces
//! beginnings and ends. What an incident *is*, [`crate::monitor::drift::incident`] knows.

use std::sync::Arc;

use super::{Model, Models};
use crate::ids::Name;
use crate::monitor::Place;
use crate::monitor::drift::Track;
use crate::monitor::drift::alarm::Alarm;
use crate::monitor::drift::detectors::Lately;
use crate::monitor::drift::incident::{Ending, Incident, Incidents, Part, Told, WINDOW};
use crate::monitor::drift::judge::{CALM_WINDOWS, Policy};
use crate::monitor::drift::sighting::Sighting;
use crate::monitor::effect::{Announcement, Effects};
use crate::monitor::limits::INCIDENT_PATIENCE;
use crate::monitor::turn::Turn;
use crate::time::{Span, Timestamp};

impl Models {
    /// The policy has changed: what it no longer wants to be judged cannot recover, so its incidents end.
    pub(in crate::monitor) fn on_policy(&mut self, turn: &mut Turn<'_>, place: Place<'_>, before: &Policy) {
        let now = turn.desk.drift.policy;
        let all = before.watch && !now.watch;
        if !all && (!before.segments || now.segments) {
            return;
        }
        for id in self.ids() {
            if self.get(id).drift.tracks.iter().any(|track| all || !track.watch.segments.is_empty()) {
                let model = self.touch(id, place.seq);
                model.stop_judging(turn, all);
            }
        }
    }
}

impl Model {
    /// Judges no segment any more, or nothing at all.
    fn stop_judging(&mut self, turn: &mut Turn<'_>, all: bool) {
        for index in 0..self.drift.tracks.len() as u16 {
            let track = self.track_mut(index);
            track.forget_segments(&mut turn.desk.drift);
            if all {
                track.calm_down();
            }
        }
        let is_judged = |_: &Incident, part: &Part| part.detector == WINDOW && (all || part.segment.is_some());
        self.end_parts(turn, is_judged, Ending::Unwatched);
    }

    /// Takes in what detectors of a version say.
    pub(super) fn raise(&mut self, track: u16, alarms: Vec<Alarm>, effects: &mut Effects) {
        let version = self.drift.tracks[usize::from(track)].watch.version.clone();
        for alarm in alarms {
            let told = self.incidents_mut().take(version.as_ref(), alarm);
            self.tell(told, effects);
        }
    }

    /// A drift window of a version was judged: ends what has recovered in it, and what is only in versions that serve no longer.
    ///
    /// * `window`: its start, and what change detectors have seen since the one before.
    pub(super) fn settle_incidents(&mut self, turn: &mut Turn<'_>, track: u16, (window, lately): (Timestamp, &[Lately])) {
        if self.profile.incidents.open().next().is_none() {
            return;
        }
        let version = self.drift.tracks[usize::from(track)].watch.version.clone();
        let drift = Arc::clone(&self.drift);
        let seen = |subject: &str| Sighting::last(&drift.tracks[usize::from(track)], subject);
        let told = self.incidents_mut().window_judged(version.as_ref(), (window, seen), lately, turn.time());
        // who changes a track must not have to copy all of them
        drop(drift);
        self.tell(told, turn.effects);
        for silent in 0..self.drift.tracks.len() as u16 {
            let of = &self.drift.tracks[usize::from(silent)];
            let version = of.watch.version.clone();
            let is_in = |part: &Part| part.on && part.version == version;
            if is_silent(of, window) && self.profile.incidents.open().any(|open| open.parts.iter().any(is_in)) {
                self.track_mut(silent).calm_down();
                self.end_parts(turn, |_, part| part.version == version, Ending::Unwatched);
            }
        }
    }

    /// Ends what drift windows of a version have found.
    pub(super) fn end_windows(&mut self, turn: &mut Turn<'_>, version: Option<&Name>, by: Ending) {
        self.end_parts(turn, |_, part| part.detector == WINDOW && part.version.as_ref() == version, by);
    }

    /// Ends the `wanted` parts of incidents.
    pub(super) fn end_parts(&mut self, turn: &mut Turn<'_>, wanted: impl Fn(&Incident, &Part) -> bool, by: Ending) {
        if self.profile.incidents.open().next().is_some() {
            let newest = self.newest;
            let told = self.incidents_mut().end_parts(wanted, by, (newest, turn.time()));
            self.tell(told, turn.effects);
        }
    }

    fn incidents_mut(&mut self) -> &mut Incidents {
        Arc::make_mut(&mut self.profile_mut().incidents)
    }

    /// Announces the beginning and the end of incidents.
    fn tell(&self, told: impl IntoIterator<Item = (Alarm, Told)>, effects: &mut Effects) {
        for (alarm, incident) in told {
            effects.announce(Announcement::Drift { model: self.name.clone(), alarm, incident });
        }
    }
}

/// Whether a version serves no longer while others do: no drift window of it is open, and its last one was long over when the `window` of
/// another began.
fn is_silent(track: &Track, window: Timestamp) -> bool {
    let Some(score) = track.watch.score.filter(|_| track.window.tally.is_none()) else { return false };
    let patience = Span::from_micros(score.width.micros() * i64::from(CALM_WINDOWS)).max(INCIDENT_PATIENCE);
    score.end() + patience <= window
}
