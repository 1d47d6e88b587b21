//! What can be read, and how.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use tidewatch::monitor::join::{self, Answer, JoinKey, JoinRow, Served};
use tidewatch::time::Timestamp;

use super::room::{Room, labelled};

/// An hour and a half of predictions, two a minute, of which the second is wrong every tenth minute.
fn ninety_minutes() -> Value {
    let minutes = 0..90;
    let records = minutes.flat_map(|minute| {
        let wrong = minute % 10 == 0;
        [labelled(minute, 0, "1", "1"), labelled(minute, 1, if wrong { "0" } else { "1" }, "1")]
    });
    records.collect()
}

#[tokio::test]
async fn windows_come_from_memory_and_from_the_store_as_one_series() {
    let room = Room::open().await;
    room.publish("prediction", ninety_minutes()).await;
    let all = room.json("/api/v1/models/fraud/windows?from=2026-01-01T00:00:00Z&to=2026-01-01T01:30:00Z&resolution=1m").await;
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), 90);
    assert!(all.windows(2).all(|pair| pair[0]["end"] == pair[1]["start"]));
    assert_eq!((&all[0]["start"], &all[0]["closed"]), (&json!("2026-01-01T00:00:00Z"), &json!(true)));
    assert_eq!(all[10]["metrics"]["accuracy"]["value"], 0.5);
    assert_eq!(all[11]["metrics"]["accuracy"]["value"], 1.0);
    assert_eq!(all[89]["closed"], false);

    let hours = room.json("/api/v1/models/fraud/windows?from=1767225600&to=2026-01-01T01:30:00Z&resolution=1h").await;
    let counts: Vec<u64> = hours.as_array().unwrap().iter().map(|window| window["predictions"].as_u64().unwrap()).collect();
    assert_eq!(counts, [120, 60]);

    let version = room.json("/api/v1/models/fraud/windows?from=0&resolution=1d&version=a&metrics=accuracy").await;
    assert_eq!((&version[0]["predictions"], version[0]["metrics"].as_object().unwrap().len()), (&json!(90), 1));
    let segment = room.json("/api/v1/models/fraud/windows?from=0&resolution=1d&segment=region:us").await;
    assert_eq!(segment[0]["predictions"], 90);
    let default = room.json("/api/v1/models/fraud/windows").await;
    assert_eq!(default.as_array().unwrap().len(), 60);

    let versions = room.json("/api/v1/models/fraud/versions").await;
    assert_eq!((&versions["items"][0]["version"], &versions["items"][0]["predictions"]), (&json!("a"), &json!(60)));
    let segments = room.json("/api/v1/models/fraud/segments").await;
    assert_eq!((&segments["items"][1]["name"], &segments["items"][1]["value"]), (&json!("region"), &json!("us")));
}

