//! All routes, and what lies around every one of them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::extract::Request;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio_util::sync::CancellationToken;
use tower::util::MapRequestLayer;
use tower::{Layer, ServiceBuilder};
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::http::condition::{EPOCH, POSITION, STALE};
use crate::http::drift::{discoveries, policy, reference};
use crate::http::routes::Routes;
use crate::http::shared::{App, Shared};
use crate::http::{
    ai, analysis, auth, dashboard, description, docs, drift, export, fairness, forget, health, hosts, jobs, model_thresholds,
    models, predict, predictions, problem, prometheus, publish, recent, rejected, retention, retraining, sign_in, slashes,
    slices, snapshots, socket, sources, status, streams, task, thresholds, tokens, windows,
};

/// How long a request may take up to the head of its answer; the longest wait of ours, for a write to be applied, is shorter.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// An export writes the whole read model down first, and a snapshot is read back first.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(600);

/// What our pages may load: nothing from elsewhere, nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The whole service.
pub fn router(app: App) -> Router {
    routed(&Shared::new(app, CancellationToken::new()))
}

/// The whole service around what its handlers share.
pub fn routed(shared: &Arc<Shared>) -> Router {
    let settings = &shared.app.settings;
    let (routes, _) = documented().split_for_parts();
    let set =
        |name: HeaderName, value: &'static str| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
    // outermost first
    let around = ServiceBuilder::new()
        .layer(set(CONTENT_SECURITY_POLICY, POLICY))
        .layer(set(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(set(X_FRAME_OPTIONS, "DENY"))
        .layer(set(REFERRER_POLICY, "no-referrer"))
        .layer(set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        // the usual level of brotli works in megabytes for each answer, which the process then keeps
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .option_layer(cors(&settings.cors_origins))
        .layer(from_fn(problem::render))
        .layer(CatchPanicLayer::custom(problem::of_panic))
        .layer(from_fn(patience));
    let service = routes
        .route_layer(from_fn_with_state(Arc::clone(shared), auth::guard))
        .fallback(dashboard::fallback)
        .layer(DefaultBodyLimit::max(settings.body_bytes_max))
        .layer(around)
        .with_state(Arc::clone(shared));
    // before a route is looked for
    let of_names = Arc::clone(shared);
    let named = MapRequestLayer::new(move |request| slashes::encoded(request, &of_names.view()));
    Router::new().fallback_service(named.layer(service))
}

/// Every route there is. A part of the service is a line here; what can be asked of it, and by whom, it says itself.
pub fn all() -> Routes {
    Routes::default()
        .and(health::routes())
        .and(docs::routes())
        .and(socket::routes())
        .and(export::routes())
        .and(models::routes())
        .and(forget::routes())
        .and(description::routes())
        .and(task::routes())
        .and(slices::routes())
        .and(windows::routes())
        .and(status::routes())
        .and(predictions::routes())
        .and(fairness::routes())
        .and(drift::routes())
        .and(discoveries::routes())
        .and(reference::routes())
        .and(policy::routes())
        .and(recent::routes())
        .and(rejected::routes())
        .and(sources::routes())
        .and(jobs::routes())
        .and(hosts::routes())
        .and(analysis::routes())
        .and(streams::routes())
        .and(snapshots::routes())
        .and(prometheus::routes())
        .and(thresholds::routes())
        .and(retention::routes())
        .and(sign_in::routes())
        .and(model_thresholds::routes())
        .and(tokens::routes())
        .and(publish::routes())
        .and(ai::routes())
        .and(retraining::ai::routes())
        .and(retraining::policy::routes())
        .and(retraining::jobs::routes())
        .and(retraining::versions::routes())
        .and(predict::routes())
}

/// Every route, with the document that tells of them.
pub fn documented() -> OpenApiRouter<Arc<Shared>> {
    all().into_router()
}

/// Gives up on a request whose answer does not begin in time.
async fn patience(request: Request, next: Next) -> Response {
    let is_long = ["/api/v1/export", "/api/v1/snapshots"].contains(&request.uri().path());
    let limit = if is_long { EXPORT_TIMEOUT } else { REQUEST_TIMEOUT };
    let answer = tokio::time::timeout(limit, next.run(request)).await;
    answer.unwrap_or_else(|_elapsed| StatusCode::GATEWAY_TIMEOUT.into_response())
}

/// Pages of these origins may call the API with a token; without any, the browser keeps all others out.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    (!origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
            .allow_headers([
                axum::http::header::AUTHORIZATION,
                CONTENT_TYPE,
                axum::http::header::IF_NONE_MATCH,
                HeaderName::from_static("nats-msg-id"),
                HeaderName::from_static("idempotency-key"),
            ])
            .expose_headers([
                POSITION,
                EPOCH,
                STALE,
                auth::ROLE,
                axum::http::header::ETAG,
                rejected::SUBJECT,
                rejected::STORED_AT,
            ])
            .max_age(Duration::from_secs(600))
    })
}
