//! The frozen summary of a reference window: which columns there are, the bins of each, and how the reference falls into them.

use std::collections::BTreeMap;

use compact_str::{CompactString, ToCompactString};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::event::Feature;
use crate::monitor::drift::bin_counts::BinCounts;
use crate::monitor::drift::binned::Binned;
use crate::monitor::drift::multivariate::Multivariate;
use crate::monitor::drift::reference::Row;
use crate::monitor::drift::tally::{Tally, in_quotes};
use crate::monitor::limits::{CATEGORIES_KNOWN_MAX, CATEGORIES_MAX};
use crate::stats::drift::{Edges, Sample};
use crate::time::Timestamp;

/// Fine bins of a numeric column: quantiles are read back to within a sixtieth of the reference, deciles are among their edges.
const FINE_BINS: u32 = 60;

/// A numeric column with at most this many distinct values in its reference has a bin for each of them; Evidently's rule.
const DISTINCT_MAX: usize = 20;

/// A categorical column with more categories than this, and more than half as many as values, names its rows and is not compared.
const IDENTIFIERS_MIN: usize = 50;

/// The columns that are not features come first.
pub const PREDICTION: usize = 0;
pub const SCORE: usize = 1;
/// Place of the first feature.
pub const FEATURES: usize = 2;

/// What later predictions of a version are compared to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Unique within a model, see [`Self::number_of`].
    pub number: u32,
    /// The number of the baseline that first had these bins: counts over its bins are counts over those of this one.
    pub bins: u32,
    pub origin: Origin,
    pub rows: u64,
    /// Event times of the first and the last row.
    pub from: Timestamp,
    pub to: Timestamp,
    /// The prediction, the score, the features and then, where there is one, the column of [`Self::multivariate`].
    pub columns: Vec<Column>,
    pub multivariate: Option<Multivariate>,
    /// The reference in its own bins, by cell ascending, so that a segment is compared to itself.
    pub cells: Vec<(u16, Binned)>,
}

/// Where the rows of a baseline came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The first predictions of a version.
    #[default]
    FirstRows,
    /// The predictions that followed a command.
    Collected,
    /// A training set that was uploaded.
    Uploaded,
    /// Minutes of the past that begin in `[from, until)`.
    Range { from: Timestamp, until: Timestamp },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Of a feature its own; that of the group for those that are none.
    pub name: CompactString,
    pub group: Group,
    pub bins: Bins,
    /// Mean stated confidence of the reference by coarse bin; empty if none was stated.
    pub confidence: Vec<f64>,
}

/// What a column is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    Prediction,
    Score,
    Feature,
    /// Of all features together.
    Multivariate,
}

/// How the values of a column are counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Bins {
    Numeric {
        /// Fine bins, for order and quantiles.
        edges: Edges,
        /// The bin of PSI and its kin that each fine bin lies in.
        coarse: Vec<u8>,
        /// Least and greatest of the reference.
        low: f64,
        high: f64,
    },
    Categorical {
        /// The most frequent, by name.
        names: Vec<CompactString>,
        /// Hashes of the others, ascending.
        rest: Vec<u32>,
    },
    /// Nearly every row has a value of its own: present or not is all that is counted.
    Identifier,
}

impl Group {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prediction => "prediction",
            Self::Score => "score",
            Self::Feature => "feature",
            Self::Multivariate => "multivariate",
        }
    }
}

impl Baseline {
    /// Freezes `rows`, of which each holds the prediction, the score and then the features called `names`.
    ///
    /// * `classifies`: predictions that are numbers are classes.
    pub fn freeze(number: u32, origin: Origin, names: &[CompactString], rows: &[&Row], classifies: bool) -> Self {
        let fixed = [Group::Prediction, Group::Score].map(|group| (group, CompactString::const_new(group.as_str())));
        let features = names.iter().map(|name| (Group::Feature, name.clone()));
        let mut columns: Vec<Column> = fixed
            .into_iter()
            .chain(features)
            .enumerate()
            .map(|(place, named)| Column::freeze(named, place, rows, classifies && place == PREDICTION))
            .collect();
        let (multivariate, errors) = Multivariate::freeze(rows, names.len()).unzip();
        columns.extend(errors.as_ref().map(|errors| Column::multivariate(errors)));
        let times = || rows.iter().map(|row| row.at);
        let (from, to) = (times().min().unwrap_or_default(), times().max().unwrap_or_default());
        let mut baseline =
            Self { number, bins: number, origin, rows: rows.len() as u64, from, to, columns, multivariate, cells: Vec::new() };
        let mut cells: BTreeMap<u16, Tally> = BTreeMap::new();
        for (place, row) in rows.iter().enumerate() {
            let tally = cells.entry(row.cell).or_insert_with(|| Tally::of(&baseline));
            tally.rows += 1;
            for ((column, tally), value) in baseline.columns.iter().zip(&mut tally.columns).zip(row.values.iter()) {
                tally.add(&column.bins, value);
            }
            if let (Some(errors), Some(column), Some(tally)) = (&errors, baseline.columns.last(), tally.columns.last_mut()) {
                tally.add(&column.bins, &errors[place]);
            }
        }
        baseline.cells = cells.into_iter().map(|(cell, tally)| (cell, Binned::packed(tally))).collect();
        baseline
    }

