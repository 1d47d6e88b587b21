//! Models trained anew, through the real process: from what the log holds, by a process of its own, compared with what was answered.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{House, PATIENCE, Plan, log_tail};
use crate::nats_server::NatsServer;

const POLICY: &str = "/api/v1/retraining/policy";

/// Publishes predictions of `fraud` with features and their truth: fraud is what costs more than 60, and the model answers by chance.
///
/// * `shuffled`: whether the truth follows from nothing.
async fn serve(house: &House, first: u64, count: u64, shuffled: bool) {
    let now = jiff::Timestamp::now().as_millisecond() as u64 - 3_600_000;
    for begin in (first..first + count).step_by(500) {
        let record = |n: u64| {
            let draw = |salt: u64| mixed(n, salt) % 1_000;
            let amount = (mixed(n, 1) % 100_000) as f64 / 1_000.0;
            // one label in twelve is wrong, or the amount alone would tell the truth and be refused
            let is_fraud = if shuffled { draw(7) < 400 } else { (60.0 < amount) != (draw(11) < 80) };
            // where nothing can be learnt the champion already knows all that there is to know: how many are fraud
            let answer = !shuffled && draw(3) < 400;
            let device = if n.is_multiple_of(2) { "web" } else { "mobile" };
            json!({ "model": "fraud", "prediction_id": format!("p{n}"), "at": now + n * 100, "features": { "amount": amount, "hour": n % 24,
                "device": device }, "prediction": if answer { "fraud" } else { "ok" }, "confidence": if shuffled { 0.6 } else { 0.7 },
                "segment": { "device": device }, "actual": if is_fraud { "fraud" } else { "ok" } })
        };
        let body = (begin..(begin + 500).min(first + count)).map(record).collect::<Value>().to_string();
        let (status, answer) = house.send(Method::POST, "/api/v1/publish/prediction/test?wait=applied", body).await;
        assert_eq!(status, 200, "{answer}");
    }
}

