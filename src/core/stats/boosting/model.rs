//! Learnt trees as they are kept and asked.

use serde::{Deserialize, Serialize};

use super::loss::{self, Loss};
use super::split::Rule;
use super::table::Table;
use super::tree::{self, Tree};
use super::{Alone, Column, Error, FEATURES_MAX, ROWS_MAX, Watch, Workers, bag, bins, boost};

/// What the sum over all trees means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// The quantity itself.
    Identity,
    /// The logarithm of the odds of the second of two classes.
    Logistic,
    /// The logarithm of a share, for each class, but for a constant.
    Softmax,
    /// The sum of shares, for each class or for the second of two.
    Shares,
}

/// A learnt function of a row: trees over edges in single precision. Feature values are rounded to single precision before they are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    features: u32,
    link: Link,
    /// By output.
    base: Vec<f64>,
    /// Tree after tree, in each round by output.
    trees: Vec<Nodes>,
    /// By feature: what its splits explained of the loss of the rows learnt from.
    gains: Vec<f64>,
}

/// The nodes of a tree; the first is the root. The right child stands behind the left one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nodes(pub Vec<Node>);

/// A split or a leaf.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Node {
    #[serde(rename = "l")]
    Leaf(f32),
    /// Feature; what is below goes to the left; whether what is missing does too; the left child.
    #[serde(rename = "n")]
    Number(u16, f32, bool, u32),
    /// Feature; the codes that go to the left; how many codes are known; whether what is missing goes to the left; the left child.
    #[serde(rename = "c")]
    Codes(u16, Vec<u8>, u8, bool, u32),
}

/// What is learnt from.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    pub columns: &'a [Column],
    /// By row: a quantity, or the number of a class.
    pub targets: &'a [f64],
    /// By row, above 0; `None` where all count alike.
    pub weights: Option<&'a [f64]>,
}

impl Model {
    /// Learns by boosting.
    ///
    /// * Errors: [`Error`], see [`Rows`]; parameters are the caller's to check. Cost: some 30 ms for 100 trees over 6,000 rows of ten features.
    pub fn boosted(
        rows: Rows<'_>,
        loss: Loss,
        parameters: &boost::Parameters,
        workers: &impl Workers,
        watch: Watch<'_>,
    ) -> Result<Self, Error> {
        let table = table_of(rows, Some(loss), workers)?;
        let boosted = boost::boost(&table, loss, (rows.targets, rows.weights), parameters, true, workers, watch);
        let link = match loss {
            Loss::Logistic => Link::Logistic,
            Loss::Softmax(_) => Link::Softmax,
            _ => Link::Identity,
        };
        Ok(Self::of(&table, link, boosted.base, &boosted.trees, boosted.gains))
    }

    /// Learns a forest, or a single tree.
    ///
    /// * `classes`: how many there are; `None` for quantities.
    pub fn bagged(
        rows: Rows<'_>,
        classes: Option<usize>,
        parameters: &bag::Parameters,
        workers: &impl Workers,
        watch: Watch<'_>,
    ) -> Result<Self, Error> {
        let loss = match classes {
            None => Loss::Squared,
            Some(0..=2) => Loss::Logistic,
            Some(classes) => Loss::Softmax(classes),
        };
        let table = table_of(rows, Some(loss), workers)?;
        let is_class = |class: usize| rows.targets.iter().map(|target| f64::from(u8::from(*target == class as f64))).collect();
        let mut base = vec![0.0; loss.outputs()];
        let targets: Vec<Vec<f64>> = match classes {
            None => {
                base = Loss::Squared.base(rows.targets, rows.weights);
                vec![rows.targets.iter().map(|target| target - base[0]).collect()]
            }
            Some(0..=2) => vec![rows.targets.to_vec()],
            Some(classes) => (0..classes).map(is_class).collect(),
        };
        let bag = bag::bag(&table, &targets, rows.weights, parameters, classes.is_some(), workers, watch);
        let link = if classes.is_some() { Link::Shares } else { Link::Identity };
        let mut model = Self::of(&table, link, base, &bag.trees, bag.gains);
        let trees = model.trees.len() / model.base.len();
        // the mean of the trees is the sum of their shares of it
        for node in model.trees.iter_mut().flat_map(|tree| &mut tree.0) {
            if let Node::Leaf(value) = node {
                *value = (f64::from(*value) / trees as f64) as f32;
            }
        }
        Ok(model)
    }

    fn of(table: &Table, link: Link, base: Vec<f64>, trees: &[Tree], gains: Vec<f64>) -> Self {
        let trees = trees.iter().map(|tree| Nodes::of(tree, table)).collect();
        Self { features: table.features.len() as u32, link, base, trees, gains }
    }

    pub const fn features_count(&self) -> usize {
        self.features as usize
    }

    pub const fn link(&self) -> Link {
        self.link
    }

