//! Quantiles of a stream within 1 % of the value.

use serde::{Deserialize, Serialize};

use super::counts::Counts;

/// ln γ with γ = (1 + α)/(1 − α) and α = 0.01: the width of a bucket in logarithms.
const LN_GAMMA: f64 = 0.020_000_666_706_669_525;
/// The mapping's slope against the natural logarithm is at least 10/7 (at mantissas 1 and 5/3), so this many buckets to an
/// octave keep every one of them within γ.
const BUCKETS_PER_OCTAVE: f64 = 0.7 / LN_GAMMA;
/// Coefficients of the cubic that stands in for log₂(1 + s).
const CUBIC: [f64; 3] = [6.0 / 35.0, -3.0 / 5.0, 10.0 / 7.0];
/// Below 2 to this power (9·10⁻¹³) a value counts as 0.
const LEAST_OCTAVE: i32 = -40;
/// From 2 to this power (10¹⁵) on all values share a bucket.
const MOST_OCTAVE: i32 = 50;
/// The bucket of the least magnitude has key 1; negative values have the negated key; 0 has key 0.
const KEY_SHIFT: i32 = 1400;

/// Counts of values in buckets whose bounds grow by 2 %: any quantile within 1 % of the value at its rank.
///
/// DDSketch: Masson, Rim & Lee (2019), *PVLDB* 12(12), 2195–2205, with the cubically interpolated logarithm of its reference
/// implementation. Magnitudes from 9·10⁻¹³ to 10¹⁵, both signs; at most 6301 buckets. Removing is exact, so is merging.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sketch {
    buckets: Counts,
}

impl Sketch {
    /// Counts `value`, which must be finite.
    #[inline]
    pub fn add(&mut self, value: f64) {
        self.buckets.add(key(value), 1);
    }

    /// Takes `value` out again.
    #[inline]
    pub fn remove(&mut self, value: f64) {
        self.buckets.add(key(value), -1);
    }

    pub fn merge(&mut self, other: &Self) {
        self.buckets.merge(&other.buckets);
    }

    pub fn unmerge(&mut self, other: &Self) {
        self.buckets.unmerge(&other.buckets);
    }

    pub fn count(&self) -> u64 {
        self.buckets.total().max(0) as u64
    }

    /// The `q`-quantile, 0 to 1, by nearest rank: the value at rank ⌈q n⌉ (at least 1), within 1 %. `None` if empty.
    ///
    /// Definition 1 of Hyndman & Fan (1996), *Am. Stat.* 50, 361–365 (numpy's `inverted_cdf`).
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.at_rank((q * self.count() as f64).ceil())
    }

    /// The value at `rank`, 1 being the least, within 1 %; ranks beyond either end mean that end. `None` if empty.
    pub fn at_rank(&self, rank: f64) -> Option<f64> {
        let rank = (rank.max(1.0) as u64).min(self.count());
        let mut seen = 0;
        let held = self.buckets.iter().filter(|(_, count)| 0 < *count);
        held.take_while(|(_, count)| {
            let before = seen;
            seen += *count as u64;
            before < rank
        })
        .last()
        .map(|(key, _)| representative(key))
    }

    /// A bound that no value exceeds, at most 2.02 % above the largest. `None` if empty.
    pub fn upper_bound(&self) -> Option<f64> {
        let (key, _) = self.buckets.iter().rev().find(|(_, count)| 0 < *count)?;
        let (low, high) = bounds(key.abs());
        Some(if key < 0 { -low } else { high })
    }
}

/// The bucket of `value`: from its bits and a cubic, so that all platforms agree.
#[inline]
fn key(value: f64) -> i32 {
    const MANTISSA: u64 = (1 << 52) - 1;
    let magnitude = value.abs();
    let bits = magnitude.to_bits();
    let octave = (bits >> 52) as i32 - 1023;
    if octave < LEAST_OCTAVE {
        return 0;
    }
    let key = if octave < MOST_OCTAVE {
        let s = f64::from_bits((bits & MANTISSA) | 1023 << 52) - 1.0;
        let logarithm = ((CUBIC[0] * s + CUBIC[1]) * s + CUBIC[2]) * s + f64::from(octave);
        // A conversion truncates, so the shift to positive numbers makes it a floor, and cheaper than one.
        (logarithm * BUCKETS_PER_OCTAVE + f64::from(KEY_SHIFT + 1)) as i32
    } else {
        (f64::from(MOST_OCTAVE) * BUCKETS_PER_OCTAVE + f64::from(KEY_SHIFT + 1)) as i32
    };
    if value < 0.0 { -key } else { key }
}

/// The value that is within 1 % of all in the bucket: the harmonic mean of its bounds.
fn representative(key: i32) -> f64 {
    let (low, high) = bounds(key.abs());
    let value = if key == 0 { 0.0 } else { 2.0 * low * high / (low + high) };
    if key < 0 { -value } else { value }
}

/// The magnitudes `low` and `high` between which a bucket lies; 0 to the least magnitude for key 0.
fn bounds(key: i32) -> (f64, f64) {
    if key == 0 {
        return (0.0, f64::from_bits(((LEAST_OCTAVE + 1023) as u64) << 52));
    }
    let at = |place: i32| power(f64::from(place) / BUCKETS_PER_OCTAVE);
    (at(key - KEY_SHIFT - 1), at(key - KEY_SHIFT))
}

/// The magnitude whose interpolated logarithm is given. Newton's steps on a cubic with slope 0.7 to 1.5: six are plenty.
fn power(logarithm: f64) -> f64 {
    let octave = logarithm.floor();
    let target = logarithm - octave;
    let mut s = target;
    for _ in 0..6 {
        let excess = ((CUBIC[0] * s + CUBIC[1]) * s + CUBIC[2]) * s - target;
        s -= excess / ((3.0 * CUBIC[0] * s + 2.0 * CUBIC[1]) * s + CUBIC[2]);
    }
    f64::from_bits(((octave as i32 + 1023) as u64) << 52) * (1.0 + s)
}
