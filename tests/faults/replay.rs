//! A replay is the same to the last byte: however the log is cut into batches and commits, however often the process stopped, and
//! whether the store was thrown away. What it asks of the world has the same ids, so nobody is told anything twice.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::house::{PATIENCE, Plan};
use crate::nats_server::NatsServer;
use crate::publisher::Publisher;
use crate::recorded::{effects, facts, facts_of, input, root, settled_through};
use crate::workload::{Random, Record, START_MS, records};
use serde_json::{Value, json};
use tidewatch::event::wire::{NoTables, Raw, decode};
use tidewatch::event::{Event, Lane, Message};
use tidewatch::ids::EffectId;
use tidewatch::monitor::cold::InMemory;
use tidewatch::monitor::drift::Track;
use tidewatch::monitor::drift::estimator::Estimator;
use tidewatch::monitor::effect::Effect;
use tidewatch::monitor::{State, apply};
use tidewatch::nats::{Mark, Saved};
use tidewatch::processor::{Batch, Projection};
use tidewatch::store::key::Tag;
use tidewatch::store::{self, Options, Order, Store};
use tidewatch::time::Timestamp;

/// Subjects and payloads of everything that can happen, good and bad, in frames of random size.
fn messages(random: &mut Random, history: &[Record]) -> Vec<(String, Vec<u8>)> {
    let mut messages = Vec::new();
    let mut put = |kind: &str, body: Value| messages.push((format!("tw.in.{kind}.tests"), body.to_string().into_bytes()));
    let mut rest = history;
    let mut number = 0;
    while let Some(first) = rest.first() {
        let alike = rest.iter().take_while(|record| record.kind == first.kind).count();
        let (now, later) = rest.split_at(alike.min(1 + random.below(20) as usize));
        put(first.kind, now.iter().map(|record| record.body.clone()).collect());
        rest = later;
        number += 1;
        let at = now[0].body["at"].clone();
        // a server that is watched: busy now and then, and silent in between
        if number % 90 < 80 {
            let at = START_MS + 30_000 * number;
            let cpu = if number % 40 < 34 { 20 + number % 3 } else { 95 };
            put("sample", json!({ "source": "db-01", "at": at, "metrics": { "cpu": cpu, "requests_total": number * number } }));
        }
        match random.below(12) {
            0 => put(
                "prediction",
                json!([{ "model": "fraud" }, { "model": "fraud", "prediction": "a", "confidence": 7, "at": at }]),
            ),
            1 => put("nonsense", json!({ "n": number })),
            2 => put(
                "sample",
                json!({ "source": "web-01", "at": at, "event_id": format!("s{}", number / 2), "metrics": { "cpu": number } }),
            ),
            3 => put("log", json!({ "source": "web-01", "at": at, "level": "error", "message": format!("line {number}") })),
            4 => {
                put("label", json!({ "model": "fraud", "prediction_id": format!("nobody-{number}"), "actual": "a", "at": at }))
            }
            6 => match number % 5 {
                4 => {
                    let task = ["regression", "automatic", "classification"][number as usize / 5 % 3];
                    put("command", json!({ "command": "set_task", "model": "demand", "task": task }))
                }
                0 => put(
                    "command",
                    json!({
                        "command": "set_drift_policy", "reference_rows": 100 + number % 50, "window_seconds": 60,
                        "season": if number % 8 < 4 { "none" } else { "same_hour_of_week" }, "segments": number % 8 == 0,
                    }),
                ),
                1 => put("command", json!({ "command": "gather_reference", "model": "fraud", "version": "v1" })),
                2 => put(
                    "command",
                    json!({ "command": "reference_from_range", "model": "fraud", "from": START_MS, "until": START_MS + 600_000 }),
                ),
                _ => {
                    let features = |n: i32| json!({ "amount": n % 90, "country": "kr", "weight": n % 90 * 2 + n % 7 });
                    let rows: Vec<_> = (0..260).map(|n| json!({ "features": features(n), "prediction": "a" })).collect();
                    put(
                        "command",
                        json!({ "command": "use_reference", "model": "churn", "version": "v2", "first": true, "last": true, "rows": rows }),
                    );
                }
            },
            7 => {
                let id = |n: i64| format!("d{number}-{n}");
                let weekday = |n: i64| ["mo", "tu", "we"][n as usize % 3];
                let features = |n: i64| json!({ "temperature": n * 7 % 40, "weekday": weekday(n) });
                let prediction = |n: i64| json!({ "model": "demand", "prediction_id": id(n), "at": at, "prediction": 100.5 + n as f64, "features": features(n) });
                let label = |n: i64| json!({ "model": "demand", "prediction_id": id(n), "at": at, "actual": 101.25 + (n + n % 3 * number) as f64 });
                put("prediction", (0..20).map(prediction).collect());
                put("label", (0..18).map(label).collect());
            }
            // a model and a source that come and go: some labels come after their model is forgotten
            8 => {
                let id = |n: i64| format!("run-{}-{n}", number / 6);
                let (region, class) = (|n: i64| ["kr", "us"][n as usize % 2], |n: i64| ["a", "b"][n as usize % 2]);
                let features = |n: i64| json!({ "weight": n * 7 % 40, "region": region(n) });
                let prediction = |n: i64| json!({ "model": "run", "prediction_id": id(n), "at": at, "prediction": class(n), "features": features(n) });
                let label = |n: i64| json!({ "model": "run", "prediction_id": id(n), "at": at, "actual": "a" });
                if number % 3 == 0 {
                    put("label", (0..5).map(label).collect());
                    put("command", json!({ "command": "forget_model", "model": "run" }));
                    let source = ["db-01", "web-01"][number as usize / 3 % 2];
                    put("command", json!({ "command": "forget_source", "source": source }));
                }
                put("prediction", (0..60).map(prediction).collect());
                put("label", (3..30).map(label).collect());
            }
            5 => {
                put("command", json!({ "command": "set_thresholds", "accuracy_threshold": 0.5 + (number % 5) as f64 / 100.0 }))
            }
            _ => {}
        }
    }
    messages
}

