//! Who may do what: one table. A route that is not in it is refused to everybody.

use axum::http::Method;

use crate::event::Role;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Without a token.
    Public,
    /// With a token of this role or a higher one.
    From(Role),
}

/// One route.
#[derive(Clone, Debug)]
pub struct Entry {
    pub method: Method,
    /// As the router has it, with `{parameters}`.
    pub path: &'static str,
    pub access: Access,
    /// The answer depends on the view and the address alone: it carries an entity tag and the position it was read at.
    pub of_view: bool,
}

const PUBLIC: Access = Access::Public;
const VIEWER: Access = Access::From(Role::Viewer);
const OPERATOR: Access = Access::From(Role::Operator);
const ADMIN: Access = Access::From(Role::Admin);

/// Every route there is. `HEAD` may do what `GET` may. Publishing a `command` asks for an admin on top, since commands change
/// settings and tokens; see [`role_to_publish`].
pub const TABLE: &[Entry] = &[
    entry(Method::GET, "/healthz", PUBLIC),
    entry(Method::GET, "/ready", PUBLIC),
    entry(Method::GET, "/openapi.json", PUBLIC),
    entry(Method::GET, "/docs", PUBLIC),
    entry(Method::GET, "/docs/", PUBLIC),
    entry(Method::GET, "/docs/{*file}", PUBLIC),
    entry(Method::GET, "/ws", VIEWER),
    entry(Method::GET, "/api/v1/state", VIEWER),
    entry(Method::GET, "/api/v1/export", VIEWER),
    of_view("/api/v1/models"),
    of_view("/api/v1/models/{model}"),
    entry(Method::DELETE, "/api/v1/models/{model}", ADMIN),
    of_view("/api/v1/models/{model}/task"),
    entry(Method::PUT, "/api/v1/models/{model}/task", OPERATOR),
    of_view("/api/v1/models/{model}/versions"),
    entry(Method::PUT, "/api/v1/models/{model}/versions", OPERATOR),
    of_view("/api/v1/models/{model}/segments"),
    of_view("/api/v1/models/{model}/windows"),
    of_view("/api/v1/models/{model}/total"),
    of_view("/api/v1/models/{model}/status/history"),
    entry(Method::GET, "/api/v1/models/{model}/predictions/{id}", VIEWER),
    of_view("/api/v1/models/{model}/analysis"),
    of_view("/api/v1/models/{model}/fairness"),
    of_view("/api/v1/models/{model}/drift"),
    of_view("/api/v1/models/{model}/drift/windows"),
    entry(Method::PUT, "/api/v1/models/{model}/description", OPERATOR),
    entry(Method::PUT, "/api/v1/models/{model}/reference", OPERATOR),
    of_view("/api/v1/drift/discoveries"),
    of_view("/api/v1/drift/policy"),
    entry(Method::PUT, "/api/v1/drift/policy", ADMIN),
    entry(Method::GET, "/api/v1/messages", VIEWER),
    of_view("/api/v1/rejected"),
    entry(Method::GET, "/api/v1/rejected/{seq}", VIEWER),
    of_view("/api/v1/sources"),
    of_view("/api/v1/sources/{source}"),
    entry(Method::DELETE, "/api/v1/sources/{source}", ADMIN),
    of_view("/api/v1/sources/{source}/records"),
    of_view("/api/v1/sources/{source}/analysis"),
    of_view("/api/v1/jobs"),
    entry(Method::POST, "/api/v1/jobs", OPERATOR),
    of_view("/api/v1/jobs/{job}"),
    entry(Method::POST, "/api/v1/jobs/{job}/finish", OPERATOR),
    of_view("/api/v1/batches/{batch}"),
    of_view("/api/v1/hosts"),
    entry(Method::GET, "/api/v1/hosts/{host}", VIEWER),
    of_view("/api/v1/analysis"),
    entry(Method::GET, "/api/v1/streams", VIEWER),
    entry(Method::GET, "/api/v1/snapshots", VIEWER),
    entry(Method::POST, "/api/v1/snapshots", ADMIN),
    entry(Method::GET, "/api/v1/health", VIEWER),
    entry(Method::GET, "/api/v1/metrics", VIEWER),
    entry(Method::GET, "/api/prometheus/metrics", VIEWER),
    of_view("/api/v1/thresholds"),
    entry(Method::PUT, "/api/v1/thresholds", ADMIN),
    of_view("/api/v1/windows/retention"),
    entry(Method::PUT, "/api/v1/windows/retention", ADMIN),
    entry(Method::POST, "/api/v1/session", PUBLIC),
    entry(Method::GET, "/api/v1/session", VIEWER),
    entry(Method::DELETE, "/api/v1/session", VIEWER),
    entry(Method::POST, "/api/v1/session/links", VIEWER),
    of_view("/api/v1/models/{model}/thresholds"),
    entry(Method::PUT, "/api/v1/models/{model}/thresholds", ADMIN),
    entry(Method::DELETE, "/api/v1/models/{model}/thresholds", ADMIN),
    entry(Method::GET, "/api/v1/tokens", ADMIN),
    entry(Method::POST, "/api/v1/tokens", ADMIN),
    entry(Method::DELETE, "/api/v1/tokens/{id}", ADMIN),
    entry(Method::POST, "/api/v1/publish/{kind}/{source}", OPERATOR),
    of_view("/api/ai/monitoring/performance"),
    entry(Method::GET, "/api/ai/monitoring/summary", VIEWER),
    entry(Method::PUT, "/api/ai/monitoring/thresholds", ADMIN),
    entry(Method::POST, "/api/ai/monitoring/log-prediction", OPERATOR),
    entry(Method::POST, "/api/ai/monitoring/update-result", OPERATOR),
    of_view("/api/ai/retrain/status"),
    entry(Method::POST, "/api/ai/retrain/manual", OPERATOR),
    of_view("/api/v1/retraining/policy"),
    entry(Method::PUT, "/api/v1/retraining/policy", ADMIN),
    of_view("/api/v1/retraining/jobs"),
    of_view("/api/v1/retraining/jobs/{job}"),
    entry(Method::POST, "/api/v1/retraining/jobs/{job}/cancel", OPERATOR),
    of_view("/api/v1/models/{model}/comparison"),
    entry(Method::POST, "/api/v1/models/{model}/promote", OPERATOR),
    entry(Method::POST, "/api/v1/models/{model}/rollback", OPERATOR),
    entry(Method::POST, "/api/v1/models/{model}/pin", OPERATOR),
    entry(Method::POST, "/api/v1/models/{model}/predict", OPERATOR),
];

