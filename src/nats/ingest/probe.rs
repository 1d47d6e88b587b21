//! Whether the server lets us read the input, asked before anything is built on it.

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures_util::StreamExt;
use serde_json::json;
use tokio::time::timeout;

use crate::nats::connect::{API_TIMEOUT, Nats};
use crate::nats::link::Forbidden;
use crate::nats::provision::Role;

impl Nats {
    /// Makes a consumer and asks it for a message, as reading does.
    pub(in crate::nats) async fn prove_reading(&self) -> Result<(), Forbidden> {
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
}
