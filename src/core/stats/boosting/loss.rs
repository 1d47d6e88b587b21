//! What trees are to make small: its slope and curvature at each row, where scores begin, and what a leaf of outliers says.

use serde::{Deserialize, Serialize};

use super::Workers;
use super::sums::{Sums, Units};
use crate::stats::logarithm;

/// Rows that one thread works on at a time. Sums over rows are sums of such pieces, however many threads there are.
pub(super) const PIECE: usize = 16_384;
/// No class is taken to be rarer, so that logarithms stay finite.
const SHARE_MIN: f64 = 1e-12;

/// A loss, after Friedman (2001), *Ann. Stat.* 29, 1189–1232.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Half the squared error: learns means.
    Squared,
    /// The absolute error: learns medians.
    Absolute,
    /// Squared up to this quantile of the absolute errors, absolute beyond it: means that outliers hardly move.
    Huber(f64),
    /// The pinball loss: learns this quantile.
    Quantile(f64),
    /// Of two classes, 0 and 1: learns the logarithm of their odds.
    Logistic,
    /// Of so many classes, 0, 1, 2 …: learns the logarithm of each one's share.
    Softmax(usize),
}

impl Loss {
    /// Scores a row has.
    pub const fn outputs(self) -> usize {
        if let Self::Softmax(classes) = self { classes } else { 1 }
    }

    /// Where the scores of all rows begin.
    pub(super) fn base(self, targets: &[f64], weights: Option<&[f64]>) -> Vec<f64> {
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let total: f64 = (0..targets.len()).map(weight).sum();
        let share = |class: usize| {
            let sum: f64 = targets.iter().enumerate().filter(|(_, y)| **y == class as f64).map(|(row, _)| weight(row)).sum();
            (sum / total).clamp(SHARE_MIN, 1.0 - SHARE_MIN)
        };
        match self {
            Self::Squared => vec![targets.iter().enumerate().map(|(row, target)| target * (weight(row) / total)).sum()],
            Self::Absolute | Self::Huber(_) => vec![quantile(pairs(targets, &weight), 0.5)],
            Self::Quantile(level) => vec![quantile(pairs(targets, &weight), level)],
            Self::Logistic => vec![logarithm::ln(share(1) / (1.0 - share(1)))],
            Self::Softmax(classes) => (0..classes).map(|class| logarithm::ln(share(class))).collect(),
        }
    }

    /// The first and second derivative of the loss by the score `output` at each row, times the weight of the row, in whole numbers.
    ///
    /// * `scores`: by output, by row. `shares`: of the classes by output, by row, for [`Loss::Softmax`].
    pub(super) fn derivatives(
        self,
        output: usize,
        scores: &[Vec<f64>],
        shares: &[Vec<f64>],
        targets: &[f64],
        weights: Option<&[f64]>,
        workers: &impl Workers,
    ) -> (Vec<Sums>, Units) {
        let rows = targets.len();
        let bound = self.huber_bound(&scores[0], targets);
        let (mut slopes, mut curvatures) = (vec![0.0; rows], vec![0.0; rows]);
        let pieces: Vec<_> = (0..rows).step_by(PIECE).zip(slopes.chunks_mut(PIECE)).zip(curvatures.chunks_mut(PIECE)).collect();
        let totals = workers.map(pieces, |((first, slopes), curvatures)| {
            let targets = &targets[first..first + slopes.len()];
            match self {
                Self::Softmax(_) => {
                    let shares = &shares[output][first..first + slopes.len()];
                    softmax(output as f64, shares, targets, slopes, curvatures);
                }
                _ => self.of_piece(bound, &scores[0][first..first + slopes.len()], targets, slopes, curvatures),
            }
            if let Some(weights) = weights {
                let weights = &weights[first..first + slopes.len()];
                for ((slope, curvature), weight) in slopes.iter_mut().zip(curvatures.iter_mut()).zip(weights) {
                    *slope *= weight;
                    *curvature *= weight;
                }
            }
            let absolute: f64 = slopes.iter().map(|slope| slope.abs()).sum();
            (absolute, curvatures.iter().sum::<f64>())
        });
        let (slope, curvature) = totals.into_iter().fold((0.0, 0.0), |sums, piece| (sums.0 + piece.0, sums.1 + piece.1));
        let units = Units::for_totals(slope, curvature);
        let (per_slope, per_curvature) = (1.0 / units.gradient, 1.0 / units.weight);
        let pieces: Vec<_> = slopes.chunks(PIECE).zip(curvatures.chunks(PIECE)).collect();
        let adds = workers.map(pieces, |(slopes, curvatures)| {
            let add = |(slope, curvature): (&f64, &f64)| Sums::of_row(*slope, *curvature, per_slope, per_curvature);
            slopes.iter().zip(curvatures).map(add).collect::<Vec<Sums>>()
        });
        (adds.concat(), units)
    }

