//! Conditional requests: an answer of the view is tagged by what it says, so that asking again before it changed sends nothing,
//! however far the log has moved on.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use xxhash_rust::xxh3::Xxh3;

use crate::http::access::Entry;
use crate::http::problem::Problem;
use crate::http::shared::Shared;

/// Sequence of the last message that the answer reflects.
pub const POSITION: HeaderName = HeaderName::from_static("tidewatch-position");
/// Positions of two epochs cannot be compared.
pub const EPOCH: HeaderName = HeaderName::from_static("tidewatch-epoch");
/// On answers of a process that is not ready: why what they say is not the whole log, as `/ready` has it.
pub const STALE: HeaderName = HeaderName::from_static("tidewatch-stale");

/// As [`conditional`] does; marks what was answered from less than the log.
pub async fn answer(shared: &Shared, entry: &Entry, request: Request, next: Next) -> Response {
    let not_ready = shared.app.log.borrow().ready.clone().err();
    let mut response = conditional(shared, entry, request, next).await;
    response.headers_mut().extend(not_ready.and_then(|why| Some((STALE, HeaderValue::from_str(&why).ok()?))));
    response
}

/// Pins the view for the handler, which finds it among the extensions. An answer that the caller has already is not sent again.
async fn conditional(shared: &Shared, entry: &Entry, mut request: Request, next: Next) -> Response {
    let view = shared.view();
    request.extensions_mut().insert(Arc::clone(&view));
    if !entry.of_view {
        let mut response = next.run(request).await;
        response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        return response;
    }
    let held: Vec<HeaderValue> = request.headers().get_all(IF_NONE_MATCH).into_iter().cloned().collect();
    let response = next.run(request).await;
    if !response.status().is_success() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // a handler of the view has made its whole answer by now: nothing is copied
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal-error", "the answer could not be made")
            .into_response();
    };
    let tag = format!("W/\"{}-{:016x}\"", view.epoch, fingerprint(&body, view.position));
    parts.headers.extend([
        (CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
        (VARY, HeaderValue::from_static("authorization, cookie")),
        (POSITION, HeaderValue::from(view.position)),
        (EPOCH, HeaderValue::from(view.epoch)),
        (ETAG, HeaderValue::from_str(&tag).expect("digits and dashes")),
    ]);
    if holds(&held, &tag) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(CONTENT_TYPE);
        parts.headers.remove(CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(body))
}

/// A hash of the answer without the position it was read at, which moves with every tick while the answer stays.
fn fingerprint(body: &[u8], position: u64) -> u64 {
    let told = format!("\"position\":{position}");
    let mut hash = Xxh3::new();
    match memchr::memmem::find(body, told.as_bytes()) {
        Some(start) => {
            hash.update(&body[..start]);
            hash.update(&body[start + told.len()..]);
        }
        None => hash.update(body),
    }
    hash.digest()
}

fn holds(held: &[HeaderValue], tag: &str) -> bool {
    let texts = held.iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|value| value.split(',')).any(|held| held.trim() == tag || held.trim() == "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_position_of_an_answer_is_no_part_of_its_fingerprint_and_everything_else_is() {
        let of = |position: u64, stale: bool| {
            fingerprint(format!(r#"{{"items":[{stale}],"position":{position},"epoch":1}}"#).as_bytes(), position)
        };
        assert_eq!(of(7, true), of(1024, true));
        assert_ne!(of(7, true), of(7, false));
        assert_ne!(fingerprint(b"[1]", 1), fingerprint(b"[2]", 1));
    }
}
