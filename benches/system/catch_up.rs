//! How fast a log is read from its beginning into an empty folder.

use std::time::Instant;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures_util::StreamExt;
use serde_json::json;
use tidewatch::event::wire::{NoTables, Raw, decode};
use tidewatch::nats::Role;
use tidewatch::time::Timestamp;

use crate::log::{Log, frame, prediction};
use crate::product::Product;
use crate::{load, median, share, verdict};

const ROUNDS: usize = 3;
const FRAME: usize = 500;

/// As [`tidewatch::nats::ingest`] asks for them.
const PULL_MESSAGES_MAX: usize = 8_000;
const PULL_BYTES_MAX: usize = 8 << 20;

/// One run of the product over a log: from the line in its log that says it begins to read, so without its start-up, until its
/// HTTP interface shows the last sequence as applied.
struct Run {
    seconds: f64,
    cpu_seconds: f64,
}

async fn product_over(log: &Log, predictions: usize) -> Run {
    let product = Product::start(&["--nats-url", &log.server.url(), "--no-demo", "--no-agent"]).await;
    let begun = product.logged("reading the input stream");
    let ended = product.applied(log.last_seq).await;
    let cpu_seconds = product.cpu();
    let applied = product.get("/api/v1/state").await.expect("it answers")["counts"]["applied"].clone();
    assert_eq!(applied, json!(predictions), "every prediction is applied");
    Run { seconds: (ended - begun).as_secs_f64(), cpu_seconds }
}

/// Seconds in which a consumer like the product's, and nothing else, reads the log, decodes each message and drops it.
async fn bare_over(log: &Log) -> f64 {
    let client = async_nats::connect(log.server.url()).await.expect("the server is up");
    let config = pull::Config {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: 1 },
        ack_policy: AckPolicy::None,
        memory_storage: true,
        num_replicas: 1,
        ..Default::default()
    };
    let root = log.nats.root();
    let stream = Role::Input.stream_name(root);
    let consumer = async_nats::jetstream::new(client).create_consumer_on_stream(config, stream).await.expect("a consumer");
    let started = Instant::now();
    let builder = consumer.stream().max_messages_per_batch(PULL_MESSAGES_MAX).max_bytes_per_batch(PULL_BYTES_MAX);
    let messages = builder.messages().await.expect("the stream is there").take(log.last_seq as usize);
    let root = root.clone();
    // on a task of its own, as in the product: the runtime's main thread would be woken for every message
    let read = tokio::spawn(async move {
        let mut seq = 0;
        tokio::pin!(messages);
        while let Some(message) = messages.next().await {
            let message = message.expect("the server delivers");
            seq += 1;
            let stored_at = Timestamp::from_micros(i64::MAX / 2);
            let raw = Raw { seq, stored_at, subject: &message.subject, headers: &(), payload: &message.payload };
            assert!(std::hint::black_box(decode(raw, &root, NoTables)).records.iter().all(Result::is_ok));
        }
        seq
    });
    assert_eq!(read.await.expect("the reader ends"), log.last_seq);
    started.elapsed().as_secs_f64()
}

/// Single JSON messages: the product against the bare consumer, in turns.
pub async fn against_bare_consumer() {
    let n = share(1_000_000);
    let log = Log::filled((0..n).map(|i| prediction(i, 4).to_string().into_bytes())).await;
    let (mut bare, mut product, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let alone = n as f64 / bare_over(&log).await;
        let run = product_over(&log, n).await;
        let whole = n as f64 / run.seconds;
        println!(
            "  catch_up round {round}: bare {alone:.0}/s, product {whole:.0}/s, ratio {:.2}, processor {:.2} µs a prediction, load {}",
            whole / alone,
            run.cpu_seconds / n as f64 * 1e6,
            load()
        );
        ratios.push(whole / alone);
        bare.push(alone);
        product.push(whole);
    }
    let ratio = median(ratios);
    println!(
        "catch_up: {n} JSON predictions, product {:.0}/s, bare consumer {:.0}/s, ratio {ratio:.2} (target 0.70): {}",
        median(product),
        median(bare),
        verdict(0.7 <= ratio)
    );
}

/// MessagePack frames of 500 predictions.
pub async fn in_frames() {
    let frames = share(10_000);
    let n = frames * FRAME;
    let log = Log::filled((0..frames).map(|index| frame(index, FRAME, 4))).await;
    let (mut bare, mut product) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let alone = n as f64 / bare_over(&log).await;
        let run = product_over(&log, n).await;
        let whole = n as f64 / run.seconds;
        println!(
            "  frames round {round}: bare {alone:.0}/s, product {whole:.0}/s, ratio {:.2}, processor {:.2} µs a prediction, load {}",
            whole / alone,
            run.cpu_seconds / n as f64 * 1e6,
            load()
        );
        bare.push(alone);
        product.push(whole);
    }
    let rate = median(product);
    println!(
        "frames: {n} predictions in MessagePack frames of {FRAME}, product {rate:.0}/s (target 500000: {}; goal 1500000: {}), bare consumer {:.0}/s",
        verdict(500e3 <= rate),
        verdict(1.5e6 <= rate),
        median(bare)
    );
}

/// Processor time of a prediction over the number of models.
pub async fn over_models() {
    let frames = share(2_000);
    let n = frames * FRAME;
    let mut logs = Vec::new();
    for models in [1, 100, 1_000, 10_000] {
        let log = Log::filled((0..frames).map(|index| frame(index, FRAME, models))).await;
        logs.push((models, log, Vec::new()));
    }
    for _ in 0..ROUNDS {
        for (_, log, costs) in &mut logs {
            costs.push(product_over(log, n).await.cpu_seconds / n as f64 * 1e6);
        }
    }
    let one = median(logs[0].2.clone());
    for (models, _, costs) in logs {
        let cost = median(costs);
        let ratio = cost / one;
        println!(
            "models: {cost:.2} µs of processor a prediction over {models} models, {ratio:.2} of one model (target 1.5): {}; load {}",
            verdict(ratio <= 1.5),
            load()
        );
    }
}
