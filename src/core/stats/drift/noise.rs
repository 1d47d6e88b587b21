//! How large each distance gets, with a given chance, when both samples come from one distribution. A distance below its noise is no
//! evidence of anything; customary thresholds that know no sample size lie far below it for small samples.
//!
//! PSI, Kullback–Leibler, Jensen–Shannon and Hellinger are φ-divergences: with nothing changed each is to second order a multiple
//! of Pearson's statistic, `(1/n + 1/m) χ²` times `φ''(1)/2` (Pardo (2006), *Statistical Inference Based on Divergence Measures*, ch. 3),
//! and χ² has one degree of freedom less than there are bins. For PSI: Yurdakul & Naranjo (2020), *J. Risk Model Validation* 14(4).
//! Approximations for large samples; the bins are taken as given.

use super::homogeneity::{chi_square_quantile, chi_square_tail};

/// Sizes of two samples, and over how many bins they are counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// `1/n + 1/m`.
    scale: f64,
    /// The χ² quantile.
    quantile: f64,
    degrees: u64,
    tail: f64,
}

impl Noise {
    /// * `n`, `m`: observations of the two sides, at least 1.
    /// * `bins`: bins that either side holds anything in, at least 1.
    /// * `tail`: the chance that noise alone exceeds each of the figures below; above 0 and below 1.
    pub fn new(n: u64, m: u64, bins: u64, tail: f64) -> Self {
        let degrees = bins.saturating_sub(1);
        let scale = 1.0 / n.max(1) as f64 + 1.0 / m.max(1) as f64;
        Self { scale, quantile: chi_square_quantile(tail, degrees), degrees, tail }
    }

    /// Of the population stability index, in nats.
    pub fn psi(&self) -> f64 {
        self.scale * self.quantile
    }

    /// The chance that noise alone gives at least that index.
    pub fn psi_tail(&self, psi: f64) -> f64 {
        chi_square_tail(psi / self.scale, self.degrees)
    }

    /// Of the Kullback–Leibler divergence, in nats.
    pub fn kullback_leibler(&self) -> f64 {
        self.psi() / 2.0
    }

    /// Of the Jensen–Shannon distance with natural logarithms.
    pub fn jensen_shannon_nats(&self) -> f64 {
        (self.psi() / 8.0).sqrt()
    }

    /// Of the Jensen–Shannon distance in base 2.
    pub fn jensen_shannon(&self) -> f64 {
        (self.psi() / 8.0 / std::f64::consts::LN_2).sqrt()
    }

    /// Of the Hellinger distance.
    pub fn hellinger(&self) -> f64 {
        (self.psi() / 8.0).sqrt()
    }

    /// Of total variation, from above: `½ Σ|p − q| ≤ ½ √(Σ (p − q)²/w)` for any shares `w` (Cauchy–Schwarz). As the differences add up
    /// to nothing, no single one is larger than that either: it bounds the ℓ∞ distance too.
    pub fn total_variation(&self) -> f64 {
        self.psi().sqrt() / 2.0
    }

    /// Of the Wasserstein distance, from above and in the unit of `spread`, which is [`super::wasserstein::spread`].
    ///
    /// At each point `F − G` is nearly normal with variance `(1/n + 1/m) H(1 − H)`, so by Minkowski's inequality the p-norm of their
    /// integral is at most `√(1/n + 1/m) ‖Z‖_p spread`, and by Markov's a tail of `α` begins below `α^(−1/p)` times that; the even `p`
    /// that gives the least is taken (`‖Z‖_p^p = (p − 1)!!`).
    pub fn wasserstein(&self, spread: f64) -> f64 {
        let mut moment = 0.0;
        let mut least = f64::INFINITY;
        for half in 1..=40 {
            let p = 2.0 * f64::from(half);
            moment += (p - 1.0).ln();
            least = least.min(((moment - self.tail.ln()) / p).exp());
        }
        self.scale.sqrt() * spread * least
    }
}
