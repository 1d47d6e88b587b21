//! Eigenvalues and eigenvectors of small symmetric matrices.

/// Sweeps until nothing is left off the diagonal; six to ten are usual.
const SWEEPS_MAX: usize = 64;

/// The eigenvalues of a symmetric `matrix`, descending, each with its unit eigenvector.
///
/// Jacobi's cyclic rotations (1846; Golub & Van Loan (2013), *Matrix Computations*, §8.5.5), of basic operations and square roots only,
/// so that equal matrices give equal vectors on every machine. Signs, and vectors of equal eigenvalues, are as the rotations leave
/// them. Cost: O(n³) a sweep.
///
/// * `matrix`: rows of equal length, as many as long; finite, and symmetric (the lower half is not looked at).
pub fn symmetric(mut matrix: Vec<Vec<f64>>) -> Vec<(f64, Vec<f64>)> {
    let size = matrix.len();
    // Row k holds the k-th vector.
    let mut vectors: Vec<Vec<f64>> =
        (0..size).map(|row| (0..size).map(|column| if row == column { 1.0 } else { 0.0 }).collect()).collect();
    for _ in 0..SWEEPS_MAX {
        let mut rotated = false;
        for low in 0..size {
            for high in low + 1..size {
                rotated |= annihilate(&mut matrix, &mut vectors, low, high);
            }
        }
        if !rotated {
            break;
        }
    }
    let mut pairs: Vec<(f64, Vec<f64>)> =
        vectors.into_iter().enumerate().map(|(place, vector)| (matrix[place][place], vector)).collect();
    pairs.sort_by(|left, right| right.0.total_cmp(&left.0));
    pairs
}

/// Rotates in the plane of two axes such that the element off the diagonal becomes 0; `false` if it is as good as 0 already.
fn annihilate(matrix: &mut [Vec<f64>], vectors: &mut [Vec<f64>], low: usize, high: usize) -> bool {
    let (off, first, second) = (matrix[low][high], matrix[low][low], matrix[high][high]);
    if off.abs() <= f64::EPSILON / 4.0 * (first.abs() * second.abs()).sqrt() || off.abs() < f64::MIN_POSITIVE {
        matrix[low][high] = 0.0;
        return false;
    }
    let theta = (second - first) / (2.0 * off);
    let sign = if theta < 0.0 { -1.0 } else { 1.0 };
    let tangent = sign / (theta.abs() + (theta * theta + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    let sine = tangent * cosine;
    let turned = |one: f64, other: f64| (cosine * one - sine * other, sine * one + cosine * other);
    for axis in (0..matrix.len()).filter(|axis| *axis != low && *axis != high) {
        let (one, other) = ((low.min(axis), low.max(axis)), (high.min(axis), high.max(axis)));
        (matrix[one.0][one.1], matrix[other.0][other.1]) = turned(matrix[one.0][one.1], matrix[other.0][other.1]);
    }
    matrix[low][low] = first - tangent * off;
    matrix[high][high] = second + tangent * off;
    matrix[low][high] = 0.0;
    let (before, from_high) = vectors.split_at_mut(high);
    for (one, other) in before[low].iter_mut().zip(&mut from_high[0]) {
        (*one, *other) = turned(*one, *other);
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_matrix_with_known_roots_has_them() {
        // The second difference matrix of size n has eigenvalues 2 − 2 cos(kπ/(n + 1)): Golub & Van Loan (2013), §4.8.3.
        let size = 10;
        let element = |row: usize, column: usize| match row.abs_diff(column) {
            0 => 2.0,
            1 => -1.0,
            _ => 0.0,
        };
        let matrix = (0..size).map(|row| (0..size).map(|column| element(row, column)).collect()).collect();
        for ((value, _), k) in symmetric(matrix).into_iter().zip((1..=10).rev()) {
            let wanted = 2.0 - 2.0 * (f64::from(k) * std::f64::consts::PI / 11.0).cos();
            assert!((value - wanted).abs() < 1e-14, "{value} instead of {wanted}");
        }
    }

    #[test]
    fn nothing_and_zeros_have_an_answer() {
        assert_eq!(symmetric(vec![]), []);
        assert_eq!(symmetric(vec![vec![0.0; 2]; 2]), [(0.0, vec![1.0, 0.0]), (0.0, vec![0.0, 1.0])]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50))]

        #[test]
        fn vectors_are_orthonormal_and_put_the_matrix_together_again(size in 1..=64usize, values in vec(-1.0..1.0f64, 64 * 64)) {
            let element = |row: usize, column: usize| values[64 * row.min(column) + row.max(column)];
            let matrix: Vec<Vec<f64>> = (0..size).map(|row| (0..size).map(|column| element(row, column)).collect()).collect();
            let pairs = symmetric(matrix);
            prop_assert!(pairs.windows(2).all(|pair| pair[1].0 <= pair[0].0));
            for row in 0..size {
                for column in row..size {
                    let product = |left: &[f64], right: &[f64]| left.iter().zip(right).map(|(l, r)| l * r).sum::<f64>();
                    let unit = if row == column { 1.0 } else { 0.0 };
                    prop_assert!((product(&pairs[row].1, &pairs[column].1) - unit).abs() < 1e-12);
                    let rebuilt: f64 = pairs.iter().map(|(value, vector)| value * vector[row] * vector[column]).sum();
                    prop_assert!((rebuilt - element(row, column)).abs() < 1e-12);
                }
            }
        }
    }
}
