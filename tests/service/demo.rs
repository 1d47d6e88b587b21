//! The simulator and `tidewatch publish` as clients of a real nats-server.

use crate::log;
use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::log::Stored;
use crate::nats_server::NatsServer;
use serde_json::Value;
use tidewatch::event::subject::Root;
use tidewatch::event::wire::{NoTables, Raw, decode};
use tidewatch::ids::Slug;
use tidewatch::time::Timestamp;

fn tidewatch(arguments: &[&str], input: &str) -> Value {
    let data = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidewatch"));
    command.args(arguments).arg("--json").arg("--data").arg(data.path());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The ids of all predictions in the log, in order.
fn ids(stored: &[Stored]) -> Vec<&str> {
    let frames = stored.iter().filter(|(kind, ..)| kind == "prediction").filter_map(|(.., frame)| frame.as_array());
    frames.flatten().map(|record| record["prediction_id"].as_str().unwrap()).collect()
}

/// What the decoder has to say against the messages.
fn refused(stored: &[Stored]) -> Vec<String> {
    let root = Root::new(Slug::try_from("tw").unwrap());
    let now = Timestamp::parse_rfc3339("2100-01-01T00:00:00Z").unwrap();
    let messages = stored.iter().map(|(kind, source, body)| {
        let (subject, payload) = (format!("tw.in.{kind}.{source}"), body.to_string());
        decode(Raw { seq: 1, stored_at: now, subject: &subject, headers: &(), payload: payload.as_bytes() }, &root, NoTables)
    });
    messages.flat_map(|message| message.records).filter_map(|record| record.err().map(|fault| fault.detail)).collect()
}

#[tokio::test]
async fn a_fresh_log_is_told_the_last_hour_and_a_second_start_goes_on_where_the_first_stopped() {
    let server = NatsServer::start();
    let url = server.url();
    log::made(&url).await;
    let demo = ["demo", "--nats-url", &url, "--rate", "8", "--seed", "3", "--for", "2s"];
    let first = tidewatch(&demo, "");
    let stored = log::stored(&server.url()).await;
    let told = ids(&stored).len();
    assert!((8 * 3_600..8 * 3_660).contains(&told), "{told} predictions");
    assert_eq!(first["messages"].as_u64().unwrap(), stored.len() as u64);
    let labels = stored.iter().filter(|(kind, ..)| kind == "label").count();
    let sources: BTreeSet<_> = stored.iter().filter(|(kind, ..)| kind == "sample").map(|(_, source, _)| source).collect();
    assert!(0 < labels && sources.len() == 20, "{labels} labels, {sources:?}");
    assert_eq!(refused(&stored), [""; 0], "everything told is understood");

    let second = tidewatch(&demo, "");
    let stored = log::stored(&server.url()).await;
    let all = ids(&stored);
    assert!(second["records"].as_u64().unwrap() < first["records"].as_u64().unwrap() / 10, "{second}");
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "no prediction is told twice");
    // An id holds its tick and its index within the tick; eight a second are two a tick, and none is missing.
    let place = |id: &str| id.split('-').skip(1).map(|part| i64::from_str_radix(part, 16).unwrap()).collect::<Vec<_>>();
    let places: BTreeSet<_> = all.iter().map(|id| place(id)).collect();
    let (from, to) = (places.first().unwrap()[0], places.last().unwrap()[0]);
    assert_eq!(all.len() as i64, 2 * (to - from + 1));
}

#[tokio::test]
async fn without_a_stream_the_simulator_says_what_to_start() {
    let server = NatsServer::start();
    let url = server.url();
    let output = Command::new(env!("CARGO_BIN_EXE_tidewatch"))
        .args(["demo", "--root", "elsewhere", "--nats-url", &url])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("no stream takes elsewhere.in.prediction.fraud"), "{complaint}");
}

#[tokio::test]
async fn lines_are_published_in_frames_and_in_order_and_a_repeat_with_an_id_is_stored_once() {
    let server = NatsServer::start();
    let url = server.url();
    log::made(&url).await;
    let lines: String = (0..25).map(|n| format!("{{\"prediction\":{n}}}\n")).collect();
    let publish = ["publish", "prediction", "a", "--nats-url", &url];
    let answer = tidewatch(&[&publish[..], &["--ndjson"]].concat(), &lines);
    assert_eq!((answer["messages"].as_u64(), answer["seq"].as_u64()), (Some(25), Some(25)));
    let numbers: Vec<_> =
        log::stored(&server.url()).await.iter().map(|(.., record)| record["prediction"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..25).collect::<Vec<_>>());

    let one = [&publish[..], &["{\"prediction\":1}", "--id", "once"]].concat();
    assert_eq!(tidewatch(&one, "")["seq"], tidewatch(&one, "")["seq"]);
}
