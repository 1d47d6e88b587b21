//! What the e-detector promises and what it costs, on seeded streams: false alarms on streams without a change, and rows until an
//! alarm after a step, beside ADWIN. `ops/bench drift_null` says the same of many more streams.

use tidewatch::stats::detect::e_detector::{EDetector, Params};
use tidewatch::stats::detect::{AnyDetector, Detector};

/// Numbers from a seed, uniform in 0 to 1: SplitMix64.
struct Chance {
    state: u64,
}

impl Chance {
    fn of(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0xd134_2543_de82_ef95) }
    }

    fn next(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let state = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((state ^ (state >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn error(&mut self, rate: f64) -> f64 {
        f64::from(u8::from(self.next() < rate))
    }
}

/// Rows until the first alarm, at most `most`.
fn first_alarm(mut is_alarm: impl FnMut() -> bool, most: u64) -> u64 {
    (1..=most).find(|_| is_alarm()).unwrap_or(most)
}

/// The mean over seeded streams of the rows from the baseline to the first alarm. The cap only shortens it.
fn mean_run(params: Params, row: impl Fn(&mut Chance, bool) -> f64) -> f64 {
    const STREAMS: u64 = 80;
    let runs = (0..STREAMS).map(|seed| {
        let (mut detector, mut chance) = (EDetector::new(params), Chance::of(seed));
        if params.rate.is_none() {
            for _ in 0..params.baseline {
                detector.update(row(&mut chance, false));
            }
        }
        first_alarm(|| detector.update(row(&mut chance, true)).is_drift(), 5 * params.run_length as u64)
    });
    runs.sum::<u64>() as f64 / STREAMS as f64
}

const SHORT: Params = Params { run_length: 300.0, baseline: 100, rate: None, tolerance: 0.0, cusum: false };

#[test]
fn false_alarms_are_at_least_the_run_length_apart_in_the_mean() {
    for rate in [0.03, 0.5] {
        for params in [
            SHORT,
            Params { cusum: true, ..SHORT },
            Params { baseline: 5, ..SHORT },
            Params { rate: Some(rate), ..SHORT },
            Params { rate: Some(rate), cusum: true, ..SHORT },
        ] {
            let mean = mean_run(params, |chance, _| chance.error(rate));
            println!("rate {rate}: {mean:.0} rows between false alarms, 300 promised; {params:?}");
            assert!(300.0 <= mean, "rate {rate}: {mean}; {params:?}");
        }
    }
}

#[test]
fn a_rise_within_the_tolerance_is_no_alarm_and_one_beyond_it_is() {
    let params = Params { tolerance: 0.05, ..SHORT };
    for params in [params, Params { rate: Some(0.1), ..params }] {
        let run = |rate: f64| mean_run(params, |chance, risen| chance.error(if risen { rate } else { 0.1 }));
        let (within, beyond) = (run(0.15), run(0.5));
        assert!(300.0 <= within && beyond < 100.0, "{within} rows within, {beyond} beyond; {params:?}");
    }
}

#[test]
fn losses_need_not_be_zero_or_one() {
    // means of two uniform numbers, of mean 0.25; then of mean 0.5
    let loss = |chance: &mut Chance, scale: f64| scale * (chance.next() + chance.next()) / 2.0;
    assert!(300.0 <= mean_run(SHORT, |chance, _| loss(chance, 0.5)));
    let found = mean_run(SHORT, |chance, risen| loss(chance, if risen { 1.0 } else { 0.5 }));
    assert!(found < 60.0, "{found} rows");
}

#[test]
fn an_alarm_says_when_the_change_began_and_the_next_row_starts_afresh() {
    let mut off: Vec<i64> = (0..41)
        .map(|seed| {
            let (mut detector, mut chance) = (EDetector::new(Params::default()), Chance::of(seed));
            for _ in 0..5_000 {
                detector.update(chance.error(0.1));
                assert_eq!(detector.change(), None);
            }
            let delay = first_alarm(|| detector.update(chance.error(0.2)).is_drift(), 5_000);
            let change = detector.change().unwrap();
            assert!((change.before - 0.1).abs() < 0.03 && 0.13 < change.after && change.after < 0.5, "{change:?}");
            assert!(detector.update(1.0) == EDetector::new(Params::default()).update(1.0) && detector.change().is_none());
            change.values as i64 - delay as i64
        })
        .collect();
    off.sort_unstable();
    println!("the change is dated {} to {} rows too early, in the median {}", off[10], off[30], off[20]);
    assert!(off[20].abs() < 40 && -60 < off[10] && off[30] < 60, "{off:?}");
}

#[test]
fn a_step_is_found_no_later_than_by_adwin() {
    // The median of the rows from the step to the first alarm after it. The run length is that at which both have as many
    // false alarms, see the bench.
    for (before, rate, most, streams) in [(20_000, 0.12, 20_000, 11), (5_000, 0.20, 2_000, 31), (2_000, 0.20, 2_000, 61)] {
        let median = |name: &str, params: &[(&str, &str)]| {
            let mut delays: Vec<u64> = (300..300 + streams)
                .map(|seed| {
                    let mut detector = AnyDetector::choose(name, params.iter().copied()).unwrap();
                    let mut chance = Chance::of(seed);
                    for _ in 0..before {
                        detector.offer(chance.error(0.1)).unwrap();
                    }
                    first_alarm(|| detector.offer(chance.error(rate)).unwrap().is_drift(), most)
                })
                .collect();
            delays.sort_unstable();
            delays[delays.len() / 2]
        };
        let (ours, adwin) = (median("e_detector", &[("run_length", "1000000")]), median("adwin", &[]));
        println!("0.10 -> {rate} after {before} rows: median delay {ours} rows, ADWIN {adwin}");
        assert!(ours <= adwin, "0.10 -> {rate} after {before}: {ours}, ADWIN {adwin}");
    }
}
