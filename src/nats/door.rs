//! The one way in: whatever changes state is published here and is true once the stream has acknowledged it.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, HeaderValue};
use async_nats::jetstream::context::{ContextBuilder, PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::{self, ErrorCode, message::PublishMessage};
use bytes::Bytes;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use crate::event::Kind;
use crate::ids::Slug;
use crate::nats::connect::Nats;
use crate::nats::link::Forbidden;
use crate::nats::provision::{Role, is_no_room};
use crate::nats::room::{Class, NoRoom, Unit};
use crate::telemetry;

/// How long the stream may take to acknowledge, counted from the send.
pub const PUBLISH_DEADLINE: Duration = Duration::from_secs(5);
/// Messages on their way in [`Door::publish_all`]; full = the next is not sent before the oldest is acknowledged. More buys nothing
/// and starves consumers.
pub const WINDOW_MAX: usize = 1_000;

/// Publishes into the input stream. Cheap to clone.
#[derive(Clone)]
pub struct Door {
    nats: Nats,
    jetstream: jetstream::Context,
}

/// One message on its way in.
#[derive(Clone, Debug)]
pub struct Publication {
    pub kind: Kind,
    pub source: Slug,
    pub headers: Headers,
    pub payload: Bytes,
}

/// Checked message headers, such as `Nats-Msg-Id` and `Content-Type`.
#[derive(Clone, Debug, Default)]
pub struct Headers(HeaderMap);

/// What the stream said of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its stream sequence; of a repeat, the first one's.
    pub seq: u64,
    /// The stream had it already, under the same `Nats-Msg-Id`.
    pub is_repeat: bool,
}

/// Why a message was not acknowledged. After a retryable one, publish again with the same `Nats-Msg-Id`: it may have been stored.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    #[error("not connected to NATS at {url}; nothing was sent, try again")]
    NotConnected { url: String },
    #[error(
        "the stream did not acknowledge within {} s{}; it may have been stored, try again with the same Nats-Msg-Id",
        PUBLISH_DEADLINE.as_secs(), complaint.as_ref().map(|text| format!(" (the server's last complaint: {text})")).unwrap_or_default()
    )]
    TimedOut { complaint: Option<String> },
    #[error(
        "the connection to NATS was lost before the stream acknowledged; it may have been stored, try again with the same Nats-Msg-Id"
    )]
    ConnectionLost,
    #[error("no stream takes {subject}; the stream of this subject was deleted, or JetStream is starting")]
    NoStream { subject: String },
    #[error(
        "the input stream is full ({detail}); nothing was stored, try again later or raise what it or its account may hold"
    )]
    Full { detail: String },
    #[error(
        "the log is nearly full ({used} of {most} {}) and the last {reserve} are kept for commands, outcomes and ticks; nothing was stored; \
         raise {} of the input stream (`nats stream edit`) and try again", unit.shown(), unit.setting()
    )]
    Kept { unit: Unit, used: u64, most: u64, reserve: u64 },
    #[error("the disk of the log and the store is full; nothing was stored; free some space and try again")]
    DiskFull,
    #[error("the message has {bytes} bytes, more than the server or stream takes")]
    TooLarge { bytes: usize },
    #[error(
        "the Nats-Msg-Id {id:?} was used for another message, sequence {seq}; nothing was stored: an id is for one message, and only its \
         repeat may carry it again"
    )]
    IdTaken { id: String, seq: u64 },
    #[error("{name:?} with value {value:?} is not a message header")]
    BadHeader { name: String, value: String },
    #[error("nothing was stored: {0}")]
    Forbidden(Forbidden),
    #[error("the server refused the message")]
    Refused {
        #[source]
        source: PublishError,
    },
}

impl DoorError {
    /// Publishing the same message again, with the same `Nats-Msg-Id`, may help.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::NotConnected { .. } | Self::TimedOut { .. } | Self::ConnectionLost => true,
            Self::NoStream { .. } | Self::Full { .. } | Self::Kept { .. } | Self::DiskFull => true,
            Self::TooLarge { .. } | Self::IdTaken { .. } | Self::BadHeader { .. } => false,
            Self::Forbidden(_) | Self::Refused { .. } => false,
        }
    }
}

