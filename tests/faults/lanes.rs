//! The outbox is lanes: one that is stuck delays no other, whatever is killed meanwhile, and once it is free everything on it is carried out.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, stream};
use serde_json::Value;
use tidewatch::event::Lane;
use tidewatch::ids::{EffectId, Name};
use tidewatch::monitor::effect::{Action, Effect, JobOrder};
use tidewatch::processor;
use tidewatch::store::{Commit, Options, Put, Store, key};

use crate::house::{House, PATIENCE, Plan, log_tail};
use crate::nats_server::NatsServer;
use crate::publisher::Publisher;
use crate::recorded::{effects, facts, facts_of, input, settled_through};
use crate::workload::{Random, records};

const KILLS: usize = 16;

const JOBS: u32 = 20;

/// Where a worker may be killed.
const POINTS: [&str; 3] = ["effect.claimed", "effect.sent", "effect.settled"];

/// Puts orders into the outbox of a process that has stopped, as if the last message had asked for them; gives their ids.
fn order_jobs(data: &Path) -> Vec<String> {
    let mut store = Store::open(&data.join("store"), Options::default()).unwrap().store;
    let head = store.head().unwrap().unwrap().to_vec();
    let seq = processor::head_figures(&head).unwrap().position;
    let name = |name: &str| Name::try_from(name).unwrap();
    let order = |index: u32| {
        let body = format!("{{\"number\":{index}}}");
        let action = Action::Order(JobOrder { kind: name("retrain"), about: name("fraud"), body });
        Effect { id: EffectId { seq, index: 1_000 + index }, action }
    };
    let orders: Vec<Effect> = (0..JOBS).map(order).collect();
    let row = Put::new(key::outbox(Lane::Jobs, seq), Some(rmp_serde::to_vec(&orders).unwrap()));
    store.commit(Commit { seq, head, puts: vec![row], keep: &|_, _| true }).unwrap();
    orders.iter().map(|order| order.id.to_string()).collect()
}

/// Makes a stream that has no room: whoever publishes into it has to wait.
async fn stuck(url: &str, name: &str, subject: &str) -> stream::Config {
    let context = jetstream::new(async_nats::connect(url).await.unwrap());
    let config = stream::Config {
        name: name.into(),
        subjects: vec![format!("{subject}.>")],
        max_messages: 1,
        discard: stream::DiscardPolicy::New,
        ..Default::default()
    };
    context.create_stream(config.clone()).await.unwrap();
    context.publish(format!("{subject}.filler.x"), "{}".into()).await.unwrap().await.unwrap();
    config
}

async fn set_free(url: &str, stuck: stream::Config) {
    let context = jetstream::new(async_nats::connect(url).await.unwrap());
    context.update_stream(stream::Config { max_messages: -1, ..stuck }).await.unwrap();
}

/// What is in a stream by its id, without the filler.
async fn told_in(url: &str, name: &str) -> BTreeMap<String, (u64, String, String)> {
    let stream = jetstream::new(async_nats::connect(url).await.unwrap()).get_stream(name).await.unwrap();
    let mut told = BTreeMap::new();
    for seq in 1..=stream.cached_info().state.last_sequence {
        let message = stream.get_raw_message(seq).await.unwrap();
        let Some(id) = message.headers.get("Nats-Msg-Id") else { continue };
        let body = String::from_utf8(message.payload.to_vec()).unwrap();
        told.entry(id.to_string()).or_insert((seq, message.subject.to_string(), body));
    }
    told
}

/// Publishes a history while the process is killed again and again, half of the time where a worker is.
async fn killed_again_and_again(url: &str, plan: &Plan, seed: u64) {
    let publisher = Publisher::to(url).await;
    let mut random = Random(seed);
    for part in records(seed, 60 * KILLS).chunks(60) {
        let point = POINTS[random.below(3) as usize];
        let failing = plan.clone().failing(&format!("{point}={}*off->abort", random.below(3)));
        let plan = if random.one_in(2) { &failing } else { plan };
        let mut house = plan.try_open();
        let messages = part.iter().map(|record| (format!("tw.in.{}.tests", record.kind), record.body.to_string().into_bytes()));
        publisher.send_all(messages).await;
        let until = Instant::now() + Duration::from_millis(random.below(1_500));
        while Instant::now() < until && house.as_mut().is_some_and(House::is_alive) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        house.into_iter().for_each(House::kill);
    }
}

async fn lane(house: &House, name: &str) -> Value {
    let health = house.get("/api/v1/health").await.unwrap();
    health["outbox"].as_array().unwrap().iter().find(|lane| lane["lane"] == name).unwrap().clone()
}

