//! Incidents: what a person is told of drift. One subject of a model that has moved is one incident, however many detectors, segments and
//! versions say so and however often they repeat it: only its beginning and its end are facts, and the rest are updates of it.
//!
//! A part of an incident is one detector on one version or segment of it, and the incident is over when no part is on any more. A drift
//! window says itself when it is over. Change detectors do not: they go on from the new level and raise an alarm when that changes again,
//! also for the better. So a part of theirs is over when an alarm leads back to where the first began, or after as many judged windows as a
//! drift window waits for ([`CALM_WINDOWS`]) whose values lie nearer to the level before than to that of the incident; where a detector
//! knows no levels, after as many windows without a further alarm.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::ids::Name;
use crate::monitor::drift::alarm::Alarm;
use crate::monitor::drift::detectors::{self, Lately};
use crate::monitor::drift::judge::CALM_WINDOWS;
use crate::monitor::drift::sighting::Sighting;
use crate::monitor::limits::{INCIDENT_PARTS_MAX, INCIDENTS_MAX};
use crate::time::Timestamp;

/// The detector that judges windows, as alarms name it.
pub const WINDOW: &str = "window";
/// Inputs of which less is better: where they fall, nothing is wrong.
const BETTER_LOW: [&str; 4] = ["error", "failure", "loss", "response_time"];
/// Fewest values of a window that say whether an input is back where it was.
const VALUES_MIN: u64 = 30;

/// The newest of one model, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Incidents {
    list: Vec<Incident>,
    /// How many there have been.
    begun: u32,
}

/// One subject that has moved, from its onset to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Counts from 1 in the life of a model.
    pub number: u32,
    pub subject: String,
    /// Where in event time it is estimated to have begun: of a window its start, of a detector the change that it has found.
    pub onset: Timestamp,
    /// `None` while it goes on.
    pub end: Option<End>,
    /// Further alarms about it.
    pub updates: u32,
    /// The version of the first alarm.
    pub version: Option<Name>,
    pub first: Alarm,
    pub latest: Alarm,
    /// The judged window in which it stood worst, of those of versions that it was in. `None` before the first, and of what windows do not judge.
    pub worst: Option<Sighting>,
    pub parts: Vec<Part>,
}

/// The end of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Event time from which on it was over.
    pub at: Timestamp,
    pub by: Ending,
}

/// Why an incident is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It is as it was before.
    Recovered,
    /// What is new was accepted as what is normal.
    Accepted,
    /// Nobody looks any more: the policy was changed, the detector removed, or the version serves no longer.
    Unwatched,
}

/// A detector that has found it, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub version: Option<Name>,
    pub segment: Option<(Name, Name)>,
    pub detector: Cow<'static, str>,
    /// Whether it still says so.
    pub on: bool,
    /// What a change detector saw before the change, and since by its newest alarm.
    levels: Option<(f64, f64)>,
    /// Whether it has raised an alarm since the last judged window.
    heard: bool,
    /// Judged windows in a row that found it over, and the start of the first of them.
    calm: u8,
    calm_since: Option<Timestamp>,
}

/// What is told of an incident beside its alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    pub number: u32,
    /// The version of its first alarm, and all that it is in or was.
    pub version: Option<Name>,
    pub versions: Vec<Option<Name>>,
    /// Segments that it is in or was, by name and value.
    pub segments: Vec<(Name, Name)>,
    pub onset: Timestamp,
    pub end: Option<End>,
    pub updates: u32,
}

impl Ending {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recovered => "recovered",
            Self::Accepted => "accepted",
            Self::Unwatched => "unwatched",
        }
    }
}

impl Incidents {
    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Incident> {
        self.list.iter()
    }

    /// Those that go on, oldest first.
    pub fn open(&self) -> impl DoubleEndedIterator<Item = &Incident> {
        self.list.iter().filter(|incident| incident.end.is_none())
    }

