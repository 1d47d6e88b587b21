use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};
use tidewatch::nats::ingest::{self, IngestError, RawMessage};
use tidewatch::nats::{Door, LogChanged, Mark, Nats, Publication, RawBatch, Role, Saved};
use tidewatch::time::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{connected, house, make_stream, numbered, until};
use crate::nats_server::NatsServer;

/// The ingest at work, and what it has delivered.
struct Reading {
    inbox: mpsc::Receiver<RawBatch>,
    task: JoinHandle<Result<(), IngestError>>,
    stop: CancellationToken,
    delivered: Vec<RawMessage>,
    skipped: u64,
}

impl Reading {
    fn start(nats: &Nats, position: Option<Saved>) -> Self {
        let (outbox, inbox) = mpsc::channel(4);
        let stop = CancellationToken::new();
        let task = tokio::spawn(ingest::run(nats.clone(), position, outbox, stop.clone()));
        Self { inbox, task, stop, delivered: Vec::new(), skipped: 0 }
    }

    async fn until_seq(&mut self, seq: u64, patience: Duration) {
        let deadline = Instant::now() + patience;
        while self.last_seq() < seq {
            let batch = timeout(deadline - Instant::now(), self.inbox.recv()).await;
            let last = self.last_seq();
            let Ok(Some(batch)) = batch else { panic!("stuck at {last} on the way to {seq}: {batch:?}") };
            assert_eq!(batch.bytes, batch.messages.iter().map(|message| message.payload.len()).sum::<usize>());
            assert!(!batch.messages.is_empty() && batch.messages.len() <= ingest::BATCH_MESSAGES_MAX);
            self.skipped += batch.skipped;
            self.delivered.extend(batch.messages);
        }
    }

    fn last_seq(&self) -> u64 {
        self.delivered.last().map_or(0, |message| message.seq)
    }

    fn sequences(&self) -> Vec<u64> {
        self.delivered.iter().map(|message| message.seq).collect()
    }

