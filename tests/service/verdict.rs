//! The judgement of a model through the real process: what has arrived of it decides, its task stays what it is, and an incident is told once.
//!
//! What people who used it have told, and where each case is a test: of the core in the stream, of the process here or in `drift`, of the page in
//! `tests/browser/verdict.test.mjs` (its describe) unless another file is named.
//!
//! | told | core | process | page |
//! |---|---|---|---|
//! | 1 always wrong, always failing, old rows, two rows: never healthy | `status/tests`: `a_model_that_is_always_wrong_…`, `…_always_fails_…`, `rows_that_ended_an_hour_ago_…`, `two_predictions_…` | `a_slow_model_that_is_always_wrong_…` | a slow model that is always wrong |
//! | 2 right above the floor: no flapping | bench `status`; `status/rule` | `a_model_right_above_its_floor_…` | a model right above its floor |
//! | 3 income +40 % at two rows a minute | `drift/tests/traffic`; bench `drift_windows` | (the page's is a real process) | a slow model whose income has risen by 40 % |
//! | 4 fleets: who waits for a reference is served | `drift/tests/fleet`; bench `fleet` | (the page's is a real process) | a version for whose reference there is no room |
//! | 5 thresholds of any metric for one model | `status/tests`: `any_metric_…`, `a_model_may_have_a_floor_…`, `a_named_sample_…`, `a_forecast_…` | `each_model_has_thresholds_…` | thresholds of one model |
//! | 6 a warning says why, in both languages, everywhere the same | `status/tests`: `every_answer_…`, `new_thresholds_…` | `a_model_right_above_its_floor_…` | a model with few labels below its floor; `shell/reason.test.ts` |
//! | 7 one incident, where it happened, by its name | `drift/tests/incidents` | `wrong_answers_are_one_incident_…` | a model whose answers are wrong more often |
//! | 8 one window for verdicts, cards and heat map; two clean windows | `drift/incident` | `drift`: `a_report_says_one_thing_…` | a model whose answers are wrong more often; a model of two versions |
//! | 9 the version that serves most, alarms of all | `drift/tests`: `every_version_has_a_baseline_…` | `drift`: `a_report_says_one_thing_…` | a model of two versions |
//! | 10 a training set without predictions | `drift/tests`: `what_a_training_set_does_not_hold_…` | (the page's is a real process) | a model of two versions |
//! | 11 a stray value turns nothing over | `monitor/model/task` | `a_stray_value_…`; offline in `commands` | a forecast with values that are no numbers |
//! | 12 intervals hold what they say, or there is none and why | bench `coverage`; `stats/estimate`, `stats/ranking` | (the page's is a real process) | a model of too few rows for some of its intervals |

use std::collections::BTreeSet;
use std::time::Instant;

use crate::house::{House, PATIENCE, Plan};
use crate::nats_server::NatsServer;
use crate::publisher::{Publisher, frames};
use async_nats::jetstream;
use reqwest::Method;
use serde_json::{Value, json};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60_000;

/// A process on a server of its own.
struct Place {
    server: NatsServer,
    publisher: Publisher,
    house: House,
    _data: tempfile::TempDir,
}

impl Place {
    async fn open() -> Self {
        let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
        let house = Plan::on(&server.url(), data.path()).open();
        let publisher = Publisher::to(&server.url()).await;
        Self { server, publisher, house, _data: data }
    }

    async fn tell(&self, records: Vec<Value>) {
        let last = self.publisher.send_all(frames("prediction", &records, 100)).await;
        self.house.applied(last).await;
    }

