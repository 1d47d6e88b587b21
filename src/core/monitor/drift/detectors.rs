//! Change detectors at work on what arrives, in the order of its arrival: labels do not arrive at random, so a test over panes by
//! prediction time would find the delay and not the change.
//!
//! Two watch the errors of every version: an e-detector, whose false alarms are promised to be rare, and ADWIN, which people know. Others
//! are chosen by a command, each for one input of all versions of a model.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::event::{DetectorChoice, Feature, Prediction};
use crate::monitor::drift::alarm::Alarm;
use crate::monitor::drift::estimator::Rated;
use crate::monitor::drift::judge::Policy;
use crate::monitor::drift::labels::Labels;
use crate::monitor::drift::losses::Taught;
use crate::monitor::drift::marks::Marks;
use crate::monitor::join::{Answer, Truth};
use crate::stats::detect::adwin::{self, Adwin};
use crate::stats::detect::e_detector::{self, EDetector};
use crate::stats::detect::{AnyDetector, Verdict};
use crate::time::Timestamp;

/// Detectors that every version has.
const STANDARD: usize = 2;

/// Something a detector has to be shown. They look at every tick, or when enough has gathered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// The first label of a prediction.
    Label {
        track: u16,
        /// Event time of the prediction.
        at: Timestamp,
        /// Whether the model was right: of numbers, within a tenth.
        met: bool,
        /// While the version's estimator gathers: the prediction's score and what turned out.
        rated: Option<Rated>,
        /// While it may learn losses: of a regression what turned out.
        taught: Option<Taught>,
    },
    /// A value for one of the detectors.
    Value { track: u16, at: Timestamp, place: u16, value: f64 },
}

/// What a detector is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "CompactString", into = "String")]
pub enum Input {
    /// 1 for a label that the model did not meet, else 0.
    Error,
    /// How far a label was missed: of numbers the distance, of classes the probability that was not given to the truth.
    Loss,
    /// Seconds.
    ResponseTime,
    /// 1 for a prediction that failed, else 0.
    Failure,
    /// Probability of the positive class, or the stated confidence.
    Score,
    Feature(CompactString),
}

/// A detector that was chosen for a model, not yet at work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chosen {
    pub input: Input,
    pub detector: AnyDetector,
}

/// A detector at work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watching {
    pub input: Input,
    pub detector: AnyDetector,
    pub verdict: Option<Verdict>,
    /// Values since it was started or last raised an alarm.
    pub seen: u64,
    pub alarms: u64,
    /// Where its values lie in event time; of those that see every label the version knows.
    marks: Marks,
    /// Values since the last drift window was judged, and their sum.
    recent: (u64, f64),
}

/// What a detector has seen since the last drift window was judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Lately {
    pub subject: String,
    pub detector: &'static str,
    pub n: u64,
    pub mean: f64,
}

/// What is no input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a detector watches error, loss, response_time, failure, score or feature/<name>, not {0:?}")]
pub struct BadInput(String);

impl FromStr for Input {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<Self, BadInput> {
        Ok(match text {
            "error" => Self::Error,
            "loss" => Self::Loss,
            "response_time" => Self::ResponseTime,
            "failure" => Self::Failure,
            "score" => Self::Score,
            _ => match text.strip_prefix("feature/") {
                Some(name) if !name.is_empty() => Self::Feature(name.into()),
                _ => return Err(BadInput(text.to_owned())),
            },
        })
    }
}

impl TryFrom<CompactString> for Input {
    type Error = BadInput;

    fn try_from(text: CompactString) -> Result<Self, BadInput> {
        text.parse()
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error => f.write_str("error"),
            Self::Loss => f.write_str("loss"),
            Self::ResponseTime => f.write_str("response_time"),
            Self::Failure => f.write_str("failure"),
            Self::Score => f.write_str("score"),
            Self::Feature(name) => write!(f, "feature/{name}"),
        }
    }
}

impl From<Input> for String {
    fn from(input: Input) -> Self {
        input.to_string()
    }
}

impl Input {
    /// What a prediction has to show; `None` if nothing, or not before its label.
    pub fn of_prediction(&self, prediction: &Prediction, score: &Feature) -> Option<f64> {
        let number = |feature: &Feature| if let Feature::Number(number) = feature { Some(*number) } else { None };
        match self {
            Self::Error | Self::Loss => None,
            Self::ResponseTime => prediction.response_time,
            Self::Failure => Some(f64::from(u8::from(prediction.failed))),
            Self::Score => number(score),
            Self::Feature(name) => {
                prediction.features.iter().find(|(known, _)| known == name).and_then(|(_, value)| number(value))
            }
        }
    }

    /// What a label has to show.
    pub fn of_label(&self, answer: &Answer, truth: &Truth, met: bool) -> Option<f64> {
        match self {
            Self::Error => Some(f64::from(u8::from(!met))),
            Self::Loss => match (truth.number, answer.number, Rated::with_truth(answer, truth)) {
                (_, _, Some(rated)) => Some(if rated.was { 1.0 - rated.score } else { rated.score }),
                (Some(truth), Some(answer), None) => Some((truth - answer).abs()),
                _ => None,
            },
            Self::ResponseTime | Self::Failure | Self::Score | Self::Feature(_) => None,
        }
    }
}

