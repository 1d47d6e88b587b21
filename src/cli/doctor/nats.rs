//! What NATS must offer: a program to start or a server to reach, JetStream on it, and what it promises.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use super::{Check, checks};
use crate::clock;
use crate::config::{Config, Durability, NatsServer};
use crate::event::wire::SKEW_MAX;
use crate::nats::growth::Growth;
use crate::nats::managed::{self, OLDEST, Version};
use crate::nats::room::{Held, Unit};
use crate::nats::{self, ConnectConfig, ConnectError, Nats, Role, StreamError, StreamStatus};
use crate::run_file::RunFile;
use crate::time::{Span, Timestamp};

/// Clocks further apart than this are worth a word, long before events are rejected.
const SKEW_LOW: Span = Span::from_secs(5);

/// Shares of the stream's bound from which on somebody should act, and from which on producers are about to be refused.
const ROOM_LOW: f64 = 0.80;
const ROOM_HIGH: f64 = 0.95;

/// Hours that are left at which somebody should act.
const HOURS_LOW: f64 = 72.0;

/// How long to try to connect.
const PATIENCE: Duration = Duration::from_secs(3);

/// Every check of the server that is configured or that runs.
pub async fn checks(config: &Config, running: Option<&RunFile>) -> Vec<Check> {
    let NatsServer::Managed { binary, port, durability } = &config.nats.server else {
        return reached(config, "").await;
    };
    let mut found = vec![program(binary.as_deref(), *durability).await];
    match running {
        Some(running) => found.extend(reached(config, &running.nats_url).await),
        None => found.push(checks::port("nats port", SocketAddr::from((Ipv4Addr::LOCALHOST, *port)), None)),
    }
    found
}

/// That the program is there and new enough.
async fn program(binary: Option<&Path>, durability: Durability) -> Check {
    const NAME: &str = "nats-server";
    match managed::find(binary).await {
        Ok((path, version)) => promise(NAME, &path.display().to_string(), version, Some(durability)),
        // Its message holds the way out.
        Err(error) => Check::fail(NAME, "none that can be started", error.to_string()),
    }
}

/// What an acknowledgement of a server of that version survives; `None` where somebody else configures it.
fn promise(name: &'static str, which: &str, version: Version, managed: Option<Durability>) -> Check {
    let (kill, power) = ("a crash of the server loses nothing", "a power cut loses what was not yet synced");
    match managed {
        _ if !version.has_sync_interval() => Check::warn(
            name,
            format!(
                "{which} {version}: {kill}, {power}, up to two minutes: it cannot be told to sync more often; and when its stream is full \
                 it drops the oldest acknowledged messages although it is told to refuse new ones, so that Tidewatch lets it take commands only \
                 before that"
            ),
            "take nats-server 2.10 or newer (2.11 is best), and keep the log below its bound",
        ),
        Some(Durability::Always) => Check::ok(name, format!("{which} {version}: each acknowledgement is synced to disk")),
        Some(Durability::Interval(time)) => Check::ok(name, format!("{which} {version}: {kill}, {power}, at most {time:?}")),
        None => {
            Check::ok(name, format!("{which} {version}: {kill}, {power}: its `sync_interval` decides, two minutes unless set"))
        }
    }
}

/// That the server answers, has JetStream and the stream, and agrees about the time. `managed` is the address of our own.
async fn reached(config: &Config, managed: &str) -> Vec<Check> {
    const NAME: &str = "connection";
    let connection = match ConnectConfig::configured(&config.nats, managed) {
        Ok(connection) => ConnectConfig { name: "tidewatch-doctor".into(), patience: PATIENCE, ..connection },
        Err(error) => return vec![Check::fail(NAME, error.to_string(), "name another with --nats-context or --nats-url")],
    };
    let nats = match nats::connect(connection).await {
        Ok(nats) => nats,
        Err(error @ ConnectError::NoJetStream { .. }) => {
            return vec![Check::fail(
                "jetstream",
                error.to_string(),
                "start the server with `-js`, or enable it for the account",
            )];
        }
        Err(error) => return vec![Check::fail(NAME, error.to_string(), "start the server, or correct --nats-url and --creds")],
    };
    let mut found = vec![Check::ok(NAME, format!("{} answers, JetStream is on", nats.url()))];
    let said = nats.server_version();
    found.push(match Version::parse(&said) {
        Some(version) if version < OLDEST => {
            Check::fail("server version", format!("{version} is too old"), format!("take nats-server {OLDEST} or newer"))
        }
        Some(version) => promise("server version", nats.url(), version, None),
        None => Check::warn("server version", format!("{said:?} is no version"), "see that it is a nats-server"),
    });
    found.extend(stream(&nats).await);
    nats.close().await;
    found
}

/// The input stream, and from its newest message whether the clocks agree.
async fn stream(nats: &Nats) -> Vec<Check> {
    const NAME: &str = "input stream";
    let status = match nats.status(Role::Input).await {
        Ok(status) => status,
        Err(StreamError::Missing { stream }) => {
            return vec![Check::ok(NAME, format!("{stream} is not there yet; `up` makes it"))];
        }
        Err(error) => return vec![Check::warn(NAME, error.to_string(), "see the permissions of the credentials")],
    };
    let newest = nats.get_message(Role::Input, status.last_seq).await.ok().flatten();
    let growth = nats.day_growth(&status, clock::now()).await.ok().flatten();
    vec![room(NAME, &status, growth), skew(newest.map(|message| message.stored_at))]
}

