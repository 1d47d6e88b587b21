//! Distances between two rows of counts over the same bins or categories.

use super::Error;
use crate::stats::logarithm::ln;

/// What a share of 0 is raised to before its logarithm is taken: the classical rule.
const FLOOR: f64 = 1e-4;

/// A reference and a current sample counted over the same bins; each side holds at least one observation. In the formulas `p` are
/// the shares of the reference, `q` those of the current sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    reference: Vec<u64>,
    current: Vec<u64>,
    p: Vec<f64>,
    q: Vec<f64>,
}

impl Comparison {
    /// * `reference`, `current`: counts by bin, of equal length. A single bin is allowed: every distance is then 0.
    /// * Errors: [`Error::Unlike`] if the lengths differ, [`Error::NoReference`] and [`Error::NoCurrent`] if a side is empty.
    pub fn new(reference: &[u64], current: &[u64]) -> Result<Self, Error> {
        if reference.len() != current.len() {
            return Err(Error::Unlike { reference: reference.len(), current: current.len() });
        }
        let p = shares(reference, 0.0).ok_or(Error::NoReference)?;
        let q = shares(current, 0.0).ok_or(Error::NoCurrent)?;
        Ok(Self { reference: reference.to_vec(), current: current.to_vec(), p, q })
    }

    pub fn reference(&self) -> &[u64] {
        &self.reference
    }

    pub fn current(&self) -> &[u64] {
        &self.current
    }

    /// Population stability index in nats: `Σ (q − p) ln(q/p)`, shares of 0 first raised to 0.0001 and nothing renormalised. 0 when
    /// equal, symmetric, unbounded.
    ///
    /// The divergence is Jeffreys's (1946); "0.1 watch, 0.25 act" is credit-scoring custom (Siddiqi (2006), *Credit Risk
    /// Scorecards*). One empty bin adds up to ten times its share: see [`Self::psi_add_half`] for small samples.
    pub fn psi(&self) -> f64 {
        jeffreys(&floored(&self.p), &floored(&self.q))
    }

    /// Population stability index in nats with every count first raised by ½: `p = (count + ½)/(n + ½B)` over `B` bins, likewise
    /// `q`. The pseudo-count is Jeffreys's prior (1946); empty bins stay finite and small samples tame.
    pub fn psi_add_half(&self) -> f64 {
        self.add_half().psi()
    }

    /// The same counts with shares as if each were larger by ½: every distance of it is finite without a floor, and empty bins of small
    /// samples count for what they are.
    pub fn add_half(&self) -> Self {
        let raised = |counts: &[u64]| shares(counts, 0.5).expect("a count raised by one half is not zero");
        Self { p: raised(&self.reference), q: raised(&self.current), ..self.clone() }
    }

    /// Jensen–Shannon distance in bits^½, 0 to 1: `√(½ Σ p log₂(p/m) + ½ Σ q log₂(q/m))`, `m = (p + q)/2`.
    ///
    /// Lin (1991), *IEEE Trans. Inf. Theory* 37, 145–151; that the root is a metric: Endres & Schindelin (2003), *ibid.* 49,
    /// 1858–1860.
    pub fn jensen_shannon(&self) -> f64 {
        (self.jensen_shannon_divergence() / std::f64::consts::LN_2).sqrt()
    }

    /// [`Self::jensen_shannon`] with natural logarithms, 0 to √ln 2 ≈ 0.8326.
    pub fn jensen_shannon_nats(&self) -> f64 {
        self.jensen_shannon_divergence().sqrt()
    }

    /// Hellinger distance, 0 to 1: `√(Σ (√p − √q)²) / √2`. Hellinger (1909), *J. reine angew. Math.* 136, 210–271.
    pub fn hellinger(&self) -> f64 {
        let squares: f64 = self.pairs().map(|(p, q)| (p.sqrt() - q.sqrt()).powi(2)).sum();
        (squares / 2.0).sqrt().min(1.0)
    }

    /// Total variation distance, 0 to 1: `½ Σ |p − q|`, the largest difference of the two chances of any set of bins (Levin, Peres &
    /// Wilmer (2009), *Markov Chains and Mixing Times*, §4.1).
    pub fn total_variation(&self) -> f64 {
        (self.pairs().map(|(p, q)| (p - q).abs()).sum::<f64>() / 2.0).min(1.0)
    }

    /// The largest difference of shares of one bin, 0 to 1: `max |p − q|`, the ℓ∞ norm that TensorFlow Data Validation uses.
    pub fn l_infinity(&self) -> f64 {
        self.pairs().map(|(p, q)| (p - q).abs()).fold(0.0, f64::max)
    }

    /// Kullback–Leibler divergence of the reference from the current sample in nats: `Σ p ln(p/q)`, shares of 0 first raised to 0.0001
    /// and both sides renormalised. Not symmetric. Kullback & Leibler (1951), *Ann. Math. Stat.* 22, 79–86.
    pub fn kullback_leibler(&self) -> f64 {
        let normalised = |shares: Vec<f64>| {
            let total: f64 = shares.iter().sum();
            shares.into_iter().map(move |share| share / total)
        };
        let terms = normalised(floored(&self.p)).zip(normalised(floored(&self.q))).map(|(p, q)| p * ln(p / q));
        terms.sum::<f64>().max(0.0)
    }

    fn jensen_shannon_divergence(&self) -> f64 {
        let towards = |share: f64, middle: f64| if share == 0.0 { 0.0 } else { share * ln(share / middle) };
        let term = |(p, q): (f64, f64)| towards(p, (p + q) / 2.0) + towards(q, (p + q) / 2.0);
        // rounding can leave the sum a hair below zero
        (self.pairs().map(term).sum::<f64>() / 2.0).max(0.0)
    }

    fn pairs(&self) -> impl Iterator<Item = (f64, f64)> {
        self.p.iter().copied().zip(self.q.iter().copied())
    }
}

/// Shares of counts raised by `more` each; `None` if they add up to nothing.
fn shares(counts: &[u64], more: f64) -> Option<Vec<f64>> {
    let total = counts.iter().map(|count| *count as f64).sum::<f64>() + more * counts.len() as f64;
    (0.0 < total).then(|| counts.iter().map(|count| (*count as f64 + more) / total).collect())
}

fn floored(shares: &[f64]) -> Vec<f64> {
    shares.iter().map(|share| if *share == 0.0 { FLOOR } else { *share }).collect()
}

fn jeffreys(p: &[f64], q: &[f64]) -> f64 {
    p.iter().zip(q).map(|(p, q)| (q - p) * ln(q / p)).sum()
}
