//! How a version stands against its baseline: every column side by side, the score, the detectors, the alarms.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::event::Season;
use crate::monitor::drift::baseline::{Baseline, Column};
use crate::monitor::drift::estimator::{Estimator, Scale};
use crate::monitor::drift::judge::{self, Accuracy, Against, CALM_WINDOWS, Figures, Policy, Score, Standing};
use crate::monitor::drift::labels::Outcomes;
use crate::monitor::drift::losses;
use crate::monitor::drift::pace;
use crate::monitor::drift::room::Room;
use crate::monitor::drift::tally::{ColumnTally, Tally};
use crate::monitor::drift::{Fleet, Track, Watch};
use crate::monitor::kept::Kept;
use crate::monitor::limits::{GATHERED_VALUES_MAX, LESSON_VALUES_MAX};
use crate::stats::drift::Comparison;
use crate::stats::{Estimate, MetricName};
use crate::time::{Span, Timestamp};
use crate::view::alarm::{AlarmFigures, DetectorFigures};
use crate::view::compared::{Queues, Reference, SegmentReport, against};
use crate::view::drift::Test;
use crate::view::incident::IncidentFigures;
use crate::view::profile::{Bin, Profile, histogram};

/// Everything about the drift of one version.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DriftReport {
    pub model: String,
    /// Null: the predictions that name no version.
    pub version: Option<String>,
    /// The versions that are watched.
    pub versions: Vec<Option<String>>,
    pub reference: Reference,
    pub policy: PolicyFigures,
    /// How wide the drift windows of this version are, and why.
    pub window: PaceFigures,
    /// Null until a drift window could be judged.
    pub score: Option<ScoreFigures>,
    /// What is compared to the reference: closed and open panes from here up to `end`. Unless a range is asked for, the window that was judged
    /// last: verdicts, score, tests and distributions are of the same rows.
    pub start: String,
    pub end: String,
    pub predictions: u64,
    /// The prediction and the score first, then the features. Empty while the reference is gathered.
    pub columns: Vec<ColumnReport>,
    pub labels: LabelFigures,
    pub estimator: EstimatorFigures,
    /// Segments that are judged apart; empty unless the policy asks for them.
    pub segments: Vec<SegmentReport>,
    /// The beginning and the end of every incident of the model, of all versions, the newest last.
    pub alarms: Vec<AlarmFigures>,
    /// What has moved in the model, in all versions, the newest last: one subject is one incident however often and by whom it is told.
    pub incidents: Vec<IncidentFigures>,
}

/// What estimates performance before labels come.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EstimatorFigures {
    /// gathering, waiting for room to gather examples, fitted or unfit (no estimate can be made of the labels that came).
    pub state: &'static str,
    /// Its place among the versions that wait, from 1; null for other states.
    pub place: Option<u64>,
    /// Labelled predictions gathered so far: those with a score or, of a regression, those whose features were kept.
    pub rows: u64,
    pub needed: u32,
    /// Whether scores are corrected by isotonic regression; null before it is fitted, and of a regression.
    pub calibrated: Option<bool>,
    /// positive: scores are of the positive class, and every figure of the confusion matrix is estimated; right: they are of being
    /// right, and accuracy is; loss: of a regression, and MAE, MSE and RMSE are estimated from features and predictions.
    pub scale: Option<&'static str>,
    /// Between what the estimate of each figure is ordinary: three deviations of reference chunks around their mean.
    pub ordinary: BTreeMap<&'static str, [f64; 2]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({"watch": true, "reference_rows": 1000, "window_seconds": null, "psi_threshold": 0.1, "false_alarms_per_month": 1.0,
    "error_run_length": 1000000.0, "season": "none", "segments": false, "columns": 44, "evidence_needed": 12.85,
    "references": {"reserved": 12000, "most": 160000000, "waiting": 0, "lapsed": 0}, "lessons": {"reserved": 0, "most": 2000000, "waiting": 0, "lapsed": 0}}))]
pub struct PolicyFigures {
    /// Whether predictions are compared with a reference at all.
    pub watch: bool,
    pub reference_rows: u32,
    /// Width of the windows that are judged; null: each version has windows as wide as its traffic needs.
    pub window_seconds: Option<i64>,
    /// The least population stability index that matters.
    pub psi_threshold: f64,
    /// Expected false alarms of all models in 30 days.
    pub false_alarms_per_month: f64,
    /// Labels of one version between two false alarms of its error detector, at least and on average.
    pub error_run_length: f64,
    /// none; or same_hour_of_week: windows are compared with the same minutes of the last four weeks, where at least two of those hold at least
    /// 100 rows together.
    pub season: &'static str,
    /// Whether the largest segments of each version are judged apart.
    pub segments: bool,
    /// Columns of the fleet that the budget is shared out over, those of segments that are judged apart too.
    pub columns: u64,
    /// Nats of evidence that an alarm needs at present, of the narrowest windows where they fit the traffic: wider ones need less.
    pub evidence_needed: f64,
    /// Room for the references that are gathered, and for the examples that losses are learnt from.
    pub references: RoomFigures,
    pub lessons: RoomFigures,
}

