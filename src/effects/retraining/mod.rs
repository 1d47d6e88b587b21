//! Carries out jobs of retraining: what the core says is to run, runs as a process of its own, and what comes of it goes back into the log.
//!
//! The jobs of the view are the orders: one that is to run and that nobody here has is begun, one that is no longer to run is ended. So a process that
//! was killed goes on where it was, and a replay, which applies the answers with the orders, begins nothing.

mod attempt;
mod child;
pub mod compare;
mod course;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::artifacts::Artifacts;
use crate::ids::{EffectId, Slug};
use crate::monitor::retraining::job::{Job, State};
use crate::nats::{Door, Nats};
use crate::telemetry::chain;
use crate::view::View;

use attempt::Attempt;

/// How often files of models that nobody needs are deleted.
const SWEEP_INTERVAL: Duration = Duration::from_secs(600);

/// What trainers are started with.
pub struct Trainers {
    pub view: watch::Receiver<Arc<View>>,
    pub nats: Nats,
    pub door: Door,
    pub source: Slug,
    pub artifacts: Artifacts,
    /// Nothing begins before this much of the log is applied: only then is it known what came of jobs before.
    pub start_at: u64,
}

/// A job that is in work here.
enum Work {
    Running(CancellationToken),
    /// Ended; what came of it is in the log at this sequence.
    Reported(u64),
}

impl Trainers {
    /// Runs jobs until `stop`; what runs then is ended, and begun anew by the next process.
    pub async fn run(mut self, stop: CancellationToken) {
        let start_at = self.start_at;
        // both are cancel-safe: a token and a watch
        tokio::select! {
            () = stop.cancelled() => return,
            caught_up = self.view.wait_for(|view| start_at <= view.position) => if caught_up.is_err() { return },
        }
        let mut works: BTreeMap<EffectId, Work> = BTreeMap::new();
        let mut tasks: JoinSet<(EffectId, Option<u64>)> = JoinSet::new();
        let mut sweep = tokio::time::interval(SWEEP_INTERVAL);
        loop {
            let view = Arc::clone(&self.view.borrow_and_update());
            works.retain(|id, work| match work {
                Work::Reported(seq) => view.position < *seq,
                Work::Running(cancelled) => {
                    if view.retraining.job(*id).is_none_or(|job| job.state != State::Running) {
                        cancelled.cancel();
                    }
                    true
                }
            });
            for job in view.retraining.jobs.values().filter(|job| job.state == State::Running) {
                if let Entry::Vacant(place) = works.entry(job.id) {
                    let cancelled = stop.child_token();
                    tasks.spawn(self.attempt(job, &view, cancelled.clone()));
                    place.insert(Work::Running(cancelled));
                }
            }
            // all are cancel-safe: a token, a watch, a timer and a set of tasks
            tokio::select! {
                () = stop.cancelled() => break,
                changed = self.view.changed() => if changed.is_err() { break },
                _ = sweep.tick() => self.sweep(&view).await,
                Some(ended) = tasks.join_next() => if let Ok((id, reported)) = ended {
                    works.remove(&id);
                    if let Some(seq) = reported {
                        works.insert(id, Work::Reported(seq));
                    }
                },
            }
        }
        tasks.shutdown().await;
    }

    fn attempt(
        &self,
        job: &Job,
        view: &View,
        cancelled: CancellationToken,
    ) -> impl Future<Output = (EffectId, Option<u64>)> + Send + 'static {
        let book = view.retraining.book(job.model_id);
        let parent = job.parent.and_then(|number| book?.version(number));
        let attempt = Attempt {
            number: job.attempt + 1,
            parent: parent.map(|version| (version.number, version.trained.artifact.to_string())),
            job: job.clone(),
            log_time: view.log_time,
            position: view.position,
            nats: self.nats.clone(),
            door: self.door.clone(),
            source: self.source.clone(),
            artifacts: self.artifacts.clone(),
        };
        info!(target: "retraining", job = %job.id, model = %job.model, attempt = attempt.number, "a training begins");
        async move { (attempt.job.id, attempt.run(cancelled).await) }
    }

    /// Deletes files of models that no version needs any more.
    async fn sweep(&self, view: &View) {
        let books = view.retraining.books.values();
        let versions = books.flat_map(|book| book.versions.iter().filter(|version| version.kept));
        let keep = versions.map(|version| version.trained.artifact.to_string()).collect();
        // a model that was just written is in the log a moment later
        if view.retraining.jobs.values().any(|job| job.state == State::Running) {
            return;
        }
        let artifacts = self.artifacts.clone();
        match tokio::task::spawn_blocking(move || artifacts.sweep(&keep)).await {
            Ok(Ok(0)) | Err(_) => {}
            Ok(Ok(swept)) => info!(target: "retraining", swept, "models that nobody needs were deleted"),
            Ok(Err(error)) => warn!(target: "retraining", error = %chain(&error), "models that nobody needs stay on the disk"),
        }
    }
}
