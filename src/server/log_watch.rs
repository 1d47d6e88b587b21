//! Watches the log: where it begins and ends, how much room is left and for how long, and whether it is still the one we read.

mod day;
mod forecast;
mod intake;
mod rights;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::http::LogStatus;
use crate::ids::Slug;
use crate::nats::growth::Growth;
use crate::nats::provision::Role;
use crate::nats::room::{self, NoRoom, Unit};
use crate::nats::{LogChanged, Nats, StreamError, StreamStatus, continuity};
use crate::telemetry;
use crate::telemetry::condition::{self, Severity};
use crate::view::View;
use forecast::Forecast;
use intake::Intake;
use rights::Rights;

/// Between two questions to the server.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long the server may be silent about the stream, over a connection that stands, before that is said: as long as one question waits
/// for its answer, so that it is said within three seconds.
const SILENCE_MAX: Duration = Duration::from_secs(2);

/// Free bytes on the disk of the data directory below which a managed server takes nothing more from us.
const DISK_LOW: u64 = 16 << 20;

/// What is added where a server would drop acknowledged messages.
const RESTRICTED: &str = ", or take nats-server 2.10 or newer: this one would drop the oldest acknowledged messages of a full stream, so the stream takes \
    commands, outcomes and ticks only, and publishers over NATS hear `no responders`. It takes everything again by itself once there is room";

/// What the watch looks at.
pub struct Watched {
    pub nats: Nats,
    pub view: watch::Receiver<Arc<View>>,
    /// As seen at start.
    pub input: StreamStatus,
    pub data: PathBuf,
    /// The server's files lie on the disk of the data directory.
    pub managed: bool,
    /// The source of what we publish ourselves.
    pub own: Slug,
}

/// Starts watching. Ready means: connected, and everything up to [`LogStatus::start_seq`] is applied. The second receiver is told once if
/// the log is no longer the one that the store was built from.
pub fn start(
    watched: Watched,
    stop: CancellationToken,
    tasks: &mut JoinSet<()>,
) -> (watch::Receiver<LogStatus>, oneshot::Receiver<LogChanged>) {
    let input = &watched.input;
    let first = LogStatus {
        last_seq: input.last_seq,
        first_seq: input.first_seq,
        start_seq: input.last_seq,
        connected: true,
        ready: readiness(true, watched.view.borrow().position, input.last_seq),
    };
    let (sender, receiver) = watch::channel(first);
    let (changed, told) = oneshot::channel();
    let (day, day_growth) = watch::channel(None);
    tasks.spawn(day::watch(watched.nats.clone(), day, stop.clone()));
    tasks.spawn(async move {
        let mut watch = Watch::of(watched, day_growth, Some(changed));
        watch.look(&sender).await;
        watch.run(sender, stop).await;
    });
    (receiver, told)
}

struct Watch {
    watched: Watched,
    /// By bytes, and by messages.
    forecasts: [Forecast; 2],
    day: watch::Receiver<Option<Growth>>,
    intake: Intake,
    /// The first sequence that the log is known to have.
    first_seq: u64,
    rights: Rights,
    /// When the first question was asked that the server has not answered for the stream.
    silent_since: Option<Instant>,
    changed: Option<oneshot::Sender<LogChanged>>,
}

impl Watch {
    fn of(watched: Watched, day: watch::Receiver<Option<Growth>>, changed: Option<oneshot::Sender<LogChanged>>) -> Self {
        let first_seq = watched.input.first_seq;
        let rights = Rights::proven(watched.own.clone(), &watched.nats);
        Self {
            watched,
            forecasts: Default::default(),
            day,
            intake: Intake::default(),
            first_seq,
            rights,
            silent_since: None,
            changed,
        }
    }

    async fn run(&mut self, sender: watch::Sender<LogStatus>, stop: CancellationToken) {
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let start_seq = sender.borrow().start_seq;
        let mut view = self.watched.view.clone();
        let mut caught_up = false;
        loop {
            // all branches are cancel-safe: a token, a watch and timers
            let is_whole = tokio::select! {
                () = stop.cancelled() => return,
                seen = view.wait_for(|view| start_seq <= view.position), if !caught_up => {
                    if seen.is_err() {
                        return;
                    }
                    caught_up = true;
                    true
                }
                () = tokio::time::sleep(self.intake.next_look()), if self.intake.next_look() < INTERVAL => false,
                _ = interval.tick() => true,
            };
            if is_whole {
                self.look(&sender).await;
            } else {
                self.look_at_room().await;
            }
        }
    }

    /// Asks the server once and passes on what it says.
    async fn look(&mut self, sender: &watch::Sender<LogStatus>) {
        let connected = self.watched.nats.is_connected();
        let asked_at = Instant::now();
        let status = if connected { Some(self.watched.nats.status(Role::Input).await) } else { None };
        self.note_silence(status.as_ref(), asked_at);
        let status = status.and_then(Result::ok);
        if let Some(status) = &status {
            self.note_front(status);
            self.intake.look(&self.watched.nats, status).await;
            self.note_room(status);
        }
        self.note_disk();
        self.rights.look(&self.watched.nats).await;
        let position = self.watched.view.borrow().position;
        sender.send_modify(|log| {
            if let Some(status) = &status {
                (log.first_seq, log.last_seq) = (status.first_seq, status.last_seq);
            }
            // what has been applied is in the stream
            log.last_seq = log.last_seq.max(position);
            log.connected = connected;
            log.ready = readiness(connected, position, log.start_seq);
        });
    }

