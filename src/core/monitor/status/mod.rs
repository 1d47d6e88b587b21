//! How a model is doing: what has arrived of it lately compared to its thresholds. The [`Condition`] of a model is state; whoever shows a
//! status shows that one.

pub mod evidence;
pub mod explain;
pub mod history;
pub mod labelling;
pub mod ladder;
pub mod reason;
pub mod rule;
pub mod samples;
pub mod tally;
pub mod thresholds;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use reason::Reason;
pub use thresholds::Thresholds;

use crate::event::MetricThreshold;
use crate::ids::Name;
use crate::monitor::classes::Task;
use crate::monitor::drift::judge::Score;
use crate::monitor::limits::{
    EXPLAINED_WITHIN, LABEL_PATIENCE, LABELS_OVERDUE, LABELS_OVERDUE_DELAYS, LOSS_REFERENCE, SAMPLES_MIN, STALE_AFTER,
    STALE_GAPS,
};
use crate::time::{Span as Length, Timestamp};
use evidence::{Basis, Looks};
use ladder::Ladder;
use rule::{Decision, Line, Span};
use samples::{Newest, Sampled};
use tally::{Moments, Outcomes, Service};

/// Worst last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Healthy,
    /// Too little is known to tell.
    #[default]
    Unknown,
    /// The interval of a figure reaches within the margin of its threshold, or the figure is beyond it and not evidently so.
    Warning,
    /// A figure lies evidently beyond its threshold.
    Critical,
}

impl Status {
    pub const ALL: [Self; 4] = [Self::Healthy, Self::Warning, Self::Critical, Self::Unknown];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// The metrics that every model is judged by; `mae` where its values are numbers, `accuracy` where they are classes.
pub const ACCURACY: &str = "accuracy";
pub const LOSS: &str = "mae";
pub const ERROR_RATE: &str = "error_rate";
pub const RESPONSE_TIME: &str = "response_time";
pub const DRIFT: &str = "drift";

/// The status of a model, why, and what it is judged by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    pub status: Status,
    /// Log time since when.
    pub since: Timestamp,
    /// What was found of each metric that is compared to something, healthy ones too.
    pub findings: Vec<Finding>,
    /// Its newest prediction is of long ago.
    pub stale: bool,
    /// Labels by log time, in the order in which they arrive.
    labels: Ladder<Outcomes>,
    /// Absolute errors of numbers by log time, and those of the first labels, which the later ones are compared to.
    losses: Ladder<Moments>,
    loss_reference: Moments,
    /// Predictions by event time.
    served: Ladder<Service>,
    /// Log time of the first prediction.
    first_at: Option<Timestamp>,
    /// What the model's own thresholds are about: samples, and metrics by the place of the stretch of windows they are of and that of
    /// the threshold.
    samples: Vec<Sampled>,
    stretches: Vec<Vec<(usize, Span)>>,
    /// Log time when each stretch was read.
    measured_at: Vec<Timestamp>,
    /// Something has come since a stretch was read.
    unmeasured: bool,
    /// Something has come since the last judgement.
    unjudged: bool,
}

/// How one metric stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub metric: Cow<'static, str>,
    pub status: Status,
    /// Log time since when.
    pub since: Timestamp,
    pub line: Line,
    pub over: Span,
    /// What too little data is too little of; `None` if it suffices.
    pub lacking: Option<Lacking>,
    /// The segment that explains most of what is wrong.
    pub mostly: Option<Mostly>,
}

/// More is needed before anything is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lacking {
    pub what: What,
    pub needed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Labels,
    /// Labels have stopped coming, though predictions go on.
    RecentLabels,
    Predictions,
    Samples,
}

/// A segment, and its share of what is wrong beyond the threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mostly {
    pub name: Name,
    pub value: Name,
    pub share: f64,
}

/// What a model is judged by beside what its condition holds.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    pub thresholds: &'a Thresholds,
    pub task: Task,
    pub drift: Option<&'a Score>,
    /// The model's own thresholds.
    pub own: &'a [MetricThreshold],
    /// Whether a label has ever come.
    pub labelled: bool,
    /// Newest event time.
    pub newest: Timestamp,
    pub log_time: Timestamp,
}

