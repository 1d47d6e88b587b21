//! Frames as they go out, and the memory of the latest: subscribers that stand at the same place of the same view get the same
//! bytes, made once.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::ws::Utf8Bytes;
use serde::Serialize;
use tokio::sync::OnceCell;

use crate::clock;
use crate::http::socket::message::Channel;
use crate::ids::Name;
use crate::view::View;

/// Frames remembered; full: the oldest is forgotten.
const FRAMES_MAX: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FrameType {
    /// Replaces what the client has.
    Snapshot,
    /// Goes on top of it.
    Change,
}

#[derive(Serialize)]
struct Frame<'f, T> {
    #[serde(rename = "type")]
    kind: FrameType,
    channel: &'static str,
    epoch: u64,
    /// Everything up to this sequence has been sent: where to resume.
    position: u64,
    timestamp: String,
    data: &'f T,
}

#[derive(Serialize)]
struct Beat {
    #[serde(rename = "type")]
    kind: &'static str,
    epoch: u64,
    position: u64,
    last_seq: u64,
    timestamp: String,
}

#[derive(Serialize)]
struct Refusal<'f> {
    #[serde(rename = "type")]
    kind: &'static str,
    code: &'f str,
    message: &'f str,
}

/// The text of a data frame that reflects everything of `view` up to `position`.
pub fn data<T: Serialize>(kind: FrameType, channel: Channel, view: &View, position: u64, data: &T) -> Utf8Bytes {
    let frame =
        Frame { kind, channel: channel.as_str(), epoch: view.epoch, position, timestamp: clock::now().to_string(), data };
    text(&frame)
}

pub fn heartbeat(view: &View, last_seq: u64) -> Utf8Bytes {
    let (epoch, position) = (view.epoch, view.position);
    text(&Beat { kind: "heartbeat", epoch, position, last_seq: last_seq.max(position), timestamp: clock::now().to_string() })
}

pub fn error(code: &str, message: &str) -> Utf8Bytes {
    text(&Refusal { kind: "error", code, message })
}

fn text(frame: &impl Serialize) -> Utf8Bytes {
    serde_json::to_string(frame).expect("frames are plain data").into()
}

/// What a shared frame depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameKey {
    pub channel: Channel,
    pub kind: FrameType,
    pub epoch: u64,
    pub position: u64,
    /// Rows it may hold, where a subscriber can choose.
    pub rows: usize,
    /// The place the subscriber stands at.
    pub after: Cursor,
}

/// How far a subscriber of `models` has got: every model changed up to `seq`, and of those changed by the next message that
/// touched any, the ones up to `name`. Models are sent in this order, so any frame can be the last before a break.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    pub seq: u64,
    /// `None`: all of `seq` have been sent.
    pub name: Option<Name>,
}

impl Cursor {
    /// Whether a model that stands there is still to be sent.
    pub fn is_before(&self, changed_seq: u64, name: &Name) -> bool {
        match &self.name {
            None => self.seq < changed_seq,
            Some(last) => (self.seq, last) < (changed_seq, name),
        }
    }
}

/// A frame and where the subscriber stands after it.
#[derive(Clone, Debug)]
pub struct Made {
    pub text: Utf8Bytes,
    pub next: Cursor,
    /// Nothing of the view is left to send.
    pub is_complete: bool,
    /// It holds something.
    pub is_filled: bool,
}

/// The latest frames, each made by whoever asks first.
#[derive(Default)]
pub struct Frames {
    latest: Mutex<VecDeque<(FrameKey, Arc<OnceCell<Made>>)>>,
}

impl Frames {
    /// The frame for `key`. Who comes while it is being made waits; if its maker is cancelled, the next makes it.
    pub async fn get<E>(&self, key: FrameKey, make: impl Future<Output = Result<Made, E>>) -> Result<Made, E> {
        let slot = {
            let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
            match latest.iter().rev().find(|(known, _)| *known == key) {
                Some((_, slot)) => Arc::clone(slot),
                None => {
                    if FRAMES_MAX <= latest.len() {
                        latest.pop_front();
                    }
                    let slot = Arc::new(OnceCell::new());
                    latest.push_back((key, Arc::clone(&slot)));
                    slot
                }
            }
        };
        slot.get_or_try_init(|| make).await.cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_frame_is_made_once_for_all_who_stand_at_the_same_place() {
        let frames = Frames::default();
        let key = |position| FrameKey {
            channel: Channel::Models,
            kind: FrameType::Change,
            epoch: 1,
            position,
            rows: 0,
            after: Cursor::default(),
        };
        let made = async |text: &'static str| {
            Ok::<Made, ()>(Made { text: text.into(), next: Cursor::default(), is_complete: true, is_filled: true })
        };
        let text = async |position, text| frames.get(key(position), made(text)).await.unwrap().text.to_string();
        assert_eq!(text(1, "first").await, "first");
        assert_eq!(text(1, "second").await, "first");
        for position in 2..100 {
            text(position, "other").await;
        }
        assert_eq!(text(1, "again").await, "again");
        assert_eq!(frames.latest.lock().unwrap().len(), FRAMES_MAX);
    }

    #[test]
    fn a_cursor_stands_between_models_in_the_order_they_are_sent() {
        let name = |text: &str| Name::try_from(text).unwrap();
        let whole = Cursor { seq: 5, name: None };
        assert!(whole.is_before(6, &name("a")) && !whole.is_before(5, &name("z")));
        let part = Cursor { seq: 5, name: Some(name("m")) };
        assert!(part.is_before(5, &name("n")) && part.is_before(6, &name("a")) && !part.is_before(5, &name("m")));
    }
}
