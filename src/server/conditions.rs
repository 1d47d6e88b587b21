//! Tells the log what is wrong with the process, so that it becomes a finding like any other: on the page, in the facts, after a restart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use compact_str::CompactString;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::event::Kind;
use crate::ids::Slug;
use crate::nats::{Door, Headers};
use crate::telemetry::chain;
use crate::telemetry::condition::{self, Condition, Severity};
use crate::view::View;
use crate::view::analysis::conditions_of;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// The least time between two messages, so that what comes and goes does not fill the log.
const PAUSE: Duration = Duration::from_secs(5);

/// By code, whether it is critical: what a reader of the log should know. Numbers in the sentences may be older.
type Told = BTreeMap<CompactString, bool>;

/// Publishes all that is wrong whenever that is not what the log says, until `stop`. What cannot be published (the log is full, or not
/// connected) is told as soon as it can be, if it is still so. `start_at`: what was in the log at start is applied first.
pub async fn tell(door: Door, source: Slug, mut view: watch::Receiver<Arc<View>>, start_at: u64, stop: CancellationToken) {
    // both branches are cancel-safe: a token and a watch
    tokio::select! {
        () = stop.cancelled() => return,
        caught_up = view.wait_for(|view| start_at <= view.position) => if caught_up.is_err() { return },
    }
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // the last message on its way: its sequence, when it was sent, and what it says
    let mut last: Option<(u64, Instant, Told)> = None;
    loop {
        // both branches are cancel-safe: a timer and a token
        tokio::select! {
            () = stop.cancelled() => return,
            _ = interval.tick() => {}
        }
        let conditions = condition::list();
        let now: Told = conditions.iter().map(|found| (found.code.into(), is_critical(found))).collect();
        let known = match &last {
            Some((_, sent_at, _)) if sent_at.elapsed() < PAUSE => continue,
            Some((seq, _, told)) if view.borrow().position < *seq => told.clone(),
            _ => conditions_of(&view.borrow(), source.as_str()),
        };
        if now == known {
            continue;
        }
        match door.publish(Kind::Outcome, &source, Headers::new(), body(&conditions)).await {
            Ok(seq) => last = Some((seq, Instant::now(), now)),
            Err(error) => debug!(error = %chain(&error), "the log is not told what is wrong with the process"),
        }
    }
}

fn is_critical(found: &Condition) -> bool {
    found.severity == Severity::Critical
}

fn body(conditions: &[Condition]) -> Bytes {
    let told = |found: &Condition| json!({"code": found.code, "severity": found.severity.as_str(), "detail": found.detail});
    let conditions: Vec<_> = conditions.iter().map(told).collect();
    Bytes::from(json!({ "conditions": conditions }).to_string())
}