/// Polls a lane until it satisfies `wanted`.
async fn lane_when(house: &House, name: &str, data: &Path, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = lane(house, name).await;
        if wanted(&found) {
            return found;
        }
        assert!(Instant::now() < deadline, "last: {found}; log: {}", log_tail(data));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Every fact that the log leads to is told, and no other.
async fn assert_facts(url: &str, house: &House, data: &Path) {
    let marker = Publisher::to(url).await.send("tw.in.prediction.tests", "no record").await;
    let deadline = Instant::now() + PATIENCE;
    while !facts(url).await.contains_key(&format!("{marker}-0")) {
        assert!(Instant::now() < deadline, "no fact of {marker}: {:?}: {}", lane(house, "facts").await, log_tail(data));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let said = facts(url).await;
    let mut wanted = facts_of(&effects(&input(url).await));
    // what came after the marker may not have been told yet
    wanted.retain(|id, _| id.split('-').next().unwrap().parse::<u64>().unwrap() <= marker || said.contains_key(id));
    assert_eq!(said.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
    assert_eq!(said, wanted);
    assert!(30 < said.len(), "hardly anything was said: {}", said.len());
}

fn assert_jobs(told: &BTreeMap<String, (u64, String, String)>, ordered: &[String]) {
    assert_eq!(told.keys().cloned().collect::<Vec<_>>(), ordered);
    let mut by_seq: Vec<_> = told.values().collect();
    by_seq.sort();
    for (number, (_, subject, body)) in by_seq.into_iter().enumerate() {
        assert_eq!((subject.as_str(), body), ("tw.job.retrain.fraud", &format!("{{\"number\":{number}}}")), "in their order");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_nobody_takes_delay_no_fact_whatever_is_killed_and_are_ordered_once_there_is_room() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let stream = stuck(&url, "TW_JOBS", "tw.job").await;
    let plan = Plan::on(&url, data.path());
    let first = plan.open();
    let seq = Publisher::to(&url).await.send("tw.in.prediction.tests", "{\"model\":\"m\",\"prediction\":1}").await;
    first.applied(seq).await;
    assert!(first.stop().success());
    let ordered = order_jobs(data.path());

    killed_again_and_again(&url, &plan, 31).await;
    let house = plan.open();
    assert_facts(&url, &house, data.path()).await;
    lane_when(&house, "facts", data.path(), |lane| lane["settled_through"].as_u64() > Some(seq)).await;
    let jobs = lane_when(&house, "jobs", data.path(), |lane| lane["reason"].to_string().contains("maximum messages")).await;
    assert_eq!((jobs["backlog"].as_u64(), jobs["settled_through"].as_u64()), (Some(u64::from(JOBS)), Some(0)), "{jobs}");
    assert!(jobs["waiting_seconds"].as_f64().is_some_and(|waited| 0.0 < waited), "{jobs}");
    assert_eq!(house.ready().await.unwrap().0, 200, "jobs that wait hold up nothing else");
    let page = house.text("/api/v1/metrics").await.unwrap();
    assert!(page.contains(&format!("tidewatch_outbox_effects{{lane=\"jobs\"}} {JOBS}\n")), "{page}");
    assert!(told_in(&url, "TW_JOBS").await.is_empty());

    set_free(&url, stream).await;
    lane_when(&house, "jobs", data.path(), |lane| lane["backlog"] == 0).await;
    let told = told_in(&url, "TW_JOBS").await;
    assert_jobs(&told, &ordered);
    house.kill();
    let house = plan.open();
    assert_facts(&url, &house, data.path()).await;
    assert_eq!(told_in(&url, "TW_JOBS").await, told, "what is settled is not ordered again");
    let log = input(&url).await;
    assert!(settled_through(&log, Lane::Jobs) < settled_through(&log, Lane::Facts), "each lane says for itself how far it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_that_nobody_takes_delay_no_job_whatever_is_killed_and_are_told_once_there_is_room() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let stream = stuck(&url, "TW_FACTS", "tw.out").await;
    let plan = Plan::on(&url, data.path());
    killed_again_and_again(&url, &plan, 32).await;
    let house = plan.open();
    let seq = Publisher::to(&url).await.send("tw.in.prediction.tests", "{\"model\":\"m\",\"prediction\":1}").await;
    house.applied(seq).await;
    assert!(house.stop().success());
    let ordered = order_jobs(data.path());

    killed_again_and_again(&url, &plan, 33).await;
    let house = plan.open();
    lane_when(&house, "jobs", data.path(), |lane| lane["backlog"] == 0 && lane["settled_through"].as_u64() >= Some(seq)).await;
    assert_jobs(&told_in(&url, "TW_JOBS").await, &ordered);
    let facts = lane_when(&house, "facts", data.path(), |lane| lane["reason"].to_string().contains("maximum messages")).await;
    assert_eq!(facts["settled_through"], 0, "{facts}");
    house.ready_when("facts that wait", |status, body| status == 503 && body["reason"].to_string().contains("facts")).await;

    set_free(&url, stream).await;
    assert_facts(&url, &house, data.path()).await;
    house.ready_when("facts that are told", |status, _| status == 200).await;
}
