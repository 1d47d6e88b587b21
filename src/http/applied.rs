//! What a writer waits for: its event stored, then applied.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use serde::Serialize;

use crate::event::{Command, Kind};
use crate::http::problem::Problem;
use crate::http::publish::{check, faulty};
use crate::http::rejected;
use crate::http::shared::Shared;
use crate::ids::Slug;
use crate::nats::{DoorError, Headers};
use crate::telemetry;
use crate::view::View;

/// How long a stored event may take to be applied before the writer is told to look for itself.
pub const APPLY_DEADLINE: Duration = Duration::from_secs(10);

/// The source of what this API writes by itself.
pub fn own_source() -> Slug {
    Slug::try_from("api").expect("a plain word is a slug")
}

impl Shared {
    /// The first view that reflects the message at `seq`; `None` if that takes longer than [`APPLY_DEADLINE`].
    pub async fn applied(&self, seq: u64) -> Option<Arc<View>> {
        let mut view = self.app.view.clone();
        let found = tokio::time::timeout(APPLY_DEADLINE, view.wait_for(|view| seq <= view.position)).await;
        found.ok()?.ok().map(|view| Arc::clone(&view))
    }

    /// Publishes one JSON record and waits until it is applied.
    pub async fn write(&self, kind: Kind, source: &Slug, body: Vec<u8>) -> Result<(u64, Arc<View>), Problem> {
        let headers = Headers::new().with("Content-Type", "application/json").map_err(refusal)?;
        let seq = self.app.door.publish(kind, source, headers, Bytes::from(body)).await.map_err(refusal)?;
        match self.applied(seq).await {
            Some(view) => Ok((seq, view)),
            None => {
                let detail =
                    format!("stored as sequence {seq}, but not applied within {} s; it will be", APPLY_DEADLINE.as_secs());
                Err(Problem::new(StatusCode::GATEWAY_TIMEOUT, "not-applied-yet", detail).with("seq", seq))
            }
        }
    }

    /// Publishes one JSON record of ours and waits until it is applied.
    ///
    /// Errors: it is faulty, or a bound was reached when it was applied.
    pub async fn accepted(&self, kind: Kind, record: &impl Serialize) -> Result<(u64, Arc<View>), Problem> {
        let body = serde_json::to_vec(record).expect("plain data");
        let (records, faults) = check(kind, &own_source(), &HeaderMap::new(), &body, self.log_clock.now(), &self.view());
        if !faults.is_empty() {
            return Err(faulty(records, &faults));
        }
        let rejected_before = self.view().rejections.total();
        let (seq, view) = self.write(kind, &own_source(), body).await?;
        if view.rejections.total() == rejected_before {
            return Ok((seq, view));
        }
        let reader = self.app.reader.clone();
        let rejected = self.blocking(move || rejected::of_message(&reader, seq)).await?;
        match rejected.first() {
            None => Ok((seq, view)),
            Some(entry) => Err(Problem::unprocessable("not-accepted", entry.fault.detail.clone())
                .with("seq", seq)
                .with("reason", &entry.fault.reason)),
        }
    }

    /// Gives a command and waits until it is obeyed.
    pub async fn command(&self, command: &Command) -> Result<(u64, Arc<View>), Problem> {
        let body = serde_json::to_vec(command).expect("a command is plain data");
        self.write(Kind::Command, &own_source(), body).await
    }
}

/// Why the door did not take a message.
pub fn refusal(error: DoorError) -> Problem {
    tracing::warn!(error = %telemetry::chain(&error), "a publish was refused");
    let detail = error.to_string();
    match error {
        DoorError::NotConnected { .. } => Problem::unavailable("log-unreachable", detail, 2),
        DoorError::NoStream { .. } => Problem::unavailable("no-stream", detail, 5),
        DoorError::Full { .. } | DoorError::Kept { .. } => Problem::unavailable("log-full", detail, 30),
        DoorError::DiskFull => Problem::unavailable("disk-full", detail, 30),
        DoorError::TimedOut { .. } | DoorError::ConnectionLost => {
            Problem::new(StatusCode::GATEWAY_TIMEOUT, "log-timeout", detail)
        }
        DoorError::TooLarge { .. } => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail),
        DoorError::IdTaken { seq, .. } => Problem::new(StatusCode::CONFLICT, "id-taken", detail).with("seq", seq),
        DoorError::BadHeader { .. } => Problem::bad_request("bad-header", detail),
        DoorError::Forbidden(_) | DoorError::Refused { .. } => Problem::new(StatusCode::BAD_GATEWAY, "log-refused", detail),
    }
}
