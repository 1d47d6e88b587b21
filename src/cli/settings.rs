//! The flags that are settings, and how the layers of configuration come together. A command flattens [`Settings`], or only those
//! groups of them that mean something to it.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::{Exit, Failure};
use crate::config::{Config, Flag, Layers, meant_env};

const HEADING: &str = "Settings (also TIDEWATCH_… in the environment, and keys of the file)";

/// Every setting. Flags win over `TIDEWATCH_…` in the environment, and that over the file; `tidewatch config show` tells who won.
#[derive(Args, Default)]
pub struct Settings {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    listen: Listen,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    managed: Managed,
    #[command(flatten)]
    producers: Producers,
    #[command(flatten)]
    sampling: Sampling,
    #[command(flatten)]
    spooling: Spooling,
    #[command(flatten)]
    logging: Logging,
    #[command(flatten)]
    http: Http,
    #[command(flatten)]
    store: Store,
}

/// What a command needs that publishes over NATS.
#[derive(Args, Default)]
pub struct Publishing {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    server: Server,
}

/// What a command needs that publishes over NATS, now or later.
#[derive(Args, Default)]
pub struct Posting {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    spooling: Spooling,
}

/// What a command needs that samples this host.
#[derive(Args, Default)]
pub struct Watching {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    sampling: Sampling,
    #[command(flatten)]
    spooling: Spooling,
    #[command(flatten)]
    logging: Logging,
}

/// What a command needs that publishes for long and tells of it.
#[derive(Args, Default)]
pub struct Simulating {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    logging: Logging,
}

/// What a command needs that works on the store and its log.
#[derive(Args, Default)]
pub struct Replaying {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    managed: Managed,
    #[command(flatten)]
    logging: Logging,
    #[command(flatten)]
    store: Store,
}

/// What a command needs that looks at what a process would use.
#[derive(Args, Default)]
pub struct Examining {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    listen: Listen,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    managed: Managed,
}

#[derive(Args, Default)]
#[command(next_help_heading = HEADING)]
struct Place {
    /// Read this TOML file
    #[arg(long, value_name = "FILE", env = "TIDEWATCH_CONFIG")]
    config: Option<PathBuf>,
    /// Data directory [default: .tidewatch]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
}

#[derive(Args, Default)]
#[command(next_help_heading = HEADING)]
struct Listen {
    /// Where HTTP and WebSocket listen; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
}

#[derive(Args, Default)]
#[command(next_help_heading = HEADING)]
struct Server {
    /// Use this NATS server and start none
    #[arg(long, value_name = "URL")]
    nats_url: Option<String>,
    /// Use the server of this context of the `nats` command line
    #[arg(long, value_name = "NAME", conflicts_with = "nats_url")]
    nats_context: Option<String>,
    /// Credentials file for the NATS connection
    #[arg(long, value_name = "FILE")]
    creds: Option<String>,
    /// First token of every subject [default: tw]
    #[arg(long, value_name = "TOKEN")]
    root: Option<String>,
}

#[derive(Args, Default)]
#[command(next_help_heading = HEADING)]
struct Spooling {
    /// Directory of what could not be sent yet [default: spool in the data directory]
    #[arg(long, value_name = "DIR")]
    spool: Option<String>,
}

#[derive(Args, Default)]
#[command(next_help_heading = HEADING)]
struct Managed {
    /// Port of the managed NATS server; 0 picks a free one [default: 4222]
    #[arg(long, value_name = "PORT", conflicts_with_all = ["nats_url", "nats_context"])]
    nats_port: Option<String>,
    /// Program of the managed NATS server [default: nats-server]
    #[arg(long, value_name = "PROGRAM")]
    nats_server: Option<String>,
    /// What an acknowledgement survives: `always` or `interval 100ms` [default: interval 100ms]
    #[arg(long, value_name = "WHEN")]
    durability: Option<String>,
}

#[derive(Args, Default)]
#[command(next_help_heading = HEADING)]
struct Sampling {
    /// Between two samples of this host, at least 500ms [default: 15s]
    #[arg(long, value_name = "TIME", alias = "interval")]
    agent_interval: Option<String>,
    /// Between two checks of the services [default: 60s]
    #[arg(long, value_name = "TIME")]
    agent_health_interval: Option<String>,
    /// Between two looks at what waits in the spool [default: 5m]
    #[arg(long, value_name = "TIME")]
    agent_cleanup_interval: Option<String>,
    /// Processes whose processor time and memory are told, by name [default: none]
    #[arg(long, value_name = "NAME,…")]
    agent_processes: Option<String>,
    /// Services to check, as web=process:nginx,db=tcp:localhost:5432,api=http://localhost/healthz,cron=unit:cron [default: none]
    #[arg(long, value_name = "NAME=HOW,…")]
    agent_services: Option<String>,
}

