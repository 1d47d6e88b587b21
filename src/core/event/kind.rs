//! The kinds of input.

use serde::{Deserialize, Serialize};

/// The third token of an input subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Prediction,
    Label,
    Sample,
    Log,
    Event,
    Snapshot,
    Job,
    Command,
    /// Published by Tidewatch itself only.
    Outcome,
    /// Published by the ticker only.
    Tick,
    /// A subject whose kind we do not know; every record of it is a [`Fault`](super::Fault).
    Unknown,
}

impl Kind {
    pub const ALL: [Self; 10] = [
        Self::Prediction,
        Self::Label,
        Self::Sample,
        Self::Log,
        Self::Event,
        Self::Snapshot,
        Self::Job,
        Self::Command,
        Self::Outcome,
        Self::Tick,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prediction => "prediction",
            Self::Label => "label",
            Self::Sample => "sample",
            Self::Log => "log",
            Self::Event => "event",
            Self::Snapshot => "snapshot",
            Self::Job => "job",
            Self::Command => "command",
            Self::Outcome => "outcome",
            Self::Tick => "tick",
            Self::Unknown => "unknown",
        }
    }

    /// The kind a subject token names; [`Kind::Unknown`] for any other token.
    pub fn from_token(token: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.as_str() == token).unwrap_or(Self::Unknown)
    }

    /// Ticks and outcomes are our own: not counted among the records of the world.
    pub const fn is_internal(self) -> bool {
        matches!(self, Self::Outcome | Self::Tick)
    }
}
