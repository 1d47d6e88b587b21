//! From scores to probabilities, where scores are not probabilities already.

use serde::{Deserialize, Serialize};

use super::{Isotonic, Labelled};
use crate::stats::ranking;

/// Parts a reference is cut into to see whether calibration helps on rows it was not fitted on.
const FOLDS: usize = 10;
/// Bins of equally many rows that the calibration error is taken over.
const BINS: usize = 10;
/// A score that separates the classes this well is left alone (NannyML).
const AREA_MAX: f64 = 0.999;

/// How a score becomes the chance that the truth is positive. At most 8 KB serialised.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Calibrator(Option<Isotonic>);

impl Calibrator {
    /// Isotonic regression over all rows, if scores need it: if over ten parts, each calibrated by the nine others, the expected
    /// calibration error (ten bins of equally many rows) is smaller with calibration than without. Scores with one class only or
    /// an ROC AUC above 0.999 are left as they are.
    ///
    /// NannyML draws ten random splits; ours deals the rows of each class out in turn, so that equal rows in equal order always give
    /// an equal calibrator. Cost: O(n log n), eleven fits.
    pub fn fit(rows: &[Labelled]) -> Self {
        if is_needed(rows) { Self::always(rows) } else { Self(None) }
    }

    /// Isotonic regression over all rows, whether scores need it or not.
    pub fn always(rows: &[Labelled]) -> Self {
        Self(isotonic(rows.iter()))
    }

    /// `None` where scores are taken as probabilities as they are.
    pub const fn isotonic(&self) -> Option<&Isotonic> {
        self.0.as_ref()
    }

    /// The chance that the truth is positive, 0 to 1.
    pub fn calibrate(&self, score: f64) -> f64 {
        self.0.as_ref().map_or_else(|| score.clamp(0.0, 1.0), |isotonic| isotonic.at(score))
    }
}

impl From<Isotonic> for Calibrator {
    fn from(isotonic: Isotonic) -> Self {
        Self(Some(isotonic))
    }
}

fn isotonic<'a>(rows: impl Iterator<Item = &'a Labelled>) -> Option<Isotonic> {
    Isotonic::fit(&ranking::tallies(rows.map(|row| (row.score, row.positive)).collect()))
}

fn is_needed(rows: &[Labelled]) -> bool {
    let area = ranking::roc_auc(&ranking::tallies(rows.iter().map(|row| (row.score, row.positive)).collect())).value;
    if area.is_none_or(|area| AREA_MAX < area) || rows.len() < 4 {
        return false;
    }
    let mut dealt = [0, 0];
    let folds: Vec<usize> = rows
        .iter()
        .map(|row| {
            let dealt = &mut dealt[usize::from(row.positive)];
            *dealt += 1;
            (*dealt - 1) % FOLDS
        })
        .collect();
    let (mut stated, mut calibrated) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for fold in 0..FOLDS {
        let part =
            |held_out: bool| rows.iter().zip(&folds).filter(move |(_, of)| (**of == fold) == held_out).map(|(row, _)| row);
        let Some(fitted) = isotonic(part(false)) else { return false };
        stated.extend(part(true).map(|row| (row.score, row.positive)));
        calibrated.extend(part(true).map(|row| (fitted.at(row.score), row.positive)));
    }
    calibration_error(calibrated) < calibration_error(stated)
}

/// The expected calibration error `Σ (n_b/n) |mean outcome − mean probability|` over bins of equally many rows, the last one taking
/// what is left over.
fn calibration_error(mut stated: Vec<(f64, bool)>) -> f64 {
    stated.sort_by(|left, right| left.0.total_cmp(&right.0));
    let bins = BINS.min(stated.len() / 2);
    let width = stated.len() / bins;
    let gap = |bin: usize| {
        let end = if bin + 1 == bins { stated.len() } else { (bin + 1) * width };
        let rows = &stated[bin * width..end];
        rows.iter().map(|(probability, positive)| f64::from(u8::from(*positive)) - probability).sum::<f64>().abs()
    };
    (0..bins).map(gap).sum::<f64>() / stated.len() as f64
}
