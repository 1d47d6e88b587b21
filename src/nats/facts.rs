//! Publishing facts on `<root>.out.…`, each under the id of its effect, acknowledged by the facts stream. Nothing of ours reads
//! them back.

use bytes::Bytes;

use crate::ids::EffectId;
use crate::nats::connect::Nats;
use crate::nats::door::{Door, DoorError, Headers};
use crate::nats::provision::{ProvisionError, Role, declarations, provision_one};

/// Publishes into the facts stream. Cheap to clone.
#[derive(Clone)]
pub struct Facts {
    nats: Nats,
    door: Door,
}

/// One fact, ready to go.
#[derive(Clone, Debug)]
pub struct Fact {
    pub subject: String,
    pub name: &'static str,
    pub id: EffectId,
    /// JSON.
    pub payload: Bytes,
}

impl Facts {
    pub fn new(nats: &Nats) -> Self {
        Self { nats: nats.clone(), door: Door::new(nats) }
    }

    /// Makes the facts stream again if it is gone. True if it was.
    pub async fn restore(&self) -> Result<bool, ProvisionError> {
        let declared = declarations().into_iter().find(|declaration| declaration.role == Role::Facts);
        let declaration = declared.expect("each file in streams/ declares one role");
        provision_one(&self.nats, &declaration).await.map(|stream| stream.is_new)
    }

    /// Where `fact` about a model, or a kind of input, is published.
    pub fn subject(&self, fact: &str, about: &str) -> String {
        self.nats.root().fact(fact, about)
    }

    /// Publishes facts in order, each under its id with CloudEvents headers, and waits until the stream has every one. On an error
    /// some may be stored: publish all again, under the same ids.
    pub async fn publish_all(&self, facts: &[Fact]) -> Result<(), DoorError> {
        let message_of = |fact: &Fact| {
            let id = fact.id.to_string();
            let headers = [
                ("Nats-Msg-Id", id.as_str()),
                ("Content-Type", "application/json"),
                ("ce-specversion", "1.0"),
                ("ce-id", &id),
                ("ce-type", fact.name),
                ("ce-source", "tidewatch"),
            ];
            let headers = headers.into_iter().try_fold(Headers::new(), |headers, (name, value)| headers.with(name, value));
            (fact.subject.clone(), headers.expect("ids and constants are fit for headers"), fact.payload.clone())
        };
        let messages: Vec<_> = facts.iter().map(message_of).collect();
        self.door.publish_to(messages).await.map(|_sequences| ())
    }
}
