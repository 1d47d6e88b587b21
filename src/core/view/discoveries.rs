//! Which error detectors of the fleet have found a change together, though each alone may not have raised an alarm.

use serde::Serialize;
use utoipa::ToSchema;

use crate::monitor::drift::Watch;
use crate::stats::detect::Verdict;
use crate::stats::discoveries::discoveries;
use crate::view::View;

/// What the e-detectors of all versions say together.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Discoveries {
    /// The expected share of false ones among those named, at most.
    pub fdr: f64,
    /// Labels of a version within which that is promised.
    pub labels: u64,
    /// Versions that have a detector.
    pub detectors: u64,
    /// Of these, those that have taken in more labels: they are never named.
    pub beyond: u64,
    /// The most evident first.
    pub items: Vec<Discovery>,
    /// Always null: the list is whole.
    pub next: Option<String>,
}

/// A version whose error rate has risen.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Discovery {
    pub model: String,
    /// Null: the predictions that name no version.
    pub version: Option<String>,
    /// The evidence of its e-detector, and that divided by the labels it is promised for.
    pub score: f64,
    pub e_value: f64,
    /// Labels since it was started or last raised an alarm.
    pub seen: u64,
}

impl Discoveries {
    pub fn of(view: &View, fdr: f64, labels: u64) -> Self {
        let versions = view.models.values().flat_map(|model| model.drift.tracks.iter().map(move |track| (model, track)));
        // the first detector of a version is the one that promises something
        let watched: Vec<_> = versions
            .filter_map(|(model, track)| {
                let promised = track.watch.detectors.first()?;
                let score = match promised.verdict {
                    Some(Verdict::Stable { score, .. }) if promised.seen <= labels => score,
                    _ => 0.0,
                };
                Some((model, &track.watch, promised.seen, score))
            })
            .collect();
        let scores: Vec<f64> = watched.iter().map(|(.., score)| *score).collect();
        let version = |watch: &Watch| watch.version.as_ref().map(|version| version.to_string());
        let named = discoveries(&scores, labels, fdr).into_iter().map(|place| {
            let (model, watch, seen, score) = watched[place];
            let (model, version) = (model.name.to_string(), version(watch));
            Discovery { model, version, score, e_value: score / labels as f64, seen }
        });
        Self {
            fdr,
            labels,
            detectors: watched.len() as u64,
            beyond: watched.iter().filter(|(_, _, seen, _)| labels < *seen).count() as u64,
            items: named.collect(),
            next: None,
        }
    }
}
