//! Text to values. Every reader answers what was expected in a sentence that follows the key's name.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use zeroize::Zeroizing;

use super::{Durability, NatsServer};
use crate::ids::Slug;

/// The most predictions a second the simulator is asked for: one task makes them, one at a time.
const DEMO_RATE_MAX: f64 = 10_000.0;

/// A text that is never shown: its debug form says only that it is there. Its memory is wiped when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

impl Secret {
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Only for the one place that needs it; never for a log, a message or a page.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("must not be empty".into()) } else { Ok(text.into()) }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let named = text.replacen("localhost:", "127.0.0.1:", 1);
    named.parse().map_err(|_| format!("takes an address and a port, as 127.0.0.1:8080, not {text:?}"))
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("takes a port, 0 to 65535, not {text:?}"))
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(format!("takes true or false, not {text:?}")),
    }
}

pub(super) fn slug(text: &str) -> Result<Slug, String> {
    Slug::try_from(text).map_err(|error| format!("must be a subject token: {error}"))
}

/// Predictions a second of the simulator, above 0.
pub fn rate(text: &str) -> Result<f64, String> {
    let rate: Option<f64> = text.parse().ok().filter(|rate| (0.1..=DEMO_RATE_MAX).contains(rate));
    rate.ok_or_else(|| format!("takes predictions a second, 0.1 to {DEMO_RATE_MAX}, not {text:?}"))
}

pub(super) fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("takes a whole number from 0, not {text:?}"))
}

pub(super) fn count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|&count| 0 < count);
    count.ok_or_else(|| format!("takes a whole number from 1, not {text:?}"))
}

/// Shorter than half a second, looking costs more than it tells.
pub(super) fn agent_interval(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        interval if interval < Duration::from_millis(500) => Err(format!("takes at least 500ms, not {text:?}")),
        interval => Ok(interval),
    }
}

/// Texts that are separated by commas; none if there is nothing.
pub(super) fn list(text: &str) -> Result<Vec<String>, String> {
    Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
}

/// As [`list`], of services that the agent can check.
pub(super) fn services(text: &str) -> Result<Vec<String>, String> {
    let services = list(text)?;
    for service in &services {
        service.parse::<crate::machine::host::Service>().map_err(|error| error.to_string())?;
    }
    Ok(services)
}

/// A length of time of at least a millisecond, as `250ms`, `15s`, `2m`, `1h` or `7d`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = match unit.trim() {
        "ms" => Some(1e-3),
        "s" => Some(1.0),
        "m" => Some(60.0),
        "h" => Some(3600.0),
        "d" => Some(86_400.0),
        _ => None,
    };
    let seconds = number.parse::<f64>().ok().zip(scale).map(|(number, scale)| number * scale);
    let duration = seconds.filter(|seconds| (1e-3..=1e9).contains(seconds)).map(Duration::from_secs_f64);
    duration.ok_or_else(|| format!("takes a time such as 250ms, 15s, 2m, 1h or 7d, not {text:?}"))
}

/// A length of time, or `off`.
pub(super) fn interval(text: &str) -> Result<Option<Duration>, String> {
    if text == "off" {
        return Ok(None);
    }
    duration(text).map(Some).map_err(|_| format!("takes a time such as 24h or 1d, or `off`, not {text:?}"))
}

/// A length of time, or `everything`.
pub(super) fn retention(text: &str) -> Result<Option<Duration>, String> {
    if text == "everything" {
        return Ok(None);
    }
    duration(text).map(Some).map_err(|_| format!("takes a time such as 90d, or `everything`, not {text:?}"))
}

/// How many snapshots are kept: one that turns out damaged must not be the only one.
pub(super) fn snapshots(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|&count| (2..=1_000).contains(&count));
    count.ok_or_else(|| format!("takes a whole number, 2 to 1000, not {text:?}"))
}

/// Bytes, as `65536`, `64KiB`, `64MiB` or `1GiB`.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale: Option<u64> = match unit.trim() {
        "" | "B" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    let bytes = number.parse::<u64>().ok().zip(scale).and_then(|(number, scale)| number.checked_mul(scale));
    bytes.filter(|&bytes| 0 < bytes).ok_or_else(|| format!("takes bytes such as 65536, 64KiB or 64MiB, not {text:?}"))
}

