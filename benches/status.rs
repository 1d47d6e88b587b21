//! Guards what is promised of a model's status: how seldom it is wrong where nothing is wrong, and how soon it is critical where something is.
//!
//! Simulated models of a true accuracy, floor 0.7, for a week at one prediction a second, 20 and 2 a minute, labels at once or after 0 s to 6 h.
//! Then the accuracy falls to 0.6, ten points below the floor, and the label time until the status is critical is taken. And a model like the
//! demo's `churn`, right above its floor: changes of its status a day. The core's own [`Condition`] is judged every five seconds, as ticks do it;
//! what lies around it (the log, windows, drift) is left out.
//!
//!     ops/bench status                       1,000 models a row, on all cores; the process fails where a promise is broken
//!     STATUS_MODELS=40 ops/bench status      a look; STATUS_ROWS=20/min, =2/min, =1/s or =churn for some rows only

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tidewatch_core::monitor::classes::Task;
use tidewatch_core::monitor::status::{Case, Condition, Status, Thresholds};
use tidewatch_core::time::{Span, Timestamp};

/// 2026-01-01T00:00:00Z.
const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Seconds between two judgements.
const TICK: i64 = 5;

const DAYS: i64 = 7;

/// Seconds after the fall in which a model must be critical to be counted.
const PATIENCE: i64 = 3 * 86_400;

/// Seconds until a label comes: evenly between 0 and this.
const DELAYS: [i64; 2] = [0, 6 * 3_600];

/// Three and five points above the floor.
const ACCURACIES: [f64; 2] = [0.73, 0.75];
const FALLEN: f64 = 0.6;

/// A pace of predictions, and what is promised of it.
struct Rate {
    name: &'static str,
    /// Seconds between two predictions.
    gap: i64,
    /// Seconds of label time until a fall is critical, in the median.
    fall_median_max: i64,
}

const RATES: [Rate; 3] = [
    Rate { name: "1/s", gap: 1, fall_median_max: 5 * 60 },
    Rate { name: "20/min", gap: 3, fall_median_max: 25 * 60 },
    Rate { name: "2/min", gap: 30, fall_median_max: 4 * 3_600 },
];

/// Model-days for each false critical, three points above the floor.
const DAYS_PER_CRITICAL_MIN: f64 = 30.0;

/// Changes of a model's status in a week, five points above the floor: in the median, and in 99 of 100 models.
const CHANGES_MAX: [u64; 2] = [1, 6];

/// The demo's `churn`: seven labels a second, right in 70.4 of a hundred. Changes of its status in a day, at most; the first status is one.
const CHURN: (u32, f64) = (7, 0.704);
const CHURN_DELAY: i64 = 900;
const CHURN_CHANGES_MAX: u64 = 2;

/// Predictions after which a model that is always wrong is critical.
const HOPELESS_MAX: u64 = 30;

/// What one model went through.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    changes: u64,
    criticals: u64,
    /// Seconds of label time from the fall to critical.
    fall: i64,
}

/// Labels that come in one second.
#[derive(Clone, Copy, Debug, Default)]
struct Due {
    right: u32,
    wrong: u32,
    /// Seconds since their predictions, summed.
    delay: i64,
}

/// A model's predictions a steady gap apart, and its labels on their way.
struct Model {
    condition: Condition,
    gap: i64,
    /// Predictions at a time.
    at_once: u32,
    /// Seconds between two judgements.
    tick: i64,
    delay_max: i64,
    random: u64,
    /// Labels by the second in which they come, the first of them now.
    labels: VecDeque<Due>,
}

impl Model {
    fn new(gap: i64, delay_max: i64, seed: u64) -> Self {
        let mut model = Self {
            condition: Condition::default(),
            gap,
            at_once: 1,
            tick: TICK,
            delay_max,
            random: seed,
            labels: VecDeque::new(),
        };
        model.wait_at_most(delay_max);
        model
    }

    /// From now on labels come this many seconds after their predictions at most; those on their way are lost.
    fn wait_at_most(&mut self, delay_max: i64) {
        self.delay_max = delay_max;
        self.labels = vec![Due::default(); delay_max as usize + 1].into();
    }

