//! Segments that are judged apart, where the policy asks for it: a change in one of them drowns in the whole of a version.
//!
//! Each asks the questions that the version itself asks, so each is as many columns more that the alarm budget is shared out over
//! ([`Fleet::columns`]). That is why they are not judged unless someone wants it: eight segments of every version cost each alarm of the fleet
//! `ln 9 ≈ 2.2` nats. A segment is compared with the same segment of the reference and nothing else. One with too few rows there is not judged:
//! compared with the whole it would raise an alarm for being what it always was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::Name;
use crate::monitor::drift::baseline::Baseline;
use crate::monitor::drift::judge::Standing;
use crate::monitor::drift::{Fleet, Track};
use crate::monitor::limits::{COMPARED_MIN, SEGMENTS_MAX};
use crate::monitor::model::CellKey;

/// The predictions of a version that have one value of a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    pub name: Name,
    pub value: Name,
    /// By column of the baseline.
    pub standings: Vec<Standing>,
}

impl Segment {
    /// The largest of a reference, most rows first; without those that all of its rows are in, which would ask the same twice.
    fn largest(baseline: &Baseline, cells: &[CellKey]) -> Vec<Self> {
        let mut rows: BTreeMap<(&Name, &Name), u64> = BTreeMap::new();
        for (cell, counted) in &baseline.cells {
            let rows_of_cell = counted.read().rows;
            for (name, value) in cells.get(usize::from(*cell)).into_iter().flat_map(|key| &key.segment) {
                *rows.entry((name, value)).or_default() += rows_of_cell;
            }
        }
        let fits = |rows: u64| COMPARED_MIN <= rows && rows < baseline.rows;
        let mut fitting: Vec<((&Name, &Name), u64)> = rows.into_iter().filter(|(_, rows)| fits(*rows)).collect();
        // of equal ones the first by name: they come sorted
        fitting.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
        let segment = |((name, value), _): ((&Name, &Name), u64)| Self {
            name: name.clone(),
            value: value.clone(),
            standings: vec![Standing::default(); baseline.columns.len()],
        };
        fitting.into_iter().take(SEGMENTS_MAX).map(segment).collect()
    }

    pub fn holds(&self, cell: &CellKey) -> bool {
        cell.segment.iter().any(|(name, value)| *name == self.name && *value == self.value)
    }
}

impl Track {
    /// Chooses the segments that are judged, or releases them, if policy or baseline have changed since that was last done. Between two
    /// drift windows, so that what a window asks has been paid for when it begins.
    pub fn settle_segments(&mut self, cells: &[CellKey], fleet: &mut Fleet) {
        let wanted = self.baseline.clone().filter(|_| fleet.policy.segments);
        if self.watch.segments_of == wanted.as_ref().map(|baseline| baseline.number) {
            return;
        }
        self.forget_segments(fleet);
        if let Some(baseline) = wanted {
            let segments = Segment::largest(&baseline, cells);
            fleet.columns += (segments.len() * baseline.columns.len()) as u64;
            let watch = self.watch_mut();
            (watch.segments, watch.segments_of) = (segments, Some(baseline.number));
        }
    }

    /// Judges no segment from here on, not in the window that is open either.
    pub fn forget_segments(&mut self, fleet: &mut Fleet) {
        if !self.window.segments.is_empty() {
            self.window_mut().segments.clear();
        }
        let watch = self.watch_mut();
        fleet.columns -= watch.segments.iter().map(|segment| segment.standings.len() as u64).sum::<u64>();
        (watch.segments, watch.segments_of) = (Vec::new(), None);
    }
}
