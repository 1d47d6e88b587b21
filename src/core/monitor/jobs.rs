//! Jobs: measured runs and retrainings, and the batches they are part of. Made of `job` events alone, so that whoever measures, ours or not,
//! is shown alike. The newest are kept; of batches whose jobs are no longer all there, what those have cost in sum.

mod batch;
mod job;
mod report;
mod roll;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use batch::{Batch, Sum};
pub use job::{Figures, Job, JobKind, JobState};

use crate::event::{Fault, Note};
use crate::ids::Name;
use crate::monitor::kept::Kept;
use crate::monitor::limits::{BATCHES_MAX, JOBS_MAX};
use crate::monitor::rows::{Reader, Rows, Tag, Writer};
use crate::monitor::turn::Turn;
use report::Report;
use roll::{Named, Roll};

/// All jobs and batches, by number in the order of the log.
#[derive(Clone, Debug)]
pub struct Jobs {
    jobs: Roll<Job>,
    batches: Roll<Batch>,
}

/// What became of jobs that are no longer there. Part of the desk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Jobs and batches that made room for newer ones.
    pub jobs_dropped: u64,
    pub batches_dropped: u64,
    /// Numbers given to jobs.
    pub jobs_given: u32,
    /// Reports whose state is none of those known: kept with their source, and in no job.
    pub states_unknown: u64,
}

/// What a commit changed: jobs by number, and batches.
#[derive(Clone, Debug, Default)]
pub struct JobsChanged {
    pub jobs: (Vec<u32>, Vec<(u32, Name)>),
    pub batches: (Vec<u32>, Vec<(u32, Name)>),
}

impl Default for Jobs {
    fn default() -> Self {
        Self { jobs: Roll::new(Tag::Job, JOBS_MAX), batches: Roll::new(Tag::Batch, BATCHES_MAX) }
    }
}

impl Jobs {
    pub fn job(&self, number: u32) -> Option<&Arc<Kept<Job>>> {
        self.jobs.get(number)
    }

    pub fn batch(&self, number: u32) -> Option<&Arc<Kept<Batch>>> {
        self.batches.get(number)
    }

    /// Everything there is, as if it had just changed.
    pub fn all(&self) -> JobsChanged {
        JobsChanged { jobs: (self.jobs.numbers(), Vec::new()), batches: (self.batches.numbers(), Vec::new()) }
    }

    /// Why a report is of no job: one that has ended, or goes on, under another run of the same id. `None`: it will be taken.
    pub(super) fn refuses(&self, note: &Note) -> Option<Fault> {
        let report = Report::of(note)?;
        let known = self.jobs.find(&report.job)?;
        if report.state? == JobState::Started || known.run == report.run || report.run.is_none() {
            return None;
        }
        let detail = format!(
            "job {:?} is run {:?} since {}, and this is a report of run {:?}; give each job an id of its own",
            known.id.as_str(),
            known.run.as_deref().unwrap_or_default(),
            known.began_at.map(|at| at.to_string()).unwrap_or_default(),
            report.run.as_deref().unwrap_or_default()
        );
        Some(Fault::new("job_id_taken", detail, "/job_id".into()))
    }

    /// Takes a report that was not refused.
    pub(super) fn on_report(&mut self, turn: &mut Turn<'_>, note: &Note) {
        let Some(report) = Report::of(note) else { return };
        if report.state.is_none() {
            turn.desk.jobs.states_unknown += 1;
            return;
        }
        let now = turn.time();
        let is_new = self.jobs.find(&report.job).is_none();
        if is_new {
            if let Some(dropped) = self.jobs.make_room(|job| job.has_ended()) {
                turn.desk.jobs.jobs_dropped += 1;
                self.leave(&dropped);
            }
            self.jobs.insert(Job::new(&report, note, now));
            turn.desk.jobs.jobs_given = self.jobs.given();
        }
        let before = self.jobs.find(&report.job).and_then(|job| job.batch.clone());
        let job = self.jobs.change(&report.job).expect("it was known, or has just been inserted");
        job.take(report, note, now);
        let batch = job.batch.clone();
        if let Some(id) = batch
            && (is_new || before.as_ref() != Some(&id))
        {
            self.join(turn, id);
        }
    }

    /// One job more of a batch.
    fn join(&mut self, turn: &mut Turn<'_>, id: Name) {
        if self.batches.find(&id).is_none() {
            // the oldest number is the batch that began first
            if self.batches.make_room(|_| true).is_some() {
                turn.desk.jobs.batches_dropped += 1;
            }
            self.batches.insert(Batch::new(id.clone()));
        }
        self.batches.change(&id).expect("it was known, or has just been inserted").jobs += 1;
    }

    /// A job makes room: what it has cost stays with its batch.
    fn leave(&mut self, job: &Job) {
        if let Some(batch) = job.batch.as_ref().and_then(|id| self.batches.change(id)) {
            batch.dropped.add(job);
        }
    }
}

impl Named for Job {
    fn id(&self) -> &Name {
        &self.id
    }
}

impl Named for Batch {
    fn id(&self) -> &Name {
        &self.id
    }
}

impl Rows for Jobs {
    type Changed = JobsChanged;

    fn save(&mut self, to: &mut dyn Writer) -> JobsChanged {
        JobsChanged { jobs: self.jobs.save(to), batches: self.batches.save(to) }
    }

    fn restore<R: Reader>(rows: &R, given: u32) -> Result<Self, R::Error> {
        let jobs = Roll::restore(rows, Tag::Job, JOBS_MAX, given)?;
        let batches = Roll::restore(rows, Tag::Batch, BATCHES_MAX, 0)?;
        Ok(Self { jobs, batches })
    }
}

#[cfg(test)]
mod tests;
