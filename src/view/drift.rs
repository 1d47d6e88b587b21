//! Two tables side by side: every test of every column, for files as for windows. Knows no file format.
//!
//! A column is numeric if the values of the reference are numbers, all but a twentieth; text in it then counts as missing, on both
//! sides. Any other is categorical, and numbers in it are names too. What was done about a column that is not plain is told in the
//! notes of the report.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::monitor::drift::baseline::Bins;
use crate::monitor::drift::tally::ColumnTally;
use crate::monitor::limits::COMPARED_MIN;
use crate::stats::drift::homogeneity::{Homogeneity, chi_square};
use crate::stats::drift::noise::Noise;
use crate::stats::drift::{Comparison, Edges, Sample, evidence, kolmogorov_smirnov, wasserstein};

/// PSI from which custom acts (Siddiqi (2006), *Credit Risk Scorecards*); it watches from 0.1.
pub const PSI_ACT: f64 = 0.25;
/// What the other distances count as drift from, where noise alone does not reach that far: Evidently's and NannyML's default.
pub const DISTANCE: f64 = 0.1;
/// By how much the share of missing values must have changed, if the change is evident too.
pub const MISSING: f64 = 0.01;

/// A categorical column with more categories than this, and on each side more than half as many as values, names its rows.
const IDENTIFIERS_MIN: usize = 50;

/// One value of a record, or none.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Missing,
    /// Not finite ones are counted as missing and told.
    Number(f64),
    Category(String),
}

/// The values of one column in any order.
#[derive(Clone, Debug, Default, PartialEq)]
struct Column {
    numbers: Vec<f64>,
    categories: BTreeMap<String, u64>,
    not_finite: u64,
}

/// Records by column. A column that a record does not have is missing there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    columns: BTreeMap<String, Column>,
    rows: u64,
}

/// One test of one column.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Test {
    /// `None` where it is not defined, such as a distance in standard deviations of a constant.
    pub statistic: Option<f64>,
    /// `None` for a distance that has none.
    pub p_value: Option<f64>,
    /// What `drift` was decided by: for [`Self::EVIDENCE`] the level that the p-value is below, else the distance that the statistic
    /// reaches.
    pub threshold: f64,
    pub drift: bool,
}

/// Every test of every column.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    pub columns: BTreeMap<String, BTreeMap<&'static str, Test>>,
    /// What a reader should know about single columns, in sentences.
    #[serde(skip)]
    pub notes: Vec<String>,
}

impl Table {
    pub fn add(&mut self, record: impl IntoIterator<Item = (String, Cell)>) {
        self.rows += 1;
        for (name, cell) in record {
            let column = self.columns.entry(name).or_default();
            match cell {
                Cell::Missing => {}
                Cell::Number(number) if number.is_finite() => column.numbers.push(number + 0.0),
                Cell::Number(_) => column.not_finite += 1,
                Cell::Category(name) => *column.categories.entry(name).or_default() += 1,
            }
        }
    }

    pub const fn rows(&self) -> u64 {
        self.rows
    }
}

impl Column {
    fn numbers(&self) -> u64 {
        self.numbers.len() as u64
    }

    fn texts(&self) -> u64 {
        self.categories.values().sum()
    }

    fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.categories.is_empty()
    }

    /// Whether its values are numbers, all but a twentieth.
    fn is_numeric(&self) -> bool {
        19 * self.texts() <= self.numbers()
    }

    /// Its values as categories, numbers by their shortest text.
    fn as_categories(&self) -> BTreeMap<String, u64> {
        let mut categories = self.categories.clone();
        self.numbers.iter().for_each(|number| *categories.entry(number.to_string()).or_default() += 1);
        categories
    }
}

impl Test {
    /// Tests that are decided by their p-value.
    pub const EVIDENCE: [&str; 2] = ["ks", "chi_square"];

    fn evidence(statistic: f64, p_value: f64, level: f64) -> Self {
        Self { statistic: Some(statistic), p_value: Some(p_value), threshold: level, drift: p_value < level }
    }

    fn distance(statistic: Option<f64>, customary: f64, noise: f64) -> Self {
        let threshold = customary.max(noise);
        Self { statistic, p_value: None, threshold, drift: statistic.is_some_and(|statistic| threshold <= statistic) }
    }
}

impl Report {
    /// Whether any test of any column says drift.
    pub fn drifts(&self) -> bool {
        self.columns.values().flat_map(BTreeMap::values).any(|verdict| verdict.drift)
    }
}

