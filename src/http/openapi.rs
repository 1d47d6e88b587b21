//! The OpenAPI document, from the code of the handlers and the table of who may use them.

use axum::http::Method;
use utoipa::OpenApi as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};

use crate::event::Role;
use crate::http::access::{self, Access};
use crate::http::problem::{PROBLEM_JSON, Problem};
use crate::http::router::documented;

/// The scheme every guarded route names.
const BEARER: &str = "bearer";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Tidewatch",
        description = "Watches machine-learning models live. Times are RFC 3339 in UTC, durations seconds, rates fractions of 1; \
            what is not known is null, never 0. Reading needs a token of the role viewer, publishing operator, settings and tokens admin. \
            Errors are problem documents (RFC 9457). Answers that depend on the log carry Tidewatch-Position and Tidewatch-Epoch and a weak \
            entity tag; Tidewatch-Stale says why what they tell is not the whole log, while it is replayed or NATS is away; Tidewatch-Role says which role the token has that was used.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(Problem)),
    tags(
        (name = "models", description = "What models did, and how well"),
        (name = "drift", description = "Whether models are asked, answer and are right as they were"),
        (name = "analysis", description = "What is out of the ordinary"),
        (name = "sources", description = "Hosts, services and plugins"),
        (name = "jobs", description = "What runs have cost, and the batches they are part of"),
        (name = "publish", description = "The one way in"),
        (name = "log", description = "The log and what it did not accept"),
        (name = "settings", description = "Thresholds and tokens"),
        (name = "ai monitoring", description = "The endpoints of the model-monitoring requirement"),
        (name = "retraining", description = "Models trained anew from the log, and which of them serves"),
        (name = "serving", description = "Answers of models that are served here"),
        (name = "live", description = "Pushed as it happens"),
        (name = "process", description = "The process itself"),
    )
)]
struct Document;

/// The document that `/openapi.json` serves.
pub fn openapi() -> OpenApi {
    let (_, routes) = documented().split_for_parts();
    let mut document = Document::openapi();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document.merge(routes);
    let components = document.components.get_or_insert_with(|| ComponentsBuilder::new().build());
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "A token of /api/v1/tokens, or the admin token in the data directory. Browsers open /ws with the subprotocols \
            tidewatch.v1 and tidewatch.token.<token>.",
        ))
        .build();
    components.security_schemes.insert(BEARER.to_owned(), RefOr::T(SecurityScheme::Http(scheme)));
    for (name, description) in [
        ("Unauthorized", "No token, or one that is not valid"),
        ("Forbidden", "The token's role is too low"),
        ("TooManyRequests", "Too many wrong tokens from this address"),
        ("BadRequest", "A parameter, path or body that cannot be read"),
        ("PayloadTooLarge", "A body larger than this server takes"),
        ("UnsupportedMediaType", "A body of another content type"),
        ("Unprocessable", "A body that is read and cannot be"),
        ("Unavailable", "The log is read anew or cannot be reached; try again"),
        ("NotYet", "Stored, and not applied in time; it will be"),
    ] {
        components.responses.insert(name.to_owned(), RefOr::T(refusal(description)));
    }
    for (path, item) in &mut document.paths.paths {
        let operations = [
            (Method::GET, &mut item.get),
            (Method::PUT, &mut item.put),
            (Method::POST, &mut item.post),
            (Method::DELETE, &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                operation.operation_id = Some(name_of(&method, path));
                guard(operation, access::find(&method, path).map(|entry| entry.access));
                tell_refusals(operation, &method);
            }
        }
    }
    document
}

/// A name for generated clients, such as `get_models_model_windows`.
fn name_of(method: &Method, path: &str) -> String {
    let path = path.strip_prefix("/api/v1").or_else(|| path.strip_prefix("/api")).unwrap_or(path);
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method.as_str().to_ascii_lowercase().as_str()).chain(words).collect::<Vec<_>>().join("_")
}

/// Says who may use an operation, as the table has it.
fn guard(operation: &mut Operation, access: Option<Access>) {
    let role = match access {
        Some(Access::Public) => {
            // an empty requirement: no token at all
            operation.security = Some(vec![SecurityRequirement::default()]);
            return;
        }
        Some(Access::From(Role::Viewer)) => "viewer",
        Some(Access::From(Role::Operator)) => "operator",
        Some(Access::From(Role::Admin)) | None => "admin",
    };
    operation.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
    let told = format!("Role: {role}.");
    operation.description = Some(match operation.description.take().filter(|text| !text.is_empty()) {
        Some(text) => format!("{text}\n\n{told}"),
        None => told,
    });
    for (status, name) in [("401", "Unauthorized"), ("403", "Forbidden"), ("429", "TooManyRequests")] {
        let reference = RefOr::Ref(Ref::from_response_name(name));
        operation.responses.responses.entry(status.to_owned()).or_insert(reference);
    }
}

/// What any operation of its form may answer, where it does not say so itself.
fn tell_refusals(operation: &mut Operation, method: &Method) {
    let has_body = operation.request_body.is_some();
    let is_read = *method == Method::GET;
    let is_guarded = operation.responses.responses.contains_key("401");
    let told = [
        ("400", "BadRequest", true),
        ("413", "PayloadTooLarge", has_body),
        ("415", "UnsupportedMediaType", has_body),
        ("422", "Unprocessable", has_body),
        ("503", "Unavailable", is_guarded),
        ("504", "NotYet", !is_read),
    ];
    for (status, name, _) in told.into_iter().filter(|(_, _, applies)| *applies) {
        let reference = RefOr::Ref(Ref::from_response_name(name));
        operation.responses.responses.entry(status.to_owned()).or_insert(reference);
    }
}

fn refusal(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content(PROBLEM_JSON, content).build()
}