    async fn stopped(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    async fn failed(mut self) -> IngestError {
        while timeout(Duration::from_secs(30), self.inbox.recv()).await.expect("it ends").is_some() {}
        self.task.await.unwrap().unwrap_err()
    }
}

const SOON: Duration = Duration::from_secs(10);

/// A stream that may be purged and whose messages may be deleted.
async fn loose_stream(nats: &Nats) {
    make_stream(
        nats,
        json!({"name": "TW_INPUT", "subjects": ["tw.in.>"], "retention": "limits", "storage": "file", "discard": "new", "num_replicas": 1}),
    )
    .await;
}

async fn api(nats: &Nats, verb: &str, request: Value) {
    let answer: Value = nats.jetstream().request(format!("{verb}.TW_INPUT"), &request).await.unwrap();
    assert_eq!(answer["success"], json!(true), "{answer}");
}

/// What a store that has applied everything up to `seq` would remember.
async fn saved(nats: &Nats, seq: u64) -> Saved {
    let status = nats.status(Role::Input).await.unwrap();
    let anchor = Mark { seq: seq - 1, fingerprint: 7 };
    let fingerprint = nats.get_message(Role::Input, seq).await.unwrap().unwrap().fingerprint(anchor.fingerprint);
    Saved { created: status.created, first_seq: status.first_seq, last: Mark { seq, fingerprint }, anchor }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_50000_messages_comes_once_and_in_order_while_the_server_is_killed_three_times() {
    const COUNT: u64 = 50_000;
    let (mut server, nats) = house().await;
    let publisher = tokio::spawn({
        let nats = connected(&server.url()).await;
        async move {
            let door = Door::new(&nats);
            for start in (0..COUNT).step_by(500) {
                // Retried under the same ids, so that the stream holds each number once.
                let chunk: Vec<_> = (start..start + 500).map(numbered).collect();
                let deadline = Instant::now() + 6 * SOON;
                while let Err(error) = door.publish_all(chunk.clone()).await {
                    assert!(error.is_retryable() && Instant::now() < deadline, "{error}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    });
    let mut reading = Reading::start(&nats, None);
    for kill_at in [5_000, 20_000, 35_000] {
        reading.until_seq(kill_at, 6 * SOON).await;
        server.kill();
        server.restart();
        let (seq, restarted) = (reading.last_seq(), Instant::now());
        // What was on its way when the server died is not progress.
        reading.until_seq(seq + 3_000, SOON).await;
        println!("3,000 messages further {:?} after the restart", restarted.elapsed());
    }
    reading.until_seq(COUNT, 6 * SOON).await;
    publisher.await.unwrap();
    assert_eq!(nats.status(Role::Input).await.unwrap().last_seq, COUNT);
    assert_eq!(reading.sequences(), (1..=COUNT).collect::<Vec<_>>());
    let mut numbers: Vec<u64> =
        reading.delivered.iter().map(|message| std::str::from_utf8(&message.payload).unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..COUNT).collect::<Vec<_>>());
    assert_eq!(reading.skipped, 0);
    reading.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_reader_goes_on_within_ten_seconds_of_a_killed_server_and_repeats_nothing() {
    let (mut server, nats) = house().await;
    let door = Door::new(&nats);
    door.publish_all((0..100).map(numbered)).await.unwrap();
    let mut reading = Reading::start(&nats, None);
    reading.until_seq(100, SOON).await;
    for round in 0..2 {
        server.kill();
        server.restart();
        let restarted = Instant::now();
        let number = 100 + round;
        until("the door is open again", 10, async || door.publish_all([numbered(number)]).await.ok()).await;
        reading.until_seq(number + 1, SOON.saturating_sub(restarted.elapsed())).await;
        println!("idle reader: first message {:?} after the restart", restarted.elapsed());
    }
    assert_eq!(reading.sequences(), (1..=102).collect::<Vec<_>>());
    reading.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_costs_no_message_and_doubles_none() {
    let (server, nats) = house().await;
    let door = Door::new(&nats);
    door.publish_all((0..10).map(numbered)).await.unwrap();
    let mut reading = Reading::start(&nats, None);
    reading.until_seq(10, SOON).await;
    server.freeze();
    assert!(door.publish_all([numbered(10)]).await.is_err(), "by then the reader has missed its heartbeats too");
    server.thaw();
    until("the door is open again", 15, async || door.publish_all((10..20).map(numbered)).await.ok()).await;
    reading.until_seq(20, SOON).await;
    assert_eq!(reading.sequences(), (1..=20).collect::<Vec<_>>());
    reading.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_goes_on_after_the_saved_position_and_waits_for_a_slow_reader() {
    let (_server, nats) = house().await;
    Door::new(&nats).publish_all((0..20_000).map(numbered)).await.unwrap();
    let position = saved(&nats, 41).await;
    let mut reading = Reading::start(&nats, Some(position));
    // A full inbox: at most what it holds and one batch are out of the stream.
    until("the inbox is full", 10, async || (reading.inbox.len() == 4).then_some(())).await;
    reading.until_seq(20_000, SOON).await;
    assert_eq!(reading.sequences(), (42..=20_000).collect::<Vec<_>>());
    let message = &reading.delivered[0];
    let stored = nats.get_message(Role::Input, 42).await.unwrap().unwrap();
    assert_eq!((message.stored_at, message.fingerprint(7)), (stored.stored_at, stored.fingerprint(7)));
    assert_eq!((message.subject.as_str(), message.header("Nats-Msg-Id")), ("tw.in.prediction.test", Some("m-41")));
    reading.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_writes_a_status_into_its_headers_is_read_like_any_other() {
    let (server, nats) = house().await;
    let mut socket = std::net::TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    // what the server says of requests for messages, and nothing that a client library would send
    let statuses = ["100 Idle Heartbeat", "404 No Messages", "408 Request Timeout", "409 Consumer Deleted", "503"];
    let mut said = "CONNECT {\"verbose\":false,\"headers\":true}\r\n".to_owned();
    for status in statuses {
        let headers = format!("NATS/1.0 {status}\r\n\r\n");
        let (length, subject) = (headers.len(), "tw.in.prediction.test");
        said.push_str(&format!("HPUB {subject} {length} {}\r\n{headers}{{}}\r\n", length + 2));
    }
    socket.write_all(said.as_bytes()).unwrap();
    let stored = async || (nats.status(Role::Input).await.unwrap().last_seq == statuses.len() as u64).then_some(());
    until("the messages are stored", 10, stored).await;
    let mut reading = Reading::start(&nats, None);
    reading.until_seq(statuses.len() as u64, SOON).await;
    assert_eq!(reading.sequences(), (1..=statuses.len() as u64).collect::<Vec<_>>());
    reading.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_end_at_any_byte_leave_nothing_unasked_for() {
    let (_server, nats) = house().await;
    let door = Door::new(&nats);
    // from a few bytes, of which a request holds tens of thousands, to half a request; powers of two end requests at their last byte
    let size = |number: u64| if number.is_multiple_of(997) { 1 << 20 } else { 1 << (number % 13) };
    let messages = (0..12_000).map(|number| Publication { payload: vec![b'x'; size(number)].into(), ..numbered(number) });
    door.publish_all(messages).await.unwrap();
    let mut reading = Reading::start(&nats, None);
    reading.until_seq(12_000, 3 * SOON).await;
    assert_eq!(reading.sequences(), (1..=12_000).collect::<Vec<_>>());
    // one that is silent is made anew, and the server remembers the one before for half a minute
    let info: Value = nats.jetstream().request("STREAM.INFO.TW_INPUT", &json!({})).await.unwrap();
    assert_eq!(info["state"]["consumer_count"], json!(1), "{info}");
    reading.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_the_stream_says_were_deleted_are_counted_and_passed_over() {
    let server = NatsServer::start();
    let nats = connected(&server.url()).await;
    loose_stream(&nats).await;
    Door::new(&nats).publish_all((0..10).map(numbered)).await.unwrap();
    for seq in [4, 5, 8] {
        api(&nats, "STREAM.MSG.DELETE", json!({"seq": seq})).await;
    }
    let mut reading = Reading::start(&nats, None);
    reading.until_seq(10, SOON).await;
    assert_eq!(reading.sequences(), [1, 2, 3, 6, 7, 9, 10]);
    assert_eq!(reading.skipped, 3);
    reading.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_beginning_overtook_the_position_is_an_error_and_not_a_skip() {
    let server = NatsServer::start();
    let nats = connected(&server.url()).await;
    loose_stream(&nats).await;
    Door::new(&nats).publish_all((0..10).map(numbered)).await.unwrap();
    let position = saved(&nats, 3).await;
    api(&nats, "STREAM.PURGE", json!({"seq": 7})).await;
    let error = Reading::start(&nats, Some(position)).failed().await;
    assert!(matches!(error, IngestError::LogChanged(LogChanged::Gap { first: 7, applied: 3 })), "{error}");

    let mut fresh = Reading::start(&nats, None);
    fresh.until_seq(10, SOON).await;
    assert_eq!(
        (fresh.sequences(), fresh.skipped),
        (vec![7, 8, 9, 10], 6),
        "a store that has nothing begins where the log does"
    );
    fresh.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_log_than_the_one_applied_is_an_error() {
    let (_server, nats) = house().await;
    Door::new(&nats).publish_all((0..10).map(numbered)).await.unwrap();
    let position = saved(&nats, 5).await;
    let reading = |position| Reading::start(&nats, Some(position)).failed();

    let error = reading(Saved { last: Mark { seq: 11, fingerprint: 1 }, ..position }).await;
    assert!(matches!(error, IngestError::LogChanged(LogChanged::AheadOfStream { applied: 11, last: 10 })), "{error}");
    let error = reading(Saved { last: Mark { fingerprint: position.last.fingerprint ^ 1, ..position.last }, ..position }).await;
    assert!(matches!(error, IngestError::LogChanged(LogChanged::Differs { seq: 5 })), "{error}");
    // the message itself is the same, but not what was before it
    let error = reading(Saved { anchor: Mark { seq: 4, fingerprint: 8 }, ..position }).await;
    assert!(matches!(error, IngestError::LogChanged(LogChanged::Differs { seq: 5 })), "{error}");
    let error = reading(Saved { created: Timestamp::from_micros(1), ..position }).await;
    assert!(matches!(error, IngestError::LogChanged(LogChanged::Recreated { applied: 5, last: 10, .. })), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_deleted_and_made_again_while_reading_stops_the_reader() {
    let server = NatsServer::start();
    let nats = connected(&server.url()).await;
    loose_stream(&nats).await;
    let door = Door::new(&nats);
    door.publish_all((0..10).map(numbered)).await.unwrap();
    let mut reading = Reading::start(&nats, None);
    reading.until_seq(10, SOON).await;
    api(&nats, "STREAM.DELETE", json!({})).await;
    loose_stream(&nats).await;
    door.publish_all((100..120).map(numbered)).await.unwrap();
    let error = reading.failed().await;
    assert!(matches!(error, IngestError::LogChanged(LogChanged::Recreated { applied: 10, .. })), "{error}");
}
