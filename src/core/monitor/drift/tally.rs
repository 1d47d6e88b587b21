//! The values of every column over some predictions, as counts: what a pane, a reference and a drift window hold alike. Merging two
//! tallies of one baseline gives that of both, in any order.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::event::Feature;
use crate::monitor::drift::baseline::{Baseline, Bins, Column, Group};
use crate::monitor::drift::bin_counts::BinCounts;
use crate::monitor::limits::NEWCOMERS_MAX;
use crate::stats::drift::Edges;
use crate::stats::drift::resolution::reach;
use crate::stats::exact::ExactSum;

/// Predictions counted over the bins of one baseline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// The number of the baseline that first had the bins these are, see [`Baseline::bins`].
    pub baseline: u32,
    pub rows: u64,
    /// Features that the reference did not have.
    pub unexpected: u64,
    /// As many as the baseline has columns.
    pub columns: Vec<ColumnTally>,
}

/// The values of one column. What is in none of its counts was missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnTally {
    /// By bin: of numbers the fine ones; of categories the known ones, then the rest of the reference's, then new ones.
    pub counts: BinCounts,
    /// Text where numbers are expected.
    pub mismatched: u64,
    /// Numbers beyond the least and the greatest of the reference.
    pub out_of_range: u64,
    pub moments: Option<Box<Moments>>,
    pub newcomers: Option<Box<NewCategories>>,
}

/// Sums of numbers, exact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    pub sum: ExactSum,
    pub squares: ExactSum,
    pub least: f64,
    pub greatest: f64,
}

/// Categories that the reference did not have: of all that came those with the smallest hashes, each with its exact count, and so an
/// estimate of how many there are (Bar-Yossef et al. (2002), *RANDOM*, 1–10: the k minimum values).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewCategories {
    /// By hash, ascending; the names may be clipped, see [`Feature::text`].
    kept: Vec<(u64, CompactString, u64)>,
    /// Others have been dropped.
    more: bool,
}

impl Tally {
    pub fn of(baseline: &Baseline) -> Self {
        let columns = baseline.columns.iter().map(|column| ColumnTally::of(&column.bins)).collect();
        Self { baseline: baseline.bins, rows: 0, unexpected: 0, columns }
    }

    /// The rows that `column`, the one at `place`, was asked of. Errors of all features together are known of one half of the reference.
    pub fn rows_of(&self, place: usize, column: &Column) -> u64 {
        if column.group == Group::Multivariate { self.columns[place].present() } else { self.rows }
    }

    /// Adds all of `other`, which is of the same baseline.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.unexpected += other.unexpected;
        self.columns.iter_mut().zip(&other.columns).for_each(|(column, theirs)| column.merge(theirs));
    }
}

impl ColumnTally {
    fn of(bins: &Bins) -> Self {
        Self { counts: BinCounts::over(bins.count()), ..Self::default() }
    }

    /// Counts `value`, a value of the column that has these `bins`.
    #[inline]
    pub fn add(&mut self, bins: &Bins, value: &Feature) {
        match (bins, value) {
            (_, Feature::Missing) => {}
            (Bins::Numeric { edges, low, high, .. }, Feature::Number(number)) => self.add_number(edges, (*low, *high), *number),
            // some producers put numbers in quotes
            (Bins::Numeric { edges, low, high, .. }, Feature::Category(text)) => match in_quotes(text) {
                Some(number) => self.add_number(edges, (*low, *high), number),
                None => self.mismatched += 1,
            },
            (Bins::Categorical { .. }, Feature::Category(name)) => self.add_category(bins, name),
            (Bins::Categorical { .. }, Feature::Number(number)) => self.add_category(bins, &Bins::name_of(*number)),
            (Bins::Identifier, _) => self.counts.add(0),
        }
    }

    #[inline]
    fn add_number(&mut self, edges: &Edges, (low, high): (f64, f64), number: f64) {
        self.counts.add(edges.place(number));
        self.out_of_range += u64::from(number < low - reach(low) || high + reach(high) < number);
        self.moments.get_or_insert_default().add(number);
    }

