//! The split of one feature that explains most, read from its histogram.

use super::bins::MISSING;
use super::sums::Sums;

/// Rows of the mean that a category's own is mixed with before categories are put in order.
const CATEGORY_SMOOTHING: f64 = 10.0;
/// A side weighs at least so much, in units of its rows' second derivatives; below it a leaf would be the quotient of two nothings.
const WEIGHT_MIN: f64 = 1e-3;

/// What goes to the left.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rule {
    UpTo {
        bin: u8,
        with_missing: bool,
    },
    /// Ascending bins.
    Among(Vec<u8>),
}

impl Rule {
    #[inline]
    pub(super) fn takes(&self, place: u8) -> bool {
        match self {
            Self::UpTo { with_missing, .. } if place == MISSING => *with_missing,
            Self::UpTo { bin, .. } => place <= *bin,
            Self::Among(bins) => bins.binary_search(&place).is_ok(),
        }
    }
}

/// What a split has to keep to, in the units of [`Sums`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// Rows of a side at least.
    pub rows_min: u32,
    /// What is added to the weight of every leaf.
    pub l2: f64,
    /// One in units of weight.
    pub one: f64,
}

/// Between what the values of a leaf have to lie, and which way they must go with the feature.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub low: f64,
    pub high: f64,
}

/// A split that was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub gain: f64,
    pub rule: Rule,
    pub left: Sums,
}

/// What is asked of one feature.
pub(super) struct Asked<'a> {
    /// By bin.
    pub histogram: &'a [Sums],
    pub all: Sums,
    pub terms: Terms,
    pub bounds: Bounds,
    /// 1 where the answer may not fall as the feature grows, −1 where it may not grow, 0 where it is free.
    pub direction: i8,
}

impl Bounds {
    pub(super) const FREE: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };

    #[inline]
    fn are_free(self) -> bool {
        self.low == f64::NEG_INFINITY && self.high == f64::INFINITY
    }
}

impl Terms {
    /// What a leaf of these rows says, as a quotient of units.
    #[inline]
    pub(super) fn value(self, sums: Sums, bounds: Bounds) -> f64 {
        let value = -sums.gradient() / (sums.weight() + self.l2);
        if bounds.are_free() { value } else { value.clamp(bounds.low, bounds.high) }
    }

    /// Twice what a leaf takes off the loss.
    #[inline]
    fn explained(self, sums: Sums, value: f64) -> f64 {
        -value * (2.0 * sums.gradient() + (sums.weight() + self.l2) * value)
    }
}

impl Asked<'_> {
    /// The bound between bins of numbers that explains most, and the side of what is missing.
    #[inline]
    pub(super) fn best_bound(&self) -> Option<Found> {
        let missing = self.histogram[usize::from(MISSING)];
        let mut best: Option<(f64, u8, bool, Sums)> = None;
        let mut below = Sums::default();
        for (bin, sums) in self.histogram.iter().enumerate().skip(1) {
            if sums.rows() == 0 {
                continue;
            }
            below = below.with(*sums);
            if self.all.rows() < below.rows() + self.terms.rows_min {
                break;
            }
            let more_below = self.all.rows() < 2 * below.rows();
            let sides: &[bool] = if missing.rows() == 0 { &[more_below] } else { &[false, true] };
            for with_missing in sides.iter().copied() {
                let left = if with_missing { below.with(missing) } else { below };
                let least = best.as_ref().map_or(f64::NEG_INFINITY, |best| best.0);
                if let Some(gain) = self.gain(left, least) {
                    best = Some((gain, bin as u8, with_missing, left));
                }
            }
        }
        let (gain, bin, with_missing, left) = best?;
        self.found(gain, Rule::UpTo { bin, with_missing }, left)
    }

    /// The set of categories that explains most: in the order of their means, it is one of the first few (Fisher (1958), *J. Am. Stat.
    /// Assoc.* 53, 789–798).
    #[inline]
    pub(super) fn best_set(&self) -> Option<Found> {
        let smoothing = CATEGORY_SMOOTHING * self.terms.one;
        let mut ordered: Vec<(f64, u8, Sums)> = self
            .histogram
            .iter()
            .enumerate()
            .filter(|(_, sums)| 0 < sums.rows())
            .map(|(bin, sums)| (-sums.gradient() / (sums.weight() + smoothing), bin as u8, *sums))
            .collect();
        ordered.sort_by(|left, right| left.0.total_cmp(&right.0));
        let (mut best, mut below): (Option<(f64, usize, Sums)>, Sums) = (None, Sums::default());
        for (place, (_, _, sums)) in ordered.iter().enumerate() {
            below = below.with(*sums);
            if let Some(gain) = self.gain(below, best.map_or(f64::NEG_INFINITY, |best| best.0)) {
                best = Some((gain, place, below));
            }
        }
        let (gain, place, left) = best?;
        let mut bins: Vec<u8> = ordered[..=place].iter().map(|(_, bin, _)| *bin).collect();
        bins.sort_unstable();
        self.found(gain, Rule::Among(bins), left)
    }

    /// What both sides explain, if it is more than `least` and neither is too small.
    #[inline]
    fn gain(&self, left: Sums, least: f64) -> Option<f64> {
        let right = self.all.without(left);
        let (weight_left, weight_right) = (left.weight(), right.weight());
        let weight_min = WEIGHT_MIN * self.terms.one;
        if left.rows() < self.terms.rows_min
            || right.rows() < self.terms.rows_min
            || weight_left < weight_min
            || weight_right < weight_min
        {
            return None;
        }
        let gain = if self.direction == 0 && self.bounds.are_free() {
            let (left, right) = (left.gradient(), right.gradient());
            let (over_left, over_right) = (weight_left + self.terms.l2, weight_right + self.terms.l2);
            (left * left * over_right + right * right * over_left) / (over_left * over_right)
        } else {
            let (value_left, value_right) = (self.terms.value(left, self.bounds), self.terms.value(right, self.bounds));
            if (value_right - value_left) * f64::from(self.direction) < 0.0 {
                return None;
            }
            self.terms.explained(left, value_left) + self.terms.explained(right, value_right)
        };
        (least < gain).then_some(gain)
    }

    /// The split with what it explains beyond the whole; `None` if that is nothing but rounding.
    #[inline]
    fn found(&self, both: f64, rule: Rule, left: Sums) -> Option<Found> {
        let whole = self.terms.explained(self.all, self.terms.value(self.all, self.bounds));
        let gain = both - whole;
        (4.0 * f64::EPSILON * both < gain).then_some(Found { gain, rule, left })
    }
}
