//! The WebSocket, spoken to as a client would.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::room::{ADMIN, PATIENCE, Room, labelled};

pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    pub async fn open(room: &Room, token: &str) -> Self {
        Self::open_with(room, &[("Authorization", &format!("Bearer {token}"))]).await.unwrap()
    }

    async fn open_with(room: &Room, headers: &[(&'static str, &str)]) -> Result<Self, Error> {
        let mut request = format!("ws://{}/ws", room.address).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (socket, _) = connect_async(request).await?;
        Ok(Self { socket })
    }

    pub async fn say(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message, whatever it is; `None` when the connection has ended.
    async fn next(&mut self) -> Option<Message> {
        timeout(PATIENCE, self.socket.next()).await.expect("the server says something").and_then(Result::ok)
    }

    /// The next frame that is no heartbeat.
    pub async fn frame(&mut self) -> Value {
        loop {
            let Some(Message::Text(text)) = self.next().await else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["type"] != "heartbeat" {
                return frame;
            }
        }
    }

    /// The code the server closes with.
    async fn closed(&mut self) -> u16 {
        loop {
            match self.next().await {
                Some(Message::Close(frame)) => return frame.expect("a reason").code.into(),
                Some(_) => {}
                None => panic!("the connection ended without a word"),
            }
        }
    }
}

fn names(frame: &Value) -> Vec<&str> {
    frame["data"]["models"].as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap()).collect()
}

fn of(model: &str) -> Value {
    json!({"model": model, "prediction": "1"})
}

#[tokio::test]
async fn a_snapshot_is_followed_by_what_changes_and_a_return_by_what_was_missed() {
    let room = Room::open().await;
    room.publish("prediction", json!([of("a"), of("b")])).await;
    let mut client = Client::open(&room, ADMIN).await;
    client.say(json!({"op": "subscribe", "channel": "models", "interval_ms": 0})).await;
    let snapshot = client.frame().await;
    assert_eq!(
        (&snapshot["type"], &snapshot["channel"], names(&snapshot)),
        (&json!("snapshot"), &json!("models"), vec!["a", "b"])
    );
    assert_eq!(snapshot["data"]["total"], 2);
    let seq = room.publish("prediction", of("b")).await;
    let change = client.frame().await;
    assert_eq!((&change["type"], names(&change), &change["position"]), (&json!("change"), vec!["b"], &json!(seq)));

    drop(client);
    let last = room.publish("prediction", of("a")).await;
    let mut client = Client::open(&room, ADMIN).await;
    client.say(json!({"op": "subscribe", "channel": "models", "position": seq, "epoch": change["epoch"]})).await;
    let missed = client.frame().await;
    assert_eq!((&missed["type"], names(&missed), &missed["position"]), (&json!("change"), vec!["a"], &json!(last)));
    client.say(json!({"op": "subscribe", "channel": "models", "position": last, "epoch": 99})).await;
    assert_eq!(client.frame().await["type"], "snapshot", "another epoch cannot be continued");
    client.say(json!({"op": "subscribe", "channel": "models", "position": last, "epoch": 1})).await;
    assert_eq!(names(&client.frame().await), Vec::<&str>::new(), "nothing was missed, and that is said");
}

#[tokio::test]
async fn a_subscription_to_some_models_hears_of_no_others() {
    let room = Room::open().await;
    room.publish("prediction", json!([of("a"), of("b")])).await;
    let mut client = Client::open(&room, ADMIN).await;
    client.say(json!({"op": "subscribe", "channel": "models", "models": ["b", "none"], "interval_ms": 0})).await;
    let snapshot = client.frame().await;
    assert_eq!((names(&snapshot), &snapshot["data"]["total"]), (vec!["b"], &json!(1)));
    room.publish("prediction", of("a")).await;
    room.publish("prediction", of("b")).await;
    assert_eq!(names(&client.frame().await), ["b"]);
}

#[tokio::test]
async fn many_models_come_in_parts_from_any_of_which_one_can_go_on() {
    let room = Room::open().await;
    let records: Vec<Value> = (0..450).map(|number| of(&format!("m{number:03}"))).collect();
    room.publish("prediction", json!(records)).await;
    let mut client = Client::open(&room, ADMIN).await;
    client.say(json!({"op": "subscribe", "channel": "models"})).await;
    let first = client.frame().await;
    assert_eq!((&first["type"], &first["data"]["total"]), (&json!("snapshot"), &json!(450)));
    let mut all: Vec<String> = names(&first).into_iter().map(str::to_owned).collect();
    let mut last = first.clone();
    while all.len() < 450 {
        last = client.frame().await;
        assert_eq!(last["type"], "change");
        all.extend(names(&last).into_iter().map(str::to_owned));
    }
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 450);
    assert!(first["position"].as_u64() < last["position"].as_u64());

    let mut client = Client::open(&room, ADMIN).await;
    client.say(json!({"op": "subscribe", "channel": "models", "position": first["position"], "epoch": first["epoch"]})).await;
    let mut again = 0;
    while again < 450 {
        again += names(&client.frame().await).len();
    }
    assert_eq!(again, 450, "all changed in one message, so all come again");
}

