//! What a client may say, parsed.

use std::time::Duration;

use serde::Deserialize;

use crate::http::socket::overview;
use crate::ids::Name;

/// Between two frames of one channel unless asked otherwise.
const INTERVAL_DEFAULT: Duration = Duration::from_millis(250);
/// The same of the overview: a list is read, not watched for a single figure.
const OVERVIEW_INTERVAL_DEFAULT: Duration = Duration::from_secs(1);
const INTERVAL_MAX: Duration = Duration::from_secs(60);

/// Findings of one frame, the gravest first; the API lists more.
const FINDINGS_MAX: usize = 200;

/// Models named by one subscription; more than that is everything.
const MODELS_MAX: usize = 1_000;

/// A channel, and where a connection keeps its subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    Models,
    Overview,
    Windows,
    ServerMetrics,
    SystemStatus,
    AiAnalysis,
}

impl Channel {
    pub const ALL: [Self; 6] =
        [Self::Models, Self::Overview, Self::Windows, Self::ServerMetrics, Self::SystemStatus, Self::AiAnalysis];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::Overview => "overview",
            Self::Windows => "windows",
            Self::ServerMetrics => "server-metrics",
            Self::SystemStatus => "system-status",
            Self::AiAnalysis => "ai-analysis",
        }
    }
}

#[derive(Debug, PartialEq)]
pub enum Request {
    Subscribe(Wanted),
    Unsubscribe(Channel),
    Ping,
}

/// A subscription as it was asked for.
#[derive(Debug, PartialEq)]
pub struct Wanted {
    pub channel: Channel,
    /// `None`: all.
    pub models: Option<Vec<Name>>,
    /// Epoch and sequence of the last frame the client has.
    pub place: Option<(u64, u64)>,
    /// What of the list of models is in view; of the channel `overview`.
    pub view: overview::Wanted,
    /// Findings of one frame, the gravest first; of the channel `ai-analysis`. 0: the sums alone.
    pub findings: usize,
    /// Shortest time between two frames.
    pub interval: Duration,
}

/// Why a message was not understood: a stable code and a sentence.
#[derive(Debug, PartialEq)]
pub struct Misunderstood {
    pub code: &'static str,
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    op: String,
    channel: Option<String>,
    models: Option<Vec<String>>,
    list: Option<overview::Query>,
    first: Option<usize>,
    rows: Option<usize>,
    position: Option<u64>,
    epoch: Option<u64>,
    interval_ms: Option<u64>,
}

impl Request {
    pub fn parse(text: &str) -> Result<Self, Misunderstood> {
        let raw: Raw = serde_json::from_str(text).map_err(|error| misread(&error))?;
        match raw.op.as_str() {
            "ping" => Ok(Self::Ping),
            "unsubscribe" => Ok(Self::Unsubscribe(channel(raw.channel.as_deref())?)),
            "subscribe" => raw.wanted().map(Self::Subscribe),
            other => Err(no("unknown_op", format!("op is subscribe, unsubscribe or ping, not {other:?}"))),
        }
    }
}

impl Raw {
    fn wanted(self) -> Result<Wanted, Misunderstood> {
        let channel = channel(self.channel.as_deref())?;
        let named =
            self.models.map(|names| names.iter().map(|name| Name::try_from(name.as_str())).collect::<Result<Vec<Name>, _>>());
        let models = named.transpose().map_err(|error| no("bad_name", error.to_string()))?;
        match (&models, channel) {
            (Some(names), Channel::Windows) if names.len() == 1 => {}
            (_, Channel::Windows) => {
                return Err(no("one_model", "the channel windows needs \"models\": [one name]".to_owned()));
            }
            (Some(_), Channel::Overview) => {
                return Err(no("no_models", "the channel overview takes \"list\", \"first\" and \"rows\"".to_owned()));
            }
            (Some(names), _) if MODELS_MAX < names.len() => {
                return Err(no("too_many_models", format!("name at most {MODELS_MAX} models, or none for all")));
            }
            _ => {}
        }
        if channel != Channel::Overview && (self.list.is_some() || self.first.is_some()) {
            return Err(no("no_list", "\"list\" and \"first\" are of the channel overview".to_owned()));
        }
        if !matches!(channel, Channel::Overview | Channel::AiAnalysis) && self.rows.is_some() {
            return Err(no("no_rows", "\"rows\" is of the channels overview and ai-analysis".to_owned()));
        }
        let findings = self.rows.unwrap_or(FINDINGS_MAX).min(FINDINGS_MAX);
        let view = overview::Wanted { query: self.list.unwrap_or_default(), span: overview::Span::of(self.first, self.rows) };
        let usual = if channel == Channel::Overview { OVERVIEW_INTERVAL_DEFAULT } else { INTERVAL_DEFAULT };
        let interval = self.interval_ms.map_or(usual, Duration::from_millis).min(INTERVAL_MAX);
        Ok(Wanted { channel, models, place: self.epoch.zip(self.position), view, findings, interval })
    }
}

fn channel(name: Option<&str>) -> Result<Channel, Misunderstood> {
    let name = name.unwrap_or_default();
    Channel::ALL.into_iter().find(|channel| channel.as_str() == name).ok_or_else(|| {
        let known = Channel::ALL.map(Channel::as_str).join(", ");
        no("unknown_channel", format!("channel is one of {known}, not {name:?}"))
    })
}

/// serde names the fields there are.
fn misread(error: &serde_json::Error) -> Misunderstood {
    let message = error.to_string();
    no(if message.starts_with("unknown field") { "unknown_field" } else { "bad_message" }, message)
}

fn no(code: &'static str, message: String) -> Misunderstood {
    Misunderstood { code, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_parsed_with_its_defaults() {
        let Ok(Request::Subscribe(wanted)) = Request::parse(r#"{"op":"subscribe","channel":"models","position":7,"epoch":2}"#)
        else {
            panic!("it is a subscription");
        };
        assert_eq!((wanted.channel, wanted.place, wanted.interval), (Channel::Models, Some((2, 7)), INTERVAL_DEFAULT));
        assert_eq!(Request::parse(r#"{"op":"ping"}"#), Ok(Request::Ping));
    }

    #[test]
    fn what_is_not_understood_says_why() {
        let code = |text: &str| Request::parse(text).unwrap_err().code;
        assert_eq!(code("{"), "bad_message");
        assert_eq!(code(r#"{"op":"fly"}"#), "unknown_op");
        assert_eq!(code(r#"{"op":"subscribe","channel":"models","rows":7}"#), "no_rows");
        assert_eq!(code(r#"{"op":"subscribe","channel":"windows","models":["a"],"first":7}"#), "no_list");
        assert_eq!(code(r#"{"op":"subscribe","channel":"overview","models":["a"]}"#), "no_models");
        assert_eq!(code(r#"{"op":"subscribe","channel":"overview","list":{"sort":"colour"}}"#), "bad_message");
        let unknown = Request::parse(r#"{"op":"subscribe","channel":"models","after":7}"#).unwrap_err();
        assert_eq!(unknown.code, "unknown_field");
        assert!(unknown.message.contains("`position`") && unknown.message.contains("`interval_ms`"), "{}", unknown.message);
        assert_eq!(code(r#"{"op":"subscribe","channel":"x"}"#), "unknown_channel");
        assert_eq!(code(r#"{"op":"subscribe","channel":"windows"}"#), "one_model");
        assert_eq!(code(r#"{"op":"subscribe","channel":"models","models":[""]}"#), "bad_name");
    }
}