/// The status before and after a judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    pub from: Status,
    pub to: Status,
}

impl Condition {
    /// A prediction was served, its model's newest event being of `newest`.
    pub fn on_prediction(&mut self, newest: Timestamp, log_time: Timestamp, failed: bool, response_time: Option<f64>) {
        self.first_at.get_or_insert(log_time);
        let times = response_time.map_or_else(Moments::default, Moments::of);
        self.served.add(newest, &Service { n: 1, failed: failed.into(), times });
        (self.unjudged, self.unmeasured) = (true, true);
    }

    /// The first label of a prediction has come.
    ///
    /// * `met`: whether it is what was predicted; `None` if the two cannot be compared.
    /// * `loss`: how far off the prediction was, if both are numbers.
    /// * `delay`: from the prediction to now.
    pub fn on_label(&mut self, log_time: Timestamp, met: Option<bool>, loss: Option<f64>, delay: Length) {
        if let Some(met) = met {
            let delay = delay.micros().max(0).cast_unsigned() / 1_000_000;
            self.labels.add(log_time, &Outcomes { n: 1, met: met.into(), delay });
            (self.unjudged, self.unmeasured) = (true, true);
        }
        if let Some(loss) = loss.map(Moments::of).filter(|loss| loss.n != 0) {
            if self.loss_reference.n < LOSS_REFERENCE {
                ladder::Tally::merge(&mut self.loss_reference, &loss);
            } else {
                self.losses.add(log_time, &loss);
            }
        }
    }

    /// Learns anew how far off the predictions of a regression are.
    pub fn forget_loss_reference(&mut self) {
        (self.loss_reference, self.losses) = (Moments::default(), Ladder::default());
        self.unjudged = true;
    }

    /// Whether it was ever judged.
    pub fn is_judged(&self) -> bool {
        !self.findings.is_empty()
    }

    /// Has the next look judge, whether or not anything comes until then.
    pub const fn look_again(&mut self) {
        self.unjudged = true;
    }

    /// Whether a judgement now may differ from the last.
    pub fn is_due(&self, newest: Timestamp, log_time: Timestamp) -> bool {
        self.unjudged
            || (self.first_at.is_some() && self.is_stale(newest, log_time) != self.stale)
            || self.labels.has_old(log_time)
            || self.losses.has_old(log_time)
            || self.served.has_old(log_time)
    }

    /// Mean seconds between a prediction and its label, of the labels remembered.
    pub fn label_delay(&self) -> Option<f64> {
        let total = self.labels.total();
        (total.n != 0).then(|| total.delay as f64 / total.n as f64)
    }

    /// Judges all metrics anew.
    pub fn judge(&mut self, case: &Case<'_>) -> Option<Transition> {
        self.unjudged = false;
        if !self.is_judged() {
            // of a status that stays what it is by the first judgement
            self.since = case.log_time;
        }
        self.labels.forget(case.log_time);
        self.losses.forget(case.log_time);
        self.served.forget(case.log_time);
        self.stale = self.first_at.is_some() && self.is_stale(case.newest, case.log_time);
        let mut findings = Vec::with_capacity(4 + case.own.len());
        findings.extend(self.of_labels(case));
        findings.extend(self.of_failures(case));
        findings.extend(self.of_times(case));
        findings.extend(self.of_drift(case));
        findings.extend(self.of_own(case));
        findings.shrink_to_fit();
        self.findings = findings;
        let to = self.overall();
        let from = std::mem::replace(&mut self.status, to);
        (from != to).then(|| {
            self.since = case.log_time;
            Transition { from, to }
        })
    }

    /// The gravest of the findings. What is stale is not known to be well, and not known to have recovered.
    fn overall(&self) -> Status {
        let gravest = self.findings.iter().map(|finding| finding.status).max().unwrap_or_default();
        if self.stale && gravest != Status::Critical { Status::Unknown } else { gravest }
    }

    fn is_stale(&self, newest: Timestamp, log_time: Timestamp) -> bool {
        let usual = self.served.gap().map_or(0.0, |seconds| seconds * 1e6 * STALE_GAPS);
        STALE_AFTER.max(Length::from_micros(usual as i64)) < log_time - newest
    }