    /// Uniform in 0 to 1: SplitMix64.
    fn chance(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Lives through one second; the status it turned to, if it changed.
    fn live(&mut self, second: i64, accuracy: f64) -> Option<Status> {
        let now = START + Span::from_secs(second);
        let served = if second % self.gap == 0 { self.at_once } else { 0 };
        for _ in 0..served {
            let right = self.chance() < accuracy;
            let delay = if self.delay_max == 0 { 0 } else { (self.chance() * self.delay_max as f64) as i64 };
            self.condition.on_prediction(now, now, false, None);
            let due = &mut self.labels[delay as usize];
            due.right += u32::from(right);
            due.wrong += u32::from(!right);
            due.delay += delay;
        }
        self.take_labels(now);
        if second % self.tick != 0 || !self.condition.is_due(now, now) {
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
        self.condition.judge(&case).map(|turn| turn.to)
    }

    /// Takes the labels of this second, in random order.
    fn take_labels(&mut self, now: Timestamp) {
        let mut due = self.labels.pop_front().unwrap_or_default();
        self.labels.push_back(Due::default());
        let n = due.right + due.wrong;
        for left in (1..=n).rev() {
            let right = due.wrong == 0 || (due.right != 0 && self.chance() * f64::from(left) < f64::from(due.right));
            if right {
                due.right -= 1
            } else {
                due.wrong -= 1
            }
            self.condition.on_label(now, Some(right), None, Span::from_secs(due.delay / i64::from(n)));
        }
    }
}

/// A week of `accuracy`, then the fall.
fn tell(gap: i64, delay: i64, accuracy: f64, seed: u64) -> Told {
    let (mut model, mut told) = (Model::new(gap, delay, seed), Told::default());
    let week = DAYS * 86_400;
    for second in 0..week {
        if let Some(to) = model.live(second, accuracy) {
            told.changes += 1;
            told.criticals += u64::from(to == Status::Critical);
        }
    }
    // label time: labels of what was predicted before the fall are out of the way
    model.wait_at_most(0);
    let critical = |second: &i64| {
        model.live(*second, FALLEN);
        model.condition.status == Status::Critical
    };
    told.fall = (week..week + PATIENCE).find(critical).map_or(PATIENCE, |second| second - week);
    told
}

/// Changes of the status of a model like `churn`, by day.
fn churn(seed: u64) -> Vec<u64> {
    let (at_once, accuracy) = CHURN;
    let mut model = Model { at_once, ..Model::new(1, CHURN_DELAY, seed) };
    let day = |model: &mut Model, day: i64| {
        (day * 86_400..(day + 1) * 86_400).filter(|second| model.live(*second, accuracy).is_some()).count() as u64
    };
    (0..DAYS).map(|nth| day(&mut model, nth)).collect()
}

/// Many models of one kind, shared among the cores; `tell` goes through the life of one.
fn tell_all<T: Send>(models: u64, tell: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let next = AtomicU64::new(0);
    let of_core = || {
        let seeds = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < models));
        seeds.map(&tell).collect::<Vec<T>>()
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(of_core)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no simulation panics")).collect()
    })
}

