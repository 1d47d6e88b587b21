//! The query parameters of each route: those its documentation tells of, and no others. A misspelt filter that is passed over
//! answers another question than the one that was asked.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::Query;
use axum::http::{Method, Uri};
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};

use crate::http::problem::Problem;
use crate::http::router::documented;

/// By path and method.
type Known = BTreeMap<String, Vec<(Method, Vec<String>)>>;

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let (_, document) = documented().split_for_parts();
    document.paths.paths.iter().map(|(path, item)| (path.clone(), of_methods(item))).collect()
});

/// Refuses parameters that the route does not know, and says which it knows. The dialect of `/api/ai` and the pages take any.
pub fn check(method: &Method, path: &str, uri: &Uri) -> Result<(), Problem> {
    if uri.query().is_none_or(str::is_empty) || path.starts_with("/api/ai/") {
        return Ok(());
    }
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    let Some((_, known)) = KNOWN.get(path).into_iter().flatten().find(|(known, _)| known == method) else { return Ok(()) };
    let given = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|error| Problem::bad_request("bad-query", error.body_text()))?;
    let Some((unknown, _)) = given.0.iter().find(|(name, _)| !known.contains(name)) else { return Ok(()) };
    let told = if known.is_empty() { "this route has none".to_owned() } else { format!("it knows {}", known.join(", ")) };
    Err(Problem::bad_request("unknown-parameter", format!("there is no parameter {unknown:?} here; {told}"))
        .with("known", known))
}

fn of_methods(item: &PathItem) -> Vec<(Method, Vec<String>)> {
    let operations =
        [(Method::GET, &item.get), (Method::PUT, &item.put), (Method::POST, &item.post), (Method::DELETE, &item.delete)];
    operations.into_iter().filter_map(|(method, operation)| Some((method, of_query(operation.as_ref()?)))).collect()
}

fn of_query(operation: &Operation) -> Vec<String> {
    let all = operation.parameters.iter().flatten();
    let named = all.filter_map(|parameter| match parameter {
        RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
        RefOr::T(_) | RefOr::Ref(_) => None,
    });
    named.collect()
}
