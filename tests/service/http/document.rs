//! The OpenAPI document against the table of routes.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;
use tidewatch::http::access::{Access, TABLE};
use tidewatch::http::openapi;

use super::room::Room;

fn document() -> Value {
    serde_json::to_value(openapi()).unwrap()
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods =
            item.as_object().unwrap().iter().filter(|(key, _)| ["get", "put", "post", "delete"].contains(&key.as_str()));
        methods.map(|(method, operation)| (method.to_uppercase(), path.clone(), operation.clone()))
    });
    operations.collect()
}

#[test]
fn the_document_tells_of_every_route_and_of_no_other() {
    let told: BTreeSet<(String, String)> =
        operations(&document()).into_iter().map(|(method, path, _)| (method, path)).collect();
    // the reader of the document is not an interface
    let known = TABLE.iter().filter(|entry| !entry.path.starts_with("/docs"));
    let known: BTreeSet<(String, String)> = known.map(|entry| (entry.method.to_string(), entry.path.clone())).collect();
    assert_eq!(told, known);
}

#[test]
fn every_operation_says_who_may_use_it_what_it_answers_and_has_a_name_of_its_own() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let context = format!("{method} {path}");
        let entry = TABLE.iter().find(|entry| entry.method.as_str() == method && entry.path == path).unwrap();
        let scheme = &operation["security"][0];
        let responses = operation["responses"].as_object().unwrap();
        match entry.access {
            Access::Public => assert!(scheme.as_object().is_some_and(|scheme| scheme.is_empty()), "{context}"),
            Access::From(_) => {
                assert!(scheme["bearer"].is_array(), "{context}");
                assert!(["401", "403", "429"].iter().all(|status| responses.contains_key(*status)), "{context}");
            }
        }
        assert!(responses.keys().any(|status| status.starts_with(['1', '2'])), "{context}");
        assert!(operation["summary"].is_string() && operation["tags"][0].is_string(), "{context}");
        assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{context} shares its operationId");
    }
}

#[test]
fn every_body_has_an_example() {
    let document = document();
    let shown = |content: &Value| {
        let schema = &content["schema"];
        let schema = schema["$ref"].as_str().and_then(|reference| document.pointer(&reference[1..])).unwrap_or(schema);
        !content["example"].is_null()
            || !content["examples"].is_null()
            || !schema["example"].is_null()
            || !schema["examples"].is_null()
    };
    for (method, path, operation) in operations(&document) {
        // the document cannot be an example of itself
        if path == "/openapi.json" {
            continue;
        }
        let good = operation["responses"].as_object().unwrap().iter().filter(|(status, _)| status.starts_with('2'));
        let bodies = good.map(|(_, response)| response).chain([&operation["requestBody"]]);
        for body in bodies {
            let json = &body["content"]["application/json"];
            assert!(json.is_null() || shown(json), "{method} {path}: {body}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_server_serves_its_own_document_to_anybody() {
    let room = Room::open().await;
    let response = room.bare(Method::GET, "/openapi.json").send().await.unwrap();
    assert_eq!(response.json::<Value>().await.unwrap(), document());
}
