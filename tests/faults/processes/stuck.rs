//! Something hangs or fails inside the process: the part that holds on does not keep the rest, and it is said.

use std::time::{Duration, Instant};

use super::{PATIENCE, PROMPT, publish};
use crate::house::{Plan, log_tail};
use crate::nats_server::NatsServer;
use crate::workload::records;

/// The processor stands still at the batch after the third.
const HUNG: &str = "processor.applied=3*off->sleep(600000)";

/// Without simulator and agent, and with a short grace period.
const SHORT_GRACE: [&str; 4] = ["--no-demo", "--no-agent", "--stop-grace", "2s"];

#[tokio::test(flavor = "multi_thread")]
async fn a_processor_that_hangs_shows_the_age_of_its_batch_and_ends_the_process_to_be_started_again() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let args = ["--no-demo", "--no-agent", "--hang-limit", "8s"];
    let mut house = Plan::on(&url, data.path()).with_args(&args).failing(HUNG).open();
    let last = publish(&url, &records(91, 500)).await;
    house
        .ready_when("a stalled processor", |status, body| status == 503 && body.to_string().contains("processor_stalled"))
        .await;
    let (wait, age) = ("tidewatch_commit_wait_seconds", "tidewatch_commit_age_seconds");
    let (wait, age) = (house.metric(wait).await.unwrap(), house.metric(age).await.unwrap());
    assert!((4.0..=8.5).contains(&wait) && wait <= age, "the batch has waited {wait} s, the last commit is {age} s old");
    assert!(house.get("/api/v1/state").await.is_some(), "reads go on");
    let status = house.wait();
    assert_eq!(status.code(), Some(1), "{}", log_tail(data.path()));
    assert!(log_tail(data.path()).contains("the processor hangs"), "{}", log_tail(data.path()));
    // what a supervisor does
    let house = Plan::on(&url, data.path()).open();
    house.applied(last).await;
    super::assert_counted_once(&house, &url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_hangs_when_it_stops_the_process_ends_with_its_grace_period() {
    for hung in [HUNG, "shutdown.draining=sleep(600000)", "store.committed=3*off->sleep(600000)"] {
        let server = NatsServer::start();
        let (url, data) = (server.url(), tempfile::tempdir().unwrap());
        let house = Plan::on(&url, data.path()).with_args(&SHORT_GRACE).failing(hung).open();
        // a batch each, until the processor has come to its place
        for seed in 0..5 {
            let last = publish(&url, &records(92 + seed, 50)).await;
            if tokio::time::timeout(PROMPT, house.applied(last)).await.is_err() {
                break;
            }
        }
        let told = Instant::now();
        let status = house.stop();
        println!("{hung}: ended after {:?}", told.elapsed());
        assert!(
            told.elapsed() < Duration::from_secs(2) + PROMPT / 2,
            "{hung}: {:?}: {}",
            told.elapsed(),
            log_tail(data.path())
        );
        assert_eq!(status.code(), Some(1), "{hung}: {}", log_tail(data.path()));
        assert!(log_tail(data.path()).contains("past the grace period"), "{hung}: {}", log_tail(data.path()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_counted_and_is_a_finding_that_a_restart_ends() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    // once the log was told that a fact was published
    let mut house = Plan::on(&url, data.path()).failing("effect.settled=1*panic->off").open();
    house.send(reqwest::Method::POST, "/api/v1/publish/prediction/bad?partial=true", "{\"model\":\"m\"}".to_owned()).await;
    let found = house.finding_when("process", "panicked").await;
    let text = found["text"].as_str().unwrap();
    assert!(text.contains("the program was at fault once since it started"), "{found}");
    assert_eq!(
        (&found["about"], &found["name"], &found["severity"]),
        (&"process".into(), &"tidewatch".into(), &"warning".into())
    );
    assert_eq!(house.metric("tidewatch_panics_total").await, Some(1.0));
    assert_eq!(house.get("/api/v1/health").await.unwrap()["panics"], 1);
    // nobody publishes facts any more: a supervisor starts it again
    assert_eq!(house.wait().code(), Some(1), "{}", log_tail(data.path()));

    let house = Plan::on(&url, data.path()).open();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let report = house.get("/api/v1/analysis?kind=process").await.unwrap_or_default();
        if report["items"][0]["state"] == "closed" {
            break;
        }
        assert!(Instant::now() < deadline, "it goes on: {report}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