/// A log that needs no server: the messages above a second or so apart, with ticks, silences and what the hands reported.
fn synthetic_log(seed: u64) -> Vec<Message> {
    let mut random = Random(seed);
    let history = records(seed, 1_500);
    let mut log: Vec<Message> = Vec::new();
    let mut stored_ms = START_MS;
    let put = |log: &mut Vec<Message>, stored_ms: i64, subject: &str, payload: &[u8]| {
        let seq = log.len() as u64 + 1;
        log.push(decode(
            Raw { seq, stored_at: Timestamp::from_millis(stored_ms), subject, headers: &(), payload },
            &root(),
            NoTables,
        ));
    };
    for (subject, payload) in messages(&mut random, &history) {
        stored_ms += random.below(1_500) as i64;
        if random.one_in(100) {
            stored_ms += 400_000;
        }
        put(&mut log, stored_ms, &subject, &payload);
        if random.one_in(8) {
            put(&mut log, stored_ms, "tw.in.tick.tidewatch", b"{}");
        }
        if random.one_in(30) {
            let settled = json!({ "settled_through": log.len() as u64 - random.below(5).min(log.len() as u64) });
            put(&mut log, stored_ms, "tw.in.outcome.tidewatch", settled.to_string().as_bytes());
        }
    }
    // an hour later what waited has expired
    put(&mut log, stored_ms + 7_200_000, "tw.in.tick.tidewatch", b"{}");
    log
}

/// Twenty-five minutes of four weeks of a model with segments, one of which moves in the last, and everything that can be compared to: the
/// reference, the same segment of it, the same hours, a range of the past.
fn weekly_log(seed: u64) -> Vec<Message> {
    const WEEK_MS: i64 = 7 * 86_400_000;
    let mut random = Random(seed);
    let mut log: Vec<Message> = Vec::new();
    let mut put = |stored_ms: i64, kind: &str, body: Value| {
        let (seq, payload) = (log.len() as u64 + 1, body.to_string());
        let (subject, stored_at) = (format!("tw.in.{kind}.tests"), Timestamp::from_millis(stored_ms));
        log.push(decode(
            Raw { seq, stored_at, subject: &subject, headers: &(), payload: payload.as_bytes() },
            &root(),
            NoTables,
        ));
    };
    let policy = json!({
        "command": "set_drift_policy", "reference_rows": 400, "window_seconds": 300, "season": "same_hour_of_week", "segments": true,
    });
    put(START_MS, "command", policy);
    for week in 0..4 {
        let start = START_MS + week * WEEK_MS;
        for n in (0..1_500).step_by(3) {
            let at = start + n * 1_000;
            let mut record = |more: i64| {
                let region = ["kr", "kr", "kr", "us", "us"][random.below(5) as usize];
                let moved = if week == 3 && region == "us" { 40 } else { 0 };
                let amount = random.below(100) + moved;
                json!({ "model": "tide", "at": at + more * 1_000, "prediction": "a", "features": { "amount": amount }, "segment": { "region": region } })
            };
            put(at + 2_000, "prediction", json!([record(0), record(1), record(2)]));
            if n % 60 == 0 {
                put(at + 2_000, "tick", json!({}));
            }
            if week == 2 && n == 750 {
                let (from, until) = (start - WEEK_MS, start - WEEK_MS + 1_500_000);
                put(
                    at + 2_000,
                    "command",
                    json!({ "command": "reference_from_range", "model": "tide", "from": from, "until": until }),
                );
            }
        }
    }
    log
}

