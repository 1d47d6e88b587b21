//! Drift statistics against scipy, numpy, feature-engine, NannyML and Evidently: `tests/data/golden/README.md` says what was computed and how.

use crate::golden;
use serde_json::Value;
use tidewatch::stats::drift::kolmogorov_smirnov::{self, Distance, Method};
use tidewatch::stats::drift::{Comparison, Edges, Sample, homogeneity, wasserstein};

fn sample(values: &Value) -> Sample {
    Sample::of(values.as_array().unwrap().iter().filter_map(Value::as_f64)).unwrap()
}

fn counts(values: &Value) -> Vec<u64> {
    values.as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect()
}

/// 10⁻⁹ relative plus 10⁻¹² absolute; `null` is `None`.
#[track_caller]
fn assert_close(name: &str, got: Option<f64>, wanted: &Value) {
    match (got, wanted.as_f64()) {
        (Some(got), Some(wanted)) => {
            assert!((got - wanted).abs() <= 1e-9 * wanted.abs() + 1e-12, "{name}: {got} instead of {wanted}");
        }
        (got, wanted) => assert_eq!(got, wanted, "{name}"),
    }
}

#[track_caller]
fn assert_distances(comparison: &Comparison, wanted: &Value) {
    for (name, got) in [
        ("psi_zero_to_1e-4", comparison.psi()),
        ("psi_add_half", comparison.psi_add_half()),
        ("js_distance_base2", comparison.jensen_shannon()),
        ("js_distance_base_e", comparison.jensen_shannon_nats()),
        ("kl_ref_cur_zero_to_1e-4_renormalised", comparison.kullback_leibler()),
        ("hellinger", comparison.hellinger()),
        ("total_variation", comparison.total_variation()),
        ("l_infinity", comparison.l_infinity()),
    ] {
        assert!(!wanted[name].is_null(), "no {name}");
        assert_close(name, Some(got), &wanted[name]);
    }
}

#[test]
fn frozen_bins_and_the_distances_over_them_are_those_of_numpy_and_scipy() {
    for case in golden::cases("drift_numeric.json") {
        println!("{}", case["name"]);
        let (reference, current) = (sample(&case["reference"]), sample(&case["current"]));
        for (scheme, edges) in [("quantile10", Edges::deciles(&reference)), ("fixed10", Edges::fixed(&reference))] {
            let wanted = &case[scheme];
            let wanted_edges = wanted["interior_edges"].as_array().unwrap();
            assert_eq!(edges.interior().len(), wanted_edges.len(), "{scheme}");
            edges.interior().iter().zip(wanted_edges).for_each(|(got, wanted)| assert_close("edge", Some(*got), wanted));
            assert_eq!(edges.counts(&reference), counts(&wanted["ref_counts"]), "{scheme}");
            assert_eq!(edges.counts(&current), counts(&wanted["cur_counts"]), "{scheme}");
            assert_distances(&Comparison::new(&edges.counts(&reference), &edges.counts(&current)).unwrap(), wanted);
        }
    }
}

#[test]
fn the_kolmogorov_smirnov_test_is_that_of_scipy_with_each_p_value_by_its_name() {
    for case in golden::cases("drift_numeric.json") {
        println!("{}", case["name"]);
        let (reference, current) = (sample(&case["reference"]), sample(&case["current"]));
        let (wanted, test) = (&case["ks"], kolmogorov_smirnov::test(&reference, &current));
        let (n, m) = (reference.count(), current.count());
        assert_close("statistic", Some(test.statistic), &wanted["statistic"]);
        assert_eq!(test.method == Method::Exact, wanted["auto_used"] == "exact");
        if test.method == Method::Exact {
            assert_close("auto", Some(test.p_value), &wanted["pvalue_auto"]);
        }
        let limit = kolmogorov_smirnov::limit_p_value(test.statistic, n, m);
        assert_close("limit", Some(limit), &wanted["pvalue_kolmogorov_limit"]);
        let stephens = kolmogorov_smirnov::stephens_p_value(test.statistic, n, m);
        assert_close("Stephens", Some(stephens), &wanted["pvalue_stephens"]);
        let swapped = kolmogorov_smirnov::exact_p_value(&Distance::between(&current, &reference));
        assert!((swapped - kolmogorov_smirnov::exact_p_value(&Distance::between(&reference, &current))).abs() < 1e-12);
    }
}

#[test]
fn wasserstein_distances_are_those_of_scipy() {
    for case in golden::cases("drift_numeric.json") {
        println!("{}", case["name"]);
        let (reference, current) = (sample(&case["reference"]), sample(&case["current"]));
        assert_close("W1", wasserstein::distance(&reference, &current), &case["wasserstein_1"]);
        let wanted = &case["wasserstein_1_over_ref_std_ddof0"];
        assert_close("normalised W1", wasserstein::normalised(&reference, &current), wanted);
        assert_close(
            "Evidently's",
            wasserstein::normalised(&reference, &current),
            &case["evidently"]["wasserstein_normed"]["score"],
        );
    }
}

#[test]
fn categorical_distances_and_the_chi_square_test_are_those_of_scipy() {
    for case in golden::cases("drift_categorical.json") {
        println!("{}", case["name"]);
        let comparison = Comparison::new(&counts(&case["ref_counts"]), &counts(&case["cur_counts"])).unwrap();
        assert_distances(&comparison, &case);
        let (test, wanted) = (homogeneity::chi_square(&comparison), &case["chi2_homogeneity"]);
        assert_close("statistic", Some(test.statistic), &wanted["statistic"]);
        assert_close("p-value", Some(test.p_value), &wanted["pvalue"]);
        assert_close("V", test.cramers_v, &wanted["cramers_v"]);
        assert_eq!(Some(test.degrees), wanted["dof"].as_u64());
    }
}
