//! A seeded stream of predictions and labels with everything that can happen to them, and the truth about it: recomputed from
//! the records alone, in another way than the product does.
#![allow(dead_code)] // every test binary uses its own part of it

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// 2026-01-01T00:00:00Z in milliseconds.
pub const START_MS: i64 = 1_767_225_600_000;

const CLASSES: [&str; 3] = ["a", "b", "c"];

/// SplitMix64 (Steele, Lea & Flood, 2014).
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// One record to publish: its kind and its body.
#[derive(Clone, Debug)]
pub struct Record {
    pub kind: &'static str,
    pub body: Value,
}

/// What a window must say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    pub predictions: u64,
    pub errors: u64,
    pub labelled: u64,
    pub judged: u64,
    pub correct: u64,
    /// Milliseconds of response time, all together.
    pub response_ms: u64,
}

/// Predictions of two models over ten minutes, most labelled some time later, in an order near that of time; some records twice,
/// some labels before their prediction, some contradicted later, some without prediction.
pub fn records(seed: u64, predictions: usize) -> Vec<Record> {
    let mut random = Random(seed);
    let mut timeline: Vec<(i64, usize, Record)> = Vec::new();
    let mut put = |at: i64, record: Record| {
        let place = timeline.len();
        timeline.push((at, place, record));
    };
    for i in 0..predictions {
        let model = ["fraud", "churn"][random.below(2) as usize];
        let at = START_MS + (600_000 * i / predictions) as i64;
        let class = random.below(3);
        let failed = random.one_in(20);
        let mut body = json!({
            "prediction_id": format!("p{i}"), "model": model, "at": at, "prediction": CLASSES[class as usize],
            "response_time": (1 + random.below(500)) as f64 / 1000.0, "model_version": format!("v{}", 1 + random.below(2)),
        });
        if failed {
            body["error"] = json!("backend did not answer");
        }
        // enough to fill a reference and to move away from it
        let amount = if random.one_in(12) {
            Value::Null
        } else {
            json!((random.below(1_000) + 500 * i as u64 / predictions as u64) as f64 / 8.0)
        };
        let country = ["kr", "us", "de", "atlantis"][random.below(3 + 2 * i as u64 / predictions as u64).min(3) as usize];
        body["features"] = json!({ "amount": amount, "country": country });
        let record = Record { kind: "prediction", body };
        if random.one_in(10) {
            put(at + random.below(5_000) as i64, record.clone());
        }
        put(at, record);
        let mut label = |at: i64, class: u64| {
            let body = json!({ "prediction_id": format!("p{i}"), "model": model, "at": at, "actual": CLASSES[class as usize] });
            put(at, Record { kind: "label", body });
        };
        match random.below(10) {
            0 => {}
            1 => label(at - 2_000, class),
            2 => {
                label(at + 1_000, (class + 1) % 3);
                label(at + 1_000 + random.below(9_000) as i64, class);
            }
            3 => {
                label(at + 500, class);
                label(at + 500, class);
            }
            _ => label(at + random.below(120_000) as i64, random.below(3)),
        }
    }
    timeline.sort_by_key(|(at, place, _)| (*at, *place));
    timeline.into_iter().map(|(_, _, record)| record).collect()
}