/// Room that versions share while they gather: each reserves all it will need before its first row, first come first served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RoomFigures {
    /// Values that are reserved, and how many may be.
    pub reserved: u64,
    pub most: u64,
    /// Versions that wait for their turn.
    pub waiting: u32,
    /// Reservations that were taken from versions that had fallen silent while others waited.
    pub lapsed: u64,
}

impl RoomFigures {
    const fn of(room: &Room, most: u64) -> Self {
        Self { reserved: room.reserved, most, waiting: room.waiting, lapsed: room.lapsed }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ScoreFigures {
    /// The largest component, 0 to 1.
    pub value: f64,
    /// Jensen–Shannon distance of the predictions from those of the reference, what chance alone gives taken off.
    pub prediction: f64,
    /// Share of the features that drift, each by its effect.
    pub features: f64,
    /// Distance of all features together from the reference, where that drifts: features may stop moving together though each alone stays as it was.
    pub multivariate: f64,
    /// By what share accuracy lies below that of the first labels, where that is evident.
    pub performance: f64,
    /// Start of the window that was judged, and its end.
    pub window: String,
    pub end: String,
    pub predictions: u64,
    /// Accuracy of the first labels and of those that came with the window, evident or not; null where one of them has none.
    pub accuracy: Option<AccuracyFigures>,
}

/// How often a version was right at first and in the window that was judged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct AccuracyFigures {
    pub before: f64,
    pub now: f64,
    /// Labels of the window.
    pub n: u64,
    /// Whether it is evidently lower than before.
    pub evident: bool,
}

/// How wide the drift windows of a version are: as wide as a change as large as the policy asks for needs to be evident at the version's rate.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PaceFigures {
    /// Width of the next window.
    pub seconds: i64,
    /// Whether the policy has pinned the width.
    pub pinned: bool,
    /// Rows a minute in the last window, or while the reference was gathered; null while that is not known.
    pub rows_per_minute: Option<f64>,
    /// Rows that a window of this width needs; null without a reference.
    pub rows_needed: Option<u64>,
    /// Nats of evidence that an alarm of a window of this width needs.
    pub evidence_needed: f64,
}

impl PaceFigures {
    pub fn of(track: &Track, fleet: &Fleet) -> Self {
        let Fleet { policy, columns, .. } = fleet;
        let width = track.watch.pace.width(policy);
        let rows = |baseline: &Arc<Kept<Baseline>>| pace::rows_needed(policy, *columns, baseline.rows, width);
        Self {
            seconds: width.micros() / 1_000_000,
            pinned: policy.window.is_some(),
            rows_per_minute: track.watch.pace.rate(),
            rows_needed: track.baseline.as_ref().map(rows),
            evidence_needed: policy.needed(*columns, width),
        }
    }
}

/// One column, reference against now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ColumnReport {
    pub name: String,
    /// prediction, score, multivariate, or `feature/` and the name.
    pub subject: String,
    /// feature, prediction, score or multivariate: how badly all features together are put together again from the principal components
    /// of the reference.
    pub group: &'static str,
    /// numeric, categorical or identifier.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// drift, stable, no_data where too little has come to judge, or not_compared where the reference has no value of it at all.
    pub status: &'static str,
    /// Start of the first window of the drift that is on.
    pub since: Option<String>,
    /// Windows without drift in a row while it drifts, and after how many the drift is over.
    pub clean_windows: u8,
    pub clean_windows_needed: u8,
    /// What the last judged window said: effect and evidence decide.
    pub judged: Option<JudgedFigures>,
    /// Every test of the range that was asked for, as figures: none of them decides `status`. Empty where there is too little.
    pub tests: BTreeMap<&'static str, Test>,
    /// How much accuracy is expected to change because of this column alone; null where no confidence is stated.
    pub attribution: Option<f64>,
    pub reference: Profile,
    pub current: Profile,
    pub histogram: Vec<Bin>,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct JudgedFigures {
    pub psi: f64,
    pub jensen_shannon: f64,
    /// Nats against "nothing has changed".
    pub evidence: f64,
    /// Nats that were needed.
    pub needed: f64,
    /// Share of missing values then, less that of the reference.
    pub missing_change: f64,
    pub drift: bool,
    /// What the window was compared with: reference or same_hour_of_week.
    pub against: &'static str,
}

