//! `DELETE /api/v1/models/{model}` and `DELETE /api/v1/sources/{source}`: all that is known of one, and its name.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::event::command;
use crate::event::{Command, Kind};
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::http::step::Step;
use crate::http::{models, sources};
use crate::monitor::analysis::About;
use crate::monitor::model::Model;
use crate::monitor::source::Source;
use crate::view::View;
use crate::view::analysis::subject_of;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default()
        .with(command::models::ROLE_TO_FORGET, routes!(model))
        .with(command::models::ROLE_TO_FORGET, routes!(source))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ForgetQuery {
    /// Only say what would be deleted.
    #[serde(default)]
    dry_run: bool,
}

/// What is deleted of a model.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"name": "old-fraud", "made_by": "checkout", "forgotten": false, "predictions": 1250, "labelled": 900,
    "versions": 2, "thresholds": 1, "references": 2, "incidents": 0, "findings": 1, "last_prediction_at": "2026-01-01T00:59:59Z", "position": 1024}))]
pub struct ModelForgotten {
    name: String,
    /// Who was the first to name it.
    made_by: String,
    /// False: nothing was changed, this is what would be.
    forgotten: bool,
    /// Predictions that its windows count, and those of them that have a label.
    predictions: u64,
    labelled: u64,
    versions: usize,
    /// Thresholds of its own.
    thresholds: usize,
    /// Versions that have a reference.
    references: usize,
    /// Incidents of drift that are remembered.
    incidents: usize,
    /// Findings that are remembered.
    findings: usize,
    /// Newest event time; null if there was no prediction.
    last_prediction_at: Option<String>,
    /// Sequence of the command; of a dry answer the position that it was read at.
    position: u64,
}

/// What is deleted of a source.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"name": "pod-7f9c", "made_by": "agent", "forgotten": true, "records": 40, "series": 12, "findings": 0, "position": 1024}))]
pub struct SourceForgotten {
    name: String,
    /// Who was the first to name it.
    made_by: String,
    /// False: nothing was changed, this is what would be.
    forgotten: bool,
    /// Samples, logs, events, snapshots and jobs that came from it.
    records: u64,
    series: usize,
    /// Findings that are remembered.
    findings: usize,
    /// Sequence of the command; of a dry answer the position that it was read at.
    position: u64,
}

/// Forget a model
///
/// Deletes its windows, versions, references, thresholds and findings, and makes room for another name. With `dry_run=true` nothing changes and the
/// answer says what would be deleted. It is an event in the log, so a replay forgets it again; the records themselves stay in the log. A record
/// that names the model afterwards makes a new one.
#[utoipa::path(
    delete, path = "/api/v1/models/{model}", tag = "settings",
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`"), ForgetQuery),
    responses(
        (status = 200, description = "What was deleted, or would be", body = ModelForgotten),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Too much is being deleted at this moment", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn model(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(Step(name)): Path<Step>,
    Query(query): Query<ForgetQuery>,
) -> Result<Json<ModelForgotten>, Problem> {
    let model = models::find(&view, &name)?;
    let mut told = ModelForgotten::of(&view, &model);
    if !query.dry_run {
        let command = Command::ForgetModel { model: model.name.clone() };
        (told.position, _) = shared.accepted(Kind::Command, &command).await?;
        told.forgotten = true;
    }
    Ok(Json(told))
}

/// Forget a source
///
/// Deletes its series, its records and its findings, and makes room for another name. With `dry_run=true` nothing changes and the answer says
/// what would be deleted. It is an event in the log, so a replay forgets it again. A record that names the source afterwards makes a new one.
#[utoipa::path(
    delete, path = "/api/v1/sources/{source}", tag = "settings",
    params(("source" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`"), ForgetQuery),
    responses(
        (status = 200, description = "What was deleted, or would be", body = SourceForgotten),
        (status = 404, description = "No such source", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Too much is being deleted at this moment", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn source(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(Step(name)): Path<Step>,
    Query(query): Query<ForgetQuery>,
) -> Result<Json<SourceForgotten>, Problem> {
    let (_, source) = sources::find(&view, &name)?;
    let mut told = SourceForgotten::of(&view, &source);
    if !query.dry_run {
        let command = Command::ForgetSource { source: source.name.clone() };
        (told.position, _) = shared.accepted(Kind::Command, &command).await?;
        told.forgotten = true;
    }
    Ok(Json(told))
}

impl ModelForgotten {
    fn of(view: &View, model: &Model) -> Self {
        let tracks = &model.drift.tracks;
        Self {
            name: model.name.to_string(),
            made_by: model.made_by.to_string(),
            forgotten: false,
            predictions: model.counters.predictions,
            labelled: model.counters.labelled,
            versions: tracks.len(),
            thresholds: model.profile.thresholds.len(),
            references: tracks.iter().filter(|track| track.baseline.is_some()).count(),
            incidents: model.profile.incidents.iter().count(),
            findings: findings(view, About::Model, model.name.as_str()),
            last_prediction_at: model.has_predictions().then(|| model.newest.to_string()),
            position: view.position,
        }
    }
}

impl SourceForgotten {
    fn of(view: &View, source: &Source) -> Self {
        Self {
            name: source.name.to_string(),
            made_by: source.made_by.to_string(),
            forgotten: false,
            records: source.kinds.values().map(|received| received.records).sum(),
            series: source.series.len(),
            findings: findings(view, About::Source, source.name.as_str()),
            position: view.position,
        }
    }
}

fn findings(view: &View, about: About, name: &str) -> usize {
    subject_of(view, about, name).map_or(0, |subject| subject.watched.findings.len())
}
