//! Reads the input stream in order, each message once, into a bounded channel. The position is ours and not the server's: an ack-less
//! pull consumer starts at the sequence after the last one delivered, and is made anew on any doubt (an error, a missed heartbeat, a
//! reconnection, a gap). Before each new start the log is compared with what was delivered.

mod past;
mod probe;
mod pulling;

use std::ops::Range;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, ReplayPolicy, pull};
use async_nats::{HeaderMap, Subject};
use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::nats::connect::Nats;
use crate::nats::continuity::{COMPARED_MAX, LogChanged, Mark, Saved};
use crate::nats::provision::Role;
use crate::nats::stream::{StreamError, StreamStatus, fingerprint, header};
use crate::telemetry;
use crate::time::Timestamp;

pub use past::{Past, PastError};
pub(super) use pulling::WAITING_MESSAGES_MAX;
use pulling::{Pull, PullError};

/// The server removes our consumer after this long without a pull request, so that a killed process leaves nothing behind.
const INACTIVE_MAX: Duration = Duration::from_secs(30);
/// The largest batch handed on; smaller when fewer messages are ready, so nothing waits for company.
pub const BATCH_MESSAGES_MAX: usize = 1_000;
/// A batch is closed once it holds this many payload bytes. Some five batches are on their way to the processor, decoded ones twice as
/// large, and a process keeps the memory that a backlog took: four times as much cost 40 MB and bought nothing.
pub const BATCH_BYTES_MAX: usize = 1 << 20;
/// The wait before a new consumer: 50 ms, doubling up to 1 s while nothing is delivered.
const RETRY_DELAY: Duration = Duration::from_millis(50);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(1);
/// How long a stream may be missing before it counts as deleted: a cluster that elects a leader may not know it at once.
const MISSING_PATIENCE: Duration = Duration::from_secs(10);

/// One message of the input stream, not decoded.
#[derive(Clone, Debug)]
pub struct RawMessage {
    /// Stream sequence.
    pub seq: u64,
    /// By the server; equal on every replay.
    pub stored_at: Timestamp,
    pub subject: Subject,
    pub headers: Option<HeaderMap>,
    pub payload: Bytes,
}

/// Messages that were ready together: 1 to [`BATCH_MESSAGES_MAX`], sequences ascending.
#[derive(Clone, Debug, Default)]
pub struct RawBatch {
    pub messages: Vec<RawMessage>,
    /// Payload bytes of all messages.
    pub bytes: usize,
    /// Sequences before or between the messages which the stream itself says were deleted. Counted, so that positions add up.
    pub skipped: u64,
    /// What to remember of the log once the batch is applied.
    pub saved: Saved,
}

/// Reading cannot go on; a person has to look.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error(transparent)]
    LogChanged(#[from] LogChanged),
    #[error(
        "the stream went from sequence {expected} to {got} and does not say that what lies between was deleted; nothing after it \
         was applied; check the server's store"
    )]
    Gap { expected: u64, got: u64 },
    #[error("the stream delivered sequence {got} after {}; the server went back", expected - 1)]
    WentBack { expected: u64, got: u64 },
    #[error("the input stream is gone")]
    StreamGone {
        #[source]
        source: StreamError,
    },
    #[error("the server made another consumer than asked for ({detail}); it would not deliver from our position")]
    WrongConsumer { detail: String },
    #[error("a message came without its position; its reply subject was {reply:?}")]
    NoPosition { reply: String },
}

impl RawMessage {
    /// See [`header`].
    pub fn header(&self, name: &str) -> Option<&str> {
        header(self.headers.as_ref()?, name)
    }

    /// To be saved with the position, see [`Saved`]. `before`: the fingerprint of the message before it.
    pub fn fingerprint(&self, before: u64) -> u64 {
        fingerprint(before, self.seq, self.stored_at, &self.subject, &self.payload)
    }
}