    fn of_labels(&mut self, case: &Case<'_>) -> Option<Finding> {
        let known = match case.task {
            Task::Regression if thresholds::are_of_regression(case.own) => return None,
            Task::Regression => self.losses.total().n + self.loss_reference.n,
            Task::Classification | Task::Unknown => self.labels.total().n,
        };
        if !self.awaits_labels(case, known) {
            return None;
        }
        let finding = match case.task {
            Task::Regression => self.of_losses(case, known),
            Task::Classification | Task::Unknown => self.of_answers(case, known),
        };
        Some(self.unless_overdue(finding, case, known))
    }

    /// What is said of answers holds while labels come. Once they have stopped nobody knows how those since then are; what was critical stays so, as
    /// silence is no recovery.
    fn unless_overdue(&self, finding: Finding, case: &Case<'_>, known: u64) -> Finding {
        let newest = self.labels.newest().max(self.losses.newest());
        let Some(newest) = newest.filter(|newest| self.are_overdue(*newest, case.log_time)) else { return finding };
        if matches!(finding.status, Status::Critical | Status::Unknown) {
            return finding;
        }
        let lacking = Some(Lacking { what: What::RecentLabels, needed: 1 });
        let over = Span { from: newest, basis: Basis::Bare { n: known, value: 0.0 } };
        let held = self.held(&finding.metric, finding.line).filter(|held| held.status == Status::Unknown);
        let since = held.map_or(case.log_time, |held| held.since);
        Finding { status: Status::Unknown, since, over, lacking, mostly: None, ..finding }
    }

    /// Whether labels should have come since `newest`, the last of them: predictions go on, and longer than the usual delays and gaps has passed.
    fn are_overdue(&self, newest: Timestamp, log_time: Timestamp) -> bool {
        let delay = LABELS_OVERDUE_DELAYS * self.label_delay().unwrap_or_default();
        let gap = STALE_GAPS * self.labels.gap().or_else(|| self.losses.gap()).unwrap_or_default();
        let usual = Length::from_micros((delay.max(gap) * 1e6) as i64);
        LABELS_OVERDUE.max(usual) < log_time - newest && SAMPLES_MIN <= self.served.since(newest)
    }

    /// Whether the quality of answers is asked for: there are or were labels, or there may still be some.
    fn awaits_labels(&self, case: &Case<'_>, known: u64) -> bool {
        let waited = self.first_at.map_or(Length::default(), |first| case.log_time - first);
        known != 0 || case.labelled || waited < LABEL_PATIENCE
    }

    fn of_answers(&mut self, case: &Case<'_>, known: u64) -> Finding {
        let line = case.line(ACCURACY, case.thresholds.accuracy());
        let stretches = self.labels.stretches();
        let spans = stretches.map(|stretch| {
            let Outcomes { n, met, .. } = stretch.tally;
            Span { from: stretch.from, basis: Basis::Share { n, hits: met } }
        });
        let looks = Looks::every(self.labels.gap());
        let decision = rule::judge(self.before(ACCURACY, line), &line, &looks, &spans.collect::<Vec<Span>>());
        if let Some(from) = decision.and_then(|decision| decision.new_from) {
            self.labels.forget_before(from);
        }
        self.finding(ACCURACY.into(), line, decision, case, Lacking { what: What::Labels, needed: SAMPLES_MIN }, known)
    }

    fn of_losses(&mut self, case: &Case<'_>, known: u64) -> Finding {
        let reference = self.loss_reference;
        let usual = reference.mean().unwrap_or_default();
        let line = thresholds::loss_line(usual);
        // the reference is itself an estimate
        let scale = line.threshold / usual.max(f64::MIN_POSITIVE);
        let doubt = scale * scale * reference.error_squared();
        let long = self.losses.stretches().filter(|stretch| SAMPLES_MIN <= stretch.tally.n);
        let spans = long.map(|stretch| {
            let (n, mean) = (stretch.tally.n, stretch.tally.mean().unwrap_or_default());
            Span { from: stretch.from, basis: Basis::Mean { n, mean, error_squared: stretch.tally.error_squared() + doubt } }
        });
        let (looks, spans) = (Looks::every(self.losses.gap()), spans.collect::<Vec<Span>>());
        let decision = rule::judge(self.before(LOSS, line), &line, &looks, &spans).filter(|_| reference.n == LOSS_REFERENCE);
        if let Some(from) = decision.and_then(|decision| decision.new_from) {
            self.losses.forget_before(from);
        }
        let lacking = Lacking { what: What::Labels, needed: LOSS_REFERENCE + SAMPLES_MIN };
        self.finding(LOSS.into(), line, decision, case, lacking, known)
    }

