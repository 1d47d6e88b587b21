//! One [`Config`]: defaults, then the TOML file, then `TIDEWATCH_…` in the environment, then flags; parsed and validated whole
//! before anything starts. Each key and its default stand once, in [`KEYS`]. Knows nothing of what a setting is used for.

mod layers;
mod tables;
mod value;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use layers::{Error, Fault, Flag, Layers, Origin, Setting, meant_env, secret_env};
pub use value::{LogFormat, Secret, duration, rate};

use ipnet::IpNet;

use crate::event::subject::Root;

/// Everything a process is told at start. What changes the core's behaviour is not here but an event.
#[derive(Clone, Debug)]
pub struct Config {
    /// Holds the store, the admin token and `run.json`.
    pub data: PathBuf,
    /// Where HTTP and WebSocket listen; port 0 picks a free one.
    pub listen: SocketAddr,
    pub nats: Nats,
    /// `None`: no simulator.
    pub demo: Option<Demo>,
    /// Where what cannot be sent waits.
    pub spool: PathBuf,
    /// `None`: this host is not sampled.
    pub agent: Option<Agent>,
    /// The admin token to accept beside the one in the data directory; `None` mints one on first start.
    pub token: Option<Secret>,
    pub log: Log,
    pub http: Http,
    pub store: Store,
    pub snapshots: Snapshots,
    pub log_retention: LogRetention,
    /// How long a stop may take before the process names who held on and exits 1.
    pub stop_grace: Duration,
}

