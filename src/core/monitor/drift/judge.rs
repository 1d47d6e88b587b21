//! Whether a drift window differs from its baseline: how much, and how evidently. An alarm needs both.
//!
//! What is promised. Every drift window of every version, and of every segment that is judged apart, asks two questions of each of its columns
//! (have its values moved, has the share of missing ones), each at the level `α = budget · width / (month · questions of the fleet)`. If nothing has changed and rows are
//! independent draws, a question is answered wrongly with a chance of at most `α`, so the expected number of false alarms of the whole
//! fleet in a month is at most the budget: expectations add up whatever depends on what, also through the shared reference
//! (Bonferroni; per-family error rate, Tukey (1953)). What is not promised: anything about streams whose rows depend on each other or
//! that have seasons longer than the reference; [`super::season`] says what changes where the policy knows of a season.

use serde::{Deserialize, Serialize};

use crate::event::{PolicyChange, Season};
use crate::monitor::drift::baseline::{Baseline, Bins, Column, Group, PREDICTION};
use crate::monitor::drift::tally::{ColumnTally, Tally};
use crate::monitor::limits::{COMPARED_MIN, MONTH, PANE_WIDTH};
use crate::monitor::model::Verdict;
use crate::stats::drift::Comparison;
use crate::stats::drift::decision::{Decision, MISSING_MATTERS, PSI_MATTERS, Presence, QUESTIONS, Rule, Values};
use crate::stats::logarithm::ln;
use crate::time::{Span, Timestamp};

/// A feature counts in full in the score once its index reaches this: custom acts there (Siddiqi (2006), *Credit Risk Scorecards*).
const PSI_ACT: f64 = 0.25;

/// A feature counts in full in the score, too, once so much more or less of it is missing, as a share of all rows.
const MISSING_ACT: f64 = 0.25;

/// Windows without drift after which a drift counts as over.
pub const CALM_WINDOWS: u8 = 2;

/// When a window is said to have drifted, for the whole fleet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Whether predictions are compared with a reference at all; labels go to the detectors in any case.
    pub watch: bool,
    /// Predictions that a reference window gathers.
    pub reference_rows: u32,
    /// Width of the windows that are judged, a multiple of a pane's. `None`: that of each version fits its traffic, see [`super::pace`].
    pub window: Option<Span>,
    /// The least population stability index that matters.
    pub psi_threshold: f64,
    /// Expected false alarms of the fleet in 30 days.
    pub false_alarms_per_month: f64,
    /// Labels of one version between two false alarms of its error detector, at least and on average.
    pub error_run_length: f64,
    /// What windows are compared with where there is enough of it.
    pub season: Season,
    /// Whether the largest segments of a version are judged apart.
    pub segments: bool,
}

/// How one column stands after the last window that could be judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Start of the first window of the drift that is on.
    pub since: Option<Timestamp>,
    /// Windows without drift in a row while one is on.
    pub calm: u8,
    /// Start of the first of these.
    pub calm_since: Option<Timestamp>,
    /// Figures of the last window; `None` before the first.
    pub figures: Option<Figures>,
}

/// What a window says of one column.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Nats, counts raised by ½.
    pub psi: f64,
    /// Bits^½, what chance alone gives taken off.
    pub jensen_shannon: f64,
    /// Nats, of the values or of the missing ones, whichever is more.
    pub evidence: f64,
    /// Nats that are needed.
    pub needed: f64,
    /// Share of missing values now, less that of the reference.
    pub missing_change: f64,
    pub drift: bool,
    pub against: Against,
}

/// What a window was compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// The reference, of a segment the same segment of it.
    Reference,
    /// The same minutes of the weeks before.
    SameHourOfWeek,
}

/// How far a version has moved from its baseline, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Start of the window that was judged.
    pub window: Timestamp,
    /// How wide it was.
    pub width: Span,
    pub predictions: u64,
    /// Distance of the predictions from those of the reference: Jensen–Shannon in bits^½, what chance alone gives taken off.
    pub prediction: f64,
    /// Share of the features that drift, each by its index, in full from 0.25, or by how much more of it is missing, in full from a quarter.
    pub features: f64,
    /// Distance of all features together from the reference, as that of the predictions, where it drifts; else 0.
    pub multivariate: f64,
    /// By what share accuracy lies below that of the first labels, where that is evident or a detector has raised an alarm about it; else 0.
    pub performance: f64,
    /// Accuracy of the first labels and of those that came with the window, evident or not.
    pub accuracy: Option<Accuracy>,
}

