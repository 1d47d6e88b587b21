//! Rows in memory, for tests and measurements.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_128;

use super::{Key, Reader, Row, Unreadable, Writer};

/// What a store would hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InMemory {
    pub rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl InMemory {
    /// Checks that whoever writes knows what it replaces.
    fn replace(&mut self, key: Vec<u8>, value: Option<Vec<u8>>, before: u128) {
        let replaced = match value {
            Some(value) => self.rows.insert(key.clone(), value),
            None => self.rows.remove(&key),
        };
        assert_eq!(before, replaced.map_or(0, |value| hash_of(&key, &value)), "the hash of the row that is replaced");
    }
}

impl Writer for InMemory {
    fn put(&mut self, key: Key, value: Vec<u8>, before: u128) -> u128 {
        let hash = hash_of(&key, &value);
        self.replace(key.into(), Some(value), before);
        hash
    }

    fn delete(&mut self, key: Key, hash: u128) {
        self.replace(key.into(), None, hash);
    }

    fn delete_all(&mut self, prefix: &Key) {
        self.rows.retain(|key, _| !key.starts_with(prefix));
    }
}

impl Reader for InMemory {
    type Error = Unreadable;

    fn each(&self, prefix: &Key, from: &Key, see: &mut dyn FnMut(Row<'_>) -> Result<(), Unreadable>) -> Result<(), Unreadable> {
        let rows = self.rows.range(from.to_vec()..);
        rows.take_while(|(key, _)| key.starts_with(prefix))
            .try_for_each(|(key, value)| see(Row { key, value, hash: hash_of(key, value) }))
    }

    fn one(&self, key: &Key, see: &mut dyn FnMut(Row<'_>) -> Result<(), Unreadable>) -> Result<(), Unreadable> {
        self.rows.get(&**key).map_or(Ok(()), |value| see(Row { key, value, hash: hash_of(key, value) }))
    }
}

fn hash_of(key: &[u8], value: &[u8]) -> u128 {
    xxh3_128(&[key, value].concat())
}
