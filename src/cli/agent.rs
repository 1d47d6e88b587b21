//! `tidewatch agent`: this host sampled, for a server that runs somewhere.

use clap::Args;

use super::settings::Watching;
use super::up::{failure, stop_on_signal};
use super::{Failure, Outcome, within_one_thread};
use crate::config::secret_env;
use crate::{memory, server, telemetry};

/// Sample this host and send what it does to a NATS server
///
/// Processor, memory, disks, network, sensors and NVIDIA's GPUs, chosen processes and services. While the server is away samples wait on disk, 64 MiB
/// at most, and are sent in order afterwards. `tidewatch up` has an agent of its own.
#[derive(Args)]
#[command(after_help = "\
Examples:
  tidewatch agent --nats-url nats://nats:4222
  tidewatch agent --interval 1s --nats-url nats://nats:4222 --spool /var/lib/tidewatch/spool
  tidewatch agent --agent-processes postgres,nginx --agent-services 'web=process:nginx,db=tcp:localhost:5432'")]
pub struct Agent {
    #[command(flatten)]
    settings: Watching,
}

impl Agent {
    pub fn run(self) -> Outcome {
        let (config, _) = self.settings.resolve()?;
        // it is in the configuration now; there is one thread yet
        memory::wipe_environment(secret_env());
        telemetry::start(&config.log)?;
        let sampled = within_one_thread(async {
            let stop = stop_on_signal()?;
            server::sample_alone(&config, stop).await.map_err(failure)
        })?;
        sampled as Result<(), Failure>
    }
}