    /// Whether one about `subject` goes on in `version`.
    pub fn is_on(&self, subject: &str, version: Option<&Name>) -> bool {
        let is_in = |part: &Part| part.on && part.version.as_ref() == version;
        self.open().any(|incident| incident.subject == subject && incident.parts.iter().any(is_in))
    }

    /// Takes in what a detector of a version says. Gives what is to be told: that an incident has begun, or is over.
    pub fn take(&mut self, version: Option<&Name>, alarm: Alarm) -> Option<(Alarm, Told)> {
        let open = self.list.iter_mut().find(|incident| incident.end.is_none() && incident.subject == alarm.subject);
        match open {
            Some(incident) if !alarm.detected => {
                if let Some(part) = incident.part_mut(version, &alarm) {
                    part.on = false;
                }
                incident.end_at(alarm.onset, Ending::Recovered, alarm)
            }
            Some(incident) if incident.leads_back(version, &alarm) => {
                incident.quiet_detectors(version);
                incident.end_at(alarm.onset, Ending::Recovered, Alarm { detected: false, ..alarm })
            }
            // fewer wrong answers in a version that the incident is not in
            Some(incident) if is_better(&alarm) && !incident.detectors_of(version).any(|part| part.on) => None,
            Some(incident) => {
                incident.update(version, alarm);
                None
            }
            None if !alarm.detected || is_better(&alarm) => None,
            None => Some(self.begin(version, alarm)),
        }
    }

    /// A drift window of `version` was judged: its change detectors have seen `lately` since the one before. Gives what is over.
    ///
    /// * `seen`: what the window says of a subject.
    pub fn window_judged(
        &mut self,
        version: Option<&Name>,
        (window, seen): (Timestamp, impl Fn(&str) -> Option<Sighting>),
        lately: &[Lately],
        at: Timestamp,
    ) -> Vec<(Alarm, Told)> {
        let open = self.list.iter_mut().filter(|incident| incident.end.is_none());
        open.filter_map(|incident| {
            incident.remember(version, &seen);
            let calm_since = incident.settle(version, window, lately)?;
            incident.end_at(calm_since, Ending::Recovered, incident.over(calm_since, at))
        })
        .collect()
    }

    /// Ends the `wanted` parts of what goes on. Gives what is over with that.
    ///
    /// * `until`: event time of now. `at`: log time.
    pub fn end_parts(
        &mut self,
        wanted: impl Fn(&Incident, &Part) -> bool,
        by: Ending,
        (until, at): (Timestamp, Timestamp),
    ) -> Vec<(Alarm, Told)> {
        let open = self.list.iter_mut().filter(|incident| incident.end.is_none());
        open.filter_map(|incident| {
            let ending: Vec<bool> = incident.parts.iter().map(|part| part.on && wanted(incident, part)).collect();
            incident.parts.iter_mut().zip(&ending).filter(|(_, ends)| **ends).for_each(|(part, _)| part.on = false);
            let end = until.max(incident.onset);
            if ending.contains(&true) { incident.end_at(end, by, incident.over(end, at)) } else { None }
        })
        .collect()
    }

    fn begin(&mut self, version: Option<&Name>, alarm: Alarm) -> (Alarm, Told) {
        if INCIDENTS_MAX <= self.list.len() {
            // those that are over go first
            let oldest = self.list.iter().position(|incident| incident.end.is_some()).unwrap_or(0);
            self.list.remove(oldest);
        }
        self.begun += 1;
        let incident = Incident {
            number: self.begun,
            subject: alarm.subject.clone(),
            onset: alarm.onset,
            end: None,
            updates: 0,
            version: version.cloned(),
            first: alarm.clone(),
            latest: alarm.clone(),
            worst: None,
            parts: vec![Part::of(version, &alarm)],
        };
        let told = incident.told();
        self.list.push(incident);
        (alarm, told)
    }
}

impl Incident {
    pub fn is_on(&self) -> bool {
        self.parts.iter().any(|part| part.on)
    }

    /// Every version it is in, or was, in order; `None` for predictions that name none.
    pub fn versions(&self) -> Vec<Option<Name>> {
        let mut versions: Vec<Option<Name>> = self.parts.iter().map(|part| part.version.clone()).collect();
        versions.sort();
        versions.dedup();
        versions
    }

