//! The whole process, wired. It starts from the log outwards (NATS, store, pipeline, HTTP, effects) and stops the other way round:
//! doors close, the inbox drains, the last commit lands, effects stop between two.

mod admin;
mod foundation;
mod log_watch;
mod pipeline;

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::Config;
use crate::effects::Hands;
use crate::failpoint::{self, Point};
use crate::http::{self, App, HttpSettings, PredictionRows};
use crate::ids::Slug;
use crate::nats::facts::Facts;
use crate::nats::{Door, Headers};
use crate::run_file::RunFile;
use crate::store::pending::committed_row;
use crate::telemetry::chain;
use crate::{agent, clock, demo, memory, ticker};

use foundation::Foundation;
use pipeline::Pipeline;

/// Why the process cannot go on; each variant is an exit code of its own.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot reach NATS")]
    Nats(#[source] Box<dyn StdError + Send + Sync>),
    #[error("the stream is not the one the store was built from")]
    Diverged(#[source] Box<dyn StdError + Send + Sync>),
    #[error("the data directory is in use")]
    InUse(#[source] Box<dyn StdError + Send + Sync>),
    #[error("the process failed")]
    Failed(#[source] Box<dyn StdError + Send + Sync>),
}

fn failed(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    Error::Failed(source.into())
}

/// Runs until `stop` is cancelled. `started` is called once everything listens.
///
/// Errors: see [`Error`]; the first thing that cannot go on stops the others in order.
pub async fn run(config: Config, stop: CancellationToken, started: impl FnOnce(&RunFile)) -> Result<(), Error> {
    let listener = TcpListener::bind(config.listen).await.map_err(|source| cannot_listen(&config, source))?;
    let mut foundation = Foundation::lay(&config).await?;
    let pipeline = Pipeline::start(foundation.take_projection(), &foundation.nats, config.store.sync_interval, &stop)?;
    let ran = serve(&config, &foundation, &pipeline, listener, &stop, started).await;
    stop.cancel();
    let finished = pipeline.finish(config.stop_grace).await;
    foundation.leave().await;
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

/// What a rebuild has gone through.
pub struct Replayed {
    pub messages: u64,
    /// Of the messages; ticks and our own outcomes do not count.
    pub records: u64,
    /// Sequence of the last message.
    pub position: u64,
}

/// Throws the projection away and replays the log into a new one, up to the end of the stream as seen at start. `progress` is told
/// now and then how many messages of how many are done.
///
/// Errors: as [`run`]; it was stopped before the end.
pub async fn rebuild(config: Config, stop: CancellationToken, mut progress: impl FnMut(u64, u64)) -> Result<Replayed, Error> {
    foundation::discard_store(&config)?;
    failpoint::reach(Point::RebuildStarted);
    let mut foundation = Foundation::lay(&config).await?;
    let (first, end) = (foundation.input.first_seq, foundation.input.last_seq);
    let messages = if first <= end { end + 1 - first.max(1) } else { 0 };
    let pipeline = Pipeline::start(foundation.take_projection(), &foundation.nats, config.store.sync_interval, &stop)?;
    let mut view = pipeline.view.clone();
    let replay = async {
        loop {
            let position = view.borrow_and_update().position;
            progress((position + 1).saturating_sub(first.max(1)).min(messages), messages);
            if end <= position || view.changed().await.is_err() {
                break;
            }
        }
    };
    // all branches are cancel-safe: a watch and two tokens
    tokio::select! {
        () = replay => {}
        () = stop.cancelled() => {}
        () = pipeline.broken() => {}
    }
    let reached = Arc::clone(&pipeline.view.borrow());
    let finished = pipeline.finish(config.stop_grace).await;
    foundation.leave().await;
    finished?;
    let position = reached.position;
    if position < end {
        return Err(failed(format!("stopped at message {position} of {end}; the next start goes on from there")));
    }
    let counts = &reached.counts;
    let records = counts.applied + counts.rejected + counts.duplicates + counts.too_late + counts.ignored;
    Ok(Replayed { messages, records, position })
}

/// Everything around the pipeline, until `stop` is cancelled or the pipeline breaks.
async fn serve(
    config: &Config,
    foundation: &Foundation,
    pipeline: &Pipeline,
    listener: TcpListener,
    stop: &CancellationToken,
    started: impl FnOnce(&RunFile),
) -> Result<(), Error> {
    let address = listener.local_addr().map_err(failed)?;
    let nats = &foundation.nats;
    let door = Door::new(nats);
    let own = own();
    let start_at = foundation.input.last_seq;
    let doors = CancellationToken::new();
    let mut tasks = JoinSet::new();

    let log = log_watch::start(nats.clone(), pipeline.view.clone(), foundation.input.clone(), doors.clone(), &mut tasks);
    let admin = admin::prepare(&foundation.data, config.token.as_ref()).map_err(failed)?;
    tasks.spawn(admin::announce(admin.clone(), door.clone(), own.clone(), pipeline.view.clone(), start_at, doors.clone()));
    let rows = pipeline.reader.clone();
    let predictions: PredictionRows = Arc::new(move |key| committed_row(&rows, key));
    let app = App {
        view: pipeline.view.clone(),
        reader: pipeline.reader.clone(),
        door: door.clone(),
        nats: nats.clone(),
        log,
        streams: foundation.streams.clone().into(),
        predictions: Some(predictions),
        settings: HttpSettings {
            admin_token_hash: config.token.as_ref().map(|token| *http::token::hash(token.expose()).as_bytes()),
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
    tasks.spawn(memory::give_back_free_pages(doors.clone()));
    let hands = Hands {
        view: pipeline.view.clone(),
        reader: pipeline.reader.clone(),
        facts: Facts::new(nats),
        door: door.clone(),
        source: own,
        start_at,
    };
    tasks.spawn(hands.run(doors.clone()));
    if let Some(agent) = config.agent {
        let publish = move |kind, source: Slug, body| {
            let door = door.clone();
            async move { door.publish(kind, &source, Headers::new(), body).await.map(|_seq| ()) }
        };
        tasks.spawn(agent::run(agent.interval, publish, doors.clone()));
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
    };
    run_file.write().map_err(failed)?;
    started(&run_file);
    info!(%address, nats = nats.url(), "listening");

    // both branches are cancel-safe: tokens
    tokio::select! {
        () = stop.cancelled() => {}
        () = pipeline.broken() => {}
    }
    doors.cancel();
    failpoint::reach(Point::ShutdownDraining);
    close(tasks, config.stop_grace / 2).await;
    run_file.remove();
    Ok(())
}

/// The source of what the process itself publishes.
fn own() -> Slug {
    Slug::try_from("tidewatch").expect("a plain word is a slug")
}

/// Waits for the tasks around the pipeline; those that hold on past `grace` are ended.
async fn close(mut tasks: JoinSet<()>, grace: Duration) {
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
