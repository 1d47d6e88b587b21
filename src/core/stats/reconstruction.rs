//! Drift of many features together: how badly rows are put together again from what mattered on the reference.
//!
//! Principal components of the standardised reference that hold 65 % of its variance are kept; a row's error is how far it lies from
//! them. It grows when features stop moving together as they did, even if each alone looks the same. The method and its conventions
//! are NannyML's (0.13, `DataReconstructionDriftCalculator`). It does not see a shift along the components that are kept.
//!
//! Features are numbers. A category goes in as its share of the reference (count encoding), which the caller knows.

use serde::{Deserialize, Serialize};

use super::eigen;
use super::exact::ExactSum;
use super::expected::{Expected, Thresholds};

/// A row has at most so many features.
pub const FEATURES_MAX: usize = 64;
/// The share of variance that the components kept must exceed.
const VARIANCE_KEPT: f64 = 0.65;
/// Larger values are taken as missing: their squares would be beyond the largest float.
const VALUE_MAX: f64 = 1e150;
const ERROR: (f64, f64) = (0.0, f64::INFINITY);

/// A fitted reference: at most 25 KB serialised with 64 features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    features: Vec<Standard>,
    /// Unit vectors in standardised features.
    components: Vec<Vec<f64>>,
    thresholds: Option<Thresholds>,
}

/// How a feature is made to have mean 0 and deviation 1 on the reference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Standard {
    mean: f64,
    /// The standard deviation as a population, or 1 for a constant.
    scale: f64,
}

/// Why nothing can be fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("there is no reference row")]
    NoRows,
    #[error("feature {feature} has {values} values for {rows} rows")]
    Uneven { feature: usize, values: usize, rows: usize },
    #[error("{features} features are more than {FEATURES_MAX}")]
    TooWide { features: usize },
}

/// The errors of a window: a commutative group, some 130 bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    count: i64,
    errors: ExactSum,
    squares: ExactSum,
}

impl Reference {
    /// Fits the components over all rows, and thresholds over consecutive chunks of `chunk_rows` rows (the last may be short): mean
    /// ± 3 deviations of their mean errors.
    ///
    /// * `columns`: at least one, at most [`FEATURES_MAX`], of equal length. What is not finite, or beyond ±10¹⁵⁰, is missing and counts
    ///   as the mean of the others.
    /// * Errors: [`Error`]. Cost: O(rows features²) and an eigenproblem.
    pub fn fit(columns: &[Vec<f64>], chunk_rows: usize) -> Result<Self, Error> {
        let rows = columns.first().map_or(0, Vec::len);
        if FEATURES_MAX < columns.len() {
            return Err(Error::TooWide { features: columns.len() });
        }
        if let Some(feature) = columns.iter().position(|column| column.len() != rows) {
            return Err(Error::Uneven { feature, values: columns[feature].len(), rows });
        }
        if rows == 0 {
            return Err(Error::NoRows);
        }
        let features: Vec<Standard> = columns.iter().map(|column| Standard::of(column)).collect();
        let standard: Vec<Vec<f64>> = features
            .iter()
            .zip(columns)
            .map(|(feature, column)| column.iter().map(|value| feature.apply(*value)).collect())
            .collect();
        let covariance = |one: &[f64], other: &[f64]| product(one, other) / rows as f64;
        let covariance = standard.iter().map(|one| standard.iter().map(|other| covariance(one, other)).collect()).collect();
        let mut reference = Self { features, components: leading(eigen::symmetric(covariance)), thresholds: None };
        let errors: Vec<f64> = (0..rows)
            .filter_map(|row| reference.error(&columns.iter().map(|column| column[row]).collect::<Vec<f64>>()))
            .collect();
        let means: Vec<f64> =
            errors.chunks(chunk_rows.max(1)).map(|chunk| chunk.iter().sum::<f64>() / chunk.len() as f64).collect();
        reference.thresholds = Thresholds::of_chunks(&means, ERROR);
        Ok(reference)
    }

    /// How many components are kept.
    pub const fn components_count(&self) -> usize {
        self.components.len()
    }

    /// What is ordinary for the mean error of a chunk of the reference; `None` below two chunks.
    pub const fn thresholds(&self) -> Option<Thresholds> {
        self.thresholds
    }

    /// The Euclidean distance, in standard deviations, of `row` from what its components put together; features that are missing or
    /// left out count as the mean. `None` if none is there. Cost: O(features × components).
    pub fn error(&self, row: &[f64]) -> Option<f64> {
        if !row.iter().take(self.features.len()).any(|value| is_known(*value)) {
            return None;
        }
        let mut standard = [0.0; FEATURES_MAX];
        for ((standard, feature), value) in standard.iter_mut().zip(&self.features).zip(row) {
            *standard = feature.apply(*value);
        }
        let standard = &standard[..self.features.len()];
        let mut rest = [0.0; FEATURES_MAX];
        let rest = &mut rest[..standard.len()];
        rest.copy_from_slice(standard);
        for component in &self.components {
            let along = product(component, standard);
            rest.iter_mut().zip(component).for_each(|(rest, axis)| *rest -= along * axis);
        }
        Some(rest.iter().map(|rest| rest * rest).sum::<f64>().sqrt().min(f64::MAX))
    }

