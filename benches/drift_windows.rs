//! Claim: windows that fit the traffic keep the alarm budget, and find at two rows a minute what ten-minute windows never find. A fleet of
//! versions of ten features at 2 rows a minute, whose rows are independent draws of one law, runs for a month in the core alone: its false
//! alarms, against a budget of one. Then an income that rises by 40 %: hours of event time until the alarm.
//!
//! `DRIFT_WINDOWS_MODELS` (20) a fleet, `DRIFT_WINDOWS_FLEETS` (10) of them, `DRIFT_WINDOWS_DAYS` (30), `DRIFT_WINDOWS_TRIALS` (100).
//! `ops/bench drift_windows`.

use std::time::Instant;

use tidewatch_core::event::{Event, Feature, Kind, Message, Prediction, Value};
use tidewatch_core::ids::{Name, Slug};
use tidewatch_core::monitor::cold::InMemory;
use tidewatch_core::monitor::effect::{Action, Announcement};
use tidewatch_core::monitor::{State, apply};
use tidewatch_core::time::{Span, Timestamp};

const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);
const APART: i64 = 30;
const FEATURES: usize = 10;

/// Uniform in 0 to 1 from a seed: SplitMix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let state = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((state ^ (state >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal, nearly: the sum of twelve, less six.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} takes a whole number, not `{text}`")))
}

struct Fleet {
    state: State,
    cold: InMemory,
    chance: Chance,
    seq: u64,
}

impl Fleet {
    fn new(seed: u64) -> Self {
        let chance = Chance(seed.wrapping_mul(0xd134_2543_de82_ef95));
        Self { state: State::default(), cold: InMemory::default(), chance, seq: 0 }
    }

    /// One row of each model; the alarms it raises.
    fn row(&mut self, models: u64, second: i64, factor: f64) -> Vec<String> {
        let at = START + Span::from_secs(second);
        let records = (0..models).map(|model| Ok(Event::PredictionLogged(self.prediction(model, at, factor)))).collect();
        self.seq += 1;
        let source = Slug::try_from("bench").expect("a slug");
        let message = Message { seq: self.seq, stored_at: at, kind: Kind::Prediction, source, records };
        let effects = apply(&mut self.state, &mut self.cold, &message);
        // nobody asks for the rows of predictions again
        self.cold.rows.clear();
        self.cold.panes.clear();
        let alarms = effects.into_iter().filter_map(|effect| match effect.action {
            Action::Announce(Announcement::Drift { alarm, .. }) if alarm.detected => Some(alarm.subject),
            _ => None,
        });
        alarms.collect()
    }

    fn prediction(&mut self, model: u64, at: Timestamp, factor: f64) -> Prediction {
        let income = 3_000.0 * factor * (0.5 * self.chance.normal()).exp();
        let others = (1..FEATURES).map(|nth| (format!("f{nth}").into(), Feature::Number(self.chance.next())));
        let features: Vec<_> = std::iter::once(("income".into(), Feature::Number(income))).chain(others).collect();
        let class = if self.chance.next() < 0.3 { "yes" } else { "no" };
        Prediction {
            id: Some(format!("{model}-{}", at.micros()).into()),
            model: Name::try_from(format!("model-{model}").as_str()).expect("a name"),
            version: None,
            at,
            features: features.into_iter().collect(),
            value: Some(Value::Class(class.into())),
            confidence: None,
            scores: Vec::new(),
            response_time: None,
            failed: false,
            actual: None,
            segment: Vec::new(),
        }
    }
}

fn main() {
    let [models, fleets, days, trials] = [("MODELS", 20), ("FLEETS", 10), ("DAYS", 30), ("TRIALS", 100)]
        .map(|(name, default)| setting(&format!("DRIFT_WINDOWS_{name}"), default));
    let started = Instant::now();
    let mut alarms = 0;
    for seed in 0..fleets {
        let mut fleet = Fleet::new(seed);
        alarms +=
            (0..days as i64 * 86_400).step_by(APART as usize).map(|second| fleet.row(models, second, 1.0).len()).sum::<usize>();
        if seed == 0 {
            let policy = fleet.state.desk.drift.policy;
            let widths: Vec<i64> = fleet
                .state
                .models
                .iter()
                .map(|model| model.drift.tracks[0].watch.pace.width(&policy).micros() / 3_600_000_000)
                .collect();
            println!("widths after {days} days, in hours: {widths:?}");
        }
    }
    let budget = fleets as f64 * days as f64 / 30.0;
    println!(
        "nothing changes: {alarms} false alarms of {fleets} fleets of {models} models of {FEATURES} features at 2 rows a minute in {days} days, budget {budget:.1}  ({:.0} s)",
        started.elapsed().as_secs_f64()
    );
    let mut hours: Vec<f64> = (0..trials).map(hours_to_alarm).collect();
    hours.sort_by(f64::total_cmp);
    let at = |share: f64| hours[((hours.len() - 1) as f64 * share) as usize];
    println!("income +40 %: alarm after {:.1} h in the median, {:.1} h at most of {trials} trials", at(0.5), at(1.0));
    assert!(alarms as f64 <= budget + 3.0 * budget.sqrt(), "the budget is kept");
}

/// Hours from the rise of the income, at some time of the second day, to its alarm; infinite if there is none in two days.
fn hours_to_alarm(trial: u64) -> f64 {
    let mut fleet = Fleet::new(1_000 + trial);
    let rise = 86_400 + (fleet.chance.next() * 86_400.0) as i64;
    for second in (0..rise + 2 * 86_400).step_by(APART as usize) {
        let factor = if second < rise { 1.0 } else { 1.4 };
        if fleet.row(1, second, factor).iter().any(|subject| subject == "feature/income") && rise <= second {
            return (second - rise) as f64 / 3_600.0;
        }
    }
    f64::INFINITY
}