fn seed_of(model: u64, gap: i64, delay: i64, accuracy: f64) -> u64 {
    let kind = accuracy.to_bits() ^ gap.cast_unsigned() ^ delay.cast_unsigned().rotate_left(20);
    (kind ^ model.rotate_left(40)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Predictions until a model that is always wrong is critical, after some seconds in good health.
fn until_critical(gap: i64, healthy_for: i64) -> u64 {
    let mut model = Model::new(gap, 0, 1);
    (0..healthy_for).for_each(|second| {
        model.live(second, 1.0);
    });
    // in between ticks the next one is waited for
    model.tick = 1;
    let mut predictions = 0;
    let mut critical = |second: &i64| {
        predictions += u64::from(second % gap == 0);
        model.live(*second, 0.0);
        model.condition.status == Status::Critical
    };
    (healthy_for..).find(&mut critical);
    predictions
}

fn quantile<T: Copy + Ord>(of: impl Iterator<Item = T>, q: f64) -> T {
    let mut sorted: Vec<T> = of.collect();
    sorted.sort_unstable();
    sorted[((sorted.len() - 1) as f64 * q).ceil() as usize]
}

/// One row of the table; what of it is not as promised.
fn row(rate: &Rate, delay: i64, accuracy: f64, told: &[Told]) -> Vec<String> {
    let changes = [0.5, 0.99].map(|q| quantile(told.iter().map(|told| told.changes), q));
    let fall = [0.5, 0.9].map(|q| quantile(told.iter().map(|told| told.fall), q));
    let criticals: u64 = told.iter().map(|told| told.criticals).sum();
    let days = told.len() as f64 * DAYS as f64;
    let once_in = if criticals == 0 { format!("none in {days}") } else { format!("{:.0}", days / criticals as f64) };
    let after = if delay == 0 { "0 s" } else { "0 s to 6 h" };
    println!(
        "| {} | {after} | {accuracy} | {} | {} | {once_in} | {:.1} | {:.1} |",
        rate.name,
        changes[0],
        changes[1],
        fall[0] as f64 / 60.0,
        fall[1] as f64 / 60.0
    );
    let of = format!("{}, labels after {after}, accuracy {accuracy}", rate.name);
    let mut broken = Vec::new();
    if accuracy == ACCURACIES[0] && days < DAYS_PER_CRITICAL_MIN * criticals as f64 {
        broken.push(format!("{of}: {criticals} false criticals in {days} model-days"));
    }
    if accuracy == ACCURACIES[1] && (CHANGES_MAX[0] < changes[0] || CHANGES_MAX[1] < changes[1]) {
        broken.push(format!("{of}: {changes:?} changes a week"));
    }
    if rate.fall_median_max < fall[0] {
        broken.push(format!("{of}: a fall is found after {} s", fall[0]));
    }
    broken
}

/// The days of models like `churn`, by how often their status changed; what of it is not as promised.
fn row_of_churn(models: u64) -> Option<String> {
    let told = tell_all(models, |model| churn(seed_of(model, 0, CHURN_DELAY, CHURN.1)));
    let days: Vec<u64> = told.into_iter().flatten().collect();
    let of = |changes: u64| days.iter().filter(|day| **day == changes).count();
    let most = days.iter().copied().max().unwrap_or_default();
    let table: Vec<(u64, usize)> = (0..=most).map(|changes| (changes, of(changes))).filter(|(_, days)| *days != 0).collect();
    println!("like churn, {models} models for {DAYS} days: days by changes of the status {table:?}");
    (CHURN_CHANGES_MAX < most).then(|| format!("a model like churn: {most} changes in a day"))
}

fn main() {
    let models: u64 = std::env::var("STATUS_MODELS").ok().and_then(|value| value.parse().ok()).unwrap_or(1_000).max(1);
    let rows_wanted = std::env::var("STATUS_ROWS").ok();
    let is_wanted = |name: &str| rows_wanted.as_deref().is_none_or(|wanted| wanted == name);
    let begun = Instant::now();
    println!("{models} models a row, {DAYS} days each, floor 0.7, judged every {TICK} s");
    println!(
        "| rate | labels after | accuracy | changes a week: median | p99 | model-days for each critical | minutes until a fall to {FALLEN} is critical: median | p90 |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let (mut broken, mut rows) = (Vec::new(), 0);
    for rate in RATES.iter().filter(|rate| is_wanted(rate.name)) {
        for delay in DELAYS {
            for accuracy in ACCURACIES {
                let seed = |model| seed_of(model, rate.gap, delay, accuracy);
                let told = tell_all(models, |model| tell(rate.gap, delay, accuracy, seed(model)));
                broken.extend(row(rate, delay, accuracy, &told));
                rows += 1;
            }
        }
        let hopeless = [0, 86_400].map(|healthy_for| until_critical(rate.gap, healthy_for));
        println!("{}: always wrong, critical after {hopeless:?} predictions (from the start, after a healthy day)", rate.name);
        if hopeless.iter().any(|predictions| HOPELESS_MAX < *predictions) {
            broken.push(format!("{}: always wrong, critical after {hopeless:?} predictions", rate.name));
        }
    }
    if is_wanted("churn") {
        broken.extend(row_of_churn(models.div_ceil(10)));
    }
    println!("{} model-days in {:.0} s", rows * models * DAYS.cast_unsigned(), begun.elapsed().as_secs_f64());
    assert!(broken.is_empty(), "not as promised:\n{}", broken.join("\n"));
}
