//! What a job costs: the eight figures of requirement C1, from looks at its tree of processes every half second.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::gpu::Gpus;
use crate::tree::{MemorySource, Reading, Root, Tree};

/// Between two looks, as requirement C1 has it.
pub const INTERVAL: Duration = Duration::from_millis(500);

/// The first looks come sooner, each twice as long after the one before, so that a job of some milliseconds is seen too.
const FIRST: Duration = Duration::from_millis(4);

/// The kernel counts in hundredths of a second: a shorter stretch says little about the rate of use, and is no maximum.
const STRETCH_MIN: Duration = Duration::from_millis(400);

const MEBIBYTE: f64 = (1 << 20) as f64;

/// What a job has cost, in exactly the names of requirement C1. Percentages are of one core or of one GPU; a megabyte is 2²⁰ bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    pub cpu_percent_avg: f64,
    pub cpu_percent_max: f64,
    pub ram_mb_avg: f64,
    pub ram_mb_peak: f64,
    pub gpu_vram_mb_current: f64,
    pub gpu_vram_mb_peak: f64,
    pub gpu_percent: f64,
    pub processing_time_sec: f64,
}

/// Figures and where they are from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    pub figures: Figures,
    /// Processor time of the whole tree.
    pub cpu_seconds: f64,
    /// What `ram_mb_avg` is the sum of; `None`: nothing was seen alive.
    pub memory_source: Option<MemorySource>,
    /// The peak is the largest resident set that one process has had, since that is more than all together had at any look.
    pub peak_is_high_water: bool,
    /// Looks that were taken.
    pub samples: u32,
}

/// What is known of processes that have ended, by whoever waited for them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ended {
    pub used: Duration,
    /// The largest resident set that one of them has had; 0 if that is not known.
    pub high_water_bytes: u64,
}

impl Measured {
    /// The eight figures and where they are from, as `job` events name them.
    pub fn fields(&self) -> Map<String, Value> {
        let Ok(Value::Object(mut fields)) = serde_json::to_value(self.figures) else { return Map::new() };
        fields.insert("cpu_seconds".into(), json!(self.cpu_seconds));
        if let Some(source) = self.memory_source {
            fields.insert("memory_source".into(), json!(source));
        }
        let peak = if self.peak_is_high_water { json!("high_water_mark") } else { json!(self.memory_source) };
        if !peak.is_null() {
            fields.insert("memory_peak_source".into(), peak);
        }
        fields
    }
}

/// Measures one tree from its making on.
pub struct Meter {
    tree: Tree,
    gpus: Gpus,
    began: Instant,
    looked: Instant,
    used: Duration,
    /// Since when, and from which time of use on, the next rate is taken.
    stretch: (Instant, Duration),
    /// Processor time that the tree had used before it was measured.
    used_before: Duration,
    cpu_percent_max: f64,
    /// Bytes times seconds, and the seconds that they were held.
    memory: (f64, f64),
    /// Of the last look in which something was alive.
    held: u64,
    peak_bytes: u64,
    high_water_bytes: u64,
    source: Option<MemorySource>,
    gpu_current: u64,
    gpu_peak: u64,
    gpu_percent: (f64, f64),
    gpu_percent_now: f64,
    samples: u32,
}

impl Meter {
    /// Begins to measure `root` now. What it has used before does not count.
    pub fn new(root: Root, gpus: Gpus) -> Self {
        let mut tree = Tree::new(root);
        let used_before = match root {
            Root::ChildrenOf(_) => Duration::ZERO,
            Root::Process(_) => tree.read().used,
        };
        let now = Instant::now();
        Self {
            tree,
            gpus,
            began: now,
            looked: now,
            used: Duration::ZERO,
            stretch: (now, Duration::ZERO),
            used_before,
            cpu_percent_max: 0.0,
            memory: (0.0, 0.0),
            held: 0,
            peak_bytes: 0,
            high_water_bytes: 0,
            source: None,
            gpu_current: 0,
            gpu_peak: 0,
            gpu_percent: (0.0, 0.0),
            gpu_percent_now: 0.0,
            samples: 0,
        }
    }

    /// GPUs that have been found since.
    pub fn use_gpus(&mut self, gpus: Gpus) {
        self.gpus = gpus;
    }

