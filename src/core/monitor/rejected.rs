//! Input that was not accepted: counted by kind and reason. Its records are listed one by one and its messages announced once each, both as
//! long as there are not too many in a time of the log: garbage must not take more room than it came in, nor hold up other facts. The bytes
//! stay in the log.

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::event::{Fault, Kind};
use crate::monitor::Place;
use crate::monitor::cold::{Cold, List};
use crate::monitor::effect::{Announcement, Effects};
use crate::monitor::limits::{
    REJECTED_MAX, REJECTED_PER_MESSAGE_MAX, REJECTIONS_LISTED_BURST, REJECTIONS_LISTED_PER_SECOND, REJECTIONS_TOLD_BURST,
    REJECTIONS_TOLD_PER_SECOND,
};
use crate::time::{Span, Timestamp};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rejections {
    total: u64,
    /// The ordinal of the next entry of the list.
    listed: u64,
    /// Rejected records that were neither listed nor announced, in the life of the log.
    untold: u64,
    /// How many of them at the last fact.
    untold_before: u64,
    list: Allowance,
    facts: Allowance,
    counts: BTreeMap<(Kind, CompactString), u64>,
}

/// So many at once, and so many more with each second of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Allowance {
    taken: u32,
    /// Up to here what was taken has been given back.
    at: Timestamp,
}

impl Allowance {
    /// Takes one at log time `now`; false if there is none.
    fn take(&mut self, now: Timestamp, burst: u32, per_second: u32) -> bool {
        let each = Span::from_micros(1_000_000 / i64::from(per_second));
        let back = ((now - self.at).micros() / each.micros()).clamp(0, i64::from(self.taken)) as u32;
        self.taken -= back;
        self.at = if self.taken == 0 { now } else { self.at + Span::from_micros(each.micros() * i64::from(back)) };
        let granted = self.taken < burst;
        self.taken += u32::from(granted);
        granted
    }
}

/// The rejected records of one message, until it is applied.
#[derive(Clone, Debug, Default)]
pub(super) struct OfMessage {
    records: u32,
    untold: u32,
    first: Option<Rejected>,
}

impl OfMessage {
    pub(super) const fn records(&self) -> u32 {
        self.records
    }
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

    /// Records that were neither listed nor announced one by one.
    pub const fn untold(&self) -> u64 {
        self.untold
    }

    pub(super) fn add(
        &mut self,
        cold: &mut dyn Cold,
        at: Place<'_>,
        fault: &Fault,
        log_time: Timestamp,
        effects: &mut Effects,
    ) {
        self.total += 1;
        *self.counts.entry((at.kind, fault.reason.clone())).or_default() += 1;
        let of_message = &mut effects.rejected;
        of_message.records += 1;
        // of each message one is listed in any case, so that it can be found
        let is_first = of_message.first.is_none();
        let is_listed = is_first
            || of_message.records <= REJECTED_PER_MESSAGE_MAX
                && self.list.take(log_time, REJECTIONS_LISTED_BURST, REJECTIONS_LISTED_PER_SECOND);
        if !is_listed {
            of_message.untold += 1;
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
        of_message.first.get_or_insert(rejected);
    }

    /// Announces what was rejected of a message, unless too much is.
    pub(super) fn announce(&mut self, log_time: Timestamp, effects: &mut Effects) {
        let OfMessage { records, untold, first } = std::mem::take(&mut effects.rejected);
        let Some(first) = first else { return };
        self.untold += u64::from(untold);
        if !self.facts.take(log_time, REJECTIONS_TOLD_BURST, REJECTIONS_TOLD_PER_SECOND) {
            return;
        }
        let untold = self.untold - self.untold_before;
        self.untold_before = self.untold;
        effects.announce(Announcement::Rejected { first, records, untold });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_gives_a_burst_at_once_and_then_so_many_a_second() {
        let mut allowance = Allowance::default();
        let start = Timestamp::from_millis(1_767_225_600_000);
        let taken = |allowance: &mut Allowance, at, tries| (0..tries).filter(|_| allowance.take(at, 100, 10)).count();
        assert_eq!(taken(&mut allowance, start, 1_000), 100);
        assert_eq!(taken(&mut allowance, start + Span::from_micros(99_999), 10), 0);
        assert_eq!(taken(&mut allowance, start + Span::from_micros(100_000), 10), 1);
        assert_eq!(taken(&mut allowance, start + Span::from_secs(3), 100), 29);
        assert_eq!(taken(&mut allowance, start + Span::from_secs(1_000), 1_000), 100);
        // log time that stands still, or a first message of the past, gives nothing back
        assert_eq!(taken(&mut allowance, start, 5), 0);
    }
}
