//! Direct loss estimation: how far off a regression probably is, before its labels arrive.
//!
//! A second model learns, on labelled reference rows, how large the loss of a row usually is, from its features and its prediction; the
//! mean of what it expects over a window estimates the window's loss. The method and its conventions are NannyML's (0.13), the
//! learner is [`boosting`](super::boosting). Like every estimate without labels it holds while rows change and what they
//! mean does not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::MetricName;
use super::boosting::{Column, Error, Kind, REGRESSOR_FEATURES_MAX, Regressor};
use super::exact::ExactSum;
use super::expected::{Expected, Thresholds};

const LOSS: (f64, f64) = (0.0, f64::INFINITY);

/// A fitted reference: two models of losses, and what is ordinary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    absolute: Regressor,
    squared: Regressor,
    /// Spread of the absolute errors on the reference, in the target's unit, and of the squared ones in its square (as populations).
    absolute_deviation: f64,
    squared_deviation: f64,
    squared_mean: f64,
    thresholds: BTreeMap<MetricName, Thresholds>,
}

/// What one prediction is expected to lose, neither below 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Losses {
    /// In the target's unit.
    pub absolute: f64,
    /// In its square.
    pub squared: f64,
}

/// The expected losses of a window: a commutative group, some 140 bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    count: i64,
    /// Of each row the square of what it counts for.
    squared_weights: i64,
    absolute: ExactSum,
    squared: ExactSum,
}

impl Reference {
    /// Fits both models of losses, sampling errors over all rows, and alert thresholds over consecutive chunks of `chunk_rows` rows
    /// (the last may be short): mean ± 3 deviations of the realised figures.
    ///
    /// * `features`: at most 63 columns of as many values as there are `predictions` and `truths`.
    /// * Errors: see [`Regressor::fit`]; a loss that is not a number, or whose square is beyond 10¹⁵⁰, is refused by its row. Cost: two fits,
    ///   some 0.1 s for 1,000 rows of 10 features and 0.3 s for 31.
    pub fn fit(features: &[Column], predictions: &[f64], truths: &[f64], chunk_rows: usize) -> Result<Self, Error> {
        if predictions.len() != truths.len() {
            return Err(Error::Uneven { feature: features.len(), values: predictions.len(), rows: truths.len() });
        }
        let mut columns = features.to_vec();
        columns.push(Column { kind: Kind::Number, values: predictions.to_vec() });
        let absolute: Vec<f64> = predictions.iter().zip(truths).map(|(prediction, truth)| (prediction - truth).abs()).collect();
        let squared: Vec<f64> = absolute.iter().map(|loss| loss * loss).collect();
        let (absolute_model, squared_model) = (Regressor::fit(&columns, &absolute)?, Regressor::fit(&columns, &squared)?);
        let of_chunks = |losses: &[f64]| losses.chunks(chunk_rows.max(1)).map(mean).collect::<Vec<f64>>();
        let (absolute_means, squared_means) = (of_chunks(&absolute), of_chunks(&squared));
        let roots: Vec<f64> = squared_means.iter().map(|mean| mean.sqrt()).collect();
        let figures = [(MetricName::Mae, absolute_means), (MetricName::Mse, squared_means), (MetricName::Rmse, roots)];
        let thresholds =
            figures.into_iter().filter_map(|(metric, figures)| Some((metric, Thresholds::of_chunks(&figures, LOSS)?)));
        Ok(Self {
            absolute: absolute_model,
            squared: squared_model,
            absolute_deviation: deviation(&absolute),
            squared_deviation: deviation(&squared),
            squared_mean: mean(&squared),
            thresholds: thresholds.collect(),
        })
    }

    /// What `prediction` is expected to lose, made from `features` in the order of the columns; features left out count as missing.
    pub fn losses(&self, features: &[f64], prediction: f64) -> Losses {
        let last = self.absolute.features_count() - 1;
        let mut row = [f64::NAN; REGRESSOR_FEATURES_MAX];
        row[..last].iter_mut().zip(features).for_each(|(place, value)| *place = *value);
        row[last] = prediction;
        let row = &row[..=last];
        Losses { absolute: self.absolute.predict(row).max(0.0), squared: self.squared.predict(row).max(0.0) }
    }

    /// What is ordinary for `metric` in a chunk of the reference; `None` for others than MAE, MSE, RMSE, or below two chunks.
    pub fn thresholds(&self, metric: MetricName) -> Option<Thresholds> {
        self.thresholds.get(&metric).copied()
    }

    /// The figure `metric`, estimated as `value` over `rows` rows, with its band and whether it is out of the ordinary.
    ///
    /// Sampling errors: the spread of single losses over `√n`; for the RMSE by the delta method `σ(e²) / (2 √(n mean e²))` (NannyML,
    /// `sampling_error.regression`).
    pub fn expect(&self, metric: MetricName, value: f64, rows: u64) -> Expected {
        let root = (rows as f64).sqrt();
        let error = match metric {
            MetricName::Mae => Some(self.absolute_deviation / root),
            MetricName::Mse => Some(self.squared_deviation / root),
            MetricName::Rmse => Some(self.squared_deviation / (2.0 * root * self.squared_mean.sqrt())),
            _ => None,
        };
        Expected::new(value, error, rows, LOSS, self.thresholds(metric))
    }
}

