//! The read model: what the committed state looks like to readers. A [`View`] is finished and never changes; the processor
//! publishes the next one. Knows how figures are shown, not how they are served.

pub mod compared;
pub mod discoveries;
pub mod drift;
pub mod evaluation;
pub mod fairness;
pub mod model;
pub mod profile;
pub mod source;
pub mod watch;
pub mod window;

use std::sync::Arc;

use imbl::OrdMap;

use crate::ids::Name;
use crate::monitor::drift::Fleet;
use crate::monitor::model::Model;
use crate::monitor::rejected::Rejections;
use crate::monitor::source::Source;
use crate::monitor::status::Thresholds;
use crate::monitor::tokens::Tokens;
use crate::monitor::{Counts, State};
use crate::time::Timestamp;

/// The state as of one commit. Cloning shares everything.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Grows by one with every rebuild of the store: positions of two epochs cannot be compared.
    pub epoch: u64,
    /// Sequence of the last message applied.
    pub position: u64,
    /// Newest `stored_at` applied.
    pub log_time: Timestamp,
    /// Digest of the whole state at this position: equal for equal logs.
    pub digest: u128,
    pub counts: Counts,
    pub rejections: Rejections,
    pub thresholds: Thresholds,
    pub drift: Fleet,
    pub tokens: Arc<Tokens>,
    /// Every effect of a message up to this one is known to have been carried out.
    pub settled_through: u64,
    pub models: OrdMap<Name, Arc<Model>>,
    pub sources: OrdMap<Name, (u32, Arc<Source>)>,
}

impl View {
    /// The next view: `self` with the models and sources that changed.
    pub fn advanced(&self, state: &State, digest: u128, models: &[u32], sources: &[u32]) -> Self {
        let desk = &state.desk;
        let mut next = Self {
            epoch: self.epoch,
            position: desk.position,
            log_time: desk.log_time,
            digest,
            counts: desk.counts,
            rejections: desk.rejections.clone(),
            thresholds: desk.thresholds,
            drift: desk.drift,
            tokens: Arc::clone(&desk.tokens),
            settled_through: desk.settled_through,
            models: self.models.clone(),
            sources: self.sources.clone(),
        };
        for id in models {
            let model = state.models.get(*id);
            next.models.insert(model.name.clone(), Arc::clone(model));
        }
        for id in sources {
            let source = state.sources.get(*id);
            next.sources.insert(source.name.clone(), (*id, Arc::clone(source)));
        }
        next
    }

    /// The first view after the store was opened.
    pub fn of(epoch: u64, state: &State, digest: u128) -> Self {
        let models: Vec<u32> = state.models.iter().map(|model| model.id).collect();
        let sources: Vec<u32> = state.sources.iter().map(|(id, _)| id).collect();
        Self { epoch, ..Self::default() }.advanced(state, digest, &models, &sources)
    }

    /// The digest as it is shown.
    pub fn digest_hex(&self) -> String {
        format!("{:032x}", self.digest)
    }
}
