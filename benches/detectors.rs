//! Claim: on one core ADWIN takes in at least 10 million values a second, and so does every detector whose state is a few numbers;
//! KSWIN tests its window at every value, and the e-detector, at a million a second or more, all of its cells. Varies the detector and
//! the stream: no change, and a step every 10,000 values. `cargo bench --bench detectors`.

use std::hint::black_box;
use std::time::Instant;

use tidewatch_core::stats::detect::AnyDetector;
use tidewatch_core::stats::detect::choice::{ENTRIES, Input};

const VALUES: usize = 1_000_000;
const ROUNDS: usize = 5;

/// Uniform in 0 to 1: SplitMix64.
fn uniform(index: u64) -> f64 {
    let state = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((state ^ (state >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Values, or errors at a rate of 0.1; from every other `step` on by 0.3 more.
fn stream(input: Input, step: usize) -> Vec<f64> {
    let value = |index: usize| {
        let shift = if (index / step).is_multiple_of(2) { 0.0 } else { 0.3 };
        match input {
            Input::Numbers => uniform(index as u64) + shift,
            Input::Errors | Input::Losses => f64::from(u8::from(uniform(index as u64) < 0.1 + shift)),
        }
    };
    (0..VALUES).map(value).collect()
}

fn main() {
    for entry in ENTRIES {
        for (name, step) in [("still", VALUES), ("steps", 10_000)] {
            let values = stream(entry.input, step);
            // The best of some rounds: what the detector costs, not what else the machine is doing.
            let (mut best, mut drifts, mut bytes) = (f64::INFINITY, 0, 0);
            for _ in 0..ROUNDS {
                let mut detector = AnyDetector::choose(entry.name, []).expect("every entry has defaults");
                let start = Instant::now();
                drifts = 0;
                for value in &values {
                    let verdict = detector.offer(black_box(*value)).expect("the stream is what the detector takes");
                    drifts += u64::from(black_box(verdict).is_drift());
                }
                best = best.min(start.elapsed().as_secs_f64());
                bytes = rmp_serde::to_vec(&detector).expect("a detector is plain data").len();
            }
            let rate = VALUES as f64 / best;
            println!(
                "detectors/{}/{name}: {:.1} million values/s, {:.0} ns a value, {drifts} drifts, {bytes} bytes of state",
                entry.name,
                rate / 1e6,
                1e9 / rate
            );
        }
    }
}
