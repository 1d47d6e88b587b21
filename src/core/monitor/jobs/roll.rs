//! Things with an id of their own, the newest so many of them, each a row.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ids::Name;
use crate::monitor::kept::Kept;
use crate::monitor::rows::{Reader, Tag, Writer};

/// What has an id of its own.
pub trait Named {
    fn id(&self) -> &Name;
}

/// By number in the order of the log, and by id. A number is never given again.
#[derive(Clone, Debug)]
pub struct Roll<T> {
    tag: Tag,
    most: usize,
    /// Numbers given so far; the next one.
    given: u32,
    by_number: BTreeMap<u32, Arc<Kept<T>>>,
    by_id: BTreeMap<Name, u32>,
    /// Since the last commit.
    changed: Vec<u32>,
    gone: Vec<(u32, Name, u128)>,
}

impl<T: Named> Roll<T> {
    pub const fn new(tag: Tag, most: usize) -> Self {
        Self { tag, most, given: 0, by_number: BTreeMap::new(), by_id: BTreeMap::new(), changed: Vec::new(), gone: Vec::new() }
    }

    pub fn get(&self, number: u32) -> Option<&Arc<Kept<T>>> {
        self.by_number.get(&number)
    }

    pub fn find(&self, id: &Name) -> Option<&Arc<Kept<T>>> {
        self.by_number.get(self.by_id.get(id)?)
    }

    pub fn numbers(&self) -> Vec<u32> {
        self.by_number.keys().copied().collect()
    }

    pub const fn given(&self) -> u32 {
        self.given
    }

    /// As the next; there must be room.
    pub fn insert(&mut self, thing: T) {
        let number = self.given;
        self.given += 1;
        self.by_id.insert(thing.id().clone(), number);
        self.by_number.insert(number, Arc::new(Kept::clean(thing)));
    }
}

impl<T: Named + Clone> Roll<T> {
    /// One that is there, to be changed.
    pub fn change(&mut self, id: &Name) -> Option<&mut T> {
        let number = *self.by_id.get(id)?;
        let kept = Arc::make_mut(self.by_number.get_mut(&number)?);
        if !kept.is_dirty() {
            self.changed.push(number);
        }
        Some(kept.change())
    }

    /// Drops one if there is no room for another: the oldest of which `may_go` holds, or else the oldest.
    pub fn make_room(&mut self, may_go: impl Fn(&T) -> bool) -> Option<T> {
        if self.by_number.len() < self.most {
            return None;
        }
        let of_those = self.by_number.iter().find(|(_, thing)| may_go(thing));
        let number = *of_those.or_else(|| self.by_number.first_key_value()).map(|(number, _)| number)?;
        let thing = self.by_number.remove(&number)?;
        let id = thing.id().clone();
        self.by_id.remove(&id);
        self.changed.retain(|changed| *changed != number);
        self.gone.push((number, id, thing.row_hash()));
        Some(Arc::unwrap_or_clone(thing).into_value())
    }
}

impl<T: Named + Clone + Serialize + DeserializeOwned> Roll<T> {
    /// Writes what has changed. Gives the numbers of that, and what is gone.
    pub fn save(&mut self, to: &mut dyn Writer) -> (Vec<u32>, Vec<(u32, Name)>) {
        let tag = self.tag;
        for (number, _, hash) in &self.gone {
            // one that came and went within a commit has no row
            if *hash != 0 {
                to.delete(tag.all().u32(*number), *hash);
            }
        }
        let changed = std::mem::take(&mut self.changed);
        for number in &changed {
            let kept = self.by_number.get_mut(number).expect("what is gone is no longer among the changed");
            Kept::save_shared(kept, || tag.all().u32(*number), to);
        }
        let gone = std::mem::take(&mut self.gone).into_iter().map(|(number, id, _)| (number, id)).collect();
        (changed, gone)
    }

    /// * `given`: how many numbers had been given at least; the last ones may have no row any more.
    pub fn restore<R: Reader>(rows: &R, tag: Tag, most: usize, given: u32) -> Result<Self, R::Error> {
        let mut roll = Self::new(tag, most);
        rows.each(&tag.all(), &tag.all(), &mut |row| {
            let (number, thing): (u32, Kept<T>) = (row.named(tag, |fields| fields.u32())?, Kept::restore(row)?);
            roll.by_id.insert(thing.id().clone(), number);
            roll.by_number.insert(number, Arc::new(thing));
            Ok(())
        })?;
        roll.given = roll.by_number.last_key_value().map_or(0, |(last, _)| last + 1).max(given);
        Ok(roll)
    }
}
