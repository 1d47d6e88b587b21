//! What the user of the connection must be allowed to do, asked of the server before anything is built on it: a missing permission is
//! named at once, and not found out by silence.

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures_util::StreamExt;
use serde_json::json;
use tokio::time::timeout;

use crate::event::Kind;
use crate::ids::Slug;
use crate::nats::connect::{API_TIMEOUT, Forbidden, Nats};
use crate::nats::provision::Role;

/// A stream of this name would have to be expected by nobody: a message that expects it is refused and not stored.
const NO_STREAM: &str = "TIDEWATCH_ASKS_FOR_ITS_RIGHTS";

impl Nats {
    /// Makes sure that the input can be read, and that ticks, outcomes and facts can be published. `own`: the source of what we publish
    /// ourselves. Nothing is stored. What the server says nothing about counts as allowed: it may be slow.
    ///
    /// Errors: the first permission that is missing.
    pub async fn prove_rights(&self, own: &Slug) -> Result<(), Forbidden> {
        self.prove_reading().await?;
        let own = |kind| self.root().input(kind, own);
        for subject in [own(Kind::Tick), own(Kind::Outcome), self.root().fact("status_changed", "tidewatch")] {
            self.prove_publishing(subject).await?;
        }
        Ok(())
    }

    /// Makes a consumer and asks it for a message, as reading does.
    async fn prove_reading(&self) -> Result<(), Forbidden> {
        let since = self.complained();
        let stream = Role::Input.stream_name(self.root());
        let asked = async {
            let config = pull::Config {
                deliver_policy: DeliverPolicy::New,
                ack_policy: AckPolicy::None,
                inactive_threshold: API_TIMEOUT,
                memory_storage: true,
                num_replicas: 1,
                ..Default::default()
            };
            let consumer = self.jetstream().create_consumer_on_stream(config, &stream).await.ok()?;
            let inbox = self.client().new_inbox();
            let mut answers = self.client().subscribe(inbox.clone()).await.ok()?;
            let name = &consumer.cached_info().name;
            let request = json!({"batch": 1, "no_wait": true}).to_string();
            let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}");
            self.client().publish_with_reply(subject, inbox, request.into()).await.ok()?;
            answers.next().await
        };
        // cancel-safe: a consumer that is left behind is removed by the server
        tokio::select! {
            _ = timeout(API_TIMEOUT, asked) => self.forbidden_to_read(since).map_or(Ok(()), Err),
            forbidden = self.forbidden("\"$JS.API.", since) => Err(forbidden),
        }
    }

    /// Publishes a message that the stream refuses.
    async fn prove_publishing(&self, subject: String) -> Result<(), Forbidden> {
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
