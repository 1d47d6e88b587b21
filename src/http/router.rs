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
use axum::routing::get;
use tokio_util::sync::CancellationToken;
use tower::util::MapRequestLayer;
use tower::{Layer, ServiceBuilder};
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::condition::{EPOCH, POSITION, STALE};
use crate::http::drift::{discoveries, policy, reference};
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
    let pages = Router::new()
        .route("/docs", get(docs::redirect))
        .route("/docs/", get(docs::index))
        .route("/docs/{*file}", get(docs::file));
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
        .merge(pages)
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

/// Every route that the OpenAPI document tells of.
pub fn documented() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(docs::document))
        .routes(routes!(socket::upgrade))
        .routes(routes!(health::state))
        .routes(routes!(export::export))
        .routes(routes!(models::list))
        .routes(routes!(models::show, forget::model))
        .routes(routes!(description::change))
        .routes(routes!(task::show, task::change))
        .routes(routes!(slices::versions, slices::set_version))
        .routes(routes!(slices::segments))
        .routes(routes!(slices::total))
        .routes(routes!(windows::list))
        .routes(routes!(status::history))
        .routes(routes!(predictions::show))
        .routes(routes!(fairness::show))
        .routes(routes!(drift::report))
        .routes(routes!(drift::windows))
        .routes(routes!(discoveries::show))
        .routes(routes!(reference::replace))
        .routes(routes!(policy::show, policy::change))
        .routes(routes!(recent::list))
        .routes(routes!(rejected::list))
        .routes(routes!(rejected::show))
        .routes(routes!(sources::list))
        .routes(routes!(sources::show, forget::source))
        .routes(routes!(sources::records))
        .routes(routes!(jobs::list, jobs::begin))
        .routes(routes!(jobs::show))
        .routes(routes!(jobs::finish))
        .routes(routes!(jobs::batch))
        .routes(routes!(hosts::list))
        .routes(routes!(hosts::show))
        .routes(routes!(analysis::report))
        .routes(routes!(analysis::of_source))
        .routes(routes!(analysis::of_model))
        .routes(routes!(streams::list))
        .routes(routes!(snapshots::list, snapshots::create))
        .routes(routes!(health::health))
        .routes(routes!(health::metrics))
        .routes(routes!(prometheus::metrics))
        .routes(routes!(thresholds::show, thresholds::change))
        .routes(routes!(retention::show, retention::change))
        .routes(routes!(sign_in::show, sign_in::begin, sign_in::end))
        .routes(routes!(sign_in::link))
        .routes(routes!(model_thresholds::show, model_thresholds::change, model_thresholds::forget))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(publish::publish))
        .routes(routes!(ai::performance))
        .routes(routes!(ai::summary))
        .routes(routes!(ai::set_thresholds))
        .routes(routes!(ai::log_prediction))
        .routes(routes!(ai::update_result))
        .routes(routes!(retraining::ai::status))
        .routes(routes!(retraining::ai::manual))
        .routes(routes!(retraining::policy::show, retraining::policy::change))
        .routes(routes!(retraining::jobs::list))
        .routes(routes!(retraining::jobs::show))
        .routes(routes!(retraining::jobs::cancel))
        .routes(routes!(retraining::versions::comparison))
        .routes(routes!(retraining::versions::promote))
        .routes(routes!(retraining::versions::roll_back))
        .routes(routes!(retraining::versions::pin))
        .routes(routes!(predict::predict))
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
