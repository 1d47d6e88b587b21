//! What a stream says of itself and single messages of it, over the JSON API: the same words on every server from 2.9 on.

use std::collections::BTreeMap;

use async_nats::jetstream::context::{RequestError, RequestErrorKind};
use async_nats::jetstream::stream::RawMessageErrorKind;
use async_nats::jetstream::{ErrorCode, response::Response};
use async_nats::{HeaderMap, Subject};
use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use xxhash_rust::xxh3::Xxh3;

use crate::nats::connect::Nats;
use crate::nats::intake;
use crate::nats::link::Forbidden;
use crate::nats::provision::Role;
use crate::nats::room::{Held, Unit};
use crate::time::Timestamp;

/// Where a stream begins and ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamStatus {
    /// When the stream was made; a re-created stream has another.
    pub created: Timestamp,
    /// The oldest sequence that is kept; `last_seq + 1` when the stream is empty.
    pub first_seq: u64,
    /// The newest sequence ever given; 0 before the first message.
    pub last_seq: u64,
    pub messages: u64,
    pub bytes: u64,
    /// What its settings let it hold; `None` if they set no bound.
    pub max_bytes: Option<u64>,
    pub max_messages: Option<u64>,
    /// It takes commands, outcomes and ticks only, so that it is not filled to its bound: see [`Nats::restrict_input`].
    pub restricted: bool,
    /// Why its settings let it drop messages by itself, such as `max_age`; `None` if they do not, so that none may ever be missing.
    pub drops: Option<String>,
}

/// One message as it lies in the stream.
#[derive(Clone, Debug)]
pub struct StoredMessage {
    pub seq: u64,
    pub stored_at: Timestamp,
    pub subject: Subject,
    pub headers: HeaderMap,
    /// The original bytes.
    pub payload: Bytes,
}

#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// Worth another try: the server is away or slow.
    #[error("the NATS server did not answer for stream {stream}")]
    NoAnswer {
        stream: String,
        /// Nobody listens: there is no JetStream here.
        nobody: bool,
        #[source]
        source: async_nats::Error,
    },
    #[error("{forbidden}")]
    Forbidden { stream: String, forbidden: Forbidden },
    #[error("there is no stream {stream}; it was deleted, or never made")]
    Missing { stream: String },
    #[error("the NATS server refused a request for stream {stream}: {source}")]
    Refused { stream: String, source: async_nats::jetstream::Error },
    #[error("stream {stream} gave its creation time as {text:?}")]
    BadTime { stream: String, text: String },
}

/// What identifies the log up to a message: xxh3 of the fingerprint before it, and of its sequence, time of storing, subject and
/// payload. A log that was restored and grew again past that place has other times, so it has another fingerprint although every
/// message may read the same.
pub fn fingerprint(before: u64, seq: u64, stored_at: Timestamp, subject: &str, payload: &[u8]) -> u64 {
    let mut hash = Xxh3::with_seed(before);
    hash.update(&seq.to_le_bytes());
    hash.update(&stored_at.micros().to_le_bytes());
    hash.update(subject.as_bytes());
    hash.update(&[0]);
    hash.update(payload);
    hash.digest()
}

/// The first value of a header, whatever the case of its name. Of a name written in several cases at once the spelling first by
/// its bytes counts, so that a replay finds the same.
pub fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let spelled = headers.iter().filter(|(known, _)| AsRef::<str>::as_ref(*known).eq_ignore_ascii_case(name));
    let (_, values) = spelled.min_by(|(a, _), (b, _)| AsRef::<str>::as_ref(*a).cmp(b.as_ref()))?;
    values.first().map(AsRef::as_ref)
}

impl StreamStatus {
    /// What it holds and may hold, of each that may be bounded.
    pub fn held(&self) -> [Held; 2] {
        [
            Held { unit: Unit::Bytes, used: self.bytes, most: self.max_bytes },
            Held { unit: Unit::Messages, used: self.messages, most: self.max_messages },
        ]
    }
}

