//! What the types of retraining reports do not say: how long they may be.

use serde_json::Value as Json;

use super::fault::{Problem, Reason};
use crate::event::{Comparison, Event, JobReport, Told};

/// Rows of a hold-out, and labels of one comparison.
const ADVANTAGES_MAX: usize = 20_000;

/// Bytes of why something failed.
const DETAIL_BYTES_MAX: usize = 1_000;

/// What a trainer says of a job.
pub(super) fn report(told: Json) -> Result<Event, Problem> {
    let bad = |reason: Reason, detail: String| Problem::new(reason, detail).under("retraining");
    let mut report: JobReport = serde_json::from_value(told).map_err(|error| bad(Reason::WrongType, error.to_string()))?;
    match &mut report.told {
        Told::Running { progress, .. } => *progress = progress.clamp(0.0, 100.0),
        Told::Trained(trained) => check_advantages(&trained.advantages).map_err(|problem| problem.under("retraining"))?,
        Told::Failed { detail, .. } | Told::Lost { detail } => detail.truncate(detail.floor_char_boundary(DETAIL_BYTES_MAX)),
        Told::Started { .. } => {}
    }
    Ok(Event::JobReported(report))
}

/// How two versions compare.
pub(super) fn compared(told: Json) -> Result<Event, Problem> {
    let bad = |reason: Reason, detail: String| Problem::new(reason, detail).under("compared");
    let comparison: Comparison = serde_json::from_value(told).map_err(|error| bad(Reason::WrongType, error.to_string()))?;
    check_advantages(&comparison.advantages).map_err(|problem| problem.under("compared"))?;
    Ok(Event::ModelsCompared(comparison))
}

fn check_advantages(advantages: &[f64]) -> Result<(), Problem> {
    let bad = |detail: String| Err(Problem::new(Reason::OutOfRange, detail).under("advantages"));
    if ADVANTAGES_MAX < advantages.len() {
        return bad(format!("at most {ADVANTAGES_MAX} advantages, not {}", advantages.len()));
    }
    match advantages.iter().find(|advantage| !(-1.0..=1.0).contains(*advantage)) {
        Some(odd) => bad(format!("an advantage is in -1 to 1, unlike {odd}")),
        None => Ok(()),
    }
}
