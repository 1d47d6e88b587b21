//! Claim: a chart of 90 days or a year reads hundreds of windows, however many minutes these have, and a model that serves for years takes
//! bounded room. 400 days of one model with ten features, two predictions a minute, each labelled an hour later: what windows of a
//! minute, an hour and a day take in the store, and how long charts take. Then the longest tick while an hour of 10,000 models is rolled up.
//!
//! `cargo bench --bench windows`; `WINDOWS_DAYS=60` and `WINDOWS_MODELS=1000` make it smaller.

use std::ops::Bound;
use std::time::Instant;

use serde_json::{Value, json};
use tidewatch::event::subject::Root;
use tidewatch::event::wire::{NoTables, Raw, decode};
use tidewatch::ids::Slug;
use tidewatch::monitor::model::Model;
use tidewatch::monitor::pane::{Pane, PaneId, Width};
use tidewatch::monitor::rollup::Stretch;
use tidewatch::nats::Saved;
use tidewatch::processor::{Batch, Projection};
use tidewatch::store::{Options, Order, Reader, Store};
use tidewatch::time::{Span, Timestamp};
use tidewatch::view::window::{Resolution, Slice, Windows};

const START_MS: i64 = 1_767_225_600_000;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

/// Whom records are applied to, and the next sequence.
struct World {
    projection: Projection,
    root: Root,
    seq: u64,
    _folder: tempfile::TempDir,
}

fn main() {
    let of = |name: &str, usual: i64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    one_model(of("WINDOWS_DAYS", 400));
    many_models(of("WINDOWS_MODELS", 10_000));
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("store"), Options::default()).expect("a fresh store").store;
        let projection = Projection::load(store, 1).expect("a fresh projection");
        Self { projection, root: Root::new(Slug::try_from("tw").expect("a slug")), seq: 0, _folder: folder }
    }

    fn apply(&mut self, kind: &str, now_ms: i64, body: &Value) {
        self.seq += 1;
        let (subject, payload) = (format!("tw.in.{kind}.bench"), rmp_serde::to_vec_named(body).expect("plain data"));
        let stored_at = Timestamp::from_millis(now_ms);
        let raw = Raw { seq: self.seq, stored_at, subject: &subject, headers: &(), payload: &payload };
        self.projection.apply(&Batch::new(vec![decode(raw, &self.root, NoTables)], Saved::default()));
    }

    fn commit(&mut self) {
        self.projection.commit().expect("the disk has room");
    }
}

fn one_model(days: i64) {
    let mut world = World::new();
    let started = Instant::now();
    for part in 0..days * 144 {
        let minutes = part * 10..part * 10 + 10;
        let now = START_MS + minutes.end * MINUTE_MS;
        let ids = |minutes: std::ops::Range<i64>| minutes.flat_map(|minute| [2 * minute, 2 * minute + 1]);
        world.apply("prediction", now, &ids(minutes.clone()).map(|n| prediction("m", n, n * MINUTE_MS / 2)).collect());
        let labelled = ids(minutes.start - 60..minutes.end - 60).filter(|n| 0 <= *n);
        let label =
            |n: i64| json!({ "model": "m", "prediction_id": n.to_string(), "actual": u8::from(real(n, 7) < 0.5), "at": now });
        world.apply("label", now, &labelled.map(label).collect());
        world.apply("tick", now, &json!({}));
        if part % 6 == 5 {
            world.commit();
        }
    }
    println!("{days} days of one model: {:.0} s", started.elapsed().as_secs_f64());
    let reader = world.projection.reader();
    let model = world.projection.view().models.values().next().expect("one model").clone();
    println!("{:<8} {:>8} {:>12} {:>16}", "windows", "kept", "bytes each", "bytes a day");
    for width in Width::ALL {
        let rows = reader.scan_prefix(&PaneId::keys_of(model.id, width), Order::Ascending, usize::MAX).expect("a store");
        let bytes: usize = rows.iter().map(|(key, value)| key.len() + value.len()).sum();
        let (each, a_day) = (bytes / rows.len().max(1), DAY_MS * 1_000 / width.span().micros());
        println!("{:<8} {:>8} {each:>12} {:>16}", width.as_str(), rows.len(), each as i64 * a_day);
    }
    let end = Timestamp::from_millis(START_MS + days * DAY_MS);
    for (days, resolution) in [
        (1, Resolution::FiveMinutes),
        (30, Resolution::Minute),
        (30, Resolution::Hour),
        (90, Resolution::Hour),
        (90, Resolution::Day),
        (365, Resolution::Day),
    ] {
        let from = (end - Span::from_secs(days * 86_400)).floor(resolution.width());
        let plan = model.rollup.plan(from, end, Width::within(resolution.width()));
        let panes: i64 = plan.iter().map(|part| (part.to - part.from).micros() / part.width.span().micros()).sum();
        let mut best = f64::MAX;
        let mut windows = 0;
        for _ in 0..5 {
            let started = Instant::now();
            windows = chart(&reader, &model, &plan, resolution);
            best = best.min(started.elapsed().as_secs_f64());
        }
        println!("chart of {days:>3} days by {resolution:?}: {windows} windows of {panes} panes, {:.1} ms", best * 1e3);
    }
}

