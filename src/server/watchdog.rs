//! Threads that look at the process from outside: the runtime may wait for a thread, and a thread for a disk that never answers.

use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use tracing::error;

use crate::processor::Pulse;
use crate::telemetry;
use crate::telemetry::condition::{self, Severity};

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(250);

/// A batch that is in hand for this long means that the process is not ready.
const STALL_SHOWN: Duration = Duration::from_secs(4);

/// The exit code of a process that did not end by itself: a failure.
const FAILED: i32 = 1;

/// The condition of a processor that stands still.
const STALLED: &str = "processor_stalled";

/// Watches the age of the batch in hand and of the last commit, as long as the processor's pulse exists. A batch that is in hand for
/// `hang_limit` never ends: the process does, for a supervisor to start it again.
pub fn watch_commits(pulse: &Arc<Pulse>, hang_limit: Duration) -> std::io::Result<()> {
    let pulse = Arc::downgrade(pulse);
    thread::Builder::new().name("watchdog".to_owned()).spawn(move || watch(&pulse, hang_limit)).map(|_detached| ())
}

fn watch(pulse: &Weak<Pulse>, hang_limit: Duration) {
    while let Some(pulse) = pulse.upgrade() {
        let busy = pulse.busy().unwrap_or_default();
        telemetry::COMMIT_AGE_SECONDS.set(pulse.commit_age().as_secs_f64());
        telemetry::COMMIT_WAIT_SECONDS.set(busy.as_secs_f64());
        if STALL_SHOWN <= busy {
            let detail =
                format!("the processor has been busy with one batch for {:.0} s; nothing newer is applied", busy.as_secs_f64());
            condition::raise(STALLED, Severity::Critical, true, detail);
        } else {
            condition::clear(STALLED);
        }
        if hang_limit <= busy {
            error!(?busy, "the processor hangs; ending the process, to be started again");
            exit(FAILED);
        }
        drop(pulse);
        thread::sleep(INTERVAL);
    }
    condition::clear(STALLED);
}

/// Ends the process when `grace` has passed, unless dropped before.
pub struct Deadline {
    disarmed: Arc<AtomicBool>,
}

impl Deadline {
    pub fn within(grace: Duration) -> Self {
        let disarmed = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&disarmed);
        let watch = move || {
            let until = Instant::now() + grace;
            while Instant::now() < until {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                thread::sleep(INTERVAL.min(grace));
            }
            if !ended.load(Ordering::Relaxed) {
                error!(?grace, "something holds on past the grace period; the process ends without it");
                exit(FAILED);
            }
        };
        // without a thread the grace periods of the single steps are what is left
        let _ = thread::Builder::new().name("deadline".to_owned()).spawn(watch);
        Self { disarmed }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.disarmed.store(true, Ordering::Relaxed);
    }
}
