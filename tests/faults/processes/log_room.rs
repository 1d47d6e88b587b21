//! The log fills up, loses its beginning, or is restored from an older copy.

use std::time::Duration;

use async_nats::jetstream::{self, stream::Config};
use reqwest::Method;
use serde_json::{Value, json};

use super::{PATIENCE, copy, ended, publish};
use crate::house::{House, Plan, log_tail};
use crate::nats_server::NatsServer;
use crate::publisher::Publisher;
use crate::workload::records;

/// The input stream with so many bytes, as an operator may have made it.
async fn small_log(url: &str, max_bytes: i64) -> jetstream::Context {
    bounded_log(url, Config { max_bytes, ..Config::default() }).await
}

/// The input stream with those bounds.
async fn bounded_log(url: &str, bounds: Config) -> jetstream::Context {
    let context = jetstream::new(async_nats::connect(url).await.unwrap());
    let config = Config {
        name: "TW_INPUT".into(),
        subjects: vec!["tw.in.>".into()],
        discard: jetstream::stream::DiscardPolicy::New,
        deny_delete: true,
        deny_purge: true,
        duplicate_window: Duration::from_secs(30),
        ..bounds
    };
    context.create_stream(config).await.unwrap();
    context
}

async fn first_seq(context: &jetstream::Context) -> u64 {
    context.get_stream("TW_INPUT").await.unwrap().cached_info().state.first_sequence
}

