//! What a version is compared to, and the segments of it that are judged apart.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::monitor::drift::baseline::{Baseline, Origin};
use crate::monitor::drift::judge::Against;
use crate::monitor::drift::segments::Segment;
use crate::monitor::drift::{Fleet, Track};
use crate::view::watch::{JudgedFigures, status};

/// What a version is compared to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Reference {
    /// gathering, uploading or ready.
    pub state: &'static str,
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

impl Reference {
    pub fn of(track: &Track, fleet: &Fleet) -> Self {
        let baseline = track.baseline.as_deref();
        let origin = |origin: Origin| match origin {
            Origin::FirstRows => "first_rows",
            Origin::Collected => "collected",
            Origin::Uploaded => "uploaded",
            Origin::Range { .. } => "range",
        };
        Self {
            state: match baseline {
                Some(_) => "ready",
                None if track.is_uploading() => "uploading",
                None => "gathering",
            },
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