impl Sums {
    #[inline]
    pub fn add(&mut self, losses: &Losses) {
        self.add_for(losses, 1);
    }

    /// Adds a row that stands for `times` rows: itself and others like it that were not looked at.
    #[inline]
    pub fn add_for(&mut self, losses: &Losses, times: u32) {
        let weight = i64::from(times);
        self.count += weight;
        self.squared_weights += weight * weight;
        self.absolute.add(losses.absolute * f64::from(times));
        self.squared.add(losses.squared * f64::from(times));
    }

    /// Takes out a row that was [added](Self::add).
    #[inline]
    pub fn sub(&mut self, losses: &Losses) {
        self.count -= 1;
        self.squared_weights -= 1;
        self.absolute.sub(losses.absolute);
        self.squared.sub(losses.squared);
    }

    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.squared_weights += other.squared_weights;
        self.absolute.merge(&other.absolute);
        self.squared.merge(&other.squared);
    }

    pub fn unmerge(&mut self, other: &Self) {
        self.count -= other.count;
        self.squared_weights -= other.squared_weights;
        self.absolute.unmerge(&other.absolute);
        self.squared.unmerge(&other.squared);
    }

    pub fn count(&self) -> u64 {
        self.count.max(0) as u64
    }

    /// How many rows that count once each are worth as much: `(Σ w)² / Σ w²` (Kish (1965), *Survey Sampling*, §11.7), rounded down. As
    /// many as there are where none stands for others.
    pub fn effective_rows(&self) -> u64 {
        let rows = self.count as f64;
        if self.squared_weights <= 0 { 0 } else { (rows * rows / self.squared_weights as f64) as u64 }
    }

    /// Expected mean absolute error, mean squared error and its root, in the target's unit or its square. Empty without predictions.
    pub fn figures(&self) -> Vec<(MetricName, f64)> {
        let count = self.count();
        if count == 0 {
            return Vec::new();
        }
        let mean_of = |sum: &ExactSum| (sum.value() / count as f64).max(0.0);
        let squared = mean_of(&self.squared);
        vec![(MetricName::Mae, mean_of(&self.absolute)), (MetricName::Mse, squared), (MetricName::Rmse, squared.sqrt())]
    }
}

fn mean(losses: &[f64]) -> f64 {
    losses.iter().map(|loss| loss / losses.len() as f64).sum()
}

fn deviation(losses: &[f64]) -> f64 {
    let mean = mean(losses);
    (losses.iter().map(|loss| (loss - mean) * (loss - mean)).sum::<f64>() / losses.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_loses_beyond_all_numbers_is_refused_by_its_place() {
        let features = [Column { kind: Kind::Number, values: vec![1.0, 2.0] }];
        assert_eq!(Reference::fit(&features, &[1.0, 1.0], &[1.0, f64::NAN], 1), Err(Error::OutOfRange { row: 1 }));
        assert_eq!(Reference::fit(&features, &[1e200, 1.0], &[0.0, 1.0], 1), Err(Error::OutOfRange { row: 0 }));
        assert_eq!(Reference::fit(&[], &[], &[], 1), Err(Error::NoRows));
        assert!(matches!(Reference::fit(&features, &[1.0], &[1.0, 2.0], 1), Err(Error::Uneven { .. })));
    }

    #[test]
    fn losses_that_come_from_the_prediction_alone_are_expected_with_no_feature_known() {
        let predictions: Vec<f64> = (0..400).map(|row| f64::from(row % 40)).collect();
        let truths: Vec<f64> =
            predictions.iter().map(|prediction| if *prediction < 20.0 { *prediction } else { 0.0 }).collect();
        let reference = Reference::fit(&[], &predictions, &truths, 100).unwrap();
        assert!(reference.losses(&[], 5.0).absolute < 0.1);
        assert!((reference.losses(&[], 35.0).absolute - 35.0).abs() < 3.0);
        assert!((reference.losses(&[1.0, 2.0], 35.0).squared - 1225.0).abs() < 200.0);
        let mut sums = Sums::default();
        predictions.iter().for_each(|prediction| sums.add(&reference.losses(&[], *prediction)));
        let (metric, value) = sums.figures()[0];
        assert_eq!(reference.expect(metric, value, 400).alert, Some(false));
        assert_eq!(reference.expect(metric, 2.0 * value, 400).alert, Some(true));
        assert_eq!(Sums::default().figures(), []);
    }

    #[test]
    fn rows_that_stand_for_others_are_worth_less_than_those() {
        let (small, large) = (Losses { absolute: 1.0, squared: 1.0 }, Losses { absolute: 3.0, squared: 9.0 });
        let mut sums = Sums::default();
        (0..8).for_each(|_| sums.add(&small));
        assert_eq!((sums.count(), sums.effective_rows()), (8, 8));
        sums.add_for(&large, 8);
        let figures = [(MetricName::Mae, 2.0), (MetricName::Mse, 5.0), (MetricName::Rmse, 5.0_f64.sqrt())];
        assert_eq!((sums.count(), sums.effective_rows(), sums.figures()), (16, 3, figures.to_vec()));
    }
}