impl Headers {
    /// No headers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one. Fails on what could break out of a header: a colon or a control character in the name, a line break in the value.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, DoorError> {
        let bad = || DoorError::BadHeader { name: name.to_owned(), value: value.to_owned() };
        let (name, value): (HeaderName, HeaderValue) = (name.parse().map_err(|_| bad())?, value.parse().map_err(|_| bad())?);
        self.0.insert(name, value);
        Ok(self)
    }

    /// Bytes of all names and values.
    fn bytes(&self) -> usize {
        let of = |(name, values): (&HeaderName, &Vec<HeaderValue>)| {
            values.iter().map(|value| AsRef::<str>::as_ref(name).len() + value.as_str().len() + 4).sum::<usize>()
        };
        self.0.iter().map(of).sum()
    }
}

impl Door {
    pub fn new(nats: &Nats) -> Self {
        // The library's own timeout starts late; ours, from the send, is always the shorter one.
        let jetstream = ContextBuilder::new()
            .timeout(4 * PUBLISH_DEADLINE)
            .ack_timeout(PUBLISH_DEADLINE)
            .max_ack_inflight(8 * WINDOW_MAX)
            .backpressure_on_inflight(true)
            .build(nats.client().clone());
        Self { nats: nats.clone(), jetstream }
    }

    /// Publishes one message and waits until the stream has it. Returns its stream sequence; the first one's if the server knows the
    /// `Nats-Msg-Id` already.
    ///
    /// Errors: beside what the server says, [`DoorError::Kept`] and [`DoorError::DiskFull`] before it is asked.
    pub async fn publish(&self, kind: Kind, source: &Slug, headers: Headers, payload: Bytes) -> Result<u64, DoorError> {
        self.publish_once(kind, source, headers, payload).await.map(|stored| stored.seq)
    }

    /// As [`Self::publish`], and says whether the stream had the message already. A `Nats-Msg-Id` that was used for another message is
    /// [`DoorError::IdTaken`]: the stream has dropped this one.
    pub async fn publish_once(&self, kind: Kind, source: &Slug, headers: Headers, payload: Bytes) -> Result<Stored, DoorError> {
        self.publish_as(Class::of(kind), kind, source, headers, payload).await
    }

    /// As [`Self::publish_once`], where the kind does not tell how much of the log may be used. For a command room is made if there is
    /// none.
    pub async fn publish_as(
        &self,
        class: Class,
        kind: Kind,
        source: &Slug,
        headers: Headers,
        payload: Bytes,
    ) -> Result<Stored, DoorError> {
        let subject = self.nats.root().input(kind, source);
        let published = async {
            match self.admitted(class, &subject, headers.clone(), payload.clone()).await {
                Err(DoorError::Full { .. } | DoorError::Kept { .. }) if class == Class::Command && self.make_room().await => {
                    self.admitted(class, &subject, headers, payload).await
                }
                answer => answer,
            }
        };
        published.await.inspect_err(|_| telemetry::PUBLISH_FAILURES.add(1))
    }

    async fn admitted(&self, class: Class, subject: &str, headers: Headers, payload: Bytes) -> Result<Stored, DoorError> {
        let size = subject.len() + headers.bytes() + payload.len();
        self.look_before_refusing(class, size).await;
        self.admit(class, size)?;
        let id = headers.0.get("Nats-Msg-Id").map(|id| id.as_str().to_owned());
        let stored = async { self.acknowledged(self.send(subject.to_owned(), headers, payload.clone()).await?).await }.await;
        match &stored {
            Ok(_) => self.nats.room().stored(),
            Err(DoorError::Full { detail }) => self.nats.room().turn_away(detail.clone()),
            Err(DoorError::NoStream { .. }) => self.refuse_if_restricted(class, size).await?,
            Err(_) => {}
        }
        let stored = stored?;
        if stored.is_repeat {
            self.compare(id.unwrap_or_default(), stored.seq, subject, &payload).await?;
        }
        Ok(stored)
    }

