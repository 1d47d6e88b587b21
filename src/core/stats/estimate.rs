//! A figure with its uncertainty.

use serde::{Deserialize, Serialize};

use super::exact::ExactSum;

/// The standard normal quantile at 0.975: all intervals here are 95 % and two-sided.
pub const Z: f64 = 1.959_963_984_540_054;

/// Fewest values behind the interval of a mean, and behind that of a mean of squares: of fewer the skewness is hardly known, and samples that
/// happen to look harmless are those whose interval is too low.
const VALUES_MIN: u64 = 10;
const SQUARES_MIN: u64 = 250;

/// Fewest members of a class behind the interval of a figure of that class, and of a mean over classes in which each weighs the same. Of fewer an
/// interval that holds what it says for one share of right answers, or one distribution of scores, holds far less or far more for another.
pub(super) const MEMBERS_MIN: u64 = 12;

/// A figure, its 95 % confidence interval and how many observations stand behind it. `None` is "not known", never 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Estimate {
    pub value: Option<f64>,
    /// Both bounds or neither: where no honest interval is known there is none.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Observations in the denominator.
    pub n: u64,
    /// Why there is no interval; absent where there is one, and where there is no figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub why: Option<NoInterval>,
}

/// Why a figure has no interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoInterval {
    /// Fewer rows, or rows of one class, than an interval needs that holds what it says.
    TooFewRows,
    /// All rows say the same: nothing shows how much they could differ.
    NoSpread,
    /// A few rows make up most of the figure, so that the next ones may be of any size.
    HeavyTails,
    /// The figure, or what its interval is made of, is beyond the largest number.
    TooLarge,
    /// No interval is known that holds what it says.
    NoneKnown,
}

/// `Σ x`, `Σ x²` and `Σ x³` of `n` values.
#[derive(Clone, Copy, Debug)]
pub struct Moments<'s> {
    pub sum: &'s ExactSum,
    pub squares: &'s ExactSum,
    pub cubes: &'s ExactSum,
    pub n: u64,
}

/// How large single values can be beside the others. It decides how skewed a sample may be before its mean has no interval, and what its
/// interval is given for that. Tuned with `ops/bench coverage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tails {
    /// Values are bounded, or grow as a logarithm.
    Short,
    /// Values are distances or ratios: the skewness may be `√(n / 2)`, at which a single value makes up most of the spread.
    Long,
    /// Values are differences, with long tails on both sides: what they seem to be skewed is mostly chance, so the interval also holds Student's.
    Both,
    /// Values are squares, whose variance is often infinite: the skewness may be `√(n / 60)`. Of errors with such tails (Student's t of
    /// 3 degrees, log-normal) more than 99 of 100 samples of 100 to 1,000 rows are found out. A looser bound would not only let more of them
    /// pass: those that pass are the ones that lack their large values, and whose interval is too low.
    Heavy,
}

impl Estimate {
    /// Nothing is known: no observations.
    pub const MISSING: Self = Self { value: None, low: None, high: None, n: 0, why: None };

    /// A figure that is not known.
    pub const fn missing(n: u64) -> Self {
        Self { n, ..Self::MISSING }
    }

    /// A figure without an interval, and why. A value that is not finite is not known.
    pub fn bare(value: f64, n: u64, why: NoInterval) -> Self {
        if value.is_finite() { Self { value: Some(value), why: Some(why), ..Self::missing(n) } } else { Self::missing(n) }
    }

    /// The proportion `hits / n` with its Wilson score interval; missing if `n` is 0.
    ///
    /// `(p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n)`: Wilson (1927), *J. Am. Stat. Assoc.* 22, 209–212.
    pub fn proportion(hits: u64, n: u64) -> Self {
        Self::proportion_at(hits, n, Z)
    }

