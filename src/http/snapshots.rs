//! `/api/v1/snapshots`: what a rebuild can begin with.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::event::Role;
use crate::http::page::Whole;
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::snapshot::{Shelf, SnapshotSummary, Taken};

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().with(Role::Viewer, routes!(list)).with(Role::Admin, routes!(create))
}

/// Somebody who waits for a snapshot that is taken now.
pub type SnapshotRequest = oneshot::Sender<Result<Taken, String>>;

/// Where snapshots lie, and who takes them.
#[derive(Clone)]
pub struct SnapshotDesk {
    pub shelf: Shelf,
    /// Full: one is being taken, and one more waits.
    pub requests: mpsc::Sender<SnapshotRequest>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SnapshotList {
    /// The newest first.
    items: Vec<SnapshotSummary>,
    /// Always null: the list is whole.
    #[schema(value_type = Option<String>)]
    next: Whole,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct TakenSnapshot {
    #[serde(flatten)]
    snapshot: SnapshotSummary,
    /// Parts that no earlier snapshot had.
    parts_written: usize,
}

/// Snapshots
///
/// A snapshot is in the list once it was read back and agreed with the store.
#[utoipa::path(
    get, path = "/api/v1/snapshots", tag = "log",
    responses(
        (status = 200, description = "The snapshots in the data directory", body = SnapshotList, example = json!({"items": [{"id": "81920-9f3a1c2b4d5e6f70", "position": 81920, "problem": null, "digest": "00000000000000000000000000000000", "taken_at": "2026-01-01T00:00:00Z", "log_time": "2026-01-01T00:00:00Z", "log_created_at": "2025-12-01T00:00:00Z", "format": "tidewatch store 11", "version": "0.1.0", "rows": 1024, "bytes": 250000, "stored_bytes": 90000, "parts": 3}]})),
        (status = 500, description = "Their directory cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(State(shared): State<Arc<Shared>>) -> Result<Json<SnapshotList>, Problem> {
    let shelf = shared.app.snapshots.shelf.clone();
    let listed = shared.blocking(move || {
        let unreadable = |error: crate::snapshot::Error| {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "snapshots-unreadable", error.to_string())
        };
        Ok(shelf.list().map_err(unreadable)?.iter().map(SnapshotSummary::of).collect())
    });
    Ok(Json(SnapshotList { items: listed.await?, next: Whole }))
}

/// Take a snapshot
///
/// Answers once it was read back. Reading and publishing go on meanwhile.
#[utoipa::path(
    post, path = "/api/v1/snapshots", tag = "log",
    responses(
        (status = 201, description = "It counts", body = TakenSnapshot, example = json!({"id": "81920-9f3a1c2b4d5e6f70", "position": 81920, "problem": null, "digest": "00000000000000000000000000000000", "taken_at": "2026-01-01T00:00:00Z", "log_time": "2026-01-01T00:00:00Z", "log_created_at": "2025-12-01T00:00:00Z", "format": "tidewatch store 11", "version": "0.1.0", "rows": 1024, "bytes": 250000, "stored_bytes": 90000, "parts": 3, "parts_written": 1})),
        (status = 409, description = "Others are being taken", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "It was not taken", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn create(State(shared): State<Arc<Shared>>) -> Result<(StatusCode, Json<TakenSnapshot>), Problem> {
    let (request, taken) = oneshot::channel();
    if shared.app.snapshots.requests.try_send(request).is_err() {
        let detail = "another snapshot is being taken and one more waits; try again when they are done";
        return Err(Problem::new(StatusCode::CONFLICT, "snapshot-busy", detail));
    }
    match taken.await {
        Ok(Ok(Taken { id, manifest, parts_written })) => {
            let snapshot = SnapshotSummary::new(&id, &manifest);
            Ok((StatusCode::CREATED, Json(TakenSnapshot { snapshot, parts_written })))
        }
        Ok(Err(reason)) => Err(Problem::unavailable("snapshot-failed", format!("no snapshot was taken: {reason}"), 60)),
        Err(_stopped) => Err(Problem::unavailable("stopping", "the process stops", 5)),
    }
}