    #[inline]
    fn of_piece(self, bound: f64, scores: &[f64], targets: &[f64], slopes: &mut [f64], curvatures: &mut [f64]) {
        let rows = scores.iter().zip(targets).zip(slopes.iter_mut().zip(curvatures));
        match self {
            Self::Squared => rows.for_each(|((score, target), (slope, curvature))| {
                (*slope, *curvature) = (score - target, 1.0);
            }),
            Self::Absolute => rows.for_each(|((score, target), (slope, curvature))| {
                (*slope, *curvature) = (sign(score - target), 1.0);
            }),
            Self::Huber(_) => rows.for_each(|((score, target), (slope, curvature))| {
                (*slope, *curvature) = ((score - target).clamp(-bound, bound), 1.0);
            }),
            Self::Quantile(level) => rows.for_each(|((score, target), (slope, curvature))| {
                (*slope, *curvature) = (if target < score { 1.0 - level } else { -level }, 1.0);
            }),
            Self::Logistic | Self::Softmax(_) => rows.for_each(|((score, target), (slope, curvature))| {
                let share = logistic(*score);
                (*slope, *curvature) = (share - target, share * (1.0 - share));
            }),
        }
    }

    /// Up to where an error counts squared.
    fn huber_bound(self, scores: &[f64], targets: &[f64]) -> f64 {
        let Self::Huber(level) = self else { return f64::INFINITY };
        let errors = scores.iter().zip(targets).map(|(score, target)| ((target - score).abs(), 1.0));
        quantile(errors.collect(), level)
    }

    /// What a leaf says, where slopes do not tell it.
    ///
    /// * `errors`: target minus score of each row of the leaf, with its weight.
    pub(super) fn leaf_value(self, errors: impl Iterator<Item = (f64, f64)>, bound: f64) -> f64 {
        let errors: Vec<(f64, f64)> = errors.collect();
        match self {
            Self::Absolute => quantile(errors, 0.5),
            Self::Quantile(level) => quantile(errors, level),
            Self::Huber(_) => {
                let median = quantile(errors.clone(), 0.5);
                let total: f64 = errors.iter().map(|(_, weight)| weight).sum();
                let beyond = errors.iter().map(|(error, weight)| weight * (error - median).clamp(-bound, bound));
                median + beyond.sum::<f64>() / total
            }
            Self::Squared | Self::Logistic | Self::Softmax(_) => 0.0,
        }
    }

    /// The bound for [`Loss::leaf_value`]; `None` where leaves say what slopes tell.
    pub(super) fn renewal(self, scores: &[f64], targets: &[f64]) -> Option<f64> {
        match self {
            Self::Absolute | Self::Quantile(_) => Some(0.0),
            Self::Huber(_) => Some(self.huber_bound(scores, targets)),
            Self::Squared | Self::Logistic | Self::Softmax(_) => None,
        }
    }

    /// The loss of one row.
    ///
    /// * `scores`: one for each output.
    #[inline]
    pub(super) fn at(self, scores: &[f64], target: f64, huber: f64) -> f64 {
        let error = target - scores[0];
        match self {
            Self::Squared => error * error / 2.0,
            Self::Absolute => error.abs(),
            Self::Huber(_) if error.abs() <= huber => error * error / 2.0,
            Self::Huber(_) => huber * (error.abs() - huber / 2.0),
            Self::Quantile(level) => {
                if 0.0 < error {
                    level * error
                } else {
                    (level - 1.0) * error
                }
            }
            // ln(1 + e^s) − y s, from the side where nothing overflows
            Self::Logistic => {
                let score = scores[0];
                score.max(0.0) + logarithm::ln(1.0 + exp(-score.abs())) - target * score
            }
            Self::Softmax(_) => {
                let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = scores.iter().map(|score| exp(score - most)).sum();
                most + logarithm::ln(sum) - scores[target as usize]
            }
        }
    }
}

