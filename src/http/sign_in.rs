//! `/api/v1/session`: signing a browser in and out. A token, or a link that is used once, is exchanged for a session.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{HeaderName, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::event::Role;
use crate::http::auth::{self, Caller, Credential};
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::session::{LINK, SESSION};
use crate::http::shared::Shared;
use crate::http::token;
use crate::http::tokens::RoleName;
use crate::time::Span;
use crate::view::View;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default()
        .public(routes!(begin))
        .with(Role::Viewer, routes!(show))
        .with(Role::Viewer, routes!(end))
        .with(Role::Viewer, routes!(link))
}

const PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// One of both.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"code": "h3k9w2m8q4z7x5c6v8b2n4j6f3d9s7a5"}))]
pub struct SignIn {
    /// An access token.
    token: Option<String>,
    /// The code of a link of `/api/v1/session/links`.
    code: Option<String>,
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"role": "viewer", "token_id": "k3xw8q2d", "name": "grafana", "expires_at": "2026-01-08T00:00:00Z"}))]
pub struct SessionAnswer {
    role: RoleName,
    /// Null of the token of the configuration.
    token_id: Option<String>,
    /// Of the token.
    name: Option<String>,
    /// When the session or the token ends; null: when the token is revoked.
    expires_at: Option<String>,
}

/// A link that begins one session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"path": "/#login=h3k9w2m8q4z7x5c6v8b2n4j6f3d9s7a5", "code": "h3k9w2m8q4z7x5c6v8b2n4j6f3d9s7a5", "expires_at": "2026-01-01T00:10:00Z"}))]
pub struct LinkAnswer {
    /// To be put behind the address that the server is reached at.
    path: String,
    code: String,
    expires_at: String,
}

/// Sign in
///
/// Exchanges a token, or the code of a link, for a session cookie: HttpOnly, SameSite=Strict, seven days at most. Requests with it may do
/// what the token may; those that change something must come from our own pages (`Sec-Fetch-Site` or `Origin`), or carry
/// `X-Requested-With`. It ends with its token.
#[utoipa::path(
    post, path = "/api/v1/session", tag = "settings", request_body = SignIn,
    responses(
        (status = 201, description = "Signed in, with the cookie", body = SessionAnswer),
        (status = 401, description = "A token or code that is not valid, or no longer", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Asked for by a page of another origin", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Neither or both", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many wrong tokens from this address", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn begin(State(shared): State<Arc<Shared>>, headers: HeaderMap, request: Request) -> Result<Response, Problem> {
    if !auth::is_own_page(&headers, request.uri()).unwrap_or(true) {
        return Err(Problem::forbidden("pages of another origin may not sign in here"));
    }
    let client = auth::client_of(&shared, &request);
    let Json(wanted): Json<SignIn> = axum::RequestExt::extract(request).await.map_err(|error| Problem::unread_json(&error))?;
    let now = shared.log_clock.now();
    let caller = match (wanted.token, wanted.code) {
        (Some(token), None) => match auth::identify(&shared, token.trim(), client) {
            Ok(caller) => caller,
            Err(problem) => return Err(auth::braked(problem).await),
        },
        (None, Some(code)) => {
            let credential = shared.sessions.redeem(code.trim(), now);
            let known = credential.and_then(|credential| auth::caller_of(&shared, &credential));
            known.ok_or_else(|| {
                Problem::unauthorized("this link was used already, or is too old: `tidewatch login` makes a new one")
            })?
        }
        _ => return Err(Problem::unprocessable("token-or-code", "give `token` or `code`, one of them")),
    };
    let expires_at = (now + SESSION).min(caller.expires_at.unwrap_or(now + SESSION));
    let hash =
        auth::hash_of(&shared, &caller.credential).ok_or_else(|| Problem::unauthorized("this token is no longer valid"))?;
    let (session, value) = shared.sessions.begin(&caller.credential, &hash, expires_at).map_err(|_| no_randomness())?;
    let cookie = shared.sessions.set_cookie(&value, &base_of(&headers), is_secure(&headers), expires_at - now);
    let caller = Caller { expires_at: Some(expires_at), session: Some(session), ..caller };
    let answer = SessionAnswer::of(&shared.view(), &caller);
    Ok((StatusCode::CREATED, [(SET_COOKIE, cookie)], Json(answer)).into_response())
}

/// Who is signed in
#[utoipa::path(
    get, path = "/api/v1/session", tag = "settings",
    responses((status = 200, description = "Whose token or session the request came with", body = SessionAnswer))
)]
pub async fn show(Extension(caller): Extension<Caller>, Extension(view): Extension<Arc<View>>) -> Json<SessionAnswer> {
    Json(SessionAnswer::of(&view, &caller))
}

/// Sign out
///
/// The session is worth nothing from now on, and its WebSockets close within five seconds. A token stays valid.
#[utoipa::path(delete, path = "/api/v1/session", tag = "settings", responses((status = 204, description = "Signed out")))]
pub async fn end(State(shared): State<Arc<Shared>>, Extension(caller): Extension<Caller>, headers: HeaderMap) -> Response {
    if let Some(session) = &caller.session {
        shared.sessions.end(session, shared.log_clock.now());
    }
    let cookie = shared.sessions.set_cookie("", &base_of(&headers), is_secure(&headers), Span::from_secs(0));
    (StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response()
}

/// A link for another browser
///
/// It begins one session of the caller's own token, once, within ten minutes: `tidewatch login` prints it, with a QR code for a phone.
#[utoipa::path(
    post, path = "/api/v1/session/links", tag = "settings",
    responses(
        (status = 201, description = "The link", body = LinkAnswer),
        (status = 503, description = "A thousand links wait to be used", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn link(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
) -> Result<(StatusCode, Json<LinkAnswer>), Problem> {
    let now = shared.log_clock.now();
    let code = token::secret().map_err(|_| no_randomness())?;
    let made = shared.sessions.link(caller.credential, &code, now + LINK, now);
    made.ok_or_else(|| {
        Problem::unavailable("too-many-links", "too many links wait to be used; try again in some minutes", 60)
    })?;
    let answer = LinkAnswer { path: format!("/#login={code}"), code, expires_at: (now + LINK).to_string() };
    Ok((StatusCode::CREATED, Json(answer)))
}

fn no_randomness() -> Problem {
    Problem::unavailable("no-randomness", "the system has no randomness to give", 5)
}

/// The path that a proxy puts us under, so that the other applications of its host do not get our cookie.
fn base_of(headers: &HeaderMap) -> String {
    let told = headers.get(PREFIX).and_then(|value| value.to_str().ok()).unwrap_or_default().trim_end_matches('/');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte);
    if told.starts_with('/') && told.bytes().all(plain) { format!("{told}/") } else { "/".to_owned() }
}

/// Whether the page that asks came over TLS, as its browser says.
fn is_secure(headers: &HeaderMap) -> bool {
    headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

impl SessionAnswer {
    fn of(view: &View, caller: &Caller) -> Self {
        let token_id = match &caller.credential {
            Credential::Configured => None,
            Credential::Issued(id) => Some(id.clone()),
        };
        let name = token_id.as_ref().and_then(|id| view.tokens.iter().find(|(known, _)| known == id));
        Self {
            role: caller.role.into(),
            name: name.map(|(_, token)| token.name.to_string()),
            token_id,
            expires_at: caller.expires_at.map(|end| end.to_string()),
        }
    }
}