/// Eighty days of two models of which one falls silent, in bursts of some minutes, with labels that come days later: hours and days are made,
/// made again, and minutes deleted. The retention changes on the way.
pub fn long_log(seed: u64) -> Vec<Message> {
    let mut random = Random(seed);
    let mut log: Vec<Message> = Vec::new();
    let mut put = |stored_ms: i64, kind: &str, body: Value| {
        let (seq, payload) = (log.len() as u64 + 1, body.to_string());
        let (subject, stored_at) = (format!("tw.in.{kind}.tests"), Timestamp::from_millis(stored_ms));
        log.push(decode(
            Raw { seq, stored_at, subject: &subject, headers: &(), payload: payload.as_bytes() },
            &root(),
            NoTables,
        ));
    };
    put(START_MS, "command", json!({ "command": "set_drift_policy", "reference_rows": 100 }));
    let mut given = Vec::new();
    for burst in 0..400 {
        let start = START_MS + burst * 80 * 216_000;
        for n in 0..6 {
            let at = start + n * 70_000;
            let model = if burst < 150 && random.one_in(3) { "ebb" } else { "tide" };
            let (id, amount) = (format!("{burst}.{n}"), random.below(100));
            given.push((model, id.clone()));
            put(
                at,
                "prediction",
                json!({ "model": model, "prediction_id": id, "version": (burst / 90).to_string(), "at": at, "prediction": "a", "features": { "amount": amount } }),
            );
        }
        for _ in 0..4 {
            let (model, id) = &given[given.len() - 1 - random.below(given.len().min(700) as u64) as usize];
            let actual = ["a", "b"][random.below(2) as usize];
            put(start + 500_000, "label", json!({ "model": model, "prediction_id": id, "actual": actual, "at": start }));
        }
        for hour in 0..3 {
            put(start + 500_000 + hour * 3_600_000, "tick", json!({}));
        }
        if burst == 250 {
            // the first version, retired by then, serves again: its baseline is read back
            put(
                start + 8_100_000,
                "prediction",
                json!({ "model": "tide", "version": "0", "at": start + 8_000_000, "prediction": "a", "features": { "amount": 1 } }),
            );
        }
        if burst == 200 {
            put(
                start + 8_000_000,
                "command",
                json!({ "command": "set_window_retention", "hour_windows_days": 40, "day_windows_days": 70 }),
            );
        }
    }
    log
}

/// How a log is cut: what is applied at once, and what happens after it.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Every(usize),
    /// Batches of up to 60; a commit after one in three; a reopening, with and without commit, now and then.
    Random(u64),
}

/// Where a log leads: the digest, the effects of the outbox that are still to be carried out, and what takes long to come about: losses that
/// are learnt, features that are watched together.
#[derive(Debug, PartialEq)]
struct Outcome {
    digest: String,
    outbox: BTreeMap<EffectId, Effect>,
    reached: [bool; 2],
}

pub fn open(dir: &Path) -> Projection {
    Projection::load(Store::open(dir, Options::default()).unwrap().store, 1).unwrap()
}

