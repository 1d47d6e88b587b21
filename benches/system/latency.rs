//! How long after its publish a prediction is in a WebSocket frame, under a steady load.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use async_nats::jetstream;
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::log::{Log, prediction};
use crate::product::{Product, TOKEN};
use crate::{load, share, verdict};

/// Predictions a second, in bursts of one millisecond.
const RATE: usize = 5_000;
const BURST: usize = RATE / 1_000;
/// Of the whole run and of its beginning that does not count.
const SECONDS: usize = 20;
const WARM_UP_SECONDS: usize = 2;
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Frame {
    r#type: String,
    #[serde(default)]
    position: u64,
}

/// Prints the latency of `seq`: from just before its publish to the first frame with `seq <= position`.
pub async fn to_frame() {
    let log = Log::empty().await;
    let product = Product::start(&["--nats-url", &log.server.url(), "--no-demo", "--no-agent"]).await;
    let (frames, mut frames_seen) = mpsc::unbounded_channel();
    let listener = tokio::spawn(listen(product.url.replace("http", "ws"), frames));
    let n = RATE * share(SECONDS).max(WARM_UP_SECONDS + 1);
    let published = publish(&log, n).await;

    let last_seq = published.last().expect("something was published").0;
    let mut shown = Vec::new();
    while let Some((position, at)) = tokio::time::timeout(PATIENCE, frames_seen.recv()).await.expect("frames come") {
        shown.push((position, at));
        if last_seq <= position {
            break;
        }
    }
    listener.abort();

    let mut latencies: Vec<f64> = Vec::with_capacity(published.len());
    let mut next = shown.iter().peekable();
    for (seq, sent) in &published[RATE * WARM_UP_SECONDS..] {
        while next.peek().is_some_and(|(position, _)| position < seq) {
            next.next();
        }
        let (_, at) = next.peek().expect("the last frame shows the last sequence");
        latencies.push(at.duration_since(*sent).as_secs_f64() * 1e3);
    }
    latencies.sort_by(f64::total_cmp);
    let quantile = |q: f64| latencies[((latencies.len() - 1) as f64 * q) as usize];
    let (p50, p99) = (quantile(0.5), quantile(0.99));
    println!(
        "latency: publish to WebSocket frame at {RATE}/s over {} predictions and {} frames: p50 {p50:.1} ms, p99 {p99:.1} ms (target 25: {}; goal 5: {}), max {:.1} ms, load {}",
        latencies.len(),
        shown.len(),
        verdict(p99 < 25.0),
        verdict(p99 < 5.0),
        quantile(1.0),
        load()
    );
}

/// Sends `n` predictions at [`RATE`], one a message; gives sequence and instant of each.
async fn publish(log: &Log, n: usize) -> Vec<(u64, Instant)> {
    let client = async_nats::connect(log.server.url()).await.expect("the server is up");
    let stream = jetstream::new(client);
    let bodies: Vec<Vec<u8>> = (0..n).map(|i| prediction(i, 4).to_string().into_bytes()).collect();
    let (sent, mut unacknowledged) = mpsc::unbounded_channel::<(Instant, jetstream::context::PublishAckFuture)>();
    // the connection ends with its last handle, so one stays here for the acknowledgements
    let publisher = stream.clone();
    let sender = tokio::spawn(async move {
        let mut turns = tokio::time::interval(Duration::from_millis(1));
        turns.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut bodies = VecDeque::from(bodies);
        while !bodies.is_empty() {
            turns.tick().await;
            for body in bodies.drain(..BURST.min(bodies.len())) {
                let at = Instant::now();
                let ack = publisher.publish("tw.in.prediction.bench", body.into()).await.expect("the server is up");
                sent.send((at, ack)).expect("the acknowledgements are awaited");
            }
        }
    });
    let mut published = Vec::with_capacity(n);
    while let Some((at, ack)) = unacknowledged.recv().await {
        published.push((ack.await.expect("the stream takes it").sequence, at));
    }
    sender.await.expect("the sender ends");
    published
}

/// Subscribes to all models without a pause and notes when which sequence was shown.
async fn listen(url: String, frames: mpsc::UnboundedSender<(u64, Instant)>) {
    let mut request = format!("{url}/ws").into_client_request().expect("a URL");
    request.headers_mut().insert("Authorization", format!("Bearer {TOKEN}").parse().expect("a header"));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("the door is open");
    let subscription = json!({"op": "subscribe", "channel": "models", "interval_ms": 0}).to_string();
    socket.send(Message::text(subscription)).await.expect("it listens");
    while let Some(Ok(message)) = socket.next().await {
        let at = Instant::now();
        let Message::Text(text) = message else { continue };
        let frame: Frame = serde_json::from_str(&text).expect("a frame");
        if matches!(frame.r#type.as_str(), "snapshot" | "change") && frames.send((frame.position, at)).is_err() {
            return;
        }
    }
}
