//! Which of the features that have moved matter for the metric.
//!
//! A feature is taken by itself: if only its distribution over bins went from the reference's to the current one, and in each bin rows
//! failed as often as they did on the labelled reference, the error rate would change by its contribution. That is the *composition*
//! part of Kitagawa's decomposition of a difference between two rates (1955, *J. Am. Stat. Assoc.* 50, 1168–1194). A feature that
//! moves a lot where the model errs no more than elsewhere has none, and one that moves into the model's weak spot has much.
//!
//! It needs no current label. What it does not say: contributions of features that move together overlap, so they do not add up to
//! the whole; and what changes *within* bins (concept drift) is no feature's doing and shows in none of them.

/// One bin of a feature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bin {
    /// Labelled rows of the reference, and how many of them failed, no more than there are.
    pub reference: u64,
    pub reference_errors: u64,
    /// Current rows, labelled or not.
    pub current: u64,
}

/// What the move of one feature does to the error rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contribution {
    /// By place among the features that were ranked.
    pub feature: usize,
    /// By how much the share of errors rises (falls, if negative), −1 to 1.
    pub change: f64,
    /// Its standard error, from the counts of either side; 0 where no bin differs from another.
    pub standard_error: f64,
}

impl Contribution {
    /// How many standard errors the change lies from none; 0 where nothing changes.
    pub fn strength(&self) -> f64 {
        if self.change == 0.0 { 0.0 } else { (self.change / self.standard_error).abs() }
    }

    /// Whether the 95 % interval of the change excludes none.
    pub fn is_certain(&self) -> bool {
        super::estimate::Z < self.strength()
    }
}

/// The contribution of one feature: `Σ_b (q_b − p_b) r_b`, `p` and `q` the reference's and the current shares of the bins and `r_b` the
/// error rate of bin b on the reference. `None` if either side has no rows.
///
/// Rates are drawn towards the overall one by a row that failed as often as all do, `r_b = (e_b + r) / (n_b + 1)`, so that a bin the
/// reference never saw is thought to be like the whole and not free of errors. Standard error by the delta method, the three parts
/// independent: `Var_q(r)/m + Var_p(r)/n + Σ (q_b − p_b)² r_b (1 − r_b)/(n_b + 1)`. Cost: O(bins).
pub fn contribution(feature: usize, bins: &[Bin]) -> Option<Contribution> {
    let total = |of: fn(&Bin) -> u64| bins.iter().map(of).sum::<u64>() as f64;
    let (reference, errors, current) =
        (total(|bin| bin.reference), total(|bin| bin.reference_errors), total(|bin| bin.current));
    if reference == 0.0 || current == 0.0 {
        return None;
    }
    let overall = errors / reference;
    let (mut change, mut of_rates) = (0.0, 0.0);
    let (mut reference_spread, mut current_spread) = (Spread::default(), Spread::default());
    for bin in bins {
        let rows = bin.reference as f64 + 1.0;
        let rate = (bin.reference_errors as f64 + overall) / rows;
        let (before, now) = (bin.reference as f64 / reference, bin.current as f64 / current);
        // Around the overall rate, which changes no sum: shares add up to 1 on both sides.
        let excess = rate - overall;
        change += (now - before) * excess;
        of_rates += (now - before) * (now - before) * rate * (1.0 - rate) / rows;
        reference_spread.add(before, excess);
        current_spread.add(now, excess);
    }
    let variance = reference_spread.variance() / reference + current_spread.variance() / current + of_rates;
    Some(Contribution { feature, change, standard_error: variance.max(0.0).sqrt() })
}

/// The contributions of features, what raises the error rate most first and what lowers it most last; equals in the order given.
/// Features without rows on either side are left out.
pub fn rank<'a>(features: impl IntoIterator<Item = &'a [Bin]>) -> Vec<Contribution> {
    let mut ranked: Vec<Contribution> =
        features.into_iter().enumerate().filter_map(|(feature, bins)| contribution(feature, bins)).collect();
    ranked.sort_by(|left, right| right.change.total_cmp(&left.change));
    ranked
}

/// Mean and mean square under weights that add up to 1.
#[derive(Default)]
struct Spread {
    mean: f64,
    square: f64,
}

impl Spread {
    fn add(&mut self, weight: f64, value: f64) {
        self.mean += weight * value;
        self.square += weight * value * value;
    }

