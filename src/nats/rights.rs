//! What the user of the connection must be allowed to do, asked of the server before anything is built on it: a missing permission is
//! named at once, and not found out by silence.

use async_nats::HeaderMap;
use tokio::time::timeout;

use crate::event::Kind;
use crate::ids::Slug;
use crate::nats::connect::{API_TIMEOUT, Nats};
use crate::nats::link::Forbidden;

/// A stream of this name would have to be expected by nobody: a message that expects it is refused and not stored.
const NO_STREAM: &str = "TIDEWATCH_ASKS_FOR_ITS_RIGHTS";

impl Nats {
    /// Makes sure that the input can be read, and that ticks, outcomes and facts can be published. `own`: the source of what we publish
    /// ourselves. Nothing is stored. What the server says nothing about counts as allowed: it may be slow.
    ///
    /// Errors: the first permission that is missing.
    pub async fn prove_rights(&self, own: &Slug) -> Result<(), Forbidden> {
        self.prove_reading().await?;
        self.prove_publishing(own).await
    }

    /// As [`Self::prove_rights`], without what reading takes.
    pub async fn prove_publishing(&self, own: &Slug) -> Result<(), Forbidden> {
        let own = |kind| self.root().input(kind, own);
        for subject in [own(Kind::Tick), own(Kind::Outcome), self.root().fact("status_changed", "tidewatch")] {
            self.prove_publishing_to(subject).await?;
        }
        Ok(())
    }

    /// Publishes a message that the stream refuses.
    async fn prove_publishing_to(&self, subject: String) -> Result<(), Forbidden> {
        let (quoted, since) = (format!("\"{subject}\""), self.complained());
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Stream", NO_STREAM);
        // cancel-safe: an answer that is not waited for is dropped, and a watch
        tokio::select! {
            _ = timeout(API_TIMEOUT, self.client().request_with_headers(subject, headers, "{}".into())) => Ok(()),
            forbidden = self.forbidden(&quoted, since) => Err(forbidden),
        }
    }
}
