//! Intervals of figures of a whole table of (truth, predicted): all of its counts are one draw from a multinomial distribution.

use std::collections::BTreeMap;

use super::Estimate;
use super::classes::{Confusion, Margin};
use super::estimate::{MEMBERS_MIN, NoInterval, Z, logit, of_logit, t_quantile};

/// Fewest answers behind such an interval.
const ROWS_MIN: u64 = 30;

/// Counts as shares of all answers.
pub(super) struct Table {
    n: u64,
    /// Row, column and share of each pair seen.
    pairs: Vec<(usize, usize, f64)>,
    classes: Vec<Shares>,
    /// Of the class with the fewest labels or predictions: how many it has.
    fewest: u64,
}

/// One class as shares of all answers.
struct Shares {
    truths: f64,
    predictions: f64,
    precision: f64,
    f1: f64,
    false_positive_rate: f64,
}

impl Table {
    pub fn of(confusion: &Confusion, margins: &BTreeMap<u16, Margin>) -> Self {
        let n = confusion.count();
        let share = |count: u64| count as f64 / n as f64;
        let ratio = |over: f64, under: f64| if under == 0.0 { 0.0 } else { over / under };
        let place: BTreeMap<u16, usize> = margins.keys().enumerate().map(|(place, class)| (*class, place)).collect();
        let of_class = |margin: &Margin| {
            let (truths, predictions, hits) = (share(margin.truths), share(margin.predictions), share(margin.hits));
            Shares {
                truths,
                predictions,
                precision: ratio(hits, predictions),
                f1: ratio(2.0 * hits, truths + predictions),
                false_positive_rate: ratio(predictions - hits, 1.0 - truths),
            }
        };
        Self {
            n,
            pairs: confusion.iter().map(|(truth, predicted, count)| (place[&truth], place[&predicted], share(count))).collect(),
            classes: margins.values().map(of_class).collect(),
            fewest: margins.values().map(|margin| margin.truths.min(margin.predictions)).min().unwrap_or(0),
        }
    }

    /// Gorodkin's form is `(Σ pᵢᵢ − Σ tₖ cₖ) / √((1 − Σ tₖ²)(1 − Σ cₖ²))`.
    pub fn matthews(&self, value: f64) -> Estimate {
        let left = |share: fn(&Shares) -> f64| 1.0 - self.classes.iter().map(|class| share(class).powi(2)).sum::<f64>();
        let (of_truths, of_predictions) = (left(|class| class.truths), left(|class| class.predictions));
        let scale = (of_truths * of_predictions).sqrt();
        self.coefficient(value, |row, column| {
            let (of_row, of_column) = (&self.classes[row], &self.classes[column]);
            let change = met(row, column) - of_row.predictions - of_column.truths;
            change / scale + value * (of_row.truths / of_truths + of_column.predictions / of_predictions)
        })
    }

    /// `(pₒ − pₑ)/(1 − pₑ)`; Fleiss, Cohen & Everitt (1969), *Psychol. Bull.* 72, 323–327.
    pub fn kappa(&self, value: Option<f64>) -> Estimate {
        let Some(value) = value else { return Estimate::missing(self.n) };
        let room = 1.0 - self.classes.iter().map(|class| class.truths * class.predictions).sum::<f64>();
        let observed: f64 = self.pairs.iter().filter(|(row, column, _)| row == column).map(|(_, _, share)| share).sum();
        self.coefficient(value, |row, column| {
            let by_chance = self.classes[row].predictions + self.classes[column].truths;
            (met(row, column) * room - (1.0 - observed) * by_chance) / room.powi(2)
        })
    }

    /// The mean of independent shares, of hits among labels or among predictions. A class that is always met says little of how often it is
    /// missed, so the variance of each is that of `(hits + ½)/(members + 1)`.
    pub fn mean_share(&self, value: f64, shares: &[Estimate]) -> Estimate {
        let figure = Estimate::bare(value, self.n, NoInterval::NoSpread);
        if self.n < ROWS_MIN || shares.iter().any(|share| share.n < MEMBERS_MIN) {
            return figure.without(NoInterval::TooFewRows);
        }
        let variance_of = |share: &Estimate| {
            let members = share.n as f64;
            let smoothed = (share.value.unwrap_or_default() * members + 0.5) / (members + 1.0);
            smoothed * (1.0 - smoothed) / members
        };
        let variance = shares.iter().map(variance_of).sum::<f64>() / (shares.len() as f64).powi(2);
        if value <= 0.0 || 1.0 <= value {
            return figure;
        }
        figure.on_scale(Z * variance.sqrt() / (value * (1.0 - value)), logit, of_logit)
    }