/// Delivers everything after `position` (`None`: from the stream's beginning) to `inbox` until `stop` is cancelled or the inbox is
/// closed. A full inbox stops the pulling. Returns an error only when the log is no longer the one that was delivered.
pub async fn run(
    nats: Nats,
    position: Option<Saved>,
    inbox: mpsc::Sender<RawBatch>,
    stop: CancellationToken,
) -> Result<(), IngestError> {
    let mut reader = Reader { nats, inbox, stop, saved: position, gap: None };
    let mut delay = RETRY_DELAY;
    let mut missing_since = None;
    loop {
        let (before, since) = (reader.seq(), reader.nats.complained());
        let ended = reader.session().await;
        let forbidden = reader.nats.forbidden_to_read(since).map(|forbidden| forbidden.to_string());
        let reason = match ended {
            Ok(()) => return Ok(()),
            Err(Broken::Final(error)) => return Err(error),
            Err(Broken::Missing(source)) => {
                if MISSING_PATIENCE <= missing_since.get_or_insert_with(Instant::now).elapsed() {
                    return Err(IngestError::StreamGone { source });
                }
                source.to_string()
            }
            Err(Broken::Again(reason)) => {
                missing_since = None;
                forbidden.unwrap_or(reason)
            }
        };
        delay = if before < reader.seq() { RETRY_DELAY } else { (2 * delay).min(RETRY_DELAY_MAX) };
        telemetry::INGEST_RESTARTS.add(1);
        warn!(after = reader.seq(), reason, "reading the input stream starts anew");
        // Both are cancel-safe: a token and a timer hold nothing.
        tokio::select! {
            () = reader.stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(delay) => {}
        }
    }
}

struct Reader {
    nats: Nats,
    inbox: mpsc::Sender<RawBatch>,
    stop: CancellationToken,
    /// What was delivered, or applied before this process began; `None` before the first session if nothing was.
    saved: Option<Saved>,
    /// The sequence before which a gap was seen once; seen twice, on a new consumer, it is real.
    gap: Option<u64>,
}

/// Why a session ended.
enum Broken {
    /// Start anew from our own position.
    Again(String),
    /// As `Again`, but not for ever.
    Missing(StreamError),
    Final(IngestError),
}

impl Reader {
    /// Of the last message delivered; 0 if there is none.
    fn seq(&self) -> u64 {
        self.saved.map_or(0, |saved| saved.last.seq)
    }

