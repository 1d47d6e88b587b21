//! Every acknowledged record is counted exactly once, whatever is killed and when; and a replay of the log gives the same bytes. Meanwhile
//! snapshots are taken, the beginning of the log is cut off, and sometimes the store is lost.
//!
//! `TIDEWATCH_KILLS` sets how often the process is killed at random (200 by default), `TIDEWATCH_SEED` what happens when.

use crate::recorded;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::audit::assert_counted_once_in;
use crate::house::{House, PATIENCE, Plan};
use crate::nats_server::NatsServer;
use crate::workload::{Random, Record, records, with_late_data_and_commands};
use async_nats::jetstream::{self, stream};
use serde_json::Value;
use tidewatch::event::Message;
use tidewatch::nats::Saved;
use tidewatch::processor::{Batch, Projection};
use tidewatch::store::{Options, Store};

/// Points that a process passes once, if at all.
const SELDOM: [&str; 3] = ["snapshot.", "trim.", "shutdown."];

/// A mirror of the input stream that keeps what is cut off there, with sequences and times.
const COPY: &str = "COPY";

/// Snapshots at each look, and a log that is cut as soon as the mirror must have what goes: it tries again ten seconds after its server came back.
const ARGS: [&str; 8] =
    ["--no-demo", "--no-agent", "--snapshot-interval", "1s", "--log-retention", "30s", "--training-history", "1ms"];

fn number_from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// How far publishing and killing have come, so that each keeps pace with the other.
#[derive(Default)]
struct Progress {
    published: AtomicUsize,
    killed: AtomicUsize,
}

