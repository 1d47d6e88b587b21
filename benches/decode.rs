//! Claim: on one core, a 10-feature JSON prediction of about 250 bytes is read in less than 500 ns, and one record of a
//! MessagePack frame of 500 in less than 250 ns. Varies the encoding and the records a message. `cargo bench --bench decode`.

use std::hint::black_box;
use std::time::Instant;

use serde_json::{Value, json};
use tidewatch_core::event::Kind;
use tidewatch_core::event::wire::{NoTables, decode_body};
use tidewatch_core::ids::Slug;
use tidewatch_core::time::Timestamp;

const ROUND_RECORDS: usize = 2_000;
const ROUNDS: usize = 500;

fn prediction(index: usize) -> Value {
    let at = 1_767_225_600_000 + index as i64;
    let mut features = serde_json::Map::new();
    for feature in 0..10 {
        features.insert(format!("f{feature}"), json!((index * 7 + feature) as f64 / 8.0));
    }
    json!({"prediction_id": format!("p-{index:09}"), "model": "fraud", "model_version": "3", "at": at, "features": features,
        "prediction": 1, "confidence": 0.875, "response_time": 0.012})
}

fn main() {
    let source = Slug::try_from("bench").expect("a plain word is a slug");
    let stored_at = Timestamp::from_millis(1_767_225_700_000);
    for per_message in [1, 50, 500] {
        let records: Vec<Value> = (0..per_message).map(prediction).collect();
        let whole = if per_message == 1 { records[0].clone() } else { Value::Array(records.clone()) };
        let lines: Vec<String> = records.iter().map(Value::to_string).collect();
        let packed = rmp_serde::to_vec_named(&whole).expect("JSON can be packed");
        for (encoding, body) in
            [("json", whole.to_string().into_bytes()), ("ndjson", lines.join("\n").into_bytes()), ("msgpack", packed)]
        {
            // Many short rounds, and the best of them: what the decoder costs, not what else the machine is doing.
            let messages = ROUND_RECORDS / per_message;
            let mut best = f64::INFINITY;
            for _ in 0..ROUNDS {
                let start = Instant::now();
                for _ in 0..messages {
                    let records = decode_body(Kind::Prediction, &source, None, &(), black_box(&body), stored_at, NoTables);
                    assert_eq!(black_box(records).len(), per_message);
                }
                best = best.min(start.elapsed().as_secs_f64() / (messages * per_message) as f64);
            }
            let bytes = body.len() / per_message;
            println!(
                "decode/{encoding}/records={per_message}: {:.0} ns a record of {bytes} bytes, {:.0} records/s",
                best * 1e9,
                1.0 / best
            );
        }
    }
}
