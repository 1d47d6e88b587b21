//! What NATS must offer: a program to start or a server to reach, JetStream on it, and what it promises.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use async_nats::jetstream;

use super::super::publish::connect;
use super::{Check, checks};
use crate::clock;
use crate::config::{Config, Durability, NatsServer, Secret};
use crate::event::Kind;
use crate::ids::Slug;
use crate::run_file::RunFile;
use crate::time::{Span, Timestamp};

/// The oldest server that works; it is what Debian 12 installs.
const OLDEST: [u64; 3] = [2, 9, 10];

/// The first server that takes a `sync_interval`.
const SYNC_INTERVAL_SINCE: [u64; 3] = [2, 10, 0];

/// Events dated further ahead than this are rejected, so clocks must agree better.
const SKEW_MAX: Span = Span::from_secs(300);
const SKEW_LOW: Span = Span::from_secs(5);

/// The longest wait for one answer of the server.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Every check of the server that is configured or that runs.
pub async fn checks(config: &Config, running: Option<&RunFile>) -> Vec<Check> {
    let (binary, port, durability) = match &config.nats.server {
        NatsServer::External { url } => return reached(url, config).await,
        NatsServer::Managed { binary, port, durability } => (binary, *port, *durability),
    };
    let mut found = vec![program(binary, durability)];
    match running {
        Some(running) => found.extend(reached(&Secret::new(running.nats_url.clone()), config).await),
        None => found.push(checks::port("nats port", SocketAddr::from((Ipv4Addr::LOCALHOST, port)), None)),
    }
    found
}

