//! Any number of numbers in ascending order, in bounded memory: what memory has no room for is sorted and put aside as a run, and runs are
//! merged when they are walked through.

use std::sync::Arc;

use super::Error;
use super::cell::as_thousands;
use super::spill::{Run, Spill};
use tidewatch_core::stats::drift::resolution::{Ascending, is_single};

/// Finite numbers.
#[derive(Clone, Debug)]
pub struct Numbers {
    held: Vec<f64>,
    runs: Vec<(Run, Scale)>,
    single: bool,
    /// Whether every number is 0 or 1.
    zero_one: bool,
    spill: Arc<Spill>,
}

/// How numbers of a run are read.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    AsTheyAre,
    Thousands,
}

impl Numbers {
    pub fn new(spill: &Arc<Spill>) -> Self {
        Self { held: Vec::new(), runs: Vec::new(), single: true, zero_one: true, spill: spill.clone() }
    }

    pub fn extend(&mut self, numbers: &[f64]) {
        self.single = self.single && numbers.iter().all(|number| is_single(*number));
        self.zero_one = self.zero_one && numbers.iter().all(|number| *number == 0.0 || *number == 1.0);
        if self.held.capacity() < self.held.len() + numbers.len() {
            // doubling would leave half of the memory unused
            self.held.reserve_exact(numbers.len().max(self.held.len() / 4).max(64));
        }
        self.held.extend_from_slice(numbers);
    }

    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.runs.is_empty()
    }

    pub const fn is_zero_one(&self) -> bool {
        self.zero_one
    }

    /// Bytes of memory.
    pub fn held_bytes(&self) -> usize {
        self.held.capacity() * size_of::<f64>()
    }

    /// Sorts what is in memory.
    pub fn sort(&mut self) {
        self.held.sort_unstable_by(f64::total_cmp);
    }

    /// Puts what is in memory aside.
    pub fn put_aside(&mut self) -> Result<(), Error> {
        if !self.held.is_empty() {
            self.sort();
            self.runs.push((self.spill.write(&self.held)?, Scale::AsTheyAre));
            self.held = Vec::new();
        }
        Ok(())
    }

    /// Adds all of `other`. To be [sorted](Self::sort) again.
    pub fn absorb(&mut self, other: Self) {
        self.single &= other.single;
        self.zero_one &= other.zero_one;
        self.held.extend_from_slice(&other.held);
        self.runs.extend(other.runs);
    }

    /// Takes what was read with a decimal comma as marks between thousands.
    pub fn into_thousands(mut self) -> Self {
        self.held.iter_mut().for_each(|number| *number = as_thousands(*number));
        self.runs.iter_mut().for_each(|(_, scale)| *scale = Scale::Thousands);
        (self.single, self.zero_one) = (self.runs.is_empty() && self.held.iter().all(|number| is_single(*number)), false);
        self
    }
}

impl Ascending for Numbers {
    fn count(&self) -> u64 {
        self.held.len() as u64 + self.runs.iter().map(|(run, _)| run.count).sum::<u64>()
    }

    fn is_single(&self) -> bool {
        self.single
    }

    fn ascending(&self) -> impl Iterator<Item = f64> {
        if self.runs.is_empty() { Walk::Held(self.held.iter()) } else { Walk::Merged(Merge::of(self)) }
    }
}

enum Walk<'a> {
    Held(std::slice::Iter<'a, f64>),
    Merged(Merge<'a>),
}

impl Iterator for Walk<'_> {
    type Item = f64;

    #[inline]
    fn next(&mut self) -> Option<f64> {
        match self {
            Self::Held(numbers) => numbers.next().copied(),
            Self::Merged(merge) => merge.next(),
        }
    }
}

/// Merges runs. There are few, so the least is found by looking at all.
struct Merge<'a> {
    sources: Vec<Source<'a>>,
    least: usize,
}

struct Source<'a> {
    run: Option<(Run, Scale, &'a Spill)>,
    /// What has been read of the run; all of what is in memory.
    page: std::borrow::Cow<'a, [f64]>,
    at: usize,
    read: u64,
}

impl Source<'_> {
    fn first(&self) -> Option<f64> {
        self.page.get(self.at).copied()
    }

    fn advance(&mut self) {
        self.at += 1;
        if self.at == self.page.len() {
            self.turn_page();
        }
    }

    fn turn_page(&mut self) {
        let Some((run, scale, spill)) = self.run.filter(|(run, ..)| self.read < run.count) else { return };
        let mut page = spill.page(run, self.read);
        if scale == Scale::Thousands {
            page.iter_mut().for_each(|number| *number = as_thousands(*number));
        }
        self.read = if page.is_empty() { run.count } else { self.read + page.len() as u64 };
        (self.page, self.at) = (page.into(), 0);
    }
}

impl<'a> Merge<'a> {
    fn of(numbers: &'a Numbers) -> Self {
        let held = Source { run: None, page: numbers.held.as_slice().into(), at: 0, read: 0 };
        let mut sources = vec![held];
        for (run, scale) in &numbers.runs {
            let mut source = Source { run: Some((*run, *scale, &numbers.spill)), page: (&[][..]).into(), at: 0, read: 0 };
            source.turn_page();
            sources.push(source);
        }
        let mut merge = Self { sources, least: 0 };
        merge.find_least();
        merge
    }

    fn find_least(&mut self) {
        let firsts = self.sources.iter().map(|source| source.first().unwrap_or(f64::INFINITY));
        self.least = firsts.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(at, _)| at);
    }
}

impl Iterator for Merge<'_> {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        let number = self.sources[self.least].first()?;
        self.sources[self.least].advance();
        self.find_least();
        Some(number)
    }
}
