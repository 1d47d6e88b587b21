//! Claim: what one core does between the decoder's input and a committed window, without NATS: MessagePack frames of 500
//! predictions with 10 features of four models decode, apply and commit at well over 500,000 predictions a second; the cost of a
//! prediction does not grow with the number of models.
//! Comparing ten features with a reference (`drift`) costs less than 40 % of that.
//! Varies the models at 50,000 predictions a second of event time, and shows the other extreme beside it: 10,000 models at 1,000 a
//! second, where every sixth prediction closes a window.
//!
//! `cargo bench --bench projection [-- MODELS …]`: predictions a second of each stage and of all, for each number of models.

use std::time::Instant;

use serde_json::json;
use tidewatch::event::subject::Root;
use tidewatch::event::wire::{NoTables, Raw, decode};
use tidewatch::ids::Slug;
use tidewatch::nats::Saved;
use tidewatch::processor::{Batch, Projection};
use tidewatch::store::{Options, Store};
use tidewatch::time::Timestamp;

const FRAME: usize = 500;
const FRAMES: usize = 4_000;
const START_MS: usize = 1_767_225_600_000;

fn main() {
    let wanted: Vec<usize> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let models = if wanted.is_empty() { vec![1, 4, 100, 1_000, 10_000] } else { wanted };
    println!("predictions: {} in frames of {FRAME}, 10 features, MessagePack", FRAME * FRAMES);
    models.into_iter().for_each(|models| measure(models, 50, true));
    measure(4, 50, false);
    measure(4, 50, true);
    measure(10_000, 1, true);
}

/// `per_ms`: predictions per millisecond of event time; `drift`: whether they are compared with a reference.
fn measure(models: usize, per_ms: usize, drift: bool) {
    let root = Root::new(Slug::try_from("tw").expect("a slug"));
    let payloads: Vec<Vec<u8>> = (0..FRAMES).map(|frame| payload(frame, models, per_ms)).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("store"), Options::default()).expect("a fresh store").store;
    let mut projection = Projection::load(store, 1).expect("a fresh projection");
    if !drift {
        let payload = br#"{"command":"set_drift_policy","watch":false}"#;
        let raw = Raw { seq: 1, stored_at: Timestamp::default(), subject: "tw.in.command.bench", headers: &(), payload };
        projection.apply(&Batch::new(vec![decode(raw, &root, NoTables)], Saved::default()));
    }
    let (mut decoding, mut applying, mut committing) = (0.0, 0.0, 0.0);
    let mut since_commit = Instant::now();
    for (chunk, frames) in payloads.chunks(8).enumerate() {
        let started = Instant::now();
        let messages = frames.iter().enumerate().map(|(i, payload)| {
            let seq = (chunk * 8 + i + 2) as u64;
            let stored_at = Timestamp::from_millis((START_MS + FRAMES * FRAME) as i64);
            decode(Raw { seq, stored_at, subject: "tw.in.prediction.bench", headers: &(), payload }, &root, NoTables)
        });
        let batch = Batch::new(messages.collect(), Saved::default());
        decoding += started.elapsed().as_secs_f64();
        let started = Instant::now();
        projection.apply(&batch);
        applying += started.elapsed().as_secs_f64();
        let started = Instant::now();
        if projection.is_full(since_commit.elapsed()) || (chunk + 1) * 8 >= FRAMES {
            projection.commit().expect("the disk has room");
            since_commit = Instant::now();
        }
        committing += started.elapsed().as_secs_f64();
    }
    let n = (FRAME * FRAMES) as f64;
    let applied = projection.view().counts.applied;
    // the command is one more
    assert_eq!(applied as f64, n + f64::from(u8::from(!drift)));
    let rate = |seconds: f64| n / seconds / 1e6;
    println!(
        "models={models:<6} per_ms={per_ms:<3} drift={drift:<5} decode {:.2} M/s  apply {:.2} M/s  commit {:.2} M/s  all on one core {:.2} M/s",
        rate(decoding),
        rate(applying),
        rate(committing),
        rate(decoding + applying + committing)
    );
}

fn payload(frame: usize, models: usize, per_ms: usize) -> Vec<u8> {
    let record = |i: usize| {
        let n = frame * FRAME + i;
        let hash = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11;
        let real = |k: u64| (hash.wrapping_mul(k) % 1_000_000) as f64 / 1e6;
        let features: serde_json::Map<String, serde_json::Value> =
            (0..10_u64).map(|k| (format!("f{k}"), json!(real(2 * k + 3)))).collect();
        let score = real(5);
        json!({
            "prediction_id": format!("p{n:010}"), "model": format!("model-{}", hash as usize % models), "at": START_MS + n / per_ms,
            "features": features, "prediction": u8::from(0.5 <= score), "scores": { "1": score },
            "response_time": 0.001 + real(7) / 10.0,
        })
    };
    rmp_serde::to_vec_named(&(0..FRAME).map(record).collect::<Vec<_>>()).expect("plain data")
}
