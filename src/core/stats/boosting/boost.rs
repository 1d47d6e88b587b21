//! Trees one after the other, each for what those before it left to explain.

use serde::{Deserialize, Serialize};

use super::draws::Draws;
use super::loss::{self, Loss};
use super::split::Terms;
use super::sums::Units;
use super::table::Table;
use super::tree::{Grown, Growth, Node, Tree};
use super::{FEATURES_MAX, Workers, bins};

/// How a boosting is made. `Default` is what is customary: 100 trees of 31 leaves, rate 0.1, 20 rows a leaf, all rows and features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parameters {
    /// Trees for each output at most, 1 to 2,000.
    pub n_estimators: u32,
    /// How much of what is left to explain a tree may explain.
    pub learning_rate: f64,
    /// Splits between the root and a leaf; without bound if `None`.
    pub max_depth: Option<u32>,
    /// Leaves of a tree, 2 to 255.
    pub max_leaves: u32,
    pub min_samples_leaf: u32,
    /// What is added to the weight of every leaf.
    pub l2: f64,
    /// Share of the rows that each tree is grown from, drawn without replacement.
    pub subsample: f64,
    /// Share of the features that each tree may split by.
    pub colsample: f64,
    /// After so many trees without a smaller loss on rows put aside it ends, and goes back to the best; `None` for never.
    pub early_stopping_rounds: Option<u32>,
    /// Share of the rows that are put aside for that.
    pub validation_fraction: f64,
    /// By feature: 1 where the score may not fall as it grows, −1 where it may not grow, 0 where it is free. Features beyond it are free.
    pub monotone: Vec<i8>,
    pub seed: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            n_estimators: 100,
            learning_rate: 0.1,
            max_depth: None,
            max_leaves: 31,
            min_samples_leaf: 20,
            l2: 0.0,
            subsample: 1.0,
            colsample: 1.0,
            early_stopping_rounds: None,
            validation_fraction: 0.1,
            monotone: Vec::new(),
            seed: 0,
        }
    }
}

/// What has been grown, over the bins of its table.
pub(super) struct Boosted {
    /// By output.
    pub base: Vec<f64>,
    /// Round after round, in each by output.
    pub trees: Vec<Tree>,
    /// By feature: what its splits explain, in the loss.
    pub gains: Vec<f64>,
}

/// Told how many rounds are done of how many; ends the work if it says so.
pub type Watch<'a> = &'a mut dyn FnMut(u32, u32) -> bool;

struct Booster<'a, W> {
    table: &'a Table,
    loss: Loss,
    targets: &'a [f64],
    weights: Option<&'a [f64]>,
    parameters: &'a Parameters,
    workers: &'a W,
    /// Whether leaves are rounded to single precision, as they are kept.
    singles: bool,
    /// Rows to learn from, ascending, if these are not all.
    learning: Option<Vec<u32>>,
    /// Rows put aside.
    aside: Vec<u32>,
    /// By output, by row.
    scores: Vec<Vec<f64>>,
    boosted: Boosted,
}

/// Grows trees over `table`.
///
/// * `targets`: by row; for classes their number. `weights`: by row, above 0.
/// * `singles`: whether leaves are rounded to single precision.
pub(super) fn boost<W: Workers>(
    table: &Table,
    loss: Loss,
    (targets, weights): (&[f64], Option<&[f64]>),
    parameters: &Parameters,
    singles: bool,
    workers: &W,
    watch: Watch<'_>,
) -> Boosted {
    let (learning, aside) = parted(loss, targets, parameters);
    let base = loss.base(targets, weights);
    let scores = base.iter().map(|base| vec![*base; table.rows]).collect();
    let gains = vec![0.0; table.features.len()];
    let boosted = Boosted { base, trees: Vec::new(), gains };
    let mut booster = Booster { table, loss, targets, weights, parameters, workers, singles, learning, aside, scores, boosted };
    booster.run(watch);
    booster.boosted
}

/// The rows to learn from, if these are not all, and the rows put aside: the same share of each class.
fn parted(loss: Loss, targets: &[f64], parameters: &Parameters) -> (Option<Vec<u32>>, Vec<u32>) {
    if parameters.early_stopping_rounds.is_none() {
        return (None, Vec::new());
    }
    let classes = match loss {
        Loss::Logistic => 2,
        Loss::Softmax(classes) => classes,
        _ => 1,
    };
    let mut draws = Draws::new(parameters.seed, u64::MAX);
    let mut is_aside = vec![false; targets.len()];
    for class in 0..classes {
        let of_class: Vec<usize> = (0..targets.len()).filter(|row| classes == 1 || targets[*row] == class as f64).collect();
        let wanted = (of_class.len() as f64 * parameters.validation_fraction).round() as usize;
        draws.choose(wanted, of_class.len()).into_iter().for_each(|place| is_aside[of_class[place as usize]] = true);
    }
    let (aside, learning) = (0..targets.len() as u32).partition(|row| is_aside[*row as usize]);
    (Some(learning), aside)
}

