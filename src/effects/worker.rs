//! The worker of one lane: takes its rows from the outbox in order, has them carried out, and tells the log how far it came.

use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{Handler, Held};
use crate::event::{Kind, Lane};
use crate::failpoint::{self, Point};
use crate::ids::Slug;
use crate::monitor::effect::Effect;
use crate::nats::{Door, Headers};
use crate::store::key;
use crate::store::{self, Order, Reader};
use crate::telemetry::lane::Progress;
use crate::telemetry::{self, chain};
use crate::view::View;

/// How often the log is told which effects have been carried out. Until then a crash carries them out again, under the same ids.
const SETTLE_INTERVAL: Duration = Duration::from_secs(5);

/// The wait after a failure, doubling up to the maximum.
const RETRY_DELAY: Duration = Duration::from_millis(200);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(10);

/// How often it is looked whether what is being carried out has taken too long.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// Why effects wait that are being carried out.
const IN_HAND: &str = "whoever takes them has not acknowledged them";

/// What workers of all lanes read and tell.
#[derive(Clone)]
pub struct Told {
    pub view: watch::Receiver<Arc<View>>,
    pub reader: Reader,
    pub door: Door,
    /// The source of what is told.
    pub source: Slug,
    /// Effects wait until this much of the log is applied: the end of the stream as seen at start. Only then is it known which of
    /// them the log says were carried out before.
    pub start_at: u64,
}

/// Has the effects of one lane carried out.
pub struct Worker<H> {
    told: Told,
    lane: Lane,
    progress: &'static Progress,
    handler: H,
    /// Every effect of a message up to this one is carried out.
    done: u64,
    /// The log is told so much.
    settled: u64,
}

impl<H: Handler> Worker<H> {
    pub fn new(told: Told, handler: H) -> Self {
        let lane = handler.lane();
        Self { told, lane, progress: telemetry::lane::of(lane), handler, done: 0, settled: 0 }
    }

    /// Has effects carried out in order until `stop`, which takes hold between two rows of the outbox.
    pub async fn run(mut self, stop: CancellationToken) {
        let (lane, start_at) = (self.lane, self.told.start_at);
        // both branches are cancel-safe: a token and a watch
        tokio::select! {
            () = stop.cancelled() => return,
            caught_up = self.told.view.wait_for(|view| start_at <= view.position) => if caught_up.is_err() { return },
        }
        self.done = self.told.view.borrow().settled.through(lane);
        self.settled = self.done;
        self.progress.end();
        let mut settle = tokio::time::interval(SETTLE_INTERVAL);
        settle.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut delay = RETRY_DELAY;
        loop {
            self.told.view.mark_unchanged();
            if let Err(error) = self.carry_out(&stop).await {
                let why = chain(&*error).to_string();
                warn!(lane = lane.as_str(), error = why, ?delay, "effects wait");
                self.progress.hold(&why);
                telemetry::EFFECT_RETRIES.add(1);
                // all branches are cancel-safe: a token and two timers
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(delay) => {}
                    _ = settle.tick() => self.settle().await,
                }
                delay = (2 * delay).min(RETRY_DELAY_MAX);
                continue;
            }
            delay = RETRY_DELAY;
            // all branches are cancel-safe: a token, a watch and a timer
            tokio::select! {
                () = stop.cancelled() => break,
                changed = self.told.view.changed() => if changed.is_err() { break },
                _ = settle.tick() => self.settle().await,
            }
        }
        self.settle().await;
    }

    /// Has every row of the outbox after `done` carried out.
    async fn carry_out(&mut self, stop: &CancellationToken) -> Result<(), Held> {
        let end = key::outbox(self.lane, u64::MAX);
        while !stop.is_cancelled() {
            let from = key::outbox(self.lane, self.done);
            let rows = self
                .told
                .reader
                .scan(Bound::Excluded(&from), Bound::Included(&end), Order::Ascending, 1)
                .map_err(Error::Store)?;
            let Some((row_key, value)) = rows.first() else { break };
            failpoint::reach(Point::EffectClaimed);
            self.progress.begin(IN_HAND);
            let mut effects: Vec<Effect> = rmp_serde::from_slice(value).map_err(Error::Unreadable)?;
            effects.retain(|effect| self.done < effect.id.seq);
            let count = effects.len();
            self.hand_over(effects).await?;
            failpoint::reach(Point::EffectSent);
            self.progress.end();
            self.done = key::outbox_row(row_key).map_or(self.done, |(_, seq)| seq);
            debug!(lane = self.lane.as_str(), count, through = self.done, "effects carried out");
        }
        Ok(())
    }

    /// Waits for the handler, and says so if that takes long.
    async fn hand_over(&mut self, effects: Vec<Effect>) -> Result<(), Held> {
        let mut work = std::pin::pin!(self.handler.carry_out(effects));
        loop {
            match tokio::time::timeout(LOOK_INTERVAL, &mut work).await {
                Ok(done) => return done,
                Err(_elapsed) => self.progress.hold(IN_HAND),
            }
        }
    }

    /// Tells the log how far it came, if there is news. What cannot be told now is told later.
    async fn settle(&mut self) {
        if self.done <= self.settled {
            return;
        }
        let body = json!({ "lane": self.lane, "settled_through": self.done });
        let told =
            self.told.door.publish(Kind::Outcome, &self.told.source, Headers::new(), Bytes::from(body.to_string())).await;
        failpoint::reach(Point::EffectSettled);
        if told.is_ok() {
            self.settled = self.done;
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the outbox could not be read")]
    Store(#[source] store::Error),
    #[error("a row of the outbox could not be read")]
    Unreadable(#[source] rmp_serde::decode::Error),
}