    /// The same, its interval reaching to the normal quantile `z`.
    pub(super) fn proportion_at(hits: u64, n: u64, z: f64) -> Self {
        if n == 0 {
            return Self::MISSING;
        }
        let (count, share) = (n as f64, hits as f64 / n as f64);
        let centre = share + z * z / (2.0 * count);
        let margin = z * (share * (1.0 - share) / count + z * z / (4.0 * count * count)).sqrt();
        let scale = 1.0 + z * z / count;
        let low = if hits == 0 { 0.0 } else { (centre - margin) / scale };
        let high = if hits == n { 1.0 } else { (centre + margin) / scale };
        Self { value: Some(share), low: Some(low.max(0.0)), high: Some(high.min(1.0)), n, why: None }
    }

    /// The mean of values with an interval that allows for their skewness: `x̄ − g⁻¹(±t) s/√n` with
    /// `g⁻¹(y) = 3/a ((1 + a (y − a/6))^⅓ − 1)`, `a` the sample skewness over `√n`, `t` Student's quantile: Hall (1992), *J. R. Stat. Soc.
    /// B* 54, 221–228. Where tails may be long `t` is larger by `a²` of it, what the next term of the Edgeworth expansion says of the skewness at this
    /// level (Hall (1992), *The Bootstrap and Edgeworth Expansion*, §2.6). None below 10 values (250 squares), of equal values, and of a sample that is more
    /// skewed than its `tails` allow. What no row of a sample shows no interval can allow for (Bahadur & Savage (1956), *Ann. Math. Stat.* 27,
    /// 1115–1122): where one row in 50 is ten times as far off as the others, an interval of 100 rows that has met none of them is too low.
    pub fn mean(moments: Moments<'_>, tails: Tails) -> Self {
        let Moments { sum, squares, n, .. } = moments;
        if n == 0 {
            return Self::MISSING;
        }
        let count = n as f64;
        let mean = sum.mean(n);
        let bare = |why| Self::bare(mean, n, why);
        if f64::MAX <= squares.value() {
            return bare(NoInterval::TooLarge);
        }
        if n < if tails == Tails::Heavy { SQUARES_MIN } else { VALUES_MIN } {
            return bare(NoInterval::TooFewRows);
        }
        let deviations = ExactSum::squared_deviations(sum, squares, n);
        if deviations == 0.0 {
            return bare(NoInterval::NoSpread);
        }
        let Some(skewness) = moments.skewness(mean, deviations) else { return bare(NoInterval::TooLarge) };
        let bearable = match tails {
            Tails::Short => f64::INFINITY,
            Tails::Long | Tails::Both => count / 2.0,
            Tails::Heavy => count / 60.0,
        };
        if bearable < skewness * skewness {
            return bare(NoInterval::HeavyTails);
        }
        let error = (deviations / (count - 1.0) / count).sqrt();
        let slant = skewness / count.sqrt();
        let widened = if tails == Tails::Short { 1.0 } else { 1.0 + slant * slant };
        let student = t_quantile(count - 1.0);
        let t = student * widened;
        let (low, high) = (mean - error * unskewed(t, slant), mean - error * unskewed(-t, slant));
        let margin = if tails == Tails::Both { error * student } else { f64::NEG_INFINITY };
        bare(NoInterval::TooLarge).between(low.min(mean - margin), high.max(mean + margin))
    }

    /// The unweighted mean of independent proportions. Its interval combines their Wilson intervals by the method of variance
    /// estimates recovery: `L = θ̂ − √Σ(p̂ₖ − lₖ)² / K`, `U = θ̂ + √Σ(uₖ − p̂ₖ)² / K`: Zou & Donner (2008), *Stat. Med.* 27,
    /// 1693–1702. A part without an interval (0/0 read as 0) leaves the mean without one.
    pub fn mean_of_proportions(parts: &[Self]) -> Self {
        let values: Option<Vec<f64>> = parts.iter().map(|part| part.value).collect();
        let Some(values) = values.filter(|values| !values.is_empty()) else { return Self::MISSING };
        let count = parts.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let distance = |bound: fn(&Self) -> Option<f64>| -> Option<f64> {
            let squares: Option<f64> =
                parts.iter().zip(&values).map(|(part, value)| Some((bound(part)? - value).powi(2))).sum();
            Some(squares?.sqrt() / count)
        };
        let n = parts.iter().map(|part| part.n).sum();
        let (below, above) = (distance(|part| part.low), distance(|part| part.high));
        match (below, above) {
            (Some(below), Some(above)) => {
                Self::bare(mean, n, NoInterval::NoSpread).between((mean - below).max(0.0), (mean + above).min(1.0))
            }
            _ => Self::bare(mean, n, NoInterval::TooFewRows),
        }
    }