#[derive(Args, Default)]
#[command(next_help_heading = HEADING)]
struct Producers {
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
}

#[derive(Args, Default)]
#[command(next_help_heading = HEADING)]
struct Logging {
    /// Log filter, as `warn,tidewatch::nats=debug` [default: info]
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// `text` or `json` [default: text]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
}

#[derive(Args, Default)]
#[command(next_help_heading = HEADING)]
struct Http {
    /// Origins whose pages may call the API, separated by commas [default: none]
    #[arg(long, value_name = "ORIGINS")]
    cors_origins: Option<String>,
    /// Largest request body [default: 8MiB]
    #[arg(long, value_name = "BYTES")]
    body_bytes_max: Option<String>,
    /// WebSocket connections at once [default: 1024]
    #[arg(long, value_name = "COUNT")]
    websockets_max: Option<String>,
    /// Labels of every sample of /api/prometheus/metrics [default: cluster, environment and version]
    #[arg(long, value_name = "NAME=VALUE,…")]
    external_labels: Option<String>,
    /// Addresses or networks of proxies whose X-Forwarded-For is believed, separated by commas [default: none]
    #[arg(long, value_name = "ADDRESSES")]
    trusted_proxies: Option<String>,
}

#[derive(Args, Default)]
#[command(next_help_heading = HEADING)]
struct Store {
    /// Page cache of the store [default: 16MiB]
    #[arg(long, value_name = "BYTES")]
    cache_bytes: Option<String>,
    /// Between two syncs of the store to disk [default: 1s]
    #[arg(long, value_name = "TIME")]
    sync_interval: Option<String>,
    /// How long nothing may go on with a batch before the process ends, to be started again [default: 120s]
    #[arg(long, value_name = "TIME")]
    hang_limit: Option<String>,
    /// Between two times that all rows of the store are added up and compared with its commits [default: 24h]
    #[arg(long, value_name = "TIME")]
    audit_interval: Option<String>,
    /// Between two snapshots of the store, or `off` [default: 24h]
    #[arg(long, value_name = "TIME")]
    snapshot_interval: Option<String>,
    /// Newest snapshots that are kept [default: 7]
    #[arg(long, value_name = "COUNT")]
    snapshots_kept: Option<String>,
    /// How long messages of the log are kept, such as 90d, or `everything` [default: everything]
    #[arg(long, value_name = "TIME")]
    log_retention: Option<String>,
    /// What of the log is kept whatever --log-retention says [default: 30d]
    #[arg(long, value_name = "TIME")]
    training_history: Option<String>,
    /// Longest stop before it is forced [default: 9s]
    #[arg(long, value_name = "TIME")]
    stop_grace: Option<String>,
}

impl Settings {
    /// Stacks defaults, file, environment and these flags, and reads them.
    ///
    /// Errors: everything that is wrong.
    pub fn resolve(&self) -> Result<(Config, Layers), Failure> {
        let Self { place, listen, server, managed, producers, sampling, spooling, logging, http, store } = self;
        let groups: [&dyn Flags; 9] = [listen, server, managed, producers, sampling, spooling, logging, http, store];
        resolve(place, &groups)
    }
}

impl Publishing {
    /// As [`Settings::resolve`].
    pub fn resolve(&self) -> Result<(Config, Layers), Failure> {
        resolve(&self.place, &[&self.server])
    }
}

impl Posting {
    /// As [`Settings::resolve`].
    pub fn resolve(&self) -> Result<(Config, Layers), Failure> {
        resolve(&self.place, &[&self.server, &self.spooling])
    }
}

impl Watching {
    /// As [`Settings::resolve`], with the agent on.
    pub fn resolve(&self) -> Result<(Config, Layers), Failure> {
        resolve(&self.place, &[&self.server, &self.sampling, &self.spooling, &self.logging, &AgentOn])
    }
}

/// Whatever the file says, who starts the agent wants it.
struct AgentOn;

impl Flags for AgentOn {
    fn given(&self) -> Vec<(&'static str, Option<String>)> {
        vec![("agent", Some("true".into()))]
    }
}

impl Simulating {
    /// As [`Settings::resolve`].
    pub fn resolve(&self) -> Result<(Config, Layers), Failure> {
        resolve(&self.place, &[&self.server, &self.logging])
    }
}

