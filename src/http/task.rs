//! `/api/v1/models/{model}/task`: whether the values of a model are classes or quantities.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::event::command;
use crate::event::{Command, Kind, TaskChoice};
use crate::http::models::find;
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::http::step::Step;
use crate::ids::Name;
use crate::view::View;
use crate::view::task::TaskFigures;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().of_view(routes!(show)).with(command::models::ROLE, routes!(change))
}

/// What the values of a model are said to be.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"task": "regression"}))]
pub struct TaskWish {
    task: Wish,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Wish {
    /// Values are classes.
    Classification,
    /// Values are quantities.
    Regression,
    /// Decided from the first labelled predictions.
    Automatic,
}

/// The task of a model
///
/// Whether its values are classes or quantities, what that rests on, and which values do not fit it.
#[utoipa::path(
    get, path = "/api/v1/models/{model}/task", tag = "models",
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`")),
    responses(
        (status = 200, description = "The decision", body = TaskFigures,
         example = json!({"task": "regression", "from": "labels", "settled": true, "rows": 1000, "reading": "quantities", "predictions": {"count": 12, "of": 10000, "examples": ["n/a"]}, "labels": {"count": 0, "of": 9000, "examples": []}, "versions": [], "changes": [], "alike": [], "quoted_numbers": null, "remarks": ["12 of 10,000 predictions are no numbers: n/a (they are in no figure)"]})),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn show(Extension(view): Extension<Arc<View>>, Path(Step(name)): Path<Step>) -> Result<Json<TaskFigures>, Problem> {
    Ok(Json(TaskFigures::of(&*find(&view, &name)?)))
}

/// Say what the task of a model is
///
/// All windows are read by it, those of the past too. A model may be told before its first prediction. Answers once it is in force; it is an
/// event in the log, so a replay obeys it again.
#[utoipa::path(
    put, path = "/api/v1/models/{model}/task", tag = "models", request_body = TaskWish,
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`")),
    responses(
        (status = 200, description = "The decision now in force", body = TaskFigures,
         example = json!({"task": "regression", "from": "labels", "settled": true, "rows": 1000, "reading": "quantities", "predictions": {"count": 12, "of": 10000, "examples": ["n/a"]}, "labels": {"count": 0, "of": 9000, "examples": []}, "versions": [], "changes": [], "alike": [], "quoted_numbers": null, "remarks": ["12 of 10,000 predictions are no numbers: n/a (they are in no figure)"]})),
        (status = 422, description = "No such task, or a bad name of a model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn change(
    State(shared): State<Arc<Shared>>,
    Path(Step(name)): Path<Step>,
    Json(wish): Json<TaskWish>,
) -> Result<Json<TaskFigures>, Problem> {
    let model = Name::try_from(name.as_str()).map_err(|bad| Problem::unprocessable("bad-name", bad.to_string()))?;
    let task = match wish.task {
        Wish::Classification => TaskChoice::Classification,
        Wish::Regression => TaskChoice::Regression,
        Wish::Automatic => TaskChoice::Automatic,
    };
    let (_, view) = shared.accepted(Kind::Command, &Command::SetTask { model, task }).await?;
    Ok(Json(TaskFigures::of(&*find(&view, &name)?)))
}
