//! What can be changed: always through the door, always answered after it counts.

use reqwest::Method;
use serde_json::{Value, json};

use super::room::{Room, labelled};

#[tokio::test]
async fn a_message_with_one_fault_is_refused_whole_with_all_faults_told() {
    let room = Room::open().await;
    let records = json!([labelled(0, 0, "1", "1"), {"model": "fraud", "confidence": 7}, {"model": "", "prediction": 1}]);
    let (status, problem) = room.send(Method::POST, "/api/v1/publish/prediction/test", records.clone()).await;
    assert_eq!((status, &problem["faulty"], &problem["records"]), (422, &json!(2), &json!(3)), "{problem}");
    assert_eq!(problem["faults"][0]["pointer"], "/1/confidence");
    assert_eq!(room.json("/api/v1/streams").await["items"][0]["messages"], 0);
    let (status, answer) = room.send(Method::POST, "/api/v1/publish/prediction/test?partial=true&wait=applied", records).await;
    assert_eq!((status, answer["rejected"].as_array().unwrap().len()), (200, 2));
    assert_eq!(room.json("/api/v1/state").await["counts"]["rejected"], 2);
}

#[tokio::test]
async fn a_body_without_any_record_is_refused_even_where_a_part_would_be_taken() {
    let room = Room::open().await;
    for body in ["7", "\"text\"", "true", "null", "{\"model\": ", "[]", "not json"] {
        let path = "/api/v1/publish/prediction/test?partial=true&wait=applied";
        let request = room.request(Method::POST, path).header("Content-Type", "application/json");
        let response = request.body(body).send().await.unwrap();
        let (status, problem) = (response.status().as_u16(), response.json::<Value>().await.unwrap());
        assert_eq!((status, &problem["type"]), (422, &json!("urn:tidewatch:problem:faulty-records")), "{body}: {problem}");
    }
    assert_eq!(room.json("/api/v1/streams").await["items"][0]["messages"], 0);
    let path = "/api/v1/publish/prediction/test?partial=true&wait=applied";
    let (status, answer) = room.send(Method::POST, path, json!([7, {"model": "fraud", "prediction": "1"}])).await;
    assert_eq!((status, &answer["records"], answer["rejected"].as_array().unwrap().len()), (200, &json!(2), 1), "{answer}");
}

#[tokio::test]
async fn a_repeat_under_one_idempotency_key_is_stored_once() {
    let room = Room::open().await;
    let send = async |header: &str| {
        let request = room.request(Method::POST, "/api/v1/publish/log/test").header(header, "k-1");
        request.json(&json!({"message": "once"})).send().await.unwrap().json::<Value>().await.unwrap()["seq"].clone()
    };
    assert_eq!(send("Idempotency-Key").await, send("Nats-Msg-Id").await);
    assert_eq!(room.json("/api/v1/streams").await["items"][0]["messages"], 1);
}

