//! What the process uses when nothing, or little, happens.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::log::Log;
use crate::product::Product;
use crate::{load, share, verdict};

const IDLE_SECONDS: usize = 60;
const DEMO_SECONDS: usize = 180;
const SAMPLE_INTERVAL: Duration = Duration::from_secs(2);
const SETTLE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(300);
const MEMORY_MAX: f64 = 80.0;

/// Processor time without simulator and agent; then memory and processor time with both at their defaults.
pub async fn rest() {
    let log = Log::empty().await;
    let idle = Product::start(&["--nats-url", &log.server.url(), "--no-demo", "--no-agent"]).await;
    tokio::time::sleep(SETTLE).await;
    let percent = cpu_percent(&idle, share(IDLE_SECONDS), |_| {}).await;
    println!(
        "idle: {percent:.2} % of a core without simulator and agent (target 2 %): {}; VmRSS {:.1} MB; load {}",
        verdict(percent < 2.0),
        idle.memory("VmRSS"),
        load()
    );
    drop(idle);

    let product = Product::start(&["--nats-port", "0"]).await;
    backfilled(&product).await;
    println!("  idle: after the backfill VmRSS {:.1} MB, RssAnon {:.1} MB", product.memory("VmRSS"), product.memory("RssAnon"));
    tokio::time::sleep(SETTLE).await;
    let started = Instant::now();
    let mut samples: Vec<(f64, f64, f64)> = Vec::new();
    let percent = cpu_percent(&product, share(DEMO_SECONDS), |product| {
        samples.push((started.elapsed().as_secs_f64() / 3_600.0, product.memory("VmRSS"), product.memory("RssAnon")));
    })
    .await;
    let most = samples.iter().map(|sample| sample.1).fold(0.0, f64::max);
    let anon = samples.iter().map(|sample| sample.2).fold(0.0, f64::max);
    println!(
        "memory: with the simulator at its default rate VmRSS at most {most:.1} MB (target {MEMORY_MAX}): {}; RssAnon at most {anon:.1} MB; \
         slope {:.1} MB/h of VmRSS, {:.1} MB/h of RssAnon over {} samples; {percent:.2} % of a core; load {}",
        verdict(most < MEMORY_MAX),
        slope(samples.iter().map(|(hour, rss, _)| (*hour, *rss))),
        slope(samples.iter().map(|(hour, _, anon)| (*hour, *anon))),
        samples.len(),
        load()
    );
}

/// Percent of one core over so many seconds, looking at the product now and then.
async fn cpu_percent(product: &Product, seconds: usize, mut look: impl FnMut(&Product)) -> f64 {
    let (started, before) = (Instant::now(), product.cpu());
    let span = Duration::from_secs(seconds as u64);
    while started.elapsed() < span {
        tokio::time::sleep(SAMPLE_INTERVAL.min(span)).await;
        look(product);
    }
    (product.cpu() - before) / started.elapsed().as_secs_f64() * 100.0
}

/// Waits until the simulator's past has been told: predictions are seconds old.
async fn backfilled(product: &Product) {
    let deadline = Instant::now() + PATIENCE;
    let mut before = u64::MAX;
    loop {
        assert!(Instant::now() < deadline, "the simulator does not come to the present");
        tokio::time::sleep(SAMPLE_INTERVAL).await;
        let state = product.get("/api/v1/state").await.unwrap_or(Value::Null);
        let applied = state["counts"]["applied"].as_u64().unwrap_or_default();
        // live it tells about a hundred records a second, of the past tens of thousands
        if 10_000 < applied && applied.saturating_sub(before) < 1_000 {
            return;
        }
        before = applied;
    }
}

/// Least squares.
fn slope(points: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let n = points.clone().count() as f64;
    let (x_mean, y_mean) = points.clone().fold((0.0, 0.0), |(a, b), (x, y)| (a + x / n, b + y / n));
    let (up, across) =
        points.fold((0.0, 0.0), |(up, across), (x, y)| (up + (x - x_mean) * (y - y_mean), across + (x - x_mean).powi(2)));
    up / across
}
