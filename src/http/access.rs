//! Who may do what: one table, made of what each part of the service says of its routes ([`super::routes`]). A route that is not in it is
//! refused to everybody.

use std::sync::LazyLock;

use axum::http::Method;

use crate::event::Role;
use crate::http::router;

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
    pub path: String,
    pub access: Access,
    /// The answer depends on the view and the address alone: it carries an entity tag and the position it was read at.
    pub of_view: bool,
}

/// Every route there is. `HEAD` may do what `GET` may. Publishing a `command` asks for an admin on top, since commands change
/// settings and tokens; see [`role_to_publish`].
pub static TABLE: LazyLock<Vec<Entry>> = LazyLock::new(|| router::all().into_entries());

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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::event::Command;

    #[test]
    fn a_route_asks_for_the_role_of_the_command_that_it_gives() {
        let given: [(Method, &str, Value); 14] = [
            (Method::PUT, "/api/v1/thresholds", json!({"command": "set_thresholds"})),
            (Method::PUT, "/api/ai/monitoring/thresholds", json!({"command": "set_thresholds"})),
            (Method::DELETE, "/api/v1/models/{model}/thresholds", json!({"command": "unset_model_thresholds", "model": "m"})),
            (Method::PUT, "/api/v1/drift/policy", json!({"command": "set_drift_policy"})),
            (Method::PUT, "/api/v1/models/{model}/reference", json!({"command": "gather_reference", "model": "m"})),
            (Method::PUT, "/api/v1/models/{model}/task", json!({"command": "set_task", "model": "m", "task": "regression"})),
            (
                Method::PUT,
                "/api/v1/models/{model}/versions",
                json!({"command": "set_version_state", "model": "m", "state": "retired"}),
            ),
            (Method::PUT, "/api/v1/models/{model}/description", json!({"command": "describe_model", "model": "m"})),
            (Method::DELETE, "/api/v1/models/{model}", json!({"command": "forget_model", "model": "m"})),
            (Method::DELETE, "/api/v1/sources/{source}", json!({"command": "forget_source", "source": "s"})),
            (Method::PUT, "/api/v1/windows/retention", json!({"command": "set_window_retention"})),
            (Method::PUT, "/api/v1/retraining/policy", json!({"command": "set_retraining"})),
            (Method::POST, "/api/ai/retrain/manual", json!({"command": "retrain", "model": "m"})),
            (Method::DELETE, "/api/v1/tokens/{id}", json!({"command": "revoke_token", "id": "i"})),
        ];
        for (method, path, command) in given {
            let command: Command = serde_json::from_value(command).unwrap();
            let access = find(&method, path).map(|entry| entry.access);
            assert_eq!(access, Some(Access::From(command.role())), "{method} {path}");
        }
    }
}