/// The same with what else comes along: predictions and labels of a model of their own that come hours late, or too late, and commands.
pub fn with_late_data_and_commands(seed: u64, history: Vec<Record>) -> Vec<Record> {
    let mut random = Random(seed ^ 0x00C0_FFEE);
    let mut mixed = Vec::with_capacity(history.len() * 11 / 10);
    let prediction = |number: usize, at: i64| {
        let body = json!({ "prediction_id": format!("late-{number}"), "model": "late", "at": at, "prediction": "a" });
        Record { kind: "prediction", body }
    };
    mixed.push(prediction(0, START_MS));
    for (number, record) in (1..).zip(history) {
        mixed.push(record);
        if !random.one_in(12) {
            continue;
        }
        let hours = [1, 3, 24, 24 * 29, 24 * 40][random.below(5) as usize];
        let at = START_MS - hours * 3_600_000;
        mixed.push(match random.below(8) {
            0 => prediction(number, START_MS + 1_000 * number as i64),
            1 | 2 => prediction(number, at),
            3 => {
                let of = number - random.below(number.min(60) as u64) as usize;
                let body = json!({ "prediction_id": format!("late-{of}"), "model": "late", "at": at, "actual": "a" });
                Record { kind: "label", body }
            }
            4 => command(json!({ "command": "set_thresholds", "accuracy_threshold": random.below(100) as f64 / 100.0 })),
            5 => command(json!({ "command": "set_drift_policy", "psi_threshold": 0.1 + random.below(9) as f64 / 10.0 })),
            6 => {
                let hash = format!("{:064x}", random.next());
                command(json!({ "command": "create_token", "id": format!("T{number}"), "name": "t", "role": "viewer", "hash": hash }))
            }
            _ => command(json!({ "command": "revoke_token", "id": format!("T{}", random.below(number as u64)) })),
        });
    }
    mixed
}

fn command(body: Value) -> Record {
    Record { kind: "command", body }
}

/// The windows these records must give, in the order in which they are in the log, by model and start in milliseconds.
pub fn truth(log: &[Record]) -> BTreeMap<(String, i64), Figures> {
    let text = |body: &Value, field: &str| body[field].as_str().unwrap().to_owned();
    let mut predictions: BTreeMap<(String, String), &Value> = BTreeMap::new();
    let mut labels: BTreeMap<(String, String), (i64, String)> = BTreeMap::new();
    for record in log {
        let key = (text(&record.body, "model"), text(&record.body, "prediction_id"));
        if record.kind == "prediction" {
            predictions.entry(key).or_insert(&record.body);
        } else {
            let at = record.body["at"].as_i64().unwrap();
            let held = labels.entry(key).or_insert_with(|| (at, text(&record.body, "actual")));
            if held.0 <= at {
                *held = (at, text(&record.body, "actual"));
            }
        }
    }
    let mut windows: BTreeMap<(String, i64), Figures> = BTreeMap::new();
    for (key, body) in predictions {
        let start = body["at"].as_i64().unwrap() / 60_000 * 60_000;
        let figures = windows.entry((key.0.clone(), start)).or_default();
        figures.predictions += 1;
        figures.response_ms += (body["response_time"].as_f64().unwrap() * 1000.0).round() as u64;
        let failed = body.get("error").is_some();
        figures.errors += u64::from(failed);
        if let Some((_, actual)) = labels.get(&key) {
            figures.labelled += 1;
            figures.judged += u64::from(!failed);
            figures.correct += u64::from(!failed && *actual == text(body, "prediction"));
        }
    }
    windows
}

/// The same figures as `/api/v1/models/{model}/windows` tells them.
pub fn told(model: &str, windows: &Value) -> BTreeMap<(String, i64), Figures> {
    let count = |value: &Value| value.as_u64().unwrap();
    let figures = |window: &Value| {
        let accuracy = &window["metrics"]["accuracy"];
        let judged = accuracy["n"].as_u64().unwrap_or(0);
        let latency = &window["latency"];
        Figures {
            predictions: count(&window["predictions"]),
            errors: count(&window["errors"]),
            labelled: count(&window["labelled"]),
            judged,
            correct: (accuracy["value"].as_f64().unwrap_or(0.0) * judged as f64).round() as u64,
            response_ms: (latency["mean"].as_f64().unwrap_or(0.0) * latency["n"].as_f64().unwrap_or(0.0) * 1000.0).round()
                as u64,
        }
    };
    let start = |window: &Value| {
        let start: jiff::Timestamp = window["start"].as_str().unwrap().parse().unwrap();
        start.as_millisecond()
    };
    windows.as_array().unwrap().iter().map(|window| ((model.to_owned(), start(window)), figures(window))).collect()
}
