//! Everything that the values of two sides say of each other, in one walk along both: for samples that are too large to be walked twice
//! without need.

use super::kolmogorov_smirnov::{KolmogorovSmirnov, Widening};
use super::resolution::{Ascending, Step, rounds, steps, to_single};
use super::wasserstein::Area;
use super::{Comparison, Edges};

/// Two samples side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Walk {
    pub kolmogorov_smirnov: KolmogorovSmirnov,
    /// As [`super::wasserstein::distance`].
    pub moved: Option<f64>,
    /// As [`super::wasserstein::spread`].
    pub spread: Option<f64>,
    /// How many different values there are on both sides together.
    pub distinct: u64,
    /// Both sides counted over the given edges. A value that [no float tells apart](steps) from one of the reference is in its bin.
    pub bins: Comparison,
    /// The same over the second set of edges.
    pub parts: Comparison,
}

/// Counts of both sides over bins, while values come in ascending order.
struct Bins {
    edges: Vec<f64>,
    counts: [Vec<u64>; 2],
    place: usize,
}

impl Bins {
    /// Edges are rounded as values are, and stay apart.
    fn over(edges: &Edges, rounds: bool) -> Self {
        let mut edges = edges.interior().to_vec();
        if rounds {
            let mut before = f64::NEG_INFINITY;
            for edge in &mut edges {
                *edge = to_single(*edge).max(before.next_up());
                before = *edge;
            }
        }
        let counts = [vec![0; edges.len() + 1], vec![0; edges.len() + 1]];
        Self { edges, counts, place: 0 }
    }

    fn take(&mut self, step: Step) {
        while self.edges.get(self.place).is_some_and(|edge| *edge <= step.value) {
            self.place += 1;
        }
        self.counts[0][self.place] += step.reference;
        self.counts[1][self.place] += step.current;
    }

    fn compared(&self) -> Option<Comparison> {
        Comparison::new(&self.counts[0], &self.counts[1]).ok()
    }
}

impl Walk {
    /// Walks along both sides and counts them over `edges` and over `parts`. `None` if a side is empty. Cost: O(n + m).
    pub fn along(reference: &impl Ascending, current: &impl Ascending, edges: &Edges, parts: &Edges) -> Option<Self> {
        let (n, m) = (reference.count(), current.count());
        let mut widening = Widening::new(n, m);
        let (mut moved, mut spread) = (Area::default(), Area::default());
        let rounds = rounds(reference, current);
        let (mut bins, mut parts) = (Bins::over(edges, rounds), Bins::over(parts, rounds));
        let mut distinct = 0;
        let (here, there, total) = (n as f64, m as f64, (n + m) as f64);
        for step in steps(reference, current) {
            distinct += 1;
            widening.take(step);
            moved.take(step, |left, right| (left as f64 / here - right as f64 / there).abs());
            spread.take(step, |left, right| {
                let share = (left + right) as f64 / total;
                (share * (1.0 - share)).sqrt()
            });
            bins.take(step);
            parts.take(step);
        }
        let kolmogorov_smirnov = KolmogorovSmirnov::of(&widening.distance());
        let (moved, spread) = (moved.value(), spread.value());
        Some(Self { kolmogorov_smirnov, moved, spread, distinct, bins: bins.compared()?, parts: parts.compared()? })
    }
}
