//! One attempt at a job: secure the champion, read the log, train in a process of its own, keep the model, and tell the log.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::child::{Child, Heard, Lost};
use super::course::Course;
use crate::artifacts::Artifacts;
use crate::event::{Backup, JobReport, Kind, Stage, Told, Trained};
use crate::failpoint::{self, Point};
use crate::ids::Slug;
use crate::monitor::retraining::book::shown;
use crate::monitor::retraining::job::Job;
use crate::nats::{Door, Headers, Nats, Past};
use crate::telemetry::{self, chain};
use crate::time::{Span, Timestamp};
use crate::train::artifact::Artifact;
use crate::train::job::{Order, Say};

/// How often progress enters the log at most.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

/// The wait before a report is sent again.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// How often a report for the list of jobs is sent before it is given up.
const SHOWN_TRIES: u32 = 3;

/// Memory that a trainer may take.
const MEMORY_MAX: u64 = 8 << 30;

pub struct Attempt {
    pub job: Job,
    pub number: u32,
    /// Number and hash of the champion, if that is ours.
    pub parent: Option<(u32, String)>,
    pub log_time: Timestamp,
    pub position: u64,
    pub nats: Nats,
    pub door: Door,
    pub source: Slug,
    pub artifacts: Artifacts,
}

impl Attempt {
    /// Does all of it, unless it is cancelled. Gives the sequence at which the log has what came of it.
    pub async fn run(self, cancelled: CancellationToken) -> Option<u64> {
        let mut course = Course::of(&self.job, self.number);
        let told = tokio::select! {
            () = cancelled.cancelled() => None,
            told = self.train(&mut course) => Some(told.unwrap_or_else(|Lost(detail)| {
                warn!(target: "retraining", job = %self.job.id, attempt = self.number, detail, "a training was lost");
                Told::Lost { detail }
            })),
        };
        // the last look at the trainer takes some milliseconds
        let (told, report) = tokio::task::spawn_blocking(move || {
            let report = course.ended(told.as_ref());
            (told, report)
        })
        .await
        .ok()?;
        self.show(&report).await;
        let Some(told) = told else {
            info!(target: "retraining", job = %self.job.id, "a training is ended");
            return None;
        };
        match self.report(told).await {
            Some(seq) => Some(seq),
            // else it would be begun again and again
            None => {
                let detail = "the log refused what came of it; the log of the process says why".to_owned();
                self.report(Told::Failed { code: "report_refused".into(), detail }).await
            }
        }
    }

    async fn train(&self, course: &mut Course) -> Result<Told, Lost> {
        self.show(&course.began()).await;
        let range = self.range().await?;
        let backup = match self.backup().await {
            Ok(backup) => backup,
            Err(detail) => return Ok(Told::Failed { code: "backup_failed".into(), detail }),
        };
        course.note(&format!("reads the log from {} to {}", range.0, range.1));
        self.report(Told::Started { from_seq: range.0, through_seq: range.1, backup }).await;
        failpoint::reach(Point::TrainingStarted);
        let mut child = Child::start(&self.order(range))?;
        course.measure(child.pid());
        let past = Past::open(&self.nats, range.0, range.1).await.map_err(|error| Lost(chain(&error).to_string()))?;
        child.feed(past);
        let mut told = Instant::now();
        loop {
            match child.hear().await? {
                Heard::Say(Say::Progress { stage, progress }) => {
                    if PROGRESS_INTERVAL <= told.elapsed() || stage == Stage::Evaluate {
                        told = Instant::now();
                        self.report(Told::Running { stage, progress }).await;
                    }
                    if let Some(report) = course.going_on(stage, progress) {
                        self.show(&report).await;
                    }
                }
                Heard::Say(Say::Failed { code, detail }) => {
                    info!(target: "retraining", job = %self.job.id, code, detail, "nothing can be trained");
                    return Ok(Told::Failed { code: code.into(), detail });
                }
                Heard::Say(Say::Trained(_)) => return Err(Lost("the trainer sent no model".to_owned())),
                Heard::Model(trained, bytes) => return self.keep(*trained, bytes).await,
            }
        }
    }

