//! What one side alone says: its ends, its spread and its deciles, of as many values as there are.

use super::Edges;
use super::resolution::Ascending;

/// The figures of one side, in the unit of its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    pub count: u64,
    pub least: f64,
    pub greatest: f64,
    /// Of a population (divided by n); `None` beyond the largest float.
    pub deviation: Option<f64>,
    /// As [`super::Sample::quantile`] has them: type 7 of Hyndman & Fan (1996).
    deciles: Vec<f64>,
    /// Its values, where there are few.
    few: Option<Vec<f64>>,
}

/// A side with at most this many different values has a bin for each of them; Evidently's rule.
const FEW: usize = 20;

impl Profile {
    /// One walk; the deviation by Welford's recurrence (1962, *Technometrics* 4, 419–420), which does not cancel. `None` without a value.
    pub fn of(side: &impl Ascending) -> Option<Self> {
        let count = side.count();
        let places: Vec<f64> = (1..10).map(|decile| f64::from(decile) / 10.0 * (count.max(1) - 1) as f64).collect();
        let mut deciles = Vec::with_capacity(places.len());
        let (mut mean, mut squares, mut seen) = (0.0, 0.0, 0_u64);
        let (mut least, mut before) = (None, f64::NAN);
        let mut few = Vec::new();
        for value in side.ascending() {
            least.get_or_insert(value);
            // the decile lies at or before this value, and after the one before it
            while let Some(place) = places.get(deciles.len()).filter(|place| place.ceil() as u64 <= seen) {
                let low = if place.fract() == 0.0 { value } else { before };
                deciles.push(between(low, value, place.fract()));
            }
            seen += 1;
            let off = value - mean;
            mean += off / seen as f64;
            squares += off * (value - mean);
            if value != before && few.len() <= FEW {
                few.push(value);
            }
            before = value;
        }
        let (least, greatest) = (least?, before);
        // rounding of the mean must not give a constant a spread
        let deviation = if least == greatest { 0.0 } else { (squares / seen as f64).sqrt() };
        let deviation = Some(deviation).filter(|deviation| deviation.is_finite());
        Some(Self { count: seen, least, greatest, deviation, deciles, few: (few.len() <= FEW).then_some(few) })
    }

    pub fn is_constant(&self) -> bool {
        self.least == self.greatest
    }

    /// As [`Edges::frozen`] of the values.
    pub fn edges(&self) -> Edges {
        if self.is_constant() { Edges::around(self.least) } else { Edges::unique(self.deciles.iter().copied()) }
    }
}

impl Profile {
    /// Bins for a decision: one for each value where there are few; else by the deciles, where a value that takes several of them has a bin
    /// of its own. Deciles alone are blind to what happens above a value that most of the side has.
    pub fn parts(&self) -> Edges {
        match &self.few {
            Some(few) => Edges::unique(few.iter().copied().chain([self.greatest.next_up()])),
            None => {
                let repeated = self.deciles.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].next_up());
                Edges::unique(self.deciles.iter().copied().chain(repeated))
            }
        }
    }
}

/// The point a `part` of the way from `low` to `high`: from the nearer end, as numpy does; halves first where the difference is beyond the
/// largest float.
pub(super) fn between(low: f64, high: f64, part: f64) -> f64 {
    let step = high - low;
    match (step.is_finite(), part < 0.5) {
        (false, _) => low * (1.0 - part) + high * part,
        (true, true) => low + step * part,
        (true, false) => high - step * (1.0 - part),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::drift::Sample;

    proptest! {
        #[test]
        fn one_walk_says_what_a_sorted_sample_says(values in prop::collection::vec(-1e3_f64..1e3, 1..80)) {
            let sample = Sample::of(values).unwrap();
            let profile = Profile::of(&sample).unwrap();
            prop_assert_eq!(profile.edges(), Edges::frozen(&sample));
            prop_assert_eq!((profile.least, profile.greatest, profile.count), (sample.least(), sample.greatest(), sample.count()));
            prop_assert!((profile.deviation.unwrap() - sample.deviation().unwrap()).abs() < 1e-9);
        }
    }
}
