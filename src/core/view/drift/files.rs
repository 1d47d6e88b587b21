//! Two files side by side: which of their columns have drifted, and every test of each as a figure. Knows no file format.
//!
//! **One decision per column**, as in the stream: it has drifted if its values have moved far enough *and* evidently, or if the share of its
//! missing values has. The eleven tests are figures for a reader, and none of them decides.
//!
//! **One level for the whole report.** Evidence is a p-value, and a column's is compared with `alpha` divided by the number of questions that
//! could have an answer (Bonferroni): so if nothing has changed, any column at all is called drifted with a chance of at most `alpha`. A column
//! that both sides hold one value of, or of which nothing is missing, asks nothing. Which questions those are follows from both samples put
//! together, on which such a level may depend (it is the same however rows are shared out over the sides).

use std::collections::BTreeMap;

use serde::Serialize;

use super::{MISSING, Test, Tests, missing, over_bins};
use crate::stats::drift::homogeneity::{self, chi_square};
use crate::stats::drift::noise::Noise;
use crate::stats::drift::resolution::Ascending;
use crate::stats::drift::{Comparison, Profile, Walk, decision};
use crate::stats::fairness::{Proportion, fisher_p_value};
use crate::view::drift::DISTANCE;

/// What was found out about one column before it is known how many questions are asked.
#[derive(Clone, Debug)]
pub struct Column {
    name: String,
    values: Values,
    /// Rows with a value and rows, of the reference and of the current side.
    present: [u64; 2],
    rows: [u64; 2],
}

#[derive(Clone, Debug)]
enum Values {
    Numbers {
        walk: Box<Walk>,
        deviation: Option<f64>,
        constant: bool,
    },
    Categories(Comparison),
    /// Why they are not compared.
    Not(&'static str),
}

/// The answer about one column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decision {
    pub drift: bool,
    /// `values` and `missing`: what has moved far enough and evidently.
    pub because: Vec<&'static str>,
    /// numeric, categorical, or why its values were not compared.
    pub kind: &'static str,
    /// Whether its values were compared.
    pub compared: bool,
    /// How far its values have moved: population stability index in nats, counts raised by one half, over a bin for each of few values, else over
    /// deciles and values that take several of them. `None` where they were not compared.
    pub psi: Option<f64>,
    /// The chance of values as different as these if nothing has changed.
    pub p_value: Option<f64>,
    /// Share of missing values now, less that of the reference.
    pub missing_change: f64,
    /// The chance of such a change if nothing has changed; `None` where nothing is missing.
    pub missing_p_value: Option<f64>,
}

/// Two files side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Whether any column has drifted.
    pub drift: bool,
    /// By the name of the column.
    pub decisions: BTreeMap<String, Decision>,
    /// The chance that any column at all is called drifted if none is.
    pub alpha: f64,
    /// What a p-value must be at most for evidence: `alpha` divided by the questions.
    pub level: f64,
    pub questions: u64,
    /// Columns of either side, and those whose values were compared.
    pub given: u64,
    pub compared: u64,
    pub rows: Sides,
    /// Every test of every column, by the name of the column and of the test.
    pub columns: BTreeMap<String, Tests>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sides {
    pub reference: u64,
    pub current: u64,
}

impl Column {
    /// A column of numbers, in ascending order. Cost: two walks along the reference and one along the current side.
    pub fn numbers(name: String, sides: [&impl Ascending; 2], rows: [u64; 2]) -> Self {
        let present = [sides[0].count(), sides[1].count()];
        let walked = Profile::of(sides[0]).and_then(|profile| {
            let walk = Box::new(Walk::along(sides[0], sides[1], &profile.edges(), &profile.parts())?);
            Some(Values::Numbers { walk, deviation: profile.deviation, constant: profile.is_constant() })
        });
        Self { name, values: walked.unwrap_or(Values::Not("empty")), present, rows }
    }

    /// A column of categories, with the counts of both sides of each.
    pub fn categories(name: String, counts: &BTreeMap<String, [u64; 2]>, rows: [u64; 2]) -> Self {
        let side = |side: usize| counts.values().map(|counts| counts[side]).collect::<Vec<u64>>();
        let values = Comparison::new(&side(0), &side(1)).map_or(Values::Not("empty"), Values::Categories);
        Self { name, values, present: [side(0).iter().sum(), side(1).iter().sum()], rows }
    }

