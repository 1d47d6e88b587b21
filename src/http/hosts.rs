//! `/api/v1/hosts`: the sources that are machines, each at a glance, and one with all its series and what they have been.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::event::Role;
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::http::step::Step;
use crate::http::{page, sources};
use crate::ids::Name;
use crate::monitor::analysis::About;
use crate::view::View;
use crate::view::analysis::subject_of;
use crate::view::source::Server;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().of_view(routes!(list)).with(Role::Viewer, routes!(show))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct HostsQuery {
    /// Only hosts whose name holds this text, whatever the case.
    q: Option<String>,
    /// 1 to 1,000; 100 if left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct HostPage {
    position: u64,
    epoch: u64,
    /// By name.
    items: Vec<HostFigures>,
    next: Option<String>,
}

/// A machine at a glance.
#[derive(Debug, Serialize, ToSchema)]
pub struct HostFigures {
    id: String,
    /// Percent: the mean over its cores, memory that is not available, and its fullest mount.
    cpu: Option<f64>,
    memory: Option<f64>,
    disk: Option<f64>,
    /// Bytes received and sent so far, all interfaces together.
    network_received_bytes: Option<f64>,
    network_sent_bytes: Option<f64>,
    /// healthy, warning or critical.
    status: &'static str,
    /// Limits it violates now.
    alerts: u32,
    /// When its newest sample was taken.
    last_at: String,
    /// Percent, the mean over its GPUs; null without one.
    gpu: Option<f64>,
    /// A GPU is slower than it could be, because of heat or power.
    gpu_throttled: Option<bool>,
    /// Findings that go on.
    findings: usize,
    /// Jobs that run on it, and jobs of it that are known.
    running: usize,
    jobs: usize,
    /// Models that its jobs are about, by name.
    models: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct HostAnswer {
    #[serde(flatten)]
    host: HostFigures,
    /// By name and labels.
    series: Vec<HostSeries>,
    position: u64,
    epoch: u64,
}

/// A series with its last values.
#[derive(Debug, Serialize, ToSchema)]
pub struct HostSeries {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
    unit: Option<String>,
    at: String,
    /// The last 60 at most that this process has read, oldest first: seconds since 1970, and the value.
    trail: Vec<(f64, f64)>,
}

/// Hosts
///
/// The sources that send figures of a processor or of memory, by name, page by page.
#[utoipa::path(
    get, path = "/api/v1/hosts", tag = "sources", params(HostsQuery),
    responses(
        (status = 200, description = "A page of hosts", body = HostPage,
         example = json!({"position": 1024, "epoch": 1, "items": [{"id": "gpu-01", "cpu": 61.5, "memory": 40.2, "disk": 71.0, "network_received_bytes": 1024.0, "network_sent_bytes": 2048.0, "status": "healthy", "alerts": 0, "last_at": "2026-01-01T00:10:00Z", "gpu": 88.0, "gpu_throttled": false, "findings": 0, "running": 1, "jobs": 12, "models": ["whisper"]}], "next": null})),
        (status = 400, description = "A bad limit or cursor", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Query(query): Query<HostsQuery>,
) -> Result<Json<HostPage>, Problem> {
    let limit = page::limit(query.limit)?;
    let after = query.cursor.as_deref().map(page::name_of).transpose()?;
    let wanted = query.q.map(|text| text.to_lowercase());
    let page = shared.blocking(move || {
        let jobs = Jobs::of(&view);
        let is_wanted = |name: &Name| {
            after.as_deref().is_none_or(|after| after < name.as_str())
                && wanted.as_deref().is_none_or(|text| name.as_str().to_lowercase().contains(text))
        };
        let names = view.sources.keys().filter(|name| is_wanted(name));
        let mut found = names.filter_map(|name| HostFigures::of(&view, name, &jobs));
        let items: Vec<HostFigures> = found.by_ref().take(limit).collect();
        let next = found.next().and_then(|_| items.last()).map(|last| page::after_name(&last.id));
        Ok(HostPage { position: view.position, epoch: view.epoch, items, next })
    });
    Ok(Json(page.await?))
}

/// One host
///
/// Its figures, and each of its series with the last values that this process has read.
#[utoipa::path(
    get, path = "/api/v1/hosts/{host}", tag = "sources",
    params(("host" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`")),
    responses(
        (status = 200, description = "The host", body = HostAnswer,
         example = json!({"id": "gpu-01", "cpu": 61.5, "memory": 40.2, "disk": 71.0, "network_received_bytes": 1024.0, "network_sent_bytes": 2048.0, "status": "healthy", "alerts": 0, "last_at": "2026-01-01T00:10:00Z", "gpu": 88.0, "gpu_throttled": false, "findings": 0, "running": 1, "jobs": 12, "models": ["whisper"], "series": [{"name": "tidewatch_cpu_usage_percent", "labels": {"core": "0", "server": "gpu-01"}, "value": 61.5, "unit": null, "at": "2026-01-01T00:10:00Z", "trail": [[1767225585.0, 58.0], [1767225600.0, 61.5]]}], "position": 1024, "epoch": 1})),
        (status = 404, description = "No such host", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(Step(name)): Path<Step>,
) -> Result<Json<HostAnswer>, Problem> {
    let (_, source) = sources::find(&view, &name)?;
    let trails = Arc::clone(&shared.app.trails);
    let answer = shared.blocking(move || {
        let host = HostFigures::of(&view, &source.name, &Jobs::of(&view)).ok_or_else(|| {
            let detail =
                format!("source {name:?} sends no figures of a processor or of memory; GET /api/v1/hosts lists those that do");
            Problem::not_found("not-a-host", detail)
        })?;
        let series = source.series.iter().map(|(key, latest)| HostSeries {
            name: key.0.to_string(),
            labels: key.1.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            value: latest.value,
            unit: latest.unit.as_ref().map(ToString::to_string),
            at: latest.at.to_string(),
            trail: trails.of(&source.name, key).into_iter().map(|(at, value)| (at.micros() as f64 / 1e6, value)).collect(),
        });
        Ok(HostAnswer { host, series: series.collect(), position: view.position, epoch: view.epoch })
    });
    Ok(Json(answer.await?))
}

/// The jobs of each host: how many run, how many there are, and the models they are about.
struct Jobs<'a>(BTreeMap<&'a Name, (usize, usize, Vec<&'a Name>)>);

impl<'a> Jobs<'a> {
    /// Walks through all jobs once.
    fn of(view: &'a View) -> Self {
        let mut jobs: BTreeMap<&Name, (usize, usize, Vec<&Name>)> = BTreeMap::new();
        for job in view.jobs.values() {
            let (running, all, models) = jobs.entry(&job.source).or_default();
            *running += usize::from(!job.has_ended());
            *all += 1;
            models.extend(&job.model);
        }
        for (_, _, models) in jobs.values_mut() {
            models.sort_unstable();
            models.dedup();
        }
        Self(jobs)
    }
}

impl HostFigures {
    /// `None`: it is no host.
    fn of(view: &View, name: &Name, jobs: &Jobs<'_>) -> Option<Self> {
        let (_, source) = view.sources.get(name)?;
        let Server { id, cpu, memory, disk, network, status, alerts, last_at } = Server::of(source, view.log_time)?;
        let of = |metric: &str| -> Vec<f64> {
            let named = source.series.iter().filter(|((name, _), _)| name.as_str() == metric);
            named.map(|(_, latest)| latest.value).collect()
        };
        let (gpus, throttled) = (of("tidewatch_gpu_utilization_percent"), of("tidewatch_gpu_throttled"));
        let (running, all, models) =
            jobs.0.get(name).map_or((0, 0, &[][..]), |(running, all, models)| (*running, *all, models));
        Some(Self {
            id,
            cpu,
            memory,
            disk,
            network_received_bytes: network.received,
            network_sent_bytes: network.sent,
            status,
            alerts,
            last_at,
            gpu: (!gpus.is_empty()).then(|| gpus.iter().sum::<f64>() / gpus.len() as f64),
            gpu_throttled: (!throttled.is_empty()).then(|| throttled.iter().any(|value| *value != 0.0)),
            findings: subject_of(view, About::Source, name.as_str())
                .map_or(0, |subject| subject.watched.findings.iter().filter(|finding| finding.is_open()).count()),
            running,
            jobs: all,
            models: models.iter().map(ToString::to_string).collect(),
        })
    }
}
