//! Claim: a 95 % interval holds the true figure in 94 to 97 of 100 samples, at 100 and at 1,000 rows, or there is none and a reason. Varies
//! the figure and the world that rows are drawn from: balance, quality, skewness and tails. Each line says how many of the samples have an
//! interval, how many of those hold the truth, and of how many samples nothing wrong was said. Where less than one sample in twenty has one, there
//! is none as a rule: such a line says nothing of coverage and is counted apart. `COVERAGE_SETS=1000 cargo bench --bench coverage`; 200 samples by
//! default.

use std::collections::BTreeMap;

use tidewatch_core::stats::classes::Confusion;
use tidewatch_core::stats::ranking::{average_precision, roc_auc, tallies};
use tidewatch_core::stats::regression::Regression;
use tidewatch_core::stats::scores::Scored;
use tidewatch_core::stats::{Estimate, MetricName};

/// Rows of one sample.
const SIZES: [usize; 2] = [100, 1_000];

/// Share of the samples below which an interval is the exception.
const GIVEN_MIN: f64 = 0.05;

/// Rows that the true figures are taken from.
const TRUTH_ROWS: usize = 2_000_000;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let state = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^ (state >> 31)
    }

    /// In 0 to 1, both excluded.
    fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Box & Muller (1958).
    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    fn laplace(&mut self) -> f64 {
        let size = -self.uniform().ln();
        if self.chance(0.5) { size } else { -size }
    }

    fn student(&mut self, degrees: u32) -> f64 {
        let squares: f64 = (0..degrees).map(|_| self.normal().powi(2)).sum();
        self.normal() / (squares / f64::from(degrees)).sqrt()
    }
}

/// One way to draw rows and the figures of them.
trait World {
    fn name(&self) -> String;
    /// Figures of `rows` rows, by name.
    fn figures(&self, dice: &mut Dice, rows: usize) -> Vec<(MetricName, Estimate)>;
    /// True figures where they are known better than from many rows.
    fn truths(&self) -> Vec<(MetricName, f64)> {
        Vec::new()
    }
}

/// Scores of positives are normal around `distance`, those of negatives around 0.
struct Ranked {
    distance: f64,
    share: f64,
    spread: f64,
    /// Scores are rounded, so that many are equal.
    tied: bool,
}

impl World for Ranked {
    fn name(&self) -> String {
        let tied = if self.tied { ", tied" } else { "" };
        format!("{:.1} % positives, {} apart, spread {}{tied}", 100.0 * self.share, self.distance, self.spread)
    }

    fn figures(&self, dice: &mut Dice, rows: usize) -> Vec<(MetricName, Estimate)> {
        let scored = (0..rows).map(|_| {
            let positive = dice.chance(self.share);
            let score = if positive { self.distance + self.spread * dice.normal() } else { dice.normal() };
            (if self.tied { score.round() } else { score }, positive)
        });
        let ranked = tallies(scored.collect());
        vec![(MetricName::RocAuc, roc_auc(&ranked)), (MetricName::PrAuc, average_precision(&ranked))]
    }
}

/// Probabilities on the logit scale are normal; outcomes follow them, or are more extreme than they say.
struct Stated {
    centre: f64,
    spread: f64,
}

impl World for Stated {
    fn name(&self) -> String {
        format!("logits around {} by {}", self.centre, self.spread)
    }

    fn figures(&self, dice: &mut Dice, rows: usize) -> Vec<(MetricName, Estimate)> {
        let mut scored = Scored::default();
        for _ in 0..rows {
            let probability = 1.0 / (1.0 + (-(self.centre + self.spread * dice.normal())).exp());
            scored.add(probability, dice.chance(probability));
        }
        let wanted = [MetricName::Brier, MetricName::LogLoss];
        scored.metrics().into_iter().filter(|(name, _)| wanted.contains(name)).collect()
    }
}

/// Errors of a regression.
struct Errors {
    name: &'static str,
    draw: fn(&mut Dice) -> f64,
    mse: Option<f64>,
}

impl World for Errors {
    fn name(&self) -> String {
        format!("errors {}", self.name)
    }

    fn figures(&self, dice: &mut Dice, rows: usize) -> Vec<(MetricName, Estimate)> {
        let mut regression = Regression::default();
        for _ in 0..rows {
            let truth = 10.0 + 2.0 * dice.uniform();
            regression.add(truth, truth + (self.draw)(dice));
        }
        let wanted =
            [MetricName::Mae, MetricName::Mse, MetricName::Rmse, MetricName::Mape, MetricName::Smape, MetricName::Bias];
        regression.metrics().into_iter().filter(|(name, _)| wanted.contains(name)).collect()
    }

    fn truths(&self) -> Vec<(MetricName, f64)> {
        let of = |mse: f64| vec![(MetricName::Mse, mse), (MetricName::Rmse, mse.sqrt())];
        self.mse.map_or_else(Vec::new, of)
    }
}

/// A classifier: shares of the classes, and how often each is met; a miss falls on another class at random.
struct Classified {
    name: &'static str,
    shares: &'static [f64],
    met: f64,
}

impl World for Classified {
    fn name(&self) -> String {
        format!("{}, right in {:.0} %", self.name, 100.0 * self.met)
    }

    fn figures(&self, dice: &mut Dice, rows: usize) -> Vec<(MetricName, Estimate)> {
        let mut confusion = Confusion::default();
        let draw = |dice: &mut Dice| {
            let mut left = dice.uniform();
            self.shares
                .iter()
                .position(|share| {
                    left -= share;
                    left <= 0.0
                })
                .unwrap_or(0) as u16
        };
        for _ in 0..rows {
            let truth = draw(dice);
            let predicted = if dice.chance(self.met) { truth } else { (dice.next() % self.shares.len() as u64) as u16 };
            confusion.add(truth, predicted);
        }
        let positive = (self.shares.len() == 2).then_some(1);
        let skipped = [MetricName::PrecisionMicro, MetricName::RecallMicro, MetricName::F1Micro, MetricName::RecallWeighted];
        confusion.metrics(positive).into_iter().filter(|(name, _)| !skipped.contains(name)).collect()
    }
}