/// How often a version was right at first and in a window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    pub before: f64,
    pub now: f64,
    /// Labels of the window.
    pub n: u64,
    /// Whether it is evidently lower than before.
    pub evident: bool,
}

/// What changed in the standing of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Detected,
    Cleared,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            watch: true,
            reference_rows: 1_000,
            window: None,
            psi_threshold: PSI_MATTERS,
            false_alarms_per_month: 1.0,
            error_run_length: 1_000_000.0,
            season: Season::None,
            segments: false,
        }
    }
}

impl Policy {
    pub fn change(&mut self, change: &PolicyChange) -> Verdict {
        let before = *self;
        self.watch = change.watch.unwrap_or(self.watch);
        self.reference_rows = change.reference_rows.unwrap_or(self.reference_rows);
        self.window = match change.window_seconds {
            None => self.window,
            Some(0) => None,
            Some(seconds) => Some(Span::from_secs(seconds.into())),
        };
        self.psi_threshold = change.psi_threshold.unwrap_or(self.psi_threshold);
        self.false_alarms_per_month = change.false_alarms_per_month.unwrap_or(self.false_alarms_per_month);
        self.error_run_length = change.error_run_length.unwrap_or(self.error_run_length);
        self.season = change.season.unwrap_or(self.season);
        self.segments = change.segments.unwrap_or(self.segments);
        if *self == before { Verdict::Ignored } else { Verdict::Applied }
    }

    /// Evidence in nats that an answer of a window so wide needs while the fleet judges so many `columns`.
    pub fn needed(&self, columns: u64, width: Span) -> f64 {
        let windows = MONTH.micros() as f64 / width.max(PANE_WIDTH).micros() as f64;
        let questions = (columns.max(1) * QUESTIONS) as f64;
        ln((windows * questions / self.false_alarms_per_month).max(1.0))
    }
}

impl Score {
    /// Where the window ended that was judged.
    pub fn end(&self) -> Timestamp {
        self.window + self.width
    }

    /// The largest of the components.
    pub fn value(&self) -> f64 {
        self.prediction.max(self.features).max(self.multivariate).max(self.performance).min(1.0)
    }
}

impl Standing {
    /// Takes in the figures of the window that starts at `window`.
    pub fn turn(&mut self, window: Timestamp, figures: Figures) -> Option<Turn> {
        self.figures = Some(figures);
        match (self.since, figures.drift) {
            (None, true) => {
                (self.since, self.calm) = (Some(window), 0);
                Some(Turn::Detected)
            }
            (Some(_), true) => {
                self.calm = 0;
                None
            }
            (Some(_), false) => {
                self.calm_since = if self.calm == 0 { Some(window) } else { self.calm_since };
                self.calm += 1;
                (CALM_WINDOWS <= self.calm).then(|| {
                    self.since = None;
                    Turn::Cleared
                })
            }
            (None, false) => None,
        }
    }
}

impl Figures {
    /// How far the column has moved: 1 where custom acts.
    pub fn severity(&self) -> f64 {
        (self.psi / PSI_ACT).max(self.missing_change.abs() / MISSING_ACT)
    }

