//! NVIDIA's GPUs, through NVML. The driver's library is loaded when asked; where there is none, or none of its functions answers, there is
//! nothing to tell, and that is no error.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};

/// Names the library to load instead of the one that the driver has installed.
pub const LIBRARY_VARIABLE: &str = "TIDEWATCH_NVML_LIBRARY";

/// GPUs that are looked at.
const GPUS_MAX: u32 = 64;

/// The driver, if there is one.
pub struct Gpus {
    nvml: Option<Nvml>,
    /// Of each GPU, the time of the newest sample of its processes, in µs as the driver counts.
    sampled: BTreeMap<u32, u64>,
}

/// What one GPU says of itself; `None` where its driver lacks the function or does not answer it, as in MIG mode.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gpu {
    pub index: u32,
    pub uuid: String,
    pub utilization_percent: Option<f64>,
    pub memory_used_bytes: Option<u64>,
    pub memory_total_bytes: Option<u64>,
    pub temperature_celsius: Option<f64>,
    pub power_watts: Option<f64>,
    /// Its clocks are lower than they could be, because of heat or power.
    pub throttled: Option<bool>,
}

/// What some processes use of all GPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    pub memory_bytes: u64,
    /// Percent of one GPU: the shares of several are added up.
    pub percent: f64,
}

impl Gpus {
    /// Loads the driver's library. Takes some milliseconds where there is one.
    ///
    /// Gives why there is none beside it, in one line.
    pub fn open() -> (Self, Option<String>) {
        Self::open_at(std::env::var_os(LIBRARY_VARIABLE).filter(|name| !name.is_empty()).as_deref())
    }

    /// As [`Self::open`], of this library.
    fn open_at(named: Option<&OsStr>) -> (Self, Option<String>) {
        // the name that the driver installs; the one without a number belongs to its development package
        let library = named.unwrap_or_else(|| "libnvidia-ml.so.1".as_ref());
        match Nvml::builder().lib_path(library).init() {
            Ok(nvml) => (Self { nvml: Some(nvml), sampled: BTreeMap::new() }, None),
            Err(error) => (Self::none(), Some(error.to_string())),
        }
    }

    /// As on a machine without any.
    pub const fn none() -> Self {
        Self { nvml: None, sampled: BTreeMap::new() }
    }

    pub const fn is_none(&self) -> bool {
        self.nvml.is_none()
    }

    fn devices(nvml: &Nvml) -> impl Iterator<Item = (u32, Device<'_>)> {
        let count = nvml.device_count().unwrap_or(0).min(GPUS_MAX);
        (0..count).filter_map(|index| Some((index, nvml.device_by_index(index).ok()?)))
    }

    /// Every GPU that answers.
    pub fn read(&self) -> Vec<Gpu> {
        let Some(nvml) = &self.nvml else { return Vec::new() };
        Self::devices(nvml).map(|(index, device)| Gpu::of(index, &device)).collect()
    }

    /// What these processes use. Processes are named as the driver sees them: within a container with ids of its own none is found.
    pub fn share(&mut self, pids: &[u32]) -> Share {
        let Some(nvml) = &self.nvml else { return Share::default() };
        let mut share = Share::default();
        for (index, device) in Self::devices(nvml) {
            let bytes = memory_of(&device, pids);
            share.memory_bytes += bytes.unwrap_or(0);
            let since = self.sampled.entry(index).or_default();
            share.percent += match device.process_utilization_stats(*since) {
                Ok(samples) => {
                    // the driver keeps some samples of each process: the newest is what it does now
                    let mut newest: BTreeMap<u32, (u64, u32)> = BTreeMap::new();
                    for sample in samples.iter().filter(|sample| pids.contains(&sample.pid)) {
                        let entry = newest.entry(sample.pid).or_default();
                        *entry = (*entry).max((sample.timestamp, sample.sm_util.min(100)));
                    }
                    *since = samples.iter().map(|sample| sample.timestamp).fold(*since, u64::max);
                    newest.values().map(|(_, percent)| f64::from(*percent)).sum::<f64>().min(100.0)
                }
                // nothing was sampled since
                Err(NvmlError::NotFound) => 0.0,
                // where processes are not told apart, whoever holds memory there is taken for all that runs there
                Err(_) if bytes.is_some_and(|bytes| 0 < bytes) => {
                    device.utilization_rates().map_or(0.0, |rates| f64::from(rates.gpu))
                }
                Err(_) => 0.0,
            };
        }
        share
    }
}

impl Gpu {
    fn of(index: u32, device: &Device<'_>) -> Self {
        let memory = device.memory_info().ok();
        Self {
            index,
            uuid: device.uuid().unwrap_or_default(),
            utilization_percent: device.utilization_rates().ok().map(|rates| f64::from(rates.gpu)),
            memory_used_bytes: memory.as_ref().map(|memory| memory.used),
            memory_total_bytes: memory.as_ref().map(|memory| memory.total),
            temperature_celsius: device.temperature(TemperatureSensor::Gpu).ok().map(f64::from),
            power_watts: device.power_usage().ok().map(|milliwatts| f64::from(milliwatts) / 1_000.0),
            throttled: device.current_throttle_reasons().ok().map(|reasons| reasons.intersects(slowed())),
        }
    }
}

/// Reasons that make a GPU slower than what it was set to. An idle one and one whose clocks were chosen are as they should be.
fn slowed() -> ThrottleReasons {
    ThrottleReasons::SW_POWER_CAP
        | ThrottleReasons::HW_SLOWDOWN
        | ThrottleReasons::SW_THERMAL_SLOWDOWN
        | ThrottleReasons::HW_THERMAL_SLOWDOWN
        | ThrottleReasons::HW_POWER_BRAKE_SLOWDOWN
}

/// Bytes that these processes hold on a GPU; `None` if it does not tell. A process that computes and draws is in both lists, with all it holds.
fn memory_of(device: &Device<'_>, pids: &[u32]) -> Option<u64> {
    let computing = device.running_compute_processes().or_else(|_| device.running_compute_processes_v2());
    let drawing = device.running_graphics_processes().or_else(|_| device.running_graphics_processes_v2());
    if computing.is_err() && drawing.is_err() {
        return None;
    }
    let mut held: BTreeMap<(u32, Option<u32>), u64> = BTreeMap::new();
    for process in computing.into_iter().flatten().chain(drawing.into_iter().flatten()) {
        if let UsedGpuMemory::Used(bytes) = process.used_gpu_memory
            && pids.contains(&process.pid)
        {
            let most = held.entry((process.pid, process.gpu_instance_id)).or_default();
            *most = bytes.max(*most);
        }
    }
    Some(held.values().sum())
}

#[cfg(test)]
mod tests;
