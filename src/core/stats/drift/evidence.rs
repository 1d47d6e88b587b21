//! Evidence in nats: a lower bound of `−ln p`, made of basic operations and [`crate::stats::logarithm`] only, so that a verdict that is
//! kept in state is the same on every platform. A p-value at most `α` corresponds to evidence of at least `ln(1/α)`; as these are
//! bounds, fewer than a share `α` of unchanged samples reach it.

use super::homogeneity::chi_square;
use super::{Comparison, Error};
use crate::stats::logarithm::ln;

/// The least count expected in a cell of a chi-square test; rarer categories are put together. Cochran (1954), *Biometrics* 10, 417–451.
const EXPECTED_MIN: f64 = 5.0;

/// The largest difference of the two distribution functions at the edges of common bins, 0 to 1. At most the Kolmogorov–Smirnov
/// distance of the samples, and less by no more than the share of the fullest bin.
pub fn binned_distance(bins: &Comparison) -> f64 {
    let (n, m) = sizes(bins);
    let (mut below, mut widest) = ((0_u64, 0_u64), 0.0_f64);
    for (here, there) in bins.reference().iter().zip(bins.current()) {
        below = (below.0 + here, below.1 + there);
        widest = widest.max((below.0 as f64 / n - below.1 as f64 / m).abs());
    }
    widest
}

/// Evidence that two samples of ordered values differ: `2 D² nm/(n+m) − 1`, not below 0, with [`binned_distance`].
///
/// The inequality `P(D ≥ d) ≤ e · exp(−2 d² nm/(n+m))` of Dvoretzky, Kiefer, Wolfowitz and Massart for two samples: Wei & Dudley (2012),
/// *Statistics & Probability Letters* 82, 636–644, who prove the constant for equal sizes; it is taken for all. Ties and bins only lower
/// `D`. Cost: O(bins).
pub fn of_order(bins: &Comparison) -> f64 {
    let (n, m) = sizes(bins);
    let distance = binned_distance(bins);
    (2.0 * distance * distance * (n / (n + m) * m) - 1.0).max(0.0)
}

/// Evidence that two samples of categories differ: `(x − k − k ln(x/k))/2` for a chi-square statistic `x` above its `k` degrees of freedom,
/// else 0. Categories of which fewer than 5 are expected on a side are put together first.
///
/// Chernoff's bound of the tail, `P(χ²ₖ ≥ x) ≤ (x/k · e^(1 − x/k))^(k/2)`: Dasgupta & Gupta (2003), *Random Structures & Algorithms* 22,
/// 60–65, lemma 2.2. Cost: O(k log k).
pub fn of_categories(bins: &Comparison) -> f64 {
    let Ok(pooled) = pooled(bins) else { return 0.0 };
    let test = chi_square_statistic(&pooled);
    let (statistic, degrees) = (test.0, test.1 as f64);
    if statistic <= degrees || degrees == 0.0 {
        return 0.0;
    }
    (statistic - degrees - degrees * ln(statistic / degrees)) / 2.0
}

/// The statistic and its degrees of freedom. The p-value that comes with it is left where it is: it is not for state.
fn chi_square_statistic(bins: &Comparison) -> (f64, u64) {
    let test = chi_square(bins);
    (test.statistic, test.degrees)
}

/// The same counts with rare categories put together: those of which fewer than 5 are expected on a side.
pub fn pooled(bins: &Comparison) -> Result<Comparison, Error> {
    let (n, m) = sizes(bins);
    let smaller = n.min(m) / (n + m);
    let (mut reference, mut current, mut rest) = (Vec::new(), Vec::new(), (0, 0));
    for (here, there) in bins.reference().iter().zip(bins.current()) {
        if (here + there) as f64 * smaller < EXPECTED_MIN {
            rest = (rest.0 + here, rest.1 + there);
        } else {
            reference.push(*here);
            current.push(*there);
        }
    }
    reference.push(rest.0);
    current.push(rest.1);
    Comparison::new(&reference, &current)
}

fn sizes(bins: &Comparison) -> (f64, f64) {
    (bins.reference().iter().sum::<u64>() as f64, bins.current().iter().sum::<u64>() as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::drift::homogeneity::chi_square_tail;
    use crate::stats::drift::kolmogorov_smirnov::limit_p_value;

    fn comparison(reference: &[u64], current: &[u64]) -> Comparison {
        Comparison::new(reference, current).unwrap()
    }

    #[test]
    fn equal_shares_are_no_evidence_and_opposite_ones_are_much() {
        assert_eq!(of_order(&comparison(&[10, 20, 30], &[100, 200, 300])), 0.0);
        assert_eq!(of_categories(&comparison(&[10, 20, 30], &[100, 200, 300])), 0.0);
        assert_eq!(binned_distance(&comparison(&[100, 0], &[0, 100])), 1.0);
        assert_eq!(of_order(&comparison(&[100, 0], &[0, 100])), 99.0);
        assert!(90.0 < of_categories(&comparison(&[100, 0], &[0, 100])));
    }

    #[test]
    fn rare_categories_are_one() {
        // alone each of twenty new names would be a cell with half an expected count
        let (mut reference, mut current) = (vec![1_000], vec![980]);
        reference.extend([0; 20]);
        current.extend([1; 20]);
        let pooled = pooled(&comparison(&reference, &current)).unwrap();
        assert_eq!((pooled.reference(), pooled.current()), ([1_000, 0].as_slice(), [980, 20].as_slice()));
    }

    proptest! {
        #[test]
        fn evidence_never_exceeds_that_of_the_p_value(
            reference in proptest::collection::vec(5..200_u64, 4),
            current in proptest::collection::vec(5..200_u64, 4),
        ) {
            let bins = comparison(&reference, &current);
            let test = chi_square(&bins);
            let p = chi_square_tail(test.statistic, test.degrees);
            prop_assert!(of_categories(&bins) <= -p.ln() + 1e-9);
            let (n, m) = (reference.iter().sum(), current.iter().sum());
            prop_assert!(of_order(&bins) <= -limit_p_value(binned_distance(&bins), n, m).ln() + 1e-9);
        }
    }
}
