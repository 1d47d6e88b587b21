//! What producers of ours send: over NATS, acknowledged, and into a spool on disk while NATS is away. In the order in which it was given, and
//! once: what was sent and not acknowledged is sent again under the same id. Knows nothing of what is in it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use tracing::{info, warn};

use crate::event::Kind;
use crate::ids::Slug;
use crate::machine::spool::{Entry, Spool};
use crate::nats::{Door, DoorError, Headers, Nats, Publication};
use crate::telemetry::{self, chain};

/// Bytes that are read from the spool at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// What is to be sent.
#[derive(Clone, Debug)]
pub struct Letter {
    pub kind: Kind,
    pub source: Slug,
    /// The `Nats-Msg-Id`. The body carries an id of its own where a repeat after minutes must not count.
    pub id: String,
    pub body: Bytes,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The log has it.
    Stored,
    /// It waits in the spool.
    Spooled,
    /// Nobody has it: the log refuses it for good, or there is no room on the disk either.
    Lost,
}

/// Sends letters of one process, one after the other.
pub struct Post {
    directory: PathBuf,
    connection: Option<(Nats, Door)>,
    spool: Option<Spool>,
    /// Others may have left something in the spool since; then it goes first.
    waits: bool,
}

impl Post {
    /// * `directory`: of the spool; made when something has to wait.
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.into(), connection: None, spool: None, waits: Spool::waits_in(directory) }
    }

    /// A connection to send over from now on.
    pub fn connect(&mut self, nats: Nats) {
        let door = Door::new(&nats);
        self.connection = Some((nats, door));
    }

    pub fn is_connected(&self) -> bool {
        self.connection.as_ref().is_some_and(|(nats, _)| nats.is_connected())
    }

    /// Something was left in the spool at the last look.
    pub const fn waits(&self) -> bool {
        self.waits
    }

    /// Sends a letter, after all that waits before it; or puts it behind.
    pub async fn deliver(&mut self, letter: Letter) -> Delivered {
        if !self.waits
            && let Some((_, door)) = &self.connection
        {
            match publish(door, &letter).await {
                Ok(()) => return Delivered::Stored,
                Err(error) if !error.is_retryable() => {
                    warn!(error = %chain(&error), kind = letter.kind.as_str(), "the log refuses what was to be sent");
                    return Delivered::Lost;
                }
                Err(_) => {}
            }
        }
        if self.keep(letter) == Delivered::Lost {
            return Delivered::Lost;
        }
        self.send_waiting().await;
        if self.waits { Delivered::Spooled } else { Delivered::Stored }
    }

    /// Puts a letter behind what waits, without trying to send it.
    pub fn keep(&mut self, letter: Letter) -> Delivered {
        match self.put_aside(letter) {
            Ok(()) => Delivered::Spooled,
            Err(error) => {
                warn!(%error, spool = %self.directory.display(), "what cannot be sent cannot be kept either");
                telemetry::SPOOL_LOST.add(1);
                Delivered::Lost
            }
        }
    }

    fn put_aside(&mut self, letter: Letter) -> std::io::Result<()> {
        if self.spool.is_none() {
            self.spool = Some(Spool::open(&self.directory)?);
        }
        let entry = Entry {
            kind: letter.kind.as_str().to_owned(),
            source: letter.source.to_string(),
            id: letter.id,
            body: letter.body.to_vec(),
        };
        self.spool.as_mut().expect("it was opened above").append(&entry)?;
        self.waits = true;
        telemetry::SPOOLED.add(1);
        Ok(())
    }

    /// Sends what waits, oldest first, as far as the log takes it.
    pub async fn send_waiting(&mut self) {
        self.waits = Spool::waits_in(&self.directory);
        if !self.waits || !self.is_connected() {
            return;
        }
        let Some((_, door)) = &self.connection else { return };
        match send_all(door, &self.directory).await {
            Ok(0) => {}
            Ok(sent) => info!(sent, "what had waited in the spool is in the log"),
            Err(error) => warn!(%error, spool = %self.directory.display(), "what waits in the spool cannot be read"),
        }
        self.waits = Spool::waits_in(&self.directory);
        self.tell();
    }

    /// Puts what waits, and what was lost, where the process tells of itself.
    fn tell(&self) {
        if let Some(spool) = &self.spool {
            let standing = spool.standing();
            telemetry::SPOOL_BYTES.set(standing.bytes as f64);
            telemetry::SPOOL_DROPPED.set(standing.dropped as f64);
        }
    }

    /// Closes the connection.
    pub async fn close(self) {
        if let Some((nats, _)) = self.connection {
            nats.close().await;
        }
    }
}

async fn publish(door: &Door, letter: &Letter) -> Result<(), DoorError> {
    // an id is remembered for a month, which is much for a sample that is hardly ever sent twice; out of the spool it has one
    let headers = match letter.kind {
        Kind::Sample => Headers::new(),
        _ => Headers::new().with("Nats-Msg-Id", &letter.id)?,
    };
    door.publish(letter.kind, &letter.source, headers, letter.body.clone()).await.map(drop)
}

/// Sends until nothing waits or the log takes nothing. Gives how many were sent. Does nothing while another process sends.
async fn send_all(door: &Door, directory: &Path) -> std::io::Result<u64> {
    let Some(sender) = Spool::sender(directory)? else { return Ok(0) };
    let mut sent = 0;
    loop {
        let waiting = sender.next(CHUNK_BYTES)?;
        let Some((_, last)) = waiting.last().cloned() else { return Ok(sent) };
        let count = waiting.len() as u64;
        let publications: Vec<Publication> = waiting.into_iter().filter_map(|(entry, _)| publication(entry)).collect();
        match door.publish_all(publications.clone()).await {
            Ok(_) => {}
            Err(error) if error.is_retryable() => return Ok(sent),
            // one that is refused for good must not hold up the others
            Err(_) => {
                for publication in publications {
                    let Publication { kind, source, headers, payload } = publication;
                    match door.publish(kind, &source, headers, payload).await {
                        Err(error) if error.is_retryable() => return Ok(sent),
                        Err(error) => {
                            warn!(error = %chain(&error), "the log refuses what had waited in the spool");
                            telemetry::SPOOL_LOST.add(1);
                        }
                        Ok(_) => {}
                    }
                }
            }
        }
        sender.sent(last)?;
        sent += count;
        telemetry::SPOOL_SENT.add(count);
        // a moment for whoever waits to be stopped
        tokio::time::sleep(Duration::ZERO).await;
    }
}

/// What an entry of the spool says; `None`: it was written by another release and nobody can send it.
fn publication(entry: Entry) -> Option<Publication> {
    let kind = Kind::from_token(&entry.kind);
    let source = Slug::try_from(entry.source.as_str()).ok()?;
    let headers = Headers::new().with("Nats-Msg-Id", &entry.id).ok()?;
    Some(Publication { kind, source, headers, payload: entry.body.into() })
}