    /// When the next look is due.
    pub fn due(&self) -> Instant {
        let early = FIRST.saturating_mul(1 << self.samples.min(16));
        self.looked + early.min(INTERVAL)
    }

    /// Looks at the tree, and gives how many of its processes are alive.
    ///
    /// * `ended`: what is known of those that are gone; whoever waits for them knows.
    pub fn look(&mut self, ended: Ended) -> usize {
        let reading = self.tree.read();
        let share = if reading.pids.is_empty() { Default::default() } else { self.gpus.share(&reading.pids) };
        let now = Instant::now();
        self.take_memory(&reading, now);
        let seconds = now.duration_since(self.looked).as_secs_f64();
        self.gpu_percent.0 += (self.gpu_percent_now + share.percent) / 2.0 * seconds;
        self.gpu_percent.1 += seconds;
        self.gpu_percent_now = share.percent;
        if !reading.pids.is_empty() {
            self.gpu_current = share.memory_bytes;
            self.gpu_peak = self.gpu_peak.max(share.memory_bytes);
        }
        let used = (reading.used + ended.used).saturating_sub(self.used_before);
        self.high_water_bytes = self.high_water_bytes.max(ended.high_water_bytes);
        self.take_time(used, now);
        self.samples += 1;
        reading.pids.len()
    }

    fn take_time(&mut self, used: Duration, now: Instant) {
        // between a child's end and its parent's wait its time is seen by nobody
        self.used = self.used.max(used);
        self.looked = now;
        let (since, before) = self.stretch;
        let stretch = now.duration_since(since);
        if STRETCH_MIN <= stretch {
            let percent = 100.0 * (self.used - before).as_secs_f64() / stretch.as_secs_f64();
            self.cpu_percent_max = self.cpu_percent_max.max(percent);
            self.stretch = (now, self.used);
        }
    }

    /// Memory is held from one look to the next as a straight line.
    fn take_memory(&mut self, reading: &Reading, now: Instant) {
        if reading.pids.is_empty() {
            return;
        }
        let since = now.duration_since(self.looked).as_secs_f64();
        let before = if self.memory.1 == 0.0 { reading.memory_bytes } else { self.held };
        self.memory.0 += (before + reading.memory_bytes) as f64 / 2.0 * since;
        self.memory.1 += since;
        self.held = reading.memory_bytes;
        self.peak_bytes = self.peak_bytes.max(reading.memory_bytes);
        self.high_water_bytes = self.high_water_bytes.max(reading.high_water_bytes);
        self.source = match (self.source, reading.source) {
            (Some(MemorySource::Pss), _) => Some(MemorySource::Pss),
            (before, now) => now.or(before),
        };
    }

    /// Processes that were alive at the last look are still there.
    pub fn has_members(&mut self) -> bool {
        !self.tree.read().pids.is_empty()
    }

    /// What it has cost so far.
    pub fn so_far(&self) -> Measured {
        let elapsed = self.began.elapsed().as_secs_f64();
        let average = if 0.0 < elapsed { 100.0 * self.used.as_secs_f64() / elapsed } else { 0.0 };
        let held = if 0.0 < self.memory.1 { self.memory.0 / self.memory.1 } else { self.peak_bytes as f64 };
        let peak = self.peak_bytes.max(self.high_water_bytes) as f64;
        let gpu_percent = if 0.0 < self.gpu_percent.1 { self.gpu_percent.0 / self.gpu_percent.1 } else { 0.0 };
        let figures = Figures {
            cpu_percent_avg: average,
            cpu_percent_max: self.cpu_percent_max.max(average),
            // a job that nobody saw alive held something all the same
            ram_mb_avg: if held == 0.0 { peak / MEBIBYTE } else { held / MEBIBYTE },
            ram_mb_peak: peak / MEBIBYTE,
            gpu_vram_mb_current: self.gpu_current as f64 / MEBIBYTE,
            gpu_vram_mb_peak: self.gpu_peak as f64 / MEBIBYTE,
            gpu_percent,
            processing_time_sec: elapsed,
        };
        Measured {
            figures,
            cpu_seconds: self.used.as_secs_f64(),
            memory_source: self.source,
            peak_is_high_water: self.peak_bytes < self.high_water_bytes,
            samples: self.samples,
        }
    }
}
