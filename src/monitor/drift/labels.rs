//! Labels in the order in which they arrive: how often the model was right at first and lately, and detectors of a change. Labels do
//! not arrive at random, so a test over panes by prediction time would find the delay and not the change.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::monitor::drift::alarm::Alarm;
use crate::monitor::drift::estimator::Rated;
use crate::monitor::drift::judge::Policy;
use crate::stats::detect::adwin::{self, Adwin};
use crate::stats::detect::e_detector::{self, EDetector};
use crate::stats::detect::{AnyDetector, Verdict};
use crate::stats::drift::{Comparison, evidence};
use crate::time::Timestamp;

/// The label of a prediction, the first that came for it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arrival {
    pub track: u16,
    /// Whether the model was right: of numbers, within a tenth.
    pub met: bool,
    /// While the version's estimator gathers: the prediction's score and what turned out.
    pub rated: Option<Rated>,
}

/// What the labels of one version say so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Labels {
    pub arrived: u64,
    /// The first ones, as many as a reference has rows.
    pub first: Outcomes,
    /// Those since the last drift window was judged.
    pub recent: Outcomes,
    pub detectors: Vec<Watching>,
}

/// Labels, and how many of them were met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    pub n: u64,
    pub met: u64,
}

/// A detector at work on the errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watching {
    pub detector: AnyDetector,
    pub verdict: Option<Verdict>,
    /// Labels since it was started or last raised an alarm, and how many of them were met.
    pub since: Outcomes,
    pub alarms: u64,
}

impl Outcomes {
    pub fn add(&mut self, met: bool) {
        self.n += 1;
        self.met += u64::from(met);
    }

    pub fn error_rate(&self) -> Option<f64> {
        (self.n != 0).then(|| (self.n - self.met) as f64 / self.n as f64)
    }
}

impl Labels {
    /// Takes in a label. Gives the alarms it raises.
    pub fn take(&mut self, met: bool, policy: &Policy, at: Timestamp) -> Vec<Alarm> {
        if self.detectors.is_empty() {
            self.detectors = standard(policy);
        }
        self.arrived += 1;
        self.recent.add(met);
        if self.first.n < u64::from(policy.reference_rows) {
            self.first.add(met);
        }
        let (first, recent) = (self.first, self.recent);
        self.detectors.iter_mut().filter_map(|watching| watching.take(met, [&first, &recent], at)).collect()
    }

    /// By what share accuracy has fallen below that of the first labels, if `needed` nats of evidence say that it has at all; else 0.
    pub fn performance_drop(&self, needed: f64) -> f64 {
        let (first, recent) = (self.first, self.recent);
        if first.met == 0 || recent.n == 0 {
            return 0.0;
        }
        let (before, now) = (first.met as f64 / first.n as f64, recent.met as f64 / recent.n as f64);
        let table = Comparison::new(&[first.met, first.n - first.met], &[recent.met, recent.n - recent.met]);
        let evident = table.is_ok_and(|table| needed <= evidence::of_categories(&table));
        if evident && now < before { (before - now) / before } else { 0.0 }
    }
}

impl Watching {
    fn take(&mut self, met: bool, [first, recent]: [&Outcomes; 2], at: Timestamp) -> Option<Alarm> {
        let verdict = self.detector.offer(f64::from(u8::from(!met))).ok()?;
        self.verdict = Some(verdict);
        self.since.add(met);
        let Verdict::Drift { score, threshold, .. } = verdict else { return None };
        self.since = Outcomes::default();
        self.alarms += 1;
        let rate = |name: &'static str, outcomes: &Outcomes| Some((Cow::Borrowed(name), outcomes.error_rate()?));
        Some(Alarm {
            at,
            subject: "error".to_owned(),
            detector: Cow::Borrowed(self.detector.name()),
            detected: true,
            window: None,
            effect: [rate("rate_before", first), rate("rate_now", recent)].into_iter().flatten().collect(),
            evidence: score,
            threshold,
        })
    }
}

/// The detectors that every version has: one whose false alarms are promised to be rare, and the one that people know.
fn standard(policy: &Policy) -> Vec<Watching> {
    let promised = EDetector::new(e_detector::Params {
        run_length: policy.error_run_length,
        baseline: policy.reference_rows,
        ..e_detector::Params::default()
    });
    [AnyDetector::EDetector(promised), AnyDetector::Adwin(Adwin::new(adwin::Params::default()))]
        .map(|detector| Watching { detector, verdict: None, since: Outcomes::default(), alarms: 0 })
        .into()
}