    /// The same figure seen through a monotone function: bounds go the same way, and change places where it falls.
    pub fn map(self, function: impl Fn(f64) -> f64) -> Self {
        let (first, second) = (self.low.map(&function), self.high.map(&function));
        let (low, high) = if second < first { (second, first) } else { (first, second) };
        Self { value: self.value.map(&function), low, high, ..self }
    }

    /// With these bounds, where they are finite and apart.
    pub fn between(self, low: f64, high: f64) -> Self {
        if self.value.is_none() || !low.is_finite() || !high.is_finite() {
            return self;
        }
        if low < high {
            Self { low: Some(low), high: Some(high), why: None, ..self }
        } else {
            self.without(NoInterval::NoSpread)
        }
    }

    /// Without bounds, if it is a figure at all.
    pub fn without(self, why: NoInterval) -> Self {
        Self { low: None, high: None, why: self.value.map(|_| why), ..self }
    }

    /// With bounds `margin` away on the scale of `there`, and `back` from it.
    pub(super) fn on_scale(self, margin: f64, there: impl Fn(f64) -> f64, back: impl Fn(f64) -> f64) -> Self {
        let Some(centre) = self.value.map(there) else { return self };
        self.between(back(centre - margin), back(centre + margin))
    }

    /// With bounds no lower than `least` and no higher than `most`, where the figure itself cannot be.
    pub(super) fn within(self, least: f64, most: f64) -> Self {
        Self { low: self.low.map(|low| low.max(least)), high: self.high.map(|high| high.min(most)), ..self }
    }

    /// `value`, or 0 over 0 observations where the convention (scikit-learn's `zero_division=0`) says so.
    pub(super) fn or_zero(self) -> Self {
        Self { value: self.value.or(Some(0.0)), ..self }
    }
}

impl Moments<'_> {
    /// The sample skewness, at most `√n` either way; `None` where it is beyond the largest number.
    fn skewness(&self, mean: f64, deviations: f64) -> Option<f64> {
        let count = self.n as f64;
        let deviation = (deviations / count).sqrt();
        // so far from 0 that nothing is left of the third moment but rounding
        if 1e4 * deviation < mean.abs() {
            return Some(0.0);
        }
        let (squares, cubes) = (self.squares.mean(self.n), self.cubes.mean(self.n));
        let third = cubes - 3.0 * mean * squares + 2.0 * mean.powi(3);
        let skewness = third / deviation / deviation / deviation;
        skewness.is_finite().then(|| skewness.clamp(-count.sqrt(), count.sqrt()))
    }
}

/// Hall's transformation backwards; `slant` is the skewness over `√n`.
pub(super) fn unskewed(quantile: f64, slant: f64) -> f64 {
    if slant.abs() < 1e-9 { quantile } else { 3.0 / slant * ((1.0 + slant * (quantile - slant / 6.0)).cbrt() - 1.0) }
}

/// The quantile at 0.975 of Student's t with at least 3 degrees of freedom, to 0.01: Abramowitz & Stegun (1964), 26.7.5.
pub(super) fn t_quantile(degrees: f64) -> f64 {
    let degrees = degrees.max(3.0);
    let [z, z3, z5, z7, z9] = [1, 3, 5, 7, 9].map(|power| Z.powi(power));
    Z + (z3 + z) / (4.0 * degrees)
        + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * degrees.powi(2))
        + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * degrees.powi(3))
        + (79.0 * z9 + 776.0 * z7 + 1_482.0 * z5 - 1_920.0 * z3 - 945.0 * z) / (92_160.0 * degrees.powi(4))
}