/// Every test of every column that either side has.
///
/// * `alpha`: the chance of a false alarm of each test, shared out over the columns (Bonferroni); above 0 and below 1. Tests of
///   evidence compare their p-value to `alpha / columns`; thresholds of distances are raised to what noise exceeds with that chance.
pub fn compare(reference: &Table, current: &Table, alpha: f64) -> Report {
    let names: BTreeSet<&String> = reference.columns.keys().chain(current.columns.keys()).collect();
    let level = alpha / names.len().max(1) as f64;
    let mut report = Report::default();
    let absent = Column::default();
    for name in names {
        let side = |table: &'_ Table| table.columns.contains_key(name);
        match (side(reference), side(current)) {
            (true, false) => report.note(name, "is not in the current data: all of it counts as missing"),
            (false, true) => report.note(name, "is not in the reference: all of it counts as missing"),
            _ => {}
        }
        let here = reference.columns.get(name).unwrap_or(&absent);
        let there = current.columns.get(name).unwrap_or(&absent);
        let not_finite = here.not_finite + there.not_finite;
        if 0 < not_finite {
            report.note(name, &format!("holds {not_finite} values that are not finite: they count as missing"));
        }
        let numeric = if here.is_empty() { there.is_numeric() } else { here.is_numeric() };
        let texts = here.texts() + there.texts();
        if numeric && 0 < texts {
            report.note(name, &format!("is numeric and holds {texts} values that are no numbers: they count as missing"));
        }
        let present = |side: &Column| if numeric { side.numbers() } else { side.numbers() + side.texts() };
        let mut tests = Tests::new();
        missing(&mut tests, (present(here), reference.rows), (present(there), current.rows), level);
        if present(here) == 0 || present(there) == 0 {
            report.note(name, "has no value on one side at least: there is nothing to compare");
        } else if numeric {
            report.numeric(name, here, there, level, &mut tests);
        } else {
            report.categorical(name, here, there, level, &mut tests);
        }
        report.columns.insert(name.clone(), tests);
    }
    report
}

impl Report {
    fn note(&mut self, name: &str, what: &str) {
        self.notes.push(format!("column {name:?} {what}"));
    }

    fn numeric(&mut self, name: &str, here: &Column, there: &Column, level: f64, tests: &mut Tests) {
        let samples = Sample::of(here.numbers.iter().copied()).zip(Sample::of(there.numbers.iter().copied()));
        let (reference, current) = samples.expect("a column of finite numbers with some on both sides");
        if reference.is_constant() {
            self.note(name, "has one distinct value in the reference: its bins are below, at and above it");
        }
        let edges = Edges::frozen(&reference);
        let bins =
            Comparison::new(&edges.counts(&reference), &edges.counts(&current)).expect("both are counted over one set of bins");
        self.binned(name, &bins, level, tests);
        let ks = kolmogorov_smirnov::test(&reference, &current);
        tests.insert("ks", Test::evidence(ks.statistic, ks.p_value, level));
        let noise = Noise::new(reference.count(), current.count(), 2, level);
        // without a spread or a deviation there is no distance to hold against its noise either
        let in_deviations =
            |noise: f64| reference.deviation().map(|deviation| noise / deviation).filter(|noise| noise.is_finite());
        let floor = wasserstein::spread(&reference, &current).and_then(|spread| in_deviations(noise.wasserstein(spread)));
        let moved = wasserstein::normalised(&reference, &current);
        tests.insert("wasserstein", Test::distance(moved, DISTANCE, floor.unwrap_or(0.0)));
    }

    fn categorical(&mut self, name: &str, here: &Column, there: &Column, level: f64, tests: &mut Tests) {
        let numbers = here.numbers() + there.numbers();
        if 0 < numbers {
            self.note(name, &format!("holds text and {numbers} numbers: all of them count as categories"));
        }
        let (reference, current) = (here.as_categories(), there.as_categories());
        let categories: BTreeSet<&String> = reference.keys().chain(current.keys()).collect();
        let names_rows = |side: &BTreeMap<String, u64>| side.values().sum::<u64>() < 2 * side.len() as u64;
        if IDENTIFIERS_MIN < categories.len() && names_rows(&reference) && names_rows(&current) {
            self.note(name, &format!("has {} categories: it names rows and is not compared", categories.len()));
            return;
        }
        let counts = |side: &BTreeMap<String, u64>| -> Vec<u64> {
            categories.iter().map(|category| side.get(*category).copied().unwrap_or_default()).collect()
        };
        let bins =
            Comparison::new(&counts(&reference), &counts(&current)).expect("both are counted over one set of categories");
        self.binned(name, &bins, level, tests);
    }

    /// The tests over bins or categories.
    fn binned(&mut self, name: &str, bins: &Comparison, level: f64, tests: &mut Tests) {
        let (n, m) = (bins.reference().iter().sum(), bins.current().iter().sum());
        let test = chi_square(bins);
        if 0 < test.degrees && test.expected_min < 5.0 {
            self.note(name, "has bins or categories with fewer than 5 expected values: p-values over them are rough");
        }
        tests.extend(over_bins(bins, &test, (n, m), level));
    }
}

