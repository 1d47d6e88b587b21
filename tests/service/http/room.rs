//! One server for one test: everything it stands on is real, and gone when dropped.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc as std_mpsc};
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tidewatch::artifacts::Artifacts;
use tidewatch::event::subject::Root;
use tidewatch::event::wire::{self, Raw};
use tidewatch::files::message::Arrow;
use tidewatch::http::{App, HttpSettings, LogStatus, Recent, SnapshotDesk, serve, token};
use tidewatch::ids::Slug;
use tidewatch::nats::{ConnectConfig, Door, RawMessage, connect, ingest};
use tidewatch::processor::{self, Batch, Projection};
use tidewatch::snapshot::Shelf;
use tidewatch::store::{Options, Store};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::nats_server::NatsServer;

pub const ADMIN: &str = "the admin's own words";

/// Generous, for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Room {
    pub address: SocketAddr,
    pub log: watch::Sender<LogStatus>,
    client: reqwest::Client,
    stop: CancellationToken,
    pub server: Option<tokio::task::JoinHandle<()>>,
    _nats: NatsServer,
    _folder: tempfile::TempDir,
}

struct MessageHeaders<'a>(&'a RawMessage);

impl wire::Headers for MessageHeaders<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.header(name).or_else(|| (name == "content-type").then(|| self.0.header("Content-Type")).flatten())
    }
}

impl Room {
    pub async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub async fn open_with(change: impl FnOnce(&mut App)) -> Self {
        let nats_server = NatsServer::start();
        let root = Root::new(Slug::try_from("tw").unwrap());
        let nats = connect(ConnectConfig::new(vec![nats_server.url()], root.clone())).await.unwrap();
        let streams = tidewatch::nats::provision(&nats).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store"), Options::default()).unwrap().store;
        let projection = Projection::load(store, 1).unwrap();
        let reader = projection.reader();
        let (view_sender, view) = watch::channel(Arc::new(projection.view().clone()));
        let stop = CancellationToken::new();
        let (raw_sender, mut raw) = mpsc::channel(4);
        tokio::spawn(ingest::run(nats.clone(), None, raw_sender, stop.clone()));
        let recent = Arc::new(Recent::default());
        let trails = Arc::new(tidewatch::http::Trails::default());
        let (noted, trailed) = (Arc::clone(&recent), Arc::clone(&trails));
        let (batches, inbox) = std_mpsc::sync_channel::<Batch>(4);
        tokio::spawn(async move {
            while let Some(batch) = raw.recv().await {
                let decoded = batch.messages.iter().map(|message| {
                    let headers = MessageHeaders(message);
                    let (seq, stored_at) = (message.seq, message.stored_at);
                    let raw = Raw { seq, stored_at, subject: &message.subject, headers: &headers, payload: &message.payload };
                    wire::decode(raw, &root, Arrow)
                });
                let messages: Vec<_> = decoded.collect();
                noted.note(&messages);
                trailed.note(&messages);
                if batches.send(Batch::new(messages, batch.saved)).is_err() {
                    return;
                }
            }
        });
        let processor_stop = stop.clone();
        std::thread::spawn(move || processor::run(projection, &inbox, &view_sender, &processor_stop).unwrap());
        let settings = HttpSettings {
            admin_token_hash: Some(*token::hash(ADMIN).as_bytes()),
            session_key: [7; 32],
            cors_origins: Vec::new(),
            body_bytes_max: 2 << 20,
            websockets_max: 16,
            trusted_proxies: Vec::new(),
            external_labels: vec![("cluster".to_owned(), "test".to_owned())],
            nats_managed: false,
            nats_sync_interval: None,
        };
        let (log, log_receiver) =
            watch::channel(LogStatus { last_seq: 0, first_seq: 1, start_seq: 0, connected: true, ready: Ok(()) });
        let mut app = App {
            view,
            reader,
            door: Door::new(&nats),
            nats,
            log: log_receiver,
            recent,
            trails,
            snapshots: SnapshotDesk { shelf: Shelf::in_data(folder.path()), requests: mpsc::channel(1).0 },
            artifacts: Artifacts::in_data(folder.path()),
            streams: streams.into(),
            predictions: None,
            settings,
            started_at: Instant::now(),
        };
        change(&mut app);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Some(tokio::spawn(serve(listener, app, stop.clone())));
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { address, log, client, stop, server, _nats: nats_server, _folder: folder }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request without a token.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// A request of the admin.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(ADMIN)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// The JSON of a good answer.
    pub async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        let status = response.status();
        let body = response.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {body}");
        serde_json::from_str(&body).unwrap()
    }

    pub async fn send(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let response = self.request(method, path).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }

    /// Publishes records and waits until they are applied.
    pub async fn publish(&self, kind: &str, records: Value) -> u64 {
        let (status, answer) = self.send(Method::POST, &format!("/api/v1/publish/{kind}/test?wait=applied"), records).await;
        assert_eq!((status, &answer["applied"]), (200, &json!(true)), "{answer}");
        answer["seq"].as_u64().unwrap()
    }

    /// A token of that role: its id and its text.
    pub async fn token(&self, role: &str) -> (String, String) {
        let (status, answer) = self.send(Method::POST, "/api/v1/tokens", json!({"name": role, "role": role})).await;
        assert_eq!(status, 201, "{answer}");
        (answer["id"].as_str().unwrap().to_owned(), answer["token"].as_str().unwrap().to_owned())
    }

    /// Stops the server and waits for it.
    pub async fn close(&mut self) {
        self.stop.cancel();
        if let Some(server) = self.server.take() {
            tokio::time::timeout(PATIENCE, server).await.expect("the server stops in time").unwrap();
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A prediction and its label: minute, index within it, answer, truth.
pub fn labelled(minute: u32, index: u32, answer: &str, truth: &str) -> Value {
    json!({
        "prediction_id": format!("p-{minute}-{index}"), "model": "fraud", "model_version": if index.is_multiple_of(2) { "a" } else { "b" },
        "segment": {"region": if index.is_multiple_of(3) { "kr" } else { "us" }},
        "at": format!("2026-01-01T{:02}:{:02}:{:02}Z", minute / 60, minute % 60, index % 60),
        "prediction": answer, "actual": truth, "confidence": 0.75, "response_time": 0.1,
    })
}
