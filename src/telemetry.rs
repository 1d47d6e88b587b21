//! What the process tells of itself: the log, and one counter for each way to lose or delay data. Counters live as long as the
//! process and are no part of the read model.

pub mod condition;
pub mod lane;

use std::fmt::{Display, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};
use crate::{files, store};

/// How long a panic is a condition.
const PANIC_SHOWN: Duration = Duration::from_secs(60 * 60);

/// A number that only grows, named `tidewatch_<noun>_<unit>_total`.
pub struct Counter {
    name: &'static str,
    help: &'static str,
    value: AtomicU64,
}

/// A figure of the moment, named `tidewatch_<noun>_<unit>`. Not shown before it is known.
pub struct Gauge {
    name: &'static str,
    help: &'static str,
    /// The bits of an `f64`; not a number while it is not known.
    bits: AtomicU64,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the log filter is not valid")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    #[error("logging was set up before")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Declares the counters once: a static for each and the list of all.
macro_rules! counters {
    ($($constant:ident, $name:literal, $help:literal;)*) => {
        $(#[doc = $help] pub static $constant: Counter = Counter::new($name, $help);)*
        /// Every counter, in the order of declaration.
        pub static COUNTERS: &[&Counter] = &[$(&$constant),*];
    };
}

/// As [`counters`], for gauges.
macro_rules! gauges {
    ($($constant:ident, $name:literal, $help:literal;)*) => {
        $(#[doc = $help] pub static $constant: Gauge = Gauge::new($name, $help);)*
        /// Every gauge, in the order of declaration.
        pub static GAUGES: &[&Gauge] = &[$(&$constant),*];
    };
}

gauges! {
    LOG_BYTES, "tidewatch_log_bytes", "Bytes of the input stream, as the server counts them.";
    LOG_MAX_BYTES, "tidewatch_log_max_bytes", "Bytes that the input stream may hold; absent if it has no bound.";
    LOG_USED_RATIO, "tidewatch_log_used_ratio", "Share of the input stream's bound that is used, 0 to 1.";
    LOG_BYTES_PER_SECOND, "tidewatch_log_bytes_per_second", "Growth of the input stream, mean of some ten minutes.";
    LOG_LEFT_SECONDS, "tidewatch_log_left_seconds", "Seconds until the input stream is full at its present growth; absent if it does not grow.";
    LOG_DAY_BYTES_PER_SECOND, "tidewatch_log_day_bytes_per_second", "Growth of the input stream in the last day, by the mean size of its messages; absent of a younger log than an hour.";
    LOG_DAY_LEFT_SECONDS, "tidewatch_log_day_left_seconds", "Seconds until the input stream is full at the growth of the last day; absent if it does not grow.";
    LOG_RESERVE_BYTES, "tidewatch_log_reserve_bytes", "Bytes at the end of the input stream that only commands, outcomes and ticks may use.";
    LOG_FIRST_SEQ, "tidewatch_log_first_seq", "Oldest sequence that the input stream holds.";
    DISK_FREE_BYTES, "tidewatch_disk_free_bytes", "Bytes free on the disk of the data directory.";
    SNAPSHOT_AGE_SECONDS, "tidewatch_snapshot_age_seconds", "Seconds since the newest snapshot was taken and read back; absent if there is none.";
    SNAPSHOT_POSITION, "tidewatch_snapshot_position", "Sequence that the newest snapshot has applied.";
    SNAPSHOT_BYTES, "tidewatch_snapshot_bytes", "Bytes of the files of the newest snapshot.";
    SPOOL_BYTES, "tidewatch_spool_bytes", "Bytes that wait in the spool; absent if it was never needed.";
    SPOOL_DROPPED, "tidewatch_spool_dropped_records", "Records dropped unsent from the spool since it was made, because it was full; absent if it was never needed.";
    COMMIT_AGE_SECONDS, "tidewatch_commit_age_seconds", "Seconds since the last commit of the store, or since the start.";
    COMMIT_WAIT_SECONDS, "tidewatch_commit_wait_seconds", "Seconds that the batch in hand has waited for its commit; 0 if there is none.";
}

counters! {
    INGEST_MESSAGES, "tidewatch_ingest_messages_total", "Messages taken from the input stream.";
    INGEST_BYTES, "tidewatch_ingest_bytes_total", "Payload bytes taken from the input stream.";
    INGEST_RECORDS, "tidewatch_ingest_records_total", "Records decoded from messages, rejected ones too.";
    INGEST_STALLS, "tidewatch_ingest_stalls_total", "Times pulling stopped because the processor's inbox was full.";
    INGEST_RESTARTS, "tidewatch_ingest_restarts_total", "Consumers created anew from our own position.";
    NATS_DISCONNECTS, "tidewatch_nats_disconnects_total", "Times the connection to NATS was lost.";
    REJECTED_RECORDS, "tidewatch_rejected_records_total", "Records that could not be accepted.";
    PUBLISH_FAILURES, "tidewatch_publish_failures_total", "Publishes through the door that failed; the publisher was told.";
    COMMITS, "tidewatch_commit_batches_total", "Batches committed to the store.";
    COMMIT_RECORDS, "tidewatch_commit_records_total", "Records committed to the store.";
    STORE_QUARANTINES, "tidewatch_store_quarantines_total", "Stores put aside as damaged and rebuilt from the log.";
    STORE_CHECKS, "tidewatch_store_checks_total", "Times all rows of the store were added up and agreed with the sum of its commits.";
    STORE_WAITS, "tidewatch_store_waits_total", "Times a commit waited for room on the disk.";
    SNAPSHOTS_TAKEN, "tidewatch_snapshots_taken_total", "Snapshots that were taken, read back and agreed with the store.";
    SNAPSHOT_FAILURES, "tidewatch_snapshot_failures_total", "Snapshots that were begun and do not count.";
    LOG_REFUSALS, "tidewatch_log_refusals_total", "Publishes refused because the rest of the log is kept for commands, outcomes and ticks.";
    LOG_CUT_MESSAGES, "tidewatch_log_cut_messages_total", "Messages that were cut off the beginning of the input stream, as log_retention says.";
    LOG_LOST_MESSAGES, "tidewatch_log_lost_messages_total", "Messages that left the beginning of the input stream while this process watched.";
    REJECTIONS_UNTOLD, "tidewatch_rejections_untold_total", "Rejected records that are counted, and neither listed nor announced one by one.";
    BROKER_REPLACEMENTS, "tidewatch_broker_replacements_total", "Times the managed nats-server was started again because it died or did not answer.";
    EFFECT_RETRIES, "tidewatch_effect_retries_total", "Times effects could not be carried out and were tried again later.";
    EFFECTS_GIVEN_UP, "tidewatch_effects_given_up_total", "Facts and jobs that their stream refused for good; whoever waits for them does not get them.";
    PREDICTIONS_NOT_LOGGED, "tidewatch_predictions_not_logged_total", "Requests that a model answered here and whose answers are not in the log.";
    PANICS, "tidewatch_panics_total", "Faults of this program that ended what it was doing; each is an error in the log.";
    FACTS_STREAMS_RESTORED, "tidewatch_facts_streams_restored_total", "Times the facts stream was gone and was made again; facts in it are lost.";
    HTTP_REFUSALS, "tidewatch_http_refusals_total", "Requests refused for want of a token, a right or a free slot.";
    WEBSOCKET_SKIPS, "tidewatch_websocket_skipped_views_total", "Views a slow WebSocket client did not get.";
    WEBSOCKET_REFUSALS, "tidewatch_websocket_refusals_total", "WebSocket connections refused at the limit.";
    SPOOLED, "tidewatch_spool_records_total", "Records put into the spool because NATS was away.";
    SPOOL_SENT, "tidewatch_spool_sent_total", "Records sent from the spool.";
    SPOOL_LOST, "tidewatch_spool_lost_total", "Records that could be neither sent nor kept in the spool, or that the log refused later.";
    AGENT_SAMPLES, "tidewatch_agent_samples_total", "Samples of this host stored in the log.";
    AGENT_FAILURES, "tidewatch_agent_failures_total", "Samples of this host that could not be stored and are lost.";
}

impl Counter {
    const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, value: AtomicU64::new(0) }
    }

    pub fn add(&self, count: u64) {
        self.value.fetch_add(count, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    pub fn help(&self) -> &'static str {
        self.help
    }
}

impl Gauge {
    const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, bits: AtomicU64::new(f64::NAN.to_bits()) }
    }

