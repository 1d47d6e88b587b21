//! This host beside what the usual programs tell of it.

use super::*;
use std::process::Command;

fn value(metrics: &[Metric], name: &str, labels: &[(&str, &str)]) -> f64 {
    let has = |metric: &&Metric| labels.iter().all(|(name, value)| metric.labels.iter().any(|(n, v)| n == name && v == value));
    let found = metrics.iter().filter(|metric| metric.name == name).find(has);
    found.unwrap_or_else(|| panic!("{name} {labels:?} in {metrics:?}")).value
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn near(one: f64, other: f64, slack: f64) -> bool {
    (one - other).abs() <= 0.01 * one.abs().max(other.abs()) + slack
}

#[test]
fn there_is_no_percentage_before_two_readings_and_every_name_of_d10_after() {
    let (mut host, _) = Host::new(Wanted::default());
    let first = host.look();
    assert!(first.iter().all(|metric| metric.name != "tidewatch_cpu_usage_percent"), "{first:?}");
    std::thread::sleep(Duration::from_millis(50));
    let second = host.look();
    for name in [
        "cpu_usage_percent",
        "cpu_load_average_1m",
        "cpu_load_average_5m",
        "cpu_load_average_15m",
        "cpu_context_switches_total",
        "cpu_seconds_total",
        "memory_usage_percent",
        "memory_used_bytes",
        "memory_total_bytes",
        "memory_available_bytes",
        "swap_used_bytes",
        "swap_total_bytes",
        "disk_usage_percent",
        "disk_used_bytes",
        "disk_available_bytes",
        "disk_total_bytes",
        "network_receive_bytes_total",
        "network_transmit_bytes_total",
        "network_receive_packets_total",
        "network_transmit_packets_total",
        "network_receive_errors_total",
        "network_transmit_errors_total",
        "network_receive_drops_total",
        "network_transmit_drops_total",
    ] {
        assert!(second.iter().any(|metric| metric.name.strip_prefix("tidewatch_") == Some(name)), "{name}");
    }
    assert!(second.iter().all(|metric| metric.value.is_finite()));
}

#[test]
fn memory_is_what_free_tells_and_mounts_are_what_df_tells() {
    let (mut host, _) = Host::new(Wanted::default());
    let metrics = host.look();
    let free = output("free", &["-b"]);
    let line: Vec<f64> =
        free.lines().nth(1).unwrap().split_whitespace().skip(1).map(|number| number.parse().unwrap()).collect();
    assert_eq!(value(&metrics, "tidewatch_memory_total_bytes", &[]), line[0]);
    // other programs take and give back meanwhile
    assert!(near(value(&metrics, "tidewatch_memory_available_bytes", &[]), line[5], 64e6), "{free}");
    let df = output("df", &["-B1", "--output=size,used,avail,pcent", "/"]);
    let line: Vec<f64> =
        df.lines().nth(1).unwrap().split_whitespace().map(|number| number.trim_end_matches('%').parse().unwrap()).collect();
    let root = [("mount", "/")];
    assert_eq!(value(&metrics, "tidewatch_disk_total_bytes", &root), line[0], "{df}");
    assert!(near(value(&metrics, "tidewatch_disk_used_bytes", &root), line[1], 1e6), "{df}");
    assert!(near(value(&metrics, "tidewatch_disk_available_bytes", &root), line[2], 1e6), "{df}");
    let percent = value(&metrics, "tidewatch_disk_usage_percent", &root);
    assert!(percent <= line[3] + 0.01 && line[3] <= percent + 1.01, "df rounds up: {percent} {df}");
}

#[test]
fn counters_of_the_loopback_are_those_of_proc() {
    let (mut host, _) = Host::new(Wanted::default());
    let before = read("/proc/net/dev");
    let metrics = host.look();
    let of = |text: &str, index: usize| -> f64 {
        let line = text.lines().find_map(|line| line.trim().strip_prefix("lo:")).unwrap();
        line.split_whitespace().nth(index).unwrap().parse().unwrap()
    };
    let after = read("/proc/net/dev");
    for (name, index) in [("receive_bytes", 0), ("receive_packets", 1), ("transmit_bytes", 8), ("transmit_packets", 9)] {
        let name = format!("tidewatch_network_{name}_total");
        let seen =
            metrics.iter().find(|metric| metric.name == name && metric.labels == [("interface", "lo".to_owned())]).unwrap();
        assert!(of(&before, index) <= seen.value && seen.value <= of(&after, index), "{name} {seen:?}");
    }
}

#[test]
fn interfaces_are_what_ip_tells() {
    let (mut host, _) = Host::new(Wanted::default());
    let Ok(told) = Command::new("ip").args(["-s", "-j", "link", "show", "lo"]).output() else {
        eprintln!("skipped: there is no `ip` here; iproute2 brings it");
        return;
    };
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    let metrics = host.look();
    for (direction, name) in [("rx", "receive"), ("tx", "transmit")] {
        for (ip, ours) in [("bytes", "bytes"), ("packets", "packets"), ("errors", "errors"), ("dropped", "drops")] {
            let wanted = told[0]["stats64"][direction][ip].as_f64().unwrap();
            let seen = value(&metrics, &format!("tidewatch_network_{name}_{ours}_total"), &[("interface", "lo")]);
            // other programs talk meanwhile
            assert!(wanted <= seen && near(seen, wanted, 1e6), "{name} {ours}: {seen} {told}");
        }
    }
}

/// node_exporter on a port of its own, ended when dropped.
struct NodeExporter {
    process: std::process::Child,
    port: u16,
}

impl NodeExporter {
    /// `None` where it is not installed.
    fn start() -> Option<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("--web.listen-address=127.0.0.1:{port}");
        let null = || std::process::Stdio::null();
        // Debian's leaves the loopback out unless told otherwise
        let flags = [address.as_str(), "--collector.netdev.device-exclude=^$"];
        let start = |program: &&str| Command::new(program).args(flags).stdout(null()).stderr(null()).spawn().ok();
        let process = ["prometheus-node-exporter", "node_exporter"].iter().find_map(start)?;
        Some(Self { process, port })
    }

    /// What it tells now, once it answers.
    fn told(&self) -> String {
        use std::io::{Read, Write};
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let mut text = String::new();
            let asked = std::net::TcpStream::connect(("127.0.0.1", self.port)).and_then(|mut stream| {
                stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
                stream.read_to_string(&mut text)
            });
            if asked.is_ok() && text.contains("node_memory_MemTotal_bytes ") {
                return text;
            }
            assert!(Instant::now() < deadline, "node_exporter does not answer: {asked:?} {text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for NodeExporter {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn figures_are_those_of_node_exporter() {
    let Some(exporter) = NodeExporter::start() else {
        eprintln!("skipped: there is no node_exporter here; Debian's package is prometheus-node-exporter");
        return;
    };
    let (mut host, _) = Host::new(Wanted::default());
    let of = |text: &str, series: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series} in {text}")).trim().parse().unwrap()
    };
    // what counts up lies between what it tells before and after; what other programs take and give back is let pass
    let before = exporter.told();
    let metrics = host.look();
    let after = exporter.told();
    let lo = [("interface", "lo")];
    for (series, name, labels, slack) in [
        ("node_memory_MemTotal_bytes", "memory_total_bytes", &[][..], 0.0),
        ("node_memory_MemAvailable_bytes", "memory_available_bytes", &[], 64e6),
        ("node_memory_SwapTotal_bytes", "swap_total_bytes", &[], 0.0),
        ("node_context_switches_total", "cpu_context_switches_total", &[], 0.0),
        ("node_cpu_seconds_total{cpu=\"0\",mode=\"user\"}", "cpu_seconds_total", &[("core", "0"), ("mode", "user")], 0.02),
        ("node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"}", "cpu_seconds_total", &[("core", "0"), ("mode", "idle")], 0.02),
        ("node_network_receive_bytes_total{device=\"lo\"}", "network_receive_bytes_total", &lo, 0.0),
        ("node_network_transmit_packets_total{device=\"lo\"}", "network_transmit_packets_total", &lo, 0.0),
    ] {
        let (least, most) = (of(&before, series), of(&after, series));
        let seen = value(&metrics, &format!("tidewatch_{name}"), labels);
        assert!(least.min(most) - slack <= seen && seen <= least.max(most) + slack, "{name}: {least} {seen} {most}");
    }
    let root = before.lines().find(|line| line.starts_with("node_filesystem_size_bytes{") && line.contains("mountpoint=\"/\""));
    let Some(size) = root.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()) else { return };
    assert_eq!(value(&metrics, "tidewatch_disk_total_bytes", &[("mount", "/")]), size);
}

#[test]
fn chosen_processes_are_counted_with_what_they_hold() {
    let mut child = Command::new("sleep").arg("30").spawn().unwrap();
    let wanted = Wanted { processes: vec!["sleep".into(), "no-such-process".into()], ..Wanted::default() };
    let metrics = Host::new(wanted).0.look();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(1.0 <= value(&metrics, "tidewatch_process_count", &[("name", "sleep")]));
    assert!(4096.0 < value(&metrics, "tidewatch_process_resident_bytes", &[("name", "sleep")]));
    assert_eq!(value(&metrics, "tidewatch_process_count", &[("name", "no-such-process")]), 0.0);
}

#[test]
fn a_name_becomes_one_plain_token() {
    assert_eq!((slug("web-01.example"), slug(""), slug("서버")), ("web-01-example".into(), "localhost".into(), "--".into()));
}
