//! What a version is compared to, and the segments of it that are judged apart.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::monitor::drift::baseline::{Baseline, Origin};
use crate::monitor::drift::judge::Against;
use crate::monitor::drift::room::Claim;
use crate::monitor::drift::segments::Segment;
use crate::monitor::drift::{Fleet, Track};
use crate::view::View;
use crate::view::watch::{JudgedFigures, status};

/// What a version is compared to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Reference {
    /// waiting for room to gather, gathering, uploading, ready or retired.
    pub state: &'static str,
    /// Its place among the versions that wait, from 1; null for other states.
    pub place: Option<u64>,
    /// first_rows, collected, uploaded or range.
    pub origin: &'static str,
    /// The minutes of the past that it is made of; null for other origins.
    pub range: Option<RangeFigures>,
    pub rows: u64,
    /// Rows it is frozen at.
    pub needed: u32,
    /// Event times of its first and last row; null while it is gathered.
    pub from: Option<String>,
    pub to: Option<String>,
    /// Changes when the reference is replaced.
    pub number: Option<u32>,
}

/// A stretch of the past.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RangeFigures {
    pub from: String,
    /// Not included.
    pub to: String,
}

/// A segment that is judged apart.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SegmentReport {
    /// As `{name: value}`.
    pub segment: BTreeMap<String, String>,
    /// By subject: prediction, score, multivariate, or `feature/` and a name.
    pub columns: BTreeMap<String, SegmentColumn>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SegmentColumn {
    /// drift, stable, or no_data where too little has come to judge.
    pub status: &'static str,
    /// Start of the first window of the drift that is on.
    pub since: Option<String>,
    /// What the last judged window said.
    pub judged: Option<JudgedFigures>,
}

/// Who waits for room to gather, in the order in which they will be served.
#[derive(Clone, Debug, Default)]
pub struct Queues {
    references: Vec<u64>,
    lessons: Vec<u64>,
}

impl Queues {
    /// Looks at every version, where any waits at all.
    pub fn of(view: &View) -> Self {
        let tickets = |waiting: u32, claim: &dyn Fn(&Track) -> Claim| {
            let tracks = view.models.values().flat_map(|model| &model.drift.tracks).filter(|_| waiting != 0);
            let mut tickets: Vec<u64> = tracks.filter_map(|track| Some(claim(track).waits()?.0)).collect();
            tickets.sort_unstable();
            tickets
        };
        Self {
            references: tickets(view.drift.references.waiting, &|track| track.watch.claim),
            lessons: tickets(view.drift.lessons.waiting, &Track::lessons_claim),
        }
    }

    /// The place of a version that waits to gather its reference, from 1.
    fn of_reference(&self, track: &Track) -> Option<u64> {
        Self::place(&self.references, track.watch.claim)
    }

    /// The place of a version that waits to learn its losses, from 1.
    pub fn of_lessons(&self, track: &Track) -> Option<u64> {
        Self::place(&self.lessons, track.lessons_claim())
    }

    fn place(tickets: &[u64], claim: Claim) -> Option<u64> {
        let (ticket, _) = claim.waits()?;
        Some(tickets.partition_point(|other| *other < ticket) as u64 + 1)
    }
}

impl Reference {
    pub fn of(track: &Track, fleet: &Fleet, queues: &Queues) -> Self {
        let baseline = track.baseline.as_deref();
        let origin = |origin: Origin| match origin {
            Origin::FirstRows => "first_rows",
            Origin::Collected => "collected",
            Origin::Uploaded => "uploaded",
            Origin::Range { .. } => "range",
        };
        Self {
            state: match baseline {
                _ if track.is_retired() => "retired",
                Some(_) => "ready",
                None if track.is_uploading() => "uploading",
                None if track.watch.claim.waits().is_some() => "waiting",
                None => "gathering",
            },
            place: queues.of_reference(track),
            origin: origin(track.watch.origin),
            range: match track.watch.origin {
                Origin::Range { from, until } => Some(RangeFigures { from: from.to_string(), to: until.to_string() }),
                Origin::FirstRows | Origin::Collected | Origin::Uploaded => None,
            },
            rows: baseline.map_or(track.gathered() as u64, |baseline| baseline.rows),
            needed: fleet.policy.reference_rows,
            from: baseline.map(|baseline| baseline.from.to_string()),
            to: baseline.map(|baseline| baseline.to.to_string()),
            number: baseline.map(|baseline| baseline.number),
        }
    }
}

impl SegmentReport {
    /// Every segment of a version that is judged apart, the largest of the reference first.
    pub fn all(track: &Track) -> Vec<Self> {
        let of = |baseline: &Baseline| track.watch.segments.iter().map(|segment| Self::of(segment, baseline)).collect();
        track.baseline.as_deref().map(|baseline| of(baseline)).unwrap_or_default()
    }

    fn of(segment: &Segment, baseline: &Baseline) -> Self {
        let columns = baseline.columns.iter().zip(&segment.standings);
        let columns = columns.map(|(column, standing)| {
            let told = SegmentColumn {
                status: status(standing),
                since: standing.since.map(|since| since.to_string()),
                judged: standing.figures.as_ref().map(JudgedFigures::of),
            };
            (column.subject(), told)
        });
        Self { segment: BTreeMap::from([(segment.name.to_string(), segment.value.to_string())]), columns: columns.collect() }
    }
}

/// reference or same_hour_of_week.
pub const fn against(held: Against) -> &'static str {
    match held {
        Against::Reference => "reference",
        Against::SameHourOfWeek => "same_hour_of_week",
    }
}