impl Chosen {
    /// Errors: what is wrong with the choice, in a sentence.
    pub fn of(choice: &DetectorChoice) -> Result<Self, String> {
        let input = choice.input.parse().map_err(|bad: BadInput| bad.to_string())?;
        let params = choice.params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let detector = AnyDetector::choose(&choice.detector, params).map_err(|bad| bad.to_string())?;
        Ok(Self { input, detector })
    }

    /// The place, among the detectors of a version, of the one that was chosen as the `nth`.
    pub const fn place(nth: usize) -> u16 {
        (STANDARD + nth) as u16
    }
}

/// Puts the detectors of a version to work: those that are there go on, further ones begin. The one that promises something is held to the
/// run length that is wanted now, whenever it was started.
pub fn start(watching: &mut Vec<Watching>, chosen: &[Chosen], policy: &Policy) {
    if watching.is_empty() {
        watching.reserve_exact(STANDARD + chosen.len());
        let promised = e_detector::Params {
            run_length: policy.error_run_length,
            baseline: policy.reference_rows,
            ..e_detector::Params::default()
        };
        watching.push(Watching::new(Input::Error, AnyDetector::EDetector(EDetector::new(promised))));
        watching.push(Watching::new(Input::Error, AnyDetector::Adwin(Adwin::new(adwin::Params::default()))));
    }
    if let Some(AnyDetector::EDetector(promised)) = watching.first_mut().map(|watching| &mut watching.detector) {
        promised.set_run_length(policy.error_run_length);
    }
    let further = chosen.iter().skip(watching.len() - STANDARD);
    watching.extend(further.map(|Chosen { input, detector }| Watching::new(input.clone(), detector.clone())));
}

/// Whether every version has a detector of this name for this input.
pub fn is_standard(subject: &str, detector: &str) -> bool {
    subject == "error" && matches!(detector, "e_detector" | "adwin")
}

/// What the detectors of a version have seen since this was last asked; of those that have seen something.
pub fn take_lately(watching: &mut [Watching]) -> Vec<Lately> {
    let seen = watching.iter_mut().filter_map(|watching| {
        let (n, sum) = std::mem::take(&mut watching.recent);
        let mean = (n != 0).then(|| sum / n as f64)?;
        Some(Lately { subject: watching.input.to_string(), detector: watching.detector.name(), n, mean })
    });
    seen.collect()
}

/// Leaves only the detectors that every version has.
pub fn forget_chosen(watching: &mut Vec<Watching>) {
    watching.truncate(STANDARD);
}

impl Watching {
    fn new(input: Input, detector: AnyDetector) -> Self {
        Self { input, detector, verdict: None, seen: 0, alarms: 0, marks: Marks::default(), recent: (0, 0.0) }
    }

    /// Whether it is one of those that see every label.
    pub fn sees_labels(place: usize) -> bool {
        place < STANDARD
    }

    /// Takes in a value; one that the detector cannot take, such as a loss that it wants in 0 to 1, is passed over.
    ///
    /// * `labels`: what an alarm about errors goes by where the detector does not know when the change began.
    /// * `marks`: where the labels lie in event time, this one included, if the detector sees every label.
    /// * `seen_at`: event time of the value. `at`: log time.
    pub fn take(
        &mut self,
        value: f64,
        labels: &Labels,
        marks: Option<&Marks>,
        (seen_at, at): (Timestamp, Timestamp),
    ) -> Option<Alarm> {
        let verdict = self.detector.offer(value).ok()?;
        if marks.is_none() {
            self.marks.add(seen_at);
        }
        self.recent = (self.recent.0 + 1, self.recent.1 + value);
        self.verdict = Some(verdict);
        self.seen += 1;
        let Verdict::Drift { score, threshold, .. } = verdict else { return None };
        self.seen = 0;
        self.alarms += 1;
        let marks = marks.unwrap_or(&self.marks);
        Some(Alarm {
            at,
            subject: self.input.to_string(),
            segment: None,
            detector: Cow::Borrowed(self.detector.name()),
            detected: true,
            onset: self.detector.change().and_then(|change| marks.back(change.values)).unwrap_or(seen_at),
            window: None,
            against: None,
            effect: self.effect(labels),
            evidence: score,
            threshold,
        })
    }

    /// How much has changed, where that is known: means of an input, which of errors are rates.
    fn effect(&self, labels: &Labels) -> Vec<(Cow<'static, str>, f64)> {
        let is_rate = self.input == Input::Error;
        let of_labels = || Some((labels.first.error_rate()?, labels.recent.error_rate()?, labels.recent.n)).filter(|_| is_rate);
        let known = self.detector.change().map(|change| (change.before, change.after, change.values)).or_else(of_labels);
        let names = if is_rate { ["rate_before", "rate_now"] } else { ["mean_before", "mean_now"] };
        let named = |(before, now, values): (f64, f64, u64)| {
            vec![(names[0].into(), before), (names[1].into(), now), ("values_since".into(), values as f64)]
        };
        known.map(named).unwrap_or_default()
    }
}