    /// A stream that was restricted a moment ago, before it was known here, takes nothing of a producer as if it were not there.
    async fn refuse_if_restricted(&self, class: Class, size: usize) -> Result<(), DoorError> {
        match self.nats.status(Role::Input).await {
            Ok(status) if status.restricted => {
                self.nats.room().set(status.held());
                self.nats.room().set_restricted(true);
                self.admit(class, size)
            }
            _ => Ok(()),
        }
    }

    /// Is the message that the stream has under `id` the one that was sent now? One that is no longer held, or cannot be asked for,
    /// counts as the same.
    async fn compare(&self, id: String, seq: u64, subject: &str, payload: &[u8]) -> Result<(), DoorError> {
        match self.nats.get_message(Role::Input, seq).await {
            Ok(Some(first)) if first.subject.as_str() != subject || *first.payload != *payload => {
                Err(DoorError::IdTaken { id, seq })
            }
            Ok(_) => Ok(()),
            Err(error) => {
                warn!(id, seq, error = %telemetry::chain(&error), "a repeat could not be compared with the first of its id");
                Ok(())
            }
        }
    }

    fn admit(&self, class: Class, size: usize) -> Result<(), DoorError> {
        let room = self.nats.room();
        room.admit(class, size).map_err(|refused| {
            telemetry::LOG_REFUSALS.add(1);
            match refused {
                NoRoom::Disk => DoorError::DiskFull,
                NoRoom::Kept { unit, used, most, reserve } => DoorError::Kept { unit, used, most, reserve },
                NoRoom::Server(detail) => DoorError::Full { detail },
            }
        })?;
        room.use_up(size);
        Ok(())
    }

    /// Between two looks of the log's watch the room is an estimate, and a little too small. Whoever would be refused by it is judged by what the
    /// server says, so that it is refused only where the log is full, and the process says so.
    async fn look_before_refusing(&self, class: Class, size: usize) {
        let room = self.nats.room();
        if matches!(room.admit(class, size), Err(NoRoom::Kept { .. }))
            && room.is_estimate()
            && let Ok(status) = self.nats.status(Role::Input).await
        {
            room.set(status.held());
        }
    }

    /// Raises the bounds of a full stream a little, so that a command finds room. False if that is not allowed, or no bound of it is reached.
    async fn make_room(&self) -> bool {
        match self.nats.raise_bounds().await {
            Ok(raised) => {
                for (unit, most) in &raised {
                    let setting = unit.setting();
                    warn!(setting, most, "the log is full: its bound was raised for a command; make room or raise it further");
                }
                !raised.is_empty()
            }
            Err(error) => {
                warn!(error = %telemetry::chain(&error), "the log is full and its bound cannot be raised for a command");
                false
            }
        }
    }

    /// Publishes many, in order, [`WINDOW_MAX`] at a time, and waits for every one. Returns their sequences; a repeat has the first one's and is
    /// not compared with it. On an error the
    /// messages before and after the failed one may be stored: publish all again with the same ids.
    pub async fn publish_all(&self, messages: impl IntoIterator<Item = Publication>) -> Result<Vec<u64>, DoorError> {
        let mut admitted = Vec::new();
        for Publication { kind, source, headers, payload } in messages {
            let subject = self.nats.root().input(kind, &source);
            self.admit(Class::of(kind), subject.len() + headers.bytes() + payload.len())?;
            admitted.push((subject, headers, payload));
        }
        self.publish_to(admitted).await.inspect_err(|_| telemetry::PUBLISH_FAILURES.add(1))
    }

    /// As [`Self::publish_all`], to any subjects of ours.
    pub(super) async fn publish_to(
        &self,
        messages: impl IntoIterator<Item = (String, Headers, Bytes)>,
    ) -> Result<Vec<u64>, DoorError> {
        let mut sequences = Vec::new();
        let mut window = VecDeque::with_capacity(WINDOW_MAX);
        for (subject, headers, payload) in messages {
            if WINDOW_MAX <= window.len()
                && let Some(oldest) = window.pop_front()
            {
                sequences.push(self.acknowledged(oldest).await?.seq);
            }
            window.push_back(self.send(subject, headers, payload).await?);
        }
        for sent in window {
            sequences.push(self.acknowledged(sent).await?.seq);
        }
        Ok(sequences)
    }

