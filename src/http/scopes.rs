//! Jobs that were opened over the API and name a process of this host: each is measured by a thread of its own until it is closed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::machine::meter::Measured;
use crate::machine::scope::Scope;
use crate::machine::tree::Stat;

/// Jobs measured here at once; a further one is refused.
const SCOPES_MAX: usize = 64;

/// Those that are open.
#[derive(Default)]
pub struct Scopes {
    open: Mutex<BTreeMap<String, Scope>>,
    opened: AtomicU64,
}

/// Why a job is not measured.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("there is no process {0} on the host of this server; leave pid out to measure time alone")]
    NoProcess(u32),
    #[error("it is being measured already")]
    Open,
    #[error("{SCOPES_MAX} jobs are measured here already; finish one first")]
    TooMany,
    #[error("no thread can be had to measure it: {0}")]
    NoThread(std::io::Error),
}

impl Scopes {
    /// For ids: how many jobs have begun over the API in the life of the process.
    pub fn next_number(&self) -> u64 {
        self.opened.fetch_add(1, Ordering::Relaxed)
    }

    /// Begins to measure a process under the id of a job.
    pub fn open(&self, id: &str, pid: u32) -> Result<(), Refusal> {
        if Stat::of(pid).is_none_or(|stat| stat.has_ended()) {
            return Err(Refusal::NoProcess(pid));
        }
        let mut open = self.lock();
        if open.contains_key(id) {
            return Err(Refusal::Open);
        }
        if SCOPES_MAX <= open.len() {
            return Err(Refusal::TooMany);
        }
        open.insert(id.to_owned(), Scope::open(pid).map_err(Refusal::NoThread)?);
        Ok(())
    }

    /// Ends measuring; `None` if nothing is measured under that id. Waits for a last look, some milliseconds.
    pub fn close(&self, id: &str) -> Option<Measured> {
        let scope = self.lock().remove(id)?;
        scope.close()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Scope>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_measured_from_opening_to_closing() {
        let scopes = Scopes::default();
        scopes.open("a", std::process::id()).unwrap();
        assert!(matches!(scopes.open("a", std::process::id()), Err(Refusal::Open)));
        assert!(matches!(scopes.open("b", u32::MAX), Err(Refusal::NoProcess(_))));
        let measured = scopes.close("a").unwrap();
        assert!(0.0 < measured.figures.ram_mb_peak && 0.0 < measured.figures.processing_time_sec, "{measured:?}");
        assert!(scopes.close("a").is_none());
    }
}
