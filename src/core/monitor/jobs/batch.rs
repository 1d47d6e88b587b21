//! Jobs that belong together.

use serde::{Deserialize, Serialize};

use super::job::{Job, JobState};
use crate::ids::Name;
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    pub id: Name,
    /// Jobs that were ever part of it.
    pub jobs: u64,
    /// Those that made room for newer jobs.
    pub dropped: Sum,
}

/// Jobs in sum.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sum {
    pub jobs: u64,
    pub running: u64,
    pub complete: u64,
    pub failed: u64,
    pub aborted: u64,
    /// Of those that ran to an end with figures.
    pub measured: u64,
    pub processing_time_sec: f64,
    pub cpu_seconds: f64,
    /// Sums over jobs; divided by `measured` they are means.
    pub cpu_percent_avg: f64,
    pub ram_mb_avg: f64,
    pub gpu_percent: f64,
    /// The largest of any job.
    pub cpu_percent_max: f64,
    pub ram_mb_peak: f64,
    pub gpu_vram_mb_peak: f64,
    pub began_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

impl Batch {
    pub fn new(id: Name) -> Self {
        Self { id, jobs: 0, dropped: Sum::default() }
    }
}

impl Sum {
    /// One job more.
    pub fn add(&mut self, job: &Job) {
        self.jobs += 1;
        *match job.state {
            JobState::Started | JobState::Running => &mut self.running,
            JobState::Complete => &mut self.complete,
            JobState::Failed => &mut self.failed,
            JobState::Aborted => &mut self.aborted,
        } += 1;
        self.began_at = self.began_at.into_iter().chain(job.began_at).min();
        self.ended_at = self.ended_at.max(job.ended_at);
        let Some(figures) = job.figures else { return };
        self.measured += 1;
        self.processing_time_sec += figures.processing_time_sec;
        let seconds = figures.cpu_percent_avg / 100.0 * figures.processing_time_sec;
        self.cpu_seconds += job.cpu_seconds.unwrap_or(seconds);
        self.cpu_percent_avg += figures.cpu_percent_avg;
        self.ram_mb_avg += figures.ram_mb_avg;
        self.gpu_percent += figures.gpu_percent;
        self.cpu_percent_max = self.cpu_percent_max.max(figures.cpu_percent_max);
        self.ram_mb_peak = self.ram_mb_peak.max(figures.ram_mb_peak);
        self.gpu_vram_mb_peak = self.gpu_vram_mb_peak.max(figures.gpu_vram_mb_peak);
    }
}
