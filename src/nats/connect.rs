//! One connection, kept alive for ever: how to reach the servers, who we are, and what was tried when it fails.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, context::ContextBuilder};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::event::subject::Root;
use crate::nats::cut::KnownCut;
use crate::nats::ingest;
use crate::nats::link::{Forbidden, Link};
use crate::nats::provision::Role;
use crate::nats::room::Room;
use crate::nats::stream::{StreamError, api};
use crate::telemetry;

/// How long one request of the JetStream API may take. Short: after a restart of the server the next try is what helps.
pub(crate) const API_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest wait between two tries to reconnect: a restarted server is found again within it.
const RECONNECT_DELAY_MAX: Duration = Duration::from_millis(500);
/// A connection that answers none of two pings is dead: seen after 3 × 5 s, also when a frozen host holds the socket open.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// Where the servers are and who we are.
#[derive(Clone)]
pub struct ConnectConfig {
    /// Such as `nats://127.0.0.1:4222`; at least one. A user and password in a URL, percent-encoded or not, or a token before the `@`, are
    /// used where `auth` names nobody, and never shown.
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
#[derive(Clone, Default, PartialEq)]
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
    /// Where replies come.
    inbox: Arc<str>,
    link: watch::Receiver<Link>,
    room: Arc<Room>,
    cut: Arc<KnownCut>,
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
        "there is a NATS server at {url}, and TLS with it fails; name the authority that signed its certificate (`ca`), and a certificate of \
         ours if it wants one (`cert` and `key`), in a context of the `nats` command line (--nats-context), or the authority in SSL_CERT_FILE"
    )]
    Tls {
        url: String,
        #[source]
        source: async_nats::ConnectError,
    },
    #[error(
        "the addresses of NATS name different users or passwords; one user reads and writes the log, whichever server it is on"
    )]
    SeveralUsers,
    #[error("{0}")]
    Forbidden(#[from] Forbidden),
    #[error(
        "the NATS server at {url} has no JetStream for this account ({detail}); start it with `nats-server -js` or enable it"
    )]
    NoJetStream { url: String, detail: String },
    #[error("the NATS server at {url} does not answer for JetStream ({detail}); see its log, it may still be starting")]
    Silent { url: String, detail: String },
}

impl ConnectConfig {
    /// A plain connection to `urls`, with 10 s of patience.
    pub fn new(urls: Vec<String>, root: Root) -> Self {
        let patience = Duration::from_secs(10);
        let name = "tidewatch".to_owned();
        Self { urls, auth: Auth::None, tls: Tls::default(), inbox_prefix: None, name, root, patience }
    }
}

/// Shows no secret.
impl fmt::Debug for ConnectConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls: Vec<String> = self.urls.iter().map(|url| without_secrets(url)).collect();
        f.debug_struct("ConnectConfig")
            .field("urls", &urls)
            .field("auth", &self.auth)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// Connects, and makes sure that JetStream answers. Tries for `config.patience`; refused credentials end it at once.
