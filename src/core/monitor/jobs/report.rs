//! What a `job` event says. Its known fields were checked when it was decoded, so what is of another shape here is left out.

use compact_str::CompactString;
use serde_json::Value;

use super::job::{Figures, JobKind, JobState};
use crate::event::Note;
use crate::ids::Name;

/// One report. Fields that it does not hold say nothing of the job.
pub struct Report {
    pub job: Name,
    /// `None`: it names one that is not known.
    pub state: Option<JobState>,
    pub run: Option<CompactString>,
    pub kind: Option<JobKind>,
    pub batch: Option<Name>,
    pub model: Option<Name>,
    pub model_version: Option<Name>,
    pub figures: Option<Figures>,
    pub cpu_seconds: Option<f64>,
    pub exit_code: Option<i64>,
    pub left_running: Option<u64>,
    /// In 0 to 1.
    pub progress: Option<f64>,
    pub fields: Value,
}

impl Report {
    /// `None`: it is no report of a job.
    pub fn of(note: &Note) -> Option<Self> {
        let fields: Value = serde_json::from_str(&note.body).ok()?;
        let text = |name: &str| text(&fields[name]);
        let name = |field: &str| text(field).and_then(|text| Name::try_from(text).ok());
        let number = |name: &str| fields[name].as_f64();
        let job = name("job_id")?;
        let figures = Figures::of(number);
        let state = match text("state") {
            Some(state) => JobState::of(&state),
            // who reports once does so at the end
            None if fields["error"].is_string() => Some(JobState::Failed),
            None if figures.is_some() || !fields["result"].is_null() => Some(JobState::Complete),
            None => Some(JobState::Running),
        };
        Some(Self {
            job,
            state,
            run: text("run_id"),
            kind: text("kind").and_then(|kind| JobKind::of(&kind)),
            batch: name("batch_id"),
            model: name("model"),
            model_version: name("model_version"),
            figures,
            cpu_seconds: number("cpu_seconds"),
            exit_code: fields["exit_code"].as_i64(),
            left_running: fields["left_running"].as_u64(),
            progress: number("progress").map(|share| share.clamp(0.0, 1.0)),
            fields,
        })
    }

    /// A text of the report, shortened.
    pub fn text(&self, name: &str, bytes_max: usize) -> Option<CompactString> {
        text(&self.fields[name]).map(|text| shortened(&text, bytes_max).into())
    }

    /// A value of the report as JSON, or that it is too long.
    pub fn json(&self, name: &str, bytes_max: usize) -> Option<CompactString> {
        let value = Some(&self.fields[name]).filter(|value| !value.is_null())?;
        let text = value.to_string();
        Some(match text.len() {
            bytes if bytes <= bytes_max => text.into(),
            bytes => format!("{{\"truncated\":true,\"bytes\":{bytes}}}").into(),
        })
    }
}

/// A text, or a number or boolean as its text.
fn text(value: &Value) -> Option<CompactString> {
    match value {
        Value::String(text) => Some(text.into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(bool) => Some(bool.to_string().into()),
        _ => None,
    }
}

fn shortened(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}
