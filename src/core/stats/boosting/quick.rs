//! Trees laid out for reading. Walking a hundred trees is a hundred chains of guesses; here the splits of all trees lie feature by feature,
//! and each that a row goes to the right of strikes the leaves on its left off. Of what is left the first leaf is the row's.
//!
//! Lucchese et al. (2015), *SIGIR*, 73–82 (QuickScorer). The sums are those of a walk, in the same order.

use serde::{Deserialize, Serialize};

use super::bins::MISSING;
use super::regressor::TREES_MAX;
use super::split::Rule;
use super::tree::{Node, Tree};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Forest {
    /// By feature.
    splits: Vec<Splits>,
    /// By tree, from left to right.
    leaves: Vec<Vec<f64>>,
}

/// The splits by one feature.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Splits {
    /// Ascending by bin.
    bounds: Vec<Bound>,
    sets: Vec<Set>,
}

/// Up to `bin`, and what is missing if `with_missing`, goes to the left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Bound {
    bin: u8,
    with_missing: bool,
    tree: u8,
    /// The leaves of the tree that are not on the left.
    others: u32,
}

/// What is among `bins`, ascending, goes to the left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Set {
    bins: Vec<u8>,
    tree: u8,
    others: u32,
}

impl Forest {
    /// * `features`: how many a row has.
    pub(super) fn of(trees: &[Tree], features: usize) -> Self {
        let mut forest = Self { splits: vec![Splits::default(); features], leaves: Vec::new() };
        for (number, Tree(nodes)) in trees.iter().enumerate() {
            forest.leaves.push(Vec::new());
            forest.lay(nodes, 0, number);
        }
        forest.splits.iter_mut().for_each(|splits| splits.bounds.sort_by_key(|bound| bound.bin));
        forest
    }

    /// Lays out the part of a tree that hangs on `at`. Gives its leaves, of which a tree has at most 31.
    fn lay(&mut self, nodes: &[Node], at: usize, number: usize) -> u32 {
        match &nodes[at] {
            Node::Leaf(value) => {
                let leaves = &mut self.leaves[number];
                leaves.push(*value);
                1 << (leaves.len() - 1)
            }
            Node::Split { feature, rule, left, right } => {
                let on_left = self.lay(nodes, *left as usize, number);
                let (tree, others) = (number as u8, !on_left);
                let splits = &mut self.splits[*feature as usize];
                match rule {
                    Rule::UpTo { bin, with_missing } => {
                        splits.bounds.push(Bound { bin: *bin, with_missing: *with_missing, tree, others });
                    }
                    Rule::Among(bins) => splits.sets.push(Set { bins: bins.clone(), tree, others }),
                }
                on_left | self.lay(nodes, *right as usize, number)
            }
        }
    }

    /// `sum`, with what the leaf of each tree says added in the order of the trees; `places` are the bins of a row.
    pub(super) fn add_to(&self, sum: f64, places: &[u8]) -> f64 {
        let mut left = [u32::MAX; TREES_MAX];
        for (splits, place) in self.splits.iter().zip(places) {
            if *place == MISSING {
                for bound in splits.bounds.iter().filter(|bound| !bound.with_missing) {
                    left[usize::from(bound.tree)] &= bound.others;
                }
            } else {
                for bound in splits.bounds.iter().take_while(|bound| bound.bin < *place) {
                    left[usize::from(bound.tree)] &= bound.others;
                }
            }
            for set in splits.sets.iter().filter(|set| set.bins.binary_search(place).is_err()) {
                left[usize::from(set.tree)] &= set.others;
            }
        }
        self.leaves.iter().zip(left).fold(sum, |sum, (leaves, left)| sum + leaves[left.trailing_zeros() as usize])
    }
}
