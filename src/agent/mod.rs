//! This host as a source: samples it and publishes what it finds through the door. Knows nothing of what a sample means.

mod host;
mod proc;

use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub use host::Host;

use crate::clock;
use crate::event::Kind;
use crate::ids::Slug;
use crate::telemetry::{AGENT_FAILURES, AGENT_SAMPLES};

/// Samples this host now and then every `interval`, until `stop`. `publish` stores one record and says why if it cannot; a sample
/// that cannot be stored is counted and lost, as the next one is newer.
pub async fn run<P, F, E>(interval: Duration, publish: P, stop: CancellationToken)
where
    P: Fn(Kind, Slug, Bytes) -> F,
    F: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    let source = host_slug();
    let mut host = Host::new();
    let mut turns = tokio::time::interval(interval);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        // Both are cancel-safe: a turn that is not taken here is taken by the next call.
        tokio::select! {
            _ = turns.tick() => {}
            () = stop.cancelled() => return,
        }
        // Reading the host takes milliseconds of system calls, so it leaves the runtime.
        let sampled = tokio::task::spawn_blocking(move || {
            let sample = host.sample(clock::now());
            (host, sample)
        });
        let sample;
        (host, sample) = match sampled.await {
            Ok(sampled) => sampled,
            Err(error) => {
                warn!(%error, "the host could not be sampled");
                AGENT_FAILURES.add(1);
                host = Host::new();
                continue;
            }
        };
        match publish(Kind::Sample, source.clone(), sample).await {
            Ok(()) => AGENT_SAMPLES.add(1),
            Err(error) => {
                warn!(%error, "a sample of this host was not stored");
                AGENT_FAILURES.add(1);
            }
        }
    }
}

/// This host's name as a subject token: what is not plain becomes `-`.
pub fn host_slug() -> Slug {
    let name = Host::name();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '-' };
    let token: String = name.chars().map(plain).take(64).collect();
    Slug::try_from(token.as_str()).unwrap_or_else(|_| Slug::try_from("localhost").expect("a plain word is a slug"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_agent_publishes_at_once_and_stops_when_told() {
        let (sender, mut samples) = tokio::sync::mpsc::channel(4);
        let stop = CancellationToken::new();
        let publish = move |kind, source, payload| {
            let sender = sender.clone();
            async move { sender.send((kind, source, payload)).await.map_err(|error| error.to_string()) }
        };
        let agent = tokio::spawn(run(Duration::from_secs(3_600), publish, stop.clone()));
        let (kind, source, payload) = samples.recv().await.unwrap();
        assert_eq!((kind, source), (Kind::Sample, host_slug()));
        let sample: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        let names: Vec<_> = sample["metrics"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap()).collect();
        for wanted in ["tidewatch_cpu_usage_percent", "tidewatch_memory_total_bytes", "tidewatch_cpu_load_average_1m"] {
            assert!(names.contains(&wanted), "{wanted} in {names:?}");
        }
        assert!(names.iter().all(|name| name.starts_with("tidewatch_")));
        stop.cancel();
        agent.await.unwrap();
    }
}
