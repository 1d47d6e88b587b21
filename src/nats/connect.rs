//! One connection, kept alive for ever: how to reach the servers, who we are, and what was tried when it fails.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, context::ContextBuilder, response::Response};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, ServerAddr};
use serde::de::IgnoredAny;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::event::subject::Root;
use crate::nats::ingest;
use crate::telemetry;

/// How long one request of the JetStream API may take. Short: after a restart of the server the next try is what helps.
pub(crate) const API_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest wait between two tries to reconnect: a restarted server is found again within it.
const RECONNECT_DELAY_MAX: Duration = Duration::from_millis(500);
/// A connection that answers none of two pings is dead: seen after 3 × 5 s, also when a frozen host holds the socket open.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// Where the servers are and who we are.
#[derive(Clone, Debug)]
pub struct ConnectConfig {
    /// Such as `nats://127.0.0.1:4222`; at least one. A user and password in a URL are used and never shown.
    pub urls: Vec<String>,
    pub auth: Auth,
    pub tls: Tls,
    /// A private prefix for replies, where permissions ask for one.
    pub inbox_prefix: Option<String>,
    /// Shown in the server's list of connections.
    pub name: String,
    pub root: Root,
    /// How long to try before the first connection is given up; afterwards reconnecting never is.
    pub patience: Duration,
}

/// Who we are. Files are read when connecting.
#[derive(Clone, Default)]
pub enum Auth {
    #[default]
    None,
    User {
        user: String,
        password: String,
    },
    Token(String),
    /// A file that holds an nkey seed (`SU…`).
    Nkey(PathBuf),
    /// A `.creds` file: JWT and seed.
    Creds(PathBuf),
}

/// What TLS needs beyond the system's roots; a `tls://` URL alone asks for it too.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// PEM file of the authority that signed the server's certificate.
    pub ca: Option<PathBuf>,
    /// PEM files of our certificate and its key; both or neither.
    pub client: Option<(PathBuf, PathBuf)>,
    /// Handshake before the server's greeting.
    pub first: bool,
}

/// The connection. Cheap to clone; every clone shares it.
#[derive(Clone)]
pub struct Nats {
    client: Client,
    jetstream: jetstream::Context,
    root: Root,
    url: Arc<str>,
    link: watch::Receiver<Link>,
}

/// What the connection last reported.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    /// How many times a connection was made: another number means that pull requests and replies may be lost.
    pub(crate) generation: u64,
    /// The server's last complaint, such as a permissions violation.
    pub(crate) complaint: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("no NATS URL was given; use --nats-url nats://HOST:4222, or leave it out to let tidewatch start a server")]
    NoUrl,
    #[error("{url:?} is not a NATS URL such as nats://127.0.0.1:4222")]
    BadUrl {
        url: String,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot read {what} {path:?}; check the path and its permissions")]
    Secret {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the NATS server at {url} refused our credentials; check user, token, nkey or creds (`nats --server {url} rtt`)")]
    Refused {
        url: String,
        #[source]
        source: async_nats::ConnectError,
    },
    #[error(
        "no NATS server at {url}, tried {attempts} times in {:.1} s; start one there, check the address, or leave \
         --nats-url out to let tidewatch start its own", waited.as_secs_f64()
    )]
    Unreachable {
        url: String,
        attempts: u32,
        waited: Duration,
        #[source]
        source: async_nats::ConnectError,
    },
    #[error(
        "the NATS server at {url} has no JetStream for this account ({detail}); start it with `nats-server -js` or enable it"
    )]
    NoJetStream { url: String, detail: String },
}

impl ConnectConfig {
    /// A plain connection to `urls`, with 10 s of patience.
    pub fn new(urls: Vec<String>, root: Root) -> Self {
        let patience = Duration::from_secs(10);
        let name = "tidewatch".to_owned();
        Self { urls, auth: Auth::None, tls: Tls::default(), inbox_prefix: None, name, root, patience }
    }
}

/// Connects, and makes sure that JetStream answers. Tries for `config.patience`; refused credentials end it at once.
pub async fn connect(config: ConnectConfig) -> Result<Nats, ConnectError> {
    let servers = parse_urls(&config.urls)?;
    let url: Arc<str> = config.urls.iter().map(|url| without_secrets(url)).collect::<Vec<_>>().join(",").into();
    let (link_tx, link) = watch::channel(Link::default());
    let link_tx = Arc::new(link_tx);
    let started = Instant::now();
    let mut attempts = 0;
    let client = loop {
        attempts += 1;
        let source = match options(&config, link_tx.clone()).await?.connect(&servers).await {
            Ok(client) => break client,
            Err(source) => source,
        };
        let url = url.to_string();
        match source.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                return Err(ConnectError::Refused { url, source });
            }
            _ if config.patience <= started.elapsed() => {
                return Err(ConnectError::Unreachable { url, attempts, waited: started.elapsed(), source });
            }
            _ => tokio::time::sleep(reconnect_delay(attempts as usize)).await,
        }
    };
    // The first "connected" is reported a moment later; after this, another one means a new connection.
    let mut reported = link.clone();
    if tokio::time::timeout(API_TIMEOUT, reported.wait_for(|link| link.generation != 0)).await.is_err() {
        debug!("the first connection was not reported");
    }
    let jetstream = ContextBuilder::new().timeout(API_TIMEOUT).build(client.clone());
    let nats = Nats { client, jetstream, root: config.root, url, link };
    nats.require_jetstream(started + config.patience.max(API_TIMEOUT)).await?;
    info!(url = nats.url(), version = nats.server_version(), "connected to NATS");
    Ok(nats)
}

