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

/// Watches the age of the batch in hand and of the last commit, as long as the processor's pulse exists. A batch with which nothing has gone on for
/// `hang_limit` never ends: the process does, for a supervisor to start it again. One that only takes long goes on.
pub fn watch_commits(pulse: &Arc<Pulse>, hang_limit: Duration) -> std::io::Result<()> {
    let pulse = Arc::downgrade(pulse);
    thread::Builder::new().name("watchdog".to_owned()).spawn(move || watch(&pulse, hang_limit)).map(|_detached| ())
}

fn watch(pulse: &Weak<Pulse>, hang_limit: Duration) {
    let mut standstill = Standstill { steps: 0, since: Instant::now() };
    while let Some(pulse) = pulse.upgrade() {
        let busy = pulse.busy();
        let still = standstill.look(busy.map(|_| pulse.steps()), Instant::now());
        let busy = busy.unwrap_or_default();
        telemetry::COMMIT_AGE_SECONDS.set(pulse.commit_age().as_secs_f64());
        telemetry::COMMIT_WAIT_SECONDS.set(busy.as_secs_f64());
        if STALL_SHOWN <= busy {
            let goes_on = if STALL_SHOWN <= still { "does not go on" } else { "goes on" };
            let detail = format!(
                "the processor has been busy with one batch for {:.0} s and {goes_on}; nothing newer is applied",
                busy.as_secs_f64()
            );
            condition::raise(STALLED, Severity::Critical, true, detail);
        } else {
            condition::clear(STALLED);
        }
        if hang_limit <= still {
            error!(?busy, ?still, "the processor hangs; ending the process, to be started again");
            exit(FAILED);
        }
        drop(pulse);
        thread::sleep(INTERVAL);
    }
    condition::clear(STALLED);
}

/// Since when nothing has gone on with the batch in hand.
struct Standstill {
    steps: u64,
    since: Instant,
}

impl Standstill {
    /// How long nothing has gone on; `steps`: those done so far, `None` if no batch is in hand.
    fn look(&mut self, steps: Option<u64>, now: Instant) -> Duration {
        if steps != Some(self.steps) {
            *self = Self { steps: steps.unwrap_or(self.steps), since: now };
        }
        now - self.since
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_stands_still_only_while_no_part_of_it_is_done() {
        let (pulse, begun) = (Pulse::default(), Instant::now());
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut standstill = Standstill { steps: 0, since: begun };
        let mut look = |pulse: &Pulse, seconds| standstill.look(pulse.busy().map(|_| pulse.steps()), at(seconds)).as_secs();
        assert_eq!(look(&pulse, 600), 0, "no batch is in hand");
        pulse.begin();
        assert_eq!((look(&pulse, 601), look(&pulse, 700)), (0, 99));
        pulse.step();
        assert_eq!((look(&pulse, 800), look(&pulse, 805)), (0, 5), "it took long and went on");
        pulse.end();
        pulse.begin();
        assert_eq!((look(&pulse, 900), look(&pulse, 901)), (0, 1), "the next one");
    }
}
