//! Incidents as the interfaces show them: what has moved, since when, where, and what can be done about it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use utoipa::ToSchema;

use crate::ids::Name;
use crate::monitor::drift::Track;
use crate::monitor::drift::incident::{Incident, Incidents, Part};
use crate::monitor::drift::sighting::{Seen, Sighting};
use crate::view::alarm::AlarmFigures;

/// One subject of a model that has moved. Further alarms about it while it goes on are updates of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IncidentFigures {
    /// Counts from 1 in the life of the model.
    pub number: u32,
    pub subject: String,
    /// open or over.
    pub state: &'static str,
    /// Event time at which the change is estimated to have begun.
    pub onset: String,
    /// Event time from which on it was as before; null while it goes on.
    pub end: Option<String>,
    /// Why it is over: recovered, accepted (what is new counts as normal), or unwatched (nobody looks any more: the policy was changed, the
    /// detector removed, or the version serves no longer); null while it goes on.
    pub ended_by: Option<&'static str>,
    /// Log time of the first alarm and of the newest.
    pub told_at: String,
    pub updated_at: String,
    /// Alarms after the first.
    pub updates: u32,
    /// Every version it is in, or was; null for predictions that name none.
    pub versions: Vec<Option<String>>,
    /// Every segment it is in, or was, as `{name: value}`; empty where it is only of whole versions.
    pub segments: Vec<BTreeMap<String, String>>,
    /// `window`, or names of change detectors.
    pub detectors: Vec<String>,
    /// The first alarm, and the newest: how much and how evidently when it was told.
    pub first: AlarmFigures,
    pub latest: AlarmFigures,
    /// How it stands now: what the last judged window of each version that it is in says of the subject. Empty once it is over, and where windows say
    /// nothing of it.
    pub now: Vec<JudgedWindow>,
    /// How bad it has been: the judged window in which the subject stood worst, of all versions that it was in. Null before the first, and where
    /// windows say nothing of it.
    pub worst: Option<JudgedWindow>,
    /// What can be done: `accept` (PUT …/reference without a body: what comes from here on is the reference).
    pub actions: Vec<&'static str>,
}

/// What a judged window of a version says of the subject of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct JudgedWindow {
    /// Null: predictions that name none.
    pub version: Option<String>,
    /// Event time.
    pub start: String,
    pub end: String,
    /// As alarms have it: `psi`, `jensen_shannon` and `missing_change`; of `error` `rate_before` and `rate_now`.
    pub effect: BTreeMap<&'static str, f64>,
    /// Predictions of the window; of `error` its labels.
    pub n: u64,
    /// Nats against "nothing has changed", and how many were needed; null of `error`.
    pub evidence: Option<f64>,
    pub needed: Option<f64>,
    /// Whether the window by itself says that it has moved.
    pub detected: bool,
}

impl JudgedWindow {
    fn of(sighting: &Sighting) -> Self {
        let (effect, evidence, needed, detected) = match sighting.seen {
            Seen::Answers(of) => {
                let effect = BTreeMap::from([("rate_before", 1.0 - of.before), ("rate_now", 1.0 - of.now)]);
                (effect, None, None, of.evident)
            }
            Seen::Column(of) => {
                let effect = [("psi", of.psi), ("jensen_shannon", of.jensen_shannon), ("missing_change", of.missing_change)];
                (BTreeMap::from(effect), Some(of.evidence), Some(of.needed), of.drift)
            }
        };
        Self {
            version: sighting.version.as_ref().map(Name::to_string),
            start: sighting.start.to_string(),
            end: sighting.end.to_string(),
            effect,
            n: sighting.n,
            evidence,
            needed,
            detected,
        }
    }
}

/// An incident that goes on, at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OpenIncident {
    /// Counts from 1 in the life of the model.
    pub number: u32,
    pub subject: String,
    /// Event time at which the change is estimated to have begun.
    pub onset: String,
    /// Log time of the first alarm.
    pub told_at: String,
    /// Alarms after the first.
    pub updates: u32,
    /// Every version it is in, or was; null for predictions that name none.
    pub versions: Vec<Option<String>>,
}

impl OpenIncident {
    /// The newest that go on, up to `most`, the newest last.
    pub fn newest(incidents: &Incidents, most: usize) -> Vec<Self> {
        let surplus = incidents.open().count().saturating_sub(most);
        incidents.open().skip(surplus).map(Self::of).collect()
    }

    fn of(incident: &Incident) -> Self {
        Self {
            number: incident.number,
            subject: incident.subject.clone(),
            onset: incident.onset.to_string(),
            told_at: incident.first.at.to_string(),
            updates: incident.updates,
            versions: named(incident),
        }
    }
}

impl IncidentFigures {
    /// All that are remembered, the newest last.
    ///
    /// * `tracks`: the versions of the model.
    pub fn all(incidents: &Incidents, tracks: &[Track]) -> Vec<Self> {
        incidents.iter().map(|incident| Self::of(incident, tracks)).collect()
    }

    fn of(incident: &Incident, tracks: &[Track]) -> Self {
        let detectors: BTreeSet<&str> = incident.parts.iter().map(|part: &Part| part.detector.as_ref()).collect();
        let is_open = incident.end.is_none();
        let versions = incident.versions();
        let is_in = |track: &&Track| is_open && versions.contains(&track.watch.version);
        Self {
            number: incident.number,
            subject: incident.subject.clone(),
            state: if is_open { "open" } else { "over" },
            onset: incident.onset.to_string(),
            end: incident.end.map(|end| end.at.to_string()),
            ended_by: incident.end.map(|end| end.by.as_str()),
            told_at: incident.first.at.to_string(),
            updated_at: incident.latest.at.to_string(),
            updates: incident.updates,
            versions: named(incident),
            segments: incident
                .segments()
                .into_iter()
                .map(|(name, value)| BTreeMap::from([(name.to_string(), value.to_string())]))
                .collect(),
            detectors: detectors.into_iter().map(str::to_owned).collect(),
            first: AlarmFigures::of(incident, &incident.first),
            latest: AlarmFigures::of(incident, &incident.latest),
            now: tracks
                .iter()
                .filter(is_in)
                .filter_map(|track| Sighting::last(track, &incident.subject))
                .map(|sighting| JudgedWindow::of(&sighting))
                .collect(),
            worst: incident.worst.as_ref().map(JudgedWindow::of),
            actions: if is_open { vec!["accept"] } else { Vec::new() },
        }
    }
}

fn named(incident: &Incident) -> Vec<Option<String>> {
    incident.versions().into_iter().map(|version| version.map(|name| name.to_string())).collect()
}

/// The beginning and the end of every incident of all versions as alarms, in the order in which they were told.
///
/// * `wanted`: of which version, by that of the first alarm.
pub fn alarms(incidents: &Incidents, wanted: impl Fn(Option<&Name>) -> bool) -> Vec<AlarmFigures> {
    let mut told = Vec::new();
    for incident in incidents.iter().filter(|incident| wanted(incident.version.as_ref())) {
        told.push((incident.first.at, AlarmFigures::of(incident, &incident.first)));
        told.extend(incident.end.map(|_| (incident.latest.at, AlarmFigures::of(incident, &incident.latest))));
    }
    told.sort_by_key(|(at, _)| *at);
    told.into_iter().map(|(_, alarm)| alarm).collect()
}
