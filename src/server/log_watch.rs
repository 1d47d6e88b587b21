//! Watches where the log ends, for lag and readiness.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::http::LogStatus;
use crate::nats::provision::Role;
use crate::nats::{Nats, StreamStatus};
use crate::view::View;

/// Between two questions to the server.
const INTERVAL: Duration = Duration::from_secs(1);

/// Starts watching. Ready means: connected, and everything up to [`LogStatus::start_seq`] is applied.
pub fn start(
    nats: Nats,
    view: watch::Receiver<Arc<View>>,
    input: StreamStatus,
    stop: CancellationToken,
    tasks: &mut JoinSet<()>,
) -> watch::Receiver<LogStatus> {
    let first = LogStatus {
        last_seq: input.last_seq,
        first_seq: input.first_seq,
        start_seq: input.last_seq,
        connected: true,
        ready: readiness(true, view.borrow().position, input.last_seq),
    };
    let (sender, receiver) = watch::channel(first);
    tasks.spawn(watch_log(nats, view, sender, stop));
    receiver
}

async fn watch_log(
    nats: Nats,
    mut view: watch::Receiver<Arc<View>>,
    sender: watch::Sender<LogStatus>,
    stop: CancellationToken,
) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let start_seq = sender.borrow().start_seq;
    let mut caught_up = false;
    loop {
        // all branches are cancel-safe: a token, a watch and a timer
        tokio::select! {
            () = stop.cancelled() => return,
            seen = view.wait_for(|view| start_seq <= view.position), if !caught_up => match seen {
                Ok(_) => caught_up = true,
                Err(_closed) => return,
            },
            _ = interval.tick() => {}
        }
        let connected = nats.is_connected();
        let status = if connected { nats.status(Role::Input).await.ok() } else { None };
        let position = view.borrow().position;
        sender.send_modify(|log| {
            if let Some(status) = status {
                (log.first_seq, log.last_seq) = (status.first_seq, status.last_seq);
            }
            // what has been applied is in the stream
            log.last_seq = log.last_seq.max(position);
            log.connected = connected;
            log.ready = readiness(connected, position, start_seq);
        });
    }
}

fn readiness(connected: bool, position: u64, start_seq: u64) -> Result<(), String> {
    match connected {
        false => Err("not connected to NATS".to_owned()),
        true if position < start_seq => Err(format!("catching up: applied {position} of {start_seq}")),
        true => Ok(()),
    }
}
