//! FHDDM: the share of correct predictions in a sliding window against the best it has been.
//!
//! Pesaranghader & Viktor (2016), "Fast Hoeffding drift detection method for evolving data streams", *ECML PKDD*, 96–111, §4.1;
//! with the second, shorter window of Pesaranghader, Viktor & Paquet (2018), *Machine Learning* 107, 1711–1743; as in river 0.23.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Detector, Verdict};
use crate::stats::logarithm::ln;

/// What can be set; defaults as in river 0.23.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Params {
    /// Values in the window.
    pub sliding_window_size: u32,
    /// Chance of a false alarm at one look, in (0, 1).
    pub confidence_level: f64,
    /// Values in the shorter window, if one is watched too; at most as many as in the other.
    pub short_window_size: Option<u32>,
}

impl Default for Params {
    fn default() -> Self {
        Self { sliding_window_size: 100, confidence_level: 1e-6, short_window_size: None }
    }
}

/// The detector: takes 1 for an error and 0 for none (the reference takes 1 for a correct prediction). State: the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fhddm {
    params: Params,
    /// Whether each of the last values was right.
    window: VecDeque<bool>,
    long: Best,
    short: Best,
    drifted: bool,
}

/// The right ones in a window now, the most there have been, and how far below that chance goes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Best {
    right: u32,
    most: f64,
    margin: f64,
}

impl Best {
    /// `√(ln(1/α) / 2n)`: Hoeffding (1963), theorem 1.
    fn new(size: u32, confidence: f64) -> Self {
        Self { right: 0, most: 0.0, margin: (ln(1.0 / confidence) / (2.0 * f64::from(size))).sqrt() }
    }

    /// How far the share of right ones is below the best.
    fn look(&mut self, size: u32) -> f64 {
        let share = f64::from(self.right) / f64::from(size);
        self.most = self.most.max(share);
        self.most - share
    }
}

impl Fhddm {
    /// Nothing seen yet.
    pub fn new(params: Params) -> Self {
        let Params { sliding_window_size, confidence_level, short_window_size } = params;
        let [long, short] = [sliding_window_size, short_window_size.unwrap_or(sliding_window_size)]
            .map(|size| Best::new(size, confidence_level));
        Self { params, window: VecDeque::with_capacity(sliding_window_size as usize), long, short, drifted: false }
    }
}

impl Detector for Fhddm {
    fn update(&mut self, value: f64) -> Verdict {
        if self.drifted {
            *self = Self::new(self.params);
        }
        let size = self.params.sliding_window_size;
        let right = value == 0.0;
        self.window.push_back(right);
        self.long.right += u32::from(right);
        if let Some(short) = self.params.short_window_size {
            self.short.right += u32::from(right);
            if let Some(left) = self.window.len().checked_sub(short as usize + 1) {
                self.short.right -= u32::from(self.window[left]);
            }
        }
        let seen = self.window.len() as u64;
        if seen < u64::from(size) {
            return Verdict::Warming { seen, needs: u64::from(size) };
        }
        let (mut score, mut threshold) = (self.long.look(size), self.long.margin);
        self.drifted = threshold < score;
        if let Some(short) = self.params.short_window_size {
            let fall = self.short.look(short);
            self.drifted |= self.short.margin < fall;
            if score - threshold < fall - self.short.margin {
                (score, threshold) = (fall, self.short.margin);
            }
        }
        if self.window.pop_front() == Some(true) {
            self.long.right -= 1;
            if self.params.short_window_size == Some(size) {
                self.short.right -= 1;
            }
        }
        Verdict::of(self.drifted, false, score, threshold)
    }
}