    pub fn f1_macro(&self, value: f64) -> Estimate {
        let count = self.classes.len() as f64;
        self.mean_of_classes(value, |row, column| self.f1_change(row, column, |_| 1.0 / count))
    }

    pub fn f1_weighted(&self, value: f64) -> Estimate {
        self.share(value, |row, column| self.classes[row].f1 + self.f1_change(row, column, |class| class.truths))
    }

    pub fn precision_weighted(&self, value: f64) -> Estimate {
        self.share(value, |row, column| {
            let [of_row, of_column] = [&self.classes[row], &self.classes[column]];
            of_row.precision + of_column.truths * (met(row, column) - of_column.precision) / of_column.predictions
        })
    }

    pub fn fpr_macro(&self, value: f64) -> Estimate {
        self.mean_of_classes(value, |row, column| self.false_positive_change(row, column))
    }

    pub fn specificity_macro(&self, value: f64) -> Estimate {
        self.mean_of_classes(value, |row, column| -self.false_positive_change(row, column))
    }

    /// How `Σ w F1` changes with the share of a pair. `F1 = 2 h / (t + c)`.
    fn f1_change(&self, row: usize, column: usize, weight: impl Fn(&Shares) -> f64) -> f64 {
        let part = |place: usize| {
            let class = &self.classes[place];
            weight(class) * (met(row, column) - class.f1) / (class.truths + class.predictions)
        };
        part(row) + part(column)
    }

    /// How the mean of `(c − h) / (1 − t)` changes with the share of a pair.
    fn false_positive_change(&self, row: usize, column: usize) -> f64 {
        let [of_row, of_column] = [&self.classes[row], &self.classes[column]];
        let by_column = (1.0 - met(row, column)) / (1.0 - of_column.truths);
        (by_column + of_row.false_positive_rate / (1.0 - of_row.truths)) / self.classes.len() as f64
    }

    /// A figure in -1 to 1, on Fisher's scale.
    fn coefficient(&self, value: f64, change: impl Fn(usize, usize) -> f64) -> Estimate {
        self.interval(value, change, |margin| margin / (1.0 - value * value), f64::atanh, f64::tanh, value.abs() < 1.0)
    }

    /// A figure in 0 to 1, on the logit scale.
    fn share(&self, value: f64, change: impl Fn(usize, usize) -> f64) -> Estimate {
        let is_inside = 0.0 < value && value < 1.0;
        self.interval(value, change, |margin| margin / (value * (1.0 - value)), logit, of_logit, is_inside)
    }

    /// The same of a mean in which a class with few members weighs as much as any.
    fn mean_of_classes(&self, value: f64, change: impl Fn(usize, usize) -> f64) -> Estimate {
        let figure = self.share(value, change);
        if self.fewest < MEMBERS_MIN { figure.without(NoInterval::TooFewRows) } else { figure }
    }

    /// The delta method: the variance is `(Σ pᵢⱼ dᵢⱼ² − (Σ pᵢⱼ dᵢⱼ)²) / n` with `dᵢⱼ` the derivative of the figure by the share of a pair
    /// (Agresti (2013), *Categorical Data Analysis*, §16.1). The quantile is Student's: the variance of a variance gives `2n/(κ − 1)` degrees
    /// of freedom, `κ` the kurtosis of the changes, and half as many again held best (`ops/bench coverage`). None below 30 answers, and at the
    /// ends of the figure's range.
    fn interval(
        &self,
        value: f64,
        change: impl Fn(usize, usize) -> f64,
        scaled: impl Fn(f64) -> f64,
        there: impl Fn(f64) -> f64,
        back: impl Fn(f64) -> f64,
        is_inside: bool,
    ) -> Estimate {
        let figure = Estimate::bare(value, self.n, NoInterval::NoSpread);
        if self.n < ROWS_MIN {
            return figure.without(NoInterval::TooFewRows);
        }
        if !is_inside {
            return figure;
        }
        let changes = || self.pairs.iter().map(|(row, column, share)| (*share, change(*row, *column)));
        let mean: f64 = changes().map(|(share, change)| share * change).sum();
        let moment = |power: i32| changes().map(|(share, change)| share * (change - mean).powi(power)).sum::<f64>();
        let (variance, count) = (moment(2), self.n as f64);
        let degrees = 3.0 * count / (moment(4) / variance.powi(2) - 1.0);
        figure.on_scale(scaled(t_quantile(degrees) * (variance / (count - 1.0)).sqrt()), there, back)
    }
}

/// 1 where the answer is right.
fn met(row: usize, column: usize) -> f64 {
    f64::from(u8::from(row == column))
}
