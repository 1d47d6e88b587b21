//! The dashboard, built by `npm run build` in `src/dashboard` and carried in the binary. Any address that is no route of ours and
//! is asked for as a page is one of its pages.
//!
//! It may lie below the path of a proxy that takes that path off. Its files name each other relative to themselves; a page says where they
//! are by the way up from its own address, or by the `X-Forwarded-Prefix` that the proxy sends, which also holds where the proxy has
//! changed the address.

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
    <p>The API is there all the same: <a href=\"./docs/\">read about it</a>.</p></body></html>";

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
        None => page(path, headers),
    }
}

fn page(path: &str, headers: &HeaderMap) -> Response {
    let base = base(path, headers);
    let based = |html: &str| html.replace("=\"./", &format!("=\"{base}"));
    let Some(file) = Assets::get(INDEX) else {
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        return ([(CONTENT_TYPE, kind), (CACHE_CONTROL, HeaderValue::from_static("no-store"))], based(UNBUILT)).into_response();
    };
    let text = based(&String::from_utf8_lossy(&file.data));
    let digest = *blake3::hash(text.as_bytes()).as_bytes();
    answer(INDEX, &digest, "text/html", Cow::Owned(text.into_bytes()), headers)
}

/// Where our root is, as seen from the page at `path`.
fn base(path: &str, headers: &HeaderMap) -> String {
    match headers.get("x-forwarded-prefix").and_then(|value| value.to_str().ok()).and_then(prefix) {
        Some(prefix) => format!("{prefix}/"),
        // the page of a model is one step below, whatever a proxy has made of a name with a slash
        None if path.starts_with("/models/") && !path.ends_with('/') => "../".to_owned(),
        None => match path.matches('/').count().saturating_sub(1) {
            0 => "./".to_owned(),
            deeper => "../".repeat(deeper),
        },
    }
}

/// The path of a proxy, without its last `/`; `None` of anything that could lead off this host or out of an attribute.
fn prefix(text: &str) -> Option<&str> {
    let path = text.trim().trim_end_matches('/');
    let plain = |step: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        !matches!(step, "" | "." | "..") && step.bytes().all(is_plain)
    };
    (path.is_empty() || path.strip_prefix('/')?.split('/').all(plain)).then_some(path)
}

fn asset(name: &str, file: rust_embed::EmbeddedFile, headers: &HeaderMap) -> Response {
    answer(name, &file.metadata.sha256_hash(), file.metadata.mimetype(), file.data, headers)
}

/// `hash`: of what is answered.
fn answer(name: &str, hash: &[u8; 32], kind: &str, bytes: Cow<'static, [u8]>, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", hash[..16].iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let lasting = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut kind = kind.to_owned();
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
    (own, bytes).into_response()
}

fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_leads_to_the_files_of_the_dashboard_from_wherever_it_lies() {
        let none = HeaderMap::new();
        for (path, expected) in
            [("/", "./"), ("/analysis", "./"), ("/models/a%2Fb", "../"), ("/models/a/b", "../"), ("/models/a/", "../../")]
        {
            assert_eq!(base(path, &none), expected, "{path}");
        }
        let behind = |prefix: &str| {
            let headers = HeaderMap::from_iter([("x-forwarded-prefix".parse().unwrap(), prefix.parse().unwrap())]);
            base("/sources/a/b", &headers)
        };
        assert_eq!(
            (behind("/tidewatch"), behind("/ops/tidewatch/"), behind("/")),
            ("/tidewatch/".into(), "/ops/tidewatch/".into(), "/".into())
        );
        for hostile in ["//evil.example", "https://evil.example", "/a\"onload=x", "/..", "evil", "/a b"] {
            assert_eq!(behind(hostile), "../../", "{hostile}");
        }
    }
}
