//! How the version that serves answers: how often it fails, and how slowly. While a new one is watched this is held against the one before.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Retraining;
use super::book::{Book, shown};
use crate::event::Prediction;
use crate::monitor::kept::Kept;
use crate::monitor::model::Model;
use crate::monitor::turn::Turn;
use crate::stats::latency::Latency;
use crate::stats::promotion::{GUARD_REQUESTS_MIN, Served};

/// What a champion has answered since it serves, as far as the log says that it was this one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    requests: u64,
    errors: u64,
    latency: Latency,
}

impl Tally {
    fn add(&mut self, prediction: &Prediction) {
        self.requests += 1;
        self.errors += u64::from(prediction.failed);
        if let Some(seconds) = prediction.response_time {
            self.latency.add(seconds);
        }
    }

    pub fn served(&self) -> Served {
        Served { requests: self.requests, errors: self.errors, p99: self.latency.quantile(0.99) }
    }
}

impl Book {
    /// Whether an answer of this version is one of the champion. What is served elsewhere may name its versions as it likes, but not as ours.
    fn is_of_champion(&self, version: Option<&str>) -> bool {
        match self.champion {
            Some(champion) => version.is_some_and(|version| version == shown(champion)),
            None => version.is_none_or(|version| self.versions.iter().all(|ours| shown(ours.number) != version)),
        }
    }
}

impl Retraining {
    /// A model has answered. Every 200 answers of a champion that is watched it is asked whether it fails, or is slow, far more than the one before.
    pub(in crate::monitor) fn on_prediction(&mut self, turn: &mut Turn<'_>, model: &Model, prediction: &Prediction) {
        let Some(book) = self.book(model.id) else { return };
        if !book.is_of_champion(prediction.version.as_ref().map(|version| version.as_str())) {
            return;
        }
        let is_watched = book.watch.is_some();
        let tally = self.tallies.entry(model.id).or_insert_with(|| Arc::new(Kept::new(Tally::default())));
        self.changed_tallies.insert(model.id);
        let tally = Arc::make_mut(tally).change();
        tally.add(prediction);
        if is_watched && tally.requests.is_multiple_of(GUARD_REQUESTS_MIN) {
            let served = tally.served();
            self.at_desk(turn, model.id, &model.name, |desk| desk.on_served(served));
        }
    }

    /// Another champion serves: what was counted was of the one before.
    pub(super) fn begin_tally(&mut self, model: u32) {
        if let Some(tally) = self.tallies.get_mut(&model) {
            *Arc::make_mut(tally).change() = Tally::default();
            self.changed_tallies.insert(model);
        }
    }

    /// How the champion of a model has served.
    pub(super) fn served(&self, model: u32) -> Served {
        self.tallies.get(&model).map(|tally| tally.served()).unwrap_or_default()
    }
}
