//! `tidewatch streams`: what the process found at NATS, and where it differs from what it asked for.

use std::fmt::Write;

use clap::Args;
use serde_json::Value;

use super::api::Target;
use super::token::shown;
use super::{Answer, Outcome};

/// Show the streams and how they differ from what is declared
#[derive(Args)]
#[command(after_help = "\
Examples:
  tidewatch streams
  tidewatch streams --json --url http://tidewatch:8080 --token-file token")]
pub struct Streams {
    #[command(flatten)]
    target: Target,
}

impl Streams {
    pub async fn run(self, answer: Answer) -> Outcome {
        let streams = self.target.open()?.get("/api/v1/streams").await?;
        answer.give(&streams, text)
    }
}

fn text(streams: &Value) -> String {
    let mut page = String::new();
    let server = &streams["server"];
    let (version, url, sync) = (shown(&server["version"]), shown(&server["url"]), shown(&server["sync_interval"]));
    writeln!(page, "nats-server {version} at {url}, synced to disk: {sync}").expect("writing to a String cannot fail");
    for stream in streams["items"].as_array().into_iter().flatten() {
        let [name, messages, bytes, first, last, position, lag] =
            ["name", "messages", "bytes", "first_seq", "last_seq", "position", "lag"].map(|field| shown(&stream[field]));
        writeln!(page, "{name}: {messages} messages ({bytes} bytes), {first} to {last}; applied {position}, lag {lag}")
            .expect("writing to a String cannot fail");
        if let Some(hours) = stream["day_hours_left"].as_f64() {
            writeln!(page, "  full in {hours:.0} h at the rate of the last day").expect("writing to a String cannot fail");
        }
        for difference in stream["differences"].as_array().into_iter().flatten() {
            let [field, wanted, actual] = ["field", "wanted", "actual"].map(|field| shown(&difference[field]));
            writeln!(page, "  differs: {field} is {actual}, declared {wanted}").expect("writing to a String cannot fail");
        }
    }
    page
}
