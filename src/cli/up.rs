//! `tidewatch up`: the whole process in the foreground.

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::banner::Banner;
use super::settings::Settings;
use super::{Exit, Failure, Outcome, block_on};
use crate::config::{Config, meant_env, secret_env};
use crate::{memory, server, telemetry};

/// Start everything and stay in the foreground
#[derive(Args)]
#[command(after_help = "\
Examples:
  tidewatch up                                           NATS, simulator, dashboard on http://127.0.0.1:8080
  tidewatch up --no-demo --no-agent --nats-url nats://nats:4222
  tidewatch up --config /etc/tidewatch.toml
  tidewatch up --listen 127.0.0.1:0 --nats-port 0        free ports; DIR/run.json tells which
  TIDEWATCH_TOKEN=$(openssl rand -hex 24) tidewatch up   choose the admin token")]
pub struct Up {
    #[command(flatten)]
    settings: Settings,
}

impl Up {
    pub fn run(self) -> Outcome {
        let (config, layers) = self.settings.resolve()?;
        // it is in the configuration now; there is one thread yet
        memory::wipe_environment(secret_env());
        telemetry::start(&config.log)?;
        for variable in &layers.ignored_env {
            warn!(%variable, meant = meant_env(variable), "the environment holds a variable that is no setting");
        }
        drop(layers);
        block_on(run(config))
    }
}

/// Runs the whole process under `config` until SIGTERM or SIGINT.
async fn run(config: Config) -> Outcome {
    let stop = stop_on_signal()?;
    let token_was_given = config.token.is_some();
    server::run(config, stop, |running| {
        eprintln!("{}", Banner { running, token_was_given });
    })
    .await
    .map_err(failure)
}

/// The exit code each way to fail has.
pub fn failure(error: server::Error) -> Failure {
    let exit = match error {
        server::Error::Nats(_) => Exit::NoNats,
        server::Error::Diverged(_) => Exit::Diverged,
        server::Error::InUse(_) => Exit::InUse,
        server::Error::Nothing(_) => Exit::Configuration,
        server::Error::Failed(_) | server::Error::Damaged(_) | server::Error::Declined => Exit::Failed,
    };
    exit.because(error)
}

/// Cancelled by the first SIGTERM or SIGINT. A second one ends the process at once.
pub fn stop_on_signal() -> Result<CancellationToken, Failure> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        for first in [true, false] {
            // Both are cancel-safe: a signal that is not received here is received by the next call.
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if first {
                info!(signal = name, "stopping");
                told.cancel();
            } else {
                warn!(signal = name, "stopped without waiting");
                std::process::exit(Exit::Failed as i32);
            }
        }
    });
    Ok(stop)
}