    fn of_failures(&mut self, case: &Case<'_>) -> Option<Finding> {
        self.first_at?;
        let line = case.line(ERROR_RATE, case.thresholds.error_rate());
        let spans = self.served.stretches().map(|stretch| {
            let Service { n, failed, .. } = stretch.tally;
            Span { from: stretch.from, basis: Basis::Share { n, hits: failed } }
        });
        let looks = Looks::every(self.served.gap());
        let decision = rule::judge(self.before(ERROR_RATE, line), &line, &looks, &spans.collect::<Vec<Span>>());
        let n = self.served.total().n;
        if let Some(from) = decision.and_then(|decision| decision.new_from) {
            self.served.forget_before(from);
        }
        let lacking = Lacking { what: What::Predictions, needed: SAMPLES_MIN };
        Some(self.finding(ERROR_RATE.into(), line, decision, case, lacking, n))
    }

    /// Who tells few response times is not asked for more.
    fn of_times(&self, case: &Case<'_>) -> Option<Finding> {
        let line = case.line(RESPONSE_TIME, case.thresholds.response_time());
        let timed = self.served.stretches().filter(|stretch| SAMPLES_MIN <= stretch.tally.times.n);
        let spans = timed.map(|stretch| Span { from: stretch.from, basis: stretch.tally.times.basis() });
        let (looks, spans) = (Looks::every(self.served.gap()), spans.collect::<Vec<Span>>());
        let decision = rule::judge(self.before(RESPONSE_TIME, line), &line, &looks, &spans)?;
        Some(self.found(RESPONSE_TIME.into(), line, decision, case))
    }

    /// The score has no interval.
    fn of_drift(&self, case: &Case<'_>) -> Option<Finding> {
        let score = case.drift?;
        let line = case.line(DRIFT, case.thresholds.drift());
        let over = Span { from: score.window, basis: Basis::Bare { n: score.predictions, value: score.value() } };
        Some(self.found(DRIFT.into(), line, rule::judge_point(self.before(DRIFT, line), &line, over), case))
    }

    /// What the model's own thresholds ask for beyond that.
    fn of_own(&self, case: &Case<'_>) -> Vec<Finding> {
        let elsewhere = case.own.iter().enumerate().filter(|(_, own)| !case.is_asked(own));
        elsewhere.map(|(place, own)| self.of_own_at(place, own, case)).collect()
    }

    fn of_own_at(&self, place: usize, own: &MetricThreshold, case: &Case<'_>) -> Finding {
        let (line, metric) = (thresholds::line_of(own), Cow::Owned(own.metric.to_string()));
        let before = self.before(&metric, line);
        if let Some(source) = &own.source {
            let sampled = self.samples.iter().find(|sampled| sampled.is_of(&own.metric, source));
            let (decision, n) = (sampled.map(|sampled| sampled.judge(before, &line)), sampled.map_or(0, Sampled::n));
            return self.finding(metric, line, decision, case, Lacking { what: What::Samples, needed: 1 }, n);
        }
        let spans = self.stretches.iter().flatten().filter(|(of, _)| *of == place).map(|(_, span)| *span);
        let spans: Vec<Span> = spans.collect();
        let n = spans.last().map_or(0, |span| span.basis.n());
        let decision = rule::judge(before, &line, &Looks::every(self.served.gap()), &spans);
        let what = match own.metric.as_str() {
            ERROR_RATE | RESPONSE_TIME | DRIFT | thresholds::COVERAGE | "p50" | "p95" | "p99" => What::Predictions,
            _ => What::Labels,
        };
        self.finding(metric, line, decision, case, Lacking { what, needed: SAMPLES_MIN }, n)
    }