/// How full the stream is, and whether it drops messages by itself.
fn room(name: &'static str, status: &StreamStatus, growth: Option<Growth>) -> Check {
    let StreamStatus { messages, first_seq, last_seq, bytes, .. } = status;
    let fullest = status.held().into_iter().filter_map(|held| Some((held, held.share()?))).max_by(|a, b| a.1.total_cmp(&b.1));
    let bound = match fullest {
        Some((Held { unit, most: Some(most), .. }, share)) => {
            format!("{:.0} % of {most} {}", share * 100.0, unit.shown())
        }
        _ => "without a bound".to_owned(),
    };
    let full_in = growth.and_then(|growth| growth.hours_left(status, None));
    let day = full_in.map_or_else(String::new, |hours| format!(", full in {hours:.0} h at the rate of the last day"));
    let found = format!("{messages} messages, {first_seq} to {last_seq}, {bytes} bytes, {bound}{day}");
    let found = if status.restricted {
        format!(
            "{found}; until there is room it takes commands, outcomes and ticks only, as this server would drop acknowledged messages"
        )
    } else {
        found
    };
    let setting = fullest.map_or(Unit::Bytes, |(held, _)| held.unit).setting();
    let more = format!("raise its {setting} (`nats stream edit`) and give its disk the space");
    let soon = full_in.is_some_and(|hours| hours < HOURS_LOW);
    match fullest.map_or(0.0, |(_, share)| share) {
        share if ROOM_HIGH <= share || status.restricted => Check::fail(name, found, more),
        share if ROOM_LOW <= share || soon => Check::warn(name, found, more),
        _ => match &status.drops {
            Some(settings) => Check::warn(
                name,
                format!("{found}; its settings drop messages ({settings}), which a rebuild cannot bring back"),
                "set it as declared in streams/input.toml, or accept it",
            ),
            None => Check::ok(name, found),
        },
    }
}

/// A server whose newest message is of our future has another clock than we.
fn skew(newest: Option<Timestamp>) -> Check {
    const NAME: &str = "clocks";
    let Some(newest) = newest else { return Check::ok(NAME, "nothing stored yet to compare them by") };
    let ahead = newest - clock::now();
    let found = format!("the server's clock is {:.1} s ahead of ours", ahead.secs_f64());
    let fix = "let NTP set both clocks (`timedatectl set-ntp true`)";
    match ahead {
        ahead if SKEW_MAX < ahead => Check::fail(NAME, found, fix),
        ahead if SKEW_LOW < ahead => Check::warn(NAME, found, fix),
        _ => Check::ok(NAME, "the server's is not ahead of ours"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_stream_is_told_of_when_it_fills_up_or_drops_messages() {
        let status = |bytes, max_bytes, drops: Option<&str>| StreamStatus {
            created: Timestamp::default(),
            first_seq: 1,
            last_seq: 9,
            messages: 9,
            bytes,
            max_bytes,
            max_messages: None,
            restricted: false,
            drops: drops.map(str::to_owned),
        };
        let verdict = |status| room("input stream", &status, None).verdict;
        assert_eq!(verdict(status(79, Some(100), None)), Verdict::Ok);
        assert_eq!(verdict(status(80, Some(100), None)), Verdict::Warn);
        assert_eq!(verdict(status(95, Some(100), None)), Verdict::Fail);
        assert_eq!(verdict(status(1 << 40, None, None)), Verdict::Ok);
        let bounded = StreamStatus { max_messages: Some(10), ..status(1, Some(100), None) };
        assert!(room("input stream", &bounded, None).fix.is_some_and(|fix| fix.contains("max_msgs")), "nine of ten messages");
        assert_eq!(verdict(status(1, Some(100), Some("max_age"))), Verdict::Warn);
        let growth = Growth { messages_per_second: 0.0, bytes_per_second: 0.001 };
        let filling = room("input stream", &status(1, Some(109), None), Some(growth));
        assert!(filling.verdict == Verdict::Warn && filling.found.contains("full in 30 h"), "{}", filling.found);
        let restricted = room("input stream", &StreamStatus { restricted: true, ..status(90, Some(100), None) }, None);
        assert!(restricted.verdict == Verdict::Fail && restricted.found.contains("commands, outcomes and ticks only"));
    }

    #[test]
    fn a_server_that_cannot_sync_in_time_is_said_so() {
        let promised = |version| promise("nats-server", "it", Version::parse(version).unwrap(), Some(Durability::Always));
        let old = promised("2.9.10");
        assert_eq!(old.verdict, Verdict::Warn);
        assert!(old.found.contains("two minutes"), "{}", old.found);
        assert_eq!(promised("2.10.22").verdict, Verdict::Ok);
    }

    #[test]
    fn a_clock_that_is_ahead_is_told_from_one_that_is_not() {
        let ahead = |secs| skew(Some(clock::now() + Span::from_secs(secs))).verdict;
        assert_eq!((ahead(-3_600), ahead(60), ahead(3_600)), (Verdict::Ok, Verdict::Warn, Verdict::Fail));
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_fails_with_the_way_to_get_it() {
        let check = program(Some(Path::new("/nowhere/nats-server")), Durability::Always).await;
        assert_eq!(check.verdict, Verdict::Fail);
        assert!(check.fix.unwrap().contains("apt-get install nats-server"));
    }
}
