//! How often the gate of `tidewatch drift` is red though nothing has changed: pairs of samples of one law, with and without missing values.
//! `DRIFT_GATE_PAIRS=3000 ops/bench drift_gate` for the figures that are published; 300 pairs without.

use std::collections::BTreeMap;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};
use tidewatch_core::stats::drift::Sample;
use tidewatch_core::view::drift::files::{Column, Report};

const ALPHA: f64 = 0.05;

/// Rows of the reference and of the current side, and columns of each kind.
const SHAPES: [(u64, u64, usize); 4] = [(60, 60, 1), (200, 200, 5), (1_000, 300, 5), (2_000, 2_000, 10)];

fn main() {
    let pairs: u64 = std::env::var("DRIFT_GATE_PAIRS").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    println!("{pairs} pairs, alpha {ALPHA}: share of red gates");
    println!("{:>10} {:>8} {:>8} {:>8} {:>8}", "reference", "current", "columns", "whole", "missing");
    for (reference, current, each) in SHAPES {
        let share = |missing: f64| {
            let red = (0..pairs).filter(|pair| is_red(*pair, (reference, current), each, missing)).count();
            red as f64 / pairs as f64
        };
        println!("{reference:>10} {current:>8} {:>8} {:>8.4} {:>8.4}", 4 * each, share(0.0), share(0.1));
    }
}

struct Draw(Xoshiro256PlusPlus);

impl Draw {
    fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

fn is_red(pair: u64, (n, m): (u64, u64), each: usize, missing: f64) -> bool {
    let mut draw = Draw(Xoshiro256PlusPlus::seed_from_u64(pair.wrapping_mul(0x9e37_79b9) + n));
    let rows = [n, m];
    let mut columns = Vec::new();
    for column in 0..each {
        let mut numbers = |name: &str, value: fn(&mut Draw) -> f64| {
            let sides = rows.map(|rows| {
                let drawn = (0..rows).map(|_| (draw.uniform(), value(&mut draw)));
                let values = drawn.filter(|(chance, _)| missing <= *chance).map(|(_, value)| value);
                Sample::of(values).expect("most of so many rows have a value")
            });
            Column::numbers(format!("{name}{column}"), [&sides[0], &sides[1]], rows)
        };
        columns.push(numbers("normal", Draw::normal));
        columns.push(numbers("count", |draw| (-3.0 * draw.uniform().ln()).floor()));
        columns.push(numbers("flag", |draw| f64::from(u8::from(draw.uniform() < 0.1))));
        let mut counts: BTreeMap<String, [u64; 2]> = BTreeMap::new();
        for (side, rows) in rows.into_iter().enumerate() {
            for _ in 0..rows {
                if missing <= draw.uniform() {
                    // shares of 1/2, 1/4, 1/8, …
                    let kind = (-draw.uniform().log2()).floor().min(12.0);
                    counts.entry(format!("kind {kind}")).or_default()[side] += 1;
                }
            }
        }
        columns.push(Column::categories(format!("kind{column}"), &counts, rows));
    }
    Report::of(&columns, rows, ALPHA).drift
}
