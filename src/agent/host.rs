//! What `sysinfo` and, where it is silent, `/proc` say of this host, as one sample with the metric names of requirement D10.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use sysinfo::{CpuRefreshKind, DiskRefreshKind, Disks, MemoryRefreshKind, Networks, RefreshKind, System};

use super::proc;
use crate::time::Timestamp;

/// This host between two samples: rates are of the time since the last one.
pub struct Host {
    system: Option<System>,
    disks: Option<Disks>,
    networks: Option<Networks>,
}

/// One sample as it is published.
#[derive(Serialize)]
struct Sample {
    source: String,
    at: String,
    labels: Value,
    metrics: Vec<Metric>,
}

#[derive(Serialize)]
struct Metric {
    name: &'static str,
    value: f64,
    #[serde(skip_serializing_if = "Value::is_null")]
    labels: Value,
}

/// Collects metrics; a value that is not finite is left out.
#[derive(Default)]
struct Metrics(Vec<Metric>);

impl Metrics {
    fn put(&mut self, name: &'static str, value: f64, labels: Value) {
        if value.is_finite() {
            self.0.push(Metric { name, value, labels });
        }
    }

    fn put_count(&mut self, name: &'static str, count: u64, labels: Value) {
        self.put(name, count as f64, labels);
    }
}

impl Host {
    /// Begins to watch this host. The first sample's processor usage is of the time since then.
    pub fn new() -> Self {
        let cpu = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing().with_usage());
        let system = System::new_with_specifics(cpu).ok();
        Self { system, disks: Disks::new_with_refreshed_list().ok(), networks: Networks::new_with_refreshed_list().ok() }
    }

    /// The host's own name; `localhost` if it has none.
    pub fn name() -> String {
        System::host_name().ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".into())
    }

    /// One `sample` record taken at `at`, as JSON. What the host does not tell is left out.
    pub fn sample(&mut self, at: Timestamp) -> Bytes {
        let mut metrics = Metrics::default();
        self.processor_and_memory(&mut metrics);
        self.disks(&mut metrics);
        self.network(&mut metrics);
        let source = Self::name();
        let sample = Sample { at: at.to_string(), labels: json!({ "server": source }), source, metrics: metrics.0 };
        serde_json::to_vec(&sample).expect("finite numbers and texts serialise").into()
    }

    fn processor_and_memory(&mut self, metrics: &mut Metrics) {
        let Some(system) = &mut self.system else { return };
        system.refresh_specifics(
            RefreshKind::nothing()
                .with_cpu(CpuRefreshKind::nothing().with_usage())
                .with_memory(MemoryRefreshKind::everything()),
        );
        for (core, cpu) in system.cpus().iter().enumerate() {
            metrics.put("tidewatch_cpu_usage_percent", f64::from(cpu.usage()), json!({ "core": core.to_string() }));
        }
        if let Ok(load) = System::load_average() {
            metrics.put("tidewatch_cpu_load_average_1m", load.one, Value::Null);
            metrics.put("tidewatch_cpu_load_average_5m", load.five, Value::Null);
            metrics.put("tidewatch_cpu_load_average_15m", load.fifteen, Value::Null);
        }
        if let Some(switches) = proc::context_switches() {
            metrics.put_count("tidewatch_cpu_context_switches_total", switches, Value::Null);
        }
        let (total, used) = (system.total_memory(), system.used_memory());
        if 0 < total {
            metrics.put("tidewatch_memory_usage_percent", 100.0 * used as f64 / total as f64, Value::Null);
        }
        metrics.put_count("tidewatch_memory_total_bytes", total, Value::Null);
        metrics.put_count("tidewatch_memory_used_bytes", used, Value::Null);
        metrics.put_count("tidewatch_memory_available_bytes", system.available_memory(), Value::Null);
        metrics.put_count("tidewatch_swap_total_bytes", system.total_swap(), Value::Null);
        metrics.put_count("tidewatch_swap_used_bytes", system.used_swap(), Value::Null);
    }

    fn disks(&mut self, metrics: &mut Metrics) {
        let Some(disks) = &mut self.disks else { return };
        disks.refresh_specifics(true, DiskRefreshKind::nothing().with_storage());
        for disk in disks.iter() {
            let (total, free) = (disk.total_space(), disk.available_space());
            if total == 0 {
                continue;
            }
            let mount = json!({ "mount": disk.mount_point().to_string_lossy() });
            let used = total.saturating_sub(free);
            metrics.put("tidewatch_disk_usage_percent", 100.0 * used as f64 / total as f64, mount.clone());
            metrics.put_count("tidewatch_disk_total_bytes", total, mount.clone());
            metrics.put_count("tidewatch_disk_free_bytes", free, mount);
        }
        for disk in proc::disks() {
            let device = json!({ "device": disk.device });
            metrics.put_count("tidewatch_disk_read_bytes_total", disk.read_bytes, device.clone());
            metrics.put_count("tidewatch_disk_write_bytes_total", disk.written_bytes, device.clone());
            metrics.put_count("tidewatch_disk_read_ops_total", disk.reads, device.clone());
            metrics.put_count("tidewatch_disk_write_ops_total", disk.writes, device);
        }
    }

    fn network(&mut self, metrics: &mut Metrics) {
        let Some(networks) = &mut self.networks else { return };
        networks.refresh(true);
        let drops = proc::network_drops();
        for (name, network) in networks.iter() {
            let interface = json!({ "interface": name.to_string_lossy() });
            metrics.put_count("tidewatch_network_receive_bytes_total", network.total_received(), interface.clone());
            metrics.put_count("tidewatch_network_transmit_bytes_total", network.total_transmitted(), interface.clone());
            metrics.put_count("tidewatch_network_receive_packets_total", network.total_packets_received(), interface.clone());
            metrics.put_count(
                "tidewatch_network_transmit_packets_total",
                network.total_packets_transmitted(),
                interface.clone(),
            );
            metrics.put_count("tidewatch_network_receive_errors_total", network.total_errors_on_received(), interface.clone());
            metrics.put_count(
                "tidewatch_network_transmit_errors_total",
                network.total_errors_on_transmitted(),
                interface.clone(),
            );
            if let Some(&(received, transmitted)) = drops.get(name.to_string_lossy().as_ref()) {
                metrics.put_count("tidewatch_network_receive_drops_total", received, interface.clone());
                metrics.put_count("tidewatch_network_transmit_drops_total", transmitted, interface);
            }
        }
    }
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}
