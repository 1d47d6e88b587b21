//! A part of the log read again, in order and to its end: what a trainer learns from. The reader that keeps the position is not disturbed.

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, ReplayPolicy, pull};

use super::pulling::{Pull, PullError};
use super::{BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, INACTIVE_MAX, RawMessage, position, with_source};
use crate::nats::connect::Nats;
use crate::nats::provision::Role;
use crate::nats::stream::StreamError;
use crate::time::Timestamp;

/// Sequences that are tried one after the other where a message was deleted.
const DELETED_MAX: u64 = 64;

/// Why a part of the log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    #[error("the log cannot be asked where it begins")]
    Stream(#[from] StreamError),
    #[error("the log cannot be read again: {0}")]
    Consumer(String),
    #[error("the log stopped answering in the middle")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("a message came without its position")]
    NoPosition,
}

/// Reads from one sequence to another.
pub struct Past {
    messages: Pull,
    through: u64,
    /// Whether the last of them came.
    ended: bool,
}

impl Past {
    /// Begins to read.
    ///
    /// * `from`, `through`: first and last sequence; what was deleted of them is passed over.
    pub async fn open(nats: &Nats, from: u64, through: u64) -> Result<Self, PastError> {
        let refused = |error: &dyn std::error::Error| PastError::Consumer(with_source(error));
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from.max(1) },
            ack_policy: AckPolicy::None,
            replay_policy: ReplayPolicy::Instant,
            inactive_threshold: INACTIVE_MAX,
            memory_storage: true,
            num_replicas: 1,
            ..Default::default()
        };
        let stream = Role::Input.stream_name(nats.root());
        let consumer = nats.jetstream().create_consumer_on_stream(config, stream).await.map_err(|error| refused(&error))?;
        let nothing = consumer.cached_info().num_pending == 0 || through < from;
        let messages = Pull::new(nats.client(), &consumer).await.map_err(|error| refused(&error))?;
        Ok(Self { messages, through, ended: nothing })
    }

    /// The next messages, in order; none at the end.
    pub async fn next(&mut self) -> Result<Vec<RawMessage>, PastError> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while !self.ended && batch.len() < BATCH_MESSAGES_MAX && bytes < BATCH_BYTES_MAX {
            let message = if batch.is_empty() {
                self.messages.next().await
            } else {
                match self.messages.ready() {
                    Some(ready) => ready,
                    None => break,
                }
            };
            let message = message.map_err(|error: PullError| PastError::Broken(error.into()))?;
            let reply = message.reply.as_deref().unwrap_or_default();
            let (seq, stored_at) = position(reply).ok_or(PastError::NoPosition)?;
            self.ended = is_last(reply) || self.through <= seq;
            if self.through < seq {
                break;
            }
            bytes += message.payload.len();
            let async_nats::Message { subject, headers, payload, .. } = message;
            batch.push(RawMessage { seq, stored_at, subject, headers, payload });
        }
        Ok(batch)
    }
}

/// Whether nothing comes behind a message. Its position ends with how many do; with a domain there are two tokens more in front, and one behind.
fn is_last(reply: &str) -> bool {
    let tokens: Vec<&str> = reply.split('.').collect();
    let place = if tokens.len() == 9 { 8 } else { 10 };
    tokens.get(place) == Some(&"0")
}

impl Nats {
    /// The first sequence up to `through` that was stored at `since` or later; the one behind `through` if there is none.
    pub async fn sequence_at(&self, since: Timestamp, through: u64) -> Result<u64, StreamError> {
        let status = self.status(Role::Input).await?;
        let (mut low, mut high) = (status.first_seq.max(1), through.min(status.last_seq) + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let mut found = None;
            for seq in middle..high.min(middle + DELETED_MAX) {
                if let Some(message) = self.get_message(Role::Input, seq).await? {
                    found = Some(message);
                    break;
                }
            }
            match found {
                Some(message) if message.stored_at < since => low = message.seq + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_message_is_known_by_its_position_in_both_forms() {
        assert!(is_last("$JS.ACK.TW_INPUT.abc.1.7.1.1767225600000000000.0"));
        assert!(!is_last("$JS.ACK.TW_INPUT.abc.1.7.1.1767225600000000000.10"));
        assert!(is_last("$JS.ACK.hub.hash.TW_INPUT.abc.1.7.1.1767225600000000000.0.token"));
        assert!(!is_last("$JS.ACK.hub.hash.TW_INPUT.abc.1.7.1.1767225600000000000.3.0"));
    }
}
