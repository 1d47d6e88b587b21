//! What everything stands on: the data directory, the store, NATS and its streams, and the proof that store and log belong together.

use std::path::{Path, PathBuf};

use tracing::{info, warn};

use super::{Error, failed};
use crate::config::{Config, NatsServer};
use crate::nats::managed::{self, Managed, ManagedConfig};
use crate::nats::provision::{Provisioned, provision};
use crate::nats::{ConnectConfig, Nats, StreamStatus, connect};
use crate::processor::Projection;
use crate::store::{self, Options, Store};
use crate::telemetry;

/// Counts the rebuilds of the store, beside it.
const EPOCH_FILE: &str = "epoch";

pub struct Foundation {
    /// Absolute.
    pub data: PathBuf,
    pub nats: Nats,
    pub streams: Vec<Provisioned>,
    /// The input stream as seen at start.
    pub input: StreamStatus,
    managed: Option<Managed>,
    projection: Option<Projection>,
}

impl Foundation {
    /// Errors: [`Error::InUse`], [`Error::Nats`], [`Error::Diverged`] with the way out.
    pub async fn lay(config: &Config) -> Result<Self, Error> {
        let data = prepare(&config.data)?;
        let mut projection = open_projection(config, &data)?;
        let (nats, managed) = connect_to(config, &data).await?;
        let streams = provision(&nats).await.map_err(|source| Error::Nats(source.into()))?;
        nats.prove_rights(&super::own()).await.map_err(|source| Error::Nats(source.into()))?;
        let saved = projection.saved();
        let checked = nats.check_log(saved.as_ref()).await.map_err(|source| Error::Nats(source.into()))?;
        let input = match checked {
            Ok(input) => input,
            Err(changed) => {
                nats.close().await;
                if let Some(managed) = managed {
                    managed.stop().await;
                }
                return Err(Error::Diverged(changed.into()));
            }
        };
        projection.bind(input.created);
        Ok(Self { data, nats, streams, input, managed, projection: Some(projection) })
    }

    /// The projection, once.
    pub fn take_projection(&mut self) -> Projection {
        self.projection.take().expect("it is taken once, right after the foundation was laid")
    }

    /// Whether the server is a child of this process.
    pub const fn is_managed(&self) -> bool {
        self.managed.is_some()
    }

    /// What an acknowledgement of the managed server survives; `None` if it cannot be told, or is not ours to tell.
    pub fn sync_interval(&self) -> Option<String> {
        self.managed.as_ref()?.sync_interval().map(str::to_owned)
    }

    /// Closes the connection and stops the server if it is ours.
    pub async fn leave(self) {
        self.nats.close().await;
        if let Some(managed) = self.managed {
            managed.stop().await;
        }
    }
}

/// Deletes the store in the data directory, if nobody holds it.
pub fn discard_store(config: &Config) -> Result<(), Error> {
    let data = prepare(&config.data)?;
    // opening takes the lock, so a running process is not robbed of its store
    drop(open_store(config, &data)?);
    let store = data.join("store");
    std::fs::remove_dir_all(&store).map_err(failed)?;
    info!(store = %store.display(), "store discarded");
    Ok(())
}

fn prepare(data: &Path) -> Result<PathBuf, Error> {
    std::fs::create_dir_all(data).map_err(failed)?;
    data.canonicalize().map_err(failed)
}

fn open_store(config: &Config, data: &Path) -> Result<store::Opened, Error> {
    let options = Options { cache_bytes: config.store.cache_bytes, ..Options::default() };
    Store::open(&data.join("store"), options).map_err(|error| match error {
        store::Error::InUse(_) => Error::InUse(error.into()),
        other => failed(other),
    })
}

fn open_projection(config: &Config, data: &Path) -> Result<Projection, Error> {
    let opened = open_store(config, data)?;
    if let Some(quarantined) = &opened.quarantined {
        telemetry::STORE_QUARANTINES.add(1);
        warn!(path = %quarantined.path.display(), reason = quarantined.reason, "store put aside; rebuilding it from the log");
    }
    let epoch = match opened.store.head().map_err(failed)? {
        Some(_) => 0,
        None => next_epoch(data)?,
    };
    Projection::load(opened.store, epoch).map_err(failed)
}

/// The number of a store that begins now: one more than the last that began in this directory.
fn next_epoch(data: &Path) -> Result<u64, Error> {
    let file = data.join(EPOCH_FILE);
    let last = std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0);
    std::fs::write(&file, format!("{}\n", last + 1)).map_err(failed)?;
    Ok(last + 1)
}

async fn connect_to(config: &Config, data: &Path) -> Result<(Nats, Option<Managed>), Error> {
    let refused = |source: Box<dyn std::error::Error + Send + Sync>| Error::Nats(source);
    let managed = match &config.nats.server {
        NatsServer::External { .. } | NatsServer::Context { .. } => None,
        NatsServer::Managed { binary, port, durability } => {
            let wanted = ManagedConfig { data: data.to_owned(), port: *port, binary: binary.clone(), durability: *durability };
            Some(managed::start(wanted).await.map_err(|error| refused(error.into()))?)
        }
    };
    let url = managed.as_ref().map_or("", Managed::url);
    let wanted = ConnectConfig::configured(&config.nats, url).map_err(|error| refused(error.into()))?;
    let nats = connect(wanted).await.map_err(|error| refused(error.into()))?;
    Ok((nats, managed))
}
