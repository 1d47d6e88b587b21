//! `tidewatch rebuild`: the projection thrown away and replayed from the log.

use clap::Args;

use super::settings::Settings;
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
    settings: Settings,
}

impl Rebuild {
    pub async fn run(self, answer: Answer) -> Outcome {
        let (config, _) = self.settings.resolve()?;
        telemetry::start(&config.log)?;
        let data = config.data.clone();
        server::rebuild(config, stop_on_signal()?).await.map_err(failure)?;
        answer.give(&serde_json::json!({ "rebuilt": data }), |_| format!("rebuilt {}", data.display()))
    }
}
