//! How finely floats tell values apart: what differs by less has not been seen to move.
//!
//! A model serves in 32-bit floats what was trained in 64-bit ones, and a sum such as 0.1 + 0.2 ends one double away from 0.3. So 0.7 and
//! 0.699999988 may be one value. But data that lie closer to each other than a 32-bit float resolves (seconds since 1970 with hundredths) did not
//! come through one, and nothing of them is rounded away.

use std::iter::Peekable;

/// How far a 32-bit float may lie from what was rounded to it, as a share of it: half of the last of its 24 bits.
const SINGLE: f64 = 1.0 / (1 << 24) as f64;

/// Two doubles this close, as a share of them, are one value that was computed in two ways: a step or two of the last bit.
const DOUBLE: f64 = 2.0 * f64::EPSILON;

/// By how much a value may move when it is rounded to a 32-bit float, in its unit.
pub fn reach(value: f64) -> f64 {
    value.abs() * SINGLE
}

/// Whether `value` may have come through a 32-bit float.
pub fn is_single(value: f64) -> bool {
    f64::from(value as f32) == value
}

/// What a 32-bit float makes of `value`; one that is too large for it stays.
pub fn to_single(value: f64) -> f64 {
    let rounded = f64::from(value as f32);
    if rounded.is_finite() { rounded } else { value }
}

fn near(a: f64, b: f64, share: f64) -> bool {
    (a - b).abs() <= share * a.abs().max(b.abs())
}

/// Finite numbers in ascending order that can be walked through as often as needed.
pub trait Ascending {
    fn count(&self) -> u64;
    /// Whether all of them [may have come through a 32-bit float](is_single).
    fn is_single(&self) -> bool;
    fn ascending(&self) -> impl Iterator<Item = f64>;
}

/// One value, and how often each side holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    pub value: f64,
    pub reference: u64,
    pub current: u64,
}

/// The values of two sides in ascending order. What no float tells apart is one value, that of the reference:
///
/// * where all values of one side may have come through a 32-bit float, the other side is rounded to such floats;
/// * a value of one side and one of the other that differ by no more than such a rounding, where no other value is as near to them;
/// * doubles one or two steps of their last bit apart.
///
/// Cost: O(n + m).
pub fn steps<'a>(reference: &'a impl Ascending, current: &'a impl Ascending) -> impl Iterator<Item = Step> + 'a {
    let rounds = rounds(reference, current);
    let seen = move |value: f64| if rounds { to_single(value) } else { value };
    Steps { reference: Runs::of(reference.ascending().map(seen)), current: Runs::of(current.ascending().map(seen)) }
}

/// Whether one side is rounded to 32-bit floats before [`steps`] compares it, since the other knows nothing finer.
pub fn rounds(reference: &impl Ascending, current: &impl Ascending) -> bool {
    reference.is_single() != current.is_single()
}

struct Steps<R: Iterator<Item = f64>, C: Iterator<Item = f64>> {
    reference: Runs<R>,
    current: Runs<C>,
}

/// Values of one side that are equal, and what lies around them.
struct Runs<I: Iterator<Item = f64>> {
    values: Peekable<I>,
    before: Option<f64>,
    here: Option<(f64, u64)>,
}

impl<I: Iterator<Item = f64>> Runs<I> {
    fn of(values: I) -> Self {
        let mut runs = Self { values: values.peekable(), before: None, here: None };
        runs.advance();
        runs
    }

    fn advance(&mut self) {
        self.before = self.here.map(|(value, _)| value);
        self.here = self.values.next().map(|value| {
            let mut count = 1;
            while self.values.next_if(|next| *next == value || near(*next, value, DOUBLE)).is_some() {
                count += 1;
            }
            (value, count)
        });
    }

    /// Whether no other value of this side is within the rounding of `values`.
    fn is_alone(&mut self, low: f64, high: f64) -> bool {
        let below = self.before.is_some_and(|before| near(before, high, SINGLE));
        !below && !self.values.peek().is_some_and(|after| near(*after, low, SINGLE))
    }
}

impl<R: Iterator<Item = f64>, C: Iterator<Item = f64>> Iterator for Steps<R, C> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let (value, both) = match (self.reference.here, self.current.here) {
            (None, None) => return None,
            (Some((here, _)), Some((there, _))) => {
                let (low, high) = (here.min(there), here.max(there));
                let tied = low == high
                    || near(low, high, DOUBLE)
                    || near(low, high, SINGLE) && self.reference.is_alone(low, high) && self.current.is_alone(low, high);
                if tied { (here, (true, true)) } else { (low, (low == here, low == there)) }
            }
            (Some((only, _)), None) => (only, (true, false)),
            (None, Some((only, _))) => (only, (false, true)),
        };
        let mut step = Step { value, reference: 0, current: 0 };
        if both.0 {
            step.reference = self.reference.here.map_or(0, |(_, count)| count);
            self.reference.advance();
        }
        if both.1 {
            step.current = self.current.here.map_or(0, |(_, count)| count);
            self.current.advance();
        }
        Some(step)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::drift::{Sample, kolmogorov_smirnov, wasserstein};

    fn sample(values: &[f64]) -> Sample {
        Sample::of(values.iter().copied()).unwrap()
    }

    fn distance(reference: &[f64], current: &[f64]) -> f64 {
        kolmogorov_smirnov::test(&sample(reference), &sample(current)).statistic
    }

    #[test]
    fn a_round_trip_through_a_32_bit_float_moves_nothing() {
        for values in [&[0.1, 0.3, 0.7, 0.9][..], &[16_777_217.0, 16_777_219.0, 33_554_433.0, 100_000_001.0], &[0.1; 5]] {
            let narrow: Vec<f64> = values.iter().map(|value| f64::from(*value as f32)).collect();
            assert_eq!((distance(values, &narrow), distance(&narrow, values)), (0.0, 0.0), "{values:?}");
            assert_eq!(wasserstein::distance(&sample(values), &sample(&narrow)), Some(0.0));
            // printed with eight digits it is no 32-bit float any more, and still no nearer
            let printed: Vec<f64> = narrow.iter().map(|value| format!("{value:.7e}").parse().unwrap()).collect();
            assert_eq!(distance(values, &printed), 0.0, "{printed:?}");
        }
        assert_eq!(distance(&[0.3; 9], &[0.1 + 0.2; 7]), 0.0);
    }

    #[test]
    fn values_that_lie_closer_than_a_32_bit_float_resolves_keep_their_order() {
        let at = |start: f64| -> Vec<f64> { (0..200).map(|step| 1e9 + start + f64::from(step % 100) / 100.0).collect() };
        assert_eq!(distance(&at(0.0), &at(1.0)), 1.0);
        assert_eq!(distance(&at(0.0), &at(0.5)), 0.5);
        assert_eq!(distance(&[0.7; 20], &[0.69; 20]), 1.0);
    }

    proptest! {
        #[test]
        fn every_value_of_both_sides_is_in_one_step(
            reference in prop::collection::vec(-1e6_f64..1e6, 1..60),
            current in prop::collection::vec(-1e6_f64..1e6, 1..60),
        ) {
            let (reference, current) = (sample(&reference), sample(&current));
            let told: Vec<Step> = steps(&reference, &current).collect();
            prop_assert_eq!(told.iter().map(|step| step.reference).sum::<u64>(), reference.count());
            prop_assert_eq!(told.iter().map(|step| step.current).sum::<u64>(), current.count());
            prop_assert!(told.windows(2).all(|pair| pair[0].value < pair[1].value));
        }
    }
}
