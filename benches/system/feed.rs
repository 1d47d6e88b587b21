//! What the overview costs its reader and the process: ten thousand models, of which two thousand are live.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::log::Log;
use crate::product::{Product, TOKEN};
use crate::{load, share, verdict};

const MODELS: usize = 10_000;
const LIVE: usize = 2_000;
/// Predictions of each model before anybody looks, so that figures and sparklines have something to show.
const PAST: usize = 60;
const SECONDS: usize = 30;
/// Rows of a large screen, and those just outside of it.
const ROWS: usize = 40;

pub async fn in_view() {
    let log = Log::empty().await;
    let product = Product::start(&["--nats-url", &log.server.url(), "--no-demo", "--no-agent"]).await;
    let models = share(MODELS);
    let live = share(LIVE);
    let mut seq = 0;
    for minute in 0..PAST {
        for first in (0..models).step_by(500) {
            seq = publish(&product, first..(first + 500).min(models), Some(PAST - minute)).await;
        }
    }
    product.applied(seq).await;
    let started = Instant::now();
    let mut request = format!("{}/ws", product.url.replacen("http", "ws", 1)).into_client_request().expect("an address");
    request.headers_mut().insert("Authorization", format!("Bearer {TOKEN}").parse().expect("plain"));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("it listens");
    let subscribe = json!({"op": "subscribe", "channel": "overview", "list": {}, "first": 0, "rows": ROWS});
    socket.send(Message::text(subscribe.to_string())).await.expect("it listens");
    let mut first_rows = None;
    let (mut bytes, mut frames) = (0, 0);
    let feeding = Arc::new(AtomicBool::new(true));
    let on = Arc::clone(&feeding);
    let feed = async {
        while on.load(Ordering::Relaxed) {
            let round = Instant::now();
            for first in (0..live).step_by(500) {
                publish(&product, first..(first + 500).min(live), None).await;
            }
            tokio::time::sleep(Duration::from_secs(1).saturating_sub(round.elapsed())).await;
        }
    };
    let read = async {
        let end = Instant::now() + Duration::from_secs(SECONDS as u64);
        while let Ok(Some(Ok(message))) =
            tokio::time::timeout(end.saturating_duration_since(Instant::now()), socket.next()).await
        {
            let Message::Text(text) = message else { continue };
            bytes += text.len();
            frames += 1;
            let frame: Value = serde_json::from_str(&text).expect("JSON");
            if first_rows.is_none() && frame["data"]["rows"].as_array().is_some_and(|rows| !rows.is_empty()) {
                first_rows = Some(started.elapsed());
            }
        }
        feeding.store(false, Ordering::Relaxed);
    };
    let before = product.cpu();
    tokio::join!(feed, read);
    let first_rows = first_rows.expect("rows come").as_secs_f64();
    let (megabytes, memory) = (bytes as f64 / 1e6, product.memory("VmRSS"));
    println!(
        "feed: {models} models, {live} live: {megabytes:.3} MB in {SECONDS} s and {frames} frames (target 1): {}; first rows after \
         {first_rows:.3} s (target 1): {}; VmRSS {memory:.1} MB (target 268): {}; {:.1} % of a core; load {}",
        verdict(megabytes <= 1.0),
        verdict(first_rows <= 1.0),
        verdict(memory <= 268.4),
        (product.cpu() - before) / SECONDS as f64 * 100.0,
        load()
    );
}

/// One prediction of each of those models, so many minutes ago.
async fn publish(product: &Product, models: std::ops::Range<usize>, minutes_ago: Option<usize>) -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs_f64();
    let at = now - minutes_ago.unwrap_or(0) as f64 * 60.0;
    let record = |model: usize| {
        let wrong = (model * 7 + at as usize).is_multiple_of(9);
        let actual = if wrong { "no" } else { "yes" };
        json!({"model": format!("model-{model:05}"), "prediction": "yes", "actual": actual, "confidence": 0.9,
            "response_time": 0.05 + (model % 10) as f64 / 100.0, "timestamp": at})
    };
    let records: Vec<Value> = models.map(record).collect();
    product.publish("prediction", &json!(records)).await
}