impl Nats {
    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn jetstream(&self) -> &jetstream::Context {
        &self.jetstream
    }

    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Where we connected to, without any password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Such as `2.9.10`.
    pub fn server_version(&self) -> String {
        self.client.server_info().version
    }

    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// Changes whenever a connection is made or the server complains.
    pub(crate) fn link(&self) -> watch::Receiver<Link> {
        self.link.clone()
    }

    pub(crate) fn link_generation(&self) -> u64 {
        self.link.borrow().generation
    }

    /// Sends what is buffered and closes; later publishes fail. For a clean stop.
    pub async fn close(&self) {
        if let Err(error) = self.client.drain().await {
            warn!(%error, "the NATS connection was closed without draining");
        }
    }

    async fn require_jetstream(&self, deadline: Instant) -> Result<(), ConnectError> {
        loop {
            // Only whether it answers: the library cannot read the account of a 2.9 server.
            let detail = match self.jetstream.request("INFO", &()).await {
                Ok(Response::Ok::<IgnoredAny>(_)) => return Ok(()),
                Ok(Response::Err { error }) => error.to_string(),
                Err(error) => error.to_string(),
            };
            if deadline <= Instant::now() {
                return Err(ConnectError::NoJetStream { url: self.url.to_string(), detail });
            }
            tokio::time::sleep(RECONNECT_DELAY_MAX).await;
        }
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Never shows a secret.
impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::User { user, .. } => write!(f, "User({user})"),
            Self::Token(_) => f.write_str("Token"),
            Self::Nkey(path) => write!(f, "Nkey({path:?})"),
            Self::Creds(path) => write!(f, "Creds({path:?})"),
        }
    }
}

async fn options(config: &ConnectConfig, link: Arc<watch::Sender<Link>>) -> Result<ConnectOptions, ConnectError> {
    let mut options = ConnectOptions::new()
        .name(&config.name)
        .ping_interval(PING_INTERVAL)
        .request_timeout(Some(API_TIMEOUT))
        .subscription_capacity(ingest::WAITING_MESSAGES_MAX)
        .max_reconnects(None)
        .reconnect_delay_callback(reconnect_delay)
        .event_callback(move |event| {
            note(&link, &event);
            std::future::ready(())
        });
    options = match &config.auth {
        Auth::None => options,
        Auth::User { user, password } => options.user_and_password(user.clone(), password.clone()),
        Auth::Token(token) => options.token(token.clone()),
        Auth::Nkey(path) => options.nkey(read_seed(path)?),
        Auth::Creds(path) => options.credentials_file(path).await.map_err(|source| ConnectError::Secret {
            what: "the credentials file",
            path: path.clone(),
            source,
        })?,
    };
    if let Some(ca) = &config.tls.ca {
        options = options.add_root_certificates(ca.clone()).require_tls(true);
    }
    if let Some((cert, key)) = &config.tls.client {
        options = options.add_client_certificate(cert.clone(), key.clone()).require_tls(true);
    }
    if config.tls.first {
        options = options.tls_first();
    }
    if let Some(prefix) = &config.inbox_prefix {
        options = options.custom_inbox_prefix(prefix);
    }
    Ok(options)
}

fn note(link: &watch::Sender<Link>, event: &async_nats::Event) {
    match event {
        async_nats::Event::Connected => link.send_modify(|link| link.generation += 1),
        async_nats::Event::ServerError(error) => {
            warn!(%error, "the NATS server complains");
            link.send_modify(|link| link.complaint = Some(error.to_string()));
        }
        async_nats::Event::Disconnected => {
            telemetry::NATS_DISCONNECTS.add(1);
            warn!("the connection to NATS was lost");
        }
        other => info!(event = %other, "NATS connection"),
    }
}

/// 10 ms, doubling, at most [`RECONNECT_DELAY_MAX`].
fn reconnect_delay(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts).unwrap_or(u32::MAX).min(8);
    Duration::from_millis(10 << doublings).min(RECONNECT_DELAY_MAX)
}

fn parse_urls(urls: &[String]) -> Result<Vec<ServerAddr>, ConnectError> {
    if urls.is_empty() {
        return Err(ConnectError::NoUrl);
    }
    urls.iter().map(|url| url.parse().map_err(|source| ConnectError::BadUrl { url: without_secrets(url), source })).collect()
}

fn read_seed(path: &PathBuf) -> Result<String, ConnectError> {
    let failed = |source| ConnectError::Secret { what: "the nkey seed", path: path.clone(), source };
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let seed = text.lines().map(str::trim).find(|line| line.starts_with('S'));
    let seed = seed.ok_or_else(|| failed(std::io::Error::other("it holds no line that starts with S")))?;
    Ok(seed.to_owned())
}

/// `nats://user:pass@host` without the part before the `@`.
fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    if scheme.is_empty() { host.to_owned() } else { format!("{scheme}://{host}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        assert_eq!(without_secrets("nats://me:s3cret@host:4222"), "nats://host:4222");
        assert_eq!(without_secrets("me:s3cr@t@host"), "host");
        assert_eq!(without_secrets("tls://host:4222"), "tls://host:4222");
    }

    #[test]
    fn the_wait_between_two_tries_grows_and_stays_bounded() {
        assert_eq!(reconnect_delay(0), Duration::from_millis(10));
        assert_eq!(reconnect_delay(3), Duration::from_millis(80));
        assert_eq!(reconnect_delay(usize::MAX), RECONNECT_DELAY_MAX);
    }
}
