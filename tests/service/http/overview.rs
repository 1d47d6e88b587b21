//! The list of models as one reader sees it: the channel `overview`, and what people say of a model.

use reqwest::Method;
use serde_json::{Value, json};

use super::live::Client;
use super::room::{ADMIN, Room};

fn of(model: &str, minute: u32, second: u32) -> Value {
    json!({"model": model, "prediction": "1", "actual": "1", "timestamp": format!("2026-01-01T00:{minute:02}:{second:02}Z")})
}

async fn with_models(count: usize) -> Room {
    let room = Room::open().await;
    let records: Vec<Value> = (0..count).map(|number| of(&format!("m{number}"), 0, 0)).collect();
    for part in records.chunks(500) {
        room.publish("prediction", json!(part)).await;
    }
    room
}

fn lines(frame: &Value) -> Vec<&str> {
    frame["data"]["list"]["lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect()
}

fn rows(frame: &Value) -> Vec<&str> {
    frame["data"]["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn only_the_rows_in_view_are_told_and_those_that_come_into_view() {
    let room = with_models(300).await;
    let mut client = Client::open(&room, ADMIN).await;
    let view = |first: usize| json!({"op": "subscribe", "channel": "overview", "list": {"sort": "name"}, "first": first, "rows": 3, "interval_ms": 0});
    client.say(view(8)).await;
    let first = client.frame().await;
    assert_eq!((&first["type"], &first["channel"]), (&json!("snapshot"), &json!("overview")));
    assert_eq!(lines(&first), ["m8", "m9", "m10"], "by number, as people count");
    assert_eq!(rows(&first), ["m8", "m9", "m10"]);
    assert_eq!((&first["data"]["list"]["first"], &first["data"]["list"]["models_total"]), (&json!(8), &json!(300)));
    assert_eq!(first["data"]["summary"]["total"], 300);

    client.say(view(10)).await;
    let moved = client.frame().await;
    assert_eq!(moved["type"], "change");
    assert_eq!(lines(&moved), ["m10", "m11", "m12"]);
    assert_eq!(rows(&moved), ["m11", "m12"], "what the client has is not told again");
    assert!(moved["data"].get("summary").is_none(), "{moved}");
}

#[tokio::test]
async fn a_change_holds_the_fields_that_changed_and_the_points_that_are_new() {
    let room = with_models(2).await;
    let mut client = Client::open(&room, ADMIN).await;
    client.say(json!({"op": "subscribe", "channel": "overview", "list": {"sort": "name"}, "interval_ms": 0})).await;
    let first = client.frame().await;
    assert_eq!(first["data"]["rows"][0]["task"], "classification");
    assert_eq!(first["data"]["rows"][0]["trail"], json!([]), "no window has closed, and that is said");
    // closes the first minute: one point of the sparkline
    room.publish("prediction", json!([of("m1", 1, 45)])).await;
    let row = loop {
        let frame = client.frame().await;
        assert!(frame["data"]["rows"].as_array().unwrap().iter().all(|row| row["name"] == "m1"), "{frame}");
        if let Some(row) = frame["data"]["rows"].as_array().unwrap().iter().find(|row| row.get("trail_add").is_some()) {
            break row.clone();
        }
    };
    assert_eq!(row["trail_add"], json!([[29_453_760, 1.0, 1]]), "{row}");
    assert!(row.get("task").is_none() && row.get("tags").is_none(), "{row}");
    assert!(row["last_prediction_at"].is_string(), "{row}");
}

#[tokio::test]
async fn lists_are_filtered_ordered_and_grouped_by_what_people_say_of_models() {
    let room = with_models(3).await;
    let describe = |name: &str, body: Value| (Method::PUT, format!("/api/v1/models/{name}/description"), body);
    for (method, path, body) in [
        describe("m0", json!({"owner": "risk", "tags": ["kr", "card"]})),
        describe("m1", json!({"add_tags": ["kr"]})),
        describe("m2", json!({"archived": true})),
    ] {
        let (status, answer) = room.send(method, &path, body).await;
        assert_eq!(status, 200, "{answer}");
    }
    let model = room.json("/api/v1/models/m0").await;
    assert_eq!((&model["owner"], &model["tags"], &model["archived"]), (&json!("risk"), &json!(["card", "kr"]), &json!(false)));

    let listed = async |filter: &str| {
        let page = room.json(&format!("/api/v1/models?fields=name&{filter}")).await;
        page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed("tag=kr").await, ["m0", "m1"]);
    assert_eq!(listed("owner=risk").await, ["m0"]);
    assert_eq!(listed("archived=false").await, ["m0", "m1"]);
    assert_eq!(listed("").await, ["m0", "m1", "m2"]);

    let mut client = Client::open(&room, ADMIN).await;
    let ask = |list: Value| json!({"op": "subscribe", "channel": "overview", "list": list, "interval_ms": 0});
    client.say(ask(json!({"group": "tag", "sort": "name"}))).await;
    let grouped = client.frame().await;
    let expected = json!([{"group": "card", "models": 1}, "m0", {"group": "kr", "models": 2}, "m0", "m1"]);
    assert_eq!(grouped["data"]["list"]["lines"], expected);
    assert_eq!(rows(&grouped), ["m0", "m1"], "below two headings it is one row");
    assert_eq!(grouped["data"]["facets"], json!({"tags": {"card": 1, "kr": 2}, "owners": {"risk": 1}}));
    assert_eq!((&grouped["data"]["summary"]["total"], &grouped["data"]["summary"]["archived"]), (&json!(2), &json!(1)));
    client.say(ask(json!({"owner": "risk"}))).await;
    assert_eq!(lines(&client.frame().await), ["m0"]);
    client.say(ask(json!({"archived": true}))).await;
    assert_eq!(lines(&client.frame().await), ["m2"]);
}

#[tokio::test]
async fn what_cannot_be_said_of_a_model_is_refused_with_its_reason() {
    let room = with_models(1).await;
    let put = async |name: &str, body: Value| {
        let (status, answer) = room.send(Method::PUT, &format!("/api/v1/models/{name}/description"), body).await;
        (status, answer.to_string())
    };
    assert_eq!(put("nobody", json!({"owner": "risk"})).await.0, 404);
    let (status, told) = put("m0", json!({})).await;
    assert!(status == 422 && told.contains("at least one"), "{status} {told}");
    let (status, told) = put("m0", json!({"tags": ["ok", "x".repeat(65)]})).await;
    assert!(status == 422 && told.contains("/tags/1"), "{status} {told}");
    let many: Vec<String> = (0..21).map(|tag| format!("t{tag}")).collect();
    let (status, told) = put("m0", json!({"tags": many})).await;
    assert!(status == 422 && told.contains("at most 20 tags"), "{status} {told}");
}

#[tokio::test]
async fn a_range_is_added_up_as_one_window_of_the_model_and_of_each_version() {
    let room = Room::open().await;
    let of = |minute: u32, version: &str| json!({"model": "m", "version": version, "prediction": "1", "actual": "1", "timestamp": format!("2026-01-01T0{}:{:02}:00Z", minute / 60, minute % 60)});
    room.publish("prediction", json!([of(0, "a"), of(90, "a"), of(91, "b"), of(130, "b")])).await;
    let total = async |query: &str| room.json(&format!("/api/v1/models/m/total?{query}")).await;
    let whole = total("from=2026-01-01T00:00:00Z&to=2026-01-01T02:00:00Z").await;
    assert_eq!(
        (&whole["predictions"], &whole["start"], &whole["end"]),
        (&json!(3), &json!("2026-01-01T00:00:00Z"), &json!("2026-01-01T02:00:00Z"))
    );
    assert_eq!(total("from=2026-01-01T00:00:00Z&to=2026-01-01T02:00:00Z&version=a").await["predictions"], 2);
    assert_eq!(total("").await["predictions"], 3, "the last hour of the model's own time");
    let versions = room.json("/api/v1/models/m/versions?from=2026-01-01T00:00:00Z&to=2026-01-01T01:31:00Z").await;
    let counts: Vec<(&Value, &Value)> =
        versions["items"].as_array().unwrap().iter().map(|row| (&row["version"], &row["predictions"])).collect();
    assert_eq!(counts, [(&json!("a"), &json!(2)), (&json!("b"), &json!(0))]);
    for bad in [
        "from=2026-01-01T02:00:00Z&to=2026-01-01T01:00:00Z",
        "from=2025-01-01T00:00:00Z&to=2026-01-01T00:00:00Z",
        "version=c",
        "segment=kr",
    ] {
        assert_eq!(room.get(&format!("/api/v1/models/m/total?{bad}")).await.status(), 400, "{bad}");
    }
}
