//! What the nearest known rows say.

use linfa_nn::distance::L2Dist;
use linfa_nn::{BallTree, NearestNeighbour, NearestNeighbourIndex};
use ndarray::{Array2, ArrayView1};
use serde::{Deserialize, Serialize};

use super::Matrix;

/// More rows are left out, the oldest first.
pub const ROWS_MAX: usize = 50_000;

/// Known rows with what was true of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Neighbours {
    rows: Array2<f64>,
    targets: Vec<f64>,
    /// How many are asked.
    neighbours: usize,
    classes: Option<usize>,
}

/// Known rows in a tree of balls.
pub struct Index<'a> {
    known: &'a Neighbours,
    tree: Box<dyn NearestNeighbourIndex<f64> + Send + Sync + 'a>,
}

impl Neighbours {
    pub fn new(data: Matrix, neighbours: usize, classes: Option<usize>) -> Self {
        Self { rows: data.rows, targets: data.targets.to_vec(), neighbours, classes }
    }

    pub fn index(&self) -> Index<'_> {
        let tree = BallTree.from_batch(&self.rows, L2Dist).expect("there is a feature, and leaves hold rows");
        Index { known: self, tree }
    }
}

impl Index<'_> {
    pub fn predict(&self, numbers: &[f64], answer: &mut Vec<f64>) {
        let known = self.known;
        let near = self.tree.k_nearest(ArrayView1::from(numbers), known.neighbours).expect("a row is as wide as known ones");
        let targets = near.iter().map(|(_, row)| known.targets[*row]);
        let share = 1.0 / near.len() as f64;
        answer.clear();
        match known.classes {
            None => answer.push(targets.map(|target| target * share).sum()),
            Some(classes) => {
                answer.resize(classes, 0.0);
                targets.for_each(|class| answer[class as usize] += share);
            }
        }
    }
}
