//! The input stream of one test, as it stands on the server.

use async_nats::jetstream::{self, stream};
use serde_json::Value;

/// One message: kind, source and body.
pub type Stored = (String, String, Value);

/// Makes a stream that takes every input subject.
pub async fn made(url: &str) {
    let log = jetstream::new(async_nats::connect(url).await.unwrap());
    let config = stream::Config { name: "TW_INPUT".into(), subjects: vec!["tw.in.>".into()], ..stream::Config::default() };
    log.create_stream(config).await.unwrap();
}

/// Every message of the stream, in order.
pub async fn stored(url: &str) -> Vec<Stored> {
    let stream = jetstream::new(async_nats::connect(url).await.unwrap()).get_stream("TW_INPUT").await.unwrap();
    let mut stored = Vec::new();
    for seq in 1..=stream.cached_info().state.last_sequence {
        let message = stream.get_raw_message(seq).await.unwrap();
        let tokens: Vec<_> = message.subject.split('.').map(str::to_owned).collect();
        stored.push((tokens[2].clone(), tokens[3].clone(), serde_json::from_slice(&message.payload).unwrap()));
    }
    stored
}
