//! All features of a prediction together, as one number: how badly its row is put together again from what held rows together on the
//! reference (see [`crate::stats::reconstruction`]). That number is a column like any other, so it is binned, counted, judged and shown
//! like the rest, under the same budget.
//!
//! Rows that components were fitted to lie closer to them than rows to come. So they are fitted to one half of the reference, and the bins
//! are those of the errors of the other half, which are as those of later rows if nothing has changed.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::event::Feature;
use crate::monitor::drift::baseline::FEATURES;
use crate::monitor::drift::encoding::Encoding;
use crate::monitor::drift::reference::Row;
use crate::monitor::limits::COMPARED_MIN;
use crate::stats::reconstruction::{FEATURES_MAX, Reference};

/// Components, and how features become the numbers they are made of. At most 64 features, the first of the reference, take part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Multivariate {
    encodings: Vec<Encoding>,
    components: Reference,
}

impl Multivariate {
    /// Fits the components to about one half of `rows`, which hold so many `features`, and gives the errors of the other half by row. `None`
    /// where that half is too small to be compared to, or where nothing is left over by the components: of fewer than two features, or
    /// of features that have nothing to do with each other. Cost: some 30 ms for 10,000 rows of 64 features.
    pub fn freeze(rows: &[&Row], features: usize) -> Option<(Self, Vec<Feature>)> {
        let half: Vec<&Row> = rows.iter().enumerate().filter(|(place, _)| is_fitted(*place)).map(|(_, row)| *row).collect();
        let values = |slot: usize| half.iter().map(move |row| row.values.get(FEATURES + slot).unwrap_or(&Feature::Missing));
        let encodings: Vec<Encoding> = (0..features.min(FEATURES_MAX)).map(|slot| Encoding::shares(values(slot))).collect();
        let encoded = |(slot, encoding): (usize, &Encoding)| values(slot).map(|value| encoding.encode(value)).collect();
        let columns: Vec<Vec<f64>> = encodings.iter().enumerate().map(encoded).collect();
        let varying = columns.iter().filter(|column| varies(column)).count();
        let components = Reference::fit(&columns, half.len()).ok()?;
        let multivariate = Self { encodings, components };
        let error = |(place, row): (usize, &&Row)| match is_fitted(place) {
            true => Feature::Missing,
            false => multivariate.error(row.values[FEATURES..].iter().enumerate()).map_or(Feature::Missing, Feature::Number),
        };
        let errors: Vec<Feature> = rows.iter().enumerate().map(error).collect();
        let known = errors.iter().filter(|error| **error != Feature::Missing).count() as u64;
        let is_telling = (1..varying).contains(&multivariate.components.components_count()) && COMPARED_MIN <= known;
        is_telling.then_some((multivariate, errors))
    }

    /// The error of a row, in standard deviations, from its features by their place in the reference. `None` if none is known.
    #[inline]
    pub fn error<'a>(&self, features: impl Iterator<Item = (usize, &'a Feature)>) -> Option<f64> {
        let mut row = [f64::NAN; FEATURES_MAX];
        for (slot, value) in features {
            if let Some(encoding) = self.encodings.get(slot) {
                row[slot] = encoding.encode(value);
            }
        }
        self.components.error(&row[..self.encodings.len()])
    }
}

/// Which half of the reference a row is in: by a hash of its place, because producers may take turns.
fn is_fitted(place: usize) -> bool {
    xxh3_64(&(place as u64).to_le_bytes()) & 1 == 0
}

