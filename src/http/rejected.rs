//! `/api/v1/rejected`: input that was not accepted, and its original bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::event::{self, Kind, wire};
use crate::files::message::Arrow;
use crate::http::page;
use crate::http::problem::Problem;
use crate::http::publish::FaultShown;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::ids::token;
use crate::monitor::cold::List;
use crate::monitor::limits::REJECTED_MAX;
use crate::monitor::rejected::Rejected;
use crate::nats::provision::Role;
use crate::nats::{StoredMessage, StreamError, header};
use crate::store::{Order, Reader, Value};
use crate::view::View;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().of_view(routes!(list)).with(event::Role::Viewer, routes!(show))
}

/// Rows looked at in one step.
const BATCH: usize = 500;

pub const SUBJECT: HeaderName = HeaderName::from_static("tidewatch-subject");
pub const STORED_AT: HeaderName = HeaderName::from_static("tidewatch-stored-at");

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RejectedQuery {
    /// 1 to 1,000; 100 if left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
    /// Only records of this kind.
    kind: Option<String>,
    /// Only records with this reason.
    reason: Option<String>,
    /// Only records of this producer: the source token of their subject.
    source: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RejectedPage {
    /// Newest first; the newest 10,000 are listed.
    items: Vec<RejectedRow>,
    next: Option<String>,
    /// All of them, by kind and reason.
    counts: BTreeMap<&'static str, BTreeMap<String, u64>>,
    /// All of them.
    total: u64,
    /// The producers whose records were refused, those with the most first; at most 100.
    producers: Vec<ProducerRow>,
}

/// Who published records that were refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProducerRow {
    /// The source token of its subjects.
    source: String,
    /// Records that were refused.
    rejected: u64,
    /// Records of its messages since the first that was refused, that one and them.
    records: u64,
    /// Share of refused records in the last half minute that was judged.
    recent_share: f64,
    last_at: String,
    /// What was wrong with the last one.
    reason: String,
    detail: String,
    pointer: String,
}

/// Producers that are listed.
const PRODUCERS_SHOWN: usize = 100;

