//! What every handler may reach: the view, committed rows, the door, and the limits they share.

use std::sync::Arc;
use std::time::Instant;

use axum::http::StatusCode;
use ipnet::IpNet;
use tokio::sync::{Mutex, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::artifacts::Artifacts;
use crate::http::auth::Guesses;
use crate::http::log_clock::LogClock;
use crate::http::mint::Mint;
use crate::http::predict::Serving;
use crate::http::problem::Problem;
use crate::http::recent::Recent;
use crate::http::scopes::Scopes;
use crate::http::session::Sessions;
use crate::http::snapshots::SnapshotDesk;
use crate::http::socket::{Censuses, Frames};
use crate::http::tokens::Uses;
use crate::http::trails::Trails;
use crate::monitor::join::JoinKey;
use crate::nats::provision::Provisioned;
use crate::nats::{Door, Nats};
use crate::store::{self, Reader};
use crate::view::View;

/// What the rest of the process hands over.
#[derive(Clone)]
pub struct App {
    pub view: watch::Receiver<Arc<View>>,
    pub reader: Reader,
    pub door: Door,
    pub nats: Nats,
    pub log: watch::Receiver<LogStatus>,
    /// The last messages that were read.
    pub recent: Arc<Recent>,
    /// The last values of the series of hosts.
    pub trails: Arc<Trails>,
    pub snapshots: SnapshotDesk,
    /// Trained models.
    pub artifacts: Artifacts,
    /// The streams as they were found at start.
    pub streams: Arc<[Provisioned]>,
    /// Looks up join rows; `None` where the store cannot be asked from here.
    pub predictions: Option<PredictionRows>,
    pub settings: HttpSettings,
    pub started_at: Instant,
}

/// Finds the encoded join row of a prediction among the committed ones.
pub type PredictionRows = Arc<dyn Fn(&JoinKey) -> Result<Option<Vec<u8>>, store::Error> + Send + Sync>;

/// Where the log ends and whether we have caught up with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStatus {
    /// Newest sequence of the input stream.
    pub last_seq: u64,
    /// Oldest sequence that is kept.
    pub first_seq: u64,
    /// Newest sequence when the process started: before it is applied, what the log says of tokens is not all known.
    pub start_seq: u64,
    pub connected: bool,
    /// `Err` says what is waited for.
    pub ready: Result<(), String>,
}

/// The part of the configuration that is about HTTP.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// BLAKE3 of the admin token beside those in the log; `None` accepts none.
    pub admin_token_hash: Option<[u8; 32]>,
    /// What sessions are signed with.
    pub session_key: [u8; 32],
    /// Origins whose pages may call the API and open the WebSocket; empty: only our own.
    pub cors_origins: Vec<String>,
    /// Bytes.
    pub body_bytes_max: usize,
    pub websockets_max: usize,
    /// Proxies whose word on the address of a client is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// Labels that every sample of `/api/prometheus/metrics` has.
    pub external_labels: Vec<(String, String)>,
    /// Whether the NATS server is a child of this process.
    pub nats_managed: bool,
    /// What the managed server's acknowledgement survives, as it is configured.
    pub nats_sync_interval: Option<String>,
}

/// Reads that scan the store at once; further ones wait their turn.
const SCANS_MAX: usize = 4;

/// Live frames made at once; further ones wait their turn, and never behind a long scan.
const MAKERS_MAX: usize = 4;

/// What the handlers share.
pub struct Shared {
    pub app: App,
    pub guesses: Guesses,
    pub log_clock: LogClock,
    pub sessions: Sessions,
    /// Jobs opened over the API.
    pub scopes: Scopes,
    pub uses: Uses,
    /// Open WebSockets; full: refused with 503.
    pub sockets: Arc<Semaphore>,
    /// One export at a time: each may fill a temporary file as large as the read model.
    pub exports: Arc<Semaphore>,
    pub frames: Frames,
    pub censuses: Censuses,
    /// One training set at a time: parts of two for one version would mix.
    pub uploads: Mutex<()>,
    /// Models that answer here.
    pub serving: Serving,
    /// Ids for predictions without one.
    pub mint: Mint,
    /// Cancelled when the server stops: sockets close.
    pub stop: CancellationToken,
    scans: Semaphore,
    makers: Semaphore,
}

impl Shared {
    pub fn new(app: App, stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            guesses: Guesses::default(),
            log_clock: LogClock::default(),
            scopes: Scopes::default(),
            sessions: Sessions::new(app.settings.session_key),
            uses: Uses::default(),
            sockets: Arc::new(Semaphore::new(app.settings.websockets_max)),
            exports: Arc::new(Semaphore::new(1)),
            frames: Frames::default(),
            censuses: Censuses::default(),
            uploads: Mutex::default(),
            serving: Serving::new(app.artifacts.clone()),
            mint: Mint::open().expect("the system has random bytes; without them no token could be minted either"),
            stop,
            scans: Semaphore::new(SCANS_MAX),
            makers: Semaphore::new(MAKERS_MAX),
            app,
        })
    }

    /// The newest view.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.app.view.borrow())
    }

    /// Messages stored and not yet applied to `view`.
    pub fn lag(&self, view: &View) -> u64 {
        self.app.log.borrow().last_seq.saturating_sub(view.position)
    }

    /// WebSockets that are open now.
    pub fn sockets_open(&self) -> usize {
        self.app.settings.websockets_max - self.sockets.available_permits()
    }

    /// Runs work that reads the disk or takes long off the runtime, [`SCANS_MAX`] at a time.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        off_runtime(&self.scans, work).await?
    }

    /// Makes a live frame off the runtime, [`MAKERS_MAX`] at a time.
    pub async fn making<T: Send + 'static>(&self, make: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        off_runtime(&self.makers, make).await
    }
}

/// Errors: the work panicked.
async fn off_runtime<T: Send + 'static>(turns: &Semaphore, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let _turn = turns.acquire().await.expect("the semaphore is never closed");
    let failed = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal-error", "the server failed on this request");
    tokio::task::spawn_blocking(work).await.map_err(failed)
}
