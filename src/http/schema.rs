//! Schemas of parameters and fields that are more than their Rust type says: the document allows what the handlers take, and no more.

use serde_json::{Value, json};
use utoipa::openapi::{RefOr, Schema};

use crate::ids::NAME_BYTES_MAX;

fn made(schema: Value) -> RefOr<Schema> {
    serde_json::from_value(schema).expect("a JSON Schema")
}

/// An instant of a query: RFC 3339, or an epoch number in seconds, milliseconds, microseconds or nanoseconds.
pub fn instant() -> RefOr<Schema> {
    made(json!({ "oneOf": [
        { "type": "string", "format": "date-time", "example": "2026-01-01T00:00:00Z" },
        { "type": "number" },
    ]}))
}

/// A part of a model, as `name:value`.
pub fn segment() -> RefOr<Schema> {
    made(json!({ "type": "string", "pattern": "^[a-z]{1,64}:[a-z0-9]{1,64}$", "example": "region:kr" }))
}

/// A name of a model, a version, a source: any text.
pub fn name() -> RefOr<Schema> {
    made(json!({ "type": "string", "minLength": 1, "maxLength": NAME_BYTES_MAX }))
}

/// An id: text, or a whole number, which is read as its digits.
pub fn id() -> RefOr<Schema> {
    made(json!({ "oneOf": [
        { "type": "string", "minLength": 1, "maxLength": NAME_BYTES_MAX },
        { "type": "integer", "minimum": 0 },
    ]}))
}

/// The name of a model as the endpoints of the requirement take it: numbers and booleans are read as their text.
pub fn model_name() -> RefOr<Schema> {
    made(json!({ "type": ["string", "number", "boolean", "null"], "minLength": 1, "maxLength": NAME_BYTES_MAX }))
}

/// What came true, alone or as the only field of an object.
pub fn result() -> RefOr<Schema> {
    let value = json!({ "type": ["string", "number", "boolean"], "minLength": 1, "maxLength": NAME_BYTES_MAX });
    made(json!({ "oneOf": [
        value,
        { "type": "object", "minProperties": 1, "additionalProperties": value },
    ]}))
}