#[tokio::test]
async fn a_client_that_does_not_read_skips_views_and_then_gets_the_newest() {
    let room = Room::open().await;
    let records: Vec<Value> = (0..200).map(|number| of(&format!("m{number:03}"))).collect();
    room.publish("prediction", json!(records)).await;
    let mut client = Client::open(&room, ADMIN).await;
    client.say(json!({"op": "subscribe", "channel": "models", "interval_ms": 0})).await;
    // more than any socket buffer holds, while nobody reads
    let mut last = 0;
    for _ in 0..120 {
        last = room.publish("prediction", json!(records)).await;
    }
    let mut frames = 0;
    loop {
        let frame = client.frame().await;
        frames += 1;
        if frame["position"] == json!(last) {
            let newest = frame["data"]["models"].as_array().unwrap();
            assert!(newest.iter().all(|model| model["predictions"] == 121));
            break;
        }
    }
    assert!(frames < 4 * 115, "{frames} frames of 121 views, four each, were kept for a client that was not there");
}

#[tokio::test]
async fn windows_of_one_model_come_when_they_open_change_and_close() {
    let room = Room::open().await;
    room.publish("prediction", json!([labelled(0, 0, "1", "1"), labelled(1, 0, "1", "1")])).await;
    let mut client = Client::open(&room, ADMIN).await;
    client.say(json!({"op": "subscribe", "channel": "windows", "models": ["fraud"], "interval_ms": 0})).await;
    let snapshot = client.frame().await;
    assert_eq!((&snapshot["data"]["model"], snapshot["data"]["windows"].as_array().unwrap().len()), (&json!("fraud"), 2));
    room.publish("prediction", json!([labelled(1, 1, "0", "1")])).await;
    let change = client.frame().await;
    let windows = change["data"]["windows"].as_array().unwrap();
    assert_eq!((windows.len(), &windows[0]["predictions"], &windows[0]["closed"]), (1, &json!(2), &json!(false)));
    // ten minutes on: minute 1 closes and leaves memory at once, minute 11 opens
    room.publish("prediction", json!([labelled(11, 0, "1", "1")])).await;
    let change = client.frame().await;
    let starts: Vec<(&Value, &Value)> =
        change["data"]["windows"].as_array().unwrap().iter().map(|w| (&w["start"], &w["closed"])).collect();
    assert!(starts.contains(&(&json!("2026-01-01T00:01:00Z"), &json!(true))), "{starts:?}");
    assert!(starts.contains(&(&json!("2026-01-01T00:11:00Z"), &json!(false))), "{starts:?}");
}

#[tokio::test]
async fn servers_and_the_system_are_told_in_the_agreed_shape() {
    let room = Room::open().await;
    let metrics = json!({"tidewatch_cpu_usage_percent": 97.0, "tidewatch_memory_usage_percent": 40.0});
    room.publish("sample", json!({"source": "web-01", "metrics": metrics})).await;
    let mut client = Client::open(&room, ADMIN).await;
    client.say(json!({"op": "subscribe", "channel": "server-metrics"})).await;
    let frame = client.frame().await;
    let server = &frame["data"]["servers"][0];
    assert_eq!(
        (&server["id"], &server["cpu"], &server["status"], &server["alerts"]),
        (&json!("web-01"), &json!(97.0), &json!("critical"), &json!(1))
    );
    assert_eq!((&frame["data"]["summary"]["total_servers"], &frame["data"]["summary"]["critical"]), (&json!(1), &json!(1)));
    client.say(json!({"op": "subscribe", "channel": "system-status"})).await;
    let frame = client.frame().await;
    assert_eq!(
        (&frame["channel"], &frame["data"]["status"], &frame["data"]["lag"]),
        (&json!("system-status"), &json!("ready"), &json!(0))
    );
}