impl ProducerRow {
    fn all(view: &View) -> Vec<Self> {
        let watched = view.analysis.values().map(|subject| &subject.watched);
        let mut rows: Vec<Self> = watched
            .filter_map(|watched| {
                let refusals = watched.refusals.as_ref().filter(|refusals| refusals.refused != 0)?;
                Some(Self {
                    source: watched.name.to_string(),
                    rejected: refusals.refused,
                    records: refusals.records,
                    recent_share: refusals.share,
                    last_at: refusals.last_at.to_string(),
                    reason: refusals.reason.to_string(),
                    detail: refusals.detail.to_string(),
                    pointer: refusals.pointer.to_string(),
                })
            })
            .collect();
        rows.sort_by(|a, b| b.rejected.cmp(&a.rejected).then_with(|| a.source.cmp(&b.source)));
        rows.truncate(PRODUCERS_SHOWN);
        rows
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RejectedRow {
    seq: u64,
    /// Of the record within its message.
    index: u32,
    kind: &'static str,
    source: String,
    stored_at: String,
    reason: String,
    detail: String,
    /// JSON Pointer within the message.
    pointer: String,
    /// What else is wrong with the record.
    also: Vec<FaultShown>,
}

/// Rejected records
#[utoipa::path(
    get, path = "/api/v1/rejected", tag = "log", params(RejectedQuery),
    responses(
        (status = 200, description = "A page, newest first", body = RejectedPage, example = json!({"items": [
            {"seq": 17, "index": 0, "kind": "label", "source": "checkout", "stored_at": "2026-01-01T00:00:00Z",
             "reason": "missing_field", "detail": "`prediction_id` is required", "pointer": "/prediction_id", "also": []}],
            "next": null, "counts": {"label": {"missing_field": 1}}, "total": 1, "producers": [{"source": "checkout", "rejected": 1, "records": 12, "recent_share": 0.0,
                "last_at": "2026-01-01T00:00:00Z", "reason": "missing_field", "detail": "`prediction_id` is required", "pointer": "/prediction_id"}]})),
        (status = 400, description = "A bad limit, cursor, kind or reason", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Query(query): Query<RejectedQuery>,
) -> Result<Json<RejectedPage>, Problem> {
    let limit = page::limit(query.limit)?;
    let kind = query.kind.as_deref().map(kind_of_input).transpose()?;
    if let Some(reason) = &query.reason {
        let mut known: BTreeSet<&str> = wire::Reason::ALL.map(wire::Reason::as_str).into();
        // those that no decoder gives, such as of a bound that was reached
        known.extend(view.rejections.counts().map(|(_, reason, _)| reason));
        if !known.contains(reason.as_str()) {
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            return Err(Problem::bad_request("bad-reason", format!("reason is one of {known}, not {reason:?}")));
        }
    }
    let mut counts: BTreeMap<&'static str, BTreeMap<String, u64>> = BTreeMap::new();
    for (kind, reason, count) in view.rejections.counts() {
        counts.entry(kind.as_str()).or_default().insert(reason.to_owned(), count);
    }
    let reader = shared.app.reader.clone();
    let page = shared.blocking(move || {
        let wanted = |entry: &Rejected| {
            kind.is_none_or(|kind| entry.kind == kind)
                && query.reason.as_ref().is_none_or(|reason| entry.fault.reason == *reason)
                && query.source.as_ref().is_none_or(|source| entry.source == *source)
        };
        let prefix = List::Rejected.all();
        newest(&reader, &prefix, query.cursor.as_deref(), limit, |value| Ok(Some(decode(value)?).filter(wanted)))
    });
    let (entries, next) = page.await?;
    Ok(Json(RejectedPage {
        items: entries.into_iter().map(RejectedRow::of).collect(),
        next,
        counts,
        total: view.rejections.total(),
        producers: ProducerRow::all(&view),
    }))
}

/// A kind by its subject token, `unknown` being that of tokens that name none.
pub fn kind_of_input(token: &str) -> Result<Kind, Problem> {
    let kinds = || Kind::ALL.into_iter().chain([Kind::Unknown]);
    kinds().find(|kind| kind.as_str() == token).ok_or_else(|| {
        let known = kinds().map(Kind::as_str).collect::<Vec<_>>().join(", ");
        Problem::bad_request("bad-kind", format!("kind is one of {known}, not {token:?}"))
    })
}

/// Original bytes
///
/// A rejected message as it was published, from the log.
#[utoipa::path(
    get, path = "/api/v1/rejected/{seq}", tag = "log",
    params(("seq" = u64, Path, description = "Stream sequence")),
    responses(
        (status = 200, description = "The bytes, with the headers Tidewatch-Subject and Tidewatch-Stored-At", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 404, description = "The log does not hold that message, or nothing of it was rejected", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(State(shared): State<Arc<Shared>>, Path(seq): Path<u64>) -> Result<Response, Problem> {
    let message = message(&shared, seq).await?;
    let reader = shared.app.reader.clone();
    let root = shared.app.nats.root().clone();
    let rejected = shared.blocking(move || {
        let faulty = decoded(&message, &root).iter().any(Result::is_err);
        // a record can be well formed and rejected all the same, when a bound was reached
        let listed = faulty || !of_message(&reader, seq)?.is_empty();
        Ok(listed.then_some(message))
    });
    let Some(message) = rejected.await? else {
        return Err(Problem::not_found("not-rejected", format!("nothing of the message at sequence {seq} was rejected")));
    };
    // a subject can hold any bytes; a header cannot
    let subject = message.subject.split('.').map(token).collect::<Vec<_>>().join(".");
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (CONTENT_DISPOSITION, HeaderValue::from_str(&format!("attachment; filename=\"rejected-{seq}.bin\"")).expect("digits")),
        (SUBJECT, HeaderValue::from_str(&subject).expect("tokens are plain")),
        (STORED_AT, HeaderValue::from_str(&message.stored_at.to_string()).expect("an instant is plain")),
    ];
    Ok((StatusCode::OK, headers, message.payload).into_response())
}

/// The message at `seq` of the input stream.
pub async fn message(shared: &Shared, seq: u64) -> Result<StoredMessage, Problem> {
    let found = shared.app.nats.get_message(Role::Input, seq).await.map_err(|error| unreachable(&error))?;
    found.ok_or_else(|| {
        Problem::not_found("no-such-message", format!("the log holds no message at sequence {seq}, or no longer"))
    })
}

/// The log could not be asked.
pub fn unreachable(error: &StreamError) -> Problem {
    tracing::warn!(error = %crate::telemetry::chain(error), "the log could not be asked");
    Problem::unavailable("log-unreachable", error.to_string(), 2)
}

/// The records of a stored message.
pub fn decoded(
    message: &StoredMessage,
    root: &crate::event::subject::Root,
) -> Vec<Result<crate::event::Event, crate::event::Fault>> {
    let headers = MessageHeaders(&message.headers);
    let raw = wire::Raw {
        seq: message.seq,
        stored_at: message.stored_at,
        subject: &message.subject,
        headers: &headers,
        payload: &message.payload,
    };
    wire::decode(raw, root, Arrow).records
}

/// The headers of a stored message, as the decoder asks for them.
pub struct MessageHeaders<'a>(pub &'a async_nats::HeaderMap);

impl wire::Headers for MessageHeaders<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        header(self.0, name)
    }
}

/// The records of one message that were rejected, if the list still holds them.
pub fn of_message(reader: &Reader, seq: u64) -> Result<Vec<Rejected>, Problem> {
    let prefix = List::Rejected.all();
    let mut found = Vec::new();
    let mut is_past = false;
    // newest first and by sequence: what lies before it is of no interest
    let keep = |entry: Rejected| {
        is_past = entry.seq < seq;
        if entry.seq == seq {
            found.push(entry);
        }
        is_past
    };
    walk(reader, &prefix, keep)?;
    found.reverse();
    Ok(found)
}

fn walk(reader: &Reader, prefix: &[u8], mut stop: impl FnMut(Rejected) -> bool) -> Result<(), Problem> {
    let mut before: Option<Vec<u8>> = None;
    for _ in 0..=REJECTED_MAX as usize / BATCH {
        let rows = rows(reader, prefix, before.as_deref(), BATCH)?;
        for (_, value) in &rows {
            if stop(decode(value)?) {
                return Ok(());
            }
        }
        match rows.into_iter().last() {
            Some((key, _)) => before = Some(key),
            None => return Ok(()),
        }
    }
    Ok(())
}

/// A page of the rows under `prefix`, newest first, each decoded by `read`, which passes over a row by `None`; with the cursor of
/// the next page.
pub fn newest<T>(
    reader: &Reader,
    prefix: &[u8],
    cursor: Option<&str>,
    limit: usize,
    read: impl Fn(&Value) -> Result<Option<T>, Problem>,
) -> Result<(Vec<T>, Option<String>), Problem> {
    let mut before = cursor.map(|cursor| page::key_of(cursor, prefix)).transpose()?;
    let mut items: Vec<T> = Vec::new();
    let mut last = None;
    loop {
        let rows = rows(reader, prefix, before.as_deref(), BATCH)?;
        let is_end = rows.len() < BATCH;
        for (key, value) in rows {
            if let Some(item) = read(&value)? {
                if items.len() == limit {
                    return Ok((items, last));
                }
                items.push(item);
                last = Some(page::after_key(&key));
            }
            before = Some(key);
        }
        if is_end {
            return Ok((items, None));
        }
    }
}

fn rows(reader: &Reader, prefix: &[u8], before: Option<&[u8]>, limit: usize) -> Result<Vec<(Vec<u8>, Value)>, Problem> {
    let rows = match before {
        None => reader.scan_prefix(prefix, Order::Descending, limit),
        Some(key) => reader.scan(Bound::Included(prefix), Bound::Excluded(key), Order::Descending, limit),
    };
    rows.map_err(|error| Problem::store(&error))
}

fn decode(value: &Value) -> Result<Rejected, Problem> {
    rmp_serde::from_slice(value).map_err(|_| Problem::damaged("a rejected record"))
}

impl RejectedRow {
    fn of(entry: Rejected) -> Self {
        Self {
            seq: entry.seq,
            index: entry.index,
            kind: entry.kind.as_str(),
            source: entry.source.into_string(),
            stored_at: entry.stored_at.to_string(),
            also: FaultShown::others(&entry.fault),
            reason: entry.fault.reason.into_string(),
            detail: entry.fault.detail,
            pointer: entry.fault.pointer,
        }
    }
}
