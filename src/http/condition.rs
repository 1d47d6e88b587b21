//! Conditional requests: an answer that depends on the view and the address alone is tagged by both, so that asking again
//! before anything happened costs neither side anything.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use xxhash_rust::xxh3::xxh3_64;

use crate::http::access::Entry;
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

/// Pins the view for the handler, which finds it among the extensions; runs the handler unless the caller has its answer already.
async fn conditional(shared: &Shared, entry: &Entry, mut request: Request, next: Next) -> Response {
    let view = shared.view();
    if !entry.of_view {
        request.extensions_mut().insert(view);
        let mut response = next.run(request).await;
        response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        return response;
    }
    let address = request.uri().path_and_query().map_or("", |address| address.as_str());
    let tag = format!("W/\"{}-{}-{:x}\"", view.epoch, view.position, xxh3_64(address.as_bytes()));
    let headers = [
        (ETAG, HeaderValue::from_str(&tag).expect("digits and dashes")),
        (CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
        (VARY, HeaderValue::from_static("authorization")),
        (POSITION, HeaderValue::from(view.position)),
        (EPOCH, HeaderValue::from(view.epoch)),
    ];
    if holds(request.headers(), &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    request.extensions_mut().insert(Arc::clone(&view));
    let mut response = next.run(request).await;
    if response.status().is_success() {
        response.headers_mut().extend(headers);
    }
    response
}

fn holds(headers: &HeaderMap, tag: &str) -> bool {
    let held = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    held.flat_map(|value| value.split(',')).any(|held| held.trim() == tag || held.trim() == "*")
}
