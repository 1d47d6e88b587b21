//! Twenty servers with a day's rhythm, and what befalls them: a busy processor, a leak, a filling disk, a bad cable, a dead service.

use serde_json::{Value, json};

use super::Record;
use super::chance::{draw, smooth};
use super::models::day;
use crate::event::Kind;
use crate::time::Timestamp;

/// Between two samples of one server, in seconds.
pub const INTERVAL: i64 = 15;

/// Each server may be befallen once in so many seconds …
const EPOCH: i64 = 1_800;
/// … with this probability …
const TROUBLE_SHARE: f64 = 0.15;
/// … from the first to the second of these seconds of it.
const TROUBLE: std::ops::Range<i64> = 300..1_500;

const CORES: i64 = 2;
const MEMORY_BYTES: f64 = 8.0 * 1024.0 * 1024.0 * 1024.0;
const DAY: i64 = 86_400;

struct Role {
    service: &'static str,
    /// At the quietest and the busiest hour.
    cpu_percent: (f64, f64),
    memory_percent: f64,
    disk_percent: f64,
    /// Received a second on average.
    network_bytes: f64,
    requests: f64,
}

const WEB: Role = Role {
    service: "nginx",
    cpu_percent: (8.0, 55.0),
    memory_percent: 38.0,
    disk_percent: 31.0,
    network_bytes: 2.4e6,
    requests: 180.0,
};
const APP: Role = Role {
    service: "api",
    cpu_percent: (15.0, 70.0),
    memory_percent: 58.0,
    disk_percent: 44.0,
    network_bytes: 9.0e5,
    requests: 90.0,
};
const DB: Role = Role {
    service: "postgresql",
    cpu_percent: (12.0, 48.0),
    memory_percent: 72.0,
    disk_percent: 61.0,
    network_bytes: 1.6e6,
    requests: 0.0,
};
const CACHE: Role = Role {
    service: "redis",
    cpu_percent: (5.0, 25.0),
    memory_percent: 66.0,
    disk_percent: 18.0,
    network_bytes: 3.1e6,
    requests: 0.0,
};
const WORKER: Role = Role {
    service: "worker",
    cpu_percent: (30.0, 60.0),
    memory_percent: 49.0,
    disk_percent: 52.0,
    network_bytes: 3.0e5,
    requests: 0.0,
};

const SERVERS: [(&str, &Role); 20] = [
    ("web-server-01", &WEB),
    ("web-server-02", &WEB),
    ("web-server-03", &WEB),
    ("web-server-04", &WEB),
    ("web-server-05", &WEB),
    ("web-server-06", &WEB),
    ("app-server-01", &APP),
    ("app-server-02", &APP),
    ("app-server-03", &APP),
    ("app-server-04", &APP),
    ("app-server-05", &APP),
    ("db-server-01", &DB),
    ("db-server-02", &DB),
    ("db-server-03", &DB),
    ("db-server-04", &DB),
    ("cache-server-01", &CACHE),
    ("cache-server-02", &CACHE),
    ("cache-server-03", &CACHE),
    ("worker-server-01", &WORKER),
    ("worker-server-02", &WORKER),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    CpuSpike,
    MemoryLeak,
    DiskFilling,
    NetworkErrors,
    ServiceDown,
}

/// One server at one second.
struct Server {
    seed: u64,
    index: i64,
    role: &'static Role,
    second: i64,
}

/// The samples taken in `second` of the Unix epoch: each server has its own second of every [`INTERVAL`]. A function of its
/// arguments and of nothing else.
pub fn sampled(seed: u64, second: i64) -> Vec<Record> {
    let turn = second.rem_euclid(INTERVAL);
    let at = Timestamp::from_micros(second * 1_000_000);
    (0..)
        .zip(SERVERS)
        .filter(|(index, _)| index % INTERVAL == turn)
        .map(|(index, (name, role))| {
            let metrics = Server { seed, index, role, second }.metrics();
            let body = json!({ "source": name, "at": at.to_string(), "labels": { "server": name }, "metrics": metrics });
            Record { kind: Kind::Sample, source: name, at, body }
        })
        .collect()
}

