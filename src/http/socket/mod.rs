//! `GET /ws`: views as they come, pushed. A connection holds at most one frame in flight and queues nothing: a slow client skips
//! views and gets the newest when it is ready for one.

mod channel;
mod connection;
mod frame;
mod message;
mod overview;

use std::sync::Arc;

use axum::Extension;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

pub use frame::Frames;
pub use overview::Censuses;
use utoipa_axum::routes;

use crate::event::Role;
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::http::routes::Routes;
use crate::http::shared::Shared;
use crate::telemetry;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default().with(Role::Viewer, routes!(upgrade))
}

/// What we speak; a browser offers it beside its token.
const PROTOCOL: &str = "tidewatch.v1";

/// The largest message of a client in bytes.
const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// Clients say little: the library's 128 KiB for each of a thousand would be most of our memory.
const READ_BUFFER_BYTES: usize = 4 << 10;

/// Live
///
/// Upgrades to a WebSocket of JSON text frames. Send `{"op":"subscribe","channel":"models"}`; get `snapshot`, then `change`.
/// Channels: `overview` (the list of models as one reader sees it: `list` says which and in which order, `first` and `rows` what is in view;
/// only that is told, and of it only what changes), `models`, `windows` (of one model), `server-metrics`, `system-status`, `ai-analysis` (every 30 seconds, and soon after a
/// finding begins or ends). A heartbeat comes every five seconds. A token goes into `Authorization`, or, from a browser, into the
/// subprotocols `tidewatch.v1` and `tidewatch.token.<token>`; never into the address. A page that is signed in needs none: its cookie and Origin are enough. Origin must be our own, or one that is configured.
#[utoipa::path(
    get, path = "/ws", tag = "live",
    responses(
        (status = 101, description = "Speaking tidewatch.v1"),
        (status = 400, description = "Not a WebSocket handshake", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many connections", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let is_named = request.headers().contains_key(ORIGIN) || caller.session.is_none();
    if !is_named || !is_allowed_origin(request.headers(), request.uri(), &shared.app.settings.cors_origins) {
        return Err(Problem::forbidden("pages of this origin may not connect"));
    }
    let upgrade = upgrade.map_err(|rejection| Problem::bad_request("not-a-websocket", rejection.body_text()))?;
    let Ok(turn) = Arc::clone(&shared.sockets).try_acquire_owned() else {
        telemetry::WEBSOCKET_REFUSALS.add(1);
        let detail = format!("{} WebSockets are open already", shared.app.settings.websockets_max);
        return Err(Problem::unavailable("too-many-connections", detail, 10));
    };
    let upgrade = upgrade
        .protocols([PROTOCOL])
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| async move {
        connection::run(socket, shared, caller).await;
        drop(turn);
    }))
}

/// Whether a page of that origin may open a socket, token or not: our own, or one that is `allowed`. Other programs send no origin.
pub fn is_allowed_origin(headers: &HeaderMap, uri: &Uri, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).or_else(|| uri.authority().map(|host| host.as_str()));
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let is_own = authority.is_some_and(|authority| host.is_some_and(|host| host.eq_ignore_ascii_case(authority)));
    is_own || allowed.iter().any(|known| known == origin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_our_own_pages_and_configured_ones_may_connect() {
        let uri = Uri::from_static("/ws");
        let from = |origin: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("watch.example:8080"));
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
            is_allowed_origin(&headers, &uri, &["https://grafana.example".to_owned()])
        };
        assert!(from("http://watch.example:8080") && from("https://watch.example:8080") && from("https://grafana.example"));
        assert!(
            !from("https://evil.example")
                && !from("null")
                && !from("http://watch.example")
                && !from("http://watch.example:8080.evil")
        );
        assert!(is_allowed_origin(&HeaderMap::new(), &uri, &[]));
    }
}