/// Samples of half an hour, with a spike at its end.
fn busy(source: &str) -> Value {
    let sample = |round: u32| {
        let at = format!("2026-01-01T00:{:02}:{:02}Z", round / 2, round % 2 * 30);
        json!({"source": source, "at": at, "metrics": {"cpu": if round < 50 { 20 + round % 3 } else { 95 }}})
    };
    (0..60).map(sample).collect()
}

#[tokio::test]
async fn what_is_out_of_the_ordinary_is_told_when_it_begins() {
    let room = Room::open().await;
    let mut client = Client::open(&room, ADMIN).await;
    client.say(json!({"op": "subscribe", "channel": "ai-analysis"})).await;
    let frame = client.frame().await;
    assert_eq!(
        (&frame["type"], &frame["channel"], &frame["data"]["items"]),
        (&json!("snapshot"), &json!("ai-analysis"), &json!([]))
    );
    room.publish("sample", busy("web-01")).await;
    let frame = client.frame().await;
    let finding = &frame["data"]["items"][0];
    assert_eq!(
        (&frame["type"], &finding["kind"], &finding["name"], &finding["state"], &finding["severity"]),
        (&json!("change"), &json!("anomaly"), &json!("web-01"), &json!("open"), &json!("critical"))
    );
    assert_eq!(frame["data"]["summary"]["open"], 1);

    // the same by the API, with what is usual
    let report = room.json("/api/v1/analysis?state=open&kind=anomaly&name=web-01").await;
    assert_eq!((&report["items"][0]["id"], &report["items"][0]["value"]), (&finding["id"], &json!(95.0)));
    assert_eq!(room.json("/api/v1/analysis?state=closed").await["items"], json!([]));
    assert_eq!(room.get("/api/v1/analysis?kind=odd").await.status(), 400);
    let usual = room.json("/api/v1/sources/web-01/analysis").await;
    let series = &usual["items"][0];
    assert_eq!((&series["name"], &series["state"], &series["is_unusual"]), (&json!("cpu"), &json!("watched"), &json!(true)));
    assert!((series["expected"].as_f64().unwrap() - 21.0).abs() < 1.0, "{series}");
    assert_eq!(room.get("/api/v1/sources/none/analysis").await.status(), 404);
    assert_eq!(room.get("/api/v1/models/none/analysis").await.status(), 404);

    // another server in trouble at the same time: one cause may be behind both
    room.publish("sample", busy("web-02")).await;
    let report = room.json("/api/v1/analysis").await;
    let together = &report["together"][0];
    assert_eq!((&together["sources"], &together["first"]), (&json!(2), &json!("source/web-01/0")), "{report}");
    assert!(0.9 < together["correlation"].as_f64().unwrap(), "{together}");
}

