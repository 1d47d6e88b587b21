//! Whether a version still serves. A version that nobody asks any more keeps what it has been (its windows, its baselines as rows, its labels)
//! and gives back what it has of the fleet: its share of the alarm budget, its room to gather, and its memory.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Fleet, Track};
use crate::monitor::drift::baseline::Baseline;
use crate::monitor::drift::estimator::Estimator;
use crate::monitor::drift::judge::Standing;
use crate::monitor::drift::marks::Marks;
use crate::monitor::drift::sight::Route;
use crate::monitor::drift::window::DriftWindow;
use crate::monitor::kept::Kept;
use crate::monitor::limits::VERSION_RETIRED_AFTER;
use crate::time::{Span, Timestamp};

/// A day of log time: when a version last served is noted once a day, because it is a row of its own.
const DAY: Span = Span::from_secs(86_400);

/// Where a version stands between its first prediction and its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionState {
    /// It serves, and its reference is not whole yet.
    Gathering,
    Serving,
    /// People say that its answers are compared and not used.
    Shadow,
    /// Nobody asks it any more, or people say so.
    Retired,
}

/// What is known of that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// The day of log time of its newest prediction, or of the training set that it was given.
    served_on: Option<Timestamp>,
    /// Whether its answers are not used, as people say.
    pub is_shadow: bool,
    /// When it was retired, in log time; `None` while it serves.
    pub retired_at: Option<Timestamp>,
    /// It has been retired before: its parts are rows of their own for good.
    pub(super) was_retired: bool,
}

impl VersionState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gathering => "gathering",
            Self::Serving => "serving",
            Self::Shadow => "shadow",
            Self::Retired => "retired",
        }
    }
}

impl Life {
    /// Whether nothing has come for so long that nobody waits any more.
    pub fn is_outlived(&self, log_time: Timestamp) -> bool {
        self.retired_at.is_none() && self.served_on.is_some_and(|day| day + DAY + VERSION_RETIRED_AFTER <= log_time)
    }

    /// Whether a prediction that comes now is no news of it.
    pub fn is_up_to_date(&self, log_time: Timestamp) -> bool {
        self.retired_at.is_none() && self.served_on == Some(log_time.floor(DAY))
    }
}

impl Track {
    pub fn state(&self) -> VersionState {
        let life = &self.watch.life;
        match (life.retired_at, &self.baseline) {
            (Some(_), _) => VersionState::Retired,
            (None, _) if life.is_shadow => VersionState::Shadow,
            (None, None) => VersionState::Gathering,
            (None, Some(_)) => VersionState::Serving,
        }
    }

    pub fn is_retired(&self) -> bool {
        self.watch.life.retired_at.is_some()
    }

    /// Notes that it serves. One that was retired goes on from its baseline.
    ///
    /// * `stored`: reads a baseline of its that has been written.
    pub fn serve(&mut self, fleet: &mut Fleet, log_time: Timestamp, stored: impl FnOnce(u32) -> Option<Baseline>) {
        if self.is_retired() {
            self.reinstate(fleet, stored);
        }
        self.watch_mut().life.served_on = Some(log_time.floor(DAY));
    }

    fn reinstate(&mut self, fleet: &mut Fleet, stored: impl FnOnce(u32) -> Option<Baseline>) {
        let unwritten = self.retired.iter().position(|baseline| self.uses(baseline.number));
        self.baseline = match (unwritten, self.watch.in_use) {
            (Some(at), _) => Some(self.retired.remove(at)),
            (None, Some(number)) => stored(number).map(|baseline| Arc::new(Kept::clean(baseline))),
            (None, None) => None,
        };
        let columns = self.baseline.as_ref().map_or(0, |baseline| baseline.columns.len());
        fleet.columns += columns as u64;
        let found = self.baseline.as_ref().map(|baseline| baseline.number);
        let watch = self.watch_mut();
        watch.life.retired_at = None;
        watch.in_use = found;
        if found.is_none() {
            watch.names.clear();
        }
        watch.standings = vec![Standing::default(); columns];
    }

    /// Gives back what it has of the fleet and of memory, and keeps what it has been.
    pub fn retire(&mut self, fleet: &mut Fleet, log_time: Timestamp) {
        if self.is_retired() {
            return;
        }
        self.drop_reference(fleet);
        self.forget_segments(fleet);
        self.release_lessons(fleet);
        if !matches!(**self.estimator, Estimator::Fitted { .. } | Estimator::Unfit) {
            self.forget_lessons();
        }
        if let Some(baseline) = self.baseline.take() {
            fleet.columns -= baseline.columns.len() as u64;
            if baseline.is_dirty() {
                self.retired.push(baseline);
            }
        }
        (self.route, self.loss_route) = (Route::default(), Route::default());
        *self.window_mut() = DriftWindow::default();
        let watch = self.watch_mut();
        watch.standings = Vec::new();
        watch.detectors = Vec::new();
        watch.label_marks = Marks::default();
        if watch.in_use.is_none() {
            watch.names.clear();
        }
        (watch.life.retired_at, watch.life.was_retired) = (Some(log_time), true);
    }
}
