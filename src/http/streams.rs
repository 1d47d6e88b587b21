//! `GET /api/v1/streams`: the log itself.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::event;
use crate::http::page::Whole;
use crate::http::problem::Problem;
use crate::http::rejected::unreachable;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::nats::provision::Role;
use crate::nats::room::Held;
use crate::telemetry;
use crate::view::View;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().with(event::Role::Viewer, routes!(list))
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Streams {
    items: Vec<StreamRow>,
    /// Always null: the list is whole.
    #[schema(value_type = Option<String>)]
    next: Whole,
    server: ServerRow,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct StreamRow {
    name: String,
    subjects: Vec<String>,
    messages: u64,
    bytes: u64,
    first_seq: u64,
    last_seq: u64,
    created_at: String,
    /// Last sequence applied; null for streams that are not input.
    position: Option<u64>,
    /// Messages stored and not yet applied.
    lag: Option<u64>,
    /// What its settings let it hold; null without a bound.
    max_bytes: Option<u64>,
    max_messages: Option<u64>,
    /// Share of its bound, 0 to 1; of both the larger.
    used: Option<f64>,
    /// Mean growth of some ten minutes; null until it is known, and for streams that are not input.
    bytes_per_second: Option<f64>,
    /// Until it is full at that growth; null if it does not grow.
    hours_left: Option<f64>,
    /// Growth of the last day, by the mean size of its messages; null of a log younger than an hour, and for streams that are not input.
    day_bytes_per_second: Option<f64>,
    /// Until it is full at the growth of the last day; null if it does not grow.
    day_hours_left: Option<f64>,
    /// Where the stream is not as declared.
    differences: Vec<DifferenceRow>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DifferenceRow {
    field: String,
    #[schema(value_type = serde_json::Value)]
    wanted: serde_json::Value,
    #[schema(value_type = serde_json::Value)]
    actual: serde_json::Value,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ServerRow {
    version: String,
    url: String,
    /// Started and watched by this process.
    managed: bool,
    /// What an acknowledgement survives; null if somebody else's server does not say.
    sync_interval: Option<String>,
}

/// Streams
#[utoipa::path(
    get, path = "/api/v1/streams", tag = "log",
    responses(
        (status = 200, description = "The streams and their server", body = Streams, example = json!({"items": [{"name": "TW_INPUT", "subjects": ["tw.in.>"], "messages": 1024, "bytes": 250000, "first_seq": 1, "last_seq": 1024, "created_at": "2026-01-01T00:00:00Z", "position": 1024, "lag": 0, "max_bytes": 68719476736u64, "max_messages": null, "used": 0.0000036, "bytes_per_second": 230.5, "hours_left": 82810.2, "day_bytes_per_second": 210.1, "day_hours_left": 90850.3, "differences": []}], "server": {"version": "2.12.0", "url": "nats://127.0.0.1:4222", "managed": true, "sync_interval": "100ms"}})),
        (status = 503, description = "The log cannot be reached", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(State(shared): State<Arc<Shared>>, Extension(view): Extension<Arc<View>>) -> Result<Json<Streams>, Problem> {
    let nats = &shared.app.nats;
    let mut items = Vec::with_capacity(shared.app.streams.len());
    for stream in shared.app.streams.iter() {
        let status = nats.status(stream.role).await.map_err(|error| unreachable(&error))?;
        let is_input = stream.role == Role::Input;
        let differences = stream.differences.iter().map(|difference| DifferenceRow {
            field: difference.field.clone(),
            wanted: difference.wanted.clone(),
            actual: difference.actual.clone(),
        });
        items.push(StreamRow {
            name: stream.name.clone(),
            subjects: stream.subjects.clone(),
            messages: status.messages,
            bytes: status.bytes,
            first_seq: status.first_seq,
            last_seq: status.last_seq,
            created_at: status.created.to_string(),
            position: is_input.then_some(view.position),
            lag: is_input.then(|| status.last_seq.saturating_sub(view.position)),
            max_bytes: status.max_bytes,
            max_messages: status.max_messages,
            used: status.held().iter().filter_map(Held::share).reduce(f64::max),
            bytes_per_second: telemetry::LOG_BYTES_PER_SECOND.get().filter(|_| is_input),
            hours_left: telemetry::LOG_LEFT_SECONDS.get().filter(|_| is_input).map(|seconds| seconds / 3_600.0),
            day_bytes_per_second: telemetry::LOG_DAY_BYTES_PER_SECOND.get().filter(|_| is_input),
            day_hours_left: telemetry::LOG_DAY_LEFT_SECONDS.get().filter(|_| is_input).map(|seconds| seconds / 3_600.0),
            differences: differences.collect(),
        });
    }
    let settings = &shared.app.settings;
    let server = ServerRow {
        version: nats.server_version(),
        url: nats.url().to_owned(),
        managed: settings.nats_managed,
        sync_interval: settings.nats_sync_interval.clone(),
    };
    Ok(Json(Streams { items, next: Whole, server }))
}
