//! How long windows are kept, through the real process: what is old is shown as hours and days, at the same figures, before and after a restart.

use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{House, PATIENCE, Plan};
use crate::nats_server::NatsServer;

const PATH: &str = "/api/v1/windows/retention";
const DAY_MS: i64 = 86_400_000;

/// Publishes predictions so long ago, each in a minute of its own, with their labels, and waits until they count.
async fn serve(house: &House, now_ms: i64, days_ago: i64, count: i64) {
    let at = |n: i64| (now_ms - days_ago * DAY_MS) / 3_600_000 * 3_600_000 + n * 60_000;
    let record = |n: i64| json!({ "model": "fraud", "prediction_id": format!("{days_ago}-{n}"), "at": at(n), "prediction": "a", "actual": "a" });
    let body = (0..count).map(record).collect::<Value>().to_string();
    let (status, answer) = house.send(Method::POST, "/api/v1/publish/prediction/test?wait=applied", body).await;
    assert_eq!(status, 200, "{answer}");
}

async fn windows(house: &House, query: &str) -> Vec<Value> {
    let path = format!("/api/v1/models/fraud/windows?{query}");
    house.get(&path).await.unwrap_or_else(|| panic!("{path}")).as_array().unwrap().clone()
}

/// Minutes that a window is wide.
fn width(window: &Value) -> i64 {
    let at = |bound: &str| window[bound].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    (at("end") - at("start")) / 60
}

#[tokio::test(flavor = "multi_thread")]
async fn old_minutes_are_shown_as_hours_and_days_with_the_same_figures() {
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let plan = Plan::on(&server.url(), data.path());
    let house = plan.open();
    let now_ms = jiff::Timestamp::now().as_millisecond() - 7_200_000;
    for (days_ago, count) in [(100, 3), (40, 5), (2, 2), (0, 1)] {
        serve(&house, now_ms, days_ago, count).await;
    }
    let deadline = Instant::now() + PATIENCE;
    let told = loop {
        let told = house.get(PATH).await.unwrap();
        if told["hours_deleted"] == 1 {
            break told;
        }
        assert!(Instant::now() < deadline, "nothing is rolled up: {told}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert_eq!(
        (&told["minutes_deleted"], &told["days_deleted"], &told["day_windows_days"]),
        (&json!(8), &json!(0), &json!(730))
    );

    for (days_ago, shown) in [(100, vec![(1_440, 3)]), (40, vec![(60, 5)]), (2, vec![(1, 1); 2]), (0, vec![(1, 1)])] {
        let (from, to) = (now_ms - days_ago * DAY_MS - DAY_MS, now_ms - days_ago * DAY_MS + DAY_MS / 2);
        let by_minute = windows(&house, &format!("from={from}&to={to}&resolution=1m")).await;
        let shape: Vec<(i64, u64)> = by_minute.iter().map(|of| (width(of), of["predictions"].as_u64().unwrap())).collect();
        assert_eq!(shape, shown, "{days_ago} days ago");
    }
    let by_day = windows(&house, "from=0&resolution=1d").await;
    assert_eq!(by_day.iter().map(|of| of["labelled"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 5, 2, 1]);
    assert!(by_day.iter().all(|of| of["metrics"]["accuracy"]["value"] == 1.0), "{by_day:?}");

    let export = house.quiet().await;
    assert_eq!(export.lines().filter(|line| line.contains("\"type\":\"window\"")).count(), 5);
    assert!(house.stop().success());
    let house = plan.open();
    assert_eq!(house.quiet().await, export, "the same after a restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retention_that_cannot_be_is_refused_with_the_way_out() {
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let house = Plan::on(&server.url(), data.path()).open();
    for (body, words) in [
        ("{}", "at least one"),
        (r#"{"minute_windows_days":29}"#, "minute_windows_days"),
        (r#"{"day_windows_days":4000}"#, "3653"),
        (r#"{"minute_windows_days":91}"#, "hour_windows_days 90"),
        (r#"{"hours":91}"#, "hours"),
    ] {
        let (status, problem) = house.send(Method::PUT, PATH, body.to_owned()).await;
        assert_eq!(status, 422, "{body}: {problem}");
        assert!(problem.to_string().contains(words), "{body}: {problem}");
    }
    let (status, told) = house.send(Method::PUT, PATH, r#"{"hour_windows_days":180}"#.to_owned()).await;
    assert_eq!((status, &told["hour_windows_days"], &told["minute_windows_days"]), (200, &json!(180), &json!(30)));
}
