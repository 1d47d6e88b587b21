//! The beginning of the log is cut off, and nothing that is needed goes with it.

use std::path::Path;
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, stream::Config};
use serde_json::Value;

use super::publish;
use super::snapshots::{answer, take, tidewatch_create};
use crate::house::{House, PATIENCE, Plan, log_tail};
use crate::nats_server::NatsServer;
use crate::workload::records;

/// Everything may go that two snapshots cover.
const ARGS: [&str; 6] = ["--no-demo", "--no-agent", "--log-retention", "1ms", "--training-history", "1ms"];

async fn first_seq(url: &str) -> u64 {
    let context = jetstream::new(async_nats::connect(url).await.unwrap());
    context.get_stream("TW_INPUT").await.unwrap().cached_info().state.first_sequence
}

/// The first sequence that a snapshot needs of the log.
fn needed(data: &Path, taken: &Value) -> u64 {
    let file = data.join(format!("snapshots/manifests/{}.json", taken["id"].as_str().unwrap()));
    let manifest: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    manifest["log"]["anchor_seq"].as_u64().unwrap() + 1
}

async fn begins_at(url: &str, data: &Path, wanted: u64) {
    let deadline = Instant::now() + PATIENCE;
    while first_seq(url).await != wanted {
        assert!(Instant::now() < deadline, "it begins at {} and not at {wanted}: {}", first_seq(url).await, log_tail(data));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn fill(url: &str, house: &House, seed: u64) {
    house.applied(publish(url, &records(seed, 60)).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_cut_up_to_the_older_of_two_snapshots_and_all_goes_on_from_there() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let plan = Plan::on(&url, data.path()).with_args(&ARGS);
    let house = plan.open();
    fill(&url, &house, 91).await;
    let first = take(&house).await;
    fill(&url, &house, 92).await;
    assert_eq!(first_seq(&url).await, 1, "one snapshot is not enough");
    take(&house).await;
    begins_at(&url, data.path(), needed(data.path(), &first)).await;
    assert!(0.0 < house.metric("tidewatch_log_cut_messages_total").await.unwrap());
    assert_eq!(house.metric("tidewatch_log_lost_messages_total").await, Some(0.0), "a cut is no loss");

    // a restart, and a start without the store, go on
    fill(&url, &house, 93).await;
    let before = house.quiet().await;
    assert!(house.stop().success());
    let house = plan.open();
    assert_eq!(house.quiet().await, before);
    assert!(house.stop().success());
    std::fs::remove_dir_all(data.path().join("store")).unwrap();
    let house = plan.open();
    assert_eq!(house.quiet().await, before);
    assert!(house.stop().success());
    let rebuilt = answer(data.path(), &["rebuild", "--yes", "--nats-url", &url]);
    assert_eq!(rebuilt["missing"], 0, "{rebuilt}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_before_or_after_a_cut_is_not_taken_for_a_loss() {
    for point in ["trim.announced", "trim.done"] {
        let server = NatsServer::start();
        let (url, data) = (server.url(), tempfile::tempdir().unwrap());
        let plan = Plan::on(&url, data.path()).with_args(&ARGS);
        let house = plan.open();
        fill(&url, &house, 94).await;
        let first = take(&house).await;
        fill(&url, &house, 95).await;
        let before = house.quiet().await;
        assert!(house.stop().success());
        let mut house = plan.clone().failing(&format!("{point}=abort")).open();
        house.ready_when("ready", |status, _| status == 200).await;
        // the answer may come before the process is killed, or not
        tidewatch_create(data.path());
        assert_eq!(house.wait().code(), None, "killed at {point}");
        let house = plan.open();
        assert_eq!(house.quiet().await, before, "{point}");
        take(&house).await;
        begins_at_least(&url, needed(data.path(), &first)).await;
    }
}

async fn begins_at_least(url: &str, wanted: u64) {
    let deadline = Instant::now() + PATIENCE;
    while first_seq(url).await < wanted {
        assert!(Instant::now() < deadline, "it is not cut");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_stops_the_cutting_and_so_does_a_stream_that_denies_it() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let context = jetstream::new(async_nats::connect(&url).await.unwrap());
    // as an earlier release made it
    let config = Config {
        name: "TW_INPUT".into(),
        subjects: vec!["tw.in.>".into()],
        discard: jetstream::stream::DiscardPolicy::New,
        deny_delete: true,
        deny_purge: true,
        duplicate_window: Duration::from_secs(30),
        ..Config::default()
    };
    context.create_stream(config).await.unwrap();
    let plan = Plan::on(&url, data.path()).with_args(&ARGS);
    let house = plan.open();
    fill(&url, &house, 96).await;
    take(&house).await;
    take(&house).await;
    condition_when(&house, "deny_purge").await;
    assert_eq!(first_seq(&url).await, 1);
    let streams = house.get("/api/v1/streams").await.unwrap();
    assert!(streams["items"][0]["differences"].to_string().contains("deny_purge"), "the difference is shown: {streams}");
    let state = house.quiet().await;
    assert!(house.stop().success());

    // brought over: backup, delete, restore
    let backup = tempfile::tempdir().unwrap();
    let dir = backup.path().join("b");
    answer(data.path(), &["backup", dir.to_str().unwrap(), "--nats-url", &url]);
    context.delete_stream("TW_INPUT").await.unwrap();
    let fresh = tempfile::tempdir().unwrap();
    let restored = answer(fresh.path(), &["restore", dir.to_str().unwrap(), "--nats-url", &url]);
    assert_eq!(restored["stream_changes"][0]["field"], "deny_purge", "{restored}");
    let plan = Plan::on(&url, fresh.path()).with_args(&ARGS);
    let house = plan.open();
    assert_eq!(house.quiet().await, state);
    // with one snapshot nothing is cut, however quickly
    std::fs::remove_dir_all(fresh.path().join("snapshots/manifests")).unwrap();
    take(&house).await;
    for part in std::fs::read_dir(fresh.path().join("snapshots/parts")).unwrap() {
        std::fs::write(part.unwrap().path(), b"no part").unwrap();
    }
    // what the next snapshot has in common is written anew; what only the older one has stays damaged
    fill(&url, &house, 97).await;
    take(&house).await;
    condition_when(&house, "bytes long instead of").await;
    assert_eq!(first_seq(&url).await, 1);
}

async fn condition_when(house: &House, words: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let health = house.get("/api/v1/health").await.unwrap();
        let conditions = health["conditions"].as_array().unwrap().iter();
        let mut told = conditions.filter(|found| found["code"] == "log_not_cut").map(|found| found["detail"].to_string());
        if told.any(|detail| detail.contains(words)) {
            return;
        }
        assert!(Instant::now() < deadline, "{health}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
