//! Laws every detector keeps, over printed seeds.

use proptest::prelude::*;

use super::choice::{ENTRIES, Input};
use super::*;

/// Every detector with its defaults, and the quick-tempered variants that reset often.
fn zoo() -> Vec<AnyDetector> {
    let variants: &[(&str, &[(&str, &str)])] = &[
        ("adwin", &[("reset", "false"), ("clock", "1"), ("delta", "0.3")]),
        ("page_hinkley", &[("threshold", "2"), ("alpha", "0.99")]),
        ("ddm", &[("warm_start", "5"), ("drift_threshold", "1")]),
        ("eddm", &[("warm_start", "3")]),
        ("hddm_a", &[("two_sided_test", "true"), ("drift_confidence", "0.2"), ("warning_confidence", "0.4")]),
        ("hddm_w", &[("two_sided_test", "true"), ("drift_confidence", "0.2"), ("warning_confidence", "0.4")]),
        ("fhddm", &[("sliding_window_size", "20"), ("short_window_size", "20"), ("confidence_level", "0.1")]),
        ("kswin", &[("window_size", "20"), ("stat_size", "8"), ("alpha", "0.2")]),
        ("cusum", &[("warm_start", "5"), ("threshold", "1")]),
        ("e_detector", &[("baseline", "1"), ("run_length", "500")]),
        ("e_detector", &[("baseline", "60"), ("run_length", "10"), ("cusum", "true"), ("tolerance", "0.1")]),
    ];
    let plain = ENTRIES.iter().map(|entry| AnyDetector::choose(entry.name, []).unwrap());
    plain.chain(variants.iter().map(|(name, params)| AnyDetector::choose(name, params.iter().copied()).unwrap())).collect()
}

/// What `detector` is told for `value` of any stream.
fn told(detector: &AnyDetector, value: f64) -> f64 {
    match detector.input() {
        Input::Numbers => value,
        Input::Errors => f64::from(u8::from(0.5 < value)),
        Input::Losses => value.clamp(0.0, 1.0),
    }
}

fn assert_finite(verdict: Verdict) {
    let (score, threshold) = match verdict {
        Verdict::Warming { seen, needs } => return assert!(seen < needs, "{verdict:?}"),
        Verdict::Stable { score, threshold } | Verdict::Warning { score, threshold } => (score, threshold),
        Verdict::Drift { score, threshold, .. } => {
            assert!(threshold <= score, "{verdict:?}");
            (score, threshold)
        }
    };
    assert!(score.is_finite() && threshold.is_finite(), "{verdict:?}");
}

