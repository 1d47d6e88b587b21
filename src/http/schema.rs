//! Schemas of parameters and fields that are more than their Rust type says: the document allows what the handlers take, and no more.

use serde_json::{Value, json};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

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
    made(json!({ "oneOf": [
        { "type": ["string", "number", "boolean"], "minLength": 1, "maxLength": NAME_BYTES_MAX },
        { "type": "object", "minProperties": 1 },
    ]}))
}

/// Tags of a model.
pub fn tags() -> RefOr<Schema> {
    made(json!({ "type": "array", "maxItems": 20, "items": tag() }))
}

/// As [`tags`], where null leaves them as they are.
pub fn all_tags() -> RefOr<Schema> {
    made(json!({ "type": ["array", "null"], "maxItems": 20, "items": tag() }))
}

fn tag() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 64 })
}

/// One record or many, of any kind; with `partial=true` a list may hold what is no record.
pub struct Records;

impl PartialSchema for Records {
    fn schema() -> RefOr<Schema> {
        made(json!({ "oneOf": [{ "type": "object" }, { "type": "array" }] }))
    }
}

impl ToSchema for Records {}

/// A table in any of its forms, which its bytes tell and no schema does.
pub struct Table;

impl PartialSchema for Table {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(SchemaType::AnyValue).into()
    }
}

impl ToSchema for Table {}

/// A prediction as the endpoints of the requirement take it.
pub struct LoggedRecord;

impl PartialSchema for LoggedRecord {
    fn schema() -> RefOr<Schema> {
        made(json!({ "type": "object", "anyOf": [{ "required": ["model_name"] }, { "required": ["model"] }] }))
    }
}

impl ToSchema for LoggedRecord {}
