//! This host: what it does between two looks at it, as metrics with the names of requirement D10 and more.
//!
//! `sysinfo` tells names, load, interfaces and sensors; where it rounds, adds up or leaves out what users compare with `df`, `free` or
//! node_exporter, `/proc` is read: processor time, memory, mounts, disks, pressure.

mod chosen;
mod cpu;
mod disk;
mod memory;
mod network;
mod pressure;
mod service;

use std::time::{Duration, Instant};

use serde::Serialize;
use sysinfo::{Components, System};

pub use service::{BadService, Service};

use crate::gpu::Gpus;
use chosen::Chosen;
use cpu::Processor;

/// Chosen processes are looked for at most this often: the whole of `/proc` is read for it.
const PROCESSES_EVERY: Duration = Duration::from_secs(15);

/// One value of one series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metric {
    pub name: &'static str,
    /// Finite.
    pub value: f64,
    #[serde(skip_serializing_if = "Labels::is_empty", serialize_with = "as_map")]
    pub labels: Labels,
}

/// Names and values.
pub type Labels = Vec<(&'static str, String)>;

/// Collects metrics; a value that is not finite is left out.
#[derive(Debug, Default)]
pub struct Metrics(Vec<Metric>);

/// What is to be looked at beside what every host has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Names of processes.
    pub processes: Vec<String>,
    pub services: Vec<Service>,
    /// Between two checks of the services.
    pub services_every: Duration,
}

/// This host between two looks.
pub struct Host {
    wanted: Wanted,
    processor: Processor,
    network: network::Network,
    sensors: Option<Components>,
    gpus: Gpus,
    chosen: Chosen,
    services: service::Checks,
    looked_for_processes: Option<Instant>,
    checked: Option<Instant>,
}

impl Metrics {
    pub fn put(&mut self, name: &'static str, value: f64, labels: Labels) {
        if value.is_finite() {
            self.0.push(Metric { name, value, labels });
        }
    }

    pub fn count(&mut self, name: &'static str, count: u64, labels: Labels) {
        self.put(name, count as f64, labels);
    }
}

impl Host {
    /// Begins to watch this host. Gives in one line why there are no figures of GPUs, if there are none.
    pub fn new(wanted: Wanted) -> (Self, Option<String>) {
        let (gpus, why_none) = Gpus::open();
        let host = Self {
            processor: Processor::default(),
            network: network::Network::new(),
            sensors: Components::new_with_refreshed_list().ok(),
            gpus,
            chosen: Chosen::new(&wanted.processes),
            services: service::Checks::default(),
            wanted,
            looked_for_processes: None,
            checked: None,
        };
        (host, why_none)
    }

    /// What it does now. What the host does not tell is left out; so are percentages until there are two readings.
    pub fn look(&mut self) -> Vec<Metric> {
        let mut metrics = Metrics::default();
        let times = self.processor.look(&mut metrics);
        if let Ok(load) = System::load_average() {
            metrics.put("tidewatch_cpu_load_average_1m", load.one, Vec::new());
            metrics.put("tidewatch_cpu_load_average_5m", load.five, Vec::new());
            metrics.put("tidewatch_cpu_load_average_15m", load.fifteen, Vec::new());
        }
        memory::look(&mut metrics);
        disk::look(&mut metrics);
        self.network.look(&mut metrics);
        pressure::look(&mut metrics);
        self.look_at_sensors(&mut metrics);
        self.look_at_gpus(&mut metrics);
        self.look_at_what_is_wanted(&mut metrics);
        // of a host with very many cores these are most, and what is beyond the bound of a source is the end
        times.tell(&mut metrics);
        metrics.0
    }

    fn look_at_sensors(&mut self, metrics: &mut Metrics) {
        let Some(sensors) = &mut self.sensors else { return };
        sensors.refresh(false);
        for sensor in sensors.iter() {
            if let Some(celsius) = sensor.temperature() {
                let labels = vec![("sensor", sensor.label().to_string())];
                metrics.put("tidewatch_temperature_celsius", f64::from(celsius), labels);
            }
        }
    }

    fn look_at_gpus(&mut self, metrics: &mut Metrics) {
        for gpu in self.gpus.read() {
            let labels = || vec![("gpu", gpu.index.to_string()), ("uuid", gpu.uuid.clone())];
            for (name, value) in [
                ("tidewatch_gpu_utilization_percent", gpu.utilization_percent),
                ("tidewatch_gpu_memory_used_bytes", gpu.memory_used_bytes.map(|bytes| bytes as f64)),
                ("tidewatch_gpu_memory_total_bytes", gpu.memory_total_bytes.map(|bytes| bytes as f64)),
                ("tidewatch_gpu_temperature_celsius", gpu.temperature_celsius),
                ("tidewatch_gpu_power_watts", gpu.power_watts),
                ("tidewatch_gpu_throttled", gpu.throttled.map(|throttled| f64::from(u8::from(throttled)))),
            ] {
                metrics.put(name, value.unwrap_or(f64::NAN), labels());
            }
        }
    }

    fn look_at_what_is_wanted(&mut self, metrics: &mut Metrics) {
        let now = Instant::now();
        let is_due = |last: Option<Instant>, every: Duration| last.is_none_or(|last| every <= now.duration_since(last));
        if !self.wanted.processes.is_empty() && is_due(self.looked_for_processes, PROCESSES_EVERY) {
            self.chosen.look(metrics);
            self.looked_for_processes = Some(now);
        }
        if !self.wanted.services.is_empty() && is_due(self.checked, self.wanted.services_every) {
            self.services.check(&self.wanted.services, metrics);
            self.checked = Some(now);
        }
    }
}

/// The host's own name; `localhost` if it has none.
pub fn name() -> String {
    System::host_name().ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".into())
}

/// A host's name as a token of 1 to 64 of `A-Z a-z 0-9 _ -`: what is none of them becomes `-`.
pub fn slug(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '-' };
    let token: String = name.chars().map(plain).take(64).collect();
    if token.is_empty() { "localhost".into() } else { token }
}

fn as_map<S: serde::Serializer>(labels: &Labels, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(labels.iter().map(|(name, value)| (name, value)))
}

/// A file of `/proc` or `/sys`; empty if it is not there.
fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests;
