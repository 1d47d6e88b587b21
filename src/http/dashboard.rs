//! The dashboard, built by `npm run build` in `src/dashboard` and carried in the binary. Any address that is no route of ours and
//! is asked for as a page is one of its pages.

use std::borrow::Cow;

use axum::extract::Request;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::http::problem::Problem;

/// Empty until the dashboard has been built.
#[derive(RustEmbed)]
#[folder = "src/dashboard/dist"]
#[allow_missing = true]
struct Assets;

const INDEX: &str = "index.html";

/// Where the build puts files whose names carry a hash of their content.
const HASHED: &str = "assets/";

/// Addresses that are never a page.
const NOT_PAGES: [&str; 5] = ["/api/", "/ws", "/docs", "/healthz", "/ready"];

/// What is shown until the dashboard has been built.
const UNBUILT: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Tidewatch</title></head><body>\
    <h1>Tidewatch is running; its dashboard was not built</h1>\
    <p>This program was compiled without the dashboard's files. To have it:</p>\
    <pre>cd src/dashboard\nnpm ci &amp;&amp; npm run build\ncd ../..\ncargo build --release</pre>\
    <p>The API is there all the same: <a href=\"/docs/\">read about it</a>.</p></body></html>";

/// Everything that is no route: an asset, a page of the dashboard, or a 404.
pub async fn fallback(request: Request) -> Response {
    let path = request.uri().path();
    let unknown = || Problem::not_found("no-such-route", format!("there is nothing at {path}; /docs lists the API"));
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_read || NOT_PAGES.iter().any(|prefix| path.starts_with(prefix)) {
        return unknown().into_response();
    }
    let name = path.trim_start_matches('/');
    let headers = request.headers();
    match Assets::get(name).filter(|_| !name.is_empty()) {
        Some(file) => asset(name, file, headers),
        None if !wants_page(headers) && !name.is_empty() => unknown().into_response(),
        None => page(headers),
    }
}

fn page(headers: &HeaderMap) -> Response {
    match Assets::get(INDEX) {
        Some(file) => asset(INDEX, file, headers),
        None => {
            let kind = HeaderValue::from_static("text/html; charset=utf-8");
            ([(CONTENT_TYPE, kind), (CACHE_CONTROL, HeaderValue::from_static("no-store"))], UNBUILT).into_response()
        }
    }
}

fn asset(name: &str, file: rust_embed::EmbeddedFile, headers: &HeaderMap) -> Response {
    let hash = file.metadata.sha256_hash();
    let tag = format!("\"{}\"", hash[..16].iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let lasting = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut kind = file.metadata.mimetype().to_owned();
    if kind.starts_with("text/") && !kind.contains("charset") {
        kind.push_str("; charset=utf-8");
    }
    let held = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).is_some_and(|held| held.contains(&tag));
    let own = [
        (CONTENT_TYPE, HeaderValue::from_str(&kind).unwrap_or(HeaderValue::from_static("application/octet-stream"))),
        (ETAG, HeaderValue::from_str(&tag).expect("hexadecimal digits")),
        (CACHE_CONTROL, HeaderValue::from_static(lasting)),
    ];
    if held {
        return (StatusCode::NOT_MODIFIED, own).into_response();
    }
    let bytes: Cow<'static, [u8]> = file.data;
    (own, bytes).into_response()
}

fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}
