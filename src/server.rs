//! The whole process, wired: store, NATS, processor, HTTP, effects. PLACEHOLDER: the architect's wiring replaces this file.

use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::run_file::RunFile;

/// Why the process cannot go on; each variant is an exit code of its own.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot reach NATS")]
    Nats(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the stream is not the one the store was built from")]
    Diverged(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the data directory is in use")]
    InUse(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the process failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Runs until `stop` is cancelled. `started` is called once everything listens.
pub async fn run(config: Config, stop: CancellationToken, started: impl FnOnce(&RunFile)) -> Result<(), Error> {
    let listen = config.listen.to_string();
    started(&RunFile {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").into(),
        url: format!("http://{listen}"),
        listen,
        nats_url: "nats://127.0.0.1:4222".into(),
        root: config.nats.root.as_str().into(),
        token_file: config.data.join("admin.token"),
        data: config.data,
    });
    stop.cancelled().await;
    Ok(())
}

/// Throws the projection away and replays the log into a new one.
pub async fn rebuild(config: Config, stop: CancellationToken) -> Result<(), Error> {
    run(config, stop, |_| {}).await
}
