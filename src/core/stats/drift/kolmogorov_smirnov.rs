//! The two-sample Kolmogorov–Smirnov test, two-sided.

use super::Sample;
use super::resolution::{Step, steps};

/// Up to this many observations on the larger side the p-value is exact; scipy's `auto` has the same bound.
pub const EXACT_MAX: u64 = 10_000;

/// The outcome of a two-sample test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KolmogorovSmirnov {
    /// `D = sup |F − G|` of the two empirical distribution functions, 0 to 1; ties are taken exactly.
    pub statistic: f64,
    /// The chance of at least `D` if nothing has changed.
    pub p_value: f64,
    pub method: Method,
}

/// Where a p-value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// [`exact_p_value`].
    Exact,
    /// [`limit_p_value`].
    Limit,
}

/// `D` with its p-value: exact up to [`EXACT_MAX`] observations on the larger side, else the limit distribution. Kolmogorov (1933),
/// Smirnov (1939). Cost: O(n + m) for `D`; exact O(n m D), with equal sizes O(n).
pub fn test(reference: &Sample, current: &Sample) -> KolmogorovSmirnov {
    KolmogorovSmirnov::of(&Distance::between(reference, current))
}

impl KolmogorovSmirnov {
    /// The test of two samples that are so far apart, see [`test`].
    pub fn of(distance: &Distance) -> Self {
        let (method, p_value) = if distance.n.max(distance.m) <= EXACT_MAX {
            (Method::Exact, exact_p_value(distance))
        } else {
            (Method::Limit, limit_p_value(distance.value(), distance.n, distance.m))
        };
        Self { statistic: distance.value(), p_value, method }
    }
}

/// The distance of two empirical distribution functions as a whole number of steps `1 / lcm(n, m)`, so that nothing is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distance {
    /// Observations of the reference, of the current sample.
    pub n: u64,
    pub m: u64,
    steps: u128,
}

impl Distance {
    /// Walks both samples at once; values that [no float tells apart](steps) step together.
    pub fn between(reference: &Sample, current: &Sample) -> Self {
        let mut widening = Widening::new(reference.count(), current.count());
        steps(reference, current).for_each(|step| widening.take(step));
        widening.distance()
    }

    pub fn value(&self) -> f64 {
        let multiple = u128::from(self.n / common_divisor(self.n, self.m)) * u128::from(self.m);
        self.steps as f64 / multiple as f64
    }
}

/// The widest gap so far between two distribution functions that are walked along together.
#[derive(Clone, Copy, Debug)]
pub struct Widening {
    n: u64,
    m: u64,
    passed: (u64, u64),
    widest: u128,
}

impl Widening {
    /// * `n`, `m`: observations of the two sides, at least 1.
    pub const fn new(n: u64, m: u64) -> Self {
        Self { n, m, passed: (0, 0), widest: 0 }
    }

    pub fn take(&mut self, step: Step) {
        self.passed = (self.passed.0 + step.reference, self.passed.1 + step.current);
        let (left, right) = (u128::from(self.passed.0) * u128::from(self.m), u128::from(self.passed.1) * u128::from(self.n));
        self.widest = self.widest.max(left.abs_diff(right));
    }

    pub fn distance(&self) -> Distance {
        Distance { n: self.n, m: self.m, steps: self.widest / u128::from(common_divisor(self.n, self.m)) }
    }
}

/// The chance that a random interleaving of `n` and `m` distinct observations gives at least that distance: the share of lattice
/// paths from (0, 0) to (n, m) that touch `|x/n − y/m| ≥ D`. With ties it is conservative, as it takes the data for continuous.
///
/// Hodges (1958), *Ark. Mat.* 3, 469–486, for sizes that differ; Gnedenko & Korolyuk (1951) in closed form for equal ones. The chance
/// of having touched is carried along, all terms positive, so that small p-values keep their digits (as scipy's does).
pub fn exact_p_value(distance: &Distance) -> f64 {
    let Distance { n, m, steps } = *distance;
    if steps == 0 {
        return 1.0;
    }
    let chance = if n == m { touched_on_a_square(n, steps as u64) } else { touched_on_a_rectangle(n.max(m), n.min(m), steps) };
    chance.clamp(0.0, 1.0)
}

