//! How the lanes of the outbox get on: what waits on each, since when and why. Set by the processor and by the lane's worker, shown by
//! `/ready`, `/api/v1/health`, the metrics and `doctor`.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::condition::{self, Severity};
use crate::event::Lane;

/// How long effects may wait before that is a condition. A connection that is lost for a moment is none.
const WAIT_SHOWN: Duration = Duration::from_secs(30);

/// How long it is a condition that effects were dropped.
const DROPPED_SHOWN: Duration = Duration::from_secs(60 * 60);

/// One lane.
pub struct Progress {
    lane: Lane,
    backlog: AtomicU64,
    dropped: AtomicU64,
    waiting: Mutex<Option<Waiting>>,
}

/// Effects that are to be carried out now and are not yet.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub since: Instant,
    pub why: String,
}

static LANES: [Progress; Lane::ALL.len()] = [Progress::new(Lane::Facts), Progress::new(Lane::Jobs)];

pub fn of(lane: Lane) -> &'static Progress {
    &LANES[usize::from(lane.number())]
}

impl Progress {
    const fn new(lane: Lane) -> Self {
        Self { lane, backlog: AtomicU64::new(0), dropped: AtomicU64::new(0), waiting: Mutex::new(None) }
    }

    /// Effects that are committed and of which the log does not say yet that they were carried out; it is told every few seconds.
    pub fn backlog(&self) -> u64 {
        self.backlog.load(Ordering::Relaxed)
    }

    pub fn set_backlog(&self, effects: u64) {
        self.backlog.store(effects, Ordering::Relaxed);
    }

    /// Effects that made room for newer ones since the process started, and were never carried out.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Counts effects that made room for newer ones, and says so.
    pub fn drop_effects(&self, effects: u64) {
        let dropped = self.dropped.fetch_add(effects, Ordering::Relaxed) + effects;
        let why = self.waiting().map_or_else(String::new, |waiting| format!(": {}", waiting.why));
        let detail = format!(
            "{} wait that nobody takes{why}; the oldest make room for newer ones, {dropped} were dropped since the start",
            self.lane.as_str()
        );
        condition::raise_for(DROPPED_SHOWN, self.code([FACTS_DROPPED, JOBS_DROPPED]), detail);
    }

    /// Since when effects wait, and why; `None` while none does.
    pub fn waiting(&self) -> Option<Waiting> {
        self.lock().clone()
    }

    /// Some are to be carried out now.
    pub fn begin(&self, why: &str) {
        self.lock().get_or_insert_with(|| Waiting { since: Instant::now(), why: why.to_owned() });
    }

    /// They have to wait still; `why` is the newest reason.
    pub fn hold(&self, why: &str) {
        let since = {
            let mut waiting = self.lock();
            let waiting = waiting.get_or_insert_with(|| Waiting { since: Instant::now(), why: String::new() });
            why.clone_into(&mut waiting.why);
            waiting.since
        };
        if WAIT_SHOWN <= since.elapsed() {
            let detail = format!(
                "{} have waited for more than {} s to be carried out: {why}; they are tried again, and nothing else waits for them",
                self.lane.as_str(),
                WAIT_SHOWN.as_secs()
            );
            condition::raise(self.code([FACTS_WAIT, JOBS_WAIT]), Severity::Warning, false, detail);
        }
    }

    /// They are carried out.
    pub fn end(&self) {
        if self.lock().take().is_some_and(|waiting| WAIT_SHOWN <= waiting.since.elapsed()) {
            condition::clear(self.code([FACTS_WAIT, JOBS_WAIT]));
        }
    }

    fn code(&self, codes: [&'static str; Lane::ALL.len()]) -> &'static str {
        codes[usize::from(self.lane.number())]
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The conditions of effects that wait for long, and of those that were dropped.
const FACTS_WAIT: &str = "facts_wait";
const JOBS_WAIT: &str = "jobs_wait";
const FACTS_DROPPED: &str = "facts_dropped";
const JOBS_DROPPED: &str = "jobs_dropped";

/// The figures of all lanes in the Prometheus text format.
pub(super) fn render(page: &mut String) {
    let mut show = |name: &str, kind: &str, help: &str, of: &dyn Fn(&Progress) -> f64| {
        writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("writing to a String cannot fail");
        for lane in &LANES {
            writeln!(page, "{name}{{lane=\"{}\"}} {}", lane.lane.as_str(), of(lane)).expect("writing to a String cannot fail");
        }
    };
    let waited = |lane: &Progress| lane.waiting().map_or(0.0, |waiting| waiting.since.elapsed().as_secs_f64());
    show(
        "tidewatch_outbox_effects",
        "gauge",
        "Effects that are committed and of which the log does not say yet that they were carried out.",
        &|lane| lane.backlog() as f64,
    );
    show(
        "tidewatch_outbox_wait_seconds",
        "gauge",
        "Seconds that the effects in hand have waited; 0 if there are none.",
        &waited,
    );
    show(
        "tidewatch_outbox_dropped_total",
        "counter",
        "Effects that made room for newer ones because their lane was stuck for too long; never carried out.",
        &|lane| lane.dropped() as f64,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lane_is_found_and_shown_for_itself() {
        assert!(Lane::ALL.iter().all(|lane| of(*lane).lane == *lane));
        of(Lane::Jobs).set_backlog(7);
        of(Lane::Jobs).begin("no worker");
        let mut page = String::new();
        render(&mut page);
        assert!(page.contains("tidewatch_outbox_effects{lane=\"jobs\"} 7\n"), "{page}");
        assert!(page.contains("tidewatch_outbox_wait_seconds{lane=\"facts\"} 0\n"), "{page}");
        of(Lane::Jobs).hold("it is gone");
        assert_eq!(of(Lane::Jobs).waiting().unwrap().why, "it is gone");
        of(Lane::Jobs).end();
        assert!(of(Lane::Jobs).waiting().is_none());
    }
}
