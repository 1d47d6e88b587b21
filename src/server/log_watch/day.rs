//! Looks now and then how much the log has grown in the last day, beside the watch that looks each second.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::clock;
use crate::nats::growth::Growth;
use crate::nats::{Nats, Role};
use crate::telemetry::chain;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(600);

/// After a look that failed.
const RETRY: Duration = Duration::from_secs(30);

/// Tells the growth of the last day until `stop`. `None` while it is not known.
pub async fn watch(nats: Nats, told: watch::Sender<Option<Growth>>, stop: CancellationToken) {
    loop {
        let look = async {
            let status = nats.status(Role::Input).await?;
            nats.day_growth(&status, clock::now()).await
        };
        // both branches are cancel-safe: a token, and questions that change nothing
        let looked = tokio::select! {
            () = stop.cancelled() => return,
            looked = look => looked,
        };
        let wait = match looked {
            Ok(growth) => {
                told.send_replace(growth);
                INTERVAL
            }
            Err(error) => {
                debug!(error = %chain(&error), "the growth of the last day is not known");
                RETRY
            }
        };
        // both branches are cancel-safe: a token and a timer
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}