/// Smirnov's limit `Q(√(nm/(n+m)) D)`, `Q(x) = 2 Σ (−1)^(k−1) exp(−2k²x²)`: Smirnov (1939), *Bull. Math. Univ. Moscou* 2.
pub fn limit_p_value(distance: f64, n: u64, m: u64) -> f64 {
    kolmogorov_tail(effective(n, m).sqrt() * distance)
}

/// The limit at Stephens's corrected argument `(√e + 0.12 + 0.11/√e) D`, `e = nm/(n+m)`: Stephens (1970), *J. R. Stat. Soc. B* 32,
/// 115–122, as *Numerical Recipes* (3rd ed., §14.3.3) uses it for two samples.
pub fn stephens_p_value(distance: f64, n: u64, m: u64) -> f64 {
    let root = effective(n, m).sqrt();
    kolmogorov_tail((root + 0.12 + 0.11 / root) * distance)
}

fn effective(n: u64, m: u64) -> f64 {
    n as f64 * (m as f64 / (n as f64 + m as f64))
}

/// Kolmogorov's `Q(x)`; for small `x` by its other series `1 − √(2π)/x Σ exp(−(2k−1)²π²/8x²)`, which converges there.
fn kolmogorov_tail(x: f64) -> f64 {
    use std::f64::consts::PI;
    // below this the tail is 1 to the last bit
    if x < 0.04 {
        return 1.0;
    }
    if x < 1.18 {
        let term = |odd: f64| (-(odd * PI / x).powi(2) / 8.0).exp();
        let sum: f64 = [1.0, 3.0, 5.0, 7.0, 9.0].map(term).iter().sum();
        return (1.0 - (2.0 * PI).sqrt() / x * sum).clamp(0.0, 1.0);
    }
    let term = |k: f64| (-2.0 * (k * x).powi(2)).exp();
    (2.0 * (term(1.0) - term(2.0) + term(3.0) - term(4.0))).clamp(0.0, 1.0)
}

/// `2 Σ (−1)^(k−1) C(2n, n + kh) / C(2n, n)`, from its last term by Horner's rule.
fn touched_on_a_square(n: u64, steps: u64) -> f64 {
    let mut sum = 0.0;
    for k in (0..=n / steps).rev() {
        let part = (0..steps).fold(1.0, |part, j| (n as f64 - (k * steps + j) as f64) * part / (n + k * steps + j + 1) as f64);
        sum = part * (1.0 - sum);
    }
    2.0 * sum
}

/// `B(x, y) = (x B(x−1, y) + y B(x, y−1)) / (x + y)` inside the band and 1 outside of it, up to `B(longer, shorter)`.
fn touched_on_a_rectangle(longer: u64, shorter: u64, steps: u128) -> f64 {
    let divisor = common_divisor(longer, shorter);
    let (rise, run) = (i128::from(shorter / divisor), i128::from(longer / divisor));
    let steps = steps as i128;
    // One column of the lattice; what the band has left behind is set back to 1, what it has not reached still is.
    let mut column = vec![1.0; shorter as usize + 1];
    let mut lowest = 0;
    for x in 0..=i128::from(longer) {
        let first = ((rise * x - steps).div_euclid(run) + 1).clamp(0, i128::from(shorter) + 1);
        let last = ((rise * x + steps - 1).div_euclid(run)).min(i128::from(shorter));
        column[lowest..first as usize].fill(1.0);
        lowest = first as usize;
        for y in first..=last {
            let place = y as usize;
            let from_below = if place == 0 { 0.0 } else { y as f64 * column[place - 1] };
            column[place] = if x + y == 0 { 0.0 } else { (x as f64 * column[place] + from_below) / (x + y) as f64 };
        }
    }
    column[shorter as usize]
}

fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}