    /// Not a number or infinite: the figure is not known, and not shown.
    pub fn set(&self, value: f64) {
        self.bits.store(value.to_bits(), Ordering::Relaxed);
    }

    /// `None` while it is not known.
    pub fn get(&self) -> Option<f64> {
        Some(f64::from_bits(self.bits.load(Ordering::Relaxed))).filter(|value| value.is_finite())
    }

    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// Every counter, every gauge that is known, the lanes of the outbox and every condition that holds, in the Prometheus text format, version 0.0.4.
pub fn render() -> String {
    let mut page = String::new();
    for Counter { name, help, value } in COUNTERS {
        let value = value.load(Ordering::Relaxed);
        writeln!(page, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}").expect("writing to a String cannot fail");
    }
    for gauge in GAUGES {
        let (name, help) = (gauge.name, gauge.help);
        if let Some(value) = gauge.get() {
            writeln!(page, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}")
                .expect("writing to a String cannot fail");
        }
    }
    lane::render(&mut page);
    let name = "tidewatch_condition_active";
    writeln!(page, "# HELP {name} What is wrong with the process or what it stands on: 1 while it holds.\n# TYPE {name} gauge")
        .expect("writing to a String cannot fail");
    for condition in condition::list() {
        let (code, severity) = (condition.code, condition.severity.as_str());
        writeln!(page, "{name}{{code=\"{code}\",severity=\"{severity}\"}} 1").expect("writing to a String cannot fail");
    }
    page
}

/// Sends the log to standard error: to people as text, coloured on a terminal, or to machines as one JSON object a line.
///
/// Errors: the filter is not valid, or logging was set up before.
pub fn start(log: &Log) -> Result<(), Error> {
    use std::io::IsTerminal;
    use tracing_subscriber::util::SubscriberInitExt;
    let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::try_new(&log.filter)?).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).finish().try_init()?,
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init()?,
    }
    watch_panics();
    Ok(())
}

