//! Snapshots of a running process, what is built from them, and kills on the way.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use async_nats::jetstream;
use reqwest::Method;
use serde_json::Value;

use super::publish;
use crate::house::{House, PATIENCE, Plan, log_tail};
use crate::nats_server::NatsServer;
use crate::workload::records;

/// `tidewatch` with those arguments on a data directory.
pub fn tidewatch(data: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidewatch"));
    command
        .args(args)
        .arg("--data")
        .arg(data)
        .env_remove("TIDEWATCH_TOKEN")
        .env("TIDEWATCH_SNAPSHOTS_KEPT", "50")
        .output()
        .unwrap()
}

/// As [`tidewatch`], which must succeed; its JSON answer.
#[track_caller]
pub fn answer(data: &Path, args: &[&str]) -> Value {
    let output = tidewatch(data, &[args, &["--json"]].concat());
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub async fn take(house: &House) -> Value {
    let (status, taken) = house.send(Method::POST, "/api/v1/snapshots", String::new()).await;
    assert_eq!(status, 201, "{taken}");
    taken
}

/// What a rebuild makes of the log: the position, the digest and the answer of the rebuild.
fn rebuilt(url: &str, data: &Path, args: &[&str]) -> (Value, Value, Value) {
    let told = answer(data, &[&["rebuild", "--partial", "--yes", "--nats-url", url], args].concat());
    let taken = answer(data, &["snapshot", "create"]);
    (taken["position"].clone(), taken["digest"].clone(), told)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_at_any_position_and_the_rest_of_the_log_are_the_whole_log() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let plan = Plan::on(&url, data.path()).with_args(&["--no-demo", "--no-agent", "--snapshots-kept", "50"]);
    let house = plan.open();
    let history = records(71, 400);
    let mut taken = Vec::new();
    for (number, piece) in history.chunks(history.len().div_ceil(20)).enumerate() {
        let last = publish(&url, piece).await;
        // one after another in the middle of what is being read
        if number % 2 == 0 {
            house.applied(last).await;
        }
        taken.push(take(&house).await);
    }
    let positions: Vec<u64> = taken.iter().map(|taken| taken["position"].as_u64().unwrap()).collect();
    assert!(20 <= positions.len() && positions.is_sorted(), "{positions:?}");
    assert!(house.stop().success());

    let whole = tempfile::tempdir().unwrap();
    let (position, digest, told) = rebuilt(&url, whole.path(), &["--whole-log"]);
    assert_eq!(told["snapshot"], Value::Null);
    let (kept, _, _) = rebuilt(&url, data.path(), &[]);
    assert_eq!(kept, position);
    let exported = tempfile::tempdir().unwrap();
    for (number, snapshot) in taken.iter().enumerate() {
        let id = snapshot["id"].as_str().unwrap();
        answer(data.path(), &["snapshot", "export", exported.path().to_str().unwrap(), "--id", id]);
        // every third on the log as it is after it was cut right behind the snapshot
        if number % 3 == 2 {
            let context = jetstream::new(async_nats::connect(&url).await.unwrap());
            let stream = context.get_stream("TW_INPUT").await.unwrap();
            stream.purge().sequence(positions[number] + 1).await.unwrap();
        }
        let fresh = tempfile::tempdir().unwrap();
        answer(fresh.path(), &["snapshot", "import", exported.path().to_str().unwrap(), "--id", id]);
        let (at, of, told) = rebuilt(&url, fresh.path(), &[]);
        assert_eq!((&at, &of, &told["snapshot"]), (&position, &digest, &snapshot["id"]), "from {id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_a_store_on_a_log_that_was_cut_begins_with_the_newest_whole_snapshot() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let plan = Plan::on(&url, data.path());
    let house = plan.open();
    let history = records(72, 200);
    let (older, newer) = history.split_at(history.len() / 2);
    house.applied(publish(&url, older).await).await;
    let first = take(&house).await;
    let last = publish(&url, newer).await;
    house.applied(last).await;
    let second = take(&house).await;
    let before = house.quiet().await;
    assert!(house.stop().success());

    let context = jetstream::new(async_nats::connect(&url).await.unwrap());
    let stream = context.get_stream("TW_INPUT").await.unwrap();
    stream.purge().sequence(first["position"].as_u64().unwrap()).await.unwrap();
    std::fs::remove_dir_all(data.path().join("store")).unwrap();
    // the newest is damaged in its last part, which is its own
    let parts = manifest(data.path(), &second)["parts"].as_array().unwrap().clone();
    let known = manifest(data.path(), &first)["parts"].to_string();
    let own = parts.iter().map(|part| part["blake3"].as_str().unwrap()).find(|hash| !known.contains(hash)).unwrap();
    std::fs::write(data.path().join(format!("snapshots/parts/{own}.zst")), b"no part").unwrap();
    let verified = tidewatch(data.path(), &["snapshot", "verify"]);
    let told = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.code() == Some(1) && told.contains(own) && told.contains("FAIL") && told.contains("ok "), "{told}");

    let house = plan.open();
    house.applied(last).await;
    assert_eq!(house.quiet().await, before);
    let log = std::fs::read_to_string(data.path().join("test.log")).unwrap();
    assert!(log.contains(own) && log.contains("a snapshot is not used"), "{}", log_tail(data.path()));
    let state = house.get("/api/v1/state").await.unwrap();
    assert_eq!(state["epoch"], 2, "readers see that it is another store");
    assert!(house.stop().success());

    // nothing is left to begin with
    std::fs::remove_dir_all(data.path().join("store")).unwrap();
    std::fs::remove_dir_all(data.path().join("snapshots/parts")).unwrap();
    assert_eq!(super::ended(plan.spawn()).code(), Some(5), "{}", log_tail(data.path()));
    let told = log_tail(data.path());
    assert!(told.contains("None of the snapshots can be used") && told.contains("missing"), "{told}");
}

fn manifest(data: &Path, taken: &Value) -> Value {
    let file = data.join(format!("snapshots/manifests/{}.json", taken["id"].as_str().unwrap()));
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_step_of_taking_or_using_a_snapshot_leaves_nothing_half() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let plan = Plan::on(&url, data.path());
    let house = plan.open();
    let last = publish(&url, &records(73, 100)).await;
    house.applied(last).await;
    let before = house.quiet().await;
    assert!(house.stop().success());
    for (point, counts) in [("snapshot.part", 0), ("snapshot.written", 0), ("snapshot.verified", 0), ("snapshot.named", 1)] {
        let known = answer(data.path(), &["snapshot", "list"])["items"].as_array().unwrap().len();
        let mut house = plan.clone().failing(&format!("{point}=abort")).open();
        house.applied(last).await;
        let asked = tidewatch_create(data.path());
        assert_eq!(house.wait().code(), None, "killed at {point}");
        assert!(!asked.status.success());
        let listed = answer(data.path(), &["snapshot", "list"]);
        assert_eq!(listed["items"].as_array().unwrap().len(), known + counts, "{point}: {listed}");
        let house = plan.open();
        take(&house).await;
        assert!(house.stop().success());
        assert_eq!(answer(data.path(), &["snapshot", "verify"])["damaged"], 0, "{point}");
        assert_eq!(partial(&data.path().join("snapshots")), 0, "{point}");
    }
    std::fs::remove_dir_all(data.path().join("store")).unwrap();
    assert!(plan.clone().failing("snapshot.restored=abort").try_open().is_none());
    let house = plan.open();
    house.applied(last).await;
    assert_eq!(house.quiet().await, before);
}

/// `tidewatch snapshot create` of the process that runs there.
pub fn tidewatch_create(data: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidewatch"));
    command.args(["snapshot", "create", "--data"]).arg(data).env("TIDEWATCH_TOKEN", crate::house::TOKEN).output().unwrap()
}

/// Unfinished files below a directory.
fn partial(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| if path.is_dir() { partial(&path) } else { usize::from(path.to_string_lossy().ends_with("partial")) })
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_taken_by_themselves_while_records_come_and_the_oldest_go() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let args = ["--no-demo", "--no-agent", "--snapshot-interval", "1s", "--snapshots-kept", "2"];
    let house = Plan::on(&url, data.path()).with_args(&args).open();
    let load = super::Load::on(&url, 74);
    let deadline = Instant::now() + PATIENCE;
    while house.metric("tidewatch_snapshots_taken_total").await < Some(3.0) {
        assert!(Instant::now() < deadline, "{}", log_tail(data.path()));
        load.goes_on(20).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    load.end().await;
    let listed = house.get("/api/v1/snapshots").await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2, "{listed}");
    assert!(house.metric("tidewatch_snapshot_age_seconds").await.unwrap() < 30.0);
    assert_eq!(house.metric("tidewatch_snapshot_failures_total").await, Some(0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_cannot_be_written_is_told_and_the_process_goes_on() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let house = Plan::on(&url, data.path()).open();
    house.applied(publish(&url, &records(75, 30)).await).await;
    std::fs::write(data.path().join("snapshots"), b"in the way").unwrap();
    let (status, problem) = house.send(Method::POST, "/api/v1/snapshots", String::new()).await;
    assert_eq!((status, &problem["type"]), (503, &Value::from("urn:tidewatch:problem:snapshot-failed")), "{problem}");
    let health = house.get("/api/v1/health").await.unwrap();
    assert_eq!(health["conditions"][0]["code"], "snapshot_failed", "{health}");
    std::fs::remove_file(data.path().join("snapshots")).unwrap();
    take(&house).await;
    let health = house.get("/api/v1/health").await.unwrap();
    assert_eq!(health["conditions"].as_array().map(Vec::len), Some(0), "{health}");
}