/// As [`bytes`], of what fits in memory.
pub(super) fn size(text: &str) -> Result<usize, String> {
    usize::try_from(bytes(text)?).map_err(|_| format!("is more than this machine can address: {text}"))
}

pub(super) fn durability(text: &str) -> Result<Durability, String> {
    let expected = || format!("takes `always` or `interval 100ms`, not {text:?}");
    match text.split_once(' ') {
        None if text == "always" => Ok(Durability::Always),
        Some(("interval", time)) => Ok(Durability::Interval(duration(time.trim()).map_err(|_| expected())?)),
        _ => Err(expected()),
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("takes text or json, not {text:?}")),
    }
}

pub(super) fn filter(text: &str) -> Result<String, String> {
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.into()),
        Err(error) => Err(format!("takes a log filter such as `info` or `warn,tidewatch::nats=debug`: {error}")),
    }
}

pub(super) fn token(text: &str) -> Result<Secret, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Secret::new(text.into()));
    }
    Err("must be visible ASCII characters; `openssl rand -hex 24` makes one".to_owned())
}

pub(super) fn origins(text: &str) -> Result<Vec<String>, String> {
    let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    origins
        .map(|origin| {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            match host {
                Some(host) if !host.is_empty() && !host.contains('/') => Ok(origin.to_owned()),
                _ => Err(format!("takes origins such as https://ops.example.com, not {origin:?}")),
            }
        })
        .collect()
}

/// Labels of Prometheus, as `cluster=eu,environment=test`.
pub(super) fn labels(text: &str) -> Result<Vec<(String, String)>, String> {
    const OURS: [&str; 9] =
        ["model", "model_version", "status", "quantile", "outcome", "kind", "reason", "component", "tidewatch_version"];
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let read = |pair: &str| {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| format!("takes name=value, separated by commas, not {pair:?}"))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty()
            || !name.chars().all(plain)
            || name.starts_with(|c: char| c.is_ascii_digit())
            || name.starts_with("__")
        {
            return Err(format!("a label's name is letters, digits and _, not {name:?}"));
        }
        if OURS.contains(&name) {
            return Err(format!("the label {name} is one of the samples' own"));
        }
        Ok((name.to_owned(), value.to_owned()))
    };
    let labels: Vec<(String, String)> = pairs.map(read).collect::<Result<_, String>>()?;
    let mut names: Vec<&String> = labels.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twice) => Err(format!("the label {} is there twice", twice[0])),
        None => Ok(labels),
    }
}

/// Addresses and networks, such as `10.0.0.0/8`, separated by commas.
pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let read = |part: &str| part.parse().ok().or_else(|| part.parse::<IpAddr>().ok().map(IpNet::from));
    parts
        .map(|part| read(part).ok_or_else(|| format!("takes addresses and networks such as 10.0.0.0/8, not {part:?}")))
        .collect()
}

/// One or several server addresses, separated by commas. Not repeated in the problem, as it may hold a password.
pub(super) fn nats_url(text: &str) -> Result<Secret, String> {
    let good = |address: &str| {
        let (scheme, rest) = address.split_once("://").unwrap_or(("nats", address));
        let host = rest.rsplit('@').next().unwrap_or(rest).trim_end_matches('/');
        let (name, port) = host.rsplit_once(':').unwrap_or((host, "4222"));
        matches!(scheme, "nats" | "tls") && !name.is_empty() && port.parse::<u16>().is_ok()
    };
    if text.split(',').all(|address| good(address.trim())) {
        return Ok(Secret::new(text.into()));
    }
    Err("takes a NATS address such as nats://127.0.0.1:4222".into())
}

pub(super) fn context(name: &str) -> Result<NatsServer, String> {
    if name.contains(['/', '\\']) || name.contains("..") {
        return Err(format!("takes the name of a context, not {name:?}; `nats context ls` lists them"));
    }
    Ok(NatsServer::Context { name: name.into() })
}
