//! One tree: grown at the leaf where a split explains most, until there are enough leaves.

use std::ops::Range;

use super::Workers;
use super::draws::Draws;
use super::histogram::{self, OfStripe};
use super::split::{Asked, Bounds, Found, Rule, Terms};
use super::sums::Sums;
use super::table::{LANES, Table};

/// Rows times features below which handing work to other threads costs more than it saves.
const SHARED_MIN: usize = 40_000;
/// Bytes of the histograms that open leaves keep; beyond it a leaf's are counted anew when it is split.
const HISTOGRAM_BYTES_MAX: usize = 256 << 20;

/// Splits and leaves; the first is the root, and children come after their parents.
#[derive(Clone, Debug)]
pub(super) struct Tree(pub(super) Vec<Node>);

#[derive(Clone, Debug)]
pub(super) enum Node {
    Leaf(f64),
    Split { feature: u32, rule: Rule, left: u32, right: u32 },
}

/// How a tree grows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth<'a> {
    pub terms: Terms,
    /// Beyond all rows: until nothing is left to split.
    pub leaves_max: usize,
    pub depth_max: u32,
    /// By feature, whether splits may be by it.
    pub features: &'a [bool],
    /// By feature, as [`Asked::direction`]; empty where all are free.
    pub directions: &'a [i8],
    /// Each split chooses among so many features, drawn by chance.
    pub per_split: Option<usize>,
    pub seed: u64,
}

/// A tree, and which of the rows it grew from are in which leaf.
pub(super) struct Grown {
    pub tree: Tree,
    pub leaves: Vec<Leaf>,
    /// Rows, leaf by leaf.
    pub order: Vec<u32>,
    /// What each split explains, with its feature, in the units of [`Sums`].
    pub gains: Vec<(u32, f64)>,
}

pub(super) struct Leaf {
    pub node: u32,
    /// Places in [`Grown::order`].
    pub rows: Range<usize>,
    /// As [`Terms::value`].
    pub value: f64,
    pub bounds: Bounds,
}

/// A leaf that may still be split.
struct Open {
    node: u32,
    rows: Range<usize>,
    depth: u32,
    all: Sums,
    bounds: Bounds,
    histograms: Vec<Box<OfStripe>>,
    best: Option<(u32, Found)>,
}

/// What one stripe says of a leaf.
type Told = (Option<Box<OfStripe>>, Option<(u32, Found)>);

struct Grower<'a, W> {
    table: &'a Table,
    /// By row of the table.
    adds: &'a [Sums],
    growth: Growth<'a>,
    workers: &'a W,
    draws: Draws,
    order: Vec<u32>,
    scratch: Vec<u32>,
}

impl Tree {
    /// Grows a tree.
    ///
    /// * `adds`: what each row of the table adds to sums.
    /// * `rows`: the rows to grow from, ascending; `None` for all.
    pub(super) fn grow(
        table: &Table,
        adds: &[Sums],
        rows: Option<Vec<u32>>,
        growth: Growth<'_>,
        workers: &impl Workers,
    ) -> Grown {
        let order = rows.unwrap_or_else(|| (0..table.rows as u32).collect());
        let scratch = vec![0; order.len()];
        let draws = Draws::new(growth.seed, 0);
        Grower { table, adds, growth, workers, draws, order, scratch }.grow()
    }

    /// The leaf of a row, by the bins of its features.
    #[inline]
    pub(super) fn value(&self, place: impl Fn(usize) -> u8) -> f64 {
        let mut at = 0;
        loop {
            match &self.0[at as usize] {
                Node::Leaf(value) => return *value,
                Node::Split { feature, rule, left, right } => {
                    at = if rule.takes(place(*feature as usize)) { *left } else { *right };
                }
            }
        }
    }
}

