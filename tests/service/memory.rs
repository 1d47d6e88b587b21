//! Whatever is sent, memory stays under a ceiling, and what is known already goes on being counted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::house::{House, PATIENCE, Plan};
use crate::nats_server::NatsServer;
use crate::publisher::{Publisher, frames};
use serde_json::{Value, json};
use tidewatch::event::wire::SEGMENTS_MAX;
use tidewatch::monitor::limits::MODELS_MAX;

/// 2026-01-01T00:00:00Z in milliseconds.
const START_MS: i64 = 1_767_225_600_000;

const PREDICTION: &str = "tw.in.prediction.hostile";

/// Most resident memory under any of this; kibibytes. The flood of models takes about 300 MiB.
const PEAK_KIB_MAX: u64 = 512 << 10;

/// Prediction `number` of a model that is always there, to see that it goes on being counted.
fn neighbour(number: i64) -> Value {
    json!({ "model": "neighbour", "prediction_id": format!("n{number}"), "prediction": "a", "at": START_MS + number })
}

/// Peak resident memory of a process in kibibytes, as Linux counts it.
fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Waits until the message at `seq` is applied, and gives the peak of resident memory.
async fn peak_after(house: &House, seq: u64) -> u64 {
    let deadline = Instant::now() + PATIENCE;
    while house.get("/api/v1/health").await.and_then(|health| health["position"].as_u64()) < Some(seq) {
        assert!(Instant::now() < deadline, "sequence {seq} is not applied");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let peak = peak_kib(house.pid());
    println!("peak resident memory {} MiB", peak >> 10);
    peak
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_model_names_is_bounded_and_known_models_go_on() {
    const FLOOD: usize = 100_000;
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let house = Plan::on(&server.url(), data.path()).open();
    let publisher = Publisher::to(&server.url()).await;
    publisher.send(PREDICTION, neighbour(0).to_string()).await;

    let flood: Vec<Value> = (0..FLOOD)
        .map(|i| json!({ "model": format!("flood-{i}"), "prediction_id": "p", "prediction": "a", "at": START_MS }))
        .collect();
    for (number, part) in (1..).zip(flood.chunks(FLOOD / 10)) {
        publisher.send_all(frames("prediction", part, 1_000)).await;
        publisher.send(PREDICTION, neighbour(number).to_string()).await;
    }
    let last = publisher.send(PREDICTION, neighbour(11).to_string()).await;
    let peak = peak_after(&house, last).await;
    assert!(peak < PEAK_KIB_MAX, "{peak} KiB");

    let state = house.get("/api/v1/state").await.unwrap();
    let counted =
        ["applied", "rejected", "duplicates", "too_late", "ignored"].map(|name| state["counts"][name].as_u64().unwrap());
    assert_eq!(counted.iter().sum::<u64>(), FLOOD as u64 + 12, "{}", state["counts"]);
    assert_eq!(state["models"].as_object().unwrap().len(), MODELS_MAX);
    assert_eq!(state["models"]["neighbour"]["predictions"], 12);
    let refused = house.get("/api/v1/rejected?limit=1").await.unwrap();
    assert_eq!(refused["counts"], json!({ "prediction": { "too_many_models": FLOOD - (MODELS_MAX - 1) } }));
    let metrics = house.text("/api/v1/metrics").await.unwrap();
    let counter = format!("tidewatch_rejected_records_total {}", FLOOD - (MODELS_MAX - 1));
    assert!(metrics.lines().any(|line| line == counter), "{metrics}");
    assert_eq!(house.get("/api/v1/models/flood-0").await.unwrap()["predictions"], 1);
    assert!(house.get(&format!("/api/v1/models/flood-{}", FLOOD - 1)).await.is_none());
    let found = house.finding_when("model_names", "There is no room for another name").await;
    let text = found["text"].as_str().unwrap();
    assert!(text.starts_with("producer tests: made ") && text.contains("`tidewatch forget model` makes room"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_as_large_as_they_may_be_are_kept_within_the_ceiling() {
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let house = Plan::on(&server.url(), data.path()).open();
    let publisher = Publisher::to(&server.url()).await;
    // control characters take six times as much in JSON
    let record = BTreeMap::from([("message", "m".to_owned()), ("context", "\u{1}".repeat(1_000_000))]);
    let record = rmp_serde::to_vec_named(&record).unwrap();
    let last = publisher.send_all((0..200).map(|_| ("tw.in.log.hostile".to_owned(), record.clone()))).await;
    let peak = peak_after(&house, last).await;
    assert!(peak < PEAK_KIB_MAX, "{peak} KiB after 200 log records of 1 MB");
    house.text("/api/v1/sources/hostile/records?kind=log&limit=1000").await.unwrap();
    let peak = peak_kib(house.pid());
    assert!(peak < PEAK_KIB_MAX, "{peak} KiB after one page of 200 log records of 1 MB");
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_as_large_as_they_may_be_are_kept_within_the_ceiling() {
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let house = Plan::on(&server.url(), data.path()).open();
    let publisher = Publisher::to(&server.url()).await;
    let prediction = |number: u64| {
        let segment = (0..SEGMENTS_MAX)
            .map(|entry| (format!("{entry}-{}", "n".repeat(245)), json!(format!("{number}-{}", "v".repeat(245)))));
        let segment: serde_json::Map<_, _> = segment.collect();
        json!({ "model": "m", "prediction": 1, "segment": segment, "at": START_MS }).to_string().into_bytes()
    };
    let last = publisher.send_all((0..1_200).map(|number| (PREDICTION.to_owned(), prediction(number)))).await;
    let peak = peak_after(&house, last).await;
    assert!(peak < PEAK_KIB_MAX, "{peak} KiB after 1,200 predictions with as many segments as they may have");
}
