//! `POST /api/v1/publish/{kind}/{source}`: the door, over HTTP.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::event::Role;
use crate::event::wire::{self, MESSAGE_BYTES_MAX, decode_body};
use crate::event::{Event, Fault, Kind};
use crate::files::message::Arrow;
use crate::http::access::role_to_publish;
use crate::http::applied::refusal;
use crate::http::auth::{Caller, lacking};
use crate::http::problem::Problem;
use crate::http::rejected;
use crate::http::room;
use crate::http::routes::Routes;
use crate::http::schema;
use crate::http::shared::Shared;
use crate::ids::Slug;
use crate::nats::{Headers, Stored};
use crate::time::Timestamp;
use crate::view::View;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().with(Role::Operator, routes!(publish))
}

/// Faults that are told one by one; the rest is counted.
const FAULTS_SHOWN: usize = 100;

/// The headers of a request that go into the log with its body.
const CARRIED: [&str; 8] =
    ["content-type", "nats-msg-id", "ce-id", "ce-time", "ce-source", "ce-type", "ce-specversion", "ce-subject"];

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PublishQuery {
    /// `applied`: answer once the message has been applied, not only stored.
    #[param(example = "applied")]
    wait: Option<String>,
    /// Publish the message even if some of its records are faulty; the log keeps them, and they are rejected when they are applied. A body
    /// that is no record and no list of records is refused all the same.
    #[serde(default)]
    partial: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Published {
    /// Stream sequence; of a message with a `Nats-Msg-Id` the stream knows already, the first one's.
    seq: u64,
    /// Records in the message.
    records: usize,
    /// Whether the read side shows it already.
    applied: bool,
    /// The stream had this message already, under the same `Nats-Msg-Id`: nothing was stored a second time.
    duplicate: bool,
    /// Records that were not accepted, one entry each; at most 100.
    rejected: Vec<FaultShown>,
}

/// Why a record is not accepted.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(no_recursion)]
pub struct FaultShown {
    /// A stable code, such as `missing_field`.
    reason: String,
    /// What is wrong and how to fix it.
    detail: String,
    /// JSON Pointer within the message.
    pointer: String,
    /// What else is wrong with the same record; absent if nothing is, and where each fault is an entry of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<FaultShown>,
}

impl FaultShown {
    /// The faults of the record beside the first.
    pub fn others(fault: &Fault) -> Vec<Self> {
        fault.also.iter().map(Self::alone).collect()
    }

    /// The fault without the others of its record.
    fn alone(fault: &Fault) -> Self {
        let Fault { reason, detail, pointer, also: _ } = fault;
        Self { reason: reason.to_string(), detail: detail.clone(), pointer: pointer.clone(), also: Vec::new() }
    }
}

impl From<&Fault> for FaultShown {
    fn from(fault: &Fault) -> Self {
        Self { also: Self::others(fault), ..Self::alone(fault) }
    }
}

/// The headers of a request, as the decoder asks for them.
pub struct RequestHeaders<'a>(pub &'a HeaderMap);

impl wire::Headers for RequestHeaders<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str().ok()
    }
}

/// Publish
///
/// Takes what the subject `<root>.in.<kind>.<source>` takes: one record, an array of them or newline-delimited JSON, as JSON or
/// MessagePack, 1 MiB at most; predictions and labels also as an Arrow stream (`application/vnd.apache.arrow.stream`), each row a
/// record. Every record is checked before anything is stored: with one fault the whole message is refused
/// and all faults are told, all those of a record too, unless `partial=true`. `Nats-Msg-Id` or `Idempotency-Key` makes repeating safe:
/// the same message again is stored once, and another one under a used id is refused. Publishing a
/// `command` needs the role admin, all else operator; `outcome` and `tick` are published by the server only.
#[utoipa::path(
    post, path = "/api/v1/publish/{kind}/{source}", tag = "publish",
    params(
        ("kind" = String, Path, description = "prediction, label, sample, log, event, snapshot, job or command",
         pattern = "^(prediction|label|sample|log|event|snapshot|job|command)$", example = "prediction"),
        ("source" = String, Path, description = "Who sends it: 1 to 64 of A-Z a-z 0-9 _ -", pattern = "^[A-Za-z0-9_-]{1,64}$", example = "checkout"),
        PublishQuery,
    ),
    request_body(content = inline(schema::Records), description = "One record or many", example = json!(
        {"prediction_id": "p-1", "model": "fraud", "prediction": "1", "confidence": 0.93, "response_time": 0.012})),
    responses(
        (status = 202, description = "Stored", body = Published, example = json!({"seq": 1024, "records": 1, "applied": false, "duplicate": false, "rejected": []})),
        (status = 200, description = "Stored and applied", body = Published, example = json!({"seq": 1024, "records": 1, "applied": true, "duplicate": false, "rejected": []})),
        (status = 400, description = "A bad kind, source or header", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The Nats-Msg-Id was used for another message; nothing was stored", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "More than 1 MiB", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Faulty records; nothing was stored", body = Problem, content_type = "application/problem+json",
         example = json!({"type": "urn:tidewatch:problem:faulty-records", "title": "faulty records", "status": 422,
            "detail": "1 of 1 records is faulty: /confidence: must be in 0 to 1, not 93; divide a percentage by 100; nothing was stored", "records": 1, "faulty": 1,
            "faults": [{"reason": "out_of_range", "detail": "must be in 0 to 1, not 93; divide a percentage by 100", "pointer": "/confidence"},
                {"reason": "missing_field", "detail": "`prediction` is required unless `error` says why there is none", "pointer": "/prediction"}]})),
        (status = 503, description = "The log cannot be reached or is full; nothing was stored", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn publish(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path((kind, source)): Path<(String, String)>,
    Query(query): Query<PublishQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let kind = parse_kind(&kind, &caller)?;
    let source = Slug::try_from(source.as_str()).map_err(|error| Problem::bad_request("bad-source", error.to_string()))?;
    let wait = match query.wait.as_deref() {
        None => false,
        Some("applied") => true,
        Some(other) => return Err(Problem::bad_request("bad-wait", format!("wait is `applied` or left out, not {other:?}"))),
    };
    if body.is_empty() {
        return Err(Problem::bad_request("empty-body", "the body is empty; it holds one record, or several"));
    }
    if MESSAGE_BYTES_MAX < body.len() {
        let detail = format!(
            "a message holds at most {MESSAGE_BYTES_MAX} bytes, this one has {}; send its records in several",
            body.len()
        );
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail));
    }
    let carried = carried(&headers)?;
    let (records, faults) = {
        let (source, body, headers) = (source.clone(), body.clone(), headers.clone());
        let (now, view) = (shared.log_clock.now(), shared.view());
        let checked = shared.blocking(move || Ok(check(kind, &source, &headers, &body, now, &view)));
        checked.await?
    };
    let is_taken = faults.is_empty() || query.partial && holds_records(records, &faults);
    if !is_taken {
        return Err(faulty(records, &faults));
    }
    let Stored { seq, is_repeat: duplicate } =
        shared.app.door.publish_once(kind, &source, carried, body).await.map_err(refusal)?;
    if wait && shared.applied(seq).await.is_some() {
        let reader = shared.app.reader.clone();
        let rejected = shared.blocking(move || rejected::of_message(&reader, seq)).await?;
        let rejected = rejected.iter().map(|entry| FaultShown::from(&entry.fault)).collect();
        return Ok(Json(Published { seq, records, applied: true, duplicate, rejected }).into_response());
    }
    let rejected = faults.iter().take(FAULTS_SHOWN).map(FaultShown::from).collect();
    Ok((StatusCode::ACCEPTED, Json(Published { seq, records, applied: false, duplicate, rejected })).into_response())
}