/// Labels in the order of their arrival.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LabelFigures {
    pub arrived: u64,
    /// Error rate of the first labels, and of those since the last judged window.
    pub baseline: Estimate,
    pub recent: Estimate,
    pub detectors: Vec<DetectorFigures>,
}

/// One window against the baseline, column by column.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DriftWindowReport {
    pub start: String,
    pub end: String,
    pub closed: bool,
    pub predictions: u64,
    /// Evidence in nats that its columns need for a drift, at its width.
    pub evidence_needed: f64,
    /// Features that the reference did not have.
    pub unexpected: u64,
    /// By subject.
    pub columns: BTreeMap<String, WindowColumn>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WindowColumn {
    /// Null where there is too little to compare.
    pub psi: Option<f64>,
    pub jensen_shannon: Option<f64>,
    pub evidence: Option<f64>,
    /// Effect and evidence both reach what the policy asks for.
    pub drift: bool,
    pub present: u64,
    pub missing: u64,
    pub mismatched: u64,
    pub out_of_range: u64,
    pub new_category: u64,
    pub mean: Option<f64>,
}

impl PolicyFigures {
    pub fn of(fleet: &Fleet) -> Self {
        let Policy { watch, reference_rows, window, psi_threshold, false_alarms_per_month, error_run_length, season, segments } =
            fleet.policy;
        Self {
            watch,
            reference_rows,
            window_seconds: window.map(|width| width.micros() / 1_000_000),
            psi_threshold,
            false_alarms_per_month,
            error_run_length,
            season: match season {
                Season::None => "none",
                Season::SameHourOfWeek => "same_hour_of_week",
            },
            segments,
            columns: fleet.columns,
            evidence_needed: fleet.policy.needed(fleet.columns, fleet.policy.window.unwrap_or(pace::WIDTHS[0])),
            references: RoomFigures::of(&fleet.references, GATHERED_VALUES_MAX),
            lessons: RoomFigures::of(&fleet.lessons, LESSON_VALUES_MAX),
        }
    }
}

impl ScoreFigures {
    pub fn of(score: &Score) -> Self {
        Self {
            value: score.value(),
            prediction: score.prediction,
            features: score.features,
            multivariate: score.multivariate,
            performance: score.performance,
            window: score.window.to_string(),
            end: score.end().to_string(),
            predictions: score.predictions,
            accuracy: score.accuracy.map(|Accuracy { before, now, n, evident }| AccuracyFigures { before, now, n, evident }),
        }
    }
}

impl LabelFigures {
    pub fn of(watch: &Watch) -> Self {
        let rate = |outcomes: &Outcomes| Estimate::proportion(outcomes.n - outcomes.met, outcomes.n);
        Self {
            arrived: watch.labels.arrived,
            baseline: rate(&watch.labels.first),
            recent: rate(&watch.labels.recent),
            detectors: watch.detectors.iter().map(DetectorFigures::of).collect(),
        }
    }
}

impl EstimatorFigures {
    pub fn of(track: &Track, fleet: &Fleet, queues: &Queues) -> Self {
        let estimator = &**track.estimator;
        let place = queues.of_lessons(track);
        let needed = match estimator {
            Estimator::Learning(_) | Estimator::OfLosses(_) => losses::needed(&fleet.policy) as u32,
            _ => fleet.policy.reference_rows,
        };
        let plain = |state, rows| Self { state, place, rows, needed, calibrated: None, scale: None, ordinary: BTreeMap::new() };
        match estimator {
            Estimator::Gathering(rows) => plain("gathering", rows.len() as u64),
            Estimator::Learning(learning) => {
                let state = if place.is_some() { "waiting" } else { "gathering" };
                Self { scale: Some("loss"), ..plain(state, learning.labelled.into()) }
            }
            Estimator::OfLosses(learnt) => {
                let ordinary = |name: MetricName| {
                    learnt.reference.thresholds(name).map(|thresholds| (name.as_str(), [thresholds.low, thresholds.high]))
                };
                let ordinary = [MetricName::Mae, MetricName::Mse, MetricName::Rmse].into_iter().filter_map(ordinary).collect();
                Self { scale: Some("loss"), ordinary, ..plain("fitted", u64::from(needed)) }
            }
            Estimator::Unfit => plain("unfit", u64::from(needed)),
            Estimator::Fitted { scale, reference } => {
                let (scale, names) = match scale {
                    Scale::Positive => ("positive", Self::OF_POSITIVE.as_slice()),
                    Scale::Right => ("right", &Self::OF_POSITIVE[..1]),
                };
                let ordinary = |name: &MetricName| {
                    reference.thresholds(*name).map(|thresholds| (name.as_str(), [thresholds.low, thresholds.high]))
                };
                Self {
                    calibrated: Some(reference.calibrator().isotonic().is_some()),
                    scale: Some(scale),
                    ordinary: names.iter().filter_map(ordinary).collect(),
                    ..plain("fitted", u64::from(needed))
                }
            }
        }
    }

