//! `tidewatch demo`: the simulator alone, against a server that runs.

use std::time::Duration;

use clap::Args;

use super::publish::connect;
use super::settings::Simulating;
use super::up::stop_on_signal;
use super::{Answer, Exit, Outcome};
use crate::config::Demo as Simulated;
use crate::{demo, telemetry};

/// Simulate four models and twenty servers against a running server
#[derive(Args)]
#[command(after_help = "\
Publishes over NATS as any client would: the last hour first, then live. The same seed tells the same story.

Examples:
  tidewatch demo                                       to the process on .tidewatch
  tidewatch demo --nats-url nats://127.0.0.1:4222 --rate 400 --seed 7 --for 10m")]
pub struct Demo {
    /// Predictions a second, all models together
    #[arg(long, value_name = "RATE", default_value = "40")]
    rate: String,
    /// Which story
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Stop this long after the last hour is told, as 90s or 10m [default: on a signal]
    #[arg(long = "for", value_name = "TIME", value_parser = crate::config::duration)]
    duration: Option<Duration>,
    #[command(flatten)]
    settings: Simulating,
}

impl Demo {
    pub async fn run(self, answer: Answer) -> Outcome {
        let (config, _) = self.settings.resolve()?;
        telemetry::start(&config.log)?;
        let rate =
            crate::config::rate(&self.rate).map_err(|problem| Exit::Usage.because(anyhow::anyhow!("--rate {problem}")))?;
        let nats = connect(&config).await?;
        let stop = stop_on_signal()?;
        let simulated = Simulated { rate, seed: self.seed };
        let feed = demo::run(nats.client().clone(), &config.nats.root, simulated, self.duration, stop).await?;
        answer.give(&feed, |feed| {
            format!("told {} records in {} messages, the last as {}", feed.records, feed.messages, feed.last_seq)
        })
    }
}