const fn ranked(share: f64, distance: f64, spread: f64, tied: bool) -> Ranked {
    Ranked { distance, share, spread, tied }
}

/// A distribution of errors: its name, a draw, and the mean square where it has one.
type Drawn = (&'static str, fn(&mut Dice) -> f64, Option<f64>);

fn worlds() -> Vec<Box<dyn World>> {
    let mut worlds: Vec<Box<dyn World>> = Vec::new();
    for share in [0.5, 0.2, 0.066, 0.02] {
        for distance in [0.3, 1.0, 2.5] {
            worlds.push(Box::new(ranked(share, distance, 1.0, false)));
        }
    }
    worlds.push(Box::new(ranked(0.5, 3.3, 1.0, false)));
    worlds.push(Box::new(ranked(0.5, 1.0, 2.0, false)));
    worlds.push(Box::new(ranked(0.066, 1.0, 2.0, false)));
    worlds.push(Box::new(ranked(0.2, 1.0, 0.5, false)));
    worlds.push(Box::new(ranked(0.5, 1.0, 1.0, true)));
    worlds.push(Box::new(ranked(0.066, 1.0, 1.0, true)));
    for (centre, spread) in [(0.0, 1.0), (0.0, 3.0), (-3.0, 1.0), (-4.0, 2.0), (-5.0, 2.0), (-8.0, 5.0)] {
        worlds.push(Box::new(Stated { centre, spread }));
    }
    let errors: [Drawn; 9] = [
        ("uniform", |dice| 2.0 * dice.uniform() - 1.0, Some(1.0 / 3.0)),
        ("normal", Dice::normal, Some(1.0)),
        ("normal with a bias", |dice| 1.0 + dice.normal(), Some(2.0)),
        ("Laplace", Dice::laplace, Some(2.0)),
        ("Student's t of 10 degrees", |dice| dice.student(10), Some(1.25)),
        ("Student's t of 5 degrees", |dice| dice.student(5), Some(5.0 / 3.0)),
        ("Student's t of 3 degrees", |dice| dice.student(3), Some(3.0)),
        ("log-normal", |dice| dice.normal().exp(), Some(2.0_f64.exp())),
        ("normal, one in 50 ten times as large", |dice| dice.normal() * if dice.chance(0.02) { 10.0 } else { 1.0 }, Some(2.98)),
    ];
    for (name, draw, mse) in errors {
        worlds.push(Box::new(Errors { name, draw, mse }));
    }
    let classes: [(&'static str, &'static [f64]); 5] = [
        ("two even classes", &[0.5, 0.5]),
        ("two classes, 6.6 % positives", &[0.934, 0.066]),
        ("three even classes", &[0.34, 0.33, 0.33]),
        ("three classes, one rare", &[0.6, 0.35, 0.05]),
        ("ten even classes", &[0.1; 10]),
    ];
    for (name, shares) in classes {
        for met in [0.3, 0.8, 0.97] {
            worlds.push(Box::new(Classified { name, shares, met }));
        }
    }
    worlds
}

/// Samples with an interval, those that hold the truth, and all.
#[derive(Clone, Copy, Default)]
struct Tried {
    given: usize,
    held: usize,
    all: usize,
}

fn main() {
    let sets: usize = std::env::var("COVERAGE_SETS").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let truth_rows = if sets < 1_000 { TRUTH_ROWS / 4 } else { TRUTH_ROWS };
    let mut dice = Dice(1);
    let (mut outside, mut none) = (0, 0);
    println!("figure | world | rows | samples with an interval | of those hold the truth | nothing wrong said");
    for world in worlds() {
        let mut truths: BTreeMap<&str, f64> = BTreeMap::new();
        let many = world.figures(&mut dice, truth_rows);
        truths.extend(many.iter().filter_map(|(name, figure)| Some((name.as_str(), figure.value?))));
        truths.extend(world.truths().iter().map(|(name, value)| (name.as_str(), *value)));
        for rows in SIZES {
            let mut tried: BTreeMap<&str, Tried> = BTreeMap::new();
            for _ in 0..sets {
                for (name, figure) in world.figures(&mut dice, rows) {
                    let of = tried.entry(name.as_str()).or_default();
                    of.all += 1;
                    if let (Some(low), Some(high), Some(truth)) = (figure.low, figure.high, truths.get(name.as_str())) {
                        of.given += 1;
                        of.held += usize::from((low..=high).contains(truth));
                    }
                }
            }
            for (name, Tried { given, held, all }) in tried {
                let percent = |of: usize, all: usize| 100.0 * of as f64 / all.max(1) as f64;
                let right = percent(held, given);
                let honest = percent(all - (given - held), all);
                let is_exception = (given as f64) < GIVEN_MIN * all as f64;
                let mark = if is_exception || (93.5..=97.5).contains(&right) { "" } else { " <" };
                outside += usize::from(!mark.is_empty());
                none += usize::from(is_exception);
                println!(
                    "{name} | {} | {rows} | {:.0} % | {right:.1} % | {honest:.1} %{mark}",
                    world.name(),
                    percent(given, all)
                );
            }
        }
    }
    println!("{outside} lines outside of 93.5 to 97.5 %, {none} without an interval as a rule, over {sets} samples each");
}