/// Counts every panic from now on and says it in the log, wherever it happens: a task, a thread or a body half sent. Those that a damaged
/// file or store causes in the crates that read it are no fault of the program: they are caught, and whoever catches them says what is damaged.
pub fn watch_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if files::expects_panics() || store::expects_panics() {
            return tracing::debug!("a damaged file or store: {}", panic.payload_as_str().unwrap_or("a panic without words"));
        }
        PANICS.add(1);
        note_panic(panic.location());
        if !tracing::enabled!(tracing::Level::ERROR) {
            return before(panic);
        }
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        let message = panic.payload_as_str().unwrap_or("a panic without words");
        let backtrace = std::backtrace::Backtrace::capture();
        tracing::error!(place, thread, %backtrace, "the program is at fault: {message}");
    }));
}

/// Whoever looks only at the page learns of a panic too. What it interrupted was one answer or one task, which is begun anew, so that it is news and
/// no state of the process: it ends [`PANIC_SHOWN`] after the last one.
fn note_panic(place: Option<&std::panic::Location<'_>>) {
    let (panics, place) = (PANICS.get(), place.map_or_else(|| "an unknown place".to_owned(), ToString::to_string));
    let times = if panics == 1 { "once".to_owned() } else { format!("{panics} times") };
    let detail = format!(
        "the program was at fault {times} since it started, the last time at {place}. Its log has the details of each: please report \
         them. This ends by itself an hour after the last time"
    );
    condition::raise_for(PANIC_SHOWN, "panicked", detail);
}

/// An error and everything that caused it, for a log field: `a: b: c`.
pub fn chain(error: &dyn std::error::Error) -> impl Display {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        write!(text, ": {cause}").expect("writing to a String cannot fail");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_its_own_name_of_the_agreed_form() {
        let mut names: Vec<_> = COUNTERS.iter().map(|counter| counter.name()).collect();
        assert!(names.iter().all(|name| name.starts_with("tidewatch_") && name.ends_with("_total")), "{names:?}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COUNTERS.len());
    }

    #[test]
    fn the_page_shows_what_was_counted() {
        AGENT_SAMPLES.add(2);
        let page = render();
        let line = page.lines().find(|line| line.starts_with("tidewatch_agent_samples_total ")).unwrap();
        assert!(line.ends_with(&AGENT_SAMPLES.get().to_string()), "{line}");
        assert!(COUNTERS.iter().all(|counter| page.contains(&format!("# TYPE {} counter\n", counter.name()))));
    }

    #[test]
    fn a_gauge_is_shown_once_it_is_known() {
        let line = |page: &str| page.lines().any(|line| line == "tidewatch_log_left_seconds 71.5");
        LOG_LEFT_SECONDS.set(f64::INFINITY);
        assert!(LOG_LEFT_SECONDS.get().is_none() && !line(&render()));
        LOG_LEFT_SECONDS.set(71.5);
        assert!(line(&render()));
    }

    #[test]
    fn a_chain_names_every_cause_once() {
        let inner = std::io::Error::other("disk on fire");
        let outer = crate::config::Error::Read { path: "a.toml".into(), source: inner };
        assert_eq!(chain(&outer).to_string(), "cannot read the configuration file a.toml: disk on fire");
    }
}