    /// The number of a track's `nth` baseline, which counts from 1.
    pub const fn number_of(track: u16, nth: u32) -> u32 {
        (track as u32) << 16 | nth
    }

    /// The track of the baseline of that number.
    pub const fn track_of(number: u32) -> u16 {
        (number >> 16) as u16
    }

    /// The reference of the cells that `of` lets through; without a row if it has none of them.
    pub fn tally(&self, of: impl Fn(u16) -> bool) -> Tally {
        let mut total = Tally::of(self);
        self.cells.iter().filter(|(cell, _)| of(*cell)).for_each(|(_, tally)| total.merge(&tally.read()));
        total
    }

    /// Packs its counts.
    pub fn pack(&mut self) {
        self.cells.iter_mut().for_each(|(_, tally)| tally.pack());
    }

    /// The place of a feature's column.
    pub fn place_of(&self, feature: &str) -> Option<usize> {
        let is_it = |column: &Column| column.group == Group::Feature && column.name == feature;
        self.columns.iter().position(is_it)
    }
}

impl Column {
    fn freeze((group, name): (Group, CompactString), place: usize, rows: &[&Row], categorical: bool) -> Self {
        let values = || rows.iter().filter_map(|row| row.values.get(place));
        let numeric = !categorical && are_numbers(values());
        let bins = if numeric { Bins::numeric(values()) } else { Bins::categorical(values()) };
        let mut column = Self { name, group, bins, confidence: Vec::new() };
        column.confidence = column.mean_confidence(place, rows);
        column
    }

    fn multivariate(errors: &[Feature]) -> Self {
        let group = Group::Multivariate;
        let bins = Bins::numeric(errors.iter());
        Self { name: CompactString::const_new(group.as_str()), group, bins, confidence: Vec::new() }
    }

    /// What is said to have moved when this column has.
    pub fn subject(&self) -> String {
        if self.group == Group::Feature { format!("feature/{}", self.name) } else { self.name.to_string() }
    }

    /// Sums in the order of the rows: the same on every replay.
    fn mean_confidence(&self, place: usize, rows: &[&Row]) -> Vec<f64> {
        let mut sums = vec![(0.0, 0_u64); self.bins.coarse_count()];
        for row in rows {
            let (Some(value), Some(confidence)) = (row.values.get(place), row.confidence) else { continue };
            if let Some(bin) = self.bins.coarse_place(value) {
                sums[bin] = (sums[bin].0 + confidence, sums[bin].1 + 1);
            }
        }
        if sums.iter().all(|(_, n)| *n == 0) {
            return Vec::new();
        }
        sums.into_iter().map(|(sum, n)| if n == 0 { 0.0 } else { sum / n as f64 }).collect()
    }
}

