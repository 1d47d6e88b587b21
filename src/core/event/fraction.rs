//! Probabilities and other shares as programs write them: sums of 32-bit floats come out a little below 0 or above 1.

/// How far above 1 still is rounding: 10⁻⁵, as a 32-bit float writes it. fastText adds so much before it takes a logarithm. Our choice, and
/// far below what anybody means by another probability.
const HIGHEST: f64 = 1.00001_f32 as f64;

/// `number` if it lies in 0 to 1, the nearer bound if it lies outside by rounding only, and `None` beyond.
pub fn rounded(number: f64) -> Option<f64> {
    (1.0 - HIGHEST..=HIGHEST).contains(&number).then(|| number.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside_by_rounding_counts_as_the_bound_and_what_lies_farther_out_does_not() {
        for (number, counts_as) in [
            (0.5, Some(0.5)),
            (1.0, Some(1.0)),
            (1.0000053644180298, Some(1.0)),
            (1.00001, Some(1.0)),
            (1.0000100135803223, Some(1.0)),
            (1.00002, None),
            (-5.3644180298e-6, Some(0.0)),
            (-1e-5, Some(0.0)),
            (-2e-5, None),
            (87.0, None),
            (f64::NAN, None),
        ] {
            assert_eq!(rounded(number), counts_as, "{number}");
        }
    }
}
