//! A log to read: a nats-server of its own whose input stream, made by the product's own provisioning, is filled with predictions.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tidewatch::event::Kind;
use tidewatch::event::subject::Root;
use tidewatch::ids::Slug;
use tidewatch::nats::{ConnectConfig, Door, Headers, Nats, Publication, Role, connect, provision};

use crate::nats_server::NatsServer;

/// 2026-11-01T00:00:00Z in microseconds.
const START_MICROS: u64 = 1_793_491_200_000_000;

/// Event time between two predictions: 50,000 a second.
const STEP_MICROS: u64 = 20;

pub struct Log {
    pub server: NatsServer,
    pub nats: Nats,
    pub last_seq: u64,
}

impl Log {
    /// With an empty input stream.
    pub async fn empty() -> Self {
        let server = NatsServer::start();
        let root = Root::new(Slug::try_from("tw").expect("a plain word is a slug"));
        let nats = connect(ConnectConfig::new(vec![server.url()], root)).await.expect("the server has just started");
        provision(&nats).await.expect("the server is empty");
        Self { server, nats, last_seq: 0 }
    }

    /// With these bodies, each one message.
    pub async fn filled(bodies: impl Iterator<Item = Vec<u8>>) -> Self {
        let mut log = Self::empty().await;
        let source = Slug::try_from("bench").expect("a plain word is a slug");
        let message = |body| Publication {
            kind: Kind::Prediction,
            source: source.clone(),
            headers: Headers::new(),
            payload: Bytes::from(body),
        };
        Door::new(&log.nats).publish_all(bodies.map(message)).await.expect("the stream has room");
        log.last_seq = log.nats.status(Role::Input).await.expect("the server is up").last_seq;
        log
    }
}

/// The `n`th prediction: 10 features, 285 bytes as JSON, of one of `models` models.
pub fn prediction(n: usize, models: usize) -> Value {
    let hash = (n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11;
    let tenth = |k: u64| (hash.wrapping_mul(k) % 100_000) as f64 / 1e5;
    let features: Map<String, Value> = (0..10_u64).map(|k| (format!("f{k}"), json!(tenth(2 * k + 3)))).collect();
    let score = tenth(5);
    let micros = START_MICROS + n as u64 * STEP_MICROS;
    json!({
        "prediction_id": format!("p{n:09}"), "model": format!("model-{}", hash as usize % models), "at": micros,
        "features": features, "prediction": u8::from(0.5 <= score), "confidence": score, "response_time": tenth(7) / 10.0,
    })
}

/// The `index`th MessagePack frame of `size` predictions.
pub fn frame(index: usize, size: usize, models: usize) -> Vec<u8> {
    let records: Vec<Value> = (index * size..(index + 1) * size).map(|n| prediction(n, models)).collect();
    rmp_serde::to_vec_named(&records).expect("JSON can be packed")
}
