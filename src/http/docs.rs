//! `/openapi.json` and the reader of it at `/docs`: Swagger UI from within the binary, no network needed.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use utoipa::openapi::ServerBuilder;
use utoipa_axum::routes;
use utoipa_swagger_ui::Config;

use crate::http::openapi::openapi;
use crate::http::problem::Problem;
use crate::http::routes::Routes;

/// Its routes, and who may use each.
pub fn routes() -> Routes {
    Routes::default()
        .public(routes!(document))
        .page("/docs", get(redirect))
        .page("/docs/", get(index))
        .page("/docs/{*file}", get(file))
}

/// Swagger UI styles its elements in place; everything else is as strict as the dashboard's.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The document, serialised once.
static DOCUMENT: LazyLock<(Vec<u8>, HeaderValue)> = LazyLock::new(|| {
    let text = serde_json::to_vec(&openapi()).expect("the document is plain data");
    let tag = format!("\"{}\"", &blake3::hash(&text).to_hex()[..16]);
    (text, HeaderValue::from_str(&tag).expect("hexadecimal digits"))
});

/// The document as the reader has it: what it tries out lies one step above itself, whatever path a proxy has put before ours.
static OF_READER: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut document = openapi();
    document.servers = Some(vec![ServerBuilder::new().url("..").build()]);
    serde_json::to_vec(&document).expect("the document is plain data")
});

/// Beside the reader's own files.
const READERS_DOCUMENT: &str = "openapi.json";

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| Arc::new(Config::from(READERS_DOCUMENT)));

/// OpenAPI document
#[utoipa::path(
    get, path = "/openapi.json", tag = "process",
    responses((status = 200, description = "This document, OpenAPI 3.1", content_type = "application/json", body = Object),
        (status = 304, description = "As in the answer whose `ETag` was sent along in `If-None-Match`"))
)]
pub async fn document(asked: HeaderMap) -> Response {
    let (text, tag) = &*DOCUMENT;
    if asked.get_all(IF_NONE_MATCH).iter().any(|held| held == tag) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, tag.clone())]).into_response();
    }
    let kind = HeaderValue::from_static("application/json");
    let headers = [(CONTENT_TYPE, kind), (ETAG, tag.clone()), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    (headers, text.as_slice()).into_response()
}

/// To the page, under whose address its files are found. Relative, as a proxy may have put a path before ours.
pub async fn redirect() -> Redirect {
    Redirect::permanent("docs/")
}

pub async fn index() -> Result<Response, Problem> {
    serve("")
}

pub async fn file(Path(path): Path<String>) -> Result<Response, Problem> {
    if path == READERS_DOCUMENT {
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        return Ok((headers, OF_READER.as_slice()).into_response());
    }
    serve(&path)
}

fn serve(path: &str) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("no-such-file", format!("the API reader has no file {path:?}"));
    let failed = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal-error", "the API reader could not be set up");
    let file = utoipa_swagger_ui::serve(path, Arc::clone(&CONFIG)).map_err(failed)?.ok_or_else(unknown)?;
    let kind = HeaderValue::from_str(&file.content_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    let bytes: Cow<'static, [u8]> = Cow::Owned(file.bytes.into_owned());
    let mut response = (headers, bytes).into_response();
    if file.gzpipped {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}
