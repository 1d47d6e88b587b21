//! Publishing what leaves us: facts on `<root>.out.…` and jobs on `<root>.job.…`, each under the id of its effect, acknowledged by its
//! stream. Nothing of ours reads them back as input.

use bytes::Bytes;

use crate::ids::EffectId;
use crate::nats::connect::Nats;
use crate::nats::door::{Door, DoorError, Headers};
use crate::nats::provision::{ProvisionError, Role, declarations, provision_one};

/// Publishes into one of our streams. Cheap to clone.
#[derive(Clone)]
pub struct Outlet {
    nats: Nats,
    door: Door,
    role: Role,
}

/// One message, ready to go.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub subject: String,
    /// What it is, for those who read CloudEvents.
    pub name: String,
    pub id: EffectId,
    /// JSON.
    pub payload: Bytes,
}

impl Outlet {
    pub fn new(nats: &Nats, role: Role) -> Self {
        Self { nats: nats.clone(), door: Door::new(nats), role }
    }

    pub const fn role(&self) -> Role {
        self.role
    }

    /// Makes the stream again if it is gone. True if it was.
    pub async fn restore(&self) -> Result<bool, ProvisionError> {
        let declared = declarations().into_iter().find(|declaration| declaration.role == self.role);
        let declaration = declared.expect("each file in streams/ declares one role");
        provision_one(&self.nats, &declaration).await.map(|stream| stream.is_new)
    }

    /// Where `fact` about a model, or a kind of input, is published.
    pub fn fact(&self, fact: &str, about: &str) -> String {
        self.nats.root().fact(fact, about)
    }

    /// Where a job of `kind` about a model is ordered.
    pub fn job(&self, kind: &str, about: &str) -> String {
        self.nats.root().job(kind, about)
    }

    /// Publishes in order, each message under its id with CloudEvents headers, and waits until the stream has every one. On an error
    /// some may be stored: publish all again, under the same ids.
    pub async fn publish_all(&self, messages: &[Outgoing]) -> Result<(), DoorError> {
        let message_of = |message: &Outgoing| {
            let id = message.id.to_string();
            let headers = [
                ("Nats-Msg-Id", id.as_str()),
                ("Content-Type", "application/json"),
                ("ce-specversion", "1.0"),
                ("ce-id", &id),
                ("ce-type", &message.name),
                ("ce-source", "tidewatch"),
            ];
            let headers = headers.into_iter().try_fold(Headers::new(), |headers, (name, value)| headers.with(name, value))?;
            Ok((message.subject.clone(), headers, message.payload.clone()))
        };
        let messages: Vec<_> = messages.iter().map(message_of).collect::<Result<_, DoorError>>()?;
        self.door.publish_to(messages).await.map(|_sequences| ())
    }
}