    /// One consumer's life. `Ok` when asked to stop.
    async fn session(&mut self) -> Result<(), Broken> {
        let stop = self.stop.clone();
        // Dropping the session in the middle of any await loses nothing that `saved` counts: it moves only after a batch was sent.
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            ended = self.read() => ended,
        }
    }

    async fn read(&mut self) -> Result<(), Broken> {
        let mut link = self.nats.link();
        let generation = link.borrow_and_update().generation;
        let status = self.compare_log().await?;
        let mut messages = self.new_consumer(&status).await?;
        loop {
            // `next` is cancel-safe, `changed` of a watch too.
            let first = tokio::select! {
                biased;
                changed = link.changed() => {
                    if changed.is_err() || link.borrow_and_update().generation != generation {
                        return Err(Broken::Again("reconnected".into()));
                    }
                    continue;
                }
                first = messages.next() => first,
            };
            let mut batch = RawBatch::default();
            let mut ended = self.take(first, &mut batch).await;
            while ended.is_ok() && batch.messages.len() < BATCH_MESSAGES_MAX && batch.bytes < BATCH_BYTES_MAX {
                match messages.ready() {
                    Some(next) => ended = self.take(next, &mut batch).await,
                    None => break,
                }
            }
            if self.deliver(batch).await.is_err() {
                debug!("the inbox is closed");
                return Ok(());
            }
            ended?;
        }
    }

    /// Is the log still the one that was delivered?
    async fn compare_log(&mut self) -> Result<StreamStatus, Broken> {
        match self.nats.check_log(self.saved.as_ref()).await {
            Ok(Ok(status)) => {
                let saved = self.saved.get_or_insert_default();
                (saved.created, saved.first_seq) = (status.created, status.first_seq);
                Ok(status)
            }
            Ok(Err(changed)) => Err(Broken::Final(changed.into())),
            Err(missing @ StreamError::Missing { .. }) => Err(Broken::Missing(missing)),
            Err(error) => Err(Broken::Again(with_source(&error))),
        }
    }

    async fn new_consumer(&self, status: &StreamStatus) -> Result<Pull, Broken> {
        let start_sequence = self.seq() + 1;
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            ack_policy: AckPolicy::None,
            replay_policy: ReplayPolicy::Instant,
            inactive_threshold: INACTIVE_MAX,
            memory_storage: true,
            num_replicas: 1,
            ..Default::default()
        };
        let stream = Role::Input.stream_name(self.nats.root());
        let again = |error: &dyn std::error::Error| Broken::Again(with_source(error));
        let consumer = self.nats.jetstream().create_consumer_on_stream(config, stream).await.map_err(|error| again(&error))?;
        let made = &consumer.cached_info().config;
        let as_asked = made.deliver_policy == DeliverPolicy::ByStartSequence { start_sequence }
            && made.ack_policy == AckPolicy::None
            && made.filter_subject.is_empty();
        if !as_asked {
            let detail = format!("{:?}, {:?}, filter {:?}", made.deliver_policy, made.ack_policy, made.filter_subject);
            return Err(Broken::Final(IngestError::WrongConsumer { detail }));
        }
        let messages = Pull::new(self.nats.client(), &consumer).await.map_err(|error| again(&error))?;
        info!(from = start_sequence, last_seq = status.last_seq, "reading the input stream");
        Ok(messages)
    }

    /// Puts one item of the consumer into `batch`, if it is the next message.
    async fn take(&mut self, item: Result<async_nats::Message, PullError>, batch: &mut RawBatch) -> Result<(), Broken> {
        let message = item.map_err(|error| Broken::Again(with_source(&error)))?;
        let Some((seq, stored_at)) = message.reply.as_deref().and_then(position) else {
            let reply = message.reply.as_deref().unwrap_or_default().to_owned();
            return Err(Broken::Final(IngestError::NoPosition { reply }));
        };
        let expected = batch.messages.last().map_or(self.seq(), |message| message.seq) + 1;
        if seq < expected {
            return Err(Broken::Final(IngestError::WentBack { expected, got: seq }));
        }
        if expected < seq {
            let is_beginning = self.seq() == 0 && batch.messages.is_empty();
            self.explain(expected, seq, is_beginning).await?;
            batch.skipped += seq - expected;
        }
        batch.bytes += message.payload.len();
        let async_nats::Message { mut subject, headers, payload, .. } = message;
        if let Some(before) = batch.messages.last().filter(|before| before.subject == subject) {
            subject = before.subject.clone();
        }
        batch.messages.push(RawMessage { seq, stored_at, subject, headers, payload });
        Ok(())
    }

    /// Sequences are dense: a gap is passed over only if the stream says that all of it was deleted. If it does not, the consumer may
    /// have lost it from view: a new one is tried, once.
    async fn explain(&mut self, expected: u64, got: u64, is_beginning: bool) -> Result<(), Broken> {
        let (status, deleted) = match self.nats.deleted(Role::Input).await {
            Ok(answer) => answer,
            Err(error) => return Err(Broken::Again(with_source(&error))),
        };
        match weigh(expected..got, status.first_seq, &deleted, is_beginning) {
            Gap::Deleted => {
                warn!(expected, got, "the stream lacks messages and says so");
                Ok(())
            }
            Gap::Overtaken => {
                let changed = LogChanged::Gap { first: status.first_seq, applied: expected - 1 };
                Err(Broken::Final(changed.into()))
            }
            Gap::Unexplained if self.gap.replace(expected) == Some(expected) => {
                Err(Broken::Final(IngestError::Gap { expected, got }))
            }
            Gap::Unexplained => Err(Broken::Again(format!("sequence {got} came where {expected} was due"))),
        }
    }

    /// Hands the batch on; from here on it counts as delivered. Waits while the inbox is full.
    async fn deliver(&mut self, mut batch: RawBatch) -> Result<(), mpsc::error::SendError<()>> {
        if batch.messages.is_empty() {
            return Ok(());
        }
        batch.gather();
        batch.saved = batch.follow(self.saved.unwrap_or_default());
        let saved = batch.saved;
        if self.inbox.capacity() == 0 {
            telemetry::INGEST_STALLS.add(1);
        }
        let permit = self.inbox.reserve().await?;
        permit.send(batch);
        self.saved = Some(saved);
        Ok(())
    }
}

impl RawBatch {
    /// Puts all payloads into one piece of memory, and gives the client's buffers back to the thread that will fill them again: one that
    /// frees what another has allocated waits for its locks.
    fn gather(&mut self) {
        let mut all = BytesMut::with_capacity(self.bytes);
        for message in &self.messages {
            all.extend_from_slice(&message.payload);
        }
        let mut rest = all.freeze();
        for message in &mut self.messages {
            message.payload = rest.split_to(message.payload.len());
        }
    }