impl Replaying {
    /// As [`Settings::resolve`].
    pub fn resolve(&self) -> Result<(Config, Layers), Failure> {
        let Self { place, server, managed, logging, store } = self;
        resolve(place, &[server, managed, logging, store])
    }
}

impl Examining {
    /// As [`Settings::resolve`].
    pub fn resolve(&self) -> Result<(Config, Layers), Failure> {
        resolve(&self.place, &[&self.listen, &self.server, &self.managed])
    }
}

/// Only a data directory and a file, for commands that talk to a running process.
pub fn of_process(config: Option<PathBuf>, data: Option<PathBuf>) -> Result<(Config, Layers), Failure> {
    let (config, layers) = resolve(&Place { config, data: data.map(|data| data.to_string_lossy().into_owned()) }, &[])?;
    for variable in &layers.ignored_env {
        if let Some(meant) = meant_env(variable) {
            eprintln!("warning: {variable} is no setting; did you mean {meant}?");
        }
    }
    Ok((config, layers))
}

fn resolve(place: &Place, groups: &[&dyn Flags]) -> Result<(Config, Layers), Failure> {
    let env = std::env::vars_os().filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
    let given = groups.iter().flat_map(|group| group.given()).chain([("data", place.data.clone())]);
    let flags = given.filter_map(|(key, text)| Some(Flag { key, text: text? })).collect();
    let layers = Layers::stack(place.config.as_deref(), env, flags).map_err(failure)?;
    let config = Config::resolve(&layers).map_err(failure)?;
    Ok((config, layers))
}

/// A group of flags, each a key of the configuration and what it was given.
trait Flags {
    fn given(&self) -> Vec<(&'static str, Option<String>)>;
}

impl Flags for Listen {
    fn given(&self) -> Vec<(&'static str, Option<String>)> {
        vec![("listen", self.listen.clone())]
    }
}

impl Flags for Server {
    fn given(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("nats_url", self.nats_url.clone()),
            ("nats_context", self.nats_context.clone()),
            ("creds", self.creds.clone()),
            ("root", self.root.clone()),
        ]
    }
}

impl Flags for Spooling {
    fn given(&self) -> Vec<(&'static str, Option<String>)> {
        vec![("spool", self.spool.clone())]
    }
}

impl Flags for Managed {
    fn given(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("nats_port", self.nats_port.clone()),
            ("nats_server", self.nats_server.clone()),
            ("durability", self.durability.clone()),
        ]
    }
}

impl Flags for Producers {
    fn given(&self) -> Vec<(&'static str, Option<String>)> {
        let switch = |on: bool, off: bool| (on || off).then(|| on.to_string());
        vec![
            ("demo", switch(self.demo, self.no_demo)),
            ("demo_rate", self.demo_rate.clone()),
            ("demo_seed", self.demo_seed.clone()),
            ("agent", switch(self.agent, self.no_agent)),
        ]
    }
}

impl Flags for Sampling {
    fn given(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("agent_interval", self.agent_interval.clone()),
            ("agent_health_interval", self.agent_health_interval.clone()),
            ("agent_cleanup_interval", self.agent_cleanup_interval.clone()),
            ("agent_processes", self.agent_processes.clone()),
            ("agent_services", self.agent_services.clone()),
        ]
    }
}

impl Flags for Logging {
    fn given(&self) -> Vec<(&'static str, Option<String>)> {
        vec![("log", self.log.clone()), ("log_format", self.log_format.clone())]
    }
}

impl Flags for Http {
    fn given(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("cors_origins", self.cors_origins.clone()),
            ("body_bytes_max", self.body_bytes_max.clone()),
            ("websockets_max", self.websockets_max.clone()),
            ("external_labels", self.external_labels.clone()),
            ("trusted_proxies", self.trusted_proxies.clone()),
        ]
    }
}

impl Flags for Store {
    fn given(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("cache_bytes", self.cache_bytes.clone()),
            ("sync_interval", self.sync_interval.clone()),
            ("hang_limit", self.hang_limit.clone()),
            ("audit_interval", self.audit_interval.clone()),
            ("snapshot_interval", self.snapshot_interval.clone()),
            ("snapshots_kept", self.snapshots_kept.clone()),
            ("log_retention", self.log_retention.clone()),
            ("training_history", self.training_history.clone()),
            ("stop_grace", self.stop_grace.clone()),
        ]
    }
}

/// A flag to blame is wrong usage; anything else is bad configuration.
fn failure(error: crate::config::Error) -> Failure {
    let exit = if error.is_usage() { Exit::Usage } else { Exit::Configuration };
    exit.because(error)
}
