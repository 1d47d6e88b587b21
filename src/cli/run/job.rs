//! A job as it is reported: `job` events of `schemas/job.v1.schema.json`, and a line for people.

use std::path::Path;

use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_128;

use super::Run;
use super::courier::{Sent, Urgency};
use super::files;
use crate::clock;
use crate::event::Kind;
use crate::ids::Slug;
use crate::machine::command::{self, Ending};
use crate::machine::host;
use crate::machine::meter::{Figures, Measured};
use crate::post::Letter;
use crate::time::Timestamp;

/// Bytes of the command line that are reported.
const COMMAND_BYTES_MAX: usize = 1_024;

/// One run of a job.
pub struct Job {
    /// What is the same in all its reports.
    common: Map<String, Value>,
    id: String,
    source: Slug,
    /// Names this run among those of the same job.
    run: String,
    began: Timestamp,
}

impl Job {
    pub fn of(run: &Run) -> Self {
        let (host, began) = (host::name(), clock::now());
        let minted = format!("{}-{}-{}", host::slug(&host), began.millis(), std::process::id());
        let stem = run.result.as_deref().and_then(Path::file_stem).map(|stem| stem.to_string_lossy().into_owned());
        let id = run.job.as_ref().map(ToString::to_string).or(stem).unwrap_or_else(|| minted.clone());
        let command: Vec<_> = run.command.iter().map(|word| word.to_string_lossy()).collect();
        let mut common = Map::new();
        let mut put = |name: &str, value: Value| {
            if !value.is_null() {
                common.insert(name.into(), value);
            }
        };
        put("job_id", json!(id));
        put("batch_id", json!(run.batch));
        put("source", json!(host));
        put("kind", json!("run"));
        put("run_id", json!(minted));
        put("model", json!(run.model));
        put("model_version", json!(run.model_version));
        put("command", if command.is_empty() { Value::Null } else { json!(shortened(&command.join(" "), COMMAND_BYTES_MAX)) });
        put("pid", json!(run.pid));
        put("versions", json!({ "tidewatch": env!("CARGO_PKG_VERSION") }));
        let source = Slug::try_from(host::slug(&host).as_str()).expect("a slug of a host's name is one");
        Self { common, id, source, run: minted, began }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn started(&self) -> (Letter, Urgency) {
        (self.letter("START", "start", self.began, Map::new()), Urgency::Kept)
    }

    /// Of use now or never.
    pub fn going_on(&self, measured: &Measured) -> (Letter, Urgency) {
        let step = format!("running-{}", measured.samples);
        (self.letter("RUNNING", &step, clock::now(), measured.fields()), Urgency::Passing)
    }

    /// It could not be measured at all.
    pub fn failed(&self, why: &str) -> (Letter, Urgency) {
        let fields = Map::from_iter([("error".to_owned(), json!(why))]);
        (self.letter("FAIL", "end", clock::now(), fields), Urgency::Kept)
    }

    /// The last report.
    pub fn ended(&self, ran: &command::Run, result: Option<&Path>) -> (Letter, Urgency) {
        let mut fields = ran.measured.fields();
        let mut put = |name: &str, value: Value| {
            if !value.is_null() {
                fields.insert(name.into(), value);
            }
        };
        put("exit_code", if ran.ending == Ending::Unknown { Value::Null } else { json!(ran.ending.exit_code()) });
        put("error", json!(ran.ending.failure()));
        put("left_running", if ran.left_running == 0 { Value::Null } else { json!(ran.left_running) });
        put("result", result.and_then(files::reported).unwrap_or_default());
        (self.letter(state(&ran.ending), "end", clock::now(), fields), Urgency::Kept)
    }

    fn letter(&self, state: &str, step: &str, at: Timestamp, fields: Map<String, Value>) -> Letter {
        let run = xxh3_128(format!("{}\n{}", self.id, self.run).as_bytes());
        let id = format!("job-{run:032x}-{step}");
        let mut body = self.common.clone();
        body.insert("state".into(), json!(state));
        body.insert("at".into(), json!(at.to_string()));
        body.insert("event_id".into(), json!(id));
        body.extend(fields);
        let body = serde_json::to_vec(&body).expect("texts and finite numbers serialise").into();
        Letter { kind: Kind::Job, source: self.source.clone(), id, body }
    }

    /// What it has cost, in one line for people.
    pub fn told(&self, ran: &command::Run, sent: &Sent) -> String {
        let Figures {
            cpu_percent_avg,
            cpu_percent_max,
            ram_mb_avg,
            ram_mb_peak,
            gpu_vram_mb_current: _,
            gpu_vram_mb_peak,
            gpu_percent,
            processing_time_sec,
        } = ran.measured.figures;
        let how = ran.ending.failure().map_or_else(|| state(&ran.ending).to_owned(), |why| format!("FAIL ({why})"));
        let left = match ran.left_running {
            0 => String::new(),
            left => format!("; {left} process(es) it has started go on"),
        };
        let kept = match sent {
            Sent::Stored => String::new(),
            Sent::Waits(why) => format!("; reported later: {why}"),
            Sent::Lost(why) => format!("; NOT reported: {why}"),
        };
        format!(
            "tidewatch: job {} {how}: CPU {cpu_percent_avg:.1} % (max {cpu_percent_max:.1} %) | RAM {ram_mb_avg:.1} MB (peak {ram_mb_peak:.1} MB) | \
             GPU {gpu_percent:.1} % (VRAM peak {gpu_vram_mb_peak:.1} MB) | {processing_time_sec:.3} s{left}{kept}",
            self.id.escape_debug()
        )
    }

    /// The same for machines.
    pub fn told_as_json(&self, ran: &command::Run, sent: &Sent) -> Value {
        let mut line = ran.measured.fields();
        line.insert("job_id".into(), json!(self.id));
        line.insert("state".into(), json!(state(&ran.ending)));
        line.insert("exit_code".into(), json!(ran.ending.exit_code()));
        line.insert("error".into(), json!(ran.ending.failure()));
        line.insert("left_running".into(), json!(ran.left_running));
        line.insert("reported".into(), json!(*sent == Sent::Stored));
        line.into()
    }
}

/// As OpenLineage has it.
fn state(ending: &Ending) -> &'static str {
    match ending.failure() {
        Some(_) => "FAIL",
        None => "COMPLETE",
    }
}

fn shortened(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}
