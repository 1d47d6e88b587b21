//! Asking a pull consumer for messages, with an account of our own of what is on its way. The client library keeps one too, counts
//! on two tasks, and stops asking when a message overtakes its count.
//!
//! The server ends a request by count of messages, by bytes or by time, and says so only sometimes. A request here is so large in
//! messages that its bytes always end it, and those both sides count alike: what was asked for, less what came, less what the
//! server says it will not send. No ending goes unnoticed, and there is one number to keep.

use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::{Client, Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use serde_json::json;
use tracing::debug;

/// The bytes one request may bring, subjects and headers included; above the largest message (2 MiB), so that each fits.
const REQUEST_BYTES: usize = 4 << 20;
/// No message counts for less: its own subject, and the subject to acknowledge it on with stream, consumer and four numbers.
const MESSAGE_BYTES_MIN: usize = 64;
/// More messages than the bytes of a request can hold.
const REQUEST_MESSAGES: usize = REQUEST_BYTES / MESSAGE_BYTES_MIN;
/// Messages that can wait in the client for us to take them: a whole request and the rest of the one before, with room for what
/// the server says in between. The client drops what comes beyond.
pub const WAITING_MESSAGES_MAX: usize = 2 * REQUEST_MESSAGES;
/// A request ends after this and is renewed.
const EXPIRES: Duration = Duration::from_secs(30);
/// The server says "still here" this often when it has nothing to send.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Silence after which nobody is there.
const SILENCE_MAX: Duration = Duration::from_secs(2);

/// What the server says when a message is larger than what is left of a request.
const TOO_LARGE_FOR_REST: &str = "Message Size Exceeds MaxBytes";

/// One consumer, and what it still owes us.
pub(super) struct Pull {
    client: Client,
    /// Where requests go, and what each says.
    subject: String,
    request: Bytes,
    /// Where messages come.
    inbox: String,
    messages: Subscriber,
    /// Bytes asked for that neither came nor were refused.
    owed: usize,
}

/// The consumer is of no more use.
#[derive(Debug, thiserror::Error)]
pub(super) enum PullError {
    #[error("the consumer was silent for {} s", SILENCE_MAX.as_secs())]
    Silent,
    #[error("the subscription ended")]
    Unsubscribed,
    #[error("nobody answers for the consumer")]
    NoResponders,
    #[error("a message has more than {REQUEST_BYTES} bytes")]
    MessageTooLarge,
    #[error("the server answers a request for messages with {status} {description}")]
    Refused { status: StatusCode, description: String },
    #[error("the messages cannot be subscribed to")]
    Subscribe(#[from] async_nats::SubscribeError),
    #[error("the request for messages cannot be sent")]
    Request(#[from] async_nats::PublishError),
}

/// What the server said instead of a message.
#[derive(Debug, PartialEq, Eq)]
enum Notice {
    StillHere,
    /// A request has ended, so many bytes short; `None`: any request there was.
    Ended {
        short: Option<usize>,
    },
    TooLarge,
    NoResponders,
    Refused,
}

impl Pull {
    pub(super) async fn new(client: &Client, consumer: &PullConsumer) -> Result<Self, PullError> {
        let info = consumer.cached_info();
        let inbox = client.new_inbox();
        let request = json!({
            "batch": REQUEST_MESSAGES,
            "max_bytes": REQUEST_BYTES,
            "expires": EXPIRES.as_nanos() as u64,
            "idle_heartbeat": HEARTBEAT.as_nanos() as u64,
        });
        Ok(Self {
            messages: client.subscribe(inbox.clone()).await?,
            client: client.clone(),
            subject: format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", info.stream_name, info.name),
            request: Bytes::from(request.to_string()),
            inbox,
            owed: 0,
        })
    }

    /// The next message, waiting for it. Cancel-safe: what was taken and not given back was no message.
    pub(super) async fn next(&mut self) -> Result<Message, PullError> {
        loop {
            self.ask().await?;
            let Ok(came) = tokio::time::timeout(SILENCE_MAX, self.messages.next()).await else {
                return Err(PullError::Silent);
            };
            if let Some(message) = self.sort(came.ok_or(PullError::Unsubscribed)?)? {
                return Ok(message);
            }
        }
    }

    /// The next message if it is there already. Asks for no more: [`Self::next`] does, before what is owed runs out.
    pub(super) fn ready(&mut self) -> Option<Result<Message, PullError>> {
        loop {
            // Unconstrained: the runtime's budget would otherwise say "not ready" every few dozen messages.
            let came = tokio::task::unconstrained(self.messages.next()).now_or_never()?;
            if let Some(sorted) = came.map_or(Err(PullError::Unsubscribed), |came| self.sort(came)).transpose() {
                return Some(sorted);
            }
        }
    }

    /// Sends a request when less than half of one is owed.
    async fn ask(&mut self) -> Result<(), PullError> {
        if self.owed <= REQUEST_BYTES / 2 {
            self.client.publish_with_reply(self.subject.clone(), self.inbox.clone(), self.request.clone()).await?;
            self.owed += REQUEST_BYTES;
        }
        Ok(())
    }

    /// A message of the stream, or nothing if the server only spoke of its requests.
    fn sort(&mut self, message: Message) -> Result<Option<Message>, PullError> {
        // a stored message has a position to reply to, whatever its publisher wrote where the server writes a status
        if message.reply.is_some() {
            self.owed = self.owed.saturating_sub(message.length);
            return Ok(Some(message));
        }
        let status = message.status.unwrap_or(StatusCode::OK);
        let description = message.description.as_deref().unwrap_or_default();
        let short = message.headers.as_ref().and_then(|headers| headers.get("Nats-Pending-Bytes"));
        match notice(status, description, short.and_then(|short| short.as_str().parse().ok())) {
            Notice::StillHere => {}
            Notice::Ended { short } => {
                debug!(%status, description, short, "a request for messages has ended");
                self.owed = short.map_or(0, |short| self.owed.saturating_sub(short));
            }
            Notice::TooLarge => return Err(PullError::MessageTooLarge),
            Notice::NoResponders => return Err(PullError::NoResponders),
            Notice::Refused => return Err(PullError::Refused { status, description: description.to_owned() }),
        }
        Ok(None)
    }
}

/// `short`: the bytes of the request that will not come. After a change of leader, or from a server that does not say, none of what
/// was asked for will; asking twice for the same does no harm.
fn notice(status: StatusCode, description: &str, short: Option<usize>) -> Notice {
    match (status, description) {
        (StatusCode::IDLE_HEARTBEAT, _) => Notice::StillHere,
        (StatusCode::REQUEST_TERMINATED, TOO_LARGE_FOR_REST) if short == Some(REQUEST_BYTES) => Notice::TooLarge,
        (StatusCode::TIMEOUT | StatusCode::NOT_FOUND, _)
        | (StatusCode::REQUEST_TERMINATED, TOO_LARGE_FOR_REST | "Batch Completed" | "Leadership Change") => {
            Notice::Ended { short }
        }
        (StatusCode::NO_RESPONDERS, _) => Notice::NoResponders,
        _ => Notice::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_ends_short_is_told_from_a_consumer_that_is_of_no_more_use() {
        let of = |code: u16, description, short| notice(StatusCode::from_u16(code).unwrap(), description, short);
        assert_eq!(of(100, "Idle Heartbeat", None), Notice::StillHere);
        assert_eq!(of(408, "Request Timeout", Some(700)), Notice::Ended { short: Some(700) });
        assert_eq!(of(404, "No Messages", None), Notice::Ended { short: None });
        assert_eq!(of(409, TOO_LARGE_FOR_REST, Some(700)), Notice::Ended { short: Some(700) });
        assert_eq!(of(409, TOO_LARGE_FOR_REST, Some(REQUEST_BYTES)), Notice::TooLarge);
        assert_eq!(of(409, "Leadership Change", None), Notice::Ended { short: None });
        assert_eq!(of(503, "", None), Notice::NoResponders);
        for of_no_use in ["Consumer Deleted", "Server Shutdown", "Exceeded MaxRequestBatch of 100"] {
            assert_eq!(of(409, of_no_use, None), Notice::Refused, "{of_no_use}");
        }
        assert_eq!(of(400, "Bad Request", None), Notice::Refused);
    }
}
