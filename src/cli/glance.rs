//! A model as the API tells it, read for a person or a monitoring system. Reads leniently: what an older or newer process does not
//! tell is missing here, and a status that we do not know is nobody's good news.

use serde::Deserialize;
use serde_json::Value;

use super::api::{Api, step};

/// Models of one page of the list.
const PAGE: usize = 1_000;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Glance {
    pub name: String,
    pub status: String,
    pub reasons: Vec<Reason>,
    /// All that is compared to a threshold.
    pub judged: Vec<Judged>,
    pub task: String,
    pub predictions: u64,
    pub errors: u64,
    pub labelled: u64,
    pub pending_labels: u64,
    pub versions: Vec<String>,
    pub last_prediction_at: Option<String>,
    pub stale: bool,
    pub drift: Option<Score>,
    pub current: Option<Current>,
    pub owner: Option<String>,
    pub tags: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reason {
    pub code: String,
    pub status: String,
    pub message: String,
}

/// A figure that the status rests on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Judged {
    pub metric: Option<String>,
    pub value: Option<f64>,
    pub n: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Score {
    pub value: Option<f64>,
}

/// The last five minutes of the model's own time.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Current {
    pub predictions: u64,
    pub labelled: u64,
    pub accuracy: Share,
    pub error_rate: Share,
    pub p95_seconds: Option<f64>,
    pub mean_response_time_seconds: Option<f64>,
    /// Predictions a second.
    pub throughput_per_second: Option<f64>,
    pub coverage: Option<f64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Share {
    pub value: Option<f64>,
    pub n: u64,
}

/// What a status means to whoever watches, by the codes of monitoring plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Verdict {
    Ok = 0,
    Warning = 1,
    Critical = 2,
    Unknown = 3,
}

impl Glance {
    /// One model. `Ok(None)`: there is none of that name.
    pub async fn of(api: &Api, name: &str) -> anyhow::Result<Option<Self>> {
        let answer = api.look(&format!("/api/v1/models/{}", step(name))).await?;
        Ok(answer.map(serde_json::from_value).transpose()?)
    }

    /// All models that `filter` leaves, as the query has it (`status=critical&`), page by page, by name.
    pub async fn all(api: &Api, filter: &str) -> anyhow::Result<Vec<Value>> {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = api.get(&format!("/api/v1/models?{filter}trail=false&limit={PAGE}{cursor}")).await?;
            found.extend(page["items"].as_array().into_iter().flatten().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(found),
            }
        }
    }

    pub fn verdict(&self) -> Verdict {
        // while a model is trained it still serves: what is known of it counts
        match self.status.as_str() {
            "training" => self.reasons.iter().map(|reason| Verdict::of(&reason.status)).max().unwrap_or(Verdict::Ok),
            status => Verdict::of(status),
        }
    }

    pub fn drift(&self) -> Option<f64> {
        self.drift.as_ref().and_then(|score| score.value)
    }

    pub fn accuracy(&self) -> Option<f64> {
        self.shown_accuracy().value
    }

    /// The accuracy of the last five minutes; where no label of theirs has come yet, the one that the status rests on.
    pub fn shown_accuracy(&self) -> Share {
        let now = self.current.as_ref().map(|current| current.accuracy.clone()).filter(|now| now.value.is_some());
        let judged =
            || self.judged.iter().find(|judged| judged.metric.as_deref() == Some("accuracy") && judged.value.is_some());
        now.or_else(|| judged().map(|judged| Share { value: judged.value, n: judged.n })).unwrap_or_default()
    }

    pub fn error_rate(&self) -> Option<f64> {
        self.current.as_ref().and_then(|current| current.error_rate.value)
    }

    pub fn p95(&self) -> Option<f64> {
        self.current.as_ref().and_then(|current| current.p95_seconds)
    }

    pub fn throughput(&self) -> Option<f64> {
        self.current.as_ref().and_then(|current| current.throughput_per_second)
    }
}

impl Verdict {
    pub fn of(status: &str) -> Self {
        match status {
            "healthy" => Self::Ok,
            "warning" => Self::Warning,
            "critical" => Self::Critical,
            _ => Self::Unknown,
        }
    }

    /// As monitoring plugins begin their line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// A figure to four digits, without zeros at its end; `-` if it is not known.
pub fn short(value: Option<f64>) -> String {
    let Some(value) = value else { return "-".to_owned() };
    let whole = value.abs().max(1e-4).log10().floor() as i32;
    let decimals = usize::try_from((3 - whole).clamp(0, 6)).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_we_do_not_know_is_unknown_and_training_is_judged_by_what_is_known() {
        let model = |status: &str, reason: Option<&str>| Glance {
            status: status.into(),
            reasons: reason.map(|status| Reason { status: status.into(), ..Reason::default() }).into_iter().collect(),
            ..Glance::default()
        };
        assert_eq!(model("healthy", None).verdict(), Verdict::Ok);
        assert_eq!(model("unknown", Some("unknown")).verdict(), Verdict::Unknown);
        assert_eq!(model("something new", None).verdict(), Verdict::Unknown);
        assert_eq!(model("training", None).verdict(), Verdict::Ok);
        assert_eq!(model("training", Some("critical")).verdict(), Verdict::Critical);
    }

    #[test]
    fn figures_are_short_and_say_no_more_than_they_know() {
        let shown = [Some(0.95), Some(0.912_345), Some(12.0), Some(1234.5), Some(0.000_123_4), Some(0.0), None].map(short);
        assert_eq!(shown, ["0.95", "0.9123", "12", "1234", "0.000123", "0", "-"]);
    }
}
