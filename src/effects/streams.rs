//! Effects that are messages: facts go to the facts stream, and orders to the jobs stream, where workers in any language take them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use tracing::{debug, warn};

use super::{Handler, Held};
use crate::event::Lane;
use crate::ids::EffectId;
use crate::monitor::effect::{Action, Effect, Fact};
use crate::nats::outlet::{Outgoing, Outlet};
use crate::nats::{DoorError, Nats, Role};
use crate::telemetry::{self, chain};

/// How often in a row a message may be refused for a reason that we do not know to be final, before it is given up: some six seconds.
const REFUSALS_MAX: u32 = 6;

/// Publishes each effect of a lane into its stream.
pub struct IntoStream {
    lane: Lane,
    outlet: Outlet,
    refused: Refused,
}

impl IntoStream {
    pub fn new(nats: &Nats, lane: Lane) -> Self {
        let role = match lane {
            Lane::Facts => Role::Facts,
            Lane::Jobs => Role::Jobs,
        };
        Self { lane, outlet: Outlet::new(nats, role), refused: Refused::default() }
    }

    /// Publishes messages in order. One that the stream refuses for good is given up, so that those behind it go on; whatever may still
    /// change holds them up.
    async fn publish(&mut self, messages: &[Outgoing]) -> Result<(), DoorError> {
        let messages: Vec<Outgoing> =
            messages.iter().filter(|message| !self.refused.given_up.contains(&message.id)).cloned().collect();
        match self.outlet.publish_all(&messages).await {
            Ok(()) => return Ok(()),
            Err(error) if error.is_retryable() => return Err(error),
            Err(error) => debug!(error = %chain(&error), "one of these messages is refused"),
        }
        // which one shows one by one; the stream drops those that it has
        for message in messages {
            let Err(error) = self.outlet.publish_all(std::slice::from_ref(&message)).await else { continue };
            if error.is_retryable() || !self.refused.is_for_good(message.id, &error) {
                return Err(error);
            }
            telemetry::EFFECTS_GIVEN_UP.add(1);
            warn!(id = %message.id, subject = message.subject, error = %chain(&error), "a message is given up");
        }
        Ok(())
    }

    fn message_of(&self, effect: Effect) -> Outgoing {
        let (subject, name, body) = match effect.action {
            Action::Announce(announcement) => {
                let name = announcement.fact().as_str();
                (self.outlet.fact(name, announcement.about()), name.to_owned(), announcement.body(effect.id))
            }
            Action::Order(order) => {
                (self.outlet.job(order.kind.as_str(), order.about.as_str()), order.kind.to_string(), order.body)
            }
        };
        Outgoing { subject, name, id: effect.id, payload: Bytes::from(body) }
    }

    /// Makes the stream again, if it is gone.
    async fn restore(&self) -> bool {
        let lane = self.lane.as_str();
        match self.outlet.restore().await {
            Ok(true) => {
                if self.outlet.role() == Role::Facts {
                    telemetry::FACTS_STREAMS_RESTORED.add(1);
                }
                warn!("the {lane} stream was gone and was made again; the {lane} that it held are lost");
                true
            }
            Ok(false) => false,
            Err(error) => {
                warn!(error = %chain(&error), "the {lane} stream cannot be made again");
                false
            }
        }
    }
}

impl Handler for IntoStream {
    fn lane(&self) -> Lane {
        self.lane
    }

    async fn carry_out(&mut self, mut effects: Vec<Effect>) -> Result<(), Held> {
        // what somebody waits for does not wait behind what nobody could read
        effects.sort_by_key(|effect| effect.announced().is_some_and(|announcement| announcement.fact() == Fact::Rejected));
        let messages: Vec<Outgoing> = effects.into_iter().map(|effect| self.message_of(effect)).collect();
        let mut published = self.publish(&messages).await;
        if matches!(published, Err(DoorError::NoStream { .. })) && self.restore().await {
            published = self.publish(&messages).await;
        }
        published.map_err(|source| Unpublished { lane: self.lane, source })?;
        self.refused = Refused::default();
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{} could not be published", lane.as_str())]
struct Unpublished {
    lane: Lane,
    source: DoorError,
}

/// What the stream refused of the row of the outbox at hand.
#[derive(Debug, Default)]
struct Refused {
    times: BTreeMap<EffectId, u32>,
    given_up: BTreeSet<EffectId>,
}

impl Refused {
    /// Whether `error` is the end of the message `id`: no other answer can come, or none came often enough. Asked once a refusal.
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
