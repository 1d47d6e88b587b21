//! What the analysis of samples costs: values applied a second on one core, and bytes of rows a series whose week is known. Varies how often
//! servers are sampled: a value may be one of many of its half minute, or its whole.
//!
//! `cargo bench --bench analysis`: 20 servers with 30 series each, MessagePack, one message a server.

use std::time::Instant;

use serde_json::json;
use tidewatch_core::event::subject::Root;
use tidewatch_core::event::wire::{NoTables, Raw, decode};
use tidewatch_core::ids::Slug;
use tidewatch_core::monitor::cold::InMemory;
use tidewatch_core::monitor::rows::{self, Rows};
use tidewatch_core::monitor::{State, apply};
use tidewatch_core::time::Timestamp;

const SERVERS: usize = 20;
const SERIES: usize = 30;
const DAYS: i64 = 8;
const START_S: i64 = 1_767_225_600;

fn main() {
    for interval in [5, 30, 60] {
        measure(interval);
    }
}

/// `interval`: seconds between two samples of a server.
fn measure(interval: i64) {
    let root = Root::new(Slug::try_from("tw").expect("a slug"));
    let (mut state, mut cold) = (State::default(), InMemory::default());
    let (mut seq, mut applying, mut told) = (0, 0.0, 0);
    for second in (0..DAYS * 86_400).step_by(interval as usize) {
        for server in 0..SERVERS {
            seq += 1;
            let payload = sample(server, second, seq);
            let stored_at = Timestamp::from_millis((START_S + second) * 1_000);
            let message =
                decode(Raw { seq, stored_at, subject: "tw.in.sample.bench", headers: &(), payload: &payload }, &root, NoTables);
            let started = Instant::now();
            told += apply(&mut state, &mut cold, &message).len();
            applying += started.elapsed().as_secs_f64();
        }
    }
    let mut rows = rows::memory::InMemory::default();
    state.analysis.save(&mut rows);
    // the last byte of a key says which part of a subject it is: its series and findings, or its seasons
    let bytes_of =
        |part| rows.rows.iter().filter(|(key, _)| key.last() == Some(&part)).map(|(_, row)| row.len()).sum::<usize>();
    let (watched, seasons) = (bytes_of(0), bytes_of(1));
    let values = seq as usize * SERIES;
    let series = SERVERS * SERIES;
    println!(
        "analysis/every {interval} s: {:.2} M values/s applied; {} bytes of rows a series twice a minute, {} once an hour; {told} facts in {DAYS} days",
        values as f64 / applying / 1e6,
        watched / series,
        seasons / series,
    );
}

fn sample(server: usize, second: i64, seq: u64) -> Vec<u8> {
    let busy = (second as f64 / 86_400.0 * std::f64::consts::TAU).sin();
    let value = |series: usize| {
        let hash = (seq * 31 + series as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        50.0 + 20.0 * busy + hash as f64 / 4e6
    };
    let metrics: serde_json::Map<String, serde_json::Value> =
        (0..SERIES).map(|series| (format!("series_{series}"), json!(value(series)))).collect();
    let record = json!({ "source": format!("server-{server}"), "at": START_S + second, "metrics": metrics });
    rmp_serde::to_vec_named(&record).expect("plain data")
}
