//! What releases before this one have published is still read as they meant it: their messages lie in `tests/data/release-…`, and are never
//! edited. A log lives longer than the program that wrote it.

use std::collections::BTreeMap;

use serde::Deserialize;
use tidewatch::event::subject::Root;
use tidewatch::event::wire::{Headers, NoTables, Raw, decode};
use tidewatch::event::{Fault, Message};
use tidewatch::ids::Slug;
use tidewatch::monitor::cold::InMemory;
use tidewatch::monitor::{State, apply};
use tidewatch::time::Timestamp;

#[derive(Deserialize)]
struct Published {
    subject: String,
    headers: BTreeMap<String, String>,
    payload: String,
}

impl Headers for Published {
    fn get(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

fn messages(release: &str) -> Vec<Message> {
    let path = format!("{}/tests/data/{release}/messages.ndjson", env!("CARGO_MANIFEST_DIR"));
    let root = Root::new(Slug::try_from("tw").unwrap());
    let stored_at = Timestamp::parse_rfc3339("2026-01-01T00:01:00Z").unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let decoded = text.lines().zip(1..).map(|(line, seq)| {
        let published: Published = serde_json::from_str(line).unwrap();
        let payload = published.payload.as_bytes();
        decode(Raw { seq, stored_at, subject: &published.subject, headers: &published, payload }, &root, NoTables)
    });
    decoded.collect()
}

#[test]
fn what_release_0_1_has_published_is_read_as_it_meant_it() {
    let messages = messages("release-0.1");
    let faults: Vec<&Fault> =
        messages.iter().flat_map(|message| &message.records).filter_map(|record| record.as_ref().err()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    let (mut state, mut cold) = (State::default(), InMemory::default());
    for message in &messages {
        apply(&mut state, &mut cold, message);
    }
    let counts = state.desk.counts;
    assert_eq!((counts.rejected, counts.duplicates, counts.too_late), (0, 0, 0), "{counts:?}");
    let model = |name: &str| {
        let counters = &state.models.by_name(name).unwrap_or_else(|| panic!("no model {name}")).counters;
        (counters.predictions, counters.errors, counters.labelled)
    };
    assert_eq!(model("사기 탐지"), (5, 1, 4));
    assert_eq!(model("sales"), (2, 0, 0));
    assert_eq!(model("slug-names-it"), (1, 0, 0));
}