/// Where the log lives.
#[derive(Clone, Debug)]
pub struct Nats {
    /// The first token of every subject.
    pub root: Root,
    pub server: NatsServer,
    /// A `.creds` file for the connection.
    pub creds: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum NatsServer {
    /// Somebody runs it; none is started. One or several addresses, separated by commas.
    External { url: Secret },
    /// As [`Self::External`], where a context of the `nats` command line says.
    Context { name: String },
    /// A child process of ours, listening on 127.0.0.1, its log under the data directory. Without `binary` it is searched for.
    Managed { binary: Option<PathBuf>, port: u16, durability: Durability },
}

/// What a PubAck of the managed server survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Synced to disk on this timer: a crash of the process loses nothing, a power cut at most this much.
    Interval(Duration),
    /// Synced before each acknowledgement: a power cut loses nothing; some hundred to a few thousand messages a second.
    Always,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demo {
    /// Predictions a second, all models together.
    pub rate: f64,
    pub seed: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Agent {
    /// Between two samples of this host.
    pub interval: Duration,
    /// Between two checks of the services.
    pub health_interval: Duration,
    /// Between two times that what waits in the spool is tried again.
    pub cleanup_interval: Duration,
    /// Names of processes whose figures are told.
    pub processes: Vec<String>,
    /// Services that are checked, as `machine::host::Service` reads them.
    pub services: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// Directives of `tracing_subscriber::EnvFilter`.
    pub filter: String,
    pub format: LogFormat,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Http {
    /// Origins whose pages may call the API with a token; empty turns CORS off.
    pub cors_origins: Vec<String>,
    /// The largest request body in bytes.
    pub body_bytes_max: usize,
    pub websockets_max: usize,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Labels of every sample that Prometheus scrapes, by name.
    pub external_labels: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// Bytes of sled's page cache.
    pub cache_bytes: u64,
    /// Between two syncs of the store to disk.
    pub sync_interval: Duration,
    /// How long nothing may go on with a batch that is in hand, before the process ends.
    pub hang_limit: Duration,
    /// Between two times that all rows are added up.
    pub audit_interval: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Snapshots {
    /// Between two that are taken by the process itself; `None`: only when asked.
    pub interval: Option<Duration>,
    /// The newest that are kept.
    pub kept: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct LogRetention {
    /// How old messages of the log are at most before they may go; `None`: all are kept.
    pub keep: Option<Duration>,
    /// What of the log is kept in any case, for whoever wants to learn from it.
    pub training_history: Duration,
}

/// One setting: its name in the file (`listen`), from which the environment (`TIDEWATCH_LISTEN`) and the flag (`--listen`) follow.
pub struct Key {
    pub name: &'static str,
    /// As it would be written; empty means unset.
    pub default: &'static str,
    /// What it is and why the default is what it is.
    pub why: &'static str,
    /// Never shown.
    pub secret: bool,
}

/// Every key there is.
pub const KEYS: &[Key] = &[
    key("data", ".tidewatch", "data directory; beside where you stand, so that deleting it resets everything"),
    key("listen", "127.0.0.1:8080", "HTTP and WebSocket; loopback, because nothing should listen to the world unasked"),
    key("root", "tw", "first token of every subject"),
    secret("nats_url", "", "use this NATS server and start none"),
    key("nats_context", "", "use the server and credentials of this context of the `nats` command line"),
    key("nats_port", "4222", "port of the managed server; the usual one, so that `nats pub` finds it; 0 picks a free one"),
    key("nats_server", "", "program of the managed server; searched for in PATH and where packages put it"),
    key("creds", "", "credentials file for the NATS connection"),
    key(
        "durability",
        "interval 100ms",
        "what an acknowledgement of the managed server survives: `always` or `interval <time>`; 100ms costs nothing measurable",
    ),
    key(
        "demo",
        "",
        "simulate four models and twenty servers; on unless nats_url or nats_context is given, as that server is somebody's",
    ),
    key("demo_rate", "40", "simulated predictions a second; lively charts at about 1 % of a core"),
    key("demo_seed", "1", "the same seed tells the same story"),
    key(
        "spool",
        "",
        "directory of what the agent and `tidewatch run` could not send yet, 64 MiB at most; `spool` in the data directory",
    ),
    key("agent", "true", "sample this host"),
    key("agent_interval", "15s", "between two samples of this host, at least 500ms; 15 s as requirement D5 has it"),
    key("agent_health_interval", "60s", "between two checks of agent_services; a minute as requirement D5 has it"),
    key("agent_cleanup_interval", "5m", "between two times that the spool is looked at; five minutes as requirement D5 has it"),
    key("agent_processes", "", "names of processes whose processor time and memory are told, separated by commas"),
    key(
        "agent_services",
        "",
        "services to check, separated by commas: NAME=process:NAME, NAME=unit:UNIT, NAME=tcp:HOST:PORT or NAME=http://HOST/PATH; in the file also \
         tables [[agent.service]]",
    ),
    secret("token", "", "admin token; minted into the data directory when unset"),
    key("log", "info", "log filter, as `info` or `warn,tidewatch::nats=debug`"),
    key("log_format", "text", "`text` for people, `json` for machines"),
    key(
        "cors_origins",
        "",
        "origins whose pages may call the API, separated by commas; off, as the dashboard is of one origin",
    ),
    key("body_bytes_max", "8MiB", "largest request body; one NATS message holds 1 MiB, a batch upload several"),
    key("websockets_max", "1024", "WebSocket connections at once; beyond, 503"),
    key(
        "external_labels",
        concat!("cluster=tidewatch,environment=production,version=", env!("CARGO_PKG_VERSION")),
        "labels of every sample of /api/prometheus/metrics, as requirement D17 has them; name=value, separated by commas",
    ),
    key(
        "trusted_proxies",
        "",
        "addresses or networks of proxies whose X-Forwarded-For says who a client is, separated by commas; none, as anybody can write it",
    ),
    key("cache_bytes", "16MiB", "page cache of the store; the working set is in memory, so more buys little"),
    key("sync_interval", "1s", "between two syncs of the store; the log rebuilds what a crash takes back"),
    key(
        "hang_limit",
        "120s",
        "a batch with which nothing goes on for so long ends the process, to be started again; the longest step known takes some seconds",
    ),
    key(
        "audit_interval",
        "24h",
        "between two times that all rows of the store are added up and compared with its commits; a day, as it reads the whole store",
    ),
    key(
        "snapshot_interval",
        "24h",
        "between two snapshots of the store, or `off`; a rebuild begins with the newest and reads the log after it",
    ),
    key("snapshots_kept", "7", "newest snapshots that are kept, at least 2; what they have in common is stored once"),
    key(
        "log_retention",
        "everything",
        "how long messages of the log are kept, such as 90d, or `everything`; they go only when two snapshots no longer need them",
    ),
    key("training_history", "30d", "what of the log is kept whatever log_retention says, for retraining"),
    key("stop_grace", "9s", "longest stop; below the 10 s after which supervisors kill"),
];

const fn key(name: &'static str, default: &'static str, why: &'static str) -> Key {
    Key { name, default, why, secret: false }
}

const fn secret(name: &'static str, default: &'static str, why: &'static str) -> Key {
    Key { name, default, why, secret: true }
}

impl Config {
    /// Resolves the layers into a configuration.
    ///
    /// Errors: everything that is wrong, each with the line and column, variable or flag it came from.
    pub fn resolve(layers: &Layers) -> Result<Self, Error> {
        let (mut rest, mut faults) = (layers.clone(), layers.faults.clone());
        // a key that cannot be read is taken for unset, until the rest has been read too
        loop {
            match Self::of(&rest) {
                Ok(config) if faults.is_empty() => return Ok(config),
                Ok(_) => return Err(Error::Faults(Fault::in_order(faults))),
                Err(fault) => {
                    fault.keys().into_iter().flatten().for_each(|key| rest.reset(key));
                    faults.push(fault);
                }
            }
        }
    }

    /// Errors: the first fault that is met.
    fn of(layers: &Layers) -> Result<Self, Fault> {
        let external = layers.get("nats_url").is_set() || layers.get("nats_context").is_set();
        let data = layers.parse("data", value::path)?;
        Ok(Self {
            spool: layers.parse_set("spool", value::path)?.unwrap_or_else(|| data.join("spool")),
            data,
            listen: layers.parse("listen", value::address)?,
            nats: nats(layers)?,
            demo: layers.parse_or("demo", !external, value::switch)?.then_some(()).map(|()| demo(layers)).transpose()?,
            agent: match layers.parse("agent", value::switch)? {
                true => Some(Agent {
                    interval: layers.parse("agent_interval", value::agent_interval)?,
                    health_interval: layers.parse("agent_health_interval", value::duration)?,
                    cleanup_interval: layers.parse("agent_cleanup_interval", value::duration)?,
                    processes: layers.parse("agent_processes", value::list)?,
                    services: layers.parse("agent_services", value::services)?,
                }),
                false => None,
            },
            token: layers.parse_set("token", value::token)?,
            log: Log { filter: layers.parse("log", value::filter)?, format: layers.parse("log_format", value::log_format)? },
            http: Http {
                cors_origins: layers.parse("cors_origins", value::origins)?,
                body_bytes_max: layers.parse("body_bytes_max", value::size)?,
                websockets_max: layers.parse("websockets_max", value::count)?,
                external_labels: layers.parse("external_labels", value::labels)?,
                trusted_proxies: layers.parse("trusted_proxies", value::networks)?,
            },
            store: Store {
                cache_bytes: layers.parse("cache_bytes", value::bytes)?,
                sync_interval: layers.parse("sync_interval", value::duration)?,
                hang_limit: layers.parse("hang_limit", value::duration)?,
                audit_interval: layers.parse("audit_interval", value::duration)?,
            },
            snapshots: Snapshots {
                interval: layers.parse("snapshot_interval", value::interval)?,
                kept: layers.parse("snapshots_kept", value::snapshots)?,
            },
            log_retention: LogRetention {
                keep: layers.parse("log_retention", value::retention)?,
                training_history: layers.parse("training_history", value::duration)?,
            },
            stop_grace: layers.parse("stop_grace", value::duration)?,
        })
    }
}

fn demo(layers: &Layers) -> Result<Demo, Fault> {
    Ok(Demo { rate: layers.parse("demo_rate", value::rate)?, seed: layers.parse("demo_seed", value::seed)? })
}

fn nats(layers: &Layers) -> Result<Nats, Fault> {
    for (one, other) in [("nats_url", "nats_context"), ("nats_url", "nats_port"), ("nats_context", "nats_port")] {
        layers.not_both(one, other)?;
    }
    let root = Root::new(layers.parse("root", value::slug)?);
    let creds = layers.parse_set("creds", value::path)?;
    let external = layers.parse_set("nats_url", value::nats_url)?.map(|url| NatsServer::External { url });
    let server = match external.or(layers.parse_set("nats_context", value::context)?) {
        Some(server) => server,
        None => NatsServer::Managed {
            binary: layers.parse_set("nats_server", value::path)?,
            port: layers.parse("nats_port", value::port)?,
            durability: layers.parse("durability", value::durability)?,
        },
    };
    Ok(Nats { root, server, creds })
}

#[cfg(test)]
mod tests;
