//! Whether what is said with probability p comes true with probability p.

use serde::ser::SerializeSeq;
use serde::{Deserialize, Serialize, Serializer};

use super::Estimate;
use super::estimate::NoInterval;
use super::exact::ExactSum;

/// Probabilities and outcomes in `BINS` bins of equal width, `(a, b]`, 0 belonging to the first.
///
/// Give it the positive class's probability and whether it was positive, or the probability of whatever was predicted and
/// whether that was right (top-label calibration).
///
/// Serialised as the bins up to the last one in use.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "Vec<Bin>")]
pub struct Calibration<const BINS: usize = 10> {
    /// Those in use, each with its place, ascending. There is one of these a minute and model, and most use few bins.
    bins: Vec<(usize, Bin)>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Bin {
    count: i64,
    hits: i64,
    stated: ExactSum,
}

/// One bin of a reliability diagram that is not empty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// The bin is `(low, high]`.
    pub low: f64,
    pub high: f64,
    pub count: u64,
    /// Mean stated probability.
    pub stated: f64,
    /// Share that came true.
    pub observed: Estimate,
}

impl<const BINS: usize> Calibration<BINS> {
    /// Counts a `probability`, 0 to 1, and whether it came true.
    #[inline]
    pub fn add(&mut self, probability: f64, hit: bool) {
        self.put(probability, i64::from(hit), i64::from(!hit));
    }

    /// Takes it out again.
    #[inline]
    pub fn sub(&mut self, probability: f64, hit: bool) {
        self.put(probability, -i64::from(hit), -i64::from(!hit));
    }

    pub fn merge(&mut self, other: &Self) {
        for (place, theirs) in &other.bins {
            let bin = self.bin(*place);
            bin.count += theirs.count;
            bin.hits += theirs.hits;
            bin.stated.merge(&theirs.stated);
        }
        self.trim();
    }

    pub fn unmerge(&mut self, other: &Self) {
        for (place, theirs) in &other.bins {
            let bin = self.bin(*place);
            bin.count -= theirs.count;
            bin.hits -= theirs.hits;
            bin.stated.unmerge(&theirs.stated);
        }
        self.trim();
    }

    pub fn count(&self) -> u64 {
        self.bins.iter().map(|(_, bin)| bin.count).sum::<i64>().max(0) as u64
    }

    /// Expected calibration error `Σ (n_b/n) |mean outcome − mean probability|`, 0 to 1; missing if empty.
    ///
    /// Naeini, Cooper & Hauskrecht (2015), *AAAI*, 2901–2907. Its sampling distribution is biased upwards: no interval.
    pub fn expected_error(&self) -> Estimate {
        let n = self.count();
        let sum: f64 = self.held().map(|(_, bin)| (bin.hits as f64 - bin.stated.value()).abs()).sum();
        if n == 0 { Estimate::MISSING } else { Estimate::bare(sum / n as f64, n, NoInterval::NoneKnown) }
    }

    /// Maximum calibration error: the largest gap of any bin (same source); no interval for the same reason.
    pub fn maximum_error(&self) -> Estimate {
        let n = self.count();
        let gaps = self.held().map(|(_, bin)| (bin.hits as f64 - bin.stated.value()).abs() / bin.count as f64);
        gaps.reduce(f64::max).map_or(Estimate::MISSING, |gap| Estimate::bare(gap, n, NoInterval::NoneKnown))
    }

    /// Mean stated probability: the confidence shown with a window. `None` if empty.
    pub fn mean_stated(&self) -> Option<f64> {
        let mut sum = ExactSum::default();
        self.bins.iter().for_each(|(_, bin)| sum.merge(&bin.stated));
        let n = self.count();
        (0 < n).then(|| sum.value() / n as f64)
    }

    /// The reliability diagram: bins that are not empty, ascending.
    pub fn reliability(&self) -> Vec<ReliabilityBin> {
        let of_bin = |(place, bin): (usize, &Bin)| ReliabilityBin {
            low: edge::<BINS>(place),
            high: edge::<BINS>(place + 1),
            count: bin.count as u64,
            stated: bin.stated.value() / bin.count as f64,
            observed: Estimate::proportion(bin.hits.clamp(0, bin.count) as u64, bin.count as u64),
        };
        self.held().map(of_bin).collect()
    }

    pub(super) fn put(&mut self, probability: f64, hits: i64, misses: i64) {
        let bin = self.bin(place::<BINS>(probability));
        bin.count += hits + misses;
        bin.hits += hits;
        match hits + misses {
            1 => bin.stated.add(probability),
            -1 => bin.stated.sub(probability),
            times => bin.stated.add_times(probability, times),
        }
        if bin.count == 0 {
            self.trim();
        }
    }

    fn held(&self) -> impl Iterator<Item = (usize, &Bin)> {
        self.bins.iter().filter(|(_, bin)| 0 < bin.count).map(|(place, bin)| (*place, bin))
    }

    fn bin(&mut self, place: usize) -> &mut Bin {
        let at = self.bins.binary_search_by_key(&place, |(place, _)| *place).unwrap_or_else(|at| {
            self.bins.reserve_exact(1);
            self.bins.insert(at, (place, Bin::default()));
            at
        });
        &mut self.bins[at].1
    }

    fn trim(&mut self) {
        self.bins.retain(|(_, bin)| *bin != Bin::default());
    }
}

impl<const BINS: usize> Serialize for Calibration<BINS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let empty = Bin::default();
        let mut held = self.bins.iter().peekable();
        let mut all = serializer.serialize_seq(Some(self.bins.last().map_or(0, |(place, _)| place + 1)))?;
        let mut next = 0;
        while let Some((place, bin)) = held.peek() {
            let is_next = *place == next;
            all.serialize_element(if is_next { bin } else { &empty })?;
            next += 1;
            held.next_if(|_| is_next);
        }
        all.end()
    }
}

impl<const BINS: usize> From<Vec<Bin>> for Calibration<BINS> {
    fn from(all: Vec<Bin>) -> Self {
        let mut calibration = Self { bins: all.into_iter().enumerate().collect() };
        calibration.trim();
        calibration
    }
}

/// The lower edge of bin `place`, as numpy's `linspace(0, 1, BINS + 1)` has it.
fn edge<const BINS: usize>(place: usize) -> f64 {
    if place == BINS { 1.0 } else { place as f64 * (1.0 / BINS as f64) }
}

/// The bin of `probability`: how many inner edges lie below it.
fn place<const BINS: usize>(probability: f64) -> usize {
    let mut place = ((probability * BINS as f64) as usize).min(BINS - 1);
    while 0 < place && probability <= edge::<BINS>(place) {
        place -= 1;
    }
    while place + 1 < BINS && edge::<BINS>(place + 1) < probability {
        place += 1;
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_that_are_not_in_use_are_written_between_those_that_are() {
        let mut calibration = Calibration::<10>::default();
        for (probability, hit) in [(0.31, true), (0.55, false), (0.95, true), (0.98, true)] {
            calibration.add(probability, hit);
        }
        calibration.sub(0.95, true);
        calibration.sub(0.98, true);
        let written = serde_json::to_value(&calibration).unwrap();
        let counts: Vec<i64> = written.as_array().unwrap().iter().map(|bin| bin["count"].as_i64().unwrap()).collect();
        assert_eq!(counts, [0, 0, 0, 1, 0, 1]);
        assert_eq!(serde_json::from_value::<Calibration<10>>(written).unwrap(), calibration);
        assert_eq!(serde_json::to_value(Calibration::<10>::default()).unwrap(), serde_json::json!([]));
    }
}
