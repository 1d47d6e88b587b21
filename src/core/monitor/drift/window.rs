//! The drift window of a version: what its closed panes hold, and how it is judged once it is over.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::Name;
use crate::monitor::drift::Track;
use crate::monitor::drift::alarm::Alarm;
use crate::monitor::drift::baseline::Baseline;
use crate::monitor::drift::detectors::{self, Lately};
use crate::monitor::drift::incident::WINDOW;
use crate::monitor::drift::judge::{self, Against, Figures, Policy, Score, Standing, Turn};
use crate::monitor::drift::labels::Outcomes;
use crate::monitor::drift::pace;
use crate::monitor::drift::season::SameHours;
use crate::monitor::drift::segments::Segment;
use crate::monitor::drift::tally::Tally;
use crate::monitor::limits::PANE_WIDTH;
use crate::monitor::model::CellKey;
use crate::time::{Span, Timestamp};

/// The closed panes of the drift window that is open.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DriftWindow {
    pub start: Timestamp,
    /// How long it is: a policy that changes while it is open counts from the next one.
    pub width: Span,
    /// `None` before the first pane.
    pub tally: Option<Tally>,
    /// Of each segment that is judged, in their order.
    pub segments: Vec<Tally>,
}

/// What is judged of a window, and when.
struct Judged<'a> {
    baseline: &'a Baseline,
    bounds: (Timestamp, Timestamp),
    at: Timestamp,
}

/// What a judged window has given.
pub struct Judgement {
    /// Columns that drift now and did not, or no longer do.
    pub alarms: Vec<Alarm>,
    /// Its start.
    pub window: Timestamp,
    /// What the change detectors have seen since the window before.
    pub lately: Vec<Lately>,
}

impl DriftWindow {
    pub fn end(&self) -> Timestamp {
        self.start + self.width.max(PANE_WIDTH)
    }

    pub fn is_over(&self, watermark: Timestamp) -> bool {
        self.tally.is_some() && self.end() <= watermark
    }
}

impl Track {
    /// Adds what a cell of a closed pane has counted to the drift window, or opens one, as wide as the version's traffic needs.
    pub fn add_closed(&mut self, pane: Timestamp, policy: &Policy, cell: &CellKey, counted: &Tally) {
        let Some(baseline) = self.baseline.clone().filter(|baseline| baseline.bins == counted.baseline) else { return };
        let watch = Arc::clone(&self.watch);
        let open = self.window_mut();
        if open.tally.is_none() {
            (open.start, open.width) = watch.pace.start_of(pane, policy);
            open.tally = Some(Tally::of(&baseline));
            open.segments = vec![Tally::of(&baseline); watch.segments.len()];
        }
        let of_segments = watch.segments.iter().zip(&mut open.segments).filter(|(segment, _)| segment.holds(cell));
        of_segments.map(|(_, total)| total).chain(&mut open.tally).for_each(|total| total.merge(counted));
    }

    /// Judges the drift window that is open and begins anew. Gives what it says that was not said before; `None` if there was nothing to judge.
    ///
    /// * `alarmed`: whether an incident about wrong answers goes on.
    /// * `hours`: the same hours of the weeks before, where the policy wants windows compared with those.
    pub fn judge_window(
        &mut self,
        policy: &Policy,
        columns: u64,
        hours: Option<&SameHours>,
        cells: &[CellKey],
        alarmed: bool,
        at: Timestamp,
    ) -> Option<Judgement> {
        let window = std::mem::take(self.window_mut());
        let (Some(tally), Some(baseline)) = (&window.tally, self.baseline.clone()) else { return None };
        let needed = policy.needed(columns, window.width);
        let compare = |tally: &Tally, of: &dyn Fn(u16) -> bool| {
            let (before, against) = match hours.and_then(|hours| hours.tally(&baseline, of)) {
                Some(hours) => (hours, Against::SameHourOfWeek),
                None => (baseline.tally(of), Against::Reference),
            };
            judge::compare(&baseline, (&before, against), tally, policy, needed)
        };
        let judged = Judged { baseline: &baseline, bounds: (window.start, window.start + window.width), at };
        let figures = compare(tally, &|_| true);
        let watch = self.watch_mut();
        watch
            .pace
            .see((window.start, window.width), tally.rows, &|width| pace::rows_needed(policy, columns, baseline.rows, width));
        let mut alarms = judged.turns(&mut watch.standings, &figures, None);
        for (place, tally) in window.segments.iter().enumerate() {
            let holds = |cell: u16| cells.get(usize::from(cell)).is_some_and(|key| watch.segments[place].holds(key));
            let figures = compare(tally, &holds);
            let Segment { name, value, standings } = &mut watch.segments[place];
            alarms.extend(judged.turns(standings, &figures, Some((name.clone(), value.clone()))));
        }
        let accuracy = watch.labels.accuracy(needed);
        let told = accuracy.filter(|accuracy| accuracy.now < accuracy.before && (accuracy.evident || alarmed));
        let performance = told.map_or(0.0, |accuracy| (accuracy.before - accuracy.now) / accuracy.before);
        watch.labels.recent = Outcomes::default();
        let lately = detectors::take_lately(&mut watch.detectors);
        if let Some(score) = judge::score((window.start, window.width), tally.rows, &baseline, &watch.standings, &figures) {
            watch.score = Some(Score { performance, accuracy, ..score });
        }
        Some(Judgement { alarms, window: window.start, lately })
    }
}

impl Judged<'_> {
    /// Takes the figures in, column by column: what is new of it.
    fn turns(&self, standings: &mut [Standing], figures: &[Option<Figures>], segment: Option<(Name, Name)>) -> Vec<Alarm> {
        let columns = self.baseline.columns.iter().zip(standings.iter_mut().zip(figures));
        let turned = columns.filter_map(|(column, (standing, figures))| {
            let figures = (*figures)?;
            let turn = standing.turn(self.bounds.0, figures)?;
            Some(Alarm {
                at: self.at,
                subject: column.subject(),
                segment: segment.clone(),
                detector: Cow::Borrowed(WINDOW),
                detected: turn == Turn::Detected,
                onset: if turn == Turn::Detected { self.bounds.0 } else { standing.calm_since.unwrap_or(self.bounds.0) },
                window: Some(self.bounds),
                against: Some(figures.against),
                effect: vec![
                    (Cow::Borrowed("psi"), figures.psi),
                    (Cow::Borrowed("jensen_shannon"), figures.jensen_shannon),
                    (Cow::Borrowed("missing_change"), figures.missing_change),
                ],
                evidence: figures.evidence,
                threshold: figures.needed,
            })
        });
        turned.collect()
    }
}
