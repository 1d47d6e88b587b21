//! `tidewatch rebuild`: the projection thrown away and replayed from the log.

use clap::Args;

use super::progress::Progress;
use super::settings::Replaying;
use super::up::{failure, stop_on_signal};
use super::{Answer, Outcome};
use crate::{server, telemetry};

/// Throw the projection away and replay the log into a new one
#[derive(Args)]
#[command(after_help = "\
Nothing is lost: the log is the truth and the store a projection of it. Stop the process on DIR first.

Examples:
  tidewatch rebuild --data .tidewatch
  tidewatch rebuild --data /var/lib/tidewatch --nats-url nats://nats:4222 --json")]
pub struct Rebuild {
    #[command(flatten)]
    settings: Replaying,
}

impl Rebuild {
    pub async fn run(self, answer: Answer) -> Outcome {
        let (config, _) = self.settings.resolve()?;
        telemetry::start(&config.log)?;
        let data = config.data.clone();
        let mut progress = Progress::new("messages");
        let replayed = server::rebuild(config, stop_on_signal()?, |done, of| progress.show(done, of)).await;
        let seconds = progress.end();
        let replayed = replayed.map_err(failure)?;
        let server::Replayed { messages, records, position } = replayed;
        let told = serde_json::json!({
            "rebuilt": data, "messages": messages, "records": records, "position": position, "seconds": seconds,
        });
        answer.give(&told, |_| {
            format!("rebuilt {}: {records} records of {messages} messages in {seconds:.1} s, up to {position}", data.display())
        })
    }
}
