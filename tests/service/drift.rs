//! Drift through the real process: the golden stream against its reference, what is announced of it, and what a reference survives.

use crate::golden;
use std::collections::BTreeMap;
use std::fmt::Write;

use crate::house::{House, Plan};
use crate::nats_server::NatsServer;
use crate::publisher::{Publisher, frames};
use reqwest::Method;
use serde_json::{Value, json};

const MODELS: [&str; 4] = ["fraud", "churn", "ctr", "credit"];

/// Ten minutes: the drift window of the golden values, and ours.
const WINDOW_MS: i64 = 600_000;

/// A line of the golden stream as a prediction without version or segments, so that it meets the reference of its model.
fn body_of(line: &Value) -> Value {
    json!({
        "model": line["model"], "prediction_id": line["prediction_id"], "at": line["ts"], "prediction": line["y_pred"],
        "scores": { "1": line["y_proba"] }, "features": features_of(line), "actual": line["y_true"],
    })
}

fn features_of(line: &Value) -> BTreeMap<String, Value> {
    let names = (0..10).map(|i| format!("f{i}")).chain(["latency_ms".to_owned()]);
    names.map(|name| (name.clone(), line[&name].clone())).collect()
}

/// The reference of one model as a CSV file.
fn training_set(lines: &[Value], model: &str) -> String {
    let rows: Vec<&Value> = lines.iter().filter(|line| line["model"] == model).collect();
    let names: Vec<String> = features_of(rows[0]).into_keys().collect();
    let mut csv = format!("{},y_pred,y_proba\n", names.join(","));
    for row in rows {
        let features = features_of(row);
        let cells: Vec<String> = names.iter().map(|name| features[name].to_string()).collect();
        writeln!(csv, "{},{},{}", cells.join(","), row["y_pred"], row["y_proba"]).unwrap();
    }
    csv
}

fn rfc3339(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).unwrap().to_string()
}

async fn report(house: &House, model: &str, query: &str) -> Value {
    let path = format!("/api/v1/models/{model}/drift{query}");
    house.get(&path).await.unwrap_or_else(|| panic!("{path}"))
}

fn column<'a>(report: &'a Value, subject: &str) -> &'a Value {
    let columns = report["columns"].as_array().unwrap();
    columns.iter().find(|column| column["subject"] == subject).unwrap_or_else(|| panic!("{subject} in {report}"))
}

