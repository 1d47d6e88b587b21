//! Work for the outside world, committed before it is done.

use serde::{Deserialize, Serialize};

use crate::ids::EffectId;

/// One piece of work. Its id is minted from its cause, so a replay mints the same one and receivers can drop repeats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    pub id: EffectId,
    pub action: Action,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// Publish a fact on `<root>.out.<fact>.<about>`. `body` is the JSON of it, complete but for the `id`, which is the effect's.
    Announce { fact: Fact, about: String, body: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    WindowClosed,
    WindowRevised,
    StatusChanged,
    Rejected,
}

impl Fact {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WindowClosed => "window_closed",
            Self::WindowRevised => "window_revised",
            Self::StatusChanged => "status_changed",
            Self::Rejected => "rejected",
        }
    }
}

/// Collects the effects of one message and numbers them.
#[derive(Debug)]
pub struct Effects {
    seq: u64,
    next: u32,
    list: Vec<Effect>,
}

impl Effects {
    pub const fn caused_by(seq: u64) -> Self {
        Self { seq, next: 0, list: Vec::new() }
    }

    /// Announces `fact`; `body` is any JSON object.
    pub fn announce(&mut self, fact: Fact, about: &str, body: &impl Serialize) {
        let body = serde_json::to_string(body).expect("facts are plain structs with string keys");
        let id = EffectId { seq: self.seq, index: self.next };
        self.next += 1;
        self.list.push(Effect { id, action: Action::Announce { fact, about: about.to_owned(), body } });
    }

    pub fn into_vec(self) -> Vec<Effect> {
        self.list
    }
}
