//! The hands: they carry out what the core asked for, at least once each, and say so in the log.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::event::Kind;
use crate::failpoint::{self, Point};
use crate::ids::{EffectId, Slug};
use crate::monitor::effect::{self, Action, Effect};
use crate::nats::facts::{Fact, Facts};
use crate::nats::{Door, DoorError, Headers};
use crate::store::key;
use crate::store::{self, Order, Reader};
use crate::telemetry::{self, chain};
use crate::view::View;

/// How often the log is told which effects have been carried out. Until then a crash carries them out again, under the same ids.
const SETTLE_INTERVAL: Duration = Duration::from_secs(5);

/// The wait after a failure, doubling up to the maximum.
const RETRY_DELAY: Duration = Duration::from_millis(200);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(10);

/// How often in a row a fact may be refused for a reason that we do not know to be final, before it is given up: some six seconds.
const REFUSALS_MAX: u32 = 6;

/// What the hands work with.
pub struct Hands {
    pub view: watch::Receiver<Arc<View>>,
    pub reader: Reader,
    pub facts: Facts,
    pub door: Door,
    pub source: Slug,
    /// Effects wait until this much of the log is applied: the end of the stream as seen at start. Only then is it known which of
    /// them the log says were carried out before.
    pub start_at: u64,
    /// Told since when effects wait to be carried out, and why; `None` while none does.
    pub waiting: watch::Sender<Option<(Instant, String)>>,
}

impl Hands {
    /// Carries out effects in order until `stop`, which takes hold between two rows of the outbox.
    pub async fn run(mut self, stop: CancellationToken) {
        let start_at = self.start_at;
        // both branches are cancel-safe: a token and a watch
        tokio::select! {
            () = stop.cancelled() => return,
            caught_up = self.view.wait_for(|view| start_at <= view.position) => if caught_up.is_err() { return },
        }
        let mut done = self.view.borrow().settled_through;
        let mut settled = done;
        let mut settle = tokio::time::interval(SETTLE_INTERVAL);
        settle.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut delay = RETRY_DELAY;
        let mut refused = Refused::default();
        loop {
            self.view.mark_unchanged();
            match self.carry_out(done, &mut refused, &stop).await {
                Ok(through) => (done, delay) = (through, RETRY_DELAY),
                Err(error) => {
                    warn!(error = %chain(&error), ?delay, "effects wait");
                    self.note_waiting(&chain(&error).to_string());
                    if matches!(&error, Error::Publish(DoorError::NoStream { .. })) && self.restore().await {
                        continue;
                    }
                    telemetry::EFFECT_RETRIES.add(1);
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = tokio::time::sleep(delay) => {}
                    }
                    delay = (2 * delay).min(RETRY_DELAY_MAX);
                    continue;
                }
            }
            // all branches are cancel-safe: a token, a watch and a timer
            tokio::select! {
                () = stop.cancelled() => break,
                changed = self.view.changed() => if changed.is_err() { break },
                _ = settle.tick() => if settled < done && self.settle(done).await { settled = done },
            }
        }
        if settled < done {
            self.settle(done).await;
        }
    }

    /// Carries out every row of the outbox after `done`; gives the sequence through which all is done.
    async fn carry_out(&self, done: u64, refused: &mut Refused, stop: &CancellationToken) -> Result<u64, Error> {
        let mut through = done;
        let (after, end) = (key::outbox(done), key::outbox(u64::MAX));
        while !stop.is_cancelled() {
            let from = if through == done { after.clone() } else { key::outbox(through) };
            let rows =
                self.reader.scan(Bound::Excluded(&from), Bound::Included(&end), Order::Ascending, 1).map_err(Error::Store)?;
            let Some((row_key, value)) = rows.first() else { break };
            failpoint::reach(Point::EffectClaimed);
            self.waiting.send_if_modified(|waiting| {
                let begins = waiting.is_none();
                waiting.get_or_insert_with(|| (Instant::now(), "the facts stream has not acknowledged them".to_owned()));
                begins
            });
            let effects: Vec<Effect> = rmp_serde::from_slice(value).map_err(Error::Unreadable)?;
            let fresh = effects.iter().filter(|effect| done < effect.id.seq);
            let mut facts: Vec<Fact> = fresh.map(|effect| self.fact_of(effect)).collect();
            // what somebody waits for does not wait behind what nobody could read
            facts.sort_by_key(|fact| fact.name == effect::Fact::Rejected.as_str());
            let count = facts.len();
            self.publish(facts, refused).await?;
            *refused = Refused::default();
            failpoint::reach(Point::EffectSent);
            self.waiting.send_if_modified(|waiting| waiting.take().is_some());
            through = key::outbox_seq(row_key).unwrap_or(through);
            debug!(count, through, "effects carried out");
        }
        Ok(through)
    }

    /// Keeps since when effects wait, and says why by the newest failure.
    fn note_waiting(&self, why: &str) {
        self.waiting.send_modify(|waiting| {
            let since = waiting.as_ref().map_or_else(Instant::now, |(since, _)| *since);
            *waiting = Some((since, why.to_owned()));
        });
    }

    /// Makes the facts stream again, if that is what is missing.
    async fn restore(&self) -> bool {
        match self.facts.restore().await {
            Ok(true) => {
                telemetry::FACTS_STREAMS_RESTORED.add(1);
                warn!("the facts stream was gone and was made again; the facts that it held are lost");
                true
            }
            Ok(false) => false,
            Err(error) => {
                warn!(error = %chain(&error), "the facts stream cannot be made again");
                false
            }
        }
    }

    /// Publishes facts in order. One that the stream refuses for good is given up, so that those behind it go on; whatever may still
    /// change holds them up.
    async fn publish(&self, facts: Vec<Fact>, refused: &mut Refused) -> Result<(), Error> {
        let facts: Vec<Fact> = facts.into_iter().filter(|fact| !refused.given_up.contains(&fact.id)).collect();
        match self.facts.publish_all(&facts).await {
            Ok(()) => return Ok(()),
            Err(error) if error.is_retryable() => return Err(Error::Publish(error)),
            Err(error) => debug!(error = %chain(&error), "one of these facts is refused"),
        }
        // which one shows one by one; the stream drops those that it has
        for fact in facts {
            let Err(error) = self.facts.publish_all(std::slice::from_ref(&fact)).await else { continue };
            if error.is_retryable() || !refused.is_for_good(fact.id, &error) {
                return Err(Error::Publish(error));
            }
            telemetry::EFFECTS_GIVEN_UP.add(1);
            warn!(id = %fact.id, subject = fact.subject, error = %chain(&error), "a fact is given up");
        }
        Ok(())
    }

    fn fact_of(&self, effect: &Effect) -> Fact {
        let Action::Announce(announcement) = &effect.action;
        let name = announcement.fact().as_str();
        let subject = self.facts.subject(name, announcement.about());
        Fact { subject, name, id: effect.id, payload: Bytes::from(announcement.body(effect.id)) }
    }

    /// Tells the log; false if it could not be told.
    async fn settle(&self, through: u64) -> bool {
        let body = Bytes::from(format!("{{\"settled_through\":{through}}}"));
        let told = self.door.publish(Kind::Outcome, &self.source, Headers::new(), body).await;
        failpoint::reach(Point::EffectSettled);
        told.is_ok()
    }
}

