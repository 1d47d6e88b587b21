//! `tidewatch rebuild`: the projection put aside and replayed from the log.

use std::io::{IsTerminal, Write};

use clap::Args;
use serde_json::json;

use super::progress::Progress;
use super::settings::Replaying;
use super::up::{failure, stop_on_signal};
use super::{Answer, Outcome};
use crate::server::{Rebuilt, Survey, Wanted};
use crate::{server, telemetry};

/// Put the projection aside and replay the log into a new one
#[derive(Args)]
#[command(after_help = "\
The log is the truth and the store a projection of it. The new store begins with the newest snapshot that is whole and belongs to the log, and
reads the log from there; --whole-log reads all of it. What neither of them has is only in the old store, which is kept beside the new one as
DIR/store.replaced-N (the last two). Before anything changes it is said how many sequences will be missing, and asked on a terminal.
Stop the process on DIR first.

Examples:
  tidewatch rebuild --data .tidewatch
  tidewatch rebuild --data /var/lib/tidewatch --nats-url nats://nats:4222 --yes --json
  tidewatch rebuild --whole-log --data .tidewatch      read everything again, with no snapshot
  tidewatch rebuild --accept-loss --data .tidewatch    keep the store though the log lost its oldest messages")]
pub struct Rebuild {
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Also where there is no store: start from what is left of a log that has lost its beginning
    #[arg(long)]
    partial: bool,
    /// Read the whole log, though there are snapshots
    #[arg(long)]
    whole_log: bool,
    /// Keep the store as it is and go on with the log as it begins now
    #[arg(long, conflicts_with = "partial")]
    accept_loss: bool,
    #[command(flatten)]
    settings: Replaying,
}

impl Rebuild {
    pub async fn run(self, answer: Answer) -> Outcome {
        let (config, _) = self.settings.resolve()?;
        telemetry::start(&config.log)?;
        let data = config.data.clone();
        let wanted = Wanted { partial: self.partial, accept_loss: self.accept_loss, whole_log: self.whole_log };
        let mut progress = Progress::new("messages");
        let agreed = |survey: &Survey| agreed(self.yes, survey);
        let rebuilt = server::rebuild(config, wanted, agreed, stop_on_signal()?, |done, of| progress.show(done, of)).await;
        let seconds = progress.end();
        let Rebuilt { messages, records, position, aside, survey } = rebuilt.map_err(failure)?;
        let snapshot = survey.snapshot.as_ref().map(|(id, _)| id);
        let told = json!({
            "rebuilt": data, "messages": messages, "records": records, "position": position, "seconds": seconds,
            "snapshot": snapshot, "snapshots_passed": survey.passed, "missing": survey.missing, "was_at": survey.applied, "aside": aside,
        });
        answer.give(&told, |_| {
            let aside = aside.map(|path| format!("; the old store is {}", path.display())).unwrap_or_default();
            format!(
                "rebuilt {}: {records} records of {messages} messages in {seconds:.1} s, up to {position}{aside}",
                data.display()
            )
        })
    }
}

/// Says what will happen, and asks whoever sits at the terminal.
fn agreed(yes: bool, survey: &Survey) -> bool {
    eprintln!("{}.", survey.text());
    if yes || !std::io::stdin().is_terminal() {
        return true;
    }
    eprint!("Go on? [y/N] ");
    let mut line = String::new();
    let asked = std::io::stderr().flush().and_then(|()| std::io::stdin().read_line(&mut line));
    asked.is_ok() && ["y", "yes"].contains(&line.trim().to_ascii_lowercase().as_str())
}
