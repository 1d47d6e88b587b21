//! The table of classes: by index, by name and by number.

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::monitor::task::Sort;

/// From so many classes on they are looked up in a tree; fewer are compared one by one, which costs no memory.
const INDEXED_FROM: usize = 17;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Class {
    pub name: CompactString,
    /// What the name spells, where that is its canonical text: so a number is found without formatting it. `true` and `false` are 1 and 0.
    pub number: Option<f64>,
    pub sort: Sort,
}

/// Classes in the order in which they came. Stored as their list; how they are found is worked out anew when it is read.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    list: Vec<Class>,
    /// Of [`INDEXED_FROM`] classes and more.
    places: Option<Box<Places>>,
}

#[derive(Clone, Debug, Default)]
struct Places {
    by_name: BTreeMap<CompactString, u16>,
    /// By the bits of the number; of several names for one number the first.
    by_number: BTreeMap<u64, u16>,
}

impl Known {
    pub fn list(&self) -> &[Class] {
        &self.list
    }

    pub fn get(&self, index: u16) -> Option<&Class> {
        self.list.get(usize::from(index))
    }

    /// Adds a class that is not known by this name; gives its index.
    pub fn push(&mut self, class: Class) -> u16 {
        let index = self.list.len() as u16;
        self.list.push(class);
        match &mut self.places {
            Some(places) => places.add(index, &self.list[usize::from(index)]),
            None if INDEXED_FROM <= self.list.len() => self.places = Some(Box::new(Places::of(&self.list))),
            None => {}
        }
        index
    }

    pub fn find_name(&self, name: &str) -> Option<u16> {
        match &self.places {
            Some(places) => places.by_name.get(name).copied(),
            None => self.position(|class| class.name == name),
        }
    }

    pub fn find_number(&self, number: f64) -> Option<u16> {
        match &self.places {
            Some(places) => places.by_number.get(&bits(number)).copied(),
            None => self.position(|class| class.number == Some(number)),
        }
    }

    fn position(&self, wanted: impl Fn(&Class) -> bool) -> Option<u16> {
        self.list.iter().position(wanted).map(|at| at as u16)
    }
}

impl Places {
    fn of(list: &[Class]) -> Self {
        let mut places = Self::default();
        list.iter().enumerate().for_each(|(index, class)| places.add(index as u16, class));
        places
    }

    fn add(&mut self, index: u16, class: &Class) {
        self.by_name.entry(class.name.clone()).or_insert(index);
        if let Some(number) = class.number {
            self.by_number.entry(bits(number)).or_insert(index);
        }
    }
}

/// -0 and 0 are one number.
fn bits(number: f64) -> u64 {
    (number + 0.0).to_bits()
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

impl Serialize for Known {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.list.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = Vec::<Class>::deserialize(deserializer)?;
        let places = (INDEXED_FROM <= list.len()).then(|| Box::new(Places::of(&list)));
        Ok(Self { list, places })
    }
}
