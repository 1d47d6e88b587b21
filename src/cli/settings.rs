//! The flags that are settings, and how the layers of configuration come together.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::{Exit, Failure};
use crate::config::{Config, Flag, Layers};

/// Flags win over `TIDEWATCH_…` in the environment, and that over the file; `tidewatch config show` tells who won.
#[derive(Args, Default)]
#[command(next_help_heading = "Settings (also TIDEWATCH_… in the environment, and keys of the file)")]
pub struct Settings {
    /// Read this TOML file
    #[arg(long, value_name = "FILE", env = "TIDEWATCH_CONFIG")]
    config: Option<PathBuf>,
    /// Data directory [default: .tidewatch]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Where HTTP and WebSocket listen; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// Use this NATS server and start none
    #[arg(long, value_name = "URL", conflicts_with = "nats_port")]
    nats_url: Option<String>,
    /// Use the server of this context of the `nats` command line
    #[arg(long, value_name = "NAME", conflicts_with_all = ["nats_port", "nats_url"])]
    nats_context: Option<String>,
    /// Port of the managed NATS server; 0 picks a free one [default: 4222]
    #[arg(long, value_name = "PORT")]
    nats_port: Option<String>,
    /// Program of the managed NATS server [default: nats-server]
    #[arg(long, value_name = "PROGRAM")]
    nats_server: Option<String>,
    /// Credentials file for the NATS connection
    #[arg(long, value_name = "FILE")]
    creds: Option<String>,
    /// What an acknowledgement survives: `always` or `interval 100ms` [default: interval 100ms]
    #[arg(long, value_name = "WHEN")]
    durability: Option<String>,
    /// First token of every subject [default: tw]
    #[arg(long, value_name = "TOKEN")]
    root: Option<String>,
    /// Simulate models and servers [default: unless a NATS server is given]
    #[arg(long, action = ArgAction::SetTrue, overrides_with = "no_demo")]
    demo: bool,
    /// Do not simulate
    #[arg(long, action = ArgAction::SetTrue, overrides_with = "demo")]
    no_demo: bool,
    /// Simulated predictions a second [default: 40]
    #[arg(long, value_name = "RATE")]
    demo_rate: Option<String>,
    /// Seed of the simulation [default: 1]
    #[arg(long, value_name = "SEED")]
    demo_seed: Option<String>,
    /// Sample this host [default]
    #[arg(long, action = ArgAction::SetTrue, overrides_with = "no_agent")]
    agent: bool,
    /// Do not sample this host
    #[arg(long, action = ArgAction::SetTrue, overrides_with = "agent")]
    no_agent: bool,
    /// Between two samples of this host [default: 15s]
    #[arg(long, value_name = "TIME")]
    agent_interval: Option<String>,
    /// Log filter, as `warn,tidewatch::nats=debug` [default: info]
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// `text` or `json` [default: text]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Origins whose pages may call the API, separated by commas [default: none]
    #[arg(long, value_name = "ORIGINS")]
    cors_origins: Option<String>,
    /// Largest request body [default: 8MiB]
    #[arg(long, value_name = "BYTES")]
    body_bytes_max: Option<String>,
    /// WebSocket connections at once [default: 1024]
    #[arg(long, value_name = "COUNT")]
    websockets_max: Option<String>,
    /// Page cache of the store [default: 16MiB]
    #[arg(long, value_name = "BYTES")]
    cache_bytes: Option<String>,
    /// Between two syncs of the store to disk [default: 1s]
    #[arg(long, value_name = "TIME")]
    sync_interval: Option<String>,
    /// Longest stop before it is forced [default: 9s]
    #[arg(long, value_name = "TIME")]
    stop_grace: Option<String>,
}

impl Settings {
    /// Only a data directory and a file, for commands that talk to a running process.
    pub fn of(config: Option<PathBuf>, data: Option<PathBuf>) -> Self {
        Self { config, data: data.map(|data| data.to_string_lossy().into_owned()), ..Self::default() }
    }

    /// Stacks defaults, file, environment and these flags.
    pub fn layers(&self) -> Result<Layers, Failure> {
        let env = std::env::vars_os().filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
        Layers::stack(self.config.as_deref(), env, self.flags()).map_err(failure)
    }

    /// The configuration and the variables that were ignored.
    pub fn resolve(&self) -> Result<(Config, Layers), Failure> {
        let layers = self.layers()?;
        let config = Config::resolve(&layers).map_err(failure)?;
        Ok((config, layers))
    }

    fn flags(&self) -> Vec<Flag> {
        let switch = |on: bool, off: bool| (on || off).then(|| on.to_string());
        let demo = switch(self.demo, self.no_demo);
        let agent = switch(self.agent, self.no_agent);
        let given = [
            ("data", &self.data),
            ("listen", &self.listen),
            ("nats_url", &self.nats_url),
            ("nats_context", &self.nats_context),
            ("nats_port", &self.nats_port),
            ("nats_server", &self.nats_server),
            ("creds", &self.creds),
            ("durability", &self.durability),
            ("root", &self.root),
            ("demo", &demo),
            ("demo_rate", &self.demo_rate),
            ("demo_seed", &self.demo_seed),
            ("agent", &agent),
            ("agent_interval", &self.agent_interval),
            ("log", &self.log),
            ("log_format", &self.log_format),
            ("cors_origins", &self.cors_origins),
            ("body_bytes_max", &self.body_bytes_max),
            ("websockets_max", &self.websockets_max),
            ("cache_bytes", &self.cache_bytes),
            ("sync_interval", &self.sync_interval),
            ("stop_grace", &self.stop_grace),
        ];
        given.into_iter().filter_map(|(key, text)| Some(Flag { key, text: text.clone()? })).collect()
    }
}

/// A flag to blame is wrong usage; anything else is bad configuration.
fn failure(error: crate::config::Error) -> Failure {
    let exit = if error.is_usage() { Exit::Usage } else { Exit::Configuration };
    exit.because(error)
}
