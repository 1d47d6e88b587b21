//! Counts over bins, held packed where hardly anything is added any more: thousands of models have some closed panes and a reference each in
//! memory.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::monitor::drift::tally::Tally;

/// A [`Tally`], shared. How it is held is no part of the value.
#[derive(Clone, Debug)]
pub enum Binned {
    Open(Arc<Tally>),
    Packed(Packed),
}

/// A tally as the value of a row has it, with what is asked of it most.
#[derive(Clone, Debug)]
pub struct Packed {
    baseline: u32,
    columns: u32,
    row: Arc<[u8]>,
}

impl Binned {
    pub fn new(tally: Tally) -> Self {
        Self::Open(Arc::new(tally))
    }

    /// One to which nothing will be added.
    pub fn packed(tally: Tally) -> Self {
        let mut binned = Self::new(tally);
        binned.pack();
        binned
    }

    /// See [`Tally::baseline`].
    pub fn baseline(&self) -> u32 {
        match self {
            Self::Open(tally) => tally.baseline,
            Self::Packed(packed) => packed.baseline,
        }
    }

    /// How many columns it has.
    pub fn columns(&self) -> usize {
        match self {
            Self::Open(tally) => tally.columns.len(),
            Self::Packed(packed) => packed.columns as usize,
        }
    }

    /// The counts; packed ones are unpacked for it.
    pub fn read(&self) -> Arc<Tally> {
        match self {
            Self::Open(tally) => Arc::clone(tally),
            Self::Packed(Packed { row, .. }) => Arc::new(rmp_serde::from_slice(row).expect("it was packed here")),
        }
    }

    /// The counts, to be added to.
    pub fn change(&mut self) -> &mut Tally {
        if let Self::Packed(_) = self {
            *self = Self::Open(self.read());
        }
        match self {
            Self::Open(tally) => Arc::make_mut(tally),
            Self::Packed(_) => unreachable!("it was opened a line ago"),
        }
    }

    pub fn pack(&mut self) {
        if let Self::Open(tally) = self {
            let row = rmp_serde::to_vec(&**tally).expect("counts are plain data").into();
            *self = Self::Packed(Packed { baseline: tally.baseline, columns: tally.columns.len() as u32, row });
        }
    }
}

impl PartialEq for Binned {
    fn eq(&self, other: &Self) -> bool {
        self.read() == other.read()
    }
}

impl Serialize for Binned {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.read().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Binned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Tally::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Feature;
    use crate::monitor::drift::baseline::{Baseline, Origin};
    use crate::monitor::drift::reference::Row;
    use crate::time::Timestamp;

    /// A reference of one number, one category and missing values.
    fn baseline() -> Baseline {
        let row = |n: usize| Row {
            at: Timestamp::from_micros(n as i64),
            cell: (n % 2) as u16,
            confidence: None,
            values: [Feature::Number(n as f64), Feature::Missing, Feature::text(["a", "b", "c"][n % 3])].into(),
        };
        let rows: Vec<Row> = (0..300).map(row).collect();
        Baseline::freeze(1, Origin::FirstRows, &["kind".into()], &rows.iter().collect::<Vec<_>>(), false)
    }

    #[test]
    fn packed_counts_are_the_same_counts_and_the_same_row() {
        let baseline = baseline();
        let open = Binned::new(baseline.tally(|_| true));
        let mut packed = open.clone();
        packed.pack();
        assert!(matches!((&open, &packed), (Binned::Open(_), Binned::Packed(_))));
        assert_eq!(packed, open);
        assert_eq!((packed.baseline(), packed.columns()), (open.baseline(), open.columns()));
        let row = |binned: &Binned| rmp_serde::to_vec(binned).unwrap();
        assert_eq!(row(&packed), row(&open));
        assert_eq!(rmp_serde::from_slice::<Binned>(&row(&packed)).unwrap(), open);
    }

    #[test]
    fn what_is_added_to_packed_counts_is_in_them() {
        let baseline = baseline();
        let (mut open, mut packed) =
            (Binned::new(baseline.tally(|cell| cell == 0)), Binned::packed(baseline.tally(|cell| cell == 0)));
        let more = baseline.tally(|cell| cell == 1);
        open.change().merge(&more);
        packed.change().merge(&more);
        assert_eq!(packed, open);
        assert_eq!(packed.read().rows, 300);
    }
}