    /// Every segment it is in, or was, in order.
    pub fn segments(&self) -> Vec<(Name, Name)> {
        let mut segments: Vec<(Name, Name)> = self.parts.iter().filter_map(|part| part.segment.clone()).collect();
        segments.sort();
        segments.dedup();
        segments
    }

    fn told(&self) -> Told {
        Told {
            number: self.number,
            version: self.version.clone(),
            versions: self.versions(),
            segments: self.segments(),
            onset: self.onset,
            end: self.end,
            updates: self.updates,
        }
    }

    fn part_mut(&mut self, version: Option<&Name>, alarm: &Alarm) -> Option<&mut Part> {
        let is_it = |part: &&mut Part| {
            part.version.as_ref() == version && part.segment == alarm.segment && part.detector == alarm.detector
        };
        self.parts.iter_mut().find(is_it)
    }

    /// The change detectors of a version that have found it.
    fn detectors_of(&self, version: Option<&Name>) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(move |part| part.version.as_ref() == version && part.detector != WINDOW)
    }

    fn update(&mut self, version: Option<&Name>, alarm: Alarm) {
        self.updates = self.updates.saturating_add(1);
        let renewed = Part::of(version, &alarm);
        // beyond the bound who else says so is not listed; it is counted as an update
        let has_room = self.parts.len() < INCIDENT_PARTS_MAX;
        match self.part_mut(version, &alarm) {
            Some(part) => part.renew(renewed),
            None if has_room => self.parts.push(renewed),
            None => {}
        }
        self.latest = alarm;
    }

    /// Whether an alarm of a detector says that its input has turned round in this version, and is nearer now to where it was before the
    /// incident than to what it became in it. A detector that is late to see a change sees some of what was before in what is now: that
    /// alone is no way back.
    fn leads_back(&self, version: Option<&Name>, alarm: &Alarm) -> bool {
        let Some((from, then)) = levels(alarm) else { return false };
        self.detectors_of(version)
            .filter(|part| part.on)
            .filter_map(|part| part.levels)
            .any(|(before, now)| (now - before) * (then - from) < 0.0 && (then - before).abs() < (then - now).abs())
    }

    /// All change detectors of a version: they saw the same values.
    fn quiet_detectors(&mut self, version: Option<&Name>) {
        let saw = |part: &&mut Part| part.version.as_ref() == version && part.detector != WINDOW;
        self.parts.iter_mut().filter(saw).for_each(|part| part.on = false);
    }

    /// Keeps what the judged window of a version says, if it was never worse.
    fn remember(&mut self, version: Option<&Name>, seen: impl Fn(&str) -> Option<Sighting>) {
        if self.parts.iter().any(|part| part.on && part.version.as_ref() == version)
            && let Some(seen) = seen(&self.subject)
            && self.worst.as_ref().is_none_or(|worst| seen.is_worse_than(worst))
        {
            self.worst = Some(seen);
        }
    }

    /// A window of a version was judged. From when on nothing says any more that the incident goes on, if that is news.
    fn settle(&mut self, version: Option<&Name>, window: Timestamp, lately: &[Lately]) -> Option<Timestamp> {
        let mut over = None;
        let subject = &self.subject;
        let of_version = |part: &&mut Part| part.on && part.version.as_ref() == version && part.detector != WINDOW;
        for part in self.parts.iter_mut().filter(of_version) {
            let seen = lately.iter().find(|seen| seen.subject == *subject && seen.detector == part.detector);
            let is_calm = match (part.levels, seen) {
                (Some((before, now)), Some(seen)) if VALUES_MIN <= seen.n => {
                    Some((seen.mean - before).abs() < (seen.mean - now).abs())
                }
                (Some(_), _) => None,
                (None, _) => Some(!part.heard),
            };
            part.heard = false;
            over = over.max(is_calm.and_then(|is_calm| part.settle(is_calm, window)));
        }
        over.filter(|_| !self.is_on())
    }

    /// The end as an alarm about it.
    fn over(&self, end: Timestamp, at: Timestamp) -> Alarm {
        Alarm { at, detected: false, onset: end, ..self.latest.clone() }
    }

    /// Ends it unless a part of it is still on.
    fn end_at(&mut self, end: Timestamp, by: Ending, alarm: Alarm) -> Option<(Alarm, Told)> {
        if self.is_on() {
            return None;
        }
        self.end = Some(End { at: end.max(self.onset), by });
        self.latest = alarm.clone();
        Some((alarm, self.told()))
    }
}

