//! Forests and single trees: each tree learns what is true by itself, and their mean answers (Breiman (2001), *Mach. Learn.* 45, 5–32).

use serde::{Deserialize, Serialize};

use super::draws::Draws;
use super::split::Terms;
use super::sums::{Sums, Units};
use super::table::Table;
use super::tree::{Growth, Node, Tree};
use super::{Alone, Watch, Workers, bins};

/// Trees between two looks at whether to go on.
const AT_ONCE: usize = 16;

/// How a forest is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parameters {
    /// Trees, 1 to 2,000; of more than two classes each has so many.
    pub n_estimators: u32,
    /// Splits between the root and a leaf; without bound if `None`.
    pub max_depth: Option<u32>,
    /// Leaves of a tree, at least 2; without bound if `None`.
    pub max_leaves: Option<u32>,
    pub min_samples_leaf: u32,
    /// Features that each split chooses among: a share of all; by default the root of their number for classes, and all for quantities.
    pub max_features: Option<f64>,
    /// Whether each tree has rows of its own, drawn with replacement.
    pub bootstrap: bool,
    pub seed: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            n_estimators: 100,
            max_depth: None,
            max_leaves: None,
            min_samples_leaf: 1,
            max_features: None,
            bootstrap: true,
            seed: 0,
        }
    }
}

/// Grown trees with the mean of each target, tree after tree, in each by target.
pub(super) struct Bag {
    pub trees: Vec<Tree>,
    pub gains: Vec<f64>,
}

/// Grows trees for each of `targets`, from the same rows for all targets.
pub(super) fn bag(
    table: &Table,
    targets: &[Vec<f64>],
    weights: Option<&[f64]>,
    parameters: &Parameters,
    classes: bool,
    workers: &impl Workers,
    watch: Watch<'_>,
) -> Bag {
    let features = table.features.len();
    let by_default = if classes { (features as f64).sqrt() } else { features as f64 };
    let wanted = parameters.max_features.map_or(by_default, |share| share * features as f64);
    let per_split = (wanted as usize).max(1);
    let mut bag = Bag { trees: Vec::new(), gains: vec![0.0; features] };
    let numbers: Vec<u32> = (0..parameters.n_estimators).collect();
    for some in numbers.chunks(AT_ONCE) {
        let grown = workers.map(some.to_vec(), |number| {
            let drawn = Drawn::of(table.rows, weights, parameters, number);
            let tree = |target: &Vec<f64>| drawn.tree(table, target, parameters, per_split, number);
            targets.iter().map(tree).collect::<Vec<_>>()
        });
        for (tree, gains) in grown.into_iter().flatten() {
            bag.trees.push(tree);
            gains.into_iter().for_each(|(feature, gain)| bag.gains[feature as usize] += gain);
        }
        if !watch(some.last().map_or(0, |last| last + 1), parameters.n_estimators) {
            break;
        }
    }
    bag
}

/// The rows of a tree, ascending, and how much each counts for.
struct Drawn {
    rows: Vec<u32>,
    weights: Vec<f64>,
}

impl Drawn {
    fn of(rows: usize, weights: Option<&[f64]>, parameters: &Parameters, number: u32) -> Self {
        let mut times = vec![0.0; rows];
        if parameters.bootstrap {
            let mut draws = Draws::new(parameters.seed, u64::from(number));
            (0..rows).for_each(|_| times[draws.below(rows as u64) as usize] += 1.0);
        } else {
            times.fill(1.0);
        }
        if let Some(weights) = weights {
            times.iter_mut().zip(weights).for_each(|(times, weight)| *times *= weight);
        }
        Self { rows: (0..rows as u32).filter(|row| 0.0 < times[*row as usize]).collect(), weights: times }
    }

    fn tree(
        &self,
        table: &Table,
        target: &[f64],
        parameters: &Parameters,
        per_split: usize,
        number: u32,
    ) -> (Tree, Vec<(u32, f64)>) {
        let slopes = target.iter().zip(&self.weights).map(|(target, weight)| -target * weight);
        let total = slopes.clone().map(f64::abs).sum();
        let units = Units::for_totals(total, self.weights.iter().sum());
        let (per_slope, per_weight) = (1.0 / units.gradient, 1.0 / units.weight);
        let adds: Vec<Sums> =
            slopes.zip(&self.weights).map(|(slope, weight)| Sums::of_row(slope, *weight, per_slope, per_weight)).collect();
        let growth = Growth {
            terms: Terms { rows_min: parameters.min_samples_leaf, l2: 0.0, one: 1.0 / units.weight },
            leaves_max: parameters.max_leaves.map_or(usize::MAX, |most| most as usize),
            depth_max: parameters.max_depth.unwrap_or(u32::MAX),
            features: &vec![true; table.features.len()],
            directions: &[],
            per_split: Some(per_split),
            seed: parameters.seed ^ (u64::from(number) << 32 | 1),
        };
        let mut grown = Tree::grow(table, &adds, Some(self.rows.clone()), growth, &Alone);
        for leaf in &grown.leaves {
            grown.tree.0[leaf.node as usize] = Node::Leaf(bins::single(leaf.value * units.gradient / units.weight));
        }
        let worth = units.gradient / units.weight * units.gradient;
        let gains = grown.gains.into_iter().map(|(feature, gain)| (feature, gain * worth)).collect();
        (grown.tree, gains)
    }
}