    /// Reads the model until it satisfies `wanted`.
    async fn model(&self, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let model = self.house.get(&format!("/api/v1/models/{name}")).await.unwrap_or_default();
            if wanted(&model) {
                return model;
            }
            assert!(Instant::now() < deadline, "{what} did not come about: {model}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// The facts of one kind about a model, once there are `least` of them.
    async fn facts(&self, kind: &str, model: &str, least: u64) -> Vec<Value> {
        let context = jetstream::new(async_nats::connect(self.server.url()).await.unwrap());
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut stream = context.get_stream("TW_FACTS").await.unwrap();
            let last = stream.info().await.unwrap().state.last_sequence;
            let mut found = Vec::new();
            for sequence in 1..=last {
                let message = stream.get_raw_message(sequence).await.unwrap();
                if message.subject.as_str() == format!("tw.out.{kind}.{model}") {
                    found.push(serde_json::from_slice(&message.payload).unwrap());
                }
            }
            if least <= found.len() as u64 {
                return found;
            }
            assert!(Instant::now() < deadline, "no {least} facts {kind} about {model}: {found:?}");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Prediction `n` of `model`, answered rightly or not.
fn answered(model: &str, n: i64, at: i64, right: bool) -> Value {
    let actual = if right { "yes" } else { "no" };
    json!({"model": model, "prediction_id": format!("{model}-{n}"), "at": at, "prediction": "yes", "actual": actual, "response_time": 0.02})
}

/// `count` predictions `gap` milliseconds apart, the last of them at `end`; right in `share` of all cases, evenly spread.
fn stream(model: &str, (end, gap): (i64, i64), count: i64, share: f64) -> Vec<Value> {
    let right = |n: i64| (((n + 1) as f64) * share).floor() != ((n as f64) * share).floor();
    (0..count).map(|n| answered(model, n, end - (count - 1 - n) * gap, right(n))).collect()
}

fn codes(model: &Value) -> BTreeSet<&str> {
    model["reasons"].as_array().into_iter().flatten().filter_map(|reason| reason["code"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_model_that_is_always_wrong_or_always_fails_is_critical_and_little_or_old_data_is_not_healthy() {
    let place = Place::open().await;
    let now = now_ms();
    place.tell(stream("wrong", (now, 3 * SECOND_MS), 40, 0.0)).await;
    let failing = (0..40).map(|n| {
        json!({"model": "failing", "prediction_id": format!("f{n}"), "at": now - (40 - n) * 3 * SECOND_MS, "error": "timeout", "response_time": 2.5})
    });
    place.tell(failing.collect()).await;
    place.tell(stream("hello", (now, SECOND_MS), 2, 1.0)).await;
    place.tell(stream("yesterday", (now - 60 * MINUTE_MS, SECOND_MS), 200, 0.9)).await;

    let wrong = place.model("wrong", "critical", |model| model["status"] == "critical").await;
    assert!(codes(&wrong).contains("accuracy"), "{}", wrong["reasons"]);
    let failing = place.model("failing", "critical", |model| model["status"] == "critical").await;
    assert!(codes(&failing).contains("error_rate"), "{}", failing["reasons"]);
    let hello = place.model("hello", "a judgement", |model| model["status_since"].is_string()).await;
    assert_eq!((&hello["status"], hello["reasons"][0]["n"].as_u64()), (&json!("unknown"), Some(2)), "{hello}");
    assert!(!hello["status_since"].as_str().unwrap().starts_with("1970"), "{hello}");
    assert!(hello["reasons"][0]["message"].as_str().unwrap().starts_with("not enough data: 2 of 30"), "{}", hello["reasons"]);
    let old = place.model("yesterday", "staleness", |model| model["stale"] == true).await;
    assert_eq!((&old["status"], codes(&old).contains("stale")), (&json!("unknown"), true), "{}", old["reasons"]);
    // who watches by the endpoints of the requirement is not told that all is well
    let told = place.house.get("/api/ai/monitoring/performance?model_name=hello").await.unwrap();
    assert!(told.to_string().contains("warning"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_right_above_its_floor_does_not_flap_and_every_interface_says_the_same_of_a_warning() {
    let place = Place::open().await;
    for part in stream("churn", (now_ms(), 100), 20_000, 0.704).chunks(1_000) {
        place.tell(part.to_vec()).await;
    }
    place.tell(stream("few", (now_ms(), SECOND_MS), 100, 0.66)).await;

    let few = place.model("few", "a warning", |model| model["status"] == "warning").await;
    let reason = few["reasons"].as_array().unwrap().iter().find(|reason| reason["code"] == "accuracy").unwrap();
    let message = reason["message"].as_str().unwrap();
    // the judgement may have come before the last of the hundred
    assert!(message.starts_with("accuracy 6") && message.contains("floor 70 %, below it but not evidently"), "{message}");
    assert_eq!((&reason["threshold"], &reason["margin"], &reason["direction"]), (&json!(0.7), &json!(0.02), &json!("below")));
    let facts = place.facts("status_changed", "few", 1).await;
    assert_eq!(facts.last().unwrap()["to"], "warning", "{facts:?}");
    let export = place.house.text("/api/v1/export").await.unwrap();
    let mut lines = export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_few = lines.find(|line| line["type"] == "model" && line["name"] == "few").unwrap();
    assert_eq!(of_few["status"], "warning", "{of_few}");
    let told = place.house.get("/api/ai/monitoring/performance?model_name=few").await.unwrap();
    assert!(told.to_string().contains("warning"), "{told}");

    // at most two changes after the first judgement
    let churn = place.model("churn", "a judgement", |model| model["status_since"].is_string()).await;
    let history = place.house.get("/api/v1/models/churn/status/history").await.unwrap();
    let spells = history["items"].as_array().unwrap();
    assert!(spells.len() <= 3, "{history}");
    assert_eq!(spells.last().unwrap()["status"], churn["status"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_model_has_thresholds_of_its_own_for_any_metric_and_a_forecast_is_not_judged_by_a_tenth_of_the_truth() {
    let place = Place::open().await;
    let now = now_ms();
    // 7.5 % off, on either side
    let forecast = (0..2_000).map(|n: i64| {
        let actual = 100.0 + (n * 37 % 100) as f64;
        let prediction = actual * if n % 2 == 0 { 1.15 } else { 1.0 };
        json!({"model": "forecast", "prediction_id": format!("r{n}"), "at": now - (2_000 - n) * 100, "prediction": prediction, "actual": actual, "response_time": 0.05})
    });
    place.tell(forecast.collect()).await;
    place.tell(stream("fraud", (now, 100), 1_000, 0.9)).await;
    let healthy = |model: &Value| model["status"] == "healthy";
    let forecast = place.model("forecast", "health", healthy).await;
    assert!(
        forecast["judged"].as_array().unwrap().iter().all(|judged| judged["metric"] != "accuracy"),
        "{}",
        forecast["judged"]
    );

    let path = "/api/v1/models/forecast/thresholds";
    let own = json!({"thresholds": [{"metric": "mae", "value": 5.0}, {"metric": "rmse", "value": 50.0}, {"metric": "p95", "value": 0.2}]});
    let (status, answer) = place.house.send(Method::PUT, path, own.to_string()).await;
    assert_eq!((status, answer["thresholds"].as_array().map(Vec::len)), (200, Some(3)), "{answer}");
    let (status, answer) = place
        .house
        .send(
            Method::PUT,
            "/api/v1/models/hourly/thresholds",
            json!({"thresholds": [{"metric": "rmse", "value": 2.0}]}).to_string(),
        )
        .await;
    assert_eq!(status, 200, "{answer}");
    // of 120 rows there is no 95 % interval of squared errors, and yet it is evident that they are too large
    let hourly = (0..120).map(|n: i64| {
        let prediction = 100.0 + ((n * 37 % 21) - 10) as f64;
        json!({"model": "hourly", "prediction_id": format!("h{n}"), "at": now - (120 - n) * 100, "prediction": prediction, "actual": 100.5})
    });
    place.tell(hourly.collect()).await;
    let hourly = place.model("hourly", "a critical loss", |model| model["status"] == "critical").await;
    assert!(hourly["reasons"][0]["low"].is_number(), "{}", hourly["reasons"]);
    let judged = place.model("forecast", "a critical loss", |model| model["status"] == "critical").await;
    assert_eq!(judged["reasons"][0]["metric"], "mae", "{}", judged["reasons"]);
    let metrics: BTreeSet<&str> =
        judged["judged"].as_array().unwrap().iter().filter_map(|each| each["metric"].as_str()).collect();
    assert!(["mae", "rmse", "p95"].iter().all(|metric| metrics.contains(metric)), "{metrics:?}");
    // the other model knows nothing of that
    place.model("fraud", "health", healthy).await;
    let (status, answer) = place
        .house
        .send(
            Method::PUT,
            "/api/v1/models/fraud/thresholds",
            json!({"thresholds": [{"metric": "f1", "value": 0.99}]}).to_string(),
        )
        .await;
    assert_eq!(status, 200, "{answer}");
    place.model("fraud", "an F1 below its floor", |model| codes(model).contains("f1")).await;
    let (status, problem) = place
        .house
        .send(Method::PUT, "/api/v1/thresholds", json!({"model": "fraud", "accuracy_threshold": 0.8}).to_string())
        .await;
    assert_eq!(status, 422);
    assert!(problem["detail"].as_str().unwrap().contains("/api/v1/models/{model}/thresholds"), "{problem}");
    // what one exports another imports
    let exported = place.house.get(path).await.unwrap();
    let (status, answer) = place.house.send(Method::PUT, "/api/v1/models/later/thresholds", exported.to_string()).await;
    assert_eq!((status, &answer["thresholds"]), (200, &exported["thresholds"]), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_answers_are_one_incident_in_event_time_though_all_of_it_arrives_at_once() {
    let place = Place::open().await;
    // of two days ago: nothing in it may carry the minute of its arrival
    let end = (now_ms() / (10 * MINUTE_MS)) * 10 * MINUTE_MS - 2 * 24 * 60 * MINUTE_MS;
    let fall = end - 30 * MINUTE_MS;
    let good = stream("fraud", (fall, SECOND_MS), 4_000, 0.93);
    // 60 % right for two windows, then 76 %
    let right = |n: i64| n % 25 < if n <= 1_200 { 15 } else { 19 };
    let bad = (1..=1_800).map(|n| answered("fraud", 10_000 + n, fall + n * SECOND_MS, right(n))).collect::<Vec<_>>();
    place.tell(good).await;
    for part in bad.chunks(300) {
        place.tell(part.to_vec()).await;
    }
    place.tell(vec![answered("fraud", 20_000, end + MINUTE_MS, true)]).await;

    let facts = place.facts("drift_detected", "fraud", 1).await;
    let report = place.house.get("/api/v1/models/fraud/drift").await.unwrap();
    let incidents: Vec<&Value> =
        report["incidents"].as_array().unwrap().iter().filter(|each| each["subject"] == "error").collect();
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert!(report["incidents"].as_array().unwrap().iter().all(|each| each["subject"] != "failure"), "{}", report["incidents"]);
    let of_answers: Vec<&Value> = facts.iter().filter(|fact| fact["subject"] == "error").collect();
    assert!(of_answers.len() <= 1, "{of_answers:?}");
    let onset: jiff::Timestamp = incidents[0]["onset"].as_str().unwrap().parse().unwrap();
    let off = (onset.as_millisecond() - fall).abs();
    assert!(off < 15 * MINUTE_MS, "the onset {onset} is {} min off", off / MINUTE_MS);
    // how bad it has been, and how it stands now
    assert_eq!(incidents[0]["state"], "open", "{}", incidents[0]);
    let wrong = |window: &Value| window["effect"]["rate_now"].as_f64().unwrap();
    let (worst, now) = (&incidents[0]["worst"], &incidents[0]["now"][0]);
    assert!((wrong(worst) - 0.4).abs() < 0.03 && (wrong(now) - 0.24).abs() < 0.03, "worst {worst}, now {now}");
    assert!(worst["start"].as_str() < now["start"].as_str() && 500 < worst["n"].as_u64().unwrap(), "worst {worst}, now {now}");
    // the figure beside the incident tells of the same fall
    assert!(0.0 < report["score"]["performance"].as_f64().unwrap(), "{}", report["score"]);
    let accuracy = &report["score"]["accuracy"];
    assert!(accuracy["now"].as_f64().unwrap() < accuracy["before"].as_f64().unwrap(), "{accuracy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stray_value_turns_no_model_over() {
    let place = Place::open().await;
    let now = now_ms();
    let of = |n: i64, prediction: Value, actual: Value| json!({"model": "price", "prediction_id": format!("p{n}"), "at": now - 60 * SECOND_MS + n * 10, "prediction": prediction, "actual": actual});
    let actual = |n: i64| 100.0 + (n * 37 % 100) as f64;
    place.tell((0..1_000).map(|n| of(n, json!(actual(n) + 3.0), json!(actual(n)))).collect()).await;
    let windows = "/api/v1/models/price/total";
    let names = |window: &Value| window["metrics"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let before = place.house.get(windows).await.unwrap();
    let strays = [json!("n/a"), json!(true), json!("n/a")];
    place.tell(strays.iter().enumerate().map(|(n, stray)| of(1_000 + n as i64, stray.clone(), json!(5))).collect()).await;
    place.tell(vec![of(1_010, json!(7), json!("unknown"))]).await;
    let after = place.house.get(windows).await.unwrap();
    assert_eq!((names(&after), &after["metrics"]["mae"]["value"]), (names(&before), &before["metrics"]["mae"]["value"]));
    let model = place.house.get("/api/v1/models/price").await.unwrap();
    assert_eq!(model["task"], "regression");
    let decision = &model["task_decision"];
    assert_eq!(decision["labels"]["examples"], json!(["unknown"]), "{decision}");
    assert!(decision["predictions"]["examples"].as_array().unwrap().contains(&json!("n/a")), "{decision}");
    assert!(2 <= decision["predictions"]["count"].as_u64().unwrap(), "{decision}");

    let of = |n: i64, prediction: Value| json!({"model": "flag", "prediction_id": format!("b{n}"), "at": now - 60 * SECOND_MS + n * 10, "prediction": prediction, "actual": n % 2});
    place.tell((0..1_000).map(|n| of(n, json!((n + i64::from(n % 10 == 0)) % 2))).collect()).await;
    let windows = "/api/v1/models/flag/total";
    let before = place.house.get(windows).await.unwrap();
    place.tell(vec![of(1_000, json!(0.73)), of(1_001, json!(300))]).await;
    let after = place.house.get(windows).await.unwrap();
    assert_eq!(names(&after), names(&before));
    assert_eq!(place.house.get("/api/v1/models/flag").await.unwrap()["task"], "classification");
}
