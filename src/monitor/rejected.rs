//! Input that was not accepted: counted by kind and reason; listed and announced one by one, up to a bound for each message.
//! The bytes stay in the log.

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::event::{Fault, Kind};
use crate::monitor::Place;
use crate::monitor::cold::{Cold, List};
use crate::monitor::effect::{Announcement, Effects};
use crate::monitor::limits::{REJECTED_MAX, REJECTED_PER_MESSAGE_MAX};
use crate::time::Timestamp;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rejections {
    total: u64,
    /// The ordinal of the next entry of the list.
    listed: u64,
    counts: BTreeMap<(Kind, CompactString), u64>,
}

/// One rejected record as it is listed and announced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rejected {
    pub seq: u64,
    /// Of the record within its message.
    pub index: u32,
    pub kind: Kind,
    pub source: CompactString,
    pub stored_at: Timestamp,
    pub fault: Fault,
}

impl Rejections {
    pub fn counts(&self) -> impl Iterator<Item = (Kind, &str, u64)> {
        self.counts.iter().map(|((kind, reason), count)| (*kind, reason.as_str(), *count))
    }

    pub const fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn add(&mut self, cold: &mut impl Cold, at: Place<'_>, fault: &Fault, effects: &mut Effects) {
        self.total += 1;
        *self.counts.entry((at.kind, fault.reason.clone())).or_default() += 1;
        effects.rejected += 1;
        if REJECTED_PER_MESSAGE_MAX < effects.rejected {
            return;
        }
        let rejected = Rejected {
            seq: at.seq,
            index: at.index,
            kind: at.kind,
            source: at.source.as_str().into(),
            stored_at: at.stored_at,
            fault: fault.clone(),
        };
        let entry = rmp_serde::to_vec(&rejected).expect("a plain struct");
        cold.append(List::Rejected, self.listed, REJECTED_MAX, entry);
        self.listed += 1;
        effects.announce(Announcement::Rejected(rejected));
    }
}
