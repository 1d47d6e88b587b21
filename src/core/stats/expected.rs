//! Figures that are estimated before their truth is known: the band around one, and the thresholds it is compared with.

use serde::{Deserialize, Serialize};

/// How many sampling errors a band reaches to either side, and how many deviations a threshold lies from the mean: NannyML's
/// convention, and Shewhart's (1931, *Economic Control of Quality of Manufactured Product*).
const REACH: f64 = 3.0;

/// An estimated figure, in its own unit, with the band within which the realised one should fall if the estimate is right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    pub value: f64,
    /// `value` ± 3 sampling errors, kept within what the figure can be. `None` where the reference gives no sampling error.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// The standard error of the *realised* figure over as many rows, from the spread of rows on the reference. It says nothing of
    /// an estimate that is wrong because the relation of truth and score has changed.
    pub sampling_error: Option<f64>,
    /// Rows the figure stands on.
    pub rows: u64,
    /// Whether `value` lies outside the thresholds of the reference; `None` if it has none.
    pub alert: Option<bool>,
}

/// What a figure of one chunk may be before it counts as out of the ordinary: both ends belong to the ordinary.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    pub low: f64,
    pub high: f64,
}

impl Expected {
    /// * `range`: the least and the greatest the figure can be.
    pub(super) fn new(
        value: f64,
        sampling_error: Option<f64>,
        rows: u64,
        range: (f64, f64),
        thresholds: Option<Thresholds>,
    ) -> Self {
        let sampling_error = sampling_error.filter(|error| error.is_finite());
        Self {
            value,
            low: sampling_error.map(|error| (value - REACH * error).max(range.0)),
            high: sampling_error.map(|error| (value + REACH * error).min(range.1)),
            sampling_error,
            rows,
            alert: thresholds.map(|thresholds| !thresholds.holds(value)),
        }
    }
}

impl Thresholds {
    /// Three standard deviations (of the chunks as a population, divided by their number) to either side of the mean of the figures
    /// of single reference chunks, cut to `range`. `None` below two chunks, where nothing is known of how they differ.
    pub fn of_chunks(figures: &[f64], range: (f64, f64)) -> Option<Self> {
        if figures.len() < 2 {
            return None;
        }
        let count = figures.len() as f64;
        let mean = figures.iter().sum::<f64>() / count;
        let deviation = (figures.iter().map(|figure| (figure - mean) * (figure - mean)).sum::<f64>() / count).sqrt();
        let (low, high) = ((mean - REACH * deviation).max(range.0), (mean + REACH * deviation).min(range.1));
        deviation.is_finite().then_some(Self { low, high })
    }

    pub fn holds(&self, figure: f64) -> bool {
        (self.low..=self.high).contains(&figure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_chunk_sets_no_threshold_and_equal_ones_allow_no_difference() {
        assert_eq!(Thresholds::of_chunks(&[0.5], (0.0, 1.0)), None);
        let equal = Thresholds::of_chunks(&[0.5, 0.5], (0.0, 1.0)).unwrap();
        assert!(equal.holds(0.5) && !equal.holds(0.500_001));
        assert_eq!(Thresholds::of_chunks(&[0.0, 1.0], (0.0, 1.0)), Some(Thresholds { low: 0.0, high: 1.0 }));
    }
}