impl Server {
    fn metrics(&self) -> Vec<Value> {
        let mut metrics = Vec::with_capacity(32);
        let mut put = |name: &str, value: f64, labels: Value| {
            let value = (value * 1e3).round() / 1e3;
            metrics.push(match labels {
                Value::Null => json!({ "name": format!("tidewatch_{name}"), "value": value }),
                labels => json!({ "name": format!("tidewatch_{name}"), "value": value, "labels": labels }),
            });
        };
        let mut busy = 0.0;
        for core in 0..CORES {
            let percent = self.cpu_percent(core);
            busy += percent / 100.0;
            put("cpu_usage_percent", percent, json!({ "core": core.to_string() }));
        }
        for (name, lag) in [("1m", 0.15), ("5m", 0.08), ("15m", 0.03)] {
            put(&format!("cpu_load_average_{name}"), (busy * (1.0 + lag * self.wander(20))).max(0.01), Value::Null);
        }
        put("cpu_context_switches_total", self.total(2_400.0), Value::Null);
        let memory = self.memory_percent();
        put("memory_usage_percent", memory, Value::Null);
        put("memory_total_bytes", MEMORY_BYTES, Value::Null);
        put("memory_used_bytes", (MEMORY_BYTES * memory / 100.0).floor(), Value::Null);
        put("memory_available_bytes", (MEMORY_BYTES * (1.0 - memory / 100.0)).floor(), Value::Null);
        put("swap_used_bytes", (MEMORY_BYTES * (memory - 90.0).max(0.0) / 100.0).floor(), Value::Null);
        put("disk_usage_percent", self.disk_percent(), json!({ "mount": "/" }));
        let device = json!({ "device": "sda" });
        put("disk_read_bytes_total", self.total(3.2e5), device.clone());
        put("disk_write_bytes_total", self.total(7.5e5), device.clone());
        put("disk_read_ops_total", self.total(21.0), device.clone());
        put("disk_write_ops_total", self.total(48.0), device);
        let interface = json!({ "interface": "eth0" });
        let received = self.role.network_bytes;
        put("network_receive_bytes_total", self.total(received), interface.clone());
        put("network_transmit_bytes_total", self.total(received * 0.7), interface.clone());
        put("network_receive_packets_total", self.total(received / 900.0), interface.clone());
        put("network_transmit_packets_total", self.total(received / 1_100.0), interface.clone());
        let troubled = self.troubled_seconds_today(Trouble::NetworkErrors);
        put("network_receive_errors_total", 40.0 * troubled, interface.clone());
        put("network_transmit_errors_total", 11.0 * troubled, interface.clone());
        put("network_receive_drops_total", 25.0 * troubled, interface.clone());
        put("network_transmit_drops_total", 6.0 * troubled, interface);
        let down = self.trouble().is_some_and(|(trouble, _)| trouble == Trouble::ServiceDown);
        put("service_up", if down { 0.0 } else { 1.0 }, json!({ "service": self.role.service }));
        if 0.0 < self.role.requests {
            let labels = json!({ "method": "GET", "status": "200" });
            put("http_request_duration_seconds", 0.04 + 0.12 * busy / CORES as f64 + 0.01 * self.wander(21), labels.clone());
            put("http_requests_total", self.total(self.role.requests), labels);
        }
        metrics
    }

    fn cpu_percent(&self, core: i64) -> f64 {
        let (quiet, busy) = self.role.cpu_percent;
        let usual = quiet + (busy - quiet) * day(self.hour()) + 9.0 * self.wander(core) + 3.0 * self.jitter(core);
        let spike = self.progress(Trouble::CpuSpike).map_or(usual, |_| 94.0 + 4.0 * self.jitter(core));
        spike.max(usual).clamp(0.5, 100.0)
    }

    fn memory_percent(&self) -> f64 {
        let usual = self.role.memory_percent + 4.0 * day(self.hour()) + 2.5 * self.wander(10);
        let leak = self.progress(Trouble::MemoryLeak).unwrap_or(0.0);
        (usual + (97.0 - usual) * leak).clamp(1.0, 99.0)
    }

    fn disk_percent(&self) -> f64 {
        // Logs grow through the day and are rotated at midnight.
        let usual = self.role.disk_percent + 3.0 * (self.second.rem_euclid(DAY) as f64 / DAY as f64) + self.index as f64 * 0.7;
        let filling = self.progress(Trouble::DiskFilling).unwrap_or(0.0);
        (usual + (98.5 - usual) * filling).min(99.0)
    }

    /// A counter that grows by `rate` a second on average, faster by day, and starts at 0 at midnight, when servers reboot.
    fn total(&self, rate: f64) -> f64 {
        let hours = self.hour();
        let wave = |hour: f64| ((hour - 3.0) / 24.0 * std::f64::consts::TAU).sin() * 24.0 / std::f64::consts::TAU;
        // The integral of `day` since midnight, in hours.
        let busy_hours = 0.5 * hours - 0.5 * (wave(hours) - wave(0.0));
        (3_600.0 * rate * (0.5 * hours + busy_hours)).floor()
    }