pub(super) fn logit(share: f64) -> f64 {
    (share / (1.0 - share)).ln()
}

pub(super) fn of_logit(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wilson_interval_is_the_published_one() {
        // Newcombe (1998), Stat. Med. 17, 857-872, table I, method 3: 81/263, 15/148, 0/20, 1/29.
        for (hits, n, low, high) in
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
        {
            let estimate = Estimate::proportion(hits, n);
            assert!((estimate.low.unwrap() - low).abs() < 5e-5, "{hits}/{n}: {estimate:?}");
            assert!((estimate.high.unwrap() - high).abs() < 5e-5, "{hits}/{n}: {estimate:?}");
        }
        assert_eq!(Estimate::proportion(0, 0), Estimate::MISSING);
    }

    fn mean_of(values: &[f64], tails: Tails) -> Estimate {
        let [mut sum, mut squares, mut cubes] = [ExactSum::default(), ExactSum::default(), ExactSum::default()];
        for value in values {
            sum.add(*value);
            squares.add_square(*value);
            cubes.add(value.powi(3).min(f64::MAX));
        }
        Estimate::mean(Moments { sum: &sum, squares: &squares, cubes: &cubes, n: values.len() as u64 }, tails)
    }

    #[test]
    fn the_interval_of_a_mean_without_skewness_is_students() {
        let values: Vec<f64> = (0..11).map(f64::from).collect();
        let mean = mean_of(&values, Tails::Both);
        // R: t.test(0:10)$conf.int
        assert_eq!(mean.value, Some(5.0));
        assert!((mean.low.unwrap() - 2.771_841).abs() < 2e-4 && (mean.high.unwrap() - 7.228_159).abs() < 2e-4, "{mean:?}");
    }

    #[test]
    fn a_skewed_sample_leans_its_interval_to_the_long_side() {
        let values: Vec<f64> = (0..50).map(|i| if i % 10 == 0 { 5.0 } else { f64::from(i % 7) / 10.0 }).collect();
        let mean = mean_of(&values, Tails::Short);
        let (below, above) = (mean.value.unwrap() - mean.low.unwrap(), mean.high.unwrap() - mean.value.unwrap());
        assert!(1.3 * below < above, "{mean:?}");
    }

    #[test]
    fn without_an_interval_there_is_a_reason() {
        assert_eq!(mean_of(&[1.0, 1.0], Tails::Short).why, Some(NoInterval::TooFewRows));
        assert_eq!(mean_of(&[1.0; 100], Tails::Short).why, Some(NoInterval::NoSpread));
        let mut one_of_all = [1.0; 100];
        one_of_all[7] = 1e6;
        assert_eq!(mean_of(&one_of_all, Tails::Heavy).why, Some(NoInterval::TooFewRows));
        assert_eq!(mean_of(&[one_of_all; 3].concat(), Tails::Heavy).why, Some(NoInterval::HeavyTails));
        assert_eq!(mean_of(&[1e200; 20], Tails::Heavy).value, Some(1e200));
        let far_apart: Vec<f64> = (0..20).map(|i| f64::from(i) * 1e200).collect();
        assert_eq!(mean_of(&far_apart, Tails::Heavy).why, Some(NoInterval::TooLarge));
    }

    #[test]
    fn students_quantiles_are_those_of_the_tables() {
        for (degrees, quantile) in [(3.0, 3.182), (4.0, 2.776), (9.0, 2.262), (30.0, 2.042), (1e6, 1.960)] {
            assert!((t_quantile(degrees) - quantile).abs() < 0.01, "{degrees}: {}", t_quantile(degrees));
        }
    }

    #[test]
    fn a_falling_function_swaps_the_bounds() {
        let estimate = Estimate::proportion(3, 10).map(|share| 1.0 - share);
        assert!(estimate.low < estimate.value && estimate.value < estimate.high);
    }
}
