//! The log against a real nats-server: provisioning, the door, reading in order through crashes, our own managed server.

mod door;
mod identity;
mod ingest;
mod managed;
mod provision;

use std::time::Duration;

use crate::nats_server::NatsServer;
use bytes::Bytes;
use tidewatch::event::{Kind, subject::Root};
use tidewatch::ids::Slug;
use tidewatch::nats::{ConnectConfig, Headers, Nats, Publication, connect};

fn root() -> Root {
    Root::new(Slug::try_from("tw").unwrap())
}

fn source() -> Slug {
    Slug::try_from("test").unwrap()
}

async fn connected(url: &str) -> Nats {
    connect(ConnectConfig::new(vec![url.to_owned()], root())).await.unwrap()
}

/// A server with the three streams.
async fn house() -> (NatsServer, Nats) {
    let server = NatsServer::start();
    let nats = connected(&server.url()).await;
    tidewatch::nats::provision(&nats).await.unwrap();
    (server, nats)
}

/// Message `number`, under an id of its own.
fn numbered(number: u64) -> Publication {
    let headers = Headers::new().with("Nats-Msg-Id", &format!("m-{number}")).unwrap();
    Publication { kind: Kind::Prediction, source: source(), headers, payload: Bytes::from(number.to_string()) }
}

/// A stream of our name with other settings than declared, for what the declared ones forbid.
async fn make_stream(nats: &Nats, config: serde_json::Value) -> serde_json::Value {
    let name = config["name"].as_str().unwrap();
    let answer: serde_json::Value = nats.jetstream().request(format!("STREAM.CREATE.{name}"), &config).await.unwrap();
    assert!(answer["error"].is_null(), "{answer}");
    answer
}

/// Waits for a state, with a deadline.
async fn until<T>(what: &str, seconds: u64, mut state: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(reached) = state().await {
            return reached;
        }
        assert!(tokio::time::Instant::now() < deadline, "not within {seconds} s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