    /// Takes in the newest samples that thresholds are about.
    pub fn take_samples(&mut self, newest: Vec<Newest>, log_time: Timestamp) {
        self.unjudged |= Sampled::take_all(&mut self.samples, newest, log_time);
    }

    /// Whether [`Self::take_samples`] would change anything.
    pub fn knows(&self, newest: &[Newest]) -> bool {
        Sampled::are_as(&self.samples, newest)
    }

    /// Takes in the figures of a stretch of windows, each by the place of its threshold.
    pub fn take_stretch(&mut self, place: usize, figures: Vec<(usize, Span)>, log_time: Timestamp) {
        self.stretches.resize(self.stretches.len().max(place + 1), Vec::new());
        self.measured_at.resize(self.measured_at.len().max(place + 1), Timestamp::default());
        (self.stretches[place], self.measured_at[place]) = (figures, log_time);
        self.unmeasured = false;
    }

    /// Forgets what was measured: the thresholds are others.
    pub fn measure_again(&mut self) {
        (self.samples, self.stretches, self.measured_at) = (Vec::new(), Vec::new(), Vec::new());
        (self.unmeasured, self.unjudged) = (true, true);
    }

    pub fn measured_at(&self) -> Vec<Timestamp> {
        self.measured_at.clone()
    }

    pub const fn is_unmeasured(&self) -> bool {
        self.unmeasured
    }

    /// The findings that are about wrong answers or failures, are not healthy, and have no segment: new ones, and those of lately, whose first minutes
    /// may have been too few.
    pub fn unexplained(&self, log_time: Timestamp) -> Vec<(usize, Finding)> {
        let new = |finding: &&Finding| {
            finding.status > Status::Unknown && finding.mostly.is_none() && log_time - finding.since < EXPLAINED_WITHIN
        };
        let about = |finding: &&Finding| matches!(&*finding.metric, ACCURACY | ERROR_RATE);
        let waiting = self.findings.iter().enumerate().filter(|(_, finding)| new(finding) && about(finding));
        waiting.map(|(place, finding)| (place, finding.clone())).collect()
    }

    fn before(&self, metric: &str, line: Line) -> Option<Status> {
        self.held(metric, line).map(|finding| finding.status)
    }

    fn held(&self, metric: &str, line: Line) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.metric == metric && finding.line.direction == line.direction)
    }

    fn found(&self, metric: Cow<'static, str>, line: Line, decision: Decision, case: &Case<'_>) -> Finding {
        let Decision { status, over, .. } = decision;
        let held = self.held(&metric, line).filter(|held| held.status == status);
        let (since, mostly) = held.map_or((case.log_time, None), |held| (held.since, held.mostly.clone()));
        Finding { metric, status, since, line, over, lacking: None, mostly }
    }

    /// A finding; without a decision there is too little: `n` of what is `lacking`.
    fn finding(
        &self,
        metric: Cow<'static, str>,
        line: Line,
        decision: Option<Decision>,
        case: &Case<'_>,
        lacking: Lacking,
        n: u64,
    ) -> Finding {
        if let Some(decision) = decision {
            return self.found(metric, line, decision, case);
        }
        let over = Span { from: case.log_time, basis: Basis::Bare { n, value: 0.0 } };
        let nothing = Decision { status: Status::Unknown, over, new_from: None };
        Finding { lacking: Some(lacking), ..self.found(metric, line, nothing, case) }
    }
}

impl Case<'_> {
    /// The line of a metric that every model is judged by: of its own threshold, else `of_all`.
    fn line(&self, metric: &str, of_all: Line) -> Line {
        let own = self.own.iter().find(|own| own.metric == metric && own.direction == Some(of_all.direction));
        own.map_or(of_all, thresholds::line_of)
    }

    /// Whether a threshold only moves the line of a metric that is judged in any case.
    pub fn is_asked(&self, own: &MetricThreshold) -> bool {
        let usual = own.direction == Some(thresholds::usual_direction(&own.metric));
        usual
            && match own.metric.as_str() {
                ERROR_RATE | RESPONSE_TIME | DRIFT => true,
                ACCURACY => self.task != Task::Regression,
                _ => false,
            }
    }
}
