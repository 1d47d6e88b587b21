//! What a version is compared to.

use serde::Serialize;
use utoipa::ToSchema;

use crate::monitor::drift::baseline::Origin;
use crate::monitor::drift::{Fleet, Track};

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
    pub until: String,
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
                Origin::Range { from, until } => Some(RangeFigures { from: from.to_string(), until: until.to_string() }),
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