/// Draws that do not follow from each other: SplitMix64 (Steele, Lea & Flood (2014), *OOPSLA*, 453–472).
fn mixed(n: u64, salt: u64) -> u64 {
    let mut z = n.wrapping_mul(1_000).wrapping_add(salt).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

async fn set(house: &House, policy: Value) {
    let (status, answer) = house.send(Method::PUT, POLICY, policy.to_string()).await;
    assert_eq!(status, 200, "{answer}");
}

async fn retrain(house: &House) -> Value {
    let (status, answer) = house.send(Method::POST, "/api/ai/retrain/manual", r#"{"model_name":"fraud"}"#.to_owned()).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// Waits for an answer that is as wanted.
async fn when(house: &House, path: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let (deadline, mut last) = (Instant::now() + PATIENCE, Value::Null);
    while Instant::now() < deadline {
        if let Some(answer) = house.get(path).await {
            if wanted(&answer) {
                return answer;
            }
            last = answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} did not come about; last: {last}");
}

async fn ended(house: &House, job: &str) -> Value {
    let path = format!("/api/v1/retraining/jobs/{job}");
    when(house, &path, "the end of a job", |job| !["queued", "running"].contains(&job["state"].as_str().unwrap_or("queued")))
        .await
}

/// Trainers that belong to this process: each is a child of the thread that has started it.
fn trainers(house: &House) -> usize {
    let threads = std::fs::read_dir(format!("/proc/{}/task", house.pid())).into_iter().flatten().flatten();
    let children = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let is_trainer =
        |pid: &&str| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("trainer"));
    children.map(|children| children.split_whitespace().filter(is_trainer).count()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_trained_from_the_log_proves_itself_and_serves() {
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let plan = Plan::on(&server.url(), data.path());
    let house = plan.open();
    let status = house.get("/api/ai/retrain/status").await.unwrap();
    assert_eq!((&status["active_tasks"], &status["config"]["retrain_interval_hours"]), (&json!(0), &json!(24.0)));
    serve(&house, 0, 3_000, false).await;
    set(&house, json!({"mode": "auto", "model_configs": {"fraud": {"hyperparameters": {"n_estimators": 30}}}})).await;
    let answer = retrain(&house).await;
    assert_eq!((&answer["success"], &answer["state"]), (&json!(true), &json!("running")));
    let again = retrain(&house).await;
    assert_eq!((&again["state"], &again["job_id"]), (&json!("already_queued"), &answer["job_id"]));

    let job = ended(&house, answer["job_id"].as_str().unwrap()).await;
    assert_eq!((&job["state"], &job["version"], &job["progress"]), (&json!("completed"), &json!("r1"), &json!(100.0)), "{job}");
    let listed = house.get("/api/v1/retraining/jobs?model=fraud&state=ended").await.unwrap();
    assert_eq!((&listed["items"][0], &listed["next"]), (&job, &Value::Null));
    assert_eq!(house.get("/api/v1/retraining/jobs?state=open").await.unwrap()["items"], json!([]));
    assert_eq!(house.send(Method::GET, "/api/v1/retraining/jobs?state=lost", String::new()).await.0, 400);
    let status = house.get("/api/ai/retrain/status").await.unwrap();
    let recent = &status["recent_completed"][0];
    assert_eq!((&recent["model_name"], &recent["status"]), (&json!("fraud"), &json!("completed")));
    assert!(0.85 < recent["result"]["accuracy"].as_f64().unwrap(), "{status}");
    assert_eq!(recent["result"]["training_samples"], 2_400);

    let comparison = house.get("/api/v1/models/fraud/comparison").await.unwrap();
    assert_eq!((&comparison["champion"], &comparison["decisions"][0]["decision"]), (&json!("r1"), &json!("promoted")));
    let versions = house.get("/api/v1/models/fraud/versions").await.unwrap();
    let made = &versions["trained"][0];
    assert_eq!((&made["standing"], &made["holdout_rows"]), (&json!("champion"), &json!(600)), "{made}");
    assert!(made["champion_metrics"]["accuracy"]["value"].as_f64() < made["metrics"]["accuracy"]["value"].as_f64());
    let hash = made["artifact"].as_str().unwrap().to_owned();
    let file = data.path().join("models").join(format!("{hash}.model"));
    assert_eq!(blake3::hash(&std::fs::read(file).unwrap()).to_hex().as_str(), hash);
    let performance = house.get("/api/ai/monitoring/performance?model_name=fraud").await.unwrap();
    assert!(performance["performance"]["last_training"].is_string());

    let ask = |body: Value| house.send(Method::POST, "/api/v1/models/fraud/predict?wait=stored", body.to_string());
    let (status, said) = ask(json!({"features": {"amount": 99.0, "hour": 3, "device": "web", "color": "red"}})).await;
    assert_eq!((status, &said["prediction"], &said["model_version"]), (200, &json!("fraud"), &json!("r1")), "{said}");
    assert_eq!((&said["logged"], &said["unknown_features"]), (&json!(true), &json!(["color"])));
    let id = said["prediction_id"].as_str().unwrap().to_owned();
    when(&house, &format!("/api/v1/models/fraud/predictions/{id}"), "the record of an answer", |of| {
        of["record"]["model_version"] == "r1"
    })
    .await;
    let rows = json!({"rows": [{"features": {"amount": 1}}, {"features": {"amount": 88.5}, "prediction_id": "mine"}]});
    let (status, said) = ask(rows).await;
    assert_eq!(
        (status, &said["rows"][0]["prediction"], &said["rows"][1]["prediction_id"]),
        (200, &json!("ok"), &json!("mine")),
        "{said}"
    );
    let (status, problem) = ask(json!({"features": {"amount": "much"}})).await;
    assert_eq!((status, &problem["pointer"]), (422, &json!("/features/amount")), "{problem}");
    let (status, _) = ask(json!({"rows": []})).await;
    assert_eq!(status, 422);

    assert!(house.stop().success());
    let house = plan.open();
    house.ready_when("ready", |status, _| status == 200).await;
    assert_eq!(house.get("/api/v1/models/fraud/comparison").await.unwrap()["champion"], "r1", "the same after a restart");
    let (status, back) = house.send(Method::POST, "/api/v1/models/fraud/rollback", "{}".to_owned()).await;
    assert_eq!((status, &back["champion"]), (200, &Value::Null), "{back}");
    let (status, problem) =
        house.send(Method::POST, "/api/v1/models/fraud/predict", r#"{"features":{"amount":1}}"#.to_owned()).await;
    assert_eq!(status, 409, "{problem}");
    let (status, back) = house.send(Method::POST, "/api/v1/models/fraud/rollback", r#"{"to":"r1"}"#.to_owned()).await;
    assert_eq!((status, &back["champion"]), (200, &json!("r1")), "{back}");
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_that_follow_from_nothing_never_replace_a_model_and_too_few_rows_are_refused_by_name() {
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let house = Plan::on(&server.url(), data.path()).open();
    set(&house, json!({"mode": "auto"})).await;
    serve(&house, 0, 400, true).await;
    let job = ended(&house, retrain(&house).await["job_id"].as_str().unwrap()).await;
    assert_eq!((&job["state"], &job["error"]["code"]), (&json!("failed"), &json!("too_few_rows")), "{job}");
    serve(&house, 400, 2_000, true).await;
    let job = ended(&house, retrain(&house).await["job_id"].as_str().unwrap()).await;
    let comparison = house.get("/api/v1/models/fraud/comparison").await.unwrap();
    assert_eq!(comparison["champion"], Value::Null, "{job} {comparison}");
    let (status, problem) = house.send(Method::POST, "/api/ai/retrain/manual", r#"{"model_name":"nobody"}"#.to_owned()).await;
    assert_eq!(status, 404, "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_training_is_a_job_among_others_with_what_it_costs_and_how_it_went() {
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let house = Plan::on(&server.url(), data.path()).open();
    serve(&house, 0, 400, false).await;
    let failed = retrain(&house).await["job_id"].as_str().unwrap().to_owned();
    let job = when(&house, &format!("/api/v1/jobs/{failed}"), "a failure", |of| of["state"] == "FAIL").await;
    assert!(job["error"].as_str().unwrap().starts_with("too_few_rows: "), "{job}");
    serve(&house, 400, 2_600, false).await;
    set(&house, json!({"model_configs": {"fraud": {"hyperparameters": {"n_estimators": 30}}}})).await;
    let made = retrain(&house).await["job_id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/jobs/{made}");
    let job = when(&house, &path, "a model", |of| of["retraining"]["version"] == "r1" && of["state"] == "COMPLETE").await;
    assert_eq!((&job["kind"], &job["model"], &job["progress"]), (&json!("retraining"), &json!("fraud"), &json!(1.0)), "{job}");
    let cost = job["performance"].as_object().unwrap();
    assert_eq!(cost.len(), 8, "{job}");
    assert!(0.0 < cost["ram_mb_peak"].as_f64().unwrap() && 0.0 < cost["processing_time_sec"].as_f64().unwrap(), "{job}");
    let data = &job["retraining"]["data"];
    assert_eq!((&data["rows"], &data["holdout_rows"]), (&json!(2_400), &json!(600)), "{job}");
    let log = job["result"]["log"].as_array().unwrap();
    let lines: Vec<&str> = log.iter().filter_map(|line| line["message"].as_str()).collect();
    assert!(lines[0].starts_with("reads the log from "), "{lines:?}");
    assert!(lines.contains(&"stage evaluate") && lines.last().unwrap().starts_with("trained from 2400 rows"), "{lines:?}");

    let (status, run) = house.send(Method::POST, "/api/v1/jobs", r#"{"job_id":"mine"}"#.to_owned()).await;
    assert_eq!((status, &run["retraining"]), (201, &Value::Null), "{run}");
    let listed = house.get("/api/v1/jobs?kind=retraining&model=fraud").await.unwrap();
    let ids: Vec<&str> = listed["items"].as_array().unwrap().iter().filter_map(|job| job["id"].as_str()).collect();
    assert_eq!(ids, [made.as_str(), failed.as_str()], "the newest first, and no run");
    for (id, expected) in [("mine", (409, "not-a-retraining")), ("nobody", (404, "unknown-job"))] {
        let (status, problem) = house.send(Method::POST, &format!("/api/v1/jobs/{id}/cancel"), String::new()).await;
        let told = (status, problem["type"].as_str().unwrap());
        assert_eq!(told, (expected.0, format!("urn:tidewatch:problem:{}", expected.1).as_str()), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_cancelled_ends_its_process_and_one_whose_server_was_killed_is_done_once() {
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let plan = Plan::on(&server.url(), data.path());
    let house = plan.open();
    serve(&house, 0, 3_000, false).await;
    let slow = json!({"n_estimators": 2000, "max_leaves": 255, "min_samples_leaf": 1, "learning_rate": 0.0001});
    set(&house, json!({"model_configs": {"fraud": {"hyperparameters": slow}}})).await;
    let id = retrain(&house).await["job_id"].as_str().unwrap().to_owned();
    let deadline = Instant::now() + PATIENCE;
    while trainers(&house) == 0 {
        assert!(Instant::now() < deadline, "no trainer: {}", log_tail(data.path()));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let status = house.get("/api/ai/monitoring/performance?model_name=fraud").await.unwrap();
    assert_eq!(status["performance"]["status"], "training");
    let listed = format!("/api/v1/jobs/{id}");
    when(&house, &listed, "a job that runs", |of| of["state"] == "RUNNING" && of["retraining"]["state"] == "running").await;
    let (_, job) = house.send(Method::POST, &format!("{listed}/cancel"), String::new()).await;
    assert_eq!(job["state"], "cancelled");
    let job = when(&house, &listed, "its end", |of| of["state"] == "ABORT").await;
    assert_eq!((&job["retraining"]["state"], &job["error"]), (&json!("cancelled"), &Value::Null), "{job}");
    while trainers(&house) != 0 {
        assert!(Instant::now() < deadline, "the trainer goes on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    set(&house, json!({"model_configs": {}})).await;
    assert!(house.stop().success());

    // killed after the model was kept and before the log knows it
    let mut house = Plan::on(&server.url(), data.path()).failing("training.kept=abort").open();
    house.ready_when("ready", |status, _| status == 200).await;
    let id = retrain(&house).await["job_id"].as_str().unwrap().to_owned();
    house.wait();
    let kept = std::fs::read_dir(data.path().join("models")).unwrap().count();
    assert_eq!(kept, 1);
    let house = plan.open();
    house.ready_when("ready", |status, _| status == 200).await;
    let job = ended(&house, &id).await;
    assert_eq!((&job["state"], &job["version"], &job["attempt"]), (&json!("completed"), &json!("r1"), &json!(2)), "{job}");
    assert_eq!(std::fs::read_dir(data.path().join("models")).unwrap().count(), 1, "the same bytes again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_taken_as_it_stands_and_a_bad_one_is_refused_with_its_key() {
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let house = Plan::on(&server.url(), data.path()).open();
    let before = house.get(POLICY).await.unwrap();
    assert_eq!((&before["auto_retrain_enabled"], &before["mode"]), (&json!(false), &json!("propose")));
    for (body, words) in [
        ("{}", "at least one"),
        (r#"{"max_concurrent_tasks": 0}"#, "max_concurrent_tasks"),
        (r#"{"drift_treshold": 0.2}"#, "drift_treshold"),
        (r#"{"gates": {"p99_ms_max": -1}}"#, "p99_ms_max"),
        (r#"{"model_configs": {"m": {"algorithm": "xgboost"}}}"#, "model_configs.m.algorithm"),
        (r#"{"model_configs": {"m": {"hyperparameters": {"trees": 3}}}}"#, "n_estimators"),
        (r#"{"model_configs": {"m": {"hyperparameters": {"learning_rate": 7}}}}"#, "learning_rate"),
        (r#"{"mode": "always"}"#, "mode"),
    ] {
        let (status, problem) = house.send(Method::PUT, POLICY, body.to_owned()).await;
        assert_eq!(status, 422, "{body}: {problem}");
        assert!(problem.to_string().contains(words), "{body}: {problem}");
    }
    assert_eq!(house.get(POLICY).await.unwrap(), before, "nothing has changed");
    let asked = json!({"auto_retrain_enabled": true, "max_concurrent_tasks": 2, "retrain_interval_hours": 24, "backup_models": true,
        "performance_threshold": 0.7, "drift_threshold": 0.2, "model_configs": {"sales_forecast": {"algorithm": "gradient_boosting",
        "hyperparameters": {"n_estimators": 100, "learning_rate": 0.1, "max_depth": 5}}}});
    let (status, told) = house.send(Method::PUT, POLICY, asked.to_string()).await;
    assert_eq!(status, 200, "{told}");
    for (key, value) in asked.as_object().unwrap() {
        let as_number = |value: &Value| value.as_f64();
        assert!(
            told[key] == *value || as_number(&told[key]).is_some() && as_number(&told[key]) == as_number(value),
            "{key}: {told}"
        );
    }
    let summary = house.get("/api/ai/monitoring/summary").await.unwrap();
    assert_eq!(summary["summary"]["auto_retrain_enabled"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_goes_on_with_labels_that_come_in_and_a_mistake_is_undone_by_itself() {
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let house = Plan::on(&server.url(), data.path()).open();
    house.ready_when("ready", |status, _| status == 200).await;
    let small = json!({"n_estimators": 20});
    set(&house, json!({"mode": "auto", "model_configs": {"fraud": {"hyperparameters": small}}})).await;
    serve(&house, 0, 3_000, false).await;
    ended(&house, retrain(&house).await["job_id"].as_str().unwrap()).await;
    let path = "/api/v1/models/fraud/comparison";
    assert_eq!(house.get(path).await.unwrap()["champion"], "r1");

    // the service has not switched, so the log says nothing of r1: r2 is compared on what comes, r1 being asked afterwards
    ended(&house, retrain(&house).await["job_id"].as_str().unwrap()).await;
    let comparison = house.get(path).await.unwrap();
    assert_eq!((&comparison["champion"], &comparison["challengers"][0]["evidence"]["labels"]), (&json!("r1"), &json!(0)));
    serve(&house, 3_000, 500, false).await;
    let comparison =
        when(&house, path, "labels of the challenger", |of| of["challengers"][0]["evidence"]["labels"] == 500).await;
    assert_eq!(comparison["champion"], "r1", "the same model is no better");

    // a model that learnt nothing is put in place: the one before comes back only if a person has not decided
    let nothing = json!({"n_estimators": 1, "learning_rate": 0.000001});
    set(&house, json!({"model_configs": {"fraud": {"hyperparameters": nothing}}})).await;
    let job = ended(&house, retrain(&house).await["job_id"].as_str().unwrap()).await;
    let (status, told) =
        house.send(Method::POST, "/api/v1/models/fraud/promote", json!({"version": job["version"]}).to_string()).await;
    assert_eq!((status, &told["champion"]), (200, &job["version"]), "{told}");
    serve(&house, 3_500, 500, false).await;
    let told = when(&house, path, "a proposal to go back", |of| of["watch"]["proposed"].is_string()).await;
    assert_eq!((&told["champion"], &told["watch"]["previous"]), (&job["version"], &json!("r1")), "{told}");
    let (status, back) = house.send(Method::POST, "/api/v1/models/fraud/rollback", "{}".to_owned()).await;
    assert_eq!((status, &back["champion"]), (200, &json!("r1")), "{back}");
}
