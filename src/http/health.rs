//! How the process itself is doing: liveness, readiness, the state at a glance.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::event::Role;
use crate::event::{Lane, wire};
use crate::http::problem::{Problem, Rendered};
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::http::windows::WINDOWS_MAX;
use crate::monitor::{Counts, limits};
use crate::telemetry::{self, condition};
use crate::view::View;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default()
        .public(routes!(alive))
        .public(routes!(ready))
        .with(Role::Viewer, routes!(state))
        .with(Role::Viewer, routes!(health))
        .with(Role::Viewer, routes!(metrics))
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Alive {
    status: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// What is waited for; null when ready.
    reason: Option<String>,
    /// Messages stored and not yet applied.
    lag: u64,
    /// What is wrong now, what blocks first; left out while nothing is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conditions: Vec<ConditionShown>,
}

/// Something that is wrong with the process or with what it stands on.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConditionShown {
    /// Stable, such as `log_full` or `disk_full`.
    code: &'static str,
    /// warning or critical.
    severity: &'static str,
    /// While it holds `/ready` answers 503.
    blocks: bool,
    /// What was found, and the way out.
    detail: String,
    /// How long it has been so.
    seconds: f64,
}

/// The whole state in figures; see the contract for harnesses.
#[derive(Debug, Serialize, ToSchema)]
pub struct StateFigures {
    epoch: u64,
    position: u64,
    last_seq: u64,
    first_seq: u64,
    lag: u64,
    /// Equal for equal logs.
    digest: String,
    counts: CountFigures,
    models: BTreeMap<String, ModelFigures>,
}

/// Records: all = applied + rejected + duplicates + too_late + ignored.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct CountFigures {
    applied: u64,
    rejected: u64,
    duplicates: u64,
    /// Of the applied: to a window that had closed already.
    late: u64,
    too_late: u64,
    /// Predictions that no label joined in time.
    expired: u64,
    ignored: u64,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct ModelFigures {
    predictions: u64,
    errors: u64,
    labelled: u64,
    pending_labels: u64,
    duplicates: u64,
    conflicts: u64,
    orphans: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// ready, starting or disconnected.
    status: &'static str,
    version: &'static str,
    uptime_seconds: f64,
    position: u64,
    lag: u64,
    epoch: u64,
    /// Faults of this program since it started; its log has each.
    panics: u64,
    /// Resident memory; null where the system does not say.
    memory_bytes: Option<u64>,
    connections: Connections,
    /// Seconds since the newest snapshot was taken and read back; null if there is none.
    snapshot_age_seconds: Option<f64>,
    /// The sequence that it has applied.
    snapshot_position: Option<u64>,
    /// What is to be carried out: each lane in its own order, and none waits for another.
    outbox: Vec<LaneFigures>,
    /// What is wrong now, the worst first.
    conditions: Vec<ConditionShown>,
    /// What is refused beyond.
    limits: BTreeMap<&'static str, u64>,
}

/// Effects of one kind that are to be carried out.
#[derive(Debug, Serialize, ToSchema)]
pub struct LaneFigures {
    /// facts or jobs.
    lane: &'static str,
    /// Effects that are committed and of which the log does not say yet that they were carried out; it is told every few seconds.
    backlog: u64,
    /// Of the log: every effect of a message up to this one was carried out.
    settled_through: u64,
    /// How long the effects in hand have waited; null if there are none.
    waiting_seconds: Option<f64>,
    /// Why they wait; null if there are none.
    reason: Option<String>,
    /// Effects that made room for newer ones since the process started, and were never carried out.
    dropped: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Connections {
    websocket: usize,
}

/// Liveness
#[utoipa::path(get, path = "/healthz", tag = "process", responses((status = 200, description = "The process is alive", body = Alive, example = json!({"status": "alive"}))))]
pub async fn alive() -> Json<Alive> {
    Json(Alive { status: "alive" })
}

/// Readiness
///
/// Ready once the store is open, the stream is connected and the backlog seen at start is applied; not while facts cannot be published.
#[utoipa::path(
    get, path = "/ready", tag = "process",
    responses(
        (status = 200, description = "Ready", body = Readiness, example = json!({"reason": null, "lag": 0})),
        (status = 503, description = "Not yet", body = Readiness, example = json!({"reason": "catching up", "lag": 12000})),
    )
)]
pub async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let (ready, connected) = {
        let log = shared.app.log.borrow();
        (log.ready.clone(), log.connected)
    };
    let lag = shared.lag(&shared.view());
    let unready = ready.err().or_else(|| (!connected).then(|| "not connected to NATS".to_owned()));
    // a condition says more than that something is waited for
    let reason = condition::blocking().or(unready).or_else(facts_stopped);
    let conditions = ConditionShown::all();
    match reason {
        None => Json(Readiness { reason: None, lag, conditions }).into_response(),
        Some(reason) => {
            let headers = [(RETRY_AFTER, HeaderValue::from_static("1"))];
            // a probe reads this, so its shape is its own and not a problem
            let mut response =
                (StatusCode::SERVICE_UNAVAILABLE, headers, Json(Readiness { reason: Some(reason), lag, conditions }))
                    .into_response();
            response.extensions_mut().insert(Rendered);
            response
        }
    }
}

/// Why facts do not get out, if they have waited too long.
fn facts_stopped() -> Option<String> {
    let waiting = telemetry::lane::of(Lane::Facts).waiting().filter(|waiting| FACTS_WAIT_MAX <= waiting.since.elapsed())?;
    Some(format!("facts have waited for {} s to be published: {}", waiting.since.elapsed().as_secs(), waiting.why))
}

