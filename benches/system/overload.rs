//! More than is taken: what comes waits in the log, nothing is lost, memory stays bounded, and whoever reads does not wait.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, context::PublishAckFuture};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::log::Log;
use crate::product::{Product, TOKEN};
use crate::{load, share, verdict};

/// Predictions of one MessagePack message.
const FRAME: usize = 500;
const MODELS: usize = 20;
/// Published before the product starts, frames a second: how fast it takes them is "what is taken".
const BACKLOG_FRAMES: usize = 1_000;
const BACKLOG_SECONDS: usize = 5;
const TIMES: f64 = 3.0;
const SECONDS: usize = 60;
/// Messages that are sent and not acknowledged.
const IN_FLIGHT_MAX: usize = 64;
const READERS: usize = 4;
/// Between two questions of one reader.
const READ_INTERVAL: Duration = Duration::from_millis(50);
/// 2026-11-01T00:00:00Z in microseconds, and the event time between two predictions.
const START_MICROS: u64 = 1_793_491_200_000_000;
const STEP_MICROS: u64 = 20;

const PEAK_MB_MAX: f64 = 350.0;
const READ_MS_MAX: f64 = 50.0;

/// A frame whose ids and times are stamped anew each time it is sent, so that the publisher costs less than the product.
struct Template {
    bytes: Vec<u8>,
    ids: Vec<usize>,
    times: Vec<usize>,
}

impl Template {
    fn new() -> Self {
        let records: Vec<Value> = (0..FRAME).map(record).collect();
        let bytes = rmp_serde::to_vec_named(&records).expect("JSON can be packed");
        let place = |needle: &[u8]| bytes.windows(needle.len()).position(|window| window == needle).expect("it was packed");
        let ids = (0..FRAME).map(|n| place(id(n).as_bytes())).collect();
        let times = (0..FRAME).map(|n| place(&micros(n).to_be_bytes())).collect();
        Self { bytes, ids, times }
    }

    /// The `index`th frame.
    fn stamped(&self, index: usize) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        for (n, (name, time)) in (index * FRAME..).zip(self.ids.iter().zip(&self.times)) {
            bytes[*name..name + 10].copy_from_slice(id(n).as_bytes());
            bytes[*time..time + 8].copy_from_slice(&micros(n).to_be_bytes());
        }
        bytes
    }
}

fn id(n: usize) -> String {
    format!("p{n:09}")
}

const fn micros(n: usize) -> u64 {
    START_MICROS + n as u64 * STEP_MICROS
}

/// Waits for a label, has three features and a score.
fn record(n: usize) -> Value {
    let part = |k: usize| (n * k % 1_000) as f64 / 1e3;
    json!({
        "prediction_id": id(n), "model": format!("model-{}", n % MODELS), "at": micros(n), "prediction": n % 2,
        "features": {"a": part(7), "b": part(13), "c": part(29)}, "confidence": part(31), "response_time": part(3) / 10.0,
    })
}

/// Publishes frames `from..`, so many a second, until `seconds` are over; gives how many were acknowledged and the last sequence.
async fn publish(url: &str, template: &Template, from: usize, per_second: f64, seconds: f64) -> (usize, u64) {
    let stream = jetstream::new(async_nats::connect(url).await.expect("the server is up"));
    let begun = Instant::now();
    let mut turns = tokio::time::interval(Duration::from_millis(2));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut on_their_way: VecDeque<PublishAckFuture> = VecDeque::new();
    let (mut sent, mut last) = (0, 0);
    while begun.elapsed().as_secs_f64() < seconds {
        turns.tick().await;
        let due = (begun.elapsed().as_secs_f64() * per_second) as usize;
        while sent < due && begun.elapsed().as_secs_f64() < seconds {
            if on_their_way.len() == IN_FLIGHT_MAX {
                let oldest = on_their_way.pop_front().expect("there are some");
                last = oldest.await.expect("the stream takes it").sequence;
            }
            let body = template.stamped(from + sent);
            on_their_way.push_back(stream.publish("tw.in.prediction.bench", body.into()).await.expect("the server is up"));
            sent += 1;
        }
    }
    for ack in on_their_way {
        last = ack.await.expect("the stream takes it").sequence;
    }
    (sent, last)
}

/// Asks what pages ask until `stop`; gives the milliseconds of each answer.
async fn read(url: String, reader: usize, stop: CancellationToken) -> Vec<f64> {
    let client = reqwest::Client::new();
    let model = format!("/api/v1/models/model-{}", reader % MODELS);
    let paths =
        ["/api/v1/models?limit=100".to_owned(), model.clone(), format!("{model}/windows?resolution=1m"), "/ready".to_owned()];
    let mut turns = tokio::time::interval(READ_INTERVAL);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waits = Vec::new();
    for path in paths.iter().cycle() {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = turns.tick() => {}
        }
        let asked = Instant::now();
        let answer = client.get(format!("{url}{path}")).bearer_auth(TOKEN).send().await.expect("it listens");
        answer.bytes().await.expect("a whole answer");
        waits.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    waits
}

/// A minute at three times what is taken.
pub async fn at_three_times() {
    let template = Template::new();
    let log = Log::empty().await;
    let url = log.server.url();
    // enough for the product to be measured by
    let (backlog, last) = publish(&url, &template, 0, BACKLOG_FRAMES as f64, share(BACKLOG_SECONDS) as f64).await;
    let product = Product::start(&["--nats-url", &url, "--no-demo", "--no-agent"]).await;
    let begun = product.logged("reading the input stream");
    let taken = (backlog * FRAME) as f64 / (product.applied(last).await - begun).as_secs_f64();

    let stop = CancellationToken::new();
    let mut readers = JoinSet::new();
    (0..READERS).for_each(|reader| drop(readers.spawn(read(product.url.clone(), reader, stop.clone()))));
    let seconds = share(SECONDS) as f64;
    let (frames, last) = publish(&url, &template, backlog, TIMES * taken / FRAME as f64, seconds).await;
    stop.cancel();
    let mut waits: Vec<f64> = readers.join_all().await.into_iter().flatten().collect();
    waits.sort_by(f64::total_cmp);
    let quantile = |q: f64| waits[((waits.len() - 1) as f64 * q) as usize];
    let behind = product.get("/api/v1/health").await.expect("it answers")["lag"].clone();
    let p99 = quantile(0.99);
    println!(
        "overload: taken {taken:.0}/s, published {:.0}/s ({:.1} times that) for {seconds:.0} s, {behind} messages behind; {} reads p50 {:.1} ms, p99 {p99:.1} ms (target {READ_MS_MAX}): {}; peak so far {:.0} MB; load {}",
        (frames * FRAME) as f64 / seconds,
        (frames * FRAME) as f64 / seconds / taken,
        waits.len(),
        quantile(0.5),
        verdict(p99 <= READ_MS_MAX),
        product.memory("VmHWM"),
        load()
    );

    let caught_up = Instant::now();
    product.applied(last).await;
    let caught_up = caught_up.elapsed().as_secs_f64();
    let counts = product.get("/api/v1/state").await.expect("it answers")["counts"].clone();
    let published = (backlog + frames) * FRAME;
    let lost = published as i64 - counts["applied"].as_i64().expect("a count");
    let peak = product.memory("VmHWM");
    println!(
        "overload: caught up {caught_up:.1} s later; {published} predictions acknowledged, {lost} lost or twice: {}; peak {peak:.0} MB (target {PEAK_MB_MAX}): {}; load {}",
        verdict(lost == 0 && counts["duplicates"] == 0),
        verdict(peak <= PEAK_MB_MAX),
        load()
    );
}
