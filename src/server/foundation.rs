//! What everything stands on: the data directory, the store, NATS and its streams, and the proof that store and log belong together.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::from_snapshot::{self, Choice, Passed};
use super::{Error, failed, private, retention};
use crate::config::{Config, NatsServer};
use crate::nats::managed::{self, Managed, ManagedConfig};
use crate::nats::provision::{Provisioned, Role, provision};
use crate::nats::{ConnectConfig, LogChanged, Nats, Saved, StreamError, StreamStatus, connect};
use crate::processor::{self, Projection};
use crate::store::{self, Options, Store};
use crate::telemetry::{self, chain};

/// Between two looks for room on a full disk.
const ROOM_INTERVAL: Duration = Duration::from_millis(500);

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
    /// Waits for room on the disk before the store is opened, until `stop`.
    ///
    /// Errors: [`Error::InUse`], [`Error::Nats`], [`Error::Diverged`] with the way out.
    pub async fn lay(config: &Config, beginning: Beginning, stop: &CancellationToken) -> Result<Self, Error> {
        let data = prepare(&config.data)?;
        let projection = open_projection(config, &data, stop)?;
        let (nats, managed) = connect_to(config, &data).await?;
        retention::remember(&data, &nats);
        let found = async {
            let (streams, input) = belong_together(&nats, projection.saved().as_ref()).await?;
            let projection = begin(config, &data, &nats, &input, projection, beginning, stop).await?;
            Ok((streams, input, projection))
        };
        let (streams, input, mut projection) = match found.await {
            Ok(found) => found,
            Err(error) => {
                nats.close().await;
                if let Some(managed) = managed {
                    managed.stop().await;
                }
                return Err(error);
            }
        };
        projection.bind(input.created, input.first_seq);
        nats.room().set(input.held());
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

/// What a store that has applied nothing begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// Whatever is left of the log will do; somebody has decided so. Else it must hold all that no snapshot knows.
    pub partial: bool,
    /// With the newest snapshot that can be used, if there is one.
    pub from_snapshot: bool,
}

/// Makes the streams that are absent, unless the store knows better, and proves that store and log belong together.
async fn belong_together(nats: &Nats, saved: Option<&Saved>) -> Result<(Vec<Provisioned>, StreamStatus), Error> {
    let diverged = |changed: LogChanged| Error::Diverged(changed.into());
    if let Some(saved) = saved
        && let Err(StreamError::Missing { .. }) = nats.status(Role::Input).await
    {
        // made again it would be empty, and look like one that lost everything
        return Err(diverged(LogChanged::StreamMissing { applied: saved.last.seq }));
    }
    let streams = provision(nats).await.map_err(|source| Error::Nats(source.into()))?;
    nats.prove_rights(&super::own()).await.map_err(|source| Error::Nats(source.into()))?;
    let checked = nats.check_log(saved).await.map_err(|source| Error::Nats(source.into()))?;
    let input = checked.map_err(diverged)?;
    Ok((streams, input))
}

/// Lets a store that has applied nothing begin with the newest snapshot that can be used.
///
/// Errors: there is none, and the log has lost its beginning.
async fn begin(
    config: &Config,
    data: &Path,
    nats: &Nats,
    input: &StreamStatus,
    projection: Projection,
    beginning: Beginning,
    stop: &CancellationToken,
) -> Result<Projection, Error> {
    if projection.saved().is_some() {
        return Ok(projection);
    }
    let choice = if beginning.from_snapshot { from_snapshot::choose(data, nats, input).await? } else { Choice::default() };
    for Passed { id, reason } in &choice.passed {
        warn!(snapshot = id, reason, "a snapshot is not used");
    }
    if let Some(chosen) = &choice.chosen {
        let epoch = projection.view().epoch;
        // its store gives way to the one that is made of the snapshot
        drop(projection);
        from_snapshot::fill(&store_in(data), options(config), chosen, epoch, input.first_seq)?;
        return open_projection(config, data, stop);
    }
    if !beginning.partial && 1 < input.first_seq {
        let lost = LogChanged::NoBeginning { first: input.first_seq, snapshots: choice.text() };
        return Err(Error::Diverged(lost.into()));
    }
    Ok(projection)
}

pub(super) fn prepare(data: &Path) -> Result<PathBuf, Error> {
    private::make(data).map_err(failed)?;
    data.canonicalize().map_err(failed)
}

/// The directory of the store within the data directory.
pub(super) fn store_in(data: &Path) -> PathBuf {
    data.join("store")
}

pub(super) fn open_store(config: &Config, data: &Path) -> Result<store::Opened, store::Error> {
    Store::open(&store_in(data), options(config))
}

fn options(config: &Config) -> Options {
    Options { cache_bytes: config.store.cache_bytes, ..Options::default() }
}

pub(super) fn refused(error: store::Error) -> Error {
    match error {
        store::Error::InUse(_) => Error::InUse(error.into()),
        other => failed(other),
    }
}

/// As [`open_store`], once there is room on the disk for it.
fn open_store_with_room(config: &Config, data: &Path, stop: &CancellationToken) -> Result<store::Opened, Error> {
    let mut told = false;
    loop {
        match open_store(config, data) {
            Err(error @ store::Error::Full { .. }) if !stop.is_cancelled() => {
                if !told {
                    warn!(error = %chain(&error), data = %data.display(), "waiting for room on the disk before the store is opened");
                }
                told = true;
                std::thread::sleep(ROOM_INTERVAL);
            }
            opened => return opened.map_err(refused),
        }
    }
}

/// The state of the store; one that cannot be read is put aside, and a fresh one begins.
fn open_projection(config: &Config, data: &Path, stop: &CancellationToken) -> Result<Projection, Error> {
    match load(config, data, stop)? {
        Ok(projection) => Ok(projection),
        // marked as damaged, it is put aside by the next open
        Err(_damaged) => load(config, data, stop)?.map_err(failed),
    }
}

/// The inner error: the rows cannot be read, and the store is marked so.
fn load(config: &Config, data: &Path, stop: &CancellationToken) -> Result<Result<Projection, processor::Error>, Error> {
    let opened = open_store_with_room(config, data, stop)?;
    if let Some(quarantined) = &opened.quarantined {
        telemetry::STORE_QUARANTINES.add(1);
        warn!(path = %quarantined.path.display(), reason = quarantined.reason, "store put aside; rebuilding it from the log");
    }
    let reader = opened.store.reader();
    let epoch = match opened.store.head().map_err(failed)? {
        Some(_) => 0,
        None => next_epoch(data)?,
    };
    match Projection::load(opened.store, epoch) {
        Err(processor::Error::Load(store::Error::Damaged(reason))) => {
            warn!(reason, "the store cannot be read");
            Ok(Err(processor::Error::Load(reader.damaged(reason))))
        }
        loaded => loaded.map(Ok).map_err(failed),
    }
}

/// The number of a store that begins now: one more than the last that began in this directory.
fn next_epoch(data: &Path) -> Result<u64, Error> {
    let file = data.join(EPOCH_FILE);
    let last = std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0);
    std::fs::write(&file, format!("{}\n", last + 1)).map_err(failed)?;
    Ok(last + 1)
}

pub(super) async fn connect_to(config: &Config, data: &Path) -> Result<(Nats, Option<Managed>), Error> {
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