/// How long a fact may wait to be published before the process is not ready.
const FACTS_WAIT_MAX: Duration = Duration::from_secs(3);

/// State
#[utoipa::path(
    get, path = "/api/v1/state", tag = "process",
    responses((status = 200, description = "Position, digest, counts and models", body = StateFigures, example = json!({
        "epoch": 1, "position": 3, "last_seq": 3, "first_seq": 1, "lag": 0, "digest": "00000000000000000000000000000000",
        "counts": {"applied": 3, "rejected": 0, "duplicates": 0, "late": 0, "too_late": 0, "expired": 0, "ignored": 0},
        "models": {"fraud": {"predictions": 2, "errors": 0, "labelled": 1, "pending_labels": 0, "duplicates": 0, "conflicts": 0, "orphans": 0}}})))
)]
pub async fn state(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
) -> Result<Json<StateFigures>, Problem> {
    let (last_seq, first_seq) = {
        let log = shared.app.log.borrow();
        (log.last_seq.max(view.position), log.first_seq)
    };
    let figures = shared.making(move || {
        let models = view.models.iter().map(|(name, model)| {
            let counters = &model.counters;
            let figures = ModelFigures {
                predictions: counters.predictions,
                errors: counters.errors,
                labelled: counters.labelled,
                pending_labels: counters.pending_labels,
                duplicates: counters.duplicates,
                conflicts: counters.conflicts,
                orphans: counters.orphans,
            };
            (name.to_string(), figures)
        });
        StateFigures {
            epoch: view.epoch,
            position: view.position,
            last_seq,
            first_seq,
            lag: last_seq - view.position,
            digest: view.digest_hex(),
            counts: CountFigures::of(&view.counts),
            models: models.collect(),
        }
    });
    Ok(Json(figures.await?))
}

/// Health of the process
#[utoipa::path(get, path = "/api/v1/health", tag = "process", responses((status = 200, description = "Its figures", body = Health, example = json!({"status": "ready", "version": "0.1.0", "uptime_seconds": 12.5, "position": 1024, "lag": 0, "epoch": 1, "panics": 0, "memory_bytes": 41943040, "connections": {"websocket": 3}, "snapshot_age_seconds": 3600.5, "snapshot_position": 1000, "outbox": [{"lane": "facts", "backlog": 3, "settled_through": 1020, "waiting_seconds": null, "reason": null, "dropped": 0}], "conditions": [], "limits": {"models": 20000}}))))]
pub async fn health(State(shared): State<Arc<Shared>>, Extension(view): Extension<Arc<View>>) -> Json<Health> {
    let status = {
        let log = shared.app.log.borrow();
        match (&log.ready, log.connected) {
            (_, false) => "disconnected",
            (Err(_), true) => "starting",
            (Ok(()), true) => "ready",
        }
    };
    let settings = &shared.app.settings;
    let limits = BTreeMap::from([
        ("models", limits::MODELS_MAX as u64),
        ("sources", limits::SOURCES_MAX as u64),
        ("jobs", limits::JOBS_MAX as u64),
        ("batches", limits::BATCHES_MAX as u64),
        ("tokens", limits::TOKENS_MAX as u64),
        ("message_bytes", wire::MESSAGE_BYTES_MAX as u64),
        ("records_per_message", wire::RECORDS_MAX as u64),
        ("windows_per_answer", WINDOWS_MAX as u64),
        ("websockets", settings.websockets_max as u64),
        ("body_bytes", settings.body_bytes_max as u64),
    ]);
    Json(Health {
        status,
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: shared.app.started_at.elapsed().as_secs_f64(),
        position: view.position,
        lag: shared.lag(&view),
        epoch: view.epoch,
        panics: telemetry::PANICS.get(),
        memory_bytes: memory_bytes(),
        connections: Connections { websocket: shared.sockets_open() },
        snapshot_age_seconds: telemetry::SNAPSHOT_AGE_SECONDS.get(),
        snapshot_position: telemetry::SNAPSHOT_POSITION.get().map(|position| position as u64),
        outbox: Lane::ALL.map(|lane| LaneFigures::of(lane, &view)).into(),
        conditions: ConditionShown::all(),
        limits,
    })
}

/// Counters of the process
///
/// Prometheus text format.
#[utoipa::path(
    get, path = "/api/v1/metrics", tag = "process",
    responses((status = 200, description = "Counters", content_type = "text/plain", body = String))
)]
pub async fn metrics() -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"))], telemetry::render())
        .into_response()
}

impl LaneFigures {
    fn of(lane: Lane, view: &View) -> Self {
        let progress = telemetry::lane::of(lane);
        let waiting = progress.waiting();
        Self {
            lane: lane.as_str(),
            backlog: progress.backlog(),
            settled_through: view.settled.through(lane),
            waiting_seconds: waiting.as_ref().map(|waiting| waiting.since.elapsed().as_secs_f64()),
            reason: waiting.map(|waiting| waiting.why),
            dropped: progress.dropped(),
        }
    }
}

impl ConditionShown {
    fn all() -> Vec<Self> {
        let shown = |condition::Condition { code, severity, blocks, detail, since, .. }: condition::Condition| Self {
            code,
            severity: severity.as_str(),
            blocks,
            detail,
            seconds: since.elapsed().as_secs_f64(),
        };
        condition::list().into_iter().map(shown).collect()
    }
}

impl CountFigures {
    pub const fn of(counts: &Counts) -> Self {
        Self {
            applied: counts.applied,
            rejected: counts.rejected,
            duplicates: counts.duplicates,
            late: counts.late,
            too_late: counts.too_late,
            expired: counts.expired,
            ignored: counts.ignored,
        }
    }
}

/// Resident memory as Linux counts it.
fn memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
