//! The course of one attempt as a job among others: `job` events of `schemas/job.v1.schema.json`, measured as `tidewatch run` measures a command.

use serde_json::{Map, Value, json};
use tracing::warn;

use crate::clock;
use crate::event::{Stage, Told};
use crate::machine::host;
use crate::machine::scope::Scope;
use crate::monitor::retraining::job::Job;
use crate::time::{Span, Timestamp};

/// An attempt that goes on says so this often at most, and when its stage changes.
const INTERVAL: Span = Span::from_secs(5);

/// Bytes of a line of its log. With a line for each stage, beginning and end that is less than a job's result may hold.
const LINE_BYTES_MAX: usize = 200;

/// Bytes of why it failed.
const ERROR_BYTES_MAX: usize = 2_000;

pub struct Course {
    /// What is the same in all reports.
    common: Map<String, Value>,
    /// Names this attempt among those of the job.
    run: String,
    scope: Option<Scope>,
    log: Vec<Value>,
    stage: Option<Stage>,
    told_at: Timestamp,
    progress: f64,
}

impl Course {
    /// * `number`: of the attempt, from 1.
    pub fn of(job: &Job, number: u32) -> Self {
        let began = clock::now();
        // the same attempt may begin again in another process
        let run = format!("{}-{number}-{}", job.id, began.millis());
        let common = json!({
            "job_id": job.id.to_string(),
            "run_id": run,
            "kind": "retraining",
            "source": host::name(),
            "model": job.model,
            "command": format!("tidewatch trainer ({})", job.algorithm),
            "versions": { "tidewatch": env!("CARGO_PKG_VERSION") },
        });
        let Value::Object(common) = common else { unreachable!("an object was written") };
        Self { common, run, scope: None, log: Vec::new(), stage: None, told_at: began, progress: 0.0 }
    }

    /// The attempt begins.
    pub fn began(&mut self) -> Value {
        self.report("START", "start", Map::new())
    }

    /// Measures the trainer from now on.
    pub fn measure(&mut self, trainer: Option<u32>) {
        let Some(pid) = trainer else { return };
        match Scope::open(pid) {
            Ok(scope) => self.scope = Some(scope),
            Err(error) => warn!(target: "retraining", %error, "what a training costs is not measured: no thread can be had"),
        }
    }

    /// A line of its log, for people.
    pub fn note(&mut self, line: &str) {
        self.log.push(json!({ "at": clock::now().to_string(), "message": shortened(line, LINE_BYTES_MAX) }));
    }

    /// How far it is; `None` if that is not worth a report.
    ///
    /// * `progress`: 0 to 100.
    pub fn going_on(&mut self, stage: Stage, progress: f64) -> Option<Value> {
        self.progress = self.progress.max(progress);
        if self.stage == Some(stage) && clock::now() - self.told_at < INTERVAL {
            return None;
        }
        if self.stage != Some(stage) {
            self.note(&format!("stage {}", stage.as_str()));
        }
        (self.stage, self.told_at) = (Some(stage), clock::now());
        let measured = self.scope.as_ref().and_then(Scope::so_far);
        let step = format!("running-{}", self.told_at.millis());
        Some(self.report("RUNNING", &step, measured.map(|measured| measured.fields()).unwrap_or_default()))
    }

    /// The attempt has ended.
    ///
    /// * `told`: what came of it; `None` where it was cancelled.
    pub fn ended(mut self, told: Option<&Told>) -> Value {
        let (state, line, error) = match told {
            None => ("ABORT", "cancelled".to_owned(), None),
            Some(Told::Failed { code, detail }) => {
                let why = format!("{code}: {detail}");
                ("FAIL", why.clone(), Some(why))
            }
            Some(Told::Lost { detail }) => ("FAIL", detail.clone(), Some(detail.clone())),
            Some(Told::Trained(trained)) => {
                self.progress = 100.0;
                let line =
                    format!("trained from {} rows and compared on {}: {}", trained.rows, trained.holdout, trained.artifact);
                ("COMPLETE", line, None)
            }
            Some(Told::Started { .. } | Told::Running { .. }) => ("COMPLETE", "ended".to_owned(), None),
        };
        self.note(&line);
        let measured = self.scope.take().and_then(Scope::close);
        let mut fields = measured.map(|measured| measured.fields()).unwrap_or_default();
        if let Some(error) = error {
            fields.insert("error".into(), json!(shortened(&error, ERROR_BYTES_MAX)));
        }
        self.report(state, "end", fields)
    }

    fn report(&self, state: &str, step: &str, fields: Map<String, Value>) -> Value {
        let mut report = self.common.clone();
        report.insert("state".into(), json!(state));
        report.insert("at".into(), json!(clock::now().to_string()));
        report.insert("event_id".into(), json!(format!("job-{}-{step}", self.run)));
        report.insert("progress".into(), json!(self.progress / 100.0));
        report.insert("result".into(), json!({ "log": self.log }));
        report.extend(fields);
        report.into()
    }
}

fn shortened(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}