    /// The mean error of a window with its band (± 3 standard errors of its own rows) and whether it is out of the ordinary; `None` if
    /// it has no rows.
    pub fn expect(&self, window: &Sums) -> Option<Expected> {
        let rows = u64::try_from(window.count).ok().filter(|rows| 0 < *rows)?;
        let count = rows as f64;
        let deviations = ExactSum::squared_deviations(&window.errors, &window.squares, rows);
        let error = (1 < rows).then(|| (deviations / (count - 1.0) / count).sqrt());
        Some(Expected::new(window.errors.value() / count, error, rows, ERROR, self.thresholds))
    }
}

impl Standard {
    fn of(column: &[f64]) -> Self {
        let known: Vec<f64> = column.iter().copied().filter(|value| is_known(*value)).collect();
        let Some(first) = known.first() else { return Self { mean: 0.0, scale: 1.0 } };
        let count = known.len() as f64;
        let mean = known.iter().map(|value| value / count).sum::<f64>();
        let deviation = known.iter().map(|value| (value - mean) * ((value - mean) / count)).sum::<f64>().sqrt();
        // Rounding of the mean must not give a constant a spread.
        let is_constant = known.iter().all(|value| value == first) || deviation < f64::MIN_POSITIVE;
        if is_constant { Self { mean: *first, scale: 1.0 } } else { Self { mean, scale: deviation } }
    }

    fn apply(self, value: f64) -> f64 {
        if is_known(value) { ((value - self.mean) / self.scale).clamp(-VALUE_MAX, VALUE_MAX) } else { 0.0 }
    }
}

impl Sums {
    /// Adds the error of a row.
    #[inline]
    pub fn add(&mut self, error: f64) {
        self.count += 1;
        self.errors.add(error);
        self.squares.add_square(error);
    }

    /// Takes it out again.
    #[inline]
    pub fn sub(&mut self, error: f64) {
        self.count -= 1;
        self.errors.sub(error);
        self.squares.sub_square(error);
    }

    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.errors.merge(&other.errors);
        self.squares.merge(&other.squares);
    }

    pub fn unmerge(&mut self, other: &Self) {
        self.count -= other.count;
        self.errors.unmerge(&other.errors);
        self.squares.unmerge(&other.squares);
    }
}