impl Part {
    fn of(version: Option<&Name>, alarm: &Alarm) -> Self {
        let (version, segment, detector) = (version.cloned(), alarm.segment.clone(), alarm.detector.clone());
        Self { version, segment, detector, on: true, levels: levels(alarm), heard: true, calm: 0, calm_since: None }
    }

    /// It says so again. While it is on, what was before the incident stays what the first alarm has.
    fn renew(&mut self, renewed: Self) {
        let first = self.levels.filter(|_| self.on);
        *self = renewed;
        self.levels = match (first, self.levels) {
            (Some((before, _)), Some((_, now))) => Some((before, now)),
            (first, renewed) => renewed.or(first),
        };
    }

    /// Whether it is one of the change detectors that were chosen for the model.
    pub fn is_chosen(&self, subject: &str) -> bool {
        self.detector != WINDOW && !detectors::is_standard(subject, &self.detector)
    }

    /// Counts a judged window. From when on it is over, once enough of them have found it so.
    fn settle(&mut self, is_calm: bool, window: Timestamp) -> Option<Timestamp> {
        if !is_calm {
            (self.calm, self.calm_since) = (0, None);
            return None;
        }
        self.calm += 1;
        let since = *self.calm_since.get_or_insert(window);
        self.on = self.calm < CALM_WINDOWS;
        (!self.on).then_some(since)
    }
}

/// What a detector saw before the change and since.
fn levels(alarm: &Alarm) -> Option<(f64, f64)> {
    let of = |names: [&str; 2]| alarm.effect.iter().find(|(name, _)| names.contains(&name.as_ref())).map(|(_, value)| *value);
    of(["rate_before", "mean_before"]).zip(of(["rate_now", "mean_now"]))
}

