//! The lanes on which work leaves the process.

use serde::{Deserialize, Serialize};

/// A queue of effects with an order of its own: one that is stuck delays no other. Its name is in the log and its number in the store, so that
/// neither ever changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// What was derived, for anyone to subscribe to.
    Facts,
    /// Work for workers.
    Jobs,
}

impl Lane {
    pub const ALL: [Self; 2] = [Self::Facts, Self::Jobs];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Facts => "facts",
            Self::Jobs => "jobs",
        }
    }

    /// `None` if no lane has that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.as_str() == name)
    }

    /// As the store knows it.
    pub const fn number(self) -> u16 {
        match self {
            Self::Facts => 0,
            Self::Jobs => 1,
        }
    }

    /// `None` if no lane has that number.
    pub fn numbered(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.number() == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_is_found_by_its_name_and_by_its_number() {
        for lane in Lane::ALL {
            assert_eq!((Lane::named(lane.as_str()), Lane::numbered(lane.number())), (Some(lane), Some(lane)));
        }
        assert_eq!((Lane::named("mail"), Lane::numbered(7)), (None, None));
    }
}