    const OF_POSITIVE: [MetricName; 5] =
        [MetricName::Accuracy, MetricName::Precision, MetricName::Recall, MetricName::Specificity, MetricName::F1];
}

impl JudgedFigures {
    pub fn of(figures: &Figures) -> Self {
        let Figures { psi, jensen_shannon, evidence, needed, missing_change, drift, against: held_against } = *figures;
        Self { psi, jensen_shannon, evidence, needed, missing_change, drift, against: against(held_against) }
    }
}

/// Every column of `current` against `reference`, both over the bins of the track's baseline. How columns stand is told of the version, or of
/// `segment` where that is judged apart.
pub fn columns(
    track: &Track,
    segment: Option<&(String, String)>,
    reference: &Tally,
    current: &Tally,
    fleet: &Fleet,
    width: Span,
) -> Vec<ColumnReport> {
    let Some(baseline) = &track.baseline else { return Vec::new() };
    let level = (-fleet.policy.needed(fleet.columns, width)).exp();
    let apart = segment.and_then(|(name, value)| {
        let mut judged = track.watch.segments.iter();
        judged.find(|segment| segment.name.as_str() == name && segment.value.as_str() == value)
    });
    let standings = apart.map_or(&track.watch.standings, |segment| &segment.standings);
    let of = |(place, column): (usize, &Column)| {
        let standing = standings.get(place).copied().unwrap_or_default();
        let (before, now) = (&reference.columns[place], &current.columns[place]);
        let (rows_before, rows_now) = (reference.rows_of(place, column), current.rows_of(place, column));
        let coarse = Comparison::new(&column.bins.coarse(&before.counts), &column.bins.coarse(&now.counts)).ok();
        ColumnReport {
            name: column.name.to_string(),
            subject: column.subject(),
            group: column.group.as_str(),
            kind: column.bins.kind(),
            status: if is_absent(before) { "not_compared" } else { status(&standing) },
            since: standing.since.map(|since| since.to_string()),
            clean_windows: standing.since.map_or(0, |_| standing.calm),
            clean_windows_needed: CALM_WINDOWS,
            judged: standing.figures.as_ref().map(JudgedFigures::of),
            tests: crate::view::drift::of_bins(&column.bins, (before, rows_before), (now, rows_now), level),
            attribution: coarse.as_ref().and_then(|coarse| judge::attribution(&column.confidence, coarse)),
            reference: Profile::of(column, before, rows_before),
            current: Profile::of(column, now, rows_now),
            histogram: histogram(column, before, now),
        }
    };
    baseline.columns.iter().enumerate().map(of).collect()
}

/// Whether the reference has no value of a column: it is not compared then.
pub fn is_absent(reference: &ColumnTally) -> bool {
    reference.present() + reference.mismatched == 0
}

/// drift, stable or no_data.
pub const fn status(standing: &Standing) -> &'static str {
    match (standing.since, standing.figures) {
        (Some(_), _) => "drift",
        (None, Some(_)) => "stable",
        (None, None) => "no_data",
    }
}

/// One window in a row of the heatmap.
pub fn window(
    baseline: &Baseline,
    reference: &Tally,
    current: &Tally,
    fleet: &Fleet,
    (start, end): (Timestamp, Timestamp),
    closed: bool,
) -> DriftWindowReport {
    let needed = fleet.policy.needed(fleet.columns, end - start);
    let figures = judge::compare(baseline, (reference, Against::Reference), current, &fleet.policy, needed);
    let of = |(place, (column, figures)): (usize, (&Column, &Option<Figures>))| {
        let tally = &current.columns[place];
        let (rows, present) = (current.rows_of(place, column), tally.present());
        let new = if column.bins.kind() == "categorical" { tally.counts.last() } else { None };
        let told = WindowColumn {
            psi: figures.map(|figures| figures.psi),
            jensen_shannon: figures.map(|figures| figures.jensen_shannon),
            evidence: figures.map(|figures| figures.evidence),
            drift: figures.is_some_and(|figures| figures.drift),
            present,
            missing: (rows - present.min(rows)).saturating_sub(tally.mismatched),
            mismatched: tally.mismatched,
            out_of_range: tally.out_of_range,
            new_category: new.unwrap_or(0),
            mean: tally.moments.as_ref().filter(|_| present != 0).map(|moments| moments.mean_and_deviation(present).0),
        };
        (column.subject(), told)
    };
    let columns = baseline.columns.iter().zip(&figures).enumerate().map(of).collect();
    DriftWindowReport {
        start: start.to_string(),
        end: end.to_string(),
        closed,
        predictions: current.rows,
        evidence_needed: needed,
        unexpected: current.unexpected,
        columns,
    }
}
