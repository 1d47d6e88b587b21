//! What went wrong, as RFC 9457 has it: the only shape an error takes on its way out.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

pub const PROBLEM_JSON: &str = "application/problem+json";

/// How to come in, on every 401.
const CHALLENGE: &str = "Bearer realm=\"tidewatch\"";

/// The longest text of a bare error that becomes a detail, in bytes.
const DETAIL_BYTES_MAX: usize = 4096;

/// An error as it is answered. Extension members, such as `faults`, stand beside the five of the standard.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(example = json!({"type": "urn:tidewatch:problem:unknown-model", "title": "unknown model", "status": 404,
    "detail": "there is no model \"fraud\"; GET /api/v1/models lists those there are", "instance": "/api/v1/models/fraud"}))]
pub struct Problem {
    /// `urn:tidewatch:problem:<code>`; codes never change their meaning.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: Box<str>,
    #[schema(value_type = String)]
    title: Box<str>,
    status: u16,
    /// What is wrong and how to fix it.
    #[schema(value_type = String)]
    detail: Box<str>,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    instance: Option<Box<str>>,
    #[serde(flatten)]
    #[schema(ignore)]
    members: Map<String, Value>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// `code` is in kebab case; the title is the same in words.
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:tidewatch:problem:{code}").into(),
            title: code.replace('-', " ").into(),
            status: status.as_u16(),
            detail: detail.into().into(),
            instance: None,
            members: Map::new(),
            headers: Vec::new(),
        }
    }

    pub fn bad_request(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub fn not_found(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    pub fn unprocessable(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// A body that could not be read as JSON.
    pub fn unread_json(error: &axum::extract::rejection::JsonRejection) -> Self {
        let status = error.status();
        let (code, detail) = described(status, Some(error.body_text()));
        Self::new(status, &code, detail)
    }

    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// Worth another try after `seconds`.
    pub fn unavailable(code: &str, detail: impl Into<String>, seconds: u32) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).with_header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    pub fn unknown_model(name: &str) -> Self {
        Self::not_found("unknown-model", format!("there is no model {name:?}; GET /api/v1/models lists those there are"))
    }

    /// The store failed; its own words go to the log, not to the caller.
    pub fn store(error: &crate::store::Error) -> Self {
        tracing::error!(error = %crate::telemetry::chain(error), "a read of the store failed");
        Self::unavailable("store-unavailable", "the store could not be read; the log of the process says why", 5)
    }

    /// A row that does not decode: our own broken promise.
    pub fn damaged(what: &'static str) -> Self {
        tracing::error!(what, "a row of the store does not decode");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "damaged-row",
            format!("{what} cannot be read; `tidewatch rebuild` fixes that"),
        )
    }

    pub fn method_not_allowed(allowed: &[Method]) -> Self {
        let list = allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let header = HeaderValue::from_str(&list).expect("method names are plain");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", format!("only {list} may be used here"))
            .with_header(ALLOW, header)
    }

    pub fn with(mut self, member: &str, value: impl Serialize) -> Self {
        self.members.insert(member.to_owned(), serde_json::to_value(value).expect("members are plain data"));
        self
    }

    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub fn is(&self, status: StatusCode) -> bool {
        self.status == status.as_u16()
    }

    pub fn is_not_found(&self) -> bool {
        self.is(StatusCode::NOT_FOUND)
    }

    fn render(mut self, path: &str) -> Response {
        self.instance = Some(path.into());
        let status = StatusCode::from_u16(self.status).expect("made from a status");
        let body = serde_json::to_vec(&self).expect("a problem is plain data");
        let own = [
            (CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON)),
            // what is wrong now may be right in a moment
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        let mut response = (status, own, body).into_response();
        response.headers_mut().extend(self.headers);
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
        }
        response
    }
}

/// Marks an error response that is no problem but says what it says.
#[derive(Clone, Copy, Debug)]
pub struct Rendered;

/// Only marks the response; [`render`] writes the body, where the path is known.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).expect("made from a status");
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives every error its body: problems as they are, bare errors of extractors and layers with their text as the detail.
pub async fn render(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return problem.render(&path);
    }
    let status = response.status();
    let is_rendered = response.extensions().get::<Rendered>().is_some();
    if is_rendered {
        response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    if is_rendered || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = to_bytes(body, DETAIL_BYTES_MAX).await.ok().and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
    let (code, detail) = described(status, text.filter(|text| !text.is_empty()));
    let mut problem = Problem::new(status, &code, detail);
    let kept = parts.headers.into_iter().filter_map(|(name, value)| Some((name?, value)));
    problem.headers.extend(kept.filter(|(name, _)| *name != CONTENT_TYPE && *name != CONTENT_LENGTH));
    problem.render(&path)
}

fn described(status: StatusCode, text: Option<String>) -> (String, String) {
    let reason = status.canonical_reason().unwrap_or("error");
    let code = reason.to_ascii_lowercase().replace(' ', "-");
    let told = match status {
        StatusCode::PAYLOAD_TOO_LARGE => Some("the body is larger than this server takes; send it in parts".to_owned()),
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => Some("the request took too long".to_owned()),
        _ => text,
    };
    (code, told.unwrap_or_else(|| reason.to_owned()))
}

/// What a caught panic becomes. The panic itself is in the log already.
pub fn of_panic(_panic: Box<dyn std::any::Any + Send>) -> axum::http::Response<Body> {
    let detail = "the server failed on this request; its log says how";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal-error", detail).into_response()
}
