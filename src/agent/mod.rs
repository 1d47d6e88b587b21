//! This host as a source: looks at it again and again, and hands what it finds to whoever sends it. Knows nothing of what a sample means, nor of
//! where it goes.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock;
use crate::event::Kind;
use crate::ids::Slug;
use crate::machine::host::{self, Host, Metric, Wanted};
use crate::post::{Delivered, Letter, Post};
use crate::telemetry::{AGENT_FAILURES, AGENT_SAMPLES};
use crate::time::Timestamp;

/// When what is done: one clock for all of it.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Between two samples of the host.
    pub collect: Duration,
    /// Between two times that what waits in the spool is tried again, and the standing of the spool told.
    pub clean_up: Duration,
}

/// One sample as it is published.
#[derive(Serialize)]
struct Sample<'a> {
    source: &'a str,
    at: String,
    labels: Value,
    metrics: &'a [Metric],
}

/// Samples this host now and then on `schedule`, until `stop`. What cannot be sent waits in the spool of `post`.
///
/// * `connected`: called before each sample with the post, to give it a connection that has been made since.
pub async fn run(
    schedule: Schedule,
    wanted: Wanted,
    mut post: Post,
    mut connected: impl FnMut(&mut Post),
    stop: CancellationToken,
) {
    let name = host::name();
    let source = host_slug();
    let (mut host, why_none) = Host::new(wanted);
    if let Some(why) = why_none {
        info!(why, "no figures of GPUs: there is no NVIDIA driver here");
    }
    let mut turns = tokio::time::interval(schedule.collect);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut cleaned = Instant::now();
    loop {
        // Both are cancel-safe: a turn that is not taken here is taken by the next call.
        tokio::select! {
            _ = turns.tick() => {}
            () = stop.cancelled() => break,
        }
        // Reading the host takes milliseconds of system calls, and its services may be slow, so it leaves the runtime.
        let looked = tokio::task::spawn_blocking(move || {
            let at = clock::now();
            let metrics = host.look();
            (host, at, metrics)
        });
        let (at, metrics);
        (host, at, metrics) = match looked.await {
            Ok(looked) => looked,
            Err(error) => {
                warn!(%error, "the host could not be looked at, and is not any more");
                AGENT_FAILURES.add(1);
                break;
            }
        };
        connected(&mut post);
        if post.waits() && schedule.clean_up <= cleaned.elapsed() {
            cleaned = Instant::now();
            post.send_waiting().await;
        }
        match post.deliver(letter(&name, &source, at, &metrics)).await {
            Delivered::Stored => AGENT_SAMPLES.add(1),
            // it is counted as spooled, and comes later
            Delivered::Spooled => {}
            Delivered::Lost => AGENT_FAILURES.add(1),
        }
    }
}

fn letter(name: &str, source: &Slug, at: Timestamp, metrics: &[Metric]) -> Letter {
    let id = format!("sample-{source}-{}", at.micros());
    let sample = Sample { source: name, at: at.to_string(), labels: json!({ "server": name }), metrics };
    let body: Bytes = serde_json::to_vec(&sample).expect("finite numbers and texts serialise").into();
    Letter { kind: Kind::Sample, source: source.clone(), id, body }
}

/// This host's name as a subject token: what is not plain becomes `-`.
pub fn host_slug() -> Slug {
    Slug::try_from(host::slug(&host::name()).as_str()).expect("a slug of a host's name is one")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn samples_wait_in_the_spool_while_there_is_no_connection_and_the_agent_stops_when_told() {
        let directory = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        let schedule = Schedule { collect: Duration::from_millis(20), clean_up: Duration::from_secs(300) };
        let mut turns = 0;
        let stopping = stop.clone();
        let counted = move |_: &mut Post| {
            turns += 1;
            if turns == 3 {
                stopping.cancel();
            }
        };
        run(schedule, Wanted::default(), Post::new(directory.path()), counted, stop).await;
        let sender = crate::machine::spool::Spool::sender(directory.path()).unwrap().unwrap();
        let waiting = sender.next(usize::MAX).unwrap();
        assert!(3 <= waiting.len(), "{}", waiting.len());
        let sample: Value = serde_json::from_slice(&waiting[0].0.body).unwrap();
        assert_eq!(sample["labels"]["server"], sample["source"]);
        let names: Vec<_> = sample["metrics"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap()).collect();
        for wanted in ["tidewatch_memory_total_bytes", "tidewatch_cpu_load_average_1m", "tidewatch_disk_usage_percent"] {
            assert!(names.contains(&wanted), "{wanted} in {names:?}");
        }
        assert!(names.iter().all(|name| name.starts_with("tidewatch_")));
    }
}
