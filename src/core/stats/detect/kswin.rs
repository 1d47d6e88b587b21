//! KSWIN: the newest values of a window against as many drawn from the older ones, by the test of Kolmogorov and Smirnov.
//!
//! Raab, Heusinger & Schleif (2020), "Reactive soft prototype computing for concept drift streams", *Neurocomputing* 416, 340–351,
//! §3.2, as in river 0.23. The reference draws from Python's generator; here the draw is SplitMix64 from the seed and the count of
//! draws, the same on every platform and after every restart.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Detector, Verdict};

/// The least distance that counts, as in the reference.
const DISTANCE_MIN: f64 = 0.1;

/// What can be set; defaults as in river 0.23.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Params {
    /// Level of one test, in (0, 1).
    pub alpha: f64,
    /// Values in the window.
    pub window_size: u32,
    /// Newest values, and how many of the older ones are drawn: at most half the window.
    pub stat_size: u32,
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self { alpha: 0.005, window_size: 100, stat_size: 30, seed: 0 }
    }
}

/// The detector. State: the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kswin {
    params: Params,
    window: VecDeque<f64>,
    /// Draws so far, over every reset.
    draws: u64,
    /// The least count of steps between the two distribution functions that is a drift; above `stat_size` if none is.
    steps_min: u32,
    /// Steps in the last test.
    steps: u32,
    drifted: bool,
}

impl Kswin {
    /// An empty window.
    pub fn new(params: Params) -> Self {
        let size = params.stat_size;
        let is_drift = |steps: &u32| p_value(*steps, size) <= params.alpha && DISTANCE_MIN < share(*steps, size);
        let steps_min = (1..=size).find(is_drift).unwrap_or(size + 1);
        let window = VecDeque::with_capacity(params.window_size as usize);
        Self { params, window, draws: 0, steps_min, steps: 0, drifted: false }
    }

    /// As `update`, with the drawn positions from `draw`: told how many older values there are and how many are wanted, it
    /// answers that many positions below the first number. Asked only when a test is due.
    pub fn update_drawing(&mut self, value: f64, draw: impl FnOnce(usize, usize) -> Vec<usize>) -> Verdict {
        let Params { window_size, stat_size, .. } = self.params;
        let (size, wanted) = (window_size as usize, stat_size as usize);
        if self.drifted {
            self.window.clear();
            self.drifted = false;
        }
        if self.window.len() == size {
            self.window.pop_front();
        }
        self.window.push_back(value);
        if self.window.len() < size {
            return Verdict::Warming { seen: self.window.len() as u64, needs: size as u64 };
        }
        let mut older: Vec<f64> = draw(size - wanted, wanted).into_iter().map(|position| self.window[position]).collect();
        let mut newest: Vec<f64> = self.window.range(size - wanted..).copied().collect();
        self.draws += 1;
        older.sort_unstable_by(f64::total_cmp);
        newest.sort_unstable_by(f64::total_cmp);
        self.steps = steps_between(&older, &newest);
        self.drifted = self.steps_min <= self.steps;
        Verdict::of(self.drifted, false, share(self.steps, stat_size), share(self.steps_min, stat_size))
    }

    /// The p-value of the last test: exact, without ties in the data conservative.
    pub fn p_value(&self) -> f64 {
        p_value(self.steps, self.params.stat_size)
    }
}

impl Detector for Kswin {
    /// The score is the largest distance of the two distribution functions, the threshold the least one that is a drift.
    fn update(&mut self, value: f64) -> Verdict {
        let (seed, draws) = (self.params.seed, self.draws);
        self.update_drawing(value, |population, wanted| sample(seed, draws, population, wanted))
    }
}

fn share(steps: u32, size: u32) -> f64 {
    f64::from(steps) / f64::from(size)
}

/// The largest difference of the two empirical distribution functions, in steps of one value; both sorted and equally long.
fn steps_between(one: &[f64], two: &[f64]) -> u32 {
    let (mut first, mut second, mut most) = (0, 0, 0);
    while first < one.len() && second < two.len() {
        let value = one[first].min(two[second]);
        first += one[first..].iter().take_while(|other| **other <= value).count();
        second += two[second..].iter().take_while(|other| **other <= value).count();
        most = most.max(first.abs_diff(second));
    }
    most as u32
}

/// How likely two samples of `size` values of one distribution are `steps` or more apart: paths that leave a band,
/// `2 Σ (−1)^(k−1) C(2n, n − kh) / C(2n, n)`, Gnedenko & Korolyuk (1951); Hodges (1958), *Arkiv för Matematik* 3, 469–486, (2.4).
/// Evaluated inside out as in `scipy.stats.ks_2samp`, whose value it is for samples of one size.
fn p_value(steps: u32, size: u32) -> f64 {
    if steps == 0 {
        return 1.0;
    }
    let (step, n) = (f64::from(steps), f64::from(size));
    let outside = (0..=size / steps).rev().fold(0.0, |inner, times| {
        let shift = f64::from(times) * step;
        let ratio = (0..steps).map(f64::from).fold(1.0, |ratio, j| (n - shift - j) * ratio / (n + shift + j + 1.0));
        ratio * (1.0 - inner)
    });
    (2.0 * outside).clamp(0.0, 1.0)
}

/// `wanted` different positions below `population`, each set as likely: Floyd's algorithm, Bentley (1987), *CACM* 30, 754–757.
fn sample(seed: u64, draw: u64, population: usize, wanted: usize) -> Vec<usize> {
    let mut state = mix(seed ^ mix(draw));
    let mut taken = vec![false; population];
    let mut positions = Vec::with_capacity(wanted);
    for last in population - wanted..population {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let drawn = ((u128::from(mix(state)) * (last as u128 + 1)) >> 64) as usize;
        let position = if taken[drawn] { last } else { drawn };
        taken[position] = true;
        positions.push(position);
    }
    positions
}

/// The output function of SplitMix64: Steele, Lea & Flood (2014), *OOPSLA*, 453–472.
fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
