//! Where the values of a prediction are counted: which of its features is which column of the baseline.

use std::sync::Arc;

use compact_str::CompactString;

use crate::event::features::Names;
use crate::event::{Feature, Features};
use crate::monitor::drift::baseline::{Baseline, FEATURES, PREDICTION, SCORE};
use crate::monitor::drift::tally::Tally;
use crate::monitor::kept::Kept;

/// Where the features of the record before went: those of the next are most likely in the same order. No part of the value.
#[derive(Clone, Debug, Default)]
pub(super) struct Route {
    names: Names,
    /// The baseline, or whatever else has the places.
    number: u32,
    places: Arc<[Option<u16>]>,
}

/// The columns a prediction is counted in.
pub struct Sight {
    pub baseline: Arc<Kept<Baseline>>,
    columns: Arc<[Option<u16>]>,
}

impl PartialEq for Route {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Route {
    /// Whether the record before was of `number` and named the same features.
    pub(super) fn is_to(&self, number: u32, features: &Features) -> bool {
        self.number == number && self.names == *features.names()
    }

    /// The place of each feature, in the order of the record.
    pub(super) fn to(
        &mut self,
        number: u32,
        place_of: impl Fn(&str) -> Option<usize>,
        features: &Features,
    ) -> Arc<[Option<u16>]> {
        if !self.is_to(number, features) {
            let place = |name: &CompactString| place_of(name).map(|place| place as u16);
            self.places = features.names().as_slice().iter().map(place).collect();
            self.number = number;
        }
        if !self.names.is_shared_with(features.names()) {
            self.names = features.names().clone();
        }
        Arc::clone(&self.places)
    }
}

impl Sight {
    pub(super) const fn new(baseline: Arc<Kept<Baseline>>, columns: Arc<[Option<u16>]>) -> Self {
        Self { baseline, columns }
    }

    /// Counts a prediction in `tally`, which is of the same baseline.
    pub fn count(&self, tally: &mut Tally, prediction: &Feature, score: &Feature, features: &Features) {
        tally.rows += 1;
        let columns = &self.baseline.columns;
        for (place, value) in [(PREDICTION, prediction), (SCORE, score)] {
            tally.columns[place].add(&columns[place].bins, value);
        }
        for (place, value) in self.columns.iter().zip(features.values()) {
            match place {
                Some(place) => tally.columns[usize::from(*place)].add(&columns[usize::from(*place)].bins, value),
                None => tally.unexpected += 1,
            }
        }
        if let (Some(multivariate), Some(last)) = (&self.baseline.multivariate, columns.last()) {
            let places = self.columns.iter().zip(features.values());
            let known = places.filter_map(|(place, value)| Some((usize::from((*place)?) - FEATURES, value)));
            if let (Some(error), Some(tally)) = (multivariate.error(known), tally.columns.last_mut()) {
                tally.add(&last.bins, &Feature::Number(error));
            }
        }
    }
}
