//! Publishes a prediction, its label and a batch, each acknowledged: `cargo run --example publish`.

use async_nats::jetstream;
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".into());
    let stream = jetstream::new(async_nats::connect(url).await?);
    let id = format!("rust-{}", std::process::id());

    publish(
        &stream,
        "prediction",
        json!({
            "prediction_id": id, "model": "example-rust", "model_version": "v1",
            "features": { "amount": 12.5, "country": "KR" },
            "prediction": "yes", "confidence": 0.93, "scores": { "yes": 0.93, "no": 0.07 },
            "response_time": 0.012, "segment": { "region": "eu" },
        }),
    )
    .await?;
    publish(&stream, "label", json!({ "prediction_id": id, "model": "example-rust", "actual": "yes" })).await?;
    // A frame: many records in one message is the fast way.
    publish(&stream, "prediction", vec![json!({ "model": "example-rust", "prediction": "yes" }); 100].into()).await
}

async fn publish(stream: &jetstream::Context, kind: &str, body: Value) -> Result<(), Failure> {
    let root = std::env::var("TIDEWATCH_ROOT").unwrap_or_else(|_| "tw".into());
    let sent = stream.publish(format!("{root}.in.{kind}.rust"), body.to_string().into()).await?;
    // The second wait is for the acknowledgement: where in the log the message is. Without it, it may be nowhere.
    println!("{kind} stored as {}", sent.await?.sequence);
    Ok(())
}