/// The inner product, summed up in four lanes.
#[inline]
fn product(one: &[f64], other: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (ones, others) = (one.chunks_exact(4), other.chunks_exact(4));
    let rest: f64 = ones.remainder().iter().zip(others.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in ones.zip(others) {
        lanes.iter_mut().zip(x.iter().zip(y)).for_each(|(lane, (x, y))| *lane += x * y);
    }
    lanes[0] + lanes[1] + (lanes[2] + lanes[3]) + rest
}

fn is_known(value: f64) -> bool {
    value.abs() <= VALUE_MAX
}

/// The fewest leading vectors whose eigenvalues make up more than [`VARIANCE_KEPT`] of all (scikit-learn's `PCA(n_components=0.65)`).
fn leading(pairs: Vec<(f64, Vec<f64>)>) -> Vec<Vec<f64>> {
    let all: f64 = pairs.iter().map(|(value, _)| value.max(0.0)).sum();
    let (mut kept, mut components) = (0.0, Vec::new());
    for (value, vector) in pairs {
        if VARIANCE_KEPT * all < kept || value <= 0.0 {
            break;
        }
        kept += value;
        components.push(vector);
    }
    components
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Six features that move together, one of them constant, made by a formula.
    fn columns() -> Vec<Vec<f64>> {
        let spread = [0.618_033_988_749_895, 0.754_877_666_246_692_7, 0.569_840_290_998_053_2, 0.819_172_513_396_164_5];
        let row = |step: i32| {
            let [a, b, c, d] = spread.map(|factor| f64::from(step) * factor % 1.0);
            [a, 2.0 * a + b * 0.5, 100.0 * b - 3.0, c + a * a, (c - d) * 1e-3, 7.0]
        };
        (0..6).map(|feature| (1..=300).map(|step| row(step)[feature]).collect()).collect()
    }

    #[track_caller]
    fn assert_close(got: f64, wanted: f64) {
        assert!((got - wanted).abs() <= 1e-9 * wanted.abs(), "{got} instead of {wanted}");
    }

    #[test]
    fn errors_and_thresholds_are_those_of_scikit_learn_and_nannyml() {
        // scikit-learn 1.9.1, StandardScaler and PCA(n_components=0.65, random_state=16), numpy 2.4.6; thresholds by NannyML's rule
        // (mean ± 3 numpy.std) over six chunks of 50.
        let columns = columns();
        let reference = Reference::fit(&columns, 50).unwrap();
        assert_eq!(reference.components_count(), 2);
        let row = |row: usize| columns.iter().map(|column| column[row]).collect::<Vec<f64>>();
        for (place, wanted) in
            [0.684_810_273_590_764_1, 0.121_098_938_620_367_34, 0.882_065_859_871_722_9].into_iter().enumerate()
        {
            assert_close(reference.error(&row(place)).unwrap(), wanted);
        }
        assert_close(reference.error(&[0.5, 1.0, 20.0, 0.1, 0.0, 7.0]).unwrap(), 1.596_070_746_505_954_5);
        // The constant has changed too.
        assert_close(reference.error(&[0.9, 0.2, -3.0, 1.5, 0.002, 9.0]).unwrap(), 3.097_525_443_924_175);
        let thresholds = reference.thresholds().unwrap();
        assert_close(thresholds.low, 0.901_038_862_393_114);
        assert_close(thresholds.high, 1.050_098_904_738_56);
        let mut window = Sums::default();
        (0..300).for_each(|place| window.add(reference.error(&row(place)).unwrap()));
        let expected = reference.expect(&window).unwrap();
        assert_close(expected.value, 0.975_568_883_565_836_9);
        assert_eq!((expected.alert, expected.rows), (Some(false), 300));
    }

    #[test]
    fn features_that_part_company_are_noticed_though_each_alone_looks_the_same() {
        let columns = columns();
        let reference = Reference::fit(&columns, 50).unwrap();
        let window = |shift: usize| {
            let mut window = Sums::default();
            for row in 0..300 {
                // The same values of the second feature, on other rows.
                let value = |feature: usize| columns[feature][if feature == 1 { (row + shift) % 300 } else { row }];
                window.add(reference.error(&(0..6).map(value).collect::<Vec<f64>>()).unwrap());
            }
            reference.expect(&window).unwrap()
        };
        assert_eq!(window(0).alert, Some(false));
        let parted = window(17);
        assert_eq!(parted.alert, Some(true));
        assert!(reference.thresholds().unwrap().high < parted.low.unwrap());
    }

    #[test]
    fn what_is_missing_counts_as_the_mean_and_a_row_without_anything_says_nothing() {
        let reference = Reference::fit(&columns(), 50).unwrap();
        let means: Vec<f64> = reference.features.iter().map(|feature| feature.mean).collect();
        assert_eq!(reference.error(&means), Some(0.0));
        let known = [means[0], means[1], 20.0, 0.1, means[4], means[5]];
        assert_eq!(reference.error(&[f64::NAN, f64::INFINITY, 20.0, 0.1]), reference.error(&known));
        assert_eq!((reference.error(&[]), reference.error(&[f64::NAN; 6])), (None, None));
        assert!(reference.error(&[1e149; 6]).unwrap().is_finite());
        assert_eq!(reference.expect(&Sums::default()), None);
    }

    #[test]
    fn constants_and_what_was_never_there_have_no_components() {
        let reference = Reference::fit(&[vec![3.0; 10], vec![f64::NAN; 10]], 5).unwrap();
        assert_eq!((reference.components_count(), reference.error(&[3.0, f64::NAN])), (0, Some(0.0)));
        assert_eq!(reference.error(&[5.0, f64::NAN]), Some(2.0));
    }

    #[test]
    fn what_cannot_be_fitted_is_refused_by_name() {
        assert_eq!(Reference::fit(&[], 1), Err(Error::NoRows));
        assert_eq!(Reference::fit(&[vec![]], 1), Err(Error::NoRows));
        assert_eq!(Reference::fit(&vec![vec![1.0]; 65], 1), Err(Error::TooWide { features: 65 }));
        assert_eq!(Reference::fit(&[vec![1.0], vec![]], 1), Err(Error::Uneven { feature: 1, values: 0, rows: 1 }));
    }

    #[test]
    fn the_widest_reference_is_read_back_and_stays_within_its_size() {
        let columns: Vec<Vec<f64>> = (1..=64_u32)
            .map(|feature| (1..=200_u32).map(|row| f64::from(row * row * feature) * 0.618_033_988_7 % 1.0).collect())
            .collect();
        let reference = Reference::fit(&columns, 50).unwrap();
        let bytes = rmp_serde::to_vec(&reference).unwrap();
        assert!(bytes.len() < 25_000, "{}", bytes.len());
        assert_eq!(rmp_serde::from_slice::<Reference>(&bytes).unwrap(), reference);
    }
}