/// That the program is there and new enough.
fn program(binary: &Path, durability: Durability) -> Check {
    const NAME: &str = "nats-server";
    const INSTALL: &str = "install it: `apt-get install nats-server`, `brew install nats-server`, or from https://nats.io/download; or use --nats-url";
    let output = match std::process::Command::new(binary).arg("--version").output() {
        Ok(output) => output,
        Err(error) => return Check::fail(NAME, format!("{} does not start: {error}", binary.display()), INSTALL),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    match version(&said) {
        Some(version) if version < OLDEST => {
            Check::fail(NAME, format!("{} is too old", shown(version)), format!("take {} or newer", shown(OLDEST)))
        }
        Some(version) => promise(NAME, version, Some(durability)),
        None => Check::warn(NAME, format!("{} does not tell its version", binary.display()), "see that it is a nats-server"),
    }
}

/// What an acknowledgement of a server of that version survives; `None` where somebody else configures it.
fn promise(name: &'static str, version: [u64; 3], managed: Option<Durability>) -> Check {
    let (kill, power) = ("a crash of the server loses nothing", "a power cut loses what was not yet synced");
    match managed {
        _ if version < SYNC_INTERVAL_SINCE => Check::warn(
            name,
            format!("{}: {kill}, {power}, up to two minutes: this version cannot sync more often", shown(version)),
            format!("take {} or newer for durability `interval` or `always`", shown(SYNC_INTERVAL_SINCE)),
        ),
        Some(Durability::Always) => Check::ok(name, format!("{}: each acknowledgement is synced to disk", shown(version))),
        Some(Durability::Interval(interval)) => {
            Check::ok(name, format!("{}: {kill}, {power}, at most {interval:?}", shown(version)))
        }
        None => {
            Check::ok(name, format!("{}: {kill}, {power}: its `sync_interval` decides, two minutes unless set", shown(version)))
        }
    }
}

/// That the server answers, has JetStream and the stream, and agrees about the time.
async fn reached(url: &Secret, config: &Config) -> Vec<Check> {
    const CONNECTION: &str = "connection";
    let client = match tokio::time::timeout(TIMEOUT, connect(url.expose(), config)).await {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => {
            return vec![Check::fail(CONNECTION, format!("{error:#}"), "start the server, or mend --nats-url and --creds")];
        }
        Err(_) => {
            return vec![Check::fail(CONNECTION, format!("no answer within {TIMEOUT:?}"), "mend --nats-url or the network")];
        }
    };
    let info = client.server_info();
    let mut found = vec![Check::ok(CONNECTION, format!("{} answers at {}:{}", info.server_name, info.host, info.port))];
    found.push(match version(&info.version) {
        Some(version) if version < OLDEST => {
            Check::fail("server version", format!("{} is too old", shown(version)), format!("take {} or newer", shown(OLDEST)))
        }
        Some(version) => promise("server version", version, None),
        None => Check::warn("server version", format!("{:?} is no version", info.version), "see that it is a nats-server"),
    });
    let log = jetstream::new(client);
    match tokio::time::timeout(TIMEOUT, log.query_account()).await {
        Ok(Ok(account)) => {
            found.push(Check::ok("jetstream", format!("on, {} streams, {} bytes stored", account.streams, account.storage)));
            found.extend(stream(&log, config).await);
        }
        _ => found.push(Check::fail("jetstream", "off", "start the server with `-js`, or enable it for the account")),
    }
    found
}

/// The input stream, and from its newest message whether the clocks agree.
async fn stream(log: &jetstream::Context, config: &Config) -> Vec<Check> {
    const NAME: &str = "input stream";
    let subject = config.nats.root.input(Kind::Tick, &Slug::try_from("doctor").expect("a plain word is a slug"));
    let Ok(name) = log.stream_by_subject(&subject).await else {
        return vec![Check::ok(NAME, "not there yet; `tidewatch up` makes it")];
    };
    let Ok(stream) = log.get_stream(&name).await else {
        return vec![Check::warn(NAME, format!("{name} cannot be read"), "see the permissions of the credentials")];
    };
    let state = &stream.cached_info().state;
    let range = format!("{name} holds {} messages, {} to {}", state.messages, state.first_sequence, state.last_sequence);
    let newest = Timestamp::from_micros(state.last_timestamp.unix_timestamp_nanos().div_euclid(1_000) as i64);
    vec![Check::ok(NAME, range), skew(state.messages, newest)]
}

/// A server whose newest message is of our future has another clock than we.
fn skew(messages: u64, newest: Timestamp) -> Check {
    const NAME: &str = "clocks";
    let ahead = newest - clock::now();
    let found = format!("the server's clock is {:.1} s ahead of ours", ahead.secs_f64());
    let mend = "let NTP set both clocks (`timedatectl set-ntp true`)";
    match ahead {
        _ if messages == 0 => Check::ok(NAME, "nothing stored yet to compare them by"),
        ahead if SKEW_MAX < ahead => Check::fail(NAME, found, mend),
        ahead if SKEW_LOW < ahead => Check::warn(NAME, found, mend),
        _ => Check::ok(NAME, "the server's is not ahead of ours"),
    }
}

/// The first `x.y.z` in a text such as `nats-server: v2.9.10`.
fn version(text: &str) -> Option<[u64; 3]> {
    text.split(|c: char| !c.is_ascii_digit() && c != '.').find_map(|word| {
        let mut parts = word.split('.').map(|part| part.parse().ok());
        Some([parts.next()??, parts.next()??, parts.next()??])
    })
}

fn shown([major, minor, patch]: [u64; 3]) -> String {
    format!("nats-server {major}.{minor}.{patch}")
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_version_is_found_in_what_the_program_says() {
        assert_eq!(version("nats-server: v2.9.10"), Some([2, 9, 10]));
        assert_eq!(version("2.11.0-RC.1"), Some([2, 11, 0]));
        assert_eq!(version("v2"), None);
    }

    #[test]
    fn a_server_that_cannot_sync_in_time_is_said_so() {
        let check = promise("nats-server", [2, 9, 10], Some(Durability::Always));
        assert_eq!(check.verdict, Verdict::Warn);
        assert!(check.found.contains("two minutes"), "{}", check.found);
        assert_eq!(promise("nats-server", [2, 10, 22], Some(Durability::Always)).verdict, Verdict::Ok);
    }

    #[test]
    fn a_program_that_is_not_there_fails_with_the_way_to_get_it() {
        let check = program(Path::new("/nowhere/nats-server"), Durability::Always);
        assert_eq!(check.verdict, Verdict::Fail);
        assert!(check.mend.unwrap().contains("apt-get install nats-server"));
    }
}
