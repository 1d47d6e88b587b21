//! The outbox: effects that are committed and not settled yet, a lane for each way out. Its rows are no part of the state: what the log says
//! is settled is left out of them.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

use crate::event::Lane;
use crate::monitor::effect::{Effect, Settled};
use crate::monitor::rows::Reader as _;
use crate::store::cold::ColdStore;
use crate::store::key::{self, Tag};
use crate::store::{self, Reader};
use crate::telemetry;

/// Effects of one row, but for those of one message, which are never split. A worker holds one row at a time.
const ROW_EFFECTS: usize = 1_024;

/// Effects that wait on one lane; beyond them the oldest make room, as in the streams that they go to. Facts of 600 bytes fill theirs with some
/// 900,000.
const LANE_EFFECTS_MAX: u64 = 1_000_000;

/// What is in the outbox, and what comes into it with the next commit.
#[derive(Debug)]
pub(super) struct Outbox {
    lanes: BTreeMap<Lane, Rows>,
    /// Effects of messages applied since the last commit.
    gathered: Vec<Effect>,
}

/// The rows of one lane.
#[derive(Debug, Default)]
struct Rows {
    /// How many effects each row has, by the sequence in its key.
    effects_of: BTreeMap<u64, u32>,
    effects: u64,
}

impl Outbox {
    /// What lies in the store.
    pub(super) fn load(reader: &Reader) -> Result<Self, store::Error> {
        let mut lanes: BTreeMap<Lane, Rows> = Lane::ALL.map(|lane| (lane, Rows::default())).into();
        reader.each(&Tag::Outbox.all(), &Tag::Outbox.all(), &mut |row| {
            let effects: Vec<IgnoredAny> = row.read()?;
            let (lane, seq) = key::outbox_row(row.key).ok_or_else(|| row.unreadable("its key names no lane"))?;
            lanes.entry(lane).or_default().insert(seq, effects.len());
            Ok(())
        })?;
        let outbox = Self { lanes, gathered: Vec::new() };
        outbox.show();
        Ok(outbox)
    }

    /// Takes the effects of the next message.
    pub(super) fn add(&mut self, effects: Vec<Effect>) {
        self.gathered.extend(effects);
    }

    /// Effects gathered for the next commit.
    pub(super) const fn gathered(&self) -> usize {
        self.gathered.len()
    }

    /// Puts what was gathered, and deletes the rows whose effects are all settled.
    pub(super) fn put(&mut self, settled: &Settled, cold: &mut ColdStore) {
        let mut by_lane: BTreeMap<Lane, Vec<Effect>> = BTreeMap::new();
        for effect in std::mem::take(&mut self.gathered).into_iter().filter(|effect| !settled.has(effect)) {
            by_lane.entry(effect.action.lane()).or_default().push(effect);
        }
        for (lane, effects) in by_lane {
            let rows = self.lanes.entry(lane).or_default();
            for row in rows_of(&effects) {
                let last = row.last().map_or(0, |effect| effect.id.seq);
                let value = rmp_serde::to_vec(row).expect("effects are plain data");
                cold.put_aside(key::outbox(lane, last), Some(value));
                rows.insert(last, row.len());
            }
        }
        for (lane, rows) in &mut self.lanes {
            let mut delete = |seq| cold.put_aside(key::outbox(*lane, seq), None);
            rows.settle(settled.through(*lane), &mut delete);
            let dropped = rows.make_room(LANE_EFFECTS_MAX, &mut delete);
            if dropped != 0 {
                telemetry::lane::of(*lane).drop_effects(dropped);
            }
        }
        self.show();
    }

    fn show(&self) {
        for (lane, rows) in &self.lanes {
            telemetry::lane::of(*lane).set_backlog(rows.effects);
        }
    }
}

impl Rows {
    fn insert(&mut self, seq: u64, effects: usize) {
        self.effects_of.insert(seq, effects as u32);
        self.effects += effects as u64;
    }

    fn settle(&mut self, through: u64, delete: &mut impl FnMut(u64)) {
        while self.effects_of.first_key_value().is_some_and(|(seq, _)| *seq <= through) {
            self.pop(delete);
        }
    }

    /// Deletes the oldest rows until `most` effects are left, but for the newest row; gives how many effects went.
    fn make_room(&mut self, most: u64, delete: &mut impl FnMut(u64)) -> u64 {
        let before = self.effects;
        while most < self.effects && 1 < self.effects_of.len() {
            self.pop(delete);
        }
        before - self.effects
    }

    fn pop(&mut self, delete: &mut impl FnMut(u64)) {
        if let Some((seq, effects)) = self.effects_of.pop_first() {
            self.effects -= u64::from(effects);
            delete(seq);
        }
    }
}

/// Effects of one lane as rows have them: of whole messages each, in their order.
fn rows_of(effects: &[Effect]) -> impl Iterator<Item = &[Effect]> {
    let mut rest = effects;
    std::iter::from_fn(move || {
        let last = rest.get(..rest.len().min(ROW_EFFECTS))?.last()?.id.seq;
        let (row, after) = rest.split_at(rest.partition_point(|effect| effect.id.seq <= last));
        rest = after;
        Some(row)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{EffectId, Name};
    use crate::monitor::effect::{Action, JobOrder};

    fn of_messages(counts: &[u32]) -> Vec<Effect> {
        let name = |name: &str| Name::try_from(name).unwrap();
        let order = || JobOrder { kind: name("retrain"), about: name("fraud"), body: String::new() };
        let effect = |seq: u64, index: u32| Effect { id: EffectId { seq, index }, action: Action::Order(order()) };
        let messages = counts.iter().zip(1..);
        messages.flat_map(|(count, seq)| (0..*count).map(move |index| effect(seq, index))).collect()
    }

    #[test]
    fn rows_of_the_outbox_are_bounded_and_hold_whole_messages() {
        let most = ROW_EFFECTS as u32;
        for (counts, rows) in [
            (&[][..], &[][..]),
            (&[3], &[3]),
            (&[most, 1], &[ROW_EFFECTS, 1]),
            (&[most - 1, 5, 2], &[ROW_EFFECTS + 4, 2]),
            (&[3 * most, 1, 1], &[3 * ROW_EFFECTS, 2]),
        ] {
            let effects = of_messages(counts);
            let split: Vec<&[Effect]> = rows_of(&effects).collect();
            assert_eq!(split.iter().map(|row| row.len()).collect::<Vec<_>>(), rows, "{counts:?}");
            assert_eq!(split.concat(), effects);
        }
    }

    #[test]
    fn the_oldest_rows_make_room_and_what_is_settled_goes() {
        let mut rows = Rows::default();
        [(3, 4), (5, 1), (9, 10), (12, 2)].into_iter().for_each(|(seq, effects)| rows.insert(seq, effects));
        let mut deleted = Vec::new();
        assert_eq!((rows.make_room(17, &mut |seq| deleted.push(seq)), rows.effects), (0, 17));
        assert_eq!((rows.make_room(14, &mut |seq| deleted.push(seq)), rows.effects), (4, 13));
        rows.settle(9, &mut |seq| deleted.push(seq));
        assert_eq!((deleted, rows.effects), (vec![3, 5, 9], 2));
        assert_eq!(rows.make_room(1, &mut |_| panic!("the newest row stays")), 0);
    }
}
