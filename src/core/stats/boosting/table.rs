//! Rows as trees see them: one byte a value, four features side by side.

use super::bins::Bins;
use super::{Column, Error, Workers, bins};

/// Features that lie side by side, so that one load brings the bins of all of them.
pub(super) const LANES: usize = 4;

/// The bins of all rows.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) features: Vec<Bins>,
    /// By four features: their bins in each row.
    stripes: Vec<Vec<[u8; LANES]>>,
    pub(super) rows: usize,
}

impl Table {
    /// Puts `columns` of `rows` values in bins of their own: of doubles as they stand, or of single precision if `singles`.
    pub(super) fn of(columns: &[Column], rows: usize, singles: bool, workers: &impl Workers) -> Result<Self, Error> {
        if let Some(feature) = columns.iter().position(|column| column.values.len() != rows) {
            return Err(Error::Uneven { feature, values: columns[feature].values.len(), rows });
        }
        let binned = workers.map(columns.iter().collect(), |column: &Column| {
            if singles {
                let bins = Bins::of_singles(column);
                let places = bins.places(column.values.iter().map(|value| bins::single(*value)));
                (bins, places)
            } else {
                let bins = Bins::of(column);
                let places = bins.places(column.values.iter().copied());
                (bins, places)
            }
        });
        let (features, places): (Vec<Bins>, Vec<Vec<u8>>) = binned.into_iter().unzip();
        let stripe = |places: &[Vec<u8>]| -> Vec<[u8; LANES]> {
            let mut cells = vec![[bins::MISSING; LANES]; rows];
            for (lane, places) in places.iter().enumerate() {
                cells.iter_mut().zip(places).for_each(|(cell, place)| cell[lane] = *place);
            }
            cells
        };
        Ok(Self { stripes: workers.map(places.chunks(LANES).collect(), stripe), features, rows })
    }

    pub(super) fn stripes(&self) -> &[Vec<[u8; LANES]>] {
        &self.stripes
    }

    /// The features of a stripe.
    pub(super) fn features_of(&self, stripe: usize) -> std::ops::Range<usize> {
        let first = stripe * LANES;
        first..self.features.len().min(first + LANES)
    }

    #[inline]
    pub(super) fn place(&self, feature: usize, row: usize) -> u8 {
        self.stripes[feature / LANES][row][feature % LANES]
    }
}
