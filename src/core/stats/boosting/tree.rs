//! One tree: grown at the leaf where a split explains most, until there are enough leaves.

use super::LEAVES_MAX;
use super::bins::{Bins, MISSING};

/// A leaf has at least so many rows.
const LEAF_ROWS_MIN: u32 = 20;
/// Rows of the mean that a category's own is mixed with before categories are put in order.
const CATEGORY_SMOOTHING: f64 = 10.0;

/// Splits and leaves; the first is the root, and children come after their parents.
#[derive(Clone, Debug)]
pub(super) struct Tree(pub(super) Vec<Node>);

#[derive(Clone, Debug)]
pub(super) enum Node {
    Leaf(f64),
    Split { feature: u8, rule: Rule, left: u8, right: u8 },
}

/// What goes to the left.
#[derive(Clone, Debug)]
pub(super) enum Rule {
    UpTo {
        bin: u8,
        with_missing: bool,
    },
    /// Ascending bins.
    Among(Vec<u8>),
}

/// What is known of the rows in one bin, or in several.
#[derive(Clone, Copy, Default)]
struct Heap {
    sum: f64,
    rows: u32,
}

/// A leaf that may still be split.
struct Open {
    node: usize,
    rows: Vec<u32>,
    /// Per feature, per bin.
    histograms: Vec<Vec<Heap>>,
    best: Option<Best>,
}

struct Best {
    gain: f64,
    feature: usize,
    rule: Rule,
}

impl Tree {
    /// Grows a tree that explains `rate` of what is `left` to explain of each row, and takes that off it. `None` if no split explains
    /// anything.
    pub(super) fn grow(features: &[Bins], binned: &[Vec<u8>], left: &mut [f64], rate: f64) -> Option<Self> {
        let rows: Vec<u32> = (0..left.len() as u32).collect();
        let histograms = histograms_of(features, binned, left, &rows);
        let mut open = vec![Open::new(0, rows, histograms, features)];
        let mut nodes = vec![Node::Leaf(0.0)];
        while open.len() < LEAVES_MAX {
            let Some(at) = most_gaining(&open) else { break };
            let Open { node, rows, histograms, best: Some(Best { feature, rule, .. }) } = open.swap_remove(at) else { break };
            let (on_left, on_right): (Vec<u32>, Vec<u32>) =
                rows.into_iter().partition(|row| rule.takes(binned[feature][*row as usize]));
            // The smaller side is counted; the other is what remains of the parent.
            let left_is_smaller = on_left.len() <= on_right.len();
            let smaller = histograms_of(features, binned, left, if left_is_smaller { &on_left } else { &on_right });
            let larger = remainder(histograms, &smaller);
            let (of_left, of_right) = if left_is_smaller { (smaller, larger) } else { (larger, smaller) };
            let child = nodes.len();
            nodes[node] = Node::Split { feature: feature as u8, rule, left: child as u8, right: child as u8 + 1 };
            nodes.extend([Node::Leaf(0.0), Node::Leaf(0.0)]);
            open.push(Open::new(child, on_left, of_left, features));
            open.push(Open::new(child + 1, on_right, of_right, features));
        }
        if open.len() < 2 {
            return None;
        }
        for leaf in open {
            let sum: f64 = leaf.rows.iter().map(|row| left[*row as usize]).sum();
            let value = rate * sum / leaf.rows.len() as f64;
            leaf.rows.iter().for_each(|row| left[*row as usize] -= value);
            nodes[leaf.node] = Node::Leaf(value);
        }
        Some(Self(nodes))
    }
}

impl Rule {
    #[inline]
    pub(super) fn takes(&self, place: u8) -> bool {
        match self {
            Self::UpTo { with_missing, .. } if place == MISSING => *with_missing,
            Self::UpTo { bin, .. } => place <= *bin,
            Self::Among(bins) => bins.binary_search(&place).is_ok(),
        }
    }
}

impl Heap {
    fn with(self, other: Self) -> Self {
        Self { sum: self.sum + other.sum, rows: self.rows + other.rows }
    }

    fn without(self, other: Self) -> Self {
        Self { sum: self.sum - other.sum, rows: self.rows - other.rows }
    }

    /// How much less squared error there is if these rows have a mean of their own.
    fn explained(self) -> f64 {
        self.sum * self.sum / f64::from(self.rows)
    }
}

