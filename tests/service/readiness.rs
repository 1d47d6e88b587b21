//! When the process says that it is ready, and when it does not: the whole process against a server that fails it.

use crate::house;
use std::time::{Duration, Instant};

use crate::house::{Plan, TOKEN, log_tail};
use crate::nats_server::NatsServer;
use serde_json::{Value, json};
use tidewatch::event::subject::Root;
use tidewatch::ids::Slug;
use tidewatch::nats::{ConnectConfig, Nats, Role, connect};

async fn connected(server: &NatsServer) -> Nats {
    let root = Root::new(Slug::try_from("tw").unwrap());
    connect(ConnectConfig::new(vec![server.url()], root)).await.unwrap()
}

/// Status and reason of `/ready`.
async fn ready(url: &str) -> (u16, Value) {
    let response = reqwest::Client::new().get(format!("{url}/ready")).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

async fn ready_when(url: &str, what: &str, seconds: u64, wanted: impl Fn(u16, &Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        let (status, answer) = ready(url).await;
        if wanted(status, &answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what} did not come about within {seconds} s: {status} {answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_facts_stream_that_was_deleted_is_made_again_said_and_counted() {
    let server = NatsServer::start();
    let data = tempfile::tempdir().unwrap();
    let house = Plan::on(&server.url(), data.path()).open();
    ready_when(&house.url, "ready", 30, |status, _| status == 200).await;
    let nats = connected(&server).await;
    let gone = nats.jetstream().delete_stream("TW_FACTS").await.unwrap();
    assert!(gone.success);
    let body = json!({"model": "m", "confidence": 93}).to_string();
    let (status, _) = house.send(reqwest::Method::POST, "/api/v1/publish/prediction/bad?partial=true&wait=applied", body).await;
    assert_eq!(status, 200);
    let deadline = Instant::now() + house::PATIENCE;
    loop {
        if nats.status(Role::Facts).await.is_ok_and(|stream| 1 <= stream.messages) {
            break;
        }
        assert!(Instant::now() < deadline, "no fact was published: {}", log_tail(data.path()));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let metrics = house.text("/api/v1/metrics").await.unwrap();
    assert!(metrics.contains("tidewatch_facts_streams_restored_total 1\n"), "{metrics}");
    assert!(log_tail(data.path()).contains("the facts stream was gone and was made again"));
    ready_when(&house.url, "ready again", 10, |status, _| status == 200).await;
}

/// What is promised, and a second for the machine that runs all tests at once.
const WITHIN: u64 = 6;

/// Waits for 503 and gives its reason.
async fn unready(house: &crate::house::House, cause: &str, reason: &str) {
    let begun = Instant::now();
    let answer = ready_when(&house.url, cause, WITHIN, |status, _| status == 503).await;
    println!("{cause}: 503 after {:?}: {}", begun.elapsed(), answer["reason"]);
    assert!(answer["reason"].as_str().unwrap_or_default().contains(reason), "{cause}: {answer}");
    let alive = reqwest::Client::new().get(format!("{}/healthz", house.url)).bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(alive.status(), 200, "{cause}");
}

#[tokio::test]
async fn a_server_that_stands_still_makes_the_process_unready_but_not_dead() {
    let server = NatsServer::start();
    let data = tempfile::tempdir().unwrap();
    let house = Plan::on(&server.url(), data.path()).open();
    ready_when(&house.url, "ready", 30, |status, _| status == 200).await;
    server.freeze();
    unready(&house, "a server that stands still", "NATS is connected and does not answer for the input stream").await;
    server.thaw();
    ready_when(&house.url, "ready again", 30, |status, _| status == 200).await;
}

#[tokio::test]
async fn a_log_that_was_deleted_makes_the_process_unready() {
    let server = NatsServer::start();
    let data = tempfile::tempdir().unwrap();
    let house = Plan::on(&server.url(), data.path()).open();
    ready_when(&house.url, "ready", 30, |status, _| status == 200).await;
    assert!(connected(&server).await.jetstream().delete_stream("TW_INPUT").await.unwrap().success);
    unready(&house, "a log that was deleted", "TW_INPUT").await;
}

#[tokio::test]
async fn a_log_that_is_full_makes_the_process_unready() {
    let server = NatsServer::start();
    let data = tempfile::tempdir().unwrap();
    let house = Plan::on(&server.url(), data.path()).open();
    ready_when(&house.url, "ready", 30, |status, _| status == 200).await;
    let nats = connected(&server).await;
    let mut stream = nats.jetstream().get_stream("TW_INPUT").await.unwrap();
    let mut config = stream.info().await.unwrap().config.clone();
    config.max_bytes = 1 << 20;
    nats.jetstream().update_stream(config).await.unwrap();
    let deadline = Instant::now() + house::PATIENCE;
    while house.metric("tidewatch_log_max_bytes").await != Some(f64::from(1 << 20)) {
        assert!(Instant::now() < deadline, "the new bound is not seen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let body = json!({"model": "m", "prediction": "a", "features": {"text": "x".repeat(100_000)}}).to_string();
    loop {
        let (status, answer) = house.send(reqwest::Method::POST, "/api/v1/publish/prediction/p", body.clone()).await;
        if status == 503 {
            assert_eq!(answer["type"], "urn:tidewatch:problem:log-full", "{answer}");
            break;
        }
        assert!(Instant::now() < deadline, "the log never fills");
    }
    unready(&house, "a log that is full", "the log is full").await;
}

#[tokio::test]
async fn a_right_that_is_taken_away_makes_the_process_unready_and_given_back_ready_again() {
    let guarded = |denied: &str| {
        let rights = format!("publish: {{ deny: [{denied}] }}, subscribe: {{ allow: [\">\"] }}");
        format!(
            "jetstream {{ store_dir: \"STORE\" }}\nauthorization {{ users: [ {{ user: u, password: p, permissions: {{ {rights} }} }} ] }}"
        )
    };
    let all = guarded("\"nothing.of.ours\"");
    let server = NatsServer::start_with(&all);
    let data = tempfile::tempdir().unwrap();
    let house = Plan::on(&server.url().replace("://", "://u:p@"), data.path()).open();
    ready_when(&house.url, "ready", 30, |status, _| status == 200).await;
    for denied in ["tw.in.tick.>", "tw.in.outcome.>", "tw.out.>", "$JS.API.STREAM.INFO.TW_INPUT"] {
        server.reconfigure(&guarded(&format!("\"{denied}\"")));
        unready(&house, denied, "Permissions Violation for Publish to").await;
        server.reconfigure(&all);
        ready_when(&house.url, "ready again", 30, |status, _| status == 200).await;
    }
}

#[tokio::test]
async fn facts_that_cannot_be_published_make_the_process_unready() {
    let server = NatsServer::start();
    let data = tempfile::tempdir().unwrap();
    let house = Plan::on(&server.url(), data.path()).open();
    ready_when(&house.url, "ready", 30, |status, _| status == 200).await;
    let nats = connected(&server).await;
    let mut stream = nats.jetstream().get_stream("TW_FACTS").await.unwrap();
    let mut config = stream.info().await.unwrap().config.clone();
    (config.max_messages, config.discard) = (1, async_nats::jetstream::stream::DiscardPolicy::New);
    nats.jetstream().update_stream(config).await.unwrap();
    for n in 0..3 {
        let body = json!({"model": "m", "confidence": 90 + n}).to_string();
        house.send(reqwest::Method::POST, "/api/v1/publish/prediction/bad?partial=true&wait=applied", body).await;
    }
    unready(&house, "facts that find no room", "facts have waited").await;
}

#[tokio::test]
async fn a_processor_that_stands_still_makes_the_process_unready() {
    let server = NatsServer::start();
    let data = tempfile::tempdir().unwrap();
    let house = Plan::on(&server.url(), data.path()).failing("processor.applied=3*off->sleep(20000)").open();
    ready_when(&house.url, "ready", 30, |status, _| status == 200).await;
    for n in 0..4 {
        let body = json!({"model": "m", "prediction": "a", "prediction_id": n.to_string()}).to_string();
        house.send(reqwest::Method::POST, "/api/v1/publish/prediction/p", body).await;
    }
    unready(&house, "a processor that stands still", "the processor has been busy").await;
}