/// Decodes a body as it will be decoded when it is applied if it is stored at `now`: how many records it has, and the faults among them. Names
/// for which `view` has no room are faults too.
pub fn check(kind: Kind, source: &Slug, headers: &HeaderMap, body: &[u8], now: Timestamp, view: &View) -> (usize, Vec<Fault>) {
    let headers = RequestHeaders(headers);
    let content_type = wire::Headers::get(&headers, "content-type");
    let records: Vec<Result<Event, Fault>> = decode_body(kind, source, content_type, &headers, body, now, Arrow);
    let crowded = room::refused(view, &records);
    (records.len(), records.into_iter().filter_map(Result::err).chain(crowded).collect())
}

/// Whether a message holds records at all. The one fault of a message that cannot be read, such as a bare number, points at the whole of it.
fn holds_records(records: usize, faults: &[Fault]) -> bool {
    1 < records || !faults.iter().any(|fault| fault.pointer.is_empty())
}

/// The refusal of a message with faults.
pub fn faulty(records: usize, faults: &[Fault]) -> Problem {
    let shown: Vec<FaultShown> = faults.iter().flat_map(Fault::all).take(FAULTS_SHOWN).map(FaultShown::alone).collect();
    let told = |fault: &Fault| match fault.pointer.as_str() {
        "" => format!(": {}", fault.detail),
        pointer => format!(": {pointer}: {}", fault.detail),
    };
    let first = faults.first().map(told).unwrap_or_default();
    let verb = if faults.len() == 1 { "is" } else { "are" };
    let detail = format!("{} of {records} records {verb} faulty{first}; nothing was stored", faults.len());
    Problem::unprocessable("faulty-records", detail).with("records", records).with("faulty", faults.len()).with("faults", shown)
}

fn parse_kind(token: &str, caller: &Caller) -> Result<Kind, Problem> {
    let kind = Kind::from_token(token);
    if kind == Kind::Unknown {
        let known: Vec<&str> = Kind::ALL.into_iter().filter(|kind| !kind.is_internal()).map(Kind::as_str).collect();
        return Err(Problem::bad_request("bad-kind", format!("kind is one of {}, not {token:?}", known.join(", "))));
    }
    match role_to_publish(kind) {
        None => Err(Problem::forbidden(format!("what is of kind {token} comes from the server itself only"))),
        Some(role) if caller.role < role => Err(lacking(role)),
        Some(_) => Ok(kind),
    }
}

fn carried(headers: &HeaderMap) -> Result<Headers, Problem> {
    let text = |name: &str| -> Result<Option<String>, Problem> {
        let Some(value) = headers.get(name) else { return Ok(None) };
        let text =
            value.to_str().map_err(|_| Problem::bad_request("bad-header", format!("the header {name} is not plain text")))?;
        Ok(Some(text.to_owned()))
    };
    let mut carried = Headers::new();
    for name in CARRIED {
        if let Some(value) = text(name)? {
            carried = carried.with(canonical(name), &value).map_err(refusal)?;
        }
    }
    if headers.get("nats-msg-id").is_none()
        && let Some(value) = text("idempotency-key")?
    {
        carried = carried.with("Nats-Msg-Id", &value).map_err(refusal)?;
    }
    Ok(carried)
}

/// As other publishers write them; the server compares the id's name by case.
fn canonical(name: &str) -> &str {
    match name {
        "nats-msg-id" => "Nats-Msg-Id",
        "content-type" => "Content-Type",
        other => other,
    }
}