impl StoredMessage {
    /// `before`: the fingerprint of the message before it.
    pub fn fingerprint(&self, before: u64) -> u64 {
        fingerprint(before, self.seq, self.stored_at, &self.subject, &self.payload)
    }
}

impl Nats {
    /// Where the stream of `role` begins and ends.
    pub async fn status(&self, role: Role) -> Result<StreamStatus, StreamError> {
        let name = role.stream_name(self.root());
        let info: Info = api(self, &name, "STREAM.INFO", &()).await?;
        info.status(&name)
    }

    /// The sequences within `first_seq..=last_seq` that were deleted, ascending.
    pub(crate) async fn deleted(&self, role: Role) -> Result<(StreamStatus, Vec<u64>), StreamError> {
        let name = role.stream_name(self.root());
        let info: Info = api(self, &name, "STREAM.INFO", &BTreeMap::from([("deleted_details", true)])).await?;
        Ok((info.status(&name)?, info.state.deleted.unwrap_or_default()))
    }

    /// The message at `seq` as it was stored. `None` if the stream does not hold it, or no longer.
    pub async fn get_message(&self, role: Role, seq: u64) -> Result<Option<StoredMessage>, StreamError> {
        // sequences begin at 1, and the server takes 0 for a bad request
        if seq == 0 {
            return Ok(None);
        }
        let stream = role.stream_name(self.root());
        let no_answer = |source: async_nats::Error| StreamError::NoAnswer { stream: stream.clone(), nobody: false, source };
        let handle = self.jetstream().get_stream_no_info(&stream).await.map_err(|error| no_answer(error.into()))?;
        let (subject, since) = (format!("\"$JS.API.STREAM.MSG.GET.{stream}\""), self.complained());
        let answer = tokio::select! {
            answer = handle.get_raw_message(seq) => answer,
            forbidden = self.forbidden(&subject, since) => return Err(StreamError::Forbidden { stream, forbidden }),
        };
        let message = match answer {
            Ok(message) => message,
            Err(error) => {
                return match error.kind() {
                    RawMessageErrorKind::NoMessageFound => Ok(None),
                    RawMessageErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                        Err(StreamError::Missing { stream })
                    }
                    RawMessageErrorKind::JetStream(source) => Err(StreamError::Refused { stream, source }),
                    RawMessageErrorKind::InvalidSubject | RawMessageErrorKind::Other => Err(no_answer(error.into())),
                };
            }
        };
        let micros = i64::try_from(message.time.unix_timestamp_nanos() / 1_000).expect("a server's time fits 292,000 years");
        Ok(Some(StoredMessage {
            seq: message.sequence,
            stored_at: Timestamp::from_micros(micros),
            subject: message.subject,
            headers: message.headers,
            payload: message.payload,
        }))
    }
}