    async fn send(&self, subject: String, headers: Headers, payload: Bytes) -> Result<Sent, DoorError> {
        // While disconnected the client would take the message and keep it; saying so at once is more use.
        if !self.nats.is_connected() {
            return Err(DoorError::NotConnected { url: self.nats.url().to_owned() });
        }
        let bytes = payload.len();
        let deadline = Instant::now() + PUBLISH_DEADLINE;
        let (generation, complained) = (self.nats.link_generation(), self.nats.complained());
        let mut publish = PublishMessage::build().payload(payload);
        if !headers.0.is_empty() {
            publish = publish.headers(headers.0);
        }
        match timeout_at(deadline, self.jetstream.send_publish(subject.clone(), publish)).await {
            Ok(Ok(ack)) => Ok(Sent { subject, bytes, deadline, generation, complained, ack }),
            Ok(Err(error)) => Err(self.refusal(error, subject, bytes)),
            Err(_elapsed) => Err(self.timed_out()),
        }
    }

    /// An answer that has arrived counts, however late it is looked at: it is polled first.
    async fn acknowledged(&self, sent: Sent) -> Result<Stored, DoorError> {
        let mut link = self.nats.link();
        let quoted = format!("\"{}\"", sent.subject);
        let acknowledged = async {
            // Either way the wait is over, so what the other branch held does not matter.
            tokio::select! {
                biased;
                ack = sent.ack.into_future() => ack.map_err(|error| self.refusal(error, sent.subject, sent.bytes)),
                _ = link.wait_for(|link| link.generation != sent.generation) => Err(DoorError::ConnectionLost),
                forbidden = self.nats.forbidden(&quoted, sent.complained) => Err(DoorError::Forbidden(forbidden)),
            }
        };
        match timeout_at(sent.deadline, acknowledged).await {
            Ok(ack) => ack.map(|ack| Stored { seq: ack.sequence, is_repeat: ack.duplicate }),
            Err(_elapsed) => Err(self.timed_out()),
        }
    }

    fn timed_out(&self) -> DoorError {
        DoorError::TimedOut { complaint: self.nats.link().borrow().complaint().map(str::to_owned) }
    }

    fn refusal(&self, error: PublishError, subject: String, bytes: usize) -> DoorError {
        let answer = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<jetstream::Error>());
        match (error.kind(), answer.map(jetstream::Error::error_code)) {
            (PublishErrorKind::StreamNotFound, _) => DoorError::NoStream { subject },
            (PublishErrorKind::MaxPayloadExceeded, _) => DoorError::TooLarge { bytes },
            (PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe, _) => self.timed_out(),
            (_, Some(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM)) => DoorError::TooLarge { bytes },
            (_, Some(code)) if code == ErrorCode::STREAM_STORE_FAILED || is_no_room(code) => {
                DoorError::Full { detail: answer.map(ToString::to_string).unwrap_or_default() }
            }
            _ => DoorError::Refused { source: error },
        }
    }
}

/// A message that was handed to the connection and not acknowledged yet.
struct Sent {
    subject: String,
    bytes: usize,
    deadline: Instant,
    /// Of the connection it went out on; the answer comes on that one or not at all.
    generation: u64,
    /// Complaints of the server before it was sent.
    complained: u64,
    ack: PublishAckFuture,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_cannot_smuggle_another_line() {
        assert!(Headers::new().with("Nats-Msg-Id", "a-1").is_ok());
        assert!(matches!(Headers::new().with("Nats-Msg-Id", "a\r\nX: y"), Err(DoorError::BadHeader { .. })));
        assert!(matches!(Headers::new().with("Bad: Name", "a"), Err(DoorError::BadHeader { .. })));
    }
}
