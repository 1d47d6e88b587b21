//! Processes that were chosen by name: what all of one name use together.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{Metrics, read};
use crate::tree::{Stat, kilobytes, ticks_per_second};

/// Bytes of a name in the kernel.
const COMM_BYTES: usize = 15;

#[derive(Debug)]
pub struct Chosen {
    names: Vec<String>,
    /// Of each process at the last look: when it started, and its ticks.
    before: BTreeMap<u32, (u64, u64)>,
    looked: Option<Instant>,
}

impl Chosen {
    pub fn new(names: &[String]) -> Self {
        Self { names: names.to_vec(), before: BTreeMap::new(), looked: None }
    }

    /// Of each name how many there are, what they hold, and from the second look on what they have used since the one before.
    pub fn look(&mut self, metrics: &mut Metrics) {
        let now = Instant::now();
        let seconds = self.looked.map(|looked| now.duration_since(looked).as_secs_f64()).filter(|seconds| 0.0 < *seconds);
        let mut found: BTreeMap<&str, (u64, u64, u64)> = self.names.iter().map(|name| (name.as_str(), (0, 0, 0))).collect();
        let mut after = BTreeMap::new();
        for pid in pids() {
            let Some(name) = self.names.iter().find(|name| is_named(pid, name)) else { continue };
            let Some(stat) = Stat::of(pid).filter(|stat| !stat.has_ended()) else { continue };
            let known = self.before.get(&pid).filter(|(started, _)| *started == stat.started);
            let used = stat.own_ticks.saturating_sub(known.map_or(0, |(_, ticks)| *ticks));
            after.insert(pid, (stat.started, stat.own_ticks));
            let (count, bytes, ticks) = found.entry(name).or_default();
            *count += 1;
            *bytes += kilobytes(&read(&format!("/proc/{pid}/status")), "VmRSS:").unwrap_or(0);
            *ticks += used;
        }
        for (name, (count, bytes, ticks)) in found {
            let labels = || vec![("name", name.to_owned())];
            metrics.count("tidewatch_process_count", count, labels());
            metrics.count("tidewatch_process_resident_bytes", bytes, labels());
            if let Some(seconds) = seconds {
                let percent = 100.0 * ticks as f64 / ticks_per_second() as f64 / seconds;
                metrics.put("tidewatch_process_cpu_percent", percent, labels());
            }
        }
        (self.before, self.looked) = (after, Some(now));
    }
}

/// Processes there are.
pub fn pids() -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Whether a process has this name: as the kernel shortens it, or as its program is called.
pub fn is_named(pid: u32, name: &str) -> bool {
    let comm = read(&format!("/proc/{pid}/comm"));
    let comm = comm.trim_end_matches('\n');
    if comm == name {
        return true;
    }
    // only a name that fills all there is room for may have been longer
    comm.len() == COMM_BYTES && name.starts_with(comm) && {
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let program = arguments.split(|byte| *byte == 0).next().unwrap_or_default();
        program.rsplit(|byte| *byte == b'/').next() == Some(name.as_bytes())
    }
}