    /// A column whose values are not compared, because of `why` in a word or two.
    pub const fn not_compared(name: String, why: &'static str, present: [u64; 2], rows: [u64; 2]) -> Self {
        Self { name, values: Values::Not(why), present, rows }
    }

    /// What a reader should know about its figures.
    pub fn remark(&self) -> Option<&'static str> {
        let rough = |bins: &Comparison| {
            let test = chi_square(bins);
            0 < test.degrees && test.expected_min < 5.0
        };
        match &self.values {
            Values::Numbers { constant: true, .. } => {
                Some("has one distinct value in the reference: its bins are below, at and above it")
            }
            Values::Numbers { walk, .. } if rough(&walk.bins) => Some(ROUGH),
            Values::Categories(bins) if rough(bins) => Some(ROUGH),
            _ => None,
        }
    }

    fn is_compared(&self) -> bool {
        !matches!(self.values, Values::Not(_))
    }

    /// The chance of values as different as these if nothing has changed; `None` where no difference could be told.
    fn p_value(&self) -> Option<f64> {
        match &self.values {
            Values::Not(_) => None,
            Values::Numbers { walk, .. } if walk.distinct < 2 => None,
            // of two values it is their share that moves, which a test of order only bounds
            Values::Numbers { walk, .. } if walk.distinct == 2 => Some(of_two(&walk.parts)),
            Values::Numbers { walk, .. } => Some(walk.kolmogorov_smirnov.p_value),
            Values::Categories(bins) => {
                let in_use = bins.reference().iter().zip(bins.current()).filter(|(a, b)| 0 < **a + **b).count();
                match in_use {
                    0 | 1 => None,
                    2 => Some(of_two(bins)),
                    _ => Some(homogeneity::p_value(bins)),
                }
            }
        }
    }

    fn psi(&self) -> Option<f64> {
        match &self.values {
            Values::Not(_) => None,
            // with one value on both sides what half a count adds in bins that nothing is in is no distance
            Values::Numbers { walk, .. } if walk.distinct < 2 => Some(0.0),
            Values::Numbers { walk, .. } => Some(walk.parts.psi_add_half()),
            Values::Categories(bins) if chi_square(bins).degrees == 0 => Some(0.0),
            Values::Categories(bins) => Some(bins.psi_add_half()),
        }
    }

    fn missing(&self, side: usize) -> u64 {
        self.rows[side] - self.present[side].min(self.rows[side])
    }

    fn missing_p_value(&self) -> Option<f64> {
        let missing = [self.missing(0), self.missing(1)];
        let is_asked = 0 < missing[0] + missing[1] && 0 < self.present[0] + self.present[1] && !self.rows.contains(&0);
        is_asked.then(|| of_shares([0, 1].map(|side| Proportion { hits: missing[side], count: self.rows[side] })))
    }

    fn missing_change(&self) -> f64 {
        let share = |side: usize| if self.rows[side] == 0 { 0.0 } else { self.missing(side) as f64 / self.rows[side] as f64 };
        share(1) - share(0)
    }

    /// The decision, where evidence is a p-value of at most `level`.
    fn decide(&self, level: f64) -> Decision {
        let (psi, p_value) = (self.psi(), self.p_value());
        let (missing_change, missing_p_value) = (self.missing_change(), self.missing_p_value());
        let is_evident = |p_value: Option<f64>| p_value.is_some_and(|p_value| p_value <= level);
        let mut because = Vec::new();
        if psi.is_some_and(|psi| decision::PSI_MATTERS <= psi) && is_evident(p_value) {
            because.push("values");
        }
        if MISSING <= missing_change.abs() && is_evident(missing_p_value) {
            because.push("missing");
        }
        let kind = match &self.values {
            Values::Numbers { .. } => "numeric",
            Values::Categories(_) => "categorical",
            Values::Not(why) => why,
        };
        let compared = self.is_compared();
        Decision { drift: !because.is_empty(), because, kind, compared, psi, p_value, missing_change, missing_p_value }
    }

    fn tests(&self, level: f64) -> Tests {
        let mut tests = Tests::new();
        missing(
            &mut tests,
            (self.rows[0] - self.missing(0), self.rows[0]),
            (self.rows[1] - self.missing(1), self.rows[1]),
            level,
        );
        let (n, m) = (self.present[0], self.present[1]);
        match &self.values {
            Values::Not(_) => {}
            Values::Categories(bins) => tests.extend(over_bins(bins, &chi_square(bins), (n, m), level)),
            Values::Numbers { walk, deviation, .. } => {
                tests.extend(over_bins(&walk.bins, &chi_square(&walk.bins), (n, m), level));
                let ks = walk.kolmogorov_smirnov;
                tests.insert("ks", Test::evidence(ks.statistic, ks.p_value, level));
                // without a spread or a deviation there is no distance to compare with its noise either
                let deviation = deviation.filter(|deviation| 0.0 < *deviation);
                let in_deviations = |length: f64| Some(length / deviation?).filter(|length| length.is_finite());
                let noise = Noise::new(n, m, 2, level);
                let floor = walk.spread.and_then(|spread| in_deviations(noise.wasserstein(spread)));
                let moved = walk.moved.and_then(in_deviations);
                tests.insert("wasserstein", Test::distance(moved, DISTANCE, floor.unwrap_or(0.0)));
            }
        }
        tests
    }
}

