//! The rooms whose rows are the state. A new room is a line in each of these.

use crate::ids::Name;
use crate::monitor::analysis::Analysis;
use crate::monitor::jobs::{Jobs, JobsChanged};
use crate::monitor::model::Models;
use crate::monitor::retraining::Retraining;
use crate::monitor::rows::{self, Reader, Rows, Writer};
use crate::monitor::source::Sources;
use crate::monitor::{Desk, State};

/// What a commit changed of each room.
#[derive(Clone, Debug)]
pub struct Changed {
    pub models: rows::Changed<Name>,
    pub sources: rows::Changed<Name>,
    /// By the number of the subject.
    pub analysis: rows::Changed<u32>,
    /// Whether anything of it did.
    pub retraining: bool,
    pub jobs: JobsChanged,
}

impl State {
    /// Writes every row that has changed since this was last called. The desk is not among them: it is written whole, with each commit.
    pub fn save(&mut self, to: &mut dyn Writer) -> Changed {
        Changed {
            models: self.models.save(to),
            sources: self.sources.save(to),
            analysis: self.analysis.save(to),
            retraining: self.retraining.save(to),
            jobs: self.jobs.save(to),
        }
    }

    /// Reads the state back.
    ///
    /// Errors: those of the reader, and a row that cannot be read.
    pub fn restore<R: Reader>(desk: Desk, rows: &R) -> Result<Self, R::Error> {
        let given = &desk.forgotten;
        Ok(Self {
            models: Models::restore(rows, given.models_given)?,
            sources: Sources::restore(rows, given.sources_given)?,
            analysis: Analysis::restore(rows, given.subjects_given)?,
            retraining: Retraining::restore(rows, 0)?,
            jobs: Jobs::restore(rows, desk.jobs.jobs_given)?,
            desk,
        })
    }

    /// Everything there is, as if it had just changed.
    pub fn all(&self) -> Changed {
        Changed {
            models: rows::Changed { changed: self.models.iter().map(|model| model.id).collect(), gone: Vec::new() },
            sources: rows::Changed { changed: self.sources.iter().map(|(id, _)| id).collect(), gone: Vec::new() },
            analysis: rows::Changed { changed: self.analysis.iter().map(|(id, _)| id).collect(), gone: Vec::new() },
            retraining: true,
            jobs: self.jobs.all(),
        }
    }
}