/// Whether less of something of which less is better has come.
fn is_better(alarm: &Alarm) -> bool {
    BETTER_LOW.contains(&alarm.subject.as_str()) && levels(alarm).is_some_and(|(before, now)| now < before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    fn at(minute: i64) -> Timestamp {
        Timestamp::default() + Span::from_secs(60 * minute)
    }

    fn name(text: &str) -> Name {
        Name::try_from(text).unwrap()
    }

    fn errors(detector: &'static str, minute: i64, before: f64, now: f64) -> Alarm {
        Alarm {
            at: at(minute + 5),
            subject: "error".to_owned(),
            segment: None,
            detector: Cow::Borrowed(detector),
            detected: true,
            onset: at(minute),
            window: None,
            against: None,
            effect: vec![("rate_before".into(), before), ("rate_now".into(), now), ("values_since".into(), 100.0)],
            evidence: 10.0,
            threshold: 5.0,
        }
    }

    fn lately(detector: &'static str, n: u64, mean: f64) -> [Lately; 1] {
        [Lately { subject: "error".to_owned(), detector, n, mean }]
    }

    #[test]
    fn further_alarms_about_what_goes_on_are_updates_and_the_one_that_leads_back_is_its_end() {
        let (mut incidents, other) = (Incidents::default(), name("2"));
        let (_, told) = incidents.take(None, errors("e_detector", 10, 0.29, 0.37)).unwrap();
        assert_eq!((told.number, told.onset, told.end), (1, at(10), None));
        assert_eq!(incidents.take(None, errors("adwin", 11, 0.29, 0.37)), None);
        assert_eq!(incidents.take(None, errors("e_detector", 14, 0.37, 0.45)), None);
        assert_eq!(incidents.take(Some(&other), errors("e_detector", 12, 0.5, 0.7)), None);
        assert_eq!(incidents.take(None, errors("adwin", 30, 0.42, 0.3)), None, "it goes on in the other version");
        let (alarm, told) = incidents.take(Some(&other), errors("adwin", 31, 0.7, 0.5)).unwrap();
        assert_eq!((alarm.detected, told.number, told.updates), (false, 1, 3));
        assert_eq!(told.end, Some(End { at: at(31), by: Ending::Recovered }));
        assert_eq!(told.versions, [None, Some(other)]);
        assert_eq!(incidents.take(None, errors("adwin", 40, 0.3, 0.2)), None, "fewer wrong answers than ever are no incident");
        assert_eq!(incidents.take(None, errors("adwin", 50, 0.2, 0.3)).unwrap().1.number, 2);
    }

    #[test]
    fn a_version_that_becomes_better_is_not_in_the_incident_of_another() {
        let mut incidents = Incidents::default();
        incidents.take(None, errors("adwin", 10, 0.2, 0.4));
        assert_eq!(incidents.take(Some(&name("2")), errors("adwin", 12, 0.4, 0.3)), None);
        assert!(!incidents.is_on("error", Some(&name("2"))));
        assert!(incidents.take(None, errors("adwin", 20, 0.4, 0.2)).is_some(), "nothing else is on");
    }

    #[test]
    fn wrong_answers_that_are_back_for_two_windows_end_it_where_they_came_back() {
        let mut incidents = Incidents::default();
        incidents.take(None, errors("e_detector", 10, 0.3, 0.4));
        let mut judged = |minute: i64, n: u64, mean: f64| {
            incidents.window_judged(None, (at(minute), |_: &str| None), &lately("e_detector", n, mean), at(minute + 11))
        };
        assert!(judged(20, 100, 0.38).is_empty());
        assert!(judged(30, 100, 0.31).is_empty(), "one window is none");
        assert!(judged(40, 5, 0.0).is_empty(), "few labels say nothing");
        let over = judged(50, 100, 0.3);
        let ends: Vec<_> = over.iter().map(|(alarm, told)| (alarm.detected, told.end.unwrap().at)).collect();
        assert_eq!(ends, [(false, at(30))]);
        assert!(!incidents.is_on("error", None));
    }

    #[test]
    fn what_is_accepted_as_normal_is_over_and_so_is_what_nobody_watches() {
        let mut incidents = Incidents::default();
        incidents.take(None, errors("e_detector", 10, 0.3, 0.4));
        let windows = |_: &Incident, part: &Part| part.detector == WINDOW;
        let now = (at(20), at(21));
        assert!(incidents.end_parts(windows, Ending::Accepted, now).is_empty(), "it is of no window");
        let over = incidents.end_parts(|_, _| true, Ending::Accepted, now);
        let ends: Vec<_> = over.iter().map(|(_, told)| told.end).collect();
        assert_eq!(ends, [Some(End { at: at(20), by: Ending::Accepted })]);
    }

    #[test]
    fn incidents_are_bounded_and_those_that_are_over_go_first() {
        let mut incidents = Incidents::default();
        let about = |nth: usize| Alarm { subject: format!("feature/{nth}"), ..errors("window", 10, 0.1, 0.2) };
        (0..INCIDENTS_MAX).for_each(|nth| assert!(incidents.take(None, about(nth)).is_some()));
        incidents.take(None, Alarm { detected: false, ..about(7) });
        incidents.take(None, about(INCIDENTS_MAX));
        assert_eq!(incidents.iter().count(), INCIDENTS_MAX);
        assert!(incidents.iter().all(|incident| incident.subject != "feature/7"));
        (0..2 * INCIDENT_PARTS_MAX).for_each(|nth| drop(incidents.take(Some(&name(&nth.to_string())), about(0))));
        assert_eq!(incidents.iter().next().unwrap().parts.len(), INCIDENT_PARTS_MAX);
    }
}
