//! `/api/v1/tokens`: who may come in. A token is shown once and kept as a hash, in the log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::event::command;
use crate::event::{Command, Role};
use crate::http::page::Whole;
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::http::token;
use crate::ids::Name;
use crate::monitor::tokens::Tokens;
use crate::time::{Span, Timestamp};
use crate::view::View;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default()
        .with(Role::Admin, routes!(list))
        .with(command::tokens::ROLE, routes!(create))
        .with(command::tokens::ROLE, routes!(revoke))
}

#[derive(Debug, Serialize, ToSchema)]
pub struct TokenList {
    items: Vec<TokenRow>,
    /// Always null: the list is whole.
    #[schema(value_type = Option<String>)]
    next: Whole,
}

/// A token without its text.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenRow {
    id: String,
    name: String,
    role: RoleName,
    created_at: String,
    /// Null: valid until it is revoked.
    expires_at: Option<String>,
    /// Null: not since this process started.
    last_used_at: Option<String>,
}

/// When each token was last used, since the process started. An event for each use would be most of the log.
#[derive(Default)]
pub struct Uses {
    by_id: Mutex<BTreeMap<String, Timestamp>>,
}

impl Uses {
    pub fn note(&self, id: &str, now: Timestamp) {
        let mut uses = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        match uses.get_mut(id) {
            Some(last) => *last = now,
            None => drop(uses.insert(id.to_owned(), now)),
        }
    }

    /// The uses of valid tokens; those of others are forgotten.
    fn of(&self, tokens: &Tokens) -> BTreeMap<String, Timestamp> {
        let mut uses = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        uses.retain(|id, _| tokens.iter().any(|(known, _)| known == id));
        uses.clone()
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "grafana", "role": "viewer"}))]
pub struct NewToken {
    /// Whose it is: 1 to 256 bytes.
    #[schema(min_length = 1, max_length = 256)]
    name: String,
    role: RoleName,
    /// How long it is valid: a number of s, m, h or d, ten years at most; until it is revoked if left out.
    #[serde(default)]
    #[schema(example = "24h", pattern = "^[0-9]{1,9}[smhd]$")]
    expires_in: Option<String>,
}

/// A new token, with its text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"id": "k3xw8q2d", "name": "grafana", "role": "viewer",
    "token": "tw_k3xw8q2d_a2b3c4d5e6f7g8h9j2k3m4n5p6q7r8s9_0c1d2e", "created_at": "2026-01-01T00:00:00Z", "expires_at": "2026-01-02T00:00:00Z", "link": "/#token=tw_k3xw8q2d_a2b3c4d5e6f7g8h9j2k3m4n5p6q7r8s9_0c1d2e"}))]
pub struct CreatedToken {
    id: String,
    name: String,
    role: RoleName,
    /// Shown this once.
    token: String,
    created_at: String,
    expires_at: Option<String>,
    /// Signs a browser in, behind the address that the server is reached at.
    link: String,
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
    responses((status = 200, description = "The valid tokens by id, without their text", body = TokenList, example = json!({"items": [{"id": "k3xw8q2d", "name": "grafana", "role": "viewer", "created_at": "2026-01-01T00:00:00Z", "expires_at": null, "last_used_at": "2026-01-01T00:05:00Z"}]})))
)]
pub async fn list(State(shared): State<Arc<Shared>>, Extension(view): Extension<Arc<View>>) -> Json<TokenList> {
    let uses = shared.uses.of(&view.tokens);
    let rows = view.tokens.iter().map(|(id, token)| TokenRow {
        id: id.to_owned(),
        name: token.name.to_string(),
        role: token.role.into(),
        created_at: token.created_at.to_string(),
        expires_at: token.expires_at.map(|end| end.to_string()),
        last_used_at: uses.get(id).map(ToString::to_string),
    });
    Json(TokenList { items: rows.collect(), next: Whole })
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
    let expires_at = wanted.expires_in.as_deref().map(span).transpose()?.map(|span| shared.log_clock.now() + span);
    let minted = token::mint().map_err(|_| Problem::unavailable("no-randomness", "the system has no randomness to give", 5))?;
    let command = Command::CreateToken {
        id: minted.id.as_str().into(),
        name: name.clone(),
        role: wanted.role.into(),
        hash: minted.hash.as_str().into(),
        expires_at,
    };
    let (_, view) = shared.command(&command).await?;
    let Some((_, created)) = view.tokens.iter().find(|(id, _)| *id == minted.id) else {
        let detail = "too many tokens are valid already; revoke one first";
        return Err(Problem::new(StatusCode::CONFLICT, "too-many-tokens", detail));
    };
    let created_at = created.created_at.to_string();
    let token::Minted { id, text: token, hash: _ } = minted;
    let (expires_at, link) = (expires_at.map(|end| end.to_string()), format!("/#token={}", *token));
    let created =
        CreatedToken { id, name: name.to_string(), role: wanted.role, token: token.to_string(), created_at, expires_at, link };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Longest life of a token that ends by itself.
const LIFE_MAX: i64 = 10 * 365 * 86_400;

fn span(text: &str) -> Result<Span, Problem> {
    let read = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        let whole = number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse::<i64>().ok()).flatten()?;
        whole.checked_mul(seconds).filter(|seconds| (1..=LIFE_MAX).contains(seconds)).map(Span::from_secs)
    };
    read().ok_or_else(|| {
        let detail = format!("expires_in is a whole number of s, m, h or d, such as 24h, and ten years at most, not {text:?}");
        Problem::unprocessable("bad-span", detail).with("pointer", "/expires_in")
    })
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
