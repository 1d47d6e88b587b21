//! What a judged window of a version says of a subject: how an incident stands now, and how bad it has been.

use serde::{Deserialize, Serialize};

use crate::ids::Name;
use crate::monitor::drift::Track;
use crate::monitor::drift::judge::{Accuracy, Figures};
use crate::time::Timestamp;

/// A subject in a judged window of one version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    pub version: Option<Name>,
    /// Event time.
    pub start: Timestamp,
    pub end: Timestamp,
    /// Predictions of the window; of answers its labels.
    pub n: u64,
    pub seen: Seen,
}

/// What was seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// How often answers were right.
    Answers(Accuracy),
    /// How far a column has moved.
    Column(Figures),
}

impl Sighting {
    /// What the last judged window of a version says of `subject`. `None` before the first, and of what windows do not judge.
    pub fn last(track: &Track, subject: &str) -> Option<Self> {
        let score = track.watch.score.as_ref()?;
        let of = |n, seen| Self { version: track.watch.version.clone(), start: score.window, end: score.end(), n, seen };
        if subject == "error" {
            let accuracy = score.accuracy?;
            return Some(of(accuracy.n, Seen::Answers(accuracy)));
        }
        let columns = &track.baseline.as_ref()?.columns;
        let place = columns.iter().position(|column| column.subject() == subject)?;
        Some(of(score.predictions, Seen::Column(track.watch.standings.get(place)?.figures?)))
    }

    /// Whether the same subject stood worse here than in `other`.
    pub fn is_worse_than(&self, other: &Self) -> bool {
        other.badness() < self.badness()
    }

    /// Of answers how many more are wrong than at first, as a share; of a column how far it has moved.
    fn badness(&self) -> f64 {
        match &self.seen {
            Seen::Answers(accuracy) => accuracy.before - accuracy.now,
            Seen::Column(figures) => figures.severity(),
        }
    }
}