impl Bins {
    pub(super) fn numeric<'a>(values: impl Iterator<Item = &'a Feature>) -> Self {
        let numbers = values.filter_map(|value| if let Feature::Number(number) = value { Some(*number) } else { None });
        let Some(sample) = Sample::of(numbers) else {
            // nothing but missing values: whatever comes is above nothing
            return Self::Numeric { edges: Edges::default(), coarse: vec![0], low: 0.0, high: 0.0 };
        };
        let mut distinct = sample.values().to_vec();
        distinct.dedup();
        // whoever serves in 32-bit floats what was trained in 64-bit ones must not drift by that
        let edges = Edges::fine(&sample, FINE_BINS).apart(&sample);
        let coarse = if distinct.len() <= DISTINCT_MAX { edges.clone() } else { Edges::frozen(&sample).apart(&sample) };
        Self::Numeric { coarse: edges.within(&coarse), edges, low: sample.least(), high: sample.greatest() }
    }

    pub fn categorical<'a>(values: impl Iterator<Item = &'a Feature>) -> Self {
        let mut counts: BTreeMap<CompactString, u64> = BTreeMap::new();
        for value in values {
            match value {
                Feature::Missing => {}
                Feature::Category(name) => *counts.entry(name.clone()).or_default() += 1,
                Feature::Number(number) => *counts.entry(Self::name_of(*number)).or_default() += 1,
            }
        }
        let present: u64 = counts.values().sum();
        if IDENTIFIERS_MIN < counts.len() && present < 2 * counts.len() as u64 {
            return Self::Identifier;
        }
        let mut by_count: Vec<(CompactString, u64)> = counts.into_iter().collect();
        by_count.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let rest = by_count.split_off(by_count.len().min(CATEGORIES_MAX));
        let mut names: Vec<CompactString> = by_count.into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        let mut rest: Vec<u32> = rest.iter().take(CATEGORIES_KNOWN_MAX).map(|(name, _)| short_hash(name)).collect();
        rest.sort_unstable();
        Self::Categorical { names, rest }
    }

    /// A number as the category it is among names.
    pub fn name_of(number: f64) -> CompactString {
        number.to_compact_string()
    }

    pub fn count(&self) -> usize {
        match self {
            Self::Numeric { edges, .. } => edges.interior().len() + 1,
            Self::Categorical { names, .. } => names.len() + 2,
            Self::Identifier => 1,
        }
    }

    /// Bins of PSI and its kin.
    pub fn coarse_count(&self) -> usize {
        match self {
            Self::Numeric { coarse, .. } => coarse.last().map_or(1, |last| usize::from(*last) + 1),
            other => other.count(),
        }
    }

    /// Counts over the coarse bins from those over [`Self::count`] bins.
    pub fn coarse(&self, counts: &BinCounts) -> Vec<u64> {
        let counts = counts.to_vec();
        match self {
            Self::Numeric { coarse, .. } => {
                let mut sums = vec![0; self.coarse_count()];
                counts.into_iter().zip(coarse).for_each(|(count, bin)| sums[usize::from(*bin)] += count);
                sums
            }
            _ => counts,
        }
    }

    /// The bin of a category: its own, that of the reference's rest, or that of new ones.
    pub fn place_of(&self, name: &str) -> usize {
        let Self::Categorical { names, rest } = self else { return 0 };
        match names.binary_search_by(|known| known.as_str().cmp(name)) {
            Ok(at) => at,
            Err(_) if rest.binary_search(&short_hash(name)).is_ok() => names.len(),
            // `12.50` and 12.5 are one number, and so one name
            Err(_) => match in_quotes(name).map(Self::name_of).filter(|plain| plain != name) {
                Some(plain) => self.place_of(&plain),
                None => names.len() + 1,
            },
        }
    }

    fn coarse_place(&self, value: &Feature) -> Option<usize> {
        match (self, value) {
            (Self::Numeric { edges, coarse, .. }, Feature::Number(number)) => Some(coarse[edges.place(*number)].into()),
            (Self::Categorical { .. }, Feature::Category(name)) => Some(self.place_of(name)),
            (Self::Categorical { .. }, Feature::Number(number)) => Some(self.place_of(&Self::name_of(*number))),
            _ => None,
        }
    }

    /// numeric, categorical or identifier.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Numeric { .. } => "numeric",
            Self::Categorical { .. } => "categorical",
            Self::Identifier => "identifier",
        }
    }

    pub const fn is_numeric(&self) -> bool {
        matches!(self, Self::Numeric { .. })
    }
}

/// Whether the values of a column are numbers; as for files, see `view::drift`: if all but a twentieth are.
pub fn are_numbers<'a>(values: impl Iterator<Item = &'a Feature>) -> bool {
    let (mut numbers, mut texts) = (0_u64, 0_u64);
    for value in values {
        numbers += u64::from(matches!(value, Feature::Number(_)));
        texts += u64::from(matches!(value, Feature::Category(_)));
    }
    19 * texts <= numbers
}

fn short_hash(name: &str) -> u32 {
    xxh3_64(name.as_bytes()) as u32
}
