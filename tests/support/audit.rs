//! Counts and windows of a running process against a recomputation from the log alone.

use std::collections::BTreeMap;

use async_nats::jetstream;
use serde_json::Value;

use crate::house::House;
use crate::workload::{Figures, Record, told, truth};

/// Every prediction and label of a stream in its order, how many other records of the world it holds, and the last sequence.
pub async fn log_of(url: &str, stream: &str) -> (Vec<Record>, u64, u64) {
    let stream = jetstream::new(async_nats::connect(url).await.unwrap()).get_stream(stream).await.unwrap();
    let last = stream.cached_info().state.last_sequence;
    let (mut log, mut others) = (Vec::new(), 0);
    for seq in 1..=last {
        let message = stream.get_raw_message(seq).await.unwrap();
        let kind = match message.subject.split('.').nth(2) {
            Some("prediction") => "prediction",
            Some("label") => "label",
            Some("tick" | "outcome") => continue,
            _ => {
                let body: Value = serde_json::from_slice(&message.payload).unwrap();
                others += body.as_array().map_or(1, Vec::len) as u64;
                continue;
            }
        };
        match serde_json::from_slice(&message.payload).unwrap() {
            Value::Array(many) => log.extend(many.into_iter().map(|body| Record { kind, body })),
            one => log.push(Record { kind, body: one }),
        }
    }
    (log, others, last)
}

/// Those of the workload; records of others are counted only.
const MODELS: [&str; 2] = ["fraud", "churn"];

async fn windows_of(house: &House) -> BTreeMap<(String, i64), Figures> {
    let mut windows = BTreeMap::new();
    for model in MODELS {
        let path = format!("/api/v1/models/{model}/windows?from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00Z&resolution=1m");
        windows.extend(told(model, &house.get(&path).await.unwrap()));
    }
    windows
}

/// Waits for the end of the log and compares; gives how many predictions and labels the log holds.
pub async fn assert_counted_once(house: &House, url: &str) -> usize {
    assert_counted_once_in(house, url, "TW_INPUT").await
}

/// As [`assert_counted_once`], where `stream` still holds what was cut off the input stream.
pub async fn assert_counted_once_in(house: &House, url: &str, stream: &str) -> usize {
    let (mut log, others, last) = log_of(url, stream).await;
    let state = house.applied(last).await;
    let count = |name: &str| state["counts"][name].as_u64().unwrap();
    let counted: u64 = ["applied", "rejected", "duplicates", "too_late", "ignored"].map(count).iter().sum();
    assert_eq!(counted, log.len() as u64 + others, "every record is counted once: {}", state["counts"]);
    let records = log.len();
    log.retain(|record| MODELS.iter().any(|model| record.body["model"] == **model));
    assert_eq!(windows_of(house).await, truth(&log));
    records
}
