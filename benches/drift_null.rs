//! Claim: on streams without a change the e-detector's false alarms stay within what its run length promises, and set to as many false
//! alarms as ADWIN it finds steps of an error rate no later. Varies the detector, the stream and the step. `ops/bench drift_null`.
//!
//! Three null streams of errors at a rate of 0.10: independent; the chance of an error itself an autoregression (AR(1), φ = 0.99, its
//! logit with a standard deviation of 0.3); and seasonal (the logit a sine of amplitude 0.5 and period 10,000). Only in the first has
//! each row the same chance given all before, which is what the guarantee asks for.
//!
//! `DRIFT_NULL_STREAMS` (1,000) streams of `DRIFT_NULL_ROWS` (100,000) events; KSWIN, which tests its window at every event, on a
//! twentieth of the streams. `DRIFT_NULL_TRIALS` (1,001) trials for each median delay.

use std::time::Instant;

use tidewatch_core::stats::detect::AnyDetector;

const RATE: f64 = 0.10;

/// What runs: a name, the detector and its parameters, one in how many streams, and the events in which it promises at most one false
/// alarm on average.
struct Contender {
    name: &'static str,
    detector: &'static str,
    params: &'static [(&'static str, &'static str)],
    one_in: u64,
    promise: Option<f64>,
}

const fn with_defaults(detector: &'static str, one_in: u64) -> Contender {
    Contender { name: detector, detector, params: &[], one_in, promise: None }
}

const fn e_detector(name: &'static str, params: &'static [(&'static str, &'static str)], promise: f64) -> Contender {
    Contender { name, detector: "e_detector", params, one_in: 1, promise: Some(promise) }
}

const CONTENDERS: &[Contender] = &[
    e_detector("e_detector, run_length 10,000", &[("run_length", "10000")], 1e4),
    e_detector("e_detector, run_length 100,000", &[("run_length", "100000")], 1e5),
    e_detector("e_detector, run_length 1,000,000", &[("run_length", "1000000")], 1e6),
    e_detector("e_detector, 100,000, rate known", &[("run_length", "100000"), ("rate", "0.1")], 1e5),
    e_detector("e_detector, 10,000, CUSUM form", &[("run_length", "10000"), ("cusum", "true")], 1e4),
    with_defaults("adwin", 1),
    with_defaults("ddm", 1),
    with_defaults("page_hinkley", 1),
    with_defaults("kswin", 20),
];

#[derive(Clone, Copy)]
enum Null {
    Independent,
    Autocorrelated,
    Seasonal,
}

/// Uniform in 0 to 1 from a seed: SplitMix64.
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

    /// Standard normal, nearly: the sum of twelve, less six.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }

    fn error(&mut self, rate: f64) -> f64 {
        f64::from(u8::from(self.next() < rate))
    }
}

fn logistic(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

impl Null {
    fn describe(self) -> &'static str {
        match self {
            Self::Independent => "independent: one chance throughout, the guarantee holds",
            Self::Autocorrelated => "autocorrelated: the chance wanders, NOTHING is guaranteed",
            Self::Seasonal => "seasonal: the chance comes and goes, NOTHING is guaranteed",
        }
    }

    fn stream(self, seed: u64, rows: u64) -> Vec<f64> {
        const PHI: f64 = 0.99;
        let (mut chance, middle) = (Chance::of(seed), (RATE / (1.0 - RATE)).ln());
        let mut wander = 0.0;
        let mut rate = |chance: &mut Chance, row: u64| match self {
            Self::Independent => RATE,
            Self::Autocorrelated => {
                wander = PHI * wander + 0.3 * (1.0 - PHI * PHI).sqrt() * chance.normal();
                logistic(middle + wander)
            }
            Self::Seasonal => logistic(middle + 0.5 * (row as f64 * std::f64::consts::TAU / 10_000.0).sin()),
        };
        (0..rows)
            .map(|row| {
                let rate = rate(&mut chance, row);
                chance.error(rate)
            })
            .collect()
    }
}

impl Contender {
    fn start(&self) -> AnyDetector {
        AnyDetector::choose(self.detector, self.params.iter().copied()).expect("the table names what there is")
    }

    fn is_alarm(detector: &mut AnyDetector, error: f64) -> bool {
        detector.offer(error).expect("every detector takes 0 and 1").is_drift()
    }
}

