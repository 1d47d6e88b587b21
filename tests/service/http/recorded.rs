//! A log that this release has recorded, and the figures that it led to, lie in `tests/data/release-0.1` and are never edited: the same log gives
//! the same figures in every later release. What a later export says beside them is its own matter.
//!
//! `TIDEWATCH_RECORD=1` writes both files anew: only for a new release, into a directory of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidewatch::event::Message;
use tidewatch::event::subject::Root;
use tidewatch::event::wire::{NoTables, Raw, decode};
use tidewatch::ids::Slug;
use tidewatch::nats::Saved;
use tidewatch::processor::{Batch, Projection};
use tidewatch::store::{Options, Store};
use tidewatch::time::Timestamp;
use tokio::sync::watch;

use super::room::Room;

const START_MS: i64 = 1_767_225_600_000;

/// One message as it lies in the log.
#[derive(Serialize, Deserialize)]
struct Stored {
    stored_ms: i64,
    subject: String,
    payload: Value,
}

fn file(name: &str) -> PathBuf {
    format!("{}/tests/data/release-0.1/{name}.ndjson.zst", env!("CARGO_MANIFEST_DIR")).into()
}

fn lines(name: &str) -> Vec<Value> {
    let packed = std::fs::read(file(name)).unwrap();
    let text = String::from_utf8(zstd::decode_all(&packed[..]).unwrap()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn write(name: &str, lines: impl Iterator<Item = String>) {
    let text: String = lines.map(|line| line + "\n").collect();
    std::fs::write(file(name), zstd::encode_all(text.as_bytes(), 19).unwrap()).unwrap();
}

/// Two hours of a classifier with scores, segments, features and two versions, one of which moves away from its reference; of a regression; of a
/// host; of commands, bad records, early, late and corrected labels.
fn recording() -> Vec<Stored> {
    let mut log = Vec::new();
    let mut state = 11_u64;
    let mut below = move |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut put = |stored_ms: i64, kind: &str, payload: Value| {
        log.push(Stored { stored_ms, subject: format!("tw.in.{kind}.tests"), payload });
    };
    put(
        START_MS,
        "command",
        json!({ "command": "set_drift_policy", "reference_rows": 200, "window_seconds": 600, "segments": true }),
    );
    put(START_MS, "command", json!({ "command": "set_thresholds", "accuracy_threshold": 0.7 }));
    for step in 0..1_440_i64 {
        let now = START_MS + step * 5_000;
        let (moved, late) = (if step < 900 { 0 } else { 400 }, below(40) == 0);
        let at = if late { now - 3_600_000 } else { now - below(3_000) as i64 };
        let (id, score) = (format!("p{step}"), below(1_000) as f64 / 1_000.0);
        let (region, country) = (["kr", "us"][below(2) as usize], ["kr", "us", "de"][below(3) as usize]);
        let truth = if below(1_000) as f64 / 1_000.0 < score { "yes" } else { "no" };
        let mut prediction = json!({
            "prediction_id": id, "model": "fraud", "model_version": if step % 3 == 0 { "v2" } else { "v1" }, "at": at,
            "prediction": if score < 0.5 { "no" } else { "yes" }, "scores": { "yes": score, "no": 1.0 - score },
            "response_time": (1 + below(400)) as f64 / 1_000.0, "segment": { "region": region },
            "features": { "amount": (below(1_000) + moved) as f64 / 8.0, "country": country },
        });
        if below(30) == 0 {
            prediction["error"] = json!("backend did not answer");
        }
        let label = |actual: &str, at: i64| json!({ "prediction_id": id, "model": "fraud", "actual": actual, "at": at });
        if below(20) == 0 {
            put(now, "label", label(truth, now));
        }
        put(now, "prediction", prediction.clone());
        if below(25) == 0 {
            put(now, "prediction", prediction);
        }
        match below(12) {
            0 => {}
            1 => put(now + 1, "label", json!([label("yes", now), label(truth, now + 1)])),
            _ => put(now + 1, "label", label(truth, now)),
        }
        let price = 100.0 + below(2_000) as f64 / 10.0;
        let sale = json!({ "prediction_id": format!("s{step}"), "model": "sales", "at": now, "prediction": price, "actual": price + below(300) as f64 / 10.0 - 15.0 });
        put(now + 2, "prediction", sale);
        put(
            now + 3,
            "sample",
            json!({ "source": "web-01", "at": now, "metrics": { "cpu": 20 + below(10), "memory": 3_000 + step } }),
        );
        if below(90) == 0 {
            put(now + 4, "prediction", json!({ "model": "fraud", "prediction": 1, "confidence": "high" }));
        }
        put(now + 5, "tick", json!({}));
        if step % 100 == 99 {
            let settled = log_len_of(step);
            put(now + 6, "outcome", json!({ "settled_through": settled }));
        }
    }
    for hour in 1..30 {
        put(START_MS + 7_200_000 + hour * 3_600_000, "tick", json!({}));
    }
    log
}

/// A sequence that was surely given by then: five messages a step at least.
const fn log_len_of(step: i64) -> u64 {
    step as u64 * 5
}

fn decoded(log: &[Stored]) -> Vec<Message> {
    let root = Root::new(Slug::try_from("tw").unwrap());
    let of = |(stored, seq): (&Stored, u64)| {
        let (stored_at, payload) = (Timestamp::from_millis(stored.stored_ms), stored.payload.to_string());
        decode(Raw { seq, stored_at, subject: &stored.subject, headers: &(), payload: payload.as_bytes() }, &root, NoTables)
    };
    log.iter().zip(1..).map(of).collect()
}

/// The export of a store that has applied these messages.
async fn export_of(messages: &[Message]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store"), Options::default()).unwrap().store;
    let mut projection = Projection::load(store, 1).unwrap();
    for messages in messages.chunks(100) {
        projection.apply(&Batch::new(messages.to_vec(), Saved::default()));
        projection.commit().unwrap();
    }
    let (_sender, view) = watch::channel(Arc::new(projection.view().clone()));
    let reader = projection.reader();
    let room = Room::open_with(|app| (app.view, app.reader) = (view, reader)).await;
    let export = room.get("/api/v1/export").await.text().await.unwrap();
    export.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Where `now` does not say what `then` said.
fn difference(then: &Value, now: &Value, path: &str) -> Option<String> {
    match (then, now) {
        (Value::Object(then), Value::Object(_)) => {
            then.iter().find_map(|(key, value)| difference(value, &now[key], &format!("{path}/{key}")))
        }
        (Value::Array(then), Value::Array(now)) if then.len() == now.len() => {
            let pairs = then.iter().zip(now).enumerate();
            pairs.into_iter().find_map(|(index, (then, now))| difference(then, now, &format!("{path}/{index}")))
        }
        _ => (then != now).then(|| format!("{path}: {now}, was {then}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_that_a_release_recorded_gives_the_figures_that_it_gave() {
    if std::env::var_os("TIDEWATCH_RECORD").is_some() {
        let log = recording();
        write("log", log.iter().map(|stored| serde_json::to_string(stored).unwrap()));
        write("export", export_of(&decoded(&log)).await.into_iter().map(|line| line.to_string()));
    }
    let log: Vec<Stored> = lines("log").into_iter().map(|line| serde_json::from_value(line).unwrap()).collect();
    let (then, now) = (lines("export"), export_of(&decoded(&log)).await);
    let mut kinds = BTreeMap::new();
    for line in &then {
        *kinds.entry(line["type"].as_str().unwrap()).or_insert(0) += 1;
    }
    assert!(["head", "model", "window", "source", "rejected"].iter().all(|kind| kinds.contains_key(kind)), "{kinds:?}");
    assert_eq!(now.len(), then.len());
    for (number, (then, now)) in then.iter().zip(&now).enumerate() {
        assert_eq!(difference(then, now, ""), None, "line {}", number + 1);
    }
}
