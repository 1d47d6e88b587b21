//! The natural logarithm and its inverse from basic operations only: the platform's own may differ in the last bit between machines, and
//! what they return goes into state.

const LN_2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000); // its low bits are zero: `k` times it is exact
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// ln `x` for a finite positive normal `x`, to within 2 units in the last place.
///
/// `x = 2^k m` with `m` in √½ to √2, and `ln m = 2 artanh((m − 1)/(m + 1)) = 2 Σ s^(2i+1) / (2i + 1)`, Abramowitz & Stegun
/// (1964) 4.1.27; the first term left out is below 10⁻¹⁸ of the sum. ln 2 is taken in two parts.
pub fn ln(x: f64) -> f64 {
    const ODD_RECIPROCALS: [f64; 12] = {
        let mut reciprocals = [0.0; 12];
        let mut term = 0;
        while term < 12 {
            reciprocals[term] = 1.0 / (2 * term + 3) as f64;
            term += 1;
        }
        reciprocals
    };

    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i32 - 1023;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | 1023 << 52);
    if std::f64::consts::SQRT_2 < mantissa {
        mantissa /= 2.0;
        exponent += 1;
    }
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let tail = ODD_RECIPROCALS.iter().rev().fold(0.0, |sum, reciprocal| square * (sum + reciprocal));
    let power = f64::from(exponent);
    power * LN_2_HIGH + (2.0 * ratio + (2.0 * ratio * tail + power * LN_2_LOW))
}

/// e to the `x`, to within 2 units in the last place; 0 below the least normal number, infinite above the largest.
///
/// `e^x = 2^k e^r` with `|r| ≤ ln 2 / 2`, and `e^r = Σ r^i / i!`, Abramowitz & Stegun (1964) 4.2.1; the first term left out is
/// below 10⁻¹⁷ of the sum.
pub fn exp(x: f64) -> f64 {
    if x < -708.0 {
        return 0.0;
    }
    if 709.0 < x {
        return f64::INFINITY;
    }
    let power = (x * std::f64::consts::LOG2_E).round_ties_even();
    let rest = (x - power * LN_2_HIGH) - power * LN_2_LOW;
    let mut sum = 1.0;
    for term in (1..=14).rev() {
        sum = 1.0 + sum * rest / f64::from(term);
    }
    sum * f64::from_bits(((power as i64 + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_the_platforms_exponential() {
        for step in -70_700..=70_800 {
            let x = f64::from(step) * 0.01;
            let (ours, theirs) = (exp(x), x.exp());
            assert!((ours - theirs).abs() <= 4.5e-16 * theirs, "e^{x}: {ours} against {theirs}");
        }
        assert_eq!((exp(0.0), exp(-1e300), exp(1e300)), (1.0, 0.0, f64::INFINITY));
    }

    #[test]
    fn it_agrees_with_the_platforms_logarithm() {
        let mut x = 2.3e-16;
        while x < 1e6 {
            let (ours, theirs) = (ln(x), x.ln());
            assert!((ours - theirs).abs() <= 4e-16 * theirs.abs(), "ln {x}: {ours} against {theirs}");
            x *= 1.000_37;
        }
        assert_eq!(ln(1.0), 0.0);
    }
}
