//! `/api/v1/messages`: the last messages of the log as they were read, each with what is wrong with it. Kept in memory beside the pipeline,
//! so that looking costs the log nothing; gone with the process.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::event::Role;
use crate::event::{Event, Fault, Kind, Message};
use crate::http::page::Whole;
use crate::http::problem::Problem;
use crate::http::publish::FaultShown;
use crate::http::rejected::kind_of_input;
use crate::http::routes::Routes;
use crate::http::shared::Shared;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().with(Role::Viewer, routes!(list))
}

/// Messages that are kept; a new one takes the place of the oldest.
const KEPT: usize = 500;

/// Of one batch so many are kept at most: in a catch-up a hundred thousand a second go by.
const KEPT_OF_BATCH: usize = 50;

/// Faulty records of one message that are told one by one.
const FAULTS_MAX: usize = 10;

/// The last messages, newest last.
#[derive(Debug, Default)]
pub struct Recent(Mutex<VecDeque<Arc<Passed>>>);

/// One message that was read.
#[derive(Debug)]
struct Passed {
    seq: u64,
    stored_at: String,
    kind: Kind,
    source: String,
    records: usize,
    faulty: usize,
    faults: Vec<Fault>,
    about: Option<String>,
}

impl Recent {
    /// Takes in the messages of one batch, but for the process's own.
    pub fn note(&self, batch: &[Message]) {
        let foreign = batch.iter().rev().filter(|message| !message.kind.is_internal());
        let passed: Vec<Arc<Passed>> = foreign.take(KEPT_OF_BATCH).map(|message| Arc::new(Passed::of(message))).collect();
        if passed.is_empty() {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(passed.into_iter().rev());
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }

    fn newest(&self, wanted: impl Fn(&Passed) -> bool, limit: usize) -> Vec<Arc<Passed>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().filter(|passed| wanted(passed)).take(limit).cloned().collect()
    }
}

impl Passed {
    fn of(message: &Message) -> Self {
        let faulty = || message.records.iter().filter_map(|record| record.as_ref().err());
        Self {
            seq: message.seq,
            stored_at: message.stored_at.to_string(),
            kind: message.kind,
            source: message.source.to_string(),
            records: message.records.len(),
            faulty: faulty().count(),
            faults: faulty().take(FAULTS_MAX).cloned().collect(),
            about: message.records.iter().find_map(|record| about(record.as_ref().ok()?)),
        }
    }
}

/// Which model, source or command a record is about.
fn about(event: &Event) -> Option<String> {
    match event {
        Event::PredictionLogged(prediction) => Some(prediction.model.to_string()),
        Event::LabelArrived(label) => Some(label.model.to_string()),
        Event::SamplesTaken(sample) => Some(sample.source.to_string()),
        Event::RecordNoted(note) => Some(note.source.to_string()),
        Event::CommandGiven(_)
        | Event::EffectsSettled { .. }
        | Event::ConditionsSeen { .. }
        | Event::JobReported(_)
        | Event::ModelsCompared(_)
        | Event::ClockTicked => None,
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct MessagesQuery {
    /// 1 to 500; 100 if left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// Only messages of this kind.
    #[param(example = "prediction")]
    kind: Option<String>,
    /// Only messages of this producer: the source token of their subject.
    source: Option<String>,
    /// Only messages with a faulty record.
    #[serde(default)]
    rejected: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MessagesAnswer {
    /// Newest first.
    items: Vec<MessageRow>,
    /// Always null: the list is whole.
    #[schema(value_type = Option<String>)]
    next: Whole,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MessageRow {
    seq: u64,
    stored_at: String,
    kind: &'static str,
    source: String,
    /// The model or source of its first record that was read.
    about: Option<String>,
    records: usize,
    /// Records that are faulty.
    faulty: usize,
    /// What is wrong with the first ten of them.
    faults: Vec<FaultShown>,
}

/// The last messages
///
/// As they were read from the log, the process's own left out. Kept in memory: the newest 500, of a burst the newest of each batch, and none from
/// before the process started.
#[utoipa::path(
    get, path = "/api/v1/messages", tag = "log", params(MessagesQuery),
    responses(
        (status = 200, description = "The last messages", body = MessagesAnswer, example = json!({"items": [
            {"seq": 17, "stored_at": "2026-01-01T00:00:00Z", "kind": "prediction", "source": "checkout", "about": null, "records": 1, "faulty": 1,
             "faults": [{"reason": "out_of_range", "detail": "must be in 0 to 1, not 93; divide a percentage by 100", "pointer": "/confidence"}]}]})),
        (status = 400, description = "A bad limit, kind or parameter", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<MessagesQuery>,
) -> Result<Json<MessagesAnswer>, Problem> {
    let limit = match query.limit {
        None => 100,
        Some(limit @ 1..=KEPT) => limit,
        Some(other) => return Err(Problem::bad_request("bad-limit", format!("limit is 1 to {KEPT}, not {other}"))),
    };
    let kind = query.kind.as_deref().map(kind_of_input).transpose()?;
    let wanted = |passed: &Passed| {
        kind.is_none_or(|kind| kind == passed.kind)
            && query.source.as_ref().is_none_or(|source| *source == passed.source)
            && (!query.rejected || passed.faulty != 0)
    };
    let items = shared.app.recent.newest(wanted, limit).iter().map(|passed| MessageRow::of(passed)).collect();
    Ok(Json(MessagesAnswer { items, next: Whole }))
}

impl MessageRow {
    fn of(passed: &Passed) -> Self {
        let Passed { seq, stored_at, kind, source, records, faulty, faults, about } = passed;
        Self {
            seq: *seq,
            stored_at: stored_at.clone(),
            kind: kind.as_str(),
            source: source.clone(),
            about: about.clone(),
            records: *records,
            faulty: *faulty,
            faults: faults.iter().map(FaultShown::from).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Slug;
    use crate::time::Timestamp;

    fn message(seq: u64, kind: Kind) -> Message {
        let records = vec![Ok(Event::ClockTicked)];
        Message { seq, stored_at: Timestamp::default(), kind, source: Slug::try_from("a").unwrap(), records }
    }

    #[test]
    fn the_newest_are_kept_of_a_batch_and_in_all_and_our_own_are_left_out() {
        let recent = Recent::default();
        let sequences =
            |recent: &Recent| -> Vec<u64> { recent.newest(|_| true, KEPT).iter().map(|passed| passed.seq).collect() };
        recent.note(&[message(1, Kind::Label), message(2, Kind::Tick), message(3, Kind::Label)]);
        assert_eq!(sequences(&recent), [3, 1]);
        for batch in 0..20_u64 {
            recent.note(&(0..100).map(|at| message(10 + 100 * batch + at, Kind::Label)).collect::<Vec<_>>());
        }
        let kept = sequences(&recent);
        assert_eq!((kept.len(), kept[0], kept[49], kept[50]), (KEPT, 2_009, 1_960, 1_909));
    }
}