#[tokio::test]
async fn a_range_that_cannot_be_says_why() {
    let room = Room::open().await;
    room.publish(
        "prediction",
        json!([labelled(0, 0, "1", "1"), {"model": "fraud", "at": "2026-01-20T00:00:00Z", "prediction": "1"}]),
    )
    .await;
    for (query, code) in [
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "bad-range"),
        ("from=soon", "bad-time"),
        ("resolution=2m", "bad-resolution"),
        ("segment=region", "bad-segment"),
        ("metrics=accuracy,acuracy", "unknown-metric"),
        ("metrics=f1/maybe", "unknown-metric"),
        ("version=c", "unknown-version"),
        ("versoin=a", "unknown-parameter"),
        ("from=2026-01-01T00:00:00Z&to=2026-01-20T00:00:00Z&resolution=1m", "too-many-windows"),
    ] {
        let response = room.get(&format!("/api/v1/models/fraud/windows?{query}")).await;
        assert_eq!(response.status(), 400, "{query}");
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["type"], format!("urn:tidewatch:problem:{code}"));
    }
    let problem: Value = room.get("/api/v1/models/fraud/windows?version=c").await.json().await.unwrap();
    assert_eq!(problem["known"], json!(["a"]));
    let of_class = room.json("/api/v1/models/fraud/windows?from=0&resolution=1d&metrics=f1/1,accuracy").await;
    assert_eq!(of_class[0]["metrics"].as_object().unwrap().len(), 2);
    // a range far beyond what there is costs nothing
    let all = room.json("/api/v1/models/fraud/windows?from=0&to=4102444800&resolution=5m").await;
    assert_eq!(all.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_filter_by_what_there_is_not_is_refused_with_what_there_is() {
    let room = Room::open().await;
    for (path, told) in [
        ("/api/v1/rejected?kind=predictions", "kind is one of prediction, label"),
        ("/api/v1/rejected?reason=wrong", "wrong_type"),
        ("/api/v1/messages?kind=labels", "kind is one of prediction, label"),
    ] {
        let response = room.get(path).await;
        assert_eq!(response.status(), 400, "{path}");
        let problem: Value = response.json().await.unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(told), "{problem}");
    }
    for path in ["/api/v1/rejected?kind=unknown&reason=bad_time", "/api/v1/messages?kind=unknown"] {
        assert_eq!(room.get(path).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn the_document_is_not_sent_again() {
    let room = Room::open().await;
    let tag = room.get("/openapi.json").await.headers()["etag"].clone();
    let again = room.request(Method::GET, "/openapi.json").header("If-None-Match", &tag).send().await.unwrap();
    assert_eq!((again.status().as_u16(), again.headers()["etag"].clone()), (304, tag));
}

#[tokio::test]
async fn an_unchanged_answer_is_not_sent_again() {
    let room = Room::open().await;
    room.publish("prediction", json!([labelled(0, 0, "1", "1")])).await;
    let first = room.get("/api/v1/models").await;
    let tag = first.headers()["etag"].clone();
    assert!(tag.to_str().unwrap().starts_with("W/\"1-"));
    let again = async || room.request(Method::GET, "/api/v1/models").header("If-None-Match", &tag).send().await.unwrap();
    let unchanged = again().await;
    assert_eq!((unchanged.status().as_u16(), unchanged.headers()["etag"].clone()), (304, tag.clone()));
    // the log goes on, and what this answer says stays as it is
    let later = room.publish("sample", json!({"source": "web-01", "metrics": {"load": 1.0}})).await;
    let unchanged = again().await;
    assert_eq!(
        (unchanged.status().as_u16(), unchanged.headers()["tidewatch-position"].to_str().unwrap()),
        (304, &*later.to_string())
    );
    assert!(unchanged.bytes().await.unwrap().is_empty());
    let seq = room.publish("prediction", json!([labelled(1, 0, "1", "1")])).await;
    let changed = again().await;
    assert_eq!(changed.status(), 200);
    assert_eq!(changed.headers()["tidewatch-position"].to_str().unwrap(), seq.to_string());
}

#[tokio::test]
async fn models_of_any_name_are_listed_page_by_page() {
    let room = Room::open().await;
    let names = ["a", "b.c/d", "사기 탐지", "<img src=x>", "e\"f\n%00", ".", "..", "~.."];
    let records: Vec<Value> = names.iter().map(|name| json!({"model": name, "prediction": "1"})).collect();
    room.publish("prediction", json!(records)).await;
    let mut found = Vec::new();
    let mut path = "/api/v1/models?limit=2".to_owned();
    loop {
        let page = room.json(&path).await;
        found.extend(page["items"].as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next"].as_str() else { break };
        path = format!("/api/v1/models?limit=2&cursor={cursor}");
    }
    let mut expected = names.map(str::to_owned);
    expected.sort();
    assert_eq!(found, expected);
    let one = room.json("/api/v1/models/%EC%82%AC%EA%B8%B0%20%ED%83%90%EC%A7%80").await;
    assert_eq!((&one["name"], &one["predictions"]), (&json!("사기 탐지"), &json!(1)));
    assert_eq!(room.json("/api/v1/models/b.c%2Fd").await["name"], "b.c/d");
    // a client drops a step of dots before it is sent
    for (step, name) in [("~.", "."), ("~..", ".."), ("~~..", "~..")] {
        assert_eq!(room.json(&format!("/api/v1/models/{step}")).await["name"], name);
        assert_eq!(room.json(&format!("/api/v1/models/{step}/windows")).await.as_array().map(Vec::len), Some(1));
    }
    assert_eq!(room.json("/api/v1/models?q=%ED%83%90").await["items"].as_array().unwrap().len(), 1);
    assert_eq!(room.json("/api/v1/models?status=unknown").await["items"].as_array().unwrap().len(), names.len());
}

#[tokio::test]
async fn rejected_records_are_listed_newest_first_and_their_bytes_given_back() {
    let room = Room::open().await;
    let body =
        b"{\"model\":\"fraud\",\"prediction\":\"1\"}\n{\"model\":\"fraud\",\"confidence\":7}\nnonsense \xEA\xB0\x80\n".to_vec();
    let request = room.request(Method::POST, "/api/v1/publish/prediction/test?wait=applied&partial=true");
    let response = request.header("Content-Type", "application/x-ndjson").body(body.clone()).send().await.unwrap();
    let answer: Value = response.json().await.unwrap();
    assert_eq!((&answer["records"], answer["rejected"].as_array().unwrap().len()), (&json!(3), 2), "{answer}");
    let seq = answer["seq"].as_u64().unwrap();

    let page = room.json("/api/v1/rejected?limit=1").await;
    assert_eq!((&page["items"][0]["seq"], &page["items"][0]["index"]), (&json!(seq), &json!(2)));
    let next = room.json(&format!("/api/v1/rejected?limit=1&cursor={}", page["next"].as_str().unwrap())).await;
    assert_eq!((&next["items"][0]["index"], &next["next"]), (&json!(1), &Value::Null));
    assert_eq!(page["counts"]["prediction"].as_object().unwrap().len(), 2);
    assert_eq!(room.json("/api/v1/rejected?reason=bad_json").await["items"].as_array().unwrap().len(), 1);
    assert_eq!(room.json("/api/v1/rejected?kind=label").await["items"].as_array().unwrap().len(), 0);

    let bytes = room.get(&format!("/api/v1/rejected/{seq}")).await;
    assert_eq!(bytes.headers()["tidewatch-subject"], "tw.in.prediction.test");
    assert_eq!(bytes.headers()["content-type"], "application/octet-stream");
    assert_eq!(bytes.bytes().await.unwrap(), body);
    let fine = room.publish("prediction", json!({"model": "fraud", "prediction": "1"})).await;
    assert_eq!(room.get(&format!("/api/v1/rejected/{fine}")).await.status(), 404);
}

#[tokio::test]
async fn sources_show_what_they_sent() {
    let room = Room::open().await;
    room.publish("sample", json!({"source": "web-01", "metrics": {"tidewatch_cpu_usage_percent": 42.0}})).await;
    for number in 0..3 {
        room.publish(
            "log",
            json!({"source": "web-01", "level": "error", "message": format!("fault {number}"), "extra": number}),
        )
        .await;
    }
    let list = room.json("/api/v1/sources").await;
    assert_eq!((&list["items"][0]["name"], &list["items"][0]["kinds"]["log"]["records"]), (&json!("web-01"), &json!(3)));
    let page = room.json("/api/v1/sources/web-01/records?kind=log&limit=2").await;
    assert_eq!((&page["items"][0]["record"]["message"], &page["items"][0]["record"]["extra"]), (&json!("fault 2"), &json!(2)));
    let cursor = page["next"].as_str().unwrap();
    let rest = room.json(&format!("/api/v1/sources/web-01/records?kind=log&limit=2&cursor={cursor}")).await;
    assert_eq!((&rest["items"][0]["record"]["message"], &rest["next"]), (&json!("fault 0"), &Value::Null));
    assert_eq!(room.get("/api/v1/sources/web-01/records?kind=sample").await.status(), 400);
    assert_eq!(room.get("/api/v1/sources/nobody/records?kind=log").await.status(), 404);
}

#[tokio::test]
async fn the_state_adds_up_and_the_export_is_the_same_each_time() {
    let room = Room::open().await;
    room.publish("prediction", ninety_minutes()).await;
    room.publish("prediction", json!([labelled(3, 0, "1", "1")])).await;
    let state = room.json("/api/v1/state").await;
    let counts = &state["counts"];
    assert_eq!(
        (&counts["applied"], &counts["duplicates"], &state["models"]["fraud"]["predictions"]),
        (&json!(180), &json!(1), &json!(180))
    );
    assert_eq!(state["digest"].as_str().unwrap().len(), 32);
    let export = room.get("/api/v1/export").await;
    assert_eq!(export.headers()["tidewatch-position"].to_str().unwrap(), state["position"].to_string());
    let text = export.text().await.unwrap();
    assert_eq!(room.get("/api/v1/export").await.text().await.unwrap(), text);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
    assert_eq!((of("head"), of("model"), of("window")), (1, 1, 90));
    assert!(!text.contains("position") && !text.contains("epoch") && !text.contains("changed_seq"));
}

#[tokio::test]
async fn an_export_is_of_one_position_while_the_log_goes_on() {
    let room = Room::open().await;
    room.publish("prediction", ninety_minutes()).await;
    let mut later = 0;
    let mut publish = async || {
        for second in 0..u32::MAX {
            room.publish("prediction", json!([labelled(90, second, "1", "1")])).await;
            later += 1;
        }
    };
    let export = tokio::select! {
        () = publish() => unreachable!("it goes on"),
        export = room.get("/api/v1/export") => export,
    };
    assert_eq!(export.status(), 200);
    let text = export.text().await.unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let windows = lines.iter().filter(|line| line["type"] == "window");
    let counted: u64 = windows.map(|window| window["predictions"].as_u64().unwrap()).sum();
    assert_eq!(json!(counted), lines[1]["counters"]["predictions"]);
    assert!(0 < later);
}

#[tokio::test]
async fn a_prediction_is_shown_with_its_original_record() {
    // the row as the projection would have it: record 1 of message 1
    let row = |key: &JoinKey| {
        let at = Timestamp::parse_rfc3339("2026-01-01T00:01:30Z").unwrap();
        let served = Served { model: 0, cell: 0, at, seq: 1, index: 1, answer: Answer::default(), truth: None };
        let mut row = Vec::new();
        JoinRow::Served(served).encode(&mut row);
        Ok((*key == join::key(join::seed("fraud"), "p/1")).then_some(row))
    };
    let room = Room::open_with(|app| app.predictions = Some(Arc::new(row))).await;
    let record = json!({"prediction_id": "p/1", "model": "fraud", "prediction": "1", "features": {"amount": 7}});
    room.publish("prediction", json!([labelled(0, 0, "1", "1"), record])).await;
    let found = room.json("/api/v1/models/fraud/predictions/p%2F1").await;
    assert_eq!((&found["seq"], &found["labelled"], &found["record"]), (&json!(1), &json!(false), &record));
    assert_eq!((&found["at"], &found["window_start"]), (&json!("2026-01-01T00:01:30Z"), &json!("2026-01-01T00:01:00Z")));
    assert_eq!(room.get("/api/v1/models/fraud/predictions/other").await.status(), 404);
}

#[tokio::test]
async fn readiness_says_what_is_waited_for() {
    let room = Room::open().await;
    assert_eq!(room.bare(Method::GET, "/ready").send().await.unwrap().status(), 200);
    assert_eq!(room.get("/api/v1/models").await.headers().get("tidewatch-stale"), None);
    room.log.send_modify(|log| log.ready = Err("catching up".to_owned()));
    let response = room.bare(Method::GET, "/ready").send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.json::<Value>().await.unwrap(), json!({"reason": "catching up", "lag": 0}));
    assert_eq!(room.bare(Method::GET, "/healthz").send().await.unwrap().status(), 200);
    // who asks a process that is not ready hears that what it says is not all
    for path in ["/api/v1/models", "/api/v1/state", "/api/v1/health"] {
        assert_eq!(room.get(path).await.headers()["tidewatch-stale"], "catching up", "{path}");
    }
    let health = room.json("/api/v1/health").await;
    assert_eq!(health["status"], "starting");
    assert!(health["memory_bytes"].as_u64().is_none_or(|bytes| 1 << 20 < bytes));
    let streams = room.json("/api/v1/streams").await;
    assert_eq!((&streams["items"][0]["name"], &streams["server"]["managed"]), (&json!("TW_INPUT"), &json!(false)));
}

#[tokio::test]
async fn models_are_ordered_by_a_figure_filtered_and_shown_in_the_fields_that_are_asked_for() {
    let room = Room::open().await;
    let errors = |model: &str, of_ten: u32| -> Vec<Value> {
        (0..10).map(|index| json!({"model": model, "prediction": "1", "error": index < of_ten, "at": format!("2026-01-01T00:00:{index:02}Z")})).collect()
    };
    let records: Vec<Value> =
        [("a", 3), ("b", 0), ("c", 7), ("d", 3)].iter().flat_map(|(model, wrong)| errors(model, *wrong)).collect();
    room.publish("prediction", json!(records)).await;
    let names = async |query: &str| {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = room.json(&format!("/api/v1/models?limit=2&{query}{cursor}")).await;
            found.extend(page["items"].as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap().to_owned()));
            let Some(next) = page["next"].as_str() else { return found.concat() };
            cursor = format!("&cursor={next}");
        }
    };
    assert_eq!(names("sort=error_rate").await, "badc");
    assert_eq!(names("sort=-error_rate").await, "cadb");
    assert_eq!(names("sort=-name").await, "dcba");
    assert_eq!(names("sort=accuracy").await, "abcd", "what is not known is by name");
    assert_eq!((names("stale=true&sort=name").await, names("stale=false").await), (String::new(), "abcd".to_owned()));

    let page = room.json("/api/v1/models?fields=name,predictions,drift").await;
    assert_eq!(page["items"][0], json!({"name": "a", "predictions": 10, "drift": null}));
    let page = room.json("/api/v1/models?trail=false").await;
    assert!(page["items"][0].get("trail").is_none() && page["items"][0]["current"].is_object());
    for (query, code) in [("sort=acuracy", "unknown-order"), ("fields=name,nmae", "unknown-field"), ("cursor=a", "bad-cursor")]
    {
        let problem: Value = room.get(&format!("/api/v1/models?{query}")).await.json().await.unwrap();
        assert_eq!(problem["type"], format!("urn:tidewatch:problem:{code}"), "{query}");
    }
    let whole = room.json("/api/v1/models?limit=1").await["items"][0].take();
    let problem: Value = room.get("/api/v1/models?fields=x").await.json().await.unwrap();
    let known: Vec<&str> = problem["known"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let mut fields: Vec<&str> = whole.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(known, fields, "the fields of the schema are those of the answer");
}
