//! Publishes into the input stream as anyone outside would: with `async-nats`, waiting for every acknowledgement.
#![allow(dead_code)] // every test binary uses its own part of it

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::{self, Context};
use bytes::Bytes;
use serde_json::Value;

/// Messages on their way at once.
const WINDOW: usize = 256;

/// The wait for one acknowledgement before the message is sent again.
const PATIENCE: Duration = Duration::from_secs(2);

pub struct Publisher {
    pub stream: Context,
}

impl Publisher {
    pub async fn to(url: &str) -> Self {
        let client = async_nats::ConnectOptions::new().retry_on_initial_connect().connect(url).await.unwrap();
        Self { stream: jetstream::new(client) }
    }

    /// Publishes one message; gives its sequence.
    pub async fn send(&self, subject: &str, payload: impl Into<Bytes>) -> u64 {
        self.send_as(subject, &[], payload).await
    }

    /// As [`Self::send`], with headers.
    pub async fn send_as(&self, subject: &str, headers: &[(&str, &str)], payload: impl Into<Bytes>) -> u64 {
        let mut map = HeaderMap::new();
        headers.iter().for_each(|(name, value)| map.insert(*name, *value));
        let sent = self.stream.publish_with_headers(subject.to_owned(), map, payload.into()).await.unwrap();
        sent.await.unwrap().sequence
    }

    /// Publishes messages in order, many on their way at once; gives the last sequence.
    pub async fn send_all(&self, messages: impl IntoIterator<Item = (String, Vec<u8>)>) -> u64 {
        let mut on_their_way = VecDeque::new();
        let mut last = 0;
        for (subject, payload) in messages {
            if on_their_way.len() == WINDOW {
                let oldest: jetstream::context::PublishAckFuture = on_their_way.pop_front().unwrap();
                oldest.await.unwrap();
            }
            on_their_way.push_back(self.stream.publish(subject, payload.into()).await.unwrap());
        }
        for sent in on_their_way {
            last = sent.await.unwrap().sequence;
        }
        last
    }

    /// Publishes under `id` again and again until the stream has it, whatever the server does meanwhile.
    pub async fn send_until_stored(&self, subject: &str, id: &str, payload: Bytes) -> u64 {
        loop {
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", id);
            let sent = self.stream.publish_with_headers(subject.to_owned(), headers, payload.clone()).await;
            if let Ok(sent) = sent
                && let Ok(Ok(stored)) = tokio::time::timeout(PATIENCE, sent.into_future()).await
            {
                return stored.sequence;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Bodies of one kind as frames of up to `size` records.
pub fn frames<'a>(kind: &'a str, bodies: &'a [Value], size: usize) -> impl Iterator<Item = (String, Vec<u8>)> + 'a {
    bodies.chunks(size).map(move |frame| (format!("tw.in.{kind}.tests"), serde_json::to_vec(frame).unwrap()))
}
