//! Jobs that were opened over the API and name a process of this host: each is measured by a thread of its own until it is closed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::machine::gpu::Gpus;
use crate::machine::meter::{Ended, Measured, Meter};
use crate::machine::tree::{Root, Stat};

/// Jobs measured here at once; a further one is refused.
const SCOPES_MAX: usize = 64;

/// Those that are open.
#[derive(Default)]
pub struct Scopes {
    open: Mutex<BTreeMap<String, Scope>>,
    opened: AtomicU64,
}

struct Scope {
    /// Dropped: it is to end.
    stop: Sender<()>,
    measured: Receiver<Measured>,
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
        let ((stop, stopped), (tell, measured)) = (channel(), channel());
        let measure = move || measure(pid, &stopped, &tell);
        std::thread::Builder::new().name("scope".into()).spawn(measure).map_err(Refusal::NoThread)?;
        open.insert(id.to_owned(), Scope { stop, measured });
        Ok(())
    }

    /// Ends measuring; `None` if nothing is measured under that id. Waits for a last look, some milliseconds.
    pub fn close(&self, id: &str) -> Option<Measured> {
        let Scope { stop, measured } = self.lock().remove(id)?;
        drop(stop);
        measured.recv().ok()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Scope>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks until it is to end. A process that has ended meanwhile costs nothing more.
fn measure(pid: u32, stopped: &Receiver<()>, tell: &Sender<Measured>) {
    let mut meter = Meter::new(Root::Process(pid), Gpus::open().0);
    loop {
        let wait = meter.due().saturating_duration_since(Instant::now());
        let is_over = matches!(stopped.recv_timeout(wait), Err(RecvTimeoutError::Disconnected));
        meter.look(Ended::default());
        if is_over {
            // whoever asked may have given up
            let _ = tell.send(meter.so_far());
            return;
        }
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
