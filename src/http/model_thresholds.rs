//! `/api/v1/models/{model}/thresholds`: what one model is compared to beside the thresholds of all models.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::event::command;
use crate::event::{Command, Direction, Kind, MetricThreshold};
use crate::http::models::find;
use crate::http::panes;
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::http::step::Step;
use crate::http::thresholds::ThresholdFigures;
use crate::ids::Name;
use crate::monitor::limits::PANE_WIDTH;
use crate::monitor::model::Model;
use crate::monitor::pane::{Cell, Width};
use crate::time::Timestamp;
use crate::view::View;
use crate::view::status::{Suggestion, ThresholdFigure, suggestions};

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default()
        .of_view(routes!(show))
        .with(command::thresholds::ROLE, routes!(change))
        .with(command::thresholds::ROLE, routes!(forget))
}

/// A threshold of one metric.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ThresholdOfMetric {
    /// A metric of the windows (`accuracy`, `f1`, `roc_auc`, `mae`, `precision/<class>`, …), `response_time` (its mean, in seconds), `p50`, `p95`, `p99` of it,
    /// `coverage`, `drift`, or `sample/<name>` with `source`.
    #[schema(min_length = 1)]
    metric: String,
    /// below or above: the bad side. Usual for the metric if left out.
    direction: Option<DirectionChoice>,
    /// Critical beyond it.
    value: f64,
    /// A warning where the interval reaches this near to it: if left out 2 percentage points of shares, a tenth of other thresholds.
    #[schema(minimum = 0)]
    margin: Option<f64>,
    /// Whose sample it is, of `sample/<name>`.
    source: Option<String>,
    /// For people.
    unit: Option<String>,
    /// What is aimed at, for people.
    target: Option<f64>,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DirectionChoice {
    Below,
    Above,
}

/// What to set: a list of thresholds, or what `GET` answers.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(example = json!({"thresholds": [{"metric": "f1", "value": 0.8}, {"metric": "p95", "value": 0.25, "margin": 0.02}], "replace": false}))]
pub struct ThresholdsChange {
    thresholds: Vec<ThresholdOfMetric>,
    /// Whether thresholds that are not named are forgotten.
    #[serde(default)]
    replace: bool,
}

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UnsetQuery {
    /// Only these metrics, separated by commas; all if left out.
    #[param(example = "f1,p95")]
    metric: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({"model": "fraud", "thresholds": [{"metric": "f1", "direction": "below", "value": 0.8, "margin": 0.02, "source": null, "unit": null, "target": null}],
    "of_all_models": {"accuracy_threshold": 0.7, "response_time_threshold": 2.0, "error_rate_threshold": 0.1, "drift_threshold": 0.2},
    "suggested": [{"metric": "accuracy", "direction": "below", "value": 0.875, "reference": 0.9, "n": 950}]}))]
pub struct ModelThresholds {
    model: String,
    /// The model's own, by metric.
    thresholds: Vec<ThresholdFigure>,
    /// What it is compared to where it has none of its own.
    of_all_models: ThresholdFigures,
    /// What the predictions of its reference suggest: a quarter worse than they were. Empty while there is no reference.
    suggested: Vec<Suggestion>,
}

/// Thresholds of one model
#[utoipa::path(
    get, path = "/api/v1/models/{model}/thresholds", tag = "settings",
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`")),
    responses(
        (status = 200, description = "Its own thresholds, and what its reference suggests", body = ModelThresholds),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(Step(name)): Path<Step>,
) -> Result<Json<ModelThresholds>, Problem> {
    let model = find(&view, &name)?;
    answer(&shared, &view, &model).await
}

/// Set thresholds of one model
///
/// One for the same metric and direction replaces the one before. They are an event in the log. Answers once they are in force.
#[utoipa::path(
    put, path = "/api/v1/models/{model}/thresholds", tag = "settings", request_body = ThresholdsChange,
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`; it may be one that has not served yet")),
    responses(
        (status = 200, description = "Its thresholds now in force", body = ModelThresholds),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A metric that does not exist, a value out of its range, or too many thresholds", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn change(
    State(shared): State<Arc<Shared>>,
    Path(Step(name)): Path<Step>,
    Json(change): Json<ThresholdsChange>,
) -> Result<Json<ModelThresholds>, Problem> {
    let model = model_name(&name)?;
    let ThresholdsChange { thresholds, replace } = change;
    if thresholds.is_empty() && !replace {
        return Err(Problem::unprocessable("nothing-to-change", "give at least one threshold"));
    }
    let thresholds: Result<Vec<_>, _> = thresholds.into_iter().map(ThresholdOfMetric::parsed).collect();
    let command = Command::SetModelThresholds { model, thresholds: thresholds?, replace };
    let (_, view) = shared.accepted(Kind::Command, &command).await?;
    let model = find(&view, &name)?;
    answer(&shared, &view, &model).await
}

/// Forget thresholds of one model
#[utoipa::path(
    delete, path = "/api/v1/models/{model}/thresholds", tag = "settings",
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`"), UnsetQuery),
    responses(
        (status = 200, description = "What is left of its own", body = ModelThresholds),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn forget(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(Step(name)): Path<Step>,
    Query(query): Query<UnsetQuery>,
) -> Result<Json<ModelThresholds>, Problem> {
    find(&view, &name)?;
    let metrics: Vec<CompactString> =
        query.metric.iter().flat_map(|list| list.split(',')).map(|metric| metric.trim().into()).collect();
    let command = Command::UnsetModelThresholds { model: model_name(&name)?, metrics };
    let (_, view) = shared.accepted(Kind::Command, &command).await?;
    let model = find(&view, &name)?;
    answer(&shared, &view, &model).await
}

async fn answer(shared: &Shared, view: &View, model: &Arc<Model>) -> Result<Json<ModelThresholds>, Problem> {
    let (reader, of) = (shared.app.reader.clone(), Arc::clone(model));
    let suggested = shared.blocking(move || {
        let Some((from, to)) = reference_of(&of) else { return Ok(Vec::new()) };
        let mut total = Cell::default();
        panes::each(&reader, &of, (from, to), Width::Day, |_, pane| {
            pane.merge_into(&mut total, |_| true);
            Ok(())
        })?;
        Ok(suggestions(&total, &of.profile.classes))
    });
    Ok(Json(ModelThresholds {
        model: model.name.to_string(),
        thresholds: model.profile.thresholds.iter().map(ThresholdFigure::of).collect(),
        of_all_models: ThresholdFigures::of(&view.thresholds),
        suggested: suggested.await?,
    }))
}

/// The windows that the reference of the newest version was gathered in; `None` while there is no reference.
fn reference_of(model: &Model) -> Option<(Timestamp, Timestamp)> {
    let baseline = model.busiest_track()?.baseline.as_ref()?;
    Some((baseline.from.floor(PANE_WIDTH), baseline.to.floor(PANE_WIDTH) + PANE_WIDTH))
}

fn model_name(name: &str) -> Result<Name, Problem> {
    Name::try_from(name).map_err(|error| Problem::unprocessable("bad-name", error.to_string()))
}

impl ThresholdOfMetric {
    fn parsed(self) -> Result<MetricThreshold, Problem> {
        let Self { metric, direction, value, margin, source, unit, target } = self;
        let direction = direction.map(|direction| match direction {
            DirectionChoice::Below => Direction::Below,
            DirectionChoice::Above => Direction::Above,
        });
        let source = source.as_deref().map(model_name).transpose()?;
        let unit = unit.map(CompactString::from);
        Ok(MetricThreshold { metric: metric.into(), direction, value, margin, source, unit, target })
    }
}
