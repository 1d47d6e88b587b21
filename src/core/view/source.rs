//! Hosts, services and plugins at a glance, and the servers of the `server-metrics` channel (D7).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::monitor::source::Source;
use crate::time::{Span, Timestamp};
use crate::view::View;

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SourceSummary {
    pub name: String,
    /// Who was the first to name it: the source token of the subject.
    pub made_by: String,
    /// By kind: sample, log, event, snapshot, job.
    pub kinds: BTreeMap<&'static str, ReceivedFigures>,
    /// Latest value of each series.
    pub metrics: Vec<MetricFigure>,
}

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ReceivedFigures {
    pub records: u64,
    pub last_at: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct MetricFigure {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
    pub unit: Option<String>,
    pub at: String,
}

/// The `data` of the `server-metrics` channel.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ServerMetrics {
    pub servers: Vec<Server>,
    pub summary: ServersSummary,
}

/// One server; a figure it never sent is null. Percentages are 0 to 100.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Server {
    pub id: String,
    pub cpu: Option<f64>,
    pub memory: Option<f64>,
    pub disk: Option<f64>,
    pub network: Network,
    /// healthy, warning or critical.
    pub status: &'static str,
    /// Limits it violates now.
    pub alerts: u32,
    pub last_at: String,
}

/// Bytes per second, or bytes so far where the server sends only counters.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Network {
    #[serde(rename = "in")]
    pub received: Option<f64>,
    #[serde(rename = "out")]
    pub sent: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ServersSummary {
    pub total_servers: usize,
    pub healthy: usize,
    pub warning: usize,
    pub critical: usize,
    pub avg_cpu: Option<f64>,
    pub avg_memory: Option<f64>,
}

/// Servers that were silent for longer than this are a warning.
const SILENT: Span = Span::from_secs(60);

/// Warning and critical percentages, as in the alert rules of the requirement (D11): processor 80 and 95, memory 85 and 95, disk 85 and 95.
const LIMITS: [(f64, f64); 3] = [(80.0, 95.0), (85.0, 95.0), (85.0, 95.0)];

impl SourceSummary {
    pub fn of(source: &Source) -> Self {
        let kinds = source.kinds.iter().map(|(kind, received)| {
            (kind.as_str(), ReceivedFigures { records: received.records, last_at: received.last_at.to_string() })
        });
        let metrics = source.series.iter().map(|((name, labels), latest)| MetricFigure {
            name: name.to_string(),
            labels: labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            value: latest.value,
            unit: latest.unit.as_ref().map(ToString::to_string),
            at: latest.at.to_string(),
        });
        Self {
            name: source.name.to_string(),
            made_by: source.made_by.to_string(),
            kinds: kinds.collect(),
            metrics: metrics.collect(),
        }
    }
}

impl ServerMetrics {
    /// Every source that sends a processor or memory figure is a server.
    pub fn of(view: &View) -> Self {
        let servers: Vec<Server> = view.sources.values().filter_map(|(_, source)| Server::of(source, view.log_time)).collect();
        let with = |status: &str| servers.iter().filter(|server| server.status == status).count();
        let summary = ServersSummary {
            total_servers: servers.len(),
            healthy: with("healthy"),
            warning: with("warning"),
            critical: with("critical"),
            avg_cpu: mean(servers.iter().filter_map(|server| server.cpu)),
            avg_memory: mean(servers.iter().filter_map(|server| server.memory)),
        };
        Self { servers, summary }
    }
}

impl Server {
    /// `None`: it sends no figures of a processor or of memory.
    pub fn of(source: &Source, log_time: Timestamp) -> Option<Self> {
        let received = source.kinds.get(&crate::event::Kind::Sample)?;
        let figure = |name: &str| {
            mean(source.series.iter().filter(|((metric, _), _)| metric.as_str() == name).map(|(_, latest)| latest.value))
        };
        let (cpu, memory) = (figure("tidewatch_cpu_usage_percent"), figure("tidewatch_memory_usage_percent"));
        if cpu.is_none() && memory.is_none() {
            return None;
        }
        let of = |name: &'static str| {
            source.series.iter().filter(move |((metric, _), _)| metric.as_str() == name).map(|(_, latest)| latest.value)
        };
        let disk = of("tidewatch_disk_usage_percent").max_by(f64::total_cmp);
        let sum = |name: &'static str| of(name).reduce(|one, other| one + other);
        let network = Network {
            received: sum("tidewatch_network_receive_bytes_total"),
            sent: sum("tidewatch_network_transmit_bytes_total"),
        };
        let judged = [cpu, memory, disk].into_iter().zip(LIMITS).filter_map(|(value, limits)| Some((value?, limits)));
        let (mut warnings, mut criticals) = (0, 0);
        for (value, (warning, critical)) in judged {
            criticals += u32::from(critical < value);
            warnings += u32::from(warning < value && value <= critical);
        }
        let silent = SILENT < log_time - received.last_at;
        let status = match (criticals, warnings) {
            (1.., _) => "critical",
            (0, 1..) => "warning",
            _ if silent => "warning",
            _ => "healthy",
        };
        Some(Self {
            id: source.name.to_string(),
            cpu,
            memory,
            disk,
            network,
            status,
            alerts: criticals + warnings,
            last_at: received.last_at.to_string(),
        })
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut n, mut sum) = (0_u32, 0.0);
    for value in values {
        n += 1;
        sum += value;
    }
    (n != 0).then(|| sum / f64::from(n))
}
