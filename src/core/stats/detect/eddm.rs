//! EDDM: the distance between two errors against the longest it has been; finds gradual changes earlier than DDM.
//!
//! Baena-García, del Campo-Ávila, Fidalgo, Bifet, Gavaldà & Morales-Bueno (2006), "Early drift detection method", *4th Int.
//! Workshop on Knowledge Discovery from Data Streams*, §3.1, as in river 0.23.

use serde::{Deserialize, Serialize};

use super::mean::Moments;
use super::{Detector, Verdict};

/// What can be set; defaults as in river 0.23.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Params {
    /// No verdict within the first so many values, nor within so many errors.
    pub warm_start: u32,
    /// A warning below this share of the longest distance; at least `beta`.
    pub alpha: f64,
    /// A drift below this share of the longest distance.
    pub beta: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { warm_start: 30, alpha: 0.95, beta: 0.9 }
    }
}

/// The detector: takes 1 for an error and 0 for none. State: 8 numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Eddm {
    params: Params,
    seen: u64,
    last_error: u64,
    /// Of the distances between errors, the first one counted from the start.
    distances: Moments,
    longest: f64,
    /// Share of the longest distance at the last error.
    share: f64,
    warning: bool,
    drifted: bool,
}

impl Eddm {
    /// Nothing seen yet.
    pub fn new(params: Params) -> Self {
        let distances = Moments::default();
        Self { params, seen: 0, last_error: 0, distances, longest: -1.0, share: 1.0, warning: false, drifted: false }
    }

    fn on_error(&mut self) {
        let Params { warm_start, alpha, beta } = self.params;
        self.distances.add((self.seen - self.last_error) as f64);
        self.last_error = self.seen;
        if self.seen <= u64::from(warm_start) {
            return;
        }
        let distance = self.distances.mean.value + 2.0 * self.distances.variance().max(0.0).sqrt();
        if self.longest < distance {
            self.longest = distance;
            self.share = 1.0;
        } else if u64::from(warm_start) < self.distances.mean.n {
            self.share = distance / self.longest;
            if self.share < beta {
                self.drifted = true; // and the warning stays as it is, as in the reference
            } else {
                self.warning = self.share < alpha;
            }
        }
    }
}

impl Detector for Eddm {
    /// With `d = p′ + 2 s′` of the distances so far and `share = d / max d`: drift where `share < β`, a warning where
    /// `share < α`, both judged on errors only. The score is `1 − share`, the threshold `1 − β`.
    fn update(&mut self, value: f64) -> Verdict {
        if self.drifted {
            *self = Self::new(self.params);
        }
        self.seen += 1;
        if value == 1.0 {
            self.on_error();
        }
        let needs = u64::from(self.params.warm_start) + 1;
        if self.distances.mean.n < needs {
            return Verdict::Warming { seen: self.distances.mean.n, needs };
        }
        Verdict::of(self.drifted, self.warning, 1.0 - self.share, 1.0 - self.params.beta)
    }
}
