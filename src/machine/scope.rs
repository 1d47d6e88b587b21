//! A process of somebody else's that is measured by a thread of its own, until whoever began that wants to know no more.

use std::io::Error as IoError;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::gpu::Gpus;
use crate::meter::{Ended, Measured, Meter};
use crate::tree::Root;

/// One process, with all it starts. Dropped: nobody wants to know any more.
#[derive(Debug)]
pub struct Scope {
    /// Dropped: it is to end.
    stop: Sender<()>,
    so_far: Arc<Mutex<Option<Measured>>>,
    thread: JoinHandle<()>,
}

impl Scope {
    /// Begins to measure a process.
    ///
    /// Errors: no thread can be had.
    pub fn open(pid: u32) -> Result<Self, IoError> {
        let (stop, stopped) = channel();
        let so_far: Arc<Mutex<Option<Measured>>> = Arc::default();
        let told = Arc::clone(&so_far);
        let thread = std::thread::Builder::new().name("scope".into()).spawn(move || measure(pid, &stopped, &told))?;
        Ok(Self { stop, so_far, thread })
    }

    /// What it has cost up to the last look; `None` before the first.
    pub fn so_far(&self) -> Option<Measured> {
        *self.so_far.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends measuring. Waits for a last look, some milliseconds.
    pub fn close(self) -> Option<Measured> {
        let Self { stop, so_far, thread } = self;
        drop(stop);
        thread.join().ok()?;
        so_far.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Looks until it is to end. A process that has ended meanwhile costs nothing more.
fn measure(pid: u32, stopped: &Receiver<()>, told: &Mutex<Option<Measured>>) {
    let mut meter = Meter::new(Root::Process(pid), Gpus::none());
    let mut is_first = true;
    loop {
        let wait = meter.due().saturating_duration_since(Instant::now());
        let is_over = matches!(stopped.recv_timeout(wait), Err(RecvTimeoutError::Disconnected));
        meter.look(Ended::default());
        *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(meter.so_far());
        if is_over {
            return;
        }
        // the driver's library may take long to open, so a first look comes before
        if std::mem::take(&mut is_first) {
            meter.use_gpus(Gpus::open().0);
        }
    }
}
