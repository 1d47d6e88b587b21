//! The disk of the data directory is full: reads go on, reading the log stops, and all goes on by itself once there is space.
//!
//! `DISK_FULL_RUNS` sets how often each kind is tried (2 by default). A small tmpfs is mounted for it, which takes root.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use tidewatch::config::Durability;
use tidewatch::event::subject::Root;
use tidewatch::ids::Slug;
use tidewatch::nats::managed::{self, ManagedConfig};
use tidewatch::nats::{ConnectConfig, Role, connect, provision};
use xxhash_rust::xxh3::xxh3_128;

use super::{PROMPT, publish};
use crate::house::{House, PATIENCE, Plan, log_tail};
use crate::nats_server::NatsServer;
use crate::publisher::Publisher;
use crate::workload::records;

/// A small disk of its own, gone when dropped. `None` where this user may not mount one.
struct Disk {
    path: PathBuf,
    home: tempfile::TempDir,
}

impl Disk {
    fn of(mebibytes: u32) -> Option<Self> {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("disk");
        std::fs::create_dir(&path).unwrap();
        let size = format!("size={mebibytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self { path, home })
    }

    fn resize(&self, mebibytes: u32) {
        let size = format!("remount,size={mebibytes}m");
        assert!(Command::new("mount").args(["-o", &size]).arg(&self.path).status().unwrap().success());
    }

    /// A data directory on it, whose log lies elsewhere.
    fn data(&self) -> PathBuf {
        let data = self.path.join("data");
        std::fs::create_dir(&data).unwrap();
        std::os::unix::fs::symlink(self.home.path().join("test.log"), data.join("test.log")).unwrap();
        data
    }

    /// Takes everything that is left.
    fn fill(&self) -> PathBuf {
        let path = self.path.join("filler");
        let block = vec![7; 1 << 16];
        let mut file = std::fs::File::create(&path).unwrap();
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

fn runs() -> usize {
    std::env::var("DISK_FULL_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

/// Frames of 300 faulty records each.
fn garbage(frames: usize) -> impl Iterator<Item = (String, Vec<u8>)> {
    let frame = serde_json::to_vec(&vec![json!({"x": 1}); 300]).unwrap();
    (0..frames).map(move |_| ("tw.in.prediction.tests".to_owned(), frame.clone()))
}

/// Log records of a source of their own, which the store keeps: two megabytes, and of no use to compress.
fn kept(source: usize) -> impl Iterator<Item = (String, Vec<u8>)> {
    (0..500_u64).map(move |number| {
        let noise: String = (0..128).map(|part| format!("{:032x}", xxh3_128(&(number * 128 + part).to_le_bytes()))).collect();
        let body = json!({"source": format!("source-{source}"), "message": noise});
        ("tw.in.log.tests".to_owned(), body.to_string().into_bytes())
    })
}

/// Publishes what the store keeps until it says that its disk is full; gives the last sequence.
async fn until_full(house: &House, url: &str) -> u64 {
    let publisher = Publisher::to(url).await;
    let deadline = Instant::now() + PATIENCE;
    for source in 0.. {
        let last = publisher.send_all(garbage(100).chain(kept(source))).await;
        // the next part only once this one is applied: a log of more than is needed takes long to read afterwards
        while house.position().await < Some(last) {
            if house.ready().await.is_some_and(|(_, body)| body.to_string().contains("disk_full")) {
                return last;
            }
            assert!(Instant::now() < deadline, "part {source} is not applied, and the disk is not full");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    unreachable!("there is always another part")
}

async fn waits_for_space(house: &House, data: &Path) {
    let ready =
        house.ready_when("the disk is full", |status, body| status == 503 && body.to_string().contains("disk_full")).await;
    assert!(ready["reason"].as_str().unwrap().contains("the data disk is full"), "{ready} {}", log_tail(data));
    assert!(house.get("/api/v1/state").await.is_some(), "reads go on");
    assert_eq!(house.text("/healthz").await.as_deref(), Some("{\"status\":\"alive\"}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_somebody_fills_stops_reading_and_space_brings_it_back() {
    for run in 0..runs() {
        let Some(disk) = Disk::of(48) else { return eprintln!("not run: this user may not mount a small disk") };
        let server = NatsServer::start();
        let (url, data) = (server.url(), disk.data());
        let house = Plan::on(&url, &data).open();
        let early = publish(&url, &records(81 + run as u64, 200)).await;
        house.applied(early).await;
        let filler = disk.fill();
        let last = publish(&url, &records(181 + run as u64, 4_000)).await;
        waits_for_space(&house, &data).await;
        std::fs::remove_file(filler).unwrap();
        house.applied(last).await;
        house.ready_when("ready again", |status, _| status == 200).await;
        assert!(house.stop().success(), "{}", log_tail(&data));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_filled_by_the_store_itself_stops_reading_and_a_larger_one_brings_it_back() {
    for _ in 0..runs() {
        let Some(disk) = Disk::of(24) else { return eprintln!("not run: this user may not mount a small disk") };
        let server = NatsServer::start();
        let (url, data) = (server.url(), disk.data());
        let house = Plan::on(&url, &data).open();
        let last = until_full(&house, &url).await;
        waits_for_space(&house, &data).await;
        disk.resize(512);
        house.applied(last).await;
        house.ready_when("ready again", |status, _| status == 200).await;
        assert!(house.stop().success(), "{}", log_tail(&data));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_waits_for_space_stops_within_its_grace_and_loses_nothing() {
    for run in 0..runs() as u64 {
        let Some(disk) = Disk::of(48) else { return eprintln!("not run: this user may not mount a small disk") };
        let server = NatsServer::start();
        let (url, data) = (server.url(), disk.data());
        let plan = Plan::on(&url, &data);
        let house = plan.open();
        let early = publish(&url, &records(83 + run, 200)).await;
        house.applied(early).await;
        let filler = disk.fill();
        let last = publish(&url, &records(283 + run, 2_000)).await;
        waits_for_space(&house, &data).await;
        let told = Instant::now();
        let status = house.stop();
        println!("run {run}: stopped after {:?}", told.elapsed());
        // its grace period, and what a busy machine takes to run it
        assert!(told.elapsed() < 2 * PROMPT, "{:?}: {}", told.elapsed(), log_tail(&data));
        assert!(status.success(), "{status:?}: {}", log_tail(&data));
        std::fs::remove_file(filler).unwrap();
        let house = plan.open();
        house.applied(last).await;
        super::assert_counted_once(&house, &url).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_takes_little_more_room_than_it_came_in_and_a_real_fact_does_not_wait_behind_it() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let house = Plan::on(&url, data.path()).open();
    let publisher = Publisher::to(&url).await;
    let frames = 4_000;
    let bytes: usize = garbage(frames).map(|(_, payload)| payload.len()).sum();
    let last = publisher.send_all(garbage(frames)).await;
    let told = Instant::now();
    let state = house.applied(last).await;
    assert_eq!(state["counts"]["rejected"], 300 * frames);
    assert!(1.0 <= house.metric("tidewatch_rejections_untold_total").await.unwrap());
    let context = async_nats::jetstream::new(async_nats::connect(&url).await.unwrap());
    let facts = context.get_stream("TW_FACTS").await.unwrap().cached_info().state.messages;
    assert!(facts < 1_000, "{facts} facts of {frames} messages");
    // the last window of a model closes ten seconds after its last prediction
    publish(&url, &records(85, 200)).await;
    house.quiet().await;
    let closed = Instant::now();
    let stream = context.get_stream("TW_FACTS").await.unwrap();
    while stream.get_last_raw_message_by_subject("tw.out.window_closed.>").await.is_err() {
        assert!(closed.elapsed() < PROMPT, "no window is announced: {}", log_tail(data.path()));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!(
        "{bytes} bytes of garbage; windows closed {:?} after it, announced {:?} later",
        closed.duration_since(told),
        closed.elapsed()
    );
    assert!(house.stop().success());
    let store: u64 =
        std::fs::read_dir(data.path().join("store")).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    println!("the store has {store} bytes");
    assert!(store <= 4 * bytes as u64, "{store} bytes of {bytes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_managed_server_brings_its_log_back_on_a_disk_that_others_have_filled() {
    let Some(disk) = Disk::of(512) else { return eprintln!("not run: this user may not mount a small disk") };
    let data = disk.data();
    let config = || ManagedConfig { data: data.clone(), port: 0, binary: None, durability: Durability::Always };
    let managed = managed::start(config()).await.unwrap();
    let nats = connect(ConnectConfig::new(vec![managed.url().to_owned()], root())).await.unwrap();
    provision(&nats).await.unwrap();
    let made = nats.status(Role::Input).await.unwrap();
    nats.close().await;
    managed.stop().await;

    disk.resize(64);
    let again = managed::start(config()).await.unwrap();
    let nats = connect(ConnectConfig::new(vec![again.url().to_owned()], root())).await.unwrap();
    let found = nats.status(Role::Input).await.unwrap();
    assert_eq!((found.created, found.max_bytes), (made.created, made.max_bytes));
    assert!(found.max_bytes.is_some_and(|bytes| 64 << 20 <= bytes), "it could not be made on what is free now");
    nats.close().await;
    again.stop().await;
}

fn root() -> Root {
    Root::new(Slug::try_from("tw").unwrap())
}