/// What the stream refused of the row of the outbox at hand.
#[derive(Debug, Default)]
struct Refused {
    times: BTreeMap<EffectId, u32>,
    given_up: BTreeSet<EffectId>,
}

impl Refused {
    /// Whether `error` is the end of the fact `id`: no other answer can come, or none came often enough. Asked once a refusal.
    fn is_for_good(&mut self, id: EffectId, error: &DoorError) -> bool {
        let times = self.times.entry(id).or_default();
        *times += 1;
        let is_final = matches!(error, DoorError::TooLarge { .. } | DoorError::BadHeader { .. }) || REFUSALS_MAX <= *times;
        if is_final {
            self.given_up.insert(id);
        }
        is_final
    }
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the outbox could not be read")]
    Store(#[source] store::Error),
    #[error("a row of the outbox could not be read")]
    Unreadable(#[source] rmp_serde::decode::Error),
    #[error("a fact could not be published")]
    Publish(#[source] DoorError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_is_given_up_at_once_if_no_other_answer_can_come_and_else_after_being_refused_again_and_again() {
        let (one, other) = (EffectId { seq: 7, index: 0 }, EffectId { seq: 7, index: 1 });
        let mut refused = Refused::default();
        assert!(refused.is_for_good(one, &DoorError::TooLarge { bytes: 3_000_000 }));
        let unclear = DoorError::NoStream { subject: String::new() };
        for _ in 1..REFUSALS_MAX {
            assert!(!refused.is_for_good(other, &unclear));
        }
        assert!(refused.is_for_good(other, &unclear));
        assert_eq!(refused.given_up, BTreeSet::from([one, other]));
    }
}
