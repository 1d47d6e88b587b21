//! The log and a snapshot out of one installation and into another.

use std::path::Path;

use async_nats::jetstream;
use serde_json::Value;

use super::publish;
use super::snapshots::{answer, tidewatch};
use crate::house::{Plan, log_tail};
use crate::nats_server::NatsServer;
use crate::workload::records;

fn told(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The stream as its server describes it: settings, bounds, counts and when it was made.
async fn stream(url: &str) -> jetstream::stream::Info {
    let context = jetstream::new(async_nats::connect(url).await.unwrap());
    context.get_stream("TW_INPUT").await.unwrap().cached_info().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_running_process_restored_elsewhere_is_the_same_to_the_last_digest() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let plan = Plan::on(&url, data.path());
    let house = plan.open();
    let last = publish(&url, &records(81, 300)).await;
    house.applied(last).await;
    let backup = tempfile::tempdir().unwrap();
    let dir = backup.path().join("first");
    let written = tidewatch_backup(data.path(), &dir, &url);
    let last = publish(&url, &records(82, 50)).await;
    house.applied(last).await;
    assert!(last <= house.get("/api/v1/state").await.unwrap()["position"].as_u64().unwrap());
    assert!(house.stop().success());
    assert!(written["snapshot"].is_string() && written["position"].as_u64() <= written["last_seq"].as_u64(), "{written}");

    let (other, fresh) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let to = other.url();
    let restored = answer(fresh.path(), &["restore", dir.to_str().unwrap(), "--nats-url", &to]);
    assert_eq!((&restored["digest"], &restored["last_seq"]), (&written["digest"], &written["last_seq"]));
    let (before, after) = (stream(&url).await, stream(&to).await);
    assert_eq!(after.created, before.created, "it is the same log");
    assert_eq!(Some(after.state.last_sequence), written["last_seq"].as_u64());

    // from the snapshot, and from the first message: the same state
    let rebuild = |data: &Path, args: &[&str]| {
        answer(data, &[&["rebuild", "--partial", "--yes", "--nats-url", &to], args].concat());
        let taken = answer(data, &["snapshot", "create"]);
        (taken["position"].clone(), taken["digest"].clone())
    };
    let from_snapshot = rebuild(fresh.path(), &[]);
    assert_eq!(from_snapshot, rebuild(tempfile::tempdir().unwrap().path(), &["--whole-log"]));
    assert_eq!(from_snapshot.0.as_u64(), Some(after.state.last_sequence));
    let house = Plan::on(&to, fresh.path()).open();
    let last = publish(&to, &records(83, 20)).await;
    house.applied(last).await;

    let again = tidewatch(tempfile::tempdir().unwrap().path(), &["restore", dir.to_str().unwrap(), "--nats-url", &to]);
    assert!(!again.status.success() && told(&again).contains("exists and was used"), "{}", told(&again));
    let twice = tidewatch(data.path(), &["backup", dir.to_str().unwrap(), "--nats-url", &url]);
    assert!(!twice.status.success() && told(&twice).contains("holds a backup already"), "{}", told(&twice));
}

/// `tidewatch backup` of the process that runs there.
fn tidewatch_backup(data: &Path, dir: &Path, url: &str) -> Value {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tidewatch"));
    command.args(["backup", dir.to_str().unwrap(), "--nats-url", url, "--json", "--data"]).arg(data);
    let output = command.env("TIDEWATCH_TOKEN", crate::house::TOKEN).output().unwrap();
    assert!(output.status.success(), "{} {}", told(&output), log_tail(data));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_with_any_damaged_file_changes_nothing() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let house = Plan::on(&url, data.path()).open();
    house.applied(publish(&url, &records(84, 60)).await).await;
    assert!(house.stop().success());
    let backup = tempfile::tempdir().unwrap();
    let dir = backup.path().to_str().unwrap();
    answer(data.path(), &["backup", dir, "--nats-url", &url]);

    let other = NatsServer::start();
    let to = other.url();
    let mut files = Vec::new();
    collect(backup.path(), &mut files);
    files.retain(|file| file.file_name().is_none_or(|name| name != "lock"));
    assert!(4 <= files.len(), "{files:?}");
    for file in files {
        let whole = std::fs::read(&file).unwrap();
        let mut bytes = whole.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        let fresh = tempfile::tempdir().unwrap();
        let refused = tidewatch(fresh.path(), &["restore", dir, "--nats-url", &to]);
        assert!(!refused.status.success() && told(&refused).contains("damaged"), "{}: {}", file.display(), told(&refused));
        std::fs::write(&file, whole).unwrap();
    }
    let context = jetstream::new(async_nats::connect(&to).await.unwrap());
    assert!(context.get_stream("TW_INPUT").await.is_err(), "nothing was made");
    let fresh = tempfile::tempdir().unwrap();
    answer(fresh.path(), &["restore", dir, "--nats-url", &to]);
}

fn collect(dir: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}