    /// What to remember of the log after these messages; `saved`: before them.
    fn follow(&self, saved: Saved) -> Saved {
        let mut saved = Saved { anchor: saved.last, ..saved };
        let anchor_after = self.messages.len().saturating_sub(COMPARED_MAX);
        for (index, message) in self.messages.iter().enumerate() {
            if index == anchor_after {
                saved.anchor = saved.last;
            }
            saved.last = Mark { seq: message.seq, fingerprint: message.fingerprint(saved.last.fingerprint) };
        }
        saved
    }
}

/// What the stream's own state says about sequences that were not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    /// All of them were deleted, or the log begins after them and nothing was ever read from it.
    Deleted,
    /// The log begins after a sequence that we had not read yet.
    Overtaken,
    Unexplained,
}

/// `missing`: the sequences that were due; `first_seq`: where the log begins; `deleted`: what is deleted after that;
/// `is_beginning`: nothing was read before.
fn weigh(missing: Range<u64>, first_seq: u64, deleted: &[u64], is_beginning: bool) -> Gap {
    if missing.start < first_seq && !is_beginning {
        return Gap::Overtaken;
    }
    let within = missing.start.max(first_seq)..missing.end;
    let explained = deleted.iter().filter(|seq| within.contains(seq)).count() as u64;
    if within.end.saturating_sub(within.start) == explained { Gap::Deleted } else { Gap::Unexplained }
}

/// Stream sequence and time of storing, from the reply subject of a delivered message:
/// `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<nanoseconds>.<pending>`, with `<domain>.<account>` before the
/// stream and perhaps one more token at the end on servers that say so. Once per message, so it only splits, by bytes.
fn position(reply: &str) -> Option<(u64, Timestamp)> {
    let rest = reply.strip_prefix("$JS.ACK.")?;
    let rest = rest.as_bytes();
    let skipped = match rest.iter().filter(|byte| **byte == b'.').count() {
        6 => 3,
        8.. => 5,
        _ => return None,
    };
    let mut tokens = rest.split(|byte| *byte == b'.').skip(skipped).map(|token| std::str::from_utf8(token).ok());
    let seq = tokens.next()??.parse().ok()?;
    let nanoseconds: i64 = tokens.nth(1)??.parse().ok()?;
    Some((seq, Timestamp::from_micros(nanoseconds.div_euclid(1_000))))
}

fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_passed_over_only_if_the_stream_says_that_all_of_it_was_deleted() {
        assert_eq!(weigh(4..6, 1, &[4, 5, 8], false), Gap::Deleted);
        assert_eq!(weigh(4..6, 1, &[4], false), Gap::Unexplained);
        assert_eq!(weigh(4..6, 1, &[], false), Gap::Unexplained);
        assert_eq!(weigh(4..6, 1, &[], true), Gap::Unexplained);
    }

    #[test]
    fn a_log_that_begins_later_is_a_gap_unless_nothing_was_read_before() {
        assert_eq!(weigh(4..9, 9, &[], false), Gap::Overtaken);
        assert_eq!(weigh(1..9, 9, &[], true), Gap::Deleted);
        assert_eq!(weigh(1..9, 7, &[8], true), Gap::Unexplained);
        assert_eq!(weigh(1..9, 7, &[7, 8], true), Gap::Deleted);
    }

    #[test]
    fn the_position_is_read_from_both_forms_of_the_reply_subject() {
        let at = Timestamp::from_micros(1_767_225_600_000_001);
        assert_eq!(position("$JS.ACK.TW_INPUT.abc.1.42.7.1767225600000001999.0"), Some((42, at)));
        assert_eq!(position("$JS.ACK._.ACC.TW_INPUT.abc.1.42.7.1767225600000001999.0"), Some((42, at)));
        assert_eq!(position("$JS.ACK._.ACC.TW_INPUT.abc.1.42.7.1767225600000001999.0.rnd"), Some((42, at)));
        for foreign in ["_INBOX.a.b", "$JS.ACK.TW_INPUT.abc.1.42.7.x.0", "$JS.ACK.a", ""] {
            assert_eq!(position(foreign), None, "{foreign}");
        }
    }
}