    pub fn add_category(&mut self, bins: &Bins, name: &str) {
        let place = bins.place_of(name);
        self.counts.add(place);
        if place + 1 == self.counts.bins() {
            self.newcomers.get_or_insert_default().add(name);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.counts.merge(&other.counts);
        self.mismatched += other.mismatched;
        self.out_of_range += other.out_of_range;
        if let Some(theirs) = &other.moments {
            self.moments.get_or_insert_default().merge(theirs);
        }
        if let Some(theirs) = &other.newcomers {
            self.newcomers.get_or_insert_default().merge(theirs);
        }
    }

    /// Values that are of the column's kind.
    pub fn present(&self) -> u64 {
        self.counts.sum()
    }
}

/// The number that a text is, such as `12.50`.
pub fn in_quotes(text: &str) -> Option<f64> {
    let may_be = text.as_bytes().first().is_some_and(|first| first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.'));
    if may_be { text.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
}

impl Default for Moments {
    fn default() -> Self {
        Self { sum: ExactSum::default(), squares: ExactSum::default(), least: f64::MAX, greatest: f64::MIN }
    }
}

impl Moments {
    #[inline]
    fn add(&mut self, value: f64) {
        self.sum.add(value);
        self.squares.add_square(value);
        self.least = self.least.min(value);
        self.greatest = self.greatest.max(value);
    }

    fn merge(&mut self, other: &Self) {
        self.sum.merge(&other.sum);
        self.squares.merge(&other.squares);
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
    }

    /// The mean and the standard deviation (of a population) of `n` values.
    pub fn mean_and_deviation(&self, n: u64) -> (f64, f64) {
        let squared = ExactSum::squared_deviations(&self.sum, &self.squares, n);
        (self.sum.value() / n as f64, (squared / n as f64).max(0.0).sqrt())
    }
}

impl NewCategories {
    fn add(&mut self, name: &str) {
        self.put(xxh3_64(name.as_bytes()), name, 1);
    }

    fn merge(&mut self, other: &Self) {
        self.more |= other.more;
        other.kept.iter().for_each(|(hash, name, count)| self.put(*hash, name, *count));
    }

    fn put(&mut self, hash: u64, name: &str, count: u64) {
        match self.kept.binary_search_by_key(&hash, |(hash, _, _)| *hash) {
            Ok(at) => self.kept[at].2 += count,
            Err(NEWCOMERS_MAX) => self.more = true,
            Err(at) => {
                self.kept.insert(at, (hash, name.into(), count));
                if NEWCOMERS_MAX < self.kept.len() {
                    self.kept.pop();
                    self.more = true;
                }
            }
        }
    }

    /// About how many there are; exact up to [`NEWCOMERS_MAX`].
    pub fn distinct(&self) -> u64 {
        match (self.more, self.kept.last()) {
            (true, Some((largest, _, _))) => {
                ((self.kept.len() - 1) as f64 / ((*largest as f64 + 1.0) / 2.0_f64.powi(64))).round() as u64
            }
            _ => self.kept.len() as u64,
        }
    }

    /// Some of them with their counts, most frequent first.
    pub fn examples(&self) -> Vec<(&str, u64)> {
        let mut examples: Vec<(&str, u64)> = self.kept.iter().map(|(_, name, count)| (name.as_str(), *count)).collect();
        examples.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        examples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_quotes_counts_as_the_number() {
        let number = |value: f64| Feature::Number(value);
        let baseline = Bins::categorical([Feature::text("12.5"), Feature::text("n.a.")].iter().cycle().take(40));
        let mut tally = ColumnTally::of(&baseline);
        [Feature::text("12.50"), number(12.5), Feature::text("12.5")].iter().for_each(|value| tally.add(&baseline, value));
        assert_eq!(tally.counts.to_vec().into_iter().max(), Some(3), "one category, however it is written");
        let values: Vec<Feature> = (0..200).map(|step| number(f64::from(step % 50) / 4.0)).collect();
        let bins = Bins::numeric(values.iter());
        let mut tally = ColumnTally::of(&bins);
        [Feature::text("12.50"), number(12.5), Feature::text("n.a.")].iter().for_each(|value| tally.add(&bins, value));
        assert_eq!((tally.present(), tally.mismatched), (2, 1));
    }
}