const ROUGH: &str = "has bins or categories with fewer than 5 expected values: p-values over them are rough";

/// Rows up to which a test of two shares is exact.
const EXACT_ROWS_MAX: u64 = 1_000_000;

/// The chance of two shares as different as these, both ways: Fisher's exact test (the smaller tail twice), for many rows Pearson's.
fn of_shares(shares: [Proportion; 2]) -> f64 {
    let [before, now] = shares;
    if before.count + now.count <= EXACT_ROWS_MAX {
        return (2.0 * fisher_p_value(before, now).min(fisher_p_value(now, before))).min(1.0);
    }
    let counts = |side: Proportion| [side.hits, side.count - side.hits];
    Comparison::new(&counts(before), &counts(now)).map_or(1.0, |bins| chi_square(&bins).p_value)
}

/// The same of two categories or values.
fn of_two(bins: &Comparison) -> f64 {
    let first = bins.reference().iter().zip(bins.current()).position(|(a, b)| 0 < *a + *b).unwrap_or_default();
    let share = |counts: &[u64]| Proportion { hits: counts[first], count: counts.iter().sum() };
    of_shares([share(bins.reference()), share(bins.current())])
}

impl Report {
    /// * `rows`: of the reference and of the current side.
    /// * `alpha`: the chance that any column is called drifted if none is; above 0 and below 1.
    pub fn of(columns: &[Column], rows: [u64; 2], alpha: f64) -> Self {
        let asked = |column: &Column| u64::from(column.p_value().is_some()) + u64::from(column.missing_p_value().is_some());
        let questions: u64 = columns.iter().map(asked).sum();
        let level = alpha / questions.max(1) as f64;
        let decisions: BTreeMap<String, Decision> =
            columns.iter().map(|column| (column.name.clone(), column.decide(level))).collect();
        Self {
            drift: decisions.values().any(|decision| decision.drift),
            alpha,
            level,
            questions,
            given: columns.len() as u64,
            compared: columns.iter().filter(|column| column.is_compared()).count() as u64,
            rows: Sides { reference: rows[0], current: rows[1] },
            columns: columns.iter().map(|column| (column.name.clone(), column.tests(level))).collect(),
            decisions,
        }
    }

    /// The columns that have drifted.
    pub fn drifted(&self) -> impl Iterator<Item = &str> {
        self.decisions.iter().filter(|(_, decision)| decision.drift).map(|(name, _)| name.as_str())
    }

    /// The columns from the largest effect to the least, those that have drifted first.
    pub fn by_effect(&self) -> Vec<(&str, &Decision)> {
        let mut sorted: Vec<(&str, &Decision)> = self.decisions.iter().map(|(name, one)| (name.as_str(), one)).collect();
        let effect = |one: &Decision| one.psi.unwrap_or(0.0).max(one.missing_change.abs());
        sorted.sort_by(|(_, a), (_, b)| b.drift.cmp(&a.drift).then(effect(b).total_cmp(&effect(a))));
        sorted
    }

    /// Why a gate cannot pass on this report though nothing in it has drifted; `None` if enough was compared.
    pub fn too_little(&self) -> Option<String> {
        match (self.compared, self.given) {
            (0, given) => Some(format!("nothing was compared: of {given} columns none has values to compare on both sides")),
            (compared, given) if 2 * compared < given => {
                Some(format!("less than half was compared: {compared} of {given} columns"))
            }
            _ => None,
        }
    }
}