fn close(what: &str, told: &Value, wanted: &Value, slack: f64) {
    let (told, wanted) = (told.as_f64().unwrap_or(f64::NAN), wanted.as_f64().unwrap());
    assert!((told - wanted).abs() <= slack, "{what}: {told} is not {wanted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_golden_stream_drifts_as_far_as_the_published_packages_say() {
    let golden = golden::values("windows.json");
    let (reference, stream) = (golden::reference(), golden::stream(false));
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let house = Plan::on(&server.url(), data.path()).open();
    for model in MODELS {
        let path = format!("/api/v1/models/{model}/reference?prediction=y_pred&score=y_proba");
        let (status, answer) = house.send(Method::PUT, &path, training_set(&reference, model)).await;
        assert_eq!((status, &answer["rows"], &answer["of"]), (200, &json!(1_000), &json!(1_000)), "{answer}");
    }
    let bodies: Vec<Value> = stream.iter().map(body_of).collect();
    let last = Publisher::to(&server.url()).await.send_all(frames("prediction", &bodies, 100)).await;
    house.applied(last).await;

    let (mut compared, mut worst) = (0, 0.0_f64);
    for window in golden["drift"].as_array().unwrap() {
        let (model, start) = (window["model"].as_str().unwrap(), window["window_start_ms"].as_i64().unwrap());
        let told = report(&house, model, &format!("?from={}&to={}", rfc3339(start), rfc3339(start + WINDOW_MS))).await;
        assert_eq!(told["predictions"], window["count"], "{model} at {start}");
        for (name, figures) in window.as_object().unwrap().iter().filter(|(_, figures)| figures.is_object()) {
            let subject = if name == "y_proba" { "score".to_owned() } else { format!("feature/{name}") };
            let column = column(&told, &subject);
            let (what, tests) = (format!("{name} of {model} at {start}"), &column["tests"]);
            close(&format!("PSI of {what}"), &tests["psi"]["statistic"], &figures["psi_quantile10_zero_to_1e-4"], 1e-9);
            // over sixty bins: less than the exact distances by at most a bin, its share or its width
            let ks = &tests["ks"]["statistic"];
            close(&format!("KS of {what}"), ks, &figures["ks"], 2.0 / 60.0 + 0.01);
            assert!(ks.as_f64() <= figures["ks"].as_f64().map(|exact| exact + 1e-12), "binned KS of {what} is larger");
            let deviation = column["reference"]["deviation"].as_f64().unwrap();
            let moved = json!(figures["wasserstein_1"].as_f64().unwrap() / deviation);
            worst = worst.max((tests["wasserstein"]["statistic"].as_f64().unwrap() - moved.as_f64().unwrap()).abs());
            close(&format!("W1 of {what}"), &tests["wasserstein"]["statistic"], &moved, 0.05 + 0.1 * moved.as_f64().unwrap());
            compared += 1;
        }
    }
    println!("largest difference of a binned W1: {worst:.4} standard deviations");
    assert_eq!(compared, 24 * 7);

    // the known truth of the stream: `ctr` f0 jumps and f3 spreads from half of it on, `churn` f1 climbs
    let drifting = |report: &Value| -> Vec<String> {
        let columns = report["columns"].as_array().unwrap();
        let drifting = columns.iter().filter(|column| column["status"] == "drift" && column["group"] == "feature");
        drifting.map(|column| column["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(drifting(&report(&house, "ctr", "").await), ["f0", "f3"]);
    assert!(drifting(&report(&house, "churn", "").await).contains(&"f1".to_owned()));
    let windows =
        house.get("/api/v1/models/ctr/drift/windows?from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00Z").await.unwrap();
    let f0: Vec<bool> =
        windows.as_array().unwrap().iter().map(|window| window["columns"]["feature/f0"]["drift"].as_bool().unwrap()).collect();
    assert_eq!(f0, [false, false, false, true, true, true]);
    let answer = house.get("/api/ai/monitoring/performance?model_name=ctr").await.unwrap();
    assert!(answer["performance"]["drift_score"].is_f64(), "{answer}");

    // what the error detectors say together
    let together = house.get("/api/v1/drift/discoveries?labels=1000000").await.unwrap();
    assert_eq!((&together["detectors"], &together["beyond"]), (&json!(4), &json!(0)), "{together}");
    let few = house.get("/api/v1/drift/discoveries?labels=100").await.unwrap();
    assert_eq!((&few["beyond"], &few["items"]), (&json!(4), &json!([])), "{few}");
    assert!(house.get("/api/v1/drift/discoveries?fdr=1").await.is_none(), "no share");

    // a restart forgets nothing
    let export = house.quiet().await;
    assert!(export.lines().any(|line| line.starts_with(r#"{"type":"drift","model":"ctr""#)), "{export:.2000}");
    house.kill();
    let house = Plan::on(&server.url(), data.path()).open();
    house.applied(last).await;
    assert_eq!(house.quiet().await, export);
}

/// So many predictions a minute from one minute on up to another, of which `amount` is uniform from `shift` on.
fn minutes(range: std::ops::Range<i64>, shift: f64) -> Vec<Value> {
    let start = rfc3339_ms("2026-01-01T00:00:00Z");
    let of = |minute: i64| {
        (0..120_i64).map(move |n| {
            json!({
                "model": "till", "model_version": "2", "prediction_id": format!("{minute}-{n}"),
                "at": start + minute * 60_000 + n * 500, "prediction": "yes", "segment": { "shop": if n < 60 { "a" } else { "b" } },
                // a walk that visits every part of the range alike
                "features": { "amount": ((minute * 120 + n) * 37 % 100) as f64 / 100.0 + shift },
            })
        })
    };
    range.flat_map(of).collect()
}

fn rfc3339_ms(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_of_the_past_is_compared_to_and_survives_a_restart() {
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let plan = Plan::on(&server.url(), data.path());
    let house = plan.open();
    let publisher = Publisher::to(&server.url()).await;
    assert_eq!(house.send(Method::PUT, "/api/v1/drift/policy", r#"{"segments":true}"#.to_owned()).await.0, 200);
    let bodies: Vec<Value> = [minutes(0..20, 0.0), minutes(20..60, 0.4)].concat();
    let last = publisher.send_all(frames("prediction", &bodies, 100)).await;
    house.applied(last).await;
    let moved = |report: &Value| column(report, "feature/amount")["judged"]["drift"].clone();
    let told = report(&house, "till", "").await;
    assert_eq!(moved(&told), true);
    for (segment, shop) in told["segments"].as_array().unwrap().iter().zip(["a", "b"]) {
        assert_eq!(
            (&segment["segment"]["shop"], &segment["columns"]["feature/amount"]["status"]),
            (&json!(shop), &json!("drift"))
        );
        let apart = report(&house, "till", &format!("?segment=shop:{shop}")).await;
        assert_eq!(column(&apart, "feature/amount")["judged"], segment["columns"]["feature/amount"]["judged"]);
    }
    assert_eq!(told["policy"]["columns"], 9, "three columns, and those of both shops");

    let put = async |house: &House, query: &str, body: &str| {
        let (status, answer) = house.send(Method::PUT, &format!("/api/v1/models/till/reference{query}"), body.to_owned()).await;
        (status, answer)
    };
    let (from, until) = ("2026-01-01T00:25:00Z", "2026-01-01T00:45:00Z");
    for (query, body, wanted, told) in [
        (format!("?from={from}"), "", 400, "both"),
        (format!("?from={from}&to={until}"), "a,b\n1,2\n", 400, "leave out"),
        (format!("?from={until}&to={from}"), "", 422, "after `from`"),
        (format!("?from={from}&to=2026-03-01T00:00:00Z"), "", 422, "31 days"),
        (format!("?from={from}&to={until}&version=1"), "", 422, "widen the range"),
        ("?from=2025-01-01T00:00:00Z&to=2025-01-02T00:00:00Z".to_owned(), "", 422, "widen the range"),
    ] {
        let (status, answer) = put(&house, &query, body).await;
        assert!(status == wanted && answer.to_string().contains(told), "{query}: {status} {answer}");
    }
    let (status, answer) = put(&house, &format!("?from={from}&to={until}&version=2"), "").await;
    assert_eq!((status, &answer["rows"]), (200, &json!(20 * 120)), "{answer}");
    let reference = report(&house, "till", "").await["reference"].clone();
    assert_eq!(
        (&reference["state"], &reference["origin"], &reference["rows"]),
        (&json!("ready"), &json!("range"), &json!(2_400))
    );
    assert_eq!(reference["range"], json!({ "from": from, "to": until }));

    let last = publisher.send_all(frames("prediction", &minutes(60..80, 0.4), 100)).await;
    house.applied(last).await;
    let told = report(&house, "till", "").await;
    assert_eq!((moved(&told), &told["columns"][2]["status"]), (json!(false), &json!("stable")), "{told}");
    let export = house.quiet().await;
    house.kill();
    let house = plan.open();
    house.applied(last).await;
    assert_eq!(house.quiet().await, export);
    assert_eq!(report(&house, "till", "").await["reference"], reference);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_reference_or_a_policy_is_said() {
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let house = Plan::on(&server.url(), data.path()).open();
    let refused = async |method: Method, path: &str, body: &str| {
        let (status, answer) = house.send(method, path, body.to_owned()).await;
        (status, answer["detail"].as_str().unwrap_or_default().to_owned())
    };
    let reference = "/api/v1/models/nobody/reference";
    assert_eq!(refused(Method::PUT, reference, "").await.0, 404);
    let (status, detail) = refused(Method::PUT, reference, "a,b\n1,2\n3\n").await;
    assert!(status == 422 && detail.contains("line 3"), "{status} {detail}");
    let (status, detail) = refused(Method::PUT, &format!("{reference}?score=c"), "a,b\n1,2\n").await;
    assert!(status == 422 && detail.contains("\"c\""), "{status} {detail}");
    let (status, detail) = refused(Method::PUT, reference, "{\"a\":1}\n{\"\":1}\n").await;
    assert!(status == 422 && detail.contains("line 2") && detail.contains("1 to 256 bytes"), "{status} {detail}");
    for body in [
        r#"{"window_seconds":61}"#,
        r#"{"window_seconds":7200000}"#,
        r#"{"false_alarms_per_month":0}"#,
        r#"{"season":"lunar"}"#,
        "{}",
    ] {
        assert_eq!(refused(Method::PUT, "/api/v1/drift/policy", body).await.0, 422, "{body}");
    }
    let (status, policy) = house.send(Method::PUT, "/api/v1/drift/policy", r#"{"window_seconds":3600}"#.to_owned()).await;
    assert_eq!((status, &policy["window_seconds"], &policy["psi_threshold"]), (200, &json!(3_600), &json!(0.1)));
    let told = r#"{"season":"same_hour_of_week","segments":true}"#;
    let (status, policy) = house.send(Method::PUT, "/api/v1/drift/policy", told.to_owned()).await;
    assert_eq!((status, &policy["season"], &policy["segments"]), (200, &json!("same_hour_of_week"), &json!(true)));
    assert!(house.get("/api/v1/models/nobody/drift").await.is_none());
    // a training set makes a model of which no prediction has come
    let (status, taken) = house.send(Method::PUT, reference, "a,b\n1,2\n3,4\n".to_owned()).await;
    assert_eq!((status, &taken["rows"]), (200, &json!(2)), "{taken}");
    let told = report(&house, "nobody", "").await;
    for bound in ["start", "end"] {
        rfc3339_ms(told[bound].as_str().unwrap());
    }
    assert_eq!(report(&house, "nobody", "/windows").await, json!([]));
    for against in ["same_hour_of_week", "yesterday"] {
        let path = format!("/api/v1/models/nobody/drift/windows?against={against}");
        assert_eq!(refused(Method::GET, &path, "").await.0, 400, "{against}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_says_one_thing_of_the_version_that_serves_most() {
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let house = Plan::on(&server.url(), data.path()).open();
    let publisher = Publisher::to(&server.url()).await;
    // a training set for a version, without what the model answers
    let csv: String = std::iter::once("amount\n".to_owned())
        .chain((0..1_000).map(|n| format!("{}\n", (n * 37 % 100) as f64 / 100.0)))
        .collect();
    let (status, answer) = house.send(Method::PUT, "/api/v1/models/till/reference?version=2", csv).await;
    assert_eq!((status, &answer["rows"]), (200, &json!(1_000)));
    let newer = |body: &Value| {
        let mut body = body.clone();
        body["model_version"] = json!("3");
        body["prediction_id"] = json!(format!("newer-{}", body["prediction_id"]));
        body
    };
    let with_newer = |bodies: Vec<Value>| -> Vec<Value> {
        bodies
            .iter()
            .enumerate()
            .flat_map(|(n, body)| std::iter::once(body.clone()).chain((n % 3 == 0).then(|| newer(body))))
            .collect()
    };
    publisher.send_all(frames("prediction", &with_newer(minutes(0..30, 0.0)), 100)).await;
    let last = publisher.send_all(frames("prediction", &with_newer(minutes(30..52, 0.5)), 100)).await;
    house.applied(last).await;
    let told = report(&house, "till", "").await;
    assert_eq!((&told["version"], &told["versions"]), (&json!("2"), &json!(["2", "3"])));
    let absent = column(&told, "prediction");
    assert_eq!((&absent["status"], &absent["tests"]), (&json!("not_compared"), &json!({})));
    // verdict, tests and score are of one window, and say so
    assert_eq!((&told["start"], &told["end"]), (&told["score"]["window"], &told["score"]["end"]));
    let amount = column(&told, "feature/amount");
    assert_eq!(amount["status"], "drift");
    close("psi", &amount["tests"]["psi_add_half"]["statistic"], &amount["judged"]["psi"], 1e-9);
    assert_eq!((&told["window"]["seconds"], &told["window"]["pinned"]), (&json!(600), &json!(false)));
    // of all versions, with the version, at the moment at which it happened
    let incidents = told["incidents"].as_array().unwrap();
    let of_amount: Vec<&Value> = incidents.iter().filter(|incident| incident["subject"] == "feature/amount").collect();
    assert_eq!(of_amount.len(), 1, "{incidents:?}");
    assert!(of_amount[0]["versions"].as_array().unwrap().contains(&json!("2")), "{of_amount:?}");
    assert_eq!((&of_amount[0]["state"], &of_amount[0]["onset"]), (&json!("open"), &json!("2026-01-01T00:30:00Z")));
    assert!(incidents.iter().all(|incident| incident["subject"] != "prediction"), "{incidents:?}");
    assert!(told["alarms"].as_array().unwrap().iter().all(|alarm| alarm["version"].is_string()), "{}", told["alarms"]);
    // the button: what comes from here on is normal
    let (status, _) = house.send(Method::PUT, "/api/v1/models/till/reference", String::new()).await;
    assert_eq!(status, 200);
    let told = report(&house, "till", "").await;
    assert_eq!((&told["incidents"][0]["state"], &told["incidents"][0]["ended_by"]), (&json!("over"), &json!("accepted")));
}
