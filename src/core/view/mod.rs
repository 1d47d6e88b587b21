//! The read model: what the committed state looks like to readers. A [`View`] is finished and never changes; the processor
//! publishes the next one. Knows how figures are shown, not how they are served.

pub mod alarm;
pub mod alike;
pub mod analysis;
pub mod compared;
pub mod discoveries;
pub mod drift;
pub mod evaluation;
pub mod fairness;
pub mod incident;
pub mod job;
pub mod model;
pub mod order;
pub mod profile;
pub mod source;
pub mod status;
pub mod task;
pub mod together;
pub mod totals;
pub mod watch;
pub mod window;
pub mod wording;

use std::sync::Arc;

use imbl::OrdMap;

use crate::ids::Name;
use crate::monitor::analysis::Subject;
use crate::monitor::drift::Fleet;
use crate::monitor::effect::Settled;
use crate::monitor::jobs::{Batch, Job, JobsChanged, Tally};
use crate::monitor::kept::Kept;
use crate::monitor::model::Model;
use crate::monitor::rejected::Rejections;
use crate::monitor::retraining::Retraining;
use crate::monitor::rollup::Rolled;
use crate::monitor::rooms::Changed;
use crate::monitor::source::Source;
use crate::monitor::status::Thresholds;
use crate::monitor::tokens::Tokens;
use crate::monitor::{Counts, State};
use crate::time::Timestamp;

/// The state as of one commit. Cloning shares everything.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Grows by one with every rebuild of the store: positions of two epochs cannot be compared.
    pub epoch: u64,
    /// Sequence of the last message applied.
    pub position: u64,
    /// Newest `stored_at` applied.
    pub log_time: Timestamp,
    /// Digest of the whole state at this position: equal for equal logs.
    pub digest: u128,
    pub counts: Counts,
    pub rejections: Rejections,
    pub thresholds: Thresholds,
    pub drift: Fleet,
    pub tokens: Arc<Tokens>,
    /// How far each lane is known to have been carried out.
    pub settled: Settled,
    /// Sequence of the last command that had a model forgotten; 0 before the first.
    pub models_forgotten_at: u64,
    /// Sources forgotten because nothing had come of them for long.
    pub sources_outlived: u64,
    /// How long windows are kept, and what has become of them.
    pub rolled: Rolled,
    pub models: OrdMap<Name, Arc<Model>>,
    pub sources: OrdMap<Name, (u32, Arc<Kept<Source>>)>,
    /// What is analysed, by the number of the subject.
    pub analysis: OrdMap<u32, Subject>,
    /// Jobs, trained versions and the policy of retraining.
    pub retraining: Retraining,
    /// By number in the order of the log, and the number of each id.
    pub jobs: OrdMap<u32, Arc<Kept<Job>>>,
    pub job_numbers: OrdMap<Name, u32>,
    pub batches: OrdMap<Name, Arc<Kept<Batch>>>,
    /// What became of jobs that are no longer there.
    pub jobs_tally: Tally,
    /// Findings that have begun or ended in the life of the process.
    pub turns: u64,
}

impl View {
    /// The next view: `self` with what changed.
    pub fn advanced(&self, state: &State, digest: u128, changed: &Changed) -> Self {
        let desk = &state.desk;
        let mut next = Self {
            epoch: self.epoch,
            position: desk.position,
            log_time: desk.log_time,
            digest,
            counts: desk.counts,
            rejections: desk.rejections.clone(),
            thresholds: desk.thresholds,
            drift: desk.drift,
            tokens: Arc::clone(&desk.tokens),
            settled: desk.settled.clone(),
            models_forgotten_at: desk.forgotten.models_forgotten_at,
            sources_outlived: desk.forgotten.sources_outlived,
            rolled: desk.rolled,
            models: self.models.clone(),
            sources: self.sources.clone(),
            analysis: self.analysis.clone(),
            retraining: self.retraining.clone(),
            jobs: self.jobs.clone(),
            job_numbers: self.job_numbers.clone(),
            batches: self.batches.clone(),
            jobs_tally: desk.jobs,
            turns: state.analysis.turns(),
        };
        if changed.retraining {
            next.retraining = state.retraining.clone();
        }
        changed.models.gone.iter().for_each(|name| drop(next.models.remove(name)));
        changed.sources.gone.iter().for_each(|name| drop(next.sources.remove(name)));
        changed.analysis.gone.iter().for_each(|id| drop(next.analysis.remove(id)));
        for id in &changed.models.changed {
            let model = state.models.get(*id);
            next.models.insert(model.name.clone(), Arc::clone(model));
        }
        for id in &changed.sources.changed {
            let source = state.sources.get(*id);
            next.sources.insert(source.name.clone(), (*id, Arc::clone(source)));
        }
        for id in &changed.analysis.changed {
            next.analysis.insert(*id, state.analysis.get(*id).clone());
        }
        next.take_jobs(state, &changed.jobs);
        next
    }

    fn take_jobs(&mut self, state: &State, changed: &JobsChanged) {
        for (number, id) in &changed.jobs.1 {
            self.jobs.remove(number);
            self.job_numbers.remove(id);
        }
        changed.batches.1.iter().for_each(|(_, id)| drop(self.batches.remove(id)));
        for number in &changed.jobs.0 {
            if let Some(job) = state.jobs.job(*number) {
                self.job_numbers.insert(job.id.clone(), *number);
                self.jobs.insert(*number, Arc::clone(job));
            }
        }
        for batch in changed.batches.0.iter().filter_map(|number| state.jobs.batch(*number)) {
            self.batches.insert(batch.id.clone(), Arc::clone(batch));
        }
    }

    /// The first view after the store was opened.
    pub fn of(epoch: u64, state: &State, digest: u128) -> Self {
        Self { epoch, ..Self::default() }.advanced(state, digest, &state.all())
    }

    /// The digest as it is shown.
    pub fn digest_hex(&self) -> String {
        format!("{:032x}", self.digest)
    }
}
