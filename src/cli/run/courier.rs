//! Sends the reports of a job from a thread of its own, so that a NATS server that is slow or away costs the command nothing.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::super::{Exit, Failure};
use crate::config::Config;
use crate::nats::{self, ConnectConfig, ConnectError, Nats};
use crate::post::{Delivered, Letter, Post};
use crate::server::connection_of_producer;
use crate::telemetry::chain;

/// How long a connection may take. After that reports go to the spool.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the last report may take once the command has ended; after that it is in the spool.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Between two tries to connect while the command runs.
const RETRY: Duration = Duration::from_secs(5);

/// Whether a report that cannot be sent now is worth keeping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    Kept,
    Passing,
}

/// What became of the last report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    Stored,
    /// In the spool, and why.
    Waits(String),
    Lost(String),
}

/// Where reports go.
pub struct Route {
    connection: ConnectConfig,
    spool: PathBuf,
}

impl Route {
    /// Errors: the configuration names a context that cannot be read.
    pub fn of(config: &Config) -> Result<Self, Failure> {
        let connection = connection_of_producer(config, "tidewatch-run").map_err(|error| Exit::Configuration.because(error))?;
        Ok(Self { connection: ConnectConfig { patience: Duration::ZERO, ..connection }, spool: config.spool.clone() })
    }
}

/// A thread with reports to send. At most a report each five seconds is given to it, so its channel needs no bound.
pub struct Courier {
    letters: UnboundedSender<(Letter, Urgency)>,
    ended: Receiver<Sent>,
}

impl Courier {
    /// Begins to connect. Without a thread reports are lost, and the end says so.
    pub fn start(Route { connection, spool }: Route) -> Self {
        let (letters, inbox) = unbounded_channel();
        let (end, ended) = channel();
        let refused = end.clone();
        let deliver = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let sent = match runtime {
                Ok(runtime) => {
                    let sent = runtime.block_on(deliver(connection, spool, inbox));
                    runtime.shutdown_background();
                    sent
                }
                Err(error) => Sent::Lost(error.to_string()),
            };
            // whoever waits may have given up
            let _ = end.send(sent);
        };
        if let Err(error) = std::thread::Builder::new().name("courier".into()).spawn(deliver) {
            // it is received by the courier that is returned
            let _ = refused.send(Sent::Lost(error.to_string()));
        }
        Self { letters, ended }
    }

    pub fn send(&self, letter: (Letter, Urgency)) {
        // a thread that has ended says so at the end
        let _ = self.letters.send(letter);
    }

    /// Waits until everything is sent or in the spool.
    pub fn finish(self) -> Sent {
        drop(self.letters);
        let end = self.ended.recv_timeout(PATIENCE + LAST_WORDS + LAST_WORDS);
        end.unwrap_or_else(|_| Sent::Lost("the thread that reports does not answer".into()))
    }
}

/// Delivers each letter as it comes.
async fn deliver(connection: ConnectConfig, spool: PathBuf, mut inbox: UnboundedReceiver<(Letter, Urgency)>) -> Sent {
    let mut post = Post::new(&spool);
    let mut away = connect(&connection, &mut post).await;
    let mut tried = Instant::now();
    let mut last = Delivered::Stored;
    while let Some((letter, urgency)) = inbox.recv().await {
        if away.is_some() && RETRY <= tried.elapsed() {
            away = connect(&connection, &mut post).await;
            tried = Instant::now();
        }
        let can_wait = urgency == Urgency::Kept;
        if can_wait || (away.is_none() && post.is_connected()) {
            let delivered = tokio::time::timeout(LAST_WORDS, post.deliver(letter.clone())).await;
            last = match delivered {
                Ok(delivered) => delivered,
                // it may be stored, and then its repeat is dropped
                Err(_elapsed) if can_wait => {
                    away = Some("the log did not answer in time".into());
                    post.keep(letter)
                }
                Err(_elapsed) => last,
            };
        }
    }
    let why = || away.unwrap_or_else(|| "the log takes nothing".into());
    match last {
        Delivered::Stored => Sent::Stored,
        Delivered::Spooled => Sent::Waits(format!("{}; it waits in {}", why(), spool.display())),
        Delivered::Lost => Sent::Lost(format!("the log refuses it, or {} takes nothing", spool.display())),
    }
}

/// Why there is no connection, if there is none.
async fn connect(connection: &ConnectConfig, post: &mut Post) -> Option<String> {
    let connected: Result<Result<Nats, _>, _> = tokio::time::timeout(PATIENCE, nats::connect(connection.clone())).await;
    match connected {
        Ok(Ok(nats)) => {
            post.connect(nats);
            None
        }
        Ok(Err(ConnectError::Unreachable { url, .. })) => Some(format!("no NATS server at {url}")),
        Ok(Err(error)) => Some(chain(&error).to_string()),
        Err(_elapsed) => Some(format!("no NATS server has answered within {PATIENCE:?}")),
    }
}