impl<W: Workers> Booster<'_, W> {
    fn run(&mut self, watch: Watch<'_>) {
        let (mut best, mut best_rounds) = (f64::INFINITY, 0);
        let of = self.parameters.n_estimators;
        for round in 0..of {
            if !self.round(round) {
                break;
            }
            if let Some(patience) = self.parameters.early_stopping_rounds
                && !self.aside.is_empty()
            {
                let loss = self.loss_aside();
                if loss < best {
                    (best, best_rounds) = (loss, round + 1);
                } else if best_rounds + patience <= round {
                    break;
                }
            }
            if !watch(round + 1, of) {
                break;
            }
        }
        if 0 < best_rounds {
            self.boosted.trees.truncate(best_rounds as usize * self.loss.outputs());
        }
    }

    /// Grows a tree for each output; false if none of them explains anything.
    fn round(&mut self, round: u32) -> bool {
        let parameters = self.parameters;
        let mut draws = Draws::new(parameters.seed, u64::from(round));
        let features = self.features(&mut draws);
        let rows = self.rows(&mut draws);
        let shares = match self.loss {
            Loss::Softmax(_) => loss::shares(&self.scores, self.workers),
            _ => Vec::new(),
        };
        let (mut trees, mut explains) = (Vec::new(), false);
        for output in 0..self.loss.outputs() {
            let (adds, units) = self.loss.derivatives(output, &self.scores, &shares, self.targets, self.weights, self.workers);
            let growth = Growth {
                terms: Terms {
                    rows_min: parameters.min_samples_leaf,
                    l2: parameters.l2 / units.weight,
                    one: 1.0 / units.weight,
                },
                leaves_max: parameters.max_leaves as usize,
                depth_max: parameters.max_depth.unwrap_or(u32::MAX),
                features: &features,
                directions: &parameters.monotone,
                per_split: None,
                seed: 0,
            };
            let grown = Tree::grow(self.table, &adds, rows.clone(), growth, self.workers);
            explains |= 1 < grown.leaves.len();
            let sampled = rows.is_some();
            trees.push(self.take(grown, output, units, sampled));
        }
        if explains {
            self.boosted.trees.extend(trees);
        }
        explains
    }

    /// Sets the leaves of a tree, adds what they say to the scores of all rows.
    fn take(&mut self, grown: Grown, output: usize, units: Units, sampled: bool) -> Tree {
        let Grown { mut tree, leaves, order, gains } = grown;
        for (feature, gain) in gains {
            self.boosted.gains[feature as usize] += gain * units.gradient / units.weight * units.gradient;
        }
        let renewal = self.loss.renewal(&self.scores[output], self.targets);
        let weight = |row: usize| self.weights.map_or(1.0, |weights| weights[row]);
        for leaf in leaves {
            let rows = &order[leaf.rows];
            let per_unit = units.gradient / units.weight;
            let value = match renewal {
                None => leaf.value * per_unit,
                Some(bound) => {
                    let scores = &self.scores[output];
                    let errors = rows.iter().map(|row| *row as usize).map(|row| (self.targets[row] - scores[row], weight(row)));
                    let value = self.loss.leaf_value(errors, bound);
                    value.max(leaf.bounds.low * per_unit).min(leaf.bounds.high * per_unit)
                }
            };
            let value = value * self.parameters.learning_rate;
            let value = if self.singles { bins::single(value) } else { value };
            tree.0[leaf.node as usize] = Node::Leaf(value);
            if !sampled {
                let scores = &mut self.scores[output];
                rows.iter().for_each(|row| scores[*row as usize] += value);
            }
        }
        if sampled {
            self.add(&tree, output);
        }
        tree
    }

    /// Adds what a tree says to the scores of all rows.
    fn add(&mut self, tree: &Tree, output: usize) {
        let pieces: Vec<_> =
            (0..self.table.rows).step_by(loss::PIECE).zip(self.scores[output].chunks_mut(loss::PIECE)).collect();
        let table = self.table;
        self.workers.map(pieces, |(first, scores)| {
            for (row, score) in scores.iter_mut().enumerate() {
                *score += tree.value(|feature| table.place(feature, first + row));
            }
        });
    }

    /// The rows that a tree is grown from; `None` for all of the table.
    fn rows(&self, draws: &mut Draws) -> Option<Vec<u32>> {
        let all = self.learning.as_ref().map_or(self.table.rows, Vec::len);
        if 1.0 <= self.parameters.subsample {
            return self.learning.clone();
        }
        let wanted = ((all as f64 * self.parameters.subsample) as usize).max(1);
        let chosen = draws.choose(wanted, all);
        Some(match &self.learning {
            None => chosen,
            Some(learning) => chosen.into_iter().map(|place| learning[place as usize]).collect(),
        })
    }

    fn features(&self, draws: &mut Draws) -> Vec<bool> {
        let all = self.table.features.len().min(FEATURES_MAX);
        if 1.0 <= self.parameters.colsample {
            return vec![true; all];
        }
        let wanted = ((all as f64 * self.parameters.colsample).round() as usize).max(1);
        let mut features = vec![false; all];
        draws.choose(wanted, all).into_iter().for_each(|feature| features[feature as usize] = true);
        features
    }

    fn loss_aside(&self) -> f64 {
        let huber = self.loss.renewal(&self.scores[0], self.targets).unwrap_or(0.0);
        let mut scores = vec![0.0; self.loss.outputs()];
        let (mut sum, mut total) = (0.0, 0.0);
        for row in self.aside.iter().map(|row| *row as usize) {
            scores.iter_mut().zip(&self.scores).for_each(|(score, scores)| *score = scores[row]);
            let weight = self.weights.map_or(1.0, |weights| weights[row]);
            sum += weight * self.loss.at(&scores, self.targets[row], huber);
            total += weight;
        }
        sum / total
    }
}
