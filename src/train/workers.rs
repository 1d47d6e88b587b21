//! The threads that learning is spread over.

use rayon::prelude::*;
use tidewatch_core::stats::boosting::Workers;

/// Work on all threads of a pool.
pub struct Pool(Option<rayon::ThreadPool>);

impl Pool {
    /// A pool of so many threads, 0 for one per core. Where threads cannot be started, work is done on the thread that asks: what is learnt does not
    /// depend on it.
    pub fn new(threads: usize) -> Self {
        if threads == 1 {
            return Self(None);
        }
        Self(rayon::ThreadPoolBuilder::new().num_threads(threads).build().ok())
    }
}

impl Workers for Pool {
    fn map<I: Send, O: Send>(&self, items: Vec<I>, work: impl Fn(I) -> O + Sync + Send) -> Vec<O> {
        match &self.0 {
            Some(pool) if 1 < items.len() => pool.install(|| items.into_par_iter().map(work).collect()),
            _ => items.into_iter().map(work).collect(),
        }
    }
}