/// The shares of classes whose scores are known, by output, by row.
pub(super) fn shares(scores: &[Vec<f64>], workers: &impl Workers) -> Vec<Vec<f64>> {
    let rows = scores.first().map_or(0, Vec::len);
    let pieces: Vec<usize> = (0..rows).step_by(PIECE).collect();
    let told = workers.map(pieces, |first| {
        let end = rows.min(first + PIECE);
        let mut shares: Vec<Vec<f64>> = scores.iter().map(|scores| scores[first..end].to_vec()).collect();
        let mut most = vec![f64::NEG_INFINITY; end - first];
        for scores in &shares {
            most.iter_mut().zip(scores).for_each(|(most, score)| *most = most.max(*score));
        }
        let mut sums = vec![0.0; end - first];
        for scores in &mut shares {
            for ((score, most), sum) in scores.iter_mut().zip(&most).zip(&mut sums) {
                *score = exp(*score - most);
                *sum += *score;
            }
        }
        for shares in &mut shares {
            shares.iter_mut().zip(&sums).for_each(|(share, sum)| *share /= sum);
        }
        shares
    });
    (0..scores.len()).map(|output| told.iter().flat_map(|piece| piece[output].iter().copied()).collect()).collect()
}

#[inline]
fn softmax(class: f64, shares: &[f64], targets: &[f64], slopes: &mut [f64], curvatures: &mut [f64]) {
    for ((share, target), (slope, curvature)) in shares.iter().zip(targets).zip(slopes.iter_mut().zip(curvatures)) {
        (*slope, *curvature) = (share - f64::from(u8::from(*target == class)), share * (1.0 - share));
    }
}

/// The share of the class 1 whose odds have the logarithm `score`.
#[inline]
pub(super) fn logistic(score: f64) -> f64 {
    1.0 / (1.0 + exp(-score))
}

/// e to the `x`, to within 3 units in the last place, without a branch, so that several rows go at once; `x` is cut at ±700.
///
/// As [`logarithm::exp`]: `e^x = 2^k e^r` with `|r| ≤ ln 2 / 2`; the first term left out is below 2 · 10⁻¹⁶ of the sum.
#[inline]
pub(super) fn exp(x: f64) -> f64 {
    const ROUNDING: f64 = 6_755_399_441_055_744.0; // 1.5 · 2⁵²: adding it leaves a whole number in the low bits
    const LN_2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    const TERMS: [f64; 13] = {
        let (mut terms, mut term) = ([1.0; 13], 1);
        while term < 13 {
            terms[term] = terms[term - 1] / term as f64;
            term += 1;
        }
        terms
    };

    let x = x.clamp(-700.0, 700.0);
    let rounded = x * std::f64::consts::LOG2_E + ROUNDING;
    let power = rounded - ROUNDING;
    let rest = (x - power * LN_2_HIGH) - power * LN_2_LOW;
    let sum = TERMS.iter().rev().fold(0.0, |sum, term| sum * rest + term);
    f64::from_bits(sum.to_bits().wrapping_add(rounded.to_bits() << 52))
}

fn sign(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value.signum() }
}

fn pairs(values: &[f64], weight: &impl Fn(usize) -> f64) -> Vec<(f64, f64)> {
    values.iter().enumerate().map(|(row, value)| (*value, weight(row))).collect()
}

/// The least of weighted values that at least the share `level` of the weight does not exceed; between two of equal standing their middle.
#[inline]
fn quantile(mut values: Vec<(f64, f64)>, level: f64) -> f64 {
    values.sort_unstable_by(|left, right| left.0.total_cmp(&right.0));
    let wanted = level * values.iter().map(|(_, weight)| weight).sum::<f64>();
    let mut sum = 0.0;
    for (place, (value, weight)) in values.iter().enumerate() {
        sum += weight;
        if wanted < sum {
            return *value;
        }
        if wanted == sum {
            return values.get(place + 1).map_or(*value, |next| f64::midpoint(*value, next.0));
        }
    }
    values.last().map_or(0.0, |last| last.0)
}
