//! The whole process, wired. It starts from the log outwards (NATS, store, pipeline, HTTP, effects) and stops the other way round:
//! doors close, the inbox drains, the last commit lands, effects stop between two.

mod admin;
mod backup;
mod conditions;
mod foundation;
mod from_snapshot;
mod log_watch;
mod pipeline;
mod private;
mod rebuild;
mod retention;
mod sampling;
mod snapshots;
mod watchdog;

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::artifacts::Artifacts;
use crate::config::Config;
use crate::effects::retraining::Trainers;
use crate::effects::retraining::compare::Comparisons;
use crate::effects::{IntoStream, Told, Worker};
use crate::event::Lane;
use crate::failpoint::{self, Point};
use crate::http::{self, App, HttpSettings, PredictionRows, SnapshotDesk};
use crate::ids::Slug;
use crate::nats::Door;
use crate::nats::managed;
use crate::nats::provision::Role;
use crate::run_file::RunFile;
use crate::snapshot::Shelf;
use crate::store::pending::committed_row;
use crate::telemetry::chain;
use crate::{clock, demo, ticker};

pub use backup::{Restored, backup, restore};
pub use rebuild::{Rebuilt, Survey, Wanted, rebuild};
pub use sampling::{connection_of_producer, sample_alone};
pub use snapshots::take_snapshot;

use admin::Configured;
use foundation::{Beginning, Foundation};
use log_watch::Watched;
use pipeline::Pipeline;
use retention::Retention;
use snapshots::Snapshots;
use watchdog::Deadline;

/// A start that nobody watches never goes on without what the log has lost.
const WHOLE: Beginning = Beginning { partial: false, from_snapshot: true };

/// How often damage of the store is repaired by one process: where it comes back, the disk is broken and somebody has to look.
const REPAIRS_MAX: u32 = 5;

