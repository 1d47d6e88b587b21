//! `tidewatch tap`: what producers publish, as it passes, with ✓ or with what is wrong.

use std::io::{IsTerminal, Write};

use clap::Args;
use serde_json::json;

use super::publish::{connect, kind, slug};
use super::settings::Publishing;
use super::{Answer, Outcome};
use crate::clock;
use crate::event::wire::{Raw, decode};
use crate::event::{Fault, Kind};
use crate::files::message::Arrow;
use crate::ids::Slug;
use crate::nats::tap::Passing;

/// Faults of one message that are told one by one.
const FAULTS_SHOWN: usize = 10;

/// Watch what producers publish, live: ✓ or what is wrong with it
///
/// Listens beside the log, so it sees what passes from now on, and needs no running Tidewatch. Each message is read as the stream will read
/// it. Ctrl-C ends it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  tidewatch tap                          everything that comes in
  tidewatch tap --rejected               only what is faulty
  tidewatch tap --source checkout        only what checkout publishes
  tidewatch tap --kind label --json      one JSON object a message")]
pub struct Tap {
    /// Show only messages with a faulty record
    #[arg(long)]
    rejected: bool,
    /// Show only what is published under this source token
    #[arg(long, value_name = "SOURCE", value_parser = slug)]
    source: Option<Slug>,
    /// Show only this kind: prediction, label, sample, log, event, snapshot, job or command
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<Kind>,
    /// End after so many messages
    #[arg(long, value_name = "MESSAGES")]
    count: Option<u64>,
    #[command(flatten)]
    settings: Box<Publishing>,
}

impl Tap {
    pub async fn run(self, answer: Answer) -> Outcome {
        let (config, _) = self.settings.resolve()?;
        let nats = connect(&config).await?;
        let mut tap = nats.tap(self.kind, self.source.as_ref().map(Slug::as_str)).await?;
        let mut out = std::io::stdout();
        let colours = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let mut left = self.count.unwrap_or(u64::MAX);
        if !answer.json {
            eprintln!("listening on {}; Ctrl-C ends it", nats.url());
        }
        while left != 0 {
            let Some(passing) = tap.next().await else { break };
            let Some(seen) = Seen::of(&passing, nats.root()).filter(|seen| !self.rejected || !seen.faults.is_empty()) else {
                continue;
            };
            left -= 1;
            let line = if answer.json { seen.json().to_string() } else { seen.text(colours) };
            match writeln!(out, "{line}").and_then(|()| out.flush()) {
                // whoever reads us has seen enough
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => break,
                written => written?,
            }
        }
        nats.close().await;
        Ok(())
    }
}

/// One message as it was read.
struct Seen {
    at: String,
    kind: Kind,
    source: String,
    records: usize,
    faulty: usize,
    faults: Vec<Fault>,
}

impl Seen {
    /// `None` for the process's own ticks and outcomes.
    fn of(passing: &Passing, root: &crate::event::subject::Root) -> Option<Self> {
        let now = clock::now();
        let raw = Raw { seq: 0, stored_at: now, subject: &passing.subject, headers: passing, payload: &passing.payload };
        let message = decode(raw, root, Arrow);
        let records = message.records.len();
        let faults: Vec<Fault> = message.records.into_iter().filter_map(Result::err).collect();
        let (kind, source) = (message.kind, message.source.to_string());
        (!kind.is_internal()).then(|| Self { at: now.to_string(), kind, source, records, faulty: faults.len(), faults })
    }

    fn text(&self, colours: bool) -> String {
        let Self { at, kind, source, records, faulty, faults } = self;
        let (mark, colour) = if faults.is_empty() { ("✓", "32") } else { ("✗", "31") };
        let mark = if colours { format!("\x1b[{colour}m{mark}\x1b[0m") } else { mark.to_owned() };
        let time = at.split_once('T').map_or(at.as_str(), |(_, time)| time.get(..8).unwrap_or(time));
        let mut text = format!("{time} {mark} {:<10} {source}  {records} record(s)", kind.as_str());
        if !faults.is_empty() {
            text.push_str(&format!(", {faulty} rejected"));
        }
        let all = || faults.iter().flat_map(Fault::all);
        for fault in all().take(FAULTS_SHOWN) {
            let place = if fault.pointer.is_empty() { "the whole record" } else { &fault.pointer };
            text.push_str(&format!("\n           {}: {} ({})", printable(place), printable(&fault.detail), fault.reason));
        }
        match all().count().saturating_sub(FAULTS_SHOWN) {
            0 => text,
            more => format!("{text}\n           and {more} more"),
        }
    }

    fn json(&self) -> serde_json::Value {
        let Self { at, kind, source, records, faulty, faults } = self;
        json!({"at": at, "kind": kind.as_str(), "source": source, "records": records, "rejected": faulty, "faults": faults})
    }
}

/// Without control characters: what a producer wrote must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_is_wrong_and_cannot_steer_the_terminal() {
        let fault = Fault::new("out_of_range", "must be in 0 to 1, not 93".to_owned(), "/confi\u{1b}[2Jdence".to_owned());
        let seen = Seen {
            at: "2026-01-01T12:00:01.5Z".to_owned(),
            kind: Kind::Prediction,
            source: "checkout".to_owned(),
            records: 2,
            faulty: 1,
            faults: vec![fault],
        };
        let text = seen.text(false);
        assert!(text.starts_with("12:00:01 ✗ prediction checkout  2 record(s), 1 rejected\n"), "{text}");
        assert!(text.contains("must be in 0 to 1, not 93 (out_of_range)") && !text.contains('\u{1b}'), "{text}");
    }
}