#[tokio::test]
async fn an_id_that_was_used_for_another_message_is_a_conflict() {
    let room = Room::open().await;
    let send = async |message: &str| {
        let request = room.request(Method::POST, "/api/v1/publish/log/test?wait=applied").header("Nats-Msg-Id", "k-1");
        let response = request.json(&json!({"message": message})).send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let (status, first) = send("one").await;
    assert_eq!((status, &first["duplicate"]), (200, &json!(false)), "{first}");
    let (status, repeat) = send("one").await;
    assert_eq!((status, &repeat["duplicate"], &repeat["seq"]), (200, &json!(true), &first["seq"]), "{repeat}");
    let (status, problem) = send("two").await;
    assert_eq!((status, &problem["type"]), (409, &json!("urn:tidewatch:problem:id-taken")), "{problem}");
    assert_eq!(problem["seq"], first["seq"]);
    assert_eq!(room.json("/api/v1/streams").await["items"][0]["messages"], 1);
}

#[tokio::test]
async fn a_refusal_tells_every_fault_of_a_record_and_so_does_the_list_of_those_stored_all_the_same() {
    let room = Room::open().await;
    let record = json!({"model": "fraud", "confidence": 93, "response_time": -1});
    let (status, problem) = room.send(Method::POST, "/api/v1/publish/prediction/test", record.clone()).await;
    let pointers = |faults: &Value| -> Vec<String> {
        faults.as_array().unwrap().iter().map(|fault| fault["pointer"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((status, &problem["faulty"]), (422, &json!(1)));
    assert_eq!(pointers(&problem["faults"]), ["/confidence", "/response_time", "/prediction"]);
    let (_, answer) = room.send(Method::POST, "/api/v1/publish/prediction/test?partial=true&wait=applied", record).await;
    assert_eq!(answer["rejected"].as_array().unwrap().len(), 1, "one record: {answer}");
    let listed = &room.json("/api/v1/rejected").await["items"][0];
    assert_eq!(listed["pointer"], "/confidence");
    assert_eq!(pointers(&listed["also"]), ["/response_time", "/prediction"]);
}

#[tokio::test]
async fn an_id_given_as_a_number_keeps_its_digits_and_joins_with_its_text() {
    let room = Room::open().await;
    let log = json!({"model_name": "m", "prediction_id": 9_007_199_254_740_993_u64, "result": {"prediction": "a"}});
    let (status, logged) = room.send(Method::POST, "/api/ai/monitoring/log-prediction", log).await;
    assert_eq!((status, &logged["prediction_id"]), (200, &json!("9007199254740993")), "{logged}");
    let update = json!({"prediction_id": 9_007_199_254_740_993_u64, "model_name": "m", "actual_result": "a"});
    let (status, updated) = room.send(Method::POST, "/api/ai/monitoring/update-result", update).await;
    assert_eq!((status, &updated["prediction_id"]), (200, &json!("9007199254740993")), "{updated}");
    room.publish("label", json!({"prediction_id": "9007199254740993", "model": "m", "actual": "a"})).await;
    let figures = &room.json("/api/v1/state").await["models"]["m"];
    assert_eq!(
        (&figures["predictions"], &figures["labelled"], &figures["duplicates"]),
        (&json!(1), &json!(1), &json!(1)),
        "{figures}"
    );
}

#[tokio::test]
async fn probabilities_that_rounding_put_outside_count_and_so_does_a_time_in_quotes() {
    let room = Room::open().await;
    let record = json!({"prediction_id": "ft-1", "model": "mail", "at": "1772335815000", "prediction": "spam", "confidence": 1.0000053644180298, "actual": "spam"});
    room.publish("prediction", record).await;
    let windows = room.json("/api/v1/models/mail/windows?from=1772335815").await;
    assert_eq!((&windows[0]["start"], &windows[0]["labelled"]), (&json!("2026-03-01T03:30:00Z"), &json!(1)), "{windows}");
    let refused = json!({"model": "mail", "prediction": "spam", "confidence": 1.00002});
    assert_eq!(room.send(Method::POST, "/api/v1/publish/prediction/mail", refused).await.0, 422);
}

#[tokio::test]
async fn a_class_is_the_same_in_every_spelling_of_a_program_and_what_only_looks_the_same_is_named() {
    let room = Room::open().await;
    let long = 9_007_199_254_740_993_u64;
    for (model, pairs, accuracy) in [
        ("python", [json!([true, "True"]), json!([false, "FALSE"]), json!([true, "False"])], 2.0 / 3.0),
        ("flags", [json!([true, 1]), json!([false, 0]), json!([true, "0"])], 2.0 / 3.0),
        ("labels", [json!([1, true]), json!([0, false]), json!([1, "false"])], 2.0 / 3.0),
        ("floats", [json!(["404.0", "404"]), json!([200, "200.0"]), json!(["404", 200.0])], 2.0 / 3.0),
        ("long", [json!([long, long]), json!([long - 1, long]), json!([long, long.to_string()])], 2.0 / 3.0),
        ("alike", [json!(["Cat", "cat"]), json!(["cat", "cat"]), json!(["dog", "dog"])], 2.0 / 3.0),
    ] {
        let record =
            |pair: &Value| json!({"model": model, "at": "2026-01-01T00:00:10Z", "prediction": pair[0], "actual": pair[1]});
        room.publish("prediction", json!(pairs.iter().map(record).collect::<Vec<_>>())).await;
        let windows = room.json(&format!("/api/v1/models/{model}/windows?from=2026-01-01T00:00:00Z&resolution=1h")).await;
        let figure = &windows[0]["metrics"]["accuracy"];
        assert_eq!((&figure["n"], figure["value"].as_f64()), (&json!(3), Some(accuracy)), "{model}: {figure}");
        let decision = room.json(&format!("/api/v1/models/{model}/task")).await;
        let alike = if model == "alike" { json!([["Cat", "cat"]]) } else { json!([]) };
        assert_eq!(decision["alike"], alike, "{model}: {decision}");
        assert_eq!(decision["remarks"].to_string().contains("differ only in case"), model == "alike", "{decision}");
    }
}

#[tokio::test]
async fn messagepack_is_taken_as_json_is() {
    let room = Room::open().await;
    let body = rmp_serde::to_vec_named(&json!([{"model": "packed", "prediction": 1.5}])).unwrap();
    let request = room.request(Method::POST, "/api/v1/publish/prediction/test?wait=applied");
    let response = request.header("Content-Type", "application/msgpack").body(body).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(room.json("/api/v1/models/packed").await["predictions"], 1);
}

#[tokio::test]
async fn the_endpoints_of_the_requirement_work_as_it_shows_them() {
    let room = Room::open().await;
    let log = json!({"model_name": "sales_forecast", "prediction_data": {"input_features": {"store": 7}},
        "result": {"prediction": 1250000, "confidence": 0.85, "response_time": 0.12}});
    let (status, first) = room.send(Method::POST, "/api/ai/monitoring/log-prediction", log.clone()).await;
    let (_, second) = room.send(Method::POST, "/api/ai/monitoring/log-prediction", log).await;
    assert_eq!((status, &first["success"]), (200, &json!(true)), "{first}");
    let id = first["prediction_id"].as_str().unwrap();
    assert!(id.strip_prefix("sales_forecast_").unwrap().bytes().all(|byte| byte.is_ascii_digit()));
    assert_ne!(first["prediction_id"], second["prediction_id"]);

    let update = json!({"prediction_id": id, "actual_result": {"actual_sales": 1280000}});
    let (status, answer) = room.send(Method::POST, "/api/ai/monitoring/update-result", update).await;
    assert_eq!((status, &answer["success"], &answer["model_name"]), (200, &json!(true), &json!("sales_forecast")), "{answer}");
    let unknown = json!({"prediction_id": "p-1", "actual_result": 1});
    let (status, problem) = room.send(Method::POST, "/api/ai/monitoring/update-result", unknown).await;
    assert_eq!((status, &problem["pointer"]), (422, &json!("/model_name")));
    let named = json!({"prediction_id": "p-1", "actual_result": 1, "model_name": "sales_forecast"});
    assert_eq!(room.send(Method::POST, "/api/ai/monitoring/update-result", named).await.0, 200);

    let answer = room.json("/api/ai/monitoring/performance?model_name=sales_forecast").await;
    let performance = &answer["performance"];
    assert_eq!((&performance["prediction_count"], &performance["error_count"]), (&json!(2), &json!(0)));
    assert_eq!((&performance["accuracy"], &performance["avg_response_time"]), (&json!(1.0), &json!(0.12)));
    for (field, expected) in [("drift_score", Value::Null), ("last_training", Value::Null), ("status", json!("warning"))] {
        assert_eq!(performance[field], expected, "{field}");
    }
    let history = &answer["history"][0];
    assert_eq!((&history["confidence"], &history["error_rate"]), (&json!(0.85), &json!(0.0)), "{answer}");

    let change = json!({"accuracy_threshold": 0.75, "response_time_threshold": 1.5});
    let (status, answer) = room.send(Method::PUT, "/api/ai/monitoring/thresholds", change).await;
    assert_eq!(
        (status, &answer["thresholds"]["accuracy_threshold"], &answer["thresholds"]["drift_threshold"]),
        (200, &json!(0.75), &json!(0.2))
    );
    assert_eq!(room.json("/api/v1/thresholds").await["response_time_threshold"], 1.5);

    let summary = room.json("/api/ai/monitoring/summary").await;
    let summary = &summary["summary"];
    assert_eq!((&summary["total_models"], &summary["total_predictions"]), (&json!(1), &json!(2)));
    assert_eq!(summary["status_distribution"], json!({"healthy": 0, "warning": 1, "critical": 0, "training": 0}));
    assert_eq!((&summary["monitoring_active"], &summary["auto_retrain_enabled"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn a_faulty_prediction_is_not_logged() {
    let room = Room::open().await;
    for body in [
        json!({"result": {"prediction": 1}}),
        json!({"model_name": "m"}),
        json!({"model_name": "m", "result": {"prediction": 1, "confidence": 2}}),
    ] {
        assert_eq!(room.send(Method::POST, "/api/ai/monitoring/log-prediction", body).await.0, 422);
    }
    assert_eq!(room.json("/api/v1/streams").await["items"][0]["messages"], 0);
}

#[tokio::test]
async fn a_model_is_told_its_task_and_past_windows_are_read_by_it() {
    let room = Room::open().await;
    let rating = |index: i32| json!({"model": "stars", "prediction_id": format!("p{index}"), "at": "2026-01-01T00:00:10Z", "prediction": 1 + index % 5, "actual": 1 + index % 3});
    let mut ratings: Vec<Value> = (0..40).map(rating).collect();
    ratings.push(json!({"model": "stars", "at": "2026-01-01T00:00:11Z", "prediction": "n/a", "actual": 3}));
    room.publish("prediction", json!(ratings)).await;
    let windows = "/api/v1/models/stars/windows?from=2026-01-01T00:00:00Z&to=2026-01-01T00:01:00Z&resolution=1m";
    let metrics = async || room.json(windows).await[0]["metrics"].clone();
    let before = room.json("/api/v1/models/stars").await;
    assert_eq!((&before["task"], &before["task_decision"]["from"]), (&json!("classification"), &json!("labels")), "{before}");
    assert_eq!(before["task_decision"]["predictions"], json!({"count": 1, "of": 41, "examples": ["n/a"]}));
    assert_eq!(metrics().await["mae"], Value::Null);

    let (status, told) = room.send(Method::PUT, "/api/v1/models/stars/task", json!({"task": "regression"})).await;
    assert_eq!(
        (status, &told["task"], &told["from"], &told["settled"]),
        (200, &json!("regression"), &json!("told"), &json!(true))
    );
    assert!(told["remarks"][1].as_str().unwrap().starts_with("1 of 41 predictions are no numbers: n/a"), "{told}");
    assert_eq!(metrics().await["mae"]["n"], 40);
    assert_eq!(room.json("/api/v1/models/stars/task").await, told);

    let (status, _) = room.send(Method::PUT, "/api/v1/models/stars/task", json!({"task": "automatic"})).await;
    assert_eq!((status, metrics().await["accuracy"]["n"].clone()), (200, json!(40)));
    let (status, _) = room.send(Method::PUT, "/api/v1/models/unseen/task", json!({"task": "regression"})).await;
    assert_eq!((status, &room.json("/api/v1/models/unseen/task").await["from"]), (200, &json!("told")));
    for wrong in [json!({"task": "guess"}), json!({}), json!({"task": "regression", "version": "1"})] {
        assert_eq!(room.send(Method::PUT, "/api/v1/models/stars/task", wrong).await.0, 422);
    }
}

#[tokio::test]
async fn the_last_messages_are_told_with_what_is_wrong_and_whose_they_are() {
    let room = Room::open().await;
    let publish = async |source: &str, record: Value| {
        let path = format!("/api/v1/publish/prediction/{source}?partial=true&wait=applied");
        assert_eq!(room.send(Method::POST, &path, record).await.0, 200);
    };
    publish("good", json!({"model": "m", "prediction": 1})).await;
    publish("bad", json!([{"model": "m", "prediction": 1, "confidence": 93}, {"model": "m", "prediction": 1}])).await;
    let all = room.json("/api/v1/messages").await;
    let told: Vec<(&str, u64, u64)> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["source"].as_str().unwrap(), row["records"].as_u64().unwrap(), row["faulty"].as_u64().unwrap()))
        .collect();
    assert_eq!(told, [("bad", 2, 1), ("good", 1, 0)]);
    assert_eq!(all["items"][0]["faults"][0]["pointer"], "/0/confidence");
    for (query, count) in [("?rejected=true", 1), ("?source=good", 1), ("?kind=label", 0), ("?limit=1", 1)] {
        assert_eq!(room.json(&format!("/api/v1/messages{query}")).await["items"].as_array().unwrap().len(), count, "{query}");
    }
    for bad in ["?limit=0", "?kind=dance", "?sauce=good"] {
        assert_eq!(room.get(&format!("/api/v1/messages{bad}")).await.status(), 400, "{bad}");
    }
    let rejected = room.json("/api/v1/rejected?source=bad").await;
    assert_eq!((&rejected["total"], rejected["items"].as_array().unwrap().len()), (&json!(1), 1));
    let producer = &rejected["producers"][0];
    assert_eq!(
        (&producer["source"], &producer["rejected"], &producer["records"]),
        (&json!("bad"), &json!(1), &json!(2)),
        "{producer}"
    );
    assert_eq!(room.json("/api/v1/rejected?source=good").await["items"], json!([]));
}

#[tokio::test]
async fn the_api_reader_works_below_a_path_that_a_proxy_has_put_before_ours() {
    let room = Room::open().await;
    let moved = room.bare(Method::GET, "/docs").send().await.unwrap();
    assert_eq!((moved.status().as_u16(), moved.headers()["location"].to_str().unwrap()), (308, "docs/"));
    let script = room.bare(Method::GET, "/docs/swagger-initializer.js").send().await.unwrap().text().await.unwrap();
    assert!(script.contains("\"openapi.json\"") && !script.contains("/openapi.json"), "{script}");
    let document: Value = room.bare(Method::GET, "/docs/openapi.json").send().await.unwrap().json().await.unwrap();
    assert_eq!(document["servers"][0]["url"], "..");
    let page =
        room.bare(Method::GET, "/models/a%2Fb").header("Accept", "text/html").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("=\"../") && !page.contains("=\"/"), "{page}");
    let proxied = room.bare(Method::GET, "/models/x").header("Accept", "text/html").header("X-Forwarded-Prefix", "/tidewatch");
    let page = proxied.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("=\"/tidewatch/"), "{page}");
}

#[tokio::test]
async fn what_is_to_be_forgotten_is_named_first_and_is_gone_then_and_its_name_begins_anew() {
    let room = Room::open().await;
    room.publish("prediction", json!([labelled(0, 0, "1", "1"), labelled(1, 0, "1", "0")])).await;
    room.publish("log", json!({"source": "pod-1", "message": "started"})).await;
    let (status, dry) = room.send(Method::DELETE, "/api/v1/models/fraud?dry_run=true", Value::Null).await;
    assert_eq!(
        (status, &dry["forgotten"], &dry["predictions"], &dry["made_by"]),
        (200, &json!(false), &json!(2), &json!("test"))
    );
    assert_eq!(room.json("/api/v1/models/fraud").await["predictions"], 2, "nothing has changed");
    let (status, told) = room.send(Method::DELETE, "/api/v1/models/fraud", Value::Null).await;
    assert_eq!((status, &told["forgotten"]), (200, &json!(true)), "{told}");
    let (status, told) = room.send(Method::DELETE, "/api/v1/sources/pod-1", Value::Null).await;
    assert_eq!((status, &told["records"]), (200, &json!(1)), "{told}");
    assert_eq!(room.json("/api/v1/state").await["models"], json!({}));
    assert_eq!(room.json("/api/v1/sources").await["items"], json!([]));
    let (status, problem) = room.send(Method::DELETE, "/api/v1/models/fraud", Value::Null).await;
    assert_eq!((status, &problem["type"]), (404, &json!("urn:tidewatch:problem:unknown-model")), "{problem}");
    room.publish("prediction", json!([labelled(0, 0, "1", "1")])).await;
    let fraud = room.json("/api/v1/models/fraud").await;
    assert_eq!((&fraud["predictions"], &fraud["duplicates"]), (&json!(1), &json!(0)), "the ids of before are forgotten too");
}

#[tokio::test]
async fn who_brings_a_name_for_which_there_is_no_room_is_told_whether_they_wait_or_not() {
    let room = Room::open().await;
    for thousand in 0..20 {
        let records: Vec<Value> = (0..1_000)
            .map(|n| json!({"model": format!("run-{thousand}-{n}"), "prediction_id": "p", "prediction": "1"}))
            .collect();
        room.publish("prediction", json!(records)).await;
    }
    let honest = json!({"model": "honest", "prediction": "1"});
    for wait in ["", "?wait=applied"] {
        let (status, problem) =
            room.send(Method::POST, &format!("/api/v1/publish/prediction/shop{wait}"), honest.clone()).await;
        assert_eq!((status, &problem["faults"][0]["reason"]), (422, &json!("too_many_models")), "{problem}");
    }
    let known = json!([{"model": "run-3-7", "prediction": "1"}, {"model": "honest", "prediction": "1"}]);
    let (status, told) = room.send(Method::POST, "/api/v1/publish/prediction/shop?partial=true", known).await;
    assert_eq!((status, &told["rejected"][0]["pointer"]), (202, &json!("/1/model")), "{told}");
    let (status, _) = room.send(Method::DELETE, "/api/v1/models/run-3-7", Value::Null).await;
    assert_eq!(status, 200);
    let (status, _) = room.send(Method::POST, "/api/v1/publish/prediction/shop?wait=applied", honest).await;
    assert_eq!(status, 200, "there is room now");
}

#[tokio::test]
async fn a_version_is_retired_by_a_person_and_serves_again_with_its_next_prediction() {
    let room = Room::open().await;
    let serve = async |id: &str| {
        let record = json!({ "model": "fraud", "prediction_id": id, "version": "1.4.0", "prediction": "a" });
        let (status, answer) = room.send(Method::POST, "/api/v1/publish/prediction/test?wait=applied", record).await;
        assert_eq!(status, 200, "{answer}");
    };
    let path = "/api/v1/models/fraud/versions";
    let state = async || room.json(path).await["items"][0]["state"].clone();
    serve("p1").await;
    assert_eq!(state().await, "gathering");
    let (status, told) = room.send(Method::PUT, path, json!({ "version": "1.4.0", "state": "retired" })).await;
    assert_eq!((status, &told["state"]), (200, &json!("retired")), "{told}");
    let row = room.json(path).await["items"][0].clone();
    assert_eq!(
        (&row["state"], &row["retired_at"], &row["predictions"]),
        (&json!("retired"), &told["retired_at"], &json!(1)),
        "{row}"
    );
    for (body, expected) in [
        (json!({ "version": "9", "state": "retired" }), 400),
        (json!({ "version": "1.4.0", "state": "gone" }), 422),
        (json!({ "version": "1.4.0" }), 422),
    ] {
        let (status, problem) = room.send(Method::PUT, path, body.clone()).await;
        assert_eq!(status, expected, "{body}: {problem}");
    }
    serve("p2").await;
    assert_eq!(state().await, "gathering", "it serves again");
    let (_, told) = room.send(Method::PUT, path, json!({ "version": "1.4.0", "state": "shadow" })).await;
    assert_eq!((&told["state"], &told["retired_at"]), (&json!("shadow"), &Value::Null), "{told}");
}
