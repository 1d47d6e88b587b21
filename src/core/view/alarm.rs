//! Change detectors and the alarms they and drift windows have raised.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::monitor::drift::alarm::Alarm;
use crate::monitor::drift::detectors::Watching;
use crate::monitor::drift::incident::Incident;
use crate::stats::detect::Verdict;
use crate::view::compared::against;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DetectorFigures {
    pub detector: &'static str,
    /// What it watches.
    pub input: String,
    /// warming, stable, warning or drift.
    pub state: &'static str,
    pub score: Option<f64>,
    pub threshold: Option<f64>,
    /// Values since it was started or last raised an alarm.
    pub seen: u64,
    pub alarms: u64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlarmFigures {
    /// The incident that it tells of.
    pub incident: u32,
    /// The version that it was first seen in; null for predictions that name none.
    pub version: Option<String>,
    /// Event time from which on it was so: where a mark on a chart belongs.
    pub onset: String,
    /// Log time.
    pub at: String,
    pub subject: String,
    /// The segment in which it has moved, as `{name: value}`; null for the version as a whole.
    pub segment: Option<BTreeMap<String, String>>,
    /// `window`, or the name of a change detector.
    pub detector: String,
    /// False: the drift is over.
    pub detected: bool,
    pub start: Option<String>,
    pub end: Option<String>,
    /// What the window was compared with: reference or same_hour_of_week; null for a change detector.
    pub against: Option<&'static str>,
    pub effect: BTreeMap<String, f64>,
    pub evidence: f64,
    pub threshold: f64,
}

impl DetectorFigures {
    pub fn of(watching: &Watching) -> Self {
        let (state, score, threshold) = match watching.verdict {
            None | Some(Verdict::Warming { .. }) => ("warming", None, None),
            Some(Verdict::Stable { score, threshold }) => ("stable", Some(score), Some(threshold)),
            Some(Verdict::Warning { score, threshold }) => ("warning", Some(score), Some(threshold)),
            Some(Verdict::Drift { score, threshold, .. }) => ("drift", Some(score), Some(threshold)),
        };
        let detector = watching.detector.name();
        let input = watching.input.to_string();
        Self { detector, input, state, score, threshold, seen: watching.seen, alarms: watching.alarms }
    }
}

impl AlarmFigures {
    pub fn of(incident: &Incident, alarm: &Alarm) -> Self {
        Self {
            incident: incident.number,
            version: incident.version.as_ref().map(ToString::to_string),
            onset: alarm.onset.to_string(),
            at: alarm.at.to_string(),
            subject: alarm.subject.clone(),
            segment: alarm.segment.as_ref().map(|(name, value)| BTreeMap::from([(name.to_string(), value.to_string())])),
            detector: alarm.detector.to_string(),
            detected: alarm.detected,
            start: alarm.window.map(|(start, _)| start.to_string()),
            end: alarm.window.map(|(_, end)| end.to_string()),
            against: alarm.against.map(against),
            effect: alarm.effect.iter().map(|(name, value)| (name.to_string(), *value)).collect(),
            evidence: alarm.evidence,
            threshold: alarm.threshold,
        }
    }
}