    fn variance(&self) -> f64 {
        (self.square - self.mean * self.mean).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn bin(reference: u64, reference_errors: u64, current: u64) -> Bin {
        Bin { reference, reference_errors, current }
    }

    #[test]
    fn a_feature_that_moves_into_the_weak_spot_comes_first_and_one_that_moves_out_of_it_last() {
        // 10 % of errors, all of them in the second bin of the first two features, and spread evenly over the third.
        let into = [bin(5000, 0, 2500), bin(5000, 1000, 7500)];
        let out_of = [bin(5000, 0, 7500), bin(5000, 1000, 2500)];
        let beside = [bin(5000, 500, 9500), bin(5000, 500, 500)];
        let ranked = rank([&out_of[..], &beside, &into]);
        assert_eq!(ranked.iter().map(|contribution| contribution.feature).collect::<Vec<_>>(), [2, 1, 0]);
        // A quarter of the rows goes from no errors to 20 %.
        assert!((ranked[0].change - 0.05).abs() < 1e-4 && (ranked[2].change + 0.05).abs() < 1e-4, "{ranked:?}");
        assert!(ranked[0].is_certain() && ranked[2].is_certain() && !ranked[1].is_certain());
    }

    #[test]
    fn it_is_the_composition_part_of_kitagawas_decomposition() {
        // With many reference rows the pull towards the overall rate is nothing: 0.1 * 0.02 + (−0.3) * 0.05 + 0.2 * 0.11.
        let scale = 1_000_000_000;
        let bins =
            [bin(3 * scale, 6 * scale / 100, 40), bin(6 * scale, 30 * scale / 100, 30), bin(scale, 11 * scale / 100, 30)];
        assert!((contribution(0, &bins).unwrap().change - 0.009).abs() < 1e-9);
    }

    #[test]
    fn a_bin_the_reference_never_saw_is_thought_to_be_like_the_whole() {
        let new = [bin(1000, 100, 500), bin(0, 0, 500)];
        assert!(contribution(0, &new).unwrap().change.abs() < 1e-12);
        assert!(!contribution(0, &new).unwrap().is_certain());
    }

    #[test]
    fn nothing_on_one_side_contributes_nothing() {
        assert_eq!(rank([&[][..], &[bin(0, 0, 5)], &[bin(5, 1, 0)]]), []);
    }

    #[test]
    fn standard_errors_are_those_of_repeated_sampling() {
        // 2,000 pairs of samples of 400 and 300 rows over three bins (splitmix64), contributions of each.
        let (before, now, rates) = ([0.5, 0.3, 0.2], [0.3, 0.3, 0.4], [0.05, 0.2, 0.4]);
        let mut state = 7_u64;
        let mut uniform = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ z >> 31) >> 11) as f64 / (1_u64 << 53) as f64
        };
        let place = |shares: [f64; 3], u: f64| if u < shares[0] { 0 } else { 1 + usize::from(shares[0] + shares[1] <= u) };
        let (mut sum, mut squares, mut stated) = (0.0, 0.0, 0.0);
        for _ in 0..2000 {
            let mut bins = [Bin::default(); 3];
            for _ in 0..400 {
                let at = place(before, uniform());
                bins[at].reference += 1;
                bins[at].reference_errors += u64::from(uniform() < rates[at]);
            }
            (0..300).for_each(|_| bins[place(now, uniform())].current += 1);
            let contribution = contribution(0, &bins).unwrap();
            sum += contribution.change / 2000.0;
            squares += contribution.change * contribution.change / 2000.0;
            stated += contribution.standard_error / 2000.0;
        }
        // Σ (q − p) r = −0.2 · 0.05 + 0.2 · 0.4
        assert!((sum - 0.07).abs() < 0.002, "{sum}");
        let realised = (squares - sum * sum).sqrt();
        assert!((stated / realised - 1.0).abs() < 0.1, "stated {stated}, realised {realised}");
    }

    fn any_bins() -> impl Strategy<Value = Vec<Bin>> {
        let one = (0..200u64, 0..=100u64, 0..200u64)
            .prop_map(|(reference, percent, current)| bin(reference, reference * percent / 100, current));
        vec(one, 1..12)
    }

    proptest! {
        #[test]
        fn what_has_not_moved_contributes_nothing(bins in any_bins(), times in 1..5u64) {
            let still: Vec<Bin> = bins.iter().map(|one| Bin { current: times * one.reference, ..*one }).collect();
            if let Some(contribution) = contribution(0, &still) {
                prop_assert!(contribution.change.abs() < 1e-12);
            }
        }

        #[test]
        fn the_change_stays_between_the_rates_and_the_order_of_bins_does_not_show(bins in any_bins()) {
            let reversed: Vec<Bin> = bins.iter().rev().copied().collect();
            let (one, other) = (contribution(3, &bins), contribution(3, &reversed));
            prop_assert_eq!(one.is_some(), other.is_some());
            if let (Some(one), Some(other)) = (one, other) {
                prop_assert_eq!(one.feature, 3);
                prop_assert!((one.change - other.change).abs() < 1e-12);
                prop_assert!(one.change.abs() <= 1.0 && one.standard_error.is_finite() && 0.0 <= one.standard_error);
                prop_assert!(!one.strength().is_nan());
            }
        }

        #[test]
        fn where_rows_fail_alike_no_move_matters(counts in vec((1..50u64, 0..50u64), 1..12)) {
            let alike: Vec<Bin> = counts.iter().map(|(tens, current)| bin(10 * tens, 2 * tens, *current)).collect();
            if let Some(contribution) = contribution(0, &alike) {
                prop_assert!(contribution.change.abs() < 1e-12);
            }
        }

        #[test]
        fn rows_that_go_to_a_worse_bin_raise_the_rate(moved in 1..100u64, rows in 100..1000u64) {
            let bins = [bin(rows, rows / 10, 100 - moved), bin(rows, rows / 2, 100 + moved)];
            prop_assert!(0.0 < contribution(0, &bins).unwrap().change);
        }
    }
}