impl Open {
    fn new(node: usize, rows: Vec<u32>, histograms: Vec<Vec<Heap>>, features: &[Bins]) -> Self {
        let mut best: Option<Best> = None;
        for (feature, (bins, histogram)) in features.iter().zip(&histograms).enumerate() {
            let found = if bins.are_categories() { best_set(histogram) } else { best_bound(histogram) };
            if let Some((gain, rule)) = found
                && best.as_ref().is_none_or(|best| best.gain < gain)
            {
                best = Some(Best { gain, feature, rule });
            }
        }
        Self { node, rows, histograms, best }
    }
}

/// The first of the leaves whose best split explains most.
fn most_gaining(open: &[Open]) -> Option<usize> {
    let gains = open.iter().enumerate().filter_map(|(at, leaf)| Some((at, leaf.best.as_ref()?.gain)));
    gains.reduce(|best, other| if best.1 < other.1 { other } else { best }).map(|(at, _)| at)
}

/// The bound between bins of numbers that explains most, and the side of what is missing.
fn best_bound(histogram: &[Heap]) -> Option<(f64, Rule)> {
    let all = histogram.iter().fold(Heap::default(), |sum, heap| sum.with(*heap));
    let missing = histogram[usize::from(MISSING)];
    let mut best: Option<(f64, Rule)> = None;
    let mut below = Heap::default();
    for (bin, heap) in histogram.iter().enumerate().skip(1) {
        below = below.with(*heap);
        if heap.rows == 0 {
            continue;
        }
        let more_below = all.rows < 2 * below.rows;
        let sides: &[bool] = if missing.rows == 0 { &[more_below] } else { &[false, true] };
        for with_missing in sides.iter().copied() {
            let left = if with_missing { below.with(missing) } else { below };
            if let Some(gain) = gain(left, all)
                && best.as_ref().is_none_or(|best| best.0 < gain)
            {
                best = Some((gain, Rule::UpTo { bin: bin as u8, with_missing }));
            }
        }
    }
    best
}

/// The set of categories that explains most: in the order of their means, it is one of the first few (Fisher (1958), *J. Am. Stat.
/// Assoc.* 53, 789–798).
fn best_set(histogram: &[Heap]) -> Option<(f64, Rule)> {
    let all = histogram.iter().fold(Heap::default(), |sum, heap| sum.with(*heap));
    let mut ordered: Vec<(f64, u8, Heap)> = histogram
        .iter()
        .enumerate()
        .filter(|(_, heap)| 0 < heap.rows)
        .map(|(bin, heap)| (heap.sum / (f64::from(heap.rows) + CATEGORY_SMOOTHING), bin as u8, *heap))
        .collect();
    ordered.sort_by(|left, right| left.0.total_cmp(&right.0));
    let (mut best, mut below) = (None, Heap::default());
    for (place, (_, _, heap)) in ordered.iter().enumerate() {
        below = below.with(*heap);
        if let Some(gain) = gain(below, all)
            && best.is_none_or(|(best, _)| best < gain)
        {
            best = Some((gain, place));
        }
    }
    best.map(|(gain, place)| {
        let mut bins: Vec<u8> = ordered[..=place].iter().map(|(_, bin, _)| *bin).collect();
        bins.sort_unstable();
        (gain, Rule::Among(bins))
    })
}

/// What a split explains beyond the whole; `None` if a side is too small or it explains nothing.
fn gain(left: Heap, all: Heap) -> Option<f64> {
    if left.rows < LEAF_ROWS_MIN || all.rows < left.rows + LEAF_ROWS_MIN {
        return None;
    }
    let gain = left.explained() + all.without(left).explained() - all.explained();
    (f64::EPSILON * (all.explained() + left.explained()) < gain).then_some(gain)
}

fn histograms_of(features: &[Bins], binned: &[Vec<u8>], left: &[f64], rows: &[u32]) -> Vec<Vec<Heap>> {
    let histogram = |(bins, places): (&Bins, &Vec<u8>)| {
        let mut histogram = vec![Heap::default(); bins.count()];
        for row in rows {
            let heap = &mut histogram[usize::from(places[*row as usize])];
            heap.sum += left[*row as usize];
            heap.rows += 1;
        }
        histogram
    };
    features.iter().zip(binned).map(histogram).collect()
}

fn remainder(mut whole: Vec<Vec<Heap>>, part: &[Vec<Heap>]) -> Vec<Vec<Heap>> {
    for (whole, part) in whole.iter_mut().zip(part) {
        whole.iter_mut().zip(part).for_each(|(whole, part)| *whole = whole.without(*part));
    }
    whole
}
