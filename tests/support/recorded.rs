//! The streams of one test, read back as they stand on the server, and what the core makes of them: without process or store.
#![allow(dead_code)] // every test binary uses its own part of it

use std::collections::BTreeMap;

use async_nats::HeaderMap;
use async_nats::jetstream;
use tidewatch::event::subject::Root;
use tidewatch::event::wire::{Headers, NoTables, Raw, decode};
use tidewatch::event::{Event, Lane, Message};
use tidewatch::ids::Slug;
use tidewatch::monitor::cold::InMemory;
use tidewatch::monitor::effect::Effect;
use tidewatch::monitor::{self, State};
use tidewatch::time::Timestamp;

pub fn root() -> Root {
    Root::new(Slug::try_from("tw").unwrap())
}

struct Stored(HeaderMap);

impl Headers for Stored {
    fn get(&self, name: &str) -> Option<&str> {
        tidewatch::nats::header(&self.0, name)
    }
}

/// Every message of the input stream, decoded.
pub async fn input(url: &str) -> Vec<Message> {
    input_in(url, "TW_INPUT").await
}

/// Every message of a stream that holds what was put into the input stream, from the first on.
pub async fn input_in(url: &str, stream: &str) -> Vec<Message> {
    let stream = jetstream::new(async_nats::connect(url).await.unwrap()).get_stream(stream).await.unwrap();
    let mut log = Vec::new();
    for seq in 1..=stream.cached_info().state.last_sequence {
        let message = stream.get_raw_message(seq).await.unwrap();
        let stored_at = Timestamp::from_micros((message.time.unix_timestamp_nanos() / 1_000) as i64);
        let headers = Stored(message.headers);
        let raw = Raw { seq, stored_at, subject: &message.subject, headers: &headers, payload: &message.payload };
        log.push(decode(raw, &root(), NoTables));
    }
    log
}

/// Subject and body of a fact.
pub type Fact = (String, String);

/// Every fact of the facts stream by its `Nats-Msg-Id`. The same fact may be there twice, never another under the same id.
pub async fn facts(url: &str) -> BTreeMap<String, Fact> {
    let stream = jetstream::new(async_nats::connect(url).await.unwrap()).get_stream("TW_FACTS").await.unwrap();
    let mut facts = BTreeMap::new();
    for seq in 1..=stream.cached_info().state.last_sequence {
        let message = stream.get_raw_message(seq).await.unwrap();
        // what a test has put there itself
        if message.subject.contains(".filler.") {
            continue;
        }
        let id = message.headers.get("Nats-Msg-Id").expect("a fact has an id").to_string();
        let fact = (message.subject.to_string(), String::from_utf8(message.payload.to_vec()).unwrap());
        if let Some(before) = facts.insert(id.clone(), fact.clone()) {
            assert_eq!(before, fact, "two facts are called {id}");
        }
    }
    facts
}

/// Every effect of a log, by applying it in memory.
pub fn effects(log: &[Message]) -> Vec<Effect> {
    let (mut state, mut cold) = (State::default(), InMemory::default());
    log.iter().flat_map(|message| monitor::apply(&mut state, &mut cold, message)).collect()
}

/// What must be in the facts stream for these effects.
pub fn facts_of(effects: &[Effect]) -> BTreeMap<String, Fact> {
    let fact_of = |effect: &Effect| {
        let announcement = effect.announced()?;
        let subject = root().fact(announcement.fact().as_str(), announcement.about());
        Some((effect.id.to_string(), (subject, announcement.body(effect.id))))
    };
    effects.iter().filter_map(fact_of).collect()
}

/// How far the log says that effects of a lane have been carried out.
pub fn settled_through(log: &[Message], of: Lane) -> u64 {
    let settled = |event: &Event| match event {
        Event::EffectsSettled { lane, settled_through } if *lane == of => *settled_through,
        _ => 0,
    };
    log.iter().flat_map(|message| &message.records).flatten().map(settled).max().unwrap_or(0)
}
