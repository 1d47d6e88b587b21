//! The agent, wired: beside the server in `up`, over its connection; and alone, with one of its own that may come and go.

use std::path::Path;
use std::sync::mpsc;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Error, failed};
use crate::agent::{self, Schedule};
use crate::config::{self, Config, NatsServer};
use crate::machine::host::Wanted;
use crate::memory;
use crate::nats::context::ContextError;
use crate::nats::{self, ConnectConfig, ConnectError, Nats};
use crate::post::Post;
use crate::run_file::RunFile;
use crate::telemetry::chain;

/// Samples this host over the connection of the process.
pub fn beside(config: &config::Agent, spool: &Path, nats: Nats, stop: CancellationToken) -> impl Future<Output = ()> + use<> {
    let mut post = Post::new(spool);
    post.connect(nats);
    agent::run(schedule(config), wanted(config), post, |_| {}, stop)
}

/// Samples this host until `stop`, and sends over a connection that is tried for as long as it takes. Meanwhile samples wait in the spool.
///
/// Errors: the configuration names a context that cannot be read, or asks for no agent.
pub async fn sample_alone(config: &Config, stop: CancellationToken) -> Result<(), Error> {
    let Some(agent) = &config.agent else { return Err(failed("the agent is off")) };
    let connection = connection_of_producer(config, "tidewatch-agent").map_err(failed)?;
    let (made, connections) = mpsc::channel();
    let connecting = tokio::spawn(connect(connection, made, stop.clone()));
    let connected = move |post: &mut Post| {
        if let Ok(nats) = connections.try_recv() {
            post.connect(nats);
            // sampling takes a small part of the program; most of what is in memory of it was read to get here
            memory::forget_the_start();
        }
    };
    agent::run(schedule(agent), wanted(agent), Post::new(&config.spool), connected, stop).await;
    connecting.abort();
    Ok(())
}

/// How a producer of ours that is no part of the server reaches the log: where `config` says, or where the process on the data directory is
/// connected, or at the usual port.
///
/// Errors: the configuration names a context that cannot be read.
pub fn connection_of_producer(config: &Config, name: &str) -> Result<ConnectConfig, ContextError> {
    let running = match &config.nats.server {
        NatsServer::Managed { port, .. } => {
            RunFile::read(&config.data).map_or_else(|_| format!("nats://127.0.0.1:{port}"), |running| running.nats_url)
        }
        NatsServer::External { .. } | NatsServer::Context { .. } => String::new(),
    };
    Ok(ConnectConfig { name: name.into(), ..ConnectConfig::configured(&config.nats, &running)? })
}

/// Tries until there is a connection; from then on it keeps itself alive.
async fn connect(connection: ConnectConfig, made: mpsc::Sender<Nats>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match nats::connect(connection.clone()).await {
            Ok(nats) => {
                info!(url = nats.url(), "samples go to the log");
                // who samples may have stopped
                let _ = made.send(nats);
                return;
            }
            Err(ConnectError::Unreachable { url, .. }) => warn!(url, "no NATS server answers; samples wait in the spool"),
            Err(error) => warn!(error = %chain(&error), "samples cannot be sent and wait in the spool"),
        }
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    }
}

const fn schedule(config: &config::Agent) -> Schedule {
    Schedule { collect: config.interval, clean_up: config.cleanup_interval }
}

fn wanted(config: &config::Agent) -> Wanted {
    Wanted {
        processes: config.processes.clone(),
        services: config.services.iter().filter_map(|service| service.parse().ok()).collect(),
        services_every: config.health_interval,
    }
}
