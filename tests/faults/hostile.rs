//! Whatever is sent, nothing breaks: each bad record is refused by name, listed with its bytes and announced; each odd name is a name
//! like any other; bounds hold; and every record is counted once.

use std::collections::BTreeMap;

use crate::house::{House, PATIENCE, Plan, TOKEN};
use crate::nats_server::NatsServer;
use crate::publisher::{Publisher, frames};
use crate::recorded::root;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Request};
use tokio_tungstenite::tungstenite::{self, Message};

/// 2026-01-01T00:00:00Z in milliseconds.
const START_MS: i64 = 1_767_225_600_000;

/// A message that is refused, and why: one reason for each of its records, empty for a good one.
struct Bad {
    subject: &'static str,
    headers: &'static [(&'static str, &'static str)],
    payload: Vec<u8>,
    reasons: &'static [&'static str],
}

fn bad(subject: &'static str, payload: impl Into<Vec<u8>>, reasons: &'static [&'static str]) -> Bad {
    Bad { subject, headers: &[], payload: payload.into(), reasons }
}

const PREDICTION: &str = "tw.in.prediction.hostile";

fn bad_messages() -> Vec<Bad> {
    let nested = |levels: usize| format!(r#"{{"prediction":1,"x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    let large = format!(r#"{{"prediction":1,"x":"{}"}}"#, "x".repeat(3 << 19));
    let nan = rmp_serde::to_vec_named(&BTreeMap::from([("prediction", f64::NAN)])).unwrap();
    let long_source = Box::leak(format!("tw.in.prediction.{}", "s".repeat(65)).into_boxed_str());
    let many = format!("[{}]", vec![r#"{"prediction":1}"#; 10_001].join(","));
    let named = |name: &str| json!({ "prediction": 1, "model": name }).to_string();
    let packed =
        |payload| Bad { headers: &[("Content-Type", "application/msgpack")], ..bad(PREDICTION, payload, &["bad_msgpack"]) };
    vec![
        bad(PREDICTION, large, &["too_large"]),
        bad(PREDICTION, nested(1_000), &["too_deep"]),
        bad(PREDICTION, [vec![0x91; 1_000], vec![0xc0]].concat(), &["too_deep"]),
        bad(PREDICTION, nan, &["not_finite"]),
        bad(PREDICTION, r#"[{"prediction":1},{"prediction":NaN},{"prediction":1e999}]"#, &["", "not_finite", "not_finite"]),
        bad(PREDICTION, r#"{"prediction":1,"at":"9999-12-31T23:59:59Z"}"#, &["future_time"]),
        bad(PREDICTION, r#"{"prediction":1,"at":"10000-01-01T00:00:00Z"}"#, &["bad_time"]),
        bad(PREDICTION, r#"{"prediction":1,"at":1e300}"#, &["bad_time"]),
        bad(PREDICTION, many, &["too_many_records"]),
        bad(PREDICTION, "", &["empty"]),
        bad(PREDICTION, "[]", &["empty"]),
        bad(PREDICTION, "{", &["bad_json"]),
        bad(PREDICTION, b"{\"prediction\":\"\xff\xfe\"}".to_vec(), &["bad_utf8"]),
        bad(PREDICTION, r#"{"prediction":"\ud800"}"#, &["bad_json"]),
        bad(PREDICTION, named(""), &["bad_name"]),
        bad(PREDICTION, named("nul\0"), &["bad_name"]),
        bad(PREDICTION, named(&"x".repeat(257)), &["bad_name"]),
        bad(PREDICTION, r#"{"model":"m"}"#, &["missing_field"]),
        // a map that claims four billion entries, and text where MessagePack was promised
        packed(vec![0xdf, 0xff, 0xff, 0xff, 0xff]),
        packed(b"\xc1".to_vec()),
        bad("tw.in.label.hostile", r#"{"actual":1}"#, &["missing_field"]),
        bad("tw.in.command.hostile", r#"{"command":"rm -rf"}"#, &["bad_command"]),
        bad("tw.in.metric.hostile", r#"{"x":1}"#, &["unknown_kind"]),
        bad("tw.in.PREDICTION.hostile", r#"{"prediction":1}"#, &["unknown_kind"]),
        bad("tw.in.prediction", r#"{"prediction":1}"#, &["bad_subject"]),
        bad("tw.in.prediction.a.b", r#"{"prediction":1}"#, &["bad_subject"]),
        bad("tw.in.prediction.名前", r#"{"prediction":1}"#, &["bad_subject"]),
        bad("tw.in.prediction.<script>", r#"{"prediction":1}"#, &["bad_subject"]),
        bad(long_source, r#"{"prediction":1}"#, &["bad_subject"]),
    ]
}

/// Names that mean something to a subject, a path, a page, a spreadsheet, a terminal or a query.
fn odd_names() -> Vec<String> {
    let plain = [
        "a.b.c",
        "*",
        ">",
        "tw.in.>",
        "a b",
        " ",
        "모델 🚀",
        "quote\"s",
        "it's",
        "new\nline",
        "tab\t",
        "\u{1b}[31mred",
        "\u{202e}rtl",
        "<img src=x onerror=alert(1)>",
        "../../etc/passwd",
        "..",
        "=cmd|' /C calc'!A0",
        "a/b?c=d&e#f",
        "%2e%2e%2f",
        "{{7*7}}",
        "'; DROP TABLE models; --",
        "\\",
        "NaN",
        "null",
        "0",
    ];
    plain.into_iter().map(str::to_owned).chain(["é".repeat(128)]).collect()
}

fn percent(name: &str) -> String {
    name.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Prediction `number` of a model that is always there, to see that it goes on being counted.
fn neighbour(number: i64) -> Value {
    json!({ "model": "neighbour", "prediction_id": format!("n{number}"), "prediction": "a", "at": START_MS + number })
}

async fn raw_bytes(house: &House, seq: u64) -> Vec<u8> {
    let request = reqwest::Client::new().get(format!("{}/api/v1/rejected/{seq}", house.url)).bearer_auth(TOKEN);
    request.send().await.unwrap().error_for_status().unwrap().bytes().await.unwrap().to_vec()
}

/// Every entry of the list of rejected records, by sequence and index.
async fn rejected(house: &House) -> BTreeMap<(u64, u64), Value> {
    let (mut listed, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let page = house.get(&format!("/api/v1/rejected?limit=7{cursor}")).await.unwrap();
        for item in page["items"].as_array().unwrap() {
            listed.insert((item["seq"].as_u64().unwrap(), item["index"].as_u64().unwrap()), item.clone());
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return listed,
        }
    }
}

/// Every record is in exactly one count.
fn assert_identity(state: &Value, records: u64) {
    let counts = &state["counts"];
    let names = ["applied", "rejected", "duplicates", "too_late", "ignored"];
    let counted: u64 = names.iter().map(|name| counts[*name].as_u64().unwrap()).sum();
    assert_eq!(counted, records, "{counts}");
}

/// A message that the server itself refuses, sent past every client library's own check.
async fn ten_megabytes(server: &NatsServer) -> String {
    let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
    socket.write_all(b"CONNECT {\"verbose\":false}\r\nPUB tw.in.prediction.hostile 10000000\r\n").await.unwrap();
    // the server hangs up in the middle of it
    let _ = socket.write_all(&vec![b'x'; 10_000_000]).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_by_name_kept_and_announced_and_its_neighbours_are_unharmed() {
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let house = Plan::on(&server.url(), data.path()).open();
    let publisher = Publisher::to(&server.url()).await;
    let listener = async_nats::connect(server.url()).await.unwrap();
    let mut announced = listener.subscribe("tw.out.rejected.>").await.unwrap();
    listener.flush().await.unwrap();

    assert!(ten_megabytes(&server).await.contains("Maximum Payload"), "the server takes ten megabytes");
    let (mut records, mut expected) = (0, BTreeMap::new());
    let mut sent = BTreeMap::new();
    for (number, bad) in (0..).zip(bad_messages()) {
        publisher.send(PREDICTION, neighbour(number).to_string()).await;
        let seq = publisher.send_as(bad.subject, bad.headers, bad.payload.clone()).await;
        records += 1 + bad.reasons.len() as u64;
        let faults = (0..).zip(bad.reasons).filter(|(_, reason)| !reason.is_empty());
        expected.extend(faults.map(|(index, reason)| ((seq, index), (*reason).to_owned())));
        sent.insert(seq, bad);
    }
    let last = publisher.send(PREDICTION, neighbour(-1).to_string()).await;
    let state = house.applied(last).await;
    assert_identity(&state, records + 1);
    assert_eq!(state["counts"]["rejected"], expected.len());
    assert_eq!(state["models"]["neighbour"]["predictions"], sent.len() + 1);

    let listed = rejected(&house).await;
    let reasons: BTreeMap<_, _> = listed.iter().map(|(at, item)| (*at, item["reason"].as_str().unwrap().to_owned())).collect();
    assert_eq!(reasons, expected);
    for (seq, bad) in &sent {
        assert!(raw_bytes(&house, *seq).await == bad.payload, "other bytes at {seq} than were sent to {}", bad.subject);
    }
    // one fact a message, about the first of its faulty records
    let mut missing: BTreeMap<u64, u64> = expected.keys().rev().copied().collect();
    let faulty = |seq: u64| expected.keys().filter(|(of, _)| *of == seq).count();
    while !missing.is_empty() {
        let fact =
            tokio::time::timeout(PATIENCE, announced.next()).await.unwrap_or_else(|_| panic!("not announced: {missing:?}"));
        let fact = fact.unwrap();
        let body: Value = serde_json::from_slice(&fact.payload).unwrap();
        let at = (body["seq"].as_u64().unwrap(), body["index"].as_u64().unwrap());
        let item = &listed[&at];
        assert_eq!(*fact.subject, format!("tw.out.rejected.{}", item["kind"].as_str().unwrap()));
        for field in ["kind", "source", "reason", "detail", "pointer", "stored_at"] {
            assert_eq!(body[field], item[field], "{at:?}");
        }
        assert_eq!((missing.remove(&at.0), &body["records"]), (Some(at.1), &json!(faulty(at.0))), "{at:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_name_is_a_name_like_any_other() {
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let house = Plan::on(&server.url(), data.path()).open();
    let publisher = Publisher::to(&server.url()).await;
    let listener = async_nats::connect(server.url()).await.unwrap();
    let mut closed = listener.subscribe("tw.out.window_closed.>").await.unwrap();
    listener.flush().await.unwrap();

    // the second closes the window of the first
    let names = odd_names();
    let bodies = names.iter().flat_map(|name| {
        [0, 120_000].map(|offset_ms| {
            json!({
                "model": name, "prediction_id": format!("\"{offset_ms}\n"), "prediction": name, "actual": name,
                "model_version": name, "segment": { name.as_str(): name }, "at": START_MS + offset_ms,
            })
        })
    });
    let bodies: Vec<Value> = bodies.collect();
    publisher.send_all(frames("prediction", &bodies, 7)).await;
    let noted: Vec<Value> =
        names.iter().map(|name| json!({ "source": name, "level": "info", "message": name, "at": START_MS })).collect();
    let last = publisher.send_all(frames("log", &noted, 7)).await;
    let state = house.applied(last).await;
    assert_identity(&state, 3 * names.len() as u64);
    assert_eq!(state["counts"]["applied"], 3 * names.len());

    let mut told = BTreeMap::new();
    while told.len() < names.len() {
        let fact = tokio::time::timeout(PATIENCE, closed.next()).await.expect("a window was not announced").unwrap();
        let body: Value = serde_json::from_slice(&fact.payload).unwrap();
        told.insert(body["model"].as_str().unwrap().to_owned(), fact.subject.to_string());
    }
    for name in &names {
        assert_eq!(state["models"][name]["labelled"], 2, "{name:?}");
        assert_eq!(told[name], root().fact("window_closed", name));
        // a URL cannot name it: the standard resolves this segment away
        if name == ".." {
            continue;
        }
        let encoded = percent(name);
        let path = format!("/api/v1/models/{encoded}/windows?from={START_MS}&to={}&resolution=1m", START_MS + 180_000);
        for slice in [String::new(), format!("&version={encoded}"), format!("&version={encoded}&segment={encoded}:{encoded}")] {
            let windows = house.get(&format!("{path}{slice}")).await.unwrap_or_else(|| panic!("{name:?}{slice}"));
            assert_eq!(windows.as_array().unwrap().len(), 2, "{name:?}{slice}");
            assert_eq!(windows[0]["predicted"], json!({ name.as_str(): 1 }), "{name:?}{slice}");
        }
        let model = house.get(&format!("/api/v1/models/{encoded}")).await.unwrap();
        assert_eq!((&model["name"], &model["versions"]), (&json!(name), &json!([name])));
        let logs = house.get(&format!("/api/v1/sources/{encoded}/records?kind=log")).await.unwrap();
        assert_eq!(logs["items"][0]["record"]["message"], json!(name));
    }
    let export = house.text("/api/v1/export").await.unwrap();
    let lines: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let exported = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
    assert_eq!((exported("model"), exported("source")), (names.len(), names.len()));
}

fn upgrade(house: &House, query: &str) -> Request<()> {
    format!("{}/ws{query}", house.url.replace("http://", "ws://")).into_client_request().unwrap()
}

/// The status a handshake is refused with.
async fn refusal(request: Request<()>) -> u16 {
    match tokio_tungstenite::connect_async(request).await {
        Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_needs_a_token_and_our_own_origin() {
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let house = Plan::on(&server.url(), data.path()).open();
    let with = |name: &'static str, value: String| {
        let mut request = upgrade(&house, "");
        request.headers_mut().insert(name, HeaderValue::try_from(value).unwrap());
        request
    };
    assert_eq!(refusal(upgrade(&house, "")).await, 401);
    assert_eq!(refusal(upgrade(&house, &format!("?token={TOKEN}"))).await, 401);
    assert_eq!(refusal(with("Authorization", "Bearer wrong".into())).await, 401);
    assert_eq!(refusal(with("Sec-WebSocket-Protocol", "tidewatch.v1, tidewatch.token.wrong".into())).await, 401);
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1", &format!("{}.evil.example", house.url)] {
        let mut request = with("Authorization", format!("Bearer {TOKEN}"));
        request.headers_mut().insert("Origin", HeaderValue::try_from(origin).unwrap());
        assert_eq!(refusal(request).await, 403, "{origin}");
    }
    let own = house.url.clone();
    for (name, value) in [
        ("Authorization", format!("Bearer {TOKEN}")),
        ("Sec-WebSocket-Protocol", format!("tidewatch.v1, tidewatch.token.{TOKEN}")),
    ] {
        let mut request = with(name, value);
        request.headers_mut().insert("Origin", HeaderValue::try_from(&own).unwrap());
        let (mut socket, response) = tokio_tungstenite::connect_async(request).await.unwrap();
        assert!(response.headers().get("Sec-WebSocket-Protocol").is_none_or(|protocol| protocol == "tidewatch.v1"));
        socket.send(Message::text(r#"{"op":"subscribe","channel":"models"}"#)).await.unwrap();
        let first = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
        let frame: Value = serde_json::from_str(first.to_text().unwrap()).unwrap();
        assert_eq!((&frame["type"], &frame["channel"]), (&json!("snapshot"), &json!("models")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_question_makes_the_server_fail() {
    let (server, data) = (NatsServer::start(), tempfile::tempdir().unwrap());
    let house = Plan::on(&server.url(), data.path()).open();
    let publisher = Publisher::to(&server.url()).await;
    publisher.send(PREDICTION, neighbour(0).to_string()).await;
    publisher.send("tw.in.log.web", r#"{"message":"m"}"#).await;
    let last = publisher.send(PREDICTION, "{").await;
    house.applied(last).await;

    let paths = [
        "/api/v1/models",
        "/api/v1/models/neighbour",
        "/api/v1/models/neighbour/windows",
        "/api/v1/models/neighbour/versions",
        "/api/v1/models/%ff",
        "/api/v1/models/%00",
        "/api/v1/models/..%2f..",
        "/api/v1/rejected",
        "/api/v1/rejected/0",
        "/api/v1/rejected/-1",
        "/api/v1/rejected/18446744073709551615",
        "/api/v1/rejected/99999999999999999999",
        "/api/v1/sources",
        "/api/v1/sources/web",
        "/api/v1/sources/web/records",
        "/api/v1/streams",
        "/api/v1/tokens",
        "/api/v1/thresholds",
        "/api/ai/monitoring/performance",
        "/api/ai/monitoring/summary",
        "/nowhere",
    ];
    let values = [
        "",
        "-1",
        "0",
        "1",
        "1e300",
        "-1e300",
        "NaN",
        "inf",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551616",
        "9999-12-31T23:59:59Z",
        "-009999-01-01T00:00:00Z",
        "%00",
        "%ff",
        "a:b",
        ":",
        "%F0%9F%9A%80",
        "%3Cscript%3E",
        "../..",
        "1d",
        "log",
        "AAAA",
        "%E2%80%AE",
    ];
    let parameters = [
        "from",
        "to",
        "resolution",
        "version",
        "segment",
        "metrics",
        "limit",
        "cursor",
        "status",
        "q",
        "kind",
        "reason",
        "model_name",
    ];
    let client = reqwest::Client::new();
    let mut asked = 0;
    for path in paths {
        let mut queries: Vec<String> =
            parameters.iter().flat_map(|name| values.map(|value| format!("?{name}={value}"))).collect();
        // two at once: a range that ends before it begins, or holds all of time
        queries.extend(values.iter().flat_map(|from| values.map(|to| format!("?resolution=1m&from={from}&to={to}"))));
        if !path.ends_with("windows") {
            queries.truncate(parameters.len() * values.len());
        }
        for query in queries {
            let url = format!("{}{path}{query}", house.url);
            let response = client.get(&url).bearer_auth(TOKEN).send().await.unwrap();
            let status = response.status().as_u16();
            assert!((200..500).contains(&status), "{path}{query}: {status} {}", response.text().await.unwrap());
            if 400 <= status {
                assert_eq!(response.headers()["Content-Type"], "application/problem+json", "{path}{query}");
            }
            asked += 1;
        }
    }
    println!("{asked} questions");
    let after = publisher.send(PREDICTION, neighbour(1).to_string()).await;
    assert_eq!(house.applied(after).await["models"]["neighbour"]["predictions"], 2);
}
