//! Why a status is not healthy, in figures and in a sentence.

use std::borrow::Cow;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::evidence::needed;
use super::labelling::Labelling;
use super::rule::Direction;
use super::{ACCURACY, Condition, DRIFT, ERROR_RATE, Finding, LOSS, RESPONSE_TIME, Status, What, thresholds};
use crate::time::{Span, Timestamp};

/// Why a status is not healthy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// `no_data`, `stale`, or the metric.
    pub code: Cow<'static, str>,
    pub status: Status,
    /// In English; the dashboard makes its own from the other fields.
    pub message: String,
    /// The metric that was judged; `None` where the model itself was.
    pub metric: Option<Cow<'static, str>>,
    pub value: Option<f64>,
    /// The interval that was compared to the threshold: it holds however often one looks.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Observations behind the figure, and how many are needed where they are too few.
    pub n: u64,
    pub needed: Option<u64>,
    /// What too few there are of.
    pub of: Option<What>,
    pub threshold: Option<f64>,
    /// A warning where the interval reaches this near to the threshold.
    pub margin: Option<f64>,
    pub direction: Option<Direction>,
    /// Log time since when it is so.
    pub since: Option<String>,
    /// When the stretch that was judged begins; of labels that have stopped coming, when the last came.
    pub window: Option<String>,
    /// The segment that explains most of what is wrong.
    pub mostly: Option<Segment>,
    /// Of a figure of labels: about what share of the predictions of that time has one, and mean seconds until it comes. Last, so that facts which
    /// wait in a store without them can still be read.
    #[serde(default)]
    pub labelled: Option<f64>,
    #[serde(default)]
    pub label_delay_seconds: Option<f64>,
}

/// Labels are said to be few where less than this share of predictions has one, and late from so many seconds on.
const LABELLED_FEW: f64 = 0.8;
const LABELS_LATE: f64 = 600.0;

/// A value of a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    pub name: String,
    pub value: String,
    /// Of what is wrong beyond the threshold.
    pub share: f64,
}

/// Why `condition` is not healthy, the gravest first; of a model whose newest event is of `newest`.
pub fn reasons(condition: &Condition, newest: Timestamp, log_time: Timestamp) -> Vec<Reason> {
    let stale = condition.stale.then(|| stale(newest, log_time));
    let unhealthy = condition.findings.iter().filter(|finding| finding.status != Status::Healthy);
    let mut reasons: Vec<Reason> =
        stale.into_iter().chain(unhealthy.map(|finding| Reason::of(condition, finding, log_time))).collect();
    if reasons.is_empty() && condition.status == Status::Unknown {
        reasons.push(Reason::bare("no_data", "nothing has been judged yet".to_owned()));
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.status));
    reasons
}

fn stale(newest: Timestamp, log_time: Timestamp) -> Reason {
    let silent = log_time - newest;
    let message = format!("no prediction for {}: the newest is of {newest}", length(silent));
    Reason { value: Some(silent.secs_f64()), window: Some(newest.to_string()), ..Reason::bare("stale", message) }
}

impl Reason {
    fn bare(code: &'static str, message: String) -> Self {
        Self {
            code: Cow::Borrowed(code),
            status: Status::Unknown,
            message,
            metric: None,
            value: None,
            low: None,
            high: None,
            n: 0,
            needed: None,
            of: None,
            threshold: None,
            margin: None,
            direction: None,
            since: None,
            window: None,
            labelled: None,
            label_delay_seconds: None,
            mostly: None,
        }
    }

    /// What was found of one metric in `condition`, as of `log_time`.
    pub fn of(condition: &Condition, finding: &Finding, log_time: Timestamp) -> Self {
        let Finding { metric, status, since, line, over, lacking, mostly } = finding;
        let n = over.basis.n();
        let judged = lacking.is_none();
        let (low, high) = over.basis.interval(needed(n)).filter(|_| judged).unzip();
        let labelling = condition.labelling(finding);
        let code = if judged { metric.clone() } else { Cow::Borrowed("no_data") };
        Self {
            code,
            status: *status,
            message: sentence(finding, low.zip(high), labelling, log_time),
            metric: Some(metric.clone()),
            value: judged.then(|| over.basis.value()),
            low,
            high,
            n,
            needed: lacking.map(|lacking| lacking.needed),
            of: lacking.map(|lacking| lacking.what),
            threshold: Some(line.threshold),
            margin: Some(line.margin),
            direction: Some(line.direction),
            since: Some(since.to_string()),
            window: (judged || lacking.is_some_and(|lacking| lacking.what == What::RecentLabels))
                .then(|| over.from.to_string()),
            labelled: labelling.and_then(|labelling| labelling.share),
            label_delay_seconds: labelling.map(|labelling| labelling.delay),
            mostly: mostly.as_ref().map(|mostly| Segment {
                name: mostly.name.to_string(),
                value: mostly.value.to_string(),
                share: mostly.share,
            }),
        }
    }
}