/// Publishes over HTTP until it is refused; gives the answer.
async fn fill_over_http(house: &House) -> (u16, Value) {
    let body = json!({"model": "m", "prediction": "yes", "features": {"text": "x".repeat(20_000)}}).to_string();
    for _ in 0..10_000 {
        let (status, answer) = house.send(Method::POST, "/api/v1/publish/prediction/tests", body.clone()).await;
        if status != 202 {
            return (status, answer);
        }
    }
    panic!("the log never fills");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_log_refuses_producers_says_so_and_still_revokes_a_token() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let context = small_log(&url, 4 << 20).await;
    let house = Plan::on(&url, data.path()).open();
    let (_, made) = house.send(Method::POST, "/api/v1/tokens", json!({"name": "t", "role": "viewer"}).to_string()).await;
    let id = made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();

    let (status, answer) = fill_over_http(&house).await;
    assert_eq!((status, &answer["type"]), (503, &json!("urn:tidewatch:problem:log-full")), "{answer}");
    let ready = house.ready_when("not ready", |status, _| status == 503).await;
    assert!(ready["reason"].as_str().unwrap().contains("the log is full"), "{ready}");
    let codes: Vec<&str> =
        ready["conditions"].as_array().unwrap().iter().map(|found| found["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["log_full", "log_filling"]);
    assert_eq!(house.metric("tidewatch_log_max_bytes").await, Some(f64::from(4 << 20)));
    assert!(0.95 < house.metric("tidewatch_log_used_ratio").await.unwrap());
    assert!(0.0 < house.metric("tidewatch_log_refusals_total").await.unwrap());
    assert_eq!(house.get("/api/v1/health").await.unwrap()["conditions"][0]["code"], "log_full");

    let found = house.finding_when("process", "log_full").await;
    assert!(
        found["severity"] == "critical" && found["text"].as_str().unwrap().contains("max_bytes of the input stream"),
        "{found}"
    );
    house.finding_when("process", "log_filling").await;

    let (status, answer) = house.send(Method::DELETE, &format!("/api/v1/tokens/{id}"), String::new()).await;
    assert!((200..300).contains(&status), "{status} {answer}");
    let tokens = house.get("/api/v1/tokens").await.unwrap();
    assert!(!tokens.to_string().contains(&id), "{tokens}");
    assert_eq!(first_seq(&context).await, 1, "nothing that was acknowledged was dropped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_bounded_in_messages_is_told_of_too_and_still_takes_commands_when_others_have_filled_it() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let context = bounded_log(&url, Config { max_messages: 400, ..Config::default() }).await;
    let house = Plan::on(&url, data.path()).open();
    let (status, answer) = fill_over_http(&house).await;
    assert_eq!((status, &answer["type"]), (503, &json!("urn:tidewatch:problem:log-full")), "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("raise max_msgs"), "{answer}");
    let ready = house.ready_when("not ready", |status, _| status == 503).await;
    assert!(ready["reason"].as_str().unwrap().contains("of 400 messages"), "{ready}");
    assert!(0.95 < house.metric("tidewatch_log_used_ratio").await.unwrap());

    // what plain NATS still takes
    let body = json!({"model": "m", "prediction": "yes"}).to_string();
    while context.publish("tw.in.prediction.tests", body.clone().into()).await.unwrap().await.is_ok() {}
    let (status, answer) = house.send(Method::POST, "/api/v1/tokens", json!({"name": "t", "role": "viewer"}).to_string()).await;
    assert_eq!(status, 201, "{answer}");
    let state = context.get_stream("TW_INPUT").await.unwrap().cached_info().state.clone();
    assert!(state.first_sequence == 1 && 400 < state.messages, "{state:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_log_filled_to_the_brim_over_nats_a_fresh_directory_lets_its_own_admin_in() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let context = small_log(&url, 1 << 20).await;
    let payload = json!({"model": "m", "prediction": "yes", "features": {"text": "x".repeat(4_000)}}).to_string();
    while let Ok(ack) = context.publish("tw.in.prediction.tests", payload.clone().into()).await {
        if ack.await.is_err() {
            break;
        }
    }
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_tidewatch"));
    child.args(["up", "--listen", "127.0.0.1:0", "--no-demo", "--no-agent", "--nats-url", &url, "--data"]).arg(data.path());
    child.env_remove("TIDEWATCH_TOKEN").stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut child = child.spawn().unwrap();
    let client = reqwest::Client::new();
    let deadline = std::time::Instant::now() + PATIENCE;
    let admitted = loop {
        let run = std::fs::read_to_string(data.path().join("run.json")).unwrap_or_default();
        let token = std::fs::read_to_string(data.path().join("admin.token")).unwrap_or_default();
        if let Some(address) = serde_json::from_str::<Value>(&run).ok().and_then(|run| run["url"].as_str().map(str::to_owned)) {
            let asked = client.get(format!("{address}/api/v1/tokens")).bearer_auth(token.trim()).send().await;
            if asked.is_ok_and(|answer| answer.status() == 200) {
                break true;
            }
        }
        if deadline < std::time::Instant::now() {
            break false;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(admitted, "its own admin is not let in");
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_stop_before_the_server_drops_acknowledged_messages() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    // within the part that is kept for commands
    let context = small_log(&url, 256 << 10).await;
    let house = Plan::on(&url, data.path()).open();
    // commands are taken to the last, whoever sends them
    let body = json!({"command": "x".repeat(1_000)}).to_string();
    let full = 256 * 1024 - 3_000;
    while (context.get_stream("TW_INPUT").await.unwrap().cached_info().state.bytes) < full {
        context.publish("tw.in.command.tests", body.clone().into()).await.unwrap().await.unwrap();
    }
    house.ready_when("not ready", |status, _| status == 503).await;
    let last = context.get_stream("TW_INPUT").await.unwrap().cached_info().state.last_sequence;
    // three ticks' time
    let refusals = async || house.metric("tidewatch_log_refusals_total").await.unwrap();
    let before = refusals().await;
    let deadline = std::time::Instant::now() + PATIENCE;
    while refusals().await < before + 2.0 {
        assert!(std::time::Instant::now() < deadline, "{}", log_tail(data.path()));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let state = context.get_stream("TW_INPUT").await.unwrap().cached_info().state.clone();
    assert_eq!((state.first_sequence, state.last_sequence), (1, last));
}

#[tokio::test(flavor = "multi_thread")]
async fn producers_that_fill_the_log_over_nats_lose_no_acknowledged_message_on_any_server() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let context = small_log(&url, 64 << 20).await;
    let house = Plan::on(&url, data.path()).open();
    // four at once, as fast as they are acknowledged, until they are refused
    let mut producers = tokio::task::JoinSet::new();
    for size in [300, 900, 2_000, 5_000] {
        let context = context.clone();
        producers.spawn(async move {
            let payload = json!({"model": "m", "prediction": "yes", "features": {"text": "x".repeat(size)}}).to_string();
            let (mut acknowledged, mut refused) = (0, 0);
            while refused < 50 {
                match context.publish("tw.in.prediction.tests", payload.clone().into()).await.unwrap().await {
                    Ok(_) => acknowledged += 1,
                    Err(_) => refused += 1,
                }
            }
            acknowledged
        });
    }
    let mut acknowledged: u64 = producers.join_all().await.into_iter().sum();
    let state = async || context.get_stream("TW_INPUT").await.unwrap().cached_info().state.clone();
    for _ in 0..20 {
        // a payload that fits, of a message that does not
        let free = (64 << 20) - state().await.bytes;
        let payload = vec![b'x'; (free.min(1 << 20) as usize).saturating_sub(20)];
        acknowledged += u64::from(context.publish("tw.in.prediction.tests", payload.into()).await.unwrap().await.is_ok());
    }
    house.ready_when("not ready", |status, body| status == 503 && body.to_string().contains("the log is full")).await;
    let state = state().await;
    assert_eq!(state.first_sequence, 1, "nothing that was acknowledged was dropped: {}", log_tail(data.path()));
    let told = house.applied(state.last_sequence).await;
    let counted: u64 = ["applied", "rejected", "duplicates"].map(|name| told["counts"][name].as_u64().unwrap()).iter().sum();
    assert!(acknowledged <= counted, "{acknowledged} acknowledged, {}", told["counts"]);
    let (status, answer) = house.send(Method::POST, "/api/v1/tokens", json!({"name": "t", "role": "viewer"}).to_string()).await;
    assert_eq!(status, 201, "{answer}");

    // somebody makes room
    let mut config = context.get_stream("TW_INPUT").await.unwrap().cached_info().config.clone();
    config.max_bytes *= 2;
    context.update_stream(config).await.unwrap();
    house.ready_when("ready", |status, _| status == 200).await;
    let payload = json!({"model": "m", "prediction": "yes"}).to_string();
    let again = context.publish("tw.in.prediction.tests", payload.into()).await.unwrap().await.unwrap();
    house.applied(again.sequence).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_drops_its_oldest_messages_ends_it_with_5_until_somebody_decides() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let context = jetstream::new(async_nats::connect(&url).await.unwrap());
    let config = Config {
        name: "TW_INPUT".into(),
        subjects: vec!["tw.in.>".into()],
        discard: jetstream::stream::DiscardPolicy::New,
        max_bytes: 64 << 20,
        duplicate_window: Duration::from_secs(30),
        ..Config::default()
    };
    let stream = context.create_stream(config).await.unwrap();
    let plan = Plan::on(&url, data.path());
    let mut house = plan.open();
    let last = publish(&url, &records(61, 100)).await;
    let before = house.applied(last).await;
    // as a server of 2.9 does it by itself
    stream.purge().sequence(40).await.unwrap();
    assert_eq!(house.wait().code(), Some(5), "{}", log_tail(data.path()));
    let told = log_tail(data.path());
    assert!(told.contains("now begins at 40 (39 messages are gone)") && told.contains("--accept-loss"), "{told}");
    assert_eq!(ended(plan.spawn()).code(), Some(5), "{}", log_tail(data.path()));

    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tidewatch"));
    let accepted = command.args(["rebuild", "--accept-loss", "--nats-url", &url, "--data"]).arg(data.path()).output().unwrap();
    assert!(accepted.status.success(), "{accepted:?}");
    let house = plan.open();
    let after = house.applied(last).await;
    assert_eq!((&after["models"], &after["epoch"]), (&before["models"], &before["epoch"]), "the store is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_its_beginning_and_without_a_store_is_refused_with_the_numbers() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let context = jetstream::new(async_nats::connect(&url).await.unwrap());
    let config = Config { name: "TW_INPUT".into(), subjects: vec!["tw.in.>".into()], ..Config::default() };
    let stream = context.create_stream(config).await.unwrap();
    let last = publish(&url, &records(62, 50)).await;
    stream.purge().sequence(21).await.unwrap();
    let plan = Plan::on(&url, data.path());
    assert_eq!(ended(plan.spawn()).code(), Some(5), "{}", log_tail(data.path()));
    let told = log_tail(data.path());
    assert!(told.contains("begins at sequence 21: sequences 1 to 20 are gone") && told.contains("--partial"), "{told}");

    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tidewatch"));
    let partial = command.args(["rebuild", "--partial", "--nats-url", &url, "--data"]).arg(data.path()).output().unwrap();
    assert!(partial.status.success(), "{partial:?}");
    plan.open().applied(last).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_stream_that_is_gone_is_not_made_again_behind_the_back_of_the_store() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let plan = Plan::on(&url, data.path());
    let house = plan.open();
    let last = publish(&url, &records(63, 50)).await;
    house.applied(last).await;
    assert!(house.stop().success());
    let context = jetstream::new(async_nats::connect(&url).await.unwrap());
    context.delete_stream("TW_INPUT").await.unwrap();
    assert_eq!(ended(plan.spawn()).code(), Some(5), "{}", log_tail(data.path()));
    assert!(log_tail(data.path()).contains("the input stream is gone"), "{}", log_tail(data.path()));
    assert!(context.get_stream("TW_INPUT").await.is_err(), "it was made again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_restored_from_an_older_copy_that_grew_again_with_the_same_messages_is_another_log() {
    let mut server = NatsServer::start();
    let (url, data, aside) = (server.url(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let plan = Plan::on(&url, data.path());
    let house = plan.open();
    let kept = publish(&url, &records(64, 100)).await;
    house.applied(kept).await;
    assert!(house.stop().success());
    let old = aside.path().join("jetstream");
    server.kill();
    copy(&server.store(), &old);
    server.restart();
    let same = |count: usize| (0..count).map(|_| ("tw.in.tick.tests".to_owned(), b"{}".to_vec()));
    let house = plan.open();
    let applied = Publisher::to(&url).await.send_all(same(50)).await;
    house.applied(applied).await;
    assert!(house.stop().success());
    server.kill();
    std::fs::remove_dir_all(server.store()).unwrap();
    copy(&old, &server.store());
    server.restart();
    // past the position of the store, with the same subject and payload everywhere
    Publisher::to(&url).await.send_all(same(200)).await;
    assert_eq!(ended(plan.spawn()).code(), Some(5), "{}", log_tail(data.path()));
    assert!(log_tail(data.path()).contains("is not the one the store has applied"), "{}", log_tail(data.path()));
}
