//! The clock event. Silence is an input: a tick in the log every few seconds closes the windows of idle models, and at the same
//! place on every replay.

use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::event::Kind;
use crate::ids::Slug;
use crate::nats::{Door, Headers};

/// Between two ticks.
pub const INTERVAL: Duration = Duration::from_secs(5);

/// Publishes a tick every [`INTERVAL`] until `stop`. A tick that cannot be published is not made up for: the next one says more.
pub async fn run(door: Door, source: Slug, stop: CancellationToken) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        // both branches are cancel-safe: a timer and a token
        tokio::select! {
            () = stop.cancelled() => return,
            _ = interval.tick() => {}
        }
        if let Err(error) = door.publish(Kind::Tick, &source, Headers::new(), Bytes::from_static(b"{}")).await {
            warn!(%error, "tick not published");
        }
    }
}