fn drive(log: &[Message], cut: Cut) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("store");
    let mut projection = open(&dir);
    let mut random = Random(if let Cut::Random(seed) = cut { seed } else { 0 });
    let (mut next, mut reopened) = (0, 0);
    while next < log.len() {
        let size = match cut {
            Cut::Every(size) => size,
            Cut::Random(_) => 1 + random.below(60) as usize,
        };
        let end = (next + size).min(log.len());
        let last = Mark { seq: end as u64, fingerprint: end as u64 };
        projection.apply(&Batch::new(log[next..end].to_vec(), Saved { last, ..Saved::default() }));
        next = end;
        if matches!(cut, Cut::Every(_)) || random.one_in(3) || next == log.len() {
            projection.commit().unwrap();
        }
        if matches!(cut, Cut::Random(_)) && random.one_in(6) {
            drop(projection);
            projection = open(&dir);
            reopened += 1;
            // what was applied and not committed is applied again
            next = projection.saved().map_or(0, |saved| saved.last.seq as usize);
        }
    }
    assert!(matches!(cut, Cut::Every(_)) || 5 < reopened, "{cut:?} reopened {reopened} times");
    assert_eq!(projection.view().position, log.len() as u64);
    let outbox = outbox(&projection);
    let digest = projection.view().digest_hex();
    drop(projection);
    let again = open(&dir);
    assert_eq!(again.view().digest_hex(), digest, "read back");
    let tracks: Vec<Track> = again.view().models.values().flat_map(|model| model.drift.tracks.clone()).collect();
    let reached = [
        tracks.iter().any(|track| matches!(**track.estimator, Estimator::OfLosses(_))),
        tracks.iter().filter_map(|track| track.baseline.as_ref()).any(|baseline| baseline.multivariate.is_some()),
    ];
    Outcome { digest, outbox, reached }
}

fn outbox(projection: &Projection) -> BTreeMap<EffectId, Effect> {
    let rows = projection.reader().scan_prefix(&Tag::Outbox.all(), Order::Ascending, usize::MAX).unwrap();
    let effects = rows.iter().flat_map(|(_, value)| rmp_serde::from_slice::<Vec<Effect>>(value).unwrap());
    effects.filter(|effect| !projection.view().settled.has(effect)).map(|effect| (effect.id, effect)).collect()
}

#[test]
fn what_is_compared_to_does_not_depend_on_how_the_log_is_cut_either() {
    let log = weekly_log(3);
    let whole = drive(&log, Cut::Every(log.len()));
    let said = format!("{:?}", whole.outbox.values().collect::<Vec<_>>());
    assert!(said.contains("SameHourOfWeek") && said.contains("segment: Some("), "nothing was found in this log");
    for cut in [Cut::Every(1), Cut::Every(100), Cut::Random(5)] {
        assert_eq!(drive(&log, cut), whole, "{cut:?}");
    }
}

#[test]
fn what_is_rolled_up_does_not_depend_on_how_the_log_is_cut() {
    let log = long_log(4);
    let whole = drive(&log, Cut::Every(log.len()));
    for cut in [Cut::Every(1), Cut::Every(100), Cut::Random(6)] {
        assert_eq!(drive(&log, cut), whole, "{cut:?}");
    }
    let (mut state, mut cold) = (State::default(), InMemory::default());
    log.iter().for_each(|message| drop(apply(&mut state, &mut cold, message)));
    let rolled = state.desk.rolled;
    assert!(1_000 < rolled.deleted[0] && 200 < rolled.deleted[1] && 5 < rolled.deleted[2], "{rolled:?}");
    assert!(500 < rolled.made, "{rolled:?}");
    let model = state.models.by_name("tide").unwrap();
    let retired = model.drift.tracks.iter().filter(|track| track.is_retired()).count();
    assert!(0 < retired && retired < model.drift.tracks.len(), "{retired} versions are retired");
}

#[test]
fn every_way_to_cut_the_log_gives_the_same_state_and_the_same_effects() {
    for seed in [1, 2] {
        let log = synthetic_log(seed);
        let untold: Vec<Message> = log
            .iter()
            .filter(|message| !matches!(message.records[..], [Ok(Event::EffectsSettled { .. })]))
            .zip(1..)
            .map(|(message, seq)| Message { seq, ..message.clone() })
            .collect();
        for log in [log, untold] {
            let settled = settled_through(&log, Lane::Facts);
            let expected: BTreeMap<EffectId, Effect> =
                effects(&log).into_iter().filter(|effect| settled < effect.id.seq).map(|effect| (effect.id, effect)).collect();
            assert!(settled != 0 || 100 < expected.len(), "hardly anything happens in this log");
            let whole = drive(&log, Cut::Every(log.len()));
            assert_eq!((&whole.outbox, whole.reached), (&expected, [true; 2]));
            for cut in [Cut::Every(1), Cut::Every(7), Cut::Every(100), Cut::Random(seed), Cut::Random(seed + 100)] {
                let outcome = drive(&log, cut);
                assert_eq!(outcome.digest, whole.digest, "{cut:?}, seed {seed}");
                assert_eq!(outcome.outbox, whole.outbox, "{cut:?}, seed {seed}");
            }
        }
    }
}