/// One request of the JetStream API about `stream`.
pub(crate) async fn api<Q: Serialize, A: DeserializeOwned>(
    nats: &Nats,
    stream: &str,
    verb: &str,
    request: &Q,
) -> Result<A, StreamError> {
    let (subject, since) = (format!("\"$JS.API.{verb}.{stream}\""), nats.complained());
    // both are cancel-safe: an answer that is not waited for is dropped, and a watch
    let answer = tokio::select! {
        answer = nats.jetstream().request(format!("{verb}.{stream}"), request) => answer,
        forbidden = nats.forbidden(&subject, since) => {
            return Err(StreamError::Forbidden { stream: stream.to_owned(), forbidden });
        }
    };
    let stream = stream.to_owned();
    let no_answer = |error: RequestError| {
        let nobody = error.kind() == RequestErrorKind::NoResponders;
        StreamError::NoAnswer { stream: stream.clone(), nobody, source: error.into() }
    };
    match answer.map_err(no_answer)? {
        Response::Ok(value) => Ok(value),
        Response::Err { error } if error.error_code() == ErrorCode::STREAM_NOT_FOUND => Err(StreamError::Missing { stream }),
        Response::Err { error } => Err(StreamError::Refused { stream, source: error }),
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Info {
    pub(crate) config: serde_json::Value,
    created: String,
    state: State,
}

#[derive(Debug, Deserialize)]
struct State {
    messages: u64,
    bytes: u64,
    first_seq: u64,
    last_seq: u64,
    deleted: Option<Vec<u64>>,
}

impl Info {
    pub(crate) fn status(&self, stream: &str) -> Result<StreamStatus, StreamError> {
        let created = Timestamp::parse_rfc3339(&self.created)
            .ok_or_else(|| StreamError::BadTime { stream: stream.to_owned(), text: self.created.clone() })?;
        let State { messages, bytes, first_seq, last_seq, .. } = self.state;
        let [max_bytes, max_messages] = [Unit::Bytes, Unit::Messages].map(|unit| self.bound(unit));
        let (restricted, drops) = (intake::is_restricted(&self.config["subjects"]), self.drops());
        Ok(StreamStatus { created, first_seq, last_seq, messages, bytes, max_bytes, max_messages, restricted, drops })
    }

    /// What the stream may hold of that; `None` if its settings set no bound.
    pub(crate) fn bound(&self, unit: Unit) -> Option<u64> {
        self.config[unit.setting()].as_u64().filter(|most| 0 < *most)
    }

    /// Which of its settings let the stream drop messages by itself.
    fn drops(&self) -> Option<String> {
        let positive = |field: &str| self.config[field].as_i64().is_some_and(|value| 0 < value);
        let bounded = ["max_bytes", "max_msgs"].into_iter().any(positive);
        let mut found: Vec<&str> = ["max_age", "max_msgs_per_subject"].into_iter().filter(|field| positive(field)).collect();
        if self.config["discard"] != "new" && bounded {
            found.push("discard: old");
        }
        if self.config["retention"].as_str().is_some_and(|retention| retention != "limits") {
            found.push("retention");
        }
        (!found.is_empty()).then(|| found.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_found_in_any_case_and_always_the_same_one() {
        let mut headers = HeaderMap::new();
        headers.insert("content-Type", "third");
        headers.append("Content-Type", "first");
        headers.append("Content-Type", "second");
        assert_eq!(header(&headers, "content-type"), Some("first"));
        assert_eq!(header(&headers, "nats-msg-id"), None);
    }

    #[test]
    fn a_fingerprint_tells_apart_what_came_before_the_place_the_time_the_subject_and_the_payload() {
        let of =
            |before, seq, at, subject, payload: &[u8]| fingerprint(before, seq, Timestamp::from_micros(at), subject, payload);
        let one = of(0, 1, 7, "tw.in.tick.a", b"{}");
        assert_eq!(one, of(0, 1, 7, "tw.in.tick.a", b"{}"));
        let others = [
            of(1, 1, 7, "tw.in.tick.a", b"{}"),
            of(0, 2, 7, "tw.in.tick.a", b"{}"),
            of(0, 1, 8, "tw.in.tick.a", b"{}"),
            of(0, 1, 7, "tw.in.tick.a{", b"}"),
            of(0, 1, 7, "tw.in.tick.a", b"{ }"),
        ];
        assert!(others.iter().all(|other| *other != one), "{others:?}");
    }

    #[test]
    fn a_stream_says_which_of_its_settings_drop_messages() {
        let drops = |config: serde_json::Value| {
            let state = serde_json::json!({"messages": 0, "bytes": 0, "first_seq": 1, "last_seq": 0});
            let info = serde_json::json!({"config": config, "created": "2026-01-01T00:00:00Z", "state": state});
            serde_json::from_value::<Info>(info).unwrap().drops()
        };
        use serde_json::json;
        assert_eq!(drops(json!({"discard": "new", "max_bytes": 5, "retention": "limits", "max_age": 0})), None);
        assert_eq!(drops(json!({"discard": "old", "max_bytes": -1, "max_msgs": -1, "retention": "limits"})), None);
        assert_eq!(drops(json!({"discard": "old", "max_bytes": 5})).as_deref(), Some("discard: old"));
        assert_eq!(
            drops(json!({"discard": "new", "max_age": 5, "retention": "workqueue"})).as_deref(),
            Some("max_age, retention")
        );
    }
}
