//! Guards what is promised of a model's status: how seldom it is wrong where nothing is wrong, and how soon it is critical where something is.
//!
//! Simulated models of a true accuracy, floor 0.7, for a week at one prediction a second, 20 and 2 a minute, labels after 0 s to 6 h. Then the
//! accuracy falls to 0.6, ten points below the floor, and the label time until the status is critical is taken. The core's own
//! [`Condition`] is judged every five seconds, as ticks do it.
//!
//!     STATUS_MODELS=1000 STATUS_DAYS=7 ops/bench status        the whole; hours
//!     STATUS_MODELS=20 ops/bench status                        a look

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tidewatch::monitor::classes::Task;
use tidewatch::monitor::status::{Case, Condition, Status, Thresholds};
use tidewatch::time::{Span, Timestamp};

/// 2026-01-01T00:00:00Z.
const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Seconds between two judgements.
const TICK: i64 = 5;

/// Seconds after the fall in which a model must be critical to be counted.
const PATIENCE: i64 = 3 * 86_400;

/// Seconds until a label comes: evenly between 0 and this.
const DELAYS: [i64; 2] = [0, 6 * 3_600];

const RATES: [(&str, i64); 3] = [("1/s", 1), ("20/min", 3), ("2/min", 30)];

/// What one model went through.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    changes: u64,
    criticals: u64,
    /// Seconds of label time from the fall to critical.
    delay: Option<i64>,
}

/// A model's predictions a steady gap apart, and its labels on their way.
struct Model {
    condition: Condition,
    gap: i64,
    delay: i64,
    random: u64,
    /// By second: whether the prediction was right, and when it was made.
    labels: BinaryHeap<Reverse<(i64, i64, bool)>>,
}

impl Model {
    fn new(gap: i64, delay: i64, seed: u64) -> Self {
        Self {
            condition: Condition::default(),
            gap,
            delay,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            labels: BinaryHeap::new(),
        }
    }

    /// Uniform in 0 to 1: SplitMix64.
    fn chance(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Lives through one second; the status before and after, if it changed.
    fn live(&mut self, second: i64, accuracy: f64) -> Option<(Status, Status)> {
        let now = START + Span::from_secs(second);
        if second % self.gap == 0 {
            let right = self.chance() < accuracy;
            let delay = (self.chance() * self.delay as f64) as i64;
            self.condition.on_prediction(now, now, false, None);
            self.labels.push(Reverse((second + delay, second, right)));
        }
        while let Some(Reverse((due, made, right))) = self.labels.peek().copied().filter(|Reverse((due, ..))| *due <= second) {
            self.labels.pop();
            self.condition.on_label(now, Some(right), None, Span::from_secs(due - made));
        }
        if second % TICK != 0 || !self.condition.is_due(now, now) {
            return None;
        }
        let case = Case {
            thresholds: &Thresholds::default(),
            task: Task::Classification,
            drift: None,
            own: &[],
            labelled: true,
            newest: now,
            log_time: now,
        };
        self.condition.judge(&case).map(|turn| (turn.from, turn.to))
    }
}

/// A week of `accuracy`, then the fall.
fn tell(gap: i64, delay: i64, accuracy: f64, days: i64, seed: u64) -> Told {
    let (mut model, mut told) = (Model::new(gap, delay, seed), Told::default());
    let week = days * 86_400;
    for second in 0..week {
        if let Some((_, to)) = model.live(second, accuracy) {
            told.changes += 1;
            told.criticals += u64::from(to == Status::Critical);
        }
    }
    // label time: labels of what was predicted before the fall are out of the way
    model.labels.clear();
    model.delay = 0;
    for second in week..week + PATIENCE {
        model.live(second, 0.6);
        if model.condition.status == Status::Critical {
            told.delay = Some(second - week);
            break;
        }
    }
    told
}

/// Predictions until a model that always fails is critical, after a week in good health or from the start.
fn until_critical(gap: i64, healthy_for: i64) -> i64 {
    let mut model = Model::new(gap, 0, 1);
    for second in 0..healthy_for {
        model.live(second, 1.0);
    }
    let mut predictions = 0;
    for second in healthy_for.. {
        predictions += i64::from(second % gap == 0);
        model.live(second, 0.0);
        if model.condition.status == Status::Critical {
            break;
        }
    }
    predictions
}

fn setting(name: &str, default: i64) -> i64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn quantile(sorted: &[i64], q: f64) -> i64 {
    sorted.get(((sorted.len().max(1) - 1) as f64 * q) as usize).copied().unwrap_or(-1)
}

fn main() {
    let (models, days) = (setting("STATUS_MODELS", 20), setting("STATUS_DAYS", 7));
    println!("{models} models a row, {days} days each, floor 0.7, judged every {TICK} s");
    println!(
        "rate    labels after  accuracy  changes: median p99  critical once in (model-days)  fall to 0.6: median  p90 (min of label time)"
    );
    for (rate, gap) in RATES {
        for delay in DELAYS {
            for accuracy in [0.73, 0.75] {
                let told: Vec<Told> =
                    (0..models).map(|seed| tell(gap, delay, accuracy, days, seed.cast_unsigned() + 1)).collect();
                let mut changes: Vec<i64> = told.iter().map(|told| told.changes.cast_signed()).collect();
                let mut delays: Vec<i64> = told.iter().map(|told| told.delay.unwrap_or(PATIENCE)).collect();
                changes.sort_unstable();
                delays.sort_unstable();
                let criticals: u64 = told.iter().map(|told| told.criticals).sum();
                let once_in = match criticals {
                    0 => format!("none in {}", models * days),
                    some => format!("{:.0}", (models * days) as f64 / some as f64),
                };
                let minutes = |q: f64| quantile(&delays, q) as f64 / 60.0;
                println!(
                    "{rate:<7} {:<13} {accuracy:<9} {:<15} {:<4} {once_in:<30} {:<20.1} {:.1}",
                    if delay == 0 { "0 s" } else { "0 s to 6 h" },
                    quantile(&changes, 0.5),
                    quantile(&changes, 0.99),
                    minutes(0.5),
                    minutes(0.9),
                );
            }
        }
        println!(
            "{rate:<7} always wrong: critical after {} predictions from the start, {} after a day in good health",
            until_critical(gap, 0),
            until_critical(gap, 86_400)
        );
    }
}
