//! Whether values rise steadily, and how steeply, without assuming how they are distributed.

use super::smoothing::median;

/// Kendall's `S`: pairs of values of which the later is the larger, less those of which it is the smaller (Mann 1945, "Nonparametric
/// tests against trend", Econometrica 13, §4). From -n(n-1)/2 to n(n-1)/2. Cost: O(n²).
pub fn concordance(values: &[f64]) -> i64 {
    let of_pair = |earlier: f64, later: f64| i64::from(earlier < later) - i64::from(later < earlier);
    values
        .iter()
        .enumerate()
        .map(|(at, earlier)| values[at + 1..].iter().map(|later| of_pair(*earlier, *later)).sum::<i64>())
        .sum()
}

/// The largest `S` of `n` values.
pub const fn concordance_max(n: usize) -> i64 {
    (n * n.saturating_sub(1) / 2) as i64
}

/// How many standard deviations `concordance` of `n` values without ties is above 0 if their order is chance, with the continuity
/// correction (Kendall 1975, "Rank Correlation Methods", §4.9). 0 for fewer than two values.
pub fn concordance_score(concordance: i64, n: usize) -> f64 {
    let n = n as f64;
    let variance = n * (n - 1.0) * (2.0 * n + 5.0) / 18.0;
    let corrected = (concordance - concordance.signum()) as f64;
    if variance > 0.0 { corrected / variance.sqrt() } else { 0.0 }
}

/// The median of the slopes between all pairs of values at equal distances, per distance (Sen 1968, "Estimates of the regression
/// coefficient based on Kendall's tau", JASA 63). `None` for fewer than two values. Cost: O(n² log n).
pub fn slope(values: &[f64]) -> Option<f64> {
    let pairs = (0..values.len()).flat_map(|first| (first + 1..values.len()).map(move |second| (first, second)));
    let slopes: Vec<f64> = pairs.map(|(first, second)| (values[second] - values[first]) / (second - first) as f64).collect();
    median(&slopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_values_by_hand() {
        assert_eq!(concordance(&[10.0, 15.0, 14.0, 20.0]), 4);
        // the slopes are 5, 2, 10/3, -1, 5/2 and 6
        assert!((slope(&[10.0, 15.0, 14.0, 20.0]).unwrap() - (2.5 + 10.0 / 3.0) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn a_steady_rise_is_the_most_there_is_and_a_constant_is_none() {
        let rising: Vec<f64> = (0..12).map(f64::from).collect();
        assert_eq!(concordance(&rising), concordance_max(12));
        assert_eq!(slope(&rising), Some(1.0));
        // (66 - 1) / √(12 · 11 · 29 / 18)
        assert!((concordance_score(66, 12) - 65.0 / (212.666_666_666_666_66_f64).sqrt()).abs() < 1e-12);
        assert_eq!((concordance(&[3.0; 9]), slope(&[3.0; 9]), concordance_score(0, 9)), (0, Some(0.0), 0.0));
        assert_eq!((concordance(&[]), slope(&[1.0]), concordance_score(0, 1)), (0, None, 0.0));
    }
}
