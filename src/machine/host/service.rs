//! Services: whether each is up, and how long it took to say so.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::Metrics;
use super::chosen::{is_named, pids};

/// A service that has said nothing for so long is down.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a service is asked by.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Probe {
    /// A process of that name runs.
    Process(String),
    /// A unit of systemd has processes.
    Unit(String),
    /// Somebody listens at `host:port`.
    Tcp(String),
    /// `GET` of an `http://` address answers with less than 400.
    Http { address: String, path: String },
}

/// A service and how it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    name: String,
    probe: Probe,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a service is written as NAME=process:NAME, NAME=unit:UNIT, NAME=tcp:HOST:PORT or NAME=http://HOST[:PORT]/PATH, not {0:?}"
)]
pub struct BadService(String);

impl FromStr for Service {
    type Err = BadService;
    fn from_str(text: &str) -> Result<Self, BadService> {
        let bad = || BadService(text.to_owned());
        let (name, probe) = text.split_once('=').ok_or_else(bad)?;
        let (name, probe) = (name.trim(), probe.trim());
        let (kind, what) = probe.split_once(':').filter(|(_, what)| !what.is_empty()).ok_or_else(bad)?;
        let probe = match kind {
            "process" => Probe::Process(what.into()),
            "unit" => Probe::Unit(what.into()),
            "tcp" if what.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) => Probe::Tcp(what.into()),
            "http" => {
                let rest = what.strip_prefix("//").filter(|rest| !rest.is_empty()).ok_or_else(bad)?;
                let (host, path) =
                    rest.split_once('/').map_or((rest, "/".to_owned()), |(host, path)| (host, format!("/{path}")));
                let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
                Probe::Http { address: if has_port { host.into() } else { format!("{host}:80") }, path }
            }
            _ => return Err(bad()),
        };
        if name.is_empty() { Err(bad()) } else { Ok(Self { name: name.into(), probe }) }
    }
}

/// Requests that were made in checks so far, by service and status.
#[derive(Debug, Default)]
pub struct Checks(BTreeMap<(String, u16), u64>);

impl Checks {
    /// Checks each, one after the other.
    pub fn check(&mut self, services: &[Service], metrics: &mut Metrics) {
        for Service { name, probe } in services {
            let began = Instant::now();
            let (is_up, status) = probe.ask();
            let seconds = began.elapsed().as_secs_f64();
            let labels = || vec![("service", name.clone())];
            metrics.put("tidewatch_service_up", f64::from(u8::from(is_up)), labels());
            metrics.put("tidewatch_service_check_seconds", seconds, labels());
            if let Some(status) = status {
                *self.0.entry((name.clone(), status)).or_default() += 1;
                let labels = vec![("service", name.clone()), ("method", "GET".into()), ("status", status.to_string())];
                metrics.put("tidewatch_http_request_duration_seconds", seconds, labels);
            }
        }
        for ((service, status), count) in &self.0 {
            let labels = vec![("service", service.clone()), ("method", "GET".into()), ("status", status.to_string())];
            metrics.count("tidewatch_http_requests_total", *count, labels);
        }
    }
}

impl Probe {
    /// Whether it is up, and the status where it was asked by HTTP.
    fn ask(&self) -> (bool, Option<u16>) {
        match self {
            Self::Process(name) => (pids().into_iter().any(|pid| is_named(pid, name)), None),
            Self::Unit(unit) => (unit_has_processes(unit), None),
            Self::Tcp(address) => (connect(address).is_some(), None),
            Self::Http { address, path } => {
                let status = connect(address).and_then(|stream| status_of(stream, address, path));
                (status.is_some_and(|status| status < 400), status)
            }
        }
    }
}

/// systemd has a cgroup for each unit that runs.
fn unit_has_processes(unit: &str) -> bool {
    let name = if unit.contains('.') { unit.to_owned() } else { format!("{unit}.service") };
    let roots = ["/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/systemd/system.slice", "/sys/fs/cgroup/unified/system.slice"];
    let has_processes = |root: &&str| {
        let events = std::fs::read_to_string(Path::new(root).join(&name).join("cgroup.events")).unwrap_or_default();
        let processes = || std::fs::read_to_string(Path::new(root).join(&name).join("cgroup.procs")).unwrap_or_default();
        events.contains("populated 1") || !processes().trim().is_empty()
    };
    roots.iter().any(has_processes)
}

fn connect(address: &str) -> Option<TcpStream> {
    let stream = address.to_socket_addrs().ok()?.find_map(|address| TcpStream::connect_timeout(&address, PATIENCE).ok())?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    Some(stream)
}

/// The status of a plain `GET`.
fn status_of(mut stream: TcpStream, host: &str, path: &str) -> Option<u16> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: tidewatch\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    let line = std::str::from_utf8(&head).ok()?;
    line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_service_is_read_or_refused_with_how_it_is_written() {
        for good in ["web=process:nginx", "db=tcp:localhost:5432", "api=http://127.0.0.1:8080/healthz", "cron=unit:cron"] {
            assert!(good.parse::<Service>().is_ok(), "{good}");
        }
        for bad in ["web", "=process:x", "web=", "web=tcp:localhost", "web=ftp:x", "web=http:x", "web=process:"] {
            let error = bad.parse::<Service>().unwrap_err().to_string();
            assert!(error.contains("NAME=process:NAME") && error.contains(bad), "{error}");
        }
    }

    #[test]
    fn each_way_to_ask_tells_up_from_down() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for (mut stream, status) in listener.incoming().flatten().zip([204, 204, 503]) {
                let _ = stream.read(&mut [0; 512]);
                let _ = write!(stream, "HTTP/1.1 {status} x\r\n\r\n");
            }
        });
        let me = std::fs::read_to_string("/proc/self/comm").unwrap();
        let services: Vec<Service> = [
            format!("me=process:{}", me.trim()),
            "nobody=process:no-such-process".into(),
            format!("tcp=tcp:127.0.0.1:{port}"),
            "closed=tcp:127.0.0.1:9".into(),
            format!("fine=http://127.0.0.1:{port}/a"),
            format!("ill=http://127.0.0.1:{port}/b"),
            "unit=unit:no-such-unit".into(),
        ]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
        let mut metrics = Metrics::default();
        Checks::default().check(&services, &mut metrics);
        let up: Vec<f64> =
            metrics.0.iter().filter(|metric| metric.name == "tidewatch_service_up").map(|metric| metric.value).collect();
        assert_eq!(up, [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
        let statuses: Vec<&str> = metrics
            .0
            .iter()
            .filter(|metric| metric.name == "tidewatch_http_requests_total")
            .map(|metric| metric.labels[2].1.as_str())
            .collect();
        assert_eq!(statuses, ["204", "503"]);
    }
}