/// What `of` gives for each seed, in their order; on all cores.
fn each<T: Send>(seeds: u64, of: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let mut found: Vec<(u64, T)> = std::thread::scope(|scope| {
        let share = |first: u64| {
            let of = &of;
            scope.spawn(move || (first..seeds).step_by(cores as usize).map(|seed| (seed, of(seed))).collect::<Vec<_>>())
        };
        let threads: Vec<_> = (0..cores).map(share).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a trial does not fail")).collect()
    });
    found.sort_by_key(|(seed, _)| *seed);
    found.into_iter().map(|(_, found)| found).collect()
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} takes a whole number, not `{text}`")))
}

fn false_alarms(streams: u64, rows: u64) {
    for null in [Null::Independent, Null::Autocorrelated, Null::Seasonal] {
        println!("\n{}; {streams} streams of {rows} events", null.describe());
        let of_streams = each(streams, |seed| {
            let stream = null.stream(seed, rows);
            let of_contender = |contender: &Contender| {
                if !seed.is_multiple_of(contender.one_in) {
                    return (0, 0, 0.0);
                }
                let (mut detector, start) = (contender.start(), Instant::now());
                let alarms = stream.iter().filter(|error| Contender::is_alarm(&mut detector, **error)).count() as u64;
                (alarms, rows, start.elapsed().as_secs_f64())
            };
            CONTENDERS.iter().map(of_contender).collect::<Vec<_>>()
        });
        let mut found: Vec<(u64, u64, f64)> = vec![(0, 0, 0.0); CONTENDERS.len()];
        for (total, (alarms, events, seconds)) in of_streams.iter().flat_map(|of_stream| (0..).zip(of_stream)) {
            let total: &mut (u64, u64, f64) = &mut found[total];
            *total = (total.0 + alarms, total.1 + events, total.2 + seconds);
        }
        for (Contender { name, promise, .. }, (alarms, events, seconds)) in CONTENDERS.iter().zip(found) {
            let per = alarms as f64 * 1e5 / events as f64;
            let promised = match (null, promise) {
                (_, None) => "nothing promised".to_owned(),
                (Null::Independent, Some(events)) => format!("at most {} promised", 1e5 / events),
                (_, Some(_)) => "not promised here".to_owned(),
            };
            let pace = seconds * 1e9 / events as f64;
            println!(
                "drift_null/{name}: {per:.4} false alarms in 100,000 events ({alarms} in {events}), {promised}, {pace:.0} ns an event"
            );
        }
    }
}

fn delays(trials: u64) {
    println!(
        "\nmedian events from a step of the rate to the first alarm; {trials} trials; `never`: not within the events tried"
    );
    for before in [20_000_u64, 5_000, 2_000] {
        for (rate, most) in [(0.12, 60_000_u64), (0.15, 20_000), (0.20, 10_000)] {
            for contender in CONTENDERS.iter().filter(|contender| contender.one_in == 1) {
                let of_trials = each(trials, |seed| {
                    let (mut detector, mut chance) = (contender.start(), Chance::of((1 << 40) + seed));
                    let early = (0..before).filter(|_| Contender::is_alarm(&mut detector, chance.error(RATE))).count();
                    (early, (1..=most).find(|_| Contender::is_alarm(&mut detector, chance.error(rate))).unwrap_or(u64::MAX))
                });
                let early: usize = of_trials.iter().map(|(early, _)| early).sum();
                let mut delays: Vec<u64> = of_trials.into_iter().map(|(_, delay)| delay).collect();
                delays.sort_unstable();
                let at = |share: f64| match delays[(share * (delays.len() - 1) as f64) as usize] {
                    u64::MAX => "never".to_owned(),
                    delay => delay.to_string(),
                };
                println!(
                    "drift_null/0.10 -> {rate:.2} after {before}/{}: median {}, quartiles {} and {}; {early} false alarms before",
                    contender.name,
                    at(0.5),
                    at(0.25),
                    at(0.75)
                );
            }
        }
    }
}

fn main() {
    false_alarms(setting("DRIFT_NULL_STREAMS", 1_000), setting("DRIFT_NULL_ROWS", 100_000));
    delays(setting("DRIFT_NULL_TRIALS", 1_001));
}
