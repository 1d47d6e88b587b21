//! What goes wrong around the process, and what it does then: goes on by itself where it can, and says plainly where it cannot.

mod backups;
mod disk;
mod log_room;
mod rebuild;
mod retention;
mod secrets;
mod snapshots;
mod stuck;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::audit::assert_counted_once;
use crate::house::{House, PATIENCE, Plan, log_tail};
use crate::nats_server::NatsServer;
use crate::publisher::Publisher;
use crate::workload::{Record, records};
use async_nats::jetstream;
use tokio::task::JoinHandle;

/// How long the process may take to go on, or to stop.
pub const PROMPT: Duration = Duration::from_secs(10);

/// Someone who publishes one record after another, each until it is stored.
struct Load {
    published: Arc<AtomicUsize>,
    enough: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Load {
    fn on(url: &str, seed: u64) -> Self {
        // more than anyone waits for
        let history = records(seed, 50_000);
        let (published, enough) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let task = tokio::spawn({
            let (published, enough, url) = (Arc::clone(&published), Arc::clone(&enough), url.to_owned());
            async move {
                let publisher = Publisher::to(&url).await;
                for (number, record) in history.into_iter().enumerate() {
                    let (subject, payload) = (format!("tw.in.{}.load", record.kind), record.body.to_string());
                    publisher.send_until_stored(&subject, &format!("load-{number}"), payload.into()).await;
                    published.fetch_add(1, Ordering::Relaxed);
                    if enough.load(Ordering::Relaxed) {
                        return;
                    }
                }
            }
        });
        Self { published, enough, task }
    }

    /// Waits until another `count` records are published.
    async fn goes_on(&self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        let until = self.published.load(Ordering::Relaxed) + count;
        while self.published.load(Ordering::Relaxed) < until {
            assert!(Instant::now() < deadline, "publishing hangs");
            assert!(!self.task.is_finished(), "the load ended before the fault");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Ends it; gives how much was published.
    async fn end(self) -> usize {
        self.enough.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        self.published.load(Ordering::Relaxed)
    }
}

async fn publish(url: &str, history: &[Record]) -> u64 {
    let messages = history.iter().map(|record| (format!("tw.in.{}.tests", record.kind), record.body.to_string().into_bytes()));
    Publisher::to(url).await.send_all(messages).await
}

/// How a process ends that must not go on.
fn ended(mut child: Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if deadline < Instant::now() {
            child.kill().unwrap();
            panic!("the process goes on");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn rebuild(url: &str, data: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidewatch"));
    let output = command.args(["rebuild", "--nats-url", url, "--data"]).arg(data).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The number that follows `words` in the last line of the log that holds them.
#[track_caller]
fn number_after(data: &Path, words: &str) -> u64 {
    let tail = log_tail(data);
    let rest = tail.rsplit_once(words).unwrap_or_else(|| panic!("nobody says {words:?}: {tail}")).1;
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_server_killed_under_load_is_back_within_ten_seconds_and_nothing_is_lost_or_doubled() {
    let mut server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let house = Plan::on(&url, data.path()).open();
    let load = Load::on(&url, 31);
    for _ in 0..3 {
        load.goes_on(500).await;
        server.kill();
        server.restart();
        let restarted = Instant::now();
        let before = house.position().await.expect("reads go on without the log");
        while house.position().await <= Some(before) {
            assert!(restarted.elapsed() < PROMPT, "no progress after {before}: {}", log_tail(data.path()));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        println!("progress after {:?}", restarted.elapsed());
    }
    load.goes_on(500).await;
    let published = load.end().await;
    assert_eq!(assert_counted_once(&house, &url).await, published);
    assert!(house.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_ends_in_order_within_ten_seconds() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let plan = Plan::on(&url, data.path());
    let mut house = plan.open();
    let load = Load::on(&url, 32);
    for _ in 0..3 {
        load.goes_on(500).await;
        let told = Instant::now();
        let status = house.stop();
        println!("stopped after {:?}", told.elapsed());
        assert_eq!(status.code(), Some(0), "{}", log_tail(data.path()));
        assert!(told.elapsed() < PROMPT, "{:?}", told.elapsed());
        house = plan.open();
    }
    load.goes_on(500).await;
    let published = load.end().await;
    assert_eq!(assert_counted_once(&house, &url).await, published);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_same_directory_ends_with_6_and_the_first_is_unharmed() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let plan = Plan::on(&url, data.path());
    let house = plan.open();
    publish(&url, &records(33, 100)).await;
    let run_file = std::fs::read(data.path().join("run.json")).unwrap();
    assert_eq!(ended(plan.spawn()).code(), Some(6), "{}", log_tail(data.path()));
    assert!(log_tail(data.path()).contains("in use"), "{}", log_tail(data.path()));
    assert_eq!(std::fs::read(data.path().join("run.json")).unwrap(), run_file);
    publish(&url, &records(34, 100)).await;
    assert_counted_once(&house, &url).await;
    // nor does a rebuild rob it of its store
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidewatch"));
    let refused = command.args(["rebuild", "--nats-url", &url, "--data"]).arg(data.path()).output().unwrap();
    assert_eq!(refused.status.code(), Some(6), "{refused:?}");
    publish(&url, &records(35, 100)).await;
    assert_counted_once(&house, &url).await;
    assert!(house.stop().success());
}

#[test]
fn without_a_nats_server_it_ends_with_4_and_with_a_bad_configuration_with_3() {
    let data = tempfile::tempdir().unwrap();
    let nowhere = Plan::on("nats://127.0.0.1:1", data.path()).spawn();
    let file = data.path().join("bad.toml");
    std::fs::write(&file, "root = 'a.b'\n").unwrap();
    let bad = Plan::on("nats://127.0.0.1:1", data.path()).with_args(&["--config", file.to_str().unwrap()]).spawn();
    assert_eq!(ended(bad).code(), Some(3), "{}", log_tail(data.path()));
    assert!(log_tail(data.path()).contains("bad.toml:1"), "{}", log_tail(data.path()));
    assert_eq!(ended(nowhere).code(), Some(4), "{}", log_tail(data.path()));
    assert!(log_tail(data.path()).contains("no NATS server at nats://127.0.0.1:1"), "{}", log_tail(data.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_deleted_and_made_again_ends_it_with_5_and_a_rebuild_is_the_way_out() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let plan = Plan::on(&url, data.path());
    let mut house = plan.open();
    let applied = publish(&url, &records(36, 200)).await;
    let before = house.applied(applied).await;

    let context = jetstream::new(async_nats::connect(&url).await.unwrap());
    let config = context.get_stream("TW_INPUT").await.unwrap().cached_info().config.clone();
    context.delete_stream("TW_INPUT").await.unwrap();
    context.create_stream(config).await.unwrap();
    let last = publish(&url, &records(37, 20)).await;
    assert_eq!(house.wait().code(), Some(5), "{}", log_tail(data.path()));
    // and not again before someone has decided
    assert_eq!(ended(plan.spawn()).code(), Some(5), "{}", log_tail(data.path()));
    assert!(applied <= number_after(data.path(), "at sequence "));
    let ends_at = number_after(data.path(), "the stream now ends at ");
    assert!((last..applied).contains(&ends_at), "{ends_at}");
    assert!(log_tail(data.path()).contains("tidewatch rebuild"));

    rebuild(&url, data.path());
    let house = plan.open();
    assert_counted_once(&house, &url).await;
    let state = house.get("/api/v1/state").await.unwrap();
    assert_eq!(state["epoch"].as_u64().unwrap(), before["epoch"].as_u64().unwrap() + 1);
    publish(&url, &records(38, 100)).await;
    assert_counted_once(&house, &url).await;
    assert!(house.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_that_its_stream_refuses_for_good_is_given_up_and_those_behind_it_come_out_in_order() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let context = jetstream::new(async_nats::connect(&url).await.unwrap());
    // a fact about a rejected record has some 400 bytes with its headers, and quotes the key that is wrong: up to 256 more
    let config = jetstream::stream::Config {
        name: "TW_FACTS".into(),
        subjects: vec!["tw.out.>".into()],
        max_message_size: 550,
        ..Default::default()
    };
    let mut facts = context.create_stream(config).await.unwrap();
    let house = Plan::on(&url, data.path()).open();
    let publisher = Publisher::to(&url).await;
    let bad = |key: String| {
        let body = serde_json::json!({"model": "m", "prediction": 1, "features": {key: [[1]]}});
        ("tw.in.prediction.tests".to_owned(), body.to_string().into_bytes())
    };
    let messages = [bad("first".into()), bad("x".repeat(256)), bad("y".repeat(256)), bad("last".into())];
    let last = publisher.send_all(messages).await;
    house.applied(last).await;
    let deadline = Instant::now() + PATIENCE;
    while facts.info().await.unwrap().state.messages < 2 {
        assert!(Instant::now() < deadline, "the facts behind are held up: {}", log_tail(data.path()));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut seqs = Vec::new();
    for number in 1..=2 {
        let fact = facts.get_raw_message(number).await.unwrap();
        seqs.push(serde_json::from_slice::<serde_json::Value>(&fact.payload).unwrap()["seq"].as_u64().unwrap());
    }
    assert_eq!(seqs, [last - 3, last]);
    assert_eq!(counter(&house, "tidewatch_effects_given_up_total").await, 2);
}

async fn counter(house: &House, name: &str) -> u64 {
    let page = house.text("/api/v1/metrics").await.unwrap();
    let line = page.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}: {page}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_its_tail_ends_it_with_5_and_a_rebuild_replays_what_is_left() {
    let mut server = NatsServer::start();
    let (url, data, aside) = (server.url(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let plan = Plan::on(&url, data.path());
    let house = plan.open();
    publish(&url, &records(39, 200)).await;
    let kept = assert_counted_once(&house, &url).await;
    assert!(house.stop().success());
    // what a server keeps that lost power before it synced
    let old = aside.path().join("jetstream");
    server.kill();
    copy(&server.store(), &old);
    server.restart();
    let house = plan.open();
    let applied = publish(&url, &records(40, 200)).await;
    house.applied(applied).await;
    assert!(house.stop().success());
    server.kill();
    std::fs::remove_dir_all(server.store()).unwrap();
    copy(&old, &server.store());
    server.restart();

    assert_eq!(ended(plan.spawn()).code(), Some(5), "{}", log_tail(data.path()));
    assert!(applied <= number_after(data.path(), "the store has applied sequence "));
    assert!(number_after(data.path(), "the stream ends at ") < applied);
    rebuild(&url, data.path());
    let house = plan.open();
    assert_eq!(assert_counted_once(&house, &url).await, kept);
}

/// What becomes of a damaged store.
#[derive(Clone, Copy)]
enum Expected {
    PutAside,
    /// What was written last, up to all of it, may be lost without a trace: then the log gives it again.
    SteppedBackOrPutAside,
    BeganAnew,
}

/// The names of the stores put aside.
fn put_aside(data: &Path) -> BTreeSet<String> {
    let names = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("store.quarantine-")).collect()
}

fn flip_bits(store: &Path) {
    let mut bytes = std::fs::read(store.join("db")).unwrap();
    bytes.iter_mut().skip(99).step_by(1_000).for_each(|byte| *byte ^= 0x10);
    std::fs::write(store.join("db"), bytes).unwrap();
}

fn overwrite_the_middle(store: &Path) {
    let mut bytes = std::fs::read(store.join("db")).unwrap();
    let (from, to) = (bytes.len() / 4, bytes.len() / 2);
    bytes[from..to].fill(0xa5);
    std::fs::write(store.join("db"), bytes).unwrap();
}

fn replace(store: &Path) {
    std::fs::write(store.join("db"), b"this was never a store").unwrap();
}

fn delete(store: &Path) {
    std::fs::remove_dir_all(store).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_damaged_or_deleted_is_put_aside_and_rebuilt_to_the_same_bytes() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let plan = Plan::on(&url, data.path());
    let house = plan.open();
    let last = publish(&url, &records(41, 2_000)).await;
    house.applied(last).await;
    let export = house.quiet().await;
    let mut epoch = house.get("/api/v1/state").await.unwrap()["epoch"].as_u64().unwrap();
    assert!(house.stop().success());

    let ways = [
        ("bits flipped", flip_bits as fn(&Path), Expected::PutAside),
        ("overwritten", overwrite_the_middle, Expected::SteppedBackOrPutAside),
        ("replaced", replace, Expected::PutAside),
        ("deleted", delete, Expected::BeganAnew),
    ];
    for (way, damage, expected) in ways {
        let aside = put_aside(data.path());
        damage(&data.path().join("store"));
        let house = plan.open();
        let state = house.applied(last).await;
        let began_anew = state["epoch"] == epoch + 1;
        let is_aside = put_aside(data.path()) != aside;
        println!("{way}: began anew {began_anew}, put aside {is_aside}");
        let as_expected = match expected {
            Expected::PutAside => began_anew && is_aside,
            Expected::SteppedBackOrPutAside => began_anew || !is_aside,
            Expected::BeganAnew => began_anew && !is_aside,
        };
        assert!(as_expected, "{way}: {}", log_tail(data.path()));
        epoch += u64::from(began_anew);
        assert_eq!(house.quiet().await, export, "{way}");
        assert!(house.stop().success());
    }
}
