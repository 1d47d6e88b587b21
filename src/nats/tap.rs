//! Listening in on what producers publish, beside the log: for whoever looks on a terminal. Sees only what passes while it listens.

use async_nats::{HeaderMap, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;

use crate::event::{Kind, wire};
use crate::nats::connect::Nats;
use crate::nats::stream::header;

/// Messages as they pass.
pub struct Tap(Subscriber);

/// One message on its way into the log.
#[derive(Clone, Debug)]
pub struct Passing {
    pub subject: String,
    pub payload: Bytes,
    headers: Option<HeaderMap>,
}

impl Nats {
    /// Listens to the input of one kind and one source, or of all.
    ///
    /// Errors: the connection is closed.
    pub async fn tap(&self, kind: Option<Kind>, source: Option<&str>) -> Result<Tap, async_nats::SubscribeError> {
        let subject = format!("{}.in.{}.{}", self.root().as_str(), kind.map_or("*", Kind::as_str), source.unwrap_or("*"));
        self.client().subscribe(subject).await.map(Tap)
    }
}

impl Tap {
    /// The next message; `None` once the connection is closed.
    pub async fn next(&mut self) -> Option<Passing> {
        let message = self.0.next().await?;
        Some(Passing { subject: message.subject.to_string(), payload: message.payload, headers: message.headers })
    }
}

impl wire::Headers for Passing {
    fn get(&self, name: &str) -> Option<&str> {
        header(self.headers.as_ref()?, name)
    }
}