/// `accuracy 63 % (62–64), floor 70 %, for 18 min; 12 % of predictions have labels; mostly channel=app`.
fn sentence(finding: &Finding, interval: Option<(f64, f64)>, labelling: Option<Labelling>, log_time: Timestamp) -> String {
    let Finding { metric, status, since, line, over, lacking, mostly } = finding;
    if let Some(lacking) = lacking {
        let what = match lacking.what {
            What::RecentLabels => return format!("no label for {}, though predictions go on", length(log_time - over.from)),
            What::Labels => "labels",
            What::Predictions => "predictions",
            What::Samples => "samples",
        };
        return format!("not enough data: {} of {} {what} in 7 days", over.basis.n(), lacking.needed);
    }
    let unit = Unit::of(metric);
    let value = over.basis.value();
    let mut text = format!("{} {}", name_of(metric), unit.whole(value));
    match interval {
        Some((low, high)) => write!(text, " ({})", unit.range(low, high)),
        None => write!(text, " (no interval)"),
    }
    .expect("writing to a String cannot fail");
    let (bound, side) = match line.direction {
        Direction::Below => ("floor", "below"),
        Direction::Above => ("ceiling", "above"),
    };
    write!(text, ", {bound} {}", unit.whole(line.threshold)).expect("writing to a String cannot fail");
    let beyond = line.is_beyond(value, line.threshold);
    match (status, beyond) {
        (Status::Warning, true) => write!(text, ", {side} it but not evidently"),
        (Status::Warning, false) => {
            let reach = if interval.is_some() { "its interval reaches within" } else { "within" };
            write!(text, ", {reach} {} of it", unit.difference(line.margin))
        }
        (Status::Critical, false) => write!(text, ", not yet clear of it"),
        _ => Ok(()),
    }
    .expect("writing to a String cannot fail");
    if *status != Status::Healthy && Span::default() < log_time - *since {
        write!(text, ", for {}", length(log_time - *since)).expect("writing to a String cannot fail");
    }
    text.extend(labelling.into_iter().flat_map(limits_of));
    if let Some(mostly) = mostly {
        write!(text, "; mostly {}={}", mostly.name, mostly.value).expect("writing to a String cannot fail");
    }
    text
}

/// What few or late labels hide.
fn limits_of(Labelling { share, delay }: Labelling) -> impl Iterator<Item = String> {
    let few = share.filter(|share| *share < LABELLED_FEW);
    let few = few.map(|share| format!("; {} of predictions have labels", Unit::Percent.whole(share)));
    let late =
        (LABELS_LATE <= delay).then(|| format!("; labels come {} later", length(Span::from_micros((delay * 1e6) as i64))));
    few.into_iter().chain(late)
}

/// A metric as people call it; what is not known here is called by its own name.
fn name_of(metric: &str) -> Cow<'_, str> {
    Cow::Borrowed(match metric {
        ACCURACY => "accuracy",
        LOSS => "mean absolute error",
        ERROR_RATE => "failures",
        RESPONSE_TIME => "mean response time",
        DRIFT => "drift score",
        "p50" => "response time p50",
        "p95" => "response time p95",
        "p99" => "response time p99",
        other => other,
    })
}

/// How figures of a metric are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Percent,
    Seconds,
    Number,
}

impl Unit {
    fn of(metric: &str) -> Self {
        match metric {
            RESPONSE_TIME | "p50" | "p95" | "p99" => Self::Seconds,
            shares if thresholds::is_share(shares) => Self::Percent,
            _ => Self::Number,
        }
    }

    fn whole(self, value: f64) -> String {
        match self {
            Self::Percent => format!("{} %", short(100.0 * value)),
            Self::Seconds if value < 1.0 => format!("{} ms", short(1_000.0 * value)),
            Self::Seconds => format!("{} s", short(value)),
            Self::Number => short(value),
        }
    }

    fn range(self, low: f64, high: f64) -> String {
        match self {
            Self::Percent => format!("{}–{}", short(100.0 * low), short(100.0 * high)),
            Self::Seconds if high < 1.0 => format!("{}–{} ms", short(1_000.0 * low), short(1_000.0 * high)),
            Self::Seconds => format!("{}–{} s", short(low), short(high)),
            Self::Number => format!("{}–{}", short(low), short(high)),
        }
    }

    fn difference(self, value: f64) -> String {
        match self {
            Self::Percent => format!("{} points", short(100.0 * value)),
            _ => self.whole(value),
        }
    }
}

/// Three digits that matter, without trailing zeros.
fn short(value: f64) -> String {
    let magnitude = value.abs();
    let digits = match magnitude {
        m if 100.0 <= m || m == 0.0 => 0,
        m if 10.0 <= m => 1,
        m if 1.0 <= m => 2,
        m if 0.1 <= m => 3,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A length of time in its largest unit.
fn length(span: Span) -> String {
    let seconds = span.secs_f64().max(0.0);
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3_600.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}
