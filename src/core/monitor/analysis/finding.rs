//! What the analysis has found: something out of the ordinary, since when, and how far.

use serde::{Deserialize, Serialize};

use crate::event::Notice;
use crate::time::{Span, Timestamp};

/// A limit that is reached sooner than this makes a rise critical.
const SOON: Span = Span::from_secs(3_600);

/// What is out of the ordinary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// A series is far from what it usually is at this hour.
    Anomaly,
    /// An anomaly that stayed, and is what is usual now.
    Shift,
    /// Memory, or another thing that is handed back after use, rises steadily.
    Leak,
    /// A disk, a queue or the like fills steadily.
    Trend,
    /// A source that sent samples sends none.
    Silence,
    /// Half or more of what a producer sends is not accepted.
    Refused,
    /// Nearly all names of models there is room for are used, most of them by this producer.
    ModelNames,
    /// As [`Self::ModelNames`], of sources.
    SourceNames,
    /// Values of a model do not fit its task, so they are in no figure.
    Unfit,
    /// A process of Tidewatch says that something is wrong with it or with what it stands on.
    Process,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Warning,
    Critical,
}

/// One finding about one source or model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Counts up from 0 for each subject.
    pub ordinal: u32,
    pub pattern: Pattern,
    /// Place of the series among those of the subject; `None` of what is of none: silence, refusals, names, values that do not fit, a process.
    pub series: Option<u16>,
    /// When it began, by the time of the samples.
    pub since: Timestamp,
    /// When it was over; `None` while it goes on.
    pub until: Option<Timestamp>,
    pub last_at: Timestamp,
    /// The worst it has been.
    pub severity: Severity,
    /// Where it was farthest; of a rise, as of `last_at`.
    pub figures: Figures,
    /// The newest value; `None` of a silence and of a process.
    pub now: Option<f64>,
    /// What a process has said last of it. The last field, and left out where there is none: rows of other findings are as they were before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
}

/// How far from the ordinary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    pub value: Option<f64>,
    /// What was expected, and the band that is ordinary.
    pub expected: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Usual deviations from what was expected; of a rise, standard deviations of Mann and Kendall's statistic.
    pub score: Option<f64>,
    /// Rise in the unit of the series.
    pub per_hour: Option<f64>,
    /// When a percentage that rises so reaches 100.
    pub limit_at: Option<Timestamp>,
}

impl Finding {
    pub const fn is_open(&self) -> bool {
        self.until.is_none()
    }

    /// Takes in what a point of `at` says.
    pub(super) fn follow(&mut self, at: Timestamp, figures: Figures) {
        let distance = |figures: &Figures| figures.score.map_or(0.0, f64::abs);
        let is_rise = matches!(self.pattern, Pattern::Leak | Pattern::Trend);
        if is_rise && figures.score.is_some() || distance(&self.figures) < distance(&figures) {
            self.figures = figures;
        }
        self.now = figures.value;
        self.last_at = at;
        self.severity = self.severity.max(figures.severity(at));
    }
}

impl Figures {
    /// How grave they are at `at`: twice as far out as it takes to be noticed, or a limit within the hour.
    pub fn severity(&self, at: Timestamp) -> Severity {
        let reach = |bound: Option<f64>| Some((bound? - self.expected?).abs());
        let band = reach(self.high).into_iter().chain(reach(self.low)).fold(0.0, f64::max);
        let far =
            self.value.zip(self.expected).is_some_and(|(value, expected)| 0.0 < band && 2.0 * band <= (value - expected).abs());
        let soon = self.limit_at.is_some_and(|limit| limit - at <= SOON);
        if far || soon { Severity::Critical } else { Severity::Warning }
    }
}
