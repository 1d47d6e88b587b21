//! A whole stream out of a server and into another, by the JetStream API for it: messages keep their sequences and times, and the stream
//! its time of creation. What is carried is the server's own form of a stream (a compressed tar archive); nobody here looks into it.

use std::time::Duration;

use async_nats::StatusCode;
use bytes::Bytes;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::nats::connect::Nats;
use crate::nats::provision::Role;
use crate::nats::stream::{StreamError, api};

/// Bytes of one message on the way; below what every server takes.
const CHUNK_BYTES: usize = 128 << 10;

/// How long a server may be silent between two chunks. It reads, or writes, a block of some MiB meanwhile.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How long a server may take to put a stream together that it was sent: it reads all of it.
const STAGING_MAX: Duration = Duration::from_secs(1_800);

/// A stream as its server describes it when it is carried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamForm {
    /// Its settings, in the words of the JetStream API.
    pub config: Value,
    /// Its bounds and counts.
    pub state: Value,
}

#[derive(Debug, thiserror::Error)]
pub enum CarryError<E: std::error::Error + 'static> {
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error("the connection to NATS was lost while the stream was carried")]
    Closed(#[source] async_nats::Error),
    #[error("the NATS server was silent for {} s while the stream was carried", SILENCE_MAX.as_secs())]
    Silent,
    #[error("the NATS server ended the transfer: {0}")]
    Ended(String),
    #[error("chunk {wanted} of the stream was lost on its way and {got} came; try again")]
    Lost { wanted: u64, got: u64 },
    /// Of whoever keeps or gives the chunks.
    #[error(transparent)]
    Other(E),
}

#[derive(Deserialize)]
struct Target {
    deliver_subject: String,
}

impl Nats {
    /// Reads the whole stream of `role`, chunk by chunk. Messages that are published meanwhile may be in it or not.
    ///
    /// Errors: the stream cannot be read, or what `keep` gives.
    pub async fn read_stream<E: std::error::Error + 'static>(
        &self,
        role: Role,
        mut keep: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<StreamForm, CarryError<E>> {
        let name = role.stream_name(self.root());
        let inbox = self.client().new_inbox();
        let closed = |error: async_nats::Error| CarryError::Closed(error);
        let mut chunks = self.client().subscribe(inbox.clone()).await.map_err(|error| closed(error.into()))?;
        self.client().flush().await.map_err(|error| closed(error.into()))?;
        let request = json!({ "deliver_subject": inbox, "no_consumers": true, "chunk_size": CHUNK_BYTES, "jsck": false });
        let form: StreamForm = api(self, &name, "STREAM.SNAPSHOT", &request).await?;
        let mut wanted = 1;
        loop {
            let next = timeout(SILENCE_MAX, chunks.next()).await.map_err(|_elapsed| CarryError::Silent)?;
            let Some(chunk) = next else { return Err(CarryError::Ended("the connection was closed".to_owned())) };
            if let Some(status) = chunk.status.filter(|status| *status != StatusCode::OK) {
                let words = chunk.description.map(|words| words.to_string()).unwrap_or_default();
                // newer servers end with 204
                if status.as_u16() == 204 && chunk.payload.is_empty() {
                    return Ok(form);
                }
                return Err(CarryError::Ended(format!("{status} {words}")));
            }
            if chunk.payload.is_empty() {
                return Ok(form);
            }
            if let Some(reply) = chunk.reply {
                if let Some(got) = reply.rsplit('.').next().and_then(|index| index.parse().ok())
                    && got != wanted
                {
                    return Err(CarryError::Lost { wanted, got });
                }
                self.client().publish(reply, Bytes::new()).await.map_err(|error| closed(error.into()))?;
            }
            wanted += 1;
            keep(&chunk.payload).map_err(CarryError::Other)?;
        }
    }

    /// Makes the stream of `role`, which must not be there, of chunks that [`Self::read_stream`] gave; `give` gives the next, and none after
    /// the last. `form` is how it is to be.
    ///
    /// Errors: the server refuses it, or what `give` gives.
    pub async fn write_stream<E: std::error::Error + 'static>(
        &self,
        role: Role,
        form: &StreamForm,
        mut give: impl FnMut() -> Result<Option<Vec<u8>>, E>,
    ) -> Result<(), CarryError<E>> {
        let name = role.stream_name(self.root());
        let Target { deliver_subject } = api(self, &name, "STREAM.RESTORE", form).await?;
        while let Some(bytes) = give().map_err(CarryError::Other)? {
            for chunk in bytes.chunks(CHUNK_BYTES) {
                let answer = self.send_chunk(&deliver_subject, Bytes::copy_from_slice(chunk), SILENCE_MAX).await?;
                if let Some(problem) = problem_in(&answer) {
                    return Err(CarryError::Ended(problem));
                }
            }
        }
        let answer = self.send_chunk(&deliver_subject, Bytes::new(), STAGING_MAX).await?;
        problem_in(&answer).map_or(Ok(()), |problem| Err(CarryError::Ended(problem)))
    }

    async fn send_chunk<E: std::error::Error + 'static>(
        &self,
        subject: &str,
        chunk: Bytes,
        patience: Duration,
    ) -> Result<Bytes, CarryError<E>> {
        let request = async_nats::Request::new().payload(chunk).timeout(Some(patience));
        let answer = self.client().send_request(subject.to_owned(), request).await;
        answer.map(|answer| answer.payload).map_err(|error| CarryError::Closed(error.into()))
    }

    /// Deletes the stream of `role` if nothing was ever stored in it. False if something was.
    pub async fn delete_unused(&self, role: Role) -> Result<bool, StreamError> {
        if self.status(role).await?.last_seq != 0 {
            return Ok(false);
        }
        let name = role.stream_name(self.root());
        let _: Value = api(self, &name, "STREAM.DELETE", &()).await?;
        Ok(true)
    }
}

/// What an answer to a chunk says is wrong.
fn problem_in(answer: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let error = answer.get("error")?;
    Some(error["description"].as_str().map_or_else(|| error.to_string(), str::to_owned))
}
