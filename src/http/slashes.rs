//! Names of models that hold a `/`, behind a proxy that takes the percent-encoding off a path before it passes it on, as nginx does where its
//! `proxy_pass` ends with a path: `/api/v1/models/a%2Fb` arrives as `/api/v1/models/a/b`.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;

use crate::view::View;

const MODELS: &str = "/api/v1/models/";

/// The request as it was sent, if a model that there is makes sense of it.
pub fn encoded(mut request: Request, view: &View) -> Request {
    let is_model = |name: &str| view.models.contains_key(name);
    let uri = request.uri();
    if let Some(path) = joined(uri.path(), is_model) {
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = PathAndQuery::try_from(format!("{path}{query}")).ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// The path with the name of a model in one step, where it stands in several. A model that is named by the first step alone has it.
fn joined(path: &str, is_model: impl Fn(&str) -> bool) -> Option<String> {
    let rest = path.strip_prefix(MODELS)?;
    let named = |end: usize| is_model(&percent_decode_str(&rest[..end]).decode_utf8_lossy());
    let mut ends: Vec<usize> = rest.match_indices('/').map(|(at, _)| at).chain([rest.len()]).collect();
    if ends.len() == 1 || named(ends.remove(0)) {
        return None;
    }
    let end = ends.into_iter().rev().find(|end| named(*end))?;
    Some(format!("{MODELS}{}{}", rest[..end].replace('/', "%2F"), &rest[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_several_steps_is_found_among_the_models_there_are() {
        let joined = |path: &str| joined(path, |name| ["a/b", "a/b/c", "x", "x/windows", "사기/v1"].contains(&name));
        for (path, expected) in [
            ("/api/v1/models/a/b", Some("/api/v1/models/a%2Fb")),
            ("/api/v1/models/a/b/windows", Some("/api/v1/models/a%2Fb/windows")),
            ("/api/v1/models/a/b/c/drift/windows", Some("/api/v1/models/a%2Fb%2Fc/drift/windows")),
            ("/api/v1/models/%EC%82%AC%EA%B8%B0/v1/drift", Some("/api/v1/models/%EC%82%AC%EA%B8%B0%2Fv1/drift")),
            ("/api/v1/models/x/windows", None),
            ("/api/v1/models/a%2Fb/windows", None),
            ("/api/v1/models/other/windows", None),
            ("/api/v1/sources/a/b", None),
        ] {
            assert_eq!(joined(path).as_deref(), expected, "{path}");
        }
    }
}
