//! `/api/v1/models/{model}/description`: whose a model is, and by which words to find it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::event::command;
use crate::event::{Command, DescriptionChange, Kind};
use crate::http::models;
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::schema;
use crate::http::shared::Shared;
use crate::http::step::Step;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().with(command::models::ROLE, routes!(change))
}

/// What is to be said of a model; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"owner": "risk", "add_tags": ["card", "kr"]}))]
pub struct NewDescription {
    /// A person or a team, at most 64 bytes; empty takes it away.
    owner: Option<String>,
    /// All of them, in place of those before; at most 20.
    #[schema(schema_with = schema::all_tags)]
    tags: Option<Vec<String>>,
    /// Beside those there are.
    #[serde(default)]
    #[schema(schema_with = schema::tags)]
    add_tags: Vec<String>,
    #[serde(default)]
    #[schema(schema_with = schema::tags)]
    remove_tags: Vec<String>,
    /// Out of sight in lists unless they are asked for it; watched like any other.
    archived: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"model": "fraud", "owner": "risk", "tags": ["card", "kr"], "archived": false, "position": 1024}))]
pub struct DescriptionAnswer {
    model: String,
    owner: Option<String>,
    tags: Vec<String>,
    archived: bool,
    /// Sequence of the message that said so.
    position: u64,
}

/// Describe a model
///
/// Owner, tags and whether it is archived. It is an event in the log, so a replay says it again.
#[utoipa::path(
    put, path = "/api/v1/models/{model}/description", tag = "models", request_body = NewDescription,
    params(("model" = String, Path, description = "Its name, percent-encoded; `.` and `..` as `~.` and `~..`")),
    responses(
        (status = 200, description = "What is said of it now", body = DescriptionAnswer),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Nothing to change, too many tags, or a word that is too long", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn change(
    State(shared): State<Arc<Shared>>,
    Path(Step(name)): Path<Step>,
    Json(wanted): Json<NewDescription>,
) -> Result<Json<DescriptionAnswer>, Problem> {
    let model = models::find(&shared.view(), &name)?.name.clone();
    let words = |words: Vec<String>| words.into_iter().map(Into::into).collect();
    let change = DescriptionChange {
        owner: wanted.owner.map(Into::into),
        tags: wanted.tags.map(words),
        add_tags: words(wanted.add_tags),
        remove_tags: words(wanted.remove_tags),
        archived: wanted.archived,
        ..DescriptionChange::of(model)
    };
    let (position, view) = shared.accepted(Kind::Command, &Command::DescribeModel(change)).await?;
    let description = models::find(&view, &name)?.profile.description.clone();
    Ok(Json(DescriptionAnswer {
        model: name,
        owner: description.owner.map(String::from),
        tags: description.tags.into_iter().map(String::from).collect(),
        archived: description.archived,
        position,
    }))
}