/// Reads the panes of a plan and shows them as windows, as the API does; gives how many.
fn chart(reader: &Reader, model: &Model, plan: &[Stretch], resolution: Resolution) -> usize {
    let mut windows = Windows::new(model, resolution, &Slice::default());
    for Stretch { width, from, to } in plan {
        let key = |start: Timestamp| PaneId::new(model.id, *width, start).key();
        let cold_end = if *width == Width::Minute { (*to).min(model.hot_from) } else { *to };
        let rows = reader.scan(Bound::Included(&key(*from)), Bound::Excluded(&key(cold_end)), Order::Ascending, usize::MAX);
        for (row_key, value) in rows.expect("a store") {
            let pane: Pane = rmp_serde::from_slice(&value).expect("a pane");
            windows.add(PaneId::of_key(&row_key).expect("its key"), &pane);
        }
        if *width == Width::Minute {
            let hot = model.hot.iter().filter(|(start, _)| (*from..*to).contains(*start));
            hot.for_each(|(start, pane)| windows.add(PaneId::minute(model.id, *start), pane));
        }
    }
    windows.finish().len()
}

fn many_models(models: i64) {
    let mut world = World::new();
    for minute in 0..60 {
        for first in (0..models).step_by(500) {
            let records = (first..(first + 500).min(models))
                .map(|n| prediction(&format!("model-{n}"), minute * models + n, minute * MINUTE_MS));
            world.apply("prediction", START_MS + minute * MINUTE_MS, &records.collect());
        }
        world.commit();
    }
    let mut ticks: Vec<f64> = Vec::new();
    for nth in 0..720 {
        let started = Instant::now();
        world.apply("tick", START_MS + 2 * 60 * MINUTE_MS + nth * 5_000, &json!({}));
        ticks.push(started.elapsed().as_secs_f64() * 1e3);
        world.commit();
    }
    let made = world.projection.view().rolled.made;
    let busy = ticks.iter().filter(|ms| 5.0 < **ms).count();
    ticks.sort_by(f64::total_cmp);
    println!(
        "{models} models: {made} hours made in {busy} of {} ticks; a tick takes {:.1} ms in the middle, {:.1} ms at most",
        ticks.len(),
        ticks[ticks.len() - 1 - busy / 2],
        ticks[ticks.len() - 1]
    );
    assert_eq!(made, models as u64, "all of them");
}

/// A number in [0, 1) that looks random.
fn real(n: i64, k: u64) -> f64 {
    let hash = (n as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11;
    (hash.wrapping_mul(2 * k + 3) % 1_000_000) as f64 / 1e6
}

fn prediction(model: &str, n: i64, at_ms: i64) -> Value {
    let features: serde_json::Map<String, Value> = (0..10).map(|k| (format!("f{k}"), json!(real(n, k)))).collect();
    json!({
        "model": model, "prediction_id": n.to_string(), "at": START_MS + at_ms, "features": features, "response_time": real(n, 11),
        "prediction": u8::from(0.5 <= real(n, 5)), "scores": { "1": real(n, 5) },
    })
}
