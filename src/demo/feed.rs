//! The simulator as a client of NATS: frames, acknowledgements, repeats. It goes on where its own records in the log end, and tells
//! a fresh log the last hour first.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::{self, stream};
use bytes::Bytes;
use futures_util::{StreamExt, stream as futures};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Record, Simulation, Tick, start_of, tick_of};
use crate::clock;
use crate::config::Demo;
use crate::event::Kind;
use crate::event::subject::Root;
use crate::ids::Slug;
use crate::time::{Span, Timestamp};

/// How much of the past a log without it is told, and the longest gap that is filled.
const HISTORY: Span = Span::from_secs(3_600);

/// The most ticks told at once while catching up: five seconds, so that frames are large and predictions still precede labels.
const TICKS_AT_ONCE: Tick = 20;

/// The most records in one message.
const FRAME_RECORDS_MAX: usize = 500;

/// Messages sent and not yet acknowledged.
const IN_FLIGHT_MAX: usize = 64;

/// The longest wait for an acknowledgement.
const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Between two attempts to store what was not acknowledged.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// What was told until the stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Feed {
    pub records: u64,
    pub messages: u64,
    /// The stream sequence of the last message.
    pub last_seq: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no stream takes {subject}; start `tidewatch up` on this server first")]
    NoStream { subject: String },
    #[error("cannot read where the log ends")]
    Position(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// One message before it is sent.
struct Frame {
    subject: String,
    /// Equal on every attempt, so that a repeat is stored once.
    id: String,
    payload: Bytes,
    records: u64,
}

/// Tells the story over `client` until `stop`: first what the log lacks of the last hour, then live. Waits out a lost connection
/// and a full stream.
///
/// * `live`: how long to go on once the last hour is told; `None` for ever.
///
/// Errors: there is no stream for our subjects, or it cannot be read.
pub async fn run(
    client: async_nats::Client,
    root: &Root,
    demo: Demo,
    live: Option<Duration>,
    stop: CancellationToken,
) -> Result<Feed, Error> {
    let log = jetstream::new(client);
    let mut simulation = begin(&log, root, demo).await?;
    let mut feed = Feed::default();
    info!(rate = demo.rate, seed = demo.seed, from = %start_of(simulation.position()), "simulator started");
    let mut end = None;
    while !stop.is_cancelled() && end.is_none_or(|end| clock::monotonic() < end) {
        let behind = tick_of(clock::now()) - simulation.position();
        if behind <= 0 {
            end = end.or(live.map(|live| clock::monotonic() + live));
            let pause = start_of(simulation.position() + 1) - clock::now();
            let pause = Duration::from_micros(pause.micros().max(0).cast_unsigned());
            // Both are cancel-safe: neither holds anything.
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
            continue;
        }
        let first = simulation.position();
        let records: Vec<Record> = (0..behind.min(TICKS_AT_ONCE)).flat_map(|_| simulation.tell()).collect();
        store(&log, frames(root, demo.seed, first, &records), &mut feed, &stop).await;
    }
    Ok(feed)
}

/// The story from where the log ends: on a fresh one an hour ago, else after our newest record, at most an hour ago.
async fn begin(log: &jetstream::Context, root: &Root, demo: Demo) -> Result<Simulation, Error> {
    let oldest = tick_of(clock::now() - HISTORY);
    match newest(log, root).await? {
        Some(newest) => Ok(Simulation::resume(demo.seed, demo.rate, (tick_of(newest) + 1).max(oldest))),
        None => Ok(Simulation::new(demo.seed, demo.rate, oldest)),
    }
}

/// The time of our newest prediction in the log.
async fn newest(log: &jetstream::Context, root: &Root) -> Result<Option<Timestamp>, Error> {
    let mut newest = None;
    for model in ["fraud", "churn", "sales_forecast", "ctr"] {
        let subject = root.input(Kind::Prediction, &slug(model));
        let name = log.stream_by_subject(&subject).await.map_err(|_| Error::NoStream { subject: subject.clone() })?;
        let stream = log.get_stream_no_info(name).await.map_err(|error| Error::Position(error.into()))?;
        match stream.get_last_raw_message_by_subject(&subject).await {
            Ok(message) => newest = newest.max(last_at(&message.payload)),
            Err(error) if error.kind() == stream::LastRawMessageErrorKind::NoMessageFound => {}
            Err(error) => return Err(Error::Position(error.into())),
        }
    }
    Ok(newest)
}

/// The time of the last record of one of our frames. `None` if it is not ours.
fn last_at(payload: &[u8]) -> Option<Timestamp> {
    let frame: Vec<Value> = serde_json::from_slice(payload).ok()?;
    Timestamp::parse_rfc3339(frame.last()?.get("at")?.as_str()?)
}

/// Groups records into messages: predictions before labels before samples, each source on its own, in the order of time.
fn frames(root: &Root, seed: u64, first: Tick, records: &[Record]) -> Vec<Frame> {
    let mut groups: BTreeMap<(Kind, &str), Vec<&Value>> = BTreeMap::new();
    for record in records {
        groups.entry((record.kind, record.source)).or_default().push(&record.body);
    }
    let mut frames = Vec::new();
    for ((kind, source), bodies) in groups {
        let subject = root.input(kind, &slug(source));
        for (index, bodies) in bodies.chunks(FRAME_RECORDS_MAX).enumerate() {
            let payload = serde_json::to_vec(bodies).expect("JSON values serialise").into();
            let id = format!("demo-{seed}-{first:x}-{}-{source}-{index}", kind.as_str());
            frames.push(Frame { subject: subject.clone(), id, payload, records: bodies.len() as u64 });
        }
    }
    frames
}

/// Stores every frame, however long it takes, or until `stop`.
async fn store(log: &jetstream::Context, frames: Vec<Frame>, feed: &mut Feed, stop: &CancellationToken) {
    let mut left = frames;
    loop {
        // `buffered` sends in order and waits for the acknowledgements together.
        let sending: Vec<_> = left.iter().map(|frame| publish(log, frame)).collect();
        let sent: Vec<_> = futures::iter(sending).buffered(IN_FLIGHT_MAX).collect().await;
        let mut failed = Vec::new();
        for (frame, outcome) in left.into_iter().zip(sent) {
            match outcome {
                Ok(seq) => {
                    feed.records += frame.records;
                    feed.messages += 1;
                    feed.last_seq = feed.last_seq.max(seq);
                }
                Err(error) => failed.push((frame, error)),
            }
        }
        let Some((_, error)) = failed.first() else { return };
        warn!(frames = failed.len(), %error, "the simulator's records are not stored; trying again");
        left = failed.into_iter().map(|(frame, _)| frame).collect();
        // Both are cancel-safe: neither holds anything.
        tokio::select! {
            () = tokio::time::sleep(RETRY_PAUSE) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Sends one frame and waits for its acknowledgement; answers its sequence, or why there is none.
async fn publish(log: &jetstream::Context, frame: &Frame) -> Result<u64, String> {
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Msg-Id", frame.id.as_str());
    headers.insert("Content-Type", "application/json");
    let stored = async {
        let ack =
            log.publish_with_headers(frame.subject.clone(), headers, frame.payload.clone()).await.map_err(|e| e.to_string())?;
        ack.await.map(|ack| ack.sequence).map_err(|error| error.to_string())
    };
    tokio::time::timeout(ACK_TIMEOUT, stored)
        .await
        .unwrap_or_else(|_| Err(format!("no acknowledgement within {ACK_TIMEOUT:?}")))
}

fn slug(source: &str) -> Slug {
    Slug::try_from(source).expect("the names of the simulation are slugs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_keep_the_order_of_time_and_put_predictions_before_their_labels() {
        let first = 1_767_225_600 * 4;
        let mut simulation = Simulation::new(1, 200.0, first);
        let records: Vec<_> = (0..TICKS_AT_ONCE).flat_map(|_| simulation.tell()).collect();
        let root = Root::new(slug("tw"));
        let frames = frames(&root, 1, first, &records);
        assert_eq!(frames.iter().map(|frame| frame.records).sum::<u64>(), records.len() as u64);
        let kinds: Vec<_> = frames.iter().map(|frame| root.parse_input(&frame.subject).unwrap().0).collect();
        assert!(kinds.is_sorted(), "{kinds:?}");
        for frame in &frames {
            let bodies: Vec<Value> = serde_json::from_slice(&frame.payload).unwrap();
            let times: Vec<_> =
                bodies.iter().map(|body| body["at"].as_str().and_then(Timestamp::parse_rfc3339).unwrap()).collect();
            assert!(times.is_sorted(), "{}", frame.subject);
            assert_eq!(last_at(&frame.payload), times.last().copied());
        }
    }
}