    fn trouble(&self) -> Option<(Trouble, f64)> {
        let (trouble, from) = self.trouble_of(self.epoch())?;
        let within = self.second - from;
        TROUBLE.contains(&within).then(|| (trouble, (within - TROUBLE.start) as f64 / (TROUBLE.end - TROUBLE.start) as f64))
    }

    /// How far that trouble has come, from 0 to 1; `None` if it is not there.
    fn progress(&self, wanted: Trouble) -> Option<f64> {
        self.trouble().filter(|&(trouble, _)| trouble == wanted).map(|(_, progress)| progress)
    }

    /// What befalls this server in an epoch, and the second the epoch begins.
    fn trouble_of(&self, epoch: i64) -> Option<(Trouble, i64)> {
        const KINDS: [Trouble; 5] =
            [Trouble::CpuSpike, Trouble::MemoryLeak, Trouble::DiskFilling, Trouble::NetworkErrors, Trouble::ServiceDown];
        let lot = draw(self.seed, &[-1, self.index, epoch]);
        let kind = KINDS.get((lot / TROUBLE_SHARE * KINDS.len() as f64) as usize)?;
        Some((*kind, epoch * EPOCH + self.offset()))
    }

    fn troubled_seconds_today(&self, wanted: Trouble) -> f64 {
        let midnight = self.second - self.second.rem_euclid(DAY);
        let first = (midnight - self.offset()).div_euclid(EPOCH);
        let seconds = (first..=self.epoch()).filter_map(|epoch| {
            let (trouble, from) = self.trouble_of(epoch)?;
            let until = self.second.min(from + TROUBLE.end);
            (trouble == wanted).then(|| (until - midnight.max(from + TROUBLE.start)).max(0))
        });
        seconds.sum::<i64>() as f64
    }

    fn epoch(&self) -> i64 {
        (self.second - self.offset()).div_euclid(EPOCH)
    }

    /// Servers do not all begin an epoch together.
    fn offset(&self) -> i64 {
        self.index * (EPOCH / SERVERS.len() as i64)
    }

    fn hour(&self) -> f64 {
        self.second.rem_euclid(DAY) as f64 / 3_600.0
    }

    fn wander(&self, place: i64) -> f64 {
        smooth(self.seed, self.index * 100 + place, self.second, 180)
    }

    fn jitter(&self, place: i64) -> f64 {
        2.0 * draw(self.seed, &[-2, self.index, place, self.second]) - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(record: &Record, name: &str) -> f64 {
        let metrics = record.body["metrics"].as_array().unwrap();
        metrics.iter().find(|metric| metric["name"] == name).unwrap()["value"].as_f64().unwrap()
    }

    /// 2026-01-01T00:00:00Z.
    const MIDNIGHT: i64 = 1_767_225_600;

    #[test]
    fn every_server_is_sampled_once_in_every_interval() {
        let mut names: Vec<_> = (0..INTERVAL).flat_map(|s| sampled(1, MIDNIGHT + s)).map(|record| record.source).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 20);
    }

    #[test]
    fn a_counter_never_falls_within_a_day() {
        for name in ["tidewatch_network_receive_bytes_total", "tidewatch_network_receive_errors_total"] {
            let at = |s: i64| value(&sampled(1, MIDNIGHT + s * INTERVAL)[0], name);
            let values: Vec<_> = (0..DAY / INTERVAL).map(at).collect();
            assert!(values.is_sorted(), "{name}");
        }
    }

    #[test]
    fn a_day_holds_troubles_of_every_kind_and_percentages_stay_percentages() {
        let mut seen = Vec::new();
        for second in (MIDNIGHT..MIDNIGHT + DAY).step_by(60) {
            for (index, (_, role)) in (0..).zip(SERVERS) {
                let server = Server { seed: 1, index, role, second };
                seen.extend(server.trouble().map(|(trouble, _)| format!("{trouble:?}")));
                for percent in [server.cpu_percent(0), server.memory_percent(), server.disk_percent()] {
                    assert!((0.0..=100.0).contains(&percent), "{percent}");
                }
            }
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, ["CpuSpike", "DiskFilling", "MemoryLeak", "NetworkErrors", "ServiceDown"]);
    }
}