#[tokio::test]
async fn misunderstandings_are_answered_and_excess_ends_the_talk() {
    let room = Room::open().await;
    let mut client = Client::open(&room, ADMIN).await;
    client.say(json!({"op": "subscribe", "channel": "nothing"})).await;
    assert_eq!(client.frame().await["code"], "unknown_channel");
    client.say(json!({"op": "ping"})).await;
    let Some(Message::Text(text)) = client.next().await else { panic!("a heartbeat") };
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["type"], "heartbeat");
    client.say(json!({"op": "x".repeat(100 << 10)})).await;
    assert_eq!(client.closed().await, 1009);
    let mut client = Client::open(&room, ADMIN).await;
    for _ in 0..60 {
        // the server may have closed already
        let _ = client.socket.send(Message::text(r#"{"op":"unsubscribe","channel":"models"}"#)).await;
    }
    assert_eq!(client.closed().await, 1008);
}

#[tokio::test]
async fn a_browser_brings_its_token_as_a_subprotocol_and_comes_from_our_own_pages() {
    let room = Room::open().await;
    let (_, token) = room.token("viewer").await;
    let protocols = format!("tidewatch.v1, tidewatch.token.{token}");
    let own = format!("http://{}", room.address);
    let mut client = Client::open_with(&room, &[("Sec-WebSocket-Protocol", &protocols), ("Origin", &own)]).await.unwrap();
    client.say(json!({"op": "subscribe", "channel": "models"})).await;
    assert_eq!(client.frame().await["type"], "snapshot");
    let refused = async |headers: &[(&'static str, &str)]| match Client::open_with(&room, headers).await {
        Err(Error::Http(response)) => response.status().as_u16(),
        _ => panic!("it was let in"),
    };
    assert_eq!(refused(&[("Sec-WebSocket-Protocol", &protocols), ("Origin", "https://evil.example")]).await, 403);
    assert_eq!(refused(&[]).await, 401);
    assert_eq!(refused(&[("Sec-WebSocket-Protocol", "tidewatch.v1, tidewatch.token.wrong")]).await, 401);
}

#[tokio::test]
async fn a_revoked_token_closes_what_it_opened_within_five_seconds() {
    let room = Room::open().await;
    let (id, token) = room.token("viewer").await;
    let mut client = Client::open(&room, &token).await;
    client.say(json!({"op": "ping"})).await;
    client.next().await;
    let revoked = Instant::now();
    room.send(Method::DELETE, &format!("/api/v1/tokens/{id}"), json!(null)).await;
    assert_eq!(client.closed().await, 1008);
    assert!(revoked.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_connection_too_many_is_refused_and_a_place_that_is_left_is_free_again() {
    let room = Room::open_with(|app| app.settings.websockets_max = 1).await;
    let first = Client::open(&room, ADMIN).await;
    let bearer = format!("Bearer {ADMIN}");
    let headers = [("Authorization", bearer.as_str())];
    assert!(matches!(Client::open_with(&room, &headers).await, Err(Error::Http(response)) if response.status() == 503));
    drop(first);
    let deadline = Instant::now() + PATIENCE;
    while Client::open_with(&room, &headers).await.is_err() {
        assert!(Instant::now() < deadline, "the place stays taken");
    }
}

#[tokio::test]
async fn a_server_that_stops_says_goodbye() {
    let mut room = Room::open().await;
    let mut client = Client::open(&room, ADMIN).await;
    client.say(json!({"op": "ping"})).await;
    client.next().await;
    let started = Instant::now();
    let (code, ()) = tokio::join!(client.closed(), room.close());
    assert_eq!(code, 1001);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_page_that_is_signed_in_needs_no_token_and_hears_no_more_when_it_signs_out() {
    let room = Room::open().await;
    let signed_in = room.bare(Method::POST, "/api/v1/session").json(&json!({"token": ADMIN})).send().await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let own = format!("http://{}", room.address);
    let refused = async |headers: &[(&'static str, &str)]| matches!(Client::open_with(&room, headers).await, Err(Error::Http(response)) if response.status() == 403);
    assert!(refused(&[("Cookie", &cookie)]).await, "no browser leaves its origin out");
    assert!(refused(&[("Cookie", &cookie), ("Origin", "http://evil.example")]).await);
    let mut client = Client::open_with(&room, &[("Cookie", &cookie), ("Origin", &own)]).await.unwrap();
    client.say(json!({"op": "ping"})).await;
    client.next().await;
    let ended = Instant::now();
    let sign_out = room.bare(Method::DELETE, "/api/v1/session").header("Cookie", &cookie).header("Origin", &own);
    assert_eq!(sign_out.send().await.unwrap().status(), 204);
    assert_eq!(client.closed().await, 1008);
    assert!(ended.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn every_frame_fits_its_schema() {
    let room = Room::open().await;
    room.publish("prediction", json!([labelled(0, 0, "1", "1"), labelled(1, 0, "0", "1")])).await;
    room.publish("sample", json!({"source": "web-01", "metrics": {"tidewatch_cpu_usage_percent": 95.0}})).await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/live.v1.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut client = Client::open(&room, ADMIN).await;
    let requests = [
        json!({"op": "subscribe", "channel": "models"}),
        json!({"op": "subscribe", "channel": "windows", "models": ["fraud"], "interval_ms": 100}),
        json!({"op": "subscribe", "channel": "overview", "list": {"q": "", "sort": "name", "group": "status"}, "first": 0, "rows": 20}),
        json!({"op": "subscribe", "channel": "server-metrics"}),
        json!({"op": "subscribe", "channel": "system-status"}),
        json!({"op": "subscribe", "channel": "ai-analysis"}),
        json!({"op": "ping"}),
        json!({"op": "unsubscribe", "channel": "models"}),
    ];
    for request in requests {
        assert!(validator.is_valid(&request), "{request}");
        client.say(request).await;
    }
    client.say(json!({"op": "subscribe", "channel": "models", "after": 7})).await;
    let mut waited_for = std::collections::BTreeSet::from([
        "models",
        "overview",
        "windows",
        "server-metrics",
        "system-status",
        "ai-analysis",
        "heartbeat",
        "error",
    ]);
    while !waited_for.is_empty() {
        let Some(Message::Text(text)) = client.next().await else { continue };
        let frame: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = validator.iter_errors(&frame).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{frame}: {errors:?}");
        let name = frame["channel"].as_str().or(frame["type"].as_str()).unwrap();
        waited_for.remove(name);
    }
}
