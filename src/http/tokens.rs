//! `/api/v1/tokens`: who may come in. A token is shown once and kept as a hash, in the log.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::event::{Command, Role};
use crate::http::problem::Problem;
use crate::http::shared::Shared;
use crate::http::token;
use crate::ids::Name;
use crate::view::View;

#[derive(Debug, Serialize, ToSchema)]
pub struct TokenList {
    items: Vec<TokenRow>,
}

/// A token without its text.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenRow {
    id: String,
    name: String,
    role: RoleName,
    created_at: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "grafana", "role": "viewer"}))]
pub struct NewToken {
    /// Whose it is: 1 to 256 bytes.
    name: String,
    role: RoleName,
}

/// A new token, with its text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"id": "k3xw8q2d", "name": "grafana", "role": "viewer",
    "token": "tw_k3xw8q2d_a2b3c4d5e6f7g8h9j2k3m4n5p6q7r8s9_0c1d2e", "created_at": "2026-01-01T00:00:00Z"}))]
pub struct CreatedToken {
    id: String,
    name: String,
    role: RoleName,
    /// Shown this once.
    token: String,
    created_at: String,
}

/// What a token may do; each may do what the one before may.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleName {
    Viewer,
    Operator,
    Admin,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RevokedToken {
    revoked: String,
}

/// Tokens
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "settings",
    responses((status = 200, description = "The valid tokens by id, without their text", body = TokenList, example = json!({"items": [{"id": "k3xw8q2d", "name": "grafana", "role": "viewer", "created_at": "2026-01-01T00:00:00Z"}]})))
)]
pub async fn list(Extension(view): Extension<Arc<View>>) -> Json<TokenList> {
    let rows = view.tokens.iter().map(|(id, token)| TokenRow {
        id: id.to_owned(),
        name: token.name.to_string(),
        role: token.role.into(),
        created_at: token.created_at.to_string(),
    });
    Json(TokenList { items: rows.collect() })
}

/// Create a token
///
/// Its text is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "settings", request_body = NewToken,
    responses(
        (status = 201, description = "The token; it is valid now", body = CreatedToken),
        (status = 409, description = "Too many tokens are valid already", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A bad name or role", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn create(
    State(shared): State<Arc<Shared>>,
    Json(wanted): Json<NewToken>,
) -> Result<(StatusCode, Json<CreatedToken>), Problem> {
    let name = Name::try_from(wanted.name.as_str()).map_err(|error| Problem::unprocessable("bad-name", error.to_string()))?;
    let minted = token::mint().map_err(|_| Problem::unavailable("no-randomness", "the system has no randomness to give", 5))?;
    let command = Command::CreateToken {
        id: minted.id.as_str().into(),
        name: name.clone(),
        role: wanted.role.into(),
        hash: minted.hash.as_str().into(),
    };
    let (_, view) = shared.command(&command).await?;
    let Some((_, created)) = view.tokens.iter().find(|(id, _)| *id == minted.id) else {
        let detail = "too many tokens are valid already; revoke one first";
        return Err(Problem::new(StatusCode::CONFLICT, "too-many-tokens", detail));
    };
    let created_at = created.created_at.to_string();
    let token::Minted { id, text: token, hash: _ } = minted;
    Ok((StatusCode::CREATED, Json(CreatedToken { id, name: name.to_string(), role: wanted.role, token, created_at })))
}

/// Revoke a token
///
/// Its open WebSockets close within five seconds.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}", tag = "settings",
    params(("id" = String, Path, description = "The id of the token, not its text")),
    responses(
        (status = 200, description = "It is no longer valid", body = RevokedToken, example = json!({"revoked": "k3xw8q2d"})),
        (status = 404, description = "No such token", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn revoke(
    State(shared): State<Arc<Shared>>,
    Extension(view): Extension<Arc<View>>,
    Path(id): Path<String>,
) -> Result<Json<RevokedToken>, Problem> {
    if !view.tokens.iter().any(|(known, _)| known == id) {
        return Err(Problem::not_found(
            "unknown-token",
            format!("there is no token {id:?}; GET /api/v1/tokens lists those there are"),
        ));
    }
    shared.command(&Command::RevokeToken { id: id.as_str().into() }).await?;
    Ok(Json(RevokedToken { revoked: id }))
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Viewer => Self::Viewer,
            RoleName::Operator => Self::Operator,
            RoleName::Admin => Self::Admin,
        }
    }
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Operator => Self::Operator,
            Role::Admin => Self::Admin,
        }
    }
}
