//! Reproducible chance: the same seed and place give the same draw on every machine.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};

/// A stream of draws for one place of the story.
pub struct Chance(Xoshiro256PlusPlus);

impl Chance {
    /// The draws of `place` under `seed`; places are independent of each other.
    pub fn at(seed: u64, place: &[i64]) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(place.iter().fold(mix(seed), |state, &part| mix(state ^ part.cast_unsigned()))))
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        unit(self.0.next_u64())
    }

    /// Uniform in `[low, high)`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with probability `share`.
    pub fn hits(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// Standard normal (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        let (radius, angle) = (1.0 - self.unit(), self.unit());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// Log-normal with that median; `sigma` is the standard deviation of its logarithm.
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// One of `choices`, each as likely as its weight; the weights sum to 1.
    pub fn pick<T: Copy>(&mut self, choices: &[(T, f64)]) -> T {
        let mut left = self.unit();
        for &(choice, weight) in choices {
            left -= weight;
            if left < 0.0 {
                return choice;
            }
        }
        choices[choices.len() - 1].0
    }
}

/// One uniform draw in `[0, 1)` for a place.
pub fn draw(seed: u64, place: &[i64]) -> f64 {
    unit(place.iter().fold(mix(seed), |state, &part| mix(state ^ part.cast_unsigned())))
}

/// Noise in `[-1, 1]` that changes smoothly: draws every `step` seconds, joined by a cubic.
pub fn smooth(seed: u64, place: i64, second: i64, step: i64) -> f64 {
    let (slot, within) = (second.div_euclid(step), second.rem_euclid(step) as f64 / step as f64);
    let (from, to) = (draw(seed, &[place, slot]), draw(seed, &[place, slot + 1]));
    2.0 * (from + (to - from) * within * within * (3.0 - 2.0 * within)) - 1.0
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}