impl<W: Workers> Grower<'_, W> {
    fn grow(mut self) -> Grown {
        let rows = self.order.len();
        let all = self.order.iter().fold(Sums::default(), |sums, row| sums.with(self.adds[*row as usize]));
        let mut root = Open { node: 0, rows: 0..rows, depth: 0, all, bounds: Bounds::FREE, histograms: Vec::new(), best: None };
        if 1 < self.growth.leaves_max && self.can_be_split(&root) {
            self.search(&mut root);
        }
        let (mut open, mut nodes, mut gains) = (vec![root], vec![Node::Leaf(0.0)], Vec::new());
        let mut closed: Vec<Open> = Vec::new();
        while open.len() + closed.len() < self.growth.leaves_max {
            let Some(at) = self.next(&open) else { break };
            let mut leaf = open.swap_remove(at);
            let Some((feature, found)) = leaf.best.take() else {
                closed.push(leaf);
                continue;
            };
            gains.push((feature, found.gain));
            let (mut left, mut right) = self.part(&leaf, feature, &found, nodes.len() as u32);
            if open.len() + closed.len() + 2 < self.growth.leaves_max {
                self.search_both(&mut left, &mut right, std::mem::take(&mut leaf.histograms), open.len());
            }
            nodes[leaf.node as usize] = Node::Split { feature, rule: found.rule, left: left.node, right: right.node };
            nodes.extend([Node::Leaf(0.0), Node::Leaf(0.0)]);
            open.extend([left, right]);
        }
        closed.extend(open);
        closed.sort_unstable_by_key(|leaf| leaf.node);
        let terms = self.growth.terms;
        let leaves = closed.into_iter().map(|leaf| {
            let value = terms.value(leaf.all, leaf.bounds);
            Leaf { node: leaf.node, rows: leaf.rows, value, bounds: leaf.bounds }
        });
        Grown { leaves: leaves.collect(), tree: Tree(nodes), order: self.order, gains }
    }

    /// The first of the leaves whose best split explains most; any that is open where there is no end of leaves.
    fn next(&self, open: &[Open]) -> Option<usize> {
        if self.growth.leaves_max == usize::MAX {
            return open.len().checked_sub(1);
        }
        let gains = open.iter().enumerate().filter_map(|(at, leaf)| Some((at, leaf.best.as_ref()?.1.gain)));
        gains.reduce(|best, other| if best.1 < other.1 { other } else { best }).map(|(at, _)| at)
    }

    fn can_be_split(&self, leaf: &Open) -> bool {
        leaf.depth < self.growth.depth_max && 2 * self.growth.terms.rows_min <= leaf.all.rows()
    }

    /// Parts the rows of a leaf, each side in the order it had.
    fn part(&mut self, leaf: &Open, feature: u32, found: &Found, child: u32) -> (Open, Open) {
        let mut takes = [false; 256];
        takes.iter_mut().zip(0..=u8::MAX).for_each(|(takes, place)| *takes = found.rule.takes(place));
        let (cells, lane) = (&self.table.stripes()[feature as usize / LANES], feature as usize % LANES);
        let rows = &mut self.order[leaf.rows.clone()];
        let (mut left, mut right) = (0, 0);
        for at in 0..rows.len() {
            let row = rows[at];
            let goes_left = usize::from(takes[usize::from(cells[row as usize][lane])]);
            rows[left] = row;
            self.scratch[right] = row;
            left += goes_left;
            right += 1 - goes_left;
        }
        rows[left..].copy_from_slice(&self.scratch[..right]);
        let middle = leaf.rows.start + left;
        let (of_left, of_right) = self.bounds_of_children(leaf, feature, found);
        let open = |node, rows, all, bounds| Open {
            node,
            rows,
            depth: leaf.depth + 1,
            all,
            bounds,
            histograms: Vec::new(),
            best: None,
        };
        (
            open(child, leaf.rows.start..middle, found.left, of_left),
            open(child + 1, middle..leaf.rows.end, leaf.all.without(found.left), of_right),
        )
    }

    /// Between what the leaves below either side have to lie, so that answers go one way with the feature: on this side of the middle of both.
    fn bounds_of_children(&self, leaf: &Open, feature: u32, found: &Found) -> (Bounds, Bounds) {
        let direction = self.direction(feature);
        if direction == 0 {
            return (leaf.bounds, leaf.bounds);
        }
        let value = |sums| self.growth.terms.value(sums, leaf.bounds);
        let middle = f64::midpoint(value(found.left), value(leaf.all.without(found.left)));
        let (below, above) = (Bounds { high: middle, ..leaf.bounds }, Bounds { low: middle, ..leaf.bounds });
        if 0 < direction { (below, above) } else { (above, below) }
    }

    fn direction(&self, feature: u32) -> i8 {
        self.growth.directions.get(feature as usize).copied().unwrap_or(0)
    }

    /// Finds the best split of a leaf by itself.
    fn search(&mut self, leaf: &mut Open) {
        if let Some(features) = self.growth.per_split {
            leaf.best = self.best_of_some(leaf, features);
            return;
        }
        let adds = self.adds_of(leaf);
        let rows = (leaf.rows.len() < self.table.rows).then(|| &self.order[leaf.rows.clone()]);
        let told = self.each_stripe(leaf.rows.len(), Vec::new(), |stripe, _| {
            let histogram = self.count(stripe, rows, &adds);
            let best = self.best_of_stripe(stripe, leaf, &histogram);
            (Some(histogram), best)
        });
        take(leaf, told, true);
    }

    /// Finds the best splits of two children. The smaller one's rows are counted; the larger is what is left of the parent.
    fn search_both(&mut self, left: &mut Open, right: &mut Open, parent: Vec<Box<OfStripe>>, open: usize) {
        let (smaller, larger) = if left.rows.len() <= right.rows.len() { (left, right) } else { (right, left) };
        let (of_smaller, of_larger) = (self.can_be_split(smaller), self.can_be_split(larger));
        if self.growth.per_split.is_some() || parent.is_empty() || !of_larger {
            for leaf in [smaller, larger] {
                if self.can_be_split(leaf) {
                    self.search(leaf);
                }
            }
            return;
        }
        let adds = self.adds_of(smaller);
        let (rows, whole) = (&self.order[smaller.rows.clone()], smaller.rows.len() + 256);
        let told: Vec<(Told, Told)> = self.each_stripe(whole, parent, |stripe, parent| {
            let (counted, mut rest) = (self.count(stripe, Some(rows), &adds), parent.expect("the parent kept its histograms"));
            histogram::subtract(&mut rest, &counted);
            let best_of_rest = self.best_of_stripe(stripe, larger, &rest);
            let best = if of_smaller { self.best_of_stripe(stripe, smaller, &counted) } else { None };
            ((of_smaller.then_some(counted), best), (Some(rest), best_of_rest))
        });
        let (of_smaller, of_larger): (Vec<Told>, Vec<Told>) = told.into_iter().unzip();
        let keep = (open + 2) * self.table.stripes().len() * size_of::<OfStripe>() <= HISTOGRAM_BYTES_MAX;
        take(smaller, of_smaller, keep);
        take(larger, of_larger, keep);
    }

    /// The histograms of a stripe; empty where no split may be by its features.
    fn count(&self, stripe: usize, rows: Option<&[u32]>, adds: &[Sums]) -> Box<OfStripe> {
        let mut histogram = histogram::empty();
        if self.growth.features[self.table.features_of(stripe)].contains(&true) {
            histogram::add(&mut histogram, &self.table.stripes()[stripe], rows, adds);
        }
        histogram
    }

    /// What the rows of a leaf add, one after the other.
    fn adds_of(&self, leaf: &Open) -> Vec<Sums> {
        if leaf.rows.len() == self.table.rows {
            return self.adds.to_vec();
        }
        self.order[leaf.rows.clone()].iter().map(|row| self.adds[*row as usize]).collect()
    }

    /// Asks each stripe, on many threads if there is much to do.
    fn each_stripe<T: Send>(
        &self,
        rows: usize,
        parent: Vec<Box<OfStripe>>,
        ask: impl Fn(usize, Option<Box<OfStripe>>) -> T + Sync + Send,
    ) -> Vec<T> {
        let mut parents = parent.into_iter().map(Some);
        let stripes = 0..self.table.stripes().len();
        let tasks: Vec<_> = stripes.map(|stripe| (stripe, parents.next().flatten())).collect();
        if rows * self.table.features.len() < SHARED_MIN {
            return tasks.into_iter().map(|(stripe, parent)| ask(stripe, parent)).collect();
        }
        self.workers.map(tasks, |(stripe, parent)| ask(stripe, parent))
    }

    fn best_of_stripe(&self, stripe: usize, leaf: &Open, histogram: &OfStripe) -> Option<(u32, Found)> {
        let mut best = None;
        for (feature, histogram) in self.table.features_of(stripe).zip(histogram) {
            if self.growth.features[feature] {
                best = better(best, self.best_of_feature(feature, leaf, histogram));
            }
        }
        best
    }

    fn best_of_feature(&self, feature: usize, leaf: &Open, histogram: &[Sums]) -> Option<(u32, Found)> {
        let bins = &self.table.features[feature];
        let asked = Asked {
            histogram: &histogram[..histogram.len().min(bins.count())],
            all: leaf.all,
            terms: self.growth.terms,
            bounds: leaf.bounds,
            direction: self.direction(feature as u32),
        };
        let found = if bins.are_categories() { asked.best_set() } else { asked.best_bound() };
        Some((feature as u32, found?))
    }

    /// The best split by one of `wanted` features, drawn among those that differ between the rows of the leaf.
    fn best_of_some(&mut self, leaf: &Open, wanted: usize) -> Option<(u32, Found)> {
        let mut features: Vec<usize> = (0..self.table.features.len()).filter(|at| self.growth.features[*at]).collect();
        self.draws.shuffle(&mut features);
        let mut histogram = [Sums::default(); 256];
        let rows = &self.order[leaf.rows.clone()];
        let (mut best, mut asked) = (None, 0);
        for feature in features {
            let (cells, lane) = (&self.table.stripes()[feature / LANES], feature % LANES);
            let (mut first, mut last) = (u8::MAX, 0);
            for row in rows {
                let place = cells[*row as usize][lane];
                let sums = &mut histogram[usize::from(place)];
                *sums = sums.with(self.adds[*row as usize]);
                (first, last) = (first.min(place), last.max(place));
            }
            if first < last {
                best = better(best, self.best_of_feature(feature, leaf, &histogram[..=usize::from(last)]));
                asked += 1;
            }
            histogram[usize::from(first)..=usize::from(last)].fill(Sums::default());
            if asked == wanted {
                break;
            }
        }
        best
    }
}

/// The better of two splits; the first of equal ones.
fn better(best: Option<(u32, Found)>, other: Option<(u32, Found)>) -> Option<(u32, Found)> {
    match (best, other) {
        (Some(best), Some(other)) => Some(if best.1.gain < other.1.gain { other } else { best }),
        (best, other) => best.or(other),
    }
}

/// Gives a leaf what its stripes told.
fn take(leaf: &mut Open, told: Vec<Told>, keep: bool) {
    for (histogram, best) in told {
        leaf.best = better(leaf.best.take(), best);
        leaf.histograms.extend(histogram.filter(|_| keep));
    }
}