const fn entry(method: Method, path: &'static str, access: Access) -> Entry {
    Entry { method, path, access, of_view: false }
}

const fn of_view(path: &'static str) -> Entry {
    Entry { method: Method::GET, path, access: VIEWER, of_view: true }
}

/// The entry of a route; `None` is refused.
pub fn find(method: &Method, path: &str) -> Option<&'static Entry> {
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    TABLE.iter().find(|entry| entry.method == *method && entry.path == path)
}

/// The methods of a path, for `Allow`; `GET` brings `HEAD`.
pub fn methods(path: &str) -> Vec<Method> {
    let mut methods: Vec<Method> = TABLE.iter().filter(|entry| entry.path == path).map(|entry| entry.method.clone()).collect();
    if methods.contains(&Method::GET) {
        methods.push(Method::HEAD);
    }
    methods
}

/// Who may publish a kind; `None`: nobody but Tidewatch itself.
pub fn role_to_publish(kind: crate::event::Kind) -> Option<Role> {
    use crate::event::Kind;
    match kind {
        Kind::Prediction | Kind::Label | Kind::Sample | Kind::Log | Kind::Event | Kind::Snapshot | Kind::Job => {
            Some(Role::Operator)
        }
        Kind::Command => Some(Role::Admin),
        Kind::Outcome | Kind::Tick | Kind::Unknown => None,
    }
}