    /// The part of the log that is read: as the attempts before, or what the policy says.
    async fn range(&self) -> Result<(u64, u64), Lost> {
        if let Some(range) = self.job.range {
            return Ok(range);
        }
        let since = self.log_time - Span::from_secs(86_400 * i64::from(self.job.window_days));
        let from = self.nats.sequence_at(since, self.position).await.map_err(|error| Lost(chain(&error).to_string()))?;
        Ok((from, self.position))
    }

    /// Secures the champion: its bytes are here and what they should be.
    async fn backup(&self) -> Result<Option<Backup>, String> {
        if !self.job.backup_asked {
            return Ok(None);
        }
        let Some((version, hash)) = self.parent.clone() else {
            return Ok(Some(Backup { version: None, artifact: None }));
        };
        let (artifacts, wanted) = (self.artifacts.clone(), hash.clone());
        let read = tokio::task::spawn_blocking(move || artifacts.get(&wanted)).await;
        match read {
            Ok(Ok(_)) => Ok(Some(Backup { version: Some(version), artifact: Some(hash.into()) })),
            Ok(Err(error)) => Err(format!("the champion r{version} could not be secured: {}", chain(&error))),
            Err(error) => Err(error.to_string()),
        }
    }

    fn order(&self, range: (u64, u64)) -> Order {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Order {
            model: self.job.model.to_string(),
            algorithm: self.job.algorithm.to_string(),
            hyperparameters: self.job.hyperparameters.clone(),
            search: self.job.search,
            seed: self.job.seed(),
            threads: cores.saturating_sub(1).max(1),
            memory: MEMORY_MAX,
            root: self.nats.root().as_str().to_owned(),
            range,
            champion: self.parent.as_ref().map(|(number, _)| shown(*number)),
            parent: self.parent.as_ref().map(|(_, hash)| hash.clone()),
        }
    }

    /// Puts the model where it can be served from, reads it back, and only then tells of it.
    async fn keep(&self, trained: Trained, bytes: Vec<u8>) -> Result<Told, Lost> {
        let (artifacts, hash) = (self.artifacts.clone(), trained.artifact.to_string());
        let kept = tokio::task::spawn_blocking(move || {
            if Artifact::hash_of(&bytes) != hash {
                return Err(Lost("the model is not the one that the trainer speaks of".to_owned()));
            }
            Artifact::from_bytes(&bytes).map_err(|error| Lost(error.to_string()))?;
            artifacts.put(&hash, &bytes).map_err(|error| Lost(chain(&error).to_string()))
        });
        kept.await.map_err(|error| Lost(error.to_string()))??;
        failpoint::reach(Point::ModelKept);
        info!(target: "retraining", job = %self.job.id, artifact = %trained.artifact, rows = trained.rows, "a model was trained");
        Ok(Told::Trained(Box::new(trained)))
    }

    /// Shows the attempt among the jobs. Tried a few times and then let be: the training itself does not hang on that.
    async fn show(&self, report: &serde_json::Value) {
        for attempt in 1.. {
            match self.door.publish(Kind::Job, &self.source, Headers::new(), Bytes::from(report.to_string())).await {
                Ok(_) => return,
                Err(error) if error.is_retryable() && attempt < SHOWN_TRIES => {
                    telemetry::EFFECT_RETRIES.add(1);
                    tokio::time::sleep(RETRY_DELAY).await;
                }
                Err(error) => {
                    telemetry::EFFECTS_GIVEN_UP.add(1);
                    warn!(target: "retraining", error = %chain(&error), "the list of jobs does not learn how a training goes on");
                    return;
                }
            }
        }
    }

    /// Tells the log, again and again until it has it.
    async fn report(&self, told: Told) -> Option<u64> {
        let report = JobReport { job: self.job.id, attempt: self.number, told };
        let body = serde_json::json!({ "retraining": report }).to_string();
        loop {
            match self.door.publish(Kind::Outcome, &self.source, Headers::new(), Bytes::from(body.clone())).await {
                Ok(seq) => return Some(seq),
                Err(error) if error.is_retryable() => {
                    telemetry::EFFECT_RETRIES.add(1);
                    warn!(target: "retraining", error = %chain(&error), "the log cannot be told of a training; trying again");
                    tokio::time::sleep(RETRY_DELAY).await;
                }
                Err(error) => {
                    telemetry::EFFECTS_GIVEN_UP.add(1);
                    warn!(target: "retraining", error = %chain(&error), "the log refuses what came of a training");
                    return None;
                }
            }
        }
    }
}