fn varies(column: &[f64]) -> bool {
    let mut known = column.iter().filter(|value| value.is_finite());
    let first = known.next();
    known.any(|value| Some(value) != first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    /// Numbers in 0 to 1 that do not look at each other.
    fn noise(seed: u64) -> f64 {
        (xxh3_64(&seed.to_le_bytes()) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn row(number: u64, values: impl IntoIterator<Item = Feature>) -> Row {
        let answer = [Feature::Missing, Feature::Missing];
        let values = answer.into_iter().chain(values).collect();
        Row { at: Timestamp::from_millis(number as i64), cell: 0, confidence: None, values }
    }

    fn freeze(rows: &[Row]) -> Option<(Multivariate, Vec<Feature>)> {
        let features = rows[0].values.len() - FEATURES;
        Multivariate::freeze(&rows.iter().collect::<Vec<_>>(), features)
    }

    #[test]
    fn the_half_that_is_binned_is_as_far_off_as_rows_to_come_and_the_fitted_half_is_not() {
        let rows = |numbers: std::ops::Range<u64>| -> Vec<Row> {
            numbers.map(|number| row(number, (0..40).map(|slot| Feature::Number(noise(number * 64 + slot))))).collect()
        };
        let reference = rows(0..1_000);
        let (multivariate, errors) = freeze(&reference).unwrap();
        let mean = |errors: &[f64]| errors.iter().sum::<f64>() / errors.len() as f64;
        let of = |rows: &[Row]| -> Vec<f64> {
            rows.iter().map(|row| multivariate.error(row.values[FEATURES..].iter().enumerate()).unwrap()).collect()
        };
        let all = of(&reference);
        let half = |fitted: bool| -> Vec<f64> {
            all.iter()
                .zip(&errors)
                .filter(|(_, error)| (**error == Feature::Missing) == fitted)
                .map(|(error, _)| *error)
                .collect()
        };
        let (fitted, held_out, to_come) = (mean(&half(true)), mean(&half(false)), mean(&of(&rows(1_000..9_000))));
        assert!((held_out - to_come).abs() < 0.08, "{held_out} against {to_come}");
        assert!(fitted + 0.15 < held_out, "{fitted} against {to_come}");
    }

    #[test]
    fn categories_hang_together_with_numbers_and_what_names_its_rows_is_left_out() {
        let values = |number: u64, name: &str| {
            let is_large = noise(number) < 0.3;
            let size = if is_large { 3.0 } else { 1.0 } + noise(number + 100_000) / 10.0;
            let kind = Feature::text(if is_large { "large" } else { "small" });
            [Feature::Number(size), kind, Feature::text(name), Feature::Number(noise(number + 200_000))]
        };
        let rows: Vec<Row> = (0..800).map(|number| row(number, values(number, &format!("row {number}")))).collect();
        let (multivariate, _) = freeze(&rows).unwrap();
        assert_eq!(multivariate.encodings[2], Encoding::LeftOut);
        let error = |size: f64, kind: &str| -> f64 {
            let values = [Feature::Number(size), Feature::text(kind), Feature::text("?"), Feature::Number(0.5)];
            multivariate.error(values.iter().enumerate()).unwrap()
        };
        assert!(3.0 * error(3.05, "large").max(error(1.05, "small")) < error(1.05, "large").min(error(3.05, "unheard of")));
    }

    #[test]
    fn features_that_leave_nothing_over_are_not_watched_together() {
        let rows = |count: u64, values: fn(u64) -> Vec<f64>| -> Vec<Row> {
            (0..count).map(|number| row(number, values(number).into_iter().map(Feature::Number))).collect()
        };
        let close = |number: u64| vec![noise(number), noise(number) + noise(number + 5_000) / 10.0];
        assert!(freeze(&rows(1_000, close)).is_some());
        assert!(freeze(&rows(150, close)).is_none(), "the half that is not fitted is too small");
        assert!(freeze(&rows(1_000, |number| vec![noise(number)])).is_none(), "one feature");
        assert!(freeze(&rows(1_000, |number| vec![noise(number), noise(number + 5_000)])).is_none(), "nothing in common");
        assert!(freeze(&rows(1_000, |number| vec![noise(number), 7.0])).is_none(), "one is constant");
        assert!(freeze(&rows(1_000, |_| Vec::new())).is_none(), "no feature");
    }
}
