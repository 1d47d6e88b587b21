//! Whether the server still lets us do what is needed: rights may be taken away while the process runs.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tracing::error;

use crate::ids::Slug;
use crate::nats::Nats;
use crate::telemetry::condition::{self, Severity};

/// Between two proofs: a server says nothing of a right that is gone before it is used.
const INTERVAL: Duration = Duration::from_secs(3);

/// A server that says nothing for so long refuses nothing; its silence is a condition of its own.
const ANSWER_MAX: Duration = Duration::from_secs(3);

const FORBIDDEN: &str = "nats_forbidden";

/// Proves the rights again and again. Nothing is stored by it.
pub struct Rights {
    own: Slug,
    /// The connection and the number of complaints up to which nothing was refused.
    proven: (u64, u64),
    asked_at: Instant,
}

impl Rights {
    /// They were proven on the connection of now, before anything was built on it.
    pub fn proven(own: Slug, nats: &Nats) -> Self {
        Self { own, proven: (nats.link_generation(), nats.complained()), asked_at: Instant::now() }
    }

    /// Proves what publishing takes each [`INTERVAL`], and what reading takes too where the connection is new or the server has complained:
    /// that makes a consumer.
    pub async fn look(&mut self, nats: &Nats) {
        if !nats.is_connected() || self.asked_at.elapsed() < INTERVAL {
            return;
        }
        self.asked_at = Instant::now();
        let is_doubted = self.proven != (nats.link_generation(), nats.complained());
        let proof =
            async { if is_doubted { nats.prove_rights(&self.own).await } else { nats.prove_publishing(&self.own).await } };
        match timeout(ANSWER_MAX, proof).await {
            Ok(Err(forbidden)) => {
                if condition::raise(FORBIDDEN, Severity::Critical, true, forbidden.to_string()) {
                    error!(%forbidden, "NATS does not allow any more what is needed");
                }
            }
            Ok(Ok(())) => {
                self.proven = (nats.link_generation(), nats.complained());
                condition::clear(FORBIDDEN);
            }
            Err(_elapsed) => {}
        }
    }
}