fn streams() -> impl Strategy<Value = Vec<f64>> {
    (prop::collection::vec(0.0..1.0, 0..300), prop::collection::vec(0.0..1.0, 0..300), -2.0..2.0)
        .prop_map(|(before, after, step)| before.into_iter().chain(after.into_iter().map(|value: f64| value + step)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_detector_read_back_goes_on_as_if_nothing_had_happened(stream in streams(), cut in 0.0..1.0) {
        let cut = (stream.len() as f64 * cut) as usize;
        for mut detector in zoo() {
            for value in &stream[..cut] {
                assert_finite(detector.offer(told(&detector, *value)).unwrap());
            }
            let mut unpacked: AnyDetector = rmp_serde::from_slice(&rmp_serde::to_vec_named(&detector).unwrap()).unwrap();
            let mut parsed: AnyDetector = serde_json::from_str(&serde_json::to_string(&detector).unwrap()).unwrap();
            prop_assert_eq!(&unpacked, &detector);
            for value in &stream[cut..] {
                let value = told(&detector, *value);
                let verdict = detector.offer(value);
                prop_assert_eq!(unpacked.offer(value), verdict);
                prop_assert_eq!(parsed.offer(value), verdict);
                assert_finite(verdict.unwrap());
            }
            prop_assert_eq!(rmp_serde::to_vec_named(&unpacked).unwrap(), rmp_serde::to_vec_named(&detector).unwrap());
        }
    }

    #[test]
    fn only_a_drift_has_a_change_and_its_means_are_of_the_values_before_it_and_since(stream in streams()) {
        for mut detector in zoo() {
            let mut seen = Vec::new();
            for value in &stream {
                let value = told(&detector, *value);
                seen.push(value);
                let verdict = detector.offer(value).unwrap();
                let Some(change) = detector.change() else { continue };
                prop_assert!(verdict.is_drift() && 1 <= change.values && change.values as usize <= seen.len());
                let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
                let since = mean(&seen[seen.len() - change.values as usize..]);
                prop_assert!((change.after - since).abs() <= 1e-9 * (1.0 + since.abs()), "{} {:?} {}", detector.name(), change, since);
                prop_assert!(change.before.is_finite() && change.before != change.after);
            }
        }
    }

    #[test]
    fn a_constant_stream_is_no_drift_whatever_the_constant(exponent in -100.0..100.0, negative: bool, errors: bool) {
        let value = 10_f64.powf(exponent) * if negative { -1.0 } else { 1.0 };
        for mut detector in zoo() {
            let value = if detector.input() == Input::Errors { f64::from(u8::from(errors)) } else { told(&detector, value) };
            for _ in 0..700 {
                let verdict = detector.offer(value).unwrap();
                assert_finite(verdict);
                prop_assert!(!verdict.is_drift(), "{} at {}: {:?}", detector.name(), value, verdict);
            }
        }
    }

    #[test]
    fn extremes_never_make_a_figure_undefined(signs in prop::collection::vec(-1_i8..=1, 300)) {
        for mut detector in zoo() {
            for sign in &signs {
                assert_finite(detector.offer(told(&detector, f64::from(*sign) * MAGNITUDE_MAX)).unwrap());
            }
        }
    }
}

#[test]
fn the_table_and_the_parameters_agree_on_every_default() {
    let chosen = |name| AnyDetector::choose(name, []).unwrap();
    assert_eq!(chosen("ADWIN"), AnyDetector::Adwin(adwin::Adwin::new(Default::default())));
    assert_eq!(chosen("PageHinkley"), AnyDetector::PageHinkley(page_hinkley::PageHinkley::new(Default::default())));
    assert_eq!(chosen("ddm"), AnyDetector::Ddm(ddm::Ddm::new(Default::default())));
    assert_eq!(chosen("eddm"), AnyDetector::Eddm(eddm::Eddm::new(Default::default())));
    assert_eq!(chosen("hddm-a"), AnyDetector::HddmA(hddm_a::HddmA::new(Default::default())));
    assert_eq!(chosen("HDDM_W"), AnyDetector::HddmW(hddm_w::HddmW::new(Default::default())));
    assert_eq!(chosen("fhddm"), AnyDetector::Fhddm(fhddm::Fhddm::new(Default::default())));
    assert_eq!(chosen("kswin"), AnyDetector::Kswin(kswin::Kswin::new(Default::default())));
    assert_eq!(chosen("cusum"), AnyDetector::Cusum(cusum::Cusum::new(Default::default())));
    assert_eq!(chosen("e-detector"), AnyDetector::EDetector(e_detector::EDetector::new(Default::default())));
    for entry in ENTRIES {
        let detector = chosen(entry.name);
        assert_eq!((detector.name(), detector.input()), (entry.name, entry.input));
    }
}

#[test]
fn a_wrong_choice_says_what_there_is() {
    let complaint = |name, params: &[(&'static str, &'static str)]| {
        AnyDetector::choose(name, params.iter().copied()).unwrap_err().to_string()
    };
    assert!(complaint("adwin3", &[]).contains("there are adwin, page_hinkley, ddm"));
    assert!(complaint("ddm", &[("delta", "1")]).contains("it has warm_start, warning_threshold, drift_threshold"));
    assert_eq!(complaint("adwin", &[("delta", "2")]), "adwin: `delta` takes a number above 0 and below 1, not `2`");
    assert!(complaint("adwin", &[("clock", "0")]).contains("from 1 to 1000000"));
    assert!(complaint("kswin", &[("stat_size", "60")]).contains("at most half"));
    assert!(complaint("eddm", &[("alpha", "0.5")]).contains("at least `beta`"));
    assert!(complaint("e_detector", &[("rate", "0.9"), ("tolerance", "0.1")]).contains("together are below 1"));
}

#[test]
fn what_a_detector_cannot_take_leaves_it_as_it_was() {
    for mut detector in zoo() {
        let before = detector.clone();
        for value in [f64::NAN, f64::INFINITY, 1e101] {
            assert!(detector.offer(value).is_err());
        }
        match detector.input() {
            Input::Numbers => {}
            Input::Errors => assert_eq!(detector.offer(0.5), Err(BadValue::NotBinary(0.5, detector.name()))),
            Input::Losses => assert_eq!(detector.offer(1.5), Err(BadValue::NotLoss(1.5, detector.name()))),
        }
        assert_eq!(detector, before);
    }
}

#[test]
fn cusum_signals_where_montgomery_does() {
    // Introduction to Statistical Quality Control, table 9.1: N(10, 1), from the 21st value on N(11, 1). Table 9.2, K = 0.5,
    // H = 5: the sum passes 5 at period 29 with 5.28.
    let values = [
        9.45, 7.99, 9.29, 11.66, 12.16, 10.18, 8.04, 11.46, 9.20, 10.34, 9.03, 11.47, 10.51, 9.40, 10.08, 9.37, 10.62, 10.31,
        8.52, 10.84, 10.90, 9.33, 12.29, 11.50, 10.60, 11.08, 10.38, 11.62, 11.31, 10.52,
    ];
    let mut cusum = cusum::Cusum::new(cusum::Params { target: Some(10.0), sigma: Some(1.0), ..Default::default() });
    let period = values.iter().position(|value| match cusum.update(*value) {
        Verdict::Drift { score, .. } => (score - 5.28).abs() < 1e-9,
        _ => false,
    });
    assert_eq!(period, Some(28));
}