/// The rows of two logs, as one number each. A layout that changes without its number would be read as something else, or not at all.
#[test]
fn a_layout_of_rows_has_its_number() {
    let digests = [synthetic_log(1), weekly_log(3)].map(|log| drive(&log, Cut::Every(100)).digest);
    let known = ["c0fb753ec6e431d8c8bb14ae990d676e", "7b977956737564bc2552f82d5c330a65"];
    assert_eq!(
        (store::FORMAT, digests.each_ref().map(String::as_str)),
        ("tidewatch store 16", known),
        "the same log gives other rows: raise `store::FORMAT` if their layout changed; write the new numbers here either way"
    );
}

/// Waits until the facts stream holds every fact of the messages through `seq`. What one message leads to would not do as a sign: of many
/// rejected records in a second only some are announced.
async fn told_through(url: &str, seq: u64) {
    let log = input(url).await;
    let wanted = facts_of(&effects(&log[..seq as usize]));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let said = facts(url).await;
        let missing: Vec<&String> = wanted.keys().filter(|&id| !said.contains_key(id)).collect();
        if missing.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "not told: {missing:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The digest that the stream up to `position` leads to, computed here.
fn digest_at(log: &[Message], position: &Value) -> String {
    drive(&log[..position.as_u64().unwrap() as usize], Cut::Every(97)).digest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_and_a_fresh_store_give_the_same_bytes_and_repeat_no_effect_under_another_id() {
    let server = NatsServer::start();
    let url = server.url();
    let data = tempfile::tempdir().unwrap();
    let plan = Plan::on(&url, data.path());
    let mut house = plan.open();
    let publisher = Publisher::to(&url).await;

    let mut random = Random(77);
    let all = messages(&mut random, &records(77, 1_200));
    let mut rest = all.as_slice();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rest.len().min(1 + random.below(all.len() as u64 / 4) as usize));
        publisher.send_all(now.iter().cloned()).await;
        rest = later;
        // stopped in order or not, and wherever it happens to be
        if random.one_in(2) {
            house.kill()
        } else {
            assert!(house.stop().success())
        }
        house = plan.open();
    }
    let marker = publisher.send("tw.in.prediction.tests", "no record").await;
    house.applied(marker).await;
    told_through(&url, marker).await;
    let export = house.quiet().await;
    let live = house.get("/api/v1/state").await.unwrap();
    assert!(house.stop().success());

    let log = input(&url).await;
    assert_eq!(digest_at(&log, &live["position"]), live["digest"]);
    let (said, wanted) = (facts(&url).await, facts_of(&effects(&log)));
    assert!(50 < said.len(), "hardly anything was said");
    for (id, fact) in &said {
        assert_eq!(wanted.get(id), Some(fact), "{id} is no effect of the log");
    }

    // thrown away and replayed in place
    let mut rebuild = Command::new(env!("CARGO_BIN_EXE_tidewatch"));
    let rebuilt = rebuild.args(["rebuild", "--nats-url", &url, "--data"]).arg(data.path()).output().unwrap();
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    assert_eq!(facts(&url).await, said, "a rebuild tells nobody anything");
    let house = plan.open();
    house.applied(log.len() as u64).await;
    assert_eq!(house.text("/api/v1/export").await.unwrap(), export);
    let state = house.get("/api/v1/state").await.unwrap();
    assert_eq!(state["epoch"].as_u64().unwrap(), live["epoch"].as_u64().unwrap() + 1);
    assert!(house.stop().success());

    // another process on an empty directory
    let fresh = tempfile::tempdir().unwrap();
    let house = Plan::on(&url, fresh.path()).open();
    house.applied(log.len() as u64).await;
    assert_eq!(house.text("/api/v1/export").await.unwrap(), export);
    let marker = publisher.send("tw.in.prediction.tests", "no record").await;
    told_through(&url, marker).await;
    let state = house.get("/api/v1/state").await.unwrap();
    assert!(house.stop().success());
    let log = input(&url).await;
    assert_eq!(digest_at(&log, &state["position"]), state["digest"]);
    let (said, mut wanted) = (facts(&url).await, facts_of(&effects(&log)));
    // what came after the marker may not have been told before the process stopped
    wanted.retain(|id, _| id.split('-').next().unwrap().parse::<u64>().unwrap() <= marker || said.contains_key(id));
    assert_eq!(said.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
    assert_eq!(said, wanted);
}