    /// Where each output begins.
    pub fn base(&self) -> &[f64] {
        &self.base
    }

    /// Tree after tree, in each round one for each output.
    pub fn trees(&self) -> &[Nodes] {
        &self.trees
    }

    /// What the splits by each feature explained of the loss of the rows learnt from.
    pub fn gains(&self) -> &[f64] {
        &self.gains
    }

    /// The quantity, or the share of each class (of two: of both), for a row of as many features; features left out and values that are not finite
    /// count as missing.
    #[inline]
    pub fn predict(&self, row: &[f64], answer: &mut Vec<f64>) {
        answer.clear();
        answer.extend_from_slice(&self.base);
        let outputs = self.base.len();
        for round in self.trees.chunks(outputs) {
            for (score, tree) in answer.iter_mut().zip(round) {
                *score += f64::from(tree.value(row));
            }
        }
        match self.link {
            Link::Identity => {}
            Link::Logistic => {
                let share = loss::logistic(answer[0]);
                *answer = vec![1.0 - share, share];
            }
            Link::Softmax => {
                let scores: Vec<Vec<f64>> = answer.iter().map(|score| vec![*score]).collect();
                answer.clear();
                answer.extend(loss::shares(&scores, &Alone).into_iter().flatten());
            }
            Link::Shares if outputs == 1 => {
                let share = answer[0].clamp(0.0, 1.0);
                *answer = vec![1.0 - share, share];
            }
            Link::Shares => {
                let sum: f64 = answer.iter().sum();
                answer.iter_mut().for_each(|share| *share = if 0.0 < sum { *share / sum } else { 1.0 / outputs as f64 });
            }
        }
    }
}

/// The bins of `rows`, once they are known to be of one length and their targets such as the loss is of.
fn table_of(rows: Rows<'_>, loss: Option<Loss>, workers: &impl Workers) -> Result<Table, Error> {
    let count = rows.targets.len();
    if count == 0 {
        return Err(Error::NoRows);
    }
    if ROWS_MAX < count {
        return Err(Error::TooLong { rows: count });
    }
    if FEATURES_MAX < rows.columns.len() {
        return Err(Error::TooWide { features: rows.columns.len(), most: FEATURES_MAX });
    }
    let classes = match loss {
        Some(Loss::Logistic) => Some(2),
        Some(Loss::Softmax(classes)) => Some(classes),
        _ => None,
    };
    let fits = |target: f64| match classes {
        Some(classes) => target.fract() == 0.0 && (0.0..classes as f64).contains(&target),
        None => target.abs() <= super::TARGET_MAX,
    };
    if let Some(row) = rows.targets.iter().position(|target| !fits(*target)) {
        return Err(Error::OutOfRange { row });
    }
    if let Some(weights) = rows.weights {
        let is_weight = |weight: &f64| weight.is_finite() && 0.0 < *weight;
        if weights.len() != count {
            return Err(Error::Uneven { feature: rows.columns.len(), values: weights.len(), rows: count });
        }
        if let Some(row) = weights.iter().position(|weight| !is_weight(weight)) {
            return Err(Error::Weight { row });
        }
    }
    Table::of(rows.columns, count, true, workers)
}

impl Nodes {
    fn of(tree: &Tree, table: &Table) -> Self {
        let node = |node: &tree::Node| match node {
            tree::Node::Leaf(value) => Node::Leaf(*value as f32),
            tree::Node::Split { feature, rule, left, .. } => {
                let bins = &table.features[*feature as usize];
                match rule {
                    Rule::UpTo { bin, with_missing } => {
                        Node::Number(*feature as u16, bins.upper_edge(*bin) as f32, *with_missing, *left)
                    }
                    Rule::Among(among) => {
                        let codes = among.iter().filter(|bin| **bin != bins::MISSING).map(|bin| bin - 1).collect();
                        let known = (bins.count() - 1) as u8;
                        Node::Codes(*feature as u16, codes, known, among.contains(&bins::MISSING), *left)
                    }
                }
            }
        };
        Self(tree.0.iter().map(node).collect())
    }

    #[inline]
    fn value(&self, row: &[f64]) -> f32 {
        let mut at = 0;
        loop {
            let (goes_left, left) = match &self.0[at as usize] {
                Node::Leaf(value) => return *value,
                Node::Number(feature, below, with_missing, left) => {
                    let value = row.get(usize::from(*feature)).map_or(f32::NAN, |value| *value as f32);
                    (if value.is_finite() { value < *below } else { *with_missing }, *left)
                }
                Node::Codes(feature, codes, known, with_missing, left) => {
                    let code = row.get(usize::from(*feature)).copied().filter(|code| 0.0 <= *code && *code < f64::from(*known));
                    (code.map_or(*with_missing, |code| codes.binary_search(&(code as u8)).is_ok()), *left)
                }
            };
            at = if goes_left { left } else { left + 1 };
        }
    }
}
