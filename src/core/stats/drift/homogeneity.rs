//! Pearson's chi-square test that two samples share one distribution over categories.

use statrs::function::gamma::gamma_ur;

use super::Comparison;

/// The outcome of a chi-square test of homogeneity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Homogeneity {
    pub statistic: f64,
    /// The chance of a statistic at least this large if nothing has changed; 1 where there is only one category.
    pub p_value: f64,
    /// Categories that occur, less one.
    pub degrees: u64,
    /// Cramér's V, 0 to 1: `√(χ²/N)`, as a 2 × k table has it; `None` where there is only one category.
    pub cramers_v: Option<f64>,
    /// The least count expected in a cell. Below 5 the p-value is rough (Cochran (1954), *Biometrics* 10, 417–451).
    pub expected_min: f64,
}

/// Pearson's `χ² = Σ (O − E)²/E` over the 2 × k table, `E` from its margins, without Yates's correction; categories that neither side
/// holds are left out.
///
/// Pearson (1900), *Phil. Mag.* 50, 157–175; two samples: Agresti (2013), *Categorical Data Analysis*, §3.2. Cost: O(k).
pub fn chi_square(comparison: &Comparison) -> Homogeneity {
    let (reference, current) = (comparison.reference(), comparison.current());
    let total = |counts: &[u64]| counts.iter().map(|count| *count as f64).sum::<f64>();
    let (n, m) = (total(reference), total(current));
    let (mut statistic, mut categories, mut expected_min) = (0.0, 0_u64, f64::INFINITY);
    for (here, there) in reference.iter().zip(current).filter(|(here, there)| 0 < **here || 0 < **there) {
        categories += 1;
        let both = *here as f64 + *there as f64;
        for (observed, size) in [(*here, n), (*there, m)] {
            let expected = both * (size / (n + m));
            statistic += (observed as f64 - expected).powi(2) / expected;
            expected_min = expected_min.min(expected);
        }
    }
    let degrees = categories - 1;
    if degrees == 0 {
        return Homogeneity { statistic: 0.0, p_value: 1.0, degrees, cramers_v: None, expected_min };
    }
    let cramers_v = Some((statistic / (n + m)).sqrt().min(1.0));
    Homogeneity { statistic, p_value: chi_square_tail(statistic, degrees), degrees, cramers_v, expected_min }
}

/// The chance that a chi-square variable with `degrees` of freedom is at least `statistic`: the upper regularised incomplete gamma
/// function `Q(k/2, x/2)` (Abramowitz & Stegun (1964) 26.4.19). 0 degrees: 1 at 0 and below, else 0.
pub fn chi_square_tail(statistic: f64, degrees: u64) -> f64 {
    match (statistic <= 0.0, degrees) {
        (true, _) => 1.0,
        (false, 0) => 0.0,
        _ if statistic == f64::INFINITY => 0.0,
        _ => gamma_ur(degrees as f64 / 2.0, statistic / 2.0).clamp(0.0, 1.0),
    }
}

/// The value a chi-square variable with `degrees` of freedom exceeds with chance `tail`, above 0 and below 1; 0 with 0 degrees.
/// Solves [`chi_square_tail`] by bisection, to the last bits.
pub fn chi_square_quantile(tail: f64, degrees: u64) -> f64 {
    if degrees == 0 {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, degrees as f64);
    while tail < chi_square_tail(high, degrees) && high.is_finite() {
        (low, high) = (high, high * 2.0);
    }
    // 64 halvings of an interval of at most its own magnitude leave neighbouring floats
    for _ in 0..64 {
        let middle = low + (high - low) / 2.0;
        if tail < chi_square_tail(middle, degrees) { low = middle } else { high = middle }
    }
    high
}