    /// Compares one column of a window with that of its baseline. `None` if either side has too few rows, or no value at all on one.
    fn of(
        bins: &Bins,
        reference: (&ColumnTally, u64),
        current: (&ColumnTally, u64),
        policy: &Policy,
        (needed, against): (f64, Against),
    ) -> Option<Self> {
        let ((reference, reference_rows), (current, rows)) = (reference, current);
        // what the reference does not have at all, such as the predictions of a training set without them, cannot have changed
        if reference_rows < COMPARED_MIN || rows < COMPARED_MIN || reference.present() + reference.mismatched == 0 {
            return None;
        }
        let presence = |column: &ColumnTally, rows: u64| Presence { present: column.present().min(rows), rows };
        let enough = COMPARED_MIN <= reference.present() && COMPARED_MIN <= current.present();
        let over = |counts: &dyn Fn(&ColumnTally) -> Vec<u64>| {
            Comparison::new(&counts(reference), &counts(current)).ok().filter(|_| enough)
        };
        let coarse = over(&|column| bins.coarse(&column.counts));
        let fine = if bins.is_numeric() { over(&|column| column.counts.to_vec()) } else { None };
        let values = match (&coarse, &fine) {
            (None, _) => Values::Absent,
            (Some(coarse), Some(fine)) => Values::Ordered { fine, coarse },
            (Some(coarse), None) => Values::Categories(coarse),
        };
        let rule = Rule { psi: policy.psi_threshold, missing: MISSING_MATTERS, evidence: needed };
        let decision = Decision::of(values, presence(reference, reference_rows), presence(current, rows), &rule);
        let Decision { psi, jensen_shannon, missing_change, .. } = decision;
        Some(Self {
            psi,
            jensen_shannon,
            evidence: decision.evidence(),
            needed,
            missing_change,
            drift: decision.drift(),
            against,
        })
    }
}

/// Every column of a window against what is over the same bins; `None` where there is too little to judge.
pub fn compare(
    baseline: &Baseline,
    (reference, against): (&Tally, Against),
    current: &Tally,
    policy: &Policy,
    needed: f64,
) -> Vec<Option<Figures>> {
    let of = |(place, column): (usize, &Column)| {
        let before = (&reference.columns[place], reference.rows_of(place, column));
        let now = (&current.columns[place], current.rows_of(place, column));
        // an identifier is asked only whether it is there
        Figures::of(&column.bins, before, now, policy, (needed, against))
    };
    baseline.columns.iter().enumerate().map(of).collect()
}

/// The components of the score that follow from the columns; performance is still 0. `None` if no column could be judged.
pub fn score(
    (window, width): (Timestamp, Span),
    predictions: u64,
    baseline: &Baseline,
    standings: &[Standing],
    figures: &[Option<Figures>],
) -> Option<Score> {
    figures.iter().any(Option::is_some).then(|| {
        let of = |group: Group| baseline.columns.iter().zip(figures).filter(move |(column, _)| column.group == group);
        // a column drifts until it has been seen without drift often enough: the score counts what the verdicts count
        let weight = |standing: &Standing| match (standing.since, &standing.figures) {
            (Some(_), Some(figures)) => figures.severity().min(1.0),
            _ => 0.0,
        };
        let features = baseline.columns.iter().zip(standings).filter(|(column, _)| column.group == Group::Feature);
        let drifted: f64 = features.map(|(_, standing)| weight(standing)).sum();
        let together = of(Group::Multivariate).find_map(|(_, figures)| figures.filter(|figures| figures.drift));
        Score {
            window,
            width,
            predictions,
            prediction: figures[PREDICTION].map_or(0.0, |figures| figures.jensen_shannon),
            features: if drifted == 0.0 { 0.0 } else { drifted / of(Group::Feature).count() as f64 },
            multivariate: together.map_or(0.0, |figures| figures.jensen_shannon),
            performance: 0.0,
            accuracy: None,
        }
    })
}

/// How much of the change of accuracy one column explains, as expected from what the reference stated: `Σ (q_b − p_b) c_b` over coarse
/// bins, with the shares `p` before and `q` now and the mean stated confidence `c` of the reference in the bin. Negative where the column
/// has moved to where the model is less sure. `None` if no confidence was stated.
pub fn attribution(confidence: &[f64], coarse: &Comparison) -> Option<f64> {
    let (n, m): (u64, u64) = (coarse.reference().iter().sum(), coarse.current().iter().sum());
    let shares = coarse.reference().iter().zip(coarse.current()).map(|(p, q)| (*p as f64 / n as f64, *q as f64 / m as f64));
    // of a bin that the reference has nothing in nothing is known: it is taken for average
    let mean: f64 = coarse.reference().iter().zip(confidence).map(|(count, c)| *count as f64 / n as f64 * c).sum();
    let expected =
        |(bin, (p, q)): (usize, (f64, f64))| (q - p) * if coarse.reference()[bin] == 0 { mean } else { confidence[bin] };
    (!confidence.is_empty()).then(|| shares.enumerate().map(expected).sum())
}