    /// Asks for the room only, between two whole looks at a stream that others may fill in less.
    async fn look_at_room(&mut self) {
        if let Ok(status) = self.watched.nats.status(Role::Input).await {
            self.intake.look(&self.watched.nats, &status).await;
        }
    }

    /// A server that does not answer for the stream, or has it no longer.
    fn note_silence(&mut self, status: Option<&Result<StreamStatus, StreamError>>, asked_at: Instant) {
        match status {
            Some(Err(error @ StreamError::Missing { .. })) => {
                condition::raise(
                    "log_missing",
                    Severity::Critical,
                    true,
                    format!("{error}; restore it, or see `tidewatch rebuild`"),
                );
            }
            Some(Err(error)) => {
                let since = *self.silent_since.get_or_insert(asked_at);
                if SILENCE_MAX <= since.elapsed() {
                    let detail =
                        format!("NATS is connected and does not answer for the input stream ({error}); see the server's log");
                    condition::raise("log_silent", Severity::Critical, true, detail);
                }
                return;
            }
            Some(Ok(_)) => {
                condition::clear("log_missing");
            }
            None => {}
        }
        self.silent_since = None;
        condition::clear("log_silent");
    }

    /// Messages that left the beginning of the log: a loss, unless its settings drop them.
    fn note_front(&mut self, status: &StreamStatus) {
        telemetry::LOG_FIRST_SEQ.set(status.first_seq as f64);
        match &status.drops {
            Some(settings) => {
                let detail = format!(
                    "the input stream is set to drop messages by itself ({settings}): a rebuild will not bring back what it has dropped"
                );
                condition::raise("log_drops", Severity::Warning, false, detail);
            }
            None => {
                condition::clear("log_drops");
            }
        }
        self.first_seq = self.first_seq.max(status.first_seq.min(self.watched.nats.expected_first_seq(status)));
        if status.first_seq <= self.first_seq {
            return;
        }
        telemetry::LOG_LOST_MESSAGES.add(status.first_seq - self.first_seq.max(1));
        let applied = self.watched.view.borrow().position;
        if let Err(lost) = continuity::front(self.first_seq, status, applied)
            && let Some(changed) = self.changed.take()
        {
            error!(error = %lost, "the log lost acknowledged messages");
            condition::raise("log_lost", Severity::Critical, true, lost.to_string());
            // whoever waited for it is gone only when the process stops anyway
            let _ = changed.send(lost);
        }
        self.first_seq = status.first_seq;
    }

    /// How full the log is, and for how long it will do.
    fn note_room(&mut self, status: &StreamStatus) {
        let room = self.watched.nats.room();
        room.set(status.held());
        let disk = if self.watched.managed { free_bytes(&self.watched.data) } else { None };
        let now = Instant::now().into_std();
        let ([by_bytes, by_messages], [bytes, messages]) = (&mut self.forecasts, status.held());
        let fills = [by_bytes.look(now, bytes, disk), by_messages.look(now, messages, None)];
        forecast::show(&fills[0], &fills[1]);
        telemetry::LOG_RESERVE_BYTES.set(status.max_bytes.map_or(f64::NAN, |most| room::reserve(Unit::Bytes, most) as f64));
        let day_hours = forecast::show_day(*self.day.borrow(), status, disk);
        match fills.iter().filter_map(|fill| fill.warning(day_hours)).max_by_key(|(severity, _)| *severity) {
            Some((severity, detail)) => {
                if condition::raise("log_filling", severity, false, detail.clone()) {
                    warn!(detail, "the log fills up");
                }
            }
            None => {
                condition::clear("log_filling");
            }
        }
        let Some(detail) = room.full().and_then(|why| full(why, room.is_restricted())) else {
            condition::clear("log_full");
            return;
        };
        if condition::raise("log_full", Severity::Critical, true, detail.clone()) {
            error!(detail, "the log is full");
        }
    }

    fn note_disk(&self) {
        let Some(free) = free_bytes(&self.watched.data) else { return };
        telemetry::DISK_FREE_BYTES.set(free as f64);
        let low = self.watched.managed && free < DISK_LOW;
        self.watched.nats.room().set_disk_low(low);
        if low {
            let detail = format!(
                "{free} bytes are free on the disk of {}, where the managed nats-server keeps the log; producers are refused until there \
                 are {DISK_LOW}",
                self.watched.data.display()
            );
            condition::raise("log_disk_full", Severity::Critical, true, detail);
        } else {
            condition::clear("log_disk_full");
        }
    }
}

/// What there is to say of a log that takes no more from producers; `None` if it is the disk, which is told of by itself.
fn full(why: NoRoom, restricted: bool) -> Option<String> {
    match why {
        NoRoom::Kept { unit, used, most, reserve } => Some(format!(
            "the log is full: {used} of {most} {} are used and the last {reserve} are kept for commands, outcomes and ticks; producers are \
             refused. Raise {} of the input stream (`nats stream edit`){}",
            unit.shown(),
            unit.setting(),
            if restricted { RESTRICTED } else { "" }
        )),
        NoRoom::Server(detail) => Some(format!(
            "the log is full: the NATS server has no room for another message ({detail}). Free space on its disk, or raise max_file_store of \
             the server or the limit of the account"
        )),
        NoRoom::Disk => None,
    }
}

fn free_bytes(data: &std::path::Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(data).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn readiness(connected: bool, position: u64, start_seq: u64) -> Result<(), String> {
    match connected {
        false => Err("not connected to NATS".to_owned()),
        true if position < start_seq => Err(format!("catching up: applied {position} of {start_seq}")),
        true => Ok(()),
    }
}