/// The tests over bins or categories.
fn over_bins(bins: &Comparison, test: &Homogeneity, (n, m): (u64, u64), level: f64) -> [(&'static str, Test); 9] {
    let noise = Noise::new(n, m, test.degrees + 1, level);
    let smooth = bins.add_half();
    // What empty bins add beyond half a count is no evidence: with few values most bins are empty by chance.
    let distance = |customary: f64, of: fn(&Comparison) -> f64, noise: f64| {
        let beyond_half = (of(bins) - of(&smooth)).max(0.0);
        Test::distance(Some(of(bins)), customary, noise + beyond_half)
    };
    let plain = |of: fn(&Comparison) -> f64, noise: f64| Test::distance(Some(of(bins)), DISTANCE, noise);
    let by_size = match test.degrees {
        // with one bin there is no noise, and what half a count in the others adds is no distance
        0 => Test { p_value: Some(1.0), ..Test::distance(Some(smooth.psi()), PSI_ACT, 0.0) },
        _ => Test { p_value: Some(noise.psi_tail(smooth.psi())), ..Test::distance(Some(smooth.psi()), 0.0, noise.psi()) },
    };
    [
        ("chi_square", Test::evidence(test.statistic, test.p_value, level)),
        ("psi", distance(PSI_ACT, Comparison::psi, noise.psi())),
        ("psi_add_half", by_size),
        ("jensen_shannon", distance(DISTANCE, Comparison::jensen_shannon, noise.jensen_shannon())),
        ("jensen_shannon_nats", distance(DISTANCE, Comparison::jensen_shannon_nats, noise.jensen_shannon_nats())),
        ("hellinger", distance(DISTANCE, Comparison::hellinger, noise.hellinger())),
        ("kullback_leibler", distance(DISTANCE, Comparison::kullback_leibler, noise.kullback_leibler())),
        // bounds from above, whatever the bins hold
        ("total_variation", plain(Comparison::total_variation, noise.total_variation())),
        ("l_infinity", plain(Comparison::l_infinity, noise.total_variation())),
    ]
}

/// Every test of one column of the stream, of which counts over frozen bins are known and no values. Each side with its rows. Empty where
/// a side has fewer values than are compared.
///
/// * `level`: the chance of a false alarm of each test.
pub fn of_bins(bins: &Bins, reference: (&ColumnTally, u64), current: (&ColumnTally, u64), level: f64) -> Tests {
    let mut tests = Tests::new();
    let ((before, rows_before), (now, rows_now)) = (reference, current);
    let (n, m) = (before.present(), now.present());
    if rows_before == 0 || rows_now == 0 || before.present() + before.mismatched == 0 {
        return tests;
    }
    missing(&mut tests, (n.min(rows_before), rows_before), (m.min(rows_now), rows_now), level);
    if n < COMPARED_MIN || m < COMPARED_MIN {
        return tests;
    }
    let coarse = Comparison::new(&bins.coarse(&before.counts), &bins.coarse(&now.counts)).expect("both sides hold values");
    tests.extend(over_bins(&coarse, &chi_square(&coarse), (n, m), level));
    if let Bins::Numeric { edges, .. } = bins {
        let fine = Comparison::new(&before.counts, &now.counts).expect("both sides hold values");
        let distance = evidence::binned_distance(&fine);
        tests.insert("ks", Test::evidence(distance, kolmogorov_smirnov::limit_p_value(distance, n, m), level));
        let side = |tally: &ColumnTally, n: u64| {
            let moments = tally.moments.as_ref()?;
            let (mean, deviation) = moments.mean_and_deviation(n);
            Some((mean, deviation, moments.least, moments.greatest))
        };
        let moved = side(before, n).zip(side(now, m)).and_then(|(before, now)| {
            let ends = (before.2.min(now.2), before.3.max(now.3));
            let moved = wasserstein::of_bins(&fine, edges.interior(), ends, (before.0, now.0)) / before.1;
            moved.is_finite().then_some(moved)
        });
        // the distance of two samples of one normal law is about 1.2 √(1/n + 1/m) deviations; its noise is taken from above
        let noise = Noise::new(n, m, 2, level).wasserstein(1.26);
        tests.insert("wasserstein", Test::distance(moved, DISTANCE, noise));
    }
    tests
}

type Tests = BTreeMap<&'static str, Test>;

/// How the share of missing values has changed; left out if nothing is missing on either side. Each side as (present, rows).
fn missing(tests: &mut Tests, reference: (u64, u64), current: (u64, u64), level: f64) {
    let counts = |(present, rows): (u64, u64)| [present, rows - present];
    let Ok(comparison) = Comparison::new(&counts(reference), &counts(current)) else { return };
    if comparison.reference()[1] == 0 && comparison.current()[1] == 0 {
        return;
    }
    let p_value = chi_square(&comparison).p_value;
    let by_size = Test::distance(Some(comparison.total_variation()), MISSING, 0.0);
    tests.insert("missing", Test { p_value: Some(p_value), drift: by_size.drift && p_value < level, ..by_size });
}