/// Why the process cannot go on; each variant is an exit code of its own.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot reach NATS")]
    Nats(#[source] Box<dyn StdError + Send + Sync>),
    #[error("the stream is not the one the store was built from")]
    Diverged(#[source] Box<dyn StdError + Send + Sync>),
    #[error("the data directory is in use")]
    InUse(#[source] Box<dyn StdError + Send + Sync>),
    /// Found after the store was opened; it is marked, and put aside when it is opened again.
    #[error("the store is damaged")]
    Damaged(#[source] Box<dyn StdError + Send + Sync>),
    #[error("there is no store at {}; check --data. A log whose store was lost is read by `tidewatch up`", .0.display())]
    Nothing(PathBuf),
    #[error("nothing was changed")]
    Declined,
    #[error("the process failed")]
    Failed(#[source] Box<dyn StdError + Send + Sync>),
}

fn failed(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    Error::Failed(source.into())
}

/// Runs until `stop` is cancelled. `started` is called once everything listens. A store that is found damaged is put aside and rebuilt from
/// the log, without a new process.
///
/// Errors: see [`Error`]; the first thing that cannot go on stops the others in order.
pub async fn run(mut config: Config, stop: CancellationToken, started: impl FnOnce(&RunFile)) -> Result<(), Error> {
    let listener = listen(config.listen).map_err(|source| cannot_listen(&config, source))?;
    let mut configured = config.token.take().map(Configured::new);
    let mut started = Some(started);
    let mut repairs = 0;
    loop {
        let listener = listener.try_clone().and_then(TcpListener::from_std).map_err(failed)?;
        match run_once(&config, &mut configured, listener, &stop, &mut started).await {
            Err(Error::Damaged(reason)) if repairs < REPAIRS_MAX && !stop.is_cancelled() => {
                repairs += 1;
                warn!(%reason, repairs, "the store is damaged; it is put aside and rebuilt from the log");
            }
            ended => return ended,
        }
    }
}

/// Connections that wait in the kernel until they are accepted. Where there is no place, a client tries again after a second.
const WAITING_CONNECTIONS_MAX: u32 = 4_096;

fn listen(address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // the port of a process that was just stopped is taken at once
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING_CONNECTIONS_MAX)?.into_std()
}

/// From the foundation to its end.
async fn run_once(
    config: &Config,
    configured: &mut Option<Configured>,
    listener: TcpListener,
    stop: &CancellationToken,
    started: &mut Option<impl FnOnce(&RunFile)>,
) -> Result<(), Error> {
    let mut foundation = Foundation::lay(config, WHOLE, stop).await?;
    let pipeline = Pipeline::start(foundation.take_projection(), &foundation.nats, &config.store, stop)?;
    let (ran, deadline) = serve(config, configured, &foundation, &pipeline, listener, stop, started).await;
    let finished = pipeline.finish(config.stop_grace).await;
    foundation.leave().await;
    drop(deadline);
    ran.and(finished)
}

/// Why the address cannot be listened on, and what to do.
fn cannot_listen(config: &Config, source: std::io::Error) -> Error {
    let address = config.listen;
    let ours = RunFile::read(&config.data).ok().filter(|running| running.listen == address.to_string());
    match (source.kind(), ours) {
        (std::io::ErrorKind::AddrInUse, Some(running)) => {
            let problem = format!("process {} runs on {} and listens on {address}", running.pid, running.data.display());
            Error::InUse(problem.into())
        }
        (std::io::ErrorKind::AddrInUse, None) => Error::Failed(
            format!(
                "{address} is in use; choose another with --listen (port 0 picks a free one), or stop what listens there: \
                 `ss -ltnp 'sport = :{}'` names it",
                address.port()
            )
            .into(),
        ),
        _ => Error::Failed(format!("cannot listen on {address}: {source}; choose another with --listen").into()),
    }
}

/// Everything around the pipeline, until `stop` is cancelled or the pipeline breaks.
async fn serve(
    config: &Config,
    configured: &mut Option<Configured>,
    foundation: &Foundation,
    pipeline: &Pipeline,
    listener: TcpListener,
    stop: &CancellationToken,
    started: &mut Option<impl FnOnce(&RunFile)>,
) -> (Result<(), Error>, Deadline) {
    let ran = serve_until(config, configured, foundation, pipeline, listener, stop, started).await;
    let deadline = Deadline::within(config.stop_grace);
    let (mut tasks, doors, run_file, ended) = match ran {
        Ok(running) => running,
        Err(error) => return (Err(error), deadline),
    };
    doors.cancel();
    failpoint::reach(Point::ShutdownDraining);
    close(&mut tasks, config.stop_grace / 2).await;
    run_file.remove();
    (ended, deadline)
}

/// As [`serve`], up to the moment when everything is to stop.
async fn serve_until(
    config: &Config,
    configured: &mut Option<Configured>,
    foundation: &Foundation,
    pipeline: &Pipeline,
    listener: TcpListener,
    stop: &CancellationToken,
    started: &mut Option<impl FnOnce(&RunFile)>,
) -> Result<(JoinSet<()>, CancellationToken, RunFile, Result<(), Error>), Error> {
    let address = listener.local_addr().map_err(failed)?;
    let nats = &foundation.nats;
    let door = Door::new(nats);
    let own = own();
    let start_at = foundation.input.last_seq;
    let doors = CancellationToken::new();
    let mut tasks = JoinSet::new();

    let watched = Watched {
        nats: nats.clone(),
        view: pipeline.view.clone(),
        input: foundation.input.clone(),
        data: foundation.data.clone(),
        managed: foundation.is_managed(),
        own: own.clone(),
    };
    let (log, log_changed) = log_watch::start(watched, doors.clone(), &mut tasks);
    let admin = admin::prepare(&foundation.data, configured.as_mut()).map_err(failed)?;
    tasks.spawn(admin::announce(admin.clone(), door.clone(), own.clone(), pipeline.view.clone(), start_at, doors.clone()));
    tasks.spawn(conditions::tell(door.clone(), own.clone(), pipeline.view.clone(), start_at, doors.clone()));
    let (shelf, (requests, inbox)) = (Shelf::in_data(&foundation.data), mpsc::channel(1));
    let snapshots = Snapshots {
        shelf: shelf.clone(),
        copies: pipeline.copies.clone(),
        settings: config.snapshots.clone(),
        view: pipeline.view.clone(),
        start_at,
        requests: inbox,
        retention: Retention {
            nats: nats.clone(),
            shelf: shelf.clone(),
            settings: config.log_retention.clone(),
            data: foundation.data.clone(),
            stream: foundation.streams.iter().find(|stream| stream.role == Role::Input).cloned(),
        },
    };
    tasks.spawn(snapshots.run(doors.clone()));
    let rows = pipeline.reader.clone();
    let predictions: PredictionRows = Arc::new(move |key| committed_row(&rows, key));
    let app = App {
        view: pipeline.view.clone(),
        reader: pipeline.reader.clone(),
        door: door.clone(),
        nats: nats.clone(),
        log,
        recent: Arc::clone(&pipeline.recent),
        trails: Arc::clone(&pipeline.trails),
        snapshots: SnapshotDesk { shelf, requests },
        artifacts: Artifacts::in_data(&foundation.data),
        streams: foundation.streams.clone().into(),
        predictions: Some(predictions),
        settings: HttpSettings {
            admin_token_hash: configured.as_ref().map(|token| token.hash),
            session_key: admin::session_key(&foundation.data).map_err(failed)?,
            cors_origins: config.http.cors_origins.clone(),
            body_bytes_max: config.http.body_bytes_max,
            websockets_max: config.http.websockets_max,
            trusted_proxies: config.http.trusted_proxies.clone(),
            external_labels: config.http.external_labels.clone(),
            nats_managed: foundation.is_managed(),
            nats_sync_interval: foundation.sync_interval(),
        },
        started_at: clock::monotonic(),
    };
    tasks.spawn(http::serve(listener, app, doors.clone()));
    tasks.spawn(ticker::run(door.clone(), own.clone(), doors.clone()));
    let trainers = Trainers {
        view: pipeline.view.clone(),
        nats: nats.clone(),
        door: door.clone(),
        source: own.clone(),
        artifacts: Artifacts::in_data(&foundation.data),
        start_at,
    };
    let comparisons = Comparisons {
        view: pipeline.view.clone(),
        nats: nats.clone(),
        door: door.clone(),
        source: own.clone(),
        artifacts: trainers.artifacts.clone(),
        start_at,
    };
    tasks.spawn(trainers.run(doors.clone()));
    tasks.spawn(comparisons.run(doors.clone()));
    let told = Told { view: pipeline.view.clone(), reader: pipeline.reader.clone(), door: door.clone(), source: own, start_at };
    for lane in Lane::ALL {
        tasks.spawn(Worker::new(told.clone(), IntoStream::new(nats, lane)).run(doors.clone()));
    }
    if let Some(agent) = &config.agent {
        tasks.spawn(sampling::beside(agent, &config.spool, nats.clone(), doors.clone()));
    }
    if let Some(simulation) = config.demo {
        let (client, root, stop) = (nats.client().clone(), nats.root().clone(), doors.clone());
        tasks.spawn(async move {
            if let Err(error) = demo::run(client, &root, simulation, None, stop).await {
                warn!(error = %chain(&error), "the simulator ended");
            }
        });
    }

    let run_file = RunFile {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").into(),
        listen: address.to_string(),
        url: format!("http://{address}"),
        nats_url: nats.url().to_owned(),
        root: nats.root().as_str().to_owned(),
        token_file: admin.file,
        data: foundation.data.clone(),
        server_warning: managed::old_server(&nats.server_version()),
    };
    run_file.write().map_err(failed)?;
    if let Some(started) = started.take() {
        started(&run_file);
    }
    info!(%address, nats = nats.url(), "listening");

    // all branches are cancel-safe: tokens, a receiver that is not asked again, and a set of tasks
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        () = pipeline.broken() => Ok(()),
        Ok(changed) = log_changed => Err(Error::Diverged(changed.into())),
        error = panicked(&mut tasks) => Err(failed(error)),
    };
    Ok((tasks, doors, run_file, ended))
}

/// How long a process goes on in which a task has panicked, so that the log is told of it.
const PANIC_TOLD: Duration = Duration::from_secs(10);

/// Returns some time after a task has panicked: without HTTP, ticks or facts a process only looks alive, and one that is started again has
/// them.
async fn panicked(tasks: &mut JoinSet<()>) -> JoinError {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            error!(%error, "a part of the process has ended; the process ends in {PANIC_TOLD:?}, to be started again");
            tokio::time::sleep(PANIC_TOLD).await;
            return error;
        }
    }
    std::future::pending().await
}

/// The source of what the process itself publishes.
fn own() -> Slug {
    Slug::try_from("tidewatch").expect("a plain word is a slug")
}

/// Waits for the tasks around the pipeline; those that hold on past `grace` are ended.
async fn close(tasks: &mut JoinSet<()>, grace: Duration) {
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                warn!(error = %chain(&error), "a task ended badly");
            }
        }
    };
    if tokio::time::timeout(grace, all).await.is_err() {
        warn!(tasks = tasks.len(), "tasks did not stop in time and were ended");
        tasks.abort_all();
    }
}