pub async fn connect(config: ConnectConfig) -> Result<Nats, ConnectError> {
    let (servers, auth) = parse_urls(&config.urls)?;
    let auth = if config.auth == Auth::None { auth } else { config.auth.clone() };
    let url: Arc<str> = config.urls.iter().map(|url| without_secrets(url)).collect::<Vec<_>>().join(",").into();
    let (link_tx, link) = watch::channel(Link::default());
    let link_tx = Arc::new(link_tx);
    let started = Instant::now();
    let mut attempts = 0;
    let client = loop {
        attempts += 1;
        let source = match options(&config, &auth, link_tx.clone()).await?.connect(&servers).await {
            Ok(client) => break client,
            Err(source) => source,
        };
        let url = url.to_string();
        match source.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                return Err(ConnectError::Refused { url, source });
            }
            _ if config.patience <= started.elapsed() && is_tls(&source) => return Err(ConnectError::Tls { url, source }),
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
    let inbox = config.inbox_prefix.as_deref().unwrap_or("_INBOX").into();
    let nats = Nats { client, jetstream, root: config.root, url, inbox, link, room: Arc::default(), cut: Arc::default() };
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

    /// What is known of the room in the input stream.
    pub fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// What is known of the beginning of the log that was cut off.
    pub(super) fn cut(&self) -> &KnownCut {
        &self.cut
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

    /// Complaints of the server so far: to be remembered before something is asked for.
    pub(crate) fn complained(&self) -> u64 {
        self.link.borrow().complained()
    }

    /// Returns once the server says that we may not use `subject`, or not read replies. `since`: [`Self::complained`] before it was used.
    pub(crate) async fn forbidden(&self, subject: &str, since: u64) -> Forbidden {
        let mut link = self.link();
        let found = link.wait_for(|link| link.violation(&self.inbox, |text| text.contains(subject), since).is_some()).await;
        match found.ok().and_then(|link| link.violation(&self.inbox, |text| text.contains(subject), since)) {
            Some(forbidden) => forbidden,
            // the connection is closed for good: nothing will be said any more
            None => std::future::pending().await,
        }
    }

    /// What the server has refused since then of what reading takes: a subject of the JetStream API, or replies.
    pub(crate) fn forbidden_to_read(&self, since: u64) -> Option<Forbidden> {
        self.link.borrow().violation(&self.inbox, |text| text.contains("\"$JS.API."), since)
    }

    /// Asks for the input stream, which needs no right that reading does not need: whether it is there does not matter.
    async fn require_jetstream(&self, deadline: Instant) -> Result<(), ConnectError> {
        let input = Role::Input.stream_name(&self.root);
        loop {
            // Only whether it answers: the library cannot read all of what a 2.9 server says.
            let error = match api::<_, IgnoredAny>(self, &input, "STREAM.INFO", &()).await {
                Ok(_) | Err(StreamError::Missing { .. }) => return Ok(()),
                Err(StreamError::Forbidden { forbidden, .. }) => return Err(forbidden.into()),
                Err(error) => error,
            };
            if deadline <= Instant::now() {
                let (url, detail) = (self.url.to_string(), telemetry::chain(&error).to_string());
                return Err(match error {
                    StreamError::NoAnswer { nobody: false, .. } => ConnectError::Silent { url, detail },
                    _ => ConnectError::NoJetStream { url, detail },
                });
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

async fn options(config: &ConnectConfig, auth: &Auth, link: Arc<watch::Sender<Link>>) -> Result<ConnectOptions, ConnectError> {
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
    options = match auth {
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
        async_nats::Event::Connected => link.send_modify(Link::begin),
        async_nats::Event::ServerError(error) => {
            warn!(%error, "the NATS server complains");
            link.send_modify(|link| link.complain(error.to_string()));
        }
        async_nats::Event::Disconnected => {
            telemetry::NATS_DISCONNECTS.add(1);
            warn!("the connection to NATS was lost");
        }
        other => info!(event = %other, "NATS connection"),
    }
}

/// Whether a server answered that TLS cannot be agreed on with: rustls tells of that as of data that is not valid.
fn is_tls(error: &async_nats::ConnectError) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    error.kind() == ConnectErrorKind::Tls || source.is_some_and(|source| source.kind() == std::io::ErrorKind::InvalidData)
}

/// 10 ms, doubling, at most [`RECONNECT_DELAY_MAX`].
fn reconnect_delay(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts).unwrap_or(u32::MAX).min(8);
    Duration::from_millis(10 << doublings).min(RECONNECT_DELAY_MAX)
}

/// The addresses without what must not be shown, as the client library shows them in its log; and who we are by them.
fn parse_urls(urls: &[String]) -> Result<(Vec<ServerAddr>, Auth), ConnectError> {
    if urls.is_empty() {
        return Err(ConnectError::NoUrl);
    }
    let mut servers = Vec::with_capacity(urls.len());
    let mut auth = Auth::None;
    for url in urls {
        let shown = without_secrets(url);
        servers.push(shown.parse().map_err(|source| ConnectError::BadUrl { url: shown, source })?);
        match (auth_of(url), &auth) {
            (Auth::None, _) => {}
            (named, Auth::None) => auth = named,
            (named, known) if named == *known => {}
            _ => return Err(ConnectError::SeveralUsers),
        }
    }
    Ok((servers, auth))
}

/// Who a URL names: a user and a password, or a token alone.
fn auth_of(url: &str) -> Auth {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    match rest.rsplit_once('@').map(|(named, _)| named.split_once(':').ok_or(named)) {
        None | Some(Err("")) => Auth::None,
        Some(Err(token)) => Auth::Token(decoded(token)),
        Some(Ok((user, password))) => Auth::User { user: decoded(user), password: decoded(password) },
    }
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
    fn who_we_are_is_taken_from_the_address_and_the_library_never_sees_it() {
        let user = |user: &str, password: &str| Auth::User { user: user.to_owned(), password: password.to_owned() };
        for (url, auth) in [
            ("nats://host:4222", Auth::None),
            ("nats://all:pw@host:4222", user("all", "pw")),
            ("all:pw@host", user("all", "pw")),
            ("tls://me%40corp:s3c%3Aret%2F@host:4222", user("me@corp", "s3c:ret/")),
            ("nats://me:p@ss#w:rd/@host:4222", user("me", "p@ss#w:rd/")),
            ("nats://s3cr3t-token@host:4222", Auth::Token("s3cr3t-token".to_owned())),
            ("nats://@host:4222", Auth::None),
        ] {
            let (servers, found) = parse_urls(&[url.to_owned()]).unwrap();
            assert!(found == auth, "{url}: {found:?}");
            assert!(!servers[0].has_user_pass() && servers[0].host() == "host", "{url}: {servers:?}");
        }
        let cluster = |urls: [&str; 2]| parse_urls(&urls.map(str::to_owned));
        assert!(cluster(["nats://a:b@one", "nats://two"]).unwrap().1 == user("a", "b"));
        assert!(cluster(["nats://a:b@one", "nats://a:b@two"]).unwrap().1 == user("a", "b"));
        assert!(matches!(cluster(["nats://a:b@one", "nats://a:c@two"]), Err(ConnectError::SeveralUsers)));
        let bad = parse_urls(&["nats://me:s3cret@host:port".to_owned()]).unwrap_err();
        assert!(!format!("{bad:?}").contains("s3cret"), "{bad:?}");
        let root = Root::new(crate::ids::Slug::try_from("tw").unwrap());
        let config = ConnectConfig::new(vec!["nats://me:s3cret@host".to_owned()], root);
        assert!(!format!("{config:?}").contains("s3cret"), "{config:?}");
    }

    #[test]
    fn the_wait_between_two_tries_grows_and_stays_bounded() {
        assert_eq!(reconnect_delay(0), Duration::from_millis(10));
        assert_eq!(reconnect_delay(3), Duration::from_millis(80));
        assert_eq!(reconnect_delay(usize::MAX), RECONNECT_DELAY_MAX);
    }
}
