//! Claim: drift is watched for any fleet. 10,000 models of ten features that each make 1,200 predictions, in turns, all have their reference
//! when the last has come, and what that takes of memory is printed: while they gather (whole chunks lie in the store, `CHUNK_ROWS` rows of
//! each version in memory at most), and when all baselines are frozen. Seconds of the processor are printed beside those that have passed: on a
//! machine that others use, only the former say what a fleet costs.
//!
//! `cargo bench --bench fleet`: the whole fleet. `FLEET_MODELS=300` and `FLEET_PREDICTIONS` make it smaller.

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
const START_MS: usize = 1_767_225_600_000;

fn main() {
    let of = |name: &str, usual: usize| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (models, predictions) = (of("FLEET_MODELS", 10_000), of("FLEET_PREDICTIONS", 1_200));
    println!("models={models} features=10 predictions={predictions} each, in turns");
    let root = Root::new(Slug::try_from("tw").expect("a slug"));
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("store"), Options::default()).expect("a fresh store").store;
    let mut projection = Projection::load(store, 1).expect("a fresh projection");
    let (started, resident_before) = (Instant::now(), resident_mb());
    let (mut since_commit, mut most) = (Instant::now(), 0.0_f64);
    let total = models * predictions;
    let mut told = 0;
    for (frame, first) in (0..total).step_by(FRAME).enumerate() {
        let payload = payload(first..(first + FRAME).min(total), models);
        let now = Timestamp::from_millis((START_MS + first * 60_000 / models / 20) as i64);
        let raw =
            Raw { seq: frame as u64 + 1, stored_at: now, subject: "tw.in.prediction.bench", headers: &(), payload: &payload };
        projection.apply(&Batch::new(vec![decode(raw, &root, NoTables)], Saved::default()));
        if projection.is_full(since_commit.elapsed()) || total <= first + FRAME {
            projection.commit().expect("the disk has room");
            since_commit = Instant::now();
            most = most.max(resident_mb() - resident_before);
        }
        if told < first * 12 / total {
            told = first * 12 / total;
            let waiting = projection.view().drift.references.waiting;
            println!(
                "  {:>5} predictions each: {} ready, {waiting} waiting, {:.0} MB more than at first ({:.0} s, {:.1} of the processor)",
                first / models,
                ready(&projection),
                resident_mb() - resident_before,
                started.elapsed().as_secs_f64(),
                processor_seconds()
            );
        }
    }
    let ready = ready(&projection);
    println!(
        "ready={ready} of {models}  resident={:.0} MB more than at first, {most:.0} MB at most  {:.3} M predictions/s, {:.1} µs of the \
         processor each  store={:.0} MB",
        resident_mb() - resident_before,
        total as f64 / started.elapsed().as_secs_f64() / 1e6,
        processor_seconds() * 1e6 / total as f64,
        size_mb(folder.path())
    );
    assert!(predictions < 1_000 || ready == models, "every version has its reference");
}

fn ready(projection: &Projection) -> usize {
    projection.view().models.values().filter(|model| model.drift.tracks.iter().any(|track| track.baseline.is_some())).count()
}

/// Predictions by one model after the other; each makes twenty a minute.
fn payload(range: std::ops::Range<usize>, models: usize) -> Vec<u8> {
    let record = |n: usize| {
        let hash = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11;
        let real = |k: u64| (hash.wrapping_mul(k) % 1_000_000) as f64 / 1e6;
        let features: serde_json::Map<String, serde_json::Value> =
            (0..10_u64).map(|k| (format!("f{k}"), json!(real(2 * k + 3)))).collect();
        json!({
            "prediction_id": format!("p{n:010}"), "model": format!("model-{}", n % models), "at": START_MS + n * 60_000 / models / 20,
            "features": features, "prediction": u8::from(0.5 <= real(5)), "scores": { "1": real(5) },
        })
    };
    rmp_serde::to_vec_named(&range.map(record).collect::<Vec<_>>()).expect("plain data")
}

/// What the process has had of the processor, all threads together.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // after the name of the command, which may hold spaces: user and system time are the 12th and 13th, in hundredths
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// What the process holds in memory.
fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).map_or(0.0, |kb| kb / 1_024.0)
}

fn size_mb(folder: &std::path::Path) -> f64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(of) if of.is_dir() => size_mb(&entry.path()),
        Ok(of) => of.len() as f64 / 1e6,
        Err(_) => 0.0,
    });
    sizes.sum()
}