/// Publishes records one after another, again under the same message id until acknowledged, some of them in frames; no faster than
/// the killing, which ends with `kills`.
async fn publish(url: &str, records: &[Record], random: &mut Random, progress: &Progress, kills: usize) {
    let client = async_nats::ConnectOptions::new().retry_on_initial_connect().connect(url).await.unwrap();
    let stream = jetstream::new(client);
    let mut rest = records;
    let mut id = random.next();
    while let Some(first) = rest.first() {
        let alike = rest.iter().take_while(|record| record.kind == first.kind).count();
        let take = if random.one_in(4) { alike.min(1 + random.below(20) as usize) } else { 1 };
        let (now, later) = rest.split_at(take);
        let payload = match now {
            [one] => one.body.to_string(),
            many => Value::Array(many.iter().map(|record| record.body.clone()).collect()).to_string(),
        };
        id = id.wrapping_add(1);
        loop {
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("Nats-Msg-Id", id.to_string());
            let subject = format!("tw.in.{}.tests", first.kind);
            let sent = stream.publish_with_headers(subject, headers, payload.clone().into()).await;
            if let Ok(ack) = sent
                && let Ok(Ok(_)) = tokio::time::timeout(Duration::from_secs(2), ack).await
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let published = progress.published.fetch_add(take, Ordering::Relaxed) + take;
        rest = later;
        while (progress.killed.load(Ordering::Relaxed) + 1) * records.len() < published * kills {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Counts and windows against the offline recomputation; gives the export that no later tick changes.
async fn check(house: &House, url: &str) -> String {
    mirrored(url).await;
    assert_counted_once_in(house, url, COPY).await;
    house.quiet().await
}

async fn mirror(url: &str) {
    let mirror = stream::Source { name: "TW_INPUT".into(), ..stream::Source::default() };
    let config = stream::Config { name: COPY.into(), mirror: Some(mirror), ..stream::Config::default() };
    jetstream::new(async_nats::connect(url).await.unwrap()).create_stream(config).await.unwrap();
}

/// Waits until the mirror holds everything up to now; gives where the input stream begins.
async fn mirrored(url: &str) -> u64 {
    let streams = jetstream::new(async_nats::connect(url).await.unwrap());
    let state = async |name| streams.get_stream(name).await.unwrap().cached_info().state.clone();
    let input = state("TW_INPUT").await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let copy = state(COPY).await;
        if input.last_sequence <= copy.last_sequence {
            assert_eq!(copy.messages, copy.last_sequence, "the mirror has missed nothing");
            return input.first_sequence;
        }
        assert!(Instant::now() < deadline, "the mirror stands at {} of {}", copy.last_sequence, input.last_sequence);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_counts_once_whatever_is_killed() {
    let (seed, kills) = (number_from_env("TIDEWATCH_SEED", 20_261_121), number_from_env("TIDEWATCH_KILLS", 200));
    println!("TIDEWATCH_SEED={seed} TIDEWATCH_KILLS={kills}");
    let mut random = Random(seed);
    let server = Arc::new(Mutex::new(NatsServer::start()));
    let url = server.lock().unwrap().url();
    let data = tempfile::tempdir().unwrap();
    let plan = Plan::on(&url, data.path()).with_args(&ARGS);
    plan.open().kill();
    mirror(&url).await;

    let history = with_late_data_and_commands(seed, records(seed, 60 * kills as usize));
    let (progress, total) = (Arc::new(Progress::default()), history.len());
    let publisher = tokio::spawn({
        let (url, progress, mut random) = (url.clone(), Arc::clone(&progress), Random(seed ^ 1));
        async move { publish(&url, &history, &mut random, &progress, kills as usize).await }
    });

    let points = failpoints();
    let (mut by_itself, mut stores_lost) = (0, 0);
    for _ in 0..kills {
        progress.killed.fetch_add(1, Ordering::Relaxed);
        if random.one_in(40) {
            server.lock().unwrap().kill();
            tokio::time::sleep(Duration::from_millis(random.below(300))).await;
            server.lock().unwrap().restart();
        }
        // half of the time at a named point, else whenever it comes
        let at_point = random.one_in(2);
        let point = &points[random.below(points.len() as u64) as usize];
        // the commits of this test are too small to land in pieces by themselves
        let pieces = if random.one_in(2) { "store::small_pieces=return;" } else { "" };
        let plan = match at_point {
            // passed once in a life
            true if SELDOM.iter().any(|seldom| point.starts_with(seldom)) => plan.clone().failing(&format!("{point}=abort")),
            true => plan.clone().failing(&format!("{pieces}{point}={}*off->abort", random.below(4))),
            false => plan.clone(),
        };
        if random.one_in(20) || at_point && point == "snapshot.restored" {
            stores_lost += u64::from(std::fs::remove_dir_all(data.path().join("store")).is_ok());
        }
        let Some(mut house) = plan.try_open() else {
            by_itself += 1;
            continue;
        };
        let until = Instant::now() + Duration::from_millis(random.below(if at_point { 1_500 } else { 300 }));
        while Instant::now() < until && house.is_alive() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        match house.is_alive() {
            false => by_itself += 1,
            // a stop in order has points of its own
            true if random.one_in(4) => by_itself += u64::from(!house.stop().success()),
            true => house.kill(),
        }
    }
    println!("{by_itself} of {kills} at a named point, {stores_lost} stores lost");
    assert!(kills / 8 <= by_itself, "the named points were hardly reached");
    let house = plan.open();
    publisher.await.unwrap();
    assert_eq!(progress.published.load(Ordering::Relaxed), total);
    let export = check(&house, &url).await;
    let state = house.get("/api/v1/state").await.unwrap();
    assert!(house.stop().success());

    // the snapshots and the rest of the log into an empty store
    println!("the log begins at {}", mirrored(&url).await);
    let fresh = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-a").arg(data.path().join("snapshots")).arg(fresh.path()).status().unwrap();
    assert!(copied.success());
    let replayed = Plan::on(&url, fresh.path()).open();
    replayed.applied(state["position"].as_u64().unwrap()).await;
    assert_eq!(replayed.text("/api/v1/export").await.unwrap(), export);
    assert!(replayed.stop().success());

    // and the whole log up to exactly the position where each process stopped, which ticks have moved apart
    mirrored(&url).await;
    let log = recorded::input_in(&url, COPY).await;
    for data in [data.path(), fresh.path()] {
        let (position, digest) = stands(&data.join("store"));
        assert!(state["position"].as_u64().unwrap() <= position);
        assert_eq!(digest_of(&log[..position as usize]), digest, "at sequence {position}");
    }
}

/// Position and digest of the store that a process has left.
fn stands(store: &Path) -> (u64, String) {
    let opened = Store::open(store, Options::default()).unwrap();
    assert_eq!(opened.quarantined, None);
    let projection = Projection::load(opened.store, 0).unwrap();
    (projection.view().position, projection.view().digest_hex())
}

/// The digest of an undisturbed replay of these messages.
fn digest_of(log: &[Message]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store"), Options::default()).unwrap().store;
    let mut projection = Projection::load(store, 1).unwrap();
    for messages in log.chunks(500) {
        projection.apply(&Batch::new(messages.to_vec(), Saved::default()));
        projection.commit().unwrap();
    }
    assert_eq!(projection.view().position, log.len() as u64);
    projection.view().digest_hex()
}

fn failpoints() -> Vec<String> {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_tidewatch")).args(["failpoints", "--json"]).output().unwrap();
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let points = listed.as_array().or_else(|| listed["failpoints"].as_array()).unwrap();
    let names = points.iter().filter_map(|point| point.as_str().or_else(|| point["name"].as_str()));
    // a rebuild is not what `up` does
    names.filter(|name| !name.starts_with("rebuild")).map(str::to_owned).collect()
}
